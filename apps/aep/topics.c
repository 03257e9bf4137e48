/* SPDX-License-Identifier: Apache-2.0 */
/* aep topics, as help and parser know it; the program aep-topics runs it. */
#include "verbs.h"

#define DEFAULT_TOPICS                                                                             \
    "Without TOPIC: those of the four kinds, or with topic.layout=single the one that holds them " \
    "all."

static const struct aep__flag list_options[] = {
    {"json", 0, AEP__ARGUMENT_NONE, NULL, "Prints a JSON object with an array of topics.", NULL,
     NULL, NULL},
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_topics_list = {
    .name = "list",
    .summary = "shows which topics exist, with partitions, replication and retention",
    .usage = "[--json] [TOPIC]...",
    .description = DEFAULT_TOPICS " This creates no topic. What Kafka does not let us see is "
                                  "shown as \"-\".",
    .options = list_options,
    .operands_max = AEP__OPERANDS_ANY,
};

static const struct aep__flag create_options[] = {
    {"partitions", 'p', AEP__ARGUMENT_VALUE, "N", "Default: the broker's num.partitions.", NULL,
     NULL, NULL},
    {"replication", 'r', AEP__ARGUMENT_VALUE, "N",
     "Replicas of each partition. Default: the broker's default.replication.factor.", NULL, NULL,
     NULL},
    {"retention", 0, AEP__ARGUMENT_VALUE, "TIME",
     "How long Kafka keeps events: 7d, 12h, a number of milliseconds, or -1 for ever. Default: "
     "the broker's.",
     NULL, NULL, NULL},
    {"config", 'c', AEP__ARGUMENT_VALUE, "NAME=VALUE",
     "Another setting of the topic, for example min.insync.replicas=2; may be repeated.", NULL,
     NULL, NULL},
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_topics_create = {
    .name = "create",
    .summary = "creates topics that are missing",
    .usage = "[--partitions N] [--replication N] [--retention TIME] [TOPIC]...",
    .description = DEFAULT_TOPICS " A topic that exists is reported and left unchanged; that is "
                                  "not an error.",
    .examples = "  aep topics create --partitions 6 --replication 3 --retention 7d",
    .options = create_options,
    .operands_max = AEP__OPERANDS_ANY,
};

static const struct aep__verb *const actions[] = {&aep__verb_topics_list, &aep__verb_topics_create,
                                                  NULL};

const struct aep__verb aep__verb_topics = {
    .name = "topics",
    .summary = "lists and creates the topics that events go to",
    .usage = "list [--json] [TOPIC]...\n"
             "create [--partitions N] [--replication N] [--retention TIME] [TOPIC]...",
    .description = "Uses the configured servers and login, like the relay.",
    .actions = actions,
    .program = "aep-topics",
};
