/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <arpa/inet.h>

#include "sr/peer.h"

#include "sr/banned.h"

static void
v6_as(const char *address, const char *want)
{
    struct sr_peer peer = { .is_v6 = true };
    char text[SR_PEER_TEXT_MAX];

    assert_int_equal(inet_pton(AF_INET6, address, peer.address), 1);
    assert_int_equal(sr_peer_text(&peer, text), strlen(want));
    assert_string_equal(text, want);
}

static void
ipv4_is_written_as_a_dotted_quad(void **state)
{
    struct sr_peer peer = { .address = { 192, 0, 2, 9 }, .port = 514 };
    char text[SR_PEER_TEXT_MAX];

    (void)state;
    assert_int_equal(sr_peer_text(&peer, text), 9);
    assert_string_equal(text, "192.0.2.9");
    peer = (struct sr_peer){ .address = { 255, 100, 10, 0 } };
    assert_int_equal(sr_peer_text(&peer, text), 12);
    assert_string_equal(text, "255.100.10.0");
}

static void
ipv6_follows_rfc_5952(void **state)
{
    (void)state;
    v6_as("::", "::");
    v6_as("::1", "::1");
    v6_as("1::", "1::");
    v6_as("2001:DB8::1", "2001:db8::1");
    v6_as("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"); /* one group is not shortened */
    v6_as("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");          /* the longer run */
    v6_as("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");    /* the first of two */
    v6_as("fe80:0:0:0:a:b:0:0", "fe80::a:b:0:0");
    v6_as("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::");
    v6_as("0:0:3:4:5:6:7:8", "::3:4:5:6:7:8");
    v6_as("::ffff:192.0.2.128", "::ffff:192.0.2.128");
    v6_as("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_is_written_as_a_dotted_quad),
        cmocka_unit_test(ipv6_follows_rfc_5952),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
