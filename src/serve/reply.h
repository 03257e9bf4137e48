/* SPDX-License-Identifier: Apache-2.0 */
/* A call, and the reply to it. */
#ifndef AEP_SERVE_REPLY_H
#define AEP_SERVE_REPLY_H

#include "serve/http.h"
#include "serve/route.h"

struct aep__call {
    struct aep__serve *serve;
    struct aep__peer *peer;
    const struct aep__route *route; /* NULL: there is none */
    const struct aep__request *request;
    const char *given; /* what stands for the part in braces */
    bool replied;
};

struct aep__reply {
    unsigned status;
    const char *type;
    struct aep__buf body;    /* taken over */
    const char *etag;        /* NULL: none */
    const char *cache;       /* Cache-Control; NULL: private, no-cache */
    const char *header_name; /* one more; NULL: none */
    const char *header_value;
    bool is_gzip; /* the body is, already */
};

/** Replies; a body that is large enough is compressed if the caller takes that. */
void aep__reply(struct aep__call *call, struct aep__reply *reply);
/** The same with JSON, status 200. */
void aep__reply_json(struct aep__call *call, struct aep__buf *body, const char *etag);
/** {"error":{"status":400,"message":"…"}} */
void aep__reply_error(struct aep__call *call, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Whether the caller has what the ETag stands for: then it is replied so. */
bool aep__reply_unchanged(struct aep__call *call, const char *etag);

/** A header of the request; NULL: it has none. */
const char *aep__call_header(const struct aep__call *call, const char *name);
const char *aep__call_text(const struct aep__call *call, const char *name);
int64_t aep__call_number(const struct aep__call *call, const char *name);

/** Whether a body may be compressed by gzip. */
bool aep__call_takes_gzip(const struct aep__call *call);

struct MHD_Response;
/** Adds the headers that every reply has. */
void aep__reply_add_common(struct MHD_Response *response);

#endif
