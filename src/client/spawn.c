/* SPDX-License-Identifier: Apache-2.0 */
#include "client/spawn.h"

#include "base/error.h"
#include "base/os.h"
#include "config/options.h"
#include "config/pass.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <unistd.h>

const struct aep__spawned aep__spawned_relay = {
    .program = AEP__RELAY_PROGRAM,
    .noun = "relay",
    .option = AEP__RELAY_OPTION,
    .path = AEP__OPT_RELAY_PATH,
    .setting = AEP__RELAY_MALLOC "=" AEP__RELAY_MALLOC_VALUE,
};

const struct aep__spawned aep__spawned_tracker = {
    .program = "aep-tracker",
    .noun = "tracker",
    .option = "--store",
    .path = AEP__OPT_COUNT,
};

bool aep__spawn_allowed(void)
{
    return !getauxval(AT_SECURE) && geteuid() == getuid() && getegid() == getgid();
}

/* ---- where it is ---- */

/* From the folder that holds this library or, if it is linked statically, the program: an installed
 * tree, a multiarch library folder, a build tree, a folder with everything in it. */
static const char *const places[] = {
    "../libexec/aep/",
    "../../libexec/aep/",
    "",
    "../bin/",
    /* from lib/python3.N/site-packages/aep: */
    "../../../../libexec/aep/",
};

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

/* The library is where this file's own code is. */
static size_t own_folder(char *path, size_t size)
{
    if (!aep__os_code_path((const void *)(uintptr_t)aep__spawn_find, path, size))
        return 0;
    char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash + 1 - path) : 0;
}

static bool find_near_us(const char *program, char *path, size_t size)
{
    char own[PATH_MAX];
    size_t len = own_folder(own, sizeof own);
    for (size_t i = 0; len && i < sizeof places / sizeof places[0]; i++) {
        int need = snprintf(path, size, "%.*s%s%s", (int)len, own, places[i], program);
        if (need > 0 && (size_t)need < size && is_program(path))
            return true;
    }
    return false;
}

static bool find_installed(const char *program, char *path, size_t size)
{
#ifdef AEP_LIBEXECDIR
    snprintf(path, size, "%s/%s", AEP_LIBEXECDIR, program);
    return is_program(path);
#else
    (void)program, (void)path, (void)size;
    return false;
#endif
}

int aep__spawn_find(const struct aep__spawned *what, const aep_config *config, char *path,
                    size_t size, aep_error *err)
{
    const char *key = what->path < AEP__OPT_COUNT ? aep__options[what->path].key : NULL;
    const char *given = key ? aep__config_text(config, what->path) : "";
    if (*given) {
        if ((size_t)snprintf(path, size, "%s", given) < size && is_program(given))
            return AEP_OK;
        return aep__error_errno(err, AEP_ERELAY, key, "cannot run the %s %s", what->noun, given);
    }
    if (find_near_us(what->program, path, size) || find_installed(what->program, path, size))
        return AEP_OK;
    return aep__error(err, AEP_ERELAY, key,
                      "no %s is installed beside this library: install it%s%s", what->program,
                      key ? ", or set " : "", key ? key : "");
}

/* ---- what it is given ---- */

/* The variables that it needs from the environment; a name with a * is a prefix. None that
 * makes a program load code. */
static const char *const kept_variables[] = {
    "PATH",         "HOME",
    "USER",         "LOGNAME",
    "LANG",         "LC_*",
    "TZ",           "TZDIR",
    "XDG_*",        "SSL_CERT_FILE",
    "SSL_CERT_DIR", "KRB5CCNAME",
    "KRB5_KTNAME",  "KRB5_CLIENT_KTNAME",
    "PG*", /* of libpq, for a store in PostgreSQL */
};

#define ENVIRONMENT_MAX 64

static bool is_kept(const char *variable)
{
    size_t len = strcspn(variable, "=");
    for (size_t i = 0; i < sizeof kept_variables / sizeof kept_variables[0]; i++) {
        const char *name = kept_variables[i];
        size_t name_len = strcspn(name, "*");
        bool fits = name[name_len] ? len >= name_len : len == name_len;
        if (fits && strncmp(variable, name, name_len) == 0)
            return true;
    }
    return false;
}

/* execve(2) takes what it does not change as if it could. */
static void choose_environment(const char *setting, char *chosen[ENVIRONMENT_MAX + 1])
{
    size_t count = 0;
    if (setting)
        chosen[count++] = (char *)setting;
    for (char **at = environ; at && *at && count < ENVIRONMENT_MAX; at++)
        if (is_kept(*at))
            chosen[count++] = *at;
    chosen[count] = NULL;
}

static int start_program(const struct aep__spawned *what, const char *path, const char *subject,
                         int input_fd, struct aep__os_child *ret, aep_error *err)
{
    char *environment[ENVIRONMENT_MAX + 1];
    char *const arguments[] = {(char *)what->program, (char *)what->option, (char *)subject, NULL};
    choose_environment(what->setting, environment);
    if (aep__os_spawn(path, arguments, environment, input_fd, ret) == 0)
        return AEP_OK;
    return aep__error_errno(err, AEP_ERELAY, NULL, "cannot run the %s %s", what->noun, path);
}

int aep__spawn(const struct aep__spawned *what, const aep_config *config, const char *subject,
               struct aep__os_child *ret, aep_error *err)
{
    char path[PATH_MAX];
    int ends[2];
    if (!aep__spawn_allowed())
        return aep__error(err, AEP_ERELAY, NULL, "a setuid or setgid program does not start a %s",
                          what->noun);
    int result = aep__spawn_find(what, config, path, sizeof path, err);
    if (result != AEP_OK)
        return result;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return aep__error_errno(err, AEP_ERELAY, NULL, "cannot make a socketpair for the %s",
                                what->noun);
    /* If the host program has closed its stdout, its output must not end up in the settings. */
    ends[0] = aep__os_above(ends[0]);
    ends[1] = aep__os_above(ends[1]);
    if (ends[0] < 0 || ends[1] < 0)
        result = aep__error_errno(err, AEP_ERELAY, NULL, "cannot make a socketpair for the %s",
                                  what->noun);
    if (result == AEP_OK)
        result = aep__config_send(ends[0], config, err);
    if (result == AEP_OK)
        result = start_program(what, path, subject, ends[1], ret, err);
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return result;
}
