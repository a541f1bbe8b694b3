/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/exporter.h"

#include <string.h>

#include "decode/exporter_state.h"
#include "sr/banned.h"

struct nf_exporter *
nf_exporter_new(const struct nf_memory *memory, const struct sr_peer *peer)
{
    struct nf_exporter *e = memory->take(memory->arg, sizeof(*e));

    if (e == NULL) {
        return NULL;
    }
    memset(e, 0, sizeof(*e));
    e->memory = memory;
    e->peer = *peer;
    e->peer.port = 0;
    return e;
}

void
nf_exporter_salt(struct nf_exporter *e, uint64_t now_ns)
{
    if (e->salt == 0) {
        e->salt = now_ns * UINT64_C(0x9E3779B97F4A7C15) | 1;
    }
}

/* Domain 0 of a version that has templates; NULL for other versions. */
static struct nf_domain_state **
zero_of(struct nf_exporter *e, uint16_t version)
{
    return version == 9 ? &e->zero[0] : version == 10 ? &e->zero[1] : NULL;
}

static void
unlink_domain(struct nf_exporter *e, struct nf_domain_state *s)
{
    *(s->newer != NULL ? &s->newer->older : &e->newest) = s->older;
    *(s->older != NULL ? &s->older->newer : &e->oldest) = s->newer;
}

static void
link_domain(struct nf_exporter *e, struct nf_domain_state *s)
{
    s->newer = NULL;
    s->older = e->newest;
    *(e->newest != NULL ? &e->newest->newer : &e->oldest) = s;
    e->newest = s;
}

static void
free_domain(struct nf_exporter *e, struct nf_domain_state *s)
{
    struct nf_domain_state **zero = zero_of(e, s->domain.version);

    if (zero != NULL && *zero == s) {
        *zero = NULL;
    }
    nf_templates_free(e, s);
    nf_samplers_free(e, s);
    nf_names_free(e, s);
    unlink_domain(e, s);
    e->domain_count--;
    nf_give(e, s, sizeof(*s));
}

void
nf_exporter_free(struct nf_exporter *e)
{
    if (e == NULL) {
        return;
    }
    nf_pending_free_all(e);
    while (e->newest != NULL) {
        free_domain(e, e->newest);
    }
    nf_give(e, e, sizeof(*e));
}

const struct sr_peer *
nf_exporter_peer(const struct nf_exporter *e)
{
    return &e->peer;
}

struct nf_ledger *
nf_exporter_ledger(struct nf_exporter *e)
{
    return &e->ledger;
}

uint64_t
nf_exporter_generation(const struct nf_exporter *e)
{
    return e->generation;
}

bool
nf_exporter_is_plain(const struct nf_exporter *e)
{
    return e->template_count == 0 && nf_pending_count(e) == 0;
}

struct nf_domain_state *
nf_domain_find(const struct nf_exporter *e, uint16_t version, uint32_t id)
{
    struct nf_domain_state *s = e->newest;

    while (s != NULL && (s->domain.id != id || s->domain.version != version)) {
        s = s->older;
    }
    return s;
}

/* True when nothing is lost with it but the place in its numbering. */
static bool
is_plain(const struct nf_domain_state *s)
{
    return s->templates.count == 0 && s->samplers == NULL && s->names == NULL && s->rate == 0 &&
           s->domain.told_start_ms == 0;
}

/* The one that goes for another; there is one. */
static struct nf_domain_state *
least_worth(const struct nf_exporter *e)
{
    struct nf_domain_state *s = e->oldest;

    while (s != NULL && !is_plain(s)) {
        s = s->newer;
    }
    return s != NULL ? s : e->oldest;
}

bool
nf_exporter_is_crowded(
    const struct nf_exporter *e, const struct nf_config *config, uint16_t version, uint32_t id)
{
    return e->domain_count >= config->max_domains && nf_domain_find(e, version, id) == NULL;
}

/* Takes the memory first, so that without any no domain has gone for nothing. */
static struct nf_domain_state *
new_domain(struct nf_exporter *e, const struct nf_config *config, uint16_t version, uint32_t id)
{
    struct nf_domain_state *s = nf_take(e, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    memset(s, 0, sizeof(*s));
    s->domain.id = id;
    s->domain.version = version;
    s->domain.state = s;
    s->exporter = e;
    while (e->domain_count > 0 && e->domain_count >= config->max_domains) {
        free_domain(e, least_worth(e));
        e->generation++;
    }
    link_domain(e, s);
    e->domain_count++;
    if (id == 0 && zero_of(e, version) != NULL) {
        *zero_of(e, version) = s;
    }
    return s;
}

struct nf_domain *
nf_exporter_domain(
    struct nf_exporter *e, const struct nf_config *config, uint16_t version, uint32_t id)
{
    struct nf_domain_state *s = nf_domain_find(e, version, id);

    if (s == NULL) {
        s = new_domain(e, config, version, id);
        return s != NULL ? &s->domain : NULL;
    }
    if (s != e->newest) {
        unlink_domain(e, s);
        link_domain(e, s);
    }
    return &s->domain;
}
