/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_HTTPS_H_INCLUDED
#define ENROLL_HTTPS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enroll/token.h"
#include "sr/span.h"
#include "trouble.h"

/*
 * One HTTPS request for a small answer, from a server that may be anybody's: TLS 1.2 or newer, the
 * certificate, its name and its times always checked, no redirect followed, no protocol but https,
 * bounded in bytes and time. Proxies are those of the environment, as curl reads it; a proxy sees
 * the server's name only. URLs and headers may hold secrets: nothing of them gets into a trouble
 * but the scheme, the host and the path of a package's URL.
 */

#define HTTPS_ANSWER_MAX (1024U * 1024) /* bytes of a body */
#define HTTPS_URL_MAX 2048
#define HTTPS_TEXT_MAX 256

/* Whom to trust, and how long to wait. Borrowed; may serve any number of requests. */
struct https_options {
    const char *ca_file;   /* PEM; NULL: the certificate authorities of the system */
    const uint8_t *ca_pin; /* TOKEN_PIN_BYTES, or NULL */
    unsigned timeout_s;    /* of a whole request; connecting and silence have lower bounds */
};

#define HTTPS_TIMEOUT_S 120

struct https_request {
    const char *url;
    bool post;           /* else GET */
    struct sr_span body; /* JSON, of a POST; may be empty */
    const char *token;   /* for the header X-ServiceRadar-Download-Token; NULL for none */
    const char *host;    /* for the header X-ServiceRadar-Host; NULL for none */
};

/* Owned: https_answer_done(). The texts are of the server, but printable. */
struct https_answer {
    long status;
    char content_type[HTTPS_TEXT_MAX]; /* lower case, without parameters */
    char location[HTTPS_TEXT_MAX];     /* where a redirect points, without its query */
    long retry_after_s;                /* 0 when it does not say */
    uint8_t *body;
    size_t len;
};

/* Why there is no answer. */
enum https_err {
    HTTPS_OK = 0, /* whatever its status */
    HTTPS_EDNS,
    HTTPS_EPROXY,
    HTTPS_ETCP,
    HTTPS_ETLS_CA,   /* the certificate is of no trusted authority */
    HTTPS_ETLS_PIN,  /* ... not of the pinned one */
    HTTPS_ETLS_NAME, /* ... for another name */
    HTTPS_ETLS_TIME, /* ... expired or not yet valid, or our clock is wrong */
    HTTPS_ETLS,
    HTTPS_ECAFILE, /* --ca-file cannot be used */
    HTTPS_ESILENT, /* accepts, then stays silent, or is too slow */
    HTTPS_ECUT,    /* the connection ended within the answer */
    HTTPS_ETOOBIG,
    HTTPS_ENOTHTTP,
    HTTPS_ESTART, /* curl cannot start, or has no memory */
};

/*
 * Makes the request. On an error `trouble` has cause and remedy. `*ret_sent` says whether the
 * server may have seen the request, so that the token in it may be spent; it is always written.
 */
enum https_err https_run(const struct https_options *options, const struct https_request *request,
    struct https_answer *ret_answer, bool *ret_sent, struct trouble *trouble);

/* Wipes and frees. */
void https_answer_done(struct https_answer *answer);

/* Copies `text`, with all but printable ASCII as '?', and cuts it before a '?' or '#' of a URL. */
void https_public_url(char out[HTTPS_TEXT_MAX], const char *url);

#endif
