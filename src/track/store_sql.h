/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a store, in SQL that SQLite and PostgreSQL both understand. A driver (struct
 * aep__sql_driver) prepares and runs it; everything else is here, and the same for both.
 *
 *     store_sql.c             transactions, statements
 *     store_sql_columns.c     the columns of an execution
 *     store_sql_executions.c  executions by id, by key, in the tree, by what is typed
 *     store_sql_row.c         a row to and from its execution
 *     store_sql_many.c        many rows at once
 *     store_sql_cache.c       rows in memory, until another connection writes
 *     store_sql_fresh.c       ids that cannot be stored yet
 *     store_sql_changes.c     change numbers, the ring of changes
 *     store_sql_events.c      events, gaps
 *     store_sql_retention.c   what has expired, tombstones, events that are to go
 *     store_sql_texts.c       the index of texts, in what is the same for both
 *     store_sql_settle.c      events whose fate becomes known later
 *     store_sql_counts.c      positions, counts, counts per state
 *     store_sql_list.c        lists; …_where.c, …_lead.c, …_order.c what they are made of
 *     store_sqlite*.c         a driver; the file and its folder; its tables and their versions
 *     store_postgres*.c       a driver; the connection; its tables and their versions
 *
 * A statement is prepared when it is first needed, and used again. What a transaction counts is added
 * to the store when it is committed. */
#ifndef AEP_TRACK_STORE_SQL_H
#define AEP_TRACK_STORE_SQL_H

#include "track/store_kinds.h"

#define AEP__STORE_FIELD "track.store"

/** Columns of executions beside aep__tracked_members. */
enum aep__made {
    AEP__MADE_ORIGINS,
    AEP__MADE_FLAGS,
    AEP__MADE_SORT_AT,
    AEP__MADE_SELECTED, /* those above are read, too */
    AEP__MADE_BEGUN_AT = AEP__MADE_SELECTED,
    AEP__MADE_SILENT_AT,
    AEP__MADE_COUNT,
};
#define AEP__COLUMN_COUNT (AEP__TRACKED_MEMBER_COUNT + (size_t)AEP__MADE_COUNT)

/** Columns that indexes depend on, by what changes them. */
enum aep__group {
    AEP__GROUP_SILENCE, /* each event */
    AEP__GROUP_OUTCOME, /* the end, and what retention does then */
    AEP__GROUP_PLACE,   /* who it is, and its place in the tree */
    AEP__GROUP_COUNT,
};

#define AEP__EVENT_COLUMNS                                                                         \
    "execution, bound, guess, digest, spool, ordinal, fate" /* and its body */

/** Statements that are kept; those that could take several indexes say which. @ stands for the columns
 * of an execution, % for those of an event, & for what a driver sets of an event that moves, # for
 * AEP__MANY_MAX parameters. A driver may have its own text in place of one. */
#define AEP__SQL_STATEMENTS(X)                                                                     \
    X(GET, "SELECT @ FROM executions WHERE id = ?1")                                               \
    X(BY_KEYS, "SELECT @ FROM executions WHERE key IN (#)")                                        \
    X(REMOVE, "DELETE FROM executions WHERE key = ?1")                                             \
    X(NEAREST, "SELECT id FROM executions WHERE correlation_id = ?1 AND agent_name = ?2 AND "      \
               "tenant_id = ?3 AND (begun_at, id) <= (?4, ?5) "                                    \
               "ORDER BY begun_at DESC, id DESC LIMIT 1")                                          \
    X(FIRST, "SELECT id FROM executions WHERE correlation_id = ?1 AND agent_name = ?2 AND "        \
             "tenant_id = ?3 AND begun_at IS NOT NULL ORDER BY begun_at, id LIMIT 1")              \
    X(PROVISIONAL, "SELECT id FROM executions WHERE correlation_id = ?1 AND agent_name = ?2 AND "  \
                   "tenant_id = ?3 AND begun_at IS NULL ORDER BY key")                             \
    X(CAUSED_BY, "SELECT id FROM executions WHERE parent_named = ?1 ORDER BY key")                 \
    X(CHILDREN, "SELECT id FROM executions INDEXED BY execution_parent WHERE parent_id = ?1 "      \
                "AND parent_known = 1 ORDER BY key")                                               \
    X(OPEN_CHILDREN, "SELECT stalls_at, id FROM executions INDEXED BY execution_open_child "       \
                     "WHERE parent_id = ?1 AND parent_known = 1 AND outcome = 0 "                  \
                     "ORDER BY stalls_at DESC NULLS LAST LIMIT ?2")                                \
    X(FIND_EVENT, "SELECT %, at_us, event_id FROM events WHERE event_id = ?1")                     \
    X(ADD_EVENT, "INSERT INTO events (event_id, at_us, %) "                                        \
                 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")                               \
    X(AMEND_EVENT, "UPDATE events SET spool = ?2, ordinal = ?3, fate = ?4 WHERE event_id = ?1")    \
    X(ADD_UNSETTLED, "INSERT INTO unsettled (spool, segment, \"offset\", event_id) "               \
                     "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (spool, segment, \"offset\") "           \
                     "DO UPDATE SET event_id = excluded.event_id")                                 \
    X(UNSETTLED, "SELECT segment, \"offset\", execution, fate FROM unsettled "                     \
                 "LEFT JOIN events ON events.event_id = unsettled.event_id "                       \
                 "WHERE unsettled.spool = ?1 AND (segment, \"offset\") >= (?2, ?3) AND "           \
                 "(segment, \"offset\") < (?4, ?5) ORDER BY segment, \"offset\" LIMIT ?6")         \
    X(SETTLE, "UPDATE events SET fate = ?6 WHERE fate <> ?6 AND fate <> ?7 AND event_id IN "       \
              "(SELECT event_id FROM unsettled WHERE spool = ?1 AND "                              \
              "(segment, \"offset\") >= (?2, ?3) AND (segment, \"offset\") < (?4, ?5))")           \
    X(SETTLED, "DELETE FROM unsettled WHERE spool = ?1 AND (segment, \"offset\") >= (?2, ?3) "     \
               "AND (segment, \"offset\") < (?4, ?5)")                                             \
    X(EVENTS, "SELECT %, at_us, event_id FROM events WHERE execution = ?1 AND "                    \
              "(at_us, event_id) >= (?2, ?3) ORDER BY at_us, event_id LIMIT ?4")                   \
    X(MOVE_EVENTS, "UPDATE events SET execution = ?2, bound = 0&, "                                \
                   "guess = CASE bound WHEN 1 THEN ?1 ELSE guess END WHERE execution = ?1")        \
    X(MOVE_SOME_EVENTS, "UPDATE events SET execution = ?2& WHERE execution = ?1 AND bound = 0 "    \
                        "AND (at_us, event_id) >= (?3, ?4) AND (at_us, event_id) < (?5, ?6)")      \
    X(GUESSES, "SELECT DISTINCT execution FROM events WHERE guess = ?1")                           \
    X(MOVE_GUESSES, "UPDATE events SET execution = ?3, bound = 1, guess = NULL& "                  \
                    "WHERE guess = ?1 AND execution = ?2")                                         \
    X(GET_GAPS, "SELECT data FROM gaps WHERE tenant = ?1 AND agent = ?2")                          \
    X(PUT_GAPS, "INSERT INTO gaps (tenant, agent, data) VALUES (?1, ?2, ?3) "                      \
                "ON CONFLICT (tenant, agent) DO UPDATE SET data = excluded.data")                  \
    X(GET_POSITION, "SELECT segment, \"offset\" FROM positions WHERE source = ?1")                 \
    X(PUT_POSITION, "INSERT INTO positions (source, segment, \"offset\") VALUES (?1, ?2, ?3) "     \
                    "ON CONFLICT (source) DO UPDATE SET segment = excluded.segment, "              \
                    "\"offset\" = excluded.\"offset\"")                                            \
    X(GET_COUNT, "SELECT value FROM counts WHERE name = ?1")                                       \
    X(ADD_COUNT, "INSERT INTO counts (name, value) VALUES (?1, ?2) "                               \
                 "ON CONFLICT (name) DO UPDATE SET value = counts.value + excluded.value")         \
    X(ADD_CHANGES, "INSERT INTO changes (number, first, entries) VALUES (?1, ?2, ?3)")             \
    X(TRIM_CHANGES, "DELETE FROM changes WHERE number <= ?1")                                      \
    X(CHANGES, "SELECT number, first, entries FROM changes WHERE number > ?1 ORDER BY number")     \
    X(SILENT, "SELECT count(*), count(*) FILTER (WHERE abandons_at < ?1) FROM executions "         \
              "INDEXED BY execution_silent WHERE outcome = 0 AND waiting = 0 AND silent_at < ?1")  \
    X(TURNED, "SELECT id FROM executions WHERE key IN (SELECT key FROM executions "                \
              "INDEXED BY execution_silent WHERE outcome = 0 AND waiting = 0 AND silent_at < ?2 "  \
              "AND (silent_at >= ?1 OR (abandons_at >= ?1 AND abandons_at < ?2)) LIMIT ?3)")       \
    X(WAITS, "SELECT count(*) FILTER (WHERE waiting IN (?1, ?2)), min(waiting_since) "             \
             "FROM executions INDEXED BY execution_waiting WHERE outcome = 0 AND waiting <> 0")    \
    X(BY_PREFIX, "SELECT @ FROM executions WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3")       \
    X(BY_CORRELATION, "SELECT @ FROM executions WHERE correlation_id = ?1 AND "                    \
                      "NOT (id >= ?1 AND id < ?2) ORDER BY sort_at, key LIMIT ?3")                 \
    X(EXPIRED, "SELECT id FROM executions INDEXED BY execution_ended WHERE outcome > 0 AND "       \
               "pinned = 0 AND open_children = 0 AND children <= ?3 AND ended_at < ?1 "            \
               "ORDER BY ended_at LIMIT ?2")                                                       \
    X(BODIES_EXPIRED, "SELECT id FROM executions INDEXED BY execution_bodies WHERE "               \
                      "outcome = 1 AND pinned = 0 AND emptied_at IS NULL AND ended_at < ?1 "       \
                      "ORDER BY ended_at LIMIT ?2")                                                \
    X(FAILED_EXPIRED, "SELECT id FROM executions INDEXED BY execution_failed_bodies WHERE "        \
                      "outcome > 1 AND pinned = 0 AND emptied_at IS NULL AND ended_at < ?1 "       \
                      "ORDER BY ended_at LIMIT ?2")                                                \
    X(ADD_LITTER, "INSERT INTO litter (execution, whole) VALUES (?1, ?2)")                         \
    X(FIRST_LITTER, "SELECT key, execution, whole FROM litter ORDER BY key LIMIT 1")               \
    X(DROP_LITTER, "DELETE FROM litter WHERE key = ?1")                                            \
    X(DROP_EVENTS, "DELETE FROM events WHERE execution = ?1")                                      \
    X(DROP_BODIES, "UPDATE events SET body = NULL WHERE execution = ?1")                           \
    X(SWEEP_EVENTS, "DELETE FROM events WHERE event_id IN "                                        \
                    "(SELECT event_id FROM events WHERE execution = ?1 LIMIT ?2)")                 \
    X(SWEEP_BODIES, "UPDATE events SET body = NULL WHERE event_id IN (SELECT event_id "            \
                    "FROM events WHERE execution = ?1 AND body IS NOT NULL LIMIT ?2)")             \
    X(MARK_EMPTIED, "INSERT INTO emptied (execution, turn) VALUES (?1, (SELECT turn FROM meta)) "  \
                    "ON CONFLICT (execution) DO UPDATE SET turn = excluded.turn")                  \
    X(ADD_TOMB, "INSERT INTO tombs (id, tenant_id, correlation_id, agent_name, begun_at, "         \
                "last_at, until_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                          \
    X(TOMB, "SELECT begun_at, last_at FROM tombs INDEXED BY tomb_id WHERE id = ?4 AND "            \
            "correlation_id = ?1 AND agent_name = ?2 AND tenant_id = ?3 "                          \
            "ORDER BY key DESC LIMIT 1")                                                           \
    X(NEAREST_TOMB, "SELECT id FROM tombs WHERE correlation_id = ?1 AND agent_name = ?2 AND "      \
                    "tenant_id = ?3 AND (begun_at, id) <= (?4, ?5) "                               \
                    "ORDER BY begun_at DESC, id DESC LIMIT 1")                                     \
    X(FIRST_TOMB, "SELECT id FROM tombs WHERE correlation_id = ?1 AND agent_name = ?2 AND "        \
                  "tenant_id = ?3 AND begun_at IS NOT NULL ORDER BY begun_at, id LIMIT 1")         \
    X(PROVISIONAL_TOMB, "SELECT key FROM tombs WHERE correlation_id = ?1 AND agent_name = ?2 "     \
                        "AND tenant_id = ?3 AND begun_at IS NULL AND last_at >= ?4 LIMIT 1")       \
    X(DROP_TOMBS, "DELETE FROM tombs WHERE key IN (SELECT key FROM tombs ORDER BY key LIMIT ?3) "  \
                  "AND (until_at <= ?1 OR key <= (SELECT max(key) FROM tombs) - ?2)")              \
    X(TEXTS_UNTIL, "SELECT change, key FROM texts_until WHERE id = ?1")                            \
    X(PUT_TEXTS_UNTIL, "INSERT INTO texts_until (id, change, key) VALUES (?1, ?2, ?3) "            \
                       "ON CONFLICT (id) DO UPDATE SET change = excluded.change, "                 \
                       "key = excluded.key")                                                       \
    X(NEXT_KEYS, "SELECT key FROM executions WHERE key > ?1 ORDER BY key LIMIT ?2")                \
    X(LAST_TOMB, "SELECT max(id) FROM tombs WHERE id < 'g'")                                       \
    X(LAST_DEAD_CORRELATION, "SELECT max(correlation_id) FROM tombs WHERE correlation_id < 'g'")   \
    X(LAST_EVENT, "SELECT event_id FROM events ORDER BY event_id DESC LIMIT 1")                    \
    X(LAST_EXECUTION,                                                                              \
      "SELECT max(id) FROM executions WHERE id < 'g'") /* of those in hexadecimal */               \
    X(LAST_NAMED, "SELECT max(parent_named) FROM executions WHERE parent_named < 'g'")             \
    X(LAST_GUESS, "SELECT guess FROM events WHERE guess IS NOT NULL ORDER BY guess DESC LIMIT 1")  \
    X(LAST_CORRELATION, "SELECT max(correlation_id) FROM executions WHERE correlation_id < 'g'")   \
    X(LAST_KEY, "SELECT max(key) FROM executions")                                                 \
    X(NEXT_AGENT, "SELECT agent_name FROM executions WHERE agent_name > ?1 "                       \
                  "ORDER BY agent_name LIMIT 1")                                                   \
    X(NEXT_TENANT, "SELECT tenant_id FROM executions WHERE tenant_id > ?1 "                        \
                   "ORDER BY tenant_id LIMIT 1")

enum aep__sql_which {
#define AEP__SQL_NAME(name, text) AEP__SQL_##name,
    AEP__SQL_STATEMENTS(AEP__SQL_NAME)
#undef AEP__SQL_NAME
        AEP__SQL_INSERT, /* of an execution, made from its columns */
    AEP__SQL_UPDATE,     /* one for each set of groups */
    AEP__SQL_COUNT = AEP__SQL_UPDATE + (1 << AEP__GROUP_COUNT),
};

/** Bytes that an execution takes beside its texts, with its place in the indexes, where rows are weighed. */
#define AEP__SQL_ROW_BYTES 2900
#define AEP__CACHE_SIZE 4096 /* rows */
#define AEP__COUNTS_MAX 24   /* counts that a transaction may have before they are written */
#define AEP__COUNT_SIZE 64   /* of a name */

/** A row in memory, and what the indexes have of it in the store. */
struct aep__cached {
    struct aep__tracked row;
    int64_t key;   /* 0: not in use */
    uint32_t hash; /* of its id */
    uint32_t used; /* when, by cache_clock */
    bool dirty;    /* the row is newer than what is stored */
    bool unsaved;  /* nothing of it is stored yet, */
    bool touched;  /* and it has changed since it was put first */
    struct aep__buf place;
    int64_t outcome, ended_at, waiting, waiting_since, stalls_at, abandons_at, last_event_at;
    int64_t pinned, emptied_at;
};

struct aep__sql;

/** A statement; a driver's begins with it. */
struct aep__statement {
    const struct aep__sql_statements *ops;
    struct aep__sql *base;
    bool taken;
};

/** An id in a column of the table of events: 16 bytes for a UUID in lower case, else text. */
struct aep__sql_id {
    uint8_t bytes[16];
    const char *text; /* NULL: the bytes */
};

/** What a database's client does with statements. Parameters are numbered from 1, columns from 0; what
 * is bound is borrowed until the statement is given back. */
struct aep__sql_statements {
    /* @which  one that is kept; AEP__SQL_COUNT: any other
     * NULL: *err. */
    struct aep__statement *(*prepare)(struct aep__sql *base, const char *sql, unsigned which,
                                      aep_error *err);
    void (*finalize)(struct aep__statement *statement);
    void (*reset)(struct aep__statement *statement);
    void (*bind_null)(struct aep__statement *statement, int i);
    void (*bind_int)(struct aep__statement *statement, int i, int64_t number);
    void (*bind_real)(struct aep__statement *statement, int i, double number);    /* NAN: null */
    void (*bind_text)(struct aep__statement *statement, int i, const char *text); /* NULL: null */
    void (*bind_blob)(struct aep__statement *statement, int i, const void *bytes, size_t len);
    void (*bind_id)(struct aep__statement *statement, int i, const struct aep__sql_id *id);
    /* 1 a row, 0 none, -1 *err. */
    int (*step)(struct aep__statement *statement, aep_error *err);
    /* Runs one that gives nothing; where several are sent at once, an error may come with a later one. */
    int (*run)(struct aep__statement *statement, aep_error *err);
    /* Rows that it has changed; to be stepped, not run. */
    int64_t (*changes)(struct aep__statement *statement);

    /* Columns of the row; what they point to is valid until the next step. */
    bool (*is_null)(struct aep__statement *statement, int column);
    int64_t (*int_at)(struct aep__statement *statement, int column);
    double (*real_at)(struct aep__statement *statement, int column);
    const char *(*text_at)(struct aep__statement *statement, int column);
    const void *(*blob_at)(struct aep__statement *statement, int column);
    size_t (*bytes_at)(struct aep__statement *statement, int column);
    /* Appends an id, text or 16 bytes, and a NUL. */
    void (*add_id)(struct aep__statement *statement, int column, struct aep__buf *out);
};

/** The rows that may have certain texts. */
struct aep__text_lead {
    struct aep__buf condition; /* parameter 1 is the match; empty: the index does not help */
    struct aep__buf match;
    int64_t rows; /* how many, counted up to the limit */
};

/** What an index of texts is made of. */
struct aep__sql_texts {
    /* Indexes rows as they are now, or that they are gone. */
    int (*put)(struct aep__sql *base, const int64_t *keys, size_t count, aep_error *err);
    /* Makes one of its pieces, in small steps: begins, or goes on. NULL: it has none. */
    int (*merge)(struct aep__sql *base, bool begin, bool *ret_more, aep_error *err);
    /* Appends a trigram to what is matched. */
    void (*add_to_match)(struct aep__buf *out, const char *text, size_t len);
    const char *end_of_match;
    const char *matching;             /* keys of rows that match parameter 1, as SQL */
    const char *among, *end_of_among; /* around that: a condition of executions */
};

/** What a database does. */
struct aep__sql_driver {
    void (*close)(struct aep__sql *base);
    int (*replaced)(struct aep__sql *base, aep_error *err);
    /* Begins to write. Sets a number that is another one if another connection has written since the
     * last time. */
    int (*begin)(struct aep__sql *base, int64_t *ret_version, aep_error *err);
    int (*commit)(struct aep__sql *base, int64_t *ret_version, aep_error *err);
    void (*rollback)(struct aep__sql *base);
    bool (*in_transaction)(const struct aep__sql *base);
    /* Its room, and giving back what it does not use (store.h). */
    int (*bytes)(struct aep__sql *base, int64_t *ret, aep_error *err);
    int (*give_back)(struct aep__sql *base, aep_error *err);
    const struct aep__sql_statements *statements;

    const struct aep__sql_texts *texts_index;

    /* (store.h) NULL: bodies are not kept by days, and go one by one. */
    int (*sweep_days)(struct aep__sql *base, int64_t before_us, unsigned limit, uint64_t *ret_count,
                      aep_error *err);
    const char *body;         /* of an event, as an expression */
    const char *moved;        /* what is set of one that moves, with a comma */
    const char *const *texts; /* its own, NULL where it has none; NULL: it has none */
    bool weighs;              /* rows have to be weighed (struct aep__sql) */
    const char *(*identity)(const struct aep__sql *base); /* NULL: it is for one tracker alone */
    bool whole_rows;                                      /* an update sets all columns */
    const char *like;                                     /* the operator that matches patterns */
    const char *wildcard; /* that stands for any characters in one */
    const char *quotes;   /* characters that are special in one */
    const char *quote[2]; /* what is before and after one that is ordinary */
    const char *damaged;  /* a format for a store's name */
};

struct aep__sql {
    struct aep__store store; /* first */
    const struct aep__sql_driver *driver;
    char *name; /* in messages */
    bool write;
    struct aep__fresh *fresh; /* NULL: not made yet */
    bool knows_fresh;         /* it is of what is stored */
    struct aep__buf columns, place;
    struct aep__statement *statements[AEP__SQL_COUNT];
    struct aep__cached cache[AEP__CACHE_SIZE];
    uint32_t parents[AEP__CACHE_SIZE]; /* a hash of each row's known parent; 0: none */
    uint32_t cache_clock;
    struct aep__tracked stored;      /* memory */
    struct aep__buf body, event_ids; /* of the event that was found last */
    struct aep__pending_count {
        char name[AEP__COUNT_SIZE];
        int64_t more;
    } counts[AEP__COUNTS_MAX];
    unsigned count_count;
    unsigned unsaved;        /* rows that are so */
    int64_t version;         /* of the data that the cache is of; 0: of none */
    int64_t change;          /* the last one given out in this transaction; 0: none yet */
    struct aep__buf changes; /* of this transaction, not written yet */
    unsigned change_count;
    int64_t last_key; /* of all that are stored; 0: not known */
    int64_t weight;   /* bytes of executions that this transaction has added, about */
};

static inline struct aep__sql *aep__sql_of(struct aep__store *store)
{
    return (struct aep__sql *)store;
}

/* ---- the driver's, by what they work on ---- */

static inline bool aep__sql_in_transaction(const struct aep__sql *base)
{
    return base->driver->in_transaction(base);
}

static inline void aep__sql_finalize(struct aep__statement *statement)
{
    if (statement)
        statement->ops->finalize(statement);
}

static inline void aep__sql_reset(struct aep__statement *statement)
{
    statement->ops->reset(statement);
}

static inline void aep__sql_bind_null(struct aep__statement *statement, int i)
{
    statement->ops->bind_null(statement, i);
}

static inline void aep__sql_bind_int(struct aep__statement *statement, int i, int64_t number)
{
    statement->ops->bind_int(statement, i, number);
}

static inline void aep__sql_bind_real(struct aep__statement *statement, int i, double number)
{
    statement->ops->bind_real(statement, i, number);
}

static inline void aep__sql_bind_text(struct aep__statement *statement, int i, const char *text)
{
    statement->ops->bind_text(statement, i, text);
}

static inline void aep__sql_bind_blob(struct aep__statement *statement, int i, const void *bytes,
                                      size_t len)
{
    statement->ops->bind_blob(statement, i, bytes ? bytes : "", len);
}

static inline void aep__sql_bind_id(struct aep__statement *statement, int i,
                                    const struct aep__sql_id *id)
{
    statement->ops->bind_id(statement, i, id);
}

static inline int aep__sql_step(struct aep__statement *statement, aep_error *err)
{
    return statement->ops->step(statement, err);
}

static inline int64_t aep__sql_changes(struct aep__statement *statement)
{
    return statement->ops->changes(statement);
}

static inline bool aep__sql_is_null(struct aep__statement *statement, int column)
{
    return statement->ops->is_null(statement, column);
}

static inline int64_t aep__sql_int(struct aep__statement *statement, int column)
{
    return statement->ops->int_at(statement, column);
}

static inline double aep__sql_real(struct aep__statement *statement, int column)
{
    return statement->ops->real_at(statement, column);
}

static inline const char *aep__sql_text(struct aep__statement *statement, int column)
{
    return statement->ops->text_at(statement, column);
}

static inline const void *aep__sql_blob(struct aep__statement *statement, int column)
{
    return statement->ops->blob_at(statement, column);
}

static inline size_t aep__sql_bytes(struct aep__statement *statement, int column)
{
    return statement->ops->bytes_at(statement, column);
}

static inline void aep__sql_add_id(struct aep__statement *statement, int column,
                                   struct aep__buf *out)
{
    statement->ops->add_id(statement, column, out);
}

/* ---- store_sql.c ---- */

/** Makes the part that is the same for both, of a zeroed store: its operations, its columns.
 * Errors: AEP_ENOMEM */
int aep__sql_init(struct aep__sql *base, const struct aep__sql_driver *driver, const char *name,
                  bool write, aep_error *err);
/** Frees it, its statements first. */
void aep__sql_done(struct aep__sql *base);
/** Finalizes the kept statements; they are prepared again when they are needed. */
void aep__sql_forget_statements(struct aep__sql *base);
/** Prepares one that is not kept; NULL: *err. */
struct aep__statement *aep__sql_prepare(struct aep__sql *base, const char *sql, aep_error *err);
/** Lends a kept statement, also within itself; NULL: *err. */
struct aep__statement *aep__sql_take(struct aep__sql *base, unsigned which, aep_error *err);
/** Takes it back, reset. */
void aep__sql_give(struct aep__sql *base, unsigned which, struct aep__statement *statement);
/** Runs one that gives nothing, and gives it back. */
int aep__sql_finish(struct aep__sql *base, unsigned which, struct aep__statement *statement,
                    aep_error *err);
/** The same, and sets the number of rows that it has changed. */
int aep__sql_finish_counting(struct aep__sql *base, unsigned which,
                             struct aep__statement *statement, int64_t *ret_changed,
                             aep_error *err);
/** Writes what the transaction has in memory. */
int aep__sql_flush(struct aep__sql *base, aep_error *err);
/** A row that cannot be understood. */
int aep__sql_damaged(const struct aep__sql *base, aep_error *err) __attribute__((cold));

/* ---- store_sql_columns.c ---- */

/** Appends the columns of an execution that are read: key, those of aep__tracked_members, and those
 * before AEP__MADE_SELECTED. */
void aep__sql_columns(struct aep__buf *out);
const char *aep__sql_column_name(size_t i);
/** What a column holds; of the made ones, too. */
enum aep__sql_type { AEP__SQL_TEXT, AEP__SQL_INTEGER, AEP__SQL_REAL, AEP__SQL_BYTES };
enum aep__sql_type aep__sql_column_type(size_t i);
/** Append statements whose parameters 1, 2, … are the columns; the one after those is the key. The
 * update leaves out what only groups that are not given depend on. */
void aep__sql_insert(struct aep__buf *out);
void aep__sql_update(struct aep__buf *out, unsigned groups);

/* ---- store_sql_executions.c ---- */

int aep__sql_get(struct aep__store *store, const char *id, struct aep__tracked *ret,
                 aep_error *err);
int aep__sql_put(struct aep__store *store, const struct aep__tracked *execution, aep_error *err);
int aep__sql_remove(struct aep__store *store, const char *id, aep_error *err);
int aep__sql_nearest(struct aep__store *store, const struct aep__tracked *key,
                     const struct aep__order *order, struct aep__tracked *ret, aep_error *err);
int aep__sql_provisional(struct aep__store *store, const struct aep__tracked *key, aep__id_fn fn,
                         void *user, aep_error *err);
int aep__sql_caused_by(struct aep__store *store, const char *named, aep__id_fn fn, void *user,
                       aep_error *err);
int aep__sql_children(struct aep__store *store, const char *id, aep__id_fn fn, void *user,
                      aep_error *err);
int aep__sql_open_children(struct aep__store *store, const struct aep__tracked *parent,
                           int64_t *ret_us, aep_error *err);
int aep__sql_lookup(struct aep__store *store, const char *text, unsigned limit, aep__tracked_fn fn,
                    void *user, aep_error *err);
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

/** Binds a key as the parameters 1 to 3. */
void aep__sql_bind_key(struct aep__statement *statement, const struct aep__tracked *key);
/** Appends the id that a statement finds by a key and (NULL: none) an order, as a string; 1, 0, -1. */
int aep__sql_find_by_key(struct aep__sql *base, unsigned which, const struct aep__tracked *key,
                         const struct aep__order *order, struct aep__buf *ret, aep_error *err);
/** Gives the ids that a statement gives, once it has been given back: fn may change what it read. */
int aep__sql_give_ids(struct aep__sql *base, unsigned which, struct aep__statement *statement,
                      aep__id_fn fn, void *user, aep_error *err);

/* ---- store_sql_many.c ---- */

#define AEP__MANY_MAX 64 /* rows that are asked for at once */

/** Rows by their keys, as they are stored. Add keys, read, find; and again. */
struct aep__many {
    unsigned count, found; /* keys that have been added; rows that have been read */
    int64_t keys[AEP__MANY_MAX], found_keys[AEP__MANY_MAX];
    struct aep__tracked rows[AEP__MANY_MAX];
};

struct aep__many *aep__many_new(aep_error *err); /* NULL: *err */
void aep__many_free(struct aep__many *many);
/** False: there is no room for another one. */
bool aep__many_add(struct aep__many *many, int64_t key);
int aep__many_read(struct aep__many *many, struct aep__sql *base, aep_error *err);
/** Valid until rows are read again; NULL: there is no such row. */
const struct aep__tracked *aep__many_find(const struct aep__many *many, int64_t key);

/* ---- store_sql_row.c ---- */

/** Reads the row at which the statement stands. Errors: AEP_EIO it is damaged; AEP_ENOMEM */
int aep__sql_read_row(struct aep__sql *base, struct aep__statement *row, struct aep__tracked *ret,
                      aep_error *err);
/** Binds all columns, from parameter 1 on; origins are the execution's, packed.
 * @change  its number, whatever the execution says */
void aep__sql_bind_row(struct aep__statement *statement, const struct aep__tracked *execution,
                       const char origins[AEP__ORIGINS_BYTES], int64_t change);
/** Appends the values of AEP__GROUP_PLACE, one after the other. */
void aep__sql_add_place(struct aep__buf *out, const struct aep__tracked *execution);

/* ---- store_sql_cache.c ---- */

/** Whether rows are cached: within a transaction. */
bool aep__sql_caches(const struct aep__sql *base);
/** The row of that id, if it is cached; valid until another one is kept. */
struct aep__cached *aep__sql_cached(struct aep__sql *base, const char *id);
/** Keeps a row that has just been read. */
int aep__sql_keep(struct aep__sql *base, int64_t key, const struct aep__tracked *execution,
                  aep_error *err);
/** Writes a new one, or a change of one that is cached: at once or later. */
int aep__sql_insert_row(struct aep__sql *base, const struct aep__tracked *execution,
                        aep_error *err);
int aep__sql_change_row(struct aep__sql *base, struct aep__cached *cached,
                        const struct aep__tracked *execution, aep_error *err);
/** Writes the new ones: before rows are looked for by who they are, or their place. */
int aep__sql_write_new(struct aep__sql *base, aep_error *err);
/** Writes what was to be written later. */
int aep__sql_flush_rows(struct aep__sql *base, aep_error *err);
/** The latest stalls_at of a parent's open children among those that are cached; AEP__UNKNOWN_US: there are
 * none. Sets how many children are, and how many of them are open. */
int64_t aep__sql_cached_children(const struct aep__sql *base, const char *parent,
                                 unsigned *ret_count, unsigned *ret_open);
/** Drop a row, or all of them, written or not. */
void aep__sql_drop(struct aep__sql *base, const char *id);
void aep__sql_forget(struct aep__sql *base);
void aep__sql_free_cache(struct aep__sql *base);

/* ---- store_sql_fresh.c ---- */

/** What an id is stored as. */
enum aep__fresh_as {
    AEP__FRESH_EVENT,
    AEP__FRESH_EXECUTION,
    AEP__FRESH_NAMED, /* by an execution, as what caused it */
    AEP__FRESH_GUESS, /* by an event */
    AEP__FRESH_CORRELATION,
};

/** True: nothing is stored that has that id so. False: perhaps there is. */
bool aep__sql_is_fresh(struct aep__sql *base, enum aep__fresh_as as, const char *id);
/** Something with that id has been stored. */
void aep__sql_note_fresh(struct aep__sql *base, enum aep__fresh_as as, const char *id);

/* ---- store_sql_changes.c ---- */

/** Appends what a new store's numbers begin with. */
void aep__sql_begin_changes(struct aep__buf *sql);
/** A number that no change had before. */
int aep__sql_next_change(struct aep__sql *base, int64_t *ret, aep_error *err);
/** Notes what the last number is of: a row's key, and its id if it was removed. */
int aep__sql_note_change(struct aep__sql *base, int64_t key, const char *removed, aep_error *err);
/** Writes what the transaction has noted; forgets it. */
int aep__sql_flush_changes(struct aep__sql *base, aep_error *err);
void aep__sql_forget_changes(struct aep__sql *base);
/** Gives the entries after that number. 1; 0 the ring does not reach back that far; -1.
 * @removed  the id of the row that had that key; NULL: it was written */
typedef bool (*aep__entry_fn)(void *user, int64_t number, int64_t key, const char *removed);
int aep__sql_walk_changes(struct aep__sql *base, int64_t after, aep__entry_fn fn, void *user,
                          aep_error *err);
int aep__sql_list_changes(struct aep__store *store, int64_t after, unsigned limit,
                          aep__changed_fn fn, void *user, aep_error *err);

/* ---- store_sql_retention.c ---- */

int aep__sql_expired(struct aep__store *store, enum aep__expiry what, int64_t before_us,
                     unsigned limit, aep__id_fn fn, void *user, aep_error *err);
int aep__sql_empty(struct aep__store *store, const char *id, bool at_once, aep_error *err);
int aep__sql_entomb(struct aep__store *store, const struct aep__tracked *execution,
                    int64_t until_us, bool at_once, aep_error *err);
int aep__sql_sweep(struct aep__store *store, unsigned limit, uint64_t *ret_count, aep_error *err);
int aep__sql_sweep_days(struct aep__store *store, int64_t before_us, unsigned limit,
                        uint64_t *ret_count, aep_error *err);
int aep__sql_tomb(struct aep__store *store, const char *id, const struct aep__tracked *key,
                  struct aep__tracked *ret, aep_error *err);
int aep__sql_nearest_tomb(struct aep__store *store, const struct aep__tracked *key,
                          const struct aep__order *order, struct aep__tracked *ret, aep_error *err);
int aep__sql_provisional_tomb(struct aep__store *store, const struct aep__tracked *key,
                              int64_t at_us, aep_error *err);
int aep__sql_drop_tombs(struct aep__store *store, int64_t now_us, int64_t most, unsigned limit,
                        uint64_t *ret_count, aep_error *err);

/* ---- store_sql_events.c ---- */

struct aep__sql_id aep__sql_make_id(const char *text);

int aep__sql_find_event(struct aep__store *store, const char *event_id,
                        struct aep__stored_event *ret, aep_error *err);
int aep__sql_add_event(struct aep__store *store, const struct aep__observation *event,
                       const struct aep__stored_event *stored, aep_error *err);
int aep__sql_amend_event(struct aep__store *store, const char *event_id,
                         const struct aep__stored_event *stored, aep_error *err);
int aep__sql_settle(struct aep__store *store, const struct aep__settling *what, aep__settled_fn fn,
                    void *user, aep_position *ret_next, aep_error *err);
/** Remembers that an event's fate is to be settled. */
int aep__sql_add_unsettled(struct aep__sql *base, const struct aep__spooled *place,
                           const struct aep__observation *event, aep_error *err);
int aep__sql_events(struct aep__store *store, const char *execution_id,
                    const struct aep__order *from, aep__event_fn fn, void *user, aep_error *err);
int aep__sql_move_events(struct aep__store *store, const char *from_id, const char *to_id,
                         const struct aep__order *from, const struct aep__order *until,
                         uint64_t *ret_count, aep_error *err);
int aep__sql_guesses(struct aep__store *store, const char *named, aep__id_fn fn, void *user,
                     aep_error *err);
int aep__sql_move_guesses(struct aep__store *store, const char *named, const char *from_id,
                          const char *to_id, aep_error *err);
int aep__sql_get_gaps(struct aep__store *store, const char *tenant, const char *agent,
                      struct aep__buf *ret, aep_error *err);
int aep__sql_put_gaps(struct aep__store *store, const char *tenant, const char *agent,
                      struct aep__slice gaps, aep_error *err);

/* ---- store_sql_counts.c ---- */

int aep__sql_get_position(struct aep__store *store, struct aep__bookmark *position, aep_error *err);
int aep__sql_put_position(struct aep__store *store, const struct aep__bookmark *position,
                          aep_error *err);
int aep__sql_add_count(struct aep__store *store, const char *name, int64_t more, aep_error *err);
int aep__sql_get_count(struct aep__store *store, const char *name, int64_t *ret, aep_error *err);
int aep__sql_count(struct aep__store *store, int64_t clock_us, int64_t ret[AEP__STATE_COUNT],
                   aep_error *err);
int aep__sql_facets(struct aep__store *store, enum aep__facet facet, aep__id_fn fn, void *user,
                    aep_error *err);
int aep__sql_waits(struct aep__store *store, struct aep__waits *ret, aep_error *err);
int aep__sql_turned(struct aep__store *store, int64_t from_us, int64_t until_us, unsigned limit,
                    aep__id_fn fn, void *user, aep_error *err);
/** Writes what the transaction has counted. */
int aep__sql_flush_counts(struct aep__sql *base, aep_error *err);
/** Forgets it. */
void aep__sql_forget_counts(struct aep__sql *base);

/* ---- store_sql_texts.c ---- */

int aep__sql_index_texts(struct aep__store *store, unsigned limit, aep_error *err);
int aep__sql_lead_by_texts(struct aep__sql *base, const struct aep__filter_values *texts,
                           int64_t limit, struct aep__text_lead *ret, aep_error *err);
/** Gives each three characters of a text. @fn  false stops it. False: it was stopped */
typedef bool (*aep__trigram_fn)(void *user, const char *text, size_t len);
bool aep__sql_each_trigram(const char *text, aep__trigram_fn fn, void *user);

/* ---- store_sql_list.c ---- */

int aep__sql_totals(struct aep__store *store, const struct aep__query *query,
                    struct aep__totals *ret, aep_error *err);
int aep__sql_list(struct aep__store *store, const struct aep__query *query, aep__tracked_fn fn,
                  void *user, aep_error *err);

#endif
