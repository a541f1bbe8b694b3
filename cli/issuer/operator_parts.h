/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_OPERATOR_PARTS_H_INCLUDED
#define CLI_ISSUER_OPERATOR_PARTS_H_INCLUDED

#include "issuer/operator.h"

/* What the files of the operator share; operator.h is for everybody else. */

/* All its keys. Secret: operator_keys_done(). */
struct operator_keys {
    struct sr_nkeypair identity, signing, system, system_signing, user;
};

void operator_keys_done(struct operator_keys *keys);

/*
 * Keeps the signing keys of operator and system account, the tokens that name them (the operator's,
 * signed by the identity, and the system account's), and the system user's credentials.
 */
bool operator_keep_signing(struct store *store, const char *name, const struct operator_keys *keys,
    struct trouble *trouble);

#endif
