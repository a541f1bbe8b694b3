/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "issuer/seal.h"

#define TEXT "SUAB seed of somebody"
#define SEALED_LEN (sizeof(TEXT) - 1 + SEAL_TAG_BYTES)

static const uint8_t key[SEAL_KEY_BYTES] = { 1, 2, 3 };

struct sealed {
    uint8_t nonce[SEAL_NONCE_BYTES];
    uint8_t bytes[SEALED_LEN];
};

static struct sealed
seal(void)
{
    struct sealed s = { .nonce = { 0 } };

    assert_int_equal(
        seal_close(key, span_of("nkey/acme"), span_of(TEXT), s.nonce, s.bytes), SEAL_OK);
    return s;
}

static enum seal_err
open_with(const uint8_t *with, const char *label, const struct sealed *s, size_t len, uint8_t *out)
{
    return seal_open(with, span_of(label), (struct sr_span){ s->nonce, sizeof(s->nonce) },
        (struct sr_span){ s->bytes, len }, out);
}

static void
what_was_sealed_opens_with_its_key_and_label(void **state)
{
    (void)state;
    uint8_t out[SEALED_LEN] = { 0 };
    struct sealed s = seal();

    assert_int_equal(open_with(key, "nkey/acme", &s, SEALED_LEN, out), SEAL_OK);
    assert_memory_equal(out, TEXT, sizeof(TEXT) - 1);
}

static void
an_empty_secret_is_sealed_too(void **state)
{
    (void)state;
    struct sealed s;
    uint8_t out[1];

    assert_int_equal(
        seal_close(key, span_of("a"), (struct sr_span){ NULL, 0 }, s.nonce, s.bytes), SEAL_OK);
    assert_int_equal(open_with(key, "a", &s, SEAL_TAG_BYTES, out), SEAL_OK);
    assert_int_equal(open_with(key, "b", &s, SEAL_TAG_BYTES, out), SEAL_EBROKEN);
}

static void
each_changed_bit_is_noticed_and_nothing_of_the_secret_is_left(void **state)
{
    (void)state;
    static const uint8_t nothing[SEALED_LEN - SEAL_TAG_BYTES];
    const struct sealed good = seal();

    for (size_t bit = 0; bit < 8 * sizeof(good); bit++) {
        struct sealed s = good;
        uint8_t out[SEALED_LEN] = { 0 };
        ((uint8_t *)&s)[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(open_with(key, "nkey/acme", &s, SEALED_LEN, out), SEAL_EBROKEN);
        assert_memory_equal(out, nothing, sizeof(nothing));
    }
}

static void
another_key_or_another_label_does_not_open_it(void **state)
{
    (void)state;
    static const uint8_t other[SEAL_KEY_BYTES] = { 1, 2, 4 };
    uint8_t out[SEALED_LEN];
    struct sealed s = seal();

    assert_int_equal(open_with(other, "nkey/acme", &s, SEALED_LEN, out), SEAL_EBROKEN);
    assert_int_equal(open_with(key, "nkey/globex", &s, SEALED_LEN, out), SEAL_EBROKEN);
    assert_int_equal(open_with(key, "", &s, SEALED_LEN, out), SEAL_EBROKEN);
}

static void
no_part_of_it_opens(void **state)
{
    (void)state;
    uint8_t out[SEALED_LEN];
    struct sealed s = seal();

    for (size_t len = 0; len < SEALED_LEN; len++) {
        assert_int_equal(open_with(key, "nkey/acme", &s, len, out), SEAL_EBROKEN);
    }
    assert_int_equal(seal_open(key, span_of("nkey/acme"), (struct sr_span){ s.nonce, 11 },
                         (struct sr_span){ s.bytes, SEALED_LEN }, out),
        SEAL_EBROKEN);
}

static void
the_same_secret_is_sealed_differently_each_time(void **state)
{
    (void)state;
    struct sealed a = seal(), b = seal();

    assert_memory_not_equal(a.nonce, b.nonce, sizeof(a.nonce));
    assert_memory_not_equal(a.bytes, b.bytes, sizeof(a.bytes));
}

/* Made with another implementation: hashlib.scrypt(b"correct horse", salt=b"\x09" + bytes(15),
 * n=65536, r=8, p=1, maxmem=2**28, dklen=32) of Python. Backups must stay readable.
 */
static void
a_passphrase_gives_the_key_that_scrypt_gives(void **state)
{
    (void)state;
    static const uint8_t salt[SEAL_SALT_BYTES] = { 9 };
    static const uint8_t wanted[SEAL_KEY_BYTES] = { 0x06, 0x51, 0x8b, 0x6f, 0x6b, 0xfc, 0x13, 0x18,
        0xee, 0x7b, 0xe4, 0xc6, 0xcb, 0x4a, 0xc5, 0xa6, 0xe8, 0xe5, 0x6f, 0x34, 0xe6, 0xd4, 0xbd,
        0x8d, 0x94, 0x01, 0x1a, 0xcd, 0x02, 0x2f, 0xa8, 0x31 };
    uint8_t got[SEAL_KEY_BYTES];

    assert_int_equal(seal_stretch(span_of("correct horse"), salt, got), SEAL_OK);
    assert_memory_equal(got, wanted, sizeof(wanted));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens_with_its_key_and_label),
        cmocka_unit_test(an_empty_secret_is_sealed_too),
        cmocka_unit_test(each_changed_bit_is_noticed_and_nothing_of_the_secret_is_left),
        cmocka_unit_test(another_key_or_another_label_does_not_open_it),
        cmocka_unit_test(no_part_of_it_opens),
        cmocka_unit_test(the_same_secret_is_sealed_differently_each_time),
        cmocka_unit_test(a_passphrase_gives_the_key_that_scrypt_gives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
