/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void bench_sleep_until(int64_t ns)
{
    struct timespec until = {ns / 1000000000, ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

struct samples bench_samples(size_t count)
{
    struct samples samples = {calloc(count, sizeof(int64_t)), count};
    if (!samples.ns)
        bench_die("out of memory");
    return samples;
}

static int compare_ns(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static double percentile_us(struct samples samples, double part)
{
    return (double)samples.ns[(size_t)(part * (double)(samples.count - 1))] / 1000;
}

void bench_print(const char *name, struct samples samples)
{
    qsort(samples.ns, samples.count, sizeof *samples.ns, compare_ns);
    printf("{\"name\": \"%s\", \"count\": %zu", name, samples.count);
    static const struct {
        const char *name;
        double part;
    } parts[] = {{"p50", .5}, {"p90", .9}, {"p95", .95}, {"p99", .99}, {"max", 1}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        printf(", \"%s\": %.3f", parts[i].name, percentile_us(samples, parts[i].part));
    printf("}\n");
    fflush(stdout);
    free(samples.ns);
}

void bench_print_number(const char *name, const char *key, double value)
{
    printf("{\"name\": \"%s\", \"%s\": %.3f}\n", name, key, value);
    fflush(stdout);
}

long bench_memory_kib(const char *field)
{
    char line[256];
    long kib = -1;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0)
            kib = atol(line + strlen(field));
    if (file)
        fclose(file);
    return kib;
}

void bench_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}
