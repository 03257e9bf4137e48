/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: one option table, values with their origins, and what is derived from them.
 *
 * A struct aep_config holds what was set as an argument (aep_config_set) and, once it has been
 * loaded, the value in force of every option, by layers:
 *
 *     argument > environment > .env named by AEP_DOTENV (three variables) > aep.conf > default
 *
 * Only loading reads the environment and the files; everything a loaded config is asked later, its
 * spool folder included, comes from what was read then. A loaded config is read-only and may be
 * shared between threads. Functions that take `config` need a loaded one. */
#ifndef AEP_CONFIG_CONFIG_H
#define AEP_CONFIG_CONFIG_H

#include "aep/aep.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/** Every option that has a row of its own in options.c, in that order. `kafka.*` keys without a
 * row are librdkafka's and are kept as they are. */
enum aep__option {
    AEP__OPT_MODE, /* kafka | local */
    AEP__OPT_KAFKA_BOOTSTRAP_SERVERS,
    AEP__OPT_KAFKA_PASSWORD_FILE, /* kafka.sasl.password.file */
    AEP__OPT_TENANT_ID,
    AEP__OPT_ENVIRONMENT,
    AEP__OPT_NAMESPACE,
    AEP__OPT_SOURCE,
    AEP__OPT_EVENTS_ENABLED,
    AEP__OPT_CAPTURE_REQUEST,
    AEP__OPT_HOOK_CAPTURE, /* none | tools */
    AEP__OPT_REDACT,
    AEP__OPT_REDACT_EXTRA,
    AEP__OPT_IDS_STRICT,
    AEP__OPT_TOPIC_LAYOUT, /* kind | single */
    AEP__OPT_WIRE_CLOUDEVENTS,
    AEP__OPT_LIMITS_FIELD_BYTES,
    AEP__OPT_LIMITS_MESSAGE_BYTES,
    AEP__OPT_SPOOL_DIR,  /* "" means the derived default */
    AEP__OPT_SPOOL_SYNC, /* batch | always | never */
    AEP__OPT_SPOOL_MAX_BYTES,
    AEP__OPT_SPOOL_SEGMENT_BYTES, /* L, for a new spool: 8 MiB; at least 64 KiB */
    AEP__OPT_SPOOL_ANY_FS,
    AEP__OPT_SPOOL_REMOVE_AFTER_S, /* 0: never */
    AEP__OPT_RELAY_MODE,           /* auto | external | off */
    AEP__OPT_RELAY_PATH,           /* "" means beside the library or program */
    AEP__OPT_RELAY_IDLE_EXIT_S,
    AEP__OPT_DEAD_MAX_BYTES,
    AEP__OPT_PUBLISH_WAIT_MS,
    AEP__OPT_CLOSE_WAIT_MS,
    AEP__OPT_LOG_EVERY_S,
    AEP__OPT_TRACK_STORE, /* "" means the derived default */
    AEP__OPT_TRACK_IDLE_EXIT_S,
    AEP__OPT_TRACK_ABANDON_AFTER_S,
    AEP__OPT_TRACK_SOURCES, /* "spool", "kafka", both with a comma; "": by the mode */
    AEP__OPT_TRACK_TOPICS,  /* more of them, with commas */
    AEP__OPT_TRACK_BACKFILL_S,
    AEP__OPT_TRACK_RETENTION_S,               /* 0: never */
    AEP__OPT_TRACK_RETENTION_BODIES_S,        /* 0: never */
    AEP__OPT_TRACK_RETENTION_FAILED_BODIES_S, /* 0: never */
    AEP__OPT_TRACK_MAX_BYTES,                 /* 0: no limit */
    AEP__OPT_COUNT,
};

/** Loads and checks: what a publisher opens with. An `args` that is loaded already is copied as it
 * is. Reads nothing from the environment of a setuid or setgid program.
 * @args  what was set as an argument; NULL for nothing; borrowed
 * Errors: AEP_ECONFIG names file, line, key and nearest known key, or the bad value; no servers in
 * kafka mode is one too (unless events.enabled=false); AEP_ENOMEM. */
int aep__config_resolve(const aep_config *args, aep_config **ret, aep_error *err);
/** The same for whoever only reads: where neither a mode nor servers are set, in local mode, since what
 * publishes without a configuration (hooks) does so, too. args: gets the mode. */
int aep__config_resolve_reading(aep_config *args, aep_config **ret, aep_error *err);
/** Its two halves, for showing a configuration that does not pass the check. */
int aep__config_load(const aep_config *args, aep_config **ret, aep_error *err);
int aep__config_check(const aep_config *config, aep_error *err);

/** Where loading reads from; tests bring their own. */
struct aep__config_sources {
    char *const *environment; /* as environ; NULL: none is to be read */
    const char *system_file;  /* /etc/aep/aep.conf */
};
int aep__config_load_from(const aep_config *args, const struct aep__config_sources *sources,
                          aep_config **ret, aep_error *err);

/** Never NULL; "" where nothing is set. Numbers and times as given, words in lower case, booleans
 * "true" and "false", servers in canonical form. */
const char *aep__config_text(const aep_config *config, enum aep__option option);
/** Appends the value of an option by a key as aep_config_set() takes it: numbers without a unit,
 * bytes, seconds or milliseconds as the option counts. False: there is no such option. */
bool aep__config_show(const aep_config *config, const char *key, struct aep__buf *out);
/** Bytes, seconds or milliseconds, as the option's name says. */
int64_t aep__config_int(const aep_config *config, enum aep__option option);
bool aep__config_bool(const aep_config *config, enum aep__option option);
/** True if the option's value means `value`: for booleans "off" is "false". */
bool aep__config_is(const aep_config *config, enum aep__option option, const char *value);

aep_log_fn aep__config_log(const aep_config *config, void **ret_user);

/** Calls fn for every kafka.* option in force with librdkafka's name ("security.protocol"), the
 * bootstrap servers and the content of the password file included; stops when fn returns non-zero
 * and returns that. The texts are valid only while fn runs.
 * Errors: AEP_ECONFIG the password file; AEP_ENOMEM. May block on the local disk. */
int aep__config_each_kafka(const aep_config *config,
                           int (*fn)(void *user, const char *name, const char *value), void *user,
                           aep_error *err);

/** What distinguishes two destinations: canonical broker list (sorted, lower case, default port),
 * protocol, mechanism, principal, CA; only those that matter for that protocol. One `name=value`
 * line each, for the spool's identity file; no secrets. Local mode: `local`. */
void aep__config_destination(const aep_config *config, struct aep__buf *out);
/** The spool folder in force, absolute: spool.dir, else
 * $XDG_STATE_HOME/aep/<at most 40 safe bytes of the broker list>-<hash of the destination>. Local
 * mode: …/aep/local. Errors: AEP_ECONFIG there is no home folder to derive it from; AEP_ESPOOL its
 * replacement belongs to somebody else; AEP_ENOMEM. */
int aep__config_spool_dir(const aep_config *config, struct aep__buf *out, aep_error *err);
/** Whether it is a folder in the system's temporary one, kept over a reboot, since the derived one
 * would be on a network file system, where a spool is not safe (spool.any_fs allows it). */
bool aep__config_spool_stands_in(const aep_config *config);

/** One line per option: value, origin, secrets masked; then the files read and variables that look
 * mistyped; `aep config explain`. json: an object. */
void aep__config_explain(const aep_config *config, bool json, struct aep__buf *out);
/** The reference page (Markdown) from the table: docs/CONFIGURATION.md. */
void aep__config_reference(struct aep__buf *out);

/** The values in force as bytes, to be passed on (config/pass.h), secrets and origins included, and
 * back, checked as if they came from the user: as aep__config_resolve() or, _loaded, as
 * aep__config_load() does. Errors: AEP_ECONFIG, AEP_ENOMEM. */
void aep__config_pack(const aep_config *config, struct aep__buf *out);
int aep__config_unpack(const char *data, size_t len, aep_config **ret, aep_error *err);
int aep__config_unpack_loaded(const char *data, size_t len, aep_config **ret, aep_error *err);

#endif
