/* SPDX-License-Identifier: Apache-2.0 */
/* A process's own file of the roll: made when its first execution starts, removed when it closes with
 * none open. Which units are taken is known here alone, so that a start needs one pwrite(2) and no
 * lock; a unit is used again only when its execution is over.
 *
 * The host program may close the descriptor, and give its number to a file of its own: before a write
 * it is looked at, and the file opened again by its name. The cheapest sign is where it stands, since
 * nothing here moves it from the random place that it was given. Threads: callers serialise. After fork the
 * child begins with a zeroed one. */
#ifndef AEP_SPOOL_ROLL_OWN_H
#define AEP_SPOOL_ROLL_OWN_H

#include "spool/roll.h"

struct aep__roll_own {
    const struct aep__spool *spool; /* borrowed */
    int fd;                         /* -1: not open */
    struct aep__os_file file;       /* what fd was when it was opened */
    int64_t at;                     /* where it stands: at no place that another file would */
    char name[AEP__ROLL_NAME_SIZE]; /* "": there is none */
    uint32_t number;                /* of the file: another one after each loss of the folder */
    uint64_t *taken;                /* a bit per unit */
    uint32_t words;                 /* of taken */
    uint32_t units;                 /* that the file has */
    uint32_t next;                  /* where the search for a free one begins */
    uint32_t open;                  /* executions */
    bool dirty, made; /* since the last sync: written to; made, and with it the folder perhaps */
};

/** Where an execution stands in it. */
struct aep__roll_place {
    uint32_t number; /* of the file; 0: nowhere */
    uint32_t unit, body_bytes;
};

void aep__roll_own_init(struct aep__roll_own *own, const struct aep__spool *spool);
/** Closes it; removes the file if nothing is open. */
void aep__roll_own_done(struct aep__roll_own *own);
/** Only closes it: it is opened again when needed. */
void aep__roll_own_close(struct aep__roll_own *own);
/** The folder has been lost, and the file with it: what stood in it stands nowhere any more. */
void aep__roll_own_lost(struct aep__roll_own *own);
/** Whether the file still is the one that has its name; if not, it counts as lost. Looks at the disk. */
void aep__roll_own_check(struct aep__roll_own *own);

/** Enters an execution as STARTING or JOINED. 0, or -1 with errno. */
int aep__roll_own_enter(struct aep__roll_own *own, const struct aep__roll_area *area,
                        const struct aep__buf *body, struct aep__roll_place *ret);
/** Whether the file is open, and ours: opens it again if need be. */
bool aep__roll_own_ready(struct aep__roll_own *own);
/** Whether its file is still the one that it was entered in. */
bool aep__roll_own_has(const struct aep__roll_own *own, const struct aep__roll_place *place);
/** Reads it, and makes sure by that that the file is ours. 1; 0: it is not there; -1 with errno. */
int aep__roll_own_read(struct aep__roll_own *own, const struct aep__roll_place *place,
                       const uint8_t execution[16], struct aep__roll_entry *ret);
/** Writes the owner's area, right after enter or read. 0, or -1 with errno. */
int aep__roll_own_mark(struct aep__roll_own *own, const struct aep__roll_place *place,
                       const struct aep__roll_area *area);
/** Makes durable what was written. Best effort: the events themselves are in the spool. */
void aep__roll_own_sync(struct aep__roll_own *own);
/** Marks its unit FREE, for others to take, and forgets the place; after enter or read. */
void aep__roll_own_leave(struct aep__roll_own *own, struct aep__roll_place *place);

#endif
