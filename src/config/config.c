/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: copies the arguments, reads the weaker layers one after another, then checks the options
 * that depend on each other.
 *
 * No path here is relative, and no file is searched for in the working directory, so that nothing
 * in a checkout can redirect events or switch redaction off. */
#include "config/config.h"

#include "base/error.h"
#include "config/layers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#ifndef AEP_SYSCONFDIR
#define AEP_SYSCONFDIR "/etc"
#endif

/* ---- arguments ------------------------------------------------------------------------------ */

aep_config *aep_config_new(void)
{
    return calloc(1, sizeof(aep_config));
}

/* The key itself, or the one that a word with underscores means, written to `place`. */
static const char *full_key(const char *key, char place[AEP__NAME_SIZE])
{
    return aep__option_find(key) < 0 && aep__environment_key(key, place) ? place : key;
}

int aep_config_set(aep_config *config, const char *key, const char *value, aep_error *err)
{
    if (!config || !key)
        return aep__error(err, AEP_ECONFIG, NULL, "aep_config_set: no config or no key");
    char place[AEP__NAME_SIZE];
    return aep__config_put(config, full_key(key, place), value ? value : "", AEP__LAYER_ARGUMENT,
                           "argument", err);
}

void aep_config_set_log(aep_config *config, aep_log_fn fn, void *user)
{
    if (!config)
        return;
    config->log = fn;
    config->log_user = user;
}

/* ---- loading -------------------------------------------------------------------------------- */

static int copy_setting(aep_config *to, const char *key, const struct aep__setting *setting,
                        aep_error *err)
{
    if (setting->layer == AEP__LAYER_NONE)
        return AEP_OK;
    return aep__config_put(to, key, setting->text, setting->layer, setting->origin, err);
}

static int copy_settings(aep_config *to, const aep_config *from, aep_error *err)
{
    int code = AEP_OK;
    for (int i = 0; code == AEP_OK && i < AEP__OPT_COUNT; i++)
        code = copy_setting(to, aep__options[i].key, &from->options[i], err);
    for (size_t i = 0; code == AEP_OK && i < from->kafka_count; i++) {
        char key[AEP__NAME_SIZE];
        snprintf(key, sizeof key, "kafka.%s", from->kafka[i].name);
        code = copy_setting(to, key, &from->kafka[i].setting, err);
    }
    return code;
}

static int copy_config(aep_config *to, const aep_config *from, aep_error *err)
{
    to->log = from->log;
    to->log_user = from->log_user;
    to->loaded = from->loaded;
    aep__buf_add(&to->files.buf, from->files.buf.data, from->files.buf.len);
    aep__buf_add(&to->strangers.buf, from->strangers.buf.data, from->strangers.buf.len);
    to->state_dir = from->state_dir ? strdup(from->state_dir) : NULL;
    if (from->state_dir && !to->state_dir)
        return aep__error_memory(err);
    return copy_settings(to, from, err);
}

static const char *get_folder(char *const *environment, const char *variable)
{
    struct aep__problem problem;
    const char *path = aep__environment_get(environment, variable);
    return path && aep__value_path(path, &problem) ? path : NULL;
}

/* `$VARIABLE/tail`, else `$HOME/other/tail`; NULL where there is no such folder. */
static int make_path(char *const *environment, const char *variable, const char *other,
                     const char *tail, char **ret, aep_error *err)
{
    const char *base = get_folder(environment, variable);
    *ret = NULL;
    if (base)
        other = "";
    else
        base = get_folder(environment, "HOME");
    if (!base || asprintf(ret, "%s%s/%s", base, other, tail) >= 0)
        return AEP_OK;
    *ret = NULL;
    return aep__error_memory(err);
}

static int read_user_file(aep_config *config, char *const *environment, aep_error *err)
{
    char *path;
    int code = make_path(environment, "XDG_CONFIG_HOME", "/.config", "aep/aep.conf", &path, err);
    if (path)
        code = aep__conf_read(config, AEP__LAYER_USER_FILE, path, err);
    free(path);
    return code;
}

static int read_dotenv(aep_config *config, char *const *environment, aep_error *err)
{
    const char *path = aep__environment_get(environment, "AEP_DOTENV");
    return path ? aep__dotenv_read(config, path, err) : AEP_OK;
}

static int put_defaults(aep_config *config, aep_error *err)
{
    int code = AEP_OK;
    for (int i = 0; code == AEP_OK && i < AEP__OPT_COUNT; i++)
        code = aep__config_put(config, aep__options[i].key, aep__options[i].fallback,
                               AEP__LAYER_DEFAULT, "default", err);
    return code;
}

static int read_layers(aep_config *config, const struct aep__config_sources *sources,
                       aep_error *err)
{
    int code = aep__environment_read(config, sources->environment, err);
    if (code == AEP_OK)
        code = read_dotenv(config, sources->environment, err);
    if (code == AEP_OK)
        code = read_user_file(config, sources->environment, err);
    if (code == AEP_OK && sources->system_file)
        code = aep__conf_read(config, AEP__LAYER_SYSTEM_FILE, sources->system_file, err);
    if (code == AEP_OK)
        code = put_defaults(config, err);
    if (code == AEP_OK)
        code = make_path(sources->environment, "XDG_STATE_HOME", "/.local/state", "aep",
                         &config->state_dir, err);
    config->loaded = true;
    return code;
}

static void log_strangers(const aep_config *config)
{
    const char *text = NULL;
    while (config->log && (text = aep__texts_next(&config->strangers, text)))
        config->log(config->log_user, AEP_LOG_WARNING, text);
}

int aep__config_load_from(const aep_config *args, const struct aep__config_sources *sources,
                          aep_config **ret, aep_error *err)
{
    aep_config *config = aep_config_new();
    if (!config)
        return aep__error_memory(err);
    int code = args ? copy_config(config, args, err) : AEP_OK;
    if (code == AEP_OK && !config->loaded) {
        code = read_layers(config, sources, err);
        log_strangers(config);
    }
    if (code == AEP_OK && (config->files.buf.failed || config->strangers.buf.failed))
        code = aep__error_memory(err);
    if (code == AEP_OK)
        *ret = config;
    else
        aep_config_free(config);
    return code;
}

/* A setuid program runs for a user who must not decide where it sends events or reads settings. */
int aep__config_load(const aep_config *args, aep_config **ret, aep_error *err)
{
    struct aep__config_sources sources = {
        .environment = getauxval(AT_SECURE) ? NULL : environ,
        .system_file = AEP_SYSCONFDIR "/aep/aep.conf",
    };
    return aep__config_load_from(args, &sources, ret, err);
}

int aep__config_resolve(const aep_config *args, aep_config **ret, aep_error *err)
{
    aep_config *config;
    int code = aep__config_load(args, &config, err);
    if (code != AEP_OK)
        return code;
    code = aep__config_check(config, err);
    if (code == AEP_OK)
        *ret = config;
    else
        aep_config_free(config);
    return code;
}

/* Whether nobody has said where events go. */
static bool is_silent(const aep_config *config)
{
    return config->options[AEP__OPT_MODE].layer == AEP__LAYER_DEFAULT &&
           !*aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS);
}

int aep__config_resolve_reading(aep_config *args, aep_config **ret, aep_error *err)
{
    aep_config *config = NULL;
    int code = aep__config_load(args, &config, err);
    if (code == AEP_OK && is_silent(config))
        code = aep_config_set(args, aep__options[AEP__OPT_MODE].key, "local", err);
    aep_config_free(config);
    return code == AEP_OK ? aep__config_resolve(args, ret, err) : code;
}

/* ---- checking what belongs together --------------------------------------------------------- */

static int check_servers(const aep_config *config, aep_error *err)
{
    if (aep__config_is(config, AEP__OPT_MODE, "local") ||
        !aep__config_bool(config, AEP__OPT_EVENTS_ENABLED) ||
        *aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS))
        return AEP_OK;
    return aep__error(err, AEP_ECONFIG, "kafka.bootstrap.servers",
                      "no Kafka servers are set: set KAFKA_BOOTSTRAP_SERVERS=host:9092, or "
                      "AEP_MODE=local to keep events on this machine");
}

/* `smaller` times `factor` must fit into `larger`. */
static int check_sizes(const aep_config *config, enum aep__option larger, int64_t factor,
                       enum aep__option smaller, aep_error *err)
{
    const struct aep__setting *outer = &config->options[larger], *inner = &config->options[smaller];
    if (outer->number >= inner->number * factor)
        return AEP_OK;
    const char *key = aep__options[larger].key;
    return aep__error(
        err, AEP_ECONFIG, key, "%s = %s (%s) must be at least %s%s = %s (%s): %" PRId64 " bytes",
        key, outer->text, outer->origin, factor > 1 ? "four times " : "", aep__options[smaller].key,
        inner->text, inner->origin, inner->number * factor);
}

static int check_password(const aep_config *config, aep_error *err)
{
    const struct aep__setting *file = &config->options[AEP__OPT_KAFKA_PASSWORD_FILE];
    const struct aep__setting *password = aep__config_kafka(config, "sasl.password");
    if (!password || !*file->text || password->layer != file->layer)
        return AEP_OK;
    return aep__error(err, AEP_ECONFIG, "kafka.sasl.password.file",
                      "kafka.sasl.password (%s) and kafka.sasl.password.file (%s) are both set: "
                      "set only one",
                      password->origin, file->origin);
}

int aep__config_check(const aep_config *config, aep_error *err)
{
    int code = check_servers(config, err);
    /* The default is for new spools; an existing one has its own limit, which is checked when it is
     * opened. */
    if (code == AEP_OK && config->options[AEP__OPT_SPOOL_SEGMENT_BYTES].layer > AEP__LAYER_DEFAULT)
        code = check_sizes(config, AEP__OPT_SPOOL_MAX_BYTES, 4, AEP__OPT_SPOOL_SEGMENT_BYTES, err);
    if (code == AEP_OK)
        code =
            check_sizes(config, AEP__OPT_LIMITS_MESSAGE_BYTES, 1, AEP__OPT_LIMITS_FIELD_BYTES, err);
    if (code == AEP_OK)
        code = check_password(config, err);
    return code;
}

/* ---- asking --------------------------------------------------------------------------------- */

const char *aep__config_text(const aep_config *config, enum aep__option option)
{
    const char *text = config->options[option].text;
    return text ? text : "";
}

int64_t aep__config_int(const aep_config *config, enum aep__option option)
{
    return config->options[option].number;
}

bool aep__config_show(const aep_config *config, const char *key, struct aep__buf *out)
{
    char place[AEP__NAME_SIZE];
    int option = aep__option_find(full_key(key, place));
    if (option < 0)
        return false;
    switch (aep__options[option].type) {
    case AEP__OPTION_TYPE_SIZE:
    case AEP__OPTION_TYPE_SECONDS:
    case AEP__OPTION_TYPE_MS:
        aep__buf_format(out, "%" PRId64, aep__config_int(config, (enum aep__option)option));
        return true;
    default:
        aep__buf_text(out, aep__config_text(config, (enum aep__option)option));
        return true;
    }
}

bool aep__config_bool(const aep_config *config, enum aep__option option)
{
    return config->options[option].number != 0;
}

bool aep__config_is(const aep_config *config, enum aep__option option, const char *value)
{
    struct aep__buf canonical = {0};
    struct aep__problem problem;
    int64_t number;
    if (aep__options[option].type != AEP__OPTION_TYPE_BOOL)
        return strcmp(aep__config_text(config, option), value) == 0;
    bool is_bool = aep__value_parse(&aep__options[option], value, &canonical, &number, &problem);
    aep__buf_done(&canonical);
    return is_bool && number == config->options[option].number;
}

aep_log_fn aep__config_log(const aep_config *config, void **ret_user)
{
    *ret_user = config->log_user;
    return config->log;
}
