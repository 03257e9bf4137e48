/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/judgement.h"

#include "base/error.h"
#include "base/id.h"
#include "deliver/ballast.h"
#include "event/kinds.h"
#include "relay/abandonment.h"
#include "relay/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOMB_S 86400   /* that an execution is known to have been declared */
#define SYNCED_EACH 64 /* files, each with a sync of its own */

/* Of one entry, as far as it has been judged. */
enum verdict {
    VERDICT_OPEN,     /* to be declared */
    VERDICT_AGAIN,    /* DECLARING, and its event is not in the spool */
    VERDICT_OVER,     /* to be forgotten */
    VERDICT_DECLARED, /* its event is in the spool */
    VERDICT_LATER,    /* somebody lives that can still end it, or there is no room */
};

struct one {
    size_t party;
    bool entrusted;
    struct aep__roll_entry entry;
    enum aep__roll_standing standing;
    struct aep__roll_area area; /* what it asks about; later, what is declared */
    enum verdict verdict;
    size_t sought; /* of the search; SIZE_MAX: nothing */
};

struct judgement {
    struct aep__relay *relay;
    size_t party; /* being read */
    struct one *all;
    struct aep__sought *sought;
    uint8_t (*joined)[16]; /* executions that somebody has joined who lives, or may live */
    size_t count, cap, sought_count, sought_cap, joined_count, joined_cap;
    bool failed; /* out of memory */
};

/* ---- what there is ---- */

static bool make_room(void *array, size_t size, size_t count, size_t *cap)
{
    void **at = array;
    if (count < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 16;
    void *grown = realloc(*at, more * size);
    if (!grown)
        return false;
    *at = grown;
    *cap = more;
    return true;
}

static bool is_gone(const struct aep__party *party)
{
    return party->life == AEP__OS_GONE || party->life == AEP__OS_REBOOTED;
}

static void seek(struct judgement *judgement, struct one *one, const uint8_t id[16], bool effect,
                 aep_position from)
{
    if (!make_room(&judgement->sought, sizeof *judgement->sought, judgement->sought_count,
                   &judgement->sought_cap)) {
        judgement->failed = true;
        return;
    }
    one->sought = judgement->sought_count++;
    judgement->sought[one->sought] = (struct aep__sought){.effect = effect, .from = from};
    memcpy(judgement->sought[one->sought].id, id, 16);
}

/* A boot ended without the newest marks reaching the disk: what ended an execution may be in the spool
 * although the roll says that it is open. */
static void take_entry(void *user, const struct aep__roll_entry *entry)
{
    struct judgement *judgement = user;
    const struct aep__party *party = &judgement->relay->departed.parties[judgement->party];
    const struct aep__roll_area *owner = &entry->areas[AEP__ROLL_OWNER], *area;
    enum aep__roll_standing standing = aep__roll_standing(entry, &area);
    if ((standing != AEP__ROLL_IS_OPEN && standing != AEP__ROLL_IS_UNKNOWN) ||
        (!is_gone(party) && !owner->released))
        return;
    if (!make_room(&judgement->all, sizeof *judgement->all, judgement->count, &judgement->cap)) {
        judgement->failed = true;
        return;
    }
    struct one *one = &judgement->all[judgement->count++];
    *one = (struct one){.party = judgement->party,
                        .entrusted = party->kind == AEP__ROLL_ENTRUSTED,
                        .entry = *entry,
                        .standing = standing,
                        .area = *area,
                        .sought = SIZE_MAX};
    if (standing == AEP__ROLL_IS_UNKNOWN)
        seek(judgement, one, area->event, false, area->from);
    else if (party->life == AEP__OS_REBOOTED)
        seek(judgement, one, owner->execution, true, (aep_position){0});
}

static void say_damaged(struct aep__relay *relay, struct aep__party *party, unsigned damaged)
{
    if (damaged && !party->said)
        aep__log_write(&relay->log, AEP_LOG_ERROR,
                       AEP__ROLL_FOLDER "/%s is damaged: %u executions of process %lld cannot be "
                                        "ended for it",
                       party->file, damaged, (long long)party->process.pid);
    party->said |= damaged > 0;
}

/* What stands in a file, unless somebody is about to end an execution in it. */
static void take_party(struct judgement *judgement, size_t number)
{
    struct aep__relay *relay = judgement->relay;
    struct aep__party *party = &relay->departed.parties[number];
    unsigned damaged = 0;
    int fd = aep__roll_open(&relay->spool, party->file);
    if (fd < 0)
        return;
    judgement->party = number;
    party->held = party->kind == AEP__ROLL_ENTRUSTED && aep__roll_held(fd);
    relay->departed.pending |= party->held;
    if (!party->held)
        aep__roll_entries(fd, take_entry, judgement, &damaged);
    close(fd);
    if (is_gone(party))
        say_damaged(relay, party, damaged);
}

static void take_joined(void *user, const struct aep__roll_entry *entry)
{
    struct judgement *judgement = user;
    const struct aep__roll_area *owner = &entry->areas[AEP__ROLL_OWNER];
    if (owner->state != AEP__ROLL_JOINED)
        return;
    if (!make_room(&judgement->joined, sizeof *judgement->joined, judgement->joined_count,
                   &judgement->joined_cap)) {
        judgement->failed = true;
        return;
    }
    memcpy(judgement->joined[judgement->joined_count++], owner->execution, 16);
}

static void find_joined(struct judgement *judgement)
{
    struct aep__departed *departed = &judgement->relay->departed;
    unsigned damaged;
    judgement->joined_count = 0;
    for (size_t i = 0; i < departed->count; i++) {
        if (is_gone(&departed->parties[i]))
            continue;
        int fd = aep__roll_open(&judgement->relay->spool, departed->parties[i].file);
        if (fd < 0)
            continue;
        aep__roll_entries(fd, take_joined, judgement, &damaged);
        close(fd);
    }
}

/* ---- what is to be done ---- */

static bool ends_execution(struct aep__slice event_type)
{
    int kind = aep__kind_of_type(event_type.data, event_type.len);
    return kind >= 0 && aep__kinds[kind].terminal;
}

static enum verdict decide(const struct one *one, bool found)
{
    if (one->standing == AEP__ROLL_IS_OPEN)
        return found ? VERDICT_OVER : VERDICT_OPEN;
    switch (one->area.state) {
    case AEP__ROLL_DECLARING:
        return found ? VERDICT_DECLARED : VERDICT_AGAIN;
    case AEP__ROLL_STARTING:
        return found ? VERDICT_OPEN : VERDICT_OVER;
    default:
        return found ? VERDICT_OVER : VERDICT_OPEN;
    }
}

static bool is_joined(const struct judgement *judgement, const uint8_t execution[16])
{
    for (size_t i = 0; i < judgement->joined_count; i++)
        if (memcmp(judgement->joined[i], execution, 16) == 0)
            return true;
    return false;
}

/* False: it could not be found out; later again. */
static bool decide_all(struct judgement *judgement)
{
    aep_error err = {0};
    const struct aep__search search = {
        .sought = judgement->sought, .count = judgement->sought_count, .asks_for = ends_execution};
    if (aep__roll_search(&judgement->relay->spool, &search, &err) != AEP_OK) {
        aep__log_write(&judgement->relay->log, AEP_LOG_ERROR, "%s", err.text);
        return false;
    }
    find_joined(judgement);
    for (size_t i = 0; i < judgement->count; i++) {
        struct one *one = &judgement->all[i];
        one->verdict = decide(one, one->sought != SIZE_MAX && judgement->sought[one->sought].found);
        if (one->verdict == VERDICT_OPEN &&
            is_joined(judgement, one->entry.areas[AEP__ROLL_OWNER].execution))
            one->verdict = VERDICT_LATER;
    }
    return !judgement->failed;
}

/* ---- declaring ---- */

static int64_t find_lasted(const struct aep__relay *relay, const struct aep__party *party,
                           const struct aep__roll_body *body)
{
    int64_t lasted_us = party->life == AEP__OS_REBOOTED
                            ? relay->pace.wall_us - body->started_us
                            : relay->pace.now_us - body->started_mono_us;
    return lasted_us < 0 ? 0 : lasted_us;
}

/* An end that another process began between our look and our mark: one of the two sees the other's, and
 * gives way; perhaps both. */
static bool is_contested(int fd, const struct one *one)
{
    struct aep__roll_entry now;
    const struct aep__roll_area *before = &one->entry.areas[AEP__ROLL_ANOTHER];
    const struct aep__roll_area *another = &now.areas[AEP__ROLL_ANOTHER];
    return aep__roll_read(fd, one->entry.unit, &now) != 1 || another->state != before->state ||
           memcmp(another->event, before->event, sizeof before->event) != 0;
}

/* Says in the roll what will be appended. */
static void announce(struct aep__relay *relay, int fd, struct one *one, struct aep__buf *buf)
{
    struct aep__roll_body body;
    struct aep__party *party = &relay->departed.parties[one->party];
    if (one->verdict != VERDICT_OPEN)
        return;
    if (aep__roll_read_body(fd, &one->entry, buf, &body) < 0) {
        one->verdict = errno == EBADMSG ? VERDICT_OVER : VERDICT_LATER;
        if (errno == EBADMSG)
            say_damaged(relay, party, 1);
        return;
    }
    struct aep__roll_area area = {
        .state = AEP__ROLL_DECLARING,
        .from = relay->core.tail.newest,
        .at_us = relay->pace.wall_us,
        .lasted_us = find_lasted(relay, party, &body),
    };
    memcpy(area.execution, one->entry.areas[AEP__ROLL_OWNER].execution, sizeof area.execution);
    aep__id_make(area.at_us, area.event);
    if (aep__roll_mark(fd, one->entry.unit, AEP__ROLL_RELAY, &area) < 0) {
        one->verdict = VERDICT_LATER;
        return;
    }
    one->area = area;
    one->verdict = VERDICT_AGAIN;
    if (!is_contested(fd, one))
        return;
    area.state = AEP__ROLL_FREE;
    aep__roll_mark(fd, one->entry.unit, AEP__ROLL_RELAY, &area);
    one->verdict = VERDICT_LATER;
}

static int append(struct aep__relay *relay, struct aep__appender *appender,
                  const struct aep__buf *record, aep_error *err)
{
    aep_position position;
    int result = aep__append(appender, record->data, record->len, true, &position, err);
    errno = ENOSPC;
    if (result == AEP_EFULL && aep__ballast_give(&relay->spool))
        result = aep__append(appender, record->data, record->len, true, &position, err);
    return result;
}

static void log_declared(struct aep__relay *relay, const struct one *one)
{
    const struct aep__party *party = &relay->departed.parties[one->party];
    char execution[AEP_ID_SIZE];
    bool well = one->entry.areas[AEP__ROLL_OWNER].ended_well;
    aep__id_format(one->area.execution, execution);
    aep__log_write(&relay->log, well ? AEP_LOG_INFO : AEP_LOG_WARNING,
                   "execution %s: process %lld (%s) %s: declared %s", execution,
                   (long long)party->process.pid, party->process.name,
                   is_gone(party) ? "is gone" : "can no longer end it",
                   well ? "completed" : "failed");
}

/* The event as announced, by whichever relay. */
static void declare(struct aep__relay *relay, struct aep__appender *appender, int fd,
                    struct one *one, struct aep__buf *buf)
{
    struct aep__buf record = {0};
    struct aep__roll_body body;
    aep_error err = {0};
    const struct aep__party *party = &relay->departed.parties[one->party];
    if (one->verdict != VERDICT_AGAIN)
        return;
    int result = aep__roll_read_body(fd, &one->entry, buf, &body) < 0 ? AEP_EIO : AEP_OK;
    if (result == AEP_OK)
        result = aep__abandonment_encode(
            &(struct aep__abandonment){
                .process = &party->process,
                .dropped = !is_gone(party),
                .ended_well = one->entry.areas[AEP__ROLL_OWNER].ended_well,
                .area = &one->area,
                .body = &body,
            },
            &record, &err);
    bool never = result == AEP_EINVAL;
    if (result == AEP_OK)
        result = append(relay, appender, &record, &err);
    aep__buf_done(&record);
    one->verdict = result == AEP_OK ? VERDICT_DECLARED : never ? VERDICT_OVER : VERDICT_LATER;
    if (result == AEP_OK)
        log_declared(relay, one);
    else if (!relay->departed.told)
        aep__log_write(&relay->log, AEP_LOG_ERROR, "cannot declare an execution failed: %s",
                       err.text);
    relay->departed.told = result != AEP_OK; /* it is tried each second */
}

static void note_declared(int fd, struct one *one)
{
    if (one->verdict != VERDICT_DECLARED)
        return;
    one->area.state = AEP__ROLL_DECLARED;
    aep__roll_mark(fd, one->entry.unit, AEP__ROLL_RELAY, &one->area);
}

/* The file of some; what cannot be opened is tried again. */
static int open_file(struct aep__relay *relay, struct one *ones, size_t count)
{
    int fd = aep__roll_open(&relay->spool, relay->departed.parties[ones->party].file);
    for (size_t i = 0; fd < 0 && i < count; i++)
        ones[i].verdict = VERDICT_LATER;
    return fd;
}

static void log_unsynced(struct aep__relay *relay, const char *file)
{
    aep__log_write(&relay->log, AEP_LOG_ERROR, "cannot sync " AEP__ROLL_FOLDER "/%s: %s", file,
                   strerror(errno));
}

static void announce_file(struct aep__relay *relay, struct one *ones, size_t count, bool sync)
{
    struct aep__buf buf = {0};
    int fd = open_file(relay, ones, count);
    if (fd < 0)
        return;
    for (size_t i = 0; i < count; i++)
        announce(relay, fd, &ones[i], &buf);
    if (sync && fdatasync(fd) < 0)
        log_unsynced(relay, relay->departed.parties[ones->party].file);
    close(fd);
    aep__buf_done(&buf);
}

static void declare_file(struct aep__relay *relay, struct aep__appender *appender, struct one *ones,
                         size_t count)
{
    struct aep__buf buf = {0};
    int fd = open_file(relay, ones, count);
    if (fd < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        if (ones[i].entrusted && aep__roll_held(fd))
            ones[i].verdict = VERDICT_LATER;
        declare(relay, appender, fd, &ones[i], &buf);
        note_declared(fd, &ones[i]);
    }
    close(fd);
    aep__buf_done(&buf);
}

/* What was entered for another process has a file each: the youngest first, so that a child ends before
 * what it is a part of. Ids ascend with time. */
static int by_youth(const void *left, const void *right)
{
    const struct one *one = left, *other = right;
    if (one->entrusted != other->entrusted)
        return one->entrusted ? 1 : -1;
    if (one->entrusted)
        return memcmp(other->entry.areas[AEP__ROLL_OWNER].execution,
                      one->entry.areas[AEP__ROLL_OWNER].execution, 16);
    if (one->party != other->party)
        return one->party < other->party ? -1 : 1;
    return (one->entry.unit > other->entry.unit) - (one->entry.unit < other->entry.unit);
}

static size_t count_same(const struct judgement *judgement, size_t begin)
{
    size_t end = begin;
    while (end < judgement->count && judgement->all[end].party == judgement->all[begin].party)
        end++;
    return end - begin;
}

static size_t count_files(const struct judgement *judgement)
{
    size_t files = 0;
    for (size_t at = 0; at < judgement->count; at += count_same(judgement, at))
        files++;
    return files;
}

/* What is announced is on disk before the first of it is sent anywhere, so that nothing else is announced
 * after a loss of power. Many agents may be gone at once: then one sync has to do for all of their files. */
static void announce_all(struct judgement *judgement)
{
    struct aep__relay *relay = judgement->relay;
    bool sync = relay->core.sync_cursor, each = count_files(judgement) <= SYNCED_EACH;
    for (size_t at = 0; at < judgement->count; at += count_same(judgement, at))
        announce_file(relay, &judgement->all[at], count_same(judgement, at), sync && each);
    if (sync && !each && syncfs(relay->spool.dir_fd) < 0)
        log_unsynced(relay, "");
}

static void declare_all(struct judgement *judgement)
{
    struct aep__relay *relay = judgement->relay;
    struct aep__appender appender;
    bool declared = false;
    int64_t max_bytes = aep__config_int(relay->config, AEP__OPT_SPOOL_MAX_BYTES);
    aep__append_init(&appender, &relay->spool, (uint64_t)max_bytes);
    if (judgement->count > 0)
        qsort(judgement->all, judgement->count, sizeof *judgement->all, by_youth);
    announce_all(judgement);
    for (size_t at = 0; at < judgement->count; at += count_same(judgement, at))
        declare_file(relay, &appender, &judgement->all[at], count_same(judgement, at));
    aep__append_done(&appender);
    for (size_t i = 0; i < judgement->count; i++)
        declared |= judgement->all[i].verdict == VERDICT_DECLARED;
    if (!declared)
        return;
    aep__tail_rung(&relay->core);
    aep__pace_touch(&relay->pace);
    aep__pace_due(&relay->pace, relay->pace.now_us);
}

/* ---- all of it ---- */

static bool is_settled(const struct judgement *judgement, size_t party)
{
    for (size_t i = 0; i < judgement->count; i++)
        if (judgement->all[i].party == party && judgement->all[i].verdict == VERDICT_LATER)
            return false;
    return true;
}

static bool is_to_be_read(const struct aep__departed *departed, size_t party, bool sweep)
{
    enum aep__os_life life = departed->parties[party].life;
    return is_gone(&departed->parties[party]) || (sweep && life == AEP__OS_LIVES);
}

/* Waits for whoever has joined are no business of ours: their end is heard of. */
static bool waits_for_room(const struct judgement *judgement, const struct one *one)
{
    return one->verdict == VERDICT_LATER &&
           !is_joined(judgement, one->entry.areas[AEP__ROLL_OWNER].execution);
}

/* A process's own file is of no use to anyone. One that was entered for it is found by whoever comes to
 * end the execution, and must not. */
static void bury(struct aep__relay *relay, const struct aep__party *party)
{
    struct aep__roll_entry entry;
    struct stat st;
    bool declared = false;
    int fd = party->kind == AEP__ROLL_ENTRUSTED ? aep__roll_open(&relay->spool, party->file) : -1;
    if (fd >= 0) {
        declared = aep__roll_read(fd, 1, &entry) == 1 &&
                   entry.areas[AEP__ROLL_RELAY].state == AEP__ROLL_DECLARED &&
                   fstat(fd, &st) == 0 &&
                   st.st_mtim.tv_sec > relay->pace.wall_us / 1000000 - TOMB_S;
        close(fd);
    }
    if (!declared)
        aep__roll_remove(&relay->spool, party->file);
}

void aep__judge(struct aep__relay *relay)
{
    struct aep__departed *departed = &relay->departed;
    struct judgement judgement = {.relay = relay};
    bool sweep = relay->pace.now_us >= departed->sweep_us;
    for (size_t i = 0; i < departed->count; i++)
        if (is_to_be_read(departed, i, sweep))
            take_party(&judgement, i);
    if (sweep)
        departed->sweep_us = relay->pace.now_us + AEP__DEPARTED_SWEEP_US;
    bool decided = !judgement.failed && (judgement.count == 0 || decide_all(&judgement));
    if (decided)
        declare_all(&judgement);
    departed->pending |= !decided;
    for (size_t i = 0; decided && i < judgement.count; i++)
        departed->pending |= waits_for_room(&judgement, &judgement.all[i]);
    for (size_t i = 0; decided && i < departed->count; i++)
        if (is_gone(&departed->parties[i]) && !departed->parties[i].held &&
            is_settled(&judgement, i))
            bury(relay, &departed->parties[i]);
    free(judgement.all);
    free(judgement.sought);
    free(judgement.joined);
}
