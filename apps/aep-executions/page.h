/* SPDX-License-Identifier: Apache-2.0 */
/* A page of text, longer than the screen: one execution in full, its JSON, the help sheet. Its text
 * bears colours as `aep show` writes them (ESC [ … m) and nothing else that drives a terminal. */
#ifndef AEP_EXECUTIONS_PAGE_H
#define AEP_EXECUTIONS_PAGE_H

#include "screen.h"

#include "base/buf.h"

struct aep__page {
    struct aep__buf text;   /* lines that fit */
    size_t *begins, count;  /* of lines, in text; one more than there are */
    size_t top;             /* the first line that is shown */
    int rows;               /* that it has on the screen */
    struct aep__buf wanted; /* what is searched for */
};

/** Takes a text, broken to that many columns; keeps the place that is shown. False: out of memory. */
bool aep__page_set(struct aep__page *page, const struct aep__screen *screen,
                   const struct aep__buf *text);
void aep__page_draw(struct aep__page *page, struct aep__screen *screen, int row, int rows);
/** Moves by lines; stops at the ends. */
void aep__page_move(struct aep__page *page, long lines);
bool aep__page_at_end(const struct aep__page *page);
/** Goes to the next line, or the previous one, that has what is searched for. False: none has. */
bool aep__page_search(struct aep__page *page, bool forward);
void aep__page_done(struct aep__page *page);

#endif
