/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade/owners.h"

#include "base/error.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel's */

/* ---- the way ---- */

/* Goes the way to a file, a name at a time. */
struct way {
    bool (*visit)(const char *name, const struct stat *st, void *user); /* false: no further */
    void *user;
    unsigned links;
};

static bool walk(struct way *way, const char *path);

static bool follow(struct way *way, const char *link)
{
    char target[PATH_MAX], path[PATH_MAX];
    ssize_t len = readlink(link, target, sizeof target - 1);
    size_t folder = (size_t)(strrchr(link, '/') - link) + 1;
    if (len <= 0 || way->links++ >= LINKS_MAX) {
        errno = ELOOP;
        return false;
    }
    target[len] = '\0';
    int made =
        snprintf(path, sizeof path, "%.*s%s", target[0] == '/' ? 0 : (int)folder, link, target);
    return made < (int)sizeof path && walk(way, path);
}

static bool walk(struct way *way, const char *path)
{
    char name[PATH_MAX];
    struct stat st;
    for (size_t end = 1;;) {
        snprintf(name, sizeof name, "%.*s", (int)end, path);
        if (lstat(name, &st) < 0 || !way->visit(name, &st, way->user))
            return false;
        if (S_ISLNK(st.st_mode) && !follow(way, name))
            return false;
        if (!path[end])
            return true;
        end += strspn(path + end, "/");
        end += strcspn(path + end, "/");
    }
}

/* ---- those who decide ---- */

static bool writable(const struct stat *st, mode_t bit)
{
    bool sticky = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX);
    return !S_ISLNK(st->st_mode) && !sticky && (st->st_mode & bit);
}

static bool has_user(const struct aep__owners *owners, uid_t user)
{
    for (size_t i = 0; i < owners->user_count; i++)
        if (owners->users[i] == user)
            return true;
    return false;
}

static bool has_group(const struct aep__owners *owners, gid_t group)
{
    for (size_t i = 0; i < owners->group_count; i++)
        if (owners->groups[i] == group)
            return true;
    return false;
}

void aep__owners_add_user(struct aep__owners *owners, uid_t user)
{
    if (!has_user(owners, user) && owners->user_count < AEP__OWNERS_MAX)
        owners->users[owners->user_count++] = user;
}

static bool add(const char *name, const struct stat *st, void *user)
{
    struct aep__owners *owners = user;
    (void)name;
    aep__owners_add_user(owners, st->st_uid);
    if (writable(st, S_IWGRP) && !has_group(owners, st->st_gid) &&
        owners->group_count < AEP__OWNERS_MAX)
        owners->groups[owners->group_count++] = st->st_gid;
    owners->everyone |= writable(st, S_IWOTH);
    return true;
}

void aep__owners_add(struct aep__owners *owners, const char *path)
{
    walk(&(struct way){.visit = add, .user = owners}, path);
}

struct judgement {
    const struct aep__owners *owners;
    char *why;
    size_t size;
};

static bool judge(const char *name, const struct stat *st, void *user)
{
    const struct judgement *judgement = user;
    const struct aep__owners *owners = judgement->owners;
    if (!has_user(owners, st->st_uid))
        snprintf(judgement->why, judgement->size, "user %u owns %s", (unsigned)st->st_uid, name);
    else if (writable(st, S_IWOTH) && !owners->everyone)
        snprintf(judgement->why, judgement->size, "everyone can write %s", name);
    else if (writable(st, S_IWGRP) && !owners->everyone && !has_group(owners, st->st_gid))
        snprintf(judgement->why, judgement->size, "group %u can write %s", (unsigned)st->st_gid,
                 name);
    return !judgement->why[0];
}

bool aep__owners_decide(const struct aep__owners *owners, const char *path, char *why, size_t size)
{
    struct judgement judgement = {owners, why, size};
    why[0] = '\0';
    bool decide = walk(&(struct way){.visit = judge, .user = &judgement}, path);
    if (!decide && !why[0])
        snprintf(why, size, "%s", aep__errno_text(errno));
    return decide;
}
