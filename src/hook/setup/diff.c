/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that both texts have at their ends are left alone; between them the longest common subsequence
 * decides, or where that would need too much memory nothing: then all of it is shown as replaced. */
#include "hook/setup/diff.h"

#include <stdlib.h>
#include <string.h>

#define CONTEXT 3
#define CELLS_MAX (4u << 20)

struct text {
    struct aep__slice *lines; /* each with its line end, if it has one */
    size_t count;
};

/* What is shown, a line each: ' ', '-' or '+'. */
struct row {
    char mark;
    struct aep__slice line;
    size_t old_line, new_line; /* how many came before */
};

static bool read_lines(struct text *text, struct aep__slice all)
{
    struct aep__buf lines = {0};
    for (size_t at = 0; at < all.len;) {
        const char *end = memchr(all.data + at, '\n', all.len - at);
        size_t len = end ? (size_t)(end - all.data) + 1 - at : all.len - at;
        struct aep__slice line = {all.data + at, len};
        aep__buf_add(&lines, &line, sizeof line);
        at += len;
    }
    text->lines = (struct aep__slice *)(void *)lines.data;
    text->count = lines.len / sizeof(struct aep__slice);
    return !lines.failed;
}

static bool same(struct aep__slice a, struct aep__slice b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* How long the common subsequence of the lines from each position on is: (rows + 1) × (columns + 1). */
static uint32_t *measure(const struct aep__slice *old, size_t rows, const struct aep__slice *new,
                         size_t columns)
{
    if ((rows + 1) > CELLS_MAX / (columns + 1))
        return NULL;
    uint32_t *cells = calloc((rows + 1) * (columns + 1), sizeof *cells);
    for (size_t i = rows; cells && i-- > 0;) {
        uint32_t *here = cells + i * (columns + 1), *below = here + columns + 1;
        for (size_t j = columns; j-- > 0;)
            here[j] = same(old[i], new[j])      ? below[j + 1] + 1
                      : below[j] >= here[j + 1] ? below[j]
                                                : here[j + 1];
    }
    return cells;
}

static void add_row(struct aep__buf *rows, char mark, struct aep__slice line, size_t old_line,
                    size_t new_line)
{
    struct row row = {mark, line, old_line, new_line};
    aep__buf_add(rows, &row, sizeof row);
}

static void compare(const struct text *old, const struct text *new, struct aep__buf *rows)
{
    size_t front = 0, back = 0, i, j;
    size_t least = old->count < new->count ? old->count : new->count;
    while (front < least && same(old->lines[front], new->lines[front]))
        front++;
    while (back < least - front &&
           same(old->lines[old->count - 1 - back], new->lines[new->count - 1 - back]))
        back++;
    size_t height = old->count - back - front, width = new->count - back - front;
    uint32_t *cells = measure(old->lines + front, height, new->lines + front, width);
    for (i = j = 0; i < front; i++, j++)
        add_row(rows, ' ', old->lines[i], i, j);
    while (i < front + height || j < front + width) {
        size_t a = i - front, b = j - front;
        bool more_old = a < height, more_new = b < width;
        if (more_old && more_new && cells && same(old->lines[i], new->lines[j])) {
            add_row(rows, ' ', old->lines[i], i, j);
            i++, j++;
        } else if (more_old &&
                   (!more_new || !cells ||
                    cells[(a + 1) * (width + 1) + b] >= cells[a * (width + 1) + b + 1])) {
            add_row(rows, '-', old->lines[i], i, j);
            i++;
        } else {
            add_row(rows, '+', new->lines[j], i, j);
            j++;
        }
    }
    for (; i < old->count; i++, j++)
        add_row(rows, ' ', old->lines[i], i, j);
    free(cells);
}

/* ---- showing --------------------------------------------------------------------------------- */

static void show_hunk(const struct row *rows, size_t begin, size_t end, struct aep__buf *out)
{
    size_t olds = 0, news = 0;
    for (size_t i = begin; i < end; i++) {
        olds += rows[i].mark != '+';
        news += rows[i].mark != '-';
    }
    aep__buf_format(out, "@@ -%zu,%zu +%zu,%zu @@\n", rows[begin].old_line + (olds > 0), olds,
                    rows[begin].new_line + (news > 0), news);
    for (size_t i = begin; i < end; i++) {
        struct aep__slice line = rows[i].line;
        aep__buf_byte(out, rows[i].mark);
        aep__buf_add(out, line.data, line.len);
        if (line.len == 0 || line.data[line.len - 1] != '\n')
            aep__buf_text(out, "\n\\ No newline at end of file\n");
    }
}

/* Changes with less than two contexts between them are one hunk. */
static void show(const struct row *rows, size_t count, struct aep__buf *out)
{
    for (size_t i = 0; i < count;) {
        if (rows[i].mark == ' ') {
            i++;
            continue;
        }
        size_t begin = i > CONTEXT ? i - CONTEXT : 0, end = i, last = i;
        while (end < count && end - last <= 2 * CONTEXT) {
            last = rows[end].mark == ' ' ? last : end;
            end++;
        }
        end = last + 1 + CONTEXT < count ? last + 1 + CONTEXT : count;
        show_hunk(rows, begin, end, out);
        i = end;
    }
}

void aep__diff_add(const char *path, struct aep__slice old, struct aep__slice new,
                   struct aep__buf *out)
{
    struct text before = {0}, after = {0};
    struct aep__buf rows = {0};
    if (read_lines(&before, old) && read_lines(&after, new))
        compare(&before, &after, &rows);
    else
        out->failed = true;
    if (!(old.data && new.data &&same(old, new))) {
        aep__buf_format(out, "--- %s\n", old.data ? path : "/dev/null");
        aep__buf_format(out, "+++ %s\n", new.data ? path : "/dev/null");
        show((const struct row *)(void *)rows.data, rows.len / sizeof(struct row), out);
    }
    out->failed |= rows.failed;
    free(before.lines);
    free(after.lines);
    aep__buf_done(&rows);
}
