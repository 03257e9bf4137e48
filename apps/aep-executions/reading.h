/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs begin with: a tracker that has read what was published so far, its store, and how to
 * write for this terminal. */
#ifndef AEP_EXECUTIONS_READING_H
#define AEP_EXECUTIONS_READING_H

#include "aep/options.h"
#include "track/row.h"
#include "track/store.h"

struct aep__reading {
    aep_config *config;
    struct aep__store *store;
    struct aep__view view;
    struct aep__row_fields fields;
    int wait_ms; /* how long what is published may take to be seen */
    bool json;
    unsigned width; /* of the terminal; 0: none */
    bool colour, utf8;
    const char *mark; /* of what was cut */
};

/** Opens it by --wait, --json and --set. Reports on stderr where the tracker did not get far enough.
 * Close it also after an error. Errors: AEP_EINVAL; the configuration's, the tracker's and the store's
 */
int aep__reading_open(struct aep__reading *reading, const struct aep__args *args, aep_error *err);
void aep__reading_close(struct aep__reading *reading);

#endif
