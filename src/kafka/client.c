/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/client.h"

#include "base/error.h"
#include "config/kafka_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

int aep__client_set(rd_kafka_conf_t *conf, const char *name, const char *value, aep_error *err)
{
    char field[sizeof err->field], text[300];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return AEP_OK;
    snprintf(field, sizeof field, "kafka.%s", name);
    return aep__error(err, AEP_ECONFIG, field, "%s: %s", field, text);
}

void aep__client_property(const rd_kafka_conf_t *conf, const char *name, char *text, size_t size)
{
    size_t room = size;
    if (rd_kafka_conf_get(conf, name, text, &room) != RD_KAFKA_CONF_OK)
        text[0] = '\0';
}

/* ---- OAUTHBEARER ---- */

static bool is_set_to(const rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[64];
    aep__client_property(conf, name, text, sizeof text);
    return strncasecmp(text, value, strlen(value)) == 0;
}

static bool wants_tokens(const rd_kafka_conf_t *conf)
{
    return is_set_to(conf, "security.protocol", "sasl_") &&
           is_set_to(conf, "sasl.mechanism", "OAUTHBEARER");
}

/* librdkafka would ask the program for a token, and wait for it silently. */
static int check_tokens(const rd_kafka_conf_t *conf, aep_error *err)
{
    char plugins[8];
    aep__client_property(conf, "plugin.library.paths", plugins, sizeof plugins);
    if (!wants_tokens(conf) || plugins[0] || is_set_to(conf, "sasl.oauthbearer.method", "oidc") ||
        is_set_to(conf, "enable.sasl.oauthbearer.unsecure.jwt", "true"))
        return AEP_OK;
    return aep__error(
        err, AEP_ECONFIG, "kafka.sasl.oauthbearer.method",
        "kafka.sasl.oauthbearer.method: OAUTHBEARER needs tokens: set it to oidc, and "
        "kafka.sasl.oauthbearer.token.endpoint.url and the client's id and secret");
}

/* ---- the configuration ---- */

static int set_all(rd_kafka_conf_t *conf, const struct aep__property *settings, aep_error *err)
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
                     const struct aep__property *defaults, const struct aep__property *ours,
                     aep_error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int result = set_all(conf, defaults, err);
    if (result == AEP_OK)
        result =
            aep__config_each_kafka(config, set_property, &(struct property_user){conf, err}, err);
    if (result == AEP_OK)
        result = set_all(conf, ours, err);
    if (result == AEP_OK)
        result = check_tokens(conf, err);
    if (result != AEP_OK) {
        rd_kafka_conf_destroy(conf);
        return result;
    }
    *ret = conf;
    return AEP_OK;
}

/* ---- why there is none ---- */

static bool in_name(char letter)
{
    return letter && strchr("abcdefghijklmnopqrstuvwxyz_", letter);
}

/* The property that a text names first. */
static const char *first_property(const char *text)
{
    size_t count;
    const struct aep__kafka_key *keys = aep__kafka_keys(&count), *best = NULL;
    const char *best_at = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *at = strstr(text, keys[i].name);
        size_t len = strlen(keys[i].name);
        bool whole = at && (at == text || !in_name(at[-1])) && !in_name(at[len]) &&
                     !(at[len] == '.' && in_name(at[len + 1]));
        if (whole && (!best || at < best_at))
            best = &keys[i], best_at = at;
    }
    return best ? best->name : NULL;
}

/* What an error text means that names no property, or not the one that has to be set. */
static const struct {
    const char *words, *property, *hint;
} meanings[] = {
    {"sasl.kerberos", "sasl.mechanism", "librdkafka uses Kerberos unless it is set: "},
    {"mechanism GSSAPI", "sasl.mechanism", "librdkafka uses Kerberos unless it is set: "},
    {"SASL mechanism", "sasl.mechanism", ""},
    {"SASL/OAUTHBEARER", "sasl.oauthbearer.config", ""},
};

static const char *find_property(const char *text, const char **ret_hint)
{
    *ret_hint = "";
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (strstr(text, meanings[i].words)) {
            *ret_hint = meanings[i].hint;
            return meanings[i].property;
        }
    return first_property(text);
}

/* OpenSSL has its own words for an unreadable file. True: the file cannot be read, and errno says
 * why. */
static bool unreadable(const rd_kafka_conf_t *conf, const char *property, char *path, size_t size)
{
    const struct aep__kafka_key *key = aep__kafka_key_find(property);
    if (!key || !(key->flags & AEP__KAFKA_PATH))
        return false;
    aep__client_property(conf, property, path, size);
    int fd = path[0] == '/' ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd >= 0)
        close(fd);
    return path[0] == '/' && fd < 0;
}

/* Takes the text apart as far as that helps: which property, which file. */
static int explain(const rd_kafka_conf_t *conf, const char *text, aep_error *err)
{
    char field[sizeof err->field], path[PATH_MAX];
    const char *hint, *property = find_property(text, &hint);
    if (!property)
        return aep__error(err, AEP_ECONFIG, "kafka", "kafka.*: %s", text);
    snprintf(field, sizeof field, "kafka.%s", property);
    if (unreadable(conf, property, path, sizeof path))
        return aep__error(err, AEP_ECONFIG, field, "%s: cannot read %s: %s", field, path,
                          strerror(errno));
    return aep__error(err, AEP_ECONFIG, field, "%s: %s%s", field, hint, text);
}

/* ---- making one ---- */

struct making {
    rd_kafka_interceptor_f_on_new_t *on_new;
    void *user;
    bool begun;
};

static rd_kafka_resp_err_t on_making(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *user,
                                     char *text, size_t size)
{
    struct making *making = user;
    making->begun = true;
    return making->on_new(rk, conf, making->user, text, size);
}

/* A client that fails after on_new() has freed its configuration's interceptors, to which the
 * configuration still points (librdkafka up to 2.15 at least): freeing that would free them twice. */
int aep__client_new(rd_kafka_t **ret, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                    rd_kafka_interceptor_f_on_new_t *on_new, void *user, aep_error *err)
{
    char text[300];
    struct making making = {on_new, user, false};
    bool tokens = wants_tokens(conf);
    if (tokens) /* not left to a reader of the client's queue: there may be none */
        rd_kafka_conf_enable_sasl_queue(conf, 1);
    if (on_new)
        rd_kafka_conf_interceptor_add_on_new(conf, "aep-making", on_making, &making);
    *ret = rd_kafka_new(type, conf, text, sizeof text);
    if (*ret && tokens)
        rd_kafka_error_destroy(rd_kafka_sasl_background_callbacks_enable(*ret));
    if (*ret)
        return AEP_OK;
    int result = explain(conf, text, err);
    if (!making.begun)
        rd_kafka_conf_destroy(conf);
    return result;
}
