/* SPDX-License-Identifier: Apache-2.0 */
/* What aep costs the program that publishes. Configuration comes from the environment.
 *
 *     bench_publish call COUNT INTERVAL_US   time inside one publish call, in turns with a bare
 *                                            write(2) of as many bytes to a file in this folder
 *     bench_publish ack COUNT INTERVAL_US    from the call to the acknowledgement
 *     bench_publish sustained COUNT          events a second until all are acknowledged
 *     bench_publish fill COUNT               puts them on disk, no more
 *     bench_publish numbered COUNT FILE RUN  numbered events; FILE holds how many were accepted,
 *                                            even if this program is killed
 *     bench_publish memory                   memory (proportional set) that a publisher in use adds */
#include "measure.h"
#include "numbered.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 50
#define WARM_UP 200

static aep_publisher *open_publisher(void)
{
    aep_publisher *pub;
    aep_error err;
    if (aep_publisher_open(&pub, NULL, &err) != AEP_OK)
        bench_die("open: %s", err.text);
    return pub;
}

static void publish(aep_publisher *pub, aep_receipt *receipt)
{
    aep_error err;
    if (aep_publish_started(pub, BENCH_EVENT, receipt, &err) != AEP_OK)
        bench_die("publish: %s", err.text);
}

static void pause_between(int64_t begun_ns, long interval_us)
{
    if (interval_us > 0)
        bench_sleep_until(begun_ns + interval_us * 1000);
}

/* The size of one record: the distance between the ends of two consecutive ones. */
static size_t find_record_bytes(aep_publisher *pub)
{
    aep_receipt first = AEP_RECEIPT_INIT, second = AEP_RECEIPT_INIT;
    do {
        publish(pub, &first);
        publish(pub, &second);
    } while (first.position.segment != second.position.segment);
    return (size_t)(second.position.offset - first.position.offset);
}

static int open_scrap_file(void)
{
    char path[] = "bench-write.XXXXXX";
    int fd = mkostemp(path, O_APPEND | O_CLOEXEC);
    if (fd < 0)
        bench_die("cannot make a file in this folder");
    unlink(path);
    return fd;
}

/* Publishes and bare writes take turns, a block each, so that both run under the same
 * conditions. */
static void measure_calls(size_t count, long interval_us)
{
    aep_publisher *pub = open_publisher();
    count = (count + BLOCK - 1) / BLOCK * BLOCK;
    size_t bytes = find_record_bytes(pub);
    char *record = calloc(1, bytes);
    int fd = open_scrap_file();
    struct samples published = bench_samples(count), written = bench_samples(count);
    for (size_t i = 0; i < 2 * count; i++) {
        size_t at = i / (2 * BLOCK) * BLOCK + i % BLOCK;
        int64_t begun = bench_now_ns();
        if (i / BLOCK % 2 == 0)
            publish(pub, NULL);
        else if (write(fd, record, bytes) != (ssize_t)bytes)
            bench_die("cannot write");
        int64_t spent = bench_now_ns() - begun;
        (i / BLOCK % 2 == 0 ? published : written).ns[at] = spent;
        pause_between(begun, interval_us);
    }
    close(fd);
    free(record);
    aep_publisher_close(pub);
    bench_print("publish", published);
    bench_print("write", written);
}

static void measure_acks(size_t count, long interval_us)
{
    aep_publisher *pub = open_publisher();
    struct samples samples = bench_samples(count);
    for (size_t i = 0; i < WARM_UP + count; i++) {
        aep_receipt receipt = AEP_RECEIPT_INIT;
        aep_error err;
        int64_t begun = bench_now_ns();
        publish(pub, &receipt);
        if (aep_publisher_wait(pub, &receipt, 60000, &err) != AEP_OK)
            bench_die("wait: %s", err.text);
        if (i >= WARM_UP)
            samples.ns[i - WARM_UP] = bench_now_ns() - begun;
        pause_between(begun, interval_us);
    }
    aep_publisher_close(pub);
    bench_print("ack", samples);
}

static void publish_many(size_t count, int flush)
{
    aep_publisher *pub = open_publisher();
    aep_error err;
    publish(pub, NULL);
    if (flush && aep_publisher_flush(pub, 60000, &err) != AEP_OK)
        bench_die("flush: %s", err.text);
    int64_t begun = bench_now_ns();
    for (size_t i = 0; i < count; i++)
        publish(pub, NULL);
    if (flush && aep_publisher_flush(pub, 600000, &err) != AEP_OK)
        bench_die("flush: %s", err.text);
    double seconds = (double)(bench_now_ns() - begun) / 1e9;
    aep_publisher_close(pub);
    bench_print_number(flush ? "sustained" : "fill", "per_second", (double)count / seconds);
}

static void publish_numbered(size_t count, const char *file, const char *run)
{
    struct bench_counts *counts = bench_counts_map(file);
    aep_publisher *pub = open_publisher();
    for (size_t i = 0; i < count; i++) {
        char id[BENCH_ID_BYTES + 1];
        aep_error err;
        bench_numbered_id(id, run, i);
        if (aep_publish_started(pub, BENCH_EVENT_OF(id), NULL, &err) != AEP_OK)
            bench_die("publish: %s", err.text);
        counts->handed_over = counts->accepted = i + 1;
    }
    aep_publisher_close(pub);
}

static void measure_memory(void)
{
    long before = bench_memory_kib("Pss:");
    aep_publisher *pub = open_publisher();
    for (int i = 0; i < 10000; i++)
        publish(pub, NULL);
    bench_print_number("memory", "added_kib", (double)(bench_memory_kib("Pss:") - before));
    aep_publisher_close(pub);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    long interval_us = argc > 3 ? atol(argv[3]) : 0;
    if (strcmp(what, "memory") == 0)
        measure_memory();
    else if (count == 0)
        bench_die("usage: bench_publish call|ack|sustained|fill|memory COUNT [INTERVAL_US]\n"
                  "       bench_publish numbered COUNT FILE RUN");
    else if (strcmp(what, "numbered") == 0 && argc == 5)
        publish_numbered(count, argv[3], argv[4]);
    else if (strcmp(what, "call") == 0)
        measure_calls(count, interval_us);
    else if (strcmp(what, "ack") == 0)
        measure_acks(count, interval_us);
    else
        publish_many(count, strcmp(what, "sustained") == 0);
    return 0;
}
