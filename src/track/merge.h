/* SPDX-License-Identifier: Apache-2.0 */
/* A merge: what has been fetched of several partitions, taken in the order of its time. The events of an
 * execution are in several topics; each that is read before its started event is folded twice.
 *
 *     fetched ─▶ a lane for each partition ─▶ the oldest of their first items
 *
 * Nothing may depend on that order: a lane that is behind its end but empty is waited for, but only for
 * AEP__MERGE_WAIT_US, and not if all lanes together hold as much as they may.
 *
 * What is held is bounded. Each lane that is behind has an even share; a full one wants nothing until half of
 * its share has been taken. From then on one that is at its end wants nothing either, until none is behind: a
 * server that is asked for news of it would keep the answer, and whatever is asked for after it, until there are
 * any. */
#ifndef AEP_TRACK_MERGE_H
#define AEP_TRACK_MERGE_H

#include "track/observation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEP__MERGE_WAIT_US 1000000

/** What a partition has at an offset. Made by aep__merge_item(), freed by free(). */
struct aep__merge_item {
    struct aep__merge_item *next;
    int64_t offset, stamp; /* milliseconds */
    bool end;              /* no event: the partition ends before the offset */
    struct aep__sequence sequence;
    size_t size, kept; /* bytes of the event, and how many of them follow */
    char value[];
};
/** Copies `kept` bytes of a value; the rest is zero. NULL: out of memory. */
struct aep__merge_item *aep__merge_item(const void *value, size_t kept);

/** A partition's part of it. */
struct aep__lane {
    struct aep__merge_item *first, *last;
    unsigned rank;  /* among items of one time the lowest goes first */
    int64_t next;   /* the offset after its last item */
    int64_t end;    /* where the partition ends, as far as is known */
    int64_t dry_us; /* monotonic: since when it is waited for; 0: it is not */
    size_t held;    /* bytes */
    bool full;
    bool wanted; /* more is to be fetched, as of the last plan */
};

/** Zero it, and set what it may hold. */
struct aep__merge {
    size_t held_max;
    size_t held; /* bytes, of all lanes */
    struct aep__lane **lanes;
    size_t count, full; /* lanes; those that are full */
    size_t share;       /* bytes of a lane */
    bool rests;         /* nothing is fetched of lanes that are at their end */
};
void aep__merge_done(struct aep__merge *merge);

/** Adds a lane, whose first item is not before an offset. NULL: out of memory. */
struct aep__lane *aep__merge_open(struct aep__merge *merge, unsigned rank, int64_t next);
/** Removes it, with all that it holds; NULL: does nothing. */
void aep__merge_close(struct aep__merge *merge, struct aep__lane *lane);
/** Adds an item, which is the lane's from then on. */
void aep__merge_add(struct aep__merge *merge, struct aep__lane *lane, struct aep__merge_item *item);
/** Takes what comes next, and sets whose it was. NULL: nothing for now. */
struct aep__merge_item *aep__merge_take(struct aep__merge *merge, int64_t now_us,
                                        struct aep__lane **ret_lane);
/** Finds which lanes want more. */
void aep__merge_plan(struct aep__merge *merge);
bool aep__merge_is_full(const struct aep__merge *merge);

#endif
