/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PENDING_CONNECTIONS 64

#define TEMP_NAME AEP__SPOOL_TEMP AEP__CONTROL_NAME

static void control_address(const struct aep__spool *spool, const char *name,
                            struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    aep__spool_fd_path(spool, name, address->sun_path, sizeof address->sun_path);
}

static int open_socket(void)
{
    return aep__os_above(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

static int close_failed(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int aep__control_connect(const struct aep__spool *spool)
{
    struct sockaddr_un address;
    control_address(spool, AEP__CONTROL_NAME, &address);
    int fd = open_socket();
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return close_failed(fd);
    return fd;
}

static int remove_name(const struct aep__spool *spool, const char *name)
{
    return unlinkat(spool->dir_fd, name, 0) < 0 && errno != ENOENT ? -1 : 0;
}

/* It gets its name only when it takes connections, since clients that wait for the name connect at
 * once. */
int aep__control_listen(const struct aep__spool *spool)
{
    struct sockaddr_un address;
    control_address(spool, TEMP_NAME, &address);
    if (remove_name(spool, AEP__CONTROL_NAME) < 0 || remove_name(spool, TEMP_NAME) < 0)
        return -1;
    int fd = open_socket();
    if (fd < 0)
        return -1;
    /* The folder is 0700: nobody else reaches the socket, whatever its own mode. */
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fd, PENDING_CONNECTIONS) < 0 ||
        renameat(spool->dir_fd, TEMP_NAME, spool->dir_fd, AEP__CONTROL_NAME) < 0)
        return close_failed(fd);
    return fd;
}

bool aep__control_send(int fd, const char *format, ...)
{
    char text[AEP__CONTROL_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text)
        return false;
    return send(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) == len;
}

ssize_t aep__control_receive(int fd, char *text, size_t size)
{
    ssize_t len;
    do
        len = recv(fd, text, size - 1, MSG_DONTWAIT);
    while (len < 0 && errno == EINTR);
    text[len > 0 ? len : 0] = '\0';
    return len;
}
