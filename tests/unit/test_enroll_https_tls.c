/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "enroll/https_tls.h"
#include "enroll/token.h"
#include "tls_build.h"

#define NOW ((time_t)1700000000)
#define DAY 86400

/* A root with a server's certificate, directly and under an intermediate, and a stranger's. */
static struct tls_build_cert root, between, leaf, deep, stranger, strange_leaf;

static struct tls_build_cert
make(const char *name, const struct tls_build_cert *issuer, bool is_ca, time_t from, time_t to)
{
    const struct tls_build_ask ask = { .name = name,
        .issuer = issuer,
        .is_ca = is_ca,
        .usage = is_ca ? NULL : "serverAuth",
        .from = from,
        .to = to };
    return tls_build(&ask);
}

static int
make_all(void **state)
{
    (void)state;
    root = make("root", NULL, true, NOW - DAY, NOW + DAY);
    between = make("between", &root, true, NOW - DAY, NOW + DAY);
    leaf = make("leaf", &root, false, NOW - DAY, NOW + DAY);
    deep = make("deep", &between, false, NOW - DAY, NOW + DAY);
    stranger = make("root", NULL, true, NOW - DAY, NOW + DAY); /* by the same name */
    strange_leaf = make("leaf", &stranger, false, NOW - DAY, NOW + DAY);
    return 0;
}

static int
free_all(void **state)
{
    struct tls_build_cert *const all[] = { &root, &between, &leaf, &deep, &stranger,
        &strange_leaf };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        tls_build_free(all[i]);
    }
    return 0;
}

static void
pin_of(const struct tls_build_cert *made, uint8_t out[TOKEN_PIN_BYTES])
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(made->key, &der);

    assert_true(len > 0);
    assert_int_equal(EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL), 1);
    OPENSSL_free(der);
}

/* Verifies as a TLS client does: `chain` (NULL behind the last) is presented behind `server`. */
static bool
verify(struct https_tls *tls, const struct tls_build_cert *server,
    const struct tls_build_cert *const *chain, const struct tls_build_cert *trusted, time_t when)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *presented = sk_X509_new_null();

    assert_true(sk_X509_push(presented, server->cert) > 0);
    for (; *chain != NULL; chain++) {
        assert_true(sk_X509_push(presented, (*chain)->cert) > 0);
    }
    if (trusted != NULL) {
        assert_int_equal(X509_STORE_add_cert(store, trusted->cert), 1);
    }
    assert_int_equal(X509_STORE_CTX_init(context, store, server->cert, presented), 1);
    assert_int_equal(X509_STORE_CTX_set_default(context, "ssl_server"), 1);
    X509_STORE_CTX_set_time(context, 0, when);
    bool ok = https_tls_verify(context, tls) == 1;
    assert_true(tls->asked);
    assert_int_equal(ok, tls->error == X509_V_OK);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    sk_X509_free(presented);
    return ok;
}

static const struct tls_build_cert *const nothing[] = { NULL };
static const struct tls_build_cert *const the_root[] = { &root, NULL };

static void
without_a_pin_the_trusted_authorities_decide(void **state)
{
    struct https_tls tls = { .ca_pin = NULL };

    (void)state;
    assert_true(verify(&tls, &leaf, nothing, &root, NOW));
    tls = (struct https_tls){ .ca_pin = NULL };
    assert_false(verify(&tls, &strange_leaf, nothing, &root, NOW));
    assert_string_equal(tls.subject, "leaf");
    tls = (struct https_tls){ .ca_pin = NULL };
    assert_false(verify(&tls, &leaf, the_root, NULL, NOW));
}

static void
a_presented_certificate_of_the_pinned_key_is_the_anchor(void **state)
{
    static const struct tls_build_cert *const both[] = { &between, &root, NULL };
    static const struct tls_build_cert *const one[] = { &between, NULL };
    uint8_t pin[TOKEN_PIN_BYTES];
    struct https_tls tls = { .ca_pin = pin };

    (void)state;
    pin_of(&root, pin);
    assert_true(verify(&tls, &leaf, the_root, NULL, NOW));
    assert_true(verify(&tls, &deep, both, NULL, NOW));
    pin_of(&between, pin);
    assert_true(verify(&tls, &deep, one, NULL, NOW));
}

static void
a_pinned_certificate_that_did_not_sign_the_chain_is_no_anchor(void **state)
{
    uint8_t pin[TOKEN_PIN_BYTES];
    struct https_tls tls = { .ca_pin = pin };

    (void)state;
    pin_of(&root, pin);
    assert_false(verify(&tls, &strange_leaf, the_root, NULL, NOW));
    /* Nor does it help that the system would trust the stranger. */
    assert_false(verify(&tls, &strange_leaf, the_root, &stranger, NOW));
}

static void
a_pin_refuses_what_the_trusted_authorities_accept(void **state)
{
    uint8_t pin[TOKEN_PIN_BYTES];
    struct https_tls tls = { .ca_pin = pin };

    (void)state;
    pin_of(&root, pin);
    assert_false(verify(&tls, &strange_leaf, nothing, &stranger, NOW));
    assert_true(tls.pin_missing);
}

static void
a_pinned_root_that_is_not_presented_may_be_among_the_trusted(void **state)
{
    uint8_t pin[TOKEN_PIN_BYTES];
    struct https_tls tls = { .ca_pin = pin };

    (void)state;
    pin_of(&root, pin);
    assert_true(verify(&tls, &leaf, nothing, &root, NOW));
    assert_false(verify(&tls, &leaf, nothing, NULL, NOW));
}

static void
the_times_of_server_and_anchor_count_with_a_pin(void **state)
{
    struct tls_build_cert old = make("old root", NULL, true, NOW - 3 * DAY, NOW - 2 * DAY);
    struct tls_build_cert under = make("under", &old, false, NOW - DAY, NOW + DAY);
    const struct tls_build_cert *const chain[] = { &old, NULL };
    uint8_t pin[TOKEN_PIN_BYTES];
    struct https_tls tls = { .ca_pin = pin };

    (void)state;
    pin_of(&root, pin);
    assert_false(verify(&tls, &leaf, the_root, NULL, NOW + 2 * DAY));
    assert_int_equal(tls.error, X509_V_ERR_CERT_HAS_EXPIRED);
    assert_false(verify(&tls, &leaf, the_root, NULL, NOW - 2 * DAY));
    assert_int_equal(tls.error, X509_V_ERR_CERT_NOT_YET_VALID);
    assert_string_equal(tls.from, "2023-11-13 22:13:20 UTC");
    assert_string_equal(tls.until, "2023-11-15 22:13:20 UTC");
    pin_of(&old, pin);
    assert_false(verify(&tls, &under, chain, NULL, NOW));
    assert_int_equal(tls.error, X509_V_ERR_CERT_HAS_EXPIRED);
    tls_build_free(&under);
    tls_build_free(&old);
}

static void
a_certificate_for_clients_is_no_server_under_a_pin(void **state)
{
    const struct tls_build_ask ask = {
        .name = "client", .issuer = &root, .usage = "clientAuth", .from = NOW - DAY, .to = NOW + DAY
    };
    struct tls_build_cert client = tls_build(&ask);
    uint8_t pin[TOKEN_PIN_BYTES];
    struct https_tls tls = { .ca_pin = pin };

    (void)state;
    pin_of(&root, pin);
    assert_false(verify(&tls, &client, the_root, NULL, NOW));
    tls_build_free(&client);
}

static void
a_leaf_cannot_sign_for_another_under_a_pin(void **state)
{
    struct tls_build_cert child = make("child", &leaf, false, NOW - DAY, NOW + DAY);
    const struct tls_build_cert *const chain[] = { &leaf, &root, NULL };
    uint8_t pin[TOKEN_PIN_BYTES];
    struct https_tls tls = { .ca_pin = pin };

    (void)state;
    pin_of(&root, pin);
    assert_false(verify(&tls, &child, chain, NULL, NOW));
    tls_build_free(&child);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_pin_the_trusted_authorities_decide),
        cmocka_unit_test(a_presented_certificate_of_the_pinned_key_is_the_anchor),
        cmocka_unit_test(a_pinned_certificate_that_did_not_sign_the_chain_is_no_anchor),
        cmocka_unit_test(a_pin_refuses_what_the_trusted_authorities_accept),
        cmocka_unit_test(a_pinned_root_that_is_not_presented_may_be_among_the_trusted),
        cmocka_unit_test(the_times_of_server_and_anchor_count_with_a_pin),
        cmocka_unit_test(a_certificate_for_clients_is_no_server_under_a_pin),
        cmocka_unit_test(a_leaf_cannot_sign_for_another_under_a_pin),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
