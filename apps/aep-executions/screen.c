/* SPDX-License-Identifier: Apache-2.0 */
/* A crash restores the terminal with what was noted while all was well: a handler may only write. */
#include "screen.h"

#include <curses.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "base/error.h"
#include "base/utf8.h"

#define ESCAPE_MS 50 /* after Esc: more of it makes it another key */
#define EMOJI_PRESENTATION 0xFE0F
#define JOINER 0x200D

/* ---- however it ends ------------------------------------------------------------------------ */

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define CRASH_COUNT (sizeof crashes / sizeof *crashes)

static struct {
    char text[512];
    size_t len;
    struct termios mode;
} rescue; /* the process has one terminal */

static void on_crash(int number)
{
    ssize_t ignored = write(STDOUT_FILENO, rescue.text, rescue.len);
    (void)ignored;
    tcsetattr(STDIN_FILENO, TCSANOW, &rescue.mode);
    raise(number); /* with what it does by default: SA_RESETHAND */
}

/* Without the pauses that some terminals wanted: "$<5>". */
static void note_capability(const char *name)
{
    const char *text = tigetstr(name);
    if (!text || text == (char *)-1)
        return;
    while (*text && rescue.len < sizeof rescue.text) {
        const char *end = text[0] == '$' && text[1] == '<' ? strchr(text, '>') : NULL;
        if (!end)
            rescue.text[rescue.len++] = *text;
        text = end ? end + 1 : text + 1;
    }
}

static void catch_crashes(void)
{
    static char stack[16384];
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = on_crash,
                               .sa_flags = SA_RESETHAND | SA_NODEFER | SA_ONSTACK};
    rescue.len = 0;
    note_capability("sgr0");
    note_capability("op");
    note_capability("rmkx");
    note_capability("cnorm");
    note_capability("rmcup");
    sigaltstack(&other, NULL);
    for (size_t i = 0; i < CRASH_COUNT; i++)
        sigaction(crashes[i], &action, NULL);
}

static void leave_crashes(void)
{
    for (size_t i = 0; i < CRASH_COUNT; i++)
        signal(crashes[i], SIG_DFL);
}

/* ---- taking the terminal, giving it back ---------------------------------------------------- */

static void begin_colours(struct aep__screen *screen)
{
    screen->colour = screen->colour && has_colors() && start_color() == OK;
    if (!screen->colour)
        return;
    use_default_colors();
    for (short colour = 1; colour < 8; colour++)
        init_pair(colour, colour, -1);
}

int aep__screen_open(struct aep__screen *screen, bool colour, bool utf8, aep_error *err)
{
    *screen = (struct aep__screen){.colour = colour, .utf8 = utf8};
    tcgetattr(STDIN_FILENO, &rescue.mode);
    SCREEN *terminal = newterm(NULL, stdout, stdin);
    if (!terminal || !tigetstr("cup") || tigetstr("cup") == (char *)-1) {
        if (terminal)
            endwin();
        return aep__error(err, AEP_EINVAL, "TERM",
                          "watch: this terminal's type is not known, or it cannot be drawn on: set "
                          "TERM, or use `aep watch | cat`");
    }
    catch_crashes();
    begin_colours(screen);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(ESCAPE_MS);
    curs_set(0);
    getmaxyx(stdscr, screen->height, screen->width);
    screen->open = true;
    return AEP_OK;
}

void aep__screen_close(struct aep__screen *screen)
{
    if (!screen->open)
        return;
    endwin();
    leave_crashes();
    screen->open = false;
}

void aep__screen_stop(struct aep__screen *screen)
{
    sigset_t stop, before;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    def_prog_mode();
    endwin();
    signal(SIGTSTP, SIG_DFL);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, &before); /* it stops here */
    sigprocmask(SIG_SETMASK, &before, NULL);
    reset_prog_mode();
    aep__screen_resize(screen);
    aep__screen_forget(screen);
}

void aep__screen_resize(struct aep__screen *screen)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
        resizeterm(size.ws_row, size.ws_col);
    getmaxyx(stdscr, screen->height, screen->width);
}

/* ---- drawing -------------------------------------------------------------------------------- */

/* A character as it is put: one that may be shown, and how many columns it takes. False: it is left
 * out. What only changes how others look makes terminals disagree about columns. */
static bool take_character(const struct aep__screen *screen, uint32_t c, bool first, wchar_t *ret,
                           int *ret_width)
{
    if (c == EMOJI_PRESENTATION || c == JOINER)
        return false;
    *ret = (wchar_t)c;
    if (c < 0x20 || c == 0x7F)
        *ret = L' ';
    else if (c >= 0x80 && (!screen->utf8 || !iswprint((wint_t)c)))
        *ret = L'?';
    *ret_width = *ret < 0x80 ? 1 : wcwidth(*ret);
    return *ret_width > 0 || (*ret_width == 0 && !first);
}

/* Takes what fits into `room` columns. Returns how many bytes; *ret_len characters. */
static size_t take_text(const struct aep__screen *screen, const char *text, size_t len, int room,
                        wchar_t *characters, size_t max, size_t *ret_len, int *ret_width)
{
    size_t at = 0, step;
    *ret_len = 0;
    *ret_width = 0;
    for (; at < len && *ret_len < max; at += step) {
        wchar_t character;
        int width;
        uint32_t c = aep__utf8_decode(text + at, len - at, &step);
        if (!take_character(screen, c, *ret_width == 0, &character, &width))
            continue;
        if (*ret_width + width > room)
            break;
        characters[(*ret_len)++] = character;
        *ret_width += width;
    }
    return at;
}

static void use_ink(const struct aep__screen *screen, unsigned ink)
{
    attr_t attributes = A_NORMAL;
    short pair = screen->colour ? (short)(ink & AEP__INK_COLOUR) : 0;
    if (ink & AEP__INK_BOLD)
        attributes |= A_BOLD;
    if (ink & AEP__INK_DIM)
        attributes |= A_DIM;
    if (ink & AEP__INK_REVERSE)
        attributes |= A_REVERSE;
    attr_set(attributes, pair, NULL);
}

#define CHARACTERS_MAX 1024

void aep__screen_put(struct aep__screen *screen, int row, int column, int width, unsigned ink,
                     const char *text, size_t len)
{
    wchar_t characters[CHARACTERS_MAX];
    size_t count;
    int taken;
    width = column + width > screen->width ? screen->width - column : width;
    if (row < 0 || row >= screen->height || width <= 0)
        return;
    if (take_text(screen, text, len, width, characters, CHARACTERS_MAX - 1, &count, &taken) < len) {
        take_text(screen, text, len, width - 1, characters, CHARACTERS_MAX - 1, &count, &taken);
        characters[count++] = screen->utf8 ? L'…' : L'~';
        taken++;
    }
    use_ink(screen, ink);
    mvaddnwstr(row, column, characters, (int)count);
    for (int at = taken; at < width; at++)
        mvaddnwstr(row, column + at, L" ", 1);
}

void aep__screen_text(struct aep__screen *screen, int row, int column, int width, unsigned ink,
                      const char *text)
{
    aep__screen_put(screen, row, column, width, ink, text, strlen(text));
}

int aep__screen_columns(const struct aep__screen *screen, const char *text, size_t len)
{
    int total = 0;
    for (size_t at = 0, step; at < len; at += step) {
        wchar_t character;
        int width;
        uint32_t c = aep__utf8_decode(text + at, len - at, &step);
        if (take_character(screen, c, total == 0, &character, &width))
            total += width;
    }
    return total;
}

void aep__screen_begin(struct aep__screen *screen)
{
    use_ink(screen, AEP__INK_PLAIN);
    erase();
}

void aep__screen_show(struct aep__screen *screen, int row, int column)
{
    bool hidden = row < 0 || row >= screen->height || column >= screen->width;
    curs_set(hidden ? 0 : 1);
    move(hidden ? 0 : row, hidden ? 0 : column);
    refresh();
}

void aep__screen_forget(struct aep__screen *screen)
{
    (void)screen;
    clearok(stdscr, TRUE);
}

/* ---- beside the grid ------------------------------------------------------------------------ */

void aep__screen_bell(struct aep__screen *screen)
{
    (void)screen;
    beep();
}

void aep__screen_copy(struct aep__screen *screen, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = strlen(text);
    (void)screen;
    fputs("\033]52;c;", stdout);
    for (size_t at = 0; at < len; at += 3) {
        size_t have = len - at < 3 ? len - at : 3;
        unsigned bits = 0;
        for (size_t i = 0; i < 3; i++)
            bits = bits << 8 | (i < have ? (unsigned char)text[at + i] : 0U);
        for (size_t i = 0; i < 4; i++)
            fputc(i <= have ? digits[bits >> (18 - 6 * i) & 63] : '=', stdout);
    }
    fputs("\a", stdout);
    fflush(stdout);
}

static const struct {
    int theirs, ours;
} keys[] = {
    {KEY_UP, AEP__KEY_UP},       {KEY_DOWN, AEP__KEY_DOWN},     {KEY_LEFT, AEP__KEY_LEFT},
    {KEY_RIGHT, AEP__KEY_RIGHT}, {KEY_PPAGE, AEP__KEY_PAGE_UP}, {KEY_NPAGE, AEP__KEY_PAGE_DOWN},
    {KEY_HOME, AEP__KEY_HOME},   {KEY_END, AEP__KEY_END},       {KEY_BACKSPACE, AEP__KEY_BACKSPACE},
    {KEY_ENTER, '\n'},
};

int aep__screen_key(struct aep__screen *screen)
{
    wint_t character;
    (void)screen;
    int got = get_wch(&character);
    if (got == ERR)
        return AEP__KEY_NONE;
    if (got == OK)
        return character == 0x7F || character == '\b' ? AEP__KEY_BACKSPACE
               : character == '\r'                    ? '\n'
                                                      : (int)character;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].theirs == (int)character)
            return keys[i].ours;
    return AEP__KEY_OTHER;
}
