/* SPDX-License-Identifier: Apache-2.0 */
/* The search for a text, without case, as an SQL function. */
#include "track/store_sqlite.h"

#include "base/error.h"
#include "base/utf8.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* Appends a text without its case, as a string. */
static void add_folded(struct aep__buf *out, const char *text, locale_t locale)
{
    char bytes[4];
    for (size_t len, left = strlen(text); left > 0; text += len, left -= len) {
        uint32_t code_point = aep__utf8_decode(text, left, &len);
        aep__buf_add(out, bytes,
                     aep__utf8_encode((uint32_t)towlower_l((wint_t)code_point, locale), bytes));
    }
    aep__buf_byte(out, '\0');
}

struct search {
    locale_t locale;            /* UTF-8, whatever the program's is; 0: there is none */
    struct aep__buf what, text; /* memory */
};

static bool holds(struct search *search, const char *text, const char *what)
{
    if (!search->locale || is_ascii(what))
        return strcasestr(text, what) != NULL;
    if (is_ascii(text))
        return false;
    aep__buf_clear(&search->what);
    aep__buf_clear(&search->text);
    add_folded(&search->what, what, search->locale);
    add_folded(&search->text, text, search->locale);
    return !search->what.failed && !search->text.failed &&
           strstr(search->text.data, search->what.data);
}

/* aep_contains(what, text…): whether one of the texts holds it, without case. */
static void contains(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct search *search = sqlite3_user_data(context);
    const char *what = (const char *)sqlite3_value_text(values[0]);
    int found = 0;
    for (int i = 1; what && !found && i < count; i++) {
        const char *text = (const char *)sqlite3_value_text(values[i]);
        found = text && holds(search, text, what);
    }
    sqlite3_result_int(context, found);
}

static void free_search(void *user)
{
    struct search *search = user;
    if (search->locale)
        freelocale(search->locale);
    aep__buf_done(&search->what);
    aep__buf_done(&search->text);
    free(search);
}

int aep__sqlite_add_search(struct aep__sqlite *sqlite, aep_error *err)
{
    struct search *search = calloc(1, sizeof *search);
    if (!search)
        return aep__error_memory(err);
    search->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", 0);
    int rc = sqlite3_create_function_v2(sqlite->db, "aep_contains", -1,
                                        SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
                                        search, contains, NULL, NULL, free_search);
    return rc == SQLITE_OK ? AEP_OK : aep__sqlite_error(sqlite, err);
}
