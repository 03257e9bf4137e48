/* SPDX-License-Identifier: Apache-2.0 */
#include "client/setup.h"

#include "base/error.h"

int aep__setup_envelope(const aep_config *config, const char *traceparent, const char *tracestate,
                        struct aep__envelope_settings *ret, aep_error *err)
{
    struct aep__redactor *redactor = NULL;
    int result = AEP_OK;
    if (aep__config_bool(config, AEP__OPT_REDACT))
        result = aep__redactor_new(aep__config_text(config, AEP__OPT_REDACT_EXTRA), &redactor, err);
    *ret = (struct aep__envelope_settings){
        .tenant_id = aep__config_text(config, AEP__OPT_TENANT_ID),
        .namespace_ = aep__config_text(config, AEP__OPT_NAMESPACE),
        .source = aep__config_text(config, AEP__OPT_SOURCE),
        .environment = aep__config_text(config, AEP__OPT_ENVIRONMENT),
        .traceparent = traceparent,
        .tracestate = tracestate,
        .single_topic = aep__config_is(config, AEP__OPT_TOPIC_LAYOUT, "single"),
        .cloudevents = aep__config_bool(config, AEP__OPT_WIRE_CLOUDEVENTS),
        .ids_strict = aep__config_bool(config, AEP__OPT_IDS_STRICT),
        .capture_request = aep__config_bool(config, AEP__OPT_CAPTURE_REQUEST),
        .field_bytes = (size_t)aep__config_int(config, AEP__OPT_LIMITS_FIELD_BYTES),
        .message_bytes = (size_t)aep__config_int(config, AEP__OPT_LIMITS_MESSAGE_BYTES),
        .redactor = redactor,
    };
    return result == AEP_OK ? aep__envelope_settings_prepare(ret, err) : result;
}

void aep__setup_envelope_done(struct aep__envelope_settings *settings)
{
    aep__envelope_settings_done(settings);
    aep__redactor_free(settings->redactor);
}

int aep__setup_spool(const aep_config *config, const char *dir, struct aep__spool *ret,
                     aep_error *err)
{
    struct aep__buf destination = {0};
    aep__config_destination(config, &destination);
    struct aep__spool_settings settings = {
        .segment_bytes = (uint64_t)aep__config_int(config, AEP__OPT_SPOOL_SEGMENT_BYTES),
        .record_bytes = aep__spool_record_bytes(
            (uint64_t)aep__config_int(config, AEP__OPT_LIMITS_MESSAGE_BYTES)),
        .max_bytes = (uint64_t)aep__config_int(config, AEP__OPT_SPOOL_MAX_BYTES),
        .local = aep__config_is(config, AEP__OPT_MODE, "local"),
        .any_fs = aep__config_bool(config, AEP__OPT_SPOOL_ANY_FS),
        .in_home =
            !*aep__config_text(config, AEP__OPT_SPOOL_DIR) && !aep__config_spool_stands_in(config),
        .destination = aep__buf_string(&destination),
    };
    int result =
        destination.failed ? aep__error_memory(err) : aep__spool_open(ret, dir, &settings, err);
    aep__buf_done(&destination);
    return result;
}
