/* SPDX-License-Identifier: Apache-2.0 */
#include "size.h"

#include <stddef.h>
#include <stdio.h>

const char *aep__size_show(uint64_t bytes, char text[AEP__SIZE_TEXT])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    snprintf(text, AEP__SIZE_TEXT, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}
