/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets by the name that stands before them in a text: name=value, name: value, --name value, in
 * any of the quotes and brackets that code, configuration files, JSON and shells have.
 *
 * People also write sentences about passwords and tokens. So the value has to be on the name's
 * line; a name that is an ordinary word needs a value that looks random, or no blank beside its =.
 * A value that only says where a secret is, or of which type, is not a secret: $VAR, <your key>,
 * str. */
#include "event/redact_assignment.h"

#include "base/ascii.h"
#include "event/secret_value.h"

#include <string.h>

#define NAME_BYTES 64
#define QUOTED_BYTES 4096

/* The name before a separator, over the blanks, quotes, and brackets between:
 * "db_password\" : and params[password]= */
static const struct aep__secret *name_before(const struct aep__walk *walk, const char *separator,
                                             bool *ret_whole)
{
    const char *end = separator, *far = separator;
    for (int i = 0;
         i < 8 && end > walk->begin &&
         (aep__is_blank(end[-1]) || aep__is_quote(end[-1]) || end[-1] == '\\' || end[-1] == ']');
         i++)
        end--;
    for (far = end; far > walk->begin && end - far < NAME_BYTES &&
                    (aep__is_alnum(far[-1]) || far[-1] == '_' || far[-1] == '-' || far[-1] == '.');)
        far--;
    return aep__secret_names_find(&walk->redactor->names, far, (size_t)(end - far), ret_whole);
}

/* Whether a value is not a secret itself but says where one is, or of which type. */
static bool is_placeholder(const struct aep__walk *walk, const char *at, const char *end)
{
    static const char *const words[] = {
        "none", "null",   "nil",  "undefined", "true",  "false",  "str",
        "int",  "string", "bool", "boolean",   "bytes", "number", "optional",
    };
    static const char *const references[] = {
        "[REDACTED:", "${",        "$(",          "{{",      "{%",
        "os.environ", "os.getenv", "process.env", "getenv(", "System.getenv",
        "env(",
    };
    for (size_t i = 0; i < sizeof references / sizeof *references; i++)
        if (aep__walk_starts_with(walk, at, references[i]))
            return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((size_t)(end - at) == strlen(words[i]) &&
            aep__walk_starts_with_any_case(walk, at, words[i]))
            return true;
    if (*at == '{') /* an object */
        return at + 1 == walk->end || aep__is_space(at[1]) || aep__is_quote(at[1]) ||
               at[1] == '\\' || at[1] == '}';
    if (*at == '<')
        return memchr(at, '>', (size_t)(aep__walk_at_most(walk, at, 40) - at)) != NULL;
    if (*at != '$')
        return false;
    while (++at < end && (aep__is_upper(*at) || aep__is_digit(*at) || *at == '_'))
        ;
    return at == end;
}

/* Between two fields of a list or a query; a password may hold these bytes too. */
static bool begins_field(const struct aep__walk *walk, const char *at)
{
    const char *end = aep__walk_at_most(walk, at, 32), *c = at;
    while (c < end && (aep__is_alnum(*c) || *c == '_' || *c == '-' || *c == '.'))
        c++;
    return c > at && c < walk->end && (*c == '=' || *c == ':');
}

/* True if a value without quotes ends before this byte. */
static bool ends_value(const struct aep__walk *walk, const char *at)
{
    bool last = at + 1 == walk->end;
    if (aep__is_space(*at))
        return true;
    if (*at == '\\')
        return last || aep__is_quote(at[1]) || at[1] == 'n' || at[1] == 'r' || at[1] == 't';
    if (aep__is_quote(*at) || *at == ')' || *at == ']' || *at == '}' || *at == '>')
        return last || !aep__is_alnum(at[1]);
    if (*at == ',' || *at == ';' || *at == '&')
        return last || aep__is_space(at[1]) || aep__is_quote(at[1]) || at[1] == '\\' ||
               begins_field(walk, at + 1);
    return false;
}

static const char *bare_end(const struct aep__walk *walk, const char *at, const char *limit)
{
    while (at < limit && !ends_value(walk, at))
        at++;
    return at;
}

/* The quote that closes a value which begins behind a quote with `slashes` backslashes before it (a
 * text inside a text inside …); NULL if none is near. */
static const char *closing_quote(const struct aep__walk *walk, const char *at, char quote,
                                 size_t slashes)
{
    const char *end = aep__walk_at_most(walk, at, QUOTED_BYTES);
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
    bool open; /* it may continue: no more of it was examined */
};

/* Moves over b, r, f, u before a quote (Python, Rust). */
static const char *skip_quote_prefix(const struct aep__walk *walk, const char *at)
{
    for (int i = 0; i <= 2 && at + i < walk->end; i++) {
        if (aep__is_quote(at[i]))
            return at + i;
        if (!strchr("bBrRfFuU", at[i]))
            break;
    }
    return at;
}

static bool find_quoted(const struct aep__walk *walk, const char *at, struct found *ret)
{
    const char *quote = skip_quote_prefix(walk, at);
    size_t slashes = 0;
    while (quote < walk->end && *quote == '\\' && slashes < 8)
        quote++, slashes++;
    if (quote >= walk->end || !aep__is_quote(*quote))
        return false;
    const char *begin = quote + 1;
    if (walk->end - begin >= 2 && begin[0] == *quote && begin[1] == *quote) /* """ */
        begin += 2;
    const char *end = closing_quote(walk, begin, *quote, slashes);
    *ret = (struct found){begin, end < begin ? begin : end, true, false};
    if (!end) /* its quote was cut away, or is far */
        *ret = (struct found){
            begin, bare_end(walk, begin, aep__walk_at_most(walk, begin, AEP__PROOF_BYTES)), true,
            true};
    return true;
}

static bool is_scheme(const struct aep__walk *walk, struct found value)
{
    static const char *const schemes[] = {"basic", "bearer", "token", "digest", "apikey", "hmac"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if ((size_t)(value.end - value.begin) == strlen(schemes[i]) &&
            aep__walk_starts_with_any_case(walk, value.begin, schemes[i]))
            return true;
    return false;
}

/* The value at `at`, if there is one on this line. Of a value without quotes, it examines only as
 * much as it needs to tell whether it is a secret. */
static bool find_value(const struct aep__walk *walk, const char *at, struct found *ret)
{
    at = aep__walk_skip_blanks(walk, at, 8);
    if (at >= walk->end || find_quoted(walk, at, ret))
        return at < walk->end && ret->end > ret->begin;
    const char *near = aep__walk_at_most(walk, at, AEP__PROOF_BYTES);
    const char *brace = *at == '{' ? memchr(at, '}', (size_t)(near - at)) : NULL;
    *ret = (struct found){at, bare_end(walk, at, near), false, true};
    if (brace && brace >= ret->end) /* {…;…} in a connection string */
        *ret = (struct found){at, brace + 1, false, false};
    return ret->end > ret->begin;
}

/* Basic dXNlcjpwYXNz: the word after the scheme is the secret. */
static bool find_behind_scheme(const struct aep__walk *walk, struct found *value)
{
    struct found next;
    if (value->quoted || !is_scheme(walk, *value) || value->end == walk->end ||
        !aep__is_blank(*value->end) || !find_value(walk, value->end, &next) || next.quoted)
        return false;
    value->end = next.end;
    return next.end - next.begin >= 8 || aep__walk_looks_random(next.begin, next.end);
}

static bool is_number(struct found value)
{
    const char *at = value.begin;
    while (at < value.end && (aep__is_digit(*at) || *at == '.'))
        at++;
    return at == value.end;
}

/* Whether a value under a secret-looking name is one, in a text where people also write about
 * tokens and passwords.
 * @sure  the name alone says so */
static bool is_secret_value(const struct aep__walk *walk, const struct aep__secret *secret,
                            struct found value, bool sure)
{
    size_t len = (size_t)(value.end - value.begin);
    if (is_placeholder(walk, value.begin, value.end) ||
        aep__walk_starts_with(walk, value.begin, AEP__PEM_BEGIN) ||
        !aep__secret_is_value(secret, value.begin, len))
        return false;
    if (secret->vague && !value.quoted && is_number(value) && len < 8)
        return false;
    return sure || aep__walk_looks_random(value.begin, value.end);
}

/* password: str = "…": the value follows the type. */
static const char *behind_type(const struct aep__walk *walk, struct found value)
{
    const char *next = aep__walk_skip_blanks(walk, value.end, 8);
    return !value.quoted && next < walk->end && *next == '=' ? next + 1 : NULL;
}

static bool replace_value(struct aep__walk *walk, struct found value, const char *kind)
{
    const char *end = value.open ? bare_end(walk, value.end, walk->end) : value.end;
    return aep__walk_replace(walk, value.begin, end, kind);
}

bool aep__redact_assignment(struct aep__walk *walk, const char *at)
{
    bool whole, tight, scheme;
    const struct aep__secret *secret = name_before(walk, at, &whole);
    if (!secret || secret->keys_only || at + 1 == walk->end)
        return false;
    if (*at == ':' && (at[1] == ':' || (at > walk->begin && at[-1] == ':')))
        return false; /* C++'s :: */
    tight = *at == '=' && at > walk->begin && !aep__is_blank(at[-1]) && !aep__is_blank(at[1]);
    const char *from = at + 1;
    for (int i = 0; i < 2 && from < walk->end && (*from == '=' || *from == '>'); i++)
        from++; /* == => := */
    struct found value;
    if (!find_value(walk, from, &value))
        return false;
    const char *further =
        is_placeholder(walk, value.begin, value.end) ? behind_type(walk, value) : NULL;
    if (further && !find_value(walk, further, &value))
        return false;
    scheme = find_behind_scheme(walk, &value);
    bool sure = !(secret->vague && whole) || value.quoted || tight || scheme;
    if (!is_secret_value(walk, secret, value, sure))
        return false;
    return replace_value(walk, value, secret->kind);
}

/* --password hunter2. With = it is an assignment. */
bool aep__redact_option(struct aep__walk *walk, const char *at)
{
    if (walk->end - at < 4 || at[1] != '-' || !aep__is_letter(at[2]) ||
        (at > walk->begin && (at[-1] == '-' || aep__is_alnum(at[-1]))))
        return false;
    const char *name = at + 2, *end = aep__walk_at_most(walk, name, NAME_BYTES), *c = name;
    while (c < end && (aep__is_alnum(*c) || *c == '-' || *c == '_'))
        c++;
    struct found value;
    const struct aep__secret *secret =
        aep__secret_names_find(&walk->redactor->names, name, (size_t)(c - name), NULL);
    if (!secret || secret->keys_only || c == walk->end || !aep__is_blank(*c) ||
        !find_value(walk, c, &value) || *value.begin == '-')
        return false;
    bool digit = false;
    for (const char *d = value.begin; d < value.end; d++)
        digit |= aep__is_digit(*d);
    if (!is_secret_value(walk, secret, value, digit || value.quoted || value.end - value.begin > 8))
        return false;
    return replace_value(walk, value, secret->kind);
}
