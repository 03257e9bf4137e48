/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown comes from the tracker, if one runs, and from the store: what it counted, in all. */
#include "asking.h"

#include "aep/amount.h"
#include "aep/out.h"
#include "aep/verbs.h"
#include "writer.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/packet.h"
#include "config/config.h"
#include "track/link.h"
#include "track/source_spool.h"
#include "track/state.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS 5000
#define END_MS 60000
#define STEP_MS 10

struct view {
    char *store; /* its path, or that of the files of one elsewhere */
    aep_config *config;
    struct aep__buf name; /* of the store */
    bool there;           /* the store can be read, or, with a problem, is there at all */
    bool alive;
    long long pid;
    int64_t as_of_us; /* 0: not known */
    char problem[384];
    char unreadable[384]; /* why the store cannot be read */
    int64_t states[AEP__STATE_COUNT];
    int64_t tallies[AEP__TALLY_COUNT];
    int64_t missed;
    struct aep__buf sources; /* the tracker's lines about them, each with a NUL */
};

static int find_store(const struct aep__args *args, struct view *view, aep_error *err)
{
    aep_config *arguments = NULL;
    struct aep__buf path = {0};
    int code = aep__args_config(args, &arguments, err);
    if (code == AEP_OK)
        code = aep__config_load(arguments, &view->config, err);
    if (code == AEP_OK)
        code = aep__link_store(view->config, &path, err);
    aep_config_free(arguments);
    if (code == AEP_OK && !(view->store = strdup(aep__buf_string(&path))))
        code = aep__error_memory(err);
    if (code == AEP_OK)
        code = aep__link_name(view->config, view->store, &view->name, err);
    aep__buf_done(&path);
    return code;
}

static void free_view(struct view *view)
{
    free(view->store);
    aep_config_free(view->config);
    aep__buf_done(&view->name);
    aep__buf_done(&view->sources);
}

/* ---- the tracker ---- */

static int refuse_silent(const char *name, aep_error *err)
{
    return aep__error(err, AEP_ERELAY, "",
                      "the tracker of %s does not answer: kill the process aep-tracker (kill -CONT "
                      "first, if it is stopped); the next one goes on where it was",
                      name);
}

/* Connects and asks; -1: none runs, or it does not answer. */
static int ask(const char *store, const char *request)
{
    int fd = aep__link_connect_soon(store, ANSWER_MS);
    if (fd >= 0 && !aep__link_send(fd, "%s", request)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void take_head(struct view *view, const char *line)
{
    int at = 0;
    if (sscanf(line, "status %lld %*u %" SCNd64 " %n", &view->pid, &view->as_of_us, &at) == 2 &&
        at > 0 && strcmp(line + at, "-") != 0)
        snprintf(view->problem, sizeof view->problem, "%s", line + at);
}

static int ask_tracker(struct view *view, aep_error *err)
{
    char *line = malloc(AEP__PACKET_MAX);
    if (!line)
        return aep__error_memory(err);
    int got = 0, fd = ask(view->store, "status");
    while (fd >= 0 && (got = aep__link_receive(fd, line, AEP__PACKET_MAX, ANSWER_MS)) > 0 &&
           strcmp(line, "end") != 0) {
        if (strncmp(line, "status ", 7) == 0)
            take_head(view, line);
        else
            aep__buf_add(&view->sources, line, strlen(line) + 1);
    }
    free(line);
    if (fd >= 0)
        close(fd);
    view->alive = aep__link_held(view->store);
    if (view->alive && got <= 0)
        return refuse_silent(aep__buf_string(&view->name), err);
    return AEP_OK;
}

/* ---- the store ---- */

static int read_counts(struct view *view, struct aep__store *store, aep_error *err)
{
    int64_t as_of_us = 0;
    int code = store->ops->get_count(store, AEP__COUNT_AS_OF, &as_of_us, err);
    if (view->as_of_us == 0)
        view->as_of_us = as_of_us;
    for (unsigned i = 0; code == AEP_OK && i < AEP__TALLY_COUNT; i++)
        code = store->ops->get_count(store, aep__tally_name(i), &view->tallies[i], err);
    if (code == AEP_OK)
        code = store->ops->get_count(store, AEP__COUNT_MISSED, &view->missed, err);
    return code == AEP_OK ? store->ops->count(store, view->as_of_us, view->states, err) : code;
}

/* One that is not there, or cannot be read, is shown as such. */
static void read_store(struct view *view)
{
    struct aep__store *store;
    aep_error err;
    int code = aep__store_open(&store, aep__link_where(view->config, view->store), false, &err);
    if (code == AEP_OK) {
        code = read_counts(view, store, &err);
        store->ops->close(store);
    }
    view->there = code == AEP_OK;
    if (code != AEP_OK)
        snprintf(view->unreadable, sizeof view->unreadable, "%s",
                 code == AEP_ESPOOL ? "none yet; a tracker makes it" : err.text);
}

#define SERVES "serves "

/* Its address, in a line of the tracker's; NULL: it has none. */
static const char *find_address(const struct aep__buf *lines)
{
    const char *end = lines->data + lines->len;
    for (const char *line = lines->data; line && line < end; line += strlen(line) + 1)
        if (strncmp(line, SERVES, strlen(SERVES)) == 0)
            return line + strlen(SERVES);
    return NULL;
}

bool aep__tracker_serves(const char *store, struct aep__buf *ret_address)
{
    struct view view = {.store = (char *)store};
    aep_error err;
    const char *address = ask_tracker(&view, &err) == AEP_OK ? find_address(&view.sources) : NULL;
    if (address)
        aep__buf_text(ret_address, address);
    aep__buf_done(&view.sources);
    return address != NULL;
}

/* ---- showing ---- */

static int64_t count_executions(const struct view *view)
{
    int64_t sum = 0;
    for (int i = 0; i < AEP__STATE_COUNT; i++)
        sum += view->states[i];
    return sum;
}

static void add_age(struct aep__buf *out, int64_t then_us)
{
    int64_t age_us = aep__clock_wall_us() - then_us;
    if (then_us <= 0)
        aep__buf_text(out, "no time yet");
    else
        aep__buf_format(out, "%s ago",
                        aep__amount_ms((double)(age_us > 0 ? age_us : 0) / 1000).text);
}

static void add_executions(struct aep__buf *out, const struct view *view)
{
    const char *before = ": ";
    for (int i = 0; i < AEP__STATE_COUNT; i++) {
        if (view->states[i] == 0)
            continue;
        aep__buf_format(out, "%s%lld %s", before, (long long)view->states[i],
                        aep__state_word((enum aep__state)i));
        before = ", ";
    }
    aep__buf_byte(out, '\n');
}

static void add_tallies(struct aep__buf *out, const struct view *view)
{
    aep__buf_format(out, "events      %lld read", (long long)view->tallies[AEP__TALLY_EVENTS]);
    for (unsigned i = 0; i < AEP__TALLY_COUNT; i++)
        if (i != AEP__TALLY_EVENTS && view->tallies[i] != 0)
            aep__buf_format(out, ", %lld %s", (long long)view->tallies[i], aep__tally_name(i));
    if (view->missed)
        aep__buf_format(out, ", %lld removed before they were read", (long long)view->missed);
    aep__buf_byte(out, '\n');
}

struct source {
    int64_t read_us;
    unsigned long long missed;
    const char *problem; /* NULL: none */
    int problem_len;
    const char *path;
};

static bool take_source(const char *line, struct source *ret)
{
    int at = 0;
    const char *tab = strchr(line, '\t');
    if (!tab || sscanf(line, "spool %" SCNd64 " %llu %n", &ret->read_us, &ret->missed, &at) != 2 ||
        at == 0)
        return false;
    ret->path = tab + 1;
    ret->problem_len = (int)(tab - line) - at;
    ret->problem = line[at] == '-' && ret->problem_len == 1 ? NULL : line + at;
    return true;
}

static void add_source(struct aep__buf *out, const struct source *source)
{
    aep__buf_text(out, "spool       ");
    aep__out_plain(out, source->path, strlen(source->path));
    if (source->read_us > 0)
        aep__buf_text(out, ": read to its end ");
    else
        aep__buf_text(out, ": being read");
    if (source->read_us > 0)
        add_age(out, source->read_us);
    if (source->missed)
        aep__buf_format(out, ", %llu events removed before they were read", source->missed);
    if (source->problem) {
        aep__buf_text(out, "; ");
        aep__out_plain(out, source->problem, (size_t)source->problem_len);
    }
    aep__buf_byte(out, '\n');
}

struct kafka {
    int64_t as_of_us, since_us;
    unsigned long long missed;
    const char *problem; /* NULL: none */
    int problem_len;
    const char *servers;
};

static bool take_kafka(const char *line, struct kafka *ret)
{
    int at = 0;
    const char *tab = strchr(line, '\t');
    if (!tab ||
        sscanf(line, "kafka %" SCNd64 " %llu %" SCNd64 " %n", &ret->as_of_us, &ret->missed,
               &ret->since_us, &at) != 3 ||
        at == 0)
        return false;
    ret->servers = tab + 1;
    ret->problem_len = (int)(tab - line) - at;
    ret->problem = line[at] == '-' && ret->problem_len == 1 ? NULL : line + at;
    return true;
}

struct partition {
    int id;
    int64_t next, lag;
    const char *topic;
};

static bool take_partition(const char *line, struct partition *ret)
{
    int64_t end;
    const char *tab = strchr(line, '\t');
    if (!tab || sscanf(line, "partition %d %" SCNd64 " %" SCNd64, &ret->id, &ret->next, &end) != 3)
        return false;
    ret->topic = tab + 1;
    ret->lag = end > ret->next ? end - ret->next : 0;
    return true;
}

static void add_kafka(struct aep__buf *out, const struct kafka *kafka)
{
    aep__buf_text(out, "kafka       ");
    aep__out_plain(out, kafka->servers, strlen(kafka->servers));
    if (kafka->as_of_us > 0)
        aep__buf_text(out, ": read to its end ");
    else
        aep__buf_text(out, kafka->problem ? ": not read" : ": being read");
    if (kafka->as_of_us > 0)
        add_age(out, kafka->as_of_us);
    if (kafka->missed)
        aep__buf_format(out, ", %llu events removed before they were read", kafka->missed);
    if (kafka->since_us > 0) {
        aep__buf_text(out, "; unreachable since ");
        add_age(out, kafka->since_us);
    }
    if (kafka->problem) {
        aep__buf_text(out, kafka->since_us > 0 ? ": " : "; ");
        aep__out_plain(out, kafka->problem, (size_t)kafka->problem_len);
    }
    aep__buf_byte(out, '\n');
}

static void add_partition(struct aep__buf *out, const struct partition *partition)
{
    aep__buf_text(out, "partition   ");
    aep__out_plain(out, partition->topic, strlen(partition->topic));
    aep__buf_format(out, "/%d: offset %lld, lag %lld\n", partition->id, (long long)partition->next,
                    (long long)partition->lag);
}

static void add_kafka_sources(struct aep__buf *out, const struct view *view)
{
    struct kafka kafka;
    struct partition partition;
    const char *end = view->sources.data + view->sources.len;
    for (const char *line = view->sources.data; line && line < end; line += strlen(line) + 1) {
        if (take_kafka(line, &kafka))
            add_kafka(out, &kafka);
        else if (take_partition(line, &partition))
            add_partition(out, &partition);
    }
}

static const char *next_source(const struct view *view, const char *line, struct source *ret)
{
    const char *end = view->sources.data + view->sources.len;
    line = line ? line + strlen(line) + 1 : view->sources.data;
    while (line && line < end && !take_source(line, ret))
        line += strlen(line) + 1;
    return line && line < end ? line : NULL;
}

static void show_text(struct aep__buf *out, const struct view *view)
{
    struct source source;
    if (view->alive)
        aep__buf_format(out, "tracker     process %lld\n", view->pid);
    else
        aep__buf_text(out, "tracker     none runs; `aep list` starts one\n");
    if (find_address(&view->sources))
        aep__buf_format(out, "serves      %s\n", find_address(&view->sources));
    aep__buf_text(out, "store       ");
    aep__out_plain(out, view->name.data, strlen(view->name.data));
    if (view->there) {
        aep__buf_text(out, ": has everything up to ");
        add_age(out, view->as_of_us);
    } else {
        aep__buf_text(out, ": ");
        aep__out_plain(out, view->unreadable, strlen(view->unreadable));
    }
    aep__buf_byte(out, '\n');
    if (view->problem[0]) {
        aep__buf_text(out, "problem     ");
        aep__out_plain(out, view->problem, strlen(view->problem));
        aep__buf_byte(out, '\n');
    }
    if (view->there) {
        aep__buf_format(out, "executions  %lld", (long long)count_executions(view));
        add_executions(out, view);
        add_tallies(out, view);
    }
    for (const char *line = NULL; (line = next_source(view, line, &source));)
        add_source(out, &source);
    add_kafka_sources(out, view);
}

/* A line of `aep status`. */
static void show_short(struct aep__buf *out, const struct view *view)
{
    int64_t count = count_executions(view);
    if (view->alive)
        aep__buf_format(out, "tracker process %lld", view->pid);
    else
        aep__buf_text(out, "tracker not running");
    if (view->problem[0]) {
        aep__buf_text(out, "; ");
        aep__out_plain(out, view->problem, strlen(view->problem));
    }
    if (!view->there) {
        aep__buf_byte(out, '\n');
        return;
    }
    aep__buf_text(out, ", as of ");
    add_age(out, view->as_of_us);
    aep__buf_format(out, ", %lld execution%s", (long long)count, count == 1 ? "" : "s");
    add_executions(out, view);
}

static void add_string(struct aep__buf *out, const char *name, const char *text, size_t len)
{
    aep__buf_format(out, "\"%s\":", name);
    if (text)
        aep__json_add_string(out, text, len);
    else
        aep__buf_text(out, "null");
}

static void add_time(struct aep__buf *out, const char *name, int64_t us)
{
    char text[AEP__TIME_SIZE];
    aep__clock_format(us, text);
    add_string(out, name, us > 0 ? text : NULL, us > 0 ? strlen(text) : 0);
}

static void add_text_or_null(struct aep__buf *out, const char *name, const char *text)
{
    add_string(out, name, *text ? text : NULL, strlen(text));
}

/* "rejected: not JSON" is a member of "rejected". */
static void add_tally_members(struct aep__buf *out, const struct view *view)
{
    for (unsigned i = 0; i < AEP__TALLY_REJECTED; i++)
        aep__buf_format(out, "\"%s\":%lld,", aep__tally_name(i), (long long)view->tallies[i]);
    aep__buf_format(out, "\"missed\":%lld,\"rejected\":{", (long long)view->missed);
    for (unsigned i = AEP__REJECTED_NOT + 1; i < AEP__REJECTED_COUNT; i++)
        aep__buf_format(out, "%s\"%s\":%lld", i > AEP__REJECTED_NOT + 1 ? "," : "",
                        aep__rejection_text((enum aep__rejection)i),
                        (long long)view->tallies[AEP__TALLY_REJECTED + i]);
    aep__buf_byte(out, '}');
}

/* null: Kafka is no source. */
static void add_kafka_member(struct aep__buf *out, const struct view *view)
{
    struct kafka kafka;
    struct partition partition;
    const char *end = view->sources.data + view->sources.len, *before = "";
    bool open = false;
    for (const char *line = view->sources.data; line && line < end; line += strlen(line) + 1) {
        if (take_kafka(line, &kafka)) {
            open = true;
            aep__buf_byte(out, '{');
            add_text_or_null(out, "servers", kafka.servers);
            aep__buf_byte(out, ',');
            add_time(out, "as_of", kafka.as_of_us);
            aep__buf_format(out, ",\"missed\":%llu,", kafka.missed);
            add_time(out, "unreachable_since", kafka.since_us);
            aep__buf_byte(out, ',');
            add_string(out, "problem", kafka.problem, (size_t)kafka.problem_len);
            aep__buf_text(out, ",\"partitions\":[");
        } else if (open && take_partition(line, &partition)) {
            aep__buf_format(out, "%s{", before);
            add_text_or_null(out, "topic", partition.topic);
            aep__buf_format(out, ",\"partition\":%d,\"offset\":%lld,\"lag\":%lld}", partition.id,
                            (long long)partition.next, (long long)partition.lag);
            before = ",";
        }
    }
    aep__buf_text(out, open ? "]}" : "null");
}

static void show_json(struct aep__buf *out, const struct view *view)
{
    struct source source;
    aep__buf_byte(out, '{');
    add_text_or_null(out, "store", view->name.data);
    aep__buf_format(out, ",\"alive\":%s,\"pid\":", view->alive ? "true" : "false");
    if (view->alive)
        aep__buf_format(out, "%lld,", view->pid);
    else
        aep__buf_text(out, "null,");
    const char *address = find_address(&view->sources);
    add_string(out, "serves", address, address ? strlen(address) : 0);
    aep__buf_byte(out, ',');
    add_time(out, "as_of", view->as_of_us);
    aep__buf_byte(out, ',');
    add_text_or_null(out, "problem", view->problem[0] ? view->problem : view->unreadable);
    aep__buf_text(out, ",\"executions\":{");
    for (int i = 0; i < AEP__STATE_COUNT; i++)
        aep__buf_format(out, "%s\"%s\":%lld", i ? "," : "", aep__state_word((enum aep__state)i),
                        (long long)view->states[i]);
    aep__buf_text(out, "},\"events\":{");
    add_tally_members(out, view);
    aep__buf_text(out, "},\"spools\":[");
    const char *before = "{";
    for (const char *line = NULL; (line = next_source(view, line, &source)); before = ",{") {
        aep__buf_text(out, before);
        add_string(out, "path", source.path, strlen(source.path));
        aep__buf_byte(out, ',');
        add_time(out, "read_at", source.read_us);
        aep__buf_format(out, ",\"missed\":%llu,", source.missed);
        add_string(out, "problem", source.problem, (size_t)source.problem_len);
        aep__buf_byte(out, '}');
    }
    aep__buf_text(out, "],\"kafka\":");
    add_kafka_member(out, view);
    aep__buf_text(out, "}\n");
}

int aep__tracker_show(struct aep__args *args)
{
    struct view view = {0};
    struct aep__buf out = {0};
    aep_error err;
    int code = find_store(args, &view, &err);
    if (code == AEP_OK)
        code = ask_tracker(&view, &err);
    if (code == AEP_OK) {
        read_store(&view);
        if (aep__args_given(args, "json"))
            show_json(&out, &view);
        else if (aep__args_given(args, "short"))
            show_short(&out, &view);
        else
            show_text(&out, &view);
    }
    free_view(&view);
    if (code != AEP_OK) {
        aep__buf_done(&out);
        return aep__out_error(&err);
    }
    return aep__out_finish(&out);
}

/* ---- stop ---- */

static bool has_ended(const char *store)
{
    int64_t end_us = aep__clock_mono_us() + END_MS * INT64_C(1000);
    while (aep__link_held(store)) {
        if (aep__clock_mono_us() >= end_us)
            return false;
        poll(NULL, 0, STEP_MS);
    }
    return true;
}

/* One that is about to end hangs up: it is asked again until its lock is free. */
static bool tell_to_stop(const char *store)
{
    char line[64];
    int64_t end_us = aep__clock_mono_us() + ANSWER_MS * INT64_C(1000);
    while (aep__link_held(store) && aep__clock_mono_us() < end_us) {
        int fd = ask(store, "stop");
        int got = fd >= 0 ? aep__link_receive(fd, line, sizeof line, ANSWER_MS) : -1;
        if (fd >= 0)
            close(fd);
        if (got > 0)
            return true;
        poll(NULL, 0, STEP_MS);
    }
    return !aep__link_held(store);
}

int aep__tracker_end(const char *store, const char *name, aep_error *err)
{
    if (!tell_to_stop(store))
        return refuse_silent(name, err);
    if (has_ended(store))
        return AEP_OK;
    return aep__error(err, AEP_ERELAY, "", "the tracker of %s has not ended in %d s", name,
                      END_MS / 1000);
}

int aep__tracker_stop(struct aep__args *args)
{
    struct view view = {0};
    aep_error err;
    int code = find_store(args, &view, &err);
    if (code == AEP_OK && !aep__link_held(view.store))
        aep__out_say("tracker stop: no tracker runs");
    else if (code == AEP_OK)
        code = aep__tracker_end(view.store, view.name.data, &err);
    free_view(&view);
    return code == AEP_OK ? AEP__EXIT_DONE : aep__out_error(&err);
}
