/* SPDX-License-Identifier: Apache-2.0 */
#include "base/packet.h"

#include "base/os.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PENDING_CONNECTIONS 64

static bool make_address(int dir_fd, const char *name, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len = snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
    errno = ENAMETOOLONG;
    return len > 0 && (size_t)len < sizeof ret->sun_path;
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

int aep__packet_connect(int dir_fd, const char *name)
{
    struct sockaddr_un address;
    if (!make_address(dir_fd, name, &address))
        return -1;
    int fd = open_socket();
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return close_failed(fd);
    return fd;
}

static int remove_name(int dir_fd, const char *name)
{
    return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -1 : 0;
}

/* It gets its name only when it takes connections, since clients that wait for the name connect at
 * once. */
int aep__packet_listen(int dir_fd, const char *name, const char *temporary)
{
    struct sockaddr_un address;
    if (!make_address(dir_fd, temporary, &address) || remove_name(dir_fd, name) < 0 ||
        remove_name(dir_fd, temporary) < 0)
        return -1;
    int fd = open_socket();
    if (fd < 0)
        return -1;
    /* The folder is 0700: nobody else reaches the socket, whatever its own mode. */
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fd, PENDING_CONNECTIONS) < 0 || renameat(dir_fd, temporary, dir_fd, name) < 0)
        return close_failed(fd);
    return fd;
}

bool aep__packet_send(int fd, const char *format, va_list args)
{
    char text[AEP__PACKET_MAX];
    int len = vsnprintf(text, sizeof text, format, args);
    errno = EMSGSIZE;
    if (len < 0 || (size_t)len >= sizeof text)
        return false;
    return send(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) == len;
}

ssize_t aep__packet_receive(int fd, char *text, size_t size)
{
    ssize_t len;
    do
        len = recv(fd, text, size - 1, MSG_DONTWAIT);
    while (len < 0 && errno == EINTR);
    text[len > 0 ? len : 0] = '\0';
    return len;
}
