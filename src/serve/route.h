/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: one table of addresses and their parameters. Finding a route, checking what a request asks
 * for, the texts of refusals and openapi.json are made from it. */
#ifndef AEP_SERVE_ROUTE_H
#define AEP_SERVE_ROUTE_H

#include "serve/request.h"

#include <stdbool.h>
#include <stdint.h>

struct aep__call;

enum aep__param_kind {
    AEP__PARAM_TEXT,
    AEP__PARAM_INTEGER, /* min to max */
    AEP__PARAM_WORD,    /* one of `words` */
    AEP__PARAM_WORDS,   /* some of them, with commas */
    AEP__PARAM_TIME,    /* RFC 3339, a day, or so long ago: 1h */
};

struct aep__param {
    const char *name; /* NULL: the table's end */
    enum aep__param_kind kind;
    const char *filter; /* the word of a filter (track/filter.h) that it is; NULL: none */
    const char *text;
    const char *words; /* with blanks between */
    int64_t min, max;
    const char *fallback; /* NULL: none */
};

enum aep__route_access {
    AEP__ACCESS_TOKEN, /* bearer or cookie */
    AEP__ACCESS_BEARER,
    AEP__ACCESS_ALL,
};

struct aep__route {
    const char *method; /* GET stands for HEAD, too */
    const char *path;   /* a part in braces stands for anything: "/api/v1/executions/{id}" */
    enum aep__route_access access;
    void (*answer)(struct aep__call *call);
    const struct aep__param *params; /* NULL: none */
    const char *summary;
    const char *type;   /* of its content */
    const char *schema; /* of that (openapi.c); NULL: none */
};

extern const struct aep__route aep__routes[]; /* ended by a row without a path */

/** The route of a request; NULL: none has that path, or with *ret_allowed those that do take this
 * method instead.
 * @ret_given  what stands for the part in braces; NULL: there is none */
const struct aep__route *aep__route_find(const struct aep__request *request, const char *method,
                                         const char **ret_given, const char **ret_allowed);
/** Whether it takes the parameters of this request.
 * Errors: AEP_EINVAL names the parameter, and what is known or allowed */
int aep__route_check(const struct aep__route *route, const struct aep__request *request,
                     aep_error *err);

/** The first value of a parameter, or its fallback; NULL: there is neither. */
const char *aep__route_text(const struct aep__route *route, const struct aep__request *request,
                            const char *name);
/** The same as a number, after the check. */
int64_t aep__route_number(const struct aep__route *route, const struct aep__request *request,
                          const char *name);
const struct aep__param *aep__param_find(const struct aep__route *route, const char *name);

#endif
