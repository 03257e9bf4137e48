/* SPDX-License-Identifier: Apache-2.0 */
#include "event/envelope.h"

#include "base/error.h"
#include "base/id.h"
#include "base/utf8.h"
#include "event/trace.h"

#include <math.h>
#include <string.h>

#define ID_BYTES (AEP_CORRELATION_ID_SIZE - 1)
#define LAST_SECOND_US INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z */

/* What an event is called, wherever that stands. */
struct event_names {
    struct aep__slice event_type, topic, schema_ref;
    const char *schema_hash; /* NULL: its schema is not ours */
    struct aep__slice correlation, causation;
};

static struct aep__slice buf_slice(const struct aep__buf *buf, size_t begin, size_t end)
{
    return (struct aep__slice){buf->data + begin, end - begin};
}

static void add_literal(struct aep__buf *out, struct aep__slice text)
{
    aep__buf_add(out, text.data, text.len);
}

/* ---- settings ------------------------------------------------------------------------------- */

static int check_setting(const char *option, const char *text, aep_error *err)
{
    size_t len = text ? strlen(text) : 0;
    if (aep__utf8_valid(text ? text : "", len) == len && !aep__utf8_blank(text, len) &&
        !aep__utf8_control(text, len) && len <= 249)
        return AEP_OK;
    return aep__error(err, AEP_ECONFIG, option,
                      "%s has to be text of at most 249 bytes, not blank, without control "
                      "characters",
                      option);
}

static bool is_uri_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~/?#[]@!$&'()*+,;=", c));
}

/* The source as a URI-reference (RFC 3986 §4.1): a colon can only end a scheme. */
static void add_uri(struct aep__buf *out, const char *text)
{
    static const char scheme_bytes[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
    bool letter = (*text | 0x20) >= 'a' && (*text | 0x20) <= 'z';
    bool colon = letter && text[strspn(text, scheme_bytes)] == ':';
    for (const char *at = text; *at; at++)
        if (is_uri_byte(*at) || (*at == ':' && colon))
            aep__buf_byte(out, *at);
        else
            aep__buf_format(out, "%%%02X", (unsigned)(unsigned char)*at);
}

static void add_member(struct aep__buf *out, const char *key, const char *text)
{
    aep__buf_text(out, key);
    aep__json_add_string(out, text, strlen(text));
}

/* A valid trace context of the environment, without secrets. */
static struct aep__slice choose_env(const struct aep__envelope_settings *settings, const char *text,
                                    bool (*valid)(const char *, size_t))
{
    struct aep__buf clean = {0};
    struct aep__slice slice = aep__slice_text(text);
    bool fine = text && valid(text, slice.len);
    if (fine && settings->redactor)
        fine = aep__redact_text(settings->redactor, text, slice.len, &clean) == 0;
    aep__buf_done(&clean);
    return fine ? slice : (struct aep__slice){NULL, 0};
}

/* Texts are appended one behind the other and pointed into once their place is final. */
static int copy_texts(struct aep__envelope_settings *settings, aep_error *err)
{
    struct aep__buf *out = &settings->texts;
    struct aep__slice parent = choose_env(settings, settings->traceparent, aep__traceparent_valid);
    struct aep__slice state = choose_env(settings, settings->tracestate, aep__tracestate_valid);
    size_t ends[6];
    aep__buf_clear(out);
    add_member(out, "\",\"tenant_id\":", settings->tenant_id);
    add_member(out, ",\"namespace\":", settings->namespace_);
    add_member(out, ",\"source\":", settings->source);
    aep__buf_text(out, ",\"correlation_id\":");
    ends[0] = out->len;
    aep__buf_text(out, settings->tenant_id);
    ends[1] = out->len;
    aep__buf_text(out, settings->environment ? settings->environment : "");
    ends[2] = out->len;
    add_uri(out, settings->source);
    ends[3] = out->len;
    add_literal(out, parent);
    ends[4] = out->len;
    add_literal(out, state);
    ends[5] = out->len;
    if (out->failed)
        return aep__error_memory(err);
    settings->middle = buf_slice(out, 0, ends[0]);
    settings->tenant = buf_slice(out, ends[0], ends[1]);
    settings->environment_value = buf_slice(out, ends[1], ends[2]);
    settings->ce_source = buf_slice(out, ends[2], ends[3]);
    settings->env_traceparent = settings->env_tracestate = (struct aep__slice){NULL, 0};
    if (parent.data)
        settings->env_traceparent = buf_slice(out, ends[3], ends[4]);
    if (parent.data && state.data)
        settings->env_tracestate = buf_slice(out, ends[4], ends[5]);
    return AEP_OK;
}

int aep__envelope_settings_prepare(struct aep__envelope_settings *settings, aep_error *err)
{
    int code;
    if ((code = check_setting("tenant_id", settings->tenant_id, err)) != AEP_OK ||
        (code = check_setting("namespace", settings->namespace_, err)) != AEP_OK ||
        (code = check_setting("source", settings->source, err)) != AEP_OK)
        return code;
    if (settings->environment && *settings->environment &&
        (code = check_setting("environment", settings->environment, err)) != AEP_OK)
        return code;
    return copy_texts(settings, err);
}

void aep__envelope_settings_done(struct aep__envelope_settings *settings)
{
    aep__buf_done(&settings->texts);
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
        return aep__error(err, AEP_EINVAL, field, "%s is blank: leave it out or give an id", field);
    if (id.len > ID_BYTES)
        return aep__error(err, AEP_EINVAL, field, "%s has %zu bytes; an id has at most %d", field,
                          id.len, ID_BYTES);
    if (aep__utf8_control(id.data, id.len))
        return aep__error(err, AEP_EINVAL, field, "%s holds a control character", field);
    if (settings->ids_strict)
        return aep__error(err, AEP_EINVAL, field, "%s is not a UUID, and ids.strict is on", field);
    return AEP_OK;
}

/* A caller's id takes the way of every text. What that makes too long is cut. */
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
        return aep__error(err, AEP_EINVAL, field, "%s has to be text", field);
    return take_id(envelope, settings, (struct aep__slice){value->text, value->len}, field, id,
                   err);
}

/* ---- begin of every event ------------------------------------------------------------------- */

static void begin_event(struct aep__envelope *envelope,
                        const struct aep__envelope_settings *settings, int64_t now_us,
                        int64_t last_us, uint8_t event_id[16])
{
    int64_t at = now_us ? now_us : aep__clock_wall_us();
    at = at < last_us ? last_us : at;
    envelope->timestamp_us = at < 0 ? 0 : at > LAST_SECOND_US ? LAST_SECOND_US : at;
    aep__clock_format(envelope->timestamp_us, envelope->timestamp);
    make_id(settings, envelope->timestamp_us, event_id);
    aep__id_format(event_id, envelope->event_id);
    envelope->session_id[0] = '\0';
    envelope->text.redactor = settings->redactor;
    envelope->text.field_bytes = settings->field_bytes;
    envelope->text.message_bytes = settings->message_bytes;
    envelope->text.counts = (struct aep__text_counts){0};
    envelope->message.header_count = 0;
    aep__buf_clear(&envelope->value);
    aep__buf_clear(&envelope->payload);
}

static void add_slice(struct aep__buf *out, struct aep__slice text)
{
    aep__json_add_string(out, text.data, text.len);
}

/* All members but the payload's value. */
static void write_members(struct aep__envelope *envelope,
                          const struct aep__envelope_settings *settings, struct event_names *names)
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
}

/* ---- payload of the four kinds -------------------------------------------------------------- */

static int refuse_range(const struct aep__member *member, aep_error *err)
{
    const char *whole = member->type == AEP__TYPE_INTEGER ? "whole " : "";
    if (member->type == AEP__TYPE_BOOL)
        return aep__error(err, AEP_EINVAL, member->name, "%s has to be true or false",
                          member->name);
    if (member->max > 1e15)
        return aep__error(err, AEP_EINVAL, member->name, "%s has to be a %snumber, 0 or more",
                          member->name, whole);
    return aep__error(err, AEP_EINVAL, member->name, "%s has to be a %snumber from %d to %d",
                      member->name, whole, (int)member->min, (int)member->max);
}

static bool equals(const struct aep__value *value, struct aep__slice word)
{
    return value->len == word.len && memcmp(value->text, word.data, word.len) == 0;
}

/* The number that a value is, from its text if it has one. */
static bool read_number(const struct aep__member *member, const struct aep__value *value,
                        double *ret)
{
    bool is_true = false;
    if (!value->text)
        *ret = value->number;
    else if (member->type == AEP__TYPE_BOOL &&
             ((is_true = equals(value, AEP__SLICE("true"))) || equals(value, AEP__SLICE("false"))))
        *ret = is_true;
    else if (!aep__json_number_value((struct aep__slice){value->text, value->len}, ret))
        return false;
    bool inside = *ret >= member->min && *ret <= member->max; /* not of a NaN */
    return inside && (member->type == AEP__TYPE_NUMBER || *ret == (double)(int64_t)*ret);
}

static int write_number(struct aep__envelope *envelope, const struct aep__member *member,
                        const struct aep__value *value, aep_error *err)
{
    double number;
    struct aep__buf *out = &envelope->value;
    if (!read_number(member, value, &number))
        return refuse_range(member, err);
    if (member->type == AEP__TYPE_BOOL)
        aep__buf_text(out, number != 0 ? "true" : "false");
    else if (value->text && member->type == AEP__TYPE_NUMBER)
        aep__buf_add(out, value->text, value->len);
    else
        aep__json_add_number(out, number);
    return AEP_OK;
}

static int write_text(struct aep__envelope *envelope, const struct aep__envelope_settings *settings,
                      const struct aep__member *member, const struct aep__value *value,
                      aep_error *err)
{
    if (member->required && aep__utf8_blank(value->text, value->len))
        return aep__error(err, AEP_EINVAL, member->name, "%s is blank, and it is required",
                          member->name);
    bool left_out = member->request && !settings->capture_request;
    aep__text_write(&envelope->text, &envelope->value, value->text, left_out ? 0 : value->len);
    return AEP_OK;
}

static int write_time(struct aep__envelope *envelope, const struct aep__member *member,
                      const struct aep__value *value, aep_error *err)
{
    if (!aep__clock_parse(value->text, value->len, NULL))
        return aep__error(err, AEP_EINVAL, member->name,
                          "%s is not RFC 3339: write 2025-11-13T14:30:00Z", member->name);
    aep__json_add_string(&envelope->value, value->text, value->len);
    return AEP_OK;
}

static int write_json(struct aep__envelope *envelope, const struct aep__member *member,
                      const struct aep__value *value, aep_error *err)
{
    enum aep__json_token wanted = member->type == AEP__TYPE_OBJECT  ? AEP__JSON_OBJECT
                                  : member->type == AEP__TYPE_ARRAY ? AEP__JSON_ARRAY
                                                                    : AEP__JSON_END;
    return aep__text_write_json(&envelope->text, &envelope->value,
                                (struct aep__slice){value->text, value->len}, wanted, member->name,
                                err);
}

static int write_given(struct aep__envelope *envelope,
                       const struct aep__envelope_settings *settings,
                       const struct aep__member *member, const struct aep__value *value,
                       aep_error *err)
{
    if (aep__type_is_number(member->type))
        return write_number(envelope, member, value, err);
    if (!value->text && member->type == AEP__TYPE_ANY && isfinite(value->number)) {
        aep__json_add_number(&envelope->value, value->number);
        return AEP_OK;
    }
    if (!value->text)
        return aep__error(err, AEP_EINVAL, member->name, "%s has to be %s, not a number",
                          member->name, aep__type_is_json(member->type) ? "JSON text" : "text");
    if (member->type == AEP__TYPE_TIME)
        return write_time(envelope, member, value, err);
    if (aep__type_is_json(member->type))
        return write_json(envelope, member, value, err);
    return write_text(envelope, settings, member, value, err);
}

static int refuse_missing(const struct aep__member *member, aep_error *err)
{
    return aep__error(err, AEP_EINVAL, member->name, "%s is required: %s", member->name,
                      member->help);
}

static int write_member(struct aep__envelope *envelope,
                        const struct aep__envelope_settings *settings,
                        const struct aep__member *member, const struct aep__value *value,
                        aep_error *err)
{
    struct aep__buf *out = &envelope->value;
    aep__buf_add(out, member->key, member->key_len);
    if (value->given)
        return write_given(envelope, settings, member, value, err);
    if (member->fallback == AEP__FALLBACK_NOW)
        aep__json_add_string(out, envelope->timestamp, AEP__TIME_SIZE - 1);
    else if (member->fallback == AEP__FALLBACK_EMPTY_OBJECT)
        add_literal(out, AEP__SLICE("{}"));
    else
        return refuse_missing(member, err);
    return AEP_OK;
}

/* The member that may not be less than another one: steps_total. */
static int check_order(const struct aep__event *event, const struct aep__kind *kind,
                       const struct aep__member *member, aep_error *err)
{
    int other = aep__kind_member(event->kind, member->at_least, strlen(member->at_least));
    const struct aep__value *least = &event->values[other];
    double high, low;
    if (least->given && read_number(&kind->members[other], least, &low) &&
        read_number(member, &event->values[member - kind->members], &high) && high < low)
        return aep__error(err, AEP_EINVAL, member->name, "%s is less than %s", member->name,
                          member->at_least);
    return AEP_OK;
}

/* Ids are known by now, and whether there is a session. */
static int write_payload(struct aep__envelope *envelope,
                         const struct aep__envelope_settings *settings,
                         const struct aep__event *event, const struct aep__member **ret_largest,
                         aep_error *err)
{
    const struct aep__kind *kind = &aep__kinds[event->kind];
    struct aep__buf *out = &envelope->value;
    size_t largest = 0;
    char separator = '{';
    for (size_t i = 0; i < kind->member_count; i++) {
        const struct aep__member *member = &kind->members[i];
        const struct aep__value *value = &event->values[i];
        if (!value->given && !member->required)
            continue;
        size_t begin = out->len;
        int code = AEP_OK;
        aep__buf_byte(out, separator);
        separator = ',';
        if (member->type == AEP__TYPE_ID) {
            aep__buf_add(out, member->key, member->key_len);
            add_slice(out, aep__slice_text(i == kind->correlation ? envelope->correlation_id
                                                                  : envelope->session_id));
        } else {
            code = write_member(envelope, settings, member, value, err);
        }
        if (code == AEP_OK && member->at_least && value->given)
            code = check_order(event, kind, member, err);
        if (code != AEP_OK)
            return code;
        if (out->len - begin > largest) {
            largest = out->len - begin;
            *ret_largest = member;
        }
    }
    aep__buf_byte(out, '}');
    return AEP_OK;
}

/* ---- trace and headers ---------------------------------------------------------------------- */

/* A caller's tracestate that holds a secret is left out: a mark would not be valid there. */
static bool is_clean_state(struct aep__envelope *envelope,
                           const struct aep__envelope_settings *settings, struct aep__slice state)
{
    if (!state.data || !aep__tracestate_valid(state.data, state.len))
        return false;
    if (!settings->redactor)
        return true;
    aep__buf_clear(&envelope->text.clean);
    size_t count =
        aep__redact_text(settings->redactor, state.data, state.len, &envelope->text.clean);
    envelope->text.counts.redacted += count;
    return count == 0 && !envelope->text.clean.failed;
}

/* The caller's, else the environment's, else our own. A tracestate belongs to its traceparent. */
static void choose_trace(struct aep__envelope *envelope,
                         const struct aep__envelope_settings *settings,
                         const struct aep__value *parent, const struct aep__value *state,
                         const uint8_t event_id[16])
{
    struct aep__slice own_state = {state->text, state->len};
    envelope->traceparent = settings->env_traceparent;
    envelope->tracestate = settings->env_tracestate;
    if (parent->given) {
        envelope->traceparent = (struct aep__slice){NULL, 0};
        if (parent->text && aep__traceparent_valid(parent->text, parent->len))
            envelope->traceparent = (struct aep__slice){parent->text, parent->len};
    }
    if (parent->given || state->given)
        envelope->tracestate = own_state;
    if (!envelope->traceparent.data) {
        aep__traceparent_make(envelope->correlation_id, strlen(envelope->correlation_id), event_id,
                              envelope->made_traceparent);
        envelope->traceparent =
            (struct aep__slice){envelope->made_traceparent, AEP__TRACEPARENT_SIZE - 1};
        envelope->tracestate = (struct aep__slice){NULL, 0};
    }
    if (envelope->tracestate.data != settings->env_tracestate.data &&
        !is_clean_state(envelope, settings, envelope->tracestate))
        envelope->tracestate = (struct aep__slice){NULL, 0};
}

static void add_header(struct aep__message *message, struct aep__slice name,
                       struct aep__slice value)
{
    message->headers[message->header_count++] = (struct aep__header){name, value};
}

static void add_cloudevents(struct aep__envelope *envelope,
                            const struct aep__envelope_settings *settings,
                            const struct event_names *names)
{
    struct aep__message *message = &envelope->message;
    add_header(message, AEP__SLICE("content-type"), AEP__SLICE("application/json"));
    add_header(message, AEP__SLICE("ce_specversion"), AEP__SLICE("1.0"));
    add_header(message, AEP__SLICE("ce_id"),
               (struct aep__slice){envelope->event_id, AEP_ID_SIZE - 1});
    add_header(message, AEP__SLICE("ce_type"), names->event_type);
    add_header(message, AEP__SLICE("ce_source"), settings->ce_source);
    add_header(message, AEP__SLICE("ce_time"),
               (struct aep__slice){envelope->timestamp, AEP__TIME_SIZE - 1});
    add_header(message, AEP__SLICE("ce_subject"), names->correlation);
    add_header(message, AEP__SLICE("ce_correlationid"), names->correlation);
    add_header(message, AEP__SLICE("ce_causationid"), names->causation);
    add_header(message, AEP__SLICE("ce_tenantid"), settings->tenant);
    add_header(message, AEP__SLICE("ce_schemaref"), names->schema_ref);
}

static void add_headers(struct aep__envelope *envelope,
                        const struct aep__envelope_settings *settings,
                        const struct event_names *names)
{
    struct aep__message *message = &envelope->message;
    add_header(message, AEP__SLICE("traceparent"), envelope->traceparent);
    if (envelope->tracestate.data)
        add_header(message, AEP__SLICE("tracestate"), envelope->tracestate);
    add_header(message, AEP__SLICE("x-traceparent"), envelope->traceparent);
    add_header(message, AEP__SLICE("x-correlation-id"), names->correlation);
    add_header(message, AEP__SLICE("x-causation-id"), names->causation);
    add_header(message, AEP__SLICE("x-tenant"), settings->tenant);
    if (names->schema_hash)
        add_header(message, AEP__SLICE("x-schema-hash"), aep__slice_text(names->schema_hash));
    if (settings->environment_value.len)
        add_header(message, AEP__SLICE("x-environment"), settings->environment_value);
    if (settings->cloudevents)
        add_cloudevents(envelope, settings, names);
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
                          const struct event_names *names, const char *largest, aep_error *err)
{
    struct aep__message *message = &envelope->message;
    aep__buf_byte(&envelope->value, '}');
    if (envelope->value.failed)
        return aep__error_memory(err);
    message->topic = names->topic;
    message->key = names->correlation;
    message->timestamp_ms = envelope->timestamp_us / 1000;
    message->value = buf_slice(&envelope->value, 0, envelope->value.len);
    envelope->counts = envelope->text.counts;
    size_t size = message_size(message);
    if (settings->message_bytes && size > settings->message_bytes)
        return aep__error(err, AEP_ETOOBIG, largest,
                          "the message has %zu bytes, more than limits.message_bytes (%zu); the "
                          "largest part is %s",
                          size, settings->message_bytes, largest);
    return AEP_OK;
}

/* ---- the four kinds ------------------------------------------------------------------------- */

static int take_correlation(struct aep__envelope *envelope,
                            const struct aep__envelope_settings *settings,
                            const struct aep__event *event, aep_error *err)
{
    const struct aep__kind *kind = &aep__kinds[event->kind];
    const struct aep__member *member = &kind->members[kind->correlation];
    const struct aep__value *value = &event->values[kind->correlation];
    if (value->given)
        return take_id_value(envelope, settings, value, member->name, envelope->correlation_id,
                             err);
    if (member->fallback != AEP__FALLBACK_NEW_ID)
        return aep__error(err, AEP_EINVAL, member->name,
                          "%s is required: the one of the started event", member->name);
    make_id_text(settings, envelope->timestamp_us, envelope->correlation_id);
    return AEP_OK;
}

static int take_session(struct aep__envelope *envelope,
                        const struct aep__envelope_settings *settings,
                        const struct aep__event *event, aep_error *err)
{
    const struct aep__kind *kind = &aep__kinds[event->kind];
    if (kind->session == kind->member_count)
        return AEP_OK;
    const struct aep__member *member = &kind->members[kind->session];
    const struct aep__value *value = &event->values[kind->session];
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
                       const struct aep__event *event, aep_error *err)
{
    const struct aep__kind *kind = &aep__kinds[event->kind];
    const struct aep__member *largest = kind->members;
    struct event_names names = {
        .event_type = aep__slice_text(kind->event_type),
        .schema_ref = aep__slice_text(kind->schema_ref),
        .schema_hash = aep_kind_schema_hash(event->kind),
    };
    uint8_t event_id[16];
    int code;
    begin_event(envelope, settings, event->now_us, event->last_us, event_id);
    if ((code = take_correlation(envelope, settings, event, err)) != AEP_OK ||
        (code = take_session(envelope, settings, event, err)) != AEP_OK ||
        (code = take_causation(envelope, settings, &event->causation_id, err)) != AEP_OK)
        return code;
    names.topic = settings->single_topic ? AEP__SLICE(AEP__TOPIC_SINGLE) : names.event_type;
    write_members(envelope, settings, &names);
    if ((code = write_payload(envelope, settings, event, &largest, err)) != AEP_OK)
        return code;
    choose_trace(envelope, settings, &event->traceparent, &event->tracestate, event_id);
    add_headers(envelope, settings, &names);
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
                      struct event_names *names, aep_error *err)
{
    names->event_type = aep__slice_text(event->event_type);
    names->topic = event->topic ? aep__slice_text(event->topic) : names->event_type;
    names->schema_ref = aep__slice_text(event->schema_ref);
    if (!event->event_type || !aep__event_type_valid(names->event_type.data, names->event_type.len))
        return refuse("event_type",
                      "event_type has to be lower-case words and a version parted by "
                      "dots: company.subject.event.v1",
                      err);
    for (int i = 0; i < AEP_KIND_COUNT; i++)
        if (strcmp(event->event_type, aep__kinds[i].event_type) == 0)
            return aep__error(err, AEP_EINVAL, "event_type",
                              "%s has a shape of its own: publish it with aep_publish_%s()",
                              event->event_type, aep__kinds[i].name);
    if (!aep__topic_valid(names->topic.data, names->topic.len))
        return refuse("topic",
                      "topic has to be 1 to 249 letters, digits, dots, dashes or "
                      "underscores",
                      err);
    if (!event->schema_ref)
        names->schema_ref = make_schema_ref(names->event_type, envelope->made_schema_ref);
    else if (!aep__schema_ref_valid(names->schema_ref.data, names->schema_ref.len) ||
             !aep__schema_ref_of(names->schema_ref.data, names->schema_ref.len,
                                 names->event_type.data, names->event_type.len))
        return refuse("schema_ref",
                      "schema_ref has to be registry://a/b/c/vN of this event type; "
                      "leave it out to have it made",
                      err);
    return AEP_OK;
}

/* The payload's own correlation_id, as it was written; data NULL: it has none. */
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
            return refuse("correlation_id", "the payload's correlation_id has to be a string", err);
        if (!aep__json_skip(json, token))
            break;
    }
    return json->problem == AEP__JSON_MEMORY ? aep__error_memory(err) : AEP_OK;
}

/* The envelope's is the payload's; where both are given they have to agree. */
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

static int make_any(struct aep__envelope *envelope, const struct aep__envelope_settings *settings,
                    const aep_event *event, int64_t now_us, aep_error *err)
{
    struct event_names names = {0};
    uint8_t event_id[16];
    struct aep__value causation = text_value(event->causation_id);
    struct aep__value parent = text_value(event->traceparent);
    struct aep__value state = text_value(event->tracestate);
    int code = take_names(envelope, event, &names, err);
    if (code != AEP_OK)
        return code;
    if (!event->payload)
        return refuse("payload", "payload is required: a JSON object", err);
    begin_event(envelope, settings, now_us, 0, event_id);
    code = aep__text_write_json(&envelope->text, &envelope->payload,
                                aep__slice_text(event->payload), AEP__JSON_OBJECT, "payload", err);
    if (code != AEP_OK || (code = take_any_correlation(envelope, settings, event, err)) != AEP_OK ||
        (code = take_causation(envelope, settings, &causation, err)) != AEP_OK)
        return code;
    write_members(envelope, settings, &names);
    aep__buf_add(&envelope->value, envelope->payload.data, envelope->payload.len);
    choose_trace(envelope, settings, &parent, &state, event_id);
    add_headers(envelope, settings, &names);
    return finish_message(envelope, settings, &names, "payload", err);
}

int aep__envelope_make_any(struct aep__envelope *envelope,
                           const struct aep__envelope_settings *settings, const aep_event *event,
                           int64_t now_us, aep_error *err)
{
    aep_event known;
    int code = aep__event_any_from_struct(event, &known, err);
    return code == AEP_OK ? make_any(envelope, settings, &known, now_us, err) : code;
}

void aep__envelope_done(struct aep__envelope *envelope)
{
    aep__text_done(&envelope->text);
    aep__buf_done(&envelope->value);
    aep__buf_done(&envelope->payload);
}
