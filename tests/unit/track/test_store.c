/* SPDX-License-Identifier: Apache-2.0 */
/* What a store keeps. How it deals with faults is
 * test_store_sqlite_faults.c and test_store_postgres.c. */
#include "track_fixture.h"

/* ---- executions ---- */

/* A value for each member that no other has. */
static struct aep__tracked full_execution(void)
{
    struct aep__tracked execution = make_execution(1, 0);
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++) {
        void *member = (char *)&execution + aep__tracked_members[i].offset;
        char text[32];
        snprintf(text, sizeof text, "%s %zu", aep__tracked_members[i].name, i);
        switch (aep__tracked_members[i].type) {
        case AEP__MEMBER_TEXT:
            set_text(&execution, member, text);
            break;
        case AEP__MEMBER_REAL:
            *(double *)member = 0.25 + (double)i;
            break;
        case AEP__MEMBER_FLAG:
            *(int64_t *)member = 1;
            break;
        default:
            *(int64_t *)member = (int64_t)i * 1000003;
        }
    }
    for (unsigned i = 0; i < AEP__ORIGIN_COUNT; i++)
        execution.origins[i] = order_of(i, AT(i));
    execution.mixed_ends = true;
    return execution;
}

static void assert_stored(struct track *track, const struct aep__tracked *expected)
{
    struct aep__tracked found;
    aep__tracked_init(&found);
    assert_int_equal(track->store->ops->get(track->store, expected->id, &found, &track->err), 1);
    assert_true(aep__tracked_equal(&found, expected));
    assert_true(found.change > 0);
    aep__tracked_done(&found);
}

static void test_a_row_comes_back_as_it_was_put(void **state)
{
    struct track *track = *state;
    struct aep__tracked full = full_execution(), empty;
    aep__tracked_init(&empty);
    set_text(&empty, &empty.id, "e");
    begin(track);
    MUST(track, put, &full);
    assert_stored(track, &full);
    MUST(track, put, &empty);
    commit(track);
    assert_stored(track, &full);
    assert_stored(track, &empty);
    close_track(track);
    assert_int_equal(aep__store_open(&track->store, track->path, false, &track->err), AEP_OK);
    assert_stored(track, &full);
    assert_stored(track, &empty);
    aep__tracked_done(&full);
    aep__tracked_done(&empty);
}

static void pass_on(struct track *track, const struct aep__tracked *execution)
{
    commit(track);
    assert_stored(track, execution);
    begin(track);
}

/* Changes one member at a time: whatever a put changes, all of the row is as it says. */
static void test_any_member_can_change(void **state)
{
    struct track *track = *state;
    struct aep__tracked execution = make_execution(1, 0);
    begin(track);
    MUST(track, put, &execution);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++) {
            void *member = (char *)&execution + aep__tracked_members[i].offset;
            if (strcmp(aep__tracked_members[i].name, "id") == 0)
                continue;
            if (aep__tracked_members[i].type == AEP__MEMBER_TEXT)
                set_text(&execution, member, round ? NULL : "else");
            else if (aep__tracked_members[i].type == AEP__MEMBER_REAL)
                *(double *)member = round ? NAN : 0.5;
            else
                *(int64_t *)member = round ? 0 : 1;
            MUST(track, put, &execution);
            assert_stored(track, &execution);
            if (round)
                pass_on(track, &execution); /* each change in a transaction of its own */
        }
        pass_on(track, &execution);
    }
    for (int i = 0; i < AEP__ORIGIN_COUNT; i++) {
        execution.origins[i] = order_of(9, AT(9));
        MUST(track, put, &execution);
        assert_stored(track, &execution);
    }
    commit(track);
    aep__tracked_done(&execution);
}

static void test_what_is_removed_is_gone(void **state)
{
    struct track *track = *state;
    struct aep__tracked execution = make_execution(1, 0), found;
    aep__tracked_init(&found);
    begin(track);
    MUST(track, put, &execution);
    MUST(track, remove, execution.id);
    assert_int_equal(track->store->ops->get(track->store, execution.id, &found, &track->err), 0);
    MUST(track, remove, execution.id);
    MUST(track, put, &execution);
    commit(track);
    assert_stored(track, &execution);
    begin(track);
    MUST(track, remove, execution.id);
    commit(track);
    assert_int_equal(track->store->ops->get(track->store, execution.id, &found, &track->err), 0);
    aep__tracked_done(&execution);
}

static void test_a_rollback_leaves_everything_as_it_was(void **state)
{
    struct track *track = *state;
    struct aep__tracked execution = make_execution(1, 0), other = make_execution(2, 0), found;
    struct aep__bookmark position = {.source = "spool:x", .segment = 1, .offset = 2};
    int64_t counts[AEP__STATE_COUNT], none, number;
    aep__tracked_init(&found);
    MUST(track, get_count, AEP__COUNT_CHANGES, &none);
    begin(track);
    MUST(track, put, &execution);
    MUST(track, put_position, &position);
    MUST(track, add_count, "events", 5);
    commit(track);
    begin(track);
    execution.outcome = AEP__ENDING_FAILED;
    position.offset = 3;
    MUST(track, put, &execution);
    MUST(track, put, &other);
    MUST(track, put_position, &position);
    MUST(track, add_count, "events", 5);
    MUST(track, get_count, AEP__COUNT_CHANGES, &number);
    assert_int_equal(number, none + 2); /* the first one is written at the commit */
    track->store->ops->rollback(track->store);
    execution.outcome = AEP__ENDING_OPEN;
    assert_stored(track, &execution);
    assert_int_equal(track->store->ops->get(track->store, other.id, &found, &track->err), 0);
    assert_int_equal(track->store->ops->get_position(track->store, &position, &track->err), 1);
    assert_int_equal(position.offset, 2);
    MUST(track, get_count, "events", &number);
    assert_int_equal(number, 5);
    MUST(track, count, AT(1), counts);
    assert_int_equal(counts[AEP__STATE_RUNNING], 1);
    assert_int_equal(counts[AEP__STATE_FAILED], 0);
    MUST(track, get_count, AEP__COUNT_CHANGES, &number);
    assert_int_equal(number, none + 1);
    begin(track);
    MUST(track, put, &other); /* nothing is remembered of what was rolled back */
    commit(track);
    assert_stored(track, &other);
    aep__tracked_done(&execution);
    aep__tracked_done(&other);
}

/* ---- by key, and in the tree ---- */

static const char *nearest_to(struct track *track, const char *agent, unsigned number,
                              int64_t at_us)
{
    static char id[64];
    struct aep__tracked key = make_execution(0, 0), found;
    struct aep__order order = order_of(number, at_us);
    aep__tracked_init(&found);
    set_text(&key, &key.agent_name, agent);
    int rc = track->store->ops->nearest(track->store, &key, &order, &found, &track->err);
    assert_true(rc >= 0);
    unsigned digits = 0;
    if (rc)
        assert_int_equal(sscanf(found.id, "019a0000-0000-7000-8000-%12x", &digits), 1);
    snprintf(id, sizeof id, rc ? "%u" : "none", digits);
    aep__tracked_done(&key);
    aep__tracked_done(&found);
    return id;
}

static void put_at(struct track *track, unsigned number, int seconds, const char *agent)
{
    struct aep__tracked execution = make_execution(number, seconds);
    set_text(&execution, &execution.agent_name, agent);
    store_execution(track, &execution);
}

/* What a connection has in memory counts only until another one has written. */
static void test_two_that_write_see_what_the_other_has_written(void **state)
{
    struct track *track = *state;
    struct track other = *track;
    struct aep__tracked execution = make_execution(1, 10), found;
    aep__tracked_init(&found);
    store_execution(track, &execution);
    assert_int_equal(aep__store_open(&other.store, track->path, true, &other.err), AEP_OK);
    for (int i = 1; i <= 4; i++) {
        struct track *writer = i % 2 ? &other : track;
        begin(writer);
        assert_int_equal(writer->store->ops->get(writer->store, id_of(1), &found, &writer->err), 1);
        assert_int_equal(found.events, i);
        found.events++;
        MUST(writer, put, &found);
        commit(writer);
    }
    aep__tracked_done(&found);
    close_track(&other);
}

/* Ids that are greater than all that are stored are not looked for: those of before must be. */
static void assert_found(struct track *track, const char *id, const char *named)
{
    struct aep__tracked found;
    struct aep__stored_event event;
    struct aep__buf kept = {0};
    aep__tracked_init(&found);
    begin(track);
    assert_int_equal(track->store->ops->get(track->store, id, &found, &track->err), 1);
    struct aep__order order = {.at_us = AT(1000)};
    assert_int_equal(track->store->ops->nearest(track->store, &found, &order, &found, &track->err),
                     1);
    MUST(track, caused_by, named, keep_id, &kept);
    assert_non_null(strstr(aep__buf_string(&kept), id));
    aep__buf_done(&kept);
    MUST(track, guesses, named, keep_id, &kept);
    assert_non_null(strstr(aep__buf_string(&kept), id));
    aep__buf_done(&kept);
    assert_int_equal(track->store->ops->find_event(track->store, id_of(7), &event, &track->err), 1);
    commit(track);
    aep__tracked_done(&found);
}

static void test_what_was_stored_before_is_found(void **state)
{
    struct track *track = *state;
    static const char *const ids[][2] = {
        {"019a0000-0000-7000-8000-000000000003", "019a0000-0000-7000-8000-000000000099"},
        {"zzzzzzzz-0000-7000-8000-000000000003", "f0000000-0000-7000-8000-000000000004"},
    };
    struct track other = *track;
    assert_int_equal(aep__store_open(&other.store, track->path, true, &other.err), AEP_OK);
    for (size_t i = 0; i < 2; i++) {
        struct aep__tracked execution = make_execution(1, 10);
        struct aep__stored_event unused;
        begin(track); /* what is greatest has been looked for */
        track->store->ops->find_event(track->store, id_of(500), &unused, &track->err);
        commit(track);
        set_text(&execution, &execution.id, ids[i][0]);
        set_text(&execution, &execution.parent_named, ids[i][1]);
        set_text(&execution, &execution.correlation_id, ids[i][1]);
        begin(&other);
        MUST(&other, put, &execution);
        struct made_event event = make_event(7 + (unsigned)i, AT(11), ids[i][0], "{}");
        event.stored.bound = false;
        event.stored.guess = ids[i][1];
        MUST(&other, add_event, &event.observation, &event.stored);
        commit(&other);
        aep__tracked_done(&execution);
        assert_found(track, ids[i][0], ids[i][1]);
        close_track(track);
        assert_int_equal(aep__store_open(&track->store, track->path, true, &track->err), AEP_OK);
        assert_found(track, ids[i][0], ids[i][1]);
    }
    close_track(&other);
}

static void test_the_nearest_began_last_before(void **state)
{
    struct track *track = *state;
    struct aep__tracked partial = make_execution(9, 15);
    partial.origins[AEP__ORIGIN_STARTED] = AEP__ORDER_NONE;
    partial.partial = 1;
    store_execution(track, &partial);
    assert_string_equal(nearest_to(track, "a", 50, AT(20)), "none"); /* that one has not begun */
    put_at(track, 1, 10, "a");
    put_at(track, 2, 20, "a");
    put_at(track, 4, 20, "a");
    put_at(track, 3, 30, "a");
    put_at(track, 5, 25, "b");
    assert_string_equal(nearest_to(track, "a", 50, AT(5)), "1"); /* or else the first */
    assert_string_equal(nearest_to(track, "a", 50, AT(10)), "1");
    assert_string_equal(nearest_to(track, "a", 50, AT(20) - 1), "1");
    assert_string_equal(nearest_to(track, "a", 3, AT(20)), "2"); /* of one instant, by id */
    assert_string_equal(nearest_to(track, "a", 4, AT(20)), "4");
    assert_string_equal(nearest_to(track, "a", 1, AT(20)), "1");
    assert_string_equal(nearest_to(track, "a", 50, AT(29)), "4");
    assert_string_equal(nearest_to(track, "a", 50, AT(1000)), "3");
    assert_string_equal(nearest_to(track, "b", 50, AT(1000)), "5");
    assert_string_equal(nearest_to(track, "A", 50, AT(1000)), "none");
}

static void test_provisional_ones_are_those_that_have_not_begun(void **state)
{
    struct track *track = *state;
    struct aep__buf kept = {0};
    struct aep__tracked key = make_execution(0, 0);
    for (unsigned i = 1; i <= 4; i++) {
        struct aep__tracked execution = make_execution(i, (int)i);
        if (i != 2)
            execution.origins[AEP__ORIGIN_STARTED] = AEP__ORDER_NONE;
        if (i == 4)
            set_text(&execution, &execution.tenant_id, "T");
        store_execution(track, &execution);
    }
    MUST(track, provisional, &key, keep_number, &kept);
    assert_kept(&kept, "1 3 ");
    aep__tracked_done(&key);
}

static void put_child(struct track *track, unsigned number, unsigned parent, bool known,
                      int64_t stalls_at)
{
    struct aep__tracked child = make_execution(number, 0);
    set_text(&child, &child.parent_named, known ? "some event" : id_of(parent));
    set_text(&child, &child.parent_id, id_of(parent));
    child.parent_known = known;
    child.stalls_at = stalls_at;
    if (stalls_at == 0)
        child.outcome = AEP__ENDING_COMPLETED;
    store_execution(track, &child);
}

/* The latest of so many open children. */
static void assert_stalls_at(struct track *track, unsigned parent, int open, int64_t expected)
{
    struct aep__tracked execution = make_execution(parent, 0);
    int64_t stalls_at = 0;
    execution.open_children = open;
    MUST(track, open_children, &execution, &stalls_at);
    assert_true(stalls_at == expected);
    aep__tracked_done(&execution);
}

static void test_children_are_those_whose_parent_is_known(void **state)
{
    struct track *track = *state;
    struct aep__buf kept = {0};
    put_child(track, 2, 1, true, AT(10));
    put_child(track, 3, 1, true, AEP__NEVER_US);
    put_child(track, 4, 1, true, 0);
    put_child(track, 5, 1, false, AT(50));
    put_child(track, 6, 7, true, AT(60));
    put_child(track, 8, 9, true, 0);
    MUST(track, children, id_of(1), keep_number, &kept);
    assert_kept(&kept, "2 3 4 ");
    MUST(track, caused_by, id_of(1), keep_number, &kept);
    assert_kept(&kept, "5 ");
    MUST(track, caused_by, "some event", keep_number, &kept);
    assert_kept(&kept, "2 3 4 6 8 ");
    assert_stalls_at(track, 1, 2, AEP__NEVER_US);
    assert_stalls_at(track, 7, 1, AT(60));
    assert_stalls_at(track, 9, 0, AEP__UNKNOWN_US); /* none of them is open */
    assert_stalls_at(track, 99, 0, AEP__UNKNOWN_US);
}

struct walk {
    struct track *track;
    struct aep__buf kept;
};

/* Changes what it is being told of, and asks for more of the same. */
static bool walk_tree(void *user, const char *id)
{
    struct walk *walk = user;
    struct aep__tracked execution;
    char copy[AEP_ID_SIZE];
    snprintf(copy, sizeof copy, "%s", id);
    aep__tracked_init(&execution);
    keep_number(&walk->kept, copy);
    assert_int_equal(
        walk->track->store->ops->get(walk->track->store, copy, &execution, &walk->track->err), 1);
    execution.depth++;
    set_text(&execution, &execution.parent_named, "moved");
    MUST(walk->track, put, &execution);
    MUST(walk->track, children, copy, walk_tree, walk);
    aep__tracked_done(&execution);
    return true;
}

static void test_a_tree_can_be_walked_and_changed(void **state)
{
    struct track *track = *state;
    struct walk walk = {.track = track};
    for (unsigned i = 2; i < 16; i++)
        put_child(track, i, i / 2, true, AT(1));
    begin(track);
    MUST(track, children, id_of(1), walk_tree, &walk);
    commit(track);
    assert_kept(&walk.kept, "2 4 8 9 5 10 11 3 6 12 13 7 14 15 ");
}

/* ---- events ---- */

static void add_event(struct track *track, const struct made_event *event)
{
    MUST(track, add_event, &event->observation, &event->stored);
}

static int find_event(struct track *track, unsigned number, struct aep__stored_event *ret)
{
    return track->store->ops->find_event(track->store, id_of(number), ret, &track->err);
}

static void test_an_event_comes_back_as_it_was_added(void **state)
{
    struct track *track = *state;
    struct aep__stored_event found;
    struct made_event plain = make_event(1, AT(1), id_of(100), "{\"a\":1}");
    struct made_event rich = make_event(2, AT(2), "tenant/c%2F/agent", "");
    rich.stored.bound = false;
    rich.stored.guess = "019A0000-0000-7000-8000-000000000001"; /* not the same as in lower case */
    rich.stored.sequence = (struct aep__sequence){true, {1, 2, 3}, UINT64_MAX};
    rich.stored.fate = AEP__FATE_DEAD;
    begin(track);
    add_event(track, &plain);
    add_event(track, &rich);
    commit(track);
    assert_int_equal(find_event(track, 3, &found), 0);
    assert_int_equal(find_event(track, 1, &found), 1);
    assert_string_equal(found.execution_id, id_of(100));
    assert_true(found.bound);
    assert_null(found.guess);
    assert_false(found.sequence.known);
    assert_int_equal(found.fate, AEP__FATE_ON_DISK);
    assert_int_equal(found.body.len, 7);
    assert_memory_equal(found.body.data, "{\"a\":1}", 7);
    assert_memory_equal(found.digest, plain.stored.digest, 16);
    assert_int_equal(find_event(track, 2, &found), 1);
    assert_string_equal(found.execution_id, "tenant/c%2F/agent");
    assert_false(found.bound);
    assert_string_equal(found.guess, "019A0000-0000-7000-8000-000000000001");
    assert_true(found.sequence.known);
    assert_true(found.sequence.ordinal == UINT64_MAX);
    assert_memory_equal(found.sequence.spool, rich.stored.sequence.spool, 16);
    assert_int_equal(found.fate, AEP__FATE_DEAD);
    assert_non_null(found.body.data);
    assert_int_equal(found.body.len, 0);
}

/* As a UUID is 16 bytes, a text of about that length is not to be taken for one. */
static void test_events_are_found_by_ids_of_any_length(void **state)
{
    struct track *track = *state;
    char id[24] = "";
    begin(track);
    for (unsigned i = 1; i < sizeof id - 1; i++) {
        id[i - 1] = (char)('a' + i);
        struct made_event event = make_event(i, AT(i), id, id);
        add_event(track, &event);
    }
    commit(track);
    for (unsigned i = 1; i < sizeof id - 1; i++) {
        struct aep__stored_event found;
        assert_int_equal(find_event(track, i, &found), 1);
        assert_int_equal(strlen(found.execution_id), i);
        assert_int_equal(strncmp(found.execution_id, id, i), 0);
        struct aep__buf kept = {0};
        char own[24];
        snprintf(own, sizeof own, "%s", found.execution_id);
        MUST(track, events, own, NULL, keep_event, &kept);
        assert_int_equal(kept.len, i + 1);
        aep__buf_done(&kept);
    }
}

static void test_an_event_whose_body_is_gone_is_known(void **state)
{
    struct track *track = *state;
    struct aep__stored_event found;
    struct made_event event = make_event(1, AT(1), id_of(100), "{}");
    event.stored.body = (struct aep__slice){0};
    begin(track);
    add_event(track, &event);
    commit(track);
    assert_int_equal(find_event(track, 1, &found), 1);
    assert_null(found.body.data);
}

static void test_an_event_is_amended(void **state)
{
    struct track *track = *state;
    struct aep__stored_event found;
    struct made_event event = make_event(1, AT(1), id_of(100), "{}");
    begin(track);
    add_event(track, &event);
    event.stored.sequence = (struct aep__sequence){true, {7}, 8};
    event.stored.fate = AEP__FATE_PARKED;
    MUST(track, amend_event, id_of(1), &event.stored);
    commit(track);
    assert_int_equal(find_event(track, 1, &found), 1);
    assert_true(found.sequence.known);
    assert_int_equal(found.sequence.ordinal, 8);
    assert_int_equal(found.fate, AEP__FATE_PARKED);
    assert_int_equal(found.body.len, 2);
}

/* "ID was FATE" */
static bool keep_settled(void *user, const char *execution_id, enum aep__fate was)
{
    aep__buf_format(user, "%s was %s\n", execution_id, aep__fate_word(was));
    return true;
}

static void assert_settled(struct track *track, const struct aep__settling *what,
                           const char *expected, uint64_t next)
{
    struct aep__buf told = {0};
    aep_position reached;
    MUST(track, settle, what, keep_settled, &told, &reached);
    assert_string_equal(aep__buf_string(&told), expected);
    assert_int_equal(reached.offset, next);
    aep__buf_done(&told);
}

static void assert_fates(struct track *track, const char *expected)
{
    static const char letters[] = {
        [AEP__FATE_ON_DISK] = 's', [AEP__FATE_ACKED] = 'a', [AEP__FATE_PARKED] = 'p'};
    struct aep__stored_event found;
    for (unsigned i = 0; expected[i]; i++) {
        assert_int_equal(find_event(track, i + 1, &found), 1);
        assert_int_equal(letters[found.fate], expected[i]);
    }
}

/* Events 1 to 4 are at 10 to 40 of segment 7, of executions 101 and 102 by turns. */
static void test_fates_are_settled_by_their_places(void **state)
{
    struct track *track = *state;
    begin(track);
    for (unsigned i = 1; i <= 4; i++) {
        const struct aep__spooled place = {{1}, 7, 10 * i};
        struct made_event event = make_event(i, AT(i), id_of(101 + i % 2), "{}");
        event.stored.fate = AEP__FATE_ON_DISK;
        event.stored.unsettled = &place;
        add_event(track, &event);
    }
    char first[128];
    snprintf(first, sizeof first, "%s was spooled\n", id_of(102));
    struct aep__settling what = {.spool = {1},
                                 .from = {7, 0},
                                 .until = {7, 11},
                                 .limit = 9,
                                 .fate = AEP__FATE_PARKED,
                                 .stays = true};
    assert_settled(track, &what, first, 11);
    assert_fates(track, "psss");
    what.from = (aep_position){7, 11};
    what.until = (aep_position){7, 40};
    what.fate = AEP__FATE_ACKED;
    what.stays = false;
    what.limit = 1;
    snprintf(first, sizeof first, "%s was spooled\n", id_of(101));
    assert_settled(track, &what, first, 21);
    assert_fates(track, "pass");
    commit(track);
    begin(track);
    what.from = (aep_position){0};
    what.until = (aep_position){8, 0};
    what.limit = 9;
    what.spool[0] = 2; /* another's */
    assert_settled(track, &what, "", 0);
    what.spool[0] = 1;
    char rest[256];
    size_t len = (size_t)snprintf(rest, sizeof rest, "%s was parked\n", id_of(102));
    len += (size_t)snprintf(rest + len, sizeof rest - len, "%s was spooled\n", id_of(102));
    snprintf(rest + len, sizeof rest - len, "%s was spooled\n", id_of(101));
    assert_settled(track, &what, rest, 0);
    assert_fates(track, "aaaa");
    assert_settled(track, &what, "", 0); /* all are known */
    commit(track);
}

static void assert_events(struct track *track, const char *execution_id,
                          const struct aep__order *from, const char *expected)
{
    struct aep__buf kept = {0};
    MUST(track, events, execution_id, from, keep_event, &kept);
    assert_kept(&kept, expected);
}

/* Of execution 100: e1 to e6, of which two are of one instant; those from e4 on are not bound. */
static void add_some_events(struct track *track)
{
    static const struct {
        unsigned number;
        int seconds;
        const char *body;
    } events[] = {{3, 30, "e3"}, {1, 10, "e1"}, {5, 40, "e5"},
                  {4, 40, "e4"}, {2, -1, "e2"}, {6, 60, "e6"}};
    begin(track);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        struct made_event event =
            make_event(events[i].number, AT(events[i].seconds), id_of(100), events[i].body);
        event.stored.bound = events[i].number < 4;
        add_event(track, &event);
    }
    commit(track);
}

static void test_events_come_in_their_order(void **state)
{
    struct track *track = *state;
    struct aep__order from = order_of(5, AT(40));
    add_some_events(track);
    assert_events(track, id_of(100), NULL, "e2 e1 e3 e4 e5 e6 ");
    assert_events(track, id_of(100), &from, "e5 e6 ");
    from.at_us = AT(61);
    assert_events(track, id_of(100), &from, "");
    assert_events(track, id_of(101), NULL, "");
}

static void test_events_move(void **state)
{
    struct track *track = *state;
    struct aep__order five = order_of(5, AT(40)), six = order_of(6, AT(60));
    uint64_t count;
    add_some_events(track);
    begin(track);
    MUST(track, move_events, id_of(100), "other", &five, NULL, &count); /* not bound, from e5 on */
    assert_int_equal(count, 2);
    assert_events(track, id_of(100), NULL, "e2 e1 e3 e4 ");
    assert_events(track, "other", NULL, "e5 e6 ");
    MUST(track, move_events, "other", id_of(102), NULL, &six, &count); /* before e6 */
    assert_int_equal(count, 1);
    assert_events(track, id_of(102), NULL, "e5 ");
    MUST(track, move_events, id_of(100), "other", NULL, NULL, &count); /* all, bound or not */
    assert_int_equal(count, 4);
    assert_events(track, "other", NULL, "e2 e1 e3 e4 e6 ");
    MUST(track, move_events, id_of(100), "other", NULL, NULL, &count);
    assert_int_equal(count, 0);
    commit(track);
    assert_events(track, "other", NULL, "e2 e1 e3 e4 e6 ");
    struct aep__stored_event found; /* what was bound names the one that it was of */
    assert_int_equal(find_event(track, 1, &found), 1);
    assert_false(found.bound);
    assert_string_equal(found.guess, id_of(100));
    assert_int_equal(find_event(track, 4, &found), 1);
    assert_false(found.bound);
    assert_null(found.guess);
}

static void test_guesses_find_their_execution(void **state)
{
    struct track *track = *state;
    struct aep__buf kept = {0};
    struct aep__stored_event found;
    begin(track);
    for (unsigned i = 1; i <= 4; i++) {
        char body[8], execution[AEP_ID_SIZE];
        snprintf(body, sizeof body, "g%u", i);
        snprintf(execution, sizeof execution, "%s", id_of(i == 4 ? 101 : 100));
        struct made_event event = make_event(i, AT(i), execution, body);
        event.stored.bound = false;
        event.stored.guess = i == 3 ? id_of(201) : id_of(200);
        add_event(track, &event);
    }
    MUST(track, guesses, id_of(200), keep_number, &kept);
    assert_kept(&kept, "100 101 ");
    MUST(track, guesses, id_of(202), keep_number, &kept);
    assert_kept(&kept, "");
    MUST(track, move_guesses, id_of(200), id_of(100), id_of(200));
    MUST(track, guesses, id_of(200), keep_number, &kept);
    assert_kept(&kept, "101 ");
    commit(track);
    assert_events(track, id_of(200), NULL, "g1 g2 ");
    assert_events(track, id_of(100), NULL, "g3 ");
    assert_int_equal(find_event(track, 1, &found), 1);
    assert_true(found.bound);
    assert_null(found.guess);
}

/* ---- gaps, positions, counts ---- */

static void test_gaps_are_kept_for_each_agent(void **state)
{
    struct track *track = *state;
    struct aep__buf found = {0};
    const struct aep__store_ops *ops = track->store->ops;
    begin(track);
    MUST(track, put_gaps, "t", "a", AEP__SLICE("first"));
    MUST(track, put_gaps, "t", "a", AEP__SLICE("sec\0nd"));
    MUST(track, put_gaps, "t", "b", AEP__SLICE(""));
    commit(track);
    assert_int_equal(ops->get_gaps(track->store, "t", "a", &found, &track->err), 1);
    assert_int_equal(found.len, 6);
    assert_memory_equal(found.data, "sec\0nd", 6);
    assert_int_equal(ops->get_gaps(track->store, "t", "b", &found, &track->err), 1);
    assert_int_equal(found.len, 0);
    assert_int_equal(ops->get_gaps(track->store, "T", "a", &found, &track->err), 0);
    aep__buf_done(&found);
}

static void test_positions_are_kept_for_each_source(void **state)
{
    struct track *track = *state;
    struct aep__bookmark one = {.source = "spool:1", .segment = UINT64_MAX, .offset = 7}, found;
    begin(track);
    MUST(track, put_position, &one);
    one.offset = 8;
    MUST(track, put_position, &one);
    commit(track);
    found = (struct aep__bookmark){.source = "spool:2"};
    assert_int_equal(track->store->ops->get_position(track->store, &found, &track->err), 0);
    found = (struct aep__bookmark){.source = "spool:1"};
    assert_int_equal(track->store->ops->get_position(track->store, &found, &track->err), 1);
    assert_true(found.segment == UINT64_MAX);
    assert_int_equal(found.offset, 8);
}

static void test_counts_add_up(void **state)
{
    struct track *track = *state;
    int64_t number;
    char name[100];
    MUST(track, get_count, "none", &number);
    assert_int_equal(number, 0);
    for (int round = 1; round <= 2; round++) {
        begin(track);
        for (int i = 0; i < 100; i++) { /* more than are kept in memory, and a long name */
            snprintf(name, sizeof name, "%*d", i == 50 ? 99 : 5, i);
            MUST(track, add_count, name, i);
            MUST(track, add_count, name, 1);
            MUST(track, get_count, name, &number);
            assert_int_equal(number, round * (i + 1));
        }
        commit(track);
        MUST(track, get_count, "   99", &number);
        assert_int_equal(number, round * 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACK_TEST(test_a_row_comes_back_as_it_was_put),
        TRACK_TEST(test_any_member_can_change),
        TRACK_TEST(test_what_is_removed_is_gone),
        TRACK_TEST(test_a_rollback_leaves_everything_as_it_was),
        TRACK_TEST(test_two_that_write_see_what_the_other_has_written),
        TRACK_TEST(test_what_was_stored_before_is_found),
        TRACK_TEST(test_the_nearest_began_last_before),
        TRACK_TEST(test_provisional_ones_are_those_that_have_not_begun),
        TRACK_TEST(test_children_are_those_whose_parent_is_known),
        TRACK_TEST(test_a_tree_can_be_walked_and_changed),
        TRACK_TEST(test_an_event_comes_back_as_it_was_added),
        TRACK_TEST(test_events_are_found_by_ids_of_any_length),
        TRACK_TEST(test_an_event_whose_body_is_gone_is_known),
        TRACK_TEST(test_an_event_is_amended),
        TRACK_TEST(test_fates_are_settled_by_their_places),
        TRACK_TEST(test_events_come_in_their_order),
        TRACK_TEST(test_events_move),
        TRACK_TEST(test_guesses_find_their_execution),
        TRACK_TEST(test_gaps_are_kept_for_each_agent),
        TRACK_TEST(test_positions_are_kept_for_each_source),
        TRACK_TEST(test_counts_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
