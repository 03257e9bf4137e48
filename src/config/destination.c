/* SPDX-License-Identifier: Apache-2.0 */
/* Where events go. The spool folder follows from it: two clusters, or two logins at one, never share
 * a spool, and a setting that changes neither strands none.
 *
 *     brokers=a:9092,b:9092
 *     protocol=sasl_ssl
 *     mechanism=SCRAM-SHA-512
 *     principal=alice
 *     ca=/etc/ssl/kafka.pem
 *
 * A line is there only if it counts: no mechanism and no principal without SASL, no CA without TLS.
 * This text is on users' disks, as folder names and in identity files: if it changes, they lose
 * touch with their spools. */
#include "base/error.h"
#include "base/hash.h"
#include "config/file.h"
#include "config/layers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *kafka_text(const aep_config *config, const char *name, const char *fallback)
{
    const struct aep__setting *setting = aep__config_kafka(config, name);
    return setting ? setting->text : fallback;
}

static bool is_local(const aep_config *config)
{
    return aep__config_is(config, AEP__OPT_MODE, "local");
}

/* ---- the text ------------------------------------------------------------------------------- */

/* A line `name=value`; line ends (certificates have them) become blanks. */
static void add_line(struct aep__buf *out, const char *name, const char *value)
{
    aep__buf_text(out, name);
    aep__buf_byte(out, '=');
    for (; *value; value++)
        aep__buf_byte(out, *value == '\n' || *value == '\r' ? ' ' : *value);
    aep__buf_byte(out, '\n');
}

/* The first of `names` that is set. A certificate given as text is represented by its hash. */
static void add_first(const aep_config *config, struct aep__buf *out, const char *line,
                      const char *const *names)
{
    char hash[AEP__HASH_TEXT_SIZE];
    for (; *names; names++) {
        const char *value = kafka_text(config, *names, NULL);
        if (!value)
            continue;
        if (strstr(*names, ".pem")) {
            aep__hash_text(value, strlen(value), hash);
            value = hash;
        }
        add_line(out, line, value);
        return;
    }
}

static void add_sasl(const aep_config *config, struct aep__buf *out)
{
    static const char *const principals[] = {"sasl.username", "sasl.oauthbearer.client.id", NULL};
    static const char *const tickets[] = {"sasl.kerberos.principal", NULL};
    char mechanism[64];
    snprintf(mechanism, sizeof mechanism, "%s", kafka_text(config, "sasl.mechanism", "GSSAPI"));
    for (char *at = mechanism; *at; at++)
        *at = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
    add_line(out, "mechanism", mechanism);
    add_first(config, out, "principal", strcmp(mechanism, "GSSAPI") == 0 ? tickets : principals);
}

static void add_tls(const aep_config *config, struct aep__buf *out)
{
    static const char *const certificates[] = {"ssl.keystore.location", "ssl.certificate.location",
                                               "ssl.certificate.pem", NULL};
    static const char *const authorities[] = {"ssl.ca.location", "ssl.ca.pem", NULL};
    add_first(config, out, "certificate", certificates);
    add_first(config, out, "ca", authorities);
}

void aep__config_destination(const aep_config *config, struct aep__buf *out)
{
    if (is_local(config)) {
        aep__buf_text(out, "local\n");
        return;
    }
    char protocol[32];
    snprintf(protocol, sizeof protocol, "%s", kafka_text(config, "security.protocol", "plaintext"));
    for (char *at = protocol; *at; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    add_line(out, "brokers", aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS));
    add_line(out, "protocol", protocol);
    if (strncmp(protocol, "sasl_", 5) == 0)
        add_sasl(config, out);
    if (strstr(protocol, "ssl"))
        add_tls(config, out);
}

/* ---- librdkafka's settings ---------------------------------------------------------------- */

/* Reads the password; one line end after it is the editor's, not part of the password. */
static int read_password(const aep_config *config, struct aep__buf *out, aep_error *err)
{
    const char *path = aep__config_text(config, AEP__OPT_KAFKA_PASSWORD_FILE);
    const char *key = aep__options[AEP__OPT_KAFKA_PASSWORD_FILE].key;
    aep_error why;
    int code = aep__file_read(path, AEP__FILE_UNREADABLE, key, out, NULL, &why);
    if (code != AEP_OK)
        return aep__error(err, code, key, "%s: %s", key, why.text);
    if (out->len > 0 && out->data[out->len - 1] == '\n')
        out->len--;
    if (out->len > 0 && out->data[out->len - 1] == '\r')
        out->len--;
    if (out->len == 0 || memchr(out->data, '\0', out->len))
        return aep__error(err, AEP_ECONFIG, key, "%s: %s holds no password", key, path);
    aep__buf_string(out);
    return out->failed ? aep__error_memory(err) : AEP_OK;
}

static int give_password(const aep_config *config,
                         int (*fn)(void *user, const char *name, const char *value), void *user,
                         aep_error *err)
{
    struct aep__buf password = {0};
    int code = read_password(config, &password, err);
    if (code == AEP_OK)
        code = fn(user, "sasl.password", password.data);
    if (password.data)
        explicit_bzero(password.data, password.cap);
    aep__buf_done(&password);
    return code;
}

int aep__config_each_kafka(const aep_config *config,
                           int (*fn)(void *user, const char *name, const char *value), void *user,
                           aep_error *err)
{
    const char *servers = aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS);
    bool from_file = aep__config_has_password_file(config);
    int code = *servers ? fn(user, "bootstrap.servers", servers) : 0;
    for (size_t i = 0; code == 0 && i < config->kafka_count; i++) {
        const struct aep__kafka_setting *kafka = &config->kafka[i];
        if (!from_file || strcmp(kafka->name, "sasl.password") != 0)
            code = fn(user, kafka->name, kafka->setting.text);
    }
    if (code == 0 && from_file)
        code = give_password(config, fn, user, err);
    return code;
}
