/* SPDX-License-Identifier: Apache-2.0 */
/* Which spool, or spools, a verb is about, for verbs that look at one without publishing:
 *
 *     --spool DIR, else the configured one, else the only one in $XDG_STATE_HOME/aep */
#ifndef AEP_APP_SPOOLS_H
#define AEP_APP_SPOOLS_H

#include "options.h"

#include "base/buf.h"
#include "config/config.h"
#include "spool/spool.h"

/** The row for --spool, for the verbs' tables. */
#define AEP__SPOOL_OPTION                                                                          \
    {                                                                                              \
        "spool", 0, AEP__ARGUMENT_VALUE, "DIR",                                                    \
            "The spool's folder; default: the configured one, else the only one there is.",        \
            "FILE", NULL, NULL                                                                     \
    }

/** The same for verbs that show all of them: aep__spools_each(). */
#define AEP__SPOOL_ONLY_OPTION                                                                     \
    {                                                                                              \
        "spool", 0, AEP__ARGUMENT_VALUE, "DIR", "Only the spool in this folder.", "FILE", NULL,    \
            NULL                                                                                   \
    }

/** Whether the configuration says where events go: to Kafka or to a spool's folder. */
bool aep__spools_configured(const struct aep__args *args);
/** The folder of the one spool that is meant, absolute, appended to out.
 * Errors: AEP_EINVAL several are possible, or none; AEP_ECONFIG */
int aep__spools_folder(const struct aep__args *args, struct aep__buf *out, aep_error *err);
/** Opens it. Errors: as above; AEP_ESPOOL there is no spool. */
int aep__spools_open(const struct aep__args *args, struct aep__spool *spool, aep_error *err);

/** Calls fn for each spool: the one of --spool, or of the configuration and all beside it, or where
 * none is configured all in $XDG_STATE_HOME/aep.
 * Returns AEP_OK (also if there is none), or what fn returned first that was not AEP_OK. One found
 * beside the others that cannot be opened is reported and skipped.
 * Errors: AEP_ECONFIG the configuration is wrong; AEP_ESPOOL the one of --spool cannot be opened, or
 * the configured one, but fn has been called for those beside it */
int aep__spools_each(const struct aep__args *args, int (*fn)(void *user, struct aep__spool *spool),
                     void *user, aep_error *err);

/** Appends the folder of a (loaded) configuration's spool; where it has none, of the one of the local
 * mode, in the folder that spools are in by default. There may be no spool yet. */
int aep__spools_own(const aep_config *config, struct aep__buf *out, aep_error *err);
/** Calls fn with that folder, if there is a spool, and with each spool beside it, until it returns
 * something other than 0. */
void aep__spools_beside(const char *own, int (*fn)(void *user, const char *path), void *user);

#endif
