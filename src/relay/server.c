/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/server.h"

#include "base/error.h"
#include "deliver/parked.h"
#include "deliver/delivery.h"
#include "relay/relay.h"
#include "spool/control.h"
#include "spool/fate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX 256
#define REQUESTS_A_TURN 16 /* of one client */
#define OWN_FILES 64
#define DEAF_US 100000

/* ---- clients ---- */

/* The rest is for the spool's files and librdkafka's connections. */
static size_t find_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= AEP__SERVER_CLIENTS + OWN_FILES)
        return AEP__SERVER_CLIENTS;
    return limit.rlim_cur >= OWN_FILES * 2 ? limit.rlim_cur - OWN_FILES : limit.rlim_cur / 2;
}

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int aep__server_start(struct aep__relay *relay, aep_error *err)
{
    struct aep__server *server = &relay->server;
    server->listen_fd = aep__control_listen(&relay->spool);
    server->limit = find_limit();
    if (server->listen_fd >= 0) {
        server->reserve_fd = open_reserve();
        return AEP_OK;
    }
    return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot listen in %s", relay->spool.path);
}

static void free_question(struct aep__server *server, struct aep__client *client,
                          struct aep__question **at)
{
    struct aep__question *question = *at;
    *at = question->next;
    client->open--;
    server->waiting--;
    server->watching -= question->what == AEP__WAITS_BROKER;
    free(question);
}

static void drop_client(struct aep__server *server, struct aep__client *client)
{
    while (client->questions)
        free_question(server, client, &client->questions);
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
}

static void forget_gone(struct aep__server *server)
{
    size_t kept = 0;
    for (size_t i = 0; i < server->count; i++)
        if (server->clients[i].fd >= 0)
            server->clients[kept++] = server->clients[i];
    server->count = kept;
}

void aep__server_stop(struct aep__relay *relay, bool unlink)
{
    struct aep__server *server = &relay->server;
    if (server->listen_fd < 0)
        return;
    if (unlink)
        unlinkat(relay->spool.dir_fd, AEP__CONTROL_NAME, 0);
    close(server->listen_fd);
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    for (size_t i = 0; i < server->count; i++)
        drop_client(server, &server->clients[i]);
    free(server->clients);
    *server = (struct aep__server){.listen_fd = -1, .reserve_fd = -1};
}

static int take_call(const struct aep__server *server)
{
    return accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* No descriptor is left, or no memory: ends the call if it can, and accepts no calls for a
 * while. */
static void turn_away(struct aep__relay *relay)
{
    struct aep__server *server = &relay->server;
    if (server->reserve_fd >= 0) {
        close(server->reserve_fd);
        int fd = take_call(server);
        if (fd >= 0)
            close(fd);
    }
    server->reserve_fd = open_reserve();
    server->deaf_until_us = relay->pace.now_us + DEAF_US;
}

static void accept_client(struct aep__relay *relay)
{
    struct aep__server *server = &relay->server;
    if (server->reserve_fd < 0) /* another file took its number: without it no call can be ended */
        server->reserve_fd = open_reserve();
    int fd = take_call(server);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            turn_away(relay);
        return;
    }
    if (server->count == server->capacity) {
        size_t capacity = server->capacity ? server->capacity * 2 : 8;
        struct aep__client *clients = realloc(server->clients, capacity * sizeof *clients);
        if (clients) {
            server->clients = clients;
            server->capacity = capacity;
        }
    }
    if (server->count == server->capacity || server->count >= server->limit) {
        close(fd);
        return;
    }
    server->clients[server->count++] = (struct aep__client){.fd = fd};
}

/* ---- requests ---- */

struct request {
    struct aep__client *client;
    uint64_t id;
    const char *rest; /* of the line, behind the id; "" for none */
};

static void answer(struct aep__relay *relay, struct aep__client *client, uint64_t id,
                   const char *text)
{
    if (client->fd >= 0 && !aep__control_send(client->fd, "%" PRIu64 " %s", id, text))
        drop_client(&relay->server, client);
}

static void answer_count(struct aep__relay *relay, const struct request *request, int64_t count)
{
    char text[40];
    snprintf(text, sizeof text, "ok %" PRId64, count);
    answer(relay, request->client, request->id, count < 0 ? "error disk" : text);
}

/* The answer to a wait; NULL: not known yet. */
static const char *wait_answer(struct aep__relay *relay, aep_position position)
{
    enum aep__fate fate;
    switch (aep__core_standing(&relay->core, position, &fate)) {
    case AEP__STANDING_FINISHED:
        return aep__fate_answer(fate);
    case AEP__STANDING_NONE:
        return AEP__CONTROL_NO_RECORD;
    default:
        return NULL;
    }
}

static const char *flush_answer(struct aep__relay *relay, aep_position position)
{
    if (!aep__core_arrived_below(&relay->core, position))
        return NULL;
    aep__report_write(relay); /* so that a client that reads the status now finds it there */
    return aep__fate_answer(aep__parked_holds_before(&relay->core, position) ? AEP__FATE_PARKED
                                                                             : AEP__FATE_ACKED);
}

static void add_question(struct aep__relay *relay, const struct request *request,
                         struct aep__question content)
{
    struct aep__question *question = malloc(sizeof *question);
    if (!question) {
        answer(relay, request->client, request->id, "error out of memory");
        return;
    }
    *question = content;
    question->id = request->id;
    question->next = request->client->questions;
    request->client->questions = question;
    request->client->open++;
    relay->server.waiting++;
    relay->server.watching += question->what == AEP__WAITS_BROKER;
}

static bool parse_position(const char *text, aep_position *ret)
{
    char *end;
    ret->segment = strtoull(text, &end, 10);
    if (end == text || *end != ' ')
        return false;
    text = end + 1;
    ret->offset = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

static void on_position(struct aep__relay *relay, const struct request *request,
                        enum aep__waiting what,
                        const char *(*find)(struct aep__relay *, aep_position))
{
    aep_position position;
    if (!parse_position(request->rest, &position)) {
        answer(relay, request->client, request->id, "error no position");
        return;
    }
    if (aep__before(relay->core.tail.position, position)) /* not read yet, if it is there */
        relay->core.tail.waiting = false;
    const char *text = find(relay, position);
    if (text && what == AEP__WAITS_RECORD)
        answer(relay, request->client, request->id, text);
    else
        add_question(relay, request, (struct aep__question){.what = what, .position = position});
}

static void on_wait(struct aep__relay *relay, const struct request *request)
{
    on_position(relay, request, AEP__WAITS_RECORD, wait_answer);
}

static void on_flush(struct aep__relay *relay, const struct request *request)
{
    on_position(relay, request, AEP__WAITS_FLUSH, flush_answer);
}

static bool parse_state(const char *word, enum aep_broker_state *ret)
{
    for (int state = AEP_BROKER_UNKNOWN; state <= AEP_BROKER_MISCONFIGURED; state++)
        if (strcmp(word, aep_broker_name((enum aep_broker_state)state)) == 0) {
            *ret = (enum aep_broker_state)state;
            return true;
        }
    return false;
}

/* What counts is the status as last written, since that is where the client looks. */
static const char *broker_answer(const struct aep__relay *relay, enum aep_broker_state other_than)
{
    return relay->report.status.broker == (int64_t)other_than ? NULL : "ok";
}

static void on_broker(struct aep__relay *relay, const struct request *request)
{
    enum aep_broker_state other_than;
    const char *text = "error no state";
    if (parse_state(request->rest, &other_than))
        text = broker_answer(relay, other_than);
    if (text)
        answer(relay, request->client, request->id, text);
    else
        add_question(relay, request,
                     (struct aep__question){.what = AEP__WAITS_BROKER, .other_than = other_than});
}

static void on_cancel(struct aep__relay *relay, const struct request *request)
{
    for (struct aep__question **at = &request->client->questions; *at;)
        if ((*at)->id == request->id)
            free_question(&relay->server, request->client, at);
        else
            at = &(*at)->next;
}

/* A client that sends a ping after another question learns whether that one has no answer yet. */
static void on_ping(struct aep__relay *relay, const struct request *request)
{
    answer(relay, request->client, request->id, "ok");
}

static void on_stats(struct aep__relay *relay, const struct request *request)
{
    struct aep__buf out = {0};
    aep__report_json(relay, &out);
    answer(relay, request->client, request->id, aep__buf_string(&out));
    aep__buf_done(&out);
}

/* `stop ID automatic` comes from a relay that is to run in the foreground instead. */
static void on_stop(struct aep__relay *relay, const struct request *request)
{
    if (relay->foreground && strcmp(request->rest, "automatic") == 0) {
        answer(relay, request->client, request->id, "no");
        return;
    }
    answer(relay, request->client, request->id, "ok");
    aep__log_write(&relay->log, AEP_LOG_INFO, "stopping on request");
    aep__relay_end(relay, AEP__RELAY_STOPS);
}

/* A relay gives way only if its own settings fail, and only to different settings. */
static bool would_yield(const struct aep__relay *relay, const struct request *request)
{
    return aep__broker_refused(&relay->broker) && strcmp(request->rest, relay->fingerprint) != 0;
}

/* Before a contender takes the trouble to connect. */
static void on_contend(struct aep__relay *relay, const struct request *request)
{
    answer(relay, request->client, request->id, would_yield(relay, request) ? "ok" : "no");
}

static void on_yield(struct aep__relay *relay, const struct request *request)
{
    if (!would_yield(relay, request)) {
        answer(relay, request->client, request->id, "no");
        return;
    }
    answer(relay, request->client, request->id, "ok");
    aep__log_write(&relay->log, AEP_LOG_INFO, "handing over to a relay that can log in");
    aep__relay_end(relay, AEP__RELAY_YIELDS);
}

static bool parse_ordinal(const char *text, uint64_t *ret)
{
    char *end;
    *ret = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

static void on_dead(struct aep__relay *relay, const struct request *request,
                    int64_t (*fn)(struct aep__core *, const uint64_t *))
{
    uint64_t ordinal;
    if (*request->rest && !parse_ordinal(request->rest, &ordinal))
        answer(relay, request->client, request->id, "error no number");
    else
        answer_count(relay, request, fn(&relay->core, *request->rest ? &ordinal : NULL));
}

static void on_dead_replay(struct aep__relay *relay, const struct request *request)
{
    on_dead(relay, request, aep__dead_replay);
}

static void on_dead_drop(struct aep__relay *relay, const struct request *request)
{
    on_dead(relay, request, aep__dead_drop);
}

static void on_purge(struct aep__relay *relay, const struct request *request)
{
    uint64_t dropped = aep__delivery_purge(&relay->core);
    add_question(relay, request,
                 (struct aep__question){.what = AEP__WAITS_PURGE,
                                        .position = relay->core.tail.purge,
                                        .purged = dropped});
}

static const struct {
    const char *verb;
    void (*on)(struct aep__relay *relay, const struct request *request);
    bool may_wait; /* for its answer: an open question */
} verbs[] = {
    {"wait", on_wait, true},
    {"flush", on_flush, true},
    {"broker", on_broker, true},
    {"purge", on_purge, true},
    {"ping", on_ping, false},
    {"cancel", on_cancel, false},
    {"stats", on_stats, false},
    {"stop", on_stop, false},
    {"contend", on_contend, false},
    {"yield", on_yield, false},
    {"dead-replay", on_dead_replay, false},
    {"dead-drop", on_dead_drop, false},
};

static void serve_request(struct aep__relay *relay, struct aep__client *client, char *line)
{
    char *rest = line + strcspn(line, " ");
    struct request request = {.client = client, .rest = ""};
    if (*rest) {
        *rest++ = '\0';
        char *end;
        request.id = strtoull(rest, &end, 10);
        request.rest = *end == ' ' ? end + 1 : end;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].verb, line) == 0) {
            if (verbs[i].may_wait && client->open >= AEP__CONTROL_QUESTIONS)
                answer(relay, client, request.id, AEP__CONTROL_TOO_MANY);
            else
                verbs[i].on(relay, &request);
            return;
        }
    answer(relay, client, request.id, "error unknown request");
}

/* Reads again at once only from clients that have several questions open: for most others it would
 * be in vain. */
static void serve_client(struct aep__relay *relay, struct aep__client *client)
{
    char line[REQUEST_MAX];
    for (int count = 0; count < REQUESTS_A_TURN && client->fd >= 0; count++) {
        ssize_t len = aep__control_receive(client->fd, line, sizeof line);
        if (len == 0)
            drop_client(&relay->server, client);
        if (len <= 0)
            return;
        serve_request(relay, client, line);
        if (!client->questions || !client->questions->next)
            return;
    }
}

size_t aep__server_polls(struct aep__relay *relay, struct pollfd *polls)
{
    const struct aep__server *server = &relay->server;
    bool deaf = relay->pace.now_us < server->deaf_until_us;
    if (deaf)
        aep__pace_due(&relay->pace, server->deaf_until_us);
    polls[0] = (struct pollfd){.fd = deaf ? -1 : server->listen_fd, .events = POLLIN};
    for (size_t i = 0; i < server->count; i++)
        polls[i + 1] = (struct pollfd){.fd = server->clients[i].fd, .events = POLLIN};
    return server->count + 1;
}

void aep__server_serve(struct aep__relay *relay, const struct pollfd *polls, size_t count)
{
    struct aep__server *server = &relay->server;
    for (size_t i = 1; i < count && i - 1 < server->count; i++)
        if (polls[i].revents && server->clients[i - 1].fd >= 0)
            serve_client(relay, &server->clients[i - 1]);
    forget_gone(server);
    if (polls[0].revents && server->listen_fd >= 0)
        accept_client(relay);
}

/* ---- answering questions ---- */

static const char *purge_answer(struct aep__relay *relay, const struct aep__question *question,
                                char text[40])
{
    if (!aep__tail_finished_below(&relay->core, question->position))
        return NULL;
    snprintf(text, 40, "ok %" PRIu64, question->purged + relay->core.tail.purged);
    return text;
}

static const char *answer_of(struct aep__relay *relay, const struct aep__question *question,
                             char text[40])
{
    switch (question->what) {
    case AEP__WAITS_RECORD:
        return wait_answer(relay, question->position);
    case AEP__WAITS_FLUSH:
        return flush_answer(relay, question->position);
    case AEP__WAITS_BROKER:
        return broker_answer(relay, question->other_than);
    default:
        return purge_answer(relay, question, text);
    }
}

#define WHAT(what) (1U << AEP__WAITS_##what)

static void tell_client(struct aep__relay *relay, struct aep__client *client, unsigned whats)
{
    for (struct aep__question **at = &client->questions; client->fd >= 0 && *at;) {
        char space[40];
        const char *text = NULL;
        if (whats & 1U << (*at)->what)
            text = answer_of(relay, *at, space);
        if (!text) {
            at = &(*at)->next;
            continue;
        }
        uint64_t id = (*at)->id;
        free_question(&relay->server, client, at);
        answer(relay, client, id, text); /* may drop the client and all its questions */
    }
}

static void tell(struct aep__relay *relay, unsigned whats)
{
    struct aep__server *server = &relay->server;
    for (size_t i = 0; server->waiting && i < server->count; i++)
        tell_client(relay, &server->clients[i], whats);
}

void aep__server_tell_waits(struct aep__relay *relay)
{
    tell(relay, WHAT(RECORD));
}

void aep__server_tell_flushes(struct aep__relay *relay)
{
    tell(relay, WHAT(FLUSH) | WHAT(PURGE));
}

void aep__server_tell_broker(struct aep__relay *relay)
{
    tell(relay, WHAT(BROKER));
}
