/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include <stddef.h>

const struct aep__verb *const aep__verbs[] = {
    &aep__verb_publish, &aep__verb_run,     &aep__verb_hook,   &aep__verb_list,
    &aep__verb_show,    &aep__verb_watch,   &aep__verb_serve,  &aep__verb_tail,
    &aep__verb_status,  &aep__verb_doctor,  &aep__verb_config, &aep__verb_topics,
    &aep__verb_help,    &aep__verb_flush,   &aep__verb_dead,   &aep__verb_spool,
    &aep__verb_relay,   &aep__verb_tracker, &aep__verb_pin,    &aep__verb_validate,
    &aep__verb_policy,  &aep__verb_schema,  &aep__verb_id,     NULL,
};

static const struct {
    const struct aep__verb *first; /* of a group */
    const char *text;
} headings[] = {
    {&aep__verb_publish, "publish"},
    {&aep__verb_list, "watch"},
    {&aep__verb_doctor, "set up and diagnose"},
    {&aep__verb_flush, "what the relay otherwise does by itself"},
    {&aep__verb_validate, "tools for events"},
};

const char *aep__verb_heading(const struct aep__verb *verb)
{
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++) {
        if (headings[i].first == verb)
            return headings[i].text;
    }
    return NULL;
}
