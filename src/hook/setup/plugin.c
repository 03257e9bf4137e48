/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/plugin.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "hook/setup/plugin_text.h"

#define PROGRAM "\"@program@\""
#define EVENTS "\"@events@\""
#define PROGRAM_LINE "const AEP = "

static void add_events(const struct aep__hook_agent *agent, struct aep__buf *out)
{
    bool first = true;
    for (const struct aep__hook_event *event = agent->events; event->name; event++) {
        if (!event->registered)
            continue;
        aep__buf_text(out, first ? "" : ", ");
        aep__json_add_string(out, event->name, strlen(event->name));
        first = false;
    }
}

void aep__plugin_text(const struct aep__hook_agent *agent, const char *program,
                      struct aep__buf *out)
{
    const char *at = aep__plugin_source;
    const char *path = strstr(at, PROGRAM), *events = strstr(at, EVENTS);
    aep__buf_add(out, at, (size_t)(path - at));
    aep__json_add_string(out, program, strlen(program));
    path += strlen(PROGRAM);
    aep__buf_add(out, path, (size_t)(events - path));
    add_events(agent, out);
    aep__buf_text(out, events + strlen(EVENTS));
}

/* The program that a plugin of ours calls. */
static void find_program(struct aep__slice text, struct aep__buf *out)
{
    struct aep__json json = {0};
    struct aep__buf scratch = {0};
    const char *line = memmem(text.data, text.len, PROGRAM_LINE, strlen(PROGRAM_LINE));
    const char *at = line ? line + strlen(PROGRAM_LINE) : NULL;
    const char *end = at ? memchr(at, '\n', (size_t)(text.data + text.len - at)) : NULL;
    if (end && end > at && end[-1] == ';') {
        aep__json_begin(&json, at, (size_t)(end - 1 - at), 1, true);
        if (aep__json_next(&json) == AEP__JSON_STRING) {
            struct aep__slice path = aep__json_decode(json.token, &scratch, NULL);
            aep__buf_add(out, path.data, path.len);
        }
        aep__json_done(&json);
    }
    aep__buf_done(&scratch);
}

int aep__plugin_look(struct aep__slice there, struct aep__slice text, struct aep__hook_found *look,
                     aep_error *err)
{
    size_t first = strcspn(aep__plugin_source, "\n") + 1;
    *look = (struct aep__hook_found){0};
    if (there.len < first || memcmp(there.data, aep__plugin_source, first) != 0)
        return aep__error(err, AEP_EINVAL, NULL, "it is not aep's: its first line is another");
    look->found = 1;
    look->current = there.len == text.len && memcmp(there.data, text.data, text.len) == 0;
    find_program(there, &look->program);
    return AEP_OK;
}
