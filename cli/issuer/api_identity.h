/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_API_IDENTITY_H_INCLUDED
#define CLI_ISSUER_API_IDENTITY_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "issuer/store.h"

/* By what the enrolment interface proves who it is. The key is a secret: api_identity_done(). */
struct api_identity {
    char *certificate; /* PEM, its issuers behind it */
    char *key;         /* PEM */
    uint64_t renew_s;  /* Unix seconds when it is to be renewed; 0: that is not ours to do */
};

/* From files. Refuses a key that everybody may read. */
bool api_identity_read(const char *certificate_file, const char *key_file,
    struct api_identity *ret_identity, struct trouble *trouble);

/*
 * The one of our own authority for the host of the setting "api_url", with the root behind it as
 * clients may know only that one's pin; kept sealed in the store. Issues it when it is not there,
 * is for another host, or two thirds of its time are over; then *ret_issued (may be NULL) is true.
 */
bool api_identity_own(struct store *store, uint64_t now_s, struct api_identity *ret_identity,
    bool *ret_issued, struct trouble *trouble);

/* Wipes and frees. */
void api_identity_done(struct api_identity *identity);

#endif
