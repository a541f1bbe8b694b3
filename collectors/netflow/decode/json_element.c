/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/json.h"

#include <stddef.h>
#include <string.h>

#include "decode/exporter.h"
#include "decode/index.h"
#include "decode/template.h"
#include "sr/banned.h"
#include "sr/json.h"

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

/* One bit for each value of 16 bits. */
#define SET_WORDS 1024U

struct set {
    uint64_t words[SET_WORDS];
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

    memset(hidden->words, 0, (t->field_count / 64U + 1) * sizeof(hidden->words[0]));
    for (unsigned i = 0; i < t->field_count; i++) {
        struct nf_field field = nf_template_field(t, i);
        if (!is_scope_v9(t, i) && field.enterprise == 0 && field.id == ID_PADDING) {
            set_add(hidden, i);
        }
    }
    for (unsigned i = 0; extra && i < t->op_count; i++) {
        struct nf_field field = nf_template_field(t, ops[i].field);
        if (!is_always_shown(&field)) {
            set_add(hidden, ops[i].field);
        }
    }
}

static bool
is_same_element(const struct nf_template *t, unsigned i, unsigned j)
{
    struct nf_field a = nf_template_field(t, i), b = nf_template_field(t, j);

    return a.id == b.id && a.enterprise == b.enterprise && is_scope_v9(t, i) == is_scope_v9(t, j);
}

/*
 * The fields of a template in lists of those that may be the same element: each knows the next one.
 * A template with thousands of fields must not cost their square, and its exporter, who cannot know
 * the salt, cannot make many elements that look alike.
 */
#define LISTS 4096U
#define NO_FIELD UINT16_MAX

struct alike {
    uint16_t next[UINT16_MAX]; /* of each field; as many as it has are written */
};

static void
find_alike(const struct nf_record *r, const struct set *hidden, struct alike *alike)
{
    const struct nf_template *t = r->template;
    /* The time of the receive, to the nanosecond. */
    uint64_t salt = r->header->received_ns * UINT64_C(0x9E3779B97F4A7C15);
    uint16_t first[LISTS];

    memset(first, 0xff, sizeof(first));
    for (unsigned i = t->field_count; i-- > 0;) {
        struct nf_field field = nf_template_field(t, i);
        uint64_t key = (uint64_t)field.enterprise << 16 | field.id;
        alike->next[i] = NO_FIELD;
        if (!set_has(hidden, i)) {
            uint16_t *head = &first[nf_index_hash(salt, key) % LISTS];
            alike->next[i] = *head;
            *head = (uint16_t)i;
        }
    }
}

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

    nf_json_key_begin(b);
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
    nf_json_key_end(b);
}

static struct sr_span
content(const struct nf_record *r, unsigned index)
{
    const struct nf_position *p = &r->positions[index];

    return (struct sr_span){ r->bytes.data + p->offset, p->length };
}

static void
add_one(
    struct sr_buf *b, const struct nf_record *r, unsigned index, const struct nf_element *element)
{
    struct nf_field field = nf_template_field(r->template, index);
    bool iana = field.enterprise == 0 || field.enterprise == NF_REVERSE_PEN;

    if (iana && field.id == ID_APPLICATION && !is_scope_v9(r->template, index)) {
        nf_json_application(b, content(r, index));
    } else {
        nf_json_value(b, element, content(r, index));
    }
}

/* The value of an element: an array when fields behind hold it again, which are hidden then. */
static void
add_all(struct sr_buf *b, const struct nf_record *r, unsigned index,
    const struct nf_element *element, const struct alike *alike, struct set *hidden)
{
    bool array = false;
    size_t start = b->len;

    sr_buf_put(b, '[');
    add_one(b, r, index, element);
    for (unsigned j = alike->next[index]; j != NO_FIELD; j = alike->next[j]) {
        if (!set_has(hidden, j) && is_same_element(r->template, index, j)) {
            array = true;
            set_add(hidden, j);
            sr_buf_put(b, ',');
            add_one(b, r, j, element);
        }
    }
    if (array) {
        sr_buf_put(b, ']');
    } else if (!b->overflow) {
        b->len = start; /* the only one after all */
        add_one(b, r, index, element);
    }
}

/* True when all fits that was written since `before`; else that is taken back. */
static bool
keep(struct sr_buf *b, size_t before)
{
    if (!b->overflow) {
        return true;
    }
    b->overflow = false;
    b->len = before;
    return false;
}

bool
nf_json_elements(struct sr_buf *b, const struct nf_record *r, bool extra)
{
    const struct nf_template *t = r->template;
    struct alike alike;
    struct set hidden;

    hide(t, extra, &hidden);
    find_alike(r, &hidden, &alike);
    for (unsigned i = 0; i < t->field_count; i++) {
        if (set_has(&hidden, i)) {
            continue;
        }
        const struct nf_element *element = element_of(t, i);
        size_t before = b->len;
        add_key(b, t, i, element);
        if (alike.next[i] != NO_FIELD) {
            add_all(b, r, i, element, &alike, &hidden);
        } else {
            add_one(b, r, i, element);
        }
        if (!keep(b, before)) {
            return false;
        }
    }
    return true;
}

/* The content of an element of IANA; false when the record has none. */
static bool
find_element(const struct nf_record *r, uint16_t id, struct sr_span *ret_content)
{
    const struct nf_template *t = r->template;

    for (unsigned i = 0; i < t->field_count; i++) {
        struct nf_field field = nf_template_field(t, i);
        if (field.id == id && field.enterprise == 0 && !is_scope_v9(t, i)) {
            *ret_content = content(r, i);
            return true;
        }
    }
    return false;
}

static bool
add_known_name(struct sr_buf *b, const struct nf_record *r, const char *key, enum nf_name_kind kind,
    struct sr_span of)
{
    size_t before = b->len;
    uint64_t id;

    /* Of numbers, this is their value. */
    if (!nf_application_key(of, &id)) {
        return true;
    }
    struct sr_span name = nf_name_find(r->domain, kind, id);
    if (name.len == 0) {
        return true;
    }
    name.len = name.len < NF_JSON_NAME_MAX ? name.len : NF_JSON_NAME_MAX;
    nf_json_key(b, key);
    sr_json_string(b, name);
    return keep(b, before);
}

bool
nf_json_names(struct sr_buf *b, const struct nf_record *r)
{
    /* The second id is what is asked for when the record does not have the first. */
    static const struct {
        const char *key;
        enum nf_name_kind kind;
        uint16_t ids[2];
    } names[] = {
        { "inputInterfaceName", NF_NAME_INTERFACE,
            { ID_INGRESS_INTERFACE, ID_INGRESS_PHYSICAL_INTERFACE } },
        { "inputInterfaceDescription", NF_NAME_INTERFACE_DESCRIPTION,
            { ID_INGRESS_INTERFACE, ID_INGRESS_PHYSICAL_INTERFACE } },
        { "outputInterfaceName", NF_NAME_INTERFACE,
            { ID_EGRESS_INTERFACE, ID_EGRESS_PHYSICAL_INTERFACE } },
        { "outputInterfaceDescription", NF_NAME_INTERFACE_DESCRIPTION,
            { ID_EGRESS_INTERFACE, ID_EGRESS_PHYSICAL_INTERFACE } },
        { "applicationName", NF_NAME_APPLICATION, { ID_APPLICATION, ID_APPLICATION } },
        { "ingressVRFName", NF_NAME_VRF, { ID_INGRESS_VRF, ID_INGRESS_VRF } },
        { "egressVRFName", NF_NAME_VRF, { ID_EGRESS_VRF, ID_EGRESS_VRF } },
    };
    bool whole = true;

    if (r->domain == NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct sr_span of;
        /* The element 96 has the same name, and the exporter's word comes first. */
        if (names[i].kind == NF_NAME_APPLICATION && find_element(r, ID_APPLICATION_NAME, &of)) {
            continue;
        }
        if (find_element(r, names[i].ids[0], &of) || find_element(r, names[i].ids[1], &of)) {
            whole = add_known_name(b, r, names[i].key, names[i].kind, of) && whole;
        }
    }
    return whole;
}
