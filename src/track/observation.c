/* SPDX-License-Identifier: Apache-2.0 */
#include "track/observation.h"

#include "base/clock.h"
#include "base/id.h"
#include "track/text.h"

#include <math.h>
#include <string.h>

#define KIND_MAX 40 /* bytes of a kind's name */

const char *aep__waiting_word(enum aep__waiting waiting)
{
    static const char *const words[AEP__WAITING_COUNT] = {
        [AEP__WAITING_HUMAN] = "human", [AEP__WAITING_PERMISSION] = "permission",
        [AEP__WAITING_TIMER] = "timer", [AEP__WAITING_RATE_LIMIT] = "rate_limit",
        [AEP__WAITING_CHILD] = "child",
    };
    return words[waiting];
}

const char *aep__rejection_text(enum aep__rejection rejection)
{
    static const char *const texts[AEP__REJECTED_COUNT] = {
        [AEP__REJECTED_NOT] = "valid",         [AEP__REJECTED_JSON] = "not JSON",
        [AEP__REJECTED_TYPE] = "another type", [AEP__REJECTED_MEMBERS] = "members missing",
        [AEP__REJECTED_EMPTY] = "empty",       [AEP__REJECTED_SIZE] = "too large",
    };
    return texts[rejection];
}

/* ---- what is read ---- */

enum place { ENVELOPE, PAYLOAD, METADATA };
enum form { TEXT, TIME, NUMBER, FLAG };

#define ANY_KIND (~0u)
#define STARTED (1u << AEP_KIND_STARTED)
#define PROGRESS (1u << AEP_KIND_PROGRESS)
#define COMPLETED (1u << AEP_KIND_COMPLETED)
#define FAILED (1u << AEP_KIND_FAILED)

/* A text or time is read as text; what it says is looked at once all of it is there. */
struct reading {
    struct aep__slice event_id, timestamp, status, waiting_for, when[AEP_KIND_COUNT];
};

struct row {
    enum place place;
    enum form form;
    unsigned kinds; /* in which it counts */
    const char *name;
    size_t offset; /* in struct aep__observation, */
    bool aside;    /* or in struct reading */
};

#define OF(member) offsetof(struct aep__observation, member), false
#define ASIDE(member) offsetof(struct reading, member), true

static const struct row rows[] = {
    {ENVELOPE, TEXT, ANY_KIND, "event_type", OF(event_type)},
    {ENVELOPE, TEXT, ANY_KIND, "event_id", ASIDE(event_id)},
    {ENVELOPE, TEXT, ANY_KIND, "timestamp", ASIDE(timestamp)},
    {ENVELOPE, TEXT, ANY_KIND, "tenant_id", OF(tenant_id)},
    {ENVELOPE, TEXT, ANY_KIND, "source", OF(source)},
    {ENVELOPE, TEXT, ANY_KIND, "correlation_id", OF(correlation_id)},
    {ENVELOPE, TEXT, ANY_KIND, "causation_id", OF(causation_id)},
    {PAYLOAD, TEXT, ANY_KIND, "agent_name", OF(agent_name)},
    {PAYLOAD, TEXT, ANY_KIND, "session_id", OF(session_id)},
    {PAYLOAD, TEXT, STARTED, "user_request", OF(user_request)},
    {PAYLOAD, TEXT, STARTED, "started_at", ASIDE(when[AEP_KIND_STARTED])},
    {PAYLOAD, TEXT, PROGRESS, "current_step", OF(current_step)},
    {PAYLOAD, NUMBER, PROGRESS, "progress_percent", OF(progress_percent)},
    {PAYLOAD, NUMBER, PROGRESS, "steps_completed", OF(steps_completed)},
    {PAYLOAD, NUMBER, PROGRESS, "steps_total", OF(steps_total)},
    {PAYLOAD, TEXT, COMPLETED, "completed_at", ASIDE(when[AEP_KIND_COMPLETED])},
    {PAYLOAD, TEXT, COMPLETED, "result_summary", OF(result_summary)},
    {PAYLOAD, NUMBER, COMPLETED | FAILED, "duration_ms", OF(duration_ms)},
    {PAYLOAD, TEXT, FAILED, "failed_at", ASIDE(when[AEP_KIND_FAILED])},
    {PAYLOAD, TEXT, FAILED, "error_code", OF(error_code)},
    {PAYLOAD, TEXT, FAILED, "error_type", OF(error_type)},
    {PAYLOAD, TEXT, FAILED, "error_message", OF(error_message)},
    {PAYLOAD, FLAG, FAILED, "inferred", OF(inferred)},
    {METADATA, TEXT, ANY_KIND, "status", ASIDE(status)},
    {METADATA, TEXT, ANY_KIND, "waiting_for", ASIDE(waiting_for)},
    {METADATA, NUMBER, ANY_KIND, "expect_within_s", OF(expect_within_s)},
    {METADATA, TEXT, ANY_KIND, "tool", OF(tool)},
    {METADATA, TEXT, ANY_KIND, "phase", OF(phase)},
};

/* ---- reading ---- */

struct reader {
    struct aep__observer *observer;
    struct aep__observation *event;
    struct reading aside;
};

static const struct row *find_row(struct aep__json *json, enum place place)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].place == place && aep__json_is_name(json, rows[i].name))
            return &rows[i];
    return NULL;
}

/* The text of a string token, in the observer's memory if it had to be decoded. That never moves: it has
 * room for all of the JSON's texts, each of whose bytes becomes three at most. */
static bool take_text(struct reader *reader, struct aep__slice *ret)
{
    struct aep__observer *observer = reader->observer;
    struct aep__slice text = aep__json_decode(observer->json.token, &observer->scratch, NULL);
    if (!text.data)
        return false;
    if (text.data == observer->json.token.data) {
        *ret = text;
        return true;
    }
    struct aep__buf *texts = &observer->texts;
    if (texts->len == 0 && !aep__buf_reserve(texts, reader->event->body.len * 3))
        return false;
    *ret = (struct aep__slice){texts->data + texts->len, text.len};
    aep__buf_add(texts, text.data, text.len);
    return true;
}

/* Takes a value if it has the member's form; any other is as none. False: out of memory, or no JSON. */
static bool take_value(struct reader *reader, const struct row *row, enum aep__json_token token)
{
    struct aep__json *json = &reader->observer->json;
    char *at = (row->aside ? (char *)&reader->aside : (char *)reader->event) + row->offset;
    if (row->form == TEXT && token == AEP__JSON_STRING)
        return take_text(reader, (struct aep__slice *)(void *)at);
    if (row->form == NUMBER && token == AEP__JSON_NUMBER) {
        double number;
        if (aep__json_number_value(json->token, &number) && isfinite(number))
            *(double *)(void *)at = number;
        return true;
    }
    if (row->form == FLAG && token == AEP__JSON_TRUE)
        *(bool *)(void *)at = true;
    return aep__json_skip(json, token);
}

static bool read_object(struct reader *reader, enum place place);

static bool read_member(struct reader *reader, enum place place)
{
    struct aep__json *json = &reader->observer->json;
    const struct row *row = find_row(json, place);
    bool payload = !row && place == ENVELOPE && aep__json_is_name(json, "payload");
    bool metadata = !row && place == PAYLOAD && aep__json_is_name(json, "metadata");
    enum aep__json_token token = aep__json_next(json);
    if (token == AEP__JSON_ERROR)
        return false;
    if (row)
        return take_value(reader, row, token);
    if (token == AEP__JSON_OBJECT && (payload || metadata))
        return read_object(reader, payload ? PAYLOAD : METADATA);
    return aep__json_skip(json, token);
}

/* After OBJECT: to its end. */
static bool read_object(struct reader *reader, enum place place)
{
    for (;;) {
        switch (aep__json_next(&reader->observer->json)) {
        case AEP__JSON_OBJECT_END:
            return true;
        case AEP__JSON_NAME:
            if (read_member(reader, place))
                break;
            return false;
        default:
            return false;
        }
    }
}

/* ---- what it says ---- */

/* The kind of `….agent.execution.KIND.vN`; false: it is another type. */
static bool find_kind(struct aep__slice type, int *ret)
{
    static const char before[] = "agent.execution.";
    const size_t before_len = sizeof before - 1;
    char name[KIND_MAX];
    size_t end = type.len;
    while (end > 0 && type.data[end - 1] >= '0' && type.data[end - 1] <= '9')
        end--;
    if (end == type.len || end < 2 || type.data[end - 1] != 'v' || type.data[end - 2] != '.')
        return false;
    size_t len = end -= 2;
    while (len > 0 && type.data[len - 1] != '.')
        len--;
    size_t begin = len;
    if (begin == end || end - begin >= sizeof name || begin < before_len ||
        memcmp(type.data + begin - before_len, before, before_len) != 0 ||
        (begin > before_len && type.data[begin - before_len - 1] != '.'))
        return false;
    memcpy(name, type.data + begin, end - begin);
    name[end - begin] = '\0';
    int kind = aep_kind_find(name);
    *ret = kind < 0 ? AEP__KIND_OTHER : kind;
    return true;
}

static enum aep__waiting waiting_of(const struct reading *aside)
{
    if (!aep__text_is(aside->status, "waiting") && !aep__text_is(aside->status, "blocked"))
        return AEP__WAITING_NOT;
    for (int i = 0; i < AEP__WAITING_COUNT; i++) {
        const char *word = aep__waiting_word((enum aep__waiting)i);
        if (word && aep__text_is(aside->waiting_for, word))
            return (enum aep__waiting)i;
    }
    return AEP__WAITING_UNKNOWN;
}

/* A UUID is one however it is written. */
static bool lower_id(struct reader *reader, struct aep__slice *id)
{
    uint8_t bytes[16];
    char text[AEP_ID_SIZE];
    struct aep__buf *texts = &reader->observer->texts;
    if (!id->data || !aep__id_parse(id->data, id->len, bytes))
        return true;
    aep__id_format(bytes, text);
    if (memcmp(text, id->data, id->len) == 0)
        return true;
    if (texts->len == 0 && !aep__buf_reserve(texts, reader->event->body.len * 3))
        return false;
    id->data = texts->data + texts->len;
    aep__buf_add(texts, text, id->len);
    return true;
}

/* Members of other kinds than the event's are as none. */
static void forget_others(struct aep__observation *event)
{
    unsigned kind = event->kind == AEP__KIND_OTHER ? 0 : 1u << event->kind;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *at = (char *)event + rows[i].offset;
        if (rows[i].aside || (rows[i].kinds & kind) || rows[i].kinds == ANY_KIND)
            continue;
        if (rows[i].form == TEXT)
            *(struct aep__slice *)(void *)at = (struct aep__slice){0};
        else if (rows[i].form == NUMBER)
            *(double *)(void *)at = NAN;
        else if (rows[i].form == FLAG)
            *(bool *)(void *)at = false;
    }
}

static bool has_text(struct aep__slice text)
{
    return text.data && text.len > 0;
}

/* The envelope's other members, from what was read. False: one is missing or wrong. */
static bool finish(struct reader *reader)
{
    struct aep__observation *event = reader->event;
    const struct reading *aside = &reader->aside;
    if (!aep__id_parse(aside->event_id.data ? aside->event_id.data : "", aside->event_id.len,
                       event->order.id) ||
        !aep__clock_parse(aside->timestamp.data ? aside->timestamp.data : "", aside->timestamp.len,
                          &event->order.at_us) ||
        !has_text(event->tenant_id) || !has_text(event->correlation_id) ||
        !has_text(event->agent_name))
        return false;
    aep__id_format(event->order.id, event->event_id);
    forget_others(event);
    if (event->kind != AEP__KIND_OTHER) {
        struct aep__slice when = aside->when[event->kind];
        if (!when.data || !aep__clock_parse(when.data, when.len, &event->when_us))
            event->when_us = INT64_MIN;
    }
    if (event->kind == AEP_KIND_PROGRESS)
        event->waiting = waiting_of(aside);
    return lower_id(reader, &event->causation_id);
}

enum aep__rejection aep__observe(struct aep__observer *observer, struct aep__slice body,
                                 struct aep__observation *ret)
{
    struct reader reader = {.observer = observer, .event = ret};
    *ret = (struct aep__observation){.body = body,
                                     .kind = AEP__KIND_OTHER,
                                     .progress_percent = NAN,
                                     .steps_completed = NAN,
                                     .steps_total = NAN,
                                     .duration_ms = NAN,
                                     .expect_within_s = NAN,
                                     .when_us = INT64_MIN};
    aep__buf_clear(&observer->texts);
    aep__json_begin(&observer->json, body.data, body.len, AEP__JSON_DEPTH_MAX, false);
    if (aep__json_next(&observer->json) != AEP__JSON_OBJECT || !read_object(&reader, ENVELOPE) ||
        aep__json_next(&observer->json) != AEP__JSON_END)
        return AEP__REJECTED_JSON;
    if (!ret->event_type.data || !find_kind(ret->event_type, &ret->kind))
        return AEP__REJECTED_TYPE;
    return finish(&reader) ? AEP__REJECTED_NOT : AEP__REJECTED_MEMBERS;
}

void aep__observer_done(struct aep__observer *observer)
{
    aep__json_done(&observer->json);
    aep__buf_done(&observer->scratch);
    aep__buf_done(&observer->texts);
}
