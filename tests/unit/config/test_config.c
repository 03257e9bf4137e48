/* SPDX-License-Identifier: Apache-2.0 */
/* Where the configuration comes from: the table, the layers, their files, and which surroundings
 * are not trusted. */
#include "config_fixture.h"

#include <sys/wait.h>

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
    must_refuse(world, "etc/aep/aep.conf:1: spool.sync: \"sometimes\" is not one of batch, always");
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
    assert_string_equal(aep__config_text(world->config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS),
                        "word:1");
    assert_string_equal(aep__config_kafka(world->config, "security.protocol")->text, "ssl");
    assert_string_equal(aep__config_kafka(world->config, "log_level")->text, "6");
    refuses_argument("kafka_sasl_pasword", "x", "did you mean kafka.sasl.password?");
}

static void test_an_unknown_key_is_named_with_its_line_and_the_nearest(void **state)
{
    struct world *world = *state;
    given_file(world, USER_CONF, "# mine\n\nspol.dir = /x\n");
    must_refuse(world, ".config/aep/aep.conf:3: unknown option \"spol.dir\"; did you mean "
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
    refuses_argument("zzzzzzzz", "1", "unknown option \"zzzzzzzz\"");
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
    must_refuse(world, "environment AEP_KAFKA_SECURITY_PROTOCOLL: unknown option "
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
                        "\"AEP_SPOL_DIR\" is not an aep variable; did you mean AEP_SPOOL_DIR?");
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
    must_refuse(world, "aep.conf:2: expected `key = value`");
    given_file(world, USER_CONF, "= x\n");
    must_refuse(world, "aep.conf:1: expected `key = value`");
    given_file(world, USER_CONF, "tenant.id = x # mine\n");
    must_refuse(world, "aep.conf:1: the value has a #");
    given_file(world, USER_CONF, "tenant.id = # mine\n");
    must_refuse(world, "aep.conf:1: the value has a #");
    given_file(world, USER_CONF, "tenant.id = \"x\n");
    must_refuse(world, "aep.conf:1: a value that begins with a quote must end with one");
    given_file(world, USER_CONF, "tenant.id = \"\n");
    must_refuse(world, "aep.conf:1: a value that begins with a quote must end with one");
    given_bytes(world, USER_CONF, "tenant.id = a\0b\n", 16, 0644);
    must_refuse(world, "aep.conf:1: a NUL byte");
}

static void test_a_key_twice_in_a_file_is_refused(void **state)
{
    struct world *world = *state;
    given_file(world, USER_CONF, "tenant.id = a\n\ntenant.id = b\n");
    must_refuse(world, "aep.conf:3: tenant.id: is already set in ");
    assert_non_null(strstr(world->err.text, "aep.conf:1"));
    given_file(world, USER_CONF, "kafka.sasl.mechanism = PLAIN\nkafka.sasl.mechanisms = PLAIN\n");
    must_refuse(world, "aep.conf:2: kafka.sasl.mechanisms: is already set in ");
    given_file(world, USER_CONF, "kafka.metadata.broker.list = a\nkafka.bootstrap.servers = b\n");
    must_refuse(world, "aep.conf:2: kafka.bootstrap.servers: is already set in ");
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
    must_refuse(world, "is world-writable");
    given_bytes(world, USER_CONF, "redact = on\n", 12, 0664);
    must_load(world);
    given_bytes(world, SYSTEM_CONF, "redact = off\n", 13, 0666);
    must_refuse(world, "is world-writable");
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

/* Root may read everything, so a child drops that right. */
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
               "\xef\xbb\xbf" /* a byte-order mark */
               "export KAFKA_BOOTSTRAP_SERVERS=\"broker:1\" # ours\n"
               "# comment\n"
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
    must_refuse(world, "dot.env:1: a quote is missing");
    given_file(world, "dot.env", "TENANT_ID='a'b\n");
    must_refuse(world, "dot.env:1: a quote is missing");
    given_file(world, "dot.env", "KAFKA_BOOTSTRAP_SERVERS=not a server\n");
    must_refuse(world, "dot.env:1: kafka.bootstrap.servers: \"not a server\": separate servers");
    given_bytes(world, "dot.env", "TENANT_ID=a\0b\n", 14, 0600);
    must_refuse(world, "dot.env:1: it has a NUL byte");
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
    must_refuse(world, "is world-writable");
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

static int resolve_reading(const char *mode, aep_config **ret, aep_error *err)
{
    aep_config *args = aep_config_new();
    assert_non_null(args);
    if (mode)
        assert_int_equal(aep_config_set(args, "mode", mode, err), AEP_OK);
    int code = aep__config_resolve_reading(args, ret, err);
    aep_config_free(args);
    return code;
}

static void test_without_a_word_about_where_events_go_a_reader_looks_on_this_machine(void **state)
{
    struct world *world = *state;
    aep_config *config = NULL;
    clearenv();
    setenv("HOME", path_in(world, "home"), 1);
    assert_int_equal(resolve_reading(NULL, &config, &world->err), AEP_OK);
    assert_true(aep__config_is(config, AEP__OPT_MODE, "local"));
    aep_config_free(config);
    config = NULL;
    assert_int_equal(resolve_reading("kafka", &config, &world->err), AEP_ECONFIG);
    assert_null(config);
    setenv("KAFKA_BOOTSTRAP_SERVERS", "real:1", 1);
    assert_int_equal(resolve_reading(NULL, &config, &world->err), AEP_OK);
    assert_true(aep__config_is(config, AEP__OPT_MODE, "kafka"));
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

/* The same as the kernel does it: a copy of this program, setuid to another user. */
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

/* The copy's exit status: 0 if the environment was not read, 98 if it is not setuid after all. */
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
        refuses_argument(key, "/evil", "can be set only in aep.conf");
        given_variable(world, "%s=/evil", variable);
        must_refuse(world, "can be set only in aep.conf");
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
    refuses_argument("kafka.sasl.kerberos.principal", "a;reboot", "a shell could interpret");
    refuses_argument("kafka.sasl.kerberos.keytab", "/a$(reboot)", "a shell could interpret");
    refuses_argument("kafka.sasl.kerberos.service.name", "-x", "a shell could interpret");
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
    refuses_argument("kafka.security.protocol", "tls", "one of plaintext, ssl, sasl_plaintext");
    given_argument(world, "kafka.acks", "all");
    given_argument(world, "kafka.acks", "-1");
    given_argument(world, "kafka.linger.ms", "5");
    given_argument(world, "kafka.security.protocol", "SASL_SSL");
}

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
        TEST(test_without_a_word_about_where_events_go_a_reader_looks_on_this_machine),
        TEST(test_a_setuid_program_reads_no_environment),
        TEST(test_the_kernels_word_for_setuid_is_heard),
        TEST(test_what_loads_or_runs_code_comes_from_conf_only),
        TEST(test_what_librdkafka_gives_to_a_shell_holds_nothing_of_a_shell),
        TEST(test_what_would_break_a_promise_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
