/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sr/deadletter.h"

static uint8_t room[SR_DEADLETTER_OVERHEAD + 64];

static void
assert_span(struct sr_span span, const char *text)
{
    assert_int_equal(span.len, strlen(text));
    assert_true(span.len == 0 || memcmp(span.data, text, span.len) == 0);
}

static void
header_lines_come_first_and_the_raw_bytes_follow(void **state)
{
    struct sr_peer peer = { .address = { 192, 0, 2, 1 }, .port = 514 };
    struct sr_buf b = sr_buf_over(room, sizeof(room));
    static const char expected[] = "Sr-Reason: bad_pri\r\nSr-Source: 192.0.2.1\r\n"
                                   "Sr-Received: 1700000000000000001\r\n";

    (void)state;
    size_t attributes = sr_deadletter_write(&b, "bad_pri", &peer, 1700000000000000001ULL,
        (struct sr_span){ (const uint8_t *)"\r\n\0:", 4 });
    assert_int_equal(attributes, sizeof(expected) - 1);
    assert_memory_equal(b.data, expected, attributes);
    assert_int_equal(b.len, attributes + 4);
    assert_memory_equal(b.data + attributes, "\r\n\0:", 4);
}

static void
header_lines_read_back(void **state)
{
    struct sr_buf b = sr_buf_over(room, sizeof(room));
    struct sr_span name, value;

    (void)state;
    size_t len = sr_deadletter_write(&b, "too_large", NULL, 7, span_of("raw"));
    struct sr_span attributes = { b.data, len };
    assert_span(sr_attribute(attributes, "Sr-Reason"), "too_large");
    assert_span(sr_attribute(attributes, "Sr-Received"), "7");
    assert_int_equal(sr_attribute(attributes, "Sr-Source").len, 0); /* nobody knows the sender */
    assert_int_equal(sr_attribute(attributes, "Sr-Reaso").len, 0);
    assert_true(sr_attribute_next(&attributes, &name, &value));
    assert_span(name, "Sr-Reason");
    assert_true(sr_attribute_next(&attributes, &name, &value));
    assert_span(name, "Sr-Received");
    assert_false(sr_attribute_next(&attributes, &name, &value));
    assert_int_equal(attributes.len, 0);
}

static void
the_overhead_is_enough_for_the_longest_header_lines(void **state)
{
    struct sr_peer peer = { .is_v6 = true };
    char reason[64];
    struct sr_buf b = sr_buf_over(room, sizeof(room));

    (void)state;
    memset(peer.address, 0xff, sizeof(peer.address));
    memset(reason, 'x', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    size_t len = sr_deadletter_write(&b, reason, &peer, UINT64_MAX, span_of(""));
    assert_false(b.overflow);
    assert_true(len <= SR_DEADLETTER_OVERHEAD);
}

static void
text_that_is_no_header_line_ends_the_reading(void **state)
{
    static const char *const bad[] = { "", "\r", "\r\n", "no colon\r\n", "a: no end", ":", "a:\r\n",
        "\n\r\n" };
    struct sr_span name, value;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sr_span attributes = span_of(bad[i]);
        assert_false(sr_attribute_next(&attributes, &name, &value));
        assert_int_equal(sr_attribute(span_of(bad[i]), "a").len, 0);
    }
    struct sr_span empty = { NULL, 0 };
    assert_false(sr_attribute_next(&empty, &name, &value));
    assert_int_equal(sr_attribute(span_of("a: \r\nb: 1\r"), "b").len, 1);
}

static void
as_json_everything_is_escaped(void **state)
{
    static const char expected[] =
        "{\"error\":\"a\\\"b\",\"raw\":\"00ff\",\"source\":\"2001:db8::1\"}";
    struct sr_buf b = sr_buf_over(room, sizeof(room));

    (void)state;
    sr_deadletter_json(&b, span_of("a\"b"), (struct sr_span){ (const uint8_t *)"\0\xff", 2 },
        span_of("2001:db8::1"));
    assert_int_equal(b.len, sizeof(expected) - 1);
    assert_memory_equal(b.data, expected, b.len);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_lines_come_first_and_the_raw_bytes_follow),
        cmocka_unit_test(header_lines_read_back),
        cmocka_unit_test(the_overhead_is_enough_for_the_longest_header_lines),
        cmocka_unit_test(text_that_is_no_header_line_ends_the_reading),
        cmocka_unit_test(as_json_everything_is_escaped),
    };
    return cmocka_run_group_tests_name("deadletter", tests, NULL, NULL);
}
