/* SPDX-License-Identifier: Apache-2.0 */
/* A request's target (RFC 9112 §3.2.1, origin form): the parts of its path and the members of its
 * query, decoded. Nothing is repaired: a target that could be read in two ways is refused.
 *
 *     /api/v1/executions/a%2Fb?limit=5   parts "api" "v1" "executions" "a/b", query limit "5" */
#ifndef AEP_SERVE_REQUEST_H
#define AEP_SERVE_REQUEST_H

#include "aep/aep.h"
#include "base/buf.h"

#define AEP__REQUEST_PARTS 8
#define AEP__REQUEST_QUERY 64
#define AEP__TARGET_MAX 8192 /* bytes */

struct aep__request {
    const char *parts[AEP__REQUEST_PARTS];
    unsigned part_count;
    struct aep__request_member {
        const char *name, *value;
    } query[AEP__REQUEST_QUERY];
    unsigned query_count;
    struct aep__buf memory; /* of all of these */
};

/** Reads a target; what was read before is forgotten. Zero it before the first.
 * Errors: AEP_EINVAL says what is wrong with it; AEP_ENOMEM */
int aep__request_read(struct aep__request *request, const char *target, aep_error *err);
void aep__request_done(struct aep__request *request);

#endif
