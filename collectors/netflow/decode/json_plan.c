/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/json_plan.h"

#include <stddef.h>
#include <string.h>

#include "sr/buf.h"

#include "sr/banned.h"

/* Ids of IANA that are treated apart. */
enum {
    ID_INGRESS_INTERFACE = 10,
    ID_EGRESS_INTERFACE = 14,
    ID_SAMPLER = 48,
    ID_APPLICATION = 95,
    ID_APPLICATION_NAME = 96,
    ID_PADDING = 210,
    ID_NAT_EVENT = 230,
    ID_FIREWALL_EVENT = 233,
    ID_INGRESS_VRF = 234,
    ID_EGRESS_VRF = 235,
    ID_INGRESS_PHYSICAL_INTERFACE = 252,
    ID_EGRESS_PHYSICAL_INTERFACE = 253,
    ID_BASIC_LIST = 291,
    ID_SUBTEMPLATE_LIST = 292,
    ID_SUBTEMPLATE_MULTI_LIST = 293,
    ID_SELECTOR = 302,
    ID_NSEL_EXTENDED_EVENT = 33002,
    ID_NSEL_EVENT = 40005,
};

/* One bit for each field. */
struct set {
    uint64_t words[NF_JSON_FIELDS_MAX / 64U + 1];
};

static bool
set_has(const struct set *s, unsigned bit)
{
    return (s->words[bit >> 6] >> (bit & 63) & 1) != 0;
}

static void
set_add(struct set *s, unsigned bit)
{
    s->words[bit >> 6] |= UINT64_C(1) << (bit & 63);
}

static bool
is_scope_v9(const struct nf_template *t, unsigned index)
{
    return t->version == 9 && index < t->scope_count;
}

static unsigned
fields_of(const struct nf_template *t)
{
    return t->field_count < NF_JSON_FIELDS_MAX ? t->field_count : NF_JSON_FIELDS_MAX;
}

/* ---- What is hidden ---- */

/* Elements that are shown though the flow is made of them as well: of them, it tells not all. */
static bool
is_always_shown(const struct nf_field *field)
{
    if (field->enterprise != 0) {
        return false;
    }
    switch (field->id) {
    case ID_SAMPLER:
    case ID_NAT_EVENT:
    case ID_FIREWALL_EVENT:
    case ID_BASIC_LIST:
    case ID_SUBTEMPLATE_LIST:
    case ID_SUBTEMPLATE_MULTI_LIST:
    case ID_SELECTOR:
    case ID_NSEL_EXTENDED_EVENT:
    case ID_NSEL_EVENT: return true;
    default: return false;
    }
}

/* The fields that are not written: `hidden` holds their indexes. */
static void
hide(const struct nf_template *t, bool extra, struct set *hidden)
{
    const struct nf_op *ops = nf_template_ops(t);
    unsigned count = fields_of(t);

    memset(hidden->words, 0, (count / 64U + 1) * sizeof(hidden->words[0]));
    for (unsigned i = 0; i < count; i++) {
        struct nf_field field = nf_template_field(t, i);
        if (!is_scope_v9(t, i) && field.enterprise == 0 && field.id == ID_PADDING) {
            set_add(hidden, i);
        }
    }
    for (unsigned i = 0; extra && i < t->op_count; i++) {
        struct nf_field field = nf_template_field(t, ops[i].field);
        if (ops[i].field < count && !is_always_shown(&field)) {
            set_add(hidden, ops[i].field);
        }
    }
}

/* ---- Names that options told ---- */

/* What the fields are that names are asked for by, in the order of preference of each name. */
enum reference {
    INGRESS_INTERFACE,
    INGRESS_PHYSICAL_INTERFACE,
    EGRESS_INTERFACE,
    EGRESS_PHYSICAL_INTERFACE,
    APPLICATION,
    APPLICATION_NAME,
    INGRESS_VRF,
    EGRESS_VRF,
    REFERENCES,
};

const struct nf_json_name nf_json_name_list[NF_JSON_NAMES] = {
    { ",\"inputInterfaceName\":", NF_NAME_INTERFACE },
    { ",\"inputInterfaceDescription\":", NF_NAME_INTERFACE_DESCRIPTION },
    { ",\"outputInterfaceName\":", NF_NAME_INTERFACE },
    { ",\"outputInterfaceDescription\":", NF_NAME_INTERFACE_DESCRIPTION },
    { ",\"applicationName\":", NF_NAME_APPLICATION },
    { ",\"ingressVRFName\":", NF_NAME_VRF },
    { ",\"egressVRFName\":", NF_NAME_VRF },
};

static enum reference
reference_of(uint16_t id)
{
    switch (id) {
    case ID_INGRESS_INTERFACE: return INGRESS_INTERFACE;
    case ID_INGRESS_PHYSICAL_INTERFACE: return INGRESS_PHYSICAL_INTERFACE;
    case ID_EGRESS_INTERFACE: return EGRESS_INTERFACE;
    case ID_EGRESS_PHYSICAL_INTERFACE: return EGRESS_PHYSICAL_INTERFACE;
    case ID_APPLICATION: return APPLICATION;
    case ID_APPLICATION_NAME: return APPLICATION_NAME;
    case ID_INGRESS_VRF: return INGRESS_VRF;
    case ID_EGRESS_VRF: return EGRESS_VRF;
    default: return REFERENCES;
    }
}

static uint16_t
either(uint16_t field, uint16_t other)
{
    return field != NF_JSON_NO_FIELD ? field : other;
}

static void
find_names(const struct nf_template *t, uint16_t *names)
{
    uint16_t first[REFERENCES + 1];

    memset(first, 0xff, sizeof(first)); /* NF_JSON_NO_FIELD */
    for (unsigned i = 0; i < fields_of(t); i++) {
        struct nf_field field = nf_template_field(t, i);
        uint16_t *at = &first[reference_of(field.id)];
        if (*at == NF_JSON_NO_FIELD && field.enterprise == 0 && !is_scope_v9(t, i)) {
            *at = (uint16_t)i;
        }
    }
    names[0] = either(first[INGRESS_INTERFACE], first[INGRESS_PHYSICAL_INTERFACE]);
    names[1] = names[0];
    names[2] = either(first[EGRESS_INTERFACE], first[EGRESS_PHYSICAL_INTERFACE]);
    names[3] = names[2];
    /* The element 96 has the same name, and the exporter's word comes first. */
    names[4] = first[APPLICATION_NAME] == NF_JSON_NO_FIELD ? first[APPLICATION] : NF_JSON_NO_FIELD;
    names[5] = first[INGRESS_VRF];
    names[6] = first[EGRESS_VRF];
}

/* ---- Members ---- */

/* What a field is; NULL: not known. */
static const struct nf_element *
element_of(const struct nf_template *t, unsigned index)
{
    /* RFC 3954 section 6.1. What identifies a system is not said. */
    static const struct nf_element scopes[] = {
        { 1, NF_ELEMENT_OCTETS, "scopeSystem" },
        { 2, NF_ELEMENT_UNSIGNED, "scopeInterface" },
        { 3, NF_ELEMENT_UNSIGNED, "scopeLineCard" },
        { 4, NF_ELEMENT_UNSIGNED, "scopeCache" },
        { 5, NF_ELEMENT_UNSIGNED, "scopeTemplate" },
    };
    struct nf_field field = nf_template_field(t, index);

    if (!is_scope_v9(t, index)) {
        return nf_element_find(field.enterprise, field.id);
    }
    bool known = field.id >= 1 && field.id <= sizeof(scopes) / sizeof(scopes[0]);
    return known ? &scopes[field.id - 1] : NULL;
}

static void
add_key(
    struct sr_buf *b, const struct nf_template *t, unsigned index, const struct nf_element *element)
{
    struct nf_field field = nf_template_field(t, index);

    sr_buf_add_text(b, ",\"");
    if (element == NULL) {
        sr_buf_add_text(b, is_scope_v9(t, index) ? "scope/" : "");
        if (field.enterprise != 0) {
            sr_buf_add_u64(b, field.enterprise);
            sr_buf_put(b, '/');
        }
        sr_buf_add_u64(b, field.id);
    } else if (field.enterprise == NF_REVERSE_PEN) {
        char first = element->name[0];
        sr_buf_add_text(b, NF_ELEMENT_REVERSE);
        sr_buf_put(b, (uint8_t)(first >= 'a' && first <= 'z' ? first - 'a' + 'A' : first));
        sr_buf_add_text(b, element->name + 1);
    } else {
        sr_buf_add_text(b, element->name);
    }
    sr_buf_add_text(b, "\":");
}

static bool
is_same_element(const struct nf_template *t, unsigned i, unsigned j)
{
    struct nf_field a = nf_template_field(t, i), b = nf_template_field(t, j);

    return a.id == b.id && a.enterprise == b.enterprise && is_scope_v9(t, i) == is_scope_v9(t, j);
}

/*
 * Finds the elements of a template: a hash table, so that one with thousands of fields does not
 * cost their square. Its exporter cannot make many that look alike, for it cannot know the secret.
 */
struct table {
    uint64_t secret; /* odd */
    unsigned shift;
    uint32_t mask;
    /* The last field so far of an element; at most half of them are used. */
    uint16_t last[2 * (NF_JSON_FIELDS_MAX + 1)];
};

static void
clear(struct table *table, uint64_t secret, unsigned fields)
{
    uint32_t capacity = 16;
    unsigned bits = 4;

    while (capacity < 2 * fields) {
        capacity *= 2;
        bits++;
    }
    /* Of no secret, a clock that stands at 0, it must still be a large number. */
    table->secret = (secret ^ UINT64_C(0xD1B54A32D192ED03)) * UINT64_C(0x9E3779B97F4A7C15) | 1;
    table->shift = 64 - bits;
    table->mask = capacity - 1;
    memset(table->last, 0xff, capacity * sizeof(table->last[0])); /* NF_JSON_NO_FIELD */
}

/* Where the last field that holds the same element is, or is to be. */
static uint16_t *
find(struct table *table, const struct nf_template *t, unsigned index)
{
    struct nf_field field = nf_template_field(t, index);
    uint64_t key = (uint64_t)field.enterprise << 16 | field.id;
    /* Two keys meet here for few of all secrets: multiply-shift hashing (Dietzfelbinger, 1997). */
    uint32_t at = (uint32_t)(key * table->secret >> table->shift);

    while (table->last[at] != NF_JSON_NO_FIELD && !is_same_element(t, table->last[at], index)) {
        at = (at + 1) & table->mask;
    }
    return &table->last[at];
}

static void
find_members(struct nf_json_plan *plan, const struct nf_template *t, bool extra, uint64_t secret)
{
    struct sr_buf keys = sr_buf_over(plan->keys, sizeof(plan->keys));
    struct set hidden;
    struct table table;
    unsigned count = fields_of(t);

    plan->member_count = 0;
    hide(t, extra, &hidden);
    clear(&table, secret, count);
    for (unsigned i = 0; i < count; i++) {
        if (set_has(&hidden, i)) {
            continue;
        }
        uint16_t *last = find(&table, t, i);
        plan->next[i] = NF_JSON_NO_FIELD;
        if (*last != NF_JSON_NO_FIELD) {
            plan->next[*last] = (uint16_t)i;
        } else {
            const struct nf_element *element = element_of(t, i);
            size_t before = keys.len;
            add_key(&keys, t, i, element);
            plan->members[plan->member_count++] = (struct nf_json_member){
                .key = (uint32_t)before,
                .key_length = (uint8_t)(keys.len - before),
                .type = element != NULL ? element->type : NF_ELEMENT_OCTETS,
                .field = (uint16_t)i,
            };
        }
        *last = (uint16_t)i;
    }
}

/* ---- The whole ---- */

static size_t
layout_size(const struct nf_template *t)
{
    const uint8_t *begin = (const uint8_t *)nf_template_kept(t);

    return (size_t)((const uint8_t *)(nf_template_ops(t) + t->op_count) - begin);
}

static bool
is_of(const struct nf_json_plan *plan, const struct nf_template *t, bool extra)
{
    return plan->is_made && plan->extra == extra && plan->version == t->version &&
           plan->field_count == t->field_count && plan->scope_count == t->scope_count &&
           plan->op_count == t->op_count && plan->has_enterprises == t->has_enterprises &&
           memcmp(plan->layout, nf_template_kept(t), layout_size(t)) == 0;
}

void
nf_json_plan(struct nf_json_plan *plan, const struct nf_template *t, bool extra, uint64_t secret)
{
    if (is_of(plan, t, extra)) {
        return;
    }
    plan->is_cut = t->field_count > NF_JSON_FIELDS_MAX;
    plan->is_made = !plan->is_cut;
    plan->extra = extra;
    plan->has_enterprises = t->has_enterprises;
    plan->version = t->version;
    plan->field_count = t->field_count;
    plan->scope_count = t->scope_count;
    plan->op_count = t->op_count;
    if (plan->is_made) {
        memcpy(plan->layout, nf_template_kept(t), layout_size(t));
    }
    find_names(t, plan->names);
    find_members(plan, t, extra, secret);
}
