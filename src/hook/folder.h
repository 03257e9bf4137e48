/* SPDX-License-Identifier: Apache-2.0 */
/* Where the states of sessions are: a file each, in 256 folders, so that a thousand sessions cost what one
 * costs.
 *
 *     SPOOL/hooks/3f/3f2a…   | slot A | slot B |   each: magic, CRC, number, state
 *     SPOOL/hooks/b1/p…      a session that /clear ended, by its agent's process
 *
 * The file's lock is held from reading to writing. A write goes to the slot that is older: whoever is killed
 * in it leaves the other one. A session's first hook tidies its folder: what ended more than a week ago goes,
 * and the eldest where there are too many. What is open stays while its process lives. */
#ifndef AEP_HOOK_FOLDER_H
#define AEP_HOOK_FOLDER_H

#include "hook/state.h"

#include <stdbool.h>

#define AEP__HOOK_LOCK_MS 20

struct aep__hook_file {
    int fd;          /* -1: not open */
    int dir_fd;      /* of its folder; -1 */
    uint64_t number; /* of the newest slot; 0: there is none */
    bool made;       /* by us, just now */
    char name[40];
};

/** Opens the file of a session and takes its lock, within 20 ms. 0; -1 with errno: ETIMEDOUT somebody else
 * has the lock. Close it also after an error. */
int aep__hook_file_open(struct aep__hook_file *file, int spool_fd, enum aep__hook_agent_id agent,
                        const char *id, size_t len);
void aep__hook_file_close(struct aep__hook_file *file);
/** Reads the newest sound slot. False: there is none. */
bool aep__hook_file_read(struct aep__hook_file *file, struct aep__hook_state *ret);
/** 0; -1 with errno. */
int aep__hook_file_write(struct aep__hook_file *file, const struct aep__hook_state *state);
/** Removes the file itself, which nothing was written to. */
void aep__hook_file_remove(const struct aep__hook_file *file);
/** Removes from its folder what nobody needs any more. */
void aep__hook_file_tidy(const struct aep__hook_file *file, const struct aep__os_process *self);

/** A session of this process has ended with /clear: the next one of it is caused by this execution. */
void aep__hook_cleared_write(int spool_fd, enum aep__hook_agent_id agent,
                             const struct aep__os_process *process, const uint8_t execution[16]);
/** Takes it; false: there is none. */
bool aep__hook_cleared_take(int spool_fd, enum aep__hook_agent_id agent,
                            const struct aep__os_process *process, uint8_t execution[16]);

#endif
