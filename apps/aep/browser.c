/* SPDX-License-Identifier: Apache-2.0 */
#include "browser.h"

#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

const char *aep__browser_name(void)
{
    const char *browser = getenv("BROWSER");
    return browser && *browser ? browser : "xdg-open";
}

/* Tells why it cannot be run by a pipe that is closed where it can. */
static void become_browser(const char *link, int pipe_fd)
{
    char *const argv[] = {(char *)aep__browser_name(), (char *)link, NULL};
    sigset_t none;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    execvp(argv[0], argv);
    int why = errno;
    (void)!write(pipe_fd, &why, sizeof why);
    _exit(1);
}

/* Its parent is gone at once: nobody has to collect it. */
int aep__browser_open(const char *link)
{
    int ends[2], why = 0, status;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    for (int i = 0; i < 2; i++)
        ends[i] = aep__os_above(ends[i]);
    pid_t pid = fork();
    if (pid == 0) {
        pid = fork();
        if (pid == 0)
            become_browser(link, ends[1]);
        why = errno;
        if (pid < 0)
            (void)!write(ends[1], &why, sizeof why);
        _exit(0);
    }
    if (pid < 0)
        why = errno;
    close(ends[1]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid > 0 && read(ends[0], &why, sizeof why) != sizeof why)
        why = 0;
    close(ends[0]);
    return why;
}
