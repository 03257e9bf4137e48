/* SPDX-License-Identifier: Apache-2.0 */
/* Ingest: takes events from the sources into a store: each to its execution, each execution into its
 * tree. What an event belongs to depends on all events, not on their order:
 *
 *     started                          begins an execution; its event_id is that one's id
 *     names an execution as its cause  belongs to it, if tenant, correlation id and agent agree
 *     else                             to that of its tenant, correlation id and agent whose started
 *                                      event is the latest not after it, or else the first
 *     else                             to a provisional one, until a started event arrives */
#ifndef AEP_TRACK_INGEST_H
#define AEP_TRACK_INGEST_H

#include "track/store.h"
#include "track/tree.h"

/** What has been counted since the last flush; each has its name in the store. */
enum aep__tally {
    AEP__TALLY_EVENTS,
    AEP__TALLY_DUPLICATES,
    AEP__TALLY_CONFLICTING, /* the event_id of another event; the first one counts */
    AEP__TALLY_LATE,        /* of an execution that retention has removed: dropped */
    AEP__TALLY_REJECTED,    /* the first of enum aep__rejection's */
    AEP__TALLY_COUNT = AEP__TALLY_REJECTED + AEP__REJECTED_COUNT,
};
/** "events", "duplicates", "conflicting", "late", "rejected: not JSON", … */
const char *aep__tally_name(unsigned tally);

struct aep__meter;

struct aep__ingest {
    struct aep__store *store; /* borrowed */
    struct aep__meter *meter; /* borrowed; NULL: nobody asks for numbers */
    struct aep__observer observer;
    struct aep__observer again; /* for events that are folded again */
    struct aep__patience *patience;
    struct aep__later *later;
    int64_t abandon_after_us;
    int64_t tallies[AEP__TALLY_COUNT];
};

/** Errors: AEP_ENOMEM */
int aep__ingest_init(struct aep__ingest *ingest, struct aep__store *store, int64_t abandon_after_us,
                     aep_error *err);
void aep__ingest_done(struct aep__ingest *ingest);

/** What a source knows of an event beside its JSON. */
struct aep__arrival {
    struct aep__slice body;
    struct aep__sequence sequence;
    enum aep__fate fate;
    const struct aep__spooled *unsettled; /* its fate may change there; NULL: it is final */
    int64_t now_us;                       /* the wall clock */
};
/** Takes one event, within a transaction of the store. What is no event of an execution is counted by
 * its reason and skipped. Errors: the store's; roll back then. */
int aep__ingest_take(struct aep__ingest *ingest, const struct aep__arrival *arrival,
                     aep_error *err);

/** Counts what a source has found to be no event. Returns AEP_OK. */
int aep__ingest_reject(struct aep__ingest *ingest, enum aep__rejection why);

/** The tree that its executions are in: what is changed there is in the transaction, too. */
struct aep__tree aep__ingest_tree(const struct aep__ingest *ingest);

/** Writes what it has kept back: call it before each commit. Errors: the store's. */
int aep__ingest_flush(struct aep__ingest *ingest, aep_error *err);
/** After a rollback: forgets what it has kept back. */
void aep__ingest_forget(struct aep__ingest *ingest);

#endif
