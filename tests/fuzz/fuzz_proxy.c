/* SPDX-License-Identifier: Apache-2.0 */
#include "require.h"
#include "sr/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A header is the same with anything behind it, and no part of it is one. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sr_proxy whole = { .used = 0 }, part;
    enum sr_proxy_state state = sr_proxy_read((struct sr_span){ data, size }, &whole);

    require(state != SR_PROXY_MORE || size < SR_PROXY_MAX);
    if (state != SR_PROXY_HEADER) {
        return 0;
    }
    require(whole.used <= size && whole.used <= SR_PROXY_MAX);
    require(sr_proxy_read((struct sr_span){ data, whole.used }, &part) == SR_PROXY_HEADER);
    require(part.used == whole.used && part.source.port == whole.source.port);
    require(sr_proxy_read((struct sr_span){ data, whole.used - 1 }, &part) == SR_PROXY_MORE);
    return 0;
}
