/* SPDX-License-Identifier: Apache-2.0 */
#include "runnable.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "client/spawn.h"
#include "spool/bell.h"
#include "upgrade/trial.h"

/* Libraries that a system may lack, by what the dynamic loader calls them. */
static const struct {
    const char *library, *remedy;
} remedies[] = {
    {"librdkafka.so",
     "install librdkafka: `sudo apt install librdkafka1`, or `sudo dnf install librdkafka`"},
    {"undefined symbol: rd_kafka", "install librdkafka 2.0.2 or newer"},
    {"libmicrohttpd.so",
     "install libmicrohttpd: `sudo apt install libmicrohttpd12`, or `sudo dnf install libmicrohttpd`"},
    {"shared librar", "install that library"},
};

const char *aep__runnable_remedy(const char *said)
{
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
        if (strstr(said, remedies[i].library))
            return remedies[i].remedy;
    return "install it again";
}

int aep__runnable(const char *path, aep_error *err)
{
    struct aep__trial trial;
    char real[PATH_MAX];
    if (aep__trial_run(&trial, path))
        return AEP_OK;
    return aep__error(err, AEP_ERELAY, "", "%s does not run: %s: %s",
                      realpath(path, real) ? real : path, trial.line,
                      aep__runnable_remedy(trial.line));
}

/* The words of glibc's and musl's. */
bool aep__runnable_lacks_library(const char *path, aep_error *err)
{
    return aep__runnable(path, err) != AEP_OK &&
           (strstr(err->text, "loading shared librar") || strstr(err->text, "symbol"));
}

bool aep__runnable_in_vain(const struct aep__spool *spool)
{
    int fd = aep__lock_open(spool);
    bool vain = fd >= 0 && aep__lock_in_vain(fd);
    if (fd >= 0)
        close(fd);
    return vain;
}

int aep__runnable_relay(const aep_config *config, aep_error *err)
{
    char path[PATH_MAX];
    int code = aep__spawn_find(&aep__spawned_relay, config, path, sizeof path, err);
    return code == AEP_OK ? aep__runnable(path, err) : code;
}
