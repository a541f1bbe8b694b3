/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/access.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

static bool
is_same(const struct sr_network *a, const struct sr_network *b)
{
    return a->is_v6 == b->is_v6 && a->prefix == b->prefix &&
           memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static const char *
find_same(const struct sr_conf_strings *texts, const struct sr_network *network)
{
    struct sr_network other;

    for (size_t i = 0; texts != NULL && i < texts->count; i++) {
        if (sr_network_parse(texts->items[i], &other) == NULL && is_same(&other, network)) {
            return texts->items[i];
        }
    }
    return NULL;
}

const char *
sr_access_check(const struct sr_conf_strings *texts, const struct sr_conf_strings *others,
    char *text, size_t text_size)
{
    struct sr_network network;

    for (size_t i = 0; i < texts->count; i++) {
        const char *why = sr_network_parse(texts->items[i], &network);
        if (why != NULL) {
            (void)snprintf(text, text_size, "`%s` %s", texts->items[i], why);
            return text;
        }
        const char *other = find_same(others, &network);
        if (other != NULL) {
            (void)snprintf(text, text_size, "`%s` is in `allow` too (`%s`); leave one of them out",
                texts->items[i], other);
            return text;
        }
    }
    return NULL;
}

static bool
add(struct sr_access *a, const struct sr_conf_strings *texts, bool is_allowing)
{
    for (size_t i = 0; texts != NULL && i < texts->count; i++) {
        struct sr_access_rule *rule = &a->rules[a->count];
        if (sr_network_parse(texts->items[i], &rule->network) != NULL) {
            return false;
        }
        rule->is_allowing = is_allowing;
        a->count++;
    }
    return true;
}

static int
by_prefix(const void *a, const void *b)
{
    const struct sr_access_rule *x = a, *y = b;

    return (int)y->network.prefix - (int)x->network.prefix;
}

bool
sr_access_init(
    struct sr_access *a, const struct sr_conf_strings *allow, const struct sr_conf_strings *deny)
{
    size_t count = allow->count + (deny != NULL ? deny->count : 0);

    *a = (struct sr_access){ .has_allowing = allow->count > 0 };
    if (count == 0) {
        return true;
    }
    a->rules = calloc(count, sizeof(*a->rules));
    if (a->rules == NULL || !add(a, allow, true) || !add(a, deny, false)) {
        sr_access_done(a);
        return false;
    }
    qsort(a->rules, a->count, sizeof(*a->rules), by_prefix);
    return true;
}

void
sr_access_done(struct sr_access *a)
{
    free(a->rules);
    *a = (struct sr_access){ 0 };
}

bool
sr_access_allows(const struct sr_access *a, const struct sr_peer *peer)
{
    if (peer->is_local) {
        return true;
    }
    for (size_t i = 0; i < a->count && !peer->is_local; i++) {
        if (sr_network_has(&a->rules[i].network, peer)) {
            return a->rules[i].is_allowing;
        }
    }
    return peer->is_local || !a->has_allowing;
}
