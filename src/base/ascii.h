/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of character a byte is in ASCII, whatever the host program's locale. */
#ifndef AEP_BASE_ASCII_H
#define AEP_BASE_ASCII_H

#include <stdbool.h>

static inline bool aep__is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static inline bool aep__is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static inline bool aep__is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool aep__is_letter(char c)
{
    return aep__is_lower(c) || aep__is_upper(c);
}

static inline bool aep__is_alnum(char c)
{
    return aep__is_letter(c) || aep__is_digit(c);
}

static inline char aep__to_lower(char c)
{
    return aep__is_upper(c) ? (char)(c | 0x20) : c;
}

/** 0 to 15; -1: no hex digit. */
static inline int aep__hex_value(char c)
{
    if (aep__is_digit(c))
        return c - '0';
    c = aep__to_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
