/* SPDX-License-Identifier: Apache-2.0 */
/* Kills processes that have executions open, and the relay that declares these failed, over and over;
 * then accounts for every execution: one started, one end.
 *
 *     driver ── fork ──▶ publisher: starts, goes on, ends; forks children that do so, too
 *        │      fork ──▶ relay, in this program
 *        └── SIGKILL
 *
 * --steps kills at each system call in turn that changes a file: once before, once after it. Else the
 * instants are random.
 *
 * usage: outlive_campaign [--steps] [--kills N] [--seed N] [--dir PATH] [--servers LIST --word WORD] */
#include "aep/aep.h"
#include "base/id.h"
#include "client/setup.h"
#include "relay/handover.h"
#include "relay/relay.h"
#include "spool/read.h"
#include "spool/roll.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_S 120
#define HANDLES 8
#define LONG_NAME 5000

static struct {
    bool steps;
    unsigned long kills, seed;
    const char *dir;
    const char
        *servers;     /* of Kafka, where somebody else accounts for what arrives; else local mode */
    const char *word; /* in every agent's name */
} options = {.kills = 300, .seed = 1, .word = ""};

static char root[256], spool_dir[300];
static unsigned problems;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static uint64_t random_state;

static uint64_t next_random(uint64_t below) /* xorshift64* */
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 2685821657736338717u % below;
}

static void sleep_us(uint64_t us)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

/* ---- dying at a given system call ---- */

static long steps_left;  /* 0: not armed */
static bool dies_before; /* else after it */

static void step(bool before)
{
    if (steps_left > 0 && before == dies_before && --steps_left == 0)
        kill(getpid(), SIGKILL);
}

#define STEP(type, name, parameters, arguments)                                                    \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        step(true);                                                                                \
        type result = __real_##name arguments;                                                     \
        int saved = errno;                                                                         \
        step(false);                                                                               \
        errno = saved;                                                                             \
        return result;                                                                             \
    }
STEP(ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len))
STEP(ssize_t, pwrite, (int fd, const void *data, size_t len, off_t at), (fd, data, len, at))
STEP(int, unlinkat, (int fd, const char *name, int flags), (fd, name, flags))
STEP(int, fallocate, (int fd, int mode, off_t from, off_t len), (fd, mode, from, len))
STEP(int, fdatasync, (int fd), (fd))

/* ---- processes ---- */

static aep_config *make_config(void)
{
    static const char *const settings[][2] = {
        {"relay.mode", "off"},
        {"spool.any_fs", "true"},
        {"relay.idle_exit", "1d"},
        {"spool.segment_bytes", "64KiB"},
    };
    aep_error err;
    const char *server = options.servers ? "kafka.bootstrap.servers" : "mode";
    aep_config *config = aep_config_new();
    if (!config || aep_config_set(config, "spool.dir", spool_dir, &err) != AEP_OK ||
        aep_config_set(config, server, options.servers ? options.servers : "local", &err) != AEP_OK)
        exit(2);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (aep_config_set(config, settings[i][0], settings[i][1], &err) != AEP_OK) {
            fprintf(stderr, "%s\n", err.text);
            exit(2);
        }
    return config;
}

static aep_publisher *open_publisher(void)
{
    aep_error err;
    aep_publisher *pub;
    aep_config *config = make_config();
    if (aep_publisher_open(&pub, config, &err) != AEP_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    aep_config_free(config);
    return pub;
}

static int run_relay(void)
{
    aep_error err;
    aep_config *config = make_config(), *resolved = NULL;
    struct aep__relay *relay = calloc(1, sizeof *relay);
    if (!relay || aep__config_resolve(config, &resolved, &err) != AEP_OK ||
        aep__spool_open(&relay->spool, spool_dir, NULL, &err) != AEP_OK)
        return 2;
    relay->config = resolved;
    relay->lock_fd = -1;
    aep__log_init(&relay->log, relay->spool.dir_fd, AEP__RELAY_LOG, false);
    aep__counters_init(&relay->counters, &relay->spool);
    aep__relay_init(relay);
    int result = aep__handover_take(relay, &err);
    return result == AEP_OK ? aep__relay_run(relay, &err) : result;
}

/* Runs a role in a process of its own, in a group of its own. */
static pid_t start(int (*role)(void), long steps, bool before)
{
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid > 0)
        return pid;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* not to outlive a driver that is killed */
    dies_before = before;
    steps_left = steps;
    _exit(role());
}

/* True: it was killed. */
static bool reap(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid)
        die("waitpid");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return false;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        fprintf(stderr, "a process ended with %x\n", (unsigned)status);
        problems++;
    }
    return true;
}

static void stop(pid_t pid, int signal)
{
    if (kill(pid, signal) < 0)
        die("kill");
    waitpid(pid, NULL, 0);
}

/* ---- what a publisher does ---- */

static aep_execution *begin(aep_publisher *pub, const char *name)
{
    char whole[LONG_NAME + 64];
    aep_execution *run = NULL;
    snprintf(whole, sizeof whole, "%s %s", name, options.word);
    aep_execution_start(pub, AEP_STARTED(.agent_name = whole, .user_request = "r"), &run, NULL);
    return run;
}

static void go_on(aep_execution *run)
{
    aep_execution_progress(run, AEP_PROGRESS(.current_step = "x"), NULL);
}

static void complete(aep_execution *run)
{
    aep_execution_complete(run, AEP_COMPLETED(.result_summary = "done"), NULL);
}

static int publish_plainly(void)
{
    aep_publisher *pub = open_publisher();
    aep_execution *run = begin(pub, "plain");
    go_on(run);
    complete(run);
    aep_execution_free(run);
    aep_publisher_close(pub);
    return 0;
}

static int publish_several(void)
{
    char name[LONG_NAME + 1];
    memset(name, 'x', LONG_NAME);
    name[LONG_NAME] = '\0';
    aep_publisher *pub = open_publisher();
    aep_execution *first = begin(pub, name), *second = begin(pub, "second");
    complete(second);
    aep_execution *third = begin(pub, "third");
    go_on(third);
    aep_execution_free(second);
    aep_execution_free(first); /* abandoned */
    complete(third);
    aep_execution_free(third);
    aep_publisher_close(pub);
    return 0;
}

/* A child ends what its parent has started; then the parent wants to. */
static int publish_and_fork(bool child_dies)
{
    long steps = steps_left;
    if (child_dies)
        steps_left = 0;
    aep_publisher *pub = open_publisher();
    aep_execution *run = begin(pub, "forked");
    pid_t pid = fork();
    if (pid == 0) {
        steps_left = child_dies ? steps : 0;
        go_on(run);
        complete(run);
        aep_execution_free(run);
        aep_publisher_close(pub);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    bool killed = WIFSIGNALED(status);
    if (!child_dies || !killed)
        complete(run);
    aep_execution_free(run);
    aep_publisher_close(pub);
    if (killed)
        kill(getpid(), SIGKILL); /* for the driver to see */
    return 0;
}

static int fork_and_die(void)
{
    return publish_and_fork(false);
}

static int fork_and_have_the_child_die(void)
{
    return publish_and_fork(true);
}

/* A child goes on after its parent is gone, and does not end. */
static int publish_and_leave_a_child(void)
{
    aep_publisher *pub = open_publisher();
    aep_execution *run = begin(pub, "left");
    int gone[2];
    if (pipe(gone) < 0)
        return 2;
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        steps_left = 0;
        close(gone[1]);
        go_on(run);
        while (read(gone[0], &byte, 1) < 0 && errno == EINTR)
            ;
        go_on(run);
        _exit(0);
    }
    go_on(run);
    kill(getpid(), SIGKILL);
    return 0;
}

/* ---- accounts ---- */

struct account {
    uint8_t id[16];
    unsigned started, ended;
};

struct accounts {
    struct account *all;
    size_t count, cap;
};

static struct account *find_account(struct accounts *accounts, const char *text)
{
    uint8_t id[16];
    if (!aep__id_parse(text, 36, id))
        exit(2);
    for (size_t i = accounts->count; i-- > 0;)
        if (memcmp(accounts->all[i].id, id, sizeof id) == 0)
            return &accounts->all[i];
    if (accounts->count == accounts->cap) {
        accounts->cap = accounts->cap ? accounts->cap * 2 : 64;
        accounts->all = realloc(accounts->all, accounts->cap * sizeof *accounts->all);
        if (!accounts->all)
            die("accounts");
    }
    struct account *account = &accounts->all[accounts->count++];
    *account = (struct account){.started = 0};
    memcpy(account->id, id, sizeof id);
    return account;
}

static const char *find_text(struct aep__slice value, const char *name)
{
    const char *at = memmem(value.data, value.len, name, strlen(name));
    return at ? at + strlen(name) : NULL;
}

static void account_for(struct accounts *accounts, struct aep__slice value)
{
    if (find_text(value, "execution.started.v1\""))
        find_account(accounts, find_text(value, "\"event_id\":\""))->started++;
    else if (!find_text(value, "execution.progress.v1\""))
        find_account(accounts, find_text(value, "\"causation_id\":\""))->ended++;
}

static struct accounts read_accounts(void)
{
    struct accounts accounts = {0};
    struct aep__spool spool;
    struct aep__reader reader;
    struct aep__entry entry;
    aep_error err;
    if (aep__spool_open(&spool, spool_dir, NULL, &err) != AEP_OK ||
        aep__reader_init(&reader, &spool, 1, 0, false, &err) != AEP_OK)
        exit(2);
    for (;;) {
        enum aep__read read = aep__reader_next(&reader, &entry, &err);
        if (read == AEP__READ_EVENT)
            account_for(&accounts, entry.record.value);
        else if (read != AEP__READ_SEALED)
            break;
    }
    aep__reader_done(&reader);
    aep__spool_done(&spool);
    return accounts;
}

static size_t check_accounts(const char *what)
{
    struct accounts accounts = read_accounts();
    size_t count = accounts.count;
    for (size_t i = 0; i < count; i++) {
        const struct account *account = &accounts.all[i];
        char id[AEP_ID_SIZE];
        if (account->started == 1 && account->ended == 1)
            continue;
        aep__id_format(account->id, id);
        problems++;
        fprintf(stderr, "%s: execution %s: %u started, %u ends\n", what, id, account->started,
                account->ended);
    }
    free(accounts.all);
    return count;
}

/* ---- the end of each round ---- */

static bool note_file(void *user, const char *name)
{
    (void)name;
    *(bool *)user = true;
    return false;
}

static bool roll_is_empty(void)
{
    struct aep__spool spool;
    aep_error err;
    bool any = false;
    if (aep__spool_open(&spool, spool_dir, NULL, &err) != AEP_OK)
        return true; /* killed before it was made */
    aep__roll_each(&spool, note_file, &any);
    aep__spool_done(&spool);
    return !any;
}

/* Waits until nothing is open any more, while a relay runs. */
static void await_empty_roll(const char *what)
{
    time_t deadline = time(NULL) + DEADLINE_S;
    while (!roll_is_empty()) {
        if (time(NULL) > deadline) {
            fprintf(stderr, "%s: the roll does not become empty: %s\n", what, spool_dir);
            problems++;
            return;
        }
        sleep_us(500);
    }
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static void begin_spool(unsigned long number)
{
    snprintf(spool_dir, sizeof spool_dir, "%s/spool.%lu", root, number);
    aep_publisher_close(open_publisher()); /* made before anyone is killed */
}

static void end_spool(void)
{
    nftw(spool_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- all steps ---- */

static unsigned long spools;

static const struct {
    const char *name;
    int (*role)(void);
    bool relays_die;
} scenarios[] = {
    {"plain", publish_plainly, false},
    {"several", publish_several, true},
    {"fork", fork_and_die, false},
    {"fork, the child", fork_and_have_the_child_die, true},
    {"left", publish_and_leave_a_child, false},
};

/* Kills the publisher at its step; then the relay at its own, if that is not 0; then a relay ends what
 * there is. False: neither was killed. */
static bool run_steps(size_t scenario, long publisher_step, long relay_step, bool before)
{
    char what[128];
    snprintf(what, sizeof what, "%s: publisher's step %ld, relay's %ld, %s",
             scenarios[scenario].name, publisher_step, relay_step, before ? "before" : "after");
    begin_spool(spools++);
    bool killed = reap(start(scenarios[scenario].role, publisher_step, before));
    if (relay_step) {
        pid_t pid = start(run_relay, relay_step, before);
        time_t deadline = time(NULL) + DEADLINE_S;
        int status = 0;
        while (waitpid(pid, &status, WNOHANG) == 0 && !roll_is_empty() && time(NULL) < deadline)
            sleep_us(200);
        killed = WIFSIGNALED(status);
        if (status == 0)
            stop(pid, SIGKILL); /* it has done all there was without coming to that step */
    }
    pid_t relay = start(run_relay, 0, false);
    await_empty_roll(what);
    stop(relay, SIGTERM);
    check_accounts(what);
    end_spool();
    return killed;
}

static void run_all_steps(void)
{
    unsigned long runs = 0;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        for (int before = 0; before < 2; before++) {
            long step = 1;
            for (; step < 200 && run_steps(i, step, 0, before); step++)
                runs++;
            long at = step / 2; /* of those that have started */
            if (scenarios[i].relays_die)
                for (long relay = 1; relay < 200 && run_steps(i, at, relay, before); relay++)
                    runs++;
        }
    printf("%lu kills, one by one\n", runs);
    if (runs < 100) {
        fprintf(stderr, "fewer than there are steps\n");
        problems++;
    }
}

/* ---- at random ---- */

static void act_in_child(aep_publisher *pub, aep_execution *run)
{
    static const uint64_t acts = 5;
    switch (next_random(acts)) {
    case 0:
        return;
    case 1:
        go_on(run);
        sleep_us(next_random(3000));
        return;
    case 2:
        complete(run);
        return;
    case 3:
        go_on(run);
        complete(run);
        aep_execution_free(run);
        aep_publisher_close(pub);
        return;
    default:
        run = begin(pub, "child's");
        sleep_us(next_random(1000));
    }
}

static int publish_at_random(void)
{
    aep_execution *runs[HANDLES] = {NULL};
    signal(SIGCHLD, SIG_IGN);
    aep_publisher *pub = open_publisher();
    for (;;) {
        aep_execution **run = &runs[next_random(HANDLES)];
        uint64_t act = next_random(100);
        if (!*run) {
            *run = begin(pub, "random");
        } else if (act < 40) {
            go_on(*run);
        } else if (act < 43) {
            random_state += (uint64_t)act;
            if (fork() == 0) {
                act_in_child(pub, *run);
                _exit(0);
            }
        } else if (act < 90) {
            complete(*run);
            aep_execution_free(*run);
            *run = NULL;
        } else {
            aep_execution_free(*run);
            *run = NULL;
        }
    }
}

static void deliver(void)
{
    aep_error err;
    aep_publisher *pub = open_publisher();
    if (aep_publisher_flush(pub, DEADLINE_S * 1000, &err) != AEP_OK) {
        fprintf(stderr, "flush: %s\n", err.text);
        problems++;
    }
    aep_publisher_close(pub);
}

static void run_at_random(void)
{
    unsigned long relays = 0;
    begin_spool(0);
    pid_t relay = start(run_relay, 0, false);
    for (unsigned long kills = 0; kills < options.kills; kills++) {
        random_state = options.seed * 0x9e3779b97f4a7c15u + kills + 1;
        pid_t pid = start(publish_at_random, 0, false);
        setpgid(pid, pid); /* whichever of us is first */
        sleep_us(next_random(4000));
        /* its children, too, or not */
        if (kill(next_random(2) ? -pid : pid, SIGKILL) < 0)
            die("kill");
        waitpid(pid, NULL, 0);
        if (next_random(4) == 0) {
            sleep_us(next_random(2000));
            stop(relay, SIGKILL);
            relay = start(run_relay, 0, false);
            relays++;
        }
    }
    await_empty_roll("random");
    if (options.servers) {
        deliver();
        stop(relay, SIGTERM);
        return;
    }
    stop(relay, SIGTERM);
    size_t count = check_accounts("random");
    printf("%lu kills of publishers, %lu of relays: %zu executions\n", options.kills, relays,
           count);
    if (count < options.kills) {
        fprintf(stderr, "hardly anything was started\n");
        problems++;
    }
}

static void parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--steps") == 0)
            options.steps = true;
        else if (strcmp(argv[i], "--kills") == 0 && i++)
            options.kills = strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && i++)
            options.seed = strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--dir") == 0 && i++)
            options.dir = value;
        else if (strcmp(argv[i], "--servers") == 0 && i++)
            options.servers = value;
        else if (strcmp(argv[i], "--word") == 0 && i++)
            options.word = value;
        else
            exit(2);
    }
}

int main(int argc, char **argv)
{
    const char *kills = getenv("AEP_TEST_OUTLIVE_KILLS");
    if (kills)
        options.kills = strtoul(kills, NULL, 10);
    parse(argc, argv);
    const char *base = options.dir                     ? options.dir
                       : access("/dev/shm", W_OK) == 0 ? "/dev/shm"
                                                       : "/tmp";
    snprintf(root, sizeof root, "%s/aep-outlive.XXXXXX", base);
    if (!mkdtemp(root))
        die(root);
    setenv("HOME", root, 1);
    unsetenv("XDG_CONFIG_HOME");
    if (options.steps)
        run_all_steps();
    else
        run_at_random();
    if (problems) {
        fprintf(stderr, "%u problems, seed %lu\n", problems, options.seed);
        return 1;
    }
    return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0;
}
