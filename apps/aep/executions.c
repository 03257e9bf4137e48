/* SPDX-License-Identifier: Apache-2.0 */
/* aep list, aep show, aep watch and aep pin, as help and parser know them; the program aep-executions runs them. */
#include "verbs.h"

#define PROGRAM "aep-executions"

#define WAIT                                                                                       \
    {                                                                                              \
        "wait", 'w', AEP__ARGUMENT_OPTIONAL, "MS",                                                 \
            "How long the tracker may take to read what has been published so far: milliseconds, " \
            "or a time such as 5s (default 2 s). After that, what is known by then is shown.",     \
            NULL, NULL, NULL                                                                       \
    }

#define FIELDS                                                                                     \
    "  id state basis since uncertain agent_name user_request tenant_id source\n"                  \
    "  correlation_id session_id parent_id parent_known root_id depth started_at\n"                \
    "  ended_at last_event_at duration_ms current_step progress_percent\n"                         \
    "  steps_completed steps_total waiting_for error_code error_type error_message\n"              \
    "  result_summary open_children children events delivery partial inferred\n"                   \
    "  conflict skew as_of"

static const struct aep__flag list_options[] = {
    {"json", 0, AEP__ARGUMENT_OPTIONAL, "FIELDS",
     "Prints one JSON object per line, with all fields or with these: --json=id,state.", NULL, NULL,
     NULL},
    {"limit", 'n', AEP__ARGUMENT_VALUE, "N", "Shows at most N executions (default 50); 0: all.",
     NULL, NULL, NULL},
    {"all", 'a', AEP__ARGUMENT_NONE, NULL,
     "Also shows those that other executions started, and has no limit unless --limit is given.",
     NULL, NULL, NULL},
    {"tree", 't', AEP__ARGUMENT_NONE, NULL,
     "Shows below each execution those that it started, and counts only the first ones.", NULL,
     NULL, NULL},
    {"sort", 's', AEP__ARGUMENT_VALUE, "ORDER",
     "started: newest first (default); last_event: the latest event first; attention: what waits "
     "for you, what is stalled, what failed within the last hour, what runs, and the rest; state: "
     "completed, failed, abandoned, waiting, stalled, running.",
     "started last_event attention state", NULL, NULL},
    {"reverse", 'r', AEP__ARGUMENT_NONE, NULL, "Reverses the order.", NULL, NULL, NULL},
    WAIT,
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_list = {
    .name = "list",
    .summary = "lists executions: what runs, waits, hangs, has died",
    .usage = "[FILTER...] [--limit N] [--all] [--tree] [--sort ORDER] [--reverse] "
             "[--json[=FIELDS]] [--wait[=MS]]",
    .description =
        "One line for each, newest first: state, agent, request, current step, time since the "
        "last event, age, duration, children (open/all), id. Without --all an execution that another "
        "one started is not listed by itself. A background tracker reads the spools and Kafka; it is started "
        "when it is needed.\n"
        "\n"
        "FILTER chooses:\n"
        "  state:STATE       completed, failed, abandoned, waiting, stalled or running\n"
        "  agent:NAME        * stands for any characters: agent:build*\n"
        "  tenant:ID  session:ID  correlation:ID\n"
        "  parent:ID         executions that this one started\n"
        "  since:TIME        the last event is not older: 30min, 1h, 7d, 2025-11-13\n"
        "  until:TIME        the last event is not newer\n"
        "  TEXT, text:TEXT   is in the request, agent, step or error, in any case\n"
        "Filters of one name are alternatives; filters of different names, and all texts, must "
        "match.\n"
        "\n"
        "A state marked \"?\" may have changed since the time that stderr names: the tracker has "
        "read no further. When standard output is not a terminal, columns are separated by tabs "
        "and nothing is cut.\n"
        "\n"
        "FIELDS:\n" FIELDS,
    .examples = "  aep list\n"
                "  aep list state:waiting state:stalled\n"
                "  aep list agent:build* since:1h --tree\n"
                "  aep list --sort=attention\n"
                "  aep list --all --json=id,state,error_message state:failed",
    .options = list_options,
    .operands = "state:completed state:failed state:abandoned state:waiting state:stalled "
                "state:running agent: tenant: session: correlation: parent: since: until: text:",
    .operands_max = AEP__OPERANDS_ANY,
    .program = PROGRAM,
    .shared = true,
};

static const struct aep__flag show_options[] = {
    {"json", 0, AEP__ARGUMENT_OPTIONAL, "FIELDS",
     "Prints the execution as `aep list --json` does, one line. With --tree the others of its tree "
     "follow, with --events its events: {\"delivery\":\"acked\",\"event\":{...}}.",
     NULL, NULL, NULL},
    {"events", 'e', AEP__ARGUMENT_NONE, NULL, "Shows only its events, all of them.", NULL, NULL,
     NULL},
    {"tree", 't', AEP__ARGUMENT_NONE, NULL,
     "Shows only the tree that it is in: what started it and what it started.", NULL, NULL, NULL},
    WAIT,
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_show = {
    .name = "show",
    .summary = "shows one execution: state, failure, timeline, tree, metrics",
    .usage = "ID|- [--events] [--tree] [--json[=FIELDS]] [--wait[=MS]]",
    .description =
        "ID: the beginning of an execution's id that no other one has, or a correlation id; if "
        "several executions have that, the one is shown that started the others. \"-\": the newest "
        "one of `aep list`. If there is none, or there are several, the exit status is 1, and "
        "stderr lists those that you may mean.\n"
        "\n"
        "The timeline marks silence that is longer than usual.",
    .examples = "  aep show -\n"
                "  aep show 019a7d3c\n"
                "  aep show - --json=state,error_message",
    .options = show_options,
    .operands_min = 1,
    .operands_max = 1,
    .program = PROGRAM,
    .shared = true,
};

static const struct aep__flag watch_options[] = {
    {"exit-status", 0, AEP__ARGUMENT_NONE, NULL,
     "With an ID: ends when the execution does, with status 0 if it completed, 1 if it failed, 5 if "
     "it was abandoned.",
     NULL, NULL, NULL},
    {"until", 0, AEP__ARGUMENT_VALUE, "STATE",
     "With an ID: ends with status 0 when the execution is in this state, with 1 if it ends in "
     "another one.",
     "completed failed abandoned waiting stalled running", NULL, NULL},
    {"exec", 0, AEP__ARGUMENT_VALUE, "CMD",
     "Runs a command at each change of state, one after the other, without a shell: blanks separate "
     "its words, quotes keep them. It reads the row as JSON from standard input, and has "
     "AEP_EXECUTION_ID, AEP_STATE and AEP_CORRELATION_ID.",
     NULL, NULL, NULL},
    {"bell", 0, AEP__ARGUMENT_NONE, NULL,
     "Rings the terminal's bell when an execution begins to wait for you, stalls or fails.", NULL,
     NULL, NULL},
    {"json", 0, AEP__ARGUMENT_OPTIONAL, "FIELDS",
     "Prints a row as JSON for each change, also on a terminal; all fields of `aep list`, or these.",
     NULL, NULL, NULL},
    WAIT,
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_watch = {
    .name = "watch",
    .summary = "shows executions on the whole screen, as they change",
    .usage = "[FILTER...|ID] [--exit-status] [--until STATE] [--exec CMD] [--bell] "
             "[--json[=FIELDS]] [--wait[=MS]]",
    .description =
        "What waits for you comes first, then what is stalled, what has just failed, what runs, "
        "and the rest. The row under the cursor stays where it is. ? shows the keys, q quits.\n"
        "\n"
        "FILTER: as for `aep list`. ID: as for `aep show`; a word of 8 or more hexadecimal digits "
        "is one, and any word is with --exit-status or --until (to search for such a word, write "
        "text:WORD). Only that execution is shown then; if it is not known within --wait, the exit "
        "status is 1.\n"
        "\n"
        "When standard input or output is no terminal, a line is printed for each execution that is "
        "open, and for each change: time, state, agent, request, error or step, id, separated by "
        "tabs. With an ID, that ends when the execution does.\n"
        "\n"
        "Every open execution is there. Of those that are over, the newest are, and more come as you "
        "move down.",
    .examples = "  aep watch\n"
                "  aep watch agent:build* state:running\n"
                "  aep watch - --exit-status && deploy\n"
                "  aep watch --exec 'notify-send \"an agent\"'",
    .options = watch_options,
    .operands = "state:completed state:failed state:abandoned state:waiting state:stalled "
                "state:running agent: tenant: session: correlation: parent: since: until: text:",
    .operands_max = AEP__OPERANDS_ANY,
    .program = PROGRAM,
    .shared = true,
};

static const struct aep__flag pin_options[] = {
    {"remove", 0, AEP__ARGUMENT_NONE, NULL, "Unpins them.", NULL, NULL, NULL},
    WAIT,
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_pin = {
    .name = "pin",
    .summary = "keeps executions for good: retention leaves them alone",
    .usage = "[--remove] ID|-... [--wait[=MS]]",
    .description =
        "A pinned execution and its events stay, however old they are (track.retention) and however "
        "large the store is (track.max_bytes). `aep show` says that it is pinned.\n"
        "\n"
        "ID: as for `aep show`. If one is not found, or several may be meant, the exit status is 1; "
        "the others are pinned all the same.",
    .examples = "  aep pin -\n"
                "  aep pin --remove 019a7d3c",
    .options = pin_options,
    .operands_min = 1,
    .operands_max = AEP__OPERANDS_ANY,
    .program = PROGRAM,
    .shared = true,
};
