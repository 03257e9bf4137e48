/* SPDX-License-Identifier: Apache-2.0 */
#include "track/source_kafka_fetch.h"

#include "base/id.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- messages ---- */

/* "UUID:ORDINAL" */
static void read_sequence(const rd_kafka_message_t *message, struct aep__sequence *ret)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    char digits[24], *end;
    const size_t before = AEP_ID_SIZE - 1;
    if (rd_kafka_message_headers(message, &headers) ||
        rd_kafka_header_get_last(headers, "x-aep-seq", &value, &size))
        return;
    const char *text = value;
    if (!text || size < before + 2 || size - before - 1 >= sizeof digits || text[before] != ':' ||
        !aep__id_parse(text, before, ret->spool))
        return;
    memcpy(digits, text + before + 1, size - before - 1);
    digits[size - before - 1] = '\0';
    errno = 0;
    ret->ordinal = strtoull(digits, &end, 10);
    ret->known = digits[0] >= '0' && digits[0] <= '9' && *end == '\0' && errno == 0 &&
                 ret->ordinal <= INT64_MAX;
}

static struct aep__merge_item *copy(const rd_kafka_message_t *message, int64_t stamp,
                                    size_t event_max)
{
    size_t size = message->payload ? message->len : 0;
    struct aep__merge_item *item = aep__merge_item(message->payload, size <= event_max ? size : 0);
    if (!item)
        return NULL;
    item->offset = message->offset;
    item->stamp = stamp > 0 ? stamp : 0;
    item->size = size;
    read_sequence(message, &item->sequence);
    return item;
}

/* One that cannot be kept for want of memory is fetched again. */
static void take_message(struct aep__partitions *partitions, const rd_kafka_message_t *message,
                         size_t event_max)
{
    struct aep__partition *partition =
        aep__partitions_find(partitions, rd_kafka_topic_name(message->rkt), message->partition);
    int64_t stamp = rd_kafka_message_timestamp(message, NULL);
    if (!partition || !partition->lane ||
        aep__partition_check(partitions, partition, message->offset, stamp))
        return;
    struct aep__merge_item *item = copy(message, stamp, event_max);
    if (item)
        aep__merge_add(&partitions->merge, partition->lane, item);
    else
        aep__partition_restart(partitions, partition);
}

/* ---- what is none ---- */

/* Before it may be what the end of a transaction left. */
static void take_end(struct aep__partitions *partitions, struct aep__partition *partition,
                     int64_t offset)
{
    partition->checks = false;
    if (offset <= partition->lane->next)
        return;
    struct aep__merge_item *item = aep__merge_item(NULL, 0);
    if (!item) {
        aep__partition_restart(partitions, partition);
        return;
    }
    item->offset = offset;
    item->end = true;
    aep__merge_add(&partitions->merge, partition->lane, item);
}

/* Of a partition, or the client. */
static void take_refusal(struct aep__partitions *partitions, rd_kafka_event_t *event)
{
    rd_kafka_topic_partition_t *about = rd_kafka_event_topic_partition(event);
    struct aep__partition *partition =
        about ? aep__partitions_find(partitions, about->topic, about->partition) : NULL;
    if (!partition) {
        aep__source_trouble_take(partitions->trouble, event);
    } else if (partition->lane && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        take_end(partitions, partition, about->offset);
    } else if (partition->lane && aep__source_topics_spares(partitions->topics, partition->topic,
                                                            rd_kafka_event_error(event))) {
        aep__partition_bar(partitions, partition);
    } else if (partition->lane) {
        const char *why = rd_kafka_event_error_string(event);
        aep__log_write(partitions->log, AEP_LOG_WARNING, "%s, partition %" PRId32 ": %s",
                       about->topic, partition->id, why);
        aep__source_trouble_of_topic(partitions->trouble, about->topic, why);
        aep__partition_restart(partitions, partition);
    }
    if (about)
        rd_kafka_topic_partition_destroy(about);
}

/* ---- a turn ---- */

static void take(struct aep__partitions *partitions, rd_kafka_event_t *event, size_t event_max)
{
    const rd_kafka_message_t *message;
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
        take_refusal(partitions, event);
    else
        while ((message = rd_kafka_event_message_next(event)))
            take_message(partitions, message, event_max);
}

void aep__fetch_turn(struct aep__partitions *partitions, size_t event_max)
{
    rd_kafka_event_t *event;
    while (!aep__merge_is_full(&partitions->merge) &&
           (event = rd_kafka_queue_poll(partitions->events, 0))) {
        take(partitions, event, event_max);
        rd_kafka_event_destroy(event);
    }
    aep__merge_plan(&partitions->merge);
    for (size_t i = 0; i < partitions->count; i++) {
        struct aep__partition *partition = &partitions->list[i];
        if (partition->lane)
            aep__partition_fetch(partitions, partition, partition->lane->wanted);
    }
}
