/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "sr/buf.h"
#include "sr/packet.h"

/* Reads like the hexadecimal of a packet dump; blanks are skipped. */
static void
add_hex(struct sr_buf *b, const char *hex)
{
    while (*hex != '\0') {
        char pair[3] = { hex[0], hex[1], '\0' };

        if (*hex == ' ') {
            hex++;
            continue;
        }
        sr_buf_put(b, (uint8_t)strtoul(pair, NULL, 16));
        hex += 2;
    }
    assert_false(b->overflow);
}

/* 192.0.2.1:1025 to 192.0.2.2:514, "hello", total length 33. */
#define IPV4_HELLO                                                                                 \
    "4500 0021 0001 0000 40 11 0000 c0000201 c0000202"                                             \
    "0401 0202 000d 0000 68656c6c6f"
/* [2001:db8::1]:1025 to [2001:db8::2]:514, "hello", payload length 13. */
#define IPV6_ADDRESSES "20010db8000000000000000000000001 20010db8000000000000000000000002"
#define UDP_HELLO "0401 0202 000d 0000 68656c6c6f"
#define IPV6_HELLO "60000000 000d 11 40" IPV6_ADDRESSES UDP_HELLO
#define MACS "ffffffffffff 020000000001"

static enum sr_packet_err
walk(uint32_t link_type, const char *hex, struct sr_packet *packet)
{
    static uint8_t memory[512];
    struct sr_buf b = sr_buf_over(memory, sizeof(memory));

    add_hex(&b, hex);
    return sr_packet_walk(link_type, sr_buf_span(&b), packet);
}

struct frame {
    uint32_t link_type;
    const char *hex;
};

static const struct frame hello_frames[] = {
    { SR_LINK_ETHERNET, MACS "0800" IPV4_HELLO },
    { SR_LINK_ETHERNET, MACS "0800" IPV4_HELLO "000000000000000000000000" },
    { SR_LINK_ETHERNET, MACS "8100 0064 0800" IPV4_HELLO },
    { SR_LINK_ETHERNET, MACS "88a8 0064 8100 0065 86dd" IPV6_HELLO },
    { SR_LINK_ETHERNET, MACS "86dd" IPV6_HELLO "0000" },
    { SR_LINK_RAW, IPV4_HELLO },
    { SR_LINK_RAW, IPV6_HELLO },
    { SR_LINK_RAW_BSD, IPV4_HELLO },
    { SR_LINK_RAW_OPENBSD, IPV6_HELLO },
    { SR_LINK_IPV4, IPV4_HELLO },
    { SR_LINK_IPV6, IPV6_HELLO },
    { SR_LINK_LINUX_SLL, "0000 0001 0006 0200000000010000 0800" IPV4_HELLO },
    { SR_LINK_LINUX_SLL, "0000 0001 0006 0200000000010000 8100 0064 86dd" IPV6_HELLO },
    { SR_LINK_LINUX_SLL2, "0800 0000 00000002 0001 00 06 0200000000010000" IPV4_HELLO },
    { SR_LINK_LINUX_SLL2, "86dd 0000 00000002 0001 00 06 0200000000010000" IPV6_HELLO },
    { SR_LINK_NULL, "02000000" IPV4_HELLO },
    { SR_LINK_NULL, "00000002" IPV4_HELLO },
    { SR_LINK_NULL, "0a000000" IPV6_HELLO },
    { SR_LINK_NULL, "18000000" IPV6_HELLO },
    { SR_LINK_NULL, "1c000000" IPV6_HELLO },
    { SR_LINK_LOOP, "0000001e" IPV6_HELLO },
};

static void
every_link_type_leads_to_the_datagram(void **state)
{
    static const uint8_t v4[] = { 192, 0, 2, 1 };
    static const uint8_t v6[] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

    (void)state;
    for (size_t i = 0; i < sizeof(hello_frames) / sizeof(hello_frames[0]); i++) {
        struct sr_packet packet;

        assert_int_equal(
            walk(hello_frames[i].link_type, hello_frames[i].hex, &packet), SR_PACKET_OK);
        assert_int_equal(packet.payload.len, 5);
        assert_memory_equal(packet.payload.data, "hello", 5);
        assert_int_equal(packet.source.port, 1025);
        assert_int_equal(packet.destination.port, 514);
        assert_true(packet.has_addresses);
        if (packet.source.is_v6) {
            assert_memory_equal(packet.source.address, v6, 16);
            assert_int_equal(packet.destination.address[15], 2);
            assert_int_equal(packet.ip.len, 53);
        } else {
            assert_memory_equal(packet.source.address, v4, 4);
            assert_int_equal(packet.destination.address[3], 2);
            assert_int_equal(packet.ip.len, 33);
        }
    }
}

static void
no_prefix_of_a_frame_is_read_past_its_end(void **state)
{
    uint8_t memory[512];

    (void)state;
    for (size_t i = 0; i < sizeof(hello_frames) / sizeof(hello_frames[0]); i++) {
        struct sr_buf b = sr_buf_over(memory, sizeof(memory));
        struct sr_packet packet;

        add_hex(&b, hello_frames[i].hex);
        assert_int_equal(
            sr_packet_walk(hello_frames[i].link_type, sr_buf_span(&b), &packet), SR_PACKET_OK);
        size_t whole = (size_t)(packet.payload.data + packet.payload.len - memory);
        for (size_t len = 0; len < whole; len++) {
            /* An exact-size copy, so that a sanitizer sees a read of one byte too far. */
            uint8_t *exact = malloc(len > 0 ? len : 1);

            assert_non_null(exact);
            memcpy(exact, memory, len);
            assert_int_equal(
                sr_packet_walk(hello_frames[i].link_type, (struct sr_span){ exact, len }, &packet),
                SR_PACKET_ETRUNCATED);
            assert_int_equal(packet.payload.len, 0);
            free(exact);
        }
    }
}

static void
headers_between_ip_and_udp_are_stepped_over(void **state)
{
    static const struct frame frames[] = {
        /* Two words of IPv4 options: header length 7. */
        { SR_LINK_RAW, "4700 0029 0001 0000 40 11 0000 c0000201 c0000202"
                       "0101010101010100" UDP_HELLO },
        /* Hop-by-hop, routing (16 bytes), destination options. */
        { SR_LINK_RAW, "60000000 002d 00 40" IPV6_ADDRESSES "2b 00 050200000000"
                       "3c 01 0000000000000000000000000000"
                       "11 00 010400000000" UDP_HELLO },
        /* Authentication header of 24 bytes. */
        { SR_LINK_RAW, "60000000 0025 33 40" IPV6_ADDRESSES
                       "11 04 0000 00000001 00000001 000000000000000000000000" UDP_HELLO },
        /* A fragment header around a whole datagram, RFC 6946. */
        { SR_LINK_RAW, "60000000 0015 2c 40" IPV6_ADDRESSES "11 00 0000 00000001" UDP_HELLO },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        struct sr_packet packet;

        assert_int_equal(walk(frames[i].link_type, frames[i].hex, &packet), SR_PACKET_OK);
        assert_int_equal(packet.payload.len, 5);
        assert_memory_equal(packet.payload.data, "hello", 5);
    }
}

static void
what_is_no_datagram_is_refused_by_its_reason(void **state)
{
    static const struct {
        struct frame frame;
        const char *reason;
        bool has_addresses;
    } cases[] = {
        { { 147, IPV4_HELLO }, "link_type", false },
        { { SR_LINK_ETHERNET, MACS "0806 0001 0800 0604 0001" }, "not_ip", false },
        { { SR_LINK_ETHERNET, MACS "0026 424203" }, "not_ip", false }, /* IEEE 802.3 length */
        { { SR_LINK_NULL, "00000007" IPV4_HELLO }, "not_ip", false },
        { { SR_LINK_RAW, "00000000" }, "not_ip", false },
        { { SR_LINK_IPV4, IPV6_HELLO }, "malformed", false },
        { { SR_LINK_IPV6, IPV4_HELLO }, "malformed", false },
        { { SR_LINK_ETHERNET, MACS "0800 00" }, "malformed", false },
        { { SR_LINK_RAW, "4500 0028 0001 0000 40 06 0000 c0000201 c0000202"
                         "0401 0202 00000000 00000000 5002 0000 0000 0000" },
            "tcp", true },
        { { SR_LINK_RAW, "4500 001c 0001 0000 40 01 0000 c0000201 c0000202 0800 0000 0000 0000" },
            "not_udp", true },
        { { SR_LINK_RAW, "60000000 0000 3b 40" IPV6_ADDRESSES }, "not_udp", true },
        /* First, middle and last fragments. */
        { { SR_LINK_RAW, "4500 0021 0001 2000 40 11 0000 c0000201 c0000202" UDP_HELLO }, "fragment",
            true },
        { { SR_LINK_RAW, "4500 0021 0001 0010 40 11 0000 c0000201 c0000202" UDP_HELLO }, "fragment",
            true },
        { { SR_LINK_RAW, "60000000 0015 2c 40" IPV6_ADDRESSES "11 00 0001 00000001" UDP_HELLO },
            "fragment", true },
        { { SR_LINK_RAW, "60000000 0015 2c 40" IPV6_ADDRESSES "00 00 0010 00000001" UDP_HELLO },
            "fragment", true },
        /* "Do not fragment" alone is no fragment; here the capture was cut. */
        { { SR_LINK_RAW, "4500 0022 0001 4000 40 11 0000 c0000201 c0000202"
                         "0401 0202 000e 0000 68656c6c6f" },
            "truncated", true },
        /* Lengths that contradict each other. */
        { { SR_LINK_RAW, "4400 0021 0001 0000 40 11 0000 c0000201 c0000202" UDP_HELLO },
            "malformed", true },
        { { SR_LINK_RAW, "4600 0014 0001 0000 40 11 0000 c0000201 c0000202 00000000" UDP_HELLO },
            "malformed", true },
        { { SR_LINK_RAW, "4500 0014 0001 0000 40 11 0000 c0000201 c0000202" UDP_HELLO },
            "malformed", true },
        { { SR_LINK_RAW, "4500 0021 0001 0000 40 11 0000 c0000201 c0000202"
                         "0401 0202 000e 0000 68656c6c6f" },
            "malformed", true },
        { { SR_LINK_RAW, "4500 0021 0001 0000 40 11 0000 c0000201 c0000202"
                         "0401 0202 0007 0000 68656c6c6f" },
            "malformed", true },
        { { SR_LINK_RAW, "60000000 0008 00 40" IPV6_ADDRESSES "11 09 000000000000 00000000" },
            "malformed", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sr_packet packet;
        enum sr_packet_err err = walk(cases[i].frame.link_type, cases[i].frame.hex, &packet);

        assert_string_equal(sr_packet_reason(err), cases[i].reason);
        assert_int_equal(packet.has_addresses, cases[i].has_addresses);
        assert_int_equal(packet.payload.len, 0);
    }
}

static void
a_length_of_zero_means_the_rest_of_the_frame(void **state)
{
    struct sr_packet packet;

    (void)state;
    assert_int_equal(
        walk(SR_LINK_RAW, "4500 0000 0001 0000 40 11 0000 c0000201 c0000202" UDP_HELLO, &packet),
        SR_PACKET_OK);
    assert_int_equal(packet.payload.len, 5);
    assert_int_equal(
        walk(SR_LINK_RAW, "60000000 0000 11 40" IPV6_ADDRESSES UDP_HELLO, &packet), SR_PACKET_OK);
    assert_int_equal(packet.payload.len, 5);
}

static void
bytes_between_the_udp_length_and_the_ip_length_are_no_payload(void **state)
{
    struct sr_packet packet;

    (void)state;
    assert_int_equal(walk(SR_LINK_RAW,
                         "4500 0021 0001 0000 40 11 0000 c0000201 c0000202"
                         "0401 0202 000a 0000 68656c6c6f",
                         &packet),
        SR_PACKET_OK);
    assert_int_equal(packet.payload.len, 2);
    assert_int_equal(packet.ip.len, 33);
}

static void
an_empty_datagram_is_a_datagram(void **state)
{
    struct sr_packet packet;

    (void)state;
    assert_int_equal(
        walk(SR_LINK_RAW, "4500 001c 0001 0000 40 11 0000 c0000201 c0000202 0401 0202 0008 0000",
            &packet),
        SR_PACKET_OK);
    assert_int_equal(packet.payload.len, 0);
}

static void
v4_mapped_addresses_are_ipv4_peers(void **state)
{
    static const uint8_t v4[] = { 192, 0, 2, 7 };
    struct sr_packet packet;

    (void)state;
    assert_int_equal(walk(SR_LINK_RAW,
                         "60000000 000d 11 40 00000000000000000000ffffc0000207"
                         "20010db8000000000000000000000002" UDP_HELLO,
                         &packet),
        SR_PACKET_OK);
    assert_false(packet.source.is_v6);
    assert_memory_equal(packet.source.address, v4, 4);
    assert_true(packet.destination.is_v6);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_link_type_leads_to_the_datagram),
        cmocka_unit_test(no_prefix_of_a_frame_is_read_past_its_end),
        cmocka_unit_test(headers_between_ip_and_udp_are_stepped_over),
        cmocka_unit_test(what_is_no_datagram_is_refused_by_its_reason),
        cmocka_unit_test(a_length_of_zero_means_the_rest_of_the_frame),
        cmocka_unit_test(bytes_between_the_udp_length_and_the_ip_length_are_no_payload),
        cmocka_unit_test(an_empty_datagram_is_a_datagram),
        cmocka_unit_test(v4_mapped_addresses_are_ipv4_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
