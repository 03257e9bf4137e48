/* SPDX-License-Identifier: Apache-2.0 */
/* A core on its own spool, a fake sink, and a clock that the test moves. First what the model uses,
 * then functions for stories. */
#ifndef AEP_TESTS_CORE_FIXTURE_H
#define AEP_TESTS_CORE_FIXTURE_H

#include "spool_fixture.h"

#include "fake_sink.h"

#include "deliver/core.h"
#include "deliver/delivery.h"
#include "deliver/parked.h"

#include <inttypes.h>

#define WINDOW 64 /* records that the sink takes */
#define WALL_OFFSET_US INT64_C(1700000000000000)

static struct here here;
static struct aep__appender appender;
static struct aep__counters counters;
static struct aep__pace pace;
static struct aep__core core;
static struct fake_broker broker;
static struct fake_sink *sink;
static struct aep__sink_events sink_events;
static uint64_t dead_max_bytes = UINT64_C(1) << 40;
static int64_t now_us = 1000000;

static inline int64_t read_mono(void)
{
    return now_us;
}

static inline int64_t read_wall(void)
{
    return WALL_OFFSET_US + now_us;
}

static inline void pass_us(int64_t us)
{
    now_us += us;
}

/* ---- the core and its sink ---- */

static inline void on_reported(void *user, void *record, enum aep__verdict verdict,
                               const char *error, bool forbidden)
{
    (void)user;
    aep__delivery_reported(&core, record, verdict, error, forbidden);
}

static inline void on_broker(void *user, enum aep_broker_state state, const char *reason)
{
    (void)user, (void)state, (void)reason;
}

static inline void make_sink(void)
{
    sink = fake_sink_new(&broker, WINDOW, &sink_events);
    core.sink = &sink->base;
}

static inline void free_sink(void)
{
    sink->base.ops->free(&sink->base);
    sink = NULL;
}

static inline void start_core(void)
{
    aep_error err = {0};
    struct aep__core_inputs inputs = {.spool = &here.spool,
                                      .counters = &counters,
                                      .pace = &pace,
                                      .log = sink_events.log,
                                      .dead_max_bytes = dead_max_bytes};
    aep__pace_init(&pace, (struct aep__clock){read_mono, read_wall});
    aep__core_init(&core, &inputs);
    make_sink();
    if (aep__core_start(&core, &err) != AEP_OK) {
        fprintf(stderr, "the core does not start: %s\n", err.text);
        abort();
    }
}

/* As if killed: nothing is reported or stored. */
static inline void kill_core(void)
{
    aep__core_done(&core);
    free_sink();
}

static inline void stop_core(bool tidy)
{
    sink->base.ops->abandon(&sink->base);
    aep__core_stop(&core, tidy);
    aep__core_detach(&core);
    kill_core();
}

/* As a relay's loop does it. rung: the bell has rung. */
static inline void turn(bool rung)
{
    pace.due_us = INT64_MAX;
    aep__pace_read(&pace);
    sink->base.ops->serve(&sink->base, false);
    aep__core_settle(&core);
    aep__delivery_step(&core);
    if (rung)
        aep__tail_rung(&core);
    aep__tail_pump(&core);
    aep__core_settle(&core);
    if (aep__pace_tick(&pace))
        aep__tail_sync(&core);
}

/* The broker answers all, and the sink reports it. */
static inline void answer_all(void)
{
    for (size_t i = 0; i < broker.topic_count; i++)
        fake_decide(sink, i, FAKE_TAKEN);
    while (fake_report(sink, 0))
        ;
}

/* ---- the spool ---- */

static inline aep_position append_event(const char *topic, const char *value, size_t len)
{
    struct aep__buf record = {0};
    struct aep__message message = {
        .topic = aep__slice_text(topic), .timestamp_ms = read_wall() / 1000, .value = {value, len}};
    aep_position end = {0};
    aep_error err = {0};
    if (!aep__record_encode_message(&record, &message) ||
        aep__append(&appender, record.data, record.len, false, &end, &err) != AEP_OK) {
        fprintf(stderr, "append: %s\n", err.text);
        abort();
    }
    aep__buf_done(&record);
    return end;
}

static inline void begin_stage(void (*accept)(void *, size_t, struct aep__slice, struct aep__slice),
                               void (*log)(void *, enum aep_log_level, const char *))
{
    struct aep__spool_settings settings = small_settings();
    broker = (struct fake_broker){.accept = accept};
    sink_events =
        (struct aep__sink_events){.reported = on_reported, .broker = on_broker, .log = log};
    here = (struct here){.cursor_fd = -1};
    if (make_root(&here) < 0 ||
        aep__spool_open(&here.spool, here.dir, &settings, &here.err) != AEP_OK) {
        fprintf(stderr, "no spool: %s\n", here.err.text);
        abort();
    }
    appender = begin_appending(&here);
    aep__counters_init(&counters, &here.spool);
    start_core();
}

static inline int end_stage(void)
{
    void *state = &here;
    aep__core_detach(&core);
    kill_core();
    aep__append_done(&appender);
    aep__counters_done(&counters);
    return end_here(&state);
}

/* ---- words for stories: an event's text is its value, and says how it fares (fake_sink.h) ---- */

static struct {
    char texts[1024]; /* what arrived, with a blank between */
    char sequences[1024];
} arrived[FAKE_TOPICS];
static char logged[16384];

static inline void add_word(char *to, size_t size, const char *word, size_t len)
{
    size_t at = strlen(to);
    snprintf(to + at, size - at, "%s%.*s", at ? " " : "", (int)len, word);
}

static inline void note_arrival(void *user, size_t topic, struct aep__slice value,
                                struct aep__slice sequence)
{
    const char *blank = memchr(value.data, ' ', value.len);
    const char *colon = memchr(sequence.data, ':', sequence.len);
    (void)user;
    assert_non_null(colon);
    add_word(arrived[topic].texts, sizeof arrived[topic].texts, value.data,
             blank ? (size_t)(blank - value.data) : value.len);
    add_word(arrived[topic].sequences, sizeof arrived[topic].sequences, colon + 1,
             (size_t)(sequence.data + sequence.len - colon - 1));
}

static inline void note_line(void *user, enum aep_log_level level, const char *text)
{
    size_t at = strlen(logged);
    (void)user, (void)level;
    snprintf(logged + at, sizeof logged - at, "%s\n", text);
}

static inline int begin_story(void **state)
{
    memset(arrived, 0, sizeof arrived);
    logged[0] = '\0';
    begin_stage(note_arrival, note_line);
    *state = &here;
    return 0;
}

static inline int end_story(void **state)
{
    (void)state;
    return end_stage();
}

#define STORY(function) cmocka_unit_test_setup_teardown(function, begin_story, end_story)

static inline aep_position publish(const char *topic, const char *text)
{
    return append_event(topic, text, strlen(text));
}

/* A text followed by blanks, `len` bytes in all. */
static inline aep_position publish_long(const char *topic, const char *text, size_t len)
{
    char value[8192];
    assert_true(len <= sizeof value);
    memset(value, ' ', len);
    memcpy(value, text, strlen(text));
    return append_event(topic, value, len);
}

static inline void set_broker(const char *topic, enum fake_state state)
{
    broker.topics[fake_topic_of(&broker, topic)].state = state;
}

/* One request's answer for a topic: the first `most` of what was sent. */
static inline void answer(const char *topic, size_t most)
{
    fake_decide(sink, fake_topic_of(&broker, topic), most);
}

static inline void report(unsigned count)
{
    while (count-- > 0)
        assert_true(fake_report(sink, 0));
}

/* Time passes while the broker answers everything at once. */
static inline void live_ms(int64_t ms)
{
    for (int64_t left = ms; left >= 0; left -= 50) {
        for (int i = 0; i < 8; i++) {
            answer_all();
            turn(true);
        }
        pass_us(left >= 50 ? 50000 : left * 1000);
    }
}

static inline struct aep__topic *topic_named(const char *name)
{
    struct aep__topic *topic = NULL;
    while ((topic = aep__topics_next(&core.topics, topic)))
        if (strcmp(topic->name, name) == 0)
            return topic;
    fail_msg("there is no topic %s", name);
    return NULL;
}

#define assert_gate(topic, state) assert_int_equal(topic_named(topic)->gate, AEP__GATE_##state)
#define assert_arrived(topic, list)                                                                \
    assert_string_equal(arrived[fake_topic_of(&broker, topic)].texts, list)
#define assert_logged(text) assert_non_null(strstr(logged, text))

static inline void assert_standing(aep_position position, enum aep__fate expected)
{
    enum aep__fate fate;
    assert_int_equal(aep__core_standing(&core, position, &fate), AEP__STANDING_FINISHED);
    assert_int_equal(fate, expected);
}

static inline void assert_open(aep_position position)
{
    enum aep__fate fate;
    assert_int_equal(aep__core_standing(&core, position, &fate), AEP__STANDING_OPEN);
}

#define counted(name) (counters.values[AEP__COUNT_##name] + counters.pending[AEP__COUNT_##name])

/* Whether a topic's side log is in the folder. */
static inline bool is_parked(const char *topic)
{
    char name[AEP__SIDELOG_NAME_SIZE];
    aep__sidelog_parked_name(aep__slice_text(topic), name);
    return exists(&here, name);
}

#endif
