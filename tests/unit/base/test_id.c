/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"
#include "base/clock.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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

/* All bits but version and variant are used: over ids of many milliseconds, each bit of the tail is
 * set about half the time. */
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
    int64_t now_us; /* the same for all, so that all count up from the same number */
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

/* All processes make ids for the same instant, so that the counter alone cannot keep them apart. */
static void make_frozen_ids(struct id *ids, int64_t now_us)
{
    for (int i = 0; i < FORKED_IDS; i++)
        aep__id_make(now_us, ids[i].bytes);
}

/* Returns the child's ids through a pipe; false if the kernel allows no such child. */
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
    int64_t now_us = aep__clock_wall_us() + 86400000000; /* later than any made before */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
