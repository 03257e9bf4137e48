/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/control.h"

#include "spool_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

/* A client and the server's end of it. */
static void connect_both(struct here *here, int listener, int *client, int *server)
{
    *client = aep__control_connect(&here->spool);
    assert_true(*client >= 0);
    *server = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(*server >= 0);
}

static void test_without_a_relay_nobody_listens(void **state)
{
    struct here *here = *state;
    assert_int_equal(aep__control_connect(&here->spool), -1);
    assert_int_equal(errno, ENOENT);
    close(aep__control_listen(&here->spool)); /* it was killed: the socket's file is left */
    assert_int_equal(aep__control_connect(&here->spool), -1);
    assert_int_equal(errno, ECONNREFUSED);
}

static void test_a_new_relay_takes_the_old_ones_place(void **state)
{
    struct here *here = *state;
    int client, server;
    int old = aep__control_listen(&here->spool), listener = aep__control_listen(&here->spool);
    assert_true(listener >= 0);
    connect_both(here, listener, &client, &server);
    close(client);
    close(server);
    close(old);
    close(listener);
}

static void test_messages_keep_their_ends(void **state)
{
    struct here *here = *state;
    int client, server, listener = aep__control_listen(&here->spool);
    char text[100];
    connect_both(here, listener, &client, &server);
    assert_int_equal(aep__control_receive(server, text, sizeof text), -1);
    assert_int_equal(errno, EAGAIN);
    assert_true(aep__control_send(client, "wait %d %d", 1, 2));
    assert_true(aep__control_send(client, "%s", "stats 3"));
    assert_int_equal(aep__control_receive(server, text, sizeof text), 8);
    assert_string_equal(text, "wait 1 2");
    assert_int_equal(aep__control_receive(server, text, sizeof text), 7);
    assert_string_equal(text, "stats 3");
    assert_true(aep__control_send(server, "3 {}"));
    assert_int_equal(aep__control_receive(client, text, sizeof text), 4);
    assert_string_equal(text, "3 {}");
    close(client);
    close(server);
    close(listener);
}

static void test_a_peer_that_is_gone_raises_no_signal(void **state)
{
    struct here *here = *state;
    int client, server, listener = aep__control_listen(&here->spool);
    struct sigaction old, action = {.sa_handler = SIG_DFL};
    char text[10];
    connect_both(here, listener, &client, &server);
    close(server);
    sigaction(SIGPIPE, &action, &old);
    bool sent = aep__control_send(client, "stop 1");
    sigaction(SIGPIPE, &old, NULL);
    assert_false(sent);
    assert_int_equal(aep__control_receive(client, text, sizeof text), 0);
    close(client);
    close(listener);
}

static void test_neither_end_waits_for_the_other(void **state)
{
    struct here *here = *state;
    int client, server, listener = aep__control_listen(&here->spool), sent = 0;
    connect_both(here, listener, &client, &server);
    while (aep__control_send(client, "%01000d", sent)) /* no one reads */
        assert_true(++sent < 1000000);
    assert_true(sent > 0);
    for (int i = 0; i < 1000; i++) { /* no one accepts */
        int fd = aep__control_connect(&here->spool);
        if (fd < 0) {
            assert_int_equal(errno, EAGAIN);
            break;
        }
        close(fd);
    }
    close(client);
    close(server);
    close(listener);
}

static void test_a_message_too_long_is_not_sent(void **state)
{
    struct here *here = *state;
    int client, server, listener = aep__control_listen(&here->spool);
    char text[10];
    connect_both(here, listener, &client, &server);
    assert_false(aep__control_send(client, "%0*d", AEP__CONTROL_MAX, 1));
    assert_int_equal(aep__control_receive(server, text, sizeof text), -1);
    close(client);
    close(server);
    close(listener);
}

/* A socket's address holds 108 bytes. */
static void test_a_long_path_is_no_hindrance(void **state)
{
    struct here *here = *state;
    char dir[400];
    struct here other = {.cursor_fd = -1};
    struct aep__spool_settings settings = small_settings();
    snprintf(dir, sizeof dir, "%s/%0100d/%0100d", here->root, 1, 2);
    assert_int_equal(aep__spool_open(&other.spool, dir, &settings, &here->err), AEP_OK);
    int client, server, listener = aep__control_listen(&other.spool);
    assert_true(listener >= 0);
    assert_true(exists(&other, AEP__CONTROL_NAME)); /* there, not at a truncated path */
    connect_both(&other, listener, &client, &server);
    close(client);
    close(server);
    close(listener);
    aep__spool_done(&other.spool);
}

static void test_a_socket_that_has_its_name_takes_connections(void **state)
{
    struct here *here = *state;
    int watch = aep__os_watch(here->spool.dir_fd);
    assert_true(watch >= 0);
    assert_false(aep__os_watch_seen(watch));
    int listener = aep__control_listen(&here->spool);
    assert_true(listener >= 0);
    struct pollfd seen = {.fd = watch, .events = POLLIN};
    assert_int_equal(poll(&seen, 1, 60000), 1);
    assert_true(aep__os_watch_seen(watch));
    assert_false(aep__os_watch_seen(watch));
    int fd = aep__control_connect(&here->spool);
    assert_true(fd >= 0);
    assert_int_equal(faccessat(here->spool.dir_fd, "tmp.control", F_OK, 0), -1);
    close(fd);
    close(listener);
    close(watch);
}

/* A relay killed between creating the socket and renaming it left one behind. */
static void test_a_socket_that_never_got_its_name_is_in_nobodys_way(void **state)
{
    struct here *here = *state;
    assert_int_equal(mknodat(here->spool.dir_fd, "tmp.control", S_IFSOCK | 0600, 0), 0);
    int listener = aep__control_listen(&here->spool);
    assert_true(listener >= 0);
    int fd = aep__control_connect(&here->spool);
    assert_true(fd >= 0);
    close(fd);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_without_a_relay_nobody_listens),
        HERE_TEST(test_a_new_relay_takes_the_old_ones_place),
        HERE_TEST(test_messages_keep_their_ends),
        HERE_TEST(test_a_peer_that_is_gone_raises_no_signal),
        HERE_TEST(test_neither_end_waits_for_the_other),
        HERE_TEST(test_a_message_too_long_is_not_sent),
        HERE_TEST(test_a_long_path_is_no_hindrance),
        HERE_TEST(test_a_socket_that_has_its_name_takes_connections),
        HERE_TEST(test_a_socket_that_never_got_its_name_is_in_nobodys_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
