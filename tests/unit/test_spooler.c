/* SPDX-License-Identifier: Apache-2.0 */
#include "disk_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sr/log.h"
#include "sr/segment.h"
#include "sr/spooler.h"
#include "wait.h"

#define MIB (1024U * 1024U)
#define LEN 1000U
#define MANY 600U /* records that are past the high water of a MiB, and fit into it */
#define FILES 200U

static struct disk_bench b;
static struct sr_spooler *spooler;

/* ---- The disk of this program ---- */

static _Atomic bool disk_full;
static _Atomic bool read_only, no_removal;
static _Atomic bool seals_meanwhile, has_sealed; /* the writer, while progress is being written */
static _Atomic int probed_for;                   /* the error that the disk is asked for again */
static _Atomic unsigned syncs, dir_syncs, rewrites, no_descriptors;

static struct sr_queue_status
status_now(void)
{
    struct sr_queue_status status;

    sr_queue_status(b.queue, &status);
    return status;
}

/* While the spooler writes segments, as many come to the lane. Used by its thread only. */
#define FLOOD 40U
static struct {
    _Atomic unsigned left; /* segments to come */
    bool waiting;          /* the reader waits for a file */
    unsigned written;      /* segments, since it does */
} flood;

static void
take_flood(void)
{
    struct sr_entry e;

    flood.written += flood.waiting ? 1 : 0;
    disk_fill(&b, 0, 20, LEN);
    if (atomic_load(&flood.left) == FLOOD - 2) {
        while (sr_lane_next(b.lane, &e)) {
        }
        flood.waiting = true;
    }
    (void)atomic_fetch_sub(&flood.left, 1);
}

ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
    if (atomic_load(&disk_full)) {
        errno = ENOSPC;
        return -1;
    }
    if (atomic_load(&flood.left) > 0 && n > 4096) {
        take_flood();
    }
    if (n == SR_SEGMENT_PROGRESS_LEN && atomic_exchange(&seals_meanwhile, false)) {
        disk_fill(&b, 5, 20, LEN);
        atomic_store(&has_sealed, true);
    }
    return syscall(SYS_pwrite64, fd, bytes, n, offset);
}

/* No descriptor is left to read a file with, or the file system is read-only. */
int
openat(int dir, const char *name, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (strstr(name, ".seg") != NULL && atomic_load(&no_descriptors) > 0) {
        (void)atomic_fetch_sub(&no_descriptors, 1);
        errno = EMFILE;
        return -1;
    }
    if (atomic_load(&flood.left) > 0 && (flags & O_CREAT) == 0) {
        flood.waiting = false;
    }
    if (atomic_load(&read_only) && (flags & (O_CREAT | O_RDWR)) != 0) {
        if (strcmp(name, "probe") == 0) {
            atomic_store(&probed_for, status_now().disk_error);
        }
        errno = EROFS;
        return -1;
    }
    return (int)syscall(SYS_openat, dir, name, flags, mode);
}

int
unlinkat(int dir, const char *name, int flags)
{
    if (atomic_load(&no_removal) && strstr(name, ".seg") != NULL) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_unlinkat, dir, name, flags);
}

/* A writer that appends to its segment while each sync lasts. */
int
fdatasync(int fd)
{
    (void)fd;
    (void)atomic_fetch_add(&syncs, 1);
    if (atomic_load(&rewrites) > 0) {
        (void)atomic_fetch_sub(&rewrites, 1);
        disk_fill(&b, 0, 1, 10);
    }
    return 0;
}

int
fsync(int fd)
{
    (void)fd;
    (void)atomic_fetch_add(&dir_syncs, 1);
    return 0;
}

/* ---- Each test ---- */

static void
start(int durability, uint64_t disk)
{
    disk_open(&b, durability, disk, 1);
    struct sr_spooler_options options = { .queue = b.queue, .round_ns = 50000000 };
    spooler = sr_spooler_start(&options);
    assert_non_null(spooler);
}

static void
stop(void)
{
    (void)sr_spooler_stop(spooler);
    disk_close(&b);
}

static int
set_up(void **state)
{
    (void)state;
    atomic_store(&disk_full, false);
    atomic_store(&read_only, false);
    atomic_store(&no_removal, false);
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

#define wait_until(condition)                                                                      \
    do {                                                                                           \
        for (unsigned i = 0; i < WAIT_STEPS && !(condition); i++) {                                \
            wait_a_moment();                                                                       \
        }                                                                                          \
        assert_true(condition);                                                                    \
    } while (0)

static uint64_t
memory_used(void)
{
    struct sr_queue_status status;

    sr_queue_status(b.queue, &status);
    return status.memory_used;
}

/* Records in memory only down to the high water: the rest is in files. */
static void
fill_and_spill(uint32_t first, uint32_t count)
{
    disk_fill(&b, first, count, LEN);
    wait_until(memory_used() <= MIB / 4);
}

static bool
next(struct sr_entry *e)
{
    for (unsigned i = 0; i < WAIT_STEPS; i++) {
        if (sr_lane_next(b.lane, e)) {
            return true;
        }
        if (sr_lane_empty(b.lane)) {
            return false;
        }
        wait_a_moment();
    }
    return false;
}

/* Settles the next records, which must be those from `first` up to `end`. */
static void
settle(uint32_t first, uint32_t end)
{
    struct sr_entry e;

    for (uint32_t i = first; i < end; i++) {
        assert_true(next(&e));
        assert_int_equal(disk_value(&e), i);
        sr_lane_settle(b.lane, e.segment, e.index, e.records);
    }
}

static void
keep(void)
{
    struct sr_lane_position position;

    assert_int_equal(sr_lane_settled(b.lane, &position), 0);
    sr_lane_kept(b.lane, &position);
}

/* Settles all that comes, with what was found damaged; the values grow. How many were lost. */
static uint64_t
settle_what_comes(uint32_t *ret_settled)
{
    struct sr_entry e;
    uint64_t lost = 0;
    uint32_t settled = 0, last = 0;

    for (unsigned i = 0; i < WAIT_STEPS && !sr_lane_empty(b.lane);) {
        if (sr_lane_next(b.lane, &e)) {
            assert_true(settled == 0 || disk_value(&e) > last);
            last = disk_value(&e);
            settled++;
            sr_lane_settle(b.lane, e.segment, e.index, e.records);
            continue;
        }
        lost += sr_lane_take_lost(b.lane);
        wait_a_moment();
        i++;
    }
    assert_true(sr_lane_empty(b.lane));
    *ret_settled = settled;
    return lost;
}

/* ---- Tests ---- */

static void
what_is_past_the_high_water_goes_to_disk_and_comes_back_in_order(void **state)
{
    (void)state;
    start(SR_QUEUE_SPILL, 64 * MIB);
    for (uint32_t i = 0; i < 8; i++) { /* 4.8 MB through a MiB */
        fill_and_spill(i * MANY, MANY);
    }
    assert_true(status_now().disk_used > 4 * MIB);
    settle(0, 8 * MANY);
    keep();
    wait_until(disk_files(&b, ".seg") == 0);
    wait_until(status_now().disk_used == 0);
    assert_int_equal(status_now().damaged, 0);
    stop();
}

/* Four segments of a lane each are that share here. A full one can go to disk only behind another.
 */
static void
dead_letters_go_to_disk_when_their_lanes_hold_their_whole_share(void **state)
{
    const struct sr_lane_options dead = {
        .listener_name = "udp://x", .dead = true, .subject = "logs.x.deadletter"
    };
    const size_t segment = sr_queue_segment_size(MIB);

    (void)state;
    disk_open(&b, SR_QUEUE_SPILL, 64 * MIB, 1);
    for (int i = 0; i < 4; i++) {
        b.lane = sr_queue_add_lane(b.queue, &dead);
        assert_non_null(b.lane);
    }
    struct sr_spooler_options options = { .queue = b.queue, .round_ns = 50000000 };
    spooler = sr_spooler_start(&options);
    assert_non_null(spooler);
    for (uint32_t batch = 0; batch < 40; batch++) {
        disk_fill(&b, 10 * batch, 10, LEN);
        wait_until(memory_used() <= 5 * segment);
    }
    assert_true(status_now().disk_used > 10 * segment);
    settle(0, 400);
    stop();
}

static void
a_reader_that_keeps_up_costs_no_file(void **state)
{
    (void)state;
    start(SR_QUEUE_SPILL, 64 * MIB);
    for (uint32_t i = 0; i < 50; i++) {
        disk_fill(&b, 100 * i, 100, LEN);
        settle(100 * i, 100 * i + 100);
        keep();
    }
    assert_int_equal(disk_files(&b, ".seg"), 0);
    stop();
}

static void
a_file_goes_only_when_it_is_kept_that_it_is_settled(void **state)
{
    (void)state;
    start(SR_QUEUE_SPILL, 64 * MIB);
    fill_and_spill(0, MANY);
    unsigned files = disk_files(&b, ".seg");
    assert_true(files > 10);
    settle(0, MANY);
    fill_and_spill(MANY, MANY); /* the spooler has been there since */
    assert_true(disk_files(&b, ".seg") >= files + 10);
    keep();
    wait_until(disk_files(&b, ".seg") < files + 10);
    settle(MANY, 2 * MANY);
    keep();
    wait_until(disk_files(&b, ".seg") == 0);
    stop();
}

/* The number of the newest file but one, which lies on disk only. */
static uint64_t
a_file(void)
{
    uint64_t numbers[FILES];
    size_t count = disk_list(&b, numbers, FILES);

    assert_true(count > 5);
    return numbers[count - 2];
}

static void
assert_lost_with_a_corrupt_file(uint32_t at_least, uint32_t at_most)
{
    uint32_t settled;
    uint64_t lost = settle_what_comes(&settled);

    assert_in_range(lost, at_least, at_most);
    assert_int_equal(settled + lost, MANY);
    assert_int_equal(status_now().damaged, 1);
    keep();
    wait_until(disk_files(&b, ".seg") == 0);
    stop();
}

static void
of_a_damaged_file_the_good_beginning_is_delivered_and_the_rest_is_counted(void **state)
{
    (void)state;
    start(SR_QUEUE_SPILL, 64 * MIB);
    fill_and_spill(0, MANY);
    disk_flip(&b, a_file(), 8000); /* the eighth of 15 records */
    assert_lost_with_a_corrupt_file(8, 9);
    assert_int_equal(disk_files(&b, ".corrupt"), 1);
}

static void
of_a_file_cut_short_the_good_beginning_is_delivered_and_the_rest_is_counted(void **state)
{
    (void)state;
    start(SR_QUEUE_SPILL, 64 * MIB);
    fill_and_spill(0, MANY);
    disk_cut(&b, a_file(), 8000);
    assert_lost_with_a_corrupt_file(8, 9);
    assert_int_equal(disk_files(&b, ".corrupt"), 1);
}

static void
all_of_a_file_that_is_gone_is_counted(void **state)
{
    (void)state;
    start(SR_QUEUE_SPILL, 64 * MIB);
    fill_and_spill(0, MANY);
    assert_int_equal(sr_spool_remove(b.spool, a_file()), 0);
    assert_lost_with_a_corrupt_file(15, 16);
}

static void
a_file_that_cannot_be_opened_now_is_read_later(void **state)
{
    (void)state;
    start(SR_QUEUE_SPILL, 64 * MIB);
    fill_and_spill(0, MANY);
    atomic_store(&no_descriptors, 2);
    settle(0, MANY);
    assert_int_equal(atomic_load(&no_descriptors), 0);
    assert_int_equal(status_now().damaged, 0);
    stop();
}

static void
a_file_in_the_place_of_another_is_not_taken_for_it(void **state)
{
    char from[128], to[128];
    uint64_t numbers[FILES];

    (void)state;
    start(SR_QUEUE_SPILL, 64 * MIB);
    fill_and_spill(0, MANY);
    size_t count = disk_list(&b, numbers, FILES);
    (void)snprintf(
        from, sizeof(from), "%s/%016llx.seg", b.path, (unsigned long long)numbers[count - 3]);
    (void)snprintf(
        to, sizeof(to), "%s/%016llx.seg", b.path, (unsigned long long)numbers[count - 2]);
    assert_int_equal(unlink(to), 0);
    assert_int_equal(link(from, to), 0);
    assert_lost_with_a_corrupt_file(15, 16);
    assert_int_equal(disk_files(&b, ".corrupt"), 1);
}

static void
with_its_share_of_the_disk_used_up_a_lane_fills_its_memory_and_loses_nothing(void **state)
{
    uint32_t accepted = 0;

    (void)state;
    start(SR_QUEUE_SPILL, MIB);
    for (unsigned i = 0; i < WAIT_STEPS && (status_now().memory_used < MIB - 40000U ||
                                               status_now().disk_used < MIB - 40000U);) {
        if (disk_put(&b, accepted, LEN)) {
            accepted++;
            sr_lane_flush(b.lane);
        } else {
            wait_a_moment();
            i++;
        }
    }
    assert_true(status_now().disk_used <= MIB);
    assert_in_range(accepted, 1800, 2200);
    settle(0, accepted);
    stop();
}

static void
a_full_disk_is_told_and_tried_again_until_it_takes_data(void **state)
{
    (void)state;
    start(SR_QUEUE_SPILL, 64 * MIB);
    atomic_store(&disk_full, true);
    disk_fill(&b, 0, MANY, LEN);
    wait_until(status_now().disk_error == ENOSPC);
    assert_int_equal(disk_files(&b, ".seg"), 0);
    assert_true(status_now().disk_failures > 0);
    atomic_store(&disk_full, false);
    wait_until(status_now().disk_error == 0);
    wait_until(memory_used() <= MIB / 4);
    settle(0, MANY);
    stop();
}

/* What a failed write left in the way of the next one. */
static void
a_segment_is_written_though_a_part_of_it_could_not_be_removed(void **state)
{
    (void)state;
    start(SR_QUEUE_SPILL, 64 * MIB);
    disk_fill(&b, 0, 100, LEN);
    atomic_store(&disk_full, true);
    atomic_store(&no_removal, true);
    disk_fill(&b, 100, MANY - 100, LEN);
    wait_until(status_now().disk_error == ENOSPC);
    atomic_store(&disk_full, false);
    atomic_store(&no_removal, false);
    assert_int_equal(sr_spooler_stop(spooler), 0);
    disk_close(&b);
}

/* Else each round would log two errors, one of them of no use to anybody. */
static void
a_file_system_that_is_read_only_is_called_that(void **state)
{
    (void)state;
    start(SR_QUEUE_ALWAYS, 64 * MIB);
    disk_fill(&b, 0, 10, LEN);
    atomic_store(&read_only, true);
    settle(0, 5);
    keep();
    wait_until(atomic_load(&probed_for) != 0);
    assert_int_equal(atomic_load(&probed_for), EROFS);
    atomic_store(&read_only, false);
    settle(5, 10);
    stop();
}

static void
always_refuses_while_the_disk_takes_nothing_and_then_goes_on(void **state)
{
    (void)state;
    start(SR_QUEUE_ALWAYS, 64 * MIB);
    disk_fill(&b, 0, 10, LEN);
    atomic_store(&disk_full, true);
    assert_true(disk_put(&b, 10, LEN));
    assert_int_equal(sr_lane_keep(b.lane), ENOSPC);
    assert_int_equal(sr_lane_undo(b.lane), 1);
    assert_false(disk_put(&b, 11, LEN));
    assert_string_equal(sr_lane_refusal(b.lane), "disk_full");
    atomic_store(&disk_full, false);
    wait_until(status_now().disk_error == 0);
    disk_fill(&b, 10, 10, LEN);
    settle(0, 20);
    stop();
}

static void
what_is_left_at_the_end_is_written_even_beyond_the_share(void **state)
{
    (void)state;
    start(SR_QUEUE_SPILL, MIB / 4);
    disk_fill(&b, 0, MANY, LEN);
    settle(0, 5);
    keep();
    assert_int_equal(sr_spooler_stop(spooler), 0);
    assert_true(disk_files(&b, ".seg") >= MANY / 16);
    disk_close(&b);
}

/* The counters then say that all went well: what they speak of must be there. */
static void
what_is_written_at_the_end_is_synced(void **state)
{
    (void)state;
    disk_open(&b, SR_QUEUE_SPILL, 64 * MIB, 1);
    struct sr_spooler_options options = { .queue = b.queue, .sync = true, .round_ns = 50000000 };
    spooler = sr_spooler_start(&options);
    assert_non_null(spooler);
    disk_fill(&b, 0, 100, LEN);
    atomic_store(&syncs, 0);
    assert_int_equal(sr_spooler_stop(spooler), 0);
    assert_in_range(disk_files(&b, ".seg"), 6, 10);
    assert_int_equal(atomic_load(&syncs), disk_files(&b, ".seg"));
    disk_close(&b);
}

static void
what_cannot_be_written_at_the_end_is_counted(void **state)
{
    (void)state;
    start(SR_QUEUE_SPILL, 64 * MIB);
    disk_fill(&b, 0, 100, LEN);
    settle(0, 30);
    keep();
    atomic_store(&disk_full, true);
    assert_int_equal(sr_spooler_stop(spooler), 70);
    assert_int_equal(disk_files(&b, ".seg"), 0);
    disk_close(&b);
}

static void
nothing_is_left_at_the_end_of_what_is_settled(void **state)
{
    (void)state;
    start(SR_QUEUE_ALWAYS, 64 * MIB);
    disk_fill(&b, 0, 100, LEN);
    assert_true(disk_files(&b, ".seg") > 0);
    settle(0, 100);
    keep();
    assert_int_equal(sr_spooler_stop(spooler), 0);
    assert_int_equal(disk_files(&b, ".seg"), 0);
    disk_close(&b);
}

/* Else records are not sent, nor files removed, for as long as more comes than the disk takes. */
static void
a_reader_does_not_wait_until_the_spooler_has_nothing_to_write(void **state)
{
    (void)state;
    disk_open(&b, SR_QUEUE_SPILL, 64 * MIB, 1);
    disk_fill(&b, 0, MANY, LEN); /* from now on the spooler's thread is writer and reader */
    atomic_store(&flood.left, FLOOD);
    struct sr_spooler_options options = { .queue = b.queue };
    spooler = sr_spooler_start(&options);
    assert_non_null(spooler);
    wait_until(atomic_load(&flood.left) == 0);
    assert_false(flood.waiting);
    assert_in_range(flood.written, 0, 2);
    stop();
}

/* What the file of a segment says of itself. */
static struct sr_segment_progress
progress_of(uint64_t number)
{
    uint8_t bytes[SR_SEGMENT_HEADER_MAX];
    struct sr_segment_info info;
    struct sr_segment_progress progress;
    size_t start_of_entries;
    int fd = sr_spool_open_to_read(b.spool, number);
    ssize_t len = sr_spool_read(fd, bytes, sizeof(bytes));

    (void)close(fd);
    assert_true(len > 0);
    assert_int_equal(sr_segment_read_header((struct sr_span){ bytes, (size_t)len }, &info,
                         &progress, &start_of_entries),
        SR_SEGMENT_OK);
    return progress;
}

/* Else, after a kill, damage in it would be taken for an end that was cut off. */
static void
a_segment_that_is_sealed_while_its_progress_is_written_stays_so(void **state)
{
    (void)state;
    start(SR_QUEUE_ALWAYS, 64 * MIB);
    disk_fill(&b, 0, 5, LEN);
    atomic_store(&has_sealed, false);
    atomic_store(&seals_meanwhile, true);
    settle(0, 2);
    keep();
    wait_until(atomic_load(&has_sealed));
    wait_until(progress_of(1).sealed_size > 0 && progress_of(1).acked_entries == 2);
    settle(2, 25);
    stop();
}

/* Else a busy lane would be synced without end, and the others and the counters never. */
static void
a_round_of_syncs_ends_though_the_lane_is_written_meanwhile(void **state)
{
    (void)state;
    disk_open(&b, SR_QUEUE_ALWAYS, 64 * MIB, 1);
    disk_fill(&b, 0, 1, 10); /* from now on the thread that syncs is the writer */
    atomic_store(&dir_syncs, 0);
    atomic_store(&syncs, 0);
    atomic_store(&rewrites, 1000);
    struct sr_spooler_options options = { .queue = b.queue, .sync = true, .round_ns = 50000000 };
    spooler = sr_spooler_start(&options);
    assert_non_null(spooler);
    wait_until(atomic_load(&dir_syncs) > 0);
    assert_in_range(atomic_load(&syncs), 1, 10);
    (void)atomic_exchange(&rewrites, 0);
    stop();
}

#define STREAM 12000U

static void *
write_stream(void *arg)
{
    (void)arg;
    for (uint32_t i = 0; i < STREAM;) {
        bool fits = disk_put(&b, i, 100 + i % 400);
        i += fits ? 1 : 0;
        if (!fits || i % 64 == 0) {
            assert_int_equal(sr_lane_keep(b.lane), 0);
            sr_lane_flush(b.lane);
        }
        if (!fits) {
            wait_a_moment();
        }
    }
    assert_int_equal(sr_lane_keep(b.lane), 0);
    sr_lane_flush(b.lane);
    return NULL;
}

/* The reader is now slow, so that segments go to disk, and now fast. */
static void
stream_through(int durability)
{
    struct sr_lane_position position;
    struct sr_entry e;
    pthread_t writer;

    start(durability, 2 * MIB);
    assert_int_equal(pthread_create(&writer, NULL, write_stream, NULL), 0);
    for (uint32_t i = 0; i < STREAM; i++) {
        for (unsigned n = 0; n < WAIT_STEPS && !sr_lane_next(b.lane, &e); n++) {
            wait_a_moment();
        }
        assert_int_equal(disk_value(&e), i);
        sr_lane_settle(b.lane, e.segment, e.index, e.records);
        if (i % 100 == 0) {
            (void)sr_lane_settled(b.lane, &position);
            sr_lane_kept(b.lane, &position);
        }
        if (i / 3000 % 2 == 0 && i % 50 == 0) {
            wait_a_moment();
        }
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    keep();
    assert_int_equal(sr_spooler_stop(spooler), 0);
    assert_int_equal(disk_files(&b, ""), 0);
    disk_close(&b);
}

static void
writer_reader_and_spooler_work_on_one_lane(void **state)
{
    (void)state;
    stream_through(SR_QUEUE_SPILL);
    stream_through(SR_QUEUE_ALWAYS);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)
    const struct CMUnitTest tests[] = {
        TEST(what_is_past_the_high_water_goes_to_disk_and_comes_back_in_order),
        TEST(dead_letters_go_to_disk_when_their_lanes_hold_their_whole_share),
        TEST(a_reader_that_keeps_up_costs_no_file),
        TEST(a_file_goes_only_when_it_is_kept_that_it_is_settled),
        TEST(of_a_damaged_file_the_good_beginning_is_delivered_and_the_rest_is_counted),
        TEST(of_a_file_cut_short_the_good_beginning_is_delivered_and_the_rest_is_counted),
        TEST(all_of_a_file_that_is_gone_is_counted),
        TEST(a_file_that_cannot_be_opened_now_is_read_later),
        TEST(a_file_in_the_place_of_another_is_not_taken_for_it),
        TEST(with_its_share_of_the_disk_used_up_a_lane_fills_its_memory_and_loses_nothing),
        TEST(a_full_disk_is_told_and_tried_again_until_it_takes_data),
        TEST(a_segment_is_written_though_a_part_of_it_could_not_be_removed),
        TEST(a_file_system_that_is_read_only_is_called_that),
        TEST(always_refuses_while_the_disk_takes_nothing_and_then_goes_on),
        TEST(what_is_left_at_the_end_is_written_even_beyond_the_share),
        TEST(what_is_written_at_the_end_is_synced),
        TEST(what_cannot_be_written_at_the_end_is_counted),
        TEST(nothing_is_left_at_the_end_of_what_is_settled),
        TEST(a_reader_does_not_wait_until_the_spooler_has_nothing_to_write),
        TEST(a_segment_that_is_sealed_while_its_progress_is_written_stays_so),
        TEST(a_round_of_syncs_ends_though_the_lane_is_written_meanwhile),
        TEST(writer_reader_and_spooler_work_on_one_lane),
    };
    sr_log_set_level((enum sr_log_level)0);
    return cmocka_run_group_tests_name("spooler", tests, NULL, NULL);
}
