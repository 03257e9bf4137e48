/* SPDX-License-Identifier: Apache-2.0 */
/* aep-topics: lists and creates topics. Run by `aep topics`, whose tables (apps/aep/topics.c) say
 * what it takes; this program brings the functions to them.
 *
 *     which topics (operands, else those of the four kinds) ─▶ contact ─▶ list | create */
#include "aep/out.h"
#include "aep/verbs.h"
#include "topics.h"

int main(int argc, char **argv)
{
    static const struct aep__runner runners[] = {
        {&aep__verb_topics_list, aep__topics_list},
        {&aep__verb_topics_create, aep__topics_create},
        {NULL, NULL},
    };
    aep__out_guard();
    return aep__verb_main(&aep__verb_topics, aep__verb_topics.name, argv + (argc > 0), runners);
}
