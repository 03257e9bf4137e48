/* SPDX-License-Identifier: Apache-2.0 */
/* Step: whether the configuration is valid, what it contains, and where each value comes from. */
#include <string.h>

#include "doctor.h"

#include "config/kafka_keys.h"
#include "config/layers.h"
#include "config/value.h"

static const char *show_value(const struct aep__setting *setting, bool is_secret,
                              struct aep__buf *masked)
{
    if (is_secret)
        return AEP__VALUE_MASK;
    if (strpbrk(setting->text, "\r\n"))
        return "(several lines)";
    aep__value_mask(setting->text, masked);
    return aep__buf_string(masked);
}

static void add_setting(struct aep__doctor *doctor, const char *prefix, const char *name,
                        const struct aep__setting *setting, bool is_secret)
{
    if (setting->layer <= AEP__LAYER_DEFAULT || !setting->text || !*setting->text)
        return;
    struct aep__buf masked = {0};
    aep__verdict_detail(&doctor->verdicts, "%s%s = %s (%s)", prefix, name,
                        show_value(setting, is_secret, &masked), setting->origin);
    aep__buf_done(&masked);
}

/* The settings that differ from their defaults. */
static void add_settings(struct aep__doctor *doctor, const aep_config *config)
{
    for (int i = 0; i < AEP__OPT_COUNT; i++)
        add_setting(doctor, "", aep__options[i].key, &config->options[i], false);
    for (size_t i = 0; i < config->kafka_count; i++)
        add_setting(doctor, "kafka.", config->kafka[i].name, &config->kafka[i].setting,
                    aep__kafka_name_is_secret(config->kafka[i].name));
    const char *file = NULL;
    while ((file = aep__texts_next(&config->files, file)))
        aep__verdict_detail(&doctor->verdicts, "%s", file);
}

static void warn(void *user, enum aep_log_level level, const char *text)
{
    struct aep__doctor *doctor = user;
    if (level <= AEP_LOG_WARNING)
        aep__verdict(&doctor->verdicts, AEP__GRADE_WARNING, "%s", text);
}

static void judge(struct aep__doctor *doctor, const aep_config *config)
{
    if (aep__config_is(config, AEP__OPT_MODE, "local"))
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "local mode: events stay on this machine");
    else
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "Kafka at %s",
                     aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS));
    add_settings(doctor, config);
    if (aep__config_bool(config, AEP__OPT_EVENTS_ENABLED))
        return;
    aep__verdict(&doctor->verdicts, AEP__GRADE_WARNING,
                 "nothing is published: events.enabled=false");
    aep__verdict_remedy(&doctor->verdicts, "set events.enabled=true");
}

/* Hooks publish without a configuration, in local mode, and so it is looked at. */
static bool go_on_as_hooks(struct aep__doctor *doctor)
{
    aep_error err;
    if (!aep__doctor_has_hooks(doctor) ||
        aep__config_resolve_reading(doctor->arguments, &doctor->config, &err) != AEP_OK)
        return false;
    aep__verdict(&doctor->verdicts, AEP__GRADE_WARNING,
                 "no Kafka servers are set: hooks publish in local mode, programs not at all");
    aep__verdict_remedy(&doctor->verdicts,
                        "set KAFKA_BOOTSTRAP_SERVERS=host:9092, or AEP_MODE=local, for all");
    return true;
}

void aep__doctor_configuration(struct aep__doctor *doctor)
{
    aep_config *config = NULL;
    aep_error err;
    aep_config_set_log(doctor->arguments, warn, doctor);
    int code = aep__config_load(doctor->arguments, &config, &err);
    if (code == AEP_OK)
        code = aep__config_check(config, &err);
    if (code == AEP_OK) {
        judge(doctor, config);
        doctor->config = config;
        return;
    }
    if (config && go_on_as_hooks(doctor)) {
        aep_config_free(config);
        return;
    }
    aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "%s", err.text);
    aep__verdict_remedy(&doctor->verdicts,
                        config ? "correct it; `aep config explain` shows every option"
                               : "correct it; `aep config reference` describes every option");
    if (config)
        add_settings(doctor, config);
    aep_config_free(config);
}
