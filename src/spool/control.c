/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/control.h"

int aep__control_connect(const struct aep__spool *spool)
{
    return aep__packet_connect(spool->dir_fd, AEP__CONTROL_NAME);
}

int aep__control_listen(const struct aep__spool *spool)
{
    return aep__packet_listen(spool->dir_fd, AEP__CONTROL_NAME, AEP__SPOOL_TEMP AEP__CONTROL_NAME);
}

bool aep__control_send(int fd, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool sent = aep__packet_send(fd, format, args);
    va_end(args);
    return sent;
}

ssize_t aep__control_receive(int fd, char *text, size_t size)
{
    return aep__packet_receive(fd, text, size);
}
