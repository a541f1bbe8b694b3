/* SPDX-License-Identifier: Apache-2.0 */
#include "disk_bench.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static struct disk_bench b;
static char error[256];

/* How many entries of a directory can be read; more is a bad sector. */
static unsigned readable = UINT_MAX;

struct dirent *
readdir(DIR *d)
{
    struct dirent *(*real)(DIR *);
    void *symbol = dlsym(RTLD_NEXT, "readdir");

    if (readable == 0) {
        errno = EIO;
        return NULL;
    }
    readable--;
    memcpy(&real, &symbol, sizeof(real));
    return real(d);
}

static int
set_up(void **state)
{
    (void)state;
    readable = UINT_MAX;
    error[0] = '\0';
    disk_make_dir(&b);
    return 0;
}

static int
clean_up(void **state)
{
    (void)state;
    disk_remove_dir(&b);
    return 0;
}

static void
open_spool(void)
{
    b.spool = sr_spool_open(b.path, error, sizeof(error));
    if (b.spool == NULL) {
        fail_msg("%s", error);
    }
}

static void
make_segment(uint64_t number, const char *text)
{
    int fd = sr_spool_create(b.spool, number);

    assert_true(fd >= 0);
    assert_int_equal(sr_spool_write(fd, span_of(text), 0), 0);
    (void)close(fd);
}

static void
a_missing_directory_is_made_for_its_owner_only(void **state)
{
    char path[128];
    struct stat st;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/new", b.path);
    struct sr_spool *spool = sr_spool_open(path, error, sizeof(error));
    assert_non_null(spool);
    assert_string_equal(sr_spool_path(spool), path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    sr_spool_close(spool);
    (void)snprintf(path, sizeof(path), "%s/two/parts", b.path);
    assert_null(sr_spool_open(path, error, sizeof(error)));
    assert_non_null(strstr(error, "queue.dir"));
}

static void
a_second_process_is_kept_out_until_the_first_ends(void **state)
{
    (void)state;
    open_spool();
    assert_null(sr_spool_open(b.path, error, sizeof(error)));
    assert_non_null(strstr(error, "another process"));
    struct sr_spool *look = sr_spool_look(b.path);
    assert_non_null(look); /* who only looks needs no lock, and leaves the one that is held */
    sr_spool_close(look);
    assert_null(sr_spool_open(b.path, error, sizeof(error)));
    sr_spool_close(b.spool);
    open_spool();
    sr_spool_close(b.spool);
}

static void
what_is_no_directory_is_refused_with_what_to_do(void **state)
{
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/file", b.path);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    (void)fclose(f);
    assert_null(sr_spool_open(path, error, sizeof(error)));
    assert_non_null(strstr(error, "Not a directory"));
    assert_non_null(strstr(error, "queue.durability"));
    assert_null(sr_spool_look(path));
    (void)snprintf(path, sizeof(path), "%s/link", b.path);
    assert_int_equal(symlink("/nowhere", path), 0);
    assert_null(sr_spool_open(path, error, sizeof(error)));
}

/* In a process of another user, which root may become: 0 when the directory is refused. */
static void
a_directory_of_another_user_is_refused(void **state)
{
    int status = -1;

    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    for (mode_t mode = 0700; mode <= 0755; mode += 055) {
        assert_int_equal(chmod(b.path, mode), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            bool refused = setuid(NOBODY) == 0 &&
                           sr_spool_open(b.path, error, sizeof(error)) == NULL &&
                           strstr(error, "Permission denied") != NULL;
            _exit(refused ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

static void
segments_are_listed_by_number_and_other_files_are_not(void **state)
{
    static const uint64_t numbers[] = { 0x1f, 2, UINT64_MAX, 0xabcdef };
    static const char *const strange[] = { "counters", "1.seg", "000000000000000A.seg",
        "0000000000000001.corrupt", "0000000000000001.seg~", "00000000000000001.seg",
        "000000000000000g.seg", "x000000000000001.seg" };
    uint64_t found[16];
    char path[128];

    (void)state;
    open_spool();
    assert_int_equal(disk_list(&b, found, 16), 0);
    for (size_t i = 0; i < 4; i++) {
        make_segment(numbers[i], "x");
    }
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", b.path, strange[i]);
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        (void)fclose(f);
    }
    assert_int_equal(disk_list(&b, found, 16), 4);
    assert_true(found[0] == 2 && found[1] == 0x1f && found[2] == 0xabcdef);
    assert_true(found[3] == UINT64_MAX);
    sr_spool_close(b.spool);
}

static void
hundreds_of_segments_are_listed(void **state)
{
    uint64_t found[300];

    (void)state;
    open_spool();
    for (uint64_t i = 300; i > 0; i--) {
        make_segment(i, "x");
    }
    assert_int_equal(disk_list(&b, found, 300), 300);
    for (uint64_t i = 0; i < 300; i++) {
        assert_int_equal(found[i], i + 1);
    }
    sr_spool_close(b.spool);
}

/* Else what is not listed counts as lost and its numbers are given out again. */
static void
a_directory_that_cannot_be_read_to_its_end_is_no_list(void **state)
{
    size_t count;

    (void)state;
    open_spool();
    for (uint64_t i = 1; i < 10; i++) {
        make_segment(i, "x");
    }
    readable = 5;
    assert_null(sr_spool_list(b.spool, &count));
    assert_int_equal(errno, EIO);
    sr_spool_close(b.spool);
    readable = UINT_MAX;
}

static void
a_segment_is_made_once_read_back_and_removed(void **state)
{
    uint8_t bytes[16] = { 0 };
    struct stat st;
    char path[128];

    (void)state;
    open_spool();
    make_segment(7, "seven");
    assert_int_equal(sr_spool_create(b.spool, 7), -1);
    assert_int_equal(errno, EEXIST);
    int fd = sr_spool_reopen(b.spool, 7);
    assert_int_equal(sr_spool_write(fd, span_of("E"), 1), 0);
    assert_int_equal(sr_spool_read(fd, bytes, sizeof(bytes)), 5);
    assert_memory_equal(bytes, "sEven", 5);
    assert_int_equal(sr_spool_read(fd, bytes, 3), 3);
    (void)close(fd);
    (void)snprintf(path, sizeof(path), "%s/0000000000000007.seg", b.path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(sr_spool_sync(b.spool, 7), 0);
    assert_int_equal(sr_spool_sync_dir(b.spool), 0);
    assert_int_equal(sr_spool_remove(b.spool, 7), 0);
    assert_int_equal(sr_spool_remove(b.spool, 7), 0); /* a missing one is fine */
    assert_int_equal(sr_spool_sync(b.spool, 7), 0);
    assert_int_equal(sr_spool_reopen(b.spool, 7), -1);
    assert_int_equal(errno, ENOENT);
    sr_spool_close(b.spool);
}

static void
a_link_is_not_followed(void **state)
{
    char path[128];

    (void)state;
    open_spool();
    (void)snprintf(path, sizeof(path), "%s/0000000000000007.seg", b.path);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_int_equal(sr_spool_reopen(b.spool, 7), -1);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(sr_spool_create(b.spool, 7), -1);
    sr_spool_close(b.spool);
}

static void
what_is_set_aside_is_kept_and_no_segment(void **state)
{
    uint64_t found[4];

    (void)state;
    open_spool();
    make_segment(7, "seven");
    assert_int_equal(sr_spool_set_aside(b.spool, 7), 0);
    assert_int_equal(disk_list(&b, found, 4), 0);
    assert_int_equal(disk_files(&b, "0000000000000007.corrupt"), 1);
    assert_int_equal(sr_spool_set_aside(b.spool, 7), ENOENT);
    sr_spool_close(b.spool);
}

static void
a_probe_leaves_nothing_behind(void **state)
{
    (void)state;
    open_spool();
    assert_int_equal(sr_spool_probe(b.spool, 100000), 0);
    assert_int_equal(disk_files(&b, ""), 0);
    sr_spool_close(b.spool);
}

static void
a_probe_says_what_the_disk_says(void **state)
{
    (void)state;
    open_spool();
    assert_int_equal(rmdir(b.path), 0); /* under its feet */
    assert_int_equal(sr_spool_probe(b.spool, 1), ENOENT);
    sr_spool_close(b.spool);
    assert_int_equal(mkdir(b.path, 0700), 0);
}

static void
errors_have_a_word_and_an_advice(void **state)
{
    (void)state;
    assert_string_equal(sr_spool_reason(ENOSPC), "disk_full");
    assert_string_equal(sr_spool_reason(EDQUOT), "disk_full");
    assert_string_equal(sr_spool_reason(EROFS), "disk_read_only");
    assert_string_equal(sr_spool_reason(EIO), "disk_error");
    assert_non_null(strstr(sr_spool_advice(ENOSPC), "free space"));
    assert_non_null(strstr(sr_spool_advice(EACCES), "user"));
    assert_non_null(strstr(sr_spool_advice(ENOENT), "removed"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)
    const struct CMUnitTest tests[] = {
        TEST(a_missing_directory_is_made_for_its_owner_only),
        TEST(a_second_process_is_kept_out_until_the_first_ends),
        TEST(what_is_no_directory_is_refused_with_what_to_do),
        TEST(a_directory_of_another_user_is_refused),
        TEST(segments_are_listed_by_number_and_other_files_are_not),
        TEST(hundreds_of_segments_are_listed),
        TEST(a_directory_that_cannot_be_read_to_its_end_is_no_list),
        TEST(a_segment_is_made_once_read_back_and_removed),
        TEST(a_link_is_not_followed),
        TEST(what_is_set_aside_is_kept_and_no_segment),
        TEST(a_probe_leaves_nothing_behind),
        TEST(a_probe_says_what_the_disk_says),
        TEST(errors_have_a_word_and_an_advice),
    };
    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
