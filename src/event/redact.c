/* SPDX-License-Identifier: Apache-2.0 */
#include "event/redact.h"

#include "base/error.h"
#include "event/redact_assignment.h"
#include "event/redact_look.h"
#include "event/redact_walk.h"
#include "event/secret_value.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- the walk ------------------------------------------------------------------------------- */

static bool try_anchor(struct aep__walk *walk, const char *at)
{
    enum aep__anchor anchor = aep__anchors[(uint8_t)*at];
    switch (anchor) {
    case AEP__ANCHOR_DASH:
        return aep__redact_key(walk, at, anchor) || aep__redact_option(walk, at) ||
               aep__redact_pem(walk, at);
    case AEP__ANCHOR_J:
        return aep__redact_jwt(walk, at);
    case AEP__ANCHOR_B:
        return aep__redact_bearer(walk, at);
    case AEP__ANCHOR_COLON:
        return aep__redact_url(walk, at) || aep__redact_assignment(walk, at);
    case AEP__ANCHOR_EQUALS:
        return aep__redact_assignment(walk, at);
    default:
        return aep__redact_key(walk, at, anchor);
    }
}

static const char *next_anchor(const char *at, const char *end)
{
    const uint8_t *c = (const uint8_t *)at;
    for (; end - (const char *)c >= 4; c += 4)
        if (aep__anchors[c[0]] | aep__anchors[c[1]] | aep__anchors[c[2]] | aep__anchors[c[3]])
            break;
    while ((const char *)c < end && !aep__anchors[*c])
        c++;
    return (const char *)c;
}

static size_t redact_builtin(const struct aep__redactor *redactor, const char *text, size_t len,
                             struct aep__buf *out)
{
    struct aep__walk walk = {
        .redactor = redactor, .begin = text, .end = text + len, .done = text, .out = out};
    for (const char *at = text; (at = next_anchor(at, walk.end)) < walk.end;)
        at = try_anchor(&walk, at) ? walk.done : at + 1;
    if (walk.count)
        aep__buf_add(out, walk.done, (size_t)(walk.end - walk.done));
    return walk.count;
}

/* ---- extra rules ---------------------------------------------------------------------------- */

/* Finds the first match at or behind `from` in a text that ends in a NUL and may hold others: 1; 0 there is
 * none; -1 out of memory, which glibc's regexec() does not tell from no match. */
static int find_match(const regex_t *pattern, const char *text, size_t len, size_t from,
                      size_t *ret_begin, size_t *ret_end)
{
    if (len > INT_MAX)
        return -1;
#ifdef __GLIBC__
    struct re_pattern_buffer *buffer = (struct re_pattern_buffer *)pattern; /* it has a lock */
    regoff_t whole = (regoff_t)len, start = (regoff_t)from;
    regoff_t begin = re_search(buffer, text, whole, start, whole - start, NULL);
    regoff_t size = begin < 0 ? begin : re_match(buffer, text, whole, begin, NULL);
    if (size < 0)
        return size == -2 ? -1 : 0;
    *ret_begin = (size_t)begin;
    *ret_end = (size_t)(begin + size);
    return 1;
#else
    for (; from <= len; from += strlen(text + from) + 1) {
        regmatch_t match;
        int code = regexec(pattern, text + from, 1, &match, from ? REG_NOTBOL : 0);
        *ret_begin = from + (size_t)match.rm_so;
        *ret_end = from + (size_t)match.rm_eo;
        if (code != REG_NOMATCH)
            return code == 0 ? 1 : -1;
    }
    return 0;
#endif
}

static size_t redact_pattern(const regex_t *pattern, struct aep__buf *in, struct aep__buf *out)
{
    const char *text = aep__buf_string(in);
    size_t len = in->failed ? 0 : in->len, count = 0, done = 0, from = 0, begin = 0, end = 0;
    int found;
    while (from <= len && (found = find_match(pattern, text, len, from, &begin, &end)) != 0) {
        if (found < 0) {
            out->failed = true;
            break;
        }
        from = end > begin ? end : end + 1;
        if (end == begin)
            continue;
        aep__buf_add(out, text + done, begin - done);
        aep__secret_mark(out, "extra");
        done = end;
        count++;
    }
    if (count)
        aep__buf_add(out, text + done, len - done);
    return count;
}

/* Applies the built-in rules, then each pattern to the result of the rules before it. */
static size_t redact_all(const struct aep__redactor *redactor, const char *text, size_t len,
                         struct aep__buf *out)
{
    struct aep__buf now = {0}, next = {0};
    size_t count = redact_builtin(redactor, text, len, &now);
    if (count == 0)
        aep__buf_add(&now, text, len);
    out->failed |= now.failed;
    for (size_t i = 0; i < redactor->extra_count && now.len > 0; i++) {
        aep__buf_clear(&next);
        size_t found = redact_pattern(&redactor->extra[i], &now, &next);
        count += found;
        out->failed |= now.failed || next.failed;
        if (found) {
            struct aep__buf swap = now;
            now = next;
            next = swap;
        }
    }
    if (count)
        aep__buf_add(out, now.data, now.len);
    aep__buf_done(&now);
    aep__buf_done(&next);
    return count;
}

static bool is_rule_begin(const char *at)
{
    return strncmp(at, "key:", 4) == 0 || strncmp(at, "re:", 3) == 0;
}

/* The end of the rule at `at`: a newline, or a comma before another rule. */
static const char *rule_end(const char *at)
{
    for (; *at && *at != '\n'; at++)
        if (*at == ',' && is_rule_begin(at + 1 + strspn(at + 1, " \t")))
            break;
    return at;
}

static int add_pattern(struct aep__redactor *redactor, const char *rule, aep_error *err)
{
    char reason[128];
    regex_t *extra = realloc(redactor->extra, (redactor->extra_count + 1) * sizeof *extra);
    if (!extra)
        return aep__error_memory(err);
    redactor->extra = extra;
    int failed = regcomp(&extra[redactor->extra_count], rule + 3, REG_EXTENDED);
    if (failed == REG_ESPACE)
        return aep__error_memory(err);
    if (failed) {
        regerror(failed, &extra[redactor->extra_count], reason, sizeof reason);
        return aep__error(err, AEP_ECONFIG, "redact.extra",
                          "\"%s\" is not a regular expression: "
                          "%s",
                          rule, reason);
    }
    redactor->extra_count++;
    return AEP_OK;
}

static int add_rule(struct aep__redactor *redactor, const char *rule, aep_error *err)
{
    int code = AEP_EINVAL;
    if (strncmp(rule, "re:", 3) == 0 && rule[3])
        return add_pattern(redactor, rule, err);
    if (strncmp(rule, "key:", 4) == 0)
        code = aep__secret_names_add(&redactor->names, rule + 4, strlen(rule + 4));
    if (code == AEP_ENOMEM)
        return aep__error_memory(err);
    if (code == AEP_OK)
        return AEP_OK;
    return aep__error(err, AEP_ECONFIG, "redact.extra",
                      "\"%s\" is not a rule: write key:NAME (ending in at least two letters) or "
                      "re:REGEX",
                      rule);
}

static int add_rules(struct aep__redactor *redactor, const char *rules, aep_error *err)
{
    int code = AEP_OK;
    while (code == AEP_OK && *(rules += strspn(rules, " \t\r\n,"))) {
        const char *end = rule_end(rules);
        char *rule = strndup(rules, (size_t)(end - rules));
        if (!rule)
            return aep__error_memory(err);
        for (size_t len = strlen(rule); len && aep__is_space(rule[len - 1]);)
            rule[--len] = '\0';
        code = add_rule(redactor, rule, err);
        free(rule);
        rules = end;
    }
    return code;
}

/* ---- calls ---------------------------------------------------------------------------------- */

int aep__redactor_new(const char *extra, struct aep__redactor **ret, aep_error *err)
{
    struct aep__redactor *redactor = calloc(1, sizeof *redactor);
    if (!redactor)
        return aep__error_memory(err);
    aep__redact_index_keys(redactor);
    aep__secret_names_init(&redactor->names);
    int code = extra ? add_rules(redactor, extra, err) : AEP_OK;
    if (code == AEP_OK)
        *ret = redactor;
    else
        aep__redactor_free(redactor);
    return code;
}

void aep__redactor_free(struct aep__redactor *redactor)
{
    if (!redactor)
        return;
    for (size_t i = 0; i < redactor->extra_count; i++)
        regfree(&redactor->extra[i]);
    free(redactor->extra);
    aep__secret_names_done(&redactor->names);
    free(redactor);
}

size_t aep__redact_text(const struct aep__redactor *redactor, const char *text, size_t len,
                        struct aep__buf *out)
{
    return redactor->extra_count ? redact_all(redactor, text, len, out)
                                 : redact_builtin(redactor, text, len, out);
}

const struct aep__secret *aep__redact_name(const struct aep__redactor *redactor, const char *name,
                                           size_t len)
{
    return aep__secret_names_find(&redactor->names, name, len, NULL);
}
