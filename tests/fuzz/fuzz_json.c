/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner accepts what jansson accepts and nothing else, with documented exceptions; what is
 * written from its tokens is equal JSON. */
#include "base/json.h"
#include "event/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static struct aep__json json;
static struct aep__text way;
static struct aep__buf once, twice;

static bool scans(const char *text, size_t len, bool strict)
{
    enum aep__json_token token;
    aep__json_begin(&json, text, len, AEP__JSON_DEPTH, strict);
    while ((token = aep__json_next(&json)) > AEP__JSON_END)
        must(json.token.data >= text && json.token.data + json.token.len <= text + len);
    must(token == AEP__JSON_END || (json.message && json.position <= len));
    return token == AEP__JSON_END;
}

/* jansson has no number beyond a double, and no NUL in a name. */
static bool is_jansson_limit(const json_error_t *error)
{
    return strstr(error->text, "overflow") || strstr(error->text, "NUL byte in object key");
}

static void compare_with_jansson(const char *text, size_t len)
{
    json_error_t error;
    json_t *tree = json_loadb(text, len,
                              JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES |
                                  JSON_DECODE_INT_AS_REAL,
                              &error);
    bool ours = scans(text, len, true);
    bool raw_nul = memchr(text, '\0', len); /* jansson takes it for white space or an end */
    must(ours || !tree || json.problem == AEP__JSON_TOO_DEEP || raw_nul);
    must(tree || !ours || is_jansson_limit(&error));
    json_decref(tree);
}

static bool write_again(const char *text, size_t len, struct aep__buf *out)
{
    aep_error err;
    aep__buf_clear(out);
    return aep__text_write_json(&way, out, (struct aep__slice){text, len}, AEP__JSON_END, "x",
                                &err) == AEP_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    compare_with_jansson(text, size);
    bool lenient = scans(text, size, false);
    must(write_again(text, size, &once) == lenient);
    if (!lenient)
        return 0;
    must(scans(once.data, once.len, true));
    must(write_again(once.data, once.len, &twice));
    must(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    return 0;
}
