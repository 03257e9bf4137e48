/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal as a grid of cells, by ncurses; the only file that includes it. Text can only ever be
 * text here: what could drive a terminal is never written, and each piece begins at a column of its
 * own. However the program ends, the terminal is as it was. */
#ifndef AEP_EXECUTIONS_SCREEN_H
#define AEP_EXECUTIONS_SCREEN_H

#include "aep/aep.h"

#include <stdbool.h>
#include <stddef.h>

/** How text looks: a colour, 0 (the terminal's own) or that of ESC [ 3n m, and any of the others. */
enum aep__ink {
    AEP__INK_PLAIN = 0,
    AEP__INK_RED = 1,
    AEP__INK_YELLOW = 3,
    AEP__INK_COLOUR = 0x0F,
    AEP__INK_BOLD = 0x10,
    AEP__INK_DIM = 0x20,
    AEP__INK_REVERSE = 0x40,
};

/** A key: a character, or one of these. */
enum aep__keycode {
    AEP__KEY_NONE = -1, /* none was pressed */
    AEP__KEY_UP = 0x200000,
    AEP__KEY_DOWN,
    AEP__KEY_LEFT,
    AEP__KEY_RIGHT,
    AEP__KEY_PAGE_UP,
    AEP__KEY_PAGE_DOWN,
    AEP__KEY_HOME,
    AEP__KEY_END,
    AEP__KEY_BACKSPACE,
    AEP__KEY_OTHER,
};

struct aep__screen {
    bool colour, utf8;
    int height, width; /* in cells */
    bool open;
};

/** Takes the terminal of stdin and stdout. Errors: AEP_EINVAL it cannot be addressed */
int aep__screen_open(struct aep__screen *screen, bool colour, bool utf8, aep_error *err);
void aep__screen_close(struct aep__screen *screen);
/** Gives the terminal back, stops this process as Ctrl-Z does, and takes it again afterwards. */
void aep__screen_stop(struct aep__screen *screen);
/** Reads the terminal's size again. */
void aep__screen_resize(struct aep__screen *screen);

/** Begins a new picture, empty. */
void aep__screen_begin(struct aep__screen *screen);
/** Puts text at a place, cut to that many columns; the rest of them is blank. */
void aep__screen_put(struct aep__screen *screen, int row, int column, int width, unsigned ink,
                     const char *text, size_t len);
void aep__screen_text(struct aep__screen *screen, int row, int column, int width, unsigned ink,
                      const char *text);
/** Shows the picture. The cursor stands there, or is hidden if row is below 0. */
void aep__screen_show(struct aep__screen *screen, int row, int column);
/** What is on the terminal is not known any more: all of it is drawn when it is next shown. */
void aep__screen_forget(struct aep__screen *screen);
void aep__screen_bell(struct aep__screen *screen);
/** Asks the terminal to put text on the clipboard (OSC 52). */
void aep__screen_copy(struct aep__screen *screen, const char *text);

/** The next key, without waiting. */
int aep__screen_key(struct aep__screen *screen);
/** How many columns text takes here. */
int aep__screen_columns(const struct aep__screen *screen, const char *text, size_t len);

#endif
