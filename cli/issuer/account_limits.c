/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/account_parts.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sqlite3.h>

#include "sr/banned.h"

/* What the database has for one account; NULL when it is no object, which only damage makes. */
static bool
take_limits(void *arg, struct sqlite3_stmt *row)
{
    json_t **out = arg;
    const char *text = (const char *)sqlite3_column_text(row, 0);

    *out = text != NULL ? json_loads(text, 0, NULL) : NULL;
    return true;
}

bool
account_limits(struct store *store, const char *name, json_t **ret_limits, struct trouble *trouble)
{
    struct account account;
    json_t *limits = NULL;

    if (!account_find(store, name, &account, trouble) ||
        !store_query(store, trouble, take_limits, &limits, NULL,
            "SELECT limits FROM account WHERE name = ?", "t", name)) {
        return false;
    }
    if (!json_is_object(limits)) {
        json_decref(limits);
        return trouble_say(trouble, 0, "restore the database from a backup",
            "the limits of account %s in the database are damaged", name);
    }
    *ret_limits = limits;
    return true;
}

static bool
set_limits(struct store *store, const char *name, const char *text, struct trouble *trouble)
{
    return store_run(store, trouble, NULL, "UPDATE account SET limits = ? WHERE name = ?", "tt",
               text, name) &&
           account_sign(store, name, trouble) &&
           account_audit(store, "account limits", name, text, trouble);
}

bool
account_set_limits(
    struct store *store, const char *name, const json_t *limits, struct trouble *trouble)
{
    char *text = json_dumps(limits, JSON_COMPACT | JSON_SORT_KEYS);

    if (text == NULL) {
        return account_no_memory(trouble);
    }
    bool good = store_begin(store, trouble) &&
                account_finish(store, set_limits(store, name, text, trouble), trouble);
    free(text);
    return good;
}

static void
add_bytes(const json_t *limits, const char *name, int64_t *sum)
{
    int64_t bytes = json_integer_value(json_object_get(limits, name));

    /* -1 is no limit, and then nothing is set aside. */
    if (bytes > 0) {
        *sum = bytes > INT64_MAX - *sum ? INT64_MAX : *sum + bytes;
    }
}

static bool
add_reserve(void *arg, struct sqlite3_stmt *row)
{
    struct account_reserve *reserve = arg;
    json_t *limits = NULL;

    (void)take_limits(&limits, row);
    add_bytes(limits, "disk_storage", &reserve->disk);
    add_bytes(limits, "mem_storage", &reserve->memory);
    json_decref(limits);
    return true;
}

bool
account_reserved(struct store *store, struct account_reserve *ret_reserve, struct trouble *trouble)
{
    struct account_reserve reserve = { 0, 0 };

    if (!store_query(
            store, trouble, add_reserve, &reserve, NULL, "SELECT limits FROM account", "")) {
        return false;
    }
    *ret_reserve = reserve;
    return true;
}
