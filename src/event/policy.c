/* SPDX-License-Identifier: Apache-2.0 */
/* The partition-key policy: which family an event type or a topic belongs to, and the key of an
 * event.
 *
 * Dots separate the words of a name, which are compared in any case. A pattern is one word, or two
 * adjacent words, anywhere in the name; so any prefix is allowed, and part of a word does not
 * match: transaction-events is not about actions. */
#include "aep/aep.h"
#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define KEY_FIELD "correlation_id"

enum family {
    ROUTING,
    TRANSFORMATION,
    ACTIONS,
    EXECUTION,
    PROVIDER,
    INTELLIGENCE,
    GATE,
    FAMILY_COUNT,
};

static const aep_family families[FAMILY_COUNT] = {
    [ROUTING] = {"agent.routing", KEY_FIELD,
                 "a routing request stays before the decision and the confidence that answer it",
                 "medium", 100, 1000},
    [TRANSFORMATION] = {"agent.transformation", KEY_FIELD,
                        "the steps of one transformation stay in the order they were taken",
                        "medium", 50, 500},
    [ACTIONS] = {"agent.actions", KEY_FIELD,
                 "an agent's actions within one request stay in the order they were taken",
                 "medium", 200, 2000},
    [EXECUTION] = {"agent.execution", KEY_FIELD,
                   "the events of one execution stay in order: started, progress, then completed "
                   "or failed",
                   "medium", 100, 1000},
    [PROVIDER] = {"agent.provider", KEY_FIELD,
                  "a provider's selection stays before its use and its outcome", "medium", 100,
                  1000},
    [INTELLIGENCE] = {"intelligence.query", KEY_FIELD,
                      "a query stays before its answer or its failure", "medium", 50, 500},
    [GATE] = {"quality.gate", KEY_FIELD,
              "the gates of one request are seen in the order they were evaluated", "low", 10, 100},
};

static const struct pattern {
    enum family family;
    const char *word, *next; /* next NULL: word alone */
} patterns[] = {
    {ROUTING, "agent", "routing"},
    {ROUTING, "agent", "confidence"},
    {ROUTING, "agent-routing-decisions", NULL},
    {TRANSFORMATION, "agent", "transformation"},
    {TRANSFORMATION, "agent-transformation-events", NULL},
    {ACTIONS, "agent", "actions"},
    {ACTIONS, "agent-actions", NULL},
    {EXECUTION, "agent", "execution"},
    {EXECUTION, "agent-execution-logs", NULL},
    {PROVIDER, "agent", "provider"},
    {INTELLIGENCE, "intelligence", NULL},
    {INTELLIGENCE, "code-analysis", NULL},
    {GATE, "quality", "gate"},
};

/* If the text begins with that word, what follows it and its dot; else NULL. */
static const char *skip_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    if (strncasecmp(text, word, len) != 0 || (text[len] && text[len] != '.'))
        return NULL;
    return text + len + (text[len] == '.');
}

static bool begins_so(const char *text, const struct pattern *pattern)
{
    const char *rest = skip_word(text, pattern->word);
    return rest && (!pattern->next || skip_word(rest, pattern->next));
}

const aep_family *aep_policy_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof patterns / sizeof *patterns; i++)
        for (const char *at = name; at; at = strchr(at, '.'), at = at ? at + 1 : NULL)
            if (begins_so(at, &patterns[i]))
                return &families[patterns[i].family];
    return NULL;
}

const aep_family *aep_policy_families(size_t *count)
{
    *count = FAMILY_COUNT;
    return families;
}

/* ---- key ------------------------------------------------------------------------------------ */

/* The position of a JSON value in the text; data NULL: there is none. */
struct value {
    enum aep__json_token type;
    struct aep__slice text; /* of a string without its quotes */
};

/* Reads an object to its end and picks out two of its members; second may be NULL. */
static bool read_object(struct aep__json *json, struct value *key, struct value *payload)
{
    enum aep__json_token token;
    while ((token = aep__json_next(json)) == AEP__JSON_NAME) {
        struct value *found = NULL;
        if (aep__json_is_name(json, KEY_FIELD))
            found = key;
        else if (payload && aep__json_is_name(json, "payload"))
            found = payload;
        struct value value = {.type = aep__json_next(json)};
        value.text = json->token;
        if (!aep__json_skip(json, value.type))
            return false;
        if (value.type != AEP__JSON_STRING)
            value.text = json->token;
        if (found)
            *found = value;
    }
    return token == AEP__JSON_OBJECT_END;
}

/* Writes the key if the value is one. */
static int take_key(const struct value *value, struct aep__buf *scratch, char *key, aep_error *err)
{
    if (value->type != AEP__JSON_STRING)
        return AEP_ESTATE;
    struct aep__slice text = aep__json_decode(value->text, scratch, NULL);
    if (!text.data)
        return aep__error_memory(err);
    if (aep__utf8_blank(text.data, text.len))
        return AEP_ESTATE;
    if (text.len >= AEP_CORRELATION_ID_SIZE || memchr(text.data, '\0', text.len))
        return aep__error(err, AEP_EINVAL, KEY_FIELD, "%s is not an id of at most %d bytes",
                          KEY_FIELD, AEP_CORRELATION_ID_SIZE - 1);
    memcpy(key, text.data, text.len);
    key[text.len] = '\0';
    return AEP_OK;
}

static int find_key(struct aep__json *json, struct aep__buf *scratch, char *key, aep_error *err)
{
    struct value own = {0}, payload = {0}, inner = {0};
    bool is_object = aep__json_next(json) == AEP__JSON_OBJECT &&
                     read_object(json, &own, &payload) && aep__json_next(json) == AEP__JSON_END;
    if (json->problem == AEP__JSON_MEMORY)
        return aep__error_memory(err);
    if (!is_object) {
        aep__error(err, AEP_EINVAL, NULL, "not a JSON object: %s (byte %zu)",
                   json->message ? json->message : "another value", json->position);
        if (err)
            err->position = json->position;
        return AEP_EINVAL;
    }
    int code = take_key(&own, scratch, key, err);
    if (code != AEP_ESTATE || payload.type != AEP__JSON_OBJECT)
        return code;
    aep__json_begin(json, payload.text.data, payload.text.len, AEP__JSON_DEPTH_MAX, false);
    aep__json_next(json);
    if (!read_object(json, &inner, NULL))
        return aep__error_memory(err);
    return take_key(&inner, scratch, key, err);
}

int aep_policy_key(const char *envelope, size_t length, char key[AEP_CORRELATION_ID_SIZE],
                   aep_error *err)
{
    struct aep__json json = {0};
    struct aep__buf scratch = {0};
    aep__json_begin(&json, envelope, length, AEP__JSON_DEPTH_MAX, false);
    int code = find_key(&json, &scratch, key, err);
    if (code == AEP_ESTATE)
        aep__error(err, code, KEY_FIELD, "the event has no %s, so it has no key", KEY_FIELD);
    aep__json_done(&json);
    aep__buf_done(&scratch);
    return code;
}
