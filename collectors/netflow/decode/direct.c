/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/direct.h"

#include <string.h>

#include "decode/protobuf_ways.h"
#include "decode/protobuf_write.h"
#include "decode/v5_layout.h"

#include "sr/banned.h"

#define BIT(SLOT) (UINT64_C(1) << ((SLOT)&63))

enum { PROTO_ICMP = 1, PROTO_ICMPV6 = 58, ETYPE_IPV4 = 0x0800, ETYPE_IPV6 = 0x86dd };

/* Gathered values that only times and rates are made of, or that say nothing without others. */
#define HARMLESS                                                                                   \
    (BIT(NF_FIRST_SWITCHED) | BIT(NF_LAST_SWITCHED) | BIT(NF_START_SECONDS) |                      \
        BIT(NF_END_SECONDS) | BIT(NF_START_MILLISECONDS) | BIT(NF_END_MILLISECONDS) |              \
        BIT(NF_START_MICROSECONDS) | BIT(NF_END_MICROSECONDS) | BIT(NF_START_NANOSECONDS) |        \
        BIT(NF_END_NANOSECONDS) | BIT(NF_START_DELTA_MICROSECONDS) |                               \
        BIT(NF_END_DELTA_MICROSECONDS) | BIT(NF_INIT_MILLISECONDS) |                               \
        BIT(NF_DURATION_MILLISECONDS) | BIT(NF_DURATION_MICROSECONDS) | BIT(NF_OBSERVED_SECONDS) | \
        BIT(NF_OBSERVED_MILLISECONDS) | BIT(NF_OBSERVED_MICROSECONDS) |                            \
        BIT(NF_OBSERVED_NANOSECONDS) | BIT(NF_SAMPLER_ID) | BIT(NF_SELECTOR_ID) |                  \
        BIT(NF_IP_VERSION) | BIT(NF_FIREWALL_EVENT) | BIT(NF_NAT_EVENT) | BIT(NF_FRAME_LENGTH))

/* What nf_direct_finish() may make of any record. */
#define MADE_SLOTS                                                                                 \
    (BIT(NF_SAMPLING_RATE) | BIT(NF_ETYPE) | BIT(NF_TIME_FLOW_START_NS) | BIT(NF_TIME_FLOW_END_NS))

#define AT(SLOT, OFFSET, LENGTH)                                                                   \
    [SLOT] = { UINT64_MAX >> (64 - 8 * (LENGTH)), (OFFSET) + (LENGTH), LENGTH }

const struct nf_direct nf_direct_v5 = {
    .fields = MADE_SLOTS | BIT(NF_SRC_ADDR) | BIT(NF_DST_ADDR) | BIT(NF_NEXT_HOP) | BIT(NF_IN_IF) |
              BIT(NF_OUT_IF) | BIT(NF_PACKETS) | BIT(NF_BYTES) | BIT(NF_SRC_PORT) |
              BIT(NF_DST_PORT) | BIT(NF_TCP_FLAGS) | BIT(NF_PROTO) | BIT(NF_IP_TOS) |
              BIT(NF_SRC_AS) | BIT(NF_DST_AS) | BIT(NF_SRC_NET) | BIT(NF_DST_NET) |
              BIT(NF_BYTES_OUT) | BIT(NF_PACKETS_OUT),
    .etype = ETYPE_IPV4,
    .sources = {
        AT(NF_SRC_ADDR, NF_V5_SRC_ADDR, 4),
        AT(NF_DST_ADDR, NF_V5_DST_ADDR, 4),
        AT(NF_NEXT_HOP, NF_V5_NEXT_HOP, 4),
        AT(NF_IN_IF, NF_V5_INPUT, 2),
        AT(NF_OUT_IF, NF_V5_OUTPUT, 2),
        AT(NF_PACKETS, NF_V5_PACKETS, 4),
        AT(NF_BYTES, NF_V5_OCTETS, 4),
        AT(NF_SRC_PORT, NF_V5_SRC_PORT, 2),
        AT(NF_DST_PORT, NF_V5_DST_PORT, 2),
        AT(NF_TCP_FLAGS, NF_V5_TCP_FLAGS, 1),
        AT(NF_PROTO, NF_V5_PROTO, 1),
        AT(NF_IP_TOS, NF_V5_TOS, 1),
        AT(NF_SRC_AS, NF_V5_SRC_AS, 2),
        AT(NF_DST_AS, NF_V5_DST_AS, 2),
        AT(NF_SRC_NET, NF_V5_SRC_MASK, 1),
        AT(NF_DST_NET, NF_V5_DST_MASK, 1),
        AT(NF_BYTES_OUT, NF_V5_OCTETS, 4),
        AT(NF_PACKETS_OUT, NF_V5_PACKETS, 4),
    },
};

bool
nf_direct_is_allowed(const struct nf_config *config)
{
    return config->format == NF_FORMAT_PROTOBUF && config->flavour == NF_NATIVE &&
           !config->clamp_int32 && !config->drop_zero_counters;
}

/* ---- Sources ---- */

static bool
add(struct nf_direct *d, unsigned slot, unsigned offset, unsigned length)
{
    if (d->sources[slot].length != 0) {
        return false;
    }
    d->sources[slot] = (struct nf_source){
        .mask = length <= 8 ? UINT64_MAX >> (64 - 8 * length) : 0,
        .offset = (uint16_t)(offset + length),
        .length = (uint16_t)length,
    };
    d->fields |= BIT(slot);
    return true;
}

static bool
add_number(struct nf_direct *d, const struct nf_op *op)
{
    if (op->slot >= NF_GATHERED) {
        return (BIT(op->slot) & HARMLESS) != 0;
    }
    return (op->slot != NF_PROTO || op->length == 1) && add(d, op->slot, op->offset, op->length);
}

/* Where a record has an address of each family, they must be chosen from. */
static bool
add_address(struct nf_direct *d, const struct nf_op *op)
{
    unsigned slot = op->slot;

    switch (slot) {
    case NF_SRC_ADDR6: slot = NF_SRC_ADDR; break;
    case NF_DST_ADDR6: slot = NF_DST_ADDR; break;
    case NF_NEXT_HOP6: slot = NF_NEXT_HOP; break;
    case NF_BGP_NEXT_HOP6: slot = NF_BGP_NEXT_HOP; break;
    default: break;
    }
    return add(d, slot, op->offset, op->length);
}

static bool
add_op(struct nf_direct *d, const struct nf_op *op)
{
    switch ((enum nf_op_kind)op->kind) {
    case NF_OP_NUMBER: return add_number(d, op);
    case NF_OP_BYTES: return add_address(d, op);
    case NF_OP_SPECIAL:
        return op->slot == NF_SPECIAL_ICMP && add(d, NF_ICMP_TYPE, op->offset, 1) &&
               add(d, NF_ICMP_CODE, op->offset + 1U, 1);
    case NF_OP_NARROW: break;
    }
    return false;
}

/* A field that is the same as another one. */
static void
copy(struct nf_direct *d, enum nf_slot to, enum nf_slot from)
{
    d->sources[to] = d->sources[from];
    d->fields |= (d->fields >> from & 1) << to;
}

bool
nf_direct_init(struct nf_direct *d, const struct nf_context *c)
{
    const struct nf_op *ops = nf_template_ops(c->template);

    memset(d, 0, sizeof(*d));
    d->fields = MADE_SLOTS | c->base;
    for (unsigned i = 0; i < c->template->op_count; i++) {
        if (!add_op(d, &ops[i])) {
            return false;
        }
    }
    copy(d, NF_BYTES_OUT, NF_BYTES);
    copy(d, NF_PACKETS_OUT, NF_PACKETS);
    unsigned length = d->sources[NF_SRC_ADDR].length;
    length = length != 0 ? length : d->sources[NF_DST_ADDR].length;
    d->etype = length == 0 ? 0 : length == 4 ? ETYPE_IPV4 : ETYPE_IPV6;
    return true;
}

/* ---- Records ---- */

INLINE uint64_t
load(const struct nf_direct *d, enum nf_slot slot, const uint8_t *record)
{
    return nf_source_load(&d->sources[slot], record);
}

bool
nf_direct_finish(
    const struct nf_context *c, const struct nf_direct *d, const uint8_t *record, struct nf_flow *f)
{
    uint64_t proto = load(d, NF_PROTO, record);
    uint64_t etype = load(d, NF_ETYPE, record);

    if ((proto == PROTO_ICMP || proto == PROTO_ICMPV6) &&
        !(c->template != NULL && c->template->has_icmp)) {
        return false; /* type and code may be in a port */
    }
    f->present[0] = d->fields;
    f->number[NF_SAMPLING_RATE] = nf_flow_rate(c, f, load(d, NF_SAMPLING_RATE, record));
    f->number[NF_ETYPE] = etype != 0 ? etype : d->etype;
    struct nf_times times = nf_flow_times(c, f);
    f->number[NF_TIME_FLOW_START_NS] = times.start;
    f->number[NF_TIME_FLOW_END_NS] = times.end;
    if (proto != 0) {
        f->bytes[NF_PROTOCOL_NAME] = nf_protocol_name((uint8_t)proto);
        f->present[0] |= BIT(NF_PROTOCOL_NAME);
    }
    if (c->header->version == 10) {
        nf_flow_set_path(f, (uint32_t)load(d, NF_SRC_AS, record),
            (uint32_t)load(d, NF_NEXT_HOP_AS, record), (uint32_t)load(d, NF_DST_AS, record));
    }
    return true;
}

/* ---- Ways of writing ---- */

INLINE size_t
write_directly(uint8_t *out, uint64_t fields, const struct nf_source *sources,
    const uint8_t *record, const struct nf_flow *f, bool by_instructions)
{
    const struct nf_values v = {
        .flow = f,
        .sources = sources,
        .record = record,
        .fields = fields,
        .by_instructions = by_instructions,
    };

    return write_message(out, &v);
}

/* What v5 has is known to the compiler, but for the name of the protocol. */
INLINE uint64_t
fields_of_v5(const struct nf_flow *f)
{
    return nf_direct_v5.fields | (f->present[0] & BIT(NF_PROTOCOL_NAME));
}

static size_t
write_anywhere(
    uint8_t *out, const struct nf_direct *d, const uint8_t *record, const struct nf_flow *f)
{
    return write_directly(out, f->present[0], d->sources, record, f, false);
}

static size_t
write_v5_anywhere(uint8_t *out, const uint8_t *record, const struct nf_flow *f)
{
    return write_directly(out, fields_of_v5(f), nf_direct_v5.sources, record, f, false);
}

#if defined(__x86_64__)
__attribute__((target("bmi,bmi2,lzcnt"))) static size_t
write_by_instructions(
    uint8_t *out, const struct nf_direct *d, const uint8_t *record, const struct nf_flow *f)
{
    return write_directly(out, f->present[0], d->sources, record, f, true);
}

__attribute__((target("bmi,bmi2,lzcnt"))) static size_t
write_v5_by_instructions(uint8_t *out, const uint8_t *record, const struct nf_flow *f)
{
    return write_directly(out, fields_of_v5(f), nf_direct_v5.sources, record, f, true);
}
#else
#define write_by_instructions write_anywhere
#define write_v5_by_instructions write_v5_anywhere
#endif

size_t
nf_direct_write(
    uint8_t *out, const struct nf_direct *d, const uint8_t *record, const struct nf_flow *f)
{
    if (d == &nf_direct_v5) {
        return nf_protobuf_has_instructions() ? write_v5_by_instructions(out, record, f)
                                              : write_v5_anywhere(out, record, f);
    }
    return nf_protobuf_has_instructions() ? write_by_instructions(out, d, record, f)
                                          : write_anywhere(out, d, record, f);
}
