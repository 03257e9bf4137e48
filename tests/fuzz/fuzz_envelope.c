/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a caller passes becomes an event that aep_validate() finds valid, or a named error. The
 * first byte chooses the kind (4: any other event) and settings; a 1F byte ends each member's
 * value. */
#include "event/envelope_make.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static struct aep__envelope_settings settings = {
    .tenant_id = "default",
    .namespace_ = "omninode",
    .source = "omniclaude",
    .environment = "dev",
    .cloudevents = true,
    .field_bytes = 200,
    .message_bytes = 4000,
};
static struct aep__envelope envelope;

static void prepare_once(void)
{
    struct aep__redactor *redactor;
    if (settings.redactor)
        return;
    must(aep__redactor_new("key:kennwort", &redactor, NULL) == AEP_OK);
    settings.redactor = redactor;
    must(aep__envelope_settings_prepare(&settings, NULL) == AEP_OK);
}

/* The next value: a copy of its exact size, so that a sanitizer sees a read beyond it. */
static char *take_value(const uint8_t **data, size_t *size, size_t *ret_len)
{
    const uint8_t *end = *size ? memchr(*data, 0x1F, *size) : NULL;
    size_t len = end ? (size_t)(end - *data) : *size, step = end ? len + 1 : len;
    char *copy = malloc(len ? len : 1);
    must(copy);
    memcpy(copy, *data, len);
    *data += step;
    *size -= step;
    *ret_len = len;
    return copy;
}

static int make_kind(int kind, const uint8_t *data, size_t size, aep_error *err)
{
    static const char *const links[] = {"causation_id", "traceparent", "tracestate"};
    const struct aep__kind_row *row = &aep__kinds[kind];
    aep_field fields[AEP__MEMBERS_MAX + 3];
    char *texts[AEP__MEMBERS_MAX + 3];
    size_t count = 0;
    struct aep__facts facts;
    for (size_t i = 0; i < row->member_count + 3 && size > 0; i++) {
        size_t len;
        char *text = take_value(&data, &size, &len);
        texts[count] = text;
        fields[count] =
            (aep_field){i < row->member_count ? row->members[i].name : links[i - row->member_count],
                        text, len, 0};
        if (len == 1 && *text == '-') /* not given */
            free(text);
        else
            count++;
    }
    must(aep__facts_from_fields((enum aep_kind)kind, fields, count, &facts, err) == AEP_OK);
    facts.now_us = 1763044200123456;
    int code = aep__envelope_make(&envelope, &settings, &facts, err);
    if (code == AEP_OK) /* the message may borrow from the texts */
        must(aep_validate(envelope.message.value.data, envelope.message.value.len, 0, NULL, NULL,
                          err) == AEP_OK);
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    return code;
}

static int make_any(const uint8_t *data, size_t size, aep_error *err)
{
    struct aep__buf texts[7] = {{0}};
    const char *values[7];
    for (int i = 0; i < 7; i++) {
        size_t len;
        char *text = take_value(&data, &size, &len);
        aep__buf_add(&texts[i], text, len);
        values[i] = len == 1 && *text == '-' ? NULL : aep__buf_string(&texts[i]);
        free(text);
    }
    int code = aep__envelope_make_any(&envelope, &settings,
                                      AEP_EVENT(.payload = values[0], .event_type = values[1],
                                                .topic = values[2], .correlation_id = values[3],
                                                .schema_ref = values[4], .causation_id = values[5],
                                                .traceparent = values[6]),
                                      1763044200123456, err);
    if (code == AEP_OK && aep__kind_of_type(values[1], strlen(values[1])) < 0)
        must(aep_validate(envelope.message.value.data, envelope.message.value.len, 0, NULL, NULL,
                          err) == AEP_OK);
    for (int i = 0; i < 7; i++)
        aep__buf_done(&texts[i]);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    aep_error err = {0};
    prepare_once();
    if (size == 0)
        return 0;
    int kind = data[0] % 5;
    settings.ids_strict = data[0] & 0x20;
    settings.capture_request = !(data[0] & 0x40);
    int code =
        kind == 4 ? make_any(data + 1, size - 1, &err) : make_kind(kind, data + 1, size - 1, &err);
    must(code == AEP_OK || (err.code == code && *err.text && (*err.field || code == AEP_ENOMEM)));
    must(code != AEP_OK || envelope.message.value.len <= settings.message_bytes);
    return 0;
}
