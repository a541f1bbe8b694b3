/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include <zlib.h>

#include "frame/inflate.h"

static struct syslog_inflater inflater;
static uint8_t packed[600 * 1024];

/* Compresses; `bits` says how, as zlib wants it: 15 for its own form, 31 for gzip. */
static struct sr_span
pack(const void *text, size_t len, int bits, int level)
{
    z_stream z = { .next_in = (z_const Bytef *)text,
        .avail_in = (uInt)len,
        .next_out = packed,
        .avail_out = sizeof(packed) };

    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t packed_len = sizeof(packed) - z.avail_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
    return (struct sr_span){ packed, packed_len };
}

static const struct syslog_inflate_options usual = { .max = 64 * 1024, .ratio = 100 };

static enum syslog_inflate_state
run(const struct syslog_inflate_options *options, struct sr_span bytes, struct sr_span *ret_text,
    const char **ret_reason)
{
    uint8_t *exact = malloc(bytes.len > 0 ? bytes.len : 1);

    assert_non_null(exact);
    memcpy(exact, bytes.data, bytes.len);
    *ret_reason = NULL;
    enum syslog_inflate_state state = syslog_inflate(
        &inflater, options, (struct sr_span){ exact, bytes.len }, ret_text, ret_reason);
    free(exact);
    return state;
}

static void
gives(struct sr_span bytes, struct sr_span want)
{
    struct sr_span text;
    const char *reason;

    assert_int_equal(run(&usual, bytes, &text, &reason), SYSLOG_INFLATE_TEXT);
    assert_int_equal(text.len, want.len);
    assert_memory_equal(text.data, want.data, want.len);
}

static void
is_bad(const struct syslog_inflate_options *options, struct sr_span bytes, const char *want)
{
    struct sr_span text;
    const char *reason;

    assert_int_equal(run(options, bytes, &text, &reason), SYSLOG_INFLATE_BAD);
    assert_string_equal(reason, want);
}

static void
is_plain(struct sr_span bytes)
{
    struct sr_span text;
    const char *reason;

    assert_int_equal(run(&usual, bytes, &text, &reason), SYSLOG_INFLATE_PLAIN);
}

static const char message[] = "<34>1 2003-10-11T22:14:15.003Z host su - - - su root failed";

static void
both_forms_are_read_at_every_level(void **state)
{
    struct sr_span want = { (const uint8_t *)message, sizeof(message) - 1 };

    (void)state;
    for (int level = 0; level <= 9; level++) {
        gives(pack(message, want.len, 15, level), want);
        gives(pack(message, want.len, 31, level), want);
    }
}

static void
what_is_not_compressed_is_left_as_it_is(void **state)
{
    static const uint8_t other_method[] = { 0x1f, 0x8b, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0 };

    (void)state;
    is_plain(span_of(message));
    is_plain(span_of("x^2 is a square and no message that was compressed"));
    is_plain(span_of("x"));
    is_plain(span_of(""));
    is_plain((struct sr_span){ other_method, sizeof(other_method) });
    is_plain((struct sr_span){ (const uint8_t *)"\x78\x9c\x03\0\0\0\0", 7 }); /* too short */
}

static void
nothing_is_inflated_when_told_to_leave_it(void **state)
{
    const struct syslog_inflate_options off = { .max = 0, .ratio = 100 };
    struct sr_span text;
    const char *reason;

    (void)state;
    assert_int_equal(run(&off, pack(message, 50, 31, 9), &text, &reason), SYSLOG_INFLATE_PLAIN);
}

static void
a_damaged_one_is_told_at_every_cut_and_bit(void **state)
{
    struct sr_span whole = pack(message, sizeof(message) - 1, 31, 9);
    struct sr_span text;
    const char *reason;

    (void)state;
    for (size_t len = 24; len < whole.len; len++) {
        is_bad(&usual, (struct sr_span){ whole.data, len }, "compressed_damaged");
    }
    for (size_t bit = 10 * 8; bit < whole.len * 8; bit++) { /* the header has no checksum */
        packed[bit / 8] ^= (uint8_t)(1U << bit % 8);
        if (run(&usual, whole, &text, &reason) == SYSLOG_INFLATE_TEXT) { /* one that pads */
            assert_int_equal(text.len, sizeof(message) - 1);
            assert_memory_equal(text.data, message, text.len);
        }
        packed[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    gives(whole, (struct sr_span){ (const uint8_t *)message, sizeof(message) - 1 });
}

static void
bytes_behind_the_end_are_passed_over(void **state)
{
    struct sr_span whole = pack(message, sizeof(message) - 1, 15, 9);

    (void)state;
    memset(packed + whole.len, 0, 10);
    whole.len += 10;
    gives(whole, (struct sr_span){ (const uint8_t *)message, sizeof(message) - 1 });
}

/* A thousand times smaller than what it would be. */
static void
a_bomb_is_refused_by_its_ratio(void **state)
{
    static uint8_t zeros[400 * 1024];
    const struct syslog_inflate_options wide = { .max = SYSLOG_INFLATED_MAX, .ratio = 1032 };

    (void)state;
    is_bad(&usual, pack(zeros, 64 * 1024, 15, 9), "compressed_ratio");
    is_bad(&wide, pack(zeros, sizeof(zeros), 31, 9), "compressed_too_large");
}

static void
the_limits_are_exact(void **state)
{
    static uint8_t noise[64 * 1024 + 1];
    struct sr_span text;
    const char *reason;
    uint32_t seed = 1;

    (void)state;
    for (size_t i = 0; i < sizeof(noise); i++) {
        seed = seed * 1664525U + 1013904223U;
        noise[i] = (uint8_t)(seed >> 24);
    }
    gives(pack(noise, sizeof(noise) - 1, 15, 9), (struct sr_span){ noise, sizeof(noise) - 1 });
    is_bad(&usual, pack(noise, sizeof(noise), 15, 9), "compressed_too_large");

    struct sr_span whole = pack(message, sizeof(message) - 1, 15, 0); /* longer than before */
    struct syslog_inflate_options once = { .max = 64 * 1024, .ratio = 1 };
    assert_int_equal(run(&once, whole, &text, &reason), SYSLOG_INFLATE_TEXT);
    static uint8_t letters[999];
    memset(letters, 'a', sizeof(letters));
    whole = pack(letters, sizeof(letters), 15, 9);
    once.ratio = (unsigned)(sizeof(letters) / whole.len);
    is_bad(&once, whole, "compressed_ratio");
    once.ratio++;
    assert_int_equal(run(&once, whole, &text, &reason), SYSLOG_INFLATE_TEXT);
}

static void
a_dictionary_is_not_known(void **state)
{
    static const uint8_t with[] = { 0x78, 0xbb, 1, 2, 3, 4, 5, 6, 7, 8 };

    (void)state;
    is_plain((struct sr_span){ with, sizeof(with) });
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_are_read_at_every_level),
        cmocka_unit_test(what_is_not_compressed_is_left_as_it_is),
        cmocka_unit_test(nothing_is_inflated_when_told_to_leave_it),
        cmocka_unit_test(a_damaged_one_is_told_at_every_cut_and_bit),
        cmocka_unit_test(bytes_behind_the_end_are_passed_over),
        cmocka_unit_test(a_bomb_is_refused_by_its_ratio),
        cmocka_unit_test(the_limits_are_exact),
        cmocka_unit_test(a_dictionary_is_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
