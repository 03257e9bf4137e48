/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox refuses: getrandom(2), /dev/urandom. */
#include "base/os.h"
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
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool no_getrandom, no_urandom;
static int interrupts;

ssize_t getrandom(void *data, size_t len, unsigned flags)
{
    if (interrupts-- > 0) {
        errno = EINTR;
        return -1;
    }
    if (!no_getrandom)
        return syscall(SYS_getrandom, data, len, flags);
    errno = EPERM;
    return -1;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (!no_urandom || strcmp(path, "/dev/urandom") != 0)
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    errno = ENOENT;
    return -1;
}

static int restore(void **state)
{
    (void)state;
    no_getrandom = no_urandom = false;
    interrupts = 0;
    return 0;
}

static bool fills(void)
{
    char bytes[64] = {0};
    static const char zeros[sizeof bytes];
    return aep__os_random(bytes, sizeof bytes) == 0 && memcmp(bytes, zeros, sizeof bytes) != 0 &&
           memcmp(bytes + 32, zeros, 32) != 0;
}

static void test_randomness_comes_from_the_kernel(void **state)
{
    (void)state;
    assert_true(fills());
    interrupts = 3;
    assert_true(fills());
    no_urandom = true;
    assert_true(fills());
}

static void test_where_getrandom_is_refused_the_device_is_read(void **state)
{
    (void)state;
    no_getrandom = true;
    assert_true(fills());
}

static void test_where_both_are_refused_that_is_an_error(void **state)
{
    (void)state;
    char bytes[16];
    no_getrandom = no_urandom = true;
    assert_int_equal(aep__os_random(bytes, sizeof bytes), -1);
    assert_int_equal(errno, ENOENT);
}

static void test_then_no_spool_is_made_and_the_message_says_why(void **state)
{
    (void)state;
    struct aep__spool spool;
    aep_error err = {0};
    const struct aep__spool_settings settings = {
        .segment_bytes = 1 << 20, .record_bytes = 1 << 20, .any_fs = true};
    char root[] = "/tmp/aep-os-test.XXXXXX", dir[64];
    assert_non_null(mkdtemp(root));
    snprintf(dir, sizeof dir, "%s/spool", root);
    no_getrandom = no_urandom = true;
    assert_int_equal(aep__spool_open(&spool, dir, &settings, &err), AEP_ESPOOL);
    assert_non_null(strstr(err.text, "random"));
    rmdir(dir);
    rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_randomness_comes_from_the_kernel, restore),
        cmocka_unit_test_teardown(test_where_getrandom_is_refused_the_device_is_read, restore),
        cmocka_unit_test_teardown(test_where_both_are_refused_that_is_an_error, restore),
        cmocka_unit_test_teardown(test_then_no_spool_is_made_and_the_message_says_why, restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
