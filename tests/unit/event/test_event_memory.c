/* SPDX-License-Identifier: Apache-2.0 */
/* Memory runs out at the first allocation, at the second, … until everything succeeds: each time
 * there is a named error, nothing half done, nothing leaked or published unredacted. */
#include "base/error.h"
#include "event/envelope_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- an allocator that fails on request ----------------------------------------------------- */

static long allocations_left = -1; /* -1: as many as there are */
static bool only_once;             /* and afterwards there is some again */
static long live;                  /* blocks in use */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define CAN_FAIL false
#else
#define CAN_FAIL true
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void __libc_free(void *block);

/* The C library must find these, too. */
#define INTERPOSED __attribute__((visibility("default")))

static bool is_out(void)
{
    if (allocations_left <= 0)
        return allocations_left == 0;
    allocations_left--;
    if (allocations_left > 0)
        return false;
    allocations_left = only_once ? -1 : 0;
    return true;
}

static void *count_block(void *block)
{
    live += block != NULL;
    return block;
}

INTERPOSED void *malloc(size_t size)
{
    return is_out() ? NULL : count_block(__libc_malloc(size));
}

INTERPOSED void *calloc(size_t count, size_t size)
{
    return is_out() ? NULL : count_block(__libc_calloc(count, size));
}

INTERPOSED void *realloc(void *old, size_t size)
{
    if (is_out())
        return NULL;
    void *block = __libc_realloc(old, size);
    live += !old && block;
    return block;
}

INTERPOSED void free(void *block)
{
    live -= block != NULL;
    __libc_free(block);
}
#endif

/* Runs it with the n-th allocation failing. */
static int fail_at(int n, int (*run)(aep_error *err), bool leaks)
{
    aep_error err = {0};
    long before = live;
    allocations_left = n;
    int code = run(&err);
    allocations_left = -1;
    if (code != AEP_OK && code != AEP_ENOMEM)
        fail_msg("allocation %d: %s", n, aep_code_name(code));
    if (code == AEP_ENOMEM && (err.code != AEP_ENOMEM || !*err.text))
        fail_msg("allocation %d: AEP_ENOMEM without its text", n);
    assert_true(leaks || live == before); /* all of it was freed */
    return code;
}

/* Memory runs out for good at the first allocation, the second, … until it suffices; then, for each
 * of them, just once. */
static int fail_until_success(int (*run)(aep_error *err), bool leaks)
{
    int n = 1;
    only_once = false;
    while (fail_at(n, run, leaks) == AEP_ENOMEM)
        n++;
    only_once = true;
    for (int i = 1; i < n; i++)
        fail_at(i, run, leaks);
    return n - 1;
}

/* ---- what runs out ---- */

static struct aep__redactor *redactor;

static int try_redactor(const char *rules, aep_error *err)
{
    struct aep__redactor *made = NULL;
    int code = aep__redactor_new(rules, &made, err);
    if (code != AEP_OK && made)
        return AEP_ESTATE;
    aep__redactor_free(made);
    return code;
}

static int open_redactor(aep_error *err)
{
    return try_redactor("key:kennwort", err);
}

static int open_pattern(aep_error *err)
{
    return try_redactor("re:a[0-9]+b", err);
}

/* Matching has memory of its own, too. */
static int redact_by_pattern(aep_error *err)
{
    struct aep__redactor *made;
    struct aep__buf out = {0};
    int code = aep__redactor_new("re:a[0-9]+b", &made, err);
    if (code != AEP_OK)
        return code;
    size_t count = aep__redact_text(made, "x a12b x", 8, &out);
    code = out.failed ? aep__error_memory(err) : count == 1 ? AEP_OK : AEP_ESTATE;
    aep__buf_done(&out);
    aep__redactor_free(made);
    return code;
}

static int make_envelope(aep_error *err)
{
    struct aep__envelope_settings settings = {.tenant_id = "default",
                                              .namespace_ = "omninode",
                                              .source = "omniclaude",
                                              .cloudevents = true,
                                              .capture_request = true,
                                              .redactor = redactor};
    static char context[12000];
    struct aep__envelope envelope = {0};
    struct aep__facts facts;
    size_t len = 0;
    for (int i = 0; i < 200; i++)
        len += (size_t)snprintf(context + len, sizeof context - len,
                                "%s\"n\\u0041%d\":\"p\\n\\ud800\"", i ? "," : "{", i);
    strcpy(context + len, ",\"password\":\"hunter2\",\"AKIAIOSFODNN7EXAMPLE\":1}");
    int code = aep__envelope_settings_prepare(&settings, err);
    if (code == AEP_OK)
        code = aep__facts_from_struct(AEP_KIND_STARTED,
                                      AEP_STARTED(.agent_name = "a\xff", .context = context,
                                                  .user_request = "a12b password=hunter2",
                                                  .correlation_id = "c\xff"),
                                      &facts, err);
    if (code == AEP_OK)
        code = aep__envelope_make(&envelope, &settings, &facts, err);
    if (code == AEP_OK &&
        (memmem(envelope.message.value.data, envelope.message.value.len, "hunter2", 7) ||
         envelope.counts.redacted != 4))
        code = AEP_ESTATE;
    aep__envelope_done(&envelope);
    aep__envelope_settings_done(&settings);
    return code;
}

static int make_any(aep_error *err)
{
    struct aep__envelope_settings settings = {.tenant_id = "default",
                                              .namespace_ = "omninode",
                                              .source = "omniclaude",
                                              .redactor = redactor};
    struct aep__envelope envelope = {0};
    int code = aep__envelope_settings_prepare(&settings, err);
    if (code == AEP_OK)
        code = aep__envelope_make_any(
            &envelope, &settings,
            AEP_EVENT(.event_type = "a.b.c.v1", .payload = "{\"correlation_id\":\"\\u0061\\n\"}"),
            0, err);
    aep__envelope_done(&envelope);
    aep__envelope_settings_done(&settings);
    return code == AEP_EINVAL ? AEP_OK : code; /* a control character in the id, once it is read */
}

static int validate(aep_error *err)
{
    static const char event[] =
        "{\"event_\\u0074ype\":\"omninode.agent.execution.failed.v1\",\"payload\":{\"\\u0061\":1,"
        "\"error_message\":\"\\u0061\",\"x\":{\"\\u0061\":1}}}";
    int code = aep_validate(event, sizeof event - 1, 0, NULL, NULL, err);
    return code == AEP_EINVAL ? AEP_OK : code;
}

static int find_key(aep_error *err)
{
    static const char event[] = "{\"correlation\\u005fid\":\"\\u0061\",\"x\":1}";
    char key[AEP_CORRELATION_ID_SIZE];
    int code = aep_policy_key(event, sizeof event - 1, key, err);
    return code == AEP_OK && strcmp(key, "a") != 0 ? AEP_ESTATE : code;
}

static void no_memory_is_an_error_like_another(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int (*run)(aep_error *err);
        bool leaks; /* as regcomp() of glibc does when it fails */
    } rows[] = {
        {"redactor", open_redactor, false},
        {"pattern", open_pattern, true},
        {"matching", redact_by_pattern, true},
        {"envelope", make_envelope, false},
        {"any", make_any, false},
        {"validate", validate, false},
        {"key", find_key, false},
    };
    if (!CAN_FAIL)
        skip();
    assert_int_equal(aep__redactor_new("re:a[0-9]+b", &redactor, NULL), AEP_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aep_error err = {0};
        print_message("%s: ", rows[i].name);
        assert_int_equal(rows[i].run(&err), AEP_OK);
        int failures = fail_until_success(rows[i].run, rows[i].leaks);
        print_message("%d allocations\n", failures);
        assert_true(failures > 0);
        assert_int_equal(rows[i].run(&err), AEP_OK);
    }
    aep__redactor_free(redactor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_memory_is_an_error_like_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
