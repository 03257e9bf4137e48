/* SPDX-License-Identifier: Apache-2.0 */
/* aep-relay: delivers one spool to Kafka. Publishers start it automatically and pass their settings
 * through a socket at descriptor 0; `aep relay run` and service managers run it with
 * --foreground. */
#include "aep/aep.h"
#include "base/error.h"
#include "client/setup.h"
#include "config/pass.h"
#include "relay/handover.h"
#include "relay/settings.h"
#include "relay/sink_kafka.h"
#include "spool/bell.h"

#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_FILES 4096
#define NO_PLUGINS "/dev/null"
#define LOCK_LEFT "aep-relay.lock"

static const char usage_text[] =
    "usage: aep-relay --foreground [--spool DIR]\n\n"
    "Delivers the events of one spool to Kafka until SIGTERM.\n"
    "Its settings come from the environment and aep.conf, as a publisher's do.\n\n"
    "  --foreground  stay; take over from a relay that a publisher has started\n"
    "  --spool DIR   the spool folder, instead of the configured one\n"
    "  --version     print the version\n"
    "  --help        print this\n\n"
    "Publishers start it by themselves if relay.mode is auto.\n";

struct options {
    bool foreground;
    int lock_fd; /* that this process held as another program; -1: none */
    const char *spool;
};

static bool is_socket(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int find_settings(const struct options *options, aep_config **ret, aep_error *err)
{
    aep_config *args = aep_config_new();
    int result = args ? AEP_OK : aep__error_memory(err);
    if (result == AEP_OK && options->spool)
        result = aep_config_set(args, "spool.dir", options->spool, err);
    if (result == AEP_OK)
        result = aep__config_resolve(args, ret, err);
    aep_config_free(args);
    return result;
}

/* Of the program that this one becomes: in the foreground it would end for good where we go on. */
static int check_settings(void *user, aep_error *err)
{
    aep_config *config = NULL;
    int result = find_settings(user, &config, err);
    aep_config_free(config);
    return result;
}

/* The starter's end is closed once the settings are here, so that it knows. */
static int receive_settings(aep_config **ret, aep_error *err)
{
    aep_config *config = NULL;
    int result = aep__config_receive(STDIN_FILENO, &config, err);
    if (result == AEP_OK)
        result = aep__config_check(config, err);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    *ret = config;
    return result;
}

/* A relay in the foreground may come before the first publisher, and then makes the spool. */
static int open_spool(struct aep__relay *relay, const char *dir, aep_error *err)
{
    struct aep__buf path = {0};
    int result = AEP_OK;
    if (dir)
        aep__buf_text(&path, dir);
    else
        result = aep__config_spool_dir(relay->config, &path, err);
    dir = aep__buf_string(&path);
    if (result == AEP_OK)
        result = relay->foreground ? aep__setup_spool(relay->config, dir, &relay->spool, err)
                                   : aep__spool_open(&relay->spool, dir, NULL, err);
    aep__buf_done(&path);
    return result;
}

/* Runs with the spool open. Says in the log and, while no relay runs, in the status why it cannot. */
static int run_on_spool(struct aep__relay *relay, aep_error *err)
{
    aep__settings_fingerprint(relay->config, relay->fingerprint);
    int result = aep__handover_take(relay, err);
    if (result == AEP_OK)
        result = aep__relay_run(relay, err);
    if (result != AEP_OK && result != AEP_ESTATE) {
        aep__log_write(&relay->log, AEP_LOG_ERROR, "%s", err->text);
        if (relay->lock_fd >= 0 && !aep__lock_held(relay->lock_fd))
            aep__report_failure(&relay->spool, err->text);
    }
    return result;
}

/* As librdkafka begins, Cyrus SASL loads a dozen plugins, for a fifth of the processor time that it
 * takes until the first event is sent. Only Kerberos needs them. */
static void spare_plugins(const aep_config *config)
{
    struct aep__buf destination = {0};
    aep__config_destination(config, &destination);
    if (!strstr(aep__buf_string(&destination), "mechanism=GSSAPI"))
        setenv("SASL_PATH", NO_PLUGINS, 0);
    aep__buf_done(&destination);
}

/* Everything else is closed. A relay in the foreground finds its settings anew, like any that is
 * started; the lock is never free, so nobody starts another one meanwhile. */
static int become(struct aep__relay *relay, aep_error *err)
{
    const struct aep__inherited left = {LOCK_LEFT, relay->lock_fd};
    const char *plugins = getenv("SASL_PATH");
    if (plugins && strcmp(plugins, NO_PLUGINS) == 0)
        unsetenv("SASL_PATH");
    aep__successor_become(&relay->successor, relay->foreground ? NULL : relay->config, &left, 1);
    relay->spool.dir_fd = -1; /* its number may be that of what was to be left */
    return aep__error(err, AEP_ERELAY, NULL, "cannot run %s", relay->successor.path);
}

static int run(struct options *options, aep_error *err)
{
    aep_config *config = NULL;
    struct aep__relay *relay = calloc(1, sizeof *relay);
    if (!relay)
        return aep__error_memory(err);
    relay->foreground = options->foreground;
    relay->lock_fd = options->lock_fd;
    int result =
        options->foreground ? find_settings(options, &config, err) : receive_settings(&config, err);
    relay->config = config;
    if (result == AEP_OK)
        spare_plugins(config);
    if (result == AEP_OK)
        result = open_spool(relay, options->spool, err);
    if (result == AEP_OK) {
        aep__log_init(&relay->log, relay->spool.dir_fd, AEP__RELAY_LOG, options->foreground);
        aep__counters_init(&relay->counters, &relay->spool);
        aep__relay_init(relay);
        relay->successor.check = options->foreground ? check_settings : NULL;
        relay->successor.check_user = options;
        result = run_on_spool(relay, err);
        aep__counters_done(&relay->counters);
        if (result == AEP_OK && relay->ending == AEP__RELAY_BECOMES)
            result = become(relay, err);
        aep__log_done(&relay->log);
        /* The process keeps the lock to its end: waiting for the lock means waiting for that. */
        aep__spool_done(&relay->spool);
    }
    free(relay);
    aep_config_free(config);
    return result;
}

/* 0: go on; else exit with this - 1. */
static int parse(int argc, char **argv, struct options *ret)
{
    static const struct option longs[] = {
        {"foreground", no_argument, NULL, 'f'},
        {"spool", required_argument, NULL, 's'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int letter; (letter = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (letter) {
        case 'f':
            ret->foreground = true;
            break;
        case 's':
            ret->spool = optarg;
            break;
        case 'v':
            printf("aep-relay %s, %s\n", AEP_VERSION, aep__sink_kafka_version());
            return 1;
        case 'h':
            fputs(usage_text, stdout);
            return 1;
        default:
            fputs(usage_text, stderr);
            return 3;
        }
    }
    if (optind == argc && (ret->foreground || is_socket(STDIN_FILENO)))
        return 0;
    fputs(usage_text, stderr);
    return 3;
}

/* A relay started by a service manager has a shell's soft limit, but it needs one descriptor for
 * each waiting program and each broker. */
static void raise_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= OPEN_FILES)
        return;
    limit.rlim_cur = limit.rlim_max < OPEN_FILES ? limit.rlim_max : OPEN_FILES;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* librdkafka has many threads, which allocate little except send buffers, a new one for each
 * request: mapping those each time would cost a tenth of the relay's CPU time. */
static void tune_malloc(void)
{
#ifdef __GLIBC__ /* others have nothing to set */
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
    mallopt(M_TRIM_THRESHOLD, 2 * 1024 * 1024);
#endif
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct aep__inherited lock = {LOCK_LEFT, -1};
    aep_error err = {0};
    int done = parse(argc, argv, &options);
    if (done)
        return done - 1;
    aep__inherited_take(&lock, 1);
    options.lock_fd = lock.fd;
    umask(077);
    raise_open_files();
    prctl(PR_SET_NAME, "aep-relay");
    tune_malloc();
    int result = run(&options, &err);
    if (result != AEP_OK && options.foreground)
        fprintf(stderr, "aep-relay: %s\n", err.text);
    return result == AEP_OK || (result == AEP_ESTATE && !options.foreground) ? 0 : 1;
}
