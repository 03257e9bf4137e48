/* SPDX-License-Identifier: Apache-2.0 */
/* A side log: event records that the relay has set aside, in order, each preceded by a note of
 * where it came from and why. There is one for each parked topic ("parked-…") and one for the dead
 * letters ("dead").
 *
 *     0      4096   8192
 *     | slot | slot | note | event record | note | event record | …
 *                     ^ begin: what is before has been sent       ^ end
 *
 *     slot: magic | generation | begin | end | entries in [begin, end) | last ordinal + 1 | crc32c
 *     note: a record of type 4, its meta: u8 salt | u8 flags | u64 ordinal | u64 segment |
 *           u64 offset | u64 end | i64 time_us | the error's name
 *
 * The slots are written in turn, like the cursor's; `end` is a lower bound: later entries are found
 * by reading on. Only the holder of the relay's lock writes; anyone may read. */
#ifndef AEP_SPOOL_SIDELOG_H
#define AEP_SPOOL_SIDELOG_H

#include "base/buf.h"
#include "spool/record.h"
#include "spool/spool.h"

#define AEP__SIDELOG_DEAD "dead"
#define AEP__SIDELOG_PARKED_PREFIX "parked-"
#define AEP__SIDELOG_NAME_SIZE 256
#define AEP__SIDELOG_FIRST 8192 /* where the first entry is */

enum { AEP__NOTE_REPLAY = 1 }; /* flags: a dead letter that is to be sent again */

/* Where a record set aside came from. */
struct aep__note {
    uint8_t flags;
    uint64_t ordinal;              /* its number in the spool */
    uint64_t segment, offset, end; /* where it stood there */
    int64_t time_us;               /* when it was set aside */
    struct aep__slice error;       /* librdkafka's name of the error: MSG_SIZE_TOO_LARGE */
};

struct aep__sidelog {
    const struct aep__spool *spool; /* borrowed */
    char name[AEP__SIDELOG_NAME_SIZE];
    int fd;                /* -1: no such file (yet), or it rests */
    bool write, rests;     /* how it was opened; its file is opened again when it is needed */
    uint64_t begin, end;   /* entries stand in [begin, end) */
    uint64_t count;        /* of them */
    uint64_t next_ordinal; /* every smaller ordinal that belongs here has been here */
    uint64_t generation;
    bool dirty;   /* something was written since the last sync */
    bool created; /* the file is new since then: the folder is to be synced too */
    struct aep__buf scratch;
};

/** One entry; its slices are borrowed from the buffer that it was read into. */
struct aep__sidelog_entry {
    uint64_t at, next; /* where it is, and where the next one is */
    struct aep__note note;
    struct aep__slice raw;     /* the event record, whole */
    struct aep__record record; /* the same, parsed */
};

/** Opens one. write: by the holder of the relay's lock; a missing one is made by the first append,
 * a torn tail is cut off. 0, or -1 with errno (ENOENT only for reading). */
int aep__sidelog_open(struct aep__sidelog *log, const struct aep__spool *spool, const char *name,
                      bool write);
void aep__sidelog_done(struct aep__sidelog *log);
/** Gives its descriptor back until the next call on the log, which opens the file again: for a
 * caller with more logs than descriptors. */
void aep__sidelog_rest(struct aep__sidelog *log);

/** Appends a record as it is in the spool. 0, or -1 with errno: nothing was appended. */
int aep__sidelog_append(struct aep__sidelog *log, const struct aep__note *note,
                        struct aep__slice raw);
/** Moves the start: entries before it are finished. */
void aep__sidelog_advance(struct aep__sidelog *log, uint64_t begin, uint64_t entries);
/** Notes begin and end in the file; durable: syncs it too. 0, or -1 with errno. */
int aep__sidelog_sync(struct aep__sidelog *log, bool durable);
/** Reads the first whole entry at or after `at` into buf. 1 read, 0 the end, -1 errno. */
int aep__sidelog_read(struct aep__sidelog *log, uint64_t at, struct aep__buf *buf,
                      struct aep__sidelog_entry *ret);

enum aep__keep { AEP__KEEP, AEP__DROP };
/** Decides about one entry; may change its note's flags. */
typedef enum aep__keep (*aep__keep_fn)(void *user, struct aep__sidelog_entry *entry);
/** Rewrites the log with the entries that `keep` accepts, and replaces the old one atomically. 0,
 * or -1 with errno: it is unchanged. */
int aep__sidelog_rewrite(struct aep__sidelog *log, aep__keep_fn keep, void *user);
/** Removes the file. */
void aep__sidelog_remove(struct aep__sidelog *log);

/** The bytes of a spool's side logs, sent or not, as the folder shows them. */
struct aep__sidelog_sizes {
    uint64_t parked, dead;
};
/** Sums them up by a listing of the folder. 0, or -1 with errno: *ret is then as it was. */
int aep__sidelog_sizes(const struct aep__spool *spool, struct aep__sidelog_sizes *ret);

/** The name of the side log that a topic's records are parked in. */
void aep__sidelog_parked_name(struct aep__slice topic, char name[AEP__SIDELOG_NAME_SIZE]);

#endif
