/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_PROXY_HEAD_H_INCLUDED
#define SHELL_PROXY_HEAD_H_INCLUDED

#include "sr/proxy.h"

/* What has come of the header of a balancer. Zeroed, it is nothing. */
struct proxy_head {
    size_t len;
    uint8_t bytes[SR_PROXY_MAX];
};

/*
 * Adds `*bytes` to it, which become those behind the header: none while there is MORE to come. See
 * sr/proxy.h.
 */
enum sr_proxy_state proxy_head_take(
    struct proxy_head *h, struct sr_span *bytes, struct sr_proxy *ret_proxy);

#endif
