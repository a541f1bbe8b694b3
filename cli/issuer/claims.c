/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/claims.h"

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "sr/banned.h"

#define MEMORY_BYTES                                                                               \
    (64LL << 20) /* for consumers and retained API messages; no stream is there                    \
                  */
#define STREAMS_MAX 16
#define CONSUMERS_MAX 256

static json_t *
begin(const char *name, const char *key, const char *type)
{
    return json_pack(
        "{s:s, s:s, s:{s:s, s:i}}", "sub", key, "name", name, "nats", "type", type, "version", 2);
}

/* Puts `value` (taken over, NULL included) into the body of `claims`. */
static int
put(json_t *claims, const char *name, json_t *value)
{
    return json_object_set_new(json_object_get(claims, "nats"), name, value);
}

/* `claims`, or NULL and nothing left of it when a step of making it failed. */
static json_t *
finish(json_t *claims, bool failed)
{
    if (failed) {
        json_decref(claims);
        return NULL;
    }
    return claims;
}

json_t *
claims_operator(const char *name, const char *key, const char *system_key)
{
    json_t *claims = begin(name, key, "operator");
    return finish(claims, put(claims, "system_account", json_string(system_key)) != 0);
}

/* The limits of an account: none but those of JetStream. */
static json_t *
limits(int64_t memory, int64_t disk, int streams, int consumers)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:b, s:i, s:i, s:I, s:I, s:i, s:i}", "subs", -1,
        "data", -1, "payload", -1, "imports", -1, "exports", -1, "wildcards", 1, "conn", -1, "leaf",
        -1, "mem_storage", (json_int_t)memory, "disk_storage", (json_int_t)disk, "streams", streams,
        "consumer", consumers);
}

json_t *
claims_system(const char *name, const char *key)
{
    json_t *claims = begin(name, key, "account");
    json_t *exports = json_pack("[{s:s, s:s, s:s, s:i}, {s:s, s:s, s:s, s:i}]", "name",
        "account-monitoring-streams", "subject", "$SYS.ACCOUNT.*.>", "type", "stream",
        "account_token_position", 3, "name", "account-monitoring-services", "subject",
        "$SYS.REQ.ACCOUNT.*.*", "type", "service", "account_token_position", 4);

    bool failed = put(claims, "exports", exports) != 0;
    return finish(claims, put(claims, "limits", limits(0, 0, 0, 0)) != 0 || failed);
}

/* A member of the claims' body, made as `empty` (taken over, NULL included) when it is not there.
 */
static json_t *
member(json_t *claims, const char *name, json_t *empty)
{
    json_t *body = json_object_get(claims, "nats");
    json_t *there = json_object_get(body, name);

    if (there != NULL) {
        json_decref(empty);
        return there;
    }
    return json_object_set_new(body, name, empty) == 0 ? empty : NULL;
}

int
claims_map(json_t *account, const char *from, const char *to)
{
    json_t *mappings = member(account, "mappings", json_object());

    return json_object_set_new(
        mappings, from, json_pack("[{s:s, s:i}]", "subject", to, "weight", 100));
}

static int
map_subject(json_t *account, const char *tenant, const char *subject, const char *suffix)
{
    char from[SR_SUITE_SUBJECT_MAX];
    char to[SR_SUITE_SUBJECT_MAX];

    (void)snprintf(from, sizeof(from), "%s%s", subject, suffix);
    (void)snprintf(to, sizeof(to), "%s.%s%s", tenant, subject, suffix);
    return claims_map(account, from, to);
}

int
claims_map_suite(json_t *account, const char *tenant)
{
    bool failed = false;

    for (const struct sr_suite_role *role = sr_suite_roles; role->name != NULL; role++) {
        for (const char *const *subject = role->subjects; *subject != NULL; subject++) {
            failed |= map_subject(account, tenant, *subject, "") != 0 ||
                      map_subject(account, tenant, *subject, SR_SUITE_DEADLETTER) != 0;
        }
    }
    return failed ? -1 : 0;
}

json_t *
claims_tenant(const char *name, const char *key, const char *signing_key, int64_t disk_bytes)
{
    json_t *claims = begin(name, key, "account");

    bool failed =
        put(claims, "limits", limits(MEMORY_BYTES, disk_bytes, STREAMS_MAX, CONSUMERS_MAX)) != 0;
    failed |= put(claims, "signing_keys", json_pack("[s]", signing_key)) != 0;
    failed |= claims_map_suite(claims, name) != 0;
    return finish(claims, failed);
}

json_t *
claims_account(const char *name, const char *key, const json_t *limits_object)
{
    json_t *claims = begin(name, key, "account");
    return finish(claims, put(claims, "limits", json_deep_copy(limits_object)) != 0);
}

json_t *
claims_default_limits(int64_t disk_bytes)
{
    json_t *object = limits(MEMORY_BYTES, disk_bytes, STREAMS_MAX, CONSUMERS_MAX);

    /* A stream without a bound would take what the account's other streams count on. */
    bool failed = json_object_set_new(object, "max_bytes_required", json_true()) != 0;
    return finish(object, failed);
}

int
claims_export(json_t *account, const char *subject, const char *type)
{
    json_t *exports = member(account, "exports", json_array());

    return json_array_append_new(
        exports, json_pack("{s:s, s:s, s:s}", "name", subject, "subject", subject, "type", type));
}

int
claims_revoke(json_t *account, const char *key, int64_t at_s)
{
    json_t *revocations = member(account, "revocations", json_object());

    return json_object_set_new(revocations, key, json_integer((json_int_t)at_s));
}

json_t *
claims_scoped_user(const char *name, const char *key, const char *account_key)
{
    json_t *claims = begin(name, key, "user");
    return finish(claims, put(claims, "issuer_account", json_string(account_key)) != 0);
}

json_t *
claims_user(const char *name, const char *key, const char *account_key)
{
    json_t *claims = begin(name, key, "user");

    bool failed = put(claims, "issuer_account", json_string(account_key)) != 0;
    failed |= put(claims, "subs", json_integer(-1)) != 0;
    failed |= put(claims, "data", json_integer(-1)) != 0;
    failed |= put(claims, "payload", json_integer(-1)) != 0;
    return finish(claims, failed);
}

static int
allow_subject(json_t *list, const char *tenant, const char *subject, const char *suffix)
{
    char text[SR_SUITE_SUBJECT_MAX];

    (void)snprintf(text, sizeof(text), "%s.%s%s", tenant, subject, suffix);
    return json_array_append_new(list, json_string(text));
}

/* The subjects that `role` publishes on, mapped, and their dead letters; NULL without memory. */
static json_t *
publish_list(const char *tenant, const struct sr_suite_role *role)
{
    json_t *publish = json_array();
    bool failed = false;

    for (const char *const *subject = role->subjects; *subject != NULL; subject++) {
        failed |= allow_subject(publish, tenant, *subject, "") != 0 ||
                  allow_subject(publish, tenant, *subject, SR_SUITE_DEADLETTER) != 0;
    }
    return finish(publish, failed);
}

int
claims_allow_role(
    json_t *user, const char *user_name, const char *tenant, const struct sr_suite_role *role)
{
    char inbox[SR_SUITE_SUBJECT_MAX];
    json_t *publish = publish_list(tenant, role);

    (void)snprintf(inbox, sizeof(inbox), "_INBOX.%s.>", user_name);
    bool failed = put(user, "pub", json_pack("{s:o}", "allow", publish)) != 0;
    failed |= put(user, "sub", json_pack("{s:[s]}", "allow", inbox)) != 0;
    return failed ? -1 : 0;
}

int
claims_add_role(json_t *account, const char *signing_key, const char *role_name, const char *tenant,
    const struct sr_suite_role *role)
{
    json_t *publish = role != NULL ? publish_list(tenant, role) : json_pack("[s]", ">");
    const char *hear = role != NULL ? "_INBOX.{{name()}}.>" : ">";
    json_t *keys = member(account, "signing_keys", json_array());

    return json_array_append_new(
        keys, json_pack("{s:s, s:s, s:s, s:{s:{s:o}, s:{s:[s]}, s:i, s:i, s:i}}", "kind",
                  "user_scope", "key", signing_key, "role", role_name, "template", "pub", "allow",
                  publish, "sub", "allow", hear, "subs", -1, "data", -1, "payload", -1));
}

int
claims_add_leaf_role(json_t *account, const char *signing_key, const char *role_name)
{
    json_t *keys = member(account, "signing_keys", json_array());

    /*
     * What the hub's streams fetch arrives on $JS.S, paced on $JS.FC; the hub asks for it with
     * replies to $JSC.R, people with replies to their inboxes. No limit on connection types:
     * nats-server 2.9.10 does not look at one in a template.
     */
    return json_array_append_new(
        keys, json_pack("{s:s, s:s, s:s, s:{s:{s:[s,s,s]}, s:{s:[s,s]}, s:i, s:i, s:i}}", "kind",
                  "user_scope", "key", signing_key, "role", role_name, "template", "pub", "allow",
                  "$JS.S.>", "$JSC.R.>", "_INBOX.>", "sub", "allow", "$JS.{{name()}}.API.>",
                  "$JS.FC.>", "subs", -1, "data", -1, "payload", -1));
}

int
claims_allow_all(json_t *user)
{
    int publish = put(user, "pub", json_pack("{s:[s]}", "allow", ">"));
    int subscribe = put(user, "sub", json_pack("{s:[s]}", "allow", ">"));
    return publish | subscribe;
}

int
claims_allow_push(json_t *user)
{
    int publish = put(user, "pub",
        json_pack("{s:[s,s,s,s]}", "allow", "$SYS.REQ.CLAIMS.*", "$SYS.REQ.ACCOUNT.*.CLAIMS.*",
            "$SYS.REQ.ACCOUNT.*.INFO", "$SYS.REQ.SERVER.PING"));
    int subscribe = put(user, "sub", json_pack("{s:[s]}", "allow", "_INBOX.>"));
    return publish | subscribe;
}

int
claims_add_signer(json_t *claims, const char *key)
{
    json_t *keys = json_object_get(json_object_get(claims, "nats"), "signing_keys");

    return keys != NULL ? json_array_append_new(keys, json_string(key))
                        : put(claims, "signing_keys", json_pack("[s]", key));
}

int
claims_be_strict(json_t *claims)
{
    return put(claims, "strict_signing_key_usage", json_true());
}

int
claims_expire(json_t *claims, uint64_t expires_s)
{
    return json_object_set_new(claims, "exp", json_integer((json_int_t)expires_s));
}
