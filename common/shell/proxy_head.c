/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/proxy_head.h"

#include <string.h>

#include "sr/banned.h"

enum sr_proxy_state
proxy_head_take(struct proxy_head *h, struct sr_span *bytes, struct sr_proxy *ret_proxy)
{
    size_t room = sizeof(h->bytes) - h->len;
    size_t len = bytes->len < room ? bytes->len : room;
    size_t behind = 0; /* of what was added, bytes that are not the header's */

    memcpy(h->bytes + h->len, bytes->data, len);
    h->len += len;
    enum sr_proxy_state state = sr_proxy_read((struct sr_span){ h->bytes, h->len }, ret_proxy);
    if (state == SR_PROXY_HEADER) {
        behind = h->len - ret_proxy->used;
    }
    size_t used = len - behind;
    *bytes = (struct sr_span){ bytes->data + used, bytes->len - used };
    return state;
}
