/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/json.h"

#include <stddef.h>
#include <string.h>

#include "sr/banned.h"
#include "sr/json.h"
#include "sr/peer.h"

/* From 1900, where NTP counts from, to 1970. */
#define NTP_TO_UNIX_SECONDS UINT64_C(2208988800)
#define NTP_ERA_SECONDS (UINT64_C(1) << 32)

/* PANA-L7-PEN of RFC 6759 section 4.2: the selector begins with an enterprise number. */
#define ENGINE_PANA_L7_PEN 20U

static void
add_hex(struct sr_buf *b, struct sr_span bytes)
{
    sr_buf_put(b, '"');
    if (bytes.len > 0) {
        sr_buf_add_hex(b, bytes);
    }
    sr_buf_put(b, '"');
}

/* The last eight bytes, or as many as there are, as a big-endian number. */
static uint64_t
number_of(struct sr_span bytes)
{
    uint64_t n = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        n = n << 8 | bytes.data[i];
    }
    return n;
}

void
nf_json_mac(struct sr_buf *b, struct sr_span mac)
{
    if (mac.len != 6) {
        add_hex(b, mac);
        return;
    }
    for (size_t i = 0; i < mac.len; i++) {
        sr_buf_put(b, i == 0 ? '"' : ':');
        sr_buf_add_hex(b, (struct sr_span){ mac.data + i, 1 });
    }
    sr_buf_put(b, '"');
}

void
nf_json_address(struct sr_buf *b, struct sr_span address)
{
    struct sr_peer peer = { .is_v6 = address.len == sizeof(peer.address) };
    char text[SR_PEER_TEXT_MAX + 2] = "\"";

    if (address.len != 4 && address.len != sizeof(peer.address)) {
        add_hex(b, address);
        return;
    }
    memcpy(peer.address, address.data, address.len);
    size_t length = 1 + sr_peer_text(&peer, text + 1);
    text[length++] = '"';
    sr_buf_add(b, text, length);
}

/* RFC 6759 section 4. */
static void
add_application(struct sr_buf *b, struct sr_span id)
{
    /* An engine, then a selector, behind an enterprise number where the engine has them. */
    size_t at = 1;

    if (id.len == 0 || id.len > 13) {
        add_hex(b, id);
        return;
    }
    sr_buf_put(b, '"');
    sr_buf_add_u64(b, id.data[0]);
    sr_buf_put(b, ':');
    if (id.data[0] == ENGINE_PANA_L7_PEN && id.len > 5) {
        sr_buf_add_u64(b, number_of((struct sr_span){ id.data + 1, 4 }));
        sr_buf_put(b, ':');
        at = 5;
    }
    sr_buf_add_u64(b, number_of((struct sr_span){ id.data + at, id.len - at }));
    sr_buf_put(b, '"');
}

static void
add_signed(struct sr_buf *b, struct sr_span v)
{
    uint64_t n = number_of(v);

    if ((v.data[0] & 0x80) != 0) {
        /* The value is n - 2^(8 * len). Unsigned arithmetic wraps, so this is true of 8 bytes too.
         */
        uint64_t above = v.len == 8 ? 0 : UINT64_C(1) << (8 * v.len);
        sr_buf_put(b, '-');
        n = above - n;
    }
    sr_buf_add_u64(b, n);
}

static void
add_float(struct sr_buf *b, struct sr_span v)
{
    uint64_t bits = number_of(v);

    if (v.len == 8) {
        double value;
        memcpy(&value, &bits, sizeof(value));
        sr_json_double(b, value);
    } else if (v.len == 4) {
        uint32_t bits32 = (uint32_t)bits;
        float value;
        memcpy(&value, &bits32, sizeof(value));
        sr_json_double(b, (double)value);
    } else {
        add_hex(b, v);
    }
}

/* RFC 7011 section 6.1.5: 1 is true and 2 is false. */
static void
add_boolean(struct sr_buf *b, struct sr_span v)
{
    uint64_t n = number_of(v);

    if (n == 1 || n == 2) {
        sr_buf_add_text(b, n == 1 ? "true" : "false");
    } else {
        sr_buf_add_u64(b, n);
    }
}

/*
 * RFC 7011 sections 6.1.9 and 6.1.10: seconds since 1900 and a fraction in units of 2^-32, of which
 * the last 11 bits do not count in microseconds. Seconds without their highest bit are of the next
 * era, from 2036 on (RFC 4330 section 3).
 */
static void
add_ntp(struct sr_buf *b, struct sr_span v, bool microseconds)
{
    uint64_t n = number_of(v);
    uint64_t seconds = n >> 32;
    uint64_t fraction = n & (microseconds ? UINT64_C(0xfffff800) : UINT64_C(0xffffffff));

    if (v.len != 8 || n == 0) {
        sr_buf_add_u64(b, n); /* not in this format: as it is */
        return;
    }
    if (seconds < NTP_ERA_SECONDS / 2) {
        seconds += NTP_ERA_SECONDS;
    }
    if (seconds < NTP_TO_UNIX_SECONDS) {
        sr_buf_add_u64(b, 0); /* before 1970 */
        return;
    }
    uint64_t ns = fraction * UINT64_C(1000000000) >> 32;
    sr_buf_add_u64(b, (seconds - NTP_TO_UNIX_SECONDS) * UINT64_C(1000000000) + ns);
}

static void
add_string(struct sr_buf *b, struct sr_span v)
{
    while (v.len > 0 && v.data[v.len - 1] == '\0') {
        v.len--;
    }
    sr_json_string(b, v);
}

/* Types whose content is a number. */
static void
add_numeric(struct sr_buf *b, unsigned type, struct sr_span v)
{
    if (v.len == 0) {
        sr_buf_add_text(b, "null");
    } else if (v.len > 8) {
        add_hex(b, v);
    } else if (type == NF_ELEMENT_SIGNED) {
        add_signed(b, v);
    } else if (type == NF_ELEMENT_FLOAT) {
        add_float(b, v);
    } else if (type == NF_ELEMENT_BOOLEAN) {
        add_boolean(b, v);
    } else if (type == NF_ELEMENT_MICROSECONDS || type == NF_ELEMENT_NANOSECONDS) {
        add_ntp(b, v, type == NF_ELEMENT_MICROSECONDS);
    } else {
        sr_buf_add_u64(b, number_of(v));
    }
}

void
nf_json_value(struct sr_buf *b, unsigned type, struct sr_span value)
{
    switch ((enum nf_element_type)type) {
    case NF_ELEMENT_UNSIGNED:
    case NF_ELEMENT_SIGNED:
    case NF_ELEMENT_FLOAT:
    case NF_ELEMENT_BOOLEAN:
    case NF_ELEMENT_SECONDS:
    case NF_ELEMENT_MILLISECONDS:
    case NF_ELEMENT_MICROSECONDS:
    case NF_ELEMENT_NANOSECONDS: add_numeric(b, type, value); break;
    case NF_ELEMENT_MAC: nf_json_mac(b, value); break;
    case NF_ELEMENT_STRING: add_string(b, value); break;
    case NF_ELEMENT_IPV4:
    case NF_ELEMENT_IPV6: nf_json_address(b, value); break;
    case NF_ELEMENT_APPLICATION: add_application(b, value); break;
    case NF_ELEMENT_OCTETS:
    case NF_ELEMENT_LIST: add_hex(b, value); break;
    }
}
