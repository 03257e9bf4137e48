/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/version.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"

#define ANSWER_US 5000000
#define TEXT_MAX 4096

/* In the child. */
static void become(const char *program, int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    char *argv[] = {(char *)program, (char *)"--version", NULL};
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0 &&
        dup2(fd, STDOUT_FILENO) >= 0)
        execvp(program, argv);
    _exit(127);
}

/* Until the end, the limit or the deadline. */
static void read_text(int fd, struct aep__buf *text)
{
    int64_t end_us = aep__clock_mono_us() + ANSWER_US;
    char part[512];
    for (;;) {
        struct pollfd waits = {.fd = fd, .events = POLLIN};
        int64_t left_us = end_us - aep__clock_mono_us();
        int ready = left_us > 0 ? poll(&waits, 1, (int)(left_us / 1000) + 1) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t n = ready > 0 ? read(fd, part, sizeof part) : 0;
        if (n <= 0 || text->len > TEXT_MAX)
            return;
        aep__buf_add(text, part, (size_t)n);
    }
}

/* Digits with dots between them, at least one dot. */
static bool find_version(const char *text, struct aep__buf *out)
{
    for (; *text; text += strspn(text, ".0123456789") + !aep__is_digit(*text)) {
        size_t len = aep__is_digit(*text) ? strspn(text, ".0123456789") : 0;
        if (len == 0 || !memchr(text, '.', len))
            continue;
        aep__buf_add(out, text, len);
        return true;
    }
    return false;
}

bool aep__version_ask(const char *program, struct aep__buf *out)
{
    struct aep__buf text = {0};
    int ends[2], status;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0)
        become(program, ends[1]);
    close(ends[1]);
    if (pid > 0)
        read_text(ends[0], &text);
    close(ends[0]);
    if (pid > 0)
        kill(pid, SIGKILL); /* it has said what it had to say, or is too slow */
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    bool found = find_version(aep__buf_string(&text), out);
    aep__buf_done(&text);
    return found;
}

bool aep__version_older(const char *version, const char *than)
{
    for (;;) {
        char *a, *b;
        unsigned long first = strtoul(version, &a, 10), second = strtoul(than, &b, 10);
        if (first != second)
            return first < second;
        if (*a != '.' || *b != '.')
            return *a != '.' && *b == '.';
        version = a + 1;
        than = b + 1;
    }
}
