/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets recognized by their look: keys that providers hand out, JWTs, Bearer, PEM private keys,
 * passwords in URLs. */
#include "event/redact_look.h"

#include "base/ascii.h"

#include <string.h>

/* ---- provider keys -------------------------------------------------------------------------- */

/* What a key's body is made of. */
enum {
    BODY_UPPER = 1, /* capitals and digits only */
    BODY_DASH = 2,
    BODY_UNDERSCORE = 4,
    BODY_DOT = 8,
    BODY_BASE64 = 16, /* + / = */
    BODY_WORDY = BODY_DASH | BODY_UNDERSCORE,
};

struct key_rule {
    const char *kind;
    const char *prefix; /* ? is any small letter */
    uint8_t anchor;     /* the byte of the prefix that triggers it */
    uint8_t body;       /* letters, digits, and these */
    uint8_t least;      /* bytes of body */
    uint8_t proof;      /* not 0: the prefix is an ordinary word's end too; the body must have that
                           many letters and digits in a row with a digit among them, or 20 */
};

/* Sorted by anchor byte; if several fit, the first is taken. */
static const struct key_rule key_rules[] = {
    {"anthropic_key", "sk-ant-", 2, BODY_WORDY, 8, 0},
    {"openai_key", "sk-proj-", 2, BODY_WORDY, 8, 0},
    {"openai_key", "sk-svcacct-", 2, BODY_WORDY, 8, 0},
    {"openai_key", "sk-admin-", 2, BODY_WORDY, 8, 12},
    {"api_key", "sk-or-v?-", 2, BODY_WORDY, 16, 0},
    {"api_key", "sk-lf-", 2, BODY_WORDY, 16, 0},
    {"openai_key", "sk-", 2, BODY_WORDY, 12, 12},
    {"slack_token", "xox?-", 4, BODY_DASH, 8, 0},
    {"slack_token", "xapp-", 4, BODY_DASH, 8, 0},
    {"gitlab_token", "glpat-", 5, BODY_WORDY, 16, 0},
    {"api_key", "pplx-", 4, 0, 32, 0},
    {"api_key", "xai-", 3, 0, 32, 0},
    {"pypi_token", "pypi-", 4, BODY_WORDY, 40, 0},

    {"github_token", "gh?_", 3, BODY_WORDY | BODY_DOT, 16, 16},
    {"github_token", "github_pat_", 6, BODY_UNDERSCORE, 16, 0},
    {"stripe_key", "sk_live_", 2, BODY_UNDERSCORE, 8, 0},
    {"stripe_key", "sk_test_", 2, BODY_UNDERSCORE, 8, 0},
    {"stripe_key", "rk_live_", 2, BODY_UNDERSCORE, 8, 0},
    {"stripe_key", "rk_test_", 2, BODY_UNDERSCORE, 8, 0},
    {"stripe_key", "whsec_", 5, BODY_BASE64, 16, 0},
    {"huggingface_token", "hf_", 2, 0, 30, 0},
    {"npm_token", "npm_", 3, 0, 30, 0},
    {"api_key", "gsk_", 3, 0, 30, 0},
    {"api_key", "dop_v?_", 6, 0, 32, 0},

    {"aws_key", "AKIA", 2, BODY_UPPER, 16, 0},
    {"aws_key", "ASIA", 2, BODY_UPPER, 16, 0},
    {"google_key", "AIza", 1, BODY_WORDY, 30, 0},
};
#define KEY_RULE_COUNT (sizeof key_rules / sizeof *key_rules)

static bool in_body(char c, unsigned body)
{
    if (body & BODY_UPPER)
        return aep__is_upper(c) || aep__is_digit(c);
    return aep__is_alnum(c) || (c == '-' && body & BODY_DASH) ||
           (c == '_' && body & BODY_UNDERSCORE) || (c == '.' && body & BODY_DOT) ||
           ((c == '+' || c == '/' || c == '=') && body & BODY_BASE64);
}

static const char *body_end(const char *at, const char *end, unsigned body)
{
    while (at < end && in_body(*at, body))
        at++;
    return at;
}

static bool has_proof(const char *at, const char *end, size_t least)
{
    size_t run = 0;
    bool digit = false;
    for (; at < end; at++) {
        run = aep__is_alnum(*at) ? run + 1 : 0;
        digit = run > 0 && (digit || aep__is_digit(*at));
        if ((digit && run >= least) || run >= AEP__LONG_RUN)
            return true;
    }
    return false;
}

/* Without the dots that end a sentence. */
static const char *trim_dots(const char *begin, const char *end)
{
    while (end > begin && end[-1] == '.')
        end--;
    return end;
}

static bool fits_prefix(const struct aep__walk *walk, const char *at, const char *prefix)
{
    for (; *prefix; at++, prefix++)
        if (at == walk->end ||
            (*prefix == '?' ? !aep__is_lower(*at) && !aep__is_digit(*at) : *at != *prefix))
            return false;
    return true;
}

static bool try_key_rule(struct aep__walk *walk, const char *at, const struct key_rule *rule)
{
    if (at - walk->begin < rule->anchor)
        return false;
    const char *begin = at - rule->anchor;
    if (*begin != *rule->prefix || !fits_prefix(walk, begin, rule->prefix) ||
        !aep__walk_begins_word(walk, begin))
        return false;
    const char *body = begin + strlen(rule->prefix);
    const char *near = body_end(body, aep__walk_at_most(walk, body, AEP__PROOF_BYTES), rule->body);
    if (near - body < rule->least || (rule->proof && !has_proof(body, near, rule->proof)))
        return false;
    const char *end = trim_dots(body, body_end(near, walk->end, rule->body));
    return aep__walk_replace(walk, begin, end, rule->kind);
}

static int letter_index(char c)
{
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
        return (c | 0x20) - 'a';
    return aep__is_digit(c) ? 26 + (c - '0') : AEP__LETTERS - 1;
}

/* The two bytes before an anchor nearly always show that no key's prefix ends there. */
static bool may_be_key(const struct aep__walk *walk, const char *at, enum aep__anchor anchor)
{
    if (anchor == AEP__ANCHOR_I)
        return true;
    if (at - walk->begin < 2)
        return false;
    uint32_t bits = walk->redactor->rules_of[anchor].before[letter_index(at[-1])];
    return bits >> (letter_index(at[-2]) & 31) & 1;
}

bool aep__redact_key(struct aep__walk *walk, const char *at, enum aep__anchor anchor)
{
    const struct aep__redactor *redactor = walk->redactor;
    if (!may_be_key(walk, at, anchor))
        return false;
    for (size_t i = redactor->rules_of[anchor].begin; i < redactor->rules_of[anchor].end; i++)
        if (try_key_rule(walk, at, &key_rules[i]))
            return true;
    return false;
}

/* Records which two bytes come before a rule's anchor. */
static void index_before(uint32_t before[AEP__LETTERS], const struct key_rule *rule)
{
    if (rule->anchor < 2)
        return;
    char near = rule->prefix[rule->anchor - 1], far = rule->prefix[rule->anchor - 2];
    uint32_t bits = far == '?' ? UINT32_MAX : UINT32_C(1) << (letter_index(far) & 31);
    for (int i = 0; i < AEP__LETTERS; i++)
        if (near == '?' || i == letter_index(near))
            before[i] |= bits;
}

void aep__redact_index_keys(struct aep__redactor *redactor)
{
    for (size_t i = 0; i < KEY_RULE_COUNT; i++) {
        enum aep__anchor anchor = aep__anchors[(uint8_t)key_rules[i].prefix[key_rules[i].anchor]];
        index_before(redactor->rules_of[anchor].before, &key_rules[i]);
        if (redactor->rules_of[anchor].end == 0)
            redactor->rules_of[anchor].begin = (uint8_t)i;
        redactor->rules_of[anchor].end = (uint8_t)(i + 1);
    }
}

/* ---- JWT and Bearer ------------------------------------------------------------------------- */

#define BODY_BASE64URL BODY_WORDY

/* header.payload.signature, or what is left of it: at least a header and the start of a payload. */
bool aep__redact_jwt(struct aep__walk *walk, const char *at)
{
    if (at - walk->begin < 2 || at < walk->jwt_run_end || memcmp(at - 2, "ey", 2) != 0 ||
        !aep__walk_begins_word(walk, at - 2))
        return false;
    const char *begin = at - 2;
    const char *header_end = body_end(at, walk->end, BODY_BASE64URL);
    walk->jwt_run_end = header_end;
    if (header_end - begin < 8 || header_end == walk->end || *header_end != '.')
        return false;
    const char *payload = header_end + 1, *end = body_end(payload, walk->end, BODY_BASE64URL);
    bool dotted = end > payload && end < walk->end && *end == '.';
    if (!dotted && !aep__walk_starts_with(walk, payload, "eyJ"))
        return false;
    while (end < walk->end && *end == '.') /* a JWE has five parts */
        end = body_end(end + 1, walk->end, BODY_BASE64URL);
    return aep__walk_replace(walk, begin, trim_dots(begin, end), "jwt");
}

static const char *credential_end(const char *at, const char *end)
{
    while (at < end && aep__is_credential_byte(*at))
        at++;
    return at;
}

bool aep__redact_bearer(struct aep__walk *walk, const char *at)
{
    if (!aep__walk_starts_with_any_case(walk, at, "bearer") || !aep__walk_begins_word(walk, at))
        return false;
    const char *word = at + strlen("bearer"), *value = aep__walk_skip_blanks(walk, word, 8);
    const char *near =
        trim_dots(value, credential_end(value, aep__walk_at_most(walk, value, AEP__PROOF_BYTES)));
    bool dotted = memchr(value, '.', (size_t)(near - value)) != NULL;
    if (value == word || (!aep__walk_looks_random(value, near) && !(dotted && near - value >= 8)))
        return false;
    return aep__walk_replace(walk, value, trim_dots(value, credential_end(near, walk->end)),
                             "bearer");
}

/* ---- PEM private keys ----------------------------------------------------------------------- */

#define DASHES "-----"
#define PEM_END DASHES "END "
#define PEM_LABEL_BYTES 64
#define PEM_BYTES 16384 /* the longest key is 12 KiB */

/* The end of the five dashes that close a label at `at`; NULL if there are none near. */
static const char *label_end(const struct aep__walk *walk, const char *at)
{
    const char *end = aep__walk_at_most(walk, at, PEM_LABEL_BYTES);
    const char *dashes = memmem(at, (size_t)(end - at), DASHES, strlen(DASHES));
    return dashes ? dashes + strlen(DASHES) : NULL;
}

/* A line break, also one written \n in a text inside the text. */
static const char *skip_line_breaks(const char *at, const char *end)
{
    for (;;)
        if (at < end && aep__is_space(*at))
            at++;
        else if (end - at >= 2 && *at == '\\' && (at[1] == 'n' || at[1] == 'r' || at[1] == '\\'))
            at += at[1] == '\\' ? 1 : 2;
        else
            return at;
}

/* A key without its end was cut short: everything that continues like a key is replaced too. */
static const char *torn_pem_end(const char *at, const char *end)
{
    for (;;) {
        const char *line = skip_line_breaks(at, end), *c = line;
        while (c < end && (aep__is_alnum(*c) || *c == '+' || *c == '/' || *c == '='))
            c++;
        if (c < end && *c == ':') { /* Proc-Type: 4,ENCRYPTED */
            while (c < end && *c != '\n' && *c != '\\')
                c++;
        } else if (c - line < 16) {
            return c > line && c == end ? c : at;
        }
        at = c;
    }
}

bool aep__redact_pem(struct aep__walk *walk, const char *at)
{
    if (!aep__walk_starts_with(walk, at, AEP__PEM_BEGIN))
        return false;
    const char *label = at + strlen(AEP__PEM_BEGIN), *body = label_end(walk, label);
    if (!body || !memmem(label, (size_t)(body - label), "PRIVATE KEY", strlen("PRIVATE KEY")))
        return false;
    const char *far = aep__walk_at_most(walk, body, PEM_BYTES);
    const char *end = memmem(body, (size_t)(far - body), PEM_END, strlen(PEM_END));
    if (!end)
        return aep__walk_replace(walk, at, torn_pem_end(body, walk->end), "private_key");
    const char *closed = label_end(walk, end + strlen(PEM_END));
    return aep__walk_replace(walk, at, closed ? closed : end + strlen(PEM_END), "private_key");
}

/* ---- scheme://user:password@ ---------------------------------------------------------------- */

#define USERINFO_BYTES 1024

static bool ends_userinfo(char c)
{
    return aep__is_space(c) || aep__is_quote(c) || c == '<' || c == '>' || c == '\\';
}

/* The last @ before a byte that ends the authority; where there is none and what follows the colon
 * is no port, one further on: people forget to encode / # ? in passwords. */
static const char *userinfo_end(const char *password, const char *end)
{
    const char *found = NULL, *at = password;
    bool port = true;
    for (; at < end && !ends_userinfo(*at) && *at != '/' && *at != '?' && *at != '#'; at++) {
        if (*at == '@')
            found = at;
        port &= aep__is_digit(*at) || *at == '@';
    }
    if (found || port)
        return found;
    while (at < end && !ends_userinfo(*at) && *at != '@')
        at++;
    return at < end && *at == '@' ? at : NULL;
}

bool aep__redact_url(struct aep__walk *walk, const char *at)
{
    bool escaped = aep__walk_starts_with(walk, at, ":\\/\\/"); /* as some write JSON */
    if (!escaped && !aep__walk_starts_with(walk, at, "://"))
        return false;
    const char *user = at + (escaped ? 5 : 3), *end = aep__walk_at_most(walk, user, USERINFO_BYTES),
               *colon = user;
    while (colon < end && *colon != ':' && !ends_userinfo(*colon) && !strchr("/?#@[", *colon))
        colon++;
    if (colon == end || *colon != ':')
        return false;
    const char *password = colon + 1, *sign = userinfo_end(password, end);
    if (!sign || aep__walk_starts_with(walk, password, "[REDACTED:") ||
        aep__walk_starts_with(walk, password, "${"))
        return false;
    return aep__walk_replace(walk, password, sign, "url_password");
}
