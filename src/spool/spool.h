/* SPDX-License-Identifier: Apache-2.0 */
/* A spool: a private folder on a local disk to which any number of processes append events and
 * which one relay reads. This header covers the folder as a whole: its files, checks, identity.
 *
 *     spool.id            identity: uuid, segment limit L, largest record, mode, destination
 *     0000000000000001.seg …  segments, a number each, read in order (segment.h)
 *     cursor              how far the relay is: segment, offset, ordinal (cursor.h)
 *     bell                FIFO: one byte after each append, read by the relay (bell.h)
 *     relay.lock          held by the relay for life (bell.h)
 *     counters            what was refused, repaired, redacted (counters.h)
 *     status              what the relay reports of itself and the broker (status.h)
 *     control             the relay's socket (control.h)
 *     ballast             disk blocks freed first when the disk is full
 *     relay.log, parked-*, dead   the relay's own
 *     hooks, hooks.log    what is known of coding agents' sessions (hook/folder.h, hook/log.h)
 *
 * Every open is O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK through the folder's descriptor, then fstat: a
 * regular file (or FIFO) of ours. */
#ifndef AEP_SPOOL_SPOOL_H
#define AEP_SPOOL_SPOOL_H

#include "aep/aep.h"
#include "base/buf.h"
#include "base/os.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define AEP__SPOOL_FORMAT 1
#define AEP__SPOOL_ID "spool.id"           /* the identity; a folder without one is no spool */
#define AEP__SPOOL_ID_REMOVED "removed.id" /* the same, while the spool is being removed */
#define AEP__SPOOL_TEMP "tmp."             /* temporary files begin so */
#define AEP__SPOOL_HOOKS "hooks" /* the folder of src/hook: states, in folders of their own; */
#define AEP__SPOOL_HOOKS_LOG "hooks.log" /* and its log */
#define AEP__SPOOL_TOLD "told"           /* what a person has been told of it: the command line's */

struct aep__spool {
    int dir_fd;
    struct aep__os_file folder; /* what dir_fd is */
    char *path;                 /* absolute */
    enum aep__fs fs;
    uint8_t uuid[16];
    char uuid_text[AEP_ID_SIZE];
    uint64_t segment_bytes; /* L */
    uint64_t record_bytes;  /* the largest record */
    bool local;             /* mode=local: no Kafka */
    uint8_t boot[16];       /* this boot's id, zero if unknown */
};

/** What a new spool is created with, and an existing one is checked against. */
struct aep__spool_settings {
    uint64_t segment_bytes;
    uint64_t record_bytes;
    uint64_t max_bytes; /* that it may take: a new one holds four segments; 0: no limit */
    bool local;
    bool any_fs;             /* accept NFS and the like */
    bool in_home;            /* the path comes from HOME or XDG_STATE_HOME, nobody named it */
    const char *destination; /* text for spool.id */
};

/** The record_bytes of a spool that takes messages of this size: at least as much as any publisher
 * with default limits needs, whoever makes it. */
uint64_t aep__spool_record_bytes(uint64_t message_bytes);

/** Opens a spool; creates a missing one if settings are given (NULL: it must exist, and its mode is
 * not checked).
 * @path  absolute
 * Errors: AEP_ESPOOL: symlink, not a folder, another owner, open to others, effective uid other
 * than the owner's, newer format, other mode, file system not fit, cannot be made; if settings are
 * given also those of aep__spool_check(), and AEP_ECONFIG where the sizes make no spool; AEP_ENOMEM */
int aep__spool_open(struct aep__spool *spool, const char *path,
                    const struct aep__spool_settings *settings, aep_error *err);
void aep__spool_done(struct aep__spool *spool);
/** Appends the spool's destination (spool_settings.destination, newlines as blanks). */
void aep__spool_destination(const struct aep__spool *spool, struct aep__buf *out);
/** Whether it was created for this destination. */
bool aep__spool_made_for(const struct aep__spool *spool, const char *destination);

/** Whether the folder that was opened has been deleted. */
bool aep__spool_deleted(const struct aep__spool *spool);
/** Whether its identity has its name: that of a spool which is being removed is hidden. */
bool aep__spool_exists(const struct aep__spool *spool);
/** Whether this process may write there now. Errors: AEP_ESPOOL: the folder has been deleted, is not
 * the effective user's, or RLIMIT_FSIZE is so small that a write could kill the host program. */
int aep__spool_check(const struct aep__spool *spool, aep_error *err);

/** Opens a file of the folder with O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK added and checks that it is a
 * regular file (type S_IFREG) or FIFO (S_IFIFO) of ours; -1 with errno (EPERM: it is not). */
int aep__spool_openat(const struct aep__spool *spool, const char *name, int flags, mode_t type);
/** Makes a file appear whole and only once: a temporary file with these bytes, at least min_size
 * long, then link(2). 0, also if somebody else was first; -1 with errno. */
int aep__spool_create(const struct aep__spool *spool, const char *name, const void *data,
                      size_t len, off_t min_size);
/** As aep__spool_create(), but does not sync the bytes: for a file that is synced later, with what
 * was appended to it, and may be empty if the power goes before. 1 if somebody else was first. */
int aep__spool_create_unsynced(const struct aep__spool *spool, const char *name, const void *data,
                               size_t len, off_t min_size);
/** Makes the names in the folder durable. */
int aep__spool_sync(const struct aep__spool *spool);

/** The prefix for a path that reaches a file through the folder's descriptor, however long the
 * folder's own path is: "/proc/self/fd/N/NAME". */
void aep__spool_fd_path(const struct aep__spool *spool, const char *name, char *path, size_t size);
/** The number that stands for it in receipts. */
uint64_t aep__spool_number(const struct aep__spool *spool);

#endif
