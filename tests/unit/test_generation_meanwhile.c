/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enroll/history.h"
#include "generation_host.h"

/* What others do to the host between two calls. */
static struct host host;

static int
make(void **state)
{
    (void)state;
    host_make(&host);
    host_folder(&host, "etc");
    return 0;
}

static int
unmake(void **state)
{
    (void)state;
    host_remove(&host);
    return 0;
}

static bool
apply(const struct file_ops *ops, const char *text, uint64_t time, struct trouble *ret_trouble)
{
    const struct generation_file file = host_file("etc/a", text);

    return host_apply(&host, ops, &file, 1, time, ret_trouble);
}

static void
assert_text(const char *path, const char *text)
{
    char *now = host_read(&host, path);

    assert_non_null(now);
    assert_string_equal(now, text);
    free(now);
}

static int
editing_link(int from_dir, const char *from, int dir, const char *name, int flags)
{
    host_write(&host, "etc/a", "edited", 0640);
    return linkat(from_dir, from, dir, name, flags);
}

static void
a_file_that_changes_under_our_hands_is_left_alone(void **state)
{
    struct file_ops ops = file_ops_system;
    struct trouble trouble;

    (void)state;
    assert_true(apply(NULL, "1", 1000, &trouble));
    ops.link = editing_link;
    assert_false(apply(&ops, "2", 2000, &trouble));
    assert_int_equal(trouble.error, EAGAIN);
    assert_text("etc/a", "edited");
}

/* Before the swap is decided, somebody puts a file of his own there; then the disk fails. */
static int
editing_rename(int from_dir, const char *from, int dir, const char *name)
{
    if (strcmp(name, "journal.done") == 0) {
        host_write(&host, "etc/a", "edited", 0640);
        errno = EIO;
        return -1;
    }
    return renameat(from_dir, from, dir, name);
}

static void
going_back_takes_away_only_what_the_swap_put_there(void **state)
{
    struct file_ops ops = file_ops_system;
    struct trouble trouble;

    (void)state;
    ops.rename = editing_rename;
    assert_false(apply(&ops, "1", 1000, &trouble));
    assert_int_equal(trouble.error, EIO);
    assert_text("etc/a", "edited");
}

static int
no_unlink(int dir, const char *name, int flags)
{
    if (strncmp(name, "after.", 6) == 0 && faccessat(dir, name, F_OK, 0) == 0) {
        errno = EIO;
        return -1;
    }
    return unlinkat(dir, name, flags);
}

static size_t
count_listed(void)
{
    struct generations_options options = { .root = host.root, .read_only = true };
    struct generation_list list;
    struct generations *g;
    struct trouble trouble;

    assert_true(generations_open(&options, &g, &trouble));
    assert_true(generation_list(g, &list, &trouble));
    size_t count = list.count;
    generation_list_free(&list);
    generations_close(g);
    return count;
}

static void
a_generation_that_is_half_removed_is_none(void **state)
{
    struct file_ops ops = file_ops_system;
    struct trouble trouble;

    (void)state;
    for (unsigned i = 0; i < GENERATIONS_KEPT; i++) {
        char text[8];
        (void)snprintf(text, sizeof(text), "%u", i);
        assert_true(apply(NULL, text, 1000, &trouble));
    }
    ops.unlink = no_unlink;
    assert_true(apply(&ops, "one more", 2000, &trouble));
    assert_text(HISTORY_FOLDER "/gen-1/after.0", "0");
    assert_int_equal(count_listed(), GENERATIONS_KEPT);
    generations_close(host_open(&host, NULL)); /* which sweeps */
    char *gone = host_read(&host, HISTORY_FOLDER "/gen-1/after.0");
    assert_null(gone);
}

static void
the_folder_of_the_state_is_closed_again(void **state)
{
    char path[128];

    (void)state;
    generations_close(host_open(&host, NULL));
    (void)snprintf(path, sizeof(path), "%s/" HISTORY_FOLDER, host.root);
    assert_int_equal(chmod(path, 0755), 0);
    generations_close(host_open(&host, NULL));
    assert_int_equal(host_mode(&host, HISTORY_FOLDER), 0700);
}

static void
a_folder_of_the_state_that_is_somebody_elses_is_refused(void **state)
{
    struct generations_options options = { .root = host.root };
    struct generations *g = NULL;
    struct trouble trouble;
    char path[128];

    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    generations_close(host_open(&host, NULL));
    (void)snprintf(path, sizeof(path), "%s/" HISTORY_FOLDER, host.root);
    assert_int_equal(chown(path, 4001, 4001), 0);
    assert_false(generations_open(&options, &g, &trouble));
    assert_non_null(strstr(trouble.cause, "user 4001"));
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_file_that_changes_under_our_hands_is_left_alone),
        CLAIM(going_back_takes_away_only_what_the_swap_put_there),
        CLAIM(a_generation_that_is_half_removed_is_none),
        CLAIM(the_folder_of_the_state_is_closed_again),
        CLAIM(a_folder_of_the_state_that_is_somebody_elses_is_refused),
    };
    return cmocka_run_group_tests_name("generation_meanwhile", tests, NULL, NULL);
}
