/* SPDX-License-Identifier: Apache-2.0 */
#include "spools.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "config/config.h"
#include "out.h"

/* The spool folder of a configuration; nothing is appended where it has neither a folder nor a broker
 * to derive one from, which is no error. */
static int find_folder(const aep_config *config, struct aep__buf *out, aep_error *err)
{
    if (!*aep__config_text(config, AEP__OPT_SPOOL_DIR) &&
        !*aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS) &&
        !aep__config_is(config, AEP__OPT_MODE, "local"))
        return AEP_OK;
    return aep__config_spool_dir(config, out, err);
}

static int find_configured(const struct aep__args *args, struct aep__buf *out, aep_error *err)
{
    aep_config *arguments = NULL, *config = NULL;
    int code = aep__args_config(args, &arguments, err);
    if (code == AEP_OK)
        code = aep__config_load(arguments, &config, err);
    if (code == AEP_OK)
        code = find_folder(config, out, err);
    aep_config_free(arguments);
    aep_config_free(config);
    return code;
}

#define LOCAL "local" /* the local mode's spool */

static void cut_last_name(struct aep__buf *path)
{
    while (path->len > 1 && path->data[--path->len] != '/')
        ;
}

/* The folder that spools are in by default: that of the local mode's. */
static int find_state_folder(struct aep__buf *out, aep_error *err)
{
    aep_config *arguments = aep_config_new(), *config = NULL;
    if (!arguments)
        return aep__error_memory(err);
    int code = aep_config_set(arguments, "mode", "local", err);
    if (code == AEP_OK)
        code = aep__config_load(arguments, &config, err);
    if (code == AEP_OK)
        code = aep__config_spool_dir(config, out, err);
    if (code == AEP_OK)
        cut_last_name(out);
    aep_config_free(arguments);
    aep_config_free(config);
    return code;
}

/* ---- all spools of a folder ----------------------------------------------------------------- */

/* 0, or why there is no spool to be seen: ENOENT none was made there yet, ENOTDIR a file is in its
 * place, EACCES the folder is closed to us. */
static int look_for_name(const char *path, const char *name)
{
    char id[PATH_MAX];
    int len = snprintf(id, sizeof id, "%s/%s", path, name);
    return len < 0 || len >= PATH_MAX ? ENAMETOOLONG : access(id, F_OK) == 0 ? 0 : errno;
}

static int look_for_spool(const char *path)
{
    int problem = look_for_name(path, AEP__SPOOL_ID);
    return problem == ENOENT ? look_for_name(path, AEP__SPOOL_ID_REMOVED) : problem;
}

/* Or it may be one, in a folder that is closed to us: opening it tells. */
static bool is_spool(const char *path)
{
    int problem = look_for_spool(path);
    return problem != ENOENT && problem != ENOTDIR && problem != ENAMETOOLONG;
}

/* Calls fn with each spool's path; the number of them, or -1 when fn stopped it. */
static int each_path(const char *folder, int (*fn)(void *user, const char *path), void *user)
{
    struct dirent **names = NULL;
    char path[PATH_MAX];
    int found = 0, count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        int len = snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        bool plain = names[i]->d_name[0] != '.' && len > 0 && len < PATH_MAX;
        if (found >= 0 && plain && is_spool(path))
            found = fn(user, path) == 0 ? found + 1 : -1;
        free(names[i]);
    }
    free(names);
    return found;
}

static int keep_path(void *user, const char *path)
{
    struct aep__buf *out = user;
    aep__buf_clear(out);
    aep__buf_text(out, path);
    return 0;
}

static int find_only(struct aep__buf *out, aep_error *err)
{
    struct aep__buf folder = {0};
    aep_error why = {0};
    int count = 0, code = find_state_folder(&folder, &why);
    if (code == AEP_OK)
        count = each_path(aep__buf_string(&folder), keep_path, out);
    aep__buf_done(&folder);
    if (count == 1)
        return AEP_OK;
    return count == 0 ? aep__error(err, AEP_ESPOOL, "spool",
                                   "there is no spool: set KAFKA_BOOTSTRAP_SERVERS, or name one "
                                   "with --spool DIR")
                      : aep__error(err, AEP_EINVAL, "spool",
                                   "there are %d spools (`aep spool list`): name one with --spool "
                                   "DIR, or set KAFKA_BOOTSTRAP_SERVERS",
                                   count);
}

/* ---- public --------------------------------------------------------------------------------- */

bool aep__spools_configured(const struct aep__args *args)
{
    struct aep__buf path = {0};
    aep_error why;
    bool configured = find_configured(args, &path, &why) != AEP_OK || path.len > 0;
    aep__buf_done(&path);
    return configured;
}

int aep__spools_folder(const struct aep__args *args, struct aep__buf *out, aep_error *err)
{
    const char *named = aep__args_text(args, "spool");
    if (!named) {
        int code = find_configured(args, out, err);
        return code == AEP_OK && out->len == 0 ? find_only(out, err) : code;
    }
    char path[PATH_MAX];
    if (!realpath(named, path))
        return aep__error_errno(err, AEP_ESPOOL, "spool", "%s", named);
    aep__buf_text(out, path);
    return AEP_OK;
}

int aep__spools_open(const struct aep__args *args, struct aep__spool *spool, aep_error *err)
{
    struct aep__buf folder = {0};
    int code = aep__spools_folder(args, &folder, err);
    if (code == AEP_OK)
        code = aep__spool_open(spool, aep__buf_string(&folder), NULL, err);
    aep__buf_done(&folder);
    return code;
}

struct walk {
    int (*fn)(void *user, struct aep__spool *spool);
    void *user;
    const char *done; /* a folder that was shown already */
    int code;
};

static int visit(struct walk *walk, const char *path, aep_error *err)
{
    struct aep__spool spool;
    int code = aep__spool_open(&spool, path, NULL, err);
    if (code != AEP_OK)
        return code;
    walk->code = walk->fn(walk->user, &spool);
    aep__spool_done(&spool);
    return AEP_OK;
}

/* One that cannot be opened is reported and does not hide the others. */
static int visit_found(void *user, const char *path)
{
    struct walk *walk = user;
    aep_error why;
    if (walk->done && strcmp(walk->done, path) == 0)
        return 0;
    if (visit(walk, path, &why) != AEP_OK)
        aep__out_say("%s", why.text);
    return walk->code;
}

/* The configured one, if there is one, and those beside it; else those in the default folder. */
static int visit_all(struct walk *walk, const struct aep__buf *own, struct aep__buf *folder,
                     aep_error *err)
{
    int code = AEP_OK;
    aep_error why;
    if (own->len > 0 && look_for_spool(own->data) != ENOENT)
        code = visit(walk, own->data, err);
    walk->done = own->len > 0 ? own->data : NULL;
    aep__buf_add(folder, own->data, own->len);
    if (own->len > 0)
        cut_last_name(folder);
    else if (find_state_folder(folder, &why) != AEP_OK)
        return code;
    if (walk->code == AEP_OK)
        each_path(aep__buf_string(folder), visit_found, walk);
    return code;
}

int aep__spools_each(const struct aep__args *args, int (*fn)(void *user, struct aep__spool *spool),
                     void *user, aep_error *err)
{
    struct aep__buf own = {0}, folder = {0};
    struct walk walk = {.fn = fn, .user = user, .code = AEP_OK};
    bool named = aep__args_given(args, "spool");
    int code = named ? aep__spools_folder(args, &own, err) : find_configured(args, &own, err);
    if (code == AEP_OK && named)
        code = visit(&walk, aep__buf_string(&own), err);
    else if (code == AEP_OK)
        code = visit_all(&walk, &own, &folder, err);
    aep__buf_done(&own);
    aep__buf_done(&folder);
    return code == AEP_OK ? walk.code : code;
}

int aep__spools_own(const aep_config *config, struct aep__buf *out, aep_error *err)
{
    int code = find_folder(config, out, err);
    if (code != AEP_OK || out->len > 0)
        return code;
    code = find_state_folder(out, err);
    aep__buf_text(out, "/" LOCAL);
    aep__buf_string(out);
    return code == AEP_OK && out->failed ? aep__error_memory(err) : code;
}

struct beside {
    const char *own;
    int (*fn)(void *user, const char *path);
    void *user;
};

static int visit_beside(void *user, const char *path)
{
    const struct beside *beside = user;
    return strcmp(path, beside->own) == 0 ? 0 : beside->fn(beside->user, path);
}

void aep__spools_beside(const char *own, int (*fn)(void *user, const char *path), void *user)
{
    struct beside beside = {own, fn, user};
    struct aep__buf folder = {0};
    aep__buf_text(&folder, own);
    cut_last_name(&folder);
    if (!is_spool(own) || fn(user, own) == 0)
        each_path(aep__buf_string(&folder), visit_beside, &beside);
    aep__buf_done(&folder);
}
