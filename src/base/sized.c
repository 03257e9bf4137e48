/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sized.h"

#include "base/error.h"

#define BYTES_MAX 4096 /* none of ours will ever be this large: the size is not set */

static size_t size_of(const void *theirs)
{
    size_t size;
    memcpy(&size, theirs, sizeof size);
    return size;
}

int aep__sized_check(const void *theirs, size_t known, const char *macro, aep_error *err)
{
    size_t size = size_of(theirs);
    if (size <= sizeof size || size > BYTES_MAX)
        return aep__error(err, AEP_EINVAL, "size", "the struct's size is not set: make it with %s",
                          macro);
    for (size_t i = known; i < size; i++)
        if (((const char *)theirs)[i])
            return aep__error(err, AEP_EINVAL, "size",
                              "the struct has members that aep %s does not know", AEP_VERSION);
    return AEP_OK;
}

void aep__sized_read(const void *theirs, void *ours, size_t bytes)
{
    size_t size = size_of(theirs);
    memset(ours, 0, bytes);
    memcpy(ours, theirs, size < bytes ? size : bytes);
    memcpy(ours, &bytes, sizeof bytes);
}

int aep__sized_check_out(const void *theirs, const char *name, aep_error *err)
{
    if (size_of(theirs) > sizeof(size_t))
        return AEP_OK;
    return aep__error(err, AEP_EINVAL, name,
                      "the size of the %s is not set: initialize it with its AEP_…_INIT", name);
}

void aep__sized_write(void *theirs, const void *ours, size_t bytes)
{
    size_t size = size_of(theirs), head = sizeof size;
    if (bytes > size)
        bytes = size;
    memcpy((char *)theirs + head, (const char *)ours + head, bytes - head);
}
