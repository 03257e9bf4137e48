/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_fixture.h"

#include "spool/bell.h"
#include "spool/remove.h"

#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/vfs.h>

#include "spool_faults.h"

static struct aep__appender *publisher; /* that has the spool open */
static struct here *seen;

static bool always(void *user, struct aep__spool *spool)
{
    (void)user, (void)spool;
    return true;
}

static bool never(void *user, struct aep__spool *spool)
{
    (void)user, (void)spool;
    return false;
}

static int remove_here(struct here *here, aep__remove_fn may)
{
    return aep__spool_remove(&here->spool, may, NULL, &here->err);
}

/* Folders beside the test's own place: the spool, or what became of it. */
static int folders(const struct here *here, const char *begin)
{
    int count = 0;
    DIR *dir = opendir(here->root);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += strncmp(entry->d_name, begin, strlen(begin)) == 0;
    closedir(dir);
    return count;
}

static void test_a_spool_is_removed_with_all_its_files(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_long(&appender, "one", L);
    append_text(&appender, "two");
    add_to_file(here, "parked-topic-0011223344556677", "", 0);
    add_to_file(here, "dead", "", 0);
    add_to_file(here, "relay.log.1", "", 0);
    close(aep__bell_open(&here->spool));
    assert_int_equal(remove_here(here, always), AEP_OK);
    assert_int_equal(folders(here, "spool"), 0);
    aep__append_done(&appender);
}

static void test_what_may_not_go_is_as_it_was(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    assert_int_equal(remove_here(here, never), AEP_ESTATE);
    assert_int_equal(folders(here, "spool"), 1);
    assert_true(exists(here, "spool.id"));
    append_text(&appender, "two");
    assert_all(here, "one two");
    aep__append_done(&appender);
}

static bool publish_then_look(void *user, struct aep__spool *spool)
{
    aep_position position;
    aep_error err = {0};
    (void)user, (void)spool;
    assert_int_equal(try_append(publisher, "late", 4, false, &position, &err), AEP_ESPOOL);
    return true;
}

static void test_nothing_is_accepted_once_the_spool_was_found_empty(void **state)
{
    struct here *here = *state;
    struct aep__appender open = begin_appending(here), fresh = begin_appending(here);
    append_text(&open, "one");
    publisher = &open;
    assert_int_equal(remove_here(here, publish_then_look), AEP_OK);
    publisher = &fresh; /* that had not begun */
    aep_position position;
    assert_int_equal(try_append(&fresh, "late", 4, false, &position, &here->err), AEP_ESPOOL);
    assert_int_equal(folders(here, "spool"), 0);
    aep__append_done(&open);
    aep__append_done(&fresh);
}

/* A publisher that looked for the segment before, and now creates the next one. */
static bool begin_next_segment(void *user, struct aep__spool *spool)
{
    (void)user;
    uint64_t last = aep__segment_last(spool, 1);
    assert_int_equal(aep__segment_create(spool, last + 1, 0), 0);
    return publish_then_look(NULL, spool);
}

static void test_a_segment_that_is_begun_meanwhile_takes_nothing(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    publisher = &appender;
    assert_int_equal(remove_here(here, begin_next_segment), AEP_OK);
    aep__append_done(&appender);
}

static bool publish_before_the_first_file_goes(const struct fault_args *args, ssize_t *ret)
{
    (void)args, (void)ret;
    fault_hooks[CALL_UNLINK] = NULL;
    publish_then_look(NULL, NULL);
    return false;
}

static void test_nothing_is_accepted_into_what_goes_unasked(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    publisher = &appender;
    fault_hooks[CALL_UNLINK] = publish_before_the_first_file_goes;
    assert_int_equal(remove_here(here, NULL), AEP_OK);
    assert_int_equal(folders(here, "spool"), 0);
    aep__append_done(&appender);
}

static void test_a_full_disk_saves_nothing_that_goes_unasked(void **state)
{
    struct here *here = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    fault_hooks[CALL_WRITE] = fault_hooks[CALL_FALLOCATE] = no_space;
    int result = remove_here(here, NULL);
    no_faults();
    assert_int_equal(result, AEP_OK);
    assert_int_equal(folders(here, "spool"), 0);
    aep__append_done(&appender);
}

/* A new publisher starts while removal is being decided. */
static bool make_another(void *user, struct aep__spool *spool)
{
    struct aep__spool_settings settings = small_settings();
    struct aep__spool other;
    (void)user, (void)spool;
    assert_int_equal(aep__spool_open(&other, seen->dir, &settings, &seen->err), AEP_OK);
    aep__spool_done(&other);
    return false;
}

/* ---- a publisher that has opened the folder, and not yet read its identity ---- */

static struct {
    sem_t opened, go;
    bool halts;
    int opened_result, appended;
} opener;

/* Halts the opener between opening the folder and reading its identity: it asks this in between. */
int fstatfs(int fd, struct statfs *st)
{
    if (opener.halts) {
        opener.halts = false;
        sem_post(&opener.opened);
        sem_wait(&opener.go);
    }
    return (int)syscall(SYS_fstatfs, fd, st);
}

/* Opens, halted on the way, and publishes at once. */
static void *open_slowly(void *user)
{
    struct aep__spool_settings settings = small_settings();
    struct aep__spool spool;
    struct aep__appender appender;
    aep_position position;
    aep_error err;
    opener.opened_result = aep__spool_open(&spool, user, &settings, &err);
    if (opener.opened_result == AEP_OK) {
        aep__append_init(&appender, &spool, 0);
        opener.appended = try_append(&appender, "kept", 4, false, &position, &err);
        aep__append_done(&appender);
        aep__spool_done(&spool);
    }
    sem_post(&opener.opened);
    return NULL;
}

static bool let_it_open(void *user, struct aep__spool *spool)
{
    (void)user, (void)spool;
    sem_post(&opener.go);
    sem_wait(&opener.opened);
    return true;
}

static pthread_t begin_opening(const struct here *here)
{
    pthread_t thread;
    sem_init(&opener.opened, 0, 0);
    sem_init(&opener.go, 0, 0);
    opener.halts = true;
    assert_int_equal(pthread_create(&thread, NULL, open_slowly, (void *)here->dir), 0);
    sem_wait(&opener.opened);
    return thread;
}

static void test_nothing_is_accepted_in_a_folder_opened_before(void **state)
{
    struct here *here = *state;
    pthread_t thread = begin_opening(here);
    assert_int_equal(remove_here(here, let_it_open), AEP_OK);
    pthread_join(thread, NULL);
    assert_int_equal(opener.opened_result, AEP_OK);
    assert_int_equal(opener.appended, AEP_ESPOOL);
    assert_int_equal(folders(here, "spool"), 0);
}

static void test_a_folder_that_is_gone_by_then_is_made_anew(void **state)
{
    struct here *here = *state;
    pthread_t thread = begin_opening(here);
    assert_int_equal(remove_here(here, always), AEP_OK);
    sem_post(&opener.go);
    pthread_join(thread, NULL);
    assert_int_equal(opener.opened_result, AEP_OK);
    assert_int_equal(opener.appended, AEP_OK);
    assert_int_equal(folders(here, "spool"), 1);
}

/* ---- a remover that is killed ---- */

static bool die(void *user, struct aep__spool *spool)
{
    (void)user, (void)spool;
    raise(SIGKILL);
    return true;
}

static void find_removed(const struct here *here, char path[PATH_MAX])
{
    DIR *dir = opendir(here->root);
    assert_non_null(dir);
    path[0] = '\0';
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strncmp(entry->d_name, "spool.removed-", strlen("spool.removed-")) == 0)
            snprintf(path, PATH_MAX, "%s/%s", here->root, entry->d_name);
    closedir(dir);
}

static void test_a_killed_remover_leaves_a_spool_that_can_be_delivered(void **state)
{
    struct here *here = *state;
    char path[PATH_MAX], uuid[AEP_ID_SIZE];
    struct aep__spool_settings settings = small_settings();
    struct aep__appender appender = begin_appending(here);
    int status;
    append_text(&appender, "one");
    memcpy(uuid, here->spool.uuid_text, sizeof uuid);
    pid_t child = fork();
    if (child == 0) {
        remove_here(here, die);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    find_removed(here, path);
    aep__spool_done(&here->spool);
    assert_int_equal(aep__spool_open(&here->spool, path, NULL, &here->err), AEP_OK);
    aep__spool_done(&here->spool);
    assert_int_equal(aep__spool_open(&here->spool, path, &settings, &here->err), AEP_OK);
    assert_string_equal(here->spool.uuid_text, uuid);
    assert_all(here, "one");
    assert_int_equal(remove_here(here, always), AEP_OK); /* by the next one */
    assert_int_equal(folders(here, "spool"), 0);
    aep__append_done(&appender);
}

static void test_where_another_took_its_place_it_stays_beside_that(void **state)
{
    struct here *here = seen = *state;
    struct aep__appender appender = begin_appending(here);
    append_text(&appender, "one");
    assert_int_equal(remove_here(here, make_another), AEP_ESTATE);
    assert_int_equal(folders(here, "spool"), 2);
    assert_int_equal(folders(here, "spool.removed-"), 1);
    assert_non_null(strstr(here->err.text, "spool.removed-"));
    assert_true(exists(here, "spool.id"));
    assert_all(here, "one");
    aep__append_done(&appender);
}

static void test_a_spool_with_a_relay_is_left_alone(void **state)
{
    struct here *here = *state;
    int fd = aep__lock_open(&here->spool);
    assert_true(aep__lock_take(fd));
    assert_int_equal(remove_here(here, NULL), AEP_ERELAY);
    close(fd);
    assert_true(exists(here, "spool.id"));
    assert_int_equal(remove_here(here, NULL), AEP_OK);
}

static void test_a_folder_with_other_files_is_left_alone(void **state)
{
    struct here *here = *state;
    add_to_file(here, "thesis.tex", "", 0);
    assert_int_equal(remove_here(here, NULL), AEP_ESPOOL);
    assert_non_null(strstr(here->err.text, "thesis.tex"));
    assert_int_equal(folders(here, "spool"), 1);
    assert_true(exists(here, "spool.id"));
    assert_true(exists(here, "cursor"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_a_spool_is_removed_with_all_its_files),
        HERE_TEST(test_what_may_not_go_is_as_it_was),
        HERE_TEST(test_nothing_is_accepted_once_the_spool_was_found_empty),
        HERE_TEST(test_a_segment_that_is_begun_meanwhile_takes_nothing),
        HERE_TEST(test_nothing_is_accepted_into_what_goes_unasked),
        HERE_TEST(test_a_full_disk_saves_nothing_that_goes_unasked),
        HERE_TEST(test_nothing_is_accepted_in_a_folder_opened_before),
        HERE_TEST(test_a_folder_that_is_gone_by_then_is_made_anew),
        HERE_TEST(test_a_killed_remover_leaves_a_spool_that_can_be_delivered),
        HERE_TEST(test_where_another_took_its_place_it_stays_beside_that),
        HERE_TEST(test_a_spool_with_a_relay_is_left_alone),
        HERE_TEST(test_a_folder_with_other_files_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
