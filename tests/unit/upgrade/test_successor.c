/* SPDX-License-Identifier: Apache-2.0 */
/* A program's file is replaced, removed, replaced by half of one: what the process that runs it makes of that.
 * The clock is the test's own; the programs are shell scripts. */
#include "upgrade/successor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND 1000000

struct fixture {
    char folder[64], path[96], other[96], log_path[96];
    int dir_fd;
    struct aep__log log;
    struct aep__successor successor;
    int64_t now_us;
};

static void write_program(const char *path, const char *body)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "#!/bin/sh\n%s\n", body) > 0);
    assert_int_equal(close(fd), 0);
}

/* As a program that was executed by its path. */
static void begin(struct fixture *fixture)
{
    const struct aep__program program = {.executed = fixture->path,
                                         .image = aep__image_of(fixture->path),
                                         .name = "program",
                                         .owner = geteuid()};
    aep__successor_init_from(&fixture->successor, &program, &fixture->log);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->folder, "/tmp/aep-successor-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof fixture->path, "%s/program", fixture->folder);
    snprintf(fixture->other, sizeof fixture->other, "%s/program.new", fixture->folder);
    snprintf(fixture->log_path, sizeof fixture->log_path, "%s/log", fixture->folder);
    fixture->dir_fd = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    aep__log_init(&fixture->log, fixture->dir_fd, "log", false);
    write_program(fixture->path, "echo program 1");
    begin(fixture);
    fixture->now_us = 1000 * SECOND;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    aep__successor_done(&fixture->successor);
    aep__log_done(&fixture->log);
    close(fixture->dir_fd);
    unlink(fixture->path);
    unlink(fixture->other);
    unlink(fixture->log_path);
    rmdir(fixture->folder);
    free(fixture);
    return 0;
}

static bool look(struct fixture *fixture)
{
    return aep__successor_look(&fixture->successor, fixture->now_us);
}

/* Looks again when it wants to, until its trial, if one has begun, is over. */
static bool look_later(struct fixture *fixture)
{
    int64_t due_us = aep__successor_due_us(&fixture->successor);
    if (due_us != INT64_MAX)
        fixture->now_us = due_us;
    else
        fixture->now_us += 60 * SECOND;
    bool ready = look(fixture);
    while (fixture->successor.state == AEP__SUCCESSOR_TRIED) {
        poll(NULL, 0, 1);
        fixture->now_us = fixture->successor.due_us;
        ready = look(fixture);
    }
    return ready;
}

static void rename_over(struct fixture *fixture, const char *body)
{
    write_program(fixture->other, body);
    assert_int_equal(rename(fixture->other, fixture->path), 0);
}

static unsigned count_in_log(struct fixture *fixture, const char *text)
{
    char content[8192];
    unsigned count = 0;
    int fd = open(fixture->log_path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, content, sizeof content - 1) : 0;
    content[len > 0 ? len : 0] = '\0';
    if (fd >= 0)
        close(fd);
    for (const char *at = content; (at = strstr(at, text)); at++)
        count++;
    return count;
}

static void test_nothing_is_to_be_done_while_the_file_is_the_same(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 3; i++) {
        assert_false(look_later(fixture));
        assert_true(aep__successor_due_us(&fixture->successor) == INT64_MAX);
    }
}

static void test_another_file_is_tried_once_it_has_stayed_the_same(void **state)
{
    struct fixture *fixture = *state;
    rename_over(fixture, "echo program 2; echo more");
    assert_false(look(fixture));
    assert_int_equal(fixture->successor.state, AEP__SUCCESSOR_SEEN);
    rename_over(fixture, "echo program 3");
    assert_false(look_later(fixture));
    assert_int_equal(fixture->successor.state, AEP__SUCCESSOR_SEEN);
    assert_true(look_later(fixture));
    assert_string_equal(fixture->successor.trial.line, "program 3");
    fixture->now_us += 60 * SECOND;
    assert_true(look(fixture));
}

static void test_it_is_not_looked_at_again_within_two_seconds(void **state)
{
    struct fixture *fixture = *state;
    look(fixture);
    rename_over(fixture, "echo program 2");
    fixture->now_us += 2 * SECOND - 1;
    look(fixture);
    assert_int_equal(fixture->successor.state, AEP__SUCCESSOR_NONE);
    fixture->now_us += 1;
    look(fixture);
    assert_int_equal(fixture->successor.state, AEP__SUCCESSOR_SEEN);
}

static void test_a_file_that_is_gone_and_comes_back_as_another_one(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(unlink(fixture->path), 0);
    assert_false(look_later(fixture));
    assert_true(aep__successor_due_us(&fixture->successor) == INT64_MAX);
    rename_over(fixture, "echo program 2");
    assert_false(look_later(fixture));
    assert_true(look_later(fixture));
}

static void test_the_same_file_written_anew_is_another_one(void **state)
{
    struct fixture *fixture = *state;
    write_program(fixture->path, "echo program 2, in place");
    assert_false(look(fixture));
    assert_true(look_later(fixture));
}

static void test_our_file_that_comes_back_has_no_successor(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(rename(fixture->path, fixture->other), 0);
    write_program(fixture->path, "exit 127");
    assert_false(look_later(fixture));
    assert_int_equal(rename(fixture->other, fixture->path), 0);
    assert_false(look_later(fixture));
    assert_int_equal(fixture->successor.state, AEP__SUCCESSOR_NONE);
}

/* The log is told each reason once. */
static void test_one_that_cannot_run_is_tried_again_after_ever_longer_pauses(void **state)
{
    struct fixture *fixture = *state;
    int64_t pause_us = 0;
    rename_over(fixture, "echo library is missing >&2; exit 127");
    assert_false(look(fixture));
    for (int i = 0; i < 10; i++) {
        assert_false(look_later(fixture));
        int64_t next_us = aep__successor_due_us(&fixture->successor) - fixture->now_us;
        assert_true(next_us >= 10 * SECOND && next_us <= 600 * (int64_t)SECOND);
        assert_true(next_us > pause_us || next_us == 600 * (int64_t)SECOND);
        pause_us = next_us;
    }
    assert_int_equal(count_in_log(fixture, "library is missing"), 1);
    rename_over(fixture, "echo program 2");
    assert_false(look_later(fixture));
    assert_true(look_later(fixture));
}

static void test_a_library_may_come_later_than_the_program(void **state)
{
    struct fixture *fixture = *state;
    char body[160];
    snprintf(body, sizeof body, "tail -n 1 %s.library", fixture->path);
    rename_over(fixture, body);
    assert_false(look(fixture));
    assert_false(look_later(fixture));
    char library[128];
    snprintf(library, sizeof library, "%s.library", fixture->path);
    write_program(library, "program 2");
    assert_true(look_later(fixture));
    assert_int_equal(unlink(library), 0);
}

static void test_what_is_no_program(void **state)
{
    struct fixture *fixture = *state;
    int fd = open(fixture->other, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(rename(fixture->other, fixture->path), 0);
    assert_false(look(fixture));
    assert_false(look_later(fixture));
    assert_int_equal(count_in_log(fixture, "Permission denied"), 1);
}

static void test_one_that_does_not_say_its_version_does_not_run(void **state)
{
    struct fixture *fixture = *state;
    rename_over(fixture, "exit 0");
    assert_false(look(fixture));
    assert_false(look_later(fixture));
    assert_int_equal(count_in_log(fixture, "exit status 0"), 1);
}

static void test_a_program_of_another_name_is_no_successor(void **state)
{
    struct fixture *fixture = *state;
    rename_over(fixture, "echo programs 2");
    assert_false(look(fixture));
    assert_false(look_later(fixture));
    assert_int_equal(count_in_log(fixture, "by another program, which says: programs 2"), 1);
    rename_over(fixture, "echo program");
    assert_false(look_later(fixture));
    assert_false(look_later(fixture));
    assert_int_equal(count_in_log(fixture, "by another program, which says: program;"), 1);
}

static int check(void *user, aep_error *err)
{
    const int *code = user;
    snprintf(err->text, sizeof err->text, "no servers");
    return *code;
}

static void test_one_that_would_not_start_with_its_settings_is_put_off(void **state)
{
    struct fixture *fixture = *state;
    int code = AEP_ECONFIG;
    fixture->successor.check = check;
    fixture->successor.check_user = &code;
    rename_over(fixture, "echo program 2");
    assert_false(look(fixture));
    assert_false(look_later(fixture));
    assert_int_equal(count_in_log(fixture, "the settings that it finds: no servers; this"), 1);
    code = AEP_OK;
    assert_true(look_later(fixture));
}

static void test_put_off_it_is_ready_again_after_a_pause(void **state)
{
    struct fixture *fixture = *state;
    rename_over(fixture, "echo program 2");
    look(fixture);
    assert_true(look_later(fixture));
    aep__successor_put_off(&fixture->successor, "it rains", fixture->now_us);
    assert_int_equal(count_in_log(fixture, "was replaced, but it rains; this one goes on"), 1);
    assert_false(look(fixture));
    assert_true(aep__successor_due_us(&fixture->successor) >= fixture->now_us + 10 * SECOND);
    assert_true(look_later(fixture));
}

/* ---- which file it is ---- */

static void begin_as(struct fixture *fixture, struct aep__program program)
{
    program.name = "program";
    program.owner = geteuid();
    aep__successor_init_from(&fixture->successor, &program, &fixture->log);
}

/* valgrind, qemu-user, Rosetta: what runs is the tool, and the kernel, or the tool, names the program. */
static void test_run_by_a_tool_it_is_the_file_that_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct aep__image tool = aep__image_of("/bin/sh");
    begin_as(fixture, (struct aep__program){
                          .executed = "/bin/true", .linked = fixture->path, .image = tool});
    for (int i = 0; i < 3; i++)
        assert_false(look_later(fixture));
    assert_int_equal(fixture->successor.state, AEP__SUCCESSOR_NONE);
    rename_over(fixture, "echo program 2");
    assert_false(look_later(fixture));
    assert_true(look_later(fixture));
}

static void test_replaced_before_it_has_looked_it_has_a_successor(void **state)
{
    struct fixture *fixture = *state;
    char linked[128];
    struct aep__image before = aep__image_of(fixture->path);
    snprintf(linked, sizeof linked, "%s (deleted)", fixture->path);
    rename_over(fixture, "echo program 2");
    begin_as(fixture,
             (struct aep__program){.executed = fixture->path, .linked = linked, .image = before});
    assert_false(look(fixture));
    assert_true(look_later(fixture));
}

/* It would become the same program for ever. */
static void test_renewed_in_vain_it_looks_no_more(void **state)
{
    struct fixture *fixture = *state;
    char linked[128];
    struct aep__image before = aep__image_of(fixture->path);
    snprintf(linked, sizeof linked, "%s (deleted)", fixture->path);
    rename_over(fixture, "echo program 2");
    begin_as(fixture, (struct aep__program){.linked = linked, .image = before, .renewed = true});
    assert_false(look(fixture));
    assert_false(look_later(fixture));
    assert_int_equal(fixture->successor.state, AEP__SUCCESSOR_NONE);
    assert_int_equal(count_in_log(fixture, "no other will be followed"), 1);
}

static void test_a_folder_that_is_only_passed_may_be_gone(void **state)
{
    struct fixture *fixture = *state;
    char folder[128], executed[192];
    snprintf(folder, sizeof folder, "%s/bin", fixture->folder);
    snprintf(executed, sizeof executed, "%s/bin/../program", fixture->folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    begin_as(fixture,
             (struct aep__program){.executed = executed, .image = aep__image_of(fixture->path)});
    assert_string_equal(fixture->successor.path, fixture->path);
    assert_int_equal(rmdir(folder), 0);
    rename_over(fixture, "echo program 2");
    assert_false(look_later(fixture));
    assert_true(look_later(fixture));
}

/* PATH is a link to another folder: what is beside that is not beside the link. */
static void test_a_folder_that_is_a_link_is_passed(void **state)
{
    struct fixture *fixture = *state;
    char link[128], executed[256];
    snprintf(link, sizeof link, "%s/link", fixture->folder);
    snprintf(executed, sizeof executed, "%s/../..%s", link, fixture->path);
    assert_int_equal(symlink("/usr/bin", link), 0);
    begin_as(fixture,
             (struct aep__program){.executed = executed, .image = aep__image_of(fixture->path)});
    assert_string_equal(fixture->successor.path, executed);
    assert_int_equal(unlink(link), 0);
}

/* ---- who decides ---- */

#define REFUSED "others now control what is there: "
#define STRANGER 65534

static void assert_refused(struct fixture *fixture, const char *why)
{
    assert_false(look(fixture));
    assert_false(look_later(fixture));
    assert_int_equal(count_in_log(fixture, REFUSED), 1);
    assert_int_equal(count_in_log(fixture, why), 1);
    assert_false(look_later(fixture));
    assert_int_equal(count_in_log(fixture, REFUSED), 1);
}

static void test_a_file_that_everyone_can_write_is_no_successor(void **state)
{
    struct fixture *fixture = *state;
    rename_over(fixture, "echo program 2");
    assert_int_equal(chmod(fixture->path, 0777), 0);
    assert_refused(fixture, "everyone can write ");
    assert_int_equal(chmod(fixture->path, 0755), 0);
    assert_true(look_later(fixture));
}

static void test_nor_is_one_that_a_group_can_write(void **state)
{
    struct fixture *fixture = *state;
    rename_over(fixture, "echo program 2");
    assert_int_equal(chmod(fixture->path, 0775), 0);
    assert_refused(fixture, "group ");
}

static void test_nor_one_in_a_folder_that_others_can_write_now(void **state)
{
    struct fixture *fixture = *state;
    rename_over(fixture, "echo program 2");
    assert_int_equal(chmod(fixture->folder, 0777), 0);
    assert_refused(fixture, "everyone can write ");
}

/* Whoever could write it before can do so now. */
static void test_where_everyone_could_write_before_nothing_has_changed(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(chmod(fixture->folder, 0775), 0);
    assert_int_equal(chmod(fixture->path, 0777), 0);
    begin(fixture);
    rename_over(fixture, "echo program 2");
    assert_int_equal(chmod(fixture->path, 0775), 0);
    assert_false(look(fixture));
    assert_true(look_later(fixture));
}

/* Our folder, in one that is sticky, was removed; another user has made one of that name. */
static void test_another_users_file_is_no_successor(void **state)
{
    struct fixture *fixture = *state;
    if (geteuid() != 0)
        skip();
    rename_over(fixture, "echo program 2");
    assert_int_equal(chown(fixture->path, STRANGER, STRANGER), 0);
    assert_refused(fixture, "user 65534 owns ");
    assert_int_equal(chown(fixture->path, 0, 0), 0);
    assert_true(look_later(fixture));
}

static void test_nor_is_one_in_another_users_folder(void **state)
{
    struct fixture *fixture = *state;
    if (geteuid() != 0)
        skip();
    rename_over(fixture, "echo program 2");
    assert_int_equal(chown(fixture->folder, STRANGER, STRANGER), 0);
    assert_refused(fixture, "user 65534 owns ");
}

/* The folders behind a link count, too. */
static void test_nor_one_behind_a_link(void **state)
{
    struct fixture *fixture = *state;
    char folder[128], program[160];
    snprintf(folder, sizeof folder, "%s/open", fixture->folder);
    snprintf(program, sizeof program, "%s/program", folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    assert_int_equal(chmod(folder, 0777), 0);
    write_program(program, "echo program 2");
    assert_int_equal(symlink("open/program", fixture->other), 0);
    assert_int_equal(rename(fixture->other, fixture->path), 0);
    assert_refused(fixture, "everyone can write ");
    assert_int_equal(chmod(folder, 0755), 0);
    assert_true(look_later(fixture));
    assert_int_equal(unlink(program), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- becoming it ---- */

static void test_the_log_says_why_it_cannot_become_it(void **state)
{
    struct fixture *fixture = *state;
    const struct aep__inherited none = {"gone", 9999};
    rename_over(fixture, "echo program 2");
    assert_int_equal(fcntl(none.fd, F_GETFD), -1);
    aep__successor_become(&fixture->successor, NULL, &none, 1);
    assert_int_equal(count_in_log(fixture, "program: Bad file descriptor; this process ends"), 1);
    close(fixture->log.dir_fd);
}

/* ---- a trial ---- */

static void test_a_trial_gets_neither_our_signals_nor_our_descriptors(void **state)
{
    struct fixture *fixture = *state;
    struct aep__trial trial;
    sigset_t set, before;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, &before);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    write_program(fixture->path, "while read -r name value; do case $name in "
                                 "Sig[BI]*) printf %s: $((0x$value & 0x7fffffff));; esac; "
                                 "done < /proc/self/status; echo $LD_BIND_NOW");
    bool runs = aep__trial_run(&trial, fixture->path);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    close(fd);
    assert_true(runs);
    assert_string_equal(trial.line, "0:0:1");
}

/* Of a program that starts ours without closing its own. */
static void test_a_trial_gets_no_descriptor_that_we_were_started_with(void **state)
{
    struct fixture *fixture = *state;
    struct aep__trial trial;
    char body[128];
    int fd = fcntl(fixture->dir_fd, F_DUPFD, 20);
    assert_true(fd >= 20);
    snprintf(body, sizeof body, "[ -e /proc/$$/fd/%d ] && echo ours; echo none", fd);
    write_program(fixture->path, body);
    bool runs = aep__trial_run(&trial, fixture->path);
    close(fd);
    assert_true(runs);
    assert_string_equal(trial.line, "none");
}

static void test_what_a_trial_has_started_is_killed_with_it(void **state)
{
    struct fixture *fixture = *state;
    struct aep__trial trial;
    char body[160], byte;
    assert_int_equal(mkfifo(fixture->other, 0600), 0);
    int fd = open(fixture->other, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    snprintf(body, sizeof body, "exec 3>%s; sleep 1000 & echo begun; wait", fixture->other);
    write_program(fixture->path, body);
    aep__trial_begin(&trial, fixture->path);
    while (trial.len == 0)
        assert_int_equal(aep__trial_look(&trial), AEP__TRIAL_WAITS);
    trial.end_us = 0;
    assert_int_equal(aep__trial_look(&trial), AEP__TRIAL_FAILS);
    struct pollfd closed = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&closed, 1, 30000), 1);
    assert_int_equal(read(fd, &byte, 1), 0);
    close(fd);
}

static void test_a_trial_that_is_given_up_leaves_no_child(void **state)
{
    struct fixture *fixture = *state;
    struct aep__trial trial;
    write_program(fixture->path, "echo runs; exec sleep 1000");
    aep__trial_begin(&trial, fixture->path);
    assert_int_equal(aep__trial_look(&trial), AEP__TRIAL_WAITS);
    aep__trial_done(&trial);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_a_trial_that_does_not_end_in_time_fails(void **state)
{
    struct fixture *fixture = *state;
    struct aep__trial trial;
    write_program(fixture->path, "echo runs; exec sleep 1000");
    aep__trial_begin(&trial, fixture->path);
    trial.end_us = 0;
    assert_int_equal(aep__trial_look(&trial), AEP__TRIAL_FAILS);
    assert_string_equal(trial.line, "does not end");
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_a_trial_that_writes_much_is_not_held_up(void **state)
{
    struct fixture *fixture = *state;
    struct aep__trial trial;
    write_program(fixture->path, "echo version 2; i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); "
                                 "echo 0123456789012345678901234567890123456789; done");
    assert_true(aep__trial_run(&trial, fixture->path));
    assert_string_equal(trial.line, "version 2");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_to_be_done_while_the_file_is_the_same),
        TEST(test_another_file_is_tried_once_it_has_stayed_the_same),
        TEST(test_it_is_not_looked_at_again_within_two_seconds),
        TEST(test_a_file_that_is_gone_and_comes_back_as_another_one),
        TEST(test_the_same_file_written_anew_is_another_one),
        TEST(test_our_file_that_comes_back_has_no_successor),
        TEST(test_one_that_cannot_run_is_tried_again_after_ever_longer_pauses),
        TEST(test_a_library_may_come_later_than_the_program),
        TEST(test_what_is_no_program),
        TEST(test_one_that_does_not_say_its_version_does_not_run),
        TEST(test_a_program_of_another_name_is_no_successor),
        TEST(test_one_that_would_not_start_with_its_settings_is_put_off),
        TEST(test_put_off_it_is_ready_again_after_a_pause),
        TEST(test_run_by_a_tool_it_is_the_file_that_is_named),
        TEST(test_replaced_before_it_has_looked_it_has_a_successor),
        TEST(test_renewed_in_vain_it_looks_no_more),
        TEST(test_a_folder_that_is_only_passed_may_be_gone),
        TEST(test_a_folder_that_is_a_link_is_passed),
        TEST(test_a_file_that_everyone_can_write_is_no_successor),
        TEST(test_nor_is_one_that_a_group_can_write),
        TEST(test_nor_one_in_a_folder_that_others_can_write_now),
        TEST(test_where_everyone_could_write_before_nothing_has_changed),
        TEST(test_another_users_file_is_no_successor),
        TEST(test_nor_is_one_in_another_users_folder),
        TEST(test_nor_one_behind_a_link),
        TEST(test_the_log_says_why_it_cannot_become_it),
        TEST(test_a_trial_gets_neither_our_signals_nor_our_descriptors),
        TEST(test_a_trial_gets_no_descriptor_that_we_were_started_with),
        TEST(test_what_a_trial_has_started_is_killed_with_it),
        TEST(test_a_trial_that_is_given_up_leaves_no_child),
        TEST(test_a_trial_that_does_not_end_in_time_fails),
        TEST(test_a_trial_that_writes_much_is_not_held_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
