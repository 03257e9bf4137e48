/* SPDX-License-Identifier: Apache-2.0 */
/* The durable peer's publisher: sends events to an rsyslogd over RELP, whose input acknowledges
 * an event once it is in rsyslog's queue. The bytes come from a spool that `bench_publish fill`
 * has filled.
 *
 *     bench_rsyslog sustained COUNT PORT TOPIC SPOOL   events a second until Kafka has them all
 *     bench_rsyslog numbered COUNT PORT FILE RUN SPOOL numbered events; FILE holds how many were
 *                                                      written and acknowledged, even if this
 *                                                      program is killed */
#include "measure.h"
#include "numbered.h"
#include "sample.h"

#include <arpa/inet.h>
#include <librdkafka/rdkafka.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WINDOW 128 /* events written and not acknowledged: librelp's own default */
#define OFFER "relp_version=0\nrelp_software=aep-bench\ncommands=syslog"
#define PRIORITY "<14>"
#define DEADLINE_MS 600000
#define PARTITIONS_MAX 16

struct relp {
    int fd;
    size_t transactions, answered;
    char unread[4096]; /* the start of an answer that is not complete yet */
    size_t unread_bytes;
};

static void write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent <= 0)
            bench_die("rsyslog has closed the connection");
        data += sent;
        length -= (size_t)sent;
    }
}

static void send_frame(struct relp *relp, const char *command, const char *data, size_t length)
{
    char frame[65536];
    int head =
        snprintf(frame, sizeof frame, "%zu %s %zu ", relp->transactions + 1, command, length);
    if ((size_t)head + length + 1 > sizeof frame)
        bench_die("an event of %zu bytes is too large for this program", length);
    memcpy(frame + head, data, length);
    frame[(size_t)head + length] = '\n';
    write_all(relp->fd, frame, (size_t)head + length + 1);
    relp->transactions++;
}

/* Takes whole answers from the front of what was read: "NUMBER rsp LENGTH 200 OK…\n". */
static void take_answers(struct relp *relp)
{
    char *at = relp->unread, *end = relp->unread + relp->unread_bytes;
    for (;;) {
        size_t number, length;
        int head = 0;
        *end = '\0';
        if (sscanf(at, "%zu rsp %zu %n", &number, &length, &head) != 2 || head == 0 ||
            (size_t)(end - at) < (size_t)head + length + 1)
            break;
        if (number != relp->answered + 1 || strncmp(at + head, "200", 3) != 0)
            bench_die("rsyslog answers: %.*s", (int)length, at + head);
        relp->answered++;
        at += (size_t)head + length + 1;
    }
    relp->unread_bytes = (size_t)(end - at);
    memmove(relp->unread, at, relp->unread_bytes);
}

static void read_answers(struct relp *relp, int flags)
{
    size_t room = sizeof relp->unread - 1 - relp->unread_bytes;
    ssize_t got = recv(relp->fd, relp->unread + relp->unread_bytes, room, flags);
    if (got == 0 || (got < 0 && flags == 0))
        bench_die("rsyslog has closed the connection");
    if (got > 0) {
        relp->unread_bytes += (size_t)got;
        take_answers(relp);
    }
}

static void await_answers(struct relp *relp, size_t open)
{
    while (relp->transactions - relp->answered > open)
        read_answers(relp, 0);
    read_answers(relp, MSG_DONTWAIT);
}

static void open_relp(struct relp *relp, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    *relp = (struct relp){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (relp->fd < 0 || connect(relp->fd, (struct sockaddr *)&address, sizeof address) != 0)
        bench_die("nothing listens on port %s", port);
    setsockopt(relp->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    send_frame(relp, "open", OFFER, strlen(OFFER));
    await_answers(relp, 0);
}

/* ---- the events ---- */

struct line {
    char *data;
    size_t length;
    const struct aep__message *sample;
};

static struct line make_line(const char *folder)
{
    const struct aep__message *sample = bench_sample_open(folder);
    struct line line = {.length = strlen(PRIORITY) + sample->value.len, .sample = sample};
    line.data = malloc(line.length);
    if (!line.data)
        bench_die("out of memory");
    memcpy(line.data, PRIORITY, strlen(PRIORITY));
    memcpy(line.data + strlen(PRIORITY), sample->value.data, sample->value.len);
    return line;
}

/* Where the sample's correlation id, which is its key, is in the line. */
static char *find_id(struct line line)
{
    if (line.sample->key.len != BENCH_ID_BYTES)
        bench_die("the sample's key is no correlation id");
    char *at = memmem(line.data, line.length, line.sample->key.data, BENCH_ID_BYTES);
    if (!at)
        bench_die("the sample holds no correlation id");
    return at;
}

static void send_numbered(struct relp *relp, struct line line, size_t count, const char *run,
                          struct bench_counts *counts)
{
    char *at = find_id(line), id[BENCH_ID_BYTES + 1];
    for (size_t i = 0; i < count; i++) {
        bench_numbered_id(id, run, i);
        memcpy(at, id, BENCH_ID_BYTES);
        send_frame(relp, "syslog", line.data, line.length);
        counts->handed_over = i + 1;
        await_answers(relp, WINDOW - 1);
        counts->accepted = relp->answered - 1; /* the first answers "open" */
    }
    await_answers(relp, 0);
    counts->accepted = relp->answered - 1;
}

/* ---- what Kafka has ---- */

static rd_kafka_t *client;
static const struct rd_kafka_metadata *metadata;

static void open_client(const char *name)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", getenv("KAFKA_BOOTSTRAP_SERVERS"), text,
                      sizeof text);
    client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!client)
        bench_die("%s", text);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    rd_kafka_resp_err_t result = rd_kafka_metadata(client, 0, topic, &metadata, 30000);
    if (result || metadata->topic_cnt != 1 || metadata->topics[0].partition_cnt < 1)
        bench_die("%s: %s", name, rd_kafka_err2str(result));
    rd_kafka_topic_destroy(topic);
}

/* Messages ever written to the topic: the sum of its partitions' ends. */
static int64_t count_messages(void)
{
    const struct rd_kafka_metadata_topic *topic = &metadata->topics[0];
    int64_t sum = 0;
    for (int i = 0; i < topic->partition_cnt; i++) {
        int64_t low, high;
        rd_kafka_resp_err_t result = rd_kafka_query_watermark_offsets(
            client, topic->topic, topic->partitions[i].id, &low, &high, 10000);
        if (result)
            bench_die("%s: %s", topic->topic, rd_kafka_err2str(result));
        sum += high;
    }
    return sum;
}

static void await_messages(int64_t count)
{
    int64_t end = bench_now_ns() + (int64_t)DEADLINE_MS * 1000000;
    while (count_messages() < count) {
        if (bench_now_ns() > end)
            bench_die("Kafka has not got all of them");
        bench_sleep_until(bench_now_ns() + 2000000);
    }
}

static void send_same(struct relp *relp, struct line line, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        send_frame(relp, "syslog", line.data, line.length);
        await_answers(relp, WINDOW - 1);
    }
}

static void measure_sustained(struct relp *relp, struct line line, size_t count, const char *topic)
{
    open_client(topic);
    int64_t before = count_messages();
    send_same(relp, line, 1);
    await_messages(before + 1);
    int64_t begun = bench_now_ns();
    send_same(relp, line, count);
    await_messages(before + 1 + (int64_t)count);
    bench_print_number("sustained", "per_second",
                       (double)count / ((double)(bench_now_ns() - begun) / 1e9));
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(client);
}

int main(int argc, char **argv)
{
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    bool numbered = argc == 7 && strcmp(argv[1], "numbered") == 0;
    if (count == 0 || (!numbered && (argc != 6 || strcmp(argv[1], "sustained") != 0)))
        bench_die("usage: bench_rsyslog sustained COUNT PORT TOPIC SPOOL\n"
                  "       bench_rsyslog numbered COUNT PORT FILE RUN SPOOL");
    struct relp relp;
    struct line line = make_line(argv[argc - 1]);
    open_relp(&relp, argv[3]);
    if (numbered)
        send_numbered(&relp, line, count, argv[5], bench_counts_map(argv[4]));
    else
        measure_sustained(&relp, line, count, argv[4]);
    close(relp.fd);
    free(line.data);
    bench_sample_close();
    return 0;
}
