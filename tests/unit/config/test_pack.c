/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration as bytes, which a publisher passes to the relay that it starts. */
#include "config_fixture.h"

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
            whole++; /* it ends between two settings, after the servers */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_packing_keeps_everything),
        TEST(test_what_was_not_packed_by_us_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
