/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration on its way to a program that was started: whole, or an error. */
#include "config_fixture.h"

#include "base/endian.h"
#include "config/pass.h"

#include <sys/socket.h>

struct way {
    int from, to;
};

static struct way open_way(void)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    return (struct way){ends[0], ends[1]};
}

static void close_way(struct way way)
{
    close(way.from);
    close(way.to);
}

static void refuses_bytes(const char *data, size_t len, int code)
{
    struct way way = open_way();
    aep_config *config = NULL;
    aep_error err = {0};
    assert_int_equal(write(way.from, data, len), len);
    assert_int_equal(shutdown(way.from, SHUT_WR), 0);
    assert_int_equal(aep__config_receive(way.to, &config, &err), code);
    assert_null(config);
    assert_true(strlen(err.text) > 0);
    close_way(way);
}

/* Without servers too: a tracker needs none. */
static void test_what_was_sent_arrives(void **state)
{
    struct world *world = *state;
    struct way way = open_way();
    aep_config *config = NULL;
    given_argument(world, "track.store", "/a/b.db");
    given_secrets(world);
    must_load(world);
    assert_int_equal(aep__config_send(way.from, world->config, &world->err), AEP_OK);
    assert_int_equal(aep__config_receive(way.to, &config, &world->err), AEP_OK);
    assert_string_equal(aep__config_text(config, AEP__OPT_TRACK_STORE), "/a/b.db");
    assert_int_equal(aep__config_int(config, AEP__OPT_TRACK_IDLE_EXIT_S), 60);
    assert_string_equal(aep__config_kafka(config, "sasl.password")->text, "hunter2");
    aep_config_free(config);
    close_way(way);
}

static void test_a_sender_that_dies_is_an_error(void **state)
{
    (void)state;
    char length[4];
    aep__put32(length, 1000);
    refuses_bytes("", 0, AEP_EIO);
    refuses_bytes(length, 3, AEP_EIO);
    refuses_bytes(length, 4, AEP_EIO);
}

static void test_a_length_beyond_reason_is_refused(void **state)
{
    (void)state;
    char length[4];
    aep__put32(length, UINT32_MAX);
    refuses_bytes(length, 4, AEP_ECONFIG);
}

static void test_a_receiver_that_is_gone_is_an_error(void **state)
{
    struct world *world = *state;
    struct way way = open_way();
    close(way.to);
    must_load(world);
    assert_int_equal(aep__config_send(way.from, world->config, &world->err), AEP_ERELAY);
    close(way.from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_sent_arrives),
        TEST(test_a_sender_that_dies_is_an_error),
        TEST(test_a_length_beyond_reason_is_refused),
        TEST(test_a_receiver_that_is_gone_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
