/* SPDX-License-Identifier: Apache-2.0 */
/* The roll: what stands in its files, whoever was killed while writing it. */
#include "spool_fixture.h"

#include "spool/roll_own.h"

static const struct aep__os_process somebody = {
    .boot = {1, 2, 3}, .pid_ns = 4, .time_ns = 5, .begun = 6, .pid = 7, .name = "agent"};

static struct aep__roll_area area_of(enum aep__roll_state state, uint8_t execution)
{
    struct aep__roll_area area = {.state = state, .from = {3, 4096}, .at_us = 8, .lasted_us = 9};
    memset(area.execution, execution, sizeof area.execution);
    memset(area.event, execution + 100, sizeof area.event);
    return area;
}

/* A body with an agent name of that length. */
static void make_body(struct aep__buf *out, size_t len)
{
    char *name = malloc(len);
    assert_non_null(name);
    memset(name, 'x', len);
    struct aep__roll_body body = {
        .started_us = 11,
        .started_mono_us = 12,
        .cloudevents = true,
        .texts = {[AEP__ROLL_CORRELATION_ID] = AEP__SLICE("job-7"),
                  [AEP__ROLL_AGENT_NAME] = {name, len},
                  [AEP__ROLL_ENVIRONMENT] = AEP__SLICE("test")},
    };
    aep__buf_clear(out);
    aep__roll_encode_body(out, &body);
    free(name);
}

static int make_file(struct here *here, char name[AEP__ROLL_NAME_SIZE])
{
    int fd = aep__roll_make(&here->spool, &somebody, AEP__ROLL_OWN, NULL, name);
    assert_true(fd >= 0);
    return fd;
}

static void check_body(int fd, const struct aep__roll_entry *entry, size_t len)
{
    struct aep__buf buf = {0};
    struct aep__roll_body body;
    assert_int_equal(aep__roll_read_body(fd, entry, &buf, &body), 0);
    assert_int_equal(body.started_us, 11);
    assert_int_equal(body.started_mono_us, 12);
    assert_true(body.cloudevents && !body.single_topic);
    assert_int_equal(body.texts[AEP__ROLL_CORRELATION_ID].len, 5);
    assert_int_equal(body.texts[AEP__ROLL_AGENT_NAME].len, len);
    assert_true(len == 0 || body.texts[AEP__ROLL_AGENT_NAME].data[len - 1] == 'x');
    assert_memory_equal(body.texts[AEP__ROLL_ENVIRONMENT].data, "test", 4);
    aep__buf_done(&buf);
}

static void test_a_file_says_whose_it_is(void **state)
{
    struct here *here = *state;
    char name[AEP__ROLL_NAME_SIZE];
    struct aep__os_process process;
    enum aep__roll_kind kind;
    struct stat st;
    mode_t mask = umask(0377);
    int fd = make_file(here, name);
    umask(mask);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fstatat(here->spool.dir_fd, AEP__ROLL_FOLDER, &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    close(fd);
    fd = aep__roll_open(&here->spool, name);
    assert_int_equal(aep__roll_read_process(fd, &process, &kind), 1);
    assert_memory_equal(&process, &somebody, sizeof process);
    assert_int_equal(kind, AEP__ROLL_OWN);
    assert_int_equal(pwrite(fd, "?", 1, 40), 1);
    assert_int_equal(aep__roll_read_process(fd, &process, &kind), 0);
    assert_int_equal(ftruncate(fd, 100), 0);
    assert_int_equal(aep__roll_read_process(fd, &process, &kind), 0);
    close(fd);
}

static void test_an_owner_holds_its_file(void **state)
{
    struct here *here = *state;
    char name[AEP__ROLL_NAME_SIZE];
    int fd = make_file(here, name), other = aep__roll_open(&here->spool, name);
    assert_true(aep__roll_held(other));
    close(fd);
    assert_false(aep__roll_held(other));
    close(other);
}

static void test_entries_of_every_length_are_read_back(void **state)
{
    static const size_t lengths[] = {0, 1, 600, 649, 650, 651, 1400, 262144};
    struct here *here = *state;
    struct aep__buf body = {0};
    char name[AEP__ROLL_NAME_SIZE];
    int fd = make_file(here, name);
    uint32_t unit = 1, units[8];
    for (size_t i = 0; i < 8; i++) {
        struct aep__roll_area area = area_of(AEP__ROLL_STARTED, (uint8_t)(i + 1));
        make_body(&body, lengths[i]);
        area.body_bytes = (uint32_t)body.len;
        assert_int_equal(aep__roll_write(fd, units[i] = unit, &area, &body), 0);
        unit += aep__roll_units(body.len);
    }
    for (size_t i = 0; i < 8; i++) {
        struct aep__roll_entry entry;
        const struct aep__roll_area *owner = &entry.areas[AEP__ROLL_OWNER];
        assert_int_equal(aep__roll_read(fd, units[i], &entry), 1);
        assert_int_equal(owner->state, AEP__ROLL_STARTED);
        assert_int_equal(owner->execution[15], i + 1);
        assert_int_equal(owner->event[0], i + 101);
        assert_int_equal(owner->from.segment, 3);
        assert_int_equal(owner->from.offset, 4096);
        check_body(fd, &entry, lengths[i]);
    }
    aep__buf_done(&body);
    close(fd);
}

/* Everything that has come to be written of one, at each instant. */
static void test_a_start_that_was_torn_is_no_start(void **state)
{
    struct here *here = *state;
    struct aep__buf body = {0}, bytes = {0};
    struct aep__roll_entry entry;
    struct aep__roll_body read;
    char name[AEP__ROLL_NAME_SIZE];
    int fd = make_file(here, name);
    struct aep__roll_area area = area_of(AEP__ROLL_STARTING, 1);
    make_body(&body, 5000);
    area.body_bytes = (uint32_t)body.len;
    assert_int_equal(aep__roll_write(fd, 1, &area, &body), 0);
    size_t units = aep__roll_units(body.len), size = units * AEP__ROLL_UNIT_BYTES;
    const ssize_t end = (ssize_t)(units * 288 + body.len); /* of what was written */
    assert_true(aep__buf_reserve(&bytes, size));
    ssize_t whole = pread(fd, bytes.data, size, AEP__ROLL_UNIT_BYTES);
    assert_true(whole > 5000);
    for (ssize_t len = 0; len < end; len += len < 120 ? 1 : 97) {
        assert_int_equal(ftruncate(fd, AEP__ROLL_UNIT_BYTES), 0);
        assert_int_equal(ftruncate(fd, (off_t)(AEP__ROLL_UNIT_BYTES + size)), 0);
        assert_int_equal(pwrite(fd, bytes.data, (size_t)len, AEP__ROLL_UNIT_BYTES), len);
        int got = aep__roll_read(fd, 1, &entry);
        assert_true(got == 1 || (got == -1 && errno == EBADMSG) || (got == 0 && len == 0));
        if (got == 1) {
            assert_int_equal(aep__roll_read_body(fd, &entry, &body, &read), -1);
            assert_int_equal(errno, EBADMSG);
        }
    }
    aep__buf_done(&body);
    aep__buf_done(&bytes);
    close(fd);
}

static void test_each_writer_has_its_own_area(void **state)
{
    struct here *here = *state;
    struct aep__buf body = {0};
    struct aep__roll_entry entry;
    char name[AEP__ROLL_NAME_SIZE];
    int fd = make_file(here, name);
    struct aep__roll_area area = area_of(AEP__ROLL_STARTED, 1);
    make_body(&body, 3);
    area.body_bytes = (uint32_t)body.len;
    assert_int_equal(aep__roll_write(fd, 1, &area, &body), 0);
    struct aep__roll_area another = area_of(AEP__ROLL_ENDING, 1);
    struct aep__roll_area relay = area_of(AEP__ROLL_DECLARING, 1);
    assert_int_equal(aep__roll_mark(fd, 1, AEP__ROLL_ANOTHER, &another), 0);
    assert_int_equal(aep__roll_mark(fd, 1, AEP__ROLL_RELAY, &relay), 0);
    assert_int_equal(aep__roll_read(fd, 1, &entry), 1);
    assert_int_equal(entry.areas[AEP__ROLL_OWNER].state, AEP__ROLL_STARTED);
    assert_int_equal(entry.areas[AEP__ROLL_ANOTHER].state, AEP__ROLL_ENDING);
    assert_int_equal(entry.areas[AEP__ROLL_RELAY].state, AEP__ROLL_DECLARING);
    assert_int_equal(entry.areas[AEP__ROLL_RELAY].lasted_us, 9);
    check_body(fd, &entry, 3);

    /* late, of an execution that has left its unit to another one */
    area = area_of(AEP__ROLL_STARTED, 2);
    area.body_bytes = (uint32_t)body.len;
    assert_int_equal(aep__roll_write(fd, 1, &area, &body), 0);
    assert_int_equal(aep__roll_mark(fd, 1, AEP__ROLL_RELAY, &relay), 0);
    assert_int_equal(aep__roll_mark(fd, 1, AEP__ROLL_ANOTHER, &another), 0);
    assert_int_equal(aep__roll_read(fd, 1, &entry), 1);
    assert_int_equal(entry.areas[AEP__ROLL_ANOTHER].state, AEP__ROLL_FREE);
    assert_int_equal(entry.areas[AEP__ROLL_RELAY].state, AEP__ROLL_FREE);
    check_body(fd, &entry, 3);

    /* within one that is longer */
    make_body(&body, 5000);
    area.body_bytes = (uint32_t)body.len;
    assert_int_equal(aep__roll_write(fd, 1, &area, &body), 0);
    for (uint32_t unit = 1; unit <= aep__roll_units(body.len); unit++)
        assert_int_equal(aep__roll_mark(fd, unit, AEP__ROLL_RELAY, &relay), 0);
    assert_int_equal(aep__roll_read(fd, 1, &entry), 1);
    check_body(fd, &entry, 5000);
    aep__buf_done(&body);
    close(fd);
}

static void test_what_is_damaged_is_said(void **state)
{
    struct here *here = *state;
    struct aep__buf body = {0};
    struct aep__roll_entry entry;
    struct aep__roll_body read;
    char name[AEP__ROLL_NAME_SIZE];
    int fd = make_file(here, name);
    struct aep__roll_area area = area_of(AEP__ROLL_STARTED, 1);
    make_body(&body, 3);
    area.body_bytes = (uint32_t)body.len;
    for (off_t at = 0; at < (off_t)(288 + body.len); at++) {
        assert_int_equal(aep__roll_write(fd, 1, &area, &body), 0);
        char byte;
        assert_int_equal(pread(fd, &byte, 1, AEP__ROLL_UNIT_BYTES + at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, AEP__ROLL_UNIT_BYTES + at), 1);
        int got = aep__roll_read(fd, 1, &entry);
        if (at < 96) {
            assert_int_equal(got, -1);
            assert_int_equal(errno, EBADMSG);
            continue;
        }
        assert_int_equal(got, 1);
        assert_int_equal(aep__roll_read_body(fd, &entry, &body, &read), at < 288 ? 0 : -1);
        make_body(&body, 3);
    }
    aep__buf_done(&body);
    close(fd);
}

static enum aep__roll_standing standing_of(enum aep__roll_state owner, enum aep__roll_state another,
                                           enum aep__roll_state relay,
                                           enum aep__roll_state *ret_asks)
{
    struct aep__roll_entry entry = {
        .areas = {area_of(owner, 1), area_of(another, 1), area_of(relay, 1)}};
    const struct aep__roll_area *area;
    enum aep__roll_standing standing = aep__roll_standing(&entry, &area);
    *ret_asks = standing == AEP__ROLL_IS_UNKNOWN ? area->state : AEP__ROLL_FREE;
    return standing;
}

static void test_what_an_entry_says(void **state)
{
    enum { FREE, STARTING, STARTED, ENDING, ENDED, JOINED, FOUND, DECLARING, DECLARED };
    static const struct {
        int owner, another, relay;
        enum aep__roll_standing standing;
        int asks;
    } cases[] = {
        {STARTING, FREE, FREE, AEP__ROLL_IS_UNKNOWN, STARTING},
        {STARTING, FREE, FOUND, AEP__ROLL_IS_OPEN, FREE},
        {STARTED, FREE, FREE, AEP__ROLL_IS_OPEN, FREE},
        {STARTED, FREE, FOUND, AEP__ROLL_IS_OPEN, FREE}, /* that of its start */
        {STARTED, ENDING, FREE, AEP__ROLL_IS_UNKNOWN, ENDING},
        {STARTED, ENDING, FOUND, AEP__ROLL_IS_OVER, FREE},
        {STARTED, ENDED, FREE, AEP__ROLL_IS_OVER, FREE},
        {STARTED, FREE, DECLARING, AEP__ROLL_IS_UNKNOWN, DECLARING},
        {STARTED, ENDING, DECLARING, AEP__ROLL_IS_UNKNOWN, DECLARING},
        {STARTED, FREE, DECLARED, AEP__ROLL_IS_OVER, FREE},
        {ENDING, FREE, FREE, AEP__ROLL_IS_UNKNOWN, ENDING},
        {ENDING, FREE, FOUND, AEP__ROLL_IS_OVER, FREE},
        {ENDING, FREE, DECLARING, AEP__ROLL_IS_UNKNOWN, DECLARING},
        {JOINED, FREE, FREE, AEP__ROLL_IS_JOINED, FREE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum aep__roll_state asks;
        enum aep__roll_standing standing = standing_of((enum aep__roll_state)cases[i].owner,
                                                       (enum aep__roll_state)cases[i].another,
                                                       (enum aep__roll_state)cases[i].relay, &asks);
        if (standing != cases[i].standing || (int)asks != cases[i].asks)
            fail_msg("case %zu: %d, asks about %d", i, standing, asks);
    }
}

/* FOUND speaks of one event: of an ENDING that came after, nothing is known. */
static void test_an_older_find_says_nothing_of_a_newer_event(void **state)
{
    struct aep__roll_entry entry = {
        .areas = {area_of(AEP__ROLL_ENDING, 1), {0}, area_of(AEP__ROLL_FOUND, 1)}};
    const struct aep__roll_area *area;
    (void)state;
    entry.areas[AEP__ROLL_RELAY].event[0]++;
    assert_int_equal(aep__roll_standing(&entry, &area), AEP__ROLL_IS_UNKNOWN);
}

/* ---- a process's own file ---- */

static void enter(struct aep__roll_own *own, uint8_t execution, size_t len,
                  struct aep__roll_place *ret)
{
    struct aep__buf body = {0};
    struct aep__roll_area area = area_of(AEP__ROLL_STARTING, execution);
    make_body(&body, len);
    assert_int_equal(aep__roll_own_enter(own, &area, &body, ret), 0);
    aep__buf_done(&body);
}

static int read_own(struct aep__roll_own *own, const struct aep__roll_place *place,
                    uint8_t execution, struct aep__roll_entry *ret)
{
    uint8_t id[16];
    memset(id, execution, sizeof id);
    return aep__roll_own_read(own, place, id, ret);
}

static bool count_file(void *user, const char *name)
{
    (void)name;
    ++*(int *)user;
    return true;
}

static int count_files(struct here *here)
{
    int count = 0;
    assert_int_equal(aep__roll_each(&here->spool, count_file, &count), 0);
    return count;
}

static void test_units_are_used_again_and_the_file_grows(void **state)
{
    struct here *here = *state;
    struct aep__roll_own own;
    struct aep__roll_place places[200];
    struct aep__roll_entry entry;
    aep__roll_own_init(&own, &here->spool);
    assert_int_equal(count_files(here), 0);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 200; i++)
            enter(&own, (uint8_t)i, (size_t)(i % 7 ? 10 : 3000 + i), &places[i]);
        assert_int_equal(own.open, 200);
        for (int i = 0; i < 200; i++) {
            assert_int_equal(read_own(&own, &places[i], (uint8_t)i, &entry), 1);
            check_body(own.fd, &entry, (size_t)(i % 7 ? 10 : 3000 + i));
        }
        for (int i = 0; i < 200; i++)
            aep__roll_own_leave(&own, &places[(i * 7 + round) % 200]);
        assert_int_equal(own.open, 0);
    }
    assert_true(own.units < 800); /* 200 entries, some of five units */
    assert_int_equal(count_files(here), 1);
    aep__roll_own_done(&own);
    assert_int_equal(count_files(here), 0);
}

static void test_a_file_with_something_open_stays(void **state)
{
    struct here *here = *state;
    struct aep__roll_own own;
    struct aep__roll_place place;
    aep__roll_own_init(&own, &here->spool);
    enter(&own, 1, 10, &place);
    aep__roll_own_done(&own);
    assert_int_equal(count_files(here), 1);
}

/* The host program has closed our descriptor, and its number is a file of its own. */
static void test_a_strangers_file_is_not_written_to(void **state)
{
    struct here *here = *state;
    struct aep__roll_own own;
    struct aep__roll_place place, other;
    struct aep__roll_entry entry;
    struct stat st;
    char path[128];
    snprintf(path, sizeof path, "%s/strange", here->root);
    aep__roll_own_init(&own, &here->spool);
    enter(&own, 1, 10, &place);
    int number = own.fd, strange = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(dup2(strange, number), number);
    assert_int_equal(read_own(&own, &place, 1, &entry), 1);
    assert_int_equal(entry.areas[AEP__ROLL_OWNER].state, AEP__ROLL_STARTING);
    assert_int_not_equal(own.fd, number);
    assert_int_equal(dup2(strange, own.fd), own.fd);
    enter(&own, 2, 10, &other);
    assert_int_equal(read_own(&own, &place, 1, &entry), 1);
    assert_int_equal(fstat(strange, &st), 0);
    assert_int_equal(st.st_size, 0);
    aep__roll_own_leave(&own, &place);
    aep__roll_own_leave(&own, &other);
    aep__roll_own_done(&own);
    assert_int_equal(count_files(here), 0);
    close(strange);
}

static void test_a_lost_file_is_made_anew(void **state)
{
    struct here *here = *state;
    struct aep__roll_own own;
    struct aep__roll_place place, other;
    struct aep__roll_entry entry;
    aep__roll_own_init(&own, &here->spool);
    enter(&own, 1, 10, &place);
    assert_int_equal(aep__roll_remove(&here->spool, own.name), 0);
    aep__roll_own_check(&own);
    assert_int_equal(read_own(&own, &place, 1, &entry), 0);
    enter(&own, 2, 10, &other);
    assert_int_equal(read_own(&own, &place, 1, &entry), 0);
    assert_int_equal(read_own(&own, &other, 2, &entry), 1);
    aep__roll_own_leave(&own, &place);
    assert_int_equal(own.open, 1);
    aep__roll_own_leave(&own, &other);
    aep__roll_own_done(&own);
}

static void test_a_folder_that_is_none_refuses(void **state)
{
    struct here *here = *state;
    struct aep__roll_own own;
    struct aep__roll_place place;
    struct aep__buf body = {0};
    struct aep__roll_area area = area_of(AEP__ROLL_STARTING, 1);
    add_to_file(here, AEP__ROLL_FOLDER, "?", 1);
    aep__roll_own_init(&own, &here->spool);
    make_body(&body, 1);
    assert_int_equal(aep__roll_own_enter(&own, &area, &body, &place), -1);
    assert_int_equal(unlinkat(here->spool.dir_fd, AEP__ROLL_FOLDER, 0), 0);
    assert_int_equal(aep__roll_own_enter(&own, &area, &body, &place), 0);
    aep__roll_own_leave(&own, &place);
    aep__roll_own_done(&own);
    aep__buf_done(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_a_file_says_whose_it_is),
        HERE_TEST(test_an_owner_holds_its_file),
        HERE_TEST(test_entries_of_every_length_are_read_back),
        HERE_TEST(test_a_start_that_was_torn_is_no_start),
        HERE_TEST(test_each_writer_has_its_own_area),
        HERE_TEST(test_what_is_damaged_is_said),
        HERE_TEST(test_what_an_entry_says),
        HERE_TEST(test_an_older_find_says_nothing_of_a_newer_event),
        HERE_TEST(test_units_are_used_again_and_the_file_grows),
        HERE_TEST(test_a_file_with_something_open_stays),
        HERE_TEST(test_a_strangers_file_is_not_written_to),
        HERE_TEST(test_a_lost_file_is_made_anew),
        HERE_TEST(test_a_folder_that_is_none_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
