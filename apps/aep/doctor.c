/* SPDX-License-Identifier: Apache-2.0 */
/* aep doctor, as help and parser know it; the program aep-doctor runs it. */
#include "verbs.h"

static const struct aep__flag options[] = {
    {"json", 0, AEP__ARGUMENT_NONE, NULL, "Prints an object with an array of findings.", NULL, NULL,
     NULL},
    {"no_probe", 0, AEP__ARGUMENT_NONE, NULL, "Publishes nothing.", NULL, NULL, NULL},
    {"timeout", 't', AEP__ARGUMENT_VALUE, "MS",
     "How long each step may wait for the network: milliseconds, or a time such as 10s; 5 s if not "
     "given.",
     NULL, NULL, NULL},
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_doctor = {
    .name = "doctor",
    .summary = "checks the way of an event from configuration to Kafka, step by step",
    .usage = "[--json] [--no-probe] [--timeout MS]",
    .description =
        "Configuration, spool folder, clock, relay, backlog, each server, TLS and login, topics; "
        "then a real execution (agent_name aep-doctor: started and completed) is published "
        "through spool and relay and its acknowledgement awaited. Each step has a verdict (\"?\": it "
        "could not be known) and, if something is wrong, a remedy. Events that were refused or lost are "
        "a warning once: those since the doctor last looked; `aep status` counts them all.\n\n"
        "Exit status: 0 nothing failed (warnings may be shown), 1 some step failed, 2 wrong "
        "usage.",
    .options = options,
    .program = "aep-doctor",
};
