/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/reply.h"

#include "serve/inside.h"

#include "base/ascii.h"
#include "base/json.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define GZIP_MIN 1024
#define SMALL 65536 /* a reply that goes out whatever else is on its way */
#define GZIP_LEVEL 4

const char *aep__call_header(const struct aep__call *call, const char *name)
{
    return MHD_lookup_connection_value(call->peer->connection, MHD_HEADER_KIND, name);
}

const char *aep__call_text(const struct aep__call *call, const char *name)
{
    return aep__route_text(call->route, call->request, name);
}

int64_t aep__call_number(const struct aep__call *call, const char *name)
{
    return aep__route_number(call->route, call->request, name);
}

/* ---- headers -------------------------------------------------------------------------------- */

static const struct {
    const char *name, *value;
} common[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
     "require-trusted-types-for 'script'; trusted-types 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Frame-Options", "DENY"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

/* A connection has one request: what a client, or a proxy that shares its connections among clients, has
 * sent behind that is never taken for another one. */
void aep__reply_add_common(struct MHD_Response *response)
{
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        MHD_add_response_header(response, common[i].name, common[i].value);
}

/* Whether a list such as "br;q=0.5, gzip" takes gzip. */
static bool takes_gzip(const char *accepted)
{
    for (const char *at = accepted; at && *at; at += *at == ',') {
        at += strspn(at, " \t");
        size_t len = strcspn(at, ","), name_len = strcspn(at, ",; \t");
        bool named =
            (name_len == 4 && strncasecmp(at, "gzip", 4) == 0) || (name_len == 1 && *at == '*');
        const char *weight = memmem(at, len, "q=", 2);
        bool refused =
            weight && weight[2] == '0' && strspn(weight + 2, "0.") >= strcspn(weight + 2, ",; \t");
        if (named)
            return !refused;
        at += len;
    }
    return false;
}

bool aep__call_takes_gzip(const struct aep__call *call)
{
    return takes_gzip(aep__call_header(call, MHD_HTTP_HEADER_ACCEPT_ENCODING));
}

static bool compress_body(struct aep__buf *body)
{
    struct aep__buf out = {0};
    z_stream stream = {0};
    if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    uLong bound = deflateBound(&stream, (uLong)body->len);
    bool done = false;
    if (aep__buf_reserve(&out, bound)) {
        stream.next_in = (Bytef *)body->data;
        stream.avail_in = (uInt)body->len;
        stream.next_out = (Bytef *)out.data;
        stream.avail_out = (uInt)bound;
        done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
        out.len = bound - stream.avail_out;
    }
    deflateEnd(&stream);
    if (!done) {
        aep__buf_done(&out);
        return false;
    }
    aep__buf_done(body);
    *body = out;
    return true;
}

/* ---- sending -------------------------------------------------------------------------------- */

struct flight {
    struct aep__http *http;
    size_t len;
    char *data;
};

static void land(void *user)
{
    struct flight *flight = user;
    flight->http->reply_bytes -= flight->len;
    free(flight->data);
    free(flight);
}

static struct MHD_Response *make_response(struct aep__call *call, struct aep__buf *body)
{
    struct aep__http *http = call->peer->http;
    struct flight *flight = malloc(sizeof *flight);
    if (!flight)
        return NULL;
    *flight = (struct flight){http, body->len, body->data};
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        body->len, body->data ? body->data : "", land, flight);
    if (!response) {
        free(flight);
        return NULL;
    }
    http->reply_bytes += body->len;
    call->peer->reply_bytes = body->len;
    *body = (struct aep__buf){0};
    return response;
}

static void add_headers(struct MHD_Response *response, const struct aep__reply *reply, bool gzip)
{
    aep__reply_add_common(response);
    MHD_add_response_header(response, MHD_HTTP_HEADER_VARY,
                            "Accept-Encoding, Authorization, Cookie");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
                            reply->cache ? reply->cache : "private, no-cache");
    if (reply->type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
    if (gzip)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    if (reply->etag)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, reply->etag);
    if (reply->header_name)
        MHD_add_response_header(response, reply->header_name, reply->header_value);
    if (reply->status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (reply->status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
}

/* Those that make room do so at the end of the turn; whatever comes until then has to ask again. */
static void put_off(struct aep__reply *reply)
{
    aep__buf_clear(&reply->body);
    *reply = (struct aep__reply){.status = MHD_HTTP_SERVICE_UNAVAILABLE,
                                 .type = "application/json",
                                 .body = reply->body,
                                 .cache = "no-store"};
    aep__buf_text(&reply->body, "{\"error\":{\"status\":503,\"message\":\"too many replies are on "
                                "their way: ask again\"}}\n");
}

void aep__reply(struct aep__call *call, struct aep__reply *reply)
{
    if (call->peer->http->reply_bytes > 2 * AEP__FLIGHT_BYTES && reply->body.len > SMALL)
        put_off(reply);
    bool gzip = reply->is_gzip;
    call->replied = true;
    if (reply->body.failed) { /* without memory for a reply the connection ends */
        aep__buf_done(&reply->body);
        return;
    }
    if (!gzip && reply->body.len > GZIP_MIN && aep__call_takes_gzip(call))
        gzip = compress_body(&reply->body);
    struct MHD_Response *response = make_response(call, &reply->body);
    aep__buf_done(&reply->body);
    if (!response)
        return;
    add_headers(response, reply, gzip);
    call->peer->replied =
        MHD_queue_response(call->peer->connection, reply->status, response) == MHD_YES;
    MHD_destroy_response(response);
    aep__http_make_room(call->peer->http);
}

void aep__reply_json(struct aep__call *call, struct aep__buf *body, const char *etag)
{
    struct aep__reply reply = {
        .status = MHD_HTTP_OK, .type = "application/json", .body = *body, .etag = etag};
    *body = (struct aep__buf){0};
    aep__reply(call, &reply);
}

void aep__reply_error(struct aep__call *call, unsigned status, const char *format, ...)
{
    char text[1024];
    va_list args;
    struct aep__reply reply = {.status = status, .type = "application/json", .cache = "no-store"};
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    aep__buf_format(&reply.body, "{\"error\":{\"status\":%u,\"message\":", status);
    aep__json_add_string(&reply.body, text, strlen(text));
    aep__buf_text(&reply.body, "}}\n");
    aep__reply(call, &reply);
}

bool aep__reply_unchanged(struct aep__call *call, const char *etag)
{
    const char *known = aep__call_header(call, MHD_HTTP_HEADER_IF_NONE_MATCH);
    if (!known || (strcmp(known, "*") != 0 && !strstr(known, etag + 2))) /* behind W/ */
        return false;
    struct aep__reply reply = {.status = MHD_HTTP_NOT_MODIFIED, .etag = etag};
    aep__reply(call, &reply);
    return true;
}
