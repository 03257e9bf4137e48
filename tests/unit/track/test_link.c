/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader and the tracker share beside the store: folder, lock, socket. */
#include "config_fixture.h"

#include "track/link.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/vfs.h>

static char store[PATH_SIZE];
static bool remote; /* what libc's own would answer is not asked */

int fstatfs(int fd, struct statfs *info)
{
    (void)fd;
    *info = (struct statfs){.f_type = remote ? 0x6969 : 0xef53};
    return 0;
}

static int begin_link(void **state)
{
    int result = enter(state);
    snprintf(store, sizeof store, "%s", path_in(*state, "tracker.db"));
    return result;
}

#define LINK_TEST(function) cmocka_unit_test_setup_teardown(function, begin_link, leave)

static void assert_store(struct world *world, const char *expected)
{
    struct aep__buf path = {0};
    must_load(world);
    assert_int_equal(aep__link_store(world->config, &path, &world->err), AEP_OK);
    assert_string_equal(aep__buf_string(&path), expected);
    aep__buf_done(&path);
}

static void test_the_store_is_in_the_state_folder_or_where_the_option_says(void **state)
{
    struct world *world = *state;
    given_variable(world, "AEP_MODE=local");
    given_variable(world, "XDG_STATE_HOME=/state");
    assert_store(world, "/state/aep/tracker.db");
    given_argument(world, "track.store", "/elsewhere/a.db");
    assert_store(world, "/elsewhere/a.db");
}

/* What belongs to it on this machine: the same for the same store, and no password in its name. */
static void test_a_store_elsewhere_has_its_files_in_the_state_folder(void **state)
{
    static const char *const same[] = {"postgresql://u@h:5432/d", "postgres://u:secret@h/d",
                                       "postgresql://u@h/d?password=secret"};
    static const char *const others[] = {"postgresql://v@h/d", "postgresql://u@i/d",
                                         "postgresql://u@h:5433/d", "postgresql://u@h/e"};
    struct world *world = *state;
    struct aep__buf first = {0}, path = {0}, name = {0};
    given_variable(world, "AEP_MODE=local");
    given_variable(world, "XDG_STATE_HOME=/state");
    for (size_t i = 0; i < 7; i++) {
        const char *url = i < 3 ? same[i] : others[i - 3];
        given_argument(world, "track.store", url);
        must_load(world);
        aep__buf_clear(&path);
        aep__buf_clear(&name);
        assert_int_equal(aep__link_store(world->config, &path, &world->err), AEP_OK);
        assert_int_equal(aep__link_name(world->config, path.data, &name, &world->err), AEP_OK);
        assert_string_equal(aep__link_where(world->config, path.data), url);
        assert_null(strstr(path.data, "secret"));
        assert_null(strstr(name.data, "secret"));
        if (i == 0)
            aep__buf_add(&first, path.data, path.len + 1);
        assert_int_equal(strcmp(path.data, first.data) == 0, i < 3);
        assert_int_equal(strcmp(name.data, "postgresql://u@h:5432/d") == 0, i < 3);
    }
    assert_int_equal(strncmp(first.data, "/state/aep/tracker-", 19), 0);
    aep__buf_done(&first);
    aep__buf_done(&path);
    aep__buf_done(&name);
}

static void test_without_a_home_there_is_no_store(void **state)
{
    struct world *world = *state;
    struct aep__buf path = {0};
    withdraw_variable(world); /* HOME */
    given_variable(world, "AEP_MODE=local");
    must_load(world);
    assert_int_equal(aep__link_store(world->config, &path, &world->err), AEP_ECONFIG);
    assert_non_null(strstr(world->err.text, "track.store"));
    aep__buf_done(&path);
}

static void test_the_folder_is_made_and_private(void **state)
{
    struct world *world = *state;
    struct stat st;
    char deep[PATH_SIZE];
    given_variable(world, "AEP_MODE=local");
    must_load(world);
    snprintf(deep, sizeof deep, "%s", path_in(world, "a/b/t.db"));
    mode_t before = umask(0);
    assert_int_equal(aep__link_prepare(deep, &world->err), AEP_OK);
    assert_int_equal(aep__link_prepare(deep, &world->err), AEP_OK);
    umask(before);
    assert_int_equal(stat(path_in(world, "a/b"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_what_is_no_folder_is_refused_with_what_to_do(void **state)
{
    struct world *world = *state;
    given_variable(world, "AEP_MODE=local");
    must_load(world);
    assert_int_equal(aep__link_prepare("/dev/null/t.db", &world->err), AEP_EIO);
    assert_non_null(strstr(world->err.text, "): set AEP_TRACK_STORE"));
}

/* Where a spool may be, if spool.any_fs says so: its memory is shared by all who have a store open. */
static void test_a_network_file_system_is_refused(void **state)
{
    struct world *world = *state;
    char path[PATH_SIZE];
    given_variable(world, "AEP_MODE=local");
    given_variable(world, "AEP_SPOOL_ANY_FS=true");
    must_load(world);
    snprintf(path, sizeof path, "%s", path_in(world, "a/t.db"));
    remote = true;
    int code = aep__link_prepare(path, &world->err);
    remote = false;
    assert_int_equal(code, AEP_ECONFIG);
    assert_non_null(strstr(world->err.text, "nfs"));
    assert_non_null(strstr(world->err.text, "set track.store to a file on a local disk"));
    assert_null(strstr(world->err.text, "any_fs")); /* which would not help */
    assert_int_equal(access(path_in(world, "a/t.db.lock"), F_OK), -1);
}

static void test_one_tracker_holds_the_lock(void **state)
{
    (void)state;
    bool taken = false, again = true;
    assert_false(aep__link_held(store));
    int fd = aep__link_lock(store, &taken);
    assert_true(fd >= 0 && taken);
    assert_true(aep__link_held(store));
    int other = aep__link_lock(store, &again);
    assert_true(other >= 0 && !again);
    close(other);
    assert_true(aep__link_held(store)); /* probing and failing take nothing away */
    close(fd);
    assert_false(aep__link_held(store));
}

static void test_a_lock_that_was_removed_is_noticed(void **state)
{
    (void)state;
    char name[PATH_SIZE + 8];
    bool taken = false, anew = false;
    snprintf(name, sizeof name, "%s.lock", store);
    int fd = aep__link_lock(store, &taken);
    assert_true(taken && aep__link_locks(store, fd));
    assert_int_equal(unlink(name), 0);
    assert_false(aep__link_locks(store, fd));
    int other = aep__link_lock(store, &anew);
    assert_true(anew);
    assert_false(aep__link_locks(store, fd));
    assert_true(aep__link_locks(store, other));
    close(fd);
    close(other);
}

static void test_a_lock_that_is_no_file_of_ours_is_left_alone(void **state)
{
    (void)state;
    char name[PATH_SIZE + 8];
    bool taken = true;
    snprintf(name, sizeof name, "%s.lock", store);
    assert_int_equal(symlink("/etc/passwd", name), 0);
    assert_int_equal(aep__link_lock(store, &taken), -1);
    assert_false(taken || aep__link_held(store));
}

static int accept_one(int listen_fd)
{
    struct pollfd call = {.fd = listen_fd, .events = POLLIN};
    assert_int_equal(poll(&call, 1, 60000), 1);
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(fd >= 0);
    return fd;
}

static void test_lines_go_both_ways(void **state)
{
    (void)state;
    char line[64];
    assert_int_equal(aep__link_connect(store), -1);
    assert_int_equal(errno, ENOENT);
    int listen_fd = aep__link_listen(store);
    assert_true(listen_fd >= 0 && aep__link_named(store));
    int reader = aep__link_connect(store);
    assert_true(reader >= 0);
    int tracker = accept_one(listen_fd);

    assert_int_equal(aep__link_receive(reader, line, sizeof line, 0), 0);
    assert_true(aep__link_send(reader, "sync %s", "/a b"));
    assert_int_equal(aep__link_receive(tracker, line, sizeof line, 60000), 1);
    assert_string_equal(line, "sync /a b");
    assert_true(aep__link_send(tracker, "synced 1"));
    assert_true(aep__link_send(tracker, "end"));
    assert_int_equal(aep__link_receive(reader, line, sizeof line, 60000), 1);
    assert_string_equal(line, "synced 1");
    close(tracker);
    assert_int_equal(aep__link_receive(reader, line, sizeof line, 60000), 1);
    assert_string_equal(line, "end");
    assert_int_equal(aep__link_receive(reader, line, sizeof line, 60000), -1);
    assert_false(aep__link_send(reader, "sync")); /* and no SIGPIPE */
    close(reader);

    close(listen_fd);
    assert_int_equal(aep__link_connect(store), -1);
    assert_int_equal(errno, ECONNREFUSED); /* as a killed tracker leaves it */
    listen_fd = aep__link_listen(store);
    assert_true(listen_fd >= 0);
    aep__link_unlisten(store);
    assert_false(aep__link_named(store));
    assert_int_equal(aep__link_connect(store), -1);
    assert_int_equal(errno, ENOENT);
    close(listen_fd);
}

static void test_a_folder_may_have_a_long_path(void **state)
{
    struct world *world = *state;
    char name[101], deep[PATH_SIZE];
    memset(name, 'd', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(deep, sizeof deep, "%.200s/%s/%s/t.db", world->dir, name, name);
    given_variable(world, "AEP_MODE=local");
    must_load(world);
    assert_int_equal(aep__link_prepare(deep, &world->err), AEP_OK);
    int listen_fd = aep__link_listen(deep), reader = aep__link_connect(deep);
    assert_true(listen_fd >= 0 && reader >= 0);
    close(listen_fd);
    close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LINK_TEST(test_the_store_is_in_the_state_folder_or_where_the_option_says),
        LINK_TEST(test_a_store_elsewhere_has_its_files_in_the_state_folder),
        LINK_TEST(test_without_a_home_there_is_no_store),
        LINK_TEST(test_the_folder_is_made_and_private),
        LINK_TEST(test_what_is_no_folder_is_refused_with_what_to_do),
        LINK_TEST(test_a_network_file_system_is_refused),
        LINK_TEST(test_one_tracker_holds_the_lock),
        LINK_TEST(test_a_lock_that_was_removed_is_noticed),
        LINK_TEST(test_a_lock_that_is_no_file_of_ours_is_left_alone),
        LINK_TEST(test_lines_go_both_ways),
        LINK_TEST(test_a_folder_may_have_a_long_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
