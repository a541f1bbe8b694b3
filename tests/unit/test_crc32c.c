/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/crc32c_ways.h"
#include "sr/crc32c.h"

#define MAX_LEN 300U
#define ALIGNMENTS 8U

/* The definition: one bit after the other, by the polynomial of RFC 3720, section 12.1, reversed.
 */
static uint32_t
by_definition(uint32_t crc, const uint8_t *data, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
        }
    }
    return ~crc;
}

/* Bytes without a pattern, the same ones in every run. */
static void
fill(uint8_t *data, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525U + 1013904223U;
        data[i] = (uint8_t)(seed >> 24);
    }
}

static void
every_way_gives_the_values_of_the_rfc(void **state)
{
    uint8_t zeros[32], ones[32], up[32], down[32];
    const struct {
        struct sr_span data;
        uint32_t crc;
    } cases[] = {
        /* RFC 3720, appendix B.4. */
        { { zeros, sizeof(zeros) }, 0x8a9136aa },
        { { ones, sizeof(ones) }, 0x62a8ab43 },
        { { up, sizeof(up) }, 0x46dd794e },
        { { down, sizeof(down) }, 0x113fdb5c },
        { span_of("123456789"), 0xe3069283 },
        { span_of(""), 0 },
    };

    (void)state;
    memset(zeros, 0, sizeof(zeros));
    memset(ones, 0xff, sizeof(ones));
    for (uint8_t i = 0; i < 32; i++) {
        up[i] = i;
        down[i] = (uint8_t)(31 - i);
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sr_span data = cases[i].data;

        assert_int_equal(by_definition(0, data.data, data.len), cases[i].crc);
        assert_int_equal(sr_crc32c(0, data.data, data.len), cases[i].crc);
        assert_int_equal(sr_crc32c_by_table(0, data.data, data.len), cases[i].crc);
        if (sr_crc32c_has_instruction()) {
            assert_int_equal(sr_crc32c_by_instruction(0, data.data, data.len), cases[i].crc);
        }
    }
}

static void
every_number_of_the_table_is_right(void **state)
{
    (void)state;
    for (size_t at = 0; at < 8; at++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t data[8] = { 0 };

            data[at] = (uint8_t)value;
            assert_int_equal(
                sr_crc32c_by_table(0, data, sizeof(data)), by_definition(0, data, sizeof(data)));
        }
    }
}

static void
every_way_gives_the_same_for_all_lengths_and_alignments(void **state)
{
    (void)state;
    if (!sr_crc32c_has_instruction()) {
        (void)fprintf(stderr, "no instruction here: only the table is tested\n");
    }
    for (size_t shift = 0; shift < ALIGNMENTS; shift++) {
        for (size_t len = 0; len <= MAX_LEN; len++) {
            /* An exact-size block, so that a sanitizer sees a read of one byte too far. */
            uint8_t *block = malloc(shift + len + (shift + len == 0));

            assert_non_null(block);
            fill(block, shift + len, (uint32_t)(shift * MAX_LEN + len));
            uint32_t seed = (uint32_t)len * 0x9e3779b9U;
            uint32_t want = by_definition(seed, block + shift, len);
            assert_int_equal(sr_crc32c(seed, block + shift, len), want);
            assert_int_equal(sr_crc32c_by_table(seed, block + shift, len), want);
            if (sr_crc32c_has_instruction()) {
                assert_int_equal(sr_crc32c_by_instruction(seed, block + shift, len), want);
            }
            free(block);
        }
    }
}

static void
a_crc_goes_on_where_another_ended(void **state)
{
    uint8_t data[64];

    (void)state;
    fill(data, sizeof(data), 1);
    uint32_t whole = sr_crc32c(0, data, sizeof(data));
    for (size_t cut = 0; cut <= sizeof(data); cut++) {
        uint32_t first = sr_crc32c(0, data, cut);

        assert_int_equal(sr_crc32c(first, data + cut, sizeof(data) - cut), whole);
        assert_int_equal(sr_crc32c_by_table(first, data + cut, sizeof(data) - cut), whole);
    }
}

static void
nothing_leaves_the_crc_as_it_was(void **state)
{
    (void)state;
    assert_int_equal(sr_crc32c(0x12345678, NULL, 0), 0x12345678);
    assert_int_equal(sr_crc32c_by_table(0x12345678, NULL, 0), 0x12345678);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_gives_the_values_of_the_rfc),
        cmocka_unit_test(every_number_of_the_table_is_right),
        cmocka_unit_test(every_way_gives_the_same_for_all_lengths_and_alignments),
        cmocka_unit_test(a_crc_goes_on_where_another_ended),
        cmocka_unit_test(nothing_leaves_the_crc_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
