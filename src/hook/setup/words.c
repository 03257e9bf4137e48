/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/setup/words.h"

#include "base/ascii.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* Appends one word without its quotes; returns where it ends. */
static const char *take_word(struct aep__buf *words, const char *at)
{
    char quote = '\0';
    for (; *at && (quote || !is_blank(*at)); at++) {
        if (*at == quote) {
            quote = '\0';
        } else if (!quote && (*at == '\'' || *at == '"')) {
            quote = *at;
        } else {
            at += *at == '\\' && quote != '\'' && at[1];
            aep__buf_byte(words, *at);
        }
    }
    aep__buf_byte(words, '\0');
    return at;
}

void aep__words_split(struct aep__buf *words, const char *command)
{
    while (*command) {
        if (is_blank(*command))
            command++;
        else
            command = take_word(words, command);
    }
}

const char *aep__words_get(const struct aep__buf *words, size_t number)
{
    size_t at = 0;
    while (at < words->len && number-- > 0)
        at += strlen(words->data + at) + 1;
    return at < words->len ? words->data + at : NULL;
}

static bool is_safe(char c)
{
    return aep__is_alnum(c) || (c && strchr("/._-+=:,@%", c));
}

void aep__words_quote(struct aep__buf *out, const char *word)
{
    const char *end = word;
    while (is_safe(*end))
        end++;
    if (*word && !*end) {
        aep__buf_text(out, word);
        return;
    }
    aep__buf_byte(out, '\'');
    for (; *word; word++)
        aep__buf_text(out, *word == '\'' ? "'\\''" : (char[2]){*word, '\0'});
    aep__buf_byte(out, '\'');
}
