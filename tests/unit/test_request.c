/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sr/request.h"

static const uint8_t id[SR_REQUEST_ID_LEN] = { 0x00, 0x1f, 0xa0, 0xff, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    13, 14, 0xe5 };

static void
the_id_is_written_as_a_header_line_of_nats(void **state)
{
    uint8_t line[SR_REQUEST_ATTRIBUTE_LEN];
    static const char expected[] = "Nats-Msg-Id: 001fa0ff0405060708090a0b0c0d0ee5\r\n";

    (void)state;
    sr_request_attribute(id, line);
    assert_int_equal(sizeof(line), strlen(expected));
    assert_memory_equal(line, expected, sizeof(line));
}

static void
the_id_is_found_again_before_other_lines(void **state)
{
    uint8_t lines[SR_REQUEST_ATTRIBUTE_LEN + 6], found[SR_REQUEST_ID_LEN];
    struct sr_span rest;

    (void)state;
    sr_request_attribute(id, lines);
    memcpy(lines + SR_REQUEST_ATTRIBUTE_LEN, "A: b\r\n", 6);
    assert_true(sr_request_of((struct sr_span){ lines, sizeof(lines) }, found, &rest));
    assert_memory_equal(found, id, sizeof(id));
    assert_int_equal(rest.len, 6);
    assert_memory_equal(rest.data, "A: b\r\n", 6);
}

static void
other_lines_are_of_no_request(void **state)
{
    static const char *const others[] = {
        "",
        "Content-Type: application/x-ndjson\r\nSr-Records: 40\r\n",
        "Nats-Msg-Id: 001fa0ff0405060708090a0b0c0d0eg5\r\n",
        "Nats-Msg-Id: 001FA0FF0405060708090A0B0C0D0EE5\r\n",
        "Nats-Msg-Id: 001fa0ff0405060708090a0b0c0d0ee5",
    };
    uint8_t found[SR_REQUEST_ID_LEN];
    struct sr_span rest;

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(sr_request_of(span_of(others[i]), found, &rest));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_id_is_written_as_a_header_line_of_nats),
        cmocka_unit_test(the_id_is_found_again_before_other_lines),
        cmocka_unit_test(other_lines_are_of_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
