/* SPDX-License-Identifier: Apache-2.0 */
/* Puts our hooks into an agent's settings and takes them out again. */
#ifndef AEP_HOOK_SETUP_SETUP_H
#define AEP_HOOK_SETUP_SETUP_H

#include "hook/setup/place.h"

#include <stdbool.h>

enum aep__setup_outcome {
    AEP__SETUP_CHANGED,
    AEP__SETUP_UNCHANGED, /* it is as it should be */
};

struct aep__setup {
    enum aep__setup_outcome outcome;
    char path[PATH_MAX];  /* of the file, links resolved; "": not known */
    bool kept;            /* the file as it was is in the backup */
    bool removed;         /* the file is not there any more */
    struct aep__buf diff; /* of a dry run */
};

/** Installs the hooks of an agent, or brings them up to date. Another program that changes the file at the
 * same time is noticed, and the file read again.
 * @program  what they call
 * @dry      changes nothing, fills ret->diff instead
 * Free ret->diff in any case. After an error nothing has changed.
 * Errors: AEP_EINVAL its text cannot be edited; AEP_ESTATE the file cannot be changed; AEP_ECONFIG it is
 * not known where it is; AEP_EIO, AEP_ENOMEM */
int aep__setup_install(enum aep__hook_agent_id id, const char *program, bool dry,
                       struct aep__setup *ret, aep_error *err);
/** Removes them. Errors as above. */
int aep__setup_uninstall(enum aep__hook_agent_id id, const char *program, bool dry,
                         struct aep__setup *ret, aep_error *err);
/** Appends what a person would paste into the file. */
void aep__setup_lines(enum aep__hook_agent_id id, const char *program, struct aep__buf *out);

/** What stands in an agent's file. Free look->program.
 * @ret_exists  there is a file
 * Errors as above */
int aep__setup_look(enum aep__hook_agent_id id, const char *program, char path[PATH_MAX],
                    bool *ret_exists, struct aep__hook_found *look, aep_error *err);

#endif
