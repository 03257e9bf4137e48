/* SPDX-License-Identifier: Apache-2.0 */
#include "event/trace.h"

#include "base/ascii.h"
#include "base/hash.h"
#include "base/id.h"

#include <string.h>

#define TRACE_ID_AT 3
#define PARENT_ID_AT 36
#define FLAGS_AT 53
#define VERSION_00_LEN 55
#define FUTURE_LEN_MAX 512

static bool is_lower_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool are_hex(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_lower_hex(at[i]))
            return false;
    return true;
}

static bool are_zeros(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] != '0')
            return false;
    return true;
}

static bool are_visible(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] <= ' ' || at[i] > '~')
            return false;
    return true;
}

bool aep__traceparent_valid(const char *text, size_t len)
{
    if (len < VERSION_00_LEN || len > FUTURE_LEN_MAX || !are_hex(text, 2) ||
        memcmp(text, "ff", 2) == 0)
        return false;
    if (text[2] != '-' || text[PARENT_ID_AT - 1] != '-' || text[FLAGS_AT - 1] != '-')
        return false;
    if (!are_hex(text + TRACE_ID_AT, 32) || are_zeros(text + TRACE_ID_AT, 32) ||
        !are_hex(text + PARENT_ID_AT, 16) || are_zeros(text + PARENT_ID_AT, 16) ||
        !are_hex(text + FLAGS_AT, 2))
        return false;
    if (len == VERSION_00_LEN)
        return true;
    return memcmp(text, "00", 2) != 0 && text[VERSION_00_LEN] == '-' &&
           are_visible(text + VERSION_00_LEN, len - VERSION_00_LEN);
}

/* ---- tracestate ----------------------------------------------------------------------------- */

#define STATE_BYTES 512
#define STATE_MEMBERS 32

static bool is_key_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("_-*/", c));
}

static bool are_key_bytes(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_key_byte(at[i]))
            return false;
    return true;
}

static bool begins_key(char c, bool digit_too)
{
    return (c >= 'a' && c <= 'z') || (digit_too && c >= '0' && c <= '9');
}

/* key, or tenant@system (§3.3.1.3.1). */
static bool is_key(const char *at, size_t len)
{
    const char *sign = memchr(at, '@', len);
    if (!sign)
        return len >= 1 && len <= 256 && begins_key(*at, false) && are_key_bytes(at, len);
    size_t tenant = (size_t)(sign - at), system = len - tenant - 1;
    return tenant >= 1 && tenant <= 241 && system >= 1 && system <= 14 && begins_key(*at, true) &&
           are_key_bytes(at, tenant) && begins_key(sign[1], false) &&
           are_key_bytes(sign + 1, system);
}

static bool is_value(const char *at, size_t len)
{
    if (len == 0 || len > 256 || at[len - 1] == ' ')
        return false;
    for (size_t i = 0; i < len; i++)
        if (at[i] < ' ' || at[i] > '~' || at[i] == ',' || at[i] == '=')
            return false;
    return true;
}

struct state_key {
    const char *at;
    size_t len;
};

static bool is_new_key(const struct state_key *keys, size_t count, struct state_key key)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i].len == key.len && memcmp(keys[i].at, key.at, key.len) == 0)
            return false;
    return true;
}

bool aep__tracestate_valid(const char *text, size_t len)
{
    struct state_key keys[STATE_MEMBERS];
    size_t count = 0;
    const char *at = text, *end = text + len;
    if (len == 0 || len > STATE_BYTES)
        return false;
    for (;; at++) {
        const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end;
        while (at < stop && (*at == ' ' || *at == '\t'))
            at++;
        const char *last = stop;
        while (last > at && (last[-1] == ' ' || last[-1] == '\t'))
            last--;
        const char *equals = memchr(at, '=', (size_t)(last - at));
        if (last > at) { /* empty members are allowed */
            struct state_key key = {at, equals ? (size_t)(equals - at) : 0};
            if (!equals || count == STATE_MEMBERS || !is_key(key.at, key.len) ||
                !is_value(equals + 1, (size_t)(last - equals - 1)) || !is_new_key(keys, count, key))
                return false;
            keys[count++] = key;
        }
        if (!comma)
            return count > 0;
        at = comma;
    }
}

/* ---- our own -------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return false;
    return true;
}

void aep__traceparent_make(const char *correlation_id, size_t len, const uint8_t event_id[16],
                           char text[AEP__TRACEPARENT_SIZE])
{
    uint8_t trace_id[16], parent_id[8];
    if (!aep__id_parse(correlation_id, len, trace_id) || is_zero(trace_id, sizeof trace_id))
        aep__hash128(correlation_id, len, trace_id);
    memcpy(parent_id, event_id + 8, sizeof parent_id);
    trace_id[15] |= is_zero(trace_id, sizeof trace_id);
    parent_id[7] |= is_zero(parent_id, sizeof parent_id);
    memcpy(text, "00-", 3);
    char *at = aep__hex_put(text + TRACE_ID_AT, trace_id, sizeof trace_id);
    *at++ = '-';
    at = aep__hex_put(at, parent_id, sizeof parent_id);
    memcpy(at, "-01", sizeof "-01");
}
