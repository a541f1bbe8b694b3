/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_ACCESS_H_INCLUDED
#define SR_ACCESS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "sr/conf.h"
#include "sr/network.h"

/* A network whose addresses may send, or may not. */
struct sr_access_rule {
    struct sr_network network;
    bool is_allowing;
};

/*
 * Who may send: of the networks that an address is in the smallest decides. An address that is in
 * none may send when no network is allowed by name. Of programs of this host the mode of the socket
 * says which may.
 */
struct sr_access {
    struct sr_access_rule *rules; /* owned; the longest prefixes first */
    size_t count;
    bool has_allowing;
};

/*
 * NULL when each of `texts` is an address or a network that is not among `others` (NULL: none) too,
 * else what is wrong, in `text`: for the check of a key (sr/conf.h). What is wrong with `others` is
 * not told.
 */
const char *sr_access_check(const struct sr_conf_strings *texts,
    const struct sr_conf_strings *others, char *text, size_t text_size);

/*
 * Reads texts that were checked already; `deny` may be NULL. False without memory, or when one is
 * no network.
 */
bool sr_access_init(
    struct sr_access *a, const struct sr_conf_strings *allow, const struct sr_conf_strings *deny);
void sr_access_done(struct sr_access *a);

/* Programs of this host, which have no address, may always send. */
bool sr_access_allows(const struct sr_access *a, const struct sr_peer *peer);

#endif
