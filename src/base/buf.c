/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void aep__buf_done(struct aep__buf *buf)
{
    free(buf->data);
    *buf = (struct aep__buf){0};
}

void aep__buf_clear(struct aep__buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

bool aep__buf_grow(struct aep__buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (buf->cap - buf->len >= more)
        return true;
    size_t cap = buf->cap ? buf->cap : 256;
    while (cap - buf->len < more && cap <= SIZE_MAX / 2)
        cap *= 2;
    char *data = cap - buf->len < more ? NULL : realloc(buf->data, cap);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

void aep__buf_format(struct aep__buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0 || !aep__buf_reserve(buf, (size_t)len + 1))
        return;
    va_start(args, format);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

const char *aep__buf_string(struct aep__buf *buf)
{
    if (!aep__buf_reserve(buf, 1))
        return "";
    buf->data[buf->len] = '\0';
    return buf->data;
}

struct aep__slice aep__slice_text(const char *text)
{
    return (struct aep__slice){text, text ? strlen(text) : 0};
}
