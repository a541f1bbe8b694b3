/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "sr/crc32c.h"
#include "sr/segment.h"

#define NUMBER 0x1122334455667788U
#define ROOM 4096U
#define ENTRIES 4U

/* A small segment: entries of every padding, one of them with header lines, one empty. */
struct sample {
    uint8_t bytes[ROOM];
    size_t len;
    size_t header_len;
    size_t offset[ENTRIES + 1];
};

static const struct {
    const char *attributes, *body;
    uint32_t records;
} entries[ENTRIES] = {
    { "", "{\"a\":1}", 1 },
    { "Sr-Records: 3\r\n", "abc", 3 },
    { "", "", 0 },
    { "Sr-Reason: x\r\n", "", 70000 },
};

static struct sr_segment_info
sample_info(void)
{
    return (struct sr_segment_info){
        .run_id = 0xfedcba9876543210U,
        .number = NUMBER,
        .first_ns = 1700000000123456789U,
        .worker = 3,
        .dead = true,
        .subject = span_of("logs.syslog"),
        .content_type = span_of("application/json"),
        .listener = span_of("udp://0.0.0.0:514"),
    };
}

/* An entry with its crc; returns its size. */
static size_t
close_and_sign(uint8_t *at, uint64_t number, uint32_t index, uint32_t length, uint32_t attributes,
    uint32_t records)
{
    size_t size = sr_segment_close_entry(at, length, attributes, records);

    sr_segment_sign(at, number, 0, size, index);
    return size;
}

/* Appends an entry of two texts; returns its size. */
static size_t
append(uint8_t *at, uint64_t number, uint32_t index, const char *attributes, const char *body,
    uint32_t records)
{
    size_t attributes_len = strlen(attributes);
    size_t body_len = strlen(body);

    memcpy(at + SR_SEGMENT_ENTRY_LEN, attributes, attributes_len);
    memcpy(at + SR_SEGMENT_ENTRY_LEN + attributes_len, body, body_len);
    return close_and_sign(at, number, index, (uint32_t)(attributes_len + body_len),
        (uint32_t)attributes_len, records);
}

static void
make_sample(struct sample *s)
{
    struct sr_segment_info info = sample_info();

    memset(s->bytes, 0xa5, sizeof(s->bytes));
    s->header_len = sr_segment_header_len(&info);
    sr_segment_write_header(s->bytes, &info);
    s->len = s->header_len;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        s->offset[i] = s->len;
        s->len += append(s->bytes + s->len, NUMBER, i, entries[i].attributes, entries[i].body,
            entries[i].records);
    }
    s->offset[ENTRIES] = s->len;
}

static struct sr_span
span_of_sample(const struct sample *s)
{
    return (struct sr_span){ s->bytes, s->len };
}

static void
assert_span_is(struct sr_span span, const char *text)
{
    assert_int_equal(span.len, strlen(text));
    assert_memory_equal(span.data, text, span.len);
}

static void
assert_progress_is(const struct sr_segment_progress *a, const struct sr_segment_progress *b)
{
    assert_int_equal(a->sealed_size, b->sealed_size);
    assert_int_equal(a->sealed_records, b->sealed_records);
    assert_int_equal(a->sealed_entries, b->sealed_entries);
    assert_int_equal(a->acked_entries, b->acked_entries);
    assert_int_equal(a->acked_offset, b->acked_offset);
    assert_int_equal(a->acked_records, b->acked_records);
}

static const struct sr_segment_progress nothing_yet;

/* The progress of the sample with `progress` written into it, as it is read again. */
static struct sr_segment_progress
read_back(struct sample *s, const struct sr_segment_progress *progress)
{
    struct sr_segment_info info;
    struct sr_segment_progress back;
    size_t len;

    sr_segment_write_progress(s->bytes + SR_SEGMENT_PROGRESS_OFFSET, progress);
    assert_int_equal(sr_segment_read_header(span_of_sample(s), &info, &back, &len), SR_SEGMENT_OK);
    return back;
}

static void
a_header_is_read_as_it_was_written(void **state)
{
    static const struct {
        bool dead, by_sink;
        const char *listener;
    } cases[] = { { false, false, "" }, { true, false, "a" }, { false, true, "12345678" },
        { true, true, "udp://[::]:514" } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[SR_SEGMENT_HEADER_MAX];
        struct sr_segment_info info = sample_info(), back;
        struct sr_segment_progress progress;
        size_t len;

        info.dead = cases[i].dead;
        info.by_sink = cases[i].by_sink;
        info.listener = span_of(cases[i].listener);
        size_t written = sr_segment_header_len(&info);
        assert_int_equal(written % 8, 0);
        sr_segment_write_header(bytes, &info);
        assert_int_equal(
            sr_segment_read_header((struct sr_span){ bytes, written }, &back, &progress, &len),
            SR_SEGMENT_OK);
        assert_int_equal(len, written);
        assert_int_equal(back.run_id, info.run_id);
        assert_int_equal(back.number, info.number);
        assert_int_equal(back.first_ns, info.first_ns);
        assert_int_equal(back.worker, info.worker);
        assert_int_equal(back.dead, info.dead);
        assert_int_equal(back.by_sink, info.by_sink);
        assert_span_is(back.subject, "logs.syslog");
        assert_span_is(back.content_type, "application/json");
        assert_span_is(back.listener, cases[i].listener);
        assert_progress_is(&progress, &nothing_yet);
    }
}

static void
the_longest_texts_fit_into_the_largest_header(void **state)
{
    static const uint8_t text[SR_SEGMENT_TEXT_MAX];
    uint8_t bytes[SR_SEGMENT_HEADER_MAX];
    struct sr_span longest = { text, sizeof(text) };
    struct sr_segment_info info = {
        .subject = longest, .content_type = longest, .listener = longest
    };
    struct sr_segment_progress progress;
    size_t len = sr_segment_header_len(&info);

    (void)state;
    assert_true(len <= SR_SEGMENT_HEADER_MAX);
    sr_segment_write_header(bytes, &info);
    assert_int_equal(sr_segment_read_header((struct sr_span){ bytes, len }, &info, &progress, &len),
        SR_SEGMENT_OK);
    assert_int_equal(info.listener.len, SR_SEGMENT_TEXT_MAX);
    assert_ptr_equal(info.listener.data, info.subject.data + 2 * sizeof(text));
}

static void
a_header_without_texts_is_a_header(void **state)
{
    uint8_t bytes[SR_SEGMENT_HEADER_MAX];
    struct sr_segment_info info = { 0 };
    struct sr_segment_progress progress;
    size_t len = sr_segment_header_len(&info);

    (void)state;
    assert_int_equal(len, SR_SEGMENT_FIXED_LEN + SR_SEGMENT_PROGRESS_LEN);
    sr_segment_write_header(bytes, &info);
    assert_int_equal(sr_segment_read_header((struct sr_span){ bytes, len }, &info, &progress, &len),
        SR_SEGMENT_OK);
    assert_int_equal(info.subject.len, 0);
}

static void
entries_are_read_as_they_were_written(void **state)
{
    struct sample s;

    (void)state;
    make_sample(&s);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        struct sr_segment_entry checked, trusted;

        assert_int_equal(
            sr_segment_read_entry(span_of_sample(&s), NUMBER, s.offset[i], i, &checked),
            SR_SEGMENT_OK);
        assert_int_equal(checked.records, entries[i].records);
        assert_span_is(checked.attributes, entries[i].attributes);
        assert_span_is(checked.body, entries[i].body);
        assert_int_equal(checked.next, s.offset[i + 1]);
        sr_segment_get_entry(s.bytes, s.offset[i], &trusted);
        assert_int_equal(trusted.records, checked.records);
        assert_ptr_equal(trusted.attributes.data, checked.attributes.data);
        assert_int_equal(trusted.attributes.len, checked.attributes.len);
        assert_ptr_equal(trusted.body.data, checked.body.data);
        assert_int_equal(trusted.body.len, checked.body.len);
        assert_int_equal(trusted.next, checked.next);
    }
}

static void
there_is_nothing_at_and_behind_the_end(void **state)
{
    struct sample s;
    struct sr_segment_entry entry;

    (void)state;
    make_sample(&s);
    assert_int_equal(
        sr_segment_read_entry(span_of_sample(&s), NUMBER, s.len, ENTRIES, &entry), SR_SEGMENT_END);
    assert_int_equal(sr_segment_read_entry(span_of_sample(&s), NUMBER, SIZE_MAX, ENTRIES, &entry),
        SR_SEGMENT_END);
    assert_int_equal(
        sr_segment_read_entry((struct sr_span){ NULL, 0 }, NUMBER, 0, 0, &entry), SR_SEGMENT_END);
}

static void
a_check_counts_what_is_good(void **state)
{
    struct sample s;

    (void)state;
    make_sample(&s);
    struct sr_segment_scan scan = sr_segment_check(span_of_sample(&s), NUMBER, s.header_len, 0);
    assert_int_equal(scan.err, SR_SEGMENT_END);
    assert_int_equal(scan.end, s.len);
    assert_int_equal(scan.entries, ENTRIES);
    assert_int_equal(scan.records, 70004);
    scan = sr_segment_check(span_of_sample(&s), NUMBER, s.offset[2], 2);
    assert_int_equal(scan.err, SR_SEGMENT_END);
    assert_int_equal(scan.entries, ENTRIES);
    assert_int_equal(scan.records, 70000);
}

static void
an_entry_is_padded_with_zeros_to_a_multiple_of_four(void **state)
{
    (void)state;
    for (uint32_t length = 0; length < 9; length++) {
        uint8_t bytes[SR_SEGMENT_ENTRY_LEN + 16];

        memset(bytes, 0xff, sizeof(bytes));
        size_t size = close_and_sign(bytes, NUMBER, 0, length, 0, 1);
        assert_int_equal(size, sr_segment_entry_size(length));
        assert_int_equal(size, SR_SEGMENT_ENTRY_LEN + (length + 3) / 4 * 4);
        for (size_t i = SR_SEGMENT_ENTRY_LEN; i < sizeof(bytes); i++) {
            bool padding = i >= SR_SEGMENT_ENTRY_LEN + length && i < size;

            assert_int_equal(bytes[i], padding ? 0 : 0xff);
        }
    }
}

static void
no_prefix_of_a_segment_is_read_past_its_end(void **state)
{
    struct sample s;

    (void)state;
    make_sample(&s);
    for (size_t len = 0; len <= s.len; len++) {
        /* An exact-size copy, so that a sanitizer sees a read of one byte too far. */
        uint8_t *exact = malloc(len + (len == 0));
        struct sr_span bytes = { exact, len };
        struct sr_segment_info info;
        struct sr_segment_progress progress;
        size_t header_len;
        uint32_t whole = 0;

        assert_non_null(exact);
        memcpy(exact, s.bytes, len);
        assert_int_equal(sr_segment_read_header(bytes, &info, &progress, &header_len),
            len < s.header_len ? SR_SEGMENT_HEADER : SR_SEGMENT_OK);
        while (whole < ENTRIES && s.offset[whole + 1] <= len) {
            whole++;
        }
        struct sr_segment_scan scan = sr_segment_check(bytes, NUMBER, s.header_len, 0);
        assert_int_equal(scan.err, len <= s.offset[whole] ? SR_SEGMENT_END : SR_SEGMENT_TORN);
        assert_int_equal(scan.end, s.offset[whole]);
        assert_int_equal(scan.entries, whole);
        free(exact);
    }
}

/* What one damaged bit at `at` must do: the header is refused, or the progress is empty, or the
 * entries before it are good and its own is not. */
static void
assert_damage_is_noticed(const struct sample *s, size_t at)
{
    struct sr_segment_info info;
    struct sr_segment_progress progress;
    size_t header_len;
    uint32_t good = 0;
    enum sr_segment_err err =
        sr_segment_read_header(span_of_sample(s), &info, &progress, &header_len);

    if (at < SR_SEGMENT_PROGRESS_OFFSET ||
        (at >= SR_SEGMENT_PROGRESS_OFFSET + SR_SEGMENT_PROGRESS_LEN && at < s->header_len)) {
        assert_true(err == SR_SEGMENT_MAGIC || err == SR_SEGMENT_NEWER || err == SR_SEGMENT_HEADER);
        return;
    }
    assert_int_equal(err, SR_SEGMENT_OK);
    if (at < s->header_len) {
        assert_progress_is(&progress, &nothing_yet);
        return;
    }
    assert_int_equal(progress.acked_entries, 1);
    while (s->offset[good + 1] <= at) {
        good++;
    }
    struct sr_segment_scan scan = sr_segment_check(span_of_sample(s), NUMBER, header_len, 0);
    assert_true(scan.err == SR_SEGMENT_TORN || scan.err == SR_SEGMENT_DAMAGED);
    assert_int_equal(scan.end, s->offset[good]);
    assert_int_equal(scan.entries, good);
}

static void
every_damaged_bit_is_noticed(void **state)
{
    struct sample s;
    struct sr_segment_progress progress = { .acked_entries = 1, .acked_records = 1 };

    (void)state;
    make_sample(&s);
    progress.acked_offset = s.offset[1];
    assert_int_equal(read_back(&s, &progress).acked_entries, 1);
    for (size_t at = 0; at < s.len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            s.bytes[at] ^= (uint8_t)(1U << bit);
            assert_damage_is_noticed(&s, at);
            s.bytes[at] ^= (uint8_t)(1U << bit);
        }
    }
}

/* Where the format says what it is, and a mark of the host's order. */
enum {
    ORDER_OFFSET = 8,
    VERSION_OFFSET = 12,
    HEADER_LEN_OFFSET = 16,
    FLAGS_OFFSET = 20,
    TEXT_LEN_OFFSET = 52,
    CRC_OFFSET = 68,
};

static void
put32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

static enum sr_segment_err
read_header_of(const struct sample *s, size_t len)
{
    struct sr_segment_info info;
    struct sr_segment_progress progress;
    size_t header_len;

    return sr_segment_read_header((struct sr_span){ s->bytes, len }, &info, &progress, &header_len);
}

static void
a_segment_of_a_later_version_is_called_newer_whatever_follows(void **state)
{
    struct sample s;

    (void)state;
    make_sample(&s);
    put32(s.bytes + VERSION_OFFSET, SR_SEGMENT_VERSION + 1);
    assert_int_equal(read_header_of(&s, s.len), SR_SEGMENT_NEWER);
    memset(s.bytes + VERSION_OFFSET + 4, 0xff, 64);
    assert_int_equal(read_header_of(&s, s.len), SR_SEGMENT_NEWER);
    assert_int_equal(read_header_of(&s, VERSION_OFFSET + 4), SR_SEGMENT_NEWER);
    put32(s.bytes + ORDER_OFFSET, 0);
    assert_int_equal(read_header_of(&s, s.len), SR_SEGMENT_HEADER);
}

static void
a_segment_of_the_other_byte_order_is_called_that(void **state)
{
    struct sample s;

    (void)state;
    make_sample(&s);
    for (size_t i = 0; i < 2; i++) {
        uint8_t first = s.bytes[ORDER_OFFSET + i];

        s.bytes[ORDER_OFFSET + i] = s.bytes[ORDER_OFFSET + 3 - i];
        s.bytes[ORDER_OFFSET + 3 - i] = first;
    }
    assert_int_equal(read_header_of(&s, s.len), SR_SEGMENT_ORDER);
    /* Its version is swapped as well, and must not be taken for a later one. */
    put32(s.bytes + VERSION_OFFSET, SR_SEGMENT_VERSION << 24);
    assert_int_equal(read_header_of(&s, s.len), SR_SEGMENT_ORDER);
}

/*
 * tests/fuzz/make_segments.py wrote the file, from the description of the format alone. What one
 * version of the programs has queued, the next must read: these bytes never change.
 */
static void
the_bytes_of_version_1_are_what_they_have_always_been(void **state)
{
    const uint16_t one = 1;
    uint8_t want[ROOM], bytes[ROOM];
    struct sr_segment_info info = sample_info();
    FILE *f = fopen(SR_SOURCE_DIR "/tests/fuzz/corpus/segment/acked", "rb");

    (void)state;
    assert_non_null(f);
    size_t size = fread(want, 1, sizeof(want), f);
    (void)fclose(f);
    if (*(const uint8_t *)&one != 1) {
        skip(); /* the file is of the other byte order */
    }
    info.run_id = 0x0123456789abcdefU;
    info.number = 7;
    info.worker = 1;
    info.dead = false;
    size_t len = sr_segment_header_len(&info);
    sr_segment_write_header(bytes, &info);
    len += append(bytes + len, 7, 0, "", "{\"short_message\":\"a\"}", 1);
    size_t acked_offset = len;
    len += append(bytes + len, 7, 1, "Sr-Records: 2\r\n", "{\"a\":1}\n{\"b\":2}\n", 2);
    len += append(bytes + len, 7, 2, "Sr-Reason: format\r\nSr-Size: 0\r\n", "", 1);
    sr_segment_write_progress(
        bytes + SR_SEGMENT_PROGRESS_OFFSET, &(const struct sr_segment_progress){ .sealed_size = len,
                                                .sealed_records = 4,
                                                .sealed_entries = 3,
                                                .acked_entries = 1,
                                                .acked_offset = acked_offset,
                                                .acked_records = 1 });
    assert_int_equal(len, size);
    assert_memory_equal(bytes, want, size);
}

static void
what_is_no_segment_is_called_that(void **state)
{
    struct sample s;

    (void)state;
    memset(&s, 0, sizeof(s));
    assert_int_equal(read_header_of(&s, sizeof(s.bytes)), SR_SEGMENT_MAGIC);
    assert_int_equal(read_header_of(&s, 1), SR_SEGMENT_MAGIC);
    assert_int_equal(read_header_of(&s, 0), SR_SEGMENT_HEADER);
}

/* Gives the header the crc of what it says. The texts of the sample are left as long as they are.
 */
static void
mend_header(struct sample *s)
{
    size_t texts = SR_SEGMENT_FIXED_LEN + SR_SEGMENT_PROGRESS_LEN;
    uint32_t crc = sr_crc32c(0, s->bytes, CRC_OFFSET);

    put32(s->bytes + CRC_OFFSET, sr_crc32c(crc, s->bytes + texts, s->header_len - texts));
}

static void
a_header_that_lies_is_refused_even_with_the_right_crc(void **state)
{
    static const struct {
        size_t at;
        uint32_t value;
    } lies[] = {
        { ORDER_OFFSET, 0x01020300 },
        { VERSION_OFFSET, 0 },
        { HEADER_LEN_OFFSET, 0 },
        { HEADER_LEN_OFFSET, 128 },
        { HEADER_LEN_OFFSET, UINT32_MAX },
        { HEADER_LEN_OFFSET, UINT32_MAX - 7 },
        { FLAGS_OFFSET, 4 },
        { TEXT_LEN_OFFSET, 300 },
        { TEXT_LEN_OFFSET, UINT32_MAX },
        { TEXT_LEN_OFFSET, 0 },
        { TEXT_LEN_OFFSET + 4, SR_SEGMENT_TEXT_MAX },
        { TEXT_LEN_OFFSET + 8, UINT32_MAX - 40 },
    };
    struct sample s;

    (void)state;
    make_sample(&s);
    mend_header(&s);
    assert_int_equal(read_header_of(&s, s.len), SR_SEGMENT_OK);
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        make_sample(&s);
        put32(s.bytes + lies[i].at, lies[i].value);
        mend_header(&s);
        assert_int_equal(read_header_of(&s, s.len), SR_SEGMENT_HEADER);
    }
}

static void
a_text_that_is_too_long_is_refused_even_with_the_right_crc(void **state)
{
    static const uint8_t text[SR_SEGMENT_TEXT_MAX + 1];
    struct sample s = { .len = ROOM };
    struct sr_segment_info info = { .listener = { text, SR_SEGMENT_TEXT_MAX } };

    (void)state;
    sr_segment_write_header(s.bytes, &info);
    assert_int_equal(read_header_of(&s, s.len), SR_SEGMENT_OK);
    info.listener.len++;
    sr_segment_write_header(s.bytes, &info);
    assert_int_equal(read_header_of(&s, s.len), SR_SEGMENT_HEADER);
}

static void
an_entry_of_another_place_is_damaged(void **state)
{
    struct sample s;
    struct sr_segment_entry entry = { .records = 99 };

    (void)state;
    make_sample(&s);
    struct sr_span bytes = span_of_sample(&s);
    assert_int_equal(
        sr_segment_read_entry(bytes, NUMBER, s.offset[1], 2, &entry), SR_SEGMENT_DAMAGED);
    assert_int_equal(
        sr_segment_read_entry(bytes, NUMBER + 1, s.offset[1], 1, &entry), SR_SEGMENT_DAMAGED);
    assert_int_equal(sr_segment_read_entry(bytes, NUMBER ^ (1ULL << 40), s.offset[1], 1, &entry),
        SR_SEGMENT_DAMAGED);
    assert_int_equal(entry.records, 99);
    assert_int_equal(sr_segment_read_entry(bytes, NUMBER, s.offset[1], 1, &entry), SR_SEGMENT_OK);
}

static void
an_entry_with_more_header_lines_than_bytes_is_damaged(void **state)
{
    uint8_t bytes[SR_SEGMENT_ENTRY_LEN + 4];
    struct sr_segment_entry entry;

    (void)state;
    memcpy(bytes + SR_SEGMENT_ENTRY_LEN, "abcd", 4);
    (void)close_and_sign(bytes, NUMBER, 0, 4, 4, 1);
    assert_int_equal(
        sr_segment_read_entry((struct sr_span){ bytes, sizeof(bytes) }, NUMBER, 0, 0, &entry),
        SR_SEGMENT_OK);
    (void)close_and_sign(bytes, NUMBER, 0, 4, 5, 1);
    assert_int_equal(
        sr_segment_read_entry((struct sr_span){ bytes, sizeof(bytes) }, NUMBER, 0, 0, &entry),
        SR_SEGMENT_DAMAGED);
}

static void
an_entry_whose_length_passes_every_end_is_torn(void **state)
{
    static const uint32_t lengths[] = { 5, 4096, INT32_MAX, UINT32_MAX - 16, UINT32_MAX - 15,
        UINT32_MAX - 2, UINT32_MAX };

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint8_t bytes[SR_SEGMENT_ENTRY_LEN + 4] = { 0 };
        struct sr_segment_entry entry;

        put32(bytes, lengths[i]);
        assert_int_equal(
            sr_segment_read_entry((struct sr_span){ bytes, sizeof(bytes) }, NUMBER, 0, 0, &entry),
            SR_SEGMENT_TORN);
    }
}

static void
zeros_are_no_entry(void **state)
{
    static const uint8_t zeros[64];
    struct sr_segment_entry entry;

    (void)state;
    /* A file system may leave them where a write was lost. */
    for (uint32_t index = 0; index < 1000; index++) {
        assert_int_equal(sr_segment_read_entry(
                             (struct sr_span){ zeros, sizeof(zeros) }, NUMBER, 0, index, &entry),
            SR_SEGMENT_DAMAGED);
    }
}

static void
a_segment_may_lie_at_any_address(void **state)
{
    struct sample s;

    (void)state;
    make_sample(&s);
    for (size_t shift = 0; shift < 8; shift++) {
        uint8_t *block = malloc(shift + s.len);
        struct sr_segment_info info;
        struct sr_segment_progress progress;
        size_t len;

        assert_non_null(block);
        memcpy(block + shift, s.bytes, s.len);
        struct sr_span bytes = { block + shift, s.len };
        assert_int_equal(sr_segment_read_header(bytes, &info, &progress, &len), SR_SEGMENT_OK);
        assert_int_equal(sr_segment_check(bytes, NUMBER, len, 0).entries, ENTRIES);
        sr_segment_write_progress(block + shift + SR_SEGMENT_PROGRESS_OFFSET, &progress);
        (void)close_and_sign(block + shift, NUMBER, 0, 3, 0, 1);
        free(block);
    }
}

static void
progress_is_read_as_it_was_written(void **state)
{
    struct sample s;

    (void)state;
    make_sample(&s);
    const struct sr_segment_progress good[] = {
        { 0 },
        { .acked_entries = 2, .acked_offset = s.offset[2], .acked_records = 4 },
        { .sealed_size = s.len, .sealed_records = 70004, .sealed_entries = ENTRIES },
        { .sealed_size = s.len,
            .sealed_records = 70004,
            .sealed_entries = ENTRIES,
            .acked_entries = 3,
            .acked_offset = s.offset[3],
            .acked_records = 4 },
        { .sealed_size = s.len,
            .sealed_records = 70004,
            .sealed_entries = ENTRIES,
            .acked_entries = ENTRIES,
            .acked_offset = s.len,
            .acked_records = 70004 },
        { .sealed_size = s.header_len },
        { .sealed_size = UINT64_MAX,
            .sealed_records = UINT64_MAX,
            .sealed_entries = UINT32_MAX,
            .acked_entries = UINT32_MAX,
            .acked_offset = UINT64_MAX,
            .acked_records = UINT64_MAX },
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct sr_segment_progress back = read_back(&s, &good[i]);

        assert_progress_is(&back, &good[i]);
    }
}

static void
progress_that_cannot_be_is_empty(void **state)
{
    struct sample s;

    (void)state;
    make_sample(&s);
    const struct sr_segment_progress whole = { .sealed_size = s.len,
        .sealed_records = 70004,
        .sealed_entries = ENTRIES,
        .acked_entries = 2,
        .acked_offset = s.offset[2],
        .acked_records = 4 };
    struct sr_segment_progress bad[20];
    size_t n = 0;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bad[i] = whole;
    }
    bad[n++].acked_entries = ENTRIES + 1;
    bad[n++].acked_records = 70005;
    bad[n++].acked_offset = s.len + 4;
    bad[n++].acked_offset = s.len; /* and two entries are still to come */
    bad[n++].acked_offset = 0;
    bad[n++].acked_offset = s.header_len - 8;
    bad[n++].acked_offset = s.header_len + SR_SEGMENT_ENTRY_LEN; /* room for one entry, not two */
    bad[n++].acked_entries = 0;
    bad[n].acked_entries = ENTRIES; /* all, but before the end */
    bad[n++].acked_offset = s.offset[3];
    bad[n++].sealed_size = s.header_len;
    bad[n++].sealed_size = 1;
    bad[n++].sealed_size = 0; /* but with its other two */
    bad[n++].sealed_records = 3;
    bad[n++].sealed_entries = 1;
    bad[n++].sealed_entries = UINT32_MAX;
    bad[n++] = (struct sr_segment_progress){ .acked_records = 1 };
    bad[n++] = (struct sr_segment_progress){ .acked_offset = s.header_len };
    bad[n++] = (struct sr_segment_progress){ .sealed_entries = 1 };
    bad[n++] = (struct sr_segment_progress){ .sealed_records = 1 };
    bad[n++] = (struct sr_segment_progress){ .sealed_size = UINT64_MAX,
        .sealed_entries = 1,
        .acked_entries = 2,
        .acked_offset = s.offset[2] };
    assert_int_equal(n, sizeof(bad) / sizeof(bad[0]));
    for (size_t i = 0; i < n; i++) {
        struct sr_segment_progress back = read_back(&s, &bad[i]);

        assert_progress_is(&back, &nothing_yet);
    }
}

static void
progress_that_was_never_written_is_empty(void **state)
{
    static const uint8_t fills[] = { 0, 0xff };
    struct sample s;

    (void)state;
    make_sample(&s);
    for (size_t i = 0; i < sizeof(fills); i++) {
        struct sr_segment_info info;
        struct sr_segment_progress progress;
        size_t len;

        memset(s.bytes + SR_SEGMENT_PROGRESS_OFFSET, fills[i], SR_SEGMENT_PROGRESS_LEN);
        assert_int_equal(
            sr_segment_read_header(span_of_sample(&s), &info, &progress, &len), SR_SEGMENT_OK);
        assert_progress_is(&progress, &nothing_yet);
    }
}

static void
every_error_has_words_of_its_own(void **state)
{
    (void)state;
    for (int a = SR_SEGMENT_OK; a <= SR_SEGMENT_DAMAGED; a++) {
        const char *text = sr_segment_strerror((enum sr_segment_err)a);

        assert_string_not_equal(text, "unknown");
        for (int b = SR_SEGMENT_OK; b < a; b++) {
            assert_string_not_equal(text, sr_segment_strerror((enum sr_segment_err)b));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_read_as_it_was_written),
        cmocka_unit_test(the_longest_texts_fit_into_the_largest_header),
        cmocka_unit_test(a_header_without_texts_is_a_header),
        cmocka_unit_test(entries_are_read_as_they_were_written),
        cmocka_unit_test(there_is_nothing_at_and_behind_the_end),
        cmocka_unit_test(a_check_counts_what_is_good),
        cmocka_unit_test(an_entry_is_padded_with_zeros_to_a_multiple_of_four),
        cmocka_unit_test(no_prefix_of_a_segment_is_read_past_its_end),
        cmocka_unit_test(every_damaged_bit_is_noticed),
        cmocka_unit_test(a_segment_of_a_later_version_is_called_newer_whatever_follows),
        cmocka_unit_test(a_segment_of_the_other_byte_order_is_called_that),
        cmocka_unit_test(the_bytes_of_version_1_are_what_they_have_always_been),
        cmocka_unit_test(what_is_no_segment_is_called_that),
        cmocka_unit_test(a_header_that_lies_is_refused_even_with_the_right_crc),
        cmocka_unit_test(a_text_that_is_too_long_is_refused_even_with_the_right_crc),
        cmocka_unit_test(an_entry_of_another_place_is_damaged),
        cmocka_unit_test(an_entry_with_more_header_lines_than_bytes_is_damaged),
        cmocka_unit_test(an_entry_whose_length_passes_every_end_is_torn),
        cmocka_unit_test(zeros_are_no_entry),
        cmocka_unit_test(a_segment_may_lie_at_any_address),
        cmocka_unit_test(progress_is_read_as_it_was_written),
        cmocka_unit_test(progress_that_cannot_be_is_empty),
        cmocka_unit_test(progress_that_was_never_written_is_empty),
        cmocka_unit_test(every_error_has_words_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
