/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection's TLS, between spans of bytes. The library reads straight from what is fed and
 * writes to a buffer that is there only while something waits in it; of its own buffers it keeps
 * none while the session is idle.
 */
#include "shell/tls_internal.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#include "sr/banned.h"

/*
 * More waits to be sent only when the peer makes us answer and reads nothing: key updates, refused
 * renegotiations. Our first flight, with a long chain, is far shorter.
 */
#define OUT_MAX (64U * 1024U)
#define OUT_MIN 512U

/* The library would make room for eight times as much before it has come. */
#define CLIENT_HELLO_MAX (16U * 1024U)
#define MESSAGE_HEAD 4U
#define HANDSHAKE 0x16 /* the kind of a record */

/* ---- The library's view of the bytes ---- */

static int
bio_read(BIO *bio, char *data, size_t size, size_t *ret_len)
{
    struct sr_tls_session *s = BIO_get_data(bio);
    size_t len = s->in.len < size ? s->in.len : size;

    BIO_clear_retry_flags(bio);
    if (len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(data, s->in.data, len);
    s->in.data += len;
    s->in.len -= len;
    *ret_len = len;
    return 1;
}

static int
bio_write(BIO *bio, const char *data, size_t len, size_t *ret_len)
{
    struct sr_tls_session *s = BIO_get_data(bio);
    size_t size = s->out_size > 0 ? s->out_size : OUT_MIN;

    BIO_clear_retry_flags(bio);
    if (len > OUT_MAX || s->out_len + len > OUT_MAX) {
        s->why = "not_reading";
        return 0;
    }
    while (size < s->out_len + len) {
        size *= 2;
    }
    if (size != s->out_size) {
        uint8_t *out = realloc(s->out, size);
        if (out == NULL) {
            s->why = "no_memory";
            return 0;
        }
        s->out = out;
        s->out_size = size;
    }
    memcpy(s->out + s->out_len, data, len);
    s->out_len += len;
    *ret_len = len;
    return 1;
}

static long
bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

/* Lives as long as the process. */
static void
make_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "spans");

    if (m != NULL && BIO_meth_set_read_ex(m, bio_read) == 1 &&
        BIO_meth_set_write_ex(m, bio_write) == 1 && BIO_meth_set_ctrl(m, bio_ctrl) == 1) {
        method = m;
        return;
    }
    BIO_meth_free(m);
}

/* ---- Life ---- */

struct sr_tls_session *
sr_tls_session_new(struct sr_tls_context *context)
{
    struct sr_tls_session *s = calloc(1, sizeof(*s));

    (void)pthread_once(&method_once, make_method);
    if (s == NULL || method == NULL) {
        free(s);
        return NULL;
    }
    s->ssl = SSL_new(context->ctx);
    BIO *bio = BIO_new(method);
    if (s->ssl == NULL || bio == NULL || SSL_set_app_data(s->ssl, s) != 1) {
        ERR_clear_error();
        BIO_free(bio);
        SSL_free(s->ssl);
        free(s);
        return NULL;
    }
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    SSL_set_bio(s->ssl, bio, bio);
    SSL_set_accept_state(s->ssl);
    s->context = sr_tls_context_hold(context);
    return s;
}

void
sr_tls_session_free(struct sr_tls_session *s)
{
    if (s == NULL) {
        return;
    }
    SSL_free(s->ssl);
    X509_free(s->refused);
    free(s->peer);
    free(s->out);
    sr_tls_context_release(s->context);
    free(s);
}

/* ---- Bytes ---- */

void
sr_tls_session_feed(struct sr_tls_session *s, struct sr_span bytes)
{
    size_t room = sizeof(s->first) - s->first_len;
    size_t len = bytes.len < room ? bytes.len : room;

    if (len > 0) {
        memcpy(s->first + s->first_len, bytes.data, len);
        s->first_len = (uint8_t)(s->first_len + len);
    }
    s->in = bytes;
}

static void
fail(struct sr_tls_session *s)
{
    s->state = SR_TLS_FAILED;
    s->error = (uint32_t)ERR_peek_error();
    s->in.len = 0;
}

/* After a call that gave nothing: waits, or is at its end. */
static void
settle(struct sr_tls_session *s, int result)
{
    switch (SSL_get_error(s->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: break; /* all it was fed is read */
    case SSL_ERROR_ZERO_RETURN:
        s->state = SR_TLS_CLOSED;
        s->in.len = 0;
        break;
    default: fail(s); break;
    }
}

/*
 * False for a first message that claims to be longer than any, or hides its length behind a record
 * of another kind, or by one that ends in front of it: nothing is known of the peer yet, and it may
 * have many connections.
 */
static bool
is_modest(const struct sr_tls_session *s)
{
    const uint8_t *f = s->first;

    if ((s->first_len >= 1 && f[0] != HANDSHAKE) ||
        (s->first_len >= 5 && f[3] == 0 && f[4] < MESSAGE_HEAD)) {
        return false;
    }
    return s->first_len < TLS_FIRST ||
           ((size_t)f[6] << 16 | (size_t)f[7] << 8 | f[8]) <= CLIENT_HELLO_MAX;
}

static void
shake_hands(struct sr_tls_session *s)
{
    if (!is_modest(s)) {
        s->why = s->first[0] == HANDSHAKE ? "garbage" : NULL; /* else sr_tls_guess() knows more */
        fail(s);
        return;
    }
    int result = SSL_do_handshake(s->ssl);
    if (result == 1) {
        s->state = SR_TLS_OPEN;
    } else {
        settle(s, result);
    }
}

size_t
sr_tls_session_read(struct sr_tls_session *s, uint8_t *out, size_t size)
{
    size_t total = 0;

    ERR_clear_error();
    if (s->state == SR_TLS_HANDSHAKE) {
        shake_hands(s);
    }
    while (s->state == SR_TLS_OPEN && total < size) {
        size_t len = 0;
        int result = SSL_read_ex(s->ssl, out + total, size - total, &len);
        if (result != 1) {
            settle(s, result);
            break;
        }
        total += len;
    }
    ERR_clear_error();
    return total;
}

enum sr_tls_state
sr_tls_session_state(const struct sr_tls_session *s)
{
    return (enum sr_tls_state)s->state;
}

struct sr_span
sr_tls_session_pending(const struct sr_tls_session *s)
{
    return (struct sr_span){ s->out, s->out_len };
}

void
sr_tls_session_sent(struct sr_tls_session *s, size_t len)
{
    s->out_len -= len;
    if (s->out_len > 0) {
        memmove(s->out, s->out + len, s->out_len);
        return;
    }
    free(s->out);
    s->out = NULL;
    s->out_size = 0;
}

void
sr_tls_session_close(struct sr_tls_session *s)
{
    if (s->state == SR_TLS_OPEN || s->state == SR_TLS_CLOSED) {
        ERR_clear_error();
        (void)SSL_shutdown(s->ssl);
        ERR_clear_error();
    }
}

const char *
sr_tls_session_peer(const struct sr_tls_session *s)
{
    return s->peer;
}

/* ---- Why it failed ---- */

struct cause {
    int code;
    const char *reason, *advice;
};

#define ADVICE_VERSION "let the sender speak TLS 1.2 or 1.3; see tls.min_version"
#define ADVICE_CIPHER                                                                              \
    "sender and listener have no cipher in common: see tls.ciphers, and what the sender offers"

/* Codes of ERR_LIB_SSL. */
static const struct cause causes[] = {
    { SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "no_certificate",
        "give the sender a certificate, or set tls.client to optional or none" },
    { SSL_R_EXCESSIVE_MESSAGE_SIZE, "certificate_too_large",
        "let the sender show its certificate and those between it and the CA, not all it has" },
    { SSL_R_UNSUPPORTED_PROTOCOL, "version", ADVICE_VERSION },
    { SSL_R_VERSION_TOO_LOW, "version", ADVICE_VERSION },
    { SSL_R_NO_SHARED_CIPHER, "cipher", ADVICE_CIPHER },
    { SSL_R_NO_SUITABLE_KEY_SHARE, "cipher", ADVICE_CIPHER },
    { SSL_R_NO_SHARED_GROUPS, "cipher", ADVICE_CIPHER },
    { SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "cipher", ADVICE_CIPHER },
    { SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, "cipher", ADVICE_CIPHER },
};

static const struct cause refused_by_peer = { 0, "refused_by_sender",
    "the sender does not take our certificate: give it the CA that signed it, and let it connect "
    "by a name that stands in it" };

/* By what the peer began with. */
static const struct cause no_tls[] = {
    { 0, "plaintext_syslog",
        "the sender speaks syslog without TLS: switch TLS on there, or let it "
        "send to a tcp:// listener" },
    { 0, "http", "a browser or a health check asks here; this port takes TLS only" },
    { 0, "proxy_header",
        "a balancer sends the PROXY protocol: set the listener's proxy_protocol to required" },
    { 0, "garbage", "what came is no TLS: see what the sender is" },
};

static const struct cause *
cause_of(const struct sr_tls_session *s, struct cause *room)
{
    const char *guess = sr_tls_guess((struct sr_span){ s->first, s->first_len });
    int code = ERR_GET_REASON(s->error);

    for (size_t i = 0; guess != NULL && i < sizeof(no_tls) / sizeof(no_tls[0]); i++) {
        if (strcmp(no_tls[i].reason, guess) == 0) {
            return &no_tls[i];
        }
    }
    if (code == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        room->reason = tls_verify_reason((int)SSL_get_verify_result(s->ssl), &room->advice);
        return room;
    }
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        if (causes[i].code == code) {
            return &causes[i];
        }
    }
    return code >= SSL_AD_REASON_OFFSET ? &refused_by_peer : &no_tls[3];
}

static const char *
detail_of(const struct sr_tls_session *s)
{
    const char *text = NULL;

    if (ERR_GET_REASON(s->error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        text = X509_verify_cert_error_string(SSL_get_verify_result(s->ssl));
    } else if (s->error != 0) {
        text = ERR_reason_error_string(s->error);
    }
    return text != NULL ? text : "";
}

bool
sr_tls_session_describe(
    const struct sr_tls_session *s, bool timed_out, struct sr_tls_failure *ret_failure)
{
    struct cause room = { 0, "garbage", "" };
    struct sr_tls_failure f = { .reason = "truncated",
        .advice = "the sender, or something on the way, ended the connection" };

    if (s->state == SR_TLS_OPEN || s->state == SR_TLS_CLOSED ||
        (s->state == SR_TLS_HANDSHAKE && s->first_len == 0 && !timed_out)) {
        return false;
    }
    if (s->state == SR_TLS_FAILED && s->why != NULL) {
        f.reason = s->why;
        f.advice = "the sender behaves like none; see what it is";
    } else if (s->state == SR_TLS_FAILED ||
               sr_tls_guess((struct sr_span){ s->first, s->first_len }) != NULL) {
        const struct cause *cause = cause_of(s, &room);
        f.reason = cause->reason;
        f.advice = cause->advice;
    } else if (timed_out) {
        f.reason = "timeout";
        f.advice = "the handshake was not over after ten seconds: see the way to the sender";
    }
    (void)snprintf(f.detail, sizeof(f.detail), "%s", detail_of(s));
    if (s->refused != NULL) {
        tls_verify_names(s->refused, f.names, sizeof(f.names));
        tls_verify_fingerprint(s->refused, f.fingerprint);
    }
    *ret_failure = f;
    return true;
}
