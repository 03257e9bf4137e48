/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/sidelog.h"

#include "base/crc32c.h"
#include "base/endian.h"
#include "base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 4096    /* a slot each */
#define RECORD_NOTE 4 /* a record type beside those of record.h */
#define READ_BYTES (32 * 1024)
#define ERROR_NAME_MAX 64

enum {
    AT_MAGIC = 0,
    AT_GENERATION = 8,
    AT_BEGIN = 16,
    AT_END = 24,
    AT_COUNT = 32,
    AT_ORDINAL = 40,
    AT_CRC = 48,
    SLOT_SIZE = 52
};
enum {
    NOTE_SALT = 0,
    NOTE_FLAGS = 1,
    NOTE_ORDINAL = 2,
    NOTE_SEGMENT = 10,
    NOTE_OFFSET = 18,
    NOTE_END = 26,
    NOTE_TIME = 34,
    NOTE_ERROR = 42
};

static const char slot_magic[8] = "AEPSIDE1";

_Static_assert(AEP__SIDELOG_FIRST == 2 * BLOCK, "entries stand behind the two slots");

/* ---- its file ---- */

/* Before every use. 0, or -1 with errno. One that was removed meanwhile is as one that never was. */
static int wake(struct aep__sidelog *log)
{
    if (!log->rests)
        return 0;
    log->fd = aep__spool_openat(log->spool, log->name, log->write ? O_RDWR : O_RDONLY, S_IFREG);
    if (log->fd < 0 && errno != ENOENT)
        return -1;
    log->rests = false;
    return 0;
}

void aep__sidelog_rest(struct aep__sidelog *log)
{
    int saved = errno;
    if (log->fd < 0)
        return;
    close(log->fd);
    log->fd = -1;
    log->rests = true;
    aep__buf_done(&log->scratch);
    errno = saved;
}

/* ---- slots ---- */

static int store_slot(struct aep__sidelog *log)
{
    char slot[SLOT_SIZE];
    log->generation++;
    memcpy(slot + AT_MAGIC, slot_magic, sizeof slot_magic);
    aep__put64(slot + AT_GENERATION, log->generation);
    aep__put64(slot + AT_BEGIN, log->begin);
    aep__put64(slot + AT_END, log->end);
    aep__put64(slot + AT_COUNT, log->count);
    aep__put64(slot + AT_ORDINAL, log->next_ordinal);
    aep__put32(slot + AT_CRC, aep__crc32c(0, slot, AT_CRC));
    ssize_t written = pwrite(log->fd, slot, sizeof slot, (off_t)(log->generation % 2) * BLOCK);
    if (written == (ssize_t)sizeof slot)
        return 0;
    if (written >= 0)
        errno = ENOSPC;
    return -1;
}

static bool slot_valid(const char *slot)
{
    return memcmp(slot + AT_MAGIC, slot_magic, sizeof slot_magic) == 0 &&
           aep__get32(slot + AT_CRC) == aep__crc32c(0, slot, AT_CRC) &&
           aep__get64(slot + AT_BEGIN) >= AEP__SIDELOG_FIRST &&
           aep__get64(slot + AT_END) >= aep__get64(slot + AT_BEGIN) &&
           aep__get64(slot + AT_END) < INT64_MAX;
}

/* The newer valid slot; if there is none, the log is read from its first entry. */
static void load_slot(struct aep__sidelog *log)
{
    char blocks[BLOCK + SLOT_SIZE] = {0};
    const char *slot = NULL;
    if (pread(log->fd, blocks, sizeof blocks, 0) < 0)
        return;
    for (int i = 0; i < 2; i++) {
        const char *other = blocks + (size_t)i * BLOCK;
        if (slot_valid(other) &&
            (!slot || aep__get64(other + AT_GENERATION) > aep__get64(slot + AT_GENERATION)))
            slot = other;
    }
    if (!slot)
        return;
    log->generation = aep__get64(slot + AT_GENERATION);
    log->begin = aep__get64(slot + AT_BEGIN);
    log->end = aep__get64(slot + AT_END);
    log->count = aep__get64(slot + AT_COUNT);
    log->next_ordinal = aep__get64(slot + AT_ORDINAL);
}

/* ---- notes ---- */

static bool encode_note(struct aep__buf *out, const struct aep__note *note)
{
    char meta[NOTE_ERROR + ERROR_NAME_MAX] = {0};
    size_t error_len = note->error.len < ERROR_NAME_MAX ? note->error.len : ERROR_NAME_MAX;
    meta[NOTE_FLAGS] = (char)note->flags;
    aep__put64(meta + NOTE_ORDINAL, note->ordinal);
    aep__put64(meta + NOTE_SEGMENT, note->segment);
    aep__put64(meta + NOTE_OFFSET, note->offset);
    aep__put64(meta + NOTE_END, note->end);
    aep__put64(meta + NOTE_TIME, (uint64_t)note->time_us);
    if (error_len)
        memcpy(meta + NOTE_ERROR, note->error.data, error_len);
    size_t start = out->len;
    for (int salt = 0; salt <= UINT8_MAX; salt++) {
        meta[NOTE_SALT] = (char)salt;
        out->len = start;
        if (aep__record_encode(out, RECORD_NOTE, (struct aep__slice){meta, NOTE_ERROR + error_len},
                               (struct aep__slice){0}))
            return true;
    }
    return false;
}

static bool decode_note(const struct aep__record *record, struct aep__note *ret)
{
    const char *meta = record->meta.data;
    if (record->type != RECORD_NOTE || record->meta.len < NOTE_ERROR)
        return false;
    *ret = (struct aep__note){
        .flags = (uint8_t)meta[NOTE_FLAGS],
        .ordinal = aep__get64(meta + NOTE_ORDINAL),
        .segment = aep__get64(meta + NOTE_SEGMENT),
        .offset = aep__get64(meta + NOTE_OFFSET),
        .end = aep__get64(meta + NOTE_END),
        .time_us = (int64_t)aep__get64(meta + NOTE_TIME),
        .error = {meta + NOTE_ERROR, record->meta.len - NOTE_ERROR},
    };
    return true;
}

/* ---- reading ---- */

/* Reads at least `want` bytes at `at`, if the file has them. */
static ssize_t fill(const struct aep__sidelog *log, uint64_t at, struct aep__buf *buf, size_t want)
{
    aep__buf_clear(buf);
    if (!aep__buf_reserve(buf, want)) {
        errno = ENOMEM;
        return -1;
    }
    ssize_t got = pread(log->fd, buf->data, want, (off_t)at);
    buf->len = got > 0 ? (size_t)got : 0;
    return got;
}

/* Parses note and event at data. RECORD: *ret is filled in. */
static enum aep__parse parse_entry(const struct aep__sidelog *log, const char *data, size_t len,
                                   struct aep__sidelog_entry *ret)
{
    struct aep__record note;
    enum aep__parse parse =
        aep__record_parse(data, len, AEP__RECORD_HEAD + NOTE_ERROR + ERROR_NAME_MAX, &note);
    if (parse != AEP__PARSE_RECORD)
        return parse;
    if (!decode_note(&note, &ret->note))
        return AEP__PARSE_GARBAGE;
    if (len == note.size)
        return AEP__PARSE_INCOMPLETE;
    data += note.size;
    parse = aep__record_parse(data, len - note.size, log->spool->record_bytes, &ret->record);
    if (parse == AEP__PARSE_RECORD) {
        ret->raw = (struct aep__slice){data, ret->record.size};
        ret->next = ret->at + note.size + ret->record.size;
    }
    return parse;
}

int aep__sidelog_read(struct aep__sidelog *log, uint64_t at, struct aep__buf *buf,
                      struct aep__sidelog_entry *ret)
{
    size_t want = READ_BYTES, whole = log->spool->record_bytes + READ_BYTES;
    if (wake(log) < 0)
        return -1;
    while (log->fd >= 0) {
        ssize_t got = fill(log, at, buf, want);
        if (got <= 0)
            return (int)got;
        ret->at = at;
        switch (parse_entry(log, buf->data, (size_t)got, ret)) {
        case AEP__PARSE_RECORD:
            return 1;
        case AEP__PARSE_INCOMPLETE:
            if ((size_t)got == want && want < whole) {
                want = whole;
                break;
            } /* fall through */
        case AEP__PARSE_GARBAGE:
            at += aep__record_find_magic(buf->data, 1, (size_t)got);
            want = READ_BYTES;
        }
    }
    return 0;
}

/* Finds the entries after the known end; cuts off an incomplete one. */
static int find_end(struct aep__sidelog *log, bool write)
{
    struct aep__sidelog_entry entry;
    int found;
    while ((found = aep__sidelog_read(log, log->end, &log->scratch, &entry)) > 0) {
        log->end = entry.next;
        log->count++;
        if (entry.note.ordinal >= log->next_ordinal)
            log->next_ordinal = entry.note.ordinal + 1;
    }
    if (found < 0)
        return -1;
    return write ? ftruncate(log->fd, (off_t)log->end) : 0;
}

/* ---- opening ---- */

static void begin_log(struct aep__sidelog *log)
{
    log->begin = log->end = AEP__SIDELOG_FIRST;
    log->count = log->next_ordinal = log->generation = 0;
}

int aep__sidelog_open(struct aep__sidelog *log, const struct aep__spool *spool, const char *name,
                      bool write)
{
    *log = (struct aep__sidelog){.spool = spool, .fd = -1, .write = write};
    snprintf(log->name, sizeof log->name, "%s", name);
    begin_log(log);
    log->fd = aep__spool_openat(spool, name, write ? O_RDWR : O_RDONLY, S_IFREG);
    if (log->fd < 0)
        return write && errno == ENOENT ? 0 : -1;
    load_slot(log);
    if (find_end(log, write) == 0)
        return 0;
    int saved = errno;
    aep__sidelog_done(log);
    errno = saved;
    return -1;
}

void aep__sidelog_done(struct aep__sidelog *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
    log->rests = false;
    aep__buf_done(&log->scratch);
}

static int make_file(struct aep__sidelog *log)
{
    log->fd = aep__spool_openat(log->spool, log->name, O_RDWR | O_CREAT, S_IFREG);
    if (log->fd < 0)
        return -1;
    log->created = true;
    return store_slot(log);
}

/* ---- writing ---- */

static int write_at(int fd, const char *data, size_t len, uint64_t at)
{
    ssize_t written = pwrite(fd, data, len, (off_t)at);
    if (written == (ssize_t)len)
        return 0;
    if (written >= 0)
        errno = ENOSPC;
    int saved = errno;
    if (ftruncate(fd, (off_t)at) < 0) { /* the entry is cut off when the log is opened again */
    }
    errno = saved;
    return -1;
}

int aep__sidelog_append(struct aep__sidelog *log, const struct aep__note *note,
                        struct aep__slice raw)
{
    if (wake(log) < 0 || (log->fd < 0 && make_file(log) < 0))
        return -1;
    aep__buf_clear(&log->scratch);
    bool encoded = encode_note(&log->scratch, note);
    aep__buf_add(&log->scratch, raw.data, raw.len);
    if (!encoded || log->scratch.failed) {
        errno = ENOMEM;
        return -1;
    }
    if (write_at(log->fd, log->scratch.data, log->scratch.len, log->end) < 0)
        return -1;
    log->end += log->scratch.len;
    log->count++;
    log->dirty = true;
    if (note->ordinal >= log->next_ordinal)
        log->next_ordinal = note->ordinal + 1;
    return 0;
}

void aep__sidelog_advance(struct aep__sidelog *log, uint64_t begin, uint64_t entries)
{
    log->begin = begin;
    log->count -= entries < log->count ? entries : log->count;
    log->dirty = true;
}

int aep__sidelog_sync(struct aep__sidelog *log, bool durable)
{
    if (!log->dirty)
        return 0;
    if (wake(log) < 0)
        return -1;
    if (log->fd < 0)
        return 0;
    if (store_slot(log) < 0)
        return -1;
    if (!durable)
        return 0;
    if (fdatasync(log->fd) < 0 || (log->created && aep__spool_sync(log->spool) < 0))
        return -1;
    log->dirty = log->created = false;
    return 0;
}

/* ---- rewriting ---- */

static int copy_kept(struct aep__sidelog *from, struct aep__sidelog *to, aep__keep_fn keep,
                     void *user)
{
    struct aep__sidelog_entry entry;
    struct aep__buf buf = {0};
    int found;
    for (uint64_t at = from->begin; (found = aep__sidelog_read(from, at, &buf, &entry)) > 0;
         at = entry.next)
        if (keep(user, &entry) == AEP__KEEP &&
            aep__sidelog_append(to, &entry.note, entry.raw) < 0) {
            found = -1;
            break;
        }
    aep__buf_done(&buf);
    return found;
}

int aep__sidelog_rewrite(struct aep__sidelog *log, aep__keep_fn keep, void *user)
{
    struct aep__sidelog copy = {.spool = log->spool, .fd = -1, .write = true};
    if (wake(log) < 0)
        return -1;
    if (log->fd < 0)
        return 0;
    snprintf(copy.name, sizeof copy.name, "tmp.%.240s", log->name);
    begin_log(&copy);
    unlinkat(log->spool->dir_fd, copy.name, 0);
    bool ok = make_file(&copy) == 0 && copy_kept(log, &copy, keep, user) == 0;
    copy.next_ordinal = log->next_ordinal;
    copy.dirty = true;
    ok = ok && aep__sidelog_sync(&copy, true) == 0 &&
         renameat(log->spool->dir_fd, copy.name, log->spool->dir_fd, log->name) == 0;
    if (!ok) {
        int saved = errno;
        unlinkat(log->spool->dir_fd, copy.name, 0);
        aep__sidelog_done(&copy);
        errno = saved;
        return -1;
    }
    aep__spool_sync(log->spool);
    snprintf(copy.name, sizeof copy.name, "%s", log->name);
    aep__sidelog_done(log);
    *log = copy;
    return 0;
}

void aep__sidelog_remove(struct aep__sidelog *log)
{
    unlinkat(log->spool->dir_fd, log->name, 0);
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
    log->rests = false;
    log->dirty = log->created = false;
    begin_log(log);
}

/* ---- sizes ---- */

static uint64_t size_of(const struct aep__spool *spool, const char *name)
{
    struct stat st;
    bool is_log = fstatat(spool->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                  S_ISREG(st.st_mode) && st.st_size > AEP__SIDELOG_FIRST;
    return is_log ? (uint64_t)st.st_size - AEP__SIDELOG_FIRST : 0;
}

int aep__sidelog_sizes(const struct aep__spool *spool, struct aep__sidelog_sizes *ret)
{
    const size_t prefix = strlen(AEP__SIDELOG_PARKED_PREFIX);
    struct aep__sidelog_sizes sizes = {.dead = size_of(spool, AEP__SIDELOG_DEAD)};
    int fd = openat(spool->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strncmp(entry->d_name, AEP__SIDELOG_PARKED_PREFIX, prefix) == 0)
            sizes.parked += size_of(spool, entry->d_name);
    closedir(dir);
    *ret = sizes;
    return 0;
}

void aep__sidelog_parked_name(struct aep__slice topic, char name[AEP__SIDELOG_NAME_SIZE])
{
    char hash[AEP__HASH_TEXT_SIZE];
    aep__hash_text(topic.data, topic.len, hash);
    snprintf(name, AEP__SIDELOG_NAME_SIZE, AEP__SIDELOG_PARKED_PREFIX "%.*s-%s",
             (int)(topic.len < 200 ? topic.len : 200), topic.data, hash);
}
