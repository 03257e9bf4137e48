/* SPDX-License-Identifier: Apache-2.0 */
#include "client/enrolment.h"

#include "base/error.h"
#include "base/id.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void aep__enrolment_init(struct aep__enrolment *enrolment)
{
    *enrolment = (struct aep__enrolment){.home_fd = -1};
}

/* ---- what is common ---- */

aep_position aep__enrolment_position(const struct aep__process *process)
{
    const struct aep__appender *appender = &process->appender;
    bool known = appender->fd >= 0 && !appender->sealed && appender->at > 0;
    return (aep_position){appender->segment, known ? (uint64_t)appender->at : 0};
}

int aep__enrolment_failed(const struct aep__process *process, aep_error *err)
{
    bool full = errno == ENOSPC || errno == EDQUOT;
    if (errno == ENOMEM)
        return aep__error_memory(err);
    return aep__error_errno(err, full ? AEP_EFULL : AEP_ESPOOL, "spool.dir",
                            "cannot note in %s/" AEP__ROLL_FOLDER " that an execution is open",
                            process->spool.path);
}

int aep__enrolment_check(const struct aep__roll_entry *entry, aep_error *err)
{
    const struct aep__roll_area *another = &entry->areas[AEP__ROLL_ANOTHER];
    const struct aep__roll_area *relay = &entry->areas[AEP__ROLL_RELAY];
    if (relay->state == AEP__ROLL_DECLARING || relay->state == AEP__ROLL_DECLARED)
        return aep__error(
            err, AEP_ESTATE, NULL,
            "this execution has already been declared failed (ABANDONED): its process "
            "was gone");
    if (another->state == AEP__ROLL_ENDED || another->state == AEP__ROLL_ENDING)
        return aep__error(err, AEP_ESTATE, NULL,
                          "another process has already ended this execution");
    return AEP_OK;
}

/* The payload's first member, in every kind. */
struct aep__slice aep__enrolment_agent_name(const struct aep__envelope *envelope)
{
    static const char before[] = "{\"agent_name\":";
    struct aep__slice value = envelope->message.value;
    const char *begin = value.data + envelope->payload_at + sizeof before - 1;
    const char *end = value.data + value.len, *at;
    for (at = begin + 1; at < end && *at != '"'; at++)
        at += *at == '\\';
    return (struct aep__slice){begin, (size_t)(at + 1 - begin)};
}

void aep__enrolment_describe(const struct aep__process *process,
                             const struct aep__envelope *envelope, struct aep__buf *out)
{
    const struct aep__envelope_settings *settings = &process->settings;
    bool made = envelope->traceparent.data == envelope->made_traceparent;
    struct aep__roll_body body = {
        .started_us = envelope->timestamp_us,
        .started_mono_us = process->now_us,
        .single_topic = settings->single_topic,
        .cloudevents = settings->cloudevents,
        .texts =
            {
                [AEP__ROLL_SETTINGS] = settings->middle,
                [AEP__ROLL_CORRELATION_ID] = aep__slice_text(envelope->correlation_id),
                [AEP__ROLL_SESSION_ID] = aep__slice_text(envelope->session_id),
                [AEP__ROLL_AGENT_NAME] = aep__enrolment_agent_name(envelope),
                [AEP__ROLL_TRACEPARENT] = made ? (struct aep__slice){0} : envelope->traceparent,
                [AEP__ROLL_TRACESTATE] = made ? (struct aep__slice){0} : envelope->tracestate,
                [AEP__ROLL_ENVIRONMENT] = settings->environment_value,
            },
    };
    aep__roll_encode_body(out, &body);
}

static struct aep__roll_area area_of(const struct aep__enrolment *enrolment,
                                     enum aep__roll_state state)
{
    struct aep__roll_area area = {.state = state};
    memcpy(area.execution, enrolment->execution, sizeof area.execution);
    return area;
}

static void take_event(struct aep__roll_area *area, const struct aep__process *process,
                       const struct aep__envelope *envelope)
{
    aep__id_parse(envelope->event_id, AEP_ID_SIZE - 1, area->event);
    area->from = aep__enrolment_position(process);
}

/* ---- start ---- */

/* Enters it in this process's file, with what has been described. */
static int enter(struct aep__enrolment *enrolment, struct aep__process *process,
                 const struct aep__roll_area *area)
{
    if (aep__roll_own_enter(&process->roll, area, &process->roll_body, &enrolment->place) < 0)
        return -1;
    enrolment->home = process;
    enrolment->folder = process->spool.folder;
    memcpy(enrolment->file, process->roll.name, sizeof enrolment->file);
    return 0;
}

static int before_start(void *user, struct aep__process *process,
                        const struct aep__envelope *envelope, aep_error *err)
{
    struct aep__enrolment *enrolment = user;
    struct aep__buf *body = &process->roll_body;
    aep__id_parse(envelope->event_id, AEP_ID_SIZE - 1, enrolment->execution);
    struct aep__roll_area area = area_of(enrolment, AEP__ROLL_STARTING);
    take_event(&area, process, envelope);
    aep__buf_clear(body);
    aep__enrolment_describe(process, envelope, body);
    if (body->failed)
        return aep__error_memory(err);
    return enter(enrolment, process, &area) < 0 ? aep__enrolment_failed(process, err) : AEP_OK;
}

/* The folder may have been lost between the two: then the event stands in a new one. After AEP_EIO it may
 * be in the spool, and yet there is no handle: the relay finds out. */
static void after_start(void *user, struct aep__process *process, int result)
{
    struct aep__enrolment *enrolment = user;
    struct aep__roll_area area = area_of(enrolment, AEP__ROLL_STARTED);
    if (result == AEP_OK) {
        if (!aep__roll_own_has(&process->roll, &enrolment->place))
            enter(enrolment, process, &area);
        else
            aep__roll_own_mark(&process->roll, &enrolment->place, &area);
        aep__process_opened(process);
    } else if (result == AEP_EIO) {
        struct aep__roll_entry entry;
        if (aep__roll_own_read(&process->roll, &enrolment->place, enrolment->execution, &entry) !=
            1)
            return;
        entry.areas[AEP__ROLL_OWNER].released = true;
        aep__roll_own_mark(&process->roll, &enrolment->place, &entry.areas[AEP__ROLL_OWNER]);
    } else {
        aep__roll_own_leave(&process->roll, &enrolment->place);
    }
}

const struct aep__witness aep__witness_start = {before_start, after_start};

/* ---- in between ---- */

/* Whether the execution's entry is not in this process's file but in this spool. */
static bool is_elsewhere(const struct aep__enrolment *enrolment, const struct aep__process *process)
{
    return enrolment->home && enrolment->home != process &&
           enrolment->folder.ino == process->spool.folder.ino &&
           enrolment->folder.dev == process->spool.folder.dev;
}

/* From its first event on, an execution is a forked child's as well. */
static int join(struct aep__enrolment *enrolment, struct aep__process *process, aep_error *err)
{
    static const struct aep__buf none;
    struct aep__roll_area area = area_of(enrolment, AEP__ROLL_JOINED);
    if (!is_elsewhere(enrolment, process) ||
        (enrolment->guest == process && aep__roll_own_has(&process->roll, &enrolment->joined)))
        return AEP_OK;
    if (aep__roll_own_enter(&process->roll, &area, &none, &enrolment->joined) < 0)
        return aep__enrolment_failed(process, err);
    enrolment->guest = process;
    aep__process_opened(process);
    return AEP_OK;
}

static int before_progress(void *user, struct aep__process *process,
                           const struct aep__envelope *envelope, aep_error *err)
{
    struct aep__enrolment *enrolment = user;
    (void)envelope;
    return enrolment->home == process ? AEP_OK : join(enrolment, process, err);
}

static void after_progress(void *user, struct aep__process *process, int result)
{
    (void)user, (void)process, (void)result;
}

const struct aep__witness aep__witness_progress = {before_progress, after_progress};

/* ---- end ---- */

/* Its owner ends it just then, or has ended it, or nobody lives that could have. */
static int refuse_ended(aep_error *err)
{
    return aep__error(
        err, AEP_ESTATE, NULL,
        "this execution has already ended, in the process that started it or with it");
}

/* The ENDING is written first, and then it is read what others have: of two processes that end an
 * execution at the same moment, or one and the relay, one at least sees what the other has written, and
 * gives way. An entry that is not there has been lost with its folder. */
static int begin_end_at_home(struct aep__enrolment *enrolment, struct aep__process *process,
                             const struct aep__envelope *envelope, aep_error *err)
{
    struct aep__roll_own *roll = &process->roll;
    struct aep__roll_entry entry;
    struct aep__roll_area area = area_of(enrolment, AEP__ROLL_ENDING);
    if (!aep__roll_own_has(roll, &enrolment->place))
        return AEP_OK;
    if (!aep__roll_own_ready(roll))
        return aep__enrolment_failed(process, err);
    if (!aep__roll_own_has(roll, &enrolment->place))
        return AEP_OK;
    take_event(&area, process, envelope);
    if (aep__roll_own_mark(roll, &enrolment->place, &area) < 0 ||
        aep__roll_own_read(roll, &enrolment->place, enrolment->execution, &entry) < 0)
        return aep__enrolment_failed(process, err);
    int result = aep__enrolment_check(&entry, err);
    area.state = AEP__ROLL_STARTED;
    if (result != AEP_OK)
        aep__roll_own_mark(roll, &enrolment->place, &area);
    return result;
}

static void close_home(struct aep__enrolment *enrolment)
{
    if (enrolment->home_fd >= 0)
        close(enrolment->home_fd);
    enrolment->home_fd = -1;
}

/* By a forked child, before and after it writes its own ENDING, which it sees then. */
static int look_elsewhere(const struct aep__enrolment *enrolment,
                          const struct aep__process *process, bool begun, aep_error *err)
{
    struct aep__roll_entry entry;
    const struct aep__roll_area *owner = &entry.areas[AEP__ROLL_OWNER];
    int got = aep__roll_read(enrolment->home_fd, enrolment->place.unit, &entry);
    if (got < 0)
        return aep__enrolment_failed(process, err);
    if (got == 0 || owner->state == AEP__ROLL_ENDING ||
        memcmp(owner->execution, enrolment->execution, sizeof owner->execution) != 0)
        return refuse_ended(err);
    if (begun)
        entry.areas[AEP__ROLL_ANOTHER].state = AEP__ROLL_FREE;
    return aep__enrolment_check(&entry, err);
}

static int begin_end_elsewhere(struct aep__enrolment *enrolment, struct aep__process *process,
                               const struct aep__envelope *envelope, aep_error *err)
{
    struct aep__roll_area area = area_of(enrolment, AEP__ROLL_ENDING);
    const uint32_t unit = enrolment->place.unit;
    enrolment->home_fd = aep__roll_open(&process->spool, enrolment->file);
    if (enrolment->home_fd < 0)
        return errno == ENOENT ? refuse_ended(err) : aep__enrolment_failed(process, err);
    int result = look_elsewhere(enrolment, process, false, err);
    if (result != AEP_OK)
        return result;
    take_event(&area, process, envelope);
    if (aep__roll_mark(enrolment->home_fd, unit, AEP__ROLL_ANOTHER, &area) < 0)
        return aep__enrolment_failed(process, err);
    result = look_elsewhere(enrolment, process, true, err);
    area.state = AEP__ROLL_FREE;
    if (result != AEP_OK)
        aep__roll_mark(enrolment->home_fd, unit, AEP__ROLL_ANOTHER, &area);
    return result;
}

static int before_end(void *user, struct aep__process *process,
                      const struct aep__envelope *envelope, aep_error *err)
{
    struct aep__enrolment *enrolment = user;
    if (enrolment->home == process)
        return begin_end_at_home(enrolment, process, envelope, err);
    if (!is_elsewhere(enrolment, process))
        return AEP_OK;
    int result = join(enrolment, process, err);
    if (result == AEP_OK)
        result = begin_end_elsewhere(enrolment, process, envelope, err);
    if (result != AEP_OK)
        close_home(enrolment);
    return result;
}

/* After AEP_EIO its event may be in the spool: that stays to be found out. */
static void after_end(void *user, struct aep__process *process, int result)
{
    struct aep__enrolment *enrolment = user;
    struct aep__roll_area area = area_of(enrolment, AEP__ROLL_STARTED);
    if (enrolment->home == process) {
        if (result == AEP_OK)
            aep__roll_own_leave(&process->roll, &enrolment->place);
        else if (result != AEP_EIO && aep__roll_own_has(&process->roll, &enrolment->place))
            aep__roll_own_mark(&process->roll, &enrolment->place, &area);
        return;
    }
    if (enrolment->home_fd >= 0 && result != AEP_EIO) {
        area.state = result == AEP_OK ? AEP__ROLL_ENDED : AEP__ROLL_FREE;
        aep__roll_mark(enrolment->home_fd, enrolment->place.unit, AEP__ROLL_ANOTHER, &area);
    }
    close_home(enrolment);
    if (result == AEP_OK && enrolment->guest == process) {
        aep__roll_own_leave(&process->roll, &enrolment->joined);
        enrolment->guest = NULL;
    }
}

const struct aep__witness aep__witness_end = {before_end, after_end};

/* ---- the handle's end ---- */

/* A child that was killed while it was about to end it, or a relay that declares it, may not come to
 * that: it is over only when one of them says so. */
static void leave_home(struct aep__enrolment *enrolment, struct aep__process *process)
{
    struct aep__roll_entry entry;
    const struct aep__roll_area *area;
    struct aep__roll_area *owner = &entry.areas[AEP__ROLL_OWNER];
    if (aep__roll_own_read(&process->roll, &enrolment->place, enrolment->execution, &entry) != 1)
        return;
    if (aep__roll_standing(&entry, &area) == AEP__ROLL_IS_OVER) {
        aep__roll_own_leave(&process->roll, &enrolment->place);
        return;
    }
    owner->released = true;
    aep__roll_own_mark(&process->roll, &enrolment->place, owner);
}

void aep__enrolment_release(struct aep__enrolment *enrolment, struct aep__process *process)
{
    bool here = process && enrolment->home == process && enrolment->place.number;
    bool visits = process && enrolment->guest == process && enrolment->joined.number;
    if ((!here && !visits) || aep__process_lock(process, NULL) != AEP_OK)
        return;
    if (here)
        leave_home(enrolment, process);
    if (visits && aep__roll_own_ready(&process->roll))
        aep__roll_own_leave(&process->roll, &enrolment->joined);
    aep__process_unlock(process);
}
