/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Under the address sanitizer, allocating all memory must fail instead of ending the test. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void test_a_buffer_grows_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct aep__buf buf = {0};
    assert_string_equal(aep__buf_string(&buf), "");
    for (int i = 0; i < 1000; i++)
        aep__buf_format(&buf, "%d,", i);
    aep__buf_text(&buf, "end");
    aep__buf_byte(&buf, '.');
    aep__buf_add(&buf, NULL, 0);
    assert_int_equal(buf.len, 3890 + 4);
    assert_memory_equal(aep__buf_string(&buf), "0,1,2,3,", 8);
    assert_string_equal(aep__buf_string(&buf) + 3886, "999,end.");
    assert_int_equal(buf.len, 3894);
    aep__buf_clear(&buf);
    assert_string_equal(aep__buf_string(&buf), "");
    aep__buf_done(&buf);
    assert_null(buf.data);
    aep__buf_done(&buf);
}

static void test_a_buffer_that_ran_out_of_memory_stays_so(void **state)
{
    (void)state;
    struct aep__buf buf = {0};
    aep__buf_text(&buf, "before");
    assert_false(aep__buf_reserve(&buf, SIZE_MAX));
    assert_true(buf.failed);
    aep__buf_text(&buf, "after");
    aep__buf_byte(&buf, '!');
    aep__buf_format(&buf, "%d", 1);
    assert_false(aep__buf_reserve(&buf, 0));
    assert_int_equal(buf.len, 6);
    assert_memory_equal(buf.data, "before", 6);
    assert_string_equal(aep__buf_string(&buf), "");
    aep__buf_clear(&buf);
    aep__buf_text(&buf, "again");
    assert_string_equal(aep__buf_string(&buf), "again");
    aep__buf_done(&buf);
}

static void test_a_buffer_refuses_sizes_that_overflow(void **state)
{
    (void)state;
    for (size_t more = SIZE_MAX - 300; more > SIZE_MAX - 400; more--) {
        struct aep__buf buf = {0};
        aep__buf_text(&buf, "some");
        assert_false(aep__buf_reserve(&buf, more));
        aep__buf_done(&buf);
    }
}

static void test_slices_know_their_length(void **state)
{
    (void)state;
    assert_int_equal(AEP__SLICE("a\0b").len, 3);
    assert_int_equal(aep__slice_text("abc").len, 3);
    assert_int_equal(aep__slice_text(NULL).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_buffer_grows_and_keeps_what_it_has),
        cmocka_unit_test(test_a_buffer_that_ran_out_of_memory_stays_so),
        cmocka_unit_test(test_a_buffer_refuses_sizes_that_overflow),
        cmocka_unit_test(test_slices_know_their_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
