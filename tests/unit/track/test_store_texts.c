/* SPDX-License-Identifier: Apache-2.0 */
/* Searching with the index of texts finds what looking at every row finds: random texts in many scripts,
 * written, removed, indexed now and then. AEP_TEST_SEED=N repeats a run. */
#include "base/clock.h"
#include "base/utf8.h"
#include "track/match.h"
#include "track_fixture.h"

#define ROWS 400
#define STEPS 1500

static struct aep__tracked rows[ROWS]; /* id NULL: none */
static struct aep__contains contains;
static uint64_t seed;

static unsigned random_below(unsigned limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % limit;
}

/* Characters of several scripts, with cases of one, two and three forms; what SQL and FTS5 quote. */
static const char *const characters[] = {
    "a", "A", "b",  "B",  "k",  "K", "\u212a", "s", "S", "\u017f", "i", "I", "\u0131", "\u0130",
    "ß", "ẞ", "ä",  "Ä",  "σ",  "Σ", "ς",      "я", "Я", "ա",      "Ա", "ა", "Ა",    "ⴀ",
    "א", "ب", "日", "本", "한", "ไ", "\u0301", "😀", " ", "\"",     "'", "*", "%",      "_",
    "-", "(", ")",  ":",  "^",  "0", "1",      "é", "É", "ǆ",      "Ǆ", "ǅ", "\t",     "AND",
};

static void add_characters(struct aep__buf *out, unsigned count, unsigned variety)
{
    const unsigned all = sizeof characters / sizeof *characters;
    unsigned first = random_below(all);
    while (count-- > 0)
        aep__buf_text(out, characters[(first + random_below(variety)) % all]);
}

static void choose_text(struct aep__tracked *row, char **text)
{
    struct aep__buf value = {0};
    if (random_below(4)) {
        add_characters(&value, random_below(20), 1 + random_below(12));
        set_text(row, text, aep__buf_string(&value));
    } else {
        set_text(row, text, NULL);
    }
    aep__buf_done(&value);
}

static void put_row(struct track *track, unsigned i)
{
    if (!rows[i].id)
        rows[i] = make_execution(i, (int)i);
    choose_text(&rows[i], &rows[i].user_request);
    choose_text(&rows[i], &rows[i].current_step);
    if (random_below(3) == 0)
        choose_text(&rows[i], &rows[i].error_message);
    MUST(track, put, &rows[i]);
}

static void remove_row(struct track *track, unsigned i)
{
    MUST(track, remove, id_of(i));
    aep__tracked_done(&rows[i]);
    aep__tracked_init(&rows[i]);
}

static void change_some(struct track *track)
{
    begin(track);
    for (unsigned left = 1 + random_below(30); left > 0; left--)
        if (random_below(5))
            put_row(track, random_below(ROWS));
        else
            remove_row(track, random_below(ROWS));
    commit(track);
}

/* Part of a text that there is, or any. */
static void choose_word(struct aep__buf *out)
{
    const char *text = rows[random_below(ROWS)].user_request;
    size_t len = text ? strlen(text) : 0, step;
    unsigned from = random_below(8), count = 1 + random_below(6);
    if (len == 0 || random_below(4) == 0) {
        add_characters(out, count, 8);
        return;
    }
    for (size_t at = 0; at < len; at += step) {
        aep__utf8_decode(text + at, len - at, &step);
        if (from > 0)
            from--;
        else if (count > 0 && count--)
            aep__buf_add(out, text + at, step);
    }
    if (out->len == 0)
        aep__buf_text(out, text);
}

static void assert_found(struct track *track)
{
    struct aep__buf expected = {0}, kept = {0}, word = {0};
    struct aep__filter filter;
    struct aep__query query = {.filter = &filter, .clock_us = AT(0)};
    struct aep__filter_values *texts = &filter.values[AEP__FILTER_TEXT];
    aep__filter_init(&filter);
    while (texts->count < 1 + random_below(2)) {
        aep__buf_clear(&word);
        choose_word(&word);
        texts->values[texts->count++] = strdup(aep__buf_string(&word));
    }
    for (unsigned i = ROWS; i-- > 0;)
        if (rows[i].id && aep__match(&filter, &rows[i], AT(0), &contains))
            keep_row(&expected, &rows[i]);
    MUST(track, list, &query, keep_row, &kept);
    if (strcmp(aep__buf_string(&kept), aep__buf_string(&expected)) != 0)
        fail_msg("\"%s\": %s, not %s", texts->values[0], kept.data, expected.data);
    aep__buf_done(&kept);
    aep__buf_done(&expected);
    aep__buf_done(&word);
    aep__filter_done(&filter);
}

static void index_some(struct track *track, unsigned limit)
{
    assert_true(track->store->ops->index_texts(track->store, limit, &track->err) >= 0);
}

static void test_the_index_finds_what_is_there(void **state)
{
    struct track *track = *state;
    const char *given = getenv("AEP_TEST_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)aep__clock_wall_us();
    printf("AEP_TEST_SEED=%llu\n", (unsigned long long)seed);
    aep__contains_init(&contains);
    for (unsigned i = 0; i < ROWS; i++)
        aep__tracked_init(&rows[i]);
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned what = random_below(10);
        if (what < 3)
            change_some(track);
        else if (what < 5)
            index_some(track, 1 + random_below(60));
        else
            assert_found(track);
    }
    for (unsigned i = 0; i < ROWS; i++)
        aep__tracked_done(&rows[i]);
    aep__contains_done(&contains);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TRACK_TEST(test_the_index_finds_what_is_there)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
