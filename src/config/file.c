/* SPDX-License-Identifier: Apache-2.0 */
/* The file is opened first and then checked through its descriptor, so that the file that is read
 * is the one that was checked. Links are followed, since dotfile managers and container secrets use
 * them. */
#include "config/file.h"

#include "base/error.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (1024 * 1024)

static int judge_file(const struct stat *st, const char *path, unsigned trust, const char *field,
                      aep_error *err)
{
    bool is_ours = st->st_uid == geteuid() || st->st_uid == 0;
    if (!S_ISREG(st->st_mode))
        return aep__error(err, AEP_ECONFIG, field, "%s is not a regular file", path);
    if (st->st_mode & S_IWOTH)
        return aep__error(err, AEP_ECONFIG, field, "%s is world-writable: chmod o-w", path);
    if (trust & AEP__FILE_OWN && !is_ours)
        return aep__error(err, AEP_ECONFIG, field, "%s belongs to another user (uid %lu)", path,
                          (unsigned long)st->st_uid);
    if (trust & AEP__FILE_UNREADABLE && st->st_mode & S_IROTH)
        return aep__error(err, AEP_ECONFIG, field,
                          "%s holds a secret and is world-readable: chmod o-r (a container "
                          "secret: mount it with mode 0440)",
                          path);
    return AEP_OK;
}

static int read_all(int fd, const char *path, const char *field, struct aep__buf *out,
                    aep_error *err)
{
    for (;;) {
        if (!aep__buf_reserve(out, 4096))
            return aep__error_memory(err);
        ssize_t got = read(fd, out->data + out->len, out->cap - out->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return aep__error_errno(err, AEP_ECONFIG, field, "%s: cannot be read", path);
        if (got == 0)
            return AEP_OK;
        out->len += (size_t)got;
        if (out->len > FILE_MAX)
            return aep__error(err, AEP_ECONFIG, field, "%s is larger than 1 MiB", path);
    }
}

int aep__file_read(const char *path, unsigned trust, const char *field, struct aep__buf *out,
                   bool *ret_absent, aep_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (ret_absent)
        *ret_absent = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
    if (ret_absent && *ret_absent)
        return AEP_OK;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int code = aep__error_errno(err, AEP_ECONFIG, field, "%s: cannot be opened", path);
        if (fd >= 0)
            close(fd);
        return code;
    }
    int code = judge_file(&st, path, trust, field, err);
    if (code == AEP_OK)
        code = read_all(fd, path, field, out, err);
    size_t mark = code == AEP_OK ? aep__utf8_mark(out->data, out->len) : 0;
    if (mark > 0) {
        out->len -= mark;
        memmove(out->data, out->data + mark, out->len);
    }
    close(fd);
    return code;
}
