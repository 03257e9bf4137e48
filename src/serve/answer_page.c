/* SPDX-License-Identifier: Apache-2.0 */
/* GET /, /assets/HASH/NAME: the page, as it was built in. */
#include "serve/answer.h"

#include "serve/asset.h"
#include "serve/reply.h"

#include "base/error.h"

#include <string.h>
#include <zlib.h>

#define MONTHS "public, max-age=31536000, immutable"

/* For those few that cannot do it themselves. */
static void expand(const struct aep__asset *asset, struct aep__buf *out)
{
    z_stream stream = {.next_in = (Bytef *)asset->gzip, .avail_in = (uInt)asset->gzip_len};
    bool fine = aep__buf_reserve(out, asset->len) && inflateInit2(&stream, 15 + 16) == Z_OK;
    if (fine) {
        stream.next_out = (Bytef *)out->data;
        stream.avail_out = (uInt)asset->len;
        fine = inflate(&stream, Z_FINISH) == Z_STREAM_END;
        inflateEnd(&stream);
        out->len = asset->len;
    }
    out->failed |= !fine;
}

static void reply_asset(struct aep__call *call, const struct aep__asset *asset, const char *cache,
                        const char *etag)
{
    struct aep__reply reply = {.status = 200, .type = asset->type, .cache = cache, .etag = etag};
    if (aep__reply_unchanged(call, etag))
        return;
    reply.is_gzip = aep__call_takes_gzip(call);
    if (reply.is_gzip)
        aep__buf_add(&reply.body, asset->gzip, asset->gzip_len);
    else
        expand(asset, &reply.body);
    aep__reply(call, &reply);
}

static const struct aep__asset *find_asset(const char *name)
{
    const struct aep__asset *asset = aep__assets;
    while (asset->name && strcmp(asset->name, name) != 0)
        asset++;
    return asset->name ? asset : NULL;
}

static void answer(struct aep__call *call, const char *name, const char *cache)
{
    char etag[64] = "W/\"";
    const struct aep__asset *asset = find_asset(name);
    strcat(strcat(etag, aep__assets_hash), "\"");
    if (asset)
        reply_asset(call, asset, cache, etag);
    else
        aep__reply_error(call, 404, "the page has no such file");
}

void aep__answer_page(struct aep__call *call)
{
    answer(call, "index.html", "no-cache");
}

/* One of another version of the page is not there any more: it is loaded anew. */
void aep__answer_asset(struct aep__call *call)
{
    if (strcmp(call->request->parts[1], aep__assets_hash) == 0)
        answer(call, call->given, MONTHS);
    else
        aep__reply_error(call, 404, "the page has changed: load it again");
}
