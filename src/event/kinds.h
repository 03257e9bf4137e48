/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the kinds: the members of its payload, in the order in which they are written, and
 * what it means to its execution and to the spool.
 *
 * The encoder, the validator, the JSON Schemas, the command line options, the bindings' tests and
 * the reference page all use it: add a member here and in its struct in aep.h, and nowhere else.
 * CONTRIBUTING.md says how to add a kind. */
#ifndef AEP_EVENT_KINDS_H
#define AEP_EVENT_KINDS_H

#include "aep/aep.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum aep__type {
    AEP__TYPE_TEXT,
    AEP__TYPE_TIME, /* RFC 3339 text */
    AEP__TYPE_ID,   /* correlation_id, session_id: not blank, at most 128 bytes, no controls */
    AEP__TYPE_NUMBER,
    AEP__TYPE_INTEGER, /* a whole number, at most 2^53 */
    AEP__TYPE_BOOL,
    AEP__TYPE_OBJECT, /* the caller's JSON text, like ARRAY and ANY */
    AEP__TYPE_ARRAY,
    AEP__TYPE_ANY,
};

/** The fallback for a member that was not given. */
enum aep__fallback {
    AEP__FALLBACK_NONE, /* absent; an error if it is required */
    AEP__FALLBACK_NOW,  /* the event's timestamp */
    AEP__FALLBACK_NEW_ID,
    AEP__FALLBACK_EMPTY_OBJECT,
};

struct aep__member_row {
    const char *name;
    const char *key; /* as written: "agent_name": with its quotes and colon */
    size_t key_len;
    enum aep__type type;
    enum aep__fallback fallback;
    bool required;        /* in every payload of the kind */
    bool request;         /* its text is left out with capture.request=off */
    double min, max;      /* of numbers */
    const char *at_least; /* the member that it must not be less than, or NULL */
    size_t offset; /* in the kind's public struct: const char *, or aep_number for numbers, bool */
    const char *option; /* its short name on the command line ("agent"), or NULL */
    const char *help;   /* one line, for help texts and the reference */
};

#define AEP__MEMBERS_MAX 14

struct aep__kind_row {
    const char *name;       /* "started" */
    const char *event_type; /* and topic in the default layout */
    const char *schema_ref;
    const char *macro; /* what makes its struct: "AEP_STARTED()" */
    const char *help;
    const struct aep__member_row *members;
    size_t member_count;
    size_t correlation; /* the index of correlation_id; */
    size_t session;     /* and of session_id; member_count: it has none */
    size_t struct_size;
    size_t link_offset; /* of causation_id in the public struct, before traceparent, tracestate */
    bool opens;         /* begins its execution: the first event, and no later one */
    bool terminal;      /* ends it: no event comes after it */
    bool reserved; /* may use the reserved part of a spool: it shows that an execution exists, or
                           how it ended */
};

/** The topic of all kinds with topic.layout=single. */
#define AEP__TOPIC_SINGLE "omninode.agent.execution.v1"

extern const struct aep__kind_row aep__kinds[]; /* AEP_KIND_COUNT of them */

/** For a table indexed by kind and declared without a size: checks that it has a row for the last
 * kind. */
#define AEP__KINDS_FULL(table)                                                                     \
    _Static_assert(sizeof(table) / sizeof *(table) == AEP_KIND_COUNT, #table " lacks a kind")

/** The kinds' names: "started progress …", for completion, and as words of a sentence. */
#define AEP__KIND_WORD(KIND, name, verb) " " #name
#define AEP__KIND_WORDS (&(AEP_KINDS(AEP__KIND_WORD))[1])
#define AEP__KIND_LIST "started, progress, completed or failed"

/** True for aep_number in the public struct, false for const char *. */
bool aep__type_is_number(enum aep__type type);
/** True if the caller gives JSON text. */
bool aep__type_is_json(enum aep__type type);
/** "text", "time", "id", … for help texts. */
const char *aep__type_name(enum aep__type type);
/** The index of the member with this name; -1 if the kind has none. */
int aep__kind_find_member(enum aep_kind kind, const char *name, size_t len);
/** The kind of an event type, whatever comes before it ("dev.omninode.…"); -1 if none. */
int aep__kind_of_type(const char *event_type, size_t len);

/** Event types: ^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*){2,}\.v\d+$, and short enough for a topic.
 */
bool aep__event_type_valid(const char *text, size_t len);
/** Schema references: registry://a/b/c/vN. */
bool aep__schema_ref_valid(const char *text, size_t len);
/** True if a valid reference belongs to a valid event type: the same words, whether . / or _
 * separates them, after any prefix of the type; or the type leaves out the first word, the
 * namespace. */
bool aep__schema_ref_of(const char *ref, size_t ref_len, const char *event_type, size_t type_len);

#endif
