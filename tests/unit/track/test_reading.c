/* SPDX-License-Identifier: Apache-2.0 */
/* Which topics are read, and which of them nothing is missed without. */
#include "config_fixture.h"

#include "track/reading.h"

#define SINGLE "omninode.agent.execution.v1"
#define STARTED "omninode.agent.execution.started.v1"

static bool is_spare(struct world *world, const char *topic)
{
    struct aep__reading_topics topics;
    must_load(world);
    assert_int_equal(aep__reading_topics(&topics, world->config, &world->err), AEP_OK);
    size_t i = 0;
    while (i < topics.count && strcmp(topics.list[i], topic) != 0)
        i++;
    assert_true(i < topics.count);
    bool spare = topics.spare[i];
    aep__reading_topics_done(&topics);
    return spare;
}

static void topics_of_the_other_layout_are_spare(void **state)
{
    struct world *world = *state;
    assert_true(is_spare(world, SINGLE));
    assert_false(is_spare(world, STARTED));
    given_argument(world, "topic.layout", "single");
    assert_false(is_spare(world, SINGLE));
    assert_true(is_spare(world, STARTED));
}

static void topics_that_are_named_are_not_spare(void **state)
{
    struct world *world = *state;
    given_argument(world, "track.topics", "a.b, " SINGLE);
    assert_false(is_spare(world, SINGLE));
    assert_false(is_spare(world, "a.b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(topics_of_the_other_layout_are_spare),
        TEST(topics_that_are_named_are_not_spare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
