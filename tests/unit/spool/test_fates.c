/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of records, as the files of the relay tell it: against a model, whatever the relay does
 * between two looks. */
#include "spool/fates.h"

#include "spool_fixture.h"

#define RECORDS 400
#define LOGS 3
#define STEPS 2000

/* A relay: it finishes records in their order, puts some of them aside, and drops some by command. */
struct relay {
    struct here *here;
    struct aep__sidelog logs[LOGS]; /* the last one is of dead letters */
    unsigned places[RECORDS];       /* 0: no log, else its index + 1 */
    uint64_t entry_at[RECORDS];     /* where the next entry is */
    enum aep__fate ends[RECORDS];   /* of those in no log */
    struct aep__missed missed;
    unsigned finished;
    uint64_t random;
};

static unsigned below(struct relay *relay, unsigned limit)
{
    relay->random = relay->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(relay->random >> 33) % limit;
}

static aep_position position_of(unsigned number)
{
    return (aep_position){1 + number / 100, 48 + 10 * (number % 100)};
}

static const char *log_name(unsigned log)
{
    static const char *const names[LOGS] = {"parked-one-1", "parked-two-2", AEP__SIDELOG_DEAD};
    return names[log];
}

static void open_logs(struct relay *relay)
{
    for (unsigned i = 0; i < LOGS; i++)
        assert_int_equal(aep__sidelog_open(&relay->logs[i], &relay->here->spool, log_name(i), true),
                         0);
}

static void close_logs(struct relay *relay)
{
    for (unsigned i = 0; i < LOGS; i++) {
        assert_int_equal(aep__sidelog_sync(&relay->logs[i], false), 0);
        aep__sidelog_done(&relay->logs[i]);
    }
}

static void put_aside(struct relay *relay, unsigned number, unsigned log)
{
    struct aep__buf raw = {0};
    aep_position at = position_of(number);
    struct aep__note note = {.ordinal = number,
                             .segment = at.segment,
                             .offset = at.offset,
                             .end = at.offset + 10,
                             .error = {"REFUSED", 7}};
    assert_true(aep__record_encode(&raw, AEP__RECORD_EVENT, (struct aep__slice){0},
                                   (struct aep__slice){"{}", 2}));
    assert_int_equal(
        aep__sidelog_append(&relay->logs[log], &note, (struct aep__slice){raw.data, raw.len}), 0);
    relay->places[number] = log + 1;
    relay->entry_at[number] = relay->logs[log].end;
    aep__buf_done(&raw);
}

/* As the relay does: written before the record leaves its place. */
static void miss(struct relay *relay, unsigned number, enum aep__fate fate)
{
    aep_position at = position_of(number);
    relay->ends[number] = fate;
    aep__missed_add(&relay->missed,
                    (struct aep__missed_range){at.segment, at.offset, at.offset + 10, fate});
    assert_int_equal(aep__missed_write(&relay->missed, false), 0);
}

/* As the relay does: the side log first, then the cursor. The status comes later, if at all. */
static void finish_one(struct relay *relay)
{
    if (relay->finished == RECORDS)
        return;
    unsigned number = relay->finished, log = below(relay, LOGS + 5);
    relay->ends[number] = AEP__FATE_ACKED;
    if (log < LOGS)
        put_aside(relay, number, log);
    else if (log > LOGS + 2)
        miss(relay, number, log == LOGS + 3 ? AEP__FATE_PURGED : AEP__FATE_LOST);
    relay->finished++;
    aep_position at = position_of(relay->finished);
    store_cursor(relay->here, at.segment, at.offset);
}

/* The oldest of a topic's that are parked is sent, or purged. */
static void drain_one(struct relay *relay)
{
    unsigned log = below(relay, LOGS - 1);
    for (unsigned i = 0; i < RECORDS; i++) {
        if (relay->places[i] != log + 1)
            continue;
        if (below(relay, 3) == 0)
            miss(relay, i, AEP__FATE_PURGED);
        relay->places[i] = 0;
        aep__sidelog_advance(&relay->logs[log], relay->entry_at[i], 1);
        assert_int_equal(aep__sidelog_sync(&relay->logs[log], false), 0);
        return;
    }
    aep__sidelog_remove(&relay->logs[log]);
}

struct dropping {
    struct relay *relay;
    bool dropped;
};

static enum aep__keep keep_some(void *user, struct aep__sidelog_entry *entry)
{
    struct dropping *dropping = user;
    if (dropping->dropped || below(dropping->relay, 2) == 0)
        return AEP__KEEP;
    if (below(dropping->relay, 2) == 0) /* else it has been replayed */
        miss(dropping->relay, (unsigned)entry->note.ordinal, AEP__FATE_DEAD);
    dropping->relay->places[entry->note.ordinal] = 0;
    dropping->dropped = true;
    return AEP__DROP;
}

static void drop_letter(struct relay *relay)
{
    struct dropping dropping = {.relay = relay};
    assert_int_equal(aep__sidelog_rewrite(&relay->logs[LOGS - 1], keep_some, &dropping), 0);
}

static void write_status(struct relay *relay)
{
    struct aep__status status = {.pid = 1};
    for (unsigned i = 0; i < RECORDS; i++) {
        status.parked_now += relay->places[i] > 0 && relay->places[i] < LOGS;
        status.dead_now += relay->places[i] == LOGS;
    }
    aep_position at = position_of(relay->finished);
    status.segment = at.segment;
    status.offset = at.offset;
    int fd = aep__status_open(&relay->here->spool);
    assert_true(fd >= 0);
    assert_int_equal(aep__status_write(fd, &status), 0);
    close(fd);
}

/* Killed between the note and what it says, perhaps: the record is still there, and is delivered. */
static void restart(struct relay *relay)
{
    if (relay->finished < RECORDS && below(relay, 2) == 0)
        miss(relay, relay->finished, AEP__FATE_PURGED);
    for (unsigned i = below(relay, RECORDS); i < RECORDS; i++)
        if (relay->places[i] > 0) {
            miss(relay, i, AEP__FATE_PURGED);
            relay->ends[i] = AEP__FATE_ACKED;
            break;
        }
    close_logs(relay);
    aep__missed_done(&relay->missed);
    open_logs(relay);
    aep__missed_init(&relay->missed, &relay->here->spool);
    assert_int_equal(aep__missed_resume(&relay->missed, position_of(relay->finished)), 0);
}

static void check(struct relay *relay, struct aep__fates *fates)
{
    aep_error err = {0};
    if (aep__fates_refresh(fates, &err) != AEP_OK)
        fail_msg("%s", err.text);
    assert_false(fates->sides.incomplete);
    for (unsigned i = 0; i < RECORDS; i++) {
        enum aep__fate expected = i >= relay->finished       ? AEP__FATE_ON_DISK
                                  : relay->places[i] == LOGS ? AEP__FATE_DEAD
                                  : relay->places[i] > 0     ? AEP__FATE_PARKED
                                                             : relay->ends[i];
        enum aep__fate fate = aep__fates_of(fates, position_of(i));
        if (fate != expected)
            fail_msg("record %u is %s, not %s", i, aep__fate_word(fate), aep__fate_word(expected));
    }
}

static void test_fates_follow_whatever_the_relay_does(void **state)
{
    static void (*const acts[])(struct relay *) = {
        finish_one, finish_one,  finish_one,   drain_one,
        drain_one,  drop_letter, write_status, restart,
    };
    static struct relay relay;
    const char *seed = getenv("AEP_TEST_SEED");
    relay = (struct relay){.here = *state,
                           .random = seed ? strtoull(seed, NULL, 10) : (uint64_t)getpid()};
    print_message("AEP_TEST_SEED=%llu\n", (unsigned long long)relay.random);
    struct aep__fates fates;
    store_cursor(relay.here, 1, 48);
    open_logs(&relay);
    aep__missed_init(&relay.missed, &relay.here->spool);
    assert_int_equal(aep__fates_init(&fates, &relay.here->spool, NULL), AEP_OK);
    for (unsigned i = 0; i < STEPS; i++) {
        acts[below(&relay, sizeof acts / sizeof *acts)](&relay);
        if (below(&relay, 3) == 0) {
            write_status(&relay); /* what a coarse clock hides, it tells */
            check(&relay, &fates);
        }
    }
    assert_int_equal(relay.finished, RECORDS);
    aep__fates_done(&fates);
    aep__missed_done(&relay.missed);
    close_logs(&relay);
}

/* The relay writes its status at most every 100 ms, and none when it is killed. */
static void test_a_letter_is_dead_before_the_status_says_so(void **state)
{
    static struct relay relay;
    relay = (struct relay){.here = *state};
    struct aep__fates fates;
    store_cursor(relay.here, 1, 48);
    open_logs(&relay);
    aep__missed_init(&relay.missed, &relay.here->spool);
    assert_int_equal(aep__fates_init(&fates, &relay.here->spool, NULL), AEP_OK);
    put_aside(&relay, relay.finished++, LOGS - 1);
    put_aside(&relay, relay.finished++, 0);
    store_cursor(relay.here, 1, 48 + 20);
    check(&relay, &fates);
    aep__fates_done(&fates);
    aep__missed_done(&relay.missed);
    close_logs(&relay);
}

static void test_what_is_no_log_of_ours_is_left_out(void **state)
{
    struct here *here = *state;
    struct aep__fates fates;
    assert_int_equal(symlinkat("/dev/zero", here->spool.dir_fd, "parked-link"), 0);
    assert_int_equal(mkfifoat(here->spool.dir_fd, "dead", 0600), 0);
    store_cursor(here, 1, 48);
    assert_int_equal(aep__fates_init(&fates, &here->spool, NULL), AEP_OK);
    assert_int_equal(fates.sides.count, 0);
    assert_false(fates.sides.incomplete);
    assert_int_equal(aep__fates_of(&fates, (aep_position){1, 0}), AEP__FATE_ACKED);
    aep__fates_done(&fates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_fates_follow_whatever_the_relay_does),
        HERE_TEST(test_a_letter_is_dead_before_the_status_says_so),
        HERE_TEST(test_what_is_no_log_of_ours_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
