/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a host and port can be reached: names resolved, each address connected to, with times. */
#ifndef AEP_DOCTOR_NET_H
#define AEP_DOCTOR_NET_H

#include "base/buf.h"

#include <stdbool.h>

struct aep__reach {
    bool resolved, reached;
    double best_ms;       /* of the quickest connection */
    struct aep__buf text; /* a line an address: "192.0.2.1: connected in 0.3 ms" */
};

/** Tries all addresses, each at most timeout_ms (looking up names waits as long as the system's
 * resolver does). Free with aep__reach_done().
 * @family  AF_UNSPEC, AF_INET or AF_INET6 */
void aep__reach_try(struct aep__reach *reach, const char *host, const char *port, int family,
                    int timeout_ms);
void aep__reach_done(struct aep__reach *reach);

#endif
