/* SPDX-License-Identifier: Apache-2.0 */
#include "load/mark.h"

#include "decode/output.h"

#include "sr/banned.h"

#define FIRST_BYTE 10U /* of the source address */
#define IPV4_LEN 4U
#define LOW_BITS 32U /* of the number that the destination address holds */

static bool
read_flow(struct sr_span record, struct mark *ret_mark)
{
    struct nf_flow flow;

    if (!nf_protobuf_read(record, &flow) || !nf_flow_has(&flow, NF_SRC_ADDR) ||
        !nf_flow_has(&flow, NF_DST_ADDR)) {
        return false;
    }
    struct sr_reader source = sr_reader_init(flow.bytes[NF_SRC_ADDR]);
    struct sr_reader destination = sr_reader_init(flow.bytes[NF_DST_ADDR]);
    if (sr_reader_left(&source) != IPV4_LEN || sr_reader_left(&destination) != IPV4_LEN) {
        return false;
    }
    uint32_t address = sr_reader_be32(&source);
    uint64_t port = nf_flow_get(&flow, NF_SRC_PORT);
    if (address >> 24 != FIRST_BYTE || port > UINT16_MAX) {
        return false;
    }
    *ret_mark =
        (struct mark){ address & 0xFFFFFF, port << LOW_BITS | sr_reader_be32(&destination) };
    return true;
}

bool
mark_read(enum traffic_kind kind, struct sr_span record, struct mark *ret_mark)
{
    if (kind == TRAFFIC_NETFLOW) {
        return read_flow(record, ret_mark);
    }
    return mark_read_text(record, ret_mark);
}
