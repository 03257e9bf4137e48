/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian numbers in byte streams, at any alignment. */
#ifndef AEP_BASE_ENDIAN_H
#define AEP_BASE_ENDIAN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define AEP__ENDIAN(bits)                                                                          \
    static inline void aep__put##bits(void *at, uint##bits##_t number)                             \
    {                                                                                              \
        number = htole##bits(number);                                                              \
        memcpy(at, &number, sizeof number);                                                        \
    }                                                                                              \
    static inline uint##bits##_t aep__get##bits(const void *at)                                    \
    {                                                                                              \
        uint##bits##_t number;                                                                     \
        memcpy(&number, at, sizeof number);                                                        \
        return le##bits##toh(number);                                                              \
    }

AEP__ENDIAN(16)
AEP__ENDIAN(32)
AEP__ENDIAN(64)
#undef AEP__ENDIAN

#endif
