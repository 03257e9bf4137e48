/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/stream.h"

#include "serve/feed.h"
#include "serve/inside.h"

#include "base/clock.h"
#include "base/error.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 4096

/* ---- sending -------------------------------------------------------------------------------- */

static void wake(struct aep__stream *stream)
{
    if (!stream->suspended)
        return;
    stream->suspended = false;
    MHD_resume_connection(stream->peer->connection);
}

/* Nothing to send: the connection sleeps until there is something. */
static ssize_t give_bytes(void *user, uint64_t position, char *bytes, size_t max)
{
    struct aep__stream *stream = user;
    size_t left = stream->out.len - stream->taken;
    (void)position;
    stream->taken_us = aep__clock_mono_us();
    if (left == 0 && stream->ending)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (left == 0) {
        stream->suspended = true;
        MHD_suspend_connection(stream->peer->connection);
        return 0;
    }
    size_t len = left < max ? left : max;
    memcpy(bytes, stream->out.data + stream->taken, len);
    stream->taken += len;
    stream->last[0] = len > 1 ? bytes[len - 2] : stream->last[1];
    stream->last[1] = bytes[len - 1];
    if (stream->taken == stream->out.len) {
        aep__buf_clear(&stream->out);
        stream->taken = 0;
    }
    return (ssize_t)len;
}

/* What is left of a frame that has been sent in part. */
static size_t frame_rest(const struct aep__stream *stream)
{
    const char *begin = stream->out.data + stream->taken;
    size_t left = stream->out.len - stream->taken;
    if (left == 0 || memcmp(stream->last, "\n\n", 2) == 0)
        return 0;
    if (stream->last[1] == '\n' && *begin == '\n')
        return 1;
    const char *end = memmem(begin, left, "\n\n", 2);
    return end ? (size_t)(end + 2 - begin) : left;
}

static void drop_waiting(struct aep__stream *stream)
{
    size_t rest = frame_rest(stream);
    memmove(stream->out.data, stream->out.data + stream->taken, rest);
    stream->out.len = rest;
    stream->taken = 0;
}

bool aep__stream_add(struct aep__stream *stream, const char *frame, size_t len)
{
    bool fits = stream->out.len - stream->taken + len <= AEP__STREAM_BYTES;
    if (stream->ending)
        return true;
    if (stream->taken > 0 && stream->taken >= stream->out.len / 2) {
        memmove(stream->out.data, stream->out.data + stream->taken,
                stream->out.len - stream->taken);
        stream->out.len -= stream->taken;
        stream->taken = 0;
    }
    if (!fits)
        drop_waiting(stream);
    if (fits)
        aep__buf_add(&stream->out, frame, len);
    else
        aep__feed_add_reset(stream->feed, &stream->out);
    if (stream->out.failed)
        aep__peer_hang_up(stream->peer);
    wake(stream);
    return fits;
}

void aep__stream_end(struct aep__stream *stream)
{
    stream->ending = true;
    wake(stream);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void free_stream(void *user)
{
    struct aep__stream *stream = user;
    if (stream->feed)
        aep__feed_drop(stream->feed, stream);
    aep__filter_done(&stream->filter);
    aep__buf_done(&stream->out);
    free(stream->execution);
    free(stream);
}

static bool queue_stream(struct aep__call *call, struct aep__stream *stream)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, give_bytes, stream, free_stream);
    if (!response) {
        free_stream(stream);
        return false;
    }
    aep__reply_add_common(response);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, call->route->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* nginx */
    call->replied = true;
    call->peer->replied =
        MHD_queue_response(call->peer->connection, MHD_HTTP_OK, response) == MHD_YES;
    MHD_destroy_response(response);
    if (call->peer->replied)
        aep__peer_enter(call->peer, AEP__PEER_STREAMS);
    return call->peer->replied;
}

static const enum aep__filter_name fixed[] = {AEP__FILTER_AGENT, AEP__FILTER_TENANT,
                                              AEP__FILTER_CORRELATION};

struct aep__stream *aep__stream_begin(struct aep__call *call, struct aep__filter *filter,
                                      aep_error *err)
{
    struct aep__stream *stream = calloc(1, sizeof *stream);
    const char *execution = aep__call_text(call, "execution");
    if (!stream) {
        aep__error_memory(err);
        return NULL;
    }
    stream->peer = call->peer;
    stream->filter = *filter;
    aep__filter_init(filter);
    aep__filter_init(&stream->fixed);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        stream->fixed.values[fixed[i]] = stream->filter.values[fixed[i]];
    memcpy(stream->last, "\n\n", 2);
    stream->after = AEP__ORDER_NONE;
    stream->taken_us = aep__clock_mono_us();
    stream->execution = execution ? strdup(execution) : NULL;
    if (queue_stream(call, stream))
        return stream;
    aep__error_memory(err);
    return NULL;
}
