/* SPDX-License-Identifier: Apache-2.0 */
/* Parses a command line by a verb's tables, like getopt_long(3): options and operands in any order,
 * `--name value`, `--name=value`, `--` ends options, letters can be joined (-fn 3). The refusal of
 * an unknown name suggests the nearest known one. */
#ifndef AEP_APP_OPTIONS_H
#define AEP_APP_OPTIONS_H

#include "aep/aep.h"
#include "verb.h"

#include <stdint.h>

struct aep__given {
    const struct aep__flag *option; /* never one that is same_as another */
    const struct aep__flag *typed;  /* which may be: for messages */
    const char *value;              /* NULL: given without one */
};

struct aep__args {
    const struct aep__verb *verb;
    char name[32]; /* as typed: "dead list" */
    struct aep__flag rows[AEP__OPTIONS_MAX];
    size_t row_count;
    struct aep__given *given; /* in the order of the command line */
    size_t given_count;
    char **operands; /* borrowed from argv, ended by NULL */
    size_t operand_count;
};

/** Reads argv (what follows the verb's name; it is reordered) into args, which keep pointers into
 * it. Free with aep__args_done(), also after an error.
 * Errors: AEP_EINVAL unknown option (nearest known one named), value missing or not wanted, too few
 * or many operands; not checked when --help is given. AEP_ENOMEM */
int aep__args_parse(struct aep__args *args, const struct aep__verb *verb, const char *name,
                    char **argv, aep_error *err);
void aep__args_done(struct aep__args *args);

bool aep__args_given(const struct aep__args *args, const char *name);
/** The value given last; NULL: not given, or without a value. */
const char *aep__args_text(const struct aep__args *args, const char *name);
/** The value as a whole number from min to max; *ret unchanged if there is none.
 * Errors: AEP_EINVAL names the option. */
int aep__args_int(const struct aep__args *args, const char *name, int64_t min, int64_t max,
                  int64_t *ret, aep_error *err);
/** The value as milliseconds: "500", "500ms", "5s", "2min"; with a min of -1 also that.
 * Errors: AEP_EINVAL names the option. */
int aep__args_ms(const struct aep__args *args, const char *name, int min, int *ret, aep_error *err);
/** A new configuration from --set, with spool.dir from --spool, made absolute.
 * Errors: AEP_EINVAL, AEP_ECONFIG, AEP_ESPOOL (--spool cannot be looked at), AEP_ENOMEM. */
int aep__args_config(const struct aep__args *args, aep_config **ret, aep_error *err);

#endif
