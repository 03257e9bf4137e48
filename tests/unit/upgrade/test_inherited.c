/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors, from a program to the one that it becomes: this one, executed once more. */
#include "upgrade/inherited.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the program that this one has become: tells what it got. */
static int tell(void)
{
    struct aep__inherited list[] = {{"lock", -1}, {"http", -1}, {"none", -1}};
    char text[8] = "";
    aep__inherited_take(list, 3);
    for (int i = 0; i < 2; i++)
        if (list[i].fd < 0 || read(list[i].fd, text + i, 1) != 1 ||
            fcntl(list[i].fd, F_GETFD) != FD_CLOEXEC)
            return 2;
    return strcmp(text, "lh") == 0 && list[2].fd < 0 && !getenv("LISTEN_FDS") ? 0 : 3;
}

static int pipe_with(const char *text)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], text, 1), 1);
    close(ends[1]);
    return ends[0];
}

enum how { AS_THEY_ARE, CROSSED, FOR_ANOTHER_PROCESS };

/* Puts the first where the second is to be, and the reverse. */
static void cross(struct aep__inherited *list)
{
    int moved[2] = {fcntl(list[0].fd, F_DUPFD_CLOEXEC, 20), fcntl(list[1].fd, F_DUPFD_CLOEXEC, 20)};
    for (int i = 0; i < 2; i++)
        list[i].fd = dup3(moved[i], 4 - i, O_CLOEXEC);
}

static int become(struct aep__inherited *list, size_t count, enum how how)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (how == CROSSED)
            cross(list);
        int result = aep__inherited_leave(list, count);
        if (how == FOR_ANOTHER_PROCESS)
            setenv("LISTEN_PID", "1", 1);
        if (result == 0)
            execl("/proc/self/exe", "test", "tell", (char *)NULL);
        _exit(4);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_each_comes_under_its_name(void **state)
{
    (void)state;
    struct aep__inherited list[] = {
        {"lock", pipe_with("l")}, {"absent", -1}, {"http", pipe_with("h")}};
    assert_int_equal(become(list, 3, AS_THEY_ARE), 0);
    close(list[0].fd);
    close(list[2].fd);
}

static void test_one_may_stand_where_another_is_to_be(void **state)
{
    (void)state;
    struct aep__inherited list[] = {{"lock", pipe_with("l")}, {"http", pipe_with("h")}};
    assert_int_equal(become(list, 2, CROSSED), 0);
    close(list[0].fd);
    close(list[1].fd);
}

static void test_what_is_meant_for_another_process_is_not_taken(void **state)
{
    (void)state;
    struct aep__inherited list[] = {{"lock", pipe_with("l")}, {"http", pipe_with("h")}};
    assert_int_equal(become(list, 2, FOR_ANOTHER_PROCESS), 2);
    close(list[0].fd);
    close(list[1].fd);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_comes_under_its_name),
        cmocka_unit_test(test_one_may_stand_where_another_is_to_be),
        cmocka_unit_test(test_what_is_meant_for_another_process_is_not_taken),
    };
    if (argc == 2 && strcmp(argv[1], "tell") == 0)
        return tell();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
