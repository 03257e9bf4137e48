/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories of several executions: events that name one another or nothing, close in time, and
 * what stands in a store that has taken them. */
#ifndef AEP_TESTS_HISTORY_FIXTURE_H
#define AEP_TESTS_HISTORY_FIXTURE_H

#include "random_fixture.h"
#include "track_fixture.h"

#include "base/clock.h"
#include "track/ingest.h"

#define EVENTS_MAX 12
#define NOW_US INT64_C(1800000000000000)
#define DAY_US INT64_C(86400000000)

/* ---- histories ---- */

struct event {
    const char *kind; /* of its type */
    int64_t at_us;
    unsigned id;      /* its event_id's last byte */
    unsigned cause;   /* the id that it names; 0: its correlation id */
    unsigned ordinal; /* its number in its spool; 0: it has none */
    char spool, tenant, correlation, agent;
    int length;          /* of these names */
    enum aep__fate fate; /* in the spool */
    bool copied;         /* it has come from Kafka too */
    char payload[160];   /* its own members */
};

struct history {
    struct event events[EVENTS_MAX];
    int count;
};

/* Some of the executions caused one another, in a circle. */
static inline void make_circle(struct history *history)
{
    int length = 2 + (int)any(4);
    for (int i = 0; i < length && i < history->count; i++) {
        int next = i + 1 < length && i + 1 < history->count ? i + 1 : 0;
        history->events[i].kind = "started";
        history->events[i].payload[0] = '\0';
        history->events[i].cause = history->events[next].id;
    }
}

static inline void make_history(struct history *history)
{
    static const char *const kinds[] = {"started",   "started", "progress", "progress",
                                        "completed", "failed",  "paused"};
    int length = any(16) ? 1 : AEP__TEXT_MAX / 2; /* three are longer than an id may be */
    history->count = 2 + (int)any(EVENTS_MAX - 1);
    for (int i = 0; i < history->count; i++) {
        struct event *event = &history->events[i];
        *event = (struct event){
            .kind = kinds[any(7)],
            .at_us = NOW_US - 100 - any(6) / 5 * DAY_US + any(8),
            .id = (unsigned)i + 1,
            .ordinal = any(3) ? 1 + any(any(2) ? 1000 : 3) : 0, /* some have the same */
            .spool = (char)(any(4) == 0),
            .tenant = (char)('t' + (any(5) == 0)),
            .correlation = (char)('c' + (any(4) == 0)),
            .agent = (char)('a' + (any(3) == 0)),
            .length = length,
            .fate = (enum aep__fate)any(AEP__FATE_LOST),
            .copied = any(2) == 0,
        };
        if (any(3) > 0)
            event->cause =
                1 + any(EVENTS_MAX + 1); /* one of them, itself, or one of which nothing is known */
        if (strcmp(event->kind, "progress") == 0)
            snprintf(event->payload, sizeof event->payload, ",\"current_step\":\"%u\"%s", any(9),
                     any(3) ? ""
                            : ",\"metadata\":{\"status\":\"waiting\",\"waiting_for\":\"human\"}");
        if (strcmp(event->kind, "failed") == 0)
            snprintf(event->payload, sizeof event->payload,
                     ",\"error_code\":\"%s\",\"error_message\":\"m\"%s", any(2) ? "ABANDONED" : "E",
                     any(2) ? ",\"inferred\":true" : "");
    }
    if (any(4) == 0)
        make_circle(history);
}

static inline void add_id(struct aep__buf *out, unsigned id)
{
    aep__buf_format(out, "\"00000000-0000-7000-8000-0000000000%02x\"", id);
}

/* "name":"ccc", */
static inline void add_name(struct aep__buf *out, const char *name, char character, int length)
{
    aep__buf_format(out, "\"%s\":\"", name);
    while (length-- > 0)
        aep__buf_byte(out, character);
    aep__buf_text(out, "\",");
}

static inline void add_cause(struct aep__buf *out, const struct event *event)
{
    if (!event->cause) {
        add_name(out, "causation_id", event->correlation, event->length);
    } else if (event->cause > EVENTS_MAX && event->length > 1) {
        add_name(out, "causation_id", 'x', 3 * event->length);
    } else {
        aep__buf_text(out, "\"causation_id\":");
        add_id(out, event->cause);
        aep__buf_byte(out, ',');
    }
}

static inline void write_event(const struct event *event, struct aep__buf *out)
{
    char time[AEP__TIME_SIZE];
    aep__clock_format(event->at_us, time);
    aep__buf_clear(out);
    aep__buf_format(
        out, "{\"event_type\":\"omninode.agent.execution.%s.v1\",\"event_id\":", event->kind);
    add_id(out, event->id);
    aep__buf_format(out, ",\"timestamp\":\"%s\",\"source\":\"s\",", time);
    add_name(out, "tenant_id", event->tenant, event->length);
    add_name(out, "correlation_id", event->correlation, event->length);
    add_cause(out, event);
    aep__buf_text(out, "\"payload\":{");
    add_name(out, "agent_name", event->agent, event->length);
    aep__buf_format(out, "\"correlation_id\":\"%c\"%s}}", event->correlation, event->payload);
}

/* ---- taking ---- */

static inline void take(struct aep__ingest *ingest, const struct event *event, enum aep__fate fate,
                        bool numbered, int64_t now_us)
{
    struct aep__buf json = {0};
    aep_error err = {0};
    write_event(event, &json);
    struct aep__arrival arrival = {.body = {json.data, json.len}, .fate = fate, .now_us = now_us};
    if (numbered && event->ordinal)
        arrival.sequence = (struct aep__sequence){
            .known = true, .spool = {(uint8_t)event->spool}, .ordinal = event->ordinal};
    if (aep__ingest_take(ingest, &arrival, &err) != AEP_OK)
        fail_msg("%s", err.text);
    aep__buf_done(&json);
}

static inline void flush(struct aep__ingest *ingest)
{
    aep_error err = {0};
    if (aep__ingest_flush(ingest, &err) != AEP_OK)
        fail_msg("%s", err.text);
}

static inline void end_transaction(struct aep__ingest *ingest)
{
    aep_error err = {0};
    flush(ingest);
    if (ingest->store->ops->commit(ingest->store, &err) != AEP_OK)
        fail_msg("%s", err.text);
}

static inline void begin_transaction(struct aep__ingest *ingest)
{
    aep_error err = {0};
    if (ingest->store->ops->begin(ingest->store, &err) != AEP_OK)
        fail_msg("%s", err.text);
}

/* From the spool and, where it is copied, from Kafka, in either order. */
static inline void take_with_copy(struct aep__ingest *ingest, const struct event *event,
                                  bool numbered, int64_t now_us)
{
    bool before = any(2) == 0;
    if (event->copied && before)
        take(ingest, event, AEP__FATE_ACKED, numbered, now_us);
    take(ingest, event, event->fate, numbered, now_us);
    if (event->copied && !before)
        take(ingest, event, AEP__FATE_ACKED, numbered, now_us);
}

struct rows {
    struct aep__tracked executions[EVENTS_MAX * 2];
    int count;
};

static inline void copy_execution(struct aep__tracked *to, const struct aep__tracked *from)
{
    *to = *from;
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++) {
        const struct aep__tracked_member *member = &aep__tracked_members[i];
        char **text = (char **)(void *)((char *)to + member->offset);
        if (member->type == AEP__MEMBER_TEXT && *text)
            *text = strdup(*text);
    }
}

static inline void print_execution(const struct aep__tracked *execution)
{
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++) {
        const struct aep__tracked_member *member = &aep__tracked_members[i];
        const char *at = (const char *)execution + member->offset;
        if (member->type == AEP__MEMBER_TEXT && *(char *const *)(const void *)at)
            print_message(" %s=%.60s", member->name, *(char *const *)(const void *)at);
        else if (member->type == AEP__MEMBER_REAL && !isnan(*(const double *)(const void *)at))
            print_message(" %s=%g", member->name, *(const double *)(const void *)at);
        else if (member->type > AEP__MEMBER_REAL && *(const int64_t *)(const void *)at)
            print_message(" %s=%lld", member->name, (long long)*(const int64_t *)(const void *)at);
        else if (member->type == AEP__MEMBER_TIME &&
                 *(const int64_t *)(const void *)at != AEP__UNKNOWN_US)
            print_message(" %s=%lld", member->name,
                          (long long)(*(const int64_t *)(const void *)at - NOW_US));
    }
    print_message("\n");
}

/* Patience is what was learned till then, in the order of arrival: no part of what must be the same. */
static inline bool copy_row(void *user, const struct aep__tracked *execution)
{
    struct rows *rows = user;
    assert_true(rows->count < EVENTS_MAX * 2);
    struct aep__tracked *copy = &rows->executions[rows->count++];
    copy_execution(copy, execution);
    copy->patience_us = copy->usual_us = copy->stalls_at = copy->abandons_at = 0;
    return true;
}

static inline int by_id(const void *one, const void *other)
{
    return strcmp(((const struct aep__tracked *)one)->id, ((const struct aep__tracked *)other)->id);
}

static inline void free_rows(struct rows *rows)
{
    for (int i = 0; i < rows->count; i++)
        aep__tracked_done(&rows->executions[i]);
    rows->count = 0;
}

static inline void list_rows(struct aep__store *store, struct rows *rows)
{
    aep_error err = {0};
    struct aep__filter filter;
    aep__filter_init(&filter);
    struct aep__query query = {.filter = &filter, .clock_us = NOW_US};
    rows->count = 0;
    assert_int_equal(store->ops->list(store, &query, copy_row, rows, &err), AEP_OK);
    qsort(rows->executions, (size_t)rows->count, sizeof *rows->executions, by_id);
    aep__filter_done(&filter);
}

static inline bool same_rows(const struct rows *one, const struct rows *other)
{
    bool same = one->count == other->count;
    for (int i = 0; same && i < one->count; i++)
        same = aep__tracked_equal(&one->executions[i], &other->executions[i]);
    return same;
}

static inline void print_history(const struct history *history)
{
    struct aep__buf json = {0};
    for (int i = 0; i < history->count; i++) {
        write_event(&history->events[i], &json);
        print_message("  %s %d:%u\n", aep__buf_string(&json), history->events[i].spool,
                      history->events[i].ordinal);
    }
    aep__buf_done(&json);
}

#endif
