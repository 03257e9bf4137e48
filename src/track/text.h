/* SPDX-License-Identifier: Apache-2.0 */
/* Words that people write: compared without case, and without blanks around them. */
#ifndef AEP_TRACK_TEXT_H
#define AEP_TRACK_TEXT_H

#include "base/ascii.h"
#include "base/buf.h"

#include <stdbool.h>

static inline bool aep__text_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/** Whether the text is that word, which is in lower case. data NULL: no. */
static inline bool aep__text_is(struct aep__slice text, const char *word)
{
    while (text.len > 0 && aep__text_blank(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && aep__text_blank(text.data[text.len - 1]))
        text.len--;
    if (!text.data || strlen(word) != text.len)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (aep__to_lower(text.data[i]) != word[i])
            return false;
    return true;
}

#endif
