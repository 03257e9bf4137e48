/* SPDX-License-Identifier: Apache-2.0 */
/* Explaining the options in force, and the reference of all options. */
#include "config_fixture.h"

#include "base/json.h"

static void test_explain_tells_values_and_origins_and_no_secrets(void **state)
{
    struct world *world = *state;
    struct aep__buf text = {0};
    given_file(world, USER_CONF, "spool.sync = always\n");
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_variable(world, "AEP_SPOL_DIR=/x");
    given_secrets(world);
    must_load(world);
    aep__config_explain(world->config, false, &text);
    const char *shown = aep__buf_string(&text);
    assert_null(strstr(shown, "hunter2"));
    assert_non_null(strstr(shown, "********"));
    assert_non_null(strstr(shown, "home/.config/aep/aep.conf:1\n"));
    assert_non_null(strstr(shown, "environment KAFKA_BOOTSTRAP_SERVERS\n"));
    assert_non_null(strstr(shown, "home/.config/aep/aep.conf (read)\n"));
    assert_non_null(strstr(shown, "etc/aep/aep.conf (absent)\n"));
    assert_non_null(strstr(shown, "did you mean AEP_SPOOL_DIR?\n"));
    assert_non_null(strstr(shown, "state/aep/a_9092-"));
    for (int i = 0; i < AEP__OPT_COUNT; i++)
        assert_non_null(strstr(shown, aep__options[i].key));
    aep__buf_done(&text);
}

static void test_explain_guesses_no_folder_without_servers(void **state)
{
    struct world *world = *state;
    struct aep__buf text = {0};
    must_load(world);
    aep__config_explain(world->config, false, &text);
    assert_null(strstr(aep__buf_string(&text), "derived"));
    aep__buf_done(&text);
}

static void test_explain_writes_json_too(void **state)
{
    struct world *world = *state;
    struct aep__buf text = {0};
    given_argument(world, "tenant.id", "a \"quoted\\ one");
    given_variable(world, "AEP_SPOL_DIR=/x");
    given_secrets(world);
    must_load(world);
    aep__config_explain(world->config, true, &text);
    const char *shown = aep__buf_string(&text);
    assert_null(strstr(shown, "hunter2"));
    assert_non_null(strstr(shown, "{\"key\":\"tenant.id\",\"value\":\"a \\\"quoted\\\\ one\","
                                  "\"origin\":\"argument\",\"secret\":false}"));
    struct aep__json json = {0};
    enum aep__json_token token;
    aep__json_begin(&json, text.data, text.len, AEP__JSON_DEPTH, true);
    while ((token = aep__json_next(&json)) != AEP__JSON_END)
        if (token == AEP__JSON_ERROR)
            fail_msg("%s at %zu: %s", json.message, json.position, shown);
    aep__json_done(&json);
    aep__buf_done(&text);
}

static void test_the_reference_has_every_option_and_its_names(void **state)
{
    (void)state;
    struct aep__buf text = {0};
    aep__config_reference(&text);
    const char *page = aep__buf_string(&text);
    for (int i = 0; i < AEP__OPT_COUNT; i++) {
        char line[128], name[AEP__NAME_SIZE];
        snprintf(line, sizeof line, "\n### %s\n", aep__options[i].key);
        assert_non_null(strstr(page, line));
        aep__option_name(aep__options[i].key, name);
        assert_non_null(strstr(page, name));
    }
    assert_non_null(strstr(page, "`KAFKA_BOOTSTRAP_SERVERS`, `KAFKA_INTELLIGENCE_BOOTSTRAP_SERVERS`"
                                 "; `.env`: `KAFKA_BOOTSTRAP_SERVERS`"));
    assert_non_null(strstr(page, "| `kafka.acks` | only `all`, `-1`: "));
    assert_non_null(strstr(page, "- Type: size, 64KiB to 1GiB\n- Default: `8MiB`\n"));
    aep__buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_explain_tells_values_and_origins_and_no_secrets),
        TEST(test_explain_guesses_no_folder_without_servers),
        TEST(test_explain_writes_json_too),
        TEST(test_the_reference_has_every_option_and_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
