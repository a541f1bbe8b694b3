/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_API_H_INCLUDED
#define CLI_ISSUER_API_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "issuer/api_call.h"
#include "issuer/store.h"
#include "sr/rate.h"

/*
 * The enrolment interface of docs/enrolment-api.md without its socket: a request in, an answer out,
 * and the database in between. One thread at a time.
 */

struct limiter;

#define API_ADDRESS_PER_MINUTE 600  /* requests; a site behind one address enrols many hosts */
#define API_COLLECTOR_PER_MINUTE 20 /* answers that were granted to one collector */

struct api {
    struct store *store;
    struct limiter *addresses;  /* each request counts, by its address or IPv6 /64 */
    struct limiter *collectors; /* only what a right token asked: strangers cannot use it up */
    /* Told behind a commit that revoked credentials: the account is to be pushed. */
    void (*push)(void *arg, const char *account);
    void *push_arg;
    struct sr_rate refusals; /* that the audit log takes: a stranger must not fill the disk */
    uint64_t refusals_left_out;
};

struct api_answer {
    unsigned status;  /* of HTTP */
    const char *type; /* Content-Type, static; NULL: no body */
    uint8_t *body;    /* owned, and perhaps a secret */
    size_t len;
    char filename[64];      /* for Content-Disposition; empty: none */
    unsigned retry_after_s; /* 0: none */
    const char *allow;      /* of 405, static; else NULL */
};

/* Makes the limiters. `address_per_minute` is 1 to 10^6. False without memory. */
bool api_init(struct api *api, struct store *store, unsigned address_per_minute);
void api_done(struct api *api);

/* Answers a request. `now_ns` is the monotonic clock, for the limits. Always has an answer. */
void api_answer(struct api *api, const struct api_request *request, uint64_t now_ns,
    struct api_answer *ret_answer);

/* An answer that says no: {"error": SENTENCE}. */
void api_say(unsigned status, const char *sentence, struct api_answer *ret_answer);

/* Wipes and frees. */
void api_answer_done(struct api_answer *answer);

#endif
