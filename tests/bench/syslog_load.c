/* SPDX-License-Identifier: Apache-2.0 */
#include "syslog_load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "blast.h"

#include "sr/banned.h"

#define SOURCES 64U
#define DIGITS 7U

/* ---- Messages ---- */

static const char head[] = "<165>1 2026-11-22T06:27:13.123456Z edge-gw-17.example.net app 4242 "
                           "ID47 [meta@32473 sequenceId=\"";
static const char middle[] = "\" site=\"north\"] seq ";
static const char words[] = " an application event with some words in it";

static size_t
put(uint8_t *out, size_t at, const char *text, size_t len)
{
    memcpy(out + at, text, len);
    return at + len;
}

void
syslog_load(uint8_t out[SYSLOG_LOAD_SIZE], uint64_t number)
{
    char digits[DIGITS];
    size_t at = 0;

    for (size_t i = DIGITS; i-- > 0; number /= 10) {
        digits[i] = (char)('0' + number % 10);
    }
    at = put(out, at, head, sizeof(head) - 1);
    at = put(out, at, digits, DIGITS);
    at = put(out, at, middle, sizeof(middle) - 1);
    at = put(out, at, digits, DIGITS);
    while (at < SYSLOG_LOAD_SIZE) {
        size_t room = SYSLOG_LOAD_SIZE - at;
        at = put(out, at, words, room < sizeof(words) - 1 ? room : sizeof(words) - 1);
    }
}

void
syslog_load_frame(uint8_t out[SYSLOG_FRAME_SIZE], uint64_t number)
{
    memcpy(out, "256 ", SYSLOG_FRAME_SIZE - SYSLOG_LOAD_SIZE);
    syslog_load(out + SYSLOG_FRAME_SIZE - SYSLOG_LOAD_SIZE, number);
}

/* ---- Peers ---- */

_Noreturn static void
die(const char *what)
{
    ERR_print_errors_fp(stderr);
    blast_die(what);
}

SSL_CTX *
syslog_peer_context(const char *ca_file, const char *cert_file, const char *key_file)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") != 1 ||
        SSL_CTX_load_verify_locations(context, ca_file, NULL) != 1) {
        die(ca_file);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    if (cert_file != NULL &&
        (SSL_CTX_use_certificate_chain_file(context, cert_file) != 1 ||
            SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1)) {
        die(cert_file);
    }
    return context;
}

void
syslog_peer_open(struct syslog_peer *p, unsigned index, unsigned port, SSL_CTX *context)
{
    const struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(0x7F010000U | (index % SOURCES + 1)),
    };
    const struct sockaddr_in target = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)port),
    };
    const int on = 1;

    p->ssl = NULL;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        setsockopt(p->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) != 0 ||
        bind(p->fd, (const struct sockaddr *)&source, sizeof(source)) != 0 ||
        connect(p->fd, (const struct sockaddr *)&target, sizeof(target)) != 0) {
        die("connect");
    }
    if (context == NULL) {
        return;
    }
    p->ssl = SSL_new(context);
    if (p->ssl == NULL || SSL_set_fd(p->ssl, p->fd) != 1 || SSL_connect(p->ssl) != 1) {
        die("TLS");
    }
}

void
syslog_peer_send(struct syslog_peer *p, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        size_t done = 0;
        if (p->ssl != NULL) {
            if (SSL_write_ex(p->ssl, bytes, len, &done) != 1) {
                die("SSL_write");
            }
        } else {
            ssize_t n = send(p->fd, bytes, len, MSG_NOSIGNAL);
            if (n < 0) {
                die("send");
            }
            done = (size_t)n;
        }
        bytes += done;
        len -= done;
    }
}

void
syslog_peer_close(struct syslog_peer *p)
{
    uint8_t rest[4096];

    if (p->ssl != NULL) {
        (void)SSL_shutdown(p->ssl);
    }
    (void)shutdown(p->fd, SHUT_WR);
    /* Session tickets that nobody read would make a reset of the end. */
    while (recv(p->fd, rest, sizeof(rest), 0) > 0) {
    }
    SSL_free(p->ssl);
    (void)close(p->fd);
}
