/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_ACCOUNT_PARTS_H_INCLUDED
#define CLI_ISSUER_ACCOUNT_PARTS_H_INCLUDED

#include "issuer/account.h"

/* What the files of accounts share; account.h is for everybody else. */

#define ACCOUNT_MEMORY_CAUSE "out of memory"
#define ACCOUNT_MEMORY_REMEDY "free memory and run it again"

/*
 * The rows of revocations that the token of account ?1 has to name at ?2 seconds: not those of keys
 * whose every token has expired, which the server refuses without. Its clock may be behind ours.
 */
#define ACCOUNT_REVOCATIONS                                                                        \
    " FROM revocation WHERE account = ?1 AND key NOT IN"                                           \
    " (SELECT key FROM key_end WHERE ends_s < ?2 - 86400)"

/* Ends the transaction: commits when `good`, else rolls back. Returns whether all is well. */
bool account_finish(struct store *store, bool good, struct trouble *trouble);

/* Says that memory is out; returns false. */
bool account_no_memory(struct trouble *trouble);

/* Adds a line to the audit log on behalf of the user of this process. */
bool account_audit(struct store *store, const char *action, const char *object, const char *detail,
    struct trouble *trouble);

/*
 * When a token of the account has to be issued to count, now at the earliest: not before its
 * signing key, and behind the time at which all were revoked.
 */
bool account_issue_time(struct store *store, const char *name, const char *role,
    uint64_t *ret_time_s, struct trouble *trouble);

/* A row's first column into an int64_t, for store_query(). */
bool account_take_count(void *arg, struct sqlite3_stmt *row);

/* Makes the signing key of each role that has none. */
bool account_ensure_keys(struct store *store, const char *name, struct trouble *trouble);

/* Adds the account's rules to its claims. */
bool account_add_rules(
    struct store *store, const char *name, struct json_t *claims, struct trouble *trouble);

#endif
