/* SPDX-License-Identifier: Apache-2.0 */
#include "trap_reading.h"

#include "../unit/unit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "sr/banned.h"

enum {
    OPAQUE_COUNTER64 = 0x76,
    OPAQUE_FLOAT = 0x78,
    OPAQUE_DOUBLE = 0x79,
    OPAQUE_INTEGER64 = 0x7a,
    OPAQUE_UNSIGNED64 = 0x7b,
    OPAQUE_TAG = 0x9f, /* the first byte of what is packed, before its type */
};

void
trap_reading_line(struct sr_buf *b, const char *format, ...)
{
    char line[64];
    va_list arguments;

    va_start(arguments, format);
    int len = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    assert_in_range(len, 1, sizeof(line) - 1);
    sr_buf_add(b, line, (size_t)len);
    sr_buf_put(b, '\n');
}

void
trap_reading_bytes(struct sr_buf *b, const char *what, struct sr_span bytes)
{
    sr_buf_add_text(b, what);
    sr_buf_put(b, ' ');
    sr_buf_add_hex(b, bytes);
    sr_buf_put(b, '\n');
}

void
trap_reading_arcs(struct sr_buf *b, const char *what, const uint64_t *arcs, size_t count)
{
    sr_buf_add_text(b, what);
    sr_buf_add_text(b, count == 0 ? " 0" : " ");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            sr_buf_put(b, '.');
        }
        sr_buf_add_u64(b, arcs[i]);
    }
    sr_buf_put(b, '\n');
}

/* The type of a number within an Opaque, and that number; 0: there is none, or more than it. */
static uint8_t
unpack(struct sr_span opaque, struct sr_span *ret_value)
{
    uint64_t number;
    int64_t integer;
    uint8_t type;

    if (opaque.len < 3 || opaque.data[0] != OPAQUE_TAG) {
        return 0;
    }
    opaque.data++;
    opaque.len--;
    if (!ber_take(&opaque, &type, ret_value) || opaque.len > 0) {
        return 0;
    }
    switch (type) {
    case OPAQUE_FLOAT: return ret_value->len == sizeof(float) ? type : 0;
    case OPAQUE_DOUBLE: return ret_value->len == sizeof(double) ? type : 0;
    case OPAQUE_INTEGER64: return ber_signed(*ret_value, &integer) ? type : 0;
    case OPAQUE_COUNTER64:
    case OPAQUE_UNSIGNED64: return ber_unsigned(*ret_value, &number) ? type : 0;
    default: return 0;
    }
}

static void
write_oid(struct sr_buf *b, const char *what, struct sr_span oid)
{
    uint32_t arcs[BER_SUB_IDS_MAX];
    uint64_t wide[BER_SUB_IDS_MAX];
    unsigned count;

    if (!ber_arcs(oid, arcs, &count)) {
        trap_reading_bytes(b, "bytes", oid);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        wide[i] = arcs[i];
    }
    trap_reading_arcs(b, what, wide, count);
}

static void
write_number(struct sr_buf *b, struct sr_span value, bool is_signed)
{
    int64_t integer;
    uint64_t number;

    if (is_signed && ber_signed(value, &integer)) {
        trap_reading_line(b, "value %" PRId64, integer);
    } else if (!is_signed && ber_unsigned(value, &number)) {
        trap_reading_line(b, "value %" PRIu64, number);
    } else {
        trap_reading_bytes(b, "bytes", value); /* has no number in it */
    }
}

static void
write_value(struct sr_buf *b, uint8_t type, struct sr_span value)
{
    switch (type) {
    case BER_INTEGER:
    case OPAQUE_INTEGER64: write_number(b, value, true); break;
    case BER_COUNTER32:
    case BER_UNSIGNED32:
    case BER_TIME_TICKS:
    case BER_COUNTER64:
    case BER_UINTEGER32:
    case OPAQUE_COUNTER64:
    case OPAQUE_UNSIGNED64: write_number(b, value, false); break;
    case BER_OBJECT_IDENTIFIER: write_oid(b, "value", value); break;
    default: trap_reading_bytes(b, "value", value);
    }
}

static void
write_varbind(struct sr_buf *b, const struct trap_varbind *varbind)
{
    struct sr_span value = varbind->value, packed;
    uint8_t type = varbind->type;
    uint8_t packed_type = type == BER_OPAQUE ? unpack(value, &packed) : 0;

    if (packed_type != 0) {
        type = packed_type;
        value = packed;
    }
    write_oid(b, "oid", varbind->name);
    trap_reading_line(b, "type %02x", type);
    write_value(b, type, value);
}

static void
write_head(struct sr_buf *b, const struct trap_message *m)
{
    trap_reading_line(b, "version %d", (int)m->version);
    trap_reading_line(b, "pdu %02x", (unsigned)m->pdu);
    if (m->version == TRAP_V3) {
        trap_reading_line(b, "level %d", m->level == TRAP_PRIV ? 3 : m->level == TRAP_AUTH ? 2 : 1);
        trap_reading_bytes(b, "user", m->user);
        trap_reading_bytes(b, "engine", m->engine_id);
        trap_reading_bytes(b, "context_engine", m->context_engine_id);
        trap_reading_bytes(b, "context", m->context_name);
    } else {
        trap_reading_bytes(b, "community", m->community);
    }
    if (m->pdu != TRAP_PDU_TRAP_V1) {
        trap_reading_line(b, "request %" PRId64, m->request_id);
        trap_reading_line(b, "status %" PRId64, m->error_status);
        trap_reading_line(b, "index %" PRId64, m->error_index);
        return;
    }
    write_oid(b, "enterprise", m->enterprise);
    trap_reading_bytes(b, "agent", (struct sr_span){ m->agent_address, sizeof(m->agent_address) });
    trap_reading_line(b, "generic %" PRId64, m->generic);
    trap_reading_line(b, "specific %" PRId64, m->specific);
    trap_reading_line(b, "uptime %" PRIu64, m->uptime);
}

void
trap_reading_write(struct sr_buf *b, const struct trap_message *message)
{
    struct sr_span left = message->varbinds;
    struct trap_varbind varbind;

    write_head(b, message);
    trap_reading_line(b, "varbinds %u", message->varbind_count);
    while (trap_varbind_next(&left, &varbind)) {
        write_varbind(b, &varbind);
    }
}
