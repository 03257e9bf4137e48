/* SPDX-License-Identifier: Apache-2.0 */
#include "brief.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define TEXT_BYTES 240 /* of a text: more than a line shows */
#define NUMBER_BYTES 8
#define AT(name) AEP__TRACKED_AT_##name

static const uint8_t numbers[] = {
    AT(parent_known),    AT(started_at),    AT(ended_at),         AT(last_event_at),
    AT(duration_ms),     AT(waiting),       AT(waiting_since),    AT(children),
    AT(steps_completed), AT(open_children), AT(progress_percent), AT(steps_total),
    AT(outcome),         AT(quiet_since),   AT(patience_us),      AT(usual_us),
    AT(stalls_at),       AT(abandons_at),   AT(inferred),
};
#define NUMBER_COUNT (sizeof numbers / sizeof *numbers)

static const struct {
    uint8_t at;
    bool whole;
    bool child; /* only of one that has a parent */
} texts[] = {
    {AT(id), true, false},
    {AT(agent_name), false, false},
    {AT(user_request), false, false},
    {AT(current_step), false, false},
    {AT(error_code), false, false},
    {AT(error_message), false, false},
    {AT(root_id), true, true},
    {AT(parent_id), true, true},
};
#define TEXT_COUNT (sizeof texts / sizeof *texts)

_Static_assert(NUMBER_COUNT + TEXT_COUNT <= 32, "a bit for each");
_Static_assert(sizeof(int64_t) == NUMBER_BYTES && sizeof(double) == NUMBER_BYTES, "one size");

static void *member_of(const struct aep__tracked *execution, size_t at)
{
    return (char *)execution + aep__tracked_members[at].offset;
}

static size_t numbers_len(uint32_t members)
{
    return NUMBER_BYTES * (size_t)__builtin_popcount(members & ((UINT32_C(1) << NUMBER_COUNT) - 1));
}

/* What is kept of a text; data NULL: nothing. */
static struct aep__slice text_of(const struct aep__tracked *execution, size_t i)
{
    const char *text = *(char *const *)member_of(execution, texts[i].at);
    if (!text || (texts[i].child && !execution->parent_known))
        return (struct aep__slice){NULL, 0};
    size_t len = strlen(text);
    return (struct aep__slice){text, texts[i].whole ? len : aep__utf8_cut(text, len, TEXT_BYTES)};
}

static uint32_t members_of(const struct aep__tracked *execution, size_t *ret_len)
{
    struct aep__tracked unknown;
    uint32_t members = 0;
    aep__tracked_init(&unknown);
    *ret_len = 0;
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        if (memcmp(member_of(execution, numbers[i]), member_of(&unknown, numbers[i]),
                   NUMBER_BYTES) != 0)
            members |= UINT32_C(1) << i;
    *ret_len = numbers_len(members);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        struct aep__slice text = text_of(execution, i);
        if (!text.data)
            continue;
        members |= UINT32_C(1) << (NUMBER_COUNT + i);
        *ret_len += text.len + 1;
    }
    return members;
}

struct aep__brief *aep__brief_make(const struct aep__tracked *execution)
{
    size_t len;
    uint32_t members = members_of(execution, &len);
    struct aep__brief *brief = malloc(sizeof *brief + len);
    if (!brief)
        return NULL;
    brief->members = members;
    char *to = brief->data;
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        if (members & UINT32_C(1) << i) {
            memcpy(to, member_of(execution, numbers[i]), NUMBER_BYTES);
            to += NUMBER_BYTES;
        }
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        struct aep__slice text = text_of(execution, i);
        if (!text.data)
            continue;
        memcpy(to, text.data, text.len);
        to[text.len] = '\0';
        to += text.len + 1;
    }
    return brief;
}

void aep__brief_open(const struct aep__brief *brief, struct aep__tracked *ret)
{
    const char *from = brief->data;
    aep__tracked_init(ret);
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        if (brief->members & UINT32_C(1) << i) {
            memcpy(member_of(ret, numbers[i]), from, NUMBER_BYTES);
            from += NUMBER_BYTES;
        }
    for (size_t i = 0; i < TEXT_COUNT; i++)
        if (brief->members & UINT32_C(1) << (NUMBER_COUNT + i)) {
            *(char **)member_of(ret, texts[i].at) = (char *)from;
            from += strlen(from) + 1;
        }
}

const char *aep__brief_id(const struct aep__brief *brief)
{
    return brief->data + numbers_len(brief->members);
}
