/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/counters.h"

#include "spool_fixture.h"

#include "spool_faults.h"

#include <signal.h>

#define SLOTS 256

static aep_stats sum(struct here *here)
{
    aep_stats stats;
    assert_int_equal(aep__counters_sum(&here->spool, &stats, &here->err), AEP_OK);
    return stats;
}

static struct aep__counters begin_counting(struct here *here)
{
    struct aep__counters counters;
    aep__counters_init(&counters, &here->spool);
    return counters;
}

static void test_nothing_counted_is_zero_and_the_file_is_there_before_the_disk_is_full(void **state)
{
    struct here *here = *state;
    struct aep__counters counters = begin_counting(here);
    aep_stats stats = sum(here), none = {.size = sizeof none};
    assert_memory_equal(&stats, &none, sizeof none);
    aep__counters_done(&counters);
    assert_true(exists(here, "counters"));
}

static void test_what_is_added_is_seen_at_once(void **state)
{
    struct here *here = *state;
    struct aep__counters counters = begin_counting(here);
    aep__counters_add(&counters, AEP__COUNT_redacted, 3);
    aep__counters_add(&counters, AEP__COUNT_redacted, 4);
    aep__counters_add(&counters, AEP__COUNT_lost, 1);
    assert_int_equal(sum(here).redacted, 7);
    assert_int_equal(sum(here).lost, 1);
    assert_int_equal(sum(here).dead, 0);
    aep__counters_done(&counters);
    assert_int_equal(sum(here).redacted, 7);
}

static void test_who_comes_after_goes_on_from_there(void **state)
{
    struct here *here = *state;
    for (int i = 0; i < 2 * SLOTS; i++) { /* more lives than slots */
        struct aep__counters counters = begin_counting(here);
        aep__counters_add(&counters, AEP__COUNT_retried, 1);
        aep__counters_done(&counters);
    }
    assert_int_equal(sum(here).retried, 2 * SLOTS);
}

static void test_processes_killed_while_they_count_lose_at_most_the_last(void **state)
{
    struct here *here = *state;
    enum { PROCESSES = 4, ROUNDS = 10 };
    uint64_t told = 0;
    for (int round = 0; round < ROUNDS; round++) {
        pid_t children[PROCESSES];
        int ends[PROCESSES][2];
        for (int i = 0; i < PROCESSES; i++) {
            assert_int_equal(pipe(ends[i]), 0);
            if ((children[i] = fork()) == 0) {
                struct aep__counters counters = begin_counting(here);
                for (uint64_t n = 1;; n++) {
                    aep__counters_add(&counters, AEP__COUNT_parked, 1);
                    if (write(ends[i][1], &n, sizeof n) != sizeof n)
                        _exit(1);
                }
            }
            close(ends[i][1]);
        }
        for (int i = 0; i < PROCESSES; i++) {
            uint64_t n = 0, last = 0;
            while (n < 20)
                assert_int_equal(read(ends[i][0], &n, sizeof n), sizeof n);
            kill(children[i], SIGKILL);
            waitpid(children[i], NULL, 0);
            while (read(ends[i][0], &last, sizeof last) == (ssize_t)sizeof last)
                n = last;
            told += n;
            close(ends[i][0]);
        }
    }
    uint64_t counted = sum(here).parked;
    assert_true(counted >= told && counted <= told + PROCESSES * ROUNDS);
}

static void test_a_forked_child_counts_in_a_slot_of_its_own(void **state)
{
    struct here *here = *state;
    struct aep__counters counters = begin_counting(here);
    aep__counters_add(&counters, AEP__COUNT_truncated, 1);
    pid_t child = fork();
    if (child == 0) {
        aep__counters_forked(&counters);
        aep__counters_add(&counters, AEP__COUNT_truncated, 10);
        _exit(counters.slot == 1 ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    aep__counters_add(&counters, AEP__COUNT_truncated, 100);
    assert_int_equal(counters.slot, 0);
    assert_int_equal(sum(here).truncated, 111);
    aep__counters_done(&counters);
}

static void test_what_was_not_written_by_the_fork_is_the_parents(void **state)
{
    struct here *here = *state;
    struct aep__counters counters = begin_counting(here);
    fault_hooks[CALL_PWRITE] = no_space;
    aep__counters_add(&counters, AEP__COUNT_purged, 5);
    no_faults();
    struct aep__counters child = counters;
    child.fd = dup(counters.fd); /* as after fork */
    aep__counters_forked(&child);
    aep__counters_add(&child, AEP__COUNT_purged, 1);
    assert_int_equal(sum(here).purged, 1);
    aep__counters_add(&counters, AEP__COUNT_purged, 1);
    assert_int_equal(sum(here).purged, 7);
    aep__counters_done(&child);
    aep__counters_done(&counters);
}

static void test_with_all_slots_taken_it_is_kept_until_one_is_free(void **state)
{
    struct here *here = *state;
    static struct aep__counters takers[SLOTS];
    for (int i = 0; i < SLOTS; i++) {
        takers[i] = begin_counting(here);
        aep__counters_add(&takers[i], AEP__COUNT_dead, 1);
    }
    struct aep__counters late = begin_counting(here), later = begin_counting(here);
    aep__counters_add(&late, AEP__COUNT_dead, 1);
    aep__counters_add(&later, AEP__COUNT_dead, 1);
    assert_int_equal(sum(here).dead, SLOTS);
    aep__counters_done(&takers[7]);
    aep__counters_add(&late, AEP__COUNT_dead, 1);
    assert_int_equal(sum(here).dead, SLOTS + 2);
    aep__counters_done(&late);
    aep__counters_done(&later); /* at the last moment */
    assert_int_equal(sum(here).dead, SLOTS + 3);
    for (int i = 0; i < SLOTS; i++)
        if (i != 7)
            aep__counters_done(&takers[i]);
}

static void test_a_full_disk_loses_no_count(void **state)
{
    struct here *here = *state;
    struct aep__counters counters = begin_counting(here);
    fault_hooks[CALL_LINK] = no_space; /* the file cannot be made */
    aep__counters_add(&counters, AEP__COUNT_refused_full, 1);
    no_faults();
    aep__counters_add(&counters, AEP__COUNT_refused_full, 1);
    assert_int_equal(sum(here).refused_full, 2);
    fault_hooks[CALL_PWRITE] = no_space;
    aep__counters_add(&counters, AEP__COUNT_refused_full, 1);
    no_faults();
    assert_int_equal(sum(here).refused_full, 2);
    aep__counters_add(&counters, AEP__COUNT_refused_io, 1);
    assert_int_equal(sum(here).refused_full, 3);
    assert_int_equal(sum(here).refused_io, 1);
    aep__counters_done(&counters);
}

static void cut_counters(struct here *here, off_t size)
{
    int fd = openat(here->spool.dir_fd, "counters", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
}

static void test_a_file_cut_short_is_told_and_counting_goes_on(void **state)
{
    struct here *here = *state;
    static const off_t sizes[] = {0, 5, 256, 256 * 255 + 1};
    assert_false(aep__counters_damaged(&here->spool));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct aep__counters counters = begin_counting(here), other = begin_counting(here);
        cut_counters(here, sizes[i]);
        assert_true(aep__counters_damaged(&here->spool));
        uint64_t before = sum(here).dead;
        aep__counters_add(&counters, AEP__COUNT_dead, 1);
        aep__counters_add(&other, AEP__COUNT_dead, 1);
        assert_int_equal(sum(here).dead, before + 2);
        assert_false(aep__counters_damaged(&here->spool));
        aep__counters_done(&counters);
        aep__counters_done(&other);
    }
}

static void test_numbers_that_nobody_counted_are_told_and_left_out(void **state)
{
    struct here *here = *state;
    char noise[256];
    struct aep__counters counters = begin_counting(here), other = begin_counting(here);
    aep__counters_add(&counters, AEP__COUNT_dead, 2); /* slot 0 */
    aep__counters_add(&other, AEP__COUNT_dead, 3);    /* slot 1 */
    aep__counters_done(&other);
    memset(noise, 0xa5, sizeof noise);
    int fd = openat(here->spool.dir_fd, "counters", O_WRONLY | O_CLOEXEC);
    for (off_t slot = 0; slot < 3; slot++)
        assert_int_equal(pwrite(fd, noise, sizeof noise, slot * 256), sizeof noise);
    close(fd);
    assert_true(aep__counters_damaged(&here->spool));
    assert_int_equal(sum(here).dead, 0);
    aep__counters_mend(&here->spool);
    assert_true(aep__counters_damaged(&here->spool)); /* the first one is held */
    aep__counters_add(&counters, AEP__COUNT_dead, 1);
    assert_int_equal(sum(here).dead, 3);
    assert_false(aep__counters_damaged(&here->spool));
    aep__counters_done(&counters);
}

/* Among so many numbers some look as if they had been counted. */
static void test_of_a_file_of_random_bytes_nothing_counts(void **state)
{
    struct here *here = *state;
    const aep_stats none = {.size = sizeof none};
    static uint64_t noise[SLOTS * 32];
    uint64_t random = 88172645463325252U;
    for (int file = 0; file < 64; file++) {
        for (size_t i = 0; i < sizeof noise / sizeof *noise; i++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            noise[i] = random;
        }
        int fd = openat(here->spool.dir_fd, "counters", O_WRONLY | O_CLOEXEC);
        assert_int_equal(write(fd, noise, sizeof noise), sizeof noise);
        close(fd);
        assert_true(aep__counters_damaged(&here->spool));
        assert_int_equal(aep__counters_mend(&here->spool), 0);
        aep_stats stats = sum(here);
        assert_memory_equal(&stats, &none, sizeof none);
    }
}

static void test_another_file_in_its_place_is_told_and_not_written_to(void **state)
{
    struct here *here = *state;
    aep_stats stats;
    struct aep__counters counters = begin_counting(here);
    assert_int_equal(unlinkat(here->spool.dir_fd, "counters", 0), 0);
    assert_int_equal(symlinkat("spool.id", here->spool.dir_fd, "counters"), 0);
    aep__counters_add(&counters, AEP__COUNT_dead, 1);
    assert_int_equal(aep__counters_sum(&here->spool, &stats, &here->err), AEP_ESPOOL);
    aep__counters_done(&counters);
    struct aep__spool again;
    assert_int_equal(aep__spool_open(&again, here->dir, NULL, &here->err), AEP_OK);
    aep__spool_done(&again);
}

static void test_every_counter_has_name_and_text(void **state)
{
    (void)state;
    for (int i = 0; i < AEP__COUNTER_COUNT; i++)
        assert_true(*aep__counter_names[i] && *aep__counter_texts[i]);
    assert_string_equal(aep__counter_names[AEP__COUNT_skipped_bytes], "skipped_bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_nothing_counted_is_zero_and_the_file_is_there_before_the_disk_is_full),
        HERE_TEST(test_what_is_added_is_seen_at_once),
        HERE_TEST(test_who_comes_after_goes_on_from_there),
        HERE_TEST(test_processes_killed_while_they_count_lose_at_most_the_last),
        HERE_TEST(test_a_forked_child_counts_in_a_slot_of_its_own),
        HERE_TEST(test_what_was_not_written_by_the_fork_is_the_parents),
        HERE_TEST(test_with_all_slots_taken_it_is_kept_until_one_is_free),
        HERE_TEST(test_a_full_disk_loses_no_count),
        HERE_TEST(test_a_file_cut_short_is_told_and_counting_goes_on),
        HERE_TEST(test_numbers_that_nobody_counted_are_told_and_left_out),
        HERE_TEST(test_of_a_file_of_random_bytes_nothing_counts),
        HERE_TEST(test_another_file_in_its_place_is_told_and_not_written_to),
        cmocka_unit_test(test_every_counter_has_name_and_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
