/* SPDX-License-Identifier: Apache-2.0 */
/* Execution handles and the roll: what stands there of a process's executions, and who may end them. */
#include "client_fixture.h"

#include "base/id.h"
#include "spool/roll_own.h"

static aep_execution *start(struct here *here, const char *agent_name)
{
    aep_execution *run = NULL;
    if (!here->pub)
        open_publisher(here);
    accepted(here, aep_execution_start(here->pub,
                                       AEP_STARTED(.agent_name = agent_name, .user_request = "r"),
                                       &run, &here->err));
    return run;
}

static int complete(struct here *here, aep_execution *run)
{
    return aep_execution_complete(run, AEP_COMPLETED(.result_summary = "x"), &here->err);
}

/* ---- what stands in the roll ---- */

#define ENTRIES_MAX 64

struct stands {
    const struct aep__spool *spool;
    int files, count;
    struct {
        char file[AEP__ROLL_NAME_SIZE];
        struct aep__os_process process;
        struct aep__roll_entry entry;
    } entries[ENTRIES_MAX];
};

static void take_entry(void *user, const struct aep__roll_entry *entry)
{
    struct stands *stands = user;
    assert_true(stands->count < ENTRIES_MAX);
    stands->entries[stands->count++].entry = *entry;
}

static bool take_file(void *user, const char *name)
{
    struct stands *stands = user;
    struct aep__os_process process;
    enum aep__roll_kind kind;
    unsigned damaged;
    int first = stands->count, fd = aep__roll_open(stands->spool, name);
    assert_true(fd >= 0);
    assert_int_equal(aep__roll_read_process(fd, &process, &kind), 1);
    assert_int_equal(aep__roll_entries(fd, take_entry, stands, &damaged), 0);
    assert_int_equal(damaged, 0);
    close(fd);
    stands->files++;
    for (int i = first; i < stands->count; i++) {
        memcpy(stands->entries[i].file, name, strlen(name) + 1);
        stands->entries[i].process = process;
    }
    return true;
}

static struct stands read_roll(const struct here *here)
{
    struct stands stands = {0};
    struct aep__spool spool;
    aep_error err;
    assert_int_equal(aep__spool_open(&spool, here->dir, NULL, &err), AEP_OK);
    stands.spool = &spool;
    assert_int_equal(aep__roll_each(&spool, take_file, &stands), 0);
    aep__spool_done(&spool);
    return stands;
}

static enum aep__roll_state state_of(const struct stands *stands, const aep_execution *run,
                                     enum aep__roll_writer writer)
{
    uint8_t id[16];
    assert_true(aep__id_parse(aep_execution_id(run), 36, id));
    for (int i = 0; i < stands->count; i++) {
        const struct aep__roll_area *owner = &stands->entries[i].entry.areas[AEP__ROLL_OWNER];
        if (owner->state != AEP__ROLL_JOINED && memcmp(owner->execution, id, sizeof id) == 0)
            return stands->entries[i].entry.areas[writer].state;
    }
    return AEP__ROLL_FREE;
}

/* As a relay that takes the process for gone. */
static void declare(const struct here *here, enum aep__roll_state state)
{
    struct stands stands = read_roll(here);
    struct aep__spool spool;
    aep_error err;
    assert_int_equal(stands.count, 1);
    struct aep__roll_area area = stands.entries[0].entry.areas[AEP__ROLL_OWNER];
    area.state = state;
    assert_int_equal(aep__spool_open(&spool, here->dir, NULL, &err), AEP_OK);
    int fd = aep__roll_open(&spool, stands.entries[0].file);
    assert_true(fd >= 0);
    assert_int_equal(aep__roll_mark(fd, stands.entries[0].entry.unit, AEP__ROLL_RELAY, &area), 0);
    close(fd);
    aep__spool_done(&spool);
}

/* ---- in one process ---- */

static void test_an_execution_stands_in_the_roll_while_it_is_open(void **state)
{
    struct here *here = *state;
    aep_execution *one = start(here, "one"), *two = start(here, "two");
    struct stands stands = read_roll(here);
    assert_int_equal(stands.files, 1);
    assert_int_equal(stands.count, 2);
    assert_int_equal(stands.entries[0].process.pid, getpid());
    assert_int_equal(state_of(&stands, one, AEP__ROLL_OWNER), AEP__ROLL_STARTED);
    accepted(here, aep_execution_progress(one, AEP_PROGRESS(.current_step = "x"), &here->err));
    accepted(here, complete(here, one));
    stands = read_roll(here);
    assert_int_equal(stands.count, 1);
    assert_int_equal(state_of(&stands, two, AEP__ROLL_OWNER), AEP__ROLL_STARTED);
    aep_execution_free(one);
    aep_execution_free(two); /* says that it was abandoned */
    assert_int_equal(read_roll(here).count, 0);
    aep_publisher_close(here->pub);
    here->pub = NULL;
    assert_int_equal(read_roll(here).files, 0);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 5);
}

static void test_events_without_a_handle_do_not_stand_there(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    accepted(here, publish_started(here, NULL));
    assert_int_equal(read_roll(here).files, 0);
}

/* A spool at its limit: what has not begun does not stand there, and what could not end is open. */
static void test_what_the_spool_has_no_room_for_has_not_happened(void **state)
{
    struct here *here = *state;
    aep_execution *none = NULL;
    set_option(here, "spool.segment_bytes", "65536");
    set_option(here, "spool.max_bytes", "262144");
    aep_execution *run = start(here, "a");
    char text[4096] = {0};
    memset(text, 'x', sizeof text - 1);
    while (aep_publish_started(here->pub, AEP_STARTED(.agent_name = "b", .user_request = text),
                               NULL, &here->err) == AEP_OK)
        ;
    assert_int_equal(here->err.code, AEP_EFULL);
    assert_int_equal(aep_execution_start(here->pub,
                                         AEP_STARTED(.agent_name = "b", .user_request = text),
                                         &none, &here->err),
                     AEP_EFULL);
    assert_int_equal(aep_execution_complete(run, AEP_COMPLETED(.result_summary = text), &here->err),
                     AEP_EFULL);
    struct stands stands = read_roll(here);
    assert_int_equal(stands.count, 1);
    assert_int_equal(state_of(&stands, run, AEP__ROLL_OWNER), AEP__ROLL_STARTED);
    /* Nobody can end it but the relay now. */
    aep_stats before = AEP_STATS_INIT;
    accepted(here, aep_publisher_stats(here->pub, &before, &here->err));
    while (aep_publish_started(here->pub, AEP_STARTED(.agent_name = "b", .user_request = "r"), NULL,
                               &here->err) == AEP_OK)
        ;
    aep_execution_free(run);
    stands = read_roll(here);
    assert_int_equal(stands.count, 1);
    assert_true(stands.entries[0].entry.areas[AEP__ROLL_OWNER].released);
}

static void test_after_it_was_declared_its_own_end_is_refused(void **state)
{
    struct here *here = *state;
    static const enum aep__roll_state states[] = {AEP__ROLL_DECLARED, AEP__ROLL_DECLARING};
    for (int i = 0; i < 2; i++) {
        aep_execution *run = start(here, "a");
        size_t count = read_spool(here->dir, NULL, NULL);
        declare(here, states[i]);
        assert_int_equal(complete(here, run), AEP_ESTATE);
        assert_non_null(strstr(here->err.text, "ABANDONED"));
        aep_execution_free(run); /* nor is this a second end */
        assert_int_equal(read_spool(here->dir, NULL, NULL), count);
        /* what is only announced is still the relay's to do */
        assert_int_equal(read_roll(here).count, states[i] == AEP__ROLL_DECLARING);
    }
}

static void test_a_name_of_any_length_stands_there(void **state)
{
    struct here *here = *state;
    aep_execution *runs[8];
    for (size_t i = 0, len = 1; i < 8; i++, len *= 6) {
        char *name = calloc(1, len + 1);
        assert_non_null(name);
        memset(name, i % 2 ? '"' : 'x', len);
        runs[i] = start(here, name);
        free(name);
    }
    assert_int_equal(read_roll(here).count, 8);
    for (size_t i = 0; i < 8; i++)
        aep_execution_free(runs[i]);
    assert_int_equal(read_roll(here).count, 0);
}

static void test_a_roll_that_cannot_be_written_refuses_starts(void **state)
{
    struct here *here = *state;
    aep_execution *run = NULL;
    char path[128];
    open_publisher(here);
    snprintf(path, sizeof path, "%s/" AEP__ROLL_FOLDER, here->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(aep_execution_start(here->pub,
                                         AEP_STARTED(.agent_name = "a", .user_request = "r"), &run,
                                         &here->err),
                     AEP_ESPOOL);
    assert_non_null(strstr(here->err.text, path));
    assert_int_equal(read_spool(here->dir, NULL, NULL), 0);
    accepted(here, publish_started(here, NULL));
}

static void test_a_removed_folder_is_no_reason_to_refuse_an_end(void **state)
{
    struct here *here = *state;
    aep_execution *run = start(here, "a");
    assert_true(remove_tree(here->dir));
    accepted(here, complete(here, run));
    aep_execution_free(run);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 1);
    run = start(here, "b");
    assert_int_equal(read_roll(here).count, 1);
    assert_true(remove_tree(here->dir)); /* which is noticed only when the next event is appended */
    aep_execution *other = start(here, "c");
    struct stands stands = read_roll(here);
    assert_int_equal(stands.count, 1);
    assert_int_equal(state_of(&stands, other, AEP__ROLL_OWNER), AEP__ROLL_STARTED);
    aep_execution_free(other);
    aep_execution_free(run);
}

/* ---- forked children ---- */

static aep_execution *inherited;
static int told[2], heard[2]; /* pipes between parent and child */

static int free_it(void *user)
{
    (void)user;
    aep_execution_free(inherited);
    return 0;
}

static void test_a_child_that_only_frees_its_handle_is_not_on_the_roll(void **state)
{
    struct here *here = *state;
    inherited = start(here, "a");
    assert_int_equal(in_child(free_it, here), 0);
    assert_int_equal(read_roll(here).files, 1);
    accepted(here, complete(here, inherited));
    aep_execution_free(inherited);
}

static int progress_and_wait(void *user)
{
    struct here *here = user;
    char byte;
    for (int i = 0; i < 3; i++)
        if (aep_execution_progress(inherited, AEP_PROGRESS(.current_step = "x"), &here->err) !=
            AEP_OK)
            return 1;
    if (write(told[1], "", 1) != 1 || read(heard[0], &byte, 1) != 1)
        return 2;
    aep_execution_free(inherited);
    return read_roll(here).count != 1;
}

static void test_a_child_joins_with_its_first_event(void **state)
{
    struct here *here = *state;
    char byte;
    int status;
    inherited = start(here, "a");
    assert_true(pipe(told) == 0 && pipe(heard) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(CHILD_LIMIT_S);
        _exit(progress_and_wait(here));
    }
    assert_int_equal(read(told[0], &byte, 1), 1);
    struct stands stands = read_roll(here);
    assert_int_equal(stands.files, 2);
    assert_int_equal(stands.count, 2);
    int child = stands.entries[0].process.pid == pid ? 0 : 1;
    assert_int_equal(stands.entries[child].process.pid, pid);
    assert_int_equal(stands.entries[child].entry.areas[AEP__ROLL_OWNER].state, AEP__ROLL_JOINED);
    assert_memory_equal(stands.entries[0].entry.areas[AEP__ROLL_OWNER].execution,
                        stands.entries[1].entry.areas[AEP__ROLL_OWNER].execution, 16);
    assert_int_equal(write(heard[1], "", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0); /* it left with its handle */
    for (int i = 0; i < 2; i++) {
        close(told[i]);
        close(heard[i]);
    }
    accepted(here, complete(here, inherited));
    aep_execution_free(inherited);
}

static int complete_it(void *user)
{
    return complete(user, inherited);
}

static int complete_and_close(void *user)
{
    struct here *here = user;
    int result = complete(here, inherited);
    aep_execution_free(inherited);
    aep_publisher_close(here->pub);
    return result;
}

static void test_what_a_child_has_ended_nobody_ends_again(void **state)
{
    struct here *here = *state;
    inherited = start(here, "a");
    assert_int_equal(in_child(complete_and_close, here), AEP_OK);
    struct stands stands = read_roll(here);
    assert_int_equal(stands.files, 1);
    assert_int_equal(state_of(&stands, inherited, AEP__ROLL_ANOTHER), AEP__ROLL_ENDED);
    assert_int_equal(in_child(complete_it, here), AEP_ESTATE);
    assert_int_equal(complete(here, inherited), AEP_ESTATE);
    assert_non_null(strstr(here->err.text, "another process"));
    aep_execution_free(inherited);
    assert_int_equal(read_roll(here).count, 1); /* of the second child, which left without a word */
    assert_int_equal(read_spool(here->dir, NULL, NULL), 2);
}

static void test_what_its_parent_has_ended_a_child_does_not(void **state)
{
    struct here *here = *state;
    char byte;
    int status;
    inherited = start(here, "a");
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(CHILD_LIMIT_S);
        _exit(read(told[0], &byte, 1) == 1 ? complete(here, inherited) : -1);
    }
    accepted(here, complete(here, inherited));
    aep_execution *other = start(here, "b"); /* perhaps in the same unit */
    assert_int_equal(write(told[1], "", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), AEP_ESTATE);
    close(told[0]);
    close(told[1]);
    struct stands stands = read_roll(here);
    assert_int_equal(state_of(&stands, other, AEP__ROLL_ANOTHER), AEP__ROLL_FREE);
    aep_execution_free(inherited);
    aep_execution_free(other);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 4);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_execution_stands_in_the_roll_while_it_is_open),
        TEST(test_events_without_a_handle_do_not_stand_there),
        TEST(test_what_the_spool_has_no_room_for_has_not_happened),
        TEST(test_after_it_was_declared_its_own_end_is_refused),
        TEST(test_a_name_of_any_length_stands_there),
        TEST(test_a_roll_that_cannot_be_written_refuses_starts),
        TEST(test_a_removed_folder_is_no_reason_to_refuse_an_end),
        TEST(test_a_child_that_only_frees_its_handle_is_not_on_the_roll),
        TEST(test_a_child_joins_with_its_first_event),
        TEST(test_what_a_child_has_ended_nobody_ends_again),
        TEST(test_what_its_parent_has_ended_a_child_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
