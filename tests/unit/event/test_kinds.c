/* SPDX-License-Identifier: Apache-2.0 */
#include "event/kinds.h"

#include "vectors.h"

#include <stdlib.h>
#include <unistd.h>

static void every_member_of_a_struct_has_its_place(void **state)
{
    (void)state;
    for (int k = 0; k < AEP_KIND_COUNT; k++) {
        const struct aep__kind_row *kind = &aep__kinds[k];
        size_t end = sizeof(size_t);
        bool seen[sizeof(aep_failed)] = {false};
        for (size_t i = 0; i < kind->member_count; i++) {
            const struct aep__member_row *member = &kind->members[i];
            size_t size = aep__type_is_number(member->type) ? sizeof(aep_number) : sizeof(char *);
            for (size_t b = 0; b < size; b++) {
                assert_false(seen[member->offset + b]);
                seen[member->offset + b] = true;
            }
            end += size;
            assert_int_equal(
                aep__kind_find_member((enum aep_kind)k, member->name, strlen(member->name)), i);
            assert_int_equal(member->key_len, strlen(member->name) + 3);
            assert_non_null(aep__type_name(member->type));
            assert_true(strlen(member->help) > 5);
            if (member->at_least)
                assert_true(aep__kind_find_member((enum aep_kind)k, member->at_least,
                                                  strlen(member->at_least)) >= 0);
        }
        assert_int_equal(end, kind->link_offset);
        assert_int_equal(kind->link_offset + 3 * sizeof(char *), kind->struct_size);
        assert_string_equal(kind->members[kind->correlation].name, "correlation_id");
        if (kind->session < kind->member_count)
            assert_string_equal(kind->members[kind->session].name, "session_id");
    }
}

static void kinds_are_found_by_name_and_by_event_type(void **state)
{
    (void)state;
    for (int k = 0; k < AEP_KIND_COUNT; k++) {
        const char *type = aep_kind_event_type((enum aep_kind)k);
        char prefixed[100];
        assert_int_equal(aep_kind_find(aep_kind_name((enum aep_kind)k)), k);
        assert_int_equal(aep__kind_of_type(type, strlen(type)), k);
        snprintf(prefixed, sizeof prefixed, "dev.%s", type);
        assert_int_equal(aep__kind_of_type(prefixed, strlen(prefixed)), k);
        snprintf(prefixed, sizeof prefixed, "dev%s", type);
        assert_int_equal(aep__kind_of_type(prefixed, strlen(prefixed)), -1);
        assert_true(aep__event_type_valid(type, strlen(type)));
        const char *ref = aep__kinds[k].schema_ref;
        assert_true(aep__schema_ref_valid(ref, strlen(ref)));
        assert_true(aep__schema_ref_of(ref, strlen(ref), type, strlen(type)));
    }
    aep_member member = AEP_MEMBER_INIT;
    assert_int_equal(aep_kind_member(AEP_KIND_PROGRESS, 1, &member), AEP_OK);
    assert_string_equal(member.name, "correlation_id");
    assert_string_equal(member.type, "id");
    assert_true(member.required);
    assert_int_equal(aep_kind_member(AEP_KIND_STARTED, 5, &member), AEP_OK);
    assert_string_equal(member.name, "context");
    assert_string_equal(member.type, "object");
    assert_false(member.required);
    assert_int_equal(aep_kind_member(AEP_KIND_STARTED, 6, &member), AEP_EINVAL);
    assert_int_equal(aep_kind_member((enum aep_kind)AEP_KIND_COUNT, 0, &member), AEP_EINVAL);
    struct {
        size_t size;
        const char *name, *guard;
    } older = {.size = 2 * sizeof(char *), .guard = "untouched"};
    assert_int_equal(aep_kind_member(AEP_KIND_STARTED, 0, (aep_member *)&older), AEP_OK);
    assert_string_equal(older.name, "agent_name");
    assert_string_equal(older.guard, "untouched");
    older.size = 0;
    assert_int_equal(aep_kind_member(AEP_KIND_STARTED, 0, (aep_member *)&older), AEP_EINVAL);
    assert_int_equal(aep_kind_find("Started"), -1);
    assert_int_equal(aep_kind_find(NULL), -1);
    assert_null(aep_kind_name((enum aep_kind)AEP_KIND_COUNT));
    assert_null(aep_kind_event_type((enum aep_kind) - 1));
    assert_null(aep_kind_schema((enum aep_kind) - 1));
    assert_null(aep_kind_schema_hash((enum aep_kind)AEP_KIND_COUNT));
}

static void a_kind_says_where_it_stands_in_its_execution(void **state)
{
    (void)state;
    static const struct {
        bool opens, terminal, reserved;
    } wanted[] = {
        [AEP_KIND_STARTED] = {true, false, true},
        [AEP_KIND_PROGRESS] = {false, false, false},
        [AEP_KIND_COMPLETED] = {false, true, true},
        [AEP_KIND_FAILED] = {false, true, true},
    };
    AEP__KINDS_FULL(wanted);
    for (int k = 0; k < AEP_KIND_COUNT; k++) {
        assert_int_equal(aep__kinds[k].opens, wanted[k].opens);
        assert_int_equal(aep__kinds[k].terminal, wanted[k].terminal);
        assert_int_equal(aep__kinds[k].reserved, wanted[k].reserved);
    }
}

static void lists_of_the_kinds_have_all_in_order(void **state)
{
    (void)state;
    const char *word = AEP__KIND_WORDS, *item = AEP__KIND_LIST;
    for (int k = 0; k < AEP_KIND_COUNT; k++) {
        const char *name = aep__kinds[k].name;
        size_t len = strlen(name);
        assert_memory_equal(word, name, len);
        assert_memory_equal(item, name, len);
        word += len + (k < AEP_KIND_COUNT - 1);
        item += len + (k < AEP_KIND_COUNT - 2   ? strlen(", ")
                       : k < AEP_KIND_COUNT - 1 ? strlen(" or ")
                                                : 0);
    }
    assert_string_equal(word, "");
    assert_string_equal(item, "");
}

static void a_reference_is_of_the_type_with_its_words(void **state)
{
    (void)state;
    static const struct {
        const char *ref, *type;
        bool of;
    } rows[] = {
        {"registry://a/b/c/v1", "a.b.c.v1", true},
        {"registry://a/b/c_d/v1", "a.b.c.d.v1", true},
        {"registry://a/b/c_d/v1", "x.y.a.b.c.d.v1", true},
        {"registry://a/b/c/v1", "xa.b.c.v1", false},
        {"registry://a/b/c/v1", "a.b.c.v2", false},
        {"registry://a/b/c/v1", "a.b.d.v1", false},
        {"registry://x/a/b_c/v1", "a.b.c.v1", true},
        {"registry://omninode/agent/routing_requested/v1", "agent.routing.requested.v1", true},
        {"registry://omninode/agent/routing_requested/v1", "routing.requested.now.v1", false},
        {"registry://omninode/agent/routing_requested/v1", "agent.routing.requested.v2", false},
        {"registry://omninode/agent/routing_requested/v1", "ode.agent.routing.requested.v1", false},
        {"registry://x/a/b_c_d/v1", "b.c.d.v1", false},
        {"registry://a/b/c-d/v1", "a.b.c.d.v1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (aep__schema_ref_of(rows[i].ref, strlen(rows[i].ref), rows[i].type,
                               strlen(rows[i].type)) != rows[i].of)
            fail_msg("%s and %s", rows[i].ref, rows[i].type);
}

/* Compared with sha256sum (coreutils). */
static void a_schema_has_the_hash_of_its_text(void **state)
{
    (void)state;
    for (int k = 0; k < AEP_KIND_COUNT; k++) {
        char path[] = "/tmp/aep-schema-XXXXXX", command[100], sum[65] = "";
        int fd = mkstemp(path);
        const char *text = aep_kind_schema((enum aep_kind)k);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
        snprintf(command, sizeof command, "sha256sum < %s", path);
        FILE *pipe = popen(command, "r");
        assert_int_equal(fread(sum, 1, 64, pipe), 64);
        pclose(pipe);
        unlink(path);
        assert_string_equal(sum, aep_kind_schema_hash((enum aep_kind)k));
    }
}

static void a_schema_has_the_members_of_its_kind(void **state)
{
    (void)state;
    for (int k = 0; k < AEP_KIND_COUNT; k++) {
        const struct aep__kind_row *kind = &aep__kinds[k];
        json_t *schema =
            json_loads(aep_kind_schema((enum aep_kind)k), JSON_REJECT_DUPLICATES, NULL);
        json_t *envelope = json_object_get(schema, "properties");
        json_t *payload = json_object_get(envelope, "payload");
        size_t required = 0;
        assert_int_equal(json_object_size(envelope), 10);
        assert_int_equal(json_array_size(json_object_get(schema, "required")), 10);
        assert_int_equal(json_object_size(json_object_get(payload, "properties")),
                         kind->member_count);
        for (size_t i = 0; i < kind->member_count; i++) {
            assert_non_null(
                json_object_get(json_object_get(payload, "properties"), kind->members[i].name));
            required += kind->members[i].required;
        }
        assert_int_equal(json_array_size(json_object_get(payload, "required")), required);
        json_decref(schema);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_of_a_struct_has_its_place),
        cmocka_unit_test(kinds_are_found_by_name_and_by_event_type),
        cmocka_unit_test(a_kind_says_where_it_stands_in_its_execution),
        cmocka_unit_test(lists_of_the_kinds_have_all_in_order),
        cmocka_unit_test(a_reference_is_of_the_type_with_its_words),
        cmocka_unit_test(a_schema_has_the_hash_of_its_text),
        cmocka_unit_test(a_schema_has_the_members_of_its_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
