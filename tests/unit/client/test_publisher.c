/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher with threads, forks, a folder that disappears, limits. */
#include "client_fixture.h"

#include <sched.h>
#include <sys/resource.h>

static int publish_one(struct here *here, aep_receipt *receipt)
{
    return aep_publish_started(here->pub,
                               AEP_STARTED(.agent_name = "builder", .user_request = "build it",
                                           .context = "{\"domain\":\"api\"}"),
                               receipt, &here->err);
}

static void publish_progress(struct here *here, const char *correlation_id, int number)
{
    char step[32];
    snprintf(step, sizeof step, "step %06d", number);
    accepted(here, aep_publish_progress(here->pub,
                                        AEP_PROGRESS(.agent_name = "builder",
                                                     .correlation_id = correlation_id,
                                                     .current_step = step),
                                        NULL, &here->err));
}

/* ---- publishing ---- */

static void test_an_accepted_event_is_where_its_receipt_says(void **state)
{
    struct here *here = *state;
    aep_receipt receipt = AEP_RECEIPT_INIT;
    open_publisher(here);
    accepted(here, publish_one(here, &receipt));
    struct seen seen = last_message(here);
    assert_int_equal(seen.position.segment, receipt.position.segment);
    assert_int_equal(seen.position.offset, receipt.position.offset);
    assert_string_equal(seen.topic, "omninode.agent.execution.started.v1");
    assert_non_null(strstr(seen.value, receipt.event_id));
    assert_non_null(strstr(seen.value, receipt.correlation_id));
    assert_true(receipt.spool != 0);
}

static void test_all_ways_to_publish_reach_the_spool(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    accepted(here, publish_one(here, NULL));
    publish_progress(here, "job-1", 1);
    accepted(here, aep_publish_completed(here->pub,
                                         AEP_COMPLETED(.agent_name = "a", .correlation_id = "job-1",
                                                       .quality_score = AEP_NUM(0)),
                                         NULL, &here->err));
    accepted(here, aep_publish_failed(here->pub,
                                      AEP_FAILED(.agent_name = "a", .correlation_id = "job-1",
                                                 .error_message = "no"),
                                      NULL, &here->err));
    accepted(here, aep_publish_event(here->pub,
                                     AEP_EVENT(.event_type = "omninode.agent.actions.v1",
                                               .payload = "{\"correlation_id\":\"job-1\"}"),
                                     NULL, &here->err));
    aep_field fields[] = {{.name = "agent_name", .text = "a", .length = 1},
                          {.name = "correlation_id", .text = "job-2", .length = 5},
                          {.name = "progress_percent", .number = 12.5}};
    accepted(here, aep_publish_fields(here->pub, AEP_KIND_PROGRESS, fields, 3, NULL, &here->err));
    assert_int_equal(read_spool(here->dir, NULL, NULL), 6);
    struct seen seen = last_message(here);
    assert_non_null(strstr(seen.value, "\"progress_percent\":12.5"));
}

static void test_a_bad_event_is_refused_by_name_and_counted(void **state)
{
    struct here *here = *state;
    aep_stats stats = AEP_STATS_INIT;
    aep_field field = {.name = "agent", .text = "a", .length = 1};
    open_publisher(here);
    assert_int_equal(
        aep_publish_started(here->pub, AEP_STARTED(.user_request = "x"), NULL, &here->err),
        AEP_EINVAL);
    assert_string_equal(here->err.field, "agent_name");
    assert_int_equal(aep_publish_fields(here->pub, AEP_KIND_STARTED, &field, 1, NULL, &here->err),
                     AEP_EINVAL);
    assert_string_equal(here->err.field, "agent");
    assert_int_equal(aep_publish_started(NULL, AEP_STARTED(.agent_name = "a"), NULL, NULL),
                     AEP_EINVAL);
    assert_int_equal(aep_publish_started(here->pub, NULL, NULL, NULL), AEP_EINVAL);
    accepted(here, aep_publisher_stats(here->pub, &stats, &here->err));
    assert_int_equal(stats.refused_invalid, 3);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 0);
}

static void test_a_message_over_the_limit_is_refused(void **state)
{
    struct here *here = *state;
    aep_stats stats = AEP_STATS_INIT;
    static char context[300000], filling[28001];
    set_option(here, "limits.message_bytes", "256KiB");
    open_publisher(here);
    memset(filling, 'x', sizeof filling - 1);
    char *at = context;
    for (int i = 0; i < 10; i++)
        at += sprintf(at, "%s\"k%d\":\"%s\"", i ? "," : "{", i, filling);
    strcpy(at, "}");
    assert_int_equal(
        aep_publish_started(here->pub,
                            AEP_STARTED(.agent_name = "a", .user_request = "r", .context = context),
                            NULL, &here->err),
        AEP_ETOOBIG);
    accepted(here, aep_publisher_stats(here->pub, &stats, &here->err));
    assert_int_equal(stats.refused_too_big, 1);
}

static void test_a_secret_is_counted_and_not_on_disk(void **state)
{
    struct here *here = *state;
    aep_stats stats = AEP_STATS_INIT;
    open_publisher(here);
    accepted(here, aep_publish_started(
                       here->pub,
                       AEP_STARTED(.agent_name = "a",
                                   .user_request = "use ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
                       NULL, &here->err));
    accepted(here, aep_publisher_stats(here->pub, &stats, &here->err));
    assert_int_equal(stats.redacted, 1);
    assert_null(strstr(last_message(here).value, "ghp_abcdef"));
}

static void test_disabled_events_are_a_silent_no_op(void **state)
{
    struct here *here = *state;
    aep_receipt receipt = AEP_RECEIPT_INIT;
    aep_stats stats = AEP_STATS_INIT;
    set_option(here, "events.enabled", "false");
    open_publisher(here);
    accepted(here, publish_one(here, &receipt));
    assert_int_equal(receipt.position.segment, 0);
    assert_int_equal(aep_id_version(receipt.correlation_id), 7);
    accepted(here, aep_publisher_wait(here->pub, &receipt, 0, &here->err));
    accepted(here, aep_publisher_flush(here->pub, 0, &here->err));
    accepted(here, aep_publisher_stats(here->pub, &stats, &here->err));
    assert_string_equal(aep_publisher_spool_dir(here->pub), "");
    assert_int_equal(access(here->dir, F_OK), -1);
    assert_int_equal(atomic_load(&here->log_count), 0);
}

/* ---- structs of other headers ---- */

static void test_a_struct_of_an_older_header_works(void **state)
{
    struct here *here = *state;
    struct {
        size_t size;
        char event_id[AEP_ID_SIZE];
        char guard;
    } receipt = {.size = sizeof(size_t) + AEP_ID_SIZE, .guard = 'g'};
    aep_started started = {.size = offsetof(aep_started, context),
                           .agent_name = "a",
                           .user_request = "r",
                           .context = (const char *)1};
    open_publisher(here);
    accepted(here, aep_publish_started(here->pub, &started, (aep_receipt *)&receipt, &here->err));
    assert_int_equal(aep_id_version(receipt.event_id), 7);
    assert_int_equal(receipt.guard, 'g');
    aep_event event = {.size = offsetof(aep_event, correlation_id),
                       .event_type = "omninode.agent.actions.v1",
                       .payload = "{}",
                       .correlation_id = (const char *)1};
    accepted(here, aep_publish_event(here->pub, &event, NULL, &here->err));
}

static void test_a_struct_of_a_newer_header_works_unless_its_news_are_used(void **state)
{
    struct here *here = *state;
    struct {
        aep_started started;
        const char *news;
    } newer = {.started = {.size = sizeof newer, .agent_name = "a", .user_request = "r"}};
    struct {
        aep_event event;
        const char *news;
    } any = {
        .event = {.size = sizeof any, .event_type = "omninode.agent.actions.v1", .payload = "{}"}};
    open_publisher(here);
    accepted(here, aep_publish_started(here->pub, &newer.started, NULL, &here->err));
    accepted(here, aep_publish_event(here->pub, &any.event, NULL, &here->err));
    newer.news = any.news = "x";
    assert_int_equal(aep_publish_started(here->pub, &newer.started, NULL, &here->err), AEP_EINVAL);
    assert_int_equal(aep_publish_event(here->pub, &any.event, NULL, &here->err), AEP_EINVAL);
}

static void test_a_struct_whose_size_was_not_set_is_refused(void **state)
{
    struct here *here = *state;
    aep_started started = {.agent_name = "a", .user_request = "r"};
    aep_event event = {.event_type = "a.b.c.v1", .payload = "{}"};
    aep_receipt receipt = {.size = 0};
    aep_stats stats = {.size = 0};
    open_publisher(here);
    assert_int_equal(aep_publish_started(here->pub, &started, NULL, &here->err), AEP_EINVAL);
    assert_int_equal(aep_publish_event(here->pub, &event, NULL, &here->err), AEP_EINVAL);
    assert_int_equal(publish_one(here, &receipt), AEP_EINVAL);
    assert_string_equal(here->err.field, "receipt");
    assert_int_equal(aep_publisher_stats(here->pub, &stats, &here->err), AEP_EINVAL);
}

/* ---- threads ---- */

#define THREADS 64
#define EACH 500

struct worker {
    struct here *here;
    int number;
    pthread_t thread;
};

static void *publish_many(void *arg)
{
    struct worker *worker = arg;
    char id[16];
    snprintf(id, sizeof id, "thread-%02d", worker->number);
    for (int i = 0; i < EACH; i++)
        publish_progress(worker->here, id, i);
    return NULL;
}

struct tally {
    int next[THREADS]; /* the step that each thread's next record must have */
};

static void check_order(void *user, const struct aep__message *message,
                        const struct aep__entry *entry)
{
    struct tally *tally = user;
    char value[2048];
    int thread = -1, step = -1;
    (void)entry;
    snprintf(value, sizeof value, "%.*s", (int)message->value.len, message->value.data);
    sscanf(strstr(value, "thread-"), "thread-%d", &thread);
    sscanf(strstr(value, "step "), "step %d", &step);
    assert_in_range(thread, 0, THREADS - 1);
    assert_int_equal(step, tally->next[thread]);
    tally->next[thread]++;
}

static void test_64_threads_on_one_handle_lose_and_swap_nothing(void **state)
{
    struct here *here = *state;
    struct worker workers[THREADS];
    struct tally tally = {{0}};
    set_option(here, "spool.segment_bytes", "256KiB");
    open_publisher(here);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.here = here, .number = i};
        pthread_create(&workers[i].thread, NULL, publish_many, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    assert_int_equal(read_spool(here->dir, check_order, &tally), THREADS * EACH);
}

static void *publish_until_cancelled(void *arg)
{
    struct here own = {.pub = arg};
    for (;;) {
        publish_one(&own, NULL);
        pthread_testcancel(); /* between two calls, never inside one */
    }
    return NULL;
}

static void test_a_cancelled_thread_leaves_nothing_locked(void **state)
{
    struct here *here = *state;
    void *ended;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* it mistakes a cancelled thread's stack for a corrupted one */
#endif
    set_option(here, "spool.sync", "always"); /* fdatasync(2) and write(2) would be such points */
    open_publisher(here);
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, publish_until_cancelled, here->pub);
        accepted(here, publish_one(here, NULL));
        pthread_cancel(thread);
        pthread_join(thread, &ended);
        assert_ptr_equal(ended, PTHREAD_CANCELED);
        accepted(here, publish_one(here, NULL));
    }
}

static void test_errno_is_the_callers(void **state)
{
    struct here *here = *state;
    errno = ERANGE;
    open_publisher(here);
    assert_int_equal(errno, ERANGE);
    accepted(here, publish_one(here, NULL));
    assert_int_equal(errno, ERANGE);
    aep_publish_started(here->pub, AEP_STARTED(.agent_name = NULL), NULL, NULL);
    assert_int_equal(errno, ERANGE);
}

/* ---- forks ---- */

static int publish_some(void *user)
{
    struct here *here = user;
    for (int i = 0; i < 100; i++)
        if (publish_one(here, NULL) != AEP_OK)
            return 1;
    return 0;
}

struct ids {
    char ids[4000][AEP_ID_SIZE];
    size_t count;
};

static void keep_id(void *user, const struct aep__message *message, const struct aep__entry *entry)
{
    struct ids *ids = user;
    char value[2048];
    (void)entry;
    snprintf(value, sizeof value, "%.*s", (int)message->value.len, message->value.data);
    const char *at = strstr(value, "\"event_id\":\"");
    assert_non_null(at);
    assert_true(ids->count < 4000);
    snprintf(ids->ids[ids->count++], AEP_ID_SIZE, "%.36s", at + strlen("\"event_id\":\""));
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

static size_t count_different_ids(const struct here *here)
{
    struct ids *ids = calloc(1, sizeof *ids);
    size_t different = 0;
    read_spool(here->dir, keep_id, ids);
    qsort(ids->ids, ids->count, sizeof ids->ids[0], compare_ids);
    for (size_t i = 0; i < ids->count; i++)
        different += i == 0 || strcmp(ids->ids[i], ids->ids[i - 1]) != 0;
    free(ids);
    return different;
}

static void test_a_forked_child_publishes_beside_its_parent(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    assert_int_equal(publish_some(here), 0);
    assert_int_equal(in_child(publish_some, here), 0);
    assert_int_equal(publish_some(here), 0);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 300);
    assert_int_equal(count_different_ids(here), 300);
}

static int publish_and_close(void *user)
{
    struct here *here = user;
    int result = publish_one(here, NULL);
    aep_publisher_close(here->pub);
    return result;
}

static int close_only(void *user)
{
    struct here *here = user;
    aep_publisher_close(here->pub);
    return 0;
}

static void test_a_child_may_close_what_its_parent_goes_on_using(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    assert_int_equal(in_child(publish_and_close, here), 0);
    assert_int_equal(in_child(close_only, here), 0);
    accepted(here, publish_one(here, NULL));
    assert_int_equal(read_spool(here->dir, NULL, NULL), 2);
}

static void test_a_child_forked_while_the_mutex_is_held_publishes(void **state)
{
    struct here *here = *state;
    struct aep__process *process;
    open_publisher(here);
    accepted(here, publish_one(here, NULL));
    accepted(here, aep__publisher_process(here->pub, &process, &here->err));
    accepted(here, aep__process_lock(process, &here->err));
    assert_int_equal(in_child(publish_some, here), 0);
    aep__process_unlock(process);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 101);
}

struct forker {
    struct here *here;
    atomic_bool stop;
    atomic_int count;
};

static void *publish_until_told(void *arg)
{
    struct forker *forker = arg;
    while (!atomic_load(&forker->stop)) {
        struct here own = {.pub = forker->here->pub};
        accepted(&own, publish_one(&own, NULL));
        atomic_fetch_add(&forker->count, 1);
    }
    return NULL;
}

static int publish_one_in_child(void *user)
{
    return publish_one(user, NULL);
}

static void test_forks_amid_publishing_threads_lose_nothing(void **state)
{
    struct here *here = *state;
    struct forker forker = {.here = here};
    pthread_t threads[3];
#ifdef __SANITIZE_ADDRESS__
    skip(); /* in a child, another thread may hold its malloc's lock for ever; libc's is free */
#endif
    open_publisher(here);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, publish_until_told, &forker);
    for (int i = 0; i < 30; i++)
        assert_int_equal(in_child(publish_one_in_child, here), 0);
    atomic_store(&forker.stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 30 + atomic_load(&forker.count));
}

static int publish_in_threads(void *user)
{
    struct worker workers[8];
    for (int i = 0; i < 8; i++) {
        workers[i] = (struct worker){.here = user, .number = i};
        pthread_create(&workers[i].thread, NULL, publish_many, &workers[i]);
    }
    for (int i = 0; i < 8; i++)
        pthread_join(workers[i].thread, NULL);
    return 0;
}

static void test_threads_of_a_child_that_come_first_together_agree(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    assert_int_equal(in_child(publish_in_threads, here), 0);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 8 * EACH);
}

static int fork_again(void *user)
{
    return in_child(publish_some, user) || publish_some(user);
}

static void test_grandchildren_publish_too(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    assert_int_equal(in_child(fork_again, here), 0);
    assert_int_equal(count_different_ids(here), 200);
}

/* ---- the folder and its descriptors ---- */

static void test_a_deleted_folder_is_noticed_and_made_anew(void **state)
{
    struct here *here = *state;
    aep_receipt before = AEP_RECEIPT_INIT, after = AEP_RECEIPT_INIT;
    open_publisher(here);
    accepted(here, publish_one(here, &before));
    remove_tree(here->dir);
    accepted(here, publish_one(here, &after));
    assert_int_equal(read_spool(here->dir, NULL, NULL), 1);
    assert_int_equal(atomic_load(&here->log_count), 1);
    assert_non_null(strstr(here->logged, here->dir));
    assert_true(before.spool != after.spool);
    assert_int_equal(aep_publisher_wait(here->pub, &before, 0, &here->err), AEP_ESPOOL);
}

static void test_a_folder_moved_away_is_noticed_within_a_moment(void **state)
{
    struct here *here = *state;
    char aside[128];
    int64_t deadline = now_ms() + DEADLINE_MS;
    open_publisher(here);
    accepted(here, publish_one(here, NULL));
    snprintf(aside, sizeof aside, "%s/aside", here->root);
    assert_int_equal(rename(here->dir, aside), 0);
    while (access(here->dir, F_OK) < 0 && now_ms() < deadline)
        accepted(here, publish_one(here, NULL));
    accepted(here, publish_one(here, NULL));
    assert_int_equal(read_spool(here->dir, NULL, NULL), 1);
}

enum { NO_JAIL = 100 };

/* A server opens what it needs, then enters a jail, where the spool's path names nothing, or
 * something else. */
static int publish_from_a_jail(void *user)
{
    struct here *here = user;
    char jail[128];
    snprintf(jail, sizeof jail, "%s/jail", here->root);
    if (publish_one(here, NULL) != AEP_OK || mkdir(jail, 0700) < 0)
        return 1;
    if ((geteuid() != 0 && unshare(CLONE_NEWUSER) < 0) || chroot(jail) < 0 || chdir("/") < 0)
        return NO_JAIL;
    int64_t until = now_ms() + 300; /* three looks for the folder */
    int result = publish_one(here, NULL);
    while (result == AEP_OK && now_ms() < until)
        result = publish_one(here, NULL);
    return result == AEP_OK ? atomic_load(&here->log_count) : 2;
}

static void test_a_folder_out_of_a_jails_sight_is_not_moved(void **state)
{
    struct here *here = *state;
    char inside[256];
    open_publisher(here);
    int result = in_child(publish_from_a_jail, here);
    if (result == NO_JAIL)
        skip();
    assert_int_equal(result, 0);
    snprintf(inside, sizeof inside, "%s/jail%s", here->root, here->dir);
    assert_int_equal(access(inside, F_OK), -1);
}

static void test_a_folder_that_cannot_be_made_anew_is_an_error_until_it_can(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    remove_tree(here->dir);
    int fd = open(here->dir, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(publish_one(here, NULL), AEP_ESPOOL);
    assert_int_equal(publish_one(here, NULL), AEP_ESPOOL);
    close(fd);
    unlink(here->dir);
    accepted(here, publish_one(here, NULL));
    assert_int_equal(read_spool(here->dir, NULL, NULL), 1);
}

/* A daemon closes everything; then the numbers become files of its own. */
static int close_all_and_publish(void *user)
{
    struct here *here = user;
    char path[128];
    struct stat st;
    if (publish_one(here, NULL) != AEP_OK) /* this process now has its own descriptors */
        return 1;
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    snprintf(path, sizeof path, "%s/victim", here->root);
    for (int i = 0; i < 32; i++)
        if (open(path, O_CREAT | O_RDWR | O_APPEND, 0600) < 0)
            return 2;
    if (publish_one(here, NULL) != AEP_OK)
        return 3;
    return stat(path, &st) == 0 && st.st_size == 0 ? 0 : 4;
}

static void test_files_that_took_our_closed_descriptors_are_left_alone(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    assert_int_equal(in_child(close_all_and_publish, here), 0);
    assert_int_equal(read_spool(here->dir, NULL, NULL), 2);
}

/* ---- limits and sync ---- */

static void test_a_full_spool_refuses_progress_first(void **state)
{
    struct here *here = *state;
    aep_stats stats = AEP_STATS_INIT;
    int result, taken = 0;
    set_option(here, "spool.segment_bytes", "64KiB");
    set_option(here, "spool.max_bytes", "256KiB");
    open_publisher(here);
    do {
        result = aep_publish_progress(
            here->pub, AEP_PROGRESS(.agent_name = "a", .correlation_id = "c"), NULL, &here->err);
        taken += result == AEP_OK;
    } while (result == AEP_OK && taken < 10000);
    assert_int_equal(result, AEP_EFULL);
    assert_string_equal(here->err.field, "spool.max_bytes");
    accepted(here, publish_one(here, NULL));
    while ((result = publish_one(here, NULL)) == AEP_OK)
        taken++;
    assert_int_equal(result, AEP_EFULL);
    assert_int_equal(read_spool(here->dir, NULL, NULL), taken + 1);
    accepted(here, aep_publisher_stats(here->pub, &stats, &here->err));
    assert_int_equal(stats.refused_full, 2);
}

static void test_every_sync_mode_publishes(void **state)
{
    struct here *here = *state;
    const char *modes[] = {"always", "batch", "never"};
    for (int i = 0; i < 3; i++) {
        set_option(here, "spool.sync", modes[i]);
        open_publisher(here);
        accepted(here, publish_one(here, NULL));
        aep_publisher_close(here->pub);
        here->pub = NULL;
    }
    assert_int_equal(read_spool(here->dir, NULL, NULL), 3);
}

static void test_closing_syncs_what_no_relay_will(void **state)
{
    struct here *here = *state;
    struct aep__process *process;
    open_publisher(here);
    accepted(here, publish_one(here, NULL));
    accepted(here, aep__publisher_process(here->pub, &process, &here->err));
    assert_true(process->dirty);
    aep__process_sync_rest(process);
    assert_false(process->dirty);
}

/* ---- health ---- */

static void test_health_tells_what_the_files_say(void **state)
{
    struct here *here = *state;
    aep_health health = AEP_HEALTH_INIT;
    open_publisher(here);
    accepted(here, aep_publisher_health(here->pub, &health, &here->err));
    assert_int_equal(health.broker, AEP_BROKER_UNKNOWN);
    assert_int_equal(health.relay_alive, 0);
    assert_int_equal(health.backlog_bytes, 0);
    accepted(here, publish_one(here, NULL));
    accepted(here, aep_publisher_health(here->pub, &health, &here->err));
    assert_true(health.backlog_bytes > 500);
    assert_true(health.used_bytes >= health.backlog_bytes);
    assert_int_equal(health.max_bytes, 1 << 30);
}

static void test_local_mode_needs_neither_kafka_nor_relay(void **state)
{
    struct here *here = *state;
    aep_receipt receipt = AEP_RECEIPT_INIT;
    aep_health health = AEP_HEALTH_INIT;
    set_option(here, "mode", "local");
    set_option(here, "relay.mode", "auto");
    set_option(here, "relay.path", "/nonexistent/aep-relay");
    open_publisher(here);
    accepted(here, publish_one(here, &receipt));
    accepted(here, aep_publisher_wait(here->pub, &receipt, -1, &here->err));
    accepted(here, aep_publisher_flush(here->pub, -1, &here->err));
    accepted(here, aep_publisher_health(here->pub, &health, &here->err));
    assert_int_equal(health.broker, AEP_BROKER_LOCAL);
    assert_int_equal(atomic_load(&here->log_count), 0); /* no relay was looked for */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_accepted_event_is_where_its_receipt_says),
        TEST(test_all_ways_to_publish_reach_the_spool),
        TEST(test_a_bad_event_is_refused_by_name_and_counted),
        TEST(test_a_message_over_the_limit_is_refused),
        TEST(test_a_secret_is_counted_and_not_on_disk),
        TEST(test_disabled_events_are_a_silent_no_op),
        TEST(test_a_struct_of_an_older_header_works),
        TEST(test_a_struct_of_a_newer_header_works_unless_its_news_are_used),
        TEST(test_a_struct_whose_size_was_not_set_is_refused),
        TEST(test_64_threads_on_one_handle_lose_and_swap_nothing),
        TEST(test_a_cancelled_thread_leaves_nothing_locked),
        TEST(test_errno_is_the_callers),
        TEST(test_a_forked_child_publishes_beside_its_parent),
        TEST(test_a_child_may_close_what_its_parent_goes_on_using),
        TEST(test_a_child_forked_while_the_mutex_is_held_publishes),
        TEST(test_forks_amid_publishing_threads_lose_nothing),
        TEST(test_threads_of_a_child_that_come_first_together_agree),
        TEST(test_grandchildren_publish_too),
        TEST(test_a_deleted_folder_is_noticed_and_made_anew),
        TEST(test_a_folder_moved_away_is_noticed_within_a_moment),
        TEST(test_a_folder_out_of_a_jails_sight_is_not_moved),
        TEST(test_a_folder_that_cannot_be_made_anew_is_an_error_until_it_can),
        TEST(test_files_that_took_our_closed_descriptors_are_left_alone),
        TEST(test_a_full_spool_refuses_progress_first),
        TEST(test_every_sync_mode_publishes),
        TEST(test_closing_syncs_what_no_relay_will),
        TEST(test_health_tells_what_the_files_say),
        TEST(test_local_mode_needs_neither_kafka_nor_relay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
