/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/utf8.h"

#define CHUNK_BYTES 65536u
#define LIMIT_BYTES (256u << 20)
#define FORMS "give the JSON itself, @FILE to read a file, or - to read stdin"

int aep__input_begin(struct aep__buf *input, const char *shown, aep_error *err)
{
    size_t mark = aep__utf8_mark(input->data, input->len);
    if (input->len >= 2 &&
        (memcmp(input->data, "\xFF\xFE", 2) == 0 || memcmp(input->data, "\xFE\xFF", 2) == 0))
        return aep__error(err, AEP_EINVAL, "", "%s is UTF-16; save it as UTF-8", shown);
    if (mark > 0) {
        input->len -= mark;
        memmove(input->data, input->data + mark, input->len + 1);
    }
    return AEP_OK;
}

static int read_all(int fd, const char *shown, struct aep__buf *out, aep_error *err)
{
    for (;;) {
        if (out->len > LIMIT_BYTES)
            return aep__error(err, AEP_ETOOBIG, "", "%s: over %u MiB", shown, LIMIT_BYTES >> 20);
        if (!aep__buf_reserve(out, CHUNK_BYTES))
            return aep__error_memory(err);
        ssize_t n = read(fd, out->data + out->len, CHUNK_BYTES - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return aep__error_errno(err, AEP_EIO, "", "%s", shown);
        out->len += (size_t)n;
        if (n == 0)
            break;
    }
    out->data[out->len] = '\0';
    return aep__input_begin(out, shown, err);
}

int aep__input_read(const char *name, struct aep__buf *out, aep_error *err)
{
    if (strcmp(name, "-") == 0)
        return read_all(STDIN_FILENO, "stdin", out, err);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return aep__error_errno(err, AEP_EIO, "", "%s", name);
    int code = read_all(fd, name, out, err);
    close(fd);
    return code;
}

/* Naming a wrong or missing file is wrong usage, not a failure of ours. */
static int read_named(const char *name, const char *file, struct aep__buf *out, aep_error *err)
{
    aep_error why;
    if (!*file)
        return aep__error(err, AEP_EINVAL, name, "%s: no file name after \"@\": " FORMS, name);
    int code = aep__input_read(file, out, &why);
    if (code == AEP_EIO)
        return aep__error(err, AEP_EINVAL, name, "%s: cannot read %s: " FORMS, name, why.text);
    return code == AEP_OK ? code : aep__error(err, code, name, "%s: %s", name, why.text);
}

int aep__input_value(const char *name, const char *value, struct aep__buf *out, const char **ret,
                     aep_error *err)
{
    bool file = value[0] == '@';
    if (!file && strcmp(value, "-") != 0) {
        *ret = value;
        return AEP_OK;
    }
    int code = file ? read_named(name, value + 1, out, err) : aep__input_read(value, out, err);
    if (code == AEP_OK)
        *ret = out->data;
    return code;
}
