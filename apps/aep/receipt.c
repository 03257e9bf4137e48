/* SPDX-License-Identifier: Apache-2.0 */
#include "receipt.h"

#include <string.h>

#include "base/json.h"

const char *aep__receipt_state(const struct aep__session *session, int code)
{
    static const struct {
        int code;
        const char *state;
    } states[] = {
        {AEP_OK, "acked"},       {AEP_EDEFERRED, "deferred"}, {AEP_ERELAY, "deferred"},
        {AEP_EPARKED, "parked"}, {AEP_EDEAD, "dead"},
    };
    if (code == AEP_OK && aep__config_is(session->config, AEP__OPT_MODE, "local"))
        return "spooled"; /* nobody acknowledges anything */
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (states[i].code == code)
            return states[i].state;
    }
    return "failed";
}

void aep__receipt_add(struct aep__buf *out, const aep_receipt *receipt, const char *state)
{
    aep__buf_format(out, "\"event_id\":\"%s\",\"correlation_id\":", receipt->event_id);
    aep__json_add_string(out, receipt->correlation_id, strlen(receipt->correlation_id));
    aep__buf_format(out, ",\"state\":\"%s\",\"segment\":%llu,\"offset\":%llu", state,
                    (unsigned long long)receipt->position.segment,
                    (unsigned long long)receipt->position.offset);
}
