/* SPDX-License-Identifier: Apache-2.0 */
#include "asking.h"

#include <stdlib.h>
#include <string.h>

#include "aep/out.h"

#include "base/error.h"
#include "base/topic_name.h"
#include "config/config.h"
#include "event/kinds.h"

static int choose_topics(struct aep__asking *asking, aep_error *err)
{
    static const char *const single[] = {AEP__TOPIC_SINGLE, NULL};
    const char *kinds[AEP_KIND_COUNT + 1] = {NULL};
    bool is_single = aep__config_is(asking->config, AEP__OPT_TOPIC_LAYOUT, "single");
    const char *const *from = (const char *const *)asking->args->operands;
    for (int kind = 0; kind < AEP_KIND_COUNT; kind++)
        kinds[kind] = aep__kinds[kind].event_type;
    if (asking->args->operand_count == 0)
        from = is_single ? single : kinds;
    while (from[asking->count])
        asking->count++;
    asking->names = calloc(asking->count + 1, sizeof *asking->names);
    if (!asking->names)
        return aep__error_memory(err);
    for (size_t i = 0; i < asking->count; i++) {
        asking->names[i] = from[i];
        if (!aep__topic_name_valid(aep__slice_text(from[i])))
            return aep__error(err, AEP_EINVAL, "topic", "%s: \"%s\" is not a topic name",
                              asking->args->name, from[i]);
    }
    return AEP_OK;
}

static int load_config(struct aep__asking *asking, aep_error *err)
{
    aep_config *arguments = NULL;
    int code = aep__args_config(asking->args, &arguments, err);
    if (code == AEP_OK)
        code = aep__config_resolve(arguments, &asking->config, err);
    aep_config_free(arguments);
    if (code == AEP_OK && aep__config_is(asking->config, AEP__OPT_MODE, "local"))
        return aep__error(err, AEP_ECONFIG, "mode",
                          "mode=local uses no Kafka, so there are no topics");
    if (code == AEP_OK && !*aep__config_text(asking->config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS))
        return aep__error(err, AEP_ECONFIG, "kafka.bootstrap.servers",
                          "no Kafka servers are set: set KAFKA_BOOTSTRAP_SERVERS=host:9092");
    return code;
}

static int make_contact(struct aep__asking *asking, aep_error *err)
{
    struct aep__contact contact;
    int code = aep__admin_open(&asking->admin, asking->config, err);
    if (code != AEP_OK)
        return code;
    aep__admin_contact(asking->admin, AEP__ASKING_TIMEOUT_MS, &contact);
    if (contact.state == AEP__CONTACT_MADE)
        return AEP_OK;
    aep__out_say("Kafka: %s: %s", aep__contact_name(contact.state), contact.reason);
    return aep__error(err, AEP_ESTATE, "kafka", "remedy: %s", contact.remedy);
}

int aep__asking_open(struct aep__asking *asking, const struct aep__args *args, aep_error *err)
{
    *asking = (struct aep__asking){.args = args};
    int code = load_config(asking, err);
    if (code == AEP_OK)
        code = choose_topics(asking, err);
    return code == AEP_OK ? make_contact(asking, err) : code;
}

void aep__asking_close(struct aep__asking *asking)
{
    aep__admin_close(asking->admin);
    aep_config_free(asking->config);
    free(asking->names);
}
