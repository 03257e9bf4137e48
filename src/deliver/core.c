/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/core.h"

#include "deliver/delivery.h"
#include "deliver/parked.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

/* ---- life ---- */

void aep__core_init(struct aep__core *core, const struct aep__core_inputs *inputs)
{
    *core = (struct aep__core){
        .spool = inputs->spool,
        .counters = inputs->counters,
        .pace = inputs->pace,
        .log = inputs->log,
        .log_user = inputs->log_user,
        .sync_segments = inputs->sync_segments,
        .sync_cursor = inputs->sync_cursor,
        .dead.max_bytes = inputs->dead_max_bytes,
        .cursor_fd = -1,
    };
    core->tail.reader.fd = core->tail.fetch_fd = core->dead.log.fd = -1;
    aep__missed_init(&core->missed, inputs->spool);
}

static aep_position cursor_of(const struct aep__core *core)
{
    return (aep_position){core->tail.cursor.segment, core->tail.cursor.offset};
}

int aep__core_start(struct aep__core *core, aep_error *err)
{
    int result = aep__tail_start(core, err);
    if (result == AEP_OK)
        result = aep__parked_load(core, err);
    if (result == AEP_OK)
        result = aep__dead_load(core, err);
    if (result != AEP_OK)
        return result;
    if (aep__missed_resume(&core->missed, cursor_of(core)) < 0)
        aep__core_log(core, AEP_LOG_ERROR, "cannot read %s/" AEP__MISSED ": %s", core->spool->path,
                      strerror(errno));
    aep__syncer_init(&core->syncer, core->spool, core->cursor_fd, core->tail.cursor.segment);
    core->started = true;
    return AEP_OK;
}

void aep__core_done(struct aep__core *core)
{
    if (core->started)
        aep__syncer_done(&core->syncer);
    core->started = false;
    aep__parked_done(core);
    aep__dead_done(core);
    aep__tail_done(core);
    aep__topics_done(core);
    aep__missed_done(&core->missed);
    if (core->cursor_fd >= 0)
        close(core->cursor_fd);
    core->cursor_fd = -1;
}

/* ---- a turn ---- */

void aep__core_note_missed(struct aep__core *core, bool durable)
{
    if (aep__missed_write(&core->missed, durable) < 0 && !core->missed_told)
        aep__core_log(core, AEP_LOG_ERROR,
                      "cannot note in %s/" AEP__MISSED " which records were dropped, so they look "
                      "acknowledged: %s",
                      core->spool->path, strerror(errno));
    core->missed_told = core->missed.unwritten.len > 0;
}

void aep__core_settle(struct aep__core *core)
{
    if (core->finished)
        aep__pace_touch(core->pace);
    core->finished = false;
    aep__core_note_missed(core, false);
    aep__tail_advance(core);
}

void aep__core_detach(struct aep__core *core)
{
    core->sink->ops->abandon(core->sink);
    aep__topics_close(core);
}

void aep__core_stop(struct aep__core *core, bool tidy)
{
    aep__core_settle(core);
    if (tidy)
        aep__tail_tidy(core);
    aep__core_note_missed(core, core->sync_cursor);
    aep__tail_sync_now(core);
    aep__parked_sync(core);
    aep__dead_settle(core);
}

/* ---- questions ---- */

unsigned aep__core_in_flight(struct aep__core *core)
{
    unsigned count = 0;
    for (struct aep__topic *topic = NULL; (topic = aep__topics_next(&core->topics, topic));)
        count += topic->sent;
    return count;
}

bool aep__core_arrived_below(const struct aep__core *core, aep_position position)
{
    return aep__sink_retains(core->sink) || aep__tail_finished_below(core, position);
}

bool aep__core_idle(struct aep__core *core)
{
    return !core->aside && aep__tail_satisfied(core) && !core->dead.replaying &&
           aep__parked_sum(core).records == 0;
}

aep_position aep__core_reached(const struct aep__core *core)
{
    const struct aep__reader *reader = &core->tail.reader;
    return aep__sink_retains(core->sink) ? core->tail.newest
                                         : (aep_position){reader->segment, reader->examined};
}

/* Of a record that is below the cursor. */
static enum aep__fate past_fate(struct aep__core *core, aep_position position)
{
    if (aep__parked_holds(core, position))
        return AEP__FATE_PARKED;
    if (aep__dead_holds(core, position))
        return AEP__FATE_DEAD;
    return aep__missed_fate(&core->missed, (aep_position){position.segment, position.offset - 1});
}

enum aep__standing aep__core_standing(struct aep__core *core, aep_position position,
                                      enum aep__fate *ret_fate)
{
    const struct aep__flight *flight;
    *ret_fate = AEP__FATE_ACKED;
    if (aep__sink_retains(core->sink))
        return AEP__STANDING_FINISHED;
    flight = aep__tail_find(core, position);
    if (flight) {
        *ret_fate = (enum aep__fate)flight->fate;
        return flight->state == AEP__FLIGHT_DONE ? AEP__STANDING_FINISHED : AEP__STANDING_OPEN;
    }
    if (!aep__before(core->tail.position, position)) {
        *ret_fate = past_fate(core, position);
        return AEP__STANDING_FINISHED;
    }
    if (aep__tail_finished(core) && aep__tail_finished_below(core, position))
        return AEP__STANDING_NONE;
    return AEP__STANDING_OPEN;
}

/* ---- the log ---- */

void aep__core_log(struct aep__core *core, enum aep_log_level level, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    core->log(core->log_user, level, line);
}
