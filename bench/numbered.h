/* SPDX-License-Identifier: Apache-2.0 */
/* Numbered events, recognised when a topic is read back, and counts that outlive a publisher that
 * is killed. */
#ifndef AEP_BENCH_NUMBERED_H
#define AEP_BENCH_NUMBERED_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_ID_BYTES 36 /* a UUID as text */

struct bench_counts {
    volatile uint64_t handed_over; /* written to a peer's socket; with aep the same as accepted */
    volatile uint64_t accepted;
};

/* * Maps the counts in the file: what is stored there survives if the program is killed. */
struct bench_counts *bench_counts_map(const char *path);
/** Writes the correlation id of the event with that number: 36 characters. run: 12 hexadecimal
 * digits. */
void bench_numbered_id(char id[BENCH_ID_BYTES + 1], const char *run, size_t number);

#endif
