/* SPDX-License-Identifier: Apache-2.0 */
#include "track_fixture.h"

static void test_a_new_one_knows_nothing(void **state)
{
    (void)state;
    struct aep__tracked execution;
    aep__tracked_init(&execution);
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++) {
        const void *member = (char *)&execution + aep__tracked_members[i].offset;
        switch (aep__tracked_members[i].type) {
        case AEP__MEMBER_TEXT:
            assert_null(*(char *const *)member);
            break;
        case AEP__MEMBER_TIME:
            assert_true(*(const int64_t *)member == AEP__UNKNOWN_US);
            break;
        case AEP__MEMBER_REAL:
            assert_true(isnan(*(const double *)member));
            break;
        default:
            assert_int_equal(*(const int64_t *)member, 0);
        }
    }
    for (int i = 0; i < AEP__ORIGIN_COUNT; i++)
        assert_false(aep__order_known(&execution.origins[i]));
    aep__tracked_done(&execution);
}

static void set(struct aep__tracked *execution, const char *text, size_t len)
{
    aep__tracked_set_text(execution, &execution->user_request, (struct aep__slice){text, len});
}

static void test_long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    struct aep__tracked execution;
    char text[3 * AEP__TEXT_MAX];
    aep__tracked_init(&execution);
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', sizeof text);
        for (size_t at = shift; at + 4 <= sizeof text; at += 4)
            memcpy(text + at, "\xF0\x9F\x98\x80", 4);
        set(&execution, text, sizeof text);
        size_t len = strlen(execution.user_request);
        assert_in_range(len, AEP__TEXT_MAX - 3, AEP__TEXT_MAX);
        assert_string_equal(execution.user_request + len - 3, "…");
        assert_memory_equal(execution.user_request, text, len - 3);
        assert_int_equal((len - 3 - shift) % 4, 0);
    }
    aep__tracked_done(&execution);
}

static void test_what_was_cut_of_a_name_makes_a_difference(void **state)
{
    (void)state;
    char text[3 * AEP__TEXT_MAX];
    memset(text, 'x', sizeof text);
    char *fits = aep__tracked_name((struct aep__slice){text, AEP__TEXT_MAX});
    char *one = aep__tracked_name((struct aep__slice){text, sizeof text});
    char *other = aep__tracked_name((struct aep__slice){text, sizeof text - 1});
    char *again = aep__tracked_name(aep__slice_text(one));
    assert_memory_equal(fits, text, AEP__TEXT_MAX);
    assert_int_equal(strlen(fits), AEP__TEXT_MAX);
    assert_int_equal(strlen(one), AEP__TEXT_MAX);
    assert_string_equal(one + AEP__TEXT_MAX - 3, "…");
    assert_string_not_equal(one, other);
    assert_string_equal(one, again);
    free(fits);
    free(one);
    free(other);
    free(again);
}

static void test_a_text_that_fits_stays_whole(void **state)
{
    (void)state;
    struct aep__tracked execution;
    char text[AEP__TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    aep__tracked_init(&execution);
    set(&execution, text, AEP__TEXT_MAX);
    assert_int_equal(strlen(execution.user_request), AEP__TEXT_MAX);
    assert_int_equal(execution.user_request[AEP__TEXT_MAX - 1], 'x');
    set(&execution, text, AEP__TEXT_MAX + 1);
    assert_int_equal(strlen(execution.user_request), AEP__TEXT_MAX);
    assert_string_equal(execution.user_request + AEP__TEXT_MAX - 3, "…");
    set(&execution, "", 0);
    assert_string_equal(execution.user_request, "");
    set(&execution, NULL, 0);
    assert_null(execution.user_request);
    assert_false(execution.failed);
    aep__tracked_done(&execution);
}

static void test_a_nul_within_a_text_does_not_end_it(void **state)
{
    (void)state;
    struct aep__tracked execution;
    aep__tracked_init(&execution);
    set(&execution, "a\0b\0", 4);
    assert_string_equal(execution.user_request, "a b ");
    aep__tracked_done(&execution);
}

static void change_member(struct aep__tracked *execution, size_t i)
{
    void *member = (char *)execution + aep__tracked_members[i].offset;
    if (aep__tracked_members[i].type == AEP__MEMBER_TEXT)
        set_text(execution, member, "else");
    else if (aep__tracked_members[i].type == AEP__MEMBER_REAL)
        *(double *)member = 0.5;
    else
        *(int64_t *)member = 7;
}

static void test_any_difference_makes_two_unequal(void **state)
{
    (void)state;
    for (size_t i = 0; i < AEP__TRACKED_MEMBER_COUNT; i++) {
        struct aep__tracked one = make_execution(1, 0), other = make_execution(1, 0);
        bool counts = strcmp(aep__tracked_members[i].name, "change") != 0;
        assert_true(aep__tracked_equal(&one, &other));
        change_member(&one, i);
        assert_int_equal(aep__tracked_equal(&one, &other), !counts);
        change_member(&other, i);
        assert_true(aep__tracked_equal(&one, &other));
        aep__tracked_done(&one);
        aep__tracked_done(&other);
    }
    struct aep__tracked one = make_execution(1, 0), other = make_execution(1, 0);
    for (int i = 0; i < AEP__ORIGIN_COUNT; i++) {
        one.origins[i] = order_of(5, AT(1));
        assert_false(aep__tracked_equal(&one, &other));
        other.origins[i] = order_of(6, AT(1));
        assert_false(aep__tracked_equal(&one, &other));
        other.origins[i] = one.origins[i];
    }
    one.mixed_ends = true;
    assert_false(aep__tracked_equal(&one, &other));
    other.mixed_ends = other.session_of_end = true;
    assert_false(aep__tracked_equal(&one, &other));
    aep__tracked_done(&one);
    aep__tracked_done(&other);
}

static void test_origins_survive_being_packed(void **state)
{
    (void)state;
    struct aep__tracked one = make_execution(1, 0), other;
    char bytes[AEP__ORIGINS_BYTES];
    aep__tracked_init(&other);
    for (unsigned i = 0; i < AEP__ORIGIN_COUNT; i++)
        one.origins[i] = i == 2 ? AEP__ORDER_NONE : order_of(i, i % 2 ? AT(i) : -(int64_t)i);
    aep__tracked_pack_origins(&one, bytes);
    assert_true(aep__tracked_unpack_origins(&other, bytes, sizeof bytes));
    for (unsigned i = 0; i < AEP__ORIGIN_COUNT; i++) {
        assert_true(other.origins[i].at_us == one.origins[i].at_us);
        assert_memory_equal(other.origins[i].id, one.origins[i].id, 16);
    }
    for (size_t len = 0; len < sizeof bytes; len++)
        assert_false(aep__tracked_unpack_origins(&other, bytes, len));
    bytes[0]++;
    assert_false(aep__tracked_unpack_origins(&other, bytes, sizeof bytes));
    aep__tracked_done(&one);
    aep__tracked_done(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_one_knows_nothing),
        cmocka_unit_test(test_long_texts_are_cut_between_characters),
        cmocka_unit_test(test_what_was_cut_of_a_name_makes_a_difference),
        cmocka_unit_test(test_a_text_that_fits_stays_whole),
        cmocka_unit_test(test_a_nul_within_a_text_does_not_end_it),
        cmocka_unit_test(test_any_difference_makes_two_unequal),
        cmocka_unit_test(test_origins_survive_being_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
