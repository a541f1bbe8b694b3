/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_STORE_H_INCLUDED
#define CLI_ISSUER_STORE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/nkeypair.h"
#include "sr/span.h"
#include "trouble.h"

/*
 * What the issuer remembers: DIR/state.db, an SQLite database whose tables are in schema.c. Seeds
 * and private keys are sealed in it with AES-256-GCM under the 32 bytes of the master key file,
 * each with a nonce of its own and with its kind and name as associated data, so that one cannot be
 * put in another's place. Without the master key the database is of no use to a thief, and without
 * the database the master key is. The file holds it as 64 hexadecimal digits and a line's end.
 *
 * One thread uses a store at a time; several processes may have the same one open (`serve` and a
 * command): SQLite's lock keeps them apart, with 10 s of patience. All functions that return bool
 * say why not in `trouble`, written only when they return false.
 */

#define STORE_DIR_ABOVE "/var/lib/serviceradar"
#define STORE_DIR_DEFAULT STORE_DIR_ABOVE "/provision"
#define STORE_DIR_ENVIRONMENT "SERVICERADAR_PROVISION_DIR"
#define STORE_MASTER_BYTES 32
#define STORE_SECRET_MAX 16384 /* bytes of one secret: an RSA key in PEM has some 3,300 */
#define STORE_NAME_MAX 128

struct sqlite3_stmt;
struct store;

/* Where a store is. Borrowed for the call. */
struct store_place {
    const char *dir;         /* NULL: the environment's, or STORE_DIR_DEFAULT */
    const char *master_file; /* NULL: DIR/master.key */
};

/*
 * Makes the folder (0700; its parent must exist), the master key (random, 0600; one that is there
 * is used) and the empty database (0600). Refuses a folder that has a database already. Owned:
 * store_close().
 */
bool store_create(
    const struct store_place *place, struct store **ret_store, struct trouble *trouble);

/*
 * Opens a store, and brings an older schema up to date. Refuses a master key or database that
 * others than its owner can read or that is a link (ELOOP), and a master key that is of another
 * database (ESTALE). Owned: store_close().
 */
bool store_open(const struct store_place *place, struct store **ret_store, struct trouble *trouble);

/* Wipes the master key and closes; rolls back what was not committed. NULL is allowed. */
void store_close(struct store *store);

/* The folder, absolute. Borrowed. */
const char *store_dir(const struct store *store);

/*
 * A transaction that writes (BEGIN IMMEDIATE). Nests: only the outermost commits, and a rollback
 * inside makes the outermost commit fail. After a store_commit() that failed the transaction is
 * gone: no store_rollback() then.
 */
bool store_begin(struct store *store, struct trouble *trouble);
bool store_commit(struct store *store, struct trouble *trouble);
void store_rollback(struct store *store);

/*
 * Runs one statement with its values bound in order. `types` has one letter for each: `t` const
 * char * (NULL is SQL's NULL), `i` int64_t, `b` struct sr_span (a blob). `ret_changes` (rows
 * changed) may be NULL.
 */
bool store_run(struct store *store, struct trouble *trouble, int *ret_changes, const char *sql,
    const char *types, ...);

/* Called for each row; columns are read with sqlite3_column_*(). False ends the query early. */
typedef bool store_row_cb(void *arg, struct sqlite3_stmt *row);

/* Queries rows, with values bound as by store_run(). `ret_rows` (rows seen) may be NULL. */
bool store_query(struct store *store, struct trouble *trouble, store_row_cb *cb, void *arg,
    int *ret_rows, const char *sql, const char *types, ...);

/* Copies a text column, empty for SQL's NULL, cut at `size` - 1 bytes. */
void store_text(struct sqlite3_stmt *row, int column, char *out, size_t size);

/* Keeps a secret sealed, in the place of an older one of that kind and name. */
bool store_keep_secret(struct store *store, const char *kind, const char *name,
    struct sr_span secret, struct trouble *trouble);

/*
 * Unseals a secret into `out` (STORE_SECRET_MAX bytes): wipe it with OPENSSL_cleanse. Fails also
 * when it was altered, or is absent.
 */
bool store_secret(struct store *store, const char *kind, const char *name,
    uint8_t out[STORE_SECRET_MAX], size_t *ret_len, struct trouble *trouble);

/* Forgets a secret; absence is success. */
bool store_drop_secret(
    struct store *store, const char *kind, const char *name, struct trouble *trouble);

/* The same for the seeds of key pairs, kind "nkey": `name` says whose, as "account/acme". */
bool store_keep_pair(
    struct store *store, const char *name, const struct sr_nkeypair *pair, struct trouble *trouble);
bool store_pair(
    struct store *store, const char *name, struct sr_nkeypair *ret_pair, struct trouble *trouble);

/* A setting in the table `meta`: "operator", "server_url", ... Absent ones are the empty text. */
bool store_setting(
    struct store *store, const char *name, char *out, size_t size, struct trouble *trouble);
bool store_set(struct store *store, const char *name, const char *value, struct trouble *trouble);

/*
 * Adds a line to the audit log: who did what to what, and a few words that hold no secret. Call it
 * in the transaction of the deed, so that neither is without the other.
 */
bool store_audit(struct store *store, const char *actor, const char *action, const char *object,
    const char *detail, struct trouble *trouble);

/*
 * Who runs this process, for the audit log: the user's name, "alice (sudo)" for root by sudo, or
 * "uid 123" where it has no name. A hint for honest people, not a proof.
 */
void store_actor(char out[STORE_NAME_MAX]);

/* The time in Unix seconds. */
uint64_t store_now(void);

#endif
