/* SPDX-License-Identifier: Apache-2.0 */
/* The distance of Damerau and Levenshtein (optimal string alignment), three rows at a time. */
#include "config/nearest.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define LENGTH_MAX 96
#define BEGIN_MIN 2

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

static int min_of(int a, int b)
{
    return a < b ? a : b;
}

int aep__edit_distance(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    int rows[3][LENGTH_MAX + 1];
    int *before = rows[0], *above = rows[1], *row = rows[2];
    if (a_len > LENGTH_MAX || b_len > LENGTH_MAX)
        return AEP__DISTANCE_FAR;
    for (size_t j = 0; j <= b_len; j++)
        above[j] = before[j] = (int)j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = (int)i;
        for (size_t j = 1; j <= b_len; j++) {
            int x = lower(a[i - 1]), y = lower(b[j - 1]);
            row[j] = min_of(above[j - 1] + (x != y), min_of(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2]))
                row[j] = min_of(row[j], before[j - 2] + 1);
        }
        int *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b_len];
}

bool aep__edit_near(const char *a, const char *b, int limit)
{
    ptrdiff_t longer = (ptrdiff_t)strlen(a) - (ptrdiff_t)strlen(b);
    return longer <= limit && longer >= -limit && aep__edit_distance(a, b) <= limit;
}

/* Whether the wanted word may be the candidate, not typed to its end. */
static bool is_begin(const char *wanted, const char *candidate)
{
    size_t len = strlen(wanted);
    return len >= BEGIN_MIN && strncasecmp(wanted, candidate, len) == 0;
}

void aep__nearest_show(struct aep__nearest *nearest, const char *candidate)
{
    int distance = aep__edit_distance(nearest->wanted, candidate);
    if (distance > 1 && is_begin(nearest->wanted, candidate))
        distance = 1;
    if (!nearest->found || distance < nearest->distance) {
        nearest->found = candidate;
        nearest->distance = distance;
    }
}

const char *aep__nearest_get(const struct aep__nearest *nearest)
{
    int len = (int)strlen(nearest->wanted);
    int limit = len / 3 > 2 ? len / 3 : len > 2 ? 2 : len - 1; /* something has to be the same */
    return nearest->found && nearest->distance <= limit ? nearest->found : NULL;
}
