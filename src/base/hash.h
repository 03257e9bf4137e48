/* SPDX-License-Identifier: Apache-2.0 */
/* FNV-1a: small names for long ones (trace ids, folder names); and a faster hash, of whole events.
 * Not against an adversary. */
#ifndef AEP_BASE_HASH_H
#define AEP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define AEP__HASH_TEXT_SIZE 17 /* 16 hex digits and a NUL */

/** FNV-1a, 128 bits, most significant byte first. */
void aep__hash128(const void *data, size_t len, uint8_t hash[16]);
/** Its two halves exclusive-ored, as lower-case hex digits. */
void aep__hash_text(const void *data, size_t len, char text[AEP__HASH_TEXT_SIZE]);
/** MurmurHash3, x64, 128 bits, seed 0, each half least significant byte first: tells bodies apart, eight
 * bytes a step. */
void aep__digest128(const void *data, size_t len, uint8_t digest[16]);

#endif
