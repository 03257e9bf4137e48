/* SPDX-License-Identifier: Apache-2.0 */
/* Who has a database locked against writers, by the kernel's list of locks. Its files are not opened for
 * that: closing one would end the locks that SQLite has on it in this process.
 *
 *     the database   bytes from 2^30 on: the whole of it
 *     -shm           bytes 120 to 122: the log of changes (WAL) */
#include "track/store_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define TRACKER "aep-tracker" /* writes for a moment now and then */
#define END UINT64_MAX

struct range {
    dev_t device;
    ino_t inode;
    uint64_t from, until; /* inclusive */
};

struct lock {
    struct range range;
    long pid;
};

static bool find_range(const char *path, const char *suffix, uint64_t from, uint64_t until,
                       struct range *ret)
{
    struct stat st;
    char *name = NULL;
    bool found = asprintf(&name, "%s%s", path, suffix) >= 0 && stat(name, &st) == 0;
    if (found)
        *ret = (struct range){st.st_dev, st.st_ino, from, until};
    free(name);
    return found;
}

/* A line of /proc/locks: "1: POSIX ADVISORY WRITE 4711 fe:00:1234 120 120". False: no lock to write. */
static bool read_lock(const char *line, struct lock *ret)
{
    unsigned major, minor;
    unsigned long long inode, from;
    char until[24];
    if (sscanf(line, "%*d: POSIX %*s WRITE %ld %x:%x:%llu %llu %23s", &ret->pid, &major, &minor,
               &inode, &from, until) != 6)
        return false;
    ret->range = (struct range){makedev(major, minor), (ino_t)inode, from,
                                strcmp(until, "EOF") == 0 ? END : strtoull(until, NULL, 10)};
    return true;
}

static bool touch(const struct range *one, const struct range *other)
{
    return one->device == other->device && one->inode == other->inode &&
           one->from <= other->until && other->from <= one->until;
}

static void read_name(long pid, char *name, size_t size)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    FILE *file = fopen(path, "re");
    if (!file || !fgets(name, (int)size, file))
        snprintf(name, size, "unknown");
    name[strcspn(name, "\n")] = '\0';
    if (file)
        fclose(file);
}

bool aep__store_sqlite_locked(const char *path, struct aep__buf *out)
{
    struct range ranges[2];
    size_t count = find_range(path, "", UINT64_C(1) << 30, END, &ranges[0]);
    count += find_range(path, "-shm", 120, 122, &ranges[count]);
    char line[256], name[64];
    bool found = false;
    FILE *locks = count > 0 ? fopen("/proc/locks", "re") : NULL;
    while (locks && !found && fgets(line, sizeof line, locks)) {
        struct lock lock;
        if (!read_lock(line, &lock) || lock.pid <= 0 || lock.pid == getpid())
            continue;
        for (size_t i = 0; !found && i < count; i++)
            found = touch(&lock.range, &ranges[i]);
        if (found)
            read_name(lock.pid, name, sizeof name);
        found = found && strcmp(name, TRACKER) != 0;
        if (found)
            aep__buf_format(out, "process %ld (%s)", lock.pid, name);
    }
    if (locks)
        fclose(locks);
    return found;
}
