/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/inside.h"

#include "serve/listen.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#define LATE_US 3000000     /* a tracker that has not read its sources for longer is behind */
#define SILENCE_US 10000000 /* for how long it is called the same */
#define END_US 2000000      /* that streams and replies may take to end */
#define RETRY_US 50000      /* between two attempts to open the store, */
#define PATIENCE 9          /* and so many times what the last one took */

/* ---- the store ------------------------------------------------------------------------------ */

static void close_store(struct aep__serve *serve)
{
    if (serve->store)
        serve->store->ops->close(serve->store);
    serve->store = NULL;
}

/* A server that does not answer makes each attempt take long: most of the time is kept for others. */
static struct aep__store *open_store(struct aep__serve *serve, aep_error *err)
{
    int64_t begun_us = aep__clock_mono_us();
    if (begun_us < serve->retry_us) {
        *err = serve->trouble;
        return NULL;
    }
    close_store(serve);
    int code = aep__store_open(&serve->store, aep__buf_string(&serve->where), false, err);
    if (code != AEP_OK) {
        int64_t now_us = aep__clock_mono_us();
        if (code == AEP_ESPOOL)
            aep__error(err, code, NULL, "the tracker has not read anything yet");
        serve->trouble = *err;
        serve->retry_us = now_us + RETRY_US + PATIENCE * (now_us - begun_us);
        return NULL;
    }
    serve->trouble = (aep_error){.code = AEP_OK};
    serve->retry_us = 0;
    serve->store_number++;
    serve->states.number = -1;
    return serve->store;
}

struct aep__store *aep__serve_store(struct aep__serve *serve, aep_error *err)
{
    if (serve->store && serve->store->ops->replaced(serve->store, err) == 0)
        return serve->store;
    return open_store(serve, err);
}

const char *aep__serve_problem(const struct aep__serve *serve)
{
    bool told = serve->news.problem[0] || serve->trouble.code == AEP_OK;
    return told ? serve->news.problem : serve->trouble.text;
}

struct aep__view aep__serve_view(const struct aep__serve *serve)
{
    const struct aep__serve_news *news = &serve->news;
    bool late = aep__clock_wall_us() - news->as_of_us > LATE_US;
    return (struct aep__view){.clock_us = news->as_of_us ? news->as_of_us : AEP__UNKNOWN_US,
                              .behind = late || news->behind[0] || *aep__serve_problem(serve)};
}

int64_t aep__serve_lag_ms(const struct aep__serve *serve)
{
    int64_t lag_us = aep__clock_wall_us() - serve->news.as_of_us;
    return lag_us > 0 ? lag_us / 1000 : 0;
}

void aep__serve_add_head(const struct aep__serve *serve, struct aep__buf *out)
{
    char text[AEP__TIME_SIZE];
    int64_t as_of_us = serve->news.as_of_us;
    aep__clock_format(as_of_us, text);
    if (as_of_us)
        aep__buf_format(out, "{\"as_of\":\"%s\",\"lag_ms\":%" PRId64 ",", text,
                        aep__serve_lag_ms(serve));
    else
        aep__buf_text(out, "{\"as_of\":null,\"lag_ms\":null,");
}

/* States change with the clock, too: then how many are in each does. What is silent is so for longer. */
int aep__serve_etag(struct aep__serve *serve, struct aep__store *store, const char *target,
                    int64_t moment, char etag[AEP__ETAG_SIZE], aep_error *err)
{
    char name[AEP__HASH_TEXT_SIZE];
    struct aep__buf text = {0};
    const struct aep__states *states = aep__states_get(serve, store, err);
    if (!states)
        return err->code;
    aep__buf_format(&text, "%s %" PRId64 " %u %d", target, moment, serve->store_number,
                    aep__serve_view(serve).behind);
    for (int i = 0; i < AEP__STATE_COUNT; i++)
        aep__buf_format(&text, " %" PRId64, states->counts[i]);
    if (states->counts[AEP__STATE_STALLED] + states->counts[AEP__STATE_ABANDONED] > 0)
        aep__buf_format(&text, " %" PRId64, serve->news.as_of_us / SILENCE_US);
    aep__hash_text(text.data, text.len, name);
    snprintf(etag, AEP__ETAG_SIZE, "W/\"%" PRId64 "-%s\"", states->number, name);
    aep__buf_done(&text);
    return AEP_OK;
}

/* ---- news ----------------------------------------------------------------------------------- */

void aep__serve_tell(struct aep__serve *serve, const struct aep__serve_news *news,
                     const char *spools, size_t spools_len)
{
    pthread_mutex_lock(&serve->mutex);
    serve->told = *news;
    if (spools) {
        aep__buf_clear(&serve->told_spools);
        aep__buf_add(&serve->told_spools, spools, spools_len);
    }
    pthread_mutex_unlock(&serve->mutex);
    (void)!write(serve->bell_fd, &(uint64_t){1}, sizeof(uint64_t));
}

static void take_news(struct aep__serve *serve)
{
    uint64_t rings;
    if (read(serve->bell_fd, &rings, sizeof rings) != sizeof rings)
        return;
    pthread_mutex_lock(&serve->mutex);
    serve->news = serve->told;
    aep__buf_clear(&serve->spools);
    aep__buf_add(&serve->spools, serve->told_spools.data, serve->told_spools.len);
    pthread_mutex_unlock(&serve->mutex);
    aep__feed_ring(&serve->feed);
}

/* ---- the thread ----------------------------------------------------------------------------- */

static int sooner(int one_ms, int other_ms)
{
    return one_ms < 0 || (other_ms >= 0 && other_ms < one_ms) ? other_ms : one_ms;
}

static void turn(struct aep__serve *serve, int most_ms)
{
    struct pollfd polls[] = {{.fd = serve->bell_fd, .events = POLLIN},
                             {.fd = serve->http.fd, .events = POLLIN},
                             {.fd = serve->http.gate.fd, .events = POLLIN}};
    int wait_ms = sooner(aep__http_wait_ms(&serve->http), aep__feed_wait_ms(&serve->feed));
    poll(polls, 3, sooner(wait_ms, most_ms));
    take_news(serve);
    aep__feed_turn(&serve->feed);
    aep__http_turn(&serve->http);
}

/* Whoever has called gets a reply. */
static void end_connections(struct aep__serve *serve)
{
    int64_t until_us = aep__clock_mono_us() + END_US;
    const struct aep__http *http = &serve->http;
    aep__http_quiesce(&serve->http);
    aep__feed_end(&serve->feed);
    while ((serve->feed.streams || http->peers > 0 || http->gate.count > 0) &&
           aep__clock_mono_us() < until_us)
        turn(serve, 20);
}

static void *run(void *user)
{
    struct aep__serve *serve = user;
    prctl(PR_SET_NAME, "aep-serve");
    while (!atomic_load(&serve->ending))
        turn(serve, -1);
    end_connections(serve);
    aep__http_close(&serve->http);
    close_store(serve);
    return NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

static void make_link(struct aep__serve *serve)
{
    aep__buf_format(&serve->link, "%s#token=%s", aep__buf_string(&serve->address),
                    aep__buf_string(&serve->access.token));
}

static int take_names(struct aep__serve *serve, const char *host, const char *more, aep_error *err)
{
    int code = aep__access_add_hosts(&serve->access, "localhost,127.0.0.1,[::1]", err);
    if (code == AEP_OK)
        code = aep__access_add_hosts(&serve->access, host, err);
    return code == AEP_OK && more ? aep__access_add_hosts(&serve->access, more, err) : code;
}

int aep__serve_open(struct aep__serve **ret, const struct aep__serve_settings *settings,
                    aep_error *err)
{
    struct aep__serve *serve = calloc(1, sizeof *serve);
    struct aep__listen_address address;
    if (!serve)
        return aep__error_memory(err);
    serve->listen_fd = settings->listen_fd;
    serve->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&serve->mutex, NULL);
    aep__buf_text(&serve->where, settings->store);
    aep__meter_init(&serve->meter);
    aep__feed_init(&serve->feed, serve);
    aep__row_fields_all(&serve->fields);
    int code = aep__listen_read(&address, settings->listen, err);
    if (code == AEP_OK && !address.loopback && !settings->token_file)
        code = aep__error(err, AEP_ECONFIG, "token-file",
                          "%s can be reached by other machines: give the token that they need "
                          "with --token-file, and put TLS in front (docs/TRACKER.md)",
                          settings->listen);
    if (code == AEP_OK)
        code = aep__access_open(&serve->access, settings->state_dir, settings->token_file, err);
    if (code == AEP_OK)
        code = aep__listen_open(&address, &serve->listen_fd, err);
    serve->listener = serve->listen_fd;
    if (code == AEP_OK)
        code = take_names(serve, address.host, settings->hosts, err);
    if (code == AEP_OK) {
        aep__access_set_port(&serve->access, address.port);
        aep__buf_format(&serve->address, "http://%s:%u/", address.host, (unsigned)address.port);
        make_link(serve);
        *ret = serve;
        return AEP_OK;
    }
    aep__serve_free(serve);
    return code;
}

int aep__serve_keep_listening(const struct aep__serve *serve)
{
    return fcntl(serve->listener, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

int aep__serve_start(struct aep__serve *serve, aep_error *err)
{
    sigset_t all, before;
    int code = aep__http_open(&serve->http, serve, serve->listen_fd, err);
    serve->listen_fd = -1;
    if (code != AEP_OK)
        return code;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&serve->thread, NULL, run, serve);
    int problem = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = problem;
    if (problem)
        return aep__error_errno(err, AEP_EIO, NULL, "cannot make a thread");
    serve->started = true;
    return AEP_OK;
}

void aep__serve_free(struct aep__serve *serve)
{
    if (!serve)
        return;
    atomic_store(&serve->ending, true);
    (void)!write(serve->bell_fd, &(uint64_t){1}, sizeof(uint64_t));
    if (serve->started)
        pthread_join(serve->thread, NULL);
    else
        aep__http_close(&serve->http);
    if (serve->listen_fd >= 0)
        close(serve->listen_fd);
    if (serve->bell_fd >= 0)
        close(serve->bell_fd);
    aep__meter_done(&serve->meter);
    aep__feed_done(&serve->feed);
    aep__access_done(&serve->access);
    aep__buf_done(&serve->where);
    aep__buf_done(&serve->address);
    aep__buf_done(&serve->link);
    aep__buf_done(&serve->spools);
    aep__buf_done(&serve->told_spools);
    pthread_mutex_destroy(&serve->mutex);
    free(serve);
}

struct aep__meter *aep__serve_meter(struct aep__serve *serve)
{
    return &serve->meter;
}

const char *aep__serve_address(const struct aep__serve *serve)
{
    return serve->address.data;
}

const char *aep__serve_link(const struct aep__serve *serve)
{
    return serve->link.data;
}
