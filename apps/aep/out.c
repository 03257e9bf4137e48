/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void aep__out_guard(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        /* The lowest free number is given, so this one; opened for the direction that is not used,
         * so that using it is still an error. */
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC) != fd)
            _exit(AEP__EXIT_FAILED);
    }
}

/* Writes all of it, also to a descriptor that somebody made non-blocking. */
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

int aep__out_write(struct aep__buf *buf)
{
    signal(SIGPIPE, SIG_IGN);
    bool done = !buf->failed && write_all(STDOUT_FILENO, buf->data, buf->len);
    int error = buf->failed ? ENOMEM : errno;
    aep__buf_clear(buf);
    if (done)
        return AEP__EXIT_DONE;
    if (error != EPIPE)
        aep__out_say("stdout: %s", strerrordesc_np(error));
    return AEP__EXIT_FAILED;
}

int aep__out_finish(struct aep__buf *buf)
{
    int status = aep__out_write(buf);
    aep__buf_done(buf);
    return status;
}

void aep__out_say(const char *format, ...)
{
    char text[1024] = "aep: ";
    size_t begin = strlen(text);
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text + begin, sizeof text - begin - 1, format, args);
    va_end(args);
    size_t room = sizeof text - begin - 2;
    size_t end = begin + (len < 0 ? 0 : (size_t)len < room ? (size_t)len : room);
    text[end++] = '\n';
    write_all(STDERR_FILENO, text, end);
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

void aep__out_plain(struct aep__buf *buf, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool c1 = c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0;
        if (c1)
            i++;
        aep__buf_byte(buf, c < 0x20 || c == 0x7f || c1 ? ' ' : text[i]);
    }
}
