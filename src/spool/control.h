/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: SOCK_SEQPACKET in the spool folder, owned by the relay; one text message per
 * packet, a request's id (decimal, the client's choice) echoed in its answer.
 *
 *     wait ID SEGMENT END      ID acked | ID parked | ID dead          once its fate is known
 *     flush ID SEGMENT END     ID acked | ID parked                    once all below END is finished
 *     broker ID STATE          ID ok      once the status file has another state of the broker's
 *     ping ID                  ID ok      at once: what was asked before it has no answer yet
 *     cancel ID                (no answer)
 *     stats ID                 ID {json}
 *     stop ID                  ID ok, then the relay flushes (bounded) and ends
 *     contend ID FINGERPRINT   ID ok | ID no: whether it would yield
 *     yield ID FINGERPRINT     ID ok | ID no: a contender that has connected asks the holder, whose
 *                              authentication fails, to hand over
 *     dead-replay ID [ORDINAL] ID ok N    dead letters are sent again
 *     dead-drop ID [ORDINAL]   ID ok N
 *     purge ID                 ID ok N    everything unsent is dropped and counted
 *     anything else            ID error TEXT
 *
 * The relay in local mode answers wait and flush with acked at once. */
#ifndef AEP_SPOOL_CONTROL_H
#define AEP_SPOOL_CONTROL_H

#include "base/packet.h"
#include "spool/spool.h"

#define AEP__CONTROL_NAME "control"
#define AEP__CONTROL_MAX AEP__PACKET_MAX
/* That one client may have open; the relay refuses more with AEP__CONTROL_TOO_MANY. */
#define AEP__CONTROL_QUESTIONS 4096
#define AEP__CONTROL_TOO_MANY "error too many open questions"

/* The answer to a wait for a record that is nowhere. */
#define AEP__CONTROL_NO_RECORD "error no record ends there"

/** Connects, non-blocking, close-on-exec. -1 with errno (ENOENT, ECONNREFUSED: no relay listens). */
int aep__control_connect(const struct aep__spool *spool);
/** The relay's, under its lock: removes an old one, binds, listens. -1 with errno. */
int aep__control_listen(const struct aep__spool *spool);
/** Sends one message without SIGPIPE. False: gone or full. */
bool aep__control_send(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Receives one message, NUL-terminated. >0 its length, 0 the peer is gone, -1 errno (EAGAIN). */
ssize_t aep__control_receive(int fd, char *text, size_t size);

#endif
