/* SPDX-License-Identifier: Apache-2.0 */
/* SNMP: read by the collector's decoder, and written anew from its end, as lengths come first. */
#include "replay/rewrite_parts.h"

#include <string.h>

#include "decode/message.h"
#include "decode/v3.h"

#include "sr/banned.h"

/* 1.3.6.1.4.1.8072.9999.9999.1, below net-snmp's netSnmpPlaypen, with its type and length. */
static const uint8_t mark_name[] = { BER_OBJECT_IDENTIFIER, 12, 0x2b, 6, 1, 4, 1, 0xbf, 0x08, 0xce,
    0x0f, 0xce, 0x0f, 1 };

/* Bytes that are written from the end of the room towards its beginning. */
struct ber_writer {
    uint8_t *start, *at;
    bool overflow;
};

static void
put_bytes(struct ber_writer *w, const void *bytes, size_t len)
{
    if (w->overflow || len > (size_t)(w->at - w->start)) {
        w->overflow = true;
        return;
    }
    w->at -= len;
    if (len > 0) {
        memcpy(w->at, bytes, len);
    }
}

static void
put_span(struct ber_writer *w, struct sr_span span)
{
    put_bytes(w, span.data, span.len);
}

/* The type and length of what was written since `end`, X.690 section 8.1.3. */
static void
put_head(struct ber_writer *w, uint8_t type, const uint8_t *end)
{
    size_t len = (size_t)(end - w->at);
    uint8_t head[4] = { type, (uint8_t)len };

    if (len < 0x80) {
        put_bytes(w, head, 2);
    } else if (len <= UINT8_MAX) {
        head[1] = 0x81;
        head[2] = (uint8_t)len;
        put_bytes(w, head, 3);
    } else {
        head[1] = 0x82;
        head[2] = (uint8_t)(len >> 8);
        head[3] = (uint8_t)len;
        put_bytes(w, head, 4);
    }
}

/* A number of at most 32 bits that is not negative, in as few bytes as it takes. */
static void
put_number(struct ber_writer *w, uint8_t type, uint64_t value)
{
    const uint8_t *end = w->at;
    uint8_t byte;

    do {
        byte = (uint8_t)value;
        put_bytes(w, &byte, 1);
        value >>= 8;
    } while (value > 0 || byte >= 0x80);
    put_head(w, type, end);
}

static void
put_mark(struct ber_writer *w, const struct mark *mark)
{
    const uint8_t *end = w->at;
    uint8_t text[MARK_TEXT_LEN];

    if (mark == NULL) {
        return;
    }
    mark_write_text(mark, text);
    put_bytes(w, text, sizeof(text));
    put_head(w, BER_OCTET_STRING, end);
    put_bytes(w, mark_name, sizeof(mark_name));
    put_head(w, BER_SEQUENCE, end);
}

static void
put_range(struct ber_writer *w, const uint8_t *begin, const uint8_t *end)
{
    put_bytes(w, begin, (size_t)(end - begin));
}

#define FIELDS_V1                                                                                  \
    5U               /* enterprise, agent, generic, specific, time-stamp: RFC 1157 section 4.1.6   \
                      */
#define FIELDS_V2 3U /* request-id, error-status, error-index: RFC 3416 section 3 */

/* The PDU of a message that was read: where its fields begin is looked for again. False: nowhere.
 */
static bool
put_pdu(struct ber_writer *w, const struct trap_message *m, const struct rewrite_trap *changes)
{
    const bool is_v1 = m->pdu == TRAP_PDU_TRAP_V1;
    const unsigned fields = is_v1 ? FIELDS_V1 : FIELDS_V2;
    const uint8_t *end = w->at, *list_end, *begins[FIELDS_V1 + 1];
    struct sr_span pdu = m->whole_pdu, rest, content;
    uint8_t type;

    if (!ber_take(&pdu, &type, &rest)) {
        return false;
    }
    for (unsigned i = 0; i < fields; i++) {
        begins[i] = rest.data;
        if (!ber_take(&rest, &type, &content)) {
            return false;
        }
    }
    begins[fields] = rest.data;
    put_range(w, m->varbinds.data + m->varbinds.len, m->whole_pdu.data + m->whole_pdu.len);
    list_end = w->at;
    put_mark(w, changes->mark);
    put_span(w, m->varbinds);
    put_head(w, BER_SEQUENCE, list_end);
    if (is_v1) {
        put_number(w, BER_TIME_TICKS, (uint32_t)(m->uptime + changes->uptime_cs));
        put_range(w, begins[0], begins[FIELDS_V1 - 1]);
    } else {
        put_range(w, begins[1], begins[FIELDS_V2]);
        put_number(w, BER_INTEGER, changes->request_id);
    }
    put_head(w, (uint8_t)m->pdu, end);
    return true;
}

/* ---- Messages ---- */

/* A notification with room for one varbind more. */
static bool
can_change(const struct trap_message *m)
{
    return trap_is_notification(m) && m->varbind_count < TRAP_VARBINDS_MAX;
}

/* v1 and v2c: what stands around the PDU stays. */
static bool
put_message(struct ber_writer *w, struct sr_span message, const struct rewrite_trap *changes)
{
    struct trap_message m;
    struct sr_span rest = message, content;

    if (trap_message_read(message, &m) != TRAP_OK || !can_change(&m) ||
        !ber_take_type(&rest, BER_SEQUENCE, &content)) {
        return false;
    }
    put_span(w, rest);
    const uint8_t *end = w->at;
    put_range(w, m.whole_pdu.data + m.whole_pdu.len, content.data + content.len);
    if (!put_pdu(w, &m, changes)) {
        return false;
    }
    put_range(w, content.data, m.whole_pdu.data);
    put_head(w, BER_SEQUENCE, end);
    return true;
}

/* The scoped PDU of v3, RFC 3412 section 6.8. */
static bool
put_scoped(struct ber_writer *w, struct sr_span scoped, const struct trap_message *m,
    const struct rewrite_trap *changes)
{
    struct sr_span rest = scoped, content;
    uint8_t type;

    if (!ber_take(&rest, &type, &content)) {
        return false;
    }
    put_span(w, rest);
    const uint8_t *end = w->at;
    put_range(w, m->whole_pdu.data + m->whole_pdu.len, content.data + content.len);
    if (!put_pdu(w, m, changes)) {
        return false;
    }
    put_range(w, content.data, m->whole_pdu.data);
    put_head(w, BER_SEQUENCE, end);
    return true;
}

/* v3 in clear: RFC 3412 section 6. The version, then the header that begins with the msgID. */
static bool
put_v3(struct ber_writer *w, struct sr_span message, const struct rewrite_trap *changes)
{
    struct trap_message m = { .version = TRAP_V3 };
    struct sr_span engine, name, pdu, rest = message, content, left, version, header, id;
    struct v3_message v3;

    if (v3_read(message, &v3) != V3_OK || v3.level != TRAP_NO_AUTH ||
        !v3_scoped_read(v3.scoped, &engine, &name, &pdu) || trap_pdu_read(pdu, &m) != TRAP_OK ||
        !can_change(&m) || !ber_take_type(&rest, BER_SEQUENCE, &content)) {
        return false;
    }
    left = content;
    if (!ber_take_type(&left, BER_INTEGER, &version)) {
        return false;
    }
    const uint8_t *header_begin = left.data;
    if (!ber_take_type(&left, BER_SEQUENCE, &header)) {
        return false;
    }
    struct sr_span behind_id = header;
    if (!ber_take_type(&behind_id, BER_INTEGER, &id)) {
        return false;
    }
    put_span(w, rest);
    const uint8_t *end = w->at;
    if (!put_scoped(w, v3.scoped, &m, changes)) {
        return false;
    }
    put_range(w, left.data, v3.scoped.data);
    const uint8_t *header_end = w->at;
    put_span(w, behind_id);
    put_number(w, BER_INTEGER, changes->request_id);
    put_head(w, BER_SEQUENCE, header_end);
    put_range(w, content.data, header_begin);
    put_head(w, BER_SEQUENCE, end);
    return true;
}

enum rewrite_err
rewrite_trap(struct sr_span message, const struct rewrite_trap *changes, uint8_t *out,
    struct sr_span *ret_bytes)
{
    struct ber_writer w = { .start = out, .at = out + REWRITE_ROOM };

    if (message.len == 0 || message.len > REWRITE_ROOM) {
        return REWRITE_EUNKNOWN;
    }
    if (!put_message(&w, message, changes)) {
        w = (struct ber_writer){ .start = out, .at = out + REWRITE_ROOM };
        if (!put_v3(&w, message, changes)) {
            return REWRITE_EUNKNOWN;
        }
    }
    if (w.overflow) {
        return REWRITE_ELENGTH;
    }
    *ret_bytes = (struct sr_span){ w.at, (size_t)(out + REWRITE_ROOM - w.at) };
    return REWRITE_OK;
}
