/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

#include "base/utf8.h"

/* ---- breaking it into lines ----------------------------------------------------------------- */

/* The front of a line that fits; the colours in it take no columns. */
static size_t front_len(const struct aep__screen *screen, const char *text, size_t len)
{
    int taken = 0;
    for (size_t at = 0, step; at < len; at += step) {
        const char *end = text[at] == '\033' ? memchr(text + at, 'm', len - at) : NULL;
        if (end) {
            step = (size_t)(end - (text + at)) + 1;
            continue;
        }
        aep__utf8_decode(text + at, len - at, &step);
        taken += aep__screen_columns(screen, text + at, step);
        if (taken > screen->width)
            return at;
    }
    return len;
}

static bool add_begin(struct aep__page *page, size_t *cap)
{
    size_t *begins = aep__array_room(page->begins, page->count, cap, sizeof *begins);
    if (!begins)
        return false;
    page->begins = begins;
    page->begins[page->count++] = page->text.len;
    return true;
}

bool aep__page_set(struct aep__page *page, const struct aep__screen *screen,
                   const struct aep__buf *text)
{
    size_t cap = 0;
    free(page->begins);
    page->begins = NULL;
    page->count = 0;
    aep__buf_clear(&page->text);
    for (size_t at = 0; at < text->len;) {
        const char *line = text->data + at;
        const char *end = memchr(line, '\n', text->len - at);
        size_t len = end ? (size_t)(end - line) : text->len - at;
        size_t front = front_len(screen, line, len);
        front = front == 0 ? len : front;
        if (!add_begin(page, &cap))
            return false;
        aep__buf_add(&page->text, line, front);
        at += front + (front == len);
    }
    if (!add_begin(page, &cap))
        return false;
    page->count--;
    aep__page_move(page, 0);
    return !page->text.failed;
}

void aep__page_done(struct aep__page *page)
{
    free(page->begins);
    aep__buf_done(&page->text);
    aep__buf_done(&page->wanted);
    *page = (struct aep__page){0};
}

/* ---- moving --------------------------------------------------------------------------------- */

static size_t last_top(const struct aep__page *page)
{
    size_t rows = page->rows > 0 ? (size_t)page->rows : 1;
    return page->count > rows ? page->count - rows : 0;
}

void aep__page_move(struct aep__page *page, long lines)
{
    long top = (long)page->top + lines;
    top = top < 0 ? 0 : top;
    page->top = (size_t)top < last_top(page) ? (size_t)top : last_top(page);
}

bool aep__page_at_end(const struct aep__page *page)
{
    return page->top >= last_top(page);
}

static bool line_has(const struct aep__page *page, size_t line, const char *wanted)
{
    size_t begin = page->begins[line], len = page->begins[line + 1] - begin;
    char *copy = strndup(page->text.data + begin, len);
    bool has = copy && strcasestr(copy, wanted);
    free(copy);
    return has;
}

bool aep__page_search(struct aep__page *page, bool forward)
{
    const char *wanted = aep__buf_string(&page->wanted);
    for (size_t i = 1; *wanted && i <= page->count; i++) {
        size_t line = (page->top + (forward ? i : page->count - i)) % page->count;
        if (!line_has(page, line, wanted))
            continue;
        page->top = line < last_top(page) ? line : last_top(page);
        return true;
    }
    return false;
}

/* ---- drawing -------------------------------------------------------------------------------- */

/* What "\033[1;31m" says. */
static unsigned read_ink(const char *text, size_t len, unsigned ink)
{
    unsigned number = 0;
    for (size_t at = 2; at < len; at++) {
        if (text[at] >= '0' && text[at] <= '9') {
            number = number * 10 + (unsigned)(text[at] - '0');
            continue;
        }
        ink = number == 0                    ? AEP__INK_PLAIN
              : number == 1                  ? ink | AEP__INK_BOLD
              : number == 2                  ? ink | AEP__INK_DIM
              : number >= 31 && number <= 37 ? (ink & ~(unsigned)AEP__INK_COLOUR) | (number - 30)
                                             : ink;
        number = 0;
    }
    return ink;
}

static void draw_line(const struct aep__page *page, struct aep__screen *screen, size_t line,
                      int row)
{
    const char *text = page->text.data + page->begins[line];
    const char *end = page->text.data + page->begins[line + 1];
    const char *wanted = page->wanted.len ? page->wanted.data : NULL;
    unsigned ink = wanted && line_has(page, line, wanted) ? AEP__INK_BOLD : AEP__INK_PLAIN;
    int column = 0;
    while (text < end) {
        const char *escape = memchr(text, '\033', (size_t)(end - text));
        size_t len = (size_t)((escape ? escape : end) - text);
        int width = aep__screen_columns(screen, text, len);
        aep__screen_put(screen, row, column, width, ink, text, len);
        column += width;
        text += len;
        const char *finish = escape ? memchr(escape, 'm', (size_t)(end - escape)) : NULL;
        if (!finish)
            break;
        ink = read_ink(escape, (size_t)(finish - escape) + 1, ink);
        text = finish + 1;
    }
}

void aep__page_draw(struct aep__page *page, struct aep__screen *screen, int row, int rows)
{
    page->rows = rows;
    aep__page_move(page, 0);
    aep__buf_string(&page->wanted);
    for (int i = 0; i < rows && page->top + (size_t)i < page->count; i++)
        draw_line(page, screen, page->top + (size_t)i, row + i);
}
