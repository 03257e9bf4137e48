/* SPDX-License-Identifier: Apache-2.0 */
/* The words by which executions are chosen. */
#include "track/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

#define HOUR_US INT64_C(3600000000)
#define NOW_US (INT64_C(1700000000) * 1000000)

static void take(struct aep__filter *filter, const char *word)
{
    aep_error err = {0};
    if (aep__filter_add(filter, word, NOW_US, &err) != AEP_OK)
        fail_msg("%s: %s", word, err.text);
}

static const char *value(const struct aep__filter *filter, enum aep__filter_name name, unsigned at)
{
    assert_true(at < filter->values[name].count);
    return filter->values[name].values[at];
}

static void test_words_choose(void **state)
{
    struct aep__filter filter;
    (void)state;
    aep__filter_init(&filter);
    take(&filter, "state:stalled");
    take(&filter, "State:Failed");
    take(&filter, "agent:build*");
    take(&filter, "agent:test");
    take(&filter, "tenant:a:b");
    take(&filter, "session:S-1");
    take(&filter, "correlation:01234567-89ab-7def-8123-456789abcdef");
    take(&filter, "parent:p");
    take(&filter, "deploy the thing");
    take(&filter, "12:30");
    take(&filter, "text:http://host");
    assert_int_equal(filter.states, 1U << AEP__STATE_STALLED | 1U << AEP__STATE_FAILED);
    assert_string_equal(value(&filter, AEP__FILTER_AGENT, 0), "build*");
    assert_string_equal(value(&filter, AEP__FILTER_AGENT, 1), "test");
    assert_string_equal(value(&filter, AEP__FILTER_TENANT, 0), "a:b");
    assert_string_equal(value(&filter, AEP__FILTER_SESSION, 0), "S-1");
    assert_string_equal(value(&filter, AEP__FILTER_CORRELATION, 0),
                        "01234567-89ab-7def-8123-456789abcdef");
    assert_string_equal(value(&filter, AEP__FILTER_TEXT, 0), "deploy the thing");
    assert_string_equal(value(&filter, AEP__FILTER_TEXT, 1), "12:30");
    assert_string_equal(value(&filter, AEP__FILTER_TEXT, 2), "http://host");
    assert_string_equal(value(&filter, AEP__FILTER_PARENT, 0), "p");
    assert_true(filter.since_us == INT64_MIN);
    assert_true(filter.until_us == INT64_MAX);
    assert_false(filter.roots);
    aep__filter_done(&filter);
    assert_int_equal(filter.states, 0);
    assert_int_equal(filter.values[AEP__FILTER_TEXT].count, 0);
}

static int64_t since(const char *first, const char *second)
{
    struct aep__filter filter;
    aep__filter_init(&filter);
    take(&filter, first);
    if (second)
        take(&filter, second);
    int64_t since_us = filter.since_us;
    aep__filter_done(&filter);
    return since_us;
}

static void test_until_is_the_latest(void **state)
{
    struct aep__filter filter;
    (void)state;
    aep__filter_init(&filter);
    take(&filter, "until:2h");
    take(&filter, "until:1h");
    take(&filter, "until:3h");
    assert_true(filter.until_us == NOW_US - HOUR_US);
    aep__filter_done(&filter);
    assert_true(filter.until_us == INT64_MAX);
}

static void test_since_is_a_span_or_a_time(void **state)
{
    int64_t wanted;
    (void)state;
    assert_int_equal(since("since:1h", NULL), NOW_US - HOUR_US);
    assert_int_equal(since("since:90min", NULL), NOW_US - HOUR_US * 3 / 2);
    assert_int_equal(since("since:7d", NULL), NOW_US - 7 * 24 * HOUR_US);
    assert_true(aep__clock_parse("2025-11-13T00:00:00Z", 20, &wanted));
    assert_int_equal(since("since:2025-11-13", NULL), wanted);
    assert_int_equal(since("since:2025-11-13T02:00:00+02:00", NULL), wanted);
    assert_int_equal(since("since:1h", "since:2h"), NOW_US - 2 * HOUR_US);
    assert_int_equal(since("since:2h", "since:1h"), NOW_US - 2 * HOUR_US);
}

static void test_a_wrong_word_names_the_nearest(void **state)
{
    static const struct {
        const char *word, *text;
    } rows[] = {
        {"stat:failed", "\"stat:failed\": no filter is named \"stat\"; did you mean state:? (to "
                        "search for it as a text, put text: before it)"},
        {"tenat:a", "\"tenat:a\": no filter is named \"tenat\"; did you mean tenant:? (to search "
                    "for it as a text, put text: before it)"},
        {"http://host",
         "\"http://host\": no filter is named \"http\"; the names are state: agent: tenant: "
         "session: correlation: parent: since: until: text: (to search for it as a text, put text: before it)"},
        {"state:stale", "state: \"stale\" is no state; did you mean state:stalled?"},
        {"state:purple", "state: \"purple\" is no state; the states are completed, failed, "
                         "abandoned, waiting, stalled, running"},
        {"agent:", "agent: needs a value behind the colon"},
        {"state:", "state: needs a value behind the colon"},
        {"", "a filter word is empty"},
        {"since:yesterday", "since: \"yesterday\" is not a time: write it as 90s, 30min, 1h, 7d, "
                            "2025-11-13 or 2025-11-13T14:30:00Z"},
        {"since:2025-13-13", "since: \"2025-13-13\" is not a time: write it as 90s, 30min, 1h, 7d, "
                             "2025-11-13 or 2025-11-13T14:30:00Z"},
        {"since:99999999999999999999d",
         "since: \"99999999999999999999d\" is not a time: write it as 90s, 30min, 1h, 7d, "
         "2025-11-13 or 2025-11-13T14:30:00Z"},
        {"agent:\xff", "\"agent:?\" is not UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aep__filter filter;
        aep_error err = {0};
        aep__filter_init(&filter);
        assert_int_equal(aep__filter_add(&filter, rows[i].word, NOW_US, &err), AEP_EINVAL);
        assert_string_equal(err.text, rows[i].text);
        assert_int_equal(filter.states, 0);
        aep__filter_done(&filter);
    }
}

/* A name may be longer than any message. */
static void test_a_wrong_word_may_be_long(void **state)
{
    static char word[100000];
    struct aep__filter filter;
    aep_error err = {0};
    (void)state;
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 10] = ':';
    aep__filter_init(&filter);
    assert_int_equal(aep__filter_add(&filter, word, NOW_US, &err), AEP_EINVAL);
    aep__filter_done(&filter);
}

static void test_words_of_one_name_are_bounded(void **state)
{
    struct aep__filter filter;
    aep_error err = {0};
    (void)state;
    aep__filter_init(&filter);
    for (int i = 0; i < AEP__FILTER_VALUES; i++)
        take(&filter, "agent:a");
    assert_int_equal(aep__filter_add(&filter, "agent:a", NOW_US, &err), AEP_EINVAL);
    assert_string_equal(err.text, "a filter takes at most 16 times agent:");
    aep__filter_done(&filter);
}

static void test_every_word_of_completion_is_one(void **state)
{
    struct aep__buf words = {0};
    struct aep__filter filter;
    aep_error err = {0};
    char *rest = NULL;
    int count = 0;
    (void)state;
    aep__filter_init(&filter);
    aep__filter_words(&words);
    aep__buf_string(&words);
    for (char *word = strtok_r(words.data, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        int code = aep__filter_add(&filter, word, NOW_US, &err);
        count++;
        if (code != AEP_OK) /* without a value */
            assert_non_null(strstr(err.text, "needs a value"));
    }
    assert_int_equal(count, AEP__STATE_COUNT + 8);
    assert_int_equal(filter.states, (1U << AEP__STATE_COUNT) - 1);
    aep__filter_done(&filter);
    aep__buf_done(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_choose),
        cmocka_unit_test(test_since_is_a_span_or_a_time),
        cmocka_unit_test(test_until_is_the_latest),
        cmocka_unit_test(test_a_wrong_word_names_the_nearest),
        cmocka_unit_test(test_a_wrong_word_may_be_long),
        cmocka_unit_test(test_words_of_one_name_are_bounded),
        cmocka_unit_test(test_every_word_of_completion_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
