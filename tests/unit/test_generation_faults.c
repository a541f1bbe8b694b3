/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enroll/history.h"
#include "generation_host.h"

/* One swap to be disturbed. It gets a host on which it has work to do. */
struct scene {
    void (*prepare)(const struct host *host);
    bool (*act)(const struct host *host, const struct file_ops *ops, struct trouble *ret_trouble);
};

/* The first generation replaces what a package brought; then an operator changes something. */
static void
prepare_apply(const struct host *host)
{
    const struct generation_file files[] = {
        host_file("etc/serviceradar/creds/nats.creds", "creds 1"),
        host_file("etc/serviceradar/trapd.json", "trapd 1"),
        host_file("etc/serviceradar/old.json", "old 1"),
    };
    struct trouble trouble;

    host_folder(host, "etc/serviceradar");
    host_write(host, "etc/serviceradar/trapd.json", "as packaged", 0644);
    host_write(host, "etc/serviceradar/other.json", "of nobody's business", 0600);
    fault_set(FAULT_NONE, 0, 0);
    assert_true(host_apply(host, &fault_ops, files, 3, 1000, &trouble));
    host_write(host, "etc/serviceradar/trapd.json", "trapd 1, edited", 0644);
}

/* Replaces one, replaces an edited one, removes one, makes one in a folder of its own. */
static bool
act_apply(const struct host *host, const struct file_ops *ops, struct trouble *ret_trouble)
{
    const struct generation_file files[] = {
        host_file("etc/serviceradar/creds/nats.creds", "creds 2"),
        host_file("etc/serviceradar/trapd.json", "trapd 2"),
        host_file("etc/serviceradar/old.json", NULL),
        host_file("srv/new/folder/netflow.json", "netflow 2"),
    };

    return host_apply(host, ops, files, 4, 2000, ret_trouble);
}

static void
prepare_rollback(const struct host *host)
{
    struct trouble trouble;

    prepare_apply(host);
    assert_true(act_apply(host, &fault_ops, &trouble));
    host_write(host, "srv/new/folder/netflow.json", "edited again", 0600);
}

static bool
act_rollback(const struct host *host, const struct file_ops *ops, struct trouble *ret_trouble)
{
    struct generations_options where = { .root = host->root, .ops = ops };
    struct generation_options options = { .time = 3000 };
    struct generation_report report;
    struct generations *g;

    if (!generations_open(&where, &g, ret_trouble)) {
        return false;
    }
    bool ok = generation_rollback(g, &options, &report, ret_trouble);
    generations_close(g);
    return ok;
}

static const struct scene scenes[] = {
    { prepare_apply, act_apply },
    { prepare_rollback, act_rollback },
};
#define SCENES (sizeof(scenes) / sizeof(scenes[0]))

/* What a scene's host looks like before and after, when nothing disturbs it. */
struct pictures {
    char *old, *new;
    char *old_files; /* without the generations */
    unsigned calls;  /* that the act makes */
};

static void
take_pictures(const struct scene *scene, struct pictures *p)
{
    struct host host;
    struct trouble trouble;

    host_make(&host);
    scene->prepare(&host);
    p->old = host_picture(&host, NULL);
    p->old_files = host_picture(&host, HISTORY_FOLDER);
    fault_set(FAULT_NONE, 0, 0);
    assert_true(scene->act(&host, &fault_ops, &trouble));
    p->calls = fault_calls();
    p->new = host_picture(&host, NULL);
    assert_string_not_equal(p->old, p->new);
    host_remove(&host);
}

static void
free_pictures(struct pictures *p)
{
    free(p->old);
    free(p->old_files);
    free(p->new);
}

/* Lets a child do it, which ends before its change number `at`. Whether it got that far. */
static bool
act_and_end(const struct scene *scene, const struct host *host, unsigned at)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        struct trouble trouble;
        fault_set(FAULT_STOP, at, 0);
        _exit(scene->act(host, &fault_ops, &trouble) ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == FAULT_EXIT || WEXITSTATUS(status) == 0);
    return WEXITSTATUS(status) == FAULT_EXIT;
}

/*
 * The next start; then whether everything is new. Fails the test when it is neither. A host where
 * everything is old is used again: that it can be is one thing more that is claimed.
 */
static bool
is_new_after_start(const struct scene *scene, struct host *host, const struct pictures *p)
{
    fault_set(FAULT_NONE, 0, 0);
    generations_close(host_open(host, &fault_ops));
    char *now = host_picture(host, NULL);
    bool is_new = strcmp(now, p->new) == 0;
    if (is_new) {
        host_remove(host);
        host_make(host);
        scene->prepare(host);
    } else {
        assert_string_equal(now, p->old);
    }
    free(now);
    return is_new;
}

static void
a_crash_before_any_change_leaves_all_old_or_all_new(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCENES; i++) {
        struct pictures p;
        struct host host;
        unsigned at = 1, changes = 0;
        bool ended = true, was_new = false;
        take_pictures(&scenes[i], &p);
        host_make(&host);
        scenes[i].prepare(&host);
        for (; ended; at++) {
            ended = act_and_end(&scenes[i], &host, at);
            bool is_new = is_new_after_start(&scenes[i], &host, &p);
            changes += is_new != was_new ? 1 : 0;
            was_new = is_new;
        }
        host_remove(&host);
        assert_true(was_new);
        assert_int_equal(changes, 1);     /* there is one moment that decides */
        assert_in_range(at, 50, p.calls); /* it did not end for another reason */
        free_pictures(&p);
    }
}

static bool
act_open(const struct host *host, const struct file_ops *ops, struct trouble *ret_trouble)
{
    struct generations_options where = { .root = host->root, .ops = ops };
    struct generations *g;

    if (!generations_open(&where, &g, ret_trouble)) {
        return false;
    }
    generations_close(g);
    return true;
}

/* The start after a crash is itself ended, a little later each time, until one comes through. */
static void
a_start_that_crashes_too_is_made_good_by_the_next(void **state)
{
    const struct scene start = { NULL, act_open };

    (void)state;
    for (size_t i = 0; i < SCENES; i++) {
        struct pictures p;
        struct host host;
        take_pictures(&scenes[i], &p);
        host_make(&host);
        scenes[i].prepare(&host);
        for (unsigned at = 1; act_and_end(&scenes[i], &host, at); at += 11) {
            /* Each start takes long: one in five, and others each time. */
            for (unsigned then = 1 + at % 5; act_and_end(&start, &host, then); then += 5) {
            }
            (void)is_new_after_start(&scenes[i], &host, &p);
        }
        host_remove(&host);
        free_pictures(&p);
    }
}

static unsigned
open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count;
}

static const int errors[] = { ENOSPC, EACCES, EIO };

static void
check_told(const struct trouble *trouble)
{
    assert_true(trouble->cause[0] != '\0' && trouble->remedy[0] != '\0');
    assert_null(strchr(trouble->cause, '\n'));
}

/* The loop of a developer takes every third call; the run under AddressSanitizer takes all. */
#if defined(__SANITIZE_ADDRESS__)
#define ERROR_STEP 1U
#else
#define ERROR_STEP 3U
#endif

static void
an_error_at_any_call_leaves_the_host_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCENES; i++) {
        struct pictures p;
        struct host host;
        take_pictures(&scenes[i], &p);
        host_make(&host);
        scenes[i].prepare(&host);
        unsigned descriptors = open_descriptors();
        for (unsigned at = 1; at <= p.calls; at += ERROR_STEP) {
            struct trouble trouble = { .cause = "" };
            fault_set(FAULT_ONCE, at, errors[at / ERROR_STEP % 3]);
            bool ok = scenes[i].act(&host, &fault_ops, &trouble);
            if (!ok) {
                char *after = host_picture(&host, HISTORY_FOLDER);
                assert_string_equal(after, p.old_files);
                free(after);
                check_told(&trouble);
            }
            assert_int_equal(is_new_after_start(&scenes[i], &host, &p), ok);
            assert_int_equal(open_descriptors(), descriptors);
        }
        host_remove(&host);
        free_pictures(&p);
    }
}

static void
a_disk_that_fails_from_some_call_on_is_put_right_at_the_next_start(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCENES; i++) {
        struct pictures p;
        struct host host;
        take_pictures(&scenes[i], &p);
        host_make(&host);
        scenes[i].prepare(&host);
        unsigned descriptors = open_descriptors();
        for (unsigned at = 1; at <= p.calls; at += 3) {
            struct trouble trouble = { .cause = "" };
            fault_set(FAULT_FOREVER, at, errors[at / 3 % 3]);
            bool ok = scenes[i].act(&host, &fault_ops, &trouble);
            if (!ok) {
                check_told(&trouble);
            }
            bool is_new = is_new_after_start(&scenes[i], &host, &p);
            assert_true(is_new || !ok);
            assert_int_equal(open_descriptors(), descriptors);
        }
        host_remove(&host);
        free_pictures(&p);
    }
}

/* ---- What is on the disk when ---- */

/* Files and folders that were changed and not synced since. */
static struct {
    size_t count;
    ino_t items[64];
    ino_t lock; /* whose content need not outlive the system */
    unsigned puts, commits, removals;
} dirty;

static ino_t
inode_of(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

static void
soil(int fd)
{
    assert_true(dirty.count < sizeof(dirty.items) / sizeof(dirty.items[0]));
    ino_t inode = inode_of(fd);
    if (inode != dirty.lock) {
        dirty.items[dirty.count++] = inode;
    }
}

static int
disk_fsync(int fd)
{
    ino_t inode = inode_of(fd);
    size_t left = 0;

    for (size_t i = 0; i < dirty.count; i++) {
        if (dirty.items[i] != inode) {
            dirty.items[left++] = dirty.items[i];
        }
    }
    dirty.count = left;
    return 0;
}

static int
disk_flock(int fd, int operation)
{
    dirty.lock = inode_of(fd);
    return file_ops_system.flock(fd, operation);
}

static ssize_t
disk_write(int fd, const void *bytes, size_t len)
{
    soil(fd);
    return write(fd, bytes, len);
}

static int
disk_fchmod(int fd, mode_t mode)
{
    soil(fd);
    return fchmod(fd, mode);
}

static int
disk_mkdir(int dir, const char *name, mode_t mode)
{
    int result = mkdirat(dir, name, mode);

    if (result == 0) {
        soil(dir);
    }
    return result;
}

static int
disk_link(int from_dir, const char *from, int dir, const char *name, int flags)
{
    soil(dir);
    return linkat(from_dir, from, dir, name, flags);
}

static int
disk_rename(int from_dir, const char *from, int dir, const char *name)
{
    if (strstr(from, ".sr-new") != NULL) {
        dirty.puts++;
        assert_int_equal(dirty.count, 0);
    }
    if (strcmp(name, "journal.done") == 0) {
        dirty.commits++;
        assert_int_equal(dirty.count, 0);
    }
    if (strstr(from, ".sr-old") != NULL) {
        dirty.removals++;
        assert_int_equal(dirty.count, 0);
    }
    soil(dir);
    return renameat(from_dir, from, dir, name);
}

static int
disk_unlink(int dir, const char *name, int flags)
{
    int result = unlinkat(dir, name, flags);

    if (result == 0) {
        soil(dir);
        if (strcmp(name, "journal.done") == 0) {
            dirty.removals++;
            assert_int_equal(dirty.count, 1); /* this one */
        }
    }
    return result;
}

static void
each_step_is_on_the_disk_before_the_next_relies_on_it(void **state)
{
    struct file_ops ops = file_ops_system;
    struct trouble trouble;
    struct host host;

    (void)state;
    ops.fsync = disk_fsync;
    ops.write = disk_write;
    ops.flock = disk_flock;
    ops.fchmod = disk_fchmod;
    ops.mkdir = disk_mkdir;
    ops.link = disk_link;
    ops.rename = disk_rename;
    ops.unlink = disk_unlink;
    host_make(&host);
    prepare_apply(&host);
    memset(&dirty, 0, sizeof(dirty));
    assert_true(act_apply(&host, &ops, &trouble));
    assert_int_equal(dirty.puts, 3);
    assert_int_equal(dirty.commits, 1);
    assert_int_equal(dirty.removals, 2);
    assert_int_equal(dirty.count, 0);
    host_remove(&host);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_before_any_change_leaves_all_old_or_all_new),
        cmocka_unit_test(a_start_that_crashes_too_is_made_good_by_the_next),
        cmocka_unit_test(an_error_at_any_call_leaves_the_host_as_it_was),
        cmocka_unit_test(a_disk_that_fails_from_some_call_on_is_put_right_at_the_next_start),
        cmocka_unit_test(each_step_is_on_the_disk_before_the_next_relies_on_it),
    };
    return cmocka_run_group_tests_name("generation_faults", tests, NULL, NULL);
}
