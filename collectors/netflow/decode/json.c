/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/json.h"

#include <stddef.h>

#include "sr/banned.h"
#include "sr/json.h"

/* What has to fit behind "extra" and "options", whatever is cut. */
#define TAIL                                                                                       \
    sizeof("},\"options_cut\":true,\"type\":\"NETFLOW_V9\",\"template\":65535,"                    \
           "\"observation_domain_id\":4294967295}")

/* Of nf_flow.present[0]: the fields of the message. */
#define MESSAGE_BITS ((UINT64_C(1) << NF_MESSAGE_SLOTS) - 1)

enum kind { NUMBER = 0, TYPE, ADDRESS, MAC, TEXT, NUMBERS, LAYERS, ADDRESSES };

/* A field of FlowMessage. */
struct message_field {
    char key[NF_JSON_KEY_MAX];
    uint8_t key_length;
    uint8_t kind;  /* enum kind */
    uint16_t list; /* of repeated fields: offset of the list in struct nf_flow */
};

#define KEY(name) ",\"" name "\":", sizeof(name) - 1 + 4
#define LIST(kind, member) (kind), offsetof(struct nf_flow, member)

static const struct message_field message_fields[NF_MESSAGE_SLOTS] = {
    [NF_TYPE] = { KEY("type"), TYPE, 0 },
    [NF_SAMPLING_RATE] = { KEY("sampling_rate"), NUMBER, 0 },
    [NF_SEQUENCE_NUM] = { KEY("sequence_num"), NUMBER, 0 },
    [NF_SRC_ADDR] = { KEY("src_addr"), ADDRESS, 0 },
    [NF_DST_ADDR] = { KEY("dst_addr"), ADDRESS, 0 },
    [NF_BYTES] = { KEY("bytes"), NUMBER, 0 },
    [NF_PACKETS] = { KEY("packets"), NUMBER, 0 },
    [NF_SAMPLER_ADDRESS] = { KEY("sampler_address"), ADDRESS, 0 },
    [NF_NEXT_HOP] = { KEY("next_hop"), ADDRESS, 0 },
    [NF_NEXT_HOP_AS] = { KEY("next_hop_as"), NUMBER, 0 },
    [NF_SRC_AS] = { KEY("src_as"), NUMBER, 0 },
    [NF_DST_AS] = { KEY("dst_as"), NUMBER, 0 },
    [NF_SRC_NET] = { KEY("src_net"), NUMBER, 0 },
    [NF_DST_NET] = { KEY("dst_net"), NUMBER, 0 },
    [NF_IN_IF] = { KEY("in_if"), NUMBER, 0 },
    [NF_OUT_IF] = { KEY("out_if"), NUMBER, 0 },
    [NF_PROTO] = { KEY("proto"), NUMBER, 0 },
    [NF_SRC_PORT] = { KEY("src_port"), NUMBER, 0 },
    [NF_DST_PORT] = { KEY("dst_port"), NUMBER, 0 },
    [NF_IP_TOS] = { KEY("ip_tos"), NUMBER, 0 },
    [NF_FORWARDING_STATUS] = { KEY("forwarding_status"), NUMBER, 0 },
    [NF_IP_TTL] = { KEY("ip_ttl"), NUMBER, 0 },
    [NF_TCP_FLAGS] = { KEY("tcp_flags"), NUMBER, 0 },
    [NF_SRC_MAC] = { KEY("src_mac"), MAC, 0 },
    [NF_DST_MAC] = { KEY("dst_mac"), MAC, 0 },
    [NF_VLAN_ID] = { KEY("vlan_id"), NUMBER, 0 },
    [NF_ETYPE] = { KEY("etype"), NUMBER, 0 },
    [NF_ICMP_TYPE] = { KEY("icmp_type"), NUMBER, 0 },
    [NF_ICMP_CODE] = { KEY("icmp_code"), NUMBER, 0 },
    [NF_SRC_VLAN] = { KEY("src_vlan"), NUMBER, 0 },
    [NF_DST_VLAN] = { KEY("dst_vlan"), NUMBER, 0 },
    [NF_FRAGMENT_ID] = { KEY("fragment_id"), NUMBER, 0 },
    [NF_FRAGMENT_OFFSET] = { KEY("fragment_offset"), NUMBER, 0 },
    [NF_IPV6_FLOW_LABEL] = { KEY("ipv6_flow_label"), NUMBER, 0 },
    [NF_IP_FLAGS] = { KEY("ip_flags"), NUMBER, 0 },
    [NF_OBSERVATION_DOMAIN_ID] = { KEY("observation_domain_id"), NUMBER, 0 },
    [NF_OBSERVATION_POINT_ID] = { KEY("observation_point_id"), NUMBER, 0 },
    [NF_MPLS_TTL] = { KEY("mpls_ttl"), LIST(NUMBERS, mpls_ttl) },
    [NF_MPLS_LABEL] = { KEY("mpls_label"), LIST(NUMBERS, mpls_label) },
    [NF_MPLS_IP] = { KEY("mpls_ip"), LIST(ADDRESSES, mpls_ip) },
    [NF_BGP_NEXT_HOP] = { KEY("bgp_next_hop"), ADDRESS, 0 },
    [NF_BGP_COMMUNITIES] = { KEY("bgp_communities"), LIST(NUMBERS, bgp_communities) },
    [NF_AS_PATH] = { KEY("as_path"), LIST(NUMBERS, as_path) },
    [NF_LAYER_STACK] = { KEY("layer_stack"), LIST(LAYERS, layer_stack) },
    [NF_LAYER_SIZE] = { KEY("layer_size"), LIST(NUMBERS, layer_size) },
    [NF_IPV6_ROUTING_HEADER_ADDRESSES] = { KEY("ipv6_routing_header_addresses"),
        LIST(ADDRESSES, routing_addresses) },
    [NF_IPV6_ROUTING_HEADER_SEG_LEFT] = { KEY("ipv6_routing_header_seg_left"), NUMBER, 0 },
    [NF_PROTOCOL_NAME] = { KEY("protocol_name"), TEXT, 0 },
    [NF_TIME_RECEIVED_NS] = { KEY("time_received_ns"), NUMBER, 0 },
    [NF_TIME_FLOW_START_NS] = { KEY("time_flow_start_ns"), NUMBER, 0 },
    [NF_TIME_FLOW_END_NS] = { KEY("time_flow_end_ns"), NUMBER, 0 },
    [NF_BYTES_IN] = { KEY("bytes_in"), NUMBER, 0 },
    [NF_BYTES_OUT] = { KEY("bytes_out"), NUMBER, 0 },
    [NF_PACKETS_IN] = { KEY("packets_in"), NUMBER, 0 },
    [NF_PACKETS_OUT] = { KEY("packets_out"), NUMBER, 0 },
};

/* flowpb.FlowMessage.FlowType */
static const char *const type_names[] = { "\"FLOWUNKNOWN\"", "\"SFLOW_5\"", "\"NETFLOW_V5\"",
    "\"NETFLOW_V9\"", "\"IPFIX\"" };

static const char *const layer_names[] = {
    [NF_LAYER_ETHERNET] = "\"Ethernet\"",
    [NF_LAYER_IPV4] = "\"IPv4\"",
    [NF_LAYER_IPV6] = "\"IPv6\"",
    [NF_LAYER_TCP] = "\"TCP\"",
    [NF_LAYER_UDP] = "\"UDP\"",
    [NF_LAYER_MPLS] = "\"MPLS\"",
    [NF_LAYER_DOT1Q] = "\"Dot1Q\"",
    [NF_LAYER_ICMP] = "\"ICMP\"",
    [NF_LAYER_ICMPV6] = "\"ICMPv6\"",
    [NF_LAYER_GRE] = "\"GRE\"",
    [NF_LAYER_IPV6_ROUTING] = "\"IPv6HeaderRouting\"",
    [NF_LAYER_IPV6_FRAGMENT] = "\"IPv6HeaderFragment\"",
    [NF_LAYER_GENEVE] = "\"Geneve\"",
    [NF_LAYER_TEREDO] = "\"Teredo\"",
};

/* An enumerator by name; one without is its number, as proto3 does in JSON. */
static void
add_name(struct sr_buf *b, const char *const *names, size_t count, uint64_t value)
{
    if (value < count) {
        sr_buf_add_text(b, names[value]);
    } else {
        sr_buf_add_u64(b, value);
    }
}

static void
add_layer(struct sr_buf *b, uint32_t layer)
{
    if (layer == NF_LAYER_CUSTOM) {
        sr_buf_add_text(b, "\"Custom\"");
    } else {
        add_name(b, layer_names, sizeof(layer_names) / sizeof(layer_names[0]), layer);
    }
}

static void
add_mac(struct sr_buf *b, uint64_t value)
{
    uint8_t mac[6];

    for (unsigned i = 0; i < sizeof(mac); i++) {
        mac[i] = (uint8_t)(value >> (8 * (sizeof(mac) - 1 - i)));
    }
    nf_json_mac(b, (struct sr_span){ mac, sizeof(mac) });
}

static void
add_numbers(struct sr_buf *b, const struct nf_numbers *list, enum kind kind)
{
    for (unsigned i = 0; i < list->count && i < NF_LIST_MAX; i++) {
        sr_buf_put(b, i == 0 ? '[' : ',');
        if (kind == LAYERS) {
            add_layer(b, list->items[i]);
        } else {
            sr_buf_add_u64(b, list->items[i]);
        }
    }
    sr_buf_add_text(b, list->count == 0 ? "[]" : "]");
}

static void
add_addresses(struct sr_buf *b, const struct nf_addresses *list)
{
    for (unsigned i = 0; i < list->count && i < NF_LIST_MAX; i++) {
        sr_buf_put(b, i == 0 ? '[' : ',');
        nf_json_address(b, list->items[i]);
    }
    sr_buf_add_text(b, list->count == 0 ? "[]" : "]");
}

static void
add_message_field(struct sr_buf *b, const struct nf_flow *f, unsigned slot)
{
    const struct message_field *field = &message_fields[slot];
    const void *list = (const char *)f + field->list;

    nf_json_key(b, field->key, field->key_length);
    switch ((enum kind)field->kind) {
    case NUMBER: sr_buf_add_u64(b, f->number[slot]); break;
    case TYPE:
        add_name(b, type_names, sizeof(type_names) / sizeof(type_names[0]), f->number[slot]);
        break;
    case ADDRESS: nf_json_address(b, f->bytes[slot]); break;
    case MAC: add_mac(b, f->number[slot]); break;
    case TEXT: sr_json_string(b, f->bytes[slot]); break;
    case NUMBERS:
    case LAYERS: add_numbers(b, list, field->kind); break;
    case ADDRESSES: add_addresses(b, list); break;
    }
}

/* The brace before the members that were written since `before`, or that of none. */
static void
open_object(struct sr_buf *b, size_t before)
{
    if (b->len > before) {
        b->data[before] = '{'; /* where the first member has its comma */
    } else {
        sr_buf_put(b, '{');
    }
}

/* Takes the room of TAIL out of what may be written, so that it is there at the end. */
static size_t
hold_back(struct sr_buf *b)
{
    size_t held = b->cap - b->len < TAIL ? b->cap - b->len : TAIL;

    b->cap -= held;
    return held;
}

/* The engine that a message of v5 came from. */
static void
add_engine(struct sr_buf *b, const struct nf_header *h)
{
    if (h->version == 5 && h->domain != 0) {
        sr_buf_add_text(b, ",\"engineType\":");
        sr_buf_add_u64(b, h->domain >> 8 & 0xff);
        sr_buf_add_text(b, ",\"engineId\":");
        sr_buf_add_u64(b, h->domain & 0xff);
    }
}

static bool
add_extra_members(struct sr_buf *b, const struct nf_record *r)
{
    if (r->template == NULL) {
        add_engine(b, r->header);
        return true;
    }
    nf_json_plan(r->plan, r->template, true, r->header->received_ns);
    /* Names first: they are worth more than what they may crowd out. */
    bool names = nf_json_names(b, r);
    bool elements = nf_json_elements(b, r);
    return names && elements;
}

static void
add_extra(struct sr_buf *b, const struct nf_record *r)
{
    size_t before = b->len;
    size_t held = hold_back(b);
    bool whole = false;

    sr_buf_add_text(b, ",\"extra\":");
    size_t empty = b->len;
    if (!b->overflow) {
        whole = add_extra_members(b, r);
    }
    bool written = !b->overflow && b->len > empty;
    b->overflow = false;
    b->cap += held;
    if (written) {
        open_object(b, empty);
        sr_buf_put(b, '}');
    } else {
        b->len = before;
    }
    if (!whole) {
        sr_buf_add_text(b, ",\"extra_cut\":true");
    }
}

void
nf_json_write(struct sr_buf *b, const struct nf_flow *f, const struct nf_record *r)
{
    size_t before = b->len;

    for (uint64_t left = f->present[0] & MESSAGE_BITS; left != 0; left &= left - 1) {
        add_message_field(b, f, (unsigned)__builtin_ctzll(left));
    }
    if (!b->overflow) {
        add_extra(b, r);
    }
    open_object(b, before);
    sr_buf_put(b, '}');
}

void
nf_json_write_options(struct sr_buf *b, const struct nf_record *r)
{
    bool whole = true;

    sr_buf_add_text(b, "{\"options\":");
    size_t before = b->len;
    if (!b->overflow && r->template != NULL) {
        size_t held = hold_back(b);
        nf_json_plan(r->plan, r->template, false, r->header->received_ns);
        whole = nf_json_elements(b, r);
        b->cap += held;
    }
    open_object(b, before);
    sr_buf_put(b, '}');
    if (!whole) {
        sr_buf_add_text(b, ",\"options_cut\":true");
    }
    sr_buf_add_text(
        b, r->header->version == 9 ? ",\"type\":\"NETFLOW_V9\"" : ",\"type\":\"IPFIX\"");
    if (r->template != NULL) {
        sr_buf_add_text(b, ",\"template\":");
        sr_buf_add_u64(b, r->template->id);
    }
    sr_buf_add_text(b, ",\"observation_domain_id\":");
    sr_buf_add_u64(b, r->header->domain);
    sr_buf_put(b, '}');
}
