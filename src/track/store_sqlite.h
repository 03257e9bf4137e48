/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the SQLite store: what its files share.
 *
 *     store_sqlite.c             opening, transactions, statements, errors
 *     store_sqlite_file.c        the file and its folder: whose, what kind, who else may write
 *     store_sqlite_schema.c      tables, indexes, versions
 *     store_sqlite_executions.c  executions by id, by key, in the tree, by what is typed
 *     store_sqlite_row.c         a row to and from its execution
 *     store_sqlite_cache.c       rows in memory, until a transaction ends
 *     store_sqlite_fresh.c       ids that cannot be stored yet
 *     store_sqlite_events.c      events, gaps
 *     store_sqlite_counts.c      positions, counts, counts per state
 *     store_sqlite_list.c        lists; …_where.c, …_lead.c what they are made of
 *
 * A statement is prepared when it is first needed, and used again. What a transaction counts is added
 * to the store when it is committed. */
#ifndef AEP_TRACK_STORE_SQLITE_H
#define AEP_TRACK_STORE_SQLITE_H

#include "track/store_kinds.h"

#include <sqlite3.h>
#include <sys/stat.h>

#define AEP__STORE_FIELD "track.store"
#define AEP__STORE_DAMAGED                                                                         \
    "%s is damaged: move it away, and a tracker makes a new one from its sources"
#define AEP__STORE_REMEDY "set AEP_TRACK_STORE (track.store) to another file"

/** Columns of executions beside aep__tracked_members. */
enum aep__made {
    AEP__MADE_ORIGINS,
    AEP__MADE_FLAGS,
    AEP__MADE_SORT_AT,
    AEP__MADE_SELECTED, /* those above are read, too */
    AEP__MADE_BEGUN_AT = AEP__MADE_SELECTED,
    AEP__MADE_SILENT_AT,
    AEP__MADE_MINUTE,
    AEP__MADE_COUNT,
};
#define AEP__COLUMN_COUNT (AEP__TRACKED_MEMBER_COUNT + (size_t)AEP__MADE_COUNT)

/** Columns that indexes depend on, by what changes them. */
enum aep__group {
    AEP__GROUP_SILENCE, /* each event */
    AEP__GROUP_MINUTE,  /* events, once a minute */
    AEP__GROUP_OUTCOME, /* the end */
    AEP__GROUP_PLACE,   /* who it is, and its place in the tree */
    AEP__GROUP_COUNT,
};

#define AEP__EVENT_COLUMNS "execution, bound, guess, digest, spool, ordinal, fate, body"

/** Statements that are kept; those that could take several indexes say which. @ stands for the columns
 * of an execution, % for those of an event. */
#define AEP__SQL_STATEMENTS(X)                                                                     \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(VERSION, "PRAGMA data_version") /* changes when another connection has written */            \
    X(GET, "SELECT @ FROM executions WHERE id = ?1")                                               \
    X(BY_KEY, "SELECT @ FROM executions WHERE key = ?1")                                           \
    X(REMOVE, "DELETE FROM executions WHERE key = ?1")                                             \
    X(NEAREST, "SELECT begun_at, id FROM executions WHERE correlation_id = ?1 AND "                \
               "agent_name = ?2 AND tenant_id = ?3 AND begun_at <= ?4 ORDER BY begun_at DESC")     \
    X(FIRST, "SELECT begun_at, id FROM executions WHERE correlation_id = ?1 AND "                  \
             "agent_name = ?2 AND tenant_id = ?3 AND begun_at IS NOT NULL ORDER BY begun_at")      \
    X(PROVISIONAL, "SELECT id FROM executions WHERE correlation_id = ?1 AND agent_name = ?2 AND "  \
                   "tenant_id = ?3 AND begun_at IS NULL ORDER BY key")                             \
    X(CAUSED_BY, "SELECT id FROM executions WHERE parent_named = ?1 ORDER BY key")                 \
    X(CHILDREN, "SELECT id FROM executions INDEXED BY execution_parent WHERE parent_id = ?1 "      \
                "AND parent_known = 1 ORDER BY key")                                               \
    X(OPEN_CHILDREN, "SELECT stalls_at, id FROM executions INDEXED BY execution_open_child "       \
                     "WHERE parent_id = ?1 AND parent_known = 1 AND outcome = 0 "                  \
                     "ORDER BY stalls_at DESC")                                                    \
    X(FIND_EVENT, "SELECT % FROM events WHERE event_id = ?1")                                      \
    X(ADD_EVENT, "INSERT INTO events (event_id, at_us, %) "                                        \
                 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")                               \
    X(AMEND_EVENT, "UPDATE events SET spool = ?2, ordinal = ?3, fate = ?4 WHERE event_id = ?1")    \
    X(EVENTS, "SELECT % FROM events WHERE execution = ?1 AND (at_us, event_id) >= (?2, ?3) "       \
              "ORDER BY at_us, event_id")                                                          \
    X(MOVE_EVENTS, "UPDATE events SET execution = ?2, bound = 0, "                                 \
                   "guess = CASE bound WHEN 1 THEN ?1 ELSE guess END WHERE execution = ?1")        \
    X(MOVE_SOME_EVENTS, "UPDATE events SET execution = ?2 WHERE execution = ?1 AND bound = 0 "     \
                        "AND (at_us, event_id) >= (?3, ?4) AND (at_us, event_id) < (?5, ?6)")      \
    X(GUESSES, "SELECT DISTINCT execution FROM events WHERE guess = ?1")                           \
    X(MOVE_GUESSES, "UPDATE events SET execution = ?3, bound = 1, guess = NULL "                   \
                    "WHERE guess = ?1 AND execution = ?2")                                         \
    X(GET_GAPS, "SELECT data FROM gaps WHERE tenant = ?1 AND agent = ?2")                          \
    X(PUT_GAPS, "INSERT INTO gaps (tenant, agent, data) VALUES (?1, ?2, ?3) "                      \
                "ON CONFLICT DO UPDATE SET data = excluded.data")                                  \
    X(GET_POSITION, "SELECT segment, offset FROM positions WHERE source = ?1")                     \
    X(PUT_POSITION, "INSERT INTO positions (source, segment, offset) VALUES (?1, ?2, ?3) "         \
                    "ON CONFLICT DO UPDATE SET segment = excluded.segment, "                       \
                    "offset = excluded.offset")                                                    \
    X(GET_COUNT, "SELECT value FROM counts WHERE name = ?1")                                       \
    X(ADD_COUNT, "INSERT INTO counts (name, value) VALUES (?1, ?2) "                               \
                 "ON CONFLICT DO UPDATE SET value = value + excluded.value")                       \
    X(SILENT, "SELECT count(*), coalesce(sum(abandons_at < ?1), 0) FROM executions "               \
              "INDEXED BY execution_silent WHERE outcome = 0 AND waiting = 0 AND silent_at < ?1")  \
    X(BY_PREFIX, "SELECT @ FROM executions WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3")       \
    X(BY_CORRELATION, "SELECT @ FROM executions WHERE correlation_id = ?1 AND "                    \
                      "NOT (id >= ?1 AND id < ?2) ORDER BY sort_at, key LIMIT ?3")                 \
    X(LAST_EVENT, "SELECT max(event_id) FROM events")                                              \
    X(LAST_EXECUTION,                                                                              \
      "SELECT max(id) FROM executions WHERE id < 'g'") /* of those in hexadecimal */               \
    X(LAST_NAMED, "SELECT max(parent_named) FROM executions WHERE parent_named < 'g'")             \
    X(LAST_GUESS, "SELECT max(guess) FROM events WHERE guess IS NOT NULL")                         \
    X(LAST_CORRELATION, "SELECT max(correlation_id) FROM executions WHERE correlation_id < 'g'")   \
    X(NEXT_AGENT, "SELECT agent_name FROM executions WHERE agent_name > ?1 "                       \
                  "ORDER BY agent_name LIMIT 1")

enum aep__sql {
#define AEP__SQL_NAME(name, text) AEP__SQL_##name,
    AEP__SQL_STATEMENTS(AEP__SQL_NAME)
#undef AEP__SQL_NAME
        AEP__SQL_INSERT, /* of an execution, made from its columns */
    AEP__SQL_UPDATE,     /* one for each set of groups */
    AEP__SQL_COUNT = AEP__SQL_UPDATE + (1 << AEP__GROUP_COUNT),
};

#define AEP__CACHE_SIZE 1024 /* rows */
#define AEP__COUNTS_MAX 24   /* counts that a transaction may have before they are written */
#define AEP__COUNT_SIZE 64   /* of a name */

/** A row in memory, and what the indexes have of it in the store. */
struct aep__cached {
    struct aep__tracked row;
    int64_t key; /* 0: not in use */
    bool dirty;  /* the row is newer than what is stored */
    struct aep__buf place;
    int64_t outcome, waiting, stalls_at, abandons_at, minute;
};

struct aep__sqlite {
    struct aep__store store; /* first */
    sqlite3 *db;
    char *path;
    bool write;
    struct stat file;         /* which one it opened */
    struct aep__fresh *fresh; /* NULL: not made yet */
    bool knows_fresh;         /* it is of what is stored */
    struct aep__buf columns, place;
    sqlite3_stmt *statements[AEP__SQL_COUNT];
    struct aep__cached cache[AEP__CACHE_SIZE];
    struct aep__tracked stored;      /* memory */
    struct aep__buf body, event_ids; /* of the event that was found last */
    struct aep__pending_count {
        char name[AEP__COUNT_SIZE];
        int64_t more;
    } counts[AEP__COUNTS_MAX];
    unsigned count_count;
    int64_t version; /* of the data that the cache is of; 0: of none */
    int64_t change;  /* the last one given out in this transaction; 0: none yet */
};

static inline struct aep__sqlite *aep__sqlite_of(struct aep__store *store)
{
    return (struct aep__sqlite *)store;
}

/* ---- store_sqlite.c ---- */

/** Fills err from SQLite's newest error, and returns its code. */
int aep__sqlite_error(struct aep__sqlite *sqlite, aep_error *err) __attribute__((cold));
/** Runs statements that give nothing. */
int aep__sqlite_run(struct aep__sqlite *sqlite, const char *sql, aep_error *err);
/** Prepares one that is not kept; NULL: *err. */
sqlite3_stmt *aep__sqlite_prepare(struct aep__sqlite *sqlite, const char *sql, aep_error *err);
/** Lends a kept statement, also within itself; NULL: *err. */
sqlite3_stmt *aep__sqlite_take(struct aep__sqlite *sqlite, unsigned which, aep_error *err);
/** Takes it back, reset. */
void aep__sqlite_give(struct aep__sqlite *sqlite, unsigned which, sqlite3_stmt *statement);
/** 1 a row, 0 none, -1 *err. */
int aep__sqlite_step(struct aep__sqlite *sqlite, sqlite3_stmt *statement, aep_error *err);
/** Steps one that gives nothing, and gives it back. */
int aep__sqlite_finish(struct aep__sqlite *sqlite, unsigned which, sqlite3_stmt *statement,
                       aep_error *err);
/** Writes what the transaction has in memory. */
int aep__sqlite_flush(struct aep__sqlite *sqlite, aep_error *err);

/* What is bound is borrowed until the statement is given back. */
static inline void aep__sqlite_bind_text(sqlite3_stmt *statement, int i, const char *text)
{
    sqlite3_bind_text(statement, i, text, -1, SQLITE_STATIC);
}

static inline void aep__sqlite_bind_int(sqlite3_stmt *statement, int i, int64_t number)
{
    sqlite3_bind_int64(statement, i, number);
}

static inline void aep__sqlite_bind_blob(sqlite3_stmt *statement, int i, const void *bytes,
                                         size_t len)
{
    sqlite3_bind_blob64(statement, i, bytes ? bytes : "", len, SQLITE_STATIC);
}

/* ---- store_sqlite_file.c ---- */

/** Resolves the path, makes folder and file (to write), and refuses what is not safely ours. */
int aep__sqlite_prepare_file(struct aep__sqlite *sqlite, aep_error *err);
/** Whether the file that is open is no longer the one at its path. */
bool aep__sqlite_is_replaced(const struct aep__sqlite *sqlite);
/** AEP_ESPOOL: it is not. */
int aep__sqlite_check_file(const struct aep__sqlite *sqlite, aep_error *err);

/* ---- store_sqlite_schema.c ---- */

/** Checks whose tables these are, of which version, and for a reader whether they are there. */
int aep__sqlite_check_schema(struct aep__sqlite *sqlite, aep_error *err);
/** Makes what is missing of them, or migrates them. */
int aep__sqlite_make_schema(struct aep__sqlite *sqlite, aep_error *err);
/** Appends the columns of an execution that are read: key, those of aep__tracked_members, and those
 * before AEP__MADE_SELECTED. */
void aep__sqlite_columns(struct aep__buf *out);
/** Append statements whose parameters 1, 2, … are the columns; the one after those is the key. The
 * update leaves out what only groups that are not given depend on. */
void aep__sqlite_insert(struct aep__buf *out);
void aep__sqlite_update(struct aep__buf *out, unsigned groups);

/* ---- store_sqlite_executions.c ---- */

int aep__sqlite_get(struct aep__store *store, const char *id, struct aep__tracked *ret,
                    aep_error *err);
int aep__sqlite_put(struct aep__store *store, const struct aep__tracked *execution, aep_error *err);
int aep__sqlite_remove(struct aep__store *store, const char *id, aep_error *err);
int aep__sqlite_nearest(struct aep__store *store, const struct aep__tracked *key,
                        const struct aep__order *order, struct aep__tracked *ret, aep_error *err);
int aep__sqlite_provisional(struct aep__store *store, const struct aep__tracked *key, aep__id_fn fn,
                            void *user, aep_error *err);
int aep__sqlite_caused_by(struct aep__store *store, const char *named, aep__id_fn fn, void *user,
                          aep_error *err);
int aep__sqlite_children(struct aep__store *store, const char *id, aep__id_fn fn, void *user,
                         aep_error *err);
int aep__sqlite_open_children(struct aep__store *store, const char *id, int64_t *ret_us,
                              aep_error *err);
int aep__sqlite_lookup(struct aep__store *store, const char *text, unsigned limit,
                       aep__tracked_fn fn, void *user, aep_error *err);
/** How many executions there are of each kind that needs no clock: names in the table of counts. */
enum aep__class {
    AEP__CLASS_OPEN,
    AEP__CLASS_WAITING, /* open, too */
    AEP__CLASS_COMPLETED,
    AEP__CLASS_FAILED,
    AEP__CLASS_ABANDONED,
    AEP__CLASS_COUNT,
};
extern const char *const aep__class_names[AEP__CLASS_COUNT];

/** Gives the ids that a statement gives, once it has been given back: fn may change what it read. */
int aep__sqlite_give_ids(struct aep__sqlite *sqlite, unsigned which, sqlite3_stmt *statement,
                         aep__id_fn fn, void *user, aep_error *err);

/* ---- store_sqlite_row.c ---- */

/** Reads the row at which the statement stands. Errors: AEP_EIO it is damaged; AEP_ENOMEM */
int aep__sqlite_read_row(struct aep__sqlite *sqlite, sqlite3_stmt *row, struct aep__tracked *ret,
                         aep_error *err);
/** Binds all columns, from parameter 1 on; origins are the execution's, packed. */
void aep__sqlite_bind_row(sqlite3_stmt *statement, const struct aep__tracked *execution,
                          const char origins[AEP__ORIGINS_BYTES]);
/** Appends the values of AEP__GROUP_PLACE, one after the other. */
void aep__sqlite_add_place(struct aep__buf *out, const struct aep__tracked *execution);
/** The value of the column minute, rounded down, also before 1970. */
int64_t aep__sqlite_minute(int64_t at_us);

/* ---- store_sqlite_cache.c ---- */

/** Whether rows are cached: within a transaction. */
bool aep__sqlite_caches(const struct aep__sqlite *sqlite);
/** The row of that id, if it is cached; valid until another one is kept. */
struct aep__cached *aep__sqlite_cached(struct aep__sqlite *sqlite, const char *id);
/** Keeps a row that has just been read. */
int aep__sqlite_keep(struct aep__sqlite *sqlite, int64_t key, const struct aep__tracked *execution,
                     aep_error *err);
/** Writes a new one, or a change of one that is cached: at once or later. */
int aep__sqlite_insert_row(struct aep__sqlite *sqlite, const struct aep__tracked *execution,
                           aep_error *err);
int aep__sqlite_change_row(struct aep__sqlite *sqlite, struct aep__cached *cached,
                           const struct aep__tracked *execution, aep_error *err);
/** Writes what was to be written later. */
int aep__sqlite_flush_rows(struct aep__sqlite *sqlite, aep_error *err);
/** The latest stalls_at of a parent's open children among those; AEP__UNKNOWN_US: there are none. */
int64_t aep__sqlite_dirty_children(const struct aep__sqlite *sqlite, const char *parent);
/** Drop a row, or all of them, written or not. */
void aep__sqlite_drop(struct aep__sqlite *sqlite, const char *id);
void aep__sqlite_forget(struct aep__sqlite *sqlite);
void aep__sqlite_free_cache(struct aep__sqlite *sqlite);

/* ---- store_sqlite_fresh.c ---- */

/** What an id is stored as. */
enum aep__fresh_as {
    AEP__FRESH_EVENT,
    AEP__FRESH_EXECUTION,
    AEP__FRESH_NAMED, /* by an execution, as what caused it */
    AEP__FRESH_GUESS, /* by an event */
    AEP__FRESH_CORRELATION,
};

/** True: nothing is stored that has that id so. False: perhaps there is. */
bool aep__sqlite_is_fresh(struct aep__sqlite *sqlite, enum aep__fresh_as as, const char *id);
/** Something with that id has been stored. */
void aep__sqlite_note_fresh(struct aep__sqlite *sqlite, enum aep__fresh_as as, const char *id);

/* ---- store_sqlite_events.c ---- */

/** Appends an id as it is stored in a column, text or 16 bytes, and a NUL. */
void aep__sqlite_add_id(sqlite3_stmt *row, int column, struct aep__buf *out);
int aep__sqlite_find_event(struct aep__store *store, const char *event_id,
                           struct aep__stored_event *ret, aep_error *err);
int aep__sqlite_add_event(struct aep__store *store, const struct aep__observation *event,
                          const struct aep__stored_event *stored, aep_error *err);
int aep__sqlite_amend_event(struct aep__store *store, const char *event_id,
                            const struct aep__stored_event *stored, aep_error *err);
int aep__sqlite_events(struct aep__store *store, const char *execution_id,
                       const struct aep__order *from, aep__event_fn fn, void *user, aep_error *err);
int aep__sqlite_move_events(struct aep__store *store, const char *from_id, const char *to_id,
                            const struct aep__order *from, const struct aep__order *until,
                            uint64_t *ret_count, aep_error *err);
int aep__sqlite_guesses(struct aep__store *store, const char *named, aep__id_fn fn, void *user,
                        aep_error *err);
int aep__sqlite_move_guesses(struct aep__store *store, const char *named, const char *from_id,
                             const char *to_id, aep_error *err);
int aep__sqlite_get_gaps(struct aep__store *store, const char *tenant, const char *agent,
                         struct aep__buf *ret, aep_error *err);
int aep__sqlite_put_gaps(struct aep__store *store, const char *tenant, const char *agent,
                         struct aep__slice gaps, aep_error *err);

/* ---- store_sqlite_counts.c ---- */

int aep__sqlite_get_position(struct aep__store *store, struct aep__bookmark *position,
                             aep_error *err);
int aep__sqlite_put_position(struct aep__store *store, const struct aep__bookmark *position,
                             aep_error *err);
int aep__sqlite_add_count(struct aep__store *store, const char *name, int64_t more, aep_error *err);
int aep__sqlite_get_count(struct aep__store *store, const char *name, int64_t *ret, aep_error *err);
int aep__sqlite_next_change(struct aep__store *store, int64_t *ret, aep_error *err);
int aep__sqlite_count(struct aep__store *store, int64_t clock_us, int64_t ret[AEP__STATE_COUNT],
                      aep_error *err);
/** Writes what the transaction has counted. */
int aep__sqlite_flush_counts(struct aep__sqlite *sqlite, aep_error *err);
/** Forgets it. */
void aep__sqlite_forget_counts(struct aep__sqlite *sqlite);

/* ---- store_sqlite_list.c ---- */

int aep__sqlite_list(struct aep__store *store, const struct aep__query *query, aep__tracked_fn fn,
                     void *user, aep_error *err);

/* ---- store_sqlite_where.c ---- */

/** Makes the SQL function by which texts are searched. */
int aep__sqlite_add_search(struct aep__sqlite *sqlite, aep_error *err);

#endif
