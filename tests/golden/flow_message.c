/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sr/banned.h"

enum type { NONE = 0, U32, U64, BYTES, PACKED, MANY_BYTES };

/* `key` is the name in upstream_rust.jsonl, where it has the field. */
static const struct tag {
    const char *name;
    enum type type;
    const char *key;
} tags[FLOW_TAGS] = {
    [1] = { "type", U32, "type" },
    [3] = { "sampling_rate", U64, "sampling_rate" },
    [4] = { "sequence_num", U32, "seq" },
    [6] = { "src_addr", BYTES, "src" },
    [7] = { "dst_addr", BYTES, "dst" },
    [9] = { "bytes", U64, "bytes" },
    [10] = { "packets", U64, "packets" },
    [11] = { "sampler_address", BYTES, "sampler" },
    [12] = { "next_hop", BYTES, "nh" },
    [13] = { "next_hop_as", U32, "nh_as" },
    [14] = { "src_as", U32, "src_as" },
    [15] = { "dst_as", U32, "dst_as" },
    [16] = { "src_net", U32, "src_net" },
    [17] = { "dst_net", U32, "dst_net" },
    [18] = { "in_if", U32, "in_if" },
    [19] = { "out_if", U32, "out_if" },
    [20] = { "proto", U32, "proto" },
    [21] = { "src_port", U32, "sport" },
    [22] = { "dst_port", U32, "dport" },
    [23] = { "ip_tos", U32, "tos" },
    [24] = { "forwarding_status", U32, NULL },
    [25] = { "ip_ttl", U32, "ttl" },
    [26] = { "tcp_flags", U32, "tcp" },
    [27] = { "src_mac", U64, "smac" },
    [28] = { "dst_mac", U64, "dmac" },
    [29] = { "vlan_id", U32, "vlan" },
    [30] = { "etype", U32, NULL },
    [31] = { "icmp_type", U32, "icmp_t" },
    [32] = { "icmp_code", U32, "icmp_c" },
    [33] = { "src_vlan", U32, "svlan" },
    [34] = { "dst_vlan", U32, "dvlan" },
    [35] = { "fragment_id", U32, NULL },
    [36] = { "fragment_offset", U32, NULL },
    [37] = { "ipv6_flow_label", U32, "fl6" },
    [38] = { "ip_flags", U32, NULL },
    [70] = { "observation_domain_id", U32, "odid" },
    [71] = { "observation_point_id", U32, NULL },
    [80] = { "mpls_ttl", PACKED, NULL },
    [81] = { "mpls_label", PACKED, NULL },
    [82] = { "mpls_ip", MANY_BYTES, NULL },
    [100] = { "bgp_next_hop", BYTES, "bgp_nh" },
    [101] = { "bgp_communities", PACKED, "comm" },
    [102] = { "as_path", PACKED, "as_path" },
    [103] = { "layer_stack", PACKED, NULL },
    [104] = { "layer_size", PACKED, NULL },
    [105] = { "ipv6_routing_header_addresses", MANY_BYTES, NULL },
    [106] = { "ipv6_routing_header_seg_left", U32, NULL },
    [107] = { "protocol_name", BYTES, "pname" },
    [110] = { "time_received_ns", U64, NULL },
    [111] = { "time_flow_start_ns", U64, "start" },
    [112] = { "time_flow_end_ns", U64, "end" },
    [113] = { "bytes_in", U64, "bytes_in" },
    [114] = { "bytes_out", U64, "bytes_out" },
    [115] = { "packets_in", U64, "packets_in" },
    [116] = { "packets_out", U64, "packets_out" },
};

const char *
flow_tag_name(unsigned tag)
{
    return tag < FLOW_TAGS ? tags[tag].name : NULL;
}

const char *
flow_tag_key(unsigned tag)
{
    return tag < FLOW_TAGS ? tags[tag].key : NULL;
}

static bool
read_varint(struct sr_reader *r, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;
    uint8_t byte = 0x80;

    for (unsigned shift = 0; (byte & 0x80) != 0; shift += 7) {
        byte = sr_reader_u8(r);
        if (r->failed || shift > 63 || (shift == 63 && byte > 1) || (shift > 0 && byte == 0)) {
            return false;
        }
        value |= (uint64_t)(byte & 0x7F) << shift;
    }
    *ret_value = value;
    return value <= max;
}

/* Appends one element of bytes, with its length before it when there may be several. */
static bool
add_bytes(struct flow_field *f, struct sr_span bytes, bool many)
{
    const size_t need = bytes.len + (many ? 1 : 0);

    if (bytes.len == 0 || f->count + need > FLOW_BYTES || (!many && f->count > 0)) {
        return false;
    }
    if (many) {
        f->bytes[f->count++] = (uint8_t)bytes.len;
    }
    memcpy(f->bytes + f->count, bytes.data, bytes.len);
    f->count += (unsigned)bytes.len;
    return true;
}

static bool
read_packed(struct flow_field *f, struct sr_span bytes)
{
    struct sr_reader r = sr_reader_init(bytes);
    uint64_t value;

    if (f->count > 0 || bytes.len == 0) {
        return false;
    }
    while (sr_reader_left(&r) > 0) {
        if (f->count == FLOW_ELEMENTS || !read_varint(&r, UINT32_MAX, &value)) {
            return false;
        }
        f->elements[f->count++] = (uint32_t)value;
    }
    return true;
}

static bool
read_field(struct sr_reader *r, unsigned tag, unsigned wire, struct flow_field *f)
{
    const enum type type = tag < FLOW_TAGS ? tags[tag].type : NONE;
    uint64_t value;

    if (type == NONE || wire != (type == U32 || type == U64 ? 0 : 2)) {
        return false;
    }
    if (!read_varint(r, type == U32 ? UINT32_MAX : UINT64_MAX, &value)) {
        return false;
    }
    if (wire == 0) {
        f->number = value;
        return value != 0 || tag == 1;
    }
    struct sr_span bytes = sr_reader_take(r, value < 4096 ? (size_t)value : 4096);
    if (r->failed) {
        return false;
    }
    return type == PACKED ? read_packed(f, bytes) : add_bytes(f, bytes, type == MANY_BYTES);
}

bool
flow_message_read(struct sr_span bytes, struct flow_message *ret_message)
{
    struct sr_reader r = sr_reader_init(bytes);
    unsigned last = 0;

    memset(ret_message, 0, sizeof(*ret_message));
    ret_message->length = bytes.len;
    while (sr_reader_left(&r) > 0) {
        uint64_t key;
        if (!read_varint(&r, FLOW_TAGS << 3, &key)) {
            return false;
        }
        const unsigned tag = (unsigned)(key >> 3);
        if (tag < last || (tag == last && tags[tag].type != MANY_BYTES) || tag >= FLOW_TAGS ||
            !read_field(&r, tag, key & 7, &ret_message->fields[tag])) {
            return false;
        }
        last = tag;
    }
    return bytes.len > 1 && bytes.data[0] == 0x08;
}

bool
flow_field_equal(const struct flow_message *a, const struct flow_message *b, unsigned tag)
{
    const struct flow_field *x = &a->fields[tag], *y = &b->fields[tag];

    return x->number == y->number && x->count == y->count &&
           memcmp(x->bytes, y->bytes, sizeof(x->bytes)) == 0 &&
           memcmp(x->elements, y->elements, sizeof(x->elements)) == 0;
}

unsigned
flow_message_differs(const struct flow_message *a, const struct flow_message *b)
{
    for (unsigned tag = 1; tag < FLOW_TAGS; tag++) {
        if (tag != FLOW_TIME_RECEIVED && !flow_field_equal(a, b, tag)) {
            return tag;
        }
    }
    return 0;
}

const char *
flow_field_text(const struct flow_message *message, unsigned tag, char *out, size_t out_size)
{
    const struct flow_field *f = &message->fields[tag];
    size_t at = 0;

    (void)snprintf(out, out_size, "%" PRIu64, f->number);
    for (unsigned i = 0; i < f->count && at + 12 < out_size; i++) {
        int wrote = tags[tag].type == PACKED
                        ? snprintf(out + at, out_size - at, "%" PRIu32 " ", f->elements[i])
                        : snprintf(out + at, out_size - at, "%02x", f->bytes[i]);
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    return out;
}
