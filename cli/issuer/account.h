/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_ACCOUNT_H_INCLUDED
#define CLI_ISSUER_ACCOUNT_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "issuer/store.h"
#include "sr/nkey.h"

/*
 * Tenants as NATS accounts: their keys, limits, mappings, exports and revocations, the token that
 * says all of it, and its way to the server. Functions that return bool say why not in `trouble`.
 */

#define ACCOUNT_NAME_MAX 32 /* [a-z0-9-]: one token of a subject and one DNS label */

/* The role of users who may do everything within their account: the platform's. */
#define ACCOUNT_ROLE_PLATFORM "platform"

struct account {
    char name[ACCOUNT_NAME_MAX + 1];
    char key[SR_NKEY_PUBLIC_LEN + 1];
    bool suspended;
    uint64_t created_s;
    uint64_t signed_s;
    uint64_t pushed_s; /* 0: never */
};

/* Makes an account with one scoped signing key for each role of sr/suite.h and the platform's. */
bool account_create(
    struct store *store, const char *name, struct account *ret_account, struct trouble *trouble);

/* Finds one: false with a remedy that names the nearest when there is none. */
bool account_find(
    struct store *store, const char *name, struct account *ret_account, struct trouble *trouble);

/* The signing key of a role that is in force. Secret: sr_nkeypair_done(). */
bool account_signing_key(struct store *store, const char *name, const char *role,
    struct sr_nkeypair *ret_pair, struct trouble *trouble);

/* Signs the account's token anew from what the database says. Part of the caller's transaction. */
bool account_sign(struct store *store, const char *name, struct trouble *trouble);

/*
 * Refuses all tokens of the user `key` ("U...", or "*") that were issued until now, and signs. Call
 * account_push() behind it, outside of the transaction: it asks the network.
 */
bool account_revoke_user(
    struct store *store, const char *name, const char *key, struct trouble *trouble);

/*
 * Brings the account's token to the server ($SYS.REQ.CLAIMS.UPDATE) and reads it back (LOOKUP).
 * With a memory resolver it fails with the remedy to rewrite the file and reload.
 */
bool account_push(struct store *store, const char *name, struct trouble *trouble);

#endif
