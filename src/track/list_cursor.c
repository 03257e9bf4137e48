/* SPDX-License-Identifier: Apache-2.0 */
/* "1.0.3.1763000000000000.42": order, reversed or not, segment, value, key. */
#include "track/list_cursor.h"

#include "base/error.h"
#include "config/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void aep__list_cursor_add(struct aep__buf *out, const struct aep__list_cursor *cursor)
{
    aep__buf_format(out, "%d.%d.%u.%lld.%lld", (int)cursor->sort, (int)cursor->reverse,
                    cursor->segment, (long long)cursor->value, (long long)cursor->key);
}

/* A number as aep__list_cursor_add() writes it, and what ends it. */
static bool read_number(const char **at, char end, int64_t *ret)
{
    char *after;
    bool digit =
        (**at >= '0' && **at <= '9') || (**at == '-' && (*at)[1] >= '0' && (*at)[1] <= '9');
    errno = 0;
    *ret = strtoll(*at, &after, 10);
    bool good = digit && errno == 0 && *after == end;
    *at = after + 1;
    return good;
}

int aep__list_cursor_read(const char *text, enum aep__sort sort, bool reverse,
                          struct aep__list_cursor *ret, aep_error *err)
{
    int64_t numbers[5] = {0};
    char quoted[AEP__QUOTE_SIZE];
    const char *at = text;
    bool good = true;
    for (size_t i = 0; good && i < 5; i++)
        good = read_number(&at, i < 4 ? '.' : '\0', &numbers[i]);
    if (!good || numbers[0] < 0 || numbers[0] >= AEP__SORT_COUNT || numbers[1] < 0 ||
        numbers[1] > 1 || numbers[2] < 0 || numbers[2] >= AEP__SEGMENTS_MAX)
        return aep__error(err, AEP_EINVAL, "cursor",
                          "%s is no cursor: take the one that came with the rows before, or none "
                          "to begin at the first",
                          aep__quote(text, quoted));
    if (numbers[0] != (int64_t)sort || numbers[1] != reverse)
        return aep__error(
            err, AEP_EINVAL, "cursor",
            "%s is a cursor of a list in another order (%s%s): ask for that order, or "
            "begin without a cursor",
            aep__quote(text, quoted), aep__sort_word((enum aep__sort)numbers[0]),
            numbers[1] ? ", reversed" : "");
    *ret = (struct aep__list_cursor){sort, reverse, (unsigned)numbers[2], numbers[3], numbers[4]};
    return AEP_OK;
}
