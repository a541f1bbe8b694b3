/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_TLS_H_INCLUDED
#define SR_TLS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"
#include "sr/tls_permit.h"

struct sr_conf_tls_server;

/*
 * TLS for those who connect to us: versions 1.2 and 1.3. A context is what a listener's section
 * `tls` and the files that it names make; a session is one connection, and knows no socket.
 */

/* ---- Contexts ---- */

/* Immutable, counted by its holders; from any thread. */
struct sr_tls_context;

/* Whom to tell what is wrong. */
struct sr_tls_report {
    void *arg;
    /* `key` of the section; a `problem` is in the way, anything else should be known. */
    void (*say)(void *arg, bool problem, const char *key, const char *text);
};

/*
 * Reads all files. Returns a context with one holder, or NULL. Tells all problems, not only the
 * first.
 */
struct sr_tls_context *sr_tls_context_new(
    const struct sr_conf_tls_server *conf, const struct sr_tls_report *report);

/* One holder more; returns `context`. */
struct sr_tls_context *sr_tls_context_hold(struct sr_tls_context *context);

/* The last holder's frees it. NULL is fine. */
void sr_tls_context_release(struct sr_tls_context *context);

/* When our certificate expires, seconds since 1970 UTC. */
int64_t sr_tls_context_expires(const struct sr_tls_context *context);

/* A number that changes when one of the files does. */
uint64_t sr_tls_files_stamp(const struct sr_conf_tls_server *conf);

/* ---- Listeners ---- */

/* The context of new connections. It is exchanged while old ones keep theirs; any thread. */
struct sr_tls_listener;

/* Takes `context`. NULL without memory. */
struct sr_tls_listener *sr_tls_listener_new(struct sr_tls_context *context);
void sr_tls_listener_free(struct sr_tls_listener *l);

/* Takes `context`, for all who connect from now on. */
void sr_tls_listener_set(struct sr_tls_listener *l, struct sr_tls_context *context);

/* The current one, with one holder more. */
struct sr_tls_context *sr_tls_listener_context(struct sr_tls_listener *l);

/* ---- Sessions ---- */

struct sr_tls_session;

enum sr_tls_state {
    SR_TLS_HANDSHAKE = 0,
    SR_TLS_OPEN,
    SR_TLS_CLOSED, /* the peer has said that nothing follows */
    SR_TLS_FAILED, /* what it sent is to be thrown away; see sr_tls_session_describe() */
};

#define SR_TLS_NAMES_MAX 256

/* Why a session failed, for a log line. */
struct sr_tls_failure {
    const char *reason;           /* a word of [a-z0-9_], static */
    const char *advice;           /* what to do, static */
    char detail[128];             /* what the library says */
    char names[SR_TLS_NAMES_MAX]; /* of the peer's certificate; "": it showed none */
    char fingerprint[SR_TLS_FINGERPRINT_TEXT_MAX];
};

/* A session that waits for the peer's first bytes; it holds the context. NULL without memory. */
struct sr_tls_session *sr_tls_session_new(struct sr_tls_context *context);
void sr_tls_session_free(struct sr_tls_session *s);

/* Bytes of the peer, borrowed until sr_tls_session_read() returns 0. */
void sr_tls_session_feed(struct sr_tls_session *s, struct sr_span bytes);

/*
 * Takes the session on with what it was fed, and writes what it decrypted to `out` of `size` bytes.
 * Returns how many; 0: nothing more comes of those bytes, see the state.
 */
size_t sr_tls_session_read(struct sr_tls_session *s, uint8_t *out, size_t size);

enum sr_tls_state sr_tls_session_state(const struct sr_tls_session *s);

/* What is to be sent to the peer, borrowed until the next call with `s`. */
struct sr_span sr_tls_session_pending(const struct sr_tls_session *s);

/* The first `len` bytes of that were sent. */
void sr_tls_session_sent(struct sr_tls_session *s, size_t len);

/* Says to the peer that nothing follows, if it still listens. */
void sr_tls_session_close(struct sr_tls_session *s);

/*
 * Its name, at most 253 printable ASCII characters without quotes and backslashes: the one that is
 * permitted, else the first of its certificate, else the fingerprint. NULL: it showed no
 * certificate. Borrowed.
 */
const char *sr_tls_session_peer(const struct sr_tls_session *s);

/*
 * Why it failed, or what kept it from being OPEN when it ends here (`timed_out`). False: there is
 * nothing to tell, for it was fine, or nobody said anything.
 */
bool sr_tls_session_describe(
    const struct sr_tls_session *s, bool timed_out, struct sr_tls_failure *ret_failure);

#endif
