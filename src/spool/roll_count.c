/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/roll_count.h"

#include <unistd.h>

struct counting {
    const struct aep__spool *spool;
    struct aep__os_process self;
    uint64_t here; /* of the file being read */
    struct aep__roll_counts *counts;
};

static void count_entry(void *user, const struct aep__roll_entry *entry)
{
    struct counting *counting = user;
    const struct aep__roll_area *area;
    enum aep__roll_standing standing = aep__roll_standing(entry, &area);
    counting->here += standing == AEP__ROLL_IS_OPEN || standing == AEP__ROLL_IS_UNKNOWN;
}

static uint64_t *find_count(const struct counting *counting, int fd,
                            const struct aep__os_process *process)
{
    struct aep__roll_counts *counts = counting->counts;
    switch (aep__os_process_life(process, &counting->self)) {
    case AEP__OS_LIVES:
        return &counts->open;
    case AEP__OS_REBOOTED:
        return aep__roll_held(fd) ? &counts->elsewhere : &counts->gone;
    case AEP__OS_GONE:
        return &counts->gone;
    default:
        return &counts->elsewhere;
    }
}

static bool count_file(void *user, const char *name)
{
    struct counting *counting = user;
    struct aep__os_process process;
    enum aep__roll_kind kind;
    unsigned damaged;
    int fd = aep__roll_open(counting->spool, name);
    if (fd < 0)
        return true;
    counting->here = 0;
    if (aep__roll_read_process(fd, &process, &kind) == 1 &&
        aep__roll_entries(fd, count_entry, counting, &damaged) == 0) {
        *find_count(counting, fd, &process) += counting->here;
        counting->counts->damaged += damaged;
    }
    close(fd);
    return true;
}

int aep__roll_count(const struct aep__spool *spool, struct aep__roll_counts *ret)
{
    struct counting counting = {.spool = spool, .counts = ret};
    *ret = (struct aep__roll_counts){0};
    aep__os_process_self(&counting.self);
    return aep__roll_each(spool, count_file, &counting);
}
