/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/protobuf_ways.h"
#include "decode/protobuf_write.h"

#include "sr/banned.h"

static void
make_number(struct nf_part *part, unsigned tag, uint64_t value)
{
    uint8_t *end = part->bytes;

    if (value != 0) {
        end = nf_varint_write(write_key(part->bytes, tag, VARINT), value);
    }
    part->len = (uint8_t)(end - part->bytes);
}

void
nf_protobuf_prepare(struct nf_flow *f)
{
    struct nf_part *sampler = &f->shared.sampler;
    uint8_t *end = sampler->bytes;

    make_number(&f->shared.type, 1, nf_flow_get(f, NF_TYPE));
    make_number(&f->shared.sequence, 4, nf_flow_get(f, NF_SEQUENCE_NUM));
    make_number(&f->shared.received, 110, nf_flow_get(f, NF_TIME_RECEIVED_NS));
    if (nf_flow_has(f, NF_SAMPLER_ADDRESS)) {
        end = write_bytes(end, 11, f->bytes[NF_SAMPLER_ADDRESS]);
    }
    sampler->len = (uint8_t)(end - sampler->bytes);
}

/* ---- Ways ---- */

INLINE size_t
write_flow(uint8_t *out, const struct nf_flow *f, bool by_instructions)
{
    const struct nf_values v = {
        .flow = f,
        .fields = f->present[0],
        .by_instructions = by_instructions,
    };

    return write_message(out, &v);
}

#if defined(__x86_64__)
/* Before their 19th family AMD's processors take hundreds of cycles to spread bits. */
bool
nf_protobuf_has_instructions(void)
{
    return __builtin_cpu_supports("bmi2") && !__builtin_cpu_is("amdfam17h") &&
           !__builtin_cpu_is("amdfam15h");
}

__attribute__((target("bmi,bmi2,lzcnt"))) size_t
nf_protobuf_write_by_instructions(uint8_t *out, const struct nf_flow *f)
{
    return write_flow(out, f, true);
}
#else
bool
nf_protobuf_has_instructions(void)
{
    return false;
}

size_t
nf_protobuf_write_by_instructions(uint8_t *out, const struct nf_flow *f)
{
    return nf_protobuf_write_anywhere(out, f);
}
#endif

size_t
nf_protobuf_write_anywhere(uint8_t *out, const struct nf_flow *f)
{
    return write_flow(out, f, false);
}

size_t
nf_protobuf_write(uint8_t *out, const struct nf_flow *f)
{
    if (nf_protobuf_has_instructions()) {
        return nf_protobuf_write_by_instructions(out, f);
    }
    return nf_protobuf_write_anywhere(out, f);
}
