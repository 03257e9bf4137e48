/* SPDX-License-Identifier: Apache-2.0 */
/* The tail: it reads in order, the cursor follows finished records, and what happens to
 * segments. */
#include "core_fixture.h"
#include "spool_faults.h"

#include "base/endian.h"

#include <sys/resource.h>

#define HEADER 48 /* bytes of a segment without records */

/* Until what the cursor has passed is off the disk. */
static void let_segments_go(void)
{
    aep__tail_sync_now(&core);
    assert_int_equal(aep__syncer_removed(&core.syncer), core.tail.cursor.segment);
}

static bool is_segment(uint64_t number)
{
    return segment_size(&here, number) >= 0;
}

/* Fills the open segment, so that the next event goes into the next one. Returns how many events. */
static unsigned fill_segment(const char *topic, const char *text)
{
    uint64_t open = core.tail.cursor.segment;
    unsigned count = 0;
    while (is_segment(open + 1))
        open++;
    for (; !is_segment(open + 1) && count < 100; count++)
        publish_long(topic, text, 1000);
    assert_true(is_segment(open + 1));
    return count;
}

/* Reads on to that many seals, which are looked for only after a while. */
static void read_to_seals(unsigned count)
{
    turn(true);
    for (unsigned i = 0; i < count; i++) {
        pass_us(200000);
        turn(true);
    }
    assert_int_equal(core.tail.sealed_count, count);
}

static void read_to_the_seal(void)
{
    read_to_seals(1);
}

/* Another sink takes the place of one that is of no more use. */
static void replace_sink(void)
{
    sink->broken = true;
    assert_false(sink->base.ops->serve(&sink->base, false));
    aep__core_detach(&core);
    assert_int_equal(sink->handles, 0);
    assert_int_equal(aep__core_in_flight(&core), 0);
    free_sink();
    make_sink();
}

/* ---- the cursor ---- */

static void test_the_cursor_stands_before_the_first_that_is_not_finished(void **state)
{
    (void)state;
    aep_position a = publish("news", "a");
    aep_position b = publish("news", "b");
    aep_position c = publish("news", "c");
    turn(true);
    answer("news", 3);
    fake_report_at(sink, 1);
    turn(false);
    assert_int_equal(core.tail.cursor.offset, HEADER);
    assert_open(a);
    fake_report_at(sink, 0);
    turn(false);
    assert_int_equal(core.tail.cursor.offset, b.offset);
    assert_int_equal(core.tail.cursor.ordinal, 2);
    assert_standing(a, AEP__FATE_ACKED);
    assert_false(aep__core_arrived_below(&core, c));
    assert_true(aep__core_arrived_below(&core, b));
    report(1);
    turn(false);
    assert_int_equal(core.tail.cursor.offset, c.offset);
    assert_int_equal(core.acknowledged, 3);
}

static void test_what_was_not_acknowledged_comes_again_after_a_kill(void **state)
{
    (void)state;
    publish("news", "a");
    publish("news", "b");
    turn(true);
    answer("news", 1);
    report(1);
    turn(false);
    kill_core();
    start_core();
    live_ms(0);
    assert_arrived("news", "a b");
    assert_string_equal(arrived[0].sequences, "0 1");
}

static void test_ordinals_go_on_elsewhere_after_a_reboot(void **state)
{
    (void)state;
    publish("news", "a");
    live_ms(0);
    stop_core(false);
    reboot(&here);
    start_core();
    publish("news", "b");
    live_ms(200);
    assert_arrived("news", "a b");
    assert_string_equal(arrived[0].sequences, "0 4294967296");
}

static void test_a_position_that_no_record_ends_at_is_told(void **state)
{
    enum aep__fate fate;
    (void)state;
    aep_position a = publish("news", "a");
    turn(true);
    assert_open((aep_position){a.segment, a.offset + 1});
    live_ms(200);
    aep_position beyond = {a.segment, a.offset + 1000};
    assert_int_equal(aep__core_standing(&core, beyond, &fate), AEP__STANDING_OPEN);
    assert_standing(a, AEP__FATE_ACKED);
}

/* ---- the window ---- */

static void test_the_tail_waits_at_the_sinks_window(void **state)
{
    (void)state;
    for (int n = 0; n < 3 * WINDOW; n++)
        publish(n % 2 ? "news" : "sport", "a");
    turn(true);
    turn(true);
    assert_int_equal(sink->count, WINDOW);
    answer("news", FAKE_TAKEN);
    while (sink->count > WINDOW / 2) /* the news only */
        for (size_t at = 0; at < sink->count; at++)
            if (sink->taken[at].decided)
                fake_report_at(sink, at);
    turn(true);
    turn(true); /* not more than a window beyond the cursor, finished or not */
    assert_true(core.tail.lane.tail - core.tail.lane.head <= WINDOW);
    live_ms(200);
    assert_true(aep__core_idle(&core));
    assert_int_equal(core.acknowledged, 3 * WINDOW);
}

/* A sink that is full before its window is: it takes nothing after a refusal. */
static void test_a_record_waits_while_the_sink_is_full(void **state)
{
    (void)state;
    publish("news", "a");
    turn(true);
    set_broker("news", FAKE_BUSY);
    answer("news", 1);
    aep_position x = publish("sport", "x");
    for (int i = 0; i < 3; i++) {
        aep__tail_rung(&core);
        aep__tail_pump(&core);
        assert_int_equal(sink->count, 1);
    }
    assert_true(core.tail.has_pending);
    assert_open(x);
    assert_false(aep__core_idle(&core));
    report(1);
    turn(false);
    assert_false(core.tail.has_pending);
    set_broker("news", FAKE_FINE);
    live_ms(300);
    assert_arrived("news", "a");
    assert_arrived("sport", "x");
    assert_string_equal(arrived[1].sequences, "1");
    assert_true(aep__core_idle(&core));
}

/* ---- another sink ---- */

static void test_a_broken_sink_is_replaced_and_nothing_is_lost(void **state)
{
    (void)state;
    publish("news", "a");
    publish("sport", "x");
    publish("news", "b");
    live_ms(0);
    publish("news", "c");
    publish("sport", "y");
    publish("news", "d");
    turn(true);
    assert_int_equal(sink->count, 3);
    publish("news", "e");
    replace_sink();
    live_ms(200);
    assert_arrived("news", "a b c d e");
    assert_arrived("sport", "x y");
    assert_string_equal(arrived[0].sequences, "0 2 3 5 6");
}

/* ---- segments ---- */

static void test_segments_are_removed_once_the_cursor_has_passed_them(void **state)
{
    (void)state;
    unsigned count = fill_segment("news", "a");
    read_to_the_seal();
    answer("news", count - 2);
    while (fake_report(sink, 0))
        ;
    turn(false);
    let_segments_go();
    assert_true(is_segment(1)); /* one of its records is under way */
    live_ms(0);
    assert_int_equal(core.tail.cursor.segment, 2);
    let_segments_go();
    assert_false(is_segment(1));
    assert_true(is_segment(2));
}

static void test_a_held_record_of_a_removed_segments_time_is_read_again(void **state)
{
    (void)state;
    publish("news", "a");
    turn(true);
    set_broker("news", FAKE_BUSY);
    answer_all();
    turn(true);
    fill_segment("sport", "x");
    fill_segment("sport", "y");
    live_ms(0);
    assert_int_equal(core.tail.cursor.segment, 1);
    set_broker("news", FAKE_FINE);
    live_ms(3000);
    assert_arrived("news", "a");
    assert_true(core.tail.cursor.segment >= 3);
}

static void test_a_segment_removed_while_it_is_read_is_sent_as_far_as_it_was_accepted(void **state)
{
    (void)state;
    publish("news", "a");
    turn(true);
    publish("news", "b");
    remove_segment(&here, 1);
    turn(true);
    turn(true);
    assert_logged("segment 1 was removed while it was being read");
    set_broker("news", FAKE_BUSY); /* read again, from the file that has no name any more */
    answer_all();
    turn(true);
    set_broker("news", FAKE_FINE);
    live_ms(500);
    publish("news", "c");
    live_ms(500);
    assert_arrived("news", "a b c");
    assert_int_equal(counted(lost), 0);
}

/* Read to its seal, and one of its records is to be sent again. */
static void test_a_segment_removed_behind_the_reader_is_still_read_from(void **state)
{
    (void)state;
    unsigned count = fill_segment("news", "a");
    read_to_the_seal();
    set_broker("news", FAKE_BUSY);
    answer_all();
    remove_segment(&here, 1);
    set_broker("news", FAKE_FINE);
    live_ms(2000);
    assert_int_equal(core.acknowledged, count);
    assert_int_equal(counted(lost), 0);
    publish("news", "b");
    live_ms(500);
    assert_string_equal(strrchr(arrived[0].texts, ' '), " b");
}

static void allow_files(rlim_t count)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static struct aep__cursor stored; /* last, as the file says */

/* The relay may be killed after any store: the next would give numbers again, or miss segments. */
static bool cursor_goes_forward(const struct fault_args *args, ssize_t *ret)
{
    const char *data = args->data;
    (void)ret;
    if (args->len < 32 || memcmp(data, "AEPCURS1", 8) != 0)
        return false;
    struct aep__cursor next = {.segment = aep__get64(data + 8), .ordinal = aep__get64(data + 24)};
    assert_true(next.segment >= stored.segment);
    assert_true(next.ordinal >= stored.ordinal);
    stored = next;
    return false;
}

static void watch_cursor(void)
{
    stored = core.tail.cursor;
    fault_hooks[CALL_PWRITE] = cursor_goes_forward;
}

/* Segments before it have been read to their seals, and not been passed. */
static void test_the_cursor_never_goes_back_behind_a_segment_that_is_gone(void **state)
{
    (void)state;
    unsigned count = fill_segment("news", "a");
    count += fill_segment("news", "a");
    publish("news", "b");
    read_to_seals(2);
    assert_int_equal(core.tail.cursor.segment, 1);
    turn(true);
    remove_segment(&here, 3);
    pass_us(200000);
    turn(true);
    assert_true(core.tail.gone);
    watch_cursor();
    answer_all();
    turn(false);
    assert_false(core.tail.gone);
    assert_true(pace.due_us <= now_us); /* it reads on at once */
    live_ms(1000);
    no_faults();
    assert_logged("segment 3 was removed while it was being read");
    assert_int_equal(core.acknowledged, count + 1);
    assert_int_equal(core.tail.sealed_count, 0);
    kill_core();
    start_core();
    publish("news", "c");
    live_ms(1000);
    assert_string_equal(strrchr(arrived[0].texts, ' '), " c");
    assert_int_equal(atoi(strrchr(arrived[0].sequences, ' ')), count + 1);
    assert_int_equal(counted(lost), 0);
}

/* The disk has no room for the cursor just then. */
static void test_what_is_behind_a_segment_that_is_gone_waits_for_the_cursor(void **state)
{
    (void)state;
    fill_segment("news", "a");
    read_to_the_seal();
    publish("news", "b");
    turn(true);
    remove_segment(&here, 2);
    pass_us(200000);
    turn(true);
    assert_true(core.tail.gone);
    aep__append_done(&appender);
    aep_position c = publish("news", "c"); /* into another of that name */
    fault_hooks[CALL_PWRITE] = no_space;
    live_ms(300);
    no_faults();
    live_ms(3000);
    assert_string_equal(strrchr(arrived[0].texts, ' '), " c");
    assert_int_equal(core.tail.cursor.segment, 2);
    assert_int_equal(core.tail.cursor.offset, c.offset);
}

/* The file that was read to its seal could not be kept open, nor can it be opened now. */
static void test_no_record_is_lost_for_want_of_a_descriptor(void **state)
{
    struct rlimit limit;
    (void)state;
    getrlimit(RLIMIT_NOFILE, &limit);
    publish("news", "a");
    turn(true); /* the file is open */
    unsigned count = 1 + fill_segment("news", "a");
    allow_files(3);
    read_to_the_seal();
    assert_int_equal(core.tail.sealed[0].fd, -1);
    set_broker("news", FAKE_BUSY);
    answer_all();
    set_broker("news", FAKE_FINE);
    live_ms(2000);
    allow_files(limit.rlim_cur);
    assert_int_equal(counted(lost), 0);
    live_ms(3000);
    assert_int_equal(core.acknowledged, count);
}

/* The same, where the record is to become a dead letter. */
static void test_no_dead_letter_is_lost_for_want_of_a_descriptor(void **state)
{
    struct rlimit limit;
    (void)state;
    getrlimit(RLIMIT_NOFILE, &limit);
    publish("news", "p0");
    turn(true);
    fill_segment("sport", "a");
    allow_files(3);
    read_to_the_seal();
    assert_int_equal(core.tail.sealed[0].fd, -1);
    live_ms(2000);
    allow_files(limit.rlim_cur);
    assert_int_equal(counted(lost), 0);
    live_ms(5000);
    assert_int_equal(core.dead.log.count, 1);
}

static void test_a_segment_missing_in_the_middle_is_counted_and_passed(void **state)
{
    (void)state;
    turn(true);
    fill_segment("news", "a");
    aep_position lost = publish("news", "b");
    fill_segment("news", "b");
    publish("news", "c");
    remove_segment(&here, 2);
    live_ms(1000);
    assert_logged("segment 2 was removed before it was read: its records are lost");
    assert_int_equal(counted(lost), 1);
    assert_standing(lost, AEP__FATE_LOST);
    assert_string_equal(strrchr(arrived[0].texts, ' '), " c");
    assert_null(strstr(arrived[0].texts, "a b b c"));
    publish("news", "d");
    live_ms(500);
    assert_string_equal(strrchr(arrived[0].texts, ' '), " d");
}

/* A publisher with an outdated view recreates a segment that was read to its seal. */
static void test_a_segment_that_came_again_is_read_before_it_goes(void **state)
{
    (void)state;
    unsigned count = fill_segment("news", "a");
    count += fill_segment("news", "a");
    read_to_seals(2);
    remove_segment(&here, 1);
    assert_int_equal(aep__segment_create(&here.spool, 1, 0), 0);
    struct aep__buf record = {0};
    struct aep__message message = {.topic = AEP__SLICE("news"), .value = AEP__SLICE("zombie")};
    assert_true(aep__record_encode_message(&record, &message));
    add_to_segment(&here, 1, record.data, record.len);
    aep__buf_done(&record);
    seal_early(&here, 1, 0);
    watch_cursor();
    answer_all();
    turn(false);
    assert_true(pace.due_us <= now_us); /* to read it at once */
    live_ms(500);
    no_faults();
    assert_int_equal(core.acknowledged, count + 1);
    assert_string_equal(strrchr(arrived[0].texts, ' '), " zombie");
    let_segments_go();
    assert_false(is_segment(1));
    publish("news", "b");
    live_ms(500);
    assert_string_equal(strrchr(arrived[0].texts, ' '), " b");
}

static void test_a_deleted_spool_is_left_alone(void **state)
{
    (void)state;
    publish("news", "a");
    turn(true);
    assert_int_equal(nftw(here.dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    pass_us(6000000);
    turn(true);
    assert_true(core.orphan);
    answer_all();
    turn(true);
    assert_arrived("news", "a");
}

static void test_torn_bytes_hold_up_nobody(void **state)
{
    (void)state;
    publish("news", "a");
    tear_into(&here, 1, "torn", 20);
    live_ms(200);
    assert_arrived("news", "a");
    assert_true(aep__core_idle(&core));
    aep_position torn = {1, (uint64_t)segment_size(&here, 1)};
    assert_true(torn.offset > core.tail.cursor.offset);
    assert_true(aep__core_arrived_below(&core, torn));
    publish("news", "b");
    live_ms(6000);
    assert_arrived("news", "a b");
}

/* ---- purge ---- */

static void test_a_purge_drops_what_is_unsent_and_nothing_else(void **state)
{
    (void)state;
    publish("news", "a");
    live_ms(0);
    aep_position sent = publish("news", "b");
    turn(true);
    aep_position unread = publish("news", "c");
    aep__delivery_purge(&core);
    live_ms(200);
    assert_standing(sent, AEP__FATE_PURGED);
    assert_standing(unread, AEP__FATE_PURGED);
    assert_arrived("news", "a");
    assert_int_equal(counted(purged), 2);
    let_segments_go();
    assert_false(is_segment(1));
    publish("news", "d");
    live_ms(200);
    assert_arrived("news", "a d");
}

static void test_a_purge_drops_what_was_held(void **state)
{
    (void)state;
    set_broker("news", FAKE_BUSY);
    publish("news", "a");
    publish("news", "b");
    turn(true);
    answer_all();
    turn(true);
    assert_int_equal(aep__delivery_purge(&core), 2);
    set_broker("news", FAKE_FINE);
    publish("news", "c");
    live_ms(1000);
    assert_arrived("news", "c");
}

/* There is only a header before the next event. */
static void test_an_event_after_a_purge_of_an_empty_segment_is_sent(void **state)
{
    (void)state;
    assert_int_equal(aep__delivery_purge(&core), 0);
    publish("news", "a");
    live_ms(200);
    assert_arrived("news", "a");
    publish("news", "b");
    live_ms(200);
    aep__delivery_purge(&core); /* seals segment 1 */
    live_ms(200);
    publish("news", "c");
    live_ms(200);
    aep__delivery_purge(&core);
    live_ms(200);
    uint64_t empty = aep__segment_last(&here.spool, core.tail.cursor.segment);
    aep__delivery_purge(&core);
    assert_int_equal(segment_size(&here, empty), HEADER); /* it needs no seal */
    publish("news", "d");
    live_ms(200);
    assert_arrived("news", "a b c d");
    assert_int_equal(counted(purged), 0);
}

static void test_an_event_behind_torn_bytes_outlives_the_purge_before_it(void **state)
{
    (void)state;
    publish("news", "a");
    live_ms(200);
    tear_into(&here, 1, "torn", 20);
    aep__delivery_purge(&core);
    publish("news", "b");
    live_ms(6000);
    assert_arrived("news", "a b");
    assert_int_equal(counted(purged), 0);
}

/* ---- quiet ---- */

static void test_what_is_all_delivered_is_sealed_and_leaves_the_disk(void **state)
{
    (void)state;
    assert_false(aep__tail_seal_idle(&core)); /* nothing is in it */
    publish("news", "a");
    live_ms(6000);
    assert_true(aep__core_idle(&core));
    assert_true(aep__tail_seal_idle(&core));
    live_ms(6000);
    publish("news", "b");
    live_ms(6000);
    let_segments_go();
    assert_false(is_segment(1));
    assert_arrived("news", "a b");
}

static void test_a_tidy_stop_leaves_nothing_delivered_on_the_disk(void **state)
{
    (void)state;
    publish("news", "a");
    live_ms(6000);
    stop_core(true);
    assert_false(is_segment(1));
    start_core();
    publish("news", "b");
    live_ms(6000);
    assert_arrived("news", "a b");
    assert_string_equal(arrived[0].sequences, "0 1");
}

static void test_a_tidy_stop_keeps_what_is_not_delivered(void **state)
{
    (void)state;
    publish("news", "a");
    turn(true);
    stop_core(true);
    assert_true(is_segment(1));
    start_core();
    live_ms(200);
    assert_arrived("news", "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_the_cursor_stands_before_the_first_that_is_not_finished),
        STORY(test_what_was_not_acknowledged_comes_again_after_a_kill),
        STORY(test_ordinals_go_on_elsewhere_after_a_reboot),
        STORY(test_a_position_that_no_record_ends_at_is_told),
        STORY(test_the_tail_waits_at_the_sinks_window),
        STORY(test_a_record_waits_while_the_sink_is_full),
        STORY(test_a_broken_sink_is_replaced_and_nothing_is_lost),
        STORY(test_segments_are_removed_once_the_cursor_has_passed_them),
        STORY(test_a_held_record_of_a_removed_segments_time_is_read_again),
        STORY(test_a_segment_removed_while_it_is_read_is_sent_as_far_as_it_was_accepted),
        STORY(test_a_segment_removed_behind_the_reader_is_still_read_from),
        STORY(test_the_cursor_never_goes_back_behind_a_segment_that_is_gone),
        STORY(test_what_is_behind_a_segment_that_is_gone_waits_for_the_cursor),
        STORY(test_no_record_is_lost_for_want_of_a_descriptor),
        STORY(test_no_dead_letter_is_lost_for_want_of_a_descriptor),
        STORY(test_a_segment_missing_in_the_middle_is_counted_and_passed),
        STORY(test_a_segment_that_came_again_is_read_before_it_goes),
        STORY(test_a_deleted_spool_is_left_alone),
        STORY(test_torn_bytes_hold_up_nobody),
        STORY(test_a_purge_drops_what_is_unsent_and_nothing_else),
        STORY(test_a_purge_drops_what_was_held),
        STORY(test_an_event_after_a_purge_of_an_empty_segment_is_sent),
        STORY(test_an_event_behind_torn_bytes_outlives_the_purge_before_it),
        STORY(test_what_is_all_delivered_is_sealed_and_leaves_the_disk),
        STORY(test_a_tidy_stop_leaves_nothing_delivered_on_the_disk),
        STORY(test_a_tidy_stop_keeps_what_is_not_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
