/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: whether each bootstrap server takes connections, and each broker that the cluster
 * names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "aep/amount.h"
#include "doctor.h"
#include "net.h"

#include "config/layers.h"

#define SERVERS_MAX 64

/* "host:port" or "[host]:port", as the canonical list has them. */
struct server {
    char host[256], port[8];
    struct aep__reach reach;
};

static int family_of(const aep_config *config)
{
    const struct aep__setting *setting = aep__config_kafka(config, "broker.address.family");
    const char *text = setting && setting->text ? setting->text : "any";
    return strcmp(text, "v4") == 0 ? AF_INET : strcmp(text, "v6") == 0 ? AF_INET6 : AF_UNSPEC;
}

static void read_server(struct server *server, const char *text, size_t len)
{
    const char *colon = memrchr(text, ':', len);
    size_t host_len = colon ? (size_t)(colon - text) : len;
    size_t bracket = host_len > 1 && text[0] == '[' && text[host_len - 1] == ']';
    *server = (struct server){.port = "9092"};
    snprintf(server->host, sizeof server->host, "%.*s", (int)(host_len - 2 * bracket),
             text + bracket);
    if (colon)
        snprintf(server->port, sizeof server->port, "%.*s", (int)(len - host_len - 1), colon + 1);
}

/* Appends the lines of a text as details. */
static void add_addresses(struct aep__doctor *doctor, const struct aep__reach *reach)
{
    for (size_t at = 0; at < reach->text.len;) {
        const char *line = reach->text.data + at;
        const char *end = memchr(line, '\n', reach->text.len - at);
        aep__verdict_detail(&doctor->verdicts, "%.*s", (int)(end - line), line);
        at += (size_t)(end - line) + 1;
    }
}

/* One that is down is a failure only if all are. */
static void judge_server(struct aep__doctor *doctor, const struct server *server, bool any_reached)
{
    const struct aep__reach *reach = &server->reach;
    bool is_v6 = strchr(server->host, ':') != NULL;
    enum aep__grade bad = any_reached ? AEP__GRADE_WARNING : AEP__GRADE_FAILED;
    char name[sizeof server->host + sizeof server->port + 4];
    snprintf(name, sizeof name, is_v6 ? "[%s]:%s" : "%s:%s", server->host, server->port);
    if (reach->reached) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "%s accepts connections (%s)", name,
                     aep__amount_ms(reach->best_ms).text);
    } else if (reach->resolved) {
        aep__verdict(&doctor->verdicts, bad, "%s accepts no connection", name);
        aep__verdict_remedy(&doctor->verdicts, "start Kafka there, correct "
                                               "KAFKA_BOOTSTRAP_SERVERS, or check the firewall "
                                               "or VPN");
    } else {
        aep__verdict(&doctor->verdicts, bad, "%s: this machine cannot resolve the name", name);
        aep__verdict_remedy(&doctor->verdicts, "correct the name in KAFKA_BOOTSTRAP_SERVERS, or "
                                               "make it resolve on this machine");
    }
    add_addresses(doctor, reach);
}

void aep__doctor_servers(struct aep__doctor *doctor)
{
    const char *at = aep__config_text(doctor->config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS);
    struct server *servers = calloc(SERVERS_MAX, sizeof *servers);
    size_t count = 0;
    bool any_reached = false;
    for (; servers && *at && count < SERVERS_MAX; at += *at == ',') {
        struct server *server = &servers[count++];
        size_t len = strcspn(at, ",");
        read_server(server, at, len);
        aep__reach_try(&server->reach, server->host, server->port, family_of(doctor->config),
                       doctor->timeout_ms);
        any_reached |= server->reach.reached;
        at += len;
    }
    for (size_t i = 0; i < count; i++) {
        judge_server(doctor, &servers[i], any_reached);
        aep__reach_done(&servers[i].reach);
    }
    free(servers);
}

/* ---- the brokers that the cluster names ----------------------------------------------------- */

static void judge_broker(void *user, const struct aep__admin_broker *broker)
{
    struct aep__doctor *doctor = user;
    struct aep__reach reach;
    char port[12];
    snprintf(port, sizeof port, "%d", broker->port);
    aep__reach_try(&reach, broker->host, port, family_of(doctor->config), doctor->timeout_ms);
    if (reach.reached) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "broker %d at %s:%s accepts connections",
                     broker->id, broker->host, port);
    } else {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "broker %d advertises %s:%s, which %s",
                     broker->id, broker->host, port,
                     reach.resolved ? "accepts no connection" : "this machine cannot resolve");
        aep__verdict_remedy(&doctor->verdicts, "correct advertised.listeners of that broker, or "
                                               "make that address reachable from here");
    }
    add_addresses(doctor, &reach);
    aep__reach_done(&reach);
}

void aep__doctor_brokers(struct aep__doctor *doctor)
{
    aep_error err;
    if (aep__admin_brokers(doctor->admin, doctor->timeout_ms, judge_broker, doctor, &err) == AEP_OK)
        return;
    aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "%s", err.text);
    aep__verdict_remedy(&doctor->verdicts, "try again; check the broker's log");
}
