/* SPDX-License-Identifier: Apache-2.0 */
/* What a publisher has in one process: the open spool, the mutex that its threads share, buffers.
 *
 *     thread ─ take scratch ─ build message ─ encode ─┬─ lock ─ append ─ ring ─ tend ─ unlock
 *     thread ─ take scratch ─ build message ─ encode ─┘
 *
 * Building, which may redact megabytes, is outside of the mutex; the one write(2) is inside. Every
 * lock begins with a look at the descriptors: a deleted folder is made anew, and descriptors that the
 * host program has closed behind our back (and that may be other files by now) are left alone and
 * replaced. A publish call looks, cheaply, only at those that it writes to, the segment and the bell;
 * at all of them every 100 ms.
 *
 * Lock order: a run's (execution handle), then the mutex. Callbacks and spawns run outside both: a
 * publish call, which a run's lock may enclose, leaves them to aep__publish_end(). */
#ifndef AEP_CLIENT_PROCESS_H
#define AEP_CLIENT_PROCESS_H

#include "aep/aep.h"
#include "event/envelope.h"
#include "spool/append.h"
#include "spool/counters.h"
#include "spool/roll_own.h"
#include "spool/spool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One event under way; reused, since a warm one allocates nothing. */
struct aep__scratch {
    struct aep__envelope envelope;
    struct aep__buf record;
};

/* Messages for the log callback, each given at most once in log.every_s. */
enum aep__notice {
    AEP__NOTICE_REOPENED,
    AEP__NOTICE_RELAY,
    AEP__NOTICE_SYNC,
    AEP__NOTICE_GAP,
    AEP__NOTICE_STRAY,
    AEP__NOTICE_COUNT,
};

#define AEP__SCRATCH_POOL 8 /* kept for reuse; more are created when more threads build at once */
#define AEP__RUN_LOCKS 16
#define AEP__RELAYS 4 /* that one process has started and that may live */

struct aep__process {
    const struct aep_publisher *pub;
    pid_t pid;
    pthread_mutex_t mutex;
    pthread_mutex_t run_locks[AEP__RUN_LOCKS]; /* of execution handles, by their address */

    /* read-only once made */
    struct aep__envelope_settings settings;

    _Atomic(struct aep__scratch *) pool[AEP__SCRATCH_POOL];

    /* under the mutex */
    struct aep__spool spool;  /* dir_fd -1: it could not be opened anew */
    struct aep__os_file root; /* what "/" was then */
    struct aep__appender appender;
    struct aep__counters counters;
    struct aep__roll_own roll; /* the executions that are open here */
    struct aep__buf roll_body; /* of one that starts */
    bool entrusted;            /* an execution was entered in the roll for another process */
    bool relay_seen;           /* alive, when last looked for */
    int bell_fd, lock_fd;
    struct aep__os_file bell, lock, control; /* what these descriptors were when they were made */
    int control_fd;               /* a connection to the relay that no wait uses now; -1: none */
    uint64_t next_request;        /* on control connections */
    bool called;                  /* to publish, by this process; perhaps unsuccessful */
    bool published;               /* successfully, by this process */
    bool dirty;                   /* since the last sync */
    int64_t now_us;               /* when a publish call took the lock */
    int64_t probed_us, synced_us; /* monotonic */
    int64_t asked_us;             /* when the relay's status was last looked at */
    int64_t contended_with; /* the start of the relay against which a contender was started, */
    int64_t contended_us;   /* then */
    struct aep__os_child relays[AEP__RELAYS];
    char relay_problem[384]; /* why no relay could be started; "" if none is known */
    int64_t said_us[AEP__NOTICE_COUNT];
    atomic_int notice_level; /* of the message that unlock reports; 0: none. May be peeked at */
    char notice[512];
    atomic_bool telling; /* the log callback runs: what arises meanwhile waits for a later call */

    atomic_bool start_due; /* it is our turn to start a relay, once no lock is held */
};

/** Opens the spool of pub. Errors: as aep_publisher_open() */
int aep__process_new(const struct aep_publisher *pub, struct aep__process **ret, aep_error *err);
/** Closes and frees it, unless another process made it. */
void aep__process_free(struct aep__process *process);

/** Locks, and makes sure that the spool is open. On an error it is not locked. */
int aep__process_lock(struct aep__process *process, aep_error *err);
/** The same, but for up to 100 ms a deleted folder may go unnoticed; on an error, the message for the
 * log callback stays pending. */
int aep__process_lock_quick(struct aep__process *process, aep_error *err);
/** Unlocks, then passes the pending message to the log callback. */
void aep__process_unlock(struct aep__process *process);
/** Only unlocks: for a call that a run's lock may enclose. */
void aep__process_unlock_quietly(struct aep__process *process);
/** Passes a pending message to the log callback; costs next to nothing if there is none. */
void aep__process_tell(struct aep__process *process);
/** Leaves a message for unlock, unless it was given a short while ago. */
void aep__process_notice(struct aep__process *process, enum aep__notice notice,
                         enum aep_log_level level, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** NULL: out of memory. */
struct aep__scratch *aep__scratch_take(struct aep__process *process);
void aep__scratch_put(struct aep__process *process, struct aep__scratch *scratch);

/** Under the lock: appends the record of this scratch, and rings.
 * Errors: as aep__append(); AEP_EIO with spool.sync=always also when it cannot be synced */
int aep__process_append(struct aep__process *process, const struct aep__scratch *scratch,
                        bool reserved, aep_position *ret, aep_error *err);
/** Under the lock: an execution has been entered in the roll, which a relay must watch over. */
void aep__process_opened(struct aep__process *process);
/** Under the lock, at the end of every publish call: syncs if due, and looks for a relay. A refused
 * call does so too: perhaps no relay is there to make room.
 * Returns whether to start a relay after unlocking. */
bool aep__process_tend(struct aep__process *process);
/** Under the lock: whether it is our turn to start a relay now; none is alive. */
bool aep__process_may_start(struct aep__process *process);
/** Under the lock: whether to start a relay although one is alive, because Kafka refuses its
 * settings and ours may be better. Looks at most every 2 s, and returns true at most once a minute
 * for each such relay: the contender before may not have reached Kafka. */
bool aep__process_wants_contender(struct aep__process *process);
/** Under the lock: whether a relay is alive. */
bool aep__process_relay_alive(const struct aep__process *process);
/** Under the lock: syncs what was written, if spool.sync wants that of us and no relay does it. */
void aep__process_sync_rest(struct aep__process *process);

#endif
