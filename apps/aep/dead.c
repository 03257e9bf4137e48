/* SPDX-License-Identifier: Apache-2.0 */
/* aep dead: the dead letters, the records that Kafka has refused for good. It reads them from the
 * log itself, and asks the relay for changes, since only the relay makes them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amount.h"
#include "ask.h"
#include "columns.h"
#include "options.h"
#include "out.h"
#include "spools.h"
#include "verbs.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "spool/sidelog.h"

#define ANSWER_MS 30000
#define ERROR_COLUMNS 24 /* on a terminal */
#define ID_COLUMNS 8     /* there, of a UUID: its end */

static void add_string(struct aep__buf *out, const char *name, struct aep__slice text)
{
    aep__buf_format(out, ",\"%s\":", name);
    aep__json_add_string(out, text.data, text.len);
}

static struct aep__slice find_header(const struct aep__message *message, const char *name)
{
    struct aep__slice wanted = aep__slice_text(name);
    for (size_t i = 0; i < message->header_count; i++) {
        const struct aep__header *header = &message->headers[i];
        if (header->name.len == wanted.len &&
            memcmp(header->name.data, wanted.data, wanted.len) == 0)
            return header->value;
    }
    return (struct aep__slice){"", 0};
}

static void add_json(struct aep__buf *out, const struct aep__sidelog_entry *entry,
                     const struct aep__message *message, bool whole)
{
    char time[AEP__TIME_SIZE];
    aep__clock_format(entry->note.time_us, time);
    aep__buf_format(out, "{\"ordinal\":%llu,\"time\":\"%s\",\"replay\":%s",
                    (unsigned long long)entry->note.ordinal, time,
                    entry->note.flags & AEP__NOTE_REPLAY ? "true" : "false");
    add_string(out, "error", entry->note.error);
    add_string(out, "topic", message->topic);
    if (message->key.data)
        add_string(out, "key", message->key);
    aep__buf_format(out, ",\"bytes\":%zu", message->value.len);
    if (whole) {
        aep__buf_text(out, ",\"headers\":{");
        for (size_t i = 0; i < message->header_count; i++) {
            aep__buf_text(out, i ? "," : "");
            aep__json_add_string(out, message->headers[i].name.data, message->headers[i].name.len);
            aep__buf_byte(out, ':');
            aep__json_add_string(out, message->headers[i].value.data,
                                 message->headers[i].value.len);
        }
        aep__buf_text(out, "},\"event\":");
        aep__buf_add(out, message->value.data, message->value.len);
    }
    aep__buf_text(out, "}\n");
}

static void add_text(struct aep__buf *out, const struct aep__sidelog_entry *entry,
                     const struct aep__message *message)
{
    char time[AEP__TIME_SIZE];
    struct aep__slice id = find_header(message, "ce_id");
    aep__clock_format(entry->note.time_us, time);
    aep__buf_format(out, "%-8llu %s ", (unsigned long long)entry->note.ordinal, time);
    aep__out_plain(out, entry->note.error.data, entry->note.error.len);
    aep__buf_byte(out, ' ');
    aep__out_plain(out, message->topic.data, message->topic.len);
    aep__buf_byte(out, ' ');
    aep__out_plain(out, id.data, id.len);
    aep__buf_format(out, " %s%s\n", aep__amount_of(message->value.len, "byte").text,
                    entry->note.flags & AEP__NOTE_REPLAY ? ", being sent again" : "");
}

/* The end of a text, with a mark if it is cut: ids and topics differ at the end. */
static void add_end(struct aep__buf *out, const char *mark, struct aep__slice text, size_t columns)
{
    size_t kept = text.len;
    if (text.len > columns) {
        aep__buf_text(out, mark);
        kept = columns;
    }
    aep__out_plain(out, text.data + text.len - kept, kept);
}

/* A line that fits: no year, the id's end, and as much of the topic's end as there is room for. */
static void add_columns(struct aep__buf *out, const struct aep__sidelog_entry *entry,
                        const struct aep__message *message, size_t width)
{
    const char *mark = aep__out_utf8() ? "…" : "...";
    size_t mark_columns = aep__columns_of(mark, strlen(mark)), begin = out->len, error;
    char time[AEP__TIME_SIZE];
    aep__clock_format(entry->note.time_us, time);
    aep__buf_format(out, "%-5llu %.5s %.8sZ ", (unsigned long long)entry->note.ordinal, time + 5,
                    time + 11);
    error = out->len;
    aep__out_plain(out, entry->note.error.data, entry->note.error.len);
    aep__columns_fit(out, error, ERROR_COLUMNS, mark);
    aep__buf_byte(out, ' ');
    add_end(out, mark, find_header(message, "ce_id"), ID_COLUMNS);
    aep__buf_format(out, " %s%s ", aep__amount_of(message->value.len, "byte").text,
                    entry->note.flags & AEP__NOTE_REPLAY ? ", sent again" : "");
    size_t taken = aep__columns_of(out->data + begin, out->len - begin) + mark_columns;
    add_end(out, mark, message->topic, width > taken ? width - taken : 0);
    aep__columns_fit(out, begin, width, mark);
    aep__buf_byte(out, '\n');
}

struct listing {
    bool json, all;
    size_t width;     /* of the terminal; 0: none */
    uint64_t ordinal; /* the only one wanted, unless all */
    size_t found;
    struct aep__buf out;
};

/* Adds the wanted letters of one log. */
static void list_entries(struct aep__sidelog *log, struct listing *listing)
{
    struct aep__buf buf = {0};
    struct aep__sidelog_entry entry;
    struct aep__message message;
    for (uint64_t at = log->begin; aep__sidelog_read(log, at, &buf, &entry) > 0; at = entry.next) {
        bool wanted = listing->all || entry.note.ordinal == listing->ordinal;
        if (!wanted || !aep__record_message(&entry.record, &message))
            continue;
        listing->found++;
        if (listing->json)
            add_json(&listing->out, &entry, &message, !listing->all);
        else if (listing->width > 0)
            add_columns(&listing->out, &entry, &message, listing->width);
        else
            add_text(&listing->out, &entry, &message);
    }
    aep__buf_done(&buf);
}

static int list_dead(const struct aep__args *args, struct listing *listing)
{
    struct aep__spool spool;
    struct aep__sidelog log;
    aep_error err;
    if (aep__spools_open(args, &spool, &err) != AEP_OK)
        return aep__out_error(&err);
    if (aep__sidelog_open(&log, &spool, AEP__SIDELOG_DEAD, false) == 0) {
        list_entries(&log, listing);
        aep__sidelog_done(&log);
    }
    aep__spool_done(&spool);
    return aep__out_finish(&listing->out);
}

static int run_list(struct aep__args *args)
{
    int width = aep__out_width(STDOUT_FILENO);
    struct listing listing = {
        .json = aep__args_given(args, "json"),
        .all = true,
        .width = width > 0 ? (size_t)width : 0,
    };
    int status = list_dead(args, &listing);
    if (status == AEP__EXIT_DONE && listing.found == 0)
        aep__out_hint("dead list: no dead letters");
    return status;
}

static int read_ordinal(const struct aep__args *args, uint64_t *ret, aep_error *err)
{
    char *end = NULL;
    const char *text = args->operands[0];
    *ret = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end)
        return aep__error(err, AEP_EINVAL, "", "%s: give an ordinal, as `aep dead list` shows it",
                          args->name);
    return AEP_OK;
}

static int say_missing(const struct aep__args *args)
{
    aep__out_say("%s: no dead letter with the ordinal %s", args->name, args->operands[0]);
    return AEP__EXIT_FAILED;
}

static int run_show(struct aep__args *args)
{
    struct listing listing = {.json = true};
    aep_error err;
    if (read_ordinal(args, &listing.ordinal, &err) != AEP_OK)
        return aep__out_error(&err);
    int status = list_dead(args, &listing);
    return status == AEP__EXIT_DONE && listing.found == 0 ? say_missing(args) : status;
}

/* Asks the relay, starting one if needed, and reports how many letters it was. */
static int ask_relay(const struct aep__args *args, const char *what, const char *done)
{
    struct aep__spool spool = {.dir_fd = -1};
    char request[64], reply[256];
    uint64_t ordinal = 0;
    unsigned long long count = 0;
    aep_error err;
    bool one = args->operand_count > 0;
    int code = one ? read_ordinal(args, &ordinal, &err) : AEP_OK;
    if (code == AEP_OK)
        code = aep__spools_open(args, &spool, &err);
    if (code == AEP_OK)
        code = aep__ask_start(args, &spool, &err);
    snprintf(request, sizeof request, one ? "%s 1 %llu" : "%s 1", what,
             (unsigned long long)ordinal);
    if (code == AEP_OK)
        code = aep__ask(&spool, request, ANSWER_MS, reply, sizeof reply, &err);
    aep__spool_done(&spool);
    if (code != AEP_OK)
        return aep__out_error(&err);
    sscanf(reply, "ok %llu", &count);
    if (one && count == 0)
        return say_missing(args);
    struct aep__buf text = {0};
    aep__buf_format(&text, "%s %s\n", aep__amount_of(count, "dead letter").text, done);
    return aep__out_finish(&text);
}

static int run_replay(struct aep__args *args)
{
    return ask_relay(args, "dead-replay", "will be sent again");
}

static int run_drop(struct aep__args *args)
{
    if (args->operand_count == 0 && !aep__args_given(args, "yes")) {
        aep__out_say("dead drop: this drops all dead letters for good: confirm with --yes, or "
                     "name one");
        return AEP__EXIT_USAGE;
    }
    return ask_relay(args, "dead-drop", "dropped");
}

static const struct aep__flag list_options[] = {
    {"json", 0, AEP__ARGUMENT_NONE, NULL, "Prints one JSON object per line.", NULL, NULL, NULL},
    AEP__SPOOL_OPTION,
    AEP__OPTIONS_END,
};

static const struct aep__flag show_options[] = {
    AEP__SPOOL_OPTION,
    AEP__OPTIONS_END,
};

static const struct aep__flag drop_options[] = {
    {"yes", 'y', AEP__ARGUMENT_NONE, NULL, "Confirms that all of them are to be dropped.", NULL,
     NULL, NULL},
    AEP__SPOOL_OPTION,
    AEP__OPTIONS_END,
};

static const struct aep__verb list = {
    .name = "list",
    .summary = "lists the dead letters: ordinal, time, error, topic, event id",
    .usage = "[--json] [--spool DIR]",
    .options = list_options,
    .run = run_list,
};

static const struct aep__verb show = {
    .name = "show",
    .summary = "prints one dead letter as JSON, with its whole event and headers",
    .usage = "ORDINAL [--spool DIR]",
    .options = show_options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run_show,
};

static const struct aep__verb replay = {
    .name = "replay",
    .summary = "sends dead letters again: one, or all",
    .usage = "[ORDINAL] [--spool DIR]",
    .options = show_options,
    .operands_max = 1,
    .run = run_replay,
};

static const struct aep__verb drop = {
    .name = "drop",
    .summary = "drops dead letters: one, or with --yes all",
    .usage = "ORDINAL | --yes [--spool DIR]",
    .options = drop_options,
    .operands_max = 1,
    .run = run_drop,
};

static const struct aep__verb *const actions[] = {&list, &show, &replay, &drop, NULL};

const struct aep__verb aep__verb_dead = {
    .name = "dead",
    .summary = "lists, shows, replays or drops events that Kafka refused for good",
    .usage = "list | show ORDINAL | replay [ORDINAL] | drop ORDINAL | drop --yes",
    .description =
        "A message that Kafka refuses for good, for example because it is too large for the "
        "topic, does not block the others: the relay moves it to the dead-letter log of its spool "
        "and counts it. dead.max_bytes limits the log.",
    .actions = actions,
};
