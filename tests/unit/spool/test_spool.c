/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32c.h"
#include "base/id.h"
#include "spool_fixture.h"

#include <sys/resource.h>
#include <sys/vfs.h>

/* libc's own is not called while a test sets the type of file system. */
static long pretended_fs;

int fstatfs(int fd, struct statfs *info)
{
    (void)fd;
    *info = (struct statfs){.f_type = pretended_fs ? pretended_fs : 0xef53};
    return 0;
}

/* Another opening of the same folder. */
static int reopen(struct here *here, const struct aep__spool_settings *settings,
                  struct aep__spool *ret)
{
    return aep__spool_open(ret, here->dir, settings, &here->err);
}

static void assert_refused(struct here *here, const char *path,
                           const struct aep__spool_settings *settings, const char *why)
{
    struct aep__spool spool;
    here->err.text[0] = '\0';
    assert_int_equal(aep__spool_open(&spool, path, settings, &here->err), AEP_ESPOOL);
    if (!strstr(here->err.text, why))
        fail_msg("\"%s\" does not say \"%s\"", here->err.text, why);
    assert_int_equal(spool.dir_fd, -1);
}

/* ---- identity ---- */

static void test_a_spool_remembers_what_it_was_made_with(void **state)
{
    struct here *here = *state;
    struct aep__spool again;
    struct aep__spool_settings other = {.segment_bytes = 2 * L,
                                        .record_bytes = 2 * LARGEST,
                                        .any_fs = true,
                                        .destination = "elsewhere"};
    assert_int_equal(reopen(here, &other, &again), AEP_OK);
    assert_memory_equal(again.uuid, here->spool.uuid, 16);
    assert_int_equal(again.segment_bytes, L);
    assert_int_equal(again.record_bytes, LARGEST);
    assert_false(again.local);
    assert_int_equal(aep_id_version(again.uuid_text), 4);
    aep__spool_done(&again);
}

static void test_two_spools_are_two(void **state)
{
    struct here *here = *state;
    char dir[128];
    struct aep__spool other;
    struct aep__spool_settings settings = small_settings();
    snprintf(dir, sizeof dir, "%s/deeper/and/deeper", here->root);
    assert_int_equal(aep__spool_open(&other, dir, &settings, &here->err), AEP_OK);
    assert_memory_not_equal(other.uuid, here->spool.uuid, 16);
    aep__spool_done(&other);
}

static void test_many_who_make_one_at_the_same_time_get_the_same(void **state)
{
    struct here *here = *state;
    enum { PROCESSES = 16 };
    struct aep__spool_settings settings = small_settings();
    char dir[128];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    snprintf(dir, sizeof dir, "%s/new/spool", here->root);
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            struct aep__spool spool;
            bool ok = aep__spool_open(&spool, dir, &settings, &here->err) == AEP_OK;
            _exit(ok && write(ends[1], spool.uuid, 16) == 16 ? 0 : 1);
        }
    char first[16], uuid[16];
    for (int i = 0, status; i < PROCESSES; i++) {
        wait(&status);
        assert_int_equal(status, 0);
        assert_int_equal(read(ends[0], uuid, 16), 16);
        if (i == 0)
            memcpy(first, uuid, 16);
        assert_memory_equal(uuid, first, 16);
    }
    close(ends[0]);
    close(ends[1]);
}

static void test_the_other_mode_is_refused(void **state)
{
    struct here *here = *state;
    struct aep__spool again;
    struct aep__spool_settings settings = small_settings();
    settings.local = true;
    assert_refused(here, here->dir, &settings, "mode=kafka");
    assert_string_equal(here->err.field, "mode");
    assert_int_equal(reopen(here, NULL, &again), AEP_OK); /* a mere reader accepts it as it is */
    aep__spool_done(&again);
}

static void rewrite_identity(const struct here *here, const char *text, size_t len)
{
    unlinkat(here->spool.dir_fd, "spool.id", 0);
    add_to_file(here, "spool.id", text, len);
}

static size_t read_identity(const struct here *here, char text[4096])
{
    int fd = openat(here->spool.dir_fd, "spool.id", O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, text, 4095);
    close(fd);
    assert_true(len > 0);
    text[len] = '\0';
    return (size_t)len;
}

static void test_a_newer_format_is_refused(void **state)
{
    struct here *here = *state;
    struct aep__spool_settings settings = small_settings();
    static const char text[] = "aep-spool 2\nsomething new\n";
    rewrite_identity(here, text, sizeof text - 1);
    assert_refused(here, here->dir, &settings, "newer");
    assert_refused(here, here->dir, NULL, "newer");
}

static void test_a_damaged_identity_is_refused(void **state)
{
    struct here *here = *state;
    struct aep__spool_settings settings = small_settings();
    char text[4096];
    size_t len = read_identity(here, text);
    for (size_t cut = 0; cut < len - 1; cut++) {
        rewrite_identity(here, text, cut);
        assert_refused(here, here->dir, &settings, "damaged");
    }
    for (size_t at = 0; at < len - 1; at++) {
        struct aep__spool spool;
        text[at] ^= 1;
        rewrite_identity(here, text, len);
        assert_int_equal(reopen(here, &settings, &spool), AEP_ESPOOL);
        text[at] ^= 1;
    }
    rewrite_identity(here, "\0\0\0\0", 4);
    assert_refused(here, here->dir, &settings, "damaged");
}

static void test_sizes_out_of_range_are_refused(void **state)
{
    struct here *here = *state;
    static const char *const sizes[][2] = {
        {"0", "65536"},         {"4095", "65536"}, {"4096", "1"}, {"18446744073709551615", "65536"},
        {"4096", "4294967296"}, {"-1", "65536"}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct aep__buf text = {0};
        aep__buf_format(&text,
                        "aep-spool 1\nuuid %s\nsegment_bytes %s\nrecord_bytes %s\nmode kafka\n"
                        "destination \n",
                        here->spool.uuid_text, sizes[i][0], sizes[i][1]);
        aep__buf_format(&text, "crc32c %08x\n", aep__crc32c(0, text.data, text.len));
        rewrite_identity(here, text.data, text.len);
        assert_refused(here, here->dir, NULL, "range");
        aep__buf_done(&text);
    }
}

static void test_a_destination_cannot_add_lines(void **state)
{
    struct here *here = *state;
    struct aep__spool other;
    struct aep__spool_settings settings = small_settings();
    char dir[128];
    settings.destination = "a\nmode local\nsegment_bytes 1\ncrc32c 00000000";
    snprintf(dir, sizeof dir, "%s/other", here->root);
    assert_int_equal(aep__spool_open(&other, dir, &settings, &here->err), AEP_OK);
    assert_false(other.local);
    assert_int_equal(other.segment_bytes, L);
    aep__spool_done(&other);
}

/* ---- the folder ---- */

static void test_a_missing_one_is_made_only_if_asked(void **state)
{
    struct here *here = *state;
    struct aep__spool spool;
    struct aep__spool_settings settings = small_settings();
    char dir[128];
    snprintf(dir, sizeof dir, "%s/missing", here->root);
    assert_refused(here, dir, NULL, "no spool");
    assert_int_equal(access(dir, F_OK), -1);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_refused(here, dir, NULL, "not a spool");
    assert_int_equal(aep__spool_open(&spool, dir, &settings, &here->err), AEP_OK);
    aep__spool_done(&spool);
}

static void test_folder_and_files_are_private_whatever_the_umask(void **state)
{
    struct here *here = *state;
    static const mode_t masks[] = {0, 0077, 0777};
    for (int i = 0; i < 3; i++) {
        struct aep__spool spool;
        struct aep__spool_settings settings = small_settings();
        struct stat st;
        char dir[128];
        snprintf(dir, sizeof dir, "%s/mask%d/spool", here->root, i);
        mode_t old = umask(masks[i]);
        int result = aep__spool_open(&spool, dir, &settings, &here->err);
        umask(old);
        assert_int_equal(result, AEP_OK);
        assert_int_equal(fstat(spool.dir_fd, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(fstatat(spool.dir_fd, "..", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(fstatat(spool.dir_fd, "spool.id", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(fcntl(spool.dir_fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        aep__spool_done(&spool);
    }
}

static void test_a_symbolic_link_is_refused_with_a_slash_behind_it_too(void **state)
{
    struct here *here = *state;
    struct aep__spool_settings settings = small_settings();
    char link[128], slashes[140];
    snprintf(link, sizeof link, "%s/link", here->root);
    snprintf(slashes, sizeof slashes, "%s//", link);
    assert_int_equal(symlink(here->dir, link), 0);
    assert_refused(here, link, &settings, "symbolic link");
    assert_refused(here, slashes, &settings, "symbolic link");
    assert_refused(here, link, NULL, "symbolic link");
}

static void test_slashes_behind_the_path_are_fine(void **state)
{
    struct here *here = *state;
    struct aep__spool again;
    char path[128];
    snprintf(path, sizeof path, "%s///", here->dir);
    assert_int_equal(aep__spool_open(&again, path, NULL, &here->err), AEP_OK);
    assert_string_equal(again.path, here->dir);
    aep__spool_done(&again);
}

static void test_what_is_no_private_folder_of_ours_is_refused(void **state)
{
    struct here *here = *state;
    struct aep__spool_settings settings = small_settings();
    char file[128];
    snprintf(file, sizeof file, "%s/file", here->root);
    close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_refused(here, file, &settings, "not a folder");
    assert_refused(here, "relative/path", &settings, "absolute");
    assert_refused(here, "", &settings, "absolute");
    static const mode_t open_modes[] = {0770, 0707, 0740, 0701};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(chmod(here->dir, open_modes[i]), 0);
        assert_refused(here, here->dir, &settings, "chmod 700");
    }
    assert_int_equal(chmod(here->dir, 0700), 0);
}

static void test_another_users_folder_is_refused(void **state)
{
    struct here *here = *state;
    struct aep__spool_settings settings = small_settings();
    if (geteuid() != 0)
        skip(); /* only root can give folders away */
    assert_int_equal(chown(here->dir, 65534, 65534), 0);
    assert_refused(here, here->dir, &settings, "belongs to user 65534");
    assert_int_equal(aep__spool_check(&here->spool, &here->err), AEP_ESPOOL);
    assert_int_equal(chown(here->dir, 0, 0), 0);
}

static void test_files_that_are_no_files_of_ours_are_refused(void **state)
{
    struct here *here = *state;
    char target[128];
    snprintf(target, sizeof target, "%s/target", here->root);
    close(open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(symlinkat(target, here->spool.dir_fd, "link"), 0);
    assert_int_equal(mkfifoat(here->spool.dir_fd, "fifo", 0600), 0);
    assert_int_equal(aep__spool_openat(&here->spool, "link", O_RDWR, S_IFREG), -1);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(aep__spool_openat(&here->spool, "fifo", O_RDWR, S_IFREG), -1);
    assert_int_equal(errno, EPERM);
    int fd = aep__spool_openat(&here->spool, "fifo", O_RDWR, S_IFIFO);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    close(fd);
    assert_int_equal(unlinkat(here->spool.dir_fd, "spool.id", 0), 0);
    assert_int_equal(symlinkat(target, here->spool.dir_fd, "spool.id"), 0);
    assert_refused(here, here->dir, NULL, "spool.id");
}

static void test_remote_file_systems_are_refused_unless_allowed(void **state)
{
    struct here *here = *state;
    struct aep__spool again;
    struct aep__spool_settings settings = small_settings();
    static const struct {
        long magic;
        const char *name;
    } remote[] = {{0x6969, "nfs"}, {0x65735546, "fuse"}, {0x01021997, "9p"}, {0xff534d42, "cifs"}};
    for (int i = 0; i < 4; i++) {
        pretended_fs = remote[i].magic;
        settings.any_fs = false;
        assert_refused(here, here->dir, &settings, remote[i].name);
        assert_string_equal(here->err.field, "spool.any_fs");
        settings.any_fs = true;
        assert_int_equal(reopen(here, &settings, &again), AEP_OK);
        assert_int_equal(again.fs, AEP__FS_REMOTE);
        aep__spool_done(&again);
    }
    pretended_fs = 0x01021994;
    settings.any_fs = false;
    assert_int_equal(reopen(here, &settings, &again), AEP_OK);
    assert_int_equal(again.fs, AEP__FS_VOLATILE);
    aep__spool_done(&again);
    pretended_fs = 0;
}

static void test_a_small_limit_on_file_sizes_is_refused_to_who_writes(void **state)
{
    struct here *here = *state;
    struct rlimit old, small;
    struct aep__spool again;
    struct aep__spool_settings settings = small_settings();
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = (1 << 30) - 1;
    setrlimit(RLIMIT_FSIZE, &small);
    int writing = reopen(here, &settings, &again);
    int reading = reopen(here, NULL, &again);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(writing, AEP_ESPOOL);
    assert_non_null(strstr(here->err.text, "RLIMIT_FSIZE"));
    assert_int_equal(reading, AEP_OK);
    aep__spool_done(&again);
}

static void test_a_deleted_folder_is_noticed(void **state)
{
    struct here *here = *state;
    assert_false(aep__spool_deleted(&here->spool));
    assert_int_equal(aep__spool_check(&here->spool, &here->err), AEP_OK);
    assert_int_equal(nftw(here->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    assert_true(aep__spool_deleted(&here->spool));
    assert_int_equal(aep__spool_check(&here->spool, &here->err), AEP_ESPOOL);
    assert_non_null(strstr(here->err.text, "deleted"));
}

/* ---- files that appear whole ---- */

static void test_a_file_appears_whole_and_once(void **state)
{
    struct here *here = *state;
    assert_int_equal(aep__spool_create(&here->spool, "file", "first", 5, 100), 0);
    assert_int_equal(size_of(here, "file"), 100);
    assert_int_equal(aep__spool_create(&here->spool, "file", "second time", 11, 0), 0);
    assert_int_equal(size_of(here, "file"), 100);
    assert_int_equal(aep__spool_create_unsynced(&here->spool, "other", "first", 5, 0), 0);
    assert_int_equal(size_of(here, "other"), 5);
    char text[5];
    int fd = aep__spool_openat(&here->spool, "file", O_RDONLY, S_IFREG);
    assert_int_equal(read(fd, text, 5), 5);
    close(fd);
    assert_memory_equal(text, "first", 5);
}

static void test_files_are_reached_through_the_folder_however_long_its_path(void **state)
{
    struct here *here = *state;
    char dir[400], path[64];
    struct aep__spool other;
    struct aep__spool_settings settings = small_settings();
    snprintf(dir, sizeof dir, "%s/%0120d/%0120d", here->root, 1, 2);
    assert_int_equal(aep__spool_open(&other, dir, &settings, &here->err), AEP_OK);
    aep__spool_fd_path(&other, "spool.id", path, sizeof path);
    assert_int_equal(access(path, R_OK), 0);
    aep__spool_done(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE_TEST(test_a_spool_remembers_what_it_was_made_with),
        HERE_TEST(test_two_spools_are_two),
        HERE_TEST(test_many_who_make_one_at_the_same_time_get_the_same),
        HERE_TEST(test_the_other_mode_is_refused),
        HERE_TEST(test_a_newer_format_is_refused),
        HERE_TEST(test_a_damaged_identity_is_refused),
        HERE_TEST(test_sizes_out_of_range_are_refused),
        HERE_TEST(test_a_destination_cannot_add_lines),
        HERE_TEST(test_a_missing_one_is_made_only_if_asked),
        HERE_TEST(test_folder_and_files_are_private_whatever_the_umask),
        HERE_TEST(test_a_symbolic_link_is_refused_with_a_slash_behind_it_too),
        HERE_TEST(test_slashes_behind_the_path_are_fine),
        HERE_TEST(test_what_is_no_private_folder_of_ours_is_refused),
        HERE_TEST(test_another_users_folder_is_refused),
        HERE_TEST(test_files_that_are_no_files_of_ours_are_refused),
        HERE_TEST(test_remote_file_systems_are_refused_unless_allowed),
        HERE_TEST(test_a_small_limit_on_file_sizes_is_refused_to_who_writes),
        HERE_TEST(test_a_deleted_folder_is_noticed),
        HERE_TEST(test_a_file_appears_whole_and_once),
        HERE_TEST(test_files_are_reached_through_the_folder_however_long_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
