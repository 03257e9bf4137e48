/* SPDX-License-Identifier: Apache-2.0 */
/* What a struct aep_config is made of, for the files of this folder.
 *
 * Every setting knows its layer and its origin within it. A stronger layer's value stays when a
 * weaker one comes later, so layers can be read in any order; a weaker layer's values are checked
 * all the same. An empty value counts as not set. */
#ifndef AEP_CONFIG_LAYERS_H
#define AEP_CONFIG_LAYERS_H

#include "config/value.h"

enum aep__layer {
    AEP__LAYER_NONE,
    AEP__LAYER_DEFAULT,
    AEP__LAYER_SYSTEM_FILE,
    AEP__LAYER_USER_FILE,
    AEP__LAYER_DOTENV,
    AEP__LAYER_ENVIRONMENT,
    AEP__LAYER_ARGUMENT,
};

struct aep__setting {
    enum aep__layer layer; /* NONE: not set */
    char *text;
    int64_t number;
    char *origin; /* "default", "argument", "environment NAME", "FILE:LINE" */
};

struct aep__kafka_setting {
    char *name; /* librdkafka's */
    struct aep__setting setting;
};

/* Texts one behind another, each with its NUL. */
struct aep__texts {
    struct aep__buf buf;
};

struct aep_config {
    struct aep__setting options[AEP__OPT_COUNT];
    struct aep__kafka_setting *kafka; /* by name */
    size_t kafka_count;
    bool loaded;
    char *state_dir;             /* $XDG_STATE_HOME/aep; NULL: there is none */
    struct aep__texts files;     /* "FILE (read)", "FILE (absent)" */
    struct aep__texts strangers; /* variables that look like a mistyped one of ours */
    aep_log_fn log;
    void *log_user;
};

void aep__texts_add(struct aep__texts *texts, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** The text after `text`; NULL gives the first; returns NULL after the last. */
const char *aep__texts_next(const struct aep__texts *texts, const char *text);

#define AEP__ORIGIN_SIZE 256

/** Writes "FILE:LINE", the end of the path where it is long. */
void aep__origin_of_line(const char *path, int line, char origin[AEP__ORIGIN_SIZE]);

/** Sets one option in one layer.
 * @origin  where it was set; starts the error's text
 * Errors: AEP_ECONFIG unknown key (with the nearest), bad value, a key twice in a file; AEP_ENOMEM
 */
int aep__config_put(aep_config *config, const char *key, const char *value, enum aep__layer layer,
                    const char *origin, aep_error *err);
/** A kafka.* setting without a row of its own; NULL if it is not set. */
const struct aep__setting *aep__config_kafka(const aep_config *config, const char *name);
/** Whether the password comes from its file rather than from kafka.sasl.password. */
bool aep__config_has_password_file(const aep_config *config);

/** Reads the settings of an aep.conf: `key = value` lines, # comments.
 * Errors: AEP_ECONFIG with PATH:LINE; AEP_ENOMEM */
int aep__conf_parse(aep_config *config, const char *data, size_t len, enum aep__layer layer,
                    const char *path, aep_error *err);
/** Reads an aep.conf from the disk; a missing file counts as empty. */
int aep__conf_read(aep_config *config, enum aep__layer layer, const char *path, aep_error *err);

/** Reads the three variables out of a .env. Errors as aep__conf_parse() */
int aep__dotenv_parse(aep_config *config, const char *data, size_t len, const char *path,
                      aep_error *err);
/** Reads that of a file, which must be there. */
int aep__dotenv_read(aep_config *config, const char *path, aep_error *err);

/** Reads the environment, environ-style. Errors: AEP_ECONFIG, AEP_ENOMEM */
int aep__environment_read(aep_config *config, char *const *environment, aep_error *err);
/** The key that a word with underscores for dots means ("spool_dir", "kafka_linger_ms"), as in the
 * names of variables. False: none; *key is then undefined. */
bool aep__environment_key(const char *word, char key[AEP__NAME_SIZE]);
/** The value of a variable; NULL if it is unset or empty. */
const char *aep__environment_get(char *const *environment, const char *name);

#endif
