/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the executions of those who are gone: see departed.h. */
#ifndef AEP_RELAY_JUDGEMENT_H
#define AEP_RELAY_JUDGEMENT_H

struct aep__relay;

/** Declares what is to be declared, and removes the files in which nothing is open any more. What could
 * not be done sets departed->pending. */
void aep__judge(struct aep__relay *relay);

#endif
