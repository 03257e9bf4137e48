/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629): checking, repairing, cutting. Surrogates and overlong forms are invalid. */
#ifndef AEP_BASE_UTF8_H
#define AEP_BASE_UTF8_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEP__UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/** The length of the byte-order mark that some editors put before UTF-8 text; 0: there is none. */
size_t aep__utf8_mark(const char *text, size_t len);
/** How many bytes at the front are valid; len if all are. Eight bytes at a time while ASCII. */
size_t aep__utf8_valid(const char *text, size_t len);
/** Appends the text, every maximal ill-formed part replaced by one U+FFFD (Unicode §3.9, "best
 * practice"). Returns the number of replacements. */
size_t aep__utf8_repair(struct aep__buf *out, const char *text, size_t len);
/** The code point at `at` and its length; U+FFFD and 1 for a byte that begins none.
 * @left  at least 1 */
uint32_t aep__utf8_decode(const char *at, size_t left, size_t *ret_len);
/** Writes one code point (a surrogate or a number over 10FFFF as U+FFFD); returns 1 to 4. */
size_t aep__utf8_encode(uint32_t code_point, char bytes[4]);
/** The greatest length of at most limit that does not end inside a character of valid text. */
size_t aep__utf8_cut(const char *text, size_t len, size_t limit);
/** True if the text is nothing but white space (as \s is in ECMA-262), or empty. */
bool aep__utf8_blank(const char *text, size_t len);
/** True if the text holds a control character (general category Cc). */
bool aep__utf8_control(const char *text, size_t len);
/** Removes, in place, what could drive a terminal or look like another line: control characters,
 * and those that separate lines or change the direction of text, become blanks; bytes that are not
 * UTF-8 become "?". Returns the length, which never grows. */
size_t aep__utf8_plain(char *text, size_t len);

#endif
