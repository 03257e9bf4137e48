/* SPDX-License-Identifier: Apache-2.0 */
#include "track/link.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/os.h"
#include "base/packet.h"
#include "config/layers.h"
#include "track/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_NAME "tracker.db"
#define REMOTE_NAME "tracker-" /* and a digest of the store's name */
#define LOCK ".lock"
#define SOCKET ".socket"
#define SOCKET_TEMP ".socket.tmp"
#define CONNECT_MS 20 /* between two tries */

const char *aep__link_where(const aep_config *config, const char *store)
{
    const char *given = aep__config_text(config, AEP__OPT_TRACK_STORE);
    return aep__store_is_remote(given) ? given : store;
}

int aep__link_name(const aep_config *config, const char *store, struct aep__buf *out,
                   aep_error *err)
{
    return aep__store_name(aep__link_where(config, store), out, err);
}

/* Whoever means the same store meets at the same files; a name may be longer than theirs can be. */
static int add_remote(const aep_config *config, const char *url, struct aep__buf *out,
                      aep_error *err)
{
    struct aep__buf name = {0};
    uint8_t digest[16];
    int code = aep__store_name(url, &name, err);
    if (code == AEP_OK) {
        aep__digest128(name.data, name.len, digest);
        aep__buf_format(out, "%s/" REMOTE_NAME, config->state_dir);
        for (size_t i = 0; i < sizeof digest / 2; i++)
            aep__buf_format(out, "%02x", digest[i]);
        aep__buf_string(out);
        code = out->failed ? aep__error_memory(err) : AEP_OK;
    }
    aep__buf_done(&name);
    return code;
}

int aep__link_store(const aep_config *config, struct aep__buf *out, aep_error *err)
{
    const char *given = aep__config_text(config, AEP__OPT_TRACK_STORE);
    bool remote = aep__store_is_remote(given);
    if ((!*given || remote) && !config->state_dir)
        return aep__error(err, AEP_ECONFIG, "track.store",
                          "neither XDG_STATE_HOME nor HOME is a usable absolute path: set %s",
                          remote ? "one of them" : "track.store");
    if (remote)
        return add_remote(config, given, out, err);
    if (*given)
        aep__buf_text(out, given);
    else
        aep__buf_format(out, "%s/" STORE_NAME, config->state_dir);
    aep__buf_string(out);
    return out->failed ? aep__error_memory(err) : AEP_OK;
}

/* ---- the files beside the store ---- */

/* Where the last part of a path begins: its length, the slash included; 0: it has no folder. */
static size_t folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash + 1 - path) : 0;
}

int aep__link_folder(const char *store)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%.*s.", (int)folder_len(store), store);
    errno = ENAMETOOLONG;
    if (len < 0 || (size_t)len >= sizeof path)
        return -1;
    return aep__os_above(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static bool make_name(const char *store, const char *suffix, char name[NAME_MAX + 1])
{
    int len = snprintf(name, NAME_MAX + 1, "%s%s", store + folder_len(store), suffix);
    errno = ENAMETOOLONG;
    return len > 0 && len <= NAME_MAX;
}

static void close_keeping_errno(int fd)
{
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
}

static int open_lock(const char *store, int flags)
{
    char name[NAME_MAX + 1];
    struct stat st;
    int dir_fd = aep__link_folder(store), fd = -1;
    if (dir_fd >= 0 && make_name(store, LOCK, name))
        fd = aep__os_above(openat(dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    close_keeping_errno(dir_fd);
    if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid()))
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

/* By errno. */
static int refuse_path(const char *what, const char *path, aep_error *err)
{
    return aep__error(err, AEP_EIO, "track.store",
                      "cannot %s %s (%s): set AEP_TRACK_STORE (track.store) to a file in a folder "
                      "of this user",
                      what, path, aep__errno_text(errno));
}

/* A tracker that cannot make this file ends at once, and whoever waits for it does not learn why. */
static int try_lock_file(const char *store, aep_error *err)
{
    int fd = open_lock(store, O_RDWR | O_CREAT);
    if (fd < 0)
        return refuse_path("write to the folder of", store, err);
    close(fd);
    return AEP_OK;
}

/* Root makes nothing in another user's folder: that one could not open it. */
static int check_owner(const char *store, int dir_fd, aep_error *err)
{
    struct stat st;
    if (fstat(dir_fd, &st) < 0)
        return aep__error_errno(err, AEP_EIO, "track.store", "cannot look at the folder of %s",
                                store);
    if (st.st_uid == geteuid() || st.st_uid == 0)
        return AEP_OK;
    return aep__error(
        err, AEP_EIO, "track.store",
        "the folder of %s belongs to user %ld, but this program runs as %ld: run it as "
        "that user, set HOME (sudo -H), or set track.store to another file",
        store, (long)st.st_uid, (long)geteuid());
}

int aep__link_prepare(const char *store, aep_error *err)
{
    char folder[PATH_MAX];
    const char *fs_name;
    if ((size_t)snprintf(folder, sizeof folder, "%.*s", (int)folder_len(store), store) >=
        sizeof folder)
        return aep__error(err, AEP_ECONFIG, "track.store", "the path %.80s… is too long", store);
    if (aep__folder_make(folder) < 0)
        return refuse_path("make the folder", folder, err);
    int fd = aep__link_folder(store), result = AEP_OK;
    if (fd < 0)
        result = refuse_path("open the folder", folder, err);
    else if (aep__os_fs(fd, &fs_name) == AEP__FS_REMOTE)
        result = aep__error(err, AEP_ECONFIG, "track.store",
                            "%s is on %s, where a store is not safe: set track.store to a file on "
                            "a local disk",
                            store, fs_name);
    else
        result = check_owner(store, fd, err);
    if (result == AEP_OK)
        result = try_lock_file(store, err);
    close_keeping_errno(fd);
    return result;
}

int aep__link_connect(const char *store)
{
    char name[NAME_MAX + 1];
    int dir_fd = aep__link_folder(store);
    if (dir_fd < 0 || !make_name(store, SOCKET, name)) {
        close_keeping_errno(dir_fd);
        return -1;
    }
    int fd = aep__packet_connect(dir_fd, name);
    close_keeping_errno(dir_fd);
    return fd;
}

int aep__link_connect_soon(const char *store, int wait_ms)
{
    int64_t end_us = aep__clock_mono_us() + wait_ms * INT64_C(1000);
    int fd = aep__link_connect(store);
    while (fd < 0 && aep__link_held(store) && aep__clock_mono_us() < end_us) {
        poll(NULL, 0, CONNECT_MS);
        fd = aep__link_connect(store);
    }
    return fd;
}

int aep__link_listen(const char *store)
{
    char name[NAME_MAX + 1], temporary[NAME_MAX + 1];
    int dir_fd = aep__link_folder(store), fd = -1;
    if (dir_fd >= 0 && make_name(store, SOCKET, name) && make_name(store, SOCKET_TEMP, temporary))
        fd = aep__packet_listen(dir_fd, name, temporary);
    close_keeping_errno(dir_fd);
    return fd;
}

void aep__link_unlisten(const char *store)
{
    char name[NAME_MAX + 1];
    int dir_fd = aep__link_folder(store);
    if (dir_fd >= 0 && make_name(store, SOCKET, name))
        unlinkat(dir_fd, name, 0);
    close_keeping_errno(dir_fd);
}

bool aep__link_named(const char *store)
{
    char name[NAME_MAX + 1];
    struct stat st;
    int dir_fd = aep__link_folder(store);
    bool named = dir_fd >= 0 && make_name(store, SOCKET, name) &&
                 fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode);
    close_keeping_errno(dir_fd);
    return named;
}

int aep__link_lock(const char *store, bool *ret_taken)
{
    *ret_taken = false;
    int fd = open_lock(store, O_RDWR | O_CREAT);
    if (fd < 0)
        return -1;
    *ret_taken = aep__os_lock(fd, 0, 0) == 0;
    if (*ret_taken || errno == EAGAIN || errno == EACCES)
        return fd;
    close_keeping_errno(fd);
    return -1;
}

bool aep__link_locks(const char *store, int lock_fd)
{
    struct stat ours, named;
    int fd = open_lock(store, O_RDWR);
    if (fd < 0) /* for want of a descriptor nobody can tell: then it has */
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM;
    bool same = fstat(fd, &named) == 0 && fstat(lock_fd, &ours) == 0 &&
                named.st_dev == ours.st_dev && named.st_ino == ours.st_ino;
    close_keeping_errno(fd);
    return same;
}

bool aep__link_held(const char *store)
{
    int fd = open_lock(store, O_RDWR);
    bool held = fd >= 0 && aep__os_locked(fd, 0, 0);
    close_keeping_errno(fd);
    return held;
}

/* ---- lines ---- */

bool aep__link_send(int fd, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool sent = aep__packet_send(fd, format, args);
    va_end(args);
    return sent;
}

int aep__link_receive(int fd, char *text, size_t size, int wait_ms)
{
    int64_t end_us = aep__clock_mono_us() + wait_ms * INT64_C(1000);
    for (;;) {
        ssize_t len = aep__packet_receive(fd, text, size);
        if (len > 0)
            return 1;
        if (len == 0) {
            errno = ECONNRESET;
            return -1;
        }
        if (errno != EAGAIN)
            return -1;
        int64_t left_us = end_us - aep__clock_mono_us();
        if (left_us <= 0)
            return 0;
        poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, (int)(left_us / 1000) + 1);
    }
}
