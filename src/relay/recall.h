/* SPDX-License-Identifier: Apache-2.0 */
/* Recall: when a broker refuses a message for good, librdkafka's queued messages come back, so that
 * nothing is sent before the refused one is dealt with.
 *
 *     broker's thread   reads the refusal ─▶ no more is taken ─▶ empties the queues
 *     sink's thread                                                └▶ hears of the refused, then of
 *                                                                     the others ─▶ takes again
 *
 * A request in flight is not called back: with one in flight per broker, it concerns other
 * partitions. */
#ifndef AEP_RELAY_RECALL_H
#define AEP_RELAY_RECALL_H

#include <librdkafka/rdkafka.h>

#include <pthread.h>
#include <stdbool.h>

struct aep__recall {
    pthread_mutex_t lock; /* of what follows */
    unsigned refused;     /* messages refused of which the sink has not heard */
    bool on;              /* nothing is accepted; the queues have been emptied */
};

/** Whether the code came from a broker, success included: librdkafka's own are lower. */
static inline bool aep__from_broker(rd_kafka_resp_err_t error)
{
    return error > RD_KAFKA_RESP_ERR__END;
}

void aep__recall_init(struct aep__recall *recall);
void aep__recall_done(struct aep__recall *recall);
/** For aep__client_new(): makes a producer report refusals to `recall`, which outlives it. */
rd_kafka_resp_err_t aep__recall_watch(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *recall,
                                      char *text, size_t size);
/** The sink has seen the report of a message. Call it for each. */
void aep__recall_heard(struct aep__recall *recall, const rd_kafka_message_t *message);
/** Whether messages are taken now. If so they are until leave(): produce in between. */
bool aep__recall_enter(struct aep__recall *recall);
void aep__recall_leave(struct aep__recall *recall);
/** Called when all reports so far have been handled. True: what was called back has been reported
 * now: hear it, and call again; until then take nothing. */
bool aep__recall_ends(struct aep__recall *recall, rd_kafka_t *rk);

#endif
