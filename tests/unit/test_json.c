/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sr/json.h"

#include "sr/banned.h"

static uint8_t memory[1024];

static void
written_as(const void *text, size_t len, const char *want)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    struct sr_buf b = sr_buf_over(memory, sizeof(memory));

    assert_non_null(exact);
    memcpy(exact, text, len);
    sr_json_string(&b, (struct sr_span){ exact, len });
    free(exact);
    sr_buf_put(&b, '\0');
    assert_string_equal((const char *)memory, want);
}

static void
double_as(double value, const char *want)
{
    struct sr_buf b = sr_buf_over(memory, sizeof(memory));

    sr_json_double(&b, value);
    sr_buf_put(&b, '\0');
    assert_string_equal((const char *)memory, want);
}

static void
control_characters_quotes_and_backslashes_are_escaped(void **state)
{
    (void)state;
    written_as("\"\\\b\f\n\r\t", 7, "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    written_as("\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"");
    written_as("", 0, "\"\"");
    written_as("/", 1, "\"/\"");
}

static void
every_single_byte_is_written_as_json(void **state)
{
    (void)state;
    /* At every place of a word, because whole words are looked at at once. */
    for (unsigned c = 0; c < 0x80; c++) {
        for (size_t at = 0; at < 17; at++) {
            char text[18];
            char want[40] = "\"";
            memset(text, 'x', sizeof(text));
            text[at] = (char)c;
            size_t n = 1 + at;
            memset(want + 1, 'x', at);
            if (c == '"' || c == '\\') {
                n += (size_t)snprintf(want + n, sizeof(want) - n, "\\%c", (int)c);
            } else if (c < 0x20 && strchr("\b\f\n\r\t", (int)c) != NULL && c != 0) {
                static const char from[] = "\b\f\n\r\t";
                static const char to[] = "bfnrt";
                char letter = to[strchr(from, (int)c) - from];
                n += (size_t)snprintf(want + n, sizeof(want) - n, "\\%c", letter);
            } else if (c < 0x20) {
                n += (size_t)snprintf(want + n, sizeof(want) - n, "\\u%04x", c);
            } else {
                want[n++] = (char)c;
            }
            memset(want + n, 'x', 17 - at);
            n += 17 - at;
            want[n++] = '"';
            want[n] = '\0';
            written_as(text, sizeof(text), want);
        }
    }
}

static void
well_formed_utf8_is_kept(void **state)
{
    static const char *const texts[] = { "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
        "abcdefgh\xc3\xa4ijklmnopqrst\xe2\x82\xac" };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char want[64];
        (void)snprintf(want, sizeof(want), "\"%s\"", texts[i]);
        written_as(texts[i], strlen(texts[i]), want);
        assert_true(sr_utf8_valid(span_of(texts[i])));
    }
    assert_true(sr_utf8_valid((struct sr_span){ NULL, 0 }));
}

#define U "\xef\xbf\xbd"

static void
each_maximal_subpart_becomes_one_replacement_character(void **state)
{
    static const struct {
        const char *in;
        const char *want;
    } cases[] = {
        { "\x80", U },
        { "\xff", U },
        { "\xc0\xaf", U U },             /* overlong */
        { "\xc2", U },                   /* cut short */
        { "\xc2x", U "x" },              /* the byte after it is not eaten */
        { "\xe0\x80\x80", U U U },       /* overlong */
        { "\xe2\x82", U },               /* cut short: one subpart */
        { "\xe2\x82x", U "x" },          /* */
        { "\xed\xa0\x80", U U U },       /* surrogate U+D800 */
        { "\xed\xbf\xbf", U U U },       /* surrogate U+DFFF */
        { "\xf0\x80\x80\x80", U U U U }, /* overlong */
        { "\xf0\x9f\x92", U },           /* cut short */
        { "\xf4\x90\x80\x80", U U U U }, /* above U+10FFFF */
        { "\xf5\x80", U U },
        /* Unicode 15, table 3-8 */
        { "\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64", "a" U U U "b" U "c" U U "d" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char want[64];
        (void)snprintf(want, sizeof(want), "\"%s\"", cases[i].want);
        written_as(cases[i].in, strlen(cases[i].in), want);
        assert_false(sr_utf8_valid(span_of(cases[i].in)));
    }
}

/* From and into memory of exactly their size, and with one byte that is not plain at each place. */
static void
texts_of_every_length_are_written_whole(void **state)
{
    enum { LONGEST = 40 };

    (void)state;
    for (size_t len = 0; len <= LONGEST; len++) {
        for (size_t at = 0; at <= len; at++) {
            uint8_t *text = malloc(len + (len == 0));
            uint8_t want[LONGEST + 2];
            size_t want_len = 0;
            assert_non_null(text);
            for (size_t i = 0; i < len; i++) {
                text[i] = i == at ? '"' : (uint8_t)('a' + i % 26);
                if (i == at) {
                    want[want_len++] = '\\';
                }
                want[want_len++] = text[i];
            }
            for (size_t more = 0; more < 12; more++) {
                uint8_t *room = malloc(want_len + more + 1);
                assert_non_null(room);
                struct sr_buf b = sr_buf_over(room, want_len + more);
                sr_json_string_part(&b, (struct sr_span){ text, len });
                assert_false(b.overflow);
                assert_int_equal(b.len, want_len);
                assert_memory_equal(room, want, want_len);
                free(room);
            }
            free(text);
        }
    }
}

static void
what_does_not_fit_overflows(void **state)
{
    char out[4];
    struct sr_buf b = sr_buf_over(out, sizeof(out));

    (void)state;
    sr_json_text(&b, "abc");
    assert_true(b.overflow);
    b = sr_buf_over(out, sizeof(out));
    sr_json_text(&b, "ab");
    assert_false(b.overflow);
    assert_memory_equal(out, "\"ab\"", 4);
}

static void
doubles_are_spelled_as_rust_does(void **state)
{
    (void)state;
    double_as(0.0, "0.0");
    double_as(-0.0, "-0.0");
    double_as(1.0, "1.0");
    double_as(-1.5, "-1.5");
    double_as(1786014924.0, "1786014924.0");
    double_as(1065910455.003, "1065910455.003");
    double_as(1438790025.637824, "1438790025.637824");
    double_as(0.1, "0.1");
    double_as(0.3, "0.3");
    double_as(0.1 + 0.2, "0.30000000000000004");
    double_as(0.00001, "0.00001");
    double_as(0.00012345, "0.00012345");
    double_as(0.000001, "1e-6");
    double_as(1.5e-7, "1.5e-7");
    double_as(1e15, "1000000000000000.0");
    double_as(123456789012345.6, "123456789012345.6");
    double_as(9007199254740993.0, "9007199254740992.0");
    double_as(1e16, "1e16");
    double_as(1.5e16, "1.5e16");
    double_as(1e21, "1e21");
    double_as(1e300, "1e300");
    double_as(DBL_MAX, "1.7976931348623157e308");
    double_as(DBL_MIN, "2.2250738585072014e-308");
    double_as(5e-324, "5e-324");
    double_as(1.2e-322, "1.2e-322");
    double_as((double)NAN, "null");
    double_as((double)INFINITY, "null");
    double_as(-(double)INFINITY, "null");
}

/* xorshift64: the same numbers on every run. */
static uint64_t
next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static size_t
count_digits(const char *text)
{
    size_t n = 0;
    size_t zeros = 0;
    bool leading = true;

    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text < '0' || *text > '9') {
            continue;
        }
        leading = leading && *text == '0';
        zeros = *text == '0' && !leading ? zeros + 1 : 0;
        n += leading ? 0 : 1;
    }
    return n - zeros;
}

/* The text of `value` reads back as `value`, and no text of fewer digits does. */
static void
reads_back_shortest(double value)
{
    struct sr_buf b = sr_buf_over(memory, sizeof(memory));
    char shorter[40];

    sr_json_double(&b, value);
    sr_buf_put(&b, '\0');
    assert_true(strtod((const char *)memory, NULL) == value);
    size_t digits = count_digits((const char *)memory);
    if (digits > 1) {
        (void)snprintf(shorter, sizeof(shorter), "%.*e", (int)digits - 2, value);
        assert_false(strtod(shorter, NULL) == value);
    }
}

static void
doubles_read_back_as_themselves_with_the_fewest_digits(void **state)
{
    uint64_t seed = 0x5eed5eed5eedULL;

    (void)state;
    for (int i = 0; i < 50000; i++) {
        uint64_t bits = next_random(&seed);
        double any;
        memcpy(&any, &bits, sizeof(any));
        if (isfinite(any)) {
            reads_back_shortest(any);
        }
        reads_back_shortest((double)(int64_t)(next_random(&seed) % 4102444800000000u) / 1e6);
        reads_back_shortest((double)(int64_t)(next_random(&seed) % 4102444800000000000u) / 1e9);
        reads_back_shortest((double)(next_random(&seed) >> 11) / 1e3);
    }
}

/* Below a power of two doubles lie twice as close: the nearest decimal may be one of that side. */
static void
powers_of_two_and_their_neighbours_have_the_fewest_digits(void **state)
{
    const uint64_t one = UINT64_C(1) << 52;

    (void)state;
    double_as(0x1p-1017, "7.120236347223045e-307");
    double_as(0x1p-140, "7.174648137343064e-43");
    double_as(0x1p-44, "5.684341886080802e-14");
    double_as(0x1p-1, "0.5");
    double_as(0x1p70, "1.1805916207174113e21");
    for (uint64_t exponent = 0; exponent < 2047; exponent++) {
        for (uint64_t i = 0; i < 8; i++) {
            const uint64_t bits[] = { (exponent + (i == 0)) * one + i,
                (exponent + 1) * one - 1 - i };
            for (unsigned j = 0; j < 2; j++) {
                double value;
                memcpy(&value, &bits[j], sizeof(value));
                if (isfinite(value)) {
                    reads_back_shortest(value);
                }
            }
        }
    }
}

static void
an_instant_is_written_to_the_nanosecond(void **state)
{
    static const struct {
        int64_t sec;
        uint32_t nsec;
        const char *want;
    } rows[] = {
        { 1795348800, 25, "\"2026-11-22T12:00:00.000000025Z\"" },
        { 951782399, 999999999, "\"2000-02-28T23:59:59.999999999Z\"" },
        { 951782400, 0, "\"2000-02-29T00:00:00.000000000Z\"" },
        { 951868800, 0, "\"2000-03-01T00:00:00.000000000Z\"" },
        { -1, 0, "\"1969-12-31T23:59:59.000000000Z\"" },
        { -2203891200, 0, "\"1900-03-01T00:00:00.000000000Z\"" },
        { -62167219200, 0, "\"0000-01-01T00:00:00.000000000Z\"" },
        { 253402300799, 0, "\"9999-12-31T23:59:59.000000000Z\"" },
        { -62167219201, 0, "null" },
        { 253402300800, 0, "null" },
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sr_buf b = sr_buf_over(text, sizeof(text) - 1);
        sr_json_time(&b, rows[i].sec, rows[i].nsec);
        assert_false(b.overflow);
        text[b.len] = '\0';
        assert_string_equal(text, rows[i].want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instant_is_written_to_the_nanosecond),
        cmocka_unit_test(control_characters_quotes_and_backslashes_are_escaped),
        cmocka_unit_test(every_single_byte_is_written_as_json),
        cmocka_unit_test(well_formed_utf8_is_kept),
        cmocka_unit_test(each_maximal_subpart_becomes_one_replacement_character),
        cmocka_unit_test(texts_of_every_length_are_written_whole),
        cmocka_unit_test(what_does_not_fit_overflows),
        cmocka_unit_test(doubles_are_spelled_as_rust_does),
        cmocka_unit_test(doubles_read_back_as_themselves_with_the_fewest_digits),
        cmocka_unit_test(powers_of_two_and_their_neighbours_have_the_fewest_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
