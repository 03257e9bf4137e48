/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_hashes_are_those_of_fnv(void **state)
{
    (void)state;
    uint8_t hash[16];
    char text[AEP__HASH_TEXT_SIZE];
    static const uint8_t of_a[16] = {0xd2, 0x28, 0xcb, 0x69, 0x6f, 0x1a, 0x8c, 0xaf,
                                     0x78, 0x91, 0x2b, 0x70, 0x4e, 0x4a, 0x89, 0x64};
    static const uint8_t of_foobar[16] = {0x34, 0x3e, 0x16, 0x62, 0x79, 0x3c, 0x64, 0xbf,
                                          0x6f, 0x0d, 0x35, 0x97, 0xba, 0x44, 0x6f, 0x18};
    aep__hash128("a", 1, hash);
    assert_memory_equal(hash, of_a, 16);
    aep__hash128("foobar", 6, hash);
    assert_memory_equal(hash, of_foobar, 16);
    aep__hash_text("foobar", 6, text);
    assert_string_equal(text, "5b3323f5c3780ba7");
}

static void test_digests_are_those_of_murmur3(void **state)
{
    (void)state;
    uint8_t digest[16];
    static const uint8_t of_nothing[16] = {0};
    static const uint8_t of_the_fox[16] = {0x6c, 0x1b, 0x07, 0xbc, 0x7b, 0xbc, 0x4b, 0xe3,
                                           0x47, 0x93, 0x9a, 0xc4, 0xa9, 0x3c, 0x43, 0x7a};
    aep__digest128("", 0, digest);
    assert_memory_equal(digest, of_nothing, 16);
    aep__digest128("The quick brown fox jumps over the lazy dog", 43, digest);
    assert_memory_equal(digest, of_the_fox, 16);
}

static void test_any_other_byte_or_length_gives_another_digest(void **state)
{
    (void)state;
    uint8_t body[100] = {0}, first[16], other[16];
    for (size_t len = 1; len <= sizeof body; len++) {
        aep__digest128(body, len, first);
        aep__digest128(body, len - 1, other);
        assert_memory_not_equal(first, other, 16);
        for (size_t i = 0; i < len; i++) {
            body[i] = 1;
            aep__digest128(body, len, other);
            assert_memory_not_equal(first, other, 16);
            body[i] = 0;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes_are_those_of_fnv),
        cmocka_unit_test(test_digests_are_those_of_murmur3),
        cmocka_unit_test(test_any_other_byte_or_length_gives_another_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
