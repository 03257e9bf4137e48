/* SPDX-License-Identifier: Apache-2.0 */
/* What is in force and where it comes from, for people and for programs. */
#include "base/error.h"
#include "base/json.h"
#include "config/kafka_keys.h"
#include "config/layers.h"
#include "config/value.h"

#include <stdio.h>
#include <string.h>

struct writer {
    struct aep__buf *out;
    bool json;
    bool any; /* something precedes, so a comma is needed */
};

static void add_json(struct aep__buf *out, const char *name, const char *value)
{
    aep__json_add_string(out, name, strlen(name));
    aep__buf_byte(out, ':');
    aep__json_add_string(out, value, strlen(value));
}

static void add_line(struct writer *writer, const char *key, const char *value, const char *origin,
                     bool is_secret)
{
    const char *shown = is_secret && *value ? AEP__VALUE_MASK : value;
    if (!writer->json) {
        aep__buf_format(writer->out, "%-28s %-32s %s\n", key, *shown ? shown : "(not set)", origin);
        return;
    }
    aep__buf_text(writer->out, writer->any ? ",{" : "{");
    add_json(writer->out, "key", key);
    aep__buf_byte(writer->out, ',');
    add_json(writer->out, "value", shown);
    aep__buf_byte(writer->out, ',');
    add_json(writer->out, "origin", origin);
    aep__buf_text(writer->out, is_secret ? ",\"secret\":true}" : ",\"secret\":false}");
    writer->any = true;
}

/* The spool folder in force; if it is not set, it is derived from other settings. */
static void add_spool_dir(const aep_config *config, struct writer *writer)
{
    const struct aep__setting *setting = &config->options[AEP__OPT_SPOOL_DIR];
    bool is_set = setting->text && *setting->text;
    bool has_name = *aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS) ||
                    aep__config_is(config, AEP__OPT_MODE, "local");
    struct aep__buf dir = {0};
    int code = is_set || !has_name ? AEP_ESTATE : aep__config_spool_dir(config, &dir, NULL);
    if (code == AEP_OK)
        add_line(writer, "spool.dir", aep__buf_string(&dir), "derived", false);
    else
        add_line(writer, "spool.dir", is_set ? setting->text : "", setting->origin, false);
    writer->out->failed = writer->out->failed || code == AEP_ENOMEM;
    aep__buf_done(&dir);
}

/* A certificate has many lines; here each setting has one. */
static void add_kafka(const struct aep__kafka_setting *kafka, struct writer *writer)
{
    char key[AEP__NAME_SIZE];
    snprintf(key, sizeof key, "kafka.%s", kafka->name);
    bool has_lines = strpbrk(kafka->setting.text, "\r\n") && !writer->json;
    add_line(writer, key, has_lines ? "(several lines)" : kafka->setting.text,
             kafka->setting.origin, aep__kafka_name_is_secret(kafka->name));
}

/* A URL may hold a password. */
static void add_store(const struct aep__setting *setting, const char *value, struct writer *writer)
{
    struct aep__buf masked = {0};
    aep__value_mask(value, &masked);
    add_line(writer, aep__options[AEP__OPT_TRACK_STORE].key, aep__buf_string(&masked),
             setting->origin, false);
    writer->out->failed = writer->out->failed || masked.failed;
    aep__buf_done(&masked);
}

static void add_options(const aep_config *config, struct writer *writer)
{
    for (int i = 0; i < AEP__OPT_COUNT; i++) {
        const struct aep__setting *setting = &config->options[i];
        if (i == AEP__OPT_SPOOL_DIR)
            add_spool_dir(config, writer);
        else if (i == AEP__OPT_TRACK_STORE)
            add_store(setting, aep__config_text(config, i), writer);
        else
            add_line(writer, aep__options[i].key, aep__config_text(config, i), setting->origin,
                     false);
    }
    for (size_t i = 0; i < config->kafka_count; i++)
        add_kafka(&config->kafka[i], writer);
}

static void add_texts(struct writer *writer, const char *title, const struct aep__texts *texts)
{
    const char *text = NULL;
    if (writer->json)
        aep__buf_format(writer->out, ",\"%s\":[", title);
    for (int i = 0; (text = aep__texts_next(texts, text)); i++) {
        if (!writer->json) {
            aep__buf_format(writer->out, "# %s\n", text);
            continue;
        }
        aep__buf_text(writer->out, i > 0 ? "," : "");
        aep__json_add_string(writer->out, text, strlen(text));
    }
    if (writer->json)
        aep__buf_byte(writer->out, ']');
}

void aep__config_explain(const aep_config *config, bool json, struct aep__buf *out)
{
    struct writer writer = {.out = out, .json = json};
    if (json)
        aep__buf_text(out, "{\"options\":[");
    add_options(config, &writer);
    if (json)
        aep__buf_byte(out, ']');
    add_texts(&writer, "files", &config->files);
    add_texts(&writer, "warnings", &config->strangers);
    if (json)
        aep__buf_text(out, "}\n");
}
