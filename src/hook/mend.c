/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/bridge.h"

#include "client/entrusted.h"

/* A hook was killed between its note and its next one. */
static void mend_level(struct aep__hook_bridge *bridge, struct aep__hook_level *level)
{
    if (level->phase != AEP__HOOK_STARTING && level->phase != AEP__HOOK_ENDING)
        return;
    switch (aep__entrusted_look(bridge->pub, level->execution)) {
    case AEP__ENTRUSTED_OPEN:
        level->phase = AEP__HOOK_OPEN;
        break;
    case AEP__ENTRUSTED_OVER:
        level->phase = level->phase == AEP__HOOK_STARTING ? AEP__HOOK_NONE : AEP__HOOK_ENDED;
        break;
    case AEP__ENTRUSTED_UNKNOWN:
        break; /* the next hook may find out */
    }
}

static void close_level(struct aep__hook_level *level)
{
    if (level->phase != AEP__HOOK_NONE)
        level->phase = AEP__HOOK_ENDED;
}

/* Its process is gone: the relay ends what was open, or has. */
static void close_all(struct aep__hook_state *state)
{
    for (int i = 0; i < AEP__HOOK_TURNS; i++)
        close_level(&state->turns[i].level);
    for (int i = 0; i < AEP__HOOK_SUBS; i++)
        close_level(&state->subs[i].level);
    close_level(&state->session);
}

static bool is_other(const struct aep__os_process *one, const struct aep__os_process *other)
{
    return one->pid != other->pid || one->begun != other->begun;
}

void aep__hook_mend(struct aep__hook_bridge *bridge)
{
    struct aep__hook_state *state = bridge->state;
    struct aep__os_process self;
    mend_level(bridge, &state->session);
    for (int i = 0; i < AEP__HOOK_TURNS; i++)
        mend_level(bridge, &state->turns[i].level);
    for (int i = 0; i < AEP__HOOK_SUBS; i++)
        mend_level(bridge, &state->subs[i].level);
    if (!aep__hook_level_open(&state->session) || !is_other(&state->process, &bridge->owner))
        return;
    aep__os_process_self(&self);
    enum aep__os_life life = aep__os_process_life(&state->process, &self);
    if (life == AEP__OS_GONE || life == AEP__OS_REBOOTED)
        close_all(state);
}
