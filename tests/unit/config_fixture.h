/* SPDX-License-Identifier: Apache-2.0 */
/* Each test has its own folder, for a home and a system's aep.conf, and its own environment;
 * functions for what the configuration is given and what results. */
#ifndef AEP_TESTS_CONFIG_FIXTURE_H
#define AEP_TESTS_CONFIG_FIXTURE_H

#include "config/config.h"
#include "config/layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

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

static inline void given_variable(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void given_variable(struct world *world, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    assert_true(world->variable_count + 1 < VARIABLES_MAX);
    assert_true(vasprintf(&world->variables[world->variable_count++], format, list) >= 0);
    va_end(list);
}

static inline void withdraw_variable(struct world *world)
{
    char **last = &world->variables[--world->variable_count];
    free(*last);
    *last = NULL;
}

static inline int enter(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    strcpy(world->dir, "/tmp/test_config.XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    given_variable(world, "HOME=%s/home", world->dir);
    *state = world;
    return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static inline int leave(void **state)
{
    struct world *world = *state;
    assert_int_equal(chdir("/"), 0);
    nftw(world->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < world->variable_count; i++)
        free(world->variables[i]);
    aep_config_free(world->args);
    aep_config_free(world->config);
    free(world);
    return 0;
}

static inline const char *path_in(const struct world *world, const char *name)
{
    static char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", world->dir, name);
    return path;
}

static inline void make_parents(const char *path)
{
    char copy[PATH_SIZE];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *at = copy + 1; (at = strchr(at, '/')); *at++ = '/') {
        *at = '\0';
        mkdir(copy, 0755);
    }
}

static inline void given_bytes(const struct world *world, const char *name, const char *text,
                               size_t len, mode_t mode)
{
    const char *path = path_in(world, name);
    make_parents(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static inline void given_file(const struct world *world, const char *name, const char *text)
{
    given_bytes(world, name, text, strlen(text), 0644);
}

#define USER_CONF "home/.config/aep/aep.conf"
#define SYSTEM_CONF "etc/aep/aep.conf"

static inline void given_argument(struct world *world, const char *key, const char *value)
{
    if (!world->args)
        world->args = aep_config_new();
    assert_int_equal(aep_config_set(world->args, key, value, &world->err), AEP_OK);
}

/* ---- what happens --------------------------------------------------------------------------- */

static inline int load(struct world *world)
{
    char system_file[PATH_SIZE];
    snprintf(system_file, sizeof system_file, "%s/" SYSTEM_CONF, world->dir);
    struct aep__config_sources sources = {world->variables, system_file};
    aep_config_free(world->config);
    world->config = NULL;
    world->err = (aep_error){0};
    return aep__config_load_from(world->args, &sources, &world->config, &world->err);
}

static inline void must_load(struct world *world)
{
    int code = load(world);
    if (code != AEP_OK)
        fail_msg("refused: %s", world->err.text);
}

static inline void must_refuse(struct world *world, const char *text)
{
    if (load(world) == AEP_OK)
        fail_msg("accepted; expected: %s", text);
    assert_int_equal(world->err.code, AEP_ECONFIG);
    if (!strstr(world->err.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, world->err.text);
    assert_null(world->config);
}

static inline void must_be(const struct world *world, enum aep__option option, const char *text)
{
    assert_string_equal(aep__config_text(world->config, option), text);
}

static inline void refuses_argument(const char *key, const char *value, const char *text)
{
    aep_config *config = aep_config_new();
    aep_error err = {0};
    if (aep_config_set(config, key, value, &err) != AEP_ECONFIG)
        fail_msg("%s=%s was accepted", key, value);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, err.text);
    aep_config_free(config);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

/* Every secret that Kafka takes. */
static inline void given_secrets(struct world *world)
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

static inline void must_not_pass(struct world *world, const char *text)
{
    must_load(world);
    assert_int_equal(aep__config_check(world->config, &world->err), AEP_ECONFIG);
    if (!strstr(world->err.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, world->err.text);
}

static inline void must_pass(struct world *world)
{
    must_load(world);
    if (aep__config_check(world->config, &world->err) != AEP_OK)
        fail_msg("%s", world->err.text);
}

#endif
