/* SPDX-License-Identifier: Apache-2.0 */
#include "track/contains.h"

#include "base/ascii.h"
#include "base/utf8.h"

#include <string.h>
#include <wctype.h>

void aep__contains_init(struct aep__contains *contains)
{
    *contains = (struct aep__contains){.locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", 0)};
}

void aep__contains_done(struct aep__contains *contains)
{
    if (contains->locale)
        freelocale(contains->locale);
    aep__buf_done(&contains->what);
    aep__buf_done(&contains->text);
    contains->locale = 0;
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

void aep__contains_fold(const struct aep__contains *contains, struct aep__buf *out,
                        const char *text)
{
    char bytes[4];
    for (size_t len, left = strlen(text); left > 0; text += len, left -= len) {
        len = 1;
        if ((unsigned char)*text < 0x80 || !contains->locale) {
            aep__buf_byte(out, aep__to_lower(*text));
            continue;
        }
        wint_t code_point = (wint_t)aep__utf8_decode(text, left, &len);
        aep__buf_add(out, bytes,
                     aep__utf8_encode((uint32_t)towlower_l(code_point, contains->locale), bytes));
    }
}

static const char *fold(const struct aep__contains *contains, struct aep__buf *out,
                        const char *text)
{
    aep__buf_clear(out);
    aep__contains_fold(contains, out, text);
    return aep__buf_string(out);
}

bool aep__contains(struct aep__contains *contains, const char *text, const char *what)
{
    if (!contains->locale || is_ascii(what))
        return strcasestr(text, what) != NULL;
    if (is_ascii(text))
        return false;
    const char *folded = fold(contains, &contains->text, text);
    const char *wanted = fold(contains, &contains->what, what);
    return !contains->what.failed && !contains->text.failed && strstr(folded, wanted);
}
