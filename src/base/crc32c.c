/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C three ways: the processor's instruction on x86-64 (SSE4.2) and on arm64 (the CRC32
 * extension), else eight bytes a step by eight tables ("slicing by 8").
 *
 *   table[k][b] = what byte b contributes when k more bytes follow it in the step
 *
 * A contribution is the XOR of those of the byte's single bits, so that the compiler makes all
 * 2,048 entries from 64 constants, and nothing has to be set up at run time.
 *
 * Threads: any; there is no state. The processor is asked at every call, which is one load. */
#include "base/crc32c.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#define BIT(b, i, weight) ((((b) >> (i)) & 1) ? (weight) : 0)
#define ENTRY(b, w7, w6, w5, w4, w3, w2, w1, w0)                                                   \
    (uint32_t)(BIT(b, 7, w7) ^ BIT(b, 6, w6) ^ BIT(b, 5, w5) ^ BIT(b, 4, w4) ^ BIT(b, 3, w3) ^     \
               BIT(b, 2, w2) ^ BIT(b, 1, w1) ^ BIT(b, 0, w0))
#define ENTRIES_4(b, ...)                                                                          \
    ENTRY(b, __VA_ARGS__), ENTRY(b + 1, __VA_ARGS__), ENTRY(b + 2, __VA_ARGS__),                   \
        ENTRY(b + 3, __VA_ARGS__)
#define ENTRIES_16(b, ...)                                                                         \
    ENTRIES_4(b, __VA_ARGS__), ENTRIES_4(b + 4, __VA_ARGS__), ENTRIES_4(b + 8, __VA_ARGS__),       \
        ENTRIES_4(b + 12, __VA_ARGS__)
#define ENTRIES_64(b, ...)                                                                         \
    ENTRIES_16(b, __VA_ARGS__), ENTRIES_16(b + 16, __VA_ARGS__), ENTRIES_16(b + 32, __VA_ARGS__),  \
        ENTRIES_16(b + 48, __VA_ARGS__)
#define ENTRIES(...)                                                                               \
    {                                                                                              \
        ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__), ENTRIES_64(128, __VA_ARGS__),     \
            ENTRIES_64(192, __VA_ARGS__)                                                           \
    }

/* Row k: what bits 7 to 0 contribute. The first is the polynomial, bits reversed; each next is the
 * one before it shifted right by one and, if a 1 fell out, XORed with the polynomial. */
static const uint32_t table[8][256] = {
    ENTRIES(0x82f63b78, 0x417b1dbc, 0x20bd8ede, 0x105ec76f, 0x8ad958cf, 0xc79a971f, 0xe13b70f7,
            0xf26b8303),
    ENTRIES(0xfbc3faf9, 0xff17c604, 0x7f8be302, 0x3fc5f181, 0x9d14c3b8, 0x4e8a61dc, 0x274530ee,
            0x13a29877),
    ENTRIES(0x8b277743, 0xc76580d9, 0xe144fb14, 0x70a27d8a, 0x38513ec5, 0x9edea41a, 0x4f6f520d,
            0xa541927e),
    ENTRIES(0x52a0c93f, 0xaba65fe7, 0xd725148b, 0xe964b13d, 0xf64463e6, 0x7b2231f3, 0xbf672381,
            0xdd45aab8),
    ENTRIES(0x6ea2d55c, 0x37516aae, 0x1ba8b557, 0x8f2261d3, 0xc5670b91, 0xe045beb0, 0x7022df58,
            0x38116fac),
    ENTRIES(0x1c08b7d6, 0x0e045beb, 0x85f4168d, 0xc00c303e, 0x6006181f, 0xb2f53777, 0xdb8ca0c3,
            0xef306b19),
    ENTRIES(0xf56e0ef4, 0x7ab7077a, 0x3d5b83bd, 0x9c5bfaa6, 0x4e2dfd53, 0xa5e0c5d1, 0xd0065990,
            0x68032cc8),
    ENTRIES(0x34019664, 0x1a00cb32, 0x0d006599, 0x847609b4, 0x423b04da, 0x211d826d, 0x9278fa4e,
            0x493c7d27),
};

static uint32_t load_le32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t step_8_bytes(uint32_t crc, const uint8_t *at)
{
    uint32_t low = crc ^ load_le32(at), high = load_le32(at + 4);
    return table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^
           table[4][low >> 24] ^ table[3][high & 0xff] ^ table[2][high >> 8 & 0xff] ^
           table[1][high >> 16 & 0xff] ^ table[0][high >> 24];
}

uint32_t aep__crc32c_soft(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *at = data;
    crc = ~crc;
    for (; len >= 8; at += 8, len -= 8)
        crc = step_8_bytes(crc, at);
    for (; len > 0; at++, len--)
        crc = crc >> 8 ^ table[0][(crc ^ *at) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t crc_hard(uint32_t crc, const void *data,
                                                           size_t len)
{
    const uint8_t *at = data;
    uint64_t state = (uint32_t)~crc;
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        state = _mm_crc32_u64(state, word);
    }
    for (; len > 0; at++, len--)
        state = _mm_crc32_u8((uint32_t)state, *at);
    return ~(uint32_t)state;
}

static int has_crc(void)
{
    return __builtin_cpu_supports("sse4.2");
}

#elif defined(__aarch64__) && defined(__linux__) && !defined(__AARCH64EB__)

#define HWCAP_CRC (1ul << 7) /* HWCAP_CRC32 in the kernel's asm/hwcap.h */

/* Assembly, because compilers disagree on how an intrinsic may be used in one function only. */
static uint32_t crc_hard(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *at = data;
    crc = ~crc;
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        __asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %1" : "+r"(crc) : "r"(word));
    }
    for (; len > 0; at++, len--)
        __asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"(*at));
    return ~crc;
}

static int has_crc(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_CRC) != 0;
}

#else

#define crc_hard aep__crc32c_soft

static int has_crc(void)
{
    return 0;
}

#endif

aep__crc32c_way *aep__crc32c_best(void)
{
    return has_crc() ? crc_hard : aep__crc32c_soft;
}

uint32_t aep__crc32c(uint32_t crc, const void *data, size_t len)
{
    return aep__crc32c_best()(crc, data, len);
}
