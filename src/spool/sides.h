/* SPDX-License-Identifier: Apache-2.0 */
/* The sides: which records of a spool its side logs hold, by their positions in the spool.
 *
 *     dead, parked-… ─ what is new of each ─▶ list: position, fate, where in which log
 *
 * Looking again costs what has changed: each log is read on from where it was read to, its first entries
 * are forgotten as it is drained, and one that was rewritten is read anew. */
#ifndef AEP_SPOOL_SIDES_H
#define AEP_SPOOL_SIDES_H

#include "spool/fate.h"
#include "spool/sidelog.h"

#include <time.h>

struct aep__side {
    uint64_t segment, offset; /* where the record began in the spool, */
    uint64_t end;             /* and ended */
    uint64_t ordinal;         /* its number there */
    uint64_t at;              /* where its entry is in its log */
    unsigned log;             /* its index */
    enum aep__fate fate;      /* PARKED or DEAD */
};

struct aep__side_log {
    char name[AEP__SIDELOG_NAME_SIZE];
    enum aep__fate fate;
    ino_t inode; /* as it was when it was read; 0: it was not there */
    off_t size;
    struct timespec changed;
    uint64_t begin, read;           /* what was read of it */
    uint64_t last_at, last_ordinal; /* the last entry of that */
    bool there;                     /* in this look */
};

struct aep__sides {
    const struct aep__spool *spool; /* borrowed */
    struct aep__side *list;         /* by position */
    size_t count, max;
    struct aep__side_log *logs;
    size_t log_count;
    uint64_t version; /* grows with each change of the list */
    bool incomplete;  /* some log could not be read: what it holds may be missing */
};

void aep__sides_init(struct aep__sides *sides, const struct aep__spool *spool);
void aep__sides_done(struct aep__sides *sides);
/** Looks at the side logs. What is not ours, or cannot be read, is left out.
 * @thorough  also at those that seem to be as they were, by their sizes and times
 * 0, or -1 with errno: ENOMEM */
int aep__sides_look(struct aep__sides *sides, bool thorough);
/** The index of the first one that does not begin before a position; their count: there is none. */
size_t aep__sides_from(const struct aep__sides *sides, aep_position position);

#endif
