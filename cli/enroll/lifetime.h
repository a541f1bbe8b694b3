/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_LIFETIME_H_INCLUDED
#define CLI_ENROLL_LIFETIME_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/* From when until when a credential is good, in Unix seconds. */
struct lifetime {
    char name[128]; /* whose: the user's name, or the certificate's common name */
    uint64_t from_s;
    uint64_t until_s; /* 0: for ever */
};

enum lifetime_state {
    LIFETIME_GOOD,
    LIFETIME_RENEW,   /* over two thirds are gone: the moment to renew */
    LIFETIME_SOON,    /* over nine tenths are gone */
    LIFETIME_NOT_YET, /* it begins in the future */
    LIFETIME_EXPIRED,
};

/* The user's token of a credentials file, or alone. False when there is none that is intact. */
bool lifetime_of_creds(struct sr_span creds, struct lifetime *ret_lifetime);
bool lifetime_of_token(struct sr_span token, struct lifetime *ret_lifetime);

/*
 * The `index`-th certificate of a PEM file; false at its end, or when it is damaged. A date that
 * Unix time has no number for is for ever (RFC 5280, section 4.1.2.5: 99991231235959Z).
 */
bool lifetime_of_certificate(struct sr_span pem, size_t index, struct lifetime *ret_lifetime);

enum lifetime_state lifetime_at(const struct lifetime *lifetime, uint64_t now_s);

/* A word for scripts: "good", "renew", "soon", "not-yet", "expired", static. */
const char *lifetime_word(enum lifetime_state state);

/* "until 2027-01-31 12:00 UTC, 70 days left", "for ever", "expired 2026-...". Returns `out`. */
const char *lifetime_tell(const struct lifetime *lifetime, uint64_t now_s, char out[128]);

/* Seconds as "2027-01-31 12:00 UTC". Returns `out`. */
const char *lifetime_date(uint64_t time_s, char out[32]);

#endif
