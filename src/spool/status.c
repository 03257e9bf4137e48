/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/status.h"

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATUS_NAME "status"
#define RELAY_NAME "aep-relay"           /* as the process calls itself */
#define STATUS_MAGIC 0x3154415453504541u /* "AEPSTAT1" */
#define TRIES 1000                       /* a write takes microseconds */

/* The contents of the file. It never leaves this machine, so numbers are in native byte order. */
struct block {
    struct aep__status status;
    uint32_t crc;
    uint32_t zero;
};

int aep__status_open(const struct aep__spool *spool)
{
    static const struct block blank;
    int fd = aep__spool_openat(spool, STATUS_NAME, O_RDWR, S_IFREG);
    if (fd < 0 && errno == ENOENT &&
        aep__spool_create(spool, STATUS_NAME, &blank, sizeof blank, 0) == 0)
        fd = aep__spool_openat(spool, STATUS_NAME, O_RDWR, S_IFREG);
    return fd;
}

int aep__status_write(int fd, struct aep__status *status)
{
    status->magic = STATUS_MAGIC;
    status->version = 1;
    status->written_us = aep__clock_wall_us();
    struct block block = {.status = *status, .crc = aep__crc32c(0, status, sizeof *status)};
    return pwrite(fd, &block, sizeof block, 0) == (ssize_t)sizeof block ? 0 : -1;
}

static bool read_block(int fd, struct aep__status *ret)
{
    struct block block;
    if (pread(fd, &block, sizeof block, 0) != (ssize_t)sizeof block ||
        block.status.magic != STATUS_MAGIC || block.status.version != 1 ||
        block.crc != aep__crc32c(0, &block.status, sizeof block.status))
        return false;
    *ret = block.status;
    ret->reason[sizeof ret->reason - 1] = ret->version_text[sizeof ret->version_text - 1] = '\0';
    return true;
}

bool aep__status_stopped(const struct aep__status *status)
{
    return status->pid > 0 && aep__os_stopped(status->pid, RELAY_NAME);
}

/* What it says about the broker was true when it was stopped (SIGSTOP, a debugger). */
static void note_stopped(struct aep__status *status)
{
    if (!aep__status_stopped(status))
        return;
    status->broker = AEP_BROKER_UNKNOWN;
    snprintf(status->reason, sizeof status->reason,
             "the relay, process %" PRId64 ", " AEP__STATUS_STOPPED " %" PRId64 " lets it go on",
             status->pid, status->pid);
}

int aep__status_read(const struct aep__spool *spool, struct aep__status *ret, aep_error *err)
{
    int fd = aep__spool_openat(spool, STATUS_NAME, O_RDONLY, S_IFREG);
    bool whole = false;
    for (int tries = 0; fd >= 0 && tries < TRIES && !(whole = read_block(fd, ret)); tries++) {
        uint64_t magic = 0;
        if (pread(fd, &magic, sizeof magic, 0) <= 0 || magic == 0)
            break; /* none written yet */
        sched_yield();
    }
    if (fd >= 0)
        close(fd);
    if (whole)
        note_stopped(ret);
    return whole ? AEP_OK
                 : aep__error(err, AEP_ESTATE, NULL, "no relay has written its status in %s yet",
                              spool->path);
}
