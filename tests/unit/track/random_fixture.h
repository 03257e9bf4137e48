/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories, which are the same for the same seed:
 *
 *     PROGRAM [--histories N] [--seed S]
 *
 * Of one that fails, events are left out as long as the rest still fails. */
#ifndef AEP_TESTS_RANDOM_FIXTURE_H
#define AEP_TESTS_RANDOM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 20261128, random_state;
static long histories;

static inline unsigned any(unsigned below)
{
    random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = random_state;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((x ^ (x >> 31)) % below);
}

/* In the suite there are so many, unless a campaign asks for more. */
static inline void read_arguments(int argc, char **argv, long usual)
{
    histories = usual;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--histories") == 0)
            histories = atol(argv[i + 1]);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
    }
}

static inline void begin_random(void)
{
    random_state = seed;
    print_message("seed %llu, %ld histories\n", (unsigned long long)seed, histories);
}

/* Events are an array of things of that size. */
static inline void shuffle_events(void *events, size_t size, int count)
{
    char *at = events, *kept = malloc(size);
    for (int i = count - 1; i > 0; i--) {
        size_t other = any((unsigned)i + 1);
        memcpy(kept, at + (size_t)i * size, size);
        memcpy(at + (size_t)i * size, at + other * size, size);
        memcpy(at + other * size, kept, size);
    }
    free(kept);
}

/* Leaves out what does not matter. */
static inline void shrink_events(void *events, size_t size, int *count,
                                 bool (*fails)(const void *history), const void *history)
{
    char *kept = malloc(size);
    for (int i = 0; i<*count && * count> 1;) {
        char *at = (char *)events + (size_t)i * size;
        size_t after = (size_t)(*count - i - 1) * size;
        memcpy(kept, at, size);
        memmove(at, at + size, after);
        --*count;
        if (fails(history))
            continue;
        memmove(at + size, at, after);
        memcpy(at, kept, size);
        ++*count;
        i++;
    }
    free(kept);
}

#endif
