/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "sr/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* What is said of the first `len` bytes, which lie in memory of exactly that size. */
static enum sr_proxy_state
read_exact(struct sr_span bytes, size_t len, struct sr_proxy *ret_proxy)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);

    assert_non_null(exact);
    memcpy(exact, bytes.data, len);
    enum sr_proxy_state state = sr_proxy_read((struct sr_span){ exact, len }, ret_proxy);
    free(exact);
    return state;
}

/* A header with something behind it: each prefix may become one, and nothing behind it is taken. */
static void
gives(struct sr_span header, const char *source, unsigned port)
{
    static uint8_t bytes[SR_PROXY_MAX + 2];
    struct sr_span both = { bytes, header.len + 2 };
    char text[SR_PEER_TEXT_MAX];
    struct sr_proxy p;

    memcpy(bytes, header.data, header.len);
    memcpy(bytes + header.len, "<1", 2);
    for (size_t len = 0; len < header.len; len++) {
        assert_int_equal(read_exact(both, len, &p), SR_PROXY_MORE);
    }
    for (size_t len = header.len; len <= both.len; len++) {
        assert_int_equal(read_exact(both, len, &p), SR_PROXY_HEADER);
        assert_int_equal(p.used, header.len);
        assert_int_equal(p.has_source, source != NULL);
        if (source != NULL) {
            (void)sr_peer_text(&p.source, text);
            assert_string_equal(text, source);
            assert_int_equal(p.source.port, port);
        }
    }
}

/* Whatever comes, it is none, and no header at any time before. */
static void
is_bad(struct sr_span bytes)
{
    struct sr_proxy p;
    bool bad = false;

    for (size_t len = 0; len <= bytes.len; len++) {
        enum sr_proxy_state state = read_exact(bytes, len, &p);
        assert_int_not_equal(state, SR_PROXY_HEADER);
        assert_true(!bad || state == SR_PROXY_BAD); /* it never becomes one again */
        bad = state == SR_PROXY_BAD;
    }
    if (!bad) {
        fail_msg("may still become one: %.*s", (int)bytes.len, (const char *)bytes.data);
    }
}

static void
a_line_of_version_1_says_who_connects(void **state)
{
    (void)state;
    gives(span_of("PROXY TCP4 192.0.2.1 198.51.100.2 65535 514\r\n"), "192.0.2.1", 65535);
    gives(span_of("PROXY TCP4 192.0.2.1 198.51.100.2 0 1\r\n"), "192.0.2.1", 0);
    gives(span_of("PROXY TCP6 2001:db8::1 ::1 40000 6514\r\n"), "2001:db8::1", 40000);
    gives(span_of("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
    gives(span_of("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), "192.0.2.1", 1);
}

static void
a_balancer_may_speak_for_itself(void **state)
{
    (void)state;
    gives(span_of("PROXY UNKNOWN\r\n"), NULL, 0);
    gives(span_of("PROXY UNKNOWN ffff::1 whatever 1 2\r\n"), NULL, 0);
    gives((struct sr_span){ (const uint8_t *)SIGNATURE "\x20\0\0\0", 16 }, NULL, 0);
    gives((struct sr_span){ (const uint8_t *)SIGNATURE "\x20\x11\0\x04"
                                                       "abcd",
              20 },
        NULL, 0);
}

static void
other_lines_are_none(void **state)
{
    static const char *const lines[] = {
        "<13>1 - host - - - - text\n",
        "GET / HTTP/1.0\r\n",
        "PROXY\r\n",
        "PROXY \r\n",
        "PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 99999 1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 \r\n",
        "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.0/24 192.0.2.2 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP6 ::1 ::1x 1 2\r\n",
        "PROXY TCP6 fffffffffffffffffffffffffffffffffffffffffffffffff::1 ::1 1 2\r\n",
    };
    char endless[200];

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        is_bad(span_of(lines[i]));
    }
    (void)snprintf(endless, sizeof(endless), "PROXY TCP4 %0100d", 0);
    is_bad(span_of(endless));
}

/* A header of version 2 with `len` bytes behind its first 16. */
static struct sr_span
v2(uint8_t command, uint8_t family, const char *body, size_t len)
{
    static uint8_t bytes[SR_PROXY_MAX + 64];

    memcpy(bytes, SIGNATURE, 12);
    bytes[12] = command;
    bytes[13] = family;
    bytes[14] = (uint8_t)(len >> 8);
    bytes[15] = (uint8_t)len;
    memset(bytes + 16, 0, sizeof(bytes) - 16);
    memcpy(bytes + 16, body, strlen(body));
    return (struct sr_span){ bytes, 16 + (len < sizeof(bytes) - 16 ? len : sizeof(bytes) - 16) };
}

static void
version_2_says_who_connects(void **state)
{
    (void)state;
    gives(
        v2(0x21, 0x11, "\x0a\x01\x02\x03\x0a\x01\x02\x04\x12\x34\x02\x02", 12), "10.1.2.3", 0x1234);
    gives(v2(0x21, 0x11, "\x0a\x01\x02\x03\x0a\x01\x02\x04\x12\x34\x02\x02\x04", 200), "10.1.2.3",
        0x1234); /* with more behind */
    gives(v2(0x21, 0x21, "\x20\x01\x0d\xb8\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", 36),
        "2001:db8:101:101:101:101:101:101", 0);
    gives(v2(0x21, 0x31, "/run/a", 216), NULL, 0); /* of a Unix socket */
    gives(v2(0x21, 0x12, "\x0a\x01\x02\x03\x0a", 12), NULL, 0);
    gives(v2(0x21, 0x00, "", 0), NULL, 0);
    gives(v2(0x21, 0x11, "\x0a\x01\x02\x03\x0a", SR_PROXY_MAX - 16), "10.1.2.3", 0);
}

static void
a_mapped_address_is_an_ipv4_one(void **state)
{
    static const uint8_t mapped[16 + 36] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I',
        'T', '\n', 0x21, 0x21, 0, 36, [26] = 0xff, [27] = 0xff, [28] = 192, [30] = 2, [31] = 7 };

    (void)state;
    gives((struct sr_span){ mapped, sizeof(mapped) }, "192.0.2.7", 0);
}

static void
other_headers_of_version_2_are_refused(void **state)
{
    (void)state;
    is_bad(v2(0x11, 0x11, "", 12)); /* version */
    is_bad(v2(0x22, 0x11, "", 12)); /* command */
    is_bad(v2(0x21, 0x11, "\x0a", 11));
    is_bad(v2(0x21, 0x21, "\x0a", 35));
    is_bad(v2(0x21, 0x11, "\x0a", SR_PROXY_MAX - 15)); /* too long */
    is_bad(v2(0x21, 0x11, "\x0a", 65535));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_version_1_says_who_connects),
        cmocka_unit_test(a_balancer_may_speak_for_itself),
        cmocka_unit_test(other_lines_are_none),
        cmocka_unit_test(version_2_says_who_connects),
        cmocka_unit_test(a_mapped_address_is_an_ipv4_one),
        cmocka_unit_test(other_headers_of_version_2_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
