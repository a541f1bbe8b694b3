/* SPDX-License-Identifier: Apache-2.0 */
#include "send/send_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "sr/banned.h"

/* Encrypted keys must not ask at the terminal in the middle of a run. */
static int
no_password(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

/* Tells an unreadable file from one with something else in it. Returns false, for `return`. */
static bool
say_file(const char *option, const char *file, const char *what, char *message)
{
    if (access(file, R_OK) != 0) {
        (void)snprintf(message, SEND_MESSAGE_MAX, "cannot read %.200s: %s; correct --%s", file,
            strerror(errno), option);
    } else {
        (void)snprintf(message, SEND_MESSAGE_MAX,
            "%.200s holds no %s in PEM form that can be used; correct --%s", file, what, option);
    }
    return false;
}

static bool
load_authorities(SSL_CTX *tls, const char *file, char *message)
{
    if (file == NULL) {
        return SSL_CTX_set_default_verify_paths(tls) == 1;
    }
    return SSL_CTX_load_verify_locations(tls, file, NULL) == 1 ||
           say_file("ca", file, "certificates", message);
}

static bool
load_certificate(SSL_CTX *tls, const struct send_options *options, char *message)
{
    const char *key = options->key_file != NULL ? options->key_file : options->cert_file;

    if (options->cert_file == NULL) {
        return true;
    }
    if (SSL_CTX_use_certificate_chain_file(tls, options->cert_file) != 1) {
        return say_file("cert", options->cert_file, "certificate", message);
    }
    return SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) == 1 ||
           say_file("key", key, "private key of that certificate", message);
}

struct ssl_ctx_st *
stream_tls(const struct send_options *options, char *message)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    (void)snprintf(message, SEND_MESSAGE_MAX, "cannot prepare TLS: out of memory");
    if (tls == NULL) {
        return NULL;
    }
    SSL_CTX_set_default_passwd_cb(tls, no_password);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1 ||
        !load_authorities(tls, options->ca_file, message) ||
        !load_certificate(tls, options, message)) {
        ERR_clear_error();
        SSL_CTX_free(tls);
        return NULL;
    }
    return tls;
}
