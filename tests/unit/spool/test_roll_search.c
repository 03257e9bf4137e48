/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for the events that the roll asks about, before their segments go. */
#include "spool_fixture.h"

#include "base/id.h"
#include "spool/roll_own.h"
#include "spool/roll_search.h"

/* An id that is nothing but this byte. */
static void id_of(uint8_t number, uint8_t id[16], char text[AEP_ID_SIZE])
{
    memset(id, number, 16);
    aep__id_format(id, text);
}

/* An event as publishers write it, with `len` bytes more. */
static aep_position append_event(struct aep__appender *appender, const char *type, uint8_t number,
                                 uint8_t cause, int len)
{
    uint8_t id[16];
    char id_text[AEP_ID_SIZE], cause_text[AEP_ID_SIZE];
    struct aep__buf value = {0}, record = {0};
    aep_position position = {0};
    aep_error err = {0};
    id_of(number, id, id_text);
    id_of(cause, id, cause_text);
    aep__buf_format(&value, "{\"event_type\":\"%s\",\"event_id\":\"%s\",\"x\":\"%*s\"}", type,
                    id_text, len, "");
    struct aep__message message = {
        .topic = AEP__SLICE("test"),
        .headers = {{AEP__SLICE("x-causation-id"), aep__slice_text(cause_text)}},
        .header_count = 1,
        .value = {value.data, value.len},
    };
    assert_true(aep__record_encode_message(&record, &message));
    assert_int_equal(aep__append(appender, record.data, record.len, false, &position, &err),
                     AEP_OK);
    aep__buf_done(&value);
    aep__buf_done(&record);
    return position;
}

static struct aep__sought sought_of(uint8_t number, bool effect, aep_position from)
{
    struct aep__sought sought = {.effect = effect, .from = from};
    memset(sought.id, number, sizeof sought.id);
    return sought;
}

static bool asks_for_ends(struct aep__slice type)
{
    return type.len == 5 && memcmp(type.data, "a.end", 5) == 0;
}

static void search(struct here *here, struct aep__sought *sought, size_t count, aep_position below)
{
    const struct aep__search search = {
        .sought = sought, .count = count, .below = below, .asks_for = asks_for_ends};
    assert_int_equal(aep__roll_search(&here->spool, &search, &here->err), AEP_OK);
}

static void test_events_are_found_by_their_ids_in_all_segments(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    aep_position ends[30];
    for (uint8_t i = 0; i < 30; i++)
        ends[i] = append_event(&appender, i % 2 ? "a.end" : "a.step", i, (uint8_t)(100 + i), 700);
    assert_true(ends[29].segment > 4);
    append_text(&appender, "{\"event_type\":\"a.step\",\"event_id\":\"no id\"}");
    append_text(&appender, "{\"event_type\":\"a.step");
    tear_into(here, appender.segment, "torn", 20);
    struct aep__sought sought[] = {
        sought_of(0, false, (aep_position){0}),   sought_of(29, false, (aep_position){0}),
        sought_of(30, false, (aep_position){0}),  sought_of(13, false, ends[12]),
        sought_of(101, true, (aep_position){0}), /* its effect is an end */
        sought_of(102, true, (aep_position){0}), /* its effect is none */
        sought_of(101, false, (aep_position){0}),
    };
    static const bool found[] = {true, true, false, true, true, false, false};
    search(here, sought, 7, (aep_position){0});
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(sought[i].found, found[i]);

    struct aep__sought later = sought_of(13, false, ends[13]);
    search(here, &later, 1, (aep_position){0});
    assert_false(later.found);
    struct aep__sought below[] = {sought_of(3, false, (aep_position){0}),
                                  sought_of(4, false, (aep_position){0})};
    search(here, below, 2, ends[3]);
    assert_true(below[0].found && !below[1].found);
    aep__append_done(&appender);
}

static void test_what_the_cursor_has_passed_is_searched_and_gaps_are_no_end(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    aep_position end = {0};
    for (uint8_t i = 0; i < 30; i++)
        end = append_event(&appender, "a.step", i, 0, 700);
    store_cursor(here, end.segment, 0);
    remove_segment(here, 1);
    remove_segment(here, 3);
    struct aep__sought sought[] = {sought_of(0, false, (aep_position){0}),
                                   sought_of(6, false, (aep_position){1, 3000}),
                                   sought_of(29, false, (aep_position){0})};
    search(here, sought, 3, (aep_position){0});
    assert_false(sought[0].found);
    assert_true(sought[1].found && sought[2].found);
    aep__append_done(&appender);
}

/* ---- release ---- */

static struct aep__roll_place enter(struct aep__roll_own *own, enum aep__roll_state state,
                                    uint8_t execution, uint8_t event, aep_position from)
{
    struct aep__roll_place place;
    struct aep__buf body = {0};
    struct aep__roll_area area = {.state = state, .from = from};
    memset(area.execution, execution, sizeof area.execution);
    memset(area.event, event, sizeof area.event);
    aep__roll_encode_body(&body, &(struct aep__roll_body){0});
    assert_int_equal(aep__roll_own_enter(own, &area, &body, &place), 0);
    aep__buf_done(&body);
    return place;
}

static enum aep__roll_state said_of(struct aep__roll_own *own, const struct aep__roll_place *place,
                                    uint8_t execution)
{
    struct aep__roll_entry entry;
    uint8_t id[16];
    memset(id, execution, sizeof id);
    assert_int_equal(aep__roll_own_read(own, place, id, &entry), 1);
    return entry.areas[AEP__ROLL_RELAY].state;
}

static void test_before_segments_go_it_is_noted_what_was_in_them(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    struct aep__roll_own own;
    aep_position ends[20];
    aep__roll_own_init(&own, &here->spool);
    for (uint8_t i = 0; i < 20; i++)
        ends[i] = append_event(&appender, "a.step", i, 0, 700);
    struct aep__roll_place starting = enter(&own, AEP__ROLL_STARTING, 1, 1, (aep_position){0});
    struct aep__roll_place ending = enter(&own, AEP__ROLL_ENDING, 2, 3, (aep_position){1, 0});
    struct aep__roll_place late = enter(&own, AEP__ROLL_ENDING, 3, 19, (aep_position){1, 0});
    struct aep__roll_place absent = enter(&own, AEP__ROLL_ENDING, 4, 50, (aep_position){1, 0});
    struct aep__roll_place open = enter(&own, AEP__ROLL_STARTED, 5, 2, (aep_position){1, 0});
    struct aep__roll_area area = {.state = AEP__ROLL_DECLARING, .from = {1, 0}};
    memset(area.execution, 5, sizeof area.execution);
    memset(area.event, 4, sizeof area.event);
    assert_int_equal(aep__roll_mark(own.fd, open.unit, AEP__ROLL_RELAY, &area), 0);

    aep_position below = {ends[19].segment, 0};
    assert_int_equal(aep__roll_release(&here->spool, below, &here->err), AEP_OK);
    assert_int_equal(said_of(&own, &starting, 1), AEP__ROLL_FOUND);
    assert_int_equal(said_of(&own, &ending, 2), AEP__ROLL_FOUND);
    assert_int_equal(said_of(&own, &late, 3), AEP__ROLL_FREE); /* not in what goes */
    assert_int_equal(said_of(&own, &absent, 4), AEP__ROLL_FREE);
    assert_int_equal(said_of(&own, &open, 5), AEP__ROLL_DECLARED);
    aep__append_done(&appender);
    aep__roll_own_done(&own);
}

static void test_without_a_roll_nothing_is_read(void **state)
{
    struct here *here = *state;
    assert_int_equal(aep__roll_release(&here->spool, (aep_position){9, 0}, &here->err), AEP_OK);
    assert_false(exists(here, AEP__ROLL_FOLDER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_events_are_found_by_their_ids_in_all_segments),
        HERE_TEST(test_what_the_cursor_has_passed_is_searched_and_gaps_are_no_end),
        HERE_TEST(test_before_segments_go_it_is_noted_what_was_in_them),
        HERE_TEST(test_without_a_roll_nothing_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
