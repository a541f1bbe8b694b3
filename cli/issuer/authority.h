/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_AUTHORITY_H_INCLUDED
#define CLI_ISSUER_AUTHORITY_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "issuer/store.h"

/*
 * The issuer's certificate authority: a root, an intermediate for each tenant (path length 0), and
 * leaves whose common name is <component>.<partition>.<tenant>.serviceradar.
 */

#define AUTHORITY_PEM_MAX 16384

/* Makes the root when it is not there; `account` "" or a tenant's intermediate otherwise. */
bool authority_ensure(struct store *store, const char *account, struct trouble *trouble);

/* What to issue. Borrowed for the call. Exactly one of `csr` and a key made here. */
struct authority_draft {
    const char *account; /* whose intermediate signs; "" the root's own: the server's, the API's */
    const char *component; /* one DNS label: "trapd-1f2e3d4c" */
    const char *partition; /* one DNS label: the site */
    const char *csr;       /* PEM, its own signature checked; only its key is taken. NULL: none */
    const char *alternative_names; /* beyond those of the rule, as "DNS:a, IP:127.0.0.1", or NULL */
    bool server;                   /* for servers (and clients); else for clients only */
    unsigned days;
};

/* What was issued. authority_made_done() wipes and frees. */
struct authority_made {
    char serial[64];
    char *certificate; /* PEM */
    char *key;         /* PEM, NULL with a CSR; kept nowhere */
    char *chain;       /* PEM: intermediate and root; only the root where the root signed */
    uint64_t expires_s;
};

/* Issues a leaf. Part of the caller's transaction. */
bool authority_issue(struct store *store, const struct authority_draft *draft,
    struct authority_made *ret_made, struct trouble *trouble);
void authority_made_done(struct authority_made *made);

/* Marks a certificate as revoked; the CRL has it from then on. Again is success. */
bool authority_revoke(
    struct store *store, const char *serial, const char *reason, struct trouble *trouble);

/* The root's certificate as PEM: free() it. And the SHA-256 of its SubjectPublicKeyInfo. */
bool authority_root(
    struct store *store, char **ret_pem, uint8_t ret_pin[32], struct trouble *trouble);

#endif
