/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "decode/stream.h"

/* What the framer says of the first `len` bytes, which lie in memory of exactly that size. */
static enum sr_frame_state
frame(const uint8_t *bytes, size_t len, struct sr_frame *ret_frame)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    *ret_frame = (struct sr_frame){ .used = 0 };
    enum sr_frame_state state = nf_stream_frame((struct sr_span){ exact, len }, ret_frame);
    free(exact);
    return state;
}

static void
a_message_is_as_long_as_its_header_says(void **state)
{
    static const uint8_t two[40] = { 0, 10, 0, 20, [20] = 0, 10, 0, 20 };
    struct sr_frame f;

    (void)state;
    for (size_t len = 1; len < 20; len++) {
        assert_int_equal(frame(two, len, &f), SR_FRAME_MORE);
    }
    for (size_t len = 20; len <= 40; len++) {
        assert_int_equal(frame(two, len, &f), SR_FRAME_MESSAGE);
        assert_int_equal(f.used, 20);
        assert_int_equal(f.message.len, 20);
    }
}

static void
the_largest_message_has_65535_bytes(void **state)
{
    static uint8_t most[NF_STREAM_MESSAGE_MAX] = { 0, 10, 0xff, 0xff };
    struct sr_frame f;

    (void)state;
    assert_int_equal(frame(most, sizeof(most) - 1, &f), SR_FRAME_MORE);
    assert_int_equal(frame(most, sizeof(most), &f), SR_FRAME_MESSAGE);
    assert_int_equal(f.used, 65535);
}

static void
only_ipfix_is_taken(void **state)
{
    static const uint8_t v9[4] = { 0, 9, 0, 20 };
    static const uint8_t http[] = "GET / HTTP/1.0\r\n";
    struct sr_frame f;

    (void)state;
    assert_int_equal(frame(v9, 1, &f), SR_FRAME_MORE);
    assert_int_equal(frame(v9, 2, &f), SR_FRAME_BROKEN);
    assert_string_equal(f.reason, "unknown_version");
    assert_int_equal(frame(http, sizeof(http), &f), SR_FRAME_BROKEN);
}

static void
a_length_below_the_header_is_no_message(void **state)
{
    static const uint8_t headers[][4] = { { 0, 10, 0, 0 }, { 0, 10, 0, 15 } };
    static const uint8_t least[16] = { 0, 10, 0, 16 };
    struct sr_frame f;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(frame(headers[i], 4, &f), SR_FRAME_BROKEN);
        assert_string_equal(f.reason, "message_length");
    }
    assert_int_equal(frame(least, 16, &f), SR_FRAME_MESSAGE);
    assert_int_equal(f.used, 16);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_as_long_as_its_header_says),
        cmocka_unit_test(the_largest_message_has_65535_bytes),
        cmocka_unit_test(only_ipfix_is_taken),
        cmocka_unit_test(a_length_below_the_header_is_no_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
