/* SPDX-License-Identifier: Apache-2.0 */
/* The fold: whatever the order in which an execution's events come, and however often, they add up to
 * the same. A random history is folded in the order of its events, then in random ones. */
#include "random_fixture.h"

#include <stdio.h>

#include "track/fold.h"

#define EVENTS_MAX 9
#define HISTORIES 20000

/* ---- events ---- */

struct history {
    struct aep__observation events[EVENTS_MAX];
    int count;
};

static struct aep__observation event_at(int kind, int64_t at_us, uint8_t id)
{
    struct aep__observation event = {
        .kind = kind,
        .order = {.at_us = at_us, .id = {[15] = id}},
        .tenant_id = AEP__SLICE("t"),
        .source = AEP__SLICE("s"),
        .correlation_id = AEP__SLICE("c"),
        .agent_name = AEP__SLICE("a"),
        .progress_percent = NAN,
        .steps_completed = NAN,
        .steps_total = NAN,
        .duration_ms = NAN,
        .expect_within_s = NAN,
        .when_us = INT64_MIN,
    };
    snprintf(event.event_id, sizeof event.event_id, "00000000-0000-0000-0000-0000000000%02x", id);
    return event;
}

static struct aep__slice any_text(void)
{
    static const char *const texts[] = {NULL, "", "one", "two", "three"};
    const char *text = texts[any(5)];
    return text ? aep__slice_text(text) : (struct aep__slice){0};
}

static double any_number(void)
{
    return any(3) == 0 ? NAN : any(100);
}

static void make_progress(struct aep__observation *event)
{
    static const char *const phases[] = {"start", "end", "other", "error", "denied"};
    event->current_step = any_text();
    event->progress_percent = any_number();
    event->steps_completed = any_number();
    event->steps_total = any_number();
    event->waiting = any(3) == 0 ? (enum aep__waiting)any(AEP__WAITING_COUNT) : AEP__WAITING_NOT;
    event->expect_within_s = any_number();
    event->tool = any_text();
    event->phase = aep__slice_text(phases[any(5)]);
}

static void make_end(struct aep__observation *event)
{
    static const char *const codes[] = {"ABANDONED", "INTERRUPTED", "E1"};
    event->inferred = event->kind == AEP_KIND_FAILED && any(2);
    if (event->kind == AEP_KIND_FAILED)
        event->error_code = aep__slice_text(codes[any(3)]);
    event->result_summary = event->kind == AEP_KIND_COMPLETED ? any_text() : (struct aep__slice){0};
    event->session_id = any_text();
    event->duration_ms = any_number();
    event->when_us = any(2) ? event->order.at_us + any(5) : INT64_MIN;
}

/* At most one started event, since each begins another execution. */
static void make_history(struct history *history)
{
    static const char *const sources[] = {"s", "other"};
    bool started = false, numbered = any(2);
    history->count = 1 + (int)any(EVENTS_MAX);
    for (int i = 0; i < history->count; i++) {
        int kind = (int)any(AEP_KIND_COUNT + 1) - 1;
        if (kind == AEP_KIND_STARTED && started)
            kind = AEP_KIND_PROGRESS;
        started |= kind == AEP_KIND_STARTED;
        struct aep__observation *event = &history->events[i];
        *event = event_at(kind, any(6), (uint8_t)(i + 1));
        event->source = aep__slice_text(sources[any(2)]);
        event->skew = any(20) == 0;
        event->sequence = (struct aep__sequence){
            .known = numbered || any(2), .spool = {(uint8_t)(any(8) == 0)}, .ordinal = any(1000)};
        if (kind == AEP_KIND_STARTED) {
            event->user_request = any_text();
            event->session_id = any_text();
        } else if (kind == AEP_KIND_PROGRESS) {
            make_progress(event);
        } else if (kind != AEP__KIND_OTHER) {
            make_end(event);
        }
    }
}

/* ---- folding ---- */

static int by_order(const void *one, const void *other)
{
    const struct aep__observation *a = one, *b = other;
    return aep__order_before(&a->order, &b->order)   ? -1
           : aep__order_before(&b->order, &a->order) ? 1
                                                     : 0;
}

/* The first events of a history, as they came, in their order. */
struct seen {
    struct history history;
};

static int each(void *user, aep__fold_fn fn, void *fold)
{
    struct history sorted = ((struct seen *)user)->history;
    qsort(sorted.events, (size_t)sorted.count, sizeof *sorted.events, by_order);
    for (int i = 0; i < sorted.count; i++)
        fn(fold, &sorted.events[i]);
    return 0;
}

static void begin(struct aep__tracked *execution)
{
    aep__tracked_init(execution);
    execution->partial = true;
    aep__tracked_set_text(execution, &execution->id, AEP__SLICE("id"));
}

static struct aep__sequence number_of_end(const struct history *history,
                                          const struct aep__tracked *execution)
{
    const struct aep__order *end = &execution->origins[AEP__ORIGIN_END];
    for (int i = 0; i < history->count; i++)
        if (memcmp(history->events[i].order.id, end->id, sizeof end->id) == 0)
            return history->events[i].sequence;
    return (struct aep__sequence){0};
}

/* As ingest does: each event as it comes, or all again where one alone does not tell. */
static void fold_as_they_come(const struct history *history, struct aep__tracked *execution)
{
    struct seen seen = {0};
    begin(execution);
    for (int i = 0; i < history->count; i++) {
        seen.history.events[seen.history.count++] = history->events[i];
        struct aep__sequence end = number_of_end(&seen.history, execution);
        if (!aep__fold(execution, &history->events[i], &end))
            assert_int_equal(aep__fold_again(execution, each, &seen), 0);
    }
}

static void fold_at_once(const struct history *history, struct aep__tracked *execution)
{
    struct seen seen = {.history = *history};
    begin(execution);
    for (int i = 0; i < history->count; i++) /* no event's to say again */
        execution->skew |= history->events[i].skew;
    assert_int_equal(aep__fold_again(execution, each, &seen), 0);
}

static bool differs(const void *user)
{
    const struct history *history = user;
    struct aep__tracked one, other;
    fold_as_they_come(history, &one);
    fold_at_once(history, &other);
    bool equal = aep__tracked_equal(&one, &other);
    aep__tracked_done(&one);
    aep__tracked_done(&other);
    return !equal;
}

static void print_history(const struct history *history)
{
    for (int i = 0; i < history->count; i++) {
        const struct aep__observation *event = &history->events[i];
        print_message(
            "  %s at %lld id %d%s%s code %.*s number %d/%d/%llu waiting %d step %.*s\n",
            event->kind < 0 ? "other" : aep__kinds[event->kind].name, (long long)event->order.at_us,
            event->order.id[15], event->inferred ? " inferred" : "", event->skew ? " skew" : "",
            (int)event->error_code.len, event->error_code.data ? event->error_code.data : "",
            event->sequence.known, event->sequence.spool[0],
            (unsigned long long)event->sequence.ordinal, event->waiting,
            (int)event->current_step.len, event->current_step.data ? event->current_step.data : "");
    }
}

static void test_any_order_of_arrival_adds_up_to_the_same(void **state)
{
    (void)state;
    begin_random();
    for (long i = 0; i < histories; i++) {
        struct history history;
        make_history(&history);
        for (int order = 0; order < 3; order++) {
            if (differs(&history)) {
                shrink_events(history.events, sizeof *history.events, &history.count, differs,
                              &history);
                print_message("history %ld, in the order of arrival:\n", i);
                print_history(&history);
                fail_msg("folded as they come, and at once, these are not the same");
            }
            shuffle_events(history.events, sizeof *history.events, history.count);
        }
    }
}

/* ---- cases by hand ---- */

static struct aep__tracked execution;

static void fold_all(const struct aep__observation *events, int count)
{
    struct history history = {.count = count};
    memcpy(history.events, events, (size_t)count * sizeof *events);
    aep__tracked_done(&execution);
    fold_as_they_come(&history, &execution);
}

static struct aep__observation failure(int64_t at_us, uint8_t id, const char *code, bool inferred)
{
    struct aep__observation event = event_at(AEP_KIND_FAILED, at_us, id);
    event.error_code = aep__slice_text(code);
    event.inferred = inferred;
    return event;
}

static void test_an_explicit_end_counts_before_an_inferred_one(void **state)
{
    (void)state;
    struct aep__observation events[] = {failure(1, 1, "INTERRUPTED", true),
                                        event_at(AEP_KIND_COMPLETED, 5, 2)};
    fold_all(events, 2);
    assert_int_equal(execution.outcome, AEP__ENDING_COMPLETED);
    assert_false(execution.inferred);
    assert_false(execution.conflict);
}

static void test_whatever_comes_later_revives_an_abandoned_one(void **state)
{
    (void)state;
    struct aep__observation events[] = {event_at(AEP_KIND_STARTED, 1, 1),
                                        failure(2, 2, "ABANDONED", true),
                                        event_at(AEP_KIND_PROGRESS, 3, 3)};
    fold_all(events, 2);
    assert_int_equal(execution.outcome, AEP__ENDING_ABANDONED);
    fold_all(events, 3);
    assert_int_equal(execution.outcome, AEP__ENDING_OPEN);
}

static void test_an_inferred_failure_is_not_revived(void **state)
{
    (void)state;
    struct aep__observation events[] = {failure(2, 2, "INTERRUPTED", true),
                                        event_at(AEP_KIND_PROGRESS, 3, 3)};
    fold_all(events, 2);
    assert_int_equal(execution.outcome, AEP__ENDING_FAILED);
    assert_true(execution.inferred);
}

static void test_of_two_ends_the_spools_first_counts(void **state)
{
    (void)state;
    struct aep__observation events[] = {event_at(AEP_KIND_COMPLETED, 5, 1),
                                        failure(4, 2, "E", false)};
    fold_all(events, 2);
    assert_int_equal(execution.outcome, AEP__ENDING_FAILED); /* by its timestamp */
    assert_true(execution.conflict);
    events[0].sequence = (struct aep__sequence){.known = true, .ordinal = 1};
    events[1].sequence = (struct aep__sequence){.known = true, .ordinal = 2};
    fold_all(events, 2);
    assert_int_equal(execution.outcome, AEP__ENDING_COMPLETED);
    events[1].sequence.spool[0] = 1;
    fold_all(events, 2);
    assert_int_equal(execution.outcome,
                     AEP__ENDING_FAILED); /* numbers of two spools tell nothing */
}

static void test_what_comes_after_the_end_is_counted_and_no_more(void **state)
{
    (void)state;
    struct aep__observation events[] = {event_at(AEP_KIND_STARTED, 1, 1),
                                        event_at(AEP_KIND_PROGRESS, 9, 2),
                                        event_at(AEP_KIND_COMPLETED, 5, 3)};
    events[1].current_step = AEP__SLICE("late");
    events[1].waiting = AEP__WAITING_HUMAN;
    fold_all(events, 3);
    assert_null(execution.current_step);
    assert_int_equal(execution.waiting, AEP__WAITING_NOT);
    assert_int_equal(execution.events, 3);
    assert_int_equal(execution.last_event_at, 9);
}

static void test_a_duration_that_was_not_told_is_measured(void **state)
{
    (void)state;
    struct aep__observation events[] = {event_at(AEP_KIND_STARTED, 1000, 1),
                                        event_at(AEP_KIND_COMPLETED, 8000, 2)};
    fold_all(events + 1, 1);
    assert_true(execution.partial && isnan(execution.duration_ms));
    fold_all(events, 2);
    assert_true(execution.duration_ms == 7.0);
    events[1].duration_ms = 6.5;
    fold_all(events, 2);
    assert_true(execution.duration_ms == 6.5);
}

static void test_the_next_progress_without_it_ends_a_wait(void **state)
{
    (void)state;
    struct aep__observation events[] = {event_at(AEP_KIND_PROGRESS, 1, 1),
                                        event_at(AEP_KIND_PROGRESS, 2, 2)};
    events[0].waiting = AEP__WAITING_HUMAN;
    fold_all(events, 1);
    assert_int_equal(execution.waiting, AEP__WAITING_HUMAN);
    assert_int_equal(execution.waiting_since, 1);
    fold_all(events, 2);
    assert_int_equal(execution.waiting, AEP__WAITING_NOT);
    assert_int_equal(execution.waiting_since, AEP__UNKNOWN_US);
}

int main(int argc, char **argv)
{
    read_arguments(argc, argv, HISTORIES);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_of_arrival_adds_up_to_the_same),
        cmocka_unit_test(test_an_explicit_end_counts_before_an_inferred_one),
        cmocka_unit_test(test_whatever_comes_later_revives_an_abandoned_one),
        cmocka_unit_test(test_an_inferred_failure_is_not_revived),
        cmocka_unit_test(test_of_two_ends_the_spools_first_counts),
        cmocka_unit_test(test_what_comes_after_the_end_is_counted_and_no_more),
        cmocka_unit_test(test_a_duration_that_was_not_told_is_measured),
        cmocka_unit_test(test_the_next_progress_without_it_ends_a_wait),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    aep__tracked_done(&execution);
    return failed;
}
