/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/os.h"
#include "hook/setup/folders.h"

#define TEXT_MAX (8 << 20)
#define LOCK_US 10000000 /* how long we wait for another of us */
#define NEW_SUFFIX ".aep-new"
#define KEPT_SUFFIX ".aep-backup"

struct beside {
    char path[PATH_MAX + sizeof KEPT_SUFFIX + sizeof NEW_SUFFIX];
};

/* The file's name with a suffix. */
static struct beside beside(const struct aep__target *file, const char *suffix)
{
    struct beside name;
    snprintf(name.path, sizeof name.path, "%s%s", file->path, suffix);
    return name;
}

static void folder_of(const char *path, char folder[PATH_MAX])
{
    size_t len = (size_t)(strrchr(path, '/') - path);
    snprintf(folder, PATH_MAX, "%.*s", len ? (int)len : 1, path);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* AEP_OK with *ret_exists false: there is none. */
static int read_file(const char *path, struct aep__buf *out, struct stat *st, bool *ret_exists,
                     aep_error *err)
{
    char part[16384];
    ssize_t n = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *ret_exists = fd >= 0;
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? AEP_OK
                   : aep__error_errno(err, AEP_EIO, NULL, "cannot read %s", path);
    int code = AEP_OK;
    if (fstat(fd, st) < 0)
        code = aep__error_errno(err, AEP_EIO, NULL, "cannot read %s", path);
    else if (!S_ISREG(st->st_mode))
        code = aep__error(err, AEP_EINVAL, NULL, "%s is no plain file", path);
    while (code == AEP_OK && n > 0 && out->len <= TEXT_MAX) {
        n = read(fd, part, sizeof part);
        if (n < 0)
            code = aep__error_errno(err, AEP_EIO, NULL, "cannot read %s", path);
        else
            aep__buf_add(out, part, (size_t)n);
    }
    close(fd);
    if (code == AEP_OK && out->len > TEXT_MAX)
        code = aep__error(err, AEP_EINVAL, NULL, "%s is larger than 8 MiB", path);
    return code == AEP_OK && out->failed ? aep__error_memory(err) : code;
}

/* Resolves links. A file that is not there is looked for where its folder is. */
static int resolve(struct aep__target *file, const char *path, bool to_write, aep_error *err)
{
    char folder[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(path, '/');
    struct stat st;
    if (realpath(path, file->path))
        return AEP_OK;
    if (errno != ENOENT && errno != ENOTDIR)
        return aep__error_errno(err, AEP_EIO, NULL, "cannot read %s", path);
    if (lstat(path, &st) == 0)
        return aep__error(err, AEP_ESTATE, NULL, "%s is a symbolic link to nothing", path);
    snprintf(file->path, sizeof file->path, "%s", path);
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    if (to_write && aep__folders_make(folder) < 0)
        return aep__error_errno(err, AEP_ESTATE, NULL, "cannot make the folder %s", folder);
    if (realpath(folder, real) &&
        snprintf(file->path, sizeof file->path, "%s%s", real, slash) >= (int)sizeof file->path)
        return aep__error(err, AEP_ESTATE, NULL, "the path %s is too long", path);
    return AEP_OK;
}

/* ---- who may write --------------------------------------------------------------------------- */

int aep__target_writable(const struct aep__target *file, aep_error *err)
{
    char folder[PATH_MAX];
    folder_of(file->path, folder);
    if (file->exists && !S_ISREG(file->st.st_mode))
        return aep__error(err, AEP_ESTATE, NULL, "%s is no plain file", file->path);
    if (file->exists && file->st.st_nlink > 1)
        return aep__error(err, AEP_ESTATE, NULL, "%s has several names (hard links)", file->path);
    /* Root may write everything: what its owner has made read-only is to stay as it is. */
    if (file->exists && (!(file->st.st_mode & S_IWUSR) || access(file->path, W_OK) < 0))
        return aep__error(err, AEP_ESTATE, NULL, "%s is read-only", file->path);
    if (access(folder, F_OK) == 0 && access(folder, W_OK | X_OK) < 0)
        return aep__error(err, AEP_ESTATE, NULL, "the folder %s is read-only", folder);
    if (file->exists && geteuid() != 0 && file->st.st_uid != geteuid())
        return aep__error(err, AEP_ESTATE, NULL, "%s belongs to another user", file->path);
    return AEP_OK;
}

/* Locks the folder. *ret_fd -1: another of us is at it, or has just removed the folder. */
static int try_lock(const char *folder, int *ret_fd, aep_error *err)
{
    struct stat ours, there;
    *ret_fd = aep__os_above(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (*ret_fd < 0)
        return errno == ENOENT
                   ? AEP_OK
                   : aep__error_errno(err, AEP_ESTATE, NULL, "cannot open the folder %s", folder);
    /* Where a file system has no such locks, two of us still notice each other as any other program. */
    bool busy = flock(*ret_fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    if (!busy && fstat(*ret_fd, &ours) == 0 && stat(folder, &there) == 0 &&
        there.st_ino == ours.st_ino && there.st_dev == ours.st_dev)
        return AEP_OK;
    close(*ret_fd);
    *ret_fd = -1;
    return AEP_OK;
}

/* Finds the file, makes its folder, checks that it may be changed, and locks. */
static int prepare(struct aep__target *file, const char *path, aep_error *err)
{
    int64_t until_us = aep__clock_mono_us() + LOCK_US;
    for (;;) {
        char folder[PATH_MAX];
        int code = resolve(file, path, true, err);
        file->exists = code == AEP_OK && stat(file->path, &file->st) == 0;
        if (code == AEP_OK)
            code = aep__target_writable(file, err);
        folder_of(file->path, folder);
        if (code == AEP_OK)
            code = try_lock(folder, &file->lock_fd, err);
        if (code != AEP_OK || file->lock_fd >= 0)
            return code;
        if (aep__clock_mono_us() > until_us)
            return aep__error(err, AEP_ESTATE, NULL,
                              "another program has locked %s: try again when it is done", folder);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

int aep__target_open(struct aep__target *file, const char *path, bool to_write, aep_error *err)
{
    struct stat st;
    *file = (struct aep__target){.lock_fd = -1, .to_write = to_write};
    if (strlen(path) + sizeof KEPT_SUFFIX + sizeof NEW_SUFFIX > PATH_MAX)
        return aep__error(err, AEP_ESTATE, NULL, "the path %s is too long", path);
    int code = to_write ? prepare(file, path, err) : resolve(file, path, false, err);
    if (code == AEP_OK)
        code = read_file(file->path, &file->text, &file->st, &file->exists, err);
    if (code == AEP_OK)
        code =
            read_file(beside(file, KEPT_SUFFIX).path, &file->before, &st, &file->has_before, err);
    file->has_litter = code == AEP_OK && access(beside(file, NEW_SUFFIX).path, F_OK) == 0;
    if (file->has_litter && to_write)
        unlink(beside(file, NEW_SUFFIX).path);
    aep__buf_string(&file->before); /* so that its data is there if it is empty */
    return code;
}

void aep__target_done(struct aep__target *file)
{
    if (file->to_write && !file->exists)
        aep__folders_remove(file->path);
    if (file->lock_fd >= 0)
        close(file->lock_fd);
    aep__buf_done(&file->text);
    aep__buf_done(&file->before);
    file->lock_fd = -1;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool write_all(int fd, struct aep__slice text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.data, text.len);
        if (n < 0 && errno != EINTR)
            return false;
        text.data += n > 0 ? n : 0;
        text.len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Access lists and labels. A file system that cannot keep them has none. */
static void copy_attributes(const char *from, int fd)
{
    char names[4096], value[4096];
    ssize_t len = listxattr(from, names, sizeof names);
    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
        ssize_t size = getxattr(from, names + at, value, sizeof value);
        if (size >= 0)
            (void)!fsetxattr(fd, names + at, value, (size_t)size, 0);
    }
}

/* Fills an open file: text, owner and mode of the file that it stands for, on disk. */
static int fill(const struct aep__target *file, int fd, struct aep__slice text, aep_error *err)
{
    struct stat st;
    if (!write_all(fd, text))
        return aep__error_errno(err, AEP_EIO, NULL, "cannot write beside %s", file->path);
    if (file->exists) {
        if (fstat(fd, &st) < 0 || ((st.st_uid != file->st.st_uid || st.st_gid != file->st.st_gid) &&
                                   fchown(fd, file->st.st_uid, file->st.st_gid) < 0))
            return aep__error_errno(err, AEP_ESTATE, NULL, "cannot keep the owner of %s",
                                    file->path);
        copy_attributes(file->path, fd);
        if (fchmod(fd, file->st.st_mode & 07777) < 0)
            return aep__error_errno(err, AEP_ESTATE, NULL, "cannot keep the mode of %s",
                                    file->path);
    }
    if (fsync(fd) < 0)
        return aep__error_errno(err, AEP_EIO, NULL, "cannot write beside %s", file->path);
    return AEP_OK;
}

/* Writes a text into NAME.aep-new; *ret_fresh is its path. */
static int write_fresh(const struct aep__target *file, struct aep__slice text,
                       struct beside *ret_fresh, aep_error *err)
{
    *ret_fresh = beside(file, NEW_SUFFIX);
    unlink(ret_fresh->path); /* of one that was killed: the lock is ours */
    int fd = aep__os_above(open(ret_fresh->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (fd < 0)
        return aep__error_errno(err, AEP_EIO, NULL, "cannot make %s", ret_fresh->path);
    int code = fill(file, fd, text, err);
    close(fd);
    return code;
}

int aep__target_keep(struct aep__target *file, struct aep__slice text, aep_error *err)
{
    struct beside kept = beside(file, KEPT_SUFFIX), fresh;
    if (!text.data) {
        if (unlink(kept.path) < 0 && errno != ENOENT)
            return aep__error_errno(err, AEP_EIO, NULL, "cannot remove %s", kept.path);
        return AEP_OK;
    }
    int code = write_fresh(file, text, &fresh, err);
    if (code == AEP_OK && rename(fresh.path, kept.path) < 0)
        code = aep__error_errno(err, AEP_EIO, NULL, "cannot replace %s", kept.path);
    if (code != AEP_OK)
        unlink(fresh.path);
    return code;
}

/* Whether a path still leads to what was read. */
static int check_same(struct aep__target *file, const char *path, aep_error *err)
{
    struct aep__buf now = {0};
    struct stat st;
    bool exists;
    int code = read_file(path, &now, &st, &exists, err);
    file->raced = code == AEP_OK &&
                  (exists != file->exists ||
                   (exists && (st.st_ino != file->st.st_ino || now.len != file->text.len ||
                               (now.len && memcmp(now.data, file->text.data, now.len) != 0))));
    if (file->raced)
        code = aep__error(err, AEP_ESTATE, NULL, "another program is changing %s", file->path);
    aep__buf_done(&now);
    return code;
}

/* Lets NAME.aep-new and NAME change places, or NAME.aep-new become NAME where that is not there. Then what
 * another program has put there at the last moment is in our hands, and goes back. */
static int change_places(struct aep__target *file, const struct beside *fresh, aep_error *err)
{
    bool exchange = file->exists;
    int result = exchange ? aep__os_exchange(fresh->path, file->path)
                          : aep__os_rename_new(fresh->path, file->path);
    if (result < 0 && (errno == EINVAL || errno == ENOSYS)) { /* of a file system that cannot */
        exchange = false;
        result = rename(fresh->path, file->path);
    }
    file->raced = result < 0 && (errno == EEXIST || errno == ENOENT);
    if (result < 0)
        return aep__error_errno(err, file->raced ? AEP_ESTATE : AEP_EIO, NULL, "cannot replace %s",
                                file->path);
    if (!exchange)
        return AEP_OK;
    int code = check_same(file, fresh->path, err);
    if (code != AEP_OK)
        aep__os_exchange(fresh->path, file->path);
    unlink(fresh->path);
    return code;
}

int aep__target_replace(struct aep__target *file, struct aep__slice text, aep_error *err)
{
    struct beside fresh;
    int code = write_fresh(file, text, &fresh, err);
    if (code == AEP_OK)
        code = check_same(file, file->path, err);
    if (code == AEP_OK)
        code = change_places(file, &fresh, err);
    if (code == AEP_OK)
        fsync(file->lock_fd);
    else
        unlink(fresh.path);
    file->exists = file->exists || code == AEP_OK;
    return code;
}

int aep__target_remove(struct aep__target *file, aep_error *err)
{
    int code = check_same(file, file->path, err);
    if (code == AEP_OK && unlink(file->path) < 0)
        code = aep__error_errno(err, AEP_EIO, NULL, "cannot remove %s", file->path);
    if (code == AEP_OK) {
        file->exists = false;
        fsync(file->lock_fd);
    }
    return code;
}
