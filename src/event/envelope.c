/* SPDX-License-Identifier: Apache-2.0 */
#include "event/envelope.h"

#include "base/error.h"
#include "base/utf8.h"
#include "event/trace.h"

#include <string.h>

static struct aep__slice buf_slice(const struct aep__buf *buf, size_t begin, size_t end)
{
    return (struct aep__slice){buf->data + begin, end - begin};
}

static int check_setting(const char *option, const char *text, aep_error *err)
{
    size_t len = text ? strlen(text) : 0;
    if (aep__utf8_valid(text ? text : "", len) == len && !aep__utf8_blank(text, len) &&
        !aep__utf8_control(text, len) && len <= 249)
        return AEP_OK;
    return aep__error(err, AEP_ECONFIG, option,
                      "%s must be text of at most 249 bytes, not blank, without control characters",
                      option);
}

static bool is_uri_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~/?#[]@!$&'()*+,;=", c));
}

/* The source as a URI-reference (RFC 3986 §4.1): a colon can only end a scheme. */
static void add_uri(struct aep__buf *out, const char *text)
{
    static const char scheme_bytes[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
    bool letter = (*text | 0x20) >= 'a' && (*text | 0x20) <= 'z';
    bool colon = letter && text[strspn(text, scheme_bytes)] == ':';
    for (const char *at = text; *at; at++)
        if (is_uri_byte(*at) || (*at == ':' && colon))
            aep__buf_byte(out, *at);
        else
            aep__buf_format(out, "%%%02X", (unsigned)(unsigned char)*at);
}

static void add_member(struct aep__buf *out, const char *key, const char *text)
{
    aep__buf_text(out, key);
    aep__json_add_string(out, text, strlen(text));
}

/* A valid trace context of the environment, without secrets. */
static struct aep__slice choose_env(const struct aep__envelope_settings *settings, const char *text,
                                    bool (*valid)(const char *, size_t))
{
    struct aep__buf clean = {0};
    struct aep__slice slice = aep__slice_text(text);
    bool fine = text && valid(text, slice.len);
    if (fine && settings->redactor)
        fine = aep__redact_text(settings->redactor, text, slice.len, &clean) == 0;
    aep__buf_done(&clean);
    return fine ? slice : (struct aep__slice){NULL, 0};
}

/* Texts are appended one after another; pointers into them are set once they no longer move. */
static int copy_texts(struct aep__envelope_settings *settings, aep_error *err)
{
    struct aep__buf *out = &settings->texts;
    struct aep__slice parent = choose_env(settings, settings->traceparent, aep__traceparent_valid);
    struct aep__slice state = choose_env(settings, settings->tracestate, aep__tracestate_valid);
    size_t ends[6];
    aep__buf_clear(out);
    add_member(out, "\",\"tenant_id\":", settings->tenant_id);
    add_member(out, ",\"namespace\":", settings->namespace_);
    add_member(out, ",\"source\":", settings->source);
    aep__buf_text(out, ",\"correlation_id\":");
    ends[0] = out->len;
    aep__buf_text(out, settings->tenant_id);
    ends[1] = out->len;
    aep__buf_text(out, settings->environment ? settings->environment : "");
    ends[2] = out->len;
    add_uri(out, settings->source);
    ends[3] = out->len;
    aep__buf_add(out, parent.data, parent.len);
    ends[4] = out->len;
    aep__buf_add(out, state.data, state.len);
    ends[5] = out->len;
    if (out->failed)
        return aep__error_memory(err);
    settings->middle = buf_slice(out, 0, ends[0]);
    settings->tenant = buf_slice(out, ends[0], ends[1]);
    settings->environment_value = buf_slice(out, ends[1], ends[2]);
    settings->ce_source = buf_slice(out, ends[2], ends[3]);
    settings->env_traceparent = settings->env_tracestate = (struct aep__slice){NULL, 0};
    if (parent.data)
        settings->env_traceparent = buf_slice(out, ends[3], ends[4]);
    if (parent.data && state.data)
        settings->env_tracestate = buf_slice(out, ends[4], ends[5]);
    return AEP_OK;
}

int aep__envelope_settings_prepare(struct aep__envelope_settings *settings, aep_error *err)
{
    int code;
    if ((code = check_setting("tenant_id", settings->tenant_id, err)) != AEP_OK ||
        (code = check_setting("namespace", settings->namespace_, err)) != AEP_OK ||
        (code = check_setting("source", settings->source, err)) != AEP_OK)
        return code;
    if (settings->environment && *settings->environment &&
        (code = check_setting("environment", settings->environment, err)) != AEP_OK)
        return code;
    return copy_texts(settings, err);
}

void aep__envelope_settings_done(struct aep__envelope_settings *settings)
{
    aep__buf_done(&settings->texts);
}

void aep__envelope_done(struct aep__envelope *envelope)
{
    aep__text_done(&envelope->text);
    aep__buf_done(&envelope->value);
    aep__buf_done(&envelope->payload);
}
