/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_LIFETIME_H_INCLUDED
#define ENROLL_LIFETIME_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/span.h"

/* From when to when something is valid, Unix seconds. `until_s` 0: for ever; both 0: unknown. */
struct lifetime {
    uint64_t from_s, until_s;
};

/* That of the user's token in credentials: from `iat` to `exp`, also when it has passed. */
struct lifetime lifetime_of_creds(struct sr_span creds);

/* That of the first certificate in PEM. */
struct lifetime lifetime_of_certificate(struct sr_span pem);

/*
 * Whether it is time to renew: two thirds have passed, so that there is a third left to find out
 * that renewing does not work. An unknown lifetime is due.
 */
bool lifetime_is_due(const struct lifetime *life, uint64_t now_s);

#endif
