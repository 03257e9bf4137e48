/* SPDX-License-Identifier: Apache-2.0 */
/* Amounts as people read them: counts, bytes, durations. */
#ifndef AEP_APP_AMOUNT_H
#define AEP_APP_AMOUNT_H

#include <stdint.h>

struct aep__amount {
    char text[64];
};

/** "1 event", "0 events".
 * @noun  in the singular; its plural ends in s */
struct aep__amount aep__amount_of(uint64_t count, const char *noun);
/** "512 B", "1.5 GiB". */
struct aep__amount aep__amount_bytes(uint64_t bytes);
/** "0.4 ms", "340 ms", "23.7 s", "4 min 12 s", "3 h 5 min", "2 d 4 h". */
struct aep__amount aep__amount_ms(double ms);
/** The same for narrow columns: "340ms", "23.7s", "4m12s", "3h5m", "2d4h". */
struct aep__amount aep__amount_brief(double ms);

#endif
