/* SPDX-License-Identifier: Apache-2.0 */
#include "access.h"

#include <stdlib.h>

#include "sr/banned.h"

bool
access_init(struct access *a, const struct sr_conf_strings *texts)
{
    *a = (struct access){ 0 };
    if (texts->count == 0) {
        return true;
    }
    a->networks = calloc(texts->count, sizeof(*a->networks));
    if (a->networks == NULL) {
        return false;
    }
    for (; a->count < texts->count; a->count++) {
        if (sr_network_parse(texts->items[a->count], &a->networks[a->count]) != NULL) {
            access_done(a);
            return false;
        }
    }
    return true;
}

void
access_done(struct access *a)
{
    free(a->networks);
    *a = (struct access){ 0 };
}

bool
access_allows(const struct access *a, const struct sr_peer *peer)
{
    for (size_t i = 0; i < a->count; i++) {
        if (sr_network_has(&a->networks[i], peer)) {
            return true;
        }
    }
    return a->count == 0;
}
