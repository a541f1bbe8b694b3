/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_TEMPLATE_H_INCLUDED
#define NETFLOW_DECODE_TEMPLATE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/flow.h"
#include "sr/span.h"

/*
 * Templates: what the records of a set look like (RFC 3954 section 5, RFC 7011 section 3.4). A
 * template is read once and compiled to a list of operations, each of which moves one field into
 * a slot of a flow.
 */

#define NF_VARIABLE_LENGTH UINT16_C(0xFFFF) /* RFC 7011 section 7 */
#define NF_REVERSE_PEN 29305U               /* RFC 5103 */

/* A field of a record. In v9 an id has 16 bits and there are no enterprises. */
struct nf_field {
    uint32_t enterprise; /* 0: IANA's */
    uint16_t id;
    uint16_t length; /* bytes, or NF_VARIABLE_LENGTH */
};

enum nf_op_kind {
    NF_OP_NUMBER = 0, /* 1 to 8 bytes, big-endian, to a slot */
    NF_OP_NARROW,     /* the same for a field of 32 bits: what is larger becomes the largest */
    NF_OP_BYTES,      /* to a slot, as they are */
    NF_OP_SPECIAL,    /* `slot` is an enum nf_special */
};

/* Elements that become more, or something else, than the value of one slot. */
enum nf_special {
    NF_SPECIAL_ICMP = 0, /* 32: type and code of ICMP */
    NF_SPECIAL_MPLS_LABEL,
    NF_SPECIAL_MPLS_IP,
    NF_SPECIAL_MPLS_TTL,
    NF_SPECIAL_FRAGMENT_FLAGS,
    NF_SPECIAL_COMMUNITY,
    NF_SPECIAL_SEGMENT,
    NF_SPECIAL_SEGMENTS,
    NF_SPECIAL_FRAME,  /* 104, 315: a packet from its Ethernet header on */
    NF_SPECIAL_PACKET, /* 313: a packet from its IP header on */
    NF_SPECIAL_BASIC_LIST,
    NF_SPECIAL_SUBTEMPLATE_LIST,
    NF_SPECIAL_SUBTEMPLATE_MULTI_LIST,
};

/* There are many: 6 bytes each. */
struct nf_op {
    uint16_t offset;    /* in records of fixed length */
    uint16_t field;     /* index in the template */
    uint8_t slot;       /* enum nf_slot, or enum nf_special */
    uint8_t kind : 2;   /* enum nf_op_kind */
    uint8_t length : 6; /* of a number or an address; else 0: the field's */
};

/* What makes values of a record otherwise than upstream does (design decision D6). */
enum nf_flavour { NF_NATIVE = 0, NF_UPSTREAM };

/* What is kept of a field; the enterprises stand by themselves, for few templates have any. */
struct nf_kept_field {
    uint16_t id, length;
};

/*
 * One piece of memory holds a template: this, then its fields (struct nf_kept_field), then their
 * enterprises when it has some (uint32_t), then its operations. Thousands of exporters have dozens
 * of templates each: every byte counts.
 */
struct nf_template {
    _Alignas(uint32_t) uint16_t id; /* so that enterprises may begin behind it */
    uint8_t version;                /* 9 or 10 */
    bool options;
    bool variable; /* has a field of variable length */
    bool has_enterprises;
    bool has_icmp;        /* has an element for type and code of ICMP */
    uint8_t flavour;      /* enum nf_flavour */
    uint16_t field_count; /* scope fields included */
    uint16_t scope_count;
    uint16_t op_count;
    uint16_t number_count;  /* of these, the first ones: NF_OP_NUMBER of a field of the message */
    uint16_t record_length; /* bytes of a record; the least when `variable` */
};

static inline const struct nf_kept_field *
nf_template_kept(const struct nf_template *t)
{
    return (const struct nf_kept_field *)(const void *)(t + 1);
}

static inline const uint32_t *
nf_template_enterprises(const struct nf_template *t)
{
    return (const uint32_t *)(const void *)(nf_template_kept(t) + t->field_count);
}

/* A field by its index. */
static inline struct nf_field
nf_template_field(const struct nf_template *t, unsigned index)
{
    const struct nf_kept_field *kept = &nf_template_kept(t)[index];

    return (struct nf_field){
        .enterprise = t->has_enterprises ? nf_template_enterprises(t)[index] : 0,
        .id = kept->id,
        .length = kept->length,
    };
}

static inline const struct nf_op *
nf_template_ops(const struct nf_template *t)
{
    return (const struct nf_op *)(const void *)(nf_template_enterprises(t) +
                                                (t->has_enterprises ? t->field_count : 0));
}

/* A template record as it came. `fields` borrows the datagram. */
struct nf_template_record {
    uint16_t id;
    uint8_t version;
    bool options;
    bool withdrawal; /* IPFIX, no fields: RFC 7011 section 8.1 */
    uint16_t field_count;
    uint16_t scope_count;
    struct sr_span fields; /* the field specifiers */
};

enum nf_template_err {
    NF_TEMPLATE_OK = 0,
    NF_TEMPLATE_END,       /* the set has no further record, but padding */
    NF_TEMPLATE_TRUNCATED, /* goes on past the end of its set */
    NF_TEMPLATE_ID,        /* an id below 256 */
    NF_TEMPLATE_EMPTY,     /* no fields, or records of no bytes: nothing could be told apart */
    NF_TEMPLATE_FIELDS,    /* more fields than allowed, or most of them without bytes */
    NF_TEMPLATE_SCOPE,     /* an options template with more scope fields than fields */
    NF_TEMPLATE_LENGTH,    /* records longer than a message */
};

/* A word of [a-z_] for `err`, as it is counted: "template_truncated", ... Static. */
const char *nf_template_reason(enum nf_template_err err);

/*
 * The next record of a template set (or of an options template set) of `version` 9 or 10, and how
 * many bytes of `*set` it takes, which moves past it. After an error other than END, what is left
 * of the set cannot be told apart.
 */
enum nf_template_err nf_template_next(
    struct sr_span *set, uint8_t version, bool options, struct nf_template_record *ret_record);

/*
 * Fields of no bytes that a template may have beyond one for each byte of its records. Some
 * exporters have a few; with a thousand, tiny records would cost as much as large ones.
 */
#define NF_EMPTY_FIELDS_MAX 4U

/*
 * Checks a record: not a withdrawal, at most `max_fields` fields, records of at least one byte.
 * Returns OK, EMPTY, FIELDS, SCOPE or LENGTH.
 */
enum nf_template_err nf_template_check(
    const struct nf_template_record *record, unsigned max_fields);

/* Bytes that the template of a checked record takes. */
size_t nf_template_size(const struct nf_template_record *record);

/* Fills `t` (nf_template_size() bytes) from a checked record. */
void nf_template_compile(
    struct nf_template *t, const struct nf_template_record *record, enum nf_flavour flavour);

/* True when the record says the same as the template. */
bool nf_template_equals(const struct nf_template *t, const struct nf_template_record *record);

/* Writes the field specifiers back as they came, so that a template can be kept: 4 or 8 bytes a
 * field. Returns how many bytes; `out` has room for 8 * field_count. */
size_t nf_template_write_fields(const struct nf_template *t, uint8_t *out);

/*
 * Where the fields of a record lie. `positions` has room for t->field_count, or is NULL. Takes the
 * record off
 * `*records`, or returns false when there is none in what is left: padding, or a record that goes
 * on past the end, which a set of a template with a field of variable length can have.
 */
struct nf_position {
    uint16_t offset, length;
};
bool nf_record_next(const struct nf_template *t, struct sr_span *records,
    struct sr_span *ret_record, struct nf_position *positions);

#endif
