/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzz target asserts: the process aborts where it does not hold, with NDEBUG, too. */
#ifndef AEP_TESTS_FUZZ_CHECK_H
#define AEP_TESTS_FUZZ_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
