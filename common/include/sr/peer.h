/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_PEER_H_INCLUDED
#define SR_PEER_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest text of an address: "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" and a NUL. */
#define SR_PEER_TEXT_MAX 46

/*
 * Who sent a datagram. IPv4 addresses, v4-mapped ones included, use the first four bytes of
 * `address`. A program of this host that wrote to a Unix socket has no address: all zeros.
 */
struct sr_peer {
    uint8_t address[16];
    uint16_t port; /* host order */
    bool is_v6;
    bool is_local; /* it has no address */
};

/*
 * Writes the address without its port into `out` (SR_PEER_TEXT_MAX bytes), NUL-terminated, and
 * returns its length. IPv6 is written as RFC 5952 says: lower case, longest run of zeros as "::".
 * Of a local one it is "local".
 */
size_t sr_peer_text(const struct sr_peer *peer, char *out);

#endif
