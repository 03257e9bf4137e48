/* SPDX-License-Identifier: Apache-2.0 */
/* Events refer to their execution by its id, not by its row: an event may be stored before that is. */
#include "track/store_sqlite.h"

#include "base/error.h"
#include "base/id.h"

#include <string.h>

/* ---- ids: 16 bytes for a UUID in lower case, else text ---- */

struct id {
    uint8_t bytes[16];
    const char *text; /* NULL: the bytes */
};

static struct id make_id(const char *text)
{
    struct id id = {.text = text};
    char again[AEP_ID_SIZE];
    if (!text || strlen(text) != AEP_ID_SIZE - 1 || !aep__id_parse(text, AEP_ID_SIZE - 1, id.bytes))
        return id;
    aep__id_format(id.bytes, again);
    if (strcmp(again, text) == 0)
        id.text = NULL;
    return id;
}

static void bind_id(sqlite3_stmt *statement, int i, const struct id *id)
{
    if (id->text)
        aep__sqlite_bind_text(statement, i, id->text);
    else
        aep__sqlite_bind_blob(statement, i, id->bytes, sizeof id->bytes);
}

void aep__sqlite_add_id(sqlite3_stmt *row, int column, struct aep__buf *out)
{
    char text[AEP_ID_SIZE];
    if (sqlite3_column_type(row, column) == SQLITE_BLOB &&
        sqlite3_column_bytes(row, column) == 16) {
        aep__id_format(sqlite3_column_blob(row, column), text);
        aep__buf_add(out, text, sizeof text);
        return;
    }
    const char *data = (const char *)sqlite3_column_text(row, column);
    if (data)
        aep__buf_add(out, data, strlen(data) + 1);
    else
        out->failed = true;
}

/* ---- an event to and from its row ---- */

enum { EXECUTION, BOUND, GUESS, DIGEST, SPOOL, ORDINAL, FATE, BODY }; /* AEP__EVENT_COLUMNS */

static void bind_sequence(sqlite3_stmt *statement, int i, const struct aep__sequence *sequence)
{
    if (sequence->known) {
        aep__sqlite_bind_blob(statement, i, sequence->spool, sizeof sequence->spool);
        aep__sqlite_bind_int(statement, i + 1, (int64_t)sequence->ordinal);
    } else {
        sqlite3_bind_null(statement, i);
        sqlite3_bind_null(statement, i + 1);
    }
}

/* Texts go to `ids`: the execution's id, then the guess. */
static int read_event(struct aep__sqlite *sqlite, sqlite3_stmt *row, struct aep__buf *ids,
                      struct aep__stored_event *ret, aep_error *err)
{
    const void *digest = sqlite3_column_blob(row, DIGEST), *spool;
    *ret = (struct aep__stored_event){.bound = sqlite3_column_int(row, BOUND),
                                      .fate = (enum aep__fate)sqlite3_column_int(row, FATE)};
    aep__buf_clear(ids);
    aep__sqlite_add_id(row, EXECUTION, ids);
    size_t guess = ids->len;
    bool guesses = sqlite3_column_type(row, GUESS) != SQLITE_NULL;
    if (guesses)
        aep__sqlite_add_id(row, GUESS, ids);
    if (ids->failed)
        return aep__error_memory(err);
    if (!digest || sqlite3_column_bytes(row, DIGEST) != sizeof ret->digest)
        return aep__error(err, AEP_EIO, AEP__STORE_FIELD, AEP__STORE_DAMAGED, sqlite->path);
    ret->execution_id = ids->data;
    ret->guess = guesses ? ids->data + guess : NULL;
    memcpy(ret->digest, digest, sizeof ret->digest);
    spool = sqlite3_column_blob(row, SPOOL);
    if (spool && sqlite3_column_bytes(row, SPOOL) == sizeof ret->sequence.spool) {
        memcpy(ret->sequence.spool, spool, sizeof ret->sequence.spool);
        ret->sequence.ordinal = (uint64_t)sqlite3_column_int64(row, ORDINAL);
        ret->sequence.known = true;
    }
    if (sqlite3_column_type(row, BODY) != SQLITE_NULL) {
        const char *data = sqlite3_column_blob(row, BODY);
        ret->body = (struct aep__slice){data ? data : "", (size_t)sqlite3_column_bytes(row, BODY)};
    }
    return AEP_OK;
}

static bool parse_event_id(const char *event_id, uint8_t bytes[16])
{
    return aep__id_parse(event_id, strlen(event_id), bytes);
}

/* The body is kept for the caller: the statement is given back. */
static int keep_body(struct aep__sqlite *sqlite, struct aep__stored_event *event, aep_error *err)
{
    if (!event->body.data)
        return 1;
    aep__buf_clear(&sqlite->body);
    aep__buf_add(&sqlite->body, event->body.data, event->body.len);
    event->body.data = aep__buf_string(&sqlite->body);
    if (sqlite->body.failed)
        aep__error_memory(err);
    return sqlite->body.failed ? -1 : 1;
}

int aep__sqlite_find_event(struct aep__store *store, const char *event_id,
                           struct aep__stored_event *ret, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    uint8_t id[16];
    if (!parse_event_id(event_id, id) || aep__sqlite_is_fresh(sqlite, AEP__FRESH_EVENT, event_id))
        return 0;
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, AEP__SQL_FIND_EVENT, err);
    if (!statement)
        return -1;
    aep__sqlite_bind_blob(statement, 1, id, sizeof id);
    int found = aep__sqlite_step(sqlite, statement, err);
    if (found > 0 && read_event(sqlite, statement, &sqlite->event_ids, ret, err) != AEP_OK)
        found = -1;
    if (found > 0)
        found = keep_body(sqlite, ret, err);
    aep__sqlite_give(sqlite, AEP__SQL_FIND_EVENT, statement);
    return found;
}

int aep__sqlite_add_event(struct aep__store *store, const struct aep__observation *event,
                          const struct aep__stored_event *stored, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    struct id execution = make_id(stored->execution_id), guess = make_id(stored->guess);
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, AEP__SQL_ADD_EVENT, err);
    const int first = 3;
    if (!statement)
        return err->code;
    aep__sqlite_note_fresh(sqlite, AEP__FRESH_EVENT, event->event_id);
    aep__sqlite_note_fresh(sqlite, AEP__FRESH_GUESS, stored->guess);
    aep__sqlite_bind_blob(statement, 1, event->order.id, sizeof event->order.id);
    aep__sqlite_bind_int(statement, 2, event->order.at_us);
    bind_id(statement, first + EXECUTION, &execution);
    aep__sqlite_bind_int(statement, first + BOUND, stored->bound);
    if (stored->guess)
        bind_id(statement, first + GUESS, &guess);
    else
        sqlite3_bind_null(statement, first + GUESS);
    aep__sqlite_bind_blob(statement, first + DIGEST, stored->digest, sizeof stored->digest);
    bind_sequence(statement, first + SPOOL, &stored->sequence);
    aep__sqlite_bind_int(statement, first + FATE, stored->fate);
    if (stored->body.data)
        aep__sqlite_bind_blob(statement, first + BODY, stored->body.data, stored->body.len);
    else
        sqlite3_bind_null(statement, first + BODY);
    return aep__sqlite_finish(sqlite, AEP__SQL_ADD_EVENT, statement, err);
}

int aep__sqlite_amend_event(struct aep__store *store, const char *event_id,
                            const struct aep__stored_event *stored, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    uint8_t id[16];
    if (!parse_event_id(event_id, id))
        return AEP_OK;
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, AEP__SQL_AMEND_EVENT, err);
    if (!statement)
        return err->code;
    aep__sqlite_bind_blob(statement, 1, id, sizeof id);
    bind_sequence(statement, 2, &stored->sequence);
    aep__sqlite_bind_int(statement, 4, stored->fate);
    return aep__sqlite_finish(sqlite, AEP__SQL_AMEND_EVENT, statement, err);
}

/* ---- events of an execution ---- */

static void bind_order(sqlite3_stmt *statement, int i, const struct aep__order *order)
{
    aep__sqlite_bind_int(statement, i, order->at_us);
    aep__sqlite_bind_blob(statement, i + 1, order->id, sizeof order->id);
}

static const struct aep__order first_order = {.at_us = INT64_MIN},
                               last_order = {.at_us = INT64_MAX};

int aep__sqlite_events(struct aep__store *store, const char *execution_id,
                       const struct aep__order *from, aep__event_fn fn, void *user, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    struct aep__stored_event event;
    struct aep__buf ids = {0};
    struct id id = make_id(execution_id);
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, AEP__SQL_EVENTS, err);
    if (!statement)
        return err->code;
    bind_id(statement, 1, &id);
    bind_order(statement, 2, from ? from : &first_order);
    int result = AEP_OK, found = 0;
    bool more = true;
    while (more && result == AEP_OK && (found = aep__sqlite_step(sqlite, statement, err)) > 0) {
        result = read_event(sqlite, statement, &ids, &event, err);
        more = result == AEP_OK && fn(user, &event);
    }
    aep__sqlite_give(sqlite, AEP__SQL_EVENTS, statement);
    aep__buf_done(&ids);
    return found < 0 ? err->code : result;
}

int aep__sqlite_move_events(struct aep__store *store, const char *from_id, const char *to_id,
                            const struct aep__order *from, const struct aep__order *until,
                            uint64_t *ret_count, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    struct id source = make_id(from_id), target = make_id(to_id);
    unsigned which = from || until ? AEP__SQL_MOVE_SOME_EVENTS : AEP__SQL_MOVE_EVENTS;
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, which, err);
    if (!statement)
        return err->code;
    aep__sqlite_note_fresh(sqlite, AEP__FRESH_GUESS, from_id); /* which they may guess now */
    bind_id(statement, 1, &source);
    bind_id(statement, 2, &target);
    if (which == AEP__SQL_MOVE_SOME_EVENTS) {
        bind_order(statement, 3, from ? from : &first_order);
        bind_order(statement, 5, until ? until : &last_order);
    }
    int result = aep__sqlite_finish(sqlite, which, statement, err);
    if (result == AEP_OK)
        *ret_count = (uint64_t)sqlite3_changes64(sqlite->db);
    return result;
}

/* ---- events that name a cause of which nothing is known ---- */

int aep__sqlite_guesses(struct aep__store *store, const char *named, aep__id_fn fn, void *user,
                        aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    struct id id = make_id(named);
    if (aep__sqlite_is_fresh(sqlite, AEP__FRESH_GUESS, named))
        return AEP_OK;
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, AEP__SQL_GUESSES, err);
    if (!statement)
        return err->code;
    bind_id(statement, 1, &id);
    return aep__sqlite_give_ids(sqlite, AEP__SQL_GUESSES, statement, fn, user, err);
}

int aep__sqlite_move_guesses(struct aep__store *store, const char *named, const char *from_id,
                             const char *to_id, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    struct id id = make_id(named), source = make_id(from_id), target = make_id(to_id);
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, AEP__SQL_MOVE_GUESSES, err);
    if (!statement)
        return err->code;
    bind_id(statement, 1, &id);
    bind_id(statement, 2, &source);
    bind_id(statement, 3, &target);
    return aep__sqlite_finish(sqlite, AEP__SQL_MOVE_GUESSES, statement, err);
}

/* ---- gaps ---- */

int aep__sqlite_get_gaps(struct aep__store *store, const char *tenant, const char *agent,
                         struct aep__buf *ret, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, AEP__SQL_GET_GAPS, err);
    if (!statement)
        return -1;
    aep__sqlite_bind_text(statement, 1, tenant);
    aep__sqlite_bind_text(statement, 2, agent);
    int found = aep__sqlite_step(sqlite, statement, err);
    aep__buf_clear(ret);
    if (found > 0)
        aep__buf_add(ret, sqlite3_column_blob(statement, 0),
                     (size_t)sqlite3_column_bytes(statement, 0));
    aep__sqlite_give(sqlite, AEP__SQL_GET_GAPS, statement);
    if (ret->failed)
        aep__error_memory(err);
    return ret->failed ? -1 : found;
}

int aep__sqlite_put_gaps(struct aep__store *store, const char *tenant, const char *agent,
                         struct aep__slice gaps, aep_error *err)
{
    struct aep__sqlite *sqlite = aep__sqlite_of(store);
    sqlite3_stmt *statement = aep__sqlite_take(sqlite, AEP__SQL_PUT_GAPS, err);
    if (!statement)
        return err->code;
    aep__sqlite_bind_text(statement, 1, tenant);
    aep__sqlite_bind_text(statement, 2, agent);
    aep__sqlite_bind_blob(statement, 3, gaps.data, gaps.len);
    return aep__sqlite_finish(sqlite, AEP__SQL_PUT_GAPS, statement, err);
}
