/* SPDX-License-Identifier: Apache-2.0 */
/* Step: whether the tracker may read its topics, and use the consumer group of a store that trackers share.
 * Who only publishes need not, so nothing here has failed. */
#include "doctor.h"

#include "track/link.h"
#include "track/reading.h"
#include "track/store.h"

#include <stddef.h>

#define OR_ELSE                                                                                    \
    ": until then `aep list` is never up to date; or set track.sources=spool to see only this "    \
    "machine's executions"

/* ---- topics ----------------------------------------------------------------------------------- */

enum finding { READABLE, UNREADABLE, UNCLEAR, HIDDEN, EXPECTED, MISTAKEN, SPARE };

static const struct {
    enum aep__grade grade;
    const char *text, *remedy;
} findings[] = {
    [READABLE] = {AEP__GRADE_FINE, "readable", NULL},
    [UNREADABLE] = {AEP__GRADE_WARNING, "the right READ is missing",
                    "grant the user READ on it" OR_ELSE},
    [UNCLEAR] = {AEP__GRADE_UNKNOWN, "whether it is readable is not known", NULL},
    [HIDDEN] = {AEP__GRADE_WARNING, "the rights DESCRIBE and READ are missing",
                "grant the user DESCRIBE and READ on it, whether it exists or not" OR_ELSE},
    [EXPECTED] = {AEP__GRADE_FINE, "missing; it is read once there is one", NULL},
    [MISTAKEN] = {AEP__GRADE_WARNING, "missing; it is read once there is one",
                  "correct track.topics, or create it: `aep topics create`"},
    [SPARE] = {AEP__GRADE_FINE, "not readable; topic.layout does not need it", NULL},
};

static enum finding find(const struct aep__admin_topic *topic, bool own, bool spare)
{
    bool forbidden = topic->state == AEP__ADMIN_FORBIDDEN ||
                     (topic->state == AEP__ADMIN_PRESENT && topic->readable == AEP__KNOWN_NO);
    if (spare && forbidden)
        return SPARE;
    switch (topic->state) {
    case AEP__ADMIN_PRESENT:
        return topic->readable == AEP__KNOWN_YES  ? READABLE
               : topic->readable == AEP__KNOWN_NO ? UNREADABLE
                                                  : UNCLEAR;
    case AEP__ADMIN_MISSING:
        return own ? EXPECTED : MISTAKEN;
    case AEP__ADMIN_FORBIDDEN:
        return HIDDEN;
    default:
        return UNCLEAR;
    }
}

static void judge_topic(struct aep__doctor *doctor, const struct aep__admin_topic *topic, bool own,
                        bool spare)
{
    enum finding found = find(topic, own, spare);
    aep__verdict(&doctor->verdicts, findings[found].grade, "%s: %s", topic->name,
                 findings[found].text);
    if (findings[found].remedy)
        aep__verdict_remedy(&doctor->verdicts, "%s", findings[found].remedy);
    if (found == UNCLEAR && topic->error[0])
        aep__verdict_detail(&doctor->verdicts, "Kafka says: %s", topic->error);
}

static int judge_topics(struct aep__doctor *doctor, const struct aep__reading_topics *names,
                        aep_error *err)
{
    struct aep__admin_topic topics[AEP__READING_TOPICS_MAX];
    for (size_t i = 0; i < names->count; i++)
        topics[i] = (struct aep__admin_topic){.name = names->list[i]};
    int code = aep__admin_describe(doctor->admin, topics, names->count, doctor->timeout_ms, err);
    if (code != AEP_OK)
        return code;
    aep__admin_try_reading(doctor->admin, topics, names->count, doctor->timeout_ms);
    for (size_t i = 0; i < names->count; i++)
        judge_topic(doctor, &topics[i], i < names->own, names->spare[i]);
    return AEP_OK;
}

/* ---- the group -------------------------------------------------------------------------------- */

static const struct {
    enum aep__grade grade;
    const char *text, *remedy;
} rights[] = {
    [AEP__KNOWN_YES] = {AEP__GRADE_FINE, "usable", NULL},
    [AEP__KNOWN_NO] = {AEP__GRADE_WARNING, "the right READ is missing",
                       "grant the user READ on the group, or on all that begin with "
                       "\"" AEP__READING_GROUP "\"" OR_ELSE},
    [AEP__KNOWN_NOT] = {AEP__GRADE_UNKNOWN, "whether it is usable is not known",
                        "try again; check the broker's log"},
};

static void judge_group(struct aep__doctor *doctor, const char *name)
{
    struct aep__admin_group group;
    aep__admin_try_group(doctor->admin, name, doctor->timeout_ms, &group);
    aep__verdict(&doctor->verdicts, rights[group.usable].grade, "consumer group %s: %s", name,
                 rights[group.usable].text);
    if (rights[group.usable].remedy)
        aep__verdict_remedy(&doctor->verdicts, "%s", rights[group.usable].remedy);
    if (group.error[0])
        aep__verdict_detail(&doctor->verdicts, "Kafka says: %s", group.error);
}

/* Appends the name of a store's group: 1; 0: the store is one tracker's alone; -1: it cannot be asked. */
static int find_group(const char *where, struct aep__buf *out, aep_error *err)
{
    struct aep__store *store;
    if (!aep__store_is_remote(where))
        return 0;
    if (aep__store_open(&store, where, false, err) != AEP_OK)
        return -1;
    aep__buf_text(out, AEP__READING_GROUP);
    int shared = store->ops->identity(store, out, err);
    store->ops->close(store);
    return shared;
}

static int judge_store(struct aep__doctor *doctor, aep_error *err)
{
    struct aep__buf path = {0}, group = {0};
    int code = aep__link_store(doctor->config, &path, err), shared = 0;
    if (code == AEP_OK)
        shared = find_group(aep__link_where(doctor->config, aep__buf_string(&path)), &group, err);
    if (shared > 0)
        judge_group(doctor, aep__buf_string(&group));
    else if (shared < 0 && err->code == AEP_ESPOOL) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_UNKNOWN,
                     "the store's consumer group has no name yet");
        aep__verdict_remedy(&doctor->verdicts, "`aep list` makes the store; then ask again");
    } else if (shared < 0)
        aep__verdict(&doctor->verdicts, AEP__GRADE_SKIPPED,
                     "the store's consumer group: the store cannot be asked for its name");
    aep__buf_done(&path);
    aep__buf_done(&group);
    return code;
}

void aep__doctor_reading(struct aep__doctor *doctor)
{
    struct aep__reading_topics names;
    aep_error err;
    if (!aep__reading_wants(doctor->config, "kafka")) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_SKIPPED, "track.sources leaves Kafka out");
        return;
    }
    int code = aep__reading_topics(&names, doctor->config, &err);
    if (code == AEP_OK)
        code = judge_topics(doctor, &names, &err);
    if (code == AEP_OK)
        code = judge_store(doctor, &err);
    if (code != AEP_OK) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "%s", err.text);
        aep__verdict_remedy(&doctor->verdicts, "correct it, or check the broker's log");
    }
    aep__reading_topics_done(&names);
}
