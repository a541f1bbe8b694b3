/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>

#include "usm/key.h"

#include "sr/banned.h"

static struct usm_algorithms algorithms;

/* "000000000000000000000002", the engine of RFC 3414 appendix A.3 */
static const uint8_t engine[12] = { [11] = 2 };
static const struct sr_span engine_id = { engine, sizeof(engine) };

static int
load(void **state)
{
    (void)state;
    return usm_algorithms_load(&algorithms) ? 0 : -1;
}

static int
unload(void **state)
{
    (void)state;
    usm_algorithms_free(&algorithms);
    return 0;
}

static void
expect_key(const struct usm_key *key, const char *hex)
{
    char text[2 * USM_KEY_MAX + 1] = "";

    for (size_t i = 0; i < key->len; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", key->bytes[i]);
    }
    assert_string_equal(text, hex);
}

static struct usm_key
key_of(enum usm_auth auth, const char *password)
{
    struct usm_key key;

    assert_true(usm_key_from_password(&algorithms, auth, span_of(password), &key));
    return key;
}

static struct usm_key
cipher_key_of(enum usm_auth auth, enum usm_priv priv)
{
    struct usm_key ku = key_of(auth, "maplesyrup"), key;

    assert_true(usm_key_for_cipher(&algorithms, auth, priv, &ku, engine_id, &key));
    return key;
}

static void
passwords_become_the_keys_of_rfc_3414(void **state)
{
    struct usm_key key = key_of(USM_AUTH_MD5, "maplesyrup");

    (void)state;
    expect_key(&key, "9faf3283884e92834ebc9847d8edd963");
    assert_true(usm_key_localize(&algorithms, USM_AUTH_MD5, &key, engine_id, &key));
    expect_key(&key, "526f5eed9fcce26f8964c2930787d82b");
    key = key_of(USM_AUTH_SHA, "maplesyrup");
    expect_key(&key, "9fb5cc0381497b3793528939ff788d5d79145211");
    assert_true(usm_key_localize(&algorithms, USM_AUTH_SHA, &key, engine_id, &key));
    expect_key(&key, "6695febc9288e36282235fc7151f128497b38f3f");
}

/* The examples of draft-reeder-snmpv3-usm-3desede-00. */
static void
cisco_s_long_keys_are_those_of_the_draft(void **state)
{
    struct usm_key key = cipher_key_of(USM_AUTH_MD5, USM_PRIV_AES256_CISCO);

    (void)state;
    expect_key(&key, "526f5eed9fcce26f8964c2930787d82b79eff44a90650ee0a3a40abfac5acc12");
    key = cipher_key_of(USM_AUTH_SHA, USM_PRIV_AES192_CISCO);
    expect_key(&key, "6695febc9288e36282235fc7151f128497b38f3f"
                     "9b8b6d78936ba6e7d19dfd9cd2d5065547743fb5");
}

/* draft-blumenthal-aes-usm-04 section 3.1.2.1: the localized key, and its hash */
static void
long_keys_are_the_short_one_and_its_hash(void **state)
{
    struct usm_key key = cipher_key_of(USM_AUTH_SHA, USM_PRIV_AES256);
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len;

    (void)state;
    assert_int_equal(key.len, 40);
    assert_int_equal(
        EVP_Digest(key.bytes, 20, hash, &len, algorithms.digests[USM_AUTH_SHA], NULL), 1);
    assert_int_equal(len, 20);
    assert_memory_equal(key.bytes + 20, hash, len);
}

static void
a_key_that_is_long_enough_is_the_same_for_every_cipher(void **state)
{
    struct usm_key short_key = cipher_key_of(USM_AUTH_SHA256, USM_PRIV_AES128);
    struct usm_key long_key = cipher_key_of(USM_AUTH_SHA256, USM_PRIV_AES256);
    struct usm_key cisco_key = cipher_key_of(USM_AUTH_SHA256, USM_PRIV_AES256_CISCO);

    (void)state;
    assert_int_equal(short_key.len, 32);
    assert_memory_equal(short_key.bytes, long_key.bytes, 32);
    assert_memory_equal(short_key.bytes, cisco_key.bytes, 32);
}

/* RFC 7860 section 4.1 */
static void
macs_have_the_length_of_their_algorithm(void **state)
{
    static const size_t lengths[] = { 0, 12, 12, 16, 24, 32, 48 };

    (void)state;
    for (int i = 0; i < USM_AUTH_COUNT; i++) {
        assert_int_equal(usm_mac_len((enum usm_auth)i), lengths[i]);
    }
}

/* A MiB of the password again and again (RFC 3414 appendix A.2), whatever its length. */
static void
passwords_of_any_length_are_repeated_to_a_mib(void **state)
{
    enum { STREAM = 1 << 20, LONGEST = 5000 };
    static const size_t lengths[] = { 1, 8, 20, 64, 1000, 2049, 4095, 4096, 4097, LONGEST };
    static uint8_t password[LONGEST], stream[STREAM];

    (void)state;
    for (size_t i = 0; i < LONGEST; i++) {
        password[i] = (uint8_t)(i * 7 + i / 256);
    }
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct usm_key key;
        uint8_t want[EVP_MAX_MD_SIZE];
        unsigned len;
        for (size_t k = 0; k < STREAM; k++) {
            stream[k] = password[k % lengths[i]];
        }
        assert_int_equal(EVP_Digest(stream, STREAM, want, &len, EVP_sha1(), NULL), 1);
        assert_true(usm_key_from_password(
            &algorithms, USM_AUTH_SHA, (struct sr_span){ password, lengths[i] }, &key));
        assert_int_equal(key.len, len);
        assert_memory_equal(key.bytes, want, len);
    }
}

static void
an_empty_password_makes_no_key(void **state)
{
    struct usm_key key;

    (void)state;
    assert_false(usm_key_from_password(&algorithms, USM_AUTH_SHA, span_of(""), &key));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_become_the_keys_of_rfc_3414),
        cmocka_unit_test(cisco_s_long_keys_are_those_of_the_draft),
        cmocka_unit_test(long_keys_are_the_short_one_and_its_hash),
        cmocka_unit_test(a_key_that_is_long_enough_is_the_same_for_every_cipher),
        cmocka_unit_test(macs_have_the_length_of_their_algorithm),
        cmocka_unit_test(passwords_of_any_length_are_repeated_to_a_mib),
        cmocka_unit_test(an_empty_password_makes_no_key),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
