/* SPDX-License-Identifier: Apache-2.0 */
/* The settings that librdkafka gets. */
#include "config_fixture.h"

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
    must_not_tell(world, "is world-readable");
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
    must_not_pass(world, "set only one");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_librdkafka_is_told_what_is_in_force),
        TEST(test_a_password_comes_from_its_file),
        TEST(test_a_password_file_that_is_none_is_refused),
        TEST(test_a_password_twice_in_a_layer_is_refused),
        TEST(test_telling_stops_where_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
