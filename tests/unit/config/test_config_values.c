/* SPDX-License-Identifier: Apache-2.0 */
/* What values may be, and what is made of them: the destination, what librdkafka is told, what is
 * explained and packed. */
#include "config_fixture.h"

#include "base/hash.h"
#include "base/json.h"
#include "config/brokers.h"
#include "config/nearest.h"

/* ---- values --------------------------------------------------------------------------------- */

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
        refuses_argument("spool.max_bytes", bad[i], "is no size");
}

static void test_numbers_have_a_range(void **state)
{
    (void)state;
    refuses_argument("spool.segment_bytes", "1k", "is not within 64KiB to 1GiB");
    refuses_argument("spool.segment_bytes", "2GiB", "is not within 64KiB to 1GiB");
    refuses_argument("spool.max_bytes", "99999999999999999999999", "is not within");
    refuses_argument("spool.max_bytes", "99999999999999999999300000", "is not within");
    refuses_argument("spool.max_bytes", "9223372036854775807k", "is not within");
    refuses_argument("spool.max_bytes", "18014398509482984k", "is not within"); /* 2^54 + 1000 */
    refuses_argument("relay.idle_exit", "0", "is not within 1s to 365d");
    refuses_argument("close.wait_ms", "2h", "is not within 0ms to 1h");
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
    refuses_argument("relay.idle_exit", "500ms", "is no time: write it as 90, 90s");
    refuses_argument("close.wait_ms", "soon", "is no time: write it as 500, 500ms");
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
    refuses_argument("mode", "loc", "\"loc\" is none of kafka, local");
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
    refuses_argument("tenant.id", "a\nb", "holds a control character");
    refuses_argument("tenant.id", "a\xff", "is not UTF-8");
    refuses_argument("source", "\x7f", "holds a control character");
    refuses_argument("kafka.client.id", "a\x01", "holds a control character");
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

/* ---- servers -------------------------------------------------------------------------------- */

static const char *servers_of(const char *text)
{
    static char canonical[4096];
    struct aep__buf buf = {0};
    struct aep__problem problem;
    if (!aep__brokers_parse(text, &buf, &problem))
        fail_msg("%s: %s", text, problem.text);
    snprintf(canonical, sizeof canonical, "%s", aep__buf_string(&buf));
    aep__buf_done(&buf);
    return canonical;
}

static void test_server_lists_have_one_form(void **state)
{
    (void)state;
    assert_string_equal(servers_of("localhost"), "localhost:9092");
    assert_string_equal(servers_of("B:1, a , A:9092,b:1"), "a:9092,b:1");
    assert_string_equal(servers_of("a:1,\n\tb:1\r\n"), "a:1,b:1");
    assert_string_equal(servers_of("[::1]:9092"), "[::1]:9092");
    assert_string_equal(servers_of("[0:0:0:0:0:0:0:1]"), "[::1]:9092");
    assert_string_equal(servers_of("[FE80::1%eth0]:1"), "[fe80::1%eth0]:1");
    assert_string_equal(servers_of("10.0.0.1:65535"), "10.0.0.1:65535");
    assert_string_equal(servers_of("my_broker-1.example.com.:1"), "my_broker-1.example.com.:1");
}

static void test_what_cannot_be_a_server_is_refused_with_the_reason(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"not a server", "\"not a server\": separate servers by commas: host1:9092,host2:9092"},
        {"a:9092;b:9092", "\"a:9092;b:9092\": separate servers by commas"},
        {"a:9092 b:9092", "\"a:9092 b:9092\": separate servers by commas"},
        {"a;", "\"a;\": separate servers by commas"},
        {"c, a:9092\nb:9092", "\"a:9092 b:9092\": separate servers by commas"},
        {":9092", "has no host"},
        {"a:0", "\"0\" is no port: 1 to 65535"},
        {"a:65536", "is no port"},
        {"a:99999999999999999999", "is no port"},
        {"a:90x", "is no port"},
        {"a:-1", "is no port"},
        {"a:", "has no port behind the colon"},
        {"[::1]:", "has no port behind the colon"},
        {"::1:9092", "an IPv6 address goes into brackets"},
        {"[::1", "has no ]"},
        {"[::1]9092", "nothing behind ]"},
        {"[zz]:1", "is no IPv6 address"},
        {"[]:1", "has no host"},
        {"a,,b", "an empty server"},
        {"a,", "an empty server"},
        {" ", "an empty server"},
        {"a..b", "a part of it is empty"},
        {".a", "a part of it is empty"},
        {"300.1.1.1", "neither a host name nor an IPv4 address"},
        {"9092", "neither a host name nor an IPv4 address"},
        {"http://a:1", "write host:port; the protocol is kafka.security.protocol"},
        {"a/b", "is no host name"},
        {"héte", "is no host name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuses_argument("kafka.bootstrap.servers", cases[i][0], cases[i][1]);
    char label[70] = {0};
    memset(label, 'a', 64);
    refuses_argument("kafka.bootstrap.servers", label, "longer than 63");
}

static void test_a_password_among_the_servers_is_not_repeated(void **state)
{
    (void)state;
    aep_error err;
    aep_config *config = aep_config_new();
    aep_config_set(config, "kafka.bootstrap.servers", "bob:hunter2@host:9092", &err);
    assert_int_equal(err.code, AEP_ECONFIG);
    assert_null(strstr(err.text, "hunter2"));
    aep_config_free(config);
}

/* ---- what belongs together ------------------------------------------------------------------ */

static void must_not_pass(struct world *world, const char *text)
{
    must_load(world);
    assert_int_equal(aep__config_check(world->config, &world->err), AEP_ECONFIG);
    if (!strstr(world->err.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, world->err.text);
}

static void must_pass(struct world *world)
{
    must_load(world);
    if (aep__config_check(world->config, &world->err) != AEP_OK)
        fail_msg("%s", world->err.text);
}

static void test_without_servers_the_message_says_what_to_set(void **state)
{
    struct world *world = *state;
    must_not_pass(world, "set KAFKA_BOOTSTRAP_SERVERS=host:9092, or AEP_MODE=local");
    given_variable(world, "AEP_EVENTS_ENABLED=false");
    must_pass(world);
    withdraw_variable(world);
    given_variable(world, "AEP_MODE=local");
    must_pass(world);
}

static void test_a_spool_holds_at_least_four_of_the_segments_that_are_set(void **state)
{
    struct world *world = *state;
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_variable(world, "AEP_SPOOL_MAX_BYTES=31MiB");
    must_pass(world); /* a spool that exists may have smaller ones: see test_publisher.c */
    given_argument(world, "spool.segment_bytes", "8MiB");
    must_not_pass(world, "spool.max_bytes = 31MiB (environment AEP_SPOOL_MAX_BYTES) must be at "
                         "least four times spool.segment_bytes = 8MiB (argument): 33554432 bytes");
    given_argument(world, "spool.max_bytes", "32MiB");
    must_pass(world);
    given_argument(world, "spool.segment_bytes", "16MiB");
    must_not_pass(world, "at least four times spool.segment_bytes");
}

static void test_a_field_fits_into_a_message(void **state)
{
    struct world *world = *state;
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_argument(world, "limits.field_bytes", "2M");
    must_not_pass(world, "limits.message_bytes = 1000000 (default) must be at least "
                         "limits.field_bytes = 2M (argument)");
}

/* ---- destination and spool folder ----------------------------------------------------------- */

static const char *destination_of(struct world *world)
{
    static char text[4096];
    struct aep__buf buf = {0};
    must_load(world);
    aep__config_destination(world->config, &buf);
    snprintf(text, sizeof text, "%s", aep__buf_string(&buf));
    aep__buf_done(&buf);
    return text;
}

static const char *dir_of(struct world *world)
{
    static char text[4096];
    struct aep__buf buf = {0};
    must_load(world);
    assert_int_equal(aep__config_spool_dir(world->config, &buf, &world->err), AEP_OK);
    snprintf(text, sizeof text, "%s", aep__buf_string(&buf));
    aep__buf_done(&buf);
    return text;
}

static void test_the_destination_is_what_tells_clusters_and_logins_apart(void **state)
{
    struct world *world = *state;
    given_argument(world, "kafka.bootstrap.servers", "B,a:9092");
    assert_string_equal(destination_of(world), "brokers=a:9092,b:9092\nprotocol=plaintext\n");
    given_argument(world, "kafka.security.protocol", "PLAINTEXT");
    given_argument(world, "kafka.sasl.username", "no SASL, no name");
    given_argument(world, "kafka.ssl.ca.location", "/no/tls");
    given_argument(world, "kafka.linger.ms", "5");
    assert_string_equal(destination_of(world), "brokers=a:9092,b:9092\nprotocol=plaintext\n");
    given_argument(world, "kafka.security.protocol", "SASL_SSL");
    given_argument(world, "kafka.sasl.mechanism", "scram-sha-512");
    given_argument(world, "kafka.sasl.username", "alice");
    given_argument(world, "kafka.sasl.password", "hunter2");
    given_argument(world, "kafka.ssl.ca.location", "/ca.pem");
    assert_string_equal(destination_of(world),
                        "brokers=a:9092,b:9092\nprotocol=sasl_ssl\nmechanism=SCRAM-SHA-512\n"
                        "principal=alice\nca=/ca.pem\n");
    given_argument(world, "kafka.security.protocol", "ssl");
    given_argument(world, "kafka.ssl.certificate.pem", "-----BEGIN\nx");
    char hash[AEP__HASH_TEXT_SIZE], expected[200];
    aep__hash_text("-----BEGIN\nx", 12, hash);
    snprintf(expected, sizeof expected,
             "brokers=a:9092,b:9092\nprotocol=ssl\ncertificate=%s\nca=/ca.pem\n", hash);
    assert_string_equal(destination_of(world), expected);
    given_argument(world, "mode", "local");
    assert_string_equal(destination_of(world), "local\n");
}

static void test_the_spool_folder_follows_from_the_destination_alone(void **state)
{
    struct world *world = *state;
    char first[4096], expected[PATH_SIZE];
    given_argument(world, "kafka.bootstrap.servers", "b:1,A");
    snprintf(first, sizeof first, "%s", dir_of(world));
    snprintf(expected, sizeof expected, "%s/home/.local/state/aep/a_9092_b_1-", world->dir);
    assert_memory_equal(first, expected, strlen(expected));
    assert_int_equal(strlen(first), strlen(expected) + 16);

    given_argument(world, "kafka.bootstrap.servers", "a:9092, B:1");
    given_argument(world, "kafka.linger.ms", "5");
    given_argument(world, "tenant.id", "other");
    assert_string_equal(dir_of(world), first);

    given_argument(world, "kafka.security.protocol", "sasl_plaintext");
    assert_string_not_equal(dir_of(world), first);
    snprintf(first, sizeof first, "%s", dir_of(world));
    given_argument(world, "kafka.sasl.mechanism", "PLAIN");
    given_argument(world, "kafka.sasl.username", "alice");
    assert_string_not_equal(dir_of(world), first);
    snprintf(first, sizeof first, "%s", dir_of(world));
    given_argument(world, "kafka.sasl.username", "bob");
    assert_string_not_equal(dir_of(world), first);
}

static void test_the_spool_folder_has_a_stable_name(void **state)
{
    struct world *world = *state;
    given_variable(world, "XDG_STATE_HOME=/state");
    given_argument(world, "kafka.bootstrap.servers", "localhost:9092");
    assert_string_equal(dir_of(world), "/state/aep/localhost_9092-cd72eb091d8afa66");
    given_argument(world, "kafka.bootstrap.servers",
                   "a-rather-long-broker-name-1.example.com,a-rather-long-broker-name-2");
    const char *name = strrchr(dir_of(world), '/') + 1;
    assert_memory_equal(name, "a-rather-long-broker-name-1.example.com_-", 41);
    assert_int_equal(strlen(name), 40 + 1 + 16);
    given_argument(world, "mode", "local");
    assert_string_equal(dir_of(world), "/state/aep/local");
    given_argument(world, "spool.dir", "/somewhere/else");
    assert_string_equal(dir_of(world), "/somewhere/else");
}

/* ---- what librdkafka is told ---------------------------------------------------------------- */

static int note_kafka(void *user, const char *name, const char *value)
{
    aep__buf_format(user, "%s=%s\n", name, value);
    return 0;
}

static void must_tell(struct world *world, const char *expected)
{
    struct aep__buf told = {0};
    must_load(world);
    if (aep__config_each_kafka(world->config, note_kafka, &told, &world->err) != AEP_OK)
        fail_msg("%s", world->err.text);
    assert_string_equal(aep__buf_string(&told), expected);
    aep__buf_done(&told);
}

static void test_librdkafka_is_told_what_is_in_force(void **state)
{
    struct world *world = *state;
    given_file(world, SYSTEM_CONF, "kafka.sasl.password = conf\nkafka.client.id = x\n");
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=b,A");
    given_variable(world, "AEP_KAFKA_SECURITY_PROTOCOL=sasl_ssl");
    must_tell(world, "bootstrap.servers=a:9092,b:9092\nclient.id=x\nsasl.password=conf\n"
                     "security.protocol=sasl_ssl\n");
}

static void test_a_password_comes_from_its_file(void **state)
{
    struct world *world = *state;
    given_bytes(world, "pw", "s3cret \n\n", 9, 0600);
    given_variable(world, "AEP_KAFKA_SASL_PASSWORD_FILE=%s/pw", world->dir);
    must_tell(world, "sasl.password=s3cret \n\n");
    given_bytes(world, "pw", "s3cret\r\n", 8, 0640);
    must_tell(world, "sasl.password=s3cret\n");
    given_file(world, SYSTEM_CONF, "kafka.sasl.password = weaker\n");
    must_tell(world, "sasl.password=s3cret\n");
    given_argument(world, "kafka.sasl.password", "stronger");
    must_tell(world, "sasl.password=stronger\n");
}

static void must_not_tell(struct world *world, const char *text)
{
    struct aep__buf told = {0};
    must_load(world);
    assert_int_equal(aep__config_each_kafka(world->config, note_kafka, &told, &world->err),
                     AEP_ECONFIG);
    if (!strstr(world->err.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, world->err.text);
    assert_string_equal(world->err.field, "kafka.sasl.password.file");
    aep__buf_done(&told);
}

static void test_a_password_file_that_is_none_is_refused(void **state)
{
    struct world *world = *state;
    given_variable(world, "AEP_KAFKA_SASL_PASSWORD_FILE=%s/pw", world->dir);
    must_not_tell(world, "cannot be opened: No such file");
    given_bytes(world, "pw", "s3cret", 6, 0604);
    must_not_tell(world, "everybody may read it");
    given_bytes(world, "pw", "\n", 1, 0600);
    must_not_tell(world, "holds no password");
    given_bytes(world, "pw", "a\0b", 3, 0600);
    must_not_tell(world, "holds no password");
}

static void test_a_password_twice_in_a_layer_is_refused(void **state)
{
    struct world *world = *state;
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_argument(world, "kafka.sasl.password.file", "/pw");
    given_variable(world, "AEP_KAFKA_SASL_PASSWORD=x");
    must_pass(world);
    given_argument(world, "kafka.sasl.password", "x");
    must_not_pass(world, "set one of them");
}

static int refuse_second(void *user, const char *name, const char *value)
{
    (void)name;
    (void)value;
    return ++*(int *)user == 2 ? 42 : 0;
}

static void test_telling_stops_where_it_is_refused(void **state)
{
    struct world *world = *state;
    int told = 0;
    given_argument(world, "kafka.bootstrap.servers", "a");
    given_argument(world, "kafka.client.id", "x");
    given_argument(world, "kafka.linger.ms", "1");
    must_load(world);
    assert_int_equal(aep__config_each_kafka(world->config, refuse_second, &told, &world->err), 42);
    assert_int_equal(told, 2);
}

/* ---- explaining ----------------------------------------------------------------------------- */

static void given_secrets(struct world *world)
{
    static const char *const names[] = {"sasl.password",
                                        "ssl.key.password",
                                        "ssl.key.pem",
                                        "ssl.keystore.password",
                                        "sasl.oauthbearer.config",
                                        "sasl.oauthbearer.client.secret",
                                        "sasl.oauthbearer.client.credentials.client.secret",
                                        "sasl.oauthbearer.assertion.private.key.pem",
                                        "sasl.oauthbearer.assertion.private.key.passphrase",
                                        "some.future.password",
                                        "vault.secret.value"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char key[100];
        snprintf(key, sizeof key, "kafka.%s", names[i]);
        given_argument(world, key, "hunter2");
    }
}

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

/* ---- packing -------------------------------------------------------------------------------- */

static void test_packing_keeps_everything(void **state)
{
    struct world *world = *state;
    struct aep__buf packed = {0}, before = {0}, after = {0};
    given_file(world, SYSTEM_CONF, "kafka.plugin.library.paths = /p.so\nlimits.field_bytes = 1k\n");
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_argument(world, "redact", "off");
    given_secrets(world);
    must_load(world);
    aep__config_pack(world->config, &packed);
    aep_config *config;
    assert_int_equal(aep__config_unpack(packed.data, packed.len, &config, &world->err), AEP_OK);
    aep__buf_clear(&world->config->files.buf);
    aep__config_explain(world->config, false, &before);
    aep__config_explain(config, false, &after);
    assert_string_equal(aep__buf_string(&after), aep__buf_string(&before));
    assert_string_equal(aep__config_kafka(config, "sasl.password")->text, "hunter2");
    assert_int_equal(aep__config_int(config, AEP__OPT_LIMITS_FIELD_BYTES), 1024);
    aep_config_free(config);
    aep__buf_done(&packed);
    aep__buf_done(&before);
    aep__buf_done(&after);
}

static void refuses_pack(const char *data, size_t len)
{
    aep_config *config = NULL;
    aep_error err = {0};
    assert_int_equal(aep__config_unpack(data, len, &config, &err), AEP_ECONFIG);
    assert_null(config);
    assert_true(strlen(err.text) > 0);
}

static void test_what_was_not_packed_by_us_is_refused(void **state)
{
    struct world *world = *state;
    struct aep__buf packed = {0};
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_argument(world, "redact", "off");
    must_load(world);
    aep__config_pack(world->config, &packed);
    size_t whole = 0;
    for (size_t len = 0; len < packed.len; len++) {
        aep_config *config = NULL;
        if (aep__config_unpack(packed.data, len, &config, NULL) == AEP_OK)
            whole++; /* it ends between two settings, behind the servers */
        aep_config_free(config);
    }
    assert_in_range(whole, 0, 1);
#define REFUSES(text) refuses_pack(text, sizeof text)
    REFUSES("");
    REFUSES("aep-config-2\0");
    REFUSES("aep-config-1\0relative\0mode\0006x\0local");
    REFUSES("aep-config-1\0\0mode\0007x\0local");
    REFUSES("aep-config-1\0\0mode\0001x\0local");
    REFUSES("aep-config-1\0\0mode\0006\n\0local");
    REFUSES("aep-config-1\0\0mode\0006x\0nowhere");
    REFUSES("aep-config-1\0\0nothing\0006x\0y");
    REFUSES("aep-config-1\0\0mode\0006x\0local\0kafka.plugin.library.paths\0005x\0/evil.so");
    REFUSES("aep-config-1\0\0tenant.id\0006x\0no servers");
    aep__buf_done(&packed);
}

/* ---- small parts ---------------------------------------------------------------------------- */

static void test_edit_distance_counts_slips(void **state)
{
    (void)state;
    assert_int_equal(aep__edit_distance("", ""), 0);
    assert_int_equal(aep__edit_distance("spool", ""), 5);
    assert_int_equal(aep__edit_distance("spool", "SPOOL"), 0);
    assert_int_equal(aep__edit_distance("spool", "spol"), 1);
    assert_int_equal(aep__edit_distance("spool", "spoool"), 1);
    assert_int_equal(aep__edit_distance("spool", "spaol"), 1);
    assert_int_equal(aep__edit_distance("redact", "redcat"), 1);
    assert_int_equal(aep__edit_distance("kitten", "sitting"), 3);
}

static const char *nearest_verb(const char *wanted)
{
    struct aep__nearest nearest = {.wanted = wanted};
    const char *const verbs[] = {"publish", "run", "status", "id"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        aep__nearest_show(&nearest, verbs[i]);
    return aep__nearest_get(&nearest);
}

static void test_the_nearest_is_a_slip_or_a_begin_away(void **state)
{
    (void)state;
    assert_string_equal(nearest_verb("pubish"), "publish");
    assert_string_equal(nearest_verb("PUB"), "publish");
    assert_string_equal(nearest_verb("runn"), "run");
    assert_null(nearest_verb("p"));
    assert_null(nearest_verb("-x"));
    assert_null(nearest_verb("nosuch"));
    assert_null(nearest_verb(""));
}

static void test_hashes_are_those_of_fnv(void **state)
{
    (void)state;
    uint8_t hash[16];
    char text[AEP__HASH_TEXT_SIZE];
    static const uint8_t of_a[16] = {0xd2, 0x28, 0xcb, 0x69, 0x6f, 0x1a, 0x8c, 0xaf,
                                     0x78, 0x91, 0x2b, 0x70, 0x4e, 0x4a, 0x89, 0x64};
    static const uint8_t of_foobar[16] = {0x34, 0x3e, 0x16, 0x62, 0x79, 0x3c, 0x64, 0xbf,
                                          0x6f, 0x0d, 0x35, 0x97, 0xba, 0x44, 0x6f, 0x18};
    aep__hash128("a", 1, hash);
    assert_memory_equal(hash, of_a, 16);
    aep__hash128("foobar", 6, hash);
    assert_memory_equal(hash, of_foobar, 16);
    aep__hash_text("foobar", 6, text);
    assert_string_equal(text, "5b3323f5c3780ba7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sizes_have_units),
        TEST(test_numbers_have_a_range),
        TEST(test_times_have_units),
        TEST(test_booleans_and_words_are_read_in_any_case),
        TEST(test_paths_are_absolute),
        TEST(test_texts_are_clean_utf8_of_bounded_length),
        TEST(test_no_message_has_a_line_end_or_runs_over),
        TEST(test_server_lists_have_one_form),
        TEST(test_what_cannot_be_a_server_is_refused_with_the_reason),
        TEST(test_a_password_among_the_servers_is_not_repeated),
        TEST(test_without_servers_the_message_says_what_to_set),
        TEST(test_a_spool_holds_at_least_four_of_the_segments_that_are_set),
        TEST(test_a_field_fits_into_a_message),
        TEST(test_the_destination_is_what_tells_clusters_and_logins_apart),
        TEST(test_the_spool_folder_follows_from_the_destination_alone),
        TEST(test_the_spool_folder_has_a_stable_name),
        TEST(test_librdkafka_is_told_what_is_in_force),
        TEST(test_a_password_comes_from_its_file),
        TEST(test_a_password_file_that_is_none_is_refused),
        TEST(test_a_password_twice_in_a_layer_is_refused),
        TEST(test_telling_stops_where_it_is_refused),
        TEST(test_explain_tells_values_and_origins_and_no_secrets),
        TEST(test_explain_guesses_no_folder_without_servers),
        TEST(test_explain_writes_json_too),
        TEST(test_the_reference_has_every_option_and_its_names),
        TEST(test_packing_keeps_everything),
        TEST(test_what_was_not_packed_by_us_is_refused),
        TEST(test_edit_distance_counts_slips),
        TEST(test_the_nearest_is_a_slip_or_a_begin_away),
        TEST(test_hashes_are_those_of_fnv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
