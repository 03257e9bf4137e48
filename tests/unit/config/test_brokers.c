/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of servers. */
#include "config_fixture.h"

#include "config/brokers.h"

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
        {"a:0", "\"0\" is not a port (1 to 65535)"},
        {"a:65536", "is not a port"},
        {"a:99999999999999999999", "is not a port"},
        {"a:90x", "is not a port"},
        {"a:-1", "is not a port"},
        {"a:", "has no port after the colon"},
        {"[::1]:", "has no port after the colon"},
        {"::1:9092", "write an IPv6 address in brackets"},
        {"[::1", "has no ]"},
        {"[::1]9092", "only a port may follow ]"},
        {"[zz]:1", "is not an IPv6 address"},
        {"[]:1", "has no host"},
        {"a,,b", "an empty server"},
        {"a,", "an empty server"},
        {" ", "an empty server"},
        {"a..b", "a part of it is empty"},
        {".a", "a part of it is empty"},
        {"300.1.1.1", "neither a host name nor an IPv4 address"},
        {"9092", "neither a host name nor an IPv4 address"},
        {"http://a:1", "write host:port; the protocol is kafka.security.protocol"},
        {"a/b", "is not a host name"},
        {"héte", "is not a host name"},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_server_lists_have_one_form),
        TEST(test_what_cannot_be_a_server_is_refused_with_the_reason),
        TEST(test_a_password_among_the_servers_is_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
