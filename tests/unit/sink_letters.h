/* SPDX-License-Identifier: Apache-2.0 */
/* Letters that a test sends through a sink of sink_kinds.h, what the sink reports of each, and what
 * must hold for all of them. */
#ifndef AEP_TESTS_SINK_LETTERS_H
#define AEP_TESTS_SINK_LETTERS_H

#include "sink_kinds.h"

#include <poll.h>
#include <time.h>

#define LETTERS 400
#define TOPICS 2

static const char *const topic_names[TOPICS] = {"news", "sport"};

/* ---- letters, and what a sink reports of them ---- */

struct letter {
    unsigned topic;
    bool taken; /* and not reported yet */
    unsigned reports;
    enum aep__verdict verdict;
    char error[64];
    bool forbidden;
};

static const struct sink_kind *kind;
static struct aep__sink_events events;
static struct aep__sink *sink;
static void *topics[TOPICS];
static struct letter letters[LETTERS];
static unsigned letter_count, reports, signs;
static bool inside; /* serve(), abandon() or free(): where callbacks may come from */

static inline void on_reported(void *user, void *record, enum aep__verdict verdict,
                               const char *error, bool forbidden)
{
    struct letter *letter = record;
    assert_ptr_equal(user, letters);
    assert_true(inside);
    assert_true(letter >= letters && letter < letters + letter_count);
    assert_true(letter->taken);
    assert_non_null(error);
    assert_int_equal(error[0] == '\0', verdict == AEP__VERDICT_DONE);
    assert_true(verdict >= AEP__VERDICT_DONE && verdict <= AEP__VERDICT_BACK);
    assert_true(!forbidden || verdict == AEP__VERDICT_REFUSED);
    letter->taken = false;
    letter->reports++;
    letter->verdict = verdict;
    letter->forbidden = forbidden;
    snprintf(letter->error, sizeof letter->error, "%s", error);
    reports++;
}

static inline void on_broker(void *user, enum aep_broker_state state, const char *reason)
{
    (void)user;
    assert_true(inside);
    assert_non_null(reason);
    signs += state == AEP_BROKER_CONNECTED;
}

static inline void on_log(void *user, enum aep_log_level level, const char *text)
{
    (void)user, (void)level;
    assert_true(inside);
    assert_non_null(text);
}

/* ---- words ---- */

static inline void open_topics(void)
{
    for (unsigned i = 0; i < TOPICS; i++)
        assert_non_null(topics[i] = sink->ops->topic_open(sink, topic_names[i]));
}

static inline void close_topics(void)
{
    for (unsigned i = 0; i < TOPICS; i++)
        sink->ops->topic_close(sink, topics[i]);
}

static inline void make_sink(void)
{
    sink = kind->make(&events);
    open_topics();
}

static inline void abandon(void)
{
    inside = true;
    sink->ops->abandon(sink);
    inside = false;
}

/* Checks what abandon() promises whenever a sink is freed. */
static inline void free_sink(void)
{
    abandon();
    for (unsigned i = 0; i < letter_count; i++)
        assert_false(letters[i].taken);
    close_topics();
    inside = true;
    sink->ops->free(sink);
    inside = false;
}

static inline int begin(void)
{
    events = (struct aep__sink_events){
        .reported = on_reported, .broker = on_broker, .log = on_log, .user = letters};
    memset(letters, 0, sizeof letters);
    letter_count = reports = signs = 0;
    kind->begin();
    make_sink();
    return 0;
}

static inline void end(void)
{
    free_sink();
    kind->end();
}

static inline int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline struct letter *make_letter(unsigned topic)
{
    assert_true(letter_count < LETTERS);
    letters[letter_count] = (struct letter){.topic = topic};
    return &letters[letter_count++];
}

static inline unsigned number_of(const struct letter *letter)
{
    return (unsigned)(letter - letters);
}

/* Its value: its number and a filling whose length depends on it. */
static inline struct aep__slice write_value(const struct letter *letter, char text[1024])
{
    size_t len =
        (size_t)snprintf(text, 1024, "%u %s ", number_of(letter), topic_names[letter->topic]);
    size_t more = number_of(letter) % 7 * 100;
    memset(text + len, 'x', more);
    return (struct aep__slice){text, len + more};
}

static inline struct aep__slice write_sequence(const struct letter *letter, char text[64])
{
    int len = snprintf(text, 64, "01890a5d-ac96-774b-bcce-b302099a8057:%u", number_of(letter));
    return (struct aep__slice){text, (size_t)len};
}

/* What a message points to; gone once the message is sent. */
struct paper {
    char key[16], value[1024], sequence[64], names[3][16], values[2][16];
};

static inline void write_message(struct aep__message *to, struct paper *on,
                                 const struct letter *letter)
{
    static const char *const names[3] = {"traceparent", "empty", "x-aep-seq"};
    for (size_t i = 0; i < 3; i++)
        snprintf(on->names[i], sizeof on->names[i], "%s", names[i]);
    int key_len = snprintf(on->key, sizeof on->key, "key-%u", number_of(letter));
    int trace_len = snprintf(on->values[0], sizeof on->values[0], "trace-%u", number_of(letter));
    *to = (struct aep__message){
        .topic = aep__slice_text(topic_names[letter->topic]),
        .timestamp_ms = INT64_C(1700000000000) + number_of(letter),
        .value = write_value(letter, on->value),
        .headers = {{aep__slice_text(on->names[0]), {on->values[0], (size_t)trace_len}},
                    {aep__slice_text(on->names[1]), {on->values[1], 0}},
                    {aep__slice_text(on->names[2]), write_sequence(letter, on->sequence)}},
        .header_count = 3,
    };
    if (number_of(letter) % 2)
        to->key = (struct aep__slice){on->key, (size_t)key_len};
}

static inline enum aep__verdict send_message(struct letter *letter,
                                             const struct aep__message *message)
{
    const char *error = "";
    bool forbidden = false;
    assert_false(letter->taken);
    letter->taken = true; /* set first: send() itself reports nothing */
    enum aep__verdict verdict =
        sink->ops->send(sink, topics[letter->topic], message, letter, &error, &forbidden);
    letter->taken = verdict == AEP__VERDICT_TAKEN;
    snprintf(letter->error, sizeof letter->error, "%s", error);
    return verdict;
}

/* Sends a letter and destroys what it was written on. */
static inline enum aep__verdict post(struct letter *letter)
{
    struct aep__message message;
    struct paper *paper = calloc(1, sizeof *paper);
    assert_non_null(paper);
    write_message(&message, paper, letter);
    enum aep__verdict verdict = send_message(letter, &message);
    memset(paper, '#', sizeof *paper);
    free(paper);
    return verdict;
}

/* Waits until fd() is readable, and serves. */
static inline bool serve_next(void)
{
    struct pollfd ready = {.fd = sink->ops->fd(sink), .events = POLLIN};
    assert_int_equal(poll(&ready, 1, DEADLINE_MS), 1);
    inside = true;
    bool useful = sink->ops->serve(sink, true);
    inside = false;
    return useful;
}

static inline void hear(unsigned count)
{
    while (reports < count)
        assert_true(serve_next());
}

/* Sends a new letter until it is taken. */
static inline struct letter *send_one(unsigned topic)
{
    struct letter *letter = make_letter(topic);
    enum aep__verdict verdict;
    while ((verdict = post(letter)) == AEP__VERDICT_FULL)
        hear(reports + 1);
    assert_int_equal(verdict, AEP__VERDICT_TAKEN);
    return letter;
}

static inline void send_some(unsigned count, unsigned topic)
{
    while (count-- > 0)
        send_one(topic);
}

static inline void assert_each_once(enum aep__verdict verdict)
{
    for (unsigned i = 0; i < letter_count; i++) {
        assert_int_equal(letters[i].reports, 1);
        assert_int_equal(letters[i].verdict, verdict);
    }
}

/* The topic's letters have arrived whole, once each, in the order in which they were made. */
static inline void assert_arrived(unsigned topic)
{
    size_t count = kind->read(topic_names[topic]), at = 0;
    for (unsigned i = 0; i < letter_count; i++) {
        char value[1024], sequence[64];
        if (letters[i].topic != topic || letters[i].verdict != AEP__VERDICT_DONE)
            continue;
        struct aep__slice whole = write_value(&letters[i], value);
        write_sequence(&letters[i], sequence);
        assert_true(at < count);
        assert_int_equal(strlen(arrivals[at].value), whole.len);
        assert_memory_equal(arrivals[at].value, whole.data, whole.len);
        assert_string_equal(arrivals[at].sequence, sequence);
        at++;
    }
    assert_int_equal(at, count);
}

#endif
