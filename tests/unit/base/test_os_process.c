/* SPDX-License-Identifier: Apache-2.0 */
/* Which process it is, and whether it lives. */
#include "base/os_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool no_pidfd;

/* A kernel before 5.3, or a sandbox. */
long __wrap_syscall(long number, ...);
long __real_syscall(long number, ...);

long __wrap_syscall(long number, ...)
{
    va_list args;
    long values[3];
    if (no_pidfd && number == SYS_pidfd_open) {
        errno = ENOSYS;
        return -1;
    }
    va_start(args, number);
    for (int i = 0; i < 3; i++)
        values[i] = va_arg(args, long);
    va_end(args);
    return __real_syscall(number, values[0], values[1], values[2]);
}

static int restore(void **state)
{
    (void)state;
    no_pidfd = false;
    return 0;
}

/* A child that lives until it is ended. */
static pid_t start_child(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
        for (;;)
            pause();
    }
    assert_true(pid > 0);
    return pid;
}

static void end_child(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static enum aep__os_life life_of(const struct aep__os_process *process)
{
    struct aep__os_process self;
    aep__os_process_self(&self);
    return aep__os_process_life(process, &self);
}

static void test_this_process_is_known_and_lives(void **state)
{
    struct aep__os_process self, again;
    static const uint8_t unknown[16];
    (void)state;
    aep__os_process_self(&self);
    assert_int_equal(self.pid, getpid());
    assert_true(self.begun > 0 && self.pid_ns > 0);
    assert_memory_not_equal(self.boot, unknown, sizeof unknown);
    assert_string_equal(self.name, "test_os_process");
    assert_true(aep__os_process_of(getpid(), &again));
    assert_memory_equal(&self, &again, sizeof self);
    assert_int_equal(life_of(&self), AEP__OS_LIVES);
}

static void check_child(void)
{
    struct aep__os_process process;
    pid_t pid = start_child();
    assert_true(aep__os_process_of(pid, &process));
    assert_int_equal(life_of(&process), AEP__OS_LIVES);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
    assert_int_equal(life_of(&process), AEP__OS_LIVES); /* stopped, not dead */
    assert_int_equal(kill(pid, SIGKILL), 0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(life_of(&process), AEP__OS_GONE); /* a zombie */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(life_of(&process), AEP__OS_GONE);
    assert_false(aep__os_process_of(pid, &process));
}

static void test_a_process_that_has_ended_is_gone_even_as_a_zombie(void **state)
{
    (void)state;
    check_child();
}

static void test_without_pidfds_too(void **state)
{
    (void)state;
    no_pidfd = true;
    check_child();
}

static void test_a_number_that_came_again_is_another_process(void **state)
{
    struct aep__os_process process;
    (void)state;
    pid_t pid = start_child();
    assert_true(aep__os_process_of(pid, &process));
    process.begun--;
    assert_int_equal(life_of(&process), AEP__OS_GONE);
    end_child(pid);
}

static void test_what_cannot_be_compared_is_not_judged(void **state)
{
    struct aep__os_process process;
    (void)state;
    pid_t pid = start_child();
    assert_true(aep__os_process_of(pid, &process));
    end_child(pid);
    process.pid_ns++;
    assert_int_equal(life_of(&process), AEP__OS_ELSEWHERE);
    process.pid_ns--;
    process.time_ns++;
    assert_int_equal(life_of(&process), AEP__OS_ELSEWHERE);
    process.time_ns--;
    assert_int_equal(life_of(&process), AEP__OS_GONE);
    process.boot[3]++;
    assert_int_equal(life_of(&process), AEP__OS_REBOOTED);
    memset(process.boot, 0, sizeof process.boot);
    assert_int_equal(life_of(&process), AEP__OS_ELSEWHERE);
}

static void *sleep_on(void *arg)
{
    (void)arg;
    for (;;)
        pause();
    return NULL;
}

/* The kernel shows its first thread as a zombie then. */
static void check_first_thread_ended(void)
{
    struct aep__os_process process;
    int ready[2];
    char path[64], text[256];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pthread_create(&thread, NULL, sleep_on, NULL);
        pthread_exit(NULL);
    }
    assert_true(aep__os_process_of(pid, &process));
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    do {
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        assert_non_null(fgets(text, sizeof text, file));
        fclose(file);
        sched_yield();
    } while (!strstr(text, ") Z"));
    assert_int_equal(life_of(&process), AEP__OS_LIVES);
    end_child(pid);
    assert_int_equal(life_of(&process), AEP__OS_GONE);
    close(ready[0]);
    close(ready[1]);
}

static void test_a_process_outlives_its_first_thread(void **state)
{
    (void)state;
    check_first_thread_ended();
    no_pidfd = true;
    check_first_thread_ended();
}

static void test_its_end_is_heard_of(void **state)
{
    struct aep__os_process process;
    (void)state;
    pid_t pid = start_child();
    assert_true(aep__os_process_of(pid, &process));
    struct pollfd end = {.fd = aep__os_process_watch(&process), .events = POLLIN};
    if (end.fd < 0)
        skip();
    assert_int_equal(poll(&end, 1, 0), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(poll(&end, 1, 60000), 1);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(end.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_process_is_known_and_lives),
        cmocka_unit_test(test_a_process_that_has_ended_is_gone_even_as_a_zombie),
        cmocka_unit_test_teardown(test_without_pidfds_too, restore),
        cmocka_unit_test(test_a_number_that_came_again_is_another_process),
        cmocka_unit_test(test_what_cannot_be_compared_is_not_judged),
        cmocka_unit_test_teardown(test_a_process_outlives_its_first_thread, restore),
        cmocka_unit_test(test_its_end_is_heard_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
