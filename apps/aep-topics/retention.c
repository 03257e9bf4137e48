/* SPDX-License-Identifier: Apache-2.0 */
#include "retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "config/value.h"

#define DIGITS_MAX 18 /* of a number that fits in 63 bits for certain */

/* Times are read and written as the options' are. */
static const struct aep__option_row row = {
    .key = "retention", .type = AEP__OPTION_TYPE_SECONDS, .min = 1, .max = INT64_MAX / 1000};

static bool read_time(const char *text, int64_t *ret_ms)
{
    struct aep__buf canonical = {0};
    struct aep__problem problem;
    int64_t seconds = 0;
    bool fine = aep__value_parse(&row, text, &canonical, &seconds, &problem);
    aep__buf_done(&canonical);
    if (fine)
        *ret_ms = seconds * 1000;
    return fine;
}

int aep__retention_read(const char *text, int64_t *ret_ms, aep_error *err)
{
    size_t digits = strspn(text, "0123456789");
    bool bare = digits > 0 && digits <= DIGITS_MAX && text[digits] == '\0';
    if (bare || strcmp(text, "-1") == 0)
        *ret_ms = strtoll(text, NULL, 10);
    else if (!read_time(text, ret_ms))
        return aep__error(err, AEP_EINVAL, "retention",
                          "topics create: --retention takes a time such as 7d or 12h, a number of "
                          "milliseconds, or -1, not \"%s\"",
                          text);
    return AEP_OK;
}

const char *aep__retention_show(int64_t ms, char text[AEP__RETENTION_SIZE])
{
    if (ms < 0)
        return "for ever";
    if (ms % 1000 == 0)
        snprintf(text, AEP__RETENTION_SIZE, "%s", aep__value_number(&row, ms / 1000).text);
    else
        snprintf(text, AEP__RETENTION_SIZE, "%lldms", (long long)ms);
    return text;
}
