/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/silence.h"

#include "serve/inside.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

#define LOOKED_AT 1000 /* executions in a state */

/* ---- a list of ids -------------------------------------------------------------------------- */

struct ids {
    char **list;
    size_t count, cap;
    bool failed;
};

static bool add_id(void *user, const struct aep__tracked *execution)
{
    struct ids *ids = user;
    if (ids->count == ids->cap) {
        size_t cap = ids->cap ? ids->cap * 2 : 16;
        char **more = realloc(ids->list, cap * sizeof *more);
        ids->failed |= !more;
        if (!more)
            return false;
        ids->list = more;
        ids->cap = cap;
    }
    char *id = strdup(execution->id);
    ids->failed |= !id;
    if (id)
        ids->list[ids->count++] = id;
    return id != NULL;
}

static void free_ids(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

static int compare_ids(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static int list_state(struct aep__store *store, enum aep__state state, int64_t clock_us,
                      aep__tracked_fn fn, void *user, aep_error *err)
{
    struct aep__filter filter;
    aep__filter_init(&filter);
    filter.states = 1U << state;
    struct aep__query query = {.filter = &filter, .clock_us = clock_us, .limit = LOOKED_AT};
    return store->ops->list(store, &query, fn, user, err);
}

/* ---- those that are silent ------------------------------------------------------------------ */

static bool holds(char **list, size_t count, char *const *id)
{
    return count > 0 && bsearch(id, list, count, sizeof *list, compare_ids);
}

static int show_others(struct aep__feed *feed, struct aep__store *store, char **list, size_t count,
                       char **known, size_t known_count, aep_error *err)
{
    int code = AEP_OK;
    for (size_t i = 0; code == AEP_OK && i < count; i++)
        if (!holds(known, known_count, &list[i]))
            code = aep__feed_show(feed, store, list[i], err);
    return code;
}

static int find_silent(struct aep__feed *feed, struct aep__store *store, struct ids *ret,
                       aep_error *err)
{
    int64_t clock_us = aep__serve_view(feed->serve).clock_us;
    int code = list_state(store, AEP__STATE_STALLED, clock_us, add_id, ret, err);
    if (code == AEP_OK && ret->failed)
        code = aep__error_memory(err);
    if (ret->count > 1)
        qsort(ret->list, ret->count, sizeof *ret->list, compare_ids);
    return code;
}

static int keep_silent(struct aep__feed *feed, struct ids *now, int code)
{
    if (code == AEP_OK) {
        aep__silence_done(feed);
        feed->silent = now->list;
        feed->silent_count = now->count;
    } else {
        free_ids(now->list, now->count);
    }
    return code;
}

int aep__silence_begin(struct aep__feed *feed, struct aep__store *store, aep_error *err)
{
    struct ids now = {0};
    return keep_silent(feed, &now, find_silent(feed, store, &now, err));
}

int aep__silence_look(struct aep__feed *feed, struct aep__store *store, aep_error *err)
{
    struct ids now = {0};
    int code = find_silent(feed, store, &now, err);
    if (code == AEP_OK)
        code = show_others(feed, store, now.list, now.count, feed->silent, feed->silent_count, err);
    if (code == AEP_OK)
        code = show_others(feed, store, feed->silent, feed->silent_count, now.list, now.count, err);
    return keep_silent(feed, &now, code);
}

void aep__silence_done(struct aep__feed *feed)
{
    free_ids(feed->silent, feed->silent_count);
    feed->silent = NULL;
    feed->silent_count = 0;
}

/* ---- counts --------------------------------------------------------------------------------- */

static bool take_waiting(void *user, const struct aep__tracked *execution)
{
    struct aep__waits *waits = user;
    waits->human +=
        execution->waiting == AEP__WAITING_HUMAN || execution->waiting == AEP__WAITING_PERMISSION;
    if (execution->waiting_since != AEP__UNKNOWN_US &&
        (waits->oldest_us == AEP__UNKNOWN_US || execution->waiting_since < waits->oldest_us))
        waits->oldest_us = execution->waiting_since;
    return true;
}

int aep__waits_find(struct aep__serve *serve, struct aep__store *store, struct aep__waits *ret,
                    aep_error *err)
{
    const int64_t *states = aep__serve_counts(serve, store, err);
    *ret = (struct aep__waits){.oldest_us = AEP__UNKNOWN_US};
    if (!states)
        return err->code;
    if (states[AEP__STATE_WAITING] == 0)
        return AEP_OK;
    return list_state(store, AEP__STATE_WAITING, aep__serve_view(serve).clock_us, take_waiting, ret,
                      err);
}

int aep__states_add(struct aep__buf *out, struct aep__serve *serve, struct aep__store *store,
                    aep_error *err)
{
    const int64_t *states = aep__serve_counts(serve, store, err);
    struct aep__waits waits = {0};
    int code = states ? aep__waits_find(serve, store, &waits, err) : err->code;
    aep__buf_text(out, "\"states\":{");
    for (int i = 0; i < AEP__STATE_COUNT; i++)
        aep__buf_format(out, "%s\"%s\":%lld", i ? "," : "", aep__state_word((enum aep__state)i),
                        states ? (long long)states[i] : 0);
    aep__buf_format(out, "},\"needs_you\":%u", waits.human);
    return code;
}
