/* SPDX-License-Identifier: Apache-2.0 */
#include "send/send_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sockios.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "send/send_parts.h"

#include "sr/banned.h"

enum {
    WAIT_MS = 100, /* a signal that comes just before a wait is noticed this late */
    READ_BYTES = 4096,
    READS_MAX = 16, /* at once, of a receiver that talks without end */
};

/* ---- Making one ---- */

static int
open_socket(const struct stream_way *way)
{
    int fd =
        socket(way->address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    int on = 1;

    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    /* Else bind() takes a port for itself alone, and there are but 28,000 of them. */
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if ((way->own == NULL ||
            bind(fd, (const struct sockaddr *)way->own, send_address_len(way->own)) == 0) &&
        (connect(fd, (const struct sockaddr *)way->address, send_address_len(way->address)) == 0 ||
            errno == EINPROGRESS)) {
        return fd;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Waits for `events`; false with errno when time is up or a signal came. */
static bool
wait_for(int fd, short events, const struct stream_way *way)
{
    struct pollfd wanted = { .fd = fd, .events = events };

    while (*way->stop == 0 && send_now_ns() < way->deadline_ns) {
        if (poll(&wanted, 1, WAIT_MS) > 0) {
            return true;
        }
    }
    errno = *way->stop != 0 ? EINTR : ETIMEDOUT;
    return false;
}

static bool
wait_connected(int fd, const struct stream_way *way)
{
    socklen_t len = sizeof(int);
    int error = 0;

    if (!wait_for(fd, POLLOUT, way)) {
        return false;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error != 0) {
        errno = error;
        return false;
    }
    return true;
}

static void
say_unconnected(const char *to, int error, char *message)
{
    if (error == ECONNREFUSED) {
        (void)snprintf(message, SEND_MESSAGE_MAX,
            "nothing listens on %.200s: start the collector, or compare the port with its "
            "`listen` setting (`ss -ltn` on that host shows who listens)",
            to);
    } else {
        (void)snprintf(message, SEND_MESSAGE_MAX, "cannot connect to %.200s: %s; %s", to,
            strerror(error), send_remedy(error));
    }
}

/* What the library says last, or another reason. */
static const char *
reason_of(int error)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    if (reason != NULL) {
        return reason;
    }
    return error != 0 ? strerror(error) : "the connection was closed";
}

static void
say_handshake(
    const struct stream *st, const struct stream_way *way, const char *to, int error, char *message)
{
    long result = SSL_get_verify_result(st->ssl);

    if (result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        (void)snprintf(message, SEND_MESSAGE_MAX,
            "the certificate of %.150s is not for '%.150s': put the name that it is for into --to",
            to, way->host);
    } else if (result != X509_V_OK) {
        (void)snprintf(message, SEND_MESSAGE_MAX,
            "the certificate of %.150s is refused: %s; give the file of its authority with --ca",
            to, X509_verify_cert_error_string(result));
    } else {
        (void)snprintf(message, SEND_MESSAGE_MAX,
            "no TLS with %.150s: %s; compare the port and `tls` of its listener, and whether it "
            "wants --cert",
            to, reason_of(error));
    }
}

static bool
prepare_session(struct stream *st, const struct stream_way *way)
{
    struct in6_addr scratch;
    bool is_address = inet_pton(AF_INET, way->host, &scratch) == 1 ||
                      inet_pton(AF_INET6, way->host, &scratch) == 1;

    /* Names of servers are no addresses (RFC 6066, section 3). */
    st->ssl = SSL_new(way->tls);
    return st->ssl != NULL && SSL_set1_host(st->ssl, way->host) == 1 &&
           SSL_set_fd(st->ssl, st->fd) == 1 &&
           (is_address || SSL_set_tlsext_host_name(st->ssl, way->host) == 1);
}

static bool
shake_hands(struct stream *st, const struct stream_way *way, const char *to, char *message)
{
    if (!prepare_session(st, way)) {
        (void)snprintf(message, SEND_MESSAGE_MAX, "cannot prepare TLS: out of memory");
        return false;
    }
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int code = SSL_connect(st->ssl);
        int wanted = SSL_get_error(st->ssl, code);

        if (code == 1) {
            return true;
        }
        if ((wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE) ||
            !wait_for(st->fd, wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, way)) {
            say_handshake(st, way, to, errno, message);
            return false;
        }
    }
}

bool
stream_connect(struct stream *st, const struct stream_way *way, const char *to, char *message)
{
    *st = (struct stream){ .fd = open_socket(way) };
    if (st->fd < 0 || !wait_connected(st->fd, way)) {
        say_unconnected(to, errno, message);
        stream_close(st);
        return false;
    }
    if (way->tls != NULL && !shake_hands(st, way, to, message)) {
        stream_close(st);
        return false;
    }
    return true;
}

/* ---- Using it ---- */

/* Keeps why it ended. Returns false, for `return`. */
static bool
ended(struct stream *st, const char *why)
{
    (void)snprintf(st->why, sizeof(st->why), "%s", why);
    return false;
}

/*
 * Whether the library's last error is an alert that ends a handshake (RFC 8446, section 6.2). With
 * TLS 1.3 ours is done before the server has seen our certificate, so that such an alert may come
 * behind messages.
 */
static bool
is_refusal(void)
{
    unsigned long code = ERR_peek_last_error();

    if (ERR_GET_LIB(code) != ERR_LIB_SSL) {
        return false;
    }
    switch (ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET) {
    case SSL3_AD_HANDSHAKE_FAILURE:
    case SSL3_AD_NO_CERTIFICATE:
    case SSL3_AD_BAD_CERTIFICATE:
    case SSL3_AD_UNSUPPORTED_CERTIFICATE:
    case SSL3_AD_CERTIFICATE_REVOKED:
    case SSL3_AD_CERTIFICATE_EXPIRED:
    case SSL3_AD_CERTIFICATE_UNKNOWN:
    case TLS1_AD_UNKNOWN_CA:
    case TLS1_AD_ACCESS_DENIED:
    case TLS1_AD_DECRYPT_ERROR:
    case TLS13_AD_CERTIFICATE_REQUIRED: return true;
    default: return false;
    }
}

static bool
look_tls(struct stream *st)
{
    uint8_t bytes[READ_BYTES];
    size_t len;
    int wanted;

    ERR_clear_error();
    errno = 0;
    for (int i = 0; SSL_read_ex(st->ssl, bytes, sizeof(bytes), &len) == 1; i++) {
        if (i == READS_MAX) {
            return true;
        }
    }
    wanted = SSL_get_error(st->ssl, 0);
    if (wanted == SSL_ERROR_WANT_READ || wanted == SSL_ERROR_WANT_WRITE) {
        return true;
    }
    st->refused = st->refused || is_refusal();
    return ended(st, wanted == SSL_ERROR_ZERO_RETURN ? "the receiver closed it" : reason_of(errno));
}

static ssize_t
write_tls(struct stream *st, const uint8_t *bytes, size_t len)
{
    size_t done = 0;
    int wanted;

    ERR_clear_error();
    errno = 0;
    if (SSL_write_ex(st->ssl, bytes, len, &done) == 1) {
        st->written = BIO_number_written(SSL_get_wbio(st->ssl));
        return (ssize_t)done;
    }
    wanted = SSL_get_error(st->ssl, 0);
    if (wanted == SSL_ERROR_WANT_READ || wanted == SSL_ERROR_WANT_WRITE) {
        st->wants = wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        return 0;
    }
    st->refused = is_refusal();
    (void)ended(st, reason_of(errno));
    /* A reset behind an alert fails the write before the alert is read. */
    if (wanted == SSL_ERROR_SYSCALL) {
        (void)look_tls(st);
    }
    return -1;
}

ssize_t
stream_write(struct stream *st, const uint8_t *bytes, size_t len)
{
    ssize_t done;

    if (st->ssl != NULL) {
        return write_tls(st, bytes, len);
    }
    done = send(st->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done > 0) {
        st->written += (uint64_t)done;
        return done;
    }
    if (done < 0 && (errno == EAGAIN || errno == EINTR)) {
        st->wants = POLLOUT;
        return 0;
    }
    (void)ended(st, strerror(errno));
    return -1;
}

bool
stream_look(struct stream *st)
{
    uint8_t bytes[READ_BYTES];
    ssize_t len;

    if (st->ssl != NULL) {
        return look_tls(st);
    }
    for (int i = 0; (len = recv(st->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0; i++) {
        if (i == READS_MAX) {
            return true;
        }
    }
    if (len == 0) {
        return ended(st, "the receiver closed it");
    }
    return errno == EAGAIN || errno == EINTR || ended(st, strerror(errno));
}

uint64_t
stream_unacknowledged(const struct stream *st)
{
    int bytes = 0;

    if (st->fd < 0 || ioctl(st->fd, SIOCOUTQ, &bytes) != 0 || bytes <= 0) {
        return 0;
    }
    /* A FIN has a number of its own (RFC 9293, section 3.4). */
    bytes -= st->half_closed;
    return (uint64_t)bytes < st->written ? (uint64_t)bytes : st->written;
}

void
stream_half_close(struct stream *st)
{
    if (st->ssl != NULL) {
        ERR_clear_error();
        (void)SSL_shutdown(st->ssl);
        st->written = BIO_number_written(SSL_get_wbio(st->ssl));
    }
    st->half_closed = shutdown(st->fd, SHUT_WR) == 0;
}

void
stream_close(struct stream *st)
{
    SSL_free(st->ssl);
    st->ssl = NULL;
    if (st->fd >= 0) {
        close(st->fd);
    }
    st->fd = -1;
}
