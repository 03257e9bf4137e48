/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_fixture.h"

#include "spool_faults.h"

#include <time.h>

/* Begins to read a spool whose first segment holds the text, as a relay or as any other reader. */
static void begin_with(struct here *here, struct aep__reader *reader, bool relay, const char *text)
{
    assert_true(aep__segment_create(&here->spool, 1, 0) >= 0);
    if (text)
        add_whole(here, 1, text);
    begin_reading(here, reader, 1, 0, relay);
}

/* ---- in order ---- */

static void test_events_come_in_order_and_each_segments_end_once(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    append_long(&appender, "two", L);
    append_long(&appender, "three", L);
    append_text(&appender, "four");
    begin_reading(here, &reader, 1, 0, false);
    static const char *const expected[] = {"one",      "two",  "(sealed)", "three",
                                           "(sealed)", "four", "(wait)",   "(wait)"};
    for (size_t i = 0; i < 8; i++)
        expect_next(&reader, expected[i]);
    append_text(&appender, "five");
    expect_next(&reader, "five");
    assert_int_equal(reader.skipped_bytes, 0);
    aep__reader_done(&reader);
    aep__append_done(&appender);
}

static void test_an_entry_tells_where_it_stands(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__entry entry;
    struct stat st;
    struct aep__appender appender = begin_appending(here);
    aep_position one = append_text(&appender, "one"), two = append_text(&appender, "two");
    begin_reading(here, &reader, 1, one.offset, true);
    assert_int_equal(aep__reader_next(&reader, &entry, &here->err), AEP__READ_EVENT);
    assert_int_equal(entry.segment, 1);
    assert_int_equal(entry.offset, one.offset);
    assert_int_equal(entry.end, two.offset);
    assert_int_equal(fstat(appender.fd, &st), 0);
    assert_true(reader.inode == st.st_ino);
    aep__reader_done(&reader);
    aep__append_done(&appender);
}

static void test_a_reader_waits_for_the_first_segment(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__appender appender = begin_appending(here);
    begin_reading(here, &reader, 1, 0, true);
    expect_next(&reader, "(wait)");
    append_text(&appender, "one");
    expect_next(&reader, "one");
    aep__reader_done(&reader);
    aep__append_done(&appender);
}

static void test_records_of_any_size_come_whole(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__entry entry;
    struct aep__message message;
    here->spool.record_bytes = 1 << 20;
    here->spool.segment_bytes = 64 << 20;
    struct aep__appender appender = begin_appending(here);
    static const size_t sizes[] = {10, 1 << 19, 1, 131072 - 64, 131072, 1000000, 3, 300000};
    for (int i = 0; i < 8; i++)
        append_long(&appender, "x", sizes[i]);
    begin_reading(here, &reader, 1, 0, false);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(aep__reader_next(&reader, &entry, &here->err), AEP__READ_EVENT);
        assert_true(aep__record_message(&entry.record, &message));
        assert_int_equal(message.value.len, sizes[i]);
        assert_int_equal(message.value.data[0], 'x');
    }
    expect_next(&reader, "(wait)");
    aep__reader_done(&reader);
    aep__append_done(&appender);
}

static void test_seek_begins_anew(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__appender appender = begin_appending(here);
    append_long(&appender, "one", L);
    append_text(&appender, "two");
    begin_reading(here, &reader, 1, 0, false);
    expect_next(&reader, "one");
    expect_next(&reader, "(sealed)");
    aep__reader_seek(&reader, 1, 0);
    expect_next(&reader, "one");
    aep__reader_seek(&reader, 2, 0);
    expect_next(&reader, "two");
    aep__reader_done(&reader);
    aep__append_done(&appender);
}

/* ---- torn tails, garbage ---- */

static void test_an_unfinished_record_is_waited_for(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__buf record = {0};
    encode_text(&record, "two", 3);
    begin_with(here, &reader, true, "one");
    expect_next(&reader, "one");
    for (size_t i = 0; i + 1 < record.len; i++) {
        add_to_segment(here, 1, record.data + i, 1);
        expect_next(&reader, "(wait)");
    }
    add_to_segment(here, 1, record.data + record.len - 1, 1);
    expect_next(&reader, "two");
    assert_int_equal(reader.skipped_bytes, 0);
    aep__buf_done(&record);
    aep__reader_done(&reader);
}

static void test_a_torn_record_is_skipped_when_a_valid_one_follows(void **state)
{
    struct here *here = *state;
    for (size_t torn = 1; torn < 40; torn += 3) {
        struct aep__reader reader;
        begin_with(here, &reader, true, "one");
        tear_into(here, 1, "torn by a kill, with a longer text", torn);
        expect_next(&reader, "one");
        expect_next(&reader, "(wait)");
        assert_int_equal(reader.skipped_bytes, 0);
        add_whole(here, 1, "two");
        expect_next(&reader, "two");
        assert_int_equal(reader.skipped_bytes, torn);
        aep__reader_done(&reader);
        remove_segment(here, 1);
    }
}

/* The torn record's length extends over what follows: its checksum reveals that. */
static void test_a_torn_record_is_skipped_also_when_later_ones_fill_it_up(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    begin_with(here, &reader, true, NULL);
    tear_into(here, 1,
              "torn, and long enough that the next records end within it: "
              "........................................................................"
              "........................................................................",
              30);
    for (int i = 0; i < 5; i++)
        add_whole(here, 1, "next");
    for (int i = 0; i < 5; i++)
        expect_next(&reader, "next");
    expect_next(&reader, "(wait)");
    assert_int_equal(reader.skipped_bytes, 30);
    aep__reader_done(&reader);
}

static void test_torn_records_in_a_row_are_skipped(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    begin_with(here, &reader, true, NULL);
    for (int i = 0; i < 10; i++)
        tear_into(here, 1, "torn, one of several", 5 + (size_t)i * 4);
    expect_next(&reader, "(wait)");
    add_whole(here, 1, "next");
    expect_next(&reader, "next");
    aep__reader_done(&reader);
}

/* Nothing valid and unfinished is below what has been examined. */
static void test_a_torn_tail_holds_up_nobody_who_waits_for_its_end(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    begin_with(here, &reader, true, "one");
    tear_into(here, 1, "torn", 25);
    expect_next(&reader, "one");
    expect_next(&reader, "(wait)");
    assert_int_equal(reader.examined, segment_size(here, 1));
    assert_true(reader.offset < reader.examined);
    aep__reader_done(&reader);
}

static void test_garbage_between_records_is_skipped_and_counted(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    static char garbage[5000];
    memset(garbage, '\xff', sizeof garbage);
    begin_with(here, &reader, true, "one");
    add_to_segment(here, 1, garbage, sizeof garbage);
    add_whole(here, 1, "two");
    add_to_segment(here, 1, "\xff\x53\xfe\xff####", 8);
    add_whole(here, 1, "three");
    expect_next(&reader, "one");
    expect_next(&reader, "two");
    expect_next(&reader, "three");
    assert_int_equal(reader.skipped_bytes, sizeof garbage + 8);
    aep__reader_done(&reader);
}

static void test_a_header_in_the_middle_and_unknown_types_are_skipped(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__buf other = {0};
    assert_true(aep__record_encode(&other, AEP__RECORD_HEADER, AEP__SLICE(""), AEP__SLICE("h")));
    assert_true(aep__record_encode(&other, (enum aep__record_type)99, AEP__SLICE(""),
                                   AEP__SLICE("future")));
    begin_with(here, &reader, true, "one");
    add_to_segment(here, 1, other.data, other.len);
    add_whole(here, 1, "two");
    expect_next(&reader, "one");
    expect_next(&reader, "two");
    assert_int_equal(reader.skipped_bytes, other.len);
    aep__buf_done(&other);
    aep__reader_done(&reader);
}

static void test_a_file_full_of_magics_is_read_in_no_time(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    static char magics[1 << 20];
    for (size_t i = 0; i + 16 <= sizeof magics; i += 16)
        memcpy(magics + i, "\xff\x53\xfe\xff\x00\xf0\0\0........", 16);
    begin_with(here, &reader, true, "one");
    add_to_segment(here, 1, magics, sizeof magics);
    add_whole(here, 1, "two");
    clock_t begin = clock();
    expect_next(&reader, "one");
    expect_next(&reader, "two");
    assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 1);
    aep__reader_done(&reader);
}

static void test_an_error_of_the_disk_is_told_and_reading_goes_on_after_it(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    begin_with(here, &reader, true, "one");
    fault_hooks[CALL_PREAD] = io_error;
    expect_next(&reader, "(error)");
    no_faults();
    expect_next(&reader, "one");
    add_whole(here, 1, "two");
    fault_hooks[CALL_PREAD] = io_error;
    expect_next(&reader, "(error)");
    no_faults();
    expect_next(&reader, "two");
    aep__reader_done(&reader);
}

/* ---- seals ---- */

static void test_nothing_behind_the_first_seal_counts(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    begin_with(here, &reader, true, "one");
    seal_early(here, 1, 0);
    add_whole(here, 1, "late");
    seal_early(here, 1, 0);
    expect_next(&reader, "one");
    expect_next(&reader, "(sealed)");
    assert_int_equal(reader.skipped_bytes, 0); /* an early seal's zeros are no damage */
    aep__reader_done(&reader);
}

static void test_a_seal_below_the_limit_is_none(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__buf seal = {0};
    assert_true(aep__record_encode(&seal, AEP__RECORD_SEAL, AEP__SLICE(""), AEP__SLICE("")));
    begin_with(here, &reader, true, "one");
    add_to_segment(here, 1, seal.data, seal.len);
    add_whole(here, 1, "two");
    expect_next(&reader, "one");
    expect_next(&reader, "two");
    expect_next(&reader, "(wait)");
    aep__buf_done(&seal);
    aep__reader_done(&reader);
}

/* Both must look for the same, or a publisher counts a record as accepted that no reader reads. */
static void test_a_seal_with_content_is_none_for_anyone(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__buf seal = {0};
    assert_true(aep__record_encode(&seal, AEP__RECORD_SEAL, AEP__SLICE(""), AEP__SLICE("x")));
    begin_with(here, &reader, true, NULL);
    cut_segment(here, 1, L);
    add_to_segment(here, 1, seal.data, seal.len);
    add_whole(here, 1, "one");
    assert_int_equal(seal_of(here, 1), -1);
    expect_next(&reader, "one");
    aep__buf_done(&seal);
    aep__reader_done(&reader);
}

static void test_the_relay_seals_a_segment_that_has_a_successor(void **state)
{
    struct here *here = *state;
    struct aep__reader reader, other;
    begin_with(here, &reader, true, "one");
    assert_int_equal(aep__segment_create(&here->spool, 2, 0), 0);
    add_whole(here, 2, "two");
    begin_reading(here, &other, 1, 0, false);
    expect_next(&other, "one");
    expect_next(&other, "(wait)"); /* sealing is not their task */
    assert_int_equal(seal_of(here, 1), -1);
    expect_next(&reader, "one");
    expect_next(&reader, "(sealed)");
    assert_int_equal(seal_of(here, 1), L);
    expect_next(&reader, "two");
    expect_next(&other, "(sealed)");
    expect_next(&other, "two");
    aep__reader_done(&reader);
    aep__reader_done(&other);
}

/* A power cut tore the last record; nothing is written after it any more. */
static void test_a_torn_tail_before_a_successor_is_passed(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    begin_with(here, &reader, true, "one");
    tear_into(here, 1, "torn", 20);
    assert_int_equal(aep__segment_create(&here->spool, 2, 0), 0);
    add_whole(here, 2, "two");
    expect_next(&reader, "one");
    expect_next(&reader, "(sealed)");
    expect_next(&reader, "two");
    aep__reader_done(&reader);
}

static void test_a_position_beyond_a_seal_is_the_segments_end(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    for (int relay = 0; relay <= 1; relay++) {
        begin_with(here, &reader, relay, "one");
        seal_early(here, 1, 0);
        add_whole(here, 1, "late");
        assert_true(aep__segment_create(&here->spool, 2, 0) >= 0);
        aep__reader_seek(&reader, 1, L + 20);
        expect_next(&reader, "(sealed)");
        expect_next(&reader, "(wait)");
        assert_int_equal(reader.segment, 2);
        aep__reader_done(&reader);
    }
}

/* ---- another boot, other spools ---- */

static void test_the_relay_seals_what_is_of_another_boot(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    begin_with(here, &reader, true, "one");
    reboot(here);
    expect_next(&reader, "one");
    expect_next(&reader, "(sealed)");
    assert_int_equal(seal_of(here, 1), L);
    aep__reader_done(&reader);
}

static void test_what_is_shorter_than_the_cursor_is_sealed_behind_it(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    for (int boots = 0; boots <= 1; boots++) {
        begin_with(here, &reader, true, "one");
        if (boots)
            reboot(here);
        aep__reader_seek(&reader, 1, L + 300);
        expect_next(&reader, "(sealed)");
        assert_int_equal(seal_of(here, 1), L + 300);
        aep__reader_done(&reader);
        remove_segment(here, 1);
    }
}

static void test_a_segment_missing_below_the_cursor_comes_back_sealed(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    begin_reading(here, &reader, 3, 200, true);
    expect_next(&reader, "(sealed)");
    assert_int_equal(seal_of(here, 3), L);
    expect_next(&reader, "(wait)");
    assert_int_equal(reader.segment, 4);
    aep__reader_done(&reader);
}

/* No process of this boot appends to it: a full disk, which prevents a seal, does not stop the
 * drain. */
static void test_an_old_segment_that_cannot_be_sealed_is_read_to_its_end(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    begin_with(here, &reader, true, "one");
    tear_into(here, 1, "torn", 30);
    reboot(here);
    fault_hooks[CALL_FALLOCATE] = no_space;
    expect_next(&reader, "one");
    expect_next(&reader, "(sealed)");
    no_faults();
    assert_int_equal(seal_of(here, 1), -1);
    aep__reader_done(&reader);
}

static void test_others_pass_an_old_segment_once_it_has_a_successor(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    begin_with(here, &reader, false, "one");
    reboot(here);
    expect_next(&reader, "one");
    expect_next(&reader, "(wait)");
    assert_int_equal(aep__segment_create(&here->spool, 2, 0), 0);
    add_whole(here, 2, "two");
    expect_next(&reader, "(sealed)");
    expect_next(&reader, "two");
    aep__reader_done(&reader);
}

static void test_another_spools_events_are_not_ours(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__spool other = here->spool;
    other.uuid[0]++;
    assert_int_equal(aep__segment_create(&other, 1, 0), 0);
    add_whole(here, 1, "foreign");
    begin_reading(here, &reader, 1, 0, true);
    expect_next(&reader, "(sealed)");
    assert_true(reader.skipped_bytes > 0);
    aep__reader_done(&reader);
}

/* The header was lost with the power, the records were not. */
static void test_records_of_a_headless_segment_are_read(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    static const char zeros[AEP__SEGMENT_EMPTY_BYTES];
    add_to_segment(here, 1, zeros, sizeof zeros);
    add_whole(here, 1, "one");
    begin_reading(here, &reader, 1, 0, true);
    expect_next(&reader, "one");
    expect_next(&reader, "(sealed)");
    aep__reader_done(&reader);
}

static void test_files_that_are_no_segments_are_read_to_their_end(void **state)
{
    struct here *here = *state;
    static char garbage[3 * L];
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (char)(i * 2654435761u >> 13);
    add_to_segment(here, 1, "", 0);
    add_to_segment(here, 2, garbage, sizeof garbage);
    assert_int_equal(aep__segment_create(&here->spool, 3, 0), 0);
    cut_segment(here, 3, 7);
    assert_int_equal(aep__segment_create(&here->spool, 4, 0), 0);
    add_whole(here, 4, "one");
    assert_string_equal(all_from(here, 1, 0), "one");
}

static void test_what_is_no_file_of_ours_is_an_error_not_a_hang(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    assert_int_equal(mkfifoat(here->spool.dir_fd, "0000000000000001.seg", 0600), 0);
    begin_reading(here, &reader, 1, 0, true);
    expect_next(&reader, "(error)");
    aep__reader_done(&reader);
}

/* ---- removed ---- */

static void test_a_segment_removed_while_it_is_read_is_gone(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    for (int relay = 0; relay <= 1; relay++) {
        begin_with(here, &reader, relay, "one");
        expect_next(&reader, "one");
        add_whole(here, 1, "two");
        remove_segment(here, 1);
        expect_next(&reader, "two"); /* what it holds is still read */
        expect_next(&reader, "(gone)");
        assert_int_equal(reader.segment, 1);
        aep__reader_done(&reader);
    }
}

static void test_a_retired_segment_is_read_to_its_seal_by_who_has_it_open(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    begin_reading(here, &reader, 1, 0, false);
    expect_next(&reader, "one");
    append_long(&appender, "two", L);
    append_text(&appender, "three");
    retire_first(here);
    expect_next(&reader, "two");
    expect_next(&reader, "(sealed)");
    expect_next(&reader, "three");
    aep__reader_done(&reader);
    aep__append_done(&appender);
}

static void test_a_reader_behind_what_was_retired_is_told(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__appender appender = begin_appending(here);
    append_long(&appender, "one", L);
    append_text(&appender, "two");
    retire_first(here);
    begin_reading(here, &reader, 1, 0, false);
    expect_next(&reader, "(gone)");
    aep__reader_seek(&reader, here->cursor.segment, 0);
    expect_next(&reader, "two");
    aep__reader_done(&reader);
    aep__append_done(&appender);
}

static void test_a_deleted_folder_is_gone(void **state)
{
    struct here *here = *state;
    struct aep__reader reader, late;
    begin_with(here, &reader, true, "one");
    begin_reading(here, &late, 1, 0, true);
    expect_next(&reader, "one");
    assert_int_equal(nftw(here->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    expect_next(&reader, "(gone)");
    expect_next(&late, "(gone)");
    aep__reader_done(&reader);
    aep__reader_done(&late);
}

/* It was truncated: new records must not land below what has been read. */
static void test_a_segment_cut_short_and_reopened_takes_no_more(void **state)
{
    struct here *here = *state;
    struct aep__reader reader;
    struct aep__appender appender = begin_appending(here);
    aep_position one = append_text(&appender, "one");
    cut_segment(here, 1, AEP__SEGMENT_EMPTY_BYTES);
    begin_reading(here, &reader, 1, one.offset, true);
    expect_next(&reader, "(sealed)");
    append_text(&appender, "two");
    expect_next(&reader, "two");
    aep__reader_done(&reader);
    aep__append_done(&appender);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_events_come_in_order_and_each_segments_end_once),
        HERE_TEST(test_an_entry_tells_where_it_stands),
        HERE_TEST(test_a_reader_waits_for_the_first_segment),
        HERE_TEST(test_records_of_any_size_come_whole),
        HERE_TEST(test_seek_begins_anew),
        HERE_TEST(test_an_unfinished_record_is_waited_for),
        HERE_TEST(test_a_torn_record_is_skipped_when_a_valid_one_follows),
        HERE_TEST(test_a_torn_record_is_skipped_also_when_later_ones_fill_it_up),
        HERE_TEST(test_torn_records_in_a_row_are_skipped),
        HERE_TEST(test_a_torn_tail_holds_up_nobody_who_waits_for_its_end),
        HERE_TEST(test_garbage_between_records_is_skipped_and_counted),
        HERE_TEST(test_a_header_in_the_middle_and_unknown_types_are_skipped),
        HERE_TEST(test_a_file_full_of_magics_is_read_in_no_time),
        HERE_TEST(test_an_error_of_the_disk_is_told_and_reading_goes_on_after_it),
        HERE_TEST(test_nothing_behind_the_first_seal_counts),
        HERE_TEST(test_a_seal_below_the_limit_is_none),
        HERE_TEST(test_a_seal_with_content_is_none_for_anyone),
        HERE_TEST(test_the_relay_seals_a_segment_that_has_a_successor),
        HERE_TEST(test_a_torn_tail_before_a_successor_is_passed),
        HERE_TEST(test_a_position_beyond_a_seal_is_the_segments_end),
        HERE_TEST(test_the_relay_seals_what_is_of_another_boot),
        HERE_TEST(test_what_is_shorter_than_the_cursor_is_sealed_behind_it),
        HERE_TEST(test_a_segment_missing_below_the_cursor_comes_back_sealed),
        HERE_TEST(test_an_old_segment_that_cannot_be_sealed_is_read_to_its_end),
        HERE_TEST(test_others_pass_an_old_segment_once_it_has_a_successor),
        HERE_TEST(test_another_spools_events_are_not_ours),
        HERE_TEST(test_records_of_a_headless_segment_are_read),
        HERE_TEST(test_files_that_are_no_segments_are_read_to_their_end),
        HERE_TEST(test_what_is_no_file_of_ours_is_an_error_not_a_hang),
        HERE_TEST(test_a_segment_removed_while_it_is_read_is_gone),
        HERE_TEST(test_a_retired_segment_is_read_to_its_seal_by_who_has_it_open),
        HERE_TEST(test_a_reader_behind_what_was_retired_is_told),
        HERE_TEST(test_a_deleted_folder_is_gone),
        HERE_TEST(test_a_segment_cut_short_and_reopened_takes_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
