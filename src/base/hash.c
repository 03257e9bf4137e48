/* SPDX-License-Identifier: Apache-2.0 */
/* FNV-1a over 128 bits, kept in two words: the prime is 2^88 + 0x13b, so that a product is a shift
 * and a small multiplication. MurmurHash3 as its author, Austin Appleby, published it. */
#include "base/hash.h"

#include "base/endian.h"

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

/* ---- MurmurHash3 ---- */

struct lanes {
    uint64_t one, two;
};

static uint64_t rotate(uint64_t number, int bits)
{
    return number << bits | number >> (64 - bits);
}

static const uint64_t c1 = UINT64_C(0x87c37b91114253d5), c2 = UINT64_C(0x4cf5ad432745937f);

static void add_block(struct lanes *lanes, uint64_t one, uint64_t two)
{
    lanes->one ^= rotate(one * c1, 31) * c2;
    lanes->one = (rotate(lanes->one, 27) + lanes->two) * 5 + 0x52dce729;
    lanes->two ^= rotate(two * c2, 33) * c1;
    lanes->two = (rotate(lanes->two, 31) + lanes->one) * 5 + 0x38495ab5;
}

/* The last bytes, fewer than a block. */
static void add_rest(struct lanes *lanes, const uint8_t *data, size_t len)
{
    uint8_t block[16] = {0};
    memcpy(block, data, len);
    lanes->two ^= rotate(aep__get64(block + 8) * c2, 33) * c1;
    lanes->one ^= rotate(aep__get64(block) * c1, 31) * c2;
}

static uint64_t finish(uint64_t lane)
{
    lane = (lane ^ lane >> 33) * UINT64_C(0xff51afd7ed558ccd);
    lane = (lane ^ lane >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return lane ^ lane >> 33;
}

void aep__digest128(const void *data, size_t len, uint8_t digest[16])
{
    const uint8_t *at = data;
    struct lanes lanes = {0};
    size_t left = len;
    for (; left >= 16; at += 16, left -= 16)
        add_block(&lanes, aep__get64(at), aep__get64(at + 8));
    if (left > 0)
        add_rest(&lanes, at, left);
    lanes.one ^= len;
    lanes.two ^= len;
    lanes.one += lanes.two;
    lanes.two += lanes.one;
    lanes.one = finish(lanes.one);
    lanes.two = finish(lanes.two);
    lanes.one += lanes.two;
    aep__put64(digest, lanes.one);
    aep__put64(digest + 8, lanes.two + lanes.one);
}
