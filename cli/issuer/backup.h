/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_BACKUP_H_INCLUDED
#define CLI_ISSUER_BACKUP_H_INCLUDED

#include <stdbool.h>

#include "issuer/store.h"
#include "sr/span.h"

/*
 * Backups: a copy of the database as it is at one moment, while others may write on. Its secrets
 * stay sealed, so that it is of no use without the master key. On demand that is in it too, sealed
 * with a key from a passphrase (scrypt). 40 bytes behind the database are a mark and an HMAC-SHA256
 * with the master key: SQLite does not look at them, and a backup that was cut or altered is
 * refused.
 */

#define BACKUP_PASSPHRASE_MIN 12 /* bytes; a machine can try a short one in no time */
#define BACKUP_PASSPHRASE_MAX 1024

/*
 * Writes the new file `path` (0600). With a passphrase (data not NULL) the master key is in it.
 * EEXIST when there is such a file: an older backup is not overwritten.
 */
bool backup_write(
    struct store *store, const char *path, struct sr_span passphrase, struct trouble *trouble);

/*
 * Makes a store of the backup `path` in a folder that has none (it is made when it is absent), and
 * opens it. The master key must be in its place and fit; with a passphrase it comes from the backup
 * and is put there. Nothing is left of it when this fails. Owned: store_close().
 */
bool backup_restore(const struct store_place *place, const char *path, struct sr_span passphrase,
    struct store **ret_store, struct trouble *trouble);

#endif
