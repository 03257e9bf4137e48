/* SPDX-License-Identifier: Apache-2.0 */
/* Recents: the executions that have been sent within the last quarter of a second. What changes about one
 * of them is held back until then.
 *
 *     oldest ─▶ … ─▶ newest        by when they were sent
 *     first_held ─▶ … ─▶ last_held  those of them that have changed since, by the number of the
 *                                   first change that has not been sent */
#ifndef AEP_SERVE_RECENT_H
#define AEP_SERVE_RECENT_H

#include <stdbool.h>
#include <stdint.h>

#define AEP__RECENT_BUCKETS 4096

struct aep__recent {
    struct aep__recent *next, *bucket_next, *held_previous, *held_next;
    int64_t sent_us; /* monotonic */
    int64_t held;    /* the number of the first change that has not been sent; 0: none */
    char id[];
};

struct aep__recents {
    struct aep__recent *oldest, *newest, *first_held, *last_held, *buckets[AEP__RECENT_BUCKETS];
};

/** Notes that one has been sent. */
void aep__recents_add(struct aep__recents *recents, const char *id);
/** Whether it is one of them: then it has changed, and that has not been sent.
 * @number  of the change, no less than that of any before */
bool aep__recents_hold(struct aep__recents *recents, const char *id, int64_t number);
/** Takes the oldest one out, to be freed; NULL: there is none, or its quarter of a second is not over. */
struct aep__recent *aep__recents_take(struct aep__recents *recents, int64_t now_us);
/** The number of the first change that has not been sent; 0: there is none. */
int64_t aep__recents_held(const struct aep__recents *recents);
/** When something is to be sent that is held back; INT64_MAX: nothing is. */
int64_t aep__recents_due_us(const struct aep__recents *recents);
void aep__recents_forget(struct aep__recents *recents);

#endif
