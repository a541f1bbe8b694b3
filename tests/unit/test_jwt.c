/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include <jansson.h>

#include "sr/base32.h"
#include "sr/base64url.h"
#include "sr/jwt.h"

static struct sr_nkeypair issuer;

static int
make_issuer(void **state)
{
    static const uint8_t seed[SR_NKEY_BYTES] = { 7 };

    (void)state;
    return sr_nkeypair_from_seed(SR_NKEY_ACCOUNT, seed, &issuer) == SR_NKEY_OK ? 0 : -1;
}

static json_t *
some_claims(void)
{
    return json_pack("{s:s, s:s, s:{s:s, s:i}}", "sub", "U", "name", "somebody", "nats", "type",
        "user", "version", 2);
}

static char *
some_token(void)
{
    json_t *claims = some_claims();
    char *token = NULL;

    assert_int_equal(sr_jwt_sign(claims, &issuer, 1700000000, &token), SR_JWT_OK);
    json_decref(claims);
    return token;
}

static const char *
text_of(const json_t *claims, const char *name)
{
    return json_string_value(json_object_get(claims, name));
}

static void
a_signed_token_reads_back_with_what_signing_adds(void **state)
{
    char *token = some_token();
    json_t *claims = NULL;

    (void)state;
    assert_int_equal(sr_jwt_verify(span_of(token), &claims), SR_JWT_OK);
    assert_string_equal(text_of(claims, "iss"), issuer.public_text);
    assert_string_equal(text_of(claims, "name"), "somebody");
    assert_int_equal(json_integer_value(json_object_get(claims, "iat")), 1700000000);
    assert_int_equal(strlen(text_of(claims, "jti")), SR_BASE32_LEN(32));
    json_decref(claims);
    free(token);
}

static void
the_header_names_the_algorithm_of_nats(void **state)
{
    static const char want[] = "{\"typ\":\"JWT\",\"alg\":\"ed25519-nkey\"}";
    char *token = some_token();
    char memory[128];
    struct sr_buf out = sr_buf_over(memory, sizeof(memory));
    struct sr_span head = { (const uint8_t *)token, strcspn(token, ".") };

    (void)state;
    assert_true(sr_base64url_decode(&out, head));
    assert_int_equal(out.len, strlen(want));
    assert_memory_equal(memory, want, out.len);
    free(token);
}

static void
equal_claims_have_equal_ids_and_others_do_not(void **state)
{
    json_t *one = some_claims();
    json_t *same = some_claims();
    json_t *other = some_claims();
    char *tokens[3];

    (void)state;
    json_object_set_new(other, "name", json_string("somebody else"));
    assert_int_equal(sr_jwt_sign(one, &issuer, 1, &tokens[0]), SR_JWT_OK);
    assert_int_equal(sr_jwt_sign(same, &issuer, 1, &tokens[1]), SR_JWT_OK);
    assert_int_equal(sr_jwt_sign(other, &issuer, 1, &tokens[2]), SR_JWT_OK);
    assert_string_equal(text_of(one, "jti"), text_of(same, "jti"));
    assert_string_not_equal(text_of(one, "jti"), text_of(other, "jti"));
    for (int i = 0; i < 3; i++) {
        free(tokens[i]);
    }
    json_decref(one);
    json_decref(same);
    json_decref(other);
}

static void
no_prefix_and_no_changed_character_verifies(void **state)
{
    char *token = some_token();
    size_t len = strlen(token);
    json_t *claims = NULL;

    (void)state;
    for (size_t i = 0; i < len; i++) {
        struct sr_span cut = { (const uint8_t *)token, i };
        assert_int_not_equal(sr_jwt_verify(cut, &claims), SR_JWT_OK);
        char kept = token[i];
        token[i] = kept == 'A' ? 'B' : 'A';
        assert_int_not_equal(sr_jwt_verify(span_of(token), &claims), SR_JWT_OK);
        token[i] = kept;
    }
    assert_null(claims);
    assert_int_equal(sr_jwt_verify(span_of(token), &claims), SR_JWT_OK);
    json_decref(claims);
    free(token);
}

/* A token of any header and body with a signature of `issuer` that is right for them. */
static void
build(struct sr_buf *out, const char *header, const char *body)
{
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES];

    sr_base64url_encode(out, span_of(header));
    sr_buf_put(out, '.');
    sr_base64url_encode(out, span_of(body));
    assert_int_equal(sr_nkeypair_sign(&issuer, sr_buf_span(out), signature), SR_NKEY_OK);
    sr_buf_put(out, '.');
    sr_base64url_encode(out, (struct sr_span){ signature, sizeof(signature) });
}

static void
what_a_right_signature_does_not_excuse(void **state)
{
    static const char good[] = "{\"typ\":\"JWT\",\"alg\":\"ed25519-nkey\"}";
    static const struct {
        const char *header, *body;
        enum sr_jwt_err err;
    } cases[] = {
        { "{\"alg\":\"none\"}", "{}", SR_JWT_EALGORITHM },
        { "{}", "{}", SR_JWT_EALGORITHM },
        { "[]", "{}", SR_JWT_EJSON },
        { good, "[]", SR_JWT_EJSON },
        { good, "{\"a\":1,\"a\":2}", SR_JWT_EJSON },
        { good, "{", SR_JWT_EJSON },
        { good, "{}", SR_JWT_EISSUER },
        { good, "{\"iss\":\"somebody\"}", SR_JWT_EISSUER },
        /* The key of the nkey tests: known, but not the one that signed. */
        { good, "{\"iss\":\"UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK\"}",
            SR_JWT_ESIGNATURE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char memory[1024];
        struct sr_buf out = sr_buf_over(memory, sizeof(memory));
        json_t *claims = NULL;
        build(&out, cases[i].header, cases[i].body);
        assert_int_equal(sr_jwt_verify(sr_buf_span(&out), &claims), cases[i].err);
        assert_null(claims);
    }
}

static void
text_that_is_no_token_is_told_apart(void **state)
{
    static char big[SR_JWT_MAX + 1];
    json_t *claims = NULL;

    (void)state;
    memset(big, 'A', sizeof(big));
    assert_int_equal(sr_jwt_verify(span_of(""), &claims), SR_JWT_EFORM);
    assert_int_equal(sr_jwt_verify(span_of("a.b"), &claims), SR_JWT_EFORM);
    assert_int_equal(sr_jwt_verify(span_of("?.b.c"), &claims), SR_JWT_EFORM);
    assert_int_equal(sr_jwt_verify((struct sr_span){ (const uint8_t *)big, sizeof(big) }, &claims),
        SR_JWT_ETOOBIG);
}

static void
only_objects_that_fit_are_signed(void **state)
{
    json_t *array = json_array();
    json_t *claims = some_claims();
    char *big = malloc(SR_JWT_MAX + 1);
    char *token = NULL;

    (void)state;
    memset(big, 'x', SR_JWT_MAX);
    big[SR_JWT_MAX] = '\0';
    json_object_set_new(claims, "name", json_string(big));
    assert_int_equal(sr_jwt_sign(array, &issuer, 1, &token), SR_JWT_EJSON);
    assert_int_equal(sr_jwt_sign(claims, &issuer, 1, &token), SR_JWT_ETOOBIG);
    assert_null(token);
    free(big);
    json_decref(array);
    json_decref(claims);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_token_reads_back_with_what_signing_adds),
        cmocka_unit_test(the_header_names_the_algorithm_of_nats),
        cmocka_unit_test(equal_claims_have_equal_ids_and_others_do_not),
        cmocka_unit_test(no_prefix_and_no_changed_character_verifies),
        cmocka_unit_test(what_a_right_signature_does_not_excuse),
        cmocka_unit_test(text_that_is_no_token_is_told_apart),
        cmocka_unit_test(only_objects_that_fit_are_signed),
    };
    return cmocka_run_group_tests(tests, make_issuer, NULL);
}
