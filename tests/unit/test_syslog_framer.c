/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "frame/framer.h"
#include "mock_transport.h"

#define SHOWN_MAX 8192U
#define INPUT_MAX 512U

/* What came of a stream: messages with a '|' behind each, then "!REASON" when it was broken. */
struct seen {
    struct syslog_framer framer;
    char text[SHOWN_MAX];
    size_t len;
    size_t used;
    unsigned refusals; /* each message has no room so often */
    unsigned refused;
};

static enum sr_frame_state
frame(void *arg, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    struct seen *s = arg;
    enum sr_frame_state state = syslog_framer_next(&s->framer, bytes, last, ret_frame);

    if (state == SR_FRAME_SKIP) {
        s->used += ret_frame->used;
    }
    return state;
}

static bool
message(void *arg, struct sr_span text, size_t used)
{
    struct seen *s = arg;

    if (s->refused < s->refusals) {
        s->refused++;
        return false;
    }
    s->refused = 0;
    s->used += used;
    assert_in_range(text.len, 1, s->framer.options.max);
    assert_true(s->len + text.len + 1 < SHOWN_MAX);
    memcpy(s->text + s->len, text.data, text.len);
    s->len += text.len;
    s->text[s->len++] = '|';
    syslog_framer_taken(&s->framer);
    return true;
}

/* How much of what is broken has come may differ with the pieces; the reason may not. */
static void
broken(void *arg, struct sr_span bytes, const char *reason)
{
    struct seen *s = arg;

    assert_true(bytes.len > 0);
    s->len += (size_t)snprintf(s->text + s->len, SHOWN_MAX - s->len, "!%s", reason);
}

static void
run(const struct syslog_frame_options *options, const struct mock_step *steps, size_t count,
    unsigned refusals, struct seen *ret_seen)
{
    struct mock_transport transport = { .steps = steps, .count = count };
    struct sr_stream stream = { .max = options->max + SYSLOG_FRAME_OVERHEAD };
    struct sr_stream_user user = {
        .arg = ret_seen, .frame = frame, .message = message, .broken = broken
    };

    memset(ret_seen, 0, sizeof(*ret_seen));
    ret_seen->framer.options = *options;
    ret_seen->refusals = refusals;
    (void)mock_receive(&transport, &stream, &user);
    sr_stream_clear(&stream);
}

static void
assert_same(const struct seen *seen, const struct seen *whole)
{
    assert_int_equal(seen->len, whole->len);
    assert_memory_equal(seen->text, whole->text, whole->len);
    assert_int_equal(seen->used, whole->used);
    assert_memory_equal(&seen->framer.counts, &whole->framer.counts, sizeof(whole->framer.counts));
}

/* The stream gives the same however it is cut, however often there is no room, however it ends. */
static void
frames_in_all_ways(
    const struct syslog_frame_options *options, struct sr_span in, struct seen *whole)
{
    static struct seen seen;
    static struct mock_step bytewise[2 * INPUT_MAX];
    const struct mock_step one = { .bytes = in };

    assert_in_range(in.len, 1, INPUT_MAX);
    run(options, &one, 1, 0, whole);
    run(options, &one, 1, 3, &seen);
    assert_same(&seen, whole);
    for (size_t cut = 1; cut < in.len; cut++) {
        const struct mock_step two[] = {
            { .bytes = { in.data, cut } },
            { .error = EAGAIN },
            { .bytes = { in.data + cut, in.len - cut } },
            { .error = ECONNRESET },
        };
        run(options, two, 4, (unsigned)(cut % 3), &seen);
        assert_same(&seen, whole);
    }
    for (size_t i = 0; i < in.len; i++) {
        bytewise[2 * i] = (struct mock_step){ .bytes = { in.data + i, 1 } };
        bytewise[2 * i + 1] = (struct mock_step){ .error = EAGAIN };
    }
    for (unsigned refusals = 0; refusals < 2; refusals++) {
        run(options, bytewise, 2 * in.len, refusals, &seen);
        assert_same(&seen, whole);
    }
}

/* Texts with their lengths, as there may be NULs in them. */
struct row {
    struct sr_span in;
    struct sr_span out;
};

#define ROW(IN, OUT)                                                                               \
    {                                                                                              \
        { (const uint8_t *)(IN), sizeof(IN) - 1 },                                                 \
        {                                                                                          \
            (const uint8_t *)(OUT), sizeof(OUT) - 1                                                \
        }                                                                                          \
    }

static void
check(const struct syslog_frame_options *options, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        static struct seen whole;

        frames_in_all_ways(options, row->in, &whole);
        if (whole.len != row->out.len || memcmp(whole.text, row->out.data, whole.len) != 0) {
            fail_msg("row %zu `%s`: got `%.*s`, not `%s`", i, (const char *)row->in.data,
                (int)whole.len, whole.text, (const char *)row->out.data);
        }
    }
}

#define CHECK(OPTIONS, ROWS) check(&(OPTIONS), ROWS, sizeof(ROWS) / sizeof((ROWS)[0]))
static void
each_message_says_how_it_is_framed(void **state)
{
    static const struct syslog_frame_options options = { .max = 100 };
    static const struct row rows[] = {
        ROW("<1>a\n<2>b\n", "<1>a|<2>b|"),
        ROW("<1>a\r\n<2>b\r\n", "<1>a|<2>b|"),
        ROW("<1>a\0<2>b\0", "<1>a|<2>b|"),
        ROW("4 <1>a4 <2>b", "<1>a|<2>b|"),
        ROW("4 <1>a<2>b\n5 <3>cd<4>e\r\n", "<1>a|<2>b|<3>cd|<4>e|"),
        ROW("4 <1>a<2>b\0<3>c\n4 <4>d", "<1>a|<2>b|<3>c|<4>d|"),
        ROW("9 <1>a\n\0\r\nb<2>c\n", "<1>a\n\0\r\nb|<2>c|"),
        ROW("no header\n<1>x\n", "no header|<1>x|"),
        ROW(" at foo\n  at bar\n", " at foo|  at bar|"),
        ROW("{\"a\":1}\n", "{\"a\":1}|"),
    };

    (void)state;
    CHECK(options, rows);
}

static void
what_begins_with_a_digit_and_is_no_count_is_text(void **state)
{
    static const struct syslog_frame_options options = { .max = 100 };
    static const struct row rows[] = {
        ROW("2024-01-02T03:04:05Z host x\n", "2024-01-02T03:04:05Z host x|"),
        ROW("12 apples\n34 \n", "12 apples|34 |"),
        ROW("123\n4\n", "123|4|"),
        ROW("0 <1>a\n", "0 <1>a|"),
        ROW("007 <1>a\n", "007 <1>a|"),
        ROW("2147483648 <1>a\n<2>b\n", "2147483648 <1>a|<2>b|"),
        ROW("99999999999999999999999 <1>a\n", "99999999999999999999999 <1>a|"),
        ROW("16777217 <1>a\n", "16777217 <1>a|"),
        ROW("7", "7|"),
        ROW("7 ", "7 |"),
    };

    (void)state;
    CHECK(options, rows);
}

static void
frames_without_a_message_are_passed_over(void **state)
{
    static const struct syslog_frame_options options = { .max = 100 };
    static const struct row rows[] = {
        ROW("\n\n\r\n<1>a\n\n\n", "<1>a|"),
        ROW("\0\0<1>a\0\0\n\0", "<1>a|"),
        ROW("\r\n\r\n", ""),
        ROW("\n", ""),
    };

    (void)state;
    CHECK(options, rows);
}

/* Cisco's firewalls end counted messages with a LF that they do not count, or put a blank between.
 */
static void
a_firewall_that_adds_to_its_frames_stays_in_step(void **state)
{
    static const struct syslog_frame_options options = { .max = 100 };
    static const struct row rows[] = {
        ROW("4 <1>a\n4 <2>b\n", "<1>a|<2>b|"),
        ROW("4 <1>a\r\n4 <2>b\r\n", "<1>a|<2>b|"),
        ROW("<1>a\n <2>b\n <3>c\n", "<1>a|<2>b|<3>c|"),
        ROW("4 <1>a\n 4 <2>b", "<1>a|<2>b|"),
        ROW("4 <1>a\0004 <2>b", "<1>a|<2>b|"),
    };
    static const struct row octet_rows[] = {
        ROW("4 <1>a\n4 <2>b\r\n 4 <3>c", "<1>a|<2>b|<3>c|"),
    };
    struct syslog_frame_options octet = options;

    (void)state;
    CHECK(options, rows);
    octet.framing = SYSLOG_FRAMING_OCTET;
    CHECK(octet, octet_rows);
}

static void
behind_a_wrong_count_the_next_message_is_found(void **state)
{
    static const struct syslog_frame_options options = { .max = 100 };
    static const struct row rows[] = {
        /* Too small: what is left is a text of its own. */
        ROW("4 <1>abc6 <2>def4 <3>g", "<1>a|bc|<2>def|<3>g|"),
        ROW("4 <1>abc\n6 <2>def", "<1>a|bc|<2>def|"),
        ROW("4 <1>a7 4 <2>b", "<1>a|7 |<2>b|"),
        ROW("4 <1>a12x3 <4>4 <2>b", "<1>a|12x|<4>|<2>b|"),
        /* Too large: the next one's beginning is taken for its end. */
        ROW("6 <1>a4 <2>b4 <3>c", "<1>a4 |<2>b4 <3>c|"),
        ROW("7 <1>a4 <2>b4 <3>c", "<1>a4 <|2>b|<3>c|"),
    };
    struct syslog_frame_options octet = options;

    (void)state;
    CHECK(options, rows);
    octet.framing = SYSLOG_FRAMING_OCTET;
    check(&octet, rows, 1);
    static struct seen seen;
    frames_in_all_ways(&options, rows[0].in, &seen);
    assert_int_equal(seen.framer.counts.resyncs, 1);
}

static void
within_a_message_nothing_else_is_looked_for(void **state)
{
    static const struct syslog_frame_options options = { .max = 100 };
    static const struct row rows[] = {
        ROW("<1>see 4 <2>b\n", "<1>see 4 <2>b|"),
        ROW("no header 4 <2>b\n", "no header 4 <2>b|"),
        ROW("13 <1>a\n4 <2>b\n\n<3>c\n", "<1>a\n4 <2>b\n\n|<3>c|"),
    };

    (void)state;
    CHECK(options, rows);
}

static void
counted_streams_take_no_other_framing(void **state)
{
    static const struct syslog_frame_options options = { .framing = SYSLOG_FRAMING_OCTET,
        .max = 20 };
    static const struct row rows[] = {
        ROW("4 <1>a5 plain3 \n\n\n", "<1>a|plain|\n\n\n|"),
        ROW("<1>a\n", "!octet_count"),
        ROW("GET / HTTP/1.1\r\n\r\n", "!octet_count"),
        ROW("0 <1>a", "!octet_count"),
        ROW("12x", "!octet_count"),
        ROW("4 <1>a2147483648 <1>", "<1>a|!octet_count"),
        ROW("4294967300 <1>a", "!octet_count"),
        ROW("18446744073709551620 <1>a", "!octet_count"),
        ROW("4 <1>aGarbage without an end, or a count", "<1>a|!octet_count"),
    };

    (void)state;
    CHECK(options, rows);
}

static void
lines_end_at_a_line_feed_only(void **state)
{
    static const struct syslog_frame_options options = { .framing = SYSLOG_FRAMING_LF, .max = 20 };
    static const struct row rows[] = {
        ROW("4 <1>a\n", "4 <1>a|"),
        ROW(" <1>a\r\nx\r\r\n", " <1>a|x\r|"),
        ROW("\n\na\rb\n", "a\rb|"),
        ROW("a\0b\n\0\n", "a\0b|\0|"),
    };

    (void)state;
    CHECK(options, rows);
}

static void
a_nul_ends_messages_of_many_lines(void **state)
{
    static const struct syslog_frame_options options = { .framing = SYSLOG_FRAMING_NUL, .max = 20 };
    static const struct row rows[] = {
        ROW("<1>a\nb\r\n\0<2>c\0\0", "<1>a\nb\r\n|<2>c|"),
        ROW("4 <1>a\0", "4 <1>a|"),
    };

    (void)state;
    CHECK(options, rows);
}

static void
what_is_too_long_is_split_and_nothing_is_lost(void **state)
{
    static const struct syslog_frame_options options = { .max = 8 };
    static const struct row rows[] = {
        ROW("<1>45678\n<2>b\n", "<1>45678|<2>b|"),    /* just fits */
        ROW("<1>45678\r\n<2>b\n", "<1>45678|<2>b|"),  /* so does this */
        ROW("<1>456789\n<2>b\n", "<1>45678|9|<2>b|"), /* and this does not */
        ROW("<1>4567890123456\n<2>b\n", "<1>45678|90123456|<2>b|"),
        ROW("<1>4567 4 <2>b\n<2>c\n", "<1>4567 |4 <2>b|<2>c|"), /* not looked for within */
        ROW("8 <1>456784 <2>b", "<1>45678|<2>b|"),
        ROW("9 <1>4567894 <2>b", "<1>45678|9|<2>b|"),
        ROW("19 <1>4567\n4 <2>b45678\n4 <2>b", "<1>4567\n|4 <2>b45|678|<2>b|"),
        ROW("20 <1>4567\n4 <2>b4567894 <2>b", "<1>4567\n|4 <2>b45|6789|<2>b|"),
    };
    static struct seen seen;

    (void)state;
    CHECK(options, rows);
    frames_in_all_ways(&options, rows[8].in, &seen);
    assert_int_equal(seen.framer.counts.split, 2);
    assert_int_equal(seen.framer.counts.truncated, 0);
}

static void
what_is_too_long_is_cut_when_told_to(void **state)
{
    static const struct syslog_frame_options options = { .oversize = SYSLOG_OVERSIZE_TRUNCATE,
        .max = 8 };
    static const struct row rows[] = {
        ROW("<1>45678\r\n<2>b\n", "<1>45678|<2>b|"),
        ROW("<1>4567890 4 <2>c\n<2>b\n", "<1>45678|<2>b|"),
        ROW("20 <1>4567\n4 <2>b4567894 <2>b", "<1>4567\n|<2>b|"),
        ROW("<1>4567890123", "<1>45678|"),
        ROW("99 <1>4567890123", "<1>45678|"),
        ROW("4 <1>alost and lost again 4 <2>b", "<1>a|lost and|<2>b|"),
        ROW("4 <1>alost and 123456789 <2>b\n<3>c\n", "<1>a|lost and|<3>c|"),
    };
    static struct seen seen;

    (void)state;
    CHECK(options, rows);
    frames_in_all_ways(&options, rows[2].in, &seen);
    assert_int_equal(seen.framer.counts.truncated, 1);
    assert_int_equal(seen.framer.counts.truncated_bytes, 12);
    assert_int_equal(seen.framer.counts.split, 0);
}

static void
a_cut_is_made_between_characters(void **state)
{
    static const struct syslog_frame_options options = { .max = 8 };
    static const struct row rows[] = {
        ROW("1234567\xc3\xa4x\n", "1234567|\xc3\xa4x|"),
        ROW("123456\xe2\x82\xacx\n", "123456|\xe2\x82\xacx|"),
        ROW("12345\xf0\x9f\x98\x80x\n", "12345|\xf0\x9f\x98\x80x|"),
        ROW("1234\xf0\x9f\x98\x80x\n", "1234\xf0\x9f\x98\x80|x|"),
        ROW("1234\x80\x80\x80\x80\x80x\n", "1234\x80\x80\x80\x80|\x80x|"), /* none there */
        ROW("12 1234567\xc3\xa4xyz", "12 12345|67\xc3\xa4xyz|"),
    };
    static const struct row octet_rows[] = {
        ROW("12 1234567\xc3\xa4xyz4 <1>a", "1234567|\xc3\xa4xyz|<1>a|"),
    };
    struct syslog_frame_options octet = options;

    (void)state;
    CHECK(options, rows);
    octet.framing = SYSLOG_FRAMING_OCTET;
    CHECK(octet, octet_rows);
}

static void
what_is_incomplete_at_the_end_is_a_message_or_truncated(void **state)
{
    static const struct row rows[] = {
        ROW("<1>a\n<2>b", "<1>a|<2>b|"),
        ROW("4 <1>a9 <2>b", "<1>a|<2>b|"),
        ROW("4 <1>a9 <2>\r", "<1>a|<2>\r|"),
        ROW("<1>a\n12", "<1>a|12|"),
        ROW("4 <1>abc", "<1>a|bc|"),
    };
    static const struct row dead[] = {
        ROW("<1>a\n<2>b", "<1>a|!truncated"), ROW("4 <1>a9 <2>b", "<1>a|!truncated"),
        ROW("4 <1>a12", "<1>a|!truncated"), ROW("<1>a\n", "<1>a|"), /* nothing is */
    };
    struct syslog_frame_options options = { .max = 20 };
    static struct seen seen;

    (void)state;
    CHECK(options, rows);
    frames_in_all_ways(&options, rows[1].in, &seen);
    assert_int_equal(seen.framer.counts.incomplete, 1);
    options.incomplete = SYSLOG_INCOMPLETE_DEADLETTER;
    CHECK(options, dead);
    options.framing = SYSLOG_FRAMING_OCTET;
    check(&options, dead + 1, 2);
}

/* A stream of all that there is, with seeded cuts: no byte is lost and all ways give the same. */
static void
every_short_stream_of_telling_bytes_gives_the_same_in_all_ways(void **state)
{
    static const char alphabet[] = "12 <>\n\r\0a\xc3";
    static struct seen whole;
    uint64_t seed = 42;

    (void)state;
    for (unsigned round = 0; round < 4000; round++) {
        uint8_t in[40];
        size_t len = 1 + round % sizeof(in);
        for (size_t i = 0; i < len; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
            in[i] = (uint8_t)alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
        }
        const struct syslog_frame_options options = {
            .framing = (enum syslog_framing)(round / 40 % 4),
            .oversize = (enum syslog_oversize)(round / 160 % 2),
            .incomplete = (enum syslog_incomplete)(round / 320 % 2),
            .max = 8 + round / 640,
        };
        frames_in_all_ways(&options, (struct sr_span){ in, len }, &whole);
        bool is_broken = whole.len > 0 && memchr(whole.text, '!', whole.len) != NULL;
        assert_true(!is_broken || memcmp(whole.text + whole.len - 7, "framing", 7) != 0);
        assert_true(is_broken || whole.used == len);
    }
}

static void
a_line_that_comes_byte_by_byte_is_looked_at_once(void **state)
{
    enum { LEN = 60000 };
    static uint8_t bytes[LEN];
    struct syslog_framer f = { .options = { .max = LEN } };
    struct sr_frame frame_of;

    (void)state;
    memset(bytes, 'a', sizeof(bytes));
    for (size_t len = 1; len <= LEN; len++) {
        assert_int_equal(syslog_framer_next(&f, (struct sr_span){ bytes, len }, false, &frame_of),
            SR_FRAME_MORE);
        assert_int_equal(f.scanned, len);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_says_how_it_is_framed),
        cmocka_unit_test(what_begins_with_a_digit_and_is_no_count_is_text),
        cmocka_unit_test(frames_without_a_message_are_passed_over),
        cmocka_unit_test(a_firewall_that_adds_to_its_frames_stays_in_step),
        cmocka_unit_test(behind_a_wrong_count_the_next_message_is_found),
        cmocka_unit_test(within_a_message_nothing_else_is_looked_for),
        cmocka_unit_test(counted_streams_take_no_other_framing),
        cmocka_unit_test(lines_end_at_a_line_feed_only),
        cmocka_unit_test(a_nul_ends_messages_of_many_lines),
        cmocka_unit_test(what_is_too_long_is_split_and_nothing_is_lost),
        cmocka_unit_test(what_is_too_long_is_cut_when_told_to),
        cmocka_unit_test(a_cut_is_made_between_characters),
        cmocka_unit_test(what_is_incomplete_at_the_end_is_a_message_or_truncated),
        cmocka_unit_test(every_short_stream_of_telling_bytes_gives_the_same_in_all_ways),
        cmocka_unit_test(a_line_that_comes_byte_by_byte_is_looked_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
