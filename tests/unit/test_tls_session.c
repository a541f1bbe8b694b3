/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "sr/conf_common.h"
#include "sr/tls.h"
#include "tls_build.h"

#define DAY 86400L
#define PEM_MAX 16384U
#define HELLO "hello from the sender"

/* What a test needs: files of an authority, of us and of senders. */
static char dir[] = "/tmp/test_tls_XXXXXX";
static struct tls_build_cert ca, server, client, expired, stranger;
static char problem[2048]; /* all that was told of the last context */

static const char *
path_of(const char *name)
{
    static char paths[8][64];
    static unsigned next;
    char *path = paths[next++ % 8];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

static void
write_file(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void
write_cert(const char *name, const struct tls_build_cert *cert)
{
    char text[PEM_MAX] = "";

    tls_build_add_cert(text, sizeof(text), cert);
    write_file(name, text);
}

static void
write_key(const char *name, const struct tls_build_cert *cert)
{
    char text[PEM_MAX] = "";

    tls_build_add_key(text, sizeof(text), cert, NULL);
    write_file(name, text);
}

static int
set_up(void **state)
{
    time_t now = time(NULL);
    struct tls_build_ask ask = {
        .name = "Log CA", .is_ca = true, .from = now - DAY, .to = now + DAY
    };

    (void)state;
    assert_non_null(mkdtemp(dir));
    ca = tls_build(&ask);
    ask = (struct tls_build_ask){
        .name = "server", .issuer = &ca, .from = now - DAY, .to = now + 3 * DAY
    };
    server = tls_build_named(&ask, "DNS:server.example.com");
    ask.name = "common.example.com";
    client = tls_build_named(&ask, "DNS:edge.example.com,IP:192.0.2.7");
    ask.name = "late";
    ask.to = now - 3600;
    expired = tls_build(&ask);
    ask = (struct tls_build_ask){ .name = "stranger", .from = now - DAY, .to = now + DAY };
    stranger = tls_build(&ask);
    write_cert("ca.pem", &ca);
    write_cert("server.pem", &server);
    write_key("server.key", &server);
    return 0;
}

static int
tear_down(void **state)
{
    static const char *const names[] = { "ca.pem", "server.pem", "server.key", "crl.pem",
        "other.pem", "other.key" };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)unlink(path_of(names[i]));
    }
    tls_build_free(&ca);
    tls_build_free(&server);
    tls_build_free(&client);
    tls_build_free(&expired);
    tls_build_free(&stranger);
    return rmdir(dir);
}

static void
on_say(void *arg, bool is_problem, const char *key, const char *text)
{
    size_t len = strlen(problem);

    (void)arg;
    (void)snprintf(problem + len, sizeof(problem) - len, "%s %s: %s\n",
        is_problem ? "problem" : "note", key, text);
}

static struct sr_conf_tls_server
conf_of_server(void)
{
    return (struct sr_conf_tls_server){ .cert_file = path_of("server.pem"),
        .key_file = path_of("server.key"),
        .ciphers = "ECDHE+AESGCM",
        .ciphersuites = "TLS_AES_128_GCM_SHA256" };
}

static struct sr_tls_context *
try_context(const struct sr_conf_tls_server *conf)
{
    struct sr_tls_report report = { .say = on_say };

    problem[0] = '\0';
    return sr_tls_context_new(conf, &report);
}

static struct sr_tls_context *
make_context(const struct sr_conf_tls_server *conf)
{
    struct sr_tls_context *context = try_context(conf);

    if (context == NULL) {
        fail_msg("%s", problem);
    }
    return context;
}

static void
told(const char *text)
{
    if (strstr(problem, text) == NULL) {
        fail_msg("no `%s` in:\n%s", text, problem);
    }
}

/* ---- A sender, and the line between both ---- */

struct rig {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *to, *from; /* of the sender */
    struct sr_tls_session *session;
    size_t piece;      /* bytes that come at once; 0: all */
    uint8_t got[4096]; /* what was decrypted */
    size_t got_len;
};

static void
rig_open(
    struct rig *r, struct sr_tls_context *context, int version, const struct tls_build_cert *cert)
{
    *r = (struct rig){ .ctx = SSL_CTX_new(TLS_client_method()) };
    assert_non_null(r->ctx);
    assert_int_equal(SSL_CTX_set_min_proto_version(r->ctx, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(r->ctx, version), 1);
    if (cert != NULL) {
        assert_int_equal(SSL_CTX_use_certificate(r->ctx, cert->cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(r->ctx, cert->key), 1);
    }
    r->ssl = SSL_new(r->ctx);
    r->to = BIO_new(BIO_s_mem());
    r->from = BIO_new(BIO_s_mem());
    assert_true(r->ssl != NULL && r->to != NULL && r->from != NULL);
    SSL_set_bio(r->ssl, r->from, r->to);
    SSL_set_connect_state(r->ssl);
    r->session = sr_tls_session_new(context);
    assert_non_null(r->session);
}

static void
rig_close(struct rig *r)
{
    sr_tls_session_free(r->session);
    SSL_free(r->ssl);
    SSL_CTX_free(r->ctx);
    ERR_clear_error();
}

/* From memory of just that size, so that nothing behind it is read. */
static void
feed(struct rig *r, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len);
    size_t got;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    sr_tls_session_feed(r->session, (struct sr_span){ copy, len });
    while ((got = sr_tls_session_read(
                r->session, r->got + r->got_len, sizeof(r->got) - r->got_len)) > 0) {
        r->got_len += got;
        assert_true(r->got_len < sizeof(r->got));
    }
    free(copy);
}

/* Takes what the sender wrote; at most 64 KiB. */
static size_t
take_sent(struct rig *r, uint8_t *bytes, size_t size)
{
    int len = BIO_read(r->to, bytes, (int)size);

    return len > 0 ? (size_t)len : 0;
}

static void
answer(struct rig *r)
{
    struct sr_span out = sr_tls_session_pending(r->session);

    if (out.len > 0) {
        assert_int_equal(BIO_write(r->from, out.data, (int)out.len), (int)out.len);
        sr_tls_session_sent(r->session, out.len);
    }
    assert_int_equal(sr_tls_session_pending(r->session).len, 0);
}

static void
pump(struct rig *r)
{
    static uint8_t bytes[65536];
    size_t len = take_sent(r, bytes, sizeof(bytes));

    for (size_t at = 0; at < len;) {
        size_t n = r->piece == 0 || len - at < r->piece ? len - at : r->piece;
        feed(r, bytes + at, n);
        at += n;
    }
    answer(r);
}

/* Until nobody has anything to say any more. */
static enum sr_tls_state
shake(struct rig *r)
{
    for (int i = 0; i < 6; i++) {
        (void)SSL_do_handshake(r->ssl);
        pump(r);
    }
    ERR_clear_error();
    return sr_tls_session_state(r->session);
}

static const char *
reason_of(struct rig *r, struct sr_tls_failure *failure)
{
    return sr_tls_session_describe(r->session, false, failure) ? failure->reason : "none";
}

/* A sender with that certificate gets in, or is refused for `reason`. */
static void
meets(struct sr_tls_context *context, const struct tls_build_cert *cert, const char *reason)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    struct sr_tls_failure failure;
    struct rig r;

    for (size_t i = 0; i < 2; i++) {
        rig_open(&r, context, versions[i], cert);
        enum sr_tls_state state = shake(&r);
        if (reason == NULL) {
            assert_int_equal(state, SR_TLS_OPEN);
        } else {
            assert_int_equal(state, SR_TLS_FAILED);
            assert_string_equal(reason_of(&r, &failure), reason);
            assert_true(strlen(failure.advice) > 0);
            assert_int_equal(failure.fingerprint[0] != '\0', cert != NULL);
        }
        rig_close(&r);
    }
}

/* ---- Bytes ---- */

static void
a_session_opens_and_gives_what_was_sent(void **state)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    static const size_t pieces[] = { 0, 1, 2, 7 };
    struct sr_conf_tls_server conf = conf_of_server();
    struct sr_tls_context *context = make_context(&conf);
    struct rig r;

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        rig_open(&r, context, versions[i % 2], NULL);
        r.piece = pieces[i / 2];
        assert_int_equal(shake(&r), SR_TLS_OPEN);
        assert_int_equal(SSL_write(r.ssl, HELLO, sizeof(HELLO)), sizeof(HELLO));
        assert_int_equal(SSL_write(r.ssl, HELLO, sizeof(HELLO)), sizeof(HELLO));
        pump(&r);
        assert_int_equal(r.got_len, 2 * sizeof(HELLO));
        assert_memory_equal(r.got + sizeof(HELLO), HELLO, sizeof(HELLO));
        assert_null(sr_tls_session_peer(r.session));
        rig_close(&r);
    }
    sr_tls_context_release(context);
}

static void
the_end_is_said_by_both_sides(void **state)
{
    struct sr_conf_tls_server conf = conf_of_server();
    struct sr_tls_context *context = make_context(&conf);
    struct sr_tls_failure failure;
    struct rig r;

    (void)state;
    rig_open(&r, context, TLS1_3_VERSION, NULL);
    assert_int_equal(shake(&r), SR_TLS_OPEN);
    assert_int_equal(SSL_write(r.ssl, HELLO, sizeof(HELLO)), sizeof(HELLO));
    assert_int_equal(SSL_shutdown(r.ssl), 0);
    pump(&r);
    assert_int_equal(r.got_len, sizeof(HELLO)); /* nothing complete is lost */
    assert_int_equal(sr_tls_session_state(r.session), SR_TLS_CLOSED);
    sr_tls_session_close(r.session);
    answer(&r);
    assert_int_equal(SSL_shutdown(r.ssl), 1);
    assert_false(sr_tls_session_describe(r.session, false, &failure));
    rig_close(&r);
    sr_tls_context_release(context);
}

/* At each offset of all that a sender sends, one byte is another one. */
static void
garbage_at_any_offset_ends_a_session_and_is_told(void **state)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    struct sr_conf_tls_server conf = conf_of_server();
    struct sr_tls_context *context = make_context(&conf);
    static uint8_t bytes[65536];
    struct sr_tls_failure failure;
    unsigned failed = 0;
    struct rig r;

    (void)state;
    for (size_t flight = 0; flight < 3; flight++) {
        for (size_t i = 0; i < 2; i++) {
            size_t len = 1;
            for (size_t at = 0; at < len; at += flight == 0 ? 1 : 3) {
                rig_open(&r, context, versions[i], NULL);
                for (size_t j = 0; j < flight; j++) {
                    (void)SSL_do_handshake(r.ssl);
                    pump(&r);
                }
                (void)SSL_do_handshake(r.ssl);
                if (SSL_is_init_finished(r.ssl)) {
                    (void)SSL_write(r.ssl, HELLO, sizeof(HELLO));
                }
                len = take_sent(&r, bytes, sizeof(bytes));
                if (len > 0) {
                    bytes[at] ^= 0x55;
                    feed(&r, bytes, len);
                    failed += sr_tls_session_state(r.session) == SR_TLS_FAILED;
                    (void)sr_tls_session_describe(r.session, true, &failure);
                    assert_true(r.got_len == 0 || memcmp(r.got, HELLO, r.got_len) == 0);
                }
                rig_close(&r);
            }
        }
    }
    assert_in_range(failed, 150, UINT_MAX);
    sr_tls_context_release(context);
}

static void
no_prefix_of_a_handshake_is_more_than_a_truncated_one(void **state)
{
    struct sr_conf_tls_server conf = conf_of_server();
    struct sr_tls_context *context = make_context(&conf);
    static uint8_t bytes[65536];
    struct sr_tls_failure failure;
    size_t len = 2;
    struct rig r;

    (void)state;
    for (size_t cut = 1; cut < len; cut++) {
        rig_open(&r, context, TLS1_3_VERSION, NULL);
        (void)SSL_do_handshake(r.ssl);
        len = take_sent(&r, bytes, sizeof(bytes));
        feed(&r, bytes, cut);
        assert_int_equal(sr_tls_session_state(r.session), SR_TLS_HANDSHAKE);
        assert_string_equal(reason_of(&r, &failure), "truncated");
        assert_true(sr_tls_session_describe(r.session, true, &failure));
        assert_string_equal(failure.reason, "timeout");
        rig_close(&r);
    }
    sr_tls_context_release(context);
}

static void
what_speaks_no_tls_is_named(void **state)
{
    static const char *const cases[][2] = {
        { "<13>Oct 11 22:14:15 h app: hello\n", "plaintext_syslog" },
        { "<1", "plaintext_syslog" },
        { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "http" },
        { "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "proxy_header" },
        { "SSH-2.0-OpenSSH_9.2\r\n", "garbage" },
        /* A message of 128 KiB. */
        { "\x16\x03\x01\x01\x01\x01\x01\xff\xff", "garbage" },
    };
    /* Its length is in a later record, or it comes behind a warning. */
    static const uint8_t hidden[][6] = { { 0x16, 3, 1, 0, 1, 1 }, { 0x15, 3, 1, 0, 2, 1 } };
    struct sr_conf_tls_server conf = conf_of_server();
    struct sr_tls_context *context = make_context(&conf);
    struct sr_tls_failure failure;
    struct rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rig_open(&r, context, TLS1_3_VERSION, NULL);
        feed(&r, (const uint8_t *)cases[i][0], strlen(cases[i][0]));
        assert_true(sr_tls_session_describe(r.session, true, &failure));
        assert_string_equal(failure.reason, cases[i][1]);
        rig_close(&r);
    }
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        rig_open(&r, context, TLS1_3_VERSION, NULL);
        assert_false(sr_tls_session_describe(r.session, false, &failure)); /* who only connects */
        feed(&r, hidden[i], sizeof(hidden[i]));
        assert_int_equal(sr_tls_session_state(r.session), SR_TLS_FAILED);
        assert_string_equal(reason_of(&r, &failure), "garbage");
        rig_close(&r);
    }
    sr_tls_context_release(context);
}

static void
older_versions_and_other_ciphers_are_told_apart(void **state)
{
    struct sr_conf_tls_server conf = conf_of_server();
    struct sr_tls_failure failure;
    struct rig r;

    (void)state;
    conf.min_version = SR_TLS_VERSION_1_3;
    struct sr_tls_context *context = make_context(&conf);
    rig_open(&r, context, TLS1_2_VERSION, NULL);
    assert_int_equal(shake(&r), SR_TLS_FAILED);
    assert_string_equal(reason_of(&r, &failure), "version");
    rig_close(&r);
    sr_tls_context_release(context);
    conf.min_version = SR_TLS_VERSION_1_2;
    context = make_context(&conf);
    rig_open(&r, context, TLS1_2_VERSION, NULL);
    assert_int_equal(SSL_set_cipher_list(r.ssl, "ECDHE-ECDSA-CHACHA20-POLY1305"), 1);
    assert_int_equal(shake(&r), SR_TLS_FAILED);
    assert_string_equal(reason_of(&r, &failure), "cipher");
    rig_close(&r);
    sr_tls_context_release(context);
}

static void
nobody_negotiates_anew(void **state)
{
    struct sr_conf_tls_server conf = conf_of_server();
    struct sr_tls_context *context = make_context(&conf);
    struct rig r;

    (void)state;
    rig_open(&r, context, TLS1_2_VERSION, NULL);
    assert_int_equal(shake(&r), SR_TLS_OPEN);
    assert_int_equal(SSL_renegotiate(r.ssl), 1);
    (void)SSL_do_handshake(r.ssl);
    pump(&r);
    assert_int_equal(sr_tls_session_state(r.session), SR_TLS_OPEN);
    assert_true(SSL_do_handshake(r.ssl) != 1);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    rig_close(&r);
    sr_tls_context_release(context);
}

/* Each update of keys asks for one of ours; nobody reads them. */
static void
who_makes_us_answer_and_reads_nothing_is_cut_off(void **state)
{
    struct sr_conf_tls_server conf = conf_of_server();
    struct sr_tls_context *context = make_context(&conf);
    static uint8_t bytes[65536];
    struct sr_tls_failure failure;
    struct rig r;

    (void)state;
    rig_open(&r, context, TLS1_3_VERSION, NULL);
    assert_int_equal(shake(&r), SR_TLS_OPEN);
    for (int i = 0; i < 100000 && sr_tls_session_state(r.session) == SR_TLS_OPEN; i++) {
        assert_int_equal(SSL_key_update(r.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_write(r.ssl, "x", 1), 1);
        feed(&r, bytes, take_sent(&r, bytes, sizeof(bytes)));
        r.got_len = 0;
        assert_true(sr_tls_session_pending(r.session).len <= 65536);
    }
    assert_int_equal(sr_tls_session_state(r.session), SR_TLS_FAILED);
    assert_string_equal(reason_of(&r, &failure), "not_reading");
    rig_close(&r);
    sr_tls_context_release(context);
}

/* ---- Certificates ---- */

static struct sr_tls_context *
context_for(const char **peers, size_t count, const char *crl)
{
    struct sr_conf_tls_server conf = conf_of_server();

    conf.ca_file = path_of("ca.pem");
    conf.crl_file = crl;
    conf.permitted_peers = (struct sr_conf_strings){ .count = count, .items = peers };
    return make_context(&conf);
}

static void
whoever_the_ca_signed_gets_in_and_nobody_else(void **state)
{
    struct sr_tls_context *context = context_for(NULL, 0, NULL);

    (void)state;
    meets(context, &client, NULL);
    meets(context, NULL, "no_certificate");
    meets(context, &expired, "expired");
    meets(context, &stranger, "untrusted");
    sr_tls_context_release(context);
}

static void
a_chain_of_certificates_that_is_too_long_is_called_so(void **state)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    struct sr_tls_context *context = context_for(NULL, 0, NULL);
    struct sr_tls_failure failure;
    struct rig r;

    (void)state;
    for (size_t v = 0; v < 2; v++) {
        rig_open(&r, context, versions[v], &client);
        for (int i = 0; i < 100; i++) {
            assert_int_equal(SSL_add1_chain_cert(r.ssl, client.cert), 1);
        }
        assert_int_equal(shake(&r), SR_TLS_FAILED);
        assert_string_equal(reason_of(&r, &failure), "certificate_too_large");
        rig_close(&r);
    }
    sr_tls_context_release(context);
}

static void
an_optional_certificate_is_looked_at_when_it_is_shown(void **state)
{
    struct sr_conf_tls_server conf = conf_of_server();

    (void)state;
    conf.ca_file = path_of("ca.pem");
    conf.client = SR_TLS_CLIENT_OPTIONAL;
    struct sr_tls_context *context = make_context(&conf);
    meets(context, NULL, NULL);
    meets(context, &client, NULL);
    meets(context, &stranger, "untrusted");
    sr_tls_context_release(context);
}

static void
only_who_is_permitted_by_name_or_address_gets_in(void **state)
{
    static const struct {
        const char *peer, *reason;
    } cases[] = {
        { "edge.example.com", NULL },
        { "*.example.com", NULL },
        { "192.0.2.7", NULL },
        { "common.example.com", "not_permitted" }, /* it has a dNSName */
        { "other.example.com", "not_permitted" },
        { "192.0.2.8", "not_permitted" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *peers[] = { "nobody", cases[i].peer };
        struct sr_tls_context *context = context_for(peers, 2, NULL);
        meets(context, &client, cases[i].reason);
        sr_tls_context_release(context);
    }
    const char *by_common_name[] = { "server.example.com" };
    struct sr_tls_context *context = context_for(by_common_name, 1, NULL);
    meets(context, &server, NULL);
    sr_tls_context_release(context);
}

static void
fingerprint_of(const struct tls_build_cert *cert, char text[SR_TLS_FINGERPRINT_TEXT_MAX])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len;

    assert_int_equal(X509_digest(cert->cert, EVP_sha256(), digest, &len), 1);
    sr_tls_fingerprint_text(digest, text);
}

static void
a_fingerprint_admits_a_certificate_that_nobody_signed_but_no_expired_one(void **state)
{
    char fingerprints[2][SR_TLS_FINGERPRINT_TEXT_MAX];
    const char *peers[] = { fingerprints[0], fingerprints[1] };
    struct sr_conf_tls_server conf = conf_of_server();

    (void)state;
    fingerprint_of(&stranger, fingerprints[0]);
    fingerprint_of(&expired, fingerprints[1]);
    conf.permitted_peers = (struct sr_conf_strings){ .count = 2, .items = peers };
    struct sr_tls_context *context = make_context(&conf);
    meets(context, &stranger, NULL);
    meets(context, &expired, "expired");
    meets(context, &client, "untrusted");
    sr_tls_context_release(context);
}

static void
who_is_revoked_is_refused_and_so_is_everybody_when_the_list_is_old(void **state)
{
    char text[PEM_MAX] = "";

    (void)state;
    tls_build_add_crl(text, sizeof(text), &ca, &client, time(NULL) + DAY);
    write_file("crl.pem", text);
    struct sr_tls_context *context = context_for(NULL, 0, path_of("crl.pem"));
    meets(context, &client, "revoked");
    meets(context, &server, NULL);
    sr_tls_context_release(context);
    text[0] = '\0';
    tls_build_add_crl(text, sizeof(text), &ca, NULL, time(NULL) - 3600);
    write_file("crl.pem", text);
    context = context_for(NULL, 0, path_of("crl.pem"));
    told("note crl_file: a list of");
    meets(context, &client, "crl_expired");
    sr_tls_context_release(context);
}

static void
a_peer_is_called_by_the_name_that_lets_it_in(void **state)
{
    const char *peers[] = { "edge.example.com" };
    struct sr_tls_context *context = context_for(peers, 1, NULL);
    struct sr_tls_failure failure;
    struct rig r;

    (void)state;
    rig_open(&r, context, TLS1_3_VERSION, &client);
    assert_int_equal(shake(&r), SR_TLS_OPEN);
    assert_string_equal(sr_tls_session_peer(r.session), "edge.example.com");
    rig_close(&r);
    rig_open(&r, context, TLS1_3_VERSION, &server);
    assert_int_equal(shake(&r), SR_TLS_FAILED);
    assert_string_equal(reason_of(&r, &failure), "not_permitted");
    assert_string_equal(failure.names, "CN=server DNS:server.example.com");
    rig_close(&r);
    sr_tls_context_release(context);
}

/* ---- Files ---- */

static void
every_problem_of_the_files_is_told(void **state)
{
    const char *peers[] = { "a*b", "*" };
    struct sr_conf_tls_server conf = { .cert_file = path_of("nowhere.pem"),
        .key_file = path_of("server.pem"),
        .ca_file = path_of("server.key"),
        .crl_file = path_of("ca.pem"),
        .permitted_peers = { 2, peers },
        .ciphers = "NONSENSE",
        .ciphersuites = "NONSENSE" };

    (void)state;
    assert_null(try_context(&conf));
    told("problem cert_file: cannot read");
    told("problem key_file:");
    told("problem ca_file:");
    told("problem crl_file:");
    told("problem permitted_peers: `a*b`");
    told("problem permitted_peers: `*`");
    told("problem ciphers: `NONSENSE`");
    told("problem ciphersuites: `NONSENSE`");
}

static void
a_key_of_another_certificate_is_told_and_an_expired_one_only_noted(void **state)
{
    struct sr_conf_tls_server conf = conf_of_server();

    (void)state;
    write_key("other.key", &client);
    conf.key_file = path_of("other.key");
    assert_null(try_context(&conf));
    told("problem key_file:");
    told("is not the key of");
    write_cert("other.pem", &expired);
    write_key("other.key", &expired);
    conf.cert_file = path_of("other.pem");
    struct sr_tls_context *context = make_context(&conf);
    told("note cert_file: the certificate of");
    assert_true(sr_tls_context_expires(context) < time(NULL));
    sr_tls_context_release(context);
}

static void
keys_of_the_section_that_need_each_other_are_told(void **state)
{
    const char *peers[] = { "host.example.com" };
    struct sr_conf_tls_server conf = conf_of_server();

    (void)state;
    conf.client = SR_TLS_CLIENT_REQUIRED;
    assert_null(try_context(&conf));
    told("problem client: nobody could show a certificate");
    conf.client = SR_TLS_CLIENT_NONE;
    conf.permitted_peers = (struct sr_conf_strings){ 1, peers };
    assert_null(try_context(&conf));
    told("problem client: without certificates of clients");
}

static void
a_session_keeps_its_context_when_the_listener_gets_another(void **state)
{
    struct sr_conf_tls_server conf = conf_of_server();
    struct sr_tls_listener *listener = sr_tls_listener_new(make_context(&conf));
    struct rig r;

    (void)state;
    assert_non_null(listener);
    struct sr_tls_context *first = sr_tls_listener_context(listener);
    rig_open(&r, first, TLS1_3_VERSION, NULL);
    sr_tls_context_release(first);
    assert_int_equal(shake(&r), SR_TLS_OPEN);
    sr_tls_listener_set(listener, make_context(&conf));
    struct sr_tls_context *second = sr_tls_listener_context(listener);
    assert_ptr_not_equal(first, second);
    sr_tls_context_release(second);
    assert_int_equal(SSL_write(r.ssl, HELLO, sizeof(HELLO)), sizeof(HELLO));
    pump(&r);
    assert_int_equal(r.got_len, sizeof(HELLO));
    rig_close(&r);
    sr_tls_listener_free(listener);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_opens_and_gives_what_was_sent),
        cmocka_unit_test(the_end_is_said_by_both_sides),
        cmocka_unit_test(garbage_at_any_offset_ends_a_session_and_is_told),
        cmocka_unit_test(no_prefix_of_a_handshake_is_more_than_a_truncated_one),
        cmocka_unit_test(what_speaks_no_tls_is_named),
        cmocka_unit_test(older_versions_and_other_ciphers_are_told_apart),
        cmocka_unit_test(nobody_negotiates_anew),
        cmocka_unit_test(who_makes_us_answer_and_reads_nothing_is_cut_off),
        cmocka_unit_test(whoever_the_ca_signed_gets_in_and_nobody_else),
        cmocka_unit_test(a_chain_of_certificates_that_is_too_long_is_called_so),
        cmocka_unit_test(an_optional_certificate_is_looked_at_when_it_is_shown),
        cmocka_unit_test(only_who_is_permitted_by_name_or_address_gets_in),
        cmocka_unit_test(a_fingerprint_admits_a_certificate_that_nobody_signed_but_no_expired_one),
        cmocka_unit_test(who_is_revoked_is_refused_and_so_is_everybody_when_the_list_is_old),
        cmocka_unit_test(a_peer_is_called_by_the_name_that_lets_it_in),
        cmocka_unit_test(every_problem_of_the_files_is_told),
        cmocka_unit_test(a_key_of_another_certificate_is_told_and_an_expired_one_only_noted),
        cmocka_unit_test(keys_of_the_section_that_need_each_other_are_told),
        cmocka_unit_test(a_session_keeps_its_context_when_the_listener_gets_another),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
