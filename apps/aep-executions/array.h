/* SPDX-License-Identifier: Apache-2.0 */
/* An array on the heap that grows as items are added to it. */
#ifndef AEP_EXECUTIONS_ARRAY_H
#define AEP_EXECUTIONS_ARRAY_H

#include <stddef.h>

/** Makes room for one more item behind `count`. Returns the array, which may have moved; NULL: out of
 * memory, and it is as before.
 * @items  NULL, or from the heap, with room for *cap
 * @bytes  of an item */
void *aep__array_room(void *items, size_t count, size_t *cap, size_t bytes);

#endif
