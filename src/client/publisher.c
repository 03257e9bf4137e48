/* SPDX-License-Identifier: Apache-2.0 */
#include "client/publisher.h"

#include "base/error.h"
#include "base/id.h"
#include "client/call.h"
#include "client/spawn.h"
#include "spool/cursor.h"
#include "spool/segment.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the process's half ---- */

struct aep__process *aep__publisher_process_made(const aep_publisher *pub)
{
    struct aep__process *process = atomic_load_explicit(&pub->slot->process, memory_order_acquire);
    return process && (pub->wiped || process->pid == getpid()) ? process : NULL;
}

/* If several threads are the first after a fork, one wins; the others free what they made. */
static int make_process(aep_publisher *pub, struct aep__process **ret, aep_error *err)
{
    struct aep__process *made, *found = atomic_load(&pub->slot->process);
    if (!pub->wiped && found)
        aep__id_forked();
    int result = aep__process_new(pub, &made, err);
    if (result != AEP_OK)
        return result;
    if (atomic_compare_exchange_strong(&pub->slot->process, &found, made)) {
        *ret = made;
        return AEP_OK;
    }
    aep__process_free(made);
    *ret = found;
    return AEP_OK;
}

int aep__publisher_process(aep_publisher *pub, struct aep__process **ret, aep_error *err)
{
    struct aep__process *process = aep__publisher_process_made(pub);
    if (!process)
        return make_process(pub, ret, err);
    *ret = process;
    return AEP_OK;
}

/* Under the lock. Reaps relays that have ended. If this process adopts orphans, each would
 * otherwise leave a zombie. */
static void remember_relay(struct aep__process *process, const struct aep__os_child *relay)
{
    struct aep__os_child *free = &process->relays[0];
    for (int i = 0; i < AEP__RELAYS; i++)
        if (aep__os_reap(&process->relays[i])) {
            process->relays[i] = (struct aep__os_child){0};
            free = &process->relays[i];
        }
    if (relay->pid > 0)
        *free = *relay;
}

int aep__publisher_start_relay(aep_publisher *pub, struct aep__process *process, aep_error *err)
{
    aep_error why;
    struct aep__os_child relay = {0};
    int result = aep__spawn(&aep__spawned_relay, pub->config, pub->dir, &relay, &why);
    if (aep__process_lock(process, NULL) == AEP_OK) {
        remember_relay(process, &relay);
        snprintf(process->relay_problem, sizeof process->relay_problem, "%s",
                 result == AEP_OK ? "" : why.text);
        if (result != AEP_OK) {
            process->contended_with = 0; /* that one has met no contender yet */
            aep__process_notice(process, AEP__NOTICE_RELAY, AEP_LOG_WARNING,
                                "events stay on disk: %s", why.text);
        }
        aep__process_unlock(process);
    }
    return result == AEP_OK ? AEP_OK : aep__error(err, result, why.field, "%s", why.text);
}

/* ---- opening ---- */

static enum aep__sync sync_of(const aep_config *config)
{
    if (aep__config_is(config, AEP__OPT_SPOOL_SYNC, "always"))
        return AEP__SYNC_ALWAYS;
    return aep__config_is(config, AEP__OPT_SPOOL_SYNC, "never") ? AEP__SYNC_NEVER : AEP__SYNC_BATCH;
}

/* A copy of a variable, NULL if it is unset or empty; *failed without memory. */
static char *copy_variable(const char *name, bool *failed)
{
    const char *value = secure_getenv(name);
    if (!value || !*value)
        return NULL;
    char *copy = strdup(value);
    *failed |= !copy;
    return copy;
}

static int read_settings(aep_publisher *pub, aep_error *err)
{
    bool failed = false;
    pub->enabled = aep__config_bool(pub->config, AEP__OPT_EVENTS_ENABLED);
    pub->local = aep__config_is(pub->config, AEP__OPT_MODE, "local");
    pub->relay_auto =
        aep__config_is(pub->config, AEP__OPT_RELAY_MODE, "auto") && aep__spawn_allowed();
    pub->sync = sync_of(pub->config);
    pub->log_every_us = aep__config_int(pub->config, AEP__OPT_LOG_EVERY_S) * 1000000;
    pub->log = aep__config_log(pub->config, &pub->log_user);
    pub->traceparent = copy_variable("TRACEPARENT", &failed);
    pub->tracestate = copy_variable("TRACESTATE", &failed);
    return failed ? aep__error_memory(err) : AEP_OK;
}

static int make_slot(aep_publisher *pub, aep_error *err)
{
    pub->slot = aep__os_wiped_page();
    pub->wiped = pub->slot != NULL;
    if (!pub->slot)
        pub->slot = calloc(1, sizeof *pub->slot);
    return pub->slot ? AEP_OK : aep__error_memory(err);
}

static void say(const aep_publisher *pub, const char *format, ...)
{
    char text[PATH_MAX + 512];
    va_list args;
    if (!pub->log)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pub->log(pub->log_user, AEP_LOG_WARNING, text);
}

static int set_dir(aep_publisher *pub, aep_error *err)
{
    struct aep__buf dir = {0};
    int result = pub->enabled ? aep__config_spool_dir(pub->config, &dir, err) : AEP_OK;
    if (result == AEP_OK) {
        pub->dir = strdup(aep__buf_string(&dir));
        result = pub->dir ? AEP_OK : aep__error_memory(err);
    }
    aep__buf_done(&dir);
    if (result == AEP_OK && pub->enabled && aep__config_spool_stands_in(pub->config))
        say(pub,
            "the folder for spools is on a network file system, where a spool is not safe: using "
            "%s",
            pub->dir);
    return result;
}

static bool has_backlog(const struct aep__spool *spool)
{
    struct aep__cursor cursor;
    struct stat st;
    char name[AEP__SEGMENT_NAME_SIZE];
    if (aep__cursor_load(spool, &cursor, NULL) != AEP_OK)
        return false;
    if (aep__segment_last(spool, cursor.segment) > cursor.segment)
        return true;
    aep__segment_name(cursor.segment, name);
    return fstatat(spool->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (uint64_t)st.st_size > (cursor.offset ? cursor.offset : AEP__SEGMENT_EMPTY_BYTES);
}

/* A folder that was set by name keeps its events when the brokers change: right for a renamed
 * cluster, wrong for a different one. */
static void warn_of_other_destination(const aep_publisher *pub)
{
    const struct aep__spool *spool = &pub->first->spool;
    struct aep__buf ours = {0}, made_for = {0};
    aep__config_destination(pub->config, &ours);
    if (!aep__spool_made_for(spool, aep__buf_string(&ours)) && has_backlog(spool)) {
        aep__spool_destination(spool, &made_for);
        say(pub,
            "%s still holds events that were published for other brokers or another login (%s): "
            "they will go where the configuration says now",
            pub->dir, aep__buf_string(&made_for));
    }
    aep__buf_done(&ours);
    aep__buf_done(&made_for);
}

static int open_first(aep_publisher *pub, aep_error *err)
{
    int result = aep__publisher_process(pub, &pub->first, err);
    if (result == AEP_OK && pub->log && !pub->local)
        warn_of_other_destination(pub);
    return result;
}

void aep__publisher_try_again(aep_publisher *pub)
{
    pub->tries_again = true;
}

void aep__publisher_free(aep_publisher *pub)
{
    if (pub->wiped)
        aep__os_wiped_page_free(pub->slot);
    else
        free(pub->slot);
    aep_config_free(pub->config);
    free(pub->dir);
    free(pub->traceparent);
    free(pub->tracestate);
    free(pub);
}

static int open_publisher(aep_publisher **ret, const aep_config *config, aep_error *err)
{
    aep_publisher *pub = calloc(1, sizeof *pub);
    if (!pub)
        return aep__error_memory(err);
    int result = aep__config_resolve(config, &pub->config, err);
    if (result == AEP_OK)
        result = read_settings(pub, err);
    if (result == AEP_OK)
        result = make_slot(pub, err);
    if (result == AEP_OK)
        result = set_dir(pub, err);
    if (result == AEP_OK && pub->enabled)
        result = open_first(pub, err);
    if (result == AEP_OK)
        *ret = pub;
    else
        aep__publisher_free(pub);
    return result;
}

int aep_publisher_open(aep_publisher **ret, const aep_config *config, aep_error *err)
{
    struct aep__call call = aep__call_begin();
    int result = ret ? open_publisher(ret, config, err)
                     : aep__error(err, AEP_EINVAL, "ret", "no place for the publisher is given");
    return aep__call_end(call, result);
}

const char *aep_publisher_spool_dir(const aep_publisher *pub)
{
    return pub ? pub->dir : "";
}

int aep_publisher_option(const aep_publisher *pub, const char *key, char *text, size_t size,
                         aep_error *err)
{
    if (!pub || !key || !text)
        return aep__error(err, AEP_EINVAL, NULL, "no publisher, key or place is given");
    struct aep__buf value = {0};
    int result = AEP_OK;
    if (!aep__config_show(pub->config, key, &value))
        result = aep__error(err, AEP_ECONFIG, key, "unknown option \"%s\"", key);
    else if (value.failed)
        result = aep__error_memory(err);
    else if (value.len >= size)
        result = aep__error(err, AEP_ECONFIG, key, "%s has %zu bytes", key, value.len);
    else
        memcpy(text, aep__buf_string(&value), value.len + 1);
    aep__buf_done(&value);
    return result;
}
