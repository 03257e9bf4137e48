/* SPDX-License-Identifier: Apache-2.0 */
/* Whether Kafka accepts us, and if not, what would help. */
#include "kafka/admin.h"

#include "base/clock.h"
#include "kafka/fault.h"
#include "kafka/request.h"

#include <stdio.h>
#include <string.h>

#define GRACE_US 300000 /* after one server's refusal: another one may accept us */
#define CONTACT_TOPIC "omninode.agent.execution.started.v1"

const char *aep__contact_name(enum aep__contact_state state)
{
    static const char *const names[] = {
        [AEP__CONTACT_MADE] = "connected",
        [AEP__CONTACT_UNREACHABLE] = "unreachable",
        [AEP__CONTACT_TLS] = "TLS failed",
        [AEP__CONTACT_LOGIN] = "login refused",
    };
    return names[state];
}

/* What an error says about contact, if anything. A server that is down is only a hint: another may
 * be up. */
static bool read_sign(rd_kafka_resp_err_t error, enum aep__contact_state *ret)
{
    static const struct {
        enum aep__fault fault;
        enum aep__contact_state state;
    } signs[] = {
        {AEP__FAULT_AWAY, AEP__CONTACT_UNREACHABLE},
        {AEP__FAULT_TLS, AEP__CONTACT_TLS},
        {AEP__FAULT_LOGIN, AEP__CONTACT_LOGIN},
    };
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (signs[i].fault == aep__fault_of(error)) {
            *ret = signs[i].state;
            return true;
        }
    return false;
}

#define NO_TLS                                                                                     \
    "the server does not seem to speak TLS on that port: use its TLS port, or set "                \
    "kafka.security.protocol=PLAINTEXT or SASL_PLAINTEXT"

/* A remedy for a state and words of the reason (NULL: any); the first that fits counts. */
static const struct {
    enum aep__contact_state state;
    const char *words, *remedy;
} remedies[] = {
    {AEP__CONTACT_UNREACHABLE, "Connection refused",
     "nothing listens there: start Kafka, or correct KAFKA_BOOTSTRAP_SERVERS"},
    {AEP__CONTACT_UNREACHABLE, "resolve",
     "correct the name in KAFKA_BOOTSTRAP_SERVERS, or make it resolve on this machine"},
    {AEP__CONTACT_UNREACHABLE, "SASL authentication",
     "the server may require a login: set kafka.security.protocol=SASL_SSL (or SASL_PLAINTEXT), "
     "kafka.sasl.mechanism, kafka.sasl.username and its password"},
    {AEP__CONTACT_UNREACHABLE, "security.protocol",
     "the server may require TLS on that port: set kafka.security.protocol=SSL or SASL_SSL, or "
     "use its plain port"},
    {AEP__CONTACT_UNREACHABLE, NULL, "check that the servers run and that no firewall blocks them"},
    {AEP__CONTACT_TLS, "verif",
     "set kafka.ssl.ca.location to the PEM file of the CA that signed the server's certificate; "
     "the certificate must cover the name in KAFKA_BOOTSTRAP_SERVERS"},
    {AEP__CONTACT_TLS, "certificate required",
     "the server requires a client certificate: set kafka.ssl.certificate.location and "
     "kafka.ssl.key.location"},
    {AEP__CONTACT_TLS, "PLAINTEXT", NO_TLS},
    {AEP__CONTACT_TLS, "wrong version", NO_TLS},
    {AEP__CONTACT_TLS, "unexpected eof", NO_TLS},
    {AEP__CONTACT_TLS, NULL, "check kafka.ssl.* and what the server requires of clients"},
    {AEP__CONTACT_LOGIN, "Unsupported SASL mechanism",
     "set kafka.sasl.mechanism to one that the server offers"},
    {AEP__CONTACT_LOGIN, "current SASL state",
     "the server takes no login on that port: set kafka.security.protocol=SSL or PLAINTEXT, or "
     "use its SASL port"},
    {AEP__CONTACT_LOGIN, NULL, "check kafka.sasl.username and its password"},
};

/* SCRAM with the client's nonce sent twice, which Kafka 4 takes for a wrong password. */
static bool scram_unsound(const struct aep__admin *admin)
{
    return strncmp(admin->mechanism, "SCRAM", 5) == 0 && rd_kafka_version() >> 8 < 0x020601;
}

/* The address in "[ssl://]host:port/7: …": the one that the cluster gave for its broker 7, as
 * opposed to a server in the list ("host:port/bootstrap: …"). Returns the address's length; 0: the
 * text has no such address. */
static size_t advertised_address(const char *reason, const char **ret)
{
    const char *scheme = strstr(reason, "://"), *end = strstr(reason, ": ");
    const char *address = scheme && scheme < end ? scheme + 3 : reason;
    const char *slash = end ? memrchr(address, '/', (size_t)(end - address)) : NULL;
    *ret = address;
    if (!slash || slash + 1 == end || strspn(slash + 1, "0123456789") != (size_t)(end - slash - 1))
        return 0;
    return (size_t)(slash - address);
}

static bool remedy_advertised(struct aep__contact *contact)
{
    const char *address;
    size_t len = advertised_address(contact->reason, &address);
    if (contact->state != AEP__CONTACT_UNREACHABLE || len == 0)
        return false;
    snprintf(contact->remedy, sizeof contact->remedy,
             "a server of the list answers, but the broker advertises %.*s, which cannot be "
             "reached: correct its advertised.listeners, or make that address reachable",
             (int)(len < 100 ? len : 100), address);
    return true;
}

static void add_remedy(const struct aep__admin *admin, struct aep__contact *contact)
{
    if (remedy_advertised(contact))
        return;
    size_t i = 0;
    while (i < sizeof remedies / sizeof *remedies &&
           (remedies[i].state != contact->state ||
            (remedies[i].words && !strstr(contact->reason, remedies[i].words))))
        i++;
    if (i == sizeof remedies / sizeof *remedies)
        return;
    size_t len =
        (size_t)snprintf(contact->remedy, sizeof contact->remedy, "%s", remedies[i].remedy);
    if (contact->state == AEP__CONTACT_LOGIN && !remedies[i].words && scram_unsound(admin))
        snprintf(contact->remedy + len, sizeof contact->remedy - len,
                 "; if they are right: librdkafka %s cannot do SCRAM with Kafka 4 or later: set "
                 "kafka.sasl.mechanism=PLAIN (over TLS), or install librdkafka 2.6.1 or later",
                 rd_kafka_version_str());
}

/* The events that arrive while making contact. */
struct listening {
    struct aep__contact *contact;
    int64_t until_us;
    bool over;
};

static void hear_error(struct listening *listening, rd_kafka_event_t *event)
{
    struct aep__contact *contact = listening->contact;
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        listening->over = contact->reason[0] != '\0';
    enum aep__contact_state state;
    if (read_sign(error, &state) && state >= contact->state) {
        contact->state = state;
        snprintf(contact->reason, sizeof contact->reason, "%s", rd_kafka_event_error_string(event));
    }
    int64_t soon_us = aep__clock_mono_us() + GRACE_US;
    if (contact->state > AEP__CONTACT_UNREACHABLE && soon_us < listening->until_us)
        listening->until_us = soon_us;
}

/* Any answer from a broker, even a refusal, shows that it is up and accepts us. */
static void hear_answer(struct listening *listening, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    listening->over = true;
    if (error >= RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
        *listening->contact = (struct aep__contact){.state = AEP__CONTACT_MADE};
}

static void listen_to(struct listening *listening, rd_kafka_queue_t *queue)
{
    int64_t left_us;
    while (!listening->over && (left_us = listening->until_us - aep__clock_mono_us()) > 0) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, (int)(left_us / 1000) + 1);
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            hear_error(listening, event);
        else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT)
            hear_answer(listening, event);
        if (event)
            rd_kafka_event_destroy(event);
    }
}

void aep__admin_contact(struct aep__admin *admin, int timeout_ms, struct aep__contact *ret)
{
    *ret = (struct aep__contact){.state = AEP__CONTACT_UNREACHABLE};
    struct listening listening = {ret, aep__clock_mono_us() + timeout_ms * INT64_C(1000), false};
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    rd_kafka_queue_t *events = rd_kafka_queue_get_main(admin->rk);
    rd_kafka_AdminOptions_t *options =
        aep__request_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, CONTACT_TOPIC);
    rd_kafka_queue_forward(events, queue);
    rd_kafka_DescribeConfigs(admin->rk, &resource, 1, options, queue);
    listen_to(&listening, queue);
    rd_kafka_queue_forward(events, NULL);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(events);
    rd_kafka_queue_destroy(queue);
    if (ret->state != AEP__CONTACT_MADE && !ret->reason[0])
        snprintf(ret->reason, sizeof ret->reason, "no answer within %d ms", timeout_ms);
    add_remedy(admin, ret);
}
