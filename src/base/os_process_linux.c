/* SPDX-License-Identifier: Apache-2.0 */
#include "base/os_process.h"

#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* proc_pid_stat(5), counted from the word behind the name. */
#define STATE_WORD 1
#define PARENT_WORD 2
#define THREADS_WORD 18
#define BEGUN_WORD 20

struct stat_line {
    int64_t pid; /* in the namespace of /proc */
    char name[AEP__OS_NAME_SIZE];
    char state;
    int64_t parent;
    unsigned long long threads, begun;
};

static const char *find_word(const char *at, int word)
{
    for (int words = 0; at && words < word; words++)
        at = strchr(at + 1, ' ');
    return at ? at + 1 : "";
}

/* @who  "self", or a number */
static bool read_stat(const char *who, struct stat_line *ret)
{
    char path[48], text[1024];
    snprintf(path, sizeof path, "/proc/%s/stat", who);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = '\0';
    const char *name = strchr(text, '('), *behind = strrchr(text, ')');
    if (!name || !behind)
        return false;
    *ret = (struct stat_line){
        .pid = strtoll(text, NULL, 10),
        .state = *find_word(behind, STATE_WORD),
        .parent = strtoll(find_word(behind, PARENT_WORD), NULL, 10),
        .threads = strtoull(find_word(behind, THREADS_WORD), NULL, 10),
        .begun = strtoull(find_word(behind, BEGUN_WORD), NULL, 10),
    };
    snprintf(ret->name, sizeof ret->name, "%.*s", (int)(behind - name - 1), name + 1);
    return ret->begun > 0;
}

uint64_t aep__os_process_begun(int64_t pid)
{
    char who[24];
    struct stat_line line;
    snprintf(who, sizeof who, "%lld", (long long)pid);
    return read_stat(who, &line) ? line.begun : 0;
}

/* Of another process. /proc may be that of another namespace, where a number means another process. */
static bool read_stat_of(int64_t pid, struct stat_line *ret)
{
    char who[24];
    struct stat_line self;
    snprintf(who, sizeof who, "%lld", (long long)pid);
    return read_stat("self", &self) && self.pid == (int64_t)getpid() && read_stat(who, ret);
}

int64_t aep__os_process_parent(int64_t pid)
{
    struct stat_line line;
    return read_stat_of(pid, &line) ? line.parent : 0;
}

static uint64_t find_namespace(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

void aep__os_process_self(struct aep__os_process *ret)
{
    struct stat_line line;
    *ret = (struct aep__os_process){
        .pid = getpid(),
        .pid_ns = find_namespace("/proc/self/ns/pid"),
        .time_ns = find_namespace("/proc/self/ns/time"),
    };
    aep__os_boot_id(ret->boot);
    if (!read_stat("self", &line))
        return;
    ret->begun = line.begun;
    memcpy(ret->name, line.name, sizeof ret->name);
}

bool aep__os_process_of(int64_t pid, struct aep__os_process *ret)
{
    struct stat_line line;
    if (pid <= 0 || pid > INT32_MAX || (kill((pid_t)pid, 0) < 0 && errno == ESRCH))
        return false;
    aep__os_process_self(ret);
    bool known = read_stat_of(pid, &line);
    ret->pid = pid;
    ret->begun = known ? line.begun : 0;
    snprintf(ret->name, sizeof ret->name, "%s", known ? line.name : "");
    return aep__os_process_life(ret, ret) != AEP__OS_GONE;
}

int aep__os_process_watch(const struct aep__os_process *process)
{
#ifdef SYS_pidfd_open
    return aep__os_above((int)syscall(SYS_pidfd_open, (pid_t)process->pid, 0));
#else
    (void)process;
    errno = ENOSYS;
    return -1;
#endif
}

/* By what /proc tells. The first thread of a process may have ended before the others: that is no end. */
static bool ended_by_stat(const struct aep__os_process *process)
{
    struct stat_line line;
    if (!read_stat_of(process->pid, &line))
        return false;
    if (process->begun && line.begun != process->begun)
        return true;
    return (line.state == 'Z' || line.state == 'X') && line.threads <= 1;
}

enum aep__os_life aep__os_process_life(const struct aep__os_process *process,
                                       const struct aep__os_process *self)
{
    static const uint8_t unknown[sizeof self->boot];
    if (memcmp(process->boot, unknown, sizeof unknown) == 0 ||
        memcmp(self->boot, unknown, sizeof unknown) == 0)
        return AEP__OS_ELSEWHERE;
    if (memcmp(process->boot, self->boot, sizeof self->boot) != 0)
        return AEP__OS_REBOOTED;
    if (process->pid_ns == 0 || process->pid_ns != self->pid_ns ||
        process->time_ns != self->time_ns || process->pid <= 0 || process->pid > INT32_MAX)
        return AEP__OS_ELSEWHERE;
    if (kill((pid_t)process->pid, 0) < 0 && errno == ESRCH)
        return AEP__OS_GONE;
    int fd = aep__os_process_watch(process);
    if (fd < 0 && errno == ESRCH)
        return AEP__OS_GONE;
    bool ended = fd >= 0 && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) > 0;
    if (fd >= 0)
        close(fd);
    return ended || ended_by_stat(process) ? AEP__OS_GONE : AEP__OS_LIVES;
}
