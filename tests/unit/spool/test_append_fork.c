/* SPDX-License-Identifier: Apache-2.0 */
/* After a fork, parent and child append through descriptors of their own. */
#include "spool_fixture.h"

#include "spool_faults.h"

static void test_parent_and_child_append_with_descriptors_of_their_own(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    char expected[64], got[8192];
    int finished = 0;
    append_text(&appender, "begin");
    pid_t child = fork();
    if (child == 0)
        aep__append_forked(&appender);
    for (int i = 0; i < 300; i++) {
        snprintf(expected, sizeof expected, "%s%d", child ? "p" : "c", i);
        aep_position position = append_text(&appender, expected);
        struct aep__reader reader; /* the position is the end of this record */
        struct aep__buf record = {0};
        encode_text(&record, expected, strlen(expected));
        begin_reading(here, &reader, position.segment, position.offset - record.len, false);
        finished += strcmp(next_of(&reader), expected) == 0;
        aep__reader_done(&reader);
        aep__buf_done(&record);
    }
    if (child == 0)
        _exit(finished == 300 ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(finished, 300);
    snprintf(got, sizeof got, "%s", all_from(here, 1, 0));
    int words = 1;
    for (const char *at = got; (at = strchr(at, ' ')); at++)
        words++;
    assert_int_equal(words, 601);
    aep__append_done(&appender);
}

static int to_parent[2], to_child[2];

/* In the child, between its write and the look at where that ended: the parent appends. */
static bool let_the_parent_append(const struct fault_args *args, ssize_t *ret)
{
    char byte = 'x';
    (void)args, (void)ret;
    fault_hooks[CALL_STATX] = count_call;
    if (syscall(SYS_write, to_parent[1], &byte, 1) != 1 || read(to_child[0], &byte, 1) != 1)
        _exit(3);
    return false;
}

static void test_a_parents_append_does_not_move_the_childs_position(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    char byte;
    append_text(&appender, "one");
    assert_true(pipe(to_parent) == 0 && pipe(to_child) == 0);
    pid_t child = fork();
    if (child == 0) {
        aep__append_forked(&appender);
        append_text(&appender, "two");
        fault_hooks[CALL_STATX] = let_the_parent_append;
        uint64_t before = (uint64_t)segment_size(here, 1);
        struct aep__buf record = {0};
        encode_text(&record, "child", 5);
        _exit(append_text(&appender, "child").offset == before + record.len ? 0 : 1);
    }
    assert_int_equal(read(to_parent[0], &byte, 1), 1);
    append_text(&appender, "parent");
    assert_int_equal(write(to_child[1], &byte, 1), 1);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_all(here, "one two child parent");
    aep__append_done(&appender);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_parent_and_child_append_with_descriptors_of_their_own),
        HERE_TEST(test_a_parents_append_does_not_move_the_childs_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
