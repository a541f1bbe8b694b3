/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of packets that exporters send (elements 104, 313 and 315), and what flows take of them.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "netflow_build.h"
#include "netflow_desk.h"
#include "netflow_rig.h"

#define FRAME 315
#define PACKET 313
#define FRAME_OF_V9 104

/* Parts of packets. */
#define MACS "0a0b0c0d0e0f 020304050607 "
#define ETH_V4 MACS "0800 "
#define ETH_V6 MACS "86dd "
#define VLAN(tag) "8100 " tag " "
#define ADDRESSES4 "c0000201 c6336402 "
/* TOS 0x20, 60 bytes, id 0x1234, DF, TTL 63. */
#define V4(protocol) "45 20 003c 1234 4000 3f " protocol " 0000 " ADDRESSES4
#define SRC6 "20010db8000000000000000000000001 "
#define DST6 "20010db8000000000000000000000002 "
#define SEGMENT1 "20010db8000100000000000000000001 "
#define SEGMENT2 "20010db8000200000000000000000002 "
/* Traffic class 0x20, label 0x12345, 20 bytes behind it, hop limit 63. */
#define V6(next) "62012345 0014 " next " 3f " SRC6 DST6
#define TCP "0400 0050 00000001 00000002 5012 ffff 0000 0000 "
#define UDP(port) "0400 " port " 0020 0000 "
#define ICMP "0301 0000 00000000 "
#define INNER4 "45 00 0028 0000 0000 10 06 0000 0a000001 0a000002 "
#define INNER6 "60000000 0014 06 10 " SEGMENT1 SEGMENT2

static struct build packet;

/* Reads a record with these elements and this packet behind them. */
static void
read_with(const char *record, uint16_t id, const char *hex)
{
    packet.len = 0;
    build_hex(&packet, hex);
    desk_read_packet(&desk, record, id, true, (struct sr_span){ packet.bytes, packet.len });
}

static void
read_frame(const char *hex)
{
    read_with("", FRAME, hex);
}

static uint64_t
number(enum nf_slot slot)
{
    return desk_number(&desk, slot);
}

#define EXPECT_LAYERS(...) DESK_EXPECT(&desk, NF_LAYER_STACK, layer_stack, __VA_ARGS__)
#define EXPECT_SIZES(...) DESK_EXPECT(&desk, NF_LAYER_SIZE, layer_size, __VA_ARGS__)

/* ---- The outermost packet ---- */

static void
expect_v4(void)
{
    desk_expect_bytes(&desk, NF_SRC_ADDR, "c0000201");
    desk_expect_bytes(&desk, NF_DST_ADDR, "c6336402");
    assert_int_equal(number(NF_ETYPE), 0x0800);
    assert_int_equal(number(NF_IP_TOS), 0x20);
    assert_int_equal(number(NF_FRAGMENT_ID), 0x1234);
    assert_int_equal(number(NF_IP_FLAGS), 2);
    assert_int_equal(number(NF_FRAGMENT_OFFSET), 0);
    assert_int_equal(number(NF_IP_TTL), 63);
    assert_int_equal(number(NF_BYTES), 60);
    assert_int_equal(number(NF_PACKETS), 1);
}

static void
expect_v6(void)
{
    desk_expect_bytes(&desk, NF_SRC_ADDR, SRC6);
    desk_expect_bytes(&desk, NF_DST_ADDR, DST6);
    assert_int_equal(number(NF_ETYPE), 0x86dd);
    assert_int_equal(number(NF_IP_TOS), 0x20);
    assert_int_equal(number(NF_IPV6_FLOW_LABEL), 0x12345);
    assert_int_equal(number(NF_IP_TTL), 63);
    assert_int_equal(number(NF_BYTES), 60);
    assert_int_equal(number(NF_PACKETS), 1);
}

static void
expect_tcp(void)
{
    assert_int_equal(number(NF_PROTO), 6);
    desk_expect_bytes(&desk, NF_PROTOCOL_NAME, "544350");
    assert_int_equal(number(NF_SRC_PORT), 1024);
    assert_int_equal(number(NF_DST_PORT), 80);
    assert_int_equal(number(NF_TCP_FLAGS), 0x12);
}

static void
a_frame_gives_addresses_of_all_layers(void **state)
{
    static const uint16_t ids[] = { FRAME, FRAME_OF_V9 };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        read_with("", ids[i], ETH_V4 V4("06") TCP);
        expect_v4();
        expect_tcp();
        assert_int_equal(number(NF_DST_MAC), 0x0a0b0c0d0e0f);
        assert_int_equal(number(NF_SRC_MAC), 0x020304050607);
        EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_TCP);
        EXPECT_SIZES(14, 20, 20);
    }
    read_frame(ETH_V6 V6("06") TCP);
    expect_v6();
    expect_tcp();
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV6, NF_LAYER_TCP);
    EXPECT_SIZES(14, 40, 20);
}

static void
a_packet_begins_with_its_ip_header(void **state)
{
    (void)state;
    read_with("", PACKET, V4("06") TCP);
    expect_v4();
    expect_tcp();
    EXPECT_LAYERS(NF_LAYER_IPV4, NF_LAYER_TCP);
    read_with("", PACKET, V6("06") TCP);
    expect_v6();
    expect_tcp();
    read_with("", PACKET, "ff ff");
    assert_false(nf_flow_has(&desk.flow, NF_LAYER_STACK));
    assert_int_equal(number(NF_PACKETS), 1);
    assert_int_equal(number(NF_ETYPE), 0);
}

static void
a_section_may_be_of_fixed_length_and_filled_up(void **state)
{
    (void)state;
    packet.len = 0;
    build_hex(&packet, ETH_V4 V4("06") TCP "0000000000000000");
    desk_read_packet(&desk, "312=0040", FRAME, false, (struct sr_span){ packet.bytes, packet.len });
    expect_v4();
    expect_tcp();
}

static void
tags_are_read_and_the_outer_one_counts(void **state)
{
    (void)state;
    read_frame(MACS VLAN("2064") "0800 " V4("06") TCP);
    expect_v4();
    expect_tcp();
    assert_int_equal(number(NF_VLAN_ID), 100);
    assert_int_equal(number(NF_SRC_VLAN), 100);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_DOT1Q, NF_LAYER_IPV4, NF_LAYER_TCP);
    read_frame(MACS "88a8 00c8 " VLAN("0064") "0800 " V4("06") TCP);
    expect_v4();
    expect_tcp();
    assert_int_equal(number(NF_VLAN_ID), 200);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_DOT1Q, NF_LAYER_DOT1Q, NF_LAYER_IPV4, NF_LAYER_TCP);
    /* Only a priority. */
    read_frame(MACS VLAN("e000") VLAN("0064") "0806 ");
    assert_int_equal(number(NF_VLAN_ID), 100);
    assert_int_equal(number(NF_ETYPE), 0x0806);
}

static void
labels_are_read_to_the_bottom_of_their_stack(void **state)
{
    (void)state;
    read_frame(MACS "8847 064000 3f 000641 40 " V4("06") TCP);
    expect_v4();
    expect_tcp();
    DESK_EXPECT(&desk, NF_MPLS_LABEL, mpls_label, 0x6400, 100);
    DESK_EXPECT(&desk, NF_MPLS_TTL, mpls_ttl, 63, 64);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_MPLS, NF_LAYER_MPLS, NF_LAYER_IPV4, NF_LAYER_TCP);
    read_frame(MACS "8848 064001 3f " V6("06") TCP);
    expect_v6();
    /* A frame of another network: nothing tells what it is. */
    read_frame(MACS "8847 064001 3f 0000" MACS "0800");
    DESK_EXPECT(&desk, NF_MPLS_LABEL, mpls_label, 0x6400);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_MPLS);
    assert_int_equal(number(NF_ETYPE), 0x8847);
    assert_int_equal(number(NF_PACKETS), 1);
}

static void
options_of_ipv4_are_skipped(void **state)
{
    (void)state;
    read_frame(ETH_V4 "47 20 003c 1234 4000 3f 06 0000 " ADDRESSES4 "9404000000000000" TCP);
    expect_v4();
    expect_tcp();
    EXPECT_SIZES(14, 28, 20);
    /* A section that ends in them. */
    read_frame(ETH_V4 "4f 20 003c 1234 4000 3f 06 0000 " ADDRESSES4 "9404");
    expect_v4();
    assert_int_equal(number(NF_PROTO), 6);
    assert_int_equal(number(NF_SRC_PORT), 0);
    EXPECT_SIZES(14, 60);
    /* A header that is shorter than it can be. */
    read_frame(ETH_V4 "44 20 003c 1234 4000 3f 06 0000 " ADDRESSES4 TCP);
    desk_expect_bytes(&desk, NF_SRC_ADDR, "");
    EXPECT_LAYERS(NF_LAYER_ETHERNET);
}

static void
a_version_that_contradicts_the_frame_is_not_believed(void **state)
{
    (void)state;
    read_frame(ETH_V4 V6("06") TCP);
    EXPECT_LAYERS(NF_LAYER_ETHERNET);
    read_frame(ETH_V6 V4("06") TCP V4("06"));
    EXPECT_LAYERS(NF_LAYER_ETHERNET);
    read_frame(ETH_V4 V4("04") V6("06") TCP);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4);
    assert_int_equal(number(NF_PROTO), 4);
}

static void
later_fragments_have_no_ports(void **state)
{
    (void)state;
    read_frame(ETH_V4 "45 20 003c 1234 20b9 3f 06 0000 " ADDRESSES4 TCP);
    assert_int_equal(number(NF_FRAGMENT_OFFSET), 185);
    assert_int_equal(number(NF_IP_FLAGS), 1);
    assert_int_equal(number(NF_PROTO), 6);
    assert_int_equal(number(NF_SRC_PORT), 0);
    read_frame(ETH_V4 "45 20 003c 1234 2000 3f 06 0000 " ADDRESSES4 TCP);
    expect_tcp();
    read_frame(ETH_V6 V6("2c") "06 00 0001 00012345" TCP);
    expect_tcp();
    assert_int_equal(number(NF_FRAGMENT_ID), 0x12345);
    assert_int_equal(number(NF_IP_FLAGS), 1);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV6, NF_LAYER_IPV6_FRAGMENT, NF_LAYER_TCP);
    read_frame(ETH_V6 V6("2c") "06 00 05c8 00012345" TCP);
    assert_int_equal(number(NF_FRAGMENT_OFFSET), 185);
    assert_int_equal(number(NF_PROTO), 6);
    assert_int_equal(number(NF_SRC_PORT), 0);
}

static void
extension_headers_are_no_protocol(void **state)
{
    (void)state;
    /* Hop by hop, destination options, authentication. */
    read_frame(ETH_V6 V6("00") "3c 00 000000000000 33 01 0000000000000000 000000000000"
                               "06 04 0000 00000000 00000000 000000000000000000000000" TCP);
    expect_v6();
    expect_tcp();
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV6, NF_LAYER_TCP);
    /* The section ends in one that says what follows it. */
    read_frame(ETH_V6 V6("00") "11 02 0000");
    assert_int_equal(number(NF_PROTO), 17);
    read_frame(ETH_V6 V6("00") "2c 02 0000");
    assert_int_equal(number(NF_PROTO), 0);
    read_frame(ETH_V6 V6("3b"));
    assert_int_equal(number(NF_PROTO), 59);
}

#define SRH "06 04 04 01 01 00 0000 " SEGMENT1 SEGMENT2

static void
segments_of_a_routing_header_are_taken(void **state)
{
    (void)state;
    read_frame(ETH_V6 V6("2b") SRH TCP);
    expect_v6();
    expect_tcp();
    assert_int_equal(number(NF_IPV6_ROUTING_HEADER_SEG_LEFT), 1);
    assert_true(nf_flow_has(&desk.flow, NF_IPV6_ROUTING_HEADER_ADDRESSES));
    assert_int_equal(desk.flow.routing_addresses.count, 2);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV6, NF_LAYER_IPV6_ROUTING, NF_LAYER_TCP);
    EXPECT_SIZES(14, 40, 40, 20);
    /* As many as its last entry says, options behind them. */
    read_frame(ETH_V6 V6("2b") "06 04 04 01 00 00 0000 " SEGMENT1
                               "0504 00000000000000000000000000000000" TCP);
    assert_int_equal(desk.flow.routing_addresses.count, 1);
    /* Fewer than it says. */
    read_frame(ETH_V6 V6("2b") "06 02 04 01 ff 00 0000 " SEGMENT1 TCP);
    assert_int_equal(desk.flow.routing_addresses.count, 1);
    expect_tcp();
    /* Cut in the second one. */
    read_frame(ETH_V6 V6("2b") "06 04 04 01 01 00 0000 " SEGMENT1 "20010db8");
    assert_int_equal(desk.flow.routing_addresses.count, 1);
    assert_int_equal(number(NF_PROTO), 6);
    assert_int_equal(number(NF_SRC_PORT), 0);
    /* Type 2 has one, type 3 (RFC 6554) squeezes them. */
    read_frame(ETH_V6 V6("2b") "06 02 02 01 00000000 " SEGMENT1 TCP);
    assert_int_equal(desk.flow.routing_addresses.count, 1);
    read_frame(ETH_V6 V6("2b") "06 02 03 01 00000000 " SEGMENT1 TCP);
    assert_false(nf_flow_has(&desk.flow, NF_IPV6_ROUTING_HEADER_ADDRESSES));
    assert_int_equal(number(NF_IPV6_ROUTING_HEADER_SEG_LEFT), 1);
}

static void
ports_are_read_of_headers_that_are_cut(void **state)
{
    (void)state;
    read_frame(ETH_V4 V4("06") "0400 0050");
    assert_int_equal(number(NF_SRC_PORT), 1024);
    assert_int_equal(number(NF_DST_PORT), 80);
    assert_int_equal(number(NF_TCP_FLAGS), 0);
    read_frame(ETH_V4 V4("06") "0400 0050 00000001 00000002 5012");
    assert_int_equal(number(NF_TCP_FLAGS), 0x12);
    read_frame(ETH_V4 V4("06") "0400 0050 00000001 00000002 8012");
    EXPECT_SIZES(14, 20, 32);
    read_frame(ETH_V4 V4("11") "0400 0035");
    assert_int_equal(number(NF_DST_PORT), 53);
    read_frame(ETH_V4 V4("01") "0301");
    assert_int_equal(number(NF_ICMP_TYPE), 3);
    read_frame(ETH_V4 V4("06") "0400 00");
    assert_int_equal(number(NF_SRC_PORT), 0);
}

static void
icmp_has_type_and_code(void **state)
{
    (void)state;
    read_frame(ETH_V4 V4("01") ICMP);
    assert_int_equal(number(NF_PROTO), 1);
    assert_int_equal(number(NF_ICMP_TYPE), 3);
    assert_int_equal(number(NF_ICMP_CODE), 1);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_ICMP);
    read_frame(ETH_V6 V6("3a") "8000 0000 00000000");
    assert_int_equal(number(NF_ICMP_TYPE), 128);
    assert_int_equal(number(NF_ICMP_CODE), 0);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV6, NF_LAYER_ICMPV6);
}

static void
frames_that_hold_no_ip_are_packets_too(void **state)
{
    (void)state;
    read_with("312=0040", FRAME, MACS "0806 0001080006040001");
    assert_int_equal(number(NF_ETYPE), 0x0806);
    assert_int_equal(number(NF_PACKETS), 1);
    assert_int_equal(number(NF_BYTES), 64);
    /* A length, not a type. */
    read_frame(MACS "0026 424203");
    assert_int_equal(number(NF_ETYPE), 0);
    assert_int_equal(number(NF_SRC_MAC), 0x020304050607);
}

static void
bytes_are_those_of_the_ip_packet_else_of_the_frame(void **state)
{
    (void)state;
    read_with("312=05ee", FRAME, ETH_V4 V4("06") TCP);
    assert_int_equal(number(NF_BYTES), 60);
    read_with("312=05ee", FRAME, ETH_V4 "45 20 0000 1234 4000 3f 06 0000 " ADDRESSES4 TCP);
    assert_int_equal(number(NF_BYTES), 1518);
    read_with("312=05ee", FRAME, ETH_V6 "60000000 0000 06 3f " SRC6 DST6 TCP);
    assert_int_equal(number(NF_BYTES), 1518);
    read_frame(ETH_V6 "60000000 0000 3b 3f " SRC6 DST6);
    assert_int_equal(number(NF_BYTES), 40);
}

/* ---- Tunnels ---- */

/* The outer packet is the flow. */
static void
expect_outer(unsigned protocol)
{
    desk_expect_bytes(&desk, NF_SRC_ADDR, "c0000201");
    assert_int_equal(number(NF_PROTO), protocol);
    assert_int_equal(number(NF_IP_TTL), 63);
    assert_int_equal(number(NF_SRC_MAC), 0x020304050607);
    assert_int_equal(number(NF_BYTES), 60);
    assert_int_equal(number(NF_TCP_FLAGS), 0);
    assert_int_equal(number(NF_ETYPE), 0x0800);
}

static void
packets_in_packets_are_layers_and_the_outer_one_is_the_flow(void **state)
{
    (void)state;
    read_frame(ETH_V4 V4("04") INNER4 TCP);
    expect_outer(4);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_IPV4, NF_LAYER_TCP);
    read_frame(ETH_V4 V4("29") INNER6 TCP);
    expect_outer(41);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_IPV6, NF_LAYER_TCP);
    /* Segments of what is inside are not the flow's. */
    read_frame(ETH_V4 V4("29") "60000000 0014 2b 10 " SEGMENT1 SEGMENT2 SRH TCP);
    assert_false(nf_flow_has(&desk.flow, NF_IPV6_ROUTING_HEADER_ADDRESSES));
}

static void
gre_has_options_where_its_bits_say_so(void **state)
{
    static const char *const headers[] = { ETH_V4 V4("2f") "0000 0800 " INNER4 TCP,
        ETH_V4 V4("2f") "8000 0800 00000000 " INNER4 TCP,
        ETH_V4 V4("2f") "2000 0800 00000001 " INNER4 TCP,
        ETH_V4 V4("2f") "b000 0800 00000000 00000001 00000002 " INNER4 TCP };
    static const uint32_t sizes[] = { 4, 8, 8, 16 };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        read_frame(headers[i]);
        expect_outer(47);
        EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_GRE, NF_LAYER_IPV4, NF_LAYER_TCP);
        EXPECT_SIZES(14, 20, sizes[i], 20, 20);
    }
    read_frame(ETH_V4 V4("2f") "0000 6558 " ETH_V6 INNER6 TCP);
    expect_outer(47);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_GRE, NF_LAYER_ETHERNET, NF_LAYER_IPV6,
        NF_LAYER_TCP);
    /* PPTP, and a source route. */
    read_frame(ETH_V4 V4("2f") "3001 0800 00000000 00000000 " INNER4 TCP);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_GRE);
    read_frame(ETH_V4 V4("2f") "4000 0800 00000000 " INNER4 TCP);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_GRE);
}

static void
tunnels_over_udp_are_told_by_their_port(void **state)
{
    (void)state;
    read_frame(
        ETH_V4 V4("11") UDP("12b5") "08000000 00006400 " MACS VLAN("0007") "0800 " INNER4 TCP);
    expect_outer(17);
    assert_int_equal(number(NF_DST_PORT), 4789);
    assert_int_equal(number(NF_VLAN_ID), 0);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_UDP, NF_LAYER_CUSTOM,
        NF_LAYER_ETHERNET, NF_LAYER_DOT1Q, NF_LAYER_IPV4, NF_LAYER_TCP);
    read_frame(ETH_V4 V4("11") UDP("12b5") "00000000 00006400 " ETH_V4 INNER4 TCP);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_UDP);
    read_frame(
        ETH_V4 V4("11") UDP("17c1") "02 00 6558 00006400 0000000000000000 " ETH_V4 INNER4 TCP);
    expect_outer(17);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_UDP, NF_LAYER_GENEVE,
        NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_TCP);
    EXPECT_SIZES(14, 20, 8, 16, 14, 20, 20);
    read_frame(ETH_V4 V4("11") UDP("17c1") "00 00 86dd 00006400 " INNER6 TCP);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_UDP, NF_LAYER_GENEVE, NF_LAYER_IPV6,
        NF_LAYER_TCP);
    read_frame(ETH_V4 V4("11") UDP("0dd8") INNER6 TCP);
    expect_outer(17);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_UDP, NF_LAYER_TEREDO, NF_LAYER_IPV6,
        NF_LAYER_TCP);
    read_frame(ETH_V4 V4("11") UDP("0035") INNER6 TCP);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_IPV4, NF_LAYER_UDP);
}

static void
layers_are_bounded(void **state)
{
    (void)state;
    packet.len = 0;
    build_hex(&packet, ETH_V4);
    for (unsigned i = 0; i < 50; i++) {
        build_hex(&packet, V4("04"));
    }
    desk_read_packet(&desk, "", FRAME, true, (struct sr_span){ packet.bytes, packet.len });
    assert_int_equal(desk.flow.layer_stack.count, NF_LIST_MAX);
    assert_int_equal(desk.flow.layer_size.count, NF_LIST_MAX);
    /* Headers that are no layers: bounded, too. */
    packet.len = 0;
    build_hex(&packet, ETH_V6 V6("00"));
    for (unsigned i = 0; i < 1000; i++) {
        build_hex(&packet, "00 00 000000000000");
    }
    desk_read_packet(&desk, "", FRAME, true, (struct sr_span){ packet.bytes, packet.len });
    expect_v6();
    /* And labels. */
    packet.len = 0;
    build_hex(&packet, MACS "8847 ");
    for (unsigned i = 0; i < 1000; i++) {
        build_hex(&packet, "000640 40");
    }
    desk_read_packet(&desk, "", FRAME, true, (struct sr_span){ packet.bytes, packet.len });
    assert_int_equal(desk.flow.mpls_label.count, NF_LIST_MAX - 1);
}

/* ---- Beside other elements ---- */

static void
what_the_record_says_itself_wins(void **state)
{
    (void)state;
    read_with("8=0a000001 12=0a000002 4=11 7=0007 11=0008 5=01 52=05 1=0009 2=02 56=000000000001 "
              "58=0003 256=0806 6=40",
        FRAME, MACS VLAN("0064") "0800 " V4("06") TCP);
    desk_expect_bytes(&desk, NF_SRC_ADDR, "0a000001");
    desk_expect_bytes(&desk, NF_DST_ADDR, "0a000002");
    static const struct {
        enum nf_slot slot;
        uint64_t value;
    } own[] = { { NF_PROTO, 17 }, { NF_SRC_PORT, 7 }, { NF_DST_PORT, 8 }, { NF_IP_TOS, 1 },
        { NF_IP_TTL, 5 }, { NF_BYTES, 9 }, { NF_PACKETS, 2 }, { NF_SRC_MAC, 1 }, { NF_VLAN_ID, 3 },
        { NF_ETYPE, 0x0806 }, { NF_TCP_FLAGS, 0x40 }, { NF_DST_MAC, 0x0a0b0c0d0e0f } };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        assert_int_equal(number(own[i].slot), own[i].value);
    }
}

static void
counters_of_any_kind_win_over_the_packets_own(void **state)
{
    (void)state;
    read_with("85=03e8 86=0a", FRAME, ETH_V4 V4("06") TCP);
    assert_int_equal(number(NF_BYTES), 1000);
    assert_int_equal(number(NF_PACKETS), 10);
    read_with("231=03e8 298=0a", FRAME, ETH_V4 V4("06") TCP);
    assert_int_equal(number(NF_BYTES), 1000);
    read_with("352=03e8", FRAME, MACS "0806 ");
    assert_int_equal(number(NF_BYTES), 1000);
    read_with("1=0000 2=0000", FRAME, ETH_V4 V4("06") TCP);
    assert_int_equal(number(NF_BYTES), 60);
}

static void
addresses_of_either_family_win_over_the_packets(void **state)
{
    (void)state;
    read_with("27=20010db8000000000000000000000009", FRAME, ETH_V4 V4("06") TCP);
    desk_expect_bytes(&desk, NF_SRC_ADDR, "20010db8000000000000000000000009");
    desk_expect_bytes(&desk, NF_DST_ADDR, "c6336402");
}

static void
lists_and_icmp_of_the_record_win_wherever_they_stand(void **state)
{
    (void)state;
    /* The packet stands first, and is ICMP behind a label. */
#define LABELLED                                                                                   \
    "0a0b0c0d0e0f020304050607"                                                                     \
    "8847"                                                                                         \
    "00064140"
#define ECHO                                                                                       \
    "4520003c123440003f010000c0000201c6336402"                                                     \
    "0800000000000000"
    desk_read(&desk, "315~" LABELLED ECHO " 70=000c81 200=07 32=0301 197=20");
    DESK_EXPECT(&desk, NF_MPLS_LABEL, mpls_label, 200);
    DESK_EXPECT(&desk, NF_MPLS_TTL, mpls_ttl, 7);
    assert_int_equal(number(NF_ICMP_TYPE), 3);
    assert_int_equal(number(NF_ICMP_CODE), 1);
    assert_int_equal(number(NF_IP_FLAGS), 1);
    desk_read(&desk, "315~" LABELLED ECHO " 139=8704");
    assert_int_equal(number(NF_ICMP_TYPE), 135);
    DESK_EXPECT(&desk, NF_MPLS_LABEL, mpls_label, 100);
}

static void
of_two_sections_the_first_counts(void **state)
{
    (void)state;
    desk_read(&desk, "315~" LABELLED ECHO " 104~0a0b0c0d0e0f0203040506070806");
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_MPLS, NF_LAYER_IPV4, NF_LAYER_ICMP);
    assert_int_equal(number(NF_PACKETS), 1);
    desk_read(&desk, "315~00 104~" LABELLED ECHO);
    EXPECT_LAYERS(NF_LAYER_ETHERNET, NF_LAYER_MPLS, NF_LAYER_IPV4, NF_LAYER_ICMP);
}

/* ---- A recorded one ---- */

static struct netflow_rig rig;
static uint32_t layers[NF_LIST_MAX];
static unsigned layer_count;

static void
keep_layers(void *arg, struct sr_span bytes)
{
    const struct nf_flow *f = &rig.scratch->flow;

    (void)arg;
    (void)bytes;
    layer_count = nf_flow_has(f, NF_LAYER_STACK) ? f->layer_stack.count : 0;
    memcpy(layers, f->layer_stack.items, sizeof(layers));
}

/* Lines of an address, a port and a datagram in hexadecimal digits. */
static void
feed_file(const char *path)
{
    static char line[200000];
    static struct build message;
    static const struct sr_peer peer = { .address = { 192, 0, 2, 1 }, .port = 2055 };
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        char *hex = strrchr(line, ' ');
        assert_non_null(hex);
        hex[strcspn(hex, "\n")] = '\0';
        message.len = 0;
        build_hex(&message, hex);
        (void)netflow_rig_feed(&rig, &peer, (struct sr_span){ message.bytes, message.len });
    }
    (void)fclose(file);
}

static void
a_recorded_packet_of_segment_routing_is_read(void **state)
{
    const char *corpus = getenv("SR_CORPUS");
    char path[512];

    (void)state;
    if (corpus == NULL) {
        skip();
    }
    int n = snprintf(
        path, sizeof(path), "%s/netflow/ipfix-akvorado-juniper-cpid/datagrams.hex", corpus);
    assert_in_range(n, 1, sizeof(path) - 1);
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    rig.message = keep_layers;
    feed_file(path);
    assert_int_equal(rig.messages, 1);
    const struct nf_flow *f = &rig.scratch->flow;
    assert_int_equal(nf_flow_get(f, NF_PROTO), 4);
    assert_int_equal(nf_flow_get(f, NF_BYTES), 104);
    assert_int_equal(nf_flow_get(f, NF_PACKETS), 1);
    assert_int_equal(nf_flow_get(f, NF_ETYPE), 0x86dd);
    assert_int_equal(nf_flow_get(f, NF_IP_TTL), 254);
    assert_int_equal(nf_flow_get(f, NF_SRC_MAC), 0x0c00c386af07);
    assert_int_equal(nf_flow_get(f, NF_ICMP_TYPE), 0);
    desk_expect_numbers(&(struct nf_numbers){ .count = layer_count,
                            .items = { layers[0], layers[1], layers[2], layers[3] } },
        (const uint32_t[]){ NF_LAYER_ETHERNET, NF_LAYER_IPV6, NF_LAYER_IPV4, NF_LAYER_ICMP }, 4);
    netflow_rig_end(&rig);
}

static void
every_prefix_of_every_packet_is_read_within_its_bytes(void **state)
{
    static const char *const packets[] = {
        MACS "88a8 00c8 " VLAN("0064") "8847 064000 3f 000641 40 " V4("06") TCP,
        ETH_V4
        "4f 20 003c 1234 4000 3f 06 0000 " ADDRESSES4
        "00000000000000000000 00000000000000000000 00000000000000000000 00000000000000000000" TCP,
        ETH_V6 V6("00") "3c 00 000000000000 33 01 0000000000000000 000000000000"
                        "2b 04 0000 00000000 00000000 000000000000000000000000" SRH TCP,
        ETH_V6 V6("2c") "3a 00 0001 00012345 8000 0000 00000000",
        ETH_V4 V4("01") ICMP,
        ETH_V4 V4("2f") "b000 6558 00000000 00000001 00000002 " ETH_V6 INNER6 TCP,
        ETH_V4 V4("11") UDP("12b5") "08000000 00006400 " MACS VLAN("0007") "0800 " INNER4 TCP,
        ETH_V4 V4("11") UDP("17c1") "02 00 6558 00006400 0000000000000000 " ETH_V4 INNER4 TCP,
        ETH_V4 V4("11") UDP("0dd8") INNER6 TCP,
        ETH_V4 V4("04") INNER4 TCP,
        ETH_V4 V4("29") "60000000 0014 2b 10 " SEGMENT1 SEGMENT2 SRH TCP,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        packet.len = 0;
        build_hex(&packet, packets[i]);
        for (size_t len = 1; len <= packet.len; len++) {
            unsigned before = 0;
            for (uint16_t id = PACKET; id <= FRAME; id += 2) {
                size_t from = id == PACKET && len > 14 ? 14 : 0;
                desk_read_packet(
                    &desk, "", id, false, (struct sr_span){ packet.bytes + from, len - from });
                before += nf_flow_has(&desk.flow, NF_LAYER_STACK);
                assert_int_equal(number(NF_PACKETS), 1);
            }
            assert_true(before > 0 || len < 14);
        }
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, desk_begin, desk_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_frame_gives_addresses_of_all_layers),
        TEST(a_packet_begins_with_its_ip_header),
        TEST(a_section_may_be_of_fixed_length_and_filled_up),
        TEST(tags_are_read_and_the_outer_one_counts),
        TEST(labels_are_read_to_the_bottom_of_their_stack),
        TEST(options_of_ipv4_are_skipped),
        TEST(a_version_that_contradicts_the_frame_is_not_believed),
        TEST(later_fragments_have_no_ports),
        TEST(extension_headers_are_no_protocol),
        TEST(segments_of_a_routing_header_are_taken),
        TEST(ports_are_read_of_headers_that_are_cut),
        TEST(icmp_has_type_and_code),
        TEST(frames_that_hold_no_ip_are_packets_too),
        TEST(bytes_are_those_of_the_ip_packet_else_of_the_frame),
        TEST(packets_in_packets_are_layers_and_the_outer_one_is_the_flow),
        TEST(gre_has_options_where_its_bits_say_so),
        TEST(tunnels_over_udp_are_told_by_their_port),
        TEST(layers_are_bounded),
        TEST(what_the_record_says_itself_wins),
        TEST(counters_of_any_kind_win_over_the_packets_own),
        TEST(addresses_of_either_family_win_over_the_packets),
        TEST(lists_and_icmp_of_the_record_win_wherever_they_stand),
        TEST(of_two_sections_the_first_counts),
        cmocka_unit_test(a_recorded_packet_of_segment_routing_is_read),
        TEST(every_prefix_of_every_packet_is_read_within_its_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
