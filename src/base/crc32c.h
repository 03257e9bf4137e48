/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), in hardware where the processor has it. */
#ifndef AEP_BASE_CRC32C_H
#define AEP_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/** Continues from `crc` (0 to start) over len bytes. "123456789" gives 0xe3069283. */
uint32_t aep__crc32c(uint32_t crc, const void *data, size_t len);
/** The portable version, which the other is checked against. */
uint32_t aep__crc32c_soft(uint32_t crc, const void *data, size_t len);

#endif
