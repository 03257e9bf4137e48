/* SPDX-License-Identifier: Apache-2.0 */
/* Which values are accepted. */
#include "config_fixture.h"

#include "config/value.h"

static int64_t number_of(const char *key, const char *value)
{
    aep_config *config = aep_config_new();
    aep_error err = {0};
    if (aep_config_set(config, key, value, &err) != AEP_OK)
        fail_msg("%s", err.text);
    int64_t number = aep__config_int(config, (enum aep__option)aep__option_find(key));
    aep_config_free(config);
    return number;
}

static void test_sizes_have_units(void **state)
{
    (void)state;
    assert_int_equal(number_of("spool.max_bytes", "1GiB"), INT64_C(1) << 30);
    assert_int_equal(number_of("spool.max_bytes", "8 MiB"), 8 << 20);
    assert_int_equal(number_of("spool.max_bytes", "512k"), 512 << 10);
    assert_int_equal(number_of("spool.max_bytes", "2M"), 2 << 20);
    assert_int_equal(number_of("spool.max_bytes", "3g"), INT64_C(3) << 30);
    assert_int_equal(number_of("spool.max_bytes", "500KB"), 500000);
    assert_int_equal(number_of("spool.max_bytes", "300000"), 300000);
    assert_int_equal(number_of("spool.max_bytes", "300000 B"), 300000);
    assert_int_equal(number_of("spool.max_bytes", "1TB"), INT64_C(1000000000000));
    static const char *const bad[] = {"1.5GiB", "-1",      "GiB",    "1 Gib x", "0x10",
                                      "1e6",    "+300000", "300 00", "1Xi"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuses_argument("spool.max_bytes", bad[i], "is not a size");
}

static void test_numbers_have_a_range(void **state)
{
    (void)state;
    refuses_argument("spool.segment_bytes", "1k", "is out of range: 64KiB to 1GiB");
    refuses_argument("spool.segment_bytes", "2GiB", "is out of range: 64KiB to 1GiB");
    refuses_argument("spool.max_bytes", "99999999999999999999999", "is out of range");
    refuses_argument("spool.max_bytes", "99999999999999999999300000", "is out of range");
    refuses_argument("spool.max_bytes", "9223372036854775807k", "is out of range");
    refuses_argument("spool.max_bytes", "18014398509482984k", "is out of range"); /* 2^54 + 1000 */
    refuses_argument("relay.idle_exit", "0", "is out of range: 1s to 365d");
    refuses_argument("close.wait_ms", "2h", "is out of range: 0ms to 1h");
}

static void test_lists_have_commas(void **state)
{
    (void)state;
    aep_config *config = aep_config_new();
    aep_error err = {0};
    assert_int_equal(aep_config_set(config, "track.sources", " Kafka ,spool,", &err), AEP_OK);
    assert_string_equal(aep__config_text(config, AEP__OPT_TRACK_SOURCES), "kafka,spool");
    assert_int_equal(aep_config_set(config, "track.topics", "a.b, c_d", &err), AEP_OK);
    assert_string_equal(aep__config_text(config, AEP__OPT_TRACK_TOPICS), "a.b,c_d");
    aep_config_free(config);
    refuses_argument("track.sources", "kafka,spol", "\"spol\" is not one of spool, kafka");
    refuses_argument("track.topics", "a,b/c", "\"b/c\" is not a topic name");
    refuses_argument("track.topics", "..", "is not a topic name");
}

static void test_times_have_units(void **state)
{
    (void)state;
    assert_int_equal(number_of("relay.idle_exit", "90"), 90);
    assert_int_equal(number_of("relay.idle_exit", "90s"), 90);
    assert_int_equal(number_of("relay.idle_exit", "2 min"), 120);
    assert_int_equal(number_of("relay.idle_exit", "1h"), 3600);
    assert_int_equal(number_of("close.wait_ms", "250"), 250);
    assert_int_equal(number_of("close.wait_ms", "250ms"), 250);
    assert_int_equal(number_of("close.wait_ms", "2s"), 2000);
    refuses_argument("relay.idle_exit", "500ms", "is not a time: write it as 90, 90s");
    refuses_argument("close.wait_ms", "soon", "is not a time: write it as 500, 500ms");
}

static void test_booleans_and_words_are_read_in_any_case(void **state)
{
    struct world *world = *state;
    static const char *const yes[] = {"true", "TRUE", "on", "yes", "1"};
    static const char *const no[] = {"false", "Off", "NO", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_int_equal(number_of("ids.strict", yes[i]), 1);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_int_equal(number_of("redact", no[i]), 0);
    refuses_argument("redact", "maybe", "\"maybe\" is neither true nor false");
    refuses_argument("mode", "loc", "\"loc\" is not one of kafka, local");
    given_variable(world, "AEP_MODE=LOCAL");
    given_variable(world, "AEP_REDACT=OFF");
    must_load(world);
    must_be(world, AEP__OPT_MODE, "local");
    must_be(world, AEP__OPT_REDACT, "false");
    assert_true(aep__config_is(world->config, AEP__OPT_REDACT, "off"));
    assert_false(aep__config_is(world->config, AEP__OPT_REDACT, "on"));
    assert_true(aep__config_is(world->config, AEP__OPT_MODE, "local"));
    assert_false(aep__config_is(world->config, AEP__OPT_MODE, "kafka"));
}

static void test_a_store_is_a_path_or_a_url(void **state)
{
    static const char *const shown[][2] = {
        {"/a/tracker.db", "/a/tracker.db"},
        {"postgresql://u@h/d", "postgresql://u@h/d"},
        {"postgres://u:p@w@h:1/d?a=b@c:d", "postgres://u:********@h:1/d?a=b@c:d"},
        {"postgresql:///d?sslpassword=s&host=h", "postgresql:///d?sslpassword=********&host=h"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        struct aep__buf masked = {0};
        aep__value_mask(shown[i][0], &masked);
        assert_string_equal(aep__buf_string(&masked), shown[i][1]);
        aep__buf_done(&masked);
    }
    refuses_argument("track.store", "tracker.db", "must be an absolute path");
    refuses_argument("track.store", "mysql://h/d", "must be an absolute path, or postgresql://");
    refuses_argument("track.store", "postgresql://h/\n", "control character");
}

static void test_paths_are_absolute(void **state)
{
    struct world *world = *state;
    refuses_argument("spool.dir", "spool", "\"spool\" must be an absolute path");
    refuses_argument("spool.dir", "./spool", "must be an absolute path");
    refuses_argument("spool.dir", "~/spool", "~ is not expanded");
    refuses_argument("relay.path", "bin/aep-relay", "must be an absolute path");
    refuses_argument("kafka.sasl.password.file", "pw", "must be an absolute path");
    refuses_argument("kafka.ssl.ca.location", "ca.pem", "must be an absolute path");
    refuses_argument("kafka.ssl.key.location", "../key.pem", "must be an absolute path");
    given_argument(world, "kafka.ssl.ca.location", "probe");
    given_variable(world, "AEP_SPOOL_DIR=here");
    must_refuse(world, "environment AEP_SPOOL_DIR: spool.dir: \"here\" must be an absolute path");
}

static void test_texts_are_clean_utf8_of_bounded_length(void **state)
{
    (void)state;
    char text[200];
    memset(text, 'x', 129);
    text[129] = '\0';
    refuses_argument("tenant.id", text, "is longer than 128 bytes");
    refuses_argument("tenant.id", "a\nb", "has a control character");
    refuses_argument("tenant.id", "a\xff", "is not UTF-8");
    refuses_argument("source", "\x7f", "has a control character");
    refuses_argument("kafka.client.id", "a\x01", "has a control character");
    assert_int_equal(number_of("tenant.id", "Zürich ✓"), 0);
}

static void test_no_message_has_a_line_end_or_runs_over(void **state)
{
    (void)state;
    char text[600];
    aep_error err;
    aep_config *config = aep_config_new();
    memset(text, 'y', sizeof text);
    memcpy(text, "\n\x1b[31m\xc3\xa9\xe2\x82\xac", 11);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < AEP__OPT_COUNT; i++) {
        aep_config_set(config, aep__options[i].key, text, &err);
        assert_int_equal(err.code, AEP_ECONFIG);
        assert_null(strchr(err.text, '\n'));
        assert_null(strchr(err.text, '\x1b'));
        assert_true(strlen(err.text) < 300);
    }
    aep_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sizes_have_units),
        TEST(test_numbers_have_a_range),
        TEST(test_times_have_units),
        TEST(test_lists_have_commas),
        TEST(test_booleans_and_words_are_read_in_any_case),
        TEST(test_a_store_is_a_path_or_a_url),
        TEST(test_paths_are_absolute),
        TEST(test_texts_are_clean_utf8_of_bounded_length),
        TEST(test_no_message_has_a_line_end_or_runs_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
