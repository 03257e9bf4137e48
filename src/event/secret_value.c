/* SPDX-License-Identifier: Apache-2.0 */
#include "event/secret_value.h"

#include "base/ascii.h"

#include <string.h>

/* A run of letters and digits that is no folder's name. */
static bool is_random_run(const char *at, const char *end)
{
    bool digit = false, lower = false, upper = false;
    for (const char *c = at; c < end; c++) {
        digit |= aep__is_digit(*c);
        lower |= aep__is_lower(*c);
        upper |= aep__is_upper(*c);
    }
    return end - at >= 12 && digit && lower && upper;
}

/* A file's name says where a secret is. Base64 has slashes too, but runs that look random. */
static bool is_path(const char *at, size_t len)
{
    const char *end = at + len, *run = at;
    bool absolute = *at == '/' || *at == '~' || (*at == '.' && len > 1 && strchr("./", at[1]));
    bool drive = len > 3 && aep__is_letter(*at) && at[1] == ':' && (at[2] == '\\' || at[2] == '/');
    int separators = drive;
    if (!absolute && !drive)
        return false;
    for (const char *c = at; c <= end; c++) {
        if (c < end && aep__is_alnum(*c))
            continue;
        if (is_random_run(run, c))
            return false;
        run = c + 1;
        separators += c < end && (*c == '/' || *c == '\\');
        if (c < end && !strchr("/\\._-~+@: ", *c))
            return false;
    }
    return separators >= 2;
}

bool aep__secret_is_value(const struct aep__secret *secret, const char *value, size_t len)
{
    if (len == 0 || (len > 10 && memcmp(value, "[REDACTED:", 10) == 0))
        return false;
    return !is_path(value, len) && !(secret->folder && (*value == '/' || *value == '~'));
}

void aep__secret_mark(struct aep__buf *out, const char *kind)
{
    aep__buf_text(out, "[REDACTED:");
    aep__buf_text(out, kind);
    aep__buf_byte(out, ']');
}
