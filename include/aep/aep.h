/* SPDX-License-Identifier: Apache-2.0 */
/* aep: publish what AI agents do to Kafka, through a durable local spool.
 *
 * An event is on disk before a publish call returns; one relay process per spool sends it to Kafka.
 * The library starts no thread, opens no network connection, installs no signal handler, and never
 * aborts, exits or prints. It logs only through the callback set by aep_config_set_log().
 *
 * A function that can fail returns an enum aep_code, AEP_OK (0) on success. On an error it fills
 * *err, unless err is NULL, and leaves all other outputs untouched. Structs begin with their size,
 * so that a program built against an older header works with a newer library: make them with the
 * AEP_…() macros (C) or start from AEP_…_INIT (C++), and omit members that you do not have.
 *
 * Threads: a publisher and its executions may be shared between threads and used in a forked child.
 * A config or a waiter belongs to one thread at a time. */
#ifndef AEP_AEP_H
#define AEP_AEP_H

#include <stddef.h>
#include <stdint.h>

/* The one place where the version is written; the test install.version sees to it. */
#define AEP_VERSION "0.2.0"
#define AEP_VERSION_MAJOR 0
#define AEP_VERSION_MINOR 2
#define AEP_VERSION_PATCH 0

#if defined(__GNUC__)
#define AEP_API __attribute__((visibility("default")))
#else
#define AEP_API
#endif

/* The initial value of a struct that begins with its size: the size, all else zero. */
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
    X(AEP_EPARKED, 4, "parked: Kafka does not take it yet; it is sent once Kafka does")            \
    X(AEP_EDEAD, 5, "refused by Kafka for good; kept as a dead letter")                            \
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
    size_t position; /**< byte offset of the error in the caller's JSON; else 0 */
    char text[384];  /**< one line: what happened and what to do; no trailing newline */
} aep_error;

/** Returns the text of a code, static; "unknown code" if there is no such code.
 * Threads: any. Since 0.1 */
AEP_API const char *aep_code_text(int code);
/** Returns the name of a code, static: "AEP_EFULL". Threads: any. Since 0.1 */
AEP_API const char *aep_code_name(int code);
/** Returns the library's version, static: AEP_VERSION as it was built. Threads: any. Since 0.1 */
AEP_API const char *aep_version(void);

/* ---- configuration ------------------------------------------------------------------------ */

typedef struct aep_config aep_config;

enum aep_log_level { AEP_LOG_ERROR = 1, AEP_LOG_WARNING = 2, AEP_LOG_INFO = 3, AEP_LOG_DEBUG = 4 };

/** The log callback: gets one line of text (borrowed, no newline).
 * Threads: runs inside a call into the library, in that call's thread, holding no lock. It may publish
 * with the same publisher and its executions, but not close or free them. It does not run within
 * itself: what there is to say meanwhile comes with a later call. */
typedef void (*aep_log_fn)(void *user, enum aep_log_level level, const char *text);

/** Makes a configuration that sets nothing: everything comes from the environment, aep.conf and the
 * defaults. Free it with aep_config_free(). Returns NULL if out of memory.
 * Threads: any. Since 0.1 */
AEP_API aep_config *aep_config_new(void);
/** Sets one option; it beats the environment and aep.conf.
 * @key    borrowed; as `aep config explain` lists it ("spool.dir", "kafka.linger.ms"), or with
 *         underscores for dots, for languages with keyword arguments
 * @value  borrowed; as in aep.conf
 * Errors: AEP_ECONFIG names the bad value, or the unknown key and the nearest known one; AEP_ENOMEM
 * Threads: one at a time per config. Since 0.1 */
AEP_API int aep_config_set(aep_config *config, const char *key, const char *value, aep_error *err);
/** Sets the log callback.
 * @fn    NULL: none
 * @user  passed to fn; must outlive every publisher opened with this config
 * Threads: one at a time per config. Since 0.1 */
AEP_API void aep_config_set_log(aep_config *config, aep_log_fn fn, void *user);
/** Frees a configuration; NULL is fine. Publishers opened with it have their own copy.
 * Threads: one at a time per config. Since 0.1 */
AEP_API void aep_config_free(aep_config *config);

/* ---- events ------------------------------------------------------------------------------- */

/** Every kind: the last word of its constant, its name, the verb of the execution call. The numbers
 * are stable: a new kind comes last. */
#define AEP_KINDS(X)                                                                               \
    X(STARTED, started, start)                                                                     \
    AEP_KINDS_LATER(X)
/** The kinds that may follow the first event of an execution. */
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

/** A number that may be absent: AEP_NUM(0) is a zero, not absent. */
typedef struct aep_number {
    int given;
    double value;
} aep_number;

#ifdef __cplusplus
#define AEP_NUM(v) (aep_number{1, (double)(v)})
#else
#define AEP_NUM(v) ((aep_number){.given = 1, .value = (double)(v)})
#endif

/* In all argument structs: text is UTF-8, NUL-terminated, and borrowed for the call; NULL is absent.
 * Members marked object or array hold JSON text (RFC 8259). `*_at` members are RFC 3339 times; an
 * absent one that is required becomes the time of the call. */

/** Links an event to others; part of every argument struct. */
#define AEP_LINK_MEMBERS                                                                           \
    const char *causation_id; /**< id of its cause; for the default see docs/WIRE.md */            \
    const char *traceparent;  /**< W3C Trace Context; default $TRACEPARENT, else a new one */      \
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
    const char *correlation_id;  /**< required, except on an execution handle */
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
    const char *correlation_id; /**< required, except on an execution handle */
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
    const char *correlation_id; /**< required, except on an execution handle */
    const char *failed_at;
    const char *error_message; /**< required, not blank */
    const char *error_code;
    const char *error_type;
    const char *stack_trace;
    const char *error_stack_trace;
    const char *partial_results; /**< any JSON value */
    aep_number duration_ms;      /**< 0 or more */
    const char *session_id;
    aep_number inferred; /**< AEP_NUM(1): not reported by the agent itself */
    AEP_LINK_MEMBERS
} aep_failed;

/** An event of any other type: the library makes the envelope, the caller gives the payload. */
typedef struct aep_event {
    size_t size;
    const char *event_type;     /**< required: a.b.c.vN */
    const char *topic;          /**< a Kafka topic name; default the event type */
    const char *payload;        /**< required: object */
    const char *correlation_id; /**< default the payload's correlation_id, else a new UUIDv7 */
    const char *schema_ref;     /**< registry://a/b/c/vN; default made from the event type */
    AEP_LINK_MEMBERS
} aep_event;

/** A member by name, for callers that know names only at run time (a command line, a binding). */
typedef struct aep_field {
    const char *name; /**< a payload member, or causation_id, traceparent, tracestate */
    const char *text; /**< text, or JSON if that is the member's type; NULL: a number */
    size_t length;    /**< of text, in bytes; text may contain NUL */
    double number;    /**< the value if text is NULL */
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

/** The position of a record in its spool. */
typedef struct aep_position {
    uint64_t segment; /**< 0: none (events disabled) */
    uint64_t offset;  /**< bytes from the start of the segment to the end of the record */
} aep_position;

/** Identifies an accepted event. Plain data; start from AEP_RECEIPT_INIT. */
typedef struct aep_receipt {
    size_t size;
    char event_id[AEP_ID_SIZE];
    char correlation_id[AEP_CORRELATION_ID_SIZE];
    aep_position position;
    uint64_t spool; /**< which spool; changes if the folder is deleted and recreated; 0: unknown */
} aep_receipt;
#define AEP_RECEIPT_INIT AEP_INIT(aep_receipt)

/* ---- publisher ---------------------------------------------------------------------------- */

typedef struct aep_publisher aep_publisher;
typedef struct aep_execution aep_execution;

/** Opens a publisher: reads the configuration, and opens or creates the spool.
 * @ret     close with aep_publisher_close()
 * @config  borrowed for the call; NULL: the environment, aep.conf and defaults
 * Errors: AEP_ECONFIG names the option that is missing, unknown or bad; AEP_ESPOOL names the folder
 *         and the reason; AEP_ENOMEM
 * Threads: any; may block on the local disk. Since 0.1 */
AEP_API int aep_publisher_open(aep_publisher **ret, const aep_config *config, aep_error *err);

/** Makes one event durable and queues it for delivery; does not wait for Kafka.
 * @event    borrowed for the call
 * @receipt  filled in for aep_publisher_wait(); may be NULL
 * Errors: AEP_EINVAL names the member in err->field; AEP_ETOOBIG; AEP_EFULL the spool or the disk is
 *         full, retry later; AEP_ESPOOL the folder cannot be used (deleted, or not this user's);
 *         AEP_EIO; AEP_ENOMEM
 * Threads: any; may block on the local disk, never on the network. Since 0.1 */
AEP_API int aep_publish_started(aep_publisher *pub, const aep_started *event, aep_receipt *receipt,
                                aep_error *err);
/** Like aep_publish_started(). Since 0.1 */
AEP_API int aep_publish_progress(aep_publisher *pub, const aep_progress *event,
                                 aep_receipt *receipt, aep_error *err);
/** Like aep_publish_started(). Since 0.1 */
AEP_API int aep_publish_completed(aep_publisher *pub, const aep_completed *event,
                                  aep_receipt *receipt, aep_error *err);
/** Like aep_publish_started(). Since 0.1 */
AEP_API int aep_publish_failed(aep_publisher *pub, const aep_failed *event, aep_receipt *receipt,
                               aep_error *err);
/** Publishes an event of any other type. Errors, threads: as aep_publish_started(). Since 0.1 */
AEP_API int aep_publish_event(aep_publisher *pub, const aep_event *event, aep_receipt *receipt,
                              aep_error *err);
/** Publishes an event of one of the four kinds from named members.
 * @fields  `count` members, borrowed for the call
 * Errors, threads: as aep_publish_started(); AEP_EINVAL also for a duplicate or unknown name.
 * Since 0.1 */
AEP_API int aep_publish_fields(aep_publisher *pub, enum aep_kind kind, const aep_field *fields,
                               size_t count, aep_receipt *receipt, aep_error *err);

/** Waits until the fate of a record is known.
 * @receipt     borrowed
 * @timeout_ms  0: only ask; -1: wait for ever
 * Returns AEP_OK: acknowledged (in local mode: on disk); AEP_EDEFERRED: still on disk after
 *         timeout_ms; AEP_EPARKED; AEP_EDEAD; AEP_ESPOOL: purged by command or lost, Kafka does not
 *         have it
 * Errors: AEP_ERELAY no relay could be started, the event stays on disk; AEP_EINVAL; AEP_ESPOOL the
 *         spool that held it was deleted
 * Threads: any; blocks at most timeout_ms. With 0 it returns as soon as the relay has answered, after
 *         100 ms without an answer. Since 0.1 */
AEP_API int aep_publisher_wait(aep_publisher *pub, const aep_receipt *receipt, int timeout_ms,
                               aep_error *err);
/** Returns the word for a result of aep_publisher_wait(), static: AEP_OK "acked", AEP_EDEFERRED
 * "deferred", AEP_EPARKED "parked", AEP_EDEAD "dead"; NULL for any other code.
 * Threads: any. Since 0.1 */
AEP_API const char *aep_fate_name(int code);
/** Waits until everything that this spool accepted before the call is acknowledged, parked or dead.
 * @timeout_ms  0: only ask; -1: wait for ever
 * Returns AEP_OK; AEP_EDEFERRED: some of it is still on disk; AEP_EPARKED: some of it is parked
 * Errors: AEP_ERELAY, AEP_ESPOOL
 * Threads: any; blocks at most timeout_ms. With 0 it returns as soon as the relay has answered, after
 *         100 ms without an answer. Since 0.1 */
AEP_API int aep_publisher_flush(aep_publisher *pub, int timeout_ms, aep_error *err);

enum aep_broker_state {
    AEP_BROKER_UNKNOWN, /**< no relay has reported yet */
    AEP_BROKER_CONNECTED,
    AEP_BROKER_UNREACHABLE,
    AEP_BROKER_AUTH_FAILED,
    AEP_BROKER_FORBIDDEN,     /**< connected, but this user may not write to some topic */
    AEP_BROKER_LOCAL,         /**< local mode: there is no broker */
    AEP_BROKER_MISCONFIGURED, /**< the kafka.* settings make no client */
};

typedef struct aep_health {
    size_t size;
    enum aep_broker_state broker; /**< as last reported by a relay; stale unless relay_alive */
    int64_t since_us;             /**< when that state began, microseconds since 1970; 0: unknown */
    int relay_alive;
    uint64_t used_bytes; /**< size of the spool */
    uint64_t max_bytes;
    uint64_t backlog_bytes; /**< accepted, not yet finished */
    char reason[160];       /**< why it is not connected; "" if it is */
} aep_health;
#define AEP_HEALTH_INIT AEP_INIT(aep_health)

/** Returns the word for a state, static: unknown, connected, unreachable, auth_failed, forbidden,
 * local, misconfigured.
 * Threads: any. Since 0.1 */
AEP_API const char *aep_broker_name(enum aep_broker_state state);

/** Reports the state of the spool and the broker, from the spool's files alone.
 * @health  start from AEP_HEALTH_INIT
 * Errors: AEP_ESPOOL; AEP_EINVAL the size of *health is not set
 * Threads: any; may block on the local disk, never on the network. Since 0.1 */
AEP_API int aep_publisher_health(aep_publisher *pub, aep_health *health, aep_error *err);

/** Every counter: name, text. Each counts over the spool's life, across all processes. */
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
    X(parked, "once parked: not taken by Kafka at first")                                          \
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

/** Sums the spool's counters.
 * @stats  start from AEP_STATS_INIT
 * Errors: AEP_ESPOOL; AEP_EINVAL the size of *stats is not set
 * Threads: any; may block on the local disk. Since 0.1 */
AEP_API int aep_publisher_stats(aep_publisher *pub, aep_stats *stats, aep_error *err);

/** Returns the spool's folder, owned by the publisher; "" if events are disabled.
 * Threads: any. Since 0.1 */
AEP_API const char *aep_publisher_spool_dir(const aep_publisher *pub);

/** Writes the value in force of an option, except kafka.*, as text. Sizes are plain numbers of bytes,
 * durations of milliseconds (…_ms) or seconds (…_s).
 * @key   as for aep_config_set()
 * @text  receives the value with its NUL, at most `size` bytes
 * Errors: AEP_ECONFIG there is no such option, or it does not fit into `size` bytes
 * Threads: any. Since 0.1 */
AEP_API int aep_publisher_option(const aep_publisher *pub, const char *key, char *text, size_t size,
                                 aep_error *err);

/** Closes a publisher; NULL is fine. Accepted events stay on disk and are still delivered. If the
 * spool's file system may vanish with the process (tmpfs, overlay), first waits at most
 * close.wait_ms for acknowledgements.
 * Threads: no other thread may use the publisher any more. Since 0.1 */
AEP_API void aep_publisher_close(aep_publisher *pub);

/* ---- execution: one run, its ids, causation and clock -------------------------------------- */

/** Publishes the started event of an execution and remembers what its later events need. Should this
 * process be killed or exit before it has ended, the relay publishes failed, with error_code ABANDONED: at
 * once, or when the next relay starts. A forked child that publishes for the execution counts like this
 * process: it is open as long as one of the two lives.
 * @ret  free with aep_execution_free() before closing the publisher
 * Errors: as aep_publish_started(); AEP_ESPOOL, AEP_EFULL also if the spool's roll of open executions
 *         cannot be written
 * Threads: as aep_publish_started(). Since 0.1 */
AEP_API int aep_execution_start(aep_publisher *pub, const aep_started *event, aep_execution **ret,
                                aep_error *err);
/** Publishes a progress event of the execution; agent_name, correlation_id and causation_id default
 * to the execution's. The first two, if given, must equal those it started with.
 * Errors: as aep_publish_started(); AEP_EINVAL also if one of those two differs; AEP_ESTATE the
 *         execution has already ended
 * Threads: any; may block on the local disk. Since 0.1 */
AEP_API int aep_execution_progress(aep_execution *run, const aep_progress *event, aep_error *err);
/** Ends the execution with a completed event; duration_ms and session_id have defaults too.
 * Errors: as aep_execution_progress(); AEP_ESTATE also if another process has ended it, or the relay has
 *         published ABANDONED for it
 * Threads: as aep_execution_progress(). Since 0.1 */
AEP_API int aep_execution_complete(aep_execution *run, const aep_completed *event, aep_error *err);
/** Ends the execution with a failed event; otherwise like aep_execution_complete(). Since 0.1 */
AEP_API int aep_execution_fail(aep_execution *run, const aep_failed *event, aep_error *err);
/** Like aep_execution_start(), from named members. Since 0.1 */
AEP_API int aep_execution_start_fields(aep_publisher *pub, const aep_field *fields, size_t count,
                                       aep_execution **ret, aep_error *err);
/** Publishes the execution's next event from named members: progress, completed or failed.
 * @fields   `count` members, borrowed for the call
 * @receipt  may be NULL
 * Errors, threads: as aep_execution_progress(); AEP_EINVAL also for started. Since 0.1 */
AEP_API int aep_execution_publish_fields(aep_execution *run, enum aep_kind kind,
                                         const aep_field *fields, size_t count,
                                         aep_receipt *receipt, aep_error *err);
/** Returns the receipt of the newest event, owned by the execution; valid until its next event.
 * Since 0.1 */
AEP_API const aep_receipt *aep_execution_receipt(const aep_execution *run);
/** Returns the event_id of the started event, owned by the execution: the causation_id for children.
 * Threads: any. Since 0.1 */
AEP_API const char *aep_execution_id(const aep_execution *run);
/** Returns the correlation_id, owned by the execution. Threads: any. Since 0.1 */
AEP_API const char *aep_execution_correlation_id(const aep_execution *run);
/** Returns the session_id, owned by the execution. Threads: any. Since 0.1 */
AEP_API const char *aep_execution_session_id(const aep_execution *run);
/** Returns the W3C traceparent that children should use, owned by the execution.
 * Threads: any. Since 0.1 */
AEP_API const char *aep_execution_traceparent(const aep_execution *run);
/** Frees an execution; NULL is fine. If it has not ended, first publishes failed with error_code
 * ABANDONED. The publisher must still be open.
 * Threads: no other thread may use the execution any more. Since 0.1 */
AEP_API void aep_execution_free(aep_execution *run);

/* ---- waiter: waiting without blocking, for an event loop ------------------------------------ */

typedef struct aep_waiter aep_waiter;

typedef struct aep_outcome {
    uint64_t token; /**< as given to aep_waiter_add() */
    int code; /**< AEP_OK, AEP_EPARKED, AEP_EDEAD or AEP_ESPOOL, as from aep_publisher_wait(); for
                         aep_waiter_add_broker() AEP_OK or AEP_ERELAY */
} aep_outcome;

/** Makes a waiter.
 * @ret  free with aep_waiter_free() before closing the publisher
 * Errors: AEP_EIO, AEP_ENOMEM
 * Threads: any; the waiter belongs to one thread at a time. Since 0.1 */
AEP_API int aep_waiter_new(aep_publisher *pub, aep_waiter **ret, aep_error *err);
/** Returns a descriptor that becomes readable when aep_waiter_next() must be called. It belongs to
 * the waiter and never changes. Since 0.1 */
AEP_API int aep_waiter_fd(const aep_waiter *waiter);
/** Asks for the fate of a record.
 * @receipt  borrowed; NULL: of everything accepted so far
 * @token    returned with the outcome
 * Errors: AEP_EINVAL; AEP_ESPOOL the spool that held it was deleted; AEP_ENOMEM. Never blocks on the
 *         network. Since 0.1 */
AEP_API int aep_waiter_add(aep_waiter *waiter, const aep_receipt *receipt, uint64_t token,
                           aep_error *err);
/** Asks for an outcome once a running relay reports a broker state other than `other_than`; with
 * AEP_BROKER_UNKNOWN, once it is known. The outcome is AEP_OK, and aep_publisher_health() has the
 * state; or AEP_ERELAY, if the relay's version cannot report it. No outcome comes while the state
 * stays the same, or if no relay runs and none can be started.
 * Errors: AEP_EINVAL there is no such state; AEP_ENOMEM. Since 0.1 */
AEP_API int aep_waiter_add_broker(aep_waiter *waiter, enum aep_broker_state other_than,
                                  uint64_t token, aep_error *err);
/** Takes the next known outcome; never blocks. Reconnects to the relay if necessary.
 * Returns AEP_OK with *outcome; AEP_EDEFERRED: none is known yet. Since 0.1 */
AEP_API int aep_waiter_next(aep_waiter *waiter, aep_outcome *outcome, aep_error *err);
/** Cancels a request; an unknown token is fine. Since 0.1 */
AEP_API void aep_waiter_cancel(aep_waiter *waiter, uint64_t token);
/** Frees a waiter and cancels its requests; NULL is fine. Since 0.1 */
AEP_API void aep_waiter_free(aep_waiter *waiter);

/* ---- ids, kinds, schemas, policy, validation: pure functions, any thread -------------------- */

/** Writes a new UUIDv7 (RFC 9562 §5.7) and its NUL; ids of one process ascend. Since 0.1 */
AEP_API void aep_id_new(char text[AEP_ID_SIZE]);
/** Returns the version (1 to 8) of a UUID in canonical text form; 0 if it is not one. Since 0.1 */
AEP_API int aep_id_version(const char *text);

/** Returns the name of a kind, static: "started", …; NULL if there is no such kind. Since 0.1 */
AEP_API const char *aep_kind_name(enum aep_kind kind);
/** Returns the kind of that name; -1 if there is none. Since 0.1 */
AEP_API int aep_kind_find(const char *name);
/** Returns the event type of a kind, static; also its topic in the default layout. Since 0.1 */
AEP_API const char *aep_kind_event_type(enum aep_kind kind);
/** A member of a kind's payload; start from AEP_MEMBER_INIT. All text is static. */
typedef struct aep_member {
    size_t size;
    const char *name;
    const char *type; /**< text, time, id, number, integer, bool; JSON text: object, array, any */
    int required;     /**< the caller must give it: it has no default */
} aep_member;
#define AEP_MEMBER_INIT AEP_INIT(aep_member)

/** Describes member `index` of a kind, in the payload's order.
 * Returns AEP_OK; AEP_EINVAL: there is no such kind or no such member, or the size of *ret is not
 *         set. Since 0.1 */
AEP_API int aep_kind_member(enum aep_kind kind, size_t index, aep_member *ret);
/** Returns the JSON Schema (draft 2020-12) of a kind as text, static. Since 0.1 */
AEP_API const char *aep_kind_schema(enum aep_kind kind);
/** Returns the SHA-256 of that text as 64 hex digits, static. Since 0.1 */
AEP_API const char *aep_kind_schema_hash(enum aep_kind kind);

/** A row of the partition-key policy; static. */
typedef struct aep_family {
    const char *name;      /**< "agent.execution" */
    const char *key_field; /**< "correlation_id" */
    const char *reason;
    const char *cardinality; /**< "medium", "low" */
    unsigned keys_per_day_min, keys_per_day_max;
} aep_family;

/** Returns all rows, static; *count receives their number. Since 0.1 */
AEP_API const aep_family *aep_policy_families(size_t *count);
/** Returns the family of an event type or topic, static; NULL if it has none. Since 0.1 */
AEP_API const aep_family *aep_policy_find(const char *name);
/** Writes the partition key of an envelope (JSON text of `length` bytes) and its NUL to key.
 * Errors: AEP_EINVAL not a JSON object; AEP_ESTATE it has no key. Since 0.1 */
AEP_API int aep_policy_key(const char *envelope, size_t length, char key[AEP_CORRELATION_ID_SIZE],
                           aep_error *err);

enum aep_severity { AEP_SEVERITY_ERROR = 1, AEP_SEVERITY_WARNING = 2 };

/** A fault of an envelope; borrowed while the callback runs. */
typedef struct aep_finding {
    enum aep_severity severity;
    const char *code;    /**< stable: "missing", "blank", "type", … see `aep validate --help` */
    const char *pointer; /**< JSON Pointer (RFC 6901) */
    const char *field;   /**< the member's name; "" for the whole document */
    const char *text;
} aep_finding;

typedef void (*aep_finding_fn)(void *user, const aep_finding *finding);

/** Checks an envelope, whoever made it, and calls fn for each finding.
 * @envelope  JSON text of `length` bytes, borrowed for the call
 * @strict    non-zero: warnings count as errors
 * Returns AEP_OK: valid; AEP_EINVAL: at least one error; AEP_ENOMEM. Since 0.1 */
AEP_API int aep_validate(const char *envelope, size_t length, int strict, aep_finding_fn fn,
                         void *user, aep_error *err);

#ifdef __cplusplus
}
#endif
#endif
