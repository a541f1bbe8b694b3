/* SPDX-License-Identifier: Apache-2.0 */
#include "trap_mend.h"

#include <string.h>

#include "decode/message.h"
#include "sr/buf.h"
#include "trap_mutant.h"

#include "sr/banned.h"

const struct trap_class_text trap_class_texts[TRAP_CLASSES] = {
    [TRAP_TYPE_UNKNOWN] = { "a type that SNMP does not have",
        "we publish its bytes, libnetsnmp refuses the message" },
    [TRAP_VALUE_LENGTH] = { "a value that its type cannot have",
        "an IpAddress of 5 bytes, an identifier that breaks off: the same" },
    [TRAP_VALUE_BYTES] = { "NULL or an exception with bytes",
        "we publish them, libnetsnmp forgets them" },
    [TRAP_WIDE_NUMBER] = { "a number of more than 32 bits",
        "we publish it, libnetsnmp keeps 32 bits" },
    [TRAP_OPAQUE_NUMBER] = { "an Opaque that says it is a number, and is none",
        "it is an Opaque, libnetsnmp refuses the message or reads on behind it" },
    [TRAP_LONG_SUB_ID] = { "a sub-identifier of more than 64 bits",
        "we refuse it, libnetsnmp keeps 64 bits" },
    [TRAP_VARBIND_LENGTH] = { "a varbind of another length than what is in it",
        "we go by its length, libnetsnmp by that of its value" },
    [TRAP_FIELD_TYPE] = { "a community, a name or a number that has another type",
        "we refuse it, libnetsnmp does not look" },
    [TRAP_AGENT_LENGTH] = { "an agent address of less than 4 bytes",
        "we refuse it, libnetsnmp takes zeros for the others" },
    [TRAP_HEAD_LENGTH] = { "a part of the head of v3 that does not end behind its last field",
        "we refuse it, libnetsnmp goes on behind what it has read (its issue 1065)" },
    [TRAP_MESSAGE_LENGTH] = { "a message of v3, or its scoped PDU, that ends within its PDU",
        "we refuse it, libnetsnmp goes by the end of the datagram" },
    [TRAP_REPORTABLE] = { "a message of v3 that asks for reports, and names another engine",
        "we read it, libnetsnmp wants it to name its own" },
};

enum { FLAG_REPORTABLE = 4 }; /* msgFlags, RFC 3412 section 6.4 */

struct mender {
    uint8_t *bytes; /* of the message, to be changed */
    size_t len;
    bool is_ours;
    bool has_moved; /* since it was read: what is behind has to be read again */
    struct trap_mended mended;
};

static void
found(struct mender *m, enum trap_class class)
{
    m->mended.classes |= 1U << class;
}

static uint8_t *
at(const struct mender *m, const uint8_t *place)
{
    return m->bytes + (place - m->bytes);
}

/* ---- Elements ---- */

/* An element that may go on past what is around it. */
struct element {
    const uint8_t *start;
    uint8_t type;
    size_t head, length;
};

static bool
read_head(struct sr_span left, struct element *ret_element)
{
    struct element e = { .start = left.data, .head = 2 };

    if (left.len < 2) {
        return false;
    }
    e.type = left.data[0];
    e.length = left.data[1];
    if (e.length >= 0x80) {
        size_t bytes = e.length & 0x7f;
        if (bytes == 0 || left.len < 2 + bytes) {
            return false;
        }
        e.length = 0;
        for (size_t i = 0; i < bytes; i++) {
            if (e.length > UINT32_MAX) {
                return false;
            }
            e.length = e.length << 8 | left.data[2 + i];
        }
        e.head += bytes;
    }
    *ret_element = e;
    return true;
}

/* With as many bytes as there are. */
static void
set_length(struct mender *m, const struct element *e, size_t length)
{
    uint8_t *place = at(m, e->start) + 1;

    if (e->head == 2) {
        *place = (uint8_t)(length & 0x7f);
    }
    for (size_t i = e->head - 2; i > 0; i--) {
        place[i] = (uint8_t)length;
        length >>= 8;
    }
}

/* All `room` bytes, at least 2, become an octet string. */
static void
set_octets(struct mender *m, const uint8_t *start, size_t room)
{
    uint8_t *place = at(m, start);

    place[0] = BER_OCTET_STRING;
    if (room - 2 < 0x80) {
        place[1] = (uint8_t)(room - 2);
        return;
    }
    place[1] = 0x82;
    place[2] = (uint8_t)((room - 4) >> 8);
    place[3] = (uint8_t)(room - 4);
}

static struct sr_span
skip(struct sr_span left, size_t len)
{
    return len <= left.len ? (struct sr_span){ left.data + len, left.len - len }
                           : (struct sr_span){ left.data + left.len, 0 };
}

/*
 * As ber_take(), but by other code: what judges the decoder must not make its mistakes.
 */
static bool
take(struct sr_span *left, uint8_t *ret_type, struct sr_span *ret_content)
{
    struct element e;

    if (!read_head(*left, &e) || e.length > left->len - e.head) {
        return false;
    }
    *ret_type = e.type;
    *ret_content = (struct sr_span){ left->data + e.head, e.length };
    *left = skip(*left, e.head + e.length);
    return true;
}

static bool
take_type(struct sr_span *left, uint8_t type, struct sr_span *ret_content)
{
    uint8_t found_type;

    return left->len > 0 && left->data[0] == type && take(left, &found_type, ret_content);
}

/* ---- Values ---- */

static bool
is_number(struct sr_span value, bool is_signed)
{
    return (value.len >= 1 && value.len <= 8) ||
           (value.len == 9 && value.data[0] == 0 && !is_signed);
}

/* Whether the low 32 bits of a number are not all that it is. */
static bool
is_wide(uint8_t type, struct sr_span value)
{
    bool is_signed = type == BER_INTEGER;
    bool is_negative = is_signed && value.len > 4 && (value.data[value.len - 4] & 0x80) != 0;
    bool is_wide = false;

    for (size_t i = 0; i + 4 < value.len; i++) {
        is_wide = is_wide || value.data[i] != (is_negative ? 0xff : 0);
    }
    return is_wide && is_number(value, is_signed);
}

/* Sub-identifiers of 32 bits, not more than there may be, of which the first is two arcs. */
static bool
is_oid(struct sr_span value)
{
    uint64_t sub_id = 0;
    unsigned arcs = value.len > 0;

    for (size_t i = 0; i < value.len; i++) {
        sub_id = sub_id << 7 | (value.data[i] & 0x7f);
        if (sub_id > UINT32_MAX) {
            return false;
        }
        if ((value.data[i] & 0x80) == 0) {
            sub_id = 0;
            arcs++;
        } else if (i + 1 == value.len) {
            return false;
        }
    }
    return arcs <= BER_SUB_IDS_MAX;
}

/* Whether what says it is a number within an Opaque is none, or has something behind it. */
static bool
is_wrong_opaque(struct sr_span value)
{
    struct sr_span number;

    if (value.len < 2 || value.data[0] != 0x9f || value.data[1] < 0x76 || value.data[1] > 0x7b ||
        value.data[1] == 0x77) {
        return false;
    }
    uint8_t type;
    value = skip(value, 1);
    if (!take(&value, &type, &number) || value.len > 0) {
        return true;
    }
    switch (type) {
    case 0x78: return number.len != sizeof(float);
    case 0x79: return number.len != sizeof(double);
    default: return !is_number(number, type == 0x7a);
    }
}

/* The class of a value that only one of the two takes for what its type says, or TRAP_CLASSES. */
static enum trap_class
class_of_value(uint8_t type, struct sr_span value)
{
    switch (type) {
    case BER_INTEGER:
    case BER_COUNTER32:
    case BER_UNSIGNED32:
    case BER_TIME_TICKS:
    case BER_UINTEGER32:
        if (!is_number(value, type == BER_INTEGER)) {
            return TRAP_VALUE_LENGTH;
        }
        return is_wide(type, value) ? TRAP_WIDE_NUMBER : TRAP_CLASSES;
    case BER_COUNTER64: return is_number(value, false) ? TRAP_CLASSES : TRAP_VALUE_LENGTH;
    case BER_IP_ADDRESS: return value.len == 4 ? TRAP_CLASSES : TRAP_VALUE_LENGTH;
    case BER_OBJECT_IDENTIFIER: return is_oid(value) ? TRAP_CLASSES : TRAP_VALUE_LENGTH;
    case BER_NULL:
    case BER_NO_SUCH_OBJECT:
    case BER_NO_SUCH_INSTANCE:
    case BER_END_OF_MIB_VIEW: return value.len == 0 ? TRAP_CLASSES : TRAP_VALUE_BYTES;
    case BER_OPAQUE: return is_wrong_opaque(value) ? TRAP_OPAQUE_NUMBER : TRAP_CLASSES;
    case BER_BIT_STRING: /* after the number of bits of its last byte that do not count */
        return value.len > 0 && value.data[0] < 8 ? TRAP_CLASSES : TRAP_VALUE_LENGTH;
    case BER_OCTET_STRING:
    case BER_NSAP_ADDRESS: return TRAP_CLASSES;
    default: return TRAP_TYPE_UNKNOWN;
    }
}

/* ---- Varbinds ---- */

/* Sub-identifiers of more than 64 bits become ones of 7. */
static void
mend_name(struct mender *m, struct sr_span name)
{
    size_t bytes = 0;

    for (size_t i = 0; i < name.len; i++) {
        bytes++;
        if ((name.data[i] & 0x80) == 0) {
            if (bytes > 9) {
                memset(at(m, name.data) + i + 1 - bytes, 0x80, bytes - 1);
                found(m, TRAP_LONG_SUB_ID);
            }
            bytes = 0;
        }
    }
}

/* Returns the length of the varbind, whole, as it is then; 0 when it cannot be read. */
static size_t
mend_varbind(struct mender *m, struct sr_span left)
{
    struct element whole, value;
    struct sr_span rest, name, content;
    uint8_t type;

    if (!read_head(left, &whole)) {
        return 0;
    }
    rest = skip(left, whole.head);
    if (!take_type(&rest, BER_OBJECT_IDENTIFIER, &name) || !read_head(rest, &value) ||
        !take(&rest, &type, &content)) {
        return 0;
    }
    mend_name(m, name);
    enum trap_class class = class_of_value(type, content);
    m->mended.unreadable +=
        class == TRAP_VALUE_LENGTH && type != BER_IP_ADDRESS && type != BER_BIT_STRING;
    size_t inside = left.len - whole.head - rest.len;
    if (inside != whole.length) {
        found(m, TRAP_VARBIND_LENGTH);
        if (m->is_ours && whole.length > inside) {
            /* What is behind the value becomes part of it. */
            set_octets(
                m, value.start, (size_t)(whole.start + whole.head + whole.length - value.start));
            return whole.head + whole.length;
        }
        set_length(m, &whole, inside);
    }
    if (class != TRAP_CLASSES) {
        found(m, class);
        *at(m, value.start) = BER_OCTET_STRING; /* which any bytes can be */
    }
    return whole.head + inside;
}

/* ---- PDUs ---- */

/* The low 32 bits of a number stay. */
static void
narrow(struct mender *m, uint8_t type, struct sr_span content)
{
    bool is_negative = type == BER_INTEGER && (content.data[content.len - 4] & 0x80) != 0;

    found(m, TRAP_WIDE_NUMBER);
    memset(at(m, content.data), is_negative ? 0xff : 0, content.len - 4);
}

/* Puts a zero into an element with a length of one byte, before what it holds. */
static void
lengthen(struct mender *m, const uint8_t *start)
{
    size_t place = (size_t)(start - m->bytes) + 2;

    trap_change_lengths(m->bytes, m->len, place - 2, 1);
    m->bytes[place - 1]++;
    memmove(m->bytes + place + 1, m->bytes + place, m->len - place);
    m->bytes[place] = 0;
    m->len++;
    m->has_moved = true;
}

static void
mend_field(struct mender *m, const uint8_t *start, uint8_t type, struct sr_span content)
{
    if (*start != type) {
        found(m, TRAP_FIELD_TYPE);
        *at(m, start) = type;
    }
    if ((type == BER_INTEGER || type == BER_TIME_TICKS) && is_wide(type, content)) {
        narrow(m, type, content);
    }
    if (type == BER_IP_ADDRESS && content.len < 4) {
        found(m, TRAP_AGENT_LENGTH);
        lengthen(m, start);
    }
}

static void
mend_pdu(struct mender *m, struct sr_span pdu)
{
    static const uint8_t numbers[] = { BER_INTEGER, BER_INTEGER, BER_INTEGER };
    static const uint8_t trap_v1[] = { BER_OBJECT_IDENTIFIER, BER_IP_ADDRESS, BER_INTEGER,
        BER_INTEGER, BER_TIME_TICKS };
    struct sr_span left, content;
    uint8_t type;

    if (!take(&pdu, &type, &left)) {
        return;
    }
    const uint8_t *fields = type == TRAP_PDU_TRAP_V1 ? trap_v1 : numbers;
    size_t count = type == TRAP_PDU_TRAP_V1 ? sizeof(trap_v1) : sizeof(numbers);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *start = left.data;
        if (!take(&left, &type, &content)) {
            return;
        }
        mend_field(m, start, fields[i], content);
        if (m->has_moved) {
            return;
        }
    }
    if (!take_type(&left, BER_SEQUENCE, &content)) {
        return;
    }
    for (size_t taken; content.len > 0; content = skip(content, taken)) {
        taken = mend_varbind(m, content);
        if (taken == 0) {
            return;
        }
    }
}

/* ---- Messages of v1 and v2c, and the inside of those of v3 ---- */

static void
mend_community(struct mender *m, struct sr_span left)
{
    const uint8_t *start = left.data;
    struct sr_span content;
    uint8_t type;

    if (!take(&left, &type, &content)) {
        return;
    }
    if (type != BER_OCTET_STRING) {
        found(m, TRAP_FIELD_TYPE);
        *at(m, start) = BER_OCTET_STRING;
    }
    mend_pdu(m, left);
}

/* Of a message without authentication, the only ones that can be changed. */
static void
mend_scoped(struct mender *m, struct sr_span left)
{
    struct sr_span content, ignored;
    uint8_t type;

    if (!take_type(&left, BER_SEQUENCE, &content)) {
        return;
    }
    for (int i = 0; i < 2; i++) { /* the engine and name of the context */
        const uint8_t *start = content.data;
        if (!take(&content, &type, &ignored)) {
            return;
        }
        mend_field(m, start, BER_OCTET_STRING, ignored);
    }
    mend_pdu(m, content);
}

/* ---- The head of v3 ---- */

static void
put_head(struct sr_buf *b, uint8_t type, size_t length)
{
    const uint8_t head[] = { type, 0x82, (uint8_t)(length >> 8), (uint8_t)length };

    sr_buf_add(b, head, sizeof(head));
}

/* Takes elements of such types, whose bytes are `*ret_fields` then. */
static bool
take_fields(struct sr_span *left, const uint8_t *types, size_t count, struct sr_span *ret_fields)
{
    const uint8_t *start = left->data;
    struct sr_span content;

    for (size_t i = 0; i < count; i++) {
        if (!take_type(left, types[i], &content)) {
            return false;
        }
    }
    *ret_fields = (struct sr_span){ start, (size_t)(left->data - start) };
    return true;
}

static bool
open_element(struct sr_span *left, uint8_t type, struct element *ret_element)
{
    if (!read_head(*left, ret_element) || ret_element->type != type) {
        return false;
    }
    *left = skip(*left, ret_element->head);
    return true;
}

/*
 * The head of a message, RFC 3412 section 6 and RFC 3414 section 2.4, each of whose sequences ends
 * behind its last field. Of the parameters what is behind it within their sequence is passed over.
 */
struct head {
    struct sr_span header, parameters;
    bool is_right; /* they say so themselves */
};

static bool
take_head(struct sr_span *left, struct head *ret_head)
{
    static const uint8_t header[] = { BER_INTEGER, BER_INTEGER, BER_OCTET_STRING, BER_INTEGER };
    static const uint8_t parameters[] = { BER_OCTET_STRING, BER_INTEGER, BER_INTEGER,
        BER_OCTET_STRING, BER_OCTET_STRING, BER_OCTET_STRING };
    struct element first, octets, second;

    if (!open_element(left, BER_SEQUENCE, &first) ||
        !take_fields(left, header, sizeof(header), &ret_head->header) ||
        !open_element(left, BER_OCTET_STRING, &octets) ||
        !open_element(left, BER_SEQUENCE, &second) ||
        !take_fields(left, parameters, sizeof(parameters), &ret_head->parameters)) {
        return false;
    }
    ret_head->is_right = first.length == ret_head->header.len &&
                         second.length == ret_head->parameters.len &&
                         octets.length == second.head + second.length;
    if (second.length > ret_head->parameters.len) {
        *left = skip(*left, second.length - ret_head->parameters.len);
    }
    return true;
}

/* Writes the message anew, with lengths that are right. */
static void
write_head(struct mender *m, const struct head *head, struct sr_span scoped)
{
    static uint8_t whole[UINT16_MAX + 64];
    struct sr_buf b = sr_buf_over(whole, sizeof(whole));

    put_head(&b, BER_SEQUENCE, 3 + 4 + head->header.len + 8 + head->parameters.len + scoped.len);
    sr_buf_add(&b, "\2\1\3", 3);
    put_head(&b, BER_SEQUENCE, head->header.len);
    sr_buf_add(&b, head->header.data, head->header.len);
    put_head(&b, BER_OCTET_STRING, head->parameters.len + 4);
    put_head(&b, BER_SEQUENCE, head->parameters.len);
    sr_buf_add(&b, head->parameters.data, head->parameters.len);
    sr_buf_add(&b, scoped.data, scoped.len);
    if (!b.overflow && b.len <= m->len + 64) {
        memcpy(m->bytes, b.data, b.len);
        m->len = b.len;
        m->has_moved = true;
        found(m, TRAP_HEAD_LENGTH);
    }
}

/* Of a message and its scoped PDU: not before the PDU ends. */
static void
mend_ends(struct mender *m, struct sr_span left)
{
    struct element whole, scoped, pdu;
    struct sr_span rest, ignored;
    uint8_t type;

    if (!read_head((struct sr_span){ m->bytes, m->len }, &whole) || !read_head(left, &scoped)) {
        return;
    }
    rest = skip(left, scoped.head);
    const uint8_t *start = rest.data;
    if (!take(&rest, &type, &ignored) || !take(&rest, &type, &ignored) || !read_head(rest, &pdu) ||
        pdu.length > rest.len - pdu.head) {
        return;
    }
    size_t inside = (size_t)(rest.data - start) + pdu.head + pdu.length;
    if (scoped.length < inside) {
        found(m, TRAP_MESSAGE_LENGTH);
        set_length(m, &scoped, inside);
    }
    if (whole.start + whole.head + whole.length < start + inside) {
        found(m, TRAP_MESSAGE_LENGTH);
        set_length(m, &whole, m->len - whole.head);
    }
}

static void
mend_v3(struct mender *m, struct sr_span left)
{
    struct sr_span rest = { left.data, (size_t)(m->bytes + m->len - left.data) }, header, content;
    struct head head;
    uint8_t type;

    if (!take_head(&rest, &head)) {
        return;
    }
    if (!head.is_right) {
        write_head(m, &head, rest);
        return;
    }
    header = head.header;
    while (take(&header, &type, &content)) {
        if (type == BER_INTEGER && is_wide(type, content)) {
            narrow(m, type, content);
        } else if (type == BER_OCTET_STRING && content.len == 1 &&
                   (content.data[0] & FLAG_REPORTABLE) != 0) {
            found(m, TRAP_REPORTABLE);
            *at(m, content.data) &= (uint8_t)~FLAG_REPORTABLE;
        }
    }
    mend_ends(m, rest);
    mend_scoped(m, rest);
}

/* ---- Messages ---- */

static void
mend_message(struct mender *m)
{
    struct sr_span message = { m->bytes, m->len }, left, content;

    if (!take_type(&message, BER_SEQUENCE, &left) || !take_type(&left, BER_INTEGER, &content) ||
        content.len == 0) {
        return;
    }
    if (content.data[content.len - 1] == TRAP_V3) {
        mend_v3(m, left);
    } else {
        mend_community(m, left);
    }
}

struct trap_mended
trap_mend(uint8_t *bytes, size_t *len, bool is_ours)
{
    struct mender m = { .bytes = bytes, .len = *len, .is_ours = is_ours };

    do {
        m.has_moved = false;
        mend_message(&m);
    } while (m.has_moved);
    *len = m.len;
    return m.mended;
}
