/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

const struct aep__verb *const aep__verbs[] = {
    &aep__verb_publish,
    &aep__verb_run,
    &aep__verb_tail,
    &aep__verb_status,
    &aep__verb_flush,
    &aep__verb_dead,
    &aep__verb_spool,
    &aep__verb_relay,
    &aep__verb_doctor,
    &aep__verb_topics,
    &aep__verb_validate,
    &aep__verb_policy,
    &aep__verb_schema,
    &aep__verb_config,
    &aep__verb_id,
    &aep__verb_help,
    NULL,
};
