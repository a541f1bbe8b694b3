/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/store_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sqlite3.h>

#include "issuer/schema.h"

#include "sr/banned.h"

static struct store *
new_store(struct trouble *trouble)
{
    struct store *store = calloc(1, sizeof(*store));

    if (store == NULL) {
        (void)trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
    }
    return store;
}

void
store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    struct store_rights before = store_as_owner(store);
    (void)sqlite3_close(store->db);
    store_as_before(before);
    OPENSSL_cleanse(store, sizeof(*store));
    free(store);
}

/* Brings the schema from `version` to the newest. Part of the caller's transaction. */
static bool
upgrade(struct store *store, int version, struct trouble *trouble)
{
    char sql[96];

    for (int i = version; i < SCHEMA_VERSION; i++) {
        if (!store_execute(store, schema_steps[i], trouble)) {
            return false;
        }
    }
    (void)snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
        SCHEMA_APPLICATION, SCHEMA_VERSION);
    return store_execute(store, sql, trouble);
}

/* ---- Making one ---- */

/* Reads the key, or makes one where there is none. */
static bool
take_master(const struct store_place *place, struct store *store, struct trouble *trouble)
{
    char path[FILES_PATH_MAX];

    if (!store_master_path(place, store->dir, path, trouble)) {
        return false;
    }
    if (access(path, F_OK) == 0 || errno != ENOENT) {
        return store_read_master(path, store->master, trouble);
    }
    if (RAND_bytes(store->master, STORE_MASTER_BYTES) != 1) {
        return trouble_say(trouble, EIO, "run it again", "the system gives no randomness");
    }
    return store_write_master(path, store->master, trouble);
}

/* Makes the file, so that it never has a wider mode. One that is there may be a left-over. */
static bool
make_file(const char *file, struct trouble *trouble)
{
    int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 && errno != EEXIST) {
        return trouble_errno(trouble, errno, "make the database", file + 1);
    }
    bool given = fd < 0 || store_give(fd, file, trouble);
    if (fd >= 0) {
        (void)close(fd);
    }
    return given && store_check_file(file, trouble);
}

static bool
fill(struct store *store, struct trouble *trouble)
{
    int version = 0;

    if (!store_begin(store, trouble)) {
        return false;
    }
    bool ok = store_version(store, &version, trouble);
    if (ok && version != 0) {
        ok = trouble_say(trouble, EEXIST, "use what is there, or name another folder with --dir",
            "%s has an issuer's database already", store->dir);
    }
    ok = ok && upgrade(store, 0, trouble) && store_mark_master(store, trouble);
    if (!ok) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, trouble);
}

/* Whether the folder has a database with something in it. */
static bool
is_taken(const char *file)
{
    struct stat st;

    return lstat(file, &st) == 0 && st.st_size > 0;
}

bool
store_create(const struct store_place *place, struct store **ret_store, struct trouble *trouble)
{
    char file[FILES_PATH_MAX];
    struct store *store = new_store(trouble);

    if (store == NULL) {
        return false;
    }
    bool ok = store_make_dir(place, trouble) && store_find_dir(place, store->dir, trouble) &&
              store_check_dir(store->dir, trouble);
    if (ok && !files_path(file, "%s/" STORE_FILE, store->dir)) {
        ok = trouble_errno(trouble, errno, "use", store->dir + 1);
    }
    if (ok && is_taken(file)) {
        ok = trouble_say(trouble, EEXIST, "use what is there, or name another folder with --dir",
            "%s has an issuer's database already", store->dir);
    }
    ok = ok && take_master(place, store, trouble) && make_file(file, trouble) &&
         store_connect(store, file, trouble) && fill(store, trouble);
    if (!ok) {
        store_close(store);
        return false;
    }
    *ret_store = store;
    return true;
}

/* ---- Opening one ---- */

/* Reads the key and the schema's version; upgrades an old one. */
static bool
examine(const struct store_place *place, struct store *store, struct trouble *trouble)
{
    char path[FILES_PATH_MAX];
    int version = 0;

    if (!store_master_path(place, store->dir, path, trouble) ||
        !store_read_master(path, store->master, trouble) ||
        !store_version(store, &version, trouble)) {
        return false;
    }
    if (version == 0) {
        return trouble_say(trouble, ENOENT, "make it with `serviceradar-provision operator init`",
            "the issuer's database in %s is empty", store->dir);
    }
    if (version > SCHEMA_VERSION) {
        return trouble_say(trouble, EINVAL, "upgrade serviceradar-provision",
            "the issuer's database in %s is of a newer version (%d) than this program (%d)",
            store->dir, version, SCHEMA_VERSION);
    }
    if (!store_check_master(store, trouble)) {
        return false;
    }
    if (version == SCHEMA_VERSION) {
        return true;
    }
    if (!store_begin(store, trouble)) {
        return false;
    }
    /* Another process may have been first. */
    if (!store_version(store, &version, trouble) || !upgrade(store, version, trouble)) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, trouble);
}

bool
store_open(const struct store_place *place, struct store **ret_store, struct trouble *trouble)
{
    char file[FILES_PATH_MAX];
    struct store *store = new_store(trouble);

    if (store == NULL) {
        return false;
    }
    bool ok = store_find_dir(place, store->dir, trouble) && store_check_dir(store->dir, trouble);
    if (ok && !files_path(file, "%s/" STORE_FILE, store->dir)) {
        ok = trouble_errno(trouble, errno, "use", store->dir + 1);
    }
    ok = ok && store_check_file(file, trouble);
    if (!ok && trouble->error == ENOENT) {
        trouble_remedy(trouble,
            "make it with `serviceradar-provision operator init`, or name another with --dir");
    }
    ok = ok && store_connect(store, file, trouble) && examine(place, store, trouble);
    if (!ok) {
        store_close(store);
        return false;
    }
    *ret_store = store;
    return true;
}

const char *
store_dir(const struct store *store)
{
    return store->dir;
}

/* ---- Transactions ---- */

bool
store_begin(struct store *store, struct trouble *trouble)
{
    if (store->depth == 0 && !store_execute(store, "BEGIN IMMEDIATE", trouble)) {
        return false;
    }
    store->depth++;
    return true;
}

/* Ends the outermost one and takes everything back. SQLite may have done that itself. */
static void
take_back(struct store *store)
{
    if (sqlite3_get_autocommit(store->db) == 0) {
        struct store_rights before = store_as_owner(store);
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
        store_as_before(before);
    }
    store->broken = false;
}

bool
store_commit(struct store *store, struct trouble *trouble)
{
    if (store->depth == 0) {
        return trouble_say(trouble, EINVAL, "report it", "there is nothing to commit");
    }
    if (--store->depth > 0) {
        return true;
    }
    if (store->broken || sqlite3_get_autocommit(store->db) != 0) {
        take_back(store);
        return trouble_say(
            trouble, EIO, "run it again", "a part of it failed, so nothing of it was kept");
    }
    if (!store_execute(store, "COMMIT", trouble)) {
        take_back(store);
        return false;
    }
    return true;
}

void
store_rollback(struct store *store)
{
    if (store->depth == 0) {
        return;
    }
    if (--store->depth > 0) {
        store->broken = true;
        return;
    }
    take_back(store);
}

uint64_t
store_now(void)
{
    return (uint64_t)time(NULL);
}
