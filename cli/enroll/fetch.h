/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_FETCH_H_INCLUDED
#define ENROLL_FETCH_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "enroll/https.h"
#include "enroll/token.h"
#include "sr/span.h"
#include "trouble.h"

/*
 * What is asked of an issuer (docs/enrolment-api.md), of all its generations: a bundle for a token,
 * the confirmation that it works, and a renewal. The newest way is tried first and an older one
 * only when the server's answer shows that it does not know the newer: then it has not looked at
 * the token. Tokens of version 1 begin with the old ways, as their servers know no other.
 */

/* The ways to ask for a bundle. */
enum fetch_way {
    FETCH_POST_WHOLE,  /* POST .../bundle, the whole token in the header */
    FETCH_POST_SECRET, /* ... its secret only */
    FETCH_GET_BUNDLE,  /* GET /api/collectors/ID/bundle?token=SECRET */
    FETCH_GET_ENROLL,  /* GET /api/enroll/ID?token=SECRET */
    FETCH_GET_LEGACY,  /* GET /api/enroll/collector/ID?token=SECRET */
};
#define FETCH_WAYS 5

/* Whom to ask. Borrowed. */
struct fetch_target {
    struct https_options https;
    const char *url;        /* of the API, as in struct token */
    const char *package_id; /* UUID */
    const char *host;       /* how this host names itself; NULL: not at all */
};

/* A bundle as it came. Owned: fetched_done(). */
struct fetched {
    enum fetch_way way;
    struct https_answer answer;
};

/*
 * Fetches the bundle of a token. `keys` is the JSON of keys of the host for the POST, or empty. On
 * failure *ret_exit is JOIN_EXIT_NETWORK or JOIN_EXIT_SERVER (enroll/join.h), and *ret_status the
 * status that the server answered with, 0 without one.
 */
bool fetch_bundle(const struct fetch_target *target, const struct token *token, struct sr_span keys,
    struct fetched *ret_fetched, int *ret_exit, long *ret_status, struct trouble *trouble);

/* Wipes and frees. */
void fetched_done(struct fetched *fetched);

/*
 * Tells the issuer that the collector works, or, with `failed` (not NULL), why it does not.
 * `way` is the one of the bundle. *ret_known is false when the issuer does not know this request,
 * as those of the platform: that is success too.
 */
bool fetch_confirm(const struct fetch_target *target, const struct token *token, enum fetch_way way,
    const char *failed, bool *ret_known, struct trouble *trouble);

/* Asks for a renewal with a signed body. Exit codes and status as of fetch_bundle(). */
bool fetch_renewal(const struct fetch_target *target, struct sr_span body,
    struct fetched *ret_fetched, int *ret_exit, long *ret_status, struct trouble *trouble);

/* ---- The parts that need no server ---- */

enum fetch_verdict {
    FETCH_DONE,
    FETCH_NEXT,      /* this way is not known there, or not with this form of the token */
    FETCH_SKIP_POST, /* no POST is known there */
    FETCH_FINAL,
};

/* What an answer means for the way that was gone. */
enum fetch_verdict fetch_judge(enum fetch_way way, const struct https_answer *answer);

/* The ways in the order for a token of that version. */
const enum fetch_way *fetch_order(int version);

/* Writes the URL of a way. It holds the secret for the GETs: wipe it. False when it is too long. */
bool fetch_url(const struct fetch_target *target, enum fetch_way way, const char *secret,
    char out[HTTPS_URL_MAX]);

/*
 * Says what an answer that is no bundle means. `secret` must not be repeated, even if the server
 * does; NULL without one. Always false, for `return`.
 */
bool fetch_tell(const char *url, const struct https_answer *answer, const char *secret,
    struct trouble *trouble);

/* The name of a way for --json, static: "post", "post-secret", "get-bundle", "get-enroll", ... */
const char *fetch_way_name(enum fetch_way way);

#endif
