/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/upstream.h"

#include <stdbool.h>

#include "decode/identifier.h"

#include "sr/banned.h"

#define SUB_ID_BYTES_MAX 9U /* 63 bits */

static bool
is_last(uint8_t byte)
{
    return (byte & 0x80) == 0;
}

/* True when a sub-identifier behind the first byte is whole and has too many bytes. */
static bool
has_long_sub_id(struct sr_span oid)
{
    size_t length = 0;

    for (size_t i = 1; i < oid.len; i++) {
        length++;
        if (!is_last(oid.data[i])) {
            continue;
        }
        if (length > SUB_ID_BYTES_MAX) {
            return true;
        }
        length = 0;
    }
    return false;
}

static void
write_bytes(struct sr_buf *b, struct sr_span oid)
{
    for (size_t i = 0; i < oid.len; i++) {
        if (i > 0) {
            sr_buf_put(b, ' ');
        }
        sr_buf_add_hex(b, (struct sr_span){ oid.data + i, 1 });
    }
}

void
trap_upstream_oid(struct sr_buf *b, struct sr_span oid)
{
    if (oid.len == 0) {
        return;
    }
    if (has_long_sub_id(oid)) {
        write_bytes(b, oid);
        return;
    }
    if (oid.data[0] > 0 && oid.data[0] < 80 && trap_identifier_write(b, oid)) {
        return; /* as everybody writes it */
    }
    sr_buf_add_u64(b, oid.data[0] / 40);
    if (oid.len == 1 && oid.data[0] == 0) {
        return;
    }
    sr_buf_put(b, '.');
    sr_buf_add_u64(b, oid.data[0] % 40);
    for (size_t i = 1; i < oid.len; i++) {
        uint64_t sub_id = oid.data[i] & 0x7f;
        while (!is_last(oid.data[i]) && i + 1 < oid.len) {
            sub_id = sub_id << 7 | (oid.data[++i] & 0x7f);
        }
        sr_buf_put(b, '.');
        sr_buf_add_u64(b, sub_id);
    }
}
