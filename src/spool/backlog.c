/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/backlog.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/cursor.h"
#include "spool/read.h"
#include "spool/segment.h"

#define COUNT_BYTES (64u << 20) /* at most this much is read to count events */

static uint64_t segment_size(const struct aep__spool *spool, uint64_t number)
{
    char name[AEP__SEGMENT_NAME_SIZE];
    struct stat status;
    aep__segment_name(number, name);
    bool found = fstatat(spool->dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    return found ? (uint64_t)status.st_size : 0;
}

static int count_events(struct aep__spool *spool, aep_position begin, uint64_t *ret, aep_error *err)
{
    struct aep__reader reader = {.fd = -1};
    struct aep__entry entry;
    uint64_t count = 0;
    int code = aep__reader_init(&reader, spool, begin.segment, begin.offset, false, err);
    enum aep__read read = AEP__READ_SEALED;
    while (code == AEP_OK && (read == AEP__READ_EVENT || read == AEP__READ_SEALED)) {
        read = aep__reader_next(&reader, &entry, err);
        count += read == AEP__READ_EVENT;
        if (read == AEP__READ_ERROR)
            code = err->code;
    }
    aep__reader_done(&reader);
    *ret = count;
    return code;
}

static int weigh(const struct aep__spool *spool, const struct aep__fates *fates,
                 aep_position *ret_begin, struct aep__backlog *ret, aep_error *err)
{
    struct aep__cursor cursor;
    *ret = (struct aep__backlog){0};
    int code = aep__cursor_load(spool, &cursor, err);
    if (code != AEP_OK)
        return code;
    aep_position begin = fates->finished;
    if (spool->local)
        begin = (aep_position){cursor.segment, 0};
    uint64_t last = aep__segment_last(spool, cursor.segment);
    for (uint64_t number = cursor.segment; number <= last; number++) {
        uint64_t size = segment_size(spool, number);
        uint64_t done = number < begin.segment ? size : number == begin.segment ? begin.offset : 0;
        ret->used_bytes += size;
        ret->bytes += size > done ? size - done : 0;
    }
    *ret_begin = begin;
    return AEP_OK;
}

int aep__backlog_weigh(struct aep__spool *spool, const struct aep__fates *fates,
                       struct aep__backlog *ret, aep_error *err)
{
    aep_position begin;
    return weigh(spool, fates, &begin, ret, err);
}

int aep__backlog_measure(struct aep__spool *spool, const struct aep__fates *fates,
                         struct aep__backlog *ret, aep_error *err)
{
    aep_position begin;
    int code = weigh(spool, fates, &begin, ret, err);
    ret->counted = code == AEP_OK && ret->bytes <= COUNT_BYTES;
    return ret->counted ? count_events(spool, begin, &ret->events, err) : code;
}

const char *aep__backlog_word(const struct aep__spool *spool)
{
    return spool->local ? "kept" : "waiting";
}
