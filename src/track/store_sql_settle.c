/* SPDX-License-Identifier: Apache-2.0 */
/* Events that were stored before their fate was known stand in a table of their own, by their places in
 * their spool, until it is: so what becomes of all that a relay's cursor has passed is written at once,
 * and costs nothing for those that were acknowledged before. */
#include "track/store_sql.h"

#include "base/error.h"

int aep__sql_add_unsettled(struct aep__sql *base, const struct aep__spooled *place,
                           const struct aep__observation *event, aep_error *err)
{
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_ADD_UNSETTLED, err);
    if (!statement)
        return err->code;
    aep__sql_bind_blob(statement, 1, place->spool, sizeof place->spool);
    aep__sql_bind_int(statement, 2, (int64_t)place->segment);
    aep__sql_bind_int(statement, 3, (int64_t)place->offset);
    aep__sql_bind_blob(statement, 4, event->order.id, sizeof event->order.id);
    return aep__sql_finish(base, AEP__SQL_ADD_UNSETTLED, statement, err);
}

static void bind_range(struct aep__statement *statement, const struct aep__settling *what,
                       aep_position until)
{
    aep__sql_bind_blob(statement, 1, what->spool, sizeof what->spool);
    aep__sql_bind_int(statement, 2, (int64_t)what->from.segment);
    aep__sql_bind_int(statement, 3, (int64_t)what->from.offset);
    aep__sql_bind_int(statement, 4, (int64_t)until.segment);
    aep__sql_bind_int(statement, 5, (int64_t)until.offset);
}

/* Tells of those that change. An event that is no longer stored is told of to nobody. Sets where those
 * that were found end, and whether any changes. */
static int find(struct aep__sql *base, const struct aep__settling *what, aep__settled_fn fn,
                void *user, aep_position *ret_next, bool *ret_some, bool *ret_change,
                aep_error *err)
{
    enum { SEGMENT, OFFSET, EXECUTION, FATE };
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_UNSETTLED, err);
    struct aep__buf id = {0};
    unsigned count = 0;
    int found = 0, result = AEP_OK;
    if (!statement)
        return err->code;
    bind_range(statement, what, what->until);
    aep__sql_bind_int(statement, 6, what->limit);
    *ret_change = false;
    while (result == AEP_OK && (found = aep__sql_step(statement, err)) > 0) {
        enum aep__fate fate = (enum aep__fate)aep__sql_int(statement, FATE);
        *ret_next = (aep_position){(uint64_t)aep__sql_int(statement, SEGMENT),
                                   (uint64_t)aep__sql_int(statement, OFFSET) + 1};
        count++;
        if (aep__sql_is_null(statement, EXECUTION) || fate == what->fate || fate == AEP__FATE_ACKED)
            continue;
        aep__buf_clear(&id);
        aep__sql_add_id(statement, EXECUTION, &id);
        *ret_change = true;
        if (id.failed || !fn(user, id.data, fate))
            result = aep__error_memory(err);
    }
    aep__sql_give(base, AEP__SQL_UNSETTLED, statement);
    aep__buf_done(&id);
    if (count < what->limit)
        *ret_next = what->until;
    *ret_some = count > 0;
    return found < 0 ? err->code : result;
}

static int write_fates(struct aep__sql *base, const struct aep__settling *what, aep_position until,
                       aep_error *err)
{
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_SETTLE, err);
    if (!statement)
        return err->code;
    bind_range(statement, what, until);
    aep__sql_bind_int(statement, 6, what->fate);
    aep__sql_bind_int(statement, 7, AEP__FATE_ACKED);
    return aep__sql_finish(base, AEP__SQL_SETTLE, statement, err);
}

static int forget(struct aep__sql *base, const struct aep__settling *what, aep_position until,
                  aep_error *err)
{
    struct aep__statement *statement = aep__sql_take(base, AEP__SQL_SETTLED, err);
    if (!statement)
        return err->code;
    bind_range(statement, what, until);
    return aep__sql_finish(base, AEP__SQL_SETTLED, statement, err);
}

int aep__sql_settle(struct aep__store *store, const struct aep__settling *what, aep__settled_fn fn,
                    void *user, aep_position *ret_next, aep_error *err)
{
    struct aep__sql *base = aep__sql_of(store);
    aep_position next;
    bool some = false, change = false;
    int result = find(base, what, fn, user, &next, &some, &change, err);
    if (result == AEP_OK && change)
        result = write_fates(base, what, next, err);
    if (result == AEP_OK && some && !what->stays)
        result = forget(base, what, next, err);
    if (result == AEP_OK)
        *ret_next = next;
    return result;
}
