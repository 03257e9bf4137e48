/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/wire.h"

#include "base/json.h"
#include "base/utf8.h"

/* Line ends are between its tokens only: in a string they are escaped. */
void aep__wire_add_body(struct aep__buf *out, struct aep__slice body)
{
    size_t begin = out->len;
    aep__utf8_repair(out, body.data, body.len);
    for (size_t i = begin; i < out->len; i++)
        if (out->data[i] == '\n' || out->data[i] == '\r')
            out->data[i] = ' ';
}

void aep__wire_add_event(struct aep__buf *out, const struct aep__stored_event *event)
{
    aep__buf_format(out, "{\"delivery\":\"%s\",\"event\":", aep__fate_word(event->fate));
    if (event->body.data)
        aep__wire_add_body(out, event->body);
    else
        aep__buf_text(out, "null");
    aep__buf_byte(out, '}');
}

void aep__wire_add_text(struct aep__buf *out, const char *text)
{
    if (text)
        aep__json_add_string(out, text, strlen(text));
    else
        aep__buf_text(out, "null");
}
