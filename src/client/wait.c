/* SPDX-License-Identifier: Apache-2.0 */
#include "client/wait.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/sized.h"
#include "client/call.h"
#include "spool/aside.h"
#include "spool/bell.h"
#include "spool/control.h"
#include "spool/fate.h"
#include "spool/cursor.h"
#include "spool/read.h"
#include "spool/status.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MIN_MS 1  /* between looks for a relay that is starting: its name appears in the */
#define RETRY_MAX_MS 50 /* folder, which wakes us, but where it cannot be watched */
#define ANSWER_MS 100   /* how long a live relay may take to say "not yet" */

/* ---- what the files tell ---- */

int aep__target_check(const struct aep__process *process, const struct aep__target *target,
                      aep_error *err)
{
    if (!target->spool || target->spool == aep__spool_number(&process->spool))
        return AEP_OK;
    return aep__error(err, AEP_ESPOOL, "receipt",
                      "the spool folder %s is a new one: the one that held the event was deleted",
                      process->spool.path);
}

int aep__target_of_receipt(struct aep__process *process, const aep_receipt *receipt,
                           struct aep__target *ret, aep_error *err)
{
    aep_receipt ours;
    int result = aep__sized_check_out(receipt, "receipt", err);
    if (result != AEP_OK)
        return result;
    aep__sized_read(receipt, &ours, sizeof ours);
    *ret = (struct aep__target){.position = ours.position, .spool = ours.spool};
    return ours.position.segment ? aep__target_check(process, ret, err) : AEP_OK;
}

int aep__target_of_all(struct aep__process *process, struct aep__target *ret, aep_error *err)
{
    *ret = (struct aep__target){.asks = AEP__ASKS_ALL, .spool = aep__spool_number(&process->spool)};
    return aep__append_tail(&process->appender, &ret->position, err);
}

static bool is_below(aep_position position, uint64_t segment, uint64_t offset)
{
    return position.segment < segment || (position.segment == segment && position.offset <= offset);
}

/* There may be no event between the cursor and the target: only a seal, or torn bytes. */
static bool nothing_unfinished(struct aep__process *process, const struct aep__cursor *cursor,
                               aep_position target)
{
    struct aep__reader reader;
    struct aep__entry entry;
    if (aep__reader_init(&reader, &process->spool, cursor->segment, cursor->offset, false, NULL) !=
        AEP_OK)
        return false;
    enum aep__read read;
    bool on = true;
    while (on) {
        read = aep__reader_next(&reader, &entry, NULL);
        on =
            (read == AEP__READ_SEALED || read == AEP__READ_WAIT) && reader.segment < target.segment;
        if (on && read == AEP__READ_WAIT) /* its seal was lost, and the next one exists */
            aep__reader_seek(&reader, reader.segment + 1, 0);
    }
    bool beyond = read == AEP__READ_EVENT && is_below(target, entry.segment, entry.offset);
    aep__reader_done(&reader);
    return read == AEP__READ_WAIT || read == AEP__READ_SEALED || beyond;
}

static int judge_by_cursor(struct aep__process *process, const struct aep__cursor *cursor,
                           const struct aep__target *target)
{
    int code = aep__target_check(process, target, NULL);
    bool all = target->asks == AEP__ASKS_ALL;
    bool finished = code == AEP_OK && target->asks != AEP__ASKS_BROKER &&
                    (is_below(target->position, cursor->segment, cursor->offset) ||
                     (all && nothing_unfinished(process, cursor, target->position)));
    return code == AEP_OK && !finished ? AEP_EDEFERRED : code;
}

/* A dead letter does not block a flush, and parked records may still arrive: parked outweighs dead,
 * as in the relay. */
static bool judge_by_note(void *user, const struct aep__note *note, enum aep__fate fate)
{
    const aep_position end = {note->segment, note->end};
    for (struct aep__target *target = user; target; target = target->next) {
        const aep_position *position = &target->position;
        bool meant =
            target->asks == AEP__ASKS_ALL
                ? fate == AEP__FATE_PARKED && is_below(end, position->segment, position->offset)
                : end.segment == position->segment && end.offset == position->offset;
        if (meant && target->code != AEP_EDEFERRED && target->code != AEP_ESPOOL)
            target->code = fate == AEP__FATE_PARKED ? AEP_EPARKED : AEP_EDEAD;
    }
    return true;
}

void aep__targets_judge(struct aep__process *process, struct aep__target *list)
{
    struct aep__cursor cursor;
    bool some_finished = false;
    bool known = aep__cursor_load(&process->spool, &cursor, NULL) == AEP_OK;
    for (struct aep__target *target = list; target; target = target->next) {
        target->code = known ? judge_by_cursor(process, &cursor, target) : AEP_EDEFERRED;
        some_finished |= target->code == AEP_OK;
    }
    if (!some_finished || aep__aside_each(&process->spool, judge_by_note, list) == 0)
        return;
    for (struct aep__target *target = list; target; target = target->next)
        if (target->code == AEP_OK) /* it may be in a log that cannot be read at the moment */
            target->code = AEP_EDEFERRED;
}

bool aep__target_wants_relay(const struct aep__target *target)
{
    return target->code == AEP_EDEFERRED || target->code == AEP_EPARKED;
}

/* ---- what the relay tells ---- */

bool aep__target_ask(int fd, uint64_t id, const struct aep__target *target)
{
    if (target->asks == AEP__ASKS_BROKER)
        return aep__control_send(fd, "broker %" PRIu64 " %s", id,
                                 aep_broker_name(target->other_than));
    return aep__control_send(fd, "%s %" PRIu64 " %" PRIu64 " %" PRIu64,
                             target->asks == AEP__ASKS_ALL ? "flush" : "wait", id,
                             target->position.segment, target->position.offset);
}

/* Questions for the broker are answered "ok". If a receipt's record is nowhere, it was lost in a
 * power cut. */
static int code_of_answer(const char *word)
{
    if (strcmp(word, AEP__CONTROL_NO_RECORD) == 0)
        return AEP_ESPOOL;
    return strcmp(word, "ok") == 0 ? AEP_OK : aep__fate_code(word);
}

int aep__target_answer(int fd, uint64_t *ret_id, int *ret_code)
{
    char text[512], *end;
    ssize_t len = aep__control_receive(fd, text, sizeof text);
    if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (len <= 0)
        return -1;
    *ret_id = strtoull(text, &end, 10);
    *ret_code = code_of_answer(end + strspn(end, " "));
    return 1;
}

/* ---- one wait ---- */

struct wait {
    aep_publisher *pub;
    struct aep__process *process;
    struct aep__target target;
    int64_t deadline_us; /* monotonic; INT64_MAX: none */
    bool at_once;        /* only asks */
    int retry_ms;
    bool looked;  /* has looked at the folder just now */
    int fd;       /* to the relay */
    int watch_fd; /* watch on the folder, while no relay listens; -1: none */
    uint64_t id;  /* of the question; the next number is that of the question "not yet?" */
};

enum asked { ASKED_ANSWERED, ASKED_TIMEOUT, ASKED_GONE };

static int64_t deadline_of(int timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : aep__clock_mono_us() + (int64_t)timeout_ms * 1000;
}

/* For poll(2): rounded up, so that a wait never ends before its time. */
static int left_ms(int64_t deadline_us)
{
    if (deadline_us == INT64_MAX)
        return -1;
    int64_t left_us = deadline_us - aep__clock_mono_us();
    return left_us <= 0 ? 0 : left_us > INT_MAX ? INT_MAX : (int)((left_us + 999) / 1000);
}

void aep__wait_contend(aep_publisher *pub, struct aep__process *process)
{
    if (aep__process_lock(process, NULL) != AEP_OK)
        return;
    bool start = aep__process_wants_contender(process);
    aep__process_unlock(process);
    if (start)
        aep__publisher_start_relay(pub, process, NULL);
}

/* Waits for the answer. A wait that only asks sends a ping behind its question, which the relay answers
 * at once (one of an older version with an error): if that answer comes first, the record's fate is
 * not known yet. */
static enum asked ask_relay(const struct wait *wait, int *ret_code)
{
    int64_t deadline_us = wait->at_once ? deadline_of(ANSWER_MS) : wait->deadline_us;
    if (!aep__target_ask(wait->fd, wait->id, &wait->target) ||
        (wait->at_once && !aep__control_send(wait->fd, "ping %" PRIu64, wait->id + 1)))
        return ASKED_GONE;
    for (;;) {
        uint64_t id = 0;
        struct pollfd poll_fd = {.fd = wait->fd, .events = POLLIN};
        int left = left_ms(deadline_us);
        int ready = poll(&poll_fd, 1, left < 0 || left > AEP__REFUSED_MS ? AEP__REFUSED_MS : left);
        int got = ready > 0 ? aep__target_answer(wait->fd, &id, ret_code) : 0;
        if (got < 0)
            return ASKED_GONE;
        if (got > 0 && id == wait->id)
            return *ret_code == AEP_ERELAY ? ASKED_GONE : ASKED_ANSWERED;
        bool not_yet = got > 0 && wait->at_once && id == wait->id + 1;
        if (ready == 0)
            aep__wait_contend(wait->pub, wait->process); /* short waits, too, one after another */
        if (not_yet || left_ms(deadline_us) == 0) {
            aep__control_send(wait->fd, "cancel %" PRIu64, wait->id);
            return ASKED_TIMEOUT;
        }
    }
}

/* Under the lock: the connection that is kept, or a new one. */
static void connect_relay(struct wait *wait)
{
    struct aep__process *process = wait->process;
    wait->fd = aep__os_is(process->control_fd, &process->control) ? process->control_fd : -1;
    process->control_fd = -1;
    if (wait->fd < 0)
        wait->fd = aep__control_connect(&process->spool);
    wait->id = process->next_request + 1;
    process->next_request += 2;
}

/* Keeps the connection for the next wait of any thread. */
static void put_connection(struct wait *wait)
{
    if (aep__process_lock_quick(wait->process, NULL) == AEP_OK) {
        /* not one to a folder that has been deleted and replaced since */
        if (wait->process->control_fd < 0 &&
            aep__target_check(wait->process, &wait->target, NULL) == AEP_OK) {
            wait->process->control_fd = wait->fd;
            aep__os_identify(wait->fd, &wait->process->control);
            wait->fd = -1;
        }
        aep__process_unlock(wait->process);
    }
    if (wait->fd >= 0)
        close(wait->fd);
    wait->fd = -1;
}

static int say_deferred(const struct wait *wait, aep_error *err)
{
    struct aep__status status;
    const char *reason = "";
    int result = AEP_EDEFERRED;
    if (aep__process_lock(wait->process, NULL) != AEP_OK)
        return aep__error(err, result, NULL, "%s", aep_code_text(result));
    const char *relay = aep__process_relay_alive(wait->process) ? "" : ": no relay is running";
    if (aep__status_read(&wait->process->spool, &status, NULL) == AEP_OK)
        reason = status.reason;
    if (*relay && !*reason && aep__lock_in_vain(wait->process->lock_fd))
        relay = ": no relay is running: " AEP__LOCK_IN_VAIN;
    aep__error(err, result, NULL, "%s%s%s%s%s", aep_code_text(result), relay, *reason ? ": " : "",
               *relay && *reason ? "the last one said: " : "", reason);
    aep__process_unlock(wait->process);
    return result;
}

enum step { STEP_DONE, STEP_ASK, STEP_RETRY };

/* Under the lock: what the files say. */
static enum step judge_by_files(struct wait *wait, int *ret_code)
{
    aep__targets_judge(wait->process, &wait->target);
    *ret_code = wait->target.code;
    return *ret_code == AEP_EDEFERRED ? STEP_RETRY : STEP_DONE;
}

/* The relay hung up: it ends, or has no room for another client. */
static enum step hung_up(struct wait *wait, int *ret_code, aep_error *err)
{
    close(wait->fd);
    wait->fd = -1;
    *ret_code = aep__process_lock_quick(wait->process, err);
    if (*ret_code != AEP_OK)
        return STEP_DONE;
    enum step step = judge_by_files(wait, ret_code);
    aep__process_unlock(wait->process);
    return step;
}

/* Under the lock: finds a relay to ask, or what the files say if there is none. */
static enum step find_relay(struct wait *wait, bool *ret_start, int *ret_code, aep_error *err)
{
    struct aep__process *process = wait->process;
    *ret_code = aep__target_check(process, &wait->target, err);
    if (*ret_code != AEP_OK)
        return STEP_DONE;
    connect_relay(wait);
    if (wait->fd >= 0)
        return STEP_ASK;
    enum step step = judge_by_files(wait, ret_code);
    bool absent = wait->pub->relay_auto && !aep__process_relay_alive(process);
    *ret_start =
        absent && aep__target_wants_relay(&wait->target) && aep__process_may_start(process);
    if (step == STEP_DONE)
        return step;
    if (!absent || *ret_start || !process->relay_problem[0])
        return STEP_RETRY;
    *ret_code = aep__error(err, AEP_ERELAY, "relay.path", "%s", process->relay_problem);
    return STEP_DONE;
}

static enum step take_step(struct wait *wait, int *ret_code, aep_error *err)
{
    bool start = false;
    bool looked = wait->looked;
    wait->looked = false;
    *ret_code = (looked ? aep__process_lock_quick : aep__process_lock)(wait->process, err);
    if (*ret_code != AEP_OK)
        return STEP_DONE;
    enum step step = find_relay(wait, &start, ret_code, err);
    if (step == STEP_RETRY && wait->watch_fd < 0 && !wait->at_once)
        wait->watch_fd = aep__os_watch(wait->process->spool.dir_fd);
    aep__process_unlock(wait->process);
    if (start) {
        int started =
            aep__publisher_start_relay(wait->pub, wait->process, step == STEP_RETRY ? err : NULL);
        if (step == STEP_RETRY)
            *ret_code = started;
        return started == AEP_OK ? step : STEP_DONE;
    }
    if (step != STEP_ASK)
        return step;
    switch (ask_relay(wait, ret_code)) {
    case ASKED_ANSWERED:
        put_connection(wait);
        if (*ret_code == AEP_ESPOOL)
            aep__error(err, AEP_ESPOOL, "receipt",
                       "the event is not in the spool %s any more, and Kafka does not have it: it "
                       "was purged by command, or lost with its segment",
                       wait->pub->dir);
        return STEP_DONE;
    case ASKED_TIMEOUT:
        put_connection(wait);
        break;
    case ASKED_GONE:
        return hung_up(wait, ret_code, err);
    }
    return STEP_RETRY;
}

/* Until a relay may listen. The first time is short: its name may have appeared before the watch. */
static void await_relay(struct wait *wait, int left)
{
    struct pollfd watch = {.fd = wait->watch_fd, .events = POLLIN};
    poll(&watch, 1, left > 0 && left < wait->retry_ms ? left : wait->retry_ms);
    if (watch.revents)
        aep__os_watch_seen(wait->watch_fd);
    wait->retry_ms = wait->watch_fd >= 0 ? RETRY_MAX_MS : wait->retry_ms * 2;
    if (wait->retry_ms > RETRY_MAX_MS)
        wait->retry_ms = RETRY_MAX_MS;
}

static int run_wait(struct wait *wait, aep_error *err)
{
    int code;
    while (take_step(wait, &code, err) != STEP_DONE) {
        int left = left_ms(wait->deadline_us);
        if (left == 0 || wait->at_once) {
            code = say_deferred(wait, err);
            break;
        }
        await_relay(wait, left);
    }
    if (wait->watch_fd >= 0)
        close(wait->watch_fd);
    return code;
}

static int tell_fate(int code, aep_error *err)
{
    bool is_fate = code == AEP_EPARKED || code == AEP_EDEAD;
    return is_fate ? aep__error(err, code, NULL, "%s", aep_code_text(code)) : code;
}

/* ---- the public calls ---- */

/* Waits for a receipt's record, or with none for everything. */
static int wait_for(aep_publisher *pub, const aep_receipt *receipt, int timeout_ms, aep_error *err)
{
    struct wait wait = {
        .pub = pub,
        .fd = -1,
        .watch_fd = -1,
        .retry_ms = RETRY_MIN_MS,
        .at_once = timeout_ms == 0,
        .deadline_us = deadline_of(timeout_ms),
    };
    int result = aep__publisher_process(pub, &wait.process, err);
    if (result == AEP_OK)
        result = aep__process_lock(wait.process, err);
    if (result != AEP_OK)
        return result;
    result = receipt ? aep__target_of_receipt(wait.process, receipt, &wait.target, err)
                     : aep__target_of_all(wait.process, &wait.target, err);
    aep__process_unlock(wait.process);
    wait.looked = true;
    if (result != AEP_OK || wait.target.position.segment == 0 || pub->local)
        return result;
    result = run_wait(&wait, err);
    aep__process_tell(wait.process);
    return tell_fate(result, err);
}

int aep__wait_all(aep_publisher *pub, int timeout_ms, aep_error *err)
{
    return wait_for(pub, NULL, timeout_ms, err);
}

int aep_publisher_wait(aep_publisher *pub, const aep_receipt *receipt, int timeout_ms,
                       aep_error *err)
{
    struct aep__call call = aep__call_begin();
    int result = AEP_OK;
    if (!pub || !receipt)
        result = aep__error(err, AEP_EINVAL, pub ? "receipt" : "publisher", "no %s is given",
                            pub ? "receipt" : "publisher");
    else if (pub->enabled)
        result = wait_for(pub, receipt, timeout_ms, err);
    return aep__call_end(call, result);
}

int aep_publisher_flush(aep_publisher *pub, int timeout_ms, aep_error *err)
{
    struct aep__call call = aep__call_begin();
    int result = AEP_OK;
    if (!pub)
        result = aep__error(err, AEP_EINVAL, "publisher", "no publisher is given");
    else if (pub->enabled)
        result = aep__wait_all(pub, timeout_ms, err);
    return aep__call_end(call, result);
}
