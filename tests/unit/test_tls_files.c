/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a section `tls` that somebody is writing, or that were cut off. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "sr/conf_common.h"
#include "sr/tls.h"
#include "tls_build.h"

#define DAY 86400L
#define PEM_MAX 16384U

static char dir[] = "/tmp/test_tls_files_XXXXXX";
static char cert_file[64], key_file[64], ca_file[64], part_file[64];
static struct tls_build_cert ca, server, stranger;
static char told[4096]; /* all that was told of the last context */

static void
write_bytes(const char *file, const void *bytes, size_t len)
{
    FILE *f = fopen(file, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void
write_text(const char *file, const char *text)
{
    write_bytes(file, text, strlen(text));
}

static int
set_up(void **state)
{
    time_t now = time(NULL);
    struct tls_build_ask ask = {
        .name = "Log CA", .is_ca = true, .from = now - DAY, .to = now + DAY
    };
    char text[PEM_MAX] = "";

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(cert_file, sizeof(cert_file), "%s/server.pem", dir);
    (void)snprintf(key_file, sizeof(key_file), "%s/server.key", dir);
    (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", dir);
    (void)snprintf(part_file, sizeof(part_file), "%s/part", dir);
    ca = tls_build(&ask);
    ask.name = "stranger";
    stranger = tls_build(&ask);
    ask.is_ca = false;
    ask.name = "server";
    ask.issuer = &ca;
    server = tls_build(&ask);
    tls_build_add_cert(text, sizeof(text), &server);
    write_text(cert_file, text);
    text[0] = '\0';
    tls_build_add_key(text, sizeof(text), &server, NULL);
    write_text(key_file, text);
    text[0] = '\0';
    tls_build_add_cert(text, sizeof(text), &ca);
    write_text(ca_file, text);
    return 0;
}

static int
tear_down(void **state)
{
    const char *const files[] = { cert_file, key_file, ca_file, part_file };

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        (void)unlink(files[i]);
    }
    tls_build_free(&ca);
    tls_build_free(&server);
    tls_build_free(&stranger);
    return rmdir(dir);
}

static void
on_say(void *arg, bool is_problem, const char *key, const char *text)
{
    size_t len = strlen(told);

    (void)arg;
    (void)snprintf(
        told + len, sizeof(told) - len, "%s %s: %s\n", is_problem ? "problem" : "note", key, text);
}

static struct sr_conf_tls_server
conf_of_server(void)
{
    return (struct sr_conf_tls_server){ .cert_file = cert_file,
        .key_file = key_file,
        .ciphers = "ECDHE+AESGCM",
        .ciphersuites = "TLS_AES_128_GCM_SHA256" };
}

static bool
is_taken(const struct sr_conf_tls_server *conf)
{
    struct sr_tls_report report = { .say = on_say };

    told[0] = '\0';
    struct sr_tls_context *context = sr_tls_context_new(conf, &report);
    sr_tls_context_release(context);
    return context != NULL;
}

/* One that holds the first piece alone is not to be told from a whole one; any other part is. */
static void
only_whole_pieces_are_taken(const struct sr_conf_tls_server *conf, const char *key,
    const uint8_t *bytes, size_t first, size_t len)
{
    char problem[64];

    (void)snprintf(problem, sizeof(problem), "problem %s: ", key);
    for (size_t part = 0; part <= len; part++) {
        bool is_pem = bytes[0] == '-';
        /* The end of a line behind a piece of PEM is no part of it. */
        bool whole = part == len || part == first || (is_pem && (part + 1 == len)) ||
                     (is_pem && part + 1 == first);
        write_bytes(part_file, bytes, part);
        if (is_taken(conf) != whole) {
            fail_msg("%s: %zu of %zu bytes are %s: %s", key, part, len,
                whole ? "not taken" : "taken", told);
        }
        if (!whole && strstr(told, problem) == NULL) {
            fail_msg("%s: %zu of %zu bytes: no problem is told but: %s", key, part, len, told);
        }
    }
}

static void
a_chain_that_is_half_written_is_not_taken(void **state)
{
    struct sr_conf_tls_server conf = conf_of_server();
    char text[PEM_MAX] = "";

    (void)state;
    conf.cert_file = part_file;
    tls_build_add_cert(text, sizeof(text), &server);
    size_t first = strlen(text);
    tls_build_add_cert(text, sizeof(text), &ca);
    only_whole_pieces_are_taken(&conf, "cert_file", (const uint8_t *)text, first, strlen(text));
}

static void
authorities_that_are_half_written_are_not_taken(void **state)
{
    struct sr_conf_tls_server conf = conf_of_server();
    char text[PEM_MAX] = "";

    (void)state;
    conf.ca_file = part_file;
    tls_build_add_cert(text, sizeof(text), &ca);
    size_t first = strlen(text);
    tls_build_add_cert(text, sizeof(text), &stranger);
    only_whole_pieces_are_taken(&conf, "ca_file", (const uint8_t *)text, first, strlen(text));
}

static void
lists_that_are_half_written_are_not_taken(void **state)
{
    struct sr_conf_tls_server conf = conf_of_server();
    char text[PEM_MAX] = "";

    (void)state;
    conf.ca_file = ca_file;
    conf.crl_file = part_file;
    tls_build_add_crl(text, sizeof(text), &ca, &server, time(NULL) + DAY);
    size_t first = strlen(text);
    tls_build_add_crl(text, sizeof(text), &stranger, NULL, time(NULL) + DAY);
    only_whole_pieces_are_taken(&conf, "crl_file", (const uint8_t *)text, first, strlen(text));
}

/* Appends a list of `issuer` as DER; returns the length of all. */
static size_t
add_der(uint8_t *bytes, size_t len, const struct tls_build_cert *issuer)
{
    char text[PEM_MAX] = "";

    tls_build_add_crl(text, sizeof(text), issuer, NULL, time(NULL) + DAY);
    BIO *bio = BIO_new_mem_buf(text, -1);
    X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    uint8_t *end = bytes + len;
    assert_true(i2d_X509_CRL(crl, &end) > 0);
    X509_CRL_free(crl);
    BIO_free(bio);
    return (size_t)(end - bytes);
}

static void
lists_in_der_that_are_half_written_are_not_taken(void **state)
{
    struct sr_conf_tls_server conf = conf_of_server();
    uint8_t bytes[PEM_MAX];

    (void)state;
    conf.ca_file = ca_file;
    conf.crl_file = part_file;
    size_t first = add_der(bytes, 0, &ca);
    size_t len = add_der(bytes, first, &stranger);
    only_whole_pieces_are_taken(&conf, "crl_file", bytes, first, len);
}

static void
a_key_that_is_half_written_is_not_taken(void **state)
{
    struct sr_conf_tls_server conf = conf_of_server();
    char text[PEM_MAX] = "";

    (void)state;
    conf.key_file = part_file;
    tls_build_add_key(text, sizeof(text), &server, NULL);
    only_whole_pieces_are_taken(
        &conf, "key_file", (const uint8_t *)text, strlen(text), strlen(text));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_that_is_half_written_is_not_taken),
        cmocka_unit_test(authorities_that_are_half_written_are_not_taken),
        cmocka_unit_test(lists_that_are_half_written_are_not_taken),
        cmocka_unit_test(lists_in_der_that_are_half_written_are_not_taken),
        cmocka_unit_test(a_key_that_is_half_written_is_not_taken),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
