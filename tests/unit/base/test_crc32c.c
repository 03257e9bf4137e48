/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32c.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Bit by bit, straight from the polynomial: slow, but beyond doubt. */
static uint32_t crc_by_definition(uint32_t crc, const uint8_t *data, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

static void must_have_crc(const void *data, size_t len, uint32_t crc)
{
    assert_int_equal(aep__crc32c(0, data, len), crc);
    assert_int_equal(aep__crc32c_soft(0, data, len), crc);
}

/* RFC 3720 appendix B.4, and the check value of every catalogue of CRCs. */
static void test_crc_has_the_published_values(void **state)
{
    (void)state;
    uint8_t bytes[32];
    must_have_crc("", 0, 0);
    must_have_crc("123456789", 9, 0xe3069283);
    must_have_crc(memset(bytes, 0x00, 32), 32, 0x8a9136aa);
    must_have_crc(memset(bytes, 0xff, 32), 32, 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    must_have_crc(bytes, 32, 0x46dd794e);
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(31 - i);
    must_have_crc(bytes, 32, 0x113fdb5c);
}

static void fill_random(uint8_t *data, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(rand_r(&seed) >> 7);
}

static void test_crc_is_the_same_in_hardware_and_software(void **state)
{
    (void)state;
    uint8_t *data = malloc(1100 + 16);
    fill_random(data, 1100 + 16, 1);
    for (size_t len = 0; len <= 1100; len += len < 70 ? 1 : 13)
        for (size_t offset = 0; offset < 16; offset++) {
            uint32_t begin = (uint32_t)(len * 2654435761u + offset);
            uint32_t crc = crc_by_definition(begin, data + offset, len);
            assert_int_equal(aep__crc32c_soft(begin, data + offset, len), crc);
            assert_int_equal(aep__crc32c(begin, data + offset, len), crc);
        }
    free(data);
}

static void test_crc_goes_on_where_it_left_off(void **state)
{
    (void)state;
    uint8_t data[300];
    fill_random(data, sizeof data, 2);
    uint32_t whole = aep__crc32c(0, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        assert_int_equal(aep__crc32c(aep__crc32c(0, data, cut), data + cut, sizeof data - cut),
                         whole);
        assert_int_equal(
            aep__crc32c_soft(aep__crc32c_soft(0, data, cut), data + cut, sizeof data - cut), whole);
    }
}

static void run_the_instruction(void)
{
#if defined(__x86_64__)
    __asm__ volatile("crc32l %%eax, %%eax" ::: "eax");
#elif defined(__aarch64__)
    __asm__ volatile(".arch_extension crc\n\tcrc32cb w0, w0, w0" ::: "x0");
#else
    abort();
#endif
}

/* Not by what the system says of its processor, but by trying: without it a process is killed. */
static bool processor_has_the_instruction(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGILL, SIG_DFL); /* cmocka has a handler */
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        run_the_instruction();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_crc_is_by_the_instruction_where_the_processor_has_it(void **state)
{
    (void)state;
    bool by_tables = aep__crc32c_best() == aep__crc32c_soft;
    print_message("crc32c: by %s\n", by_tables ? "tables" : "the processor's instruction");
    assert_int_equal(by_tables, !processor_has_the_instruction());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc_has_the_published_values),
        cmocka_unit_test(test_crc_is_the_same_in_hardware_and_software),
        cmocka_unit_test(test_crc_goes_on_where_it_left_off),
        cmocka_unit_test(test_crc_is_by_the_instruction_where_the_processor_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
