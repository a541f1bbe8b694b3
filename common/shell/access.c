/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/access.h"

#include <stdio.h>
#include <stdlib.h>

#include "sr/banned.h"

const char *
sr_access_check(const struct sr_conf_strings *texts, char *text, size_t text_size)
{
    struct sr_network network;

    for (size_t i = 0; i < texts->count; i++) {
        const char *why = sr_network_parse(texts->items[i], &network);
        if (why != NULL) {
            (void)snprintf(text, text_size, "`%s` %s", texts->items[i], why);
            return text;
        }
    }
    return NULL;
}

bool
sr_access_init(struct sr_access *a, const struct sr_conf_strings *texts)
{
    *a = (struct sr_access){ 0 };
    if (texts->count == 0) {
        return true;
    }
    a->networks = calloc(texts->count, sizeof(*a->networks));
    if (a->networks == NULL) {
        return false;
    }
    for (; a->count < texts->count; a->count++) {
        if (sr_network_parse(texts->items[a->count], &a->networks[a->count]) != NULL) {
            sr_access_done(a);
            return false;
        }
    }
    return true;
}

void
sr_access_done(struct sr_access *a)
{
    free(a->networks);
    *a = (struct sr_access){ 0 };
}

bool
sr_access_allows(const struct sr_access *a, const struct sr_peer *peer)
{
    for (size_t i = 0; i < a->count; i++) {
        if (sr_network_has(&a->networks[i], peer)) {
            return true;
        }
    }
    return a->count == 0;
}
