/* SPDX-License-Identifier: Apache-2.0 */
/* A file of another program, while that program or another of us changes it, too. */
#include "hook/setup/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/aep-target.XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/settings.json", folder);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_file(const char *name, const char *text)
{
    char got[256] = "";
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    got[fread(got, 1, sizeof got - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(got, text);
}

/* How many names are in the folder. */
static int count_names(void)
{
    char command[128];
    int count = 0;
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", folder);
    FILE *file = popen(command, "r");
    assert_int_equal(fscanf(file, "%d", &count), 1);
    pclose(file);
    return count;
}

static void open_target(struct aep__target *target)
{
    aep_error err;
    assert_int_equal(aep__target_open(target, path, true, &err), AEP_OK);
}

static void test_what_another_program_has_written_meanwhile_stays(void **state)
{
    static const char *const texts[] = {"{\"b\": 1}", "{\"a\": 1} ", ""};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct aep__target target;
        aep_error err;
        write_file(path, "{\"a\": 1}");
        open_target(&target);
        assert_int_equal(aep__target_keep(&target, AEP__SLICE("{\"a\": 1}"), &err), AEP_OK);
        write_file(path, texts[i]);
        assert_int_equal(aep__target_replace(&target, AEP__SLICE("ours"), &err), AEP_ESTATE);
        assert_true(target.raced);
        assert_non_null(strstr(err.text, "another program is changing"));
        assert_int_equal(aep__target_remove(&target, &err), AEP_ESTATE);
        aep__target_done(&target);
        assert_file(path, texts[i]);
        assert_int_equal(count_names(), 2); /* the backup */
    }
}

static void test_a_file_that_was_replaced_by_the_same_text_is_another(void **state)
{
    struct aep__target target;
    aep_error err;
    char other[80];
    (void)state;
    snprintf(other, sizeof other, "%s.new", path);
    write_file(path, "{}");
    open_target(&target);
    write_file(other, "{}");
    assert_int_equal(rename(other, path), 0);
    assert_int_equal(aep__target_replace(&target, AEP__SLICE("ours"), &err), AEP_ESTATE);
    assert_true(target.raced);
    aep__target_done(&target);
    assert_file(path, "{}");
}

static void test_a_file_that_came_or_went_meanwhile_is_noticed(void **state)
{
    struct aep__target target;
    aep_error err;
    (void)state;
    open_target(&target);
    assert_false(target.exists);
    write_file(path, "theirs");
    assert_int_equal(aep__target_replace(&target, AEP__SLICE("ours"), &err), AEP_ESTATE);
    assert_true(target.raced);
    aep__target_done(&target);
    assert_file(path, "theirs");
    open_target(&target);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(aep__target_replace(&target, AEP__SLICE("ours"), &err), AEP_ESTATE);
    assert_true(target.raced);
    aep__target_done(&target);
    assert_int_equal(count_names(), 0);
}

/* Another program that is so fast that it comes between our last look and the exchange of the files. */
static const char *last_moment; /* what it writes; NULL: it does not come */

int __real_aep__os_rename_new(const char *from, const char *to);
int __wrap_aep__os_rename_new(const char *from, const char *to);
int __real_aep__os_exchange(const char *one, const char *other);
int __wrap_aep__os_exchange(const char *one, const char *other);

static void let_it_come(void)
{
    const char *text = last_moment;
    last_moment = NULL;
    if (text) {
        char other[80];
        snprintf(other, sizeof other, "%s.theirs", path);
        write_file(other, text);
        assert_int_equal(rename(other, path), 0);
    }
}

int __wrap_aep__os_rename_new(const char *from, const char *to)
{
    let_it_come();
    return __real_aep__os_rename_new(from, to);
}

int __wrap_aep__os_exchange(const char *one, const char *other)
{
    let_it_come();
    return __real_aep__os_exchange(one, other);
}

static void test_what_comes_at_the_last_moment_is_not_lost(void **state)
{
    struct aep__target target;
    aep_error err;
    (void)state;
    for (int there = 0; there <= 1; there++) {
        if (there)
            write_file(path, "{\"a\": 1}");
        open_target(&target);
        last_moment = "{\"theirs\": 1}";
        assert_int_equal(aep__target_replace(&target, AEP__SLICE("ours"), &err), AEP_ESTATE);
        assert_true(target.raced);
        aep__target_done(&target);
        assert_file(path, "{\"theirs\": 1}");
        assert_int_equal(count_names(), 1);
        assert_int_equal(unlink(path), 0);
    }
}

/* A child that has the lock until its input ends. */
static pid_t hold(int *ret_fd)
{
    int ends[2], told[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct aep__target target;
        aep_error err;
        close(ends[1]);
        if (aep__target_open(&target, path, true, &err) != AEP_OK || write(told[1], "x", 1) != 1 ||
            read(ends[0], &byte, 1) < 0 ||
            aep__target_replace(&target, AEP__SLICE("second"), &err) != AEP_OK)
            _exit(1);
        aep__target_done(&target);
        _exit(0);
    }
    close(ends[0]);
    assert_int_equal(read(told[0], &byte, 1), 1);
    close(told[0]);
    close(told[1]);
    *ret_fd = ends[1];
    return pid;
}

static void test_another_of_us_waits_and_then_reads_what_the_first_has_written(void **state)
{
    struct aep__target target;
    int fd, status;
    (void)state;
    write_file(path, "first");
    pid_t pid = hold(&fd);
    close(fd);
    open_target(&target);
    assert_memory_equal(target.text.data, "second", 6);
    aep__target_done(&target);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_a_killed_one_leaves_nothing_behind_the_next(void **state)
{
    struct aep__target target;
    aep_error err;
    char fresh[80];
    (void)state;
    write_file(path, "text");
    snprintf(fresh, sizeof fresh, "%s.aep-new", path);
    write_file(fresh, "half a te");
    open_target(&target);
    assert_int_equal(aep__target_replace(&target, AEP__SLICE("new text"), &err), AEP_OK);
    aep__target_done(&target);
    assert_file(path, "new text");
    assert_int_equal(count_names(), 1);
    write_file(fresh, "half a te");
    open_target(&target);
    aep__target_done(&target);
    assert_int_equal(count_names(), 1);
}

static void test_a_link_in_place_of_our_own_file_is_not_followed(void **state)
{
    struct aep__target target;
    aep_error err;
    char fresh[80], victim[80];
    (void)state;
    write_file(path, "text");
    snprintf(fresh, sizeof fresh, "%s.aep-new", path);
    snprintf(victim, sizeof victim, "%s/victim", folder);
    write_file(victim, "precious");
    assert_int_equal(symlink("victim", fresh), 0);
    open_target(&target);
    assert_int_equal(symlink("victim", fresh), 0);
    assert_int_equal(aep__target_replace(&target, AEP__SLICE("new text"), &err), AEP_OK);
    aep__target_done(&target);
    assert_file(victim, "precious");
    assert_file(path, "new text");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_what_another_program_has_written_meanwhile_stays),
        TEST(test_a_file_that_was_replaced_by_the_same_text_is_another),
        TEST(test_a_file_that_came_or_went_meanwhile_is_noticed),
        TEST(test_what_comes_at_the_last_moment_is_not_lost),
        TEST(test_another_of_us_waits_and_then_reads_what_the_first_has_written),
        TEST(test_a_killed_one_leaves_nothing_behind_the_next),
        TEST(test_a_link_in_place_of_our_own_file_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
