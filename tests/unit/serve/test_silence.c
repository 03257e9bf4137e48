/* SPDX-License-Identifier: Apache-2.0 */
/* What the clock alone changes, as streams are told of it; the store is one that says what the test wants. */
#include "serve/inside.h"
#include "serve/silence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct aep__serve serve;
static struct aep__stream stream;
static struct {
    unsigned turned; /* how many have turned */
    int64_t from_us, until_us;
} said;

static int turned(struct aep__store *store, int64_t from_us, int64_t until_us, unsigned limit,
                  aep__id_fn fn, void *user, aep_error *err)
{
    (void)store, (void)err;
    said.from_us = from_us;
    said.until_us = until_us;
    for (unsigned i = 0; i < said.turned && i < limit; i++) {
        char id[16];
        snprintf(id, sizeof id, "e%u", i);
        fn(user, id);
    }
    return AEP_OK;
}

static int get(struct aep__store *store, const char *id, struct aep__tracked *ret, aep_error *err)
{
    (void)store, (void)err;
    ret->id = strdup(id);
    ret->stalls_at = said.until_us - 1;
    return 1;
}

static int get_count(struct aep__store *store, const char *name, int64_t *ret, aep_error *err)
{
    (void)store, (void)name, (void)err;
    *ret = 77;
    return AEP_OK;
}

static const struct aep__store_ops ops = {.turned = turned, .get = get, .get_count = get_count};
static struct aep__store store = {&ops};

static int begin(void **state)
{
    (void)state;
    memset(&serve, 0, sizeof serve);
    memset(&stream, 0, sizeof stream);
    aep__row_fields_all(&serve.fields);
    aep__feed_init(&serve.feed, &serve);
    aep__filter_init(&stream.filter);
    aep__filter_init(&stream.fixed);
    stream.feed = &serve.feed;
    serve.feed.streams = &stream;
    serve.feed.number = 5;
    serve.feed.clock_us = 1000;
    serve.news.as_of_us = 2000;
    return 0;
}

static int end(void **state)
{
    (void)state;
    aep__buf_done(&stream.out);
    aep__filter_done(&stream.filter);
    aep__feed_done(&serve.feed);
    return 0;
}

static unsigned count_of(const char *word)
{
    unsigned count = 0;
    const char *at = aep__buf_string(&stream.out);
    while ((at = strstr(at, word))) {
        at += strlen(word);
        count++;
    }
    return count;
}

static void look(unsigned count)
{
    aep_error err;
    said.turned = count;
    assert_int_equal(aep__silence_look(&serve.feed, &store, &err), AEP_OK);
}

static void test_those_that_have_turned_since_are_shown(void **state)
{
    (void)state;
    look(2);
    assert_int_equal(said.from_us, 1000);
    assert_int_equal(said.until_us, 2000);
    assert_int_equal(serve.feed.clock_us, 2000);
    assert_int_equal(count_of("event: execution\n"), 2);
    assert_int_equal(count_of("\"state\":\"stalled\""), 2);
    serve.news.as_of_us = 3000;
    look(0);
    assert_int_equal(said.from_us, 2000);
}

static void test_nothing_turns_while_the_clock_stands(void **state)
{
    (void)state;
    serve.news.as_of_us = serve.feed.clock_us;
    look(2);
    assert_int_equal(stream.out.len, 0);
}

static void test_one_that_was_sent_just_now_waits(void **state)
{
    (void)state;
    aep__recents_add(&serve.feed.recents, "e0");
    look(2);
    assert_int_equal(count_of("event: execution\n"), 1);
    assert_int_equal(count_of("\"e1\""), 1);
    assert_int_equal(aep__recents_held(&serve.feed.recents), 5);
}

static void test_where_very_many_turn_at_once_all_is_read_again(void **state)
{
    (void)state;
    look(AEP__FEED_BATCH);
    assert_int_equal(count_of("event: reset\n"), 1); /* it does not read: there is no more room */
    serve.news.as_of_us = 3000;
    aep__buf_clear(&stream.out);
    look(AEP__FEED_BATCH + 1);
    assert_int_equal(count_of("event: execution\n"), 0);
    assert_int_equal(count_of("event: reset\n"), 1);
    assert_int_equal(serve.feed.number, 77);
    assert_int_equal(serve.feed.clock_us, 3000);
}

static void test_one_that_comes_back_is_shown_all_that_are_silent(void **state)
{
    (void)state;
    said.turned = 3;
    assert_true(aep__silence_replay(&stream, &store));
    assert_int_equal(said.from_us, INT64_MIN);
    assert_int_equal(count_of("event: execution\n"), 3);
    said.turned = AEP__FEED_BATCH + 1;
    assert_false(aep__silence_replay(&stream, &store));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define SILENCE_TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
        SILENCE_TEST(test_those_that_have_turned_since_are_shown),
        SILENCE_TEST(test_nothing_turns_while_the_clock_stands),
        SILENCE_TEST(test_one_that_was_sent_just_now_waits),
        SILENCE_TEST(test_where_very_many_turn_at_once_all_is_read_again),
        SILENCE_TEST(test_one_that_comes_back_is_shown_all_that_are_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
