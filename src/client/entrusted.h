/* SPDX-License-Identifier: Apache-2.0 */
/* Executions entered in the roll for another process: its shell script, its coding agent. Whoever
 * publishes their events lives for a moment only; what counts is whether that process lives.
 *
 *     start ─▶ a file of its own, named after the execution ─▶ end: found by the ids of its event
 *
 * Of two that end one at the same moment, one is refused; so is the end of one that the relay has
 * declared failed, for a day. */
#ifndef AEP_CLIENT_ENTRUSTED_H
#define AEP_CLIENT_ENTRUSTED_H

#include "client/publish.h"

/** As aep_publish_fields() of a started event, of an execution that fails with ABANDONED if process
 * `pid` ends before it.
 * Errors: also AEP_EINVAL "pid": there is no such process; AEP_ESPOOL, AEP_EFULL: the roll cannot be
 * written */
int aep__entrusted_start(aep_publisher *pub, int64_t pid, const aep_field *fields, size_t count,
                         aep_receipt *receipt, aep_error *err);
/** As aep_publish_fields(). If the event ends an execution, and one that was entered like this is meant
 * (its causation_id is the started event's id; or else the newest with the same correlation_id and
 * agent_name), it leaves the roll.
 * Errors: also AEP_ESTATE: it has ended already */
int aep__entrusted_publish(aep_publisher *pub, enum aep_kind kind, const aep_field *fields,
                           size_t count, aep_receipt *receipt, aep_error *err);

/* ---- for a bridge that knows each execution by its id, and that may be killed at any point ---- */

/** As aep__entrusted_start(), of a process that is known already, and with this id for the event. */
int aep__entrusted_start_as(aep_publisher *pub, const struct aep__os_process *whose,
                            const uint8_t execution[16], const aep_field *fields, size_t count,
                            aep_error *err);
/** Ends that one; looks at no other. Errors: also AEP_ESTATE: it has ended already */
int aep__entrusted_end(aep_publisher *pub, enum aep_kind kind, const uint8_t execution[16],
                       const aep_field *fields, size_t count, aep_error *err);

/** What the roll and the spool know of an execution that was to be started, or ended. */
enum aep__entrusted_standing {
    AEP__ENTRUSTED_UNKNOWN, /* it could not be found out */
    AEP__ENTRUSTED_OPEN,
    AEP__ENTRUSTED_OVER, /* it has ended, or never began */
};
enum aep__entrusted_standing aep__entrusted_look(aep_publisher *pub, const uint8_t execution[16]);

/** Notes what an execution is should its process be gone: ended well (completed), or abandoned (failed). 0;
 * -1 with errno */
int aep__entrusted_note(aep_publisher *pub, const uint8_t execution[16], bool ended_well);

#endif
