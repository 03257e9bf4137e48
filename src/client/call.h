/* SPDX-License-Identifier: Apache-2.0 */
/* What every public call does first and last: it preserves the caller's errno, and defers
 * pthread_cancel() until after the call, so that no thread is cancelled while it holds a mutex. */
#ifndef AEP_CLIENT_CALL_H
#define AEP_CLIENT_CALL_H

#include <errno.h>
#include <pthread.h>

struct aep__call {
    int saved_errno;
    int cancel_state;
};

static inline struct aep__call aep__call_begin(void)
{
    struct aep__call call = {.saved_errno = errno};
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &call.cancel_state);
    return call;
}

/** Returns code, for `return aep__call_end(call, code);` */
static inline int aep__call_end(struct aep__call call, int code)
{
    pthread_setcancelstate(call.cancel_state, NULL);
    errno = call.saved_errno;
    return code;
}

#endif
