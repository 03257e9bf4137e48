/* SPDX-License-Identifier: Apache-2.0 */
/* A store of its own for each test, and words for executions and events. Times are seconds after an
 * instant in 2025. The store is in SQLite; or, where AEP_TEST_POSTGRES is a server's URL, there: what is
 * tested holds for both. */
#ifndef AEP_TESTS_TRACK_FIXTURE_H
#define AEP_TESTS_TRACK_FIXTURE_H

#include "postgres_fixture.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/id.h"
#include "track/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define EPOCH_US INT64_C(1763000000000000)
#define AT(seconds) (EPOCH_US + (int64_t)(seconds)*1000000)

struct track {
    char root[64];  /* removed with all that is in it */
    char path[256]; /* of the store, or its URL */
    struct aep__store *store;
    aep_error err;
};

static inline int remove_track_entry(const char *path, const struct stat *st, int type,
                                     struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static inline int begin_folder(void **state)
{
    static struct track track;
    const char *base = getenv("TMPDIR");
    track = (struct track){0};
    *state = &track;
    snprintf(track.root, sizeof track.root, "%s/aep-track-test.XXXXXX",
             base && *base ? base : "/tmp");
    if (!mkdtemp(track.root))
        return -1;
    snprintf(track.path, sizeof track.path, "%s/state/tracker.db", track.root);
    return !postgres_server() || postgres_make(track.path, sizeof track.path) ? 0 : -1;
}

static inline int begin_track(void **state)
{
    if (begin_folder(state) < 0)
        return -1;
    struct track *track = *state;
    return aep__store_open(&track->store, track->path, true, &track->err) == AEP_OK ? 0 : -1;
}

static inline void close_track(struct track *track)
{
    if (track->store)
        track->store->ops->close(track->store);
    track->store = NULL;
}

static inline int end_track(void **state)
{
    struct track *track = *state;
    close_track(track);
    if (postgres_server())
        postgres_drop(track->path);
    return nftw(track->root, remove_track_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#define TRACK_TEST(function) cmocka_unit_test_setup_teardown(function, begin_track, end_track)
#define FOLDER_TEST(function) cmocka_unit_test_setup_teardown(function, begin_folder, end_track)

/* Calls an operation that has to succeed: MUST(track, put, &execution). */
#define MUST(track, op, ...)                                                                       \
    do {                                                                                           \
        if ((track)->store->ops->op((track)->store, __VA_ARGS__, &(track)->err) != AEP_OK)         \
            fail_msg(#op ": %s", (track)->err.text);                                               \
    } while (0)

static inline void begin(struct track *track)
{
    if (track->store->ops->begin(track->store, &track->err) != AEP_OK)
        fail_msg("begin: %s", track->err.text);
}

static inline void commit(struct track *track)
{
    if (track->store->ops->commit(track->store, &track->err) != AEP_OK)
        fail_msg("commit: %s", track->err.text);
}

/* ---- ids: a UUID for each number, ascending ---- */

static inline const char *id_of(unsigned number)
{
    static char texts[8][AEP_ID_SIZE];
    static unsigned next;
    char *text = texts[next++ % 8];
    snprintf(text, AEP_ID_SIZE, "019a0000-0000-7000-8000-%012x", number);
    return text;
}

static inline struct aep__order order_of(unsigned number, int64_t at_us)
{
    struct aep__order order = {.at_us = at_us};
    assert_true(aep__id_parse(id_of(number), AEP_ID_SIZE - 1, order.id));
    return order;
}

/* ---- executions ---- */

static inline void set_text(struct aep__tracked *execution, char **text, const char *value)
{
    aep__tracked_set_text(execution, text, value ? aep__slice_text(value) : (struct aep__slice){0});
}

/* One that has started at that second and is running, of agent a, tenant t, correlation id c. */
static inline struct aep__tracked make_execution(unsigned number, int seconds)
{
    struct aep__tracked execution;
    aep__tracked_init(&execution);
    set_text(&execution, &execution.id, id_of(number));
    set_text(&execution, &execution.root_id, id_of(number));
    set_text(&execution, &execution.tenant_id, "t");
    set_text(&execution, &execution.correlation_id, "c");
    set_text(&execution, &execution.agent_name, "a");
    execution.started_at = execution.last_event_at = execution.quiet_since = AT(seconds);
    execution.origins[AEP__ORIGIN_STARTED] = execution.origins[AEP__ORIGIN_LAST] =
        order_of(number, AT(seconds));
    execution.patience_us = INT64_C(600000000);
    execution.stalls_at = AT(seconds) + execution.patience_us;
    execution.abandons_at = AT(seconds) + INT64_C(86400000000);
    execution.events = 1;
    return execution;
}

/* Puts it, in a transaction of its own, and frees its texts. */
static inline void store_execution(struct track *track, struct aep__tracked *execution)
{
    begin(track);
    MUST(track, put, execution);
    commit(track);
    aep__tracked_done(execution);
}

/* ---- events ---- */

struct made_event {
    struct aep__observation observation;
    struct aep__stored_event stored;
};

/* An event of an execution, with the text as its body. */
static inline struct made_event make_event(unsigned number, int64_t at_us, const char *execution_id,
                                           const char *body)
{
    struct made_event event = {
        .stored = {.body = aep__slice_text(body), .execution_id = execution_id, .bound = true}};
    event.observation.order = order_of(number, at_us);
    event.observation.body = event.stored.body;
    snprintf(event.observation.event_id, sizeof event.observation.event_id, "%s", id_of(number));
    aep__hash128(body, strlen(body), event.stored.digest);
    return event;
}

/* ---- what operations give, as texts: each with a blank behind it ---- */

static inline bool keep_id(void *user, const char *id)
{
    aep__buf_format(user, "%s ", id);
    return true;
}

/* The last digits of ids that id_of() made; others whole. */
static inline bool keep_number(void *user, const char *id)
{
    unsigned number;
    if (sscanf(id, "019a0000-0000-7000-8000-%12x", &number) == 1)
        aep__buf_format(user, "%u ", number);
    else
        aep__buf_format(user, "%s ", id);
    return true;
}

static inline bool keep_row(void *user, const struct aep__tracked *execution)
{
    return keep_number(user, execution->id);
}

static inline bool keep_event(void *user, const struct aep__stored_event *event)
{
    aep__buf_format(user, "%.*s ", (int)event->body.len, event->body.data);
    return true;
}

/* Compares, and empties it. */
static inline void assert_kept(struct aep__buf *kept, const char *expected)
{
    assert_string_equal(aep__buf_string(kept), expected);
    aep__buf_done(kept);
}

#endif
