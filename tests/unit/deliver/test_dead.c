/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters: which records become one, and how they are kept, sent again and dropped. */
#include "core_fixture.h"

#include "spool_faults.h"

/* The letters that are kept, as their ordinals. */
static const char *letters(void)
{
    static char list[512];
    struct aep__sidelog_entry entry;
    struct aep__buf buf = {0};
    list[0] = '\0';
    for (uint64_t at = core.dead.log.begin; aep__sidelog_read(&core.dead.log, at, &buf, &entry) > 0;
         at = entry.next) {
        char word[24];
        int len = snprintf(word, sizeof word, "%" PRIu64, entry.note.ordinal);
        add_word(list, sizeof list, word, (size_t)len);
    }
    aep__buf_done(&buf);
    return list;
}

#define assert_letters(list) assert_string_equal(letters(), list)

/* p0 and p1 are dead letters, a has arrived. */
static void bury_two(void)
{
    publish("news", "p0");
    publish("news", "p1");
    publish("news", "a");
    live_ms(500);
    assert_letters("0 1");
    assert_arrived("news", "a");
}

/* ---- in ---- */

static void test_what_the_client_refuses_is_buried_and_the_next_goes_on(void **state)
{
    (void)state;
    aep_position bad = publish("news", "i0");
    publish("news", "a");
    turn(true);
    assert_int_equal(sink->count, 1);
    assert_gate("news", OPEN);
    assert_open(bad); /* not on the disk yet */
    live_ms(200);
    assert_arrived("news", "a");
    assert_letters("0");
    assert_standing(bad, AEP__FATE_DEAD);
    assert_int_equal(counted(dead), 1);
    assert_logged("record 0 is a dead letter: FAKE_INVALID");
    assert_int_equal(core.tail.cursor.ordinal, 2);
}

static void test_records_that_no_topic_takes_are_buried(void **state)
{
    (void)state;
    publish("no topic!", "a");
    publish("", "b");
    publish("..", "c");
    publish("news", "d");
    live_ms(200);
    assert_letters("0 1 2");
    assert_arrived("news", "d");
    assert_logged("record 0 is a dead letter: INVALID_TOPIC_NAME");
    assert_int_equal(core.topics.count, 1);
}

static void test_a_letter_is_one_only_once_it_is_on_the_disk(void **state)
{
    (void)state;
    fault_hooks[CALL_FDATASYNC] = fault_hooks[CALL_FSYNC] = io_error;
    aep_position bad = publish("news", "i0");
    live_ms(1000);
    assert_open(bad);
    no_faults();
    live_ms(1000);
    assert_standing(bad, AEP__FATE_DEAD);
}

/* The cursor is before it: a sports record is in flight. */
static void test_a_record_that_is_read_again_is_buried_once(void **state)
{
    (void)state;
    publish("sport", "x");
    publish("news", "p1");
    publish("news", "a");
    for (int i = 0; i < 10; i++) {
        turn(true);
        answer("news", 5);
        while (sink->count > 1)
            fake_report_at(sink, 1);
        pass_us(50000);
    }
    assert_letters("1");
    assert_int_equal(core.tail.cursor.ordinal, 0);
    kill_core();
    start_core();
    broker.lenient = true; /* it would take it now */
    live_ms(200);
    assert_letters("1");
    assert_null(strchr(arrived[fake_topic_of(&broker, "news")].texts, 'p'));
    assert_int_equal(counted(dead), 1);
    assert_arrived("sport", "x");
}

static void test_the_oldest_letters_make_room(void **state)
{
    (void)state;
    kill_core();
    dead_max_bytes = 8192;
    start_core();
    for (int n = 0; n < 10; n++)
        publish_long("news", "i", 2000);
    live_ms(500);
    assert_true(core.dead.log.end - AEP__SIDELOG_FIRST <= dead_max_bytes);
    assert_string_equal(strrchr(letters(), ' '), " 9");
    assert_int_equal(counted(dead), 10);
    assert_int_equal(counted(dead_dropped), 10 - core.dead.log.count);
    assert_logged("the dead-letter log reached dead.max_bytes: the oldest ");
    dead_max_bytes = UINT64_C(1) << 40;
}

static bool no_space_once_here(const struct fault_args *args, ssize_t *ret)
{
    return args->fd == core.dead.log.fd || core.dead.log.fd < 0 ? fails_with(ENOSPC, ret) : false;
}

static void test_a_full_disk_holds_a_bad_record_back_and_loses_nothing(void **state)
{
    (void)state;
    bury_two();
    fault_hooks[CALL_PWRITE] = no_space_once_here;
    aep_position bad = publish("news", "p3");
    publish("news", "b");
    publish("sport", "x");
    live_ms(3000);
    assert_logged("cannot keep a dead letter: No space left on device");
    assert_open(bad);
    assert_arrived("sport", "x");
    assert_arrived("news", "a"); /* b waits behind it */
    no_faults();
    live_ms(3000);
    assert_standing(bad, AEP__FATE_DEAD);
    assert_letters("0 1 3");
    assert_arrived("news", "a b");
}

static void test_a_full_disk_holds_up_the_tail_before_what_no_topic_takes(void **state)
{
    (void)state;
    bury_two();
    fault_hooks[CALL_PWRITE] = no_space_once_here;
    publish("no topic!", "b");
    publish("news", "c");
    live_ms(3000);
    assert_letters("0 1");
    no_faults();
    live_ms(3000);
    assert_letters("0 1 3");
    assert_arrived("news", "a c");
}

/* ---- replay ---- */

static void test_letters_are_sent_again_by_command(void **state)
{
    (void)state;
    bury_two();
    broker.lenient = true;
    assert_int_equal(aep__dead_replay(&core, NULL), 2);
    assert_false(aep__core_idle(&core));
    turn(false);
    assert_int_equal(sink->count, 1); /* one at a time */
    live_ms(200);
    assert_arrived("news", "a p0 p1");
    assert_string_equal(arrived[0].sequences, "2 0 1");
    assert_letters("");
    assert_true(aep__core_idle(&core));
}

/* That the letter is refused again says nothing of the size of the topic's batches. */
static void test_a_letter_that_is_refused_again_makes_no_batches_smaller(void **state)
{
    const uint64_t one = 1;
    (void)state;
    bury_two();
    for (int n = 0; n < 4; n++) {
        assert_int_equal(aep__dead_replay(&core, &one), 1);
        live_ms(500);
        publish("news", "b");
        live_ms(500);
    }
    assert_letters("0 1");
    assert_arrived("news", "a b b b b");
    assert_int_equal(topic_named("news")->window_bytes, 0);
}

static void test_one_letter_may_be_sent_again(void **state)
{
    const uint64_t one = 1, none = 7;
    (void)state;
    bury_two();
    broker.lenient = true;
    assert_int_equal(aep__dead_replay(&core, &none), 0);
    assert_int_equal(aep__dead_replay(&core, &one), 1);
    live_ms(200);
    assert_arrived("news", "a p1");
    assert_letters("0");
}

static void test_a_letter_that_is_refused_again_stays_one(void **state)
{
    (void)state;
    bury_two();
    assert_int_equal(aep__dead_replay(&core, NULL), 2);
    live_ms(2000);
    assert_letters("0 1");
    assert_true(aep__core_idle(&core));
    broker.lenient = true;
    live_ms(2000);
    assert_arrived("news", "a"); /* nobody asked again */
    assert_int_equal(counted(dead), 2);
}

static void test_a_letter_of_a_missing_topic_stays_one(void **state)
{
    (void)state;
    bury_two();
    broker.lenient = true;
    set_broker("news", FAKE_MISSING);
    assert_int_equal(aep__dead_replay(&core, NULL), 2);
    live_ms(30000);
    assert_letters("0 1");
    assert_true(aep__core_idle(&core));
    set_broker("news", FAKE_FINE);
    publish("news", "b");
    live_ms(20000);
    assert_arrived("news", "a b");
}

static void test_a_letter_that_came_back_is_sent_again(void **state)
{
    (void)state;
    bury_two();
    broker.lenient = true;
    aep__dead_replay(&core, NULL);
    turn(false);
    assert_int_equal(sink->count, 1);
    sink->base.ops->abandon(&sink->base);
    live_ms(500);
    assert_arrived("news", "a p0 p1");
    assert_letters("");
}

static void test_a_replay_goes_on_after_a_kill(void **state)
{
    (void)state;
    bury_two();
    broker.lenient = true;
    aep__dead_replay(&core, NULL);
    kill_core();
    start_core();
    live_ms(200);
    assert_arrived("news", "a p0 p1");
    assert_letters("");
}

/* Its result is written down before the end. */
static void test_a_stop_in_the_middle_of_a_replay_sends_no_letter_twice(void **state)
{
    (void)state;
    bury_two();
    broker.lenient = true;
    aep__dead_replay(&core, NULL);
    turn(false);
    answer_all();
    turn(false); /* the first one's result is known, the second under way */
    assert_int_equal(sink->count, 1);
    stop_core(false);
    start_core();
    assert_letters("1");
    live_ms(200);
    assert_arrived("news", "a p0 p1");
}

/* The file is rewritten while a letter is in flight. */
static void test_a_letter_that_is_buried_meanwhile_disturbs_no_replay(void **state)
{
    (void)state;
    bury_two();
    broker.lenient = true;
    aep__dead_replay(&core, NULL);
    turn(false);
    publish("sport", "i3");
    turn(true);
    const uint64_t buried = 3;
    assert_int_equal(aep__dead_drop(&core, &buried), 1);
    live_ms(500);
    assert_arrived("news", "a p0 p1");
    assert_letters("");
}

static void test_a_letter_that_is_dropped_under_way_disturbs_no_replay(void **state)
{
    const uint64_t first = 0;
    (void)state;
    bury_two();
    publish("news", "p3");
    live_ms(500);
    broker.lenient = true;
    aep__dead_replay(&core, NULL);
    turn(false);
    assert_int_equal(sink->count, 1);
    assert_int_equal(aep__dead_drop(&core, &first), 1); /* those after it move up */
    live_ms(500);
    assert_arrived("news", "a p0 p1 p3");
    assert_letters("");
}

static void test_more_letters_than_a_batch_are_sent_again(void **state)
{
    (void)state;
    for (int n = 0; n < AEP__DEAD_BATCH + 40; n++)
        publish("news", "i");
    live_ms(500);
    assert_int_equal(core.dead.log.count, AEP__DEAD_BATCH + 40);
    assert_int_equal(aep__dead_replay(&core, NULL), AEP__DEAD_BATCH + 40);
    live_ms(500);
    assert_int_equal(core.dead.log.count, AEP__DEAD_BATCH + 40); /* the client refuses them again */
    assert_true(aep__core_idle(&core));
}

/* Their results cannot be written down: no more letters are sent than there is room for results. */
static void test_a_full_disk_stops_a_replay_of_many_until_it_has_room(void **state)
{
    (void)state;
    for (int n = 0; n < AEP__DEAD_BATCH + 40; n++)
        publish("news", "i");
    live_ms(500);
    assert_int_equal(aep__dead_replay(&core, NULL), AEP__DEAD_BATCH + 40);
    fault_hooks[CALL_PWRITE] = no_space;
    live_ms(500);
    assert_int_equal(core.dead.result_count, AEP__DEAD_BATCH);
    assert_logged("cannot rewrite the dead-letter log: No space left on device");
    assert_false(aep__core_idle(&core));
    no_faults();
    live_ms(500);
    assert_int_equal(core.dead.log.count, AEP__DEAD_BATCH + 40);
    assert_true(aep__core_idle(&core));
}

/* ---- drop ---- */

static void test_letters_are_dropped_by_command(void **state)
{
    const uint64_t first = 0;
    (void)state;
    bury_two();
    assert_int_equal(aep__dead_drop(&core, &first), 1);
    assert_letters("1");
    assert_int_equal(aep__dead_drop(&core, &first), 0);
    assert_int_equal(aep__dead_drop(&core, NULL), 1);
    assert_letters("");
    assert_int_equal(counted(dead_dropped), 2);
}

static void test_what_was_dropped_stays_so_after_a_kill(void **state)
{
    const uint64_t first = 0;
    (void)state;
    bury_two();
    broker.lenient = true;
    aep__dead_drop(&core, &first);
    kill_core();
    start_core();
    live_ms(500);
    assert_letters("1");
    assert_arrived("news", "a");
}

static void test_a_dropped_letter_is_replayed_no_more(void **state)
{
    (void)state;
    bury_two();
    broker.lenient = true;
    set_broker("news", FAKE_BUSY);
    aep__dead_replay(&core, NULL);
    turn(false);
    const uint64_t second = 1;
    assert_int_equal(aep__dead_drop(&core, &second), 1);
    set_broker("news", FAKE_FINE);
    live_ms(2000);
    assert_arrived("news", "a p0");
    assert_letters("");
}

static void test_letters_that_cannot_be_read_now_are_sent_later(void **state)
{
    (void)state;
    bury_two();
    broker.lenient = true;
    aep__dead_replay(&core, NULL);
    fault_hooks[CALL_PREAD] = io_error;
    live_ms(500);
    no_faults();
    assert_arrived("news", "a");
    assert_true(core.dead.replaying);
    live_ms(3000);
    assert_arrived("news", "a p0 p1");
    assert_letters("");
}

static int end_of_faults(void **state)
{
    no_faults();
    return end_story(state);
}

#define DEAD_STORY(function) cmocka_unit_test_setup_teardown(function, begin_story, end_of_faults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEAD_STORY(test_what_the_client_refuses_is_buried_and_the_next_goes_on),
        DEAD_STORY(test_records_that_no_topic_takes_are_buried),
        DEAD_STORY(test_a_letter_is_one_only_once_it_is_on_the_disk),
        DEAD_STORY(test_a_record_that_is_read_again_is_buried_once),
        DEAD_STORY(test_the_oldest_letters_make_room),
        DEAD_STORY(test_a_full_disk_holds_a_bad_record_back_and_loses_nothing),
        DEAD_STORY(test_a_full_disk_holds_up_the_tail_before_what_no_topic_takes),
        DEAD_STORY(test_letters_are_sent_again_by_command),
        DEAD_STORY(test_one_letter_may_be_sent_again),
        DEAD_STORY(test_a_letter_that_is_refused_again_makes_no_batches_smaller),
        DEAD_STORY(test_a_letter_that_is_refused_again_stays_one),
        DEAD_STORY(test_a_letter_of_a_missing_topic_stays_one),
        DEAD_STORY(test_a_letter_that_came_back_is_sent_again),
        DEAD_STORY(test_a_replay_goes_on_after_a_kill),
        DEAD_STORY(test_a_stop_in_the_middle_of_a_replay_sends_no_letter_twice),
        DEAD_STORY(test_a_letter_that_is_buried_meanwhile_disturbs_no_replay),
        DEAD_STORY(test_a_letter_that_is_dropped_under_way_disturbs_no_replay),
        DEAD_STORY(test_more_letters_than_a_batch_are_sent_again),
        DEAD_STORY(test_a_full_disk_stops_a_replay_of_many_until_it_has_room),
        DEAD_STORY(test_letters_are_dropped_by_command),
        DEAD_STORY(test_what_was_dropped_stays_so_after_a_kill),
        DEAD_STORY(test_a_dropped_letter_is_replayed_no_more),
        DEAD_STORY(test_letters_that_cannot_be_read_now_are_sent_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
