/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sr/nkeypair.h"

/* The user key of the seed bytes 00 01 .. 1f, as another implementation writes it. */
static const char PUBLIC_TEXT[] = "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK";
static const char SEED_TEXT[] = "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y";

static void
the_checksum_is_crc_16_xmodem(void **state)
{
    (void)state;
    assert_int_equal(sr_nkey_crc16(span_of("123456789")), 0x31c3);
    assert_int_equal(sr_nkey_crc16(span_of("")), 0);
}

static void
a_known_seed_gives_the_known_texts(void **state)
{
    uint8_t seed[SR_NKEY_BYTES];
    char text[SR_NKEY_SEED_LEN + 1];
    struct sr_nkeypair pair;

    (void)state;
    for (unsigned i = 0; i < sizeof(seed); i++) {
        seed[i] = (uint8_t)i;
    }
    assert_int_equal(sr_nkeypair_from_seed(SR_NKEY_USER, seed, &pair), SR_NKEY_OK);
    assert_string_equal(pair.public_text, PUBLIC_TEXT);
    sr_nkey_seed_encode(pair.type, pair.seed, text);
    assert_string_equal(text, SEED_TEXT);
}

static void
the_known_texts_read_back(void **state)
{
    struct sr_nkeypair pair;
    enum sr_nkey_type type;
    uint8_t key[SR_NKEY_BYTES];

    (void)state;
    assert_int_equal(sr_nkeypair_from_text(span_of(SEED_TEXT), &pair), SR_NKEY_OK);
    assert_int_equal(pair.type, SR_NKEY_USER);
    assert_int_equal(pair.seed[31], 0x1f);
    assert_int_equal(sr_nkey_public_decode(span_of(PUBLIC_TEXT), &type, key), SR_NKEY_OK);
    assert_int_equal(type, SR_NKEY_USER);
    assert_memory_equal(key, pair.public_key, sizeof(key));
}

static void
every_type_keeps_its_letters(void **state)
{
    static const struct {
        enum sr_nkey_type type;
        char letter;
    } types[] = {
        { SR_NKEY_OPERATOR, 'O' },
        { SR_NKEY_ACCOUNT, 'A' },
        { SR_NKEY_USER, 'U' },
        { SR_NKEY_SERVER, 'N' },
        { SR_NKEY_CLUSTER, 'C' },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct sr_nkeypair pair, again;
        char text[SR_NKEY_SEED_LEN + 1];
        assert_int_equal(sr_nkeypair_generate(types[i].type, &pair), SR_NKEY_OK);
        assert_int_equal(pair.public_text[0], types[i].letter);
        sr_nkey_seed_encode(pair.type, pair.seed, text);
        assert_int_equal(text[0], 'S');
        assert_int_equal(text[1], types[i].letter);
        assert_int_equal(sr_nkeypair_from_text(span_of(text), &again), SR_NKEY_OK);
        assert_string_equal(again.public_text, pair.public_text);
    }
}

static void
no_changed_or_cut_key_is_taken(void **state)
{
    char text[sizeof(SEED_TEXT)];
    enum sr_nkey_type type;
    uint8_t key[SR_NKEY_BYTES];

    (void)state;
    for (size_t i = 0; i < SR_NKEY_SEED_LEN; i++) {
        struct sr_span cut = { (const uint8_t *)SEED_TEXT, i };
        assert_int_equal(sr_nkey_seed_decode(cut, &type, key), SR_NKEY_ELENGTH);
        memcpy(text, SEED_TEXT, sizeof(text));
        text[i] = text[i] == 'A' ? 'B' : 'A';
        assert_int_not_equal(sr_nkey_seed_decode(span_of(text), &type, key), SR_NKEY_OK);
    }
    memcpy(text, SEED_TEXT, sizeof(text));
    text[20] = '1';
    assert_int_equal(sr_nkey_seed_decode(span_of(text), &type, key), SR_NKEY_EALPHABET);
    text[20] = 'Z';
    assert_int_equal(sr_nkey_seed_decode(span_of(text), &type, key), SR_NKEY_ECHECKSUM);
    assert_int_equal(sr_nkey_public_decode(span_of(SEED_TEXT), &type, key), SR_NKEY_ELENGTH);
}

static void
a_checksum_does_not_make_another_prefix_a_key(void **state)
{
    char text[SR_NKEY_PUBLIC_LEN + 1];
    uint8_t key[SR_NKEY_BYTES] = { 0 };
    enum sr_nkey_type type;

    (void)state;
    sr_nkey_public_encode((enum sr_nkey_type)(18 << 3), key, text);
    assert_int_equal(sr_nkey_public_decode(span_of(text), &type, key), SR_NKEY_ETYPE);
}

static void
a_signature_is_of_one_key_and_one_message(void **state)
{
    struct sr_nkeypair one, other;
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES];
    struct sr_span sig = { signature, sizeof(signature) };

    (void)state;
    assert_int_equal(sr_nkeypair_generate(SR_NKEY_USER, &one), SR_NKEY_OK);
    assert_int_equal(sr_nkeypair_generate(SR_NKEY_USER, &other), SR_NKEY_OK);
    assert_int_equal(sr_nkeypair_sign(&one, span_of("nonce"), signature), SR_NKEY_OK);
    assert_int_equal(sr_nkey_verify(one.public_key, span_of("nonce"), sig), SR_NKEY_OK);
    assert_int_equal(sr_nkey_verify(one.public_key, span_of("nonsense"), sig), SR_NKEY_ESIGNATURE);
    assert_int_equal(sr_nkey_verify(other.public_key, span_of("nonce"), sig), SR_NKEY_ESIGNATURE);
    sig.len--;
    assert_int_equal(sr_nkey_verify(one.public_key, span_of("nonce"), sig), SR_NKEY_ESIGNATURE);
}

static void
a_pair_that_is_done_holds_no_secret(void **state)
{
    static const uint8_t zero[SR_NKEY_BYTES];
    struct sr_nkeypair pair;

    (void)state;
    assert_int_equal(sr_nkeypair_generate(SR_NKEY_ACCOUNT, &pair), SR_NKEY_OK);
    assert_memory_not_equal(pair.seed, zero, sizeof(zero));
    sr_nkeypair_done(&pair);
    assert_memory_equal(pair.seed, zero, sizeof(zero));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_crc_16_xmodem),
        cmocka_unit_test(a_known_seed_gives_the_known_texts),
        cmocka_unit_test(the_known_texts_read_back),
        cmocka_unit_test(every_type_keeps_its_letters),
        cmocka_unit_test(no_changed_or_cut_key_is_taken),
        cmocka_unit_test(a_checksum_does_not_make_another_prefix_a_key),
        cmocka_unit_test(a_signature_is_of_one_key_and_one_message),
        cmocka_unit_test(a_pair_that_is_done_holds_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
