/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include "measure.h"

static struct aep__spool spool;
static struct aep__reader reader;
static struct aep__message message;

const struct aep__message *bench_sample_open(const char *folder)
{
    aep_error err;
    struct aep__entry entry;
    if (aep__spool_open(&spool, folder, NULL, &err) != AEP_OK ||
        aep__reader_init(&reader, &spool, 1, 0, false, &err) != AEP_OK)
        bench_die("%s", err.text);
    if (aep__reader_next(&reader, &entry, &err) != AEP__READ_EVENT ||
        !aep__record_message(&entry.record, &message))
        bench_die("%s holds no event", folder);
    return &message;
}

void bench_sample_close(void)
{
    aep__reader_done(&reader);
    aep__spool_done(&spool);
}
