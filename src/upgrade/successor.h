/* SPDX-License-Identifier: Apache-2.0 */
/* Successor: the program that has taken this one's place on disk, and that this process becomes.
 *
 *     our file ──▶ another one ──(still the same 2 s later)──▶ trial ──┬─ runs ──▶ ready ──▶ become
 *                    ▲      ▲                                          │
 *                    │      └──── after a pause, ever longer ◀─ fails ─┘
 *                    └─ it changes once more
 *
 * An upgrade renames a file over ours, or removes ours and makes a new one; for a moment there may be none,
 * half a one, or one whose libraries are still to come. A file that is gone for good has no successor. Nor
 * is it one if others can decide what it is than could decide that of ours: where our folder was removed
 * they may make one.
 *
 * This process looks when it wakes anyway; only once there is another file does it wake for it. */
#ifndef AEP_UPGRADE_SUCCESSOR_H
#define AEP_UPGRADE_SUCCESSOR_H

#include "base/log.h"
#include "config/config.h"
#include "upgrade/inherited.h"
#include "upgrade/owners.h"
#include "upgrade/trial.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/** A file as far as it matters here; all zero: there is none. */
struct aep__image {
    uint64_t dev, ino;
    int64_t size, changed_s, changed_ns;
};

#define AEP__SUCCESSOR_WHY 480

enum aep__successor_state {
    AEP__SUCCESSOR_NONE,
    AEP__SUCCESSOR_SEEN,  /* another file is there */
    AEP__SUCCESSOR_TRIED, /* its trial is under way */
    AEP__SUCCESSOR_READY,
};

/** What the system says of a program that runs. */
struct aep__program {
    const char *name;        /* its own, with which its --version begins */
    const char *executed;    /* the path by which it was executed; may be NULL */
    const char *linked;      /* what /proc/self/exe says that it leads to; may be NULL */
    struct aep__image image; /* of what it does lead to */
    uid_t owner;             /* of that */
    bool renewed;            /* its process was another program before */
};

struct aep__successor {
    char path[PATH_MAX]; /* where this program's file was, and the successor's is; "": not known */
    const char *name;    /* borrowed */
    struct aep__log *log;
    int (*check)(void *user, aep_error *err); /* what else it takes to go on as it; NULL: nothing */
    void *check_user;
    struct aep__image ours, seen;
    struct aep__owners owners; /* for these it is to decide what stands in the place of ours */
    enum aep__successor_state state;
    struct aep__trial trial;
    int64_t due_us;                /* monotonic: the next look */
    int64_t pause_us;              /* after the next failure */
    char told[AEP__SUCCESSOR_WHY]; /* the last reason that the log was told */
};

/** Notes which file this program is.
 * @name  its own, as its --version says it; borrowed
 * @renewed  this process became it: if it is not the file at its path even so, there is no use in looking
 * @log  borrowed; learns why a successor cannot run */
void aep__successor_init(struct aep__successor *successor, const char *name, bool renewed,
                         struct aep__log *log);
/** The same for any program. */
void aep__successor_init_from(struct aep__successor *successor, const struct aep__program *program,
                              struct aep__log *log);
/** What a path leads to. */
struct aep__image aep__image_of(const char *path);
/** Looks, if it is time to. True: there is one that runs, and trial.line is its version. Never waits. */
bool aep__successor_look(struct aep__successor *successor, int64_t now_us);
/** When to look next, though nothing else is to be done; INT64_MAX: that can wait. */
int64_t aep__successor_due_us(const struct aep__successor *successor);
/** This process cannot become it now: it is not ready before a pause, which grows. The log is told each
 * reason once.
 * @why  "..., but WHY; this one goes on" */
void aep__successor_put_off(struct aep__successor *successor, const char *why, int64_t now_us);
void aep__successor_done(struct aep__successor *successor);

/** Becomes it: the same process with the same arguments and environment. If it cannot be executed after all,
 * becomes the present program once more. Call it when everything is closed but what is left to it and the log's folder.
 * @config  passed to its descriptor 0 (config/pass.h); NULL: it finds its own
 * Returns only if neither can be executed; the log says why, and its folder is another descriptor. */
void aep__successor_become(struct aep__successor *successor, const aep_config *config,
                           const struct aep__inherited *list, size_t count);

#endif
