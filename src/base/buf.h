/* SPDX-License-Identifier: Apache-2.0 */
/* A growable run of bytes. A failed allocation sticks: later appends do nothing, so a writer checks
 * `failed` once at the end. */
#ifndef AEP_BASE_BUF_H
#define AEP_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct aep__buf {
    char *data;
    size_t len, cap;
    bool failed;
};

void aep__buf_done(struct aep__buf *buf);
/** Empties it, keeps its memory, forgets a failure. */
void aep__buf_clear(struct aep__buf *buf);
bool aep__buf_grow(struct aep__buf *buf, size_t more);
/** Makes room for `more` bytes after len. False if out of memory. */
static inline bool aep__buf_reserve(struct aep__buf *buf, size_t more)
{
    return (!buf->failed && buf->cap - buf->len >= more) || aep__buf_grow(buf, more);
}

static inline void aep__buf_add(struct aep__buf *buf, const void *data, size_t len)
{
    if (len == 0 || !aep__buf_reserve(buf, len))
        return;
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}

static inline void aep__buf_byte(struct aep__buf *buf, char byte)
{
    if (aep__buf_reserve(buf, 1))
        buf->data[buf->len++] = byte;
}

static inline void aep__buf_text(struct aep__buf *buf, const char *text)
{
    aep__buf_add(buf, text, strlen(text));
}
void aep__buf_format(struct aep__buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Adds a NUL after len (not counted) and returns the text; "" if it failed. */
const char *aep__buf_string(struct aep__buf *buf);

/** A borrowed run of bytes. */
struct aep__slice {
    const char *data;
    size_t len;
};

#define AEP__SLICE(literal) ((struct aep__slice){(literal), sizeof(literal) - 1})
struct aep__slice aep__slice_text(const char *text);

#endif
