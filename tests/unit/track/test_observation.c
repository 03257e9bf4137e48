/* SPDX-License-Identifier: Apache-2.0 */
/* Observations: what is read of an event's JSON, and what is none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "track/observation.h"

#define ID "01234567-89ab-7def-8123-456789abcdef"

static struct aep__observer observer;
static struct aep__observation seen;

static enum aep__rejection observe(const char *json)
{
    return aep__observe(&observer, aep__slice_text(json), &seen);
}

/* An event of a type with this payload. */
static const char *event_of(const char *type, const char *payload)
{
    static char json[2048];
    snprintf(json, sizeof json,
             "{\"event_type\":\"%s\",\"event_id\":\"" ID
             "\",\"timestamp\":\"2026-11-28T10:00:00.5Z\",\"tenant_id\":\"t\",\"namespace\":\"n\","
             "\"source\":\"s\",\"correlation_id\":\"c\",\"causation_id\":\"c\",\"payload\":%s}",
             type, payload);
    return json;
}

#define TYPE(kind) "omninode.agent.execution." kind ".v1"

static void assert_text(struct aep__slice text, const char *expected)
{
    assert_non_null(text.data);
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}

static void test_a_started_event(void **state)
{
    (void)state;
    assert_int_equal(
        observe(event_of(TYPE("started"),
                         "{\"agent_name\":\"a\",\"user_request\":\"do \\u00e9 \\\"it\\\"\","
                         "\"session_id\":\"x\",\"started_at\":\"2026-11-28T09:00:00Z\","
                         "\"context\":{\"agent_name\":\"not this\"}}")),
        AEP__REJECTED_NOT);
    assert_int_equal(seen.kind, AEP_KIND_STARTED);
    assert_string_equal(seen.event_id, ID);
    assert_text(seen.agent_name, "a");
    assert_text(seen.user_request, "do \xc3\xa9 \"it\"");
    assert_text(seen.session_id, "x");
    assert_text(seen.tenant_id, "t");
    assert_text(seen.causation_id, "c");
    assert_int_equal(seen.order.at_us - seen.when_us, INT64_C(3600500000));
    assert_null(seen.current_step.data);
    assert_true(isnan(seen.duration_ms));
}

static void test_any_namespace_and_version_and_other_kinds_count(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int kind;
    } types[] = {
        {"omninode.agent.execution.progress.v1", AEP_KIND_PROGRESS},
        {"dev.omninode.agent.execution.progress.v12", AEP_KIND_PROGRESS},
        {"agent.execution.failed.v2", AEP_KIND_FAILED},
        {"omninode.agent.execution.paused.v1", AEP__KIND_OTHER},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_int_equal(observe(event_of(types[i].type, "{\"agent_name\":\"a\"}")),
                         AEP__REJECTED_NOT);
        assert_int_equal(seen.kind, types[i].kind);
    }
}

static void test_other_types_are_rejected(void **state)
{
    (void)state;
    static const char *const types[] = {
        "",
        "started",
        "agent.execution.started",
        "agent.execution.started.v",
        "agent.execution..v1",
        "magent.execution.started.v1",
        "omninode.agent.routing.requested.v1",
        "omninode.agent.execution.started.more.v1",
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        assert_int_equal(observe(event_of(types[i], "{\"agent_name\":\"a\"}")), AEP__REJECTED_TYPE);
}

static void test_what_is_no_json_is_rejected(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "null", "[]", "{", "{}x", "\"started\"", "{\"a\":1,\"a\":2}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(observe(texts[i]), AEP__REJECTED_JSON);
}

static void test_every_member_of_the_envelope_is_needed(void **state)
{
    (void)state;
    static const char *const names[] = {"event_id", "timestamp", "tenant_id", "correlation_id",
                                        "agent_name"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char json[2048];
        snprintf(json, sizeof json, "%s", event_of(TYPE("started"), "{\"agent_name\":\"a\"}"));
        char *at = strstr(json, names[i]);
        assert_non_null(at);
        at[0] = 'X';
        assert_int_equal(observe(json), AEP__REJECTED_MEMBERS);
    }
    assert_int_equal(observe(event_of(TYPE("started"), "{\"agent_name\":7}")),
                     AEP__REJECTED_MEMBERS);
    assert_int_equal(observe(event_of(TYPE("started"), "[\"agent_name\"]")), AEP__REJECTED_MEMBERS);
}

static void test_members_of_another_kind_are_none(void **state)
{
    (void)state;
    assert_int_equal(
        observe(event_of(TYPE("completed"), "{\"agent_name\":\"a\",\"current_step\":\"x\","
                                            "\"progress_percent\":5,\"error_code\":\"E\","
                                            "\"inferred\":true,\"duration_ms\":7}")),
        AEP__REJECTED_NOT);
    assert_null(seen.current_step.data);
    assert_null(seen.error_code.data);
    assert_false(seen.inferred);
    assert_true(isnan(seen.progress_percent));
    assert_true(seen.duration_ms == 7);
    assert_int_equal(seen.when_us, INT64_MIN);
}

static void test_values_of_another_form_are_none(void **state)
{
    (void)state;
    assert_int_equal(
        observe(event_of(TYPE("progress"), "{\"agent_name\":\"a\",\"current_step\":{\"x\":[1]},"
                                           "\"progress_percent\":\"5\",\"steps_total\":1e999,"
                                           "\"metadata\":[]}")),
        AEP__REJECTED_NOT);
    assert_null(seen.current_step.data);
    assert_true(isnan(seen.progress_percent));
    assert_true(isnan(seen.steps_total));
}

static void test_what_it_waits_for(void **state)
{
    (void)state;
    static const struct {
        const char *metadata;
        enum aep__waiting waiting;
    } cases[] = {
        {"{\"status\":\"waiting\",\"waiting_for\":\"human\"}", AEP__WAITING_HUMAN},
        {"{\"status\":\" Blocked\",\"waiting_for\":\"RATE_LIMIT \"}", AEP__WAITING_RATE_LIMIT},
        {"{\"status\":\"waiting\",\"waiting_for\":\"godot\"}", AEP__WAITING_UNKNOWN},
        {"{\"status\":\"waiting\"}", AEP__WAITING_UNKNOWN},
        {"{\"status\":\"working\",\"waiting_for\":\"human\"}", AEP__WAITING_NOT},
        {"{}", AEP__WAITING_NOT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char payload[256];
        snprintf(payload, sizeof payload, "{\"agent_name\":\"a\",\"metadata\":%s}",
                 cases[i].metadata);
        assert_int_equal(observe(event_of(TYPE("progress"), payload)), AEP__REJECTED_NOT);
        assert_int_equal(seen.waiting, cases[i].waiting);
    }
}

static void test_a_cause_is_one_in_either_case(void **state)
{
    (void)state;
    char json[2048];
    snprintf(json, sizeof json, "%s", event_of(TYPE("progress"), "{\"agent_name\":\"a\"}"));
    char *at = strstr(json, "\"causation_id\":\"c\"");
    assert_non_null(at);
    char rest[1024];
    snprintf(rest, sizeof rest, "%s", at + strlen("\"causation_id\":\"c\""));
    sprintf(at, "\"causation_id\":\"01234567-89AB-7DEF-8123-456789ABCDEF\"%s", rest);
    assert_int_equal(observe(json), AEP__REJECTED_NOT);
    assert_text(seen.causation_id, ID);
}

static void test_large_texts_with_escapes_stay_where_they_are(void **state)
{
    (void)state;
    const size_t half = 100000;
    struct aep__buf payload = {0}, json = {0};
    aep__buf_text(&payload, "{\"agent_name\":\"\\u0061\",\"user_request\":\"");
    for (size_t i = 0; i < half; i++)
        aep__buf_text(&payload, "\xff\\n");
    aep__buf_text(&payload, "\",\"session_id\":\"\\u0062\"}");
    aep__buf_text(&json, event_of(TYPE("started"), "{}"));
    json.len -= 3;
    aep__buf_add(&json, payload.data, payload.len);
    aep__buf_text(&json, "}");
    assert_int_equal(aep__observe(&observer, (struct aep__slice){json.data, json.len}, &seen),
                     AEP__REJECTED_NOT);
    assert_text(seen.agent_name, "a");
    assert_text(seen.session_id, "b");
    assert_int_equal(seen.user_request.len, half * 4);
    aep__buf_done(&payload);
    aep__buf_done(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_started_event),
        cmocka_unit_test(test_any_namespace_and_version_and_other_kinds_count),
        cmocka_unit_test(test_other_types_are_rejected),
        cmocka_unit_test(test_what_is_no_json_is_rejected),
        cmocka_unit_test(test_every_member_of_the_envelope_is_needed),
        cmocka_unit_test(test_members_of_another_kind_are_none),
        cmocka_unit_test(test_values_of_another_form_are_none),
        cmocka_unit_test(test_what_it_waits_for),
        cmocka_unit_test(test_a_cause_is_one_in_either_case),
        cmocka_unit_test(test_large_texts_with_escapes_stay_where_they_are),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    aep__observer_done(&observer);
    return failed;
}
