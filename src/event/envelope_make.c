/* SPDX-License-Identifier: Apache-2.0 */
#include "event/envelope_make.h"

#include "base/error.h"
#include "base/id.h"
#include "base/topic_name.h"
#include "base/utf8.h"
#include "event/headers.h"
#include "event/payload.h"

#include <string.h>

#define ID_BYTES (AEP_CORRELATION_ID_SIZE - 1)
#define LAST_SECOND_US INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z */

static void add_literal(struct aep__buf *out, struct aep__slice text)
{
    aep__buf_add(out, text.data, text.len);
}

/* ---- ids ------------------------------------------------------------------------------------ */

static void make_id(const struct aep__envelope_settings *settings, int64_t wall_us,
                    uint8_t bytes[16])
{
    if (settings->make_id)
        settings->make_id(wall_us, bytes);
    else
        aep__id_make(wall_us, bytes);
}

static void make_id_text(const struct aep__envelope_settings *settings, int64_t wall_us, char *id)
{
    uint8_t bytes[16];
    make_id(settings, wall_us, bytes);
    aep__id_format(bytes, id);
}

static int check_id(const struct aep__envelope_settings *settings, struct aep__slice id,
                    const char *field, aep_error *err)
{
    if (aep__utf8_blank(id.data, id.len))
        return aep__error(err, AEP_EINVAL, field, "%s is blank: give an id or leave it out", field);
    if (id.len > ID_BYTES)
        return aep__error(err, AEP_EINVAL, field, "%s has %zu bytes; an id may have at most %d",
                          field, id.len, ID_BYTES);
    if (aep__utf8_control(id.data, id.len))
        return aep__error(err, AEP_EINVAL, field, "%s has a control character", field);
    if (settings->ids_strict)
        return aep__error(err, AEP_EINVAL, field, "%s is not a UUID, which ids.strict requires",
                          field);
    return AEP_OK;
}

/* A caller's id is treated like any text. If that makes it too long, it is cut. */
static int take_id(struct aep__envelope *envelope, const struct aep__envelope_settings *settings,
                   struct aep__slice given, const char *field, char id[AEP_CORRELATION_ID_SIZE],
                   aep_error *err)
{
    if (!aep__id_parse(given.data, given.len, NULL)) {
        int code = check_id(settings, given, field, err);
        if (code != AEP_OK)
            return code;
        given = aep__text_clean(&envelope->text, given.data, given.len);
        if (!given.data)
            return aep__error_memory(err);
        given.len = aep__utf8_cut(given.data, given.len, ID_BYTES);
    }
    memcpy(id, given.data, given.len);
    id[given.len] = '\0';
    return AEP_OK;
}

static int take_id_value(struct aep__envelope *envelope,
                         const struct aep__envelope_settings *settings,
                         const struct aep__value *value, const char *field,
                         char id[AEP_CORRELATION_ID_SIZE], aep_error *err)
{
    if (!value->text)
        return aep__error(err, AEP_EINVAL, field, "%s must be text", field);
    return take_id(envelope, settings, (struct aep__slice){value->text, value->len}, field, id,
                   err);
}

/* ---- start of every event ------------------------------------------------------------------- */

static void begin_event(struct aep__envelope *envelope,
                        const struct aep__envelope_settings *settings, int64_t now_us,
                        int64_t last_us, const uint8_t *given_id, uint8_t event_id[16])
{
    int64_t at = now_us ? now_us : aep__clock_wall_us();
    at = at < last_us ? last_us : at;
    envelope->timestamp_us = at < 0 ? 0 : at > LAST_SECOND_US ? LAST_SECOND_US : at;
    aep__clock_format(envelope->timestamp_us, envelope->timestamp);
    if (given_id)
        memcpy(event_id, given_id, 16);
    else
        make_id(settings, envelope->timestamp_us, event_id);
    aep__id_format(event_id, envelope->event_id);
    envelope->session_id[0] = '\0';
    envelope->text.redactor = settings->redactor;
    envelope->text.field_bytes = settings->field_bytes;
    envelope->text.message_bytes = settings->message_bytes;
    envelope->text.counts = (struct aep__text_counts){0};
    aep__buf_clear(&envelope->value);
    aep__buf_clear(&envelope->payload);
}

static void add_slice(struct aep__buf *out, struct aep__slice text)
{
    aep__json_add_string(out, text.data, text.len);
}

/* All members but the payload's value. */
static void write_members(struct aep__envelope *envelope,
                          const struct aep__envelope_settings *settings,
                          struct aep__envelope_names *names)
{
    struct aep__buf *out = &envelope->value;
    names->correlation = aep__slice_text(envelope->correlation_id);
    names->causation = aep__slice_text(envelope->causation_id);
    aep__buf_reserve(out, 1024);
    add_literal(out, AEP__SLICE("{\"event_type\":\""));
    add_literal(out, names->event_type);
    add_literal(out, AEP__SLICE("\",\"event_id\":\""));
    aep__buf_add(out, envelope->event_id, AEP_ID_SIZE - 1);
    add_literal(out, AEP__SLICE("\",\"timestamp\":\""));
    aep__buf_add(out, envelope->timestamp, AEP__TIME_SIZE - 1);
    add_literal(out, settings->middle);
    add_slice(out, names->correlation);
    add_literal(out, AEP__SLICE(",\"causation_id\":"));
    add_slice(out, names->causation);
    add_literal(out, AEP__SLICE(",\"schema_ref\":\""));
    add_literal(out, names->schema_ref);
    add_literal(out, AEP__SLICE("\",\"payload\":"));
    envelope->payload_at = out->len;
}

/* ---- end of every event --------------------------------------------------------------------- */

static size_t message_size(const struct aep__message *message)
{
    size_t size = message->key.len + message->value.len;
    for (size_t i = 0; i < message->header_count; i++)
        size += message->headers[i].name.len + message->headers[i].value.len;
    return size;
}

static int finish_message(struct aep__envelope *envelope,
                          const struct aep__envelope_settings *settings,
                          const struct aep__envelope_names *names, const char *largest,
                          aep_error *err)
{
    struct aep__message *message = &envelope->message;
    aep__buf_byte(&envelope->value, '}');
    if (envelope->value.failed)
        return aep__error_memory(err);
    message->topic = names->topic;
    message->key = names->correlation;
    message->timestamp_ms = envelope->timestamp_us / 1000;
    message->value = (struct aep__slice){envelope->value.data, envelope->value.len};
    envelope->counts = envelope->text.counts;
    size_t size = message_size(message);
    if (settings->message_bytes && size > settings->message_bytes)
        return aep__error(err, AEP_ETOOBIG, largest,
                          "the message has %zu bytes, more than limits.message_bytes (%zu): "
                          "shorten %s, its largest part",
                          size, settings->message_bytes, largest);
    return AEP_OK;
}

/* ---- the four kinds ------------------------------------------------------------------------- */

static int take_correlation(struct aep__envelope *envelope,
                            const struct aep__envelope_settings *settings,
                            const struct aep__facts *facts, aep_error *err)
{
    const struct aep__kind_row *kind = &aep__kinds[facts->kind];
    const struct aep__member_row *member = &kind->members[kind->correlation];
    const struct aep__value *value = &facts->values[kind->correlation];
    if (value->given)
        return take_id_value(envelope, settings, value, member->name, envelope->correlation_id,
                             err);
    if (member->fallback != AEP__FALLBACK_NEW_ID)
        return aep__error(err, AEP_EINVAL, member->name,
                          "%s is required: use that of the started event", member->name);
    make_id_text(settings, envelope->timestamp_us, envelope->correlation_id);
    return AEP_OK;
}

static int take_session(struct aep__envelope *envelope,
                        const struct aep__envelope_settings *settings,
                        const struct aep__facts *facts, aep_error *err)
{
    const struct aep__kind_row *kind = &aep__kinds[facts->kind];
    if (kind->session == kind->member_count)
        return AEP_OK;
    const struct aep__member_row *member = &kind->members[kind->session];
    const struct aep__value *value = &facts->values[kind->session];
    if (value->given)
        return take_id_value(envelope, settings, value, member->name, envelope->session_id, err);
    if (member->fallback == AEP__FALLBACK_NEW_ID)
        make_id_text(settings, envelope->timestamp_us, envelope->session_id);
    return AEP_OK;
}

static int take_causation(struct aep__envelope *envelope,
                          const struct aep__envelope_settings *settings,
                          const struct aep__value *given, aep_error *err)
{
    if (given->given)
        return take_id_value(envelope, settings, given, "causation_id", envelope->causation_id,
                             err);
    memcpy(envelope->causation_id, envelope->correlation_id, sizeof envelope->causation_id);
    return AEP_OK;
}

int aep__envelope_make(struct aep__envelope *envelope,
                       const struct aep__envelope_settings *settings,
                       const struct aep__facts *facts, aep_error *err)
{
    const struct aep__kind_row *kind = &aep__kinds[facts->kind];
    const struct aep__member_row *largest = kind->members;
    struct aep__envelope_names names = {
        .event_type = aep__slice_text(kind->event_type),
        .schema_ref = aep__slice_text(kind->schema_ref),
        .schema_hash = aep_kind_schema_hash(facts->kind),
    };
    uint8_t event_id[16];
    int code;
    begin_event(envelope, settings, facts->now_us, facts->last_us, facts->event_id, event_id);
    if ((code = take_correlation(envelope, settings, facts, err)) != AEP_OK ||
        (code = take_session(envelope, settings, facts, err)) != AEP_OK ||
        (code = take_causation(envelope, settings, &facts->causation_id, err)) != AEP_OK)
        return code;
    names.topic = settings->single_topic ? AEP__SLICE(AEP__TOPIC_SINGLE) : names.event_type;
    write_members(envelope, settings, &names);
    if ((code = aep__payload_write(envelope, settings, facts, &largest, err)) != AEP_OK)
        return code;
    aep__headers_make(envelope, settings, &names, &facts->traceparent, &facts->tracestate,
                      event_id);
    return finish_message(envelope, settings, &names, largest->name, err);
}

/* ---- any other event ------------------------------------------------------------------------ */

static int refuse(const char *field, const char *text, aep_error *err)
{
    return aep__error(err, AEP_EINVAL, field, "%s", text);
}

/* registry://a/b/c_d/vN of the valid type a.b.c.d.vN. */
static struct aep__slice make_schema_ref(struct aep__slice event_type, char *ref)
{
    size_t last_dot = event_type.len, prefix = strlen("registry://");
    int dots = 0;
    while (event_type.data[--last_dot] != '.')
        ;
    memcpy(ref, "registry://", prefix);
    for (size_t i = 0; i < event_type.len; i++) {
        char c = event_type.data[i];
        ref[prefix + i] = c != '.' ? c : ++dots <= 2 || i == last_dot ? '/' : '_';
    }
    return (struct aep__slice){ref, prefix + event_type.len};
}

static int take_names(struct aep__envelope *envelope, const aep_event *event,
                      struct aep__envelope_names *names, aep_error *err)
{
    names->event_type = aep__slice_text(event->event_type);
    names->topic = event->topic ? aep__slice_text(event->topic) : names->event_type;
    names->schema_ref = aep__slice_text(event->schema_ref);
    if (!event->event_type || !aep__event_type_valid(names->event_type.data, names->event_type.len))
        return refuse("event_type",
                      "event_type must be lower-case words and a version, separated by dots: "
                      "company.subject.event.v1",
                      err);
    for (int i = 0; i < AEP_KIND_COUNT; i++)
        if (strcmp(event->event_type, aep__kinds[i].event_type) == 0)
            return aep__error(err, AEP_EINVAL, "event_type",
                              "%s has its own call: use aep_publish_%s() or `aep publish %s`",
                              event->event_type, aep__kinds[i].name, aep__kinds[i].name);
    if (!aep__topic_name_valid(names->topic))
        return refuse("topic",
                      "topic must be 1 to 249 letters, digits, dots, dashes or underscores", err);
    if (!event->schema_ref)
        names->schema_ref = make_schema_ref(names->event_type, envelope->made_schema_ref);
    else if (!aep__schema_ref_valid(names->schema_ref.data, names->schema_ref.len) ||
             !aep__schema_ref_of(names->schema_ref.data, names->schema_ref.len,
                                 names->event_type.data, names->event_type.len))
        return refuse("schema_ref",
                      "schema_ref must be registry://a/b/c/vN of this event type; leave it out to "
                      "have it made",
                      err);
    return AEP_OK;
}

/* The payload's own correlation_id, as written; data NULL: it has none. */
static int find_correlation(struct aep__envelope *envelope, struct aep__slice *ret, aep_error *err)
{
    struct aep__json *json = &envelope->text.json;
    enum aep__json_token token;
    *ret = (struct aep__slice){NULL, 0};
    aep__json_begin(json, envelope->payload.data, envelope->payload.len, AEP__JSON_DEPTH, false);
    aep__json_next(json);
    while ((token = aep__json_next(json)) == AEP__JSON_NAME) {
        bool found = aep__json_is_name(json, "correlation_id");
        token = aep__json_next(json);
        if (found && token == AEP__JSON_STRING) {
            *ret = aep__json_decode(json->token, &envelope->text.decoded, NULL);
            return ret->data ? AEP_OK : aep__error_memory(err);
        }
        if (found && token != AEP__JSON_NULL)
            return refuse("correlation_id", "the payload's correlation_id must be a string", err);
        if (!aep__json_skip(json, token))
            break;
    }
    return json->problem == AEP__JSON_MEMORY ? aep__error_memory(err) : AEP_OK;
}

/* The envelope's is the payload's; if both are given, they have to agree. */
static int take_any_correlation(struct aep__envelope *envelope,
                                const struct aep__envelope_settings *settings,
                                const aep_event *event, aep_error *err)
{
    struct aep__slice own;
    char other[AEP_CORRELATION_ID_SIZE] = "", *id = envelope->correlation_id;
    int code = find_correlation(envelope, &own, err);
    if (code == AEP_OK && own.data)
        code = take_id(envelope, settings, own, "correlation_id", other, err);
    if (code != AEP_OK)
        return code;
    if (event->correlation_id)
        code = take_id(envelope, settings, aep__slice_text(event->correlation_id), "correlation_id",
                       id, err);
    else if (own.data)
        memcpy(id, other, sizeof other);
    else
        make_id_text(settings, envelope->timestamp_us, id);
    if (code == AEP_OK && own.data && strcmp(other, id) != 0)
        return refuse("correlation_id", "correlation_id and the payload's correlation_id differ",
                      err);
    return code;
}

static struct aep__value text_value(const char *text)
{
    return (struct aep__value){text, text ? strlen(text) : 0, 0, text != NULL};
}

int aep__envelope_make_any(struct aep__envelope *envelope,
                           const struct aep__envelope_settings *settings, const aep_event *event,
                           int64_t now_us, aep_error *err)
{
    struct aep__envelope_names names = {0};
    uint8_t event_id[16];
    struct aep__value causation = text_value(event->causation_id);
    struct aep__value parent = text_value(event->traceparent);
    struct aep__value state = text_value(event->tracestate);
    int code = take_names(envelope, event, &names, err);
    if (code != AEP_OK)
        return code;
    if (!event->payload)
        return refuse("payload", "payload is required: a JSON object", err);
    begin_event(envelope, settings, now_us, 0, NULL, event_id);
    code = aep__text_write_json(&envelope->text, &envelope->payload,
                                aep__slice_text(event->payload), AEP__JSON_OBJECT, "payload", err);
    if (code != AEP_OK || (code = take_any_correlation(envelope, settings, event, err)) != AEP_OK ||
        (code = take_causation(envelope, settings, &causation, err)) != AEP_OK)
        return code;
    write_members(envelope, settings, &names);
    aep__buf_add(&envelope->value, envelope->payload.data, envelope->payload.len);
    aep__headers_make(envelope, settings, &names, &parent, &state, event_id);
    return finish_message(envelope, settings, &names, "payload", err);
}
