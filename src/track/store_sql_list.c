/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, newest first. One condition of the filter leads: its index is in order of time for each of its
 * values, so that a list is a merge of as many streams, each of which is read only as far as needed.
 * The other conditions leave out rows. Streams give keys; only rows that are given are read whole.
 *
 *     agent:build*   ─▶  build-a, roots    ─┐
 *                        build-a, children ─┤
 *                        build-b, roots    ─┼─ newest first ─▶ until the limit
 *                        build-b, children ─┘
 *
 * Which one leads is decided by how many rows each has, counted up to a limit. */
#include "track/store_sql_list.h"

#include "base/error.h"

#include <string.h>

#define CHUNK 100 /* rows of a stream that are asked for at a time */

struct stream {
    struct aep__statement *statement;
    int64_t sort_at, key;
    unsigned left; /* of those asked for */
    bool over;
};

struct streams {
    struct stream all[2 * AEP__LEADS_MAX];
    unsigned count;
    unsigned chunk;
};

/* Parameters of a stream, after those of the conditions: where it goes on, and how far. */
enum { PLACE_AT, PLACE_KEY, PLACE_COUNT };

static void bind_place(struct stream *stream, int first, unsigned chunk)
{
    aep__sql_bind_int(stream->statement, first + PLACE_AT, stream->sort_at);
    aep__sql_bind_int(stream->statement, first + PLACE_KEY, stream->key);
    aep__sql_bind_int(stream->statement, first + PLACE_COUNT, chunk);
    stream->left = chunk;
}

static int advance(struct stream *stream, const struct aep__where *where, unsigned chunk,
                   aep_error *err)
{
    if (stream->left == 0) {
        aep__sql_reset(stream->statement);
        bind_place(stream, AEP__FIRST_BIND + where->count, chunk);
    }
    int found = aep__sql_step(stream->statement, err);
    if (found < 0)
        return err->code;
    stream->over = found == 0;
    if (!found)
        return AEP_OK;
    stream->left--;
    stream->sort_at = aep__sql_int(stream->statement, 0);
    stream->key = aep__sql_int(stream->statement, 1);
    return AEP_OK;
}

static void add_text(struct aep__buf *sql, const struct aep__lead *lead, const char *known,
                     const struct aep__where *where)
{
    const int place = AEP__FIRST_BIND + where->count;
    aep__buf_format(sql, "SELECT sort_at, key FROM executions INDEXED BY %s WHERE %s%s",
                    aep__leads[lead->name].index, aep__leads[lead->name].condition, known);
    aep__buf_add(sql, where->sql.data, where->sql.len);
    aep__buf_format(sql,
                    " AND (sort_at, key) < (?%d, ?%d) ORDER BY sort_at DESC, key DESC LIMIT ?%d",
                    place + PLACE_AT, place + PLACE_KEY, place + PLACE_COUNT);
}

/* `known` is a condition on parent_known, with AND before it. */
static int add_stream(struct aep__sql *base, struct streams *streams, const struct aep__lead *lead,
                      unsigned value, const char *known, const struct aep__where *where,
                      aep_error *err)
{
    struct aep__buf sql = {0};
    add_text(&sql, lead, known, where);
    const char *text = aep__buf_string(&sql);
    struct aep__statement *statement = sql.failed ? NULL : aep__sql_prepare(base, text, err);
    if (sql.failed)
        aep__error_memory(err);
    aep__buf_done(&sql);
    if (!statement)
        return err->code;
    struct stream *stream = &streams->all[streams->count++];
    *stream = (struct stream){.statement = statement, .sort_at = INT64_MAX, .key = INT64_MAX};
    aep__sql_bind(statement, 1, &lead->values[value]);
    for (int i = 0; i < where->count; i++)
        aep__sql_bind(statement, AEP__FIRST_BIND + i, &where->binds[i]);
    return advance(stream, where, streams->chunk, err);
}

static int add_streams(struct aep__sql *base, struct streams *streams, const struct aep__lead *lead,
                       bool roots, const struct aep__where *where, aep_error *err)
{
    static const char *const sorted[] = {" AND parent_known = 0", " AND parent_known = 1"};
    const bool split = aep__leads[lead->name].sorted;
    int result = AEP_OK;
    for (unsigned i = 0; result == AEP_OK && i < lead->count; i++) {
        result = add_stream(base, streams, lead, i, split || roots ? sorted[0] : "", where, err);
        if (result == AEP_OK && split && !roots)
            result = add_stream(base, streams, lead, i, sorted[1], where, err);
    }
    return result;
}

static bool is_newer(const struct stream *one, const struct stream *other)
{
    return one->sort_at != other->sort_at ? one->sort_at > other->sort_at : one->key > other->key;
}

static struct stream *newest(struct streams *streams)
{
    struct stream *best = NULL;
    for (unsigned i = 0; i < streams->count; i++)
        if (!streams->all[i].over && (!best || is_newer(&streams->all[i], best)))
            best = &streams->all[i];
    return best;
}

static int give_rows(struct aep__sql *base, struct streams *streams, const struct aep__where *where,
                     unsigned limit, aep__tracked_fn fn, void *user, aep_error *err)
{
    struct aep__tracked execution;
    struct stream *stream;
    unsigned given = 0;
    int result = AEP_OK;
    aep__tracked_init(&execution);
    while (result == AEP_OK && (stream = newest(streams))) {
        int found = aep__sql_get_by_key(base, stream->key, &execution, err);
        given += found > 0;
        if (found < 0)
            result = err->code;
        else if ((found > 0 && !fn(user, &execution)) || given == limit)
            break;
        else
            result = advance(stream, where, streams->chunk, err);
    }
    aep__tracked_done(&execution);
    return result;
}

int aep__sql_list(struct aep__store *store, const struct aep__query *query, aep__tracked_fn fn,
                  void *user, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__where where = {0};
    struct aep__lead lead = {0};
    struct streams streams = {.chunk = query->limit && query->limit < CHUNK ? query->limit : CHUNK};
    int result = aep__sql_flush(base, err);
    if (result == AEP_OK)
        result = aep__where_make(&where, base->driver, query, err);
    if (result == AEP_OK)
        result = aep__lead_choose(base, query->filter, &lead, err);
    if (result == AEP_OK)
        result = add_streams(base, &streams, &lead, query->filter->roots, &where, err);
    if (result == AEP_OK)
        result = give_rows(base, &streams, &where, query->limit, fn, user, err);
    for (unsigned i = 0; i < streams.count; i++)
        aep__sql_finalize(streams.all[i].statement);
    aep__lead_done(&lead);
    aep__where_done(&where);
    return result;
}
