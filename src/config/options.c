/* SPDX-License-Identifier: Apache-2.0 */
/* Every option, in the order of enum aep__option. What librdkafka understands beside these is in
 * kafka_keys.c. */
#include "config/options.h"

#include <stdio.h>
#include <string.h>

#define KIB INT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define PIB (GIB * 1024 * 1024)
#define DAY_S INT64_C(86400)
#define HOUR_MS INT64_C(3600000)

const struct aep__option_row aep__options[AEP__OPT_COUNT] = {
    [AEP__OPT_MODE] =
        {
            .key = "mode",
            .type = AEP__OPTION_TYPE_WORD,
            .words = "kafka|local",
            .fallback = "kafka",
            .doc = "`kafka` sends events to Kafka. `local` needs no Kafka and keeps the newest "
                   "`spool.max_bytes` of them on this machine.",
        },
    [AEP__OPT_KAFKA_BOOTSTRAP_SERVERS] =
        {
            .key = "kafka.bootstrap.servers",
            .alias = "kafka.metadata.broker.list",
            .names = {"KAFKA_BOOTSTRAP_SERVERS", "KAFKA_INTELLIGENCE_BOOTSTRAP_SERVERS"},
            .type = AEP__OPTION_TYPE_SERVERS,
            .in_dotenv = true,
            .fallback = "",
            .doc = "Bootstrap brokers: `host:port`, separated by commas only, as in Kafka's own "
                   "clients. The default port is 9092. Write IPv6 addresses in brackets.",
        },
    [AEP__OPT_KAFKA_PASSWORD_FILE] =
        {
            .key = "kafka.sasl.password.file",
            .type = AEP__OPTION_TYPE_PATH,
            .fallback = "",
            .doc = "A file that holds `kafka.sasl.password`; the relay reads it when it connects. "
                   "One trailing newline is dropped. The file must not be world-readable.",
        },
    [AEP__OPT_TENANT_ID] =
        {
            .key = "tenant.id",
            .names = {"TENANT_ID"},
            .type = AEP__OPTION_TYPE_TEXT,
            .in_dotenv = true,
            .max = 128,
            .fallback = "default",
            .doc = "The `tenant_id` of every event.",
        },
    [AEP__OPT_ENVIRONMENT] =
        {
            .key = "environment",
            .names = {"ENVIRONMENT"},
            .type = AEP__OPTION_TYPE_TEXT,
            .in_dotenv = true,
            .max = 128,
            .fallback = "",
            .doc = "If set, sent as the header `x-environment`: dev, test, prod.",
        },
    [AEP__OPT_NAMESPACE] =
        {
            .key = "namespace",
            .type = AEP__OPTION_TYPE_TEXT,
            .max = 128,
            .fallback = "omninode",
            .doc = "The `namespace` of every event.",
        },
    [AEP__OPT_SOURCE] =
        {
            .key = "source",
            .type = AEP__OPTION_TYPE_TEXT,
            .max = 128,
            .fallback = "omniclaude",
            .doc = "The `source` of every event.",
        },
    [AEP__OPT_EVENTS_ENABLED] =
        {
            .key = "events.enabled",
            .type = AEP__OPTION_TYPE_BOOL,
            .fallback = "true",
            .doc = "`false` makes every publish call a silent no-op.",
        },
    [AEP__OPT_CAPTURE_REQUEST] =
        {
            .key = "capture.request",
            .type = AEP__OPTION_TYPE_BOOL,
            .fallback = "true",
            .doc = "`off` leaves the text of `user_request` out of what is published.",
        },
    [AEP__OPT_HOOK_CAPTURE] =
        {
            .key = "hook.capture",
            .type = AEP__OPTION_TYPE_WORD,
            .words = "none|tools",
            .fallback = "none",
            .doc =
                "`tools` adds what a coding agent's tools are given and give to the events that "
                "`aep hook` publishes: redacted, and cut at 4 KiB. `none` publishes their names, "
                "results and times only.",
        },
    [AEP__OPT_REDACT] =
        {
            .key = "redact",
            .type = AEP__OPTION_TYPE_BOOL,
            .fallback = "true",
            .doc = "`off` publishes secrets as they are.",
        },
    [AEP__OPT_REDACT_EXTRA] =
        {
            .key = "redact.extra",
            .type = AEP__OPTION_TYPE_TEXT,
            .max = 4096,
            .fallback = "",
            .doc = "What to redact in addition to the built-in rules: rules separated by "
                   "newlines, or by a comma before `key:` or `re:`. `key:NAME` adds a name whose "
                   "values are secret; `re:REGEX` adds a POSIX extended regular expression whose "
                   "whole match is secret.",
        },
    [AEP__OPT_IDS_STRICT] =
        {
            .key = "ids.strict",
            .type = AEP__OPTION_TYPE_BOOL,
            .fallback = "false",
            .doc = "`true` refuses ids that are not UUIDs.",
        },
    [AEP__OPT_TOPIC_LAYOUT] =
        {
            .key = "topic.layout",
            .type = AEP__OPTION_TYPE_WORD,
            .words = "kind|single",
            .fallback = "kind",
            .doc = "`kind`: one topic per kind of event. `single`: one topic for all, for strict "
                   "order across kinds.",
        },
    [AEP__OPT_WIRE_CLOUDEVENTS] =
        {
            .key = "wire.cloudevents",
            .type = AEP__OPTION_TYPE_BOOL,
            .fallback = "true",
            .doc = "`off` drops the CloudEvents headers.",
        },
    [AEP__OPT_LIMITS_FIELD_BYTES] =
        {
            .key = "limits.field_bytes",
            .type = AEP__OPTION_TYPE_SIZE,
            .min = 256,
            .max = 16 * MIB,
            .fallback = "256KiB",
            .doc = "A string longer than this is cut.",
        },
    [AEP__OPT_LIMITS_MESSAGE_BYTES] =
        {
            .key = "limits.message_bytes",
            .type = AEP__OPTION_TYPE_SIZE,
            .min = 4 * KIB,
            .max = 16 * MIB,
            .fallback = "1000000",
            .doc = "A message larger than this is refused. The brokers' own limit is about 1 MB "
                   "by default.",
        },
    [AEP__OPT_SPOOL_DIR] =
        {
            .key = "spool.dir",
            .type = AEP__OPTION_TYPE_PATH,
            .fallback = "",
            .doc = "The spool's folder. Unset: one folder per Kafka cluster and login, in "
                   "`$XDG_STATE_HOME/aep` (`~/.local/state/aep`).",
        },
    [AEP__OPT_SPOOL_SYNC] =
        {
            .key = "spool.sync",
            .type = AEP__OPTION_TYPE_WORD,
            .words = "batch|always|never",
            .fallback = "batch",
            .doc = "When events are synced to the disk, to survive a loss of power: every 100 ms, "
                   "before publish returns, or whenever the kernel does it.",
        },
    [AEP__OPT_SPOOL_MAX_BYTES] =
        {
            .key = "spool.max_bytes",
            .type = AEP__OPTION_TYPE_SIZE,
            .min = 256 * KIB,
            .max = PIB,
            .fallback = "1GiB",
            .doc = "The spool's size limit. A full spool refuses events (in local mode: removes "
                   "the oldest). At least 4 segments.",
        },
    [AEP__OPT_SPOOL_SEGMENT_BYTES] =
        {
            .key = "spool.segment_bytes",
            .type = AEP__OPTION_TYPE_SIZE,
            .min = 64 * KIB,
            .max = GIB,
            .fallback = "8MiB",
            .doc = "The segment size of new spools; smaller on a volume without room for eight of "
                   "them.",
        },
    [AEP__OPT_SPOOL_ANY_FS] =
        {
            .key = "spool.any_fs",
            .type = AEP__OPTION_TYPE_BOOL,
            .fallback = "false",
            .doc = "`true` allows a spool on NFS, CIFS, 9p or FUSE, at your own risk.",
        },
    [AEP__OPT_SPOOL_REMOVE_AFTER_S] =
        {
            .key = "spool.remove_after",
            .type = AEP__OPTION_TYPE_SECONDS,
            .min = 0,
            .max = 3650 * DAY_S,
            .fallback = "30d",
            .doc =
                "`aep flush --all` removes a spool that is empty and has not been written to for "
                "this long. 0: never.",
        },
    [AEP__OPT_RELAY_MODE] =
        {
            .key = "relay.mode",
            .type = AEP__OPTION_TYPE_WORD,
            .words = "auto|external|off",
            .fallback = "auto",
            .doc = "`auto`: publishers start a relay when none runs. `external`: you run it. "
                   "`off`: events stay in the spool.",
        },
    [AEP__OPT_RELAY_PATH] =
        {
            .key = "relay.path",
            .type = AEP__OPTION_TYPE_PATH,
            .fallback = "",
            .doc = "The relay program. Unset: the one installed with the library or program.",
        },
    [AEP__OPT_RELAY_IDLE_EXIT_S] =
        {
            .key = "relay.idle_exit",
            .type = AEP__OPTION_TYPE_SECONDS,
            .min = 1,
            .max = 365 * DAY_S,
            .fallback = "60s",
            .doc = "A relay that a publisher started exits after this time with nothing to do.",
        },
    [AEP__OPT_DEAD_MAX_BYTES] =
        {
            .key = "dead.max_bytes",
            .type = AEP__OPTION_TYPE_SIZE,
            .min = 0,
            .max = PIB,
            .fallback = "64MiB",
            .doc = "The size limit of the dead-letter log. What does not fit is dropped and "
                   "counted.",
        },
    [AEP__OPT_PUBLISH_WAIT_MS] =
        {
            .key = "publish.wait_ms",
            .type = AEP__OPTION_TYPE_MS,
            .min = 0,
            .max = HOUR_MS,
            .fallback = "10ms",
            .doc = "How long a publish call of a binding that reports delivery waits for the "
                   "acknowledgement while Kafka is healthy.",
        },
    [AEP__OPT_CLOSE_WAIT_MS] =
        {
            .key = "close.wait_ms",
            .type = AEP__OPTION_TYPE_MS,
            .min = 0,
            .max = HOUR_MS,
            .fallback = "500ms",
            .doc = "How long closing waits for acknowledgements if the spool's file system may "
                   "vanish with the process (tmpfs, overlay).",
        },
    [AEP__OPT_LOG_EVERY_S] =
        {
            .key = "log.every_s",
            .type = AEP__OPTION_TYPE_SECONDS,
            .min = 0,
            .max = DAY_S,
            .fallback = "0",
            .doc =
                "The log callback gets the same warning at most once in this time. 0: every time.",
        },
    [AEP__OPT_TRACK_STORE] =
        {
            .key = "track.store",
            .type = AEP__OPTION_TYPE_STORE,
            .fallback = "",
            .doc = "Where the tracker keeps executions: the path of an SQLite database, or "
                   "`postgresql://USER@HOST:PORT/DATABASE` (PostgreSQL 13 or newer, which the "
                   "trackers of several machines can share; the password from `~/.pgpass`, "
                   "`?passfile=FILE` or libpq's other ways). Unset: "
                   "`$XDG_STATE_HOME/aep/tracker.db` (`~/.local/state/aep`). If it is removed, "
                   "the tracker makes a new one from what Kafka and the spools still hold.",
        },
    [AEP__OPT_TRACK_IDLE_EXIT_S] =
        {
            .key = "track.idle_exit",
            .type = AEP__OPTION_TYPE_SECONDS,
            .min = 1,
            .max = 365 * DAY_S,
            .fallback = "60s",
            .doc = "A tracker that was started automatically exits after this time without a new "
                   "event or a connected reader.",
        },
    [AEP__OPT_TRACK_ABANDON_AFTER_S] =
        {
            .key = "track.abandon_after",
            .type = AEP__OPTION_TYPE_SECONDS,
            .min = 60,
            .max = 3650 * DAY_S,
            .fallback = "24h",
            .doc = "An execution that has been silent for this long, and does not wait for "
                   "anything, counts as abandoned.",
        },
    [AEP__OPT_TRACK_SOURCES] =
        {
            .key = "track.sources",
            .type = AEP__OPTION_TYPE_WORDS,
            .words = "spool|kafka",
            .fallback = "",
            .doc = "What the tracker reads: the spools of this user, Kafka, or both, separated by "
                   "a comma. Unset: both, but in local mode only `spool`.",
        },
    [AEP__OPT_TRACK_TOPICS] =
        {
            .key = "track.topics",
            .type = AEP__OPTION_TYPE_TOPICS,
            .fallback = "",
            .doc = "More topics that the tracker reads, separated by commas. It always reads "
                   "those of the four kinds and that of `topic.layout=single`.",
        },
    [AEP__OPT_TRACK_BACKFILL_S] =
        {
            .key = "track.backfill",
            .type = AEP__OPTION_TYPE_SECONDS,
            .min = 0,
            .max = 3650 * DAY_S,
            .fallback = "7d",
            .doc = "How far back a new store reads Kafka.",
        },
    [AEP__OPT_TRACK_RETENTION_S] =
        {
            .key = "track.retention",
            .type = AEP__OPTION_TYPE_SECONDS,
            .min = 0,
            .max = 3650 * DAY_S,
            .fallback = "30d",
            .doc = "The tracker removes an execution this long after its end. 0: never.",
        },
    [AEP__OPT_TRACK_RETENTION_BODIES_S] =
        {
            .key = "track.retention_bodies",
            .type = AEP__OPTION_TYPE_SECONDS,
            .min = 0,
            .max = 3650 * DAY_S,
            .fallback = "7d",
            .doc = "The tracker drops the texts of an execution's events this long after it "
                   "completed; what `aep list` shows of it stays. 0: never.",
        },
    [AEP__OPT_TRACK_RETENTION_FAILED_BODIES_S] =
        {
            .key = "track.retention_failed_bodies",
            .type = AEP__OPTION_TYPE_SECONDS,
            .min = 0,
            .max = 3650 * DAY_S,
            .fallback = "30d",
            .doc = "The same for an execution that failed or was abandoned. 0: never.",
        },
    [AEP__OPT_TRACK_MAX_BYTES] =
        {
            .key = "track.max_bytes",
            .type = AEP__OPTION_TYPE_SIZE,
            .min = 0,
            .max = PIB,
            .fallback = "2GiB",
            .doc =
                "The size limit of the tracker's database; in PostgreSQL, of its rows. Above it, the "
                "executions that ended first are removed; never those that are open or pinned. "
                "0: no limit.",
        },
};

int aep__option_find(const char *key)
{
    for (int i = 0; i < AEP__OPT_COUNT; i++) {
        const struct aep__option_row *row = &aep__options[i];
        if (strcmp(row->key, key) == 0 || (row->alias && strcmp(row->alias, key) == 0))
            return i;
    }
    return -1;
}

void aep__option_name(const char *key, char name[AEP__NAME_SIZE])
{
    snprintf(name, AEP__NAME_SIZE, "AEP_%s", key);
    for (char *at = name; *at; at++)
        *at = *at == '.' ? '_' : *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
}
