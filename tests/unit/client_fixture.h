/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher with its own spool for each test, a reader of what it wrote, and a stand-in for the
 * relay: a thread that holds the lock and gives a set answer on the control socket. */
#ifndef AEP_TESTS_CLIENT_FIXTURE_H
#define AEP_TESTS_CLIENT_FIXTURE_H

#include "aep/aep.h"
#include "client/publisher.h"
#include "spool/append.h"
#include "spool/bell.h"
#include "spool/control.h"
#include "spool/cursor.h"
#include "spool/read.h"
#include "spool/record.h"
#include "spool/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_LIMIT_S 60  /* a child that hangs is killed */
#define DEADLINE_MS 60000 /* for what should take a moment */

struct here {
    char root[64]; /* removed with all that is in it */
    char dir[80];  /* the spool */
    aep_config *config;
    aep_publisher *pub;
    aep_error err;
    char logged[1024]; /* the newest line of the log callback */
    atomic_int log_count;
};

/* ---- folder ---- */

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

/* Tries again: a process started by a publisher may create a file during the removal. False: the
 * folder is still there. */
static inline bool remove_tree(const char *path)
{
    for (int tries = 0; tries < 10 && access(path, F_OK) == 0; tries++)
        nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return access(path, F_OK) < 0;
}

static inline void take_log(void *user, enum aep_log_level level, const char *text)
{
    struct here *here = user;
    (void)level;
    snprintf(here->logged, sizeof here->logged, "%s", text);
    atomic_fetch_add(&here->log_count, 1);
}

static inline void set_option(struct here *here, const char *key, const char *value)
{
    int result = aep_config_set(here->config, key, value, &here->err);
    if (result != AEP_OK)
        fail_msg("%s=%s: %s", key, value, here->err.text);
}

/* Removes from the environment whatever could change a test's result. */
static inline int set_up(void **state)
{
    static const char *const variables[] = {"KAFKA_BOOTSTRAP_SERVERS",
                                            "TRACEPARENT",
                                            "TRACESTATE",
                                            "TENANT_ID",
                                            "ENVIRONMENT",
                                            "AEP_DOTENV",
                                            "XDG_CONFIG_HOME",
                                            "AEP_MODE"};
    struct here *here = calloc(1, sizeof *here);
    const char *base = getenv("TMPDIR");
    if (!here)
        return -1;
    snprintf(here->root, sizeof here->root, "%s/aep-test.XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(here->root))
        return -1;
    snprintf(here->dir, sizeof here->dir, "%s/spool", here->root);
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        unsetenv(variables[i]);
    setenv("HOME", here->root, 1);
    here->config = aep_config_new();
    aep_config_set_log(here->config, take_log, here);
    set_option(here, "spool.dir", here->dir);
    set_option(here, "kafka.bootstrap.servers", "127.0.0.1:9");
    set_option(here, "relay.mode", "off");
    set_option(here, "spool.any_fs", "true");
    *state = here;
    return 0;
}

static inline int tear_down(void **state)
{
    struct here *here = *state;
    aep_publisher_close(here->pub);
    aep_config_free(here->config);
    bool removed = remove_tree(here->root);
    free(here);
    return removed ? 0 : -1;
}

static inline void open_publisher(struct here *here)
{
    int result = aep_publisher_open(&here->pub, here->config, &here->err);
    if (result != AEP_OK)
        fail_msg("open: %s: %s", here->err.field, here->err.text);
}

#define accepted(here, call)                                                                       \
    do {                                                                                           \
        int accepted_result = (call);                                                              \
        if (accepted_result != AEP_OK)                                                             \
            fail_msg("%s: %s: %s", aep_code_name(accepted_result), (here)->err.field,              \
                     (here)->err.text);                                                            \
    } while (0)

static inline int publish_started(struct here *here, aep_receipt *receipt)
{
    return aep_publish_started(here->pub, AEP_STARTED(.agent_name = "a", .user_request = "r"),
                               receipt, &here->err);
}

/* ---- what is in the spool ---- */

/* Reads all of it from its first segment on; fn gets each message, its end, and `user`. */
typedef void (*message_fn)(void *user, const struct aep__message *message,
                           const struct aep__entry *entry);

static inline size_t read_spool(const char *dir, message_fn fn, void *user)
{
    struct aep__spool spool;
    struct aep__reader reader;
    struct aep__entry entry;
    size_t count = 0;
    aep_error err;
    assert_int_equal(aep__spool_open(&spool, dir, NULL, &err), AEP_OK);
    assert_int_equal(aep__reader_init(&reader, &spool, 1, 0, false, &err), AEP_OK);
    for (;;) {
        enum aep__read read = aep__reader_next(&reader, &entry, &err);
        if (read == AEP__READ_SEALED)
            continue;
        if (read != AEP__READ_EVENT)
            break;
        struct aep__message message;
        assert_true(aep__record_message(&entry.record, &message));
        if (fn)
            fn(user, &message, &entry);
        count++;
    }
    aep__reader_done(&reader);
    aep__spool_done(&spool);
    return count;
}

/* A message's value, NUL-terminated, and a member of its JSON text as written there. */
struct seen {
    char value[4096];
    char topic[256];
    char headers[4096]; /* name=value lines */
    aep_position position;
};

static inline void keep_last(void *user, const struct aep__message *message,
                             const struct aep__entry *entry)
{
    struct seen *seen = user;
    size_t at = 0;
    snprintf(seen->value, sizeof seen->value, "%.*s", (int)message->value.len, message->value.data);
    snprintf(seen->topic, sizeof seen->topic, "%.*s", (int)message->topic.len, message->topic.data);
    for (size_t i = 0; i < message->header_count; i++)
        at += (size_t)snprintf(seen->headers + at, sizeof seen->headers - at, "%.*s=%.*s\n",
                               (int)message->headers[i].name.len, message->headers[i].name.data,
                               (int)message->headers[i].value.len, message->headers[i].value.data);
    seen->position = (aep_position){entry->segment, entry->end};
}

static inline struct seen last_message(const struct here *here)
{
    struct seen seen = {{0}, {0}, {0}, {0}};
    read_spool(here->dir, keep_last, &seen);
    return seen;
}

/* ---- children ---- */

/* Runs fn in a forked child; returns its exit status, 0 if all is well. */
static inline int in_child(int (*fn)(void *user), void *user)
{
    pid_t pid = fork();
    int status = 0;
    if (pid == 0) {
        alarm(CHILD_LIMIT_S);
        _exit(fn(user));
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        fail_msg("the child ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

/* ---- time ---- */

static inline int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- a stand-in for the relay ---- */

/* Acts as a relay that has seen the broker in this state. */
static inline void write_broker_state(struct here *here, int64_t broker)
{
    struct aep__spool spool;
    struct aep__status status = {.broker = broker, .started_us = 1};
    accepted(here, aep__spool_open(&spool, here->dir, NULL, &here->err));
    int fd = aep__status_open(&spool);
    assert_int_equal(aep__status_write(fd, &status), 0);
    close(fd);
    aep__spool_done(&spool);
}

struct fake_relay {
    struct aep__spool spool;
    int lock_fd, listen_fd, client_fds[16], client_count;
    int stop[2];                /* a pipe that ends the thread */
    const char *_Atomic answer; /* "acked", …; NULL: none, the question is kept */
    char question[256];         /* the newest */
    atomic_int questions, connections;
    pthread_t thread;
};

static inline void fake_serve(struct fake_relay *fake, int fd)
{
    char text[256], verb[32] = "";
    unsigned long long id = 0;
    while (aep__control_receive(fd, text, sizeof text) > 0) {
        sscanf(text, "%31s %llu", verb, &id);
        const char *answer = atomic_load(&fake->answer);
        if (strcmp(verb, "cancel") == 0) { /* an answer was already on its way */
            aep__control_send(fd, "%llu acked", id);
            continue;
        }
        if (strcmp(verb, "wait") != 0 && strcmp(verb, "flush") != 0 &&
            strcmp(verb, "broker") != 0) {
            aep__control_send(fd, "%llu error unknown request", id);
            continue;
        }
        snprintf(fake->question, sizeof fake->question, "%s", text);
        atomic_fetch_add(&fake->questions, 1);
        while (answer && !aep__control_send(fd, "%llu %s", id, answer) && errno == EAGAIN)
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 1000);
    }
}

static inline void *fake_run(void *arg)
{
    struct fake_relay *fake = arg;
    for (;;) {
        struct pollfd fds[18] = {{.fd = fake->stop[0], .events = POLLIN},
                                 {.fd = fake->listen_fd, .events = POLLIN}};
        for (int i = 0; i < fake->client_count; i++)
            fds[2 + i] = (struct pollfd){.fd = fake->client_fds[i], .events = POLLIN};
        if (poll(fds, (nfds_t)(2 + fake->client_count), -1) < 0)
            continue;
        if (fds[0].revents)
            return NULL;
        for (int i = 0; i < fake->client_count; i++)
            if (fds[2 + i].revents)
                fake_serve(fake, fake->client_fds[i]);
        if (fds[1].revents && fake->client_count < 16) {
            atomic_fetch_add(&fake->connections, 1);
            fake->client_fds[fake->client_count++] =
                accept4(fake->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        }
        for (int i = 0; i < fake->client_count; i++) { /* clients that hung up */
            char byte;
            if (recv(fake->client_fds[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
                close(fake->client_fds[i]);
                fake->client_fds[i] = fake->client_fds[--fake->client_count];
            }
        }
    }
}

static inline void fake_start(struct fake_relay *fake, const char *dir, const char *answer)
{
    aep_error err;
    memset(fake, 0, sizeof *fake);
    assert_int_equal(aep__spool_open(&fake->spool, dir, NULL, &err), AEP_OK);
    fake->lock_fd = aep__lock_open(&fake->spool);
    assert_true(aep__lock_take(fake->lock_fd));
    fake->listen_fd = aep__control_listen(&fake->spool);
    assert_true(fake->listen_fd >= 0);
    assert_int_equal(pipe2(fake->stop, O_CLOEXEC), 0);
    atomic_store(&fake->answer, answer);
    pthread_create(&fake->thread, NULL, fake_run, fake);
}

/* Ends like a killed relay: its socket stays in the folder. */
static inline void fake_kill(struct fake_relay *fake)
{
    assert_int_equal(write(fake->stop[1], "", 1), 1);
    pthread_join(fake->thread, NULL);
    for (int i = 0; i < fake->client_count; i++)
        close(fake->client_fds[i]);
    close(fake->listen_fd);
    close(fake->lock_fd);
    close(fake->stop[0]);
    close(fake->stop[1]);
    aep__spool_done(&fake->spool);
}

/* Waits until the relay has been asked `count` questions. */
static inline void await_question(struct fake_relay *fake, int count)
{
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (atomic_load(&fake->questions) < count && now_ms() < deadline)
        sched_yield();
    assert_true(atomic_load(&fake->questions) >= count);
}

/* ---- a waiter ---- */

static inline aep_waiter *open_waiter(struct here *here)
{
    aep_waiter *waiter;
    open_publisher(here);
    accepted(here, aep_waiter_new(here->pub, &waiter, &here->err));
    return waiter;
}

#endif
