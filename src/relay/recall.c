/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/recall.h"

#define NAME "aep-recall"

void aep__recall_init(struct aep__recall *recall)
{
    *recall = (struct aep__recall){.refused = 0};
    pthread_mutex_init(&recall->lock, NULL);
}

void aep__recall_done(struct aep__recall *recall)
{
    pthread_mutex_destroy(&recall->lock);
}

/* ---- the broker's thread ---- */

/* Whether the error answers a request that contained the message, rather than coming from what is
 * known about its topic. */
static bool is_refused(const rd_kafka_message_t *message)
{
    return message->err && aep__from_broker(message->err) &&
           rd_kafka_message_broker_id(message) >= 0;
}

/* Called before the report is on its way and before the thread sends anything else. librdkafka's
 * manual forbids calls from here, since some reports are made under its locks. Those of a request's
 * messages are not (rd_kafka_handle_Produce, 1.5 to 2.15); rd_kafka_purge() in this form takes
 * locks for a moment and leaves a note to each broker's thread, which this one reads next. */
static rd_kafka_resp_err_t on_acknowledgement(rd_kafka_t *rk, rd_kafka_message_t *message,
                                              void *user)
{
    struct aep__recall *recall = user;
    if (!is_refused(message))
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    pthread_mutex_lock(&recall->lock);
    bool first = !recall->on;
    recall->refused++;
    recall->on = true;
    pthread_mutex_unlock(&recall->lock);
    if (first)
        rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t aep__recall_watch(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *recall,
                                      char *text, size_t size)
{
    (void)conf, (void)text, (void)size;
    return rd_kafka_interceptor_add_on_acknowledgement(rk, NAME, on_acknowledgement, recall);
}

/* ---- the sink's thread ---- */

void aep__recall_heard(struct aep__recall *recall, const rd_kafka_message_t *message)
{
    if (!is_refused(message))
        return;
    pthread_mutex_lock(&recall->lock);
    recall->refused--;
    pthread_mutex_unlock(&recall->lock);
}

bool aep__recall_enter(struct aep__recall *recall)
{
    pthread_mutex_lock(&recall->lock);
    bool on = recall->on;
    if (on)
        pthread_mutex_unlock(&recall->lock);
    return !on;
}

void aep__recall_leave(struct aep__recall *recall)
{
    pthread_mutex_unlock(&recall->lock);
}

/* The first purge was only started; this one waits for every broker's thread. */
bool aep__recall_ends(struct aep__recall *recall, rd_kafka_t *rk)
{
    pthread_mutex_lock(&recall->lock);
    bool over = recall->on && recall->refused == 0;
    if (over)
        recall->on = false;
    pthread_mutex_unlock(&recall->lock);
    if (over)
        rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE);
    return over;
}
