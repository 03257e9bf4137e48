/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/setup.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "hook/setup/diff.h"
#include "hook/setup/folders.h"
#include "hook/setup/target.h"
#include "hook/setup/plugin.h"

#define TRIES 20 /* with another program that writes at the same time */

#define EMPTY AEP__SLICE("{}\n")

/* One attempt. */
struct attempt {
    enum aep__hook_agent_id id;
    bool dry;
    struct aep__hook_wanted set;
    struct aep__buf plugin; /* the whole file, of an agent whose file is ours */
    struct aep__target file;
    struct aep__buf base, text; /* without our hooks; what is to stand there */
    bool gone;                  /* nothing but ours stands there */
};

static bool is_plugin(const struct attempt *attempt)
{
    return aep__hook_places[attempt->id].entry == NULL;
}

static struct aep__slice slice(const struct aep__buf *buf)
{
    return (struct aep__slice){buf->data, buf->len};
}

/* What is in the file; data NULL: there is none. */
static struct aep__slice there(const struct attempt *attempt)
{
    if (!attempt->file.exists)
        return (struct aep__slice){NULL, 0};
    return attempt->file.text.len ? slice(&attempt->file.text) : AEP__SLICE("");
}

static int prepare(struct attempt *attempt, enum aep__hook_agent_id id, const char *program,
                   bool dry, aep_error *err)
{
    *attempt = (struct attempt){.id = id, .dry = dry, .file = {.lock_fd = -1}};
    if (is_plugin(attempt))
        aep__plugin_text(&aep__hook_agents[id], program, &attempt->plugin);
    int code = aep__hook_place_set(id, program, &attempt->set, err);
    return code == AEP_OK && attempt->plugin.failed ? aep__error_memory(err) : code;
}

static void done(struct attempt *attempt)
{
    aep__target_done(&attempt->file);
    aep__buf_done(&attempt->set.texts);
    aep__buf_done(&attempt->plugin);
    aep__buf_done(&attempt->base);
    aep__buf_done(&attempt->text);
}

/* ---- looking --------------------------------------------------------------------------------- */

static int look_at(const struct attempt *attempt, struct aep__hook_found *look, aep_error *err)
{
    *look = (struct aep__hook_found){0};
    if (!attempt->file.exists)
        return AEP_OK;
    if (is_plugin(attempt))
        return aep__plugin_look(there(attempt), slice(&attempt->plugin), look, err);
    return aep__settings_look(there(attempt), &attempt->set, look, err);
}

/* An error about a text, with the file's name. */
static int name_file(const struct attempt *attempt, int code, aep_error *err)
{
    aep_error inner = *err;
    return code == AEP_EINVAL
               ? aep__error(err, code, NULL, "%s: %s", attempt->file.path, inner.text)
               : code;
}

/* Opens the file and looks. A file that is not one is AEP_EINVAL with its name already. */
static int open_file(struct attempt *attempt, bool to_write, struct aep__hook_found *look,
                     aep_error *err)
{
    char path[PATH_MAX];
    *look = (struct aep__hook_found){0};
    int code = aep__hook_place_file(attempt->id, path, err);
    if (code == AEP_OK)
        code = aep__target_open(&attempt->file, path, to_write, err);
    if (code == AEP_OK)
        code = name_file(attempt, look_at(attempt, look, err), err);
    return code;
}

int aep__setup_look(enum aep__hook_agent_id id, const char *program, char path[PATH_MAX],
                    bool *ret_exists, struct aep__hook_found *look, aep_error *err)
{
    struct attempt attempt;
    *look = (struct aep__hook_found){0};
    int code = prepare(&attempt, id, program, true, err);
    if (code == AEP_OK)
        code = open_file(&attempt, false, look, err);
    snprintf(path, PATH_MAX, "%s", attempt.file.path);
    *ret_exists = attempt.file.exists;
    done(&attempt);
    return code;
}

/* ---- one change ------------------------------------------------------------------------------ */

/* The text without ours. */
static int make_base(struct attempt *attempt, size_t found, aep_error *err)
{
    struct aep__slice before = {NULL, 0};
    if (attempt->file.has_before)
        before = slice(&attempt->file.before);
    if (is_plugin(attempt) || !attempt->file.exists) {
        attempt->gone = true;
        return AEP_OK;
    }
    if (found > 0)
        return aep__settings_remove(there(attempt), before, &attempt->set, &attempt->base,
                                    &attempt->gone, err);
    aep__buf_add(&attempt->base, attempt->file.text.data, attempt->file.text.len);
    return AEP_OK;
}

static int make_text(struct attempt *attempt, aep_error *err)
{
    if (is_plugin(attempt)) {
        aep__buf_add(&attempt->text, attempt->plugin.data, attempt->plugin.len);
        return attempt->text.failed ? aep__error_memory(err) : AEP_OK;
    }
    return aep__settings_add(attempt->gone ? EMPTY : slice(&attempt->base), &attempt->set,
                             &attempt->text, err);
}

/* Writes the backup, then the text. */
static int write_text(struct attempt *attempt, aep_error *err)
{
    struct aep__slice none = {NULL, 0};
    int code = aep__target_keep(&attempt->file, attempt->gone ? none : slice(&attempt->base), err);
    return code == AEP_OK ? aep__target_replace(&attempt->file, slice(&attempt->text), err) : code;
}

/* Makes the text and puts it in its place. */
static int put_in(struct attempt *attempt, size_t found, struct aep__setup *ret, aep_error *err)
{
    int code = make_base(attempt, found, err);
    ret->kept = !attempt->gone;
    if (code == AEP_OK)
        code = make_text(attempt, err);
    if (code == AEP_OK)
        code = aep__target_writable(&attempt->file, err);
    if (code == AEP_OK && attempt->dry)
        aep__diff_add(attempt->file.path, there(attempt), slice(&attempt->text), &ret->diff);
    else if (code == AEP_OK)
        code = write_text(attempt, err);
    return code;
}

static int install_once(struct attempt *attempt, struct aep__setup *ret, aep_error *err)
{
    struct aep__hook_found look;
    /* First without the lock: what is as it should be need not be writable. */
    int code = open_file(attempt, false, &look, err);
    if (code == AEP_OK && !look.current && !attempt->dry) {
        aep__buf_done(&look.program);
        aep__target_done(&attempt->file);
        code = open_file(attempt, true, &look, err);
    }
    ret->outcome = look.current ? AEP__SETUP_UNCHANGED : AEP__SETUP_CHANGED;
    if (code == AEP_OK && !look.current)
        code = put_in(attempt, look.found, ret, err);
    aep__buf_done(&look.program);
    return code;
}

/* A backup that says what the file says is of an installation or removal that was killed. */
static void drop_useless(struct attempt *attempt)
{
    struct aep__slice none = {NULL, 0}, text = there(attempt);
    if (attempt->file.lock_fd >= 0 && attempt->file.has_before &&
        text.len == attempt->file.before.len &&
        (text.len == 0 || memcmp(text.data, attempt->file.before.data, text.len) == 0))
        aep__target_keep(&attempt->file, none, NULL);
}

static int take_out(struct attempt *attempt, size_t found, struct aep__setup *ret, aep_error *err)
{
    struct aep__slice none = {NULL, 0};
    int code = make_base(attempt, found, err);
    if (code == AEP_OK)
        code = aep__target_writable(&attempt->file, err);
    if (code != AEP_OK)
        return code;
    ret->removed = attempt->gone;
    if (attempt->dry) {
        aep__diff_add(attempt->file.path, there(attempt),
                      attempt->gone ? none : slice(&attempt->base), &ret->diff);
        return AEP_OK;
    }
    code = attempt->gone ? aep__target_remove(&attempt->file, err)
                         : aep__target_replace(&attempt->file, slice(&attempt->base), err);
    if (code == AEP_OK)
        code = aep__target_keep(&attempt->file, none, err);
    if (code == AEP_OK)
        aep__folders_remove(attempt->file.path);
    return code;
}

static int uninstall_once(struct attempt *attempt, struct aep__setup *ret, aep_error *err)
{
    struct aep__hook_found look;
    /* First without the lock, which would make folders for a file that is not there. */
    int code = open_file(attempt, false, &look, err);
    if (is_plugin(attempt) && code == AEP_EINVAL)
        code = AEP_OK; /* a plugin of somebody else's */
    bool work = look.found > 0 || attempt->file.has_before || attempt->file.has_litter;
    if (code == AEP_OK && !attempt->dry && work) {
        aep__buf_done(&look.program);
        aep__target_done(&attempt->file);
        code = open_file(attempt, true, &look, err);
    }
    ret->outcome = look.found ? AEP__SETUP_CHANGED : AEP__SETUP_UNCHANGED;
    if (code == AEP_OK && look.found)
        code = take_out(attempt, look.found, ret, err);
    else if (code == AEP_OK)
        drop_useless(attempt);
    aep__buf_done(&look.program);
    return code;
}

/* ---- until nobody disturbs ------------------------------------------------------------------- */

typedef int once(struct attempt *attempt, struct aep__setup *ret, aep_error *err);

static int try_often(once *change, enum aep__hook_agent_id id, const char *program, bool dry,
                     struct aep__setup *ret, aep_error *err)
{
    for (int tries = 1;; tries++) {
        struct attempt attempt;
        *ret = (struct aep__setup){0};
        int code = prepare(&attempt, id, program, dry, err);
        if (code == AEP_OK)
            code = change(&attempt, ret, err);
        bool raced = attempt.file.raced;
        snprintf(ret->path, sizeof ret->path, "%s", attempt.file.path);
        done(&attempt);
        if (code == AEP_OK || !raced || tries == TRIES)
            return code;
        aep__buf_done(&ret->diff);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

int aep__setup_install(enum aep__hook_agent_id id, const char *program, bool dry,
                       struct aep__setup *ret, aep_error *err)
{
    return try_often(install_once, id, program, dry, ret, err);
}

int aep__setup_uninstall(enum aep__hook_agent_id id, const char *program, bool dry,
                         struct aep__setup *ret, aep_error *err)
{
    return try_often(uninstall_once, id, program, dry, ret, err);
}

void aep__setup_lines(enum aep__hook_agent_id id, const char *program, struct aep__buf *out)
{
    struct attempt attempt;
    aep_error err;
    if (prepare(&attempt, id, program, true, &err) != AEP_OK)
        out->failed = true;
    else if (is_plugin(&attempt))
        aep__buf_add(out, attempt.plugin.data, attempt.plugin.len);
    else if (aep__settings_add(EMPTY, &attempt.set, out, &err) != AEP_OK)
        out->failed = true;
    done(&attempt);
}
