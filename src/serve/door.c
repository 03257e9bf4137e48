/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/door.h"

#include "serve/inside.h"

#include "config/nearest.h"
#include "config/value.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* ---- framing -------------------------------------------------------------------------------- */

/* RFC 9110 §5.1, §5.5. */
static bool is_token(const char *name)
{
    for (const char *at = name; *at; at++)
        if (*at <= ' ' || *at > '~' || strchr("\"(),/:;<=>?@[\\]{}", *at))
            return false;
    return *name != '\0';
}

static bool is_line(const char *value)
{
    for (; value && *value; value++)
        if (((unsigned char)*value < ' ' && *value != '\t') || *value == '\x7f')
            return false;
    return true;
}

struct heads {
    unsigned hosts, lengths;
    bool odd;     /* no header is written so */
    bool encoded; /* Transfer-Encoding */
    bool body;    /* a Content-Length other than 0 */
};

static enum MHD_Result look_at_header(void *user, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    struct heads *heads = user;
    (void)kind;
    heads->odd |= !is_token(name) || !is_line(value);
    if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        heads->hosts++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        heads->encoded = true;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        heads->lengths++;
        heads->body |= !value || strcmp(value, "0") != 0;
    }
    return MHD_YES;
}

/* Nothing else is under way on the connection, since it has one request. */
void aep__door_refuse(int fd, const char *status, const char *why)
{
    char text[512];
    int len = snprintf(
        text, sizeof text,
        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
        "Connection: close\r\n\r\n{\"error\":{\"status\":%.3s,\"message\":\"%s\"}}",
        status, strlen("{\"error\":{\"status\":400,\"message\":\"\"}}") + strlen(why), status, why);
    (void)!send(fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool aep__door_framing(struct aep__peer *peer)
{
    struct heads heads = {0};
    MHD_get_connection_values(peer->connection, MHD_HEADER_KIND, look_at_header, &heads);
    const char *why = heads.encoded ? "no request has a Transfer-Encoding here"
                      : heads.lengths > 1 || heads.hosts > 1 ? "a header is given twice"
                      : heads.odd                            ? "a header is malformed"
                                                             : NULL;
    if (why)
        aep__door_refuse(peer->fd, "400 Bad Request", why);
    else if (heads.body)
        aep__door_refuse(peer->fd, "413 Content Too Large", "no request has a body here");
    return !why && !heads.body;
}

/* ---- who and what --------------------------------------------------------------------------- */

bool aep__door_host(struct aep__call *call)
{
    char quoted[AEP__QUOTE_SIZE];
    const char *host = aep__call_header(call, MHD_HTTP_HEADER_HOST);
    if (!host)
        aep__reply_error(call, MHD_HTTP_BAD_REQUEST, "the request has no Host");
    else if (!aep__access_host(&call->serve->access, host))
        aep__reply_error(call, MHD_HTTP_MISDIRECTED_REQUEST,
                         "%s is no name of this server; `aep serve --host NAME` adds one",
                         aep__quote(host, quoted));
    return !call->replied;
}

bool aep__door_token(struct aep__call *call)
{
    const struct aep__access *access = &call->serve->access;
    const char *origin = aep__call_header(call, MHD_HTTP_HEADER_ORIGIN);
    if (call->route->access == AEP__ACCESS_ALL)
        return true;
    if (origin && !aep__access_origin(access, origin)) {
        aep__reply_error(call, MHD_HTTP_FORBIDDEN, "a page of another site may not read this");
        return false;
    }
    if (aep__access_bearer(access, aep__call_header(call, MHD_HTTP_HEADER_AUTHORIZATION)))
        return true;
    if (call->route->access == AEP__ACCESS_TOKEN &&
        aep__access_cookie(access, aep__call_header(call, MHD_HTTP_HEADER_COOKIE)))
        return true;
    aep__reply_error(call, MHD_HTTP_UNAUTHORIZED,
                     "this needs the token: open the address that `aep serve` prints, or send "
                     "\"Authorization: Bearer TOKEN\"");
    return false;
}

void aep__door_lost(struct aep__call *call, const char *method, const char *allowed)
{
    char quoted[AEP__QUOTE_SIZE];
    if (allowed) {
        struct aep__reply reply = {.status = MHD_HTTP_METHOD_NOT_ALLOWED,
                                   .type = "application/json",
                                   .header_name = MHD_HTTP_HEADER_ALLOW,
                                   .header_value = allowed};
        aep__buf_format(&reply.body, "{\"error\":{\"status\":405,\"message\":\"allowed is %s\"}}",
                        allowed);
        aep__reply(call, &reply);
        return;
    }
    (void)method;
    aep__reply_error(call, MHD_HTTP_NOT_FOUND,
                     "there is nothing at %s; /api/v1/openapi.json lists "
                     "what there is",
                     aep__quote(aep__buf_string(&call->peer->target), quoted));
}
