/* SPDX-License-Identifier: Apache-2.0 */
/* libpq, loaded when the first store in PostgreSQL is opened: it takes 5 ms, for which nobody who keeps
 * executions in SQLite has to wait, and it need not be installed then. */
#ifndef AEP_TRACK_STORE_POSTGRES_LIBRARY_H
#define AEP_TRACK_STORE_POSTGRES_LIBRARY_H

#include "aep/aep.h"

#include <libpq-fe.h>

/* Without PQ before them. */
#define AEP__PQ_FUNCTIONS(X)                                                                       \
    X(clear)                                                                                       \
    X(cmdTuples)                                                                                   \
    X(conndefaults)                                                                                \
    X(connectPoll)                                                                                 \
    X(connectStartParams)                                                                          \
    X(connectionNeedsPassword)                                                                     \
    X(conninfoFree)                                                                                \
    X(conninfoParse)                                                                               \
    X(enterPipelineMode)                                                                           \
    X(errorMessage)                                                                                \
    X(exec)                                                                                        \
    X(exitPipelineMode)                                                                            \
    X(finish)                                                                                      \
    X(ftype)                                                                                       \
    X(getResult)                                                                                   \
    X(getisnull)                                                                                   \
    X(getlength)                                                                                   \
    X(getvalue)                                                                                    \
    X(ntuples)                                                                                     \
    X(parameterStatus)                                                                             \
    X(pipelineStatus)                                                                              \
    X(pipelineSync)                                                                                \
    X(resultErrorField)                                                                            \
    X(resultErrorMessage)                                                                          \
    X(resultStatus)                                                                                \
    X(sendPrepare)                                                                                 \
    X(sendQueryParams)                                                                             \
    X(sendQueryPrepared)                                                                           \
    X(serverVersion)                                                                               \
    X(setErrorVerbosity)                                                                           \
    X(setNoticeReceiver)                                                                           \
    X(socket)                                                                                      \
    X(status)

struct aep__pq {
#define AEP__PQ_MEMBER(name) __typeof__(PQ##name) *name;
    AEP__PQ_FUNCTIONS(AEP__PQ_MEMBER)
#undef AEP__PQ_MEMBER
};
extern struct aep__pq aep__pq;

/** Loads it, if it is not. Errors: AEP_EIO says what to install */
int aep__pq_load(aep_error *err);

#endif
