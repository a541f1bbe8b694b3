/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/template.h"

#include <string.h>

#include "decode/load.h"
#include "decode/mapping.h"

#include "sr/banned.h"

#define ENTERPRISE_BIT 0x8000U
#define IPFIX 10
#define MESSAGE_MAX 65535U
#define OP_LENGTH_MAX 63U /* of a number or an address */
#define ID_MIN 256U
#define ID_ALL 2U         /* withdraws all templates, RFC 7011 section 8.1 */
#define ID_ALL_OPTIONS 3U /* withdraws all options templates */

const char *
nf_template_reason(enum nf_template_err err)
{
    switch (err) {
    case NF_TEMPLATE_OK:
    case NF_TEMPLATE_END: break;
    case NF_TEMPLATE_TRUNCATED: return "template_truncated";
    case NF_TEMPLATE_ID: return "template_id";
    case NF_TEMPLATE_EMPTY: return "template_empty";
    case NF_TEMPLATE_FIELDS: return "template_fields";
    case NF_TEMPLATE_SCOPE: return "template_scope";
    case NF_TEMPLATE_LENGTH: return "template_length";
    }
    return "template";
}

/* ---- Reading ---- */

/* Field specifiers of IPFIX are 4 bytes, or 8 with an enterprise number. */
static struct sr_span
take_fields(struct sr_reader *r, uint8_t version, uint16_t count)
{
    struct sr_span fields = { r->pos, 0 };

    if (version != IPFIX) {
        return sr_reader_take(r, (size_t)count * 4);
    }
    for (unsigned i = 0; i < count && !r->failed; i++) {
        uint16_t id = sr_reader_be16(r);
        (void)sr_reader_take(r, (id & ENTERPRISE_BIT) != 0 ? 6 : 2);
    }
    fields.len = (size_t)(r->pos - fields.data);
    return fields;
}

static void
read_counts(struct sr_reader *r, struct nf_template_record *record)
{
    uint16_t first = sr_reader_be16(r);

    if (!record->options) {
        record->field_count = first;
    } else if (record->version == IPFIX) {
        record->field_count = first;
        /* A withdrawal ends here, RFC 7011 section 8.1. */
        record->scope_count = first != 0 ? sr_reader_be16(r) : 0;
    } else {
        /* RFC 3954 section 6.1: lengths in bytes of the two lists. */
        uint16_t second = sr_reader_be16(r);
        record->scope_count = first / 4;
        record->field_count = (uint16_t)(first / 4 + second / 4);
    }
}

enum nf_template_err
nf_template_next(
    struct sr_span *set, uint8_t version, bool options, struct nf_template_record *ret_record)
{
    struct nf_template_record record = { .version = version, .options = options };
    struct sr_reader r = sr_reader_init(*set);

    if (set->len < 4 || (set->data[0] == 0 && nf_is_zero(*set))) {
        return NF_TEMPLATE_END;
    }
    record.id = sr_reader_be16(&r);
    read_counts(&r, &record);
    record.withdrawal = version == IPFIX && record.field_count == 0 && !r.failed;
    if (record.id < ID_MIN &&
        !(record.withdrawal && (record.id == ID_ALL || record.id == ID_ALL_OPTIONS))) {
        return NF_TEMPLATE_ID;
    }
    record.fields = take_fields(&r, version, record.field_count);
    if (r.failed) {
        return NF_TEMPLATE_TRUNCATED;
    }
    set->data = r.pos;
    set->len = (size_t)(r.end - r.pos);
    *ret_record = record;
    return NF_TEMPLATE_OK;
}

static struct nf_field
read_field(struct sr_reader *r, uint8_t version)
{
    struct nf_field f = { .id = sr_reader_be16(r), .length = sr_reader_be16(r) };

    if (version == IPFIX && (f.id & ENTERPRISE_BIT) != 0) {
        f.id = (uint16_t)(f.id & ~ENTERPRISE_BIT);
        f.enterprise = sr_reader_be32(r);
    }
    return f;
}

enum nf_template_err
nf_template_check(const struct nf_template_record *record, unsigned max_fields)
{
    struct sr_reader r = sr_reader_init(record->fields);
    uint64_t length = 0;
    unsigned empty = 0;

    if (record->field_count == 0) {
        return NF_TEMPLATE_EMPTY;
    }
    if (record->field_count > max_fields) {
        return NF_TEMPLATE_FIELDS;
    }
    if (record->scope_count > record->field_count) {
        return NF_TEMPLATE_SCOPE;
    }
    for (unsigned i = 0; i < record->field_count; i++) {
        struct nf_field f = read_field(&r, record->version);
        length += f.length == NF_VARIABLE_LENGTH ? 1 : f.length;
        empty += f.length == 0;
    }
    if (length == 0) {
        return NF_TEMPLATE_EMPTY;
    }
    if (empty > NF_EMPTY_FIELDS_MAX + length) {
        return NF_TEMPLATE_FIELDS;
    }
    return length > MESSAGE_MAX ? NF_TEMPLATE_LENGTH : NF_TEMPLATE_OK;
}

/* ---- Compiling ---- */

/* True when one of the fields is an enterprise's. */
static bool
has_enterprises(const struct nf_template_record *record)
{
    /* Its specifier has 8 bytes, all others 4. */
    return record->fields.len != (size_t)record->field_count * 4;
}

size_t
nf_template_size(const struct nf_template_record *record)
{
    size_t field = sizeof(struct nf_kept_field) + sizeof(struct nf_op) +
                   (has_enterprises(record) ? sizeof(uint32_t) : 0);

    return sizeof(struct nf_template) + record->field_count * field;
}

/* Fields and where they lie; returns the bytes of a record, the least when it is variable. */
static uint16_t
fill_fields(struct nf_template *t, const struct nf_template_record *record)
{
    struct nf_kept_field *kept = (struct nf_kept_field *)(void *)(t + 1);
    uint32_t *enterprises = (uint32_t *)(void *)(kept + t->field_count);
    struct sr_reader r = sr_reader_init(record->fields);
    uint32_t length = 0;

    for (unsigned i = 0; i < t->field_count; i++) {
        struct nf_field f = read_field(&r, record->version);
        kept[i] = (struct nf_kept_field){ f.id, f.length };
        if (t->has_enterprises) {
            enterprises[i] = f.enterprise;
        }
        t->variable = t->variable || f.length == NF_VARIABLE_LENGTH;
        length += f.length == NF_VARIABLE_LENGTH ? 1 : f.length;
    }
    return (uint16_t)length;
}

/*
 * What compiling knows while it goes over the fields. A slot has one operation, so that those that
 * fill one are few; specials can be as many as fields and are never sorted: packets, which come
 * last, are gathered at the end of the room, the last one first.
 */
struct compiling {
    struct nf_template *t;
    struct nf_op *ops; /* room for one of each field: specials, a gap, packets */
    unsigned special_count, packet_count;
    struct nf_op plain[NF_SLOTS];
    unsigned plain_count;
    uint64_t taken[2]; /* slots that have an operation */
};

static bool
is_taken(const struct compiling *c, const struct nf_mapping *m)
{
    return m->kind != NF_OP_SPECIAL && (c->taken[m->slot >> 6] >> (m->slot & 63) & 1) != 0;
}

static bool
fits(const struct nf_mapping *m, uint16_t length)
{
    if (length == NF_VARIABLE_LENGTH) {
        return m->max_length == NF_VARIABLE_LENGTH;
    }
    return length >= m->min_length && length <= m->max_length;
}

static bool
is_icmp(const struct nf_mapping *m)
{
    return m->kind == NF_OP_SPECIAL ? m->slot == NF_SPECIAL_ICMP
                                    : m->slot == NF_ICMP_TYPE || m->slot == NF_ICMP6;
}

static bool
is_packet(const struct nf_op *op)
{
    return op->kind == NF_OP_SPECIAL &&
           (op->slot == NF_SPECIAL_FRAME || op->slot == NF_SPECIAL_PACKET);
}

/* Numbers come first, for loops of their own: those that are fields of the message, then others. */
static unsigned
place_of(const struct nf_op *op)
{
    return op->kind * 2U + (op->slot >= NF_GATHERED);
}

static void
add_plain(struct compiling *c, const struct nf_op *op)
{
    unsigned at = c->plain_count++;

    for (; at > 0 && place_of(&c->plain[at - 1]) > place_of(op); at--) {
        c->plain[at] = c->plain[at - 1];
    }
    c->plain[at] = *op;
    c->taken[op->slot >> 6] |= UINT64_C(1) << (op->slot & 63);
    c->t->number_count = (uint16_t)(c->t->number_count + (place_of(op) == 0));
}

static void
add_op(struct compiling *c, const struct nf_mapping *m, unsigned field, uint32_t offset)
{
    uint16_t length = nf_template_kept(c->t)[field].length;
    bool narrow = m->kind == NF_OP_NUMBER && length > 4 && nf_slot_is_narrow(m->slot);
    const struct nf_op op = {
        .offset = (uint16_t)offset,
        .field = (uint16_t)field,
        .slot = m->slot,
        .kind = (narrow ? NF_OP_NARROW : m->kind) & 3U,
        .length = m->kind != NF_OP_SPECIAL ? length & OP_LENGTH_MAX : 0,
    };

    if (m->kind != NF_OP_SPECIAL) {
        add_plain(c, &op);
    } else if (is_packet(&op)) {
        c->ops[c->t->field_count - ++c->packet_count] = op;
    } else {
        c->ops[c->special_count++] = op;
    }
    c->t->has_icmp = c->t->has_icmp || is_icmp(m);
}

/*
 * The operations of one rank: an element of a lower rank goes before others that would fill the
 * same slot, and of two equal ones the first counts (RFC 7011 section 8: the outermost).
 */
static void
compile_rank(struct compiling *c, unsigned rank)
{
    uint32_t offset = 0;

    for (unsigned i = 0; i < c->t->field_count; i++) {
        struct nf_field f = nf_template_field(c->t, i);
        const struct nf_mapping *m = i < c->t->scope_count ? NULL
                                                           : nf_mapping_find(c->t->flavour,
                                                                 c->t->version, f.enterprise, f.id);
        if (m != NULL && m->rank == rank && fits(m, f.length) && !is_taken(c, m)) {
            add_op(c, m, i, offset);
        }
        offset += f.length; /* means nothing after a field of variable length */
    }
}

/* Packets come last, for they fill what is still empty. */
static void
join_ops(struct compiling *c)
{
    struct nf_op *packets = c->ops + c->t->field_count - c->packet_count;
    unsigned before = c->plain_count + c->special_count;

    for (unsigned i = 0; i < c->packet_count / 2; i++) {
        struct nf_op op = packets[i];
        packets[i] = packets[c->packet_count - 1 - i];
        packets[c->packet_count - 1 - i] = op;
    }
    memmove(c->ops + c->plain_count, c->ops, c->special_count * sizeof(struct nf_op));
    memcpy(c->ops, c->plain, c->plain_count * sizeof(struct nf_op));
    memmove(c->ops + before, packets, c->packet_count * sizeof(struct nf_op));
    c->t->op_count = (uint16_t)(before + c->packet_count);
}

void
nf_template_compile(
    struct nf_template *t, const struct nf_template_record *record, enum nf_flavour flavour)
{
    *t = (struct nf_template){
        .id = record->id,
        .version = record->version,
        .options = record->options,
        .flavour = (uint8_t)flavour,
        .field_count = record->field_count,
        .scope_count = record->scope_count,
        .has_enterprises = has_enterprises(record),
    };
    t->record_length = fill_fields(t, record);
    struct compiling c = { .t = t, .ops = (struct nf_op *)(void *)(uintptr_t)nf_template_ops(t) };
    for (unsigned rank = 0; rank < NF_MAPPING_RANKS; rank++) {
        compile_rank(&c, rank);
    }
    join_ops(&c);
}

/* The same of fields without enterprises: a datagram may hold as many as fit, and each is compared
 * with all layouts of its id. */
static bool
has_fields(const struct nf_template *t, const uint8_t *at)
{
    const struct nf_kept_field *kept = nf_template_kept(t);

    for (unsigned i = 0; i < t->field_count; i++, at += 4) {
        if (kept[i].id != (at[0] << 8 | at[1]) || kept[i].length != (at[2] << 8 | at[3])) {
            return false;
        }
    }
    return true;
}

bool
nf_template_equals(const struct nf_template *t, const struct nf_template_record *record)
{
    struct sr_reader r = sr_reader_init(record->fields);

    if (t->id != record->id || t->version != record->version || t->options != record->options ||
        t->field_count != record->field_count || t->scope_count != record->scope_count) {
        return false;
    }
    if (!t->has_enterprises && !has_enterprises(record)) {
        return has_fields(t, record->fields.data);
    }
    for (unsigned i = 0; i < t->field_count; i++) {
        struct nf_field f = read_field(&r, record->version);
        struct nf_field known = nf_template_field(t, i);
        if (f.id != known.id || f.length != known.length || f.enterprise != known.enterprise) {
            return false;
        }
    }
    return true;
}

static uint8_t *
put_be(uint8_t *out, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    }
    return out + bytes;
}

size_t
nf_template_write_fields(const struct nf_template *t, uint8_t *out)
{
    uint8_t *at = out;

    for (unsigned i = 0; i < t->field_count; i++) {
        struct nf_field f = nf_template_field(t, i);
        bool enterprise = f.enterprise != 0;
        at = put_be(at, enterprise ? f.id | ENTERPRISE_BIT : f.id, 2);
        at = put_be(at, f.length, 2);
        if (enterprise) {
            at = put_be(at, f.enterprise, 4);
        }
    }
    return (size_t)(at - out);
}

/* ---- Records ---- */

/* RFC 7011 section 7: the length is one byte, or 255 and two bytes. */
static bool
variable_length(struct sr_span left, size_t *ret_head, size_t *ret_length)
{
    if (left.len < 1) {
        return false;
    }
    *ret_head = 1;
    *ret_length = left.data[0];
    if (left.data[0] == 255) {
        if (left.len < 3) {
            return false;
        }
        *ret_head = 3;
        *ret_length = (size_t)left.data[1] << 8 | left.data[2];
    }
    return true;
}

static bool
walk_fields(const struct nf_template *t, struct sr_span records, size_t *ret_size,
    struct nf_position *positions)
{
    const struct nf_kept_field *fields = nf_template_kept(t);
    size_t at = 0;

    for (unsigned i = 0; i < t->field_count; i++) {
        struct sr_span left = { records.data + at, records.len - at };
        size_t head = 0, length = fields[i].length;
        if (length == NF_VARIABLE_LENGTH && !variable_length(left, &head, &length)) {
            return false;
        }
        if (head + length > left.len) {
            return false;
        }
        if (positions != NULL) {
            positions[i] = (struct nf_position){ (uint16_t)(at + head), (uint16_t)length };
        }
        at += head + length;
    }
    *ret_size = at;
    return true;
}

bool
nf_record_next(const struct nf_template *t, struct sr_span *records, struct sr_span *ret_record,
    struct nf_position *positions)
{
    size_t size;

    if (records->len < t->record_length || !walk_fields(t, *records, &size, positions)) {
        return false;
    }
    *ret_record = (struct sr_span){ records->data, size };
    records->data += size;
    records->len -= size;
    return true;
}
