/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs to see executions. Configuration comes from the environment.
 *
 *     bench_track fill RUNS            publishes so many executions of four events each, a hundred at a
 *                                      time; every fourth is the child of another
 *     bench_track ingest SPOOL STORE [BYTES]   reads them into a store as the tracker does, which keeps
 *                                      it below a size
 *     bench_track purge STORE          removes all that has ended
 *     bench_track floor STORE COPY     inserts a store's rows into another with nothing but SQLite
 *     bench_track list STORE           times a list of 50, and counts per state
 *     bench_track index STORE          fills the index of texts
 *     bench_track search STORE WORD [ROWS]     times a list of 50 that have that word, among so many
 *                                      rows where the index does not help
 *     bench_track seen COUNT AEP       from a publish call until `AEP list` has the execution */
#include "measure.h"

#include "base/buf.h"
#include "base/clock.h"
#include "track/retention.h"
#include "track/source_spool.h"
#include "track/store.h"

#include <errno.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 100 /* executions that are under way */
#define AGENTS 200  /* their names */
#define BATCH 1000  /* events of a transaction, as the tracker has it */
#define BATCH_OVER 250
#define ROUNDS 200 /* of what is timed alone */
#define LIST_ROWS 50

extern char **environ;

/* ---- fill ---- */

static aep_publisher *open_publisher(void)
{
    aep_publisher *pub;
    aep_error err;
    if (aep_publisher_open(&pub, NULL, &err) != AEP_OK)
        bench_die("open: %s", err.text);
    return pub;
}

static void must(int code, const aep_error *err)
{
    if (code != AEP_OK)
        bench_die("%s", err->text);
}

static aep_execution *start(aep_publisher *pub, size_t number, const aep_execution *parent)
{
    char agent[32];
    aep_execution *run;
    aep_error err;
    snprintf(agent, sizeof agent, "agent-%zu", number % AGENTS);
    must(aep_execution_start(
             pub,
             AEP_STARTED(.agent_name = agent,
                         .user_request = "Design a REST API for user management",
                         .causation_id = parent ? aep_execution_id(parent) : NULL,
                         .context = "{\"domain\":\"api_design\",\"previous_agent\":\"router\"}"),
             &run, &err),
         &err);
    return run;
}

static void go_on(aep_execution *run, int step)
{
    aep_error err;
    static const char *const steps[] = {"reading the specification", "writing the endpoints"};
    if (step < 2)
        must(aep_execution_progress(run,
                                    AEP_PROGRESS(.current_step = steps[step],
                                                 .progress_percent = AEP_NUM(40 + 40 * step)),
                                    &err),
             &err);
    else
        must(aep_execution_complete(run, AEP_COMPLETED(.result_summary = "12 endpoints"), &err),
             &err);
}

/* Each turn takes every execution that is under way one event further. */
static void fill(size_t runs)
{
    aep_publisher *pub = open_publisher();
    aep_execution *under_way[AT_ONCE];
    for (size_t begun = 0; begun < runs; begun += AT_ONCE) {
        size_t count = runs - begun < AT_ONCE ? runs - begun : AT_ONCE;
        for (size_t i = 0; i < count; i++)
            under_way[i] = start(pub, begun + i, i % 4 == 3 ? under_way[i - 1] : NULL);
        for (int step = 0; step < 3; step++)
            for (size_t i = 0; i < count; i++)
                go_on(under_way[i], step);
        for (size_t i = 0; i < count; i++)
            aep_execution_free(under_way[i]);
    }
    aep_publisher_close(pub);
}

/* ---- ingest ---- */

static double cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static struct aep__store *open_store(const char *path, bool write)
{
    struct aep__store *store;
    aep_error err;
    must(aep__store_open(&store, path, write, &err), &err);
    return store;
}

struct batches {
    double *us, *cpu_us; /* when each ended, since the first began */
    unsigned *events;
    size_t count, most;
};

static void add_batch(struct batches *batches, double us, double cpu, unsigned events)
{
    if (batches->count == batches->most) {
        batches->most = batches->most ? batches->most * 2 : 1024;
        batches->us = realloc(batches->us, batches->most * sizeof *batches->us);
        batches->cpu_us = realloc(batches->cpu_us, batches->most * sizeof *batches->cpu_us);
        batches->events = realloc(batches->events, batches->most * sizeof *batches->events);
        if (!batches->us || !batches->cpu_us || !batches->events)
            bench_die("out of memory");
    }
    batches->us[batches->count] = us;
    batches->cpu_us[batches->count] = cpu;
    batches->events[batches->count++] = events;
}

/* Over all of it, and over its last tenth. */
static void print_batches(const struct batches *batches)
{
    size_t last = batches->count - 1, tail = batches->count - 1 - batches->count / 10;
    double events = 0, tail_events = 0;
    for (size_t i = 0; i <= last; i++) {
        events += batches->events[i];
        tail_events += i > tail ? batches->events[i] : 0;
    }
    double tail_us = batches->us[last] - batches->us[tail];
    bench_print_number("ingest", "events", events);
    bench_print_number("ingest_rate", "per_second", events / batches->us[last] * 1e6);
    bench_print_number("ingest_end", "per_second", tail_us > 0 ? tail_events / tail_us * 1e6 : 0);
    bench_print_number("ingest_cpu", "us", batches->cpu_us[last] / events);
    bench_print_number("ingest_memory", "kib", (double)bench_memory_kib("Rss:"));
}

/* A step after each transaction, as long as there is more than may be. */
static void keep_below(struct aep__retention *retention, struct aep__ingest *ingest)
{
    bool more;
    aep_error err;
    if (retention->max_bytes > 0)
        must(aep__retention_step(retention, ingest, aep__clock_wall_us(), &more, &err), &err);
}

static void ingest(const char *spool, const char *path, int64_t max_bytes)
{
    aep_error err;
    struct aep__retention retention = {.max_bytes = max_bytes};
    struct aep__ingest ingest;
    struct aep__source_spool source;
    struct batches batches = {0};
    struct aep__store *store = open_store(path, true);
    must(aep__ingest_init(&ingest, store, INT64_C(86400000000), &err), &err);
    must(aep__source_spool_open(&source, spool, store, &err), &err);
    int64_t begun = bench_now_ns();
    double cpu = cpu_us();
    for (bool end = false; !end;) {
        unsigned count;
        must(store->ops->begin(store, &err), &err);
        must(aep__source_spool_read(&source, &ingest, retention.over ? BATCH_OVER : BATCH, &count,
                                    &end, &err),
             &err);
        must(aep__ingest_flush(&ingest, &err), &err);
        must(store->ops->commit(store, &err), &err);
        keep_below(&retention, &ingest);
        add_batch(&batches, (double)(bench_now_ns() - begun) / 1000, cpu_us() - cpu, count);
    }
    print_batches(&batches);
    free(batches.us);
    free(batches.cpu_us);
    free(batches.events);
    aep__source_spool_close(&source);
    aep__ingest_done(&ingest);
    store->ops->close(store);
}

/* ---- purge ---- */

static void purge(const char *path)
{
    aep_error err;
    struct aep__ingest ingest;
    struct aep__retention retention = {.executions_us = 1};
    struct aep__store *store = open_store(path, true);
    int64_t states[AEP__STATE_COUNT], before = 0, longest_ns = 0;
    must(aep__ingest_init(&ingest, store, INT64_C(86400000000), &err), &err);
    must(store->ops->count(store, 0, states, &err), &err);
    for (int i = 0; i < AEP__STATE_COUNT; i++)
        before += states[i];
    int64_t begun = bench_now_ns();
    double cpu = cpu_us();
    for (bool more = true; more;) {
        int64_t step = bench_now_ns();
        must(aep__retention_step(&retention, &ingest, aep__clock_wall_us(), &more, &err), &err);
        step = bench_now_ns() - step;
        longest_ns = step > longest_ns ? step : longest_ns;
    }
    double ms = (double)(bench_now_ns() - begun) / 1e6;
    must(store->ops->count(store, 0, states, &err), &err);
    for (int i = 0; i < AEP__STATE_COUNT; i++)
        before -= states[i];
    bench_print_number("purge", "executions", (double)before);
    bench_print_number("purge", "ms", ms);
    bench_print_number("purge_cpu", "ms", (cpu_us() - cpu) / 1000);
    bench_print_number("purge_longest_step", "ms", (double)longest_ns / 1e6);
    aep__ingest_done(&ingest);
    store->ops->close(store);
}

/* ---- floor ---- */

static void run_sql(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        bench_die("%s: %s", sql, sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        bench_die("%s: %s", sql, sqlite3_errmsg(db));
    return statement;
}

struct table {
    sqlite3 *db; /* the copy */
    sqlite3_stmt *from, *to;
    double us;
    bool over;
};

static void open_table(struct table *table, sqlite3 *from, const char *name)
{
    char sql[2048];
    snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY key", name);
    table->from = prepare(from, sql);
    int columns = sqlite3_column_count(table->from);
    int len = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (", name);
    for (int i = 0; i < columns; i++)
        len += snprintf(sql + len, sizeof sql - (size_t)len, "%s?", i ? "," : "");
    snprintf(sql + len, sizeof sql - (size_t)len, ")");
    table->to = prepare(table->db, sql);
}

/* Copies so many rows; only what writes them is timed. */
static bool copy_rows(struct table *table, size_t most)
{
    for (size_t i = 0; !table->over && i < most; i++) {
        table->over = sqlite3_step(table->from) != SQLITE_ROW;
        for (int c = 0; !table->over && c < sqlite3_column_count(table->from); c++)
            sqlite3_bind_value(table->to, c + 1, sqlite3_column_value(table->from, c));
        int64_t begun = bench_now_ns();
        if (!table->over && sqlite3_step(table->to) != SQLITE_DONE)
            bench_die("insert: %s", sqlite3_errmsg(table->db));
        sqlite3_reset(table->to);
        table->us += (double)(bench_now_ns() - begun) / 1000;
    }
    return !table->over;
}

static void copy_schema(sqlite3 *from, sqlite3 *to)
{
    sqlite3_stmt *sql = prepare(from, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND "
                                      "tbl_name IN ('events', 'executions')");
    while (sqlite3_step(sql) == SQLITE_ROW)
        run_sql(to, (const char *)sqlite3_column_text(sql, 0));
    sqlite3_finalize(sql);
}

/* The tables' rows in transactions of as many events; reading them is not counted. */
static void measure_floor(const char *path, const char *copy)
{
    sqlite3 *from, *to;
    if (sqlite3_open_v2(path, &from, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        sqlite3_open(copy, &to) != SQLITE_OK)
        bench_die("cannot open %s or %s", path, copy);
    run_sql(to, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                "PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -24000");
    copy_schema(from, to);
    struct table events = {.db = to}, executions = {.db = to};
    open_table(&events, from, "events");
    open_table(&executions, from, "executions");
    sqlite3_stmt *ratio = prepare(from, "SELECT (SELECT count(*) FROM events), "
                                        "(SELECT count(*) FROM executions)");
    sqlite3_step(ratio);
    double count = sqlite3_column_double(ratio, 0), rows = sqlite3_column_double(ratio, 1);
    sqlite3_finalize(ratio);
    double us = 0;
    for (bool more = true; more;) {
        run_sql(to, "BEGIN IMMEDIATE");
        more = copy_rows(&events, BATCH);
        more |= copy_rows(&executions, (size_t)(rows / count * BATCH) + 1);
        int64_t begun = bench_now_ns();
        run_sql(to, "COMMIT");
        us += (double)(bench_now_ns() - begun) / 1000;
    }
    us += events.us + executions.us;
    bench_print_number("floor", "per_second", count / us * 1e6);
    sqlite3_finalize(events.from);
    sqlite3_finalize(events.to);
    sqlite3_finalize(executions.from);
    sqlite3_finalize(executions.to);
    sqlite3_close(from);
    sqlite3_close(to);
}

/* ---- list ---- */

static bool count_row(void *user, const struct aep__tracked *execution)
{
    (void)execution;
    ++*(size_t *)user;
    return true;
}

static void list(const char *path)
{
    struct aep__store *store = open_store(path, false);
    struct samples lists = bench_samples(ROUNDS), counts = bench_samples(ROUNDS);
    struct aep__filter filter;
    aep_error err;
    aep__filter_init(&filter);
    for (int i = 0; i < ROUNDS; i++) {
        size_t rows = 0;
        int64_t states[AEP__STATE_COUNT], clock_us = aep__clock_wall_us();
        struct aep__query query = {.filter = &filter, .clock_us = clock_us, .limit = LIST_ROWS};
        int64_t begun = bench_now_ns();
        must(store->ops->list(store, &query, count_row, &rows, &err), &err);
        lists.ns[i] = bench_now_ns() - begun;
        begun = bench_now_ns();
        must(store->ops->count(store, clock_us, states, &err), &err);
        counts.ns[i] = bench_now_ns() - begun;
        if (rows != LIST_ROWS)
            bench_die("a list of %d has %zu rows", LIST_ROWS, rows);
    }
    bench_print("list", lists);
    bench_print("count", counts);
    aep__filter_done(&filter);
    store->ops->close(store);
}

/* ---- texts ---- */

static void fill_index(const char *path)
{
    struct aep__store *store = open_store(path, true);
    aep_error err;
    int more;
    double cpu = cpu_us();
    while ((more = store->ops->index_texts(store, BATCH, &err)) > 0)
        ;
    must(more < 0 ? err.code : AEP_OK, &err);
    bench_print_number("index_cpu", "us", cpu_us() - cpu);
    store->ops->close(store);
}

static void search(const char *path, const char *word, unsigned look_most)
{
    struct aep__store *store = open_store(path, false);
    struct samples samples = bench_samples(ROUNDS);
    struct aep__filter filter;
    aep_error err;
    size_t rows = 0;
    aep__filter_init(&filter);
    must(aep__filter_add(&filter, word, 0, &err), &err);
    for (int i = 0; i < ROUNDS; i++) {
        struct aep__query query = {.filter = &filter,
                                   .clock_us = aep__clock_wall_us(),
                                   .limit = LIST_ROWS,
                                   .look_most = look_most};
        int64_t begun = bench_now_ns();
        must(store->ops->list(store, &query, count_row, &rows, &err), &err);
        samples.ns[i] = bench_now_ns() - begun;
    }
    bench_print("search", samples);
    bench_print_number("search_rows", "rows", (double)rows / ROUNDS);
    aep__filter_done(&filter);
    store->ops->close(store);
}

/* ---- seen ---- */

/* Whether the newest execution of `AEP list` has that id. */
static bool is_listed(const char *aep, const char *id)
{
    char line[256] = "";
    int ends[2], status;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    char *const words[] = {(char *)aep, "list", "--json=id", "--limit=1", NULL};
    if (pipe(ends) < 0)
        bench_die("pipe: %s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    if (posix_spawn(&pid, aep, &actions, NULL, words, environ) != 0)
        bench_die("cannot start %s", aep);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    FILE *out = fdopen(ends[0], "r");
    if (!out || !fgets(line, sizeof line, out))
        line[0] = '\0';
    fclose(out);
    if (waitpid(pid, &status, 0) < 0 || status != 0)
        bench_die("%s list: status %d", aep, status);
    return strstr(line, id) != NULL;
}

static void measure_seen(size_t count, const char *aep)
{
    aep_publisher *pub = open_publisher();
    struct samples samples = bench_samples(count);
    for (size_t i = 0; i < count; i++) {
        int64_t begun = bench_now_ns();
        aep_execution *run = start(pub, i, NULL);
        while (!is_listed(aep, aep_execution_id(run)))
            ;
        samples.ns[i] = bench_now_ns() - begun;
        go_on(run, 2);
        aep_execution_free(run);
    }
    aep_publisher_close(pub);
    bench_print("seen", samples);
}

int main(int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[1] : "";
    if (strcmp(verb, "fill") == 0)
        fill(strtoull(argv[2], NULL, 10));
    else if (strcmp(verb, "list") == 0)
        list(argv[2]);
    else if (strcmp(verb, "index") == 0)
        fill_index(argv[2]);
    else if (strcmp(verb, "search") == 0 && argc > 3)
        search(argv[2], argv[3], argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 0);
    else if (strcmp(verb, "ingest") == 0 && argc > 3)
        ingest(argv[2], argv[3], argc > 4 ? strtoll(argv[4], NULL, 10) : 0);
    else if (strcmp(verb, "purge") == 0)
        purge(argv[2]);
    else if (strcmp(verb, "floor") == 0 && argc > 3)
        measure_floor(argv[2], argv[3]);
    else if (strcmp(verb, "seen") == 0 && argc > 3)
        measure_seen(strtoull(argv[2], NULL, 10), argv[3]);
    else
        bench_die("usage: bench_track fill|ingest|purge|floor|list|index|search|seen ...");
    return 0;
}
