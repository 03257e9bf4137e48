/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about librdkafka's own settings, which are set as `kafka.NAME`.
 *
 * Most rows have only a name, so that a mistyped one is noticed before a relay starts. An unknown
 * name that is not close to a known one is passed on: a newer librdkafka may know it. */
#ifndef AEP_CONFIG_KAFKA_KEYS_H
#define AEP_CONFIG_KAFKA_KEYS_H

#include "config/value.h"

enum aep__kafka_flag {
    AEP__KAFKA_SECRET = 1 << 0,  /* never shown */
    AEP__KAFKA_PATH = 1 << 1,    /* an absolute path, or the word in `words` */
    AEP__KAFKA_CODE = 1 << 2,    /* loads or runs code: only from aep.conf */
    AEP__KAFKA_SHELL = 1 << 3,   /* librdkafka puts it into a shell command */
    AEP__KAFKA_OWNED = 1 << 4,   /* the relay's: users may set only `words` */
    AEP__KAFKA_PROGRAM = 1 << 5, /* no text: a callback or the like */
};

struct aep__kafka_key {
    const char *name;
    const char *same_as; /* the name it is kept under, where librdkafka has two; NULL: its own */
    unsigned flags;
    const char *words; /* "one|two": all that it may be; NULL: anything */
    const char *why;   /* why it is owned */
};

/** All of them, `count` in number, by name. */
const struct aep__kafka_key *aep__kafka_keys(size_t *ret_count);
/** By name; NULL if it is not known. */
const struct aep__kafka_key *aep__kafka_key_find(const char *name);
/** Turns what follows AEP_KAFKA_ in the environment into a name: "LOG_LEVEL" is log_level, other
 * underscores are dots. */
void aep__kafka_key_of_variable(const char *variable, char *name, size_t size);
/** Whether this value may be set. @key NULL: not known. @from_file set in aep.conf */
bool aep__kafka_key_check(const struct aep__kafka_key *key, const char *value, bool from_file,
                          struct aep__problem *problem);
/** Whether the value of this name must not be shown. */
bool aep__kafka_name_is_secret(const char *name);

#endif
