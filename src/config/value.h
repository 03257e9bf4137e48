/* SPDX-License-Identifier: Apache-2.0 */
/* Parses a value by its option's type. */
#ifndef AEP_CONFIG_VALUE_H
#define AEP_CONFIG_VALUE_H

#include "config/options.h"

/** Why a value was refused: "\"sometimes\" is none of batch, always, never". */
struct aep__problem {
    char text[256];
};

/** Fills it in; false, for `return aep__problem(…)`. */
bool aep__problem(struct aep__problem *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Reads `text` as the row says.
 * @canonical   receives the value's canonical text
 * @ret_number  its number, 0 or 1 for a boolean, else 0 */
bool aep__value_parse(const struct aep__option_row *row, const char *text,
                      struct aep__buf *canonical, int64_t *ret_number,
                      struct aep__problem *problem);

struct aep__value_number_text {
    char text[32];
};
/** A number as the row's type writes it: "8MiB", "1min". */
struct aep__value_number_text aep__value_number(const struct aep__option_row *row, int64_t number);

/** Whether the place of a store is a URL of PostgreSQL. */
bool aep__value_is_url(const char *text);
/** Appends it with its passwords masked, if it is such a URL; anything else as it is. */
#define AEP__VALUE_MASK "********"
void aep__value_mask(const char *url, struct aep__buf *out);
/** Whether it is an absolute path. */
bool aep__value_path(const char *text, struct aep__problem *problem);
/** Whether `text` is one of "one|two", in either case; ret_word: that word, ret_len long. */
bool aep__value_word(const char *words, const char *text, const char **ret_word, size_t *ret_len);
/** "one|two|three" as "one, two, three". */
void aep__value_words(const char *words, char *text, size_t size);
#define AEP__VALUE_MAX 65536 /* bytes of text */

/** Whether it is short enough, and UTF-8 without control characters (but line ends and tabs, if
 * allowed). */
bool aep__value_clean(const char *text, bool lines, struct aep__problem *problem);

#define AEP__QUOTE_SIZE 72

/** Writes text in quotes for a message: control characters as ?, long text cut. Returns quoted. */
const char *aep__quote(const char *text, char quoted[AEP__QUOTE_SIZE]);

#endif
