/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/spool.h"

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "base/folder.h"
#include "base/id.h"
#include "spool/counters.h"
#include "spool/cursor.h"
#include "spool/status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define IDENTITY_MAX 4096
#define FILE_SIZE_MIN (1 << 30)
#define OPEN_TRIES 8             /* the folder is removed under us */
#define VOLUME_SEGMENTS 8        /* a volume holds at least so many */
#define SMALL_SEGMENT (64 << 10) /* not made smaller than this */
#define MESSAGE_BYTES 1000000    /* room for at least this in every spool */
#define META_BYTES 131072        /* more than a record's head and meta can be */
#define REMEDY "set AEP_SPOOL_DIR (spool.dir) to another folder"

/* ---- the folder's files ---- */

int aep__spool_openat(const struct aep__spool *spool, const char *name, int flags, mode_t type)
{
    int fd = aep__os_above(
        openat(spool->dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (fd < 0)
        return -1;
    struct stat st;
    if (fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid())
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

static int close_failed(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Writes all of it to a new file that bears no name that anyone else looks at; its descriptor. */
static int write_temp(const struct aep__spool *spool, const char *temp, const void *data,
                      size_t len, off_t min_size)
{
    int fd = aep__os_above(
        openat(spool->dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd < 0)
        return -1;
    ssize_t written = write(fd, data, len);
    if (written >= 0 && (size_t)written < len)
        errno = ENOSPC;
    if (written == (ssize_t)len && fchmod(fd, 0600) == 0 &&
        (min_size <= (off_t)len || ftruncate(fd, min_size) == 0))
        return fd;
    return close_failed(fd);
}

enum durability { SYNCED, UNSYNCED };

/* 1: somebody else was first. */
static int create_file(const struct aep__spool *spool, const char *name, const void *data,
                       size_t len, off_t min_size, enum durability durability)
{
    uint64_t random;
    char temp[64];
    if (aep__os_random(&random, sizeof random) < 0)
        return -1;
    snprintf(temp, sizeof temp, AEP__SPOOL_TEMP "%d.%016" PRIx64, (int)getpid(), random);
    int fd = write_temp(spool, temp, data, len, min_size);
    int result = fd < 0 || (durability == SYNCED && fdatasync(fd) < 0) ? -1 : 0;
    if (result == 0 && linkat(spool->dir_fd, temp, spool->dir_fd, name, 0) < 0)
        result = errno == EEXIST ? 1 : -1;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    unlinkat(spool->dir_fd, temp, 0);
    errno = saved;
    return result;
}

int aep__spool_create(const struct aep__spool *spool, const char *name, const void *data,
                      size_t len, off_t min_size)
{
    return create_file(spool, name, data, len, min_size, SYNCED) < 0 ? -1 : 0;
}

int aep__spool_create_unsynced(const struct aep__spool *spool, const char *name, const void *data,
                               size_t len, off_t min_size)
{
    return create_file(spool, name, data, len, min_size, UNSYNCED);
}

int aep__spool_sync(const struct aep__spool *spool)
{
    return fsync(spool->dir_fd);
}

bool aep__spool_deleted(const struct aep__spool *spool)
{
    struct stat st;
    return fstat(spool->dir_fd, &st) < 0 || st.st_nlink == 0;
}

bool aep__spool_exists(const struct aep__spool *spool)
{
    return faccessat(spool->dir_fd, AEP__SPOOL_ID, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A write beyond the limit raises SIGXFSZ, which ends a program that does not expect it. */
static bool file_size_limited(const struct aep__spool *spool)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           (limit.rlim_cur < FILE_SIZE_MIN || limit.rlim_cur / 2 < spool->segment_bytes);
}

static int check_owner(const struct aep__spool *spool, const struct stat *st, aep_error *err)
{
    if (st->st_uid == geteuid())
        return AEP_OK;
    return aep__error(err, AEP_ESPOOL, "spool.dir",
                      "%s belongs to user %ld, but this program runs as %ld: " REMEDY, spool->path,
                      (long)st->st_uid, (long)geteuid());
}

int aep__spool_check(const struct aep__spool *spool, aep_error *err)
{
    struct stat st;
    if (fstat(spool->dir_fd, &st) < 0)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot look at %s", spool->path);
    if (st.st_nlink == 0)
        return aep__error(err, AEP_ESPOOL, "spool.dir", "the spool folder %s has been deleted",
                          spool->path);
    int result = check_owner(spool, &st, err);
    if (result != AEP_OK)
        return result;
    if (file_size_limited(spool))
        return aep__error(err, AEP_ESPOOL, "spool.dir",
                          "the file size limit (ulimit -f, RLIMIT_FSIZE) is too small to write in "
                          "%s: raise it to at least 1 GiB",
                          spool->path);
    return AEP_OK;
}

void aep__spool_fd_path(const struct aep__spool *spool, const char *name, char *path, size_t size)
{
    snprintf(path, size, "/proc/self/fd/%d/%s", spool->dir_fd, name);
}

/* ---- the identity file: lines of "name value", the last one a checksum of those above ---- */

static void add_line(struct aep__buf *out, const char *text)
{
    for (; *text; text++)
        aep__buf_byte(out, *text == '\n' ? ' ' : *text);
}

/* The disk must have room for several segments: on a small volume they are smaller. */
static uint64_t choose_segment_bytes(const struct aep__spool *spool, uint64_t configured)
{
    uint64_t size, room, most = configured;
    if (aep__os_volume(spool->dir_fd, &size, &room) == 0)
        while (most > SMALL_SEGMENT && most > size / VOLUME_SEGMENTS)
            most /= 2;
    return most;
}

/* RFC 9562 §5.4 */
static int make_uuid(char text[AEP_ID_SIZE])
{
    uint8_t uuid[16];
    if (aep__os_random(uuid, sizeof uuid) < 0)
        return -1;
    uuid[6] = (uint8_t)(0x40 | (uuid[6] & 0x0f));
    uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f));
    aep__id_format(uuid, text);
    return 0;
}

static void format_identity(struct aep__buf *out, const struct aep__spool *spool, const char *uuid,
                            const struct aep__spool_settings *settings)
{
    aep__buf_format(out,
                    "aep-spool %d\nuuid %s\nsegment_bytes %" PRIu64 "\nrecord_bytes %" PRIu64
                    "\nmode %s\ndestination ",
                    AEP__SPOOL_FORMAT, uuid, choose_segment_bytes(spool, settings->segment_bytes),
                    settings->record_bytes, settings->local ? "local" : "kafka");
    add_line(out, settings->destination ? settings->destination : "");
    aep__buf_byte(out, '\n');
    aep__buf_format(out, "crc32c %08" PRIx32 "\n", aep__crc32c(0, out->data, out->len));
}

/* The value after "name " at the start of a line, up to its end. */
static bool find_value(const char *text, const char *name, char *value, size_t size)
{
    size_t len = strlen(name);
    for (const char *line = text; *line; line += *line == '\n') {
        if (strncmp(line, name, len) == 0 && line[len] == ' ') {
            snprintf(value, size, "%.*s", (int)strcspn(line + len + 1, "\n"), line + len + 1);
            return true;
        }
        line += strcspn(line, "\n");
    }
    return false;
}

static bool checksum_right(const char *text)
{
    const char *line = strstr(text, "\ncrc32c ");
    if (!line)
        return false;
    uint32_t crc = aep__crc32c(0, text, (size_t)(line + 1 - text));
    return strtoul(line + strlen("\ncrc32c "), NULL, 16) == crc;
}

static int parse_identity(struct aep__spool *spool, const char *text, aep_error *err)
{
    char format[24], uuid[64], segment[24], record[24], mode[16];
    if (find_value(text, "aep-spool", format, sizeof format) && atoi(format) > AEP__SPOOL_FORMAT)
        return aep__error(err, AEP_ESPOOL, "spool.dir",
                          "%s is a spool of format %s, newer than this aep supports (%d): "
                          "update aep, or " REMEDY,
                          spool->path, format, AEP__SPOOL_FORMAT);
    if (!checksum_right(text) || !find_value(text, "aep-spool", format, sizeof format) ||
        !find_value(text, "uuid", uuid, sizeof uuid) ||
        !aep__id_parse(uuid, strlen(uuid), spool->uuid) ||
        !find_value(text, "segment_bytes", segment, sizeof segment) ||
        !find_value(text, "record_bytes", record, sizeof record) ||
        !find_value(text, "mode", mode, sizeof mode))
        return aep__error(err, AEP_ESPOOL, "spool.dir",
                          "%s/" AEP__SPOOL_ID " is damaged: move the folder away, or " REMEDY,
                          spool->path);
    aep__id_format(spool->uuid, spool->uuid_text);
    spool->segment_bytes = strtoull(segment, NULL, 10);
    spool->record_bytes = strtoull(record, NULL, 10);
    spool->local = strcmp(mode, "local") == 0;
    if (spool->segment_bytes < 4096 || spool->segment_bytes > INT64_MAX / 4 ||
        spool->record_bytes < 4096 || spool->record_bytes > INT32_MAX)
        return aep__error(err, AEP_ESPOOL, "spool.dir",
                          "%s/" AEP__SPOOL_ID " has sizes out of range", spool->path);
    return AEP_OK;
}

/* AEP_ESTATE: there is none. */
static int load_identity(const struct aep__spool *spool, char text[IDENTITY_MAX + 1],
                         aep_error *err)
{
    int fd = aep__spool_openat(spool, AEP__SPOOL_ID, O_RDONLY, S_IFREG);
    if (fd < 0 && errno == ENOENT)
        fd = aep__spool_openat(spool, AEP__SPOOL_ID_REMOVED, O_RDONLY, S_IFREG);
    if (fd < 0)
        return errno == ENOENT ? AEP_ESTATE
                               : aep__error_errno(err, AEP_ESPOOL, "spool.dir",
                                                  "cannot open %s/" AEP__SPOOL_ID, spool->path);
    ssize_t len = pread(fd, text, IDENTITY_MAX, 0);
    close(fd);
    if (len < 0)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot read %s/" AEP__SPOOL_ID,
                                spool->path);
    text[len] = '\0';
    return AEP_OK;
}

static int read_identity(struct aep__spool *spool, aep_error *err)
{
    char text[IDENTITY_MAX + 1];
    int result = load_identity(spool, text, err);
    return result == AEP_OK ? parse_identity(spool, text, err) : result;
}

void aep__spool_destination(const struct aep__spool *spool, struct aep__buf *out)
{
    char text[IDENTITY_MAX + 1], value[IDENTITY_MAX + 1];
    if (load_identity(spool, text, NULL) == AEP_OK &&
        find_value(text, "destination", value, sizeof value))
        aep__buf_text(out, value);
}

bool aep__spool_made_for(const struct aep__spool *spool, const char *destination)
{
    struct aep__buf ours = {0}, its = {0};
    add_line(&ours, destination);
    aep__spool_destination(spool, &its);
    bool same = strcmp(aep__buf_string(&ours), aep__buf_string(&its)) == 0;
    aep__buf_done(&ours);
    aep__buf_done(&its);
    return same;
}

uint64_t aep__spool_record_bytes(uint64_t message_bytes)
{
    return (message_bytes > MESSAGE_BYTES ? message_bytes : MESSAGE_BYTES) + META_BYTES;
}

static int check_sizes(const struct aep__spool_settings *settings, aep_error *err)
{
    uint64_t least = settings->segment_bytes * 4;
    if (settings->max_bytes == 0 || settings->max_bytes >= least)
        return AEP_OK;
    return aep__error(err, AEP_ECONFIG, "spool.max_bytes",
                      "spool.max_bytes = %" PRIu64 " must be at least four times "
                      "spool.segment_bytes = %" PRIu64 ", for a new spool: %" PRIu64 " bytes",
                      settings->max_bytes, settings->segment_bytes, least);
}

static int make_identity(struct aep__spool *spool, const struct aep__spool_settings *settings,
                         aep_error *err)
{
    struct aep__buf text = {0};
    char uuid[AEP_ID_SIZE];
    int result = check_sizes(settings, err);
    if (result != AEP_OK)
        return result;
    if (make_uuid(uuid) < 0)
        return aep__error_errno(
            err, AEP_ESPOOL, "spool.dir",
            "cannot create a spool at %s: the kernel gives this program no random numbers: allow "
            "getrandom(2) or /dev/urandom",
            spool->path);
    format_identity(&text, spool, uuid, settings);
    if (text.failed)
        result = aep__error_memory(err);
    else if (text.len > IDENTITY_MAX)
        result = aep__error(err, AEP_ESPOOL, "kafka.bootstrap.servers",
                            "the list of servers is too long for a spool's identity");
    else if (aep__spool_create(spool, AEP__SPOOL_ID, text.data, text.len, 0) < 0 ||
             aep__spool_sync(spool) < 0)
        result = aep__error_errno(err, errno == ENOSPC || errno == EDQUOT ? AEP_EFULL : AEP_ESPOOL,
                                  "spool.dir", "cannot make %s/" AEP__SPOOL_ID, spool->path);
    aep__buf_done(&text);
    return result == AEP_OK ? read_identity(spool, err) : result;
}

/* ---- opening ---- */

/* With a slash behind it, open(2) follows a symbolic link whatever its flags. */
static void strip_slashes(char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
}

/* The lowest folder of a path that is there, the path's own included. False: none can be seen. */
static bool find_lowest(const char *path, struct stat *ret)
{
    char part[PATH_MAX];
    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part)
        return false;
    for (;;) {
        char *slash = strrchr(part, '/');
        if (stat(*part ? part : "/", ret) == 0)
            return true;
        if (!slash)
            return false;
        *slash = '\0';
    }
}

/* HOME is another user's, as under sudo(8) and su(1): what root made there would shut that user out,
 * and what anyone else makes there fails. */
static bool is_strangers_home(const char *path, const struct aep__spool_settings *settings,
                              uid_t *ret_owner)
{
    struct stat st;
    int saved = errno;
    bool found = settings && settings->in_home && find_lowest(path, &st);
    errno = saved;
    if (!found)
        return false;
    *ret_owner = st.st_uid;
    return st.st_uid != geteuid();
}

static int refuse_home(const struct aep__spool *spool, uid_t owner, aep_error *err)
{
    return aep__error(err, AEP_ESPOOL, "spool.dir",
                      "%s would be in a folder of user %ld, but this program runs as %ld: set "
                      "HOME to this user's (sudo -H, su -), run it as that user, or " REMEDY,
                      spool->path, (long)owner, (long)geteuid());
}

static int open_folder(struct aep__spool *spool, const struct aep__spool_settings *settings,
                       aep_error *err)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    const bool make = settings != NULL;
    uid_t owner;
    spool->dir_fd = aep__os_above(open(spool->path, flags));
    bool missing = spool->dir_fd < 0 && errno == ENOENT;
    if (missing && geteuid() == 0 && is_strangers_home(spool->path, settings, &owner))
        return refuse_home(spool, owner, err);
    if (missing && make && aep__folder_make(spool->path) == 0)
        spool->dir_fd = aep__os_above(open(spool->path, flags));
    if (spool->dir_fd >= 0 && aep__os_identify(spool->dir_fd, &spool->folder))
        return AEP_OK;
    if (errno == EACCES && is_strangers_home(spool->path, settings, &owner))
        return refuse_home(spool, owner, err);
    if (errno == ENOENT && !make)
        return aep__error(err, AEP_ESPOOL, "spool.dir", "there is no spool at %s", spool->path);
    if (errno == ELOOP || errno == ENOTDIR)
        return aep__error(err, AEP_ESPOOL, "spool.dir",
                          "%s is a symbolic link or not a folder: " REMEDY, spool->path);
    return aep__error_errno(err, AEP_ESPOOL, "spool.dir",
                            "cannot open the spool folder %s; " REMEDY, spool->path);
}

static int check_folder(struct aep__spool *spool, bool any_fs, aep_error *err)
{
    struct stat st;
    const char *fs_name;
    if (fstat(spool->dir_fd, &st) < 0)
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot look at %s", spool->path);
    int result = check_owner(spool, &st, err);
    if (result != AEP_OK)
        return result;
    if (st.st_mode & 077)
        return aep__error(err, AEP_ESPOOL, "spool.dir",
                          "%s is open to other users: chmod 700 it, or " REMEDY, spool->path);
    spool->fs = aep__os_fs(spool->dir_fd, &fs_name);
    if (spool->fs == AEP__FS_REMOTE && !any_fs)
        return aep__error(err, AEP_ESPOOL, "spool.any_fs",
                          "%s is on %s, where a spool is not safe: " REMEDY
                          " on a local disk, or spool.any_fs=true",
                          spool->path, fs_name);
    return AEP_OK;
}

static int check_mode(const struct aep__spool *spool, const struct aep__spool_settings *settings,
                      aep_error *err)
{
    if (!settings || settings->local == spool->local)
        return AEP_OK;
    return aep__error(err, AEP_ESPOOL, "mode",
                      "%s was made with mode=%s and cannot be opened with mode=%s: " REMEDY,
                      spool->path, spool->local ? "local" : "kafka",
                      settings->local ? "local" : "kafka");
}

/* Now, while there is room for them: once the disk is full a first relay could not drain it without
 * a cursor, and what is refused could not be counted. */
static void make_files(const struct aep__spool *spool)
{
    static int (*const openers[])(const struct aep__spool *) = {
        aep__cursor_begin,
        aep__counters_open,
        aep__status_open,
    };
    for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) {
        int fd = openers[i](spool);
        if (fd >= 0)
            close(fd);
    }
}

static bool stands_at_path(const struct aep__spool *spool)
{
    struct stat st;
    return lstat(spool->path, &st) == 0 && st.st_dev == spool->folder.dev &&
           st.st_ino == spool->folder.ino;
}

/* The identity comes last: a spool that has one has had a cursor, so that a missing cursor is one
 * that was lost, whenever a maker is killed. AEP_ESTATE: the folder lost its identity to whoever
 * removes it, and was renamed before that; events in a new spool there would go with it. */
static int make_spool(struct aep__spool *spool, const struct aep__spool_settings *settings,
                      aep_error *err)
{
    if (!stands_at_path(spool))
        return AEP_ESTATE;
    make_files(spool);
    return make_identity(spool, settings, err);
}

/* AEP_ESTATE: the folder is being removed. */
static int open_once(struct aep__spool *spool, const char *path,
                     const struct aep__spool_settings *settings, aep_error *err)
{
    *spool = (struct aep__spool){.dir_fd = -1, .path = strdup(path)};
    int result = spool->path ? AEP_OK : aep__error_memory(err);
    if (result == AEP_OK)
        strip_slashes(spool->path);
    if (result == AEP_OK && path[0] != '/')
        result = aep__error(err, AEP_ESPOOL, "spool.dir", "%s is not an absolute path", path);
    aep__os_boot_id(spool->boot);
    if (result == AEP_OK)
        result = open_folder(spool, settings, err);
    if (result == AEP_OK)
        result = check_folder(spool, !settings || settings->any_fs, err);
    if (result == AEP_OK)
        result = read_identity(spool, err);
    if (result == AEP_ESTATE)
        result = settings ? make_spool(spool, settings, err)
                          : aep__error(err, AEP_ESPOOL, "spool.dir", "%s is not a spool", path);
    if (result == AEP_OK)
        result = check_mode(spool, settings, err);
    if (result == AEP_OK && settings)
        result = aep__spool_check(spool, err);
    if (result != AEP_OK)
        aep__spool_done(spool);
    return result;
}

int aep__spool_open(struct aep__spool *spool, const char *path,
                    const struct aep__spool_settings *settings, aep_error *err)
{
    int result = AEP_ESTATE;
    for (int tries = 0; result == AEP_ESTATE && tries < OPEN_TRIES; tries++)
        result = open_once(spool, path, settings, err);
    if (result == AEP_ESTATE)
        result = aep__error(err, AEP_ESPOOL, "spool.dir", "%s is being removed", path);
    return result;
}

void aep__spool_done(struct aep__spool *spool)
{
    if (spool->dir_fd >= 0)
        close(spool->dir_fd);
    free(spool->path);
    *spool = (struct aep__spool){.dir_fd = -1};
}

uint64_t aep__spool_number(const struct aep__spool *spool)
{
    uint64_t number;
    memcpy(&number, spool->uuid, sizeof number);
    return number;
}
