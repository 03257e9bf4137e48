/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/states.h"

#include "serve/inside.h"

#include <inttypes.h>

#define COUNTED_US 1000000

const struct aep__states *aep__states_get(struct aep__serve *serve, struct aep__store *store,
                                          aep_error *err)
{
    struct aep__states *states = &serve->states;
    int64_t number, as_of_us = serve->news.as_of_us;
    if (store->ops->get_count(store, AEP__COUNT_CHANGES, &number, err) != AEP_OK)
        return NULL;
    if (number == states->number && as_of_us - states->as_of_us < COUNTED_US)
        return states;
    if (store->ops->count(store, aep__serve_view(serve).clock_us, states->counts, err) != AEP_OK ||
        store->ops->waits(store, &states->waits, err) != AEP_OK)
        return NULL;
    states->number = number;
    states->as_of_us = as_of_us;
    return states;
}

void aep__states_add_counts(struct aep__buf *out, const int64_t counts[AEP__STATE_COUNT],
                            unsigned at_least)
{
    const char *before = "";
    aep__buf_text(out, "\"states\":{");
    for (int i = 0; i < AEP__STATE_COUNT; i++)
        aep__buf_format(out, "%s\"%s\":%" PRId64, i ? "," : "", aep__state_word((enum aep__state)i),
                        counts[i]);
    aep__buf_text(out, "},\"at_least\":[");
    for (int i = 0; i < AEP__STATE_COUNT; i++) {
        if (!(at_least & 1U << i))
            continue;
        aep__buf_format(out, "%s\"%s\"", before, aep__state_word((enum aep__state)i));
        before = ",";
    }
    aep__buf_byte(out, ']');
}

int aep__states_add(struct aep__buf *out, struct aep__serve *serve, struct aep__store *store,
                    aep_error *err)
{
    const struct aep__states *states = aep__states_get(serve, store, err);
    if (!states)
        return err->code;
    aep__states_add_counts(out, states->counts, 0);
    aep__buf_format(out, ",\"needs_you\":%" PRId64, states->waits.human);
    return AEP_OK;
}
