/* SPDX-License-Identifier: Apache-2.0 */
#include "client/spawn.h"

#include "base/buf.h"
#include "base/endian.h"
#include "base/error.h"
#include "base/os.h"
#include "config/config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <unistd.h>

bool aep__relay_allowed(void)
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
    if (!aep__os_code_path((const void *)(uintptr_t)aep__relay_find, path, size))
        return 0;
    char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash + 1 - path) : 0;
}

static bool find_near_us(char *path, size_t size)
{
    char own[PATH_MAX];
    size_t len = own_folder(own, sizeof own);
    for (size_t i = 0; len && i < sizeof places / sizeof places[0]; i++) {
        int need = snprintf(path, size, "%.*s%s" AEP__RELAY_PROGRAM, (int)len, own, places[i]);
        if (need > 0 && (size_t)need < size && is_program(path))
            return true;
    }
    return false;
}

static bool find_installed(char *path, size_t size)
{
#ifdef AEP_LIBEXECDIR
    snprintf(path, size, "%s/" AEP__RELAY_PROGRAM, AEP_LIBEXECDIR);
    return is_program(path);
#else
    (void)path, (void)size;
    return false;
#endif
}

int aep__relay_find(const aep_config *config, char *path, size_t size, aep_error *err)
{
    const char *given = aep__config_text(config, AEP__OPT_RELAY_PATH);
    if (*given) {
        if ((size_t)snprintf(path, size, "%s", given) < size && is_program(given))
            return AEP_OK;
        return aep__error_errno(err, AEP_ERELAY, "relay.path", "cannot run the relay %s", given);
    }
    if (find_near_us(path, size) || find_installed(path, size))
        return AEP_OK;
    return aep__error(err, AEP_ERELAY, "relay.path",
                      "no " AEP__RELAY_PROGRAM " is installed beside this library: install it, or "
                      "set relay.path");
}

/* ---- what a relay is given ---- */

/* The variables that a relay needs from the environment; a name with a * is a prefix. None that
 * makes a program load code. */
static const char *const kept_variables[] = {
    "PATH",         "HOME",
    "USER",         "LOGNAME",
    "LANG",         "LC_*",
    "TZ",           "TZDIR",
    "XDG_*",        "SSL_CERT_FILE",
    "SSL_CERT_DIR", "KRB5CCNAME",
    "KRB5_KTNAME",  "KRB5_CLIENT_KTNAME",
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

static void choose_environment(char *chosen[ENVIRONMENT_MAX + 1])
{
    static char malloc_setting[] = AEP__RELAY_MALLOC "=" AEP__RELAY_MALLOC_VALUE;
    size_t count = 0;
    chosen[count++] = malloc_setting;
    for (char **at = environ; at && *at && count < ENVIRONMENT_MAX; at++)
        if (is_kept(*at))
            chosen[count++] = *at;
    chosen[count] = NULL;
}

/* The socket takes it whole or not at all: a relay that reads slowly must not block us. */
static int send_config(int fd, const aep_config *config, aep_error *err)
{
    struct aep__buf data = {0};
    char length[4] = {0};
    aep__buf_add(&data, length, sizeof length);
    aep__config_pack(config, &data);
    int result = data.failed ? aep__error_memory(err) : AEP_OK;
    if (result == AEP_OK) {
        int room = (int)data.len * 2 + 4096;
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        aep__put32(data.data, (uint32_t)(data.len - sizeof length));
        ssize_t sent = send(fd, data.data, data.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0 && (size_t)sent < data.len)
            errno = EMSGSIZE;
        if (sent != (ssize_t)data.len)
            result = aep__error_errno(err, AEP_ERELAY, NULL, "cannot hand the relay its settings");
    }
    if (data.data)
        explicit_bzero(data.data, data.cap);
    aep__buf_done(&data);
    return result;
}

static int start_program(const char *path, const char *dir, int input_fd, struct aep__os_child *ret,
                         aep_error *err)
{
    char *environment[ENVIRONMENT_MAX + 1];
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", dir);
    char program[] = AEP__RELAY_PROGRAM, option[] = AEP__RELAY_OPTION;
    char *const arguments[] = {program, option, folder, NULL};
    choose_environment(environment);
    if (aep__os_spawn(path, arguments, environment, input_fd, ret) == 0)
        return AEP_OK;
    return aep__error_errno(err, AEP_ERELAY, "relay.path", "cannot run the relay %s", path);
}

int aep__relay_start(const aep_config *config, const char *dir, struct aep__os_child *ret,
                     aep_error *err)
{
    char path[PATH_MAX];
    int ends[2];
    if (!aep__relay_allowed())
        return aep__error(err, AEP_ERELAY, "relay.mode",
                          "a setuid or setgid program does not start a relay");
    int result = aep__relay_find(config, path, sizeof path, err);
    if (result != AEP_OK)
        return result;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return aep__error_errno(err, AEP_ERELAY, NULL, "cannot make a socketpair for the relay");
    /* If the host program has closed its stdout, its output must not end up in the settings. */
    ends[0] = aep__os_above(ends[0]);
    ends[1] = aep__os_above(ends[1]);
    if (ends[0] < 0 || ends[1] < 0)
        result = aep__error_errno(err, AEP_ERELAY, NULL, "cannot make a socketpair for the relay");
    if (result == AEP_OK)
        result = send_config(ends[0], config, err);
    if (result == AEP_OK)
        result = start_program(path, dir, ends[1], ret, err);
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return result;
}
