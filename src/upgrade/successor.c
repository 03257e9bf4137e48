/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade/successor.h"

#include "base/buf.h"
#include "base/os.h"
#include "config/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SELF "/proc/self/exe"
#define DELETED " (deleted)" /* the kernel's, behind the path of a file that has lost its name */
#define LOOK_US 2000000
#define TRIAL_US 50000 /* between two looks at a trial */
#define PAUSE_US 10000000
#define PAUSE_MAX_US 600000000

/* ---- files ---- */

static bool is_same(const struct aep__image *one, const struct aep__image *other)
{
    return one->dev == other->dev && one->ino == other->ino && one->size == other->size &&
           one->changed_s == other->changed_s && one->changed_ns == other->changed_ns;
}

static bool is_there(const struct aep__image *image)
{
    return image->ino != 0;
}

static struct aep__image look_at(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return (struct aep__image){0};
    return (struct aep__image){
        .dev = st.st_dev,
        .ino = st.st_ino,
        .size = st.st_size,
        .changed_s = st.st_mtim.tv_sec,
        .changed_ns = st.st_mtim.tv_nsec,
    };
}

/* The name by which it was executed, if it still leads to it: a symbolic link may lead to another version
 * tomorrow. Else where the kernel says it is. */
static void find_path(const struct aep__image *ours, char *path, size_t size)
{
    const char *executed = (const char *)getauxval(AT_EXECFN);
    struct aep__image named = executed && executed[0] == '/' ? look_at(executed) : *ours;
    if (executed && executed[0] == '/' && strncmp(executed, "/proc/", 6) != 0 &&
        strncmp(executed, "/dev/", 5) != 0 && is_same(&named, ours)) {
        snprintf(path, size, "%s", executed);
        return;
    }
    ssize_t len = readlink(SELF, path, size - 1);
    path[len > 0 ? len : 0] = '\0';
    size_t end = strlen(path), tail = strlen(DELETED);
    if (end > tail && strcmp(path + end - tail, DELETED) == 0 && access(path, F_OK) < 0)
        path[end - tail] = '\0';
}

static void begin(struct aep__successor *successor, struct aep__log *log, struct aep__image ours)
{
    *successor = (struct aep__successor){
        .log = log, .ours = ours, .trial = {.fd = -1}, .pause_us = PAUSE_US};
}

void aep__successor_init(struct aep__successor *successor, struct aep__log *log)
{
    begin(successor, log, look_at(SELF));
    if (is_there(&successor->ours))
        find_path(&successor->ours, successor->path, sizeof successor->path);
}

void aep__successor_init_at(struct aep__successor *successor, const char *path,
                            struct aep__log *log)
{
    begin(successor, log, look_at(path));
    snprintf(successor->path, sizeof successor->path, "%s", path);
}

/* ---- looking ---- */

static void pause_longer(struct aep__successor *successor, int64_t now_us)
{
    successor->state = AEP__SUCCESSOR_SEEN;
    successor->due_us = now_us + successor->pause_us;
    successor->pause_us *= 2;
    if (successor->pause_us > PAUSE_MAX_US)
        successor->pause_us = PAUSE_MAX_US;
}

void aep__successor_put_off(struct aep__successor *successor, int64_t now_us)
{
    pause_longer(successor, now_us);
}

static void fail(struct aep__successor *successor, int64_t now_us)
{
    const char *why = successor->trial.line;
    if (strcmp(successor->told, why) != 0)
        aep__log_write(successor->log, AEP_LOG_WARNING,
                       "%s was replaced, but the new one does not run yet: %s; this one goes on",
                       successor->path, why);
    snprintf(successor->told, sizeof successor->told, "%s", why);
    pause_longer(successor, now_us);
}

/* It may have been replaced once more. */
static void judge_trial(struct aep__successor *successor, int64_t now_us)
{
    struct aep__image now = look_at(successor->path);
    switch (aep__trial_look(&successor->trial)) {
    case AEP__TRIAL_WAITS:
        successor->due_us = now_us + TRIAL_US;
        break;
    case AEP__TRIAL_RUNS:
        successor->state =
            is_same(&now, &successor->seen) ? AEP__SUCCESSOR_READY : AEP__SUCCESSOR_SEEN;
        break;
    case AEP__TRIAL_FAILS:
        fail(successor, now_us);
        break;
    }
}

static void judge_file(struct aep__successor *successor, int64_t now_us)
{
    struct aep__image now = look_at(successor->path);
    successor->due_us = now_us + LOOK_US;
    if (!is_there(&now) || is_same(&now, &successor->ours)) {
        successor->state = AEP__SUCCESSOR_NONE;
        successor->seen = (struct aep__image){0};
    } else if (!is_same(&now, &successor->seen)) {
        successor->state = AEP__SUCCESSOR_SEEN;
        successor->seen = now;
        successor->pause_us = PAUSE_US;
    } else {
        aep__trial_begin(&successor->trial, successor->path);
        successor->state = AEP__SUCCESSOR_TRIED;
        successor->due_us = now_us + TRIAL_US;
    }
}

bool aep__successor_look(struct aep__successor *successor, int64_t now_us)
{
    bool due = now_us >= successor->due_us && successor->path[0];
    if (due && successor->state == AEP__SUCCESSOR_TRIED)
        judge_trial(successor, now_us);
    else if (due && successor->state != AEP__SUCCESSOR_READY)
        judge_file(successor, now_us);
    return successor->state == AEP__SUCCESSOR_READY;
}

int64_t aep__successor_due_us(const struct aep__successor *successor)
{
    return successor->state == AEP__SUCCESSOR_NONE ? INT64_MAX : successor->due_us;
}

void aep__successor_done(struct aep__successor *successor)
{
    if (successor->state == AEP__SUCCESSOR_TRIED)
        aep__trial_done(&successor->trial);
}

/* ---- becoming it ---- */

/* The arguments that this process was started with: a text each. */
static int read_arguments(struct aep__buf *out)
{
    char part[4096];
    ssize_t n = -1;
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (n = read(fd, part, sizeof part)) > 0)
        aep__buf_add(out, part, (size_t)n);
    if (fd >= 0)
        close(fd);
    return n == 0 && out->len > 0 && !out->failed ? 0 : -1;
}

static char **split_arguments(struct aep__buf *texts)
{
    size_t count = 0;
    for (size_t at = 0; at < texts->len; at += strlen(texts->data + at) + 1)
        count++;
    char **argv = calloc(count + 1, sizeof *argv);
    count = 0;
    for (size_t at = 0; argv && at < texts->len; at += strlen(texts->data + at) + 1)
        argv[count++] = texts->data + at;
    return argv;
}

/* Both ends are in this process: what is sent stays until it is read. */
static int pass_settings(const aep_config *config)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    int result = aep__config_send(ends[0], config, NULL) == AEP_OK &&
                         dup2(ends[1], STDIN_FILENO) == STDIN_FILENO
                     ? 0
                     : -1;
    close(ends[0]);
    close(ends[1]);
    return result;
}

void aep__successor_become(struct aep__successor *successor, const aep_config *config,
                           const struct aep__inherited *list, size_t count)
{
    struct aep__buf texts = {0};
    char **argv = NULL;
    aep__successor_done(successor);
    if (read_arguments(&texts) == 0 && aep__buf_string(&texts))
        argv = split_arguments(&texts);
    if (argv && (!config || pass_settings(config) == 0) && aep__inherited_leave(list, count) == 0) {
        execv(successor->path, argv);
        execv(SELF, argv);
    }
    free(argv);
    aep__buf_done(&texts);
}
