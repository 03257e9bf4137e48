/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a whole spool, without losing an event of a publisher that has it open:
 *
 *     lock ─▶ rename the folder ─▶ hide spool.id ─▶ seal the newest segment ─▶ empty? ─▶ unlink all
 *      no relay   new publishers make      no segment       accepted events         │ no
 *      from now on    another spool        is begun here     grow no more           ▼
 *                                                             everything as it was before
 *
 * A publisher whose segment is sealed under it finds no spool.id (append.c), and begins anew at the
 * path. Hidden, it is removed.id, and the last file to go: a remover that is killed leaves a spool that
 * takes no events, and is delivered like any other. */
#ifndef AEP_SPOOL_REMOVE_H
#define AEP_SPOOL_REMOVE_H

#include "spool/spool.h"

/** Whether a spool that stands still may go. */
typedef bool (*aep__remove_fn)(void *user, struct aep__spool *spool);

/** Removes a spool's folder. `may` is asked when nobody adds to it any more; NULL: whatever is in it.
 * Close the spool afterwards, it is of no more use.
 * Errors: AEP_ERELAY a relay runs; AEP_ESTATE it may not; AEP_ESPOOL something in the folder is no
 * part of a spool, or it cannot be removed. In each case nothing is lost. */
int aep__spool_remove(struct aep__spool *spool, aep__remove_fn may, void *user, aep_error *err);

#endif
