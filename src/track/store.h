/* SPDX-License-Identifier: Apache-2.0 */
/* A store: the rows of executions, their events, and how far each source has been read, so that a
 * tracker that was killed repeats and loses nothing. One tracker writes (any number with PostgreSQL),
 * anyone reads.
 *
 * Every function that returns int returns AEP_OK or an error unless it says otherwise. Errors: AEP_EFULL
 * the disk is full; AEP_EIO damaged, or cannot be read or written; AEP_ESTATE it is of a newer aep, or
 * another program holds it; AEP_ENOMEM. In each case the sources keep what they have.
 * Threads: one store, one thread. */
#ifndef AEP_TRACK_STORE_H
#define AEP_TRACK_STORE_H

#include "track/tracked.h"
#include "track/list_cursor.h"
#include "track/filter.h"
#include "track/observation.h"
#include "track/sort.h"
#include "track/state.h"

struct aep__store;

/** Where a spool has an event. */
struct aep__spooled {
    uint8_t spool[16];
    uint64_t segment, offset;
};

/** An event as it is stored. */
struct aep__stored_event {
    struct aep__order order; /* where it is among the others, as it is given; not read to add one */
    struct aep__slice body;  /* its JSON; data NULL: retention has dropped it */
    const char *execution_id; /* that it belongs to */
    bool bound;               /* named by its cause; else by tenant, correlation id and agent */
    const char *guess;  /* not bound: the cause that it names, of which nothing is known; NULL */
    uint8_t digest[16]; /* of the body; all zero: not known */
    struct aep__sequence sequence;
    enum aep__fate fate;
    const struct aep__spooled *unsettled; /* to add: its fate may change there; NULL: it is final */
};

/** Events of a spool whose fate has become known: those from `from` on and before `until`. */
struct aep__settling {
    uint8_t spool[16];
    aep_position from, until;
    unsigned limit; /* of so many at most */
    enum aep__fate fate;
    bool stays; /* it may change again */
};

/** How far a source was read: segment and offset of a spool, partition's offset. */
struct aep__bookmark {
    char source[300]; /* "spool:UUID", "kafka:TOPIC:PARTITION" */
    uint64_t segment, offset;
};

/** How many rows a search for short texts compares where somebody waits for it: some milliseconds. */
#define AEP__LOOK_MOST 10000

/** A list of executions. */
struct aep__query {
    const struct aep__filter *filter;
    int64_t clock_us; /* for their states */
    unsigned limit;   /* 0: none */
    enum aep__sort sort;
    bool reverse;
    unsigned
        look_most;     /* rows that a search for texts of one or two characters, which no index has,
                           compares in vain until it stops as if the limit were reached; 0: any */
    bool *ret_stopped; /* set where that stopped it; NULL: not wanted */
    const char
        *cursor; /* where an earlier list in the same order stopped; NULL: from the first on */
    struct aep__buf
        *next; /* gets the cursor behind the last one given, if the list stopped there; NULL:
                              not wanted */
};

/** How many executions a filter matches. */
struct aep__totals {
    int64_t counts[AEP__STATE_COUNT];
    unsigned at_least; /* a bit for each state of which there may be more */
};

/** What retention looks for, among executions that have ended and are not pinned. */
enum aep__expiry {
    AEP__EXPIRY_EXECUTION, /* has no open children, and at most AEP__EXPIRY_CHILDREN others */
    AEP__EXPIRY_BODIES,    /* completed, and has its events' bodies */
    AEP__EXPIRY_FAILED,    /* the same, failed or abandoned */
    AEP__EXPIRY_COUNT,
};
#define AEP__EXPIRY_CHILDREN 500

/** The last change number that has been given out: it grows by one with every change of a row that is
 * written. No number is used twice, not even by the store that takes the place of one that was removed: a
 * new store's numbers begin at the time, in us. */
#define AEP__COUNT_CHANGES "changes"

/** What executions are told apart by, and completed by. */
enum aep__facet { AEP__FACET_AGENT, AEP__FACET_TENANT };

/** Who waits. */
struct aep__waits {
    int64_t human;     /* for a person: for an answer or a permission */
    int64_t oldest_us; /* since when the one waits that has waited longest; AEP__UNKNOWN_US: none */
};

/** Return false to stop. What is given is borrowed. */
typedef bool (*aep__tracked_fn)(void *user, const struct aep__tracked *execution);
typedef bool (*aep__event_fn)(void *user, const struct aep__stored_event *event);
typedef bool (*aep__id_fn)(void *user, const char *execution_id);
/* execution NULL: it was removed. */
typedef bool (*aep__changed_fn)(void *user, int64_t number, const char *id,
                                const struct aep__tracked *execution);
/** An event of that execution has another fate than it had. */
typedef bool (*aep__settled_fn)(void *user, const char *execution_id, enum aep__fate was);

struct aep__store_ops {
    void (*close)(struct aep__store *store);
    /* Whether the store that is open has been removed, or another one is at its place by now: 1, 0,
     * -1. */
    int (*replaced)(struct aep__store *store, aep_error *err);
    /* 1: trackers of several machines may write to it; appends what no other store has; 0, -1. */
    int (*identity)(struct aep__store *store, struct aep__buf *ret, aep_error *err);

    /* Transactions: everything that is written, is so in one. */
    int (*begin)(struct aep__store *store, aep_error *err);
    int (*commit)(struct aep__store *store, aep_error *err);
    void (*rollback)(struct aep__store *store);

    /* Executions. get and the like: 1 found, 0 not, -1 an error (*err). */
    int (*get)(struct aep__store *store, const char *id, struct aep__tracked *ret, aep_error *err);
    /* Both are changes: put gives the row a new number (a number that was there before is ignored). */
    int (*put)(struct aep__store *store, const struct aep__tracked *execution, aep_error *err);
    int (*remove)(struct aep__store *store, const char *id, aep_error *err);
    /* The execution of this tenant, correlation id and agent (of `key`) whose started event is the
     * latest not after `order`, or else the first one. */
    int (*nearest)(struct aep__store *store, const struct aep__tracked *key,
                   const struct aep__order *order, struct aep__tracked *ret, aep_error *err);
    /* Its provisional ones. */
    int (*provisional)(struct aep__store *store, const struct aep__tracked *key, aep__id_fn fn,
                       void *user, aep_error *err);
    /* Those that name it, or one of its events, as what caused them. */
    int (*caused_by)(struct aep__store *store, const char *named, aep__id_fn fn, void *user,
                     aep_error *err);
    int (*children)(struct aep__store *store, const char *id, aep__id_fn fn, void *user,
                    aep_error *err);
    /* The latest stalls_at of its open children, of which it has as many as it says; AEP__UNKNOWN_US: it
     * has none. */
    int (*open_children)(struct aep__store *store, const struct aep__tracked *parent,
                         int64_t *ret_us, aep_error *err);

    /* Events. find_event: 1, 0, -1; the id is lower case. */
    int (*find_event)(struct aep__store *store, const char *event_id, struct aep__stored_event *ret,
                      aep_error *err);
    int (*add_event)(struct aep__store *store, const struct aep__observation *event,
                     const struct aep__stored_event *stored, aep_error *err);
    /* A copy that came later tells of its number, or of a worse fate. */
    int (*amend_event)(struct aep__store *store, const char *event_id,
                       const struct aep__stored_event *stored, aep_error *err);
    /* Gives unsettled events a fate, but for those that are known to be acknowledged. fn may not use the
     * store, and false is an error of memory. Sets up to where that has been done: `until` where there are
     * no more. */
    int (*settle)(struct aep__store *store, const struct aep__settling *what, aep__settled_fn fn,
                  void *user, aep_position *ret_next, aep_error *err);
    /* An execution's events from `from` on, in their order. */
    int (*events)(struct aep__store *store, const char *execution_id, const struct aep__order *from,
                  aep__event_fn fn, void *user, aep_error *err);
    /* Events of one execution become another's: all, which are then not bound and guess the one that
     * they named; or with `from` or `until` those that are not bound, from `from` on and before
     * `until`. Sets the number of them. */
    int (*move_events)(struct aep__store *store, const char *from_id, const char *to_id,
                       const struct aep__order *from, const struct aep__order *until,
                       uint64_t *ret_count, aep_error *err);
    /* The executions that hold events which only guess: those that name `named` as their cause. */
    int (*guesses)(struct aep__store *store, const char *named, aep__id_fn fn, void *user,
                   aep_error *err);
    /* Such events of one execution become another's, bound. */
    int (*move_guesses)(struct aep__store *store, const char *named, const char *from_id,
                        const char *to_id, aep_error *err);

    /* The last gaps between the events of a tenant's agent (gaps.h), as bytes. 1, 0, -1. */
    int (*get_gaps)(struct aep__store *store, const char *tenant, const char *agent,
                    struct aep__buf *ret, aep_error *err);
    int (*put_gaps)(struct aep__store *store, const char *tenant, const char *agent,
                    struct aep__slice gaps, aep_error *err);

    /* Retention. Executions that have ended before then, the oldest end first. */
    int (*expired)(struct aep__store *store, enum aep__expiry what, int64_t before_us,
                   unsigned limit, aep__id_fn fn, void *user, aep_error *err);
    /* Its events' bodies go, at once or when they are swept. The caller puts it, with emptied_at,
     * beside this. */
    int (*empty)(struct aep__store *store, const char *id, bool at_once, aep_error *err);
    /* Removes it, and leaves a tombstone until then: its id, its key, when it began (a provisional
     * one: not), and its last event. Its events go, at once or when they are swept. */
    int (*entomb)(struct aep__store *store, const struct aep__tracked *execution, int64_t until_us,
                  bool at_once, aep_error *err);
    /* Sweeps events, or their bodies, that are to go: at most `limit` rows. Until then an event is
     * found by its id, and is of an execution that there is not. */
    int (*sweep)(struct aep__store *store, unsigned limit, uint64_t *ret_count, aep_error *err);
    /* A store may keep bodies by the day on which they were stored, and give no room back when an
     * execution is emptied: a day that ended before then goes, but for bodies of those that have not
     * been. Looks at `limit` bodies at most; sets at how many it has. */
    int (*sweep_days)(struct aep__store *store, int64_t before_us, unsigned limit,
                      uint64_t *ret_count, aep_error *err);
    /* The tombstone of an id and a key; of those of a key that began, the one that `nearest` would
     * give; whether there is one of a provisional one with an event then or later. 1, 0, -1. Of *ret
     * are set: id, the key, partial, origins[AEP__ORIGIN_STARTED], last_event_at. */
    int (*tomb)(struct aep__store *store, const char *id, const struct aep__tracked *key,
                struct aep__tracked *ret, aep_error *err);
    int (*nearest_tomb)(struct aep__store *store, const struct aep__tracked *key,
                        const struct aep__order *order, struct aep__tracked *ret, aep_error *err);
    int (*provisional_tomb)(struct aep__store *store, const struct aep__tracked *key, int64_t at_us,
                            aep_error *err);
    /* Removes tombstones, the oldest first: those whose time has come, and those beyond `most`; at
     * most `limit`. */
    int (*drop_tombs)(struct aep__store *store, int64_t now_us, int64_t most, unsigned limit,
                      uint64_t *ret_count, aep_error *err);
    /* How much room it takes, without what can be used again. */
    int (*bytes)(struct aep__store *store, int64_t *ret, aep_error *err);
    /* Gives some of that back, outside a transaction. 1 there is more, 0, -1. */
    int (*give_back)(struct aep__store *store, aep_error *err);

    /* Positions and counts. */
    int (*get_position)(struct aep__store *store, struct aep__bookmark *position, aep_error *err);
    int (*put_position)(struct aep__store *store, const struct aep__bookmark *position,
                        aep_error *err);
    int (*add_count)(struct aep__store *store, const char *name, int64_t more, aep_error *err);
    int (*get_count)(struct aep__store *store, const char *name, int64_t *ret, aep_error *err);

    /* Brings the index of texts, by which lists find them, up to date by at most `limit` rows, in a
     * transaction of its own. Lists are right without it, and slow. 1 there is more, 0, -1. */
    int (*index_texts)(struct aep__store *store, unsigned limit, aep_error *err);

    /* Reading. list: AEP_EINVAL also, its cursor is none. */
    int (*list)(struct aep__store *store, const struct aep__query *query, aep__tracked_fn fn,
                void *user, aep_error *err);
    int (*count)(struct aep__store *store, int64_t clock_us, int64_t ret[AEP__STATE_COUNT],
                 aep_error *err);
    /* How many the query's filter matches, by state, at its clock. Where no condition has few rows, at
     * most look_most of those that are open and of those that have ended are looked at (0: all); then
     * some counts are lower bounds. */
    int (*totals)(struct aep__store *store, const struct aep__query *query, struct aep__totals *ret,
                  aep_error *err);
    /* The values of a facet, ascending, each once. */
    int (*facets)(struct aep__store *store, enum aep__facet facet, aep__id_fn fn, void *user,
                  aep_error *err);
    int (*waits)(struct aep__store *store, struct aep__waits *ret, aep_error *err);
    /* Those whose state at one clock is another than at the other, `until_us`, by silence alone: at most
     * `limit`. */
    int (*turned)(struct aep__store *store, int64_t from_us, int64_t until_us, unsigned limit,
                  aep__id_fn fn, void *user, aep_error *err);
    /* What has changed after change number `after`, ascending, each execution once, by its last change;
     * one that was removed, made again and removed again may come twice. The number of what is given
     * last is the next call's `after`.
     * @limit  0: none
     * 1 given; 0 the store no longer knows (or never has had that number): everything has to be read
     * again; -1 */
    int (*changes)(struct aep__store *store, int64_t after, unsigned limit, aep__changed_fn fn,
                   void *user, aep_error *err);
    /* Those whose id begins so, or whose correlation id is that. */
    int (*lookup)(struct aep__store *store, const char *text, unsigned limit, aep__tracked_fn fn,
                  void *user, aep_error *err);
};

struct aep__store {
    const struct aep__store_ops *ops;
};

/** Opens a store, to write (by the tracker, which makes and migrates it) or to read.
 * @where  the absolute path of an SQLite database, or postgresql://USER@HOST:PORT/DATABASE
 * Errors: as above; reading: AEP_ESPOOL there is none. */
int aep__store_open(struct aep__store **ret, const char *where, bool write, aep_error *err);

/** Whether a store is elsewhere than in a file of this machine. */
bool aep__store_is_remote(const char *where);
/** Appends what a store is called in messages: its path, or its URL without a password and with what it
 * leaves out. Errors: AEP_ECONFIG it is no URL; AEP_EIO its library cannot be loaded; AEP_ENOMEM */
int aep__store_name(const char *where, struct aep__buf *out, aep_error *err);

/** Whether another program than a tracker has a store locked, so that nothing can be written; appends
 * which: "process 4711 (sqlite3)". False also where that cannot be known. */
bool aep__store_locked(const char *where, struct aep__buf *out);
#define AEP__STORE_LOCKED "%s is locked by %s: end it, or wait until it is done"

#endif
