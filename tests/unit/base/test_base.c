/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C, ids, time and buffers. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "base/id.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Under the address sanitizer an allocation of all memory is to fail, not to end the test. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* ---- CRC-32C -------------------------------------------------------------------------------- */

/* Bit by bit, straight from the polynomial: slow, and not to be doubted. */
static uint32_t crc_by_definition(uint32_t crc, const uint8_t *data, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

static void must_have_crc(const void *data, size_t len, uint32_t crc)
{
    assert_int_equal(aep__crc32c(0, data, len), crc);
    assert_int_equal(aep__crc32c_soft(0, data, len), crc);
}

/* RFC 3720 appendix B.4, and the check value of every catalogue of CRCs. */
static void test_crc_has_the_published_values(void **state)
{
    (void)state;
    uint8_t bytes[32];
    must_have_crc("", 0, 0);
    must_have_crc("123456789", 9, 0xe3069283);
    must_have_crc(memset(bytes, 0x00, 32), 32, 0x8a9136aa);
    must_have_crc(memset(bytes, 0xff, 32), 32, 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    must_have_crc(bytes, 32, 0x46dd794e);
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(31 - i);
    must_have_crc(bytes, 32, 0x113fdb5c);
}

static void fill_random(uint8_t *data, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(rand_r(&seed) >> 7);
}

static void test_crc_is_the_same_in_hardware_and_software(void **state)
{
    (void)state;
    uint8_t *data = malloc(1100 + 16);
    fill_random(data, 1100 + 16, 1);
    for (size_t len = 0; len <= 1100; len += len < 70 ? 1 : 13)
        for (size_t offset = 0; offset < 16; offset++) {
            uint32_t begin = (uint32_t)(len * 2654435761u + offset);
            uint32_t crc = crc_by_definition(begin, data + offset, len);
            assert_int_equal(aep__crc32c_soft(begin, data + offset, len), crc);
            assert_int_equal(aep__crc32c(begin, data + offset, len), crc);
        }
    free(data);
}

static void test_crc_goes_on_where_it_left_off(void **state)
{
    (void)state;
    uint8_t data[300];
    fill_random(data, sizeof data, 2);
    uint32_t whole = aep__crc32c(0, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        assert_int_equal(aep__crc32c(aep__crc32c(0, data, cut), data + cut, sizeof data - cut),
                         whole);
        assert_int_equal(
            aep__crc32c_soft(aep__crc32c_soft(0, data, cut), data + cut, sizeof data - cut), whole);
    }
}

/* ---- ids ------------------------------------------------------------------------------------ */

struct id {
    uint8_t bytes[16];
};

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct id));
}

static void make_ids(struct id *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        aep__id_make(aep__clock_wall_us(), ids[i].bytes);
}

static void must_rise(const struct id *ids, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (compare_ids(&ids[i - 1], &ids[i]) >= 0)
            fail_msg("id %zu does not exceed the one before", i);
}

static void must_be_unique(struct id *ids, size_t count)
{
    qsort(ids, count, sizeof *ids, compare_ids);
    must_rise(ids, count);
}

static int64_t id_ms(const struct id *id)
{
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id->bytes[i];
    return ms;
}

static void test_an_id_is_a_version_7_uuid_of_now(void **state)
{
    (void)state;
    char text[AEP_ID_SIZE];
    struct id id;
    aep_id_new(text);
    int64_t now_ms = aep__clock_wall_us() / 1000;
    assert_int_equal(strlen(text), 36);
    assert_int_equal(aep_id_version(text), 7);
    assert_true(aep__id_parse(text, 36, id.bytes));
    assert_int_equal(id.bytes[8] >> 6, 2);
    assert_in_range(id_ms(&id), (uintmax_t)now_ms - 60000, (uintmax_t)now_ms + 1000);
}

static void test_a_million_ids_rise(void **state)
{
    (void)state;
    const size_t count = 1000000;
    struct id *ids = malloc(count * sizeof *ids);
    make_ids(ids, count);
    must_rise(ids, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ids[i].bytes[6] >> 4, 7);
        assert_int_equal(ids[i].bytes[8] >> 6, 2);
    }
    free(ids);
}

static void test_ids_rise_when_the_clock_stands_still_or_goes_back(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    struct id *ids = malloc(COUNT * sizeof *ids);
    int64_t now_us = aep__clock_wall_us();
    for (int i = 0; i < COUNT; i++)
        aep__id_make(i < COUNT / 2 ? now_us : now_us - 1000000 - i, ids[i].bytes);
    must_rise(ids, COUNT);
    aep__id_make(-5000, ids[0].bytes);
    aep__id_make(INT64_MIN, ids[1].bytes);
    must_rise(ids, 2);
    assert_in_range(id_ms(&ids[1]), now_us / 1000, now_us / 1000 + 60000);
    free(ids);
}

/* All but the version and variant bits are used: in ids of one millisecond each, every bit of the
 * tail is set about as often as not. */
static void test_the_tail_of_ids_looks_random(void **state)
{
    (void)state;
    enum { COUNT = 4096 };
    int set[64] = {0};
    int64_t now_us = aep__clock_wall_us();
    for (int i = 0; i < COUNT; i++) {
        struct id id;
        aep__id_make(now_us + INT64_C(1000) * i, id.bytes);
        for (int bit = 0; bit < 64; bit++)
            set[bit] += id.bytes[8 + bit / 8] >> (7 - bit % 8) & 1;
    }
    for (int bit = 2; bit < 64; bit++)
        assert_in_range(set[bit], COUNT / 2 - 320, COUNT / 2 + 320); /* ten sigma */
}

#define THREADS 8
#define IDS_PER_THREAD 200000

struct id_maker {
    pthread_t thread;
    pthread_barrier_t *barrier;
    struct id *ids;
    int64_t now_us; /* the same for all, so that all count up the same number */
};

static void *make_thread_ids(void *user)
{
    struct id_maker *maker = user;
    pthread_barrier_wait(maker->barrier);
    for (int i = 0; i < IDS_PER_THREAD; i++)
        aep__id_make(maker->now_us, maker->ids[i].bytes);
    return NULL;
}

static void test_ids_of_eight_threads_are_unique_and_rise_in_each(void **state)
{
    (void)state;
    struct id *ids = malloc(THREADS * IDS_PER_THREAD * sizeof *ids);
    struct id_maker makers[THREADS];
    pthread_barrier_t barrier;
    int64_t now_us = aep__clock_wall_us();
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        makers[i] = (struct id_maker){0, &barrier, ids + i * IDS_PER_THREAD, now_us};
        assert_int_equal(pthread_create(&makers[i].thread, NULL, make_thread_ids, &makers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(makers[i].thread, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        must_rise(makers[i].ids, IDS_PER_THREAD);
    pthread_barrier_destroy(&barrier);
    must_be_unique(ids, THREADS * IDS_PER_THREAD);
    free(ids);
}

enum fork_kind { FORK_LIBC, FORK_RAW, FORK_NEW_PID_SPACE };

/* A child by the system call, so that no handler of libc's runs. */
static pid_t fork_by(enum fork_kind kind)
{
    if (kind == FORK_LIBC)
        return fork();
    unsigned long flags = SIGCHLD | (kind == FORK_NEW_PID_SPACE ? CLONE_NEWPID : 0);
    return (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0);
}

#define FORKED_IDS 4000

/* All processes make ids for the same instant, so that the count alone cannot keep them apart. */
static void make_frozen_ids(struct id *ids, int64_t now_us)
{
    for (int i = 0; i < FORKED_IDS; i++)
        aep__id_make(now_us, ids[i].bytes);
}

/* The child's ids come back by a pipe; false if the kernel allows no such child. */
static bool get_ids_of_child(enum fork_kind kind, int64_t now_us, struct id *ids)
{
    int ends[2];
    size_t got = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork_by(kind);
    if (child == 0) {
        static struct id mine[FORKED_IDS];
        make_frozen_ids(mine, now_us);
        for (size_t put = 0; put < sizeof mine;) {
            ssize_t len = write(ends[1], (char *)mine + put, sizeof mine - put);
            put += len > 0 ? (size_t)len : sizeof mine;
        }
        _exit(0);
    }
    close(ends[1]);
    while (child > 0 && got < FORKED_IDS * sizeof *ids) {
        ssize_t len = read(ends[0], (char *)ids + got, FORKED_IDS * sizeof *ids - got);
        assert_true(len > 0);
        got += (size_t)len;
    }
    close(ends[0]);
    if (child > 0)
        assert_int_equal(waitpid(child, NULL, 0), child);
    return child > 0;
}

static void must_not_share_ids(enum fork_kind kind)
{
    enum { PROCESSES = 4 };
    struct id *ids = calloc((PROCESSES + 1) * FORKED_IDS, sizeof *ids);
    int64_t now_us = aep__clock_wall_us() + 86400000000; /* ahead of whatever was made before */
    size_t count = 0;
    make_ids(ids, 1); /* so that there is something to inherit */
    for (int i = 0; i < PROCESSES; i++, count += FORKED_IDS)
        if (!get_ids_of_child(kind, now_us, ids + count)) {
            free(ids);
            skip();
        }
    make_frozen_ids(ids + count, now_us);
    must_be_unique(ids, count + FORKED_IDS);
    free(ids);
}

static void test_a_forked_child_makes_ids_of_its_own(void **state)
{
    (void)state;
    must_not_share_ids(FORK_LIBC);
}

static void test_so_does_a_child_forked_without_libc(void **state)
{
    (void)state;
    must_not_share_ids(FORK_RAW);
}

static void test_so_does_a_child_with_process_numbers_of_its_own(void **state)
{
    (void)state;
    must_not_share_ids(FORK_NEW_PID_SPACE);
}

static void test_ids_go_on_after_the_word_that_we_are_a_child(void **state)
{
    (void)state;
    struct id ids[100];
    make_ids(ids, 50);
    aep__id_forked();
    make_ids(ids + 50, 50);
    must_be_unique(ids, 100);
}

static void test_ids_are_written_and_read_back(void **state)
{
    (void)state;
    static const uint8_t bytes[16] = {0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3,
                                      0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
    uint8_t read[16];
    char text[AEP_ID_SIZE];
    aep__id_format(bytes, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    assert_true(aep__id_parse(text, 36, read));
    assert_memory_equal(read, bytes, 16);
    assert_true(aep__id_parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", 36, read));
    assert_memory_equal(read, bytes, 16);
    assert_true(aep__id_parse(text, 36, NULL));
}

static void test_what_is_no_uuid_has_no_version(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e2079b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c0739-f",
        "017f22e-279b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
        "017f22e279b07cc398c4dc0c0c07398f0000",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398\xc6",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "017f22e2-79b0-7cc3-18c4-dc0c0c07398f", /* another variant */
        "017f22e2-79b0-9cc3-98c4-dc0c0c07398f",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(aep_id_version(bad[i]), 0);
    assert_int_equal(aep_id_version(NULL), 0);
    assert_int_equal(aep_id_version("c232ab00-9414-11ec-b3c8-9f6bdeced846"), 1);
    assert_int_equal(aep_id_version("919108f7-52d1-4320-9bac-f847db4148a8"), 4);
    assert_int_equal(aep_id_version("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), 7);
    assert_false(aep__id_parse("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", 35, NULL));
}

/* ---- time ----------------------------------------------------------------------------------- */

static void must_read(const char *text, int64_t expected_us)
{
    int64_t us = -1;
    if (!aep__clock_parse(text, strlen(text), &us))
        fail_msg("%s was refused", text);
    if (us != expected_us)
        fail_msg("%s is %lld, not %lld", text, (long long)us, (long long)expected_us);
}

static void must_write(int64_t us, const char *expected)
{
    char text[AEP__TIME_SIZE];
    int64_t back;
    aep__clock_format(us, text);
    assert_string_equal(text, expected);
    assert_true(aep__clock_parse(text, strlen(text), &back));
    assert_int_equal(back, us);
}

/* The seconds are those of `date -u -d TEXT +%s`. */
static void test_times_are_written_as_rfc_3339(void **state)
{
    (void)state;
    must_write(0, "1970-01-01T00:00:00.000000Z");
    must_write(-1, "1969-12-31T23:59:59.999999Z");
    must_write(INT64_C(1763044200123456), "2025-11-13T14:30:00.123456Z");
    must_write(INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z");
    must_write(INT64_C(951868799999999), "2000-02-29T23:59:59.999999Z");
    must_write(INT64_C(4107542400000000), "2100-03-01T00:00:00.000000Z");
    must_write(INT64_C(4107542399000000), "2100-02-28T23:59:59.000000Z");
    must_write(INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z");
    must_write(INT64_C(-62167219200000000), "0000-01-01T00:00:00.000000Z");
}

static void test_times_are_read_with_fractions_and_zones(void **state)
{
    (void)state;
    const int64_t base_us = INT64_C(1763044200000000);
    must_read("2025-11-13T14:30:00Z", base_us);
    must_read("2025-11-13t14:30:00z", base_us);
    must_read("2025-11-13T14:30:00.5Z", base_us + 500000);
    must_read("2025-11-13T14:30:00.123456789Z", base_us + 123456);
    must_read("2025-11-13T14:30:00.0000000000000000000009Z", base_us);
    must_read("2025-11-13T16:30:00+02:00", base_us);
    must_read("2025-11-13T09:00:00-05:30", base_us);
    must_read("2025-11-14T14:29:00+23:59", base_us);
    must_read("2025-11-13T14:30:00-00:00", base_us);
    must_read("2024-02-29T00:00:00Z", INT64_C(1709164800000000));
    must_read("1990-12-31T23:59:60Z", INT64_C(662688000000000));
    must_read("1990-12-31T15:59:60-08:00", INT64_C(662688000000000));
}

static void test_what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2025-11-13",
        "2025-11-13 14:30:00Z",
        "2025-11-13T14:30:00",
        "2025-11-13T14:30Z",
        "2025-11-13T14:30:00.Z",
        "2025-11-13T14:30:00,5Z",
        "2025-11-13T14:30:00Zx",
        "2025-11-13T24:00:00Z",
        "2025-11-13T14:60:00Z",
        "2025-11-13T14:30:61Z",
        "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "2025-01-00T00:00:00Z",
        "2025-01-32T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2025-11-13T14:30:00+2:00",
        "2025-11-13T14:30:00+0200",
        "2025-11-13T14:30:00+24:00",
        "2025-11-13T14:30:00+02:60",
        "2025-11-13T14:30:00+",
        "+025-11-13T14:30:00Z",
        "20251113T143000Z",
        "2025-1-13T14:30:00Z",
        "2025/11/13T14:30:00Z",
        " 2025-11-13T14:30:00Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (aep__clock_parse(bad[i], strlen(bad[i]), NULL))
            fail_msg("%s was read", bad[i]);
    assert_false(aep__clock_parse("2025-11-13T14:30:00Z", 19, NULL));
}

static void test_every_day_of_eight_centuries_is_written_and_read_back(void **state)
{
    (void)state;
    const int64_t day_us = INT64_C(86400000000);
    char text[AEP__TIME_SIZE], before[AEP__TIME_SIZE] = "";
    for (int64_t day = -146097; day < 146097; day++) {
        int64_t back;
        aep__clock_format(day * day_us, text);
        assert_true(strcmp(before, text) < 0);
        assert_true(aep__clock_parse(text, strlen(text), &back) && back == day * day_us);
        strcpy(before, text);
    }
}

static void test_the_monotonic_clock_does_not_go_back(void **state)
{
    (void)state;
    int64_t last_us = aep__clock_mono_us();
    for (int i = 0; i < 1000; i++) {
        int64_t now_us = aep__clock_mono_us();
        assert_true(now_us >= last_us);
        last_us = now_us;
    }
}

/* ---- buffers -------------------------------------------------------------------------------- */

static void test_a_buffer_grows_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct aep__buf buf = {0};
    assert_string_equal(aep__buf_string(&buf), "");
    for (int i = 0; i < 1000; i++)
        aep__buf_format(&buf, "%d,", i);
    aep__buf_text(&buf, "end");
    aep__buf_byte(&buf, '.');
    aep__buf_add(&buf, NULL, 0);
    assert_int_equal(buf.len, 3890 + 4);
    assert_memory_equal(aep__buf_string(&buf), "0,1,2,3,", 8);
    assert_string_equal(aep__buf_string(&buf) + 3886, "999,end.");
    assert_int_equal(buf.len, 3894);
    aep__buf_clear(&buf);
    assert_string_equal(aep__buf_string(&buf), "");
    aep__buf_done(&buf);
    assert_null(buf.data);
    aep__buf_done(&buf);
}

static void test_a_buffer_that_ran_out_of_memory_stays_so(void **state)
{
    (void)state;
    struct aep__buf buf = {0};
    aep__buf_text(&buf, "before");
    assert_false(aep__buf_reserve(&buf, SIZE_MAX));
    assert_true(buf.failed);
    aep__buf_text(&buf, "after");
    aep__buf_byte(&buf, '!');
    aep__buf_format(&buf, "%d", 1);
    assert_false(aep__buf_reserve(&buf, 0));
    assert_int_equal(buf.len, 6);
    assert_memory_equal(buf.data, "before", 6);
    assert_string_equal(aep__buf_string(&buf), "");
    aep__buf_clear(&buf);
    aep__buf_text(&buf, "again");
    assert_string_equal(aep__buf_string(&buf), "again");
    aep__buf_done(&buf);
}

static void test_a_buffer_refuses_sizes_that_overflow(void **state)
{
    (void)state;
    for (size_t more = SIZE_MAX - 300; more > SIZE_MAX - 400; more--) {
        struct aep__buf buf = {0};
        aep__buf_text(&buf, "some");
        assert_false(aep__buf_reserve(&buf, more));
        aep__buf_done(&buf);
    }
}

static void test_slices_know_their_length(void **state)
{
    (void)state;
    assert_int_equal(AEP__SLICE("a\0b").len, 3);
    assert_int_equal(aep__slice_text("abc").len, 3);
    assert_int_equal(aep__slice_text(NULL).len, 0);
}

/* ---- errors --------------------------------------------------------------------------------- */

static void test_an_error_carries_code_field_and_text(void **state)
{
    (void)state;
    aep_error err = {.position = 7};
    char long_text[1000];
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(aep__error(&err, AEP_EINVAL, "agent_name", "is %s", "blank"), AEP_EINVAL);
    assert_int_equal(err.code, AEP_EINVAL);
    assert_string_equal(err.field, "agent_name");
    assert_string_equal(err.text, "is blank");
    assert_int_equal(err.position, 0);
    errno = ENOSPC;
    assert_int_equal(aep__error_errno(&err, AEP_EIO, NULL, "/spool"), AEP_EIO);
    assert_string_equal(err.text, "/spool: No space left on device");
    assert_string_equal(err.field, "");
    assert_int_equal(aep__error(NULL, AEP_EIO, "x", "y"), AEP_EIO);
    errno = EIO;
    aep__error_errno(&err, AEP_EIO, long_text, "%s", long_text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(strlen(err.field), sizeof err.field - 1);
    assert_string_equal(aep_code_name(AEP_EFULL), "AEP_EFULL");
    assert_string_equal(aep_code_text(9999), "unknown code");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc_has_the_published_values),
        cmocka_unit_test(test_crc_is_the_same_in_hardware_and_software),
        cmocka_unit_test(test_crc_goes_on_where_it_left_off),
        cmocka_unit_test(test_an_id_is_a_version_7_uuid_of_now),
        cmocka_unit_test(test_a_million_ids_rise),
        cmocka_unit_test(test_ids_of_eight_threads_are_unique_and_rise_in_each),
        cmocka_unit_test(test_ids_rise_when_the_clock_stands_still_or_goes_back),
        cmocka_unit_test(test_the_tail_of_ids_looks_random),
        cmocka_unit_test(test_a_forked_child_makes_ids_of_its_own),
        cmocka_unit_test(test_so_does_a_child_forked_without_libc),
        cmocka_unit_test(test_so_does_a_child_with_process_numbers_of_its_own),
        cmocka_unit_test(test_ids_go_on_after_the_word_that_we_are_a_child),
        cmocka_unit_test(test_ids_are_written_and_read_back),
        cmocka_unit_test(test_what_is_no_uuid_has_no_version),
        cmocka_unit_test(test_times_are_written_as_rfc_3339),
        cmocka_unit_test(test_times_are_read_with_fractions_and_zones),
        cmocka_unit_test(test_what_is_no_time_is_refused),
        cmocka_unit_test(test_every_day_of_eight_centuries_is_written_and_read_back),
        cmocka_unit_test(test_the_monotonic_clock_does_not_go_back),
        cmocka_unit_test(test_a_buffer_grows_and_keeps_what_it_has),
        cmocka_unit_test(test_a_buffer_that_ran_out_of_memory_stays_so),
        cmocka_unit_test(test_a_buffer_refuses_sizes_that_overflow),
        cmocka_unit_test(test_slices_know_their_length),
        cmocka_unit_test(test_an_error_carries_code_field_and_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
