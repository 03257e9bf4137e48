/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/client.h"

#include "base/error.h"

#include <stdio.h>

int aep__client_set(rd_kafka_conf_t *conf, const char *name, const char *value, aep_error *err)
{
    char field[sizeof err->field], text[300];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return AEP_OK;
    snprintf(field, sizeof field, "kafka.%s", name);
    return aep__error(err, AEP_ECONFIG, field, "%s: %s", field, text);
}

void aep__client_setting(const rd_kafka_conf_t *conf, const char *name, char *text, size_t size)
{
    size_t room = size;
    if (rd_kafka_conf_get(conf, name, text, &room) != RD_KAFKA_CONF_OK)
        text[0] = '\0';
}

static int set_all(rd_kafka_conf_t *conf, const struct aep__setting *settings, aep_error *err)
{
    int result = AEP_OK;
    for (; result == AEP_OK && settings->name; settings++)
        result = aep__client_set(conf, settings->name, settings->value, err);
    return result;
}

struct property_user {
    rd_kafka_conf_t *conf;
    aep_error *err;
};

static int set_property(void *user, const char *name, const char *value)
{
    struct property_user *to = user;
    return aep__client_set(to->conf, name, value, to->err);
}

int aep__client_conf(rd_kafka_conf_t **ret, const aep_config *config,
                     const struct aep__setting *defaults, const struct aep__setting *ours,
                     aep_error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int result = set_all(conf, defaults, err);
    if (result == AEP_OK)
        result =
            aep__config_each_kafka(config, set_property, &(struct property_user){conf, err}, err);
    if (result == AEP_OK)
        result = set_all(conf, ours, err);
    if (result != AEP_OK) {
        rd_kafka_conf_destroy(conf);
        return result;
    }
    *ret = conf;
    return AEP_OK;
}

int aep__client_new(rd_kafka_t **ret, rd_kafka_type_t type, rd_kafka_conf_t *conf, aep_error *err)
{
    char text[300];
    *ret = rd_kafka_new(type, conf, text, sizeof text);
    if (*ret)
        return AEP_OK;
    rd_kafka_conf_destroy(conf);
    return aep__error(err, AEP_ECONFIG, "kafka", "kafka.*: %s", text);
}
