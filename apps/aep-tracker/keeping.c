/* SPDX-License-Identifier: Apache-2.0 */
#include "keeping.h"

#include "aep/amount.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define LOOK_US 1000000 /* between two looks that find nothing */
#define BUSY_US 100000  /* between two steps while there is something to read */
#define SECOND_US 1000000

void aep__keeping_init(struct aep__keeping *keeping, const aep_config *config)
{
    *keeping = (struct aep__keeping){
        .retention = {
            .executions_us = aep__config_int(config, AEP__OPT_TRACK_RETENTION_S) * SECOND_US,
            .bodies_us = aep__config_int(config, AEP__OPT_TRACK_RETENTION_BODIES_S) * SECOND_US,
            .failed_bodies_us =
                aep__config_int(config, AEP__OPT_TRACK_RETENTION_FAILED_BODIES_S) * SECOND_US,
            .max_bytes = aep__config_int(config, AEP__OPT_TRACK_MAX_BYTES),
        }};
}

static void note_problem(struct aep__keeping *keeping, const struct aep__writer *writer)
{
    const struct aep__retention *retention = &keeping->retention;
    if (!retention->stuck) {
        keeping->problem[0] = '\0';
        return;
    }
    bool told = keeping->problem[0] != '\0';
    snprintf(keeping->problem, sizeof keeping->problem,
             "the store takes %s, more than track.max_bytes (%s), and all that is left is open or "
             "pinned: raise track.max_bytes, or unpin some (aep pin --remove)",
             aep__amount_bytes((uint64_t)retention->bytes).text,
             aep__amount_bytes((uint64_t)retention->max_bytes).text);
    if (!told)
        aep__log_write(writer->log, AEP_LOG_WARNING, "%s", keeping->problem);
}

int aep__keeping_turn(struct aep__keeping *keeping, struct aep__writer *writer, bool rests,
                      aep_error *err)
{
    bool more = false;
    int64_t now_us = aep__clock_mono_us();
    bool due = now_us >= keeping->next_us || (rests && keeping->more);
    if (!due)
        return AEP_OK;
    int code =
        aep__retention_step(&keeping->retention, &writer->ingest, aep__clock_wall_us(), &more, err);
    keeping->more = code == AEP_OK && more;
    if (code != AEP_OK)
        return code;
    keeping->next_us = now_us + (!more ? LOOK_US : keeping->retention.over ? 0 : BUSY_US);
    note_problem(keeping, writer);
    return AEP_OK;
}
