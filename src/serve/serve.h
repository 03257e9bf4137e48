/* SPDX-License-Identifier: Apache-2.0 */
/* serve: what a tracker's store holds, by HTTP, read only.
 *
 *     tracker ─ commit ─ tell ─▶ bell ─▶ thread: feed ─▶ streams
 *                                          │ └─ http ─▶ routes ─▶ answers
 *                                          └─ its own handle of the store
 *
 * One thread beside the tracker's does all of it; they meet in `tell` alone. */
#ifndef AEP_SERVE_SERVE_H
#define AEP_SERVE_SERVE_H

#include "aep/aep.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aep__serve;

struct aep__serve_settings {
    const char *store;      /* a path, or a URL (track/store.h) */
    const char *state_dir;  /* $XDG_STATE_HOME/aep; NULL: there is none */
    const char *listen;     /* HOST:PORT; port 0: any */
    const char *hosts;      /* more names of it, with commas; NULL: none */
    const char *token_file; /* NULL: the token is kept in state_dir */
    int listen_fd;          /* a socket that listens there already, which it takes over; -1: none */
};

enum aep__serve_source {
    AEP__SERVE_SPOOL,
    AEP__SERVE_KAFKA,
    AEP__SERVE_SOURCE_COUNT,
};

/** What the tracker knows and the store does not. */
struct aep__serve_news {
    int64_t as_of_us;                           /* everything up to then is stored; 0: not known */
    char behind[384];                           /* why that is not up to now; "": it is */
    char problem[384];                          /* why nothing can be stored; "": it can */
    int64_t source_us[AEP__SERVE_SOURCE_COUNT]; /* up to when each is read; 0: it is no source */
};

/** Listens, and reads or makes the token.
 * Errors: AEP_EINVAL the address; AEP_ECONFIG the token, or none for an address that others reach;
 * AEP_EIO the port is taken; AEP_ENOMEM */
int aep__serve_open(struct aep__serve **ret, const struct aep__serve_settings *settings,
                    aep_error *err);
/** Another descriptor of the socket that listens, for a server after this one: clients that call in between
 * wait. -1 with errno */
int aep__serve_keep_listening(const struct aep__serve *serve);
/** Begins to answer. Errors: AEP_EIO, AEP_ENOMEM */
int aep__serve_start(struct aep__serve *serve, aep_error *err);
/** Ends the streams in order, within 2 s, and all else. */
void aep__serve_free(struct aep__serve *serve);

/** "http://127.0.0.1:7450/", and the same with the token behind it. */
const char *aep__serve_address(const struct aep__serve *serve);
const char *aep__serve_link(const struct aep__serve *serve);

/** Where the tracker counts what it reads; it is the server's. */
struct aep__meter *aep__serve_meter(struct aep__serve *serve);
/** Tells of what is stored by now, and of the local spools (paths, each with a NUL; NULL: as before).
 * Threads: any, one at a time; never waits for a client. */
void aep__serve_tell(struct aep__serve *serve, const struct aep__serve_news *news,
                     const char *spools, size_t spools_len);

#endif
