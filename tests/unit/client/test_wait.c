/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a record's fate: with a relay, without one, with one that comes and goes. */
#include "client_fixture.h"

#include "spool/sidelog.h"
#include "spool/status.h"

static aep_receipt publish(struct here *here)
{
    aep_receipt receipt = AEP_RECEIPT_INIT;
    accepted(here,
             aep_publish_started(here->pub, AEP_STARTED(.agent_name = "a", .user_request = "r"),
                                 &receipt, &here->err));
    return receipt;
}

/* As a relay does that has finished everything up to there. */
static void move_cursor(struct here *here, aep_position position)
{
    struct aep__spool spool;
    struct aep__cursor cursor;
    accepted(here, aep__spool_open(&spool, here->dir, NULL, &here->err));
    accepted(here, aep__cursor_load(&spool, &cursor, &here->err));
    cursor.segment = position.segment;
    cursor.offset = position.offset;
    int fd = aep__cursor_open(&spool);
    assert_int_equal(aep__cursor_store(&spool, fd, &cursor, true), 0);
    close(fd);
    aep__spool_done(&spool);
}

/* ---- with a relay ---- */

static void test_a_wait_is_told_the_records_own_fate(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    open_publisher(here);
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, "acked");
    accepted(here, aep_publisher_wait(here->pub, &receipt, 5000, &here->err));
    atomic_store(&fake.answer, "parked");
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 5000, &here->err), AEP_EPARKED);
    assert_int_equal(here->err.code, AEP_EPARKED);
    atomic_store(&fake.answer, "dead");
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 5000, &here->err), AEP_EDEAD);
    assert_int_equal(fake.client_count, 1); /* one connection served all */
    fake_kill(&fake);
}

static void test_a_wait_ends_at_its_time_not_before(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    open_publisher(here);
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, NULL);
    int64_t begun = now_ms();
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 60, &here->err), AEP_EDEFERRED);
    int64_t took = now_ms() - begun;
    assert_in_range(took, 60, 2000);
    /* A late answer to that question is no answer to the next. */
    atomic_store(&fake.answer, "parked");
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 5000, &here->err), AEP_EPARKED);
    fake_kill(&fake);
}

static void test_a_wait_of_no_time_only_asks(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    open_publisher(here);
    aep_receipt receipt = publish(here);
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 0, &here->err), AEP_EDEFERRED);
    assert_non_null(strstr(here->err.text, "no relay is running"));
    fake_start(&fake, here->dir, NULL);
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 0, &here->err), AEP_EDEFERRED);
    atomic_store(&fake.answer, "acked");
    accepted(here, aep_publisher_wait(here->pub, &receipt, 0, &here->err));
    fake_kill(&fake);
}

struct waiting {
    struct here *here;
    aep_receipt receipt;
    int result;
};

static void *wait_for_ever(void *arg)
{
    struct waiting *waiting = arg;
    waiting->result = aep_publisher_wait(waiting->here->pub, &waiting->receipt, -1, NULL);
    return NULL;
}

static void await_question(struct fake_relay *fake, int count)
{
    int64_t deadline = now_ms() + 10000;
    while (atomic_load(&fake->questions) < count && now_ms() < deadline)
        sched_yield();
    assert_true(atomic_load(&fake->questions) >= count);
}

static void test_a_wait_outlives_the_relay_that_it_asked(void **state)
{
    struct here *here = *state;
    struct fake_relay first, second;
    pthread_t thread;
    open_publisher(here);
    struct waiting waiting = {.here = here, .receipt = publish(here), .result = -1};
    fake_start(&first, here->dir, NULL);
    pthread_create(&thread, NULL, wait_for_ever, &waiting);
    await_question(&first, 1);
    fake_kill(&first);
    fake_start(&second, here->dir, "acked");
    pthread_join(thread, NULL);
    assert_int_equal(waiting.result, AEP_OK);
    fake_kill(&second);
}

static void test_a_wait_finds_a_relay_that_begins_later(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    pthread_t thread;
    open_publisher(here);
    struct waiting waiting = {.here = here, .receipt = publish(here), .result = -1};
    pthread_create(&thread, NULL, wait_for_ever, &waiting);
    fake_start(&fake, here->dir, "acked");
    pthread_join(thread, NULL);
    assert_int_equal(waiting.result, AEP_OK);
    fake_kill(&fake);
}

/* Whoever waits for a relay is woken by its name in the folder, which it watches until then. */
static int count_watches(void)
{
    char path[64], target[64];
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(path, target, sizeof target - 1);
        target[len > 0 ? len : 0] = '\0';
        count += strstr(target, "inotify") != NULL;
    }
    return count;
}

static void await_watches(int count)
{
    int64_t deadline = now_ms() + 60000;
    while (count_watches() != count && now_ms() < deadline)
        sched_yield();
    assert_int_equal(count_watches(), count);
}

static void test_a_wait_watches_the_folder_until_a_relay_listens(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    pthread_t thread;
    open_publisher(here);
    struct waiting waiting = {.here = here, .receipt = publish(here), .result = -1};
    int before = count_watches();
    pthread_create(&thread, NULL, wait_for_ever, &waiting);
    await_watches(before + 1);
    fake_start(&fake, here->dir, "acked");
    pthread_join(thread, NULL);
    assert_int_equal(waiting.result, AEP_OK);
    assert_int_equal(count_watches(), before);
    fake_kill(&fake);
}

static void test_a_waiter_watches_the_folder_until_a_relay_listens(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_waiter *waiter = NULL;
    aep_outcome outcome;
    open_publisher(here);
    aep_receipt receipt = publish(here);
    int before = count_watches();
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    accepted(here, aep_waiter_add(waiter, &receipt, 1, &here->err));
    assert_int_equal(count_watches(), before + 1);
    aep_waiter_cancel(waiter, 1);
    assert_int_equal(count_watches(), before);
    accepted(here, aep_waiter_add(waiter, &receipt, 2, &here->err));
    fake_start(&fake, here->dir, "acked");
    struct pollfd fd = {.fd = aep_waiter_fd(waiter), .events = POLLIN};
    int64_t deadline = now_ms() + 60000;
    while (aep_waiter_next(waiter, &outcome, &here->err) != AEP_OK && now_ms() < deadline)
        poll(&fd, 1, 60000);
    assert_int_equal(outcome.token, 2);
    assert_int_equal(outcome.code, AEP_OK);
    assert_int_equal(count_watches(), before);
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

/* ---- without one ---- */

static void test_without_a_relay_the_cursor_tells(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    aep_receipt first = publish(here), second = publish(here);
    move_cursor(here, first.position);
    accepted(here, aep_publisher_wait(here->pub, &first, 1000, &here->err));
    assert_int_equal(aep_publisher_wait(here->pub, &second, 20, &here->err), AEP_EDEFERRED);
    move_cursor(here, (aep_position){2, 0}); /* a retired segment */
    accepted(here, aep_publisher_wait(here->pub, &second, 1000, &here->err));
}

struct standing {
    struct aep__note note; /* the last record's place */
    char raw[4096];
    size_t len;
};

static void keep_standing(void *user, const struct aep__message *message,
                          const struct aep__entry *entry)
{
    struct standing *standing = user;
    struct aep__slice raw = {entry->record.meta.data - AEP__RECORD_HEAD, entry->record.size};
    (void)message;
    assert_true(raw.len <= sizeof standing->raw);
    standing->note =
        (struct aep__note){.segment = entry->segment, .offset = entry->offset, .end = entry->end};
    standing->len = raw.len;
    memcpy(standing->raw, raw.data, raw.len);
}

/* As a relay does that ends with the last record in this log. */
static void set_last_aside(struct here *here, const char *name)
{
    struct aep__spool spool;
    struct aep__sidelog log;
    struct standing standing;
    assert_true(read_spool(here->dir, keep_standing, &standing) > 0);
    accepted(here, aep__spool_open(&spool, here->dir, NULL, &here->err));
    assert_int_equal(aep__sidelog_open(&log, &spool, name, true), 0);
    assert_int_equal(
        aep__sidelog_append(&log, &standing.note, (struct aep__slice){standing.raw, standing.len}),
        0);
    assert_int_equal(aep__sidelog_sync(&log, true), 0);
    aep__sidelog_done(&log);
    aep__spool_done(&spool);
}

/* As a relay does that sends it after all. */
static void empty_log(struct here *here, const char *name)
{
    struct aep__spool spool;
    struct aep__sidelog log;
    accepted(here, aep__spool_open(&spool, here->dir, NULL, &here->err));
    assert_int_equal(aep__sidelog_open(&log, &spool, name, true), 0);
    aep__sidelog_advance(&log, log.end, log.count);
    assert_int_equal(aep__sidelog_sync(&log, true), 0);
    aep__sidelog_done(&log);
    aep__spool_done(&spool);
}

static void test_without_a_relay_the_side_logs_tell(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    aep_receipt sent = publish(here), parked = publish(here);
    set_last_aside(here, "parked-topic");
    aep_receipt dead = publish(here);
    set_last_aside(here, AEP__SIDELOG_DEAD);
    aep_receipt last = publish(here);
    assert_int_equal(aep_publisher_wait(here->pub, &parked, 0, &here->err), AEP_EDEFERRED);
    move_cursor(here, last.position);
    accepted(here, aep_publisher_wait(here->pub, &sent, 1000, &here->err));
    assert_int_equal(aep_publisher_wait(here->pub, &parked, 1000, &here->err), AEP_EPARKED);
    assert_int_equal(here->err.code, AEP_EPARKED);
    assert_int_equal(aep_publisher_wait(here->pub, &dead, 1000, &here->err), AEP_EDEAD);
    accepted(here, aep_publisher_wait(here->pub, &last, 1000, &here->err));
    assert_int_equal(aep_publisher_flush(here->pub, 1000, &here->err), AEP_EPARKED);
    empty_log(here, "parked-topic");
    accepted(here, aep_publisher_wait(here->pub, &parked, 1000, &here->err));
    accepted(here, aep_publisher_flush(here->pub, 1000, &here->err)); /* a dead one blocks no one */
}

static void test_what_is_no_side_log_tells_nothing(void **state)
{
    struct here *here = *state;
    char path[128];
    open_publisher(here);
    aep_receipt receipt = publish(here);
    snprintf(path, sizeof path, "%s/parked-folder", here->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/parked-link", here->dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    move_cursor(here, receipt.position);
    accepted(here, aep_publisher_wait(here->pub, &receipt, 1000, &here->err));
}

static void test_a_flush_of_nothing_is_done(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    accepted(here, aep_publisher_flush(here->pub, -1, &here->err));
    aep_receipt receipt = publish(here);
    assert_int_equal(aep_publisher_flush(here->pub, 20, &here->err), AEP_EDEFERRED);
    move_cursor(here, receipt.position);
    accepted(here, aep_publisher_flush(here->pub, -1, &here->err));
}

static void test_a_torn_tail_holds_up_no_flush(void **state)
{
    struct here *here = *state;
    char path[128];
    open_publisher(here);
    aep_receipt receipt = publish(here);
    snprintf(path, sizeof path, "%s/%016x.seg", here->dir, 1);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "\xff\x53\xfe\xff torn", 9), 9);
    close(fd);
    move_cursor(here, receipt.position);
    accepted(here, aep_publisher_flush(here->pub, 0, &here->err));
}

static void test_a_flush_asks_for_all_that_was_accepted(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    unsigned long long segment = 0, end = 0;
    open_publisher(here);
    publish(here);
    aep_receipt last = publish(here);
    fake_start(&fake, here->dir, "parked");
    assert_int_equal(aep_publisher_flush(here->pub, 5000, &here->err), AEP_EPARKED);
    assert_int_equal(sscanf(fake.question, "flush %*u %llu %llu", &segment, &end), 2);
    assert_int_equal(segment, last.position.segment);
    assert_int_equal(end, last.position.offset);
    fake_kill(&fake);
}

static void test_a_relay_that_is_not_installed_is_an_error_at_once(void **state)
{
    struct here *here = *state;
    set_option(here, "relay.mode", "auto");
    set_option(here, "relay.path", "/nonexistent/aep-relay");
    open_publisher(here);
    aep_receipt receipt = publish(here);
    int64_t begun = now_ms();
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 60000, &here->err), AEP_ERELAY);
    assert_non_null(strstr(here->err.text, "/nonexistent/aep-relay"));
    assert_int_equal(aep_publisher_wait(here->pub, &receipt, 60000, &here->err), AEP_ERELAY);
    assert_true(now_ms() - begun < 30000);
    assert_int_equal(atomic_load(&here->log_count), 1); /* said once */
}

/* ---- closing on a file system that dies with the machine or container ---- */

static void write_broker_state(struct here *here, int64_t broker)
{
    struct aep__spool spool;
    struct aep__status status = {.broker = broker};
    accepted(here, aep__spool_open(&spool, here->dir, NULL, &here->err));
    int fd = aep__status_open(&spool);
    assert_int_equal(aep__status_write(fd, &status), 0);
    close(fd);
    aep__spool_done(&spool);
}

/* Opens in memory, publishes with a relay that is alive, and closes. Returns how long that took. */
static int64_t time_close(struct here *here, const char *wait_ms, const char *answer,
                          int64_t broker)
{
    struct fake_relay fake;
    char root[] = "/dev/shm/aep-test.XXXXXX";
    if (!mkdtemp(root))
        skip();
    snprintf(here->dir, sizeof here->dir, "%s/spool", root);
    set_option(here, "spool.dir", here->dir);
    set_option(here, "close.wait_ms", wait_ms);
    open_publisher(here);
    fake_start(&fake, here->dir, answer);
    write_broker_state(here, broker);
    publish(here);
    int64_t begun = now_ms();
    aep_publisher_close(here->pub);
    here->pub = NULL;
    int64_t took = now_ms() - begun;
    bool is_volatile = fake.spool.fs == AEP__FS_VOLATILE;
    fake_kill(&fake);
    remove_tree(root);
    if (!is_volatile)
        skip();
    return took;
}

static void test_closing_in_memory_waits_for_the_broker_a_little(void **state)
{
    assert_in_range(time_close(*state, "200", NULL, AEP_BROKER_CONNECTED), 200, 20000);
}

static void test_closing_in_memory_ends_with_the_acknowledgement(void **state)
{
    assert_in_range(time_close(*state, "30000", "acked", AEP_BROKER_CONNECTED), 0, 20000);
}

static void test_closing_in_memory_does_not_wait_for_a_broker_that_is_down(void **state)
{
    assert_in_range(time_close(*state, "30000", NULL, AEP_BROKER_UNREACHABLE), 0, 20000);
}

static void test_closing_on_disk_does_not_wait(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    set_option(here, "close.wait_ms", "60000");
    open_publisher(here);
    publish(here);
    fake_start(&fake, here->dir, NULL);
    if (fake.spool.fs == AEP__FS_LOCAL)
        aep_publisher_close(here->pub);
    here->pub = NULL;
    assert_int_equal(atomic_load(&fake.questions), 0);
    fake_kill(&fake);
}

/* ---- a waiter ---- */

static int next_within(aep_waiter *waiter, int timeout_ms, aep_outcome *outcome)
{
    int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        aep_error err;
        int result = aep_waiter_next(waiter, outcome, &err);
        if (result != AEP_EDEFERRED || now_ms() >= deadline)
            return result;
        struct pollfd poll_fd = {.fd = aep_waiter_fd(waiter), .events = POLLIN};
        poll(&poll_fd, 1, (int)(deadline - now_ms()));
    }
}

/* The next that is known, within a generous time. */
static void expect_outcome(struct here *here, aep_waiter *waiter, uint64_t token, int code)
{
    aep_outcome outcome;
    accepted(here, next_within(waiter, 10000, &outcome));
    assert_int_equal(outcome.token, token);
    assert_int_equal(outcome.code, code);
}

static bool is_readable(const aep_waiter *waiter, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = aep_waiter_fd(waiter), .events = POLLIN};
    return poll(&poll_fd, 1, timeout_ms) == 1;
}

static void test_a_waiter_tells_each_fate_under_its_token(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_waiter *waiter;
    aep_outcome outcome;
    bool told[100] = {false};
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, "dead");
    for (uint64_t i = 0; i < 100; i++)
        accepted(here, aep_waiter_add(waiter, &receipt, i, &here->err));
    for (int i = 0; i < 100; i++) {
        accepted(here, next_within(waiter, 10000, &outcome));
        assert_int_equal(outcome.code, AEP_EDEAD);
        assert_in_range(outcome.token, 0, 99);
        assert_false(told[outcome.token]);
        told[outcome.token] = true;
    }
    assert_int_equal(aep_waiter_next(waiter, &outcome, &here->err), AEP_EDEFERRED);
    assert_false(is_readable(waiter, 0));
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

/* An answer like any other: nobody asks again, on another connection, until the deadline. */
static void test_a_wait_ends_where_the_event_is_gone(void **state)
{
    struct here *here = *state;
    static const char *const answers[] = {"error purged", "error lost",
                                          "error no record ends there"};
    struct fake_relay fake;
    aep_waiter *waiter;
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, NULL);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        atomic_store(&fake.answer, answers[i]);
        assert_int_equal(aep_publisher_wait(here->pub, &receipt, 30000, &here->err), AEP_ESPOOL);
        assert_non_null(strstr(here->err.text, "Kafka does not have it"));
        accepted(here, aep_waiter_add(waiter, &receipt, i, &here->err));
        expect_outcome(here, waiter, i, AEP_ESPOOL);
    }
    assert_int_equal(atomic_load(&fake.questions), 2 * sizeof answers / sizeof answers[0]);
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

static void test_a_waiters_descriptor_is_readable_while_there_is_something(void **state)
{
    struct here *here = *state;
    aep_waiter *waiter;
    aep_outcome outcome;
    set_option(here, "mode", "local");
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    aep_receipt receipt = publish(here);
    assert_false(is_readable(waiter, 0));
    accepted(here, aep_waiter_add(waiter, &receipt, 1, &here->err));
    accepted(here, aep_waiter_add(waiter, NULL, 2, &here->err));
    assert_true(is_readable(waiter, 1000));
    accepted(here, aep_waiter_next(waiter, &outcome, &here->err));
    assert_int_equal(outcome.token, 1);
    assert_true(is_readable(waiter, 1000));
    accepted(here, aep_waiter_next(waiter, &outcome, &here->err));
    assert_int_equal(outcome.token, 2);
    assert_false(is_readable(waiter, 0));
    aep_waiter_free(waiter);
}

static void test_a_waiter_follows_the_relay_with_one_descriptor(void **state)
{
    struct here *here = *state;
    struct fake_relay first, second;
    aep_waiter *waiter;
    aep_outcome outcome;
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    int fd = aep_waiter_fd(waiter);
    aep_receipt receipt = publish(here);
    accepted(here, aep_waiter_add(waiter, &receipt, 7, &here->err));
    fake_start(&first, here->dir, NULL);
    assert_int_equal(next_within(waiter, 1000, &outcome), AEP_EDEFERRED);
    await_question(&first, 1);
    fake_kill(&first);
    fake_start(&second, here->dir, "acked");
    expect_outcome(here, waiter, 7, AEP_OK);
    assert_int_equal(aep_waiter_fd(waiter), fd);
    aep_waiter_free(waiter);
    fake_kill(&second);
}

static void test_a_waiter_without_a_relay_reads_the_cursor(void **state)
{
    struct here *here = *state;
    aep_waiter *waiter;
    aep_outcome outcome;
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    aep_receipt receipt = publish(here);
    accepted(here, aep_waiter_add(waiter, NULL, 1, &here->err));
    move_cursor(here, receipt.position);
    accepted(here, next_within(waiter, 10000, &outcome));
    assert_int_equal(outcome.token, 1);
    aep_waiter_free(waiter);
}

static void test_a_waiter_without_a_relay_reads_the_side_logs(void **state)
{
    struct here *here = *state;
    aep_waiter *waiter;
    aep_outcome outcome;
    int codes[4] = {AEP_EDEFERRED, AEP_EDEFERRED, AEP_EDEFERRED, AEP_EDEFERRED};
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    aep_receipt sent = publish(here), parked = publish(here);
    set_last_aside(here, "parked-topic");
    aep_receipt dead = publish(here);
    set_last_aside(here, AEP__SIDELOG_DEAD);
    accepted(here, aep_waiter_add(waiter, &sent, 0, &here->err));
    accepted(here, aep_waiter_add(waiter, &parked, 1, &here->err));
    accepted(here, aep_waiter_add(waiter, &dead, 2, &here->err));
    accepted(here, aep_waiter_add(waiter, NULL, 3, &here->err));
    move_cursor(here, dead.position);
    for (int i = 0; i < 4; i++) {
        accepted(here, next_within(waiter, 10000, &outcome));
        assert_in_range(outcome.token, 0, 3);
        codes[outcome.token] = outcome.code;
    }
    assert_int_equal(codes[0], AEP_OK);
    assert_int_equal(codes[1], AEP_EPARKED);
    assert_int_equal(codes[2], AEP_EDEAD);
    assert_int_equal(codes[3], AEP_EPARKED);
    aep_waiter_free(waiter);
}

static void test_a_cancelled_request_is_forgotten(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_waiter *waiter;
    aep_outcome outcome;
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, NULL);
    accepted(here, aep_waiter_add(waiter, &receipt, 1, &here->err));
    await_question(&fake, 1);
    aep_waiter_cancel(waiter, 1);
    aep_waiter_cancel(waiter, 99);
    atomic_store(&fake.answer, "acked");
    accepted(here, aep_waiter_add(waiter, &receipt, 2, &here->err));
    accepted(here, next_within(waiter, 10000, &outcome));
    assert_int_equal(outcome.token, 2);
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

static void test_a_waiter_is_told_of_another_state_of_the_broker(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_waiter *waiter;
    aep_outcome outcome;
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    accepted(here, aep_waiter_add_broker(waiter, AEP_BROKER_UNKNOWN, 5, &here->err));
    move_cursor(here, (aep_position){9, 0}); /* says nothing of the broker */
    assert_int_equal(next_within(waiter, 50, &outcome), AEP_EDEFERRED);
    fake_start(&fake, here->dir, "ok");
    expect_outcome(here, waiter, 5, AEP_OK);
    assert_non_null(strstr(fake.question, " unknown"));
    accepted(here, aep_waiter_add_broker(waiter, AEP_BROKER_AUTH_FAILED, 6, &here->err));
    accepted(here, next_within(waiter, 10000, &outcome));
    assert_int_equal(outcome.token, 6);
    assert_non_null(strstr(fake.question, " auth_failed"));
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

/* Whatever health() may say: a program that waits for a change passes that. */
static void test_every_state_of_the_broker_can_be_waited_on(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_waiter *waiter;
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    fake_start(&fake, here->dir, "ok");
    for (int other = AEP_BROKER_UNKNOWN; other <= AEP_BROKER_MISCONFIGURED; other++) {
        accepted(here, aep_waiter_add_broker(waiter, (enum aep_broker_state)other, (uint64_t)other,
                                             &here->err));
        expect_outcome(here, waiter, (uint64_t)other, AEP_OK);
        assert_non_null(strstr(fake.question, aep_broker_name((enum aep_broker_state)other)));
    }
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

/* One that does not know the question is not asked it again and again. */
static void test_an_older_relay_cannot_tell_the_brokers_state(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_waiter *waiter;
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, "error unknown request");
    accepted(here, aep_waiter_add_broker(waiter, AEP_BROKER_UNKNOWN, 1, &here->err));
    expect_outcome(here, waiter, 1, AEP_ERELAY);
    atomic_store(&fake.answer, "acked");
    accepted(here, aep_waiter_add(waiter, &receipt, 2, &here->err));
    expect_outcome(here, waiter, 2, AEP_OK);
    assert_int_equal(atomic_load(&fake.questions), 2);
    assert_int_equal(atomic_load(&fake.connections), 1); /* nor is the connection given up for it */
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

static void test_the_brokers_state_in_local_mode_is_known(void **state)
{
    struct here *here = *state;
    aep_waiter *waiter;
    aep_outcome outcome;
    set_option(here, "mode", "local");
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    accepted(here, aep_waiter_add_broker(waiter, AEP_BROKER_UNKNOWN, 1, &here->err));
    accepted(here, aep_waiter_next(waiter, &outcome, &here->err));
    assert_int_equal(outcome.code, AEP_OK);
    accepted(here, aep_waiter_add_broker(waiter, AEP_BROKER_LOCAL, 2, &here->err));
    assert_int_equal(next_within(waiter, 50, &outcome), AEP_EDEFERRED);
    aep_waiter_cancel(waiter, 2);
    assert_int_equal(aep_waiter_add_broker(waiter, (enum aep_broker_state)99, 3, &here->err),
                     AEP_EINVAL);
    aep_waiter_free(waiter);
}

static int use_in_child(void *user)
{
    aep_waiter *waiter = user;
    aep_outcome outcome;
    int result = aep_waiter_next(waiter, &outcome, NULL);
    aep_waiter_free(waiter);
    return result == AEP_ESTATE ? 0 : 1;
}

static void test_a_waiter_stays_with_the_process_that_made_it(void **state)
{
    struct here *here = *state;
    struct fake_relay fake;
    aep_waiter *waiter;
    aep_outcome outcome;
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    aep_receipt receipt = publish(here);
    fake_start(&fake, here->dir, "acked");
    assert_int_equal(in_child(use_in_child, waiter), 0);
    accepted(here, aep_waiter_add(waiter, &receipt, 1, &here->err));
    accepted(here, next_within(waiter, 10000, &outcome));
    aep_waiter_free(waiter);
    fake_kill(&fake);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_wait_is_told_the_records_own_fate),
        TEST(test_a_wait_ends_at_its_time_not_before),
        TEST(test_a_wait_ends_where_the_event_is_gone),
        TEST(test_a_wait_of_no_time_only_asks),
        TEST(test_a_wait_outlives_the_relay_that_it_asked),
        TEST(test_a_wait_finds_a_relay_that_begins_later),
        TEST(test_a_wait_watches_the_folder_until_a_relay_listens),
        TEST(test_a_waiter_watches_the_folder_until_a_relay_listens),
        TEST(test_without_a_relay_the_cursor_tells),
        TEST(test_without_a_relay_the_side_logs_tell),
        TEST(test_what_is_no_side_log_tells_nothing),
        TEST(test_a_flush_of_nothing_is_done),
        TEST(test_a_torn_tail_holds_up_no_flush),
        TEST(test_a_flush_asks_for_all_that_was_accepted),
        TEST(test_a_relay_that_is_not_installed_is_an_error_at_once),
        TEST(test_closing_in_memory_waits_for_the_broker_a_little),
        TEST(test_closing_in_memory_ends_with_the_acknowledgement),
        TEST(test_closing_in_memory_does_not_wait_for_a_broker_that_is_down),
        TEST(test_closing_on_disk_does_not_wait),
        TEST(test_a_waiter_tells_each_fate_under_its_token),
        TEST(test_a_waiters_descriptor_is_readable_while_there_is_something),
        TEST(test_a_waiter_follows_the_relay_with_one_descriptor),
        TEST(test_a_waiter_without_a_relay_reads_the_cursor),
        TEST(test_a_waiter_without_a_relay_reads_the_side_logs),
        TEST(test_a_cancelled_request_is_forgotten),
        TEST(test_a_waiter_is_told_of_another_state_of_the_broker),
        TEST(test_every_state_of_the_broker_can_be_waited_on),
        TEST(test_an_older_relay_cannot_tell_the_brokers_state),
        TEST(test_the_brokers_state_in_local_mode_is_known),
        TEST(test_a_waiter_stays_with_the_process_that_made_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
