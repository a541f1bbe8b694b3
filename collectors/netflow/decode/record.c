/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/record.h"
#include "decode/load.h"

#include <string.h>

#include "sr/stats.h"

#include "sr/banned.h"

/* ---- Reading ---- */

void
nf_flow_add_number(struct nf_flow *f, enum nf_slot slot, struct nf_numbers *list, uint32_t value)
{
    if (!nf_flow_has(f, slot)) {
        list->count = 0;
        f->present[0] |= UINT64_C(1) << slot;
    }
    if (list->count < NF_LIST_MAX) {
        list->items[list->count++] = value;
    }
}

void
nf_flow_add_address(
    struct nf_flow *f, enum nf_slot slot, struct nf_addresses *list, struct sr_span address)
{
    if (!nf_flow_has(f, slot)) {
        list->count = 0;
        f->present[0] |= UINT64_C(1) << slot;
    }
    if (list->count < NF_LIST_MAX) {
        list->items[list->count++] = address;
    }
}

/* RFC 3954's fields 70 to 79, RFC 5102's elements: 20 bits label, 3 bits EXP, 1 bit S. */
static void
read_label(struct sr_span field, struct nf_flow *f)
{
    uint32_t label =
        (uint32_t)field.data[0] << 12 | (uint32_t)field.data[1] << 4 | (uint32_t)field.data[2] >> 4;

    if (!nf_is_zero(field)) {
        nf_flow_add_number(f, NF_MPLS_LABEL, &f->mpls_label, label);
    }
}

/* Beside 176 and 177 one of the two may be empty. */
static void
read_icmp(struct sr_span field, struct nf_flow *f)
{
    if (!nf_flow_has(f, NF_ICMP_TYPE) && !nf_flow_has(f, NF_ICMP_CODE)) {
        nf_flow_set(f, NF_ICMP_TYPE, field.data[0]);
        nf_flow_set(f, NF_ICMP_CODE, field.data[1]);
    }
}

static void
read_segments(struct sr_span field, struct nf_flow *f)
{
    for (; field.len >= 16; field.data += 16, field.len -= 16) {
        nf_flow_add_address(f, NF_IPV6_ROUTING_HEADER_ADDRESSES, &f->routing_addresses,
            (struct sr_span){ field.data, 16 });
    }
}

static void
read_special(const struct nf_context *c, unsigned special, struct sr_span field, struct nf_flow *f)
{
    switch ((enum nf_special)special) {
    case NF_SPECIAL_ICMP: read_icmp(field, f); return;
    case NF_SPECIAL_MPLS_LABEL: read_label(field, f); return;
    case NF_SPECIAL_MPLS_IP:
        if (!nf_is_zero(field)) {
            nf_flow_add_address(f, NF_MPLS_IP, &f->mpls_ip, field);
        }
        return;
    case NF_SPECIAL_MPLS_TTL:
        nf_flow_add_number(f, NF_MPLS_TTL, &f->mpls_ttl, field.data[0]);
        return;
    case NF_SPECIAL_FRAGMENT_FLAGS: nf_flow_set(f, NF_IP_FLAGS, field.data[0] >> 5); return;
    case NF_SPECIAL_COMMUNITY:
        nf_flow_add_number(
            f, NF_BGP_COMMUNITIES, &f->bgp_communities, (uint32_t)nf_load(field.data, 4));
        return;
    case NF_SPECIAL_SEGMENT:
    case NF_SPECIAL_SEGMENTS: read_segments(field, f); return;
    case NF_SPECIAL_FRAME:
    case NF_SPECIAL_PACKET: nf_packet_read(field, special == NF_SPECIAL_FRAME, f); return;
    case NF_SPECIAL_BASIC_LIST:
    case NF_SPECIAL_SUBTEMPLATE_LIST:
    case NF_SPECIAL_SUBTEMPLATE_MULTI_LIST: nf_list_read(c, special, field, f); return;
    }
}

static inline void
set_number(struct nf_flow *f, unsigned slot, uint64_t value)
{
    f->number[slot] = value;
    /* A gathered value counts when it is there, a field when it is not 0. */
    f->present[slot >> 6] |= (uint64_t)((value != 0) | (slot >> 6)) << (slot & 63);
}

static void
set_narrow(const struct nf_context *c, struct nf_flow *f, unsigned slot, uint64_t value)
{
    if (value > UINT32_MAX) {
        value = UINT32_MAX;
        sr_count(&c->ledger->clamped, 1);
    }
    set_number(f, slot, value);
}

static inline void
run_op(const struct nf_context *c, const struct nf_op *op, const uint8_t *at, unsigned length,
    struct nf_flow *f)
{
    unsigned slot = op->slot;

    switch ((enum nf_op_kind)op->kind) {
    case NF_OP_NUMBER: set_number(f, slot, nf_load(at, length)); return;
    case NF_OP_NARROW: set_narrow(c, f, slot, nf_load(at, length)); return;
    case NF_OP_BYTES:
        f->bytes[slot] = (struct sr_span){ at, length };
        f->present[slot >> 6] |= UINT64_C(1) << (slot & 63);
        return;
    case NF_OP_SPECIAL: read_special(c, slot, (struct sr_span){ at, length }, f); return;
    }
}

void
nf_record_gather(const struct nf_context *c, const uint8_t *record, struct nf_flow *f)
{
    const struct nf_op *ops = nf_template_ops(c->template);
    uint64_t gathered = 0;

    for (unsigned i = c->template->number_count;
         i < c->template->op_count && ops[i].kind == NF_OP_NUMBER; i++) {
        f->number[ops[i].slot] = nf_load(record + ops[i].offset, ops[i].length);
        gathered |= UINT64_C(1) << (ops[i].slot - NF_GATHERED);
    }
    f->present[1] = gathered;
}

/*
 * A record of fixed length. What is present is gathered in registers: one bit after the other in
 * memory, each would wait for the one before.
 */
static void
read_fixed(const struct nf_context *c, const uint8_t *record, struct nf_flow *f)
{
    const struct nf_op *op = nf_template_ops(c->template);
    const struct nf_op *end = op + c->template->op_count;
    const struct nf_op *numbers_end = op + c->template->number_count;
    uint64_t fields = f->present[0];

    for (; op < numbers_end; op++) {
        uint64_t value = nf_load(record + op->offset, op->length);
        f->number[op->slot] = value;
        fields |= (uint64_t)(value != 0) << op->slot;
    }
    f->present[0] = fields;
    nf_record_gather(c, record, f);
    while (op < end && op->kind == NF_OP_NUMBER) {
        op++;
    }
    for (; op < end; op++) {
        run_op(c, op, record + op->offset, nf_template_kept(c->template)[op->field].length, f);
    }
}

void
nf_record_read(const struct nf_context *c, struct sr_span record,
    const struct nf_position *positions, struct nf_flow *f)
{
    const struct nf_op *op = nf_template_ops(c->template);
    const struct nf_op *end = op + c->template->op_count;

    f->present[0] = c->base;
    f->present[1] = 0;
    if (positions == NULL) {
        read_fixed(c, record.data, f);
        return;
    }
    for (; op < end; op++) {
        const struct nf_position *p = &positions[op->field];
        if (p->length > 0) {
            run_op(c, op, record.data + p->offset, p->length, f);
        }
    }
}
