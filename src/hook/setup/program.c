/* SPDX-License-Identifier: Apache-2.0 */
/* The path by which hooks call aep. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "hook/setup/place.h"

/* Whether a folder of PATH has a name for this program. */
static bool is_own(const char *path, const struct stat *own)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_dev == own->st_dev && st.st_ino == own->st_ino;
}

int aep__hook_program(char path[PATH_MAX], aep_error *err)
{
    struct stat own;
    char real[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", real, sizeof real - 1);
    if (len < 0 || stat("/proc/self/exe", &own) < 0)
        return aep__error_errno(err, AEP_EIO, NULL, "cannot tell where aep itself is");
    real[len] = '\0';
    for (const char *at = getenv("PATH"), *end; at; at = *end ? end + 1 : NULL) {
        end = strchrnul(at, ':');
        int size = snprintf(path, PATH_MAX, "%.*s/aep", (int)(end - at), at);
        if (*at == '/' && size > 0 && size < PATH_MAX && is_own(path, &own))
            return AEP_OK;
    }
    snprintf(path, PATH_MAX, "%s", real);
    return AEP_OK;
}
