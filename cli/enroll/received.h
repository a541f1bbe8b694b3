/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_RECEIVED_H_INCLUDED
#define ENROLL_RECEIVED_H_INCLUDED

#include <stdbool.h>

#include "enroll/bundle.h"
#include "enroll/generation.h"
#include "enroll/host_keys.h"
#include "sr/span.h"
#include "trouble.h"

/* A bundle as an issuer sent it, made whole with the keys of the host where it came without. */
struct received {
    struct sr_span raw;    /* what is kept: `packed`, or the bytes that came, which it borrows */
    struct sr_span packed; /* owned; empty when nothing had to be added */
    struct bundle bundle;
};

/*
 * Keeps `raw` before it looks at it, as the token may be spent with it; reads it, with
 * `config_name` as bundle_read() wants it; and if it has no secrets, adds those of `keys` (NULL:
 * there are none) and keeps the whole. On failure *ret_exit is of enum join_exit. received_done()
 * it in any case.
 */
bool received_take(struct generations *g, struct sr_span raw, const char *config_name,
    const struct host_keys *keys, struct received *out, int *ret_exit, struct trouble *trouble);

/* Wipes and frees. */
void received_done(struct received *received);

/* Says what is wrong with a sentence that ends with a full stop, as those of bundles and tokens. */
bool received_say(
    struct trouble *trouble, const char *cause, const char *detail, const char *remedy);

#endif
