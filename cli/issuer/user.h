/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_USER_H_INCLUDED
#define CLI_ISSUER_USER_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "issuer/store.h"
#include "sr/nkey.h"

/*
 * Users of an account: a token signed by the scoped key of their role, which alone says what they
 * may do; the token has no permissions and no limits.
 */

#define USER_NAME_MAX 96

/* What to make. Borrowed for the call. */
struct user_draft {
    const char *account;
    const char *name;       /* one token of a subject: its inbox is _INBOX.NAME.> */
    const char *role;       /* of sr/suite.h, or ACCOUNT_ROLE_PLATFORM */
    const char *public_key; /* "U...": a key that was born on the host; NULL makes a pair */
    uint64_t expires_s;     /* 0: never */
    bool spare_former;      /* the key that the name had is for the caller to revoke, later */
};

/* What was made. user_made_done() wipes and frees. */
struct user_made {
    char key[SR_NKEY_PUBLIC_LEN + 1];
    char *jwt;
    char seed[SR_NKEY_SEED_LEN + 1]; /* empty for a key that was born elsewhere; kept nowhere */
};

/*
 * Makes a user, or, where `name` is of a user already with the key `public_key`, a new token for
 * it. A name whose user has another key is taken over: the old key is revoked (account_push() is
 * the caller's). Refuses a key that was revoked or has another role, and suspended accounts. Part
 * of the caller's transaction.
 */
bool user_create(struct store *store, const struct user_draft *draft, struct user_made *ret_user,
    struct trouble *trouble);
void user_made_done(struct user_made *user);

/*
 * A user of the platform's role that is written down nowhere and ends in five minutes, for work
 * that this program does in the account by itself.
 */
bool user_borrow(
    struct store *store, const char *account, struct user_made *ret_user, struct trouble *trouble);

/* Revokes by name; again is success. account_push() is the caller's, behind its commit. */
bool user_revoke(
    struct store *store, const char *account, const char *name, struct trouble *trouble);

enum user_state {
    USER_ACTIVE,
    USER_REVOKED,
    USER_EXPIRED,
    USER_ROTATED, /* the signing key of its role was replaced */
};

/* The name of a state, static. */
const char *user_state_name(enum user_state state);

struct user {
    char account[33];
    char name[USER_NAME_MAX + 1];
    char role[32];
    char key[SR_NKEY_PUBLIC_LEN + 1];
    enum user_state state;
    uint64_t created_s; /* when its newest token was issued */
    uint64_t expires_s; /* 0: never */
};

/* Called for each user of the account, or of all when it is NULL, by account and name. */
typedef void user_cb(void *arg, const struct user *user);
bool user_list(
    struct store *store, const char *account, user_cb *cb, void *arg, struct trouble *trouble);

#endif
