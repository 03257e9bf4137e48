/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/utf8.h"

void aep__out_guard(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        /* open(2) gives the lowest free number, which is this one. It is opened for the direction
         * that is not used, so that using it is still an error. */
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC) != fd)
            _exit(AEP__EXIT_FAILED);
    }
}

/* Writes all of it, even to a descriptor that somebody made non-blocking. */
static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return true;
}

/* ---- plain text ----------------------------------------------------------------------------- */

void aep__out_plain(struct aep__buf *buf, const char *text, size_t len)
{
    size_t begin = buf->len;
    aep__buf_add(buf, text, len);
    if (buf->len > begin)
        buf->len = begin + aep__utf8_plain(buf->data + begin, buf->len - begin);
}

/* For a terminal: what JSON need not escape and a terminal may take for a command. */
static void escape_controls(struct aep__buf *buf)
{
    struct aep__buf escaped = {0};
    size_t done = 0, step;
    for (size_t at = 0; at < buf->len; at += step) {
        uint32_t c = aep__utf8_decode(buf->data + at, buf->len - at, &step);
        if (c < 0x7F || c > 0x9F)
            continue;
        aep__buf_add(&escaped, buf->data + done, at - done);
        aep__buf_format(&escaped, "\\u%04x", (unsigned)c);
        done = at + step;
    }
    if (done == 0)
        return;
    aep__buf_add(&escaped, buf->data + done, buf->len - done);
    aep__buf_done(buf);
    *buf = escaped;
}

/* ---- writing -------------------------------------------------------------------------------- */

int aep__out_write(struct aep__buf *buf)
{
    signal(SIGPIPE, SIG_IGN);
    if (!buf->failed && isatty(STDOUT_FILENO))
        escape_controls(buf);
    bool done = !buf->failed && write_all(STDOUT_FILENO, buf->data, buf->len);
    int error = buf->failed ? ENOMEM : errno;
    aep__buf_clear(buf);
    if (done)
        return AEP__EXIT_DONE;
    if (error != EPIPE)
        aep__out_say("stdout: %s", aep__errno_text(error));
    return AEP__EXIT_FAILED;
}

int aep__out_finish(struct aep__buf *buf)
{
    int status = aep__out_write(buf);
    aep__buf_done(buf);
    return status;
}

static void say(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static void say(const char *format, va_list args)
{
    char text[1024] = "aep: ";
    size_t begin = strlen(text), room = sizeof text - begin - 2;
    int len = vsnprintf(text + begin, room + 1, format, args);
    size_t end = len < 0 ? 0 : (size_t)len < room ? (size_t)len : room;
    end = begin + aep__utf8_plain(text + begin, end);
    text[end++] = '\n';
    write_all(STDERR_FILENO, text, end);
}

void aep__out_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
}

bool aep__out_hints(void)
{
    return isatty(STDERR_FILENO);
}

void aep__out_hint(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (aep__out_hints())
        say(format, args);
    va_end(args);
}

static const struct {
    int code, exit;
} exits[] = {
    {AEP_OK, AEP__EXIT_DONE},
    {AEP_EINVAL, AEP__EXIT_USAGE},
    {AEP_ETOOBIG, AEP__EXIT_USAGE},
    {AEP_EFULL, AEP__EXIT_FULL},
    {AEP_EDEFERRED, AEP__EXIT_DEFERRED},
    {AEP_EPARKED, AEP__EXIT_DEFERRED},
};

int aep__out_exit(int code)
{
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++) {
        if (exits[i].code == code)
            return exits[i].exit;
    }
    return AEP__EXIT_FAILED;
}

int aep__out_error(const aep_error *err)
{
    aep__out_say("%s", err->text);
    return aep__out_exit(err->code);
}

bool aep__out_colour(int fd)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0) && isatty(fd);
}

int aep__out_width(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0)
        return 0;
    return size.ws_col ? size.ws_col : 80;
}

bool aep__out_utf8(void)
{
    setlocale(LC_CTYPE, "");
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
