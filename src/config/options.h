/* SPDX-License-Identifier: Apache-2.0 */
/* The option table: a row holds everything about an option. Loading, checking, `config explain` and
 * the reference page are derived from it. */
#ifndef AEP_CONFIG_OPTIONS_H
#define AEP_CONFIG_OPTIONS_H

#include "config/config.h"

enum aep__option_type {
    AEP__OPTION_TYPE_TEXT,    /* at most `max` bytes of UTF-8 without control characters */
    AEP__OPTION_TYPE_BOOL,    /* true on yes 1, false off no 0 */
    AEP__OPTION_TYPE_WORD,    /* one of `words` */
    AEP__OPTION_TYPE_SIZE,    /* bytes, min to max, with a unit */
    AEP__OPTION_TYPE_SECONDS, /* min to max, with a unit */
    AEP__OPTION_TYPE_MS,      /* the same in milliseconds */
    AEP__OPTION_TYPE_PATH,    /* absolute */
    AEP__OPTION_TYPE_SERVERS, /* host:port, … */
    AEP__OPTION_TYPE_WORDS,   /* some of `words`, with commas */
    AEP__OPTION_TYPE_TOPICS,  /* names of topics, with commas */
    AEP__OPTION_TYPE_STORE,   /* an absolute path, or a URL of PostgreSQL */
};

#define AEP__OPTION_NAMES 2 /* environment names beside AEP_<KEY> */

struct aep__option_row {
    const char *key;
    const char *alias;                    /* another key for the same; NULL: none */
    const char *names[AEP__OPTION_NAMES]; /* in the environment, asked after AEP_<KEY> */
    enum aep__option_type type;
    bool in_dotenv; /* names[0] may come from the file that AEP_DOTENV names */
    int64_t min, max;
    const char *words;    /* "one|two" */
    const char *fallback; /* the default; "" for none */
    const char *doc;
};

extern const struct aep__option_row aep__options[AEP__OPT_COUNT];

/** The option of a key; -1 if there is none. */
int aep__option_find(const char *key);

#define AEP__NAME_SIZE 160

/** AEP_<KEY>: the key in capitals, dots as underscores. */
void aep__option_name(const char *key, char name[AEP__NAME_SIZE]);

#endif
