/* SPDX-License-Identifier: Apache-2.0 */
#include "track/belonging.h"

#include "base/error.h"
#include "track/refold.h"

#include <stdlib.h>
#include <string.h>

/* Whether a text of an execution, which may have been cut, is that of an event. */
static bool is(const char *text, struct aep__slice slice)
{
    if (text && strlen(text) == slice.len && memcmp(text, slice.data, slice.len) == 0)
        return true;
    if (slice.len <= AEP__TEXT_MAX && !memchr(slice.data, '\0', slice.len))
        return false;
    char *cut = aep__tracked_name(slice);
    bool same = text && cut && strcmp(text, cut) == 0;
    free(cut);
    return same;
}

/* Only events of these three can be an execution's. */
static bool agrees(const struct aep__tracked *execution, const struct aep__observation *event)
{
    return is(execution->tenant_id, event->tenant_id) &&
           is(execution->correlation_id, event->correlation_id) &&
           is(execution->agent_name, event->agent_name);
}

static void add_encoded(struct aep__buf *out, struct aep__slice text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] && strchr(plain, text.data[i]))
            aep__buf_byte(out, text.data[i]);
        else
            aep__buf_format(out, "%%%02X", (unsigned char)text.data[i]);
    }
}

/* The id of a provisional execution whose events name none: TENANT/CORRELATION_ID/AGENT_NAME. */
static char *make_key(const struct aep__tracked *named)
{
    const char *const parts[] = {named->tenant_id, named->correlation_id, named->agent_name};
    struct aep__buf key = {0};
    for (size_t i = 0; i < 3; i++) {
        if (i > 0)
            aep__buf_byte(&key, '/');
        add_encoded(&key, aep__slice_text(parts[i]));
    }
    char *id = key.failed ? NULL : aep__tracked_name((struct aep__slice){key.data, key.len});
    aep__buf_done(&key);
    return id;
}

/* What a key is made of; the rest is unknown. */
static void set_key(struct aep__tracked *key, const struct aep__observation *event)
{
    aep__tracked_init(key);
    aep__tracked_set_name(key, &key->tenant_id, event->tenant_id);
    aep__tracked_set_name(key, &key->correlation_id, event->correlation_id);
    aep__tracked_set_name(key, &key->agent_name, event->agent_name);
}

static int begin(struct aep__tracked *execution, const struct aep__observation *event,
                 struct aep__slice id, aep_error *err)
{
    aep__tracked_done(execution);
    set_key(execution, event);
    execution->partial = true;
    aep__tracked_set_name(execution, &execution->id, id);
    aep__tracked_set_name(execution, &execution->root_id, id);
    return execution->failed ? aep__error_memory(err) : AEP_OK;
}

/* The execution of an id, which may be as long as an event: 1, 0: there is none, -1. */
static int get(struct aep__store *store, struct aep__slice id, struct aep__tracked *ret,
               aep_error *err)
{
    char *text = aep__tracked_name(id);
    int found = text ? store->ops->get(store, text, ret, err) : -aep__error_memory(err);
    free(text);
    return found;
}

static int get_or_begin(struct aep__store *store, const struct aep__observation *event,
                        struct aep__slice id, struct aep__belonging *ret, aep_error *err)
{
    int found = get(store, id, ret->execution, err);
    ret->begun = found == 0;
    return found < 0 ? err->code : found ? AEP_OK : begin(ret->execution, event, id, err);
}

/* Its cause, if that may be an execution: the correlation id is none. */
static struct aep__slice cause_of(const struct aep__observation *event)
{
    struct aep__slice cause = event->causation_id, correlation = event->correlation_id;
    bool none =
        !cause.data || cause.len == 0 ||
        (cause.len == correlation.len && memcmp(cause.data, correlation.data, cause.len) == 0);
    return none ? (struct aep__slice){0} : cause;
}

/* 1: the cause is an execution that has begun, and the event is of it. */
static int find_cause(struct aep__store *store, const struct aep__observation *event,
                      struct aep__slice cause, struct aep__tracked *ret, aep_error *err)
{
    int found = get(store, cause, ret, err);
    return found > 0 ? !ret->partial && agrees(ret, event) : found;
}

static int find_by_key(struct aep__store *store, const struct aep__observation *event,
                       struct aep__tracked *ret, aep_error *err)
{
    struct aep__tracked key;
    set_key(&key, event);
    int found = key.failed ? -aep__error_memory(err)
                           : store->ops->nearest(store, &key, &event->order, ret, err);
    aep__tracked_done(&key);
    return found;
}

static int compare_keys(const struct aep__tracked *one, const struct aep__tracked *other)
{
    int order = strcmp(one->tenant_id, other->tenant_id);
    if (order == 0)
        order = strcmp(one->correlation_id, other->correlation_id);
    return order ? order : strcmp(one->agent_name, other->agent_name);
}

/* Of several whose events name a cause of which nothing is known, the one of the least key has its id;
 * the others have their keys for ids. Whether that is the event's. */
static int find_claim(struct aep__store *store, const struct aep__observation *event,
                      struct aep__slice cause, struct aep__belonging *ret, bool *ret_has,
                      aep_error *err)
{
    struct aep__tracked key;
    int found = get(store, cause, ret->execution, err);
    *ret_has = found == 0;
    if (found <= 0)
        return found < 0 ? err->code : AEP_OK;
    set_key(&key, event);
    if (key.failed)
        found = -aep__error_memory(err);
    else if (ret->execution->partial) {
        int order = compare_keys(&key, ret->execution);
        *ret_has = order <= 0;
        ret->displaces = order < 0;
    }
    aep__tracked_done(&key);
    return found < 0 ? err->code : AEP_OK;
}

static int begin_provisional(struct aep__store *store, const struct aep__observation *event,
                             struct aep__slice cause, struct aep__belonging *ret, aep_error *err)
{
    int result = AEP_OK;
    ret->bound = false;
    if (cause.data)
        result = find_claim(store, event, cause, ret, &ret->bound, err);
    if (result != AEP_OK)
        return result;
    ret->guess = cause.data && !ret->bound;
    ret->begun = ret->displaces;
    if (ret->displaces)
        return begin(ret->execution, event, cause, err);
    if (ret->bound)
        return get_or_begin(store, event, cause, ret, err);
    struct aep__tracked named;
    set_key(&named, event);
    char *key = named.failed ? NULL : make_key(&named);
    result =
        key ? get_or_begin(store, event, aep__slice_text(key), ret, err) : aep__error_memory(err);
    free(key);
    aep__tracked_done(&named);
    return result;
}

/* Of a started event: its id is the execution's. */
static int find_own(struct aep__store *store, const struct aep__observation *event,
                    struct aep__belonging *ret, aep_error *err)
{
    struct aep__slice id = aep__slice_text(event->event_id);
    ret->bound = true;
    ret->guess = false;
    int result = get_or_begin(store, event, id, ret, err);
    if (result != AEP_OK || agrees(ret->execution, event))
        return result;
    ret->displaces = ret->begun = true;
    return begin(ret->execution, event, id, err);
}

int aep__belonging_find(struct aep__store *store, const struct aep__observation *event,
                        struct aep__belonging *ret, aep_error *err)
{
    ret->displaces = false;
    if (event->kind == AEP_KIND_STARTED)
        return find_own(store, event, ret, err);
    struct aep__slice cause = cause_of(event);
    ret->begun = false;
    int found = cause.data ? find_cause(store, event, cause, ret->execution, err) : 0;
    ret->bound = found > 0;
    if (found == 0)
        found = find_by_key(store, event, ret->execution, err);
    ret->guess = cause.data && !ret->bound;
    if (found < 0)
        return err->code;
    return found > 0 ? AEP_OK : begin_provisional(store, event, cause, ret, err);
}

/* ---- what a started event takes over ---- */

/* Ids as the store gives them, kept until it may be asked again. */
static bool keep_id(void *user, const char *id)
{
    struct aep__buf *ids = user;
    aep__buf_add(ids, id, strlen(id) + 1);
    return true;
}

static int release(const struct aep__claim *claim, const char *id, aep_error *err);

static int lose_some(const struct aep__claim *claim, struct aep__tracked *other, aep_error *err)
{
    int result = aep__refold(claim->store, claim->observer, other, err);
    if (result != AEP_OK)
        return result;
    if (other->events > 0)
        return claim->changed(claim->user, other, err);
    result = claim->store->ops->remove(claim->store, other->id, err);
    if (result == AEP_OK)
        result = claim->removed(claim->user, other, err);
    return result == AEP_OK ? release(claim, other->id, err) : result;
}

/* The provisional one of the least key among those whose events name an id; *ret stays empty if there is
 * none. */
static int find_heir(const struct aep__claim *claim, const char *id, struct aep__tracked *ret,
                     aep_error *err)
{
    struct aep__buf ids = {0};
    int result = claim->store->ops->guesses(claim->store, id, keep_id, &ids, err);
    if (result == AEP_OK && ids.failed)
        result = aep__error_memory(err);
    for (size_t at = 0; result == AEP_OK && at < ids.len; at += strlen(ids.data + at) + 1) {
        struct aep__tracked other;
        aep__tracked_init(&other);
        int found = claim->store->ops->get(claim->store, ids.data + at, &other, err);
        if (found < 0)
            result = err->code;
        bool claims = strcmp(ids.data + at, claim->claimer) == 0;
        if (found > 0 && other.partial && !claims && (!ret->id || compare_keys(&other, ret) < 0)) {
            aep__tracked_done(ret);
            *ret = other;
        } else {
            aep__tracked_done(&other);
        }
    }
    aep__buf_done(&ids);
    return result;
}

/* A provisional one is no more: another, whose events name the same cause, gets its id. */
static int release(const struct aep__claim *claim, const char *id, aep_error *err)
{
    struct aep__tracked heir, begun;
    aep__tracked_init(&heir);
    aep__tracked_init(&begun);
    int result = find_heir(claim, id, &heir, err);
    if (result == AEP_OK && heir.id) {
        begun.partial = true;
        aep__tracked_set_text(&begun, &begun.id, aep__slice_text(id));
        aep__tracked_set_text(&begun, &begun.root_id, aep__slice_text(id));
        aep__tracked_set_text(&begun, &begun.tenant_id, aep__slice_text(heir.tenant_id));
        aep__tracked_set_text(&begun, &begun.correlation_id, aep__slice_text(heir.correlation_id));
        aep__tracked_set_text(&begun, &begun.agent_name, aep__slice_text(heir.agent_name));
        result = claim->store->ops->move_guesses(claim->store, id, heir.id, id, err);
        if (result == AEP_OK)
            result = lose_some(claim, &begun, err);
        if (result == AEP_OK)
            result = lose_some(claim, &heir, err);
    }
    aep__tracked_done(&heir);
    aep__tracked_done(&begun);
    return result;
}

/* Provisional ones of the same key are no more: all that they had is its. */
static int claim_provisional(const struct aep__claim *claim, const struct aep__tracked *execution,
                             bool *took, aep_error *err)
{
    struct aep__store *store = claim->store;
    struct aep__buf ids = {0};
    int result = store->ops->provisional(store, execution, keep_id, &ids, err);
    if (result == AEP_OK && ids.failed)
        result = aep__error_memory(err);
    for (size_t at = 0; result == AEP_OK && at < ids.len; at += strlen(ids.data + at) + 1) {
        uint64_t count;
        struct aep__tracked other;
        if (strcmp(ids.data + at, execution->id) == 0)
            continue;
        aep__tracked_init(&other);
        int found = store->ops->get(store, ids.data + at, &other, err);
        if (found < 0)
            result = err->code;
        if (found > 0)
            result =
                store->ops->move_events(store, other.id, execution->id, NULL, NULL, &count, err);
        if (found > 0 && result == AEP_OK)
            result = lose_some(claim, &other, err);
        *took = true;
        aep__tracked_done(&other);
    }
    aep__buf_done(&ids);
    return result;
}

/* The one before it, or else the first after it, had the events that are now nearer to it. */
static int claim_from_neighbour(const struct aep__claim *claim,
                                const struct aep__tracked *execution,
                                const struct aep__order *order, bool *took, aep_error *err)
{
    struct aep__tracked other;
    uint64_t count = 0;
    aep__tracked_init(&other);
    int found = claim->store->ops->nearest(claim->store, execution, order, &other, err);
    int result = found < 0 ? err->code : AEP_OK;
    if (found > 0 && strcmp(other.id, execution->id) != 0) {
        const struct aep__order *started = &other.origins[AEP__ORIGIN_STARTED];
        bool before = aep__order_before(started, order);
        if (!before)
            result = claim->store->ops->move_events(claim->store, other.id, execution->id, NULL,
                                                    started, &count, err);
        else if (aep__order_before(order, &other.origins[AEP__ORIGIN_LAST]))
            result = claim->store->ops->move_events(claim->store, other.id, execution->id, order,
                                                    NULL, &count, err);
        if (result == AEP_OK && count > 0) {
            *took = true;
            result = lose_some(claim, &other, err);
        }
    }
    aep__tracked_done(&other);
    return result;
}

/* Events that named it before anything was known of it. */
static int claim_guesses(const struct aep__claim *claim, const struct aep__tracked *execution,
                         bool *took, aep_error *err)
{
    struct aep__store *store = claim->store;
    struct aep__buf ids = {0};
    int result = store->ops->guesses(store, execution->id, keep_id, &ids, err);
    if (result == AEP_OK && ids.failed)
        result = aep__error_memory(err);
    for (size_t at = 0; result == AEP_OK && at < ids.len; at += strlen(ids.data + at) + 1) {
        struct aep__tracked other;
        if (strcmp(ids.data + at, execution->id) == 0) { /* of a provisional one */
            result =
                store->ops->move_guesses(store, execution->id, execution->id, execution->id, err);
            continue;
        }
        aep__tracked_init(&other);
        int found = store->ops->get(store, ids.data + at, &other, err);
        if (found < 0)
            result = err->code;
        if (found > 0 && compare_keys(&other, execution) == 0) {
            *took = true;
            result = store->ops->move_guesses(store, execution->id, other.id, execution->id, err);
            if (result == AEP_OK)
                result = lose_some(claim, &other, err);
        }
        aep__tracked_done(&other);
    }
    aep__buf_done(&ids);
    return result;
}

/* *other becomes the provisional one of its own key. */
static int rename_to_key(const struct aep__claim *claim, struct aep__tracked *other, aep_error *err)
{
    struct aep__store *store = claim->store;
    uint64_t count;
    char *key = make_key(other), *old = strdup(other->id);
    int found = key && old ? store->ops->get(store, key, other, err) : -aep__error_memory(err);
    int result = found < 0 ? err->code : AEP_OK;
    if (found == 0) {
        aep__tracked_set_text(other, &other->id, aep__slice_text(key));
        aep__tracked_set_text(other, &other->root_id, aep__slice_text(key));
        other->children = other->open_children = 0; /* they named what is no more */
    }
    if (result == AEP_OK)
        result = store->ops->move_events(store, old, key, NULL, NULL, &count, err);
    if (result == AEP_OK)
        result = lose_some(claim, other, err);
    free(key);
    free(old);
    return result;
}

int aep__belonging_displace(const struct aep__claim *claim, const char *id, aep_error *err)
{
    struct aep__tracked other, gone;
    aep__tracked_init(&other);
    aep__tracked_init(&gone);
    int result = AEP_OK;
    if (claim->store->ops->get(claim->store, id, &other, err) < 0 ||
        claim->store->ops->get(claim->store, id, &gone, err) < 0)
        result = err->code;
    if (result == AEP_OK)
        result = rename_to_key(claim, &other, err);
    if (result == AEP_OK)
        result = claim->store->ops->remove(claim->store, id, err);
    if (result == AEP_OK)
        result = claim->removed(claim->user, &gone, err);
    aep__tracked_done(&other);
    aep__tracked_done(&gone);
    return result;
}

int aep__belonging_claim(const struct aep__claim *claim, const struct aep__tracked *execution,
                         const struct aep__observation *event, bool *ret_took, aep_error *err)
{
    *ret_took = false;
    int result = claim_provisional(claim, execution, ret_took, err);
    if (result == AEP_OK)
        result = claim_guesses(claim, execution, ret_took, err);
    if (result == AEP_OK)
        result = claim_from_neighbour(claim, execution, &event->order, ret_took, err);
    return result;
}
