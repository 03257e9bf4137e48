/* SPDX-License-Identifier: Apache-2.0 */
/* Prints hooks.json of the plugin for Claude Code: what `aep hook install` adds to its settings, with the
 * program that PATH has. */
#include <stdio.h>

#include "hook/setup/setup.h"

int main(void)
{
    struct aep__buf out = {0};
    aep__setup_lines(AEP__HOOK_CLAUDE_CODE, "aep", &out);
    bool done = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len;
    aep__buf_done(&out);
    return done && fflush(stdout) == 0 ? 0 : 1;
}
