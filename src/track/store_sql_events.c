/* SPDX-License-Identifier: Apache-2.0 */
/* Events refer to their execution by its id, not by its row: an event may be stored before that is. */
#include "track/store_sql.h"

#include "base/error.h"
#include "base/id.h"

#include <string.h>

/* ---- ids: 16 bytes for a UUID in lower case, else text ---- */

struct aep__sql_id aep__sql_make_id(const char *text)
{
    struct aep__sql_id id = {.text = text};
    char again[AEP_ID_SIZE];
    if (!text || strlen(text) != AEP_ID_SIZE - 1 || !aep__id_parse(text, AEP_ID_SIZE - 1, id.bytes))
        return id;
    aep__id_format(id.bytes, again);
    if (strcmp(again, text) == 0)
        id.text = NULL;
    return id;
}

/* ---- an event to and from its row ---- */

enum {
    EXECUTION,
    BOUND,
    GUESS,
    DIGEST,
    SPOOL,
    ORDINAL,
    FATE,
    BODY,
    AT_US,
    EVENT_ID
}; /* AEP__EVENT_COLUMNS */

static void bind_sequence(struct aep__statement *statement, int i,
                          const struct aep__sequence *sequence)
{
    if (sequence->known) {
        aep__sql_bind_blob(statement, i, sequence->spool, sizeof sequence->spool);
        aep__sql_bind_int(statement, i + 1, (int64_t)sequence->ordinal);
    } else {
        aep__sql_bind_null(statement, i);
        aep__sql_bind_null(statement, i + 1);
    }
}

/* Texts go to `ids`: the execution's id, then the guess. */
static int read_event(struct aep__sql *base, struct aep__statement *row, struct aep__buf *ids,
                      struct aep__stored_event *ret, aep_error *err)
{
    const void *id = aep__sql_blob(row, EVENT_ID), *digest = aep__sql_blob(row, DIGEST), *spool;
    if (!id || aep__sql_bytes(row, EVENT_ID) != sizeof ret->order.id)
        return aep__sql_damaged(base, err);
    *ret = (struct aep__stored_event){.order.at_us = aep__sql_int(row, AT_US),
                                      .bound = (int)aep__sql_int(row, BOUND),
                                      .fate = (enum aep__fate)(int)aep__sql_int(row, FATE)};
    memcpy(ret->order.id, id, sizeof ret->order.id);
    aep__buf_clear(ids);
    aep__sql_add_id(row, EXECUTION, ids);
    size_t guess = ids->len;
    bool guesses = !aep__sql_is_null(row, GUESS);
    if (guesses)
        aep__sql_add_id(row, GUESS, ids);
    if (ids->failed)
        return aep__error_memory(err);
    bool digested = digest && aep__sql_bytes(row, DIGEST) == sizeof ret->digest;
    if (!digested && !aep__sql_is_null(row, DIGEST))
        return aep__sql_damaged(base, err);
    ret->execution_id = ids->data;
    ret->guess = guesses ? ids->data + guess : NULL;
    if (digested)
        memcpy(ret->digest, digest, sizeof ret->digest);
    spool = aep__sql_blob(row, SPOOL);
    if (spool && aep__sql_bytes(row, SPOOL) == sizeof ret->sequence.spool) {
        memcpy(ret->sequence.spool, spool, sizeof ret->sequence.spool);
        ret->sequence.ordinal = (uint64_t)aep__sql_int(row, ORDINAL);
        ret->sequence.known = true;
    }
    if (!aep__sql_is_null(row, BODY)) {
        const char *data = aep__sql_blob(row, BODY);
        ret->body = (struct aep__slice){data ? data : "", aep__sql_bytes(row, BODY)};
    }
    return AEP_OK;
}

static bool parse_event_id(const char *event_id, uint8_t bytes[16])
{
    return aep__id_parse(event_id, strlen(event_id), bytes);
}

/* The body is kept for the caller: the statement is given back. */
static int keep_body(struct aep__sql *base, struct aep__stored_event *event, aep_error *err)
{
    if (!event->body.data)
        return 1;
    aep__buf_clear(&base->body);
    aep__buf_add(&base->body, event->body.data, event->body.len);
    event->body.data = aep__buf_string(&base->body);
    if (base->body.failed)
        aep__error_memory(err);
    return base->body.failed ? -1 : 1;
}

int aep__sql_find_event(struct aep__store *store, const char *event_id,
                        struct aep__stored_event *ret, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    uint8_t id[16];
    if (!parse_event_id(event_id, id) || aep__sql_is_fresh(base, AEP__FRESH_EVENT, event_id))
        return 0;
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_FIND_EVENT, err);
    if (!statement)
        return -1;
    aep__sql_bind_blob(statement, 1, id, sizeof id);
    int found = aep__sql_step(statement, err);
    if (found > 0 && read_event(base, statement, &base->event_ids, ret, err) != AEP_OK)
        found = -1;
    if (found > 0)
        found = keep_body(base, ret, err);
    aep__sql_give(base, AEP__SQL_FIND_EVENT, statement);
    return found;
}

int aep__sql_add_event(struct aep__store *store, const struct aep__observation *event,
                       const struct aep__stored_event *stored, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__sql_id execution = aep__sql_make_id(stored->execution_id),
                       guess = aep__sql_make_id(stored->guess);
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_ADD_EVENT, err);
    const int first = 3;
    if (!statement)
        return err->code;
    aep__sql_note_fresh(base, AEP__FRESH_EVENT, event->event_id);
    aep__sql_note_fresh(base, AEP__FRESH_GUESS, stored->guess);
    aep__sql_bind_blob(statement, 1, event->order.id, sizeof event->order.id);
    aep__sql_bind_int(statement, 2, event->order.at_us);
    aep__sql_bind_id(statement, first + EXECUTION, &execution);
    aep__sql_bind_int(statement, first + BOUND, stored->bound);
    if (stored->guess)
        aep__sql_bind_id(statement, first + GUESS, &guess);
    else
        aep__sql_bind_null(statement, first + GUESS);
    aep__sql_bind_blob(statement, first + DIGEST, stored->digest, sizeof stored->digest);
    bind_sequence(statement, first + SPOOL, &stored->sequence);
    aep__sql_bind_int(statement, first + FATE, stored->fate);
    if (stored->body.data)
        aep__sql_bind_blob(statement, first + BODY, stored->body.data, stored->body.len);
    else
        aep__sql_bind_null(statement, first + BODY);
    int result = aep__sql_finish(base, AEP__SQL_ADD_EVENT, statement, err);
    if (result == AEP_OK && stored->unsettled)
        result = aep__sql_add_unsettled(base, stored->unsettled, event, err);
    return result;
}

int aep__sql_amend_event(struct aep__store *store, const char *event_id,
                         const struct aep__stored_event *stored, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    uint8_t id[16];
    if (!parse_event_id(event_id, id))
        return AEP_OK;
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_AMEND_EVENT, err);
    if (!statement)
        return err->code;
    aep__sql_bind_blob(statement, 1, id, sizeof id);
    bind_sequence(statement, 2, &stored->sequence);
    aep__sql_bind_int(statement, 4, stored->fate);
    return aep__sql_finish(base, AEP__SQL_AMEND_EVENT, statement, err);
}

/* ---- events of an execution ---- */

static void bind_order(struct aep__statement *statement, int i, const struct aep__order *order)
{
    aep__sql_bind_int(statement, i, order->at_us);
    aep__sql_bind_blob(statement, i + 1, order->id, sizeof order->id);
}

static const struct aep__order first_order = {.at_us = INT64_MIN},
                               last_order = {.at_us = INT64_MAX};

#define CHUNK 256 /* events that are asked for at a time */

/* The place right after one. */
static void go_beyond(struct aep__order *order)
{
    for (size_t i = sizeof order->id; i-- > 0;)
        if (++order->id[i] != 0)
            return;
    order->at_us++;
}

/* Gives the events of a chunk. Sets how many there were, *from behind them, *more false at fn's wish. */
static int give_events(struct aep__sql *base, struct aep__statement *statement,
                       struct aep__order *from, aep__event_fn fn, void *user, unsigned *ret_count,
                       bool *more, aep_error *err)
{
    struct aep__stored_event event;
    struct aep__buf ids = {0};
    int result = AEP_OK, found = 0;
    while (*more && result == AEP_OK && (found = aep__sql_step(statement, err)) > 0) {
        result = read_event(base, statement, &ids, &event, err);
        if (result != AEP_OK)
            break;
        *from = event.order;
        ++*ret_count;
        *more = fn(user, &event);
    }
    go_beyond(from);
    aep__buf_done(&ids);
    return found < 0 ? err->code : result;
}

int aep__sql_events(struct aep__store *store, const char *execution_id,
                    const struct aep__order *from, aep__event_fn fn, void *user, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__order next = from ? *from : first_order;
    struct aep__sql_id id = aep__sql_make_id(execution_id);
    int result = AEP_OK;
    unsigned count = CHUNK;
    for (bool more = true; more && result == AEP_OK && count == CHUNK;) {
        struct aep__statement *statement = aep__sql_take(base, AEP__SQL_EVENTS, err);
        if (!statement)
            return err->code;
        aep__sql_bind_id(statement, 1, &id);
        bind_order(statement, 2, &next);
        aep__sql_bind_int(statement, 4, CHUNK);
        count = 0;
        result = give_events(base, statement, &next, fn, user, &count, &more, err);
        aep__sql_give(base, AEP__SQL_EVENTS, statement);
    }
    return result;
}

int aep__sql_move_events(struct aep__store *store, const char *from_id, const char *to_id,
                         const struct aep__order *from, const struct aep__order *until,
                         uint64_t *ret_count, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__sql_id source = aep__sql_make_id(from_id), target = aep__sql_make_id(to_id);
    unsigned which = from || until ? AEP__SQL_MOVE_SOME_EVENTS : AEP__SQL_MOVE_EVENTS;
    struct aep__statement *statement = aep__sql_take(base, which, err);
    if (!statement)
        return err->code;
    aep__sql_note_fresh(base, AEP__FRESH_GUESS, from_id); /* which they may guess now */
    aep__sql_bind_id(statement, 1, &source);
    aep__sql_bind_id(statement, 2, &target);
    if (which == AEP__SQL_MOVE_SOME_EVENTS) {
        bind_order(statement, 3, from ? from : &first_order);
        bind_order(statement, 5, until ? until : &last_order);
    }
    int64_t count = 0;
    int result = aep__sql_finish_counting(base, which, statement, &count, err);
    *ret_count = (uint64_t)count;
    return result;
}

/* ---- events that name a cause of which nothing is known ---- */

int aep__sql_guesses(struct aep__store *store, const char *named, aep__id_fn fn, void *user,
                     aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__sql_id id = aep__sql_make_id(named);
    if (aep__sql_is_fresh(base, AEP__FRESH_GUESS, named))
        return AEP_OK;
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_GUESSES, err);
    if (!statement)
        return err->code;
    aep__sql_bind_id(statement, 1, &id);
    return aep__sql_give_ids(base, AEP__SQL_GUESSES, statement, fn, user, err);
}

int aep__sql_move_guesses(struct aep__store *store, const char *named, const char *from_id,
                          const char *to_id, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__sql_id id = aep__sql_make_id(named), source = aep__sql_make_id(from_id),
                       target = aep__sql_make_id(to_id);
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_MOVE_GUESSES, err);
    if (!statement)
        return err->code;
    aep__sql_bind_id(statement, 1, &id);
    aep__sql_bind_id(statement, 2, &source);
    aep__sql_bind_id(statement, 3, &target);
    return aep__sql_finish(base, AEP__SQL_MOVE_GUESSES, statement, err);
}

/* ---- gaps ---- */

int aep__sql_get_gaps(struct aep__store *store, const char *tenant, const char *agent,
                      struct aep__buf *ret, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_GET_GAPS, err);
    if (!statement)
        return -1;
    aep__sql_bind_text(statement, 1, tenant);
    aep__sql_bind_text(statement, 2, agent);
    int found = aep__sql_step(statement, err);
    aep__buf_clear(ret);
    if (found > 0)
        aep__buf_add(ret, aep__sql_blob(statement, 0), aep__sql_bytes(statement, 0));
    aep__sql_give(base, AEP__SQL_GET_GAPS, statement);
    if (ret->failed)
        aep__error_memory(err);
    return ret->failed ? -1 : found;
}

int aep__sql_put_gaps(struct aep__store *store, const char *tenant, const char *agent,
                      struct aep__slice gaps, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_PUT_GAPS, err);
    if (!statement)
        return err->code;
    aep__sql_bind_text(statement, 1, tenant);
    aep__sql_bind_text(statement, 2, agent);
    aep__sql_bind_blob(statement, 3, gaps.data, gaps.len);
    return aep__sql_finish(base, AEP__SQL_PUT_GAPS, statement, err);
}
