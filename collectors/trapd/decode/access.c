/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/access.h"

#include <string.h>

#include "sr/banned.h"

static bool
is_user(const struct trap_access *access, struct sr_span user)
{
    for (size_t i = 0; i < access->user_count; i++) {
        const char *name = access->users[i];
        if (strlen(name) == user.len && memcmp(name, user.data, user.len) == 0) {
            return true;
        }
    }
    return access->user_count == 0;
}

static bool
begins_with(const uint32_t *arcs, unsigned count, const struct trap_rule *rule, unsigned len)
{
    return count >= len && memcmp(arcs, rule->arcs, len * sizeof(arcs[0])) == 0;
}

static bool
is_match(const struct trap_rule *rule, const uint32_t *arcs, unsigned count)
{
    if (rule->is_prefix) {
        return count > rule->count && begins_with(arcs, count, rule, rule->count);
    }
    if (count == rule->count) {
        return begins_with(arcs, count, rule, count);
    }
    return rule->count > 0 && count == rule->count + 1 && arcs[count - 2] == 0 &&
           arcs[count - 1] == rule->arcs[rule->count - 1] &&
           begins_with(arcs, count, rule, rule->count - 1);
}

static bool
is_closer(const struct trap_rule *a, const struct trap_rule *b)
{
    return a->count != b->count ? a->count > b->count : b->is_prefix && !a->is_prefix;
}

/* The rule that decides about a notification; NULL: there is none. */
static const struct trap_rule *
find_rule(const struct trap_access *access, const struct trap_message *message)
{
    const struct trap_rule *best = NULL;
    uint32_t arcs[BER_SUB_IDS_MAX + 2];
    unsigned count;

    if (!trap_identity(message, arcs, &count)) {
        return NULL;
    }
    for (size_t i = 0; i < access->rule_count; i++) {
        const struct trap_rule *rule = &access->rules[i];
        if ((best == NULL || is_closer(rule, best)) && is_match(rule, arcs, count)) {
            best = rule;
        }
    }
    return best;
}

static bool
allows_some(const struct trap_access *access)
{
    for (size_t i = 0; i < access->rule_count; i++) {
        if (access->rules[i].is_allowing) {
            return true;
        }
    }
    return false;
}

const char *
trap_access_refusal(const struct trap_access *access, const struct trap_message *message,
    const struct trap_rule **ret_rule)
{
    *ret_rule = NULL;
    if (message->version == TRAP_V3 && !is_user(access, message->user)) {
        return "user_not_allowed";
    }
    if (access->rule_count == 0) {
        return NULL;
    }
    const struct trap_rule *rule = find_rule(access, message);
    *ret_rule = rule;
    bool is_allowed = rule != NULL ? rule->is_allowing : !allows_some(access);
    return is_allowed ? NULL : "trap_not_allowed";
}
