/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/feed.h"

#include "serve/inside.h"
#include "serve/notice.h"
#include "serve/silence.h"
#include "serve/stream.h"
#include "serve/welcome.h"
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

#define REST_US 10000     /* between two turns */
#define RELIEF_US 1000000 /* after that */
#define TICK_US 1000000   /* between two looks at what the clock has changed */
#define BEAT_US 15000000  /* between two comments */
#define COUNTS_US 500000  /* between two counts */
#define STUCK_US 60000000 /* for how long a client may take nothing of what waits for it */

void aep__feed_init(struct aep__feed *feed, struct aep__serve *serve)
{
    *feed = (struct aep__feed){.serve = serve, .number = -1};
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
    int64_t held = aep__recents_held(&feed->recents);
    if (feed->replayed > 0)
        return feed->replayed;
    return held > 0 ? held - 1 : feed->number;
}

void aep__feed_begin_frame(const struct aep__feed *feed, struct aep__buf *out, const char *event)
{
    aep__buf_format(out, "id: %" PRId64 "\nevent: %s\ndata: ", sent_number(feed), event);
}

void aep__feed_end_frame(struct aep__buf *out)
{
    aep__buf_text(out, "\n\n");
}

void aep__feed_add_reset(struct aep__feed *feed, struct aep__buf *out)
{
    feed->resets++;
    aep__feed_begin_frame(feed, out, "reset");
    aep__serve_add_head(feed->serve, out);
    aep__buf_format(out, "\"number\":%" PRId64 "}", feed->number);
    aep__feed_end_frame(out);
}

void aep__feed_send_frame(struct aep__feed *feed, struct aep__stream *only)
{
    struct aep__stream *next;
    for (struct aep__stream *stream = only ? only : feed->streams; stream; stream = next) {
        next = only ? NULL : stream->next;
        aep__stream_add(stream, feed->frame.data, feed->frame.len);
    }
    aep__buf_clear(&feed->frame);
}

void aep__feed_send_reset(struct aep__feed *feed, struct aep__stream *stream)
{
    aep__buf_clear(&feed->frame);
    aep__feed_add_reset(feed, &feed->frame);
    aep__feed_send_frame(feed, stream);
}

static void reset_all(struct aep__feed *feed)
{
    for (struct aep__stream *stream = feed->streams; stream; stream = stream->next)
        aep__feed_send_reset(feed, stream);
}

/* ---- executions ----------------------------------------------------------------------------- */

static bool send_event(void *user, const struct aep__stored_event *event)
{
    struct aep__stream *stream = user;
    struct aep__feed *feed = stream->feed;
    if (!event->body.data || !aep__order_before(&stream->after, &event->order))
        return true;
    stream->after = event->order;
    aep__buf_clear(&feed->frame);
    aep__feed_begin_frame(feed, &feed->frame, "event");
    aep__buf_text(&feed->frame, "{\"execution_id\":");
    aep__json_add_string(&feed->frame, stream->execution, strlen(stream->execution));
    aep__buf_format(&feed->frame, ",\"delivery\":\"%s\",\"event\":", aep__fate_word(event->fate));
    aep__wire_add_body(&feed->frame, event->body);
    aep__buf_byte(&feed->frame, '}');
    aep__feed_end_frame(&feed->frame);
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
void aep__feed_send_row(struct aep__feed *feed, const struct aep__tracked *execution,
                        struct aep__stream *only)
{
    struct aep__view view = aep__serve_view(feed->serve);
    struct aep__buf gone = {0}, *row = &feed->row;
    aep__buf_clear(row);
    aep__feed_begin_frame(feed, row, "execution");
    aep__row_add(row, &feed->serve->fields, execution, &view);
    aep__feed_end_frame(row);
    aep__feed_begin_frame(feed, &gone, "removed");
    add_id(&gone, execution->id);
    aep__feed_end_frame(&gone);
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
    aep__feed_send_row(feed, execution, NULL);
    for (struct aep__stream *stream = feed->streams; stream; stream = stream->next)
        if (stream->execution && strcmp(stream->execution, execution->id) == 0)
            send_events(stream, store);
}

void aep__feed_send_removed(struct aep__feed *feed, const char *id, struct aep__stream *only)
{
    aep__buf_clear(&feed->frame);
    aep__feed_begin_frame(feed, &feed->frame, "removed");
    add_id(&feed->frame, id);
    aep__feed_end_frame(&feed->frame);
    aep__feed_send_frame(feed, only);
}

static int show(struct aep__feed *feed, struct aep__store *store, const char *id, aep_error *err)
{
    struct aep__tracked execution;
    aep__tracked_init(&execution);
    int found = store->ops->get(store, id, &execution, err);
    if (found > 0) {
        send_execution(feed, store, &execution);
        aep__recents_add(&feed->recents, id);
    }
    aep__tracked_done(&execution);
    return found < 0 ? err->code : AEP_OK;
}

int aep__feed_change(struct aep__feed *feed, struct aep__store *store, const char *id,
                     aep_error *err)
{
    bool held = aep__recents_hold(&feed->recents, id, feed->number);
    return held ? AEP_OK : show(feed, store, id, err);
}

static int send_held(struct aep__feed *feed, struct aep__store *store, aep_error *err)
{
    int64_t now_us = aep__clock_mono_us();
    struct aep__recent *recent;
    int code = AEP_OK;
    while (code == AEP_OK && (recent = aep__recents_take(&feed->recents, now_us))) {
        if (recent->held > 0)
            code = show(feed, store, recent->id, err);
        free(recent);
    }
    if (code != AEP_OK)
        feed->number = -1; /* the one that was held is lost: all is told anew */
    return code;
}

/* ---- changes -------------------------------------------------------------------------------- */

struct taking {
    struct aep__feed *feed;
    struct aep__store *store;
    unsigned count;
};

static bool take_change(void *user, int64_t number, const char *id,
                        const struct aep__tracked *execution)
{
    struct taking *taking = user;
    struct aep__feed *feed = taking->feed;
    if (++taking->count > AEP__FEED_BATCH)
        return false;
    feed->number = number;
    if (!execution) {
        aep__feed_send_removed(feed, id, NULL);
    } else if (!aep__recents_hold(&feed->recents, id, number)) {
        send_execution(feed, taking->store, execution);
        aep__recents_add(&feed->recents, id);
    }
    return true;
}

/* Everything has to be read again: from here on it is told. */
int aep__feed_begin_anew(struct aep__feed *feed, struct aep__store *store, aep_error *err)
{
    aep__recents_forget(&feed->recents);
    feed->store_number = feed->serve->store_number;
    int code = store->ops->get_count(store, AEP__COUNT_CHANGES, &feed->number, err);
    feed->clock_us = aep__serve_view(feed->serve).clock_us;
    if (code == AEP_OK)
        reset_all(feed);
    return code;
}

static int read_changes(struct aep__feed *feed, struct aep__store *store, aep_error *err)
{
    struct taking taking = {feed, store, 0};
    if (feed->number < 0 || feed->store_number != feed->serve->store_number)
        return aep__feed_begin_anew(feed, store, err);
    int found =
        store->ops->changes(store, feed->number, AEP__FEED_BATCH + 1, take_change, &taking, err);
    if (found < 0)
        return err->code;
    if (found > 0 && taking.count <= AEP__FEED_BATCH)
        return AEP_OK;
    feed->turn_us = aep__clock_mono_us() + RELIEF_US;
    return aep__feed_begin_anew(feed, store, err);
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
        code = aep__notice_counts(feed, store, err);
    }
    return code;
}

void aep__feed_turn(struct aep__feed *feed)
{
    int64_t now_us = aep__clock_mono_us();
    aep_error err;
    if (!feed->streams) {
        feed->number = -1;
        aep__recents_forget(&feed->recents);
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
    aep__notice_lag(feed, beat);
}

int aep__feed_wait_ms(const struct aep__feed *feed)
{
    int64_t now_us = aep__clock_mono_us(), at_us = feed->tick_us + TICK_US;
    if (!feed->streams)
        return -1;
    if (feed->rung && feed->turn_us < at_us)
        at_us = feed->turn_us;
    if (aep__recents_due_us(&feed->recents) < at_us)
        at_us = aep__recents_due_us(&feed->recents);
    if (feed->counts_due && feed->counted_us + COUNTS_US < at_us)
        at_us = feed->counted_us + COUNTS_US;
    return at_us <= now_us ? 0 : (int)((at_us - now_us + 999) / 1000);
}

/* ---- streams -------------------------------------------------------------------------------- */

void aep__feed_take(struct aep__feed *feed, struct aep__stream *stream, const char *last_id)
{
    aep_error err;
    struct aep__store *store = aep__serve_store(feed->serve, &err);
    if (store && (feed->number < 0 || feed->store_number != feed->serve->store_number))
        aep__feed_begin_anew(feed, store, &err);
    stream->feed = feed;
    stream->next = feed->streams;
    if (stream->next)
        stream->next->previous = stream;
    feed->streams = stream;
    feed->count++;
    aep__welcome(stream, store, last_id);
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
    aep__recents_forget(&feed->recents);
    aep__observer_done(&feed->observer);
    aep__contains_done(&feed->contains);
    aep__buf_done(&feed->frame);
    aep__buf_done(&feed->row);
    aep__buf_done(&feed->counts);
    aep__buf_done(&feed->lag);
}
