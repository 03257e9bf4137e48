/* SPDX-License-Identifier: Apache-2.0 */
/* The answers: a function for each route (route.c). Each replies once (reply.h). */
#ifndef AEP_SERVE_ANSWER_H
#define AEP_SERVE_ANSWER_H

struct aep__call;

void aep__answer_list(struct aep__call *call);
void aep__answer_execution(struct aep__call *call);
void aep__answer_events(struct aep__call *call);
void aep__answer_tree(struct aep__call *call);
void aep__answer_counts(struct aep__call *call);
void aep__answer_facets(struct aep__call *call);
void aep__answer_stream(struct aep__call *call);
void aep__answer_openapi(struct aep__call *call);
void aep__answer_session(struct aep__call *call);
void aep__answer_metrics(struct aep__call *call);
void aep__answer_healthz(struct aep__call *call);
void aep__answer_readyz(struct aep__call *call);
void aep__answer_page(struct aep__call *call);
void aep__answer_asset(struct aep__call *call);

#endif
