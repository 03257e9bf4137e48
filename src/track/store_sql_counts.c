/* SPDX-License-Identifier: Apache-2.0 */
/* Counts are kept in memory during a transaction: most events change the same few. */
#include "track/store_sql.h"

#include "base/error.h"

#include <string.h>

/* ---- positions ---- */

int aep__sql_get_position(struct aep__store *store, struct aep__bookmark *position, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_GET_POSITION, err);
    if (!statement)
        return -1;
    aep__sql_bind_text(statement, 1, position->source);
    int found = aep__sql_step(statement, err);
    if (found > 0) {
        position->segment = (uint64_t)aep__sql_int(statement, 0);
        position->offset = (uint64_t)aep__sql_int(statement, 1);
    }
    aep__sql_give(base, AEP__SQL_GET_POSITION, statement);
    return found;
}

int aep__sql_put_position(struct aep__store *store, const struct aep__bookmark *position,
                          aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_PUT_POSITION, err);
    if (!statement)
        return err->code;
    aep__sql_bind_text(statement, 1, position->source);
    aep__sql_bind_int(statement, 2, (int64_t)position->segment);
    aep__sql_bind_int(statement, 3, (int64_t)position->offset);
    return aep__sql_finish(base, AEP__SQL_PUT_POSITION, statement, err);
}

/* ---- counts ---- */

static int write_count(struct aep__sql *base, const char *name, int64_t more, aep_error *err)
{
    if (more == 0)
        return AEP_OK;
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_ADD_COUNT, err);
    if (!statement)
        return err->code;
    aep__sql_bind_text(statement, 1, name);
    aep__sql_bind_int(statement, 2, more);
    return aep__sql_finish(base, AEP__SQL_ADD_COUNT, statement, err);
}

int aep__sql_flush_counts(struct aep__sql *base, aep_error *err)
{
    int result = AEP_OK;
    for (unsigned i = 0; result == AEP_OK && i < base->count_count; i++) {
        result = write_count(base, base->counts[i].name, base->counts[i].more, err);
        if (result == AEP_OK)
            base->counts[i].more = 0;
    }
    if (result == AEP_OK)
        base->count_count = 0;
    return result;
}

void aep__sql_forget_counts(struct aep__sql *base)
{
    base->count_count = 0;
    base->change = 0;
}

static struct aep__pending_count *find_pending(struct aep__sql *base, const char *name)
{
    for (unsigned i = 0; i < base->count_count; i++)
        if (strcmp(base->counts[i].name, name) == 0)
            return &base->counts[i];
    return NULL;
}

int aep__sql_add_count(struct aep__store *store, const char *name, int64_t more, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__pending_count *pending = find_pending(base, name);
    if (pending) {
        pending->more += more;
        return AEP_OK;
    }
    if (strlen(name) >= sizeof pending->name || base->count_count == AEP__COUNTS_MAX)
        return write_count(base, name, more, err);
    pending = &base->counts[base->count_count++];
    strcpy(pending->name, name);
    pending->more = more;
    return AEP_OK;
}

int aep__sql_get_count(struct aep__store *store, const char *name, int64_t *ret, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    const struct aep__pending_count *pending = find_pending(base, name);
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_GET_COUNT, err);
    if (!statement)
        return err->code;
    aep__sql_bind_text(statement, 1, name);
    int found = aep__sql_step(statement, err);
    if (found >= 0)
        *ret = (found ? aep__sql_int(statement, 0) : 0) + (pending ? pending->more : 0);
    aep__sql_give(base, AEP__SQL_GET_COUNT, statement);
    return found < 0 ? err->code : AEP_OK;
}

/* ---- counts per state ---- */

/* Only those that are silent are looked at: the number of the others is known. */
static int count_silent(struct aep__sql *base, int64_t clock_us, int64_t *ret_silent,
                        int64_t *ret_abandoned, aep_error *err)
{
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_SILENT, err);
    if (!statement)
        return err->code;
    aep__sql_bind_int(statement, 1, clock_us);
    int found = aep__sql_step(statement, err);
    if (found > 0) {
        *ret_silent = aep__sql_int(statement, 0);
        *ret_abandoned = aep__sql_int(statement, 1);
    }
    aep__sql_give(base, AEP__SQL_SILENT, statement);
    return found < 0 ? err->code : AEP_OK;
}

int aep__sql_count(struct aep__store *store, int64_t clock_us, int64_t ret[AEP__STATE_COUNT],
                   aep_error *err)
{
    int64_t classes[AEP__CLASS_COUNT], silent = 0, abandoned = 0;
    int result = aep__sql_flush(aep__sql_of(store), err);
    for (int i = 0; result == AEP_OK && i < AEP__CLASS_COUNT; i++)
        result = aep__sql_get_count(store, aep__class_names[i], &classes[i], err);
    if (result == AEP_OK)
        result = count_silent(aep__sql_of(store), clock_us, &silent, &abandoned, err);
    if (result != AEP_OK)
        return result;
    ret[AEP__STATE_COMPLETED] = classes[AEP__CLASS_COMPLETED];
    ret[AEP__STATE_FAILED] = classes[AEP__CLASS_FAILED];
    ret[AEP__STATE_ABANDONED] = classes[AEP__CLASS_ABANDONED] + abandoned;
    ret[AEP__STATE_WAITING] = classes[AEP__CLASS_WAITING];
    ret[AEP__STATE_STALLED] = silent - abandoned;
    ret[AEP__STATE_RUNNING] = classes[AEP__CLASS_OPEN] - silent;
    return AEP_OK;
}

/* ---- facets --------------------------------------------------------------------------------- */

/* From one value to the next by its index: the number of rows does not matter. */
int aep__sql_facets(struct aep__store *store, enum aep__facet facet, aep__id_fn fn, void *user,
                    aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    struct aep__buf value = {0};
    unsigned which = facet == AEP__FACET_AGENT ? AEP__SQL_NEXT_AGENT : AEP__SQL_NEXT_TENANT;
    int found = aep__sql_flush(base, err) == AEP_OK ? 1 : -1;
    while (found > 0) {
        struct aep__statement *statement = aep__sql_take(base, which, err);
        if (!statement)
            break;
        aep__sql_bind_text(statement, 1, aep__buf_string(&value));
        found = aep__sql_step(statement, err);
        aep__buf_clear(&value);
        if (found > 0)
            aep__sql_add_id(statement, 0, &value);
        aep__sql_give(base, which, statement);
        if (value.failed || (found > 0 && !fn(user, value.data)))
            break;
    }
    bool failed = found < 0 || value.failed;
    int result = value.failed ? aep__error_memory(err) : failed ? err->code : AEP_OK;
    aep__buf_done(&value);
    return result;
}

/* ---- who waits, and what the clock changes -------------------------------------------------- */

int aep__sql_waits(struct aep__store *store, struct aep__waits *ret, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    int result = aep__sql_flush(base, err);
    struct aep__statement *statement =
        result == AEP_OK ? aep__sql_take(base, AEP__SQL_WAITS, err) : NULL;
    if (!statement)
        return err->code;
    aep__sql_bind_int(statement, 1, AEP__WAITING_HUMAN);
    aep__sql_bind_int(statement, 2, AEP__WAITING_PERMISSION);
    int found = aep__sql_step(statement, err);
    if (found > 0)
        *ret = (struct aep__waits){.human = aep__sql_int(statement, 0),
                                   .oldest_us = aep__sql_is_null(statement, 1)
                                                    ? AEP__UNKNOWN_US
                                                    : aep__sql_int(statement, 1)};
    aep__sql_give(base, AEP__SQL_WAITS, statement);
    return found < 0 ? err->code : AEP_OK;
}

/* An instant is over at a clock that is later (state.c). */
int aep__sql_turned(struct aep__store *store, int64_t from_us, int64_t until_us, unsigned limit,
                    aep__id_fn fn, void *user, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    int64_t first_us = from_us < until_us ? from_us : until_us;
    int64_t last_us = from_us < until_us ? until_us : from_us;
    int result = aep__sql_flush(base, err);
    struct aep__statement *statement =
        result == AEP_OK ? aep__sql_take(base, AEP__SQL_TURNED, err) : NULL;
    if (!statement)
        return err->code;
    aep__sql_bind_int(statement, 1, first_us);
    aep__sql_bind_int(statement, 2, last_us);
    aep__sql_bind_int(statement, 3, limit);
    return aep__sql_give_ids(base, AEP__SQL_TURNED, statement, fn, user, err);
}
