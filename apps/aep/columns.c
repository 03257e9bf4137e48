/* SPDX-License-Identifier: Apache-2.0 */
#include "columns.h"

#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <wchar.h>

#include "base/utf8.h"

#define EMOJI_PRESENTATION 0xFE0F /* may make the character before it a wide one */

/* wcwidth(3) knows only the characters of its locale, and the locale of a cron job or a bare
 * container has only ASCII. */
static void enter_unicode(locale_t *ret_own)
{
    static locale_t unicode;
    if (!unicode)
        unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    *ret_own = unicode ? uselocale(unicode) : (locale_t)0;
}

static void leave_unicode(locale_t own)
{
    if (own)
        uselocale(own);
}

/* Too many columns for an unknown character cut a line too early; too few would break it. */
static size_t columns_of_character(uint32_t c)
{
    if (c < 0x80 || c == EMOJI_PRESENTATION)
        return 1;
    int columns = wcwidth((wchar_t)c);
    return columns >= 0 ? (size_t)columns : c > 0xFFFF ? 2 : 1;
}

/* The length of a colour at `at`; 0: there is none. */
static size_t colour_len(const char *at, size_t left)
{
    size_t len = 2;
    if (left < 3 || at[0] != '\033' || at[1] != '[')
        return 0;
    while (len < left && ((at[len] >= '0' && at[len] <= '9') || at[len] == ';'))
        len++;
    return len < left && at[len] == 'm' ? len + 1 : 0;
}

/* The length of the front that takes at most `columns`; combining characters go with theirs. */
static size_t measure(const char *text, size_t len, size_t columns, size_t *ret_taken)
{
    size_t at = 0, step, taken = 0;
    for (; at < len; at += step) {
        step = colour_len(text + at, len - at);
        if (step > 0)
            continue;
        size_t more = columns_of_character(aep__utf8_decode(text + at, len - at, &step));
        if (taken + more > columns)
            break;
        taken += more;
    }
    *ret_taken = taken;
    return at;
}

size_t aep__columns_of(const char *text, size_t len)
{
    size_t taken;
    locale_t own;
    enter_unicode(&own);
    measure(text, len, SIZE_MAX / 2, &taken);
    leave_unicode(own);
    return taken;
}

void aep__columns_fit(struct aep__buf *buf, size_t begin, size_t columns, const char *mark)
{
    const char *text = buf->data + begin;
    size_t taken, len = buf->len - begin;
    locale_t own;
    if (len <= columns) /* no character takes more columns than bytes */
        return;
    enter_unicode(&own);
    if (measure(text, len, columns, &taken) < len) {
        bool coloured = memchr(text, '\033', len) != NULL;
        size_t room = aep__columns_of(mark, strlen(mark));
        room = columns > room ? columns - room : 0;
        buf->len = begin + measure(text, len, room, &taken);
        aep__buf_text(buf, mark);
        aep__buf_text(buf, coloured ? "\033[0m" : "");
    }
    leave_unicode(own);
}

void aep__columns_wrap(struct aep__buf *buf, const char *text, size_t len, size_t at, size_t indent,
                       size_t columns)
{
    const char *end = text + len;
    for (bool first = true; text < end; first = false) {
        const char *blank = memchr(text, ' ', (size_t)(end - text));
        size_t word = (size_t)((blank ? blank : end) - text);
        size_t taken = aep__columns_of(text, word);
        if (!first && columns > 0 && at + 1 + taken > columns) {
            aep__buf_format(buf, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!first) {
            aep__buf_byte(buf, ' ');
            at++;
        }
        aep__buf_add(buf, text, word);
        at += taken;
        text += word + (blank != NULL);
    }
}
