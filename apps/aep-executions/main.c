/* SPDX-License-Identifier: Apache-2.0 */
/* aep-executions: what the tracker knows, for people and programs. Run by `aep list`, `aep show`,
 * `aep watch` and `aep pin`, whose tables (apps/aep/executions.c) say what they take; this program brings the functions to them.
 *
 *     a tracker lives, and has read what was published so far ─▶ its store, read only ─▶ list | show | watch */
#include "aep/out.h"
#include "aep/verbs.h"
#include "executions.h"

int main(int argc, char **argv)
{
    static const struct aep__verb *const verbs[] = {&aep__verb_list, &aep__verb_show,
                                                    &aep__verb_watch, &aep__verb_pin, NULL};
    static const struct aep__runner runners[] = {
        {&aep__verb_list, aep__executions_list},
        {&aep__verb_show, aep__executions_show},
        {&aep__verb_watch, aep__executions_watch},
        {&aep__verb_pin, aep__executions_pin},
        {NULL, NULL},
    };
    aep__out_guard();
    const struct aep__verb *verb = argc > 1 ? aep__verb_find(verbs, argv[1]) : NULL;
    if (!verb)
        return aep__verb_refuse(argc > 1 ? argv[1] : "");
    return aep__verb_main(verb, verb->name, argv + 2, runners);
}
