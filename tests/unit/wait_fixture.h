/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for an event's fate: what a relay leaves in the spool for others to read, and how many
 * folders this process watches. */
#ifndef AEP_TESTS_WAIT_FIXTURE_H
#define AEP_TESTS_WAIT_FIXTURE_H

#include "client_fixture.h"

#include "spool/sidelog.h"

static inline aep_receipt publish(struct here *here)
{
    aep_receipt receipt = AEP_RECEIPT_INIT;
    accepted(here, publish_started(here, &receipt));
    return receipt;
}

/* ---- what a relay leaves ---- */

/* Acts as a relay that has finished everything up to there. */
static inline void move_cursor(struct here *here, aep_position position)
{
    struct aep__spool spool;
    struct aep__cursor cursor;
    accepted(here, aep__spool_open(&spool, here->dir, NULL, &here->err));
    accepted(here, aep__cursor_load(&spool, &cursor, &here->err));
    cursor.segment = position.segment;
    cursor.offset = position.offset;
    int fd = aep__cursor_open(&spool);
    assert_int_equal(aep__cursor_store(&spool, fd, &cursor, true), 0);
    close(fd);
    aep__spool_done(&spool);
}

struct standing {
    struct aep__note note; /* the last record's place */
    char raw[4096];
    size_t len;
};

static inline void keep_standing(void *user, const struct aep__message *message,
                                 const struct aep__entry *entry)
{
    struct standing *standing = user;
    struct aep__slice raw = {entry->record.meta.data - AEP__RECORD_HEAD, entry->record.size};
    (void)message;
    assert_true(raw.len <= sizeof standing->raw);
    standing->note =
        (struct aep__note){.segment = entry->segment, .offset = entry->offset, .end = entry->end};
    standing->len = raw.len;
    memcpy(standing->raw, raw.data, raw.len);
}

/* Acts as a relay that exits with the last record in this side log. */
static inline void set_last_aside(struct here *here, const char *name)
{
    struct aep__spool spool;
    struct aep__sidelog log;
    struct standing standing;
    assert_true(read_spool(here->dir, keep_standing, &standing) > 0);
    accepted(here, aep__spool_open(&spool, here->dir, NULL, &here->err));
    assert_int_equal(aep__sidelog_open(&log, &spool, name, true), 0);
    assert_int_equal(
        aep__sidelog_append(&log, &standing.note, (struct aep__slice){standing.raw, standing.len}),
        0);
    assert_int_equal(aep__sidelog_sync(&log, true), 0);
    aep__sidelog_done(&log);
    aep__spool_done(&spool);
}

/* ---- watches ---- */

/* A process that waits for a relay watches the folder until the relay's socket appears there. */
static inline int count_watches(void)
{
    char path[64], target[64];
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(path, target, sizeof target - 1);
        target[len > 0 ? len : 0] = '\0';
        count += strstr(target, "inotify") != NULL;
    }
    return count;
}

static inline void await_watches(int count)
{
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (count_watches() != count && now_ms() < deadline)
        sched_yield();
    assert_int_equal(count_watches(), count);
}

#endif
