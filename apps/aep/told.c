/* SPDX-License-Identifier: Apache-2.0 */
#include "told.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/buf.h"
#include "spool/spool.h"

#define FILE_MAX 4096
_Static_assert(AEP__TOLD_MAX *(AEP__TOLD_NAME_SIZE + 22) < FILE_MAX, "the file is read whole");

void aep__told_load(struct aep__told *told, const char *folder)
{
    char path[PATH_MAX], text[FILE_MAX + 1], name[AEP__TOLD_NAME_SIZE];
    *told = (struct aep__told){.folder = folder};
    snprintf(path, sizeof path, "%s/" AEP__SPOOL_TOLD, folder);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, FILE_MAX) : -1;
    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = '\0';
    uint64_t value;
    int taken;
    for (const char *at = text; sscanf(at, "%31s %" SCNu64 "\n%n", name, &value, &taken) == 2;
         at += taken)
        aep__told_set(told, name, value);
}

static size_t find(const struct aep__told *told, const char *name)
{
    size_t i = 0;
    while (i < told->count && strcmp(told->rows[i].name, name) != 0)
        i++;
    return i;
}

uint64_t aep__told_get(const struct aep__told *told, const char *name)
{
    size_t i = find(told, name);
    return i < told->count ? told->rows[i].value : 0;
}

void aep__told_set(struct aep__told *told, const char *name, uint64_t value)
{
    size_t i = find(told, name);
    if (i == AEP__TOLD_MAX)
        return;
    snprintf(told->rows[i].name, sizeof told->rows[i].name, "%s", name);
    told->rows[i].value = value;
    told->count += i == told->count;
}

void aep__told_save(const struct aep__told *told)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    struct aep__buf text = {0};
    for (size_t i = 0; i < told->count; i++)
        aep__buf_format(&text, "%s %" PRIu64 "\n", told->rows[i].name, told->rows[i].value);
    snprintf(path, sizeof path, "%s/" AEP__SPOOL_TOLD, told->folder);
    snprintf(temporary, sizeof temporary, "%s/" AEP__SPOOL_TEMP AEP__SPOOL_TOLD ".%d", told->folder,
             (int)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
        bool written = !text.failed && write(fd, text.data, text.len) == (ssize_t)text.len;
        close(fd);
        if (!written || rename(temporary, path) < 0)
            unlink(temporary);
    }
    aep__buf_done(&text);
}
