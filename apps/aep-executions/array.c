/* SPDX-License-Identifier: Apache-2.0 */
#include "array.h"

#include <stdlib.h>

#define FIRST 16

void *aep__array_room(void *items, size_t count, size_t *cap, size_t bytes)
{
    if (count < *cap)
        return items;
    size_t more = *cap ? *cap * 2 : FIRST;
    void *moved = reallocarray(items, more, bytes);
    if (moved)
        *cap = more;
    return moved;
}
