/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts: what a section `tls` and its files make. */
#include "shell/tls_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "sr/conf_common.h"

#include "sr/banned.h"

#define FILE_MAX (16U * 1024U * 1024U) /* lists of revoked certificates are long */
#define CERT_LIST_MAX (32U * 1024U)    /* of a client, before it is known */
#define CA_NAMES_MAX 32                /* more would only make each handshake long */
#define TEXT_MAX 512

/* One context in the making. */
struct making {
    const struct sr_conf_tls_server *conf;
    const struct sr_tls_report *report;
    struct sr_tls_context *context;
    bool failed;
};

static void say(struct making *m, bool problem, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void
say(struct making *m, bool problem, const char *key, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    m->failed = m->failed || problem;
    m->report->say(m->report->arg, problem, key, text);
}

/* The library's word for its last failure, which is forgotten. */
static const char *
last_error(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return text != NULL ? text : "unknown";
}

/* ---- Files ---- */

/* All of a regular file, owned; NULL with errno, EINVAL for what is none or too large. */
static uint8_t *
read_whole(int fd, size_t *ret_len)
{
    struct stat st;
    size_t len = 0;
    ssize_t got = 1;

    if (fstat(fd, &st) != 0) {
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > (off_t)FILE_MAX) {
        errno = EINVAL;
        return NULL;
    }
    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size + 1);
    while (data != NULL && got != 0 && len < size) {
        got = read(fd, data + len, size - len);
        if (got < 0 && errno != EINTR) {
            free(data);
            return NULL;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    *ret_len = len;
    return data;
}

/* The content of a file, wiped and freed by free_text(); NULL when that was told. */
static BIO *
open_text(struct making *m, const char *key, const char *file, uint8_t **ret_data, size_t *ret_len)
{
    /* Without O_NONBLOCK, opening a FIFO would wait for its writer. */
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    uint8_t *data = fd >= 0 ? read_whole(fd, ret_len) : NULL;
    int error = errno;

    if (fd >= 0) {
        (void)close(fd);
    }
    if (data == NULL && error == EACCES) {
        say(m, true, key,
            "cannot read %s: %s; let the service's user read it: chgrp serviceradar %s && chmod "
            "640 %s",
            file, strerror(error), file, file);
    } else if (data == NULL) {
        say(m, true, key, "cannot read %s: %s; create it or correct the path", file,
            error == EINVAL ? "it is no regular file, or has over 16 MiB" : strerror(error));
    }
    BIO *bio = data != NULL ? BIO_new_mem_buf(data, (int)*ret_len) : NULL;
    if (data != NULL && bio == NULL) {
        free(data);
        data = NULL;
        say(m, true, key, "out of memory");
    }
    *ret_data = data;
    return bio;
}

static void
free_text(BIO *bio, uint8_t *data, size_t len)
{
    BIO_free(bio);
    OPENSSL_cleanse(data, len);
    free(data);
}

/* True for a text that ends in the line with which a piece of PEM begins (RFC 7468 section 2). */
static bool
ends_at_a_beginning(const uint8_t *data, size_t len)
{
    static const char begin[] = "-----BEGIN ";
    size_t at = len;

    while (at > 0 && data[at - 1] != '\n') {
        at--;
    }
    size_t size = len - at < sizeof(begin) - 1 ? len - at : sizeof(begin) - 1;
    return size > 0 && memcmp(data + at, begin, size) == 0;
}

/*
 * Behind the last of `count` pieces that could be read: says so unless the file ends there.
 * Somebody may be writing it still, and a part would be used for as long as nothing more comes.
 */
static bool
is_whole(
    struct making *m, const char *key, const char *file, const uint8_t *data, size_t len, int count)
{
    unsigned long error = ERR_peek_last_error();
    bool at_end = error == 0 || (ERR_GET_LIB(error) == ERR_LIB_PEM &&
                                    ERR_GET_REASON(error) == PEM_R_NO_START_LINE);

    ERR_clear_error();
    if (at_end && !ends_at_a_beginning(data, len)) {
        return true;
    }
    say(m, true, key,
        "%s is cut off or damaged behind the first %d of what it holds; write all of it to a "
        "file beside it and rename that",
        file, count);
    return false;
}

/* ---- Our certificate ---- */

static int64_t
seconds_of(const ASN1_TIME *time)
{
    struct tm tm;

    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void
warn_of_dates(struct making *m, const char *file, const X509 *cert)
{
    if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0) {
        say(m, false, "cert_file",
            "the certificate of %s has expired; senders that check it will "
            "not connect: renew it",
            file);
    } else if (X509_cmp_current_time(X509_get0_notBefore(cert)) >= 0) {
        say(m, false, "cert_file",
            "the certificate of %s is not valid yet; see the clock of this host", file);
    }
}

/* The first certificate is ours, the others lead to the CA. */
static bool
take_chain(struct making *m, const char *file, BIO *bio, int *ret_count)
{
    SSL_CTX *ctx = m->context->ctx;
    int count = 1;
    X509 *cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);

    if (cert == NULL) {
        ERR_clear_error();
        say(m, true, "cert_file",
            "%s holds no PEM certificate; put ours there, and behind it those that lead to the CA",
            file);
        return false;
    }
    bool ok = SSL_CTX_use_certificate(ctx, cert) == 1;
    if (!ok) {
        say(m, true, "cert_file",
            "the certificate of %s is not taken: %s; make one with an RSA "
            "key of 2048 bits or more, or an EC key, signed with SHA-256",
            file, last_error());
    } else {
        m->context->expires = seconds_of(X509_get0_notAfter(cert));
        warn_of_dates(m, file, cert);
    }
    X509_free(cert);
    while (ok && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (SSL_CTX_add0_chain_cert(ctx, cert) != 1) {
            say(m, true, "cert_file",
                "a certificate of the chain in %s is not taken: %s; leave "
                "only those that lead to the CA",
                file, last_error());
            X509_free(cert);
            ok = false;
        }
        count++;
    }
    *ret_count = count;
    return ok;
}

static bool
load_cert(struct making *m)
{
    const char *file = m->conf->cert_file;
    uint8_t *data;
    size_t len = 0;
    int count = 0;
    BIO *bio = open_text(m, "cert_file", file, &data, &len);
    bool ok = bio != NULL && take_chain(m, file, bio, &count) &&
              is_whole(m, "cert_file", file, data, len, count);

    free_text(bio, data, len);
    return ok;
}

static void
load_key(struct making *m, bool has_cert)
{
    const char *file = m->conf->key_file;
    char no_password[] = "";
    uint8_t *data;
    size_t len = 0;
    BIO *bio = open_text(m, "key_file", file, &data, &len);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, no_password) : NULL;

    if (bio != NULL && key == NULL) {
        say(m, true, "key_file",
            "%s holds no PEM private key without a password; write the one of cert_file there",
            file);
    } else if (key != NULL && has_cert && SSL_CTX_use_PrivateKey(m->context->ctx, key) != 1) {
        say(m, true, "key_file",
            "%s is not the key of %s; use the two files that were made together", file,
            m->conf->cert_file);
    }
    ERR_clear_error();
    EVP_PKEY_free(key);
    free_text(bio, data, len);
}

/* ---- Those of the senders ---- */

static void
add_authority(struct making *m, X509 *cert, int count)
{
    X509_STORE *store = SSL_CTX_get_cert_store(m->context->ctx);

    if (X509_STORE_add_cert(store, cert) != 1 ||
        (count < CA_NAMES_MAX && SSL_CTX_add_client_CA(m->context->ctx, cert) != 1)) {
        say(m, true, "ca_file", "a certificate of %s is not taken: %s", m->conf->ca_file,
            last_error());
    }
    if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0) {
        say(m, false, "ca_file",
            "an authority of %s has expired; whoever it signed is refused: renew it",
            m->conf->ca_file);
    }
}

static void
load_authorities(struct making *m)
{
    const char *file = m->conf->ca_file;
    uint8_t *data;
    size_t len = 0;
    int count = 0;
    X509 *cert;
    BIO *bio = file != NULL ? open_text(m, "ca_file", file, &data, &len) : NULL;

    if (bio == NULL) {
        return;
    }
    while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        add_authority(m, cert, count++);
        X509_free(cert);
    }
    if (count > 0) {
        (void)is_whole(m, "ca_file", file, data, len, count);
    } else {
        ERR_clear_error();
        say(m, true, "ca_file",
            "%s holds no PEM certificate; put those there that sign the senders' certificates",
            file);
    }
    free_text(bio, data, len);
}

static void
add_list(struct making *m, X509_CRL *crl)
{
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

    if (X509_STORE_add_crl(SSL_CTX_get_cert_store(m->context->ctx), crl) != 1) {
        say(m, true, "crl_file", "a list of %s is not taken: %s", m->conf->crl_file, last_error());
    }
    if (next != NULL && X509_cmp_current_time(next) <= 0) {
        say(m, false, "crl_file",
            "a list of %s is older than its next update; whoever its CA signed is refused until "
            "the current one is there",
            m->conf->crl_file);
    }
}

/* NULL with an error of the library, or at the end of DER without one. */
static X509_CRL *
read_list(BIO *bio, bool is_pem)
{
    if (is_pem) {
        return PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    }
    ERR_clear_error(); /* what has no end of its own ends without one */
    return BIO_eof(bio) ? NULL : d2i_X509_CRL_bio(bio, NULL);
}

static void
load_lists(struct making *m)
{
    const char *file = m->conf->crl_file;
    uint8_t *data;
    size_t len = 0;
    int count = 0;
    X509_CRL *crl;
    BIO *bio = file != NULL ? open_text(m, "crl_file", file, &data, &len) : NULL;

    if (bio == NULL) {
        return;
    }
    /* Authorities publish DER as often as PEM. */
    bool is_pem = len > 0 && data[0] != 0x30;
    while ((crl = read_list(bio, is_pem)) != NULL) {
        add_list(m, crl);
        count++;
        X509_CRL_free(crl);
    }
    if (count > 0) {
        (void)is_whole(m, "crl_file", file, data, len, count);
    } else {
        ERR_clear_error();
        say(m, true, "crl_file",
            "%s holds no list of revoked certificates, PEM or DER; fetch it from the CA", file);
    }
    (void)X509_STORE_set_flags(
        SSL_CTX_get_cert_store(m->context->ctx), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    free_text(bio, data, len);
}

/* Copies what the permits borrow: the context outlives the configuration. */
static void
load_permits(struct making *m)
{
    const struct sr_conf_strings *texts = &m->conf->permitted_peers;
    struct sr_tls_context *c = m->context;
    size_t size = 1;

    for (size_t i = 0; i < texts->count; i++) {
        size += strlen(texts->items[i]) + 1;
    }
    c->permits = calloc(texts->count + 1, sizeof(*c->permits));
    c->permit_texts = calloc(1, size);
    if (c->permits == NULL || c->permit_texts == NULL) {
        say(m, true, "permitted_peers", "out of memory");
        return;
    }
    char *at = c->permit_texts;
    for (size_t i = 0; i < texts->count; i++) {
        size_t len = strlen(texts->items[i]);
        memcpy(at, texts->items[i], len);
        const char *wrong = sr_tls_permit_parse(at, &c->permits[c->permit_count]);
        if (wrong != NULL) {
            say(m, true, "permitted_peers", "`%.100s`: %s", at, wrong);
        } else {
            c->permit_count++;
        }
        at += len + 1;
    }
}

static bool
has_fingerprint(const struct sr_tls_context *c)
{
    for (size_t i = 0; i < c->permit_count; i++) {
        if (c->permits[i].kind == SR_TLS_PERMIT_FINGERPRINT) {
            return true;
        }
    }
    return false;
}

/* ---- The whole ---- */

static bool
asks_clients(const struct sr_conf_tls_server *conf)
{
    return conf->client == SR_TLS_CLIENT_REQUIRED || conf->client == SR_TLS_CLIENT_OPTIONAL ||
           (conf->client == SR_TLS_CLIENT_AUTO &&
               (conf->ca_file != NULL || conf->permitted_peers.count > 0));
}

/* What is asked of senders; the keys that say so have to go together. */
static void
set_clients(struct making *m)
{
    const struct sr_conf_tls_server *conf = m->conf;
    SSL_CTX *ctx = m->context->ctx;
    bool required = conf->client != SR_TLS_CLIENT_OPTIONAL;

    load_authorities(m);
    load_lists(m);
    load_permits(m);
    if (!asks_clients(conf)) {
        if (conf->permitted_peers.count > 0 || conf->crl_file != NULL) {
            say(m, true, "client",
                "without certificates of clients nobody is looked up in permitted_peers or "
                "crl_file; set client: required, or remove these");
        }
        return;
    }
    if (conf->ca_file == NULL && !has_fingerprint(m->context)) {
        say(m, true, "client",
            "nobody could show a certificate that is taken; set ca_file, or fingerprints in "
            "permitted_peers");
    }
    SSL_CTX_set_verify(
        ctx, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    SSL_CTX_set_cert_verify_callback(ctx, tls_verify_peer, m->context);
}

static void
set_ciphers(struct making *m)
{
    const struct sr_conf_tls_server *conf = m->conf;
    SSL_CTX *ctx = m->context->ctx;

    if (SSL_CTX_set_cipher_list(ctx, conf->ciphers) != 1) {
        say(m, true, "ciphers",
            "`%.100s` names no cipher that the library has; write names of openssl-ciphers(1)",
            conf->ciphers);
    }
    if (SSL_CTX_set_ciphersuites(ctx, conf->ciphersuites) != 1) {
        say(m, true, "ciphersuites",
            "`%.100s` is no list of suites of TLS 1.3; write names as TLS_AES_128_GCM_SHA256 with "
            "`:` between",
            conf->ciphersuites);
    }
    ERR_clear_error();
}

/*
 * Small sessions, and none that is taken up again: each handshake looks at the certificate and its
 * revocation anew, and 10,000 peers that say nothing cost no buffers.
 */
static void
set_options(struct making *m)
{
    SSL_CTX *ctx = m->context->ctx;
    bool only_13 = m->conf->min_version == SR_TLS_VERSION_1_3;

    (void)SSL_CTX_set_min_proto_version(ctx, only_13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                       SSL_OP_PRIORITIZE_CHACHA);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_num_tickets(ctx, 0);
    (void)SSL_CTX_set_max_early_data(ctx, 0);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list(ctx, CERT_LIST_MAX);
    SSL_CTX_set_read_ahead(ctx, 1);
}

struct sr_tls_context *
sr_tls_context_new(const struct sr_conf_tls_server *conf, const struct sr_tls_report *report)
{
    struct sr_tls_context *c = calloc(1, sizeof(*c));
    struct making m = { .conf = conf, .report = report, .context = c };

    if (c != NULL) {
        atomic_init(&c->holders, 1);
        c->ctx = SSL_CTX_new(TLS_server_method());
    }
    if (c == NULL || c->ctx == NULL) {
        ERR_clear_error();
        free(c);
        say(&m, true, "cert_file", "out of memory");
        return NULL;
    }
    set_options(&m);
    set_ciphers(&m);
    load_key(&m, load_cert(&m));
    set_clients(&m);
    ERR_clear_error();
    if (m.failed) {
        sr_tls_context_release(c);
        return NULL;
    }
    return c;
}

struct sr_tls_context *
sr_tls_context_hold(struct sr_tls_context *context)
{
    atomic_fetch_add_explicit(&context->holders, 1, memory_order_relaxed);
    return context;
}

void
sr_tls_context_release(struct sr_tls_context *context)
{
    if (context == NULL ||
        atomic_fetch_sub_explicit(&context->holders, 1, memory_order_acq_rel) != 1) {
        return;
    }
    SSL_CTX_free(context->ctx);
    free(context->permits);
    free(context->permit_texts);
    free(context);
}

int64_t
sr_tls_context_expires(const struct sr_tls_context *context)
{
    return context->expires;
}

uint64_t
sr_tls_files_stamp(const struct sr_conf_tls_server *conf)
{
    const char *const files[] = { conf->cert_file, conf->key_file, conf->ca_file, conf->crl_file };
    uint64_t stamp = 0;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct stat st;
        stamp *= 1099511628211ULL;
        if (files[i] != NULL && stat(files[i], &st) == 0) {
            stamp += (uint64_t)st.st_mtim.tv_sec * 1000000000ULL + (uint64_t)st.st_mtim.tv_nsec +
                     (uint64_t)st.st_ino + (uint64_t)st.st_size;
        }
    }
    return stamp;
}

/* ---- Listeners ---- */

struct sr_tls_listener {
    pthread_mutex_t mutex; /* guards the next, not what it points to */
    struct sr_tls_context *context;
};

struct sr_tls_listener *
sr_tls_listener_new(struct sr_tls_context *context)
{
    struct sr_tls_listener *l = calloc(1, sizeof(*l));

    if (l == NULL) {
        sr_tls_context_release(context);
        return NULL;
    }
    (void)pthread_mutex_init(&l->mutex, NULL);
    l->context = context;
    return l;
}

void
sr_tls_listener_free(struct sr_tls_listener *l)
{
    if (l != NULL) {
        sr_tls_context_release(l->context);
        (void)pthread_mutex_destroy(&l->mutex);
        free(l);
    }
}

void
sr_tls_listener_set(struct sr_tls_listener *l, struct sr_tls_context *context)
{
    (void)pthread_mutex_lock(&l->mutex);
    struct sr_tls_context *old = l->context;
    l->context = context;
    (void)pthread_mutex_unlock(&l->mutex);
    sr_tls_context_release(old);
}

struct sr_tls_context *
sr_tls_listener_context(struct sr_tls_listener *l)
{
    (void)pthread_mutex_lock(&l->mutex);
    struct sr_tls_context *context = sr_tls_context_hold(l->context);
    (void)pthread_mutex_unlock(&l->mutex);
    return context;
}
