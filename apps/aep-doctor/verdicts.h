/* SPDX-License-Identifier: Apache-2.0 */
/* What the doctor found: the verdicts of each step, with a remedy and details below. They are shown
 * as they come, or with --json all at the end.
 *
 *     begin step ─▶ verdict ─▶ remedy, detail … ─▶ verdict … ─▶ begin step … ─▶ finish
 *
 * Text from elsewhere (a broker's error, a path) may contain anything, so it is made plain before
 * it is shown. */
#ifndef AEP_DOCTOR_VERDICTS_H
#define AEP_DOCTOR_VERDICTS_H

#include "base/buf.h"

#include <stdbool.h>

enum aep__grade {
    AEP__GRADE_FINE,
    AEP__GRADE_SKIPPED, /* could not or need not be looked at */
    AEP__GRADE_UNKNOWN, /* looked at, but that did not tell */
    AEP__GRADE_WARNING,
    AEP__GRADE_FAILED,
    AEP__GRADE_COUNT,
};

struct aep__verdicts {
    bool json, colour, utf8;
    int columns; /* of the terminal; 0: none */
    unsigned counts[AEP__GRADE_COUNT];
    const char *step; /* static */
    bool open;        /* a verdict has begun and was not shown yet */
    enum aep__grade grade;
    struct aep__buf text, remedy, details; /* details: a line each */
    struct aep__buf out;
};

void aep__verdicts_begin(struct aep__verdicts *verdicts, bool json);
void aep__verdicts_step(struct aep__verdicts *verdicts, const char *step);
void aep__verdict(struct aep__verdicts *verdicts, enum aep__grade grade, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Of the verdict that was given last. */
void aep__verdict_remedy(struct aep__verdicts *verdicts, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void aep__verdict_detail(struct aep__verdicts *verdicts, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Shows the rest and the sum; frees everything. Returns enum aep__exit. */
int aep__verdicts_finish(struct aep__verdicts *verdicts);

#endif
