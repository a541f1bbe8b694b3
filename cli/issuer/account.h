/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_ACCOUNT_H_INCLUDED
#define CLI_ISSUER_ACCOUNT_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "issuer/store.h"
#include "sr/nkey.h"

struct json_t;

/*
 * Tenants as NATS accounts: their keys, limits, mappings, exports and revocations, the token that
 * says all of it, and its way to the server. Functions that return bool say why not in `trouble`.
 * Those that change an account sign its token anew and are part of the caller's transaction, or of
 * one of their own; account_push() comes behind the commit, as it asks the network.
 *
 * A suspended account is one whose token refuses every user ("*" is revoked until the year 9999).
 * nats-server 2.9.10 then closes all connections of the account at once, and the same tokens work
 * again as soon as an account token without that is pushed; streams keep what they hold. The other
 * way that suggests itself, a limit of 0 connections, is not used: that server counts its own
 * JetStream clients among the connections and closes them too, and the account's streams then store
 * nothing until the server is restarted. A limit that is lower than what is connected does the
 * same.
 */

#define ACCOUNT_NAME_MAX 32 /* [a-z0-9-]: one token of a subject and one DNS label */

/* The role of users who may do everything within their account: the platform's. */
#define ACCOUNT_ROLE_PLATFORM "platform"

/*
 * The role of the servers of sites. It has no signing key until account_add_role() makes one: most
 * tenants have no such site.
 */
#define ACCOUNT_ROLE_LEAF "leaf"

/* nats-server before this refuses an account token with a wildcard in a mapping's destination. */
#define ACCOUNT_WILDCARD_VERSION "2.9.22"
#define ACCOUNT_VERSION_MAX 32

struct account {
    char name[ACCOUNT_NAME_MAX + 1];
    char key[SR_NKEY_PUBLIC_LEN + 1];
    bool suspended;
    uint64_t created_s;
    uint64_t signed_s;
    uint64_t pushed_s; /* when the token was signed that the server has; 0: none */
};

/* Makes an account with one scoped signing key for each role of sr/suite.h and the platform's. */
bool account_create(
    struct store *store, const char *name, struct account *ret_account, struct trouble *trouble);

/* Finds one: false with a remedy that names the nearest when there is none. */
bool account_find(
    struct store *store, const char *name, struct account *ret_account, struct trouble *trouble);

/* Called for each account, by name. */
typedef void account_cb(void *arg, const struct account *account);
bool account_list(struct store *store, account_cb *cb, void *arg, struct trouble *trouble);

/* The account's token as it was signed last: free() it. */
bool account_token(
    struct store *store, const char *name, char **ret_token, struct trouble *trouble);

/* The signing key of a role that is in force. Secret: sr_nkeypair_done(). */
bool account_signing_key(struct store *store, const char *name, const char *role,
    struct sr_nkeypair *ret_pair, struct trouble *trouble);

/* Makes the signing key of a role that has none, and signs; `*ret_made` tells whether it did. */
bool account_add_role(struct store *store, const char *name, const char *role, bool *ret_made,
    struct trouble *trouble);

/* Whether `role` is one of sr/suite.h, the platform's, or that of the servers of sites. */
bool account_knows_role(const char *role);

/*
 * Signs the account's token anew from what the database says. Makes the signing key of a role that
 * has none. `iat` is later each time, since servers of a cluster keep the later of two tokens.
 */
bool account_sign(struct store *store, const char *name, struct trouble *trouble);

/*
 * Puts a new signing key in the place of the role's old one. All tokens that the old one signed are
 * refused from the push on, and their connections closed.
 */
bool account_rotate(
    struct store *store, const char *name, const char *role, struct trouble *trouble);

/* Refuses all users of the account, or lets them in again. Again is success. */
bool account_suspend(
    struct store *store, const char *name, bool suspended, struct trouble *trouble);

/*
 * Refuses all tokens of the user `key` ("U...", or "*") that were issued until now, and signs. Call
 * account_push() behind it, outside of the transaction: it asks the network.
 */
bool account_revoke_user(
    struct store *store, const char *name, const char *key, struct trouble *trouble);

/* ---- What an account may use (account_limits.c) ---- */

/*
 * The limits as the token has them: "conn", "disk_storage", "mem_storage", ...; -1 is none, for the
 * two of single streams 0. Owned: json_decref().
 */
bool account_limits(
    struct store *store, const char *name, struct json_t **ret_limits, struct trouble *trouble);
bool account_set_limits(
    struct store *store, const char *name, const struct json_t *limits, struct trouble *trouble);

/*
 * What all accounts together make the server set aside, used or not. JetStream is refused to an
 * account for which nothing is left of the server's max_file_store or max_memory_store.
 */
struct account_reserve {
    int64_t disk, memory; /* bytes */
};
bool account_reserved(
    struct store *store, struct account_reserve *ret_reserve, struct trouble *trouble);

/* ---- Mappings and exports beyond those of the suite (account_rules.c) ---- */

/*
 * Maps `from` to `to`, or to "NAME." and itself when that is NULL. A ">" at the end of both needs a
 * server of ACCOUNT_WILDCARD_VERSION: `server_version` says which it is, NULL that it is unknown.
 */
bool account_map(struct store *store, const char *name, const char *from, const char *to,
    const char *server_version, struct trouble *trouble);

/* Offers a subject below "NAME." to other accounts: `type` is "stream" or "service". */
bool account_export(struct store *store, const char *name, const char *subject, const char *type,
    struct trouble *trouble);

/* Takes back what account_map() or account_export() made: `kind` is "mapping" or "export". */
bool account_drop_rule(struct store *store, const char *name, const char *kind, const char *subject,
    struct trouble *trouble);

/* Called for each; `rule` is {"to": ...} or {"type": ...}, borrowed. */
typedef void account_rule_cb(
    void *arg, const char *kind, const char *subject, const struct json_t *rule);
bool account_rules(
    struct store *store, const char *name, account_rule_cb *cb, void *arg, struct trouble *trouble);

/* ---- The way to the server (account_push.c) ---- */

/*
 * Brings the account's token to the server ($SYS.REQ.CLAIMS.UPDATE) and reads it back (LOOKUP).
 * With a memory resolver it fails with the remedy to rewrite the file and reload.
 */
bool account_push(struct store *store, const char *name, struct trouble *trouble);

/* Asks the server for its version, as "2.9.10". */
bool account_server_version(
    struct store *store, char ret_version[ACCOUNT_VERSION_MAX], struct trouble *trouble);

#endif
