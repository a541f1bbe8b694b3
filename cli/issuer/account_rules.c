/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/account_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sqlite3.h>

#include "issuer/claims.h"
#include "sr/suite.h"

#include "sr/banned.h"

/* ---- Subjects ---- */

/*
 * Whether the text is a subject: tokens of printable characters with dots between. Writes whether
 * it ends with the wildcard ">"; others are not for mappings and exports here.
 */
static bool
is_subject(const char *text, bool *ret_wild)
{
    size_t len = strnlen(text, SR_SUITE_SUBJECT_MAX);
    bool wild = len > 1 && strcmp(text + len - 2, ".>") == 0;
    size_t plain = wild ? len - 2 : len;

    if (len == 0 || len >= SR_SUITE_SUBJECT_MAX || plain == 0 || text[0] == '.' ||
        text[plain - 1] == '.' || strstr(text, "..") != NULL || text[0] == '$') {
        return false;
    }
    for (size_t i = 0; i < plain; i++) {
        if (text[i] <= ' ' || text[i] > '~' || strchr("*>\"\\{}", text[i]) != NULL) {
            return false;
        }
    }
    *ret_wild = wild;
    return true;
}

static bool
say_subject(const char *text, struct trouble *trouble)
{
    return trouble_say(trouble, 0,
        "write tokens with dots between, as \"logs.app\"; only the last may be the wildcard \">\"",
        "\"%.100s\" is no subject for a mapping or an export", text);
}

/* Whether `subject` begins with "NAME.". */
static bool
is_below(const char *subject, const char *name)
{
    size_t len = strlen(name);
    return strncmp(subject, name, len) == 0 && subject[len] == '.';
}

static bool
say_outside(const char *subject, const char *name, struct trouble *trouble)
{
    char remedy[128];

    (void)snprintf(remedy, sizeof(remedy), "let it begin with \"%s.\"", name);
    return trouble_say(trouble, 0, remedy, "\"%s\" is not below the name of its account", subject);
}

/* ---- Versions ---- */

/* Compares "2.9.22" with "2.10.1" by their numbers; what is no number counts as 0. */
static int
compare_versions(const char *a, const char *b)
{
    for (int i = 0; i < 3; i++) {
        char *a_end, *b_end;
        unsigned long x = strtoul(a, &a_end, 10);
        unsigned long y = strtoul(b, &b_end, 10);
        if (x != y) {
            return x < y ? -1 : 1;
        }
        a = *a_end == '.' ? a_end + 1 : a_end;
        b = *b_end == '.' ? b_end + 1 : b_end;
    }
    return 0;
}

static bool
check_wildcard(const char *from, const char *version, struct trouble *trouble)
{
    if (version == NULL) {
        return trouble_say(trouble, 0,
            "say which server it is with --server-version, or map each subject by itself",
            "whether the server takes the wildcard in \"%s\" is unknown: "
            "before " ACCOUNT_WILDCARD_VERSION " it refuses the whole account for it",
            from);
    }
    if (compare_versions(version, ACCOUNT_WILDCARD_VERSION) < 0) {
        return trouble_say(trouble, 0,
            "map each subject by itself, or use nats-server " ACCOUNT_WILDCARD_VERSION " or newer",
            "nats-server %.32s refuses an account with the wildcard mapping \"%s\"", version, from);
    }
    return true;
}

/* ---- Keeping them ---- */

static bool
keep_rule(struct store *store, const char *name, const char *kind, const char *subject,
    json_t *rule, struct trouble *trouble)
{
    char action[32];
    char *text = rule != NULL ? json_dumps(rule, JSON_COMPACT) : NULL;

    if (text == NULL) {
        return account_no_memory(trouble);
    }
    (void)snprintf(action, sizeof(action), "account %s", kind);
    bool good = store_run(store, trouble, NULL,
                    "INSERT OR REPLACE INTO account_rule (account, kind, subject, rule)"
                    " VALUES (?, ?, ?, ?)",
                    "tttt", name, kind, subject, text) &&
                account_sign(store, name, trouble) &&
                account_audit(store, action, name, subject, trouble);
    free(text);
    return good;
}

/* Takes `rule` over. */
static bool
add_rule(struct store *store, const char *name, const char *kind, const char *subject, json_t *rule,
    struct trouble *trouble)
{
    bool good =
        store_begin(store, trouble) &&
        account_finish(store, keep_rule(store, name, kind, subject, rule, trouble), trouble);
    json_decref(rule);
    return good;
}

/* Whether the suite itself maps the subject: an own rule would send records elsewhere. */
static bool
is_of_suite(const char *subject)
{
    char dead[SR_SUITE_SUBJECT_MAX];

    for (const struct sr_suite_role *role = sr_suite_roles; role->name != NULL; role++) {
        for (const char *const *s = role->subjects; *s != NULL; s++) {
            (void)snprintf(dead, sizeof(dead), "%s" SR_SUITE_DEADLETTER, *s);
            if (strcmp(subject, *s) == 0 || strcmp(subject, dead) == 0) {
                return true;
            }
        }
    }
    return false;
}

bool
account_map(struct store *store, const char *name, const char *from, const char *to,
    const char *server_version, struct trouble *trouble)
{
    char own[SR_SUITE_SUBJECT_MAX + ACCOUNT_NAME_MAX + 2];
    struct account account;
    bool from_wild, to_wild;

    if (!account_find(store, name, &account, trouble)) {
        return false;
    }
    if (!is_subject(from, &from_wild)) {
        return say_subject(from, trouble);
    }
    (void)snprintf(own, sizeof(own), "%s.%s", name, from);
    to = to != NULL ? to : own;
    if (!is_subject(to, &to_wild)) {
        return say_subject(to, trouble);
    }
    if (!is_below(to, name)) {
        return say_outside(to, name, trouble);
    }
    if (is_below(from, name)) {
        return trouble_say(trouble, 0, "map what clients publish, without the tenant",
            "\"%s\" is a subject after mapping already", from);
    }
    if (is_of_suite(from)) {
        return trouble_say(trouble, 0, "leave it: every account maps it",
            "\"%s\" is a subject of the collectors", from);
    }
    if (from_wild != to_wild) {
        return trouble_say(trouble, 0, "let both end with \".>\", or neither",
            "\"%s\" and \"%s\" do not have the same wildcard", from, to);
    }
    if (from_wild && !check_wildcard(from, server_version, trouble)) {
        return false;
    }
    return add_rule(store, name, "mapping", from, json_pack("{s:s}", "to", to), trouble);
}

bool
account_export(struct store *store, const char *name, const char *subject, const char *type,
    struct trouble *trouble)
{
    struct account account;
    bool wild;

    if (!account_find(store, name, &account, trouble)) {
        return false;
    }
    if (!is_subject(subject, &wild)) {
        return say_subject(subject, trouble);
    }
    if (!is_below(subject, name)) {
        return say_outside(subject, name, trouble);
    }
    if (strcmp(type, "stream") != 0 && strcmp(type, "service") != 0) {
        return trouble_say(trouble, 0, "an export is a \"stream\" or a \"service\"",
            "there is no type \"%.32s\" of export", type);
    }
    return add_rule(store, name, "export", subject, json_pack("{s:s}", "type", type), trouble);
}

static bool
drop_now(struct store *store, const char *name, const char *kind, const char *subject,
    struct trouble *trouble)
{
    struct account account;
    char action[32];
    int changes = 0;

    if (!account_find(store, name, &account, trouble) ||
        !store_run(store, trouble, &changes,
            "DELETE FROM account_rule WHERE account = ? AND kind = ? AND subject = ?", "ttt", name,
            kind, subject)) {
        return false;
    }
    if (changes == 0) {
        return trouble_say(trouble, 0, "see: account show",
            "account %s has no %s of \"%.100s\" to remove", name, kind, subject);
    }
    (void)snprintf(action, sizeof(action), "account %s remove", kind);
    return account_sign(store, name, trouble) &&
           account_audit(store, action, name, subject, trouble);
}

bool
account_drop_rule(struct store *store, const char *name, const char *kind, const char *subject,
    struct trouble *trouble)
{
    return store_begin(store, trouble) &&
           account_finish(store, drop_now(store, name, kind, subject, trouble), trouble);
}

/* ---- Reading them ---- */

struct reading {
    account_rule_cb *cb;
    void *arg;
};

static bool
read_rule(void *arg, struct sqlite3_stmt *row)
{
    const struct reading *reading = arg;
    char kind[16];
    char subject[SR_SUITE_SUBJECT_MAX];
    const char *text = (const char *)sqlite3_column_text(row, 2);
    json_t *rule = text != NULL ? json_loads(text, 0, NULL) : NULL;

    store_text(row, 0, kind, sizeof(kind));
    store_text(row, 1, subject, sizeof(subject));
    reading->cb(reading->arg, kind, subject, rule);
    json_decref(rule);
    return true;
}

bool
account_rules(
    struct store *store, const char *name, account_rule_cb *cb, void *arg, struct trouble *trouble)
{
    struct reading reading = { cb, arg };

    return store_query(store, trouble, read_rule, &reading, NULL,
        "SELECT kind, subject, rule FROM account_rule WHERE account = ? ORDER BY kind, subject",
        "t", name);
}

struct adding {
    json_t *claims;
    bool failed;
};

static void
add_to_claims(void *arg, const char *kind, const char *subject, const json_t *rule)
{
    struct adding *adding = arg;
    bool mapping = strcmp(kind, "mapping") == 0;
    const char *value = json_string_value(json_object_get(rule, mapping ? "to" : "type"));

    adding->failed |=
        value == NULL || (mapping ? claims_map(adding->claims, subject, value)
                                  : claims_export(adding->claims, subject, value)) != 0;
}

bool
account_add_rules(struct store *store, const char *name, json_t *claims, struct trouble *trouble)
{
    struct adding adding = { claims, false };

    return account_rules(store, name, add_to_claims, &adding, trouble) &&
           (!adding.failed || account_no_memory(trouble));
}
