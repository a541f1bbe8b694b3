/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "decode/exporter_state.h"
#include "sr/banned.h"

static struct nf_name *
name_of(struct nf_node *node)
{
    return (struct nf_name *)(void *)node; /* its first member */
}

static size_t
size_of(const struct nf_name *name)
{
    return sizeof(*name) + name->length;
}

struct sr_span
nf_name_find(const struct nf_domain *d, enum nf_name_kind kind, uint64_t id)
{
    const struct nf_domain_state *s = d->state;
    struct nf_node **slot = NULL;

    if (s->names != NULL) {
        slot = nf_index_find(&s->names->by_id[kind], s->exporter->salt, id);
    }
    if (slot == NULL) {
        return (struct sr_span){ NULL, 0 };
    }
    const struct nf_name *name = name_of(*slot);
    return (struct sr_span){ name->bytes, name->length };
}

static struct nf_names *
names_of(struct nf_exporter *e, struct nf_domain_state *s)
{
    if (s->names == NULL) {
        s->names = nf_take(e, sizeof(*s->names));
        if (s->names != NULL) {
            memset(s->names, 0, sizeof(*s->names));
        }
    }
    return s->names;
}

static void
drop(struct nf_exporter *e, struct nf_names *names, struct nf_name *name)
{
    struct nf_index *index = &names->by_id[name->kind];

    nf_index_remove(index, e->salt, nf_index_find(index, e->salt, name->node.key));
    nf_order_remove(&names->order, &name->node);
    names->count--;
    nf_give(e, name, size_of(name));
}

/* At most NF_NAME_LENGTH_MAX bytes, and no piece of a character of UTF-8 at the end. */
static struct sr_span
cut(struct sr_span name)
{
    if (name.len > NF_NAME_LENGTH_MAX) {
        name.len = NF_NAME_LENGTH_MAX;
        while (name.len > 0 && (name.data[name.len] & 0xC0) == 0x80) {
            name.len--;
        }
    }
    return name;
}

static struct nf_name *
new_name(struct nf_exporter *e, enum nf_name_kind kind, uint64_t id, struct sr_span text)
{
    struct nf_name *name = nf_take(e, sizeof(*name) + text.len);

    if (name != NULL) {
        memset(name, 0, sizeof(*name));
        name->node.key = id;
        name->kind = (uint8_t)kind;
        name->length = (uint8_t)text.len;
        memcpy(name->bytes, text.data, text.len);
    }
    return name;
}

bool
nf_name_set(struct nf_exporter *e, struct nf_domain_state *s, enum nf_name_kind kind, uint64_t id,
    struct sr_span text)
{
    text = cut(text);
    if (text.len == 0) {
        return true;
    }
    struct sr_span known = nf_name_find(&s->domain, kind, id);
    bool same = known.len == text.len && memcmp(known.data, text.data, text.len) == 0;
    nf_exporter_salt(e, 0);
    struct nf_names *names = names_of(e, s);
    if (names == NULL) {
        return false;
    }
    if (same) {
        struct nf_node **slot = nf_index_find(&names->by_id[kind], e->salt, id);
        nf_order_touch(&names->order, *slot);
        return true;
    }
    struct nf_name *name = new_name(e, kind, id, text);
    if (name == NULL || !nf_index_reserve(&names->by_id[kind], e->salt, e->memory)) {
        nf_give(e, name, sizeof(*name) + text.len);
        return false;
    }
    if (known.len > 0) {
        drop(e, names, name_of(*nf_index_find(&names->by_id[kind], e->salt, id)));
    } else if (names->count == NF_NAMES_MAX) {
        drop(e, names, name_of(names->order.oldest));
    }
    nf_index_insert(&names->by_id[kind], e->salt, &name->node);
    nf_order_add(&names->order, &name->node);
    names->count++;
    e->generation++;
    return true;
}

void
nf_names_free(struct nf_exporter *e, struct nf_domain_state *s)
{
    if (s->names == NULL) {
        return;
    }
    while (s->names->count > 0) {
        drop(e, s->names, name_of(s->names->order.oldest));
    }
    for (unsigned kind = 0; kind < NF_NAME_KINDS; kind++) {
        nf_index_free(&s->names->by_id[kind], e->memory);
    }
    nf_give(e, s->names, sizeof(*s->names));
    s->names = NULL;
}
