/* SPDX-License-Identifier: Apache-2.0 */
/* The events of one execution, a line each, in their order; silence that is longer than usual between
 * them. Of many events the first and the last are shown. */
#include <string.h>

#include "aep/amount.h"
#include "aep/event_tree.h"
#include "aep/out.h"
#include "aep/summary.h"
#include "look.h"
#include "showing.h"

#include "base/clock.h"
#include "base/error.h"
#include "event/kinds.h"

#define SHOWN_MAX 60 /* events that are shown all */
#define FIRST 10     /* of more: so many of the first, */
#define LAST 40      /* and of the last */
#define DAY_LEN 10   /* of 2025-11-13 */
#define PATIENCE_US INT64_C(600000000)
#define SILENCE_MIN_US 1000000 /* shorter ones are never shown, whatever an event expects */

struct timeline {
    struct aep__showing *showing;
    bool all;
    int64_t at, total; /* events */
    int64_t begin_us, last_us;
    uint64_t dropped; /* by retention */
    char day[DAY_LEN + 1];
};

static int64_t patience_us(const struct aep__tracked *execution)
{
    int64_t usual_us = execution->patience_us > 0 ? execution->patience_us : PATIENCE_US;
    return usual_us > SILENCE_MIN_US ? usual_us : SILENCE_MIN_US;
}

static void add_silence(struct timeline *timeline, int64_t until_us, const char *words)
{
    struct aep__showing *showing = timeline->showing;
    if (timeline->last_us == AEP__UNKNOWN_US || until_us == AEP__UNKNOWN_US)
        return;
    int64_t silence_us = until_us - timeline->last_us;
    if (silence_us <= patience_us(&showing->execution))
        return;
    aep__buf_format(&showing->out, "  ...  %s %s\n", aep__amount_ms((double)silence_us / 1000).text,
                    words);
}

static void add_hidden(struct timeline *timeline, uint64_t count)
{
    aep__buf_format(&timeline->showing->out, "  ...  %s not shown (--events shows all)\n",
                    aep__amount_of(count, "event").text);
}

static void add_day(struct timeline *timeline, const char *time)
{
    if (strncmp(timeline->day, time, DAY_LEN) == 0)
        return;
    memcpy(timeline->day, time, DAY_LEN);
    aep__buf_format(&timeline->showing->out, "  -- %.*s\n", DAY_LEN, time);
}

static void add_kind(struct aep__showing *showing, const char *type, int kind)
{
    const char *colour = showing->reading.colour ? aep__summary_colour(kind) : NULL;
    if (colour)
        aep__buf_format(&showing->out, "\033[%sm%-9s\033[0m ", colour, aep__kinds[kind].name);
    else if (kind >= 0)
        aep__buf_format(&showing->out, "%-9s ", aep__kinds[kind].name);
    else
        aep__out_plain(&showing->out, type, strlen(type));
}

static void add_event(struct timeline *timeline, const json_t *event, enum aep__fate fate)
{
    struct aep__showing *showing = timeline->showing;
    const char *type = json_string_value(json_object_get(event, "event_type"));
    const char *stamp = json_string_value(json_object_get(event, "timestamp"));
    char time[AEP__TIME_SIZE];
    int64_t at_us;
    if (!type || !stamp || !aep__clock_parse(stamp, strlen(stamp), &at_us))
        return;
    int kind = aep__kind_of_type(type, strlen(type));
    aep__clock_format(at_us, time);
    add_silence(timeline, at_us, "of silence");
    add_day(timeline, time);
    if (timeline->begin_us == AEP__UNKNOWN_US)
        timeline->begin_us = at_us;
    size_t begin = showing->out.len;
    aep__buf_format(&showing->out, "  %.12sZ +%-7s %-8s ", time + DAY_LEN + 1,
                    aep__amount_brief((double)(at_us - timeline->begin_us) / 1000).text,
                    aep__fate_word(fate));
    add_kind(showing, type, kind);
    aep__summary_add(&showing->out, json_object_get(event, "payload"), kind);
    aep__showing_end_line(showing, begin);
    timeline->last_us = at_us;
}

static bool is_shown(const struct timeline *timeline)
{
    return timeline->all || timeline->total <= SHOWN_MAX || timeline->at < FIRST ||
           timeline->at >= timeline->total - LAST;
}

static bool take_event(void *user, const struct aep__stored_event *event)
{
    struct timeline *timeline = user;
    bool shown = is_shown(timeline);
    if (!event->body.data) {
        timeline->dropped++;
    } else if (shown) {
        json_t *tree = aep__event_tree(event->body);
        add_event(timeline, tree, event->fate);
        json_decref(tree);
    } else if (timeline->at == FIRST) {
        add_hidden(timeline, (uint64_t)(timeline->total - FIRST - LAST));
        timeline->last_us = AEP__UNKNOWN_US;
    }
    timeline->at++;
    return aep__showing_flush(timeline->showing);
}

int aep__showing_timeline(struct aep__showing *showing, bool all, aep_error *err)
{
    const struct aep__tracked *execution = &showing->execution;
    struct aep__store *store = showing->reading.store;
    struct timeline timeline = {.showing = showing,
                                .all = all,
                                .total = execution->events,
                                .begin_us = AEP__UNKNOWN_US,
                                .last_us = AEP__UNKNOWN_US};
    if (!all)
        aep__showing_part(showing, "timeline");
    if (aep__tracked_is_emptied(execution))
        aep__showing_remains(showing);
    int code =
        store->ops->events(store, execution->id, &AEP__ORDER_NONE, take_event, &timeline, err);
    if (code == AEP_OK && execution->outcome == AEP__ENDING_OPEN)
        add_silence(&timeline, showing->reading.view.clock_us, "of silence so far");
    aep__showing_dropped(showing, timeline.dropped);
    return code;
}

static bool take_json_event(void *user, const struct aep__stored_event *event)
{
    struct aep__showing *showing = user;
    aep__buf_format(&showing->out, "{\"delivery\":\"%s\",\"event\":", aep__fate_word(event->fate));
    if (event->body.data)
        aep__buf_add(&showing->out, event->body.data, event->body.len);
    else
        aep__buf_text(&showing->out, "null");
    aep__buf_text(&showing->out, "}\n");
    return aep__showing_flush(showing);
}

int aep__showing_json_events(struct aep__showing *showing, aep_error *err)
{
    struct aep__store *store = showing->reading.store;
    return store->ops->events(store, showing->execution.id, &AEP__ORDER_NONE, take_json_event,
                              showing, err);
}
