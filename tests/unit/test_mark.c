/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>

#include "decode/output.h"
#include "load/mark.h"

static const struct mark marks[] = {
    { 0, 0 },
    { 0xABCDEF, 42 },
    { 0xFFFFFF, UINT64_C(9999999999999) },
};

#define MARKS (sizeof(marks) / sizeof(marks[0]))

static void
assert_mark(enum traffic_kind kind, struct sr_span record, const struct mark *expected)
{
    struct mark mark;

    assert_true(mark_read(kind, record, &mark));
    assert_int_equal(mark.run, expected->run);
    assert_int_equal(mark.sequence, expected->sequence);
}

static void
assert_unmarked(enum traffic_kind kind, struct sr_span record)
{
    struct mark mark;

    assert_false(mark_read(kind, record, &mark));
}

static void
the_text_of_a_mark_is_as_the_header_says(void **state)
{
    uint8_t text[MARK_TEXT_LEN];

    (void)state;
    mark_write_text(&marks[1], text);
    assert_memory_equal(text, "sr-load=abcdef/0000000000042", MARK_TEXT_LEN);
}

static void
a_mark_is_read_back_from_the_middle_of_a_record(void **state)
{
    char record[128];

    (void)state;
    for (size_t i = 0; i < MARKS; i++) {
        uint8_t text[MARK_TEXT_LEN];
        mark_write_text(&marks[i], text);
        int len = snprintf(record, sizeof(record), "{\"level\":6,\"short_message\":\"a=b %.*s c\"}",
            (int)MARK_TEXT_LEN, (const char *)text);
        assert_mark(TRAFFIC_SYSLOG, (struct sr_span){ (uint8_t *)record, (size_t)len }, &marks[i]);
        assert_mark(TRAFFIC_TRAP, (struct sr_span){ text, MARK_TEXT_LEN }, &marks[i]);
    }
}

static void
what_only_looks_like_a_mark_is_passed_over(void **state)
{
    (void)state;
    assert_mark(TRAFFIC_SYSLOG,
        span_of("sr-load=sr-load=00000g/0000000000001 sr-load=000001-0000000000001 "
                "sr-load=ABCDEF/0000000000001 sr-load=abcdef/00000000000a1 "
                "sr-load=abcdef/0000000000042"),
        &marks[1]);
    assert_unmarked(TRAFFIC_SYSLOG, span_of(""));
    assert_unmarked(TRAFFIC_SYSLOG, span_of("="));
    assert_unmarked(TRAFFIC_SYSLOG, span_of("load=abcdef/0000000000042"));
    assert_unmarked(TRAFFIC_SYSLOG, span_of("=abcdef/0000000000042 sr-loud=abcdef/0000000000042"));
}

static void
no_prefix_of_a_mark_is_one(void **state)
{
    uint8_t text[MARK_TEXT_LEN];

    (void)state;
    mark_write_text(&marks[1], text);
    for (size_t len = 0; len < MARK_TEXT_LEN; len++) {
        assert_unmarked(TRAFFIC_SYSLOG, (struct sr_span){ text, len });
    }
}

/* A flow with these addresses and source port. */
static struct sr_span
flow_message(struct sr_span source, struct sr_span destination, uint64_t port)
{
    static uint8_t room[NF_PROTOBUF_MAX];
    static struct nf_flow flow;

    memset(&flow, 0, sizeof(flow));
    nf_flow_set(&flow, NF_TYPE, NF_TYPE_V9);
    nf_flow_set(&flow, NF_BYTES, 1000);
    nf_flow_set_bytes(&flow, NF_SRC_ADDR, source);
    nf_flow_set_bytes(&flow, NF_DST_ADDR, destination);
    nf_flow_set(&flow, NF_SRC_PORT, port);
    nf_protobuf_prepare(&flow);
    size_t len = nf_protobuf_write(room, &flow);
    return (struct sr_span){ room, len };
}

static struct sr_span
marked_flow(const struct mark *mark)
{
    static uint8_t source[4], destination[4];

    for (unsigned i = 0; i < 4; i++) {
        source[i] = (uint8_t)((10U << 24 | mark->run) >> (24 - 8 * i));
        destination[i] = (uint8_t)(mark->sequence >> (24 - 8 * i));
    }
    return flow_message(
        (struct sr_span){ source, 4 }, (struct sr_span){ destination, 4 }, mark->sequence >> 32);
}

static void
a_flow_has_its_mark_in_the_key(void **state)
{
    static const struct mark largest = { 0xFFFFFF, (UINT64_C(1) << 48) - 1 };

    (void)state;
    for (size_t i = 0; i < MARKS; i++) {
        assert_mark(TRAFFIC_NETFLOW, marked_flow(&marks[i]), &marks[i]);
    }
    assert_mark(TRAFFIC_NETFLOW, marked_flow(&largest), &largest);
}

static void
flows_of_others_have_no_mark(void **state)
{
    static const uint8_t bytes[16] = { 10, 1, 2, 3 };
    static const uint8_t other[4] = { 192, 0, 2, 1 };
    const struct sr_span v4 = { bytes, 4 }, v6 = { bytes, 16 }, none = { NULL, 0 };

    (void)state;
    assert_unmarked(TRAFFIC_NETFLOW, flow_message((struct sr_span){ other, 4 }, v4, 1));
    assert_unmarked(TRAFFIC_NETFLOW, flow_message(v6, v6, 1));
    assert_unmarked(TRAFFIC_NETFLOW, flow_message(v4, none, 1));
    assert_unmarked(TRAFFIC_NETFLOW, flow_message(none, v4, 1));
    assert_unmarked(TRAFFIC_NETFLOW, flow_message(v4, v4, 65536));
    assert_unmarked(TRAFFIC_NETFLOW, span_of("\x08\x03\x32\x7f\x0a"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_of_a_mark_is_as_the_header_says),
        cmocka_unit_test(a_mark_is_read_back_from_the_middle_of_a_record),
        cmocka_unit_test(what_only_looks_like_a_mark_is_passed_over),
        cmocka_unit_test(no_prefix_of_a_mark_is_one),
        cmocka_unit_test(a_flow_has_its_mark_in_the_key),
        cmocka_unit_test(flows_of_others_have_no_mark),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
