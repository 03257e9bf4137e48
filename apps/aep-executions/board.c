/* SPDX-License-Identifier: Apache-2.0 */
#include "board.h"

#include <stdlib.h>
#include <string.h>

#include "aep/out.h"
#include "keys.h"
#include "opening.h"
#include "showing.h"

#include "base/clock.h"
#include "base/error.h"

#define DRAW_US 250000 /* between two pictures that nobody asked for */
#define COST_SHARE 20  /* a page is made anew after so many times what that takes */
#define MORE 1000      /* rows of the rest that are read as the cursor comes to their end */
#define NEEDING_MAX 1000
#define COUNT_MOST 2000 /* rows that are looked at for the counts of a filter */
#define BIT(state) (1U << AEP__STATE_##state)

/* ---- what is under the cursor --------------------------------------------------------------- */

static bool has_cursor(const struct aep__board *board)
{
    return board->cursor.len > 0;
}

static const struct aep__line *line_at(const struct aep__board *board, size_t at)
{
    return at < board->outline.count ? &board->outline.lines[at] : NULL;
}

/* Keeps the cursor on the screen. */
static void scroll(struct aep__board *board)
{
    long at = (long)board->cursor_at, rows = aep__board_rows(board);
    board->top = board->top < 0 ? 0 : board->top;
    if (at < board->top)
        board->top = at;
    if (at >= board->top + rows)
        board->top = at - rows + 1;
}

/* Near the last line more of the rest are read, where there are more. */
static void want_more(struct aep__board *board)
{
    struct aep__roster *roster = &board->outline.roster;
    size_t rows = (size_t)aep__board_rows(board);
    if (!roster->more || !roster->loaded || board->cursor_at + 2 * rows < board->outline.count)
        return;
    roster->window += MORE;
    roster->loaded = false;
    board->stale = true;
}

static void put_cursor(struct aep__board *board, size_t at)
{
    size_t count = board->outline.count;
    aep__buf_clear(&board->cursor);
    if (count == 0)
        want_more(board);
    if (count == 0)
        return;
    board->cursor_at = at < count ? at : count - 1;
    const struct aep__line *line = line_at(board, board->cursor_at);
    if (!line->brief) /* what is not shown stands below a child */
        line = line_at(board, --board->cursor_at);
    aep__buf_text(&board->cursor, aep__brief_id(line->brief));
    scroll(board);
    want_more(board);
}

static void move_cursor(struct aep__board *board, long lines)
{
    long at = (long)board->cursor_at + lines, last = (long)board->outline.count - 1;
    const struct aep__line *line;
    if (!has_cursor(board)) {
        put_cursor(board, lines > 1 ? (size_t)lines : 0);
        return;
    }
    line = line_at(board, at < 0 ? 0 : (size_t)at);
    if (line && !line->brief && lines == 1 && at < last)
        at++;
    put_cursor(board, at < 0 ? 0 : (size_t)at);
}

static void follow_top(struct aep__board *board)
{
    aep__buf_clear(&board->cursor);
    board->cursor_at = 0;
    board->top = 0;
    board->stale = board->asked = true;
}

/* The row that a key is about: the first one where there is no cursor. */
static const struct aep__brief *chosen(struct aep__board *board)
{
    if (!has_cursor(board))
        put_cursor(board, 0);
    const struct aep__line *line = has_cursor(board) ? line_at(board, board->cursor_at) : NULL;
    return line ? line->brief : NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

static void say(struct aep__board *board, const char *text)
{
    aep__buf_clear(&board->message);
    aep__buf_text(&board->message, text);
}

static int read_words(struct aep__filter *filter, const struct aep__buf *words, aep_error *err)
{
    struct aep__buf copy = {0};
    int code = AEP_OK;
    char *rest = NULL;
    aep__buf_add(&copy, words->data, words->len);
    aep__buf_string(&copy);
    for (char *word = copy.data ? strtok_r(copy.data, " ", &rest) : NULL; code == AEP_OK && word;
         word = strtok_r(NULL, " ", &rest))
        code = aep__filter_add(filter, word, aep__clock_wall_us(), err);
    if (code == AEP_OK && copy.failed)
        code = aep__error_memory(err);
    aep__buf_done(&copy);
    return code;
}

/* By what was typed and by keys; words that are wrong leave it as it is. */
static bool set_filter(struct aep__board *board, const struct aep__buf *words)
{
    struct aep__filter filter;
    aep_error err;
    aep__filter_init(&filter);
    if (read_words(&filter, words, &err) != AEP_OK) {
        say(board, err.text);
        aep__filter_done(&filter);
        return false;
    }
    if (board->states)
        filter.states = board->states;
    filter.roots = words->len == 0 && !board->states;
    aep__filter_done(&board->filter);
    board->filter = filter;
    board->outline.roster.loaded = false;
    board->outline.roster.window = 0;
    board->stale = board->asked = true;
    return true;
}

static bool take_needing(void *user, const struct aep__tracked *execution)
{
    struct aep__board *board = user;
    board->needing += aep__needs_human(execution, board->view.clock_us);
    return true;
}

/* All of them, whatever the list shows. */
static int count_needing(struct aep__board *board, aep_error *err)
{
    struct aep__store *store = board->watch->reading.store;
    struct aep__filter filter;
    struct aep__query query = {
        .filter = &filter, .clock_us = board->view.clock_us, .limit = NEEDING_MAX};
    aep__filter_init(&filter);
    filter.states = BIT(WAITING);
    board->needing = 0;
    int code = store->ops->list(store, &query, take_needing, board, err);
    aep__filter_done(&filter);
    return code;
}

static void find_cursor(struct aep__board *board)
{
    size_t at;
    if (!has_cursor(board))
        return;
    at = aep__outline_find(&board->outline, aep__buf_string(&board->cursor));
    if (at == board->outline.count) { /* it is gone */
        put_cursor(board, board->cursor_at);
        return;
    }
    if (!board->asked)
        board->top += (long)at - (long)board->cursor_at;
    board->cursor_at = at;
    if (board->asked)
        scroll(board);
}

/* Those of the filter; without one all, children too. */
static int count_all(struct aep__board *board, aep_error *err)
{
    struct aep__store *store = board->watch->reading.store;
    const struct aep__query query = {
        .filter = &board->filter, .clock_us = board->view.clock_us, .look_most = COUNT_MOST};
    if (board->words.len > 0 || board->states)
        return store->ops->totals(store, &query, &board->totals, err);
    board->totals.at_least = 0;
    return store->ops->count(store, query.clock_us, board->totals.counts, err);
}

static int load_list(struct aep__board *board, aep_error *err)
{
    struct aep__store *store = board->watch->reading.store;
    const struct aep__outline_wish wish = {
        .filter = &board->filter,
        .view = &board->view,
        .folds = &board->folds,
        .sorting = &aep__sortings[board->sorting],
        .reverse = board->reverse,
        .needs_human = board->needs_human,
        .pinned = has_cursor(board) && !board->asked ? aep__buf_string(&board->cursor) : NULL,
        .pinned_at = board->cursor_at,
    };
    int code = aep__outline_load(&board->outline, store, &wish, err);
    if (code == AEP_OK)
        code = count_all(board, err);
    find_cursor(board);
    board->asked = false;
    return code == AEP_OK ? count_needing(board, err) : code;
}

/* ---- pages ---------------------------------------------------------------------------------- */

static int add_json(struct aep__showing *showing, aep_error *err)
{
    struct aep__buf row = {0};
    aep__row_add(&row, &showing->reading.fields, &showing->execution, &showing->reading.view);
    json_t *tree = json_loadb(row.data, row.len, 0, NULL);
    char *text = json_dumps(tree, JSON_INDENT(2));
    for (char *line = text; line && *line;) {
        size_t len = strcspn(line, "\n");
        aep__out_plain(&showing->out, line, len);
        aep__buf_byte(&showing->out, '\n');
        line += len + (line[len] == '\n');
    }
    bool failed = row.failed || !text;
    free(text);
    json_decref(tree);
    aep__buf_done(&row);
    return failed ? aep__error_memory(err) : AEP_OK;
}

static int write_page(struct aep__board *board, struct aep__showing *showing, aep_error *err)
{
    struct aep__reading *reading = &showing->reading;
    int found;
    if (board->mode == AEP__BOARD_HELP) {
        aep__keys_help(&showing->out);
        return AEP_OK;
    }
    found = reading->store->ops->get(reading->store, aep__buf_string(&board->id),
                                     &showing->execution, err);
    if (found < 0)
        return err->code;
    board->shown_change = showing->execution.change;
    if (found == 0)
        aep__buf_text(&showing->out, "This execution is no longer in the store.\n");
    else if (board->mode == AEP__BOARD_JSON)
        return add_json(showing, err);
    else
        return aep__showing_parts(showing, err);
    return AEP_OK;
}

static int load_page(struct aep__board *board, aep_error *err)
{
    struct aep__showing showing = {.reading = board->watch->reading, .held = true};
    int64_t begun_us = aep__clock_mono_us();
    bool at_end = board->follow;
    showing.reading.view = board->view;
    showing.reading.width = (unsigned)board->screen.width;
    showing.reading.colour = true; /* the page knows what the screen can */
    aep__row_fields_all(&showing.reading.fields);
    aep__tracked_init(&showing.execution);
    int code = write_page(board, &showing, err);
    if (code == AEP_OK &&
        (showing.out.failed || !aep__page_set(&board->page, &board->screen, &showing.out)))
        code = aep__error_memory(err);
    if (at_end)
        aep__page_move(&board->page, (long)board->page.count);
    aep__showing_done(&showing);
    board->paged_us = aep__clock_mono_us();
    board->cost_us = board->paged_us - begun_us;
    return code;
}

static void open_page(struct aep__board *board, enum aep__board_mode mode)
{
    board->mode = mode;
    board->page.top = 0;
    board->follow = false;
    board->page.wanted.len = 0;
    board->paged_us = 0;
    board->cost_us = 0;
    board->stale = true;
}

static void open_chosen(struct aep__board *board, enum aep__board_mode mode)
{
    const struct aep__brief *brief = chosen(board);
    if (!brief)
        return;
    aep__buf_clear(&board->id);
    aep__buf_text(&board->id, aep__brief_id(brief));
    open_page(board, mode);
}

/* ---- actions -------------------------------------------------------------------------------- */

static void move(struct aep__board *board, long lines)
{
    if (board->mode == AEP__BOARD_LIST) {
        move_cursor(board, lines);
        return;
    }
    aep__page_move(&board->page, lines);
    board->follow = board->follow && lines > 0;
}

static void go_back(struct aep__board *board)
{
    if (board->mode == AEP__BOARD_HELP) {
        enum aep__board_mode mode = board->before_help;
        open_page(board, mode);
    } else if (board->mode != AEP__BOARD_LIST) {
        open_page(board, AEP__BOARD_LIST);
    } else {
        board->states = 0;
        board->needs_human = false;
        aep__buf_clear(&board->words);
        set_filter(board, &board->words);
    }
}

static void choose_states(struct aep__board *board, unsigned states, bool needs_human)
{
    bool again = board->states == states && board->needs_human == needs_human;
    board->states = again ? 0 : states;
    board->needs_human = !again && needs_human;
    board->top = 0;
    set_filter(board, &board->words);
}

static void fold(struct aep__board *board, bool open)
{
    const struct aep__brief *brief = chosen(board);
    struct aep__tracked execution;
    if (!brief || board->mode != AEP__BOARD_LIST)
        return;
    aep__brief_open(brief, &execution);
    bool folded = execution.children == 0 || !aep__folds_open(&board->folds, execution.id);
    size_t parent = execution.parent_id ? aep__outline_find(&board->outline, execution.parent_id)
                                        : board->outline.count;
    if (!open && folded && parent < board->cursor_at) /* a child: its parent is folded */
        put_cursor(board, parent);
    aep__folds_set(&board->folds, aep__brief_id(chosen(board)), open);
    board->stale = board->asked = true;
}

static bool is_match(const struct aep__board *board, const struct aep__line *line)
{
    return line->brief &&
           aep__roster_find(&board->outline.roster, aep__brief_id(line->brief)) == line->brief;
}

static void find_match(struct aep__board *board, bool forward)
{
    size_t count = board->outline.count;
    if (board->mode != AEP__BOARD_LIST) {
        if (board->page.count == 0 || !aep__page_search(&board->page, forward))
            say(board, board->page.wanted.len ? "no line has that" : "search with / first");
        return;
    }
    for (size_t i = 1; i <= count; i++) {
        size_t at = (board->cursor_at + (forward ? i : count - i)) % count;
        if (!has_cursor(board) || is_match(board, &board->outline.lines[at])) {
            put_cursor(board, has_cursor(board) ? at : 0);
            return;
        }
    }
}

static const char *id_in_hand(struct aep__board *board)
{
    if (board->mode != AEP__BOARD_LIST)
        return board->id.len ? aep__buf_string(&board->id) : NULL;
    const struct aep__brief *brief = chosen(board);
    return brief ? aep__brief_id(brief) : NULL;
}

static void browse(struct aep__board *board)
{
    struct aep__watch *watch = board->watch;
    const char *id = id_in_hand(board), *store = aep__buf_string(&watch->following.store);
    aep_error err;
    if (!id)
        return;
    int code = aep__opening(watch->reading.config, store, id, &err);
    say(board, code == AEP_OK ? "opened in the browser" : "");
    if (code != AEP_OK)
        aep__out_plain(&board->message, err.text, strlen(err.text));
}

static void copy_id(struct aep__board *board)
{
    const char *id = id_in_hand(board);
    if (!id)
        return;
    aep__screen_copy(&board->screen, id);
    say(board, "copied ");
    aep__out_plain(&board->message, id, strlen(id));
}

static void begin_prompt(struct aep__board *board)
{
    struct aep__buf *text = board->mode == AEP__BOARD_LIST ? &board->words : &board->page.wanted;
    aep__prompt_begin(&board->prompt, aep__buf_string(text));
    aep__buf_clear(&board->message);
}

static void toggle_follow(struct aep__board *board)
{
    if (board->mode == AEP__BOARD_LIST) {
        if (has_cursor(board))
            follow_top(board);
        else
            put_cursor(board, 0);
        return;
    }
    board->follow = !board->follow;
    if (board->follow)
        aep__page_move(&board->page, (long)board->page.count);
}

static void toggle_pause(struct aep__board *board)
{
    board->paused = !board->paused;
    board->stale = !board->paused;
}

static void help(struct aep__board *board)
{
    if (board->mode == AEP__BOARD_HELP) {
        go_back(board);
        return;
    }
    board->before_help = board->mode;
    open_page(board, AEP__BOARD_HELP);
}

static void show_json(struct aep__board *board)
{
    if (board->mode == AEP__BOARD_LIST)
        open_chosen(board, AEP__BOARD_JSON);
    else if (board->mode != AEP__BOARD_HELP)
        open_page(board, board->mode == AEP__BOARD_JSON ? AEP__BOARD_DETAIL : AEP__BOARD_JSON);
}

static void sort(struct aep__board *board, bool reverse)
{
    if (reverse)
        board->reverse = !board->reverse;
    else
        board->sorting = (board->sorting + 1) % AEP__SORTING_COUNT;
    say(board, "by ");
    aep__buf_format(&board->message, "%s%s", aep__sortings[board->sorting].name,
                    board->reverse ? ", reversed" : "");
    follow_top(board);
}

static void act(struct aep__board *board, const struct aep__key *key)
{
    bool list = board->mode == AEP__BOARD_LIST;
    long page = aep__board_rows(board) > 2 ? aep__board_rows(board) - 1 : 1;
    switch (key->action) {
    case AEP__ACTION_NONE:
        break;
    case AEP__ACTION_DOWN:
        move(board, 1);
        break;
    case AEP__ACTION_UP:
        move(board, -1);
        break;
    case AEP__ACTION_PAGE_DOWN:
        move(board, page);
        break;
    case AEP__ACTION_PAGE_UP:
        move(board, -page);
        break;
    case AEP__ACTION_TOP:
        move(board, -1000000);
        break;
    case AEP__ACTION_BOTTOM:
        move(board, 1000000);
        break;
    case AEP__ACTION_OPEN:
        if (list)
            open_chosen(board, AEP__BOARD_DETAIL);
        break;
    case AEP__ACTION_BACK:
        go_back(board);
        break;
    case AEP__ACTION_FILTER:
        begin_prompt(board);
        break;
    case AEP__ACTION_NEXT:
        find_match(board, true);
        break;
    case AEP__ACTION_PREVIOUS:
        find_match(board, false);
        break;
    case AEP__ACTION_UNFOLD:
        fold(board, true);
        break;
    case AEP__ACTION_FOLD:
        fold(board, false);
        break;
    case AEP__ACTION_FOLD_ALL:
        aep__folds_reset(&board->folds, !board->folds.all);
        board->stale = board->asked = true;
        break;
    case AEP__ACTION_SORT:
        sort(board, false);
        break;
    case AEP__ACTION_REVERSE:
        sort(board, true);
        break;
    case AEP__ACTION_STATE:
        choose_states(board, 1U << key->parameter, false);
        break;
    case AEP__ACTION_ALL:
        board->states = 0;
        board->needs_human = false;
        set_filter(board, &board->words);
        break;
    case AEP__ACTION_NEEDS_ME:
        choose_states(board, BIT(WAITING), true);
        break;
    case AEP__ACTION_FAULTS:
        choose_states(board, BIT(FAILED) | BIT(ABANDONED) | BIT(STALLED), false);
        break;
    case AEP__ACTION_FOLLOW:
        toggle_follow(board);
        break;
    case AEP__ACTION_PAUSE:
        toggle_pause(board);
        break;
    case AEP__ACTION_COPY:
        copy_id(board);
        break;
    case AEP__ACTION_BROWSE:
        browse(board);
        break;
    case AEP__ACTION_JSON:
        show_json(board);
        break;
    case AEP__ACTION_REDRAW:
        aep__screen_forget(&board->screen);
        break;
    case AEP__ACTION_HELP:
        help(board);
        break;
    case AEP__ACTION_QUIT:
        aep__watch_end(board->watch, AEP__EXIT_DONE);
        break;
    }
}

static void use_prompt(struct aep__board *board)
{
    struct aep__buf *text = &board->prompt.text;
    if (board->mode != AEP__BOARD_LIST) {
        aep__buf_clear(&board->page.wanted);
        aep__buf_add(&board->page.wanted, text->data, text->len);
        if (text->len > 0)
            find_match(board, true);
        return;
    }
    board->prompt.open = !set_filter(board, text);
    if (board->prompt.open)
        return;
    aep__buf_clear(&board->words);
    aep__buf_add(&board->words, text->data, text->len);
    board->top = 0;
}

static void take_typed(struct aep__board *board, int key)
{
    struct aep__buf words = {0};
    if (board->mode == AEP__BOARD_LIST)
        aep__filter_words(&words);
    aep__buf_clear(&board->message);
    if (aep__prompt_key(&board->prompt, key, aep__buf_string(&words)) == AEP__PROMPT_DONE)
        use_prompt(board);
    aep__buf_done(&words);
}

void aep__board_keys(struct aep__board *board)
{
    int code;
    while (!board->watch->ended && (code = aep__screen_key(&board->screen)) != AEP__KEY_NONE) {
        const struct aep__key *key = aep__key_find(code);
        board->urgent = true;
        if (board->prompt.open) {
            take_typed(board, code);
        } else if (key) {
            aep__buf_clear(&board->message);
            act(board, key);
        }
    }
}

/* ---- turns ---------------------------------------------------------------------------------- */

void aep__board_changed(struct aep__board *board, bool other)
{
    board->stale = true;
    board->outline.roster.loaded = board->outline.roster.loaded && !other;
}

/* Whether a page has to be made again: it is not the newest, and that was long enough ago. */
static bool page_is_due(const struct aep__board *board, int64_t now_us)
{
    return board->paged_us == 0 || (board->stale && !board->paused &&
                                    now_us >= board->paged_us + COST_SHARE * board->cost_us);
}

static bool list_is_due(const struct aep__board *board)
{
    if (board->paused)
        return board->asked;
    return board->stale || board->view.clock_us > board->outline.wake_us;
}

static int load(struct aep__board *board, int64_t now_us, aep_error *err)
{
    if (board->mode != AEP__BOARD_LIST) {
        int code = page_is_due(board, now_us) ? load_page(board, err) : AEP_OK;
        board->stale = board->stale && board->paged_us <= now_us;
        return code;
    }
    if (!list_is_due(board))
        return AEP_OK;
    board->stale = false;
    return load_list(board, err);
}

/* While paused the clock stands still too. */
static bool take_view(struct aep__board *board)
{
    const struct aep__view *view = &board->watch->reading.view;
    bool moved = view->clock_us != board->view.clock_us || view->behind != board->view.behind;
    if (!board->paused && moved)
        board->view = *view;
    return !board->paused && moved;
}

int aep__board_turn(struct aep__board *board, aep_error *err)
{
    int64_t now_us = aep__clock_mono_us();
    if (!board->urgent && now_us < board->drawn_us + DRAW_US)
        return AEP_OK;
    bool due = take_view(board) || board->urgent || (board->stale && !board->paused);
    if (!due)
        return AEP_OK;
    if (board->paused && !board->urgent)
        return AEP_OK;
    int code = load(board, now_us, err);
    aep__board_draw(board);
    board->drawn_us = now_us;
    board->urgent = false;
    return code;
}

int64_t aep__board_next_us(const struct aep__board *board)
{
    if (board->urgent)
        return 0;
    return board->stale && !board->paused ? board->drawn_us + DRAW_US : INT64_MAX;
}

void aep__board_resize(struct aep__board *board)
{
    aep__screen_resize(&board->screen);
    long last_top = (long)board->outline.count - aep__board_rows(board);
    if (board->top > last_top)
        board->top = last_top > 0 ? last_top : 0;
    if (has_cursor(board))
        scroll(board);
    board->paged_us = 0;
    board->urgent = true;
}

void aep__board_stop(struct aep__board *board)
{
    aep__screen_stop(&board->screen);
    board->paged_us = 0;
    board->urgent = board->stale = true;
}

int aep__board_open(struct aep__board *board, struct aep__watch *watch, aep_error *err)
{
    const struct aep__reading *reading = &watch->reading;
    *board = (struct aep__board){.watch = watch, .view = reading->view, .urgent = true};
    aep__filter_init(&board->filter);
    aep__buf_add(&board->words, watch->words.data, watch->words.len);
    if (!set_filter(board, &board->words))
        return aep__error(err, AEP_EINVAL, "filter", "watch: %s", aep__buf_string(&board->message));
    if (watch->id.len > 0) {
        aep__buf_add(&board->id, watch->id.data, watch->id.len);
        board->mode = AEP__BOARD_DETAIL;
    }
    return aep__screen_open(&board->screen, reading->colour, reading->utf8, err);
}

void aep__board_close(struct aep__board *board)
{
    aep__screen_close(&board->screen);
    aep__outline_done(&board->outline);
    aep__folds_reset(&board->folds, false);
    aep__filter_done(&board->filter);
    aep__page_done(&board->page);
    aep__prompt_done(&board->prompt);
    aep__buf_done(&board->words);
    aep__buf_done(&board->cursor);
    aep__buf_done(&board->id);
    aep__buf_done(&board->message);
}
