/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_SYSLOG_LOAD_H_INCLUDED
#define TESTS_BENCH_SYSLOG_LOAD_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

/*
 * The messages of the measurements, the same for every receiver, and those who send them over
 * connections. Errors end the program.
 */

#define SYSLOG_LOAD_SIZE 256U                     /* bytes of a message */
#define SYSLOG_FRAME_SIZE (SYSLOG_LOAD_SIZE + 4U) /* with its octet count */

/* Writes RFC 5424 with one SD-ELEMENT and a number below ten million that no other message has. */
void syslog_load(uint8_t out[SYSLOG_LOAD_SIZE], uint64_t number);

/* The same behind its octet count. */
void syslog_load_frame(uint8_t out[SYSLOG_FRAME_SIZE], uint64_t number);

/* Who sends over a connection of its own. */
struct syslog_peer {
    int fd;
    SSL *ssl; /* NULL: plain TCP */
};

/*
 * TLS 1.3 with one cipher, so that all receivers are given the same. The server is that of the
 * authority in `ca_file`; `cert_file` and `key_file` are the peer's own, or NULL. Returns owned.
 */
SSL_CTX *syslog_peer_context(const char *ca_file, const char *cert_file, const char *key_file);

/* Connects to 127.0.0.1, from one of 64 addresses by its index; `context` NULL: plain TCP. */
void syslog_peer_open(struct syslog_peer *p, unsigned index, unsigned port, SSL_CTX *context);

/* Sends all of it: over TLS as one record while it has at most 16 KiB. */
void syslog_peer_send(struct syslog_peer *p, const uint8_t *bytes, size_t len);

/* Ends what it sends and waits until the receiver has closed: nothing that was sent is reset. */
void syslog_peer_close(struct syslog_peer *p);

#endif
