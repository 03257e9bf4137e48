/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a relay from a program that must not notice. This program is also the stand-in for the
 * relay: started as one, it writes down the state that it finds itself in, and exits. */
#include "client_fixture.h"

#include "base/endian.h"
#include "client/spawn.h"
#include "spool/status.h"

#include <dirent.h>
#include <limits.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define REPORT "witness" /* in the spool folder; appears whole */
#define SECRET "hunter2-secret"

/* A sanitizer's replacement keeps its state in memory that the child would share. */
#ifdef __GLIBC__
int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
    (void)fn, (void)stack, (void)flags, (void)arg;
    errno = ENOSYS;
    return -1;
}
#endif

/* ---- the stand-in ---- */

static void report_descriptors(FILE *out)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir) &&
            atoi(entry->d_name) != fileno(out)) {
            char path[PATH_MAX], target[PATH_MAX] = "";
            snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
            if (readlink(path, target, sizeof target - 1) < 0)
                continue;
            fprintf(out, "fd %s %s\n", entry->d_name, target);
        }
    closedir(dir);
}

static void report_signals(FILE *out)
{
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    for (int number = 1; number <= SIGRTMAX; number++) {
        struct sigaction action;
        if (sigismember(&mask, number) == 1)
            fprintf(out, "blocked %d\n", number);
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            fprintf(out, "ignored %d\n", number);
    }
}

static void report_limits(FILE *out)
{
    struct rlimit core, files, size;
    getrlimit(RLIMIT_CORE, &core);
    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_FSIZE, &size);
    fprintf(out, "core %ld\nfiles %ld\nfsize %s\n", (long)core.rlim_cur, (long)files.rlim_cur,
            size.rlim_cur == size.rlim_max ? "reset" : "inherited");
}

static bool read_whole(char *data, size_t len)
{
    size_t have = 0;
    while (have < len) {
        ssize_t got = read(0, data + have, len - have);
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return true;
}

static void report_config(FILE *out)
{
    static char data[1 << 16];
    char length[4], rest;
    aep_config *config;
    aep_error err;
    if (!read_whole(length, 4) || aep__get32(length) > sizeof data ||
        !read_whole(data, aep__get32(length)) || read(0, &rest, 1) != 0 ||
        aep__config_unpack(data, aep__get32(length), &config, &err) != AEP_OK) {
        fprintf(out, "config bad\n");
        return;
    }
    fprintf(out, "config %s\n", aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS));
    aep_config_free(config);
}

static int be_witness(int argc, char **argv)
{
    char path[PATH_MAX], temp[PATH_MAX], cwd[PATH_MAX] = "";
    if (argc != 3)
        return 1;
    snprintf(path, sizeof path, "%s/" REPORT, argv[2]);
    snprintf(temp, sizeof temp, "%s/" REPORT ".%d", argv[2], (int)getpid());
    FILE *out = fopen(temp, "w");
    if (!out)
        return 1;
    fprintf(out, "cwd %s\n", getcwd(cwd, sizeof cwd) ? cwd : "?");
    fprintf(out, "session %s\n", getsid(0) != getpid() && getpgrp() == getsid(0) ? "own" : "?");
    fprintf(out, "sid %d\npid %d\n", (int)getsid(0), (int)getpid());
    fprintf(out, "umask %03o\n", (unsigned)umask(0));
    for (char **at = environ; *at; at++)
        fprintf(out, "env %s\n", *at);
    for (int i = 0; i < argc; i++)
        fprintf(out, "arg %s\n", argv[i]);
    report_descriptors(out);
    report_signals(out);
    report_limits(out);
    report_config(out);
    fclose(out);
    return rename(temp, path) == 0 ? 0 : 1;
}

/* ---- its report ---- */

static void use_witness(struct here *here)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(len > 0);
    self[len] = '\0';
    set_option(here, "relay.mode", "auto");
    set_option(here, "relay.path", self);
}

/* Waits for the report; false if none comes. */
static bool read_report(const struct here *here, char *text, size_t size)
{
    char path[128];
    int64_t deadline = now_ms() + DEADLINE_MS;
    int fd = -1;
    snprintf(path, sizeof path, "%s/" REPORT, here->dir);
    while (fd < 0 && now_ms() < deadline) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        poll(NULL, 0, fd < 0 ? 1 : 0);
    }
    ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);
    text[len > 0 ? len : 0] = '\0';
    if (fd >= 0)
        close(fd);
    unlink(path);
    return len > 0;
}

static bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at++)
        if ((at == text || at[-1] == '\n') && (at[len] == '\n' || at[len] == '\0'))
            return true;
    return false;
}

static void publish(struct here *here)
{
    accepted(here, publish_started(here, NULL));
}

/* *ret_passed counts those that an exec would pass on; the test runner may have left some. */
static int count_descriptors(int *ret_passed)
{
    int count = 0;
    *ret_passed = 0;
    for (int fd = 0; fd < 1024; fd++) {
        int flags = fcntl(fd, F_GETFD);
        count += flags >= 0;
        *ret_passed += flags >= 0 && !(flags & FD_CLOEXEC);
    }
    return count;
}

/* ---- tests ---- */

static void test_the_relay_starts_with_nothing_of_its_parents(void **state)
{
    struct here *here = *state;
    static char report[1 << 16];
    int leaked = open("/etc/passwd", O_RDONLY); /* not close-on-exec */
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    struct rlimit few = {200, files.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    signal(SIGUSR1, SIG_IGN);
    sigset_t mask, old;
    sigfillset(&mask);
    sigprocmask(SIG_SETMASK, &mask, &old);
    setenv("LD_PRELOAD_TEST", "x", 1);
    setenv("LD_LIBRARY_PATH_X", "x", 1);
    setenv("AEP_KAFKA_SASL_PASSWORD", SECRET, 1);
    setenv("XDG_STATE_HOME", "/tmp/state", 1);
    use_witness(here);
    open_publisher(here);
    publish(here);
    assert_true(read_report(here, report, sizeof report));
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGUSR1, SIG_DFL);
    setrlimit(RLIMIT_NOFILE, &files);
    close(leaked);
    unsetenv("AEP_KAFKA_SASL_PASSWORD");
    unsetenv("XDG_STATE_HOME");

    assert_true(has_line(report, "cwd /"));
    assert_true(has_line(report, "session own"));
    assert_true(has_line(report, "umask 077"));
    assert_true(has_line(report, "arg aep-relay"));
    assert_true(has_line(report, "arg " AEP__RELAY_OPTION));
    assert_non_null(strstr(report, here->dir));
    assert_true(has_line(report, "env XDG_STATE_HOME=/tmp/state"));
    assert_null(strstr(report, "env LD_"));
    assert_null(strstr(report, "env AEP_"));
    assert_null(strstr(report, SECRET));
    assert_non_null(strstr(report, "fd 0 socket:"));
    assert_true(has_line(report, "fd 1 /dev/null"));
    assert_true(has_line(report, "fd 2 /dev/null"));
    assert_null(strstr(report, "fd 3"));
    assert_null(strstr(report, "/etc/passwd"));
    assert_null(strstr(report, "blocked"));
    assert_null(strstr(report, "ignored"));
    assert_true(has_line(report, "core 0"));
    assert_null(strstr(report, "files 200\n"));
    assert_true(has_line(report, "fsize reset"));
    assert_true(has_line(report, "config 127.0.0.1:9"));
}

static atomic_int children_seen;

static void count_child(int number)
{
    (void)number;
    atomic_fetch_add(&children_seen, 1);
}

static void test_the_host_program_notices_nothing(void **state)
{
    struct here *here = *state;
    static char report[1 << 16];
    struct sigaction watch = {.sa_handler = count_child}, old_child, pipe_before, pipe_after;
    int passed;
    atomic_store(&children_seen, 0);
    sigaction(SIGCHLD, &watch, &old_child);
    sigaction(SIGPIPE, NULL, &pipe_before);
    use_witness(here);
    open_publisher(here);
    int before = count_descriptors(&passed);
    publish(here);
    assert_true(read_report(here, report, sizeof report));
    int after = count_descriptors(&passed);
    assert_int_equal(after, before + 1); /* the segment */
    aep_publisher_close(here->pub);
    here->pub = NULL;
    sigaction(SIGPIPE, NULL, &pipe_after);
    sigaction(SIGCHLD, &old_child, NULL);
    assert_int_equal(atomic_load(&children_seen), 0);
    assert_ptr_equal(pipe_before.sa_handler, pipe_after.sa_handler);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child to be seen */
    assert_int_equal(errno, ECHILD);
    assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1); /* nor one left behind */
}

static unsigned count_zombies(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[300], state = ' ';
        int parent = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = atoi(entry->d_name) > 0 ? fopen(path, "r") : NULL;
        if (file && fscanf(file, "%*d (%*[^)]) %c %d", &state, &parent) == 2)
            count += parent == getpid() && state == 'Z';
        if (file)
            fclose(file);
    }
    closedir(dir);
    return count;
}

/* As process 1 of a container: a relay that has exited is reaped before the next one starts, and
 * other children are left alone. */
static void test_a_program_that_adopts_orphans_keeps_no_zombies(void **state)
{
    struct here *here = *state;
    static char report[1 << 16];
    char path[128];
    snprintf(path, sizeof path, "%s/" REPORT, here->dir);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    use_witness(here);
    open_publisher(here);
    pid_t own = fork();
    if (own == 0)
        _exit(7);
    for (int i = 0; i < 3; i++) {
        int64_t deadline = now_ms() + DEADLINE_MS;
        for (; access(path, F_OK) < 0 && now_ms() < deadline; poll(NULL, 0, 10))
            publish(here); /* the stand-in exits at once: the next start is rationed */
        assert_true(read_report(here, report, sizeof report));
        while (count_zombies() < 2 && now_ms() < deadline)
            sched_yield();
        assert_int_equal(count_zombies(), 2); /* the relay's, until the next is started, and ours */
    }
    int status;
    assert_int_equal(waitpid(own, &status, 0), own);
    assert_int_equal(WEXITSTATUS(status), 7);
    while (waitpid(-1, NULL, __WALL) > 0)
        ;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

static void test_a_publishers_descriptors_end_with_exec_and_with_close(void **state)
{
    struct here *here = *state;
    int passed_before, passed;
    int before = count_descriptors(&passed_before);
    open_publisher(here);
    publish(here);
    assert_true(count_descriptors(&passed) > before);
    assert_int_equal(passed, passed_before);
    aep_publisher_close(here->pub);
    here->pub = NULL;
    assert_int_equal(count_descriptors(&passed), before);
}

static void test_many_publishers_start_one_relay_at_a_time(void **state)
{
    struct here *here = *state;
    static char report[1 << 16], again[128];
    aep_publisher *pubs[8];
    use_witness(here);
    for (int i = 0; i < 8; i++) {
        accepted(here, aep_publisher_open(&pubs[i], here->config, &here->err));
        accepted(here,
                 aep_publish_started(pubs[i], AEP_STARTED(.agent_name = "a", .user_request = "r"),
                                     NULL, &here->err));
    }
    assert_true(read_report(here, report, sizeof report));
    snprintf(again, sizeof again, "%s/" REPORT, here->dir);
    for (int i = 0; i < 8; i++)
        aep_publisher_close(pubs[i]);
    assert_int_equal(access(again, F_OK), -1);
}

static void test_a_living_relay_is_left_alone(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    char path[128];
    use_witness(here);
    open_publisher(here);
    fake_start(&fake, here->dir, NULL);
    publish(here);
    aep_publisher_close(here->pub);
    here->pub = NULL;
    snprintf(path, sizeof path, "%s/" REPORT, here->dir);
    poll(NULL, 0, 50); /* there is no event to wait for */
    assert_int_equal(access(path, F_OK), -1);
    fake_kill(&fake);
}

static void test_a_relay_whose_authentication_fails_gets_one_contender(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    static char report[1 << 16];
    char path[128];
    use_witness(here);
    open_publisher(here);
    fake_start(&fake, here->dir, NULL);
    write_broker_state(here, AEP_BROKER_AUTH_FAILED);
    publish(here);
    assert_true(read_report(here, report, sizeof report));
    int64_t end = now_ms() + 2500; /* longer than the interval between two attempts */
    while (now_ms() < end) {
        publish(here);
        poll(NULL, 0, 50);
    }
    snprintf(path, sizeof path, "%s/" REPORT, here->dir);
    assert_int_equal(access(path, F_OK), -1);
    aep_publisher_close(here->pub); /* starts none, since there is one */
    here->pub = NULL;
    fake_kill(&fake);
}

/* The first may have met a Kafka that was away. */
static void test_a_minute_later_another_contender_is_started(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    struct aep__process *process;
    static char report[1 << 16];
    use_witness(here);
    open_publisher(here);
    fake_start(&fake, here->dir, NULL);
    write_broker_state(here, AEP_BROKER_MISCONFIGURED);
    publish(here);
    assert_true(read_report(here, report, sizeof report));
    accepted(here, aep__publisher_process(here->pub, &process, &here->err));
    assert_true(aep__lock_tried(process->lock_fd, 60000));
    process->contended_us -= INT64_C(60000000);
    process->asked_us = process->probed_us = 0;
    futimens(process->lock_fd, (struct timespec[2]){{0, 0}, {0, 0}}); /* the try is long ago, too */
    publish(here);
    assert_true(read_report(here, report, sizeof report));
    fake_kill(&fake);
}

static void test_a_waiter_brings_a_contender_too(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    static char report[1 << 16];
    aep_outcome outcome;
    aep_receipt receipt = AEP_RECEIPT_INIT;
    char path[128];
    use_witness(here);
    aep_waiter *waiter = open_waiter(here);
    fake_start(&fake, here->dir, NULL);
    accepted(here, publish_started(here, &receipt));
    accepted(here, aep_waiter_add(waiter, &receipt, 1, &here->err));
    write_broker_state(here, AEP_BROKER_AUTH_FAILED);
    snprintf(path, sizeof path, "%s/" REPORT, here->dir);
    int64_t end = now_ms() + DEADLINE_MS;
    while (access(path, F_OK) < 0 && now_ms() < end) {
        struct pollfd poll_fd = {.fd = aep_waiter_fd(waiter), .events = POLLIN};
        if (poll(&poll_fd, 1, 100) > 0) /* an event loop calls only then */
            assert_int_equal(aep_waiter_next(waiter, &outcome, &here->err), AEP_EDEFERRED);
    }
    assert_true(read_report(here, report, sizeof report));
    aep_waiter_free(waiter);
    aep_publisher_close(here->pub);
    here->pub = NULL;
    fake_kill(&fake);
}

/* As if the last look for a relay, or for room, were longer ago than the time between two. */
static void make_look_due(struct here *here)
{
    struct aep__process *process;
    accepted(here, aep__publisher_process(here->pub, &process, &here->err));
    process->probed_us = 0;
}

static void test_local_mode_starts_a_relay_only_when_room_gets_short(void **state)
{
    struct here *here = *state;
    static char report[1 << 16];
    aep_health health = AEP_HEALTH_INIT;
    char path[128];
    use_witness(here);
    set_option(here, "mode", "local");
    set_option(here, "spool.segment_bytes", "64KiB");
    set_option(here, "spool.max_bytes", "1MiB");
    open_publisher(here);
    snprintf(path, sizeof path, "%s/" REPORT, here->dir);
    do {
        publish(here);
        accepted(here, aep_publisher_health(here->pub, &health, &here->err));
    } while (health.used_bytes < health.max_bytes / 2);
    make_look_due(here);
    publish(here);
    assert_int_equal(access(path, F_OK), -1);
    do {
        publish(here);
        accepted(here, aep_publisher_health(here->pub, &health, &here->err));
    } while (health.used_bytes < health.max_bytes * 8 / 10);
    make_look_due(here);
    publish(here);
    assert_true(read_report(here, report, sizeof report));
}

static void test_relay_mode_off_starts_none(void **state)
{
    struct here *here = *state;
    char path[128];
    use_witness(here);
    set_option(here, "relay.mode", "external");
    open_publisher(here);
    publish(here);
    aep_publisher_close(here->pub);
    here->pub = NULL;
    snprintf(path, sizeof path, "%s/" REPORT, here->dir);
    poll(NULL, 0, 50);
    assert_int_equal(access(path, F_OK), -1);
}

static int spawn_as_setgid(void *user)
{
    struct here *here = user;
    if (setegid(1) < 0 || getegid() == getgid())
        return 0; /* not root: nothing to test */
    struct aep__os_child relay;
    return aep__spawn_allowed() ||
           aep__spawn(&aep__spawned_relay, here->config, here->dir, &relay, NULL) != AEP_ERELAY;
}

static void test_a_setuid_or_setgid_program_starts_none(void **state)
{
    assert_int_equal(in_child(spawn_as_setgid, *state), 0);
}

static int spawn_without_standard_streams(void *user)
{
    struct here *here = user;
    static char report[1 << 16];
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    if (aep_publisher_open(&here->pub, here->config, &here->err) != AEP_OK)
        return 1;
    if (publish_started(here, NULL) != AEP_OK)
        return 2;
    if (!read_report(here, report, sizeof report))
        return 3;
    return has_line(report, "config 127.0.0.1:9") && strstr(report, "fd 0 socket:") &&
                   has_line(report, "fd 1 /dev/null") && has_line(report, "fd 2 /dev/null")
               ? 0
               : 4;
}

static void test_a_host_without_standard_streams_starts_one_all_the_same(void **state)
{
    struct here *here = *state;
    use_witness(here);
    assert_int_equal(in_child(spawn_without_standard_streams, here), 0);
}

static void test_a_program_that_cannot_be_run_is_named(void **state)
{
    struct here *here = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/no-program", here->root);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
    assert_int_equal(write(fd, "\x01\x02", 2), 2);
    close(fd);
    set_option(here, "relay.mode", "auto");
    set_option(here, "relay.path", path);
    open_publisher(here);
    publish(here);
    assert_int_equal(atomic_load(&here->log_count), 1);
    assert_non_null(strstr(here->logged, path));
}

/* A host of any size: the spawn must not copy its memory. */
static void test_spawning_from_a_large_program_is_as_quick(void **state)
{
    struct here *here = *state;
    const size_t len = 256 << 20;
    static char report[1 << 16];
    char *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    for (size_t i = 0; i < len; i += 4096)
        memory[i] = 1;
    use_witness(here);
    open_publisher(here);
    publish(here);
    assert_true(read_report(here, report, sizeof report));
    munmap(memory, len);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_relay_starts_with_nothing_of_its_parents),
        TEST(test_the_host_program_notices_nothing),
        TEST(test_a_publishers_descriptors_end_with_exec_and_with_close),
        TEST(test_a_program_that_adopts_orphans_keeps_no_zombies),
        TEST(test_many_publishers_start_one_relay_at_a_time),
        TEST(test_a_living_relay_is_left_alone),
        TEST(test_a_relay_whose_authentication_fails_gets_one_contender),
        TEST(test_a_minute_later_another_contender_is_started),
        TEST(test_a_waiter_brings_a_contender_too),
        TEST(test_local_mode_starts_a_relay_only_when_room_gets_short),
        TEST(test_relay_mode_off_starts_none),
        TEST(test_a_setuid_or_setgid_program_starts_none),
        TEST(test_a_host_without_standard_streams_starts_one_all_the_same),
        TEST(test_a_program_that_cannot_be_run_is_named),
        TEST(test_spawning_from_a_large_program_is_as_quick),
    };
    if (argc > 1 && strcmp(argv[1], AEP__RELAY_OPTION) == 0)
        return be_witness(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
