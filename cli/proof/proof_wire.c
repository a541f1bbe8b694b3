/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/proof_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "sr/banned.h"

#define NS_PER_MS 1000000ULL
#define NS_PER_S 1000000000ULL

static uint64_t
now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

struct wire *
wire_new(unsigned timeout_ms)
{
    struct wire *w = calloc(1, sizeof(*w));

    if (w != NULL) {
        w->fd = -1;
        w->timeout_ms = timeout_ms;
    }
    return w;
}

void
wire_free(struct wire *w)
{
    if (w == NULL) {
        return;
    }
    SSL_free(w->ssl);
    SSL_CTX_free(w->context);
    X509_free(w->refused);
    if (w->fd >= 0) {
        (void)close(w->fd);
    }
    free(w);
}

void
wire_begin(struct wire *w)
{
    w->deadline_ns = now_ns() + w->timeout_ms * NS_PER_MS;
}

enum wire_end
wire_wait(struct wire *w, short events)
{
    struct pollfd p = { .fd = w->fd, .events = events };

    for (;;) {
        uint64_t now = now_ns();
        if (now >= w->deadline_ns) {
            return WIRE_TIMEOUT;
        }
        int ready = poll(&p, 1, (int)((w->deadline_ns - now) / NS_PER_MS) + 1);
        if (ready > 0) {
            return WIRE_OK;
        }
        if (ready < 0 && errno != EINTR) {
            return WIRE_CLOSED;
        }
    }
}

/* Waits for what the TLS call that returned `code` wants. */
static enum wire_end
wait_for_tls(struct wire *w, int code)
{
    switch (SSL_get_error(w->ssl, code)) {
    case SSL_ERROR_WANT_READ: return wire_wait(w, POLLIN);
    case SSL_ERROR_WANT_WRITE: return wire_wait(w, POLLOUT);
    default: return WIRE_CLOSED;
    }
}

/* Sends a part of it, or waits until that is worth trying again. */
static enum wire_end
send_some(struct wire *w, const char *data, size_t len, size_t *ret_sent)
{
    *ret_sent = 0;
    if (w->ssl != NULL) {
        ERR_clear_error();
        int code = SSL_write_ex(w->ssl, data, len, ret_sent);
        return code == 1 ? WIRE_OK : wait_for_tls(w, code);
    }
    ssize_t sent = send(w->fd, data, len, MSG_NOSIGNAL);
    if (sent >= 0) {
        *ret_sent = (size_t)sent;
        return WIRE_OK;
    }
    return errno == EAGAIN || errno == EINTR ? wire_wait(w, POLLOUT) : WIRE_CLOSED;
}

enum wire_end
wire_send(struct wire *w, const void *data, size_t len)
{
    const char *at = data;
    enum wire_end end = WIRE_OK;

    while (len > 0 && end == WIRE_OK) {
        size_t sent = 0;
        end = send_some(w, at, len, &sent);
        at += sent;
        len -= sent;
    }
    return end;
}

/* Reads what is there, or waits until there is something. */
static enum wire_end
fill_some(struct wire *w)
{
    size_t room = sizeof(w->in) - w->end;

    if (w->ssl != NULL) {
        size_t got = 0;
        ERR_clear_error();
        int code = SSL_read_ex(w->ssl, w->in + w->end, room, &got);
        w->end += got;
        return code == 1 ? WIRE_OK : wait_for_tls(w, code);
    }
    ssize_t got = recv(w->fd, w->in + w->end, room, 0);
    if (got > 0) {
        w->end += (size_t)got;
        return WIRE_OK;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return wire_wait(w, POLLIN);
    }
    return WIRE_CLOSED;
}

/* Makes room behind what is not read yet, and reads more. */
static enum wire_end
fill(struct wire *w)
{
    memmove(w->in, w->in + w->start, w->end - w->start);
    w->end -= w->start;
    w->start = 0;
    return w->end < sizeof(w->in) ? fill_some(w) : WIRE_LONG;
}

enum wire_end
wire_line(struct wire *w, char **ret_line)
{
    char *stop = NULL;

    while ((stop = memchr(w->in + w->start, '\n', w->end - w->start)) == NULL) {
        enum wire_end end = fill(w);
        if (end != WIRE_OK) {
            return end;
        }
    }
    char *line = w->in + w->start;
    w->start = (size_t)(stop - w->in) + 1;
    *stop = '\0';
    if (stop > line && stop[-1] == '\r') {
        stop[-1] = '\0';
    }
    *ret_line = line;
    return WIRE_OK;
}

enum wire_end
wire_body(struct wire *w, size_t len, char **ret_body)
{
    if (len > sizeof(w->in) - 2) {
        return WIRE_LONG;
    }
    while (w->end - w->start < len + 2) {
        enum wire_end end = fill(w);
        if (end != WIRE_OK) {
            return end;
        }
    }
    *ret_body = w->in + w->start;
    (*ret_body)[len] = '\0';
    w->start += len + 2;
    return WIRE_OK;
}

void
wire_clean(char *out, size_t size, const char *text)
{
    size_t len = 0;

    for (; text[len] != '\0' && len + 1 < size; len++) {
        out[len] = text[len] >= ' ' && text[len] <= '~' ? text[len] : '?';
    }
    out[len] = '\0';
}
