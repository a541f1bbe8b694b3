/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_RENEWAL_H_INCLUDED
#define ENROLL_RENEWAL_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "enroll/fetch.h"
#include "enroll/host_keys.h"
#include "enroll/record.h"
#include "sr/buf.h"
#include "sr/nkeypair.h"
#include "trouble.h"

/*
 * Asking the issuer for a renewal: new keys of the host, signed for with the key of the user that
 * the collector has now. When an earlier run got no answer, the issuer may have gone on to the keys
 * of that run: they are kept and sign the second attempt.
 */

/* What to renew. Borrowed. */
struct renewal_order {
    const char *root;
    const struct record *record;
    uint64_t now_s;
    unsigned timeout_s;
};

/* What came back, for received_take(). Owned: renewal_done(). */
struct renewal {
    struct host_keys *keys;
    struct fetched fetched;
};

/* On failure *ret_exit is of enum join_exit. `ret_renewal` is written always. */
bool renewal_fetch(const struct renewal_order *order, struct renewal *ret_renewal, int *ret_exit,
    struct trouble *trouble);
void renewal_done(struct renewal *renewal);

/* Whether a renewal was begun and not ended: what is in place may be revoked already. */
bool renewal_pending(const struct renewal_order *order);

/* The new keys are in place: the kept ones may go. */
bool renewal_forget(const struct renewal_order *order, struct trouble *trouble);

/*
 * Appends the signed body of docs/enrolment-api.md: {"time", "csr", "nkey", "signature"}. False
 * when the library fails or `out` is too small.
 */
bool renewal_body(const char *package_id, uint64_t time_s, const struct host_keys *keys,
    const struct sr_nkeypair *signer, struct sr_buf *out);

#endif
