/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_OPERATOR_H_INCLUDED
#define CLI_ISSUER_OPERATOR_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/store.h"
#include "sr/nkey.h"

/*
 * The operator: the root of all trust in accounts. Its identity key signs nothing but the
 * operator's own token, which names the signing key; that signs accounts. So the identity's seed
 * can leave the host (operator_detach), and what a thief of the host can do ends with a new signing
 * key. Tokens demand signing keys everywhere (strict_signing_key_usage).
 *
 * Public facts are settings: "operator" (its name), "operator_key", "operator_signing_key",
 * "operator_jwt", "system_key", "system_jwt", "system_user", "server_url", "api_url". Sealed are
 * the pairs "operator/identity", "operator/signing", "system/identity", "system/signing" and the
 * credentials file of the system user, kind "creds" and name "system".
 */

#define OPERATOR_NAME_MAX 64
#define OPERATOR_URL_MAX 256
#define OPERATOR_TOKEN_MAX 8192
#define OPERATOR_CREDS_MAX STORE_SECRET_MAX

struct operator_facts {
    char name[OPERATOR_NAME_MAX + 1];
    char key[SR_NKEY_PUBLIC_LEN + 1]; /* "O...": what servers trust */
    char signing_key[SR_NKEY_PUBLIC_LEN + 1];
    char system_key[SR_NKEY_PUBLIC_LEN + 1];  /* "A...": the server's own account */
    char system_user[SR_NKEY_PUBLIC_LEN + 1]; /* "U...": this issuer, at the server */
    char server_url[OPERATOR_URL_MAX + 1];
    char api_url[OPERATOR_URL_MAX + 1];
    bool detached; /* the identity's seed is not here */
};

/* What to make. Borrowed. */
struct operator_draft {
    const char *name;       /* 1 to 64 of letters, digits, ' ', '.', '_' and '-' */
    const char *server_url; /* tls://HOST[:PORT], where collectors publish */
    const char *api_url;    /* https://HOST[:PORT], where they enroll */
};

/*
 * Takes SCHEME://HOST[:PORT] apart; an IPv6 address is in brackets, which are left out. The port is
 * 0 where there is none. False for anything else.
 */
bool operator_split_url(const char *url, char ret_host[OPERATOR_URL_MAX + 1], uint16_t *ret_port);

/* Whether a draft is as above: EINVAL. Asks no store. */
bool operator_check(const struct operator_draft *draft, struct trouble *trouble);

/*
 * Makes operator, system account and system user. EINVAL for a draft that is not as above,
 * EEXIST when there is an operator. Part of the caller's transaction, or of one of its own.
 */
bool operator_create(
    struct store *store, const struct operator_draft *draft, struct trouble *trouble);

/* Tells of the operator: ENOENT when there is none. */
bool operator_tell(struct store *store, struct operator_facts *ret_facts, struct trouble *trouble);

/* Other URLs; NULL leaves one as it is. EINVAL as operator_create(). */
bool operator_set_urls(
    struct store *store, const char *server_url, const char *api_url, struct trouble *trouble);

/*
 * Files for connections to a server whose certificate is of another authority, kept as absolute
 * paths in the settings "server_ca_file", "server_cert_file" and "server_key_file". NULL leaves one
 * as it is, "" takes it back. A file that cannot be read is refused.
 */
struct operator_files {
    const char *ca, *cert, *key;
};
bool operator_set_files(
    struct store *store, const struct operator_files *files, struct trouble *trouble);

/* The key that signs accounts. Secret: sr_nkeypair_done(). */
bool operator_signing_pair(
    struct store *store, struct sr_nkeypair *ret_pair, struct trouble *trouble);

/*
 * Makes new signing keys for operator and system account and a new system user, and signs the
 * operator's token, the system account's and those of all accounts anew. Servers go on with the old
 * ones until they are restarted with what nats_config_write() makes of it. ENOENT when the
 * identity's seed is not here. Part of the caller's transaction, or of one of its own.
 */
bool operator_rotate(struct store *store, struct trouble *trouble);

/* Does something with each account, by name; ends with the first that fails. */
typedef bool operator_account_cb(void *arg, const char *name, struct trouble *trouble);
bool operator_each_account(struct store *store, operator_account_cb *cb, void *arg,
    size_t *ret_count, struct trouble *trouble);

/* The tokens of the operator and of the system account, NUL-terminated. */
bool operator_tokens(struct store *store, char ret_operator[OPERATOR_TOKEN_MAX],
    char ret_system[OPERATOR_TOKEN_MAX], struct trouble *trouble);

/*
 * The credentials file of the system user, who may push account tokens to a server and read them
 * back, NUL-terminated. Secret: OPENSSL_cleanse() all of it.
 */
bool operator_creds(
    struct store *store, char ret_creds[OPERATOR_CREDS_MAX + 1], struct trouble *trouble);

/*
 * Takes the identity's seed out of the store, into the new file `path` (0600, a line). It is there
 * and on the disk before it is forgotten here. ENOENT when it is not here any more.
 */
bool operator_detach(struct store *store, const char *path, struct trouble *trouble);

/* Brings it back; EINVAL for a seed that is not this operator's. */
bool operator_attach(struct store *store, const char *path, struct trouble *trouble);

#endif
