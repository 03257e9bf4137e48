/* SPDX-License-Identifier: Apache-2.0 */
/* The environment: AEP_<KEY> for every option, after it the names that users already have, and
 * AEP_KAFKA_* for librdkafka's own settings. Empty counts as unset.
 *
 * Other programs have variables that begin with AEP_, too: one that is not ours is ignored, but
 * remembered if it is a letter or two away from one of ours. */
#include "base/error.h"
#include "config/kafka_keys.h"
#include "config/layers.h"
#include "config/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KAFKA_VARIABLE "AEP_KAFKA_"
#define STRANGER_DISTANCE 2

/* Ours without being options: those that control loading, and those that a tracked run passes to
 * its children. */
static const char *const other_names[] = {"AEP_DOTENV", "AEP_CORRELATION_ID", "AEP_CAUSATION_ID"};

const char *aep__environment_get(char *const *environment, const char *name)
{
    size_t len = strlen(name);
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
            return (*environment)[len + 1] ? *environment + len + 1 : NULL;
    return NULL;
}

static int put_variable(aep_config *config, const char *key, const char *name, const char *value,
                        aep_error *err)
{
    char origin[AEP__ORIGIN_SIZE];
    snprintf(origin, sizeof origin, "environment %s", name);
    return aep__config_put(config, key, value, AEP__LAYER_ENVIRONMENT, origin, err);
}

static int read_option(aep_config *config, const struct aep__option_row *row,
                       char *const *environment, aep_error *err)
{
    char own_name[AEP__NAME_SIZE];
    aep__option_name(row->key, own_name);
    const char *name = own_name, *value = aep__environment_get(environment, name);
    for (int i = 0; !value && i < AEP__OPTION_NAMES && row->names[i]; i++) {
        name = row->names[i];
        value = aep__environment_get(environment, name);
    }
    return value ? put_variable(config, row->key, name, value, err) : AEP_OK;
}

/* Whether it is ours; else `found` is what it may be meant to be, or "". */
static bool is_ours(const char *name, char found[AEP__NAME_SIZE])
{
    found[0] = '\0';
    for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++)
        if (strcmp(name, other_names[i]) == 0)
            return true;
    for (int i = 0; i < AEP__OPT_COUNT; i++) {
        char own_name[AEP__NAME_SIZE];
        aep__option_name(aep__options[i].key, own_name);
        if (strcmp(name, own_name) == 0)
            return true;
        if (!found[0] && aep__edit_near(name, own_name, STRANGER_DISTANCE))
            strcpy(found, own_name);
    }
    return false;
}

static void note_stranger(aep_config *config, const char *name)
{
    char found[AEP__NAME_SIZE], quoted[AEP__QUOTE_SIZE];
    if (!is_ours(name, found) && found[0])
        aep__texts_add(&config->strangers, "%s is not an aep variable; did you mean %s?",
                       aep__quote(name, quoted), found);
}

static int read_kafka(aep_config *config, const char *name, const char *value, aep_error *err)
{
    char key[AEP__NAME_SIZE] = "kafka.";
    aep__kafka_key_of_variable(name + sizeof KAFKA_VARIABLE - 1, key + 6, sizeof key - 6);
    int option = aep__option_find(key);
    bool is_read = option >= 0 && strcmp(aep__options[option].key, key) == 0;
    return is_read ? AEP_OK : put_variable(config, key, name, value, err);
}

bool aep__environment_key(const char *word, char key[AEP__NAME_SIZE])
{
    char name[AEP__NAME_SIZE], own_name[AEP__NAME_SIZE];
    if (strchr(word, '.') || strlen(word) + sizeof "AEP_" > sizeof name)
        return false;
    aep__option_name(word, name);
    for (int i = 0; i < AEP__OPT_COUNT; i++) {
        aep__option_name(aep__options[i].key, own_name);
        if (strcmp(name, own_name) == 0) {
            strcpy(key, aep__options[i].key);
            return true;
        }
    }
    if (strncmp(name, KAFKA_VARIABLE, sizeof KAFKA_VARIABLE - 1) != 0)
        return false;
    memcpy(key, "kafka.", 6);
    aep__kafka_key_of_variable(name + sizeof KAFKA_VARIABLE - 1, key + 6, AEP__NAME_SIZE - 6);
    return true;
}

static const char name_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

/* One entry of the environment, if it begins with AEP_. */
static int read_entry(aep_config *config, const char *entry, aep_error *err)
{
    char name[AEP__NAME_SIZE];
    size_t len = strcspn(entry, "=");
    if (strncmp(entry, "AEP_", 4) != 0 || entry[len] != '=' || !entry[len + 1] ||
        len >= sizeof name || strspn(entry, name_bytes) < len)
        return AEP_OK;
    snprintf(name, sizeof name, "%.*s", (int)len, entry);
    if (strncmp(name, KAFKA_VARIABLE, sizeof KAFKA_VARIABLE - 1) == 0)
        return read_kafka(config, name, entry + len + 1, err);
    note_stranger(config, name);
    return AEP_OK;
}

int aep__environment_read(aep_config *config, char *const *environment, aep_error *err)
{
    int code = AEP_OK;
    for (int i = 0; code == AEP_OK && i < AEP__OPT_COUNT; i++)
        code = read_option(config, &aep__options[i], environment, err);
    for (; code == AEP_OK && environment && *environment; environment++)
        code = read_entry(config, *environment, err);
    return code;
}
