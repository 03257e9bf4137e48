/* SPDX-License-Identifier: Apache-2.0 */
#include "event/secret_name.h"

#include "base/ascii.h"

#include <stdlib.h>
#include <string.h>

/* A row matches names that end in it. */
struct row {
    const char *name; /* lower case, words run together */
    uint8_t len;
    bool word;                 /* it must begin where a word begins: "secret" but not "nosecret" */
    struct aep__secret secret; /* kind NULL: not a secret after all */
};

#define ROW(text, ...)                                                                             \
    {                                                                                              \
        .name = text, .len = sizeof(text) - 1, .secret = { __VA_ARGS__ }                           \
    }
#define WORD(text, ...)                                                                            \
    {                                                                                              \
        .name = text, .len = sizeof(text) - 1, .word = true, .secret = { __VA_ARGS__ }             \
    }
#define PASSWORD .kind = "password", .numbers = true

static const struct row rows[] = {
    ROW("password", PASSWORD),
    ROW("passwords", PASSWORD),
    ROW("passwd", PASSWORD),
    ROW("passphrase", PASSWORD),
    ROW("passcode", PASSWORD),
    WORD("pwd", PASSWORD, .folder = true),
    WORD("userpass", PASSWORD),
    WORD("loginpass", PASSWORD),
    WORD("dbpass", PASSWORD),
    WORD("mysqlpass", PASSWORD),
    WORD("redispass", PASSWORD),
    WORD("smtppass", PASSWORD),
    WORD("mailpass", PASSWORD),
    WORD("ftppass", PASSWORD),

    WORD("secret", .kind = "secret", .vague = true),
    WORD("secrets", .kind = "secret", .keys_only = true),
    ROW("clientsecret", .kind = "secret"),
    ROW("secretvalue", .kind = "secret"),
    ROW("secretstring", .kind = "secret"),

    ROW("apikey", .kind = "api_key"),
    ROW("apikeys", .kind = "api_key"),
    ROW("accesskey", .kind = "api_key"),
    ROW("accesskeys", .kind = "api_key"),
    ROW("accountkey", .kind = "api_key"),
    ROW("subscriptionkey", .kind = "api_key"),
    ROW("secretkey", .kind = "secret_key"),
    ROW("secretkeys", .kind = "secret_key"),
    ROW("signingkey", .kind = "secret_key"),
    ROW("encryptionkey", .kind = "secret_key"),
    WORD("masterkey", .kind = "secret_key"),
    WORD("authkey", .kind = "secret_key"),
    ROW("privatekey", .kind = "private_key"),
    ROW("privatekeys", .kind = "private_key"),

    WORD("token", .kind = "token", .vague = true),
    ROW("accesstoken", .kind = "token"),
    ROW("accesstokens", .kind = "token"),
    ROW("refreshtoken", .kind = "token"),
    ROW("refreshtokens", .kind = "token"),
    ROW("authtoken", .kind = "token"),
    ROW("authtokens", .kind = "token"),
    ROW("apitoken", .kind = "token"),
    ROW("apitokens", .kind = "token"),
    WORD("jwt", .kind = "token", .vague = true),
    WORD("bearer", .kind = "token", .vague = true),
    /* Tokens that language models count or that mark places in their text. */
    WORD("pertoken", .kind = NULL),
    WORD("padtoken", .kind = NULL),
    WORD("eostoken", .kind = NULL),
    WORD("bostoken", .kind = NULL),
    WORD("unktoken", .kind = NULL),
    WORD("septoken", .kind = NULL),
    WORD("clstoken", .kind = NULL),
    WORD("masktoken", .kind = NULL),
    WORD("stoptoken", .kind = NULL),
    WORD("specialtoken", .kind = NULL),
    WORD("firsttoken", .kind = NULL),
    WORD("lasttoken", .kind = NULL),
    WORD("maxtoken", .kind = NULL),
    WORD("totaltoken", .kind = NULL),
    WORD("inputtoken", .kind = NULL),
    WORD("outputtoken", .kind = NULL),
    WORD("prompttoken", .kind = NULL),
    WORD("completiontoken", .kind = NULL),

    WORD("authorization", .kind = "authorization", .vague = true),
    WORD("basicauth", .kind = "authorization"),
    WORD("credential", .kind = "credential", .vague = true),
    WORD("credentials", .kind = "credential", .vague = true),
    WORD("cookie", .kind = "cookie", .keys_only = true),
    WORD("cookies", .kind = "cookie", .keys_only = true),
    WORD("setcookie", .kind = "cookie"),
};

static const struct aep__secret extra_secret = {.kind = "extra", .numbers = true};

#define LETTERS_MAX 64 /* letters of a name that are looked at: its last ones */

/* A name without the bytes that make no difference, right-aligned. */
struct words {
    char letters[LETTERS_MAX];
    bool begins[LETTERS_MAX]; /* a word begins here */
    size_t begin;             /* of the letters */
};

/* A word begins after a separator, at a capital after a small letter or a digit, and at the last of
 * several capitals before a small letter (APIKey). */
static bool begins_word(const char *name, size_t len, size_t at)
{
    if (at == 0 || !(aep__is_letter(name[at - 1]) || aep__is_digit(name[at - 1])))
        return true;
    if (!aep__is_upper(name[at]))
        return false;
    return !aep__is_upper(name[at - 1]) || (at + 1 < len && aep__is_lower(name[at + 1]));
}

static void break_up(const char *name, size_t len, struct words *words)
{
    words->begin = LETTERS_MAX;
    for (size_t at = len; at > 0 && words->begin > 0; at--) {
        char c = name[at - 1];
        if (!aep__is_letter(c) && !aep__is_digit(c))
            continue;
        words->letters[--words->begin] = aep__is_upper(c) ? (char)(c | 0x20) : c;
        words->begins[words->begin] = begins_word(name, len, at - 1);
    }
}

/* "password2", "token[0]", "secret_": the letters decide. */
static size_t trim_end(const char *name, size_t len)
{
    while (len > 0 && !aep__is_letter(name[len - 1]))
        len--;
    return len;
}

static void add_ending(struct aep__secret_names *names, const char *name)
{
    size_t len = strlen(name);
    names->endings[name[len - 1] - 'a'] |= 1u << (name[len - 2] - 'a');
}

void aep__secret_names_init(struct aep__secret_names *names)
{
    *names = (struct aep__secret_names){0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        add_ending(names, rows[i].name);
}

void aep__secret_names_done(struct aep__secret_names *names)
{
    for (size_t i = 0; i < names->extra_count; i++)
        free(names->extra[i]);
    free(names->extra);
    *names = (struct aep__secret_names){0};
}

int aep__secret_names_add(struct aep__secret_names *names, const char *name, size_t len)
{
    struct words words;
    break_up(name, trim_end(name, len), &words);
    size_t count = LETTERS_MAX - words.begin;
    const char *letters = words.letters + words.begin;
    if (words.begin == 0 || count < 2 || !aep__is_lower(letters[count - 2]))
        return AEP_EINVAL;
    char **extra = realloc(names->extra, (names->extra_count + 1) * sizeof *extra);
    if (!extra)
        return AEP_ENOMEM;
    names->extra = extra;
    if (!(extra[names->extra_count] = strndup(letters, count)))
        return AEP_ENOMEM;
    add_ending(names, extra[names->extra_count++]);
    return AEP_OK;
}

/* Where in the name this row's letters begin; LETTERS_MAX if the name does not end in them. */
static size_t match_end(const struct words *words, const char *name, size_t len, bool word)
{
    size_t at = LETTERS_MAX - len;
    bool fits = at >= words->begin && words->letters[at] == *name && (!word || words->begins[at]);
    return fits && memcmp(words->letters + at, name, len) == 0 ? at : LETTERS_MAX;
}

/* Two letters rule out all rows at once for most names. */
static bool may_end_so(const struct aep__secret_names *names, const char *name, size_t len)
{
    if (len < 2)
        return false;
    char last = (char)(name[len - 1] | 0x20), before = (char)(name[len - 2] | 0x20);
    return aep__is_lower(last) && aep__is_lower(before) &&
           names->endings[last - 'a'] >> (before - 'a') & 1;
}

const struct aep__secret *aep__secret_names_find(const struct aep__secret_names *names,
                                                 const char *name, size_t len, bool *ret_whole)
{
    len = trim_end(name, len);
    if (!may_end_so(names, name, len))
        return NULL;
    struct words words;
    break_up(name, len, &words);
    size_t longest = LETTERS_MAX;
    const struct aep__secret *found = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t at = match_end(&words, rows[i].name, rows[i].len, rows[i].word);
        if (at < longest) {
            longest = at;
            found = &rows[i].secret;
        }
    }
    for (size_t i = 0; i < names->extra_count; i++) {
        size_t at = match_end(&words, names->extra[i], strlen(names->extra[i]), true);
        if (at <= longest && at < LETTERS_MAX) {
            longest = at;
            found = &extra_secret;
        }
    }
    if (ret_whole)
        *ret_whole = longest == words.begin;
    return found && found->kind ? found : NULL;
}
