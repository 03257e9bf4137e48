/* SPDX-License-Identifier: Apache-2.0 */
/* A loaded config as bytes, from the publisher to the relay that it starts:
 *
 *     aep-config-1 NUL  state folder NUL  (key NUL  layer digit, origin NUL  value NUL) …
 *
 * Defaults are left out: the relay has its own. What comes in is checked as if a user had typed it,
 * so that the relay relies on nothing but its own table. */
#include "base/error.h"
#include "config/layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char magic[] = "aep-config-1";

static void pack_text(struct aep__buf *out, const char *text)
{
    aep__buf_add(out, text, strlen(text) + 1);
}

static void pack_setting(struct aep__buf *out, const char *key, const struct aep__setting *setting)
{
    if (setting->layer <= AEP__LAYER_DEFAULT)
        return;
    pack_text(out, key);
    aep__buf_byte(out, (char)('0' + setting->layer));
    pack_text(out, setting->origin);
    pack_text(out, setting->text);
}

void aep__config_pack(const aep_config *config, struct aep__buf *out)
{
    pack_text(out, magic);
    pack_text(out, config->state_dir ? config->state_dir : "");
    for (int i = 0; i < AEP__OPT_COUNT; i++)
        pack_setting(out, aep__options[i].key, &config->options[i]);
    for (size_t i = 0; i < config->kafka_count; i++) {
        char key[AEP__NAME_SIZE];
        snprintf(key, sizeof key, "kafka.%s", config->kafka[i].name);
        pack_setting(out, key, &config->kafka[i].setting);
    }
}

/* Takes the next text; NULL if there is no whole one. */
static const char *take_text(const char **at, const char *end)
{
    const char *text = *at;
    const char *nul = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;
    *at = nul ? nul + 1 : end;
    return nul ? text : NULL;
}

static int refuse(aep_error *err, const char *what)
{
    return aep__error(err, AEP_ECONFIG, NULL, "the settings that were passed on: %s", what);
}

static int unpack_head(aep_config *config, const char **at, const char *end, aep_error *err)
{
    struct aep__problem problem;
    const char *begin = take_text(at, end), *state_dir = take_text(at, end);
    if (!begin || strcmp(begin, magic) != 0 || !state_dir)
        return refuse(err, "another format");
    if (!*state_dir)
        return AEP_OK;
    if (!aep__value_path(state_dir, &problem))
        return refuse(err, "a bad state folder");
    config->state_dir = strdup(state_dir);
    return config->state_dir ? AEP_OK : aep__error_memory(err);
}

static int unpack_setting(aep_config *config, const char **at, const char *end, aep_error *err)
{
    struct aep__problem problem;
    const char *key = take_text(at, end), *origin = take_text(at, end);
    const char *value = take_text(at, end);
    if (!key || !origin || !value)
        return refuse(err, "cut short");
    int layer = *origin - '0';
    if (layer <= AEP__LAYER_DEFAULT || layer > AEP__LAYER_ARGUMENT ||
        !aep__value_clean(origin, false, &problem) || strlen(origin) > AEP__ORIGIN_SIZE)
        return refuse(err, "a setting without an origin");
    return aep__config_put(config, key, value, (enum aep__layer)layer, origin + 1, err);
}

static int unpack_defaults(aep_config *config, aep_error *err)
{
    int code = AEP_OK;
    for (int i = 0; code == AEP_OK && i < AEP__OPT_COUNT; i++)
        code = aep__config_put(config, aep__options[i].key, aep__options[i].fallback,
                               AEP__LAYER_DEFAULT, "default", err);
    config->loaded = true;
    return code;
}

static int unpack_all(aep_config *config, const char *data, size_t len, aep_error *err)
{
    const char *at = data, *end = data + len;
    int code = unpack_head(config, &at, end, err);
    while (code == AEP_OK && at < end)
        code = unpack_setting(config, &at, end, err);
    if (code == AEP_OK)
        code = unpack_defaults(config, err);
    return code;
}

int aep__config_unpack(const char *data, size_t len, aep_config **ret, aep_error *err)
{
    aep_config *config = NULL;
    int code = aep__config_unpack_loaded(data, len, &config, err);
    if (code == AEP_OK)
        code = aep__config_check(config, err);
    if (code == AEP_OK)
        *ret = config;
    else
        aep_config_free(config);
    return code;
}

int aep__config_unpack_loaded(const char *data, size_t len, aep_config **ret, aep_error *err)
{
    aep_config *config = aep_config_new();
    if (!config)
        return aep__error_memory(err);
    int code = unpack_all(config, data, len, err);
    if (code == AEP_OK)
        *ret = config;
    else
        aep_config_free(config);
    return code;
}
