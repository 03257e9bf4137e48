/* SPDX-License-Identifier: Apache-2.0 */
/* The screen of `aep watch`: the list, one execution in full, or the help sheet; and what keys do. */
#ifndef AEP_EXECUTIONS_BOARD_H
#define AEP_EXECUTIONS_BOARD_H

#include "outline.h"
#include "page.h"
#include "prompt.h"
#include "screen.h"
#include "watch.h"

enum aep__board_mode {
    AEP__BOARD_LIST,
    AEP__BOARD_DETAIL,
    AEP__BOARD_JSON,
    AEP__BOARD_HELP,
};

struct aep__board {
    struct aep__watch *watch;
    struct aep__screen screen;
    struct aep__view view; /* of what is shown: older than the watch's while paused */
    enum aep__board_mode mode, before_help;

    /* the list */
    struct aep__outline outline;
    struct aep__folds folds;
    struct aep__filter filter;
    struct aep__buf words; /* of the filter, as typed */
    unsigned states;       /* by key; 0: any */
    bool needs_human;      /* by key */
    unsigned sorting;
    bool reverse;
    struct aep__buf cursor; /* the id of the row under it; empty: it follows the top */
    size_t cursor_at;
    bool asked; /* for other lines, by a key: the cursor's row need not keep its place */
    long
        top; /* the line at the top of the screen; below 0: blank lines stand above the first one */
    struct aep__totals totals; /* of what the filter matches */
    size_t needing;            /* that wait for a person */

    /* one execution, or the sheet */
    struct aep__page page;
    struct aep__buf id; /* of the execution */
    int64_t shown_change, cost_us;
    bool follow; /* the end of the page */

    struct aep__prompt prompt;
    struct aep__buf message;
    bool paused;
    bool stale;  /* what is shown has to be read again */
    bool dirty;  /* the picture has to be drawn again, soon */
    bool urgent; /* at once: a key was pressed */
    int64_t drawn_us, paged_us;
};

int aep__board_open(struct aep__board *board, struct aep__watch *watch, aep_error *err);
void aep__board_close(struct aep__board *board);
/** Takes the keys that were pressed. */
void aep__board_keys(struct aep__board *board);
/** The store has changed, or is another one. */
void aep__board_changed(struct aep__board *board, bool other);
/** Reads and draws what is due. */
int aep__board_turn(struct aep__board *board, aep_error *err);
/** When to come back at the latest (monotonic). */
int64_t aep__board_next_us(const struct aep__board *board);
/** A signal came that is about the terminal. */
void aep__board_resize(struct aep__board *board);
void aep__board_stop(struct aep__board *board);

/* ---- picture.c ---- */

void aep__board_draw(struct aep__board *board);
/** Rows of the screen that the list has. */
int aep__board_rows(const struct aep__board *board);

#endif
