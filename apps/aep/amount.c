/* SPDX-License-Identifier: Apache-2.0 */
#include "amount.h"

#include <stddef.h>
#include <stdio.h>

struct aep__amount aep__amount_of(uint64_t count, const char *noun)
{
    struct aep__amount amount;
    snprintf(amount.text, sizeof amount.text, "%llu %s%s", (unsigned long long)count, noun,
             count == 1 ? "" : "s");
    return amount;
}

struct aep__amount aep__amount_bytes(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    struct aep__amount amount;
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    snprintf(amount.text, sizeof amount.text, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return amount;
}
