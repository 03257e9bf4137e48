/* SPDX-License-Identifier: Apache-2.0 */
/* The store's file: whose it is, what may be wrong with it, and that a killed writer loses nothing. */
#include "track_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

/* libc's own are not asked while a test says what they answer. */
static long pretended_fs, pretended_user = -1;

int fstatfs(int fd, struct statfs *info)
{
    (void)fd;
    *info = (struct statfs){.f_type = pretended_fs ? pretended_fs : 0xef53};
    return 0;
}

uid_t geteuid(void)
{
    return (uid_t)(pretended_user >= 0 ? pretended_user : syscall(SYS_geteuid));
}

/* ---- words ---- */

static int reopen(struct track *track, bool write)
{
    close_track(track);
    track->err = (aep_error){0};
    return aep__store_open(&track->store, track->path, write, &track->err);
}

/* The message names the file, and says that. */
static void assert_said(const struct track *track, const char *text)
{
    if (!strstr(track->err.text, text) || !strstr(track->err.text, "tracker.db"))
        fail_msg("\"%s\" does not say \"%s\"", track->err.text, text);
    assert_string_equal(track->err.field, "track.store");
}

static void assert_refused(struct track *track, bool write, int code, const char *text)
{
    assert_int_equal(reopen(track, write), code);
    assert_null(track->store);
    assert_said(track, text);
}

static const char *file_in(const struct track *track, const char *name)
{
    static char paths[2][128];
    static unsigned next;
    char *path = paths[next++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", track->root, name);
    return path;
}

static void run_sql(const struct track *track, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(track->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void write_file(const char *path, off_t at, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, len, at), len);
    close(fd);
}

/* ---- whose file it is ---- */

static void test_file_and_folders_are_private(void **state)
{
    struct track *track = *state;
    mode_t before = umask(0);
    snprintf(track->path, sizeof track->path, "%s/deep/er/tracker.db", track->root);
    assert_int_equal(reopen(track, true), AEP_OK);
    begin(track);
    assert_int_equal(mode_of(track->path), 0600);
    assert_int_equal(mode_of(file_in(track, "deep/er/tracker.db-wal")), 0600);
    assert_int_equal(mode_of(file_in(track, "deep/er/tracker.db-shm")), 0600);
    assert_int_equal(mode_of(file_in(track, "deep")), 0700);
    assert_int_equal(mode_of(file_in(track, "deep/er")), 0700);
    track->store->ops->rollback(track->store);
    close_track(track);
    umask(0777);
    snprintf(track->path, sizeof track->path, "%s/closed/tracker.db", track->root);
    assert_int_equal(reopen(track, true), AEP_OK);
    assert_int_equal(mode_of(file_in(track, "closed")), 0700);
    umask(before);
    assert_int_equal(mode_of(track->path), 0600);
}

static void test_a_symbolic_link_is_refused(void **state)
{
    struct track *track = *state;
    close_track(track);
    assert_int_equal(rename(track->path, file_in(track, "elsewhere.db")), 0);
    assert_int_equal(symlink(file_in(track, "elsewhere.db"), track->path), 0);
    assert_refused(track, true, AEP_EIO, "symbolic link");
    assert_refused(track, false, AEP_EIO, "symbolic link");
    unlink(track->path);
    assert_int_equal(symlink(file_in(track, "missing.db"), track->path), 0);
    assert_refused(track, true, AEP_EIO, "symbolic link");
    assert_int_equal(access(file_in(track, "missing.db"), F_OK), -1);
}

static void test_a_home_behind_a_link_is_not(void **state)
{
    struct track *track = *state;
    assert_int_equal(symlink(file_in(track, "state"), file_in(track, "link")), 0);
    snprintf(track->path, sizeof track->path, "%s/link/tracker.db", track->root);
    assert_int_equal(reopen(track, true), AEP_OK);
    assert_int_equal(reopen(track, false), AEP_OK);
}

static void test_what_is_no_file_is_refused(void **state)
{
    struct track *track = *state;
    close_track(track);
    unlink(track->path);
    assert_int_equal(mkfifo(track->path, 0600), 0);
    assert_refused(track, false, AEP_EIO, "not a file");
    assert_refused(track, true, AEP_EIO, "not a file");
    unlink(track->path);
    assert_int_equal(mkdir(track->path, 0700), 0);
    assert_refused(track, false, AEP_EIO, "not a file");
    assert_refused(track, true, AEP_EIO, "cannot open");
    snprintf(track->path, sizeof track->path, "tracker.db");
    assert_refused(track, true, AEP_EIO, "absolute");
}

static void test_another_users_file_is_refused(void **state)
{
    struct track *track = *state;
    char text[64];
    long user = (long)geteuid();
    close_track(track);
    pretended_user = user + 1;
    snprintf(text, sizeof text, "belongs to user %ld, but this program runs as %ld", user,
             user + 1);
    assert_refused(track, true, AEP_EIO, text);
    assert_refused(track, false, AEP_EIO, text);
    pretended_user = -1;
    assert_int_equal(reopen(track, false), AEP_OK);
}

static void test_what_others_may_write_is_refused(void **state)
{
    struct track *track = *state;
    assert_int_equal(chmod(track->path, 0620), 0);
    assert_refused(track, true, AEP_EIO, "chmod 600");
    assert_refused(track, false, AEP_EIO, "chmod 600");
    assert_int_equal(chmod(track->path, 0640), 0); /* only readable by others: as they like */
    assert_int_equal(chmod(file_in(track, "state"), 01777), 0);
    assert_refused(track, true, AEP_EIO, "chmod 700");
    assert_refused(track, false, AEP_EIO, "chmod 700");
    assert_int_equal(chmod(file_in(track, "state"), 0755), 0);
    assert_int_equal(reopen(track, true), AEP_OK);
}

static void test_a_network_file_system_is_refused(void **state)
{
    struct track *track = *state;
    pretended_fs = 0x6969;
    assert_refused(track, true, AEP_EIO, "nfs");
    assert_refused(track, false, AEP_EIO, "nfs");
    pretended_fs = 0x01021994; /* tmpfs: it vanishes, and is made again */
    assert_int_equal(reopen(track, true), AEP_OK);
    pretended_fs = 0;
}

/* ---- what is in it ---- */

static void test_a_reader_makes_nothing(void **state)
{
    struct track *track = *state;
    assert_refused(track, false, AEP_ESPOOL, "there is no store");
    assert_int_equal(access(file_in(track, "state"), F_OK), -1);
    assert_int_equal(mkdir(file_in(track, "state"), 0700), 0);
    assert_refused(track, false, AEP_ESPOOL, "there is no store");
    write_file(track->path, 0, "", 0); /* a tracker has only begun */
    assert_refused(track, false, AEP_ESPOOL, "is empty");
    assert_int_equal(access(file_in(track, "state/tracker.db-wal"), F_OK), -1);
    assert_int_equal(reopen(track, true), AEP_OK);
}

static void test_a_reader_writes_nothing(void **state)
{
    struct track *track = *state;
    struct aep__tracked execution = make_execution(1, 0);
    assert_int_equal(reopen(track, false), AEP_OK);
    assert_int_equal(track->store->ops->begin(track->store, &track->err), AEP_EIO);
    assert_said(track, "cannot be written");
    assert_int_equal(track->store->ops->put(track->store, &execution, &track->err), AEP_ESTATE);
    assert_said(track, "outside a transaction");
    aep__tracked_done(&execution);
}

static void test_a_newer_schema_is_refused(void **state)
{
    struct track *track = *state;
    close_track(track);
    run_sql(track, "PRAGMA user_version = 1000");
    assert_refused(track, true, AEP_ESTATE, "newer aep (schema 1000");
    assert_refused(track, false, AEP_ESTATE, "newer aep (schema 1000");
}

static void test_a_reader_waits_for_the_tracker_to_migrate(void **state)
{
    struct track *track = *state;
    close_track(track);
    run_sql(track, "PRAGMA user_version = 0");
    assert_refused(track, false, AEP_ESTATE, "older aep (schema 0");
}

static void test_another_programs_database_is_left_alone(void **state)
{
    struct track *track = *state;
    char before[4096], after[4096];
    int fd;
    close_track(track);
    unlink(track->path);
    run_sql(track, "CREATE TABLE other (a); INSERT INTO other VALUES (1)");
    chmod(track->path, 0600);
    assert_true((fd = open(track->path, O_RDONLY)) >= 0 && read(fd, before, 4096) == 4096);
    close(fd);
    assert_refused(track, true, AEP_EIO, "another program's");
    assert_refused(track, false, AEP_EIO, "another program's");
    assert_true((fd = open(track->path, O_RDONLY)) >= 0 && read(fd, after, 4096) == 4096);
    close(fd);
    assert_memory_equal(before, after, 4096);
}

static void add_rows(struct track *track, unsigned count)
{
    begin(track);
    for (unsigned i = 0; i < count; i++) {
        struct aep__tracked execution = make_execution(i, (int)i);
        MUST(track, put, &execution);
        aep__tracked_done(&execution);
    }
    commit(track);
}

static void test_a_damaged_file_is_said_to_be(void **state)
{
    struct track *track = *state;
    struct aep__tracked found;
    struct stat st;
    char garbage[4096];
    int code = AEP_OK;
    memset(garbage, 0xa5, sizeof garbage);
    aep__tracked_init(&found);
    add_rows(track, 300);
    close_track(track);
    assert_int_equal(stat(track->path, &st), 0);
    for (off_t at = 8192; at < st.st_size; at += 4096) /* all but the first pages */
        write_file(track->path, at, garbage, sizeof garbage);
    if (reopen(track, true) == AEP_OK)
        for (unsigned i = 0; i < 300 && code == AEP_OK; i++)
            if (track->store->ops->get(track->store, id_of(i), &found, &track->err) < 0)
                code = track->err.code;
    assert_int_equal(track->err.code, AEP_EIO);
    assert_said(track, "is damaged: move it away");
    close_track(track);
    write_file(track->path, 0, garbage, sizeof garbage);
    assert_refused(track, true, AEP_EIO, "is damaged: move it away");
    assert_refused(track, false, AEP_EIO, "is damaged: move it away");
    assert_int_equal(truncate(track->path, 5), 0);
    assert_refused(track, true, AEP_EIO, "is damaged: move it away");
    aep__tracked_done(&found);
}

static uint64_t random_state;

static size_t any(size_t below)
{
    uint64_t x = random_state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (size_t)((x ^ (x >> 31)) % below);
}

/* A few bytes anywhere, a page of noise, the headers of pages, an end that is missing. */
static size_t damage(char *bytes, size_t len, unsigned how)
{
    const size_t page = 4096;
    if (how % 4 == 1)
        for (size_t i = 0, at = any(len / page) * page; i < page; i++)
            bytes[at + i] = (char)any(256);
    else if (how % 4 == 2)
        for (size_t i = 0; i < 30; i++)
            bytes[any(len / page) * page + any(16)] = (char)any(256);
    else if (how % 4 == 3)
        return 1 + any(len);
    else
        for (size_t i = 0; i < 300; i++)
            bytes[any(len)] = (char)any(256);
    return len;
}

/* Reads all that it takes; what it says if it takes none. */
static void read_damaged(struct track *track)
{
    static const char *const texts[] = {"0", "c", "019a0000-0000-7000-8000-000000000001"};
    struct aep__buf kept = {0};
    struct aep__filter filter;
    struct aep__query query = {.filter = &filter, .clock_us = AT(0)};
    int64_t counts[AEP__STATE_COUNT];
    int code = reopen(track, any(2));
    aep__filter_init(&filter);
    const struct aep__store_ops *ops = track->store ? track->store->ops : NULL;
    if (code == AEP_OK)
        code = ops->list(track->store, &query, keep_row, &kept, &track->err);
    if (code == AEP_OK)
        code = ops->count(track->store, AT(0), counts, &track->err);
    for (unsigned i = 0; code == AEP_OK && i < 3; i++) {
        code = ops->lookup(track->store, texts[i], 10, keep_row, &kept, &track->err);
        if (code == AEP_OK)
            code = ops->events(track->store, id_of(i), NULL, keep_event, &kept, &track->err);
    }
    if (code != AEP_OK && !strstr(track->err.text, "move it away") &&
        !strstr(track->err.text, "another program's") && !strstr(track->err.text, "aep (schema") &&
        !strstr(track->err.text, "is empty"))
        fail_msg("\"%s\" does not say what to do", track->err.text);
    aep__filter_done(&filter);
    aep__buf_done(&kept);
}

static void test_any_damage_is_survived(void **state)
{
    struct track *track = *state;
    static char good[1 << 20], bytes[1 << 20];
    begin(track);
    for (unsigned i = 0; i < 200; i++) {
        struct aep__tracked execution = make_execution(i, (int)i);
        struct made_event event = make_event(i, AT(i), execution.id, "{\"a\":1}");
        MUST(track, add_event, &event.observation, &event.stored);
        MUST(track, put, &execution);
        aep__tracked_done(&execution);
    }
    commit(track);
    close_track(track);
    int fd = open(track->path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, good, sizeof good);
    close(fd);
    assert_in_range(len, 65536, sizeof good - 1);
    random_state = (uint64_t)getpid();
    print_message("seed %llu\n", (unsigned long long)random_state);
    for (unsigned i = 0; i < 200; i++) {
        close_track(track);
        unlink(file_in(track, "state/tracker.db-wal"));
        unlink(file_in(track, "state/tracker.db-shm"));
        memcpy(bytes, good, (size_t)len);
        size_t left = damage(bytes, (size_t)len, i);
        assert_int_equal(truncate(track->path, 0), 0);
        write_file(track->path, 0, bytes, left);
        read_damaged(track);
    }
}

/* As a page that was damaged may say, and still be one. */
static void test_a_store_without_a_column_says_what_to_do(void **state)
{
    struct track *track = *state;
    struct aep__tracked found;
    aep__tracked_init(&found);
    close_track(track);
    run_sql(track, "ALTER TABLE executions RENAME COLUMN user_request TO other");
    int code = reopen(track, false);
    if (code == AEP_OK && track->store->ops->get(track->store, id_of(1), &found, &track->err) < 0)
        code = track->err.code;
    assert_int_equal(code, AEP_EIO);
    assert_said(track, "user_request; if that lasts, move it away");
    aep__tracked_done(&found);
}

static void test_a_removed_store_is_noticed(void **state)
{
    struct track *track = *state;
    add_rows(track, 1);
    assert_int_equal(track->store->ops->replaced(track->store, &track->err), 0);
    assert_int_equal(unlink(track->path), 0);
    assert_int_equal(track->store->ops->replaced(track->store, &track->err), 1);
    assert_int_equal(track->store->ops->begin(track->store, &track->err), AEP_ESPOOL);
    assert_said(track, "has been removed");
    assert_int_equal(reopen(track, true), AEP_OK); /* whatever lies beside it is not of this one */
    struct aep__tracked found;
    aep__tracked_init(&found);
    assert_int_equal(track->store->ops->get(track->store, id_of(0), &found, &track->err), 0);
    add_rows(track, 1);
    write_file(file_in(track, "other"), 0, "x", 1); /* and one that has another in its place */
    assert_int_equal(rename(file_in(track, "other"), track->path), 0);
    assert_int_equal(track->store->ops->replaced(track->store, &track->err), 1);
    assert_int_equal(track->store->ops->begin(track->store, &track->err), AEP_ESPOOL);
}

/* ---- several programs ---- */

static void test_another_programs_lock_is_said(void **state)
{
    struct track *track = *state;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(track->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(track->store->ops->begin(track->store, &track->err), AEP_ESTATE);
    assert_said(track, "locked");
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    begin(track);
    commit(track);
    close_track(track);
    assert_int_equal(sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_refused(track, false, AEP_ESTATE, "locked");
    assert_refused(track, true, AEP_ESTATE, "locked");
    sqlite3_close(db);
    assert_int_equal(reopen(track, true), AEP_OK);
}

static void test_readers_read_while_a_tracker_writes(void **state)
{
    struct track *track = *state;
    struct track reader = *track;
    struct aep__tracked execution = make_execution(9, 0), found;
    int64_t counts[AEP__STATE_COUNT];
    aep__tracked_init(&found);
    reader.store = NULL;
    add_rows(track, 5);
    begin(track);
    MUST(track, put, &execution);
    assert_int_equal(reopen(&reader, false), AEP_OK);
    assert_int_equal(reader.store->ops->get(reader.store, id_of(4), &found, &reader.err), 1);
    assert_int_equal(reader.store->ops->get(reader.store, id_of(9), &found, &reader.err), 0);
    MUST(&reader, count, AT(0), counts);
    assert_int_equal(counts[AEP__STATE_RUNNING], 5);
    commit(track);
    assert_int_equal(reader.store->ops->get(reader.store, id_of(9), &found, &reader.err), 1);
    MUST(&reader, count, AT(0), counts);
    assert_int_equal(counts[AEP__STATE_RUNNING], 6);
    close_track(&reader);
    aep__tracked_done(&execution);
    aep__tracked_done(&found);
}

/* ---- in a process of its own ---- */

/* Runs it in a child; 77: it could not be set up here. */
static void in_child(struct track *track, int (*run)(struct track *track))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(run(track));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the child ended with %#x", status);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition, track->err.text);          \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

/* Root may write anywhere: be someone else. */
static int read_only_folder(struct track *track)
{
    const uid_t nobody = 65534;
    struct track reader = *track;
    reader.store = NULL;
    if (geteuid() == 0) {
        CHECK(chown(track->root, nobody, nobody) == 0);
        CHECK(setresgid(nobody, nobody, nobody) == 0 && setresuid(nobody, nobody, nobody) == 0);
    }
    CHECK(reopen(track, true) == AEP_OK);
    CHECK(chmod(file_in(track, "state"), 0500) == 0);
    CHECK(reopen(&reader, false) == AEP_OK); /* a tracker has it open */
    close_track(&reader);
    CHECK(chmod(file_in(track, "state"), 0700) == 0);
    close_track(track);
    CHECK(chmod(file_in(track, "state"), 0500) == 0);
    CHECK(reopen(track, false) == AEP_EIO);
    CHECK(strstr(track->err.text, "or its folder, cannot be written"));
    CHECK(reopen(track, true) == AEP_EIO);
    CHECK(strstr(track->err.text, "or its folder, cannot be written"));
    CHECK(unlink(track->path) < 0);
    snprintf(track->path, sizeof track->path, "%s/state/deeper/tracker.db", track->root);
    CHECK(reopen(track, true) == AEP_EIO);
    CHECK(strstr(track->err.text, "cannot make the folder"));
    CHECK(strstr(track->err.text, "(Permission denied): set"));
    CHECK(strstr(track->err.text, "AEP_TRACK_STORE"));
    CHECK(chmod(file_in(track, "state"), 0700) == 0);
    return 0;
}

static void test_a_read_only_folder_is_said(void **state)
{
    in_child(*state, read_only_folder);
}

/* Adds events until that fails; how many transactions of 50 were committed. */
static unsigned fill_store(struct track *track, int *ret_code)
{
    static char body[4000];
    const struct aep__store_ops *ops = track->store->ops;
    memset(body, 'x', sizeof body - 1);
    for (unsigned done = 0, number = 1;; done++) {
        *ret_code = ops->begin(track->store, &track->err);
        for (int i = 0; *ret_code == AEP_OK && i < 50; i++, number++) {
            struct made_event event = make_event(number, AT(number), "x", body);
            *ret_code =
                ops->add_event(track->store, &event.observation, &event.stored, &track->err);
        }
        if (*ret_code == AEP_OK)
            *ret_code = ops->commit(track->store, &track->err);
        if (*ret_code != AEP_OK || done == 10000) {
            ops->rollback(track->store);
            return done;
        }
    }
}

static bool count_event(void *user, const struct aep__stored_event *event)
{
    unsigned *count = user;
    (*count)++;
    return event->body.len == 3999;
}

static int full(struct track *track, void (*make_room)(struct track *track))
{
    int code;
    unsigned count = 0;
    unsigned done = fill_store(track, &code);
    CHECK(code == AEP_EFULL);
    CHECK(strstr(track->err.text, "is full: make room"));
    CHECK(track->store->ops->events(track->store, "x", NULL, count_event, &count, &track->err) ==
          AEP_OK);
    CHECK(done > 2 && count == done * 50);
    make_room(track);
    struct made_event event = make_event(1000000, AT(0), "y", "{}");
    CHECK(track->store->ops->begin(track->store, &track->err) == AEP_OK);
    CHECK(track->store->ops->add_event(track->store, &event.observation, &event.stored,
                                       &track->err) == AEP_OK);
    CHECK(track->store->ops->commit(track->store, &track->err) == AEP_OK);
    count = 0;
    CHECK(reopen(track, true) == AEP_OK);
    CHECK(track->store->ops->events(track->store, "x", NULL, count_event, &count, &track->err) ==
          AEP_OK);
    CHECK(count == done * 50);
    close_track(track);
    return 0;
}

static void raise_limit(struct track *track)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    (void)track;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static int limited_file(struct track *track)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = 4 << 20;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    signal(SIGXFSZ, SIG_IGN);
    CHECK(reopen(track, true) == AEP_OK);
    return full(track, raise_limit);
}

static void test_a_limited_file_size_is_a_full_disk(void **state)
{
    in_child(*state, limited_file);
}

static void free_disk(struct track *track)
{
    unlink(file_in(track, "disk/other"));
}

/* Another program's file, as large as there is room for. */
static bool fill_disk(struct track *track, size_t size)
{
    static char block[4096];
    int fd = open(file_in(track, "disk/other"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (size_t done = 0; fd >= 0 && done < size; done += sizeof block)
        if (write(fd, block, sizeof block) < 0)
            break;
    return fd >= 0 && close(fd) == 0;
}

/* In a namespace of its own. */
static bool mount_disk(struct track *track, const char *options)
{
    return mount("tmpfs", file_in(track, "disk"), "tmpfs", 0, options) == 0;
}

static int small_disk(struct track *track)
{
    CHECK(mkdir(file_in(track, "disk"), 0700) == 0);
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        !mount_disk(track, "mode=700,nr_inodes=2"))
        return 77;
    snprintf(track->path, sizeof track->path, "%s/disk/tracker.db", track->root);
    CHECK(reopen(track, true) == AEP_EFULL); /* no room for the names of the files beside it */
    CHECK(strstr(track->err.text, "is full: make room"));
    CHECK(umount(file_in(track, "disk")) == 0 && mount_disk(track, "mode=700,size=8m"));
    CHECK(fill_disk(track, 8 << 20));
    CHECK(reopen(track, true) == AEP_EFULL);
    CHECK(strstr(track->err.text, "is full: make room"));
    free_disk(track);
    CHECK(fill_disk(track, 3 << 20));
    CHECK(reopen(track, true) == AEP_OK);
    return full(track, free_disk);
}

static void test_a_full_disk_is_said_and_loses_nothing(void **state)
{
    in_child(*state, small_disk);
}

/* ---- kills ---- */

#define BATCH 7

/* Each transaction: as many rows and events, their count, and how far the source was read. */
static void write_for_ever(struct track *track, int report_fd)
{
    struct aep__bookmark position = {.source = "spool:x"};
    if (aep__store_open(&track->store, track->path, true, &track->err) != AEP_OK ||
        track->store->ops->get_position(track->store, &position, &track->err) < 0)
        _exit(1);
    for (;;) {
        begin(track);
        for (int i = 0; i < BATCH; i++) {
            unsigned number = (unsigned)(position.offset * BATCH) + (unsigned)i;
            struct aep__tracked execution = make_execution(number, (int)number);
            struct made_event event = make_event(number, AT(number), execution.id, "{}");
            MUST(track, add_event, &event.observation, &event.stored);
            MUST(track, put, &execution);
            execution.outcome = AEP__ENDING_COMPLETED;
            MUST(track, put, &execution);
            MUST(track, add_count, "events", 1);
            aep__tracked_done(&execution);
        }
        position.offset++;
        MUST(track, put_position, &position);
        commit(track);
        if (write(report_fd, &position.offset, sizeof position.offset) < 0)
            _exit(1);
    }
}

static void kill_writer(struct track *track, unsigned round, uint64_t *ret_reported)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        write_for_ever(track, ends[1]);
    }
    close(ends[1]);
    for (unsigned i = 0; i <= round % 5; i++)
        assert_int_equal(read(ends[0], ret_reported, sizeof *ret_reported), sizeof *ret_reported);
    for (volatile unsigned i = 0; i < round * 7919 % 50000; i++) /* somewhere in the next one */
        ;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    while (read(ends[0], ret_reported, sizeof *ret_reported) == sizeof *ret_reported)
        ;
    close(ends[0]);
}

static void assert_whole(struct track *track, uint64_t reported)
{
    struct aep__bookmark position = {.source = "spool:x"};
    struct aep__buf kept = {0};
    int64_t counts[AEP__STATE_COUNT], events;
    assert_int_equal(track->store->ops->get_position(track->store, &position, &track->err), 1);
    assert_true(position.offset >= reported); /* the last one may be committed, but not reported */
    assert_true(position.offset <= reported + 1);
    MUST(track, count, AT(0), counts);
    assert_int_equal(counts[AEP__STATE_COMPLETED], position.offset * BATCH);
    assert_int_equal(counts[AEP__STATE_RUNNING], 0);
    MUST(track, get_count, "events", &events);
    assert_int_equal(events, position.offset * BATCH);
    MUST(track, lookup, "c", 0, keep_row, &kept);
    unsigned rows = 0;
    for (size_t i = 0; i < kept.len; i++)
        rows += kept.data[i] == ' ';
    assert_int_equal(rows, position.offset * BATCH);
    aep__buf_done(&kept);
}

static int expect_ok(void *user, int count, char **values, char **names)
{
    (void)names;
    *(bool *)user = count == 1 && strcmp(values[0], "ok") == 0;
    return 0;
}

static void assert_integrity(const struct track *track)
{
    sqlite3 *db;
    bool ok = false;
    assert_int_equal(sqlite3_open(track->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA integrity_check", expect_ok, &ok, NULL), SQLITE_OK);
    assert_true(ok);
    sqlite3_close(db);
}

static void test_a_killed_writer_leaves_whole_transactions(void **state)
{
    struct track *track = *state;
    uint64_t reported = 0;
    for (unsigned round = 0; round < 20; round++) {
        close_track(track);
        kill_writer(track, round, &reported);
        assert_int_equal(reopen(track, round % 2), AEP_OK);
        assert_whole(track, reported);
    }
    close_track(track);
    assert_integrity(track);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_file_and_folders_are_private),
        TRACK_TEST(test_a_symbolic_link_is_refused),
        TRACK_TEST(test_a_home_behind_a_link_is_not),
        TRACK_TEST(test_what_is_no_file_is_refused),
        TRACK_TEST(test_another_users_file_is_refused),
        TRACK_TEST(test_what_others_may_write_is_refused),
        TRACK_TEST(test_a_network_file_system_is_refused),
        FOLDER_TEST(test_a_reader_makes_nothing),
        TRACK_TEST(test_a_reader_writes_nothing),
        TRACK_TEST(test_a_newer_schema_is_refused),
        TRACK_TEST(test_a_reader_waits_for_the_tracker_to_migrate),
        TRACK_TEST(test_another_programs_database_is_left_alone),
        TRACK_TEST(test_a_damaged_file_is_said_to_be),
        TRACK_TEST(test_any_damage_is_survived),
        TRACK_TEST(test_a_store_without_a_column_says_what_to_do),
        TRACK_TEST(test_a_removed_store_is_noticed),
        TRACK_TEST(test_another_programs_lock_is_said),
        TRACK_TEST(test_readers_read_while_a_tracker_writes),
        FOLDER_TEST(test_a_read_only_folder_is_said),
        FOLDER_TEST(test_a_limited_file_size_is_a_full_disk),
        FOLDER_TEST(test_a_full_disk_is_said_and_loses_nothing),
        TRACK_TEST(test_a_killed_writer_leaves_whole_transactions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
