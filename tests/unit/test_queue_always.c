/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's side of a lane whose batches are in a file before they are shown. */
#include "disk_bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sr/segment.h"

#define MIB (1024U * 1024U)
#define LEN 1000U
#define FILES 64U

static struct disk_bench b;
static size_t room_on_disk; /* bytes that files may still grow by */

ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
    size_t fits = n < room_on_disk ? n : room_on_disk;

    if (fits == 0) {
        errno = ENOSPC;
        return -1;
    }
    room_on_disk -= fits;
    return syscall(SYS_pwrite64, fd, bytes, fits, offset);
}

static int
set_up(void **state)
{
    (void)state;
    room_on_disk = SIZE_MAX;
    disk_make_dir(&b);
    disk_open(&b, SR_QUEUE_ALWAYS, 16 * MIB, 1);
    return 0;
}

static int
clean_up(void **state)
{
    (void)state;
    disk_close(&b);
    disk_remove_dir(&b);
    return 0;
}

static void
put(uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_true(disk_put(&b, first + i, LEN));
    }
}

/* What is good in the files from the first on: it must be all of them. */
static uint64_t
records_in_files(void)
{
    static uint8_t bytes[MIB];
    uint64_t numbers[FILES], records = 0;
    size_t count = disk_list(&b, numbers, FILES);

    for (size_t i = 0; i < count; i++) {
        struct sr_segment_info info;
        struct sr_segment_progress progress;
        size_t start;
        int fd = sr_spool_reopen(b.spool, numbers[i]);
        ssize_t len = sr_spool_read(fd, bytes, sizeof(bytes));
        (void)close(fd);
        assert_true(len > 0);
        struct sr_span span = { bytes, (size_t)len };
        assert_int_equal(sr_segment_read_header(span, &info, &progress, &start), SR_SEGMENT_OK);
        struct sr_segment_scan scan = sr_segment_check(span, numbers[i], start, 0);
        assert_int_equal(scan.err, SR_SEGMENT_END);
        assert_true(scan.records > 0);
        records += scan.records;
    }
    return records;
}

static struct sr_queue_status
status_now(void)
{
    struct sr_queue_status status;

    sr_queue_status(b.queue, &status);
    return status;
}

static void
read_and_settle(uint32_t first, uint32_t end)
{
    struct sr_entry e;

    for (uint32_t i = first; i < end; i++) {
        assert_true(sr_lane_next(b.lane, &e));
        assert_int_equal(disk_value(&e), i);
        sr_lane_settle(b.lane, e.segment, e.index, e.records);
    }
    assert_false(sr_lane_next(b.lane, &e));
}

static void
a_batch_is_in_the_file_before_it_is_shown(void **state)
{
    struct sr_entry e;

    (void)state;
    assert_int_equal(disk_files(&b, ".seg"), 0); /* an idle lane has none */
    put(0, 3);
    assert_int_equal(disk_files(&b, ".seg"), 0);
    assert_int_equal(sr_lane_keep(b.lane), 0);
    assert_int_equal(records_in_files(), 3);
    assert_false(sr_lane_next(b.lane, &e));
    sr_lane_flush(b.lane);
    read_and_settle(0, 3);
}

static void
a_batch_of_several_segments_is_shown_at_once(void **state)
{
    struct sr_lane_position written;
    struct sr_entry e;

    (void)state;
    put(0, 100);
    assert_int_equal(sr_lane_keep(b.lane), 0);
    assert_true(disk_files(&b, ".seg") > 5);
    assert_int_equal(records_in_files(), 100);
    assert_false(sr_lane_next(b.lane, &e));
    assert_int_equal(sr_lane_queued(b.lane), 0);
    sr_lane_written(b.lane, &written);
    assert_int_equal(written.segment, disk_files(&b, ".seg")); /* the last one's number */
    sr_lane_flush(b.lane);
    assert_int_equal(sr_lane_queued(b.lane), 100);
    read_and_settle(0, 100);
}

static void
an_undone_batch_leaves_the_file_as_it_was(void **state)
{
    struct sr_lane_position before, after;

    (void)state;
    disk_fill(&b, 0, 5, LEN);
    sr_lane_written(b.lane, &before);
    put(100, 3);
    assert_int_equal(sr_lane_keep(b.lane), 0);
    assert_int_equal(records_in_files(), 8);
    assert_int_equal(sr_lane_undo(b.lane), 3);
    assert_int_equal(records_in_files(), 5);
    sr_lane_written(b.lane, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    disk_fill(&b, 5, 5, LEN); /* and the lane goes on from there */
    assert_int_equal(records_in_files(), 10);
    read_and_settle(0, 10);
}

static void
an_undone_first_batch_leaves_no_file(void **state)
{
    (void)state;
    put(0, 3);
    assert_int_equal(sr_lane_keep(b.lane), 0);
    assert_int_equal(sr_lane_undo(b.lane), 3);
    assert_int_equal(disk_files(&b, ".seg"), 0);
    assert_int_equal(sr_lane_undo(b.lane), 0);
    disk_fill(&b, 0, 3, LEN);
    assert_int_equal(records_in_files(), 3);
    read_and_settle(0, 3);
}

static void
an_undone_batch_of_several_segments_gives_all_back(void **state)
{
    (void)state;
    disk_fill(&b, 0, 5, LEN);
    struct sr_queue_status before = status_now();
    for (unsigned kept = 0; kept < 2; kept++) {
        put(100, 100);
        assert_true(status_now().memory_used > before.memory_used);
        assert_true(kept == 0 || sr_lane_keep(b.lane) == 0);
        assert_int_equal(sr_lane_undo(b.lane), 100);
        struct sr_queue_status after = status_now();
        assert_int_equal(after.memory_used, before.memory_used);
        assert_int_equal(after.disk_used, before.disk_used);
        assert_int_equal(records_in_files(), 5);
    }
    disk_fill(&b, 5, 50, LEN);
    read_and_settle(0, 55);
}

/* Wherever the disk is full: in a header, in an entry, in the second segment. */
static void
a_batch_that_is_kept_in_part_can_be_undone(void **state)
{
    static const size_t rooms[] = { 0, 1, 50, 200, 1100, 5000, 17000, 17100, 30000 };

    (void)state;
    disk_fill(&b, 0, 5, LEN);
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        put(100, 60);
        room_on_disk = rooms[i];
        assert_int_equal(sr_lane_keep(b.lane), ENOSPC);
        assert_int_equal(status_now().disk_error, ENOSPC);
        assert_int_equal(sr_lane_undo(b.lane), 60);
        assert_int_equal(records_in_files(), 5);
        room_on_disk = SIZE_MAX;
        assert_null(sr_lane_reserve(b.lane, LEN, 1));
        assert_string_equal(sr_lane_refusal(b.lane), "disk_full");
        /* There is no spooler here that would find out: another queue begins. */
        disk_close(&b);
        disk_remove_dir(&b);
        disk_make_dir(&b);
        disk_open(&b, SR_QUEUE_ALWAYS, 16 * MIB, 1);
        disk_fill(&b, 0, 5, LEN);
    }
}

static void
a_lane_is_full_when_its_share_of_the_disk_is(void **state)
{
    uint32_t accepted = 0;

    (void)state;
    disk_close(&b);
    disk_open(&b, SR_QUEUE_ALWAYS, MIB / 4, 1);
    while (disk_put(&b, accepted, LEN)) {
        accepted++;
        assert_true(accepted < 400);
    }
    assert_string_equal(sr_lane_refusal(b.lane), "queue_full");
    assert_true(accepted > 200);
    assert_int_equal(sr_lane_keep(b.lane), 0);
    sr_lane_flush(b.lane);
    assert_true(status_now().disk_used <= MIB / 4);
    read_and_settle(0, accepted);
}

static void
an_empty_lane_takes_the_largest_record_again_and_again(void **state)
{
    (void)state;
    disk_close(&b);
    disk_open(&b, SR_QUEUE_ALWAYS, MIB, 1);
    for (uint32_t i = 0; i < 10; i++) {
        disk_fill(&b, i, 1, SR_RECORD_MAX);
        read_and_settle(i, i + 1);
    }
    assert_true(status_now().disk_used <= MIB);
}

static void
what_is_settled_ahead_is_not_in_the_position(void **state)
{
    struct sr_lane_position at;
    struct sr_entry e[4];

    (void)state;
    disk_fill(&b, 0, 4, LEN);
    for (size_t i = 0; i < 4; i++) {
        assert_true(sr_lane_next(b.lane, &e[i]));
    }
    assert_true(sr_lane_is_oldest(b.lane, e[0].segment, 0));
    assert_false(sr_lane_is_oldest(b.lane, e[0].segment, 1));
    sr_lane_settle(b.lane, e[0].segment, 0, 1);
    sr_lane_settle(b.lane, e[2].segment, 2, 1);
    sr_lane_settle(b.lane, e[3].segment, 3, 1);
    assert_int_equal(sr_lane_settled(b.lane, &at), 2);
    assert_true(at.segment == 1 && at.entries == 1 && at.records == 1);
    assert_true(sr_lane_is_oldest(b.lane, e[1].segment, 1));
    sr_lane_settle(b.lane, e[1].segment, 1, 1);
    assert_int_equal(sr_lane_settled(b.lane, &at), 0);
    assert_true(at.entries == 4 && at.records == 4);
}

/* The reader meets the next segment only when the writer has opened it, after all was settled. */
static void
the_first_entry_of_a_new_segment_is_the_oldest_once_the_last_one_is_settled(void **state)
{
    struct sr_entry e;

    (void)state;
    disk_fill(&b, 0, 15, LEN);
    read_and_settle(0, 15);
    disk_fill(&b, 15, 15, LEN);
    struct sr_lane_position at;
    for (uint32_t i = 15; i < 30; i++) {
        assert_true(sr_lane_next(b.lane, &e));
        assert_true(sr_lane_is_oldest(b.lane, e.segment, e.index));
        sr_lane_settle(b.lane, e.segment, e.index, e.records);
        assert_int_equal(sr_lane_settled(b.lane, &at), 0);
    }
    assert_true(at.segment > 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)
    const struct CMUnitTest tests[] = {
        TEST(a_batch_is_in_the_file_before_it_is_shown),
        TEST(a_batch_of_several_segments_is_shown_at_once),
        TEST(an_undone_batch_leaves_the_file_as_it_was),
        TEST(an_undone_first_batch_leaves_no_file),
        TEST(an_undone_batch_of_several_segments_gives_all_back),
        TEST(a_batch_that_is_kept_in_part_can_be_undone),
        TEST(a_lane_is_full_when_its_share_of_the_disk_is),
        TEST(an_empty_lane_takes_the_largest_record_again_and_again),
        TEST(what_is_settled_ahead_is_not_in_the_position),
        TEST(the_first_entry_of_a_new_segment_is_the_oldest_once_the_last_one_is_settled),
    };
    return cmocka_run_group_tests_name("queue_always", tests, NULL, NULL);
}
