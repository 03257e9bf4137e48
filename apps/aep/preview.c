/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope of an event that is not published: neither a spool nor a broker has to be
 * configured. */
#include <stdlib.h>

#include "publish.h"

#include "client/setup.h"
#include "event/envelope_make.h"

static int make_envelope(const struct aep__draft *draft,
                         const struct aep__envelope_settings *settings,
                         struct aep__envelope *envelope, aep_error *err)
{
    struct aep__facts facts;
    if (draft->kind < 0)
        return aep__envelope_make_any(envelope, settings, &draft->event, 0, err);
    int code = aep__facts_from_fields((enum aep_kind)draft->kind, draft->fields, draft->field_count,
                                      &facts, err);
    return code == AEP_OK ? aep__envelope_make(envelope, settings, &facts, err) : code;
}

int aep__draft_preview(const struct aep__draft *draft, const aep_config *config,
                       struct aep__buf *out, aep_error *err)
{
    aep_config *loaded = NULL;
    struct aep__envelope_settings settings = {0};
    struct aep__envelope envelope = {0};
    int code = aep__config_load(config, &loaded, err);
    if (code == AEP_OK)
        code = aep__setup_envelope(loaded, getenv("TRACEPARENT"), getenv("TRACESTATE"), &settings,
                                   err);
    if (code == AEP_OK)
        code = make_envelope(draft, &settings, &envelope, err);
    if (code == AEP_OK) {
        aep__buf_add(out, envelope.message.value.data, envelope.message.value.len);
        aep__buf_byte(out, '\n');
    }
    aep__envelope_done(&envelope);
    aep__setup_envelope_done(&settings);
    aep_config_free(loaded);
    return code;
}
