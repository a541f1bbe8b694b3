/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sr/counters.h"

#define BOOT "11111111-2222-3333-4444-555555555555"
#define OTHER_BOOT "99999999-2222-3333-4444-555555555555"
#define VALUES 500U
#define NAMES 3U
#define RAW 100U

static const struct sr_counters_layout layout[] = {
    { .name = "udp://[::]:514 worker 0", .values = VALUES, .names = NAMES, .raw = RAW },
    { .name = "sink", .values = 2 },
    { .name = "nothing" },
};

static char dir_path[64];
static int dir;
static struct sigaction guarding; /* what the module installs; cmocka puts its own over it */

static int
make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir_path, sizeof(dir_path), "/tmp/test_counters.XXXXXX");
    if (mkdtemp(dir_path) == NULL) {
        return -1;
    }
    dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? -1 : 0;
}

static int
remove_dir(void **state)
{
    (void)state;
    (void)unlinkat(dir, SR_COUNTERS_FILE, 0);
    (void)unlinkat(dir, "counters.new", 0);
    (void)close(dir);
    return rmdir(dir_path);
}

static struct sr_counters *
new_counters(void)
{
    char error[256] = "";
    struct sr_counters *c = sr_counters_new(dir, BOOT, layout, 3, error, sizeof(error));

    assert_string_equal(error, "");
    assert_non_null(c);
    return c;
}

static struct sr_counters_kept *
read_as(const char *boot_id, enum sr_counters_trust trust)
{
    const char *why = "";
    struct sr_counters_kept *kept = sr_counters_read(dir, boot_id, &why);

    assert_non_null(kept);
    assert_int_equal(sr_counters_trust(kept), trust);
    if (trust != SR_COUNTERS_NONE) {
        assert_null(why);
    }
    return kept;
}

static void
commit_all(struct sr_counters_slot *slot, uint64_t value)
{
    uint64_t *values = sr_counters_begin(slot);

    for (unsigned i = 0; i < VALUES; i++) {
        values[i] = value;
    }
    sr_counters_commit(slot);
}

/* All values of the first slot, which are the same; fails when they are not of one moment. */
static uint64_t
value_of(const struct sr_counters_kept *kept)
{
    struct sr_counters_values v;

    assert_true(sr_counters_find(kept, layout[0].name, &v));
    assert_int_equal(v.count, VALUES);
    for (unsigned i = 1; i < VALUES; i++) {
        assert_int_equal(v.values[i], v.values[0]);
    }
    return v.values[0];
}

static uint64_t
kept_value(enum sr_counters_trust trust)
{
    struct sr_counters_kept *kept = read_as(BOOT, trust);
    uint64_t value = value_of(kept);

    sr_counters_kept_free(kept);
    return value;
}

/* The file as it is now; owned. */
static uint8_t *
load_file(size_t *ret_size)
{
    int fd = openat(dir, SR_COUNTERS_FILE, O_RDONLY | O_CLOEXEC);
    struct stat st;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    uint8_t *bytes = malloc((size_t)st.st_size);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    (void)close(fd);
    *ret_size = (size_t)st.st_size;
    return bytes;
}

static void
store_file(const uint8_t *bytes, size_t size)
{
    int fd = openat(dir, SR_COUNTERS_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    (void)close(fd);
}

static void
cut_file(off_t size)
{
    int fd = openat(dir, SR_COUNTERS_FILE, O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, size), 0);
    (void)close(fd);
}

/* Makes a file with names, raw bytes and a committed 7, as a killed process leaves it. */
static void
leave_file(void)
{
    struct sr_counters *c = new_counters();
    struct sr_counters_slot *slot = sr_counters_slot(c, 0);

    sr_counters_name(slot, 0, "queue_full");
    memset(sr_counters_raw(slot), 0xab, RAW);
    commit_all(slot, 7);
    assert_true(sr_counters_publish(c));
    sr_counters_free(c, false);
}

/* ---- What is kept ---- */

static void
no_file_is_none_and_no_fault(void **state)
{
    const char *why = "";
    struct sr_counters_kept *kept = sr_counters_read(dir, BOOT, &why);
    struct sr_counters_values v;

    (void)state;
    assert_int_equal(sr_counters_trust(kept), SR_COUNTERS_NONE);
    assert_null(why);
    assert_false(sr_counters_find(kept, "sink", &v));
    assert_null(sr_counters_kept_name(kept, 0));
    sr_counters_kept_free(kept);
    sr_counters_kept_free(NULL);
}

static void
names_raw_bytes_and_values_are_found_by_slot(void **state)
{
    struct sr_counters *c = new_counters();
    struct sr_counters_slot *slot = sr_counters_slot(c, 0);
    char long_name[100];
    struct sr_counters_values v;

    (void)state;
    memset(long_name, 'x', sizeof(long_name));
    long_name[99] = '\0';
    assert_false(sr_counters_is_named(slot, 1));
    sr_counters_name(slot, 0, "queue_full");
    sr_counters_name(slot, 1, long_name);
    sr_counters_name(slot, NAMES, "one too many");
    assert_true(sr_counters_is_named(slot, 1));
    assert_false(sr_counters_is_named(slot, NAMES));
    assert_int_equal((uintptr_t)sr_counters_raw(slot) % 64, 0);
    memset(sr_counters_raw(slot), 0xab, RAW);
    commit_all(slot, 5);
    uint64_t *sink = sr_counters_begin(sr_counters_slot(c, 1));
    sink[0] = 1;
    sink[1] = UINT64_MAX;
    sr_counters_commit(sr_counters_slot(c, 1));
    assert_true(sr_counters_publish(c));
    sr_counters_free(c, false);

    struct sr_counters_kept *kept = read_as(BOOT, SR_COUNTERS_EXACT);
    assert_int_equal(value_of(kept), 5);
    assert_true(sr_counters_find(kept, layout[0].name, &v));
    assert_int_equal(v.name_count, NAMES);
    assert_string_equal(v.names[0], "queue_full");
    assert_int_equal(strlen(v.names[1]), SR_COUNTERS_NAME_MAX - 1);
    assert_string_equal(v.names[2], "");
    assert_int_equal(v.raw_len, RAW);
    assert_int_equal(v.raw[0], 0xab);
    assert_int_equal(v.raw[RAW - 1], 0xab);
    assert_true(sr_counters_find(kept, "sink", &v));
    assert_int_equal(v.count, 2);
    assert_true(v.values[0] == 1 && v.values[1] == UINT64_MAX);
    assert_true(sr_counters_find(kept, "nothing", &v));
    assert_int_equal(v.count + v.name_count + v.raw_len, 0);
    assert_false(sr_counters_find(kept, "sin", &v));
    assert_string_equal(sr_counters_kept_name(kept, 2), "nothing");
    assert_null(sr_counters_kept_name(kept, 3));
    sr_counters_kept_free(kept);
}

static void
values_count_only_once_they_are_committed(void **state)
{
    struct sr_counters *c = new_counters();
    struct sr_counters_slot *slot = sr_counters_slot(c, 0);

    (void)state;
    assert_true(sr_counters_publish(c));
    assert_int_equal(kept_value(SR_COUNTERS_EXACT), 0);
    for (uint64_t value = 1; value < 6; value++) {
        uint64_t *values = sr_counters_begin(slot);
        for (unsigned i = 0; i < VALUES; i++) {
            if (i % 50 == 1) {
                assert_int_equal(kept_value(SR_COUNTERS_EXACT), value - 1);
            }
            values[i] = value;
        }
        sr_counters_commit(slot);
        assert_int_equal(kept_value(SR_COUNTERS_EXACT), value);
    }
    sr_counters_free(c, false);
}

static void
the_last_file_stays_until_the_new_one_is_published(void **state)
{
    (void)state;
    leave_file();
    struct sr_counters *c = new_counters();
    commit_all(sr_counters_slot(c, 0), 8);
    assert_int_equal(kept_value(SR_COUNTERS_EXACT), 7);
    assert_true(sr_counters_publish(c));
    assert_int_equal(kept_value(SR_COUNTERS_EXACT), 8);
    assert_int_equal(faccessat(dir, "counters.new", F_OK, 0), -1);
    sr_counters_free(c, false);

    c = new_counters(); /* and one that never is published leaves nothing */
    assert_int_equal(faccessat(dir, "counters.new", F_OK, 0), 0);
    sr_counters_free(c, true);
    assert_int_equal(faccessat(dir, "counters.new", F_OK, 0), -1);
    assert_int_equal(kept_value(SR_COUNTERS_EXACT), 8);
}

static void
the_file_is_its_owners_alone(void **state)
{
    struct stat st;

    (void)state;
    (void)umask(0);
    leave_file();
    assert_int_equal(fstatat(dir, SR_COUNTERS_FILE, &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(st.st_blocks * 512 >= st.st_size); /* no page without a block */
}

static void
values_of_another_boot_are_older_unless_the_end_was_orderly(void **state)
{
    (void)state;
    leave_file();
    sr_counters_kept_free(read_as(OTHER_BOOT, SR_COUNTERS_OLDER));
    sr_counters_kept_free(read_as("", SR_COUNTERS_OLDER));
    sr_counters_kept_free(read_as(BOOT, SR_COUNTERS_EXACT));

    struct sr_counters *c = new_counters();
    commit_all(sr_counters_slot(c, 0), 9);
    assert_true(sr_counters_publish(c));
    assert_true(sr_counters_sync(c));
    sr_counters_free(c, true);
    struct sr_counters_kept *kept = read_as(OTHER_BOOT, SR_COUNTERS_EXACT);
    assert_int_equal(value_of(kept), 9);
    sr_counters_kept_free(kept);
}

static void
boots_that_are_not_known_are_not_the_same(void **state)
{
    char error[256];
    struct sr_counters *c = sr_counters_new(dir, "", layout, 3, error, sizeof(error));

    (void)state;
    assert_true(sr_counters_publish(c));
    sr_counters_free(c, false);
    sr_counters_kept_free(read_as("", SR_COUNTERS_OLDER));
}

static void
without_a_directory_counters_work_and_are_not_kept(void **state)
{
    char error[256];
    struct sr_counters *c = sr_counters_new(-1, BOOT, layout, 3, error, sizeof(error));

    (void)state;
    assert_non_null(c);
    commit_all(sr_counters_slot(c, 0), 3);
    sr_counters_name(sr_counters_slot(c, 0), 0, "x");
    memset(sr_counters_raw(sr_counters_slot(c, 0)), 1, RAW);
    assert_true(sr_counters_publish(c));
    assert_true(sr_counters_sync(c));
    assert_false(sr_counters_are_kept(c));
    sr_counters_free(c, true);
    sr_counters_free(NULL, true);
    sr_counters_kept_free(read_as(BOOT, SR_COUNTERS_NONE));
}

static void
a_directory_that_takes_no_file_is_explained(void **state)
{
    static const struct sr_counters_layout huge[] = { { .name = "x", .raw = 1U << 30 } };
    char error[256] = "";
    int gone = dup(dir);

    (void)state;
    assert_int_equal(close(gone), 0);
    assert_null(sr_counters_new(gone, BOOT, layout, 3, error, sizeof(error)));
    assert_non_null(strstr(error, "queue.dir: Bad file descriptor; look at"));
    assert_null(sr_counters_new(dir, BOOT, huge, 1, error, sizeof(error)));
    assert_non_null(strstr(error, "too large a file"));
    assert_int_equal(faccessat(dir, "counters.new", F_OK, 0), -1);
}

/* ---- A process that is killed ---- */

static void
commit_until_killed(int ready)
{
    struct sr_counters *c = new_counters();
    struct sr_counters_slot *slot = sr_counters_slot(c, 0);

    for (uint64_t value = 1;; value++) {
        commit_all(slot, value);
        if (value == 100) {
            (void)!sr_counters_publish(c);
            (void)!write(ready, "x", 1);
        }
    }
}

static void
a_killed_process_leaves_values_of_one_moment(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (unsigned round = 0; round < 150; round++) {
        int ready[2];
        char byte;
        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            commit_until_killed(ready[1]);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        for (int spin = rand_r(&seed) % 20000; spin > 0; spin--) {
            atomic_signal_fence(memory_order_seq_cst); /* another point of the child's loop */
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_true(kept_value(SR_COUNTERS_EXACT) >= 100);
        (void)close(ready[0]);
        (void)close(ready[1]);
    }
}

/* ---- Files that are not good ---- */

/* Reads all that a file says, so that a sanitizer sees every access. */
static unsigned
read_all(void)
{
    struct sr_counters_kept *kept = sr_counters_read(dir, BOOT, NULL);
    struct sr_counters_values v;
    const char *name;
    unsigned sum = 0;

    assert_non_null(kept);
    for (unsigned i = 0; (name = sr_counters_kept_name(kept, i)) != NULL; i++) {
        assert_true(strlen(name) < 128);
        assert_true(sr_counters_find(kept, name, &v));
        for (unsigned n = 0; n < v.count; n++) {
            sum += (unsigned)v.values[n];
        }
        for (unsigned n = 0; n < v.name_count; n++) {
            sum += (unsigned)strlen(v.names[n]);
        }
        for (size_t n = 0; n < v.raw_len; n++) {
            sum += v.raw[n];
        }
    }
    sr_counters_kept_free(kept);
    return sum;
}

static void
a_file_cut_anywhere_is_none(void **state)
{
    size_t size;
    const char *why;

    (void)state;
    leave_file();
    assert_true(read_all() > 0);
    free(load_file(&size));
    while (size > 0) {
        cut_file((off_t)--size);
        struct sr_counters_kept *kept = sr_counters_read(dir, BOOT, &why);
        assert_int_equal(sr_counters_trust(kept), SR_COUNTERS_NONE);
        assert_string_equal(why, "is cut short");
        sr_counters_kept_free(kept);
    }
}

static void
no_flipped_byte_leads_outside_the_file(void **state)
{
    static const uint8_t flips[] = { 0x01, 0x80, 0xff };
    size_t size;

    (void)state;
    leave_file();
    uint8_t *bytes = load_file(&size);
    size_t parts = 128 + 3 * 152 + 64 + 64; /* head, directory and which copy holds */
    int fd = openat(dir, SR_COUNTERS_FILE, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t at = 0; at < size; at += at < parts ? 1 : 61) {
        for (size_t i = 0; i < sizeof(flips); i++) {
            uint8_t flipped = bytes[at] ^ flips[i];
            assert_int_equal(pwrite(fd, &flipped, 1, (off_t)at), 1);
            (void)read_all();
        }
        assert_int_equal(pwrite(fd, &bytes[at], 1, (off_t)at), 1);
    }
    (void)close(fd);
    free(bytes);
}

static void
a_name_that_is_not_ended_ends_with_its_row(void **state)
{
    static const char name[] = "queue_full";
    struct sr_counters_values v;
    size_t size;

    (void)state;
    leave_file();
    uint8_t *bytes = load_file(&size);
    uint8_t *at = memmem(bytes, size, name, sizeof(name));
    assert_non_null(at);
    memset(at, 'y', NAMES * SR_COUNTERS_NAME_MAX);
    store_file(bytes, size);
    struct sr_counters_kept *kept = read_as(BOOT, SR_COUNTERS_EXACT);
    assert_true(sr_counters_find(kept, layout[0].name, &v));
    for (unsigned i = 0; i < NAMES; i++) {
        assert_int_equal(strlen(v.names[i]), SR_COUNTERS_NAME_MAX - 1);
    }
    sr_counters_kept_free(kept);
    free(bytes);
}

static void
expect_none(const char *reason)
{
    const char *why = NULL;
    struct sr_counters_kept *kept = sr_counters_read(dir, BOOT, &why);

    assert_int_equal(sr_counters_trust(kept), SR_COUNTERS_NONE);
    assert_string_equal(why, reason);
    sr_counters_kept_free(kept);
}

static void
what_is_no_file_of_counters_is_named(void **state)
{
    size_t size;

    (void)state;
    leave_file();
    uint8_t *bytes = load_file(&size);
    bytes[0] ^= 1;
    store_file(bytes, size);
    expect_none("is not a file of counters");
    bytes[0] ^= 1;
    bytes[8] += 1;
    store_file(bytes, size);
    expect_none("is of another version");
    bytes[8] -= 1;
    bytes[12] ^= 0xff;
    store_file(bytes, size);
    expect_none("was written by a machine of the other byte order");
    free(bytes);
    cut_file(65 * 1024 * 1024);
    expect_none("is larger than a file of counters can be");
    assert_int_equal(unlinkat(dir, SR_COUNTERS_FILE, 0), 0);
    assert_int_equal(mkfifoat(dir, SR_COUNTERS_FILE, 0600), 0);
    expect_none("is not a regular file");
    assert_int_equal(unlinkat(dir, SR_COUNTERS_FILE, 0), 0);
    assert_int_equal(symlinkat("/dev/zero", dir, SR_COUNTERS_FILE), 0);
    expect_none("is not a regular file");
}

/* ---- Pages that go away ---- */

static void
guard_again(void)
{
    assert_int_equal(sigaction(SIGBUS, &guarding, NULL), 0);
}

static void
a_file_cut_under_the_mapping_does_not_end_the_process(void **state)
{
    struct sr_counters *c = new_counters();
    struct sr_counters_slot *slot = sr_counters_slot(c, 0);

    (void)state;
    guard_again();
    assert_true(sr_counters_publish(c));
    commit_all(slot, 1);
    assert_true(sr_counters_are_kept(c));
    cut_file(0);
    for (uint64_t value = 2; value < 10; value++) {
        commit_all(slot, value);
        if (value >= 4) { /* both copies are plain memory by now, and keep what they are given */
            assert_int_equal(sr_counters_begin(slot)[0], value - 1);
        }
    }
    sr_counters_name(slot, 0, "x");
    memset(sr_counters_raw(slot), 1, RAW);
    assert_false(sr_counters_are_kept(c));
    (void)sr_counters_sync(c);
    sr_counters_free(c, true);
    sr_counters_kept_free(read_as(BOOT, SR_COUNTERS_NONE));
}

static void
a_file_that_missed_values_is_not_called_exact(void **state)
{
    struct sr_counters *c = new_counters();
    size_t size;

    (void)state;
    guard_again();
    assert_true(sr_counters_publish(c));
    commit_all(sr_counters_slot(c, 0), 4);
    uint8_t *bytes = load_file(&size);
    assert_true(size > 8192);
    cut_file(4096); /* the head stays, what follows faults */
    commit_all(sr_counters_slot(c, 0), 5);
    assert_false(sr_counters_are_kept(c));
    int fd = openat(dir, SR_COUNTERS_FILE, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, bytes + 4096, size - 4096, 4096), (ssize_t)size - 4096);
    (void)close(fd);
    sr_counters_free(c, true);
    sr_counters_kept_free(read_as(BOOT, SR_COUNTERS_OLDER));
    free(bytes);
}

struct writer {
    pthread_t thread;
    struct sr_counters *counters;
    volatile uint8_t *at;
    atomic_uint *ready;
};

/* Faults together with the other one, then looks after its own byte of the page. */
static void *
write_and_look(void *arg)
{
    struct writer *w = arg;
    bool settled = false; /* the page was plain memory before the last write */

    (void)atomic_fetch_add(w->ready, 1);
    while (atomic_load(w->ready) < 2) {
    }
    for (unsigned i = 0; i < 20000; i++) {
        if (settled && *w->at != (uint8_t)(i - 1)) {
            return arg; /* what it wrote is gone */
        }
        settled = !sr_counters_are_kept(w->counters);
        *w->at = (uint8_t)i;
    }
    return NULL;
}

static void
threads_that_fault_together_lose_nothing_they_write_later(void **state)
{
    (void)state;
    guard_again();
    for (unsigned round = 0; round < 100; round++) {
        struct sr_counters *c = new_counters();
        uint8_t *raw = sr_counters_raw(sr_counters_slot(c, 0));
        atomic_uint ready = 0;
        struct writer w[2] = { { .counters = c, .at = raw, .ready = &ready },
            { .counters = c, .at = raw + 64, .ready = &ready } };
        assert_true(sr_counters_publish(c));
        cut_file(0);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(pthread_create(&w[i].thread, NULL, write_and_look, &w[i]), 0);
        }
        for (size_t i = 0; i < 2; i++) {
            void *lost = NULL;
            assert_int_equal(pthread_join(w[i].thread, &lost), 0);
            assert_null(lost);
        }
        assert_false(sr_counters_are_kept(c));
        sr_counters_free(c, false);
    }
}

static void
faults_elsewhere_go_to_the_handler_that_was_there(void **state)
{
    int status = 0;

    (void)state;
    leave_file();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd = openat(dir, SR_COUNTERS_FILE, O_RDWR | O_CLOEXEC);
        volatile uint8_t *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        guard_again();
        _exit(ftruncate(fd, 0) == 0 ? *at : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void
handler_that_was_there(int number)
{
    (void)number;
    _exit(42);
}

/* Has the module install its handler over one of ours, once, before cmocka touches it. */
static bool
install_handlers(void)
{
    struct sigaction was_there = { .sa_handler = handler_that_was_there };
    char error[256];

    if (sigaction(SIGBUS, &was_there, NULL) != 0 || make_dir(NULL) != 0) {
        return false;
    }
    struct sr_counters *c = sr_counters_new(dir, BOOT, layout, 3, error, sizeof(error));
    sr_counters_free(c, false);
    return c != NULL && remove_dir(NULL) == 0 && sigaction(SIGBUS, NULL, &guarding) == 0;
}

#define in_dir(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        in_dir(no_file_is_none_and_no_fault),
        in_dir(names_raw_bytes_and_values_are_found_by_slot),
        in_dir(values_count_only_once_they_are_committed),
        in_dir(the_last_file_stays_until_the_new_one_is_published),
        in_dir(the_file_is_its_owners_alone),
        in_dir(values_of_another_boot_are_older_unless_the_end_was_orderly),
        in_dir(boots_that_are_not_known_are_not_the_same),
        in_dir(without_a_directory_counters_work_and_are_not_kept),
        in_dir(a_directory_that_takes_no_file_is_explained),
        in_dir(a_killed_process_leaves_values_of_one_moment),
        in_dir(a_file_cut_anywhere_is_none),
        in_dir(no_flipped_byte_leads_outside_the_file),
        in_dir(a_name_that_is_not_ended_ends_with_its_row),
        in_dir(what_is_no_file_of_counters_is_named),
        in_dir(a_file_cut_under_the_mapping_does_not_end_the_process),
        in_dir(a_file_that_missed_values_is_not_called_exact),
        in_dir(threads_that_fault_together_lose_nothing_they_write_later),
        in_dir(faults_elsewhere_go_to_the_handler_that_was_there),
    };

    if (!install_handlers()) {
        return 1;
    }
    return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}
