/* SPDX-License-Identifier: Apache-2.0 */
#include "event/kinds.h"

#include "base/ascii.h"
#include "base/sized.h"
#include "base/topic_name.h"

#include <string.h>

#define WHOLE_MAX 9007199254740992.0 /* 2^53: whole numbers beyond it have neighbours missing */
#define NUMBER_MAX 1e300

/* A row begins with what every member has; designated initialisers behind it say the rest. */
#define MEMBER(of, member, wanted, words, ...)                                                     \
    {                                                                                              \
        .name = #member, .key = "\"" #member "\":", .key_len = sizeof("\"" #member "\":") - 1,     \
        .type = AEP__TYPE_##wanted, .offset = offsetof(struct of, member), .help = words,          \
        __VA_ARGS__                                                                                \
    }
#define REQUIRED .required = true
#define FALLBACK(which) .required = true, .fallback = AEP__FALLBACK_##which
#define RANGE(low, high) .min = low, .max = high

#define AGENT_NAME(of)                                                                             \
    MEMBER(of, agent_name, TEXT, "who runs: the agent's or the program's name", REQUIRED,          \
           .option = "agent")
#define CORRELATION_ID(of, ...)                                                                    \
    MEMBER(of, correlation_id, ID, "joins all events of one execution; the partition key",         \
           __VA_ARGS__)
#define SESSION_ID(of, ...)                                                                        \
    MEMBER(of, session_id, ID, "the session that the execution belongs to", __VA_ARGS__)
#define DURATION_MS(of)                                                                            \
    MEMBER(of, duration_ms, NUMBER, "how long it ran, in milliseconds", RANGE(0, NUMBER_MAX))

static const struct aep__member_row started[] = {
    AGENT_NAME(aep_started),
    MEMBER(aep_started, user_request, TEXT, "what was asked for", REQUIRED, .request = true,
           .option = "request"),
    CORRELATION_ID(aep_started, FALLBACK(NEW_ID)),
    SESSION_ID(aep_started, FALLBACK(NEW_ID)),
    MEMBER(aep_started, started_at, TIME, "when it began", FALLBACK(NOW)),
    MEMBER(aep_started, context, OBJECT, "anything that consumers should know",
           FALLBACK(EMPTY_OBJECT)),
};

static const struct aep__member_row progress[] = {
    AGENT_NAME(aep_progress),
    CORRELATION_ID(aep_progress, REQUIRED),
    MEMBER(aep_progress, progress_percent, NUMBER, "how far it is, in percent", RANGE(0, 100)),
    MEMBER(aep_progress, current_step, TEXT, "what it is doing", ),
    MEMBER(aep_progress, steps_completed, INTEGER, "steps done", RANGE(0, WHOLE_MAX)),
    MEMBER(aep_progress, steps_total, INTEGER, "steps in all, at least those done",
           RANGE(0, WHOLE_MAX), .at_least = "steps_completed"),
    MEMBER(aep_progress, metadata, OBJECT,
           "more; by convention status (working, waiting, blocked) and waiting_for (human, "
           "permission, timer, rate_limit, child)", ),
};

static const struct aep__member_row completed[] = {
    AGENT_NAME(aep_completed),
    CORRELATION_ID(aep_completed, REQUIRED),
    MEMBER(aep_completed, completed_at, TIME, "when it ended", FALLBACK(NOW)),
    DURATION_MS(aep_completed),
    MEMBER(aep_completed, result_summary, TEXT, "what came of it", ),
    MEMBER(aep_completed, artifacts, ARRAY, "what it made: names, paths, addresses", ),
    MEMBER(aep_completed, output_summary, TEXT, "what it said", ),
    MEMBER(aep_completed, quality_score, NUMBER, "how good it is, 0 to 1", RANGE(0, 1)),
    MEMBER(aep_completed, metrics, OBJECT, "figures: tokens, cost, memory", ),
    SESSION_ID(aep_completed, ),
};

static const struct aep__member_row failed[] = {
    AGENT_NAME(aep_failed),
    CORRELATION_ID(aep_failed, REQUIRED),
    MEMBER(aep_failed, failed_at, TIME, "when it failed", FALLBACK(NOW)),
    MEMBER(aep_failed, error_message, TEXT, "what went wrong", REQUIRED),
    MEMBER(aep_failed, error_code, TEXT, "its short name", ),
    MEMBER(aep_failed, error_type, TEXT, "its class", ),
    MEMBER(aep_failed, stack_trace, TEXT, "where it went wrong", ),
    MEMBER(aep_failed, error_stack_trace, TEXT,
           "where it went wrong, as older producers call it", ),
    MEMBER(aep_failed, partial_results, ANY, "what was done before", ),
    DURATION_MS(aep_failed),
    SESSION_ID(aep_failed, ),
    MEMBER(aep_failed, inferred, BOOL, "true if another than the agent itself says so",
           RANGE(0, 1)),
};

#define COUNT(array) (sizeof(array) / sizeof *(array))
/* A row begins with what its name makes; designated initialisers behind it say the rest. */
#define KIND(KIND_, kind, correlation_index, session_index, words, ...)                            \
    {                                                                                              \
        .name = #kind, .event_type = "omninode.agent.execution." #kind ".v1",                      \
        .schema_ref = "registry://omninode/agent/execution_" #kind "/v1",                          \
        .macro = "AEP_" #KIND_ "()", .help = words, .members = kind, .member_count = COUNT(kind),  \
        .correlation = correlation_index, .session = session_index,                                \
        .struct_size = sizeof(struct aep_##kind),                                                  \
        .link_offset = offsetof(struct aep_##kind, causation_id), __VA_ARGS__                      \
    }
#define OPENS .opens = true, .reserved = true
#define TERMINAL .terminal = true, .reserved = true

const struct aep__kind_row aep__kinds[] = {
    [AEP_KIND_STARTED] = KIND(STARTED, started, 2, 3, "an execution begins", OPENS),
    [AEP_KIND_PROGRESS] = KIND(PROGRESS, progress, 1, COUNT(progress), "an execution moves on", ),
    [AEP_KIND_COMPLETED] = KIND(COMPLETED, completed, 1, 9, "an execution ended well", TERMINAL),
    [AEP_KIND_FAILED] = KIND(FAILED, failed, 1, 10, "an execution failed", TERMINAL),
};
AEP__KINDS_FULL(aep__kinds);

#define FITS(KIND, kind, verb)                                                                     \
    _Static_assert(COUNT(kind) <= AEP__MEMBERS_MAX, "struct aep__facts has a value for each");
AEP_KINDS(FITS)

bool aep__type_is_number(enum aep__type type)
{
    return type == AEP__TYPE_NUMBER || type == AEP__TYPE_INTEGER || type == AEP__TYPE_BOOL;
}

bool aep__type_is_json(enum aep__type type)
{
    return type == AEP__TYPE_OBJECT || type == AEP__TYPE_ARRAY || type == AEP__TYPE_ANY;
}

const char *aep__type_name(enum aep__type type)
{
    static const char *const names[] = {
        [AEP__TYPE_TEXT] = "text",     [AEP__TYPE_TIME] = "time",       [AEP__TYPE_ID] = "id",
        [AEP__TYPE_NUMBER] = "number", [AEP__TYPE_INTEGER] = "integer", [AEP__TYPE_BOOL] = "bool",
        [AEP__TYPE_OBJECT] = "object", [AEP__TYPE_ARRAY] = "array",     [AEP__TYPE_ANY] = "any",
    };
    return names[type];
}

static bool equals(const char *name, const char *text, size_t len)
{
    return strlen(name) == len && memcmp(name, text, len) == 0;
}

int aep__kind_find_member(enum aep_kind kind, const char *name, size_t len)
{
    const struct aep__kind_row *row = &aep__kinds[kind];
    for (size_t i = 0; i < row->member_count; i++)
        if (equals(row->members[i].name, name, len))
            return (int)i;
    return -1;
}

int aep__kind_of_type(const char *event_type, size_t len)
{
    for (int i = 0; i < AEP_KIND_COUNT; i++) {
        size_t own = strlen(aep__kinds[i].event_type);
        if (len >= own && memcmp(event_type + len - own, aep__kinds[i].event_type, own) == 0 &&
            (len == own || event_type[len - own - 1] == '.'))
            return i;
    }
    return -1;
}

/* ---- names on the wire ---------------------------------------------------------------------- */

/* The end of a word [a-z][a-z0-9_-]* at `at`; at itself if there is none. */
static const char *word_end(const char *at, const char *end)
{
    if (at == end || !aep__is_lower(*at))
        return at;
    while (at < end && (aep__is_lower(*at) || aep__is_digit(*at) || *at == '_' || *at == '-'))
        at++;
    return at;
}

/* v and digits, to the end. */
static bool is_version(const char *at, const char *end)
{
    if (end - at < 2 || *at++ != 'v')
        return false;
    while (at < end && aep__is_digit(*at))
        at++;
    return at == end;
}

/* Words with a separator behind each, then a version: how many words, or -1. */
static int count_words(const char *at, const char *end, char separator)
{
    for (int count = 0;; count++) {
        const char *word = at;
        at = word_end(at, end);
        if (at == end)
            return is_version(word, end) ? count : -1;
        if (at == word || *at++ != separator)
            return -1;
    }
}

bool aep__event_type_valid(const char *text, size_t len)
{
    return len <= AEP__TOPIC_NAME_MAX && count_words(text, text + len, '.') >= 3;
}

#define REF_PREFIX "registry://"
#define REF_PREFIX_LEN (sizeof(REF_PREFIX) - 1)

bool aep__schema_ref_valid(const char *text, size_t len)
{
    return len > REF_PREFIX_LEN && memcmp(text, REF_PREFIX, REF_PREFIX_LEN) == 0 &&
           count_words(text + REF_PREFIX_LEN, text + len, '/') == 3;
}

static bool is_separator(char c)
{
    return c == '.' || c == '/' || c == '_';
}

static bool same_words(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i] && !(is_separator(a[i]) && is_separator(b[i])))
            return false;
    return true;
}

bool aep__schema_ref_of(const char *ref, size_t ref_len, const char *event_type, size_t type_len)
{
    const char *own = ref + REF_PREFIX_LEN, *end = ref + ref_len;
    size_t len = (size_t)(end - own);
    if (len > type_len) { /* the type leaves its namespace out, and nothing else */
        own = (const char *)memchr(own, '/', len) + 1;
        return (size_t)(end - own) == type_len && same_words(own, event_type, type_len);
    }
    size_t before = type_len - len;
    return (before == 0 || event_type[before - 1] == '.') &&
           same_words(own, event_type + before, len);
}

/* ---- public --------------------------------------------------------------------------------- */

static bool is_kind(enum aep_kind kind)
{
    return (unsigned)kind < AEP_KIND_COUNT;
}

const char *aep_kind_name(enum aep_kind kind)
{
    return is_kind(kind) ? aep__kinds[kind].name : NULL;
}

const char *aep_kind_event_type(enum aep_kind kind)
{
    return is_kind(kind) ? aep__kinds[kind].event_type : NULL;
}

int aep_kind_member(enum aep_kind kind, size_t index, aep_member *ret)
{
    if (!is_kind(kind) || index >= aep__kinds[kind].member_count || !ret ||
        aep__sized_check_out(ret, "member", NULL) != AEP_OK)
        return AEP_EINVAL;
    const struct aep__member_row *member = &aep__kinds[kind].members[index];
    const aep_member ours = {
        .name = member->name,
        .type = aep__type_name(member->type),
        .required = member->required && member->fallback == AEP__FALLBACK_NONE,
    };
    aep__sized_write(ret, &ours, sizeof ours);
    return AEP_OK;
}

int aep_kind_find(const char *name)
{
    for (int i = 0; name && i < AEP_KIND_COUNT; i++)
        if (strcmp(name, aep__kinds[i].name) == 0)
            return i;
    return -1;
}
