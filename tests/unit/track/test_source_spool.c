/* SPDX-License-Identifier: Apache-2.0 */
/* A spool read into a store: once each, wherever the relay stands, whatever is removed meanwhile. */
#include "source_fixture.h"

static void test_each_event_is_read_once(void **state)
{
    struct scene *scene = begin_scene(state);
    publish_some(scene, 10);
    assert_int_equal(read_all(scene), 10);
    assert_int_equal(read_all(scene), 0);
    publish(scene);
    assert_int_equal(read_all(scene), 1);
    for (unsigned i = 1; i <= 11; i++)
        assert_int_equal(ordinal_of(scene, i), i - 1);
    end_scene(scene);
}

static void test_the_next_one_goes_on_where_the_store_stands(void **state)
{
    struct scene *scene = begin_scene(state);
    bool end;
    publish_some(scene, 10);
    assert_int_equal(read_some(scene, 4, true, &end), 4);
    assert_false(end);
    assert_int_equal(read_some(scene, 3, false, &end), 3); /* killed before it was stored */
    close_source(scene);
    open_source(scene);
    assert_int_equal(read_all(scene), 6);
    assert_int_equal(counted(scene, "events"), 10);
    assert_int_equal(counted(scene, "duplicates"), 0);
    for (unsigned i = 1; i <= 10; i++)
        assert_int_equal(ordinal_of(scene, i), i - 1);
    end_scene(scene);
}

static void test_an_end_is_seen_with_the_time_before_it(void **state)
{
    struct scene *scene = begin_scene(state);
    bool end;
    assert_int_equal(scene->source.read_us, 0);
    publish_some(scene, 3);
    read_some(scene, 2, true, &end);
    assert_false(end);
    assert_int_equal(scene->source.read_us, 0);
    read_some(scene, 2, true, &end);
    assert_true(end && scene->source.read_us > 0);
    end_scene(scene);
}

static void test_segments_that_go_after_they_were_read_are_not_missed(void **state)
{
    struct scene *scene = begin_scene(state);
    publish_some(scene, 3); /* fills the first segment */
    assert_int_equal(read_all(scene), 3);
    publish_some(scene, 3);
    deliver_segment(scene, 3);
    publish(scene);
    assert_int_equal(read_all(scene), 4);
    assert_int_equal(scene->source.missed, 0);
    for (unsigned i = 1; i <= 7; i++)
        assert_int_equal(ordinal_of(scene, i), i - 1);
    end_scene(scene);
}

static void test_what_goes_before_it_is_read_is_counted(void **state)
{
    struct scene *scene = begin_scene(state);
    bool end;
    publish_some(scene, 3);
    read_some(scene, 1, true, &end);
    close_source(scene);
    publish_some(scene, 4);
    deliver_segment(scene, 3);
    deliver_segment(scene, 3);
    open_source(scene);
    assert_int_equal(read_all(scene), 1);
    assert_int_equal(counted(scene, AEP__COUNT_MISSED), 5);
    assert_int_equal(ordinal_of(scene, 7), 6);
    close_source(scene);
    open_source(scene);
    assert_int_equal(read_all(scene), 0);
    assert_int_equal(counted(scene, AEP__COUNT_MISSED), 5); /* once */
    end_scene(scene);
}

static void test_a_segment_that_goes_under_the_reader_is_passed(void **state)
{
    struct scene *scene = begin_scene(state);
    publish_some(scene, 2); /* no seal yet */
    assert_int_equal(read_all(scene), 2);
    publish_some(scene, 4); /* the third fills it */
    remove_segment(scene->here, 1);
    assert_int_equal(read_all(scene), 4); /* what is open can be read to its end */
    publish(scene);
    assert_int_equal(read_all(scene), 1);
    end_scene(scene);
}

static void test_a_new_source_begins_at_the_spools_begin(void **state)
{
    struct scene *scene = begin_scene(state);
    close_source(scene);
    publish_some(scene, 7);
    deliver_segment(scene, 3);
    finish(scene, 2, (uint64_t)segment_size(scene->here, 2), 6); /* not gone yet */
    open_source(scene);
    assert_int_equal(read_all(scene), 4);
    assert_int_equal(counted(scene, AEP__COUNT_MISSED), 0);
    for (unsigned i = 4; i <= 7; i++)
        assert_int_equal(ordinal_of(scene, i), i - 1);
    end_scene(scene);
}

/* The relay of the next boot gives what is not finished other numbers. */
static void test_a_new_boot_skips_numbers(void **state)
{
    struct scene *scene = begin_scene(state);
    uint8_t boot[16];
    close_source(scene);
    publish(scene);
    aep_position second = append_long(&scene->appender, "no event", LONG);
    publish(scene);
    memcpy(boot, scene->here->spool.boot, sizeof boot);
    reboot(scene->here); /* the cursor is of another boot than ours */
    finish(scene, 1, second.offset, 2);
    memcpy(scene->here->spool.boot, boot, sizeof boot);
    open_source(scene);
    assert_int_equal(read_all(scene), 3);
    assert_int_equal(ordinal_of(scene, 1), 0);
    assert_int_equal(ordinal_of(scene, 2), INT64_C(1) << 32);
    end_scene(scene);
}

static void test_a_spool_that_is_removed_is_gone(void **state)
{
    struct scene *scene = begin_scene(state);
    publish_some(scene, 2);
    assert_int_equal(read_all(scene), 2);
    assert_int_equal(nftw(scene->here->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(read_all(scene), 0);
    assert_true(scene->source.gone);
    end_scene(scene);
}

static void test_what_is_no_event_is_counted_and_passed(void **state)
{
    struct scene *scene = begin_scene(state);
    append_text(&scene->appender, "no JSON");
    append_text(&scene->appender, "{\"event_type\":\"a.b.c.v1\"}");
    tear_into(scene->here, 1, "torn", 20);
    publish(scene);
    assert_int_equal(read_all(scene), 3);
    assert_int_equal(counted(scene, "rejected: not JSON"), 1);
    assert_int_equal(counted(scene, "rejected: another type"), 1);
    assert_int_equal(ordinal_of(scene, 1), 2);
    end_scene(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_each_event_is_read_once),
        HERE_TEST(test_the_next_one_goes_on_where_the_store_stands),
        HERE_TEST(test_an_end_is_seen_with_the_time_before_it),
        HERE_TEST(test_segments_that_go_after_they_were_read_are_not_missed),
        HERE_TEST(test_what_goes_before_it_is_read_is_counted),
        HERE_TEST(test_a_segment_that_goes_under_the_reader_is_passed),
        HERE_TEST(test_a_new_source_begins_at_the_spools_begin),
        HERE_TEST(test_a_new_boot_skips_numbers),
        HERE_TEST(test_a_spool_that_is_removed_is_gone),
        HERE_TEST(test_what_is_no_event_is_counted_and_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
