/* SPDX-License-Identifier: Apache-2.0 */
/* The spool folder in force:
 *
 *     spool.dir                                      if it is set, else
 *     $XDG_STATE_HOME/aep/<brokers>-<hash>           or $HOME/.local/state/aep/…
 *     /var/tmp/aep-<user id>/<brokers>-<hash>        where that is on a network file system
 */
#include "base/error.h"
#include "base/hash.h"
#include "base/os.h"
#include "config/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LABEL_MAX 40
#define STAND_IN "/var/tmp/aep-" /* and the user's id; kept over a reboot */

static bool is_safe(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

/* The front of the broker list, for human eyes; the hash after it distinguishes folders. */
static void add_label(const char *brokers, struct aep__buf *out)
{
    for (int i = 0; i < LABEL_MAX && brokers[i]; i++)
        aep__buf_byte(out, is_safe(brokers[i]) ? brokers[i] : '_');
}

static void add_name(const aep_config *config, struct aep__buf *out)
{
    struct aep__buf destination = {0};
    char hash[AEP__HASH_TEXT_SIZE];
    aep__buf_byte(out, '/');
    if (aep__config_is(config, AEP__OPT_MODE, "local")) {
        aep__buf_text(out, "local");
        return;
    }
    aep__config_destination(config, &destination);
    out->failed = out->failed || destination.failed;
    if (!destination.failed) {
        aep__hash_text(destination.data, destination.len, hash);
        add_label(aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS), out);
        aep__buf_byte(out, '-');
        aep__buf_text(out, hash);
    }
    aep__buf_done(&destination);
}

/* The file system that a folder is on, or will be on once it is made. */
static enum aep__fs file_system(const char *path)
{
    char part[PATH_MAX];
    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part)
        return AEP__FS_LOCAL;
    for (;;) {
        int fd = open(part, O_PATH | O_DIRECTORY | O_CLOEXEC);
        char *slash = strrchr(part, '/');
        if (fd >= 0) {
            enum aep__fs fs = aep__os_fs(fd, NULL);
            close(fd);
            return fs;
        }
        if (!slash || slash == part)
            return AEP__FS_LOCAL;
        *slash = '\0';
    }
}

/* The system's temporary folder belongs to everyone: a folder of our name in it must be ours and
 * closed to others before we put anything there. */
static int add_stand_in(struct aep__buf *out, aep_error *err)
{
    struct stat st;
    char root[64];
    snprintf(root, sizeof root, STAND_IN "%lu", (unsigned long)geteuid());
    aep__buf_text(out, root);
    if (lstat(root, &st) < 0 && errno == ENOENT)
        return AEP_OK;
    if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0)
        return AEP_OK;
    return aep__error(err, AEP_ESPOOL, "spool.dir",
                      "%s is not a private folder of this user: set spool.dir to a folder on a "
                      "local disk",
                      root);
}

bool aep__config_spool_stands_in(const aep_config *config)
{
    return !*aep__config_text(config, AEP__OPT_SPOOL_DIR) && config->state_dir &&
           !aep__config_bool(config, AEP__OPT_SPOOL_ANY_FS) &&
           file_system(config->state_dir) == AEP__FS_REMOTE;
}

int aep__config_spool_dir(const aep_config *config, struct aep__buf *out, aep_error *err)
{
    const char *dir = aep__config_text(config, AEP__OPT_SPOOL_DIR);
    int result = AEP_OK;
    if (!*dir && !config->state_dir)
        return aep__error(
            err, AEP_ECONFIG, "spool.dir",
            "neither XDG_STATE_HOME nor HOME is a usable absolute path: set spool.dir");
    if (aep__config_spool_stands_in(config))
        result = add_stand_in(out, err);
    else
        aep__buf_text(out, *dir ? dir : config->state_dir);
    if (!*dir)
        add_name(config, out);
    aep__buf_string(out);
    return out->failed ? aep__error_memory(err) : result;
}
