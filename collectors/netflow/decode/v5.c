/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetFlow v1, v5 and v7: records of one layout ("NetFlow Export Datagram Format", Cisco). The first
 * 36 bytes are the same in all.
 */
#include "decode/load.h"
#include "decode/walk.h"

#include "sr/banned.h"

enum {
    AT_SRC_ADDR = 0,
    AT_DST_ADDR = 4,
    AT_NEXT_HOP = 8,
    AT_INPUT = 12,
    AT_OUTPUT = 14,
    AT_PACKETS = 16,
    AT_OCTETS = 20,
    AT_FIRST = 24,
    AT_LAST = 28,
    AT_SRC_PORT = 32,
    AT_DST_PORT = 34,
    AT_TCP_FLAGS = 37,
    AT_PROTO = 38,
    AT_TOS = 39,
    AT_SRC_AS = 40,
    AT_DST_AS = 42,
    AT_SRC_MASK = 44,
    AT_DST_MASK = 45,
    AT_TCP_FLAGS_V1 = 40,
};

size_t
nf_v5_record_length(uint16_t version)
{
    return version == 7 ? 52 : 48;
}

static inline uint64_t
be16(const uint8_t *at)
{
    return nf_load(at, 2);
}

static inline uint64_t
be32(const uint8_t *at)
{
    return nf_load(at, 4);
}

/* Puts a number into its slot; returns its bit, none for 0. */
static inline uint64_t
set(struct nf_flow *f, enum nf_slot slot, uint64_t value)
{
    f->number[slot] = value;
    return (uint64_t)(value != 0) << slot;
}

static inline uint64_t
set_address(struct nf_flow *f, enum nf_slot slot, const uint8_t *at)
{
    f->bytes[slot] = (struct sr_span){ at, 4 };
    return UINT64_C(1) << slot;
}

static void
read_record(const struct nf_walk *w, const uint8_t *at, struct nf_flow *f)
{
    uint64_t present = w->context.base;

    present |= set_address(f, NF_SRC_ADDR, at + AT_SRC_ADDR);
    present |= set_address(f, NF_DST_ADDR, at + AT_DST_ADDR);
    present |= set_address(f, NF_NEXT_HOP, at + AT_NEXT_HOP);
    present |= set(f, NF_IN_IF, be16(at + AT_INPUT));
    present |= set(f, NF_OUT_IF, be16(at + AT_OUTPUT));
    present |= set(f, NF_PACKETS, be32(at + AT_PACKETS));
    present |= set(f, NF_BYTES, be32(at + AT_OCTETS));
    present |= set(f, NF_SRC_PORT, be16(at + AT_SRC_PORT));
    present |= set(f, NF_DST_PORT, be16(at + AT_DST_PORT));
    present |= set(f, NF_PROTO, at[AT_PROTO]);
    present |= set(f, NF_IP_TOS, at[AT_TOS]);
    if (w->header.version == 1) {
        present |= set(f, NF_TCP_FLAGS, at[AT_TCP_FLAGS_V1]);
    } else {
        present |= set(f, NF_TCP_FLAGS, at[AT_TCP_FLAGS]);
        present |= set(f, NF_SRC_AS, be16(at + AT_SRC_AS));
        present |= set(f, NF_DST_AS, be16(at + AT_DST_AS));
        present |= set(f, NF_SRC_NET, at[AT_SRC_MASK]);
        present |= set(f, NF_DST_NET, at[AT_DST_MASK]);
    }
    f->present[0] = present;
}

/* Those of v5 and v7 alike. */
static void
gather(const uint8_t *at, struct nf_flow *f)
{
    f->number[NF_FIRST_SWITCHED] = be32(at + AT_FIRST);
    f->number[NF_LAST_SWITCHED] = be32(at + AT_LAST);
    f->present[1] = UINT64_C(3) << (NF_FIRST_SWITCHED & 63);
}

void
nf_v5_records(struct nf_walk *w, struct sr_span records, uint32_t count)
{
    size_t length = nf_v5_record_length(w->header.version);
    bool is_direct = w->header.version != 1 && nf_direct_is_allowed(w->config);
    struct nf_flow *f = &w->input->scratch->flow;

    for (uint32_t i = 0; i < count; i++) {
        struct sr_span record = { records.data + i * length, length };
        gather(record.data, f);
        if (is_direct && nf_direct_finish(&w->context, &nf_direct_v5, record.data, f)) {
            (void)nf_publish_directly(w, &nf_direct_v5, record);
            continue;
        }
        read_record(w, record.data, f);
        (void)nf_publish(w, record, NULL);
    }
}
