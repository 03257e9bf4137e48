/* SPDX-License-Identifier: Apache-2.0 */
/* aep_validate(): whether an envelope, from any producer, follows the wire contract.
 *
 * One strict walk finds JSON errors and the position of each member; then each member is checked in
 * place, without a tree. The envelope's rules are here, the payload's in the kinds table. */
#include "aep/aep.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/json.h"
#include "base/utf8.h"
#include "event/findings.h"
#include "event/kinds.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum finding {
#define FINDING_ENUM(name, severity, code, meaning) FINDING_##name,
    AEP__FINDINGS(FINDING_ENUM)
#undef FINDING_ENUM
};

const struct aep__finding_code aep__finding_codes[] = {
#define FINDING_ROW(name, severity, code, meaning) {AEP_SEVERITY_##severity, code, meaning},
    AEP__FINDINGS(FINDING_ROW)
#undef FINDING_ROW
};
const size_t aep__finding_code_count = sizeof aep__finding_codes / sizeof *aep__finding_codes;

/* The envelope's members that are checked. */
enum top {
    EVENT_TYPE,
    EVENT_ID,
    TIMESTAMP,
    SOURCE,
    SERVICE,
    CORRELATION_ID,
    CAUSATION_ID,
    SCHEMA_REF,
    PARTITION_KEY,
    PAYLOAD,
    TOP_COUNT,
};

static const char *const top_names[TOP_COUNT] = {
    "event_type",     "event_id",     "timestamp",  "source",        "service",
    "correlation_id", "causation_id", "schema_ref", "partition_key", "payload",
};

/* A member's value as it is in the text. Zeroed: there is none. */
struct value {
    enum aep__json_token type;
    struct aep__slice raw;  /* of a string without its quotes */
    struct aep__slice text; /* of a string, decoded; data NULL otherwise */
    struct aep__buf scratch;
};

struct check {
    aep_finding_fn fn;
    void *user;
    bool strict;
    bool no_memory;
    size_t errors;
    aep_error *err; /* filled by the first error */
    struct aep__json json;
    struct value tops[TOP_COUNT];
    struct value members[AEP__MEMBERS_MAX]; /* of a kind's payload */
    struct value correlation;               /* of another's payload */
};

/* ---- findings ------------------------------------------------------------------------------- */

static void report(struct check *check, enum finding finding, const char *pointer,
                   const char *field, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static void report(struct check *check, enum finding finding, const char *pointer,
                   const char *field, const char *format, ...)
{
    const struct aep__finding_code *row = &aep__finding_codes[finding];
    enum aep_severity severity = check->strict ? AEP_SEVERITY_ERROR : row->severity;
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (severity == AEP_SEVERITY_ERROR && check->errors++ == 0)
        aep__error(check->err, AEP_EINVAL, field, "%s", text);
    if (check->fn)
        check->fn(check->user, &(aep_finding){severity, row->code, pointer, field, text});
}

/* Of an envelope's member, or of a payload's. */
static void report_member(struct check *check, enum finding finding, const char *parent,
                          const char *name, const char *text)
{
    char pointer[96];
    snprintf(pointer, sizeof pointer, "%s/%s", parent, name);
    report(check, finding, pointer, name, "%s%s%s %s", *parent ? parent + 1 : "",
           *parent ? "." : "", name, text);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Reads the value after a name into *value (NULL: skips it). */
static bool read_value(struct check *check, struct value *value)
{
    struct aep__json *json = &check->json;
    enum aep__json_token type = aep__json_next(json);
    struct aep__slice raw = json->token;
    if (!aep__json_skip(json, type))
        return false;
    if (!value)
        return true;
    value->type = type;
    value->raw = json->token;
    if (type == AEP__JSON_STRING) {
        value->raw = raw;
        value->text = aep__json_decode(raw, &value->scratch, NULL);
        check->no_memory |= !value->text.data;
    }
    return true;
}

static int find_top(struct aep__json *json)
{
    for (int i = 0; i < TOP_COUNT; i++)
        if (aep__json_is_name(json, top_names[i]))
            return i;
    return -1;
}

static bool read_envelope(struct check *check)
{
    struct aep__json *json = &check->json;
    enum aep__json_token first = aep__json_next(json), token;
    if (first != AEP__JSON_OBJECT) {
        if (aep__json_skip(json, first) && aep__json_next(json) == AEP__JSON_END)
            report(check, FINDING_OBJECT, "", "", "the event is not a JSON object");
        return false;
    }
    while ((token = aep__json_next(json)) == AEP__JSON_NAME) {
        int top = find_top(json);
        if (!read_value(check, top < 0 ? NULL : &check->tops[top]))
            return false;
    }
    return token == AEP__JSON_OBJECT_END && aep__json_next(json) == AEP__JSON_END;
}

static void report_problem(struct check *check)
{
    static const enum finding findings[] = {
        [AEP__JSON_SYNTAX] = FINDING_JSON,
        [AEP__JSON_DUPLICATE] = FINDING_DUPLICATE,
        [AEP__JSON_TOO_DEEP] = FINDING_DEPTH,
        [AEP__JSON_ENCODING] = FINDING_ENCODING,
    };
    struct aep__json *json = &check->json;
    struct aep__buf pointer = {0};
    aep__json_where(json, &pointer);
    report(check, findings[json->problem], aep__buf_string(&pointer), "", "%s (byte %zu)",
           json->message, json->position);
    aep__buf_done(&pointer);
    if (check->err && check->errors == 1)
        check->err->position = json->position;
}

/* ---- envelope ------------------------------------------------------------------------------- */

/* Whether the member is there with a value of that type; reports what is wrong with it. */
static bool has_value(struct check *check, const struct value *value, enum aep__json_token type,
                      const char *parent, const char *name)
{
    if (value->type == type)
        return true;
    if (value->type == AEP__JSON_ERROR)
        report_member(check, FINDING_MISSING, parent, name, "is missing");
    else if (value->type == AEP__JSON_NULL)
        report_member(check, FINDING_NULL, parent, name, "is null");
    else
        report_member(check, FINDING_TYPE, parent, name,
                      type == AEP__JSON_STRING   ? "is not a string"
                      : type == AEP__JSON_OBJECT ? "is not an object"
                      : type == AEP__JSON_ARRAY  ? "is not an array"
                                                 : "is not a number");
    return false;
}

static bool has_text(struct check *check, const struct value *value, const char *parent,
                     const char *name)
{
    if (!has_value(check, value, AEP__JSON_STRING, parent, name))
        return false;
    if (!aep__utf8_blank(value->text.data, value->text.len))
        return true;
    report_member(check, FINDING_BLANK, parent, name, "is blank");
    return false;
}

static bool has_top(struct check *check, enum top top)
{
    return has_text(check, &check->tops[top], "", top_names[top]);
}

static bool is_absent(const struct value *value)
{
    return value->type == AEP__JSON_ERROR || value->type == AEP__JSON_NULL;
}

static void report_top(struct check *check, enum finding finding, enum top top, const char *text)
{
    report_member(check, finding, "", top_names[top], text);
}

static bool check_event_type(struct check *check)
{
    struct aep__slice text = check->tops[EVENT_TYPE].text;
    if (!has_top(check, EVENT_TYPE))
        return false;
    if (aep__event_type_valid(text.data, text.len))
        return true;
    report_top(check, FINDING_EVENT_TYPE, EVENT_TYPE,
               text.len > 249 ? "has more than 249 characters"
                              : "is not lower-case words and a version: a.b.c.v1");
    return false;
}

static void check_event_id(struct check *check)
{
    struct aep__slice text = check->tops[EVENT_ID].text;
    uint8_t bytes[16];
    if (!has_top(check, EVENT_ID))
        return;
    if (!aep__id_parse(text.data, text.len, bytes))
        report_top(check, FINDING_UUID, EVENT_ID, "is not a UUID in canonical form");
    else if (bytes[6] >> 4 != 7 || bytes[8] >> 6 != 2)
        report_top(check, FINDING_VERSION, EVENT_ID, "is not a UUID of version 7");
}

static void check_timestamp(struct check *check)
{
    struct aep__slice text = check->tops[TIMESTAMP].text;
    if (has_top(check, TIMESTAMP) && !aep__clock_parse(text.data, text.len, NULL))
        report_top(check, FINDING_TIME, TIMESTAMP,
                   "is not RFC 3339 with date, T, seconds and zone: 2025-11-13T14:30:00Z");
}

/* Older envelopes call it service. */
static void check_source(struct check *check)
{
    bool service = is_absent(&check->tops[SOURCE]) && !is_absent(&check->tops[SERVICE]);
    has_top(check, service ? SERVICE : SOURCE);
}

static void check_correlation(struct check *check)
{
    struct aep__slice text = check->tops[CORRELATION_ID].text;
    if (has_top(check, CORRELATION_ID) && !aep__id_parse(text.data, text.len, NULL))
        report_top(check, FINDING_CORRELATION_UUID, CORRELATION_ID, "is not a UUID");
}

static void check_causation(struct check *check)
{
    const struct value *value = &check->tops[CAUSATION_ID];
    if (is_absent(value))
        report_top(check, FINDING_NO_CAUSATION, CAUSATION_ID, "is missing");
    else if (value->type != AEP__JSON_STRING)
        report_top(check, FINDING_TYPE, CAUSATION_ID, "is not a string");
    else if (!aep__id_parse(value->text.data, value->text.len, NULL))
        report_top(check, FINDING_CAUSATION_UUID, CAUSATION_ID, "is not a UUID");
}

static void check_schema_ref(struct check *check, bool type_valid)
{
    const struct value *value = &check->tops[SCHEMA_REF], *type = &check->tops[EVENT_TYPE];
    struct aep__slice text = value->text;
    if (is_absent(value))
        report_top(check, FINDING_NO_SCHEMA_REF, SCHEMA_REF, "is missing");
    else if (value->type != AEP__JSON_STRING)
        report_top(check, FINDING_TYPE, SCHEMA_REF, "is not a string");
    else if (!aep__schema_ref_valid(text.data, text.len))
        report_top(check, FINDING_SCHEMA_REF, SCHEMA_REF, "is not registry://a/b/c/v1");
    else if (type_valid &&
             !aep__schema_ref_of(text.data, text.len, type->text.data, type->text.len))
        report_top(check, FINDING_SCHEMA_OTHER, SCHEMA_REF, "belongs to another event type");
}

static bool same_text(const struct value *value, struct aep__slice text)
{
    return value->text.data && value->text.len == text.len &&
           memcmp(value->text.data, text.data, text.len) == 0;
}

/* It may name the member or repeat its value. */
static void check_partition_key(struct check *check)
{
    const struct value *value = &check->tops[PARTITION_KEY];
    const struct value *correlation = &check->tops[CORRELATION_ID];
    if (is_absent(value) || same_text(value, AEP__SLICE("correlation_id")))
        return;
    if (!correlation->text.data || !same_text(value, correlation->text))
        report_top(check, FINDING_PARTITION_KEY, PARTITION_KEY, "is not the correlation_id");
}

/* ---- payload -------------------------------------------------------------------------------- */

#define PARENT "/payload"

static void check_range(struct check *check, const struct aep__member_row *member,
                        const struct value *value)
{
    double number;
    aep__json_number_value(value->raw, &number);
    bool inside = number >= member->min && number <= member->max;
    if (!inside)
        report_member(check, FINDING_RANGE, PARENT, member->name, "is out of range");
    else if (member->type == AEP__TYPE_INTEGER && number != (double)(int64_t)number)
        report_member(check, FINDING_TYPE, PARENT, member->name, "is not a whole number");
}

static void check_text_member(struct check *check, const struct aep__member_row *member,
                              const struct value *value)
{
    struct aep__slice text = value->text;
    bool may_be_blank = member->type == AEP__TYPE_TEXT && (!member->required || member->request);
    if (may_be_blank ? !has_value(check, value, AEP__JSON_STRING, PARENT, member->name)
                     : !has_text(check, value, PARENT, member->name))
        return;
    if (member->type == AEP__TYPE_TIME && !aep__clock_parse(text.data, text.len, NULL))
        report_member(check, FINDING_TIME, PARENT, member->name, "is not RFC 3339");
    if (member->type == AEP__TYPE_ID &&
        (text.len >= AEP_CORRELATION_ID_SIZE || aep__utf8_control(text.data, text.len)))
        report_member(check, FINDING_ID, PARENT, member->name,
                      "is longer than 128 bytes or has control characters");
}

static void check_member(struct check *check, const struct aep__member_row *member,
                         const struct value *value)
{
    if (value->type == AEP__JSON_ERROR && !member->required)
        return;
    switch (member->type) {
    case AEP__TYPE_NUMBER:
    case AEP__TYPE_INTEGER:
        if (has_value(check, value, AEP__JSON_NUMBER, PARENT, member->name))
            check_range(check, member, value);
        break;
    case AEP__TYPE_BOOL:
        if (value->type == AEP__JSON_NULL)
            report_member(check, FINDING_NULL, PARENT, member->name, "is null");
        else if (value->type != AEP__JSON_TRUE && value->type != AEP__JSON_FALSE)
            report_member(check, FINDING_TYPE, PARENT, member->name, "is not true or false");
        break;
    case AEP__TYPE_OBJECT:
        has_value(check, value, AEP__JSON_OBJECT, PARENT, member->name);
        break;
    case AEP__TYPE_ARRAY:
        has_value(check, value, AEP__JSON_ARRAY, PARENT, member->name);
        break;
    case AEP__TYPE_ANY:
        if (value->type == AEP__JSON_NULL)
            report_member(check, FINDING_NULL, PARENT, member->name, "is null");
        break;
    default:
        check_text_member(check, member, value);
    }
}

/* steps_total against steps_completed. */
static void check_order(struct check *check, const struct aep__member_row *member,
                        const struct value *value, const struct value *least)
{
    double high, low;
    if (value->type == AEP__JSON_NUMBER && least->type == AEP__JSON_NUMBER &&
        aep__json_number_value(value->raw, &high) && aep__json_number_value(least->raw, &low) &&
        high < low)
        report_member(check, FINDING_RANGE, PARENT, member->name, "is less than steps_completed");
}

static void report_unknown(struct check *check, enum aep_kind kind)
{
    struct aep__buf pointer = {0}, scratch = {0};
    struct aep__slice name = aep__json_decode(check->json.token, &scratch, NULL);
    aep__buf_text(&pointer, PARENT);
    aep__json_add_pointer(&pointer, name.data, name.len);
    const char *text = aep__buf_string(&pointer);
    report(check, FINDING_UNKNOWN, text, *text ? text + sizeof PARENT : "", "%s has no such member",
           aep_kind_name(kind));
    check->no_memory |= pointer.failed || !name.data;
    aep__buf_done(&pointer);
    aep__buf_done(&scratch);
}

static void read_payload(struct check *check, int kind)
{
    struct aep__json *json = &check->json;
    struct aep__slice raw = check->tops[PAYLOAD].raw;
    aep__json_begin(json, raw.data, raw.len, AEP__JSON_DEPTH_MAX, true);
    aep__json_next(json);
    while (aep__json_next(json) == AEP__JSON_NAME) {
        struct value *value = NULL;
        if (kind < 0) {
            value = aep__json_is_name(json, "correlation_id") ? &check->correlation : NULL;
        } else {
            for (size_t i = 0; i < aep__kinds[kind].member_count && !value; i++)
                if (aep__json_is_name(json, aep__kinds[kind].members[i].name))
                    value = &check->members[i];
            if (!value)
                report_unknown(check, (enum aep_kind)kind);
        }
        if (!read_value(check, value))
            break;
    }
}

static void check_mismatch(struct check *check, const struct value *own)
{
    const struct value *correlation = &check->tops[CORRELATION_ID];
    if (own->text.data && correlation->text.data && !same_text(own, correlation->text))
        report_member(check, FINDING_MISMATCH, PARENT, "correlation_id",
                      "differs from the envelope's correlation_id");
}

static void check_payload(struct check *check, bool type_valid)
{
    const struct value *type = &check->tops[EVENT_TYPE];
    int kind = type_valid ? aep__kind_of_type(type->text.data, type->text.len) : -1;
    if (!has_value(check, &check->tops[PAYLOAD], AEP__JSON_OBJECT, "", top_names[PAYLOAD]))
        return;
    read_payload(check, kind);
    if (kind < 0) {
        check_mismatch(check, &check->correlation);
        return;
    }
    for (size_t i = 0; i < aep__kinds[kind].member_count; i++) {
        const struct aep__member_row *member = &aep__kinds[kind].members[i];
        check_member(check, member, &check->members[i]);
        if (member->at_least)
            check_order(check, member, &check->members[i],
                        &check->members[aep__kind_find_member((enum aep_kind)kind, member->at_least,
                                                              strlen(member->at_least))]);
    }
    check_mismatch(check, &check->members[aep__kinds[kind].correlation]);
}

/* ---- call ----------------------------------------------------------------------------------- */

static void check_envelope(struct check *check)
{
    bool type_valid = check_event_type(check);
    check_event_id(check);
    check_timestamp(check);
    check_source(check);
    check_correlation(check);
    check_causation(check);
    check_schema_ref(check, type_valid);
    check_partition_key(check);
    check_payload(check, type_valid);
}

static void free_values(struct value *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        aep__buf_done(&values[i].scratch);
}

int aep_validate(const char *envelope, size_t length, int strict, aep_finding_fn fn, void *user,
                 aep_error *err)
{
    struct check check = {.fn = fn, .user = user, .strict = strict != 0, .err = err};
    aep__json_begin(&check.json, envelope, length, AEP__JSON_DEPTH_MAX, true);
    bool whole = read_envelope(&check);
    check.no_memory |= check.json.problem == AEP__JSON_MEMORY;
    if (whole && !check.no_memory)
        check_envelope(&check);
    else if (check.json.problem != AEP__JSON_FINE && !check.no_memory)
        report_problem(&check);
    check.no_memory |= check.json.problem == AEP__JSON_MEMORY;
    aep__json_done(&check.json);
    free_values(check.tops, TOP_COUNT);
    free_values(check.members, AEP__MEMBERS_MAX);
    free_values(&check.correlation, 1);
    if (check.no_memory)
        return aep__error_memory(err);
    return check.errors ? AEP_EINVAL : AEP_OK;
}
