/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/os.h"
#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MAX_BYTES (256 * 1024)
#define LINE_MAX_BYTES 1200
#define REPEAT_US 30000000

static const char *const level_names[] = {"", "error", "warning", "info", "debug"};

void aep__log_init(struct aep__log *log, int dir_fd, const char *name, bool to_stderr)
{
    *log = (struct aep__log){.dir_fd = dir_fd, .fd = -1, .to_stderr = to_stderr};
    snprintf(log->name, sizeof log->name, "%s", name);
    snprintf(log->old_name, sizeof log->old_name, "%s.1", log->name);
}

void aep__log_done(struct aep__log *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

/* A line with its numbers left out: "3/3 brokers are down (after 12ms)" repeats itself too. */
static uint64_t hash_line(const char *line)
{
    char words[LINE_MAX_BYTES];
    size_t len = 0;
    uint8_t hash[16];
    for (; *line && len < sizeof words; line++)
        if (!isdigit((unsigned char)*line))
            words[len++] = *line;
    aep__hash128(words, len, hash);
    uint64_t number;
    memcpy(&number, hash, sizeof number);
    return number;
}

/* Whether this line is due, and how often it was left out since it was last written. */
static bool due(struct aep__log *log, const char *line, unsigned *ret_left_out)
{
    uint64_t hash = hash_line(line);
    int64_t now_us = aep__clock_mono_us();
    struct aep__log_seen *seen = &log->seen[hash % AEP__LOG_MEMORY];
    bool known = seen->hash == hash;
    *ret_left_out = known ? seen->left_out : 0;
    if (known && now_us < seen->until_us) {
        seen->left_out++;
        return false;
    }
    *seen = (struct aep__log_seen){.hash = hash, .until_us = now_us + REPEAT_US};
    return true;
}

/* Whatever else has that name is left alone. */
static void open_log(struct aep__log *log)
{
    const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    struct stat st;
    if (log->fd >= 0)
        return;
    log->fd = aep__os_above(openat(log->dir_fd, log->name, flags, 0600));
    if (log->fd < 0)
        return;
    bool ours = fstat(log->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
    if (!ours)
        aep__log_done(log);
}

/* A contender writes here too: it may have rotated the log already, and what is open is the old one. */
static bool is_current(const struct aep__log *log, const struct stat *open)
{
    struct stat st;
    return fstatat(log->dir_fd, log->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_dev == open->st_dev && st.st_ino == open->st_ino;
}

/* Makes room for len bytes. If the old log cannot be renamed, it is discarded, so that the log
 * stays bounded. */
static void rotate(struct aep__log *log, size_t len)
{
    struct stat st;
    if (log->fd < 0 || fstat(log->fd, &st) < 0 || (size_t)st.st_size + len <= LOG_MAX_BYTES)
        return;
    if (is_current(log, &st) && renameat(log->dir_fd, log->name, log->dir_fd, log->old_name) < 0 &&
        ftruncate(log->fd, 0) == 0)
        return;
    aep__log_done(log);
    open_log(log);
}

static void write_line(struct aep__log *log, const char *line, size_t len)
{
    if (log->to_stderr && write(STDERR_FILENO, line, len) < 0)
        log->to_stderr = false;
    if (log->dir_fd < 0)
        return;
    open_log(log);
    rotate(log, len);
    if (log->fd >= 0 && write(log->fd, line, len) < 0)
        return; /* nobody is left to tell */
}

void aep__log_write(struct aep__log *log, enum aep_log_level level, const char *format, ...)
{
    char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 100], time[AEP__TIME_SIZE];
    unsigned left_out;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!due(log, text, &left_out))
        return;
    text[aep__utf8_plain(text, strlen(text))] = '\0';
    aep__clock_format(aep__clock_wall_us(), time);
    int len =
        snprintf(line, sizeof line, "%s %d %s %s", time, (int)getpid(), level_names[level], text);
    if (left_out)
        len += snprintf(line + len, sizeof line - (size_t)len, " (%u more since then)", left_out);
    line[len++] = '\n';
    write_line(log, line, (size_t)len);
}
