/* SPDX-License-Identifier: Apache-2.0 */
/* The names of librdkafka 2.0 to 2.15, for producers and consumers, sorted. */
#include "config/kafka_keys.h"

#include <stdio.h>
#include <string.h>

#define WHY_ORDER "the relay sets it to keep events in order"
#define WHY_RETRY "the relay retries for as long as it takes"

static const struct aep__kafka_key keys[] = {
    {.name = "acks",
     .flags = AEP__KAFKA_OWNED,
     .words = "all|-1",
     .why = "an event leaves the disk only when every in-sync replica has it"},
    {.name = "allow.auto.create.topics"},
    {.name = "api.version.fallback.ms"},
    {.name = "api.version.request",
     .flags = AEP__KAFKA_OWNED,
     .words = "true",
     .why = "without it librdkafka sends no headers"},
    {.name = "api.version.request.timeout.ms"},
    {.name = "auto.commit.enable"},
    {.name = "auto.commit.interval.ms"},
    {.name = "auto.offset.reset"},
    {.name = "background_event_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "batch.num.messages"},
    {.name = "batch.size"},
    {.name = "broker.address.family"},
    {.name = "broker.address.ttl"},
    {.name = "broker.version.fallback"},
    {.name = "builtin.features"},
    {.name = "check.crcs"},
    {.name = "client.dns.lookup"},
    {.name = "client.id"},
    {.name = "client.rack"},
    {.name = "closesocket_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "compression.codec", .same_as = "compression.type"},
    {.name = "compression.level"},
    {.name = "compression.type", .words = "none|gzip|snappy|lz4|zstd"},
    {.name = "connect_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "connections.max.idle.ms"},
    {.name = "consume.callback.max.messages"},
    {.name = "consume_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "coordinator.query.interval.ms"},
    {.name = "debug"},
    {.name = "default_topic_conf", .flags = AEP__KAFKA_PROGRAM},
    {.name = "delivery.report.only.error",
     .flags = AEP__KAFKA_OWNED,
     .words = "false",
     .why = "the relay depends on delivery reports"},
    {.name = "delivery.timeout.ms", .flags = AEP__KAFKA_OWNED, .words = "0", .why = WHY_RETRY},
    {.name = "dr_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "dr_msg_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "enable.auto.commit"},
    {.name = "enable.auto.offset.store"},
    {.name = "enable.gapless.guarantee",
     .flags = AEP__KAFKA_OWNED,
     .why = "the relay does not use transactions"},
    {.name = "enable.idempotence", .flags = AEP__KAFKA_OWNED, .why = WHY_ORDER},
    {.name = "enable.metrics.push"},
    {.name = "enable.partition.eof"},
    {.name = "enable.random.seed"},
    {.name = "enable.sasl.oauthbearer.unsecure.jwt"},
    {.name = "enable.ssl.certificate.verification"},
    {.name = "enabled_events", .flags = AEP__KAFKA_PROGRAM},
    {.name = "error_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "fetch.error.backoff.ms"},
    {.name = "fetch.max.bytes"},
    {.name = "fetch.message.max.bytes"},
    {.name = "fetch.min.bytes"},
    {.name = "fetch.queue.backoff.ms"},
    {.name = "fetch.wait.max.ms"},
    {.name = "group.id"},
    {.name = "group.instance.id"},
    {.name = "group.protocol"},
    {.name = "group.protocol.type"},
    {.name = "group.remote.assignor"},
    {.name = "heartbeat.interval.ms"},
    {.name = "https.ca.location", .flags = AEP__KAFKA_PATH, .words = "probe"},
    {.name = "https.ca.pem"},
    {.name = "interceptors", .flags = AEP__KAFKA_PROGRAM},
    {.name = "internal.termination.signal", .flags = AEP__KAFKA_PROGRAM},
    {.name = "isolation.level"},
    {.name = "linger.ms"},
    {.name = "log.connection.close"},
    {.name = "log.queue", .flags = AEP__KAFKA_PROGRAM},
    {.name = "log.thread.name"},
    {.name = "log_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "log_level"},
    {.name = "max.in.flight", .flags = AEP__KAFKA_OWNED, .why = WHY_ORDER},
    {.name = "max.in.flight.requests.per.connection", .same_as = "max.in.flight"},
    {.name = "max.partition.fetch.bytes"},
    {.name = "max.poll.interval.ms"},
    {.name = "max.poll.records"},
    {.name = "message.copy.max.bytes"},
    {.name = "message.max.bytes"},
    {.name = "message.send.max.retries", .same_as = "retries"},
    {.name = "message.timeout.ms", .same_as = "delivery.timeout.ms"},
    {.name = "metadata.max.age.ms"},
    {.name = "metadata.recovery.rebootstrap.trigger.ms"},
    {.name = "metadata.recovery.strategy"},
    {.name = "msg_order_cmp", .flags = AEP__KAFKA_PROGRAM},
    {.name = "oauthbearer_token_refresh_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "offset.store.method"},
    {.name = "offset.store.path"},
    {.name = "offset.store.sync.interval.ms"},
    {.name = "offset_commit_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "opaque", .flags = AEP__KAFKA_PROGRAM},
    {.name = "open_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "partition.assignment.strategy"},
    {.name = "partitioner",
     .flags = AEP__KAFKA_OWNED,
     .words = "murmur2_random",
     .why = "every publisher of a key must choose the same partition"},
    {.name = "partitioner_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "plugin.library.paths", .flags = AEP__KAFKA_CODE},
    {.name = "produce.offset.report"},
    {.name = "queue.buffering.backpressure.threshold"},
    {.name = "queue.buffering.max.kbytes"},
    {.name = "queue.buffering.max.messages"},
    {.name = "queue.buffering.max.ms", .same_as = "linger.ms"},
    {.name = "queued.max.messages.kbytes"},
    {.name = "queued.min.messages"},
    {.name = "queuing.strategy", .flags = AEP__KAFKA_OWNED, .words = "fifo", .why = WHY_ORDER},
    {.name = "rebalance_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "receive.message.max.bytes"},
    {.name = "reconnect.backoff.jitter.ms"},
    {.name = "reconnect.backoff.max.ms"},
    {.name = "reconnect.backoff.ms"},
    {.name = "request.required.acks", .same_as = "acks"},
    {.name = "request.timeout.ms"},
    {.name = "resolve_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "retries", .flags = AEP__KAFKA_OWNED, .why = WHY_RETRY},
    {.name = "retry.backoff.max.ms"},
    {.name = "retry.backoff.ms"},
    {.name = "sasl.kerberos.keytab", .flags = AEP__KAFKA_PATH | AEP__KAFKA_SHELL},
    {.name = "sasl.kerberos.kinit.cmd", .flags = AEP__KAFKA_CODE},
    {.name = "sasl.kerberos.min.time.before.relogin"},
    {.name = "sasl.kerberos.principal", .flags = AEP__KAFKA_SHELL},
    {.name = "sasl.kerberos.service.name", .flags = AEP__KAFKA_SHELL},
    {.name = "sasl.mechanism"},
    {.name = "sasl.mechanisms", .same_as = "sasl.mechanism"},
    {.name = "sasl.oauthbearer.assertion.algorithm"},
    {.name = "sasl.oauthbearer.assertion.claim.aud"},
    {.name = "sasl.oauthbearer.assertion.claim.exp.seconds"},
    {.name = "sasl.oauthbearer.assertion.claim.iss"},
    {.name = "sasl.oauthbearer.assertion.claim.jti.include"},
    {.name = "sasl.oauthbearer.assertion.claim.nbf.seconds"},
    {.name = "sasl.oauthbearer.assertion.claim.sub"},
    {.name = "sasl.oauthbearer.assertion.file", .flags = AEP__KAFKA_PATH},
    {.name = "sasl.oauthbearer.assertion.jwt.template.file", .flags = AEP__KAFKA_PATH},
    {.name = "sasl.oauthbearer.assertion.private.key.file", .flags = AEP__KAFKA_PATH},
    {.name = "sasl.oauthbearer.assertion.private.key.passphrase", .flags = AEP__KAFKA_SECRET},
    {.name = "sasl.oauthbearer.assertion.private.key.pem", .flags = AEP__KAFKA_SECRET},
    {.name = "sasl.oauthbearer.client.credentials.client.id",
     .same_as = "sasl.oauthbearer.client.id"},
    {.name = "sasl.oauthbearer.client.credentials.client.secret",
     .same_as = "sasl.oauthbearer.client.secret"},
    {.name = "sasl.oauthbearer.client.id"},
    {.name = "sasl.oauthbearer.client.secret", .flags = AEP__KAFKA_SECRET},
    {.name = "sasl.oauthbearer.config", .flags = AEP__KAFKA_SECRET},
    {.name = "sasl.oauthbearer.extensions"},
    {.name = "sasl.oauthbearer.grant.type"},
    {.name = "sasl.oauthbearer.metadata.authentication.type"},
    {.name = "sasl.oauthbearer.method"},
    {.name = "sasl.oauthbearer.scope"},
    {.name = "sasl.oauthbearer.sub.claim.name"},
    {.name = "sasl.oauthbearer.token.endpoint.url"},
    {.name = "sasl.password", .flags = AEP__KAFKA_SECRET},
    {.name = "sasl.username"},
    {.name = "security.protocol", .words = "plaintext|ssl|sasl_plaintext|sasl_ssl"},
    {.name = "session.timeout.ms"},
    {.name = "share.acknowledgement.mode"},
    {.name = "socket.blocking.max.ms"},
    {.name = "socket.connection.setup.timeout.ms"},
    {.name = "socket.keepalive.enable"},
    {.name = "socket.max.fails"},
    {.name = "socket.nagle.disable"},
    {.name = "socket.receive.buffer.bytes"},
    {.name = "socket.send.buffer.bytes"},
    {.name = "socket.timeout.ms"},
    {.name = "socket_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "ssl.ca.certificate.stores"},
    {.name = "ssl.ca.location", .flags = AEP__KAFKA_PATH, .words = "probe"},
    {.name = "ssl.ca.pem"},
    {.name = "ssl.certificate.location", .flags = AEP__KAFKA_PATH},
    {.name = "ssl.certificate.pem"},
    {.name = "ssl.certificate.verify_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "ssl.cipher.suites"},
    {.name = "ssl.crl.location", .flags = AEP__KAFKA_PATH},
    {.name = "ssl.curves.list"},
    {.name = "ssl.endpoint.identification.algorithm"},
    {.name = "ssl.engine.id", .flags = AEP__KAFKA_CODE},
    {.name = "ssl.engine.location", .flags = AEP__KAFKA_CODE},
    {.name = "ssl.key.location", .flags = AEP__KAFKA_PATH},
    {.name = "ssl.key.password", .flags = AEP__KAFKA_SECRET},
    {.name = "ssl.key.pem", .flags = AEP__KAFKA_SECRET},
    {.name = "ssl.keystore.location", .flags = AEP__KAFKA_PATH},
    {.name = "ssl.keystore.password", .flags = AEP__KAFKA_SECRET},
    {.name = "ssl.providers", .flags = AEP__KAFKA_CODE},
    {.name = "ssl.sigalgs.list"},
    {.name = "ssl_ca", .flags = AEP__KAFKA_PROGRAM},
    {.name = "ssl_certificate", .flags = AEP__KAFKA_PROGRAM},
    {.name = "ssl_engine_callback_data", .flags = AEP__KAFKA_PROGRAM},
    {.name = "ssl_key", .flags = AEP__KAFKA_PROGRAM},
    {.name = "statistics.interval.ms"},
    {.name = "stats_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "sticky.partitioning.linger.ms"},
    {.name = "throttle_cb", .flags = AEP__KAFKA_PROGRAM},
    {.name = "topic.blacklist"},
    {.name = "topic.metadata.propagation.max.ms"},
    {.name = "topic.metadata.refresh.fast.cnt"},
    {.name = "topic.metadata.refresh.fast.interval.ms"},
    {.name = "topic.metadata.refresh.interval.ms"},
    {.name = "topic.metadata.refresh.sparse"},
    {.name = "transaction.timeout.ms",
     .flags = AEP__KAFKA_OWNED,
     .why = "the relay does not use transactions"},
    {.name = "transactional.id",
     .flags = AEP__KAFKA_OWNED,
     .why = "the relay does not use transactions"},
};

#define KEY_COUNT (sizeof keys / sizeof *keys)

const struct aep__kafka_key *aep__kafka_keys(size_t *ret_count)
{
    *ret_count = KEY_COUNT;
    return keys;
}

const struct aep__kafka_key *aep__kafka_key_find(const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static void lower_with(const char *variable, char separator, char *name, size_t size)
{
    snprintf(name, size, "%s", variable);
    for (char *at = name; *at; at++)
        *at = *at == '_' ? separator : *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
}

void aep__kafka_key_of_variable(const char *variable, char *name, size_t size)
{
    lower_with(variable, '_', name, size);
    if (!aep__kafka_key_find(name))
        lower_with(variable, '.', name, size);
}

/* Characters that neither a shell nor librdkafka's quotes around some values change. */
static bool is_shell_safe(const char *value)
{
    return value[0] != '-' && value[strspn(value, "abcdefghijklmnopqrstuvwxyz"
                                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                  "0123456789/_.:@+=,-")] == '\0';
}

static bool check_owned(const struct aep__kafka_key *key, const char *value,
                        struct aep__problem *problem)
{
    char words[128];
    const char *word;
    size_t len;
    if (!key->words)
        return aep__problem(problem, "cannot be set: %s", key->why);
    if (aep__value_word(key->words, value, &word, &len))
        return true;
    aep__value_words(key->words, words, sizeof words);
    return aep__problem(problem, "can only be %s: %s", words, key->why);
}

static bool check_words(const struct aep__kafka_key *key, const char *value,
                        struct aep__problem *problem)
{
    char quoted[AEP__QUOTE_SIZE], words[128];
    const char *word;
    size_t len;
    if (aep__value_word(key->words, value, &word, &len))
        return true;
    aep__value_words(key->words, words, sizeof words);
    return aep__problem(problem, "%s is not one of %s", aep__quote(value, quoted), words);
}

static bool is_word(const struct aep__kafka_key *key, const char *value)
{
    return key->words && strcmp(key->words, value) == 0;
}

bool aep__kafka_key_check(const struct aep__kafka_key *key, const char *value, bool from_file,
                          struct aep__problem *problem)
{
    if (!aep__value_clean(value, true, problem))
        return false;
    if (!key)
        return true;
    if (key->flags & AEP__KAFKA_CODE && !from_file)
        return aep__problem(problem, "loads or runs code, so it can be set only in aep.conf");
    if (key->flags & AEP__KAFKA_PROGRAM)
        return aep__problem(problem, "cannot be set: it is not text");
    if (key->flags & AEP__KAFKA_OWNED)
        return check_owned(key, value, problem);
    if (key->flags & AEP__KAFKA_SHELL && !is_shell_safe(value))
        return aep__problem(problem, "has a character that a shell could interpret");
    if (key->flags & AEP__KAFKA_PATH)
        return is_word(key, value) || aep__value_path(value, problem);
    return !key->words || check_words(key, value, problem);
}

bool aep__kafka_name_is_secret(const char *name)
{
    static const char *const signs[] = {"password", "passphrase", "secret", "private.key", "token"};
    const struct aep__kafka_key *key = aep__kafka_key_find(name);
    if (key)
        return key->flags & AEP__KAFKA_SECRET;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strstr(name, signs[i]))
            return true;
    return false;
}
