/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "sr/network.h"

#include "sr/banned.h"

static struct sr_network
network(const char *text)
{
    struct sr_network n;

    assert_null(sr_network_parse(text, &n));
    return n;
}

static struct sr_peer
peer(const char *text)
{
    struct sr_peer p = { .is_v6 = strchr(text, ':') != NULL, .port = 9 };

    assert_int_equal(inet_pton(p.is_v6 ? AF_INET6 : AF_INET, text, p.address), 1);
    return p;
}

static bool
has(const char *net, const char *address)
{
    struct sr_network n = network(net);
    struct sr_peer p = peer(address);

    return sr_network_has(&n, &p);
}

static void
a_network_has_the_addresses_of_its_prefix_and_no_others(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.0.1"));
    assert_false(has("10.0.0.0/8", "11.0.0.1"));
    assert_true(has("192.0.2.128/25", "192.0.2.128"));
    assert_false(has("192.0.2.128/25", "192.0.2.127"));
    assert_true(has("172.16.0.0/12", "172.31.255.255"));
    assert_false(has("172.16.0.0/12", "172.32.0.0"));
    assert_true(has("0.0.0.0/0", "203.0.113.9"));
    assert_true(has("::/0", "2001:db8::1"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
}

static void
an_address_alone_is_a_network_of_one(void **state)
{
    (void)state;
    assert_int_equal(network("192.0.2.7").prefix, 32);
    assert_true(has("192.0.2.7", "192.0.2.7"));
    assert_false(has("192.0.2.7", "192.0.2.6"));
    assert_int_equal(network("2001:db8::7").prefix, 128);
    assert_false(has("2001:db8::7", "2001:db8::17"));
}

static void
families_do_not_mix_but_for_mapped_addresses(void **state)
{
    (void)state;
    assert_false(has("0.0.0.0/0", "::1"));
    assert_false(has("::/0", "192.0.2.1"));
    assert_true(has("::ffff:10.0.0.0/104", "10.1.2.3"));
    assert_false(has("::ffff:10.0.0.0/104", "11.1.2.3"));
    assert_int_equal(network("::ffff:10.0.0.0/104").prefix, 8);
}

static void
every_spelling_of_ipv6_is_read_as_the_system_reads_it(void **state)
{
    static const char *const texts[] = { "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8",
        "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3::7:8", "FE80::A:b", "64:ff9b::192.0.2.33",
        "::192.0.2.33", "1:2:3:4:5:6:1.2.3.4" };
    uint8_t want[16];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(inet_pton(AF_INET6, texts[i], want), 1);
        struct sr_network n = network(texts[i]);
        assert_memory_equal(n.address, want, sizeof(want));
    }
}

static void
what_is_no_network_is_refused_with_a_reason(void **state)
{
    static const char *const texts[] = { "", "/", "10", "10.0.0", "10.0.0.0/", "10.0.0.0/33",
        "10.0.0.0/-1", "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.0/08", "010.0.0.1", "256.0.0.1",
        "10.0.0.1/8", "1.2.3.4.5", "10.0.0.0/8/8", ":", ":::", "1:::2", "1::2::3", ":1",
        "1:", "1:/8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::", "::/129", "2001:db8::1/32",
        "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "::1.2.3.4:5", "any", "10.0.0.0/8\n" };
    struct sr_network n = { .prefix = 77 };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (sr_network_parse(texts[i], &n) == NULL) {
            fail_msg("`%s` was taken", texts[i]);
        }
        assert_int_equal(n.prefix, 77);
    }
}

static void
no_text_of_a_few_letters_is_read_otherwise_than_by_the_system(void **state)
{
    static const char letters[] = ":1f.";
    char text[9];
    uint8_t want[16];

    (void)state;
    for (unsigned code = 0; code < 1U << 16; code++) {
        for (unsigned i = 0; i < 8; i++) {
            text[i] = letters[code >> 2 * i & 3];
        }
        for (unsigned len = 5; len <= 8; len++) {
            char cut[9] = { 0 };
            struct sr_network n;
            memcpy(cut, text, len);
            int family = strchr(cut, ':') != NULL ? AF_INET6 : AF_INET;
            bool theirs = inet_pton(family, cut, want) == 1;
            bool ours = sr_network_parse(cut, &n) == NULL;
            if (theirs != ours ||
                (ours && memcmp(n.address, want, family == AF_INET ? 4 : 16) != 0)) {
                fail_msg("`%s`", cut);
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_has_the_addresses_of_its_prefix_and_no_others),
        cmocka_unit_test(an_address_alone_is_a_network_of_one),
        cmocka_unit_test(families_do_not_mix_but_for_mapped_addresses),
        cmocka_unit_test(every_spelling_of_ipv6_is_read_as_the_system_reads_it),
        cmocka_unit_test(what_is_no_network_is_refused_with_a_reason),
        cmocka_unit_test(no_text_of_a_few_letters_is_read_otherwise_than_by_the_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
