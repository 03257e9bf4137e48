/* SPDX-License-Identifier: Apache-2.0 */
/* An index of texts by trigrams, each three characters without case (contains.h). It is filled outside of
 * the tracker's other transactions, and says how far it is:
 *
 *     texts_until  rows up to that key are indexed as of that change
 *
 * What was indexed little by little lies in pieces, each of which a search looks through; they are merged
 * when nothing is left to index, and enough has changed since the last time.
 *
 * A search takes the rows that have all trigrams of the words, and those that have changed since; each
 * is then compared as ever. Where too much has changed since, or the words are too short or too common,
 * it looks at row after row instead. What the index is made of is the driver's (struct aep__sql_texts). */
#include "track/store_sql.h"

#include "base/error.h"
#include "base/utf8.h"
#include "track/contains.h"

#include <stdlib.h>
#include <string.h>

#define ALL INT64_MAX
#define PENDING_MAX 1000 /* rows changed since that a search looks at one by one */
#define TRIGRAMS_MAX 64  /* of a search */

/* Rows of texts_until. */
enum { INDEXED = 1, MERGED };

/* Merged: key is 1 while it is not done. */
struct until {
    int64_t change, key;
};

struct keys {
    int64_t *keys;
    size_t count, most;
    int64_t last; /* change */
};

static int read_until(struct aep__sql *base, int which, struct until *ret, aep_error *err)
{
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_TEXTS_UNTIL, err);
    if (!statement)
        return err->code;
    aep__sql_bind_int(statement, 1, which);
    int found = aep__sql_step(statement, err);
    *ret = (struct until){0};
    if (found > 0)
        *ret = (struct until){aep__sql_int(statement, 0), aep__sql_int(statement, 1)};
    aep__sql_give(base, AEP__SQL_TEXTS_UNTIL, statement);
    if (found == 0 && which == INDEXED)
        return aep__sql_damaged(base, err);
    return found < 0 ? err->code : AEP_OK;
}

static int write_until(struct aep__sql *base, int which, const struct until *until, aep_error *err)
{
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_PUT_TEXTS_UNTIL, err);
    if (!statement)
        return err->code;
    aep__sql_bind_int(statement, 1, which);
    aep__sql_bind_int(statement, 2, until->change);
    aep__sql_bind_int(statement, 3, until->key);
    return aep__sql_finish(base, AEP__SQL_PUT_TEXTS_UNTIL, statement, err);
}

static bool take_key(void *user, int64_t number, int64_t key, const char *removed)
{
    struct keys *keys = user;
    (void)removed;
    if (keys->count == keys->most)
        return false;
    keys->keys[keys->count++] = key;
    keys->last = number;
    return true;
}

static int compare_keys(const void *left, const void *right)
{
    int64_t one = *(const int64_t *)left, other = *(const int64_t *)right;
    return (one > other) - (one < other);
}

static void sort_keys(struct keys *keys)
{
    size_t kept = 0;
    if (keys->count > 1)
        qsort(keys->keys, keys->count, sizeof *keys->keys, compare_keys);
    for (size_t i = 0; i < keys->count; i++)
        if (kept == 0 || keys->keys[i] != keys->keys[kept - 1])
            keys->keys[kept++] = keys->keys[i];
    keys->count = kept;
}

/* ---- filling ---- */

static int index_rows(struct aep__sql *base, struct keys *keys, aep_error *err)
{
    sort_keys(keys);
    return keys->count ? base->driver->texts_index->put(base, keys->keys, keys->count, err)
                       : AEP_OK;
}

/* Rows that have changed. */
static int follow(struct aep__sql *base, struct until *until, struct keys *keys, aep_error *err)
{
    int64_t newest;
    int result = aep__sql_get_count(&base->store, AEP__COUNT_CHANGES, &newest, err);
    if (result != AEP_OK || newest == until->change)
        return result;
    int found = aep__sql_walk_changes(base, until->change, take_key, keys, err);
    if (found < 0)
        return err->code;
    *until = found ? (struct until){keys->last, until->key} : (struct until){newest, 0};
    return index_rows(base, keys, err);
}

/* Rows that have never been looked at. */
static int walk(struct aep__sql *base, struct until *until, struct keys *keys, aep_error *err)
{
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_NEXT_KEYS, err);
    if (!statement)
        return err->code;
    aep__sql_bind_int(statement, 1, until->key);
    aep__sql_bind_int(statement, 2, (int64_t)keys->most);
    int found = 0;
    for (keys->count = 0; keys->count < keys->most && (found = aep__sql_step(statement, err)) > 0;)
        keys->keys[keys->count++] = aep__sql_int(statement, 0);
    aep__sql_give(base, AEP__SQL_NEXT_KEYS, statement);
    if (found < 0)
        return err->code;
    until->key = keys->count == keys->most ? keys->keys[keys->most - 1] : ALL;
    return index_rows(base, keys, err);
}

/* Whether a quarter as many rows have changed since as there are. */
static int is_due(struct aep__sql *base, int64_t changed, bool *ret, aep_error *err)
{
    int64_t states[AEP__STATE_COUNT], rows = 0;
    *ret = false;
    if (changed <= PENDING_MAX)
        return AEP_OK;
    int result = base->store.ops->count(&base->store, 0, states, err);
    for (unsigned i = 0; result == AEP_OK && i < AEP__STATE_COUNT; i++)
        rows += states[i];
    *ret = result == AEP_OK && changed >= rows / 4;
    return result;
}

static int merge(struct aep__sql *base, const struct until *indexed, bool *ret_more, aep_error *err)
{
    const struct aep__sql_texts *index = base->driver->texts_index;
    struct until merged;
    int result = read_until(base, MERGED, &merged, err);
    bool begun = merged.key, due = begun;
    if (result == AEP_OK && !begun)
        result = is_due(base, indexed->change - merged.change, &due, err);
    if (result != AEP_OK || !due)
        return result;
    result = index->merge(base, !begun, ret_more, err);
    merged = *ret_more ? (struct until){merged.change, 1} : (struct until){indexed->change, 0};
    return result == AEP_OK ? write_until(base, MERGED, &merged, err) : result;
}

static int fill(struct aep__sql *base, unsigned limit, bool *ret_more, aep_error *err)
{
    struct until until, before;
    struct keys keys = {.keys = calloc(limit, sizeof *keys.keys), .most = limit};
    int result = keys.keys ? read_until(base, INDEXED, &until, err) : aep__error_memory(err);
    if (result != AEP_OK) {
        free(keys.keys);
        return result;
    }
    before = until;
    result = follow(base, &until, &keys, err);
    if (result == AEP_OK && until.key != ALL && until.change == before.change)
        result = walk(base, &until, &keys, err);
    *ret_more = until.change != before.change || until.key != before.key;
    if (result == AEP_OK && *ret_more)
        result = write_until(base, INDEXED, &until, err);
    if (result == AEP_OK && !*ret_more && base->driver->texts_index->merge)
        result = merge(base, &until, ret_more, err);
    free(keys.keys);
    return result;
}

int aep__sql_index_texts(struct aep__store *store, unsigned limit, aep_error *err)
{
    bool more = false;
    int result = store->ops->begin(store, err);
    if (result != AEP_OK)
        return -1;
    result = fill(aep__sql_of(store), limit, &more, err);
    if (result == AEP_OK)
        result = store->ops->commit(store, err);
    if (result == AEP_OK)
        return more;
    store->ops->rollback(store);
    return -1;
}

bool aep__sql_each_trigram(const char *text, aep__trigram_fn fn, void *user)
{
    size_t starts[3], at = 0, seen = 0, len = strlen(text);
    for (size_t step; at < len; at += step) {
        aep__utf8_decode(text + at, len - at, &step);
        starts[seen++ % 3] = at;
        size_t from = seen < 3 ? at : starts[seen % 3];
        if (seen >= 3 && !fn(user, text + from, at + step - from))
            return false;
    }
    return true;
}

/* ---- searching ---- */

struct match {
    const struct aep__sql_texts *texts;
    struct aep__buf *out;
    unsigned count;
};

static bool add_trigram(void *user, const char *text, size_t len)
{
    struct match *match = user;
    match->texts->add_to_match(match->out, text, len);
    return ++match->count < TRIGRAMS_MAX;
}

static int make_match(struct aep__sql *base, const struct aep__filter_values *texts,
                      struct aep__buf *out, aep_error *err)
{
    struct match match = {.texts = base->driver->texts_index, .out = out};
    struct aep__contains contains;
    struct aep__buf word = {0};
    bool more = true;
    aep__contains_init(&contains);
    for (unsigned i = 0; more && i < texts->count; i++) {
        aep__buf_clear(&word);
        aep__contains_fold(&contains, &word, texts->values[i]);
        more = aep__sql_each_trigram(aep__buf_string(&word), add_trigram, &match);
    }
    if (match.count > 0)
        aep__buf_text(out, match.texts->end_of_match);
    bool failed = word.failed || out->failed;
    aep__contains_done(&contains);
    aep__buf_done(&word);
    return failed ? aep__error_memory(err) : AEP_OK;
}

/* The rows that the index is not up to date about. *ret_few: they are few, and known. */
static int find_pending(struct aep__sql *base, struct keys *keys, bool *ret_few, aep_error *err)
{
    struct until until;
    int64_t newest;
    int result = read_until(base, INDEXED, &until, err);
    if (result == AEP_OK)
        result = aep__sql_get_count(&base->store, AEP__COUNT_CHANGES, &newest, err);
    *ret_few = result == AEP_OK && until.key == ALL && newest - until.change <= PENDING_MAX;
    if (!*ret_few || newest == until.change)
        return result;
    int found = aep__sql_walk_changes(base, until.change, take_key, keys, err);
    *ret_few = found > 0 && keys->count < keys->most;
    sort_keys(keys);
    return found < 0 ? err->code : AEP_OK;
}

static int count_found(struct aep__sql *base, const char *match, int64_t limit, int64_t *ret,
                       aep_error *err)
{
    struct aep__buf sql = {0};
    aep__buf_format(&sql, "SELECT count(*) FROM (%s LIMIT ?2) AS subquery",
                    base->driver->texts_index->matching);
    struct aep__statement *statement = aep__sql_prepare(base, aep__buf_string(&sql), err);
    aep__buf_done(&sql);
    if (!statement)
        return err->code;
    aep__sql_bind_text(statement, 1, match);
    aep__sql_bind_int(statement, 2, limit);
    int found = aep__sql_step(statement, err);
    if (found > 0)
        *ret = aep__sql_int(statement, 0);
    aep__sql_finalize(statement);
    return found < 0 ? err->code : AEP_OK;
}

int aep__sql_lead_by_texts(struct aep__sql *base, const struct aep__filter_values *texts,
                           int64_t limit, struct aep__text_lead *ret, aep_error *err)
{
    const struct aep__sql_texts *index = base->driver->texts_index;
    struct aep__buf *condition = &ret->condition, *match = &ret->match;
    int64_t memory[2 * PENDING_MAX];
    struct keys keys = {.keys = memory, .most = 2 * PENDING_MAX};
    bool few = false;
    int result = make_match(base, texts, match, err);
    if (result == AEP_OK && match->len > 0)
        result = find_pending(base, &keys, &few, err);
    if (result == AEP_OK && few)
        result = count_found(base, aep__buf_string(match), limit, &ret->rows, err);
    if (result != AEP_OK || !few)
        return result;
    aep__buf_format(condition, "%s%s", index->among, index->matching);
    for (size_t i = 0; i < keys.count; i++)
        aep__buf_format(condition, "%s(%lld)", i ? "," : " UNION ALL VALUES ",
                        (long long)keys.keys[i]);
    aep__buf_text(condition, index->end_of_among);
    aep__buf_string(condition); /* ends it */
    return condition->failed || match->failed ? aep__error_memory(err) : AEP_OK;
}
