/* SPDX-License-Identifier: Apache-2.0 */
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mib_file.h"

#include "sr/banned.h"

static const char no_identifier[] =
    "is no identifier; write numbers with points between them (1.3.6.1.6.3.1.1.5.3, or "
    "1.3.6.1.4.1.9.* for all that is below), or a name (IF-MIB::linkDown)";
static const char no_name[] =
    "is no name that is known; write the identifier in numbers, or name a `mib_file` that has it "
    "(`serviceradar-cli mib compile`)";

/* ---- One rule ---- */

/* Arcs in decimal with points between them, and perhaps one in front. */
static bool
read_numbers(struct sr_span text, struct trap_rule *rule)
{
    size_t at = text.len > 0 && text.data[0] == '.' ? 1 : 0;

    for (rule->count = 0; rule->count < BER_SUB_IDS_MAX; at++) {
        uint64_t arc = 0;
        size_t start = at;
        for (; at < text.len && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
            arc = arc * 10 + (uint64_t)(text.data[at] - '0');
            if (arc > UINT32_MAX) {
                return false;
            }
        }
        if (at == start) {
            return false;
        }
        rule->arcs[rule->count++] = (uint32_t)arc;
        if (at == text.len) {
            return true;
        }
        if (text.data[at] != '.') {
            return false;
        }
    }
    return false;
}

/* "MODULE::name". */
static bool
read_name(struct sr_span text, const struct mib_table *const mibs[2], struct trap_rule *rule)
{
    const uint8_t *colons = memchr(text.data, ':', text.len);
    size_t module = (size_t)(colons - text.data);
    struct sr_span name = { colons + 2, text.len - module - 2 };

    for (size_t i = 0; i < 2; i++) {
        if (mibs[i] != NULL && mib_find_name(mibs[i], (struct sr_span){ text.data, module }, name,
                                   rule->arcs, &rule->count)) {
            return true;
        }
    }
    return false;
}

/* Returns NULL, or what is wrong. */
static const char *
read_rule(const char *text, const struct mib_table *const mibs[2], struct trap_rule *rule)
{
    struct sr_span rest = { (const uint8_t *)text, strlen(text) };

    rule->text = text;
    rule->is_prefix = rest.len >= 2 && memcmp(text + rest.len - 2, ".*", 2) == 0;
    rest.len -= rule->is_prefix ? 2 : 0;
    if (strstr(text, "::") != NULL) {
        return read_name(rest, mibs, rule) ? NULL : no_name;
    }
    return read_numbers(rest, rule) ? NULL : no_identifier;
}

/* ---- All of a listener ---- */

static const struct trap_rule *
find_same(const struct rules *r, const struct trap_rule *rule)
{
    for (size_t i = 0; i < r->access.rule_count; i++) {
        const struct trap_rule *other = &r->items[i];
        if (other->count == rule->count && other->is_prefix == rule->is_prefix &&
            other->is_allowing != rule->is_allowing &&
            memcmp(other->arcs, rule->arcs, rule->count * sizeof(rule->arcs[0])) == 0) {
            return other;
        }
    }
    return NULL;
}

static bool
add_rules(struct rules *r, const struct sr_conf_strings *texts, bool is_allowing,
    const struct mib_table *const mibs[2], char *text, size_t text_size)
{
    for (size_t i = 0; i < texts->count; i++) {
        struct trap_rule *rule = &r->items[r->access.rule_count];
        const char *why = read_rule(texts->items[i], mibs, rule);
        if (why != NULL) {
            (void)snprintf(text, text_size, "`%s` %s", texts->items[i], why);
            return false;
        }
        rule->is_allowing = is_allowing;
        const struct trap_rule *other = find_same(r, rule);
        if (other != NULL) {
            (void)snprintf(text, text_size,
                "`%s` is in `allow_traps` too (`%s`); leave one of them out", rule->text,
                other->text);
            return false;
        }
        r->access.rule_count++;
    }
    return true;
}

bool
rules_init(struct rules *r, const struct trapd_listener *l, const struct mib_table *const mibs[2],
    const char **ret_key, char *text, size_t text_size)
{
    const char *key = "allow_traps";

    *r = (struct rules){ .access = { .users = l->users.items, .user_count = l->users.count } };
    r->items = calloc(l->allow_traps.count + l->deny_traps.count + 1, sizeof(*r->items));
    (void)snprintf(text, text_size, "out of memory");
    r->access.rules = r->items;
    bool ok = r->items != NULL && add_rules(r, &l->allow_traps, true, mibs, text, text_size);
    if (ok) {
        key = "deny_traps";
        ok = add_rules(r, &l->deny_traps, false, mibs, text, text_size);
    }
    if (!ok) {
        *ret_key = key;
        rules_done(r);
    }
    return ok;
}

void
rules_done(struct rules *r)
{
    free(r->items);
    *r = (struct rules){ 0 };
}

/* ---- Checks ---- */

static bool
is_user(const struct trapd_users *users, const char *name)
{
    for (size_t i = 0; i < users->count; i++) {
        if (users->items[i].name != NULL && strcmp(users->items[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void
check_users(const struct trapd_conf *config, struct sr_conf_problems *problems)
{
    const struct trapd_listener *listeners = config->common.listeners.items;
    struct trapd_users users;
    char error[512], where[64];

    if (!trapd_users_load(config, &users, error, sizeof(error))) {
        return; /* which is a problem of its own */
    }
    for (size_t i = 0; i < config->common.listeners.count; i++) {
        const struct sr_conf_strings *names = &listeners[i].users;
        for (size_t j = 0; j < names->count; j++) {
            if (!is_user(&users, names->items[j])) {
                (void)snprintf(where, sizeof(where), "listeners[%zu].users", i);
                sr_conf_problem(problems, where,
                    "`%s` is nobody; add it to `users` or `users_file`", names->items[j]);
            }
        }
    }
    trapd_users_done(&users);
}

static bool
has_rules(const struct trapd_conf *config)
{
    const struct trapd_listener *listeners = config->common.listeners.items;

    for (size_t i = 0; i < config->common.listeners.count; i++) {
        if (listeners[i].allow_traps.count + listeners[i].deny_traps.count > 0) {
            return true;
        }
    }
    return false;
}

static void
check_traps(const struct trapd_conf *config, struct sr_conf_problems *problems)
{
    const struct trapd_listener *listeners = config->common.listeners.items;
    const struct mib_table *mibs[2] = { NULL, mib_standard() };
    struct mib_file file = { 0 };
    char text[512], where[64];
    const char *key;
    struct rules rules;

    if (config->mib_file != NULL) {
        if (!mib_file_open(config->mib_file, &file, text, sizeof(text))) {
            return; /* which is a problem of its own */
        }
        mibs[0] = &file.table;
    }
    for (size_t i = 0; i < config->common.listeners.count; i++) {
        if (rules_init(&rules, &listeners[i], mibs, &key, text, sizeof(text))) {
            rules_done(&rules);
        } else {
            (void)snprintf(where, sizeof(where), "listeners[%zu].%s", i, key);
            sr_conf_problem(problems, where, "%s", text);
        }
    }
    mib_file_close(&file);
}

void
rules_check(const struct trapd_conf *config, struct sr_conf_problems *problems)
{
    check_users(config, problems);
    if (has_rules(config)) {
        check_traps(config, problems);
    }
}
