/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of character a byte is in ASCII, whatever the host program's locale. */
#ifndef AEP_BASE_ASCII_H
#define AEP_BASE_ASCII_H

#include "base/endian.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/** Writes the eight hex digits of four bytes: all at once, each digit in a byte of one number. */
static inline void aep__hex_put4(char *at, const uint8_t bytes[4])
{
    uint64_t x = aep__get32(bytes);
    x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
    x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x >> 4 & UINT64_C(0x000f000f000f000f)) | (x & UINT64_C(0x000f000f000f000f)) << 8;
    uint64_t letters = (x + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    aep__put64(at, x + UINT64_C(0x3030303030303030) + letters * ('a' - '9' - 1));
}

/** Writes the hex digits of some bytes, a multiple of four; returns where they end. */
static inline char *aep__hex_put(char *at, const uint8_t *bytes, size_t len)
{
    for (; len > 0; at += 8, bytes += 4, len -= 4)
        aep__hex_put4(at, bytes);
    return at;
}

#endif
