/* SPDX-License-Identifier: Apache-2.0 */
#include "event/envelope_make.h"

#include "base/id.h"
#include "vectors.h"

#include <stdlib.h>

/* ---- ids and settings from a vector --------------------------------------------------------- */

static json_t *ids_left; /* what make_id gives next */
static size_t ids_taken;

static void give_id(int64_t wall_us, uint8_t bytes[16])
{
    (void)wall_us;
    const char *id = json_string_value(json_array_get(ids_left, ids_taken++));
    assert_non_null(id);
    assert_true(aep__id_parse(id, strlen(id), bytes));
}

static json_t *setting(const json_t *document, const json_t *vector, const char *name)
{
    json_t *own = json_object_get(json_object_get(vector, "settings"), name);
    return own ? own : json_object_get(json_object_get(document, "defaults"), name);
}

static void set_up(struct aep__envelope_settings *settings, const json_t *document,
                   const json_t *vector)
{
    aep_error err;
    struct aep__redactor *redactor = NULL;
    if (json_is_true(setting(document, vector, "redact")))
        assert_int_equal(aep__redactor_new(NULL, &redactor, &err), AEP_OK);
    *settings = (struct aep__envelope_settings){
        .tenant_id = json_string_value(setting(document, vector, "tenant_id")),
        .namespace_ = json_string_value(setting(document, vector, "namespace")),
        .source = json_string_value(setting(document, vector, "source")),
        .environment = json_string_value(setting(document, vector, "environment")),
        .traceparent = json_string_value(setting(document, vector, "traceparent")),
        .tracestate = json_string_value(setting(document, vector, "tracestate")),
        .single_topic = json_is_true(setting(document, vector, "single_topic")),
        .cloudevents = json_is_true(setting(document, vector, "cloudevents")),
        .ids_strict = json_is_true(setting(document, vector, "ids_strict")),
        .capture_request = json_is_true(setting(document, vector, "capture_request")),
        .field_bytes = (size_t)json_integer_value(setting(document, vector, "field_bytes")),
        .message_bytes = (size_t)json_integer_value(setting(document, vector, "message_bytes")),
        .redactor = redactor,
        .make_id = give_id,
    };
    assert_int_equal(aep__envelope_settings_prepare(settings, &err), AEP_OK);
    ids_left = json_object_get(vector, "ids");
    ids_taken = 0;
}

static void tear_down(struct aep__envelope_settings *settings)
{
    aep__redactor_free((struct aep__redactor *)settings->redactor);
    aep__envelope_settings_done(settings);
}

static int64_t time_of(const json_t *vector, const char *name)
{
    int64_t us = 0;
    const char *text = text_of(vector, name);
    if (text)
        assert_true(aep__clock_parse(text, strlen(text), &us));
    return us;
}

/* ---- making what a vector says -------------------------------------------------------------- */

static int make_kind(struct aep__envelope *envelope, const struct aep__envelope_settings *settings,
                     const json_t *vector, aep_error *err)
{
    aep_field fields[24];
    size_t count = 0;
    const char *name;
    json_t *member;
    struct aep__facts facts;
    json_object_foreach(json_object_get(vector, "members"), name, member) fields[count++] =
        (aep_field){.name = name,
                    .text = json_string_value(member),
                    .length = json_string_length(member),
                    .number = json_number_value(member)};
    int code = aep__facts_from_fields((enum aep_kind)aep_kind_find(text_of(vector, "kind")), fields,
                                      count, &facts, err);
    if (code != AEP_OK)
        return code;
    facts.now_us = time_of(vector, "now");
    facts.last_us = time_of(vector, "last");
    return aep__envelope_make(envelope, settings, &facts, err);
}

static int make_any(struct aep__envelope *envelope, const struct aep__envelope_settings *settings,
                    const json_t *vector, aep_error *err)
{
    json_t *members = json_object_get(vector, "members");
    return aep__envelope_make_any(envelope, settings,
                                  AEP_EVENT(.event_type = text_of(members, "event_type"),
                                            .topic = text_of(members, "topic"),
                                            .payload = text_of(members, "payload"),
                                            .correlation_id = text_of(members, "correlation_id"),
                                            .schema_ref = text_of(members, "schema_ref"),
                                            .causation_id = text_of(members, "causation_id")),
                                  time_of(vector, "now"), err);
}

static int make_vector(struct aep__envelope *envelope,
                       const struct aep__envelope_settings *settings, const json_t *vector,
                       aep_error *err)
{
    bool any = strcmp(text_of(vector, "kind"), "event") == 0;
    return any ? make_any(envelope, settings, vector, err)
               : make_kind(envelope, settings, vector, err);
}

static void expect_slice(const json_t *vector, struct aep__slice got, const char *want)
{
    expect_text(vector, got.data, got.len, want, strlen(want));
}

static void check_headers(const struct aep__message *message, const json_t *vector)
{
    json_t *headers = json_object_get(vector, "headers"), *header;
    size_t i;
    assert_int_equal(message->header_count, json_array_size(headers));
    json_array_foreach(headers, i, header)
    {
        const char *value = json_string_value(json_array_get(header, 1));
        if (strncmp(value, "schema:", 7) == 0)
            value = aep_kind_schema_hash((enum aep_kind)aep_kind_find(value + 7));
        expect_slice(vector, message->headers[i].name,
                     json_string_value(json_array_get(header, 0)));
        expect_slice(vector, message->headers[i].value, value);
    }
}

static void check_message(const struct aep__envelope *envelope, const json_t *vector)
{
    const struct aep__message *message = &envelope->message;
    expect_text(vector, message->value.data, message->value.len, text_of(vector, "value"),
                length_of(vector, "value"));
    expect_slice(vector, message->topic, text_of(vector, "topic"));
    expect_slice(vector, message->key, text_of(vector, "key"));
    expect_number(vector, "timestamp_ms", message->timestamp_ms);
    expect_number(vector, "repaired", (long long)envelope->counts.repaired);
    expect_number(vector, "redacted", (long long)envelope->counts.redacted);
    expect_number(vector, "cut", (long long)envelope->counts.cut);
    check_headers(message, vector);
}

/* ---- tests ---------------------------------------------------------------------------------- */

/* All of them share one envelope's memory. */
static void messages_are_what_the_wire_contract_says_to_the_byte(void **state)
{
    (void)state;
    json_t *document = load_vectors("envelopes.json"), *vector;
    struct aep__envelope envelope = {0};
    size_t i;
    json_array_foreach(json_object_get(document, "envelopes"), i, vector)
    {
        struct aep__envelope_settings settings;
        aep_error err = {0};
        set_up(&settings, document, vector);
        if (make_vector(&envelope, &settings, vector, &err) != AEP_OK)
            fail_msg("\"%s\": %s", text_of(vector, "name"), err.text);
        check_message(&envelope, vector);
        assert_string_equal(envelope.event_id, json_string_value(json_array_get(ids_left, 0)));
        assert_string_equal(envelope.correlation_id, text_of(vector, "key"));
        tear_down(&settings);
    }
    aep__envelope_done(&envelope);
    json_decref(document);
}

static void what_cannot_be_published_is_refused_by_its_name(void **state)
{
    (void)state;
    json_t *document = load_vectors("envelopes.json"), *vector;
    struct aep__envelope envelope = {0};
    size_t i;
    json_array_foreach(json_object_get(document, "refused"), i, vector)
    {
        struct aep__envelope_settings settings;
        aep_error err = {0};
        set_up(&settings, document, vector);
        int code = make_vector(&envelope, &settings, vector, &err);
        if (strcmp(aep_code_name(code), text_of(vector, "error")) != 0 ||
            strcmp(err.field, text_of(vector, "field")) != 0)
            fail_msg("\"%s\": %s of %s: %s", text_of(vector, "name"), aep_code_name(code),
                     err.field, err.text);
        assert_int_equal(err.code, code);
        assert_true(strlen(err.text) > 10);
        expect_number(vector, "position", (long long)err.position);
        tear_down(&settings);
    }
    aep__envelope_done(&envelope);
    json_decref(document);
}

static void what_is_published_is_valid(void **state)
{
    (void)state;
    json_t *document = load_vectors("envelopes.json"), *vector;
    size_t i;
    json_array_foreach(json_object_get(document, "envelopes"), i, vector)
    {
        aep_error err;
        if (aep_validate(text_of(vector, "value"), length_of(vector, "value"), 0, NULL, NULL,
                         &err) != AEP_OK)
            fail_msg("\"%s\": %s", text_of(vector, "name"), err.text);
    }
    json_decref(document);
}

static const struct aep__envelope_settings plain = {
    .tenant_id = "default",
    .namespace_ = "omninode",
    .source = "omniclaude",
    .cloudevents = true,
    .capture_request = true,
    .field_bytes = 1000,
    .message_bytes = 100000,
};

static void structs_say_the_same_as_fields(void **state)
{
    (void)state;
    struct aep__envelope_settings settings = plain;
    struct aep__envelope a = {0}, b = {0};
    struct aep__facts facts;
    aep_error err;
    assert_int_equal(aep__envelope_settings_prepare(&settings, &err), AEP_OK);
    assert_int_equal(aep__facts_from_struct(AEP_KIND_COMPLETED,
                                            AEP_COMPLETED(.agent_name = "a", .correlation_id = "c",
                                                          .duration_ms = AEP_NUM(0),
                                                          .quality_score = AEP_NUM(0.25),
                                                          .artifacts = "[1]", .causation_id = "k"),
                                            &facts, &err),
                     AEP_OK);
    facts.now_us = 1763044200123456;
    assert_int_equal(aep__envelope_make(&a, &settings, &facts, &err), AEP_OK);
    const aep_field fields[] = {
        {"causation_id", "k", 1, 0},      {"artifacts", "[1]", 3, 0},
        {"quality_score", NULL, 0, 0.25}, {"duration_ms", "0", 1, 0},
        {"correlation_id", "c", 1, 0},    {"agent_name", "a", 1, 0},
    };
    assert_int_equal(aep__facts_from_fields(AEP_KIND_COMPLETED, fields, 6, &facts, &err), AEP_OK);
    facts.now_us = 1763044200123456;
    assert_int_equal(aep__envelope_make(&b, &settings, &facts, &err), AEP_OK);
    memcpy(strstr(a.message.value.data, a.event_id), b.event_id, AEP_ID_SIZE - 1);
    assert_int_equal(a.message.value.len, b.message.value.len);
    assert_memory_equal(a.message.value.data, b.message.value.data, a.message.value.len);
    assert_non_null(memmem(a.message.value.data, a.message.value.len,
                           "\"duration_ms\":0,\"artifacts\":[1],\"quality_score\":0.25}", 50));
    aep__envelope_done(&a);
    aep__envelope_done(&b);
    aep__envelope_settings_done(&settings);
}

static void a_struct_of_another_version_is_read_as_far_as_it_goes(void **state)
{
    (void)state;
    struct aep__facts facts;
    aep_error err;
    struct {
        aep_started known;
        const char *later;
    } newer = {.known = {.size = sizeof newer, .agent_name = "a"}};
    assert_int_equal(aep__facts_from_struct(AEP_KIND_STARTED, &newer, &facts, &err), AEP_OK);
    newer.later = "x";
    assert_int_equal(aep__facts_from_struct(AEP_KIND_STARTED, &newer, &facts, &err), AEP_EINVAL);
    assert_string_equal(err.field, "size");
    aep_started older = {.size = offsetof(aep_started, session_id),
                         .agent_name = "a",
                         .correlation_id = "c",
                         .session_id = "not there yet"};
    assert_int_equal(aep__facts_from_struct(AEP_KIND_STARTED, &older, &facts, &err), AEP_OK);
    assert_true(facts.values[2].given);
    assert_false(facts.values[3].given);
    older.size = 0;
    assert_int_equal(aep__facts_from_struct(AEP_KIND_STARTED, &older, &facts, &err), AEP_EINVAL);
}

static void a_field_given_twice_is_refused(void **state)
{
    (void)state;
    struct aep__facts facts;
    aep_error err;
    const aep_field fields[] = {{"agent_name", "a", 1, 0}, {"agent_name", "b", 1, 0}};
    assert_int_equal(aep__facts_from_fields(AEP_KIND_STARTED, fields, 2, &facts, &err), AEP_EINVAL);
    assert_string_equal(err.field, "agent_name");
    assert_int_equal(aep__facts_from_fields((enum aep_kind)9, fields, 1, &facts, &err), AEP_EINVAL);
}

static void defaults_stand_in_only_for_what_was_not_given(void **state)
{
    (void)state;
    struct aep__facts facts = {.kind = AEP_KIND_COMPLETED};
    aep__facts_default_text(&facts, "agent_name", "a");
    aep__facts_default_text(&facts, "agent_name", "b");
    aep__facts_default_text(&facts, "causation_id", "k");
    aep__facts_default_text(&facts, "user_request", "completed has none");
    aep__facts_default_number(&facts, "duration_ms", 5);
    assert_string_equal(facts.values[0].text, "a");
    assert_string_equal(facts.causation_id.text, "k");
    assert_true(facts.values[3].given && facts.values[3].number == 5);
}

static void settings_that_cannot_stand_on_the_wire_are_named(void **state)
{
    (void)state;
    aep_error err;
    struct aep__envelope_settings settings = plain;
    settings.namespace_ = " ";
    assert_int_equal(aep__envelope_settings_prepare(&settings, &err), AEP_ECONFIG);
    assert_string_equal(err.field, "namespace");
    settings = plain;
    settings.tenant_id = "a\xff";
    assert_int_equal(aep__envelope_settings_prepare(&settings, &err), AEP_ECONFIG);
    assert_string_equal(err.field, "tenant_id");
}

static void ids_with_secrets_are_redacted_wherever_they_stand(void **state)
{
    (void)state;
    aep_error err;
    struct aep__redactor *redactor;
    struct aep__envelope_settings settings = plain;
    struct aep__envelope envelope = {0};
    struct aep__facts facts;
    assert_int_equal(aep__redactor_new(NULL, &redactor, &err), AEP_OK);
    settings.redactor = redactor;
    assert_int_equal(aep__envelope_settings_prepare(&settings, &err), AEP_OK);
    assert_int_equal(aep__facts_from_struct(AEP_KIND_STARTED,
                                            AEP_STARTED(.agent_name = "a", .user_request = "r",
                                                        .correlation_id = "sk-1234567890abcdef",
                                                        .tracestate = "a=sk-1234567890abcdef"),
                                            &facts, &err),
                     AEP_OK);
    assert_int_equal(aep__envelope_make(&envelope, &settings, &facts, &err), AEP_OK);
    assert_string_equal(envelope.correlation_id, "[REDACTED:openai_key]");
    assert_null(memmem(envelope.message.value.data, envelope.message.value.len, "567890", 6));
    for (size_t i = 0; i < envelope.message.header_count; i++)
        assert_null(memmem(envelope.message.headers[i].value.data,
                           envelope.message.headers[i].value.len, "567890", 6));
    aep__envelope_done(&envelope);
    aep__envelope_settings_done(&settings);
    aep__redactor_free(redactor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_what_the_wire_contract_says_to_the_byte),
        cmocka_unit_test(what_cannot_be_published_is_refused_by_its_name),
        cmocka_unit_test(what_is_published_is_valid),
        cmocka_unit_test(structs_say_the_same_as_fields),
        cmocka_unit_test(a_struct_of_another_version_is_read_as_far_as_it_goes),
        cmocka_unit_test(a_field_given_twice_is_refused),
        cmocka_unit_test(defaults_stand_in_only_for_what_was_not_given),
        cmocka_unit_test(settings_that_cannot_stand_on_the_wire_are_named),
        cmocka_unit_test(ids_with_secrets_are_redacted_wherever_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
