/* SPDX-License-Identifier: Apache-2.0 */
/* What help and completion say of `aep list` is what the tracker's code knows. */
#include "aep/verbs.h"
#include "track/filter.h"
#include "track/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void completion_has_every_filter_word(void **state)
{
    struct aep__buf words = {0};
    (void)state;
    aep__filter_words(&words);
    assert_string_equal(aep__verb_list.operands, aep__buf_string(&words));
    aep__buf_done(&words);
}

static void help_names_every_field_in_its_order(void **state)
{
    struct aep__buf words = {0};
    const char *at = strstr(aep__verb_list.description, "FIELDS:\n");
    char *rest = NULL;
    (void)state;
    assert_non_null(at);
    at += strlen("FIELDS:\n");
    aep__row_fields_words(&words);
    aep__buf_string(&words);
    for (char *word = strtok_r(words.data, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        at += strspn(at, " \n");
        assert_int_equal(strcspn(at, " \n"), strlen(word));
        assert_memory_equal(at, word, strlen(word));
        at += strlen(word);
    }
    assert_string_equal(at, "");
    aep__buf_done(&words);
}

static void help_names_every_state(void **state)
{
    (void)state;
    for (enum aep__state one = 0; one < AEP__STATE_COUNT; one++)
        assert_non_null(strstr(aep__verb_list.description, aep__state_word(one)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completion_has_every_filter_word),
        cmocka_unit_test(help_names_every_field_in_its_order),
        cmocka_unit_test(help_names_every_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
