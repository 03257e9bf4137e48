/* SPDX-License-Identifier: Apache-2.0 */
/* A refused call starts a relay to make room, as an accepted one does. Every test has a spool whose
 * publisher is gone, and no relay. */
#include "client_fixture.h"

#include "spool/segment.h"
#include "spool/sidelog.h"
#include "spool_faults.h"

static int publish(struct here *here)
{
    return aep_publish_progress(here->pub, AEP_PROGRESS(.agent_name = "a", .correlation_id = "c"),
                                NULL, &here->err);
}

static void close_publisher(struct here *here)
{
    aep_publisher_close(here->pub);
    here->pub = NULL;
}

/* From here on publishers start a relay; its program is missing, which shows only in the log. */
static void open_with_relay(struct here *here)
{
    set_option(here, "relay.mode", "auto");
    set_option(here, "relay.path", "/nonexistent/aep-relay");
    open_publisher(here);
}

/* Whether a process has tried to start a relay since the last call. */
static bool tried(const struct here *here)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/relay.lock", here->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){{0, 0}, {0, 0}}, 0), 0);
    return st.st_mtim.tv_sec != 0;
}

static void fill(struct here *here, const char *mode)
{
    int result;
    set_option(here, "mode", mode);
    set_option(here, "spool.segment_bytes", "64KiB");
    set_option(here, "spool.max_bytes", "256KiB");
    open_publisher(here);
    while ((result = publish(here)) == AEP_OK)
        ;
    assert_int_equal(result, AEP_EFULL);
    close_publisher(here);
    assert_false(tried(here));
}

static void test_a_full_spool_looks_for_a_relay(void **state)
{
    struct here *here = *state;
    fill(here, "kafka");
    open_with_relay(here);
    assert_int_equal(publish(here), AEP_EFULL);
    assert_true(tried(here));
    assert_non_null(strstr(here->logged, "/nonexistent/aep-relay"));
}

static void test_a_full_local_spool_looks_for_a_relay(void **state)
{
    struct here *here = *state;
    fill(here, "local");
    open_with_relay(here);
    assert_int_equal(publish(here), AEP_EFULL);
    assert_true(tried(here));
}

static int publish_on_a_full_disk(struct here *here)
{
    fault_hooks[CALL_WRITE] = fault_hooks[CALL_LINK] = no_space;
    int result = publish(here);
    no_faults();
    return result;
}

static void test_a_full_disk_looks_for_a_relay(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    accepted(here, publish(here));
    close_publisher(here);
    open_with_relay(here);
    assert_int_equal(publish_on_a_full_disk(here), AEP_EFULL);
    assert_true(tried(here));
}

static void remove_segments(struct here *here)
{
    char path[128];
    for (int number = 1; number <= 16; number++) {
        snprintf(path, sizeof path, "%s/%016x.seg", here->dir, number);
        unlink(path);
    }
}

static void test_a_disk_without_room_for_a_segment_looks_for_a_relay(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    accepted(here, publish(here));
    close_publisher(here);
    remove_segments(here);
    open_with_relay(here);
    assert_int_equal(publish_on_a_full_disk(here), AEP_EFULL);
    assert_true(tried(here));
}

/* Fills it, so that the next record begins another. */
static void seal_newest_segment(struct here *here)
{
    struct aep__spool spool;
    accepted(here, aep__spool_open(&spool, here->dir, NULL, &here->err));
    int fd = aep__segment_open(&spool, aep__segment_last(&spool, 1), true, NULL);
    assert_int_equal(aep__segment_seal_early(&spool, fd, 0), 0);
    close(fd);
    aep__spool_done(&spool);
}

/* Local mode checks how full the spool is, and must manage without a segment that takes records. */
static void test_a_local_disk_without_room_for_a_segment_looks_for_a_relay(void **state)
{
    struct here *here = *state;
    fill(here, "local");
    seal_newest_segment(here);
    set_option(here, "spool.max_bytes", "320KiB"); /* more than 75 % of that are used */
    open_with_relay(here);
    assert_int_equal(publish_on_a_full_disk(here), AEP_EFULL);
    assert_non_null(strstr(here->err.text, "start a segment"));
    assert_true(tried(here));
}

static void test_a_failing_disk_looks_for_a_relay(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    accepted(here, publish(here));
    close_publisher(here);
    open_with_relay(here);
    fault_hooks[CALL_WRITE] = io_error;
    int result = publish(here);
    no_faults();
    assert_int_equal(result, AEP_EIO);
    assert_true(tried(here));
}

static void test_an_invalid_event_looks_for_a_relay(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    accepted(here, publish(here));
    close_publisher(here);
    open_with_relay(here);
    assert_int_equal(
        aep_publish_progress(here->pub, AEP_PROGRESS(.correlation_id = "c"), NULL, &here->err),
        AEP_EINVAL);
    assert_true(tried(here));
}

static void test_an_execution_that_is_refused_looks_for_a_relay(void **state)
{
    struct here *here = *state;
    aep_execution *run = NULL;
    fill(here, "kafka");
    open_publisher(here);
    while (publish_started(here, NULL) == AEP_OK)
        ;
    close_publisher(here);
    open_with_relay(here);
    assert_int_equal(aep_execution_start(here->pub,
                                         AEP_STARTED(.agent_name = "a", .user_request = "r"), &run,
                                         &here->err),
                     AEP_EFULL);
    assert_null(run);
    assert_true(tried(here));
}

/* Its relay may have ended since: closing looks again. */
static void test_closing_after_nothing_but_refusals_looks_for_a_relay(void **state)
{
    struct here *here = *state;
    fill(here, "kafka");
    open_with_relay(here);
    assert_int_equal(publish(here), AEP_EFULL);
    assert_true(tried(here));
    close_publisher(here);
    assert_true(tried(here));
}

static void test_a_publisher_that_did_nothing_starts_none(void **state)
{
    struct here *here = *state;
    fill(here, "kafka");
    open_with_relay(here);
    close_publisher(here);
    assert_false(tried(here));
}

/* ---- parked events may still arrive, which needs a relay ---- */

struct parked {
    struct aep__note note;
    char raw[4096];
    size_t len;
};

static void keep_record(void *user, const struct aep__message *message,
                        const struct aep__entry *entry)
{
    struct parked *parked = user;
    (void)message;
    assert_true(entry->record.size <= sizeof parked->raw);
    parked->note =
        (struct aep__note){.segment = entry->segment, .offset = entry->offset, .end = entry->end};
    parked->len = entry->record.size;
    memcpy(parked->raw, entry->record.meta.data - AEP__RECORD_HEAD, parked->len);
}

/* Acts as a relay that parks the last record, then is killed. */
static void park_last(struct here *here)
{
    struct aep__spool spool;
    struct aep__sidelog log;
    struct aep__cursor cursor;
    struct parked parked;
    assert_true(read_spool(here->dir, keep_record, &parked) > 0);
    accepted(here, aep__spool_open(&spool, here->dir, NULL, &here->err));
    assert_int_equal(aep__sidelog_open(&log, &spool, "parked-topic", true), 0);
    assert_int_equal(
        aep__sidelog_append(&log, &parked.note, (struct aep__slice){parked.raw, parked.len}), 0);
    assert_int_equal(aep__sidelog_sync(&log, true), 0);
    aep__sidelog_done(&log);
    accepted(here, aep__cursor_load(&spool, &cursor, &here->err));
    cursor.segment = parked.note.segment;
    cursor.offset = parked.note.end;
    int fd = aep__cursor_open(&spool);
    assert_int_equal(aep__cursor_store(&spool, fd, &cursor, true), 0);
    close(fd);
    aep__spool_done(&spool);
}

static aep_receipt park_one(struct here *here)
{
    aep_receipt receipt = AEP_RECEIPT_INIT;
    open_publisher(here);
    accepted(here,
             aep_publish_progress(here->pub, AEP_PROGRESS(.agent_name = "a", .correlation_id = "c"),
                                  &receipt, &here->err));
    park_last(here);
    close_publisher(here);
    open_with_relay(here);
    return receipt;
}

static void test_a_flush_that_finds_parked_events_looks_for_a_relay(void **state)
{
    struct here *here = *state;
    park_one(here);
    assert_int_equal(aep_publisher_flush(here->pub, 1000, &here->err), AEP_EPARKED);
    assert_true(tried(here));
}

static void test_a_wait_for_a_parked_event_looks_for_a_relay(void **state)
{
    struct here *here = *state;
    aep_receipt receipt = park_one(here);
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 0, &here->err), AEP_EPARKED);
    assert_true(tried(here));
}

static void test_a_waiter_for_a_parked_event_looks_for_a_relay(void **state)
{
    struct here *here = *state;
    aep_waiter *waiter = NULL;
    aep_outcome outcome;
    aep_receipt receipt = park_one(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    accepted(here, aep_waiter_add(waiter, &receipt, 7, &here->err));
    accepted(here, aep_waiter_next(waiter, &outcome, &here->err));
    assert_int_equal(outcome.code, AEP_EPARKED);
    assert_true(tried(here));
    aep_waiter_free(waiter);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_full_spool_looks_for_a_relay),
        TEST(test_a_full_local_spool_looks_for_a_relay),
        TEST(test_a_full_disk_looks_for_a_relay),
        TEST(test_a_disk_without_room_for_a_segment_looks_for_a_relay),
        TEST(test_a_local_disk_without_room_for_a_segment_looks_for_a_relay),
        TEST(test_a_failing_disk_looks_for_a_relay),
        TEST(test_an_invalid_event_looks_for_a_relay),
        TEST(test_an_execution_that_is_refused_looks_for_a_relay),
        TEST(test_closing_after_nothing_but_refusals_looks_for_a_relay),
        TEST(test_a_publisher_that_did_nothing_starts_none),
        TEST(test_a_flush_that_finds_parked_events_looks_for_a_relay),
        TEST(test_a_wait_for_a_parked_event_looks_for_a_relay),
        TEST(test_a_waiter_for_a_parked_event_looks_for_a_relay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
