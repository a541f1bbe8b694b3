/* SPDX-License-Identifier: Apache-2.0 */
#include "load/snmp_write.h"

#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

#define IF_ENTRY "1.3.6.1.2.1.2.2.1."
#define IF_X_ENTRY "1.3.6.1.2.1.31.1.1.1."

/* ---- Elements ---- */

void
snmp_clear(struct snmp_writer *l)
{
    l->at = sizeof(l->bytes);
    l->failed = false;
}

struct sr_span
snmp_span(const struct snmp_writer *l)
{
    return (struct sr_span){ l->bytes + l->at, l->failed ? 0 : sizeof(l->bytes) - l->at };
}

static void
put(struct snmp_writer *l, uint8_t byte)
{
    if (l->at == 0 || l->failed) {
        l->failed = true;
        return;
    }
    l->bytes[--l->at] = byte;
}

void
snmp_put_raw(struct snmp_writer *l, struct sr_span bytes)
{
    if (bytes.len > l->at || l->failed) {
        l->failed = true;
        return;
    }
    l->at -= bytes.len;
    if (bytes.len > 0) {
        memcpy(l->bytes + l->at, bytes.data, bytes.len);
    }
}

void
snmp_wrap(struct snmp_writer *l, uint8_t type, size_t end)
{
    size_t len = end - l->at;

    put(l, (uint8_t)len);
    if (len > 0xFF) {
        put(l, (uint8_t)(len >> 8));
    }
    if (len >= 0x80) {
        put(l, len > 0xFF ? 0x82 : 0x81);
    }
    put(l, type);
}

void
snmp_put_integer(struct snmp_writer *l, uint8_t type, int64_t value)
{
    const size_t end = l->at;

    /* As few bytes as tell the sign: ITU-T X.690 section 8.3.2. */
    for (;;) {
        put(l, (uint8_t)((uint64_t)value & 0xFF));
        bool is_negative = (value & 0x80) != 0;
        value >>= 8;
        if (value == (is_negative ? -1 : 0)) {
            break;
        }
    }
    snmp_wrap(l, type, end);
}

void
snmp_put_octets(struct snmp_writer *l, uint8_t type, struct sr_span octets)
{
    const size_t end = l->at;

    snmp_put_raw(l, octets);
    snmp_wrap(l, type, end);
}

void
snmp_put_text(struct snmp_writer *l, const char *text)
{
    snmp_put_octets(l, BER_OCTET_STRING, (struct sr_span){ (const uint8_t *)text, strlen(text) });
}

static void
put_sub_id(struct snmp_writer *l, uint32_t value)
{
    put(l, value & 0x7F);
    while ((value >>= 7) != 0) {
        put(l, (uint8_t)(0x80 | (value & 0x7F)));
    }
}

void
snmp_put_oid(struct snmp_writer *l, const uint32_t *arcs, unsigned count)
{
    const size_t end = l->at;

    for (unsigned i = count; i-- > 2;) {
        put_sub_id(l, arcs[i]);
    }
    put_sub_id(l, arcs[0] * 40 + arcs[1]);
    snmp_wrap(l, BER_OBJECT_IDENTIFIER, end);
}

void
snmp_put_name(struct snmp_writer *l, const char *dotted, uint32_t index)
{
    uint32_t arcs[BER_SUB_IDS_MAX] = { 0 };
    unsigned count = 0;
    char *end;

    for (const char *at = dotted; *at != '\0'; at = *end == '.' ? end + 1 : end) {
        arcs[count++] = (uint32_t)strtoul(at, &end, 10);
    }
    if (index != 0) {
        arcs[count++] = index;
    }
    snmp_put_oid(l, arcs, count);
}

/* ---- Parts of messages ---- */

static const struct column {
    const char *name;
    uint8_t type;
    int64_t value;
    const char *text; /* of octets */
} columns[] = {
    { IF_ENTRY "1", BER_INTEGER, 7, NULL },
    { IF_ENTRY "7", BER_INTEGER, 1, NULL },
    { IF_ENTRY "8", BER_INTEGER, 2, NULL },
    { IF_ENTRY "2", BER_OCTET_STRING, 0, "GigabitEthernet1/0/24" },
    { IF_ENTRY "3", BER_INTEGER, 6, NULL },
    { IF_ENTRY "4", BER_INTEGER, 1500, NULL },
    { IF_ENTRY "5", BER_UNSIGNED32, 1000000000, NULL },
    { IF_ENTRY "6", BER_OCTET_STRING, 0, "\x1c\x44\x3b\x77\x81\xf0" },
    { IF_ENTRY "9", BER_TIME_TICKS, 123456, NULL },
    { IF_ENTRY "10", BER_COUNTER32, 3141592653, NULL },
    { IF_X_ENTRY "6", BER_COUNTER64, INT64_C(31415926535897), NULL },
    { IF_X_ENTRY "18", BER_OCTET_STRING, 0, "uplink to core-2, north building" },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void
put_column(struct snmp_writer *l, unsigned at, uint32_t seed)
{
    const struct column *c = &columns[at % COLUMNS];
    const uint32_t index = seed % 48 + (uint32_t)(at / COLUMNS) + 1;
    const size_t end = l->at;

    if (c->text != NULL) {
        snmp_put_text(l, c->text);
    } else {
        snmp_put_integer(l, c->type, at == 0 ? index : c->value);
    }
    snmp_put_name(l, c->name, index);
    snmp_wrap(l, BER_SEQUENCE, end);
}

void
snmp_put_columns(struct snmp_writer *l, unsigned count, uint32_t seed)
{
    for (unsigned i = count; i-- > 0;) {
        put_column(l, i, seed);
    }
}

size_t
snmp_put_event(struct snmp_writer *l, int64_t uptime)
{
    size_t end = l->at;

    snmp_put_name(l, "1.3.6.1.6.3.1.1.5.3", 0);
    snmp_put_name(l, "1.3.6.1.6.3.1.1.4.1.0", 0);
    snmp_wrap(l, BER_SEQUENCE, end);
    end = l->at;
    snmp_put_integer(l, BER_TIME_TICKS, uptime);
    const size_t place = l->at;
    snmp_put_name(l, "1.3.6.1.2.1.1.3.0", 0);
    snmp_wrap(l, BER_SEQUENCE, end);
    return place;
}

void
snmp_wrap_message(
    struct snmp_writer *l, enum trap_version version, struct sr_span community, size_t end)
{
    snmp_put_octets(l, BER_OCTET_STRING, community);
    snmp_put_integer(l, BER_INTEGER, version);
    snmp_wrap(l, BER_SEQUENCE, end);
}
