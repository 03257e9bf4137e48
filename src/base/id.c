/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDv7 (RFC 9562 §5.7) without locks:
 *
 *     48 bits        4    12 bits            2    4 bits            58 bits
 *   | milliseconds | 7 | count, upper part | 2 | count, lower part | tail |
 *
 * Milliseconds and a 16-bit count are one 64-bit number, `last`, that a compare-and-swap moves up
 * for every id (§6.2, method 1): ids rise across threads, also when the clock goes back, and a
 * count that overflows borrows from the next millisecond. The count begins each millisecond at a
 * random place in the lower half of its range. The tail is a keyed hash of `last`.
 *
 * This is the library's one piece of process-wide state. It lives in a page that the kernel empties
 * in a forked child, however it was forked, so that a child has its own key and no id occurs twice.
 * A fork can leave nothing locked. Where the kernel cannot do that, the process id enters the hash
 * and the client calls aep__id_forked().
 *
 * Threads: any, and signal handlers. */
#include "base/id.h"

#include "base/ascii.h"
#include "base/clock.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define COUNT_BITS 16
#define COUNT_START_MASK 0x7fff
#define MS_MAX ((INT64_C(1) << 48) - 2)

struct generator {
    atomic_uint_least64_t last;
    atomic_uint_least64_t key[2]; /* 0 until drawn; drawn once */
};

static struct generator plain; /* if the kernel has no page that empties itself */
static _Atomic(struct generator *) current;

#ifdef MADV_WIPEONFORK
static struct generator *map_wiped_page(void)
{
    size_t len = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, len, MADV_WIPEONFORK) == 0)
        return page;
    munmap(page, len);
    return NULL;
}

static void unmap_wiped_page(struct generator *page)
{
    if (page)
        munmap(page, (size_t)sysconf(_SC_PAGESIZE));
}
#else
static struct generator *map_wiped_page(void)
{
    return NULL;
}

static void unmap_wiped_page(struct generator *page)
{
    (void)page;
}
#endif

/* The generator; the first caller makes it, and of several first callers one wins. */
static struct generator *get_generator(void)
{
    struct generator *found = atomic_load(&current);
    if (found)
        return found;
    struct generator *page = map_wiped_page();
    if (atomic_compare_exchange_strong(&current, &found, page ? page : &plain))
        return page ? page : &plain;
    unmap_wiped_page(page);
    return found;
}

/* A bijection that spreads every bit over all (the finaliser of splitmix64). */
static uint64_t mix_bits(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* Never waits: before the kernel has entropy, early at boot, clocks and addresses must do. */
static uint64_t draw_key(void)
{
    uint64_t key;
    if (getrandom(&key, sizeof key, GRND_NONBLOCK) != (ssize_t)sizeof key)
        key = mix_bits((uint64_t)aep__clock_wall_us() ^ (uint64_t)getpid() << 44) ^
              mix_bits((uint64_t)aep__clock_mono_us()) ^ mix_bits((uintptr_t)&key);
    return key ? key : 1;
}

static uint64_t get_key(struct generator *gen, int i)
{
    uint64_t found = atomic_load(&gen->key[i]);
    if (found)
        return found;
    uint64_t key = draw_key();
    return atomic_compare_exchange_strong(&gen->key[i], &found, key) ? key : found;
}

static uint64_t take_next(struct generator *gen, int64_t wall_us)
{
    int64_t ms = wall_us / 1000;
    ms = ms < 0 ? 0 : ms > MS_MAX ? MS_MAX : ms;
    uint64_t start = mix_bits((uint64_t)ms ^ get_key(gen, 1)) & COUNT_START_MASK;
    uint64_t now = (uint64_t)ms << COUNT_BITS | start;
    uint64_t last = atomic_load(&gen->last), next;
    do
        next = last < now ? now : last + 1;
    while (!atomic_compare_exchange_weak(&gen->last, &last, next));
    return next;
}

/* The key is read after `next` was taken: a fork between the two changes it. */
static uint64_t make_tail(struct generator *gen, uint64_t next)
{
    uint64_t salt = gen == &plain ? (uint64_t)getpid() << 32 : 0;
    return mix_bits(mix_bits(next ^ get_key(gen, 0)) + (get_key(gen, 1) ^ salt));
}

static void store_be64(uint8_t *at, uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        at[i] = (uint8_t)number;
}

void aep__id_make(int64_t wall_us, uint8_t bytes[16])
{
    struct generator *gen = get_generator();
    uint64_t next = take_next(gen, wall_us), tail = make_tail(gen, next);
    uint64_t ms = next >> COUNT_BITS, count = next & 0xffff;
    store_be64(bytes, ms << 16 | 0x7000 | count >> 4);
    store_be64(bytes + 8, UINT64_C(2) << 62 | (count & 0xf) << 58 | tail >> 6);
}

void aep__id_forked(void)
{
    struct generator *gen = get_generator();
    atomic_store(&gen->key[0], draw_key());
    atomic_store(&gen->key[1], draw_key());
}

void aep__id_format(const uint8_t bytes[16], char text[AEP_ID_SIZE])
{
    char digits[32];
    aep__hex_put(digits, bytes, 16);
    memcpy(text, digits, 8);
    memcpy(text + 9, digits + 8, 4);
    memcpy(text + 14, digits + 12, 4);
    memcpy(text + 19, digits + 16, 4);
    memcpy(text + 24, digits + 20, 12);
    text[8] = text[13] = text[18] = text[23] = '-';
    text[36] = '\0';
}

/* A digit's value + 0x10; 0 for any other byte. */
static const uint8_t hex_values[256] = {
    ['0'] = 0x10, ['1'] = 0x11, ['2'] = 0x12, ['3'] = 0x13, ['4'] = 0x14, ['5'] = 0x15,
    ['6'] = 0x16, ['7'] = 0x17, ['8'] = 0x18, ['9'] = 0x19, ['a'] = 0x1a, ['b'] = 0x1b,
    ['c'] = 0x1c, ['d'] = 0x1d, ['e'] = 0x1e, ['f'] = 0x1f, ['A'] = 0x1a, ['B'] = 0x1b,
    ['C'] = 0x1c, ['D'] = 0x1d, ['E'] = 0x1e, ['F'] = 0x1f,
};

bool aep__id_parse(const char *text, size_t len, uint8_t bytes[16])
{
    static const uint8_t places[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
    uint8_t read[16], all = 0x10;
    if (len != AEP_ID_SIZE - 1 || text[8] != '-' || text[13] != '-' || text[18] != '-' ||
        text[23] != '-')
        return false;
    for (int i = 0; i < 16; i++) {
        uint8_t high = hex_values[(uint8_t)text[places[i]]];
        uint8_t low = hex_values[(uint8_t)text[places[i] + 1]];
        all &= high & low;
        read[i] = (uint8_t)(high << 4 | (low & 0xf));
    }
    if (all && bytes)
        memcpy(bytes, read, sizeof read);
    return all;
}

void aep_id_new(char text[AEP_ID_SIZE])
{
    uint8_t bytes[16];
    aep__id_make(aep__clock_wall_us(), bytes);
    aep__id_format(bytes, text);
}

int aep_id_version(const char *text)
{
    uint8_t bytes[16];
    if (!text || !aep__id_parse(text, strlen(text), bytes))
        return 0;
    int version = bytes[6] >> 4;
    bool is_rfc_variant = bytes[8] >> 6 == 2;
    return is_rfc_variant && version >= 1 && version <= 8 ? version : 0;
}
