/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of records that left the spool without reaching Kafka: at once, by a reader, and after a
 * relay was killed. */
#include "spool/missed.h"

#include "spool_fixture.h"

static struct aep__missed missed;

static int begin_missed(void **state)
{
    int result = begin_here(state);
    if (result == 0)
        aep__missed_init(&missed, &((struct here *)*state)->spool);
    return result;
}

static int end_missed(void **state)
{
    aep__missed_done(&missed);
    return end_here(state);
}

static void add(uint64_t segment, uint64_t begin, uint64_t end, enum aep__fate fate)
{
    aep__missed_add(&missed, (struct aep__missed_range){segment, begin, end, fate});
}

static void write_down(void)
{
    assert_int_equal(aep__missed_write(&missed, false), 0);
}

#define assert_fate(segment, byte, fate)                                                           \
    assert_int_equal(aep__missed_fate(&missed, (aep_position){segment, byte}), fate)

/* A reader that looks now knows the same. */
static void check_reader(const struct here *here)
{
    struct aep__missed reader;
    aep__missed_init(&reader, &here->spool);
    assert_int_equal(aep__missed_look(&reader), 0);
    assert_int_equal(reader.count, missed.count);
    for (size_t i = 0; i < missed.count; i++) {
        const struct aep__missed_range *one = &reader.ranges[i], *other = &missed.ranges[i];
        assert_true(one->segment == other->segment && one->begin == other->begin &&
                    one->end == other->end && one->fate == other->fate);
    }
    aep__missed_done(&reader);
}

static void test_what_was_never_missed_is_acknowledged(void **state)
{
    assert_int_equal(aep__missed_look(&missed), 0);
    assert_fate(0, 0, AEP__FATE_ACKED);
    assert_fate(1, 100, AEP__FATE_ACKED);
    write_down();
    assert_int_equal(faccessat(((struct here *)*state)->spool.dir_fd, AEP__MISSED, F_OK, 0), -1);
}

static void test_a_range_has_the_bytes_of_its_records(void **state)
{
    add(3, 100, 200, AEP__FATE_PURGED);
    write_down();
    assert_fate(3, 99, AEP__FATE_ACKED);
    assert_fate(3, 100, AEP__FATE_PURGED);
    assert_fate(3, 199, AEP__FATE_PURGED);
    assert_fate(3, 200, AEP__FATE_ACKED);
    assert_fate(2, 150, AEP__FATE_ACKED);
    assert_fate(4, 150, AEP__FATE_ACKED);
    check_reader(*state);
}

static void test_a_segment_that_is_lost_has_all_its_records(void **state)
{
    add(7, 0, UINT64_MAX, AEP__FATE_LOST);
    write_down();
    assert_fate(7, 0, AEP__FATE_LOST);
    assert_fate(7, UINT64_MAX - 1, AEP__FATE_LOST);
    assert_fate(8, 0, AEP__FATE_ACKED);
    check_reader(*state);
}

static void test_neighbours_of_one_fate_take_one_place(void **state)
{
    add(1, 0, 10, AEP__FATE_LOST);
    for (uint64_t at = 0; at < 100000; at += 10) {
        add(2, at, at + 10, AEP__FATE_PURGED);
        if (at % 5000 == 0)
            write_down();
    }
    write_down();
    assert_int_equal(missed.count, 2);
    assert_fate(1, 9, AEP__FATE_LOST);
    assert_fate(2, 0, AEP__FATE_PURGED);
    assert_fate(2, 99999, AEP__FATE_PURGED);
    assert_fate(2, 100000, AEP__FATE_ACKED);
    check_reader(*state);
}

static void test_what_is_no_neighbour_stays_apart(void **state)
{
    add(2, 400, 500, AEP__FATE_LOST); /* later ones may stand before it */
    add(1, 100, 200, AEP__FATE_LOST); /* another segment */
    add(1, 0, 100, AEP__FATE_PURGED); /* another fate */
    add(2, 300, 350, AEP__FATE_LOST); /* before one that was acknowledged */
    write_down();
    assert_int_equal(missed.count, 4);
    assert_fate(1, 99, AEP__FATE_PURGED);
    assert_fate(1, 100, AEP__FATE_LOST);
    assert_fate(1, 250, AEP__FATE_ACKED);
    assert_fate(2, 349, AEP__FATE_LOST);
    assert_fate(2, 350, AEP__FATE_ACKED);
    assert_fate(2, 400, AEP__FATE_LOST);
    check_reader(*state);
}

static void test_a_reader_sees_what_is_added_later(void **state)
{
    struct aep__missed reader;
    aep__missed_init(&reader, &((struct here *)*state)->spool);
    for (uint64_t segment = 1; segment < 5; segment++) {
        uint64_t version = reader.version;
        add(segment, 0, 100, AEP__FATE_PURGED);
        write_down();
        assert_int_equal(aep__missed_look(&reader), 0);
        assert_int_not_equal(reader.version, version);
        assert_int_equal(aep__missed_fate(&reader, (aep_position){segment, 50}), AEP__FATE_PURGED);
        version = reader.version;
        assert_int_equal(aep__missed_look(&reader), 0);
        assert_int_equal(reader.version, version);
    }
    aep__missed_done(&reader);
}

static void test_those_that_stand_first_are_forgotten(void **state)
{
    const uint64_t count = AEP__MISSED_RANGES * 3 / 2 + 10;
    for (uint64_t segment = 1; segment <= count; segment++)
        add(segment, 0, 100, AEP__FATE_LOST);
    write_down();
    assert_true(missed.count <= AEP__MISSED_RANGES);
    assert_true(missed.count >= AEP__MISSED_RANGES / 2);
    assert_fate(1, 50, AEP__FATE_ACKED);
    assert_fate(count, 50, AEP__FATE_LOST);
    check_reader(*state);
}

/* A kill or a full disk leaves a part of one; bits of another have changed. */
static void test_what_is_damaged_is_left_out(void **state)
{
    struct here *here = *state;
    for (uint64_t segment = 1; segment <= 3; segment++)
        add(segment, 0, 100, AEP__FATE_PURGED);
    write_down();
    int fd = aep__spool_openat(&here->spool, AEP__MISSED, O_RDWR, S_IFREG);
    assert_int_equal(pwrite(fd, "x", 1, 32 + 9), 1);
    assert_int_equal(ftruncate(fd, 3 * 32 - 5), 0);
    assert_int_equal(aep__missed_look(&missed), 0);
    assert_int_equal(missed.count, 1);
    assert_fate(1, 50, AEP__FATE_PURGED);
    add(9, 0, 100, AEP__FATE_PURGED);
    write_down();
    assert_fate(9, 50, AEP__FATE_PURGED);
    check_reader(here);
    close(fd);
}

static void test_what_is_no_file_of_ours_is_left_out(void **state)
{
    struct here *here = *state;
    assert_int_equal(symlinkat("/dev/zero", here->spool.dir_fd, AEP__MISSED), 0);
    assert_int_equal(aep__missed_look(&missed), 0);
    assert_int_equal(missed.count, 0);
    add(1, 0, 100, AEP__FATE_PURGED);
    assert_int_equal(aep__missed_write(&missed, false), -1);
    assert_int_equal(unlinkat(here->spool.dir_fd, AEP__MISSED, 0), 0);
    write_down();
    check_reader(here);
}

/* It had noted what it then did not drop, since it was killed. */
static void test_what_a_killed_relay_did_not_drop_is_forgotten(void **state)
{
    struct here *here = *state;
    struct aep__sidelog log;
    struct aep__buf raw = {0};
    struct aep__note note = {.ordinal = 1, .segment = 1, .offset = 40, .end = 60};
    add(1, 0, 100, AEP__FATE_PURGED);
    add(2, 0, 100, AEP__FATE_PURGED);
    add(3, 0, 100, AEP__FATE_PURGED);
    write_down();
    assert_int_equal(aep__sidelog_open(&log, &here->spool, "parked-a-1", true), 0);
    assert_true(aep__record_encode(&raw, AEP__RECORD_EVENT, (struct aep__slice){0},
                                   (struct aep__slice){"{}", 2}));
    assert_int_equal(aep__sidelog_append(&log, &note, (struct aep__slice){raw.data, raw.len}), 0);
    assert_int_equal(aep__sidelog_sync(&log, false), 0);
    aep__missed_done(&missed);
    aep__missed_init(&missed, &here->spool);
    assert_int_equal(aep__missed_resume(&missed, (aep_position){2, 50}), 0);
    assert_fate(1, 39, AEP__FATE_PURGED);
    assert_fate(1, 40, AEP__FATE_ACKED);
    assert_fate(1, 59, AEP__FATE_ACKED);
    assert_fate(1, 60, AEP__FATE_PURGED);
    assert_fate(2, 49, AEP__FATE_PURGED);
    assert_fate(2, 50, AEP__FATE_ACKED);
    assert_fate(3, 0, AEP__FATE_ACKED);
    check_reader(here);
    aep__sidelog_done(&log);
    aep__buf_done(&raw);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_missed, end_missed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_never_missed_is_acknowledged),
        TEST(test_a_range_has_the_bytes_of_its_records),
        TEST(test_a_segment_that_is_lost_has_all_its_records),
        TEST(test_neighbours_of_one_fate_take_one_place),
        TEST(test_what_is_no_neighbour_stays_apart),
        TEST(test_a_reader_sees_what_is_added_later),
        TEST(test_those_that_stand_first_are_forgotten),
        TEST(test_what_is_damaged_is_left_out),
        TEST(test_what_is_no_file_of_ours_is_left_out),
        TEST(test_what_a_killed_relay_did_not_drop_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
