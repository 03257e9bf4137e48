/* SPDX-License-Identifier: Apache-2.0 */
#include "numbered.h"

#include "measure.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct bench_counts *bench_counts_map(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct bench_counts)) != 0)
        bench_die("cannot make %s", path);
    void *counts =
        mmap(NULL, sizeof(struct bench_counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counts == MAP_FAILED)
        bench_die("cannot map %s", path);
    close(fd);
    return counts;
}

void bench_numbered_id(char id[BENCH_ID_BYTES + 1], const char *run, size_t number)
{
    if (strlen(run) != 12 || number > UINT32_MAX)
        bench_die("a run is 12 hexadecimal digits, a number fits in 32 bits");
    snprintf(id, BENCH_ID_BYTES + 1, "%08x-ae2c-7809-8aeb-%.12s", (unsigned)number, run);
}
