/* SPDX-License-Identifier: Apache-2.0 */
#include "amount.h"

#include <stdbool.h>
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

/* One digit after the point, unless it is a zero. */
static struct aep__amount with_fraction(double value, const char *unit)
{
    struct aep__amount amount;
    int len = snprintf(amount.text, sizeof amount.text, "%.1f", value);
    if (amount.text[len - 1] == '0')
        len -= 2;
    snprintf(amount.text + len, sizeof amount.text - (size_t)len, " %s", unit);
    return amount;
}

struct aep__amount aep__amount_ms(double ms)
{
    static const struct {
        double limit_s; /* below it these two units fit */
        unsigned large_s, small_s;
        const char *large, *small;
    } units[] = {
        {3600, 60, 1, "min", "s"},
        {86400, 3600, 60, "h", "min"},
        {1e18, 86400, 3600, "d", "h"},
    };
    struct aep__amount amount;
    double seconds = ms / 1000;
    size_t i = 0;
    if (!(ms > 0))
        ms = seconds = 0;
    if (ms < 9.95)
        return with_fraction(ms, "ms");
    if (ms < 999.5) {
        snprintf(amount.text, sizeof amount.text, "%.0f ms", ms);
        return amount;
    }
    if (seconds < 59.95)
        return with_fraction(seconds, "s");
    while (i + 1 < sizeof units / sizeof *units &&
           seconds + units[i].small_s / 2.0 >= units[i].limit_s)
        i++;
    if (seconds >= units[i].limit_s)
        seconds = units[i].limit_s;
    uint64_t smalls = (uint64_t)(seconds / units[i].small_s + 0.5);
    unsigned each = units[i].large_s / units[i].small_s;
    snprintf(amount.text, sizeof amount.text, "%llu %s %llu %s",
             (unsigned long long)(smalls / each), units[i].large,
             (unsigned long long)(smalls % each), units[i].small);
    return amount;
}

struct aep__amount aep__amount_brief(double ms)
{
    struct aep__amount amount = aep__amount_ms(ms), brief;
    size_t len = 0;
    for (const char *at = amount.text; *at; at++) {
        bool minutes = at[0] == 'm' && at[1] == 'i'; /* "min" */
        if (*at != ' ')
            brief.text[len++] = *at;
        at += minutes ? 2 : 0;
    }
    brief.text[len] = '\0';
    return brief;
}
