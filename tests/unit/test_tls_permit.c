/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sr/tls_permit.h"

#define HEX32 "00112233445566778899AABBCCDDEEFF"
#define SHA256 HEX32 HEX32
#define HALF "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:DD:EE:FF"
#define COLONS HALF ":" HALF
#define SHA1 "00112233445566778899aabbccddeeff00112233"

static struct sr_tls_permit
parsed(const char *text)
{
    struct sr_tls_permit permit = { .len = 0 };
    const char *wrong = sr_tls_permit_parse(text, &permit);

    if (wrong != NULL) {
        fail_msg("%s: %s", text, wrong);
    }
    return permit;
}

static bool
permits(const char *pattern, const char *name)
{
    struct sr_tls_permit permit = parsed(pattern);

    return sr_tls_permit_has_name(&permit, span_of(name));
}

static void
names_match_as_a_whole_whatever_their_case(void **state)
{
    (void)state;
    assert_true(permits("host.example.com", "host.example.com"));
    assert_true(permits("Host.Example.COM", "hOST.eXAMPLE.com"));
    assert_true(permits("edge device 7", "edge device 7"));
    assert_false(permits("host.example.com", "host.example.co"));
    assert_false(permits("host.example.com", "host.example.com."));
    assert_false(permits("host.example.com", "xhost.example.com"));
    assert_false(permits("host.example.com", ""));
}

static void
a_star_is_the_whole_first_label_and_one_only(void **state)
{
    (void)state;
    assert_true(permits("*.example.com", "a.example.com"));
    assert_true(permits("*.EXAMPLE.com", "a-b_c.example.COM"));
    assert_false(permits("*.example.com", "example.com"));
    assert_false(permits("*.example.com", ".example.com"));
    assert_false(permits("*.example.com", "a.b.example.com"));
    assert_false(permits("*.example.com", "a.example.org"));
    assert_false(permits("host.example.com", "*.example.com"));
}

static void
a_nul_does_not_end_a_name(void **state)
{
    struct sr_tls_permit permit = parsed("host.example.com");
    static const char forged[] = "host.example.com\0.evil.example";

    (void)state;
    assert_false(sr_tls_permit_has_name(
        &permit, (struct sr_span){ (const uint8_t *)forged, sizeof(forged) - 1 }));
}

static void
addresses_match_by_their_bytes_and_no_name(void **state)
{
    struct sr_tls_permit v4 = parsed("192.0.2.7");
    struct sr_tls_permit v6 = parsed("2001:db8::7");
    static const uint8_t bytes4[] = { 192, 0, 2, 7 };
    static const uint8_t bytes6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 };

    (void)state;
    assert_true(sr_tls_permit_has_bytes(&v4, SR_TLS_PERMIT_ADDRESS, (struct sr_span){ bytes4, 4 }));
    assert_true(
        sr_tls_permit_has_bytes(&v6, SR_TLS_PERMIT_ADDRESS, (struct sr_span){ bytes6, 16 }));
    assert_false(
        sr_tls_permit_has_bytes(&v4, SR_TLS_PERMIT_ADDRESS, (struct sr_span){ bytes6, 16 }));
    assert_false(
        sr_tls_permit_has_bytes(&v4, SR_TLS_PERMIT_FINGERPRINT, (struct sr_span){ bytes4, 4 }));
    assert_false(sr_tls_permit_has_name(&v4, span_of("192.0.2.7")));
}

static void
fingerprints_are_read_in_each_of_their_forms(void **state)
{
    static const char *const forms[] = { "sha-256:" SHA256, "SHA256:" SHA256, "sha-256:" COLONS };
    uint8_t digest[SR_TLS_SHA256_LEN];
    char text[SR_TLS_FINGERPRINT_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(digest); i++) {
        digest[i] = (uint8_t)(i % 16 * 0x11);
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct sr_tls_permit permit = parsed(forms[i]);
        assert_true(sr_tls_permit_has_bytes(
            &permit, SR_TLS_PERMIT_FINGERPRINT, (struct sr_span){ digest, sizeof(digest) }));
    }
    struct sr_tls_permit sha1 = parsed("sha-1:" SHA1);
    assert_true(sr_tls_permit_has_bytes(
        &sha1, SR_TLS_PERMIT_FINGERPRINT, (struct sr_span){ digest, SR_TLS_SHA1_LEN }));
    sr_tls_fingerprint_text(digest, text);
    struct sr_tls_permit again = parsed(text);
    assert_memory_equal(again.bytes, digest, sizeof(digest));
}

static void
what_is_none_of_these_is_refused_with_a_remedy(void **state)
{
    static const struct {
        const char *text, *wrong;
    } cases[] = {
        { "", "write a name" },
        { "*", "`*` stands only" },
        { "*.", "write a name" },
        { "a*.example.com", "`*` stands only" },
        { "a.*.com", "`*` stands only" },
        { "*.*.com", "`*` stands only" },
        { "10.0.0.0/8", "names are ASCII" },
        { "h\xc3\xb6st.example", "names are ASCII" },
        { "sha-256:AA", "64 hexadecimal" },
        { "sha-1:" SHA256, "40 hexadecimal" },
        { "sha-256:" HEX32 "00112233445566778899AABBCCDDEEFG", "is hexadecimal" },
    };
    struct sr_tls_permit permit;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *wrong = sr_tls_permit_parse(cases[i].text, &permit);
        if (wrong == NULL || strstr(wrong, cases[i].wrong) == NULL) {
            fail_msg("%s: %s", cases[i].text, wrong != NULL ? wrong : "accepted");
        }
    }
}

static void
what_is_no_tls_is_recognised_by_its_first_bytes(void **state)
{
    static const struct {
        const char *first, *guess;
    } cases[] = {
        { "", NULL },
        { "\x16\x03\x01", NULL },
        { "<13>Oct 1", "plaintext_syslog" },
        { "73 <13>1 ", "plaintext_syslog" },
        { "12345678", "plaintext_syslog" },
        { "GET / HTT", "http" },
        { "post /lo", "http" },
        { "PRI * HT", "http" },
        { "PROXY TCP", "proxy_header" },
        { "hello", "garbage" },
        { "\x80\x2e\x01", "garbage" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *guess = sr_tls_guess(span_of(cases[i].first));
        if (cases[i].guess == NULL) {
            assert_null(guess);
        } else {
            assert_non_null(guess);
            assert_string_equal(guess, cases[i].guess);
        }
    }
    static const uint8_t proxy2[] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U' };
    assert_string_equal(sr_tls_guess((struct sr_span){ proxy2, sizeof(proxy2) }), "proxy_header");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_match_as_a_whole_whatever_their_case),
        cmocka_unit_test(a_star_is_the_whole_first_label_and_one_only),
        cmocka_unit_test(a_nul_does_not_end_a_name),
        cmocka_unit_test(addresses_match_by_their_bytes_and_no_name),
        cmocka_unit_test(fingerprints_are_read_in_each_of_their_forms),
        cmocka_unit_test(what_is_none_of_these_is_refused_with_a_remedy),
        cmocka_unit_test(what_is_no_tls_is_recognised_by_its_first_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
