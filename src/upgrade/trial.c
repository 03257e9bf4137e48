/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade/trial.h"

#include "base/clock.h"
#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_US 5000000
#define ENVIRONMENT_MAX 512
#define DEATH_MS 500 /* of a killed child; one that waits for a dead disk never ends */

/* Every function that the program needs is looked for at once, and not when it is called. */
static char all_now[] = "LD_BIND_NOW=1";

static void choose_environment(char *chosen[ENVIRONMENT_MAX + 2])
{
    size_t count = 0;
    chosen[count++] = all_now;
    for (char **at = environ; at && *at && count <= ENVIRONMENT_MAX; at++)
        chosen[count++] = *at;
    chosen[count] = NULL;
}

/* Ours are closed by an exec, but not those that we were started with. */
static void close_others(posix_spawn_file_actions_t *actions)
{
    DIR *fds = opendir("/proc/self/fd");
    for (const struct dirent *entry; fds && (entry = readdir(fds));)
        if (atoi(entry->d_name) > STDERR_FILENO)
            posix_spawn_file_actions_addclose(actions, atoi(entry->d_name));
    if (fds)
        closedir(fds);
}

/* Our signals are blocked, and SIGPIPE is ignored: not so in the child. */
static int spawn(struct aep__trial *trial, const char *path, int output_fd)
{
    static char option[] = "--version";
    const char *slash = strrchr(path, '/');
    char *const argv[] = {(char *)(slash ? slash + 1 : path), option, NULL};
    char *environment[ENVIRONMENT_MAX + 2];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    choose_environment(environment);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output_fd, STDERR_FILENO);
    close_others(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    signal(SIGCHLD, SIG_DFL); /* where it is ignored nobody learns how a child has ended */
    int error = posix_spawn(&trial->pid, path, &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

void aep__trial_begin(struct aep__trial *trial, const char *path)
{
    int ends[2] = {-1, -1};
    *trial = (struct aep__trial){.fd = -1, .end_us = aep__clock_mono_us() + LIMIT_US};
    /* It waits until we have read what it writes, and we never wait for it. */
    bool made = pipe2(ends, O_CLOEXEC) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
    int error = made ? spawn(trial, path, ends[1]) : errno;
    if (error) {
        trial->pid = 0;
        snprintf(trial->line, sizeof trial->line, "%s", aep__errno_text(error));
    }
    if (ends[1] >= 0)
        close(ends[1]);
    trial->fd = ends[0];
}

static void read_line(struct aep__trial *trial)
{
    ssize_t n;
    char rest[512];
    while (trial->len + 1 < sizeof trial->line &&
           (n = read(trial->fd, trial->line + trial->len, sizeof trial->line - 1 - trial->len)) > 0)
        trial->len += (size_t)n;
    while (trial->len + 1 >= sizeof trial->line && read(trial->fd, rest, sizeof rest) > 0)
        ; /* so that it can write all it wants to */
}

/* It has ended, is given up, or could not be started. */
static void finish(struct aep__trial *trial)
{
    if (trial->pid > 0)
        read_line(trial);
    trial->line[strcspn(trial->line, "\n")] = '\0';
    if (trial->fd >= 0)
        close(trial->fd);
    trial->fd = -1;
    trial->pid = 0;
}

static void explain(struct aep__trial *trial, int status)
{
    if (trial->line[0])
        return;
    if (WIFSIGNALED(status))
        snprintf(trial->line, sizeof trial->line, "ended by signal %d", WTERMSIG(status));
    else
        snprintf(trial->line, sizeof trial->line, "exit status %d", WEXITSTATUS(status));
}

void aep__trial_done(struct aep__trial *trial)
{
    if (trial->pid > 0) {
        kill(-trial->pid, SIGKILL); /* and what it has started */
        for (int ms = 0; ms < DEATH_MS && waitpid(trial->pid, NULL, WNOHANG) == 0; ms++)
            poll(NULL, 0, 1);
    }
    finish(trial);
}

enum aep__trial_result aep__trial_look(struct aep__trial *trial)
{
    int status = 0;
    pid_t ended = trial->pid > 0 ? waitpid(trial->pid, &status, WNOHANG) : -1;
    if (ended == 0 && aep__clock_mono_us() < trial->end_us) {
        read_line(trial);
        return AEP__TRIAL_WAITS;
    }
    if (ended == 0) {
        aep__trial_done(trial);
        snprintf(trial->line, sizeof trial->line, "does not end");
        return AEP__TRIAL_FAILS;
    }
    finish(trial);
    if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && trial->line[0])
        return AEP__TRIAL_RUNS;
    if (ended > 0)
        explain(trial, status);
    return AEP__TRIAL_FAILS;
}

/* Its end closes the pipe: no need to look every now and then. */
bool aep__trial_run(struct aep__trial *trial, const char *path)
{
    enum aep__trial_result result;
    aep__trial_begin(trial, path);
    while ((result = aep__trial_look(trial)) == AEP__TRIAL_WAITS)
        poll(&(struct pollfd){.fd = trial->fd, .events = POLLIN}, 1, 10);
    return result == AEP__TRIAL_RUNS;
}
