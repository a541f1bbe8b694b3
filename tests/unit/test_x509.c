/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "issuer/x509.h"

#define NOW ((time_t)1700000000)

static struct x509_identity *root;

static int
make_root(void **state)
{
    (void)state;
    return x509_make_root("test root", NOW, 3650, &root) == X509_IDENTITY_OK ? 0 : -1;
}

static int
free_root(void **state)
{
    (void)state;
    x509_free(root);
    return 0;
}

static struct x509_identity *
issue(enum x509_usage usage)
{
    const struct x509_request request = { "leaf", "DNS:localhost, IP:127.0.0.1, IP:::1", usage, NOW,
        10, NULL };
    struct x509_identity *leaf = NULL;

    assert_int_equal(x509_issue(root, &request, &leaf), X509_IDENTITY_OK);
    return leaf;
}

/* Reads the certificate back from its PEM, as a peer would. */
static X509 *
certificate(const struct x509_identity *id)
{
    struct x509_pem pem;

    assert_int_equal(x509_certificate_pem(id, &pem), X509_IDENTITY_OK);
    BIO *bio = BIO_new_mem_buf(pem.text, (int)pem.len);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_non_null(cert);
    BIO_free(bio);
    x509_pem_done(&pem);
    return cert;
}

/* Whether `leaf` chains to `anchor` for `purpose` at `when`. */
static bool
verifies(X509 *leaf, X509 *anchor, int purpose, time_t when)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();

    assert_int_equal(X509_STORE_add_cert(store, anchor), 1);
    assert_int_equal(X509_STORE_CTX_init(context, store, leaf, NULL), 1);
    X509_STORE_CTX_set_purpose(context, purpose);
    X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
    X509_STORE_CTX_set_time(context, 0, when);
    bool ok = X509_verify_cert(context) == 1;
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return ok;
}

static void
a_client_is_no_server_and_a_server_is_both(void **state)
{
    struct x509_identity *server = issue(X509_USAGE_SERVER);
    struct x509_identity *client = issue(X509_USAGE_CLIENT);
    X509 *anchor = certificate(root);
    X509 *s = certificate(server);
    X509 *c = certificate(client);

    (void)state;
    assert_true(verifies(s, anchor, X509_PURPOSE_SSL_SERVER, NOW));
    assert_true(verifies(s, anchor, X509_PURPOSE_SSL_CLIENT, NOW));
    assert_true(verifies(c, anchor, X509_PURPOSE_SSL_CLIENT, NOW));
    assert_false(verifies(c, anchor, X509_PURPOSE_SSL_SERVER, NOW));
    X509_free(anchor);
    X509_free(s);
    X509_free(c);
    x509_free(server);
    x509_free(client);
}

static void
another_root_with_the_same_name_does_not_vouch(void **state)
{
    struct x509_identity *other = NULL;
    struct x509_identity *leaf = issue(X509_USAGE_SERVER);

    (void)state;
    assert_int_equal(x509_make_root("test root", NOW, 3650, &other), X509_IDENTITY_OK);
    X509 *anchor = certificate(other);
    X509 *cert = certificate(leaf);
    assert_false(verifies(cert, anchor, X509_PURPOSE_SSL_SERVER, NOW));
    X509_free(anchor);
    X509_free(cert);
    x509_free(other);
    x509_free(leaf);
}

static void
a_clock_that_is_a_minute_behind_is_allowed_for(void **state)
{
    struct x509_identity *leaf = issue(X509_USAGE_SERVER);
    X509 *anchor = certificate(root);
    X509 *cert = certificate(leaf);

    (void)state;
    assert_true(verifies(cert, anchor, X509_PURPOSE_SSL_SERVER, NOW - 60));
    assert_false(verifies(cert, anchor, X509_PURPOSE_SSL_SERVER, NOW - 61));
    assert_true(verifies(cert, anchor, X509_PURPOSE_SSL_SERVER, NOW + 10 * 86400 - 1));
    assert_false(verifies(cert, anchor, X509_PURPOSE_SSL_SERVER, NOW + 10 * 86400 + 1));
    X509_free(anchor);
    X509_free(cert);
    x509_free(leaf);
}

static void
names_and_key_are_what_was_asked_for(void **state)
{
    struct x509_identity *leaf = issue(X509_USAGE_SERVER);
    X509 *cert = certificate(leaf);
    struct x509_pem pem;

    (void)state;
    assert_int_equal(X509_check_host(cert, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "::1", 0), 1);
    assert_int_equal(X509_check_host(cert, "example.org", 0, 0, NULL), 0);
    assert_int_equal(X509_get_signature_nid(cert), NID_ecdsa_with_SHA256);

    assert_int_equal(x509_key_pem(leaf, &pem), X509_IDENTITY_OK);
    BIO *bio = BIO_new_mem_buf(pem.text, (int)pem.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    assert_int_equal(EVP_PKEY_get_bits(key), 256);
    assert_int_equal(X509_check_private_key(cert, key), 1);
    EVP_PKEY_free(key);
    BIO_free(bio);
    x509_pem_done(&pem);
    assert_null(pem.text);
    X509_free(cert);
    x509_free(leaf);
}

static void
a_name_that_is_none_is_refused(void **state)
{
    const struct x509_request request = { "leaf", "IP:not an address", X509_USAGE_SERVER, NOW, 10,
        NULL };
    struct x509_identity *id = NULL;
    char longer[80];

    (void)state;
    assert_int_equal(x509_issue(root, &request, &id), X509_IDENTITY_ENAME);
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(x509_make_root(longer, NOW, 1, &id), X509_IDENTITY_ENAME);
    assert_null(id);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_no_server_and_a_server_is_both),
        cmocka_unit_test(another_root_with_the_same_name_does_not_vouch),
        cmocka_unit_test(a_clock_that_is_a_minute_behind_is_allowed_for),
        cmocka_unit_test(names_and_key_are_what_was_asked_for),
        cmocka_unit_test(a_name_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, make_root, free_root);
}
