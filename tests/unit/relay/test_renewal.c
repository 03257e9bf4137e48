/* SPDX-License-Identifier: Apache-2.0 */
/* When a refused client is replaced: not while another broker accepts what it sends. */
#include "spool_fixture.h"

#include "relay/relay.h"

#define MINUTE_US INT64_C(60000000)

struct scene {
    struct aep__relay relay;
    aep_config *args, *config;
};

static void note_broker(void *user, enum aep_broker_state state, const char *reason)
{
    (void)user, (void)state, (void)reason;
}

/* A relay whose login was refused. Its settings make no client, so that a try changes nothing but the
 * time of the last one. */
static int begin_scene(void **state)
{
    static struct scene scene;
    aep_error err;
    scene = (struct scene){0};
    assert_non_null(scene.args = aep_config_new());
    static const char *const settings[][2] = {{"kafka.bootstrap.servers", "127.0.0.1:1"},
                                              {"kafka.security.protocol", "ssl"},
                                              {"kafka.ssl.ca.location", "/nowhere/ca.pem"}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        assert_int_equal(aep_config_set(scene.args, settings[i][0], settings[i][1], &err), AEP_OK);
    assert_int_equal(aep__config_resolve(scene.args, &scene.config, &err), AEP_OK);
    scene.relay.config = scene.config;
    scene.relay.sink_events.broker = note_broker;
    aep__log_init(&scene.relay.log, -1, "", false);
    scene.relay.broker.state = AEP_BROKER_AUTH_FAILED;
    scene.relay.renewal.looked_us = INT64_MAX / 2; /* no file has changed */
    scene.relay.pace.now_us = 10 * MINUTE_US;
    *state = &scene;
    return 0;
}

static int end_scene(void **state)
{
    struct scene *scene = *state;
    aep__log_done(&scene->relay.log);
    aep_config_free(scene->config);
    aep_config_free(scene->args);
    return 0;
}

static bool tries(struct aep__relay *relay)
{
    aep__renewal_step(relay);
    return relay->renewal.tried_us == relay->pace.now_us;
}

static void test_a_refused_client_is_made_anew_once_a_minute(void **state)
{
    struct aep__relay *relay = &((struct scene *)*state)->relay;
    relay->renewal.tried_us = relay->pace.now_us - MINUTE_US + 1;
    assert_false(tries(relay));
    relay->renewal.tried_us = relay->pace.now_us - MINUTE_US;
    assert_true(tries(relay));
}

static void test_one_whose_events_still_arrive_is_kept(void **state)
{
    struct aep__relay *relay = &((struct scene *)*state)->relay;
    relay->renewal.acked_us = relay->pace.now_us - MINUTE_US + 1;
    assert_false(tries(relay));
    relay->renewal.acked_us = relay->pace.now_us - MINUTE_US;
    assert_true(tries(relay));
}

#define SCENE_TEST(function) cmocka_unit_test_setup_teardown(function, begin_scene, end_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_refused_client_is_made_anew_once_a_minute),
        SCENE_TEST(test_one_whose_events_still_arrive_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
