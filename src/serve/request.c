/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/request.h"

#include "base/ascii.h"
#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

static int refuse(aep_error *err, const char *why)
{
    return aep__error(err, AEP_EINVAL, "target", "the address %s", why);
}

/* Decodes up to one of the bytes in `ends`, which may be the text's end; adds a NUL. */
static int decode(struct aep__buf *out, const char **at, const char *ends, bool plus,
                  aep_error *err)
{
    size_t begin = out->len;
    for (; !strchr(ends, **at); (*at)++) {
        char byte = **at == '+' && plus ? ' ' : **at;
        if (byte == '%') {
            int high = aep__hex_value((*at)[1]);
            int low = high < 0 ? -1 : aep__hex_value((*at)[2]);
            if (low < 0)
                return refuse(err, "holds a % that two hex digits do not follow");
            byte = (char)(high << 4 | low);
            *at += 2;
        }
        aep__buf_byte(out, byte);
    }
    if (out->failed)
        return aep__error_memory(err);
    size_t len = out->len - begin;
    const char *text = len ? out->data + begin : "";
    if (memchr(text, '\0', len) || aep__utf8_valid(text, len) != len ||
        aep__utf8_control(text, len))
        return refuse(err, "holds bytes that are no text");
    aep__buf_byte(out, '\0');
    return out->failed ? aep__error_memory(err) : AEP_OK;
}

static int read_path(struct aep__request *request, const char **at, aep_error *err)
{
    int code = AEP_OK;
    while (code == AEP_OK && **at == '/') {
        if (request->part_count == AEP__REQUEST_PARTS)
            return refuse(err, "has too many parts");
        (*at)++;
        request->parts[request->part_count++] = request->memory.data + request->memory.len;
        code = decode(&request->memory, at, "/?", false, err);
    }
    return code;
}

static int read_query(struct aep__request *request, const char **at, aep_error *err)
{
    int code = AEP_OK;
    while (code == AEP_OK && **at) {
        (*at)++; /* ? or & */
        if (!**at || **at == '&')
            continue;
        if (request->query_count == AEP__REQUEST_QUERY)
            return refuse(err, "has too many parameters");
        struct aep__request_member *member = &request->query[request->query_count++];
        member->name = request->memory.data + request->memory.len;
        code = decode(&request->memory, at, "=&", true, err);
        member->value = request->memory.data + request->memory.len;
        if (code == AEP_OK && **at == '=') {
            (*at)++;
            code = decode(&request->memory, at, "&", true, err);
        } else if (code == AEP_OK) {
            aep__buf_byte(&request->memory, '\0');
        }
    }
    return code;
}

static bool is_visible(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~' || *text == '#' || *text == '\\')
            return false;
    return true;
}

int aep__request_read(struct aep__request *request, const char *target, aep_error *err)
{
    size_t len = strlen(target);
    request->part_count = request->query_count = 0;
    aep__buf_clear(&request->memory);
    if (*target != '/')
        return refuse(err, "does not begin with /");
    if (len > AEP__TARGET_MAX)
        return refuse(err, "is too long");
    if (!is_visible(target))
        return refuse(err, "holds bytes that have to be written as %XX");
    /* Decoded it is no longer than it was, with a NUL for each separator: the memory does not move. */
    if (!aep__buf_reserve(&request->memory, len + 2 + AEP__REQUEST_QUERY))
        return aep__error_memory(err);
    int code = read_path(request, &target, err);
    return code == AEP_OK ? read_query(request, &target, err) : code;
}

void aep__request_done(struct aep__request *request)
{
    aep__buf_done(&request->memory);
}
