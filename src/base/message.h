/* SPDX-License-Identifier: Apache-2.0 */
/* A message as the broker will see it: what an event becomes and what a spool record holds. */
#ifndef AEP_BASE_MESSAGE_H
#define AEP_BASE_MESSAGE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define AEP__HEADERS_MAX 48 /* of a record; the relay adds one */

struct aep__header {
    struct aep__slice name, value;
};

/* All slices are borrowed from whoever filled it in. */
struct aep__message {
    struct aep__slice topic;
    struct aep__slice key; /* data NULL: no key */
    int64_t timestamp_ms;  /* since 1970 */
    struct aep__header headers[AEP__HEADERS_MAX + 1];
    size_t header_count;
    struct aep__slice value;
};

#endif
