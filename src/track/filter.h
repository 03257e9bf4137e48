/* SPDX-License-Identifier: Apache-2.0 */
/* A filter: which executions are meant, in words as on GitHub:
 *
 *     state:stalled agent:build* tenant:a session:ID correlation:ID parent:ID since:1h until:10min text
 *
 * Words of one name are alternatives (state:failed state:stalled), words of different names all hold.
 * A text without a name is searched in request, agent, step and error, without case. */
#ifndef AEP_TRACK_FILTER_H
#define AEP_TRACK_FILTER_H

#include "aep/aep.h"
#include "base/buf.h"
#include "track/state.h"

#include <stdbool.h>
#include <stdint.h>

#define AEP__FILTER_VALUES 16 /* of one name */

enum aep__filter_name {
    AEP__FILTER_AGENT, /* may hold * */
    AEP__FILTER_TENANT,
    AEP__FILTER_SESSION,
    AEP__FILTER_CORRELATION,
    AEP__FILTER_PARENT, /* the id of a known one: its direct children */
    AEP__FILTER_TEXT,   /* all of them hold */
    AEP__FILTER_NAME_COUNT,
};

struct aep__filter {
    unsigned states;  /* a bit for each enum aep__state; 0: all */
    int64_t since_us; /* the latest event was then or later; INT64_MIN: whenever */
    int64_t until_us; /* the latest event was then or earlier; INT64_MAX: whenever */
    bool roots;       /* none that has a known parent */
    struct aep__filter_values {
        char *values[AEP__FILTER_VALUES];
        unsigned count;
    } values[AEP__FILTER_NAME_COUNT];
};

void aep__filter_init(struct aep__filter *filter);
void aep__filter_done(struct aep__filter *filter);
/** Adds a word.
 * @now_us  what since: counts back from
 * Errors: AEP_EINVAL names the nearest known word; AEP_ENOMEM */
int aep__filter_add(struct aep__filter *filter, const char *word, int64_t now_us, aep_error *err);
/** The words for completion, with blanks between: "state:completed state:failed … agent: tenant: …". */
void aep__filter_words(struct aep__buf *out);

#endif
