/* SPDX-License-Identifier: Apache-2.0 */
#include <sqlite3.h>

#include "issuer/account.h"
#include "issuer/authority.h"
#include "issuer/collector_parts.h"

#include "sr/banned.h"

static bool
take_former(void *arg, struct sqlite3_stmt *row)
{
    struct collector_former *former = arg;

    store_text(row, 0, former->account, sizeof(former->account));
    store_text(row, 1, former->key, sizeof(former->key));
    store_text(row, 2, former->serial, sizeof(former->serial));
    former->until_s = (uint64_t)sqlite3_column_int64(row, 3);
    return true;
}

bool
collector_load_former(struct store *store, const char *id, struct collector_former *ret_former,
    struct trouble *trouble)
{
    *ret_former = (struct collector_former){ .until_s = 0 };
    return store_query(store, trouble, take_former, ret_former, NULL,
        "SELECT c.account, f.key, f.serial, f.until_s FROM former f"
        " JOIN collector c ON c.id = f.collector WHERE f.collector = ?",
        "t", id);
}

bool
collector_keep_former(struct store *store, const struct collector_row *row, struct trouble *trouble)
{
    return store_run(store, trouble, NULL,
        "INSERT INTO former (collector, key, serial, until_s) VALUES (?, ?, ?, ?)", "ttti",
        row->c.id, row->user_key, row->serial, (int64_t)(store_now() + COLLECTOR_GRACE_S));
}

bool
collector_prolong_former(struct store *store, const char *id, struct trouble *trouble)
{
    return store_run(store, trouble, NULL, "UPDATE former SET until_s = ? WHERE collector = ?",
        "it", (int64_t)(store_now() + COLLECTOR_GRACE_S), id);
}

bool
collector_end_former(struct store *store, const char *id, struct trouble *trouble)
{
    struct collector_former former;

    if (!collector_load_former(store, id, &former, trouble)) {
        return false;
    }
    return former.key[0] == '\0' ||
           (account_revoke_user(store, former.account, former.key, trouble) &&
               (former.serial[0] == '\0' ||
                   authority_revoke(store, former.serial, "superseded", trouble)) &&
               store_run(store, trouble, NULL, "DELETE FROM former WHERE collector = ?", "t", id));
}

/* The next one that is due: `arg` is its id. */
static bool
take_id(void *arg, struct sqlite3_stmt *row)
{
    store_text(row, 0, arg, COLLECTOR_ID_LEN + 1);
    return false;
}

bool
collector_end_due(struct store *store, int *ret_count, struct trouble *trouble)
{
    int count = 0;

    for (;;) {
        char id[COLLECTOR_ID_LEN + 1] = "";
        if (!store_query(store, trouble, take_id, id, NULL,
                "SELECT collector FROM former WHERE until_s <= ? LIMIT 1", "i",
                (int64_t)store_now())) {
            return false;
        }
        if (id[0] == '\0') {
            *ret_count = count;
            return true;
        }
        if (!store_begin(store, trouble)) {
            return false;
        }
        if (!collector_end_former(store, id, trouble) ||
            !store_audit(store, "provision", "collector renew end", id, "", trouble)) {
            store_rollback(store);
            return false;
        }
        if (!store_commit(store, trouble)) {
            return false;
        }
        count++;
    }
}
