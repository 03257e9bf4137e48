/* SPDX-License-Identifier: Apache-2.0 */
/* How the board looks:
 *
 *     aep watch  1 waits for you  2 stalled  3 running  state:failed            by attention, live
 *       STATE     AGENT     REQUEST                    STEP                       LAST   AGE  KIDS  ID
 *     ! waiting   deploy    ship it                    confirm the target          4s    2m   0/0  019…
 *     …
 *     j k move  Enter open  / filter …                             (or what is typed, or a message) */
#include "board.h"

#include <string.h>

#include "aep/out.h"
#include "look.h"

#include "base/clock.h"

#define HEAD_ROWS 2
#define FOOT_ROWS 1
#define MARK_WIDTH 2
#define WIDE 100       /* columns of a screen from which on there is more room for each */
#define STEP_SCREEN 70 /* and from which on it has the steps */
#define TITLE_GAP 3    /* between what is counted and the order */

static int64_t clock_of(const struct aep__board *board)
{
    return board->view.clock_us;
}

int aep__board_rows(const struct aep__board *board)
{
    int rows = board->screen.height - HEAD_ROWS - FOOT_ROWS;
    return rows > 1 ? rows : 1;
}

static void put(struct aep__board *board, int row, int column, int width, unsigned ink,
                struct aep__buf *text)
{
    if (!text->failed)
        aep__screen_put(&board->screen, row, column, width, ink, text->data, text->len);
    aep__buf_clear(text);
}

/* ---- the head ------------------------------------------------------------------------------- */

static void add_count(struct aep__buf *out, const struct aep__totals *totals, enum aep__state state)
{
    if (totals->counts[state] > 0)
        aep__buf_format(out, "  %lld%s %s", (long long)totals->counts[state],
                        totals->at_least & 1U << state ? "+" : "", aep__state_word(state));
}

static void add_filter(const struct aep__board *board, struct aep__buf *out)
{
    const char *before = "  [";
    if (board->needs_human)
        aep__buf_text(out, "  [waits for a person]");
    for (unsigned state = 0; !board->needs_human && state < AEP__STATE_COUNT; state++) {
        if (board->states & 1U << state) {
            aep__buf_format(out, "%s%s", before, aep__state_word(state));
            before = ", ";
        }
    }
    if (*before == ',')
        aep__buf_byte(out, ']');
    if (board->words.len > 0) {
        aep__buf_text(out, "  /");
        aep__out_plain(out, board->words.data, board->words.len);
    }
}

static void add_freshness(const struct aep__board *board, struct aep__buf *out)
{
    if (board->paused)
        aep__buf_text(out, "PAUSED, ");
    if (board->watch->reading.view.behind)
        aep__buf_format(out, "as of %s ago",
                        aep__look_span(board->view.clock_us, aep__clock_wall_us()).text);
    else
        aep__buf_text(out, board->paused ? "Space goes on" : "live");
}

static void draw_title(struct aep__board *board)
{
    struct aep__buf left = {0}, right = {0};
    const struct aep__screen *screen = &board->screen;
    bool wide = screen->width >= 76;
    aep__buf_format(&left, "%lld wait%s for you", (long long)board->needing,
                    board->needing == 1 ? "s" : "");
    int column = aep__screen_columns(screen, left.data, left.len) + (wide ? 11 : 0);
    unsigned ink = board->needing ? AEP__INK_YELLOW | AEP__INK_BOLD : AEP__INK_DIM;
    if (wide)
        aep__screen_text(&board->screen, 0, 0, 11, AEP__INK_BOLD, "aep watch");
    put(board, 0, wide ? 11 : 0, screen->width, ink, &left);
    static const enum aep__state shown[] = {AEP__STATE_STALLED,   AEP__STATE_RUNNING,
                                            AEP__STATE_WAITING,   AEP__STATE_FAILED,
                                            AEP__STATE_ABANDONED, AEP__STATE_COMPLETED};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        add_count(&left, &board->totals, shown[i]);
    if (wide && board->mode == AEP__BOARD_LIST)
        aep__buf_format(&right, "by %s%s, ", aep__sortings[board->sorting].name,
                        board->reverse ? " reversed" : "");
    add_freshness(board, &right);
    int width = aep__screen_columns(screen, right.data, right.len);
    if (board->mode == AEP__BOARD_LIST && (board->states || board->words.len)) {
        struct aep__buf filter = {0};
        add_filter(board, &filter);
        int room = screen->width - column - width - TITLE_GAP;
        int wanted = aep__screen_columns(screen, filter.data, filter.len);
        put(board, 0, column, room, AEP__INK_BOLD, &filter);
        column += wanted;
        aep__buf_done(&filter);
    }
    put(board, 0, column, screen->width - column - width - TITLE_GAP, AEP__INK_PLAIN, &left);
    put(board, 0, screen->width - width, width,
        board->paused || board->watch->reading.view.behind ? AEP__INK_REVERSE : AEP__INK_DIM,
        &right);
    aep__buf_done(&left);
    aep__buf_done(&right);
}

/* ---- columns -------------------------------------------------------------------------------- */

struct cell {
    const struct aep__board *board;
    const struct aep__line *line;
    const struct aep__tracked *execution;
    const struct aep__tracked *wants; /* of its descendants; NULL: none */
    struct aep__buf *out;
    unsigned ink;
    int width; /* of the column */
};

static void add_plain(struct aep__buf *out, const char *text)
{
    if (text)
        aep__out_plain(out, text, strlen(text));
}

static unsigned ink_of(enum aep__state state)
{
    return (unsigned)(aep__look_colour(state)[1] - '0');
}

static void add_state(struct cell *cell)
{
    bool reason = cell->width > 12;
    cell->ink = ink_of(cell->line->state);
    aep__look_state(cell->out, cell->execution, &cell->board->view, reason);
}

static void add_agent(struct cell *cell)
{
    const struct aep__tracked *execution = cell->execution;
    bool utf8 = cell->board->screen.utf8;
    for (unsigned i = 1; i < cell->line->depth; i++)
        aep__buf_text(cell->out, "  ");
    if (cell->line->depth > 0)
        aep__buf_text(cell->out, !utf8 ? "`-" : cell->line->last ? "└─" : "├─");
    if (execution->children > 0)
        aep__buf_text(cell->out, aep__folds_open(&cell->board->folds, execution->id)
                                     ? (utf8 ? "▾ " : "- ")
                                     : (utf8 ? "▸ " : "+ "));
    else if (cell->line->depth > 0)
        aep__buf_byte(cell->out, ' ');
    add_plain(cell->out, execution->agent_name ? execution->agent_name : "-");
}

static void add_request(struct cell *cell)
{
    add_plain(cell->out, cell->execution->user_request);
}

/* What a child wants that is folded away; why it failed or is stalled; else its step. */
static void add_step(struct cell *cell)
{
    const struct aep__tracked *execution = cell->execution, *wants = cell->wants;
    const struct aep__view *view = &cell->board->view;
    enum aep__state state = cell->line->state;
    struct aep__buf text = {0};
    if (wants) {
        aep__buf_text(&text, wants->agent_name ? wants->agent_name : "a child");
        aep__buf_text(&text, ": ");
        aep__look_state(&text, wants, view, true);
        cell->ink = ink_of(aep__state_of(wants, view->clock_us));
    } else if ((state == AEP__STATE_FAILED || state == AEP__STATE_ABANDONED) &&
               execution->outcome != AEP__ENDING_OPEN) {
        const char *why =
            execution->error_message ? execution->error_message : execution->error_code;
        aep__buf_text(&text, why ? why : "");
    } else if (state == AEP__STATE_STALLED || state == AEP__STATE_ABANDONED) {
        aep__state_basis(execution, state, view->clock_us, &text);
    } else {
        aep__look_step(&text, execution);
    }
    if (!text.failed)
        aep__out_plain(cell->out, text.data, text.len);
    aep__buf_done(&text);
}

static void add_last(struct cell *cell)
{
    aep__buf_text(cell->out,
                  aep__look_span(cell->execution->last_event_at, clock_of(cell->board)).text);
}

/* How long it took; how long it has been going on. */
static void add_time(struct cell *cell)
{
    const struct aep__tracked *execution = cell->execution;
    aep__buf_text(cell->out, isnan(execution->duration_ms)
                                 ? aep__look_span(execution->started_at, clock_of(cell->board)).text
                                 : aep__look_duration(execution->duration_ms).text);
}

static void add_children(struct cell *cell)
{
    if (cell->execution->children > 0)
        aep__buf_text(cell->out, aep__look_children(cell->execution).text);
}

static void add_id(struct cell *cell)
{
    const char *id = cell->execution->id;
    size_t len = strlen(id);
    cell->ink = AEP__INK_DIM;
    aep__out_plain(cell->out, id, len > (size_t)cell->width ? (size_t)cell->width : len);
}

static const struct column {
    const char *heading;
    void (*add)(struct cell *cell);
    int width;  /* without its gap */
    int wide;   /* on a screen of WIDE columns */
    int share;  /* of what is left */
    int screen; /* shown from so many columns on */
    bool right; /* to the right */
} columns[] = {
    {"STATE", add_state, 10, 18, 0, 0, false},
    {"AGENT", add_agent, 12, 20, 1, 0, false},
    {"REQUEST", add_request, 8, 12, 4, 0, false},
    {"STEP, REASON", add_step, 8, 12, 4, STEP_SCREEN, false},
    {"LAST", add_last, 6, 6, 0, 42, true},
    {"TIME", add_time, 6, 6, 0, 58, true},
    {"KIDS", add_children, 5, 7, 0, 84, true},
    {"ID", add_id, 8, 13, 0, 120, false},
};
#define COLUMN_COUNT (sizeof columns / sizeof *columns)
#define GAP 1

struct layout {
    int at[COLUMN_COUNT], widths[COLUMN_COUNT]; /* 0: not shown */
};

static int base_width(const struct column *column, int screen)
{
    if (screen < column->screen)
        return 0;
    return screen >= WIDE ? column->wide : column->width;
}

static struct layout lay_out(int screen)
{
    struct layout layout = {.at = {0}};
    int left = screen - MARK_WIDTH, shares = 0, at = MARK_WIDTH;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        layout.widths[i] = base_width(&columns[i], screen);
        left -= layout.widths[i] ? layout.widths[i] + GAP : 0;
        shares += layout.widths[i] ? columns[i].share : 0;
    }
    left = left + GAP > 0 ? left + GAP : 0;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        int more = layout.widths[i] && shares ? left * columns[i].share / shares : 0;
        if (layout.widths[i]) {
            left -= more;
            shares -= columns[i].share;
        }
        layout.widths[i] += more;
        layout.at[i] = at;
        at += layout.widths[i] ? layout.widths[i] + GAP : 0;
    }
    return layout;
}

static void put_cell(struct aep__board *board, int row, const struct layout *layout, size_t i,
                     unsigned ink, struct aep__buf *text)
{
    int width = layout->widths[i], at = layout->at[i];
    int taken = text->failed ? 0 : aep__screen_columns(&board->screen, text->data, text->len);
    if (columns[i].right && taken < width) {
        at += width - taken;
        width = taken;
    }
    put(board, row, at, width, ink, text);
}

static void draw_headings(struct aep__board *board, const struct layout *layout)
{
    struct aep__buf text = {0};
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (!layout->widths[i])
            continue;
        aep__buf_text(&text, columns[i].heading);
        put_cell(board, 1, layout, i, AEP__INK_DIM, &text);
    }
    aep__buf_done(&text);
}

/* ---- the list ------------------------------------------------------------------------------- */

static void draw_mark(struct aep__board *board, int row, const struct aep__tracked *execution,
                      unsigned ink)
{
    if (aep__needs_human(execution, clock_of(board)))
        aep__screen_text(&board->screen, row, 0, 1, ink | AEP__INK_YELLOW | AEP__INK_BOLD, "!");
}

static void draw_hidden(struct aep__board *board, int row, const struct aep__line *line)
{
    struct aep__buf text = {0};
    aep__buf_format(&text, "%*s%s %lld more are not shown",
                    (int)(MARK_WIDTH + 11 + line->depth * 2), "", board->screen.utf8 ? "└─" : "`-",
                    (long long)line->hidden);
    put(board, row, 0, board->screen.width, AEP__INK_DIM, &text);
    aep__buf_done(&text);
}

static void draw_line(struct aep__board *board, int row, const struct layout *layout,
                      const struct aep__line *line, bool chosen)
{
    struct aep__buf text = {0};
    struct aep__tracked execution, wants;
    unsigned base = chosen ? AEP__INK_REVERSE : AEP__INK_PLAIN;
    if (chosen)
        aep__screen_text(&board->screen, row, 0, board->screen.width, base, "");
    aep__brief_open(line->brief, &execution);
    if (line->wants)
        aep__brief_open(line->wants, &wants);
    draw_mark(board, row, line->wants ? &wants : &execution, base);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        struct cell cell = {.board = board,
                            .line = line,
                            .execution = &execution,
                            .wants = line->wants ? &wants : NULL,
                            .out = &text,
                            .ink = AEP__INK_PLAIN,
                            .width = layout->widths[i]};
        if (!layout->widths[i])
            continue;
        columns[i].add(&cell);
        put_cell(board, row, layout, i, base | cell.ink, &text);
    }
    aep__buf_done(&text);
}

static void draw_empty(struct aep__board *board)
{
    bool all = board->words.len == 0 && !board->states;
    unsigned looked = board->outline.roster.looked;
    struct aep__buf stopped = {0};
    int row = HEAD_ROWS + (aep__board_rows(board) > 3);
    const char *text = all ? "No executions yet. Publish the first event from another terminal:"
                           : "Nothing matches. Esc shows all.";
    aep__screen_text(&board->screen, row, MARK_WIDTH, board->screen.width, AEP__INK_PLAIN, text);
    if (looked > 0) {
        aep__buf_format(&stopped, "Only the first %u executions were searched; G searches more.",
                        looked);
        put(board, row + 1, MARK_WIDTH, board->screen.width, AEP__INK_PLAIN, &stopped);
    }
    aep__buf_done(&stopped);
    if (all)
        aep__screen_text(&board->screen, row + 1, MARK_WIDTH + 2, board->screen.width,
                         AEP__INK_BOLD, "aep run --agent demo -- sleep 5");
}

static void draw_list(struct aep__board *board)
{
    struct layout layout = lay_out(board->screen.width);
    bool cursor = board->cursor.len > 0;
    draw_headings(board, &layout);
    for (int i = 0; i < aep__board_rows(board); i++) {
        long at = board->top + i;
        if (at < 0 || (size_t)at >= board->outline.count)
            continue;
        const struct aep__line *line = &board->outline.lines[at];
        if (line->brief)
            draw_line(board, HEAD_ROWS + i, &layout, line,
                      cursor && (size_t)at == board->cursor_at);
        else
            draw_hidden(board, HEAD_ROWS + i, line);
    }
    if (board->outline.count == 0)
        draw_empty(board);
}

/* ---- a page --------------------------------------------------------------------------------- */

static void draw_page(struct aep__board *board)
{
    struct aep__buf text = {0};
    struct aep__page *page = &board->page;
    aep__page_draw(page, &board->screen, HEAD_ROWS, aep__board_rows(board));
    if (board->mode == AEP__BOARD_HELP)
        aep__buf_text(&text, "keys of aep watch");
    else
        aep__out_plain(&text, board->id.data, board->id.len);
    put(board, 1, 0, board->screen.width - 16, AEP__INK_DIM, &text);
    if (page->count > 0 && !aep__page_at_end(page))
        aep__buf_format(&text, "%zu%%", (page->top + (size_t)page->rows) * 100 / page->count);
    else
        aep__buf_text(&text, board->follow ? "follows" : "end");
    put(board, 1, board->screen.width - 8, 8, AEP__INK_DIM, &text);
    aep__buf_done(&text);
}

/* ---- the foot ------------------------------------------------------------------------------- */

/* The end of what is typed is what is seen of it. */
static int draw_prompt(struct aep__board *board, int row)
{
    const struct aep__buf *typed = &board->prompt.text;
    const char *label = board->mode == AEP__BOARD_LIST ? "filter: " : "search: ";
    int begin = (int)strlen(label), room = board->screen.width - begin - 1;
    size_t at = 0;
    while (at < typed->len &&
           aep__screen_columns(&board->screen, typed->data + at, typed->len - at) > room)
        at++;
    aep__screen_text(&board->screen, row, 0, begin, AEP__INK_BOLD, label);
    struct aep__buf text = {0};
    aep__out_plain(&text, typed->data ? typed->data + at : "", typed->len - at);
    int taken = aep__screen_columns(&board->screen, text.data, text.len);
    put(board, row, begin, room + 1, AEP__INK_PLAIN, &text);
    aep__buf_done(&text);
    return begin + taken;
}

/* What the columns of a narrow screen leave out of the chosen row: "waiting human: approve it". */
static bool add_chosen(struct aep__board *board, struct aep__buf *out)
{
    struct aep__buf step = {0};
    struct aep__tracked execution;
    bool chosen = board->mode == AEP__BOARD_LIST && board->screen.width < STEP_SCREEN &&
                  board->cursor.len > 0 && board->cursor_at < board->outline.count;
    const struct aep__line *line = chosen ? &board->outline.lines[board->cursor_at] : NULL;
    if (!line || !line->brief)
        return false;
    aep__brief_open(line->brief, &execution);
    add_step(&(struct cell){.board = board, .line = line, .execution = &execution, .out = &step});
    if (step.len > 0 || line->state == AEP__STATE_WAITING)
        aep__look_state(out, &execution, &board->view, true);
    if (step.len > 0)
        aep__buf_format(out, ": %s", aep__buf_string(&step));
    out->failed |= step.failed;
    aep__buf_done(&step);
    return out->len > 0;
}

static void draw_hints(struct aep__board *board, int row)
{
    static const char *const hints[][2] = {
        {"j k move  Enter open  / filter  ? help  q quit",
         "j k move   Enter open   / filter   w waits for you   e faults   Space pause   ? help   "
         "q quit"},
        {"j k scroll  Esc back  / search  ? help",
         "j k scroll   Esc back   / search   n N next   f follow   J JSON   y copy id   ? help   "
         "q quit"},
    };
    const char *problem = board->watch->following.problem;
    bool wide = board->screen.width >= 96;
    struct aep__buf text = {0};
    if (board->message.len > 0)
        aep__out_plain(&text, board->message.data, board->message.len);
    else if (*problem)
        add_plain(&text, problem);
    else if (!add_chosen(board, &text))
        aep__buf_text(&text, hints[board->mode != AEP__BOARD_LIST][wide]);
    put(board, row, 0, board->screen.width - 1,
        board->message.len || *problem ? AEP__INK_BOLD : AEP__INK_DIM, &text);
    aep__buf_done(&text);
}

void aep__board_draw(struct aep__board *board)
{
    int row = board->screen.height - 1, column = -1;
    aep__screen_begin(&board->screen);
    draw_title(board);
    if (board->mode == AEP__BOARD_LIST)
        draw_list(board);
    else
        draw_page(board);
    if (board->prompt.open && board->message.len == 0)
        column = draw_prompt(board, row);
    else
        draw_hints(board, row);
    aep__screen_show(&board->screen, column < 0 ? -1 : row, column);
}
