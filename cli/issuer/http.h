/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_HTTP_H_INCLUDED
#define CLI_ISSUER_HTTP_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "issuer/api.h"
#include "trouble.h"

/*
 * The HTTPS server before the enrolment interface. Requests are read and answered on a thread of
 * its own, one answer at a time; everything else here is called by one other thread.
 *
 * Who is slow or hostile costs little: TLS 1.2 at least, so many connections in all and of one
 * address, headers of some KiB, bodies of API_BODY_MAX, an end to idle connections, and an end to
 * every connection HTTP_LIFE_S after it began, however busy it looks.
 */

#define HTTP_CONNECTIONS_MAX 256
#define HTTP_PER_ADDRESS_MAX 32
#define HTTP_IDLE_S 10
#define HTTP_LIFE_S 60

struct http;

/* Borrowed for the call, but `api`, which must outlive the server. */
struct http_options {
    const char *listen;     /* ADDRESS:PORT or [ADDRESS]:PORT; an empty address is all of IPv4 */
    const char *access_log; /* a file that is appended to; NULL: none */
    struct api *api;
};

/* Binds the address and opens the log; serves nothing yet. Owned: http_close(). */
bool http_open(const struct http_options *options, struct http **ret_http, struct trouble *trouble);

/* The port it listens on: the kernel's choice when the option's was 0. */
uint16_t http_port(const struct http *http);

/*
 * Serves with this certificate (PEM, with the intermediates behind it) and key; again, with others,
 * and then nobody is refused meanwhile and requests that have begun are answered. When it fails,
 * what served before goes on.
 */
bool http_serve(
    struct http *http, const char *certificate, const char *key, struct trouble *trouble);

/* Opens the access log anew, for those who rotate it. When it fails, the old one is kept. */
bool http_reopen_log(struct http *http, struct trouble *trouble);

/* Ends connections that are older than HTTP_LIFE_S. Call it every few seconds. */
void http_reap(struct http *http);

/* Takes no more connections, finishes the answers that have begun, and frees. NULL is allowed. */
void http_close(struct http *http);

#endif
