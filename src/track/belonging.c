/* SPDX-License-Identifier: Apache-2.0 */
#include "track/belonging.h"

#include "base/error.h"
#include "track/ids.h"
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

/* ---- the dead ---- */

/* Of two that began, whether the dead one is nearer. */
static bool is_nearer(const struct aep__tracked *tomb, const struct aep__tracked *nearest,
                      const struct aep__order *order)
{
    const struct aep__order *dead = &tomb->origins[AEP__ORIGIN_STARTED];
    const struct aep__order *live = &nearest->origins[AEP__ORIGIN_STARTED];
    bool dead_after = aep__order_before(order, dead), live_after = aep__order_before(order, live);
    if (dead_after != live_after)
        return live_after;
    return dead_after ? aep__order_before(dead, live) : aep__order_before(live, dead);
}

/* By its key: 1, 0, -1. A started event is a provisional one's if that has events after it; any other
 * event, if nothing of its key has begun. */
static int is_dead_by_key(struct aep__store *store, const struct aep__observation *event,
                          const struct aep__tracked *key, const struct aep__tracked *nearest,
                          aep_error *err)
{
    struct aep__tracked tomb;
    bool begins = event->kind == AEP_KIND_STARTED;
    aep__tracked_init(&tomb);
    int found = begins ? 0 : store->ops->nearest_tomb(store, key, &event->order, &tomb, err);
    if (found > 0 && nearest)
        found = is_nearer(&tomb, nearest, &event->order);
    else if (found == 0 && !nearest)
        found =
            store->ops->provisional_tomb(store, key, begins ? event->order.at_us : INT64_MIN, err);
    aep__tracked_done(&tomb);
    return found;
}

/* Whether the event is of an execution that retention has removed.
 * @named    its own id, of a started event, or the cause that it names; data NULL: none
 * @nearest  the one of its key that lives; NULL: none does */
static int find_dead(struct aep__store *store, const struct aep__observation *event,
                     struct aep__slice named, const struct aep__tracked *nearest, bool *ret_dead,
                     aep_error *err)
{
    struct aep__tracked key, tomb;
    aep__tracked_init(&tomb);
    set_key(&key, event);
    char *id = named.data ? aep__tracked_name(named) : NULL;
    int found = key.failed || (named.data && !id) ? -aep__error_memory(err) : 0;
    if (found == 0 && id)
        found = store->ops->tomb(store, id, &key, &tomb, err);
    if (found == 0)
        found = is_dead_by_key(store, event, &key, nearest, err);
    *ret_dead = found > 0;
    free(id);
    aep__tracked_done(&key);
    aep__tracked_done(&tomb);
    return found < 0 ? err->code : AEP_OK;
}

int aep__belonging_find(struct aep__store *store, const struct aep__observation *event,
                        struct aep__belonging *ret, aep_error *err)
{
    ret->displaces = ret->begun = ret->dead = false;
    if (event->kind == AEP_KIND_STARTED) {
        int result =
            find_dead(store, event, aep__slice_text(event->event_id), NULL, &ret->dead, err);
        return result == AEP_OK && !ret->dead ? find_own(store, event, ret, err) : result;
    }
    struct aep__slice cause = cause_of(event);
    int found = cause.data ? find_cause(store, event, cause, ret->execution, err) : 0;
    ret->bound = found > 0;
    if (found == 0) {
        found = find_by_key(store, event, ret->execution, err);
        const struct aep__tracked *nearest = found > 0 ? ret->execution : NULL;
        if (found >= 0 && find_dead(store, event, cause, nearest, &ret->dead, err) != AEP_OK)
            found = -1;
    }
    ret->guess = cause.data && !ret->bound;
    if (found < 0)
        return err->code;
    return found > 0 || ret->dead ? AEP_OK : begin_provisional(store, event, cause, ret, err);
}

/* ---- what a started event takes over ---- */

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

struct heir {
    const struct aep__claim *claim;
    struct aep__tracked *least;
};

static int look_at_heir(void *user, struct aep__tracked *other, aep_error *err)
{
    struct heir *heir = user;
    if (!other->partial || aep__tracked_is_emptied(other) ||
        strcmp(other->id, heir->claim->claimer) == 0 ||
        (heir->least->id && compare_keys(other, heir->least) >= 0))
        return AEP_OK;
    aep__tracked_copy(heir->least, other);
    return heir->least->failed ? aep__error_memory(err) : AEP_OK;
}

/* The provisional one of the least key among those whose events name an id; *ret stays empty if there is
 * none. */
static int find_heir(const struct aep__claim *claim, const char *id, struct aep__tracked *ret,
                     aep_error *err)
{
    struct aep__ids ids = {0};
    struct heir heir = {claim, ret};
    int result = claim->store->ops->guesses(claim->store, id, aep__ids_keep, &ids, err);
    if (result == AEP_OK)
        result = aep__ids_each(&ids, claim->store, look_at_heir, &heir, err);
    aep__ids_done(&ids);
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
        begun.pinned = heir.pinned;
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

/* What a started event takes over, for its execution. */
struct taking {
    const struct aep__claim *claim;
    struct aep__tracked *execution;
    bool *took;
};

/* Facts of one whose events cannot be folded again: the started event is added to them. */
static int take_facts(struct aep__tracked *execution, const struct aep__tracked *other,
                      aep_error *err)
{
    struct aep__tracked taken;
    int64_t pinned = execution->pinned;
    aep__tracked_init(&taken);
    aep__tracked_copy(&taken, other);
    aep__tracked_set_text(&taken, &taken.id, aep__slice_text(execution->id));
    aep__tracked_set_text(&taken, &taken.root_id, aep__slice_text(execution->id));
    taken.children = taken.open_children = taken.change = 0; /* those are linked again */
    taken.pinned |= pinned;
    aep__tracked_done(execution);
    *execution = taken;
    return taken.failed ? aep__error_memory(err) : AEP_OK;
}

static int take_provisional(void *user, struct aep__tracked *other, aep_error *err)
{
    struct taking *taking = user;
    const struct aep__claim *claim = taking->claim;
    struct aep__tracked *execution = taking->execution;
    uint64_t count;
    if (strcmp(other->id, execution->id) == 0)
        return AEP_OK;
    int result = claim->store->ops->move_events(claim->store, other->id, execution->id, NULL, NULL,
                                                &count, err);
    execution->pinned |= other->pinned;
    if (result == AEP_OK && aep__tracked_is_emptied(other))
        result = take_facts(execution, other, err);
    other->events = 0;
    if (result == AEP_OK)
        result = lose_some(claim, other, err);
    *taking->took = true;
    return result;
}

/* Provisional ones of the same key are no more: all that they had is its. */
static int claim_provisional(const struct taking *taking, aep_error *err)
{
    struct aep__store *store = taking->claim->store;
    struct aep__ids ids = {0};
    int result = store->ops->provisional(store, taking->execution, aep__ids_keep, &ids, err);
    if (result == AEP_OK)
        result = aep__ids_each(&ids, store, take_provisional, (void *)taking, err);
    aep__ids_done(&ids);
    return result;
}

/* The one before it, or else the first after it, had the events that are now nearer to it. */
static int claim_from_neighbour(const struct taking *taking, const struct aep__order *order,
                                aep_error *err)
{
    const struct aep__claim *claim = taking->claim;
    const struct aep__tracked *execution = taking->execution;
    struct aep__tracked other;
    uint64_t count = 0;
    aep__tracked_init(&other);
    int found = claim->store->ops->nearest(claim->store, execution, order, &other, err);
    int result = found < 0 ? err->code : AEP_OK;
    if (found > 0 && strcmp(other.id, execution->id) != 0 && !aep__tracked_is_emptied(&other)) {
        const struct aep__order *started = &other.origins[AEP__ORIGIN_STARTED];
        bool before = aep__order_before(started, order);
        if (!before)
            result = claim->store->ops->move_events(claim->store, other.id, execution->id, NULL,
                                                    started, &count, err);
        else if (aep__order_before(order, &other.origins[AEP__ORIGIN_LAST]))
            result = claim->store->ops->move_events(claim->store, other.id, execution->id, order,
                                                    NULL, &count, err);
        if (result == AEP_OK && count > 0) {
            *taking->took = true;
            result = lose_some(claim, &other, err);
        }
    }
    aep__tracked_done(&other);
    return result;
}

static int take_guesses(void *user, struct aep__tracked *other, aep_error *err)
{
    struct taking *taking = user;
    struct aep__store *store = taking->claim->store;
    const char *id = taking->execution->id;
    if (strcmp(other->id, id) == 0 || aep__tracked_is_emptied(other) ||
        compare_keys(other, taking->execution) != 0)
        return AEP_OK;
    *taking->took = true;
    int result = store->ops->move_guesses(store, id, other->id, id, err);
    return result == AEP_OK ? lose_some(taking->claim, other, err) : result;
}

/* Events that named it before anything was known of it; its own may be a provisional one's. */
static int claim_guesses(const struct taking *taking, aep_error *err)
{
    struct aep__store *store = taking->claim->store;
    const char *id = taking->execution->id;
    struct aep__ids ids = {0};
    int result = store->ops->guesses(store, id, aep__ids_keep, &ids, err);
    if (result == AEP_OK && aep__ids_next(&ids, NULL))
        result = store->ops->move_guesses(store, id, id, id, err);
    if (result == AEP_OK)
        result = aep__ids_each(&ids, store, take_guesses, (void *)taking, err);
    aep__ids_done(&ids);
    return result;
}

/* *other becomes the provisional one of its own key. */
static int rename_to_key(const struct aep__claim *claim, struct aep__tracked *other, aep_error *err)
{
    struct aep__store *store = claim->store;
    uint64_t count;
    int64_t pinned = other->pinned;
    char *key = make_key(other), *old = strdup(other->id);
    int found = key && old ? store->ops->get(store, key, other, err) : -aep__error_memory(err);
    int result = found < 0 ? err->code : AEP_OK;
    other->pinned |= pinned;
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

int aep__belonging_claim(const struct aep__claim *claim, struct aep__tracked *execution,
                         const struct aep__observation *event, bool *ret_took, aep_error *err)
{
    struct taking taking = {claim, execution, ret_took};
    *ret_took = false;
    int result = claim_provisional(&taking, err);
    if (result == AEP_OK)
        result = claim_guesses(&taking, err);
    if (result == AEP_OK)
        result = claim_from_neighbour(&taking, &event->order, err);
    return result;
}
