/* SPDX-License-Identifier: Apache-2.0 */
/* What became of hooks: counted, and what went wrong said in a log, since a hook itself says nothing to the
 * agent that runs it.
 *
 *     SPOOL/hooks/seen     a record per agent: how many came, when the last, what failed
 *     SPOOL/hooks.log      lines, 256 KiB at most, and hooks.log.1
 *
 * Where the spool cannot be used, both are in the state folder ($XDG_STATE_HOME/aep). Counting needs no
 * lock: the file is mapped, its numbers are added to. Its texts may be of two hooks at once: they are for
 * people. */
#ifndef AEP_HOOK_LOG_H
#define AEP_HOOK_LOG_H

#include "hook/agent.h"
#include "spool/spool.h"

#include <stdint.h>

#define AEP__HOOK_FOLDER AEP__SPOOL_HOOKS
#define AEP__HOOK_LOG AEP__SPOOL_HOOKS_LOG
#define AEP__HOOK_SEEN "seen"

struct aep__hook_seen {
    uint64_t count;   /* hooks that came */
    uint64_t errors;  /* of them: that could not be published as they should have been */
    int64_t seen_us;  /* the newest, wall clock; 0: none yet */
    int64_t error_us; /* the newest error; 0: none */
    char event[48];   /* the newest hook's name */
    char error[160];  /* the newest error's text */
};

/** Where a hook writes when it has no spool: the state folder; -1 with errno. */
int aep__hook_log_fallback(void);
/** Counts a hook that came. @id  AEP__HOOK_AGENTS: of an agent that is not known
 * @dir_fd  the spool's folder */
void aep__hook_log_count(int dir_fd, enum aep__hook_agent_id id, const char *event);
/** Counts what went wrong, and writes a line. Never fails. */
void aep__hook_log_error(int dir_fd, enum aep__hook_agent_id id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Reads what is known of an agent; zeros where nothing is. */
void aep__hook_log_read(int dir_fd, enum aep__hook_agent_id id, struct aep__hook_seen *ret);

#endif
