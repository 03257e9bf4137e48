/* SPDX-License-Identifier: Apache-2.0 */
/* Words for events that are taken into a store, and for what stands there then. An event of tenant t,
 * correlation id c, agent a, unless its words say otherwise. */
#ifndef AEP_TESTS_INGEST_FIXTURE_H
#define AEP_TESTS_INGEST_FIXTURE_H

#include "track_fixture.h"

#include "base/clock.h"
#include "track/ingest.h"

#define DAY_US INT64_C(86400000000)

struct words {
    const char *kind;    /* of its type */
    unsigned id;         /* id_of() */
    double at;           /* seconds */
    unsigned cause;      /* id_of(); 0: its correlation id */
    const char *named;   /* instead of cause: any text */
    const char *payload; /* ,"member":… */
    const char *tenant, *correlation, *agent, *source, *upper;
    unsigned number; /* x-aep-seq; 0: none */
    unsigned spool;  /* which one's */
    double now;      /* of the reader, in seconds; 0: days later */
};

struct taking {
    struct track *track;
    struct aep__ingest ingest;
};

static inline int begin_taking(void **state)
{
    static struct taking taking;
    if (begin_track(state) < 0)
        return -1;
    taking = (struct taking){.track = *state};
    *state = &taking;
    aep_error err;
    if (aep__ingest_init(&taking.ingest, taking.track->store, DAY_US, &err) != AEP_OK)
        return -1;
    begin(taking.track);
    return 0;
}

static inline int end_taking(void **state)
{
    struct taking *taking = *state;
    *state = taking->track;
    aep__ingest_done(&taking->ingest);
    return end_track(state);
}

#define TAKING_TEST(function) cmocka_unit_test_setup_teardown(function, begin_taking, end_taking)

static inline void take_words(struct taking *taking, const struct words *words)
{
    char time[AEP__TIME_SIZE];
    struct aep__buf json = {0};
    aep_error err = {0};
    const char *correlation = words->correlation ? words->correlation : "c";
    aep__clock_format(EPOCH_US + (int64_t)(words->at * 1e6), time);
    aep__buf_format(
        &json,
        "{\"event_type\":\"omninode.agent.execution.%s.v1\",\"event_id\":\"%s\","
        "\"timestamp\":\"%s\",\"tenant_id\":\"%s\",\"source\":\"%s\",\"correlation_id\":\"%s\","
        "\"causation_id\":\"%s\",\"payload\":{\"agent_name\":\"%s\"%s}}",
        words->kind, words->upper ? words->upper : id_of(words->id), time,
        words->tenant ? words->tenant : "t", words->source ? words->source : "s", correlation,
        words->named   ? words->named
        : words->cause ? id_of(words->cause)
                       : correlation,
        words->agent ? words->agent : "a", words->payload ? words->payload : "");
    struct aep__arrival arrival = {.body = {json.data, json.len},
                                   .sequence = {.known = words->number > 0,
                                                .spool = {(uint8_t)words->spool},
                                                .ordinal = words->number},
                                   .now_us = words->now > 0 ? EPOCH_US + (int64_t)(words->now * 1e6)
                                                            : AT(10 * 86400)};
    if (aep__ingest_take(&taking->ingest, &arrival, &err) != AEP_OK)
        fail_msg("%s", err.text);
    aep__buf_done(&json);
}

/* TAKE("started", 1, 10, .cause = 7) */
#define TAKE(name, number_of_id, seconds, ...)                                                     \
    take_words(*state,                                                                             \
               &(struct words){.kind = name, .id = number_of_id, .at = seconds, __VA_ARGS__})

static inline void settle_all(struct taking *taking)
{
    aep_error err = {0};
    if (aep__ingest_flush(&taking->ingest, &err) != AEP_OK)
        fail_msg("%s", err.text);
    commit(taking->track);
    begin(taking->track);
}

/* The row, valid until the next. Its texts are freed with it. */
static inline const struct aep__tracked *row_of(struct taking *taking, const char *id)
{
    static struct aep__tracked row;
    static bool used;
    if (!used)
        aep__tracked_init(&row);
    used = true;
    settle_all(taking);
    int found = taking->track->store->ops->get(taking->track->store, id, &row, &taking->track->err);
    if (found < 0)
        fail_msg("%s", taking->track->err.text);
    return found ? &row : NULL;
}

#define ROW(number) row_of(*state, id_of(number))

static inline void assert_state(struct taking *taking, unsigned number, double at,
                                enum aep__state expected)
{
    const struct aep__tracked *row = row_of(taking, id_of(number));
    assert_non_null(row);
    assert_string_equal(aep__state_word(aep__state_of(row, EPOCH_US + (int64_t)(at * 1e6))),
                        aep__state_word(expected));
}

#endif
