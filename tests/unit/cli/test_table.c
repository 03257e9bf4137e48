/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: columns that fit a terminal, or tabs. */
#include "aep-executions/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "aep/columns.h"

static const struct aep__table_column columns[] = {
    {.heading = "STATE"},
    {.heading = "TEXT", .least = 6},
    {.heading = "NOTE", .least = 4, .rank = 1},
    {.heading = "ID", .prefix = 4},
};
#define COUNT (sizeof columns / sizeof *columns)

static struct aep__table table;

static void add(const char *first, const char *second, const char *third, const char *fourth)
{
    aep__table_add(&table, first, "31");
    aep__table_add(&table, second, NULL);
    aep__table_add(&table, third, NULL);
    aep__table_add(&table, fourth, NULL);
}

static void expect(const char *wanted)
{
    struct aep__buf out = {0};
    aep__table_write(&table, &out);
    assert_string_equal(aep__buf_string(&out), wanted);
    aep__buf_done(&out);
    aep__table_done(&table);
}

static void tabs_where_there_is_no_terminal(void **state)
{
    (void)state;
    aep__table_begin(&table, columns, COUNT, 0, false, "…");
    add("a", "tab\tand\nline", NULL, "1234567");
    add("b", "", "\033[31m", "1234568");
    expect("a\ttab and line\t-\t1234567\nb\t-\t [31m\t1234568\n");
}

static void columns_stand_below_each_other(void **state)
{
    (void)state;
    aep__table_begin(&table, columns, COUNT, 80, false, "…");
    add("a", "日本", "x", "1234567");
    add("bb", "e\u0301e\u0301", "yy", "123x");
    expect("STATE  TEXT  NOTE  ID\n"
           "a      日本  x     1234\n"
           "bb     e\u0301e\u0301    yy    123x\n");
}

static void ids_are_as_long_as_they_differ(void **state)
{
    (void)state;
    aep__table_begin(&table, columns, COUNT, 80, false, "…");
    add("a", "b", "c", "12345678");
    add("a", "b", "c", "12345690");
    add("a", "b", "c", "1");
    expect("STATE  TEXT  NOTE  ID\n"
           "a      b     c     1234567\n"
           "a      b     c     1234569\n"
           "a      b     c     1\n");
}

static void the_widest_gives_room_first(void **state)
{
    (void)state;
    aep__table_begin(&table, columns, COUNT, 30, false, "…");
    add("running", "a long text", "a note", "12345");
    expect("STATE    TEXT     NOTE    ID\n"
           "running  a long…  a note  1234\n");
    aep__table_begin(&table, columns, COUNT, 25, false, "...");
    add("running", "a long text", "a note", "12345");
    expect("STATE    TEXT        ID\n"
           "running  a long ...  1234\n");
}

static void no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    for (unsigned width = 1; width < 60; width++) {
        struct aep__buf out = {0};
        aep__table_begin(&table, columns, COUNT, width, width % 2, "…");
        add("running", "日本語の長い要求", "a note of some length", "12345");
        aep__table_write(&table, &out);
        for (char *line = out.data, *end;
             (end = memchr(line, '\n', (size_t)(out.data + out.len - line))); line = end + 1)
            assert_true(aep__columns_of(line, (size_t)(end - line)) <= width);
        aep__buf_done(&out);
        aep__table_done(&table);
    }
}

static void colours_end_with_their_cell(void **state)
{
    (void)state;
    aep__table_begin(&table, columns, COUNT, 80, true, "…");
    add("a", "b", "c", "d");
    expect("STATE  TEXT  NOTE  ID\n"
           "\033[31ma\033[0m      b     c     d\n");
}

/* Those that come later are cut to the widths that stand. */
static void a_long_table_has_one_heading_and_one_layout(void **state)
{
    struct aep__buf out = {0};
    int lines = 0;
    (void)state;
    aep__table_begin(&table, columns, COUNT, 80, false, "…");
    for (int i = 0; i < AEP__TABLE_ROWS_HELD; i++) {
        assert_false(aep__table_full(&table));
        add("a", "short", "c", "d");
    }
    assert_true(aep__table_full(&table));
    aep__table_write(&table, &out);
    add("a", "longer", "c", "d");
    aep__table_write(&table, &out);
    aep__buf_string(&out);
    for (const char *at = out.data; *at; at++)
        lines += *at == '\n';
    assert_int_equal(lines, 1 + AEP__TABLE_ROWS_HELD + 1);
    assert_non_null(strstr(out.data, "a      long…  c     d\n"));
    aep__buf_done(&out);
    aep__table_done(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tabs_where_there_is_no_terminal),
        cmocka_unit_test(columns_stand_below_each_other),
        cmocka_unit_test(ids_are_as_long_as_they_differ),
        cmocka_unit_test(the_widest_gives_room_first),
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
        cmocka_unit_test(colours_end_with_their_cell),
        cmocka_unit_test(a_long_table_has_one_heading_and_one_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
