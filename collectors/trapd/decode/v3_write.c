/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/v3_write.h"

#include <string.h>

#include "decode/ber.h"

#include "sr/banned.h"

enum {
    SECURITY_MODEL_USM = 3, /* RFC 3411 section 5, SnmpSecurityModel */
    FLAG_REPORTABLE = 4,    /* msgFlags, RFC 3412 section 6.4 */
};

/* Bytes of a number of 64 bits, and a zero in front of one without a sign. */
#define NUMBER_MAX 9U

struct v3_draft
v3_draft_over(uint8_t *room, size_t max)
{
    size_t end = max - V3_PADDING_MAX;

    return (struct v3_draft){ .room = room, .start = end, .end = end };
}

struct sr_span
v3_draft_span(const struct v3_draft *draft)
{
    return (struct sr_span){ draft->room + draft->start,
        draft->overflow ? 0 : draft->end - draft->start };
}

uint8_t *
v3_draft_claim(struct v3_draft *draft, size_t len)
{
    if (draft->overflow || len > draft->start) {
        draft->overflow = true;
        return NULL;
    }
    draft->start -= len;
    return draft->room + draft->start;
}

/* ---- Elements ---- */

static void
put_bytes(struct v3_draft *draft, struct sr_span bytes)
{
    uint8_t *out = bytes.len > 0 ? v3_draft_claim(draft, bytes.len) : NULL;

    if (out != NULL) {
        memcpy(out, bytes.data, bytes.len);
    }
}

/* Type and length in front of `len` bytes; the length in as few bytes as it needs. */
static void
put_head(struct v3_draft *draft, uint8_t type, size_t len)
{
    uint8_t head[2 + sizeof(len)];
    size_t at = sizeof(head);

    if (len < 0x80) {
        head[--at] = (uint8_t)len;
    } else {
        for (size_t left = len; left > 0; left >>= 8) {
            head[--at] = (uint8_t)left;
        }
        size_t count = sizeof(head) - at;
        head[--at] = (uint8_t)(0x80 | count);
    }
    head[--at] = type;
    put_bytes(draft, (struct sr_span){ head + at, sizeof(head) - at });
}

static void
put_octets(struct v3_draft *draft, struct sr_span octets)
{
    put_bytes(draft, octets);
    put_head(draft, BER_OCTET_STRING, octets.len);
}

/* Makes one element of all that was written since the draft began at `end`. */
static void
wrap(struct v3_draft *draft, uint8_t type, size_t end)
{
    put_head(draft, type, end - draft->start);
}

/* As few bytes as the sign leaves: X.690 section 8.3.2. */
static void
put_number(struct v3_draft *draft, uint8_t type, int64_t number)
{
    uint8_t bytes[NUMBER_MAX];
    size_t at = sizeof(bytes);
    int64_t left = number;

    do {
        bytes[--at] = (uint8_t)((uint64_t)left & 0xff);
        left = left >= 0 ? left / 256 : -((-(left + 1)) / 256) - 1; /* shifted, whatever its sign */
    } while (left != (bytes[at] >= 0x80 ? -1 : 0));
    put_bytes(draft, (struct sr_span){ bytes + at, sizeof(bytes) - at });
    put_head(draft, type, sizeof(bytes) - at);
}

/* ---- The scoped PDU ---- */

void
v3_draft_counter(struct v3_draft *draft, struct sr_span name, uint32_t value)
{
    size_t end = draft->start;

    put_number(draft, BER_COUNTER32, value);
    put_bytes(draft, name);
    put_head(draft, BER_OBJECT_IDENTIFIER, name.len);
    wrap(draft, BER_SEQUENCE, end);
}

void
v3_draft_pdu(struct v3_draft *draft, enum trap_pdu type, int64_t request_id, int64_t error_status)
{
    wrap(draft, BER_SEQUENCE, draft->end);
    put_number(draft, BER_INTEGER, 0);
    put_number(draft, BER_INTEGER, error_status);
    put_number(draft, BER_INTEGER, request_id);
    wrap(draft, (uint8_t)type, draft->end);
}

void
v3_draft_scoped(struct v3_draft *draft, struct sr_span engine_id, struct sr_span name)
{
    put_octets(draft, name);
    put_octets(draft, engine_id);
    wrap(draft, BER_SEQUENCE, draft->end);
}

void
v3_draft_pad(struct v3_draft *draft)
{
    size_t more = (V3_PADDING_MAX - (draft->end - draft->start) % V3_PADDING_MAX) % V3_PADDING_MAX;

    memset(draft->room + draft->end, 0, more);
    draft->end += more;
}

/* ---- Around it ---- */

/* UsmSecurityParameters of RFC 3414 section 2.4. Returns where the MAC is, or NULL. */
static uint8_t *
put_usm(struct v3_draft *draft, const struct v3_envelope *e)
{
    size_t end = draft->start;

    put_octets(draft, e->salt);
    uint8_t *mac = v3_draft_claim(draft, e->mac_len);
    if (mac != NULL) {
        memset(mac, 0, e->mac_len);
    }
    put_head(draft, BER_OCTET_STRING, e->mac_len);
    put_octets(draft, e->user);
    put_number(draft, BER_INTEGER, e->time);
    put_number(draft, BER_INTEGER, e->boots);
    put_octets(draft, e->engine_id);
    wrap(draft, BER_SEQUENCE, end);
    wrap(draft, BER_OCTET_STRING, end);
    return mac;
}

/* HeaderData of RFC 3412 section 6; its flags begin with the bits of the level. */
static void
put_header(struct v3_draft *draft, const struct v3_envelope *e)
{
    size_t end = draft->start;
    const uint8_t flags = (uint8_t)(e->level | (e->is_reportable ? FLAG_REPORTABLE : 0));

    put_number(draft, BER_INTEGER, SECURITY_MODEL_USM);
    put_octets(draft, (struct sr_span){ &flags, 1 });
    put_number(draft, BER_INTEGER, e->max_size);
    put_number(draft, BER_INTEGER, e->id);
    wrap(draft, BER_SEQUENCE, end);
}

size_t
v3_draft_finish(struct v3_draft *draft, const struct v3_envelope *envelope, uint8_t **ret_mac)
{
    if (envelope->level == TRAP_PRIV) {
        wrap(draft, BER_OCTET_STRING, draft->end);
    }
    const uint8_t *mac = put_usm(draft, envelope);
    put_header(draft, envelope);
    put_number(draft, BER_INTEGER, TRAP_V3);
    wrap(draft, BER_SEQUENCE, draft->end);
    if (draft->overflow) {
        return 0;
    }
    size_t len = draft->end - draft->start;
    *ret_mac = draft->room + (mac - (draft->room + draft->start));
    memmove(draft->room, draft->room + draft->start, len);
    return len;
}
