/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <string.h>

#include "aep/columns.h"
#include "aep/out.h"

#define GAP 2

void aep__table_begin(struct aep__table *table, const struct aep__table_column *columns,
                      size_t count, unsigned width, bool colour, const char *mark)
{
    table->columns = columns;
    table->count = count;
    table->width = width;
    table->colour = colour;
    table->mark = mark;
    table->texts = (struct aep__buf){0};
    table->cell_count = 0;
    table->begun = false;
}

void aep__table_done(struct aep__table *table)
{
    aep__buf_done(&table->texts);
}

void aep__table_add(struct aep__table *table, const char *text, const char *colour)
{
    size_t begin = table->texts.len;
    if (text)
        aep__out_plain(&table->texts, text, strlen(text));
    if (table->texts.len == begin)
        aep__buf_byte(&table->texts, '-');
    table->cells[table->cell_count++] =
        (struct aep__table_cell){begin, table->texts.len - begin, colour};
}

bool aep__table_full(const struct aep__table *table)
{
    return table->cell_count == AEP__TABLE_ROWS_HELD * table->count;
}

static struct aep__slice text_of(const struct aep__table *table, const struct aep__table_cell *cell)
{
    if (table->texts.failed)
        return (struct aep__slice){"", 0};
    return (struct aep__slice){table->texts.data + cell->begin, cell->len};
}

/* ---- widths --------------------------------------------------------------------------------- */

static size_t common_len(struct aep__slice one, struct aep__slice other)
{
    size_t len = 0;
    while (len < one.len && len < other.len && one.data[len] == other.data[len])
        len++;
    return len;
}

/* How long the fronts are by which the cells of a column differ. */
static unsigned prefix_width(const struct aep__table *table, size_t column)
{
    size_t width = table->columns[column].prefix;
    for (size_t i = column; i < table->cell_count; i += table->count) {
        for (size_t j = column; j < i; j += table->count) {
            size_t len =
                common_len(text_of(table, &table->cells[i]), text_of(table, &table->cells[j]));
            width = len + 1 > width ? len + 1 : width;
        }
    }
    return (unsigned)width;
}

static unsigned natural_width(const struct aep__table *table, size_t column)
{
    const struct aep__table_column *about = &table->columns[column];
    size_t width = strlen(about->heading);
    unsigned most = about->prefix ? prefix_width(table, column) : about->most;
    for (size_t i = column; i < table->cell_count; i += table->count) {
        struct aep__slice text = text_of(table, &table->cells[i]);
        size_t taken = aep__columns_of(text.data, text.len);
        width = taken > width ? taken : width;
    }
    return (unsigned)(most && width > most ? most : width);
}

static unsigned total_width(const struct aep__table *table)
{
    unsigned total = 0;
    for (size_t i = 0; i < table->count; i++)
        total += table->widths[i] ? table->widths[i] + GAP : 0;
    return total - GAP;
}

/* Takes from the widest of those that may have less. False: none may. */
static bool narrow_widest(struct aep__table *table)
{
    size_t widest = table->count;
    for (size_t i = 0; i < table->count; i++) {
        bool may = table->columns[i].least && table->widths[i] > table->columns[i].least;
        if (may && (widest == table->count || table->widths[i] > table->widths[widest]))
            widest = i;
    }
    if (widest == table->count)
        return false;
    table->widths[widest]--;
    return true;
}

/* False: none may be left out. */
static bool leave_out(struct aep__table *table, bool left_out[])
{
    size_t last = table->count;
    for (size_t i = 0; i < table->count; i++) {
        unsigned rank = left_out[i] ? 0 : table->columns[i].rank;
        if (rank > 0 && (last == table->count || rank > table->columns[last].rank))
            last = i;
    }
    if (last == table->count)
        return false;
    left_out[last] = true;
    return true;
}

static void find_widths(struct aep__table *table)
{
    unsigned natural[AEP__TABLE_COLUMNS_MAX];
    bool left_out[AEP__TABLE_COLUMNS_MAX] = {false}, narrowed;
    for (size_t i = 0; i < table->count; i++)
        natural[i] = natural_width(table, i);
    do {
        for (size_t i = 0; i < table->count; i++)
            table->widths[i] = left_out[i] ? 0 : natural[i];
        do {
            narrowed = total_width(table) > table->width && narrow_widest(table);
        } while (narrowed);
    } while (total_width(table) > table->width && leave_out(table, left_out));
}

/* ---- lines ---------------------------------------------------------------------------------- */

static void fill(struct aep__buf *out, size_t begin, unsigned width)
{
    size_t taken = out->failed ? width : aep__columns_of(out->data + begin, out->len - begin);
    for (; taken < width + GAP; taken++)
        aep__buf_byte(out, ' ');
}

static void end_line(const struct aep__table *table, struct aep__buf *out, size_t begin)
{
    while (out->len > begin && out->data[out->len - 1] == ' ')
        out->len--;
    if (!out->failed)
        aep__columns_fit(out, begin, table->width, table->mark);
    aep__buf_byte(out, '\n');
}

static void write_heading(const struct aep__table *table, struct aep__buf *out)
{
    size_t begin = out->len;
    for (size_t i = 0; i < table->count; i++) {
        size_t at = out->len;
        if (!table->widths[i])
            continue;
        aep__buf_text(out, table->columns[i].heading);
        if (!out->failed)
            aep__columns_fit(out, at, table->widths[i], table->mark);
        fill(out, at, table->widths[i]);
    }
    end_line(table, out, begin);
}

static void write_cell(const struct aep__table *table, size_t column,
                       const struct aep__table_cell *cell, struct aep__buf *out)
{
    struct aep__slice text = text_of(table, cell);
    unsigned width = table->widths[column];
    bool coloured = table->colour && cell->colour;
    size_t begin = out->len;
    if (coloured)
        aep__buf_format(out, "\033[%sm", cell->colour);
    size_t text_begin = out->len;
    aep__buf_add(out, text.data, text.len);
    if (!out->failed)
        aep__columns_fit(out, text_begin, width, table->columns[column].prefix ? "" : table->mark);
    if (coloured)
        aep__buf_text(out, "\033[0m");
    fill(out, begin, width);
}

static void write_fitting(const struct aep__table *table, const struct aep__table_cell *row,
                          struct aep__buf *out)
{
    size_t begin = out->len;
    for (size_t i = 0; i < table->count; i++) {
        if (table->widths[i])
            write_cell(table, i, &row[i], out);
    }
    end_line(table, out, begin);
}

static void write_tabbed(const struct aep__table *table, const struct aep__table_cell *row,
                         struct aep__buf *out)
{
    for (size_t i = 0; i < table->count; i++) {
        struct aep__slice text = text_of(table, &row[i]);
        aep__buf_add(out, text.data, text.len);
        aep__buf_byte(out, i + 1 < table->count ? '\t' : '\n');
    }
}

void aep__table_write(struct aep__table *table, struct aep__buf *out)
{
    if (table->width && !table->begun && table->cell_count > 0) {
        find_widths(table);
        write_heading(table, out);
        table->begun = true;
    }
    for (size_t i = 0; i + table->count <= table->cell_count; i += table->count)
        (table->width ? write_fitting : write_tabbed)(table, &table->cells[i], out);
    out->failed |= table->texts.failed;
    aep__buf_clear(&table->texts);
    table->cell_count = 0;
}
