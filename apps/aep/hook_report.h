/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of our hooks in one agent: where they are, whether they can run, what came of them. For
 * `aep hook status` and `aep doctor`. */
#ifndef AEP_APP_HOOK_REPORT_H
#define AEP_APP_HOOK_REPORT_H

#include "hook/log.h"
#include "hook_setup.h"

struct aep__hook_report {
    enum aep__hook_agent_id id;
    char path[PATH_MAX]; /* of the settings; "": not known */
    size_t hooks;        /* ours in there */
    bool current;        /* they are what this version installs */
    aep_error problem;   /* code AEP_OK: the settings could be read */
    struct aep__buf program;
    bool program_gone;          /* the program that they call is not there any more */
    bool plugin;                /* the agent has a plugin with our hooks, too */
    struct aep__buf version;    /* of that program; empty: not known */
    struct aep__buf off;        /* what keeps them from running, a line each */
    struct aep__hook_seen seen; /* in all spools together */
};

/** Fills it; free with aep__hook_report_done(). Errors are part of it. */
void aep__hook_report_make(struct aep__hook_report *report, enum aep__hook_agent_id id,
                           const struct aep__hook_choice *choice, const struct aep__args *args);
void aep__hook_report_done(struct aep__hook_report *report);
/** Appends, a line each, what is to be done so that they work; nothing where all is well. */
void aep__hook_report_faults(const struct aep__hook_report *report, struct aep__buf *out);

#endif
