/* SPDX-License-Identifier: Apache-2.0 */
/* Redaction: replaces secrets in a text by [REDACTED:kind] before it reaches the disk.
 *
 * It recognizes secrets in two ways. In a text, by their look (provider keys, JWTs, Bearer, PEM
 * blocks, scheme://user:password@, name=value with a secret-looking name). In JSON, by their key:
 * the whole value of a secret-looking key is replaced. It works on decoded text, so that JSON
 * escapes hide nothing, and before anything is cut, so that no half of a secret is left.
 *
 * Ordinary text costs one table look-up a byte: only bytes that trigger a rule (- _ : = I J b B)
 * are examined. Every rule examines a bounded number of bytes, or a long run only once: hostile
 * text costs at most a constant factor more.
 *
 * A redactor is read-only once made. The extra rules are the C library's regular expressions, whose
 * lock does not survive a fork while another thread is matching: a forked child makes its own
 * redactor. */
#ifndef AEP_EVENT_REDACT_H
#define AEP_EVENT_REDACT_H

#include "aep/aep.h"
#include "base/buf.h"
#include "event/secret_name.h"

#include <stdbool.h>
#include <stddef.h>

struct aep__redactor;

/** @extra  more rules (redact.extra), NULL or "" for none: separated by newlines, or by commas
 *          before "key:" or "re:". key:NAME is one more secret-looking name; re:REGEX a POSIX
 *          extended regular expression whose whole match is a secret ([REDACTED:extra]).
 * Errors: AEP_ECONFIG names the rule; AEP_ENOMEM */
int aep__redactor_new(const char *extra, struct aep__redactor **ret, aep_error *err);
void aep__redactor_free(struct aep__redactor *redactor);

/** Appends the valid UTF-8 text with its secrets replaced and returns their number; 0 means that it
 * holds none and nothing was appended. If out->failed is set afterwards, the appended text is
 * incomplete. */
size_t aep__redact_text(const struct aep__redactor *redactor, const char *text, size_t len,
                        struct aep__buf *out);

/** The secret that a key or a variable of that name holds; NULL: none. api_key, apiKey, API-KEY,
 * and my_api_key are the same; total_tokens, session_id, and password_file hold no secret. */
const struct aep__secret *aep__redact_name(const struct aep__redactor *redactor, const char *name,
                                           size_t len);

#endif
