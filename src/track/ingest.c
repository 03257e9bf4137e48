/* SPDX-License-Identifier: Apache-2.0 */
#include "track/ingest.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "track/belonging.h"
#include "track/fold.h"
#include "track/later.h"
#include "track/meter.h"
#include "track/patience.h"
#include "track/refold.h"
#include "track/settle.h"
#include "track/worst.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKEW_US INT64_C(16000000)

const char *aep__tally_name(unsigned tally)
{
    static const char *const names[AEP__TALLY_COUNT] = {
        [AEP__TALLY_EVENTS] = "events",
        [AEP__TALLY_DUPLICATES] = "duplicates",
        [AEP__TALLY_CONFLICTING] = "conflicting",
        [AEP__TALLY_LATE] = "late",
        [AEP__TALLY_REJECTED + AEP__REJECTED_NOT] = "rejected",
        [AEP__TALLY_REJECTED + AEP__REJECTED_JSON] = "rejected: not JSON",
        [AEP__TALLY_REJECTED + AEP__REJECTED_TYPE] = "rejected: another type",
        [AEP__TALLY_REJECTED + AEP__REJECTED_MEMBERS] = "rejected: members missing",
        [AEP__TALLY_REJECTED + AEP__REJECTED_EMPTY] = "rejected: empty",
        [AEP__TALLY_REJECTED + AEP__REJECTED_SIZE] = "rejected: too large",
    };
    return names[tally];
}

int aep__ingest_init(struct aep__ingest *ingest, struct aep__store *store, int64_t abandon_after_us,
                     aep_error *err)
{
    *ingest = (struct aep__ingest){.store = store, .abandon_after_us = abandon_after_us};
    ingest->patience = aep__patience_new(store);
    ingest->later = aep__later_new();
    if (ingest->patience && ingest->later)
        return AEP_OK;
    aep__ingest_done(ingest);
    return aep__error_memory(err);
}

void aep__ingest_done(struct aep__ingest *ingest)
{
    aep__observer_done(&ingest->observer);
    aep__observer_done(&ingest->again);
    aep__patience_free(ingest->patience);
    aep__later_free(ingest->later);
    ingest->patience = NULL;
    ingest->later = NULL;
}

struct aep__tree aep__ingest_tree(const struct aep__ingest *ingest)
{
    return (struct aep__tree){.store = ingest->store,
                              .abandon_after_us = ingest->abandon_after_us,
                              .later = ingest->later};
}

static bool is_open(const struct aep__tracked *execution)
{
    return execution->outcome == AEP__ENDING_OPEN;
}

/* ---- an execution that has changed ---- */

/* Its place, its times, its row, and what they mean for those above it.
 * @was_open  its parent counts it as open
 * @placed    what caused it is as it was
 * @less      it has lost events */
static int settle(struct aep__ingest *ingest, struct aep__tracked *execution, bool was_open,
                  bool placed, bool less, aep_error *err)
{
    struct aep__tree tree = aep__ingest_tree(ingest);
    struct aep__buf parent = {0};
    int result = AEP_OK;
    if (!placed)
        result = aep__tree_refresh(&tree, execution, err);
    if (execution->parent_known > 0)
        aep__buf_text(&parent, execution->parent_id);
    if (result == AEP_OK && !placed)
        result = aep__tree_link(&tree, execution, was_open, err);
    bool stays = parent.len > 0 && execution->parent_known > 0 &&
                 strcmp(aep__buf_string(&parent), execution->parent_id) == 0;
    aep__buf_done(&parent);
    if (result == AEP_OK && less)
        result = aep__tree_quiet(&tree, execution, err);
    if (result == AEP_OK)
        result = aep__tree_time(&tree, execution, err);
    if (result == AEP_OK && execution->failed)
        result = aep__error_memory(err);
    if (result == AEP_OK)
        result = ingest->store->ops->put(ingest->store, execution, err);
    if (result == AEP_OK)
        result = aep__tree_rise(&tree, execution, stays ? was_open : is_open(execution), less, err);
    return result;
}

/* ---- events that have changed hands ---- */

struct event_ids {
    struct aep__ingest *ingest;
    struct aep__buf ids;
};

static bool keep_event_id(void *user, const struct aep__stored_event *stored)
{
    struct event_ids *events = user;
    struct aep__observation event;
    if (stored->body.data &&
        aep__observe(&events->ingest->again, stored->body, &event) == AEP__REJECTED_NOT)
        aep__buf_add(&events->ids, event.event_id, sizeof event.event_id);
    return true;
}

/* It has events now that were another's: those that named them as their cause are its children. */
static int adopt_all(struct aep__ingest *ingest, const char *id, aep_error *err)
{
    struct aep__tree tree = aep__ingest_tree(ingest);
    struct event_ids events = {.ingest = ingest};
    int result = ingest->store->ops->events(ingest->store, id, NULL, keep_event_id, &events, err);
    if (result == AEP_OK && events.ids.failed)
        result = aep__error_memory(err);
    for (size_t at = 0; result == AEP_OK && at < events.ids.len; at += AEP_ID_SIZE)
        result = aep__tree_adopt(&tree, events.ids.data + at, err);
    aep__buf_done(&events.ids);
    return result == AEP_OK ? aep__tree_adopt(&tree, id, err) : result;
}

static int on_changed(void *user, struct aep__tracked *execution, aep_error *err)
{
    struct aep__ingest *ingest = user;
    struct aep__tracked before;
    aep__tracked_init(&before);
    int found = ingest->store->ops->get(ingest->store, execution->id, &before, err);
    bool was_open = found > 0 && is_open(&before);
    aep__tracked_done(&before);
    int result = found < 0 ? err->code : aep__patience_set(ingest->patience, execution, err);
    if (result == AEP_OK)
        result = aep__worst_find(ingest->store, execution, err);
    if (result == AEP_OK)
        result = settle(ingest, execution, was_open, false, true, err);
    return result == AEP_OK ? adopt_all(ingest, execution->id, err) : result;
}

static int on_removed(void *user, const struct aep__tracked *execution, aep_error *err)
{
    struct aep__tree tree = aep__ingest_tree(user);
    return aep__tree_remove(&tree, execution, true, err);
}

/* ---- an event ---- */

static struct aep__claim claim_of(struct aep__ingest *ingest, const struct aep__tracked *execution)
{
    return (struct aep__claim){.store = ingest->store,
                               .claimer = execution->id,
                               .observer = &ingest->again,
                               .changed = on_changed,
                               .removed = on_removed,
                               .user = ingest};
}

/* The number of the event that ended an execution. */
static int find_end(struct aep__store *store, const struct aep__tracked *execution,
                    struct aep__sequence *ret, aep_error *err)
{
    struct aep__stored_event event;
    char id[AEP_ID_SIZE];
    aep__id_format(execution->origins[AEP__ORIGIN_END].id, id);
    int found = store->ops->find_event(store, id, &event, err);
    if (found > 0)
        *ret = event.sequence;
    return found < 0 ? err->code : AEP_OK;
}

static int fold(struct aep__ingest *ingest, const struct aep__observation *event,
                struct aep__tracked *execution, bool *ret_took, aep_error *err)
{
    struct aep__claim claim = claim_of(ingest, execution);
    struct aep__sequence end = {0};
    int result = AEP_OK;
    *ret_took = false;
    if (event->kind == AEP_KIND_STARTED)
        result = aep__belonging_claim(&claim, execution, event, ret_took, err);
    else if (!aep__tracked_is_emptied(execution) && aep__fold_compares(execution, event))
        result = find_end(ingest->store, execution, &end, err);
    if (result == AEP_OK && aep__tracked_is_emptied(execution))
        aep__fold_fixed(execution, event);
    else if (result == AEP_OK && (*ret_took || !aep__fold(execution, event, &end)))
        result = aep__refold(ingest->store, &ingest->again, execution, err);
    return result;
}

static int add(struct aep__ingest *ingest, const struct aep__observation *event,
               struct aep__stored_event *stored, const struct aep__belonging *belonging,
               aep_error *err)
{
    char *cause = belonging->guess ? aep__tracked_name(event->causation_id) : NULL;
    if (belonging->guess && !cause)
        return aep__error_memory(err);
    stored->execution_id = belonging->execution->id;
    stored->bound = belonging->bound;
    stored->guess = cause;
    int result = ingest->store->ops->add_event(ingest->store, event, stored, err);
    free(cause);
    return result;
}

/* Those that have named it, or the execution that it has begun. */
static int adopt(struct aep__ingest *ingest, const struct aep__observation *event,
                 const struct aep__belonging *belonging, aep_error *err)
{
    struct aep__tree tree = aep__ingest_tree(ingest);
    const char *id = belonging->execution->id;
    int result = aep__tree_adopt(&tree, event->event_id, err);
    if (result == AEP_OK && belonging->begun && strcmp(id, event->event_id) != 0)
        result = aep__tree_adopt(&tree, id, err);
    return result;
}

static int take_new(struct aep__ingest *ingest, const struct aep__observation *event,
                    struct aep__stored_event *stored, struct aep__tracked *execution,
                    aep_error *err)
{
    struct aep__belonging belonging = {.execution = execution};
    int result = aep__belonging_find(ingest->store, event, &belonging, err);
    if (result == AEP_OK && belonging.dead) {
        ingest->tallies[AEP__TALLY_LATE]++;
        return AEP_OK;
    }
    if (result == AEP_OK && belonging.displaces) {
        struct aep__claim claim = claim_of(ingest, execution);
        result = aep__belonging_displace(&claim, execution->id, err);
    }
    bool took = false, was_open = !belonging.begun && is_open(execution);
    if (result == AEP_OK)
        result = add(ingest, event, stored, &belonging, err);
    if (result == AEP_OK)
        result = aep__patience_learn(ingest->patience, execution, event, err);
    if (result == AEP_OK)
        result = fold(ingest, event, execution, &took, err);
    if (belonging.begun)
        aep__worst_begin(execution);
    if (result == AEP_OK && took)
        result = aep__worst_find(ingest->store, execution, err);
    else
        aep__worst_add(execution, event->fate);
    if (result == AEP_OK)
        result = aep__patience_set(ingest->patience, execution, err);
    if (result == AEP_OK)
        result = settle(ingest, execution, was_open, event->kind != AEP_KIND_STARTED, took, err);
    if (result == AEP_OK && ingest->meter)
        aep__meter_take(ingest->meter, event, execution, was_open || belonging.begun);
    if (result == AEP_OK && took)
        return adopt_all(ingest, execution->id, err);
    return result == AEP_OK ? adopt(ingest, event, &belonging, err) : result;
}

/* ---- an event that has come before ---- */

/* The first one that a source has counts; a later copy may tell what the first one could not. */
static int take_again(struct aep__ingest *ingest, const struct aep__observation *event,
                      struct aep__stored_event *first, const struct aep__stored_event *copy,
                      aep_error *err)
{
    static const uint8_t unknown[sizeof copy->digest];
    bool other = memcmp(first->digest, copy->digest, sizeof copy->digest) != 0 &&
                 memcmp(first->digest, unknown, sizeof unknown) != 0;
    ingest->tallies[other ? AEP__TALLY_CONFLICTING : AEP__TALLY_DUPLICATES]++;
    bool numbers = !first->sequence.known && copy->sequence.known;
    bool acked = first->fate != AEP__FATE_ACKED && copy->fate == AEP__FATE_ACKED;
    if (other || (!numbers && !acked))
        return AEP_OK;
    struct aep__tracked execution;
    struct aep__stored_event amended = {
        .sequence = numbers ? copy->sequence : first->sequence,
        .fate = acked ? AEP__FATE_ACKED : first->fate,
    };
    aep__tracked_init(&execution);
    int found = ingest->store->ops->get(ingest->store, first->execution_id, &execution, err);
    int result = found < 0 ? err->code : AEP_OK;
    bool was_open = is_open(&execution);
    if (result == AEP_OK)
        result = ingest->store->ops->amend_event(ingest->store, event->event_id, &amended, err);
    if (result == AEP_OK && found > 0 && acked) {
        const struct aep__fate_change change = {first->fate, AEP__FATE_ACKED, 1};
        result = aep__settle_row(ingest->store, &execution, &change, 1, err);
    }
    if (result == AEP_OK && found > 0 && numbers && (execution.conflict || execution.mixed_ends)) {
        result = aep__refold(ingest->store, &ingest->again, &execution, err);
        if (result == AEP_OK)
            result = settle(ingest, &execution, was_open, true, false, err);
    }
    aep__tracked_done(&execution);
    return result;
}

int aep__ingest_reject(struct aep__ingest *ingest, enum aep__rejection why)
{
    ingest->tallies[AEP__TALLY_EVENTS]++;
    ingest->tallies[AEP__TALLY_REJECTED + why]++;
    return AEP_OK;
}

int aep__ingest_take(struct aep__ingest *ingest, const struct aep__arrival *arrival, aep_error *err)
{
    struct aep__observation event;
    struct aep__stored_event first, stored = {.body = arrival->body,
                                              .sequence = arrival->sequence,
                                              .fate = arrival->fate,
                                              .unsettled = arrival->unsettled};
    enum aep__rejection why = aep__observe(&ingest->observer, arrival->body, &event);
    if (why != AEP__REJECTED_NOT)
        return aep__ingest_reject(ingest, why);
    ingest->tallies[AEP__TALLY_EVENTS]++;
    event.sequence = arrival->sequence;
    event.fate = arrival->fate;
    event.skew = event.order.at_us > arrival->now_us + SKEW_US;
    aep__digest128(arrival->body.data, arrival->body.len, stored.digest);
    int found = ingest->store->ops->find_event(ingest->store, event.event_id, &first, err);
    if (found < 0)
        return err->code;
    if (found > 0)
        return take_again(ingest, &event, &first, &stored, err);
    struct aep__tracked execution;
    aep__tracked_init(&execution);
    int result = take_new(ingest, &event, &stored, &execution, err);
    aep__tracked_done(&execution);
    return result;
}

int aep__ingest_flush(struct aep__ingest *ingest, aep_error *err)
{
    struct aep__tree tree = aep__ingest_tree(ingest);
    int result = aep__later_do(&tree, err);
    if (result == AEP_OK)
        result = aep__patience_flush(ingest->patience, err);
    if (result == AEP_OK && ingest->meter)
        aep__meter_add(ingest->meter, ingest->tallies);
    for (unsigned i = 0; result == AEP_OK && i < AEP__TALLY_COUNT; i++) {
        if (ingest->tallies[i] == 0)
            continue;
        result = ingest->store->ops->add_count(ingest->store, aep__tally_name(i),
                                               ingest->tallies[i], err);
        ingest->tallies[i] = 0;
    }
    return result;
}

void aep__ingest_forget(struct aep__ingest *ingest)
{
    memset(ingest->tallies, 0, sizeof ingest->tallies);
    aep__patience_forget(ingest->patience);
    aep__later_forget(ingest->later);
}
