/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_EXPORTER_STATE_H_INCLUDED
#define NETFLOW_DECODE_EXPORTER_STATE_H_INCLUDED

#include "decode/exporter.h"
#include "decode/index.h"
#include "sr/stats.h"

/*
 * What the files that make up an exporter share. There are many exporters and most of them do
 * little: whatever not every one needs is taken when it is first needed.
 */

#define NF_VARIANTS_MAX 8U /* layouts of one template id */
#define NF_PORTS_MAX 8U    /* ports that are remembered for one layout */
#define NF_SAMPLERS_MAX 64U
#define NF_NAMES_MAX 4096U      /* of one domain, all kinds together */
#define NF_NAME_LENGTH_MAX 128U /* bytes; longer ones are cut */
#define NF_RATE_MAX 1000000000U /* a sampling rate above is none */

/* A layout of a template id, with the template behind it in the same piece of memory. The layouts
 * of one id are a list of which the index knows the first: the one that was learned last. */
struct nf_entry {
    struct nf_node node; /* key: the id; the order is that of use in the exporter */
    struct nf_entry *next;
    struct nf_domain_state *home;
    uint64_t sent_ns;
    uint32_t used_s;              /* when it was last learned or found, seconds since 1970 */
    uint32_t noted_s;             /* when the generation last grew because it was sent again */
    uint32_t size;                /* bytes of memory */
    uint16_t ports[NF_PORTS_MAX]; /* who sent it; the last one is the latest */
    uint8_t port_count;
};

struct nf_sampler {
    uint64_t id;
    uint32_t rate;
    bool selector; /* `id` is a selectorId, not a samplerId */
};

/* In the order of their last update. */
struct nf_samplers {
    unsigned count, capacity;
    struct nf_sampler items[];
};

struct nf_name {
    struct nf_node node; /* key: the id; the order is that of updates in the domain */
    uint8_t kind;
    uint8_t length;
    uint8_t bytes[];
};

struct nf_names {
    struct nf_index by_id[NF_NAME_KINDS];
    struct nf_order order;
    unsigned count;
};

struct nf_domain_state {
    struct nf_domain domain;
    struct nf_exporter *exporter;
    struct nf_domain_state *newer, *older; /* in the order of use */
    struct nf_index templates;
    struct nf_entry *last; /* what nf_templates_find() found last, for `last_port`; or NULL */
    uint16_t last_port;
    uint32_t rate; /* of all that name no sampler; 0: not known */
    struct nf_samplers *samplers;
    struct nf_names *names;
};

struct nf_exporter {
    const struct nf_memory *memory;
    struct sr_peer peer;
    unsigned domain_count;
    struct nf_domain_state *newest, *oldest;
    struct nf_domain_state *zero[2]; /* the domains 0 of v9 and IPFIX, when there are such */
    uint64_t salt;                   /* of all indexes; 0: not yet chosen */
    uint64_t generation;
    struct nf_order templates;
    unsigned template_count;
    struct nf_waiting *waiting;
    struct nf_ledger ledger;
};

static inline void *
nf_take(const struct nf_exporter *e, size_t size)
{
    return e->memory->take(e->memory->arg, size);
}

static inline void
nf_give(const struct nf_exporter *e, void *memory, size_t size)
{
    if (memory != NULL) {
        e->memory->give(e->memory->arg, memory, size);
    }
}

/* How long ago; 0 when the clock was set back. */
static inline uint64_t
nf_age(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

/* The salt must be there before anything is put into an index. Nanoseconds of a clock that peers
 * do not see are enough of a secret for what it protects: time. */
void nf_exporter_salt(struct nf_exporter *e, uint64_t now_ns);

/* The domain if it is known, without making it the newest. */
struct nf_domain_state *nf_domain_find(const struct nf_exporter *e, uint16_t version, uint32_t id);

/* Frees what each file keeps for a domain, or for the exporter. */
void nf_templates_free(struct nf_exporter *e, struct nf_domain_state *s);
void nf_pending_free_all(struct nf_exporter *e);
void nf_samplers_free(struct nf_exporter *e, struct nf_domain_state *s);
void nf_names_free(struct nf_exporter *e, struct nf_domain_state *s);

/* The template that belongs to an entry. */
static inline struct nf_template *
nf_entry_template(const struct nf_entry *v)
{
    return (struct nf_template *)(void *)(uintptr_t)(v + 1);
}

/*
 * Puts a saved layout back, as learned from `ports` (at most NF_PORTS_MAX) at `sent_ns`. False
 * without memory. More than fits, and what is known already, is left out: that is no error.
 */
bool nf_templates_restore(struct nf_exporter *e, struct nf_domain_state *s,
    const struct nf_config *config, const struct nf_template_record *record, const uint16_t *ports,
    unsigned port_count, uint64_t sent_ns, uint64_t now_ns);

/* Remembers a rate or a name. False without memory. Something new makes the generation grow. */
bool nf_rate_set(
    struct nf_exporter *e, struct nf_domain_state *s, bool selector, uint64_t id, uint32_t rate);
void nf_default_rate_set(struct nf_exporter *e, struct nf_domain_state *s, uint32_t rate);
bool nf_name_set(struct nf_exporter *e, struct nf_domain_state *s, enum nf_name_kind kind,
    uint64_t id, struct sr_span name);

#endif
