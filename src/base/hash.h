/* SPDX-License-Identifier: Apache-2.0 */
/* FNV-1a: small names for long ones (trace ids, folder names). Not against an adversary. */
#ifndef AEP_BASE_HASH_H
#define AEP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define AEP__HASH_TEXT_SIZE 17 /* 16 hex digits and a NUL */

/** FNV-1a, 128 bits, most significant byte first. */
void aep__hash128(const void *data, size_t len, uint8_t hash[16]);
/** Its two halves exclusive-ored, as lower-case hex digits. */
void aep__hash_text(const void *data, size_t len, char text[AEP__HASH_TEXT_SIZE]);

#endif
