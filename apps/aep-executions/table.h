/* SPDX-License-Identifier: Apache-2.0 */
/* A table of text. On a terminal it has a heading, columns one below the other, and lines that fit;
 * elsewhere a tab stands between columns, and nothing is cut.
 *
 *     cells ─▶ rows that are held ─ enough of them, or the last ─▶ widths ─▶ lines
 *
 * The rows held first decide the widths; those that come later are cut to them. So a table of any
 * length takes the same memory. */
#ifndef AEP_EXECUTIONS_TABLE_H
#define AEP_EXECUTIONS_TABLE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define AEP__TABLE_COLUMNS_MAX 16
#define AEP__TABLE_ROWS_HELD 200

struct aep__table_column {
    const char *heading;
    unsigned least;  /* columns of the terminal that it keeps where room is short */
    unsigned most;   /* that it has at most; 0: any number */
    unsigned prefix; /* not 0: it is cut to the front by which all differ, this long at least */
    unsigned
        rank; /* where room is very short, columns of the highest rank are left out first; those of
                        rank 0 never */
};

struct aep__table_cell {
    size_t begin, len; /* in texts */
    const char *colour;
};

struct aep__table {
    const struct aep__table_column *columns;
    size_t count;
    unsigned width;   /* of the terminal; 0: none */
    bool colour;      /* may be used */
    const char *mark; /* of what was cut */
    struct aep__buf texts;
    struct aep__table_cell cells[AEP__TABLE_ROWS_HELD * AEP__TABLE_COLUMNS_MAX];
    size_t cell_count;
    unsigned widths[AEP__TABLE_COLUMNS_MAX]; /* 0: left out */
    bool begun;                              /* the heading is written */
};

/** @width  of the terminal; 0: none */
void aep__table_begin(struct aep__table *table, const struct aep__table_column *columns,
                      size_t count, unsigned width, bool colour, const char *mark);
/** Adds the next cell; the text loses what could drive a terminal, and is "-" if it is empty.
 * @text    NULL: unknown
 * @colour  ESC [ … m; NULL: none */
void aep__table_add(struct aep__table *table, const char *text, const char *colour);
/** Whether so many rows are held that they have to be written. */
bool aep__table_full(const struct aep__table *table);
/** Appends the rows that are held. */
void aep__table_write(struct aep__table *table, struct aep__buf *out);
void aep__table_done(struct aep__table *table);

#endif
