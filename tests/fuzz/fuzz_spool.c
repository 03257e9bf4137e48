/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds the spool's readers with damaged files. The first byte chooses what:
 *
 *     0  a record            1  spool.id            2  cursor
 *     otherwise a spool of up to three segments, put together from the rest as a list of steps
 *     (valid events, seals, torn records, zeros, raw bytes), read by a relay from some offset
 *
 * For a spool, the reader must end, return exactly the events that the simplest possible reader
 * finds, and read a record appended afterwards, once. */
#include "base/crc32c.h"
#include "check.h"
#include "spool/append.h"
#include "spool/cursor.h"
#include "spool/read.h"
#include "spool/record.h"
#include "spool/segment.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define L 4096
#define LARGEST 8192
#define SEGMENTS 3
#define SEGMENT_MAX (8 * L)
#define EVENTS_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- one spool for all inputs ---- */

static struct aep__spool spool;
static char folder[128];

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static void remove_folder(void)
{
    aep__spool_done(&spool);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void open_once(void)
{
    aep_error err;
    const struct aep__spool_settings settings = {
        .segment_bytes = L, .record_bytes = LARGEST, .any_fs = true};
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    if (folder[0])
        return;
    snprintf(folder, sizeof folder, "%s/aep-fuzz.XXXXXX", base);
    CHECK(mkdtemp(folder));
    CHECK(aep__spool_open(&spool, folder, &settings, &err) == AEP_OK);
    atexit(remove_folder);
}

static void remove_segments(void)
{
    char name[AEP__SEGMENT_NAME_SIZE];
    for (uint64_t number = 1; number <= SEGMENTS + 2; number++) {
        aep__segment_name(number, name);
        unlinkat(spool.dir_fd, name, 0);
    }
    unlinkat(spool.dir_fd, "cursor", 0);
}

static void write_file(const char *name, const void *data, size_t size)
{
    unlinkat(spool.dir_fd, name, 0);
    int fd = openat(spool.dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
}

/* ---- records, spool.id, cursor ---- */

static void try_record(const uint8_t *data, size_t size)
{
    struct aep__record record;
    struct aep__message message;
    char *copy = malloc(size + 1); /* so that a read beyond its end is seen */
    CHECK(copy);
    memcpy(copy, data, size);
    for (int fixed = 0; fixed <= 1; fixed++) {
        if (fixed && size >= AEP__RECORD_HEAD) { /* the same, with a right checksum */
            uint32_t crc = aep__crc32c(aep__crc32c(0, copy + 4, 4), copy + 12, size - 12);
            memcpy(copy + 8, &crc, 4);
        }
        if (aep__record_parse(copy, size, LARGEST, &record) != AEP__PARSE_RECORD)
            continue;
        CHECK(record.size <= size && record.meta.data == copy + AEP__RECORD_HEAD);
        CHECK(record.value.data + record.value.len == copy + record.size);
        if (aep__record_message(&record, &message))
            CHECK(message.header_count <= AEP__HEADERS_MAX);
    }
    free(copy);
}

static void try_identity(const uint8_t *data, size_t size)
{
    aep_error err;
    struct aep__spool again;
    char text[4096];
    size = size < sizeof text - 20 ? size : sizeof text - 20;
    memcpy(text, data, size);
    for (int fixed = 0; fixed <= 1; fixed++) {
        if (fixed)
            size += (size_t)sprintf(text + size, "\ncrc32c %08x\n",
                                    aep__crc32c(aep__crc32c(0, text, size), "\n", 1));
        write_file("spool.id", text, size);
        if (aep__spool_open(&again, folder, NULL, &err) == AEP_OK) {
            CHECK(again.segment_bytes >= 4096 && again.record_bytes >= 4096);
            aep__spool_done(&again);
        }
    }
}

static void try_cursor(const uint8_t *data, size_t size)
{
    aep_error err;
    struct aep__cursor cursor;
    char blocks[2 * 4096] = {0};
    for (size_t i = 0; i < size && i < 128; i++)
        blocks[i < 64 ? i : 4096 + i - 64] = (char)data[i];
    for (int slot = 0; slot < 2; slot++) {
        char *at = blocks + slot * 4096;
        uint32_t crc = aep__crc32c(0, at, 56);
        if (at[60])
            memcpy(at + 56, &crc, 4);
    }
    write_file("cursor", blocks, size < 100 ? size : sizeof blocks);
    if (aep__cursor_load(&spool, &cursor, &err) == AEP_OK)
        CHECK(cursor.segment > 0);
}

/* ---- segments ---- */

struct input {
    const uint8_t *data;
    size_t size;
};

static unsigned next_byte(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

enum step { EVENT, SEAL, TORN, ZEROS, RAW, HEADER, FILL, NEXT_SEGMENT, STEPS };

static char files[SEGMENTS][SEGMENT_MAX + LARGEST];
static size_t sizes[SEGMENTS];

static void add(unsigned segment, const void *data, size_t size)
{
    if (sizes[segment] + size > SEGMENT_MAX)
        return;
    memcpy(files[segment] + sizes[segment], data, size);
    sizes[segment] += size;
}

/* Values are never empty: the zeros of an early seal would complete a record that ends in zeros and
 * is torn within them. (What is published ends in a brace.) */
static void encode(struct aep__buf *out, enum aep__record_type type, size_t size, unsigned mark)
{
    char value[2048];
    memset(value, 'a' + (int)(mark % 26), sizeof value);
    struct aep__message message = {.topic = AEP__SLICE("t"),
                                   .value = {value, 1 + size % (sizeof value - 1)}};
    aep__buf_clear(out);
    if (type == AEP__RECORD_EVENT)
        CHECK(aep__record_encode_message(out, &message));
    else
        CHECK(aep__record_encode(out, type, (struct aep__slice){0}, (struct aep__slice){0}));
}

/* The header as each kind of segment has it; the last kind has none. */
static void add_header(unsigned segment, unsigned kind)
{
    char value[32];
    struct aep__buf out = {0};
    memcpy(value, spool.uuid, 16);
    memcpy(value + 16, spool.boot, 16);
    value[0] = (char)(value[0] + (kind == 1));
    value[16] = (char)(value[16] + (kind == 2));
    CHECK(aep__record_encode(&out, AEP__RECORD_HEADER, (struct aep__slice){0},
                             (struct aep__slice){value, 32}));
    if (kind < 3)
        add(segment, out.data, out.len);
    aep__buf_done(&out);
}

static void add_step(struct input *input, unsigned segment, enum step step)
{
    static const char zeros[2 * L];
    struct aep__buf out = {0};
    size_t size = next_byte(input);
    switch (step) {
    case EVENT:
        encode(&out, AEP__RECORD_EVENT, size * 8, (unsigned)input->size);
        add(segment, out.data, out.len);
        break;
    case SEAL:
        encode(&out, AEP__RECORD_SEAL, 0, 0);
        add(segment, out.data, out.len);
        break;
    case TORN:
        encode(&out, AEP__RECORD_EVENT, next_byte(input) * 8, 0);
        add(segment, out.data, size % out.len);
        break;
    case ZEROS:
        add(segment, zeros, size * 16);
        break;
    case RAW:
        size = size < input->size ? size : input->size;
        add(segment, input->data, size);
        input->data += size;
        input->size -= size;
        break;
    case HEADER:
        add_header(segment, (unsigned)size % 4);
        break;
    case FILL:
        if (sizes[segment] < L)
            add(segment, zeros, L - sizes[segment]);
        break;
    case NEXT_SEGMENT:
    case STEPS:
        break;
    }
    aep__buf_done(&out);
}

static unsigned build_segments(struct input *input)
{
    unsigned segment = 0;
    memset(sizes, 0, sizeof sizes);
    add_header(0, next_byte(input) % 4);
    while (input->size > 0) {
        enum step step = (enum step)(next_byte(input) % STEPS);
        if (step != NEXT_SEGMENT)
            add_step(input, segment, step);
        else if (segment + 1 < SEGMENTS)
            add_header(++segment, next_byte(input) % 4);
    }
    return segment + 1;
}

struct event {
    uint64_t segment, offset, end;
};

static struct event expected[EVENTS_MAX];
static size_t expected_count;

/* The simplest reader: at every byte, whether a record begins there. */
static void expect_segment(unsigned segment, size_t from)
{
    const char *data = files[segment];
    struct aep__record record;
    bool foreign =
        sizes[segment] >= AEP__RECORD_HEADER_BYTES &&
        aep__record_parse(data, AEP__RECORD_HEADER_BYTES, LARGEST, &record) == AEP__PARSE_RECORD &&
        record.type == AEP__RECORD_HEADER && record.value.len == 32 &&
        memcmp(record.value.data, spool.uuid, 16) != 0;
    for (size_t at = L; at < from && at + 16 <= sizes[segment] && at + 16 <= from; at++)
        if (aep__record_parse(data + at, 16, 16, &record) == AEP__PARSE_RECORD &&
            record.type == AEP__RECORD_SEAL)
            return; /* it had ended before */
    for (size_t at = from; at < sizes[segment];) {
        if (aep__record_parse(data + at, sizes[segment] - at, LARGEST, &record) !=
            AEP__PARSE_RECORD) {
            at++;
            continue;
        }
        if (record.type == AEP__RECORD_SEAL && record.size == 16 && at >= L)
            return;
        if (record.type == AEP__RECORD_EVENT && !foreign)
            expected[expected_count++] = (struct event){segment + 1, at, at + record.size};
        at += record.size;
    }
}

/* Reads to the next wait and compares. */
static void read_all(struct aep__reader *reader)
{
    struct aep__entry entry;
    aep_error err;
    size_t count = 0;
    for (unsigned calls = 0;; calls++) {
        CHECK(calls < EVENTS_MAX + 100);
        enum aep__read outcome = aep__reader_next(reader, &entry, &err);
        if (outcome == AEP__READ_SEALED)
            continue;
        if (outcome == AEP__READ_WAIT)
            break;
        CHECK(outcome == AEP__READ_EVENT);
        CHECK(count < expected_count);
        CHECK(entry.segment == expected[count].segment && entry.offset == expected[count].offset &&
              entry.end == expected[count].end);
        count++;
    }
    CHECK(count == expected_count);
}

/* What is appended now is read once. */
static void append_and_read(struct aep__reader *reader)
{
    aep_error err;
    aep_position position;
    struct aep__appender appender;
    struct aep__buf record = {0};
    encode(&record, AEP__RECORD_EVENT, 10, 0);
    aep__append_init(&appender, &spool, 0);
    CHECK(aep__append(&appender, record.data, record.len, false, &position, &err) == AEP_OK);
    expected_count = 1;
    expected[0] = (struct event){position.segment, position.offset - record.len, position.offset};
    read_all(reader);
    aep__append_done(&appender);
    aep__buf_done(&record);
}

static void try_segments(struct input input)
{
    aep_error err;
    struct aep__reader reader;
    struct aep__cursor cursor = {.segment = 1};
    remove_segments();
    cursor.offset = next_byte(&input) * next_byte(&input) % (3 * L);
    unsigned count = build_segments(&input);
    expected_count = 0;
    for (unsigned segment = 0; segment < count; segment++) {
        char name[AEP__SEGMENT_NAME_SIZE];
        aep__segment_name(segment + 1, name);
        write_file(name, files[segment], sizes[segment]);
        expect_segment(segment, segment ? 0 : cursor.offset);
    }
    int cursor_fd = aep__cursor_open(&spool);
    CHECK(cursor_fd >= 0 && aep__cursor_store(&spool, cursor_fd, &cursor, false) == 0);
    CHECK(aep__reader_init(&reader, &spool, 1, cursor.offset, true, &err) == AEP_OK);
    read_all(&reader);
    append_and_read(&reader);
    aep__reader_done(&reader);
    close(cursor_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    open_once();
    switch (next_byte(&input)) {
    case 0:
        try_record(input.data, input.size);
        break;
    case 1:
        try_identity(input.data, input.size);
        break;
    case 2:
        try_cursor(input.data, input.size);
        break;
    default:
        try_segments(input);
    }
    return 0;
}
