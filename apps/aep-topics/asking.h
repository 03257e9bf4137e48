/* SPDX-License-Identifier: Apache-2.0 */
/* What both actions begin with: which topics are meant, and contact with Kafka. */
#ifndef AEP_TOPICS_ASKING_H
#define AEP_TOPICS_ASKING_H

#include "aep/options.h"
#include "kafka/admin.h"

#define AEP__ASKING_TIMEOUT_MS 10000

struct aep__asking {
    const struct aep__args *args; /* borrowed */
    aep_config *config;
    struct aep__admin *admin;
    const char **names; /* borrowed ones, ended by NULL */
    size_t count;
};

/** The topics are the operands, else those that the four kinds go to. Close it also after an error.
 * Errors: AEP_EINVAL, AEP_ECONFIG, AEP_ENOMEM; AEP_ESTATE no contact; the reason has been
 * reported */
int aep__asking_open(struct aep__asking *asking, const struct aep__args *args, aep_error *err);
void aep__asking_close(struct aep__asking *asking);

#endif
