/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/edits.h"

struct range {
    size_t begin, end, text_len;
};

void aep__edits_note(struct aep__edits *edits, size_t begin, size_t end, struct aep__slice text)
{
    struct range range = {begin, end, text.len};
    aep__buf_add(&edits->ranges, &range, sizeof range);
    aep__buf_add(&edits->texts, text.data, text.len);
}

void aep__edits_apply(const struct aep__edits *edits, struct aep__slice text, struct aep__buf *out)
{
    size_t at = 0, from = 0;
    out->failed |= edits->ranges.failed || edits->texts.failed;
    for (size_t i = 0; !out->failed && i < edits->ranges.len; i += sizeof(struct range)) {
        struct range range;
        memcpy(&range, edits->ranges.data + i, sizeof range);
        aep__buf_add(out, text.data + at, range.begin - at);
        aep__buf_add(out, range.text_len ? edits->texts.data + from : NULL, range.text_len);
        from += range.text_len;
        at = range.end;
    }
    aep__buf_add(out, text.data + at, text.len - at);
}

void aep__edits_done(struct aep__edits *edits)
{
    aep__buf_done(&edits->ranges);
    aep__buf_done(&edits->texts);
}
