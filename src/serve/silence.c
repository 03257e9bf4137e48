/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/silence.h"

#include "serve/inside.h"

#include "track/ids.h"

struct turned {
    struct aep__ids ids;
    unsigned count;
};

static bool keep_id(void *user, const char *id)
{
    struct turned *turned = user;
    turned->count++;
    return aep__ids_keep(&turned->ids, id);
}

/* One more than may be shown. */
static int find_turned(struct aep__store *store, int64_t from_us, int64_t until_us,
                       struct turned *ret, aep_error *err)
{
    int code = store->ops->turned(store, from_us, until_us, AEP__FEED_BATCH + 1, keep_id, ret, err);
    return code == AEP_OK ? aep__ids_check(&ret->ids, err) : code;
}

int aep__silence_look(struct aep__feed *feed, struct aep__store *store, aep_error *err)
{
    struct turned turned = {0};
    int64_t clock_us = aep__serve_view(feed->serve).clock_us;
    if (clock_us == feed->clock_us)
        return AEP_OK;
    int code = find_turned(store, feed->clock_us, clock_us, &turned, err);
    if (code == AEP_OK && turned.count > AEP__FEED_BATCH) {
        code = aep__feed_begin_anew(feed, store, err);
    } else {
        const char *id = NULL;
        while (code == AEP_OK && (id = aep__ids_next(&turned.ids, id)))
            code = aep__feed_change(feed, store, id, err);
    }
    if (code == AEP_OK)
        feed->clock_us = clock_us;
    aep__ids_done(&turned.ids);
    return code;
}

static int show(void *user, struct aep__tracked *execution, aep_error *err)
{
    struct aep__stream *stream = user;
    (void)err;
    aep__feed_send_row(stream->feed, execution, stream);
    return AEP_OK;
}

bool aep__silence_replay(struct aep__stream *stream, struct aep__store *store)
{
    struct turned turned = {0};
    aep_error err;
    int64_t clock_us = aep__serve_view(stream->feed->serve).clock_us;
    bool done = find_turned(store, INT64_MIN, clock_us, &turned, &err) == AEP_OK &&
                turned.count <= AEP__FEED_BATCH &&
                aep__ids_each(&turned.ids, store, show, stream, &err) == AEP_OK;
    aep__ids_done(&turned.ids);
    return done;
}
