/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus' text format, and the metrics of the local spools in it. */
#ifndef AEP_SERVE_PROMETHEUS_H
#define AEP_SERVE_PROMETHEUS_H

#include "base/buf.h"

void aep__prometheus_head(struct aep__buf *out, const char *name, const char *type,
                          const char *help);
/** A sample: begin, labels, value. */
void aep__prometheus_begin(struct aep__buf *out, const char *name);
void aep__prometheus_label(struct aep__buf *out, const char *name, const char *value);
void aep__prometheus_value(struct aep__buf *out, double value);
void aep__prometheus_number(struct aep__buf *out, double number);

/** Appends how much waits in each spool, what has become of the rest, and its broker.
 * @paths  of the spools, each with a NUL */
void aep__prometheus_spools(struct aep__buf *out, const struct aep__buf *paths);

#endif
