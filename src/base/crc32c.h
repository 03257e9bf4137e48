/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), in hardware where the processor has it. */
#ifndef AEP_BASE_CRC32C_H
#define AEP_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/** Continues from `crc` (0 to start) over len bytes. "123456789" gives 0xe3069283. */
typedef uint32_t aep__crc32c_way(uint32_t crc, const void *data, size_t len);

/** By the best way. */
aep__crc32c_way aep__crc32c;
/** By tables, on any processor; what the instruction gives is checked against it. */
aep__crc32c_way aep__crc32c_soft;
/** The way that this processor can do best: by its instruction, else aep__crc32c_soft. */
aep__crc32c_way *aep__crc32c_best(void);

#endif
