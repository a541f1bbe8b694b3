/* SPDX-License-Identifier: Apache-2.0 */
/* Structured data, RFC 6313: lists within records. */
#include "unit.h"

#include <stdlib.h>

#include "netflow_build.h"
#include "netflow_desk.h"

static int
begin(void **state)
{
    static const struct nf_field pair[] = { { 0, 8, 4 }, { 0, 7, 2 } };
    static const struct nf_field name[] = { { 0, 82, NF_VARIABLE_LENGTH }, { 0, 4, 1 } };
    static const struct nf_field nest[] = { { 0, 4, 1 }, { 0, 291, NF_VARIABLE_LENGTH } };
    struct nf_template_record records[3];

    (void)state;
    desk_open(&desk, 10, NF_NATIVE);
    records[0] = bench_record(10, 300, pair, 2);
    records[1] = bench_record(10, 301, name, 2);
    records[2] = bench_record(10, 302, nest, 2);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(nf_templates_learn(desk.bench.e, desk.bench.d, &desk.bench.config,
                             &records[i], desk.header.port, DESK_RECEIVED),
            NF_LEARNED_NEW);
    }
    return 0;
}

/* Reads a record with this list between two other elements, which must not move; what it counted.
 */
static uint64_t
read_list(uint16_t id, const char *hex)
{
    static struct build text;
    char record[1024] = "7=0bb8 ";
    size_t len = strlen(record);
    uint64_t before = desk_structured(&desk);

    text.len = 0;
    build_hex(&text, hex);
    for (unsigned digits = 10000; digits > 0; digits /= 10) {
        if (id >= digits) {
            record[len++] = (char)('0' + id / digits % 10);
        }
    }
    record[len++] = '~';
    for (size_t i = 0; i < text.len; i++) {
        static const char digits[] = "0123456789abcdef";
        assert_true(len < sizeof(record) - 20);
        record[len++] = digits[text.bytes[i] >> 4];
        record[len++] = digits[text.bytes[i] & 15];
    }
    memcpy(record + len, " 11=0050 1=64", sizeof(" 11=0050 1=64"));
    desk_read(&desk, record);
    assert_int_equal(desk_number(&desk, NF_SRC_PORT), 3000);
    assert_int_equal(desk_number(&desk, NF_DST_PORT), 80);
    assert_int_equal(desk_number(&desk, NF_BYTES), 100);
    return desk_structured(&desk) - before;
}

#define EXPECT_COMMUNITIES(...) DESK_EXPECT(&desk, NF_BGP_COMMUNITIES, bgp_communities, __VA_ARGS__)

/* ---- basicList ---- */

static void
communities_of_a_list_are_taken(void **state)
{
    static const uint16_t ids[] = { 291, 484, 485 };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(read_list(ids[i], "03 01e3 0004 fde80001 fde80002"), 2);
        EXPECT_COMMUNITIES(0xfde80001, 0xfde80002);
    }
    assert_int_equal(read_list(484, "ff 01e3 ffff 04fde80001 ff0004fde80003"), 2);
    EXPECT_COMMUNITIES(0xfde80001, 0xfde80003);
    assert_int_equal(read_list(484, "03 01e3 0004"), 0);
    assert_false(nf_flow_has(&desk.flow, NF_BGP_COMMUNITIES));
}

static void
communities_of_several_lists_are_one_after_the_other(void **state)
{
    (void)state;
    desk_read(&desk, "484~0301e30004fde80001 483=fde80002 485~0301e30004fde80003fde80004");
    EXPECT_COMMUNITIES(0xfde80001, 0xfde80002, 0xfde80003, 0xfde80004);
}

static void
no_more_elements_are_carried_than_there_is_room_for(void **state)
{
    char text[400] = "03 01e3 0004 ";

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        memcpy(text + 13 + (size_t)9 * i, "fde80001 ", 10);
    }
    assert_int_equal(read_list(484, text), 20);
    assert_int_equal(desk.flow.bgp_communities.count, NF_LIST_MAX);
}

#define SEGMENT1 "20010db8000100000000000000000001"
#define SEGMENT2 "20010db8000200000000000000000002"

static void
segments_are_taken_of_elements_lists_and_sections(void **state)
{
    (void)state;
    assert_int_equal(read_list(496, "04 01ee 0010 " SEGMENT1 SEGMENT2), 2);
    assert_int_equal(desk.flow.routing_addresses.count, 2);
    assert_int_equal(desk.flow.routing_addresses.items[1].data[5], 2);
    assert_int_equal(read_list(497, SEGMENT1 SEGMENT2 "2001"), 0);
    assert_int_equal(desk.flow.routing_addresses.count, 2);
    desk_read(&desk, "494=" SEGMENT1 " 494=" SEGMENT2 " 498=01");
    assert_int_equal(desk.flow.routing_addresses.count, 2);
    assert_int_equal(desk_number(&desk, NF_IPV6_ROUTING_HEADER_SEG_LEFT), 1);
}

static void
elements_that_no_field_is_for_are_counted(void **state)
{
    (void)state;
    assert_int_equal(read_list(291, "03 0008 0004 0a000001 0a000002 0a000003"), 3);
    assert_int_equal(read_list(291, "03 81e3 0004 00000009 fde80001"), 1);
    assert_false(nf_flow_has(&desk.flow, NF_BGP_COMMUNITIES));
    assert_int_equal(read_list(291, "03 01e3 0002 fde8 fde8"), 2);
    assert_false(nf_flow_has(&desk.flow, NF_BGP_COMMUNITIES));
    /* Of no bytes: with a length before each they can be counted, without they have no end. */
    assert_int_equal(read_list(291, "03 0052 ffff 00 00 00"), 3);
    assert_int_equal(read_list(291, "03 0052 0000 616263"), 0);
}

static void
a_list_that_is_cut_gives_what_is_whole(void **state)
{
    (void)state;
    assert_int_equal(read_list(484, "03 01e3 0004 fde80001 fde8"), 1);
    EXPECT_COMMUNITIES(0xfde80001);
    assert_int_equal(read_list(484, "03 01e3 ffff 04fde80001 05fde80002"), 1);
    assert_int_equal(read_list(484, "03 01e3 ffff 04fde80001 ff00"), 1);
    assert_int_equal(read_list(484, "03 01e3 ffff 04fde80001 ff"), 1);
    assert_int_equal(read_list(484, "03 01e3 fffe fde80001"), 0);
    assert_int_equal(read_list(484, ""), 0);
    assert_int_equal(read_list(484, "03"), 0);
    assert_int_equal(read_list(484, "03 01"), 0);
    assert_int_equal(read_list(484, "03 01e3 00"), 0);
    assert_int_equal(read_list(484, "03 81e3 0004 0000"), 0);
}

/* ---- subTemplateList ---- */

static void
records_of_a_subtemplate_list_are_counted(void **state)
{
    (void)state;
    assert_int_equal(read_list(292, "03 012c 0a000001 0050 0a000002 0051"), 2);
    assert_int_equal(read_list(292, "03 012d 03616263 06 00 11 ff000161 01"), 3);
    assert_int_equal(read_list(292, "03 012c"), 0);
    desk_expect_bytes(&desk, NF_SRC_ADDR, "");
}

static void
a_subtemplate_list_that_cannot_be_read_is_left(void **state)
{
    (void)state;
    assert_int_equal(read_list(292, "03 03e7 0a000001 0050"), 0); /* no such template */
    assert_int_equal(read_list(292, "03 0000 0a000001 0050"), 0);
    assert_int_equal(read_list(292, "03 012c 0a000001 0050 0a0000"), 1);
    assert_int_equal(read_list(292, "03 012d 03616263 06 09 61"), 1);
    assert_int_equal(read_list(292, ""), 0);
    assert_int_equal(read_list(292, "03 01"), 0);
}

/* ---- subTemplateMultiList ---- */

static void
records_of_a_multi_list_are_counted_by_their_own_templates(void **state)
{
    (void)state;
    assert_int_equal(read_list(293, "03 012c 0010 0a000001 0050 0a000002 0051"
                                    "012d 0009 03616263 06"),
        3);
    /* A template that is not known costs its own part. */
    assert_int_equal(read_list(293, "03 03e7 0006 ffff 012c 000a 0a000001 0050"), 1);
    assert_int_equal(read_list(293, "03 012c 0004 012c 000a 0a000001 0050"), 1);
}

static void
a_multi_list_whose_lengths_lie_is_left_from_there_on(void **state)
{
    (void)state;
    assert_int_equal(read_list(293, "03 012c 000a 0a000001 0050 012c 000b 0a000001 0050"), 1);
    assert_int_equal(read_list(293, "03 012c 000a 0a000001 0050 012c 0003 0a000001 0050"), 1);
    assert_int_equal(read_list(293, "03 012c 0000 0a000001 0050"), 0);
    assert_int_equal(read_list(293, "03 012c ffff 0a000001 0050"), 0);
    assert_int_equal(read_list(293, "03 012c 00"), 0);
    assert_int_equal(read_list(293, ""), 0);
}

/* ---- All of them ---- */

static void
lists_in_lists_move_nothing(void **state)
{
    (void)state;
    /* A record with a list in a list of records: one record, whatever is in it. */
    assert_int_equal(read_list(292, "03 012e 06 09 03 01e3 0004 fde80001"), 1);
    assert_false(nf_flow_has(&desk.flow, NF_BGP_COMMUNITIES));
    assert_int_equal(read_list(292, "03 012e 06 09 03 01e3 0009 fde80001 11 00"), 2);
    assert_int_equal(read_list(291, "03 0123 ffff 09 0301e30004fde80001 01 00"), 2);
    assert_int_equal(read_list(293, "03 012e 000f 06 09 03 01e3 0004 fde80001"), 1);
}

static void
lists_of_fixed_length_are_lists_too(void **state)
{
    (void)state;
    desk_read(&desk, "484=0301e30004fde80001fde80002 7=0050");
    EXPECT_COMMUNITIES(0xfde80001, 0xfde80002);
    assert_int_equal(desk_number(&desk, NF_SRC_PORT), 80);
}

static void
no_prefix_of_a_list_is_read_past_its_end(void **state)
{
    static const struct {
        uint16_t id;
        const char *hex;
    } lists[] = { { 484, "03 01e3 0004 fde80001 fde80002" },
        { 291, "03 81e3 ffff 00000009 04fde80001 ff0004fde80002" },
        { 292, "03 012c 0a000001 0050 0a000002 0051" }, { 292, "03 012d 03616263 06 ff000161 01" },
        { 293, "03 012c 0010 0a000001 0050 0a000002 0051 012d 0009 03616263 06" },
        { 497, SEGMENT1 SEGMENT2 } };
    static struct build text;

    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        text.len = 0;
        build_hex(&text, lists[i].hex);
        /* The list is the last element: its end is that of the memory. */
        for (size_t len = 1; len <= text.len; len++) {
            desk_read_packet(
                &desk, "7=0050", lists[i].id, false, (struct sr_span){ text.bytes, len });
            assert_int_equal(desk_number(&desk, NF_SRC_PORT), 80);
            desk_read_packet(
                &desk, "7=0050", lists[i].id, true, (struct sr_span){ text.bytes, len });
        }
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, desk_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(communities_of_a_list_are_taken),
        TEST(communities_of_several_lists_are_one_after_the_other),
        TEST(no_more_elements_are_carried_than_there_is_room_for),
        TEST(segments_are_taken_of_elements_lists_and_sections),
        TEST(elements_that_no_field_is_for_are_counted),
        TEST(a_list_that_is_cut_gives_what_is_whole),
        TEST(records_of_a_subtemplate_list_are_counted),
        TEST(a_subtemplate_list_that_cannot_be_read_is_left),
        TEST(records_of_a_multi_list_are_counted_by_their_own_templates),
        TEST(a_multi_list_whose_lengths_lie_is_left_from_there_on),
        TEST(lists_in_lists_move_nothing),
        TEST(lists_of_fixed_length_are_lists_too),
        TEST(no_prefix_of_a_list_is_read_past_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
