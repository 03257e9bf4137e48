/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "out.h"
#include "runnable.h"
#include "verb.h"

#include "base/error.h"
#include "client/spawn.h"

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

/* The folder of the running program with its slash; returns its length, 0: not known. */
static size_t own_folder(char *path, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", path, size - 1);
    while (len > 0 && path[len - 1] != '/')
        len--;
    path[len > 0 ? len : 0] = '\0';
    return len > 0 ? (size_t)len : 0;
}

bool aep__program_find(const char *name, char *path, size_t size)
{
    static const char *const places[] = {"../libexec/aep/", "", NULL};
    char own[PATH_MAX];
    size_t folder_len = own_folder(own, sizeof own);
    for (const char *const *place = places; folder_len > 0 && *place; place++) {
        int len = snprintf(path, size, "%s%s%s", own, *place, name);
        if (len > 0 && (size_t)len < size && is_program(path))
            return true;
    }
#ifdef AEP_LIBEXECDIR
    snprintf(path, size, "%s/%s", AEP_LIBEXECDIR, name);
    return is_program(path);
#else
    return false;
#endif
}

/* Where a library is missing they say nothing but what the dynamic loader says. These are asked first: what they do
 * takes much longer. */
static const struct {
    const char *name, *first; /* the first argument; NULL: any */
    const char *asked;        /* which has the same libraries */
} demanding[] = {
    {AEP__RELAY_PROGRAM, NULL, AEP__RELAY_PROGRAM},
    {"aep-doctor", NULL, AEP__RELAY_PROGRAM},
    {"aep-topics", NULL, AEP__RELAY_PROGRAM},
    {"aep-tracker", "serve", "aep-tracker"},
};

static bool lacks_library(const char *name, const char *first, aep_error *err)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof demanding / sizeof *demanding; i++)
        if (strcmp(demanding[i].name, name) == 0 &&
            (!demanding[i].first || strcmp(demanding[i].first, first) == 0))
            return aep__program_find(demanding[i].asked, path, sizeof path) &&
                   aep__runnable_lacks_library(path, err);
    return false;
}

int aep__program_exec(const char *name, char *const *arguments)
{
    char path[PATH_MAX];
    aep_error err;
    if (!aep__program_find(name, path, sizeof path)) {
        aep__out_say("%s is not installed; it comes with the full package", name);
        return AEP__EXIT_FAILED;
    }
    if (lacks_library(name, arguments[0] ? arguments[0] : "", &err)) {
        aep__out_say("%s", err.text);
        return AEP__EXIT_FAILED;
    }
    size_t count = 0;
    while (arguments[count])
        count++;
    char **argv = calloc(count + 2, sizeof *argv);
    if (argv) {
        argv[0] = path;
        memcpy(argv + 1, arguments, count * sizeof *argv);
        execv(path, argv);
    }
    aep__out_say("%s: %s", path, aep__errno_text(errno));
    free(argv);
    return AEP__EXIT_FAILED;
}

int aep__program_run(const char *name, char *const *arguments)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(aep__program_exec(name, arguments));
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid < 0 || !WIFEXITED(status)) {
        aep__out_say("%s was ended by a signal", name);
        return AEP__EXIT_FAILED;
    }
    return WEXITSTATUS(status);
}

/* In the child: becomes it, with nothing to read and its output in the pipe. */
static void become_read(const char *name, char *const *arguments, int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0 &&
        dup2(fd, STDOUT_FILENO) >= 0)
        aep__program_exec(name, arguments);
    _exit(AEP__EXIT_FAILED);
}

bool aep__program_read(const char *name, char *const *arguments, struct aep__buf *out)
{
    char path[PATH_MAX], part[4096];
    int ends[2], status = -1;
    ssize_t n;
    if (!aep__program_find(name, path, sizeof path) || pipe2(ends, O_CLOEXEC) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0)
        become_read(name, arguments, ends[1]);
    close(ends[1]);
    while (pid > 0 && ((n = read(ends[0], part, sizeof part)) > 0 || (n < 0 && errno == EINTR)))
        aep__buf_add(out, part, n > 0 ? (size_t)n : 0);
    close(ends[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == AEP__EXIT_DONE;
}
