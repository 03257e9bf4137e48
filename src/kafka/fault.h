/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: what each error of librdkafka's and of a broker's means, in one table. */
#ifndef AEP_KAFKA_FAULT_H
#define AEP_KAFKA_FAULT_H

#include <librdkafka/rdkafka.h>

#include <stdbool.h>

enum aep__fault {
    AEP__FAULT_PASSING, /* another try, later, may succeed; so it is with what is not known */
    AEP__FAULT_NONE,
    AEP__FAULT_TOPIC,     /* the topic is missing, or takes no event of ours as it is set up */
    AEP__FAULT_FORBIDDEN, /* the login may not write it */
    AEP__FAULT_MESSAGE,   /* a message of the batch can never be taken */
    AEP__FAULT_TIME,      /* its timestamp is too far from the broker's clock */
    AEP__FAULT_PURGED,    /* by ourselves */
    AEP__FAULT_FULL,      /* librdkafka's queue is */
    AEP__FAULT_PRODUCER,  /* this producer has failed for good */
    AEP__FAULT_AWAY,      /* a server cannot be reached */
    AEP__FAULT_ALL_AWAY,  /* none can */
    AEP__FAULT_TLS,
    AEP__FAULT_LOGIN,
    AEP__FAULT_COUNT,
};

enum aep__fault aep__fault_of(rd_kafka_resp_err_t error);
/** Whether somebody has thought about this error: it is in the table. */
bool aep__fault_known(rd_kafka_resp_err_t error);

#endif
