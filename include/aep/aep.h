/* SPDX-License-Identifier: Apache-2.0 */
/* aep: publish the lifecycle of agent executions to Kafka through a durable local spool.
 *
 * An event is on disk before a publish call returns; one relay process per spool delivers it.
 * Nothing here starts a thread, opens a network connection, installs a signal handler, aborts,
 * exits or logs (but through the callback that aep_config_set_log() sets).
 *
 * Every function that can fail returns an enum aep_code, AEP_OK (0) on success, and fills *err
 * when err is not NULL. Outputs are written only on success. Argument structs begin with their
 * size, so that a program built against an older header works with a newer library; make them
 * with the AEP_…() macros (C) or start from AEP_…_INIT (C++), and leave out what you do not have.
 *
 * Threads: a publisher and its executions may be shared among threads and used in a forked child.
 * A config, a waiter belong to one thread at a time. */
#ifndef AEP_AEP_H
#define AEP_AEP_H

#include <stddef.h>
#include <stdint.h>

#define AEP_VERSION_MAJOR 0
#define AEP_VERSION_MINOR 1
#define AEP_VERSION_PATCH 0
#define AEP_VERSION "0.1.0"

#if defined(__GNUC__)
#define AEP_API __attribute__((visibility("default")))
#else
#define AEP_API
#endif

/* What a struct with a size begins as: the size, and nothing else. */
#ifdef __cplusplus
template <class T> inline T aep_init()
{
    T fresh = T();
    fresh.size = sizeof(T);
    return fresh;
}
#define AEP_INIT(type) aep_init<type>()
#else
/* clang-format off */
#define AEP_INIT(type) {.size = sizeof(type)}
/* clang-format on */
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ------------------------------------------------------------------------------- */

/** Every result code: name, number, text. The numbers are stable. */
#define AEP_CODES(X)                                                                               \
    X(AEP_OK, 0, "done")                                                                           \
    X(AEP_EINVAL, 1, "invalid event or argument")                                                  \
    X(AEP_EFULL, 2, "the spool is full")                                                           \
    X(AEP_EDEFERRED, 3, "accepted and on disk, not acknowledged yet")                              \
    X(AEP_EPARKED, 4, "kept aside: its topic is missing or forbidden; sent once it can be")        \
    X(AEP_EDEAD, 5, "refused by Kafka for good and kept as a dead letter")                         \
    X(AEP_ECONFIG, 6, "bad configuration")                                                         \
    X(AEP_ESPOOL, 7, "the spool folder cannot be used")                                            \
    X(AEP_EIO, 8, "the disk refused")                                                              \
    X(AEP_ENOMEM, 9, "out of memory")                                                              \
    X(AEP_ETOOBIG, 10, "the message is over its size limit")                                       \
    X(AEP_ESTATE, 11, "not possible in this state")                                                \
    X(AEP_ERELAY, 12, "no relay can be reached or started")

enum aep_code {
#define AEP_CODE_ENUM(name, number, text) name = number,
    AEP_CODES(AEP_CODE_ENUM)
#undef AEP_CODE_ENUM
};

/** What went wrong. Owned by the caller; plain data, nothing to free. */
typedef struct aep_error {
    int code;        /**< enum aep_code */
    char field[64];  /**< the member, option or file at fault; "" if none */
    size_t position; /**< bytes into the caller's JSON where it went wrong; else 0 */
    char text[384];  /**< one line: what happened and what to do; no trailing newline */
} aep_error;

/** The text of a code, static; "unknown code" for a number that is none. Threads: any. Since 0.1 */
AEP_API const char *aep_code_text(int code);
/** The name of a code, static: "AEP_EFULL". Threads: any. Since 0.1 */
AEP_API const char *aep_code_name(int code);
/** The library's version, static: "0.1.0". Threads: any. Since 0.1 */
AEP_API const char *aep_version(void);

/* ---- configuration ------------------------------------------------------------------------ */

typedef struct aep_config aep_config;

enum aep_log_level { AEP_LOG_ERROR = 1, AEP_LOG_WARNING = 2, AEP_LOG_INFO = 3, AEP_LOG_DEBUG = 4 };

/** Called with one line of text (borrowed, no newline) from within a call into the library, in
 * that call's thread; must not call back into the same publisher. */
typedef void (*aep_log_fn)(void *user, enum aep_log_level level, const char *text);

/** A configuration with no value of its own: all comes from the environment, aep.conf, defaults.
 * Returns NULL only when out of memory. Free it with aep_config_free(). Since 0.1 */
AEP_API aep_config *aep_config_new(void);
/** Sets one option, as an argument: it beats the environment and aep.conf.
 * @key, @value  borrowed; keys as `aep config explain` lists them ("spool.dir", "kafka.linger.ms"),
 *               or with underscores in place of dots, for languages with keyword arguments
 * Errors: AEP_ECONFIG names the key (and the nearest known one) or the bad value; AEP_ENOMEM
 * Threads: one at a time per config. Since 0.1 */
AEP_API int aep_config_set(aep_config *config, const char *key, const char *value, aep_error *err);
/** Sets the log callback; NULL for none. Since 0.1 */
AEP_API void aep_config_set_log(aep_config *config, aep_log_fn fn, void *user);
/** Frees it; NULL is fine. Publishers keep their own copy of what they need. Since 0.1 */
AEP_API void aep_config_free(aep_config *config);

/* ---- events ------------------------------------------------------------------------------- */

/** Every kind: its constant's last word, its name, what an execution calls it. The numbers are
 * stable: a new kind comes last. */
#define AEP_KINDS(X)                                                                               \
    X(STARTED, started, start)                                                                     \
    AEP_KINDS_LATER(X)
/** Those that may follow in an execution that has begun. */
#define AEP_KINDS_LATER(X)                                                                         \
    X(PROGRESS, progress, progress)                                                                \
    X(COMPLETED, completed, complete)                                                              \
    X(FAILED, failed, fail)

enum aep_kind {
#define AEP_KIND_ENUM(KIND, name, verb) AEP_KIND_##KIND,
    AEP_KINDS(AEP_KIND_ENUM)
#undef AEP_KIND_ENUM
};
#define AEP_KIND_ONE(KIND, name, verb) +1
#define AEP_KIND_COUNT (0 AEP_KINDS(AEP_KIND_ONE))

/** A number that may be absent: AEP_NUM(0) is a zero that was given. */
typedef struct aep_number {
    int given;
    double value;
} aep_number;

#ifdef __cplusplus
#define AEP_NUM(v) (aep_number{1, (double)(v)})
#else
#define AEP_NUM(v) ((aep_number){.given = 1, .value = (double)(v)})
#endif

/* In all argument structs: text is UTF-8, NUL-terminated, borrowed, reusable when the call
 * returns; NULL is absent. Members called object or array hold JSON text (RFC 8259). `*_at` are
 * RFC 3339; absent ones that are required become now. */

/** How an event joins others; a part of every argument struct. */
#define AEP_LINK_MEMBERS                                                                           \
    const char *causation_id; /**< what caused it; default see docs/WIRE.md */                     \
    const char *traceparent;  /**< W3C trace context; default $TRACEPARENT, else made */           \
    const char *tracestate;

typedef struct aep_started {
    size_t size;
    const char *agent_name;     /**< required, not blank */
    const char *user_request;   /**< required, not blank */
    const char *correlation_id; /**< any id of at most 128 bytes; default a new UUIDv7 */
    const char *session_id;     /**< default a new UUIDv7 */
    const char *started_at;
    const char *context; /**< object; default {} */
    AEP_LINK_MEMBERS
} aep_started;

typedef struct aep_progress {
    size_t size;
    const char *agent_name;      /**< required, not blank */
    const char *correlation_id;  /**< required but for an execution handle */
    aep_number progress_percent; /**< 0 to 100 */
    const char *current_step;
    aep_number steps_completed; /**< whole, 0 or more */
    aep_number steps_total;     /**< whole, at least steps_completed */
    const char *metadata;       /**< object */
    AEP_LINK_MEMBERS
} aep_progress;

typedef struct aep_completed {
    size_t size;
    const char *agent_name;     /**< required, not blank */
    const char *correlation_id; /**< required but for an execution handle */
    const char *completed_at;
    aep_number duration_ms; /**< 0 or more */
    const char *result_summary;
    const char *artifacts; /**< array */
    const char *output_summary;
    aep_number quality_score; /**< 0 to 1 */
    const char *metrics;      /**< object */
    const char *session_id;
    AEP_LINK_MEMBERS
} aep_completed;

typedef struct aep_failed {
    size_t size;
    const char *agent_name;     /**< required, not blank */
    const char *correlation_id; /**< required but for an execution handle */
    const char *failed_at;
    const char *error_message; /**< required, not blank */
    const char *error_code;
    const char *error_type;
    const char *stack_trace;
    const char *error_stack_trace;
    const char *partial_results; /**< any JSON value */
    aep_number duration_ms;      /**< 0 or more */
    const char *session_id;
    aep_number inferred; /**< AEP_NUM(1): said by another than the agent itself */
    AEP_LINK_MEMBERS
} aep_failed;

/** Any other event: its envelope is made as for the four kinds, its payload is the caller's. */
typedef struct aep_event {
    size_t size;
    const char *event_type;     /**< required: a.b.c.vN */
    const char *topic;          /**< a Kafka topic name; default the event type */
    const char *payload;        /**< required: object */
    const char *correlation_id; /**< default the payload's correlation_id, else a new UUIDv7 */
    const char *schema_ref;     /**< registry://a/b/c/vN; default made from the event type */
    AEP_LINK_MEMBERS
} aep_event;

/** One named member, for callers that have names at run time (a command line, a binding). */
typedef struct aep_field {
    const char *name; /**< a payload member, or causation_id, traceparent, tracestate */
    const char *text; /**< text or JSON as the member's type wants; NULL for a number */
    size_t length;    /**< of text, in bytes: it may hold NUL */
    double number;    /**< the value where text is NULL */
} aep_field;

#ifndef __cplusplus
#define AEP_STARTED(...) (&(aep_started){.size = sizeof(aep_started), __VA_ARGS__})
#define AEP_PROGRESS(...) (&(aep_progress){.size = sizeof(aep_progress), __VA_ARGS__})
#define AEP_COMPLETED(...) (&(aep_completed){.size = sizeof(aep_completed), __VA_ARGS__})
#define AEP_FAILED(...) (&(aep_failed){.size = sizeof(aep_failed), __VA_ARGS__})
#define AEP_EVENT(...) (&(aep_event){.size = sizeof(aep_event), __VA_ARGS__})
#endif
#define AEP_STARTED_INIT AEP_INIT(aep_started)
#define AEP_PROGRESS_INIT AEP_INIT(aep_progress)
#define AEP_COMPLETED_INIT AEP_INIT(aep_completed)
#define AEP_FAILED_INIT AEP_INIT(aep_failed)
#define AEP_EVENT_INIT AEP_INIT(aep_event)

#define AEP_ID_SIZE 37              /**< a UUID's text with its NUL */
#define AEP_CORRELATION_ID_SIZE 129 /**< the longest id with its NUL */

/** Where a record stands in its spool. */
typedef struct aep_position {
    uint64_t segment; /**< 0: none (events disabled) */
    uint64_t offset;  /**< bytes from the segment's begin to the record's end */
} aep_position;

/** What was accepted. Plain data; begin with AEP_RECEIPT_INIT. */
typedef struct aep_receipt {
    size_t size;
    char event_id[AEP_ID_SIZE];
    char correlation_id[AEP_CORRELATION_ID_SIZE];
    aep_position position;
    uint64_t spool; /**< which spool: one that was deleted and made anew is another; 0: unknown */
} aep_receipt;
#define AEP_RECEIPT_INIT AEP_INIT(aep_receipt)

/* ---- publisher ---------------------------------------------------------------------------- */

typedef struct aep_publisher aep_publisher;
typedef struct aep_execution aep_execution;

/** Opens a publisher: reads the configuration, opens or creates the spool.
 * @config  NULL for the environment, aep.conf and defaults; borrowed
 * Errors: AEP_ECONFIG (what is unset, unknown or bad), AEP_ESPOOL (the folder and why), AEP_ENOMEM
 * Threads: any; may block on the local disk. Since 0.1 */
AEP_API int aep_publisher_open(aep_publisher **ret, const aep_config *config, aep_error *err);

/** Makes one event durable and queues it for delivery; does not wait for Kafka.
 * @receipt  may be NULL
 * Errors: AEP_EINVAL names the member in err->field; AEP_ETOOBIG; AEP_EFULL (retryable);
 *         AEP_ESPOOL (deleted or foreign folder); AEP_EIO; AEP_ENOMEM
 * Threads: any; may block on the local disk, never on the network. Since 0.1 */
AEP_API int aep_publish_started(aep_publisher *pub, const aep_started *event, aep_receipt *receipt,
                                aep_error *err);
/** As aep_publish_started(). Since 0.1 */
AEP_API int aep_publish_progress(aep_publisher *pub, const aep_progress *event,
                                 aep_receipt *receipt, aep_error *err);
/** As aep_publish_started(). Since 0.1 */
AEP_API int aep_publish_completed(aep_publisher *pub, const aep_completed *event,
                                  aep_receipt *receipt, aep_error *err);
/** As aep_publish_started(). Since 0.1 */
AEP_API int aep_publish_failed(aep_publisher *pub, const aep_failed *event, aep_receipt *receipt,
                               aep_error *err);
/** Publishes an event of any type. Errors, threads as aep_publish_started(). Since 0.1 */
AEP_API int aep_publish_event(aep_publisher *pub, const aep_event *event, aep_receipt *receipt,
                              aep_error *err);
/** Publishes one of the four kinds from named members.
 * @fields  count of them, borrowed; a name twice or unknown to the kind is AEP_EINVAL
 * Errors, threads as aep_publish_started(). Since 0.1 */
AEP_API int aep_publish_fields(aep_publisher *pub, enum aep_kind kind, const aep_field *fields,
                               size_t count, aep_receipt *receipt, aep_error *err);

/** Waits until this record's fate is known.
 * Returns AEP_OK acknowledged (in local mode: on disk); AEP_EDEFERRED still on disk at the
 * deadline; AEP_EPARKED; AEP_EDEAD; AEP_ERELAY no relay could be started (the event stays on disk);
 * AEP_ESPOOL it is in the spool no more and Kafka does not have it: purged by command, or lost
 * @timeout_ms  0 asks without waiting, -1 waits for ever
 * Threads: any; blocks at most timeout_ms. Since 0.1 */
AEP_API int aep_publisher_wait(aep_publisher *pub, const aep_receipt *receipt, int timeout_ms,
                               aep_error *err);
/** The word for what aep_publisher_wait() returned, static: AEP_OK "acked", AEP_EDEFERRED "deferred",
 * AEP_EPARKED "parked", AEP_EDEAD "dead"; NULL for any other code. Threads: any. Since 0.1 */
AEP_API const char *aep_fate_name(int code);
/** Waits until everything accepted in this spool before the call is acknowledged, parked or dead.
 * Returns AEP_OK, AEP_EDEFERRED (some still on disk), AEP_EPARKED (something of it is parked),
 * AEP_ERELAY. Threads: any; blocks at most timeout_ms (-1: for ever). Since 0.1 */
AEP_API int aep_publisher_flush(aep_publisher *pub, int timeout_ms, aep_error *err);

enum aep_broker_state {
    AEP_BROKER_UNKNOWN, /**< no relay has said yet */
    AEP_BROKER_CONNECTED,
    AEP_BROKER_UNREACHABLE,
    AEP_BROKER_AUTH_FAILED,
    AEP_BROKER_FORBIDDEN,     /**< connected, but some topic may not be written */
    AEP_BROKER_LOCAL,         /**< local mode: there is none */
    AEP_BROKER_MISCONFIGURED, /**< no client can be made of the kafka.* settings */
};

typedef struct aep_health {
    size_t size;
    enum aep_broker_state broker; /**< as a relay said last: old news unless relay_alive */
    int64_t since_us;             /**< of that state; microseconds since 1970; 0 unknown */
    int relay_alive;
    uint64_t used_bytes; /**< of the spool */
    uint64_t max_bytes;
    uint64_t backlog_bytes; /**< accepted, not finished yet */
    char reason[160];       /**< why it is not connected; "" if it is */
} aep_health;
#define AEP_HEALTH_INIT AEP_INIT(aep_health)

/** The word for a state, static: unknown, connected, unreachable, auth_failed, forbidden, local,
 * misconfigured.
 * Threads: any. Since 0.1 */
AEP_API const char *aep_broker_name(enum aep_broker_state state);

/** Tells the spool's and the broker's state from files alone; never blocks on the network.
 * Errors: AEP_ESPOOL. Threads: any. Since 0.1 */
AEP_API int aep_publisher_health(aep_publisher *pub, aep_health *health, aep_error *err);

/** Every counter: name, text. All are cumulative over the spool's life and its processes. */
#define AEP_COUNTERS(X)                                                                            \
    X(refused_full, "refused: spool full")                                                         \
    X(refused_invalid, "refused: invalid")                                                         \
    X(refused_too_big, "refused: over the size limit")                                             \
    X(refused_io, "refused: disk error")                                                           \
    X(repaired_utf8, "strings with invalid UTF-8 repaired")                                        \
    X(truncated, "strings cut at limits.field_bytes")                                              \
    X(redacted, "secrets redacted")                                                                \
    X(acknowledged, "acknowledged by Kafka")                                                       \
    X(retried, "sends retried by the relay")                                                       \
    X(parked, "once parked: topic missing or forbidden")                                           \
    X(unparked, "sent after having been parked")                                                   \
    X(dead, "dead letters")                                                                        \
    X(dead_dropped, "dead letters dropped: log full or by command")                                \
    X(skipped_bytes, "bytes skipped: torn or no record")                                           \
    X(retired, "records removed unsent in local mode")                                             \
    X(purged, "records removed unsent by command")                                                 \
    X(lost, "records lost with a segment that somebody removed")                                   \
    X(strayed, "times that a program had closed our descriptor")

typedef struct aep_stats {
    size_t size;
#define AEP_COUNTER_MEMBER(name, text) uint64_t name;
    AEP_COUNTERS(AEP_COUNTER_MEMBER)
#undef AEP_COUNTER_MEMBER
} aep_stats;
#define AEP_STATS_INIT AEP_INIT(aep_stats)

/** Sums the spool's counters. Errors: AEP_ESPOOL. Threads: any. Since 0.1 */
AEP_API int aep_publisher_stats(aep_publisher *pub, aep_stats *stats, aep_error *err);

/** The spool's folder, owned by the publisher. "" when events are disabled. Since 0.1 */
AEP_API const char *aep_publisher_spool_dir(const aep_publisher *pub);

/** The value in force of one of its options, kafka.* excepted, as text with its NUL: sizes in bytes,
 * durations in milliseconds (…_ms) or seconds (…_s), as numbers. Keys as aep_config_set() takes them.
 * Errors: AEP_ECONFIG no such option, or no room in `size` bytes. Threads: any. Since 0.1 */
AEP_API int aep_publisher_option(const aep_publisher *pub, const char *key, char *text, size_t size,
                                 aep_error *err);

/** Closes it; NULL is fine. What was accepted stays on disk. On a file system that dies with the
 * process or container it first waits at most close.wait_ms for acknowledgements.
 * Threads: the last user. Since 0.1 */
AEP_API void aep_publisher_close(aep_publisher *pub);

/* ---- execution: one run, its ids, causation and clock -------------------------------------- */

/** Publishes the started event and keeps what its later events need.
 * @ret  free with aep_execution_free()
 * Errors, threads as aep_publish_started(). Since 0.1 */
AEP_API int aep_execution_start(aep_publisher *pub, const aep_started *event, aep_execution **ret,
                                aep_error *err);
/** agent_name, correlation_id and causation are filled in where the caller leaves them out. The first
 * two are the execution's: others than it began with would make it another's event.
 * Errors: as aep_publish_started(), AEP_EINVAL also for those two; AEP_ESTATE after its terminal
 *         event. Since 0.1 */
AEP_API int aep_execution_progress(aep_execution *run, const aep_progress *event, aep_error *err);
/** A terminal event; duration_ms and session_id are filled in too. Errors: as above. Since 0.1 */
AEP_API int aep_execution_complete(aep_execution *run, const aep_completed *event, aep_error *err);
/** A terminal event. Errors: as above. Since 0.1 */
AEP_API int aep_execution_fail(aep_execution *run, const aep_failed *event, aep_error *err);
/** As aep_execution_start(), from named members. Since 0.1 */
AEP_API int aep_execution_start_fields(aep_publisher *pub, const aep_field *fields, size_t count,
                                       aep_execution **ret, aep_error *err);
/** Its next event from named members: progress, completed or failed.
 * @receipt  may be NULL
 * Errors: as aep_execution_progress(); AEP_EINVAL for started. Since 0.1 */
AEP_API int aep_execution_publish_fields(aep_execution *run, enum aep_kind kind,
                                         const aep_field *fields, size_t count,
                                         aep_receipt *receipt, aep_error *err);
/** The receipt of its newest event, owned by the execution, valid until its next. Since 0.1 */
AEP_API const aep_receipt *aep_execution_receipt(const aep_execution *run);
/** Ids owned by the execution: event_id of its started event (a child's causation_id). Since 0.1 */
AEP_API const char *aep_execution_id(const aep_execution *run);
AEP_API const char *aep_execution_correlation_id(const aep_execution *run);
AEP_API const char *aep_execution_session_id(const aep_execution *run);
/** The W3C traceparent that children should use as theirs. Since 0.1 */
AEP_API const char *aep_execution_traceparent(const aep_execution *run);
/** Frees it; NULL is fine. Without a terminal event so far it publishes failed with error_code
 * ABANDONED. The publisher must still be open. Since 0.1 */
AEP_API void aep_execution_free(aep_execution *run);

/* ---- waiter: waiting without blocking, for an event loop ------------------------------------ */

typedef struct aep_waiter aep_waiter;

typedef struct aep_outcome {
    uint64_t token; /**< the caller's */
    int code;       /**< AEP_OK, AEP_EPARKED, AEP_EDEAD, AEP_ESPOOL, as aep_publisher_wait(); for
                         aep_waiter_add_broker() AEP_OK, AEP_ERELAY */
} aep_outcome;

/** @ret free with aep_waiter_free() before the publisher. Errors: AEP_EIO, AEP_ENOMEM. Since 0.1 */
AEP_API int aep_waiter_new(aep_publisher *pub, aep_waiter **ret, aep_error *err);
/** A descriptor, the same for the waiter's life; readable when aep_waiter_next() has to be called.
 * It stays the waiter's. Since 0.1 */
AEP_API int aep_waiter_fd(const aep_waiter *waiter);
/** Asks for one record's fate (receipt), or with receipt NULL for that of all accepted so far.
 * Errors: AEP_ENOMEM. Since 0.1 */
AEP_API int aep_waiter_add(aep_waiter *waiter, const aep_receipt *receipt, uint64_t token,
                           aep_error *err);
/** Asks to be told once the broker's state is another than `other_than`, in the word of a relay that
 * runs: with AEP_BROKER_UNKNOWN, once it is known. Its outcome is AEP_OK, and aep_publisher_health()
 * has the state; or AEP_ERELAY: the relay is of a version that cannot tell. Where no relay runs and
 * none can be started, or the state stays, no outcome comes.
 * Errors: AEP_EINVAL no such state; AEP_ENOMEM. Since 0.1 */
AEP_API int aep_waiter_add_broker(aep_waiter *waiter, enum aep_broker_state other_than,
                                  uint64_t token, aep_error *err);
/** Gives the next outcome that is known; never blocks. Reconnects to the relay by itself.
 * Returns AEP_OK with *outcome, or AEP_EDEFERRED: none now. Since 0.1 */
AEP_API int aep_waiter_next(aep_waiter *waiter, aep_outcome *outcome, aep_error *err);
/** Forgets a request; unknown tokens are fine. Since 0.1 */
AEP_API void aep_waiter_cancel(aep_waiter *waiter, uint64_t token);
AEP_API void aep_waiter_free(aep_waiter *waiter);

/* ---- ids, kinds, schemas, policy, validation: pure functions, any thread -------------------- */

/** Writes a new UUIDv7 (RFC 9562 §5.7), monotonic within the process, and its NUL. Since 0.1 */
AEP_API void aep_id_new(char text[AEP_ID_SIZE]);
/** The version (1 to 8) of a UUID in canonical text form, 0 if it is none. Since 0.1 */
AEP_API int aep_id_version(const char *text);

/** "started", …; NULL for a number that is no kind. Since 0.1 */
AEP_API const char *aep_kind_name(enum aep_kind kind);
/** The kind of a name; -1 if none. Since 0.1 */
AEP_API int aep_kind_find(const char *name);
/** Its event type, and topic in the default layout. Since 0.1 */
AEP_API const char *aep_kind_event_type(enum aep_kind kind);
/** One member of a kind's payload; begin with AEP_MEMBER_INIT. All text is static. */
typedef struct aep_member {
    size_t size;
    const char *name;
    const char *type; /**< text, time, id, number, integer, bool; JSON text: object, array, any */
    int required;     /**< its caller has to give it: nothing stands in for it */
} aep_member;
#define AEP_MEMBER_INIT AEP_INIT(aep_member)

/** Member `index`, in the payload's order.
 * Returns AEP_OK, or AEP_EINVAL: there is no such kind, it has no more members, or the size of *ret
 * is not set. Since 0.1 */
AEP_API int aep_kind_member(enum aep_kind kind, size_t index, aep_member *ret);
/** Its JSON Schema (draft 2020-12) text, static, NUL-terminated. Since 0.1 */
AEP_API const char *aep_kind_schema(enum aep_kind kind);
/** SHA-256 of that text, 64 hex digits, static. Since 0.1 */
AEP_API const char *aep_kind_schema_hash(enum aep_kind kind);

/** One row of the partition-key policy; static. */
typedef struct aep_family {
    const char *name;      /**< "agent.execution" */
    const char *key_field; /**< "correlation_id" */
    const char *reason;
    const char *cardinality; /**< "medium", "low" */
    unsigned keys_per_day_min, keys_per_day_max;
} aep_family;

/** The rows, count of them in *count. Since 0.1 */
AEP_API const aep_family *aep_policy_families(size_t *count);
/** The family of an event type or topic; NULL: none. Since 0.1 */
AEP_API const aep_family *aep_policy_find(const char *name);
/** The partition key of an envelope (JSON text): written to key with its NUL.
 * Returns AEP_OK; AEP_EINVAL not a JSON object; AEP_ESTATE it has no key. Since 0.1 */
AEP_API int aep_policy_key(const char *envelope, size_t length, char key[AEP_CORRELATION_ID_SIZE],
                           aep_error *err);

enum aep_severity { AEP_SEVERITY_ERROR = 1, AEP_SEVERITY_WARNING = 2 };

/** What is wrong with an envelope; borrowed for the call of the callback. */
typedef struct aep_finding {
    enum aep_severity severity;
    const char *code;    /**< stable: "missing", "blank", "type", … see `aep validate --help` */
    const char *pointer; /**< JSON Pointer (RFC 6901) */
    const char *field;   /**< the member's name; "" for the whole document */
    const char *text;
} aep_finding;

typedef void (*aep_finding_fn)(void *user, const aep_finding *finding);

/** Checks one envelope, ours or another's.
 * @strict  non-zero: warnings become errors
 * Returns AEP_OK valid; AEP_EINVAL at least one error; AEP_ENOMEM. Since 0.1 */
AEP_API int aep_validate(const char *envelope, size_t length, int strict, aep_finding_fn fn,
                         void *user, aep_error *err);

#ifdef __cplusplus
}
#endif
#endif
