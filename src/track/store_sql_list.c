/* SPDX-License-Identifier: Apache-2.0 */
/* Lists. An order has segments (sort.h), and a list is of one after the other. In a segment one condition
 * of the filter leads: its index is in the segment's order for each of its values, so that the list is a
 * merge of as many streams, each of which is read only as far as needed. The other conditions leave out
 * rows. Streams give keys; only rows that are given are read whole, many at once.
 *
 *     agent:build*   ─▶  build-a, roots    ─┐
 *                        build-a, children ─┤
 *                        build-b, roots    ─┼─ newest first ─▶ until the limit
 *                        build-b, children ─┘
 *
 * Which one leads is decided by how many rows each has, counted up to a limit. One that has few leads in
 * every segment, since a few rows may be sorted; otherwise a segment that has an index of its own is
 * read by that. */
#include "track/store_sql_list.h"

#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

#define CHUNK 100       /* rows of a stream that are asked for at a time */
#define CHUNK_MOST 3200 /* where many of them may be left out */

struct stream {
    struct aep__statement *statement;
    int64_t value, key;
    unsigned left; /* of those asked for */
    bool hit;      /* this row has the texts */
    bool over;
};

struct listing {
    struct aep__sql *base;
    const struct aep__query *query;
    struct aep__where where;
    struct aep__lead lead;
    const struct aep__segment *segment;
    bool ascending;
    int64_t from_value, from_key; /* its streams begin behind that */
    struct stream streams[2 * AEP__LEADS_MAX];
    unsigned count, chunk, given;
    bool looks;            /* streams give rows without the texts too, and these are counted */
    unsigned looked;       /* rows without them */
    struct stream *passed; /* at the place that was taken last; NULL: none is */
    struct aep__many *many;
    aep_error *err;
};

/* Parameters of a stream, after those of the conditions: where it goes on, how far, the clock. */
enum { PLACE_VALUE, PLACE_KEY, PLACE_COUNT, PLACE_CLOCK };

/* ---- streams -------------------------------------------------------------------------------- */

static void bind_place(const struct listing *listing, struct stream *stream)
{
    const int first = AEP__FIRST_BIND + listing->where.count;
    aep__sql_bind_int(stream->statement, first + PLACE_VALUE, stream->value);
    aep__sql_bind_int(stream->statement, first + PLACE_KEY, stream->key);
    aep__sql_bind_int(stream->statement, first + PLACE_COUNT, listing->chunk);
    stream->left = listing->chunk;
}

static int advance(struct listing *listing, struct stream *stream)
{
    if (stream->left == 0) {
        aep__sql_reset(stream->statement);
        if (listing->looks && listing->chunk < CHUNK_MOST)
            listing->chunk *= 2;
        bind_place(listing, stream);
    }
    int found = aep__sql_step(stream->statement, listing->err);
    if (found < 0)
        return listing->err->code;
    stream->over = found == 0;
    if (!found)
        return AEP_OK;
    stream->left--;
    stream->value = aep__sql_int(stream->statement, 0);
    stream->key = aep__sql_int(stream->statement, 1);
    stream->hit = !listing->looks || aep__sql_int(stream->statement, 2) != 0;
    return AEP_OK;
}

/* What a stream is of. */
struct source {
    const char *index; /* NULL: the table itself, by its keys */
    const char *condition;
    const char *known; /* a condition on parent_known, with AND before it */
    struct aep__sql_value value;
};

/* Appends a condition of a segment. */
static void add_condition(struct aep__buf *sql, const char *condition, int clock)
{
    for (; *condition; condition++)
        if (*condition == '@')
            aep__buf_format(sql, "CAST(?%d AS BIGINT)", clock);
        else
            aep__buf_byte(sql, *condition);
}

static void add_text(struct aep__buf *sql, const struct listing *listing,
                     const struct source *source)
{
    const int place = AEP__FIRST_BIND + listing->where.count;
    const char *value = listing->segment->value, *order = listing->ascending ? "ASC" : "DESC";
    const struct aep__where *where = &listing->where;
    aep__buf_format(sql, "SELECT %s, key", value);
    if (listing->looks) {
        aep__buf_text(sql, ", CASE WHEN 1 = 1");
        aep__buf_add(sql, where->texts.data, where->texts.len);
        aep__buf_text(sql, " THEN 1 ELSE 0 END");
    }
    aep__buf_format(sql, " FROM executions %s%s WHERE %s%s",
                    source->index ? "INDEXED BY " : "NOT INDEXED",
                    source->index ? source->index : "", source->condition, source->known);
    add_condition(sql, listing->segment->condition, place + PLACE_CLOCK);
    aep__buf_add(sql, where->sql.data, where->sql.len);
    if (!listing->looks)
        aep__buf_add(sql, where->texts.data, where->texts.len);
    aep__buf_format(sql, " AND (%s, key) %c (?%d, ?%d) ORDER BY %s %s, key %s LIMIT ?%d", value,
                    listing->ascending ? '>' : '<', place + PLACE_VALUE, place + PLACE_KEY, value,
                    order, order, place + PLACE_COUNT);
}

static int add_stream(struct listing *listing, const struct source *source)
{
    struct aep__buf sql = {0};
    add_text(&sql, listing, source);
    const char *text = aep__buf_string(&sql);
    struct aep__statement *statement =
        sql.failed ? NULL : aep__sql_prepare(listing->base, text, listing->err);
    if (sql.failed)
        aep__error_memory(listing->err);
    aep__buf_done(&sql);
    if (!statement)
        return listing->err->code;
    struct stream *stream = &listing->streams[listing->count++];
    *stream = (struct stream){
        .statement = statement, .value = listing->from_value, .key = listing->from_key};
    aep__sql_bind(statement, 1, &source->value);
    for (int i = 0; i < listing->where.count; i++)
        aep__sql_bind(statement, AEP__FIRST_BIND + i, &listing->where.binds[i]);
    if (strchr(listing->segment->condition, '@'))
        aep__sql_bind_int(statement, AEP__FIRST_BIND + listing->where.count + PLACE_CLOCK,
                          listing->query->clock_us);
    return advance(listing, stream);
}

static const char *const without_parent = " AND parent_known = 0";

/* One whose index is in order of time for those with a known parent and for the others. */
static int add_both(struct listing *listing, struct source source)
{
    source.known = without_parent;
    int result = add_stream(listing, &source);
    source.known = " AND parent_known = 1";
    return result == AEP_OK && !listing->query->filter->roots ? add_stream(listing, &source)
                                                              : result;
}

static int add_by_lead(struct listing *listing)
{
    const struct aep__lead *lead = &listing->lead;
    const struct aep__lead_row *row = &aep__leads[lead->name];
    bool both = row->sorted && strcmp(listing->segment->value, "sort_at") == 0;
    int result = AEP_OK;
    for (unsigned i = 0; result == AEP_OK && i < lead->count; i++) {
        struct source source = {aep__lead_index(lead), aep__lead_condition(lead),
                                listing->query->filter->roots ? without_parent : "",
                                lead->values[i]};
        result = both ? add_both(listing, source) : add_stream(listing, &source);
    }
    return result;
}

static int add_by_outcome(struct listing *listing)
{
    const struct aep__lead_row *row = &aep__leads[AEP__LEAD_OUTCOME];
    int result = AEP_OK;
    for (int outcome = AEP__ENDING_OPEN; result == AEP_OK && outcome <= AEP__ENDING_ABANDONED;
         outcome++)
        if (listing->segment->outcomes & 1U << outcome)
            result = add_both(listing,
                              (struct source){row->index, row->condition, "", {.number = outcome}});
    return result;
}

static int add_streams(struct listing *listing)
{
    const struct aep__segment *segment = listing->segment;
    const struct aep__lead *lead = &listing->lead;
    bool led = lead->name != AEP__LEAD_NONE && lead->name != AEP__LEAD_OUTCOME;
    if (segment->index && !lead->narrow) {
        const struct source own = {segment->index,
                                   aep__leads[AEP__LEAD_NONE].condition,
                                   listing->query->filter->roots ? without_parent : "",
                                   {0}};
        return add_stream(listing, &own);
    }
    if (segment->outcomes && !led && !lead->narrow)
        return add_by_outcome(listing);
    return add_by_lead(listing);
}

static void close_streams(struct listing *listing)
{
    listing->passed = NULL;
    while (listing->count > 0)
        aep__sql_finalize(listing->streams[--listing->count].statement);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static bool is_before(const struct listing *listing, const struct stream *one,
                      const struct stream *other)
{
    bool less = one->value != other->value ? one->value < other->value : one->key < other->key;
    return less == listing->ascending;
}

static struct stream *first_stream(struct listing *listing)
{
    struct stream *best = NULL;
    for (unsigned i = 0; i < listing->count; i++)
        if (!listing->streams[i].over && (!best || is_before(listing, &listing->streams[i], best)))
            best = &listing->streams[i];
    return best;
}

/* A place in a segment, and the row that is there. */
struct place {
    int64_t value, key;
    bool last; /* no row to give: the list stops there */
};

/* Where the next list goes on. */
static int add_cursor(const struct listing *listing, const struct place *place, unsigned segment)
{
    const struct aep__query *query = listing->query;
    struct aep__list_cursor cursor = {query->sort, query->reverse, segment, place->value,
                                      place->key};
    if (!query->next)
        return AEP_OK;
    aep__list_cursor_add(query->next, &cursor);
    return query->next->failed ? aep__error_memory(listing->err) : AEP_OK;
}

/* The first one, behind the place that was taken last; NULL: there is none, or *ret_result. */
static struct stream *next_stream(struct listing *listing, int *ret_result)
{
    if (listing->passed)
        *ret_result = advance(listing, listing->passed);
    listing->passed = NULL;
    return *ret_result == AEP_OK ? first_stream(listing) : NULL;
}

/* The places that come next, and their rows: no more than may be given. */
static int read_next(struct listing *listing, struct place places[AEP__MANY_MAX],
                     unsigned *ret_count)
{
    unsigned most = listing->query->limit ? listing->query->limit - listing->given : UINT32_MAX;
    int result = AEP_OK;
    bool room = true;
    for (*ret_count = 0; room && *ret_count < most;) {
        struct stream *stream = next_stream(listing, &result);
        if (!stream)
            break;
        listing->passed = stream;
        bool last = !stream->hit && ++listing->looked == listing->query->look_most;
        if (stream->hit || last)
            places[(*ret_count)++] = (struct place){stream->value, stream->key, last};
        if (stream->hit)
            room = aep__many_add(listing->many, stream->key);
        else if (last)
            break;
    }
    return result == AEP_OK ? aep__many_read(listing->many, listing->base, listing->err) : result;
}

/* 1 there may be more, 0 that was enough, -1 *err. */
static int give_rows(struct listing *listing, unsigned segment, aep__tracked_fn fn, void *user)
{
    struct place places[AEP__MANY_MAX];
    for (unsigned count = 1; count > 0;) {
        if (read_next(listing, places, &count) != AEP_OK)
            return -1;
        for (unsigned i = 0; i < count; i++) {
            const struct aep__tracked *row = aep__many_find(listing->many, places[i].key);
            listing->given += row != NULL;
            bool enough = row && (!fn(user, row) || listing->given == listing->query->limit);
            if (places[i].last && listing->query->ret_stopped)
                *listing->query->ret_stopped = true;
            if (enough || places[i].last)
                return add_cursor(listing, &places[i], segment) == AEP_OK ? 0 : -1;
        }
    }
    return 1;
}

static int give_segment(struct listing *listing, const struct aep__segment *segment, unsigned at,
                        const struct aep__list_cursor *from, aep__tracked_fn fn, void *user)
{
    listing->segment = segment;
    listing->ascending = segment->ascending != listing->query->reverse;
    listing->from_value = listing->from_key = listing->ascending ? INT64_MIN : INT64_MAX;
    if (from && from->segment == at) {
        listing->from_value = from->value;
        listing->from_key = from->key;
    }
    int result = add_streams(listing);
    int more = result == AEP_OK ? give_rows(listing, at, fn, user) : -1;
    close_streams(listing);
    return more;
}

static int give_segments(struct listing *listing, const struct aep__list_cursor *from,
                         aep__tracked_fn fn, void *user)
{
    unsigned count, states = listing->query->filter->states;
    const struct aep__segment *segments = aep__segments_of(listing->query->sort, &count);
    int more = 1;
    for (unsigned i = 0; more > 0 && i < count; i++) {
        unsigned at = listing->query->reverse ? count - 1 - i : i;
        bool before = from && (listing->query->reverse ? at > from->segment : at < from->segment);
        if (!before && (!states || states & segments[at].states))
            more = give_segment(listing, &segments[at], at, from, fn, user);
    }
    return more < 0 ? listing->err->code : AEP_OK;
}

/* Whether there are texts, and all of them too short for an index of three characters each. */
static bool are_short(const struct aep__filter_values *texts)
{
    for (unsigned i = 0; i < texts->count; i++) {
        const char *text = texts->values[i];
        size_t len = strlen(text), at = 0, step;
        for (int characters = 0; at < len; at += step) {
            aep__utf8_decode(text + at, len - at, &step);
            if (++characters == 3)
                return false;
        }
    }
    return texts->count > 0;
}

int aep__sql_list(struct aep__store *store, const struct aep__query *query, aep__tracked_fn fn,
                  void *user, aep_error *err)
{
    struct aep__list_cursor from;
    struct listing listing = {
        .base = aep__sql_of(store),
        .query = query,
        .chunk = query->limit && query->limit < CHUNK ? query->limit : CHUNK,
        .many = aep__many_new(err),
        .err = err,
    };
    int result = listing.many ? AEP_OK : err->code;
    if (result == AEP_OK && query->cursor)
        result = aep__list_cursor_read(query->cursor, query->sort, query->reverse, &from, err);
    if (result == AEP_OK)
        result = aep__sql_flush(listing.base, err);
    if (result == AEP_OK)
        result = aep__where_make(&listing.where, listing.base->driver, query, err);
    if (result == AEP_OK)
        result = aep__lead_choose(listing.base, query->filter, &listing.lead, err);
    listing.looks = query->look_most > 0 && are_short(&query->filter->values[AEP__FILTER_TEXT]);
    if (result == AEP_OK)
        result = give_segments(&listing, query->cursor ? &from : NULL, fn, user);
    aep__many_free(listing.many);
    aep__lead_done(&listing.lead);
    aep__where_done(&listing.where);
    return result;
}
