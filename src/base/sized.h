/* SPDX-License-Identifier: Apache-2.0 */
/* Structs of the public header that begin with their size, as clone3(2) has it: a program that was
 * built against an older header has a shorter one, against a newer header a longer one.
 *
 *     theirs ── check ── read, get ──▶ ours     arguments: absent members are zero, those that we do
 *                                               not know have to be
 *     theirs ◀── write ── check_out ── ours     results: what does not fit in theirs is left out */
#ifndef AEP_BASE_SIZED_H
#define AEP_BASE_SIZED_H

#include "aep/aep.h"

#include <stddef.h>
#include <string.h>

/** Whether an argument may be read; we know this many of its bytes.
 * @macro  what the caller should have made it with: "AEP_STARTED()"
 * Errors: AEP_EINVAL its size is not set, or it has members that this library does not know */
int aep__sized_check(const void *theirs, size_t known, const char *macro, aep_error *err);
/** Copies the members that both sides know into ours, which has this many bytes and gets its size
 * set; the rest is zero. */
void aep__sized_read(const void *theirs, void *ours, size_t bytes);

/** Whether a result may be written. Errors: AEP_EINVAL: the size of that `name` is not set */
int aep__sized_check_out(const void *theirs, const char *name, aep_error *err);
/** Copies the members that both sides know from ours, which has this many bytes; the size in theirs
 * stays. */
void aep__sized_write(void *theirs, const void *ours, size_t bytes);

/** One member of an argument; zeros where theirs ends before it. */
static inline void aep__sized_get(const void *theirs, size_t offset, void *ret, size_t bytes)
{
    size_t size;
    memcpy(&size, theirs, sizeof size);
    if (offset + bytes <= size)
        memcpy(ret, (const char *)theirs + offset, bytes);
    else
        memset(ret, 0, bytes);
}

#endif
