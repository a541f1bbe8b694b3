/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_ACCESS_H_INCLUDED
#define NETFLOW_ACCESS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "sr/conf.h"
#include "sr/network.h"

/* Who may send. No network at all: everybody. */
struct access {
    struct sr_network *networks; /* owned */
    size_t count;
};

/* Reads texts that were checked already. False without memory, or when one is no network. */
bool access_init(struct access *a, const struct sr_conf_strings *texts);
void access_done(struct access *a);

bool access_allows(const struct access *a, const struct sr_peer *peer);

#endif
