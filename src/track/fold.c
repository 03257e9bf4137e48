/* SPDX-License-Identifier: Apache-2.0 */
#include "track/fold.h"

#include "track/text.h"

#include <stddef.h>

/* ---- one event's share ---- */

/* Whether the event's value replaces what came from `origin`; then it is the origin. */
static bool replaces(struct aep__tracked *execution, enum aep__origin origin,
                     const struct aep__observation *event)
{
    if (!aep__order_before(&execution->origins[origin], &event->order))
        return false;
    execution->origins[origin] = event->order;
    return true;
}

static void take_started(struct aep__tracked *execution, const struct aep__observation *event)
{
    execution->origins[AEP__ORIGIN_STARTED] = event->order;
    execution->origins[AEP__ORIGIN_SOURCE] = AEP__ORDER_NONE;
    execution->partial = false;
    execution->started_at = event->when_us == INT64_MIN ? event->order.at_us : event->when_us;
    aep__tracked_set_text(execution, &execution->user_request, event->user_request);
    aep__tracked_set_text(execution, &execution->source, event->source);
    if (event->session_id.data) {
        aep__tracked_set_text(execution, &execution->session_id, event->session_id);
        execution->session_of_end = false;
    }
}

static bool same(struct aep__slice one, struct aep__slice other)
{
    return one.len == other.len && (one.len == 0 || memcmp(one.data, other.data, one.len) == 0);
}

/* What caused it, unless that is itself: the correlation id is the beginning of a chain. */
static void take_cause(struct aep__tracked *execution, const struct aep__observation *event)
{
    struct aep__slice cause = event->causation_id;
    if (!cause.data || cause.len == 0 || same(cause, event->correlation_id) ||
        same(cause, aep__slice_text(event->event_id)))
        cause = (struct aep__slice){0};
    aep__tracked_set_name(execution, &execution->parent_named, cause);
}

/* Whether a tool is no longer in use after a phase of it. */
static bool ends_use(struct aep__slice phase)
{
    static const char *const phases[] = {"end", "error", "denied"};
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        if (aep__text_is(phase, phases[i]))
            return true;
    return false;
}

static void take_progress(struct aep__tracked *execution, const struct aep__observation *event)
{
    const struct {
        double *to, from;
        enum aep__origin origin;
    } numbers[] = {
        {&execution->progress_percent, event->progress_percent, AEP__ORIGIN_PERCENT},
        {&execution->steps_completed, event->steps_completed, AEP__ORIGIN_COMPLETED},
        {&execution->steps_total, event->steps_total, AEP__ORIGIN_TOTAL},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!isnan(numbers[i].from) && replaces(execution, numbers[i].origin, event))
            *numbers[i].to = numbers[i].from;
    if (event->current_step.data && replaces(execution, AEP__ORIGIN_STEP, event))
        aep__tracked_set_text(execution, &execution->current_step, event->current_step);
    if (replaces(execution, AEP__ORIGIN_PROGRESS, event)) {
        execution->waiting = event->waiting;
        execution->waiting_since = event->waiting ? event->order.at_us : AEP__UNKNOWN_US;
    }
    bool begins = aep__text_is(event->phase, "start");
    if (event->tool.data && (begins || ends_use(event->phase)) &&
        replaces(execution, AEP__ORIGIN_TOOL, event))
        aep__tracked_set_text(execution, &execution->tool,
                              begins ? event->tool : (struct aep__slice){0});
}

static bool says_abandoned(const struct aep__observation *event)
{
    return event->inferred && same(event->error_code, AEP__SLICE("ABANDONED"));
}

static void take_end(struct aep__tracked *execution, const struct aep__observation *event)
{
    execution->origins[AEP__ORIGIN_END] = event->order;
    execution->outcome = event->kind == AEP_KIND_COMPLETED ? AEP__ENDING_COMPLETED
                         : says_abandoned(event)           ? AEP__ENDING_ABANDONED
                                                           : AEP__ENDING_FAILED;
    execution->inferred = event->inferred;
    execution->ended_at = event->when_us == INT64_MIN ? event->order.at_us : event->when_us;
    execution->told_duration_ms = event->duration_ms;
    aep__tracked_set_text(execution, &execution->error_code, event->error_code);
    aep__tracked_set_text(execution, &execution->error_type, event->error_type);
    aep__tracked_set_text(execution, &execution->error_message, event->error_message);
    aep__tracked_set_text(execution, &execution->result_summary, event->result_summary);
    if (event->session_id.data && !execution->session_id) {
        aep__tracked_set_text(execution, &execution->session_id, event->session_id);
        execution->session_of_end = true;
    }
}

/* What every event adds. */
static void take_any(struct aep__tracked *execution, const struct aep__observation *event)
{
    execution->events++;
    execution->skew |= event->skew;
    if (replaces(execution, AEP__ORIGIN_LAST, event)) {
        execution->last_event_at = event->order.at_us;
        execution->expect_within_s = event->expect_within_s;
    }
    if (execution->partial &&
        (!aep__order_known(&execution->origins[AEP__ORIGIN_SOURCE]) ||
         aep__order_before(&event->order, &execution->origins[AEP__ORIGIN_SOURCE]))) {
        execution->origins[AEP__ORIGIN_SOURCE] = event->order;
        aep__tracked_set_text(execution, &execution->source, event->source);
    }
}

static bool ends(const struct aep__observation *event)
{
    return event->kind != AEP__KIND_OTHER && aep__kinds[event->kind].terminal;
}

/* One event, once it is known which one is the end. */
static void take(struct aep__tracked *execution, const struct aep__observation *event,
                 const struct aep__order *end)
{
    take_any(execution, event);
    if (event->kind == AEP_KIND_STARTED) {
        take_started(execution, event);
        take_cause(execution, event);
    } else if (ends(event)) {
        if (end && !aep__order_before(end, &event->order) && !aep__order_before(&event->order, end))
            take_end(execution, event);
    } else if (event->kind == AEP_KIND_PROGRESS &&
               (!end || aep__order_before(&event->order, end))) {
        take_progress(execution, event);
    }
}

/* What follows from the rest. */
static void conclude(struct aep__tracked *execution)
{
    bool timed = !execution->partial && execution->ended_at != AEP__UNKNOWN_US;
    execution->duration_ms = execution->partial                    ? NAN
                             : !isnan(execution->told_duration_ms) ? execution->told_duration_ms
                             : timed ? (double)(execution->ended_at - execution->started_at) / 1000
                                     : NAN;
    if (execution->outcome != AEP__ENDING_OPEN) {
        execution->waiting = AEP__WAITING_NOT;
        execution->waiting_since = AEP__UNKNOWN_US;
    }
}

/* ---- an event as it comes ---- */

/* Whether a value came from an event that is not before this one. */
static bool counted_after(const struct aep__tracked *execution,
                          const struct aep__observation *event)
{
    for (int i = AEP__ORIGIN_STEP; i < AEP__ORIGIN_END; i++)
        if (aep__order_before(&event->order, &execution->origins[i]))
            return true;
    return false;
}

/* What an event does to the end of an execution. */
enum verdict {
    LEAVES_IT,
    IS_IT,
    OPENS_AGAIN,
    ASKS_ALL /* only all events tell */
};

static bool is_later(const struct aep__tracked *execution, const struct aep__observation *event,
                     enum aep__origin origin)
{
    return aep__order_before(&execution->origins[origin], &event->order);
}

static bool has_explicit_end(const struct aep__tracked *execution)
{
    return execution->outcome != AEP__ENDING_OPEN && !execution->inferred;
}

/* What was given up is revived by whatever is later. Its wait was forgotten, and another may have given its
 * session: only a progress event says enough by itself. */
static enum verdict judge_other(const struct aep__tracked *execution,
                                const struct aep__observation *event)
{
    if (execution->outcome != AEP__ENDING_ABANDONED ||
        !is_later(execution, event, AEP__ORIGIN_LAST))
        return LEAVES_IT;
    return event->kind == AEP_KIND_PROGRESS && !execution->session_of_end ? OPENS_AGAIN : ASKS_ALL;
}

/* The first one that does not give up counts; else one that does, if nothing is later. */
static enum verdict judge_inferred(const struct aep__tracked *execution,
                                   const struct aep__observation *event)
{
    bool fails = execution->outcome == AEP__ENDING_FAILED;
    if (has_explicit_end(execution))
        return LEAVES_IT;
    if (says_abandoned(event))
        return !fails && is_later(execution, event, AEP__ORIGIN_LAST) ? IS_IT : LEAVES_IT;
    return fails && is_later(execution, event, AEP__ORIGIN_END) ? LEAVES_IT : IS_IT;
}

static bool same_spool(const struct aep__sequence *one, const struct aep__sequence *other)
{
    return one->known && other->known && memcmp(one->spool, other->spool, sizeof one->spool) == 0;
}

/* The first one in publisher order counts. @end  the number of the one that does */
static enum verdict judge_explicit(const struct aep__tracked *execution,
                                   const struct aep__observation *event,
                                   const struct aep__sequence *end)
{
    bool later = is_later(execution, event, AEP__ORIGIN_END);
    if (execution->outcome == AEP__ENDING_OPEN)
        return IS_IT;
    if (execution->inferred || (!execution->mixed_ends && !same_spool(&event->sequence, end)))
        return ASKS_ALL;
    if (execution->mixed_ends || event->sequence.ordinal == end->ordinal)
        return later ? LEAVES_IT : IS_IT;
    if (event->sequence.ordinal > end->ordinal)
        return LEAVES_IT;
    return later ? ASKS_ALL : IS_IT; /* what came between counts */
}

static enum verdict judge(const struct aep__tracked *execution,
                          const struct aep__observation *event, const struct aep__sequence *end)
{
    enum verdict verdict = !ends(event)      ? judge_other(execution, event)
                           : event->inferred ? judge_inferred(execution, event)
                                             : judge_explicit(execution, event, end);
    bool asks = verdict == IS_IT && (execution->session_of_end || counted_after(execution, event));
    return asks ? ASKS_ALL : verdict;
}

/* Nothing ends it any more. */
static void open_again(struct aep__tracked *execution)
{
    static const struct aep__observation nothing = {.when_us = INT64_MIN, .duration_ms = NAN};
    take_end(execution, &nothing);
    execution->outcome = AEP__ENDING_OPEN;
    execution->ended_at = AEP__UNKNOWN_US;
    execution->origins[AEP__ORIGIN_END] = AEP__ORDER_NONE;
}

bool aep__fold_compares(const struct aep__tracked *execution, const struct aep__observation *event)
{
    return ends(event) && !event->inferred && has_explicit_end(execution) && !execution->mixed_ends;
}

bool aep__fold(struct aep__tracked *execution, const struct aep__observation *event,
               const struct aep__sequence *end)
{
    enum verdict verdict = judge(execution, event, end);
    if (verdict == ASKS_ALL)
        return false;
    if (verdict == OPENS_AGAIN)
        open_again(execution);
    if (ends(event) && !event->inferred) {
        execution->conflict |= has_explicit_end(execution);
        if (!execution->conflict)
            execution->mixed_ends = !event->sequence.known;
    }
    const struct aep__order *order =
        verdict == IS_IT ? &event->order : &execution->origins[AEP__ORIGIN_END];
    take(execution, event, aep__order_known(order) ? order : NULL);
    conclude(execution);
    return true;
}

void aep__fold_fixed(struct aep__tracked *execution, const struct aep__observation *event)
{
    take_any(execution, event);
    if (event->kind == AEP_KIND_STARTED) {
        take_started(execution, event);
        take_cause(execution, event);
    } else if (ends(event) && !event->inferred) {
        if (execution->inferred)
            take_end(execution, event);
        else
            execution->conflict = true;
    }
    conclude(execution);
}

/* ---- all of them ---- */

/* The search for the end, over all events in their order. */
struct search {
    struct aep__order first, first_numbered, inferred; /* explicit ones; the inferred one */
    struct aep__sequence number;                       /* of first_numbered */
    unsigned explicit_count;
    bool unnumbered; /* the explicit ones have no numbers of one spool */
    bool may_revive; /* the inferred one, by whatever comes after it */
};

static void look(struct search *search, const struct aep__observation *event)
{
    const struct aep__sequence *number = &event->sequence;
    if (search->may_revive) {
        search->inferred = AEP__ORDER_NONE;
        search->may_revive = false;
    }
    if (!ends(event))
        return;
    if (event->inferred) {
        if (aep__order_known(&search->inferred))
            return;
        search->inferred = event->order;
        search->may_revive = says_abandoned(event);
        return;
    }
    if (search->explicit_count++ == 0) {
        search->first = search->first_numbered = event->order;
        search->number = *number;
        search->unnumbered = !number->known;
        return;
    }
    if (!number->known || memcmp(number->spool, search->number.spool, sizeof number->spool) != 0)
        search->unnumbered = true;
    else if (number->ordinal < search->number.ordinal) {
        search->first_numbered = event->order;
        search->number = *number;
    }
}

static const struct aep__order *found(const struct search *search)
{
    if (search->explicit_count > 0)
        return search->unnumbered ? &search->first : &search->first_numbered;
    return aep__order_known(&search->inferred) ? &search->inferred : NULL;
}

/* Back to what no event says. */
static void forget(struct aep__tracked *execution)
{
    const struct aep__slice none = {0};
    char **const texts[] = {
        &execution->source,         &execution->session_id,   &execution->user_request,
        &execution->parent_named,   &execution->current_step, &execution->tool,
        &execution->error_code,     &execution->error_type,   &execution->error_message,
        &execution->result_summary,
    };
    double *const numbers[] = {
        &execution->duration_ms,     &execution->told_duration_ms, &execution->progress_percent,
        &execution->steps_completed, &execution->steps_total,      &execution->expect_within_s,
    };
    int64_t *const times[] = {&execution->started_at, &execution->ended_at,
                              &execution->last_event_at, &execution->waiting_since};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        aep__tracked_set_text(execution, texts[i], none);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = NAN;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        *times[i] = AEP__UNKNOWN_US;
    for (int i = 0; i < AEP__ORIGIN_COUNT; i++)
        execution->origins[i] = AEP__ORDER_NONE;
    execution->events = execution->outcome = execution->waiting = 0;
    execution->inferred = execution->conflict = false;
    execution->mixed_ends = execution->session_of_end = false;
    execution->partial = true;
}

struct refold {
    struct aep__tracked *execution;
    struct search search;
};

static void look_at(void *fold, const struct aep__observation *event)
{
    look(&((struct refold *)fold)->search, event);
}

static void take_again(void *fold, const struct aep__observation *event)
{
    struct refold *refold = fold;
    take(refold->execution, event, found(&refold->search));
}

int aep__fold_again(struct aep__tracked *execution, aep__fold_each each, void *user)
{
    struct refold refold = {.execution = execution, .search.inferred = AEP__ORDER_NONE};
    if (each(user, look_at, &refold) < 0)
        return -1;
    forget(execution);
    if (each(user, take_again, &refold) < 0)
        return -1;
    execution->conflict = refold.search.explicit_count > 1;
    execution->mixed_ends = refold.search.unnumbered;
    conclude(execution);
    return execution->failed ? -1 : 0;
}
