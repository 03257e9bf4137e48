/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/access.h"

#include "base/ascii.h"
#include "base/error.h"
#include "base/folder.h"
#include "base/os.h"
#include "config/value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_NAME "serve.token"
#define SESSION_NAME "serve.session"
#define SECRET_MIN 16 /* characters of one that somebody else has made */
#define SECRET_MAX 512

/* ---- secrets -------------------------------------------------------------------------------- */

static int make_secret(char text[AEP__SECRET_SIZE], aep_error *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bytes[AEP__SECRET_SIZE - 1];
    if (aep__os_random(bytes, sizeof bytes) < 0)
        return aep__error_errno(err, AEP_EIO, NULL, "no random numbers for a token");
    for (size_t i = 0; i < sizeof bytes; i++)
        text[i] = digits[bytes[i] & 63];
    text[sizeof bytes] = '\0';
    return AEP_OK;
}

static bool is_secret(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~' || strchr("\",;\\#", text[i]))
            return false;
    return len >= SECRET_MIN && len <= SECRET_MAX;
}

/* A file of root's may be read by our group: so Kubernetes mounts a secret for a user who is not root. */
static bool is_private(const struct stat *st)
{
    return !(st->st_mode & (st->st_uid == 0 && geteuid() != 0 ? 037 : 077));
}

static int take_secret(const char *path, int fd, struct aep__buf *ret, aep_error *err)
{
    char text[SECRET_MAX + 3];
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return aep__error(err, AEP_ECONFIG, "token-file", "%s is not a file", path);
    if (!is_private(&st))
        return aep__error(err, AEP_ECONFIG, "token-file",
                          "%s can be read by others: chmod 600 %s, and better make a new token",
                          path, path);
    ssize_t len = read(fd, text, sizeof text);
    if (len < 0)
        return aep__error_errno(err, AEP_EIO, "token-file", "cannot read %s", path);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (!is_secret(text, (size_t)len))
        return aep__error(err, AEP_ECONFIG, "token-file",
                          "%s holds no token: %d to %d letters, digits or signs such as - and _, "
                          "on one line",
                          path, SECRET_MIN, SECRET_MAX);
    aep__buf_add(ret, text, (size_t)len);
    return *aep__buf_string(ret) ? AEP_OK : aep__error_memory(err);
}

static int read_secret(const char *path, struct aep__buf *ret, aep_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return aep__error_errno(err, errno == ENOENT ? AEP_ESPOOL : AEP_ECONFIG, "token-file",
                                "cannot read %s", path);
    int code = take_secret(path, fd, ret, err);
    close(fd);
    return code;
}

/* Under another name first: whoever reads it finds a whole one. */
static int write_secret(const char *path, aep_error *err)
{
    char text[AEP__SECRET_SIZE], temporary[4096 + 16];
    int code = make_secret(text, err);
    if (code != AEP_OK)
        return code;
    snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    text[AEP__SECRET_SIZE - 1] = '\n';
    bool written = fd >= 0 && write(fd, text, sizeof text) == (ssize_t)sizeof text;
    if (fd >= 0)
        close(fd);
    if (!written || (link(temporary, path) < 0 && errno != EEXIST))
        code = aep__error_errno(err, AEP_EIO, "token-file", "cannot write %s", path);
    unlink(temporary);
    return code;
}

static int keep_secret(const char *folder, const char *name, struct aep__buf *ret, aep_error *err)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path - 16)
        return aep__error(err, AEP_ECONFIG, NULL, "the path %.80s… is too long", folder);
    int code = read_secret(path, ret, err);
    if (code != AEP_ESPOOL)
        return code;
    if (aep__folder_make(folder) < 0)
        return aep__error_errno(err, AEP_EIO, NULL, "cannot make the folder %s", folder);
    code = write_secret(path, err);
    return code == AEP_OK ? read_secret(path, ret, err) : code;
}

int aep__access_open(struct aep__access *access, const char *state_dir, const char *token_file,
                     aep_error *err)
{
    if (!state_dir)
        return aep__error(err, AEP_ECONFIG, NULL,
                          "neither XDG_STATE_HOME nor HOME is a usable absolute path, and the "
                          "token is kept there");
    int code = token_file ? read_secret(token_file, &access->token, err)
                          : keep_secret(state_dir, TOKEN_NAME, &access->token, err);
    if (code == AEP_ESPOOL)
        code = err->code = AEP_ECONFIG;
    return code == AEP_OK ? keep_secret(state_dir, SESSION_NAME, &access->session, err) : code;
}

void aep__access_done(struct aep__access *access)
{
    aep__buf_done(&access->token);
    aep__buf_done(&access->session);
    aep__buf_done(&access->hosts);
}

/* ---- names ---------------------------------------------------------------------------------- */

void aep__access_set_port(struct aep__access *access, uint16_t port)
{
    snprintf(access->cookie, sizeof access->cookie, "aep-%u", (unsigned)port);
}

/* The length of the name in "name:port"; 0: it is neither. */
static size_t name_length(const char *host, size_t len)
{
    size_t port = len;
    while (port > 0 && aep__is_digit(host[port - 1]))
        port--;
    if (port > 1 && host[port - 1] == ':' && (host[0] == '[') == (host[port - 2] == ']'))
        return port - 1;
    bool plain = !memchr(host, ':', len) || (host[0] == '[' && host[len - 1] == ']');
    return plain ? len : 0;
}

static bool is_name_char(char c)
{
    return aep__is_digit(c) || (aep__to_lower(c) >= 'a' && aep__to_lower(c) <= 'z') ||
           (c && strchr("-._[]:%", c));
}

static int add_host(struct aep__access *access, const char *host, size_t len, aep_error *err)
{
    char text[256], quoted[AEP__QUOTE_SIZE];
    size_t name_len = len && host[0] != ':' ? name_length(host, len) : 0;
    for (size_t i = 0; i < name_len; i++)
        if (!is_name_char(host[i]))
            name_len = 0;
    if (name_len == 0) {
        snprintf(text, sizeof text, "%.*s", (int)(len < 255 ? len : 255), host);
        return aep__error(err, AEP_EINVAL, "host",
                          "--host: %s is no name of a host: write it as aep.example.org",
                          aep__quote(text, quoted));
    }
    for (size_t i = 0; i < name_len; i++)
        aep__buf_byte(&access->hosts, aep__to_lower(host[i]));
    aep__buf_byte(&access->hosts, '\0');
    return access->hosts.failed ? aep__error_memory(err) : AEP_OK;
}

int aep__access_add_hosts(struct aep__access *access, const char *names, aep_error *err)
{
    int code = AEP_OK;
    while (code == AEP_OK && *(names += strspn(names, " ,"))) {
        size_t len = strcspn(names, ","), end = len;
        while (names[end - 1] == ' ')
            end--;
        code = add_host(access, names, end, err);
        names += len;
    }
    return code;
}

static bool is_ours(const struct aep__access *access, const char *host, size_t len)
{
    const char *end = access->hosts.data + access->hosts.len;
    size_t name_len = len ? name_length(host, len) : 0;
    for (const char *at = access->hosts.data; name_len && at < end; at += strlen(at) + 1)
        if (strlen(at) == name_len && strncasecmp(at, host, name_len) == 0)
            return true;
    return false;
}

bool aep__access_host(const struct aep__access *access, const char *host)
{
    return host && is_ours(access, host, strlen(host));
}

bool aep__access_origin(const struct aep__access *access, const char *origin)
{
    const char *authority = strstr(origin, "://");
    return authority && is_ours(access, authority + 3, strlen(authority + 3));
}

/* ---- what is shown -------------------------------------------------------------------------- */

/* In a time that tells nothing of where they differ. */
static bool is_same(const struct aep__buf *secret, const char *text, size_t len)
{
    unsigned char differ = secret->len != len;
    for (size_t i = 0; secret->len > 0 && i < len; i++)
        differ |= (unsigned char)(text[i] ^ secret->data[i % secret->len]);
    return secret->len > 0 && !differ;
}

bool aep__access_bearer(const struct aep__access *access, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return false;
    authorization += sizeof scheme - 1;
    authorization += strspn(authorization, " ");
    return is_same(&access->token, authorization, strlen(authorization));
}

bool aep__access_cookie(const struct aep__access *access, const char *cookies)
{
    size_t name_len = strlen(access->cookie);
    bool found = false;
    while (cookies && *cookies) {
        cookies += strspn(cookies, "; ");
        size_t len = strcspn(cookies, ";");
        if (len > name_len && cookies[name_len] == '=' &&
            memcmp(cookies, access->cookie, name_len) == 0)
            found |= is_same(&access->session, cookies + name_len + 1, len - name_len - 1);
        cookies += len;
    }
    return found;
}
