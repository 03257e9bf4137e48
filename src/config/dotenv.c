/* SPDX-License-Identifier: Apache-2.0 */
/* A .env is read only where AEP_DOTENV names it, and only for the variables that have a row with
 * in_dotenv: whoever can write a checkout must not be able to switch redaction off. Everything else
 * in it belongs to other programs and is ignored, whatever it looks like.
 *
 *     KEY=value      export KEY="value"      KEY='value'      # comment
 *
 * Variables are not expanded and escapes not decoded: a value that contains them is refused. */
#include "base/error.h"
#include "config/file.h"
#include "config/layers.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct aep__slice trim(struct aep__slice text)
{
    while (text.len > 0 && is_blank(text.data[0]))
        text.data++, text.len--;
    while (text.len > 0 && is_blank(text.data[text.len - 1]))
        text.len--;
    return text;
}

/* Splits `[export] NAME = value`; false if the line is nothing of the kind. */
static bool split_line(struct aep__slice line, struct aep__slice *name, struct aep__slice *value)
{
    line = trim(line);
    if (line.len > 7 && memcmp(line.data, "export", 6) == 0 && is_blank(line.data[6]))
        line = trim((struct aep__slice){line.data + 7, line.len - 7});
    const char *equals = line.len ? memchr(line.data, '=', line.len) : NULL;
    if (!equals || line.data[0] == '#')
        return false;
    size_t name_len = (size_t)(equals - line.data);
    *name = trim((struct aep__slice){line.data, name_len});
    *value = trim((struct aep__slice){equals + 1, line.len - name_len - 1});
    return true;
}

static int find_option(struct aep__slice name)
{
    for (int i = 0; i < AEP__OPT_COUNT; i++) {
        const char *known = aep__options[i].in_dotenv ? aep__options[i].names[0] : NULL;
        if (known && strlen(known) == name.len && memcmp(known, name.data, name.len) == 0)
            return i;
    }
    return -1;
}

/* 'value' or "value", followed at most by a comment. */
static bool cut_quoted(struct aep__slice *value)
{
    const char *begin = value->data + 1;
    const char *end = memchr(begin, value->data[0], value->len - 1);
    if (!end)
        return false;
    struct aep__slice rest = {end + 1, value->len - (size_t)(end + 1 - value->data)};
    rest = trim(rest);
    *value = (struct aep__slice){begin, (size_t)(end - begin)};
    return rest.len == 0 || rest.data[0] == '#';
}

static void cut_comment(struct aep__slice *value)
{
    for (size_t i = 0; i < value->len; i++)
        if (value->data[i] == '#' && (i == 0 || is_blank(value->data[i - 1]))) {
            *value = trim((struct aep__slice){value->data, i});
            return;
        }
}

static bool holds(struct aep__slice text, char c)
{
    return text.len > 0 && memchr(text.data, c, text.len);
}

/* Reduces *value to the value alone. Returns NULL, or what is wrong with it. */
static const char *unquote(struct aep__slice *value)
{
    char quote = value->len > 0 ? value->data[0] : '\0';
    if (quote != '\'' && quote != '"')
        cut_comment(value);
    else if (!cut_quoted(value))
        return "a quote is missing";
    if (quote != '\'' && (holds(*value, '$') || holds(*value, '\\')))
        return "$ and \\ are not expanded here: write the value out, or in single quotes";
    return holds(*value, '\0') ? "it has a NUL byte" : NULL;
}

static int parse_line(aep_config *config, struct aep__slice line, const char *origin,
                      aep_error *err)
{
    struct aep__slice name, value;
    int option = split_line(line, &name, &value) ? find_option(name) : -1;
    if (option < 0)
        return AEP_OK;
    const char *key = aep__options[option].key, *problem = unquote(&value);
    if (problem)
        return aep__error(err, AEP_ECONFIG, key, "%s: %s", origin, problem);
    char *text = strndup(value.data, value.len);
    int code = text ? aep__config_put(config, key, text, AEP__LAYER_DOTENV, origin, err)
                    : aep__error_memory(err);
    free(text);
    return code;
}

int aep__dotenv_parse(aep_config *config, const char *data, size_t len, const char *path,
                      aep_error *err)
{
    const char *at = data, *end = data + len;
    char origin[AEP__ORIGIN_SIZE];
    for (int number = 1; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        aep__origin_of_line(path, number, origin);
        int code = parse_line(config, (struct aep__slice){at, (size_t)(stop - at)}, origin, err);
        if (code != AEP_OK)
            return code;
        at = stop + 1;
    }
    return AEP_OK;
}

int aep__dotenv_read(aep_config *config, const char *path, aep_error *err)
{
    struct aep__problem problem;
    if (!aep__value_path(path, &problem))
        return aep__error(err, AEP_ECONFIG, "AEP_DOTENV", "environment AEP_DOTENV: %s",
                          problem.text);
    struct aep__buf data = {0};
    int code = aep__file_read(path, AEP__FILE_ANY_OWNER, "AEP_DOTENV", &data, NULL, err);
    if (code == AEP_OK) {
        aep__texts_add(&config->files, "%s (read)", path);
        code = aep__dotenv_parse(config, data.data, data.len, path, err);
    }
    aep__buf_done(&data);
    return code;
}
