/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: whether Kafka accepts us, and whether the topics exist and we may write to them. */
#include <stdio.h>
#include <string.h>

#include "aep/amount.h"
#include "doctor.h"

#include "base/clock.h"
#include "event/kinds.h"
#include "relay/sink_kafka.h"

/* ---- contact -------------------------------------------------------------------------------- */

static int open_admin(struct aep__doctor *doctor, struct aep__admin **ret)
{
    aep_error err;
    /* A producer refuses more than we do. */
    int code = aep__sink_kafka_check(doctor->config, &err);
    if (code == AEP_OK)
        code = aep__admin_open(ret, doctor->config, &err);
    if (code == AEP_OK)
        return code;
    aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "%s", err.text);
    /* librdkafka takes SASL without a mechanism for Kerberos, which hardly anybody means. */
    aep__verdict_remedy(
        &doctor->verdicts, "%s",
        strstr(err.text, "kerberos")
            ? "set kafka.sasl.mechanism to what the server offers, for example PLAIN "
              "or SCRAM-SHA-256"
            : "correct it; `aep config explain` shows where it is set");
    return code;
}

/* "SASL_SSL, SCRAM-SHA-256, as writer" */
struct login {
    char protocol[32], mechanism[32], user[128];
};

static int take_login(void *user, const char *name, const char *value)
{
    struct login *login = user;
    if (strcmp(name, "security.protocol") == 0)
        snprintf(login->protocol, sizeof login->protocol, "%s", value);
    else if (strcmp(name, "sasl.mechanism") == 0 || strcmp(name, "sasl.mechanisms") == 0)
        snprintf(login->mechanism, sizeof login->mechanism, "%s", value);
    else if (strcmp(name, "sasl.username") == 0)
        snprintf(login->user, sizeof login->user, "%s", value);
    return 0;
}

static void show_login(const struct aep__doctor *doctor, char *text, size_t size)
{
    struct login login = {.protocol = "PLAINTEXT"};
    aep__config_each_kafka(doctor->config, take_login, &login, NULL);
    bool sasl = strncasecmp(login.protocol, "sasl", 4) == 0;
    snprintf(text, size, "%s%s%s%s%s", login.protocol, sasl && login.mechanism[0] ? ", " : "",
             sasl ? login.mechanism : "", sasl && login.user[0] ? ", as " : "",
             sasl ? login.user : "");
}

void aep__doctor_contact(struct aep__doctor *doctor)
{
    struct aep__admin *admin;
    struct aep__contact contact;
    char login[256];
    if (open_admin(doctor, &admin) != AEP_OK)
        return;
    show_login(doctor, login, sizeof login);
    int64_t begin_us = aep__clock_mono_us();
    aep__admin_contact(admin, doctor->timeout_ms, &contact);
    double took_ms = (double)(aep__clock_mono_us() - begin_us) / 1000;
    if (contact.state == AEP__CONTACT_MADE) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "Kafka answers in %s (%s; %s)",
                     aep__amount_ms(took_ms).text, login, aep__sink_kafka_version());
        doctor->admin = admin;
        return;
    }
    aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "%s (%s): %s",
                 aep__contact_name(contact.state), login, contact.reason);
    aep__verdict_remedy(&doctor->verdicts, "%s", contact.remedy);
    aep__admin_close(admin);
}

/* ---- topics --------------------------------------------------------------------------------- */

/* Whether we may write to an existing topic. */
static const struct {
    enum aep__grade grade;
    const char *text, *remedy;
} rights[] = {
    [AEP__KNOWN_NOT] = {AEP__GRADE_UNKNOWN, "whether it is writable is not known",
                        "see the step probe; librdkafka 2.3 or newer can ask Kafka"},
    [AEP__KNOWN_NO] = {AEP__GRADE_FAILED, "not writable by this user",
                       "grant the user WRITE on it"},
    [AEP__KNOWN_YES] = {AEP__GRADE_FINE, "writable", NULL},
};

static void judge_present(struct aep__doctor *doctor, const struct aep__admin_topic *topic)
{
    aep__verdict(&doctor->verdicts, rights[topic->writable].grade, "%s: %s, %s", topic->name,
                 aep__amount_of((uint64_t)topic->partitions, "partition").text,
                 rights[topic->writable].text);
    if (rights[topic->writable].remedy)
        aep__verdict_remedy(&doctor->verdicts, "%s", rights[topic->writable].remedy);
}

/* What to report about a missing topic; the first row that fits counts. */
static const struct {
    enum aep__known auto_create; /* NOT: whatever it is */
    enum aep__admin_made try;    /* NOT_MADE: whatever came of it */
    enum aep__grade grade;
    const char *text, *remedy;
} absences[] = {
    {AEP__KNOWN_YES, AEP__ADMIN_MADE, AEP__GRADE_FINE,
     "missing; its first event creates it (auto.create.topics.enable)", NULL},
    {AEP__KNOWN_NO, AEP__ADMIN_MADE, AEP__GRADE_FAILED,
     "missing, and Kafka does not create topics by itself: its events are parked",
     "create it: `aep topics create`"},
    {AEP__KNOWN_NOT, AEP__ADMIN_MADE, AEP__GRADE_WARNING,
     "missing; whether Kafka will create it is not known", "create it: `aep topics create`"},
    {AEP__KNOWN_NOT, AEP__ADMIN_NOT_ALLOWED, AEP__GRADE_FAILED,
     "missing, and this user may not create it: its events are parked",
     "have an administrator create it, or grant the user CREATE on it"},
    {AEP__KNOWN_NOT, AEP__ADMIN_NOT_MADE, AEP__GRADE_FAILED, "missing, and it cannot be created",
     "mend what Kafka reports"},
};

static void judge_missing(struct aep__doctor *doctor, const char *name, enum aep__known auto_create)
{
    const struct aep__admin_wish wish = {.partitions = -1, .replication = -1, .only_try = true};
    struct aep__admin_new try = {.name = name};
    aep_error err;
    if (aep__admin_create(doctor->admin, &wish, &try, 1, doctor->timeout_ms, &err) != AEP_OK)
        snprintf(try.error, sizeof try.error, "%.*s", (int)sizeof try.error - 1, err.text);
    size_t row = 0, last = sizeof absences / sizeof *absences - 1;
    while (row < last && ((absences[row].auto_create != AEP__KNOWN_NOT &&
                           absences[row].auto_create != auto_create) ||
                          absences[row].try != try.made))
        row++;
    aep__verdict(&doctor->verdicts, absences[row].grade, "%s: %s", name, absences[row].text);
    if (try.error[0])
        aep__verdict_detail(&doctor->verdicts, "Kafka says: %s", try.error);
    if (absences[row].remedy)
        aep__verdict_remedy(&doctor->verdicts, "%s", absences[row].remedy);
}

static void judge_topic(struct aep__doctor *doctor, const struct aep__admin_topic *topic,
                        enum aep__known auto_create)
{
    switch (topic->state) {
    case AEP__ADMIN_PRESENT:
        judge_present(doctor, topic);
        break;
    case AEP__ADMIN_MISSING:
        judge_missing(doctor, topic->name, auto_create);
        break;
    case AEP__ADMIN_FORBIDDEN:
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "%s: forbidden to this user",
                     topic->name);
        aep__verdict_remedy(&doctor->verdicts, "grant the user WRITE and DESCRIBE on it");
        break;
    case AEP__ADMIN_UNCLEAR:
        aep__verdict(&doctor->verdicts, AEP__GRADE_WARNING, "%s: %s", topic->name, topic->error);
    }
}

void aep__doctor_topics(struct aep__doctor *doctor)
{
    struct aep__admin_topic topics[AEP_KIND_COUNT] = {{.name = AEP__TOPIC_SINGLE}};
    size_t count = 1;
    aep_error err;
    if (!aep__config_is(doctor->config, AEP__OPT_TOPIC_LAYOUT, "single")) {
        for (count = 0; count < AEP_KIND_COUNT; count++)
            topics[count].name = aep__kinds[count].event_type;
    }
    enum aep__known auto_create = aep__admin_auto_create(doctor->admin, doctor->timeout_ms);
    if (aep__admin_describe(doctor->admin, topics, count, doctor->timeout_ms, &err) != AEP_OK) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "%s", err.text);
        aep__verdict_remedy(&doctor->verdicts, "try again; check the broker's log");
        return;
    }
    for (size_t i = 0; i < count; i++)
        judge_topic(doctor, &topics[i], auto_create);
}
