/* SPDX-License-Identifier: Apache-2.0 */
/* A spool, a store beside it, and the source between them; what publishers, the relay and the tracker do,
 * in words. */
#ifndef AEP_TESTS_SOURCE_FIXTURE_H
#define AEP_TESTS_SOURCE_FIXTURE_H

#include "spool_fixture.h"

#include "spool/append.h"
#include "track/source_spool.h"

#define LONG 1500 /* bytes of an event: a few fill a segment */

/* The spool's test, and a store beside it. */
struct scene {
    struct here *here;
    struct aep__appender appender;
    struct aep__store *store;
    struct aep__ingest ingest;
    struct aep__source_spool source;
    unsigned published;
    char path[96];
};

static inline void open_source(struct scene *scene)
{
    aep_error err = {0};
    if (aep__store_open(&scene->store, scene->path, true, &err) != AEP_OK ||
        aep__ingest_init(&scene->ingest, scene->store, 1, &err) != AEP_OK ||
        aep__source_spool_open(&scene->source, scene->here->dir, scene->store, &err) != AEP_OK)
        fail_msg("%s", err.text);
}

static inline void close_source(struct scene *scene)
{
    aep__source_spool_close(&scene->source);
    aep__ingest_done(&scene->ingest);
    scene->store->ops->close(scene->store);
}

static inline struct scene *begin_scene(void **state)
{
    static struct scene scene;
    scene = (struct scene){.here = *state, .appender = begin_appending(*state)};
    snprintf(scene.path, sizeof scene.path, "%s/tracker.db", scene.here->root);
    open_source(&scene);
    return &scene;
}

static inline void end_scene(struct scene *scene)
{
    close_source(scene);
    aep__append_done(&scene->appender);
}

static inline const char *id_of(unsigned number)
{
    static char id[AEP_ID_SIZE];
    snprintf(id, sizeof id, "019a0000-0000-7000-8000-%012x", number);
    return id;
}

/* The next event, number 1, 2, …: each begins an execution. */
static inline void publish(struct scene *scene)
{
    char text[1024];
    unsigned number = ++scene->published;
    snprintf(text, sizeof text,
             "{\"event_type\":\"omninode.agent.execution.started.v1\",\"event_id\":\"%s\","
             "\"timestamp\":\"2025-11-13T14:30:00.%06uZ\",\"tenant_id\":\"t\",\"correlation_id\":"
             "\"c%u\",\"payload\":{\"agent_name\":\"a\",\"user_request\":\"r\"}}",
             id_of(number), number, number);
    append_long(&scene->appender, text, LONG);
}

static inline void publish_some(struct scene *scene, unsigned count)
{
    while (count-- > 0)
        publish(scene);
}

/* One transaction, of at most that many; commits it or not. */
static inline unsigned read_some(struct scene *scene, unsigned most, bool commit, bool *ret_end)
{
    aep_error err = {0};
    unsigned count = 0;
    struct aep__store *store = scene->store;
    if (store->ops->begin(store, &err) != AEP_OK ||
        aep__source_spool_read(&scene->source, &scene->ingest, most, &count, ret_end, &err) !=
            AEP_OK ||
        aep__ingest_flush(&scene->ingest, &err) != AEP_OK ||
        (commit && store->ops->commit(store, &err) != AEP_OK))
        fail_msg("%s", err.text);
    if (!commit)
        store->ops->rollback(store);
    return count;
}

static inline unsigned read_all(struct scene *scene)
{
    bool end = false;
    unsigned count = 0;
    while (!end)
        count += read_some(scene, 2, true, &end);
    return count;
}

static inline int64_t counted(struct scene *scene, const char *name)
{
    int64_t count = -1;
    assert_int_equal(scene->store->ops->get_count(scene->store, name, &count, NULL), AEP_OK);
    return count;
}

/* The number that an event has in the store; -1: it is not there. */
static inline int64_t ordinal_of(struct scene *scene, unsigned number)
{
    struct aep__stored_event event;
    int found = scene->store->ops->find_event(scene->store, id_of(number), &event, NULL);
    assert_true(found >= 0);
    if (!found)
        return -1;
    assert_true(event.sequence.known);
    assert_memory_equal(event.sequence.spool, scene->here->spool.uuid, 16);
    return (int64_t)event.sequence.ordinal;
}

/* The relay's cursor: everything before it is finished. */
static inline void finish(struct scene *scene, uint64_t segment, uint64_t offset, uint64_t ordinal)
{
    struct here *here = scene->here;
    store_cursor(here, segment, offset);
    here->cursor.ordinal = ordinal;
    assert_int_equal(aep__cursor_store(&here->spool, here->cursor_fd, &here->cursor, true), 0);
}

/* The first segment, which was sealed with that many events, goes once they are delivered. */
static inline void deliver_segment(struct scene *scene, uint64_t events)
{
    load_cursor(scene->here);
    uint64_t segment = scene->here->cursor.segment, ordinal = scene->here->cursor.ordinal;
    assert_true(seal_of(scene->here, segment) >= 0);
    finish(scene, segment + 1, 0, ordinal + events);
    remove_segment(scene->here, segment);
}

#endif
