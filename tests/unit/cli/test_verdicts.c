/* SPDX-License-Identifier: Apache-2.0 */
#include "aep-doctor/verdicts.h"
#include "aep/verb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How one verdict and their sum are shown. */
static void show(enum aep__grade grade, bool json, char *text, size_t size)
{
    struct aep__verdicts verdicts;
    FILE *file = tmpfile();
    int out = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    aep__verdicts_begin(&verdicts, json);
    aep__verdicts_step(&verdicts, "topics");
    aep__verdict(&verdicts, grade, "it");
    int status = aep__verdicts_finish(&verdicts);
    dup2(out, STDOUT_FILENO);
    close(out);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    assert_int_equal(status, grade == AEP__GRADE_FAILED ? AEP__EXIT_FAILED : AEP__EXIT_DONE);
}

static void each_grade_has_its_mark_and_its_sum(void **state)
{
    (void)state;
    static const struct {
        enum aep__grade grade;
        const char *mark, *sum, *json_sum;
    } rows[] = {
        {AEP__GRADE_FINE, "ok   topics ", "\nall is well\n", "\"verdict\":\"ok\",\"failed\":0,"},
        {AEP__GRADE_SKIPPED, "skip topics ", "\nall is well\n", "\"warnings\":0,\"skipped\":1,"},
        {AEP__GRADE_UNKNOWN, "?    topics ", "\nnothing failed; unknown: 1\n", "\"unknown\":1}"},
        {AEP__GRADE_WARNING, "warn topics ", "\n0 failed, 1 warning\n", "\"verdict\":\"warning\","},
        {AEP__GRADE_FAILED, "FAIL topics ", "\n1 failed, 0 warnings\n", "\"failed\":1,"},
    };
    char text[512];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        show(rows[i].grade, false, text, sizeof text);
        assert_ptr_equal(strstr(text, rows[i].mark), text);
        assert_non_null(strstr(text, rows[i].sum));
        show(rows[i].grade, true, text, sizeof text);
        assert_non_null(strstr(text, rows[i].json_sum));
    }
}

int main(void)
{
    setenv("LC_ALL", "C", 1); /* words for marks */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_grade_has_its_mark_and_its_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
