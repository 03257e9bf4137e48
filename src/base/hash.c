/* SPDX-License-Identifier: Apache-2.0 */
/* FNV-1a over 128 bits, kept in two words: the prime is 2^88 + 0x13b, so that a product is a shift
 * and a small multiplication. */
#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>

#define PRIME_LOW 0x13bu
#define PRIME_SHIFT (88 - 64)

struct state {
    uint64_t high, low;
};

static struct state multiply_prime(struct state state)
{
    uint64_t lower = (state.low & 0xffffffff) * PRIME_LOW;
    uint64_t upper = (state.low >> 32) * PRIME_LOW + (lower >> 32);
    return (struct state){
        .high = state.high * PRIME_LOW + (upper >> 32) + (state.low << PRIME_SHIFT),
        .low = upper << 32 | (lower & 0xffffffff),
    };
}

static struct state hash_bytes(const uint8_t *data, size_t len)
{
    struct state state = {UINT64_C(0x6c62272e07bb0142), UINT64_C(0x62b821756295c58d)};
    for (size_t i = 0; i < len; i++) {
        state.low ^= data[i];
        state = multiply_prime(state);
    }
    return state;
}

void aep__hash128(const void *data, size_t len, uint8_t hash[16])
{
    struct state state = hash_bytes(data, len);
    for (int i = 7; i >= 0; i--, state.high >>= 8, state.low >>= 8) {
        hash[i] = (uint8_t)state.high;
        hash[i + 8] = (uint8_t)state.low;
    }
}

void aep__hash_text(const void *data, size_t len, char text[AEP__HASH_TEXT_SIZE])
{
    struct state state = hash_bytes(data, len);
    snprintf(text, AEP__HASH_TEXT_SIZE, "%016" PRIx64, state.high ^ state.low);
}
