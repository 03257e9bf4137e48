/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a consumer group may be used. Only an attempt shows that: an offset is committed for a partition
 * that there is not. Kafka looks at the right first, and then keeps nothing. */
#include "kafka/admin.h"

#include "kafka/request.h"

#include <stdio.h>

#define TOPIC "aep-doctor.none" /* that nobody has */
#define PARTITION INT32_MAX

static const struct {
    rd_kafka_resp_err_t error;
    enum aep__known usable;
} signs[] = {
    {RD_KAFKA_RESP_ERR_NO_ERROR, AEP__KNOWN_YES},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, AEP__KNOWN_YES},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, AEP__KNOWN_YES},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, AEP__KNOWN_NO},
};

static void take_sign(struct aep__admin_group *group, rd_kafka_resp_err_t error)
{
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (signs[i].error == error)
            group->usable = signs[i].usable;
    snprintf(group->error, sizeof group->error, "%s",
             group->usable == AEP__KNOWN_NOT ? rd_kafka_err2str(error) : "");
}

/* The error is the request's, or the group's, or the partition's. */
static rd_kafka_resp_err_t error_of(rd_kafka_event_t *event)
{
    size_t count = 0;
    const rd_kafka_group_result_t **groups = NULL;
    if (!event)
        return RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (rd_kafka_event_error(event))
        return rd_kafka_event_error(event);
    const rd_kafka_AlterConsumerGroupOffsets_result_t *result =
        rd_kafka_event_AlterConsumerGroupOffsets_result(event);
    if (result)
        groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &count);
    if (count == 0)
        return RD_KAFKA_RESP_ERR__BAD_MSG;
    const rd_kafka_error_t *error = rd_kafka_group_result_error(groups[0]);
    const rd_kafka_topic_partition_list_t *offsets = rd_kafka_group_result_partitions(groups[0]);
    if (error)
        return rd_kafka_error_code(error);
    return offsets && offsets->cnt > 0 ? offsets->elems[0].err : RD_KAFKA_RESP_ERR_NO_ERROR;
}

void aep__admin_try_group(struct aep__admin *admin, const char *name, int timeout_ms,
                          struct aep__admin_group *ret)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(offsets, TOPIC, PARTITION)->offset = 0;
    rd_kafka_AlterConsumerGroupOffsets_t *wish =
        rd_kafka_AlterConsumerGroupOffsets_new(name, offsets);
    rd_kafka_AdminOptions_t *options =
        aep__request_options(admin, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, timeout_ms);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    rd_kafka_AlterConsumerGroupOffsets(admin->rk, &wish, 1, options, queue);
    rd_kafka_event_t *event = aep__request_await(queue, timeout_ms);
    *ret = (struct aep__admin_group){.usable = AEP__KNOWN_NOT};
    take_sign(ret, error_of(event));
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_AlterConsumerGroupOffsets_destroy(wish);
    rd_kafka_topic_partition_list_destroy(offsets);
}
