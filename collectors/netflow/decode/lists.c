/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structured data, RFC 6313: lists inside of a record. A list has a length of its own, so that what
 * is wrong in it never moves the fields behind it.
 */
#include "decode/record.h"
#include "sr/stats.h"

#include "sr/banned.h"

enum { ENTERPRISE_BIT = 0x8000, COMMUNITY = 483, SEGMENT = 494 };

/* Elements that FlowMessage has a repeated field for. */
static void
take_element(uint32_t enterprise, uint16_t id, struct sr_span value, struct nf_flow *f)
{
    struct sr_reader r = sr_reader_init(value);

    if (enterprise == 0 && id == COMMUNITY && value.len == 4) {
        nf_flow_add_number(f, NF_BGP_COMMUNITIES, &f->bgp_communities, sr_reader_be32(&r));
    } else if (enterprise == 0 && id == SEGMENT && value.len == 16) {
        nf_flow_add_address(f, NF_IPV6_ROUTING_HEADER_ADDRESSES, &f->routing_addresses, value);
    }
}

/* One element of a basicList: its length stands in the list, or before it. */
static bool
next_element(struct sr_reader *r, uint16_t length, struct sr_span *ret_value)
{
    size_t len = length;

    if (sr_reader_left(r) == 0) {
        return false;
    }
    if (length == NF_VARIABLE_LENGTH) {
        len = sr_reader_u8(r);
        len = len == 255 ? sr_reader_be16(r) : len;
    }
    *ret_value = sr_reader_take(r, len);
    return !r->failed;
}

/* Section 4.5.1. Elements of no bytes would have no end. */
static uint64_t
read_basic_list(struct sr_reader *r, struct nf_flow *f)
{
    uint64_t count = 0;
    uint32_t enterprise = 0;
    struct sr_span value;

    (void)sr_reader_u8(r); /* the semantic: all of, one of, ... */
    uint16_t id = sr_reader_be16(r);
    uint16_t length = sr_reader_be16(r);
    if ((id & ENTERPRISE_BIT) != 0) {
        id = (uint16_t)(id & ~ENTERPRISE_BIT);
        enterprise = sr_reader_be32(r);
    }
    while (length != 0 && next_element(r, length, &value)) {
        take_element(enterprise, id, value, f);
        count++;
    }
    return count;
}

static uint64_t
count_records(const struct nf_context *c, uint16_t id, struct sr_span records)
{
    const struct nf_template *t =
        nf_templates_find(c->exporter, c->domain, c->config, id, c->header->port, c->now_ns);
    struct sr_span record;
    uint64_t count = 0;

    while (t != NULL && nf_record_next(t, &records, &record, NULL)) {
        count++;
    }
    return count;
}

static struct sr_span
rest(struct sr_reader *r)
{
    return sr_reader_take(r, sr_reader_left(r));
}

/* Section 4.5.2. */
static uint64_t
read_subtemplate_list(const struct nf_context *c, struct sr_reader *r)
{
    (void)sr_reader_u8(r);
    uint16_t id = sr_reader_be16(r);

    return count_records(c, id, rest(r));
}

/* Section 4.5.3: parts with an id and a length that counts these four bytes too. */
static uint64_t
read_subtemplate_multi_list(const struct nf_context *c, struct sr_reader *r)
{
    uint64_t count = 0;

    (void)sr_reader_u8(r);
    while (sr_reader_left(r) >= 4 && !r->failed) {
        uint16_t id = sr_reader_be16(r);
        uint16_t length = sr_reader_be16(r);
        struct sr_span records = sr_reader_take(r, length >= 4 ? length - 4U : SIZE_MAX);
        count += r->failed ? 0 : count_records(c, id, records);
    }
    return count;
}

void
nf_list_read(const struct nf_context *c, unsigned special, struct sr_span list, struct nf_flow *f)
{
    struct sr_reader r = sr_reader_init(list);
    uint64_t count;

    switch (special) {
    case NF_SPECIAL_BASIC_LIST: count = read_basic_list(&r, f); break;
    case NF_SPECIAL_SUBTEMPLATE_LIST: count = read_subtemplate_list(c, &r); break;
    default: count = read_subtemplate_multi_list(c, &r); break;
    }
    sr_count(&c->ledger->structured, count);
}
