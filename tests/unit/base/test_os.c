/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox refuses: getrandom(2), /dev/urandom, /proc. */
#include "base/os.h"
#include "spool/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool no_getrandom, no_urandom, no_proc;
static int interrupts;

ssize_t getrandom(void *data, size_t len, unsigned flags)
{
    if (interrupts-- > 0) {
        errno = EINTR;
        return -1;
    }
    if (!no_getrandom)
        return syscall(SYS_getrandom, data, len, flags);
    errno = EPERM;
    return -1;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    bool refused = (no_urandom && strcmp(path, "/dev/urandom") == 0) ||
                   (no_proc && strncmp(path, "/proc/", 6) == 0);
    if (!refused)
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    errno = ENOENT;
    return -1;
}

static int restore(void **state)
{
    (void)state;
    no_getrandom = no_urandom = no_proc = false;
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    interrupts = 0;
    return 0;
}

static bool fills(void)
{
    char bytes[64] = {0};
    static const char zeros[sizeof bytes];
    return aep__os_random(bytes, sizeof bytes) == 0 && memcmp(bytes, zeros, sizeof bytes) != 0 &&
           memcmp(bytes + 32, zeros, 32) != 0;
}

static void test_randomness_comes_from_the_kernel(void **state)
{
    (void)state;
    assert_true(fills());
    interrupts = 3;
    assert_true(fills());
    no_urandom = true;
    assert_true(fills());
}

static void test_where_getrandom_is_refused_the_device_is_read(void **state)
{
    (void)state;
    no_getrandom = true;
    assert_true(fills());
}

static void test_where_both_are_refused_that_is_an_error(void **state)
{
    (void)state;
    char bytes[16];
    no_getrandom = no_urandom = true;
    assert_int_equal(aep__os_random(bytes, sizeof bytes), -1);
    assert_int_equal(errno, ENOENT);
}

static void test_then_no_spool_is_made_and_the_message_says_why(void **state)
{
    (void)state;
    struct aep__spool spool;
    aep_error err = {0};
    const struct aep__spool_settings settings = {
        .segment_bytes = 1 << 20, .record_bytes = 1 << 20, .any_fs = true};
    char root[] = "/tmp/aep-os-test.XXXXXX", dir[64];
    assert_non_null(mkdtemp(root));
    snprintf(dir, sizeof dir, "%s/spool", root);
    no_getrandom = no_urandom = true;
    assert_int_equal(aep__spool_open(&spool, dir, &settings, &err), AEP_ESPOOL);
    assert_non_null(strstr(err.text, "random"));
    rmdir(dir);
    rmdir(root);
}

/* ---- children ---- */

static bool has_ended_child(int pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | __WALL) == 0;
}

static void test_a_child_of_ours_is_collected_once_it_is_known_to_be_ours(void **state)
{
    char *argv[] = {(char *)"true", NULL}, *envp[] = {NULL};
    struct aep__os_child child;
    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(aep__os_spawn("/bin/true", argv, envp, fd, &child), 0);
    close(fd);
    assert_true(has_ended_child(child.pid));
    no_proc = true; /* or no descriptor is left */
    assert_false(aep__os_reap(&child));
    assert_true(has_ended_child(child.pid));
    no_proc = false;
    assert_true(aep__os_reap(&child));
    assert_false(has_ended_child(child.pid));
}

static int fork_stranger(void)
{
    int pid = fork();
    if (pid == 0)
        _exit(7);
    assert_true(has_ended_child(pid));
    return pid;
}

static void test_no_stranger_is_waited_for(void **state)
{
    static const unsigned long long begins[] = {0, 1};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int status, pid = fork_stranger();
        struct aep__os_child child = {pid, begins[i]};
        assert_int_equal(aep__os_reap(&child), i); /* 0: it may be ours */
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WEXITSTATUS(status), 7);
        assert_true(aep__os_reap(&child)); /* there is no such child any more */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_randomness_comes_from_the_kernel, restore),
        cmocka_unit_test_teardown(test_where_getrandom_is_refused_the_device_is_read, restore),
        cmocka_unit_test_teardown(test_where_both_are_refused_that_is_an_error, restore),
        cmocka_unit_test_teardown(test_then_no_spool_is_made_and_the_message_says_why, restore),
        cmocka_unit_test_teardown(test_a_child_of_ours_is_collected_once_it_is_known_to_be_ours,
                                  restore),
        cmocka_unit_test_teardown(test_no_stranger_is_waited_for, restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
