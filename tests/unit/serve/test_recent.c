/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/recent.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct aep__recents recents;

static int begin(void **state)
{
    (void)state;
    memset(&recents, 0, sizeof recents);
    return 0;
}

static int end(void **state)
{
    (void)state;
    aep__recents_forget(&recents);
    assert_null(recents.newest);
    assert_null(recents.last_held);
    return 0;
}

/* The id of the one that is taken a second later, with what it holds back: "a 7"; "": there is none. */
static const char *take(void)
{
    static char text[64];
    struct aep__recent *recent = aep__recents_take(&recents, aep__clock_mono_us() + 1000000);
    text[0] = '\0';
    if (recent)
        snprintf(text, sizeof text, "%s %lld", recent->id, (long long)recent->held);
    free(recent);
    return text;
}

static void test_only_what_was_sent_is_held_back(void **state)
{
    (void)state;
    assert_false(aep__recents_hold(&recents, "a", 1));
    aep__recents_add(&recents, "a");
    assert_int_equal(aep__recents_held(&recents), 0);
    assert_true(aep__recents_hold(&recents, "a", 2));
    assert_true(aep__recents_hold(&recents, "a", 3));
    assert_false(aep__recents_hold(&recents, "b", 4));
    assert_int_equal(aep__recents_held(&recents), 2);
    assert_string_equal(take(), "a 2");
    assert_int_equal(aep__recents_held(&recents), 0);
    assert_false(aep__recents_hold(&recents, "a", 5));
    assert_string_equal(take(), "");
}

static void test_it_is_held_until_its_time_has_passed(void **state)
{
    (void)state;
    int64_t begin_us = aep__clock_mono_us();
    aep__recents_add(&recents, "a");
    assert_int_equal(aep__recents_due_us(&recents), INT64_MAX);
    assert_true(aep__recents_hold(&recents, "a", 1));
    int64_t due_us = aep__recents_due_us(&recents);
    assert_in_range(due_us - begin_us, 250000, 60000000);
    assert_null(aep__recents_take(&recents, due_us - 1));
    free(aep__recents_take(&recents, due_us));
    assert_int_equal(aep__recents_due_us(&recents), INT64_MAX);
}

static void test_the_first_change_that_is_held_back_is_known(void **state)
{
    static const char *const ids[] = {"a", "b", "c", "d"};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        aep__recents_add(&recents, ids[i]);
    aep__recents_hold(&recents, "c", 10);
    aep__recents_hold(&recents, "a", 11);
    aep__recents_hold(&recents, "d", 12);
    assert_string_equal(take(), "a 11");
    assert_int_equal(aep__recents_held(&recents), 10);
    assert_string_equal(take(), "b 0");
    assert_string_equal(take(), "c 10");
    assert_int_equal(aep__recents_held(&recents), 12);
    assert_string_equal(take(), "d 12");
    assert_int_equal(aep__recents_held(&recents), 0);
}

static void test_many_are_each_found(void **state)
{
    char id[16];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        snprintf(id, sizeof id, "id-%d", i);
        aep__recents_add(&recents, id);
    }
    for (int i = 20000; i-- > 0;) {
        snprintf(id, sizeof id, "id-%d", i);
        assert_true(aep__recents_hold(&recents, id, 20000 - i));
    }
    assert_false(aep__recents_hold(&recents, "id-20000", 20001));
    assert_string_equal(take(), "id-0 20000");
    assert_int_equal(aep__recents_held(&recents), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define RECENT_TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
        RECENT_TEST(test_only_what_was_sent_is_held_back),
        RECENT_TEST(test_it_is_held_until_its_time_has_passed),
        RECENT_TEST(test_the_first_change_that_is_held_back_is_known),
        RECENT_TEST(test_many_are_each_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
