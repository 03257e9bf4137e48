/* SPDX-License-Identifier: Apache-2.0 */
/* An execution handle: its ids, its causation, its clock, its one end. */
#include "client_fixture.h"

#include "base/clock.h"

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static aep_execution *start(struct here *here, const aep_started *event)
{
    aep_execution *run = NULL;
    if (!here->pub)
        open_publisher(here);
    accepted(here, aep_execution_start(here->pub, event, &run, &here->err));
    return run;
}

static void check_holds(const char *text, const char *name, const char *value)
{
    char wanted[256];
    snprintf(wanted, sizeof wanted, "\"%s\":\"%s\"", name, value);
    if (!strstr(text, wanted))
        fail_msg("no %s in %s", wanted, text);
}

static void test_a_run_from_start_to_end(void **state)
{
    struct here *here = *state;
    aep_execution *run = start(here, AEP_STARTED(.agent_name = "builder", .user_request = "build"));
    struct seen started = last_message(here);
    check_holds(started.value, "event_id", aep_execution_id(run));
    check_holds(started.value, "correlation_id", aep_execution_correlation_id(run));
    check_holds(started.value, "session_id", aep_execution_session_id(run));
    check_holds(started.value, "causation_id", aep_execution_correlation_id(run));

    accepted(here,
             aep_execution_progress(run, AEP_PROGRESS(.progress_percent = AEP_NUM(0)), &here->err));
    struct seen progress = last_message(here);
    check_holds(progress.value, "causation_id", aep_execution_id(run));
    check_holds(progress.value, "agent_name", "builder");
    assert_non_null(strstr(progress.value, "\"progress_percent\":0"));
    assert_null(strstr(progress.value, "session_id"));
    check_holds(progress.value, "event_id", aep_execution_receipt(run)->event_id);

    accepted(here,
             aep_execution_complete(run, AEP_COMPLETED(.result_summary = "done"), &here->err));
    struct seen completed = last_message(here);
    check_holds(completed.value, "causation_id", aep_execution_id(run));
    check_holds(completed.value, "session_id", aep_execution_session_id(run));
    assert_non_null(strstr(completed.value, "\"duration_ms\":"));
    aep_execution_free(run);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 3);
}

static void test_what_the_caller_gives_beats_what_is_filled_in(void **state)
{
    struct here *here = *state;
    aep_execution *run =
        start(here, AEP_STARTED(.agent_name = "a", .user_request = "r", .correlation_id = "job-7",
                                .session_id = "s-7", .causation_id = "parent-7"));
    assert_string_equal(aep_execution_correlation_id(run), "job-7");
    check_holds(last_message(here).value, "causation_id", "parent-7");
    accepted(here,
             aep_execution_fail(run,
                                AEP_FAILED(.error_message = "no", .session_id = "s-8",
                                           .causation_id = "other", .duration_ms = AEP_NUM(12)),
                                &here->err));
    struct seen failed = last_message(here);
    check_holds(failed.value, "causation_id", "other");
    check_holds(failed.value, "session_id", "s-8");
    assert_non_null(strstr(failed.value, "\"duration_ms\":12"));
    aep_execution_free(run);
}

static void test_a_runs_events_keep_its_agent_and_correlation_id(void **state)
{
    struct here *here = *state;
    const char *id;
    aep_stats stats = AEP_STATS_INIT;
    aep_execution *run = start(here, AEP_STARTED(.agent_name = "a", .user_request = "r"));
    assert_int_equal(aep_execution_progress(run, AEP_PROGRESS(.agent_name = "b"), &here->err),
                     AEP_EINVAL);
    assert_string_equal(here->err.field, "agent_name");
    assert_int_equal(aep_execution_complete(run, AEP_COMPLETED(.correlation_id = "c"), &here->err),
                     AEP_EINVAL);
    assert_string_equal(here->err.field, "correlation_id");
    assert_non_null(strstr(here->err.text, aep_execution_correlation_id(run)));
    aep_field unknown = {.name = "nonsense", .text = "x", .length = 1};
    assert_int_equal(aep_execution_publish_fields(run, AEP_KIND_FAILED, &unknown, 1, NULL, NULL),
                     AEP_EINVAL);
    accepted(here, aep_publisher_stats(here->pub, &stats, &here->err));
    assert_int_equal(stats.refused_invalid, 3); /* what is refused is counted */
    id = aep_execution_correlation_id(run);
    accepted(here, aep_execution_complete(
                       run, AEP_COMPLETED(.agent_name = "a", .correlation_id = id), &here->err));
    aep_execution_free(run);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 2);
}

/* An id that looks like a secret is redacted, the second time as the first. */
static void test_a_correlation_id_is_known_as_it_was_given_and_as_it_became(void **state)
{
    struct here *here = *state;
    const char *given = "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789";
    aep_execution *run =
        start(here, AEP_STARTED(.agent_name = "a", .user_request = "r", .correlation_id = given));
    const char *became = aep_execution_correlation_id(run);
    assert_string_not_equal(became, given);
    accepted(here, aep_execution_progress(run, AEP_PROGRESS(.correlation_id = given), &here->err));
    check_holds(last_message(here).value, "correlation_id", became);
    accepted(here, aep_execution_progress(run, AEP_PROGRESS(.correlation_id = became), &here->err));
    check_holds(last_message(here).value, "correlation_id", became);
    aep_execution_free(run);
}

static void test_a_run_has_exactly_one_end(void **state)
{
    struct here *here = *state;
    aep_execution *run = start(here, AEP_STARTED(.agent_name = "a", .user_request = "r"));
    assert_int_equal(aep_execution_fail(run, AEP_FAILED(.error_code = "E"), &here->err),
                     AEP_EINVAL);
    assert_string_equal(here->err.field, "error_message");
    accepted(here, aep_execution_complete(run, AEP_COMPLETED(.result_summary = "x"), &here->err));
    assert_int_equal(aep_execution_complete(run, AEP_COMPLETED(.result_summary = "x"), &here->err),
                     AEP_ESTATE);
    assert_int_equal(aep_execution_fail(run, AEP_FAILED(.error_message = "x"), &here->err),
                     AEP_ESTATE);
    assert_int_equal(aep_execution_progress(run, AEP_PROGRESS(.current_step = "x"), &here->err),
                     AEP_ESTATE);
    aep_execution_free(run);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 2);
}

static void test_a_run_freed_without_an_end_is_abandoned(void **state)
{
    struct here *here = *state;
    aep_execution *run = start(here, AEP_STARTED(.agent_name = "a", .user_request = "r"));
    aep_execution_free(run);
    struct seen failed = last_message(here);
    check_holds(failed.value, "error_code", "ABANDONED");
    assert_non_null(strstr(failed.value, "\"inferred\":true"));
    aep_execution_free(NULL);
}

static int free_in_child(void *user)
{
    aep_execution_free(user);
    return 0;
}

static void test_a_child_that_frees_its_copy_abandons_nothing(void **state)
{
    struct here *here = *state;
    aep_execution *run = start(here, AEP_STARTED(.agent_name = "a", .user_request = "r"));
    assert_int_equal(in_child(free_in_child, run), 0);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 1);
    accepted(here, aep_execution_complete(run, AEP_COMPLETED(.result_summary = "x"), &here->err));
    aep_execution_free(run);
}

static int progress_in_child(void *user)
{
    return aep_execution_progress(user, AEP_PROGRESS(.current_step = "child"), NULL);
}

static void test_a_child_may_go_on_with_a_run_whose_lock_was_held_at_fork(void **state)
{
    struct here *here = *state;
    struct aep__process *process;
    aep_execution *run = start(here, AEP_STARTED(.agent_name = "a", .user_request = "r"));
    accepted(here, aep__publisher_process(here->pub, &process, &here->err));
    for (int i = 0; i < AEP__RUN_LOCKS; i++)
        pthread_mutex_lock(&process->run_locks[i]);
    assert_int_equal(in_child(progress_in_child, run), 0);
    for (int i = 0; i < AEP__RUN_LOCKS; i++)
        pthread_mutex_unlock(&process->run_locks[i]);
    check_holds(last_message(here).value, "causation_id", aep_execution_id(run));
    aep_execution_free(run);
}

/* ---- trace ---- */

static void test_children_join_the_trace_below_the_started_event(void **state)
{
    struct here *here = *state;
    aep_execution *run = start(here, AEP_STARTED(.agent_name = "a", .user_request = "r",
                                                 .traceparent = TRACE, .tracestate = "k=v"));
    const char *child = aep_execution_traceparent(run);
    assert_non_null(strstr(last_message(here).headers, "traceparent=" TRACE "\n"));
    assert_int_equal(strlen(child), 55);
    assert_memory_equal(child, TRACE, 36); /* the same trace */
    assert_memory_not_equal(child + 36, TRACE + 36, 16);
    assert_string_equal(child + 52, "-01");
    accepted(here, aep_execution_progress(run, AEP_PROGRESS(.current_step = "x"), &here->err));
    struct seen progress = last_message(here);
    assert_non_null(strstr(progress.headers, "\ntracestate=k=v\n"));
    aep_execution_free(run);
}

static void test_a_run_of_its_own_makes_its_trace_from_its_correlation_id(void **state)
{
    struct here *here = *state;
    const char *id = "01939b2e-7a3c-7def-8123-456789abcdef";
    aep_execution *run =
        start(here, AEP_STARTED(.agent_name = "a", .user_request = "r", .correlation_id = id));
    assert_non_null(strstr(aep_execution_traceparent(run), "01939b2e7a3c7def8123456789abcdef"));
    aep_execution_free(run);
}

/* ---- clock and threads ---- */

struct clock_check {
    char last[64];
};

static void check_clock(void *user, const struct aep__message *message,
                        const struct aep__entry *entry)
{
    struct clock_check *check = user;
    char value[2048], now[64];
    (void)entry;
    snprintf(value, sizeof value, "%.*s", (int)message->value.len, message->value.data);
    snprintf(now, sizeof now, "%.27s", strstr(value, "\"timestamp\":\"") + 13);
    if (strcmp(now, check->last) < 0)
        fail_msg("%s after %s", now, check->last);
    strcpy(check->last, now);
}

static void *progress_many(void *arg)
{
    for (int i = 0; i < 300; i++)
        if (aep_execution_progress(arg, AEP_PROGRESS(.current_step = "x"), NULL) != AEP_OK)
            return arg;
    return NULL;
}

static void test_threads_on_one_run_never_turn_its_clock_back(void **state)
{
    struct here *here = *state;
    struct clock_check check = {""};
    pthread_t threads[8];
    aep_execution *run = start(here, AEP_STARTED(.agent_name = "a", .user_request = "r"));
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, progress_many, run);
    for (int i = 0; i < 8; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    accepted(here, aep_execution_complete(run, AEP_COMPLETED(.result_summary = "x"), &here->err));
    assert_int_equal(read_spool(here->dir, check_clock, &check), 2 + 8 * 300);
    aep_execution_free(run);
}

static void *end_it(void *arg)
{
    int result = aep_execution_complete(arg, AEP_COMPLETED(.result_summary = "x"), NULL);
    return (void *)(intptr_t)result;
}

static void test_of_threads_that_end_a_run_together_one_does(void **state)
{
    struct here *here = *state;
    pthread_t threads[8];
    int ended = 0;
    aep_execution *run = start(here, AEP_STARTED(.agent_name = "a", .user_request = "r"));
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, end_it, run);
    for (int i = 0; i < 8; i++) {
        void *result;
        pthread_join(threads[i], &result);
        ended += (intptr_t)result == AEP_OK;
    }
    assert_int_equal(ended, 1);
    aep_execution_free(run);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 2);
}

/* ---- refusals ---- */

static void test_a_run_that_cannot_start_is_none(void **state)
{
    struct here *here = *state;
    aep_execution *run = NULL;
    open_publisher(here);
    assert_int_equal(
        aep_execution_start(here->pub, AEP_STARTED(.user_request = "r"), &run, &here->err),
        AEP_EINVAL);
    assert_string_equal(here->err.field, "agent_name");
    assert_null(run);
    assert_int_equal(aep_execution_start(here->pub, NULL, &run, &here->err), AEP_EINVAL);
    assert_int_equal(aep_execution_progress(NULL, AEP_PROGRESS(.current_step = "x"), &here->err),
                     AEP_EINVAL);
    assert_string_equal(aep_execution_id(NULL), "");
}

static void test_a_disabled_run_has_ids_and_says_nothing(void **state)
{
    struct here *here = *state;
    set_option(here, "events.enabled", "false");
    aep_execution *run =
        start(here, AEP_STARTED(.agent_name = "a", .user_request = "r", .correlation_id = "job"));
    assert_int_equal(aep_id_version(aep_execution_id(run)), 7);
    assert_int_equal(aep_id_version(aep_execution_session_id(run)), 7);
    assert_string_equal(aep_execution_correlation_id(run), "job");
    assert_int_equal(strlen(aep_execution_traceparent(run)), 55);
    accepted(here, aep_execution_complete(run, AEP_COMPLETED(.result_summary = "x"), &here->err));
    aep_execution_free(run);
}

/* ---- the log callback ---- */

#define RUNS 40 /* more than there are locks for them */

struct diary {
    aep_execution *runs[RUNS];
    int calls;
    struct aep__process *process; /* whose segment is closed by each call; NULL: none */
};

static void write_diary(void *user, enum aep_log_level level, const char *text)
{
    struct diary *diary = user;
    (void)level;
    diary->calls++;
    if (diary->process)
        close(diary->process->appender.fd);
    for (int i = 0; i < RUNS; i++)
        aep_execution_progress(diary->runs[i], AEP_PROGRESS(.current_step = text), NULL);
}

static void open_diary(struct here *here, struct diary *diary)
{
    aep_config_set_log(here->config, write_diary, diary);
    for (int i = 0; i < RUNS; i++)
        diary->runs[i] = start(here, AEP_STARTED(.agent_name = "a", .user_request = "r"));
}

static int log_to_the_runs(void *user)
{
    struct here *here = user;
    struct diary diary = {0};
    open_diary(here, &diary);
    remove_tree(here->dir); /* that is something to say */
    int result = aep_execution_progress(diary.runs[0], AEP_PROGRESS(.current_step = "x"), NULL);
    return result == AEP_OK && diary.calls == 1 ? 0 : 1;
}

static void test_a_log_callback_may_publish_on_any_run(void **state)
{
    struct here *here = *state;
    assert_int_equal(in_child(log_to_the_runs, here), 0);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 1 + RUNS);
}

/* What its own calls have to say would call it again, and again. */
static int log_what_logs(void *user)
{
    struct here *here = user;
    struct diary diary = {0};
    open_diary(here, &diary);
    if (aep__publisher_process(here->pub, &diary.process, NULL) != AEP_OK)
        return 1;
    close(diary.process->appender.fd);
    for (int i = 0; i < 3; i++)
        if (aep_execution_progress(diary.runs[i], AEP_PROGRESS(.current_step = "x"), NULL) !=
            AEP_OK)
            return 2;
    return diary.calls == 3 ? 0 : 3;
}

static void test_a_log_callback_does_not_run_within_itself(void **state)
{
    struct here *here = *state;
    assert_int_equal(in_child(log_what_logs, here), 0);
    assert_int_equal(read_spool(here->dir, NULL, NULL), RUNS + 3 + 3 * RUNS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_run_from_start_to_end),
        TEST(test_what_the_caller_gives_beats_what_is_filled_in),
        TEST(test_a_runs_events_keep_its_agent_and_correlation_id),
        TEST(test_a_correlation_id_is_known_as_it_was_given_and_as_it_became),
        TEST(test_a_run_has_exactly_one_end),
        TEST(test_a_run_freed_without_an_end_is_abandoned),
        TEST(test_a_child_that_frees_its_copy_abandons_nothing),
        TEST(test_a_child_may_go_on_with_a_run_whose_lock_was_held_at_fork),
        TEST(test_children_join_the_trace_below_the_started_event),
        TEST(test_a_run_of_its_own_makes_its_trace_from_its_correlation_id),
        TEST(test_threads_on_one_run_never_turn_its_clock_back),
        TEST(test_of_threads_that_end_a_run_together_one_does),
        TEST(test_a_run_that_cannot_start_is_none),
        TEST(test_a_disabled_run_has_ids_and_says_nothing),
        TEST(test_a_log_callback_may_publish_on_any_run),
        TEST(test_a_log_callback_does_not_run_within_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
