/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_API_CALL_H_INCLUDED
#define CLI_ISSUER_API_CALL_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "enroll/token.h"
#include "issuer/collector.h"
#include "sr/nkeypair.h"
#include "sr/peer.h"
#include "sr/span.h"

/*
 * What a request of docs/enrolment-api.md asks for, read and checked as far as that goes without
 * the database. Foreign input, and most of it secret.
 */

#define API_TARGET_MAX 4096 /* of a request line: a path and a token */
#define API_BODY_MAX 65536
#define API_CAUSE_MAX 200

/* As it came. Borrowed. */
struct api_request {
    const char *method;
    const char *target; /* of the request line: path and query, not decoded */
    const char *token;  /* the header X-ServiceRadar-Download-Token; NULL: none */
    const char *host;   /* the header X-ServiceRadar-Host; NULL: none */
    struct sr_peer peer;
    struct sr_span body;
};

enum api_route {
    API_HEALTH,
    API_CA,
    API_ENROLL, /* the oldest interface: a JSON answer */
    API_BUNDLE,
    API_INSTALLED,
    API_RENEW,
};

/* What it asks for. It holds a secret: api_call_done(). */
struct api_call {
    enum api_route route;
    char id[COLLECTOR_ID_LEN + 1];     /* lower case */
    char token[TOKEN_TEXT_MAX + 1];    /* whole or its secret; empty: none */
    char host[COLLECTOR_HOST_MAX + 1]; /* lower-case hexadecimal, or the peer's address */
    bool named;                        /* the host named itself */
    struct json_t *body;               /* NULL: empty; keys and cause borrow from it */
    struct collector_keys keys;        /* NULL for both: not sent */
    char cause[API_CAUSE_MAX + 1];     /* of API_INSTALLED; printable */
    bool failed;                       /* API_INSTALLED: it could not prove its credentials */
    uint64_t time_s;                   /* API_RENEW */
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES];
};

/* Why a request is not one. All static. */
struct api_fault {
    unsigned status;      /* of HTTP */
    const char *sentence; /* for the answer */
    const char *allow;    /* of 405: the methods; else NULL */
};

/*
 * Reads a request. The token is taken from the query of a GET, else from the header, else from the
 * member `download_token`; its absence is no fault here. False with
 * *ret_fault, and then nothing is to be done.
 */
bool api_call_read(
    const struct api_request *request, struct api_call *ret_call, struct api_fault *ret_fault);

/* Wipes it. */
void api_call_done(struct api_call *call);

/*
 * The path for a log: it ends before the first character that no path of ours has, so that a query
 * that was encoded by mistake is not in it.
 */
void api_path_text(const char *target, char *out, size_t size);

#endif
