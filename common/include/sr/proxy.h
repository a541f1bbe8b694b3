/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_PROXY_H_INCLUDED
#define SR_PROXY_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "sr/peer.h"
#include "sr/span.h"

/*
 * The PROXY protocol, versions 1 and 2: what a balancer puts in front of a connection that it
 * passes on, so that whoever accepts it knows who made it.
 */

/* Bytes of a header that is taken; those of balancers have some hundred. */
#define SR_PROXY_MAX 2048U

enum sr_proxy_state {
    SR_PROXY_MORE = 0, /* it may become one */
    SR_PROXY_HEADER,
    SR_PROXY_BAD, /* it is none, or not valid, or too long */
};

struct sr_proxy {
    size_t used;           /* bytes of the header; what follows is the connection's */
    bool has_source;       /* false: the balancer speaks for itself, or does not know */
    struct sr_peer source; /* with its port */
};

/*
 * Looks for a header at the beginning of a connection. With SR_PROXY_MAX bytes it is never MORE.
 * *ret_proxy is written for HEADER only.
 */
enum sr_proxy_state sr_proxy_read(struct sr_span bytes, struct sr_proxy *ret_proxy);

#endif
