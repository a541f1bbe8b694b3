/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_STORE_PARTS_H_INCLUDED
#define CLI_ISSUER_STORE_PARTS_H_INCLUDED

#include <stdarg.h>
#include <sys/types.h>

#include "files.h"
#include "issuer/seal.h"
#include "issuer/store.h"

struct sqlite3;

/* What the files of the store share; store.h is for everybody else. */

#define STORE_FILE "state.db"
#define STORE_MASTER_FILE "master.key"

struct store {
    struct sqlite3 *db;
    char dir[FILES_PATH_MAX]; /* absolute, without links */
    uint8_t master[STORE_MASTER_BYTES];
    unsigned depth; /* of nested transactions */
    bool broken;    /* a rollback happened inside of one */
    uid_t uid;      /* the owner of the folder that `db` is in */
    gid_t gid;
};

/* ---- Root in a folder of somebody else (store_owner.c) ---- */

/*
 * Root's commands work in the folder of `serve`, whose user is to have no more rights by that. A
 * journal in it can name a file elsewhere, which SQLite then removes, and links can be put where a
 * file is made. So files of that folder are only touched with the rights of its owner.
 */
struct store_rights {
    int uid, gid;
};

/* Takes the rights of the owner of the folder of `file` for what store_as_owner() is called for. */
bool store_find_owner(struct store *store, const char *file, struct trouble *trouble);

/* This thread has the file rights of the owner until store_as_before(); no change but for root. */
struct store_rights store_as_owner(const struct store *store);

void store_as_before(struct store_rights before);

/* ---- Files (store_files.c) ---- */

/* The folder of `place`, absolute and without links. It exists. */
bool store_find_dir(
    const struct store_place *place, char ret_dir[FILES_PATH_MAX], struct trouble *trouble);

/* Makes the folder of `place` with mode 0700; one that is there stays as it is. */
bool store_make_dir(const struct store_place *place, struct trouble *trouble);

/* Refuses a folder that others may write to: they could put another database there. */
bool store_check_dir(const char *dir, struct trouble *trouble);

/* Whether `path` is a file (no link) that only its owner can read. ENOENT when it is absent. */
bool store_check_file(const char *path, struct trouble *trouble);

/*
 * Gives a file that root has just made at `path` to the owner of its folder: `serve` has a user of
 * its own, and must be able to use what root's commands make there. Other users own what they make.
 */
bool store_give(int fd, const char *path, struct trouble *trouble);

/* Where the master key is: that of `place`, or in `dir`. */
bool store_master_path(const struct store_place *place, const char *dir,
    char ret_path[FILES_PATH_MAX], struct trouble *trouble);

/* Reads a master key: 64 hexadecimal digits and a line's end. The caller wipes it. */
bool store_read_master(
    const char *path, uint8_t ret_key[STORE_MASTER_BYTES], struct trouble *trouble);

/* Writes one with mode 0600 where no file is; EEXIST where one is. */
bool store_write_master(
    const char *path, const uint8_t key[STORE_MASTER_BYTES], struct trouble *trouble);

/* ---- The database (store_db.c) ---- */

/* Opens the database in `dir` into store->db, with what every connection sets. */
bool store_connect(struct store *store, const char *file, struct trouble *trouble);

/* Says what SQLite complains about; returns false. */
bool store_complain(struct store *store, int code, struct trouble *trouble);

/* Runs statements without values, one behind the other. */
bool store_execute(struct store *store, const char *sql, struct trouble *trouble);

/* The version of the schema that the database has; 0: none. */
bool store_version(struct store *store, int *ret_version, struct trouble *trouble);

/* Whether the master key in `store` is the one that its secrets are sealed with. */
bool store_check_master(struct store *store, struct trouble *trouble);

/* Keeps what store_check_master() looks for. */
bool store_mark_master(struct store *store, struct trouble *trouble);

#endif
