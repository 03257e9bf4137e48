/* SPDX-License-Identifier: Apache-2.0 */
/* GET healthz, readyz; POST session. */
#include "serve/answer.h"

#include "serve/inside.h"
#include "serve/reply.h"

#include <stdio.h>

static void reply_status(struct aep__call *call, bool fine, const char *text)
{
    struct aep__reply reply = {
        .status = fine ? 200 : 503, .type = "application/json", .cache = "no-store"};
    aep__buf_format(&reply.body, "{\"status\":\"%s\"}\n", text);
    aep__reply(call, &reply);
}

void aep__answer_healthz(struct aep__call *call)
{
    reply_status(call, true, "alive");
}

/* Without a token: what is wrong is for those to see who have one. */
void aep__answer_readyz(struct aep__call *call)
{
    aep_error err;
    bool open = aep__serve_store(call->serve, &err) != NULL;
    bool known = open && call->serve->news.as_of_us > 0;
    bool behind = known && aep__serve_view(call->serve).behind;
    reply_status(call, known && !behind,
                 !open    ? "no store"
                 : !known ? "reading"
                 : behind ? "behind"
                          : "ready");
}

void aep__answer_session(struct aep__call *call)
{
    char cookie[700];
    struct aep__access *access = &call->serve->access;
    snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000",
             access->cookie, aep__buf_string(&access->session));
    struct aep__reply reply = {.status = 200,
                               .type = "application/json",
                               .cache = "no-store",
                               .header_name = "Set-Cookie",
                               .header_value = cookie};
    aep__buf_text(&reply.body, "{}\n");
    aep__reply(call, &reply);
}
