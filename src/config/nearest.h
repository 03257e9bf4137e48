/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean …?" */
#ifndef AEP_CONFIG_NEAREST_H
#define AEP_CONFIG_NEAREST_H

#include <stdbool.h>

#define AEP__DISTANCE_FAR (1 << 30)

/** Insertions, deletions, replacements and swaps of neighbours between two texts, without regard to
 * case; AEP__DISTANCE_FAR for texts longer than any name. */
int aep__edit_distance(const char *a, const char *b);
/** Whether that is at most `limit`; quick for texts of different lengths. */
bool aep__edit_near(const char *a, const char *b, int limit);

/** Keeps the nearest of the names it is shown; a name that begins with the wanted text is at most
 * one edit away. */
struct aep__nearest {
    const char *wanted;
    const char *found; /* borrowed; NULL: nothing yet */
    int distance;
};

void aep__nearest_show(struct aep__nearest *nearest, const char *candidate);
/** The nearest name, if it is near enough to be meant; else NULL. */
const char *aep__nearest_get(const struct aep__nearest *nearest);

#endif
