/* SPDX-License-Identifier: Apache-2.0 */
/* Putting a value into its layer: find what the key means, check the value, keep it if no stronger
 * layer has spoken. Every refusal reads "ORIGIN: KEY: what is wrong". */
#include "config/layers.h"

#include "base/error.h"
#include "config/kafka_keys.h"
#include "config/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KAFKA_PREFIX "kafka."
#define KAFKA_PREFIX_LEN (sizeof KAFKA_PREFIX - 1)
#define NAME_MAX_LEN 120
#define TYPO_DISTANCE 2

/* ---- texts ---------------------------------------------------------------------------------- */

void aep__texts_add(struct aep__texts *texts, const char *format, ...)
{
    char text[4352];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    aep__buf_add(&texts->buf, text, strlen(text) + 1);
}

const char *aep__texts_next(const struct aep__texts *texts, const char *text)
{
    const char *next = text ? text + strlen(text) + 1 : texts->buf.data;
    return next && next < texts->buf.data + texts->buf.len ? next : NULL;
}

void aep__origin_of_line(const char *path, int line, char origin[AEP__ORIGIN_SIZE])
{
    const size_t shown = 160;
    size_t len = strlen(path);
    snprintf(origin, AEP__ORIGIN_SIZE, "%s%s:%d", len > shown ? "…" : "",
             len > shown ? path + len - shown : path, line);
}

/* ---- errors --------------------------------------------------------------------------------- */

/* An argument's origin is the call itself, which needs no naming. */
static int refuse(aep_error *err, enum aep__layer layer, const char *origin, const char *key,
                  const char *problem)
{
    bool is_argument = layer == AEP__LAYER_ARGUMENT;
    return aep__error(err, AEP_ECONFIG, key, "%s%s%s: %s", is_argument ? "" : origin,
                      is_argument ? "" : ": ", key, problem);
}

/* The option that a variable's name, put in the place of a key, belongs to; NULL: none. */
static const char *key_of_variable(const char *variable)
{
    char name[AEP__NAME_SIZE];
    for (int i = 0; i < AEP__OPT_COUNT; i++) {
        const struct aep__option_row *row = &aep__options[i];
        aep__option_name(row->key, name);
        if (strcmp(name, variable) == 0)
            return row->key;
        for (int j = 0; j < AEP__OPTION_NAMES && row->names[j]; j++)
            if (strcmp(row->names[j], variable) == 0)
                return row->key;
    }
    return NULL;
}

/* What an unknown key is perhaps meant to be, including librdkafka's keys without their prefix;
 * NULL: no idea. */
static const char *find_nearest(const char *key, char with_prefix[NAME_MAX_LEN + 8])
{
    size_t count;
    const struct aep__kafka_key *keys = aep__kafka_keys(&count);
    bool has_prefix = strncmp(key, KAFKA_PREFIX, KAFKA_PREFIX_LEN) == 0;
    struct aep__nearest ours = {.wanted = key};
    struct aep__nearest kafka = {.wanted = has_prefix ? key + KAFKA_PREFIX_LEN : key};
    const char *meant = key_of_variable(key);
    for (int i = 0; i < AEP__OPT_COUNT; i++)
        aep__nearest_show(&ours, aep__options[i].key);
    for (size_t i = 0; i < count; i++)
        aep__nearest_show(&kafka, keys[i].name);
    if (meant || !aep__nearest_get(&kafka) || ours.distance <= kafka.distance)
        return meant ? meant : aep__nearest_get(&ours);
    snprintf(with_prefix, NAME_MAX_LEN + 8, KAFKA_PREFIX "%s", kafka.found);
    return with_prefix;
}

static bool is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");
    return len > 0 && len <= NAME_MAX_LEN && name[len] == '\0';
}

static int refuse_unknown(aep_error *err, enum aep__layer layer, const char *origin,
                          const char *key)
{
    char quoted[AEP__QUOTE_SIZE], found[NAME_MAX_LEN + 8];
    bool is_argument = layer == AEP__LAYER_ARGUMENT;
    const char *nearest = find_nearest(key, found);
    return aep__error(err, AEP_ECONFIG, is_name(key) ? key : NULL, "%s%sunknown option %s%s%s%s",
                      is_argument ? "" : origin, is_argument ? "" : ": ", aep__quote(key, quoted),
                      nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* ---- settings ------------------------------------------------------------------------------- */

static void clear_setting(struct aep__setting *setting)
{
    if (setting->text)
        explicit_bzero(setting->text, strlen(setting->text)); /* it may be a secret */
    free(setting->text);
    free(setting->origin);
    *setting = (struct aep__setting){0};
}

static int keep_setting(struct aep__setting *setting, const char *text, int64_t number,
                        enum aep__layer layer, const char *origin, aep_error *err)
{
    char *text_copy = strdup(text), *origin_copy = strdup(origin);
    if (!text_copy || !origin_copy) {
        free(text_copy);
        free(origin_copy);
        return aep__error_memory(err);
    }
    clear_setting(setting);
    *setting = (struct aep__setting){layer, text_copy, number, origin_copy};
    return AEP_OK;
}

static bool is_file(enum aep__layer layer)
{
    return layer == AEP__LAYER_USER_FILE || layer == AEP__LAYER_SYSTEM_FILE;
}

/* Keeps a value that passed, unless a stronger layer has spoken. */
static int offer_setting(struct aep__setting *setting, const char *key, const char *text,
                         int64_t number, enum aep__layer layer, const char *origin, aep_error *err)
{
    struct aep__problem problem;
    if (setting->layer > layer)
        return AEP_OK;
    if (setting->layer == layer && is_file(layer)) {
        aep__problem(&problem, "is already set in %s", setting->origin);
        return refuse(err, layer, origin, key, problem.text);
    }
    return keep_setting(setting, text, number, layer, origin, err);
}

static int put_option(aep_config *config, int option, const char *value, enum aep__layer layer,
                      const char *origin, aep_error *err)
{
    struct aep__setting *setting = &config->options[option];
    const struct aep__option_row *row = &aep__options[option];
    struct aep__buf canonical = {0};
    struct aep__problem problem;
    int64_t number = 0;
    int code = AEP_OK;
    if (!*value && layer == AEP__LAYER_ARGUMENT)
        clear_setting(setting);
    if (!*value && layer != AEP__LAYER_DEFAULT)
        return AEP_OK;
    bool ok = !*value || aep__value_parse(row, value, &canonical, &number, &problem);
    const char *text = aep__buf_string(&canonical);
    if (canonical.failed)
        code = aep__error_memory(err);
    else if (!ok)
        code = refuse(err, layer, origin, row->key, problem.text);
    else
        code = offer_setting(setting, row->key, text, number, layer, origin, err);
    aep__buf_done(&canonical);
    return code;
}

/* ---- kafka.* -------------------------------------------------------------------------------- */

/* Where a name is, or would be, among the sorted ones. */
static size_t kafka_place(const aep_config *config, const char *name, bool *ret_found)
{
    size_t i = 0;
    while (i < config->kafka_count && strcmp(config->kafka[i].name, name) < 0)
        i++;
    *ret_found = i < config->kafka_count && strcmp(config->kafka[i].name, name) == 0;
    return i;
}

static struct aep__setting *add_kafka(aep_config *config, const char *name)
{
    bool found;
    size_t i = kafka_place(config, name, &found);
    if (found)
        return &config->kafka[i].setting;
    char *copy = strdup(name);
    struct aep__kafka_setting *kafka =
        copy ? realloc(config->kafka, (config->kafka_count + 1) * sizeof *kafka) : NULL;
    if (!kafka) {
        free(copy);
        return NULL;
    }
    memmove(&kafka[i + 1], &kafka[i], (config->kafka_count - i) * sizeof *kafka);
    kafka[i] = (struct aep__kafka_setting){.name = copy};
    config->kafka = kafka;
    config->kafka_count++;
    return &kafka[i].setting;
}

static void remove_kafka(aep_config *config, const char *name)
{
    bool found;
    size_t i = kafka_place(config, name, &found);
    if (!found)
        return;
    clear_setting(&config->kafka[i].setting);
    free(config->kafka[i].name);
    config->kafka_count--;
    memmove(&config->kafka[i], &config->kafka[i + 1],
            (config->kafka_count - i) * sizeof *config->kafka);
}

/* An unknown name passes, unless it looks like a typo of a known one. */
static bool is_typo(const char *key, const char *name)
{
    size_t count;
    const struct aep__kafka_key *keys = aep__kafka_keys(&count);
    for (size_t i = 0; i < count; i++)
        if (aep__edit_near(name, keys[i].name, TYPO_DISTANCE))
            return true;
    for (int i = 0; i < AEP__OPT_COUNT; i++)
        if (aep__edit_near(key, aep__options[i].key, TYPO_DISTANCE))
            return true;
    return false;
}

static int put_kafka(aep_config *config, const char *key, const char *value, enum aep__layer layer,
                     const char *origin, aep_error *err)
{
    const char *name = key + KAFKA_PREFIX_LEN;
    const struct aep__kafka_key *known = aep__kafka_key_find(name);
    struct aep__problem problem;
    if (!is_name(name) || (!known && is_typo(key, name)))
        return refuse_unknown(err, layer, origin, key);
    if (known && known->same_as) {
        name = known->same_as;
        known = aep__kafka_key_find(name);
    }
    if (!*value) {
        if (layer == AEP__LAYER_ARGUMENT)
            remove_kafka(config, name);
        return AEP_OK;
    }
    if (!aep__kafka_key_check(known, value, is_file(layer), &problem))
        return refuse(err, layer, origin, key, problem.text);
    struct aep__setting *setting = add_kafka(config, name);
    if (!setting)
        return aep__error_memory(err);
    int code = offer_setting(setting, key, value, 0, layer, origin, err);
    if (setting->layer == AEP__LAYER_NONE)
        remove_kafka(config, name);
    return code;
}

int aep__config_put(aep_config *config, const char *key, const char *value, enum aep__layer layer,
                    const char *origin, aep_error *err)
{
    int option = aep__option_find(key);
    if (option >= 0)
        return put_option(config, option, value, layer, origin, err);
    if (strncmp(key, KAFKA_PREFIX, KAFKA_PREFIX_LEN) == 0)
        return put_kafka(config, key, value, layer, origin, err);
    return refuse_unknown(err, layer, origin, key);
}

const struct aep__setting *aep__config_kafka(const aep_config *config, const char *name)
{
    bool found;
    size_t i = kafka_place(config, name, &found);
    return found ? &config->kafka[i].setting : NULL;
}

bool aep__config_has_password_file(const aep_config *config)
{
    const struct aep__setting *file = &config->options[AEP__OPT_KAFKA_PASSWORD_FILE];
    const struct aep__setting *password = aep__config_kafka(config, "sasl.password");
    return file->text && *file->text && (!password || file->layer > password->layer);
}

void aep_config_free(aep_config *config)
{
    if (!config)
        return;
    for (int i = 0; i < AEP__OPT_COUNT; i++)
        clear_setting(&config->options[i]);
    for (size_t i = 0; i < config->kafka_count; i++) {
        clear_setting(&config->kafka[i].setting);
        free(config->kafka[i].name);
    }
    free(config->kafka);
    free(config->state_dir);
    aep__buf_done(&config->files.buf);
    aep__buf_done(&config->strangers.buf);
    free(config);
}
