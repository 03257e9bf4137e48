/* SPDX-License-Identifier: Apache-2.0 */
#include "event/payload.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "event/kinds.h"

#include <math.h>
#include <string.h>

static int refuse_range(const struct aep__member_row *member, aep_error *err)
{
    const char *whole = member->type == AEP__TYPE_INTEGER ? "whole " : "";
    if (member->type == AEP__TYPE_BOOL)
        return aep__error(err, AEP_EINVAL, member->name, "%s must be true or false", member->name);
    if (member->max > 1e15)
        return aep__error(err, AEP_EINVAL, member->name, "%s must be a %snumber, 0 or more",
                          member->name, whole);
    return aep__error(err, AEP_EINVAL, member->name, "%s must be a %snumber from %d to %d",
                      member->name, whole, (int)member->min, (int)member->max);
}

static bool equals(const struct aep__value *value, struct aep__slice word)
{
    return value->len == word.len && memcmp(value->text, word.data, word.len) == 0;
}

/* A value as a number, from its text if it has one. */
static bool read_number(const struct aep__member_row *member, const struct aep__value *value,
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

static int write_number(struct aep__envelope *envelope, const struct aep__member_row *member,
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
                      const struct aep__member_row *member, const struct aep__value *value,
                      aep_error *err)
{
    if (member->required && aep__utf8_blank(value->text, value->len))
        return aep__error(err, AEP_EINVAL, member->name, "%s is required and must not be blank",
                          member->name);
    bool left_out = member->request && !settings->capture_request;
    aep__text_write(&envelope->text, &envelope->value, value->text, left_out ? 0 : value->len);
    return AEP_OK;
}

static int write_time(struct aep__envelope *envelope, const struct aep__member_row *member,
                      const struct aep__value *value, aep_error *err)
{
    if (!aep__clock_parse(value->text, value->len, NULL))
        return aep__error(err, AEP_EINVAL, member->name,
                          "%s is not RFC 3339: write 2025-11-13T14:30:00Z", member->name);
    aep__json_add_string(&envelope->value, value->text, value->len);
    return AEP_OK;
}

static int write_json(struct aep__envelope *envelope, const struct aep__member_row *member,
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
                       const struct aep__member_row *member, const struct aep__value *value,
                       aep_error *err)
{
    if (aep__type_is_number(member->type))
        return write_number(envelope, member, value, err);
    if (!value->text && member->type == AEP__TYPE_ANY && isfinite(value->number)) {
        aep__json_add_number(&envelope->value, value->number);
        return AEP_OK;
    }
    if (!value->text)
        return aep__error(err, AEP_EINVAL, member->name, "%s must be %s, not a number",
                          member->name, aep__type_is_json(member->type) ? "JSON text" : "text");
    if (member->type == AEP__TYPE_TIME)
        return write_time(envelope, member, value, err);
    if (aep__type_is_json(member->type))
        return write_json(envelope, member, value, err);
    return write_text(envelope, settings, member, value, err);
}

static int refuse_missing(const struct aep__member_row *member, aep_error *err)
{
    return aep__error(err, AEP_EINVAL, member->name, "%s is required: %s", member->name,
                      member->help);
}

static int write_member(struct aep__envelope *envelope,
                        const struct aep__envelope_settings *settings,
                        const struct aep__member_row *member, const struct aep__value *value,
                        aep_error *err)
{
    struct aep__buf *out = &envelope->value;
    aep__buf_add(out, member->key, member->key_len);
    if (value->given)
        return write_given(envelope, settings, member, value, err);
    if (member->fallback == AEP__FALLBACK_NOW)
        aep__json_add_string(out, envelope->timestamp, AEP__TIME_SIZE - 1);
    else if (member->fallback == AEP__FALLBACK_EMPTY_OBJECT)
        aep__buf_text(out, "{}");
    else
        return refuse_missing(member, err);
    return AEP_OK;
}

/* The member that must not be less than another one: steps_total. */
static int check_order(const struct aep__facts *facts, const struct aep__kind_row *kind,
                       const struct aep__member_row *member, aep_error *err)
{
    int other = aep__kind_find_member(facts->kind, member->at_least, strlen(member->at_least));
    const struct aep__value *least = &facts->values[other];
    double high, low;
    if (least->given && read_number(&kind->members[other], least, &low) &&
        read_number(member, &facts->values[member - kind->members], &high) && high < low)
        return aep__error(err, AEP_EINVAL, member->name, "%s is less than %s", member->name,
                          member->at_least);
    return AEP_OK;
}

int aep__payload_write(struct aep__envelope *envelope,
                       const struct aep__envelope_settings *settings,
                       const struct aep__facts *facts, const struct aep__member_row **ret_largest,
                       aep_error *err)
{
    const struct aep__kind_row *kind = &aep__kinds[facts->kind];
    struct aep__buf *out = &envelope->value;
    size_t largest = 0;
    char separator = '{';
    for (size_t i = 0; i < kind->member_count; i++) {
        const struct aep__member_row *member = &kind->members[i];
        const struct aep__value *value = &facts->values[i];
        if (!value->given && !member->required)
            continue;
        size_t begin = out->len;
        int code = AEP_OK;
        aep__buf_byte(out, separator);
        separator = ',';
        if (member->type == AEP__TYPE_ID) {
            aep__buf_add(out, member->key, member->key_len);
            const char *id =
                i == kind->correlation ? envelope->correlation_id : envelope->session_id;
            aep__json_add_string(out, id, strlen(id));
        } else {
            code = write_member(envelope, settings, member, value, err);
        }
        if (code == AEP_OK && member->at_least && value->given)
            code = check_order(facts, kind, member, err);
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
