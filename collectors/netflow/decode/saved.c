/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "decode/exporter_state.h"
#include "sr/banned.h"
#include "sr/crc32c.h"

/*
 * An exporter as bytes. Integers in network order:
 *
 *     magic(4) version(2) is_v6(2) length(4) address(16) part... crc(4)
 *
 * `length` is that of all of it, `crc` the CRC-32C of what is before it. A part is
 *
 *     type(1) length(4) body
 *
 * and belongs to the domain that came last:
 *
 *     DOMAIN    version(2) id(4) rate(4) told_start_ms(8)
 *     TEMPLATE  sent_ns(8) options(1) port_count(1) port(2)... and a template record as on the wire
 *     SAMPLER   selector(1) id(8) rate(4)
 *     NAME      kind(1) id(8) and its bytes
 */

enum {
    MAGIC = 0x53524E46, /* "SRNF" */
    VERSION = 1,
    LENGTH_OFFSET = 8,
    HEADER_LENGTH = 28,
    CRC_LENGTH = 4,
    ADDRESS_LENGTH = 16,
    V9_VERSION = 9,
    IPFIX_VERSION = 10,
    ENTERPRISE_BYTES = 4,
};

enum part {
    PART_DOMAIN = 1,
    PART_TEMPLATE,
    PART_SAMPLER,
    PART_NAME,
};

/* ---- Writing ---- */

/* Counts on when there is no more room. */
struct writer {
    uint8_t *out;
    size_t room, len;
};

/* Where the next `len` bytes go; NULL when they do not fit. */
static uint8_t *
claim(struct writer *w, size_t len)
{
    uint8_t *out = w->len <= w->room && len <= w->room - w->len ? w->out + w->len : NULL;

    w->len += len;
    return out;
}

static void
store(uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0; value >>= 8) {
        out[i] = (uint8_t)value;
    }
}

static void
put(struct writer *w, uint64_t value, unsigned bytes)
{
    uint8_t *out = claim(w, bytes);

    if (out != NULL) {
        store(out, value, bytes);
    }
}

static void
put_bytes(struct writer *w, const uint8_t *bytes, size_t len)
{
    uint8_t *out = claim(w, len);

    if (out != NULL && len > 0) {
        memcpy(out, bytes, len);
    }
}

static void
put_part(struct writer *w, enum part type, size_t length)
{
    put(w, type, 1);
    put(w, length, 4);
}

/* Bytes of the field specifiers as nf_template_write_fields() writes them. */
static size_t
fields_length(const struct nf_template *t)
{
    size_t length = 0;

    for (unsigned i = 0; i < t->field_count; i++) {
        length += nf_template_field(t, i).enterprise != 0 ? 8 : 4;
    }
    return length;
}

static void
put_template(struct writer *w, const struct nf_entry *v)
{
    const struct nf_template *t = nf_entry_template(v);
    size_t fields = fields_length(t);

    put_part(w, PART_TEMPLATE, 10U + 2U * v->port_count + (t->options ? 6U : 4U) + fields);
    put(w, v->sent_ns, 8);
    put(w, t->options, 1);
    put(w, v->port_count, 1);
    for (unsigned i = 0; i < v->port_count; i++) {
        put(w, v->ports[i], 2);
    }
    put(w, t->id, 2);
    if (!t->options) {
        put(w, t->field_count, 2);
    } else if (t->version == IPFIX_VERSION) {
        put(w, t->field_count, 2);
        put(w, t->scope_count, 2);
    } else {
        put(w, t->scope_count * 4U, 2);
        put(w, (t->field_count - t->scope_count) * 4U, 2);
    }
    uint8_t *out = claim(w, fields);
    if (out != NULL) {
        (void)nf_template_write_fields(t, out);
    }
}

/* The layouts of one id: the one that was learned last comes last, so that it is so again. */
static void
put_templates(struct writer *w, const struct nf_node *first)
{
    const struct nf_entry *layouts[NF_VARIANTS_MAX];
    unsigned count = 0;

    for (const struct nf_entry *v = (const struct nf_entry *)(const void *)first;
         v != NULL && count < NF_VARIANTS_MAX; v = v->next) {
        layouts[count++] = v;
    }
    while (count > 0) {
        put_template(w, layouts[--count]);
    }
}

static void
put_names(struct writer *w, const struct nf_names *names)
{
    for (const struct nf_node *node = names->order.oldest; node != NULL; node = node->newer) {
        const struct nf_name *name = (const struct nf_name *)(const void *)node;
        put_part(w, PART_NAME, 9U + name->length);
        put(w, name->kind, 1);
        put(w, node->key, 8);
        put_bytes(w, name->bytes, name->length);
    }
}

static void
put_domain(struct writer *w, const struct nf_domain_state *s)
{
    put_part(w, PART_DOMAIN, 18);
    put(w, s->domain.version, 2);
    put(w, s->domain.id, 4);
    put(w, s->rate, 4);
    put(w, s->domain.told_start_ms, 8);
    for (uint32_t i = 0; i < s->templates.capacity; i++) {
        put_templates(w, s->templates.slots[i]);
    }
    for (unsigned i = 0; s->samplers != NULL && i < s->samplers->count; i++) {
        put_part(w, PART_SAMPLER, 13);
        put(w, s->samplers->items[i].selector, 1);
        put(w, s->samplers->items[i].id, 8);
        put(w, s->samplers->items[i].rate, 4);
    }
    if (s->names != NULL) {
        put_names(w, s->names);
    }
}

/* v5 has nothing to keep, and a domain of which only its number is known neither. */
static bool
is_worth_keeping(const struct nf_domain_state *s)
{
    return (s->domain.version == V9_VERSION || s->domain.version == IPFIX_VERSION) &&
           (s->templates.count > 0 || s->rate != 0 || s->domain.told_start_ms != 0 ||
               s->samplers != NULL || s->names != NULL);
}

size_t
nf_exporter_save(const struct nf_exporter *e, uint8_t *out, size_t room)
{
    struct writer w = { out, room, 0 };

    put(&w, MAGIC, 4);
    put(&w, VERSION, 2);
    put(&w, e->peer.is_v6, 2);
    put(&w, 0, 4);
    put_bytes(&w, e->peer.address, ADDRESS_LENGTH);
    for (const struct nf_domain_state *s = e->oldest; s != NULL; s = s->newer) {
        if (is_worth_keeping(s)) {
            put_domain(&w, s);
        }
    }
    if (w.len + CRC_LENGTH <= room) {
        store(out + LENGTH_OFFSET, w.len + CRC_LENGTH, 4);
        put(&w, sr_crc32c(0, out, w.len), CRC_LENGTH);
        return w.len;
    }
    return w.len + CRC_LENGTH;
}

/* ---- Reading ---- */

enum loaded {
    LOADED_OK = 0,
    LOADED_DAMAGED,
    LOADED_NO_MEMORY,
};

struct loading {
    struct nf_exporter *e;
    const struct nf_config *config;
    struct nf_domain_state *domain; /* NULL: none yet */
    uint64_t now_ns;
};

static enum loaded
load_domain(struct loading *l, struct sr_reader *r)
{
    uint16_t version = sr_reader_be16(r);
    uint32_t id = sr_reader_be32(r);
    uint32_t rate = sr_reader_be32(r);
    uint64_t start = sr_reader_be64(r);

    if (r->failed || sr_reader_left(r) > 0 || rate > NF_RATE_MAX ||
        (version != V9_VERSION && version != IPFIX_VERSION)) {
        return LOADED_DAMAGED;
    }
    struct nf_domain *d = nf_exporter_domain(l->e, l->config, version, id);
    if (d == NULL) {
        return LOADED_NO_MEMORY;
    }
    d->told_start_ms = start;
    l->domain = d->state;
    l->domain->rate = rate;
    return LOADED_OK;
}

static enum loaded
load_template(const struct loading *l, struct sr_reader *r)
{
    struct nf_template_record record;
    uint16_t ports[NF_PORTS_MAX];
    uint64_t sent_ns = sr_reader_be64(r);
    uint8_t options = sr_reader_u8(r);
    uint8_t port_count = sr_reader_u8(r);

    if (options > 1 || port_count > NF_PORTS_MAX) {
        return LOADED_DAMAGED;
    }
    for (unsigned i = 0; i < port_count; i++) {
        ports[i] = sr_reader_be16(r);
    }
    struct sr_span set = sr_reader_take(r, sr_reader_left(r));
    if (r->failed ||
        nf_template_next(&set, (uint8_t)l->domain->domain.version, options == 1, &record) !=
            NF_TEMPLATE_OK ||
        set.len > 0) {
        return LOADED_DAMAGED;
    }
    /* Limits may have changed since it was saved: what is over one is left out. */
    if (nf_template_check(&record, l->config->max_template_fields) != NF_TEMPLATE_OK ||
        nf_templates_restore(
            l->e, l->domain, l->config, &record, ports, port_count, sent_ns, l->now_ns)) {
        return LOADED_OK;
    }
    return LOADED_NO_MEMORY;
}

static enum loaded
load_sampler(const struct loading *l, struct sr_reader *r)
{
    uint8_t selector = sr_reader_u8(r);
    uint64_t id = sr_reader_be64(r);
    uint32_t rate = sr_reader_be32(r);

    if (r->failed || sr_reader_left(r) > 0 || selector > 1 || rate == 0 || rate > NF_RATE_MAX) {
        return LOADED_DAMAGED;
    }
    return nf_rate_set(l->e, l->domain, selector == 1, id, rate) ? LOADED_OK : LOADED_NO_MEMORY;
}

static enum loaded
load_name(const struct loading *l, struct sr_reader *r)
{
    uint8_t kind = sr_reader_u8(r);
    uint64_t id = sr_reader_be64(r);
    struct sr_span name = sr_reader_take(r, sr_reader_left(r));

    if (r->failed || kind >= NF_NAME_KINDS || name.len == 0 || name.len > NF_NAME_LENGTH_MAX) {
        return LOADED_DAMAGED;
    }
    return nf_name_set(l->e, l->domain, (enum nf_name_kind)kind, id, name) ? LOADED_OK
                                                                           : LOADED_NO_MEMORY;
}

static enum loaded
load_part(struct loading *l, uint8_t type, struct sr_span body)
{
    struct sr_reader r = sr_reader_init(body);

    if (type == PART_DOMAIN) {
        return load_domain(l, &r);
    }
    if (l->domain == NULL) {
        return LOADED_DAMAGED;
    }
    switch (type) {
    case PART_TEMPLATE: return load_template(l, &r);
    case PART_SAMPLER: return load_sampler(l, &r);
    case PART_NAME: return load_name(l, &r);
    default: return LOADED_DAMAGED;
    }
}

static enum loaded
load_parts(struct loading *l, struct sr_span parts)
{
    struct sr_reader r = sr_reader_init(parts);
    enum loaded loaded = LOADED_OK;

    while (loaded == LOADED_OK && sr_reader_left(&r) > 0) {
        uint8_t type = sr_reader_u8(&r);
        uint32_t length = sr_reader_be32(&r);
        struct sr_span body = sr_reader_take(&r, length);
        loaded = r.failed ? LOADED_DAMAGED : load_part(l, type, body);
    }
    return loaded;
}

/* Reads the header and checks the crc. False when it is damaged, or of another version. */
static bool
open_block(struct sr_span saved, struct sr_peer *ret_peer, struct sr_span *ret_parts)
{
    struct sr_reader r = sr_reader_init(saved);
    uint32_t magic = sr_reader_be32(&r);
    uint16_t version = sr_reader_be16(&r);
    uint16_t is_v6 = sr_reader_be16(&r);
    uint32_t length = sr_reader_be32(&r);
    struct sr_span address = sr_reader_take(&r, ADDRESS_LENGTH);

    if (r.failed || magic != MAGIC || version != VERSION || is_v6 > 1 ||
        length < HEADER_LENGTH + CRC_LENGTH || length > saved.len) {
        return false;
    }
    struct sr_span tail = { saved.data + length - CRC_LENGTH, CRC_LENGTH };
    struct sr_reader crc = sr_reader_init(tail);
    if (sr_reader_be32(&crc) != sr_crc32c(0, saved.data, length - CRC_LENGTH)) {
        return false;
    }
    *ret_peer = (struct sr_peer){ .is_v6 = is_v6 == 1 };
    memcpy(ret_peer->address, address.data, ADDRESS_LENGTH);
    *ret_parts = (struct sr_span){ r.pos, length - HEADER_LENGTH - CRC_LENGTH };
    return true;
}

struct nf_exporter *
nf_exporter_load(const struct nf_memory *memory, const struct nf_config *config,
    struct sr_span *saved, uint64_t now_ns)
{
    struct sr_peer peer;
    struct sr_span parts;
    const uint8_t *end = saved->data + saved->len;

    if (saved->len == 0) {
        return NULL;
    }
    if (!open_block(*saved, &peer, &parts)) {
        *saved = (struct sr_span){ end, 0 };
        return NULL;
    }
    saved->data = parts.data + parts.len + CRC_LENGTH;
    saved->len = (size_t)(end - saved->data);
    struct loading l = { .config = config, .now_ns = now_ns };
    l.e = nf_exporter_new(memory, &peer);
    if (l.e == NULL) {
        return NULL;
    }
    nf_exporter_salt(l.e, now_ns);
    enum loaded loaded = load_parts(&l, parts);
    if (loaded != LOADED_OK) {
        nf_exporter_free(l.e);
        if (loaded == LOADED_DAMAGED) {
            *saved = (struct sr_span){ end, 0 };
        }
        return NULL;
    }
    /* As saved: nothing has changed. */
    l.e->generation = 0;
    return l.e;
}
