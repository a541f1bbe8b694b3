/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/store_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "issuer/schema.h"

#include "sr/banned.h"

#define PATIENCE_MS 10000

/*
 * A rollback journal, not a write-ahead log: at rest the state is one file, and writers are few.
 * EXTRA syncs the folder as well, so that a token that was spent stays spent over a power cut. What
 * is deleted is overwritten. A database that was restored from elsewhere is not trusted to run
 * functions of ours.
 */
static const char SETTINGS[] = "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;"
                               "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
                               "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                               "PRAGMA temp_store = MEMORY;";

bool
store_complain(struct store *store, int code, struct trouble *trouble)
{
    const char *text = store->db != NULL ? sqlite3_errmsg(store->db) : sqlite3_errstr(code);

    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return trouble_say(trouble, EBUSY, "run it again when the other one is done",
            "another process has been changing the issuer's database in %s for too long",
            store->dir);
    case SQLITE_FULL:
        return trouble_say(trouble, ENOSPC, "free space on its disk (df) and run it again",
            "cannot write the issuer's database in %s: the disk is full", store->dir);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return trouble_say(trouble, ESTALE,
            "restore a backup into an empty folder (serviceradar-provision operator restore)",
            "the issuer's database in %s is damaged: %s", store->dir, text);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return trouble_say(trouble, EACCES,
            "run it as the owner of the folder, who has to own its files too, and look whether its "
            "file system is read-only",
            "cannot write the issuer's database in %s: %s", store->dir, text);
    case SQLITE_CONSTRAINT:
        return trouble_say(
            trouble, EEXIST, "use another name", "it contradicts what is there: %s", text);
    case SQLITE_NOMEM:
        return trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
    default:
        return trouble_say(trouble, EIO, "look at the disk and at the kernel's log (dmesg)",
            "the issuer's database in %s: %s", store->dir, text);
    }
}

bool
store_execute(struct store *store, const char *sql, struct trouble *trouble)
{
    struct store_rights before = store_as_owner(store);
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

    store_as_before(before);
    return code == SQLITE_OK || store_complain(store, code, trouble);
}

bool
store_connect(struct store *store, const char *file, struct trouble *trouble)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;

    if (!store_find_owner(store, file, trouble)) {
        return false;
    }
    struct store_rights before = store_as_owner(store);
    int code = sqlite3_open_v2(file, &store->db, flags, NULL);
    store_as_before(before);
    if (code != SQLITE_OK) {
        return store_complain(store, code, trouble);
    }
    (void)sqlite3_busy_timeout(store->db, PATIENCE_MS);
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return store_execute(store, SETTINGS, trouble);
}

/* Binds the values that `types` names. */
static int
bind_all(sqlite3_stmt *statement, const char *types, va_list args)
{
    int code = SQLITE_OK;

    for (int i = 1; *types != '\0' && code == SQLITE_OK; types++, i++) {
        if (*types == 't') {
            const char *text = va_arg(args, const char *);
            code = text != NULL ? sqlite3_bind_text(statement, i, text, -1, SQLITE_STATIC)
                                : sqlite3_bind_null(statement, i);
        } else if (*types == 'i') {
            code = sqlite3_bind_int64(statement, i, va_arg(args, int64_t));
        } else {
            struct sr_span bytes = va_arg(args, struct sr_span);
            code = sqlite3_bind_blob64(statement, i, bytes.data, bytes.len, SQLITE_STATIC);
        }
    }
    return code;
}

/*
 * Prepares and binds. After some errors SQLite rolls a transaction back by itself; what follows
 * must then not be written as if there were none.
 */
static bool
prepare(struct store *store, struct trouble *trouble, const char *sql, const char *types,
    va_list args, sqlite3_stmt **ret_statement)
{
    sqlite3_stmt *statement = NULL;

    if (store->depth > 0 && sqlite3_get_autocommit(store->db) != 0) {
        return trouble_say(
            trouble, EIO, "run it again", "the issuer's database took back what was begun");
    }
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        bool all = (size_t)sqlite3_bind_parameter_count(statement) == strlen(types);
        code = all ? bind_all(statement, types, args) : SQLITE_RANGE;
    }
    if (code != SQLITE_OK) {
        (void)store_complain(store, code, trouble);
        (void)sqlite3_finalize(statement);
        return false;
    }
    *ret_statement = statement;
    return true;
}

bool
store_run(struct store *store, struct trouble *trouble, int *ret_changes, const char *sql,
    const char *types, ...)
{
    sqlite3_stmt *statement = NULL;
    struct store_rights before = store_as_owner(store);
    va_list args;

    va_start(args, types);
    bool ok = prepare(store, trouble, sql, types, args, &statement);
    va_end(args);
    if (!ok) {
        store_as_before(before);
        return false;
    }
    int code = sqlite3_step(statement);
    if (code != SQLITE_DONE && code != SQLITE_ROW) {
        ok = store_complain(store, code, trouble);
    } else if (ret_changes != NULL) {
        *ret_changes = sqlite3_changes(store->db);
    }
    (void)sqlite3_finalize(statement);
    store_as_before(before);
    return ok;
}

bool
store_query(struct store *store, struct trouble *trouble, store_row_cb *cb, void *arg,
    int *ret_rows, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement = NULL;
    struct store_rights before = store_as_owner(store);
    va_list args;
    int rows = 0;
    int code;

    va_start(args, types);
    bool ok = prepare(store, trouble, sql, types, args, &statement);
    va_end(args);
    if (!ok) {
        store_as_before(before);
        return false;
    }
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        rows++;
        if (!cb(arg, statement)) {
            code = SQLITE_DONE;
            break;
        }
    }
    if (code != SQLITE_DONE) {
        ok = store_complain(store, code, trouble);
    } else if (ret_rows != NULL) {
        *ret_rows = rows;
    }
    (void)sqlite3_finalize(statement);
    store_as_before(before);
    return ok;
}

void
store_text(struct sqlite3_stmt *row, int column, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(row, column);

    (void)snprintf(out, size, "%s", text != NULL ? (const char *)text : "");
}

static bool
take_int(void *arg, struct sqlite3_stmt *row)
{
    *(int *)arg = sqlite3_column_int(row, 0);
    return false;
}

bool
store_version(struct store *store, int *ret_version, struct trouble *trouble)
{
    int application = 0, version = 0, tables = 0;

    if (!store_query(store, trouble, take_int, &application, NULL, "PRAGMA application_id", "") ||
        !store_query(store, trouble, take_int, &version, NULL, "PRAGMA user_version", "") ||
        !store_query(
            store, trouble, take_int, &tables, NULL, "SELECT count(*) FROM sqlite_schema", "")) {
        return false;
    }
    if (tables > 0 && (application != SCHEMA_APPLICATION || version < 1)) {
        return trouble_say(trouble, EINVAL, "name the folder of the issuer with --dir",
            "%s/" STORE_FILE " is not the database of an issuer", store->dir);
    }
    *ret_version = tables > 0 ? version : 0;
    return true;
}
