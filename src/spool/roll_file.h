/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the roll (roll.h): one per process, in the folder "open". The first unit says whose it is; a
 * lock on its first byte, that the process which made it has it open. */
#ifndef AEP_SPOOL_ROLL_FILE_H
#define AEP_SPOOL_ROLL_FILE_H

#include "base/os_process.h"
#include "spool/spool.h"

#define AEP__ROLL_FOLDER "open"
#define AEP__ROLL_NAME_SIZE 40
#define AEP__ROLL_UNIT_BYTES 1024

/** Opens the folder; makes it if `make`. -1 with errno: ENOENT there is none; EPERM it is not ours. */
int aep__roll_folder(const struct aep__spool *spool, bool make);

enum aep__roll_kind {
    AEP__ROLL_OWN,       /* by the process itself */
    AEP__ROLL_ENTRUSTED, /* by another one for it: `aep publish started --pid` */
};
/** Makes a file for the executions of a process, and holds it. Returns its descriptor; -1 with errno.
 * @execution  of an ENTRUSTED file, which is named after it; else NULL */
int aep__roll_make(const struct aep__spool *spool, const struct aep__os_process *process,
                   enum aep__roll_kind kind, const uint8_t execution[16],
                   char name[AEP__ROLL_NAME_SIZE]);
void aep__roll_entrusted_name(const uint8_t execution[16], char name[AEP__ROLL_NAME_SIZE]);
bool aep__roll_is_entrusted(const char *name);
/** Opens one for reading and writing. -1 with errno */
int aep__roll_open(const struct aep__spool *spool, const char *name);
int aep__roll_remove(const struct aep__spool *spool, const char *name);
/** 1: read; 0: it has no valid first unit, as one that was just made; -1 with errno. */
int aep__roll_read_process(int fd, struct aep__os_process *ret, enum aep__roll_kind *ret_kind);
/** Whether somebody has a descriptor of it that was opened to own it. */
bool aep__roll_held(int fd);
/** To own it: as long as the descriptor is open, or a copy that a forked child has. False: somebody else
 * does. */
bool aep__roll_hold(int fd);

/** Calls fn for each file until it returns false. 0; -1 with errno (there is no folder: 0). */
typedef bool (*aep__roll_fn)(void *user, const char *name);
int aep__roll_each(const struct aep__spool *spool, aep__roll_fn fn, void *user);

/** Makes durable what was written since *since_us (wall clock; 0: all), and moves that on. 0, or -1
 * with errno of the first that failed. */
int aep__roll_sync(const struct aep__spool *spool, int64_t *since_us);

#endif
