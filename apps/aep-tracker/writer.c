/* SPDX-License-Identifier: Apache-2.0 */
#include "writer.h"

#include "base/clock.h"
#include "track/link.h"
#include "track/meter.h"
#include "track/retention.h"

#include <stdio.h>

#define PAUSE_US 250000 /* after the first failure */
#define PAUSE_MAX_US INT64_C(30000000)

void aep__writer_close(struct aep__writer *writer)
{
    if (!writer->store)
        return;
    aep__ingest_done(&writer->ingest);
    writer->store->ops->close(writer->store);
    writer->store = NULL;
}

void aep__writer_fail(struct aep__writer *writer, const aep_error *err)
{
    if (writer->store) {
        writer->store->ops->rollback(writer->store);
        aep__writer_close(writer);
    }
    if (writer->meter)
        aep__meter_roll_back(writer->meter);
    snprintf(writer->problem, sizeof writer->problem, "%s", err->text);
    aep__log_write(writer->log, AEP_LOG_ERROR, "%s", err->text);
    writer->retry_us = aep__clock_mono_us() + writer->pause_us;
    writer->pause_us = writer->pause_us * 2 < PAUSE_MAX_US ? writer->pause_us * 2 : PAUSE_MAX_US;
}

bool aep__writer_replaced(const struct aep__writer *writer)
{
    aep_error unused; /* the next transaction meets it, too */
    return writer->store->ops->replaced(writer->store, &unused) > 0;
}

static int open_store(struct aep__writer *writer, aep_error *err)
{
    struct aep__store *store = NULL;
    int code = aep__store_open(&store, writer->where, true, err);
    if (code != AEP_OK)
        return code;
    code = aep__ingest_init(&writer->ingest, store, writer->abandon_after_us, err);
    if (code != AEP_OK) {
        store->ops->close(store);
        return code;
    }
    writer->ingest.meter = writer->meter;
    writer->store = store;
    return store->ops->get_count(store, AEP__COUNT_AS_OF, &writer->as_of_us, err);
}

bool aep__writer_open(struct aep__writer *writer)
{
    aep_error err;
    if (writer->pause_us == 0)
        writer->pause_us = PAUSE_US;
    if (writer->store)
        return true;
    if (aep__clock_mono_us() < writer->retry_us)
        return false;
    if (open_store(writer, &err) == AEP_OK)
        return true;
    aep__writer_fail(writer, &err);
    return false;
}

int aep__writer_begin(struct aep__writer *writer, aep_error *err)
{
    return writer->store->ops->begin(writer->store, err);
}

int aep__writer_note(struct aep__writer *writer, int64_t as_of_us, aep_error *err)
{
    int64_t stored_us;
    if (as_of_us == writer->as_of_us)
        return AEP_OK;
    int code = writer->store->ops->get_count(writer->store, AEP__COUNT_AS_OF, &stored_us, err);
    if (code == AEP_OK) /* another tracker may have noted its own */
        code = writer->store->ops->add_count(writer->store, AEP__COUNT_AS_OF, as_of_us - stored_us,
                                             err);
    if (code == AEP_OK)
        writer->as_of_us = as_of_us;
    return code;
}

/* What has been committed once shows that the store can be used. */
int aep__writer_commit(struct aep__writer *writer, aep_error *err)
{
    int code = aep__ingest_flush(&writer->ingest, err);
    if (code == AEP_OK)
        code = writer->store->ops->commit(writer->store, err);
    if (code == AEP_OK && writer->meter)
        aep__meter_commit(writer->meter);
    if (code == AEP_OK) {
        writer->pause_us = PAUSE_US;
        writer->problem[0] = '\0';
    }
    return code;
}

int aep__writer_pin(struct aep__writer *writer, const char *id, bool pinned, aep_error *err)
{
    if (aep__writer_begin(writer, err) != AEP_OK)
        return -1;
    int found = aep__retention_pin(&writer->ingest, id, pinned, err);
    return found >= 0 && aep__writer_commit(writer, err) != AEP_OK ? -1 : found;
}
