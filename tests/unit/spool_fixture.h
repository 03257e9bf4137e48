/* SPDX-License-Identifier: Apache-2.0 */
/* Each test has its own spool, with small segments; functions for what tests do to it. */
#ifndef AEP_TESTS_SPOOL_FIXTURE_H
#define AEP_TESTS_SPOOL_FIXTURE_H

#include "base/buf.h"
#include "spool/append.h"
#include "spool/cursor.h"
#include "spool/read.h"
#include "spool/record.h"
#include "spool/retire.h"
#include "spool/segment.h"
#include "spool/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define L 4096              /* the soft limit of a segment here */
#define LARGEST (64 * 1024) /* record */

struct here {
    char root[64]; /* removed with all that is in it */
    char dir[80];  /* the spool */
    struct aep__spool spool;
    struct aep__cursor cursor;
    int cursor_fd;
    aep_error err;
};

static inline struct aep__spool_settings small_settings(void)
{
    return (struct aep__spool_settings){
        .segment_bytes = L, .record_bytes = LARGEST, .any_fs = true, .destination = "test"};
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static inline int make_root(struct here *here)
{
    const char *base = getenv("TMPDIR");
    snprintf(here->root, sizeof here->root, "%s/aep-spool-test.XXXXXX",
             base && *base ? base : "/tmp");
    here->cursor_fd = here->spool.dir_fd = -1;
    if (!mkdtemp(here->root))
        return -1;
    snprintf(here->dir, sizeof here->dir, "%s/spool", here->root);
    return 0;
}

/* cmocka's per-test setup and teardown. */
static inline int begin_here(void **state)
{
    static struct here here;
    struct aep__spool_settings settings = small_settings();
    here = (struct here){.cursor_fd = -1};
    *state = &here;
    if (make_root(&here) < 0 ||
        aep__spool_open(&here.spool, here.dir, &settings, &here.err) != AEP_OK)
        return -1;
    return 0;
}

static inline int end_here(void **state)
{
    struct here *here = *state;
    if (here->cursor_fd >= 0)
        close(here->cursor_fd);
    if (here->spool.dir_fd >= 0)
        aep__spool_done(&here->spool);
    return nftw(here->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#define HERE_TEST(function) cmocka_unit_test_setup_teardown(function, begin_here, end_here)

/* The machine reboots. */
static inline void reboot(struct here *here)
{
    here->spool.boot[0]++;
}

/* ---- files of the folder ---- */

static inline off_t size_of(const struct here *here, const char *name)
{
    struct stat st;
    return fstatat(here->spool.dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : -1;
}

static inline bool exists(const struct here *here, const char *name)
{
    return size_of(here, name) >= 0;
}

static inline off_t segment_size(const struct here *here, uint64_t number)
{
    char name[AEP__SEGMENT_NAME_SIZE];
    aep__segment_name(number, name);
    return size_of(here, name);
}

static inline void add_to_file(const struct here *here, const char *name, const void *data,
                               size_t len)
{
    int fd = openat(here->spool.dir_fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
}

static inline void add_to_segment(const struct here *here, uint64_t number, const void *data,
                                  size_t len)
{
    char name[AEP__SEGMENT_NAME_SIZE];
    aep__segment_name(number, name);
    add_to_file(here, name, data, len);
}

static inline void remove_segment(const struct here *here, uint64_t number)
{
    char name[AEP__SEGMENT_NAME_SIZE];
    aep__segment_name(number, name);
    assert_int_equal(unlinkat(here->spool.dir_fd, name, 0), 0);
}

static inline void cut_segment(const struct here *here, uint64_t number, off_t size)
{
    char name[AEP__SEGMENT_NAME_SIZE];
    aep__segment_name(number, name);
    int fd = openat(here->spool.dir_fd, name, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
}

static inline void seal_early(struct here *here, uint64_t number, uint64_t at)
{
    int fd = aep__segment_open(&here->spool, number, true, NULL);
    assert_true(fd >= 0);
    assert_int_equal(aep__segment_seal_early(&here->spool, fd, at), 0);
    close(fd);
}

/* Where the segment's seal is; -1: it has none. */
static inline int64_t seal_of(const struct here *here, uint64_t number)
{
    uint64_t at = 0;
    int fd = aep__segment_open(&here->spool, number, false, NULL);
    assert_true(fd >= 0);
    int found = aep__segment_find_seal(&here->spool, fd, UINT32_MAX, &at);
    close(fd);
    assert_true(found >= 0);
    return found ? (int64_t)at : -1;
}

/* ---- the cursor ---- */

static inline void load_cursor(struct here *here)
{
    assert_int_equal(aep__cursor_load(&here->spool, &here->cursor, &here->err), AEP_OK);
}

static inline void store_cursor(struct here *here, uint64_t segment, uint64_t offset)
{
    if (here->cursor_fd < 0)
        here->cursor_fd = aep__cursor_open(&here->spool);
    assert_true(here->cursor_fd >= 0);
    load_cursor(here);
    here->cursor.segment = segment;
    here->cursor.offset = offset;
    assert_int_equal(aep__cursor_store(&here->spool, here->cursor_fd, &here->cursor, true), 0);
}

/* ---- events: their text is their value ---- */

static inline void encode_text(struct aep__buf *out, const char *text, size_t len)
{
    struct aep__message message = {.topic = AEP__SLICE("test"), .value = {text, len}};
    assert_true(aep__record_encode_message(out, &message));
    assert_false(out->failed);
}

static inline int try_append(struct aep__appender *appender, const char *text, size_t len,
                             bool reserved, aep_position *ret, aep_error *err)
{
    struct aep__buf record = {0};
    encode_text(&record, text, len);
    int result = aep__append(appender, record.data, record.len, reserved, ret, err);
    aep__buf_done(&record);
    return result;
}

static inline aep_position append_text(struct aep__appender *appender, const char *text)
{
    aep_error err = {0};
    aep_position position = {0};
    int result = try_append(appender, text, strlen(text), false, &position, &err);
    if (result != AEP_OK)
        fail_msg("append: %s", err.text);
    return position;
}

/* A text followed by blanks, `len` bytes in all. */
static inline aep_position append_long(struct aep__appender *appender, const char *text, size_t len)
{
    aep_error err = {0};
    aep_position position = {0};
    char *value = malloc(len);
    assert_non_null(value);
    memset(value, ' ', len);
    memcpy(value, text, strlen(text));
    int result = try_append(appender, value, len, false, &position, &err);
    free(value);
    if (result != AEP_OK)
        fail_msg("append: %s", err.text);
    return position;
}

static inline struct aep__appender begin_appending(struct here *here)
{
    struct aep__appender appender;
    aep__append_init(&appender, &here->spool, 0);
    return appender;
}

/* Leaves what a writer killed in its write leaves: the record's first bytes. */
static inline void tear_into(const struct here *here, uint64_t number, const char *text, size_t len)
{
    struct aep__buf record = {0};
    encode_text(&record, text, strlen(text));
    assert_true(len < record.len);
    add_to_segment(here, number, record.data, len);
    aep__buf_done(&record);
}

static inline void add_whole(const struct here *here, uint64_t number, const char *text)
{
    struct aep__buf record = {0};
    encode_text(&record, text, strlen(text));
    add_to_segment(here, number, record.data, record.len);
    aep__buf_done(&record);
}

/* ---- reading ---- */

static inline void begin_reading(struct here *here, struct aep__reader *reader, uint64_t segment,
                                 uint64_t offset, bool relay)
{
    assert_int_equal(aep__reader_init(reader, &here->spool, segment, offset, relay, &here->err),
                     AEP_OK);
}

/* The next thing as text: an event's first word, or "(wait)", "(sealed)", "(gone)", "(error)". */
static inline const char *next_of(struct aep__reader *reader)
{
    static char word[128];
    static const char *const others[] = {[AEP__READ_WAIT] = "(wait)",
                                         [AEP__READ_SEALED] = "(sealed)",
                                         [AEP__READ_GONE] = "(gone)",
                                         [AEP__READ_ERROR] = "(error)"};
    struct aep__entry entry;
    struct aep__message message;
    aep_error err;
    enum aep__read outcome = aep__reader_next(reader, &entry, &err);
    if (outcome != AEP__READ_EVENT)
        return others[outcome];
    assert_true(aep__record_message(&entry.record, &message));
    size_t len = 0;
    while (len < message.value.len && len < sizeof word - 1 && message.value.data[len] != ' ')
        len++;
    snprintf(word, sizeof word, "%.*s", (int)len, message.value.data);
    return word;
}

#define expect_next(reader, text) assert_string_equal(next_of(reader), text)

/* Everything that a relay delivers from a position on, separated by blanks; ends at a wait. */
static inline const char *all_from(struct here *here, uint64_t segment, uint64_t offset)
{
    static char all[8192];
    struct aep__reader reader;
    begin_reading(here, &reader, segment, offset, true);
    all[0] = '\0';
    for (;;) {
        const char *word = next_of(&reader);
        if (strcmp(word, "(wait)") == 0)
            break;
        if (strcmp(word, "(sealed)") == 0)
            continue;
        size_t len = strlen(all);
        snprintf(all + len, sizeof all - len, "%s%s", len ? " " : "", word);
        if (word[0] == '(')
            break;
    }
    aep__reader_done(&reader);
    return all;
}

static inline void assert_all(struct here *here, const char *texts)
{
    load_cursor(here);
    assert_string_equal(all_from(here, here->cursor.segment, here->cursor.offset), texts);
}

/* Passes the cursor's segment, and removes it. */
static inline int retire_inode(struct here *here, ino_t inode)
{
    uint64_t number = here->cursor.segment;
    int result = aep__retire_pass(&here->spool, here->cursor_fd, &here->cursor, inode);
    return result < 0 ? result
                      : aep__retire_remove(&here->spool, here->cursor_fd, number, number + 1);
}

/* Reads all from the cursor's segment to the seal, and retires it. */
static inline void retire_first(struct here *here)
{
    struct aep__reader reader;
    if (here->cursor_fd < 0)
        here->cursor_fd = aep__cursor_open(&here->spool);
    load_cursor(here);
    begin_reading(here, &reader, here->cursor.segment, here->cursor.offset, true);
    const char *word;
    while (strcmp(word = next_of(&reader), "(sealed)") != 0)
        assert_true(word[0] != '(');
    assert_int_equal(retire_inode(here, reader.inode), 0);
    aep__reader_done(&reader);
}

#endif
