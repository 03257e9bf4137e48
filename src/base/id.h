/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs: makes version 7 (RFC 9562 §5.7), reads the canonical text form. */
#ifndef AEP_BASE_ID_H
#define AEP_BASE_ID_H

#include "aep/aep.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A new UUIDv7 for this wall clock, greater than every one this process made before. Its 74 bits
 * other than the time are a count and a hash of it, under a key drawn from the kernel once (§6.2,
 * method 1), so that an id costs no system call. The state is the process's, fresh after fork. */
void aep__id_make(int64_t wall_us, uint8_t bytes[16]);
void aep__id_format(const uint8_t bytes[16], char text[AEP_ID_SIZE]);
/** Reads 36 characters, either case; false if they are not a UUID. bytes may be NULL. */
bool aep__id_parse(const char *text, size_t len, uint8_t bytes[16]);
/** In a forked child, before anything else: gives ids a new key. Only needed where the kernel
 * cannot empty a page at fork (before Linux 4.14). */
void aep__id_forked(void);

#endif
