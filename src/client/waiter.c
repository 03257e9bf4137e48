/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting without blocking. What an event loop watches is one epoll descriptor, the same for the
 * waiter's life; what is inside it changes:
 *
 *     epoll ─┬─ socket to the relay   answers; comes and goes with the relay
 *            ├─ watch on the folder   while no relay listens: its name appears there
 *            └─ timer                 at once: outcomes are ready · later: look for a relay again,
 *                                     or whether Kafka refuses the one that was asked
 *
 * A request is pending until its outcome is ready; room for every outcome is made when the request
 * is added, so that nothing can fail later. Belongs to one thread, and to the process that made it:
 * an epoll descriptor is shared across fork. */
#include "base/clock.h"
#include "base/error.h"
#include "client/call.h"
#include "client/wait.h"
#include "spool/control.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define RETRY_MIN_MS 1
#define RETRY_MAX_MS 500

struct request {
    uint64_t token, id;
    struct aep__target target;
    bool asked; /* on the present connection */
};

struct aep_waiter {
    aep_publisher *pub;
    struct aep__process *process;
    int epoll_fd, timer_fd;
    int control_fd;                                   /* -1: not connected */
    int watch_fd;                                     /* -1: none */
    struct aep__os_file epoll, timer, control, watch; /* the files that they were opened for */
    uint64_t last_id;
    struct request *pending;
    aep_outcome *ready;                          /* oldest first */
    size_t pending_count, ready_count, capacity; /* of each array */
    int retry_ms;
    int64_t retry_at_us;   /* monotonic */
    int64_t refused_at_us; /* when to check next whether Kafka refuses the relay */
};

/* ---- requests ---- */

static int make_room(struct aep_waiter *waiter, aep_error *err)
{
    if (waiter->pending_count + waiter->ready_count < waiter->capacity)
        return AEP_OK;
    size_t capacity = waiter->capacity ? waiter->capacity * 2 : 16;
    struct request *pending = realloc(waiter->pending, capacity * sizeof *pending);
    if (pending)
        waiter->pending = pending;
    aep_outcome *ready = realloc(waiter->ready, capacity * sizeof *ready);
    if (ready)
        waiter->ready = ready;
    if (!pending || !ready)
        return aep__error_memory(err);
    waiter->capacity = capacity;
    return AEP_OK;
}

static void add_ready(struct aep_waiter *waiter, uint64_t token, int code)
{
    waiter->ready[waiter->ready_count++] = (aep_outcome){token, code};
}

static void remove_pending(struct aep_waiter *waiter, size_t index)
{
    struct request *request = &waiter->pending[index];
    waiter->pending_count--;
    memmove(request, request + 1, (waiter->pending_count - index) * sizeof *request);
}

static void finish_pending(struct aep_waiter *waiter, size_t index, int code)
{
    add_ready(waiter, waiter->pending[index].token, code);
    remove_pending(waiter, index);
}

/* False: not a fate, so it is asked again, over another connection. An older relay does not know
 * the question for the broker, and asking again would not help. */
static bool take_answer(struct aep_waiter *waiter, uint64_t id, int code)
{
    for (size_t i = 0; i < waiter->pending_count; i++)
        if (waiter->pending[i].id == id) {
            if (code == AEP_ERELAY && waiter->pending[i].target.asks != AEP__ASKS_BROKER)
                return false;
            finish_pending(waiter, i, code);
            waiter->retry_ms = RETRY_MIN_MS;
            return true;
        }
    return true; /* cancelled since */
}

/* ---- the relay ---- */

static void disconnect(struct aep_waiter *waiter)
{
    if (waiter->control_fd >= 0) {
        /* Closing alone does not take it out of the set if a forked child has it too. */
        epoll_ctl(waiter->epoll_fd, EPOLL_CTL_DEL, waiter->control_fd, NULL);
        close(waiter->control_fd);
    }
    waiter->control_fd = -1;
    for (size_t i = 0; i < waiter->pending_count; i++)
        waiter->pending[i].asked = false;
}

/* Under the lock. */
static void begin_watch(struct aep_waiter *waiter)
{
    struct epoll_event event = {.events = EPOLLIN};
    if (waiter->watch_fd >= 0)
        return;
    waiter->watch_fd = aep__os_watch(waiter->process->spool.dir_fd);
    if (waiter->watch_fd < 0)
        return;
    aep__os_identify_marked(waiter->watch_fd, &waiter->watch);
    epoll_ctl(waiter->epoll_fd, EPOLL_CTL_ADD, waiter->watch_fd, &event);
}

static void end_watch(struct aep_waiter *waiter)
{
    if (waiter->watch_fd < 0)
        return;
    epoll_ctl(waiter->epoll_fd, EPOLL_CTL_DEL, waiter->watch_fd, NULL);
    close(waiter->watch_fd);
    waiter->watch_fd = -1;
}

static bool is_connected(const struct aep_waiter *waiter)
{
    return waiter->control_fd >= 0;
}

/* As many as one client may ask, the oldest. */
static size_t count_askable(const struct aep_waiter *waiter)
{
    return waiter->pending_count < AEP__CONTROL_QUESTIONS ? waiter->pending_count
                                                          : AEP__CONTROL_QUESTIONS;
}

/* Whatever the socket does not take now is asked at the next retry. */
static void ask_pending(struct aep_waiter *waiter)
{
    for (size_t i = 0; i < count_askable(waiter); i++) {
        struct request *request = &waiter->pending[i];
        if (!request->asked)
            request->asked = aep__target_ask(waiter->control_fd, request->id, &request->target);
        if (!request->asked)
            return;
    }
}

static void read_answers(struct aep_waiter *waiter)
{
    int got, code;
    uint64_t id;
    while ((got = aep__target_answer(waiter->control_fd, &id, &code)) > 0 &&
           take_answer(waiter, id, code))
        ;
    if (got != 0)
        disconnect(waiter);
}

static int64_t refused_look_us(void)
{
    return aep__clock_mono_us() + AEP__REFUSED_MS * INT64_C(1000);
}

/* Under the lock. */
static void connect_relay(struct aep_waiter *waiter)
{
    int fd = aep__control_connect(&waiter->process->spool);
    struct epoll_event event = {.events = EPOLLIN};
    if (fd >= 0 && epoll_ctl(waiter->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        close(fd);
        return;
    }
    waiter->control_fd = fd;
    aep__os_identify(fd, &waiter->control);
    waiter->refused_at_us = refused_look_us();
}

/* Under the lock, without a relay: what the files tell. Returns whether a relay is wanted. */
static bool settle_pending(struct aep_waiter *waiter)
{
    struct aep__target *list = NULL;
    bool wanted = false;
    for (size_t i = 0; i < waiter->pending_count; i++) {
        waiter->pending[i].target.next = list;
        list = &waiter->pending[i].target;
    }
    aep__targets_judge(waiter->process, list);
    for (size_t i = 0; i < waiter->pending_count;) {
        int code = waiter->pending[i].target.code;
        wanted |= aep__target_wants_relay(&waiter->pending[i].target);
        if (code != AEP_EDEFERRED)
            finish_pending(waiter, i, code);
        else
            i++;
    }
    return wanted;
}

static void find_relay(struct aep_waiter *waiter)
{
    struct aep__process *process = waiter->process;
    bool start = false;
    if (aep__process_lock(process, NULL) != AEP_OK)
        return;
    begin_watch(waiter); /* first: a name that appears after this look is noticed */
    connect_relay(waiter);
    if (is_connected(waiter)) {
        end_watch(waiter);
    } else {
        start = settle_pending(waiter) && !aep__process_relay_alive(process) &&
                aep__process_may_start(process);
    }
    aep__process_unlock(process);
    if (start)
        aep__publisher_start_relay(waiter->pub, process, NULL);
}

static bool retry_is_due(struct aep_waiter *waiter)
{
    int64_t now_us = aep__clock_mono_us();
    bool seen = waiter->watch_fd >= 0 && aep__os_watch_seen(waiter->watch_fd);
    if (now_us < waiter->retry_at_us && !seen)
        return false;
    waiter->retry_at_us = now_us + (int64_t)waiter->retry_ms * 1000;
    waiter->retry_ms = waiter->retry_ms * 2 < RETRY_MAX_MS ? waiter->retry_ms * 2 : RETRY_MAX_MS;
    return true;
}

/* A relay whose login fails does not answer, and nothing signals that. */
static void look_for_refusal(struct aep_waiter *waiter)
{
    if (!is_connected(waiter) || waiter->pending_count == 0 ||
        aep__clock_mono_us() < waiter->refused_at_us)
        return;
    waiter->refused_at_us = refused_look_us();
    aep__wait_contend(waiter->pub, waiter->process);
}

/* ---- the timer ---- */

static bool has_unasked(const struct aep_waiter *waiter)
{
    /* They are asked in order: if any has not been asked, the newest has not. */
    size_t askable = count_askable(waiter);
    return askable > 0 && !waiter->pending[askable - 1].asked;
}

/* Setting the timer also clears its expirations so far. */
static void set_timer(const struct aep_waiter *waiter)
{
    int64_t at_us = INT64_MAX, in_us = 0;
    if (has_unasked(waiter))
        at_us = waiter->retry_at_us;
    if (is_connected(waiter) && waiter->pending_count > 0 && waiter->refused_at_us < at_us)
        at_us = waiter->refused_at_us;
    if (waiter->ready_count > 0) {
        in_us = 1;
    } else if (at_us != INT64_MAX) {
        int64_t left_us = at_us - aep__clock_mono_us();
        in_us = left_us > 1 ? left_us : 1;
    }
    struct itimerspec timer = {.it_value = {in_us / 1000000, in_us % 1000000 * 1000}};
    timerfd_settime(waiter->timer_fd, 0, &timer, NULL);
}

/* Reads the answers that are there, and looks after the connection. */
static void pump(struct aep_waiter *waiter)
{
    if (is_connected(waiter))
        read_answers(waiter);
    if (is_connected(waiter))
        ask_pending(waiter);
    if (has_unasked(waiter) && retry_is_due(waiter)) {
        if (!is_connected(waiter))
            find_relay(waiter);
        if (is_connected(waiter))
            ask_pending(waiter);
    }
    look_for_refusal(waiter);
    if (waiter->pending_count == 0)
        end_watch(waiter);
    set_timer(waiter);
}

/* ---- the public calls ---- */

/* A number that the host program has closed, and perhaps given to a file of its own, is not ours. */
static bool still_ours(int *fd, const struct aep__os_file *file)
{
    if (*fd >= 0 && !aep__os_is(*fd, file))
        *fd = -1;
    return *fd >= 0;
}

static bool keep_ours(struct aep_waiter *waiter)
{
    if (waiter->control_fd >= 0 && !still_ours(&waiter->control_fd, &waiter->control))
        disconnect(waiter);
    still_ours(&waiter->watch_fd, &waiter->watch);
    bool timer = still_ours(&waiter->timer_fd, &waiter->timer);
    return still_ours(&waiter->epoll_fd, &waiter->epoll) && timer;
}

static int check_waiter(aep_waiter *waiter, aep_error *err)
{
    if (!waiter)
        return aep__error(err, AEP_EINVAL, "waiter", "no waiter is given");
    if (waiter->process != aep__publisher_process_made(waiter->pub))
        return aep__error(err, AEP_ESTATE, "waiter",
                          "this waiter belongs to the process that created it: create another");
    if (!keep_ours(waiter))
        return aep__error(err, AEP_ESTATE, "waiter",
                          "this program has closed the waiter's descriptors: create another");
    return AEP_OK;
}

static int keep(int made, struct aep__os_file *ret)
{
    int fd = aep__os_above(made);
    if (fd >= 0)
        aep__os_identify_marked(fd, ret);
    return fd;
}

static int open_waiter(struct aep_waiter *waiter, aep_error *err)
{
    struct epoll_event event = {.events = EPOLLIN};
    waiter->epoll_fd = keep(epoll_create1(EPOLL_CLOEXEC), &waiter->epoll);
    waiter->timer_fd =
        keep(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), &waiter->timer);
    if (waiter->epoll_fd < 0 || waiter->timer_fd < 0 ||
        epoll_ctl(waiter->epoll_fd, EPOLL_CTL_ADD, waiter->timer_fd, &event) < 0)
        return aep__error_errno(err, AEP_EIO, NULL, "cannot make a waiter's descriptors");
    return waiter->pub->enabled ? aep__publisher_process(waiter->pub, &waiter->process, err)
                                : AEP_OK;
}

static void close_waiter(struct aep_waiter *waiter)
{
    keep_ours(waiter);
    int fds[] = {waiter->control_fd, waiter->watch_fd, waiter->timer_fd, waiter->epoll_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(waiter->pending);
    free(waiter->ready);
    free(waiter);
}

static int make_waiter(aep_publisher *pub, aep_waiter **ret, aep_error *err)
{
    if (!pub || !ret)
        return aep__error(err, AEP_EINVAL, pub ? "ret" : "publisher", "no %s is given",
                          pub ? "place for the waiter" : "publisher");
    struct aep_waiter *waiter = calloc(1, sizeof *waiter);
    if (!waiter)
        return aep__error_memory(err);
    waiter->pub = pub;
    waiter->epoll_fd = waiter->timer_fd = waiter->control_fd = waiter->watch_fd = -1;
    waiter->retry_ms = RETRY_MIN_MS;
    int result = open_waiter(waiter, err);
    if (result == AEP_OK)
        *ret = waiter;
    else
        close_waiter(waiter);
    return result;
}

int aep_waiter_new(aep_publisher *pub, aep_waiter **ret, aep_error *err)
{
    struct aep__call call = aep__call_begin();
    return aep__call_end(call, make_waiter(pub, ret, err));
}

int aep_waiter_fd(const aep_waiter *waiter)
{
    return waiter ? waiter->epoll_fd : -1;
}

static int find_target(struct aep_waiter *waiter, const aep_receipt *receipt,
                       struct aep__target *ret, aep_error *err)
{
    *ret = (struct aep__target){0};
    if (!waiter->pub->enabled)
        return AEP_OK;
    int result = aep__process_lock(waiter->process, err);
    if (result != AEP_OK)
        return result;
    result = receipt ? aep__target_of_receipt(waiter->process, receipt, ret, err)
                     : aep__target_of_all(waiter->process, ret, err);
    aep__process_unlock(waiter->process);
    return result;
}

/* There is room for it. Earlier waits say nothing about how soon a relay will be there for this
 * one. */
static void add_pending(struct aep_waiter *waiter, uint64_t token, const struct aep__target *target)
{
    if (waiter->pending_count == 0) {
        waiter->retry_ms = RETRY_MIN_MS;
        waiter->retry_at_us = 0;
    }
    waiter->pending[waiter->pending_count++] =
        (struct request){.token = token, .id = ++waiter->last_id, .target = *target};
}

static int add_request(struct aep_waiter *waiter, const aep_receipt *receipt, uint64_t token,
                       aep_error *err)
{
    struct aep__target target;
    int result = check_waiter(waiter, err);
    if (result == AEP_OK)
        result = make_room(waiter, err);
    if (result == AEP_OK)
        result = find_target(waiter, receipt, &target, err);
    if (result != AEP_OK)
        return result;
    if (target.position.segment == 0 || waiter->pub->local)
        add_ready(waiter, token, AEP_OK);
    else
        add_pending(waiter, token, &target);
    pump(waiter);
    return AEP_OK;
}

int aep_waiter_add(aep_waiter *waiter, const aep_receipt *receipt, uint64_t token, aep_error *err)
{
    struct aep__call call = aep__call_begin();
    return aep__call_end(call, add_request(waiter, receipt, token, err));
}

/* In local mode the state is known, whether a relay runs or not, and stays what it is. */
static int add_broker(struct aep_waiter *waiter, enum aep_broker_state other_than, uint64_t token,
                      aep_error *err)
{
    const struct aep__target target = {.asks = AEP__ASKS_BROKER, .other_than = other_than};
    int result = check_waiter(waiter, err);
    if (result == AEP_OK && (unsigned)other_than > AEP_BROKER_MISCONFIGURED)
        result =
            aep__error(err, AEP_EINVAL, "other_than", "%d is not a broker state", (int)other_than);
    if (result == AEP_OK)
        result = make_room(waiter, err);
    if (result != AEP_OK)
        return result;
    if (!waiter->pub->enabled || (waiter->pub->local && other_than != AEP_BROKER_LOCAL))
        add_ready(waiter, token, AEP_OK);
    else
        add_pending(waiter, token, &target);
    pump(waiter);
    return AEP_OK;
}

int aep_waiter_add_broker(aep_waiter *waiter, enum aep_broker_state other_than, uint64_t token,
                          aep_error *err)
{
    struct aep__call call = aep__call_begin();
    return aep__call_end(call, add_broker(waiter, other_than, token, err));
}

static int next_outcome(struct aep_waiter *waiter, aep_outcome *outcome, aep_error *err)
{
    int result = check_waiter(waiter, err);
    if (result != AEP_OK)
        return result;
    if (!outcome)
        return aep__error(err, AEP_EINVAL, "outcome", "no place for the outcome is given");
    if (waiter->ready_count == 0)
        pump(waiter);
    if (waiter->ready_count == 0)
        return aep__error(err, AEP_EDEFERRED, NULL, "no outcome is known yet");
    *outcome = waiter->ready[0];
    waiter->ready_count--;
    memmove(waiter->ready, waiter->ready + 1, waiter->ready_count * sizeof *waiter->ready);
    if (waiter->ready_count == 0)
        set_timer(waiter);
    return AEP_OK;
}

int aep_waiter_next(aep_waiter *waiter, aep_outcome *outcome, aep_error *err)
{
    struct aep__call call = aep__call_begin();
    return aep__call_end(call, next_outcome(waiter, outcome, err));
}

static void forget_token(struct aep_waiter *waiter, uint64_t token)
{
    for (size_t i = 0; i < waiter->pending_count;) {
        const struct request *request = &waiter->pending[i];
        if (request->token != token) {
            i++;
            continue;
        }
        if (request->asked)
            aep__control_send(waiter->control_fd, "cancel %llu", (unsigned long long)request->id);
        remove_pending(waiter, i);
    }
    size_t kept = 0;
    for (size_t i = 0; i < waiter->ready_count; i++)
        if (waiter->ready[i].token != token)
            waiter->ready[kept++] = waiter->ready[i];
    waiter->ready_count = kept;
    if (waiter->pending_count == 0)
        end_watch(waiter);
    set_timer(waiter);
}

void aep_waiter_cancel(aep_waiter *waiter, uint64_t token)
{
    struct aep__call call = aep__call_begin();
    if (check_waiter(waiter, NULL) == AEP_OK)
        forget_token(waiter, token);
    aep__call_end(call, AEP_OK);
}

void aep_waiter_free(aep_waiter *waiter)
{
    struct aep__call call = aep__call_begin();
    if (waiter)
        close_waiter(waiter);
    aep__call_end(call, AEP_OK);
}
