/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of events that the tracker reads before the relay has finished them: in the store it is as the
 * relay has it, wherever the tracker, the relay and the segments are by then. */
#include "source_fixture.h"

#include "base/id.h"
#include "spool/sidelog.h"

#define EVENTS 120
#define AGENTS 6 /* one execution each */
#define STEPS 600
#define PARKED "parked-topic-1"

/* What has become of an event. */
struct fact {
    enum aep__fate fate;
    uint64_t next_at; /* in its side log: where the next entry is */
};

/* A relay that finishes events in their order. */
struct relay {
    struct scene *scene;
    struct aep__reader reader;
    struct aep__sidelog parked, dead;
    struct fact facts[EVENTS + 1];
    unsigned finished; /* events up to that number */
    uint64_t random;
};

static unsigned below(struct relay *relay, unsigned limit)
{
    relay->random = relay->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(relay->random >> 33) % limit;
}

static struct relay *begin_relay(void **state)
{
    static struct relay relay;
    relay = (struct relay){.scene = begin_scene(state)};
    struct aep__spool *spool = &relay.scene->here->spool;
    assert_int_equal(aep__reader_init(&relay.reader, spool, 1, 0, false, NULL), AEP_OK);
    assert_int_equal(aep__sidelog_open(&relay.parked, spool, PARKED, true), 0);
    assert_int_equal(aep__sidelog_open(&relay.dead, spool, AEP__SIDELOG_DEAD, true), 0);
    return &relay;
}

static void end_relay(struct relay *relay)
{
    aep__reader_done(&relay->reader);
    aep__sidelog_done(&relay->parked);
    aep__sidelog_done(&relay->dead);
    end_scene(relay->scene);
}

/* The next event, of one of the executions: the first of each begins it. */
static void publish_step(struct relay *relay)
{
    char text[1024];
    unsigned number = relay->scene->published + 1, agent = number % AGENTS;
    if (number > EVENTS)
        return;
    relay->scene->published = number;
    snprintf(text, sizeof text,
             "{\"event_type\":\"omninode.agent.execution.%s.v1\",\"event_id\":\"%s\","
             "\"timestamp\":\"2025-11-13T14:30:00.%06uZ\",\"tenant_id\":\"t\",\"correlation_id\":"
             "\"c\",\"payload\":{\"agent_name\":\"a%u\"}}",
             number <= AGENTS ? "started" : "progress", id_of(number), number, agent);
    append_long(&relay->scene->appender, text, 700);
}

static void put_aside(struct relay *relay, struct aep__sidelog *log, unsigned number,
                      const struct aep__entry *entry)
{
    struct fact *fact = &relay->facts[number];
    struct aep__note note = {.ordinal = number - 1,
                             .segment = entry->segment,
                             .offset = entry->offset,
                             .end = entry->end,
                             .error = {"REFUSED", 7}};
    struct aep__slice raw = {entry->record.meta.data - AEP__RECORD_HEAD, entry->record.size};
    assert_int_equal(aep__sidelog_append(log, &note, raw), 0);
    fact->next_at = log->end;
}

static void move_cursor(struct relay *relay, uint64_t segment, uint64_t offset)
{
    finish(relay->scene, segment, offset, relay->finished);
}

/* The next event is finished with a fate; false: there is none. */
static bool finish_next(struct relay *relay, enum aep__fate fate)
{
    struct aep__entry entry;
    enum aep__read read;
    while ((read = aep__reader_next(&relay->reader, &entry, NULL)) == AEP__READ_SEALED)
        move_cursor(relay, relay->reader.segment + 1, 0);
    if (read != AEP__READ_EVENT)
        return false;
    unsigned number = ++relay->finished;
    if (fate != AEP__FATE_ACKED)
        put_aside(relay, fate == AEP__FATE_DEAD ? &relay->dead : &relay->parked, number, &entry);
    relay->facts[number].fate = fate;
    move_cursor(relay, entry.segment, entry.end);
    return true;
}

static void remove_passed(struct relay *relay)
{
    load_cursor(relay->scene->here);
    for (uint64_t number = 1; number < relay->scene->here->cursor.segment; number++)
        if (segment_size(relay->scene->here, number) >= 0)
            remove_segment(relay->scene->here, number);
}

/* The oldest one that is parked is sent. */
static void drain(struct relay *relay)
{
    for (unsigned i = 1; i <= relay->finished; i++) {
        if (relay->facts[i].fate != AEP__FATE_PARKED)
            continue;
        relay->facts[i].fate = AEP__FATE_ACKED;
        aep__sidelog_advance(&relay->parked, relay->facts[i].next_at, 1);
        assert_int_equal(aep__sidelog_sync(&relay->parked, false), 0);
        return;
    }
}

/* ---- what the store has ---- */

/* -1: it is not there. */
static int stored_fate(struct relay *relay, unsigned number)
{
    struct aep__stored_event event;
    int found =
        relay->scene->store->ops->find_event(relay->scene->store, id_of(number), &event, NULL);
    assert_true(found >= 0);
    return found ? (int)event.fate : -1;
}

static void load_row(struct relay *relay, const char *id, struct aep__tracked *ret)
{
    aep__tracked_init(ret);
    assert_int_equal(relay->scene->store->ops->get(relay->scene->store, id, ret, NULL), 1);
}

static enum aep__fate row_fate(struct relay *relay, const char *id)
{
    struct aep__tracked row;
    load_row(relay, id, &row);
    enum aep__fate fate = (enum aep__fate)row.fate;
    aep__tracked_done(&row);
    return fate;
}

static int64_t row_change(struct relay *relay, const char *id)
{
    struct aep__tracked row;
    load_row(relay, id, &row);
    int64_t change = row.change;
    aep__tracked_done(&row);
    return change;
}

static void assert_fate(struct relay *relay, unsigned number, enum aep__fate expected)
{
    int fate = stored_fate(relay, number);
    if (fate != (int)expected)
        fail_msg("event %u is %s, not %s", number,
                 fate < 0 ? "missing" : aep__fate_word((enum aep__fate)fate),
                 aep__fate_word(expected));
}

static void restart_tracker(struct relay *relay)
{
    close_source(relay->scene);
    open_source(relay->scene);
}

/* ---- */

static void test_an_event_is_acked_once_the_cursor_has_passed_it(void **state)
{
    struct relay *relay = begin_relay(state);
    publish_some(relay->scene, 2);
    read_all(relay->scene);
    assert_fate(relay, 1, AEP__FATE_ON_DISK);
    assert_int_equal(row_fate(relay, id_of(1)), AEP__FATE_ON_DISK);
    int64_t change = row_change(relay, id_of(1)), other = row_change(relay, id_of(2));
    finish_next(relay, AEP__FATE_ACKED);
    read_all(relay->scene);
    assert_fate(relay, 1, AEP__FATE_ACKED);
    assert_fate(relay, 2, AEP__FATE_ON_DISK);
    assert_int_equal(row_fate(relay, id_of(1)), AEP__FATE_ACKED);
    assert_true(row_change(relay, id_of(1)) > change);
    assert_int_equal(row_change(relay, id_of(2)), other);
    restart_tracker(relay);
    finish_next(relay, AEP__FATE_ACKED);
    read_all(relay->scene);
    assert_fate(relay, 2, AEP__FATE_ACKED);
    end_relay(relay);
}

static void test_what_is_gone_was_acked(void **state)
{
    struct relay *relay = begin_relay(state);
    publish_some(relay->scene, 8);
    read_all(relay->scene);
    close_source(relay->scene);
    while (finish_next(relay, AEP__FATE_ACKED))
        ;
    remove_passed(relay);
    assert_true(segment_size(relay->scene->here, 1) < 0);
    open_source(relay->scene);
    read_all(relay->scene);
    for (unsigned i = 1; i <= 8; i++)
        assert_fate(relay, i, AEP__FATE_ACKED);
    assert_int_equal(counted(relay->scene, AEP__COUNT_MISSED), 0);
    end_relay(relay);
}

static void test_an_execution_is_as_its_worst_event(void **state)
{
    struct relay *relay = begin_relay(state);
    char first[AEP_ID_SIZE];
    snprintf(first, sizeof first, "%s", id_of(AGENTS)); /* its started event */
    for (unsigned i = 0; i < 3 * AGENTS; i++)
        publish_step(relay);
    read_all(relay->scene);
    assert_int_equal(row_fate(relay, first), AEP__FATE_ON_DISK);
    static const enum aep__fate fates[] = {AEP__FATE_ACKED, AEP__FATE_PARKED, AEP__FATE_DEAD};
    for (unsigned i = 0; i < 3 * AGENTS; i++)
        finish_next(relay, (i + 1) % AGENTS ? AEP__FATE_ACKED : fates[i / AGENTS]);
    read_all(relay->scene);
    assert_int_equal(row_fate(relay, first), AEP__FATE_DEAD);
    assert_int_equal(row_fate(relay, id_of(1)), AEP__FATE_ACKED);
    drain(relay);
    read_all(relay->scene);
    assert_fate(relay, 2 * AGENTS, AEP__FATE_ACKED);
    assert_int_equal(row_fate(relay, first), AEP__FATE_DEAD);
    end_relay(relay);
}

static void test_the_last_one_that_is_parked_is_sent(void **state)
{
    struct relay *relay = begin_relay(state);
    char first[AEP_ID_SIZE];
    snprintf(first, sizeof first, "%s", id_of(AGENTS));
    for (unsigned i = 0; i < 4 * AGENTS; i++)
        publish_step(relay);
    read_all(relay->scene);
    for (unsigned i = 1; i <= 3 * AGENTS; i++)
        finish_next(relay, i == AGENTS || i == 2 * AGENTS ? AEP__FATE_PARKED : AEP__FATE_ACKED);
    drain(relay);
    read_all(relay->scene);
    assert_int_equal(row_fate(relay, first), AEP__FATE_PARKED);
    drain(relay);
    read_all(relay->scene);
    assert_int_equal(row_fate(relay, first), AEP__FATE_ON_DISK); /* its last event is */
    while (finish_next(relay, AEP__FATE_ACKED))
        ;
    read_all(relay->scene);
    assert_int_equal(row_fate(relay, first), AEP__FATE_ACKED);
    end_relay(relay);
}

static void test_what_was_put_aside_is_read_where_its_segment_is_gone(void **state)
{
    struct relay *relay = begin_relay(state);
    publish_some(relay->scene, 1);
    read_all(relay->scene);
    close_source(relay->scene);
    publish_some(relay->scene, 7);
    for (unsigned i = 0; i < 8; i++)
        finish_next(relay, i == 4 ? AEP__FATE_DEAD : i == 2 ? AEP__FATE_PARKED : AEP__FATE_ACKED);
    finish_next(relay, AEP__FATE_ACKED); /* behind the seal */
    remove_passed(relay);
    open_source(relay->scene);
    read_all(relay->scene);
    assert_fate(relay, 3, AEP__FATE_PARKED);
    assert_fate(relay, 5, AEP__FATE_DEAD);
    assert_int_equal(ordinal_of(relay->scene, 3), 2);
    assert_int_equal(stored_fate(relay, 4), -1);
    assert_int_equal(counted(relay->scene, AEP__COUNT_MISSED), 3); /* 2, 4, 6 */
    close_source(relay->scene);
    assert_int_equal(unlink(relay->scene->path),
                     0); /* a new store has no others to read them from */
    open_source(relay->scene);
    read_all(relay->scene);
    assert_fate(relay, 3, AEP__FATE_PARKED);
    assert_fate(relay, 5, AEP__FATE_DEAD);
    drain(relay);
    read_all(relay->scene);
    assert_fate(relay, 3, AEP__FATE_ACKED);
    assert_int_equal(counted(relay->scene, AEP__COUNT_MISSED), 0);
    end_relay(relay);
}

/* Killed between two batches of what was put aside, the next one reads the rest. */
static void test_what_was_put_aside_is_read_in_parts(void **state)
{
    struct relay *relay = begin_relay(state);
    bool end;
    close_source(relay->scene);
    publish_some(relay->scene, 9);
    for (unsigned i = 0; i < 9; i++)
        finish_next(relay, AEP__FATE_PARKED);
    finish_next(relay, AEP__FATE_ACKED);
    remove_passed(relay);
    open_source(relay->scene);
    assert_int_equal(read_some(relay->scene, 4, true, &end), 4);
    assert_false(end);
    restart_tracker(relay);
    assert_int_equal(read_some(relay->scene, 4, false, &end), 4);
    restart_tracker(relay);
    read_all(relay->scene);
    for (unsigned i = 1; i <= 9; i++)
        assert_fate(relay, i, AEP__FATE_PARKED);
    assert_int_equal(counted(relay->scene, AEP__COUNT_MISSED), 0);
    end_relay(relay);
}

static void test_what_is_removed_unfinished_is_lost(void **state)
{
    struct relay *relay = begin_relay(state);
    publish_some(relay->scene, 5);
    read_all(relay->scene);
    finish_next(relay, AEP__FATE_ACKED);
    finish_next(relay, AEP__FATE_ACKED); /* not seen by the tracker */
    assert_int_equal(nftw(relay->scene->here->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    read_all(relay->scene);
    assert_true(relay->scene->source.gone);
    assert_fate(relay, 2, AEP__FATE_ACKED);
    for (unsigned i = 3; i <= 5; i++)
        assert_fate(relay, i, AEP__FATE_LOST);
    assert_int_equal(row_fate(relay, id_of(3)), AEP__FATE_LOST);
    end_relay(relay);
}

/* Kafka's copy tells of it sooner than the cursor does, and no cursor takes that back. */
static void take_copy(struct relay *relay, unsigned number)
{
    struct aep__stored_event event;
    struct scene *scene = relay->scene;
    aep_error err = {0};
    if (scene->store->ops->find_event(scene->store, id_of(number), &event, NULL) <= 0)
        return;
    struct aep__buf body = {0};
    aep__buf_add(&body, event.body.data, event.body.len);
    struct aep__arrival copy = {.body = {body.data, body.len}, .fate = AEP__FATE_ACKED};
    assert_int_equal(scene->store->ops->begin(scene->store, &err), AEP_OK);
    assert_int_equal(aep__ingest_take(&scene->ingest, &copy, &err), AEP_OK);
    assert_int_equal(aep__ingest_flush(&scene->ingest, &err), AEP_OK);
    assert_int_equal(scene->store->ops->commit(scene->store, &err), AEP_OK);
    aep__buf_done(&body);
}

static void test_a_copy_from_kafka_is_acked_at_once(void **state)
{
    struct relay *relay = begin_relay(state);
    publish_some(relay->scene, 2);
    read_all(relay->scene);
    take_copy(relay, 2);
    assert_fate(relay, 2, AEP__FATE_ACKED);
    assert_int_equal(row_fate(relay, id_of(2)), AEP__FATE_ACKED);
    finish_next(relay, AEP__FATE_ACKED);
    finish_next(relay, AEP__FATE_DEAD); /* replayed, say, by another */
    read_all(relay->scene);
    assert_fate(relay, 2, AEP__FATE_ACKED);
    assert_int_equal(row_fate(relay, id_of(2)), AEP__FATE_ACKED);
    end_relay(relay);
}

/* ---- against a model ---- */

static void finish_step(struct relay *relay)
{
    static const enum aep__fate fates[] = {AEP__FATE_ACKED, AEP__FATE_ACKED, AEP__FATE_ACKED,
                                           AEP__FATE_PARKED, AEP__FATE_DEAD};
    for (unsigned i = below(relay, 6); i > 0; i--)
        finish_next(relay, fates[below(relay, sizeof fates / sizeof *fates)]);
}

static void read_step(struct relay *relay)
{
    bool end;
    bool commits = below(relay, 4) > 0;
    read_some(relay->scene, 1 + below(relay, 8), commits, &end);
    if (!commits)
        restart_tracker(relay);
}

static enum aep__keep send_some(void *user, struct aep__sidelog_entry *entry)
{
    struct relay *relay = user;
    struct fact *fact = &relay->facts[entry->note.ordinal + 1];
    if (below(relay, 2) == 0)
        return AEP__KEEP;
    fact->fate = AEP__FATE_ACKED;
    return AEP__DROP;
}

/* Dead letters are sent after all. */
static void replay(struct relay *relay)
{
    assert_int_equal(aep__sidelog_rewrite(&relay->dead, send_some, relay), 0);
}

/* Each event that is stored is as the relay has it; what is not was acknowledged, and counted. */
static void check(struct relay *relay)
{
    enum aep__fate worst[AGENTS];
    static const int badness[] = {[AEP__FATE_ACKED] = 0,
                                  [AEP__FATE_ON_DISK] = 1,
                                  [AEP__FATE_PARKED] = 2,
                                  [AEP__FATE_DEAD] = 3};
    int64_t missing = 0;
    for (unsigned i = 0; i < AGENTS; i++)
        worst[i] = AEP__FATE_ACKED;
    for (unsigned i = 1; i <= relay->scene->published; i++) {
        enum aep__fate fate = i <= relay->finished ? relay->facts[i].fate : AEP__FATE_ON_DISK;
        int stored = stored_fate(relay, i);
        if (stored >= 0)
            assert_fate(relay, i, fate);
        else
            assert_int_equal(fate, AEP__FATE_ACKED);
        missing += stored < 0;
        if (badness[fate] > badness[worst[i % AGENTS]])
            worst[i % AGENTS] = fate;
    }
    assert_int_equal(counted(relay->scene, AEP__COUNT_MISSED), missing);
    for (unsigned i = 1; i <= AGENTS && i <= relay->scene->published; i++)
        if (stored_fate(relay, i) >= 0 && row_fate(relay, id_of(i)) != worst[i % AGENTS])
            fail_msg("execution %u is %s, not %s", i, aep__fate_word(row_fate(relay, id_of(i))),
                     aep__fate_word(worst[i % AGENTS]));
}

static void test_fates_are_the_relays_whatever_it_does(void **state)
{
    static void (*const acts[])(struct relay *) = {
        publish_step, publish_step, publish_step, finish_step,     drain,        drain,
        replay,       read_step,    read_step,    restart_tracker, remove_passed};
    struct relay *relay = begin_relay(state);
    const char *seed = getenv("AEP_TEST_SEED");
    relay->random = seed ? strtoull(seed, NULL, 10) : (uint64_t)getpid();
    print_message("AEP_TEST_SEED=%llu\n", (unsigned long long)relay->random);
    for (unsigned i = 0; i < AGENTS; i++)
        publish_step(relay);
    read_all(relay->scene); /* those that begin executions */
    for (unsigned i = 0; i < STEPS; i++) {
        acts[below(relay, sizeof acts / sizeof *acts)](relay);
        if (below(relay, 10) == 0) {
            read_all(relay->scene);
            check(relay);
        }
    }
    assert_int_equal(relay->scene->published, EVENTS);
    end_relay(relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_an_event_is_acked_once_the_cursor_has_passed_it),
        HERE_TEST(test_what_is_gone_was_acked),
        HERE_TEST(test_an_execution_is_as_its_worst_event),
        HERE_TEST(test_the_last_one_that_is_parked_is_sent),
        HERE_TEST(test_what_was_put_aside_is_read_where_its_segment_is_gone),
        HERE_TEST(test_what_was_put_aside_is_read_in_parts),
        HERE_TEST(test_what_is_removed_unfinished_is_lost),
        HERE_TEST(test_a_copy_from_kafka_is_acked_at_once),
        HERE_TEST(test_fates_are_the_relays_whatever_it_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
