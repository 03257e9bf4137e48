/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/feed.h"

#include "serve/inside.h"
#include "serve/silence.h"
#include "serve/stream.h"
#include "serve/wire.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACING_US 250000 /* between two updates of one execution */
#define REST_US 10000     /* between two turns */
#define BATCH 1000        /* changes in a turn: where there are more, all is to be read again */
#define RELIEF_US 1000000 /* after that */
#define TICK_US 1000000   /* between two looks at what the clock has changed */
#define BEAT_US 15000000  /* between two comments */
#define COUNTS_US 500000  /* between two counts */
#define STUCK_US 60000000 /* for how long a client may take nothing of what waits for it */

void aep__feed_init(struct aep__feed *feed, struct aep__serve *serve)
{
    *feed = (struct aep__feed){.serve = serve, .number = -1, .held_min = INT64_MAX};
    aep__contains_init(&feed->contains);
}

void aep__feed_ring(struct aep__feed *feed)
{
    feed->rung = true;
}

/* ---- frames --------------------------------------------------------------------------------- */

/* Up to where everything has been sent. */
static int64_t sent_number(const struct aep__feed *feed)
{
    if (feed->replayed > 0)
        return feed->replayed;
    return feed->held_min == INT64_MAX ? feed->number : feed->held_min - 1;
}

static void begin_frame(const struct aep__feed *feed, struct aep__buf *out, const char *event)
{
    aep__buf_format(out, "id: %" PRId64 "\nevent: %s\ndata: ", sent_number(feed), event);
}

static void end_frame(struct aep__buf *out)
{
    aep__buf_text(out, "\n\n");
}

void aep__feed_add_reset(struct aep__feed *feed, struct aep__buf *out)
{
    feed->resets++;
    begin_frame(feed, out, "reset");
    aep__serve_add_head(feed->serve, out);
    aep__buf_format(out, "\"number\":%" PRId64 "}", feed->number);
    end_frame(out);
}

static void send_frame(struct aep__feed *feed, struct aep__stream *only)
{
    struct aep__stream *next;
    for (struct aep__stream *stream = only ? only : feed->streams; stream; stream = next) {
        next = only ? NULL : stream->next;
        aep__stream_add(stream, feed->frame.data, feed->frame.len);
    }
    aep__buf_clear(&feed->frame);
}

static void reset_all(struct aep__feed *feed)
{
    aep__buf_clear(&feed->frame);
    for (struct aep__stream *stream = feed->streams; stream; stream = stream->next) {
        aep__buf_clear(&feed->frame);
        aep__feed_add_reset(feed, &feed->frame);
        aep__stream_add(stream, feed->frame.data, feed->frame.len);
    }
    aep__buf_clear(&feed->frame);
}

/* ---- executions ----------------------------------------------------------------------------- */

static bool send_event(void *user, const struct aep__stored_event *event)
{
    struct aep__stream *stream = user;
    struct aep__feed *feed = stream->feed;
    struct aep__observer *observer = &feed->observer;
    struct aep__observation seen;
    if (!event->body.data || aep__observe(observer, event->body, &seen) != AEP__REJECTED_NOT)
        return true;
    if (aep__order_known(&stream->after) && !aep__order_before(&stream->after, &seen.order))
        return true;
    stream->after = seen.order;
    aep__buf_clear(&feed->frame);
    begin_frame(feed, &feed->frame, "event");
    aep__buf_text(&feed->frame, "{\"execution_id\":");
    aep__json_add_string(&feed->frame, stream->execution, strlen(stream->execution));
    aep__buf_format(&feed->frame, ",\"delivery\":\"%s\",\"event\":", aep__fate_word(event->fate));
    aep__wire_add_body(&feed->frame, event->body);
    aep__buf_byte(&feed->frame, '}');
    end_frame(&feed->frame);
    return aep__stream_add(stream, feed->frame.data, feed->frame.len);
}

static void send_events(struct aep__stream *stream, struct aep__store *store)
{
    aep_error err;
    struct aep__order from = stream->after;
    if (store->ops->events(store, stream->execution, &from, send_event, stream, &err) != AEP_OK)
        aep__stream_end(stream);
}

static void add_id(struct aep__buf *out, const char *id)
{
    aep__buf_text(out, "{\"id\":");
    aep__json_add_string(out, id, strlen(id));
    aep__buf_byte(out, '}');
}

/* To a stream that shows others now, one that it showed is removed. */
static void send_row(struct aep__feed *feed, const struct aep__tracked *execution,
                     struct aep__stream *only)
{
    struct aep__view view = aep__serve_view(feed->serve);
    struct aep__buf gone = {0}, *row = &feed->row;
    aep__buf_clear(row);
    begin_frame(feed, row, "execution");
    aep__row_add(row, &feed->serve->fields, execution, &view);
    end_frame(row);
    begin_frame(feed, &gone, "removed");
    add_id(&gone, execution->id);
    end_frame(&gone);
    for (struct aep__stream *stream = only ? only : feed->streams; stream;
         stream = only ? NULL : stream->next) {
        if (aep__match(&stream->filter, execution, view.clock_us, &feed->contains))
            aep__stream_add(stream, row->data, row->len);
        else if (aep__match(&stream->fixed, execution, view.clock_us, &feed->contains))
            aep__stream_add(stream, gone.data, gone.len);
    }
    aep__buf_done(&gone);
}

static void send_execution(struct aep__feed *feed, struct aep__store *store,
                           const struct aep__tracked *execution)
{
    send_row(feed, execution, NULL);
    for (struct aep__stream *stream = feed->streams; stream; stream = stream->next)
        if (stream->execution && strcmp(stream->execution, execution->id) == 0)
            send_events(stream, store);
}

static void send_removed(struct aep__feed *feed, const char *id, struct aep__stream *only)
{
    aep__buf_clear(&feed->frame);
    begin_frame(feed, &feed->frame, "removed");
    add_id(&feed->frame, id);
    end_frame(&feed->frame);
    send_frame(feed, only);
}

/* ---- spacing -------------------------------------------------------------------------------- */

static struct aep__recent **bucket_of(struct aep__feed *feed, const char *id)
{
    uint8_t digest[16];
    aep__digest128(id, strlen(id), digest);
    return &feed->buckets[(digest[0] | digest[1] << 8) % AEP__FEED_BUCKETS];
}

static struct aep__recent *find_recent(struct aep__feed *feed, const char *id)
{
    struct aep__recent *recent = *bucket_of(feed, id);
    while (recent && strcmp(recent->id, id) != 0)
        recent = recent->bucket_next;
    return recent;
}

static void add_recent(struct aep__feed *feed, const char *id)
{
    size_t len = strlen(id) + 1;
    struct aep__recent *recent = malloc(sizeof *recent + len);
    if (!recent)
        return; /* it may be sent more often, then */
    struct aep__recent **bucket = bucket_of(feed, id);
    *recent = (struct aep__recent){.bucket_next = *bucket, .sent_us = aep__clock_mono_us()};
    memcpy(recent->id, id, len);
    *bucket = recent;
    *(feed->newest ? &feed->newest->next : &feed->oldest) = recent;
    feed->newest = recent;
}

/* Takes the oldest from its places; the caller frees it. */
static struct aep__recent *take_oldest(struct aep__feed *feed)
{
    struct aep__recent *recent = feed->oldest, **at = bucket_of(feed, recent->id);
    while (*at != recent)
        at = &(*at)->bucket_next;
    *at = recent->bucket_next;
    feed->oldest = recent->next;
    if (!feed->oldest)
        feed->newest = NULL;
    return recent;
}

static void forget_recent(struct aep__feed *feed)
{
    while (feed->oldest)
        free(take_oldest(feed));
    feed->held_min = INT64_MAX;
}

static void find_held_min(struct aep__feed *feed)
{
    feed->held_min = INT64_MAX;
    for (struct aep__recent *recent = feed->oldest; recent; recent = recent->next)
        if (recent->held > 0 && recent->held < feed->held_min)
            feed->held_min = recent->held;
}

int aep__feed_show(struct aep__feed *feed, struct aep__store *store, const char *id, aep_error *err)
{
    struct aep__tracked execution;
    aep__tracked_init(&execution);
    int found = store->ops->get(store, id, &execution, err);
    if (found > 0) {
        send_execution(feed, store, &execution);
        add_recent(feed, id);
    }
    aep__tracked_done(&execution);
    return found < 0 ? err->code : AEP_OK;
}

static int send_held(struct aep__feed *feed, struct aep__store *store, aep_error *err)
{
    int64_t now_us = aep__clock_mono_us();
    int code = AEP_OK;
    while (code == AEP_OK && feed->oldest && feed->oldest->sent_us + SPACING_US <= now_us) {
        struct aep__recent *recent = take_oldest(feed);
        if (recent->held > 0) {
            if (recent->held == feed->held_min)
                find_held_min(feed);
            code = aep__feed_show(feed, store, recent->id, err);
        }
        free(recent);
    }
    return code;
}

/* ---- changes -------------------------------------------------------------------------------- */

struct taking {
    struct aep__feed *feed;
    struct aep__store *store;
    struct aep__stream *only; /* NULL: all streams */
    unsigned count;
};

static bool take_change(void *user, int64_t number, const char *id,
                        const struct aep__tracked *execution)
{
    struct taking *taking = user;
    struct aep__feed *feed = taking->feed;
    if (++taking->count > BATCH)
        return false;
    struct aep__recent *recent = execution ? find_recent(feed, id) : NULL;
    feed->number = number;
    if (!execution) {
        send_removed(feed, id, NULL);
    } else if (recent) {
        recent->held = recent->held > 0 ? recent->held : number;
        if (recent->held < feed->held_min)
            feed->held_min = recent->held;
    } else {
        send_execution(feed, taking->store, execution);
        add_recent(feed, id);
    }
    return true;
}

/* Everything has to be read again: from here on it is told. */
static int begin_anew(struct aep__feed *feed, struct aep__store *store, aep_error *err)
{
    forget_recent(feed);
    feed->store_number = feed->serve->store_number;
    int code = store->ops->get_count(store, AEP__COUNT_CHANGES, &feed->number, err);
    if (code == AEP_OK)
        code = aep__silence_begin(feed, store, err);
    if (code == AEP_OK)
        reset_all(feed);
    return code;
}

static int read_changes(struct aep__feed *feed, struct aep__store *store, aep_error *err)
{
    struct taking taking = {feed, store, NULL, 0};
    if (feed->number < 0 || feed->store_number != feed->serve->store_number)
        return begin_anew(feed, store, err);
    int found = store->ops->changes(store, feed->number, BATCH + 1, take_change, &taking, err);
    if (found < 0)
        return err->code;
    if (found > 0 && taking.count <= BATCH)
        return AEP_OK;
    feed->turn_us = aep__clock_mono_us() + RELIEF_US;
    return begin_anew(feed, store, err);
}

/* ---- what the clock changes ----------------------------------------------------------------- */

static int send_counts(struct aep__feed *feed, struct aep__store *store, aep_error *err)
{
    struct aep__buf counts = {0};
    const int64_t *states = aep__serve_counts(feed->serve, store, err);
    if (!states)
        return err->code;
    int code = aep__states_add(&counts, feed->serve, store, err);
    bool same = counts.len == feed->counts.len && feed->counts.len > 0 &&
                memcmp(counts.data, feed->counts.data, counts.len) == 0;
    if (code == AEP_OK && !same && !counts.failed) {
        aep__buf_done(&feed->counts);
        feed->counts = counts;
        aep__buf_clear(&feed->frame);
        begin_frame(feed, &feed->frame, "counts");
        aep__serve_add_head(feed->serve, &feed->frame);
        aep__buf_add(&feed->frame, counts.data, counts.len);
        aep__buf_byte(&feed->frame, '}');
        end_frame(&feed->frame);
        send_frame(feed, NULL);
        return AEP_OK;
    }
    aep__buf_done(&counts);
    return code;
}

static void add_lag(struct aep__feed *feed, struct aep__buf *out)
{
    const char *problem = aep__serve_problem(feed->serve);
    const char *why = *problem ? problem : feed->serve->news.behind;
    begin_frame(feed, out, "lag");
    aep__serve_add_head(feed->serve, out);
    aep__buf_format(
        out, "\"behind\":%s,\"problem\":", aep__serve_view(feed->serve).behind ? "true" : "false");
    if (*why)
        aep__json_add_string(out, why, strlen(why));
    aep__buf_text(out, *why ? "}" : "null}");
    end_frame(out);
}

static void send_lag(struct aep__feed *feed, bool beat)
{
    struct aep__buf lag = {0};
    aep__buf_format(&lag, "%d%s%s", aep__serve_view(feed->serve).behind, feed->serve->news.behind,
                    aep__serve_problem(feed->serve));
    bool same = strcmp(aep__buf_string(&lag), aep__buf_string(&feed->lag)) == 0;
    aep__buf_done(&feed->lag);
    feed->lag = lag;
    if (same && !beat)
        return;
    aep__buf_clear(&feed->frame);
    if (beat)
        aep__buf_text(&feed->frame, ": still here\n\n");
    add_lag(feed, &feed->frame);
    send_frame(feed, NULL);
}

static void hang_up_stuck(struct aep__feed *feed, int64_t now_us)
{
    for (struct aep__stream *stream = feed->streams; stream; stream = stream->next)
        if (stream->out.len > stream->taken && now_us - stream->taken_us > STUCK_US)
            aep__peer_hang_up(stream->peer);
}

/* ---- turns ---------------------------------------------------------------------------------- */

static int send_due(struct aep__feed *feed, struct aep__store *store, int64_t now_us,
                    aep_error *err)
{
    int code = AEP_OK;
    bool rung = feed->rung && now_us >= feed->turn_us, tick = now_us >= feed->tick_us + TICK_US;
    if (rung || tick || feed->number < 0) {
        feed->rung = false;
        feed->turn_us = now_us + REST_US;
        code = read_changes(feed, store, err);
        feed->counts_due |= rung;
    }
    if (code == AEP_OK)
        code = send_held(feed, store, err);
    if (code == AEP_OK && tick) {
        feed->tick_us = now_us;
        feed->counts_due = true;
        code = aep__silence_look(feed, store, err);
        hang_up_stuck(feed, now_us);
    }
    if (code == AEP_OK && feed->counts_due && now_us >= feed->counted_us + COUNTS_US) {
        feed->counts_due = false;
        feed->counted_us = now_us;
        code = send_counts(feed, store, err);
    }
    return code;
}

void aep__feed_turn(struct aep__feed *feed)
{
    int64_t now_us = aep__clock_mono_us();
    aep_error err;
    if (!feed->streams) {
        feed->number = -1;
        forget_recent(feed);
        return;
    }
    struct aep__store *store = aep__serve_store(feed->serve, &err);
    if (!store)
        feed->tick_us = now_us; /* again in a second */
    else
        send_due(feed, store, now_us, &err);
    bool beat = now_us >= feed->beat_us + BEAT_US;
    if (beat)
        feed->beat_us = now_us;
    send_lag(feed, beat);
}

int aep__feed_wait_ms(const struct aep__feed *feed)
{
    int64_t now_us = aep__clock_mono_us(), at_us = feed->tick_us + TICK_US;
    if (!feed->streams)
        return -1;
    if (feed->rung && feed->turn_us < at_us)
        at_us = feed->turn_us;
    if (feed->held_min != INT64_MAX && feed->oldest->sent_us + SPACING_US < at_us)
        at_us = feed->oldest->sent_us + SPACING_US;
    if (feed->counts_due && feed->counted_us + COUNTS_US < at_us)
        at_us = feed->counted_us + COUNTS_US;
    return at_us <= now_us ? 0 : (int)((at_us - now_us + 999) / 1000);
}

/* ---- streams -------------------------------------------------------------------------------- */

static bool replay_change(void *user, int64_t number, const char *id,
                          const struct aep__tracked *execution)
{
    struct taking *taking = user;
    if (++taking->count > BATCH)
        return false;
    taking->feed->replayed = number;
    if (execution)
        send_row(taking->feed, execution, taking->only);
    else
        send_removed(taking->feed, id, taking->only);
    return true;
}

/* False: it has to read everything again. */
static bool replay(struct aep__feed *feed, struct aep__stream *stream, struct aep__store *store,
                   const char *last_id)
{
    aep_error err;
    char *end;
    struct taking taking = {feed, store, stream, 0};
    long long after = strtoll(last_id, &end, 10);
    if (end == last_id || *end || after < 0)
        return false;
    int found = store->ops->changes(store, after, BATCH + 1, replay_change, &taking, &err);
    feed->replayed = 0;
    return found > 0 && taking.count <= BATCH;
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
        begin_frame(feed, &hello, "hello");
    aep__serve_add_head(feed->serve, &hello);
    aep__buf_format(&hello, "\"version\":\"%s\",\"number\":%" PRId64, AEP_VERSION, feed->number);
    if (store && aep__serve_counts(feed->serve, store, &err)) {
        aep__buf_byte(&hello, ',');
        aep__states_add(&hello, feed->serve, store, &err);
    }
    aep__buf_byte(&hello, '}');
    end_frame(&hello);
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

void aep__feed_take(struct aep__feed *feed, struct aep__stream *stream, const char *last_id)
{
    aep_error err;
    struct aep__store *store = aep__serve_store(feed->serve, &err);
    if (store && (feed->number < 0 || feed->store_number != feed->serve->store_number))
        begin_anew(feed, store, &err);
    stream->feed = feed;
    stream->next = feed->streams;
    if (stream->next)
        stream->next->previous = stream;
    feed->streams = stream;
    feed->count++;
    send_hello(feed, stream, store, last_id != NULL);
    if (store)
        find_last_event(stream, store);
    if (last_id && (!store || !replay(feed, stream, store, last_id))) {
        aep__buf_clear(&feed->frame);
        aep__feed_add_reset(feed, &feed->frame);
        send_frame(feed, stream);
    }
}

void aep__feed_drop(struct aep__feed *feed, struct aep__stream *stream)
{
    *(stream->previous ? &stream->previous->next : &feed->streams) = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    feed->count--;
}

/* A client comes back by itself, with the number up to which it has everything. */
void aep__feed_end(struct aep__feed *feed)
{
    static const char farewell[] = "retry: 1000\n: the server ends\n\n";
    struct aep__stream *next;
    for (struct aep__stream *stream = feed->streams; stream; stream = next) {
        next = stream->next;
        aep__stream_add(stream, farewell, sizeof farewell - 1);
        aep__stream_end(stream);
    }
}

void aep__feed_done(struct aep__feed *feed)
{
    forget_recent(feed);
    aep__silence_done(feed);
    aep__observer_done(&feed->observer);
    aep__contains_done(&feed->contains);
    aep__buf_done(&feed->frame);
    aep__buf_done(&feed->row);
    aep__buf_done(&feed->counts);
    aep__buf_done(&feed->lag);
}
