/* SPDX-License-Identifier: Apache-2.0 */
/* A sink whose broker a test controls: it delays, refuses by plan, and reports in any order.
 *
 *     send ─▶ taken: undecided ─ fake_decide() ─▶ decided ─ fake_report() ─▶ core
 *                                    └─ accepted: fake_broker.accept() is told, once each
 *
 * As with Kafka and a recall (relay/recall.h), a topic's records are decided in the order in which
 * they were sent; once one is refused, those sent after it come back. */
#ifndef AEP_TESTS_FAKE_SINK_H
#define AEP_TESTS_FAKE_SINK_H

#include "base/error.h"
#include "deliver/sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FAKE_TOPICS 128
#define FAKE_TAKEN 4096

enum fake_state {
    FAKE_FINE,
    FAKE_MISSING,
    FAKE_FORBIDDEN,
    FAKE_BUSY,  /* refuses for now */
    FAKE_SMALL, /* refuses batches of more than two */
    FAKE_KNOWN, /* missing, and the client knows: send() refuses, no report follows */
    FAKE_STATES,
};

/* What survives sinks. A message's first byte says how it fares: 'p' the broker rejects it
 * (unless lenient), 'i' the client does; 'e' comes too early for the broker's clock while that
 * is behind. */
struct fake_broker {
    struct fake_topic {
        char name[32];
        enum fake_state state;
    } topics[FAKE_TOPICS];
    size_t topic_count;
    bool lenient, behind;
    void (*accept)(void *user, size_t topic, struct aep__slice value, struct aep__slice sequence);
    void *user;
};

struct fake_record {
    void *record;
    size_t topic;
    char *value, *sequence;
    size_t value_len;
    bool decided, forbidden;
    enum aep__verdict verdict;
};

struct fake_sink {
    struct aep__sink base;
    struct fake_broker *broker;
    const struct aep__sink_events *events;
    struct fake_record taken[FAKE_TAKEN];
    size_t count;
    unsigned handles; /* open */
    bool automatic;   /* serve() decides and reports all */
    bool broken;
    bool asked;   /* verify(): serve() tells */
    bool forgets; /* abandon() reports as BACK what was decided, too */
    int event_fd;
};

static inline struct fake_sink *fake_of(const struct aep__sink *sink)
{
    return (struct fake_sink *)sink;
}

static inline size_t fake_topic_of(struct fake_broker *broker, const char *name)
{
    for (size_t i = 0; i < broker->topic_count; i++)
        if (strcmp(broker->topics[i].name, name) == 0)
            return i;
    size_t made = broker->topic_count++;
    if (made >= FAKE_TOPICS)
        abort();
    snprintf(broker->topics[made].name, sizeof broker->topics[made].name, "%s", name);
    return made;
}

/* There is something to serve. */
static inline void fake_ring(const struct fake_sink *sink)
{
    uint64_t one = 1;
    if (write(sink->event_fd, &one, sizeof one) < 0)
        abort();
}

/* ---- deciding ---- */

static inline void fake_settle(struct fake_sink *sink, struct fake_record *at,
                               enum aep__verdict verdict)
{
    at->decided = true;
    at->verdict = verdict;
    at->forbidden =
        verdict == AEP__VERDICT_REFUSED && sink->broker->topics[at->topic].state == FAKE_FORBIDDEN;
    if (verdict == AEP__VERDICT_DONE)
        sink->broker->accept(sink->broker->user, at->topic,
                             (struct aep__slice){at->value, at->value_len},
                             (struct aep__slice){at->sequence, strlen(at->sequence)});
    fake_ring(sink);
}

/* The verdict on a batch. */
static inline enum aep__verdict fake_judge(const struct fake_sink *sink, size_t topic,
                                           struct fake_record *const *batch, size_t size)
{
    static const enum aep__verdict verdicts[FAKE_STATES] = {
        [FAKE_FINE] = AEP__VERDICT_DONE,         [FAKE_MISSING] = AEP__VERDICT_REFUSED,
        [FAKE_FORBIDDEN] = AEP__VERDICT_REFUSED, [FAKE_BUSY] = AEP__VERDICT_LATER,
        [FAKE_SMALL] = AEP__VERDICT_DONE,        [FAKE_KNOWN] = AEP__VERDICT_REFUSED,
    };
    enum fake_state state = sink->broker->topics[topic].state;
    if (state == FAKE_SMALL && size > 2)
        return AEP__VERDICT_SUSPECT;
    for (size_t i = 0; verdicts[state] == AEP__VERDICT_DONE && i < size; i++) {
        if (batch[i]->value[0] == 'p' && !sink->broker->lenient)
            return AEP__VERDICT_SUSPECT;
        if (batch[i]->value[0] == 'e' && sink->broker->behind)
            return AEP__VERDICT_EARLY;
    }
    return verdicts[state];
}

/* The broker answers one request: at most `most` records of a topic. */
static inline void fake_decide(struct fake_sink *sink, size_t topic, size_t most)
{
    struct fake_record *batch[FAKE_TAKEN];
    size_t size = 0, batch_size;
    for (size_t i = 0; i < sink->count; i++)
        if (!sink->taken[i].decided && sink->taken[i].topic == topic)
            batch[size++] = &sink->taken[i];
    batch_size = size < most ? size : most;
    if (batch_size == 0)
        return;
    enum aep__verdict verdict = fake_judge(sink, topic, batch, batch_size);
    for (size_t i = 0; i < size; i++)
        if (i < batch_size)
            fake_settle(sink, batch[i], verdict);
        else if (verdict != AEP__VERDICT_DONE)
            fake_settle(sink, batch[i], AEP__VERDICT_BACK);
}

/* ---- reporting ---- */

static inline void fake_forget(struct fake_record *at)
{
    free(at->value);
    free(at->sequence);
    *at = (struct fake_record){0};
}

/* Reports one of those taken, whatever its place. */
static inline void fake_report_at(struct fake_sink *sink, size_t at)
{
    struct fake_record record = sink->taken[at];
    memmove(&sink->taken[at], &sink->taken[at + 1], (--sink->count - at) * sizeof sink->taken[0]);
    sink->events->reported(sink->events->user, record.record, record.verdict,
                           record.verdict == AEP__VERDICT_DONE ? "" : "FAKE_REFUSAL",
                           record.forbidden);
    fake_forget(&record);
}

/* Reports one that is decided; number: which of them. False: none is. */
static inline bool fake_report(struct fake_sink *sink, size_t number)
{
    size_t decided = 0;
    for (size_t i = 0; i < sink->count; i++)
        decided += sink->taken[i].decided;
    if (decided == 0)
        return false;
    number %= decided;
    for (size_t i = 0; i < sink->count; i++)
        if (sink->taken[i].decided && number-- == 0) {
            fake_report_at(sink, i);
            break;
        }
    return true;
}

/* ---- the sink ---- */

/* A refusal has not been reported yet: what is sent now would overtake what was refused. */
static inline bool fake_refuses(const struct fake_sink *sink)
{
    for (size_t i = 0; i < sink->count; i++)
        if (sink->taken[i].decided && sink->taken[i].verdict != AEP__VERDICT_DONE)
            return true;
    return false;
}

static inline int fake_fd(const struct aep__sink *sink)
{
    return fake_of(sink)->event_fd;
}

static inline bool fake_serve(struct aep__sink *base, bool readable)
{
    struct fake_sink *sink = fake_of(base);
    uint64_t rung;
    if (readable && read(sink->event_fd, &rung, sizeof rung) < 0 && errno != EAGAIN)
        return false;
    if (sink->asked)
        sink->events->broker(sink->events->user, AEP_BROKER_CONNECTED, "");
    sink->asked = false;
    if (sink->automatic) {
        for (size_t topic = 0; topic < sink->broker->topic_count; topic++)
            fake_decide(sink, topic, FAKE_TAKEN);
        while (fake_report(sink, 0))
            ;
    }
    return !sink->broken;
}

static inline void *fake_topic_open(struct aep__sink *base, const char *name)
{
    struct fake_sink *sink = fake_of(base);
    sink->handles++;
    return &sink->broker->topics[fake_topic_of(sink->broker, name)];
}

static inline void fake_topic_close(struct aep__sink *base, void *topic)
{
    (void)topic;
    fake_of(base)->handles--;
}

static inline char *fake_copy(struct aep__slice text)
{
    char *copy = calloc(1, text.len + 1);
    if (!copy)
        abort();
    if (text.len)
        memcpy(copy, text.data, text.len);
    return copy;
}

static inline enum aep__verdict fake_send(struct aep__sink *base, void *topic,
                                          const struct aep__message *message, void *record,
                                          const char **ret_error, bool *ret_forbidden)
{
    struct fake_sink *sink = fake_of(base);
    const struct aep__header *last = &message->headers[message->header_count - 1];
    *ret_forbidden = false;
    if (message->value.len && message->value.data[0] == 'i') {
        *ret_error = "FAKE_INVALID";
        return AEP__VERDICT_INVALID;
    }
    if (sink->broken)
        return AEP__VERDICT_BROKEN;
    if (sink->count == base->window || fake_refuses(sink))
        return AEP__VERDICT_FULL;
    if (((const struct fake_topic *)topic)->state == FAKE_KNOWN) {
        *ret_error = "FAKE_REFUSAL";
        return AEP__VERDICT_REFUSED;
    }
    sink->taken[sink->count++] = (struct fake_record){
        .record = record,
        .topic = (size_t)((struct fake_topic *)topic - sink->broker->topics),
        .value = fake_copy(message->value),
        .value_len = message->value.len,
        .sequence = fake_copy(last->value),
    };
    if (sink->automatic)
        fake_ring(sink);
    return AEP__VERDICT_TAKEN;
}

static inline void fake_verify(struct aep__sink *base)
{
    fake_of(base)->asked = true;
    fake_ring(fake_of(base));
}

static inline void fake_abandon(struct aep__sink *base)
{
    struct fake_sink *sink = fake_of(base);
    while (sink->count > 0) {
        struct fake_record *newest = &sink->taken[sink->count - 1];
        if (!newest->decided || sink->forgets)
            newest->verdict = AEP__VERDICT_BACK;
        fake_report_at(sink, sink->count - 1);
    }
}

/* Also without abandon(): as when the process is killed. */
static inline void fake_free(struct aep__sink *base)
{
    struct fake_sink *sink = fake_of(base);
    while (sink->count > 0)
        fake_forget(&sink->taken[--sink->count]);
    close(sink->event_fd);
    free(sink);
}

static const struct aep__sink_ops fake_ops = {
    .fd = fake_fd,
    .serve = fake_serve,
    .topic_open = fake_topic_open,
    .topic_close = fake_topic_close,
    .send = fake_send,
    .verify = fake_verify,
    .abandon = fake_abandon,
    .free = fake_free,
};

static inline struct fake_sink *fake_sink_new(struct fake_broker *broker, unsigned window,
                                              const struct aep__sink_events *events)
{
    struct fake_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        abort();
    sink->base = (struct aep__sink){.ops = &fake_ops, .window = window};
    sink->broker = broker;
    sink->events = events;
    sink->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return sink;
}

#endif
