/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_JSON_PLAN_H_INCLUDED
#define NETFLOW_DECODE_JSON_PLAN_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/element.h"
#include "decode/exporter.h"
#include "decode/template.h"

/*
 * How the records of a template are written as JSON: which fields, under which names. Records of
 * one template follow each other, so that this is found out once for many of them.
 */

/* Fields of a template, which comes in one message and takes 4 bytes for each. */
#define NF_JSON_FIELDS_MAX ((unsigned)UINT16_MAX / 4)

/* Bytes of a member's name with a comma, NF_ELEMENT_REVERSE, quotes and a colon. */
#define NF_JSON_KEY_MAX 64U

#define NF_JSON_NO_FIELD UINT16_MAX

/* A member of the object: an element. */
struct nf_json_member {
    uint32_t key;       /* where its name begins in `keys` */
    uint8_t key_length; /* at most NF_JSON_KEY_MAX */
    uint8_t type;       /* enum nf_element_type */
    uint16_t field;     /* the first of the record that holds it */
};

/* Names that options may have told, by what the record refers to. */
#define NF_JSON_NAMES 7U

/* Large: pages that are not used cost nothing. All zero: of no template. */
struct nf_json_plan {
    /* What it is the plan of: a copy, for a template may be replaced by another at its place. */
    bool is_made, extra, has_enterprises;
    uint8_t version;
    uint16_t field_count, scope_count, op_count;
    uint8_t layout[NF_JSON_FIELDS_MAX *
                   (sizeof(struct nf_kept_field) + sizeof(uint32_t) + sizeof(struct nf_op))];

    /* What is written. */
    bool is_cut; /* not all fields are in it: there are more than NF_JSON_FIELDS_MAX */
    uint16_t member_count;
    uint16_t names[NF_JSON_NAMES]; /* fields by which to ask for names, or NF_JSON_NO_FIELD */
    struct nf_json_member members[NF_JSON_FIELDS_MAX];
    uint16_t next[NF_JSON_FIELDS_MAX]; /* by field: the next one that holds the same element */
    /* `,"NAME":` of each member; NF_JSON_KEY_MAX bytes can be read at each. */
    char keys[NF_JSON_FIELDS_MAX * NF_JSON_KEY_MAX];
};

/* A name that options may have told: see nf_json_names(). */
struct nf_json_name {
    const char *key;
    enum nf_name_kind kind;
};
extern const struct nf_json_name nf_json_name_list[NF_JSON_NAMES];

/*
 * Makes the plan that of a template, unless it is already. `extra`: without the elements that the
 * flow carries. `secret` is what exporters cannot know: elements are told apart by its help.
 */
void nf_json_plan(
    struct nf_json_plan *plan, const struct nf_template *t, bool extra, uint64_t secret);

#endif
