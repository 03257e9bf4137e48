/* SPDX-License-Identifier: Apache-2.0 */
/* Segments: append-only files of records, numbered without a gap from the cursor's on.
 *
 *     0          header record (spool uuid, boot id)
 *     …          events
 *     L …        the event that crossed the soft limit, perhaps more of them
 *     seal       the first valid one at or beyond L ends the segment; what follows does not count
 *
 * Anyone appends (append.h); whoever has seen N's seal creates N+1; only the relay removes
 * (retire.h). A segment is never truncated. */
#ifndef AEP_SPOOL_SEGMENT_H
#define AEP_SPOOL_SEGMENT_H

#include "spool/record.h"
#include "spool/spool.h"

#define AEP__SEGMENT_NAME_SIZE 24
/* The size of an empty one: its header. */
#define AEP__SEGMENT_EMPTY_BYTES AEP__RECORD_HEADER_BYTES

void aep__segment_name(uint64_t number, char name[AEP__SEGMENT_NAME_SIZE]);
/** The number of a segment's file name; 0 if it is not one. */
uint64_t aep__segment_number(const char *name);

/** What a segment's header says. Only SEGMENT_LIVE accepts records; the others are sealed early by
 * whoever tries to append. */
enum aep__segment_state {
    AEP__SEGMENT_LIVE,
    AEP__SEGMENT_OTHER_BOOT, /* of this spool, begun before the machine was restarted */
    AEP__SEGMENT_HEADLESS,   /* no header: cut off by a loss of power, or garbage */
    AEP__SEGMENT_FOREIGN,    /* another spool's: its records are not read */
};

/** Whether a file of that number is there, whatever it is. */
bool aep__segment_exists(const struct aep__spool *spool, uint64_t number);
/** Whether one of this spool's is there, of whatever boot. */
bool aep__segment_ours(const struct aep__spool *spool, uint64_t number);
/** Opens one for append (write) or reading; ret_state may be NULL.
 * -1 with errno: ENOENT missing; EPERM no regular file of ours; EIO its header cannot be read. */
int aep__segment_open(const struct aep__spool *spool, uint64_t number, bool write,
                      enum aep__segment_state *ret_state);
/** Creates an empty one with its header, unless it exists; reserves blocks as far as the disk
 * allows. sealed_at > 0: it appears with at least that size and L, and is then sealed, best effort:
 * no record can be lost below sealed_at. 0 made, 1 it was there, -1 with errno. */
int aep__segment_create(const struct aep__spool *spool, uint64_t number, uint64_t sealed_at);
/** The same, but reserves nothing: for one that is likely to stay short. */
int aep__segment_create_bare(const struct aep__spool *spool, uint64_t number, uint64_t sealed_at);

/** The length of an open segment, and whether it still has a name. Unlike fstat(2) it does not
 * query times: since Linux 6.13 (multigrain timestamps) the first write after such a query must
 * store new ones, which doubles its cost. -1 with errno. */
int aep__segment_look(int fd, uint64_t *ret_size, bool *ret_named);
/** The same, and which file it is, at no more cost. */
int aep__segment_look_at(int fd, uint64_t *ret_size, bool *ret_named,
                         struct aep__os_file *ret_file);
/** Searches for the first seal in [L, end), or up to the end of the file. 1: found, with its
 * offset; 0: none; -1 errno: unknown, so nothing may be considered accepted. */
int aep__segment_find_seal(const struct aep__spool *spool, int fd, uint64_t end,
                           uint64_t *ret_offset);
/** Appends a seal, best effort: for a segment that has reached L. 0, or -1 with errno. */
int aep__segment_seal(const struct aep__spool *spool, int fd);
/** Seals one early: extends it to at least L (and `at`), then appends the seal; if it cannot be
 * extended nothing is sealed. 0, or -1 with errno. */
int aep__segment_seal_early(const struct aep__spool *spool, int fd, uint64_t at);

/** Gives the disk blocks below `offset`, all of which is finished, back and keeps them for what is to
 * come in this segment; they read as zeros from then on. The header and what stands beyond L stay.
 * Needs no room on the disk. 0, or -1 with errno. */
int aep__segment_give_back(const struct aep__spool *spool, uint64_t number, uint64_t offset);
/** Gives the blocks of [from, to) back, bytes of a torn record that the caller wrote. Best effort;
 * nothing where fd is not the segment of that number. */
void aep__segment_erase(const struct aep__spool *spool, uint64_t number, int fd, uint64_t from,
                        uint64_t to);

/** The last number of the unbroken run that begins at first; first - 1 if first is missing. */
uint64_t aep__segment_last(const struct aep__spool *spool, uint64_t first);

#endif
