/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PROOF_PROOF_WIRE_H_INCLUDED
#define CLI_PROOF_PROOF_WIRE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "proof/proof.h"

/*
 * One connection to a NATS server, spoken by hand: every step has its own deadline and fails under
 * its own name, which a client library does not tell. For proof.c and its files.
 */

#define WIRE_HOST_MAX 254       /* RFC 1035, section 2.3.4, and a NUL */
#define WIRE_IN_MAX (64U << 10) /* an INFO of a large cluster has some KiB */

/* A server's address out of its URL. */
struct wire_url {
    bool tls;
    char host[WIRE_HOST_MAX]; /* without the brackets of IPv6 */
    char port[6];
    char user[128], password[128]; /* of the URL, or empty; secrets */
    char shown[256];               /* the URL without them */
};

struct wire {
    int fd; /* -1: not connected */
    SSL_CTX *context;
    SSL *ssl; /* NULL before TLS */
    unsigned timeout_ms;
    uint64_t deadline_ns; /* of the step that runs */
    char in[WIRE_IN_MAX];
    size_t start, end; /* what has arrived and is not read yet */
    /* Of the TLS handshake: why the server's certificate was refused, and which one it was. */
    int verify_error;
    X509 *refused;
    /* Of the INFO line. */
    char nonce[128];
    bool tls_required, tls_available, tls_verify;
};

/* How reading or writing ended. */
enum wire_end {
    WIRE_OK = 0,
    WIRE_TIMEOUT,
    WIRE_CLOSED, /* by the other side, in whatever way */
    WIRE_LONG,   /* more in one piece than is ever sent */
};

/*
 * Reads SCHEME://[USER[:PASSWORD]@]HOST[:PORT], where the scheme may be absent and is tls or nats.
 * False when it is no such URL.
 */
bool wire_read_url(const char *text, struct wire_url *ret_url);

/* An owned connection that is none yet, NULL without memory: wire_free. */
struct wire *wire_new(unsigned timeout_ms);
void wire_free(struct wire *w);

/* Starts the time of the next step. */
void wire_begin(struct wire *w);

/* Waits until the socket can do `events` of poll(2), within the step. */
enum wire_end wire_wait(struct wire *w, short events);

/* Sends all of it. */
enum wire_end wire_send(struct wire *w, const void *data, size_t len);

/* The next line without its end, valid until the next call. */
enum wire_end wire_line(struct wire *w, char **ret_line);

/* The next `len` bytes and the line's end behind them, valid until the next call. */
enum wire_end wire_body(struct wire *w, size_t len, char **ret_body);

/*
 * Resolves, connects and reads what the server says first. Fills what the report has of the server,
 * and its trouble.
 */
enum proof_result wire_dial(
    struct wire *w, const struct wire_url *url, struct proof_report *report);

/* Upgrades to TLS. Fills the report's clock and trouble. */
enum proof_result wire_start_tls(struct wire *w, const struct wire_url *url,
    const struct proof_target *target, struct proof_report *report);

/* The number of the alert (RFC 8446, section 6) that ended the connection last, or 0. */
int wire_alert(void);

/*
 * Whether the end of the connection means that the server wants another client certificate: an
 * alert that is about certificates, or any end where it asks for one and `shown` is false.
 */
bool wire_wants_client(const struct wire *w, bool shown, int alert);

/* What to say then. */
enum proof_result wire_say_client(
    const struct proof_target *target, int alert, struct proof_report *report);

/* Copies as much as fits of what a server said, with all but printable ASCII as '?'. */
void wire_clean(char *out, size_t size, const char *text);

#endif
