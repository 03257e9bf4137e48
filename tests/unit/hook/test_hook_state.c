/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a session: tables that are full, and the file that it is kept in. */
#include "hook/folder.h"
#include "hook/state.h"

#include "base/id.h"

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
#include <unistd.h>

static struct aep__hook_state session;

static int fresh(void **state)
{
    (void)state;
    aep__hook_state_init(&session, AEP__HOOK_CLAUDE_CODE, "s", 1);
    return 0;
}

static void test_ids(void **state)
{
    (void)state;
    char one[AEP_ID_SIZE], other[AEP_ID_SIZE];
    struct aep__hook_state strange;
    aep__hook_state_uuid(AEP__HOOK_CODEX, "s", 1, one);
    aep__hook_state_uuid(AEP__HOOK_CURSOR, "s", 1, other);
    assert_string_not_equal(one, other);
    assert_int_equal(aep_id_version(one), 8);
    aep__hook_state_init(&strange, AEP__HOOK_CODEX, "a\nb", 3);
    assert_string_equal(strange.session_id, strange.correlation_id);
    assert_string_equal(session.session_id, "s");
}

static void test_what_is_open_is_never_given_up(void **state)
{
    (void)state;
    for (uint64_t id = 1; id <= AEP__HOOK_SUBS; id++)
        aep__hook_sub_new(&session, id)->level.phase = AEP__HOOK_OPEN;
    assert_null(aep__hook_sub_new(&session, 99));
    aep__hook_sub_find(&session, 7)->level.phase = AEP__HOOK_ENDED;
    aep__hook_sub_new(&session, 99)->level.phase = AEP__HOOK_OPEN;
    assert_null(aep__hook_sub_find(&session, 7));
    assert_non_null(aep__hook_sub_find(&session, 99));
    assert_non_null(aep__hook_sub_find(&session, 1));
}

static void test_the_eldest_ended_turn_is_given_up_first(void **state)
{
    (void)state;
    for (uint64_t id = 1; id <= AEP__HOOK_TURNS + 1; id++)
        aep__hook_turn_new(&session, id)->level.phase = AEP__HOOK_ENDED;
    assert_null(aep__hook_turn_find(&session, 1));
    assert_non_null(aep__hook_turn_find(&session, 2));
    assert_int_equal(aep__hook_turn_find(&session, 0)->id, AEP__HOOK_TURNS + 1);
}

static void test_tools_are_found_by_id_then_input_then_name(void **state)
{
    (void)state;
    struct aep__hook_tool *with_id = aep__hook_tool_new(&session, 1);
    *with_id = (struct aep__hook_tool){
        .id = 5, .key = 10, .name = 20, .level = 1, .order = 1, .phases = AEP__HOOK_TOOL_RUNS};
    struct aep__hook_tool *without = aep__hook_tool_new(&session, 1);
    *without = (struct aep__hook_tool){
        .key = 11, .name = 20, .level = 1, .order = 2, .phases = AEP__HOOK_TOOL_RUNS};
    assert_ptr_equal(aep__hook_tool_find(&session, 1, 5, 0, 0), with_id);
    assert_ptr_equal(aep__hook_tool_find(&session, 1, 0, 11, 20), without);
    assert_ptr_equal(aep__hook_tool_find(&session, 1, 0, 12, 20), with_id);
    assert_ptr_equal(aep__hook_tool_find(&session, 1, 6, 11, 20), without);
    assert_null(aep__hook_tool_find(&session, 1, 6, 10, 0));
    assert_null(aep__hook_tool_find(&session, 2, 5, 10, 20));
}

static void test_the_file_survives_a_torn_write(void **state)
{
    (void)state;
    char folder[] = "/tmp/aep-hook-state.XXXXXX", command[128];
    struct aep__hook_file file;
    struct aep__hook_state got;
    assert_non_null(mkdtemp(folder));
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(aep__hook_file_open(&file, fd, AEP__HOOK_CODEX, "s", 1), 0);
    assert_false(aep__hook_file_read(&file, &got));
    for (session.turns_begun = 1; session.turns_begun <= 3; session.turns_begun++)
        assert_int_equal(aep__hook_file_write(&file, &session), 0);
    assert_true(aep__hook_file_read(&file, &got));
    assert_int_equal(got.turns_begun, 3);
    assert_int_equal(pwrite(file.fd, "torn", 4, (off_t)(lseek(file.fd, 0, SEEK_END) - 100)), 4);
    assert_true(aep__hook_file_read(&file, &got));
    assert_int_equal(got.turns_begun, 2); /* the other slot */
    aep__hook_file_close(&file);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    close(fd);
}

static void test_a_lock_is_waited_for_a_moment(void **state)
{
    (void)state;
    char folder[] = "/tmp/aep-hook-state.XXXXXX", command[128];
    struct aep__hook_file one, other;
    assert_non_null(mkdtemp(folder));
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(aep__hook_file_open(&one, fd, AEP__HOOK_CODEX, "s", 1), 0);
    assert_int_equal(aep__hook_file_open(&other, fd, AEP__HOOK_CODEX, "s", 1), -1);
    assert_int_equal(errno, ETIMEDOUT);
    aep__hook_file_close(&other);
    assert_int_equal(aep__hook_file_open(&other, fd, AEP__HOOK_CODEX, "t", 1), 0);
    aep__hook_file_close(&other);
    aep__hook_file_close(&one);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_ids, fresh),
        cmocka_unit_test_setup(test_what_is_open_is_never_given_up, fresh),
        cmocka_unit_test_setup(test_the_eldest_ended_turn_is_given_up_first, fresh),
        cmocka_unit_test_setup(test_tools_are_found_by_id_then_input_then_name, fresh),
        cmocka_unit_test_setup(test_the_file_survives_a_torn_write, fresh),
        cmocka_unit_test_setup(test_a_lock_is_waited_for_a_moment, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
