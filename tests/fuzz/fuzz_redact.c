/* SPDX-License-Identifier: Apache-2.0 */
/* Redaction terminates, keeps text valid and counts all that it changes; a well-formed secret
 * planted in any text is removed. */
#include "base/utf8.h"
#include "event/redact.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static struct aep__redactor *redactor, *with_extra;
static struct aep__buf text, out;

static void check(const struct aep__redactor *which)
{
    aep__buf_clear(&out);
    size_t count = aep__redact_text(which, text.data, text.len, &out);
    must(aep__utf8_valid(out.data, out.len) == out.len);
    must(count > 0 || out.len == 0);
    must(count == 0 || memmem(out.data, out.len, "[REDACTED:", 10));
    aep__redact_name(which, text.data, text.len);
}

/* Between blanks, so that no byte of the text belongs to it. */
static void plant(const uint8_t *data, size_t size)
{
    static const char secret[] = " sk-ant-Zq7Zq7Zq7Zq7Zq7Zq7 ";
    size_t at = size / 2;
    if (memmem(data, size, "Zq7", 3)) /* a learning fuzzer tries to guess the secret */
        return;
    aep__buf_clear(&text);
    aep__utf8_repair(&text, (const char *)data, at);
    aep__buf_text(&text, secret);
    aep__utf8_repair(&text, (const char *)data + at, size - at);
    check(redactor);
    must(!memmem(out.data, out.len, "Zq7", 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!redactor) {
        must(aep__redactor_new(NULL, &redactor, NULL) == AEP_OK);
        must(aep__redactor_new("key:kennwort,re:T-[0-9]+", &with_extra, NULL) == AEP_OK);
    }
    aep__buf_clear(&text);
    must(aep__buf_reserve(&text, size + 1));
    aep__utf8_repair(&text, (const char *)data, size);
    check(redactor);
    check(with_extra);
    plant(data, size);
    return 0;
}
