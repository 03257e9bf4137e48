/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/departed.h"

#include "relay/judgement.h"
#include "relay/relay.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define WATCHED_MAX 1024 /* processes by pidfd: the others are looked at */
#define NEW_US                                                                                     \
    50000 /* after a name has appeared: its file is still being written, and others come */
#define EACH_US 200          /* and so much more for each process, so that looks stay cheap */
#define BLANK_S 10           /* nobody takes that long to write a first unit */
#define LOOK_US 5000000      /* whatever is heard */
#define LOOK_SOON_US 1000000 /* where nothing would be heard, or there was no room */

/* ---- life ---- */

void aep__departed_init(struct aep__departed *departed)
{
    *departed = (struct aep__departed){.ready_fd = -1, .watch_fd = -1};
}

static bool hear(struct aep__departed *departed, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return departed->ready_fd >= 0 && fd >= 0 &&
           epoll_ctl(departed->ready_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* The folder is made, so that the first process to come is heard of. */
void aep__departed_begin(struct aep__relay *relay)
{
    struct aep__departed *departed = &relay->departed;
    aep__os_process_self(&departed->self);
    departed->ready_fd = epoll_create1(EPOLL_CLOEXEC);
    int folder = aep__roll_folder(&relay->spool, true);
    if (folder >= 0) {
        departed->watch_fd = aep__os_watch(folder);
        close(folder);
    }
    if (departed->watch_fd >= 0 && !hear(departed, departed->watch_fd)) {
        close(departed->watch_fd);
        departed->watch_fd = -1;
    }
    departed->look_us = relay->pace.now_us;
}

static void forget(struct aep__party *party)
{
    if (party->pidfd >= 0)
        close(party->pidfd);
    party->pidfd = -1;
}

void aep__departed_done(struct aep__departed *departed)
{
    for (size_t i = 0; i < departed->count; i++)
        forget(&departed->parties[i]);
    free(departed->parties);
    if (departed->watch_fd >= 0)
        close(departed->watch_fd);
    if (departed->ready_fd >= 0)
        close(departed->ready_fd);
    aep__departed_init(departed);
}

static void look_at(struct aep__departed *departed, int64_t at_us)
{
    if (at_us < departed->look_us)
        departed->look_us = at_us;
}

void aep__departed_heard(struct aep__relay *relay)
{
    struct aep__departed *departed = &relay->departed;
    struct epoll_event events[64];
    int count = epoll_wait(departed->ready_fd, events, 64, 0);
    for (int i = 0; i < count; i++) {
        bool appeared = events[i].data.fd == departed->watch_fd;
        if (appeared)
            aep__os_watch_seen(departed->watch_fd);
        int64_t wait_us = appeared ? NEW_US + (int64_t)departed->count * EACH_US : 0;
        look_at(departed, relay->pace.now_us + wait_us);
    }
}

/* ---- parties ---- */

static size_t count_watched(const struct aep__departed *departed)
{
    size_t count = 0;
    for (size_t i = 0; i < departed->count; i++)
        count += departed->parties[i].pidfd >= 0;
    return count;
}

/* Watched first, looked at then: the number may be another process's by now. A boot of another id may be
 * this one, seen by a container with an id of its own: then its process, if it lives, has the file open. */
static void meet(struct aep__departed *departed, struct aep__party *party, int fd)
{
    const struct aep__os_process *process = &party->process;
    bool here = aep__os_process_life(process, &departed->self) == AEP__OS_LIVES;
    if (here && count_watched(departed) < WATCHED_MAX)
        party->pidfd = aep__os_process_watch(process);
    if (!hear(departed, party->pidfd))
        forget(party);
    party->life = aep__os_process_life(process, &departed->self);
    if (party->life == AEP__OS_REBOOTED && aep__roll_held(fd))
        party->life = AEP__OS_ELSEWHERE;
    if (party->life != AEP__OS_LIVES)
        forget(party);
}

static struct aep__party *find_party(struct aep__departed *departed, const char *file)
{
    for (size_t i = 0; i < departed->count; i++)
        if (strcmp(departed->parties[i].file, file) == 0)
            return &departed->parties[i];
    return NULL;
}

static struct aep__party *add_party(struct aep__departed *departed)
{
    if (departed->count == departed->cap) {
        size_t cap = departed->cap ? departed->cap * 2 : 16;
        struct aep__party *parties = realloc(departed->parties, cap * sizeof *parties);
        if (!parties)
            return NULL;
        departed->parties = parties;
        departed->cap = cap;
    }
    struct aep__party *party = &departed->parties[departed->count++];
    *party = (struct aep__party){.pidfd = -1};
    return party;
}

/* Without a first unit: it has just been made, or its maker was killed then. Nothing is in it. */
static void note_blank(struct aep__relay *relay, const char *name, int fd)
{
    struct stat st;
    int64_t now_s = relay->pace.wall_us / 1000000;
    if (fstat(fd, &st) < 0)
        return;
    if (st.st_mtim.tv_sec > now_s - BLANK_S)
        relay->departed.unread = true;
    else if (!aep__roll_held(fd))
        aep__roll_remove(&relay->spool, name);
}

static bool note_file(void *user, const char *name)
{
    struct aep__relay *relay = user;
    struct aep__departed *departed = &relay->departed;
    struct aep__party *party = find_party(departed, name);
    struct aep__os_process process;
    enum aep__roll_kind kind;
    if (party) {
        party->there = true;
        return true;
    }
    int fd = aep__roll_open(&relay->spool, name);
    if (fd < 0)
        return true;
    if (aep__roll_read_process(fd, &process, &kind) != 1) {
        note_blank(relay, name, fd);
    } else if ((party = add_party(departed))) {
        party->process = process;
        party->kind = kind;
        party->there = true;
        memcpy(party->file, name, strlen(name) + 1);
        meet(departed, party, fd);
    }
    close(fd);
    return true;
}

static void drop_absent(struct aep__departed *departed)
{
    for (size_t i = departed->count; i-- > 0;) {
        struct aep__party *party = &departed->parties[i];
        if (party->there)
            continue;
        forget(party);
        *party = departed->parties[--departed->count];
    }
}

static bool has_ended(int pidfd)
{
    return poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 0) > 0;
}

static void look_at_lives(struct aep__departed *departed)
{
    for (size_t i = 0; i < departed->count; i++) {
        struct aep__party *party = &departed->parties[i];
        if (party->life == AEP__OS_LIVES && (party->pidfd < 0 || has_ended(party->pidfd)))
            party->life = aep__os_process_life(&party->process, &departed->self);
        if (party->life != AEP__OS_LIVES)
            forget(party);
    }
}

static bool hears_all(const struct aep__departed *departed)
{
    bool all = departed->watch_fd >= 0;
    for (size_t i = 0; all && i < departed->count; i++)
        all = departed->parties[i].life != AEP__OS_LIVES || departed->parties[i].pidfd >= 0;
    return all;
}

/* ---- the look ---- */

static void look(struct aep__relay *relay)
{
    struct aep__departed *departed = &relay->departed;
    int64_t now_us = relay->pace.now_us;
    departed->unread = departed->pending = false;
    for (size_t i = 0; i < departed->count; i++)
        departed->parties[i].there = false;
    aep__roll_each(&relay->spool, note_file, relay);
    drop_absent(departed);
    look_at_lives(departed);
    aep__judge(relay);
    departed->look_us = departed->count ? now_us + LOOK_US : INT64_MAX;
    if (departed->pending || !hears_all(departed))
        look_at(departed, now_us + LOOK_SOON_US);
    if (departed->unread)
        look_at(departed, now_us + NEW_US);
}

void aep__departed_step(struct aep__relay *relay)
{
    struct aep__departed *departed = &relay->departed;
    if (relay->ending != AEP__RELAY_RUNS)
        return;
    if (relay->pace.now_us >= departed->look_us)
        look(relay);
    aep__pace_due(&relay->pace, departed->look_us);
}

static void note_open(void *user, const struct aep__roll_entry *entry)
{
    bool *open = user;
    *open |= aep__roll_is_open(entry);
}

bool aep__departed_open(struct aep__relay *relay)
{
    struct aep__departed *departed = &relay->departed;
    bool open = departed->pending || departed->unread;
    unsigned damaged;
    for (size_t i = 0; !open && i < departed->count; i++) {
        if (departed->parties[i].life != AEP__OS_LIVES)
            continue;
        int fd = aep__roll_open(&relay->spool, departed->parties[i].file);
        if (fd < 0)
            continue;
        aep__roll_entries(fd, note_open, &open, &damaged);
        close(fd);
    }
    return open;
}
