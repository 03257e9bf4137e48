/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: what programs read of an execution. */
#include "track/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define SECOND_US INT64_C(1000000)
#define NOW_US (INT64_C(1700000000) * SECOND_US) /* 2023-11-14T22:13:20Z */

static struct aep__tracked unknown(void)
{
    struct aep__tracked run = {.id = "0189-1"};
    run.started_at = run.ended_at = run.last_event_at = run.waiting_since = AEP__UNKNOWN_US;
    run.quiet_since = AEP__UNKNOWN_US;
    run.stalls_at = run.abandons_at = AEP__NEVER_US;
    run.duration_ms = run.told_duration_ms = run.progress_percent = NAN;
    run.steps_completed = run.steps_total = run.expect_within_s = NAN;
    return run;
}

static void expect(const struct aep__tracked *run, bool behind, const char *list,
                   const char *wanted)
{
    struct aep__view view = {NOW_US, behind};
    struct aep__row_fields fields;
    struct aep__buf out = {0};
    aep_error err = {0};
    aep__row_fields_all(&fields);
    if (list && aep__row_fields_read(&fields, list, &err) != AEP_OK)
        fail_msg("%s", err.text);
    aep__row_add(&out, &fields, run, &view);
    assert_string_equal(aep__buf_string(&out), wanted);
    json_t *object = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    json_decref(object);
    aep__buf_done(&out);
}

static void test_what_is_not_known_is_null(void **state)
{
    struct aep__tracked run = unknown();
    (void)state;
    expect(&run, false, NULL,
           "{\"id\":\"0189-1\",\"state\":\"running\",\"basis\":\"event\",\"since\":null,"
           "\"uncertain\":false,\"agent_name\":null,\"user_request\":null,\"tenant_id\":null,"
           "\"source\":null,\"correlation_id\":null,\"session_id\":null,\"parent_id\":null,"
           "\"parent_known\":null,\"root_id\":null,\"depth\":0,\"started_at\":null,"
           "\"ended_at\":null,\"last_event_at\":null,\"duration_ms\":null,\"current_step\":null,"
           "\"progress_percent\":null,\"steps_completed\":null,\"steps_total\":null,"
           "\"waiting_for\":null,\"error_code\":null,\"error_type\":null,\"error_message\":null,"
           "\"result_summary\":null,\"open_children\":0,\"children\":0,\"events\":0,"
           "\"delivery\":\"spooled\",\"partial\":false,\"inferred\":false,\"conflict\":false,"
           "\"skew\":false,\"as_of\":\"2023-11-14T22:13:20.000000Z\"}");
}

static void test_values_are_json(void **state)
{
    struct aep__tracked run = unknown();
    (void)state;
    run.agent_name = "b\"\n\x1b[31m\xc3\xa9";
    run.started_at = NOW_US - 1;
    run.duration_ms = 1.5;
    run.steps_total = 3;
    run.children = 12;
    run.partial = true;
    run.fate = AEP__FATE_DEAD;
    expect(&run, false, "agent_name,started_at,duration_ms,steps_total,children,partial,delivery",
           "{\"agent_name\":\"b\\\"\\n\\u001b[31m\xc3\xa9\","
           "\"started_at\":\"2023-11-14T22:13:19.999999Z\",\"duration_ms\":1.5,\"steps_total\":3,"
           "\"children\":12,\"partial\":true,\"delivery\":\"dead\"}");
}

static void test_a_parent_is_known_or_not_or_none(void **state)
{
    struct aep__tracked run = unknown();
    (void)state;
    run.parent_named = "named"; /* and cut: it shows no parent, and says that something is odd */
    run.cut_from = "x";
    expect(&run, false, "parent_id,parent_known,conflict",
           "{\"parent_id\":null,\"parent_known\":null,\"conflict\":true}");
    run.cut_from = NULL;
    run.parent_id = "named";
    expect(&run, false, "parent_id,parent_known,conflict",
           "{\"parent_id\":\"named\",\"parent_known\":false,\"conflict\":false}");
    run.parent_known = run.conflict = true;
    expect(&run, false, "parent_id,parent_known,conflict",
           "{\"parent_id\":\"named\",\"parent_known\":true,\"conflict\":true}");
}

static void test_what_waits_says_for_what(void **state)
{
    struct aep__tracked run = unknown();
    (void)state;
    run.waiting = AEP__WAITING_RATE_LIMIT;
    run.waiting_since = NOW_US - 60 * SECOND_US;
    expect(&run, false, "state,waiting_for,since",
           "{\"state\":\"waiting\",\"waiting_for\":\"rate_limit\","
           "\"since\":\"2023-11-14T22:12:20.000000Z\"}");
    run.waiting = AEP__WAITING_UNKNOWN;
    expect(&run, false, "state,waiting_for", "{\"state\":\"waiting\",\"waiting_for\":null}");
    run.waiting = AEP__WAITING_HUMAN; /* when it ended */
    run.outcome = AEP__ENDING_FAILED;
    expect(&run, false, "state,waiting_for", "{\"state\":\"failed\",\"waiting_for\":null}");
}

static void test_what_has_not_ended_is_uncertain_behind_the_sources(void **state)
{
    struct aep__tracked run = unknown();
    (void)state;
    expect(&run, true, "state,uncertain", "{\"state\":\"running\",\"uncertain\":true}");
    run.abandons_at = run.quiet_since = NOW_US - 1;
    expect(&run, true, "state,uncertain", "{\"state\":\"abandoned\",\"uncertain\":true}");
    run.outcome = AEP__ENDING_COMPLETED;
    expect(&run, true, "state,uncertain", "{\"state\":\"completed\",\"uncertain\":false}");
}

static void test_fields_are_picked_once_in_their_order(void **state)
{
    struct aep__tracked run = unknown();
    (void)state;
    expect(&run, false, "state,id,state", "{\"state\":\"running\",\"id\":\"0189-1\"}");
}

static void test_a_wrong_field_names_the_nearest(void **state)
{
    static const struct {
        const char *list, *text;
    } rows[] = {
        {"id,stat", "--json: no field is named \"stat\"; did you mean state?"},
        {"agent", "--json: no field is named \"agent\"; did you mean agent_name?"},
        {"", "--json: no field is named \"\"; `aep list --help` names them"},
        {"id,", "--json: no field is named \"\"; `aep list --help` names them"},
        {"id, state", "--json: no field is named \" state\"; did you mean state?"},
    };
    struct aep__row_fields fields;
    aep_error err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(aep__row_fields_read(&fields, rows[i].list, &err), AEP_EINVAL);
        assert_string_equal(err.text, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_known_is_null),
        cmocka_unit_test(test_values_are_json),
        cmocka_unit_test(test_a_parent_is_known_or_not_or_none),
        cmocka_unit_test(test_what_waits_says_for_what),
        cmocka_unit_test(test_what_has_not_ended_is_uncertain_behind_the_sources),
        cmocka_unit_test(test_fields_are_picked_once_in_their_order),
        cmocka_unit_test(test_a_wrong_field_names_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
