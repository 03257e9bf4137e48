/* SPDX-License-Identifier: Apache-2.0 */
/* A program's log: bounded, private, and never silent, whatever is in its way. */
#include "spool_fixture.h"

#include "base/log.h"

#define NAME "relay.log"
#define OLD_NAME "relay.log.1"
#define LIMIT (256 * 1024) /* docs/SPOOL.md */
#define LINE 200           /* bytes of a line's text */

/* Lines that differ in more than their digits, which are all the same to the log. */
static void write_numbered(struct aep__log *log, unsigned number)
{
    char text[LINE + 1];
    memset(text, '.', LINE);
    text[LINE] = '\0';
    for (int i = 0; i < 6; i++, number /= 26)
        text[5 - i] = (char)('a' + number % 26);
    aep__log_write(log, AEP_LOG_INFO, "%s", text);
}

static unsigned number_of(const char *text)
{
    unsigned number = 0;
    for (int i = 0; i < 6; i++)
        number = number * 26 + (unsigned)(text[i] - 'a');
    return number;
}

static char *read_file(const struct here *here, const char *name)
{
    off_t size = size_of(here, name);
    int fd = openat(here->spool.dir_fd, name, O_RDONLY | O_CLOEXEC);
    char *text = malloc((size_t)size + 1);
    assert_true(fd >= 0 && text);
    assert_int_equal(read(fd, text, (size_t)size), size);
    text[size] = '\0';
    close(fd);
    return text;
}

/* All of a file are whole lines whose numbers begin with `first`; returns the number after them. */
static unsigned check_lines(const struct here *here, const char *name, unsigned first)
{
    char *text = read_file(here, name);
    for (char *line = text, *end; *line; line = end + 1) {
        int pid, at = 0;
        end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        assert_int_equal(sscanf(line, "%*[0-9]-%*2d-%*2dT%*[0-9:.]Z %d info %n", &pid, &at), 1);
        assert_true(at > 0 && strlen(line + at) == LINE);
        assert_int_equal(pid, getpid());
        assert_int_equal(number_of(line + at), first++);
    }
    free(text);
    return first;
}

static unsigned first_of(const struct here *here, const char *name)
{
    char *text = read_file(here, name);
    char *at = strstr(text, " info ");
    assert_non_null(at);
    unsigned number = number_of(at + strlen(" info "));
    free(text);
    return number;
}

static void assert_bounded_and_private(const struct here *here)
{
    static const char *const names[] = {NAME, OLD_NAME};
    for (size_t i = 0; i < 2; i++) {
        struct stat st;
        if (fstatat(here->spool.dir_fd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        assert_true(st.st_size <= LIMIT);
        assert_int_equal(st.st_mode, S_IFREG | 0600);
    }
}

/* ---- rotation ---- */

static void test_the_log_keeps_its_newest_lines_in_two_bounded_private_files(void **state)
{
    struct here *here = *state;
    struct aep__log log;
    unsigned count = 0, rotations = 0;
    mode_t before = umask(0);
    aep__log_init(&log, here->spool.dir_fd, NAME, false);
    for (off_t size = 0; rotations < 3; count++) {
        write_numbered(&log, count);
        assert_bounded_and_private(here);
        if (size_of(here, NAME) < size) { /* the older part is whole, and nothing lies between */
            rotations++;
            assert_true(size_of(here, OLD_NAME) > LIMIT - 2 * LINE);
            assert_int_equal(check_lines(here, OLD_NAME, first_of(here, OLD_NAME)), count);
        }
        size = size_of(here, NAME);
    }
    while (size_of(here, NAME) < LIMIT / 2)
        write_numbered(&log, count++);
    aep__log_done(&log);
    umask(before);
    unsigned older_end = check_lines(here, OLD_NAME, first_of(here, OLD_NAME));
    assert_int_equal(check_lines(here, NAME, older_end), count);
}

/* A service manager keeps restarting a relay that logs why it cannot run. */
static void test_relays_that_say_one_line_each_keep_the_log_bounded(void **state)
{
    struct here *here = *state;
    unsigned count = 0;
    while (count < 3 * LIMIT / LINE) {
        struct aep__log log;
        aep__log_init(&log, here->spool.dir_fd, NAME, false);
        write_numbered(&log, count++);
        aep__log_done(&log);
        assert_bounded_and_private(here);
    }
    unsigned older_end = check_lines(here, OLD_NAME, first_of(here, OLD_NAME));
    assert_int_equal(check_lines(here, NAME, older_end), count);
}

static void test_a_log_that_a_contender_rotated_is_not_rotated_again(void **state)
{
    struct here *here = *state;
    struct aep__log holder, contender;
    unsigned count = 0;
    aep__log_init(&holder, here->spool.dir_fd, NAME, false);
    while (size_of(here, NAME) + LINE + 100 <= LIMIT) /* the next may not fit */
        write_numbered(&holder, count++);
    aep__log_init(&contender, here->spool.dir_fd, NAME, false);
    for (int i = 0; i < 2; i++)
        write_numbered(&contender, count++);
    assert_true(exists(here, OLD_NAME));
    aep__log_done(&contender);
    write_numbered(&holder, count++);
    aep__log_done(&holder);
    assert_bounded_and_private(here);
    assert_int_equal(check_lines(here, NAME, check_lines(here, OLD_NAME, 0)), count);
}

static void test_a_log_that_cannot_be_put_aside_begins_anew(void **state)
{
    struct here *here = *state;
    struct aep__log log;
    unsigned count = 0;
    assert_int_equal(mkdirat(here->spool.dir_fd, OLD_NAME, 0700), 0);
    aep__log_init(&log, here->spool.dir_fd, NAME, false);
    for (; count < 3 * LIMIT / LINE; count++) {
        write_numbered(&log, count);
        assert_true(size_of(here, NAME) <= LIMIT);
    }
    aep__log_done(&log);
    assert_int_equal(check_lines(here, NAME, first_of(here, NAME)), count);
}

static void test_a_stranger_in_its_place_is_left_alone(void **state)
{
    struct here *here = *state;
    struct aep__log log;
    char target[128];
    struct stat st;
    snprintf(target, sizeof target, "%s/target", here->root);
    assert_int_equal(symlinkat(target, here->spool.dir_fd, NAME), 0);
    aep__log_init(&log, here->spool.dir_fd, NAME, false);
    write_numbered(&log, 0);
    assert_int_equal(stat(target, &st), -1);
    assert_int_equal(unlinkat(here->spool.dir_fd, NAME, 0), 0);
    write_numbered(&log, 1);
    aep__log_done(&log);
    assert_int_equal(check_lines(here, NAME, 1), 2);
}

/* ---- lines ---- */

static void test_a_line_that_repeats_itself_is_written_once_in_a_while(void **state)
{
    struct here *here = *state;
    struct aep__log log;
    aep__log_init(&log, here->spool.dir_fd, NAME, false);
    for (int i = 0; i < 5; i++)
        aep__log_write(&log, AEP_LOG_WARNING, "%d/3 brokers\nare down", i);
    aep__log_write(&log, AEP_LOG_WARNING, "another");
    for (size_t i = 0; i < AEP__LOG_MEMORY; i++)
        log.seen[i].until_us = 0; /* time passes */
    aep__log_write(&log, AEP_LOG_WARNING, "7/3 brokers\nare down");
    aep__log_done(&log);
    char *text = read_file(here, NAME), *at = text;
    static const char *const ends[] = {" warning 0/3 brokers are down\n", " warning another\n",
                                       " warning 7/3 brokers are down (4 more since then)\n"};
    for (size_t i = 0; i < 3; i++) {
        char *next = strchr(at, '\n');
        assert_non_null(next);
        size_t len = strlen(ends[i]);
        assert_true((size_t)(++next - at) > len);
        assert_memory_equal(next - len, ends[i], len);
        at = next;
    }
    assert_string_equal(at, "");
    free(text);
}

/* What brokers say goes into the log, which is shown on terminals. */
static void test_a_line_drives_no_terminal(void **state)
{
    struct here *here = *state;
    struct aep__log log;
    aep__log_init(&log, here->spool.dir_fd, NAME, false);
    aep__log_write(&log, AEP_LOG_ERROR, "%s",
                   "a\x1b[31mb\nc\x7f"
                   "d\xc2\x9b"
                   "e\xe2\x80\xae"
                   "f\xff"
                   "g\xc3\xa4");
    aep__log_done(&log);
    char *text = read_file(here, NAME);
    assert_non_null(strstr(text, " error a [31mb c d e f?g\xc3\xa4\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_the_log_keeps_its_newest_lines_in_two_bounded_private_files),
        HERE_TEST(test_relays_that_say_one_line_each_keep_the_log_bounded),
        HERE_TEST(test_a_log_that_a_contender_rotated_is_not_rotated_again),
        HERE_TEST(test_a_log_that_cannot_be_put_aside_begins_anew),
        HERE_TEST(test_a_stranger_in_its_place_is_left_alone),
        HERE_TEST(test_a_line_drives_no_terminal),
        HERE_TEST(test_a_line_that_repeats_itself_is_written_once_in_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
