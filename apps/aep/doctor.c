/* SPDX-License-Identifier: Apache-2.0 */
/* aep doctor, as help and parser know it; the program aep-doctor runs it. */
#include "verbs.h"

static const struct aep__flag options[] = {
    {"json", 0, AEP__ARGUMENT_NONE, NULL, "Prints a JSON object with an array of findings.", NULL,
     NULL, NULL},
    {"no_probe", 0, AEP__ARGUMENT_NONE, NULL, "Publishes nothing.", NULL, NULL, NULL},
    {"timeout", 't', AEP__ARGUMENT_VALUE, "MS",
     "How long each step may wait for the network: milliseconds, or a time such as 10s. Default: "
     "5 s.",
     NULL, NULL, NULL},
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_doctor = {
    .name = "doctor",
    .summary = "checks each step of an event's way from configuration to Kafka",
    .usage = "[--json] [--no-probe] [--timeout MS]",
    .description =
        "Configuration, spool folder, clock, relay, backlog, the tracker and its store, the hooks of coding "
        "agents, each server, TLS and login, topics, and whether the tracker may read them. "
        "At the end it publishes a real execution (agent_name aep-doctor: started and completed) "
        "through spool and relay and waits for the acknowledgement. Each step gets a verdict "
        "(\"?\": unknown) and, if something is wrong, a remedy. Refused and lost events are "
        "reported once, by the first run after they occurred; `aep status` counts them all.\n\n"
        "Exit status: 0 no step failed (there may be warnings), 1 a step failed, 2 wrong usage.",
    .options = options,
    .program = "aep-doctor",
};
