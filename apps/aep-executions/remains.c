/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of an execution whose events' texts retention has dropped: when it began, its newest
 * progress, its end, its last event; the row says what they added up to. */
#include <string.h>

#include "aep/amount.h"
#include "aep/out.h"
#include "aep/summary.h"
#include "showing.h"

#include "base/clock.h"
#include "event/kinds.h"

#define DAY_LEN 10 /* of 2025-11-13 */
#define TIME_AT 11 /* of 09:30:12.512 */

struct remain {
    enum aep__origin origin;
    int kind; /* enum aep_kind; AEP__KIND_OTHER: what came after the end */
    const char *text;
};

static void add_line(struct aep__showing *showing, const struct remain *remain, int64_t at_us,
                     int64_t begin_us)
{
    char time[AEP__TIME_SIZE];
    struct aep__buf *out = &showing->out;
    const char *colour = showing->reading.colour ? aep__summary_colour(remain->kind) : NULL;
    const char *kind = remain->kind == AEP__KIND_OTHER ? "last" : aep__kinds[remain->kind].name;
    size_t begin = out->len;
    aep__clock_format(at_us, time);
    aep__buf_format(out, "  %.12sZ +%-7s %-8s ", time + TIME_AT,
                    aep__amount_brief((double)(at_us - begin_us) / 1000).text, "-");
    if (colour)
        aep__buf_format(out, "\033[%sm%-9s\033[0m", colour, kind);
    else
        aep__buf_format(out, "%-9s", kind);
    if (remain->text) {
        aep__buf_byte(out, ' ');
        aep__out_plain(out, remain->text, strlen(remain->text));
    }
    aep__showing_end_line(showing, begin);
}

void aep__showing_remains(struct aep__showing *showing)
{
    const struct aep__tracked *execution = &showing->execution;
    bool failed = execution->outcome != AEP__ENDING_COMPLETED;
    const struct remain remains[] = {
        {AEP__ORIGIN_STARTED, AEP_KIND_STARTED, execution->user_request},
        {AEP__ORIGIN_PROGRESS, AEP_KIND_PROGRESS, execution->current_step},
        {AEP__ORIGIN_END, failed ? AEP_KIND_FAILED : AEP_KIND_COMPLETED,
         failed ? execution->error_message : execution->result_summary},
        {AEP__ORIGIN_LAST, AEP__KIND_OTHER, NULL},
    };
    const char *day = "";
    char days[AEP__TIME_SIZE];
    int64_t begin_us = AEP__UNKNOWN_US, last_us = AEP__UNKNOWN_US;
    for (size_t i = 0; i < sizeof remains / sizeof *remains; i++) {
        int64_t at_us = execution->origins[remains[i].origin].at_us;
        char time[AEP__TIME_SIZE];
        if (at_us <= last_us) /* not known, or shown already */
            continue;
        if (begin_us == AEP__UNKNOWN_US)
            begin_us = at_us;
        aep__clock_format(at_us, time);
        if (strncmp(day, time, DAY_LEN) != 0)
            aep__buf_format(&showing->out, "  -- %.*s\n", DAY_LEN, time);
        memcpy(days, time, sizeof days);
        day = days;
        add_line(showing, &remains[i], at_us, begin_us);
        last_us = at_us;
    }
}

void aep__showing_dropped(struct aep__showing *showing, uint64_t count)
{
    char time[AEP__TIME_SIZE];
    int64_t at_us = showing->execution.emptied_at;
    if (count == 0)
        return;
    aep__buf_format(&showing->out, "  the texts of %s were dropped",
                    aep__amount_of(count, "event").text);
    if (at_us != AEP__UNKNOWN_US) {
        aep__clock_format(at_us, time);
        aep__buf_format(&showing->out, " on %.*s (track.retention_bodies)", DAY_LEN, time);
    }
    aep__buf_byte(&showing->out, '\n');
}
