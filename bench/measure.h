/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmark programs share: a clock, samples, their percentiles as one JSON line, and the
 * event that all of them publish. */
#ifndef AEP_BENCH_MEASURE_H
#define AEP_BENCH_MEASURE_H

#include "aep/aep.h"

#include <stddef.h>
#include <stdint.h>

/** The event of the usage guide with a request of ordinary length: about 700 bytes of value. */
#define BENCH_EVENT BENCH_EVENT_OF("0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f")
/** The same with another correlation id. */
#define BENCH_EVENT_OF(id)                                                                         \
    AEP_STARTED(.agent_name = "agent-api-architect",                                               \
                .user_request = "Design a REST API for user management", .correlation_id = (id),   \
                .session_id = "0189f7ea-ae2c-7809-8aeb-b819cf5e9e80",                              \
                .context = "{\"domain\":\"api_design\",\"previous_agent\":\"agent-router\"}")

/* How long each of many repetitions took, in nanoseconds. */
struct samples {
    int64_t *ns;
    size_t count;
};

int64_t bench_now_ns(void);
/* * Sleeps until bench_now_ns() reaches ns. */
void bench_sleep_until(int64_t ns);
struct samples bench_samples(size_t count);
/** Prints {"name": NAME, "count": …, "p50": …, "p90": …, "p95": …, "p99": …, "max": …} in
 * microseconds and frees the samples. */
void bench_print(const char *name, struct samples samples);
/** Prints {"name": NAME, "KEY": VALUE}. */
void bench_print_number(const char *name, const char *key, double value);
/* * A field of /proc/self/smaps_rollup in KiB, for example "Pss:", in which a shared page counts in
 * part. */
long bench_memory_kib(const char *field);
/** Prints the text and ends the program with 1. */
void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
