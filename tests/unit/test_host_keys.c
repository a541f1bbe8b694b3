/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "enroll/bundle_check.h"
#include "enroll/generation.h"
#include "enroll/host_keys.h"
#include "enroll/renewal.h"
#include "files.h"
#include "sr/base64url.h"
#include "sr/creds.h"

#define NAME "keys-test"

static char root[64];
static struct generations *g;

/* A host with the folder that the keys are kept in. */
static int
open_host(void **state)
{
    const struct generations_options options = { .root = root };
    struct trouble trouble;

    (void)state;
    (void)snprintf(root, sizeof(root), "%s", "/tmp/test_host_keys.XXXXXX");
    return mkdtemp(root) != NULL && generations_open(&options, &g, &trouble) ? 0 : -1;
}

static int
close_host(void **state)
{
    (void)state;
    generations_close(g);
    return files_remove_tree(root) ? 0 : -1;
}

static const char *
kept_file(void)
{
    static char path[256];

    (void)snprintf(path, sizeof(path), "%s/var/lib/serviceradar/enroll/" NAME, root);
    return path;
}

static struct host_keys *
open_keys(bool expect_kept)
{
    struct host_keys *keys = NULL;
    struct trouble trouble;
    bool kept = !expect_kept;

    assert_true(host_keys_open(root, NAME, &keys, &kept, &trouble));
    assert_int_equal(kept, expect_kept);
    return keys;
}

static EVP_PKEY *
key_of_request(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
    assert_non_null(request);
    EVP_PKEY *key = X509_REQ_get_pubkey(request);

    assert_int_equal(X509_REQ_verify(request, key), 1);
    X509_REQ_free(request);
    BIO_free(bio);
    return key;
}

static void
keys_are_kept_for_root_only_and_used_again(void **state)
{
    struct host_keys *first = open_keys(false);
    struct host_keys *second = open_keys(true);
    char *csr[] = { host_keys_csr(first), host_keys_csr(second) };
    EVP_PKEY *key[] = { key_of_request(csr[0]), key_of_request(csr[1]) };
    struct stat st;

    (void)state;
    assert_string_equal(host_keys_user(first), host_keys_user(second));
    assert_int_equal(host_keys_user(first)[0], 'U');
    assert_int_equal(EVP_PKEY_eq(key[0], key[1]), 1);
    assert_int_equal(EVP_PKEY_get_bits(key[0]), 256);
    assert_int_equal(stat(kept_file(), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY_free(key[i]);
        free(csr[i]);
    }
    host_keys_free(first);
    host_keys_free(second);
}

static void
keys_that_are_forgotten_are_made_anew(void **state)
{
    struct host_keys *first = open_keys(false);
    struct trouble trouble;

    (void)state;
    assert_true(host_keys_forget(root, NAME, &trouble));
    assert_true(host_keys_forget(root, NAME, &trouble));
    assert_int_not_equal(access(kept_file(), F_OK), 0);
    struct host_keys *second = open_keys(false);
    assert_string_not_equal(host_keys_user(first), host_keys_user(second));
    host_keys_free(first);
    host_keys_free(second);
}

static void
a_file_that_is_damaged_is_replaced(void **state)
{
    char *text = NULL;
    size_t len = 0;

    (void)state;
    host_keys_free(open_keys(false));
    assert_true(files_read(kept_file(), 4096, &text, &len));
    const size_t cuts[] = { 0, 10, 58, 59, 100, len - 40 };
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        assert_true(files_write(kept_file(), text, cuts[i], 0600));
        host_keys_free(open_keys(false));
        host_keys_free(open_keys(true));
    }
    free(text);
}

static void
a_request_has_public_halves_only(void **state)
{
    struct host_keys *keys = open_keys(false);
    char memory[HOST_KEYS_REQUEST_MAX];
    struct sr_buf out = sr_buf_over(memory, sizeof(memory));
    struct trouble trouble;

    (void)state;
    assert_true(host_keys_request(keys, &out, &trouble));
    json_t *json = json_loadb(memory, out.len, 0, NULL);
    assert_int_equal(json_object_size(json), 2);
    assert_string_equal(json_string_value(json_object_get(json, "nkey")), host_keys_user(keys));
    EVP_PKEY_free(key_of_request(json_string_value(json_object_get(json, "csr"))));
    json_decref(json);
    host_keys_free(keys);
}

static void
a_bundle_without_secrets_becomes_a_whole_one(void **state)
{
    struct host_keys *keys = open_keys(false);
    struct bundle bundle = { .user_jwt = span_of("aaa.bbb.ccc\n"),
        .certificate = span_of("certificate"),
        .ca_chain = span_of("chain"),
        .config = span_of("{}") };
    struct bundle whole;
    struct sr_span packed;
    struct sr_creds_text creds;
    struct trouble trouble;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    (void)snprintf(bundle.config_name, sizeof(bundle.config_name), "trapd.json");
    assert_true(host_keys_complete(keys, &bundle, &packed, &trouble));
    assert_int_equal(bundle_read(packed, NULL, &whole, detail), BUNDLE_OK);
    assert_int_equal(whole.collector, BUNDLE_TRAPD);
    assert_memory_equal(whole.certificate.data, "certificate", whole.certificate.len);
    assert_memory_equal(whole.ca_chain.data, "chain", whole.ca_chain.len);
    assert_int_equal(sr_creds_parse(whole.creds, &creds), SR_CREDS_OK);
    assert_int_equal(creds.jwt.len, 11);
    struct sr_nkeypair pair;
    assert_int_equal(sr_nkeypair_from_text(creds.seed, &pair), SR_NKEY_OK);
    assert_string_equal(pair.public_text, host_keys_user(keys));
    BIO *bio = BIO_new_mem_buf(whole.key.data, (int)whole.key.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    char *csr = host_keys_csr(keys);
    EVP_PKEY *asked = key_of_request(csr);
    assert_int_equal(EVP_PKEY_eq(key, asked), 1);
    free(csr);
    EVP_PKEY_free(asked);
    EVP_PKEY_free(key);
    BIO_free(bio);
    bundle_done(&whole);
    host_keys_bundle_free(packed);
    host_keys_free(keys);
}

/* The lines that docs/enrolment-api.md says are signed, put together from the body. */
static void
a_renewal_is_signed_by_the_present_user_over_all_it_says(void **state)
{
    struct host_keys *keys = open_keys(false);
    struct sr_nkeypair signer;
    char memory[4096], message[512], hash[65];
    uint8_t digest[32], signature[SR_NKEY_SIGNATURE_BYTES];
    struct sr_buf body = sr_buf_over(memory, sizeof(memory));
    struct sr_buf hex = sr_buf_over(hash, 64);
    struct sr_buf decoded = sr_buf_over(signature, sizeof(signature));

    (void)state;
    assert_int_equal(sr_nkeypair_generate(SR_NKEY_USER, &signer), SR_NKEY_OK);
    assert_true(renewal_body("the-id", 1700000000, keys, &signer, &body));
    json_t *json = json_loadb(memory, body.len, 0, NULL);
    const char *csr = json_string_value(json_object_get(json, "csr"));
    assert_int_equal(EVP_Digest(csr, strlen(csr), digest, NULL, EVP_sha256(), NULL), 1);
    sr_buf_add_hex(&hex, (struct sr_span){ digest, sizeof(digest) });
    hash[64] = '\0';
    (void)snprintf(message, sizeof(message), "serviceradar-renew-v1\nthe-id\n%lld\n%s\n%s",
        json_integer_value(json_object_get(json, "time")), host_keys_user(keys), hash);
    assert_true(sr_base64url_decode(
        &decoded, span_of(json_string_value(json_object_get(json, "signature")))));
    assert_int_equal(
        sr_nkey_verify(signer.public_key, span_of(message), sr_buf_span(&decoded)), SR_NKEY_OK);
    json_decref(json);
    sr_nkeypair_done(&signer);
    host_keys_free(keys);
}

static void
write_machine_id(const char *text)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/etc", root);
    assert_true(files_make_dir(path));
    (void)snprintf(path, sizeof(path), "%s/etc/machine-id", root);
    assert_true(files_write(path, text, strlen(text), 0644));
}

static void
a_host_is_the_hash_of_its_machine_id(void **state)
{
    char id[HOST_ID_LEN + 1] = "as it was";

    (void)state;
    assert_false(host_id(root, id));
    write_machine_id("uninitialized\n");
    assert_false(host_id(root, id));
    write_machine_id("");
    assert_false(host_id(root, id));
    assert_string_equal(id, "as it was");
    write_machine_id("0123456789abcdef0123456789abcdef\n");
    assert_true(host_id(root, id));
    /* printf 'serviceradar-host-v10123456789abcdef0123456789abcdef' | sha256sum */
    assert_string_equal(id, "027b3b869609eeea9a62171918084fac2d0dc742bd8ee5bdb66d248e0a5e19db");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            keys_are_kept_for_root_only_and_used_again, open_host, close_host),
        cmocka_unit_test_setup_teardown(
            keys_that_are_forgotten_are_made_anew, open_host, close_host),
        cmocka_unit_test_setup_teardown(a_file_that_is_damaged_is_replaced, open_host, close_host),
        cmocka_unit_test_setup_teardown(a_request_has_public_halves_only, open_host, close_host),
        cmocka_unit_test_setup_teardown(
            a_bundle_without_secrets_becomes_a_whole_one, open_host, close_host),
        cmocka_unit_test_setup_teardown(
            a_renewal_is_signed_by_the_present_user_over_all_it_says, open_host, close_host),
        cmocka_unit_test_setup_teardown(
            a_host_is_the_hash_of_its_machine_id, open_host, close_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
