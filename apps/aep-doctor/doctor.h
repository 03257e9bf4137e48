/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor: its steps and what they share. Each step gives at least one verdict and leaves behind
 * what later ones need (config, publisher, spool, admin); main.c frees it all. */
#ifndef AEP_DOCTOR_DOCTOR_H
#define AEP_DOCTOR_DOCTOR_H

#include "aep/options.h"
#include "config/config.h"
#include "kafka/admin.h"
#include "spool/spool.h"
#include "verdicts.h"

struct aep__doctor {
    const struct aep__args *args;
    aep_config *arguments; /* what --set gave */
    int timeout_ms;        /* limit of each wait for the network */
    struct aep__verdicts verdicts;

    aep_config *config;       /* NULL: it is wrong */
    aep_publisher *publisher; /* NULL: it cannot be opened */
    struct aep__spool spool;  /* dir_fd -1: it is not open */
    struct aep__admin *admin; /* NULL: no contact with Kafka */
};

void aep__doctor_configuration(struct aep__doctor *doctor);
void aep__doctor_spool(struct aep__doctor *doctor);
void aep__doctor_clock(struct aep__doctor *doctor);
void aep__doctor_program(struct aep__doctor *doctor);
void aep__doctor_relay(struct aep__doctor *doctor);
void aep__doctor_backlog(struct aep__doctor *doctor);
void aep__doctor_tracker(struct aep__doctor *doctor);
void aep__doctor_hooks(struct aep__doctor *doctor);
/** Whether a coding agent's hooks are installed. */
bool aep__doctor_has_hooks(struct aep__doctor *doctor);
void aep__doctor_servers(struct aep__doctor *doctor);
void aep__doctor_contact(struct aep__doctor *doctor);
void aep__doctor_brokers(struct aep__doctor *doctor);
void aep__doctor_topics(struct aep__doctor *doctor);
void aep__doctor_reading(struct aep__doctor *doctor);
void aep__doctor_probe(struct aep__doctor *doctor);

#endif
