/* SPDX-License-Identifier: Apache-2.0 */
/* aep watch: executions as they change.
 *
 *     tracker ─▶ store ─▶ something has changed ─┬─▶ the screen, where there is a terminal; else a line
 *                                                └─▶ --exec, --bell, --until, --exit-status */
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "aep/out.h"
#include "board.h"
#include "executions.h"
#include "look.h"
#include "meant.h"

#include "base/clock.h"
#include "base/error.h"

#define TRY_MS 50  /* between two looks for an execution that is not known yet */
#define ID_FRONT 8 /* digits that make a word the front of an id */
#define BIT(state) (1U << AEP__STATE_##state)
#define OVER (BIT(COMPLETED) | BIT(FAILED) | BIT(ABANDONED))

void aep__watch_end(struct aep__watch *watch, int status)
{
    watch->status = watch->ended ? watch->status : status;
    watch->ended = true;
}

/* ---- what is wanted ------------------------------------------------------------------------- */

static int read_until(struct aep__watch *watch, aep_error *err)
{
    const char *state = aep__args_text(watch->args, "until");
    struct aep__filter filter;
    struct aep__buf word = {0};
    aep_error why;
    if (!state)
        return AEP_OK;
    aep__filter_init(&filter);
    aep__buf_format(&word, "state:%s", state);
    int code = aep__filter_add(&filter, aep__buf_string(&word), 0, &why);
    watch->until = filter.states;
    aep__filter_done(&filter);
    aep__buf_done(&word);
    return code == AEP_OK ? code : aep__error(err, code, "until", "watch: --until: %s", why.text);
}

static int read_filter(struct aep__watch *watch, aep_error *err)
{
    int code = AEP_OK;
    aep_error why;
    for (char **word = watch->args->operands; code == AEP_OK && *word; word++) {
        aep__buf_format(&watch->words, "%s%s", watch->words.len ? " " : "", *word);
        if (aep__filter_add(&watch->filter, *word, aep__clock_wall_us(), &why) != AEP_OK)
            code = aep__error(err, why.code, why.field, "watch: %s", why.text);
    }
    return code;
}

/* The front of an id, "-", or whatever it is where only an execution makes sense. */
static bool is_id(const struct aep__watch *watch)
{
    const char *word = watch->args->operands[0];
    if (watch->args->operand_count != 1)
        return false;
    return watch->exit_status || watch->until || strcmp(word, "-") == 0 ||
           (strlen(word) >= ID_FRONT && strspn(word, "0123456789abcdefABCDEF-") == strlen(word));
}

static int read_wishes(struct aep__watch *watch, aep_error *err)
{
    const char *command = aep__args_text(watch->args, "exec");
    watch->exit_status = aep__args_given(watch->args, "exit-status");
    watch->bell = aep__args_given(watch->args, "bell");
    int code = read_until(watch, err);
    if (code == AEP_OK && (watch->exit_status || watch->until) && !is_id(watch))
        code = aep__error(err, AEP_EINVAL, "id",
                          "watch: --exit-status and --until need one execution: give its id");
    if (code == AEP_OK && command)
        code = aep__command_init(&watch->command, command, err);
    return code == AEP_OK && !is_id(watch) ? read_filter(watch, err) : code;
}

/* It may not have been published yet. 1, 0 reported, -1. */
static int find_target(struct aep__watch *watch, aep_error *err)
{
    const char *typed = watch->args->operands[0];
    int64_t end_us = aep__clock_mono_us() + watch->reading.wait_ms * INT64_C(1000);
    bool changed;
    int found = 0;
    for (;;) {
        bool last = aep__clock_mono_us() >= end_us;
        found = aep__meant_find(&watch->reading, last ? watch->args->name : NULL, typed,
                                &watch->last, err);
        if (found != 0 || last)
            break;
        poll(NULL, 0, TRY_MS);
        if (aep__following_turn(&watch->following, &changed, err) != AEP_OK)
            return -1;
    }
    if (found > 0)
        aep__buf_text(&watch->id, watch->last.id);
    return found;
}

/* ---- changes -------------------------------------------------------------------------------- */

static void add_cell(struct aep__buf *out, const char *text)
{
    size_t begin = out->len;
    if (text)
        aep__out_plain(out, text, strlen(text));
    if (out->len == begin)
        aep__buf_byte(out, '-');
    aep__buf_byte(out, '\t');
}

static void write_line(struct aep__watch *watch, const struct aep__tracked *execution)
{
    const struct aep__reading *reading = &watch->reading;
    struct aep__buf text = {0};
    char time[AEP__TIME_SIZE] = "-";
    if (reading->json) {
        aep__row_add(&watch->out, &reading->fields, execution, &reading->view);
        aep__buf_byte(&watch->out, '\n');
        return;
    }
    if (execution->last_event_at != AEP__UNKNOWN_US)
        aep__clock_format(execution->last_event_at, time);
    add_cell(&watch->out, time);
    aep__look_state(&text, execution, &reading->view, true);
    add_cell(&watch->out, aep__buf_string(&text));
    add_cell(&watch->out, execution->agent_name);
    add_cell(&watch->out, execution->user_request);
    aep__buf_clear(&text);
    aep__look_step(&text, execution);
    add_cell(&watch->out,
             execution->error_message ? execution->error_message : aep__buf_string(&text));
    add_cell(&watch->out, execution->id);
    watch->out.data[watch->out.len - 1] = '\n';
    watch->out.failed |= text.failed;
    aep__buf_done(&text);
}

/* What was over before is no news, unless it is the one that is watched. */
static bool is_news(const struct aep__watch *watch, const struct aep__change *change)
{
    return watch->changes.begun || watch->id.len > 0 || !(1U << change->state & OVER);
}

static void take_change(void *user, const struct aep__change *change)
{
    struct aep__watch *watch = user;
    const struct aep__view *view = &watch->reading.view;
    struct aep__rank rank = aep__sort_rank(AEP__SORT_ATTENTION, change->execution, view->clock_us);
    if (watch->id.len > 0) {
        aep__tracked_done(&watch->last);
        aep__tracked_init(&watch->last);
        aep__tracked_copy(&watch->last, change->execution);
    }
    if (!watch->board && is_news(watch, change))
        write_line(watch, change->execution);
    if (!change->of_state || !watch->changes.begun)
        return;
    aep__command_call(&watch->command, change->execution, view);
    if (watch->bell && watch->board && rank.segment <= AEP__ATTENTION_FAILED)
        aep__screen_bell(&watch->board->screen);
}

static int status_of(enum aep__state state)
{
    return state == AEP__STATE_COMPLETED ? AEP__EXIT_DONE
           : state == AEP__STATE_FAILED  ? AEP__EXIT_FAILED
                                         : AEP__EXIT_ABANDONED;
}

/* Whether the one that is watched has come as far as is wanted, or as it ever will. */
static void judge(struct aep__watch *watch)
{
    const struct aep__view *view = &watch->reading.view;
    enum aep__state state = aep__state_of(&watch->last, view->clock_us);
    unsigned bit = 1U << state;
    if (watch->id.len == 0 || aep__view_uncertain(view, state))
        return;
    if (watch->exit_status && (bit & OVER))
        aep__watch_end(watch, status_of(state));
    else if (watch->until & bit)
        aep__watch_end(watch, AEP__EXIT_DONE);
    else if (watch->until && (bit & OVER))
        aep__watch_end(watch, AEP__EXIT_FAILED);
    else if (!watch->board && !watch->exit_status && (bit & OVER))
        aep__watch_end(watch, AEP__EXIT_DONE);
}

/* Without a screen, a command or a bell nothing needs them. */
static int look(struct aep__watch *watch, aep_error *err)
{
    bool needed = !watch->board || watch->command.words || watch->bell || watch->id.len > 0;
    int code = AEP_OK;
    watch->changed_us = aep__clock_mono_us();
    if (needed)
        code = aep__changes_look(&watch->changes, watch->reading.store, &watch->filter,
                                 watch->id.len ? aep__buf_string(&watch->id) : NULL,
                                 &watch->reading.view, take_change, watch, err);
    if (watch->out.len > 0 && aep__out_write(&watch->out) != AEP__EXIT_DONE)
        aep__watch_end(watch, AEP__EXIT_FAILED);
    if (code == AEP_OK)
        judge(watch);
    return code;
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void take_signals(struct aep__watch *watch)
{
    int number;
    while ((number = aep__signals_take(&watch->signals)) != 0) {
        if (number == SIGWINCH && watch->board)
            aep__board_resize(watch->board);
        else if (number == SIGTSTP && watch->board)
            aep__board_stop(watch->board);
        else if (number == SIGTSTP)
            raise(SIGSTOP);
        else if (number != SIGWINCH && number != SIGCHLD) {
            watch->signal = number;
            aep__watch_end(watch, AEP__EXIT_FAILED);
        }
    }
}

enum { AT_SIGNALS, AT_TRACKER, AT_KEYS, AT_READER, AT_COUNT };

static void wait_for_something(struct aep__watch *watch)
{
    int64_t until_us = aep__following_next_us(&watch->following);
    if (watch->board && aep__board_next_us(watch->board) < until_us)
        until_us = aep__board_next_us(watch->board);
    int64_t wait_us = until_us - aep__clock_mono_us();
    struct pollfd polls[AT_COUNT] = {
        [AT_SIGNALS] = {.fd = watch->signals.fd, .events = POLLIN},
        [AT_TRACKER] = {.fd = watch->following.fd, .events = POLLIN},
        [AT_KEYS] = {.fd = watch->board ? STDIN_FILENO : -1, .events = POLLIN},
        [AT_READER] = {.fd = watch->board ? -1 : STDOUT_FILENO}, /* that a reader goes away */
    };
    if (poll(polls, AT_COUNT, wait_us <= 0 ? 0 : (int)(wait_us / 1000) + 1) <= 0)
        return;
    if (polls[AT_SIGNALS].revents)
        take_signals(watch);
    if (polls[AT_READER].revents & (POLLERR | POLLHUP | POLLNVAL))
        aep__watch_end(watch, AEP__EXIT_FAILED);
    if (polls[AT_KEYS].revents &
        ~POLLIN) /* the terminal is gone, and gives no key, at once, for ever */
        aep__watch_end(watch, AEP__EXIT_FAILED);
    else if (polls[AT_KEYS].revents)
        aep__board_keys(watch->board);
}

/* States change by the clock too, which moves each time that the tracker answers. */
static int turn(struct aep__watch *watch, aep_error *err)
{
    int64_t clock_us = watch->reading.view.clock_us;
    bool changed;
    int code = aep__following_turn(&watch->following, &changed, err);
    watch->changes.lost |= watch->following.reopened;
    if (code == AEP_OK && (changed || watch->reading.view.clock_us != clock_us))
        code = look(watch, err);
    if (changed && watch->board)
        aep__board_changed(watch->board, watch->following.reopened);
    aep__command_turn(&watch->command);
    if (code == AEP_OK && watch->board && !watch->ended)
        code = aep__board_turn(watch->board, err);
    return code;
}

static int loop(struct aep__watch *watch, aep_error *err)
{
    int code = look(watch, err);
    while (code == AEP_OK && !watch->ended) {
        code = turn(watch, err);
        if (code == AEP_OK && !watch->ended)
            wait_for_something(watch);
    }
    return code;
}

/* Commands for what has been seen run to their end, unless a signal ends us. */
static void finish_commands(struct aep__watch *watch)
{
    aep__command_turn(&watch->command);
    while (!watch->signal && !aep__command_idle(&watch->command)) {
        poll(&(struct pollfd){.fd = watch->signals.fd, .events = POLLIN}, 1, 1000);
        take_signals(watch);
        aep__command_turn(&watch->command);
    }
}

/* ---- beginning and end ---------------------------------------------------------------------- */

static int run_on_screen(struct aep__watch *watch, aep_error *err)
{
    static struct aep__board board;
    watch->board = &board;
    watch->command.quiet = true;
    int code = aep__board_open(&board, watch, err);
    if (code == AEP_OK)
        code = loop(watch, err);
    aep__board_close(&board);
    watch->board = NULL;
    return code;
}

/* What remains on the terminal of the one that was watched. */
static void say_last(struct aep__watch *watch)
{
    if (watch->id.len == 0 || watch->signal)
        return;
    write_line(watch, &watch->last);
    aep__out_write(&watch->out);
}

static void say_commands(const struct aep__watch *watch)
{
    const struct aep__command *command = &watch->command;
    if (command->error)
        aep__out_say("watch: --exec: %s: %s", command->words[0], aep__errno_text(command->error));
    if (command->dropped > 0)
        aep__out_say("watch: --exec: %s not run: the command is too slow",
                     aep__amount_of(command->dropped, "call").text);
}

static int run_signalled(struct aep__watch *watch, bool screen, aep_error *err)
{
    if (!aep__signals_open(&watch->signals))
        return aep__error_errno(err, AEP_EIO, NULL, "watch: cannot watch for signals");
    int code = screen ? run_on_screen(watch, err) : loop(watch, err);
    if (code == AEP_OK && screen)
        say_last(watch);
    finish_commands(watch);
    say_commands(watch);
    if (watch->command.error && watch->status == AEP__EXIT_DONE)
        watch->status = AEP__EXIT_FAILED;
    aep__signals_close(&watch->signals);
    return code;
}

static int run(struct aep__watch *watch, aep_error *err)
{
    bool screen = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
    int code = read_wishes(watch, err);
    if (code == AEP_OK)
        code = aep__reading_open(&watch->reading, watch->args, err);
    if (code == AEP_OK)
        code = aep__following_open(&watch->following, &watch->reading, err);
    if (code != AEP_OK)
        return aep__out_error(err);
    int found = is_id(watch) ? find_target(watch, err) : 1;
    if (found == 0)
        return AEP__EXIT_FAILED;
    code = found < 0 ? err->code : run_signalled(watch, screen && !watch->reading.json, err);
    return code == AEP_OK ? watch->status : aep__out_error(err);
}

int aep__executions_watch(struct aep__args *args)
{
    struct aep__watch watch = {.args = args, .following = {.fd = -1}, .signals = {.fd = -1}};
    aep_error err;
    aep__filter_init(&watch.filter);
    aep__tracked_init(&watch.last);
    int status = run(&watch, &err);
    aep__command_done(&watch.command);
    aep__changes_done(&watch.changes);
    aep__filter_done(&watch.filter);
    aep__tracked_done(&watch.last);
    aep__following_close(&watch.following);
    aep__reading_close(&watch.reading);
    aep__buf_done(&watch.words);
    aep__buf_done(&watch.id);
    aep__buf_done(&watch.out);
    if (watch.signal) {
        signal(watch.signal, SIG_DFL);
        raise(watch.signal);
    }
    return status;
}
