/* SPDX-License-Identifier: Apache-2.0 */
#include "unused.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "amount.h"
#include "spool/backlog.h"
#include "base/error.h"
#include "spool/aside.h"
#include "spool/cursor.h"
#include "spool/segment.h"
#include "spool/fates.h"
#include "spool/roll_count.h"

static bool count_aside(void *user, const struct aep__note *note, enum aep__fate fate)
{
    struct aep__contents *contents = user;
    (void)note;
    contents->parked += fate == AEP__FATE_PARKED;
    contents->dead += fate == AEP__FATE_DEAD;
    return true;
}

int aep__contents_measure(struct aep__spool *spool, struct aep__contents *ret, aep_error *err)
{
    struct aep__fates fates;
    struct aep__backlog backlog = {0};
    *ret = (struct aep__contents){0};
    int code = aep__fates_init(&fates, spool, err);
    if (code == AEP_OK)
        code = aep__backlog_measure(spool, &fates, &backlog, err);
    if (code == AEP_OK && aep__aside_each(spool, count_aside, ret) < 0)
        code = aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot read %s", spool->path);
    ret->waiting = backlog.events;
    ret->waiting_bytes = backlog.counted ? 0 : backlog.bytes;
    struct aep__roll_counts roll;
    if (aep__roll_count(spool, &roll) == 0)
        ret->open = roll.open + roll.gone + roll.elsewhere;
    aep__fates_done(&fates);
    return code;
}

bool aep__contents_empty(const struct aep__contents *contents)
{
    return contents->waiting + contents->waiting_bytes + contents->parked + contents->dead +
               contents->open ==
           0;
}

void aep__contents_text(const struct aep__spool *spool, const struct aep__contents *contents,
                        struct aep__buf *out)
{
    const char *comma = "";
    if (contents->waiting_bytes)
        aep__buf_format(out, "%s %s", aep__amount_bytes(contents->waiting_bytes).text,
                        aep__backlog_word(spool));
    else if (contents->waiting)
        aep__buf_format(out, "%s %s", aep__amount_of(contents->waiting, "event").text,
                        aep__backlog_word(spool));
    if (out->len)
        comma = ", ";
    if (contents->parked)
        aep__buf_format(out, "%s%llu parked", comma, (unsigned long long)contents->parked);
    if (out->len)
        comma = ", ";
    if (contents->dead)
        aep__buf_format(out, "%s%s", comma, aep__amount_of(contents->dead, "dead letter").text);
    if (out->len)
        comma = ", ";
    if (contents->open)
        aep__buf_format(out, "%s%s", comma, aep__amount_of(contents->open, "open execution").text);
}

bool aep__contents_none(void *user, struct aep__spool *spool)
{
    struct aep__contents contents;
    (void)user;
    return aep__contents_measure(spool, &contents, NULL) == AEP_OK &&
           aep__contents_empty(&contents);
}

static int64_t written_s(const struct aep__spool *spool, const char *name)
{
    struct stat st;
    return fstatat(spool->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (int64_t)st.st_mtime : 0;
}

int64_t aep__spool_unused_s(const struct aep__spool *spool)
{
    /* The folder's own time is that of the last segment made or removed. */
    static const char *const names[] = {".", "cursor", "status", "relay.log"};
    struct aep__cursor cursor;
    char segment[AEP__SEGMENT_NAME_SIZE];
    int64_t now_s = (int64_t)time(NULL), last_s = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (written_s(spool, names[i]) > last_s)
            last_s = written_s(spool, names[i]);
    if (aep__cursor_load(spool, &cursor, NULL) != AEP_OK)
        return 0;
    aep__segment_name(aep__segment_last(spool, cursor.segment), segment);
    if (written_s(spool, segment) > last_s)
        last_s = written_s(spool, segment);
    return last_s > 0 && now_s > last_s ? now_s - last_s : 0;
}
