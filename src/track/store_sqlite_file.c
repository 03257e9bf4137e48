/* SPDX-License-Identifier: Apache-2.0 */
#include "track/store_sqlite.h"

#include "base/error.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* mkdir -p with 0700 for what is missing, whatever the umask. */
static int make_folders(const char *path)
{
    char part[PATH_MAX];
    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = part; *slash; *slash = '/') {
        slash = strchrnul(slash + 1, '/');
        bool last = *slash == '\0';
        *slash = '\0';
        if (mkdir(part, 0700) == 0 ? chmod(part, 0700) < 0 : errno != EEXIST && errno != EISDIR)
            return -1;
        if (last)
            return 0;
    }
    return 0;
}

static int refuse(const struct aep__sqlite *sqlite, const char *what, aep_error *err)
{
    return aep__error(err, AEP_EIO, AEP__STORE_FIELD, "%s %s: " AEP__STORE_REMEDY,
                      sqlite->base.name, what);
}

/* By errno. */
static int refuse_path(const char *what, const char *path, aep_error *err)
{
    return aep__error(err, AEP_EIO, AEP__STORE_FIELD, "cannot %s %s (%s): " AEP__STORE_REMEDY, what,
                      path, aep__errno_text(errno));
}

static int none_yet(const struct aep__sqlite *sqlite, aep_error *err)
{
    return aep__error(err, AEP_ESPOOL, AEP__STORE_FIELD,
                      "there is no store at %s: a tracker makes it", sqlite->base.name);
}

/* Whoever may write to the folder could put a log of changes beside the database. */
static int check_folder(const struct aep__sqlite *sqlite, int fd, aep_error *err)
{
    struct stat st;
    const char *fs_name;
    if (fstat(fd, &st) < 0)
        return aep__error_errno(err, AEP_EIO, AEP__STORE_FIELD, "cannot look at the folder of %s",
                                sqlite->base.name);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return aep__error(
            err, AEP_EIO, AEP__STORE_FIELD,
            "the folder of %s belongs to user %ld, but this program runs as %ld: set HOME to this user's (sudo -H, su -), run it as that user, or " AEP__STORE_REMEDY,
            sqlite->base.name, (long)st.st_uid, (long)geteuid());
    if (st.st_mode & 022)
        return aep__error(
            err, AEP_EIO, AEP__STORE_FIELD,
            "other users may write to the folder of %s: chmod 700 it, or " AEP__STORE_REMEDY,
            sqlite->base.name);
    if (aep__os_fs(fd, &fs_name) == AEP__FS_REMOTE)
        return aep__error(err, AEP_EIO, AEP__STORE_FIELD,
                          "%s is on %s, where a store is not safe: " AEP__STORE_REMEDY
                          " on a local disk",
                          sqlite->base.name, fs_name);
    return AEP_OK;
}

/* SQLite follows no symbolic link in a path that we have given: its folder is resolved before. */
static int resolve(struct aep__sqlite *sqlite, const char *folder, const char *name, aep_error *err)
{
    char *real = realpath(folder, NULL), *path = NULL;
    if (!real)
        return aep__error_errno(err, AEP_EIO, AEP__STORE_FIELD, "cannot open the folder %s",
                                folder);
    int len = asprintf(&path, "%s/%s", real[1] ? real : "", name);
    free(real);
    if (len < 0)
        return aep__error_memory(err);
    free(sqlite->base.name);
    sqlite->base.name = path;
    return AEP_OK;
}

static int open_folder(struct aep__sqlite *sqlite, aep_error *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(sqlite->base.name, '/');
    if (sqlite->base.name[0] != '/' || !slash[1])
        return refuse(sqlite, "is not the absolute path of a file", err);
    if ((size_t)snprintf(folder, sizeof folder, "%.*s", (int)(slash - sqlite->base.name),
                         sqlite->base.name) >= sizeof folder)
        return refuse(sqlite, "is too long a path", err);
    if (!folder[0])
        memcpy(folder, "/", 2);
    if (sqlite->base.write && make_folders(folder) < 0)
        return refuse_path("make the folder", folder, err);
    int fd = aep__os_above(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd < 0 && errno == ENOENT)
        return none_yet(sqlite, err);
    if (fd < 0)
        return refuse_path("open the folder", folder, err);
    int result = check_folder(sqlite, fd, err);
    close(fd);
    return result == AEP_OK ? resolve(sqlite, folder, slash + 1, err) : result;
}

static int check_file(struct aep__sqlite *sqlite, int fd, aep_error *err)
{
    if (fstat(fd, &sqlite->file) < 0)
        return aep__error_errno(err, AEP_EIO, AEP__STORE_FIELD, "cannot look at %s",
                                sqlite->base.name);
    if (!S_ISREG(sqlite->file.st_mode))
        return refuse(sqlite, "is not a file", err);
    if (sqlite->file.st_uid != geteuid())
        return aep__error(
            err, AEP_EIO, AEP__STORE_FIELD,
            "%s belongs to user %ld, but this program runs as %ld: " AEP__STORE_REMEDY,
            sqlite->base.name, (long)sqlite->file.st_uid, (long)geteuid());
    if (sqlite->file.st_mode & 022)
        return aep__error(err, AEP_EIO, AEP__STORE_FIELD,
                          "%s can be written by other users: chmod 600 it, or " AEP__STORE_REMEDY,
                          sqlite->base.name);
    return AEP_OK;
}

/* The file is made here, since SQLite's would have the umask's mode. */
static int make_file(const char *path)
{
    int fd = aep__os_above(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (fd < 0)
        return errno == EEXIST ? 0 : -1;
    int result = fchmod(fd, 0600);
    close(fd);
    return result;
}

static int open_file(struct aep__sqlite *sqlite, aep_error *err)
{
    const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    if (sqlite->base.write && make_file(sqlite->base.name) < 0)
        return aep__error(err, errno == ENOSPC || errno == EDQUOT ? AEP_EFULL : AEP_EIO,
                          AEP__STORE_FIELD,
                          "cannot make %s (%s): make its folder writable, or " AEP__STORE_REMEDY,
                          sqlite->base.name, aep__errno_text(errno));
    int fd =
        aep__os_above(open(sqlite->base.name, flags | (sqlite->base.write ? O_RDWR : O_RDONLY)));
    if (fd < 0 && errno == ENOENT)
        return none_yet(sqlite, err);
    if (fd < 0 && errno == ELOOP)
        return refuse(sqlite, "is a symbolic link", err);
    if (fd < 0)
        return refuse_path("open", sqlite->base.name, err);
    int result = check_file(sqlite, fd, err);
    close(fd);
    return result;
}

int aep__sqlite_prepare_file(struct aep__sqlite *sqlite, aep_error *err)
{
    int result = open_folder(sqlite, err);
    return result == AEP_OK ? open_file(sqlite, err) : result;
}

bool aep__sqlite_is_replaced(const struct aep__sqlite *sqlite)
{
    struct stat st;
    return lstat(sqlite->base.name, &st) < 0 || st.st_dev != sqlite->file.st_dev ||
           st.st_ino != sqlite->file.st_ino;
}

int aep__sqlite_check_file(const struct aep__sqlite *sqlite, aep_error *err)
{
    if (!aep__sqlite_is_replaced(sqlite))
        return AEP_OK;
    return aep__error(err, AEP_ESPOOL, AEP__STORE_FIELD,
                      "the store %s has been removed: open it again to make a new one",
                      sqlite->base.name);
}
