/* SPDX-License-Identifier: Apache-2.0 */
/* The message that the peers send: the first event of a spool filled by `bench_publish fill`, so
 * that all send the same bytes. */
#ifndef AEP_BENCH_SAMPLE_H
#define AEP_BENCH_SAMPLE_H

#include "spool/read.h"

/** Opens the spool and reads its first event; ends the program if there is none. */
const struct aep__message *bench_sample_open(const char *folder);
void bench_sample_close(void);

#endif
