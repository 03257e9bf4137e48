/* SPDX-License-Identifier: Apache-2.0 */
#include "event/redact.h"

#include "base/error.h"

#include <regex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table of keys that providers hand out -------------------------------------------------- */

/* The bytes that a rule hangs on, and the rules that hang on them. */
enum anchor {
    ANCHOR_NONE,
    ANCHOR_DASH,       /* sk-  xoxb-  -----BEGIN  --password */
    ANCHOR_UNDERSCORE, /* ghp_  sk_live_ */
    ANCHOR_I,          /* AKIA  AIza */
    ANCHOR_J,          /* eyJ */
    ANCHOR_B,          /* Bearer */
    ANCHOR_COLON,      /* name: value  scheme://user:password@ */
    ANCHOR_EQUALS,     /* name=value */
    ANCHOR_COUNT,
};

static const uint8_t anchors[256] = {
    ['-'] = ANCHOR_DASH, ['_'] = ANCHOR_UNDERSCORE, ['I'] = ANCHOR_I,
    ['J'] = ANCHOR_J,    ['B'] = ANCHOR_B,          ['b'] = ANCHOR_B,
    [':'] = ANCHOR_COLON, ['='] = ANCHOR_EQUALS,
};

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
    uint8_t anchor;     /* the prefix's byte that it hangs on */
    uint8_t body;       /* letters, digits, and these */
    uint8_t least;      /* bytes of body */
    uint8_t proof;      /* not 0: the prefix is an ordinary word's end too; the body must have that
                           many letters and digits in a row with a digit among them, or 20 */
};

/* Sorted by anchor byte; of several that fit the first is taken. */
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

#define LETTERS 37 /* a to z, 0 to 9, any other */

struct aep__redactor {
    struct {
        uint8_t begin, end;          /* in key_rules */
        uint32_t before[LETTERS];    /* [byte before the anchor]: a bit for each one before that */
    } rules_of[ANCHOR_COUNT];
    struct aep__secret_names names;
    regex_t *extra;
    size_t extra_count;
};

/* ---- bytes -------------------------------------------------------------------------------------- */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return is_lower(c) || is_upper(c);
}

static bool is_alnum(char c)
{
    return is_letter(c) || is_digit(c);
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
    return is_blank(c) || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'' || c == '`';
}

static bool in_body(char c, unsigned body)
{
    if (body & BODY_UPPER)
        return is_upper(c) || is_digit(c);
    return is_alnum(c) || (c == '-' && body & BODY_DASH) || (c == '_' && body & BODY_UNDERSCORE) ||
           (c == '.' && body & BODY_DOT) ||
           ((c == '+' || c == '/' || c == '=') && body & BODY_BASE64);
}

/* ---- one text's walk ---------------------------------------------------------------------------- */

/* Text before `done` has been dealt with; what was found so far is in out. */
struct walk {
    const struct aep__redactor *redactor;
    const char *begin, *end, *done;
    struct aep__buf *out;
    size_t count;
    const char *jwt_run_end; /* a run of token bytes up to here is known to be no JWT */
};

/* A byte that stands where nothing is left of it in the same text's word. Text inside text has
 * escapes of its own: \nsk-… and %20sk-… and \u0022sk-… begin there too. */
static bool begins_word(const struct walk *walk, const char *at)
{
    const char *begin = walk->begin;
    if (at == begin || !is_alnum(at[-1]))
        return true;
    if (at - begin >= 2 && at[-2] == '\\' && strchr("nrtbfv0", at[-1]))
        return true;
    if (at - begin >= 3 && at[-3] == '%' && is_hex(at[-2]) && is_hex(at[-1]))
        return true;
    return at - begin >= 6 && at[-6] == '\\' && at[-5] == 'u' && is_hex(at[-4]) &&
           is_hex(at[-3]) && is_hex(at[-2]) && is_hex(at[-1]);
}

static bool starts_with(const struct walk *walk, const char *at, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(walk->end - at) >= len && memcmp(at, text, len) == 0;
}

static bool starts_with_any_case(const struct walk *walk, const char *at, const char *lower)
{
    for (; *lower; at++, lower++)
        if (at == walk->end || (is_upper(*at) ? *at | 0x20 : *at) != *lower)
            return false;
    return true;
}

static bool replace(struct walk *walk, const char *begin, const char *end, const char *kind)
{
    if (begin < walk->done || end <= begin)
        return false;
    aep__buf_add(walk->out, walk->done, (size_t)(begin - walk->done));
    aep__redact_mark(walk->out, kind);
    walk->done = end;
    walk->count++;
    return true;
}

static const char *at_most(const struct walk *walk, const char *at, size_t bytes)
{
    return (size_t)(walk->end - at) < bytes ? walk->end : at + bytes;
}

/* ---- rules: provider keys ------------------------------------------------------------------------- */

#define PROOF_BYTES 128 /* of a word that are looked at to tell whether it is a secret */
#define LONG_RUN 20     /* letters and digits in a row that no ordinary word has */

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
        run = is_alnum(*at) ? run + 1 : 0;
        digit = run > 0 && (digit || is_digit(*at));
        if ((digit && run >= least) || run >= LONG_RUN)
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

static bool fits_prefix(const struct walk *walk, const char *at, const char *prefix)
{
    for (; *prefix; at++, prefix++)
        if (at == walk->end || (*prefix == '?' ? !is_lower(*at) && !is_digit(*at) : *at != *prefix))
            return false;
    return true;
}

static bool try_key_rule(struct walk *walk, const char *at, const struct key_rule *rule)
{
    if (at - walk->begin < rule->anchor)
        return false;
    const char *begin = at - rule->anchor;
    if (*begin != *rule->prefix || !fits_prefix(walk, begin, rule->prefix) ||
        !begins_word(walk, begin))
        return false;
    const char *body = begin + strlen(rule->prefix);
    const char *near = body_end(body, at_most(walk, body, PROOF_BYTES), rule->body);
    if (near - body < rule->least || (rule->proof && !has_proof(body, near, rule->proof)))
        return false;
    const char *end = trim_dots(body, body_end(near, walk->end, rule->body));
    return replace(walk, begin, end, rule->kind);
}

static int letter_index(char c)
{
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
        return (c | 0x20) - 'a';
    return is_digit(c) ? 26 + (c - '0') : LETTERS - 1;
}

/* The two bytes before an anchor tell nearly always that no key's prefix ends there. */
static bool may_be_key(const struct walk *walk, const char *at, enum anchor anchor)
{
    if (anchor == ANCHOR_I)
        return true;
    if (at - walk->begin < 2)
        return false;
    uint32_t bits = walk->redactor->rules_of[anchor].before[letter_index(at[-1])];
    return bits >> (letter_index(at[-2]) & 31) & 1;
}

static bool try_keys(struct walk *walk, const char *at, enum anchor anchor)
{
    const struct aep__redactor *redactor = walk->redactor;
    if (!may_be_key(walk, at, anchor))
        return false;
    for (size_t i = redactor->rules_of[anchor].begin; i < redactor->rules_of[anchor].end; i++)
        if (try_key_rule(walk, at, &key_rules[i]))
            return true;
    return false;
}

/* ---- rules: JWT and Bearer ------------------------------------------------------------------------ */

#define BODY_BASE64URL BODY_WORDY

/* header.payload.signature, or what is left of it: at least a header and the begin of a payload. */
static bool try_jwt(struct walk *walk, const char *at)
{
    const char *begin = at - 2;
    if (begin < walk->begin || at < walk->jwt_run_end || memcmp(begin, "ey", 2) != 0 ||
        !begins_word(walk, begin))
        return false;
    const char *header_end = body_end(at, walk->end, BODY_BASE64URL);
    walk->jwt_run_end = header_end;
    if (header_end - begin < 8 || header_end == walk->end || *header_end != '.')
        return false;
    const char *payload = header_end + 1, *end = body_end(payload, walk->end, BODY_BASE64URL);
    bool dotted = end > payload && end < walk->end && *end == '.';
    if (!dotted && !starts_with(walk, payload, "eyJ"))
        return false;
    while (end < walk->end && *end == '.') /* a JWE has five parts */
        end = body_end(end + 1, walk->end, BODY_BASE64URL);
    return replace(walk, begin, trim_dots(begin, end), "jwt");
}

static bool is_credential_byte(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("-._~+/=", c));
}

/* As it may stand in a password, too; but not what code consists of. */
static bool is_random_byte(char c)
{
    return is_credential_byte(c) || (c != '\0' && strchr("!@#$%^&*?|", c));
}

static const char *credential_end(const char *at, const char *end)
{
    while (at < end && is_credential_byte(*at))
        at++;
    return at;
}

/* Not a word of a sentence: it has digits among its letters, capitals inside, or is too long. */
static bool looks_random(const char *at, const char *end)
{
    size_t run = 0;
    bool digit = false, letter = false, inner_capital = false;
    for (const char *c = at; c < end; c++) {
        if (!is_random_byte(*c))
            return false;
        digit |= is_digit(*c);
        letter |= is_letter(*c);
        inner_capital |= c > at && is_upper(*c) && is_lower(c[-1]);
        run = is_alnum(*c) ? run + 1 : 0;
        if (run >= LONG_RUN)
            return true;
    }
    return end - at >= 8 && letter && (digit || inner_capital);
}

static const char *skip_blanks(const struct walk *walk, const char *at, size_t most)
{
    const char *end = at_most(walk, at, most);
    while (at < end && is_blank(*at))
        at++;
    return at;
}

static bool try_bearer(struct walk *walk, const char *at)
{
    if (!starts_with_any_case(walk, at, "bearer") || !begins_word(walk, at))
        return false;
    const char *word = at + strlen("bearer"), *value = skip_blanks(walk, word, 8);
    const char *near = trim_dots(value, credential_end(value, at_most(walk, value, PROOF_BYTES)));
    bool dotted = memchr(value, '.', (size_t)(near - value)) != NULL;
    if (value == word || (!looks_random(value, near) && !(dotted && near - value >= 8)))
        return false;
    return replace(walk, value, trim_dots(value, credential_end(near, walk->end)), "bearer");
}

/* ---- rules: PEM private keys ------------------------------------------------------------------------ */

#define DASHES "-----"
#define PEM_BEGIN DASHES "BEGIN "
#define PEM_END DASHES "END "
#define PEM_LABEL_BYTES 64
#define PEM_BYTES 16384 /* the longest key is 12 KiB */

/* The end of the five dashes that close a label at `at`; NULL if there are none near. */
static const char *label_end(const struct walk *walk, const char *at)
{
    const char *end = at_most(walk, at, PEM_LABEL_BYTES);
    const char *dashes = memmem(at, (size_t)(end - at), DASHES, strlen(DASHES));
    return dashes ? dashes + strlen(DASHES) : NULL;
}

/* A line break, also one written \n in a text inside the text. */
static const char *skip_line_breaks(const char *at, const char *end)
{
    for (;;)
        if (at < end && is_space(*at))
            at++;
        else if (end - at >= 2 && *at == '\\' && (at[1] == 'n' || at[1] == 'r' || at[1] == '\\'))
            at += at[1] == '\\' ? 1 : 2;
        else
            return at;
}

/* A key without its end was cut by somebody: what goes on like one goes too. */
static const char *torn_pem_end(const char *at, const char *end)
{
    for (;;) {
        const char *line = skip_line_breaks(at, end), *c = line;
        while (c < end && (is_alnum(*c) || *c == '+' || *c == '/' || *c == '='))
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

static bool try_pem(struct walk *walk, const char *at)
{
    if (!starts_with(walk, at, PEM_BEGIN))
        return false;
    const char *label = at + strlen(PEM_BEGIN), *body = label_end(walk, label);
    if (!body || !memmem(label, (size_t)(body - label), "PRIVATE KEY", strlen("PRIVATE KEY")))
        return false;
    const char *far = at_most(walk, body, PEM_BYTES);
    const char *end = memmem(body, (size_t)(far - body), PEM_END, strlen(PEM_END));
    if (!end)
        return replace(walk, at, torn_pem_end(body, walk->end), "private_key");
    const char *closed = label_end(walk, end + strlen(PEM_END));
    return replace(walk, at, closed ? closed : end + strlen(PEM_END), "private_key");
}

/* ---- rules: scheme://user:password@ --------------------------------------------------------------- */

#define USERINFO_BYTES 1024

static bool ends_userinfo(char c)
{
    return is_space(c) || is_quote(c) || c == '<' || c == '>' || c == '\\';
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
        port &= is_digit(*at) || *at == '@';
    }
    if (found || port)
        return found;
    while (at < end && !ends_userinfo(*at) && *at != '@')
        at++;
    return at < end && *at == '@' ? at : NULL;
}

static bool try_url(struct walk *walk, const char *at)
{
    bool escaped = starts_with(walk, at, ":\\/\\/"); /* as some write JSON */
    if (!escaped && !starts_with(walk, at, "://"))
        return false;
    const char *user = at + (escaped ? 5 : 3), *end = at_most(walk, user, USERINFO_BYTES), *colon = user;
    while (colon < end && *colon != ':' && !ends_userinfo(*colon) && !strchr("/?#@[", *colon))
        colon++;
    if (colon == end || *colon != ':')
        return false;
    const char *password = colon + 1, *sign = userinfo_end(password, end);
    if (!sign || starts_with(walk, password, "[REDACTED:") || starts_with(walk, password, "${"))
        return false;
    return replace(walk, password, sign, "url_password");
}

/* ---- rules: name=value, name: value, --name value --------------------------------------------------- */

#define NAME_BYTES 64
#define QUOTED_BYTES 4096

/* The name before a separator, over the blanks, quotes, and brackets between:
 * "db_password\" : and params[password]= */
static const struct aep__secret *name_before(const struct walk *walk, const char *separator,
                                             bool *ret_whole)
{
    const char *end = separator, *far = separator;
    for (int i = 0; i < 8 && end > walk->begin && (is_blank(end[-1]) || is_quote(end[-1]) ||
                                                   end[-1] == '\\' || end[-1] == ']'); i++)
        end--;
    for (far = end; far > walk->begin && end - far < NAME_BYTES &&
                    (is_alnum(far[-1]) || far[-1] == '_' || far[-1] == '-' || far[-1] == '.');)
        far--;
    return aep__secret_names_find(&walk->redactor->names, far, (size_t)(end - far), ret_whole);
}

/* Where a value stands that is no secret itself but says where one is, or of which type. */
static bool is_placeholder(const struct walk *walk, const char *at, const char *end)
{
    static const char *const words[] = {
        "none", "null",   "nil",  "undefined", "true",  "false",  "str",
        "int",  "string", "bool", "boolean",   "bytes", "number", "optional",
    };
    static const char *const references[] = {
        "[REDACTED:", "${", "$(", "{{", "{%", "os.environ", "os.getenv", "process.env", "getenv(",
        "System.getenv", "env(",
    };
    for (size_t i = 0; i < sizeof references / sizeof *references; i++)
        if (starts_with(walk, at, references[i]))
            return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((size_t)(end - at) == strlen(words[i]) && starts_with_any_case(walk, at, words[i]))
            return true;
    if (*at == '{') /* an object */
        return at + 1 == walk->end || is_space(at[1]) || is_quote(at[1]) || at[1] == '\\' ||
               at[1] == '}';
    if (*at == '<')
        return memchr(at, '>', (size_t)(at_most(walk, at, 40) - at)) != NULL;
    if (*at != '$')
        return false;
    while (++at < end && (is_upper(*at) || is_digit(*at) || *at == '_'))
        ;
    return at == end;
}

/* Between two fields of a list or a query; a password may hold these bytes too. */
static bool begins_field(const struct walk *walk, const char *at)
{
    const char *end = at_most(walk, at, 32), *c = at;
    while (c < end && (is_alnum(*c) || *c == '_' || *c == '-' || *c == '.'))
        c++;
    return c > at && c < walk->end && (*c == '=' || *c == ':');
}

/* True if a value without quotes ends before this byte. */
static bool ends_value(const struct walk *walk, const char *at)
{
    bool last = at + 1 == walk->end;
    if (is_space(*at))
        return true;
    if (*at == '\\')
        return last || is_quote(at[1]) || at[1] == 'n' || at[1] == 'r' || at[1] == 't';
    if (is_quote(*at) || *at == ')' || *at == ']' || *at == '}' || *at == '>')
        return last || !is_alnum(at[1]);
    if (*at == ',' || *at == ';' || *at == '&')
        return last || is_space(at[1]) || is_quote(at[1]) || at[1] == '\\' ||
               begins_field(walk, at + 1);
    return false;
}

static const char *bare_end(const struct walk *walk, const char *at, const char *limit)
{
    while (at < limit && !ends_value(walk, at))
        at++;
    return at;
}

/* The quote that closes a value which begins behind a quote with `slashes` backslashes before it (a
 * text inside a text inside …); NULL if none is near. */
static const char *closing_quote(const struct walk *walk, const char *at, char quote,
                                 size_t slashes)
{
    const char *end = at_most(walk, at, QUOTED_BYTES);
    size_t run = 0;
    for (; at < end && *at != '\n'; at++) {
        if (*at == quote && run >= slashes && (run - slashes) % (2 * (slashes + 1)) == 0)
            return at - slashes;
        run = *at == '\\' ? run + 1 : 0;
    }
    return NULL;
}

/* A value as it stands in the text. */
struct found {
    const char *begin, *end;
    bool quoted;
    bool open; /* it may go on: no more of it was looked at */
};

/* Moves over b, r, f, u before a quote (Python, Rust). */
static const char *skip_quote_prefix(const struct walk *walk, const char *at)
{
    for (int i = 0; i <= 2 && at + i < walk->end; i++) {
        if (is_quote(at[i]))
            return at + i;
        if (!strchr("bBrRfFuU", at[i]))
            break;
    }
    return at;
}

static bool find_quoted(const struct walk *walk, const char *at, struct found *ret)
{
    const char *quote = skip_quote_prefix(walk, at);
    size_t slashes = 0;
    while (quote < walk->end && *quote == '\\' && slashes < 8)
        quote++, slashes++;
    if (quote >= walk->end || !is_quote(*quote))
        return false;
    const char *begin = quote + 1;
    if (walk->end - begin >= 2 && begin[0] == *quote && begin[1] == *quote) /* """ */
        begin += 2;
    const char *end = closing_quote(walk, begin, *quote, slashes);
    *ret = (struct found){begin, end < begin ? begin : end, true, false};
    if (!end) /* its quote was cut away, or is far */
        *ret = (struct found){begin, bare_end(walk, begin, at_most(walk, begin, PROOF_BYTES)),
                              true, true};
    return true;
}

static bool is_scheme(const struct walk *walk, struct found value)
{
    static const char *const schemes[] = {"basic", "bearer", "token", "digest", "apikey", "hmac"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if ((size_t)(value.end - value.begin) == strlen(schemes[i]) &&
            starts_with_any_case(walk, value.begin, schemes[i]))
            return true;
    return false;
}

/* The value at `at`, if there is one on this line. Of one without quotes only so much is looked at
 * as tells whether it is a secret. */
static bool find_value(const struct walk *walk, const char *at, struct found *ret)
{
    at = skip_blanks(walk, at, 8);
    if (at >= walk->end || find_quoted(walk, at, ret))
        return at < walk->end && ret->end > ret->begin;
    const char *near = at_most(walk, at, PROOF_BYTES);
    const char *brace = *at == '{' ? memchr(at, '}', (size_t)(near - at)) : NULL;
    *ret = (struct found){at, bare_end(walk, at, near), false, true};
    if (brace && brace >= ret->end) /* {…;…} in a connection string */
        *ret = (struct found){at, brace + 1, false, false};
    return ret->end > ret->begin;
}

/* Basic dXNlcjpwYXNz: the word behind the scheme is the secret. */
static bool find_behind_scheme(const struct walk *walk, struct found *value)
{
    struct found next;
    if (value->quoted || !is_scheme(walk, *value) || value->end == walk->end ||
        !is_blank(*value->end) || !find_value(walk, value->end, &next) || next.quoted)
        return false;
    value->end = next.end;
    return next.end - next.begin >= 8 || looks_random(next.begin, next.end);
}

static bool is_number(struct found value)
{
    const char *at = value.begin;
    while (at < value.end && (is_digit(*at) || *at == '.'))
        at++;
    return at == value.end;
}

/* Whether a value under a secret-looking name is one, in a text where people also write about
 * tokens and passwords.
 * @sure  the name alone says so */
static bool is_secret_value(const struct walk *walk, const struct aep__secret *secret,
                            struct found value, bool sure)
{
    size_t len = (size_t)(value.end - value.begin);
    if (is_placeholder(walk, value.begin, value.end) || starts_with(walk, value.begin, PEM_BEGIN) ||
        !aep__redact_is_secret(secret, value.begin, len))
        return false;
    if (secret->vague && !value.quoted && is_number(value) && len < 8)
        return false;
    return sure || looks_random(value.begin, value.end);
}

/* password: str = "…": the value is behind the type. */
static const char *behind_type(const struct walk *walk, struct found value)
{
    const char *next = skip_blanks(walk, value.end, 8);
    return !value.quoted && next < walk->end && *next == '=' ? next + 1 : NULL;
}

static bool replace_value(struct walk *walk, struct found value, const char *kind)
{
    const char *end = value.open ? bare_end(walk, value.end, walk->end) : value.end;
    return replace(walk, value.begin, end, kind);
}

static bool try_assignment(struct walk *walk, const char *at)
{
    bool whole, tight, scheme;
    const struct aep__secret *secret = name_before(walk, at, &whole);
    if (!secret || secret->keys_only || at + 1 == walk->end)
        return false;
    if (*at == ':' && (at[1] == ':' || (at > walk->begin && at[-1] == ':')))
        return false; /* C++'s :: */
    tight = *at == '=' && at > walk->begin && !is_blank(at[-1]) && !is_blank(at[1]);
    const char *from = at + 1;
    for (int i = 0; i < 2 && from < walk->end && (*from == '=' || *from == '>'); i++)
        from++; /* == => := */
    struct found value;
    if (!find_value(walk, from, &value))
        return false;
    const char *further = is_placeholder(walk, value.begin, value.end) ? behind_type(walk, value)
                                                                        : NULL;
    if (further && !find_value(walk, further, &value))
        return false;
    scheme = find_behind_scheme(walk, &value);
    bool sure = !(secret->vague && whole) || value.quoted || tight || scheme;
    if (!is_secret_value(walk, secret, value, sure))
        return false;
    return replace_value(walk, value, secret->kind);
}

/* --password hunter2. With = it is an assignment. */
static bool try_option(struct walk *walk, const char *at)
{
    if (walk->end - at < 4 || at[1] != '-' || !is_letter(at[2]) ||
        (at > walk->begin && (at[-1] == '-' || is_alnum(at[-1]))))
        return false;
    const char *name = at + 2, *end = at_most(walk, name, NAME_BYTES), *c = name;
    while (c < end && (is_alnum(*c) || *c == '-' || *c == '_'))
        c++;
    struct found value;
    const struct aep__secret *secret =
        aep__secret_names_find(&walk->redactor->names, name, (size_t)(c - name), NULL);
    if (!secret || secret->keys_only || c == walk->end || !is_blank(*c) ||
        !find_value(walk, c, &value) || *value.begin == '-')
        return false;
    bool digit = false;
    for (const char *d = value.begin; d < value.end; d++)
        digit |= is_digit(*d);
    if (!is_secret_value(walk, secret, value, digit || value.quoted || value.end - value.begin > 8))
        return false;
    return replace_value(walk, value, secret->kind);
}

/* ---- the walk --------------------------------------------------------------------------------------- */

static bool try_anchor(struct walk *walk, const char *at)
{
    enum anchor anchor = anchors[(uint8_t)*at];
    switch (anchor) {
    case ANCHOR_DASH:
        return try_keys(walk, at, anchor) || try_option(walk, at) || try_pem(walk, at);
    case ANCHOR_J:
        return try_jwt(walk, at);
    case ANCHOR_B:
        return try_bearer(walk, at);
    case ANCHOR_COLON:
        return try_url(walk, at) || try_assignment(walk, at);
    case ANCHOR_EQUALS:
        return try_assignment(walk, at);
    default:
        return try_keys(walk, at, anchor);
    }
}

static const char *next_anchor(const char *at, const char *end)
{
    const uint8_t *c = (const uint8_t *)at;
    for (; end - (const char *)c >= 4; c += 4)
        if (anchors[c[0]] | anchors[c[1]] | anchors[c[2]] | anchors[c[3]])
            break;
    while ((const char *)c < end && !anchors[*c])
        c++;
    return (const char *)c;
}

static size_t redact_builtin(const struct aep__redactor *redactor, const char *text, size_t len,
                             struct aep__buf *out)
{
    struct walk walk = {
        .redactor = redactor, .begin = text, .end = text + len, .done = text, .out = out};
    for (const char *at = text; (at = next_anchor(at, walk.end)) < walk.end;)
        at = try_anchor(&walk, at) ? walk.done : at + 1;
    if (walk.count)
        aep__buf_add(out, walk.done, (size_t)(walk.end - walk.done));
    return walk.count;
}

/* ---- extra rules -------------------------------------------------------------------------------------- */

static size_t redact_pattern(const regex_t *pattern, const char *text, size_t len,
                             struct aep__buf *out)
{
    size_t count = 0, done = 0, from = 0;
    while (from <= len) {
        regmatch_t match = {.rm_so = (regoff_t)from, .rm_eo = (regoff_t)len};
        if (regexec(pattern, text, 1, &match, REG_STARTEND | (from ? REG_NOTBOL : 0)) != 0)
            break;
        size_t begin = (size_t)match.rm_so, end = (size_t)match.rm_eo;
        from = end > begin ? end : end + 1;
        if (end == begin)
            continue;
        aep__buf_add(out, text + done, begin - done);
        aep__redact_mark(out, "extra");
        done = end;
        count++;
    }
    if (count)
        aep__buf_add(out, text + done, len - done);
    return count;
}

/* The built-in rules, then each pattern over what the rules before it left. */
static size_t redact_all(const struct aep__redactor *redactor, const char *text, size_t len,
                         struct aep__buf *out)
{
    struct aep__buf now = {0}, next = {0};
    size_t count = redact_builtin(redactor, text, len, &now);
    if (count == 0)
        aep__buf_add(&now, text, len);
    for (size_t i = 0; i < redactor->extra_count; i++) {
        aep__buf_clear(&next);
        /* regexec(3) is given the length; sanitizers want the NUL none the less. */
        const char *string = aep__buf_string(&now);
        size_t found = redact_pattern(&redactor->extra[i], string, now.len, &next);
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
    if (failed) {
        regerror(failed, &extra[redactor->extra_count], reason, sizeof reason);
        return aep__error(err, AEP_ECONFIG, "redact.extra", "\"%s\" is no regular expression: %s",
                          rule, reason);
    }
    redactor->extra_count++;
    return AEP_OK;
}

static int add_rule(struct aep__redactor *redactor, const char *rule, aep_error *err)
{
    if (strncmp(rule, "re:", 3) == 0 && rule[3])
        return add_pattern(redactor, rule, err);
    if (strncmp(rule, "key:", 4) == 0 &&
        aep__secret_names_add(&redactor->names, rule + 4, strlen(rule + 4)))
        return AEP_OK;
    return aep__error(err, AEP_ECONFIG, "redact.extra",
                      "\"%s\" is no rule: write key:NAME (at least two letters at its end) or "
                      "re:REGEX", rule);
}

static int add_rules(struct aep__redactor *redactor, const char *rules, aep_error *err)
{
    int code = AEP_OK;
    while (code == AEP_OK && *(rules += strspn(rules, " \t\r\n,"))) {
        const char *end = rule_end(rules);
        char *rule = strndup(rules, (size_t)(end - rules));
        if (!rule)
            return aep__error_memory(err);
        for (size_t len = strlen(rule); len && is_space(rule[len - 1]);)
            rule[--len] = '\0';
        code = add_rule(redactor, rule, err);
        free(rule);
        rules = end;
    }
    return code;
}

/* ---- calls ---------------------------------------------------------------------------------------------- */

/* Notes which two bytes stand before a rule's anchor. */
static void index_before(uint32_t before[LETTERS], const struct key_rule *rule)
{
    if (rule->anchor < 2)
        return;
    char near = rule->prefix[rule->anchor - 1], far = rule->prefix[rule->anchor - 2];
    uint32_t bits = far == '?' ? UINT32_MAX : UINT32_C(1) << (letter_index(far) & 31);
    for (int i = 0; i < LETTERS; i++)
        if (near == '?' || i == letter_index(near))
            before[i] |= bits;
}

static void index_key_rules(struct aep__redactor *redactor)
{
    for (size_t i = 0; i < KEY_RULE_COUNT; i++) {
        enum anchor anchor = anchors[(uint8_t)key_rules[i].prefix[key_rules[i].anchor]];
        index_before(redactor->rules_of[anchor].before, &key_rules[i]);
        if (redactor->rules_of[anchor].end == 0)
            redactor->rules_of[anchor].begin = (uint8_t)i;
        redactor->rules_of[anchor].end = (uint8_t)(i + 1);
    }
}

int aep__redactor_new(const char *extra, struct aep__redactor **ret, aep_error *err)
{
    struct aep__redactor *redactor = calloc(1, sizeof *redactor);
    if (!redactor)
        return aep__error_memory(err);
    index_key_rules(redactor);
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

/* A run of letters and digits as no folder has for a name. */
static bool is_random_run(const char *at, const char *end)
{
    bool digit = false, lower = false, upper = false;
    for (const char *c = at; c < end; c++) {
        digit |= is_digit(*c);
        lower |= is_lower(*c);
        upper |= is_upper(*c);
    }
    return end - at >= 12 && digit && lower && upper;
}

/* A file's name says where a secret is. Base64 has slashes too, but runs that look random. */
static bool is_path(const char *at, size_t len)
{
    const char *end = at + len, *run = at;
    bool absolute = *at == '/' || *at == '~' || (*at == '.' && len > 1 && strchr("./", at[1]));
    bool drive = len > 3 && is_letter(*at) && at[1] == ':' && (at[2] == '\\' || at[2] == '/');
    int separators = drive;
    if (!absolute && !drive)
        return false;
    for (const char *c = at; c <= end; c++) {
        if (c < end && is_alnum(*c))
            continue;
        if (is_random_run(run, c))
            return false;
        run = c + 1;
        separators += c < end && (*c == '/' || *c == '\\');
        if (c < end && !strchr("/\\._-~+@: ", *c))
            return false;
    }
    return separators >= 2;
}

bool aep__redact_is_secret(const struct aep__secret *secret, const char *value, size_t len)
{
    if (len == 0 || (len > 10 && memcmp(value, "[REDACTED:", 10) == 0))
        return false;
    return !is_path(value, len) && !(secret->folder && (*value == '/' || *value == '~'));
}

void aep__redact_mark(struct aep__buf *out, const char *kind)
{
    aep__buf_text(out, "[REDACTED:");
    aep__buf_text(out, kind);
    aep__buf_byte(out, ']');
}
