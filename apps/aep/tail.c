/* SPDX-License-Identifier: Apache-2.0 */
/* aep tail: the spool's events, read beside the relay without disturbing it.
 *
 *     reader ─ event ─▶ queue of lines ─ state known, or held long enough ─▶ stdout
 *
 * The spool is first read to its end without looking into events, only to know where the last N
 * begin; then on from there. A line's delivery state is looked up when it is written, not when it
 * is read: with -f it is held for a moment, since an acknowledgement comes within milliseconds as a
 * rule. An event that is written as "spooled" and acknowledged later gets another line. Segments
 * that the relay removes meanwhile are gone: the reader goes on where the cursor stands. On a
 * terminal a line is made to fit: ids by their ends, long names and the line itself cut. */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "amount.h"
#include "columns.h"
#include "event_tree.h"
#include "options.h"
#include "out.h"
#include "spools.h"
#include "summary.h"
#include "verbs.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/json.h"
#include "event/kinds.h"
#include "spool/follow.h"

#define HOLD_US 300000 /* for a state to become known, with -f */
#define MISSING_MS 50  /* between two looks for a spool that is not there yet */
#define WAKE_MS 1000   /* in case a change is not signalled */
#define LAST_DEFAULT 10
#define LAST_MAX 1000000
#define LINES_MAX 256 /* held at once */
#define OUT_BYTES 65536
#define DAY_SIZE 11 /* 2025-11-13 and a NUL */
#define COLUMNS_MIN 40
#define COLUMNS_MAX 100000
#define ID_COLUMNS 8       /* of an id on a terminal: its end, since UUIDs begin with the time */
#define NAME_COLUMNS 20    /* of an agent's name there */
#define STDOUT_CLOSED (-1) /* beside enum aep_code; it has been reported */

struct line {
    aep_position begin, end;
    int64_t read_us;
    char day[DAY_SIZE];
    struct aep__buf head, rest; /* the state is written between them */
};

struct tail {
    struct aep__spool spool;
    struct aep__follower follower;
    struct line lines[LINES_MAX]; /* a ring */
    size_t first, count;
    bool json, follow, colour;
    bool local;           /* times are of this time zone, not UTC */
    int width;            /* of the terminal, to which lines are cut; 0: they are not */
    const char *mark;     /* of what was cut: "…" */
    aep_position *begins; /* of the last events: a ring of `last`, while the end is looked for */
    size_t last;
    uint64_t seen, taken; /* in looking for the end; as lines */
    char day[DAY_SIZE];   /* of the line written last; before the first: today */
    uint64_t unsettled;   /* written as spooled, not known to be acknowledged */
    aep_position unsettled_end;
    struct aep__buf out;
    aep_error err;
};

/* ---- one event as a line -------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void add_painted(const struct tail *tail, struct aep__buf *out, const char *colour,
                        const char *text, int width)
{
    if (tail->colour && colour)
        aep__buf_format(out, "\033[%sm%-*s\033[0m", colour, width, text);
    else
        aep__buf_format(out, "%-*s", width, text);
}

/* "2025-11-13T14:30:00.123456", with a Z behind it where it is UTC. */
static void format_time(const struct tail *tail, int64_t us, char text[AEP__TIME_SIZE])
{
    time_t seconds = (time_t)(us / 1000000);
    struct tm parts;
    aep__clock_format(us, text);
    if (tail->local && us >= 0 && localtime_r(&seconds, &parts)) {
        size_t len = strftime(text, AEP__TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
        snprintf(text + len, AEP__TIME_SIZE - len, ".%06d", (int)(us % 1000000));
    }
}

/* The time of day begins the line; the day is shown only where it changes. */
static void add_time(const struct tail *tail, struct line *line, const char *timestamp,
                     int64_t timestamp_ms)
{
    char text[AEP__TIME_SIZE];
    int64_t us = timestamp_ms * 1000;
    aep__clock_parse(timestamp, strlen(timestamp), &us);
    format_time(tail, us, text);
    snprintf(line->day, sizeof line->day, "%.10s", text);
    aep__buf_format(&line->head, "%.12s%s ", strchr(text, 'T') + 1, tail->local ? "" : "Z");
}

/* On a terminal the end of a UUID does, and the front of any other id. */
static void add_id(const struct tail *tail, struct aep__buf *out, const char *id)
{
    size_t len = strlen(id), begin = out->len;
    uint8_t bytes[16];
    if (tail->width > 0 && aep__id_parse(id, len, bytes)) {
        aep__buf_text(out, tail->mark);
        id += len - ID_COLUMNS;
    }
    aep__summary_text(out, id);
    if (tail->width > 0)
        aep__columns_fit(out, begin, NAME_COLUMNS, tail->mark);
    aep__buf_byte(out, ' ');
}

static void add_name(const struct tail *tail, struct aep__buf *out, const char *name)
{
    size_t begin = out->len;
    aep__summary_text(out, name);
    if (tail->width > 0)
        aep__columns_fit(out, begin, NAME_COLUMNS, tail->mark);
    aep__buf_byte(out, ' ');
}

static void format_text(const struct tail *tail, struct line *line,
                        const struct aep__message *message)
{
    json_t *event = aep__event_tree(message->value);
    const json_t *payload = json_object_get(event, "payload");
    const char *type = text_of(event, "event_type");
    int kind = aep__kind_of_type(type, strlen(type));
    add_time(tail, line, text_of(event, "timestamp"), message->timestamp_ms);
    if (kind >= 0)
        add_painted(tail, &line->rest, aep__summary_colour(kind), aep__kinds[kind].name, 9);
    else
        aep__summary_text(&line->rest, type);
    aep__buf_byte(&line->rest, ' ');
    add_name(tail, &line->rest, text_of(payload, "agent_name"));
    add_id(tail, &line->rest, text_of(event, "correlation_id"));
    aep__summary_add(&line->rest, payload, kind);
    while (line->rest.len > 0 && line->rest.data[line->rest.len - 1] == ' ')
        line->rest.len--;
    json_decref(event);
}

static void format_json(struct line *line, const struct aep__entry *entry,
                        const struct aep__message *message)
{
    struct aep__buf *out = &line->rest;
    aep__buf_format(out, "\",\"segment\":%llu,\"offset\":%llu,\"topic\":",
                    (unsigned long long)entry->segment, (unsigned long long)entry->end);
    aep__json_add_string(out, message->topic.data, message->topic.len);
    aep__buf_text(out, ",\"key\":");
    if (message->key.data)
        aep__json_add_string(out, message->key.data, message->key.len);
    else
        aep__buf_text(out, "null");
    aep__buf_text(out, ",\"event\":");
    aep__buf_add(out, message->value.data, message->value.len);
    aep__buf_byte(out, '}');
    aep__buf_text(&line->head, "{\"state\":\"");
}

static void format_line(const struct tail *tail, struct line *line, const struct aep__entry *entry)
{
    struct aep__message message;
    line->begin = (aep_position){entry->segment, entry->offset};
    line->end = (aep_position){entry->segment, entry->end};
    line->read_us = aep__clock_mono_us();
    aep__buf_clear(&line->head);
    aep__buf_clear(&line->rest);
    if (!aep__record_message(&entry->record, &message))
        message = (struct aep__message){.value = AEP__SLICE("null")};
    if (tail->json)
        format_json(line, entry, &message);
    else
        format_text(tail, line, &message);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void write_day(struct tail *tail, const struct line *line)
{
    if (tail->json || strcmp(line->day, tail->day) == 0)
        return;
    memcpy(tail->day, line->day, sizeof tail->day);
    aep__buf_format(&tail->out, "-- %s\n", tail->day);
}

static void write_line(struct tail *tail, const struct line *line, enum aep__fate state)
{
    static const char *const colours[AEP__FATE_COUNT] = {[AEP__FATE_ON_DISK] = "33",
                                                         [AEP__FATE_ACKED] = "2",
                                                         [AEP__FATE_PARKED] = "31",
                                                         [AEP__FATE_DEAD] = "31"};
    write_day(tail, line);
    size_t begin = tail->out.len;
    aep__buf_add(&tail->out, line->head.data, line->head.len);
    if (tail->json)
        aep__buf_text(&tail->out, aep__fate_word(state));
    else
        add_painted(tail, &tail->out, colours[state], aep__fate_word(state), 8);
    aep__buf_add(&tail->out, line->rest.data, line->rest.len);
    if (!tail->json && tail->width > 0)
        aep__columns_fit(&tail->out, begin, (size_t)tail->width, tail->mark);
    aep__buf_byte(&tail->out, '\n');
    if (state == AEP__FATE_ON_DISK && !tail->spool.local) {
        tail->unsettled++;
        tail->unsettled_end = line->end;
    }
}

/* Writes the lines whose time has come, oldest first. */
static void write_lines(struct tail *tail, bool at_once)
{
    int64_t now_us = aep__clock_mono_us();
    for (; tail->count > 0; tail->count--) {
        const struct line *line = &tail->lines[tail->first];
        enum aep__fate state = aep__fates_of(&tail->follower.fates, line->begin);
        bool wait =
            state == AEP__FATE_ON_DISK && !tail->spool.local && now_us - line->read_us < HOLD_US;
        if (wait && !at_once)
            break;
        write_line(tail, line, state);
        tail->first = (tail->first + 1) % LINES_MAX;
    }
}

static void write_settled(struct tail *tail)
{
    if (tail->unsettled == 0 || !aep__fates_is_past(&tail->follower.fates, tail->unsettled_end))
        return;
    if (tail->json)
        aep__buf_format(&tail->out, "{\"settled\":%llu,\"segment\":%llu,\"offset\":%llu}\n",
                        (unsigned long long)tail->unsettled,
                        (unsigned long long)tail->unsettled_end.segment,
                        (unsigned long long)tail->unsettled_end.offset);
    else
        aep__buf_format(&tail->out, "-- settled since: %s shown as spooled\n",
                        aep__amount_of(tail->unsettled, "event").text);
    tail->unsettled = 0;
}

static int flush_out(struct tail *tail)
{
    return tail->out.len > 0 ? aep__out_write(&tail->out) : AEP__EXIT_DONE;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* A place for one more line; when there is none the oldest is written. */
static struct line *add_line(struct tail *tail)
{
    if (tail->count == LINES_MAX) {
        const struct line *oldest = &tail->lines[tail->first];
        write_line(tail, oldest, aep__fates_of(&tail->follower.fates, oldest->begin));
        tail->first = (tail->first + 1) % LINES_MAX;
        tail->count--;
    }
    return &tail->lines[(tail->first + tail->count++) % LINES_MAX];
}

/* Calls fn for each event that there is.
 * Errors: AEP_ESPOOL the folder is gone; as the reader says; STDOUT_CLOSED */
static int read_events(struct tail *tail, void (*fn)(struct tail *, const struct aep__entry *))
{
    struct aep__entry entry;
    for (;;) {
        switch (aep__follower_next(&tail->follower, &entry, &tail->err)) {
        case AEP__FOLLOW_EVENT:
            fn(tail, &entry);
            break;
        case AEP__FOLLOW_END:
            return AEP_OK;
        case AEP__FOLLOW_SEALED:
        case AEP__FOLLOW_PASSED:
            break;
        case AEP__FOLLOW_GONE:
            return aep__error(&tail->err, AEP_ESPOOL, "", "tail: the spool has been removed");
        case AEP__FOLLOW_ERROR:
            return tail->err.code;
        }
        if (tail->out.len > OUT_BYTES && flush_out(tail) != AEP__EXIT_DONE)
            return STDOUT_CLOSED;
    }
}

static void take_event(struct tail *tail, const struct aep__entry *entry)
{
    tail->taken++;
    format_line(tail, add_line(tail), entry);
}

static void note_begin(struct tail *tail, const struct aep__entry *entry)
{
    if (tail->last > 0)
        tail->begins[tail->seen % tail->last] = (aep_position){entry->segment, entry->offset};
    tail->seen++;
}

/* Moves the reader to where the last N events begin. */
static int seek_last(struct tail *tail)
{
    tail->begins = calloc(tail->last + 1, sizeof *tail->begins);
    if (!tail->begins)
        return aep__error_memory(&tail->err);
    int code = read_events(tail, note_begin);
    if (code != AEP_OK || tail->last == 0 || tail->seen == 0)
        return code;
    aep_position begin = tail->begins[tail->seen < tail->last ? 0 : tail->seen % tail->last];
    aep__reader_seek(&tail->follower.reader, begin.segment, begin.offset);
    return AEP_OK;
}

/* ---- the verb ------------------------------------------------------------------------------- */

/* Waits for a change in the folder, or until the oldest line has been held long enough. False: our
 * reader has gone. */
static bool await_change(struct tail *tail)
{
    struct pollfd fds[] = {{.fd = tail->follower.watch_fd, .events = POLLIN},
                           {.fd = STDOUT_FILENO, .events = 0}};
    poll(fds, 2, tail->count > 0 ? HOLD_US / 1000 : WAKE_MS);
    aep__follower_drain(&tail->follower);
    return !(fds[1].revents & (POLLERR | POLLHUP));
}

/* Whether there is simply no spool yet, as before the first agent's first event. */
static bool is_missing(const struct aep__args *args)
{
    struct aep__buf path = {0};
    aep_error err;
    bool missing = false;
    if (aep__spools_folder(args, &path, &err) == AEP_OK) {
        aep__buf_text(&path, "/spool.id");
        missing = access(aep__buf_string(&path), F_OK) < 0 && errno == ENOENT;
    }
    aep__buf_done(&path);
    return missing;
}

/* With -f a spool that is not there yet is waited for. */
static int open_spool(struct tail *tail, const struct aep__args *args)
{
    bool told = false;
    for (;;) {
        int code = aep__spools_open(args, &tail->spool, &tail->err);
        if (code != AEP_ESPOOL || !tail->follow || !is_missing(args))
            return code;
        if (!told)
            aep__out_say("tail: no spool yet; waiting for the first event");
        told = true;
        struct pollfd out = {.fd = STDOUT_FILENO, .events = 0};
        if (poll(&out, 1, MISSING_MS) > 0)
            return code;
    }
}

static int open_tail(struct tail *tail, const struct aep__args *args)
{
    char now[AEP__TIME_SIZE];
    int64_t last = LAST_DEFAULT;
    const char *wanted = aep__args_text(args, "lines");
    bool all = wanted && strcmp(wanted, "all") == 0;
    int code = all ? AEP_OK : aep__args_int(args, "lines", 0, LAST_MAX, &last, &tail->err);
    tail->last = (size_t)last;
    format_time(tail, aep__clock_wall_us(), now);
    snprintf(tail->day, sizeof tail->day, "%.10s", now);
    if (code == AEP_OK)
        code = open_spool(tail, args);
    if (code == AEP_OK)
        code = aep__follower_open(&tail->follower, &tail->spool, (aep_position){0}, &tail->err);
    return code != AEP_OK || all ? code : seek_last(tail);
}

/* One round: shows what has been written since the last one, and the states that have changed. */
static int show_events(struct tail *tail)
{
    int code = read_events(tail, take_event);
    if (code == AEP_OK)
        code = aep__follower_look(&tail->follower, &tail->err);
    write_lines(tail, !tail->follow || code != AEP_OK);
    write_settled(tail);
    if (flush_out(tail) != AEP__EXIT_DONE)
        return STDOUT_CLOSED;
    return code;
}

/* If nothing is shown, tells a person why. */
static void explain_nothing(const struct tail *tail)
{
    if (tail->taken > 0 || tail->seen > 0)
        return;
    if (tail->follow)
        aep__out_hint("tail: no events on disk; waiting for the next");
    else if (tail->spool.local)
        aep__out_hint("tail: no events yet in %s", tail->spool.path);
    else
        aep__out_hint("tail: no events on disk: what Kafka has acknowledged is removed after a few "
                      "seconds");
}

static void close_tail(struct tail *tail)
{
    for (size_t i = 0; i < LINES_MAX; i++) {
        aep__buf_done(&tail->lines[i].head);
        aep__buf_done(&tail->lines[i].rest);
    }
    free(tail->begins);
    aep__follower_close(&tail->follower);
    aep__spool_done(&tail->spool);
    aep__buf_done(&tail->out);
}

static int run_tail(struct aep__args *args)
{
    struct tail tail = {.json = aep__args_given(args, "json"),
                        .follow = aep__args_given(args, "follow"),
                        .colour = aep__out_colour(STDOUT_FILENO),
                        .local = aep__args_given(args, "local"),
                        .mark = aep__out_utf8() ? "…" : "...",
                        .spool.dir_fd = -1,
                        .follower = {.reader.fd = -1, .watch_fd = -1, .cursor_fd = -1}};
    int64_t columns = -1; /* the terminal's */
    bool full = aep__args_given(args, "full");
    if (tail.json && (full || tail.local || aep__args_given(args, "columns"))) {
        aep__out_say("tail: --json prints whole events and takes no --local, --columns or --full");
        return AEP__EXIT_USAGE;
    }
    if (full && aep__args_given(args, "columns")) {
        aep__out_say("tail: give --columns or --full, not both");
        return AEP__EXIT_USAGE;
    }
    int code = aep__args_int(args, "columns", COLUMNS_MIN, COLUMNS_MAX, &columns, &tail.err);
    if (code == AEP_OK)
        code = open_tail(&tail, args);
    for (bool first = true; code == AEP_OK; first = false) {
        tail.width = full ? 0 : columns >= 0 ? (int)columns : aep__out_width(STDOUT_FILENO);
        code = show_events(&tail);
        if (first && code == AEP_OK)
            explain_nothing(&tail);
        if (!tail.follow || (code == AEP_OK && !await_change(&tail)))
            break;
    }
    close_tail(&tail);
    return code == STDOUT_CLOSED ? AEP__EXIT_FAILED
           : code == AEP_OK      ? AEP__EXIT_DONE
                                 : aep__out_error(&tail.err);
}

static const struct aep__flag options[] = {
    {"follow", 'f', AEP__ARGUMENT_NONE, NULL,
     "Keeps running and shows events as they are "
     "written.",
     NULL, NULL, NULL},
    {"lines", 'n', AEP__ARGUMENT_VALUE, "N",
     "Starts with the last N events (default 10), or "
     "\"all\".",
     NULL, NULL, NULL},
    {"local", 0, AEP__ARGUMENT_NONE, NULL, "Shows local time, without a Z, instead of UTC.", NULL,
     NULL, NULL},
    {"columns", 0, AEP__ARGUMENT_VALUE, "N",
     "Cuts lines at N columns. Default: a terminal's width; not at all elsewhere.", NULL, NULL,
     NULL},
    {"full", 0, AEP__ARGUMENT_NONE, NULL, "Shows whole ids and whole lines, even on a terminal.",
     NULL, NULL, NULL},
    {"json", 0, AEP__ARGUMENT_NONE, NULL,
     "Prints one JSON object per line: state, segment, offset, topic, key, event.", NULL, NULL,
     NULL},
    AEP__SPOOL_OPTION,
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_tail = {
    .name = "tail",
    .summary = "shows the spool's events, with their delivery state",
    .usage = "[-f] [-n N] [--local] [--columns N | --full | --json] [--spool DIR]",
    .description =
        "Each line has the time (UTC), the state, the kind, the agent, the correlation id and a "
        "summary. A line such as \"-- 2025-11-13\" marks a change of day, and comes first if the "
        "first event is not from today. On a terminal, lines are cut at its width and a UUID is "
        "shown as its last eight digits (the first are the time). The state is spooled (on disk), "
        "acked (acknowledged by Kafka), parked (not taken by Kafka yet) or dead (refused for "
        "good). Acknowledged events leave the spool a few seconds later, so this "
        "shows the recent past only. In local mode all events are spooled, and the newest "
        "spool.max_bytes of them are kept.",
    .examples = "  aep tail -f --local\n"
                "  aep tail -n all --json | jq -r 'select(.state == \"parked\") | .topic'",
    .options = options,
    .run = run_tail,
};
