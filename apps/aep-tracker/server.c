/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include "base/error.h"
#include "track/link.h"
#include "track/reading.h"
#include "tracker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void aep__server_init(struct aep__server *server)
{
    server->listen_fd = -1;
    server->count = server->syncing = 0;
}

int aep__server_listen(struct aep__server *server, const char *store, aep_error *err)
{
    if (server->listen_fd >= 0 && aep__link_named(store))
        return AEP_OK;
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    server->listen_fd = aep__link_listen(store);
    return server->listen_fd >= 0
               ? AEP_OK
               : aep__error_errno(err, AEP_EIO, "track.store", "cannot listen beside %s", store);
}

/* Its place is free once the round is over. */
static void drop_client(struct aep__server *server, struct aep__server_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    server->syncing -= client->sync;
    *client = (struct aep__server_client){.fd = -1};
}

static void forget_gone(struct aep__server *server)
{
    size_t kept = 0;
    for (size_t i = 0; i < server->count; i++)
        if (server->clients[i].fd >= 0)
            server->clients[kept++] = server->clients[i];
    server->count = kept;
}

void aep__server_stop(struct aep__server *server, const char *store)
{
    if (server->listen_fd < 0)
        return;
    aep__link_unlisten(store);
    close(server->listen_fd);
    for (size_t i = 0; i < server->count; i++)
        drop_client(server, &server->clients[i]);
    aep__server_init(server);
}

/* ---- lines ---- */

static bool tell_kafka(const struct aep__sources *sources, const struct aep__server_client *client)
{
    struct aep__kafka_status kafka;
    struct aep__kafka_partition partition;
    if (!sources->kafka)
        return !sources->kafka_problem[0] ||
               aep__link_send(client->fd, "kafka 0 0 0 %s\t", sources->kafka_problem);
    aep__source_kafka_status(sources->kafka, &kafka);
    const char *problem = aep__sources_behind(sources);
    bool sent = aep__link_send(client->fd, "kafka %" PRId64 " %" PRIu64 " %" PRId64 " %s\t%s",
                               kafka.as_of_us, kafka.missed, kafka.problem_us,
                               problem ? problem : "-", kafka.servers);
    for (size_t i = 0; sent && aep__source_kafka_partition(sources->kafka, i, &partition); i++)
        sent = aep__link_send(client->fd, "partition %" PRId32 " %" PRId64 " %" PRId64 "\t%s",
                              partition.id, partition.next, partition.end, partition.topic);
    return sent;
}

static void tell_status(struct aep__tracker *tracker, struct aep__server_client *client)
{
    const struct aep__sources *sources = &tracker->sources;
    const char *problem =
        *tracker->writer.problem ? tracker->writer.problem : tracker->keeping.problem;
    bool sent = aep__link_send(client->fd, "status %d %" PRIu64 " %" PRId64 " %s", (int)getpid(),
                               tracker->events, tracker->as_of_us, *problem ? problem : "-");
    if (sent && tracker->serve)
        sent = aep__link_send(client->fd, "serves %s", aep__serve_address(tracker->serve));
    for (size_t i = 0; sent && i < sources->count; i++) {
        const struct aep__source_spool *source = sources->list[i];
        sent = aep__link_send(client->fd, "spool %" PRId64 " %" PRIu64 " %s\t%s", source->read_us,
                              source->missed, source->problem[0] ? source->problem : "-",
                              source->spool.path);
    }
    sent = sent && tell_kafka(sources, client);
    if (!sent || !aep__link_send(client->fd, "end"))
        drop_client(&tracker->server, client);
}

static void begin_sync(struct aep__tracker *tracker, struct aep__server_client *client,
                       const char *spool)
{
    aep_error err;
    if (aep__sources_add(&tracker->sources, spool, &err) != AEP_OK)
        aep__log_write(&tracker->log, AEP_LOG_WARNING, "%s is not read: %s", spool, err.text);
    tracker->writer.retry_us = 0; /* what was in its way may have been mended */
    aep__sources_ask(&tracker->sources);
    tracker->server.syncing += !client->sync;
    client->sync = true;
}

static bool pin(struct aep__tracker *tracker, struct aep__server_client *client, const char *id,
                bool pinned)
{
    struct aep__writer *writer = &tracker->writer;
    aep_error err;
    if (!aep__writer_open(writer))
        return aep__link_send(client->fd, "failed %s", writer->problem);
    int found = aep__writer_pin(writer, id, pinned, &err);
    if (found >= 0)
        return aep__link_send(client->fd, found ? "done" : "unknown");
    aep__sources_close(&tracker->sources);
    aep__writer_fail(writer, &err);
    return aep__link_send(client->fd, "failed %s", writer->problem);
}

static void compare(struct aep__tracker *tracker, struct aep__server_client *client,
                    const char *asked)
{
    char names[256];
    struct aep__buf settings = {0};
    aep__reading_settings(tracker->config, false, &settings);
    aep__reading_differs(aep__buf_string(&settings), asked, names, sizeof names);
    aep__buf_done(&settings);
    if (!aep__link_send(client->fd, "settings %s", names))
        drop_client(&tracker->server, client);
}

static void answer(struct aep__tracker *tracker, struct aep__server_client *client, char *line)
{
    char *rest = strchr(line, ' ');
    if (rest)
        *rest++ = '\0';
    if (strcmp(line, "sync") == 0) {
        begin_sync(tracker, client, rest ? rest : "");
    } else if (rest && (strcmp(line, "pin") == 0 || strcmp(line, "unpin") == 0)) {
        if (!pin(tracker, client, rest, line[0] == 'p'))
            drop_client(&tracker->server, client);
    } else if (strcmp(line, "settings") == 0) {
        compare(tracker, client, rest ? rest : "");
    } else if (strcmp(line, "status") == 0) {
        tell_status(tracker, client);
    } else if (strcmp(line, "stop") == 0) {
        aep__link_send(client->fd, "stopping");
        tracker->ending = "stopped by request";
    } else if (!aep__link_send(client->fd, "error unknown request")) {
        drop_client(&tracker->server, client);
    }
}

static void serve_client(struct aep__tracker *tracker, struct aep__server_client *client)
{
    char line[AEP__LINK_LINE];
    int got = aep__link_receive(client->fd, line, sizeof line, 0);
    if (got > 0)
        answer(tracker, client, line);
    else if (got < 0)
        drop_client(&tracker->server, client);
}

/* ---- calls ---- */

static void take_call(struct aep__server *server)
{
    int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        server->clients[server->count++] = (struct aep__server_client){.fd = fd};
}

/* With all places taken, callers wait. */
size_t aep__server_polls(const struct aep__server *server, struct pollfd *polls)
{
    bool room = server->count < AEP__SERVER_CLIENTS;
    polls[0] = (struct pollfd){.fd = room ? server->listen_fd : -1, .events = POLLIN};
    for (size_t i = 0; i < server->count; i++)
        polls[1 + i] = (struct pollfd){.fd = server->clients[i].fd, .events = POLLIN};
    return 1 + server->count;
}

void aep__server_serve(struct aep__tracker *tracker, const struct pollfd *polls, size_t count)
{
    struct aep__server *server = &tracker->server;
    for (size_t i = 1; i < count; i++)
        if (polls[i].revents)
            serve_client(tracker, &server->clients[i - 1]);
    forget_gone(server);
    if (polls[0].revents)
        take_call(server);
}

static void tell_syncing(struct aep__server *server, const char *line)
{
    for (size_t i = 0; server->syncing > 0 && i < server->count; i++) {
        struct aep__server_client *client = &server->clients[i];
        if (!client->sync)
            continue;
        client->sync = false;
        server->syncing--;
        if (!aep__link_send(client->fd, "%s", line))
            drop_client(server, client);
    }
    forget_gone(server);
}

void aep__server_synced(struct aep__server *server, int64_t as_of_us, const char *behind)
{
    char line[AEP__LINK_LINE];
    if (behind)
        snprintf(line, sizeof line, "behind %" PRId64 " %s", as_of_us, behind);
    else
        snprintf(line, sizeof line, "synced %" PRId64, as_of_us);
    tell_syncing(server, line);
}

void aep__server_failed(struct aep__server *server, const char *why)
{
    char line[AEP__LINK_LINE];
    snprintf(line, sizeof line, "failed %s", why);
    tell_syncing(server, line);
}
