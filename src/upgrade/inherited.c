/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade/inherited.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST 3
#define MOST (AEP__INHERITED_END - FIRST)
#define NAMES_SIZE 256

static long number_of(const char *variable)
{
    const char *text = getenv(variable);
    return text ? strtol(text, NULL, 10) : 0;
}

static void take(struct aep__inherited *list, size_t count, const char *name, size_t len, int fd)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i].name) == len && memcmp(list[i].name, name, len) == 0 &&
            fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
            list[i].fd = fd;
}

void aep__inherited_take(struct aep__inherited *list, size_t count)
{
    const char *names = getenv("LISTEN_FDNAMES");
    long fds = number_of("LISTEN_PID") == (long)getpid() ? number_of("LISTEN_FDS") : 0;
    for (size_t i = 0; i < count; i++)
        list[i].fd = -1;
    for (int fd = FIRST; names && *names && fd - FIRST < fds; fd++) {
        size_t len = strcspn(names, ":");
        take(list, count, names, len, fd);
        names += len + (names[len] == ':');
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

static int announce(const char *names, int count)
{
    char pid[24], fds[24];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    snprintf(fds, sizeof fds, "%d", count);
    return setenv("LISTEN_PID", pid, 1) == 0 && setenv("LISTEN_FDS", fds, 1) == 0 &&
                   setenv("LISTEN_FDNAMES", names, 1) == 0
               ? 0
               : -1;
}

/* First all are moved out of the way: one may stand where another is to be. */
int aep__inherited_leave(const struct aep__inherited *list, size_t count)
{
    char names[NAMES_SIZE] = "";
    int moved[MOST], fds = 0;
    size_t len = 0;
    for (size_t i = 0; i < count && fds < MOST; i++) {
        if (list[i].fd < 0)
            continue;
        moved[fds] = fcntl(list[i].fd, F_DUPFD_CLOEXEC, AEP__INHERITED_END);
        if (moved[fds++] < 0)
            return -1;
        len +=
            (size_t)snprintf(names + len, sizeof names - len, "%s%s", len ? ":" : "", list[i].name);
    }
    for (int i = 0; i < fds; i++)
        if (dup2(moved[i], FIRST + i) < 0)
            return -1;
    return announce(names, fds);
}
