/* SPDX-License-Identifier: Apache-2.0 */
/* A full disk: on a tmpfs of a few MiB, mounted for this process alone, writers fill the spool
 * until they are refused, while a reader drains it; then room is made and they go on. In the end
 * every accepted record has been read once, in order.
 *
 *     1  something else fills the disk; writers are refused with AEP_EFULL
 *     2  the reader drains meanwhile, with nothing but what is reserved and a ballast to give up
 *     3  what filled the disk is removed; writers are accepted again
 *
 * Mounting needs root, or user namespaces. Without either, the program says so and is skipped. */
#include "base/buf.h"
#include "spool/append.h"
#include "spool/cursor.h"
#include "spool/read.h"
#include "spool/record.h"
#include "spool/retire.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SKIPPED 77 /* ctest's SKIP_RETURN_CODE */
#define WRITERS 3
#define ROUNDS 5
#define DISK "size=4m"
#define L (256 * 1024)
#define RECORD_BYTES (64 * 1024)
#define VALUE_BYTES 3000
#define BALLAST_BYTES (64 * 1024)

struct shared {
    atomic_uint_fast64_t accepted[WRITERS]; /* by each, so far */
    atomic_uint_fast64_t refused[WRITERS];
    atomic_uint_fast64_t delivered;
    atomic_bool reader_pause, writers_stop, reader_stop;
};

static struct shared *shared;

static char mount_point[] = "/tmp/aep-disk-full.XXXXXX";

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void rest(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* ---- the disk ---- */

static bool write_to(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* A mount of our own, with a user namespace where we are not root. */
static bool enter_namespace(void)
{
    char users[64], groups[64];
    snprintf(users, sizeof users, "%ld %ld 1", (long)geteuid(), (long)geteuid());
    snprintf(groups, sizeof groups, "%ld %ld 1", (long)getegid(), (long)getegid());
    if (unshare(CLONE_NEWNS) == 0)
        return true;
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_to("/proc/self/setgroups", "deny") &&
           write_to("/proc/self/gid_map", groups) && write_to("/proc/self/uid_map", users);
}

static void mount_disk(void)
{
    if (!mkdtemp(mount_point))
        die(mount_point);
    if (!enter_namespace() || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", mount_point, "tmpfs", 0, DISK) < 0) {
        printf("skipped: a small tmpfs cannot be mounted here (neither root nor user namespaces): "
               "%s\n",
               strerror(errno));
        rmdir(mount_point);
        exit(SKIPPED);
    }
}

/* Another program's file that takes all the room. */
static void fill_disk(void)
{
    static char block[65536];
    char path[128];
    snprintf(path, sizeof path, "%s/other", mount_point);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return; /* not even room for its name: full */
    memset(block, 'x', sizeof block);
    for (size_t size = sizeof block; size > 0;)
        if (write(fd, block, size) <= 0)
            size /= 2;
    close(fd);
}

static void free_disk(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/other", mount_point);
    unlink(path);
}

/* ---- writers and reader ---- */

static void open_spool(struct aep__spool *spool)
{
    char path[128];
    aep_error err;
    const struct aep__spool_settings settings = {.segment_bytes = L, .record_bytes = RECORD_BYTES};
    snprintf(path, sizeof path, "%s/spool", mount_point);
    if (aep__spool_open(spool, path, &settings, &err) != AEP_OK) {
        fprintf(stderr, "open: %s\n", err.text);
        exit(1);
    }
}

static void encode_numbered(struct aep__buf *record, unsigned writer, uint64_t number)
{
    static char value[VALUE_BYTES];
    memset(value, 'v', sizeof value);
    snprintf(value, sizeof value, "%u %llu", writer, (unsigned long long)number);
    struct aep__message message = {.topic = AEP__SLICE("t"), .value = {value, sizeof value}};
    aep__buf_clear(record);
    if (!aep__record_encode_message(record, &message) || record->failed)
        die("encode");
}

static void run_writer(unsigned writer)
{
    struct aep__spool spool;
    struct aep__appender appender;
    struct aep__buf record = {0};
    aep_position position;
    aep_error err;
    open_spool(&spool);
    aep__append_init(&appender, &spool, 0);
    for (uint64_t number = 0; !shared->writers_stop;) {
        encode_numbered(&record, writer, number);
        int result = aep__append(&appender, record.data, record.len, false, &position, &err);
        if (result == AEP_OK) {
            shared->accepted[writer] = ++number;
        } else if (result == AEP_EFULL) {
            shared->refused[writer]++;
            rest();
        } else {
            fprintf(stderr, "append: %s\n", err.text);
            _exit(1);
        }
    }
    _exit(0);
}

static void make_ballast(const struct aep__spool *spool)
{
    int fd = aep__spool_openat(spool, "ballast", O_WRONLY | O_CREAT, S_IFREG);
    if (fd >= 0 && aep__os_extend(fd, 0, BALLAST_BYTES) < 0)
        unlinkat(spool->dir_fd, "ballast", 0);
    if (fd >= 0)
        close(fd);
}

/* Each writer's numbers have no gap. */
static bool in_order(const struct aep__record *record, uint64_t next[WRITERS])
{
    struct aep__message message;
    unsigned writer;
    unsigned long long number;
    if (!aep__record_message(record, &message) ||
        sscanf(message.value.data, "%u %llu", &writer, &number) != 2 || writer >= WRITERS)
        return false;
    if (number == next[writer]++)
        return true;
    fprintf(stderr, "writer %u: %llu instead of %llu\n", writer, number,
            (unsigned long long)next[writer] - 1);
    return false;
}

static int retire(struct aep__spool *spool, int cursor_fd, struct aep__cursor *cursor, ino_t inode)
{
    uint64_t number = cursor->segment;
    int result = aep__retire_pass(spool, cursor_fd, cursor, inode);
    if (result < 0 && errno == ENOSPC && unlinkat(spool->dir_fd, "ballast", 0) == 0)
        result = aep__retire_pass(spool, cursor_fd, cursor, inode);
    make_ballast(spool);
    return result < 0 ? result : aep__retire_remove(spool, cursor_fd, number, number + 1);
}

static void run_reader(void)
{
    struct aep__spool spool;
    struct aep__cursor cursor;
    struct aep__reader reader;
    struct aep__entry entry;
    aep_error err;
    uint64_t next[WRITERS] = {0};
    open_spool(&spool);
    make_ballast(&spool);
    int cursor_fd = aep__cursor_open(&spool);
    if (cursor_fd < 0 || aep__cursor_load(&spool, &cursor, &err) != AEP_OK)
        die("cursor");
    aep__reader_init(&reader, &spool, cursor.segment, cursor.offset, true, &err);
    for (;;) {
        bool last_look = shared->reader_stop;
        enum aep__read outcome = aep__reader_next(&reader, &entry, &err);
        if (outcome == AEP__READ_EVENT) {
            if (!in_order(&entry.record, next))
                _exit(1);
            cursor.offset = entry.end;
            if (aep__cursor_store(&spool, cursor_fd, &cursor, false) < 0)
                die("store");
            shared->delivered++;
            while (shared->reader_pause && !shared->reader_stop)
                rest();
        } else if (outcome == AEP__READ_SEALED) {
            if (retire(&spool, cursor_fd, &cursor, reader.inode) < 0)
                die("retire");
        } else if (outcome == AEP__READ_WAIT && last_look) {
            break;
        } else if (outcome == AEP__READ_WAIT) {
            rest();
        } else {
            fprintf(stderr, "read: %d %s\n", (int)outcome, err.text);
            _exit(1);
        }
    }
    for (unsigned writer = 0; writer < WRITERS; writer++)
        if (next[writer] != shared->accepted[writer]) {
            fprintf(stderr, "writer %u: %llu accepted, %llu read\n", writer,
                    (unsigned long long)shared->accepted[writer], (unsigned long long)next[writer]);
            _exit(1);
        }
    _exit(0);
}

/* ---- the story ---- */

static uint64_t sum(atomic_uint_fast64_t *numbers)
{
    uint64_t total = 0;
    for (unsigned writer = 0; writer < WRITERS; writer++)
        total += numbers[writer];
    return total;
}

static pid_t children[WRITERS + 1];

/* Waits until a number has grown by that much; at most a minute, and only while all processes
 * live. */
static void until_grown(const char *what, uint64_t (*number)(void), uint64_t by)
{
    uint64_t goal = number() + by;
    for (int tries = 0; number() < goal; tries++) {
        int status;
        pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended > 0 || tries > 60000) {
            fprintf(stderr, "%s: %s\n", what, ended > 0 ? "a process has ended" : "it never came");
            for (unsigned i = 0; i <= WRITERS; i++)
                if (children[i] > 0 && children[i] != ended)
                    kill(children[i], SIGKILL);
            exit(1);
        }
        rest();
    }
}

static uint64_t total_accepted(void)
{
    return sum(shared->accepted);
}

static uint64_t fewest_accepted(void)
{
    uint64_t fewest = UINT64_MAX;
    for (unsigned writer = 0; writer < WRITERS; writer++)
        if (shared->accepted[writer] < fewest)
            fewest = shared->accepted[writer];
    return fewest;
}

static uint64_t total_refused(void)
{
    return sum(shared->refused);
}

static uint64_t total_delivered(void)
{
    return shared->delivered;
}

static void play_round(void)
{
    shared->reader_pause = true;
    fill_disk();
    until_grown("a full disk refuses", total_refused, 20);
    fill_disk(); /* to the last page */
    until_grown("and goes on refusing", total_refused, 20);
    uint64_t waiting = total_accepted() - total_delivered();
    shared->reader_pause = false;
    if (waiting > 1)
        until_grown("the drain goes on", total_delivered, waiting - 1);
    free_disk();
    until_grown("with room there is again, records are accepted", total_accepted, 200);
}

static pid_t start(void (*run)(unsigned), unsigned number)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        if (run)
            run(number);
        run_reader();
    }
    return pid;
}

static bool ended_well(pid_t pid)
{
    int status;
    return waitpid(pid, &status, 0) == pid && status == 0;
}

int main(void)
{
    bool good = true;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        die("mmap");
    mount_disk();
    for (unsigned writer = 0; writer < WRITERS; writer++)
        children[writer] = start(run_writer, writer);
    children[WRITERS] = start(NULL, 0);
    until_grown("everybody begins", fewest_accepted, 1);
    until_grown("the reader begins", total_delivered, 1);
    for (int round = 0; round < ROUNDS; round++)
        play_round();
    shared->writers_stop = true;
    for (unsigned writer = 0; writer < WRITERS; writer++)
        good = ended_well(children[writer]) && good;
    shared->reader_stop = true;
    good = ended_well(children[WRITERS]) && good;
    printf("accepted %llu  refused %llu  delivered %llu\n", (unsigned long long)total_accepted(),
           (unsigned long long)total_refused(), (unsigned long long)total_delivered());
    umount(mount_point);
    rmdir(mount_point);
    return good && total_accepted() == total_delivered() ? 0 : 1;
}
