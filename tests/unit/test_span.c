/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>

#include "sr/buf.h"
#include "sr/span.h"

static void
integers_are_read_in_network_order(void **state)
{
    static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    struct sr_reader rd = sr_reader_init((struct sr_span){ bytes, sizeof(bytes) });

    (void)state;
    assert_int_equal(sr_reader_u8(&rd), 0x01);
    assert_int_equal(sr_reader_be16(&rd), 0x0203);
    assert_int_equal(sr_reader_be32(&rd), 0x04050607);
    assert_true(sr_reader_be64(&rd) == 0x08090a0b0c0d0e0fULL);
    assert_false(rd.failed);
    assert_int_equal(sr_reader_left(&rd), 0);
}

static void
the_first_read_past_the_end_fails_all_later_ones(void **state)
{
    static const uint8_t bytes[] = { 1, 2, 3 };
    struct sr_reader rd = sr_reader_init((struct sr_span){ bytes, sizeof(bytes) });

    (void)state;
    assert_int_equal(sr_reader_be32(&rd), 0);
    assert_true(rd.failed);
    assert_int_equal(sr_reader_u8(&rd), 0);
    assert_int_equal(sr_reader_left(&rd), 3);
}

static void
an_empty_span_reads_as_the_end(void **state)
{
    struct sr_reader rd = sr_reader_init((struct sr_span){ NULL, 0 });

    (void)state;
    assert_int_equal(sr_reader_take(&rd, 0).len, 0);
    assert_false(rd.failed);
    (void)sr_reader_take(&rd, SIZE_MAX);
    assert_true(rd.failed);
}

static void
a_write_that_does_not_fit_writes_nothing_and_is_remembered(void **state)
{
    uint8_t memory[6] = { 0 };
    struct sr_buf b = sr_buf_over(memory, 4);

    (void)state;
    sr_buf_add(&b, "abc", 3);
    sr_buf_add(&b, "de", 2);
    assert_true(b.overflow);
    sr_buf_put(&b, 'f');
    assert_int_equal(b.len, 3);
    assert_memory_equal(memory, "abc\0\0\0", 6);
}

static void
numbers_and_hexadecimal_are_written_whole(void **state)
{
    uint8_t memory[64];
    struct sr_buf b = sr_buf_over(memory, sizeof(memory));

    (void)state;
    sr_buf_add_u64(&b, 0);
    sr_buf_put(&b, ' ');
    sr_buf_add_u64(&b, UINT64_MAX);
    sr_buf_put(&b, ' ');
    sr_buf_add_hex(&b, span_of("\x01\xaf"));
    assert_memory_equal(memory, "0 18446744073709551615 01af", b.len);
    assert_int_equal(b.len, 27);
}

/* Around each power of ten and of two, and a byte of each value. */
static void
each_number_of_digits_is_written_as_printf_does(void **state)
{
    uint64_t ten = 1;

    (void)state;
    for (unsigned bit = 0; bit < 64; bit++, ten *= 10) {
        for (int64_t by = -2; by <= 2; by++) {
            const uint64_t values[] = { ten + (uint64_t)by, (UINT64_C(1) << bit) + (uint64_t)by };
            for (unsigned i = 0; i < 2; i++) {
                char expected[24];
                uint8_t memory[24];
                struct sr_buf b = sr_buf_over(memory, sizeof(memory));
                int length = snprintf(expected, sizeof(expected), "%" PRIu64, values[i]);
                sr_buf_add_u64(&b, values[i]);
                assert_int_equal(b.len, length);
                assert_memory_equal(memory, expected, b.len);
                b = sr_buf_over(memory, (size_t)length - 1);
                sr_buf_add_u64(&b, values[i]);
                assert_true(b.overflow);
            }
        }
    }
    for (unsigned value = 0; value < 256; value++) {
        char expected[3];
        uint8_t memory[2], byte = (uint8_t)value;
        struct sr_buf b = sr_buf_over(memory, sizeof(memory));
        (void)snprintf(expected, sizeof(expected), "%02x", value);
        sr_buf_add_hex(&b, (struct sr_span){ &byte, 1 });
        assert_memory_equal(memory, expected, 2);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_in_network_order),
        cmocka_unit_test(the_first_read_past_the_end_fails_all_later_ones),
        cmocka_unit_test(an_empty_span_reads_as_the_end),
        cmocka_unit_test(a_write_that_does_not_fit_writes_nothing_and_is_remembered),
        cmocka_unit_test(numbers_and_hexadecimal_are_written_whole),
        cmocka_unit_test(each_number_of_digits_is_written_as_printf_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
