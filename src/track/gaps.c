/* SPDX-License-Identifier: Apache-2.0 */
#include "track/gaps.h"

#include "base/endian.h"

#define ENOUGH 20
#define MINUTE_US INT64_C(60000000)
#define FEW_PATIENCE_US (10 * MINUTE_US)

static uint32_t in_ms(int64_t gap_us)
{
    int64_t ms = gap_us <= 0 ? 0 : gap_us / 1000;
    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

void aep__gaps_add(struct aep__gaps *gaps, int64_t gap_us)
{
    gaps->ms[gaps->next] = in_ms(gap_us);
    gaps->next = (uint16_t)((gaps->next + 1) % AEP__GAPS_MAX);
    if (gaps->count < AEP__GAPS_MAX)
        gaps->count++;
}

/* The 99th percentile of at most 200 values is among the three greatest. */
int64_t aep__gaps_usual_us(const struct aep__gaps *gaps)
{
    uint32_t top[3] = {0};
    if (gaps->count < ENOUGH)
        return -1;
    for (unsigned i = 0; i < gaps->count; i++) {
        uint32_t ms = gaps->ms[i];
        for (unsigned at = 0; at < 3; at++)
            if (ms > top[at]) {
                uint32_t lower = top[at];
                top[at] = ms;
                ms = lower;
            }
    }
    unsigned rank = (gaps->count * 99 + 99) / 100; /* from below, from 1 */
    return (int64_t)top[gaps->count - rank] * 1000;
}

/* In a full ring one gap replaces another: neither may be among the greatest. */
bool aep__gaps_stays(const struct aep__gaps *gaps, int64_t usual_us, int64_t gap_us)
{
    return gaps->count == AEP__GAPS_MAX && in_ms(gap_us) <= usual_us / 1000 &&
           gaps->ms[gaps->next] < usual_us / 1000;
}

int64_t aep__gaps_patience_us(int64_t usual_us)
{
    if (usual_us < 0)
        return FEW_PATIENCE_US;
    return usual_us * 4 < MINUTE_US        ? MINUTE_US
           : usual_us * 4 > 30 * MINUTE_US ? 30 * MINUTE_US
                                           : usual_us * 4;
}

void aep__gaps_pack(const struct aep__gaps *gaps, char bytes[AEP__GAPS_BYTES])
{
    aep__put16(bytes, gaps->count);
    aep__put16(bytes + 2, gaps->next);
    for (unsigned i = 0; i < AEP__GAPS_MAX; i++)
        aep__put32(bytes + 4 + 4 * i, gaps->ms[i]);
}

void aep__gaps_unpack(struct aep__gaps *gaps, struct aep__slice bytes)
{
    *gaps = (struct aep__gaps){0};
    if (bytes.len != AEP__GAPS_BYTES)
        return;
    gaps->count = aep__get16(bytes.data);
    gaps->next = aep__get16(bytes.data + 2);
    if (gaps->count > AEP__GAPS_MAX || gaps->next >= AEP__GAPS_MAX) {
        *gaps = (struct aep__gaps){0};
        return;
    }
    for (unsigned i = 0; i < AEP__GAPS_MAX; i++)
        gaps->ms[i] = aep__get32(bytes.data + 4 + 4 * i);
}
