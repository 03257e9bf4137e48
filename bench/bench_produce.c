/* SPDX-License-Identifier: Apache-2.0 */
/* The peer: librdkafka in the publishing process, tuned for latency, sending the same bytes. The
 * messages come from a spool filled by `bench_publish fill`.
 *
 *     bench_produce call COUNT INTERVAL_US SPOOL   time inside rd_kafka_producev()
 *     bench_produce ack COUNT INTERVAL_US SPOOL    from the call to the delivery report
 *     bench_produce sustained COUNT SPOOL          messages a second until all are acknowledged
 *     bench_produce memory SPOOL                   memory (proportional set) that a producer in use adds */
#include "measure.h"
#include "sample.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_UP 200

static rd_kafka_t *producer;
static rd_kafka_topic_t *topic;
static const struct aep__message *message;
static size_t acknowledged;

static void count_delivery(rd_kafka_t *rk, const rd_kafka_message_t *report, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (report->err)
        bench_die("delivery: %s", rd_kafka_err2str(report->err));
    acknowledged++;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK)
        bench_die("%s", text);
}

static void open_producer(const char *queue_messages)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", getenv("KAFKA_BOOTSTRAP_SERVERS"));
    set(conf, "linger.ms", "0");
    set(conf, "socket.nagle.disable", "true");
    set(conf, "queue.buffering.max.messages", queue_messages);
    rd_kafka_conf_set_dr_msg_cb(conf, count_delivery);
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!producer)
        bench_die("%s", text);
    rd_kafka_topic_conf_t *topic_conf = rd_kafka_topic_conf_new();
    rd_kafka_topic_conf_set(topic_conf, "partitioner", "murmur2_random", text, sizeof text);
    rd_kafka_topic_conf_set(topic_conf, "acks", "all", text, sizeof text);
    char *name = strndup(message->topic.data, message->topic.len);
    topic = rd_kafka_topic_new(producer, name, topic_conf);
    free(name);
}

/* One message with all the headers that the relay sends. */
static void produce(void)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count + 1);
    for (size_t i = 0; i < message->header_count; i++) {
        const struct aep__header *header = &message->headers[i];
        rd_kafka_header_add(headers, header->name.data, (ssize_t)header->name.len,
                            header->value.data, (ssize_t)header->value.len);
    }
    rd_kafka_header_add(headers, "x-aep-seq", -1, "0189f7ea-ae2c-4809-8aeb-b819cf5e9e7f:1234567",
                        -1);
    rd_kafka_resp_err_t result;
    while (
        (result = rd_kafka_producev(
             producer, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_KEY(message->key.data, message->key.len),
             RD_KAFKA_V_VALUE((void *)message->value.data, message->value.len),
             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_TIMESTAMP(message->timestamp_ms),
             RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(producer, 1);
    if (result)
        bench_die("produce: %s", rd_kafka_err2str(result));
}

static void await(size_t count)
{
    while (acknowledged < count)
        rd_kafka_poll(producer, 100);
}

static void measure(const char *name, size_t count, long interval_us, int until_ack)
{
    struct samples samples = bench_samples(count);
    for (size_t i = 0; i < WARM_UP + count; i++) {
        int64_t begun = bench_now_ns();
        produce();
        if (until_ack)
            await(i + 1);
        if (i >= WARM_UP)
            samples.ns[i - WARM_UP] = bench_now_ns() - begun;
        rd_kafka_poll(producer, 0);
        if (interval_us > 0)
            bench_sleep_until(begun + interval_us * 1000);
    }
    await(WARM_UP + count);
    bench_print(name, samples);
}

static void measure_sustained(size_t count)
{
    produce();
    await(1);
    int64_t begun = bench_now_ns();
    for (size_t i = 0; i < count; i++) {
        produce();
        if (i % 64 == 0)
            rd_kafka_poll(producer, 0);
    }
    await(count + 1);
    bench_print_number("sustained", "per_second",
                       (double)count / ((double)(bench_now_ns() - begun) / 1e9));
}

int main(int argc, char **argv)
{
    if (argc < 3)
        bench_die("usage: bench_produce call|ack|sustained|memory [COUNT [INTERVAL_US]] SPOOL");
    const char *what = argv[1];
    size_t count = strtoul(argv[2], NULL, 10);
    message = bench_sample_open(argv[argc - 1]);
    long before = bench_memory_kib("Pss:");
    open_producer("100000");
    if (strcmp(what, "sustained") == 0)
        measure_sustained(count);
    else if (strcmp(what, "memory") == 0) {
        measure_sustained(10000);
        bench_print_number("memory", "added_kib", (double)(bench_memory_kib("Pss:") - before));
    } else
        measure(what, count, argc > 4 ? atol(argv[3]) : 0, strcmp(what, "ack") == 0);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
    bench_sample_close();
    return 0;
}
