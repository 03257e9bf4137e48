/* SPDX-License-Identifier: Apache-2.0 */
/* The rule is one table: each row says it in C and in SQL. A time that is not known is AEP__UNKNOWN_US
 * here and NULL there; neither is ever over. */
#include "track/state.h"

#include <string.h>
#include <strings.h>

#define SECOND_US INT64_C(1000000)

static const char *const words[AEP__STATE_COUNT] = {
    [AEP__STATE_COMPLETED] = "completed", [AEP__STATE_FAILED] = "failed",
    [AEP__STATE_ABANDONED] = "abandoned", [AEP__STATE_WAITING] = "waiting",
    [AEP__STATE_STALLED] = "stalled",     [AEP__STATE_RUNNING] = "running",
};

const char *aep__state_word(enum aep__state state)
{
    return words[state];
}

enum aep__state aep__state_find(const char *word, size_t len)
{
    enum aep__state state = 0;
    while (state < AEP__STATE_COUNT &&
           (strlen(words[state]) != len || strncasecmp(words[state], word, len) != 0))
        state++;
    return state;
}

/* ---- the rule ------------------------------------------------------------------------------- */

static bool is_over(int64_t at_us, int64_t clock_us)
{
    return at_us != AEP__UNKNOWN_US && at_us < clock_us;
}

static bool has_outcome(const struct aep__tracked *execution, int64_t wanted)
{
    return execution->outcome == wanted;
}

static bool is_waiting(const struct aep__tracked *execution, int64_t ignored)
{
    (void)ignored;
    return execution->waiting != AEP__WAITING_NOT;
}

static bool is_abandoned(const struct aep__tracked *execution, int64_t clock_us)
{
    return is_over(execution->abandons_at, clock_us);
}

static bool is_stalled(const struct aep__tracked *execution, int64_t clock_us)
{
    return is_over(execution->stalls_at, clock_us);
}

/* What `with` is compared with: a number of the row's own, or the clock where that is CLOCK. */
#define CLOCK INT64_MAX

static const struct rule {
    enum aep__state state;
    bool (*holds)(const struct aep__tracked *execution, int64_t with);
    int64_t with;
    const char *sql; /* what `with` follows */
} rules[] = {
    {AEP__STATE_COMPLETED, has_outcome, AEP__ENDING_COMPLETED, "outcome = "},
    {AEP__STATE_FAILED, has_outcome, AEP__ENDING_FAILED, "outcome = "},
    {AEP__STATE_ABANDONED, has_outcome, AEP__ENDING_ABANDONED, "outcome = "},
    {AEP__STATE_WAITING, is_waiting, AEP__WAITING_NOT, "waiting <> "},
    {AEP__STATE_ABANDONED, is_abandoned, CLOCK, "abandons_at < "},
    {AEP__STATE_STALLED, is_stalled, CLOCK, "stalls_at < "},
};
#define RULE_COUNT (sizeof rules / sizeof *rules)

enum aep__state aep__state_of(const struct aep__tracked *execution, int64_t clock_us)
{
    for (const struct rule *rule = rules; rule < rules + RULE_COUNT; rule++) {
        if (rule->holds(execution, rule->with == CLOCK ? clock_us : rule->with))
            return rule->state;
    }
    return AEP__STATE_RUNNING;
}

void aep__state_sql(struct aep__buf *out, const char *clock)
{
    aep__buf_text(out, "CASE");
    for (const struct rule *rule = rules; rule < rules + RULE_COUNT; rule++) {
        aep__buf_format(out, " WHEN %s", rule->sql);
        if (rule->with == CLOCK)
            aep__buf_text(out, clock);
        else
            aep__buf_format(out, "%lld", (long long)rule->with);
        aep__buf_format(out, " THEN %d", (int)rule->state);
    }
    aep__buf_format(out, " ELSE %d END", (int)AEP__STATE_RUNNING);
}

/* ---- since when, and why -------------------------------------------------------------------- */

static bool is_silent(const struct aep__tracked *execution, enum aep__state state)
{
    return state == AEP__STATE_STALLED ||
           (state == AEP__STATE_ABANDONED && execution->outcome == AEP__ENDING_OPEN);
}

int64_t aep__state_since(const struct aep__tracked *execution, enum aep__state state)
{
    if (is_silent(execution, state))
        return execution->quiet_since;
    if (state == AEP__STATE_WAITING)
        return execution->waiting_since;
    return state == AEP__STATE_RUNNING ? execution->started_at : execution->ended_at;
}

/* "200 ms", "40 s", "14 min", "3 h", "2 d": the largest unit of which there are two at least. */
static void add_span(struct aep__buf *out, int64_t us)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    int64_t seconds = us > 0 ? us / SECOND_US : 0;
    if (us > 0 && us < SECOND_US) {
        aep__buf_format(out, "%lld ms", (long long)((us + 999) / 1000));
        return;
    }
    size_t i = 0;
    while (units[i].seconds > 1 && seconds < 2 * units[i].seconds)
        i++;
    aep__buf_format(out, "%lld %s", (long long)(seconds / units[i].seconds), units[i].name);
}

static void add_silence(const struct aep__tracked *execution, int64_t clock_us,
                        struct aep__buf *out)
{
    int64_t since_us = execution->quiet_since;
    aep__buf_text(out, "silence ");
    add_span(out, since_us == AEP__UNKNOWN_US ? 0 : clock_us - since_us);
    if (execution->usual_us > 0) {
        aep__buf_text(out, ", usual ");
        add_span(out, execution->usual_us);
    } else if (execution->patience_us > 0) {
        aep__buf_text(out, ", limit ");
        add_span(out, execution->patience_us);
    }
}

void aep__state_basis(const struct aep__tracked *execution, enum aep__state state, int64_t clock_us,
                      struct aep__buf *out)
{
    const char *why = execution->error_message ? execution->error_message : execution->error_code;
    bool ended = execution->outcome != AEP__ENDING_OPEN;
    if (is_silent(execution, state)) {
        add_silence(execution, clock_us, out);
    } else if (ended && execution->inferred) {
        aep__buf_text(out, "inferred");
        aep__buf_text(out, why ? ": " : "");
        aep__buf_text(out, why ? why : "");
    } else {
        aep__buf_text(out, "event");
    }
}
