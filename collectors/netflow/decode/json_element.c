/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/json.h"

#include <stddef.h>

#include "decode/exporter.h"
#include "decode/json_plan.h"
#include "sr/json.h"

#include "sr/banned.h"

static struct sr_span
content(const struct nf_record *r, unsigned index)
{
    const struct nf_position *p = &r->positions[index];

    return (struct sr_span){ r->bytes.data + p->offset, p->length };
}

/* The value of an element: an array when several fields hold it. */
static void
add_member(struct sr_buf *b, const struct nf_record *r, const struct nf_json_member *member)
{
    const struct nf_json_plan *plan = r->plan;
    unsigned field = member->field;
    bool array = plan->next[field] != NF_JSON_NO_FIELD;

    nf_json_key(b, plan->keys + member->key, member->key_length);
    if (array) {
        sr_buf_put(b, '[');
    }
    nf_json_value(b, member->type, content(r, field));
    while ((field = plan->next[field]) != NF_JSON_NO_FIELD) {
        sr_buf_put(b, ',');
        nf_json_value(b, member->type, content(r, field));
    }
    if (array) {
        sr_buf_put(b, ']');
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
nf_json_elements(struct sr_buf *b, const struct nf_record *r)
{
    const struct nf_json_plan *plan = r->plan;

    for (unsigned i = 0; i < plan->member_count; i++) {
        size_t before = b->len;
        add_member(b, r, &plan->members[i]);
        if (!keep(b, before)) {
            return false;
        }
    }
    return !plan->is_cut;
}

static bool
add_known_name(struct sr_buf *b, const struct nf_record *r, const struct nf_json_name *known,
    struct sr_span of)
{
    size_t before = b->len;
    uint64_t id;

    /* Of numbers, this is their value. */
    if (!nf_application_key(of, &id)) {
        return true;
    }
    struct sr_span name = nf_name_find(r->domain, known->kind, id);
    if (name.len == 0) {
        return true;
    }
    name.len = name.len < NF_JSON_NAME_MAX ? name.len : NF_JSON_NAME_MAX;
    sr_buf_add_text(b, known->key);
    sr_json_string(b, name);
    return keep(b, before);
}

bool
nf_json_names(struct sr_buf *b, const struct nf_record *r)
{
    bool whole = true;

    if (r->domain == NULL) {
        return true;
    }
    for (unsigned i = 0; i < NF_JSON_NAMES; i++) {
        uint16_t field = r->plan->names[i];
        if (field != NF_JSON_NO_FIELD) {
            whole = add_known_name(b, r, &nf_json_name_list[i], content(r, field)) && whole;
        }
    }
    return whole;
}
