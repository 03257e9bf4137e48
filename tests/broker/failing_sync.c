/* SPDX-License-Identifier: Apache-2.0 */
/* A failing disk, for LD_PRELOAD: while the file named by AEP_TEST_FAIL_SYNC exists,
 * fdatasync(2) of a segment fails with EIO. The file's content says which:
 *
 *     once NAME     the next one of this segment, which removes the file: Linux reports
 *                   a failed write only once
 *     always NAME   every one of this segment
 *     always        every one: the disk is broken for good
 *
 * Each sync of a segment adds a line to AEP_TEST_SYNCS: its name, and "failed" or "done". */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Its name; "": no segment. */
static void name_of(int fd, char name[PATH_MAX])
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    const char *slash = strrchr(path, '/');
    bool segment = len > 4 && slash && strcmp(path + len - 4, ".seg") == 0;
    strcpy(name, segment ? slash + 1 : "");
}

static bool is_to_fail(const char *name)
{
    char word[16] = "", victim[PATH_MAX] = "";
    const char *path = getenv("AEP_TEST_FAIL_SYNC");
    FILE *order = path ? fopen(path, "re") : NULL;
    int words = order ? fscanf(order, "%15s %4095s", word, victim) : 0;
    if (order)
        fclose(order);
    bool meant = words == 1 || (words == 2 && strcmp(name, victim) == 0);
    return meant && (strcmp(word, "once") != 0 || unlink(path) == 0);
}

static void note(const char *name, const char *result)
{
    const char *path = getenv("AEP_TEST_SYNCS");
    FILE *syncs = path ? fopen(path, "ae") : NULL;
    if (syncs) {
        fprintf(syncs, "%s %s\n", name, result);
        fclose(syncs);
    }
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    char name[PATH_MAX];
    name_of(fd, name);
    if (!*name || !is_to_fail(name)) {
        int result = (int)syscall(SYS_fdatasync, fd);
        if (*name)
            note(name, "done");
        return result;
    }
    note(name, "failed");
    errno = EIO;
    return -1;
}
