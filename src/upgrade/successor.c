/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade/successor.h"

#include "base/buf.h"
#include "base/error.h"
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

struct aep__image aep__image_of(const char *path)
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

static bool leads_to(const char *path, const struct aep__image *image)
{
    struct aep__image named = aep__image_of(path);
    return is_there(&named) && is_same(&named, image);
}

/* BIN/../libexec: a folder that is removed for a moment, and is not ours, is left out. */
static void fold(char *path, const struct aep__image *image)
{
    char folded[PATH_MAX], *up;
    snprintf(folded, sizeof folded, "%s", path);
    while ((up = strstr(folded, "/../"))) {
        char *before = up;
        while (before > folded && *--before != '/')
            ;
        memmove(before, up + 3, strlen(up + 3) + 1);
    }
    if (leads_to(folded, image))
        memcpy(path, folded, strlen(folded) + 1);
}

/* The name by which it was executed, if it still leads to it: a symbolic link may lead to another version
 * tomorrow. Else where the kernel says it is. */
static void find_path(const struct aep__program *program, char *path, size_t size)
{
    const char *executed = program->executed;
    if (executed && executed[0] == '/' && strncmp(executed, "/proc/", 6) != 0 &&
        strncmp(executed, "/dev/", 5) != 0 && leads_to(executed, &program->image)) {
        snprintf(path, size, "%s", executed);
        return;
    }
    snprintf(path, size, "%s", program->linked ? program->linked : "");
}

/* Whether the kernel says that the file has lost its name; cuts that off. */
static bool cut_deleted(char *path)
{
    size_t end = strlen(path), tail = strlen(DELETED);
    bool deleted = end > tail && strcmp(path + end - tail, DELETED) == 0 && access(path, F_OK) < 0;
    if (deleted)
        path[end - tail] = '\0';
    return deleted;
}

void aep__successor_init_from(struct aep__successor *successor, const struct aep__program *program,
                              struct aep__log *log)
{
    *successor = (struct aep__successor){.name = program->name,
                                         .log = log,
                                         .ours = program->image,
                                         .trial = {.fd = -1},
                                         .pause_us = PAUSE_US};
    if (!is_there(&program->image))
        return;
    find_path(program, successor->path, sizeof successor->path);
    /* Under valgrind, qemu and Rosetta /proc/self/exe is the tool, though its link names the program. */
    bool deleted = cut_deleted(successor->path);
    struct aep__image named = aep__image_of(successor->path);
    if (!deleted && is_there(&named))
        successor->ours = named;
    if (program->renewed && !leads_to(successor->path, &successor->ours)) {
        aep__log_write(
            log, AEP_LOG_WARNING,
            "renewed, and yet not the program that %s leads to: no other will be followed",
            successor->path);
        successor->path[0] = '\0';
    }
    fold(successor->path, &successor->ours);
    const uid_t users[] = {0, geteuid(), program->owner};
    for (size_t i = 0; i < sizeof users / sizeof *users; i++)
        aep__owners_add_user(&successor->owners, users[i]);
    if (leads_to(successor->path, &successor->ours))
        aep__owners_add(&successor->owners, successor->path);
}

void aep__successor_init(struct aep__successor *successor, const char *name, bool renewed,
                         struct aep__log *log)
{
    struct stat st;
    char linked[PATH_MAX];
    ssize_t len = readlink(SELF, linked, sizeof linked - 1);
    linked[len > 0 ? len : 0] = '\0';
    struct aep__program program = {.name = name,
                                   .executed = (const char *)getauxval(AT_EXECFN),
                                   .linked = linked,
                                   .renewed = renewed,
                                   .image = aep__image_of(SELF),
                                   .owner = stat(SELF, &st) == 0 ? st.st_uid : 0};
    aep__successor_init_from(successor, &program, log);
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

void aep__successor_put_off(struct aep__successor *successor, const char *why, int64_t now_us)
{
    if (strcmp(successor->told, why) != 0)
        aep__log_write(successor->log, AEP_LOG_WARNING, "%s was replaced, but %s; this one goes on",
                       successor->path, why);
    snprintf(successor->told, sizeof successor->told, "%s", why);
    pause_longer(successor, now_us);
}

static void fail(struct aep__successor *successor, const char *what, const char *why,
                 int64_t now_us)
{
    char text[AEP__SUCCESSOR_WHY];
    snprintf(text, sizeof text, "%s: %s", what, why);
    aep__successor_put_off(successor, text, now_us);
}

/* A program of another name may say anything. */
static bool says_our_name(const struct aep__successor *successor)
{
    size_t len = strlen(successor->name);
    const char *line = successor->trial.line;
    return strncmp(line, successor->name, len) == 0 && line[len] == ' ';
}

/* It runs, but would it go on where we are? */
static void judge_version(struct aep__successor *successor, int64_t now_us)
{
    aep_error err;
    struct aep__image now = aep__image_of(successor->path);
    if (!is_same(&now, &successor->seen))
        successor->state = AEP__SUCCESSOR_SEEN;
    else if (!says_our_name(successor))
        fail(successor, "by another program, which says", successor->trial.line, now_us);
    else if (successor->check && successor->check(successor->check_user, &err) != AEP_OK)
        fail(successor, "the new one would not start with the settings that it finds", err.text,
             now_us);
    else
        successor->state = AEP__SUCCESSOR_READY;
}

static void judge_trial(struct aep__successor *successor, int64_t now_us)
{
    switch (aep__trial_look(&successor->trial)) {
    case AEP__TRIAL_WAITS:
        successor->due_us = now_us + TRIAL_US;
        break;
    case AEP__TRIAL_RUNS:
        judge_version(successor, now_us);
        break;
    case AEP__TRIAL_FAILS:
        fail(successor, "the new one does not run yet", successor->trial.line, now_us);
        break;
    }
}

static void judge_file(struct aep__successor *successor, int64_t now_us)
{
    char why[AEP__TRIAL_LINE];
    struct aep__image now = aep__image_of(successor->path);
    successor->due_us = now_us + LOOK_US;
    if (!is_there(&now) || is_same(&now, &successor->ours)) {
        successor->state = AEP__SUCCESSOR_NONE;
        successor->seen = (struct aep__image){0};
    } else if (!is_same(&now, &successor->seen)) {
        successor->state = AEP__SUCCESSOR_SEEN;
        successor->seen = now;
        successor->pause_us = PAUSE_US;
    } else if (!aep__owners_decide(&successor->owners, successor->path, why, sizeof why)) {
        fail(successor, "others now control what is there", why, now_us);
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

/* Keeps the log's folder away from the places of what is left; the log itself is opened anew. */
static void keep_log(struct aep__log *log)
{
    aep__log_done(log);
    if (log->dir_fd >= 0)
        log->dir_fd = fcntl(log->dir_fd, F_DUPFD_CLOEXEC, AEP__INHERITED_END);
}

/* Returns only if it cannot be executed. */
static void execute(const struct aep__successor *successor, char **argv)
{
    char why[AEP__TRIAL_LINE];
    if (aep__owners_decide(&successor->owners, successor->path, why, sizeof why)) {
        execv(successor->path, argv);
        snprintf(why, sizeof why, "%s", aep__errno_text(errno));
    }
    aep__log_write(successor->log, AEP_LOG_WARNING,
                   "cannot run %s after all: %s; the old program goes on", successor->path, why);
    execv(SELF, argv);
}

void aep__successor_become(struct aep__successor *successor, const aep_config *config,
                           const struct aep__inherited *list, size_t count)
{
    struct aep__buf texts = {0};
    char **argv = NULL;
    aep__successor_done(successor);
    keep_log(successor->log);
    if (read_arguments(&texts) == 0 && aep__buf_string(&texts))
        argv = split_arguments(&texts);
    if (argv && (!config || pass_settings(config) == 0) && aep__inherited_leave(list, count) == 0)
        execute(successor, argv);
    aep__log_write(successor->log, AEP_LOG_ERROR, "cannot become %s: %s; this process ends",
                   successor->path, aep__errno_text(errno));
    aep__log_done(successor->log);
    free(argv);
    aep__buf_done(&texts);
}
