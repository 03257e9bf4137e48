/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a publisher: which folder, how it is created, and what is refused. */
#include "client_fixture.h"

#include <limits.h>
#include <sys/resource.h>
#include <sys/vfs.h>

static const char *remote_root; /* folders below it appear to be on NFS; NULL: none */

int fstatfs(int fd, struct statfs *info)
{
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    bool remote = remote_root && strncmp(path, remote_root, strlen(remote_root)) == 0;
    *info = (struct statfs){.f_type = remote ? 0x6969 : 0xef53};
    return 0;
}

/* ---- opening ---- */

static void test_opening_without_servers_says_what_to_set(void **state)
{
    struct here *here = *state;
    aep_publisher *pub = NULL;
    aep_config *config = aep_config_new();
    assert_int_equal(aep_publisher_open(&pub, config, &here->err), AEP_ECONFIG);
    assert_null(pub);
    assert_string_equal(here->err.field, "kafka.bootstrap.servers");
    assert_non_null(strstr(here->err.text, "KAFKA_BOOTSTRAP_SERVERS"));
    assert_int_equal(aep_publisher_open(NULL, config, &here->err), AEP_EINVAL);
    aep_config_free(config);
}

static void test_opening_makes_a_private_folder(void **state)
{
    struct here *here = *state;
    struct stat st;
    umask(0);
    open_publisher(here);
    assert_string_equal(aep_publisher_spool_dir(here->pub), here->dir);
    assert_int_equal(stat(here->dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_opening_refuses_a_spool_of_the_other_mode(void **state)
{
    struct here *here = *state;
    aep_publisher *pub = NULL;
    open_publisher(here);
    set_option(here, "mode", "local");
    assert_int_equal(aep_publisher_open(&pub, here->config, &here->err), AEP_ESPOOL);
    assert_string_equal(here->err.field, "mode");
}

static void test_opening_wants_room_for_four_of_the_spools_segments(void **state)
{
    struct here *here = *state;
    aep_publisher *pub = NULL;
    open_publisher(here); /* with segments of 8 MiB */
    set_option(here, "spool.segment_bytes", "64KiB");
    set_option(here, "spool.max_bytes", "1MiB");
    assert_int_equal(aep_publisher_open(&pub, here->config, &here->err), AEP_ECONFIG);
    assert_string_equal(here->err.field, "spool.max_bytes");
}

static int open_with_small_files(void *user)
{
    struct here *here = user;
    struct rlimit limit = {1 << 20, 1 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    return aep_publisher_open(&here->pub, here->config, &here->err) == AEP_ESPOOL &&
                   strcmp(here->err.field, "RLIMIT_FSIZE") == 0
               ? 0
               : 1;
}

static void test_a_small_spool_opens_with_the_room_that_its_own_segments_need(void **state)
{
    struct here *here = *state;
    aep_config *config = aep_config_new();
    set_option(here, "spool.segment_bytes", "128KiB");
    set_option(here, "spool.max_bytes", "512KiB");
    open_publisher(here);
    aep_publisher_close(here->pub);
    here->pub = NULL;
    aep_config_free(here->config);
    here->config = config; /* now with the default for new spools */
    set_option(here, "spool.dir", here->dir);
    set_option(here, "mode", "kafka");
    set_option(here, "kafka.bootstrap.servers", "127.0.0.1:9");
    set_option(here, "relay.mode", "off");
    set_option(here, "spool.any_fs", "true");
    set_option(here, "spool.max_bytes", "512KiB");
    open_publisher(here);
    aep_publisher_close(here->pub);
    here->pub = NULL;
    set_option(here, "spool.max_bytes", "511KiB");
    assert_int_equal(aep_publisher_open(&here->pub, here->config, &here->err), AEP_ECONFIG);
    assert_string_equal(here->err.field, "spool.max_bytes");
}

static void test_a_new_spool_wants_room_for_four_segments_and_else_is_not_made(void **state)
{
    struct here *here = *state;
    set_option(here, "spool.max_bytes", "31MiB");
    assert_int_equal(aep_publisher_open(&here->pub, here->config, &here->err), AEP_ECONFIG);
    assert_string_equal(here->err.field, "spool.max_bytes");
    assert_non_null(strstr(here->err.text, "33554432 bytes"));
    set_option(here, "spool.segment_bytes", "4MiB");
    open_publisher(here);
}

static void test_opening_refuses_a_process_that_may_write_small_files_only(void **state)
{
    assert_int_equal(in_child(open_with_small_files, *state), 0);
}

static void test_options_can_be_asked_for(void **state)
{
    struct here *here = *state;
    char text[32];
    set_option(here, "spool.max_bytes", "64MiB");
    set_option(here, "publish.wait_ms", "25ms");
    open_publisher(here);
    assert_int_equal(aep_publisher_option(here->pub, "spool_max_bytes", text, sizeof text, NULL),
                     0);
    assert_string_equal(text, "67108864");
    assert_int_equal(aep_publisher_option(here->pub, "publish.wait_ms", text, sizeof text, NULL),
                     0);
    assert_string_equal(text, "25");
    assert_int_equal(aep_publisher_option(here->pub, "mode", text, sizeof text, NULL), 0);
    assert_string_equal(text, "kafka");
    assert_int_equal(aep_publisher_option(here->pub, "mode", text, 5, &here->err), AEP_ECONFIG);
    assert_int_equal(aep_publisher_option(here->pub, "nonsense", text, sizeof text, &here->err),
                     AEP_ECONFIG);
}

/* ---- a home on a network file system ---- */

/* Without spool.dir the folder is derived from the home directory. */
static aep_config *derived_config(struct here *here)
{
    aep_config *config = aep_config_new();
    aep_config_set_log(config, take_log, here);
    unsetenv("XDG_STATE_HOME");
    aep_config_set(config, "kafka.bootstrap.servers", "fallback.test:9", NULL);
    aep_config_set(config, "relay.mode", "off", NULL);
    return config;
}

static void private_root(char path[64])
{
    snprintf(path, 64, "/var/tmp/aep-%lu", (unsigned long)geteuid());
}

static void test_a_home_on_a_network_file_system_is_stood_in_for(void **state)
{
    struct here *here = *state;
    char root[64];
    aep_config *config = derived_config(here);
    remote_root = here->root;
    private_root(root);
    assert_int_equal(aep_publisher_open(&here->pub, config, &here->err), AEP_OK);
    const char *dir = aep_publisher_spool_dir(here->pub);
    assert_int_equal(strncmp(dir, root, strlen(root)), 0);
    assert_non_null(strstr(dir, "/fallback.test_9-"));
    assert_int_equal(atomic_load(&here->log_count), 1);
    assert_non_null(strstr(here->logged, dir));
    accepted(here, publish_started(here, NULL));
    assert_int_equal(atomic_load(&here->log_count), 1);
    assert_int_equal(read_spool(dir, NULL, NULL), 1);
    char made[PATH_MAX];
    snprintf(made, sizeof made, "%s", dir);
    aep_publisher_close(here->pub);
    here->pub = NULL;
    remove_tree(made);
    rmdir(root);
    aep_config_free(config);
    remote_root = NULL;
}

static void test_a_home_on_a_network_file_system_is_used_if_that_is_allowed(void **state)
{
    struct here *here = *state;
    aep_config *config = derived_config(here);
    remote_root = here->root;
    aep_config_set(config, "spool.any_fs", "true", NULL);
    assert_int_equal(aep_publisher_open(&here->pub, config, &here->err), AEP_OK);
    assert_int_equal(strncmp(aep_publisher_spool_dir(here->pub), here->root, strlen(here->root)),
                     0);
    aep_config_free(config);
    remote_root = NULL;
}

static void test_a_named_folder_on_a_network_file_system_is_refused(void **state)
{
    struct here *here = *state;
    remote_root = here->root;
    set_option(here, "spool.any_fs", "false");
    assert_int_equal(aep_publisher_open(&here->pub, here->config, &here->err), AEP_ESPOOL);
    assert_string_equal(here->err.field, "spool.any_fs");
    remote_root = NULL;
}

/* ---- a folder that was made for other brokers ---- */

static void test_a_backlog_that_will_go_elsewhere_is_told(void **state)
{
    struct here *here = *state;
    open_publisher(here);
    aep_publisher_close(here->pub);
    set_option(here, "kafka.bootstrap.servers", "renamed:9");
    open_publisher(here);
    assert_int_equal(atomic_load(&here->log_count), 0); /* it holds nothing */
    aep_publisher_close(here->pub);
    set_option(here, "kafka.bootstrap.servers", "127.0.0.1:9");
    open_publisher(here);
    accepted(here, publish_started(here, NULL));
    aep_publisher_close(here->pub);
    open_publisher(here);
    assert_int_equal(atomic_load(&here->log_count), 0); /* the same brokers */
    aep_publisher_close(here->pub);
    set_option(here, "kafka.bootstrap.servers", "renamed:9");
    open_publisher(here);
    assert_int_equal(atomic_load(&here->log_count), 1);
    assert_non_null(strstr(here->logged, "127.0.0.1:9"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_opening_without_servers_says_what_to_set),
        TEST(test_opening_makes_a_private_folder),
        TEST(test_opening_refuses_a_spool_of_the_other_mode),
        TEST(test_opening_wants_room_for_four_of_the_spools_segments),
        TEST(test_a_small_spool_opens_with_the_room_that_its_own_segments_need),
        TEST(test_a_new_spool_wants_room_for_four_segments_and_else_is_not_made),
        TEST(test_opening_refuses_a_process_that_may_write_small_files_only),
        TEST(test_options_can_be_asked_for),
        TEST(test_a_home_on_a_network_file_system_is_stood_in_for),
        TEST(test_a_home_on_a_network_file_system_is_used_if_that_is_allowed),
        TEST(test_a_named_folder_on_a_network_file_system_is_refused),
        TEST(test_a_backlog_that_will_go_elsewhere_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
