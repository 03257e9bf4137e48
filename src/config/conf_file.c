/* SPDX-License-Identifier: Apache-2.0 */
/* aep.conf:
 *
 *     # a comment, on a line of its own
 *     key = value
 *     key = "a value that begins or ends with blanks, or holds a #"
 *
 * Everything between the outermost quotes belongs to the value. An unquoted value with a # after a
 * blank is refused: it could be a comment or part of the value, and neither guess is safe. */
#include "base/error.h"
#include "config/file.h"
#include "config/layers.h"

#include <stdlib.h>
#include <string.h>

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

static const char *trim_end(const char *at, const char *end)
{
    while (end > at && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    return end;
}

static bool has_comment(const char *at, const char *end)
{
    for (; at < end; at++)
        if (*at == '#' && (at[-1] == ' ' || at[-1] == '\t'))
            return true;
    return false;
}

/* Takes the quotes off, or says why they are wrong; NULL if they are not. */
static const char *unquote(const char **at, const char **end)
{
    if (*at == *end || **at != '"')
        return has_comment(*at, *end)
                   ? "the value has a #: put a comment on its own line, or the value in quotes"
                   : NULL;
    if (*end - *at < 2 || (*end)[-1] != '"')
        return "a value that begins with a quote must end with one";
    ++*at;
    --*end;
    return NULL;
}

static int put_line(aep_config *config, struct aep__slice key, struct aep__slice value,
                    enum aep__layer layer, const char *origin, aep_error *err)
{
    char *key_text = strndup(key.data, key.len), *value_text = strndup(value.data, value.len);
    int code = key_text && value_text
                   ? aep__config_put(config, key_text, value_text, layer, origin, err)
                   : aep__error_memory(err);
    free(key_text);
    free(value_text);
    return code;
}

static int parse_line(aep_config *config, const char *at, const char *end, enum aep__layer layer,
                      const char *origin, aep_error *err)
{
    at = skip_blanks(at, end);
    end = trim_end(at, end);
    if (at == end || *at == '#')
        return AEP_OK;
    if (memchr(at, '\0', (size_t)(end - at)))
        return aep__error(err, AEP_ECONFIG, "aep.conf", "%s: a NUL byte", origin);
    const char *equals = memchr(at, '=', (size_t)(end - at));
    if (!equals || equals == at)
        return aep__error(err, AEP_ECONFIG, "aep.conf", "%s: expected `key = value`", origin);
    const char *key_end = trim_end(at, equals), *value = skip_blanks(equals + 1, end);
    const char *problem = unquote(&value, &end);
    if (problem)
        return aep__error(err, AEP_ECONFIG, "aep.conf", "%s: %s", origin, problem);
    return put_line(config, (struct aep__slice){at, (size_t)(key_end - at)},
                    (struct aep__slice){value, (size_t)(end - value)}, layer, origin, err);
}

int aep__conf_parse(aep_config *config, const char *data, size_t len, enum aep__layer layer,
                    const char *path, aep_error *err)
{
    const char *at = data, *end = data + len;
    char origin[AEP__ORIGIN_SIZE];
    for (int line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        aep__origin_of_line(path, line, origin);
        int code = parse_line(config, at, stop, layer, origin, err);
        if (code != AEP_OK)
            return code;
        at = stop + 1;
    }
    return AEP_OK;
}

/* The system's file is protected by its folder; in a sandbox its owner may look like
 * nobody(65534). */
static unsigned trust_of(enum aep__layer layer)
{
    return layer == AEP__LAYER_USER_FILE ? AEP__FILE_OWN : AEP__FILE_ANY_OWNER;
}

int aep__conf_read(aep_config *config, enum aep__layer layer, const char *path, aep_error *err)
{
    struct aep__buf data = {0};
    bool absent = false;
    int code = aep__file_read(path, trust_of(layer), "aep.conf", &data, &absent, err);
    if (code == AEP_OK)
        aep__texts_add(&config->files, "%s (%s)", path, absent ? "absent" : "read");
    if (code == AEP_OK && !absent)
        code = aep__conf_parse(config, data.data, data.len, layer, path, err);
    aep__buf_done(&data);
    return code;
}
