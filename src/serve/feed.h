/* SPDX-License-Identifier: Apache-2.0 */
/* The feed: from the store's ring of changes to the streams. A change is written as text once, and goes to
 * each stream whose filter matches.
 *
 *     changes ─▶ at most 4 a second of each execution ─▶ text ─▶ streams
 *                     └─ held back until a quarter of a second has passed
 *
 * A frame's id is a change number up to which everything has been sent, so that a client which comes
 * back with it misses nothing; it may get something twice. States change with the clock, too: once a
 * second the store is asked for those whose silence has become too long since (silence.h). */
#ifndef AEP_SERVE_FEED_H
#define AEP_SERVE_FEED_H

#include "aep/aep.h"
#include "base/buf.h"
#include "serve/recent.h"
#include "track/match.h"
#include "track/observation.h"

#include <stdbool.h>
#include <stdint.h>

#define AEP__FEED_BATCH 1000 /* changes in a turn: where there are more, all is to be read again */

struct aep__serve;
struct aep__stream;
struct aep__store;

struct aep__feed {
    struct aep__serve *serve;
    struct aep__stream *streams;
    unsigned count;
    uint64_t resets;             /* sent */
    int64_t number;              /* the last change that has been read; -1: it does not run */
    unsigned store_number;       /* the store that it is of */
    struct aep__recents recents; /* those that are not sent again yet */
    int64_t replayed;            /* to a client that has come back, so far; 0: to none */
    bool rung, counts_due;
    int64_t turn_us; /* monotonic: the next turn not before then */
    int64_t tick_us, beat_us, counted_us;
    int64_t clock_us;                        /* by which silence was looked at last */
    struct aep__buf frame, row, counts, lag; /* memory; counts, lag: as sent last */
    struct aep__contains contains;
    struct aep__observer observer;
};

void aep__feed_init(struct aep__feed *feed, struct aep__serve *serve);
void aep__feed_done(struct aep__feed *feed);
/** Something is stored. */
void aep__feed_ring(struct aep__feed *feed);
/** Sends what is due. */
void aep__feed_turn(struct aep__feed *feed);
/** In how many ms there is something to do at the latest; -1: once it is rung. */
int aep__feed_wait_ms(const struct aep__feed *feed);

/** Takes a stream, and sends it what it begins with.
 * @last_id  from where on it wants changes; NULL: from now on */
void aep__feed_take(struct aep__feed *feed, struct aep__stream *stream, const char *last_id);
void aep__feed_drop(struct aep__feed *feed, struct aep__stream *stream);

/** Sends an execution as it is now, at once or a little later. Errors: the store's */
int aep__feed_change(struct aep__feed *feed, struct aep__store *store, const char *id,
                     aep_error *err);
/** Everything is to be read again; from here on it is told. Errors: the store's */
int aep__feed_begin_anew(struct aep__feed *feed, struct aep__store *store, aep_error *err);

/** Begins a frame, to be followed by JSON without line ends, and ends it. */
void aep__feed_begin_frame(const struct aep__feed *feed, struct aep__buf *out, const char *event);
void aep__feed_end_frame(struct aep__buf *out);
/** Send to a stream (NULL: to all) what its filter matches: an execution; that one is removed. Those that
 * showed an execution, and now show others, are told that it is removed. */
void aep__feed_send_row(struct aep__feed *feed, const struct aep__tracked *execution,
                        struct aep__stream *only);
void aep__feed_send_removed(struct aep__feed *feed, const char *id, struct aep__stream *only);
void aep__feed_send_reset(struct aep__feed *feed, struct aep__stream *stream);
/** Sends feed->frame, and clears it. */
void aep__feed_send_frame(struct aep__feed *feed, struct aep__stream *only);
/** Appends a reset. */
void aep__feed_add_reset(struct aep__feed *feed, struct aep__buf *out);
/** Says good-bye to all streams, and ends them. */
void aep__feed_end(struct aep__feed *feed);

#endif
