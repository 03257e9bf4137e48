/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/hook.h"

#include "base/error.h"
#include "base/os.h"
#include "client/publisher.h"
#include "config/config.h"
#include "config/options.h"
#include "hook/bridge.h"
#include "hook/log.h"
#include "hook/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- the publisher ---- */

/* Without brokers there is one place that events can go to: this machine. */
static int open_publisher(aep_publisher **ret, aep_config *config, aep_error *err)
{
    const char *servers = aep__options[AEP__OPT_KAFKA_BOOTSTRAP_SERVERS].key;
    int result = aep_publisher_open(ret, config, err);
    if (result != AEP_ECONFIG || strcmp(err->field, servers) != 0 ||
        strncmp(err->text, "no ", 3) != 0)
        return result;
    result = aep_config_set(config, aep__options[AEP__OPT_MODE].key, "local", err);
    return result == AEP_OK ? aep_publisher_open(ret, config, err) : result;
}

void aep__hook_host_open(struct aep__hook_host *host, aep_config *config)
{
    *host = (struct aep__hook_host){.spool_fd = -1};
    if (!config)
        aep__error_memory(&host->problem);
    if (!config || open_publisher(&host->pub, config, &host->problem) != AEP_OK) {
        host->pub = NULL;
        host->spool_fd = aep__hook_log_fallback();
        return;
    }
    host->capture_tools = aep__config_is(host->pub->config, AEP__OPT_HOOK_CAPTURE, "tools");
    if (host->pub->enabled)
        host->spool_fd = aep__os_above(
            open(aep_publisher_spool_dir(host->pub), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void aep__hook_host_close(struct aep__hook_host *host)
{
    aep_publisher_close(host->pub);
    if (host->spool_fd >= 0)
        close(host->spool_fd);
    *host = (struct aep__hook_host){.spool_fd = -1};
}

/* ---- a session's file ---- */

static int open_session(struct aep__hook_bridge *bridge, struct aep__slice id)
{
    struct aep__hook_step *step = bridge->step;
    aep__hook_file_close(bridge->file);
    if (aep__hook_file_open(bridge->file, bridge->spool_fd, step->agent, id.data, id.len) < 0)
        return -1;
    if (!aep__hook_file_read(bridge->file, bridge->state))
        aep__hook_state_init(bridge->state, step->agent, id.data, id.len);
    return 0;
}

/* The session of a sub-agent is a file that names its parent: its hooks are the parent's. */
static const enum aep__hook_meaning child_meanings[AEP__HOOK_MEANINGS] = {
    [AEP__HOOK_SESSION_START] = AEP__HOOK_SUB_START, [AEP__HOOK_SESSION_END] = AEP__HOOK_SUB_STOP,
    [AEP__HOOK_STOP] = AEP__HOOK_SUB_STOP,           [AEP__HOOK_STOP_FAILURE] = AEP__HOOK_SUB_STOP,
    [AEP__HOOK_INTERRUPT] = AEP__HOOK_SUB_STOP,      [AEP__HOOK_TOOL_START] = AEP__HOOK_TOOL_START,
    [AEP__HOOK_TOOL_END] = AEP__HOOK_TOOL_END,       [AEP__HOOK_TOOL_ERROR] = AEP__HOOK_TOOL_ERROR,
    [AEP__HOOK_PERMISSION] = AEP__HOOK_PERMISSION,   [AEP__HOOK_ANSWER] = AEP__HOOK_ANSWER,
    [AEP__HOOK_COMPACT] = AEP__HOOK_COMPACT,
};

static int open_parent(struct aep__hook_bridge *bridge)
{
    struct aep__hook_step *step = bridge->step;
    struct aep__hook_state *state = bridge->state;
    if (step->parent.len > 0 && step->parent.len < sizeof state->parent && !state->parent[0]) {
        memcpy(state->parent, step->parent.data, step->parent.len);
        aep__hook_note(bridge);
    }
    if (!state->parent[0])
        return 0;
    char parent[sizeof state->parent];
    memcpy(parent, state->parent, sizeof parent);
    step->sub = step->session;
    step->in_sub = true;
    step->meaning = child_meanings[step->meaning];
    return open_session(bridge, aep__slice_text(parent));
}

/* ---- a call ---- */

/* A hook that names no session is of the one that its process has. */
static void name_session(struct aep__hook_step *step, const struct aep__os_process *owner)
{
    char *text = aep__hook_texts_new(&step->texts, 64);
    if (step->session.len > 0 || !text)
        return;
    int len = snprintf(text, 64, "%cprocess %lld %llu", AEP__HOOK_NO_ID, (long long)owner->pid,
                       (unsigned long long)owner->begun);
    step->session = (struct aep__slice){text, (size_t)len};
}

static void find_owner(struct aep__hook_bridge *bridge)
{
    const struct aep__hook_step *step = bridge->step;
    if (!aep__hook_owner_find(step->agent, &bridge->owner))
        aep__hook_log_error(bridge->spool_fd, step->agent, "%s: the agent's process is not known",
                            step->event);
}

static void join(struct aep__hook_bridge *bridge)
{
    if (open_session(bridge, bridge->step->session) < 0 || open_parent(bridge) < 0) {
        aep__hook_fail(bridge,
                       errno == ETIMEDOUT ? "another hook of this session takes too long"
                                          : "cannot open the session's state",
                       NULL);
        aep__hook_state_init(bridge->state, bridge->step->agent, bridge->step->session.data,
                             bridge->step->session.len);
        aep__hook_announce_alone(bridge);
        return;
    }
    bool made = bridge->file->made;
    if (bridge->owner.pid == 0 && aep__hook_owner_is(bridge->step->agent, &bridge->state->process))
        bridge->owner = bridge->state->process;
    else if (bridge->owner.pid == 0)
        find_owner(bridge);
    aep__hook_follow(bridge);
    if (bridge->failed && !bridge->said)
        aep__hook_announce_alone(bridge);
    if (made && bridge->file->number == 0)
        aep__hook_file_remove(bridge->file);
    else if (made)
        aep__hook_file_tidy(bridge->file, &bridge->owner);
}

static void take_step(struct aep__hook_host *host, struct aep__hook_step *step)
{
    struct aep__hook_state state;
    struct aep__hook_file file = {.fd = -1, .dir_fd = -1};
    struct aep__hook_bridge bridge = {
        .pub = host->pub,
        .spool_fd = host->spool_fd,
        .file = &file,
        .state = &state,
        .step = step,
        .capture_tools = host->capture_tools,
    };
    if (host->owner_known)
        bridge.owner = host->owner;
    else if (step->session.len == 0)
        find_owner(&bridge);
    if (step->session.len == 0)
        aep__hook_log_error(host->spool_fd, step->agent,
                            "%s: the input names no session: taken for its process's", step->event);
    name_session(step, &bridge.owner);
    join(&bridge);
    aep__hook_file_close(&file);
    if (bridge.failed)
        aep__hook_log_error(host->spool_fd, step->agent, "%s: %s", step->event, bridge.why);
}

void aep__hook_host_take(struct aep__hook_host *host, const struct aep__hook_call *call)
{
    struct aep__hook_step step;
    aep__hook_step_read(&step, call);
    if (step.agent == AEP__HOOK_AGENTS)
        aep__hook_log_error(host->spool_fd, step.agent, "no agent is called \"%.64s\"",
                            call->agent);
    else if (host->pub)
        aep__hook_log_count(host->spool_fd, step.agent, step.event);
    else
        aep__hook_log_error(host->spool_fd, step.agent, "%s", host->problem.text);
    if (step.agent == AEP__HOOK_AGENTS || !host->pub || host->spool_fd < 0)
        ;
    else if (step.meaning != AEP__HOOK_NOTHING)
        take_step(host, &step);
    else if (!step.event[0])
        aep__hook_log_error(host->spool_fd, step.agent, "the input names no hook");
    aep__hook_step_done(&step);
}
