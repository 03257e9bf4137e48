/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in every order, their cursors, counts and lookups, against a model that looks at every row; and
 * that they do not. */
#include "track/match.h"
#include "track/store_sqlite.h"
#include "track_fixture.h"

#define ROWS 3000
#define CLOCK AT(100000)

static struct aep__tracked rows[ROWS]; /* newest first */

static unsigned random_below(unsigned limit)
{
    static uint64_t seed = 42;
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % limit;
}

/* ---- rows of every kind ---- */

static const char *const agents[] = {"build-a", "build-b", "test", "t?st", "[x]", "Build-a", "*"};
static const char *const words[] = {"Fix the tests", "fix THE lint", "Übersetze",
                                    "deploy 100%",   "a_b",          ""};

#define PICK(array) ((array)[random_below(sizeof(array) / sizeof *(array))])

static void choose_end(struct aep__tracked *row)
{
    row->outcome = random_below(4) ? random_below(4) : AEP__ENDING_OPEN;
    row->waiting = random_below(3) ? 0 : random_below(AEP__WAITING_COUNT);
    row->stalls_at = random_below(9) ? CLOCK + (int64_t)random_below(5) - 2 : AEP__UNKNOWN_US;
    row->abandons_at = random_below(9) ? CLOCK + (int64_t)random_below(5) - 2 : AEP__NEVER_US;
    row->waiting_since = row->waiting ? AT(random_below(50)) : AEP__UNKNOWN_US;
    row->ended_at = AEP__UNKNOWN_US;
    if (row->outcome && random_below(20))
        row->ended_at = CLOCK - AEP__ATTENTION_FRESH_US + (int64_t)random_below(9) - 4;
}

static struct aep__tracked choose_row(unsigned i)
{
    struct aep__tracked row = make_execution(i, (int)(ROWS - i) * 10);
    char text[16];
    snprintf(text, sizeof text, "c%u", random_below(ROWS / 4));
    set_text(&row, &row.correlation_id, text);
    snprintf(text, sizeof text, "s%u", random_below(ROWS / 10));
    set_text(&row, &row.session_id, random_below(3) ? text : NULL);
    set_text(&row, &row.tenant_id, random_below(3) ? "big" : "small");
    set_text(&row, &row.agent_name, PICK(agents));
    set_text(&row, &row.user_request, PICK(words));
    set_text(&row, &row.current_step, random_below(2) ? PICK(words) : NULL);
    set_text(&row, &row.error_message, random_below(4) ? NULL : "Segmentation fault");
    snprintf(text, sizeof text, "p%u", random_below(ROWS / 20));
    set_text(&row, &row.parent_id, random_below(3) ? text : NULL);
    row.parent_known = random_below(2);
    row.last_event_at += (int64_t)random_below(2) * random_below(20000) * 1000000;
    if (random_below(20) == 0) { /* a provisional one: in order of its last event, here the same */
        row.last_event_at = row.started_at;
        row.started_at = AEP__UNKNOWN_US;
        row.origins[AEP__ORIGIN_STARTED] = AEP__ORDER_NONE;
        row.partial = 1;
    }
    choose_end(&row);
    return row;
}

static int begin_rows(void **state)
{
    if (begin_track(state) < 0)
        return -1;
    struct track *track = *state;
    for (unsigned i = 0; i < ROWS; i++)
        rows[i] = choose_row(i);
    begin(track);
    for (unsigned i = 0; i < ROWS; i++) { /* in an order that is neither that of time nor of ids */
        struct aep__tracked *row = &rows[i * 7 % ROWS];
        MUST(track, put, row);
    }
    commit(track);
    while (track->store->ops->index_texts(track->store, 500, &track->err) > 0)
        ;
    begin(track);
    for (unsigned i = 0; i < ROWS; i += 3) { /* some have changed since */
        choose_end(&rows[i]);
        rows[i].parent_known = random_below(2);
        if (!rows[i].partial)
            rows[i].last_event_at += random_below(1000) * INT64_C(1000000);
        MUST(track, put, &rows[i]);
    }
    commit(track);
    return 0;
}

static int end_rows(void **state)
{
    for (unsigned i = 0; i < ROWS; i++)
        aep__tracked_done(&rows[i]);
    return end_track(state);
}

/* ---- the model ---- */

static bool glob_matches(const char *pattern, const char *text)
{
    if (!*pattern)
        return !*text;
    if (*pattern == '*')
        return glob_matches(pattern + 1, text) || (*text && glob_matches(pattern, text + 1));
    return *pattern == *text && glob_matches(pattern + 1, text + 1);
}

static bool has_text(const struct aep__tracked *row, const char *text)
{
    const char *const texts[] = {row->user_request, row->agent_name, row->current_step,
                                 row->error_message};
    for (size_t i = 0; i < 4; i++)
        if (texts[i] && strcasestr(texts[i], text))
            return true;
    return false;
}

static bool one_of(const struct aep__filter_values *values, const char *text, bool globs)
{
    for (unsigned i = 0; text && i < values->count; i++)
        if (globs ? glob_matches(values->values[i], text) : strcmp(values->values[i], text) == 0)
            return true;
    return values->count == 0;
}

static bool matches(const struct aep__filter *filter, const struct aep__tracked *row)
{
    const struct aep__filter_values *texts = &filter->values[AEP__FILTER_TEXT];
    for (unsigned i = 0; i < texts->count; i++)
        if (!has_text(row, texts->values[i]))
            return false;
    return (!filter->states || filter->states & 1U << aep__state_of(row, CLOCK)) &&
           row->last_event_at >= filter->since_us && row->last_event_at <= filter->until_us &&
           !(filter->roots && row->parent_known) &&
           (row->parent_known || filter->values[AEP__FILTER_PARENT].count == 0) &&
           one_of(&filter->values[AEP__FILTER_PARENT], row->parent_id, false) &&
           one_of(&filter->values[AEP__FILTER_AGENT], row->agent_name, true) &&
           one_of(&filter->values[AEP__FILTER_TENANT], row->tenant_id, false) &&
           one_of(&filter->values[AEP__FILTER_SESSION], row->session_id, false) &&
           one_of(&filter->values[AEP__FILTER_CORRELATION], row->correlation_id, false);
}

/* ---- lists ---- */

static void add_value(struct aep__filter *filter, enum aep__filter_name name, const char *value)
{
    struct aep__filter_values *values = &filter->values[name];
    values->values[values->count++] = strdup(value);
}

static struct aep__filter choose_filter(void)
{
    static const char *const patterns[] = {"build*", "*",       "t?st",    "[x]",   "none*", "*-a",
                                           "test",   "build-a", "Build-a", "*u*d*", "t?s*",  "[x*"};
    static const char *const texts[] = {"fix", "THE", "bersetze", "%", "_", "fault", "nowhere", ""};
    struct aep__filter filter;
    char text[16];
    aep__filter_init(&filter);
    filter.roots = random_below(2);
    if (random_below(2))
        filter.states = random_below(1U << AEP__STATE_COUNT);
    if (random_below(3) == 0)
        filter.since_us = AT(random_below(ROWS * 10 + 20000));
    for (unsigned i = random_below(3) ? 0 : 1 + random_below(3); i > 0; i--)
        add_value(&filter, AEP__FILTER_AGENT, PICK(patterns));
    for (unsigned i = random_below(3) ? 0 : 1 + random_below(2); i > 0; i--)
        add_value(&filter, AEP__FILTER_TENANT, i > 1 ? "none" : random_below(2) ? "big" : "small");
    for (unsigned i = random_below(4) ? 0 : 1 + random_below(16); i > 0; i--) {
        snprintf(text, sizeof text, "s%u", random_below(ROWS / 10));
        add_value(&filter, AEP__FILTER_SESSION, text);
    }
    for (unsigned i = random_below(6) ? 0 : 1 + random_below(4); i > 0; i--) {
        snprintf(text, sizeof text, "c%u", random_below(ROWS / 4));
        add_value(&filter, AEP__FILTER_CORRELATION, text);
    }
    for (unsigned i = random_below(6) ? 0 : 1 + random_below(4); i > 0; i--) {
        snprintf(text, sizeof text, "p%u", random_below(ROWS / 20));
        add_value(&filter, AEP__FILTER_PARENT, text);
    }
    if (random_below(4) == 0)
        filter.until_us = AT(random_below(ROWS * 10 + 20000));
    for (unsigned i = random_below(4) ? 0 : 1 + random_below(2); i > 0; i--)
        add_value(&filter, AEP__FILTER_TEXT, PICK(texts));
    return filter;
}

/* When it was put first: equal ones stand in that order, or in the reverse of it. */
static unsigned key_of(const struct aep__tracked *row)
{
    static unsigned keys[ROWS], known;
    for (; known < ROWS; known++)
        keys[known * 7 % ROWS] = known;
    return keys[row - rows];
}

static int compare_places(const void *left, const void *right, void *user)
{
    const struct aep__query *query = user;
    const struct aep__tracked *one = *(struct aep__tracked *const *)left;
    const struct aep__tracked *other = *(struct aep__tracked *const *)right;
    struct aep__rank first = aep__sort_rank(query->sort, one, CLOCK);
    struct aep__rank second = aep__sort_rank(query->sort, other, CLOCK);
    int order = aep__rank_compare(&first, &second);
    if (order == 0)
        order = (key_of(one) < key_of(other)) == first.ascending ? -1 : 1;
    return query->reverse ? -order : order;
}

/* The rule by which changes are filtered is the same. */
static bool matches_both(const struct aep__filter *filter, const struct aep__tracked *row)
{
    static struct aep__contains contains;
    if (!contains.locale)
        aep__contains_init(&contains);
    bool found = matches(filter, row);
    if (aep__match(filter, row, CLOCK, &contains) != found)
        fail_msg("%s: by the model it does %smatch", row->id, found ? "" : "not ");
    return found;
}

static void expect(struct aep__buf *out, const struct aep__query *query)
{
    static struct aep__tracked *sorted[ROWS];
    for (unsigned i = 0; i < ROWS; i++)
        sorted[i] = &rows[i];
    qsort_r(sorted, ROWS, sizeof *sorted, compare_places, (void *)query);
    for (unsigned i = 0, given = 0; i < ROWS && (!query->limit || given < query->limit); i++)
        if (matches_both(query->filter, sorted[i])) {
            keep_row(out, sorted[i]);
            given++;
        }
}

static void assert_query(struct track *track, const struct aep__query *query)
{
    struct aep__buf expected = {0}, kept = {0};
    expect(&expected, query);
    MUST(track, list, query, keep_row, &kept);
    assert_kept(&kept, aep__buf_string(&expected));
    aep__buf_done(&expected);
}

/* In two of the orders. */
static void assert_list(struct track *track, const struct aep__filter *filter, unsigned limit)
{
    for (int i = 0; i < 2; i++) {
        struct aep__query query = {.filter = filter,
                                   .clock_us = CLOCK,
                                   .limit = limit,
                                   .sort = (enum aep__sort)random_below(AEP__SORT_COUNT),
                                   .reverse = random_below(2)};
        assert_query(track, &query);
    }
}

static void test_lists_hold_what_matches_in_order(void **state)
{
    struct track *track = *state;
    for (int i = 0; i < 60; i++) {
        struct aep__filter filter = choose_filter();
        assert_list(track, &filter, i % 2 ? 1 + random_below(60) : 0);
        aep__filter_done(&filter);
    }
}

static void test_each_condition_alone(void **state)
{
    struct track *track = *state;
    for (int i = 0; i < 2 * (AEP__STATE_COUNT + AEP__FILTER_NAME_COUNT + 3); i++) {
        static const char *const values[] = {"build*", "small", "s7", "c8", "p9", "fault"};
        struct aep__filter filter;
        int which = i / 2;
        aep__filter_init(&filter);
        filter.roots = i % 2;
        if (which < AEP__STATE_COUNT)
            filter.states = 1U << which;
        else if (which < AEP__STATE_COUNT + AEP__FILTER_NAME_COUNT)
            add_value(&filter, which - AEP__STATE_COUNT, values[which - AEP__STATE_COUNT]);
        else if (which == AEP__STATE_COUNT + AEP__FILTER_NAME_COUNT)
            filter.since_us = rows[ROWS / 20].last_event_at;
        else if (which == AEP__STATE_COUNT + AEP__FILTER_NAME_COUNT + 1)
            filter.until_us = rows[ROWS / 2].last_event_at;
        assert_list(track, &filter, 50);
        assert_list(track, &filter, 0);
        aep__filter_done(&filter);
    }
}

/* ---- cursors ---- */

static struct {
    bool moved; /* its place is another one, or it was or is none of the list's */
    unsigned given;
} seen[ROWS];

static bool take_page(void *user, const struct aep__tracked *execution)
{
    unsigned i;
    assert_int_equal(sscanf(execution->id, "019a0000-0000-7000-8000-%12x", &i), 1);
    seen[i].given++;
    ++*(unsigned *)user;
    return true;
}

static void move_some(struct track *track, const struct aep__query *query)
{
    begin(track);
    for (unsigned left = random_below(200); left > 0; left--) {
        unsigned i = random_below(ROWS);
        struct aep__rank before = aep__sort_rank(query->sort, &rows[i], CLOCK), after;
        bool matched = matches(query->filter, &rows[i]);
        if (random_below(2))
            choose_end(&rows[i]);
        else
            rows[i].progress_percent = random_below(100);
        if (random_below(4) == 0 && !rows[i].partial)
            rows[i].last_event_at = AT(random_below(ROWS * 10));
        after = aep__sort_rank(query->sort, &rows[i], CLOCK);
        seen[i].moved |=
            matched != matches(query->filter, &rows[i]) || aep__rank_compare(&before, &after) != 0;
        MUST(track, put, &rows[i]);
    }
    commit(track);
}

static void page_through(struct track *track, struct aep__query *query)
{
    struct aep__buf cursor = {0}, next = {0};
    unsigned given;
    memset(seen, 0, sizeof seen);
    query->next = &next;
    do {
        query->cursor = cursor.len ? aep__buf_string(&cursor) : NULL;
        given = 0;
        MUST(track, list, query, take_page, &given);
        assert_int_equal(next.len > 0, given == query->limit);
        aep__buf_clear(&cursor);
        aep__buf_add(&cursor, next.data, next.len);
        aep__buf_clear(&next);
        move_some(track, query);
    } while (cursor.len > 0);
    for (unsigned i = 0; i < ROWS; i++)
        if (!seen[i].moved && seen[i].given != matches(query->filter, &rows[i]))
            fail_msg("%u is given %u times by %s%s", i, seen[i].given, aep__sort_word(query->sort),
                     query->reverse ? ", reversed" : "");
    aep__buf_done(&cursor);
    aep__buf_done(&next);
}

static void test_what_does_not_move_is_given_once(void **state)
{
    struct track *track = *state;
    for (int i = 0; i < 25; i++) {
        struct aep__filter filter;
        struct aep__query query = {.filter = &filter,
                                   .clock_us = CLOCK,
                                   .limit = 100 + random_below(400),
                                   .sort = (enum aep__sort)random_below(AEP__SORT_COUNT),
                                   .reverse = random_below(2)};
        aep__filter_init(&filter);
        if (random_below(3) == 0) {
            filter = choose_filter();
            query.limit = 1 + random_below(30);
        }
        page_through(track, &query);
        aep__filter_done(&filter);
    }
}

/* ---- searches that stop ---- */

/* Page by page; returns how many pages a search stopped. */
static unsigned search_on(struct track *track, struct aep__query *query, struct aep__buf *kept)
{
    struct aep__buf cursor = {0}, next = {0};
    unsigned count = 0;
    bool stopped;
    query->next = &next;
    query->ret_stopped = &stopped;
    do {
        query->cursor = cursor.len ? aep__buf_string(&cursor) : NULL;
        stopped = false;
        MUST(track, list, query, keep_row, kept);
        count += stopped;
        assert_true(!stopped || next.len > 0);
        aep__buf_clear(&cursor);
        aep__buf_add(&cursor, next.data, next.len);
        aep__buf_clear(&next);
    } while (cursor.len > 0);
    aep__buf_done(&cursor);
    aep__buf_done(&next);
    query->cursor = NULL;
    return count;
}

/* A word of one character is in no index of texts. */
static void test_a_search_stops_after_so_many_rows_and_goes_on_there(void **state)
{
    struct track *track = *state;
    for (unsigned i = 0; i < 2 * AEP__SORT_COUNT; i++) {
        struct aep__buf expected = {0}, kept = {0};
        struct aep__filter filter;
        struct aep__query query = {.filter = &filter,
                                   .clock_us = CLOCK,
                                   .sort = (enum aep__sort)(i / 2),
                                   .reverse = i % 2};
        aep__filter_init(&filter);
        add_value(&filter, AEP__FILTER_TEXT, "_");
        expect(&expected, &query);
        query.limit = 40;
        query.look_most = 100;
        assert_in_range(search_on(track, &query, &kept), 1, ROWS / 100);
        assert_kept(&kept, aep__buf_string(&expected));
        free(filter.values[AEP__FILTER_TEXT].values[0]);
        filter.values[AEP__FILTER_TEXT].values[0] = strdup("~"); /* which none has */
        assert_int_equal(search_on(track, &query, &kept), ROWS / 100);
        assert_kept(&kept, "");
        aep__buf_done(&expected);
        aep__filter_done(&filter);
    }
}

static void test_a_wrong_cursor_is_refused(void **state)
{
    static const struct {
        const char *cursor, *text;
    } wrong[] = {
        {"", "is no cursor"},
        {"x", "is no cursor"},
        {"1.0.0.5", "is no cursor"},
        {"1.0.0.5.6.7", "is no cursor"},
        {"1.0.0.5.6x", "is no cursor"},
        {"1.0.0. 5.6", "is no cursor"},
        {"1.0.0.99999999999999999999.6", "is no cursor"},
        {"4.0.0.5.6", "is no cursor"},
        {"1.2.0.5.6", "is no cursor"},
        {"1.0.6.5.6", "is no cursor"},
        {"0.0.0.5.6", "another order (started)"},
        {"1.1.0.5.6", "another order (last_event, reversed)"},
    };
    struct track *track = *state;
    struct aep__buf kept = {0};
    struct aep__filter filter;
    aep__filter_init(&filter);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct aep__query query = {
            .filter = &filter, .cursor = wrong[i].cursor, .sort = AEP__SORT_LAST_EVENT};
        assert_int_equal(
            track->store->ops->list(track->store, &query, keep_row, &kept, &track->err),
            AEP_EINVAL);
        if (!strstr(track->err.text, wrong[i].text))
            fail_msg("%s: %s", wrong[i].cursor, track->err.text);
        assert_string_equal(track->err.field, "cursor");
    }
    assert_int_equal(kept.len, 0);
}

struct few {
    unsigned left;
    struct aep__buf kept;
};

static bool keep_few(void *user, const struct aep__tracked *execution)
{
    struct few *few = user;
    keep_row(&few->kept, execution);
    return --few->left > 0;
}

static void test_a_list_can_be_stopped(void **state)
{
    struct track *track = *state;
    struct few few = {.left = 3};
    struct aep__filter filter;
    struct aep__query query = {.filter = &filter, .clock_us = CLOCK};
    aep__filter_init(&filter);
    MUST(track, list, &query, keep_few, &few);
    assert_kept(&few.kept, "0 1 2 ");
    few.left = 2;
    MUST(track, lookup, "019a", 0, keep_few, &few);
    assert_kept(&few.kept, "0 1 ");
}

static void test_texts_are_found_without_case(void **state)
{
    static const char *const texts[] = {"ÜBERSETZE",   "übersetze", "ÜberSETZE", "setze",
                                        "ЗАДАЧА ΆΛΦΑ", "задача",    "άλφα",      "Übersetzt"};
    struct track *track = *state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct aep__buf kept = {0};
        struct aep__filter filter;
        struct aep__query query = {.filter = &filter, .clock_us = AT(0)};
        struct aep__tracked execution = make_execution(1, 0);
        set_text(&execution, &execution.user_request, i < 4 ? "Übersetze" : "Задача άλφα");
        store_execution(track, &execution);
        aep__filter_init(&filter);
        add_value(&filter, AEP__FILTER_TEXT, texts[i]);
        MUST(track, list, &query, keep_row, &kept);
        assert_kept(&kept, i < 7 ? "1 " : "");
        aep__filter_done(&filter);
    }
}

/* ---- counts ---- */

static void assert_counts(struct track *track, unsigned count, int64_t clock_us)
{
    int64_t expected[AEP__STATE_COUNT] = {0}, found[AEP__STATE_COUNT];
    for (unsigned i = 0; i < count; i++)
        expected[aep__state_of(&rows[i], clock_us)]++;
    MUST(track, count, clock_us, found);
    for (int i = 0; i < AEP__STATE_COUNT; i++)
        assert_int_equal(found[i], expected[i]);
}

/* Of the outcomes that have more rows than may be looked at, not all need be counted. */
static void assert_totals(struct track *track, const struct aep__query *query)
{
    int64_t expected[AEP__STATE_COUNT] = {0};
    struct aep__totals totals;
    for (unsigned i = 0; i < ROWS; i++)
        if (matches(query->filter, &rows[i]))
            expected[aep__state_of(&rows[i], CLOCK)]++;
    MUST(track, totals, query, &totals);
    for (int i = 0; i < AEP__STATE_COUNT; i++) {
        bool exact = !(totals.at_least & 1U << i);
        if (exact ? totals.counts[i] != expected[i] : totals.counts[i] > expected[i])
            fail_msg("%s: %lld%s, not %lld", aep__state_word((enum aep__state)i),
                     (long long)totals.counts[i], exact ? "" : "+", (long long)expected[i]);
    }
    assert_true(query->look_most || !totals.at_least);
}

static void test_what_a_filter_matches_is_counted(void **state)
{
    struct track *track = *state;
    struct aep__totals totals;
    for (int i = 0; i < 60; i++) {
        struct aep__filter filter = choose_filter();
        struct aep__query query = {
            .filter = &filter, .clock_us = CLOCK, .look_most = i % 2 ? 0 : 1 + random_below(900)};
        assert_totals(track, &query);
        aep__filter_done(&filter);
    }
    struct aep__filter all;
    struct aep__query query = {.filter = &all, .clock_us = CLOCK, .look_most = 10};
    aep__filter_init(&all);
    MUST(track, totals, &query, &totals);
    assert_int_equal(totals.at_least, (1U << AEP__STATE_COUNT) - 1);
    int64_t sum = 0;
    for (int i = 0; i < AEP__STATE_COUNT; i++)
        sum += totals.counts[i];
    assert_int_equal(sum, 2 * query.look_most); /* of the open ones, and of the others */
    aep__filter_done(&all);
}

static void test_counts_are_exact_at_any_clock(void **state)
{
    struct track *track = *state;
    for (int i = -4; i <= 4; i++)
        assert_counts(track, ROWS, CLOCK + i);
    begin(track);
    for (int i = 0; i < 500; i++) {
        struct aep__tracked *row = &rows[random_below(ROWS / 2)];
        choose_end(row);
        MUST(track, put, row);
        if (i % 100 == 0)
            assert_counts(track, ROWS, CLOCK); /* within the transaction, too */
    }
    for (unsigned i = ROWS / 2; i < ROWS; i++)
        MUST(track, remove, rows[i].id);
    assert_counts(track, ROWS / 2, CLOCK);
    commit(track);
    assert_counts(track, ROWS / 2, CLOCK);
}

struct values {
    unsigned left;
    struct aep__buf text;
};

static bool keep_value(void *user, const char *value)
{
    struct values *values = user;
    aep__buf_format(&values->text, "%s ", value);
    return --values->left > 0;
}

static void assert_facets(struct track *track, enum aep__facet facet, unsigned most,
                          const char *expected)
{
    struct values values = {.left = most};
    MUST(track, facets, facet, keep_value, &values);
    assert_string_equal(aep__buf_string(&values.text), expected);
    aep__buf_done(&values.text);
}

static void test_the_values_of_a_facet_are_given_each_once(void **state)
{
    struct track *track = *state;
    assert_facets(track, AEP__FACET_AGENT, 100, "* Build-a [x] build-a build-b t?st test ");
    assert_facets(track, AEP__FACET_AGENT, 2, "* Build-a ");
    assert_facets(track, AEP__FACET_TENANT, 100, "big small ");
    begin(track);
    for (unsigned i = 0; i < ROWS; i++)
        MUST(track, remove, rows[i].id);
    assert_facets(track, AEP__FACET_AGENT, 100, "");
    commit(track);
}

static void test_who_waits_is_counted(void **state)
{
    struct track *track = *state;
    struct aep__waits waits, expected = {0, AEP__UNKNOWN_US};
    for (unsigned i = 0; i < ROWS; i++) {
        if (aep__state_of(&rows[i], CLOCK) != AEP__STATE_WAITING)
            continue;
        expected.human += aep__needs_human(&rows[i], CLOCK);
        if (expected.oldest_us == AEP__UNKNOWN_US || rows[i].waiting_since < expected.oldest_us)
            expected.oldest_us = rows[i].waiting_since;
    }
    MUST(track, waits, &waits);
    assert_int_equal(waits.human, expected.human);
    assert_int_equal(waits.oldest_us, expected.oldest_us);
    begin(track);
    for (unsigned i = 0; i < ROWS; i++)
        MUST(track, remove, rows[i].id);
    MUST(track, waits, &waits); /* within the transaction, too */
    assert_int_equal(waits.human, 0);
    assert_int_equal(waits.oldest_us, AEP__UNKNOWN_US);
    commit(track);
}

/* ---- what the clock changes ---- */

static bool mark_row(void *user, const char *id)
{
    unsigned i;
    assert_int_equal(sscanf(id, "019a0000-0000-7000-8000-%12x", &i), 1);
    seen[i].given++;
    ++*(unsigned *)user;
    return true;
}

static unsigned count_turned(struct track *track, int64_t from_us, int64_t until_us, unsigned limit)
{
    unsigned count = 0;
    memset(seen, 0, sizeof seen);
    MUST(track, turned, from_us, until_us, limit, mark_row, &count);
    return count;
}

static void test_what_the_clock_alone_changes_is_given(void **state)
{
    static const int64_t clocks[] = {INT64_MIN, CLOCK - 9, CLOCK - 2, CLOCK - 1, CLOCK,
                                     CLOCK + 1, CLOCK + 2, CLOCK + 3, CLOCK + 9};
    const size_t count = sizeof clocks / sizeof *clocks;
    struct track *track = *state;
    for (size_t at = 0; at < count * count; at++) {
        int64_t from_us = clocks[at / count], until_us = clocks[at % count];
        count_turned(track, from_us, until_us, ROWS);
        for (unsigned i = 0; i < ROWS; i++) {
            bool turned = aep__state_of(&rows[i], from_us) != aep__state_of(&rows[i], until_us);
            /* Where it had been abandoned before it stalled, it is given for nothing. */
            if (seen[i].given > 1 || (turned && !seen[i].given) ||
                (!turned && seen[i].given && rows[i].abandons_at > rows[i].stalls_at))
                fail_msg("%u, from %lld to %lld: given %u times", i, (long long)(from_us - CLOCK),
                         (long long)(until_us - CLOCK), seen[i].given);
        }
    }
    assert_true(count_turned(track, CLOCK - 9, CLOCK + 9, ROWS) > 100);
    assert_int_equal(count_turned(track, CLOCK - 9, CLOCK + 9, 7), 7);
    assert_int_equal(count_turned(track, CLOCK, CLOCK, ROWS), 0);
}

/* ---- lookup ---- */

static void assert_lookup(struct track *track, const char *text, unsigned limit,
                          const char *expected)
{
    struct aep__buf kept = {0};
    MUST(track, lookup, text, limit, keep_row, &kept);
    assert_kept(&kept, expected);
}

static void test_an_id_is_found_by_its_front(void **state)
{
    struct track *track = *state;
    assert_lookup(track, id_of(77), 10, "77 ");
    assert_lookup(track, "019a0000-0000-7000-8000-00000000000", 3, "0 1 2 ");
    assert_lookup(track, "019a0000-0000-7000-8000-00000000000", 0,
                  "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 ");
    assert_lookup(track, "019A", 10, "");
    assert_lookup(track, "%", 10, "");
    assert_lookup(track, "\xff", 10, "");
    assert_lookup(track, "", 2, "0 1 ");
}

static void test_executions_are_found_by_correlation_id(void **state)
{
    struct track *track = *state;
    struct aep__buf kept = {0};
    for (unsigned i = 1; i <= 4; i++) { /* the id of one of them, as with a root's */
        struct aep__tracked execution = make_execution(ROWS + i, (int)(10 - i));
        set_text(&execution, &execution.correlation_id, id_of(ROWS + 2));
        store_execution(track, &execution);
    }
    MUST(track, lookup, id_of(ROWS + 2), 10, keep_row, &kept); /* each once, the oldest first */
    assert_kept(&kept, "3002 3004 3003 3001 ");
    MUST(track, lookup, id_of(ROWS + 2), 2, keep_row, &kept);
    assert_kept(&kept, "3002 3004 ");
}

/* ---- plans ---- */

static char plans[1 << 20]; /* statements that have run, a line each */

static int note_statement(unsigned type, void *user, void *statement, void *text)
{
    (void)type, (void)user, (void)text;
    const char *sql = sqlite3_sql(statement);
    if (!strstr(plans, sql) && strlen(plans) + strlen(sql) + 2 < sizeof plans)
        strcat(strcat(plans, sql), "\n");
    return 0;
}

/* Neither a whole table, nor a whole index but the one of all in order of time. */
static void assert_no_scan(sqlite3 *db, const char *sql)
{
    struct aep__buf explain = {0};
    sqlite3_stmt *statement = NULL;
    aep__buf_format(&explain, "EXPLAIN QUERY PLAN %s", sql);
    assert_int_equal(sqlite3_prepare_v2(db, aep__buf_string(&explain), -1, &statement, NULL),
                     SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(statement, 3);
        if (strncmp(step, "SCAN", 4) == 0 && !strstr(step, "subquery") &&
            !strstr(step, "VIRTUAL TABLE") && !strstr(step, "CONSTANT ROW") &&
            !strstr(step, "VALUES CLAUSE")) /* the same, of SQLite 3.46 */
            fail_msg("%s: %s", sql, step);
    }
    sqlite3_finalize(statement);
    aep__buf_done(&explain);
}

static void run_everything(struct track *track)
{
    struct aep__tracked key = make_execution(1, 0), found;
    struct made_event event = make_event(1, AT(0), key.id, "{}");
    struct aep__stored_event stored;
    struct aep__buf kept = {0};
    int64_t number;
    uint64_t count;
    const struct aep__store_ops *ops = track->store->ops;
    aep__tracked_init(&found);
    begin(track);
    MUST(track, put, &key);
    MUST(track, add_event, &event.observation, &event.stored);
    MUST(track, amend_event, id_of(1), &event.stored);
    assert_int_equal(ops->find_event(track->store, id_of(1), &stored, &track->err), 1);
    ops->nearest(track->store, &key, &event.observation.order, &found, &track->err);
    event.observation.order.at_us = INT64_MIN;
    ops->nearest(track->store, &key, &event.observation.order, &found, &track->err);
    MUST(track, provisional, &key, keep_number, &kept);
    MUST(track, caused_by, "x", keep_number, &kept);
    MUST(track, children, "x", keep_number, &kept);
    MUST(track, guesses, "x", keep_number, &kept);
    key.open_children = 1; /* which is not in memory */
    MUST(track, open_children, &key, &number);
    MUST(track, events, "x", NULL, keep_event, &kept);
    MUST(track, move_events, "x", "y", NULL, NULL, &count);
    MUST(track, move_events, "x", "y", &key.origins[0], NULL, &count);
    MUST(track, move_guesses, "x", "y", "z");
    MUST(track, lookup, "x", 1, keep_row, &kept);
    MUST(track, turned, CLOCK, CLOCK + 1, 1, keep_number, &kept);
    MUST(track, remove, key.id);
    aep__buf_done(&kept);
    ops->rollback(track->store);
    assert_counts(track, ROWS, CLOCK);
    aep__tracked_done(&found);
    aep__tracked_done(&key);
}

static void test_nothing_looks_at_every_row(void **state)
{
    if (postgres_server())
        skip(); /* how SQLite does that is looked at here */
    struct track *track = *state;
    sqlite3 *db = aep__sqlite_of(aep__sql_of(track->store))->db;
    plans[0] = '\0';
    sqlite3_trace_v2(db, SQLITE_TRACE_STMT, note_statement, NULL);
    run_everything(track);
    test_each_condition_alone(state);
    for (int i = 0; i < 30; i++) {
        struct aep__filter filter = choose_filter();
        struct aep__query query = {.filter = &filter, .clock_us = CLOCK, .look_most = 100};
        assert_list(track, &filter, 10);
        assert_totals(track, &query);
        aep__filter_done(&filter);
    }
    sqlite3_trace_v2(db, 0, NULL, NULL);
    unsigned count = 0;
    for (char *line = strtok(plans, "\n"); line; line = strtok(NULL, "\n"), count++)
        if (strncmp(line, "BEGIN", 5) != 0 && strncmp(line, "ROLLBACK", 8) != 0)
            assert_no_scan(db, line);
    assert_true(count > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define ROWS_TEST(function) cmocka_unit_test_setup_teardown(function, begin_rows, end_rows)
        ROWS_TEST(test_lists_hold_what_matches_in_order),
        ROWS_TEST(test_each_condition_alone),
        ROWS_TEST(test_what_does_not_move_is_given_once),
        ROWS_TEST(test_a_search_stops_after_so_many_rows_and_goes_on_there),
        ROWS_TEST(test_a_wrong_cursor_is_refused),
        ROWS_TEST(test_a_list_can_be_stopped),
        TRACK_TEST(test_texts_are_found_without_case),
        ROWS_TEST(test_what_a_filter_matches_is_counted),
        ROWS_TEST(test_counts_are_exact_at_any_clock),
        ROWS_TEST(test_the_values_of_a_facet_are_given_each_once),
        ROWS_TEST(test_who_waits_is_counted),
        ROWS_TEST(test_what_the_clock_alone_changes_is_given),
        ROWS_TEST(test_an_id_is_found_by_its_front),
        ROWS_TEST(test_executions_are_found_by_correlation_id),
        ROWS_TEST(test_nothing_looks_at_every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
