/* SPDX-License-Identifier: Apache-2.0 */
/* What has been reported to a person about a spool, so that nothing is reported for ever: numbers
 * by name, in a small text file "told" in the spool's folder:
 *
 *     outage 1763044200123456         since when the broker was in the reported state
 *     refused_invalid 3               as `aep doctor` saw the counter last
 *
 * Losing it costs a repetition, so it is neither synced nor locked. */
#ifndef AEP_APP_TOLD_H
#define AEP_APP_TOLD_H

#include <stdint.h>
#include <stddef.h>

#define AEP__TOLD_MAX 32
#define AEP__TOLD_NAME_SIZE 32

struct aep__told {
    const char *folder; /* borrowed */
    size_t count;
    struct {
        char name[AEP__TOLD_NAME_SIZE];
        uint64_t value;
    } rows[AEP__TOLD_MAX];
};

/** Reads the file of the spool in a folder; empty if there is none, or it cannot be read. */
void aep__told_load(struct aep__told *told, const char *folder);
/** The number of this name; 0: there is none. */
uint64_t aep__told_get(const struct aep__told *told, const char *name);
void aep__told_set(struct aep__told *told, const char *name, uint64_t value);
/** Replaces the old file, if possible. */
void aep__told_save(const struct aep__told *told);

#endif
