/* SPDX-License-Identifier: Apache-2.0 */
#include "disk_bench.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/recover.h"
#include "sr/log.h"
#include "sr/spooler.h"
#include "wait.h"

#define MIB (1024U * 1024U)
#define RUN_ID 0x7001U /* of disk_bench.c */
#define LEN 100U
#define RECORDS 10U
#define NUMBER 5U

static struct disk_bench b;

static int
set_up(void **state)
{
    (void)state;
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

/* ---- What is found, and what becomes of it ---- */

enum trust { NONE, OLDER, EXACT };
enum harm { WHOLE, TORN, DAMAGED }; /* in the ninth record; in the fifth one */

struct recovery {
    const char *name;
    bool sealed;
    enum harm harm;
    enum trust trust;
    uint32_t written, settled; /* records, by what the last process kept */
    uint32_t told;             /* records that the file says are settled */
    bool other_run;            /* it was not the last process that wrote it */
    bool spilled;              /* that process wrote it when it ended, and was killed then */
    /* What must come of it. */
    uint32_t first, end; /* records that are sent again */
    uint32_t torn, damaged, corrupt;
};

static const struct recovery table[] = {
    { "an open file with exact positions", false, WHOLE, EXACT, 10, 0, 0, false, false, 0, 10, 0, 0,
        0 },
    { "what lies behind the exact position is cut off", false, WHOLE, EXACT, 7, 0, 0, false, false,
        0, 7, 0, 0, 0 },
    { "what lies before the settled position is skipped", false, WHOLE, EXACT, 10, 4, 0, false,
        false, 4, 10, 0, 0, 0 },
    { "what is missing before the exact position is damage", false, TORN, EXACT, 10, 0, 0, false,
        false, 0, 8, 0, 2, 1 },
    { "what is torn behind the exact position is none", false, TORN, EXACT, 7, 0, 0, false, false,
        0, 7, 0, 0, 0 },
    { "records after a damaged one are damage", false, DAMAGED, EXACT, 10, 0, 0, false, false, 0, 4,
        0, 6, 1 },
    { "damage among the settled ones is none", false, DAMAGED, EXACT, 10, 6, 0, false, false, 6, 10,
        0, 0, 0 },
    { "an older position cuts nothing off", false, WHOLE, OLDER, 7, 0, 0, false, false, 0, 10, 0, 0,
        0 },
    { "an older settled position holds", false, WHOLE, OLDER, 7, 3, 0, false, false, 3, 10, 0, 0,
        0 },
    { "without positions the good beginning counts", false, TORN, NONE, 0, 0, 0, false, false, 0, 8,
        1, 0, 0 },
    { "without positions damage looks torn", false, DAMAGED, NONE, 0, 0, 0, false, false, 0, 4, 1,
        0, 0 },
    { "without positions the file's word counts", false, WHOLE, NONE, 0, 0, 3, false, false, 3, 10,
        0, 0, 0 },
    { "another run's position is not this file's", false, WHOLE, EXACT, 7, 0, 0, true, false, 0, 10,
        0, 0, 0 },
    { "a sealed file without positions", true, WHOLE, NONE, 0, 0, 0, false, false, 0, 10, 0, 0, 0 },
    { "a sealed file with a settled position", true, WHOLE, EXACT, 10, 3, 0, false, false, 3, 10, 0,
        0, 0 },
    { "whoever knows more is right: the file", true, WHOLE, OLDER, 10, 3, 6, false, false, 6, 10, 0,
        0, 0 },
    { "whoever knows more is right: the position", true, WHOLE, OLDER, 10, 6, 3, false, false, 6,
        10, 0, 0, 0 },
    { "a sealed file that is settled", true, WHOLE, EXACT, 10, 10, 0, false, false, 0, 0, 0, 0, 0 },
    { "a sealed file that says it is settled", true, WHOLE, NONE, 0, 0, 10, false, false, 0, 0, 0,
        0, 0 },
    { "an open file that is settled", false, WHOLE, EXACT, 10, 10, 0, false, false, 0, 0, 0, 0, 0 },
    { "a file that was written at the end is torn and not damaged", false, TORN, EXACT, 10, 0, 0,
        false, true, 0, 8, 1, 0, 0 },
};

/* Where the lane stands when `records` of its one segment are written or settled. */
static struct sr_lane_position
position_at(const struct sr_lane_position *start, uint32_t records)
{
    struct sr_lane_position at = *start;

    at.entries = at.records = records;
    at.offset += records * sr_segment_entry_size(LEN);
    return at;
}

/* Leaves one file of RECORDS records; returns where its lane began. */
static struct sr_lane_position
leave_file(const struct recovery *r)
{
    struct sr_lane_position start;

    disk_open(&b, SR_QUEUE_ALWAYS, 16 * MIB, NUMBER);
    sr_lane_written(b.lane, &start);
    disk_fill(&b, 0, RECORDS, LEN);
    if (r->sealed || r->told > 0) {
        int fd = sr_spool_reopen(b.spool, NUMBER);
        struct sr_lane_position told = position_at(&start, r->told);
        struct sr_segment_progress progress = {
            .sealed_size = r->sealed ? position_at(&start, RECORDS).offset : 0,
            .sealed_entries = r->sealed ? RECORDS : 0,
            .sealed_records = r->sealed ? RECORDS : 0,
            .acked_entries = r->told,
            .acked_records = r->told,
            .acked_offset = r->told > 0 ? told.offset : 0,
        };
        uint8_t bytes[SR_SEGMENT_PROGRESS_LEN];
        sr_segment_write_progress(bytes, &progress);
        struct sr_span span = { bytes, sizeof(bytes) };
        assert_int_equal(sr_spool_write(fd, span, SR_SEGMENT_PROGRESS_OFFSET), 0);
        (void)close(fd);
    }
    if (r->harm == TORN) {
        disk_cut(&b, NUMBER, position_at(&start, 8).offset + 30);
    } else if (r->harm == DAMAGED) {
        disk_flip(&b, NUMBER, position_at(&start, 4).offset + 30);
    }
    disk_close(&b);
    return start;
}

/* Reads and settles all that the lane gives. */
static void
read_all(uint32_t first, uint32_t end)
{
    struct sr_entry e;
    uint32_t value = first;

    for (unsigned i = 0; i < WAIT_STEPS && !sr_lane_empty(b.lane);) {
        if (!sr_lane_next(b.lane, &e)) {
            wait_a_moment();
            i++;
            continue;
        }
        assert_int_equal(disk_value(&e), value);
        assert_int_equal(e.index, value);
        assert_int_equal(e.segment_number, NUMBER);
        assert_true(e.recovered && e.run_id == RUN_ID);
        value++;
        sr_lane_settle(b.lane, e.segment, e.index, e.records);
    }
    assert_int_equal(value, end);
}

static void
recover_one(const struct recovery *r)
{
    uint64_t damaged = 0;
    struct sr_lane_position start = leave_file(r);
    struct found found;
    struct recover_result result = { .damaged = &damaged };

    disk_open(&b, SR_QUEUE_ALWAYS, 16 * MIB, NUMBER + 1);
    struct recover_positions p = {
        .key = sr_lane_key(b.lane),
        .written = position_at(&start, r->written),
        .settled = position_at(&start, r->settled),
    };
    struct recover_options options = {
        .queue = b.queue,
        .spool = b.spool,
        .positions = &p,
        .position_count = r->trust != NONE ? 1 : 0,
        .exact = r->trust == EXACT,
        .appended = !r->spilled,
        .run_id = r->other_run ? RUN_ID + 1 : RUN_ID,
    };
    assert_int_equal(found_read(b.spool, &found), 0);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.next_number, NUMBER + 1);
    assert_true(recover_attach(&options, &found, &result));
    assert_int_equal(result.records, r->end - r->first);
    assert_int_equal(result.segments, r->end > r->first ? 1 : 0);
    assert_int_equal(result.torn, r->torn);
    assert_int_equal(damaged, r->damaged);
    assert_int_equal(sr_lane_queued(b.lane), r->end - r->first);
    assert_int_equal(disk_files(&b, ".seg"), r->end > r->first ? 1 : 0);
    struct sr_spooler *s = sr_spooler_start(&(struct sr_spooler_options){ .queue = b.queue });
    assert_non_null(s);
    read_all(r->first, r->end);
    struct sr_lane_position settled;
    assert_int_equal(sr_lane_settled(b.lane, &settled), 0);
    sr_lane_kept(b.lane, &settled);
    assert_int_equal(sr_spooler_stop(s), 0);
    assert_int_equal(disk_files(&b, ".corrupt"), r->corrupt);
    found_free(&found);
    disk_close(&b);
}

static void
what_is_sent_again_follows_from_the_file_and_from_what_was_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        print_message("             %s\n", table[i].name);
        recover_one(&table[i]);
        disk_remove_dir(&b);
        disk_make_dir(&b);
    }
}

/* ---- Files that are no segments of ours ---- */

static void
make_file(const char *name, const void *bytes, size_t len)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", b.path, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* Opens the spool and finds `count` segments. */
static void
assert_found(size_t count, uint64_t next_number)
{
    char error[256] = "";
    struct found found;
    struct sr_spool *spool = sr_spool_open(b.path, error, sizeof(error));

    assert_non_null(spool);
    assert_int_equal(found_read(spool, &found), 0);
    assert_int_equal(found.count, count);
    assert_int_equal(found.next_number, next_number);
    found_free(&found);
    sr_spool_close(spool);
}

static void
what_is_no_segment_is_set_aside(void **state)
{
    char path[128];

    (void)state;
    make_file("0000000000000001.seg", "hello", 5);
    (void)snprintf(path, sizeof(path), "%s/0000000000000002.seg", b.path);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/0000000000000003.seg", b.path);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)snprintf(path, sizeof(path), "%s/0000000000000004.seg", b.path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    make_file("notes.txt", "mine", 4);
    assert_found(0, 5);
    assert_int_equal(disk_files(&b, ".corrupt"), 4);
    assert_int_equal(disk_files(&b, ".txt"), 1);
}

static size_t
write_header(uint8_t bytes[SR_SEGMENT_HEADER_MAX], const char *subject, size_t subject_len)
{
    struct sr_segment_info info = {
        .run_id = RUN_ID,
        .number = NUMBER,
        .subject = { (const uint8_t *)subject, subject_len },
        .listener = span_of("udp://x"),
    };

    sr_segment_write_header(bytes, &info);
    return sr_segment_header_len(&info);
}

static void
what_was_torn_in_its_header_is_removed(void **state)
{
    static const size_t lengths[] = { 0, 1, 7, 8, 30, 71, 72, 100, 128, 135 };
    uint8_t bytes[SR_SEGMENT_HEADER_MAX];

    (void)state;
    assert_true(write_header(bytes, "logs.x", 6) > 135);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        make_file("0000000000000005.seg", bytes, lengths[i]);
        assert_found(0, NUMBER + 1);
        assert_int_equal(disk_files(&b, ""), 0);
    }
}

static void
a_newer_version_stays_and_its_number_is_not_used_again(void **state)
{
    uint8_t bytes[SR_SEGMENT_HEADER_MAX];
    size_t len = write_header(bytes, "logs.x", 6);
    uint32_t version = SR_SEGMENT_VERSION + 1;

    (void)state;
    memcpy(bytes + 12, &version, sizeof(version));
    make_file("0000000000000005.seg", bytes, len);
    assert_found(0, NUMBER + 1);
    assert_int_equal(disk_files(&b, ".seg"), 1);
}

static void
a_segment_under_another_number_is_set_aside(void **state)
{
    uint8_t bytes[SR_SEGMENT_HEADER_MAX];
    size_t len = write_header(bytes, "logs.x", 6);

    (void)state;
    make_file("0000000000000009.seg", bytes, len);
    assert_found(0, 10);
    assert_int_equal(disk_files(&b, ".corrupt"), 1);
}

/* They go to the server in a line of its protocol. */
static void
a_subject_that_cannot_be_one_is_set_aside(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } subjects[] = { { "", 0 }, { "logs\0x", 6 }, { "logs x", 6 }, { "logs.x\r\nPING", 12 },
        { "logs.\x7f", 6 } };
    uint8_t bytes[SR_SEGMENT_HEADER_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
        size_t len = write_header(bytes, subjects[i].text, subjects[i].len);
        make_file("0000000000000005.seg", bytes, len);
        assert_found(0, NUMBER + 1);
        assert_int_equal(disk_files(&b, ".seg"), 0);
    }
}

/* Or the next ones would begin at 0 again and meet files that are there. */
static void
a_number_that_leaves_none_for_others_is_set_aside(void **state)
{
    (void)state;
    make_file("ffffffffffffffff.seg", "hello", 5);
    assert_found(0, 1);
    assert_int_equal(disk_files(&b, ".corrupt"), 1);
}

static void
a_size_that_cannot_be_does_not_stop_the_lane(void **state)
{
    static const struct recovery open_file = { .name = "open" };
    static const uint64_t sizes[] = { UINT64_MAX - 100, 1ULL << 40 };
    uint64_t damaged = 0;
    struct found found;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        (void)leave_file(&open_file);
        disk_open(&b, SR_QUEUE_SPILL, 16 * MIB, NUMBER + 1);
        struct sr_segment_progress lie = {
            .sealed_size = sizes[i], .sealed_entries = RECORDS, .sealed_records = RECORDS
        };
        uint8_t bytes[SR_SEGMENT_PROGRESS_LEN];
        sr_segment_write_progress(bytes, &lie);
        int fd = sr_spool_reopen(b.spool, NUMBER);
        struct sr_span span = { bytes, sizeof(bytes) };
        assert_int_equal(sr_spool_write(fd, span, SR_SEGMENT_PROGRESS_OFFSET), 0);
        (void)close(fd);
        struct recover_options options = { .queue = b.queue, .spool = b.spool };
        struct recover_result result = { .damaged = &damaged };
        assert_int_equal(found_read(b.spool, &found), 0);
        assert_true(recover_attach(&options, &found, &result));
        struct sr_spooler *s = sr_spooler_start(&(struct sr_spooler_options){ .queue = b.queue });
        assert_non_null(s);
        read_all(0, RECORDS);
        (void)sr_spooler_stop(s);
        found_free(&found);
        disk_close(&b);
        disk_remove_dir(&b);
        disk_make_dir(&b);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)
    const struct CMUnitTest tests[] = {
        TEST(what_is_sent_again_follows_from_the_file_and_from_what_was_kept),
        TEST(what_is_no_segment_is_set_aside),
        TEST(what_was_torn_in_its_header_is_removed),
        TEST(a_newer_version_stays_and_its_number_is_not_used_again),
        TEST(a_segment_under_another_number_is_set_aside),
        TEST(a_subject_that_cannot_be_one_is_set_aside),
        TEST(a_number_that_leaves_none_for_others_is_set_aside),
        TEST(a_size_that_cannot_be_does_not_stop_the_lane),
    };
    sr_log_set_level((enum sr_log_level)0);
    return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
