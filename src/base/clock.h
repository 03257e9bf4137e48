/* SPDX-License-Identifier: Apache-2.0 */
/* Time as on the wire: microseconds since 1970, and RFC 3339 text. */
#ifndef AEP_BASE_CLOCK_H
#define AEP_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEP__TIME_SIZE 28 /* 2025-11-13T14:30:00.123456Z and a NUL */

/** The wall clock, microseconds since 1970-01-01T00:00:00Z. */
int64_t aep__clock_wall_us(void);
/** A clock that never goes back, microseconds since some start. */
int64_t aep__clock_mono_us(void);
/** Formats as `2025-11-13T14:30:00.123456Z`; years 0000 to 9999. */
void aep__clock_format(int64_t wall_us, char text[AEP__TIME_SIZE]);
/** Parses RFC 3339 §5.6: a real calendar date, T, seconds (a leap second too) and zone required.
 * False if it is not one. Digits beyond microseconds are dropped. ret_us may be NULL. */
bool aep__clock_parse(const char *text, size_t len, int64_t *ret_us);

#endif
