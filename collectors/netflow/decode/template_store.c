/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "decode/exporter_state.h"
#include "sr/banned.h"

/*
 * The templates of an exporter. One id of a domain has one layout, as a rule, whatever port it
 * comes from: many exporters change their port at will. Where two ports disagree (two exporters
 * behind one address, two processes in one box) each layout remembers the ports that sent it.
 */

#define NS_PER_SECOND UINT64_C(1000000000)

enum {
    ACTIVE_SECONDS = 300, /* a layout that nobody used for longer is not in conflict with another */
    NOTED_SECONDS = 3600, /* a template sent again is worth a new state file that often */
};

static uint32_t
seconds(uint64_t ns)
{
    return (uint32_t)(ns / NS_PER_SECOND);
}

static struct nf_entry *
entry_of(struct nf_node *node)
{
    return (struct nf_entry *)(void *)node; /* its first member */
}

/* The first layout of an id, the one learned last, or NULL. */
static struct nf_entry *
first_of(const struct nf_domain_state *s, uint16_t id)
{
    struct nf_node **slot = nf_index_find(&s->templates, s->exporter->salt, id);

    return slot != NULL ? entry_of(*slot) : NULL;
}

/* Makes `v`, which is in no list of its id, the first there. A new id must have room. */
static void
put_first(struct nf_domain_state *s, struct nf_entry *v)
{
    struct nf_node **slot = nf_index_find(&s->templates, s->exporter->salt, v->node.key);

    if (slot != NULL) {
        v->next = entry_of(*slot);
        *slot = &v->node;
    } else {
        v->next = NULL;
        nf_index_insert(&s->templates, s->exporter->salt, &v->node);
    }
}

/* Takes `v` out of the list of its id. The id leaves the index with its last layout. */
static void
take_out(struct nf_domain_state *s, struct nf_entry *v)
{
    struct nf_node **slot = nf_index_find(&s->templates, s->exporter->salt, v->node.key);
    struct nf_entry *before = entry_of(*slot);

    if (before != v) {
        while (before->next != v) {
            before = before->next;
        }
        before->next = v->next;
    } else if (v->next != NULL) {
        *slot = &v->next->node;
    } else {
        nf_index_remove(&s->templates, s->exporter->salt, slot);
    }
}

static void
drop(struct nf_exporter *e, struct nf_entry *v)
{
    take_out(v->home, v);
    v->home->last = NULL;
    nf_order_remove(&e->templates, &v->node);
    e->template_count--;
    e->generation++;
    nf_give(e, v, v->size);
}

static bool
has_port(const struct nf_entry *v, uint16_t port)
{
    for (unsigned i = 0; i < v->port_count; i++) {
        if (v->ports[i] == port) {
            return true;
        }
    }
    return false;
}

static void
forget_port(struct nf_entry *v, unsigned index)
{
    v->port_count--;
    memmove(&v->ports[index], &v->ports[index + 1], (v->port_count - index) * sizeof(v->ports[0]));
}

static void
remove_port(struct nf_entry *v, uint16_t port)
{
    for (unsigned i = 0; i < v->port_count; i++) {
        if (v->ports[i] == port) {
            forget_port(v, i);
            return;
        }
    }
}

/* The port that came first gives way. */
static void
add_port(struct nf_entry *v, uint16_t port)
{
    if (v->port_count == NF_PORTS_MAX) {
        forget_port(v, 0);
    }
    v->ports[v->port_count++] = port;
}

static void
touch(struct nf_exporter *e, struct nf_entry *v, uint64_t now_ns)
{
    v->used_s = seconds(now_ns);
    nf_order_touch(&e->templates, &v->node);
}

static bool
is_over_age(const struct nf_entry *v, const struct nf_config *config, uint64_t now_ns)
{
    return config->template_ttl_ns != 0 && nf_age(now_ns, v->sent_ns) > config->template_ttl_ns;
}

/* The port's own layout, else the one learned last. Those over their age go on the way. */
static struct nf_entry *
choose(struct nf_exporter *e, const struct nf_domain_state *s, const struct nf_config *config,
    uint16_t id, uint16_t port, uint64_t now_ns)
{
    struct nf_entry *chosen = NULL;

    for (struct nf_entry *v = first_of(s, id), *next; v != NULL; v = next) {
        next = v->next;
        if (is_over_age(v, config, now_ns)) {
            drop(e, v);
        } else if (has_port(v, port)) {
            return v;
        } else if (chosen == NULL) {
            chosen = v;
        }
    }
    return chosen;
}

const struct nf_template *
nf_templates_find(struct nf_exporter *e, struct nf_domain *d, const struct nf_config *config,
    uint16_t id, uint16_t port, uint64_t now_ns)
{
    struct nf_domain_state *s = d->state;
    struct nf_entry *v = s->last;

    if (v == NULL || v->node.key != id || s->last_port != port || is_over_age(v, config, now_ns)) {
        v = choose(e, s, config, id, port, now_ns);
        if (v == NULL) {
            return NULL;
        }
        s->last = v;
        s->last_port = port;
    }
    touch(e, v, now_ns);
    return nf_entry_template(v);
}

_Static_assert(sizeof(struct nf_entry) % _Alignof(struct nf_template) == 0 &&
                   sizeof(struct nf_template) % _Alignof(struct nf_field) == 0,
    "what lies behind an entry is aligned");

/* A compiled layout that is in no list yet; NULL without memory. */
static struct nf_entry *
new_entry(struct nf_exporter *e, struct nf_domain_state *s, const struct nf_config *config,
    const struct nf_template_record *record, uint64_t sent_ns, uint64_t now_ns)
{
    size_t size = sizeof(struct nf_entry) + nf_template_size(record);

    nf_exporter_salt(e, now_ns);
    if (config->max_templates == 0 || !nf_index_reserve(&s->templates, e->salt, e->memory)) {
        return NULL;
    }
    struct nf_entry *v = nf_take(e, size);
    if (v == NULL) {
        return NULL;
    }
    memset(v, 0, sizeof(*v));
    v->node.key = record->id;
    v->home = s;
    v->sent_ns = sent_ns;
    v->used_s = seconds(now_ns);
    v->noted_s = seconds(sent_ns);
    v->size = (uint32_t)size;
    nf_template_compile(nf_entry_template(v), record, config->flavour);
    return v;
}

/* Makes room for a template of `home`, which keeps its table. */
static void
evict(struct nf_exporter *e, struct nf_entry *v, const struct nf_domain_state *home)
{
    struct nf_domain_state *s = v->home;

    sr_count(&e->ledger.template_evicted, 1);
    drop(e, v);
    if (s != home && s->templates.count == 0) {
        nf_index_free(&s->templates, e->memory);
    }
}

/* Adds a layout as the one of its id that was learned last, in the place of what is over a limit.
 */
static void
add(struct nf_exporter *e, const struct nf_config *config, struct nf_entry *v)
{
    struct nf_entry *unused = NULL;
    unsigned variants = 0;

    for (struct nf_entry *i = first_of(v->home, (uint16_t)v->node.key); i != NULL; i = i->next) {
        variants++;
        if (unused == NULL || i->used_s <= unused->used_s) {
            unused = i;
        }
    }
    if (variants >= NF_VARIANTS_MAX) {
        evict(e, unused, v->home);
    }
    while (e->template_count > 0 && e->template_count >= config->max_templates) {
        evict(e, entry_of(e->templates.oldest), v->home);
    }
    put_first(v->home, v);
    nf_order_add(&e->templates, &v->node);
    e->template_count++;
    e->generation++;
    v->home->last = NULL;
}

/* The layout that came from the port, and the one that says what `record` does; NULL: none. */
struct known {
    struct nf_entry *own, *same;
};

static struct known
look_up(const struct nf_domain_state *s, const struct nf_template_record *record, uint16_t port)
{
    struct known k = { NULL, NULL };

    for (struct nf_entry *v = first_of(s, record->id); v != NULL; v = v->next) {
        if (has_port(v, port)) {
            k.own = v;
        }
        if (k.same == NULL && nf_template_equals(nf_entry_template(v), record)) {
            k.same = v;
        }
    }
    return k;
}

/* The port now sends something else: its layout stays only for other ports. */
static void
leave(struct nf_exporter *e, struct nf_entry *own, uint16_t port)
{
    own->home->last = NULL;
    remove_port(own, port);
    if (own->port_count == 0) {
        drop(e, own);
    }
}

/* True when a kill would make more of a template's age than the configuration leaves to it. */
static bool
is_worth_noting(const struct nf_entry *v, const struct nf_config *config, uint64_t now_ns)
{
    uint64_t age_s = nf_age(seconds(now_ns), v->noted_s);

    return age_s >= NOTED_SECONDS ||
           (config->template_ttl_ns != 0 && age_s >= config->template_ttl_ns / 4 / NS_PER_SECOND);
}

/* A known layout again. */
static void
learn_again(struct nf_exporter *e, const struct nf_config *config, const struct known *k,
    uint16_t port, uint64_t now_ns)
{
    struct nf_entry *v = k->same;
    struct nf_domain_state *s = v->home;
    bool news = k->own != v || is_worth_noting(v, config, now_ns);

    if (k->own != v) {
        if (k->own != NULL) {
            leave(e, k->own, port);
        }
        add_port(v, port);
    }
    if (first_of(s, (uint16_t)v->node.key) != v) {
        /* It has company, so that the id stays in the index. */
        take_out(s, v);
        put_first(s, v);
        s->last = NULL;
    }
    v->sent_ns = now_ns;
    if (news) {
        v->noted_s = seconds(now_ns);
        e->generation++;
    }
    touch(e, v, now_ns);
}

/* Removes the layouts of an id that nobody used for a while. True when others are left. */
static bool
is_disputed(struct nf_exporter *e, const struct nf_domain_state *s, uint16_t id, uint64_t now_ns)
{
    bool disputed = false;

    for (struct nf_entry *v = first_of(s, id), *next; v != NULL; v = next) {
        next = v->next;
        if (nf_age(seconds(now_ns), v->used_s) > ACTIVE_SECONDS) {
            drop(e, v);
        } else {
            disputed = true;
        }
    }
    return disputed;
}

static enum nf_learned
learn_new(struct nf_exporter *e, struct nf_domain_state *s, const struct nf_config *config,
    struct nf_entry *v, struct nf_entry *own, uint16_t port, uint64_t now_ns)
{
    uint16_t id = (uint16_t)v->node.key;
    enum nf_learned learned = NF_LEARNED_NEW;

    if (own != NULL) {
        leave(e, own, port);
        learned = NF_LEARNED_CHANGED;
    } else if (first_of(s, id) != NULL) {
        learned = is_disputed(e, s, id, now_ns) ? NF_LEARNED_CONFLICT : NF_LEARNED_CHANGED;
    }
    add_port(v, port);
    add(e, config, v);
    return learned;
}

enum nf_learned
nf_templates_learn(struct nf_exporter *e, struct nf_domain *d, const struct nf_config *config,
    const struct nf_template_record *record, uint16_t port, uint64_t now_ns)
{
    struct nf_domain_state *s = d->state;
    struct known k = look_up(s, record, port);

    if (k.same != NULL) {
        learn_again(e, config, &k, port, now_ns);
        return NF_LEARNED_SAME;
    }
    struct nf_entry *v = new_entry(e, s, config, record, now_ns, now_ns);
    if (v == NULL) {
        sr_count(&e->ledger.template_refused, 1);
        return NF_LEARNED_REFUSED;
    }
    enum nf_learned learned = learn_new(e, s, config, v, k.own, port, now_ns);
    if (learned == NF_LEARNED_CHANGED) {
        sr_count(&e->ledger.template_changes, 1);
    } else if (learned == NF_LEARNED_CONFLICT) {
        sr_count(&e->ledger.template_conflicts, 1);
    }
    return learned;
}

bool
nf_templates_restore(struct nf_exporter *e, struct nf_domain_state *s,
    const struct nf_config *config, const struct nf_template_record *record, const uint16_t *ports,
    unsigned port_count, uint64_t sent_ns, uint64_t now_ns)
{
    if (e->template_count >= config->max_templates || look_up(s, record, 0).same != NULL) {
        return true;
    }
    struct nf_entry *v =
        new_entry(e, s, config, record, sent_ns < now_ns ? sent_ns : now_ns, now_ns);
    if (v == NULL) {
        return false;
    }
    for (unsigned i = 0; i < port_count; i++) {
        add_port(v, ports[i]);
    }
    add(e, config, v);
    return true;
}

/* Drops the layouts of an id, those of options templates or the others. */
static void
withdraw(struct nf_exporter *e, struct nf_entry *first, bool options)
{
    for (struct nf_entry *v = first, *next; v != NULL; v = next) {
        next = v->next;
        if (nf_entry_template(v)->options == options) {
            drop(e, v);
        }
    }
}

void
nf_templates_withdraw(struct nf_exporter *e, struct nf_domain *d, uint16_t id, bool options)
{
    struct nf_domain_state *s = d->state;

    if (id > 3) {
        withdraw(e, first_of(s, id), options);
        return;
    }
    for (uint32_t i = 0; i < s->templates.capacity;) {
        uint32_t before = s->templates.count;
        if (s->templates.slots[i] != NULL) {
            withdraw(e, entry_of(s->templates.slots[i]), id == 3);
        }
        /* Another one may have moved into a slot that is free now. */
        i += s->templates.count == before;
    }
}

void
nf_templates_free(struct nf_exporter *e, struct nf_domain_state *s)
{
    for (uint32_t i = 0; i < s->templates.capacity;) {
        if (s->templates.slots[i] != NULL) {
            drop(e, entry_of(s->templates.slots[i]));
        } else {
            i++;
        }
    }
    nf_index_free(&s->templates, e->memory);
}
