/* SPDX-License-Identifier: Apache-2.0 */
/* aep tracker, as help and parser know it; the program aep-tracker runs it. */
#include "verbs.h"

static const struct aep__flag status_options[] = {
    {"json", 0, AEP__ARGUMENT_NONE, NULL, "Prints a JSON object.", NULL, NULL, NULL},
    {"short", 0, AEP__ARGUMENT_NONE, NULL,
     "Prints one line: process, time, executions by state. `aep status` ends with it.", NULL, NULL,
     NULL},
    AEP__OPTIONS_END,
};

static const struct aep__flag stop_options[] = {
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_tracker_status = {
    .name = "status",
    .summary = "shows the tracker, its store, and how far each source has been read",
    .usage = "[--json] [--short]",
    .description = "Starts no tracker. Events are counted since the store was made; \"removed "
                   "before they were read\" are events that left a spool while no tracker ran.",
    .options = status_options,
};

const struct aep__verb aep__verb_tracker_stop = {
    .name = "stop",
    .summary = "stops the tracker",
    .usage = "",
    .description = "The next command that shows executions starts a new one, which goes on where "
                   "this one was.",
    .options = stop_options,
};

static const struct aep__verb *const actions[] = {&aep__verb_tracker_status,
                                                  &aep__verb_tracker_stop, NULL};

const struct aep__verb aep__verb_tracker = {
    .name = "tracker",
    .summary = "shows or stops the tracker, which turns events into executions",
    .usage = "status [--json] [--short]\n"
             "stop",
    .description =
        "The tracker reads the spools of this user and Kafka, and keeps executions in a database "
        "(track.store). Commands that show executions start it; it ends after track.idle_exit "
        "without a new event or a reader.",
    .actions = actions,
    .program = "aep-tracker",
};
