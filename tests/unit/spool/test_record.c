/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32c.h"
#include "base/endian.h"
#include "spool_fixture.h"

#include <time.h>

#define MAGIC "\xff\x53\xfe\xff"

static struct aep__buf encoded(const struct aep__message *message)
{
    struct aep__buf record = {0};
    assert_true(aep__record_encode_message(&record, message));
    assert_false(record.failed);
    return record;
}

static enum aep__parse parse(const struct aep__buf *record, struct aep__record *ret)
{
    return aep__record_parse(record->data, record->len, LARGEST, ret);
}

static void assert_slice(struct aep__slice slice, const char *text)
{
    assert_int_equal(slice.len, strlen(text));
    assert_memory_equal(slice.data, text, slice.len);
}

static void test_an_event_comes_back_as_it_went_in(void **state)
{
    (void)state;
    struct aep__message message = {
        .topic = AEP__SLICE("orders.v1"),
        .key = AEP__SLICE("key"),
        .timestamp_ms = -1234567890123,
        .headers = {{AEP__SLICE("one"), AEP__SLICE("1")}, {AEP__SLICE("empty"), AEP__SLICE("")}},
        .header_count = 2,
        .value = AEP__SLICE("{\"a\":1}"),
    };
    struct aep__buf bytes = encoded(&message);
    struct aep__record record;
    struct aep__message back;
    assert_int_equal(parse(&bytes, &record), AEP__PARSE_RECORD);
    assert_int_equal(record.type, AEP__RECORD_EVENT);
    assert_int_equal(record.size, bytes.len);
    assert_true(aep__record_message(&record, &back));
    assert_slice(back.topic, "orders.v1");
    assert_slice(back.key, "key");
    assert_true(back.timestamp_ms == message.timestamp_ms);
    assert_int_equal(back.header_count, 2);
    assert_slice(back.headers[0].name, "one");
    assert_slice(back.headers[0].value, "1");
    assert_slice(back.headers[1].value, "");
    assert_slice(back.value, "{\"a\":1}");
    aep__buf_done(&bytes);
}

static void test_an_empty_key_is_not_an_absent_one(void **state)
{
    (void)state;
    struct aep__message message = {.topic = AEP__SLICE("t")}, back;
    struct aep__record record;
    for (int given = 0; given <= 1; given++) {
        message.key.data = given ? "" : NULL;
        struct aep__buf bytes = encoded(&message);
        assert_int_equal(parse(&bytes, &record), AEP__PARSE_RECORD);
        assert_true(aep__record_message(&record, &back));
        assert_int_equal(back.key.len, 0);
        assert_int_equal(back.key.data != NULL, given);
        aep__buf_done(&bytes);
    }
}

static void test_the_record_begins_as_documented(void **state)
{
    (void)state;
    struct aep__buf bytes = {0};
    assert_true(aep__record_encode(&bytes, AEP__RECORD_SEAL, AEP__SLICE("m"), AEP__SLICE("vv")));
    assert_int_equal(bytes.len, 19);
    assert_memory_equal(bytes.data, MAGIC, 4);
    assert_int_equal(aep__get32(bytes.data + 4), 7); /* from the type on */
    assert_int_equal(aep__get16(bytes.data + 12), 3);
    assert_int_equal(aep__get16(bytes.data + 14), 1);
    assert_memory_equal(bytes.data + 16, "mvv", 3);
    aep__buf_done(&bytes);
}

static void test_what_holds_the_magic_is_refused_and_leaves_no_trace(void **state)
{
    (void)state;
    static const struct aep__slice bad[] = {
        {"a" MAGIC "b", 6}, {MAGIC, 4}, {"\xff", 1}, {"x\xff\x53", 3}, {"x\xff\x53\xfe", 4}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct aep__buf bytes = {0};
        struct aep__message message = {.topic = AEP__SLICE("t"), .value = bad[i]};
        aep__buf_text(&bytes, "before");
        assert_false(aep__record_encode(&bytes, AEP__RECORD_EVENT, (struct aep__slice){0}, bad[i]));
        assert_false(aep__record_encode_message(&bytes, &message));
        assert_string_equal(aep__buf_string(&bytes), "before");
        aep__buf_done(&bytes);
    }
}

static void test_a_begin_of_the_magic_inside_is_no_magic(void **state)
{
    (void)state;
    struct aep__buf bytes = {0};
    struct aep__record record;
    assert_true(aep__record_encode(&bytes, AEP__RECORD_EVENT, (struct aep__slice){0},
                                   AEP__SLICE("\xff\x53\xfe.")));
    assert_int_equal(parse(&bytes, &record), AEP__PARSE_RECORD);
    aep__buf_done(&bytes);
}

/* ---- a message whose checksum is the magic under salt 0 ---- */

static uint32_t crc_of_record(const char *record, size_t len)
{
    return aep__crc32c(aep__crc32c(0, record + 4, 4), record + 12, len - 12);
}

/* The four bytes that turn the checksum of all before them into `target`: the polynomial division,
 * run backwards. */
static void force_crc(uint32_t before, uint32_t target, unsigned char bytes[4])
{
    uint32_t table[256], state = ~target;
    for (int b = 0; b < 256; b++) {
        unsigned char byte = (unsigned char)b;
        table[b] = ~aep__crc32c(UINT32_MAX, &byte, 1);
    }
    for (int i = 0; i < 4; i++) {
        uint32_t index = 0;
        while (table[index] >> 24 != state >> 24)
            index++;
        state = (state ^ table[index]) << 8 | index;
    }
    aep__put32(bytes, state ^ ~before);
}

static void test_a_checksum_that_looks_like_the_magic_gets_another_salt(void **state)
{
    (void)state;
    char value[] = "0123456789";
    struct aep__message message = {.topic = AEP__SLICE("t"), .value = {value, 10}};
    struct aep__buf bytes = encoded(&message);
    struct aep__record record;
    force_crc(crc_of_record(bytes.data, bytes.len - 4), aep__get32(MAGIC),
              (unsigned char *)value + 6);
    memcpy(bytes.data + bytes.len - 4, value + 6, 4);
    assert_int_equal(crc_of_record(bytes.data, bytes.len), aep__get32(MAGIC)); /* as intended */
    aep__buf_clear(&bytes);
    assert_true(aep__record_encode_message(&bytes, &message));
    assert_int_equal(bytes.data[16], 1); /* the salt */
    assert_int_equal(aep__record_find_magic(bytes.data, 1, bytes.len), bytes.len);
    assert_int_equal(parse(&bytes, &record), AEP__PARSE_RECORD);
    aep__buf_done(&bytes);
}

/* Boot ids and uuids are random: they may end in FF, or hold the magic. */
static void test_a_header_may_hold_the_magic(void **state)
{
    (void)state;
    char value[32] = "..." MAGIC MAGIC;
    memcpy(value + 28, MAGIC, 4);
    struct aep__buf bytes = {0};
    struct aep__record record;
    assert_true(aep__record_encode(&bytes, AEP__RECORD_HEADER, (struct aep__slice){0},
                                   (struct aep__slice){value, 32}));
    assert_int_equal(bytes.len, AEP__RECORD_HEADER_BYTES);
    assert_int_equal(parse(&bytes, &record), AEP__PARSE_RECORD);
    aep__buf_done(&bytes);
}

/* ---- parsing what is damaged ---- */

static struct aep__buf sample(void)
{
    struct aep__message message = {.topic = AEP__SLICE("topic"),
                                   .key = AEP__SLICE("key"),
                                   .value = AEP__SLICE("some value of a record")};
    return encoded(&message);
}

static void test_every_begin_of_a_record_is_incomplete(void **state)
{
    (void)state;
    struct aep__buf bytes = sample();
    struct aep__record record;
    for (size_t len = 1; len < bytes.len; len++)
        assert_int_equal(aep__record_parse(bytes.data, len, LARGEST, &record),
                         AEP__PARSE_INCOMPLETE);
    aep__buf_done(&bytes);
}

static void test_no_changed_byte_goes_unnoticed(void **state)
{
    (void)state;
    struct aep__buf bytes = sample();
    struct aep__record record;
    for (size_t at = 0; at < bytes.len; at++)
        for (int bit = 0; bit < 8; bit++) {
            bytes.data[at] = (char)(bytes.data[at] ^ 1 << bit);
            assert_int_not_equal(parse(&bytes, &record), AEP__PARSE_RECORD);
            bytes.data[at] = (char)(bytes.data[at] ^ 1 << bit);
        }
    assert_int_equal(parse(&bytes, &record), AEP__PARSE_RECORD);
    aep__buf_done(&bytes);
}

static void test_lengths_out_of_range_are_garbage(void **state)
{
    (void)state;
    struct aep__buf bytes = sample();
    struct aep__record record;
    assert_int_equal(aep__record_parse(bytes.data, bytes.len, bytes.len - 1, &record),
                     AEP__PARSE_GARBAGE);
    assert_int_equal(aep__record_parse(bytes.data, bytes.len, 0, &record), AEP__PARSE_GARBAGE);
    static const uint32_t lengths[] = {0, 3, LARGEST, UINT32_MAX, UINT32_MAX - 11};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        aep__put32(bytes.data + 4, lengths[i]);
        assert_int_equal(parse(&bytes, &record), AEP__PARSE_GARBAGE);
    }
    aep__put32(bytes.data + 4, (uint32_t)bytes.len - 12);
    aep__put16(bytes.data + 14, (uint16_t)(bytes.len - 15)); /* meta, one byte beyond the end */
    assert_int_equal(parse(&bytes, &record), AEP__PARSE_GARBAGE);
    aep__buf_done(&bytes);
}

/* A whole record holds no second magic: this one is torn, and the second magic begins the next
 * record. */
static void test_a_torn_record_is_known_by_the_next_magic(void **state)
{
    (void)state;
    struct aep__buf bytes = sample();
    struct aep__record record;
    memcpy(bytes.data + 20, MAGIC, 4);
    assert_int_equal(aep__record_parse(bytes.data, 23, LARGEST, &record), AEP__PARSE_INCOMPLETE);
    assert_int_equal(aep__record_parse(bytes.data, 24, LARGEST, &record), AEP__PARSE_GARBAGE);
    aep__buf_done(&bytes);
}

static void test_the_next_magic_is_found_also_its_begin_at_the_end(void **state)
{
    (void)state;
    static const char data[] = "\xff..\xff\x53." MAGIC "...\xff\x53\xfe";
    size_t len = sizeof data - 1;
    assert_int_equal(aep__record_find_magic(data, 0, len), 6);
    assert_int_equal(aep__record_find_magic(data, 6, len), 6);
    assert_int_equal(aep__record_find_magic(data, 7, len), 13);
    assert_int_equal(aep__record_find_magic(data, 14, len), len);
    assert_int_equal(aep__record_find_magic(data, 0, 5), 3);
    assert_int_equal(aep__record_find_magic(data, 3, 3), 3);
}

static void test_a_megabyte_of_magics_is_looked_through_at_once(void **state)
{
    (void)state;
    size_t len = 1 << 20, at = 0;
    char *data = malloc(len);
    assert_non_null(data);
    for (size_t i = 0; i < len; i += 16) {
        memcpy(data + i, MAGIC, 4);
        aep__put32(data + i + 4, (uint32_t)(len - i - 12 > 16 ? len - i - 12 : 16));
        memset(data + i + 8, 0, 8);
    }
    struct aep__record record;
    clock_t begin = clock();
    for (; (at = aep__record_find_magic(data, at, len)) < len; at++)
        assert_int_not_equal(aep__record_parse(data + at, len - at, len, &record),
                             AEP__PARSE_RECORD);
    /* Takes milliseconds; with a checksum over each it took most of an hour under a sanitizer. */
    assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 5);
    free(data);
}

/* ---- meta ---- */

static void test_an_event_with_malformed_meta_is_no_message(void **state)
{
    (void)state;
    struct aep__message message = {.topic = AEP__SLICE("topic"),
                                   .key = AEP__SLICE("key"),
                                   .headers = {{AEP__SLICE("name"), AEP__SLICE("value")}},
                                   .header_count = 1},
                        back;
    struct aep__buf bytes = encoded(&message);
    struct aep__record record;
    assert_int_equal(parse(&bytes, &record), AEP__PARSE_RECORD);
    size_t whole = record.meta.len;
    for (record.meta.len = 0; record.meta.len < whole; record.meta.len++) {
        /* in memory that ends there, so that a sanitizer sees a read beyond it */
        char *copy = malloc(record.meta.len + 1);
        memcpy(copy, record.meta.data, record.meta.len);
        struct aep__record cut = record;
        cut.meta.data = copy;
        assert_false(aep__record_message(&cut, &back));
        free(copy);
    }
    assert_true(aep__record_message(&record, &back));
    record.meta.len++; /* a byte after the last header */
    assert_false(aep__record_message(&record, &back));
    aep__buf_done(&bytes);
}

static void test_more_headers_than_there_can_be_are_no_message(void **state)
{
    (void)state;
    char meta[9 + 2 + 2 + 1 + 49 * 3] = {0};
    struct aep__record record = {.type = AEP__RECORD_EVENT, .meta = {meta, sizeof meta}};
    struct aep__message message;
    meta[13] = 49;
    assert_false(aep__record_message(&record, &message));
    meta[13] = 48;
    record.meta.len -= 3;
    assert_true(aep__record_message(&record, &message));
}

static void test_what_does_not_fit_into_meta_is_refused(void **state)
{
    (void)state;
    static char blanks[65536];
    memset(blanks, ' ', sizeof blanks);
    struct aep__message none = {.topic = AEP__SLICE("t")};
    struct aep__message bad[6];
    for (int i = 0; i < 6; i++)
        bad[i] = none;
    bad[0].topic = (struct aep__slice){blanks, 65536};
    bad[1].key = (struct aep__slice){blanks, 65535};
    bad[2].header_count = AEP__HEADERS_MAX + 1;
    bad[3].headers[0].name = (struct aep__slice){blanks, 256};
    bad[3].header_count = 1;
    bad[4].headers[0].value = (struct aep__slice){blanks, 65536};
    bad[4].header_count = 1;
    bad[5].topic = bad[5].key = (struct aep__slice){blanks, 40000}; /* each fits, both do not */
    for (int i = 0; i < 6; i++) {
        struct aep__buf bytes = {0};
        assert_false(aep__record_encode_message(&bytes, &bad[i]));
        assert_int_equal(bytes.len, 0);
        aep__buf_done(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_event_comes_back_as_it_went_in),
        cmocka_unit_test(test_an_empty_key_is_not_an_absent_one),
        cmocka_unit_test(test_the_record_begins_as_documented),
        cmocka_unit_test(test_what_holds_the_magic_is_refused_and_leaves_no_trace),
        cmocka_unit_test(test_a_begin_of_the_magic_inside_is_no_magic),
        cmocka_unit_test(test_a_checksum_that_looks_like_the_magic_gets_another_salt),
        cmocka_unit_test(test_a_header_may_hold_the_magic),
        cmocka_unit_test(test_every_begin_of_a_record_is_incomplete),
        cmocka_unit_test(test_no_changed_byte_goes_unnoticed),
        cmocka_unit_test(test_lengths_out_of_range_are_garbage),
        cmocka_unit_test(test_a_torn_record_is_known_by_the_next_magic),
        cmocka_unit_test(test_the_next_magic_is_found_also_its_begin_at_the_end),
        cmocka_unit_test(test_a_megabyte_of_magics_is_looked_through_at_once),
        cmocka_unit_test(test_an_event_with_malformed_meta_is_no_message),
        cmocka_unit_test(test_more_headers_than_there_can_be_are_no_message),
        cmocka_unit_test(test_what_does_not_fit_into_meta_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
