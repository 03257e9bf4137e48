/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to every text on its way into an event, in this order:
 *
 *     decode (invalid UTF-8 becomes U+FFFD) → redact → cut at limits.field_bytes → escape
 *
 * and to a caller's JSON: it is checked, written again compactly with numbers as they were, and
 * each of its strings and names takes that way. A value with a secret-looking name is replaced as a
 * whole. */
#ifndef AEP_EVENT_TEXT_H
#define AEP_EVENT_TEXT_H

#include "aep/aep.h"
#include "base/buf.h"
#include "base/json.h"
#include "event/redact.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What was done to an event's texts. */
struct aep__text_counts {
    uint64_t repaired; /* strings with invalid UTF-8 or lone surrogates */
    uint64_t redacted; /* secrets */
    uint64_t cut;      /* strings */
};

/** The way's settings and memory. Zero it, then set the first three. */
struct aep__text {
    const struct aep__redactor *redactor; /* NULL: off */
    size_t field_bytes;                   /* 0: no limit */
    size_t message_bytes;                 /* of out in all: beyond it writing stops; 0: no limit */
    struct aep__text_counts counts;
    struct aep__json json;
    struct aep__buf decoded, clean;
};

/** Decodes and redacts, without cutting or escaping. The result is text itself where nothing had to
 * change, else lies in this struct until its next use. data NULL: out of memory. */
struct aep__slice aep__text_clean(struct aep__text *way, const char *text, size_t len);
/** Appends the text as a JSON string. Check out->failed. */
void aep__text_write(struct aep__text *way, struct aep__buf *out, const char *text, size_t len);
/** Appends a caller's JSON, compact.
 * @field   the member's name, for errors
 * @wanted  AEP__JSON_OBJECT, AEP__JSON_ARRAY, or AEP__JSON_END for any value
 * Errors: AEP_EINVAL with the position; AEP_ETOOBIG; AEP_ENOMEM */
int aep__text_write_json(struct aep__text *way, struct aep__buf *out, struct aep__slice json,
                         enum aep__json_token wanted, const char *field, aep_error *err);
/** Frees its memory. */
void aep__text_done(struct aep__text *way);

#endif
