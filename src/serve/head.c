/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/head.h"

#include <stdbool.h>
#include <string.h>

/* RFC 9110 §5.6.2. */
static bool is_token_char(char c)
{
    return c > ' ' && c < '\x7f' && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static bool is_visible(char c)
{
    return c > ' ' && c < '\x7f';
}

/* Bytes above ASCII are allowed in a value, and nowhere else. */
static bool is_value_char(char c)
{
    return c == '\t' || (c >= ' ' && c < '\x7f') || (unsigned char)c >= 0x80;
}

static size_t count_while(const char *at, size_t len, bool (*is)(char))
{
    size_t count = 0;
    while (count < len && is(at[count]))
        count++;
    return count;
}

/* A line without its end, which may be cut off: METHOD TARGET HTTP/1.1 */
static bool is_request_line(const char *line, size_t len, bool whole)
{
    static const char version[] = "HTTP/1.";
    size_t method = count_while(line, len, is_token_char);
    if (method == len)
        return !whole;
    size_t target = count_while(line + method + 1, len - method - 1, is_visible);
    size_t at = method + 1 + target, known = sizeof version - 1;
    if (method == 0 || line[method] != ' ' || (target == 0 && at < len))
        return false;
    if (at >= len)
        return !whole;
    size_t left = len - at - 1;
    if (line[at] != ' ' || memcmp(line + at + 1, version, left < known ? left : known) != 0)
        return false;
    if (left <= known)
        return !whole;
    return left == known + 1 && line[at + 1 + known] >= '0' && line[at + 1 + known] <= '9';
}

static bool is_header(const char *line, size_t len, bool whole)
{
    size_t name = count_while(line, len, is_token_char);
    if (name == len)
        return !whole;
    return name > 0 && line[name] == ':' &&
           count_while(line + name + 1, len - name - 1, is_value_char) == len - name - 1;
}

enum aep__head aep__head_check(const char *bytes, size_t len)
{
    size_t at = 0;
    for (bool first = true;; first = false) {
        const char *line = bytes + at, *end = memchr(line, '\n', len - at);
        size_t line_len = end ? (size_t)(end - line) : len - at;
        bool returned = line_len > 0 && line[line_len - 1] == '\r';
        if (end && !returned)
            return AEP__HEAD_MALFORMED;
        line_len -= returned;
        if (end && line_len == 0 && !first)
            return AEP__HEAD_WHOLE;
        bool whole = end || returned;
        bool fine = first ? is_request_line(line, line_len, whole)
                          : line_len == 0 || is_header(line, line_len, whole);
        if (!fine)
            return AEP__HEAD_MALFORMED;
        if (!end)
            return AEP__HEAD_PART;
        at = (size_t)(end + 1 - bytes);
    }
}
