/* SPDX-License-Identifier: Apache-2.0 */
#include "prompt.h"

#include "screen.h"

#include "base/utf8.h"

#include <string.h>

#define CONTROL(letter) ((letter)&0x1F)
#define ESCAPE 27
#define LENGTH_MAX 1000

void aep__prompt_begin(struct aep__prompt *prompt, const char *text)
{
    aep__buf_clear(&prompt->text);
    aep__buf_text(&prompt->text, text);
    prompt->open = true;
}

void aep__prompt_done(struct aep__prompt *prompt)
{
    aep__buf_done(&prompt->text);
    *prompt = (struct aep__prompt){0};
}

static void drop_character(struct aep__buf *text)
{
    while (text->len > 0 && (text->data[--text->len] & 0xC0) == 0x80)
        ;
}

static size_t word_begin(const struct aep__buf *text)
{
    size_t at = text->len;
    while (at > 0 && text->data[at - 1] != ' ')
        at--;
    return at;
}

static void drop_word(struct aep__buf *text)
{
    while (text->len > 0 && text->data[text->len - 1] == ' ')
        text->len--;
    text->len = word_begin(text);
}

/* As much as all words have in common that begin as the last one does. */
static void complete(struct aep__buf *text, const char *words)
{
    size_t begin = word_begin(text), typed = text->len - begin, common = 0;
    const char *found = NULL;
    for (const char *word = words; word && *word; word += strspn(word, " ")) {
        size_t len = strcspn(word, " "), same = 0;
        if (len >= typed && strncmp(word, text->data + begin, typed) == 0) {
            while (found && same < common && same < len && word[same] == found[same])
                same++;
            common = found ? same : len;
            found = found ? found : word;
        }
        word += len;
    }
    if (found && common > typed)
        aep__buf_add(text, found + typed, common - typed);
}

enum aep__prompt_end aep__prompt_key(struct aep__prompt *prompt, int key, const char *words)
{
    struct aep__buf *text = &prompt->text;
    char bytes[4];
    if (key == '\n' || key == ESCAPE) {
        prompt->open = false;
        return key == '\n' ? AEP__PROMPT_DONE : AEP__PROMPT_GIVEN_UP;
    }
    if (key == AEP__KEY_BACKSPACE)
        drop_character(text);
    else if (key == CONTROL('U'))
        text->len = 0;
    else if (key == CONTROL('W'))
        drop_word(text);
    else if (key == '\t' && text->data)
        complete(text, words);
    else if (key >= ' ' && key < AEP__KEY_UP && text->len < LENGTH_MAX)
        aep__buf_add(text, bytes, aep__utf8_encode((uint32_t)key, bytes));
    return AEP__PROMPT_OPEN;
}
