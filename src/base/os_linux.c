/* SPDX-License-Identifier: Apache-2.0 */
/* Linux's own. The largest part is the clean spawn:
 *
 *     caller ── clone(VM|VFORK, no exit signal) ─▶ middle ── clone(the same) ─▶ program
 *        │  stands still                              │ own session; ends at once
 *        └── reaps the middle by __WCLONE             └── the program is init's child
 *
 * Both children borrow our memory until execve(2), so nothing is copied however large the host
 * program is, and an error is reported by a plain store. They have copies of descriptors, signal
 * actions and limits, and change only those. A child without an exit signal raises no SIGCHLD and
 * is not seen by the host program's own wait(2).
 *
 * The children call the kernel directly: a wrapper that a sanitiser or a preloaded library puts in
 * place of libc's would keep its records in memory shared with the caller. */
#include "base/os.h"

#include "base/error.h"
#include "base/id.h"
#include "base/os_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- boot and randomness ---- */

void aep__os_boot_id(uint8_t bytes[16])
{
    char text[AEP_ID_SIZE];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (len < AEP_ID_SIZE - 1 || !aep__id_parse(text, AEP_ID_SIZE - 1, bytes))
        memset(bytes, 0, 16);
    if (fd >= 0)
        close(fd);
}

static int read_urandom(void *bytes, size_t len)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, len);
    int saved = got < 0 ? errno : EIO;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return got == (ssize_t)len ? 0 : -1;
}

int aep__os_random(void *bytes, size_t len)
{
    for (char *at = bytes; len;) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno != EINTR)
            return read_urandom(at, len);
        at += got > 0 ? got : 0;
        len -= got > 0 ? (size_t)got : 0;
    }
    return 0;
}

/* ---- file systems and space ---- */

static const struct {
    uint32_t magic; /* statfs(2) */
    enum aep__fs fs;
    const char *name;
} file_systems[] = {
    {0x01021994, AEP__FS_VOLATILE, "tmpfs"},   {0x858458f6, AEP__FS_VOLATILE, "ramfs"},
    {0x794c7630, AEP__FS_VOLATILE, "overlay"}, {0x61756673, AEP__FS_VOLATILE, "aufs"},
    {0x6969, AEP__FS_REMOTE, "nfs"},           {0xff534d42, AEP__FS_REMOTE, "cifs"},
    {0xfe534d42, AEP__FS_REMOTE, "smb2"},      {0x517b, AEP__FS_REMOTE, "smb"},
    {0x01021997, AEP__FS_REMOTE, "9p"},        {0x65735546, AEP__FS_REMOTE, "fuse"},
    {0x5346414f, AEP__FS_REMOTE, "afs"},       {0x6b414653, AEP__FS_REMOTE, "afs"},
    {0x00c36400, AEP__FS_REMOTE, "ceph"},      {0x73757245, AEP__FS_REMOTE, "coda"},
    {0x01161970, AEP__FS_REMOTE, "gfs2"},      {0x7461636f, AEP__FS_REMOTE, "ocfs2"},
    {0x0bd00bd0, AEP__FS_REMOTE, "lustre"},    {0x47504653, AEP__FS_REMOTE, "gpfs"},
    {0x786f4256, AEP__FS_REMOTE, "vboxsf"},    {0xbacbacbc, AEP__FS_REMOTE, "vmhgfs"},
    {0x19830326, AEP__FS_REMOTE, "beegfs"},    {0xef53, AEP__FS_LOCAL, "ext4"},
    {0x58465342, AEP__FS_LOCAL, "xfs"},        {0x9123683e, AEP__FS_LOCAL, "btrfs"},
    {0x2fc12fc1, AEP__FS_LOCAL, "zfs"},        {0xf2f52010, AEP__FS_LOCAL, "f2fs"},
};

enum aep__fs aep__os_fs(int fd, const char **ret_name)
{
    struct statfs info = {0};
    const char *name = "unknown";
    enum aep__fs fs = AEP__FS_LOCAL;
    if (fstatfs(fd, &info) == 0)
        for (size_t i = 0; i < sizeof file_systems / sizeof file_systems[0]; i++)
            if (file_systems[i].magic == (uint32_t)info.f_type) {
                name = file_systems[i].name;
                fs = file_systems[i].fs;
            }
    if (ret_name)
        *ret_name = name;
    return fs;
}

static int change_blocks(int fd, int mode, off_t from, off_t to)
{
    int rc;
    if (from >= to)
        return 0;
    do
        rc = fallocate(fd, mode, from, to - from);
    while (rc < 0 && errno == EINTR);
    return rc;
}

int aep__os_extend(int fd, off_t from, off_t size)
{
    return change_blocks(fd, 0, from, size);
}

int aep__os_reserve(int fd, off_t from, off_t to)
{
    return change_blocks(fd, FALLOC_FL_KEEP_SIZE, from, to);
}

int aep__os_punch(int fd, off_t from, off_t to)
{
    return change_blocks(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, to);
}

int aep__os_volume(int fd, uint64_t *ret_size, uint64_t *ret_free)
{
    struct statvfs info;
    if (fstatvfs(fd, &info) < 0 || info.f_blocks == 0) /* 0: a tmpfs without a limit */
        return -1;
    *ret_size = (uint64_t)info.f_blocks * info.f_frsize;
    *ret_free = (uint64_t)info.f_bavail * info.f_frsize;
    return 0;
}

/* ---- names ---- */

/* Not renameat2(3), which musl lacks. */
static int rename_by(const char *from, const char *to, unsigned flags)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

int aep__os_rename_new(const char *from, const char *to)
{
    return rename_by(from, to, RENAME_NOREPLACE);
}

int aep__os_exchange(const char *one, const char *other)
{
    return rename_by(one, other, RENAME_EXCHANGE);
}

/* ---- descriptors ---- */

#define MARK_SIGNAL SIGPWR /* hardly any program chooses it for a descriptor */

int aep__os_above(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), saved = errno;
    close(fd);
    errno = saved;
    return above;
}

bool aep__os_identify(int fd, struct aep__os_file *ret)
{
    struct statx stx;
    struct stat st;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO, &stx) == 0) {
        *ret = (struct aep__os_file){.dev = makedev(stx.stx_dev_major, stx.stx_dev_minor),
                                     .ino = stx.stx_ino};
        return true;
    }
    /* a sandbox may know no statx(2) */
    if (fstat(fd, &st) < 0)
        return false;
    *ret = (struct aep__os_file){.dev = st.st_dev, .ino = st.st_ino};
    return true;
}

/* The signal for O_ASYNC, which we never set; 0 where that cannot be chosen: then there is no mark. */
bool aep__os_identify_marked(int fd, struct aep__os_file *ret)
{
    if (!aep__os_identify(fd, ret))
        return false;
    if (fcntl(fd, F_SETSIG, MARK_SIGNAL) == 0)
        ret->mark = fcntl(fd, F_GETSIG);
    return true;
}

bool aep__os_is(int fd, const struct aep__os_file *file)
{
    struct aep__os_file now;
    return fd >= 0 && aep__os_identify(fd, &now) && now.dev == file->dev && now.ino == file->ino &&
           (file->mark <= 0 || fcntl(fd, F_GETSIG) == file->mark);
}

bool aep__os_has_mark(int fd, const struct aep__os_file *file)
{
    return file->mark > 0 ? fd >= 0 && fcntl(fd, F_GETSIG) == file->mark : aep__os_is(fd, file);
}

/* ---- locks ---- */

static int lock_range(int fd, int command, short type, off_t start, off_t len,
                      struct flock *ret_lock)
{
    *ret_lock =
        (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    int rc;
    do
        rc = fcntl(fd, command, ret_lock);
    while (rc < 0 && errno == EINTR);
    if (rc < 0 && errno == EACCES)
        errno = EAGAIN;
    return rc;
}

int aep__os_lock(int fd, off_t start, off_t len)
{
    struct flock lock;
    return lock_range(fd, F_OFD_SETLK, F_WRLCK, start, len, &lock);
}

int aep__os_lock_shared(int fd, off_t start, off_t len)
{
    struct flock lock;
    return lock_range(fd, F_OFD_SETLK, F_RDLCK, start, len, &lock);
}

int aep__os_unlock(int fd, off_t start, off_t len)
{
    struct flock lock;
    return lock_range(fd, F_OFD_SETLK, F_UNLCK, start, len, &lock);
}

bool aep__os_locked(int fd, off_t start, off_t len)
{
    struct flock lock;
    return lock_range(fd, F_OFD_GETLK, F_WRLCK, start, len, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* ---- names that appear ---- */

int aep__os_watch(int dir_fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", dir_fd);
    int fd = aep__os_above(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (fd >= 0 && inotify_add_watch(fd, path, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

bool aep__os_watch_seen(int fd)
{
    _Alignas(struct inotify_event) char events[4096];
    bool seen = false;
    while (read(fd, events, sizeof events) > 0)
        seen = true;
    return seen;
}

/* ---- the clean spawn ---- */

#define STACK_BYTES 65536 /* of each child */
#define SIGNAL_MAX 64
#define SIGNAL_SET_BYTES (SIGNAL_MAX / 8) /* the kernel's set, not libc's */
#define OPEN_FILES 4096
#define MAIN_STACK_BYTES (8 << 20)

/* Code that runs on a borrowed stack and never returns must not be instrumented by a sanitiser,
 * which would leave marks there. */
#define CHILD_CODE __attribute__((no_sanitize("address,undefined,thread")))

/* ThreadSanitizer has its own clone(2), which takes the child for a forked one. Since the memory is
 * shared, it would record in the caller that the caller's threads are gone, and let it start no
 * more. */
#ifdef __GLIBC__
int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
#define kernel_clone __clone
#else
#define kernel_clone clone
#endif

struct spawn {
    const char *path;
    char *const *argv;
    char *const *envp;
    int input_fd;
    char *stack_top; /* the program's, until execve */
    int error;       /* errno of the failure, set by either child */
    int pid;         /* the program's */
};

/* The kernel's struct sigaction, all zero: SIG_DFL, no flags, empty mask. */
struct kernel_sigaction {
    unsigned long words[4];
};

CHILD_CODE static void reset_signals(void)
{
    struct kernel_sigaction action = {{0}};
    unsigned char none[SIGNAL_SET_BYTES] = {0};
    for (int number = 1; number <= SIGNAL_MAX; number++)
        syscall(SYS_rt_sigaction, number, &action, NULL, SIGNAL_SET_BYTES);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, none, NULL, SIGNAL_SET_BYTES);
}

/* Soft limits as a service manager would give them, as far as the hard ones allow. A small
 * RLIMIT_FSIZE, AS or CPU that was meant for the host program would kill the one we start. */
CHILD_CODE static void reset_limits(void)
{
    for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
        struct rlimit limit;
        if (syscall(SYS_prlimit64, 0, resource, NULL, &limit) < 0)
            continue;
        rlim_t most = resource == RLIMIT_CORE     ? 0
                      : resource == RLIMIT_NOFILE ? OPEN_FILES
                      : resource == RLIMIT_STACK  ? MAIN_STACK_BYTES
                                                  : limit.rlim_max;
        limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
        syscall(SYS_prlimit64, 0, resource, &limit, NULL);
    }
}

/* Before Linux 5.9: what is open stands in /proc; a name begins 19 bytes into a linux_dirent64. */
CHILD_CODE static void close_listed_from(int lowest)
{
    long dir = syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY, 0), len;
    _Alignas(8) char entries[2048];
    while (dir >= 0 && (len = syscall(SYS_getdents64, dir, entries, sizeof entries)) > 0)
        for (long at = 0; at < len; at += *(unsigned short *)(entries + at + 16)) {
            const char *digit = entries + at + 19;
            int fd = *digit == '.' ? -1 : 0;
            while (fd >= 0 && *digit)
                fd = fd * 10 + (*digit++ - '0');
            if (fd >= lowest && fd != dir)
                syscall(SYS_close, fd);
        }
    if (dir >= lowest)
        syscall(SYS_close, dir);
}

CHILD_CODE static void set_descriptors(int input_fd)
{
    if (input_fd == 0)
        syscall(SYS_fcntl, 0, F_SETFD, 0);
    else
        syscall(SYS_dup3, input_fd, 0, 0);
    long null = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
    if (null < 0) /* a root folder without /dev: writes fail, but nothing else gets 1 and 2 */
        null = syscall(SYS_openat, AT_FDCWD, "/", O_PATH, 0);
    for (int fd = 1; fd <= 2; fd++)
        if (fd != null)
            syscall(SYS_dup3, null, fd, 0);
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
        return;
#endif
    close_listed_from(3);
}

CHILD_CODE static void reset_scheduling(void)
{
    struct sched_param none = {0};
    long policy = syscall(SYS_sched_getscheduler, 0);
    if (policy == SCHED_FIFO || policy == SCHED_RR)
        syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &none);
}

/* Every step but the last is best effort: a program with worse settings is better than none. */
CHILD_CODE static int run_program(void *arg)
{
    struct spawn *spawn = arg;
    syscall(SYS_chdir, "/");
    syscall(SYS_umask, 077);
    set_descriptors(spawn->input_fd);
    reset_limits();
    reset_scheduling();
    reset_signals();
    syscall(SYS_execve, spawn->path, spawn->argv, spawn->envp);
    spawn->error = errno;
    syscall(SYS_exit_group, 127);
    return 127;
}

/* Its own session first: a Ctrl-C meant for the host program's group no longer reaches the child. */
CHILD_CODE static int run_middle(void *arg)
{
    struct spawn *spawn = arg;
    syscall(SYS_setsid);
    spawn->pid = kernel_clone(run_program, spawn->stack_top, CLONE_VM | CLONE_VFORK, spawn);
    if (spawn->pid < 0)
        spawn->error = errno;
    syscall(SYS_exit_group, 0);
    return 0;
}

/* With every signal blocked, those of libc's own too: a handler must not run in a child that
 * shares our memory. */
static int spawn_through_middle(struct spawn *spawn, char *middle_stack_top)
{
    unsigned char all[SIGNAL_SET_BYTES], saved[SIGNAL_SET_BYTES];
    memset(all, 0xff, sizeof all);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, all, saved, SIGNAL_SET_BYTES);
    int middle = kernel_clone(run_middle, middle_stack_top, CLONE_VM | CLONE_VFORK, spawn);
    if (middle < 0)
        spawn->error = errno;
    else
        while (syscall(SYS_wait4, middle, NULL, __WCLONE, NULL) < 0 && errno == EINTR)
            ;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, saved, NULL, SIGNAL_SET_BYTES);
    return spawn->error;
}

/* The program that we are in may have collected it, and have another child of that number: only when it
 * began tells. Where that is not known (no /proc, or no descriptor left), an ended child is left as it
 * is, and looked at again: a zombie is less harm than an exit status taken from the program. */
bool aep__os_reap(const struct aep__os_child *child)
{
    siginfo_t info = {0};
    uint64_t begun = child->pid > 0 && child->begun ? aep__os_process_begun(child->pid) : 0;
    if (child->pid <= 0 || (begun && begun != child->begun) ||
        waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0)
        return true;
    if (info.si_pid == 0 || !begun)
        return false;
    waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | __WALL);
    return true;
}

int aep__os_spawn(const char *path, char *const argv[], char *const envp[], int input_fd,
                  struct aep__os_child *ret)
{
    *ret = (struct aep__os_child){0};
    char *stacks = mmap(NULL, 2 * STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stacks == MAP_FAILED)
        return -1;
    struct spawn spawn = {
        .path = path,
        .argv = argv,
        .envp = envp,
        .input_fd = input_fd,
        .stack_top = stacks + STACK_BYTES,
    };
    int error = spawn_through_middle(&spawn, stacks + 2 * STACK_BYTES);
    munmap(stacks, 2 * STACK_BYTES);
    if (!error)
        *ret = (struct aep__os_child){spawn.pid, aep__os_process_begun(spawn.pid)};
    errno = error;
    return error ? -1 : 0;
}

/* ---- memory that a fork empties ---- */

void *aep__os_wiped_page(void)
{
#ifdef MADV_WIPEONFORK
    size_t len = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, len, MADV_WIPEONFORK) == 0)
        return page;
    munmap(page, len);
#endif
    return NULL;
}

void aep__os_wiped_page_free(void *page)
{
    if (page)
        munmap(page, (size_t)sysconf(_SC_PAGESIZE));
}

/* ---- where our code lies ---- */

/* A line of maps(5): `begin-end perms offset device inode   /path`, the path to its end. */
static bool line_holds(const char *line, uintptr_t address, int *ret_path)
{
    unsigned long begin, end;
    *ret_path = 0;
    return sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &begin, &end, ret_path) == 2 &&
           begin <= address && address < end && line[*ret_path] == '/';
}

void aep__os_wake_politely(void)
{
    sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &(struct sched_param){0});
}

bool aep__os_code_path(const void *address, char *path, size_t size)
{
    char line[PATH_MAX + 128];
    bool found = false;
    int at;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && !found && fgets(line, sizeof line, maps))
        found = line_holds(line, (uintptr_t)address, &at);
    if (maps)
        fclose(maps);
    if (!found)
        return false;
    line[strcspn(line, "\n")] = '\0';
    return (size_t)snprintf(path, size, "%s", line + at) < size;
}

/* ---- other processes ---- */

/* /proc/PID/stat: "PID (name) STATE …". */
bool aep__os_stopped(int64_t pid, const char *name)
{
    char path[40], text[128];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = '\0';
    const char *open_at = strchr(text, '('), *close_at = strrchr(text, ')');
    size_t name_len = strlen(name);
    return open_at && close_at && (size_t)(close_at - open_at - 1) == name_len &&
           memcmp(open_at + 1, name, name_len) == 0 && close_at[1] == ' ' &&
           (close_at[2] == 'T' || close_at[2] == 't');
}

/* ---- signals ---- */

int aep__os_signals(aep_error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        aep__error_errno(err, AEP_EIO, NULL, "cannot watch for signals");
    return fd;
}
