/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/account_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "issuer/broker.h"

#include "sr/banned.h"

#define MEMORY_RESOLVER                                                                            \
    "with a memory resolver, write its file anew (serviceradar-provision nats-config) and reload " \
    "the server; else let nats-config give it a full resolver"

/* What the server says about a request, as JSON; NULL with a trouble. json_decref() it. */
static json_t *
ask(struct admin *admin, const char *subject, const char *body, const char *doing,
    struct trouble *trouble)
{
    char *reply = NULL;
    struct sr_span text = { (const uint8_t *)body, strlen(body) };
    enum admin_err err = admin_request(admin, subject, text, &reply);

    if (err != ADMIN_OK) {
        (void)trouble_say(trouble, 0,
            admin_unheard(admin) ? MEMORY_RESOLVER : "look at the server's log and run it again",
            "the server does not answer when asked to %s: %s", doing, admin_detail(admin));
        return NULL;
    }
    json_t *answer = json_loads(reply, 0, NULL);
    free(reply);
    if (!json_is_object(answer)) {
        json_decref(answer);
        (void)trouble_say(trouble, 0, "look whether this is a nats-server",
            "the server's answer to the request to %s cannot be understood", doing);
        return NULL;
    }
    return answer;
}

static bool
update(struct admin *admin, const char *name, const char *token, struct trouble *trouble)
{
    json_t *answer = ask(admin, "$SYS.REQ.CLAIMS.UPDATE", token, "take an account", trouble);

    if (answer == NULL) {
        return false;
    }
    const json_t *error = json_object_get(answer, "error");
    const char *text = json_string_value(json_object_get(error, "description"));
    bool wildcard = text != NULL && strstr(text, "wildcard") != NULL;
    bool good = error == NULL;
    if (!good) {
        (void)trouble_say(trouble, 0,
            wildcard ? "map each subject by itself (account mapping remove, then add), or use "
                       "nats-server " ACCOUNT_WILDCARD_VERSION " or newer"
                     : "look whether the server trusts this operator "
                       "(serviceradar-provision nats-config), and at its log",
            "the server refuses account %s: %s", name, text != NULL ? text : "no reason given");
    }
    json_decref(answer);
    return good;
}

/* "Updated" is not proof that the server keeps the token: nats-server says so too without. */
static bool
read_back(
    struct admin *admin, const struct account *account, const char *token, struct trouble *trouble)
{
    char subject[128];
    char *kept = NULL;

    (void)snprintf(subject, sizeof(subject), "$SYS.REQ.ACCOUNT.%s.CLAIMS.LOOKUP", account->key);
    enum admin_err err =
        admin_request(admin, subject, (struct sr_span){ (const uint8_t *)"", 0 }, &kept);
    if (err != ADMIN_OK) {
        return trouble_say(trouble, 0, MEMORY_RESOLVER,
            "the server took the token of account %s and does not tell it again, so it keeps none "
            "beyond its next start: %s",
            account->name, admin_detail(admin));
    }
    bool same = strcmp(kept, token) == 0;
    free(kept);
    return same || trouble_say(trouble, 0,
                       "run it again; if that does not help, look at the resolver's folder and at "
                       "the server's log",
                       "the server keeps another token for account %s than the one it was sent",
                       account->name);
}

/*
 * What the server has is told by when it was signed, not by the clock: a token that is signed in
 * the second of a push is newer than what was pushed. `*ret_newest` is false when another process
 * has signed a newer one meanwhile.
 */
static bool
mark_pushed(struct store *store, const char *name, const char *token, bool *ret_newest,
    struct trouble *trouble)
{
    int rows = 0;
    bool ok = store_run(store, trouble, &rows,
        "UPDATE account SET pushed_s = signed_s WHERE name = ? AND jwt = ?", "tt", name, token);

    *ret_newest = rows > 0;
    return ok;
}

/* Pushes the token that the database has now. */
static bool
push_once(struct store *store, struct admin *admin, const struct account *account, bool *ret_newest,
    struct trouble *trouble)
{
    char *token = NULL;
    bool good = account_token(store, account->name, &token, trouble) &&
                update(admin, account->name, token, trouble) &&
                read_back(admin, account, token, trouble) &&
                mark_pushed(store, account->name, token, ret_newest, trouble);

    free(token);
    return good;
}

/*
 * The token is read when the server is there, which may take a while. Another process may have
 * pushed a newer one even so, and the server takes the last that it gets: then that one again.
 */
bool
account_push(struct store *store, const char *name, struct trouble *trouble)
{
    struct admin *admin = NULL;
    struct account account;
    bool newest = false;
    bool good =
        account_find(store, name, &account, trouble) && broker_open_system(store, &admin, trouble);

    while (good && !newest) {
        good = push_once(store, admin, &account, &newest, trouble);
    }
    admin_close(admin);
    return good;
}

bool
account_server_version(
    struct store *store, char ret_version[ACCOUNT_VERSION_MAX], struct trouble *trouble)
{
    struct admin *admin = NULL;

    if (!broker_open_system(store, &admin, trouble)) {
        return false;
    }
    json_t *answer = ask(admin, "$SYS.REQ.SERVER.PING", "", "tell its version", trouble);
    admin_close(admin);
    if (answer == NULL) {
        return false;
    }
    const char *version =
        json_string_value(json_object_get(json_object_get(answer, "server"), "ver"));
    bool good = version != NULL && strlen(version) < ACCOUNT_VERSION_MAX;
    if (good) {
        memcpy(ret_version, version, strlen(version) + 1);
    } else {
        (void)trouble_say(trouble, 0, "say it with --server-version",
            "the server does not tell which version it is");
    }
    json_decref(answer);
    return good;
}
