/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include "screen.h"

#include "track/state.h"

#define ESCAPE 27

static const struct aep__key keys[] = {
    {'j', AEP__ACTION_DOWN, 0, "j, Down", "next row, next line"},
    {AEP__KEY_DOWN, AEP__ACTION_DOWN, 0, NULL, NULL},
    {'k', AEP__ACTION_UP, 0, "k, Up", "previous row, previous line"},
    {AEP__KEY_UP, AEP__ACTION_UP, 0, NULL, NULL},
    {AEP__KEY_PAGE_DOWN, AEP__ACTION_PAGE_DOWN, 0, "PgDn, PgUp", "a screen down, up"},
    {AEP__KEY_PAGE_UP, AEP__ACTION_PAGE_UP, 0, NULL, NULL},
    {'g', AEP__ACTION_TOP, 0, "g, G", "first, last"},
    {AEP__KEY_HOME, AEP__ACTION_TOP, 0, NULL, NULL},
    {'G', AEP__ACTION_BOTTOM, 0, NULL, NULL},
    {AEP__KEY_END, AEP__ACTION_BOTTOM, 0, NULL, NULL},
    {'\n', AEP__ACTION_OPEN, 0, "Enter", "shows this execution in full"},
    {ESCAPE, AEP__ACTION_BACK, 0, "Esc", "back; in the list: every filter off"},
    {'/', AEP__ACTION_FILTER, 0, "/", "filters the list; searches the text shown (Tab completes)"},
    {'n', AEP__ACTION_NEXT, 0, "n, N", "next, previous match"},
    {'N', AEP__ACTION_PREVIOUS, 0, NULL, NULL},
    {'+', AEP__ACTION_UNFOLD, 0, "+, -", "unfolds, folds what this execution started"},
    {'-', AEP__ACTION_FOLD, 0, NULL, NULL},
    {AEP__KEY_RIGHT, AEP__ACTION_UNFOLD, 0, NULL, NULL},
    {AEP__KEY_LEFT, AEP__ACTION_FOLD, 0, NULL, NULL},
    {'*', AEP__ACTION_FOLD_ALL, 0, "*", "unfolds, folds all"},
    {'s', AEP__ACTION_SORT, 0, "s, S", "sorts by the next column; reverses the order"},
    {'S', AEP__ACTION_REVERSE, 0, NULL, NULL},
    {'1', AEP__ACTION_STATE, AEP__STATE_COMPLETED, "1", "only completed"},
    {'2', AEP__ACTION_STATE, AEP__STATE_FAILED, "2", "only failed"},
    {'3', AEP__ACTION_STATE, AEP__STATE_ABANDONED, "3", "only abandoned"},
    {'4', AEP__ACTION_STATE, AEP__STATE_WAITING, "4", "only waiting"},
    {'5', AEP__ACTION_STATE, AEP__STATE_STALLED, "5", "only stalled"},
    {'6', AEP__ACTION_STATE, AEP__STATE_RUNNING, "6", "only running"},
    {'0', AEP__ACTION_ALL, 0, "0", "every state"},
    {'w', AEP__ACTION_NEEDS_ME, 0, "w", "only what waits for a person"},
    {'e', AEP__ACTION_FAULTS, 0, "e", "only faults: failed, abandoned, stalled"},
    {'f', AEP__ACTION_FOLLOW, 0, "f", "stays at the top of the list, at the end of a timeline"},
    {' ', AEP__ACTION_PAUSE, 0, "Space", "pauses, goes on"},
    {'y', AEP__ACTION_COPY, 0, "y", "copies the id (the terminal must allow it: OSC 52)"},
    {'o', AEP__ACTION_BROWSE, 0, "o", "opens the execution in a browser, where aep serve runs"},
    {'J', AEP__ACTION_JSON, 0, "J", "shows this execution as JSON"},
    {'r', AEP__ACTION_REDRAW, 0, "r", "draws the screen again"},
    {'?', AEP__ACTION_HELP, 0, "?", "this sheet"},
    {'q', AEP__ACTION_QUIT, 0, "q", "ends"},
};

const struct aep__key *aep__key_find(int code)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].code == code)
            return &keys[i];
    return NULL;
}

void aep__keys_help(struct aep__buf *out)
{
    aep__buf_text(out, "\033[1mkeys\033[0m\n");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].help)
            aep__buf_format(out, "  %-11s %s\n", keys[i].shown, keys[i].help);
    aep__buf_text(out, "\n\033[1mfilter words\033[0m\n"
                       "  state:STATE agent:NAME tenant:ID session:ID correlation:ID parent:ID\n"
                       "  since:TIME until:TIME\n"
                       "  and text, which is searched in request, agent, step and error.\n"
                       "  A filter shows children too.\n");
    aep__buf_text(out, "\n\033[1morder\033[0m\n"
                       "  what waits for a person, what is stalled, what failed within an hour,\n"
                       "  what runs, the rest. \"!\" marks what waits for a person. The row under\n"
                       "  the cursor stays where it is.\n");
}
