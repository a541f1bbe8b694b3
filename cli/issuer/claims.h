/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_CLAIMS_H_INCLUDED
#define CLI_ISSUER_CLAIMS_H_INCLUDED

#include <stdint.h>

#include "sr/suite.h"

struct json_t;

/*
 * The claims of NATS tokens (version 2), unsigned. All return an owned object for sr_jwt_sign and
 * then json_decref(), or NULL without memory. Keys are public nkeys as text; all is copied.
 */

/* An operator whose server keeps its own events in the account `system_key`. */
struct json_t *claims_operator(const char *name, const char *key, const char *system_key);

/* The system account: no JetStream; lets the tools of the platform look up and push accounts. */
struct json_t *claims_system(const char *name, const char *key);

/*
 * A tenant's account. Every subject of the suite maps to "NAME." and itself, one by one, as servers
 * before 2.9.22 refuse wildcards there. `signing_key` may sign users. Its JetStream may take
 * `disk_bytes`, which the server sets aside for it.
 */
struct json_t *claims_tenant(
    const char *name, const char *key, const char *signing_key, int64_t disk_bytes);

/*
 * An account to fill in with the functions below. `limits` is the object of NATS limits ("conn",
 * "disk_storage", ...), borrowed; claims_default_limits() makes one.
 */
struct json_t *claims_account(const char *name, const char *key, const struct json_t *limits);

/* What an account may use from its beginning; `disk_bytes` are set aside for it by the server. */
struct json_t *claims_default_limits(int64_t disk_bytes);

/*
 * A scoped signing key: users that it signs may do what `role` may in the account `tenant`, publish
 * on the mapped subjects and their dead letters and hear "_INBOX.<name of the user>.>"; everything
 * when `role` is NULL. `role_name` is a note for people. -1 without memory.
 */
int claims_add_role(struct json_t *account, const char *signing_key, const char *role_name,
    const char *tenant, const struct sr_suite_role *role);

/*
 * As that, for the servers of sites, whose users are named after their JetStream domain: such a
 * user answers the interface of its own JetStream and delivers what the account's streams fetch
 * from it. It publishes no record and hears none. -1 without memory.
 */
int claims_add_leaf_role(struct json_t *account, const char *signing_key, const char *role_name);

/* Maps every subject of the suite, and its dead letters, to "TENANT." and itself. -1 without
 * memory.
 */
int claims_map_suite(struct json_t *account, const char *tenant);

/* Maps one subject more. -1 without memory. */
int claims_map(struct json_t *account, const char *from, const char *to);

/* Offers `subject` to other accounts: `type` is "stream" or "service". -1 without memory. */
int claims_export(struct json_t *account, const char *subject, const char *type);

/* Refuses tokens of the user `key` ("*": of all) that were issued until `at_s`. -1 without memory.
 */
int claims_revoke(struct json_t *account, const char *key, int64_t at_s);

/* A user whose permissions and limits are those of the scoped key that signs it. */
struct json_t *claims_scoped_user(const char *name, const char *key, const char *account_key);

/* A user of the account `account_key`, for one of its signing keys to sign; without permissions. */
struct json_t *claims_user(const char *name, const char *key, const char *account_key);

/*
 * Lets a user publish on the mapped subjects of `role` and their dead letters, and hear only
 * "_INBOX.USER.>": the server checks permissions after mapping. -1 without memory.
 */
int claims_allow_role(struct json_t *user, const char *user_name, const char *tenant,
    const struct sr_suite_role *role);

/* Lets a user publish and subscribe everything of its account. -1 without memory. */
int claims_allow_all(struct json_t *user);

/*
 * Lets a user of the system account push account tokens, read them back, list and delete them, and
 * ask the server for its version and what it knows of an account; nothing else. -1 without memory.
 */
int claims_allow_push(struct json_t *user);

/* Lets `key` sign what the operator or account itself may sign. -1 without memory, or claims. */
int claims_add_signer(struct json_t *claims, const char *key);

/*
 * From then on an operator's servers take only what a signing key signed: the seeds of operator and
 * accounts themselves are of no use to a thief. -1 without memory, or claims.
 */
int claims_be_strict(struct json_t *claims);

/* The token ends at `expires_s`, Unix seconds. -1 without memory. */
int claims_expire(struct json_t *claims, uint64_t expires_s);

#endif
