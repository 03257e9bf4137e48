/* SPDX-License-Identifier: Apache-2.0 */
/* Step: the tracker, for `aep list` and the like: its programs, its store, whether it answers and how
 * far it is. None has to run. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aep/amount.h"
#include "aep/program.h"
#include "doctor.h"

#include "base/clock.h"
#include "track/link.h"
#include "track/store.h"

#define BEHIND_US 10000000 /* it reads what is new at once */

static void judge_programs(struct aep__doctor *doctor)
{
    static const char *const programs[] = {"aep-tracker", "aep-executions"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (aep__program_find(programs[i], path, sizeof path))
            continue;
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "%s is not installed", programs[i]);
        aep__verdict_remedy(&doctor->verdicts,
                            "install the full package: `aep list` and `aep show` need it");
    }
}

/* ---- the store ------------------------------------------------------------------------------ */

static void fail(struct aep__doctor *doctor, const char *text, const char *remedy)
{
    aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "%s", text);
    aep__verdict_remedy(&doctor->verdicts, "%s", remedy);
}

/* Whether it can be used. One that is not there is made by the first tracker. */
static bool judge_store(struct aep__doctor *doctor, const char *path)
{
    struct aep__store *store;
    struct aep__buf name = {0}, who = {0};
    aep_error err;
    const char *where = aep__link_where(doctor->config, path);
    int code = aep__link_prepare(path, &err);
    if (code == AEP_OK)
        code = aep__link_name(doctor->config, path, &name, &err);
    if (code == AEP_OK) {
        code = aep__store_open(&store, where, false, &err);
        if (code == AEP_OK)
            store->ops->close(store);
    }
    if (code == AEP_ESPOOL) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "no store yet: `aep list` makes %s",
                     name.data);
    } else if (code != AEP_OK) {
        fail(doctor, err.text,
             "do what the text says; `aep list` shows nothing until then, and no event is lost");
    } else if (!aep__store_is_remote(where) && access(path, W_OK) < 0) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, "cannot write to the store %s", path);
        aep__verdict_remedy(&doctor->verdicts, "chmod 600 it, or set track.store to another");
    } else if (aep__store_locked(where, &who)) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FAILED, AEP__STORE_LOCKED, name.data,
                     aep__buf_string(&who));
        aep__verdict_remedy(&doctor->verdicts,
                            "until then nothing new is shown, and no event is lost");
    } else {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "the store is %s", name.data);
    }
    aep__buf_done(&name);
    aep__buf_done(&who);
    return code == AEP_OK || code == AEP_ESPOOL;
}

/* ---- the process ---------------------------------------------------------------------------- */

struct answer {
    long long pid;
    int64_t as_of_us; /* 0: not known */
    char problem[384];
};

static bool ask(const char *store, int wait_ms, struct answer *ret)
{
    char line[AEP__LINK_LINE];
    int at = 0, fd = aep__link_connect_soon(store, wait_ms);
    bool answered =
        fd >= 0 && aep__link_send(fd, "status") &&
        aep__link_receive(fd, line, sizeof line, wait_ms) > 0 &&
        sscanf(line, "status %lld %*u %" SCNd64 " %n", &ret->pid, &ret->as_of_us, &at) == 2;
    if (answered && at > 0 && strcmp(line + at, "-") != 0)
        snprintf(ret->problem, sizeof ret->problem, "%s", line + at);
    if (fd >= 0)
        close(fd);
    return answered;
}

static void judge_lag(struct aep__doctor *doctor, const struct answer *answer)
{
    int64_t behind_us = aep__clock_wall_us() - answer->as_of_us;
    if (answer->as_of_us == 0) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_UNKNOWN,
                     "process %lld has not read all of its spools yet", answer->pid);
    } else if (behind_us > BEHIND_US) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_WARNING, "process %lld is %s behind",
                     answer->pid, aep__amount_ms((double)behind_us / 1000).text);
        aep__verdict_remedy(&doctor->verdicts,
                            "`aep tracker status` shows how far each spool has been read; after "
                            "a long pause it needs a while");
    } else {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE,
                     "process %lld has stored everything up to "
                     "%s ago",
                     answer->pid,
                     aep__amount_ms((double)(behind_us > 0 ? behind_us : 0) / 1000).text);
    }
}

static void judge_process(struct aep__doctor *doctor, const char *store)
{
    struct answer answer = {0};
    if (!aep__link_held(store)) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "none runs; `aep list` starts one");
    } else if (!ask(store, doctor->timeout_ms, &answer)) {
        /* It may have ended meanwhile. */
        if (aep__link_held(store))
            fail(doctor, "a tracker runs, but does not answer",
                 "kill the process aep-tracker (kill -CONT first, if it is stopped): the next one "
                 "goes on where it was");
    } else if (answer.problem[0]) {
        fail(doctor, answer.problem, "do what the text says; the tracker tries again by itself");
    } else {
        judge_lag(doctor, &answer);
    }
}

void aep__doctor_tracker(struct aep__doctor *doctor)
{
    struct aep__buf path = {0};
    aep_error err;
    judge_programs(doctor);
    if (aep__link_store(doctor->config, &path, &err) != AEP_OK)
        fail(doctor, err.text, "set track.store to a file on a local disk");
    else if (judge_store(doctor, aep__buf_string(&path)))
        judge_process(doctor, aep__buf_string(&path));
    aep__buf_done(&path);
}
