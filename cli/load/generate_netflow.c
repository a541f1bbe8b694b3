/* SPDX-License-Identifier: Apache-2.0 */
#include "load/generate_netflow.h"

#include <string.h>

#include "sr/hash.h"

#include "sr/banned.h"

#define POOL 16U /* different datagrams of a kind */
#define SECOND UINT64_C(1000000000)
#define MILLISECOND UINT64_C(1000000)

/* What an exporter sends next. Those of v5 have only data. */
enum step { STEP_TEMPLATES = 0, STEP_OPTIONS, STEP_DATA };

static size_t
length_of(const struct netflow_kind *kind)
{
    return netflow_data_length(kind->format, kind->records);
}

static size_t
exporters_size(const struct netflow_load *load)
{
    return load->sources * load->kind_count * sizeof(struct netflow_exporter);
}

size_t
netflow_generator_memory(const struct netflow_load *load)
{
    size_t size = exporters_size(load);

    for (size_t i = 0; i < load->kind_count; i++) {
        size += POOL * length_of(&load->kinds[i]);
    }
    return size;
}

size_t
netflow_generator_room(const struct netflow_load *load)
{
    size_t room = 24 + NETFLOW_TEMPLATE_MAX + NETFLOW_OPTIONS_MAX;

    for (size_t i = 0; i < load->kind_count; i++) {
        const size_t length = length_of(&load->kinds[i]);
        room = length > room ? length : room;
    }
    return room;
}

static void
write_pool(const struct netflow_kind *kind, uint32_t sampling, uint8_t *out)
{
    const size_t length = length_of(kind);

    for (uint32_t i = 0; i < POOL; i++) {
        uint8_t *datagram = out + i * length;
        (void)netflow_write_data(kind->format, kind->records, i, NETFLOW_FIRST_TEMPLATE, datagram);
        if (sampling > 0) {
            netflow_set_sampling(kind->format, datagram, sampling);
        }
    }
}

bool
netflow_generator_init(struct netflow_generator *g, const struct netflow_load *load, void *memory)
{
    uint64_t weights[NETFLOW_KINDS_MAX];
    size_t at = 0;

    *g = (struct netflow_generator){
        .load = *load,
        .exporters = memory,
        .first_number = (uint32_t)sr_hash_mix(load->run + UINT64_C(1)),
    };
    g->pool = (uint8_t *)memory + exporters_size(load);
    memset(g->exporters, 0, exporters_size(load));
    for (size_t i = 0; i < load->kind_count; i++) {
        const struct netflow_kind *kind = &load->kinds[i];
        weights[i] = kind->weight;
        g->starts[i] = at;
        write_pool(kind, load->sampling, g->pool + at);
        at += POOL * length_of(kind);
    }
    return mix_init(&g->mix, weights, load->kind_count);
}

/* What the exporter sends now; templates are repeated as RFC 3954 section 9 wants. */
static enum step
step_of(const struct netflow_load *load, const struct netflow_kind *kind,
    const struct netflow_exporter *e, uint64_t wall_ns)
{
    if (kind->format == NETFLOW_V5) {
        return STEP_DATA;
    }
    /* A clock that was set back must not keep them away for as long. */
    const bool is_due =
        wall_ns < e->announced_ns || wall_ns - e->announced_ns >= load->templates_ns;
    return e->step == STEP_DATA && is_due ? STEP_TEMPLATES : (enum step)e->step;
}

static void
write_data(struct netflow_generator *g, const struct netflow_kind *kind, uint64_t wall_ns,
    uint8_t *out, struct generated *ret)
{
    const struct mark first = { g->load.run, g->sequence };

    ret->len = length_of(kind);
    ret->records = kind->records;
    memcpy(out, g->pool + g->starts[kind - g->load.kinds] + g->index % POOL * ret->len, ret->len);
    netflow_mark(kind->format, out, kind->records, &first, wall_ns / MILLISECOND);
    g->sequence += kind->records;
    g->index++;
}

static void
announce(const struct netflow_generator *g, enum netflow_format format, enum step step,
    struct netflow_exporter *e, uint64_t wall_ns, uint8_t *out, struct generated *ret)
{
    if (step == STEP_TEMPLATES) {
        ret->len = netflow_write_templates(format, 1, out);
        e->announced_ns = wall_ns;
        e->step = g->load.sampling > 0 ? STEP_OPTIONS : STEP_DATA;
    } else {
        ret->len = netflow_write_options(format, g->load.sampling, out);
        e->step = STEP_DATA;
    }
}

void
netflow_generate(struct netflow_generator *g, uint64_t wall_ns, uint8_t *out, struct generated *ret)
{
    const uint32_t source = (uint32_t)(g->index % g->load.sources);
    const unsigned index = mix_pick(&g->mix, g->index / g->load.sources);
    const struct netflow_kind *kind = &g->load.kinds[index];
    const uint32_t domain = source * (uint32_t)g->load.kind_count + index;
    struct netflow_exporter *e = &g->exporters[domain];
    const enum step step = step_of(&g->load, kind, e, wall_ns);

    *ret = (struct generated){ .sequence = g->sequence, .source = source };
    if (step == STEP_DATA) {
        write_data(g, kind, wall_ns, out, ret);
    } else {
        announce(g, kind->format, step, e, wall_ns, out, ret);
    }
    netflow_set_domain(kind->format, out, domain + 1);
    netflow_stamp(kind->format, out, g->first_number + e->sequence, (uint32_t)(wall_ns / SECOND));
    /* RFC 7011 section 3.1: a record of options is one, too. */
    e->sequence += netflow_units(kind->format, step == STEP_OPTIONS ? 1 : ret->records);
}
