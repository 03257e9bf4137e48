/* SPDX-License-Identifier: Apache-2.0 */
/* The roll: which executions are open, and whose they are, so that one whose process is gone can still
 * be ended. One file per process in the folder "open":
 *
 *     unit 0   the process: boot, namespaces, number, start, name
 *     unit 1…  an execution each; one with a long agent name takes several
 *
 *     a unit   0       96        192       288             1024
 *              | owner | another | relay   | body …        |
 *
 *     owner    STARTING ─▶ OPEN ─▶ ENDING ─▶ FREE        (or JOINED ─▶ FREE)
 *     another  FREE ─▶ ENDING ─▶ ENDED                    a forked child, or `aep publish`
 *     relay    FREE ─▶ FOUND, or ─▶ DECLARING ─▶ DECLARED
 *
 * Each of the three areas has one writer, who writes it with one pwrite(2), with its own CRC; it names
 * the execution that it speaks of, and says nothing of another one that has taken the unit since. So
 * nobody needs a lock. A STARTING, an ENDING and a DECLARING come before the append of an event, and
 * bear its id and a position that it cannot stand before: whoever finds one knows where to look for it.
 * Before a segment is removed it is searched for them (aep__roll_release()).
 *
 * What is in the body never changes. It holds no text that was not redacted. */
#ifndef AEP_SPOOL_ROLL_H
#define AEP_SPOOL_ROLL_H

#include "spool/roll_file.h"

/* ---- an execution ---- */

enum aep__roll_state {
    AEP__ROLL_FREE,
    AEP__ROLL_STARTING,
    AEP__ROLL_STARTED, /* open */
    AEP__ROLL_ENDING,
    AEP__ROLL_ENDED,
    AEP__ROLL_JOINED, /* a process that publishes for another one's execution; without a body */
    AEP__ROLL_FOUND,  /* the event of a STARTING or ENDING is in the spool */
    AEP__ROLL_DECLARING,
    AEP__ROLL_DECLARED,
    AEP__ROLL_STATES,
};

enum aep__roll_writer { AEP__ROLL_OWNER, AEP__ROLL_ANOTHER, AEP__ROLL_RELAY, AEP__ROLL_WRITERS };

struct aep__roll_area {
    enum aep__roll_state state;
    bool released;       /* the owner's: it has no handle any more, and published no end */
    bool ended_well;     /* the owner's: should its process be gone, it is completed, not failed */
    uint32_t body_bytes; /* the owner's */
    uint8_t execution[16]; /* the id of its started event */
    uint8_t event[16];     /* of the event that is about to be appended, or was found */
    aep_position from;     /* where to look for that */
    int64_t at_us;         /* DECLARING: when, on the wall clock; */
    int64_t lasted_us;     /* and how long the execution had been open by then */
};

struct aep__roll_entry {
    uint32_t unit;
    struct aep__roll_area areas[AEP__ROLL_WRITERS]; /* of the owner's execution: others' are FREE */
};

enum aep__roll_text {
    AEP__ROLL_SETTINGS, /* members of the envelope that settings decide, as in its JSON */
    AEP__ROLL_CORRELATION_ID,
    AEP__ROLL_SESSION_ID,
    AEP__ROLL_AGENT_NAME, /* a JSON string */
    AEP__ROLL_TRACEPARENT,
    AEP__ROLL_TRACESTATE,
    AEP__ROLL_ENVIRONMENT,
    AEP__ROLL_TEXTS,
};

/** What the end of an execution takes from its start. */
struct aep__roll_body {
    int64_t started_us;      /* wall clock, the started event's timestamp */
    int64_t started_mono_us; /* of this boot */
    bool single_topic, cloudevents;
    struct aep__slice texts[AEP__ROLL_TEXTS];
};

/** The number of units of an entry with this body. */
uint32_t aep__roll_units(size_t body_bytes);
/** Appends a body. */
void aep__roll_encode_body(struct aep__buf *out, const struct aep__roll_body *body);
/** Writes a new entry: the owner's area, the others' FREE, and the body. 0, or -1 with errno. */
int aep__roll_write(int fd, uint32_t unit, const struct aep__roll_area *area,
                    const struct aep__buf *body);
/** Writes one area. 0, or -1 with errno. */
int aep__roll_mark(int fd, uint32_t unit, enum aep__roll_writer writer,
                   const struct aep__roll_area *area);
/** Reads the areas of the entry that begins at a unit. 1: read; 0: there is none; -1 with errno: EBADMSG
 * the owner's area is damaged, ENODATA the file ends before. */
int aep__roll_read(int fd, uint32_t unit, struct aep__roll_entry *ret);
/** Reads its body, whose texts lie in buf. 0; -1 with errno: EBADMSG damaged, ENOMEM */
int aep__roll_read_body(int fd, const struct aep__roll_entry *entry, struct aep__buf *buf,
                        struct aep__roll_body *ret);

/** Calls fn for each entry of a file. damaged: how many could not be read. 0, or -1 with errno. */
typedef void (*aep__roll_entry_fn)(void *user, const struct aep__roll_entry *entry);
int aep__roll_entries(int fd, aep__roll_entry_fn fn, void *user, unsigned *ret_damaged);

/** What an entry says of its execution. */
enum aep__roll_standing {
    AEP__ROLL_IS_OVER,    /* it never began, has ended, or has been declared */
    AEP__ROLL_IS_OPEN,    /* nobody has begun to end it */
    AEP__ROLL_IS_UNKNOWN, /* the event of *ret_area is in the spool, or not */
    AEP__ROLL_IS_JOINED,
};
enum aep__roll_standing aep__roll_standing(const struct aep__roll_entry *entry,
                                           const struct aep__roll_area **ret_area);
/** Whether it is open, as far as is known without a look into the spool. */
bool aep__roll_is_open(const struct aep__roll_entry *entry);

#endif
