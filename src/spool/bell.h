/* SPDX-License-Identifier: Apache-2.0 */
/* How publishers and the relay know of each other: the bell (a FIFO that publishers write a byte to
 * and only the relay reads) and the lock that the relay holds for life. Neither ever blocks. */
#ifndef AEP_SPOOL_BELL_H
#define AEP_SPOOL_BELL_H

#include "spool/spool.h"

/** Opens the FIFO read-write (so that a dead relay raises no SIGPIPE); makes it if needed. */
int aep__bell_open(const struct aep__spool *spool);
/** After it could not be opened, errno as it was: what to do about it. Returns AEP_ESPOOL. */
int aep__bell_error(const struct aep__spool *spool, aep_error *err);
void aep__bell_ring(int fd);
/** The relay's: empties it. Look at the tail only after that. */
void aep__bell_drain(int fd);

/** Opens the lock file, to probe or to take it. */
int aep__lock_open(const struct aep__spool *spool);
/** Whether a relay holds it; takes nothing. */
bool aep__lock_held(int fd);
/** The relay's: takes it; false if another relay has it. */
bool aep__lock_take(int fd);
void aep__lock_release(int fd);

/* Starting a relay is rationed over all processes while it fails: the lock file's modification time
 * is that of the last try, and a relay that has the lock sets it back to 0. Its first byte counts the
 * relays in a row that came and were gone before they had done anything, as one does that crashes
 * over what it reads: a few of them cost the next one no wait. */

/** Whether it is this caller's turn to start a relay: none runs, and no try of the last interval_ms
 * has failed or is under way. */
bool aep__lock_may_start(int fd, unsigned interval_ms);
/** The same beside a relay that runs, for a contender. */
bool aep__lock_may_contend(int fd, unsigned interval_ms);
/** Whether somebody took such a turn in the last interval_ms: a relay may be starting. */
bool aep__lock_tried(int fd, unsigned interval_ms);
/** Whether a relay was started, and none has come up since. */
bool aep__lock_in_vain(int fd);
/** What to say then. */
#define AEP__LOCK_IN_VAIN "the one that was started has not come up: `aep relay run` shows why"
/** The relay's, once it has the lock: should it be killed, the next one may come at once. */
void aep__lock_started(int fd);
/** The relay's, when it cannot run after all: its start counts as a try. */
void aep__lock_failed(int fd);
/** The relay's, when it has done something, or ends as it should. */
void aep__lock_proved(int fd);

#endif
