/* SPDX-License-Identifier: Apache-2.0 */
/* What distinguishes clusters and logins, and the folder that follows from it. */
#include "config_fixture.h"

#include "base/hash.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_destination_is_what_tells_clusters_and_logins_apart),
        TEST(test_the_spool_folder_follows_from_the_destination_alone),
        TEST(test_the_spool_folder_has_a_stable_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
