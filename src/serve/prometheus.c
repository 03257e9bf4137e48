/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/prometheus.h"

#include "base/json.h"
#include "base/utf8.h"
#include "spool/backlog.h"
#include "spool/counters.h"

#include <stdlib.h>
#include <string.h>

/* ---- the format ----------------------------------------------------------------------------- */

void aep__prometheus_head(struct aep__buf *out, const char *name, const char *type,
                          const char *help)
{
    aep__buf_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void aep__prometheus_begin(struct aep__buf *out, const char *name)
{
    aep__buf_text(out, name);
}

void aep__prometheus_label(struct aep__buf *out, const char *name, const char *value)
{
    bool first = out->len > 0 && out->data[out->len - 1] != ',';
    struct aep__buf text = {0};
    aep__utf8_repair(&text, value, strlen(value)); /* a folder's name may be any bytes */
    aep__buf_format(out, "%s%s=\"", first ? "{" : "", name);
    for (const char *at = aep__buf_string(&text); *at; at++) {
        if (*at == '\\' || *at == '"')
            aep__buf_byte(out, '\\');
        if (*at == '\n')
            aep__buf_text(out, "\\n");
        else
            aep__buf_byte(out, *at);
    }
    aep__buf_text(out, "\",");
    out->failed |= text.failed;
    aep__buf_done(&text);
}

void aep__prometheus_number(struct aep__buf *out, double number)
{
    aep__json_add_number(out, number);
}

/* The comma behind the last label becomes the brace's end. */
void aep__prometheus_value(struct aep__buf *out, double value)
{
    if (out->len > 0 && out->data[out->len - 1] == ',')
        out->data[out->len - 1] = '}';
    aep__buf_byte(out, ' ');
    aep__prometheus_number(out, value);
    aep__buf_byte(out, '\n');
}

/* ---- spools --------------------------------------------------------------------------------- */

struct spool_numbers {
    const char *path, *name; /* name: its folder's */
    struct aep__backlog backlog;
    struct aep__status status;
    aep_stats stats;
};

static bool read_spool(const char *path, struct spool_numbers *ret)
{
    struct aep__spool spool = {.dir_fd = -1};
    struct aep__fates fates;
    aep_error err;
    const char *slash = strrchr(path, '/');
    *ret = (struct spool_numbers){
        .path = path, .name = slash ? slash + 1 : path, .stats = AEP_STATS_INIT};
    if (aep__spool_open(&spool, path, NULL, &err) != AEP_OK)
        return false;
    bool read = aep__fates_init(&fates, &spool, &err) == AEP_OK;
    if (read) {
        ret->status = fates.status;
        read = aep__backlog_weigh(&spool, &fates, &ret->backlog, &err) == AEP_OK &&
               aep__counters_sum(&spool, &ret->stats, &err) == AEP_OK;
        aep__fates_done(&fates);
    }
    aep__spool_done(&spool);
    return read;
}

static double get_backlog(const struct spool_numbers *numbers)
{
    return (double)numbers->backlog.bytes;
}

static double get_parked(const struct spool_numbers *numbers)
{
    return (double)numbers->status.parked_now;
}

static double get_dead(const struct spool_numbers *numbers)
{
    return (double)numbers->status.dead_now;
}

static double get_refused(const struct spool_numbers *numbers)
{
    const aep_stats *stats = &numbers->stats;
    return (double)(stats->refused_full + stats->refused_invalid + stats->refused_too_big +
                    stats->refused_io);
}

static double get_lost(const struct spool_numbers *numbers)
{
    return (double)(numbers->stats.lost + numbers->stats.dead_dropped);
}

static const struct {
    const char *name, *type, *help;
    double (*get)(const struct spool_numbers *numbers);
} metrics[] = {
    {"aep_spool_backlog_bytes", "gauge", "What has not been sent; in local mode what is kept.",
     get_backlog},
    {"aep_spool_parked", "gauge", "Events that Kafka does not take for now.", get_parked},
    {"aep_spool_dead", "gauge", "Dead letters.", get_dead},
    {"aep_spool_refused_total", "counter", "Events that were refused when they were published.",
     get_refused},
    {"aep_spool_lost_total", "counter", "Events that were lost or dropped.", get_lost},
};

/* Where two folders have one name, the path tells them apart. */
static void add_name(struct aep__buf *out, const struct spool_numbers *numbers, size_t count,
                     size_t at)
{
    size_t same = 0;
    for (size_t i = 0; i < count; i++)
        same += strcmp(numbers[i].name, numbers[at].name) == 0;
    aep__prometheus_label(out, "spool", same > 1 ? numbers[at].path : numbers[at].name);
}

static void add_brokers(struct aep__buf *out, const struct spool_numbers *numbers, size_t count)
{
    aep__prometheus_head(out, "aep_spool_broker_state", "gauge",
                         "1: how the relay finds its broker.");
    for (size_t i = 0; i < count; i++) {
        bool known = numbers[i].status.magic != 0;
        enum aep_broker_state state =
            known ? (enum aep_broker_state)numbers[i].status.broker : AEP_BROKER_UNKNOWN;
        aep__prometheus_begin(out, "aep_spool_broker_state");
        add_name(out, numbers, count, i);
        aep__prometheus_label(out, "state", aep_broker_name(state));
        aep__prometheus_value(out, 1);
    }
}

static size_t count_paths(const struct aep__buf *paths)
{
    size_t count = 0;
    for (size_t i = 0; i < paths->len; i++)
        count += paths->data[i] == '\0';
    return count;
}

void aep__prometheus_spools(struct aep__buf *out, const struct aep__buf *paths)
{
    size_t count = 0, max = count_paths(paths);
    struct spool_numbers *numbers = calloc(max ? max : 1, sizeof *numbers);
    const char *end = paths->data + paths->len;
    if (!numbers) {
        out->failed = true;
        return;
    }
    for (const char *path = paths->data; path && path < end; path += strlen(path) + 1)
        count += read_spool(path, &numbers[count]);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        aep__prometheus_head(out, metrics[i].name, metrics[i].type, metrics[i].help);
        for (size_t at = 0; at < count; at++) {
            aep__prometheus_begin(out, metrics[i].name);
            add_name(out, numbers, count, at);
            aep__prometheus_value(out, metrics[i].get(&numbers[at]));
        }
    }
    add_brokers(out, numbers, count);
    free(numbers);
}
