/* SPDX-License-Identifier: Apache-2.0 */
/* An execution as the tracker knows it: what its events add up to. One table says what it consists of;
 * the stores' columns and the rows of `aep list --json` are made from that table.
 *
 * Its state is no part of it: that depends on the clock (state.h). */
#ifndef AEP_TRACK_TRACKED_H
#define AEP_TRACK_TRACKED_H

#include "aep/aep.h"
#include "track/observation.h"
#include "track/order.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEP__NEVER_US INT64_MAX
#define AEP__UNKNOWN_US INT64_MIN
#define AEP__TEXT_MAX 2048 /* bytes of a text in a row; "…" marks one that was cut */

/** Whether, and how, it has ended. */
enum aep__ending {
    AEP__ENDING_OPEN,
    AEP__ENDING_COMPLETED,
    AEP__ENDING_FAILED,
    AEP__ENDING_ABANDONED, /* an inferred event says so, and nothing came after it */
};

/* X(name, TYPE): TEXT is char * (NULL: unknown), TIME int64_t (microseconds since 1970;
 * AEP__UNKNOWN_US), REAL double (NAN: unknown), COUNT and FLAG int64_t. */
#define AEP__TRACKED_MEMBERS(X)                                                                    \
    X(id, TEXT)                                                                                    \
    X(tenant_id, TEXT)                                                                             \
    X(correlation_id, TEXT)                                                                        \
    X(agent_name, TEXT)                                                                            \
    X(source, TEXT)                                                                                \
    X(session_id, TEXT)                                                                            \
    X(user_request, TEXT)                                                                          \
    X(parent_named, TEXT) /* the event or execution that caused it; NULL: none */                  \
    X(parent_id, TEXT)    /* the execution that it names; what was named, until it is known */     \
    X(parent_known, FLAG)                                                                          \
    X(cut_from, TEXT) /* the parent that it would have, were that not below it */                  \
    X(root_id, TEXT)                                                                               \
    X(depth, COUNT)                                                                                \
    X(started_at, TIME)                                                                            \
    X(ended_at, TIME)                                                                              \
    X(last_event_at, TIME)                                                                         \
    X(duration_ms, REAL)                                                                           \
    X(told_duration_ms, REAL) /* by the terminal event */                                          \
    X(current_step, TEXT)                                                                          \
    X(progress_percent, REAL)                                                                      \
    X(steps_completed, REAL)                                                                       \
    X(steps_total, REAL)                                                                           \
    X(tool, TEXT)     /* that is in use */                                                         \
    X(waiting, COUNT) /* enum aep__waiting */                                                      \
    X(waiting_since, TIME)                                                                         \
    X(error_code, TEXT)                                                                            \
    X(error_type, TEXT)                                                                            \
    X(error_message, TEXT)                                                                         \
    X(result_summary, TEXT)                                                                        \
    X(children, COUNT) /* direct ones */                                                           \
    X(open_children, COUNT)                                                                        \
    X(events, COUNT)                                                                               \
    X(fate, COUNT)       /* enum aep__fate: the worst of its events' */                            \
    X(fate_count, COUNT) /* how many of its events have that one */                                \
    X(outcome, COUNT)    /* enum aep__ending */                                                    \
    X(partial, FLAG)     /* its started event is not known */                                      \
    X(inferred, FLAG)    /* something other than the agent reported its end */                     \
    X(conflict, FLAG)    /* two explicit ends */                                                   \
    X(skew, FLAG)                                                                                  \
    X(expect_within_s, REAL) /* by its latest event: how long it may be silent */                  \
    X(quiet_since, TIME)     /* the latest event of itself and its descendants */                  \
    X(patience_us, COUNT)    /* how much silence is not too much */                                \
    X(usual_us, COUNT)       /* the 99th percentile of its agent's gaps; 0: too few are known */   \
    X(stalls_at, TIME)       /* when its silence, and its descendants', is too long */             \
    X(abandons_at, TIME)                                                                           \
    X(pinned, FLAG)     /* retention leaves it alone */                                            \
    X(emptied_at, TIME) /* when retention dropped its events' bodies: its facts are fixed */       \
    X(change, COUNT)    /* the number of its last change in the store */

enum aep__member_type {
    AEP__MEMBER_TEXT,
    AEP__MEMBER_TIME,
    AEP__MEMBER_REAL,
    AEP__MEMBER_COUNT,
    AEP__MEMBER_FLAG,
};

#define AEP__C_TEXT char *
#define AEP__C_TIME int64_t
#define AEP__C_REAL double
#define AEP__C_COUNT int64_t
#define AEP__C_FLAG int64_t
#define AEP__TRACKED_DECLARE(name, TYPE) AEP__C_##TYPE name;

/** Which event the present value of something came from: a later one replaces it. */
enum aep__origin {
    AEP__ORIGIN_STARTED,
    AEP__ORIGIN_LAST, /* of all its events */
    AEP__ORIGIN_SOURCE,
    AEP__ORIGIN_STEP,
    AEP__ORIGIN_PERCENT,
    AEP__ORIGIN_COMPLETED,
    AEP__ORIGIN_TOTAL,
    AEP__ORIGIN_TOOL,
    AEP__ORIGIN_PROGRESS,
    AEP__ORIGIN_END, /* the terminal event in effect */
    AEP__ORIGIN_COUNT,
};

/** Where a member is in aep__tracked_members. */
enum aep__tracked_at {
#define AEP__TRACKED_ONE(name, TYPE) AEP__TRACKED_AT_##name,
    AEP__TRACKED_MEMBERS(AEP__TRACKED_ONE)
#undef AEP__TRACKED_ONE
};

struct aep__tracked {
    AEP__TRACKED_MEMBERS(AEP__TRACKED_DECLARE)
    struct aep__order origins[AEP__ORIGIN_COUNT];
    bool mixed_ends;     /* its explicit ends have no numbers of one spool */
    bool session_of_end; /* session_id is that of the event that ended it */
    bool failed;         /* out of memory: its texts are not all there */
};

/** Whether its events cannot be folded again, since their bodies are gone. */
static inline bool aep__tracked_is_emptied(const struct aep__tracked *execution)
{
    return execution->emptied_at != AEP__UNKNOWN_US;
}

struct aep__tracked_member {
    const char *name;
    enum aep__member_type type;
    size_t offset; /* in struct aep__tracked */
};
#define AEP__TRACKED_MEMBER_ONE(name, TYPE) +1
#define AEP__TRACKED_MEMBER_COUNT (0 AEP__TRACKED_MEMBERS(AEP__TRACKED_MEMBER_ONE))
extern const struct aep__tracked_member aep__tracked_members[AEP__TRACKED_MEMBER_COUNT];

/** Everything unknown. */
void aep__tracked_init(struct aep__tracked *execution);
/** Frees its texts; init makes it usable again. */
void aep__tracked_done(struct aep__tracked *execution);
/** Sets one of its texts, cut to AEP__TEXT_MAX; data NULL: unknown. */
void aep__tracked_set_text(struct aep__tracked *execution, char **text, struct aep__slice value);
/** A copy of a name or an id as rows have it, no longer than AEP__TEXT_MAX; one that had to be cut has a
 * digest of its whole in it, so that two are never taken for one. NULL: out of memory. */
char *aep__tracked_name(struct aep__slice value);
void aep__tracked_set_name(struct aep__tracked *execution, char **name, struct aep__slice value);
/** Makes *to, which is initialised, the same; to->failed: out of memory. */
void aep__tracked_copy(struct aep__tracked *to, const struct aep__tracked *from);
/** Whether all that is known of both is the same; the number of their last change may differ. */
bool aep__tracked_equal(const struct aep__tracked *one, const struct aep__tracked *other);
/** Its origins as bytes, for a store, and back. False: they are no origins. */
#define AEP__ORIGINS_BYTES (1 + AEP__ORIGIN_COUNT * 24)
void aep__tracked_pack_origins(const struct aep__tracked *execution,
                               char bytes[AEP__ORIGINS_BYTES]);
bool aep__tracked_unpack_origins(struct aep__tracked *execution, const char *bytes, size_t len);

#endif
