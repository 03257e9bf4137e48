/* SPDX-License-Identifier: Apache-2.0 */
#include "track/tracked.h"

#include "base/endian.h"
#include "base/hash.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUT_MARK "…"

const struct aep__tracked_member aep__tracked_members[AEP__TRACKED_MEMBER_COUNT] = {
#define MEMBER(name, TYPE) {#name, AEP__MEMBER_##TYPE, offsetof(struct aep__tracked, name)},
    AEP__TRACKED_MEMBERS(MEMBER)
#undef MEMBER
};

static void *member_of(const struct aep__tracked *execution, size_t i)
{
    return (char *)execution + aep__tracked_members[i].offset;
}

void aep__tracked_init(struct aep__tracked *execution)
{
    *execution = (struct aep__tracked){0};
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++) {
        if (aep__tracked_members[i].type == AEP__MEMBER_TIME)
            *(int64_t *)member_of(execution, i) = AEP__UNKNOWN_US;
        else if (aep__tracked_members[i].type == AEP__MEMBER_REAL)
            *(double *)member_of(execution, i) = NAN;
    }
    for (size_t i = 0; i < AEP__ORIGIN_COUNT; i++)
        execution->origins[i] = AEP__ORDER_NONE;
}

void aep__tracked_done(struct aep__tracked *execution)
{
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++)
        if (aep__tracked_members[i].type == AEP__MEMBER_TEXT) {
            char **text = member_of(execution, i);
            free(*text);
            *text = NULL;
        }
}

/* A C string has no NUL within: one becomes a blank. */
static void copy_text(char *to, const char *from, size_t len)
{
    memcpy(to, from, len);
    for (char *nul; (nul = memchr(to, '\0', len));)
        *nul = ' ';
    to[len] = '\0';
}

/* What stands for a text that is too long: its front, something in place of the rest. */
static char *cut(struct aep__slice value, const char *rest)
{
    size_t rest_len = strlen(rest);
    size_t len = aep__utf8_cut(value.data, value.len, AEP__TEXT_MAX - rest_len);
    char *text = malloc(len + rest_len + 1);
    if (!text)
        return NULL;
    copy_text(text, value.data, len);
    memcpy(text + len, rest, rest_len + 1);
    return text;
}

static char *whole(struct aep__slice value)
{
    char *text = malloc(value.len + 1);
    if (text)
        copy_text(text, value.data, value.len);
    return text;
}

char *aep__tracked_name(struct aep__slice value)
{
    char digest[AEP__HASH_TEXT_SIZE], rest[sizeof digest + sizeof "~" CUT_MARK];
    if (value.len <= AEP__TEXT_MAX)
        return whole(value);
    aep__hash_text(value.data, value.len, digest);
    snprintf(rest, sizeof rest, "~%s" CUT_MARK, digest);
    return cut(value, rest);
}

static void set(struct aep__tracked *execution, char **text, bool known, char *copy)
{
    if (known && !copy)
        execution->failed = true;
    free(*text);
    *text = copy;
}

void aep__tracked_set_name(struct aep__tracked *execution, char **name, struct aep__slice value)
{
    set(execution, name, value.data, value.data ? aep__tracked_name(value) : NULL);
}

void aep__tracked_set_text(struct aep__tracked *execution, char **text, struct aep__slice value)
{
    char *copy = !value.data                  ? NULL
                 : value.len <= AEP__TEXT_MAX ? whole(value)
                                              : cut(value, CUT_MARK);
    set(execution, text, value.data, copy);
}

static bool equal_texts(const char *one, const char *other)
{
    return one && other ? strcmp(one, other) == 0 : one == other;
}

/* Most texts of an execution stay as they are. */
static void copy_if_other(struct aep__tracked *to, char **text, const char *from)
{
    if (equal_texts(*text, from))
        return;
    free(*text);
    *text = from ? strdup(from) : NULL;
    to->failed = to->failed || (from && !*text);
}

void aep__tracked_copy(struct aep__tracked *to, const struct aep__tracked *from)
{
    struct aep__tracked before = *to;
    *to = *from;
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++)
        if (aep__tracked_members[i].type == AEP__MEMBER_TEXT) {
            char **text = member_of(to, i);
            *text = *(char **)member_of(&before, i);
            copy_if_other(to, text, *(char **)member_of(from, i));
        }
}

static bool equal_reals(double one, double other)
{
    return one == other || (isnan(one) && isnan(other));
}

static bool equal_members(const struct aep__tracked *one, const struct aep__tracked *other,
                          size_t i)
{
    const void *left = member_of(one, i), *right = member_of(other, i);
    switch (aep__tracked_members[i].type) {
    case AEP__MEMBER_TEXT:
        return equal_texts(*(char *const *)left, *(char *const *)right);
    case AEP__MEMBER_REAL:
        return equal_reals(*(const double *)left, *(const double *)right);
    default:
        return *(const int64_t *)left == *(const int64_t *)right;
    }
}

static bool equal_orders(const struct aep__order *one, const struct aep__order *other)
{
    return one->at_us == other->at_us && memcmp(one->id, other->id, sizeof one->id) == 0;
}

bool aep__tracked_equal(const struct aep__tracked *one, const struct aep__tracked *other)
{
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++)
        if (aep__tracked_members[i].offset != offsetof(struct aep__tracked, change) &&
            !equal_members(one, other, i))
            return false;
    for (size_t i = 0; i < AEP__ORIGIN_COUNT; i++)
        if (!equal_orders(&one->origins[i], &other->origins[i]))
            return false;
    return one->mixed_ends == other->mixed_ends && one->session_of_end == other->session_of_end;
}

/* A byte for their number, then of each its time and its id. */
#define ORIGIN_BYTES (8 + 16)

void aep__tracked_pack_origins(const struct aep__tracked *execution, char bytes[AEP__ORIGINS_BYTES])
{
    *bytes++ = AEP__ORIGIN_COUNT;
    for (size_t i = 0; i < AEP__ORIGIN_COUNT; i++, bytes += ORIGIN_BYTES) {
        aep__put64(bytes, (uint64_t)execution->origins[i].at_us);
        memcpy(bytes + 8, execution->origins[i].id, 16);
    }
}

bool aep__tracked_unpack_origins(struct aep__tracked *execution, const char *bytes, size_t len)
{
    if (len != AEP__ORIGINS_BYTES || *bytes++ != AEP__ORIGIN_COUNT)
        return false;
    for (size_t i = 0; i < AEP__ORIGIN_COUNT; i++, bytes += ORIGIN_BYTES) {
        execution->origins[i].at_us = (int64_t)aep__get64(bytes);
        memcpy(execution->origins[i].id, bytes + 8, 16);
    }
    return true;
}
