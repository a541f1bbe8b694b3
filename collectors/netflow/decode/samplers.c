/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "decode/exporter_state.h"
#include "sr/banned.h"

enum { FIRST_CAPACITY = 2 };

static size_t
size_of(unsigned capacity)
{
    return sizeof(struct nf_samplers) + capacity * sizeof(struct nf_sampler);
}

static struct nf_sampler *
find(const struct nf_domain_state *s, bool selector, uint64_t id)
{
    for (unsigned i = 0; s->samplers != NULL && i < s->samplers->count; i++) {
        struct nf_sampler *sampler = &s->samplers->items[i];
        if (sampler->id == id && sampler->selector == selector) {
            return sampler;
        }
    }
    return NULL;
}

/* Room for one more. False without memory. */
static bool
grow(struct nf_exporter *e, struct nf_domain_state *s)
{
    struct nf_samplers *old = s->samplers;
    unsigned capacity = old != NULL ? old->capacity * 2 : FIRST_CAPACITY;

    if (old != NULL && old->count < old->capacity) {
        return true;
    }
    struct nf_samplers *larger = nf_take(e, size_of(capacity));
    if (larger == NULL) {
        return false;
    }
    memset(larger, 0, size_of(capacity));
    if (old != NULL) {
        memcpy(larger, old, size_of(old->count));
    }
    larger->capacity = capacity;
    nf_samplers_free(e, s);
    s->samplers = larger;
    return true;
}

static void
forget(struct nf_samplers *samplers, size_t index)
{
    samplers->count--;
    memmove(&samplers->items[index], &samplers->items[index + 1],
        (samplers->count - index) * sizeof(samplers->items[0]));
}

bool
nf_rate_set(
    struct nf_exporter *e, struct nf_domain_state *s, bool selector, uint64_t id, uint32_t rate)
{
    struct nf_sampler *known = find(s, selector, id);
    struct nf_sampler now = { .id = id, .rate = rate, .selector = selector };

    if (known != NULL) {
        e->generation += known->rate != rate;
        forget(s->samplers, (size_t)(known - s->samplers->items));
    } else if (s->samplers != NULL && s->samplers->count == NF_SAMPLERS_MAX) {
        forget(s->samplers, 0);
        e->generation++;
    } else if (grow(e, s)) {
        e->generation++;
    } else {
        return false;
    }
    s->samplers->items[s->samplers->count++] = now;
    return true;
}

void
nf_default_rate_set(struct nf_exporter *e, struct nf_domain_state *s, uint32_t rate)
{
    e->generation += s->rate != rate;
    s->rate = rate;
}

void
nf_samplers_free(struct nf_exporter *e, struct nf_domain_state *s)
{
    if (s->samplers != NULL) {
        nf_give(e, s->samplers, size_of(s->samplers->capacity));
        s->samplers = NULL;
    }
}

static uint64_t
rate_in(const struct nf_domain_state *s, bool has_id, bool selector, uint64_t id)
{
    const struct nf_sampler *sampler = has_id ? find(s, selector, id) : NULL;

    if (sampler != NULL) {
        return sampler->rate;
    }
    if (s->rate == 0 && !has_id && s->samplers != NULL && s->samplers->count == 1) {
        return s->samplers->items[0].rate;
    }
    return s->rate;
}

uint64_t
nf_sampling_rate(const struct nf_domain *d, bool has_id, bool selector, uint64_t id)
{
    const struct nf_domain_state *s = d->state;

    if (s->rate == 0 && s->samplers == NULL) {
        const struct nf_domain_state *zero = s->exporter->zero[d->version == 10];
        s = zero != NULL && (d->version == 9 || d->version == 10) ? zero : s;
    }
    return rate_in(s, has_id, selector, id);
}
