/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/toml.h"

#include <string.h>

static struct aep__slice trim(struct aep__slice text)
{
    while (text.len && strchr(" \t\r\n", text.data[text.len - 1]))
        text.len--;
    while (text.len && strchr(" \t", *text.data))
        text.data++, text.len--;
    return text;
}

/* How much of a text comes before the first of these characters that is in no quotes. */
static size_t until(struct aep__slice text, const char *stops)
{
    char quote = '\0';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (quote == '"' && c == '\\')
            i++;
        else if (quote)
            quote = c == quote ? '\0' : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (c && strchr(stops, c))
            return i;
    }
    return text.len;
}

/* Whether a name, which may be in quotes, is this one. Escapes but of \ and " are not understood. */
static bool is_name(struct aep__slice name, const char *wanted)
{
    char quote = name.len >= 2 && (*name.data == '"' || *name.data == '\'') ? *name.data : '\0';
    const char *at = name.data + (quote != '\0'), *end = name.data + name.len - (quote != '\0');
    for (; at < end; at++, wanted++) {
        at += quote == '"' && *at == '\\' && at + 1 < end;
        if (*at != *wanted)
            return false;
    }
    return *wanted == '\0';
}

/* Takes the names of a dotted key off the front of a path; NULL: it leads elsewhere. */
static const char *const *follow(struct aep__slice key, const char *const *path)
{
    while (path && key.len) {
        size_t len = until(key, ".");
        if (!*path || !is_name(trim((struct aep__slice){key.data, len}), *path))
            return NULL;
        path++;
        len += len < key.len;
        key = (struct aep__slice){key.data + len, key.len - len};
    }
    return path;
}

/* Looks in "{ a = 1, b.c = 2 }", or takes the value. */
static bool take_value(struct aep__slice value, const char *const *path, struct aep__buf *out)
{
    if (!*path) {
        aep__buf_add(out, value.data, value.len);
        return true;
    }
    if (value.len < 2 || *value.data != '{')
        return false;
    value = (struct aep__slice){value.data + 1, value.len - 2};
    while (value.len) {
        size_t len = until(value, ",");
        struct aep__slice pair = {value.data, len};
        size_t sign = until(pair, "=");
        const char *const *rest = follow(trim((struct aep__slice){pair.data, sign}), path);
        if (rest && sign < len &&
            take_value(trim((struct aep__slice){pair.data + sign + 1, len - sign - 1}), rest, out))
            return true;
        len += len < value.len;
        value = (struct aep__slice){value.data + len, value.len - len};
    }
    return false;
}

bool aep__toml_find(struct aep__slice text, const char *const *path, struct aep__buf *out)
{
    const char *const *table = path;
    while (text.len) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t len = end ? (size_t)(end - text.data) + 1 : text.len;
        struct aep__slice line = {text.data, len};
        text = (struct aep__slice){text.data + len, text.len - len};
        line.len = until(line, "#");
        line = trim(line);
        size_t sign = until(line, "=");
        if (line.len > 2 && *line.data == '[') {
            /* "[[…]]" begins with a name that no path has. */
            table = follow((struct aep__slice){line.data + 1, until(line, "]") - 1}, path);
            continue;
        }
        const char *const *rest = table && sign < line.len
                                      ? follow(trim((struct aep__slice){line.data, sign}), table)
                                      : NULL;
        if (rest && take_value(trim((struct aep__slice){line.data + sign + 1, line.len - sign - 1}),
                               rest, out))
            return true;
    }
    return false;
}
