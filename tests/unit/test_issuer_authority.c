/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "issuer/authority.h"
#include "issuer_desk.h"

static const struct authority_draft trapd = {
    .account = "acme", .component = "trapd-1f2e3d4c", .partition = "hq", .type = "trapd", .days = 30
};
static const struct authority_draft server = { .account = "",
    .component = "nats",
    .partition = "core",
    .alternative_names = "DNS:nats.example, IP:192.0.2.1",
    .server = true,
    .days = 30 };

static struct authority_made
issue(const struct authority_draft *draft)
{
    struct authority_made made = { .key = NULL };

    desk_good(authority_issue(desk_store, draft, &made, &desk_trouble));
    return made;
}

static void
refuses(const struct authority_draft *draft, const char *word)
{
    struct authority_made made = { .key = NULL };

    assert_false(authority_issue(desk_store, draft, &made, &desk_trouble));
    assert_non_null(strstr(desk_trouble.cause, word));
    assert_true(desk_trouble.remedy[0] != '\0');
    assert_null(made.certificate);
}

/* The extension as OpenSSL prints it. */
static void
extension(const char *pem, int nid, char out[512])
{
    STACK_OF(X509) *certs = desk_certificates(pem);
    X509 *cert = sk_X509_value(certs, 0);
    int at = X509_get_ext_by_NID(cert, nid, -1);
    BIO *bio = BIO_new(BIO_s_mem());

    assert_true(at >= 0);
    X509V3_EXT_print(bio, X509_get_ext(cert, at), 0, 0);
    int len = BIO_read(bio, out, 511);
    out[len > 0 ? len : 0] = '\0';
    BIO_free(bio);
    sk_X509_pop_free(certs, X509_free);
}

static void
the_chain_of_a_tenants_leaf_ends_in_the_root(void **state)
{
    struct authority_made made = issue(&trapd);
    char *root = NULL;
    uint8_t pin[32];

    (void)state;
    desk_good(authority_root(desk_store, &root, pin, &desk_trouble));
    /* As a server with only the root loads it, and as a client with the chain file does. */
    assert_int_equal(desk_verify(made.certificate, root, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    assert_int_equal(desk_verify(made.certificate, made.chain, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    assert_int_not_equal(desk_verify(made.certificate, root, X509_PURPOSE_SSL_SERVER), X509_V_OK);

    STACK_OF(X509) *chain = desk_certificates(made.chain);
    assert_int_equal(sk_X509_num(chain), 2);
    assert_int_equal(X509_get_pathlen(sk_X509_value(chain, 0)), 0);
    assert_int_equal(X509_get_pathlen(sk_X509_value(chain, 1)), 1);
    assert_int_equal(X509_self_signed(sk_X509_value(chain, 1), 1), 1);
    sk_X509_pop_free(chain, X509_free);
    free(root);
    authority_made_done(&made);
}

static void
a_server_of_the_root_is_known_by_the_chain_of_a_tenants_collector(void **state)
{
    struct authority_made made = issue(&trapd);
    struct authority_made nats = issue(&server);

    (void)state;
    assert_int_equal(desk_verify(nats.certificate, made.chain, X509_PURPOSE_SSL_SERVER), X509_V_OK);
    assert_int_equal(desk_verify(nats.certificate, made.chain, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    authority_made_done(&made);
    authority_made_done(&nats);
}

static void
another_tenants_intermediate_does_not_vouch(void **state)
{
    struct authority_draft draft = trapd;
    struct authority_made acme = issue(&trapd);

    (void)state;
    draft.account = "globex";
    struct authority_made globex = issue(&draft);
    /* The intermediate alone as the anchor: what it signed passes only with a root above it. */
    char *end = strstr(globex.chain, "-----END CERTIFICATE-----");
    assert_non_null(end);
    end[strlen("-----END CERTIFICATE-----") + 1] = '\0';
    STACK_OF(X509) *certs = desk_certificates(acme.certificate);
    STACK_OF(X509) *other = desk_certificates(globex.chain);
    assert_int_not_equal(
        X509_check_issued(sk_X509_value(other, 0), sk_X509_value(certs, 0)), X509_V_OK);
    sk_X509_pop_free(certs, X509_free);
    sk_X509_pop_free(other, X509_free);
    authority_made_done(&acme);
    authority_made_done(&globex);
}

static void
names_follow_the_rule(void **state)
{
    struct authority_made made = issue(&trapd);
    struct authority_made nats = issue(&server);
    char text[512];

    (void)state;
    extension(made.certificate, NID_subject_alt_name, text);
    assert_string_equal(text,
        "DNS:trapd-1f2e3d4c.hq.acme.serviceradar, DNS:trapd-1f2e3d4c.serviceradar, "
        "URI:spiffe://serviceradar.local/trapd/acme/hq/trapd-1f2e3d4c");
    extension(made.certificate, NID_ext_key_usage, text);
    assert_string_equal(text, "TLS Web Client Authentication");
    extension(nats.certificate, NID_subject_alt_name, text);
    assert_string_equal(text,
        "DNS:nats.core.serviceradar, DNS:nats.serviceradar, "
        "URI:spiffe://serviceradar.local/nats/core/nats, DNS:localhost, IP Address:127.0.0.1, "
        "IP Address:0:0:0:0:0:0:0:1, DNS:nats.example, IP Address:192.0.2.1");
    extension(nats.certificate, NID_ext_key_usage, text);
    assert_string_equal(text, "TLS Web Server Authentication, TLS Web Client Authentication");
    extension(made.certificate, NID_authority_key_identifier, text);
    extension(made.certificate, NID_subject_key_identifier, text);
    authority_made_done(&made);
    authority_made_done(&nats);
}

static void
names_that_would_be_something_else_are_refused(void **state)
{
    static const char *const labels[] = { "", "a.b", "-a", "a-", "A", "a b", "a/b", "a,DNS:x" };
    struct authority_draft draft = trapd;

    (void)state;
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        draft.component = labels[i];
        refuses(&draft, "DNS label");
        draft = trapd;
        draft.partition = labels[i];
        refuses(&draft, "DNS label");
        draft = trapd;
    }
    draft.alternative_names = "dirName:@x";
    refuses(&draft, "alternative name");
    draft.alternative_names = "IP:nowhere";
    refuses(&draft, "name does not fit");
    draft = trapd;
    draft.partition = "a-site-whose-name-is-much-longer-than-any";
    refuses(&draft, "letters");
    draft = trapd;
    draft.days = 0;
    refuses(&draft, "days");
    draft = trapd;
    draft.account = "nobody";
    refuses(&draft, "nobody");
}

static void
a_leaf_of_a_request_has_its_key_and_none_of_its_names(void **state)
{
    struct authority_draft draft = trapd;
    char *csr = desk_csr("P-256");
    char name[128] = "";

    (void)state;
    draft.csr = csr;
    struct authority_made made = issue(&draft);
    assert_null(made.key);
    STACK_OF(X509) *certs = desk_certificates(made.certificate);
    BIO *bio = BIO_new_mem_buf(csr, -1);
    X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
    X509 *leaf = sk_X509_value(certs, 0);
    assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(leaf), X509_REQ_get0_pubkey(request)), 1);
    X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName, name, sizeof(name));
    assert_string_equal(name, "trapd-1f2e3d4c.hq.acme.serviceradar");
    X509_REQ_free(request);
    BIO_free(bio);
    sk_X509_pop_free(certs, X509_free);
    authority_made_done(&made);
    free(csr);
}

static void
a_request_that_is_bad_is_refused(void **state)
{
    static const char *const kinds[] = { "RSA-1024", "P-224", "secp256k1" };
    struct authority_draft draft = trapd;

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char *csr = desk_csr(kinds[i]);
        draft.csr = csr;
        refuses(&draft, "Its key is not");
        free(csr);
    }
    draft.csr = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
    refuses(&draft, "not a certificate signing request");
    draft.csr = "";
    refuses(&draft, "not a certificate signing request");
}

/* A request whose signature was altered: its sender may not have the key. */
static void
a_request_without_proof_of_its_key_is_refused(void **state)
{
    struct authority_draft draft = trapd;
    char *csr = desk_csr("P-256");
    char *data = NULL;
    BIO *in = BIO_new_mem_buf(csr, -1);
    BIO *out = BIO_new(BIO_s_mem());
    X509_REQ *request = PEM_read_bio_X509_REQ(in, NULL, NULL, NULL);
    EVP_PKEY *other = EVP_EC_gen("P-256");

    (void)state;
    X509_REQ_sign(request, other, EVP_sha256()); /* the key in it stays another */
    PEM_write_bio_X509_REQ(out, request);
    size_t len = (size_t)BIO_get_mem_data(out, &data);
    char *forged = strndup(data, len);
    draft.csr = forged;
    refuses(&draft, "not signed with its own key");
    free(forged);
    EVP_PKEY_free(other);
    X509_REQ_free(request);
    BIO_free(in);
    BIO_free(out);
    free(csr);
}

static void
a_revoked_certificate_is_in_its_issuers_crl(void **state)
{
    struct authority_made made = issue(&trapd);
    struct authority_made other = issue(&trapd);
    X509_REVOKED *entry = NULL;
    char *pem = NULL;

    (void)state;
    desk_good(authority_revoke(desk_store, made.serial, "lost", &desk_trouble));
    desk_good(authority_revoke(desk_store, made.serial, "again", &desk_trouble));
    assert_false(authority_revoke(desk_store, "00", "", &desk_trouble));
    desk_good(authority_crl(desk_store, "acme", 7, &pem, &desk_trouble));

    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    STACK_OF(X509) *certs = desk_certificates(made.certificate);
    STACK_OF(X509) *others = desk_certificates(other.certificate);
    assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(sk_X509_value(certs, 1))), 1);
    assert_int_equal(X509_CRL_get0_by_cert(crl, &entry, sk_X509_value(certs, 0)), 1);
    assert_int_equal(X509_CRL_get0_by_cert(crl, &entry, sk_X509_value(others, 0)), 0);
    assert_int_equal(desk_number("SELECT count(*) FROM certificate WHERE reason = ?", "lost"), 1);
    sk_X509_pop_free(certs, X509_free);
    sk_X509_pop_free(others, X509_free);
    X509_CRL_free(crl);
    BIO_free(bio);
    free(pem);
    authority_made_done(&made);
    authority_made_done(&other);
}

static void
no_private_key_is_in_the_database_in_clear(void **state)
{
    struct authority_made made = issue(&trapd);

    (void)state;
    assert_int_equal(
        desk_number("SELECT count(*) FROM secret WHERE instr(sealed, ?) > 0", "PRIVATE KEY"), 0);
    assert_int_equal(
        desk_number("SELECT count(*) FROM certificate WHERE instr(pem, ?) > 0", "PRIVATE KEY"), 0);
    assert_int_equal(desk_number("SELECT count(*) FROM secret WHERE kind = ?", "ca"), 3);
    authority_made_done(&made);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chain_of_a_tenants_leaf_ends_in_the_root),
        cmocka_unit_test(a_server_of_the_root_is_known_by_the_chain_of_a_tenants_collector),
        cmocka_unit_test(another_tenants_intermediate_does_not_vouch),
        cmocka_unit_test(names_follow_the_rule),
        cmocka_unit_test(names_that_would_be_something_else_are_refused),
        cmocka_unit_test(a_leaf_of_a_request_has_its_key_and_none_of_its_names),
        cmocka_unit_test(a_request_that_is_bad_is_refused),
        cmocka_unit_test(a_request_without_proof_of_its_key_is_refused),
        cmocka_unit_test(a_revoked_certificate_is_in_its_issuers_crl),
        cmocka_unit_test(no_private_key_is_in_the_database_in_clear),
    };
    return cmocka_run_group_tests(tests, desk_open, desk_close);
}
