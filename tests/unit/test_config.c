/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of the configuration. Every test has a folder of its own, in which a home and a
 * system's aep.conf may be put, and says what its environment is. */
#include "base/hash.h"
#include "base/json.h"
#include "config/brokers.h"
#include "config/config.h"
#include "config/layers.h"
#include "config/nearest.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH_SIZE 512
#define VARIABLES_MAX 24

/* What one test starts from. */
struct world {
    char dir[64];
    char *variables[VARIABLES_MAX]; /* the environment */
    size_t variable_count;
    aep_config *args;
    aep_config *config; /* what load() gave */
    aep_error err;
};

/* ---- setting the scene ---------------------------------------------------------------------- */

static void given_variable(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void given_variable(struct world *world, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    assert_true(world->variable_count + 1 < VARIABLES_MAX);
    assert_true(vasprintf(&world->variables[world->variable_count++], format, list) >= 0);
    va_end(list);
}

static void withdraw_variable(struct world *world)
{
    char **last = &world->variables[--world->variable_count];
    free(*last);
    *last = NULL;
}

static int enter(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    strcpy(world->dir, "/tmp/test_config.XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    given_variable(world, "HOME=%s/home", world->dir);
    *state = world;
    return 0;
}

static void remove_tree(const char *path)
{
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        DIR *dir = opendir(path);
        for (struct dirent *entry; (entry = readdir(dir));) {
            char inner[PATH_SIZE * 2];
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            remove_tree(inner);
        }
        closedir(dir);
    }
    remove(path);
}

static int leave(void **state)
{
    struct world *world = *state;
    assert_int_equal(chdir("/"), 0);
    remove_tree(world->dir);
    for (size_t i = 0; i < world->variable_count; i++)
        free(world->variables[i]);
    aep_config_free(world->args);
    aep_config_free(world->config);
    free(world);
    return 0;
}

static const char *path_in(const struct world *world, const char *name)
{
    static char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", world->dir, name);
    return path;
}

static void make_parents(const char *path)
{
    char copy[PATH_SIZE];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *at = copy + 1; (at = strchr(at, '/')); *at++ = '/') {
        *at = '\0';
        mkdir(copy, 0755);
    }
}

static void given_bytes(const struct world *world, const char *name, const char *text, size_t len,
                        mode_t mode)
{
    const char *path = path_in(world, name);
    make_parents(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void given_file(const struct world *world, const char *name, const char *text)
{
    given_bytes(world, name, text, strlen(text), 0644);
}

#define USER_CONF "home/.config/aep/aep.conf"
#define SYSTEM_CONF "etc/aep/aep.conf"

static void given_argument(struct world *world, const char *key, const char *value)
{
    if (!world->args)
        world->args = aep_config_new();
    assert_int_equal(aep_config_set(world->args, key, value, &world->err), AEP_OK);
}

/* ---- what happens --------------------------------------------------------------------------- */

static int load(struct world *world)
{
    char system_file[PATH_SIZE];
    snprintf(system_file, sizeof system_file, "%s/" SYSTEM_CONF, world->dir);
    struct aep__config_sources sources = {world->variables, system_file};
    aep_config_free(world->config);
    world->config = NULL;
    world->err = (aep_error){0};
    return aep__config_load_from(world->args, &sources, &world->config, &world->err);
}

static void must_load(struct world *world)
{
    int code = load(world);
    if (code != AEP_OK)
        fail_msg("refused: %s", world->err.text);
}

static void must_refuse(struct world *world, const char *text)
{
    if (load(world) == AEP_OK)
        fail_msg("accepted; expected: %s", text);
    assert_int_equal(world->err.code, AEP_ECONFIG);
    if (!strstr(world->err.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, world->err.text);
    assert_null(world->config);
}

static void must_be(const struct world *world, enum aep__option option, const char *text)
{
    assert_string_equal(aep__config_text(world->config, option), text);
}

static void refuses_argument(const char *key, const char *value, const char *text)
{
    aep_config *config = aep_config_new();
    aep_error err = {0};
    if (aep_config_set(config, key, value, &err) != AEP_ECONFIG)
        fail_msg("%s=%s was accepted", key, value);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, err.text);
    aep_config_free(config);
}

static int64_t number_of(const char *key, const char *value)
{
    aep_config *config = aep_config_new();
    aep_error err = {0};
    if (aep_config_set(config, key, value, &err) != AEP_OK)
        fail_msg("%s", err.text);
    int64_t number = aep__config_int(config, (enum aep__option)aep__option_find(key));
    aep_config_free(config);
    return number;
}

/* ---- the table ------------------------------------------------------------------------------ */

static void test_every_option_has_a_row_and_a_default_that_is_valid(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < AEP__OPT_COUNT; i++) {
        const struct aep__option_row *row = &aep__options[i];
        assert_non_null(row->key);
        assert_non_null(row->fallback);
        assert_true(row->doc && strlen(row->doc) > 10);
        assert_int_equal(aep__option_find(row->key), i);
    }
    must_load(world);
    for (int i = 0; i < AEP__OPT_COUNT; i++)
        assert_string_equal(world->config->options[i].origin, "default");
    must_be(world, AEP__OPT_TENANT_ID, "default");
    must_be(world, AEP__OPT_NAMESPACE, "omninode");
    must_be(world, AEP__OPT_SOURCE, "omniclaude");
    must_be(world, AEP__OPT_SPOOL_SYNC, "batch");
    assert_int_equal(aep__config_int(world->config, AEP__OPT_SPOOL_MAX_BYTES), 1 << 30);
    assert_int_equal(aep__config_int(world->config, AEP__OPT_SPOOL_SEGMENT_BYTES), 8 << 20);
    assert_int_equal(aep__config_int(world->config, AEP__OPT_LIMITS_FIELD_BYTES), 256 << 10);
    assert_int_equal(aep__config_int(world->config, AEP__OPT_LIMITS_MESSAGE_BYTES), 1000000);
    assert_int_equal(aep__config_int(world->config, AEP__OPT_RELAY_IDLE_EXIT_S), 60);
    assert_int_equal(aep__config_int(world->config, AEP__OPT_CLOSE_WAIT_MS), 500);
    assert_true(aep__config_bool(world->config, AEP__OPT_REDACT));
    assert_true(aep__config_bool(world->config, AEP__OPT_EVENTS_ENABLED));
    assert_false(aep__config_bool(world->config, AEP__OPT_IDS_STRICT));
}

static void test_variables_are_named_after_keys(void **state)
{
    (void)state;
    char name[AEP__NAME_SIZE];
    aep__option_name("spool.dir", name);
    assert_string_equal(name, "AEP_SPOOL_DIR");
    aep__option_name("limits.field_bytes", name);
    assert_string_equal(name, "AEP_LIMITS_FIELD_BYTES");
}

/* ---- layers --------------------------------------------------------------------------------- */

static void test_the_strongest_layer_wins(void **state)
{
    struct world *world = *state;
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "default");

    given_file(world, SYSTEM_CONF, "tenant.id = system\n");
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "system");

    given_file(world, USER_CONF, "tenant.id = user\n");
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "user");

    given_file(world, "dot.env", "TENANT_ID=dotenv\n");
    given_variable(world, "AEP_DOTENV=%s/dot.env", world->dir);
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "dotenv");

    given_variable(world, "TENANT_ID=environment");
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "environment");

    given_variable(world, "AEP_TENANT_ID=ours");
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "ours");

    given_argument(world, "tenant.id", "argument");
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "argument");
}

static void test_the_strongest_layer_wins_for_kafka_settings_under_either_name(void **state)
{
    struct world *world = *state;
    given_file(world, SYSTEM_CONF,
               "kafka.sasl.mechanisms = PLAIN\nkafka.linger.ms = 7\nkafka.client.id = system\n");
    given_file(world, USER_CONF, "kafka.client.id = user\n");
    given_variable(world, "AEP_KAFKA_SASL_MECHANISM=SCRAM-SHA-256");
    must_load(world);
    assert_string_equal(aep__config_kafka(world->config, "sasl.mechanism")->text, "SCRAM-SHA-256");
    assert_null(aep__config_kafka(world->config, "sasl.mechanisms"));
    assert_string_equal(aep__config_kafka(world->config, "linger.ms")->text, "7");
    assert_string_equal(aep__config_kafka(world->config, "client.id")->text, "user");
}

static void test_a_bad_value_is_refused_even_where_a_stronger_layer_hides_it(void **state)
{
    struct world *world = *state;
    given_file(world, SYSTEM_CONF, "spool.sync = sometimes\n");
    given_argument(world, "spool.sync", "always");
    must_refuse(world, "etc/aep/aep.conf:1: spool.sync: \"sometimes\" is none of batch, always");
}

static void test_the_names_that_users_have_are_read_in_order(void **state)
{
    struct world *world = *state;
    given_variable(world, "KAFKA_INTELLIGENCE_BOOTSTRAP_SERVERS=second:1");
    given_variable(world, "ENVIRONMENT=prod");
    must_load(world);
    must_be(world, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS, "second:1");
    must_be(world, AEP__OPT_ENVIRONMENT, "prod");
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=first:1");
    must_load(world);
    must_be(world, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS, "first:1");
    assert_string_equal(world->config->options[AEP__OPT_KAFKA_BOOTSTRAP_SERVERS].origin,
                        "environment KAFKA_BOOTSTRAP_SERVERS");
    given_variable(world, "AEP_KAFKA_BOOTSTRAP_SERVERS=ours:1");
    must_load(world);
    must_be(world, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS, "ours:1");
}

static void test_empty_is_unset_everywhere(void **state)
{
    struct world *world = *state;
    given_variable(world, "TENANT_ID=");
    given_variable(world, "AEP_SPOOL_SYNC=");
    given_variable(world, "AEP_KAFKA_CLIENT_ID=");
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=");
    given_variable(world, "KAFKA_INTELLIGENCE_BOOTSTRAP_SERVERS=other");
    given_file(world, USER_CONF, "namespace =\nsource = \"\"\nkafka.group.id =\n");
    given_argument(world, "environment", "dev");
    given_argument(world, "environment", "");
    given_argument(world, "kafka.linger.ms", "5");
    given_argument(world, "kafka.linger.ms", NULL);
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "default");
    must_be(world, AEP__OPT_SPOOL_SYNC, "batch");
    must_be(world, AEP__OPT_NAMESPACE, "omninode");
    must_be(world, AEP__OPT_SOURCE, "omniclaude");
    must_be(world, AEP__OPT_ENVIRONMENT, "");
    must_be(world, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS, "other:9092");
    assert_int_equal(world->config->kafka_count, 0);
}

static void test_a_loaded_config_is_not_read_again(void **state)
{
    struct world *world = *state;
    given_variable(world, "TENANT_ID=before");
    given_variable(world, "AEP_KAFKA_CLIENT_ID=me");
    must_load(world);
    world->args = world->config;
    world->config = NULL;
    given_file(world, USER_CONF, "tenant.id = after\nnot an option\n");
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "before");
    assert_string_equal(aep__config_kafka(world->config, "client.id")->text, "me");
    assert_string_equal(aep__config_kafka(world->config, "client.id")->origin,
                        "environment AEP_KAFKA_CLIENT_ID");
}

static void test_loading_leaves_the_arguments_alone(void **state)
{
    struct world *world = *state;
    given_variable(world, "TENANT_ID=environment");
    given_argument(world, "source", "me");
    must_load(world);
    assert_string_equal(aep__config_text(world->args, AEP__OPT_TENANT_ID), "");
    assert_string_equal(aep__config_text(world->args, AEP__OPT_SOURCE), "me");
}

/* ---- keys ----------------------------------------------------------------------------------- */

static void test_a_key_may_be_a_word_with_underscores(void **state)
{
    struct world *world = *state;
    given_argument(world, "spool_max_bytes", "64MiB");
    given_argument(world, "kafka_bootstrap_servers", "word:1");
    given_argument(world, "kafka_security_protocol", "ssl");
    given_argument(world, "kafka_log_level", "6"); /* librdkafka's own name has the underscore */
    must_load(world);
    assert_int_equal(aep__config_int(world->config, AEP__OPT_SPOOL_MAX_BYTES), 64 << 20);
    assert_string_equal(aep__config_text(world->config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS), "word:1");
    assert_string_equal(aep__config_kafka(world->config, "security.protocol")->text, "ssl");
    assert_string_equal(aep__config_kafka(world->config, "log_level")->text, "6");
    refuses_argument("kafka_sasl_pasword", "x", "did you mean kafka.sasl.password?");
}

static void test_an_unknown_key_is_named_with_its_line_and_the_nearest(void **state)
{
    struct world *world = *state;
    given_file(world, USER_CONF, "# mine\n\nspol.dir = /x\n");
    must_refuse(world, ".config/aep/aep.conf:3: there is no option \"spol.dir\"; did you mean "
                       "spool.dir?");
    assert_string_equal(world->err.field, "spol.dir");
    refuses_argument("redcat", "off", "did you mean redact?");
    refuses_argument("tenant_ip", "x", "did you mean tenant.id?");
    refuses_argument("spool-dir", "x", "did you mean spool.dir?");
    refuses_argument("AEP_SPOOL_DIR", "/x", "did you mean spool.dir?");
    refuses_argument("security.protocol", "ssl", "did you mean kafka.security.protocol?");
    refuses_argument("kafka.bootstrap.server", "x", "did you mean kafka.bootstrap.servers?");
    refuses_argument("kafka.security.protocl", "ssl", "did you mean kafka.security.protocol?");
    refuses_argument("kafka.sasl.pasword", "x", "did you mean kafka.sasl.password?");
}

static void test_an_unknown_key_like_nothing_is_refused_without_a_guess(void **state)
{
    (void)state;
    char key[4000];
    refuses_argument("zzzzzzzz", "1", "there is no option \"zzzzzzzz\"");
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    aep_error err = {0};
    aep_config *config = aep_config_new();
    assert_int_equal(aep_config_set(config, key, "1", &err), AEP_ECONFIG);
    assert_null(strstr(err.text, "did you mean"));
    assert_int_equal(aep_config_set(config, "", "1", &err), AEP_ECONFIG);
    assert_int_equal(aep_config_set(config, "kafka.", "1", &err), AEP_ECONFIG);
    assert_int_equal(aep_config_set(config, "kafka.UP", "1", &err), AEP_ECONFIG);
    assert_int_equal(aep_config_set(config, "a\nb", "1", &err), AEP_ECONFIG);
    assert_null(strchr(err.text, '\n'));
    assert_string_equal(err.field, "");
    assert_int_equal(aep_config_set(NULL, "mode", "1", &err), AEP_ECONFIG);
    assert_int_equal(aep_config_set(config, NULL, "1", NULL), AEP_ECONFIG);
    aep_config_free(config);
    aep_config_free(NULL);
}

static void test_a_mistyped_kafka_variable_is_refused(void **state)
{
    struct world *world = *state;
    given_variable(world, "AEP_KAFKA_SECURITY_PROTOCOLL=ssl");
    must_refuse(world, "environment AEP_KAFKA_SECURITY_PROTOCOLL: there is no option "
                       "\"kafka.security.protocoll\"; did you mean kafka.security.protocol?");
}

static void test_a_key_that_a_newer_librdkafka_may_know_is_passed_on(void **state)
{
    struct world *world = *state;
    given_variable(world, "AEP_KAFKA_WARP_DRIVE_FACTOR=9");
    given_variable(world, "AEP_KAFKA_LOG_LEVEL=7");
    must_load(world);
    assert_string_equal(aep__config_kafka(world->config, "warp.drive.factor")->text, "9");
    assert_string_equal(aep__config_kafka(world->config, "log_level")->text, "7");
}

static void count_warning(void *user, enum aep_log_level level, const char *text)
{
    assert_int_equal(level, AEP_LOG_WARNING);
    assert_string_equal(text,
                        "\"AEP_SPOL_DIR\" is no variable of aep; did you mean AEP_SPOOL_DIR?");
    ++*(int *)user;
}

static void test_a_variable_that_looks_mistyped_is_said_but_breaks_nothing(void **state)
{
    struct world *world = *state;
    int warnings = 0;
    given_variable(world, "AEP_SPOL_DIR=/x");
    given_variable(world, "AEP_CORRELATION_ID=1");
    given_variable(world, "AEP_CLOUD_ORGANISATION=somebody else's");
    world->args = aep_config_new();
    aep_config_set_log(world->args, count_warning, &warnings);
    must_load(world);
    assert_int_equal(warnings, 1);
    void *user;
    assert_ptr_equal(aep__config_log(world->config, &user), count_warning);
    assert_ptr_equal(user, &warnings);
}

/* ---- values --------------------------------------------------------------------------------- */

static void test_sizes_have_units(void **state)
{
    (void)state;
    assert_int_equal(number_of("spool.max_bytes", "1GiB"), INT64_C(1) << 30);
    assert_int_equal(number_of("spool.max_bytes", "8 MiB"), 8 << 20);
    assert_int_equal(number_of("spool.max_bytes", "512k"), 512 << 10);
    assert_int_equal(number_of("spool.max_bytes", "2M"), 2 << 20);
    assert_int_equal(number_of("spool.max_bytes", "3g"), INT64_C(3) << 30);
    assert_int_equal(number_of("spool.max_bytes", "500KB"), 500000);
    assert_int_equal(number_of("spool.max_bytes", "300000"), 300000);
    assert_int_equal(number_of("spool.max_bytes", "300000 B"), 300000);
    assert_int_equal(number_of("spool.max_bytes", "1TB"), INT64_C(1000000000000));
    static const char *const bad[] = {"1.5GiB", "-1",      "GiB",    "1 Gib x", "0x10",
                                      "1e6",    "+300000", "300 00", "1Xi"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuses_argument("spool.max_bytes", bad[i], "is no size");
}

static void test_numbers_have_a_range(void **state)
{
    (void)state;
    refuses_argument("spool.segment_bytes", "1k", "is not within 64KiB to 1GiB");
    refuses_argument("spool.segment_bytes", "2GiB", "is not within 64KiB to 1GiB");
    refuses_argument("spool.max_bytes", "99999999999999999999999", "is not within");
    refuses_argument("spool.max_bytes", "99999999999999999999300000", "is not within");
    refuses_argument("spool.max_bytes", "9223372036854775807k", "is not within");
    refuses_argument("spool.max_bytes", "18014398509482984k", "is not within"); /* 2^54 + 1000 */
    refuses_argument("relay.idle_exit", "0", "is not within 1s to 365d");
    refuses_argument("close.wait_ms", "2h", "is not within 0ms to 1h");
}

static void test_times_have_units(void **state)
{
    (void)state;
    assert_int_equal(number_of("relay.idle_exit", "90"), 90);
    assert_int_equal(number_of("relay.idle_exit", "90s"), 90);
    assert_int_equal(number_of("relay.idle_exit", "2 min"), 120);
    assert_int_equal(number_of("relay.idle_exit", "1h"), 3600);
    assert_int_equal(number_of("close.wait_ms", "250"), 250);
    assert_int_equal(number_of("close.wait_ms", "250ms"), 250);
    assert_int_equal(number_of("close.wait_ms", "2s"), 2000);
    refuses_argument("relay.idle_exit", "500ms", "is no time: write it as 90, 90s");
    refuses_argument("close.wait_ms", "soon", "is no time: write it as 500, 500ms");
}

static void test_booleans_and_words_are_read_in_any_case(void **state)
{
    struct world *world = *state;
    static const char *const yes[] = {"true", "TRUE", "on", "yes", "1"};
    static const char *const no[] = {"false", "Off", "NO", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_int_equal(number_of("ids.strict", yes[i]), 1);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_int_equal(number_of("redact", no[i]), 0);
    refuses_argument("redact", "maybe", "\"maybe\" is neither true nor false");
    refuses_argument("mode", "loc", "\"loc\" is none of kafka, local");
    given_variable(world, "AEP_MODE=LOCAL");
    given_variable(world, "AEP_REDACT=OFF");
    must_load(world);
    must_be(world, AEP__OPT_MODE, "local");
    must_be(world, AEP__OPT_REDACT, "false");
    assert_true(aep__config_is(world->config, AEP__OPT_REDACT, "off"));
    assert_false(aep__config_is(world->config, AEP__OPT_REDACT, "on"));
    assert_true(aep__config_is(world->config, AEP__OPT_MODE, "local"));
    assert_false(aep__config_is(world->config, AEP__OPT_MODE, "kafka"));
}

static void test_paths_are_absolute(void **state)
{
    struct world *world = *state;
    refuses_argument("spool.dir", "spool", "\"spool\" must be an absolute path");
    refuses_argument("spool.dir", "./spool", "must be an absolute path");
    refuses_argument("spool.dir", "~/spool", "~ is not expanded");
    refuses_argument("relay.path", "bin/aep-relay", "must be an absolute path");
    refuses_argument("kafka.sasl.password.file", "pw", "must be an absolute path");
    refuses_argument("kafka.ssl.ca.location", "ca.pem", "must be an absolute path");
    refuses_argument("kafka.ssl.key.location", "../key.pem", "must be an absolute path");
    given_argument(world, "kafka.ssl.ca.location", "probe");
    given_variable(world, "AEP_SPOOL_DIR=here");
    must_refuse(world, "environment AEP_SPOOL_DIR: spool.dir: \"here\" must be an absolute path");
}

static void test_texts_are_clean_utf8_of_bounded_length(void **state)
{
    (void)state;
    char text[200];
    memset(text, 'x', 129);
    text[129] = '\0';
    refuses_argument("tenant.id", text, "is longer than 128 bytes");
    refuses_argument("tenant.id", "a\nb", "holds a control character");
    refuses_argument("tenant.id", "a\xff", "is not UTF-8");
    refuses_argument("source", "\x7f", "holds a control character");
    refuses_argument("kafka.client.id", "a\x01", "holds a control character");
    assert_int_equal(number_of("tenant.id", "Zürich ✓"), 0);
}

static void test_no_message_has_a_line_end_or_runs_over(void **state)
{
    (void)state;
    char text[600];
    aep_error err;
    aep_config *config = aep_config_new();
    memset(text, 'y', sizeof text);
    memcpy(text, "\n\x1b[31m\xc3\xa9\xe2\x82\xac", 11);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < AEP__OPT_COUNT; i++) {
        aep_config_set(config, aep__options[i].key, text, &err);
        assert_int_equal(err.code, AEP_ECONFIG);
        assert_null(strchr(err.text, '\n'));
        assert_null(strchr(err.text, '\x1b'));
        assert_true(strlen(err.text) < 300);
    }
    aep_config_free(config);
}

/* ---- servers -------------------------------------------------------------------------------- */

static const char *servers_of(const char *text)
{
    static char canonical[4096];
    struct aep__buf buf = {0};
    struct aep__problem problem;
    if (!aep__brokers_parse(text, &buf, &problem))
        fail_msg("%s: %s", text, problem.text);
    snprintf(canonical, sizeof canonical, "%s", aep__buf_string(&buf));
    aep__buf_done(&buf);
    return canonical;
}

static void test_server_lists_have_one_form(void **state)
{
    (void)state;
    assert_string_equal(servers_of("localhost"), "localhost:9092");
    assert_string_equal(servers_of("B:1, a , A:9092,b:1"), "a:9092,b:1");
    assert_string_equal(servers_of("[::1]:9092"), "[::1]:9092");
    assert_string_equal(servers_of("[0:0:0:0:0:0:0:1]"), "[::1]:9092");
    assert_string_equal(servers_of("[FE80::1%eth0]:1"), "[fe80::1%eth0]:1");
    assert_string_equal(servers_of("10.0.0.1:65535"), "10.0.0.1:65535");
    assert_string_equal(servers_of("my_broker-1.example.com.:1"), "my_broker-1.example.com.:1");
}

static void test_what_cannot_be_a_server_is_refused_with_the_reason(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"not a server", "\"not a server\" is no host name"},
        {":9092", "has no host"},
        {"a:0", "\"0\" is no port: 1 to 65535"},
        {"a:65536", "is no port"},
        {"a:99999999999999999999", "is no port"},
        {"a:90x", "is no port"},
        {"a:-1", "is no port"},
        {"a:", "has no port behind the colon"},
        {"[::1]:", "has no port behind the colon"},
        {"::1:9092", "an IPv6 address goes into brackets"},
        {"[::1", "has no ]"},
        {"[::1]9092", "nothing behind ]"},
        {"[zz]:1", "is no IPv6 address"},
        {"[::1%a b]", "is no IPv6 address"},
        {"[]:1", "has no host"},
        {"a,,b", "an empty server"},
        {"a,", "an empty server"},
        {" ", "an empty server"},
        {"a..b", "a part of it is empty"},
        {".a", "a part of it is empty"},
        {"300.1.1.1", "neither a host name nor an IPv4 address"},
        {"9092", "neither a host name nor an IPv4 address"},
        {"http://a:1", "write host:port; the protocol is kafka.security.protocol"},
        {"a/b", "is no host name"},
        {"héte", "is no host name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuses_argument("kafka.bootstrap.servers", cases[i][0], cases[i][1]);
    char label[70] = {0};
    memset(label, 'a', 64);
    refuses_argument("kafka.bootstrap.servers", label, "longer than 63");
}

static void test_a_password_among_the_servers_is_not_repeated(void **state)
{
    (void)state;
    aep_error err;
    aep_config *config = aep_config_new();
    aep_config_set(config, "kafka.bootstrap.servers", "bob:hunter2@host:9092", &err);
    assert_int_equal(err.code, AEP_ECONFIG);
    assert_null(strstr(err.text, "hunter2"));
    aep_config_free(config);
}

/* ---- aep.conf ------------------------------------------------------------------------------- */

static void test_conf_is_read_with_comments_quotes_and_line_ends_of_all_kinds(void **state)
{
    struct world *world = *state;
    given_file(world, USER_CONF,
               "\xef\xbb\xbf# comment = no\r\n"
               "\r\n"
               "  tenant.id=  with blanks inside  \r\n"
               "\tnamespace\t=\t\" a # b \"\n"
               "source = a#b\n"
               "environment = \"\"quoted\"\"\n"
               "kafka.sasl.password = a=b=\"c\n"
               "redact = off");
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "with blanks inside");
    must_be(world, AEP__OPT_NAMESPACE, " a # b ");
    must_be(world, AEP__OPT_SOURCE, "a#b");
    must_be(world, AEP__OPT_ENVIRONMENT, "\"quoted\"");
    must_be(world, AEP__OPT_REDACT, "false");
    assert_string_equal(aep__config_kafka(world->config, "sasl.password")->text, "a=b=\"c");
}

static void test_a_line_of_conf_that_is_nothing_is_refused(void **state)
{
    struct world *world = *state;
    given_file(world, USER_CONF, "mode = local\njust words\n");
    must_refuse(world, "aep.conf:2: is not `key = value`");
    given_file(world, USER_CONF, "= x\n");
    must_refuse(world, "aep.conf:1: is not `key = value`");
    given_file(world, USER_CONF, "tenant.id = x # mine\n");
    must_refuse(world, "aep.conf:1: a # in a value");
    given_file(world, USER_CONF, "tenant.id = # mine\n");
    must_refuse(world, "aep.conf:1: a # in a value");
    given_file(world, USER_CONF, "tenant.id = \"x\n");
    must_refuse(world, "aep.conf:1: a value that begins with a quote must end with one");
    given_file(world, USER_CONF, "tenant.id = \"\n");
    must_refuse(world, "aep.conf:1: a value that begins with a quote must end with one");
    given_bytes(world, USER_CONF, "tenant.id = a\0b\n", 16, 0644);
    must_refuse(world, "aep.conf:1: a zero byte");
}

static void test_a_key_twice_in_a_file_is_refused(void **state)
{
    struct world *world = *state;
    given_file(world, USER_CONF, "tenant.id = a\n\ntenant.id = b\n");
    must_refuse(world, "aep.conf:3: tenant.id: is set already in ");
    assert_non_null(strstr(world->err.text, "aep.conf:1"));
    given_file(world, USER_CONF, "kafka.sasl.mechanism = PLAIN\nkafka.sasl.mechanisms = PLAIN\n");
    must_refuse(world, "aep.conf:2: kafka.sasl.mechanisms: is set already in ");
    given_file(world, USER_CONF, "kafka.metadata.broker.list = a\nkafka.bootstrap.servers = b\n");
    must_refuse(world, "aep.conf:2: kafka.bootstrap.servers: is set already in ");
}

static void test_xdg_config_home_is_asked_before_home(void **state)
{
    struct world *world = *state;
    given_file(world, USER_CONF, "tenant.id = home\n");
    given_file(world, "xdg/aep/aep.conf", "tenant.id = xdg\n");
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "home");
    given_variable(world, "XDG_CONFIG_HOME=%s/xdg", world->dir);
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "xdg");
}

static void test_a_link_to_a_conf_is_followed(void **state)
{
    struct world *world = *state;
    given_file(world, "dotfiles/aep", "tenant.id = linked\n");
    char target[PATH_SIZE];
    snprintf(target, sizeof target, "%s", path_in(world, "dotfiles/aep"));
    make_parents(path_in(world, USER_CONF));
    assert_int_equal(symlink(target, path_in(world, USER_CONF)), 0);
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "linked");
}

static void test_a_conf_that_anybody_may_write_is_refused(void **state)
{
    struct world *world = *state;
    given_bytes(world, USER_CONF, "redact = off\n", 13, 0646);
    must_refuse(world, "everybody may write it");
    given_bytes(world, USER_CONF, "redact = on\n", 12, 0664);
    must_load(world);
    given_bytes(world, SYSTEM_CONF, "redact = off\n", 13, 0666);
    must_refuse(world, "everybody may write it");
}

static void test_a_conf_of_another_user_is_refused(void **state)
{
    struct world *world = *state;
    if (geteuid() != 0)
        skip();
    given_file(world, USER_CONF, "redact = off\n");
    assert_int_equal(chown(path_in(world, USER_CONF), 4711, 4711), 0);
    must_refuse(world, "belongs to another user (uid 4711)");
    assert_int_equal(unlink(path_in(world, USER_CONF)), 0);
    given_file(world, SYSTEM_CONF, "tenant.id = sandboxed\n");
    assert_int_equal(chown(path_in(world, SYSTEM_CONF), 65534, 65534), 0);
    must_load(world);
    must_be(world, AEP__OPT_TENANT_ID, "sandboxed");
}

/* Root may read everything, so that a child gives that up. */
static void test_a_conf_that_cannot_be_read_is_named(void **state)
{
    struct world *world = *state;
    given_bytes(world, SYSTEM_CONF, "tenant.id = x\n", 14, 0000);
    assert_int_equal(chmod(world->dir, 0755), 0);
    pid_t child = fork();
    if (child == 0) {
        bool ok = (geteuid() != 0 || setresuid(4711, 4711, 4711) == 0) &&
                  load(world) == AEP_ECONFIG && strstr(world->err.text, "etc/aep/aep.conf") &&
                  strstr(world->err.text, "Permission denied");
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_a_conf_that_is_no_regular_file_neither_hangs_nor_passes(void **state)
{
    struct world *world = *state;
    make_parents(path_in(world, USER_CONF));
    assert_int_equal(mkfifo(path_in(world, USER_CONF), 0600), 0);
    must_refuse(world, "is not a regular file");
    assert_int_equal(unlink(path_in(world, USER_CONF)), 0);
    assert_int_equal(mkdir(path_in(world, USER_CONF), 0700), 0);
    must_refuse(world, "is not a regular file");
}

static void test_a_huge_conf_is_refused(void **state)
{
    struct world *world = *state;
    size_t len = 1100 * 1024;
    char *text = malloc(len);
    memset(text, '\n', len);
    given_bytes(world, USER_CONF, text, len, 0600);
    free(text);
    must_refuse(world, "is larger than 1 MiB");
}

/* ---- .env ----------------------------------------------------------------------------------- */

static void test_dotenv_gives_three_variables_and_nothing_else(void **state)
{
    struct world *world = *state;
    given_file(world, "dot.env",
               "# comment\n"
               "export KAFKA_BOOTSTRAP_SERVERS=\"broker:1\" # ours\n"
               " TENANT_ID = 'a $b \\c' \r\n"
               "ENVIRONMENT=prod # no\n"
               "KAFKA_INTELLIGENCE_BOOTSTRAP_SERVERS=no:1\n"
               "AEP_REDACT=off\nredact=off\nAEP_CAPTURE_REQUEST=maybe\nAEP_SPOOL_DIR=/tmp\n"
               "AEP_KAFKA_CLIENT_ID=evil\nAEP_KAFKA_PLUGIN_LIBRARY_PATHS=/evil.so\n"
               "nonsense\n=\nX=\"open\n");
    given_variable(world, "AEP_DOTENV=%s/dot.env", world->dir);
    must_load(world);
    must_be(world, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS, "broker:1");
    must_be(world, AEP__OPT_TENANT_ID, "a $b \\c");
    must_be(world, AEP__OPT_ENVIRONMENT, "prod");
    must_be(world, AEP__OPT_REDACT, "true");
    must_be(world, AEP__OPT_CAPTURE_REQUEST, "true");
    must_be(world, AEP__OPT_SPOOL_DIR, "");
    assert_int_equal(world->config->kafka_count, 0);
}

static void test_dotenv_values_that_want_expansion_are_refused(void **state)
{
    struct world *world = *state;
    given_variable(world, "AEP_DOTENV=%s/dot.env", world->dir);
    given_file(world, "dot.env", "\nTENANT_ID=${USER}\n");
    must_refuse(world, "dot.env:2: $ and \\ are not expanded here");
    given_file(world, "dot.env", "TENANT_ID=\"a\\n\"\n");
    must_refuse(world, "dot.env:1: $ and \\ are not expanded here");
    given_file(world, "dot.env", "TENANT_ID=\"a\n");
    must_refuse(world, "dot.env:1: the quotes do not match");
    given_file(world, "dot.env", "TENANT_ID='a'b\n");
    must_refuse(world, "dot.env:1: the quotes do not match");
    given_file(world, "dot.env", "KAFKA_BOOTSTRAP_SERVERS=not a server\n");
    must_refuse(world, "dot.env:1: kafka.bootstrap.servers: \"not a server\" is no host name");
    given_bytes(world, "dot.env", "TENANT_ID=a\0b\n", 14, 0600);
    must_refuse(world, "dot.env:1: a zero byte");
}

static void test_dotenv_must_be_named_absolutely_and_be_there(void **state)
{
    struct world *world = *state;
    given_variable(world, "AEP_DOTENV=.env");
    given_file(world, ".env", "TENANT_ID=evil\n");
    assert_int_equal(chdir(world->dir), 0);
    must_refuse(world, "environment AEP_DOTENV: \".env\" must be an absolute path");
    withdraw_variable(world);
    given_variable(world, "AEP_DOTENV=%s/absent.env", world->dir);
    must_refuse(world, "absent.env: cannot be opened");
    withdraw_variable(world);
    given_variable(world, "AEP_DOTENV=%s/open.env", world->dir);
    given_bytes(world, "open.env", "TENANT_ID=evil\n", 15, 0666);
    must_refuse(world, "everybody may write it");
}

/* ---- hostile surroundings ------------------------------------------------------------------- */

static void test_nothing_in_the_working_directory_is_read(void **state)
{
    struct world *world = *state;
    static const char evil[] = "redact = off\nkafka.bootstrap.servers = evil:1\nnonsense\n";
    static const char *const names[] = {
        "cwd/aep.conf",         "cwd/.aep.conf",
        "cwd/aep/aep.conf",     "cwd/.config/aep/aep.conf",
        "cwd/etc/aep/aep.conf", "cwd/xdg/aep/aep.conf",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        given_file(world, names[i], evil);
    given_file(world, "cwd/.env", "KAFKA_BOOTSTRAP_SERVERS=evil:1\nTENANT_ID=evil\n");
    assert_int_equal(chdir(path_in(world, "cwd")), 0);
    static const char *const homes[] = {"HOME=.", "HOME=", "HOME=../cwd", "HOME=~"};
    static const char *const xdgs[] = {"XDG_CONFIG_HOME=xdg", "XDG_CONFIG_HOME=.",
                                       "XDG_CONFIG_HOME=", "XDG_STATE_HOME=xdg"};
    for (size_t i = 0; i < 4; i++) {
        char *variables[] = {(char *)homes[i], (char *)xdgs[i], NULL};
        struct aep__config_sources sources = {variables, NULL};
        aep_config *config;
        struct aep__buf dir = {0};
        assert_int_equal(aep__config_load_from(NULL, &sources, &config, &world->err), AEP_OK);
        assert_string_equal(aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS), "");
        assert_string_equal(aep__config_text(config, AEP__OPT_TENANT_ID), "default");
        assert_true(aep__config_bool(config, AEP__OPT_REDACT));
        assert_int_equal(aep__config_spool_dir(config, &dir, &world->err), AEP_ECONFIG);
        assert_string_equal(world->err.field, "spool.dir");
        aep__buf_done(&dir);
        aep_config_free(config);
    }
}

static void test_the_real_thing_reads_its_environment_and_checks(void **state)
{
    struct world *world = *state;
    aep_config *config = NULL;
    given_file(world, "cwd/.env", "KAFKA_BOOTSTRAP_SERVERS=evil:1\n");
    given_file(world, "cwd/aep.conf", "mode = local\n");
    assert_int_equal(chdir(path_in(world, "cwd")), 0);
    clearenv();
    assert_int_equal(aep__config_resolve(NULL, &config, &world->err), AEP_ECONFIG);
    assert_non_null(strstr(world->err.text, "set KAFKA_BOOTSTRAP_SERVERS=host:9092, or "
                                            "AEP_MODE=local"));
    assert_null(config);
    setenv("KAFKA_BOOTSTRAP_SERVERS", "real:1", 1);
    setenv("HOME", path_in(world, "home"), 1);
    assert_int_equal(aep__config_resolve(NULL, &config, &world->err), AEP_OK);
    assert_string_equal(aep__config_text(config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS), "real:1");
    aep_config_free(config);
    clearenv();
}

static void test_a_setuid_program_reads_no_environment(void **state)
{
    struct world *world = *state;
    struct aep__config_sources sources = {NULL, NULL};
    aep_config *config;
    assert_int_equal(aep__config_load_from(NULL, &sources, &config, &world->err), AEP_OK);
    assert_string_equal(aep__config_text(config, AEP__OPT_TENANT_ID), "default");
    assert_null(config->state_dir);
    aep_config_free(config);
}

/* The same with the kernel's word for it: a copy of this program, setuid to somebody else. */
static void test_the_kernels_word_for_setuid_is_heard(void **state)
{
    struct world *world = *state;
    if (geteuid() != 0)
        skip();
    const char *copy = path_in(world, "setuid");
    char command[PATH_SIZE * 2];
    snprintf(command, sizeof command, "cp /proc/%d/exe %s && chmod 755 %s", getpid(), copy,
             world->dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(chown(copy, 4711, 4711), 0);
    assert_int_equal(chmod(copy, 04755), 0);
    pid_t child = fork();
    if (child == 0) {
        char *variables[] = {"TENANT_ID=evil", "AEP_MODE=local", "ASAN_OPTIONS=detect_leaks=0",
                             NULL};
        execle(copy, "setuid", "--print-tenant", (char *)NULL, variables);
        _exit(99);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) == 98)
        skip(); /* the file system allows no setuid */
    assert_int_equal(status, 0);
}

/* In that copy: 0 if the environment was not read, 98 if it is no setuid program after all. */
static int print_tenant(void)
{
    aep_config *config;
    if (geteuid() == getuid())
        return 98;
    if (aep__config_load(NULL, &config, NULL) != AEP_OK)
        return 2;
    int status = strcmp(aep__config_text(config, AEP__OPT_TENANT_ID), "evil") == 0;
    aep_config_free(config);
    return status;
}

static void test_what_loads_or_runs_code_comes_from_conf_only(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"plugin.library.paths", "sasl.kerberos.kinit.cmd",
                                        "ssl.engine.location", "ssl.engine.id", "ssl.providers"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char key[80], variable[AEP__NAME_SIZE], conf[128];
        snprintf(key, sizeof key, "kafka.%s", names[i]);
        aep__option_name(key, variable);
        refuses_argument(key, "/evil", "can be set in aep.conf only");
        given_variable(world, "%s=/evil", variable);
        must_refuse(world, "can be set in aep.conf only");
        withdraw_variable(world);
        snprintf(conf, sizeof conf, "%s = /usr/lib/good\n", key);
        given_file(world, USER_CONF, conf);
        must_load(world);
        assert_string_equal(aep__config_kafka(world->config, names[i])->text, "/usr/lib/good");
    }
}

static void test_what_librdkafka_gives_to_a_shell_holds_nothing_of_a_shell(void **state)
{
    struct world *world = *state;
    refuses_argument("kafka.sasl.kerberos.principal", "a;reboot", "a shell could take");
    refuses_argument("kafka.sasl.kerberos.keytab", "/a$(reboot)", "a shell could take");
    refuses_argument("kafka.sasl.kerberos.service.name", "-x", "a shell could take");
    given_argument(world, "kafka.sasl.kerberos.principal", "aep/host.example@EXAMPLE.COM");
    given_argument(world, "kafka.sasl.kerberos.keytab", "/etc/aep.keytab");
}

static void test_what_would_break_a_promise_is_refused(void **state)
{
    struct world *world = *state;
    refuses_argument("kafka.acks", "1",
                     "kafka.acks: can only be all, -1: an event leaves the disk");
    refuses_argument("kafka.request.required.acks", "0", "can only be all, -1");
    refuses_argument("kafka.enable.idempotence", "false", "cannot be set");
    refuses_argument("kafka.max.in.flight.requests.per.connection", "5", "cannot be set");
    refuses_argument("kafka.delivery.timeout.ms", "1000", "can only be 0");
    refuses_argument("kafka.message.timeout.ms", "1000", "can only be 0");
    refuses_argument("kafka.retries", "0", "cannot be set");
    refuses_argument("kafka.partitioner", "random", "can only be murmur2_random");
    refuses_argument("kafka.queuing.strategy", "lifo", "can only be fifo");
    refuses_argument("kafka.delivery.report.only.error", "true", "can only be false");
    refuses_argument("kafka.api.version.request", "false", "sends no headers");
    refuses_argument("kafka.transactional.id", "x", "cannot be set");
    refuses_argument("kafka.dr_msg_cb", "x", "cannot be set");
    refuses_argument("kafka.security.protocol", "tls", "none of plaintext, ssl, sasl_plaintext");
    given_argument(world, "kafka.acks", "all");
    given_argument(world, "kafka.acks", "-1");
    given_argument(world, "kafka.linger.ms", "5");
    given_argument(world, "kafka.security.protocol", "SASL_SSL");
}

/* ---- what belongs together ------------------------------------------------------------------ */

static void must_not_pass(struct world *world, const char *text)
{
    must_load(world);
    assert_int_equal(aep__config_check(world->config, &world->err), AEP_ECONFIG);
    if (!strstr(world->err.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, world->err.text);
}

static void must_pass(struct world *world)
{
    must_load(world);
    if (aep__config_check(world->config, &world->err) != AEP_OK)
        fail_msg("%s", world->err.text);
}

static void test_without_servers_the_message_says_what_to_set(void **state)
{
    struct world *world = *state;
    must_not_pass(world, "set KAFKA_BOOTSTRAP_SERVERS=host:9092, or AEP_MODE=local");
    given_variable(world, "AEP_EVENTS_ENABLED=false");
    must_pass(world);
    withdraw_variable(world);
    given_variable(world, "AEP_MODE=local");
    must_pass(world);
}

static void test_a_spool_holds_at_least_four_of_the_segments_that_are_set(void **state)
{
    struct world *world = *state;
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_variable(world, "AEP_SPOOL_MAX_BYTES=31MiB");
    must_pass(world); /* a spool that exists may have smaller ones: see test_publisher.c */
    given_argument(world, "spool.segment_bytes", "8MiB");
    must_not_pass(world, "spool.max_bytes = 31MiB (environment AEP_SPOOL_MAX_BYTES) must be at "
                         "least four times spool.segment_bytes = 8MiB (argument): 33554432 bytes");
    given_argument(world, "spool.max_bytes", "32MiB");
    must_pass(world);
    given_argument(world, "spool.segment_bytes", "16MiB");
    must_not_pass(world, "at least four times spool.segment_bytes");
}

static void test_a_field_fits_into_a_message(void **state)
{
    struct world *world = *state;
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_argument(world, "limits.field_bytes", "2M");
    must_not_pass(world, "limits.message_bytes = 1000000 (default) must be at least "
                         "limits.field_bytes = 2M (argument)");
}

/* ---- destination and spool folder ----------------------------------------------------------- */

static const char *destination_of(struct world *world)
{
    static char text[4096];
    struct aep__buf buf = {0};
    must_load(world);
    aep__config_destination(world->config, &buf);
    snprintf(text, sizeof text, "%s", aep__buf_string(&buf));
    aep__buf_done(&buf);
    return text;
}

static const char *dir_of(struct world *world)
{
    static char text[4096];
    struct aep__buf buf = {0};
    must_load(world);
    assert_int_equal(aep__config_spool_dir(world->config, &buf, &world->err), AEP_OK);
    snprintf(text, sizeof text, "%s", aep__buf_string(&buf));
    aep__buf_done(&buf);
    return text;
}

static void test_the_destination_is_what_tells_clusters_and_logins_apart(void **state)
{
    struct world *world = *state;
    given_argument(world, "kafka.bootstrap.servers", "B,a:9092");
    assert_string_equal(destination_of(world), "brokers=a:9092,b:9092\nprotocol=plaintext\n");
    given_argument(world, "kafka.security.protocol", "PLAINTEXT");
    given_argument(world, "kafka.sasl.username", "no SASL, no name");
    given_argument(world, "kafka.ssl.ca.location", "/no/tls");
    given_argument(world, "kafka.linger.ms", "5");
    assert_string_equal(destination_of(world), "brokers=a:9092,b:9092\nprotocol=plaintext\n");
    given_argument(world, "kafka.security.protocol", "SASL_SSL");
    given_argument(world, "kafka.sasl.mechanism", "scram-sha-512");
    given_argument(world, "kafka.sasl.username", "alice");
    given_argument(world, "kafka.sasl.password", "hunter2");
    given_argument(world, "kafka.ssl.ca.location", "/ca.pem");
    assert_string_equal(destination_of(world),
                        "brokers=a:9092,b:9092\nprotocol=sasl_ssl\nmechanism=SCRAM-SHA-512\n"
                        "principal=alice\nca=/ca.pem\n");
    given_argument(world, "kafka.security.protocol", "ssl");
    given_argument(world, "kafka.ssl.certificate.pem", "-----BEGIN\nx");
    char hash[AEP__HASH_TEXT_SIZE], expected[200];
    aep__hash_text("-----BEGIN\nx", 12, hash);
    snprintf(expected, sizeof expected,
             "brokers=a:9092,b:9092\nprotocol=ssl\ncertificate=%s\nca=/ca.pem\n", hash);
    assert_string_equal(destination_of(world), expected);
    given_argument(world, "mode", "local");
    assert_string_equal(destination_of(world), "local\n");
}

static void test_the_spool_folder_follows_from_the_destination_alone(void **state)
{
    struct world *world = *state;
    char first[4096], expected[PATH_SIZE];
    given_argument(world, "kafka.bootstrap.servers", "b:1,A");
    snprintf(first, sizeof first, "%s", dir_of(world));
    snprintf(expected, sizeof expected, "%s/home/.local/state/aep/a_9092_b_1-", world->dir);
    assert_memory_equal(first, expected, strlen(expected));
    assert_int_equal(strlen(first), strlen(expected) + 16);

    given_argument(world, "kafka.bootstrap.servers", "a:9092, B:1");
    given_argument(world, "kafka.linger.ms", "5");
    given_argument(world, "tenant.id", "other");
    assert_string_equal(dir_of(world), first);

    given_argument(world, "kafka.security.protocol", "sasl_plaintext");
    assert_string_not_equal(dir_of(world), first);
    snprintf(first, sizeof first, "%s", dir_of(world));
    given_argument(world, "kafka.sasl.mechanism", "PLAIN");
    given_argument(world, "kafka.sasl.username", "alice");
    assert_string_not_equal(dir_of(world), first);
    snprintf(first, sizeof first, "%s", dir_of(world));
    given_argument(world, "kafka.sasl.username", "bob");
    assert_string_not_equal(dir_of(world), first);
}

static void test_the_spool_folder_has_a_stable_name(void **state)
{
    struct world *world = *state;
    given_variable(world, "XDG_STATE_HOME=/state");
    given_argument(world, "kafka.bootstrap.servers", "localhost:9092");
    assert_string_equal(dir_of(world), "/state/aep/localhost_9092-cd72eb091d8afa66");
    given_argument(world, "kafka.bootstrap.servers",
                   "a-rather-long-broker-name-1.example.com,a-rather-long-broker-name-2");
    const char *name = strrchr(dir_of(world), '/') + 1;
    assert_memory_equal(name, "a-rather-long-broker-name-1.example.com_-", 41);
    assert_int_equal(strlen(name), 40 + 1 + 16);
    given_argument(world, "mode", "local");
    assert_string_equal(dir_of(world), "/state/aep/local");
    given_argument(world, "spool.dir", "/somewhere/else");
    assert_string_equal(dir_of(world), "/somewhere/else");
}

/* ---- what librdkafka is told ---------------------------------------------------------------- */

static int note_kafka(void *user, const char *name, const char *value)
{
    aep__buf_format(user, "%s=%s\n", name, value);
    return 0;
}

static void must_tell(struct world *world, const char *expected)
{
    struct aep__buf told = {0};
    must_load(world);
    if (aep__config_each_kafka(world->config, note_kafka, &told, &world->err) != AEP_OK)
        fail_msg("%s", world->err.text);
    assert_string_equal(aep__buf_string(&told), expected);
    aep__buf_done(&told);
}

static void test_librdkafka_is_told_what_is_in_force(void **state)
{
    struct world *world = *state;
    given_file(world, SYSTEM_CONF, "kafka.sasl.password = conf\nkafka.client.id = x\n");
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=b,A");
    given_variable(world, "AEP_KAFKA_SECURITY_PROTOCOL=sasl_ssl");
    must_tell(world, "bootstrap.servers=a:9092,b:9092\nclient.id=x\nsasl.password=conf\n"
                     "security.protocol=sasl_ssl\n");
}

static void test_a_password_comes_from_its_file(void **state)
{
    struct world *world = *state;
    given_bytes(world, "pw", "s3cret \n\n", 9, 0600);
    given_variable(world, "AEP_KAFKA_SASL_PASSWORD_FILE=%s/pw", world->dir);
    must_tell(world, "sasl.password=s3cret \n\n");
    given_bytes(world, "pw", "s3cret\r\n", 8, 0640);
    must_tell(world, "sasl.password=s3cret\n");
    given_file(world, SYSTEM_CONF, "kafka.sasl.password = weaker\n");
    must_tell(world, "sasl.password=s3cret\n");
    given_argument(world, "kafka.sasl.password", "stronger");
    must_tell(world, "sasl.password=stronger\n");
}

static void must_not_tell(struct world *world, const char *text)
{
    struct aep__buf told = {0};
    must_load(world);
    assert_int_equal(aep__config_each_kafka(world->config, note_kafka, &told, &world->err),
                     AEP_ECONFIG);
    if (!strstr(world->err.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, world->err.text);
    assert_string_equal(world->err.field, "kafka.sasl.password.file");
    aep__buf_done(&told);
}

static void test_a_password_file_that_is_none_is_refused(void **state)
{
    struct world *world = *state;
    given_variable(world, "AEP_KAFKA_SASL_PASSWORD_FILE=%s/pw", world->dir);
    must_not_tell(world, "cannot be opened: No such file");
    given_bytes(world, "pw", "s3cret", 6, 0604);
    must_not_tell(world, "everybody may read it");
    given_bytes(world, "pw", "\n", 1, 0600);
    must_not_tell(world, "holds no password");
    given_bytes(world, "pw", "a\0b", 3, 0600);
    must_not_tell(world, "holds no password");
}

static void test_a_password_twice_in_a_layer_is_refused(void **state)
{
    struct world *world = *state;
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_argument(world, "kafka.sasl.password.file", "/pw");
    given_variable(world, "AEP_KAFKA_SASL_PASSWORD=x");
    must_pass(world);
    given_argument(world, "kafka.sasl.password", "x");
    must_not_pass(world, "set one of them");
}

static int refuse_second(void *user, const char *name, const char *value)
{
    (void)name;
    (void)value;
    return ++*(int *)user == 2 ? 42 : 0;
}

static void test_telling_stops_where_it_is_refused(void **state)
{
    struct world *world = *state;
    int told = 0;
    given_argument(world, "kafka.bootstrap.servers", "a");
    given_argument(world, "kafka.client.id", "x");
    given_argument(world, "kafka.linger.ms", "1");
    must_load(world);
    assert_int_equal(aep__config_each_kafka(world->config, refuse_second, &told, &world->err), 42);
    assert_int_equal(told, 2);
}

/* ---- explaining ----------------------------------------------------------------------------- */

static void given_secrets(struct world *world)
{
    static const char *const names[] = {"sasl.password",
                                        "ssl.key.password",
                                        "ssl.key.pem",
                                        "ssl.keystore.password",
                                        "sasl.oauthbearer.config",
                                        "sasl.oauthbearer.client.secret",
                                        "sasl.oauthbearer.client.credentials.client.secret",
                                        "sasl.oauthbearer.assertion.private.key.pem",
                                        "sasl.oauthbearer.assertion.private.key.passphrase",
                                        "some.future.password",
                                        "vault.secret.value"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char key[100];
        snprintf(key, sizeof key, "kafka.%s", names[i]);
        given_argument(world, key, "hunter2");
    }
}

static void test_explain_tells_values_and_origins_and_no_secrets(void **state)
{
    struct world *world = *state;
    struct aep__buf text = {0};
    given_file(world, USER_CONF, "spool.sync = always\n");
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_variable(world, "AEP_SPOL_DIR=/x");
    given_secrets(world);
    must_load(world);
    aep__config_explain(world->config, false, &text);
    const char *shown = aep__buf_string(&text);
    assert_null(strstr(shown, "hunter2"));
    assert_non_null(strstr(shown, "********"));
    assert_non_null(strstr(shown, "home/.config/aep/aep.conf:1\n"));
    assert_non_null(strstr(shown, "environment KAFKA_BOOTSTRAP_SERVERS\n"));
    assert_non_null(strstr(shown, "home/.config/aep/aep.conf (read)\n"));
    assert_non_null(strstr(shown, "etc/aep/aep.conf (absent)\n"));
    assert_non_null(strstr(shown, "did you mean AEP_SPOOL_DIR?\n"));
    assert_non_null(strstr(shown, "state/aep/a_9092-"));
    for (int i = 0; i < AEP__OPT_COUNT; i++)
        assert_non_null(strstr(shown, aep__options[i].key));
    aep__buf_done(&text);
}

static void test_explain_guesses_no_folder_without_servers(void **state)
{
    struct world *world = *state;
    struct aep__buf text = {0};
    must_load(world);
    aep__config_explain(world->config, false, &text);
    assert_null(strstr(aep__buf_string(&text), "derived"));
    aep__buf_done(&text);
}

static void test_explain_writes_json_too(void **state)
{
    struct world *world = *state;
    struct aep__buf text = {0};
    given_argument(world, "tenant.id", "a \"quoted\\ one");
    given_variable(world, "AEP_SPOL_DIR=/x");
    given_secrets(world);
    must_load(world);
    aep__config_explain(world->config, true, &text);
    const char *shown = aep__buf_string(&text);
    assert_null(strstr(shown, "hunter2"));
    assert_non_null(strstr(shown, "{\"key\":\"tenant.id\",\"value\":\"a \\\"quoted\\\\ one\","
                                  "\"origin\":\"argument\",\"secret\":false}"));
    struct aep__json json = {0};
    enum aep__json_token token;
    aep__json_begin(&json, text.data, text.len, AEP__JSON_DEPTH, true);
    while ((token = aep__json_next(&json)) != AEP__JSON_END)
        if (token == AEP__JSON_ERROR)
            fail_msg("%s at %zu: %s", json.message, json.position, shown);
    aep__json_done(&json);
    aep__buf_done(&text);
}

static void test_the_reference_has_every_option_and_its_names(void **state)
{
    (void)state;
    struct aep__buf text = {0};
    aep__config_reference(&text);
    const char *page = aep__buf_string(&text);
    for (int i = 0; i < AEP__OPT_COUNT; i++) {
        char line[128], name[AEP__NAME_SIZE];
        snprintf(line, sizeof line, "\n### %s\n", aep__options[i].key);
        assert_non_null(strstr(page, line));
        aep__option_name(aep__options[i].key, name);
        assert_non_null(strstr(page, name));
    }
    assert_non_null(strstr(page, "`KAFKA_BOOTSTRAP_SERVERS`, `KAFKA_INTELLIGENCE_BOOTSTRAP_SERVERS`"
                                 "; `.env`: `KAFKA_BOOTSTRAP_SERVERS`"));
    assert_non_null(strstr(page, "| `kafka.acks` | only `all`, `-1`: "));
    assert_non_null(strstr(page, "- Type: size, 64KiB to 1GiB\n- Default: `8MiB`\n"));
    aep__buf_done(&text);
}

/* ---- packing -------------------------------------------------------------------------------- */

static void test_packing_keeps_everything(void **state)
{
    struct world *world = *state;
    struct aep__buf packed = {0}, before = {0}, after = {0};
    given_file(world, SYSTEM_CONF, "kafka.plugin.library.paths = /p.so\nlimits.field_bytes = 1k\n");
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_argument(world, "redact", "off");
    given_secrets(world);
    must_load(world);
    aep__config_pack(world->config, &packed);
    aep_config *config;
    assert_int_equal(aep__config_unpack(packed.data, packed.len, &config, &world->err), AEP_OK);
    aep__buf_clear(&world->config->files.buf);
    aep__config_explain(world->config, false, &before);
    aep__config_explain(config, false, &after);
    assert_string_equal(aep__buf_string(&after), aep__buf_string(&before));
    assert_string_equal(aep__config_kafka(config, "sasl.password")->text, "hunter2");
    assert_int_equal(aep__config_int(config, AEP__OPT_LIMITS_FIELD_BYTES), 1024);
    aep_config_free(config);
    aep__buf_done(&packed);
    aep__buf_done(&before);
    aep__buf_done(&after);
}

static void refuses_pack(const char *data, size_t len)
{
    aep_config *config = NULL;
    aep_error err = {0};
    assert_int_equal(aep__config_unpack(data, len, &config, &err), AEP_ECONFIG);
    assert_null(config);
    assert_true(strlen(err.text) > 0);
}

static void test_what_was_not_packed_by_us_is_refused(void **state)
{
    struct world *world = *state;
    struct aep__buf packed = {0};
    given_variable(world, "KAFKA_BOOTSTRAP_SERVERS=a");
    given_argument(world, "redact", "off");
    must_load(world);
    aep__config_pack(world->config, &packed);
    size_t whole = 0;
    for (size_t len = 0; len < packed.len; len++) {
        aep_config *config = NULL;
        if (aep__config_unpack(packed.data, len, &config, NULL) == AEP_OK)
            whole++; /* it ends between two settings, behind the servers */
        aep_config_free(config);
    }
    assert_in_range(whole, 0, 1);
#define REFUSES(text) refuses_pack(text, sizeof text)
    REFUSES("");
    REFUSES("aep-config-2\0");
    REFUSES("aep-config-1\0relative\0mode\0006x\0local");
    REFUSES("aep-config-1\0\0mode\0007x\0local");
    REFUSES("aep-config-1\0\0mode\0001x\0local");
    REFUSES("aep-config-1\0\0mode\0006\n\0local");
    REFUSES("aep-config-1\0\0mode\0006x\0nowhere");
    REFUSES("aep-config-1\0\0nothing\0006x\0y");
    REFUSES("aep-config-1\0\0mode\0006x\0local\0kafka.plugin.library.paths\0005x\0/evil.so");
    REFUSES("aep-config-1\0\0tenant.id\0006x\0no servers");
    aep__buf_done(&packed);
}

/* ---- small parts ---------------------------------------------------------------------------- */

static void test_edit_distance_counts_slips(void **state)
{
    (void)state;
    assert_int_equal(aep__edit_distance("", ""), 0);
    assert_int_equal(aep__edit_distance("spool", ""), 5);
    assert_int_equal(aep__edit_distance("spool", "SPOOL"), 0);
    assert_int_equal(aep__edit_distance("spool", "spol"), 1);
    assert_int_equal(aep__edit_distance("spool", "spoool"), 1);
    assert_int_equal(aep__edit_distance("spool", "spaol"), 1);
    assert_int_equal(aep__edit_distance("redact", "redcat"), 1);
    assert_int_equal(aep__edit_distance("kitten", "sitting"), 3);
}

static void test_hashes_are_those_of_fnv(void **state)
{
    (void)state;
    uint8_t hash[16];
    char text[AEP__HASH_TEXT_SIZE];
    static const uint8_t of_a[16] = {0xd2, 0x28, 0xcb, 0x69, 0x6f, 0x1a, 0x8c, 0xaf,
                                     0x78, 0x91, 0x2b, 0x70, 0x4e, 0x4a, 0x89, 0x64};
    static const uint8_t of_foobar[16] = {0x34, 0x3e, 0x16, 0x62, 0x79, 0x3c, 0x64, 0xbf,
                                          0x6f, 0x0d, 0x35, 0x97, 0xba, 0x44, 0x6f, 0x18};
    aep__hash128("a", 1, hash);
    assert_memory_equal(hash, of_a, 16);
    aep__hash128("foobar", 6, hash);
    assert_memory_equal(hash, of_foobar, 16);
    aep__hash_text("foobar", 6, text);
    assert_string_equal(text, "5b3323f5c3780ba7");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--print-tenant") == 0)
        _exit(print_tenant());
    const struct CMUnitTest tests[] = {
        TEST(test_every_option_has_a_row_and_a_default_that_is_valid),
        TEST(test_variables_are_named_after_keys),
        TEST(test_the_strongest_layer_wins),
        TEST(test_the_strongest_layer_wins_for_kafka_settings_under_either_name),
        TEST(test_a_bad_value_is_refused_even_where_a_stronger_layer_hides_it),
        TEST(test_the_names_that_users_have_are_read_in_order),
        TEST(test_empty_is_unset_everywhere),
        TEST(test_a_loaded_config_is_not_read_again),
        TEST(test_loading_leaves_the_arguments_alone),
        TEST(test_a_key_may_be_a_word_with_underscores),
        TEST(test_an_unknown_key_is_named_with_its_line_and_the_nearest),
        TEST(test_an_unknown_key_like_nothing_is_refused_without_a_guess),
        TEST(test_a_mistyped_kafka_variable_is_refused),
        TEST(test_a_key_that_a_newer_librdkafka_may_know_is_passed_on),
        TEST(test_a_variable_that_looks_mistyped_is_said_but_breaks_nothing),
        TEST(test_sizes_have_units),
        TEST(test_numbers_have_a_range),
        TEST(test_times_have_units),
        TEST(test_booleans_and_words_are_read_in_any_case),
        TEST(test_paths_are_absolute),
        TEST(test_texts_are_clean_utf8_of_bounded_length),
        TEST(test_no_message_has_a_line_end_or_runs_over),
        TEST(test_server_lists_have_one_form),
        TEST(test_what_cannot_be_a_server_is_refused_with_the_reason),
        TEST(test_a_password_among_the_servers_is_not_repeated),
        TEST(test_conf_is_read_with_comments_quotes_and_line_ends_of_all_kinds),
        TEST(test_a_line_of_conf_that_is_nothing_is_refused),
        TEST(test_a_key_twice_in_a_file_is_refused),
        TEST(test_xdg_config_home_is_asked_before_home),
        TEST(test_a_link_to_a_conf_is_followed),
        TEST(test_a_conf_that_anybody_may_write_is_refused),
        TEST(test_a_conf_of_another_user_is_refused),
        TEST(test_a_conf_that_cannot_be_read_is_named),
        TEST(test_a_conf_that_is_no_regular_file_neither_hangs_nor_passes),
        TEST(test_a_huge_conf_is_refused),
        TEST(test_dotenv_gives_three_variables_and_nothing_else),
        TEST(test_dotenv_values_that_want_expansion_are_refused),
        TEST(test_dotenv_must_be_named_absolutely_and_be_there),
        TEST(test_nothing_in_the_working_directory_is_read),
        TEST(test_the_real_thing_reads_its_environment_and_checks),
        TEST(test_a_setuid_program_reads_no_environment),
        TEST(test_the_kernels_word_for_setuid_is_heard),
        TEST(test_what_loads_or_runs_code_comes_from_conf_only),
        TEST(test_what_librdkafka_gives_to_a_shell_holds_nothing_of_a_shell),
        TEST(test_what_would_break_a_promise_is_refused),
        TEST(test_without_servers_the_message_says_what_to_set),
        TEST(test_a_spool_holds_at_least_four_of_the_segments_that_are_set),
        TEST(test_a_field_fits_into_a_message),
        TEST(test_the_destination_is_what_tells_clusters_and_logins_apart),
        TEST(test_the_spool_folder_follows_from_the_destination_alone),
        TEST(test_the_spool_folder_has_a_stable_name),
        TEST(test_librdkafka_is_told_what_is_in_force),
        TEST(test_a_password_comes_from_its_file),
        TEST(test_a_password_file_that_is_none_is_refused),
        TEST(test_a_password_twice_in_a_layer_is_refused),
        TEST(test_telling_stops_where_it_is_refused),
        TEST(test_explain_tells_values_and_origins_and_no_secrets),
        TEST(test_explain_guesses_no_folder_without_servers),
        TEST(test_explain_writes_json_too),
        TEST(test_the_reference_has_every_option_and_its_names),
        TEST(test_packing_keeps_everything),
        TEST(test_what_was_not_packed_by_us_is_refused),
        TEST(test_edit_distance_counts_slips),
        TEST(test_hashes_are_those_of_fnv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
