/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_TLS_PERMIT_H_INCLUDED
#define SR_TLS_PERMIT_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * Who may send, by what stands in its certificate (RFC 5425 section 5): a name, an address, or the
 * certificate itself.
 */
enum sr_tls_permit_kind {
    SR_TLS_PERMIT_NAME,
    SR_TLS_PERMIT_ADDRESS,
    SR_TLS_PERMIT_FINGERPRINT,
};

#define SR_TLS_SHA256_LEN 32
#define SR_TLS_SHA1_LEN 20
#define SR_TLS_FINGERPRINT_TEXT_MAX 104 /* "sha-256:", pairs of digits with ':' between, NUL */

struct sr_tls_permit {
    enum sr_tls_permit_kind kind;
    bool wildcard;                    /* NAME: `name` stands behind one label */
    struct sr_span name;              /* NAME: borrowed from what was read */
    uint8_t bytes[SR_TLS_SHA256_LEN]; /* of the others */
    size_t len;                       /* ADDRESS: 4 or 16; FINGERPRINT: which digest */
};

/*
 * Reads "host.example.com", "*.example.com", "192.0.2.7", "2001:db8::7", "sha-256:AA:BB:..." or
 * "sha-1:AA:BB:..." (also "SHA256:AABB..."). Names borrow `text`. Returns NULL when fine, else what
 * is wrong and what to write, in static words; *ret_permit is then not written.
 */
const char *sr_tls_permit_parse(const char *text, struct sr_tls_permit *ret_permit);

/* True when a name of a certificate, a dNSName or a common name, is permitted. */
bool sr_tls_permit_has_name(const struct sr_tls_permit *permit, struct sr_span name);

/* The same of an address as iPAddress has it, or of a digest of the whole certificate. */
bool sr_tls_permit_has_bytes(
    const struct sr_tls_permit *permit, enum sr_tls_permit_kind kind, struct sr_span bytes);

/* Writes a SHA-256 digest as a permit of it is written. */
void sr_tls_fingerprint_text(
    const uint8_t digest[SR_TLS_SHA256_LEN], char ret_text[SR_TLS_FINGERPRINT_TEXT_MAX]);

/*
 * What the first bytes of a connection are, when they are not those of TLS: "plaintext_syslog",
 * "http", "proxy_header" or "garbage". NULL: they may be TLS, or there are none.
 */
const char *sr_tls_guess(struct sr_span first);

#endif
