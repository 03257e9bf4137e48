/* SPDX-License-Identifier: Apache-2.0 */
#include "client/entrusted.h"

#include "base/error.h"
#include "base/id.h"
#include "base/sized.h"
#include "client/call.h"
#include "client/enrolment.h"
#include "spool/roll_search.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define UNIT 1 /* in a file of its own */

struct entrusted {
    struct aep__os_process whose; /* of one that starts */
    const uint8_t *execution;     /* of one that ends; NULL: the event's ids say which */
    char file[AEP__ROLL_NAME_SIZE];
    int fd; /* -1: it is not in the roll */
    struct aep__roll_area area;
};

static void close_file(struct entrusted *entrusted)
{
    if (entrusted->fd >= 0)
        close(entrusted->fd);
    entrusted->fd = -1;
}

/* ---- start ---- */

static int before_start(void *user, struct aep__process *process,
                        const struct aep__envelope *envelope, aep_error *err)
{
    struct entrusted *entrusted = user;
    struct aep__roll_area *area = &entrusted->area;
    struct aep__buf body = {0};
    *area = (struct aep__roll_area){.state = AEP__ROLL_STARTING,
                                    .from = aep__enrolment_position(process)};
    aep__id_parse(envelope->event_id, AEP_ID_SIZE - 1, area->execution);
    memcpy(area->event, area->execution, sizeof area->event);
    aep__enrolment_describe(process, envelope, &body);
    area->body_bytes = (uint32_t)body.len;
    errno = ENOMEM;
    entrusted->fd = body.failed
                        ? -1
                        : aep__roll_make(&process->spool, &entrusted->whose, AEP__ROLL_ENTRUSTED,
                                         area->execution, entrusted->file);
    int result = entrusted->fd < 0 || aep__roll_write(entrusted->fd, UNIT, area, &body) < 0
                     ? aep__enrolment_failed(process, err)
                     : AEP_OK;
    aep__buf_done(&body);
    if (result != AEP_OK && entrusted->fd >= 0)
        aep__roll_remove(&process->spool, entrusted->file);
    if (result != AEP_OK)
        close_file(entrusted);
    return result;
}

static void after_start(void *user, struct aep__process *process, int result)
{
    struct entrusted *entrusted = user;
    entrusted->area.state = AEP__ROLL_STARTED;
    if (result == AEP_OK) {
        aep__roll_mark(entrusted->fd, UNIT, AEP__ROLL_OWNER, &entrusted->area);
        if (process->pub->sync == AEP__SYNC_ALWAYS)
            fdatasync(entrusted->fd); /* in batch mode the relay does it */
        process->entrusted = true;
        aep__process_opened(process);
    } else if (result != AEP_EIO) {
        aep__roll_remove(&process->spool, entrusted->file);
    }
    close_file(entrusted);
}

static const struct aep__witness witness_start = {before_start, after_start};

/* ---- how it stands ---- */

/* Whether the event that was about to be appended is in the spool; -1: it could not be found out. */
static int is_in_spool(struct aep__process *process, const struct aep__roll_area *area)
{
    struct aep__sought sought = {.from = area->from};
    memcpy(sought.id, area->event, sizeof sought.id);
    const struct aep__search search = {.sought = &sought, .count = 1};
    return aep__roll_search(&process->spool, &search, NULL) == AEP_OK ? sought.found : -1;
}

static enum aep__entrusted_standing stand(struct aep__process *process,
                                          const struct aep__roll_entry *entry)
{
    const struct aep__roll_area *area;
    switch (aep__roll_standing(entry, &area)) {
    case AEP__ROLL_IS_OPEN:
        return AEP__ENTRUSTED_OPEN;
    case AEP__ROLL_IS_UNKNOWN:
        break;
    default:
        return AEP__ENTRUSTED_OVER;
    }
    if (area->state == AEP__ROLL_DECLARING)
        return AEP__ENTRUSTED_OVER;
    int found = is_in_spool(process, area);
    bool open = (area->state == AEP__ROLL_STARTING) == (found > 0);
    return found < 0 ? AEP__ENTRUSTED_UNKNOWN : open ? AEP__ENTRUSTED_OPEN : AEP__ENTRUSTED_OVER;
}

static enum aep__entrusted_standing stand_in(struct aep__process *process, int fd)
{
    struct aep__roll_entry entry;
    int got = aep__roll_read(fd, UNIT, &entry);
    if (got == 1)
        return stand(process, &entry);
    /* Without an entry nothing was appended. */
    return got == 0 || errno == ENODATA ? AEP__ENTRUSTED_OVER : AEP__ENTRUSTED_UNKNOWN;
}

/* ---- end ---- */

/* An end, and what in the roll it may be that of. */
struct meant {
    const struct aep__spool *spool;
    const struct aep__envelope *envelope;
    struct aep__slice agent_name;
    struct aep__buf buf;
    int64_t started_us; /* of the newest so far */
    char file[AEP__ROLL_NAME_SIZE];
};

static bool equals(struct aep__slice one, struct aep__slice other)
{
    return one.len == other.len && memcmp(one.data, other.data, one.len) == 0;
}

static bool look_at_file(void *user, const char *name)
{
    struct meant *meant = user;
    struct aep__roll_entry entry;
    struct aep__roll_body body;
    int fd = aep__roll_is_entrusted(name) ? aep__roll_open(meant->spool, name) : -1;
    if (fd < 0)
        return true;
    if (aep__roll_read(fd, UNIT, &entry) == 1 &&
        aep__roll_read_body(fd, &entry, &meant->buf, &body) == 0 &&
        equals(body.texts[AEP__ROLL_CORRELATION_ID],
               aep__slice_text(meant->envelope->correlation_id)) &&
        equals(body.texts[AEP__ROLL_AGENT_NAME], meant->agent_name) &&
        body.started_us >= meant->started_us) {
        meant->started_us = body.started_us;
        memcpy(meant->file, name, strlen(name) + 1);
    }
    close(fd);
    return true;
}

static int open_meant(struct entrusted *entrusted, struct aep__process *process,
                      const struct aep__envelope *envelope)
{
    uint8_t cause[16];
    struct meant meant = {.spool = &process->spool,
                          .envelope = envelope,
                          .agent_name = aep__enrolment_agent_name(envelope)};
    if (aep__id_parse(envelope->causation_id, strlen(envelope->causation_id), cause)) {
        aep__roll_entrusted_name(cause, entrusted->file);
        entrusted->fd = aep__roll_open(&process->spool, entrusted->file);
        if (entrusted->fd >= 0 || errno != ENOENT)
            return entrusted->fd;
    }
    aep__roll_each(&process->spool, look_at_file, &meant);
    aep__buf_done(&meant.buf);
    memcpy(entrusted->file, meant.file, sizeof meant.file);
    errno = ENOENT;
    return meant.file[0] ? aep__roll_open(&process->spool, meant.file) : -1;
}

static int open_known(struct entrusted *entrusted, struct aep__process *process)
{
    aep__roll_entrusted_name(entrusted->execution, entrusted->file);
    return entrusted->fd = aep__roll_open(&process->spool, entrusted->file);
}

/* @begun  our own ENDING stands there. Who has left one and holds the file no more was killed: if its event
 * is not in the spool, the end is still to be said. */
static int look(const struct entrusted *entrusted, struct aep__process *process, bool begun,
                struct aep__roll_entry *ret, aep_error *err)
{
    int got = aep__roll_read(entrusted->fd, UNIT, ret);
    if (got < 0)
        return aep__enrolment_failed(process, err);
    struct aep__roll_area *another = &ret->areas[AEP__ROLL_ANOTHER];
    bool killed = !begun && another->state == AEP__ROLL_ENDING;
    if (begun || (killed && stand(process, ret) == AEP__ENTRUSTED_OPEN))
        another->state = AEP__ROLL_FREE;
    return aep__enrolment_check(ret, err);
}

/* Held while we are at it, so that the relay does not take our ENDING for that of somebody who was
 * killed. */
static int begin_end(struct entrusted *entrusted, struct aep__process *process,
                     const struct aep__envelope *envelope, aep_error *err)
{
    struct aep__roll_entry entry;
    struct aep__roll_area *area = &entrusted->area;
    if (!aep__roll_hold(entrusted->fd))
        return aep__error(err, AEP_ESTATE, NULL, "another process ends this execution just now");
    int result = look(entrusted, process, false, &entry, err);
    if (result != AEP_OK)
        return result;
    *area = (struct aep__roll_area){.state = AEP__ROLL_ENDING,
                                    .from = aep__enrolment_position(process)};
    memcpy(area->execution, entry.areas[AEP__ROLL_OWNER].execution, sizeof area->execution);
    aep__id_parse(envelope->event_id, AEP_ID_SIZE - 1, area->event);
    if (aep__roll_mark(entrusted->fd, UNIT, AEP__ROLL_ANOTHER, area) < 0)
        return aep__enrolment_failed(process, err);
    result = look(entrusted, process, true, &entry, err);
    area->state = AEP__ROLL_FREE;
    if (result != AEP_OK)
        aep__roll_mark(entrusted->fd, UNIT, AEP__ROLL_ANOTHER, area);
    return result;
}

static int before_end(void *user, struct aep__process *process,
                      const struct aep__envelope *envelope, aep_error *err)
{
    struct entrusted *entrusted = user;
    if (entrusted->execution)
        open_known(entrusted, process);
    else
        entrusted->fd = open_meant(entrusted, process, envelope);
    if (entrusted->fd < 0 && errno == ENOENT)
        return entrusted->execution
                   ? aep__error(err, AEP_ESTATE, NULL, "this execution has already ended")
                   : AEP_OK;
    if (entrusted->fd < 0)
        return aep__enrolment_failed(process, err);
    int result = begin_end(entrusted, process, envelope, err);
    if (result != AEP_OK)
        close_file(entrusted);
    return result;
}

static void after_end(void *user, struct aep__process *process, int result)
{
    struct entrusted *entrusted = user;
    if (entrusted->fd < 0)
        return;
    entrusted->area.state = result == AEP_OK ? AEP__ROLL_ENDED : AEP__ROLL_FREE;
    if (result != AEP_EIO)
        aep__roll_mark(entrusted->fd, UNIT, AEP__ROLL_ANOTHER, &entrusted->area);
    if (result == AEP_OK)
        aep__roll_remove(&process->spool, entrusted->file);
    close_file(entrusted);
}

static const struct aep__witness witness_end = {before_end, after_end};

/* ---- the calls ---- */

/* @event_id  that it gets; NULL: a new one */
static int publish(aep_publisher *pub, enum aep_kind kind, const aep_field *fields, size_t count,
                   const struct aep__witness *witness, struct entrusted *entrusted,
                   const uint8_t *event_id, aep_receipt *receipt, aep_error *err)
{
    struct aep__facts facts;
    struct aep__sent sent;
    struct aep__call call = aep__call_begin();
    int result = aep__facts_from_fields(kind, fields, count, &facts, err);
    if (result != AEP_OK)
        return aep__call_end(call, aep__publish_end(pub, aep__publish_refused(pub, result)));
    facts.event_id = event_id;
    const struct aep__input input = {.facts = &facts, .witness = witness, .user = entrusted};
    result = aep__publish(pub, &input, &sent, err);
    if (result == AEP_OK)
        aep__receipt_fill(receipt, &sent);
    return aep__call_end(call, aep__publish_end(pub, result));
}

int aep__entrusted_start(aep_publisher *pub, int64_t pid, const aep_field *fields, size_t count,
                         aep_receipt *receipt, aep_error *err)
{
    struct entrusted entrusted = {.fd = -1};
    if (!aep__os_process_of(pid, &entrusted.whose))
        return aep__error(err, AEP_EINVAL, "pid", "there is no process %lld", (long long)pid);
    return publish(pub, AEP_KIND_STARTED, fields, count, &witness_start, &entrusted, NULL, receipt,
                   err);
}

int aep__entrusted_publish(aep_publisher *pub, enum aep_kind kind, const aep_field *fields,
                           size_t count, aep_receipt *receipt, aep_error *err)
{
    struct entrusted entrusted = {.fd = -1};
    if (!aep__kinds[kind].terminal)
        return aep_publish_fields(pub, kind, fields, count, receipt, err);
    return publish(pub, kind, fields, count, &witness_end, &entrusted, NULL, receipt, err);
}

/* ---- by the id ---- */

int aep__entrusted_start_as(aep_publisher *pub, const struct aep__os_process *whose,
                            const uint8_t execution[16], const aep_field *fields, size_t count,
                            aep_error *err)
{
    struct entrusted entrusted = {.fd = -1, .whose = *whose};
    return publish(pub, AEP_KIND_STARTED, fields, count, &witness_start, &entrusted, execution,
                   NULL, err);
}

int aep__entrusted_end(aep_publisher *pub, enum aep_kind kind, const uint8_t execution[16],
                       const aep_field *fields, size_t count, aep_error *err)
{
    struct entrusted entrusted = {.fd = -1, .execution = execution};
    return publish(pub, kind, fields, count, &witness_end, &entrusted, NULL, NULL, err);
}

enum aep__entrusted_standing aep__entrusted_look(aep_publisher *pub, const uint8_t execution[16])
{
    struct aep__process *process;
    char file[AEP__ROLL_NAME_SIZE];
    enum aep__entrusted_standing standing = AEP__ENTRUSTED_UNKNOWN;
    if (!pub->enabled || aep__publisher_process(pub, &process, NULL) != AEP_OK ||
        aep__process_lock(process, NULL) != AEP_OK)
        return standing;
    aep__roll_entrusted_name(execution, file);
    int fd = aep__roll_open(&process->spool, file);
    if (fd >= 0) {
        standing = stand_in(process, fd);
        close(fd);
    } else if (errno == ENOENT) {
        standing = AEP__ENTRUSTED_OVER;
    }
    aep__process_unlock(process);
    return standing;
}

int aep__entrusted_note(aep_publisher *pub, const uint8_t execution[16], bool ended_well)
{
    struct aep__process *process;
    struct aep__roll_entry entry;
    char file[AEP__ROLL_NAME_SIZE];
    int result = -1;
    if (!pub->enabled || aep__publisher_process(pub, &process, NULL) != AEP_OK ||
        aep__process_lock(process, NULL) != AEP_OK)
        return -1;
    aep__roll_entrusted_name(execution, file);
    int fd = aep__roll_open(&process->spool, file);
    if (fd >= 0 && aep__roll_read(fd, UNIT, &entry) == 1) {
        struct aep__roll_area *owner = &entry.areas[AEP__ROLL_OWNER];
        owner->ended_well = ended_well;
        result = aep__roll_mark(fd, UNIT, AEP__ROLL_OWNER, owner);
    }
    if (fd >= 0)
        close(fd);
    aep__process_unlock(process);
    return result;
}
