/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_fixture.h"

#include "spool_faults.h"

static enum aep__segment_state state_of(const struct here *here, uint64_t number)
{
    enum aep__segment_state segment_state;
    int fd = aep__segment_open(&here->spool, number, false, &segment_state);
    assert_true(fd >= 0);
    close(fd);
    return segment_state;
}

static struct aep__buf seal_bytes(void)
{
    struct aep__buf seal = {0};
    assert_true(aep__record_encode(&seal, AEP__RECORD_SEAL, (struct aep__slice){0},
                                   (struct aep__slice){0}));
    return seal;
}

static void test_names_are_sixteen_hex_digits(void **state)
{
    (void)state;
    char name[AEP__SEGMENT_NAME_SIZE];
    aep__segment_name(0xabc, name);
    assert_string_equal(name, "0000000000000abc.seg");
    assert_int_equal(aep__segment_number(name), 0xabc);
    aep__segment_name(UINT64_MAX, name);
    assert_true(aep__segment_number(name) == UINT64_MAX);
    static const char *const others[] = {"",
                                         "cursor",
                                         "0000000000000abc",
                                         "000000000000abc.seg",
                                         "0000000000000ABC.seg",
                                         "0000000000000abc.seg2",
                                         "0000000000000000.seg",
                                         "000000000000000g.seg",
                                         ".000000000000abc.seg"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(aep__segment_number(others[i]), 0);
}

static void test_a_segment_appears_with_its_header(void **state)
{
    struct here *here = *state;
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    assert_int_equal(segment_size(here, 1), AEP__SEGMENT_EMPTY_BYTES);
    assert_int_equal(state_of(here, 1), AEP__SEGMENT_LIVE);
}

static void test_a_segment_appears_once(void **state)
{
    struct here *here = *state;
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    add_whole(here, 1, "kept");
    off_t size = segment_size(here, 1);
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 1);
    assert_int_equal(aep__segment_create(&here->spool, 1, L), 1);
    assert_int_equal(segment_size(here, 1), size);
}

/* Two writers create the same segment at the same time. */
static bool other_is_first(const struct fault_args *args, ssize_t *ret)
{
    (void)ret;
    int fd = openat(args->fd, args->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    close(fd);
    return false;
}

static void test_who_comes_second_takes_what_is_there(void **state)
{
    struct here *here = *state;
    fault_hooks[CALL_LINK] = other_is_first;
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 1);
    no_faults();
    assert_int_equal(segment_size(here, 1), 0);
}

static void test_files_are_private_whatever_the_umask(void **state)
{
    struct here *here = *state;
    static const mode_t masks[] = {0, 0277, 0777};
    for (uint64_t i = 0; i < 3; i++) {
        struct stat st;
        mode_t old = umask(masks[i]);
        int result = aep__segment_create(&here->spool, i + 1, 0);
        umask(old);
        assert_int_equal(result, 0);
        int fd = aep__segment_open(&here->spool, i + 1, true, NULL);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_int_equal(fcntl(fd, F_GETFL) & O_APPEND, O_APPEND);
        close(fd);
    }
}

static void test_nothing_temporary_is_left(void **state)
{
    struct here *here = *state;
    fault_hooks[CALL_LINK] = no_space;
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), -1);
    assert_int_equal(errno, ENOSPC);
    fault_hooks[CALL_LINK] = NULL;
    fault_hooks[CALL_WRITE] = no_space;
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), -1);
    assert_int_equal(errno, ENOSPC);
    no_faults();
    static const char *const made[] = {"spool.id", "cursor", "counters", "status"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        assert_int_equal(unlinkat(here->spool.dir_fd, made[i], 0), 0);
    aep__spool_done(&here->spool);
    assert_int_equal(rmdir(here->dir), 0); /* it is empty */
}

static void test_that_blocks_cannot_be_reserved_is_no_failure(void **state)
{
    struct here *here = *state;
    fault_hooks[CALL_FALLOCATE] = no_space;
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    no_faults();
    assert_int_equal(state_of(here, 1), AEP__SEGMENT_LIVE);
}

static void test_the_header_tells_boot_and_spool(void **state)
{
    struct here *here = *state;
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    reboot(here);
    assert_int_equal(state_of(here, 1), AEP__SEGMENT_OTHER_BOOT);
    here->spool.uuid[3]++;
    assert_int_equal(state_of(here, 1), AEP__SEGMENT_FOREIGN);
}

/* A boot id is random: in one boot of 256 it ends in the byte that begins the magic. */
static void test_any_boot_id_makes_a_header(void **state)
{
    struct here *here = *state;
    memset(here->spool.boot, 0xff, 16);
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    assert_int_equal(state_of(here, 1), AEP__SEGMENT_LIVE);
    memcpy(here->spool.boot, "....\xff\x53\xfe\xff....\xff\x53\xfe\xff", 16);
    assert_int_equal(aep__segment_create(&here->spool, 2, 0), 0);
    assert_int_equal(state_of(here, 2), AEP__SEGMENT_LIVE);
    add_whole(here, 2, "after");
    assert_string_equal(all_from(here, 2, 0), "after");
}

static void test_without_a_whole_header_a_segment_is_headless(void **state)
{
    struct here *here = *state;
    static const char zeros[AEP__SEGMENT_EMPTY_BYTES];
    add_to_segment(here, 1, "", 0);
    add_to_segment(here, 2, zeros, sizeof zeros);
    add_to_segment(here, 3, "this is another kind of file, longer than a header", 50);
    add_whole(here, 4, "a record, but not a header, at the begin of its segment");
    assert_int_equal(aep__segment_create(&here->spool, 5, 0), 0);
    cut_segment(here, 5, AEP__SEGMENT_EMPTY_BYTES - 1);
    for (uint64_t number = 1; number <= 5; number++)
        assert_int_equal(state_of(here, number), AEP__SEGMENT_HEADLESS);
}

static void test_a_header_that_cannot_be_read_is_an_error_not_a_state(void **state)
{
    struct here *here = *state;
    enum aep__segment_state segment_state;
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    fault_hooks[CALL_PREAD] = io_error;
    assert_int_equal(aep__segment_open(&here->spool, 1, true, &segment_state), -1);
    assert_int_equal(errno, EIO);
    no_faults();
}

static void test_only_a_regular_file_of_ours_is_opened(void **state)
{
    struct here *here = *state;
    char target[128];
    snprintf(target, sizeof target, "%s/target", here->root);
    close(open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(symlinkat(target, here->spool.dir_fd, "0000000000000001.seg"), 0);
    assert_int_equal(mkfifoat(here->spool.dir_fd, "0000000000000002.seg", 0600), 0);
    assert_int_equal(mkdirat(here->spool.dir_fd, "0000000000000003.seg", 0700), 0);
    for (uint64_t number = 1; number <= 3; number++) {
        assert_int_equal(aep__segment_open(&here->spool, number, true, NULL), -1);
        assert_true(errno == ELOOP || errno == EPERM || errno == EISDIR);
    }
    assert_int_equal(aep__segment_open(&here->spool, 4, true, NULL), -1);
    assert_int_equal(errno, ENOENT);
}

static void test_another_users_segment_is_not_opened(void **state)
{
    struct here *here = *state;
    if (geteuid() != 0)
        skip(); /* only root can give files away */
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    assert_int_equal(fchownat(here->spool.dir_fd, "0000000000000001.seg", 65534, 65534, 0), 0);
    assert_int_equal(aep__segment_open(&here->spool, 1, true, NULL), -1);
    assert_int_equal(errno, EPERM);
}

/* ---- seals ---- */

static void test_a_seal_counts_only_at_or_beyond_the_limit(void **state)
{
    struct here *here = *state;
    struct aep__buf seal = seal_bytes();
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    add_to_segment(here, 1, seal.data, seal.len);
    assert_int_equal(seal_of(here, 1), -1);
    cut_segment(here, 1, L - 1); /* extends it */
    add_to_segment(here, 1, seal.data, seal.len);
    assert_int_equal(seal_of(here, 1), -1);
    assert_int_equal(aep__segment_create(&here->spool, 2, 0), 0);
    cut_segment(here, 2, L);
    add_to_segment(here, 2, seal.data, seal.len);
    assert_int_equal(seal_of(here, 2), L);
    aep__buf_done(&seal);
}

static void test_a_seal_is_found_behind_any_amount_of_other_bytes(void **state)
{
    struct here *here = *state;
    struct aep__buf seal = seal_bytes();
    static char noise[3 * 4096];
    memset(noise, '\xff', sizeof noise);
    for (size_t i = 0; i + 4 < sizeof noise; i += 64)
        memcpy(noise + i, "\xff\x53\xfe\xff\x04\0\0\0", 8); /* as if seals began */
    int fd = openat(here->spool.dir_fd, "noise", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (size_t len = 0; len<sizeof noise; len += len> 4000 && len < 4200 ? 1 : 37) {
        uint64_t at;
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, noise, len, L), len);
        assert_int_equal(pwrite(fd, seal.data, seal.len, (off_t)(L + len)), seal.len);
        assert_int_equal(aep__segment_find_seal(&here->spool, fd, L + len + 16, &at), 1);
        assert_int_equal(at, L + len);
        assert_int_equal(aep__segment_find_seal(&here->spool, fd, L + len + 15, &at), 0);
        assert_int_equal(aep__segment_find_seal(&here->spool, fd, UINT64_MAX, &at), 1);
    }
    close(fd);
    aep__buf_done(&seal);
}

static void test_a_seal_that_cannot_be_looked_for_is_not_missing(void **state)
{
    struct here *here = *state;
    uint64_t at;
    int fd = openat(here->spool.dir_fd, "spool.id", O_RDONLY | O_CLOEXEC);
    fault_hooks[CALL_PREAD] = io_error;
    assert_int_equal(aep__segment_find_seal(&here->spool, fd, L + 1, &at), -1);
    assert_int_equal(aep__segment_find_seal(&here->spool, fd, L, &at), 0); /* none can be there */
    no_faults();
    close(fd);
}

static void test_an_early_seal_extends_first(void **state)
{
    struct here *here = *state;
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    add_whole(here, 1, "one");
    seal_early(here, 1, 0);
    assert_int_equal(seal_of(here, 1), L);
    assert_int_equal(aep__segment_create(&here->spool, 2, 0), 0);
    seal_early(here, 2, L + 500);
    assert_int_equal(seal_of(here, 2), L + 500);
    assert_string_equal(all_from(here, 1, 0), "one");
}

static void test_an_early_seal_never_shrinks(void **state)
{
    struct here *here = *state;
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    cut_segment(here, 1, L - 10);
    add_whole(here, 1, "crossing");
    off_t size = segment_size(here, 1);
    assert_true(size > L);
    seal_early(here, 1, 0);
    assert_int_equal(seal_of(here, 1), size);
    assert_string_equal(all_from(here, 1, 0), "crossing");
}

/* A seal below L would cut off appends that are under way. */
static void test_where_it_cannot_be_extended_nothing_is_sealed(void **state)
{
    struct here *here = *state;
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    int fd = aep__segment_open(&here->spool, 1, true, NULL);
    fault_hooks[CALL_FALLOCATE] = no_space;
    assert_int_equal(aep__segment_seal_early(&here->spool, fd, 0), -1);
    assert_int_equal(errno, ENOSPC);
    no_faults();
    close(fd);
    assert_int_equal(segment_size(here, 1), AEP__SEGMENT_EMPTY_BYTES);
}

static void test_a_segment_can_be_made_sealed(void **state)
{
    struct here *here = *state;
    static const uint64_t asked[] = {1, L - 1, L, L + 123};
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(aep__segment_create(&here->spool, i + 1, asked[i]), 0);
        assert_int_equal(seal_of(here, i + 1), asked[i] > L ? asked[i] : L);
    }
}

static bool no_space_for_seals(const struct fault_args *args, ssize_t *ret)
{
    return args->len == AEP__RECORD_HEAD && fails_with(ENOSPC, ret);
}

static void test_if_it_cannot_be_sealed_records_land_beyond_all_the_same(void **state)
{
    struct here *here = *state;
    fault_hooks[CALL_WRITE] = no_space_for_seals;
    assert_int_equal(aep__segment_create(&here->spool, 1, L + 123), 0);
    no_faults();
    assert_int_equal(seal_of(here, 1), -1);
    assert_int_equal(segment_size(here, 1), L + 123);
}

/* ---- space ---- */

#define ROOMY (256 * 1024) /* a limit of many blocks */

static struct stat stat_of(const struct here *here, uint64_t number)
{
    struct stat st;
    char name[AEP__SEGMENT_NAME_SIZE];
    aep__segment_name(number, name);
    assert_int_equal(fstatat(here->spool.dir_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st;
}

static void test_what_is_finished_gives_its_space_back(void **state)
{
    struct here *here = *state;
    here->spool.segment_bytes = ROOMY;
    struct aep__appender appender = begin_appending(here);
    append_long(&appender, "finished", 50000);
    aep_position middle = append_long(&appender, "done", 50000);
    append_text(&appender, "first");
    append_text(&appender, "second");
    struct stat before = stat_of(here, 1);
    if (aep__segment_give_back(&here->spool, 1, middle.offset) < 0 && errno == EOPNOTSUPP)
        skip(); /* this file system cannot */
    struct stat after = stat_of(here, 1);
    assert_int_equal(after.st_size, before.st_size);
    assert_int_equal(state_of(here, 1), AEP__SEGMENT_LIVE);
    assert_string_equal(all_from(here, 1, middle.offset), "first second");
    assert_int_equal(append_text(&appender, "third").segment, 1);
    assert_string_equal(all_from(here, 1, middle.offset), "first second third");
    char data[4096];
    static const char zeros[sizeof data];
    int fd = aep__segment_open(&here->spool, 1, false, NULL);
    for (off_t at = 4096; at + 4096 <= (off_t)middle.offset; at += 4096) {
        assert_int_equal(pread(fd, data, sizeof data, at), sizeof data);
        assert_memory_equal(data, zeros, sizeof data);
    }
    close(fd);
    aep__append_done(&appender);
}

/* What is beyond the limit may have to be searched for a seal. */
static void test_nothing_beyond_the_limit_is_given_back(void **state)
{
    struct here *here = *state;
    here->spool.segment_bytes = 16384;
    struct aep__appender appender = begin_appending(here);
    append_long(&appender, "long", 40000);
    int64_t seal = seal_of(here, 1);
    assert_true(seal > 40000);
    if (aep__segment_give_back(&here->spool, 1, (uint64_t)seal + 16) < 0 && errno == EOPNOTSUPP)
        skip();
    assert_int_equal(seal_of(here, 1), seal);
    aep__append_done(&appender);
}

static bool no_new_blocks(const struct fault_args *args, ssize_t *ret)
{
    return !(args->mode & FALLOC_FL_PUNCH_HOLE) && fails_with(ENOSPC, ret);
}

static void test_giving_back_needs_no_room(void **state)
{
    struct here *here = *state;
    here->spool.segment_bytes = ROOMY;
    fault_hooks[CALL_FALLOCATE] = no_new_blocks;
    struct aep__appender appender = begin_appending(here);
    aep_position end = append_long(&appender, "finished", 60000);
    struct stat before = stat_of(here, 1);
    if (aep__segment_give_back(&here->spool, 1, end.offset) < 0 && errno == EOPNOTSUPP)
        skip();
    no_faults();
    assert_true(stat_of(here, 1).st_blocks < before.st_blocks);
    aep__append_done(&appender);
}

static void test_only_the_segment_itself_is_erased(void **state)
{
    struct here *here = *state;
    char text[3 * 4096], found[3 * 4096];
    memset(text, 'x', sizeof text);
    assert_int_equal(aep__segment_create(&here->spool, 1, 0), 0);
    int fd = openat(here->spool.dir_fd, "stranger", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, sizeof text), sizeof text);
    aep__segment_erase(&here->spool, 1, fd, 0, sizeof text);
    assert_int_equal(pread(fd, found, sizeof found, 0), sizeof found);
    assert_memory_equal(found, text, sizeof text);
    close(fd);
}

/* ---- the run ---- */

static void test_the_run_ends_before_the_first_gap(void **state)
{
    struct here *here = *state;
    assert_int_equal(aep__segment_last(&here->spool, 5), 4);
    static const uint64_t numbers[] = {5, 6, 7, 9, UINT64_MAX};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(aep__segment_create(&here->spool, numbers[i], 0), 0);
    assert_int_equal(aep__segment_last(&here->spool, 5), 7);
    assert_int_equal(aep__segment_last(&here->spool, 7), 7);
    assert_int_equal(aep__segment_last(&here->spool, 8), 7);
    assert_true(aep__segment_exists(&here->spool, 9));
    assert_false(aep__segment_exists(&here->spool, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_sixteen_hex_digits),
        HERE_TEST(test_a_segment_appears_with_its_header),
        HERE_TEST(test_a_segment_appears_once),
        HERE_TEST(test_who_comes_second_takes_what_is_there),
        HERE_TEST(test_files_are_private_whatever_the_umask),
        HERE_TEST(test_nothing_temporary_is_left),
        HERE_TEST(test_that_blocks_cannot_be_reserved_is_no_failure),
        HERE_TEST(test_the_header_tells_boot_and_spool),
        HERE_TEST(test_any_boot_id_makes_a_header),
        HERE_TEST(test_without_a_whole_header_a_segment_is_headless),
        HERE_TEST(test_a_header_that_cannot_be_read_is_an_error_not_a_state),
        HERE_TEST(test_only_a_regular_file_of_ours_is_opened),
        HERE_TEST(test_another_users_segment_is_not_opened),
        HERE_TEST(test_a_seal_counts_only_at_or_beyond_the_limit),
        HERE_TEST(test_a_seal_is_found_behind_any_amount_of_other_bytes),
        HERE_TEST(test_a_seal_that_cannot_be_looked_for_is_not_missing),
        HERE_TEST(test_an_early_seal_extends_first),
        HERE_TEST(test_an_early_seal_never_shrinks),
        HERE_TEST(test_where_it_cannot_be_extended_nothing_is_sealed),
        HERE_TEST(test_a_segment_can_be_made_sealed),
        HERE_TEST(test_if_it_cannot_be_sealed_records_land_beyond_all_the_same),
        HERE_TEST(test_what_is_finished_gives_its_space_back),
        HERE_TEST(test_nothing_beyond_the_limit_is_given_back),
        HERE_TEST(test_giving_back_needs_no_room),
        HERE_TEST(test_only_the_segment_itself_is_erased),
        HERE_TEST(test_the_run_ends_before_the_first_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
