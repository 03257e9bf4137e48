/* SPDX-License-Identifier: Apache-2.0 */
/* Where each agent keeps its hooks, and what ours look like there. A new agent is a row in place.c. */
#ifndef AEP_HOOK_SETUP_PLACE_H
#define AEP_HOOK_SETUP_PLACE_H

#include "aep/aep.h"
#include "hook/agent.h"
#include "hook/setup/settings.h"

#include <limits.h>

struct aep__hook_place {
    const char *variable; /* of the environment, that names another place; NULL: there is none */
    const char *below;    /* the folder below that variable's value, with its "/" */
    const char *folder;   /* the folder below the home folder */
    const char *file;     /* in the folder */
    const char
        *entry;   /* of an event, JSON on one line; @program and @command are strings, @event is
                             the event's name in a command; NULL: the file is a program of ours */
    bool version; /* the file needs "version": 1 */
    const char *advice;  /* what else is to be done after an installation; NULL: nothing */
    const char *oldest;  /* the oldest version that can have them; NULL: any */
    const char *command; /* that tells its version */
};

extern const struct aep__hook_place aep__hook_places[AEP__HOOK_AGENTS];

/** The agent's folder: absolute, not resolved.
 * Errors: AEP_ECONFIG neither HOME nor the variable is set */
int aep__hook_place_folder(enum aep__hook_agent_id id, char folder[PATH_MAX], aep_error *err);
/** The file with its hooks. Errors as above. */
int aep__hook_place_file(enum aep__hook_agent_id id, char path[PATH_MAX], aep_error *err);

/** What is to stand there, calling this program (absolute). Free set->texts.
 * Errors: AEP_ENOMEM */
int aep__hook_place_set(enum aep__hook_agent_id id, const char *program,
                        struct aep__hook_wanted *set, aep_error *err);

/** The path by which hooks call this program: one in PATH that stays when a new version is installed, else
 * where it is. Errors: AEP_EIO */
int aep__hook_program(char path[PATH_MAX], aep_error *err);

#endif
