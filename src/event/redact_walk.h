/* SPDX-License-Identifier: Apache-2.0 */
/* Inside redaction: the walk over one text, and what its rules share. The walk calls a rule at each
 * byte that triggers it.
 *
 *     redact ─┬─▶ redact_look ────────┬─▶ redact_walk
 *             └─▶ redact_assignment ──┘
 *
 * A rule looks around that byte. If it finds a secret, it replaces it, and the walk continues after
 * it; the text before `done` is never looked at again. */
#ifndef AEP_EVENT_REDACT_WALK_H
#define AEP_EVENT_REDACT_WALK_H

#include "base/ascii.h"
#include "base/buf.h"
#include "event/secret_name.h"

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes that trigger a rule, and the rules that they trigger. */
enum aep__anchor {
    AEP__ANCHOR_NONE,
    AEP__ANCHOR_DASH,       /* sk-  xoxb-  -----BEGIN  --password */
    AEP__ANCHOR_UNDERSCORE, /* ghp_  sk_live_ */
    AEP__ANCHOR_I,          /* AKIA  AIza */
    AEP__ANCHOR_J,          /* eyJ */
    AEP__ANCHOR_B,          /* Bearer */
    AEP__ANCHOR_COLON,      /* name: value  scheme://user:password@ */
    AEP__ANCHOR_EQUALS,     /* name=value */
    AEP__ANCHOR_COUNT,
};

#define AEP__LETTERS 37 /* a to z, 0 to 9, any other */

struct aep__redactor {
    struct {
        uint8_t begin, end; /* in key_rules */
        /* [byte before the anchor]: a bit for each byte before that one */
        uint32_t before[AEP__LETTERS];
    } rules_of[AEP__ANCHOR_COUNT];
    struct aep__secret_names names;
    regex_t *extra;
    size_t extra_count;
};

/** The rule that each byte triggers. */
extern const uint8_t aep__anchors[256];

/* ---- one text's walk ------------------------------------------------------------------------ */

#define AEP__PEM_BEGIN "-----BEGIN "
/* The most bytes that a rule examines closely for one trigger: a constant. */
#define AEP__PROOF_BYTES 128 /* of a word, to tell whether it is a secret */
#define AEP__LONG_RUN 20     /* letters and digits in a row that no ordinary word has */

/* The text before `done` has been dealt with; out holds the result so far. */
struct aep__walk {
    const struct aep__redactor *redactor;
    const char *begin, *end, *done;
    struct aep__buf *out;
    size_t count;
    const char *jwt_run_end; /* a run of token bytes up to here is known to be no JWT */
};

/* ---- what rules share ----------------------------------------------------------------------- */

/** Replaces the bytes by [REDACTED:kind]. False, and nothing happens, if they were dealt with
 * before. */
bool aep__walk_replace(struct aep__walk *walk, const char *begin, const char *end,
                       const char *kind);
/** Whether a word begins at that byte, perhaps after an escape of a text inside the text. */
bool aep__walk_begins_word(const struct aep__walk *walk, const char *at);
bool aep__walk_starts_with(const struct aep__walk *walk, const char *at, const char *text);
/** In any case; `lower` is in lower case. */
bool aep__walk_starts_with_any_case(const struct aep__walk *walk, const char *at,
                                    const char *lower);
/** at + bytes, or the text's end. */
const char *aep__walk_at_most(const struct aep__walk *walk, const char *at, size_t bytes);
/** Skips spaces and tabs, at most this many. */
const char *aep__walk_skip_blanks(const struct aep__walk *walk, const char *at, size_t most);
/** Not a word of a sentence: digits among letters, capitals inside, or too long. */
bool aep__walk_looks_random(const char *at, const char *end);

static inline bool aep__is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline bool aep__is_space(char c)
{
    return aep__is_blank(c) || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/** The bytes that tokens are made of (RFC 6750 §2.1), and those that may be between their words. */
static inline bool aep__is_credential_byte(char c)
{
    return aep__is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == '+' ||
           c == '/' || c == '=';
}

static inline bool aep__is_quote(char c)
{
    return c == '"' || c == '\'' || c == '`';
}

#endif
