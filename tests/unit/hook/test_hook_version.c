/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_versions_are_compared_by_their_numbers(void **state)
{
    (void)state;
    assert_true(aep__version_older("2.1.9", "2.1.139"));
    assert_true(aep__version_older("1.9.9", "2.0"));
    assert_true(aep__version_older("2.1", "2.1.0"));
    assert_false(aep__version_older("2.1.139", "2.1.139"));
    assert_false(aep__version_older("2.1.139-beta", "2.1.139"));
    assert_false(aep__version_older("10.0", "9.9.9"));
    assert_false(aep__version_older("2.1.139.1", "2.1.139"));
}

/* A script that does this. */
static void make_program(char *path, const char *lines)
{
    strcpy(path, "/tmp/aep-version.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "#!/bin/sh\n%s\n", lines) > 0);
    assert_int_equal(fchmod(fd, 0700), 0);
    close(fd);
}

static void assert_tells(const char *lines, const char *wanted)
{
    char path[32];
    struct aep__buf version = {0};
    make_program(path, lines);
    assert_int_equal(aep__version_ask(path, &version), wanted != NULL);
    assert_string_equal(aep__buf_string(&version), wanted ? wanted : "");
    aep__buf_done(&version);
    unlink(path);
}

static void test_a_program_tells_its_version(void **state)
{
    struct aep__buf version = {0};
    (void)state;
    assert_tells("echo '2.1.240 (Claude Code)'", "2.1.240");
    assert_tells("echo 'aep 12.3.4'", "12.3.4");
    assert_tells("echo 'tool 5 of 2024: v1.2-rc1'", "1.2");
    assert_tells("test \"$1\" = --version && echo 3.4", "3.4");
    assert_tells("echo none", NULL);
    assert_tells("exit 1", NULL);
    assert_tells("echo 1.2 >&2", NULL);
    assert_tells("yes x | head -c 100000; echo 1.2", NULL);
    assert_false(aep__version_ask("/nowhere/program", &version));
    aep__buf_done(&version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_are_compared_by_their_numbers),
        cmocka_unit_test(test_a_program_tells_its_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
