/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTINUE_MS 20 /* for a SIGCONT to the group to reach the child */

/* Signals that we take one by one and pass on. SIGTSTP, SIGTTIN and SIGTTOU are among them: we stop
 * when the child has stopped, not before. */
static const struct {
    int signal;
    bool by_terminal; /* the kernel sends it to a whole process group */
} passed[] = {
    {SIGHUP, true},   {SIGINT, true},   {SIGQUIT, true},  {SIGWINCH, true}, {SIGTSTP, true},
    {SIGTTIN, true},  {SIGTTOU, true},  {SIGTERM, false}, {SIGUSR1, false}, {SIGUSR2, false},
    {SIGALRM, false}, {SIGPROF, false}, {SIGURG, false},  {SIGIO, false},   {SIGVTALRM, false},
};
#define PASSED_COUNT (sizeof passed / sizeof *passed)

struct watch {
    pid_t child;
    bool stopped;      /* the child, as far as is known */
    sigset_t set;      /* what we take: passed, SIGCHLD, SIGCONT, realtime signals */
    sigset_t old_mask; /* as we found it */
    struct sigaction old_child, old_pipe;
};

static void begin_watch(struct watch *watch)
{
    sigemptyset(&watch->set);
    sigaddset(&watch->set, SIGCHLD);
    sigaddset(&watch->set, SIGCONT);
    for (size_t i = 0; i < PASSED_COUNT; i++)
        sigaddset(&watch->set, passed[i].signal);
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++)
        sigaddset(&watch->set, signal);
    sigprocmask(SIG_BLOCK, &watch->set, &watch->old_mask);
    /* An ignored SIGCHLD would take the child's status away. */
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, &watch->old_child);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, &watch->old_pipe);
}

/* In the child: becomes the command; if it cannot, the reason goes through the pipe, which closes
 * otherwise. */
static void become(const struct watch *watch, char *const argv[],
                   const struct aep__child_variable *variables, int report_fd)
{
    sigaction(SIGCHLD, &watch->old_child, NULL);
    sigaction(SIGPIPE, &watch->old_pipe, NULL);
    for (; variables->name; variables++) {
        if (variables->value)
            setenv(variables->name, variables->value, 1);
    }
    sigprocmask(SIG_SETMASK, &watch->old_mask, NULL);
    execvp(argv[0], argv);
    int error = errno;
    ssize_t written = write(report_fd, &error, sizeof error);
    _exit(written == sizeof error ? 127 : 126);
}

/* Forks; returns when the child has become the command: 0, or why it could not. */
static int start(struct watch *watch, char *const argv[],
                 const struct aep__child_variable *variables)
{
    int report[2], error = 0;
    if (pipe2(report, O_CLOEXEC) < 0)
        return errno;
    watch->child = fork();
    if (watch->child == 0)
        become(watch, argv, variables, report[1]);
    if (watch->child < 0)
        error = errno;
    close(report[1]);
    while (watch->child > 0 && read(report[0], &error, sizeof error) < 0 && errno == EINTR)
        ;
    close(report[0]);
    if (watch->child > 0 && error != 0)
        waitpid(watch->child, NULL, 0);
    return error;
}

/* Whether our process group has the terminal. */
static bool in_foreground(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    bool foreground = fd >= 0 && tcgetpgrp(fd) == getpgrp();
    if (fd >= 0)
        close(fd);
    return foreground;
}

/* We have been continued, so the child has to be, too. A shell continues the whole group; a second
 * SIGCONT from us could then undo a Ctrl-Z that came in between, so it is only sent if the child
 * stays as it is for a moment. */
static void continue_child(const struct watch *watch)
{
    for (int i = 0; watch->stopped && i < CONTINUE_MS; i++) {
        siginfo_t info = {0};
        waitid(P_PID, (id_t)watch->child, &info,
               WCONTINUED | WSTOPPED | WEXITED | WNOHANG | WNOWAIT);
        if (info.si_pid != 0)
            return;
        poll(NULL, 0, 1);
    }
    if (watch->stopped)
        kill(watch->child, SIGCONT);
}

/* The child has stopped: we stop too, and continue it once we are continued. A SIGSTOP without a
 * terminal comes from somebody who looks at the child alone and will not think of continuing us. */
static void stop_likewise(const struct watch *watch, int signal)
{
    if (signal == SIGSTOP && !in_foreground())
        return;
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    kill(getpid(), signal);
    sigprocmask(SIG_UNBLOCK, &one, NULL); /* stopped here */
    sigprocmask(SIG_BLOCK, &one, NULL);
    continue_child(watch);
}

/* Reaps children that we did not start but inherited: as process 1, as a subreaper, or from a
 * program that became us. The command itself is left unreaped; a child that is reported after it is
 * reaped at the next SIGCHLD, or by the process that takes over when we end. */
static void reap_adopted(const struct watch *watch)
{
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0 &&
           info.si_pid != watch->child) {
        waitpid(info.si_pid, NULL, WNOHANG);
        info.si_pid = 0;
    }
}

/* True when the child has ended. */
static bool reap(struct watch *watch, struct aep__child_end *end)
{
    for (;;) {
        pid_t pid =
            wait4(watch->child, &end->status, WNOHANG | WUNTRACED | WCONTINUED, &end->usage);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid == 0)
            return false;
        watch->stopped = pid > 0 && WIFSTOPPED(end->status);
        if (watch->stopped)
            stop_likewise(watch, WSTOPSIG(end->status));
        else if (pid < 0 || !WIFCONTINUED(end->status))
            return true;
    }
}

/* A signal from the terminal goes to the whole group, and one that the child sends to the group has
 * reached the child already. */
static bool is_for_child(const struct watch *watch, const siginfo_t *info)
{
    if (info->si_code <= 0)
        return info->si_pid != watch->child;
    for (size_t i = 0; i < PASSED_COUNT; i++) {
        if (passed[i].signal == info->si_signo)
            return !passed[i].by_terminal;
    }
    return false;
}

void aep__child_run(char *const argv[], const struct aep__child_variable *variables,
                    struct aep__child_end *ret)
{
    struct watch watch;
    *ret = (struct aep__child_end){0};
    begin_watch(&watch);
    ret->exec_error = start(&watch, argv, variables);
    reap_adopted(&watch); /* children that ended before we were listening */
    while (ret->exec_error == 0) {
        siginfo_t info;
        int signal = sigwaitinfo(&watch.set, &info);
        if (signal == SIGCHLD)
            reap_adopted(&watch);
        if (signal == SIGCHLD && reap(&watch, ret))
            break;
        if (signal == SIGCONT)
            continue_child(&watch);
        else if (signal > 0 && signal != SIGCHLD && is_for_child(&watch, &info))
            kill(watch.child, signal);
    }
}

static volatile sig_atomic_t exit_status;

static void exit_at_once(int signal)
{
    (void)signal;
    _exit(exit_status);
}

void aep__child_exit_when_told(int status)
{
    static const int endings[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    sigset_t set;
    exit_status = status;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        sigaction(endings[i], &(struct sigaction){.sa_handler = exit_at_once}, NULL);
        sigaddset(&set, endings[i]);
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int aep__child_die(int signal)
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    kill(getpid(), signal);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    return 128 + signal;
}
