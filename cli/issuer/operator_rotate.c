/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/operator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/account.h"
#include "issuer/operator_parts.h"

#include "sr/banned.h"

/* The names of the accounts come first: what is done with one may change the table. */
struct names {
    char (*names)[ACCOUNT_NAME_MAX + 1];
    size_t count;
    bool failed;
};

static void
add_name(void *arg, const struct account *account)
{
    struct names *n = arg;
    void *more = realloc(n->names, (n->count + 1) * sizeof(n->names[0]));

    if (more == NULL) {
        n->failed = true;
        return;
    }
    n->names = more;
    memcpy(n->names[n->count++], account->name, sizeof(account->name));
}

bool
operator_each_account(struct store *store, operator_account_cb *cb, void *arg, size_t *ret_count,
    struct trouble *trouble)
{
    struct names n = { NULL, 0, false };
    bool ok = account_list(store, add_name, &n, trouble);

    if (ok && n.failed) {
        ok = trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
    }
    for (size_t i = 0; i < n.count && ok; i++) {
        ok = cb(arg, n.names[i], trouble);
    }
    if (ok) {
        *ret_count = n.count;
    }
    free(n.names);
    return ok;
}

static bool
sign_account(void *arg, const char *name, struct trouble *trouble)
{
    return account_sign(arg, name, trouble);
}

static bool
rotate(struct store *store, const struct operator_facts *facts, struct operator_keys *k,
    struct trouble *trouble)
{
    size_t count = 0;

    if (sr_nkeypair_generate(SR_NKEY_OPERATOR, &k->signing) != SR_NKEY_OK ||
        sr_nkeypair_generate(SR_NKEY_ACCOUNT, &k->system_signing) != SR_NKEY_OK ||
        sr_nkeypair_generate(SR_NKEY_USER, &k->user) != SR_NKEY_OK) {
        return trouble_say(trouble, EIO, "run it again", "the system gives no randomness");
    }
    return store_pair(store, "operator/identity", &k->identity, trouble) &&
           store_pair(store, "system/identity", &k->system, trouble) &&
           operator_keep_signing(store, facts->name, k, trouble) &&
           operator_each_account(store, sign_account, store, &count, trouble);
}

bool
operator_rotate(struct store *store, struct trouble *trouble)
{
    struct operator_facts facts;
    struct operator_keys k;

    if (!store_begin(store, trouble)) {
        return false;
    }
    bool ok = operator_tell(store, &facts, trouble);
    if (ok && facts.detached) {
        ok = trouble_say(trouble, ENOENT, "bring it back for a moment: operator attach FILE",
            "the operator's identity seed is not here, and only that can name a new signing key");
    }
    if (ok) {
        memset(&k, 0, sizeof(k));
        ok = rotate(store, &facts, &k, trouble);
        operator_keys_done(&k);
    }
    if (!ok) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, trouble);
}
