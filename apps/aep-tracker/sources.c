/* SPDX-License-Identifier: Apache-2.0 */
#include "sources.h"

#include "aep/spools.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/os.h"
#include "track/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define BATCH_US 100000
#define TURN_EVENTS 100 /* of one source, before the next one's turn */
#define OWNS_MAX 64     /* different ones that readers may name */
#define LOOK_US 1000000 /* between two looks for spools */
/* After a folder has appeared they come more often for a while, since a spool's identity comes last;
 * but not again at once, as beside a spool in /tmp, where folders come and go. */
#define SOON_US 50000
#define LIVELY_US 1000000
#define LIVELY_EVERY_US 5000000
#define LISTEN_US 250000 /* nor is each file heard that appears there */

void aep__sources_init(struct aep__sources *sources, struct aep__log *log)
{
    *sources = (struct aep__sources){.log = log, .watch_fd = -1};
    sources->watch_fd = aep__os_above(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
}

static void close_source(struct aep__source_spool *source)
{
    aep__source_spool_close(source);
    free(source);
}

void aep__sources_close(struct aep__sources *sources)
{
    for (size_t i = 0; i < sources->count; i++)
        close_source(sources->list[i]);
    if (sources->kafka)
        aep__source_kafka_rewind(sources->kafka);
    free(sources->list);
    sources->list = NULL;
    sources->count = 0;
    sources->look_us = 0;
}

void aep__sources_done(struct aep__sources *sources)
{
    aep__source_kafka_close(sources->kafka);
    sources->kafka = NULL;
    aep__sources_close(sources);
    for (size_t i = 0; i < sources->own_count; i++)
        free(sources->owns[i]);
    free(sources->owns);
    if (sources->watch_fd >= 0)
        close(sources->watch_fd);
    *sources = (struct aep__sources){.watch_fd = -1};
}

void aep__sources_begin(struct aep__sources *sources, const aep_config *config, const char *place)
{
    aep_error why;
    sources->spools = aep__reading_wants(config, "spool");
    if (!aep__reading_wants(config, "kafka") ||
        aep__source_kafka_open(&sources->kafka, config, place, sources->log, &why) == AEP_OK)
        return;
    snprintf(sources->kafka_problem, sizeof sources->kafka_problem, "%s", why.text);
    aep__log_write(sources->log, AEP_LOG_ERROR, "Kafka is not read: %s", why.text);
}

/* ---- where they are ---- */

static bool is_known(const struct aep__sources *sources, const char *own)
{
    for (size_t i = 0; i < sources->own_count; i++)
        if (strcmp(sources->owns[i], own) == 0)
            return true;
    return false;
}

int aep__sources_add(struct aep__sources *sources, const char *own, aep_error *err)
{
    sources->look_us = 0;
    if (own[0] != '/' || is_known(sources, own) || sources->own_count == OWNS_MAX)
        return AEP_OK;
    char **owns = realloc(sources->owns, (sources->own_count + 1) * sizeof *owns);
    if (owns)
        sources->owns = owns;
    char *copy = strdup(own);
    if (!owns || !copy) {
        free(copy);
        return aep__error_memory(err);
    }
    sources->owns[sources->own_count++] = copy;
    return AEP_OK;
}

/* Again each time: the folder may have been made, or made anew, since. */
static void watch_folder(struct aep__sources *sources, const char *own)
{
    struct aep__buf folder = {0};
    const char *slash = strrchr(own, '/');
    aep__buf_add(&folder, own, (size_t)(slash - own) + 1);
    if (sources->watch_fd >= 0)
        inotify_add_watch(sources->watch_fd, aep__buf_string(&folder),
                          IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    aep__buf_done(&folder);
}

static bool is_open(const struct aep__sources *sources, const char *path)
{
    for (size_t i = 0; i < sources->count; i++)
        if (strcmp(sources->list[i]->spool.path, path) == 0)
            return true;
    return false;
}

/* What cannot be opened does not hide the others. */
static int open_found(void *user, const char *path)
{
    struct aep__sources *sources = user;
    aep_error why;
    if (is_open(sources, path))
        return 0;
    struct aep__source_spool **list =
        realloc(sources->list, (sources->count + 1) * sizeof(struct aep__source_spool *));
    if (list)
        sources->list = list;
    struct aep__source_spool *source = list ? malloc(sizeof *source) : NULL;
    int code = source ? aep__source_spool_open(source, path, sources->store, &why)
                      : aep__error_memory(&why);
    if (code != AEP_OK) {
        free(source);
        aep__log_write(sources->log, AEP_LOG_WARNING, "%s is not read: %s", path, why.text);
        return 0;
    }
    sources->list[sources->count++] = source;
    aep__log_write(sources->log, AEP_LOG_INFO, "reading %s from segment %llu, offset %llu", path,
                   (unsigned long long)source->position.segment,
                   (unsigned long long)source->position.offset);
    return 0;
}

static void forget_gone(struct aep__sources *sources)
{
    size_t kept = 0;
    for (size_t i = 0; i < sources->count; i++) {
        struct aep__source_spool *source = sources->list[i];
        if (!source->gone) {
            sources->list[kept++] = source;
            continue;
        }
        aep__log_write(sources->log, AEP_LOG_INFO, "%s has been removed", source->spool.path);
        close_source(source);
    }
    sources->count = kept;
}

void aep__sources_look(struct aep__sources *sources, struct aep__store *store)
{
    int64_t now_us = aep__clock_mono_us();
    forget_gone(sources);
    if (now_us < sources->look_us)
        return;
    sources->store = store;
    for (size_t i = 0; sources->spools && i < sources->own_count; i++) {
        watch_folder(sources, sources->owns[i]);
        aep__spools_beside(sources->owns[i], open_found, sources);
    }
    sources->look_us = now_us + (now_us < sources->lively_us ? SOON_US : LOOK_US);
}

/* ---- reading ---- */

static int read_kafka(struct aep__sources *sources, struct aep__ingest *ingest, bool *end,
                      unsigned *count, aep_error *err)
{
    unsigned taken = 0;
    if (!sources->kafka || *end)
        return AEP_OK;
    int code = aep__source_kafka_read(sources->kafka, ingest, TURN_EVENTS, &taken, end, err);
    *count += taken;
    return code;
}

/* One turn of each that has not reached its end. */
static int read_each(struct aep__sources *sources, struct aep__ingest *ingest, bool *ends,
                     unsigned *count, bool *ret_end, aep_error *err)
{
    int code = AEP_OK;
    *ret_end = true;
    for (size_t i = 0; code == AEP_OK && i < sources->count; i++) {
        struct aep__source_spool *source = sources->list[i];
        unsigned taken = 0;
        if (ends[i])
            continue;
        code = aep__source_spool_read(source, ingest, TURN_EVENTS, &taken, &ends[i], err);
        *count += taken;
        *ret_end &= ends[i];
        if (source->problem[0])
            aep__log_write(sources->log, AEP_LOG_WARNING, "%s cannot be read: %s",
                           source->spool.path, source->problem);
    }
    bool *kafka_end = &ends[sources->count];
    if (code == AEP_OK)
        code = read_kafka(sources, ingest, kafka_end, count, err);
    *ret_end &= *kafka_end || !sources->kafka;
    return code;
}

int aep__sources_read(struct aep__sources *sources, struct aep__ingest *ingest, unsigned most,
                      unsigned *ret_count, bool *ret_end, aep_error *err)
{
    int64_t until_us = aep__clock_mono_us() + BATCH_US;
    bool *ends = calloc(sources->count + 1, sizeof *ends);
    int code = ends ? AEP_OK : aep__error_memory(err);
    *ret_count = 0;
    *ret_end = false;
    if (sources->kafka)
        aep__source_kafka_turn(sources->kafka);
    while (code == AEP_OK && !*ret_end && *ret_count < most) {
        code = read_each(sources, ingest, ends, ret_count, ret_end, err);
        if (aep__clock_mono_us() >= until_us)
            break;
    }
    free(ends);
    return code;
}

/* One that could never be read does not hold the others up. */
int64_t aep__sources_as_of(const struct aep__sources *sources, int64_t now_us)
{
    int64_t as_of_us = now_us;
    for (size_t i = 0; i < sources->count; i++) {
        const struct aep__source_spool *source = sources->list[i];
        bool counts = !source->gone && (source->read_us > 0 || !source->problem[0]);
        if (counts && source->read_us < as_of_us)
            as_of_us = source->read_us;
    }
    if (sources->kafka) {
        struct aep__kafka_status kafka;
        aep__source_kafka_status(sources->kafka, &kafka);
        bool counts = kafka.as_of_us > 0 || !kafka.problem[0];
        if (counts && kafka.as_of_us < as_of_us)
            as_of_us = kafka.as_of_us;
    }
    return as_of_us;
}

int aep__sources_note(struct aep__sources *sources, struct aep__store *store, aep_error *err)
{
    return sources->kafka ? aep__source_kafka_note(sources->kafka, store, err) : AEP_OK;
}

void aep__sources_ask(struct aep__sources *sources)
{
    if (sources->kafka)
        aep__source_kafka_ask(sources->kafka);
}

bool aep__sources_awaited(const struct aep__sources *sources)
{
    return sources->kafka && aep__source_kafka_awaited(sources->kafka);
}

const char *aep__sources_behind(const struct aep__sources *sources)
{
    struct aep__kafka_status kafka;
    if (!sources->kafka)
        return sources->kafka_problem[0] ? sources->kafka_problem : NULL;
    aep__source_kafka_status(sources->kafka, &kafka);
    return kafka.problem[0] ? kafka.problem : kafka.trouble[0] ? kafka.trouble : NULL;
}

/* ---- watching ---- */

size_t aep__sources_polls_max(const struct aep__sources *sources)
{
    return sources->count + 2;
}

size_t aep__sources_polls(const struct aep__sources *sources, struct pollfd *polls)
{
    size_t count = 0;
    bool listens = aep__clock_mono_us() >= sources->listen_us;
    polls[count++] = (struct pollfd){.fd = listens ? sources->watch_fd : -1, .events = POLLIN};
    for (size_t i = 0; i < sources->count; i++)
        polls[count++] =
            (struct pollfd){.fd = sources->list[i]->follower.watch_fd, .events = POLLIN};
    int kafka_fd = sources->kafka ? aep__source_kafka_fd(sources->kafka) : -1;
    polls[count++] = (struct pollfd){.fd = kafka_fd, .events = POLLIN};
    return count;
}

/* Whether a folder is among what has appeared. */
static bool take_folders(int fd)
{
    _Alignas(struct inotify_event) char events[4096];
    bool seen = false;
    for (ssize_t len; (len = read(fd, events, sizeof events)) > 0;) {
        for (const char *at = events; at < events + len;) {
            struct inotify_event event;
            memcpy(&event, at, sizeof event);
            seen |= (event.mask & (IN_ISDIR | IN_Q_OVERFLOW)) != 0;
            at += sizeof event + event.len;
        }
    }
    return seen;
}

bool aep__sources_polled(struct aep__sources *sources, const struct pollfd *polls, size_t count)
{
    bool seen = false;
    for (size_t i = 1; i < count; i++) {
        if (!polls[i].revents)
            continue;
        if (i + 1 == count)
            aep__source_kafka_drain(sources->kafka);
        else
            aep__follower_drain(&sources->list[i - 1]->follower);
        seen = true;
    }
    if (count == 0 || !polls[0].revents)
        return seen;
    sources->listen_us = aep__clock_mono_us() + LISTEN_US;
    if (!take_folders(polls[0].fd))
        return seen;
    sources->look_us = 0;
    sources->lively_us = aep__clock_mono_us() + LIVELY_US;
    sources->listen_us = aep__clock_mono_us() + LIVELY_EVERY_US;
    return true;
}
