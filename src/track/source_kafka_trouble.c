/* SPDX-License-Identifier: Apache-2.0 */
#include "track/source_kafka_trouble.h"

#include "base/clock.h"
#include "kafka/fault.h"

#include <stdio.h>

void aep__source_trouble_set(struct aep__source_trouble *trouble, const char *problem)
{
    if (!trouble->problem[0]) {
        trouble->problem_us = aep__clock_wall_us();
        aep__log_write(trouble->log, AEP_LOG_WARNING, "Kafka cannot be read: %s", problem);
    }
    snprintf(trouble->problem, sizeof trouble->problem, "%s", problem);
}

void aep__source_trouble_silent(struct aep__source_trouble *trouble, const char *problem)
{
    aep__source_trouble_set(trouble, trouble->hint[0] ? trouble->hint : problem);
}

void aep__source_trouble_clear(struct aep__source_trouble *trouble)
{
    if (trouble->problem[0])
        aep__log_write(trouble->log, AEP_LOG_INFO, "Kafka can be read again");
    trouble->problem[0] = trouble->hint[0] = '\0';
    trouble->problem_us = 0;
}

void aep__source_trouble_of_topic(struct aep__source_trouble *trouble, const char *topic,
                                  const char *why)
{
    snprintf(trouble->topic, sizeof trouble->topic, "%s: %s", topic, why);
}

/* A server that is down is only a hint: another one may be up. */
void aep__source_trouble_take(struct aep__source_trouble *trouble, rd_kafka_event_t *event)
{
    const char *text = rd_kafka_event_error_string(event);
    switch (aep__fault_of(rd_kafka_event_error(event))) {
    case AEP__FAULT_TLS:
    case AEP__FAULT_LOGIN:
        aep__source_trouble_set(trouble, text);
        break;
    case AEP__FAULT_AWAY:
        snprintf(trouble->hint, sizeof trouble->hint, "%s", text);
        break;
    case AEP__FAULT_ALL_AWAY:
        aep__source_trouble_silent(trouble, text);
        break;
    default:
        aep__log_write(trouble->log, AEP_LOG_WARNING, "Kafka: %s", text);
    }
}
