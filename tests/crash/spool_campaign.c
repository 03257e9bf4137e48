/* SPDX-License-Identifier: Apache-2.0 */
/* Kills a spool's writers and its reader at random instants, over and over, then accounts for
 * every record.
 *
 *     driver ── fork ──▶ writers: append; after each return tell the log of what was accepted
 *        │      fork ──▶ reader: read, tell the log of what was delivered, store the cursor, retire
 *        └── SIGKILL to one of them; the dead one is replaced at once
 *
 * A shared count is the happens-before clock: a writer takes a number before each append (it goes
 * into the record) and one after its return (it goes into the log). Where A's second number is
 * lower than B's first, A must be delivered before B.
 *
 * Every entry of the logs is 64 bytes at a multiple of 64, so that no kill leaves part of one: a
 * kill cuts a write only between pages.
 *
 * usage: spool_campaign [--kills N] [--writers N] [--segment BYTES] [--dir PATH] [--seed N]
 *                       [--boots N] [--max-us N]
 * --boots: how many boots the kills are spread over
 * --max-us: the longest time between two kills */
#include "base/buf.h"
#include "spool/append.h"
#include "spool/bell.h"
#include "spool/cursor.h"
#include "spool/read.h"
#include "spool/record.h"
#include "spool/retire.h"
#include "spool/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WRITERS_MAX 64
#define RECORD_BYTES (128 * 1024)
#define NEVER UINT64_MAX /* the second number of an append not known to have returned */

/* ---- options, and what all processes share ---- */

static struct {
    unsigned long kills, writers, segment, seed, boots, max_us;
    const char *dir; /* works in a new folder there, kept only if something is wrong */
} options = {
    .kills = 2000, .writers = 5, .segment = 64 * 1024, .seed = 1, .boots = 4, .max_us = 3000};

struct shared {
    atomic_uint_fast64_t clock;
    atomic_bool writers_stop; /* end by themselves */
    atomic_bool reader_stop;  /* end when everything is read */
    atomic_uint boot;         /* which boot the machine pretends to be in */
    atomic_uint problems;     /* reported on stderr by the process that met them */
};

static struct shared *shared;

static void problem(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void problem(const char *format, ...)
{
    va_list args;
    if (atomic_fetch_add(&shared->problems, 1) >= 20)
        return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static uint64_t next_random(uint64_t *state) /* xorshift64* */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

static void sleep_us(uint64_t us)
{
    nanosleep(&(struct timespec){.tv_sec = (time_t)(us / 1000000),
                                 .tv_nsec = (long)(us % 1000000) * 1000},
              NULL);
}

/* ---- the logs ---- */

enum entry_kind { ACCEPTED = 1, DELIVERED, BEGUN /* a reader's life, at the stored cursor */ };

struct log_entry {
    uint64_t kind;
    uint64_t life, number;          /* which record: its writer's life, counted within it */
    uint64_t before, after;         /* the clock around the append */
    uint64_t segment, end, ordinal; /* where it stands, or the cursor that a life began at */
};

_Static_assert(sizeof(struct log_entry) == 64, "an entry lies in one page");

static int open_log(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", options.dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        die(path);
    return fd;
}

static void tell(int fd, const struct log_entry *entry)
{
    if (write(fd, entry, sizeof *entry) != (ssize_t)sizeof *entry)
        die("log");
}

/* ---- records: three numbers in hex, then a filling that depends on them ---- */

#define PREFIX_BYTES 51 /* "%016x %016x %016x " */

static char filling(uint64_t life, uint64_t number, size_t at)
{
    return (char)('a' + (life * 7 + number * 13 + at) % 26);
}

static size_t choose_size(uint64_t *random)
{
    uint64_t dice = next_random(random) % 100;
    size_t most = dice < 80 ? 1200 : dice < 97 ? 8000 : 60000;
    return PREFIX_BYTES + next_random(random) % most;
}

static void encode_numbered(struct aep__buf *out, uint64_t life, uint64_t number, uint64_t before,
                            size_t size)
{
    static char value[RECORD_BYTES];
    snprintf(value, sizeof value, "%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " ", life, number,
             before);
    for (size_t i = PREFIX_BYTES; i < size; i++)
        value[i] = filling(life, number, i);
    struct aep__message message = {
        .topic = AEP__SLICE("campaign"),
        .key = {value, 16},
        .timestamp_ms = (int64_t)before,
        .value = {value, size},
    };
    aep__buf_clear(out);
    if (!aep__record_encode_message(out, &message) || out->failed)
        problem("a record cannot be encoded");
}

static uint64_t decode_hex(const char *text)
{
    char digits[17] = {0};
    memcpy(digits, text, 16);
    return strtoull(digits, NULL, 16);
}

static bool decode_numbered(const struct aep__record *record, struct log_entry *ret)
{
    struct aep__message message;
    if (!aep__record_message(record, &message) || message.value.len < PREFIX_BYTES)
        return false;
    const char *value = message.value.data;
    ret->life = decode_hex(value);
    ret->number = decode_hex(value + 17);
    ret->before = decode_hex(value + 34);
    for (size_t i = PREFIX_BYTES; i < message.value.len; i++)
        if (value[i] != filling(ret->life, ret->number, i))
            return false;
    return true;
}

/* ---- the processes ---- */

static void open_spool(struct aep__spool *spool)
{
    char path[512];
    aep_error err;
    struct aep__spool_settings settings = {.segment_bytes = options.segment,
                                           .record_bytes = RECORD_BYTES,
                                           .any_fs = true,
                                           .destination = "campaign"};
    snprintf(path, sizeof path, "%s/spool", options.dir);
    if (aep__spool_open(spool, path, &settings, &err) != AEP_OK) {
        problem("open: %s", err.text);
        _exit(1);
    }
    spool->boot[0] = (uint8_t)(spool->boot[0] + atomic_load(&shared->boot));
}

static void run_writer(unsigned slot, uint64_t life)
{
    char name[32];
    struct aep__spool spool;
    struct aep__appender appender;
    struct aep__buf record = {0};
    struct log_entry entry = {.kind = ACCEPTED, .life = life};
    uint64_t random = options.seed * 1000003 + life * 7919 + 1;
    aep_position position;
    aep_error err;
    snprintf(name, sizeof name, "accepted.%u", slot);
    int log = open_log(name);
    open_spool(&spool);
    aep__append_init(&appender, &spool, 64 * options.segment);
    int bell = aep__bell_open(&spool);
    while (!atomic_load(&shared->writers_stop)) {
        entry.before = atomic_fetch_add(&shared->clock, 1);
        encode_numbered(&record, life, entry.number, entry.before, choose_size(&random));
        int result = aep__append(&appender, record.data, record.len, false, &position, &err);
        if (result == AEP_EFULL) {
            sleep_us(300);
            continue;
        }
        if (result != AEP_OK) {
            problem("append: %s %s", aep_code_name(result), err.text);
            break;
        }
        entry.after = atomic_fetch_add(&shared->clock, 1);
        entry.segment = position.segment;
        entry.end = position.offset;
        tell(log, &entry);
        aep__bell_ring(bell);
        entry.number++;
        if (next_random(&random) % 64 == 0) /* long enough to fall some segments behind */
            sleep_us(next_random(&random) % 2000);
    }
    _exit(0);
}

struct tail {
    struct aep__spool spool;
    struct aep__cursor cursor;
    struct aep__reader reader;
    uint64_t removed; /* segments below this one */
    int cursor_fd, log, bell;
    uint64_t random;
};

static void begin_tail(struct tail *tail, uint64_t life)
{
    aep_error err;
    open_spool(&tail->spool);
    int lock = aep__lock_open(&tail->spool);
    if (!aep__lock_take(lock))
        problem("the lock of a dead reader is still held");
    tail->cursor_fd = aep__cursor_open(&tail->spool);
    if (tail->cursor_fd < 0 || aep__cursor_load(&tail->spool, &tail->cursor, &err) != AEP_OK)
        problem("cursor: %s", err.text);
    aep__retire_sweep(&tail->spool, tail->cursor_fd, &tail->cursor);
    tail->removed = tail->cursor.segment;
    aep__reader_init(&tail->reader, &tail->spool, tail->cursor.segment, tail->cursor.offset, true,
                     &err);
    tail->bell = aep__bell_open(&tail->spool);
    tail->log = open_log("delivered");
    tail->random = options.seed * 31 + life * 104729 + 7;
    tell(tail->log, &(struct log_entry){.kind = BEGUN,
                                        .life = life,
                                        .segment = tail->cursor.segment,
                                        .end = tail->cursor.offset,
                                        .ordinal = tail->cursor.ordinal});
}

static void deliver(struct tail *tail, const struct aep__entry *entry)
{
    struct log_entry line = {.kind = DELIVERED,
                             .segment = entry->segment,
                             .end = entry->end,
                             .ordinal = tail->cursor.ordinal};
    if (!decode_numbered(&entry->record, &line))
        problem("a record that nobody wrote, in segment %" PRIu64 " at %" PRIu64, entry->segment,
                entry->offset);
    tell(tail->log, &line);
    tail->cursor.ordinal++;
    tail->cursor.offset = entry->end;
    if (next_random(&tail->random) % 40 == 0 &&
        aep__cursor_store(&tail->spool, tail->cursor_fd, &tail->cursor, false) < 0)
        problem("cursor: %s", strerror(errno));
}

/* As an idle relay does. */
static void seal_early(struct tail *tail)
{
    int fd = aep__segment_open(&tail->spool, tail->reader.segment, true, NULL);
    if (fd >= 0) {
        aep__segment_seal_early(&tail->spool, fd, 0);
        close(fd);
    }
}

/* As a relay does while the disk is full. */
static void give_back(struct tail *tail)
{
    if (aep__retire_give_back(&tail->spool, tail->cursor_fd) < 0 && errno != ENOENT &&
        errno != EOPNOTSUPP)
        problem("give back: %s", strerror(errno));
}

static void wait_for_bell(struct tail *tail)
{
    struct pollfd event = {.fd = tail->bell, .events = POLLIN};
    poll(&event, 1, 5);
    aep__bell_drain(tail->bell);
    if (next_random(&tail->random) % 50 == 0)
        seal_early(tail);
    if (next_random(&tail->random) % 4 == 0)
        give_back(tail);
}

/* Removes late and several at once, as a relay's syncer does. */
static void retire(struct tail *tail)
{
    if (aep__retire_pass(&tail->spool, tail->cursor_fd, &tail->cursor, tail->reader.inode) < 0)
        problem("retire: %s", strerror(errno));
    if (next_random(&tail->random) % 3)
        return;
    if (aep__retire_remove(&tail->spool, tail->cursor_fd, tail->removed, tail->cursor.segment) < 0)
        problem("remove: %s", strerror(errno));
    tail->removed = tail->cursor.segment;
}

static void run_reader(uint64_t life)
{
    struct tail tail;
    struct aep__entry entry;
    aep_error err;
    begin_tail(&tail, life);
    for (;;) {
        bool last_look = atomic_load(&shared->reader_stop);
        switch (aep__reader_next(&tail.reader, &entry, &err)) {
        case AEP__READ_EVENT:
            deliver(&tail, &entry);
            break;
        case AEP__READ_SEALED:
            retire(&tail);
            break;
        case AEP__READ_WAIT:
            if (last_look)
                _exit(0);
            wait_for_bell(&tail);
            break;
        case AEP__READ_GONE:
            problem("segment %" PRIu64 " is gone", tail.reader.segment);
            _exit(1);
        case AEP__READ_ERROR:
            problem("read: %s", err.text);
            _exit(1);
        }
    }
}

/* ---- the driver ---- */

static pid_t writers[WRITERS_MAX], reader;
static uint64_t lives;

static pid_t start(int slot) /* -1: the reader */
{
    uint64_t life = ++lives;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        if (slot < 0)
            run_reader(life);
        run_writer((unsigned)slot, life);
    }
    return pid;
}

static void reap(pid_t pid, bool killed)
{
    int status;
    if (waitpid(pid, &status, 0) < 0)
        die("waitpid");
    if (killed ? !WIFSIGNALED(status) && !shared->problems : status != 0)
        problem("process %d ended with status %#x", (int)pid, (unsigned)status);
}

static void kill_one(uint64_t *random)
{
    unsigned slot = (unsigned)(next_random(random) % (options.writers + 1));
    pid_t *victim = slot < options.writers ? &writers[slot] : &reader;
    kill(*victim, SIGKILL);
    reap(*victim, true);
    *victim = start(slot < options.writers ? (int)slot : -1);
}

static void start_all(void)
{
    for (unsigned slot = 0; slot < options.writers; slot++)
        writers[slot] = start((int)slot);
    reader = start(-1);
}

/* All processes die at once; the next ones find another boot id. */
static void reboot_machine(void)
{
    for (unsigned slot = 0; slot < options.writers; slot++)
        kill(writers[slot], SIGKILL);
    kill(reader, SIGKILL);
    for (unsigned slot = 0; slot < options.writers; slot++)
        reap(writers[slot], true);
    reap(reader, true);
    atomic_fetch_add(&shared->boot, 1);
    start_all();
}

static void run_campaign(void)
{
    uint64_t random = options.seed * 2654435761u + 1;
    start_all();
    for (unsigned long kill = 1; kill <= options.kills && !shared->problems; kill++) {
        sleep_us(next_random(&random) % options.max_us);
        if (options.boots > 1 && kill % (options.kills / options.boots + 1) == 0)
            reboot_machine();
        else
            kill_one(&random);
    }
    atomic_store(&shared->writers_stop, true);
    for (unsigned slot = 0; slot < options.writers; slot++)
        reap(writers[slot], false);
    atomic_store(&shared->reader_stop, true);
    reap(reader, false);
}

/* ---- the account ---- */

struct list {
    struct log_entry *entries;
    size_t count, cap;
};

static void list_add(struct list *list, const struct log_entry *entry)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 4096;
        list->entries = realloc(list->entries, list->cap * sizeof *entry);
        if (!list->entries)
            die("realloc");
    }
    list->entries[list->count++] = *entry;
}

static void load_log(const char *name, struct list *list)
{
    char path[512];
    struct log_entry entry;
    snprintf(path, sizeof path, "%s/%s", options.dir, name);
    FILE *file = fopen(path, "re");
    if (!file)
        die(path);
    while (fread(&entry, sizeof entry, 1, file) == 1)
        list_add(list, &entry);
    fclose(file);
}

static bool same_delivery(const struct log_entry *a, const struct log_entry *b)
{
    return a->life == b->life && a->number == b->number && a->ordinal == b->ordinal &&
           a->segment == b->segment && a->end == b->end;
}

static bool below(const struct log_entry *entry, const struct log_entry *cursor)
{
    return entry->segment < cursor->segment ||
           (entry->segment == cursor->segment && entry->end <= cursor->end);
}

/* What a consumer that knows ordinals keeps: a reader's life repeats exactly what was above the
 * cursor it started from. Returns how many were repeated. */
static size_t fold_lives(const struct list *log, struct list *ret)
{
    size_t repeated = 0, expected = 0; /* up to expected, ret holds what must be repeated */
    struct list kept = {0};
    for (size_t i = 0; i < log->count; i++) {
        const struct log_entry *entry = &log->entries[i];
        if (entry->kind == BEGUN) {
            if (kept.count > expected)
                expected = kept.count;
            while (kept.count > 0 && !below(&kept.entries[kept.count - 1], entry))
                kept.count--;
            if (entry->ordinal != kept.count)
                problem("life %" PRIu64 " begins at ordinal %" PRIu64 ", %zu are below its cursor",
                        entry->life, entry->ordinal, kept.count);
        } else if (kept.count < expected) {
            if (!same_delivery(&kept.entries[kept.count], entry))
                problem("ordinal %" PRIu64 ": another record than the first time", entry->ordinal);
            kept.count++;
            repeated++;
        } else {
            list_add(&kept, entry);
        }
    }
    if (kept.count < expected)
        problem("%zu records were not repeated", expected - kept.count);
    *ret = kept;
    return repeated;
}

static int by_record(const void *left, const void *right)
{
    const struct log_entry *a = left, *b = right;
    if (a->life != b->life)
        return a->life < b->life ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

struct account {
    size_t accepted, delivered, lost, duplicated, disordered, unsure, repeated;
};

/* Every accepted record is there once; its second clock number is kept where it was delivered. */
static void match(struct list *accepted, struct list *delivered, struct account *account)
{
    size_t at = 0;
    struct list sorted = {0};
    for (size_t i = 0; i < delivered->count; i++) {
        list_add(&sorted, &delivered->entries[i]);
        sorted.entries[i].after = i; /* where it was */
        delivered->entries[i].after = NEVER;
    }
    qsort(sorted.entries, sorted.count, sizeof *sorted.entries, by_record);
    qsort(accepted->entries, accepted->count, sizeof *accepted->entries, by_record);
    for (size_t i = 1; i < sorted.count; i++)
        account->duplicated += by_record(&sorted.entries[i - 1], &sorted.entries[i]) == 0;
    for (size_t i = 0; i < accepted->count; i++) {
        const struct log_entry *want = &accepted->entries[i];
        while (at < sorted.count && by_record(&sorted.entries[at], want) < 0)
            at++;
        if (at == sorted.count || by_record(&sorted.entries[at], want) != 0) {
            account->lost++;
            problem("lost: life %" PRIu64 " number %" PRIu64 " segment %" PRIu64 " end %" PRIu64,
                    want->life, want->number, want->segment, want->end);
            continue;
        }
        if (sorted.entries[at].segment != want->segment || sorted.entries[at].end != want->end)
            problem("life %" PRIu64 " number %" PRIu64 ": read elsewhere than append said",
                    want->life, want->number);
        delivered->entries[sorted.entries[at].after].after = want->after;
    }
    account->unsure = delivered->count + account->lost - accepted->count;
    free(sorted.entries);
}

/* From the last to the first: none may have begun after a later one had returned. */
static void check_order(const struct list *delivered, struct account *account)
{
    uint64_t earliest_return = NEVER;
    for (size_t i = delivered->count; i-- > 0;) {
        const struct log_entry *entry = &delivered->entries[i];
        if (entry->ordinal != i)
            problem("the ordinal at %zu is %" PRIu64, i, entry->ordinal);
        account->disordered += entry->before > earliest_return;
        if (entry->after < earliest_return)
            earliest_return = entry->after;
    }
}

static int check_all(void)
{
    char name[32];
    struct list accepted = {0}, log = {0}, delivered = {0};
    struct account account = {0};
    for (unsigned slot = 0; slot < options.writers; slot++) {
        snprintf(name, sizeof name, "accepted.%u", slot);
        load_log(name, &accepted);
    }
    load_log("delivered", &log);
    account.repeated = fold_lives(&log, &delivered);
    account.accepted = accepted.count;
    account.delivered = delivered.count;
    match(&accepted, &delivered, &account);
    check_order(&delivered, &account);
    printf("kills %lu  accepted %zu  delivered %zu (%zu of them cut off before their writer could "
           "tell)  repeated after a reader's death %zu\n"
           "lost %zu  duplicated %zu  disordered %zu  segments %" PRIu64 "  problems %u\n",
           options.kills, account.accepted, account.delivered, account.unsure, account.repeated,
           account.lost, account.duplicated, account.disordered,
           delivered.count ? delivered.entries[delivered.count - 1].segment : 0, shared->problems);
    bool good = account.accepted > 0 && !account.lost && !account.duplicated &&
                !account.disordered && !shared->problems;
    free(accepted.entries);
    free(log.entries);
    free(delivered.entries);
    return good ? 0 : 1;
}

/* ---- begin and end ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static const struct {
    const char *name;
    unsigned long *number;
} numbers[] = {
    {"--kills", &options.kills}, {"--writers", &options.writers}, {"--segment", &options.segment},
    {"--seed", &options.seed},   {"--boots", &options.boots},     {"--max-us", &options.max_us},
};

static void parse_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        bool known = i + 1 < argc && strcmp(argv[i], "--dir") == 0;
        if (known)
            options.dir = argv[i + 1];
        for (size_t j = 0; i + 1 < argc && j < sizeof numbers / sizeof numbers[0]; j++)
            if (strcmp(argv[i], numbers[j].name) == 0) {
                *numbers[j].number = strtoul(argv[i + 1], NULL, 0);
                known = true;
            }
        if (!known) {
            fprintf(stderr, "%s: unknown or without a value\n", argv[i]);
            exit(2);
        }
    }
    if (options.writers < 1 || options.writers > WRITERS_MAX || options.boots < 1) {
        fprintf(stderr, "1 to %d writers, 1 boot or more\n", WRITERS_MAX);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    char made[400];
    parse_arguments(argc, argv);
    if (!options.dir) /* in memory more records pass per kill, so more races are met */
        options.dir = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(made, sizeof made, "%s/spool-campaign.XXXXXX", options.dir);
    if (!(options.dir = mkdtemp(made)))
        die(made);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        die("mmap");
    run_campaign();
    int result = check_all();
    if (result != 0)
        fprintf(stderr, "kept: %s\n", made);
    else
        nftw(made, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return result;
}
