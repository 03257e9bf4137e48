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

#include "base/os_process.h"
#include "spool/spool.h"

#define AEP__ROLL_FOLDER "open"
#define AEP__ROLL_NAME_SIZE 40
#define AEP__ROLL_UNIT_BYTES 1024

/* ---- files ---- */

/** Opens the folder; makes it if `make`. -1 with errno: ENOENT there is none; EPERM it is not ours. */
int aep__roll_folder(const struct aep__spool *spool, bool make);

enum aep__roll_kind {
    AEP__ROLL_OWN,       /* by the process itself */
    AEP__ROLL_ENTRUSTED, /* by another one for it: `aep publish started --pid` */
};
/** Makes a file for the executions of a process, and holds it. Returns its descriptor; -1 with errno.
 * @execution  of an ENTRUSTED file, which is named after it; else NULL */
int aep__roll_make(const struct aep__spool *spool, const struct aep__os_process *process,
                   enum aep__roll_kind kind, const uint8_t execution[16],
                   char name[AEP__ROLL_NAME_SIZE]);
void aep__roll_entrusted_name(const uint8_t execution[16], char name[AEP__ROLL_NAME_SIZE]);
bool aep__roll_is_entrusted(const char *name);
/** Opens one for reading and writing. -1 with errno */
int aep__roll_open(const struct aep__spool *spool, const char *name);
int aep__roll_remove(const struct aep__spool *spool, const char *name);
/** 1: read; 0: it has no valid first unit, as one that was just made; -1 with errno. */
int aep__roll_read_process(int fd, struct aep__os_process *ret, enum aep__roll_kind *ret_kind);
/** Whether somebody has a descriptor of it that was opened to own it. */
bool aep__roll_held(int fd);
/** To own it: as long as the descriptor is open, or a copy that a forked child has. False: somebody else
 * does. */
bool aep__roll_hold(int fd);

/** Calls fn for each file until it returns false. 0; -1 with errno (there is no folder: 0). */
typedef bool (*aep__roll_fn)(void *user, const char *name);
int aep__roll_each(const struct aep__spool *spool, aep__roll_fn fn, void *user);

/** Makes durable what was written since *since_us (wall clock; 0: all), and moves that on. 0, or -1
 * with errno of the first that failed. */
int aep__roll_sync(const struct aep__spool *spool, int64_t *since_us);

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
    bool released;         /* the owner's: it has no handle any more, and published no end */
    uint32_t body_bytes;   /* the owner's */
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
