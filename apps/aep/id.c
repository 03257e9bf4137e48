/* SPDX-License-Identifier: Apache-2.0 */
/* aep id: new ids for scripts, a line each. */
#include "options.h"
#include "out.h"
#include "verbs.h"

static int run_id(struct aep__args *args)
{
    aep_error err;
    int64_t count = 1;
    if (aep__args_int(args, "count", 1, 1000000, &count, &err) != AEP_OK)
        return aep__out_error(&err);
    struct aep__buf text = {0};
    for (; count > 0; count--) {
        char id[AEP_ID_SIZE];
        aep_id_new(id);
        aep__buf_format(&text, "%s\n", id);
    }
    return aep__out_finish(&text);
}

static const struct aep__flag options[] = {
    {"count", 'n', AEP__ARGUMENT_VALUE, "N", "How many. Default: 1.", NULL, NULL, NULL},
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_id = {
    .name = "id",
    .summary = "makes ids: UUIDs (version 7), in ascending order",
    .usage = "[--count N]",
    .examples = "  run_id=$(aep id)\n"
                "  aep publish started --agent nightly --request \"back up\" "
                "--correlation-id \"$run_id\"",
    .options = options,
    .run = run_id,
};
