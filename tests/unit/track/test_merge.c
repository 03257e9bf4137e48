/* SPDX-License-Identifier: Apache-2.0 */
/* The merge: the order in which what several partitions have is taken, and how much is held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "track/merge.h"

#include <stdlib.h>
#include <string.h>

#define SIZE 1000         /* bytes of an item */
#define ROOM (320 * 1000) /* of all lanes */
#define NOW 5000000

struct scene {
    struct aep__merge merge;
    struct aep__lane *lanes[3];
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->merge.held_max = ROOM;
    for (unsigned i = 3; i-- > 0;)
        scene->lanes[i] = aep__merge_open(&scene->merge, i, 100);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    aep__merge_done(&scene->merge);
    assert_int_equal(scene->merge.held, 0);
    assert_int_equal(scene->merge.full, 0);
    free(scene);
    return 0;
}

static void add(struct scene *scene, unsigned lane, int64_t stamp)
{
    char value[SIZE];
    memset(value, 'a' + (int)lane, sizeof value);
    struct aep__merge_item *item = aep__merge_item(value, sizeof value);
    item->offset = scene->lanes[lane]->next;
    item->stamp = stamp;
    aep__merge_add(&scene->merge, scene->lanes[lane], item);
}

static void add_end(struct scene *scene, unsigned lane, int64_t offset)
{
    struct aep__merge_item *item = aep__merge_item(NULL, 0);
    item->offset = offset;
    item->end = true;
    aep__merge_add(&scene->merge, scene->lanes[lane], item);
}

/* The stamp of what comes next; -1: nothing. */
static int64_t take_at(struct scene *scene, int64_t now_us)
{
    struct aep__lane *lane = NULL;
    struct aep__merge_item *item = aep__merge_take(&scene->merge, now_us, &lane);
    if (!item)
        return -1;
    int64_t stamp = item->stamp;
    assert_true(item->end || item->value[0] == 'a' + (int)lane->rank);
    free(item);
    return stamp;
}

static int64_t take(struct scene *scene)
{
    return take_at(scene, NOW);
}

static bool wants(struct scene *scene, unsigned lane)
{
    aep__merge_plan(&scene->merge);
    return scene->lanes[lane]->wanted;
}

static void fill(struct scene *scene, unsigned lane)
{
    for (int64_t stamp = 1; wants(scene, lane); stamp++)
        add(scene, lane, stamp);
}

static void the_oldest_goes_first(void **state)
{
    struct scene *scene = *state;
    for (int64_t stamp = 0; stamp < 30; stamp++)
        add(scene, (unsigned)(stamp * 7 % 3), stamp);
    for (int64_t stamp = 0; stamp < 30; stamp++)
        assert_int_equal(take(scene), stamp);
    assert_int_equal(take(scene), -1);
}

static void of_one_time_the_lowest_rank_goes_first(void **state)
{
    struct scene *scene = *state;
    struct aep__lane *lane;
    for (unsigned i = 0; i < 3; i++)
        add(scene, i, 7);
    for (unsigned i = 0; i < 3; i++) {
        free(aep__merge_take(&scene->merge, NOW, &lane));
        assert_int_equal(lane->rank, i);
    }
}

static void a_lane_keeps_its_own_order(void **state)
{
    struct scene *scene = *state;
    add(scene, 0, 5);
    add(scene, 0, 3);
    add(scene, 1, 4);
    assert_int_equal(take(scene), 4);
    assert_int_equal(take(scene), 5);
    assert_int_equal(take(scene), 3);
}

static void a_lane_that_is_behind_is_waited_for(void **state)
{
    struct scene *scene = *state;
    scene->lanes[1]->end = 101;
    add(scene, 0, 5);
    assert_int_equal(take(scene), -1);
    add(scene, 1, 4);
    assert_int_equal(take(scene), 4);
    assert_int_equal(take(scene), 5); /* it is at its end */
}

static void it_is_waited_for_only_so_long_and_once(void **state)
{
    struct scene *scene = *state;
    scene->lanes[1]->end = 200;
    add(scene, 0, 5);
    add(scene, 0, 6);
    assert_int_equal(take_at(scene, NOW), -1);
    assert_int_equal(take_at(scene, NOW + AEP__MERGE_WAIT_US - 1), -1);
    assert_int_equal(take_at(scene, NOW + AEP__MERGE_WAIT_US), 5);
    assert_int_equal(take_at(scene, NOW + AEP__MERGE_WAIT_US), 6);
    add(scene, 1, 7); /* something comes from it: it is waited for again */
    assert_int_equal(take_at(scene, NOW + 2 * AEP__MERGE_WAIT_US), 7);
    add(scene, 0, 8);
    assert_int_equal(take_at(scene, NOW + 2 * AEP__MERGE_WAIT_US), -1);
}

static void nothing_is_waited_for_if_the_room_is_full(void **state)
{
    struct scene *scene = *state;
    scene->lanes[1]->end = 200;
    while (!aep__merge_is_full(&scene->merge))
        add(scene, 0, 5);
    assert_int_equal(take(scene), 5);
    assert_int_equal(take(scene), -1);
}

static void a_full_lane_wants_more_when_half_is_taken(void **state)
{
    struct scene *scene = *state;
    for (unsigned i = 0; i < 3; i++)
        scene->lanes[i]->end = 100000;
    for (unsigned i = 0; i < 3; i++)
        fill(scene, i);
    assert_true(scene->merge.held <= ROOM + 3 * 2 * SIZE);
    size_t full = scene->lanes[0]->held;
    assert_in_range(full, ROOM / 3, ROOM / 3 + 2 * SIZE);
    while (!wants(scene, 0))
        assert_int_not_equal(take(scene), -1);
    assert_in_range(scene->lanes[0]->held, full / 2 - 2 * SIZE, full / 2);
}

static void from_a_full_one_on_the_ended_want_nothing(void **state)
{
    struct scene *scene = *state;
    scene->lanes[0]->end = 1000;
    scene->lanes[1]->end = 101;
    assert_true(wants(scene, 1) && wants(scene, 2));
    fill(scene, 0);
    assert_false(wants(scene, 0));
    assert_true(wants(scene, 1)); /* it is behind */
    assert_false(wants(scene, 2));
    add(scene, 1, 0);
    assert_false(wants(scene, 1));
    while (!wants(scene, 0))
        take(scene);
    assert_false(wants(scene, 1) || wants(scene, 2)); /* the first one is behind */
    scene->lanes[0]->end = scene->lanes[0]->next;
    assert_true(wants(scene, 1) && wants(scene, 2));
}

static void who_is_behind_shares_the_room(void **state)
{
    struct scene *scene = *state;
    scene->lanes[0]->end = 100000;
    fill(scene, 0);
    assert_in_range(scene->lanes[0]->held, ROOM, ROOM + 2 * SIZE);
    scene->lanes[1]->end = 100000;
    fill(scene, 1);
    assert_in_range(scene->lanes[1]->held, ROOM / 2, ROOM / 2 + 2 * SIZE);
}

static void an_end_goes_at_once_and_moves_its_lane(void **state)
{
    struct scene *scene = *state;
    scene->lanes[1]->end = 200;
    scene->lanes[2]->end = 110;
    add(scene, 0, 5);
    add_end(scene, 2, 110);
    assert_int_equal(scene->lanes[2]->next, 110);
    assert_int_equal(take(scene), 0);
    assert_int_equal(take(scene), -1); /* for lane 1 */
}

static void a_lane_that_closes_holds_nothing_up(void **state)
{
    struct scene *scene = *state;
    scene->lanes[1]->end = 200;
    scene->lanes[2]->end = 100000;
    add(scene, 0, 5);
    fill(scene, 2);
    assert_int_equal(scene->merge.full, 1);
    aep__merge_close(&scene->merge, scene->lanes[2]);
    assert_int_equal(scene->merge.full, 0);
    assert_int_equal(take(scene), -1); /* for lane 1 */
    aep__merge_close(&scene->merge, scene->lanes[1]);
    assert_int_equal(take(scene), 5);
    assert_int_equal(scene->merge.held, 0);
}

#define MERGE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MERGE_TEST(the_oldest_goes_first),
        MERGE_TEST(of_one_time_the_lowest_rank_goes_first),
        MERGE_TEST(a_lane_keeps_its_own_order),
        MERGE_TEST(a_lane_that_is_behind_is_waited_for),
        MERGE_TEST(it_is_waited_for_only_so_long_and_once),
        MERGE_TEST(nothing_is_waited_for_if_the_room_is_full),
        MERGE_TEST(a_full_lane_wants_more_when_half_is_taken),
        MERGE_TEST(from_a_full_one_on_the_ended_want_nothing),
        MERGE_TEST(who_is_behind_shares_the_room),
        MERGE_TEST(an_end_goes_at_once_and_moves_its_lane),
        MERGE_TEST(a_lane_that_closes_holds_nothing_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
