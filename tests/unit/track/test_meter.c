/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest_fixture.h"

#include "track/meter.h"

static struct aep__meter meter;
static struct aep__meter_numbers numbers;

static int begin_metering(void **state)
{
    if (begin_taking(state) < 0)
        return -1;
    struct taking *taking = *state;
    aep__meter_init(&meter);
    taking->ingest.meter = &meter;
    return 0;
}

static int end_metering(void **state)
{
    aep__meter_numbers_done(&numbers);
    aep__meter_done(&meter);
    return end_taking(state);
}

static void read_meter(void)
{
    aep__meter_numbers_done(&numbers);
    assert_true(aep__meter_read(&meter, &numbers));
}

/* What is taken is flushed and stored. */
static void store_all(struct taking *taking)
{
    aep_error err;
    assert_int_equal(aep__ingest_flush(&taking->ingest, &err), AEP_OK);
    aep__meter_commit(&meter);
    read_meter();
}

static const struct aep__meter_agent *agent(const char *name)
{
    for (unsigned i = 0; i < numbers.agent_count; i++)
        if (strcmp(numbers.agents[i].name, name) == 0)
            return &numbers.agents[i];
    fail_msg("no agent %s", name);
    return NULL;
}

static void test_starts_and_ends_are_counted_by_agent(void **state)
{
    struct taking *taking = *state;
    TAKE("started", 1, 1, .agent = "b");
    TAKE("started", 2, 1, .agent = "a", .correlation = "d");
    TAKE("progress", 3, 2, .agent = "b", .cause = 1);
    TAKE("completed", 4, 3, .agent = "b", .cause = 1, .payload = ",\"duration_ms\":500");
    TAKE("failed", 5, 3, .agent = "a", .correlation = "d", .cause = 2,
         .payload = ",\"duration_ms\":400001,\"inferred\":true");
    store_all(taking);
    assert_int_equal(numbers.agent_count, 2);
    assert_string_equal(numbers.agents[0].name, "a"); /* in order */
    assert_int_equal(agent("b")->started, 1);
    assert_int_equal(agent("b")->ended[AEP__STATE_COMPLETED][AEP__BASIS_EVENT], 1);
    assert_int_equal(agent("a")->ended[AEP__STATE_FAILED][AEP__BASIS_INFERRED], 1);
    assert_int_equal(agent("a")->ended[AEP__STATE_FAILED][AEP__BASIS_EVENT], 0);
    assert_int_equal(numbers.durations[1], 1); /* 0.5 s is within the bucket to 0.5 s */
    assert_int_equal(numbers.durations[7], 1);
    assert_true(numbers.duration_s > 400.5 && numbers.duration_s < 400.502);
    assert_int_equal(numbers.tallies[AEP__TALLY_EVENTS], 5);
}

static void test_what_comes_twice_is_counted_once(void **state)
{
    struct taking *taking = *state;
    for (int i = 0; i < 2; i++) {
        TAKE("started", 1, 1);
        TAKE("completed", 2, 2, .cause = 1);
    }
    TAKE("failed", 3, 3, .cause = 1); /* it has ended already */
    store_all(taking);
    assert_int_equal(agent("a")->started, 1);
    assert_int_equal(agent("a")->ended[AEP__STATE_COMPLETED][AEP__BASIS_EVENT], 1);
    assert_int_equal(agent("a")->ended[AEP__STATE_FAILED][AEP__BASIS_EVENT], 0);
    assert_int_equal(numbers.tallies[AEP__TALLY_DUPLICATES], 2);
}

static void test_an_end_before_its_start_is_counted(void **state)
{
    struct taking *taking = *state;
    TAKE("completed", 2, 2);
    TAKE("started", 1, 1);
    store_all(taking);
    assert_int_equal(agent("a")->started, 1);
    assert_int_equal(agent("a")->ended[AEP__STATE_COMPLETED][AEP__BASIS_EVENT], 1);
}

static void test_what_is_not_stored_is_not_counted(void **state)
{
    struct taking *taking = *state;
    TAKE("started", 1, 1);
    read_meter();
    assert_int_equal(numbers.agent_count, 0);
    aep__meter_roll_back(&meter);
    taking->track->store->ops->rollback(taking->track->store);
    aep__ingest_forget(&taking->ingest);
    begin(taking->track);
    TAKE("started", 1, 1); /* again */
    store_all(taking);
    assert_int_equal(agent("a")->started, 1);
    assert_int_equal(numbers.tallies[AEP__TALLY_EVENTS], 1);
    TAKE("started", 2, 2);
    aep__meter_roll_back(&meter);
    aep__meter_commit(&meter);
    read_meter();
    assert_int_equal(agent("a")->started, 1);
}

static void test_agents_beyond_the_first_are_others(void **state)
{
    struct taking *taking = *state;
    char name[16];
    for (unsigned i = 0; i < AEP__METER_AGENTS + 50; i++) {
        snprintf(name, sizeof name, "%u", (i * 7919) % 1000);
        TAKE("started", 1000 + i, i, .agent = name, .correlation = name);
    }
    store_all(taking);
    assert_int_equal(numbers.agent_count, AEP__METER_AGENTS);
    assert_string_equal(numbers.others.name, "other");
    assert_int_equal(numbers.others.started, 50);
    for (unsigned i = 1; i < numbers.agent_count; i++)
        assert_true(strcmp(numbers.agents[i - 1].name, numbers.agents[i].name) < 0);
}

static void test_a_long_name_is_cut_between_characters(void **state)
{
    struct taking *taking = *state;
    char name[400] = "";
    for (int i = 0; i < 150; i++)
        strcat(name, "ü");
    TAKE("started", 1, 1, .agent = name);
    store_all(taking);
    assert_int_equal(numbers.agent_count, 1);
    assert_int_equal(strlen(numbers.agents[0].name), 254);
    assert_memory_equal(numbers.agents[0].name, name, 254);
}

static void test_a_duration_that_is_none_is_not_counted(void **state)
{
    struct taking *taking = *state;
    TAKE("completed", 2, 2); /* it has no start */
    store_all(taking);
    for (unsigned i = 0; i <= AEP__METER_BUCKETS; i++)
        assert_int_equal(numbers.durations[i], 0);
    TAKE("started", 3, 1, .correlation = "d");
    TAKE("completed", 4, 2, .cause = 3, .correlation = "d", .payload = ",\"duration_ms\":1e9");
    store_all(taking);
    assert_int_equal(numbers.durations[AEP__METER_BUCKETS], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define METER_TEST(function) cmocka_unit_test_setup_teardown(function, begin_metering, end_metering)
        METER_TEST(test_starts_and_ends_are_counted_by_agent),
        METER_TEST(test_what_comes_twice_is_counted_once),
        METER_TEST(test_an_end_before_its_start_is_counted),
        METER_TEST(test_what_is_not_stored_is_not_counted),
        METER_TEST(test_agents_beyond_the_first_are_others),
        METER_TEST(test_a_long_name_is_cut_between_characters),
        METER_TEST(test_a_duration_that_is_none_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
