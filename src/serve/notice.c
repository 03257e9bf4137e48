/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/notice.h"

#include "serve/inside.h"

#include "base/json.h"

#include <string.h>

int aep__notice_counts(struct aep__feed *feed, struct aep__store *store, aep_error *err)
{
    struct aep__buf counts = {0};
    int code = aep__states_add(&counts, feed->serve, store, err);
    bool same = counts.len == feed->counts.len && feed->counts.len > 0 &&
                memcmp(counts.data, feed->counts.data, counts.len) == 0;
    if (code == AEP_OK && !same && !counts.failed) {
        aep__buf_done(&feed->counts);
        feed->counts = counts;
        aep__buf_clear(&feed->frame);
        aep__feed_begin_frame(feed, &feed->frame, "counts");
        aep__serve_add_head(feed->serve, &feed->frame);
        aep__buf_add(&feed->frame, counts.data, counts.len);
        aep__buf_byte(&feed->frame, '}');
        aep__feed_end_frame(&feed->frame);
        aep__feed_send_frame(feed, NULL);
        return AEP_OK;
    }
    aep__buf_done(&counts);
    return code;
}

static void add_lag(struct aep__feed *feed, struct aep__buf *out)
{
    const char *problem = aep__serve_problem(feed->serve);
    const char *why = *problem ? problem : feed->serve->news.behind;
    aep__feed_begin_frame(feed, out, "lag");
    aep__serve_add_head(feed->serve, out);
    aep__buf_format(
        out, "\"behind\":%s,\"problem\":", aep__serve_view(feed->serve).behind ? "true" : "false");
    if (*why)
        aep__json_add_string(out, why, strlen(why));
    aep__buf_text(out, *why ? "}" : "null}");
    aep__feed_end_frame(out);
}

void aep__notice_lag(struct aep__feed *feed, bool beat)
{
    struct aep__buf lag = {0};
    aep__buf_format(&lag, "%d%s%s", aep__serve_view(feed->serve).behind, feed->serve->news.behind,
                    aep__serve_problem(feed->serve));
    bool same = strcmp(aep__buf_string(&lag), aep__buf_string(&feed->lag)) == 0;
    aep__buf_done(&feed->lag);
    feed->lag = lag;
    if (same && !beat)
        return;
    aep__buf_clear(&feed->frame);
    if (beat)
        aep__buf_text(&feed->frame, ": still here\n\n");
    add_lag(feed, &feed->frame);
    aep__feed_send_frame(feed, NULL);
}
