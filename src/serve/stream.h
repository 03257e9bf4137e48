/* SPDX-License-Identifier: Apache-2.0 */
/* A stream: a client that is told of what changes, as server-sent events. What is to be sent waits in a
 * buffer of bounded size; a client that falls further behind gets "reset" and reads everything again. */
#ifndef AEP_SERVE_STREAM_H
#define AEP_SERVE_STREAM_H

#include "serve/reply.h"

#include "track/filter.h"
#include "track/order.h"

#define AEP__STREAM_BYTES 262144 /* that may wait */
#define AEP__STREAMS_MAX 1500

struct aep__stream {
    struct aep__stream *previous, *next;
    struct aep__feed *feed;
    struct aep__peer *peer;
    struct aep__filter filter;
    struct aep__filter
        fixed;       /* what never changes of that: tenant, agent, correlation id; borrowed */
    char *execution; /* its events are wanted; NULL: no one's */
    struct aep__order after; /* of them, the last that was sent */
    struct aep__buf out;
    size_t taken;     /* of out, sent */
    int64_t taken_us; /* monotonic: when it took something last */
    char last[2];     /* of what was sent: whether a frame has ended there */
    bool suspended, ending;
};

/** Begins a stream as the reply to a call. NULL: *err. */
struct aep__stream *aep__stream_begin(struct aep__call *call, struct aep__filter *filter,
                                      aep_error *err);
/** Appends a frame: a whole event, or a comment, with its empty line. False: it has been dropped, with
 * all that waited, for a reset. */
bool aep__stream_add(struct aep__stream *stream, const char *frame, size_t len);
/** Ends it, once what waits is sent. */
void aep__stream_end(struct aep__stream *stream);

#endif
