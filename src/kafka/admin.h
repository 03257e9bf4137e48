/* SPDX-License-Identifier: Apache-2.0 */
/* What tools ask of Kafka: whether it accepts us, which topics exist, creating them.
 *
 *     open ─▶ contact ─▶ brokers, describe, auto_create, create ─▶ close
 *
 * Its client is a consumer without a group: a producer would make a broker create the topics that
 * it asks about. One thread; every call waits at most its timeout (create: twice). */
#ifndef AEP_KAFKA_ADMIN_H
#define AEP_KAFKA_ADMIN_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aep__admin;

/** Makes a client with the configuration's kafka.* properties; connects to nothing yet.
 * @config  loaded, in kafka mode, borrowed for the call
 * Errors: AEP_ECONFIG names the property, AEP_ENOMEM */
int aep__admin_open(struct aep__admin **ret, const aep_config *config, aep_error *err);
void aep__admin_close(struct aep__admin *admin);

/* ---- contact -------------------------------------------------------------------------------- */

enum aep__contact_state {
    AEP__CONTACT_MADE,
    AEP__CONTACT_UNREACHABLE,
    AEP__CONTACT_TLS,   /* reached, but no TLS connection */
    AEP__CONTACT_LOGIN, /* reached, but login refused */
};

struct aep__contact {
    enum aep__contact_state state;
    char reason[320]; /* which server and why; "" if it was made */
    char remedy[320];
};

/** Connects, logs in and gets one request answered. */
void aep__admin_contact(struct aep__admin *admin, int timeout_ms, struct aep__contact *ret);
/** "unreachable", "TLS failed", …; static. */
const char *aep__contact_name(enum aep__contact_state state);

struct aep__admin_broker {
    int id;
    const char *host;
    int port;
};

/** Calls fn with each broker and the address that the cluster advertises for it.
 * Errors: AEP_ESTATE no answer, and why */
int aep__admin_brokers(struct aep__admin *admin, int timeout_ms,
                       void (*fn)(void *user, const struct aep__admin_broker *broker), void *user,
                       aep_error *err);

/* ---- topics --------------------------------------------------------------------------------- */

/** An answer that may be withheld from us. */
enum aep__known { AEP__KNOWN_NOT, AEP__KNOWN_NO, AEP__KNOWN_YES };

enum aep__admin_state {
    AEP__ADMIN_PRESENT,
    AEP__ADMIN_MISSING,
    AEP__ADMIN_FORBIDDEN, /* we may not even learn whether it exists */
    AEP__ADMIN_UNCLEAR,   /* error says why */
};

struct aep__admin_topic {
    const char *name; /* the caller's */
    enum aep__admin_state state;
    int partitions, replication; /* 0: not known */
    bool retention_known;
    int64_t retention_ms;     /* -1: for ever */
    enum aep__known writable; /* NOT also where librdkafka is older than 2.3 */
    enum aep__known readable; /* NOT unless it has been tried */
    char error[160];
};

/** Fills in what is known of each; overwrites all but the name. Creates none.
 * Errors: AEP_EINVAL a name that Kafka does not take; AEP_ENOMEM */
int aep__admin_describe(struct aep__admin *admin, struct aep__admin_topic *topics, size_t count,
                        int timeout_ms, aep_error *err);
/** Tries to read those that are present, each at its end, and sets whether we may; where it is not
 * known, error says why. */
void aep__admin_try_reading(struct aep__admin *admin, struct aep__admin_topic *topics, size_t count,
                            int timeout_ms);

struct aep__admin_group {
    enum aep__known usable;
    char error[160]; /* why it is not known */
};

/** Tries whether we may use a consumer group; changes nothing in it. */
void aep__admin_try_group(struct aep__admin *admin, const char *name, int timeout_ms,
                          struct aep__admin_group *ret);

/** "present", "missing", …; static. */
const char *aep__admin_state_name(enum aep__admin_state state);

/** The value in force of one of a topic's settings, as text. False: not known. */
bool aep__admin_setting(struct aep__admin *admin, const char *topic, const char *setting,
                        int timeout_ms, char *text, size_t size);

/** Whether brokers create a topic on its first event (auto.create.topics.enable). */
enum aep__known aep__admin_auto_create(struct aep__admin *admin, int timeout_ms);

#define AEP__ADMIN_CONFIGS 32

/** The settings of new topics. */
struct aep__admin_wish {
    int partitions, replication; /* -1: as the broker says */
    const char *names[AEP__ADMIN_CONFIGS], *values[AEP__ADMIN_CONFIGS];
    size_t config_count;
    bool only_try; /* create nothing, only report what would happen */
};

enum aep__admin_made {
    AEP__ADMIN_MADE,
    AEP__ADMIN_WAS_THERE,
    AEP__ADMIN_NOT_ALLOWED,
    AEP__ADMIN_NOT_MADE, /* error says why */
};

struct aep__admin_new {
    const char *name; /* the caller's */
    enum aep__admin_made made;
    char error[256];
};

/** Creates topics and stores the result in each.
 * Errors: AEP_EINVAL a name, number or setting that librdkafka does not take; AEP_ESTATE no answer,
 * and why; AEP_ENOMEM */
int aep__admin_create(struct aep__admin *admin, const struct aep__admin_wish *wish,
                      struct aep__admin_new *topics, size_t count, int timeout_ms, aep_error *err);

#endif
