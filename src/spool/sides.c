/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/sides.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void aep__sides_init(struct aep__sides *sides, const struct aep__spool *spool)
{
    *sides = (struct aep__sides){.spool = spool};
}

void aep__sides_done(struct aep__sides *sides)
{
    free(sides->list);
    free(sides->logs);
    *sides = (struct aep__sides){0};
}

/* ---- the list ---- */

static int compare_sides(const void *a, const void *b)
{
    const struct aep__side *x = a, *y = b;
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int add_side(struct aep__sides *sides, unsigned log, const struct aep__sidelog_entry *entry)
{
    if (sides->count == sides->max) {
        size_t max = sides->max ? sides->max * 2 : 64;
        struct aep__side *list = realloc(sides->list, max * sizeof *list);
        if (!list)
            return -1;
        sides->list = list;
        sides->max = max;
    }
    sides->list[sides->count++] = (struct aep__side){.segment = entry->note.segment,
                                                     .offset = entry->note.offset,
                                                     .end = entry->note.end,
                                                     .ordinal = entry->note.ordinal,
                                                     .at = entry->at,
                                                     .log = log,
                                                     .fate = sides->logs[log].fate};
    return 0;
}

/* Forgets those of a log that stand before a place in it. */
static void drop_before(struct aep__sides *sides, unsigned log, uint64_t at)
{
    size_t kept = 0;
    for (size_t i = 0; i < sides->count; i++)
        if (sides->list[i].log != log || sides->list[i].at >= at)
            sides->list[kept++] = sides->list[i];
    sides->count = kept;
}

/* New ones mostly come behind those that are there. */
static void sort(struct aep__sides *sides)
{
    for (size_t i = 1; i < sides->count; i++) {
        if (compare_sides(&sides->list[i - 1], &sides->list[i]) <= 0)
            continue;
        qsort(sides->list, sides->count, sizeof *sides->list, compare_sides);
        return;
    }
}

size_t aep__sides_from(const struct aep__sides *sides, aep_position position)
{
    const struct aep__side wanted = {.segment = position.segment, .offset = position.offset};
    size_t low = 0, high = sides->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_sides(&sides->list[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- a log ---- */

/* NULL: out of memory. */
static struct aep__side_log *find_log(struct aep__sides *sides, const char *name,
                                      enum aep__fate fate)
{
    for (size_t i = 0; i < sides->log_count; i++)
        if (strcmp(sides->logs[i].name, name) == 0)
            return &sides->logs[i];
    struct aep__side_log *logs = realloc(sides->logs, (sides->log_count + 1) * sizeof *logs);
    if (!logs)
        return NULL;
    sides->logs = logs;
    struct aep__side_log *log = &logs[sides->log_count++];
    *log = (struct aep__side_log){.fate = fate};
    snprintf(log->name, sizeof log->name, "%s", name);
    return log;
}

static bool is_same(const struct aep__side_log *log, const struct stat *st)
{
    return log->inode == st->st_ino && log->size == st->st_size &&
           log->changed.tv_sec == st->st_mtim.tv_sec && log->changed.tv_nsec == st->st_mtim.tv_nsec;
}

static void forget_log(struct aep__sides *sides, struct aep__side_log *log)
{
    drop_before(sides, (unsigned)(log - sides->logs), UINT64_MAX);
    log->inode = 0;
    log->begin = log->read = 0;
}

/* Whether what was read is all there: a log that was written anew has other entries in these places, even
 * if it has the inode number of one that was removed. 1, 0, or -1 with errno. */
static int stands(const struct aep__side_log *log, struct aep__sidelog *file, struct aep__buf *buf)
{
    struct aep__sidelog_entry entry;
    if (file->begin < log->begin || file->end < log->read)
        return 0;
    if (log->read <= file->begin)
        return 1; /* there is nothing left of it */
    int read = aep__sidelog_read(file, log->last_at, buf, &entry);
    return read > 0 ? entry.at == log->last_at && entry.next == log->read &&
                          entry.note.ordinal == log->last_ordinal
                    : read;
}

/* What is new of an open log. 0, or -1 with errno. */
static int read_on(struct aep__sides *sides, struct aep__side_log *log, struct aep__sidelog *file,
                   struct aep__buf *buf)
{
    const unsigned index = (unsigned)(log - sides->logs);
    struct aep__sidelog_entry entry;
    int read = stands(log, file, buf), result = read < 0 ? -1 : 0;
    if (read == 0)
        forget_log(sides, log);
    if (file->begin > log->begin)
        drop_before(sides, index, file->begin);
    log->begin = file->begin;
    uint64_t at = log->read > log->begin ? log->read : log->begin;
    while (result == 0 && (read = aep__sidelog_read(file, at, buf, &entry)) != 0) {
        result = read < 0 ? -1 : add_side(sides, index, &entry);
        if (result < 0)
            break;
        log->last_at = entry.at;
        log->last_ordinal = entry.note.ordinal;
        at = entry.next;
    }
    log->read = at;
    return result;
}

/* A log that is gone by now was sent. A link, or a file that is not ours, is not a log. */
static bool is_no_log(int error)
{
    return error == ENOENT || error == ELOOP || error == EPERM;
}

/* 0, or -1 with errno. */
static int look_at(struct aep__sides *sides, const char *name, enum aep__fate fate, bool thorough)
{
    struct aep__sidelog file;
    struct stat st;
    if (fstatat(sides->spool->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    struct aep__side_log *log = find_log(sides, name, fate);
    if (!log) {
        errno = ENOMEM;
        return -1;
    }
    log->there = true;
    if (!thorough && is_same(log, &st))
        return 0;
    if (aep__sidelog_open(&file, sides->spool, name, false) < 0)
        return is_no_log(errno) ? 0 : -1;
    if (log->inode != st.st_ino)
        forget_log(sides, log);
    struct aep__buf buf = {0};
    int result = read_on(sides, log, &file, &buf);
    int saved = errno;
    aep__buf_done(&buf);
    aep__sidelog_done(&file);
    log->inode = result == 0 ? st.st_ino : 0;
    log->size = st.st_size;
    log->changed = st.st_mtim;
    sides->version++;
    errno = saved;
    return result;
}

/* ---- all of them ---- */

static int look_at_parked(struct aep__sides *sides, bool thorough)
{
    const size_t prefix = strlen(AEP__SIDELOG_PARKED_PREFIX);
    int error = 0, fd = openat(sides->spool->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    for (const struct dirent *file; (file = readdir(dir));)
        if (strncmp(file->d_name, AEP__SIDELOG_PARKED_PREFIX, prefix) == 0 &&
            look_at(sides, file->d_name, AEP__FATE_PARKED, thorough) < 0)
            error = errno;
    closedir(dir);
    errno = error;
    return error ? -1 : 0;
}

static void forget_gone(struct aep__sides *sides)
{
    for (size_t i = 0; i < sides->log_count; i++) {
        if (sides->logs[i].there || sides->logs[i].inode == 0)
            continue;
        forget_log(sides, &sides->logs[i]);
        sides->version++;
    }
}

int aep__sides_look(struct aep__sides *sides, bool thorough)
{
    uint64_t version = sides->version;
    for (size_t i = 0; i < sides->log_count; i++)
        sides->logs[i].there = false;
    int dead = look_at(sides, AEP__SIDELOG_DEAD, AEP__FATE_DEAD, thorough) < 0 ? errno : 0;
    int parked = look_at_parked(sides, thorough) < 0 ? errno : 0;
    sides->incomplete = dead || parked;
    if (!sides->incomplete)
        forget_gone(sides);
    if (sides->version != version)
        sort(sides);
    if (dead != ENOMEM && parked != ENOMEM)
        return 0;
    errno = ENOMEM;
    return -1;
}
