/* SPDX-License-Identifier: Apache-2.0 */
/* Between a reader of a store and the tracker that writes it: a socket beside the store.
 *
 *     STORE          the database, if it is a file
 *     STORE.lock     held by its tracker for life
 *     STORE.socket   SOCK_SEQPACKET, a line of text a packet:
 *
 *         sync [SPOOL]   the sources are read up to where they end now, and stored; then
 *                        "synced AS-OF" (microseconds since 1970: up to then everything is stored).
 *                        Or "behind AS-OF WHY": one of them cannot be read up to now; or "failed
 *                        WHY": they cannot be stored for now. SPOOL, a folder, and those
 *                        beside it are sources from then on
 *         settings LINE  what the reader's options would have read (track/reading.h): "settings" and
 *                        what differs from what is read, if anything does
 *         status         "status PID EVENTS AS-OF PROBLEM" (of the store; "-": none), then for each
 *                        source "spool READ-AT MISSED PROBLEM\tPATH" or "kafka AS-OF MISSED SINCE
 *                        PROBLEM\tSERVERS" and "partition ID OFFSET END\tTOPIC", then "end"
 *         pin ID         "done", once that is stored; "unknown": there is no execution of that id;
 *         unpin ID       "failed WHY"
 *         stop           "stopping"; it ends
 *
 * A reader that is connected keeps an automatic tracker alive. */
#ifndef AEP_TRACK_LINK_H
#define AEP_TRACK_LINK_H

#include "base/buf.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

#define AEP__LINK_LINE 8192         /* as long as a line may be */
#define AEP__COUNT_AS_OF "as_of_us" /* in the store: up to when it has everything */

/** The store in force on this machine, absolute: track.store, else $XDG_STATE_HOME/aep/tracker.db; of one
 * in PostgreSQL, a path in $XDG_STATE_HOME/aep that is derived from its name, for the files beside it.
 * Errors: AEP_ECONFIG there is no home folder to derive it from; AEP_ENOMEM; aep__store_name()'s */
int aep__link_store(const aep_config *config, struct aep__buf *out, aep_error *err);
/** What to open it by: that path, or its URL. */
const char *aep__link_where(const aep_config *config, const char *store);
/** Appends what it is called in messages. Errors: aep__store_name()'s */
int aep__link_name(const aep_config *config, const char *store, struct aep__buf *out,
                   aep_error *err);

/** Makes the store's folder, and checks that its file system is fit for a store and that a tracker
 * could write there.
 * Errors: AEP_EIO, AEP_ECONFIG name what to do */
int aep__link_prepare(const char *store, aep_error *err);
/** Opens that folder; -1 with errno. */
int aep__link_folder(const char *store);

/** Connects to the store's tracker; -1 with errno (ENOENT, ECONNREFUSED: none runs). */
int aep__link_connect(const char *store);
/** The same, to one that may have just begun: it holds the lock a moment before it listens. Waits for that, at
 * most so long. */
int aep__link_connect_soon(const char *store, int wait_ms);
/** Listens, in the tracker, which holds the lock; -1 with errno. */
int aep__link_listen(const char *store);
/** Whether the socket has its name. */
bool aep__link_named(const char *store);
/** Removes that. */
void aep__link_unlisten(const char *store);
/** Opens the lock's file, made if it is missing; taken without waiting. -1 with errno. */
int aep__link_lock(const char *store, bool *ret_taken);
/** Whether the lock that was taken still has its name: another tracker may take one that was made
 * since. */
bool aep__link_locks(const char *store, int lock_fd);
/** Whether some tracker holds it. */
bool aep__link_held(const char *store);

/** Sends a line; false with errno. */
bool aep__link_send(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Receives one within that time: 1, 0 in vain, -1 with errno or the other side has hung up. */
int aep__link_receive(int fd, char *text, size_t size, int wait_ms);

#endif
