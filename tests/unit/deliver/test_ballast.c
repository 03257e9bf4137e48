/* SPDX-License-Identifier: Apache-2.0 */
/* The ballast on volumes of any size: what the volume is said to hold is this test's to say. */
#include "deliver/ballast.h"

#include "spool_fixture.h"

#include <sys/statvfs.h>

static uint64_t volume_bytes; /* 0: it is not known */

int fstatvfs(int fd, struct statvfs *ret)
{
    (void)fd;
    *ret = (struct statvfs){.f_frsize = 4096, .f_blocks = volume_bytes / 4096};
    return 0;
}

static off_t ballast_on(struct here *here, uint64_t bytes)
{
    struct stat st;
    volume_bytes = bytes;
    aep__ballast_keep(&here->spool);
    assert_int_equal(fstatat(here->spool.dir_fd, "ballast", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(st.st_blocks * 512 >= st.st_size);
    return st.st_size;
}

static void test_it_takes_little_of_a_small_volume(void **state)
{
    struct here *here = *state;
    assert_int_equal(ballast_on(here, 1228800), 1228800 / 16);
    assert_int_equal(ballast_on(here, 8 << 20), (8 << 20) / 16);
    assert_int_equal(ballast_on(here, 16 << 20), 1 << 20);
    assert_int_equal(ballast_on(here, UINT64_C(1) << 40), 1 << 20);
}

static void test_a_larger_one_than_it_should_be_gives_the_rest_back(void **state)
{
    struct here *here = *state;
    assert_int_equal(ballast_on(here, 0), 1 << 20);
    assert_int_equal(ballast_on(here, 1228800), 1228800 / 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_it_takes_little_of_a_small_volume),
        HERE_TEST(test_a_larger_one_than_it_should_be_gives_the_rest_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
