/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_NETWORK_H_INCLUDED
#define SR_NETWORK_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/peer.h"

/* The addresses that begin with the same `prefix` bits. Other bits are zero. */
struct sr_network {
    uint8_t address[16]; /* as in struct sr_peer */
    bool is_v6;
    uint8_t prefix; /* at most 32 for IPv4, else 128 */
};

/*
 * Reads "10.0.0.0/8", "2001:db8::/32", or an address alone, which is a network of one; IPv6 as RFC
 * 4291 section 2.2 writes it. A v4-mapped network (::ffff:10.0.0.0/104) becomes the IPv4 one, as
 * senders do. Returns NULL when fine, else what is wrong, in static words; *ret_network is then
 * not written.
 */
const char *sr_network_parse(const char *text, struct sr_network *ret_network);

/* True when the sender's address is in the network. Ports do not matter. */
bool sr_network_has(const struct sr_network *network, const struct sr_peer *peer);

#endif
