/* SPDX-License-Identifier: Apache-2.0 */
/* Every verb, in the order in which help shows them. */
#ifndef AEP_APP_VERBS_H
#define AEP_APP_VERBS_H

#include "verb.h"

extern const struct aep__verb aep__verb_publish, aep__verb_run, aep__verb_tail, aep__verb_status,
    aep__verb_flush, aep__verb_dead, aep__verb_spool, aep__verb_relay, aep__verb_doctor,
    aep__verb_validate, aep__verb_policy, aep__verb_schema, aep__verb_config, aep__verb_topics,
    aep__verb_id, aep__verb_help, aep__verb_tracker, aep__verb_list, aep__verb_show,
    aep__verb_watch, aep__verb_pin, aep__verb_serve, aep__verb_hook;

/** All of them, ended by NULL. */
extern const struct aep__verb *const aep__verbs[];

/** The heading of the group that this one begins, in help; NULL: it begins none. */
const char *aep__verb_heading(const struct aep__verb *verb);

/** Runs a verb or the action of it that the first argument names.
 * @argv     what follows the verb's name, ended by NULL
 * @runners  for a program that runs the verbs of another one's table: their functions, ended by a
 *           NULL verb; NULL: each verb's own
 * Returns the exit status. */
struct aep__runner {
    const struct aep__verb *verb;
    int (*run)(struct aep__args *args);
};
int aep__verb_main(const struct aep__verb *verb, const char *name, char **argv,
                   const struct aep__runner *runners);

/** Reports that there is no such verb ("": none was typed) and which one may be meant. Returns
 * AEP__EXIT_USAGE. */
int aep__verb_refuse(const char *typed);

/** The actions of tracker, which aep-tracker runs. */
extern const struct aep__verb aep__verb_tracker_status, aep__verb_tracker_stop;
/** Actions of hook, which change the settings of coding agents. */
extern const struct aep__verb aep__verb_hook_install, aep__verb_hook_uninstall,
    aep__verb_hook_status;
/** The actions of topics, which aep-topics runs. */
extern const struct aep__verb aep__verb_topics_list, aep__verb_topics_create;

#endif
