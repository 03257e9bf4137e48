/* SPDX-License-Identifier: Apache-2.0 */
/* What answers begin with: the store, and the filter that the parameters stand for. */
#ifndef AEP_SERVE_FILTERING_H
#define AEP_SERVE_FILTERING_H

#include "serve/inside.h"
#include "serve/reply.h"
#include "serve/stream.h"

/** The store, and what the answer's ETag is; NULL: it has been replied why there is none. */
struct aep__store *aep__filtering_store(struct aep__call *call, char etag[AEP__ETAG_SIZE]);
/** Makes the filter that the parameters stand for; free it also after an error. */
int aep__filtering_read(const struct aep__call *call, struct aep__filter *ret, aep_error *err);
/** Replies with an error: 400 where the caller can mend it, else 503. */
void aep__filtering_fail(struct aep__call *call, const aep_error *err);

#endif
