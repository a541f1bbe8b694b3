/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams of NetFlow and IPFIX made new, a length of two bytes before each. */
#include <stdlib.h>

#include "replay/rewrite_parts.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[REWRITE_ROOM];
    struct rewrite_flows *f = rewrite_flows_new(1, size % 2 == 0);
    uint64_t ns = UINT64_C(1795348923123456789), number;
    uint32_t next = 0, records;
    struct sr_span got;

    require(f != NULL);
    for (size_t at = 0; at + 2 <= size;) {
        size_t len = (size_t)data[at] << 8 | data[at + 1];
        at += 2;
        len = len < size - at ? len : size - at;
        struct sr_span bytes = { data + at, len };
        if (rewrite_flows_datagram(f, next % 3, ns, next, bytes, out, &got, &records) ==
            REWRITE_OK) {
            require(got.data == out && got.len == len);
            next += records > 0;
        }
        (void)rewrite_flows_find(f, bytes, &number);
        at += len;
    }
    rewrite_flows_free(f);
    return 0;
}
