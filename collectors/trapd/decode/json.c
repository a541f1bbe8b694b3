/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/json.h"

#include <string.h>

#include "decode/enrich.h"
#include "decode/identifier.h"
#include "decode/upstream.h"
#include "sr/json.h"

#include "sr/banned.h"

/* ---- Values ---- */

static void
write_i64(struct sr_buf *b, int64_t number)
{
    if (number < 0) {
        sr_buf_put(b, '-');
    }
    sr_buf_add_u64(b, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

#define LISTED_MAX 5U /* characters of a byte in a list: "255, " */

/* A byte in decimal, into room for three digits. Returns how many there are. */
static size_t
put_decimal(uint8_t *out, uint8_t byte)
{
    uint32_t n = byte;
    size_t len = 0;

    if (n >= 100) {
        out[len++] = (uint8_t)('0' + n / 100);
    }
    if (n >= 10) {
        out[len++] = (uint8_t)('0' + n / 10 % 10);
    }
    out[len++] = (uint8_t)('0' + n % 10);
    return len;
}

static bool
write_oid(struct sr_buf *b, bool upstream, struct sr_span oid)
{
    if (upstream) {
        trap_upstream_oid(b, oid);
        return true;
    }
    return trap_identifier_write(b, oid);
}

/* Bytes as a list of numbers; those that there is room for in any case come first. */
static void
write_list(struct sr_buf *b, struct sr_span bytes)
{
    size_t i = 0;

    sr_buf_put(b, '[');
    size_t sure = b->overflow ? 0 : (b->cap - b->len) / LISTED_MAX;
    uint8_t *out = b->data + b->len;
    for (; i + 1 < bytes.len && i < sure; i++) {
        out += put_decimal(out, bytes.data[i]);
        *out++ = ',';
        *out++ = ' ';
    }
    if (!b->overflow) {
        b->len = (size_t)(out - b->data);
    }
    for (; i < bytes.len; i++) {
        sr_buf_add_u64(b, bytes.data[i]);
        if (i + 1 < bytes.len) {
            sr_buf_add(b, ", ", 2);
        }
    }
    sr_buf_put(b, ']');
}

static bool
write_signed(struct sr_buf *b, struct sr_span value)
{
    int64_t number;

    if (!ber_signed(value, &number)) {
        return false;
    }
    sr_buf_add_text(b, "INTEGER: ");
    write_i64(b, number);
    return true;
}

static inline bool
write_unsigned(struct sr_buf *b, const char *type, struct sr_span value)
{
    uint64_t number;

    if (!ber_unsigned(value, &number)) {
        return false;
    }
    sr_buf_add_text(b, type);
    sr_buf_add_u64(b, number);
    return true;
}

static bool
write_ip_address(struct sr_buf *b, struct sr_span value)
{
    if (value.len != 4) {
        return false;
    }
    sr_buf_add_text(b, "IP ADDRESS: ");
    for (size_t i = 0; i < value.len; i++) {
        if (i > 0) {
            sr_buf_put(b, '.');
        }
        sr_buf_add_u64(b, value.data[i]);
    }
    return true;
}

static bool
write_object_identifier(struct sr_buf *b, bool upstream, struct sr_span value)
{
    size_t before = b->len;

    sr_buf_add_text(b, "OBJECT IDENTIFIER: ");
    if (write_oid(b, upstream, value)) {
        return true;
    }
    b->len = b->overflow ? b->len : before;
    return false;
}

static bool
write_text(struct sr_buf *b, const char *text)
{
    sr_buf_add_text(b, text);
    return true;
}

static bool
write_octets(struct sr_buf *b, struct sr_span value)
{
    sr_buf_add_text(b, "OCTET STRING: ");
    sr_json_string_part(b, value);
    return true;
}

static bool
write_bytes(struct sr_buf *b, const char *type, struct sr_span value)
{
    sr_buf_add_text(b, type);
    write_list(b, value);
    return true;
}

/* False for a type that is not known, and for a value that its type cannot have. */
static bool
write_typed(struct sr_buf *b, bool upstream, const struct trap_varbind *varbind)
{
    switch (varbind->type) {
    case BER_INTEGER: return write_signed(b, varbind->value);
    case BER_OCTET_STRING: return write_octets(b, varbind->value);
    case BER_OBJECT_IDENTIFIER: return write_object_identifier(b, upstream, varbind->value);
    case BER_NULL: return write_text(b, "NULL");
    case BER_IP_ADDRESS: return write_ip_address(b, varbind->value);
    case BER_COUNTER32: return write_unsigned(b, "COUNTER32: ", varbind->value);
    case BER_UNSIGNED32: return write_unsigned(b, "UNSIGNED32: ", varbind->value);
    case BER_TIME_TICKS: return write_unsigned(b, "TIMETICKS: ", varbind->value);
    case BER_COUNTER64: return write_unsigned(b, "COUNTER64: ", varbind->value);
    case BER_UINTEGER32: return write_unsigned(b, "UINTEGER32: ", varbind->value);
    case BER_OPAQUE: return write_bytes(b, "OPAQUE: ", varbind->value);
    case BER_BIT_STRING: return write_bytes(b, "BIT STRING: ", varbind->value);
    case BER_NSAP_ADDRESS: return write_bytes(b, "NSAP ADDRESS: ", varbind->value);
    case BER_NO_SUCH_OBJECT: return write_text(b, "NO SUCH OBJECT");
    case BER_NO_SUCH_INSTANCE: return write_text(b, "NO SUCH INSTANCE");
    case BER_END_OF_MIB_VIEW: return write_text(b, "END OF MIB VIEW");
    default: return false;
    }
}

/* What is open at its end. */
static void
begin_varbind(
    struct sr_buf *b, const struct trap_config *config, const struct trap_varbind *varbind)
{
    const uint8_t type = varbind->type;

    sr_buf_add_text(b, "{\"oid\":\"");
    (void)write_oid(b, config->upstream, varbind->name);
    sr_buf_add_text(b, "\",\"value\":\"");
    if (!write_typed(b, config->upstream, varbind)) {
        sr_buf_add_text(b, "TYPE 0x");
        sr_buf_add_hex(b, (struct sr_span){ &type, 1 });
        write_bytes(b, ": ", varbind->value);
    }
    sr_buf_put(b, '"');
}

static void
write_varbinds(struct sr_buf *b, const struct trap_config *config, struct sr_span left)
{
    struct trap_varbind varbind;

    for (bool first = true; trap_varbind_next(&left, &varbind); first = false) {
        if (!first) {
            sr_buf_put(b, ',');
        }
        begin_varbind(b, config, &varbind);
        sr_buf_put(b, '}');
    }
}

/* The varbinds and what comes behind them with names. */
static void
write_enriched(struct sr_buf *b, const struct trap_config *config,
    const struct trap_message *message, const struct sr_peer *peer, uint64_t now_ns)
{
    struct sr_span left = message->varbinds;
    struct trap_varbind varbind;
    struct trap_views views;

    trap_views_begin(&views);
    for (bool first = true; trap_varbind_next(&left, &varbind); first = false) {
        if (!first) {
            sr_buf_put(b, ',');
        }
        begin_varbind(b, config, &varbind);
        trap_enrich_varbind(b, config, &views, &varbind);
        sr_buf_put(b, '}');
    }
    sr_buf_put(b, ']');
    trap_enrich_write(b, config, message, &views, peer, now_ns);
}

/* ---- The whole ---- */

/* "192.0.2.10:50123", "[2001:db8::1]:162" */
static void
write_source(struct sr_buf *b, const struct sr_peer *peer)
{
    char address[SR_PEER_TEXT_MAX];
    size_t len = sr_peer_text(peer, address);

    if (peer->is_v6) {
        sr_buf_put(b, '[');
    }
    sr_buf_add(b, address, len);
    if (peer->is_v6) {
        sr_buf_put(b, ']');
    }
    sr_buf_put(b, ':');
    sr_buf_add_u64(b, peer->port);
}

static const char *
version_of(const struct trap_message *message)
{
    switch (message->version) {
    case TRAP_V1: return "V1";
    case TRAP_V2C: return "V2C";
    case TRAP_V3: return "V3";
    }
    return "";
}

static void
write_community(
    struct sr_buf *b, const struct trap_config *config, const struct trap_message *message)
{
    char hash[TRAP_COMMUNITY_HASH_LEN];

    if (config->community == TRAP_COMMUNITY_OMIT) {
        return;
    }
    sr_buf_add_text(b, ",\"community\":");
    if (config->community == TRAP_COMMUNITY_HASH && message->community.len > 0) {
        config->community_hash(config->community_key, message->community, hash);
        sr_json_string(b, (struct sr_span){ (const uint8_t *)hash, sizeof(hash) });
    } else {
        sr_json_string(b, message->community);
    }
}

void
trap_json_write(struct sr_buf *b, const struct trap_config *config,
    const struct trap_message *message, const struct sr_peer *peer, uint64_t now_ns)
{
    sr_buf_add_text(b, "{\"source\":\"");
    write_source(b, peer);
    sr_buf_add_text(b, "\",\"version\":\"");
    sr_buf_add_text(b, version_of(message));
    sr_buf_put(b, '"');
    write_community(b, config, message);
    sr_buf_add_text(b, ",\"varbinds\":[");
    if (config->enrich) {
        write_enriched(b, config, message, peer, now_ns);
    } else {
        write_varbinds(b, config, message->varbinds);
        sr_buf_put(b, ']');
    }
    sr_buf_put(b, '}');
}
