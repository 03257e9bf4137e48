/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/append.h"

#include "base/clock.h"
#include "base/error.h"
#include "spool/boot.h"
#include "spool/cursor.h"
#include "spool/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESERVED_PERCENT 5 /* of max_bytes, kept for started and terminal events */
#define TRIES 64           /* of one append: segments sealed or removed under us */
#define TORN_US 100000     /* between two tries of what a full disk takes only a part of */

void aep__append_init(struct aep__appender *appender, struct aep__spool *spool, uint64_t max_bytes)
{
    *appender = (struct aep__appender){.spool = spool, .fd = -1, .max_bytes = max_bytes};
}

void aep__append_done(struct aep__appender *appender)
{
    if (aep__os_is(appender->fd, &appender->file)) /* else it is not ours to close */
        close(appender->fd);
    appender->fd = -1;
}

void aep__append_resume(struct aep__appender *appender, const struct aep__appender *before)
{
    appender->segment = before->segment;
    appender->new_segment = before->new_segment;
    appender->unsynced = before->unsynced;
    appender->gaps = before->gaps;
    appender->strays = before->strays;
}

void aep__append_forked(struct aep__appender *appender)
{
    aep__append_done(appender);
    appender->sealed = appender->new_segment = false;
    appender->unsynced = 0; /* the parent's */
}

/* A descriptor's position is its own: no other file's is likely to be just where our last record ended. */
bool aep__append_ours(struct aep__appender *appender)
{
    off_t at = appender->fd < 0 ? -1 : lseek(appender->fd, 0, SEEK_CUR);
    if (at >= 0 && at == appender->at)
        return true;
    if (appender->fd >= 0 && !aep__os_is(appender->fd, &appender->file)) {
        appender->fd = -1;
        appender->strays++;
    }
    appender->at = at;
    return appender->fd >= 0;
}

/* ---- finding the segment that takes records ---- */

static int refuse(const struct aep__appender *appender, aep_error *err, const char *what)
{
    int code = errno == ENOSPC || errno == EDQUOT ? AEP_EFULL : AEP_ESPOOL;
    if (code == AEP_EFULL)
        return aep__error_errno(err, code, "spool.dir",
                                "%s in %s: free disk space; accepted events are still delivered",
                                what, appender->spool->path);
    return aep__error_errno(err, code, "spool.dir", "%s in %s", what, appender->spool->path);
}

static int fail_io(const struct aep__appender *appender, const char *what, aep_error *err)
{
    return aep__error_errno(err, AEP_EIO, "spool.dir", "cannot %s in %s", what,
                            appender->spool->path);
}

static int load_cursor(const struct aep__appender *appender, struct aep__cursor *cursor,
                       aep_error *err)
{
    if (!aep__os_is(appender->spool->dir_fd, &appender->spool->folder))
        return aep__error(err, AEP_ESPOOL, "spool.dir",
                          "the descriptor of %s has been closed by this program",
                          appender->spool->path);
    return aep__cursor_load(appender->spool, cursor, err);
}

/* Measures again what counts towards the limit; the cursor before the side logs, so that what is
 * set aside in between counts twice rather than not at all. */
static int load_usage(struct aep__appender *appender, struct aep__cursor *cursor, aep_error *err)
{
    int result = load_cursor(appender, cursor, err);
    if (result != AEP_OK)
        return result;
    if (aep__sidelog_sizes(appender->spool, &appender->aside) == 0)
        appender->first = cursor->segment;
    return AEP_OK;
}

/* Whether the segment just opened takes records: 1, 0, -1 errno. One of another boot, or without a
 * header, or shorter than the cursor says, does not; it is sealed here, behind the cursor, since
 * records below that would never be read. That the seal may fail is no harm: nobody of this boot
 * takes it for live, so its successor may be made all the same. */
static int takes_records(const struct aep__appender *appender, enum aep__segment_state state,
                         const struct aep__cursor *cursor)
{
    uint64_t size, at;
    bool named;
    if (aep__segment_look(appender->fd, &size, &named) < 0)
        return -1;
    int found = aep__segment_find_seal(appender->spool, appender->fd, size, &at);
    if (found != 0)
        return found < 0 ? -1 : 0;
    uint64_t finished = cursor->segment == appender->segment ? cursor->offset : 0;
    if (state == AEP__SEGMENT_LIVE && size >= finished)
        return 1;
    aep__segment_seal_early(appender->spool, appender->fd, finished);
    return 0;
}

/* Whether a segment is there that was begun in another boot, as far as anybody can tell. */
static bool is_of_other_boot(const struct aep__spool *spool, uint64_t number)
{
    enum aep__segment_state state;
    int fd = aep__segment_open(spool, number, false, &state);
    if (fd >= 0)
        close(fd);
    return fd >= 0 && state == AEP__SEGMENT_OTHER_BOOT;
}

/* A first segment that is missing although the cursor stands inside it was lost with the power: it
 * comes back empty and sealed behind the cursor. One that follows another boot's may get a single
 * event, as where each command runs in a container with a boot id of its own: nothing is reserved for
 * more. */
static int create_segment(const struct aep__appender *appender, uint64_t number,
                          const struct aep__cursor *cursor, bool *ret_gap)
{
    uint64_t sealed_at = number == cursor->segment ? cursor->offset : 0;
    bool successor = aep__segment_ours(appender->spool, number + 1);
    int result = is_of_other_boot(appender->spool, number - 1)
                     ? aep__segment_create_bare(appender->spool, number, sealed_at)
                     : aep__segment_create(appender->spool, number, sealed_at);
    *ret_gap = successor && result == 0;
    return result;
}

/* AEP_OK: appender->fd is segment `number`, made if it was missing, and it takes records.
 * AEP_ESTATE: it does not, or is a zombie (retired, and made anew by somebody who did not know);
 * *next says where to go on. */
static int try_segment(struct aep__appender *appender, uint64_t number, uint64_t *next,
                       aep_error *err)
{
    struct aep__cursor cursor;
    enum aep__segment_state state;
    bool gap = false;
    aep__append_done(appender);
    appender->sealed = false;
    appender->end = 0;
    int result = load_cursor(appender, &cursor, err);
    if (result != AEP_OK)
        return result;
    *next = cursor.segment;
    if (number < cursor.segment)
        return AEP_ESTATE;
    aep__boot_adopt(appender->spool, cursor.boot);
    appender->fd = aep__segment_open(appender->spool, number, true, &state);
    if (appender->fd < 0 && errno == ENOENT) {
        if (create_segment(appender, number, &cursor, &gap) < 0)
            return refuse(appender, err, "cannot start a segment");
        appender->fd = aep__segment_open(appender->spool, number, true, &state);
    }
    if (appender->fd < 0 && errno == ENOENT)
        return AEP_ESTATE;
    if (appender->fd < 0)
        return refuse(appender, err, "cannot open a segment");
    aep__os_identify(appender->fd, &appender->file);
    appender->at = -1; /* not 0, where a file that has just been opened stands, too */
    if (!aep__spool_exists(appender->spool)) { /* whoever removes a spool seals what is there */
        aep__append_done(appender);
        return aep__error(err, AEP_ESPOOL, "spool.dir", "the spool %s has been removed",
                          appender->spool->path);
    }
    appender->segment = number;
    appender->new_segment = true;
    /* Again, after the open: only now is it known that what was opened had not been retired. */
    result = load_usage(appender, &cursor, err);
    *next = cursor.segment;
    int takes = 0;
    if (result == AEP_OK && number >= cursor.segment) {
        *next = number + 1;
        appender->gaps += gap;
        takes = takes_records(appender, state, &cursor);
    }
    if (takes > 0)
        return AEP_OK;
    if (takes < 0)
        result = fail_io(appender, "read a segment", err);
    aep__append_done(appender);
    return result == AEP_OK ? AEP_ESTATE : result;
}

/* The end of the run, which retiring shortens at its start only. So what was once our segment is
 * still part of it, or everything up to it is gone. */
static int find_end_of_run(struct aep__appender *appender, uint64_t *ret, aep_error *err)
{
    struct aep__cursor cursor;
    int result = load_cursor(appender, &cursor, err);
    if (result != AEP_OK)
        return result;
    uint64_t begin = appender->segment > cursor.segment ? appender->segment : cursor.segment;
    *ret = aep__segment_last(appender->spool, begin);
    if (*ret < begin && begin > cursor.segment) /* ours has been removed by somebody */
        *ret = aep__segment_last(appender->spool, cursor.segment);
    if (*ret < cursor.segment)
        *ret = cursor.segment;
    return AEP_OK;
}

/* Opens the newest segment: it is `from`, or a later one; 0: not known. Others may be far ahead, so
 * that after each miss the end of the run is looked for. */
static int open_newest(struct aep__appender *appender, uint64_t from, aep_error *err)
{
    int result = aep__spool_check(appender->spool, err);
    for (int tries = 0; result == AEP_OK && tries < TRIES; tries++) {
        uint64_t next = from, last = 0;
        if (from == 0)
            result = find_end_of_run(appender, &from, err);
        if (result == AEP_OK)
            result = try_segment(appender, from, &next, err);
        if (result != AEP_ESTATE)
            return result;
        result = find_end_of_run(appender, &last, err);
        from = next > last ? next : last;
    }
    if (result != AEP_OK)
        return result;
    return aep__error(err, AEP_ESPOOL, "spool.dir", "%s: no segment accepts records",
                      appender->spool->path);
}

/* ---- limits ---- */

static bool fits(const struct aep__appender *appender, uint64_t limit, uint64_t end, size_t len)
{
    uint64_t before = appender->segment > appender->first ? appender->segment - appender->first : 0;
    uint64_t aside = appender->aside.parked + appender->aside.dead;
    return before * appender->spool->segment_bytes + end + len + aside <= limit;
}

static bool same_file(const struct aep__os_file *one, const struct aep__os_file *other)
{
    return one->ino == other->ino && one->dev == other->dev;
}

static int refuse_full(const struct aep__appender *appender, aep_error *err)
{
    const struct aep__sidelog_sizes *aside = &appender->aside;
    const char *path = appender->spool->path;
    unsigned long long max_bytes = appender->max_bytes;
    const char *remedy = appender->spool->local
                             ? "publish again in a moment, when the relay has removed the oldest"
                             : "wait until Kafka has taken some";
    if (aside->parked + aside->dead == 0)
        return aep__error(err, AEP_EFULL, "spool.max_bytes",
                          "the spool %s is full (%llu bytes): %s events, or raise spool.max_bytes",
                          path, max_bytes, remedy);
    return aep__error(err, AEP_EFULL, "spool.max_bytes",
                      "the spool is full (%llu bytes, %llu of them parked, %llu dead letters): "
                      "see `aep status`; create the topic or grant WRITE on it, run `aep dead "
                      "drop`, or raise spool.max_bytes (%s)",
                      max_bytes, (unsigned long long)aside->parked, (unsigned long long)aside->dead,
                      path);
}

/* Refuses what would go over the limit. The segment's size is asked for only when a full one would
 * not fit, the cursor and the side logs only when the limit seems reached: the first that is
 * remembered is never too new. */
static int check_limit(struct aep__appender *appender, size_t len, bool reserved, aep_error *err)
{
    uint64_t end;
    bool named;
    struct aep__cursor cursor;
    struct aep__os_file file = {0};
    uint64_t limit = appender->max_bytes;
    uint64_t most = appender->spool->segment_bytes + appender->spool->record_bytes;
    if (limit == 0)
        return AEP_OK;
    if (!reserved)
        limit -= limit / 100 * RESERVED_PERCENT;
    if (fits(appender, limit, most, len))
        return AEP_OK;
    if (aep__segment_look_at(appender->fd, &end, &named, &file) < 0 && errno != EBADF)
        return fail_io(appender, "look at a segment", err);
    if (!same_file(&file, &appender->file)) /* the write finds out */
        return AEP_OK;
    if (fits(appender, limit, end, len))
        return AEP_OK;
    int result = load_usage(appender, &cursor, err);
    if (result != AEP_OK || appender->segment < appender->first || fits(appender, limit, end, len))
        return result;
    return refuse_full(appender, err);
}

/* ---- append ---- */

enum outcome { ACCEPTED, AGAIN, AGAIN_IN_NEXT, AGAIN_IN_NEWEST, FAILED };

/* Whether a segment that has no name any more was retired, not removed by a stranger: the cursor
 * went beyond it before it was unlinked, and a seal ended it before that. Our record, which no seal
 * precedes, was then read. */
static bool was_retired(struct aep__appender *appender, uint64_t end)
{
    struct aep__cursor cursor;
    uint64_t at;
    return load_cursor(appender, &cursor, NULL) == AEP_OK && cursor.segment > appender->segment &&
           aep__segment_find_seal(appender->spool, appender->fd, end, &at) == 1;
}

/* Where what was just written ends; -1 errno. A segment only grows: if it has grown by our record
 * since our last one ended it, nobody else has written. Else the descriptor's position tells, which
 * is right because it is this process's own and its threads take turns. */
static int find_end(struct aep__appender *appender, size_t len, uint64_t size, uint64_t *ret_end)
{
    bool alone = appender->end && size == appender->end + len;
    off_t end = alone ? (off_t)size : lseek(appender->fd, 0, SEEK_CUR);
    *ret_end = (uint64_t)end;
    appender->at = end;
    appender->end = *ret_end == size ? size : 0;
    return end < 0 ? -1 : 0;
}

/* The number is another file's, or nobody's: neither used nor closed any more. */
static enum outcome forget_stray(struct aep__appender *appender)
{
    appender->fd = -1;
    appender->strays++;
    return AGAIN_IN_NEWEST;
}

/* Whether what was just written counts, and where it ends. */
static enum outcome judge(struct aep__appender *appender, size_t len, uint64_t *ret_end)
{
    struct aep__os_file file;
    uint64_t at, size;
    bool named;
    if (aep__segment_look_at(appender->fd, &size, &named, &file) < 0)
        return errno == EBADF ? forget_stray(appender) : FAILED;
    if (!same_file(&file, &appender->file))
        return forget_stray(appender);
    if (find_end(appender, len, size, ret_end) < 0)
        return FAILED;
    bool crossed = *ret_end >= appender->spool->segment_bytes;
    int sealed =
        crossed ? aep__segment_find_seal(appender->spool, appender->fd, *ret_end - len, &at) : 0;
    if (sealed < 0)
        return FAILED;
    if (sealed)
        return AGAIN_IN_NEXT;
    if (!named && !was_retired(appender, size))
        return AGAIN_IN_NEWEST;
    if (crossed)
        appender->sealed = aep__segment_seal(appender->spool, appender->fd) == 0;
    return ACCEPTED;
}

/* Where a record's first bytes were written, and nothing more of it. */
struct torn {
    uint64_t from, to;
};

static void note_torn(const struct aep__appender *appender, size_t written, struct torn *torn)
{
    off_t end = lseek(appender->fd, 0, SEEK_CUR);
    if (end > 0 && written > torn->to - torn->from)
        *torn = (struct torn){(uint64_t)end - written, (uint64_t)end};
}

/* Each try on a full disk moves the segment's end on, and keeps the blocks at its edges. */
static bool would_tear(const struct aep__appender *appender, size_t len)
{
    return appender->torn_bytes && len >= appender->torn_bytes &&
           aep__clock_mono_us() - appender->torn_us < TORN_US;
}

/* A record that the disk has no room for must not keep the room that smaller ones could have. */
static void erase_torn(struct aep__appender *appender, const struct torn *torn, size_t len)
{
    int saved = errno;
    if (torn->to == torn->from)
        return;
    if (!appender->torn_bytes || len < appender->torn_bytes)
        appender->torn_bytes = len;
    appender->torn_us = aep__clock_mono_us();
    aep__segment_erase(appender->spool, appender->segment, appender->fd, torn->from, torn->to);
    if (torn->to >= appender->spool->segment_bytes)
        appender->sealed = aep__segment_seal(appender->spool, appender->fd) == 0;
    errno = saved;
}

static enum outcome write_record(struct aep__appender *appender, const void *record, size_t len,
                                 struct torn *torn, uint64_t *ret_end)
{
    ssize_t written = write(appender->fd, record, len);
    int saved = errno;
    if (written == (ssize_t)len)
        return judge(appender, len, ret_end);
    if (written < 0 && saved == EINTR)
        return AGAIN;
    if (!aep__os_is(appender->fd, &appender->file))
        return forget_stray(appender);
    errno = saved;
    if (written < 0)
        return FAILED;
    note_torn(appender, (size_t)written, torn);
    return AGAIN;
}

/* Makes appender->fd the segment for the next write. That it is still the right one is not asked
 * before the write but after it (judge): the answer before could be out of date by then. */
static int ready_segment(struct aep__appender *appender, enum outcome last, aep_error *err)
{
    if (last == AGAIN_IN_NEXT || (appender->fd >= 0 && appender->sealed))
        return open_newest(appender, appender->segment + 1, err);
    if (last == AGAIN_IN_NEWEST || appender->fd < 0)
        return open_newest(appender, 0, err);
    return AEP_OK;
}

int aep__append(struct aep__appender *appender, const void *record, size_t len, bool reserved,
                aep_position *ret, aep_error *err)
{
    enum outcome outcome = AGAIN;
    struct torn torn = {0};
    if (would_tear(appender, len)) {
        errno = ENOSPC;
        return refuse(appender, err, "the disk is full");
    }
    for (int tries = 0; tries < TRIES; tries++) {
        uint64_t end;
        int result = ready_segment(appender, outcome, err);
        if (outcome != AGAIN)
            torn = (struct torn){0}; /* it stands in another file */
        if (result == AEP_OK)
            result = check_limit(appender, len, reserved, err);
        if (result != AEP_OK)
            return result;
        outcome = write_record(appender, record, len, &torn, &end);
        if (outcome == ACCEPTED) {
            if (!appender->unsynced)
                appender->unsynced = appender->segment;
            if (len >= appender->torn_bytes)
                appender->torn_bytes = 0;
            *ret = (aep_position){appender->segment, end};
            return AEP_OK;
        }
        if (outcome == FAILED && (errno == ENOSPC || errno == EDQUOT)) {
            erase_torn(appender, &torn, len);
            return refuse(appender, err, "the disk is full");
        }
        if (outcome == FAILED)
            return fail_io(appender, "write", err);
    }
    return aep__error(err, AEP_EFULL, "spool.dir",
                      "the disk has no room for a whole record in %s: free disk space",
                      appender->spool->path);
}

/* ---- sync, tail ---- */

static int sync_segment(const struct aep__appender *appender, uint64_t number)
{
    bool current = number == appender->segment && aep__os_is(appender->fd, &appender->file);
    int fd = current ? appender->fd : aep__segment_open(appender->spool, number, false, NULL);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1; /* retired: delivered */
    int result = fdatasync(fd);
    int saved = errno;
    if (!current)
        close(fd);
    errno = saved;
    return result;
}

int aep__append_sync(struct aep__appender *appender, aep_error *err)
{
    struct aep__cursor cursor;
    uint64_t from = appender->unsynced;
    if (from && from < appender->segment && load_cursor(appender, &cursor, NULL) == AEP_OK &&
        from < cursor.segment)
        from = cursor.segment;
    for (; from && from <= appender->segment; from++)
        if (sync_segment(appender, from) < 0)
            return fail_io(appender, "sync a segment", err);
    appender->unsynced = 0;
    if (appender->new_segment && aep__spool_sync(appender->spool) < 0)
        return fail_io(appender, "sync the names", err);
    appender->new_segment = false;
    return AEP_OK;
}

int aep__append_tail(struct aep__appender *appender, aep_position *ret, aep_error *err)
{
    struct aep__cursor cursor;
    int result = load_cursor(appender, &cursor, err);
    if (result != AEP_OK)
        return result;
    uint64_t last = aep__segment_last(appender->spool, cursor.segment);
    *ret = (aep_position){cursor.segment, cursor.offset};
    if (last < cursor.segment)
        return AEP_OK;
    struct stat st;
    char name[AEP__SEGMENT_NAME_SIZE];
    aep__segment_name(last, name);
    if (fstatat(appender->spool->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        *ret = (aep_position){last, (uint64_t)st.st_size};
    return AEP_OK;
}
