/* SPDX-License-Identifier: Apache-2.0 */
/* The tree that an execution is in, from its root down. */
#include <string.h>

#include "aep/out.h"
#include "branches.h"
#include "look.h"
#include "showing.h"

#define SHOWN_MAX 40

struct family {
    struct aep__showing *showing;
    size_t shown, most; /* 0: any number */
    bool more;
};

static bool is_self(const struct family *family, const struct aep__tracked *execution)
{
    return strcmp(execution->id, family->showing->execution.id) == 0;
}

static void add_line(struct family *family, const struct aep__tracked *execution, const char *lines)
{
    struct aep__showing *showing = family->showing;
    struct aep__buf *out = &showing->out;
    const struct aep__view *view = &showing->reading.view;
    enum aep__state state = aep__state_of(execution, view->clock_us);
    const char *agent = execution->agent_name ? execution->agent_name : "-";
    size_t begin = out->len;
    aep__buf_text(out, is_self(family, execution) ? "> " : "  ");
    aep__buf_text(out, lines);
    aep__out_plain(out, agent, strlen(agent));
    aep__buf_byte(out, ' ');
    if (showing->reading.colour)
        aep__buf_format(out, "\033[%sm", aep__look_colour(state));
    aep__look_state(out, execution, view, true);
    aep__buf_text(out, showing->reading.colour ? "\033[0m " : " ");
    aep__out_plain(out, execution->id, strlen(execution->id));
    if (execution->user_request) {
        aep__buf_byte(out, ' ');
        aep__out_plain(out, execution->user_request, strlen(execution->user_request));
    }
    aep__showing_end_line(showing, begin);
}

static bool take_line(void *user, const struct aep__tracked *execution, const char *lines)
{
    struct family *family = user;
    family->more = family->most && family->shown == family->most;
    if (family->more)
        return false;
    family->shown++;
    add_line(family, execution, lines);
    return aep__showing_flush(family->showing);
}

static bool take_json(void *user, const struct aep__tracked *execution, const char *lines)
{
    struct family *family = user;
    struct aep__showing *showing = family->showing;
    (void)lines;
    if (is_self(family, execution))
        return true;
    aep__row_add(&showing->out, &showing->reading.fields, execution, &showing->reading.view);
    aep__buf_byte(&showing->out, '\n');
    return aep__showing_flush(showing);
}

/* A root that has been removed meanwhile leaves what is below the execution itself. */
static int walk(struct family *family, aep__branches_fn fn, aep_error *err)
{
    struct aep__reading *reading = &family->showing->reading;
    const struct aep__tracked *execution = &family->showing->execution;
    const char *root = execution->root_id ? execution->root_id : execution->id;
    int found = aep__branches_walk(reading->store, root, reading->utf8, fn, family, err);
    if (found == 0)
        found = aep__branches_walk(reading->store, execution->id, reading->utf8, fn, family, err);
    return found < 0 ? err->code : AEP_OK;
}

int aep__showing_tree(struct aep__showing *showing, bool all, aep_error *err)
{
    const struct aep__tracked *execution = &showing->execution;
    struct family family = {.showing = showing, .most = all ? 0 : SHOWN_MAX};
    if (!all && execution->children == 0 && !execution->parent_known)
        return AEP_OK;
    if (!all)
        aep__showing_part(showing, "tree");
    int code = walk(&family, take_line, err);
    if (family.more)
        aep__buf_text(&showing->out, "  ...  more are not shown (--tree shows all)\n");
    return code;
}

int aep__showing_json_tree(struct aep__showing *showing, aep_error *err)
{
    struct family family = {.showing = showing};
    return walk(&family, take_json, err);
}
