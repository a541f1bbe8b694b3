/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_ACCESS_H_INCLUDED
#define SR_ACCESS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "sr/conf.h"
#include "sr/network.h"

/* Who may send. No network at all: everybody. */
struct sr_access {
    struct sr_network *networks; /* owned */
    size_t count;
};

/*
 * NULL when each text is an address or a network, else what is wrong, in `text`: for the check of
 * a key (sr/conf.h).
 */
const char *sr_access_check(const struct sr_conf_strings *texts, char *text, size_t text_size);

/* Reads texts that were checked already. False without memory, or when one is no network. */
bool sr_access_init(struct sr_access *a, const struct sr_conf_strings *texts);
void sr_access_done(struct sr_access *a);

bool sr_access_allows(const struct sr_access *a, const struct sr_peer *peer);

#endif
