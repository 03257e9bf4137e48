/* SPDX-License-Identifier: Apache-2.0 */
#include "receipt.h"

#include <string.h>

#include "base/json.h"
#include "spool/fate.h"

const char *aep__receipt_state(const struct aep__session *session, int code)
{
    if (code == AEP_OK && aep__config_is(session->config, AEP__OPT_MODE, "local"))
        return aep__fate_word(AEP__FATE_ON_DISK); /* there is nobody to acknowledge */
    const char *name = aep_fate_name(code == AEP_ERELAY ? AEP_EDEFERRED : code);
    return name ? name : "failed";
}

void aep__receipt_add(struct aep__buf *out, const aep_receipt *receipt, const char *state)
{
    aep__buf_format(out, "\"event_id\":\"%s\",\"correlation_id\":", receipt->event_id);
    aep__json_add_string(out, receipt->correlation_id, strlen(receipt->correlation_id));
    aep__buf_format(out, ",\"state\":\"%s\",\"segment\":%llu,\"offset\":%llu", state,
                    (unsigned long long)receipt->position.segment,
                    (unsigned long long)receipt->position.offset);
}
