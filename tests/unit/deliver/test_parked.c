/* SPDX-License-Identifier: Apache-2.0 */
/* Parked topics: in, out, and what is left of them over restarts, purges and full disks. */
#include "core_fixture.h"

#include "spool_faults.h"

#include "deliver/ballast.h"

#include <sys/resource.h>

/* ---- a refused topic ---- */

/* news is missing, and a and b are parked. */
static void park_two(void)
{
    set_broker("news", FAKE_MISSING);
    publish("news", "a");
    publish("news", "b");
    live_ms(200);
    assert_true(is_parked("news"));
    assert_int_equal(aep__parked_sum(&core).records, 2);
}

static void test_a_refused_topic_is_parked_while_others_go_on(void **state)
{
    (void)state;
    set_broker("news", FAKE_MISSING);
    aep_position parked = publish("news", "a");
    aep_position sent = publish("sport", "x");
    aep_position last = publish("news", "b");
    live_ms(200);
    assert_arrived("sport", "x");
    assert_arrived("news", "");
    assert_standing(parked, AEP__FATE_PARKED);
    assert_standing(sent, AEP__FATE_ACKED);
    assert_standing(last, AEP__FATE_PARKED);
    assert_int_equal(counted(parked), 2);
    assert_true(core.tail.cursor.offset == last.offset); /* nothing holds it up */
    assert_true(aep__core_arrived_below(&core, last));
    assert_false(aep__core_idle(&core));
}

static void test_parked_records_come_back_in_order(void **state)
{
    (void)state;
    park_two();
    publish("news", "c");
    live_ms(0);
    set_broker("news", FAKE_FINE);
    publish("news", "d");
    live_ms(10000);
    assert_arrived("news", "a b c d");
    assert_int_equal(counted(unparked), 4);
    assert_int_equal(aep__parked_sum(&core).records, 0);
    assert_false(is_parked("news"));
    assert_true(aep__core_idle(&core));
    publish("news", "e");
    live_ms(0);
    assert_arrived("news", "a b c d e");
    assert_int_equal(counted(parked), 4);
}

/* While a sports record is in flight, the cursor is before the news records that were parked and
 * sent. */
static aep_position park_behind_a_record_under_way(void)
{
    publish("sport", "x");
    aep_position parked = publish("news", "a");
    turn(true);
    set_broker("news", FAKE_MISSING);
    answer("news", 1);
    report(1);
    for (int i = 0; i < 100; i++) {
        turn(true);
        pass_us(50000);
        if (i == 5)
            set_broker("news", FAKE_FINE);
        answer("news", 1);
        for (size_t at = 0; at < sink->count; at++)
            if (sink->taken[at].decided)
                fake_report_at(sink, at);
    }
    assert_arrived("news", "a");
    assert_int_equal(counted(unparked), 1);
    return parked;
}

static void test_the_log_stays_until_the_cursor_has_passed_its_records(void **state)
{
    (void)state;
    park_behind_a_record_under_way();
    assert_true(is_parked("news"));
    assert_int_equal(aep__parked_sum(&core).records, 0);
    answer("sport", 1);
    report(1);
    turn(false);
    turn(false);
    assert_false(is_parked("news"));
}

static void test_what_was_parked_and_sent_is_not_sent_again_after_a_kill(void **state)
{
    (void)state;
    aep_position parked = park_behind_a_record_under_way();
    kill_core();
    start_core();
    turn(true);
    assert_int_equal(sink->count, 1); /* the sports record */
    assert_standing(parked, AEP__FATE_ACKED);
    live_ms(200);
    assert_arrived("news", "a");
    assert_arrived("sport", "x");
    assert_false(is_parked("news"));
}

/* A topic that is drained and refused again goes through the same log. */
static void test_a_drained_topic_may_be_refused_again(void **state)
{
    (void)state;
    park_behind_a_record_under_way();
    publish("news", "b");
    turn(true);
    set_broker("news", FAKE_MISSING);
    answer("news", 1);
    while (sink->count > 1)
        fake_report_at(sink, sink->count - 1);
    for (int i = 0; i < 5; i++) {
        turn(true);
        pass_us(50000);
    }
    assert_int_equal(aep__parked_sum(&core).records, 1);
    set_broker("news", FAKE_FINE);
    live_ms(5000);
    assert_arrived("news", "a b");
    assert_false(is_parked("news"));
}

/* ---- more topics than descriptors ---- */

#define MANY FAKE_TOPICS

static const char *topic_of(int number)
{
    static char name[16];
    snprintf(name, sizeof name, "topic-%d", number);
    return name;
}

static void publish_to_many(const char *text)
{
    for (int i = 0; i < MANY; i++)
        publish(topic_of(i), text);
}

static void set_many(enum fake_state state)
{
    for (int i = 0; i < MANY; i++)
        set_broker(topic_of(i), state);
}

/* From here on there are fewer than MANY descriptors. */
static void ration_descriptors(struct rlimit *before)
{
    int next = dup(STDIN_FILENO);
    assert_true(next > 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
    struct rlimit few = {.rlim_cur = (rlim_t)next + 80, .rlim_max = before->rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
}

static void test_more_topics_may_be_parked_than_there_are_descriptors(void **state)
{
    struct rlimit before;
    (void)state;
    set_many(FAKE_MISSING);
    ration_descriptors(&before);
    publish_to_many("a");
    live_ms(1000);
    assert_int_equal(aep__parked_sum(&core).records, MANY);
    publish_to_many("b");
    live_ms(1000);
    kill_core();
    start_core();
    assert_int_equal(aep__parked_sum(&core).records, 2 * MANY);
    set_many(FAKE_FINE);
    live_ms(20000);
    for (int i = 0; i < MANY; i++)
        assert_arrived(topic_of(i), "a b");
    assert_int_equal(counted(lost), 0);
    assert_true(aep__core_idle(&core));
    setrlimit(RLIMIT_NOFILE, &before);
}

/* ---- restarts ---- */

static void test_parked_records_outlive_a_kill(void **state)
{
    (void)state;
    park_two();
    kill_core();
    start_core();
    assert_logged("topic news: 2 parked records");
    assert_gate("news", NARROW);
    publish("news", "c");
    turn(true);
    assert_int_equal(sink->count, 1); /* the first, alone */
    set_broker("news", FAKE_FINE);
    live_ms(200);
    assert_arrived("news", "a b c");
    assert_string_equal(arrived[0].sequences, "0 1 2");
}

static void test_parked_records_outlive_a_stop(void **state)
{
    (void)state;
    park_two();
    stop_core(true);
    start_core();
    set_broker("news", FAKE_FINE);
    live_ms(200);
    assert_arrived("news", "a b");
    assert_int_equal(counted(unparked), 2);
}

static void test_a_foreign_file_under_such_a_name_is_left_alone(void **state)
{
    (void)state;
    kill_core();
    add_to_file(&here, "parked-nonsense", "nonsense", 8);
    start_core();
    publish("news", "a");
    live_ms(200);
    assert_arrived("news", "a");
    assert_true(exists(&here, "parked-nonsense"));
    assert_logged("parked-nonsense is not a log of parked records: leaving it alone");
}

/* ---- the sink ---- */

static void test_parked_records_go_on_through_another_sink(void **state)
{
    (void)state;
    park_two();
    publish("news", "c");
    set_broker("news", FAKE_FINE);
    live_ms(200);
    pass_us(10000000);
    turn(false);
    assert_int_equal(sink->count, 1); /* under way, from the log */
    sink->broken = true;
    aep__core_detach(&core);
    assert_int_equal(sink->handles, 0);
    free_sink();
    make_sink();
    live_ms(200);
    assert_arrived("news", "a b c");
}

static void test_a_bad_record_among_parked_ones_is_buried(void **state)
{
    (void)state;
    set_broker("news", FAKE_MISSING);
    publish("news", "a");
    publish("news", "p1");
    publish("news", "b");
    live_ms(200);
    set_broker("news", FAKE_FINE);
    live_ms(10000);
    assert_arrived("news", "a b");
    assert_int_equal(counted(parked), 3);
    assert_int_equal(counted(unparked), 2);
    assert_int_equal(counted(dead), 1);
    assert_false(is_parked("news"));
}

/* The relay is killed once the letter is on the disk, before the log begins behind it. */
static void test_a_parked_record_that_is_a_dead_letter_is_not_sent_after_a_kill(void **state)
{
    (void)state;
    set_broker("news", FAKE_MISSING);
    publish("news", "a");
    publish("news", "p1");
    publish("news", "b");
    live_ms(200);
    set_broker("news", FAKE_FINE);
    for (int i = 0; i < 1000 && counted(dead) == 0; i++) {
        turn(true);
        pass_us(50000);
        answer_all();
    }
    assert_int_equal(counted(dead), 1);
    kill_core();
    start_core();
    assert_logged("topic news: 2 parked records");
    broker.lenient = true; /* it would take it now */
    live_ms(10000);
    assert_arrived("news", "a b");
    assert_int_equal(counted(dead), 1);
    assert_false(is_parked("news"));
}

/* ---- purge ---- */

static void test_a_purge_drops_what_is_parked(void **state)
{
    (void)state;
    set_broker("news", FAKE_MISSING);
    aep_position a = publish("news", "a");
    aep_position b = publish("news", "b");
    live_ms(200);
    assert_int_equal(aep__delivery_purge(&core), 2);
    assert_standing(a, AEP__FATE_PURGED);
    assert_standing(b, AEP__FATE_PURGED);
    assert_int_equal(counted(purged), 2);
    live_ms(200);
    assert_false(is_parked("news"));
    set_broker("news", FAKE_FINE);
    publish("news", "c");
    live_ms(10000);
    assert_arrived("news", "c");
}

static void test_a_purge_drops_what_was_called_back_from_the_log(void **state)
{
    (void)state;
    park_two();
    set_broker("news", FAKE_FINE);
    pass_us(10000000);
    turn(false);
    assert_int_equal(sink->count, 1); /* a, in the parked topic's lane */
    assert_int_equal(aep__delivery_purge(&core), 2);
    live_ms(5000);
    assert_arrived("news", "");
    assert_false(is_parked("news"));
    assert_int_equal(topic_named("news")->sent, 0);
}

/* The cursor stands before it, since an older record of another topic has no answer yet. */
static void test_a_purge_after_a_kill_leaves_alone_what_was_parked_and_sent(void **state)
{
    (void)state;
    set_broker("slow", FAKE_BUSY);
    publish("slow", "x");
    set_broker("news", FAKE_MISSING);
    aep_position a = publish("news", "a");
    live_ms(200);
    set_broker("news", FAKE_FINE);
    live_ms(5000);
    assert_arrived("news", "a");
    kill_core();
    start_core();
    aep__delivery_purge(&core);
    live_ms(200);
    assert_standing(a, AEP__FATE_ACKED);
    assert_int_equal(counted(purged), 1);
}

/* ---- the disk ---- */

static const char *full_file; /* for this one there is no room */

static bool no_space_for_it(const struct fault_args *args, ssize_t *ret)
{
    char link[64], path[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", args->fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    return strstr(path, full_file) ? fails_with(ENOSPC, ret) : false;
}

static void fill_disk(const char *file)
{
    full_file = file;
    fault_hooks[CALL_PWRITE] = fault_hooks[CALL_FALLOCATE] = no_space_for_it;
}

static void test_a_full_disk_holds_up_the_parked_topic_and_loses_nothing(void **state)
{
    (void)state;
    fill_disk("parked-");
    set_broker("news", FAKE_MISSING);
    aep_position a = publish("news", "a");
    publish("news", "b");
    aep_position x = publish("sport", "x");
    live_ms(5000);
    assert_logged("cannot park a record of topic news: No space left on device");
    assert_open(a);
    assert_standing(x, AEP__FATE_ACKED);
    assert_int_equal(counted(parked), 0);
    no_faults();
    live_ms(2000);
    assert_standing(a, AEP__FATE_PARKED);
    set_broker("news", FAKE_FINE);
    live_ms(20000);
    assert_arrived("news", "a b");
}

static bool no_space_beside_the_ballast(const struct fault_args *args, ssize_t *ret)
{
    return exists(&here, "ballast") && no_space_for_it(args, ret);
}

static void test_a_full_disk_takes_the_ballasts_place(void **state)
{
    (void)state;
    aep__ballast_keep(&here.spool);
    assert_true(exists(&here, "ballast"));
    full_file = "parked-";
    fault_hooks[CALL_PWRITE] = no_space_beside_the_ballast;
    park_two();
    assert_false(exists(&here, "ballast"));
    no_faults();
}

/* What was parked counts only once it is on the disk. */
static void test_records_are_parked_once_the_log_is_synced(void **state)
{
    (void)state;
    fault_hooks[CALL_FDATASYNC] = fault_hooks[CALL_FSYNC] = io_error;
    set_broker("news", FAKE_MISSING);
    aep_position a = publish("news", "a");
    live_ms(1000);
    assert_open(a);
    assert_logged("cannot sync the side logs: ");
    no_faults();
    live_ms(1000);
    assert_standing(a, AEP__FATE_PARKED);
}

static bool unreadable(const struct fault_args *args, ssize_t *ret)
{
    const struct aep__parked *parked = topic_named("news")->parked;
    return parked && args->fd == parked->log.fd ? fails_with(EIO, ret) : false;
}

static void test_a_log_that_cannot_be_read_now_is_read_later(void **state)
{
    (void)state;
    park_two();
    set_broker("news", FAKE_FINE);
    publish("sport", "x");
    fault_hooks[CALL_PREAD] = unreadable;
    live_ms(5000);
    assert_logged("cannot read the parked records of topic news: ");
    assert_arrived("sport", "x");
    assert_int_equal(aep__parked_sum(&core).records, 2);
    no_faults();
    live_ms(20000);
    assert_arrived("news", "a b");
    assert_int_equal(counted(lost), 0);
    assert_false(is_parked("news"));
}

static void test_parked_records_in_a_damaged_log_are_counted_as_lost(void **state)
{
    struct aep__sidelog_entry first;
    struct aep__buf buf = {0};
    (void)state;
    park_two();
    publish("news", "c");
    live_ms(200);
    struct aep__sidelog *log = &topic_named("news")->parked->log;
    assert_int_equal(aep__sidelog_read(log, log->begin, &buf, &first), 1);
    aep__buf_done(&buf);
    assert_int_equal(pwrite(log->fd, "damage", 6, (off_t)first.next), 6);
    set_broker("news", FAKE_FINE);
    live_ms(20000);
    assert_arrived("news", "a c");
    assert_int_equal(counted(lost), 1);
    assert_logged("topic news: 1 parked records can no longer be read: they are lost");
    assert_false(is_parked("news"));
    assert_true(aep__core_idle(&core));
}

/* Its positions come again: the later ones of the log are not the greater ones. */
static void test_what_is_parked_from_a_segment_in_a_removed_ones_place_is_found(void **state)
{
    (void)state;
    set_broker("news", FAKE_MISSING);
    set_broker("sport", FAKE_BUSY); /* holds the cursor in the first segment */
    publish_long("sport", "x", L);
    aep_position removed = publish_long("news", "a", 300);
    live_ms(1000);
    assert_true(is_parked("news"));
    remove_segment(&here, removed.segment);
    aep__append_done(&appender);
    aep_position again = publish("news", "b");
    live_ms(1000);
    assert_true(again.segment == removed.segment && again.offset < removed.offset);
    set_broker("sport", FAKE_FINE);
    live_ms(5000);
    assert_standing(again, AEP__FATE_PARKED);
}

/* Whole, but no event that anybody could send. */
static void test_a_malformed_parked_record_is_counted_and_logged(void **state)
{
    struct aep__buf raw = {0};
    struct aep__note note = {.ordinal = 2, .segment = 1, .offset = 60, .end = 61};
    (void)state;
    park_two();
    assert_true(aep__record_encode(&raw, AEP__RECORD_EVENT, aep__slice_text("?"),
                                   aep__slice_text("no event")));
    struct aep__sidelog *log = &topic_named("news")->parked->log;
    assert_int_equal(aep__sidelog_append(log, &note, (struct aep__slice){raw.data, raw.len}), 0);
    aep__buf_done(&raw);
    set_broker("news", FAKE_FINE);
    live_ms(20000);
    assert_arrived("news", "a b");
    assert_int_equal(counted(lost), 1);
    assert_logged("topic news: parked record 2 can no longer be read: it is lost");
    assert_standing((aep_position){1, 61}, AEP__FATE_LOST);
}

static void test_a_parked_record_that_is_damaged_before_it_is_resent_is_logged(void **state)
{
    (void)state;
    park_two();
    set_broker("news", FAKE_FINE);
    pass_us(2000000);
    turn(false);
    assert_int_equal(sink->count, 1); /* a */
    set_broker("news", FAKE_BUSY);
    answer_all();
    struct aep__sidelog *log = &topic_named("news")->parked->log;
    assert_int_equal(pwrite(log->fd, "damage", 6, (off_t)log->begin), 6);
    set_broker("news", FAKE_FINE);
    live_ms(20000);
    assert_arrived("news", "b");
    assert_int_equal(counted(lost), 1);
    assert_logged("topic news: parked record 0 can no longer be read: it is lost");
}

static bool io_error_for_it(const struct fault_args *args, ssize_t *ret)
{
    return no_space_for_it(args, ret) ? fails_with(EIO, ret) : false;
}

/* A core that began without it would send what comes now before what is parked. */
static void test_no_core_begins_while_a_log_cannot_be_read(void **state)
{
    aep_error err = {0};
    (void)state;
    park_two();
    kill_core();
    full_file = "parked-";
    fault_hooks[CALL_PREAD] = io_error_for_it;
    aep__core_init(&core, &(struct aep__core_inputs){.spool = &here.spool,
                                                     .counters = &counters,
                                                     .pace = &pace,
                                                     .log = sink_events.log,
                                                     .dead_max_bytes = dead_max_bytes});
    make_sink();
    int result = aep__core_start(&core, &err);
    no_faults();
    kill_core();
    start_core();
    assert_int_equal(result, AEP_ESPOOL);
    assert_non_null(strstr(err.text, "cannot read parked-"));
    set_broker("news", FAKE_FINE);
    publish("news", "c");
    live_ms(20000);
    assert_arrived("news", "a b c");
}

static int end_of_faults(void **state)
{
    no_faults();
    return end_story(state);
}

#define FAULTY_STORY(function) cmocka_unit_test_setup_teardown(function, begin_story, end_of_faults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_a_refused_topic_is_parked_while_others_go_on),
        STORY(test_parked_records_come_back_in_order),
        STORY(test_the_log_stays_until_the_cursor_has_passed_its_records),
        STORY(test_what_was_parked_and_sent_is_not_sent_again_after_a_kill),
        STORY(test_a_drained_topic_may_be_refused_again),
        STORY(test_more_topics_may_be_parked_than_there_are_descriptors),
        STORY(test_parked_records_outlive_a_kill),
        STORY(test_parked_records_outlive_a_stop),
        STORY(test_a_foreign_file_under_such_a_name_is_left_alone),
        STORY(test_parked_records_go_on_through_another_sink),
        STORY(test_a_bad_record_among_parked_ones_is_buried),
        STORY(test_a_parked_record_that_is_a_dead_letter_is_not_sent_after_a_kill),
        STORY(test_a_purge_drops_what_is_parked),
        STORY(test_a_purge_drops_what_was_called_back_from_the_log),
        STORY(test_a_purge_after_a_kill_leaves_alone_what_was_parked_and_sent),
        FAULTY_STORY(test_a_full_disk_holds_up_the_parked_topic_and_loses_nothing),
        FAULTY_STORY(test_a_full_disk_takes_the_ballasts_place),
        FAULTY_STORY(test_records_are_parked_once_the_log_is_synced),
        FAULTY_STORY(test_no_core_begins_while_a_log_cannot_be_read),
        FAULTY_STORY(test_a_log_that_cannot_be_read_now_is_read_later),
        STORY(test_what_is_parked_from_a_segment_in_a_removed_ones_place_is_found),
        STORY(test_parked_records_in_a_damaged_log_are_counted_as_lost),
        STORY(test_a_malformed_parked_record_is_counted_and_logged),
        STORY(test_a_parked_record_that_is_damaged_before_it_is_resent_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
