/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that carry a line of text a packet (SOCK_SEQPACKET), with a name in a private folder. The
 * name is reached through the folder's descriptor, however long the folder's own path is. Functions
 * return a descriptor (non-blocking, close-on-exec) or a length, or -1 with errno. */
#ifndef AEP_BASE_PACKET_H
#define AEP_BASE_PACKET_H

#include <stdarg.h>
#include <stdbool.h>
#include <sys/types.h>

#define AEP__PACKET_MAX 65536

/** ENOENT, ECONNREFUSED: nobody listens. */
int aep__packet_connect(int dir_fd, const char *name);
/** Removes an old one, binds, listens; the socket gets its name, by way of `temporary`, only when it
 * takes connections. Only one process may be at it, by a lock of the caller's. */
int aep__packet_listen(int dir_fd, const char *name, const char *temporary);
/** Sends one without SIGPIPE and without waiting. False with errno: gone, full, or too long. */
bool aep__packet_send(int fd, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/** Receives one without waiting, NUL-terminated. >0 its length, 0 the peer is gone, -1 errno. */
ssize_t aep__packet_receive(int fd, char *text, size_t size);

#endif
