/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>

#include "shell/batch.h"

#define NDJSON "application/x-ndjson"
#define HEAD(TYPE, RECORDS) "Content-Type: " TYPE "\r\nSr-Records: " RECORDS "\r\n"

static const struct batch_options lines = {
    .content_type = NDJSON, .records = 1000, .bytes = 65536
};
static const struct batch_options lengths = {
    .content_type = "application/x-protobuf", .delimited = true, .records = 1000, .bytes = 65536
};

static struct sr_queue *queue;
static struct sr_lane *lane;
static struct sr_worker_stats stats;
static struct batch b;

static int
set_up(void **state)
{
    struct sr_queue_options options = { .memory = 1U << 20, .listeners = 1, .run_id = 1 };
    struct sr_lane_options records = { .subject = "x" };

    (void)state;
    queue = sr_queue_new(&options);
    lane = sr_queue_add_lane(queue, &records);
    memset(&stats, 0, sizeof(stats));
    return lane == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    sr_queue_free(queue);
    return 0;
}

static void
begin(const struct batch_options *options)
{
    batch_init(&b, lane, &stats, options);
}

/* Writes a record that might have had `max` bytes. */
static void
put_within(const char *text, size_t max)
{
    uint8_t *room = batch_reserve(&b, max, 1);

    assert_non_null(room);
    memset(room, '#', max); /* all of it is ours */
    memcpy(room, text, strlen(text));
    batch_commit(&b, strlen(text), 1);
}

static void
put(const char *text)
{
    put_within(text, strlen(text));
}

/* Writes a record of `len` bytes. */
static void
put_long(size_t len)
{
    uint8_t *room = batch_reserve(&b, len, 1);

    assert_non_null(room);
    memset(room, 'x', len);
    batch_commit(&b, len, 1);
}

static struct sr_entry
next(void)
{
    struct sr_entry e;

    sr_lane_flush(lane);
    assert_true(sr_lane_next(lane, &e));
    return e;
}

static void
settle(const struct sr_entry *e)
{
    sr_lane_settle(lane, e->segment, e->index, e->records);
}

static void
expect_none(void)
{
    struct sr_entry e;

    sr_lane_flush(lane);
    assert_false(sr_lane_next(lane, &e));
}

static void
expect_entry(const char *attributes, const char *body, uint32_t records)
{
    struct sr_entry e = next();

    assert_int_equal(e.attributes.len, strlen(attributes));
    assert_memory_equal(e.attributes.data, attributes, e.attributes.len);
    assert_int_equal(e.body.len, strlen(body));
    assert_memory_equal(e.body.data, body, e.body.len);
    assert_int_equal(e.records, records);
    settle(&e);
}

static void
each_line_of_a_batch_is_a_record(void **state)
{
    (void)state;
    begin(&lines);
    put("{\"a\":1}");
    put_within("{\"a\":2}\n", 200); /* which has its newline */
    put_within("{\"a\":3}", 200);
    assert_int_equal(sr_counted(&stats.records), 0);
    assert_int_equal(sr_counted(&stats.batching), 3);
    expect_none();
    batch_close(&b);
    assert_int_equal(sr_counted(&stats.records), 3);
    assert_int_equal(sr_counted(&stats.batching), 0);
    expect_entry(HEAD(NDJSON, "3"), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", 3);
    batch_close(&b);
    expect_none();
}

static void
a_varint_before_each_record_says_how_long_it_is(void **state)
{
    /* Lengths around where a varint gets longer, and what they were thought to be at most. */
    static const struct {
        size_t len, max;
    } records[] = { { 1, 1 }, { 127, 127 }, { 127, 128 }, { 128, 128 }, { 5, 16383 }, { 5, 16384 },
        { 16383, 16384 }, { 16384, 16384 } };
    enum { COUNT = sizeof(records) / sizeof(records[0]) };

    (void)state;
    begin(&lengths);
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t *room = batch_reserve(&b, records[i].max, 1);
        assert_non_null(room);
        memset(room, '#', records[i].max);
        memset(room, 'a' + (int)i, records[i].len);
        batch_commit(&b, records[i].len, 1);
    }
    batch_close(&b);
    struct sr_entry e = next();
    assert_int_equal(e.records, COUNT);
    struct sr_span left = e.body;
    for (size_t i = 0; i < COUNT; i++) {
        uint32_t len = 0;
        for (unsigned shift = 0, more = 1; more != 0 && shift < 32; shift += 7) {
            assert_true(left.len > 0);
            more = *left.data & 0x80U;
            len |= (*left.data & 0x7fU) << shift;
            left.data++;
            left.len--;
        }
        assert_int_equal(len, records[i].len);
        assert_true(left.len >= len);
        assert_int_equal(left.data[0], 'a' + (int)i);
        assert_int_equal(left.data[len - 1], 'a' + (int)i);
        left.data += len;
        left.len -= len;
    }
    assert_int_equal(left.len, 0);
    settle(&e);
}

static void
so_many_records_close_a_batch(void **state)
{
    struct batch_options two = lines;

    (void)state;
    two.records = 2;
    begin(&two);
    put("a");
    put("b");
    put("c");
    expect_entry(HEAD(NDJSON, "2"), "a\nb\n", 2);
    expect_none();
    batch_close(&b);
    expect_entry(HEAD(NDJSON, "1"), "c\n", 1);
}

static void
so_many_bytes_close_a_batch(void **state)
{
    struct batch_options small = lines;

    (void)state;
    small.bytes = 1024;
    begin(&small);
    put_long(511);
    expect_none();
    put_long(511); /* exactly 1024 with the newlines */
    struct sr_entry e = next();
    assert_int_equal(e.body.len, 1024);
    settle(&e);
}

static void
a_record_that_may_not_fit_goes_into_the_next_batch(void **state)
{
    struct batch_options small = lines;

    (void)state;
    small.bytes = 1024;
    begin(&small);
    put("a");
    put_within("b", 1022); /* 2 + 1023 are too many */
    expect_entry(HEAD(NDJSON, "1"), "a\n", 1);
    put("c");
    batch_close(&b);
    expect_entry(HEAD(NDJSON, "2"), "b\nc\n", 2);
}

static void
a_record_larger_than_a_batch_is_one_of_its_own(void **state)
{
    struct batch_options small = lines;

    (void)state;
    small.bytes = 1024;
    begin(&small);
    put("a");
    put_long(5000);
    put("b");
    batch_close(&b);
    expect_entry(HEAD(NDJSON, "1"), "a\n", 1);
    struct sr_entry e = next();
    assert_int_equal(e.records, 1);
    assert_int_equal(e.body.len, 5001);
    settle(&e);
    expect_entry(HEAD(NDJSON, "1"), "b\n", 1);
}

static void
the_header_has_the_number_however_many_digits_it_has(void **state)
{
    static const unsigned counts[] = { 1, 9, 10, 99, 100, 12, 3, 999, 1000 };
    char attributes[128], body[4096];

    (void)state;
    begin(&lines);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        size_t len = 0;
        for (unsigned k = 0; k < counts[i]; k++) {
            body[len] = (char)('a' + k % 26);
            put((char[]){ body[len], '\0' });
            body[len + 1] = '\n';
            len += 2;
        }
        body[len] = '\0';
        batch_close(&b);
        (void)snprintf(attributes, sizeof(attributes), HEAD(NDJSON, "%u"), counts[i]);
        expect_entry(attributes, body, counts[i]);
    }
}

static void
what_was_reserved_and_not_used_is_no_record(void **state)
{
    (void)state;
    begin(&lines);
    assert_non_null(batch_reserve(&b, 100, 1));
    batch_close(&b);
    expect_none();
    put("a");
    assert_non_null(batch_reserve(&b, 100, 1));
    put("b");
    batch_close(&b);
    expect_entry(HEAD(NDJSON, "2"), "a\nb\n", 2);
}

static void
an_open_batch_does_not_hinder_a_flush_of_the_ones_before(void **state)
{
    struct batch_options two = lines;

    (void)state;
    two.records = 2;
    begin(&two);
    for (unsigned i = 0; i < 10000; i++) { /* through several segments */
        put("0123456789012345678901234567890123456789");
        put("b");
        put("c");
        struct sr_entry e = next();
        assert_int_equal(e.records, 2);
        settle(&e);
        put("d");
        expect_entry(HEAD(NDJSON, "2"), "c\nd\n", 2);
    }
    assert_int_equal(sr_lane_queued(lane), 0);
}

/* Replaces the queue by one of so much memory and fills it; returns the bytes of records in it. */
static uint64_t
fill_a_queue(uint64_t memory, size_t batch_bytes)
{
    struct sr_queue_options options = { .memory = memory, .listeners = 1, .run_id = 1 };
    struct sr_lane_options records = { .subject = "x" };
    struct batch_options large = lines;
    uint64_t bytes = 0;
    uint8_t *room;

    sr_queue_free(queue);
    queue = sr_queue_new(&options);
    lane = sr_queue_add_lane(queue, &records);
    large.bytes = batch_bytes;
    large.records = 65535;
    begin(&large);
    while ((room = batch_reserve(&b, 150, 1)) != NULL) {
        memset(room, 'x', 150);
        batch_commit(&b, 150, 1);
        bytes += 151;
    }
    batch_close(&b);
    sr_lane_flush(lane);
    assert_string_equal(sr_lane_refusal(lane), "queue_full");
    assert_int_equal(sr_lane_queued(lane), bytes / 151);
    assert_int_equal(sr_counted(&stats.records), bytes / 151);
    return bytes;
}

static void
batches_fill_segments_to_their_end(void **state)
{
    struct sr_queue_status status;

    (void)state;
    uint64_t bytes = fill_a_queue(16U << 20, 65536);
    sr_queue_status(queue, &status);
    assert_true(bytes > status.memory_used / 100 * 90);
}

static void
a_queue_without_room_for_a_whole_batch_takes_smaller_ones(void **state)
{
    (void)state;
    uint64_t bytes = fill_a_queue(1U << 20, SR_RECORD_MAX);
    memset(&stats, 0, sizeof(stats));
    uint64_t small = fill_a_queue(1U << 20, 1024);
    assert_true(bytes > small / 100 * 75);
}

#define batched(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        batched(each_line_of_a_batch_is_a_record),
        batched(a_varint_before_each_record_says_how_long_it_is),
        batched(so_many_records_close_a_batch),
        batched(so_many_bytes_close_a_batch),
        batched(a_record_that_may_not_fit_goes_into_the_next_batch),
        batched(a_record_larger_than_a_batch_is_one_of_its_own),
        batched(the_header_has_the_number_however_many_digits_it_has),
        batched(what_was_reserved_and_not_used_is_no_record),
        batched(an_open_batch_does_not_hinder_a_flush_of_the_ones_before),
        batched(batches_fill_segments_to_their_end),
        batched(a_queue_without_room_for_a_whole_batch_takes_smaller_ones),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
