/* SPDX-License-Identifier: Apache-2.0 */
/* Which boot it is. Containers on one kernel may each show a boot id of their own (systemd-nspawn,
 * LXD), and yet share a spool: what another one writes is not of another boot. Boot ids cannot tell
 * that, locks can, since they die with the kernel:
 *
 *     relay       holds a byte of relay.lock that its boot id names; then writes that id into the
 *                 cursor. Publishers take the cursor's boot id for theirs while it is held.
 *     publisher   holds a byte of the segment that it has open. One of another boot id that somebody
 *                 holds is of this boot.
 */
#ifndef AEP_SPOOL_BOOT_H
#define AEP_SPOOL_BOOT_H

#include "spool/spool.h"

/** The relay's, under its lock, before it writes the cursor. */
void aep__boot_vouch(const struct aep__spool *spool, int lock_fd);
/** Takes the boot id for this spool's, if a relay that lives vouches for it. */
void aep__boot_adopt(struct aep__spool *spool, const uint8_t boot[16]);

/** A segment of this boot, held as long as the descriptor is open. */
void aep__boot_hold_segment(int fd);
/** Whether somebody else holds it: then it is of this boot, whatever its header says. */
bool aep__boot_segment_held(int fd);

#endif
