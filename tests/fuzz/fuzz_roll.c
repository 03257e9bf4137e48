/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds the readers of the roll with damaged files: as they are, then with right checksums, since else
 * damage is seen by these alone. Every read must end, and find no text outside of what was read. */
#include "base/crc32c.h"
#include "base/endian.h"
#include "check.h"
#include "spool/roll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define UNIT AEP__ROLL_UNIT_BYTES
#define UNITS_MAX 64
#define AREA 96
#define AREAS (AEP__ROLL_WRITERS * AREA)
#define BODY (UNIT - AREAS)

struct reading {
    int fd;
    uint32_t next; /* unit */
};

static void check_entry(void *user, const struct aep__roll_entry *entry)
{
    struct reading *reading = user;
    const struct aep__roll_area *area;
    struct aep__roll_body body;
    struct aep__buf buf = {0};
    CHECK(entry->unit >= reading->next && entry->unit < UNITS_MAX);
    reading->next = entry->unit + aep__roll_units(entry->areas[AEP__ROLL_OWNER].body_bytes);
    aep__roll_standing(entry, &area);
    CHECK(area >= entry->areas && area < entry->areas + AEP__ROLL_WRITERS);
    aep__roll_is_open(entry);
    if (aep__roll_read_body(reading->fd, entry, &buf, &body) == 0)
        for (unsigned i = 0; i < AEP__ROLL_TEXTS; i++)
            CHECK(body.texts[i].data >= buf.data &&
                  body.texts[i].data + body.texts[i].len <= buf.data + buf.len);
    aep__buf_done(&buf);
}

static void put_checksum(char *at, const char *from, size_t len)
{
    aep__put32(at, aep__crc32c(0, from, len));
}

/* Of a body that lies in one unit. */
static void repair_body(char *unit)
{
    uint32_t len = aep__get32(unit + 12);
    if (len >= 4 && len <= BODY)
        put_checksum(unit + AREAS, unit + AREAS + 4, len - 4);
}

static void repair(char *file, size_t size)
{
    memcpy(file, "aepopen1", 8);
    put_checksum(file + 8, file + 12, UNIT - 12);
    for (char *unit = file + UNIT; unit + UNIT <= file + size; unit += UNIT) {
        repair_body(unit);
        for (char *area = unit; area < unit + AREAS; area += AREA) {
            if (!area[8])
                continue; /* as it may be blank */
            memcpy(area, "aepo", 4);
            area[8] = (char)((unsigned char)area[8] % AEP__ROLL_STATES);
            put_checksum(area + 4, area + 8, AREA - 8);
        }
    }
}

static void read_file(const char *file, size_t size)
{
    struct aep__os_process process;
    enum aep__roll_kind kind;
    unsigned damaged;
    struct reading reading = {.fd = memfd_create("roll", MFD_CLOEXEC), .next = 1};
    CHECK(reading.fd >= 0 && write(reading.fd, file, size) == (ssize_t)size);
    if (aep__roll_read_process(reading.fd, &process, &kind) > 0)
        CHECK(memchr(process.name, 0, sizeof process.name));
    CHECK(aep__roll_entries(reading.fd, check_entry, &reading, &damaged) == 0);
    CHECK(damaged <= UNITS_MAX);
    close(reading.fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t bytes = size < (size_t)UNITS_MAX * UNIT ? size : (size_t)UNITS_MAX * UNIT;
    char *file = calloc(1, bytes + 2 * UNIT); /* room for what repair() looks at in any case */
    CHECK(file);
    memcpy(file, data, bytes);
    read_file(file, bytes);
    repair(file, bytes < UNIT ? UNIT : bytes);
    read_file(file, bytes < UNIT ? UNIT : bytes);
    free(file);
    return 0;
}
