/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/remove.h"

#include "base/error.h"
#include "base/os.h"
#include "spool/bell.h"
#include "spool/cursor.h"
#include "spool/missed.h"
#include "spool/roll.h"
#include "spool/segment.h"
#include "spool/sidelog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRIES 100 /* to empty a folder into which others put files */

/* ---- what is in the folder ---- */

static bool is_part(const char *name)
{
    static const char *const names[] = {
        AEP__SPOOL_ID,
        AEP__SPOOL_ID_REMOVED,
        AEP__SPOOL_TOLD,
        "cursor",
        "bell",
        "relay.lock",
        "counters",
        "status",
        "control",
        "dead",
        "relay.log",
        "relay.log.1",
        "ballast",
        AEP__MISSED,
        AEP__ROLL_FOLDER,
        AEP__SPOOL_HOOKS,
        AEP__SPOOL_HOOKS_LOG,
        AEP__SPOOL_HOOKS_LOG ".1",
    };
    static const char *const prefixes[] = {AEP__SIDELOG_PARKED_PREFIX, AEP__SPOOL_TEMP};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return aep__segment_number(name) > 0;
}

typedef int (*entry_fn)(const struct aep__spool *spool, const char *name, aep_error *err);

/* Stops at the first result that is not AEP_OK. */
static int each_entry(const struct aep__spool *spool, entry_fn fn, aep_error *err)
{
    int result = AEP_OK;
    int fd = openat(spool->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        result = aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot list %s", spool->path);
        if (fd >= 0)
            close(fd);
        return result;
    }
    for (struct dirent *entry; result == AEP_OK && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = fn(spool, entry->d_name, err);
    closedir(dir);
    return result;
}

/* spool.dir may be any folder: nothing is removed that a spool does not make. */
static int refuse_stranger(const struct aep__spool *spool, const char *name, aep_error *err)
{
    if (is_part(name))
        return AEP_OK;
    return aep__error(err, AEP_ESPOOL, "spool.dir",
                      "%s/%s does not belong to a spool: move it away, then remove the spool",
                      spool->path, name);
}

static bool unlink_open(void *user, const char *name)
{
    aep__roll_remove(user, name);
    return true;
}

/* Empties a folder as far as it can, folders in it to this depth. */
static void empty_folder(int at_fd, const char *path, int depth)
{
    int fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            unlinkat(fd, entry->d_name, 0) == 0)
            continue;
        if (depth > 0)
            empty_folder(fd, entry->d_name, depth - 1);
        unlinkat(fd, entry->d_name, AT_REMOVEDIR);
    }
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
}

static int unlink_entry(const struct aep__spool *spool, const char *name, aep_error *err)
{
    if (strcmp(name, AEP__SPOOL_ID_REMOVED) == 0)
        return AEP_OK; /* the last one: whoever stops us leaves a spool */
    bool roll = strcmp(name, AEP__ROLL_FOLDER) == 0;
    bool folder = roll || strcmp(name, AEP__SPOOL_HOOKS) == 0;
    if (roll)
        aep__roll_each(spool, unlink_open, (void *)spool);
    else if (folder)
        empty_folder(spool->dir_fd, name, 1);
    if (unlinkat(spool->dir_fd, name, folder ? AT_REMOVEDIR : 0) == 0 || errno == ENOENT ||
        (folder && errno == ENOTEMPTY)) /* somebody has come: the next try */
        return AEP_OK;
    return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot remove %s/%s", spool->path, name);
}

/* ---- standing still ---- */

/* Beside the spool, under a name that is looked at as every spool's: whatever stops us here, `aep
 * status` shows it and `aep flush --all` delivers it. */
static int move_aside(struct aep__spool *spool, struct aep__buf *aside, aep_error *err)
{
    uint32_t random = 0;
    if (aep__os_random(&random, sizeof random) < 0)
        return aep__error_errno(err, AEP_ESPOOL, NULL, "no random numbers from the kernel");
    aep__buf_format(aside, "%s.removed-%08x", spool->path, (unsigned)random);
    if (aside->failed)
        return aep__error_memory(err);
    if (rename(spool->path, aep__buf_string(aside)) < 0)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot remove %s", spool->path);
    if (renameat(spool->dir_fd, AEP__SPOOL_ID, spool->dir_fd, AEP__SPOOL_ID_REMOVED) == 0 ||
        errno == ENOENT) /* left by a remover that was killed */
        return AEP_OK;
    aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot remove %s/" AEP__SPOOL_ID, spool->path);
    rename(aep__buf_string(aside), spool->path);
    return AEP_ESPOOL;
}

static void move_back(struct aep__spool *spool, const struct aep__buf *aside, aep_error *err)
{
    aep_error why = *err;
    renameat(spool->dir_fd, AEP__SPOOL_ID_REMOVED, spool->dir_fd, AEP__SPOOL_ID);
    /* Not over an empty folder either, which would be a new spool's. */
    if (aep__os_rename_new(aside->data, spool->path) < 0)
        aep__error(err, why.code, why.field, "%s; it is now %s, since another folder took its name",
                   why.text, aside->data);
}

/* What is accepted is before the seal of the newest segment; there is no other one to come. */
static int end_newest(const struct aep__spool *spool, aep_error *err)
{
    struct aep__cursor cursor;
    uint64_t at;
    int result = aep__cursor_load(spool, &cursor, err);
    if (result != AEP_OK)
        return result;
    uint64_t last = aep__segment_last(spool, cursor.segment);
    if (last < cursor.segment)
        return AEP_OK; /* nothing is open to anyone */
    int fd = aep__segment_open(spool, last, true, NULL);
    if (fd < 0)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir",
                                "cannot open the newest segment of %s", spool->path);
    int sealed = aep__segment_find_seal(spool, fd, UINT64_MAX, &at);
    if (sealed == 0)
        sealed = aep__segment_seal_early(spool, fd, 0);
    if (sealed < 0)
        result = aep__error_errno(err, AEP_ESPOOL, "spool.dir",
                                  "cannot end the newest segment of %s", spool->path);
    close(fd);
    return result;
}

static int ask(struct aep__spool *spool, aep__remove_fn may, void *user, aep_error *err)
{
    int result = end_newest(spool, err);
    if (!may)
        return AEP_OK; /* a full disk or a damaged file must not save it */
    if (result == AEP_OK && !may(user, spool))
        result = aep__error(err, AEP_ESTATE, "spool.dir", "%s is in use", spool->path);
    return result;
}

static int remove_files(struct aep__spool *spool, const struct aep__buf *aside, aep_error *err)
{
    int result = each_entry(spool, unlink_entry, err);
    if (result == AEP_OK && unlinkat(spool->dir_fd, AEP__SPOOL_ID_REMOVED, 0) < 0 &&
        errno != ENOENT)
        result = aep__error_errno(err, AEP_ESPOOL, "spool.dir",
                                  "cannot remove %s/" AEP__SPOOL_ID_REMOVED, aside->data);
    return result;
}

/* A publisher may still make a segment, which it finds out to be in vain only then. */
static int remove_all(struct aep__spool *spool, const struct aep__buf *aside, aep_error *err)
{
    int result = AEP_OK;
    for (int tries = 0; result == AEP_OK && tries < TRIES; tries++) {
        result = remove_files(spool, aside, err);
        if (result == AEP_OK && rmdir(aside->data) == 0)
            return AEP_OK;
        if (result == AEP_OK && errno != ENOTEMPTY && errno != EEXIST)
            break;
    }
    return result != AEP_OK
               ? result
               : aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot remove %s", aside->data);
}

static int remove_locked(struct aep__spool *spool, aep__remove_fn may, void *user, aep_error *err)
{
    struct aep__buf aside = {0};
    int result = each_entry(spool, refuse_stranger, err);
    if (result == AEP_OK)
        result = move_aside(spool, &aside, err);
    if (result == AEP_OK) {
        result = ask(spool, may, user, err);
        if (result == AEP_OK)
            result = remove_all(spool, &aside, err);
        else
            move_back(spool, &aside, err);
    }
    aep__buf_done(&aside);
    return result;
}

int aep__spool_remove(struct aep__spool *spool, aep__remove_fn may, void *user, aep_error *err)
{
    int result, fd = aep__lock_open(spool);
    if (fd < 0)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot open %s/relay.lock",
                                spool->path);
    if (aep__lock_take(fd))
        result = remove_locked(spool, may, user, err);
    else
        result = aep__error(err, AEP_ERELAY, "spool.dir",
                            "a relay runs on %s: stop it first (`aep relay stop --spool DIR`)",
                            spool->path);
    close(fd);
    return result;
}
