/* SPDX-License-Identifier: Apache-2.0 */
/* NetFlow v1, v5 and v7. */
#include "decode/load.h"
#include "decode/v5_layout.h"
#include "decode/walk.h"

#include "sr/banned.h"

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

    present |= set_address(f, NF_SRC_ADDR, at + NF_V5_SRC_ADDR);
    present |= set_address(f, NF_DST_ADDR, at + NF_V5_DST_ADDR);
    present |= set_address(f, NF_NEXT_HOP, at + NF_V5_NEXT_HOP);
    present |= set(f, NF_IN_IF, be16(at + NF_V5_INPUT));
    present |= set(f, NF_OUT_IF, be16(at + NF_V5_OUTPUT));
    present |= set(f, NF_PACKETS, be32(at + NF_V5_PACKETS));
    present |= set(f, NF_BYTES, be32(at + NF_V5_OCTETS));
    present |= set(f, NF_SRC_PORT, be16(at + NF_V5_SRC_PORT));
    present |= set(f, NF_DST_PORT, be16(at + NF_V5_DST_PORT));
    present |= set(f, NF_PROTO, at[NF_V5_PROTO]);
    present |= set(f, NF_IP_TOS, at[NF_V5_TOS]);
    if (w->header.version == 1) {
        present |= set(f, NF_TCP_FLAGS, at[NF_V1_TCP_FLAGS]);
    } else {
        present |= set(f, NF_TCP_FLAGS, at[NF_V5_TCP_FLAGS]);
        present |= set(f, NF_SRC_AS, be16(at + NF_V5_SRC_AS));
        present |= set(f, NF_DST_AS, be16(at + NF_V5_DST_AS));
        present |= set(f, NF_SRC_NET, at[NF_V5_SRC_MASK]);
        present |= set(f, NF_DST_NET, at[NF_V5_DST_MASK]);
    }
    f->present[0] = present;
}

/* Those of v5 and v7 alike. */
static void
gather(const uint8_t *at, struct nf_flow *f)
{
    f->number[NF_FIRST_SWITCHED] = be32(at + NF_V5_FIRST);
    f->number[NF_LAST_SWITCHED] = be32(at + NF_V5_LAST);
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
