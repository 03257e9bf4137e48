/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/welcome.h"

#include "serve/inside.h"
#include "serve/silence.h"

#include <inttypes.h>
#include <stdlib.h>

struct replay {
    struct aep__stream *stream;
    unsigned count;
};

static bool replay_change(void *user, int64_t number, const char *id,
                          const struct aep__tracked *execution)
{
    struct replay *replay = user;
    struct aep__stream *stream = replay->stream;
    if (++replay->count > AEP__FEED_BATCH)
        return false;
    stream->feed->replayed = number;
    if (execution)
        aep__feed_send_row(stream->feed, execution, stream);
    else
        aep__feed_send_removed(stream->feed, id, stream);
    return true;
}

/* False: it has to read everything again. */
static bool replay_all(struct aep__stream *stream, struct aep__store *store, const char *last_id)
{
    aep_error err;
    char *end;
    struct replay replay = {stream, 0};
    long long after = strtoll(last_id, &end, 10);
    if (end == last_id || *end || after < 0)
        return false;
    int found =
        store->ops->changes(store, after, AEP__FEED_BATCH + 1, replay_change, &replay, &err);
    stream->feed->replayed = 0;
    return found > 0 && replay.count <= AEP__FEED_BATCH && aep__silence_replay(stream, store);
}

static void send_hello(struct aep__feed *feed, struct aep__stream *stream, struct aep__store *store,
                       bool resumes)
{
    struct aep__buf hello = {0};
    aep_error err;
    aep__buf_text(&hello, "retry: 2000\n");
    if (resumes)
        aep__buf_text(&hello, "event: hello\ndata: ");
    else
        aep__feed_begin_frame(feed, &hello, "hello");
    aep__serve_add_head(feed->serve, &hello);
    aep__buf_format(&hello, "\"version\":\"%s\",\"number\":%" PRId64, AEP_VERSION, feed->number);
    if (store && aep__states_get(feed->serve, store, &err)) {
        aep__buf_byte(&hello, ',');
        aep__states_add(&hello, feed->serve, store, &err);
    }
    aep__buf_byte(&hello, '}');
    aep__feed_end_frame(&hello);
    if (!hello.failed)
        aep__stream_add(stream, hello.data, hello.len);
    aep__buf_done(&hello);
}

/* The events that are there are the caller's to read; those that come are sent. */
static void find_last_event(struct aep__stream *stream, struct aep__store *store)
{
    struct aep__tracked execution;
    aep_error err;
    aep__tracked_init(&execution);
    if (stream->execution && store->ops->get(store, stream->execution, &execution, &err) > 0)
        stream->after = execution.origins[AEP__ORIGIN_LAST];
    aep__tracked_done(&execution);
}

void aep__welcome(struct aep__stream *stream, struct aep__store *store, const char *last_id)
{
    struct aep__feed *feed = stream->feed;
    send_hello(feed, stream, store, last_id != NULL);
    if (store)
        find_last_event(stream, store);
    if (last_id && (!store || !replay_all(stream, store, last_id)))
        aep__feed_send_reset(feed, stream);
}
