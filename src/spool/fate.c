/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/fate.h"

#include <string.h>

static const struct {
    const char *word;
    int code;            /* what a wait returns, and */
    const char *awaited; /* the word for it; NULL: no wait returns it */
    const char *answer;
} rows[] = {
    [AEP__FATE_ON_DISK] = {"spooled", AEP_EDEFERRED, "deferred", NULL},
    [AEP__FATE_ACKED] = {"acked", AEP_OK, "acked", "acked"},
    [AEP__FATE_PARKED] = {"parked", AEP_EPARKED, "parked", "parked"},
    [AEP__FATE_DEAD] = {"dead", AEP_EDEAD, "dead", "dead"},
    [AEP__FATE_PURGED] = {"purged", AEP_ESPOOL, NULL, "error purged"},
    [AEP__FATE_LOST] = {"lost", AEP_ESPOOL, NULL, "error lost"},
};

_Static_assert(sizeof rows / sizeof *rows == AEP__FATE_COUNT, "each fate has a row");

const char *aep__fate_word(enum aep__fate fate)
{
    return rows[fate].word;
}

const char *aep__fate_answer(enum aep__fate fate)
{
    return rows[fate].answer;
}

int aep__fate_code(const char *answer)
{
    for (int fate = 0; fate < AEP__FATE_COUNT; fate++)
        if (rows[fate].answer && strcmp(rows[fate].answer, answer) == 0)
            return rows[fate].code;
    return AEP_ERELAY;
}

const char *aep_fate_name(int code)
{
    for (int fate = 0; fate < AEP__FATE_COUNT; fate++)
        if (rows[fate].awaited && rows[fate].code == code)
            return rows[fate].awaited;
    return NULL;
}
