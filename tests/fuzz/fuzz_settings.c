/* SPDX-License-Identifier: Apache-2.0 */
/* The editor of agents' settings: what it adds to any text is found again, is valid JSON, and is taken out
 * without a trace. */
#include "hook/setup/place.h"
#include "hook/setup/tree.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static struct aep__slice slice(const struct aep__buf *buf)
{
    return (struct aep__slice){buf->data ? buf->data : "", buf->len};
}

static size_t count_ours(struct aep__slice text, const struct aep__hook_wanted *wanted,
                         bool current)
{
    struct aep__hook_found found;
    aep_error err;
    must(aep__settings_look(text, wanted, &found, &err) == AEP_OK);
    must(!current || found.current);
    aep__buf_done(&found.program);
    return found.found;
}

/* Without ours; *ret_gone as the editor says. */
static void take_out(struct aep__slice text, struct aep__slice before,
                     const struct aep__hook_wanted *wanted, struct aep__buf *out, bool *ret_gone)
{
    aep_error err;
    must(aep__settings_remove(text, before, wanted, out, ret_gone, &err) == AEP_OK);
    must(count_ours(slice(out), wanted, false) == 0);
}

static void check(struct aep__slice text, const struct aep__hook_wanted *wanted)
{
    const struct aep__slice none = {NULL, 0};
    struct aep__buf base = {0}, added = {0}, removed = {0}, blind = {0};
    bool gone;
    aep_error err;
    take_out(text, none, wanted, &base, &gone);
    must(count_ours(text, wanted, false) > 0 ||
         (base.len == text.len && (text.len == 0 || memcmp(base.data, text.data, text.len) == 0)));
    must(aep__settings_add(slice(&base), wanted, &added, &err) == AEP_OK);
    must(count_ours(slice(&added), wanted, true) == wanted->count);
    take_out(slice(&added), slice(&base), wanted, &removed, &gone);
    must(!gone && removed.len == base.len && memcmp(removed.data, base.data, base.len) == 0);
    take_out(slice(&added), none, wanted, &blind, &gone);
    aep__buf_done(&base);
    aep__buf_done(&added);
    aep__buf_done(&removed);
    aep__buf_done(&blind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct aep__slice text = {(const char *)data, size};
    for (int id = 0; id < AEP__HOOK_AGENTS; id++) {
        struct aep__hook_wanted wanted;
        struct aep__hook_found found;
        aep_error err;
        must(aep__hook_place_set((enum aep__hook_agent_id)id, "/opt/a \"b\" 'c'/aep", &wanted,
                                 &err) == AEP_OK);
        if (wanted.count > 0 && aep__settings_look(text, &wanted, &found, &err) == AEP_OK) {
            aep__buf_done(&found.program);
            check(text, &wanted);
        }
        aep__buf_done(&wanted.texts);
    }
    return 0;
}
