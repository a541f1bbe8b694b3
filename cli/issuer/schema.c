/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/schema.h"

#include "sr/banned.h"

static const char first[] =
    /* Settings by name: operator, server_url, server_ca, api_url, ... */
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"

    /* Seeds and private keys, sealed; see store.h. */
    "CREATE TABLE secret (kind TEXT NOT NULL, name TEXT NOT NULL, nonce BLOB NOT NULL,"
    " sealed BLOB NOT NULL, PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;"

    /* Tenants. `limits` is a JSON object; `jwt` is the last one signed. */
    "CREATE TABLE account (name TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE,"
    " state TEXT NOT NULL CHECK (state IN ('active', 'suspended')), created_s INTEGER NOT NULL,"
    " limits TEXT NOT NULL, jwt TEXT NOT NULL, signed_s INTEGER NOT NULL,"
    " pushed_s INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"

    /* One scoped signing key for each role of an account; a rotated one stays with `retired_s`. */
    "CREATE TABLE signing_key (key TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account,"
    " role TEXT NOT NULL, created_s INTEGER NOT NULL, retired_s INTEGER) STRICT, WITHOUT ROWID;"

    /* Mappings and exports beyond those that every account has. `rule` is JSON. */
    "CREATE TABLE account_rule (account TEXT NOT NULL REFERENCES account,"
    " kind TEXT NOT NULL CHECK (kind IN ('mapping', 'export')), subject TEXT NOT NULL,"
    " rule TEXT NOT NULL, PRIMARY KEY (account, kind, subject)) STRICT, WITHOUT ROWID;"

    /* Users whose tokens issued at or before `at_s` are refused; `key` \"*\" is everybody. */
    "CREATE TABLE revocation (account TEXT NOT NULL REFERENCES account, key TEXT NOT NULL,"
    " at_s INTEGER NOT NULL, PRIMARY KEY (account, key)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE user (key TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account,"
    " name TEXT NOT NULL, role TEXT NOT NULL, created_s INTEGER NOT NULL, expires_s INTEGER,"
    " revoked_s INTEGER, UNIQUE (account, name)) STRICT, WITHOUT ROWID;"

    /* The root has account ''; each tenant has an intermediate. Keys are secrets of kind \"ca\". */
    "CREATE TABLE authority (account TEXT PRIMARY KEY, certificate TEXT NOT NULL,"
    " created_s INTEGER NOT NULL, expires_s INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE certificate (serial TEXT PRIMARY KEY, account TEXT NOT NULL,"
    " common_name TEXT NOT NULL, pem TEXT NOT NULL, created_s INTEGER NOT NULL,"
    " expires_s INTEGER NOT NULL, revoked_s INTEGER, reason TEXT) STRICT, WITHOUT ROWID;"

    /*
     * `type` is a role of sr/suite.h. `user_key` and `serial` are of the newest credentials; empty
     * until somebody fetched them. `host` is what the one that fetched them said of itself.
     */
    "CREATE TABLE collector (id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account,"
    " type TEXT NOT NULL, site TEXT NOT NULL, hostname TEXT NOT NULL, overrides TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('pending', 'ready', 'downloaded', 'installed',"
    " 'failed', 'revoked')), created_s INTEGER NOT NULL, changed_s INTEGER NOT NULL,"
    " user_key TEXT NOT NULL DEFAULT '', serial TEXT NOT NULL DEFAULT '',"
    " host TEXT NOT NULL DEFAULT '', renewed_s INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"

    /* Credentials that a renewal replaced and that are good until `until_s`: one of a collector. */
    "CREATE TABLE former (collector TEXT PRIMARY KEY REFERENCES collector,"
    " key TEXT NOT NULL UNIQUE, serial TEXT NOT NULL, until_s INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"

    /* `secret` is the SHA-256 of the token's secret, in lower-case hexadecimal. */
    "CREATE TABLE token (secret TEXT PRIMARY KEY, collector TEXT NOT NULL REFERENCES collector,"
    " version INTEGER NOT NULL, created_s INTEGER NOT NULL, expires_s INTEGER NOT NULL,"
    " used_s INTEGER, spent_s INTEGER) STRICT, WITHOUT ROWID;"

    "CREATE TABLE audit (id INTEGER PRIMARY KEY, at_s INTEGER NOT NULL, actor TEXT NOT NULL,"
    " action TEXT NOT NULL, object TEXT NOT NULL, detail TEXT NOT NULL) STRICT;";

/* When the last token of a user's key expires; NULL: never, or nobody wrote it down. */
static const char ends_of_keys[] =
    "CREATE TABLE key_end (key TEXT PRIMARY KEY, ends_s INTEGER) STRICT, WITHOUT ROWID;"
    "INSERT INTO key_end SELECT key, NULL FROM user UNION SELECT key, NULL FROM former;";

const char *const schema_steps[SCHEMA_VERSION] = { first, ends_of_keys };
