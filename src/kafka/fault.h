/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: what each error of librdkafka and of a broker means, in one table. */
#ifndef AEP_KAFKA_FAULT_H
#define AEP_KAFKA_FAULT_H

#include <librdkafka/rdkafka.h>

enum aep__fault {
    AEP__FAULT_UNKNOWN, /* to this program: taken for PASSING */
    AEP__FAULT_PASSING, /* a later try may succeed */
    AEP__FAULT_NONE,
    AEP__FAULT_TOPIC,     /* the topic is missing, or its settings accept none of our events */
    AEP__FAULT_FORBIDDEN, /* the login may not write to it */
    AEP__FAULT_MESSAGE,   /* a message of the batch can never be taken */
    AEP__FAULT_TIME,      /* its timestamp is too far from the broker's clock */
    AEP__FAULT_PURGED,    /* by ourselves */
    AEP__FAULT_FULL,      /* librdkafka's queue is full */
    AEP__FAULT_PRODUCER,  /* this producer has failed for good */
    AEP__FAULT_AWAY,      /* a server cannot be reached */
    AEP__FAULT_ALL_AWAY,  /* none can */
    AEP__FAULT_TLS,
    AEP__FAULT_LOGIN,
    AEP__FAULT_COUNT,
};

enum aep__fault aep__fault_of(rd_kafka_resp_err_t error);

#endif
