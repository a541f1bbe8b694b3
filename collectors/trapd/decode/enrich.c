/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/enrich.h"

#include <string.h>

#include "decode/hint.h"
#include "decode/identifier.h"
#include "decode/names.h"
#include "decode/severity.h"
#include "sr/json.h"

#include "sr/banned.h"

enum {
    BODY_VARBINDS = 24,            /* told in the body; attributes have the others */
    BODY_MAX = 4096,               /* bytes behind which no varbind is begun */
    ATTRIBUTES_MAX = 128 * 1024,   /* the same of attributes, so that a record stays one */
    SLOTS = 2 * TRAP_VARBINDS_MAX, /* never more than half full */
    PROBES = 32,
};

#define NOWHERE UINT32_MAX

/* As they are encoded: sysUpTime.0, snmpTrapOID.0 (RFC 3418), snmpTrapAddress.0 (RFC 3584). */
static const uint8_t sys_uptime[] = { 0x2b, 6, 1, 2, 1, 1, 3, 0 };
static const uint8_t trap_oid[] = { 0x2b, 6, 1, 6, 3, 1, 1, 4, 1, 0 };
static const uint8_t trap_address[] = { 0x2b, 6, 1, 6, 3, 18, 1, 3, 0 };

/* What a message says of itself by varbinds, and what else is known of it. */
struct facts {
    uint32_t uptime_at, identity_at; /* numbers of varbinds, or NOWHERE */
    bool has_uptime;
    bool has_identity;
    bool has_event;         /* the node of `event` is the notification */
    struct trap_name event; /* its arcs are the identity */
    uint64_t uptime;        /* hundredths of a second */
    const uint8_t *agent;   /* four bytes: who sent it at first; NULL: not told */
    uint32_t count;         /* of all varbinds */
};

/* Goes through the varbinds again that have a view. */
struct walk {
    const struct facts *facts;
    struct trap_views *views;
    uint32_t at;         /* the number of the next one */
    struct sr_span left; /* from the first one on whose view is not kept */
};

/* Names of attributes that were used: an object has each of them once. */
struct names {
    uint32_t slots[SLOTS];
    uint32_t mask;
};

/* ---- What is there ---- */

static bool
is_named(const struct trap_varbind *varbind, const uint8_t *name, size_t len)
{
    return varbind->name.len == len && memcmp(varbind->name.data, name, len) == 0;
}

/* An address of all zeros says that there is none (RFC 3584 section 4.1). */
static bool
is_address(const uint8_t *address)
{
    static const uint8_t none[4];

    return memcmp(address, none, sizeof(none)) != 0;
}

static void
note_varbind(struct facts *facts, const struct trap_varbind *varbind, uint32_t at)
{
    if (varbind->type == BER_TIME_TICKS && facts->uptime_at == NOWHERE &&
        is_named(varbind, sys_uptime, sizeof(sys_uptime)) &&
        ber_unsigned(varbind->value, &facts->uptime) && facts->uptime <= UINT32_MAX) {
        facts->uptime_at = at;
        facts->has_uptime = true;
    } else if (varbind->type == BER_OBJECT_IDENTIFIER && facts->identity_at == NOWHERE &&
               is_named(varbind, trap_oid, sizeof(trap_oid))) {
        facts->identity_at = at;
    } else if (varbind->type == BER_IP_ADDRESS && varbind->value.len == 4 &&
               is_named(varbind, trap_address, sizeof(trap_address)) &&
               is_address(varbind->value.data)) {
        facts->agent = varbind->value.data;
    }
}

static bool
is_event(const struct trap_name *name, unsigned count)
{
    return name->table != NULL && name->node.depth == count;
}

bool
trap_enrich_event(const struct trap_config *config, struct trap_name *event)
{
    unsigned count = event->count;

    trap_name_find(config, event);
    if (is_event(event, count)) {
        return true;
    }
    if (count < 2 || event->arcs[count - 2] != 0) {
        return false;
    }
    event->arcs[count - 2] = event->arcs[count - 1];
    event->count = count - 1;
    trap_name_find(config, event);
    event->count = count;
    event->arcs[count - 2] = 0;
    return is_event(event, count - 1) && event->node.kind == MIB_NOTIFICATION;
}

static void
gather(
    const struct trap_config *config, const struct trap_message *message, struct facts *ret_facts)
{
    struct sr_span left = message->varbinds;
    struct trap_varbind varbind;

    ret_facts->uptime_at = NOWHERE;
    ret_facts->identity_at = NOWHERE;
    ret_facts->has_uptime = false;
    ret_facts->agent = NULL;
    for (ret_facts->count = 0; trap_varbind_next(&left, &varbind); ret_facts->count++) {
        note_varbind(ret_facts, &varbind, ret_facts->count);
    }
    if (message->pdu == TRAP_PDU_TRAP_V1) {
        ret_facts->has_uptime = message->uptime <= UINT32_MAX;
        ret_facts->uptime = message->uptime;
        if (ret_facts->agent == NULL && is_address(message->agent_address)) {
            ret_facts->agent = message->agent_address;
        }
    }
    ret_facts->has_identity =
        trap_identity(message, ret_facts->event.arcs, &ret_facts->event.count);
    ret_facts->has_event = ret_facts->has_identity && trap_enrich_event(config, &ret_facts->event);
}

/* Which ones say what other keys say better. */
static bool
is_left_out(const struct facts *facts, uint32_t at)
{
    return at == facts->uptime_at || at == facts->identity_at;
}

/* How many of the first `count` varbinds are told. */
static uint32_t
told_count(const struct facts *facts, uint32_t count)
{
    return count - (facts->uptime_at < count) - (facts->identity_at < count);
}

/* The next one that is told; NULL at the end. */
static const struct trap_view *
walk_next(struct walk *walk, const struct trap_config *config)
{
    struct trap_varbind varbind;

    while (walk->at < walk->views->count) {
        uint32_t at = walk->at++;
        if (at >= TRAP_VIEWS_KEPT && !trap_varbind_next(&walk->left, &varbind)) {
            return NULL;
        }
        if (!is_left_out(walk->facts, at)) {
            return trap_views_again(walk->views, config, at, &varbind);
        }
    }
    return NULL;
}

/* ---- Pieces of JSON ---- */

/* A key of ASCII behind a comma. Inline, as the next one: lengths are known then. */
static inline void
add_key(struct sr_buf *b, const char *key)
{
    sr_buf_add(b, ",\"", 2);
    sr_buf_add_text(b, key);
    sr_buf_add(b, "\":", 2);
}

static inline void
add_word(struct sr_buf *b, const char *key, const char *word)
{
    add_key(b, key);
    sr_buf_put(b, '"');
    sr_buf_add_text(b, word);
    sr_buf_put(b, '"');
}

static void
add_signed(struct sr_buf *b, const char *key, int64_t number)
{
    add_key(b, key);
    if (number < 0) {
        sr_buf_put(b, '-');
    }
    sr_buf_add_u64(b, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

static void
add_hex(struct sr_buf *b, const char *key, struct sr_span bytes)
{
    add_key(b, key);
    sr_buf_put(b, '"');
    if (bytes.len > 0) {
        sr_buf_add_hex(b, bytes);
    }
    sr_buf_put(b, '"');
}

/* Octets that a person chose: text, or hexadecimal digits where they are none. */
static void
add_octets(struct sr_buf *b, const char *key, struct sr_span octets)
{
    if (!trap_hint_printable(octets)) {
        add_hex(b, key, octets);
        return;
    }
    add_key(b, key);
    sr_json_string(b, octets);
}

static void
add_address(struct sr_buf *b, const char *key, const uint8_t *address)
{
    struct sr_peer peer = { .is_v6 = false };
    char text[SR_PEER_TEXT_MAX];

    memcpy(peer.address, address, 4);
    sr_peer_text(&peer, text);
    add_word(b, key, text);
}

static void
add_peer(struct sr_buf *b, const char *key, const struct sr_peer *peer)
{
    char text[SR_PEER_TEXT_MAX];

    sr_peer_text(peer, text);
    add_word(b, key, text);
}

static void
add_time(struct sr_buf *b, const char *key, uint64_t now_ns)
{
    add_key(b, key);
    sr_json_time(b, (int64_t)(now_ns / 1000000000), (uint32_t)(now_ns % 1000000000));
}

/* ---- Name, body and severity ---- */

static void
put_event_name(struct sr_buf *b, const struct facts *facts)
{
    if (facts->has_event) {
        sr_json_string_part(b, facts->event.node.module);
        sr_buf_add(b, "::", 2);
        sr_json_string_part(b, facts->event.node.name);
    } else if (facts->has_identity) {
        trap_arcs_write(b, facts->event.arcs, facts->event.count);
    } else {
        sr_buf_add_text(b, "SNMP notification");
    }
}

/* One line has no ends of lines in it: escapes of these, from `start` on, become two spaces. */
static void
flatten(struct sr_buf *b, size_t start)
{
    uint8_t *at = b->data + start;
    uint8_t *end = b->data + b->len;

    while (at < end && (at = memchr(at, '\\', (size_t)(end - at))) != NULL && end - at >= 2) {
        if (at[1] == 'n' || at[1] == 'r' || at[1] == 't') {
            memcpy(at, "  ", 2);
        }
        at += 2;
    }
}

static void
add_body(struct sr_buf *b, const struct trap_config *config, const struct facts *facts,
    struct trap_views *views)
{
    struct walk walk = { .facts = facts, .views = views };
    const struct trap_view *view;
    uint32_t more = told_count(facts, facts->count);
    size_t start = b->len;

    add_key(b, "body");
    sr_buf_put(b, '"');
    put_event_name(b, facts);
    for (uint32_t i = 0; i < BODY_VARBINDS && (view = walk_next(&walk, config)) != NULL; i++) {
        if (b->len - start > BODY_MAX) {
            break;
        }
        sr_buf_add(b, i == 0 ? ": " : ", ", 2);
        trap_name_write(b, &view->name, false);
        sr_buf_put(b, '=');
        struct trap_shown shown = view->shown;
        trap_shown_cut(&shown);
        trap_shown_write(b, config, &shown);
        more--;
    }
    flatten(b, start);
    if (more > 0) {
        sr_buf_add_text(b, " and ");
        sr_buf_add_u64(b, more);
        sr_buf_add_text(b, " more");
    }
    sr_buf_put(b, '"');
}

static void
add_severity(struct sr_buf *b, const struct facts *facts)
{
    struct trap_severity severity =
        trap_severity_of(facts->has_event ? facts->event.node.severity : MIB_SEVERITY_NONE,
            facts->event.arcs, facts->has_identity ? facts->event.count : 0);

    add_word(b, "severity_text", severity.text);
    add_signed(b, "severity_number", severity.number);
}

/* ---- Where it comes from ---- */

static void
add_host(struct sr_buf *b, const struct facts *facts, const struct sr_peer *peer)
{
    if (facts->agent != NULL) {
        add_address(b, "host", facts->agent);
    } else {
        add_peer(b, "host", peer);
    }
}

static void
add_resource(struct sr_buf *b, const struct trap_message *message, const struct facts *facts,
    const struct sr_peer *peer)
{
    char text[SR_PEER_TEXT_MAX];

    sr_peer_text(peer, text);
    add_key(b, "resource");
    sr_buf_add_text(b, "{\"source.address\":\"");
    sr_buf_add_text(b, text);
    sr_buf_put(b, '"');
    add_signed(b, "source.port", peer->port);
    if (facts->agent != NULL) {
        add_address(b, "snmp.agent_address", facts->agent);
    }
    if (message->engine_id.len > 0) {
        add_hex(b, "snmp.engine_id", message->engine_id);
    }
    if (message->context_engine_id.len > 0) {
        add_hex(b, "snmp.context_engine_id", message->context_engine_id);
    }
    if (message->context_name.len > 0) {
        add_octets(b, "snmp.context_name", message->context_name);
    }
    sr_buf_put(b, '}');
}

/* ---- Attributes ---- */

static const char *
version_word(enum trap_version version)
{
    switch (version) {
    case TRAP_V1: return "1";
    case TRAP_V2C: return "2c";
    case TRAP_V3: return "3";
    }
    return "";
}

static void
add_identifier(struct sr_buf *b, const char *key, struct sr_span identifier)
{
    uint32_t arcs[BER_SUB_IDS_MAX];
    unsigned count;

    if (!ber_arcs(identifier, arcs, &count)) {
        return;
    }
    add_key(b, key);
    sr_buf_put(b, '"');
    trap_arcs_write(b, arcs, count);
    sr_buf_put(b, '"');
}

static void
add_message(struct sr_buf *b, const struct trap_message *message, const struct facts *facts)
{
    sr_buf_add_text(b, "\"snmp.version\":\"");
    sr_buf_add_text(b, version_word(message->version));
    sr_buf_put(b, '"');
    add_word(b, "snmp.pdu", message->pdu == TRAP_PDU_INFORM ? "inform" : "trap");
    if (facts->has_identity) {
        add_key(b, "snmp.trap_oid");
        sr_buf_put(b, '"');
        trap_arcs_write(b, facts->event.arcs, facts->event.count);
        sr_buf_put(b, '"');
    }
    if (message->pdu == TRAP_PDU_TRAP_V1) {
        add_identifier(b, "snmp.enterprise", message->enterprise);
        add_signed(b, "snmp.generic", message->generic);
        add_signed(b, "snmp.specific", message->specific);
    } else {
        add_signed(b, "snmp.request_id", message->request_id);
    }
    if (facts->has_uptime) {
        add_key(b, "snmp.uptime");
        sr_buf_add_u64(b, facts->uptime);
    }
    if (message->user.len > 0) {
        add_octets(b, "snmp.user", message->user);
    }
    if (message->folded > 0) {
        add_key(b, "snmp.folded_count");
        sr_buf_add_u64(b, message->folded);
        add_time(b, "snmp.folded_first", message->folded_since_ns);
    }
}

static void
names_clear(struct names *names, uint32_t count)
{
    uint32_t slots = 8;

    while (slots < 2 * count && slots < SLOTS) {
        slots *= 2;
    }
    memset(names->slots, 0, slots * sizeof(names->slots[0]));
    names->mask = slots - 1;
}

static uint64_t
hash_of(struct sr_span text)
{
    uint64_t h = text.len;

    while (text.len > 0) {
        size_t n = text.len < sizeof(h) ? text.len : sizeof(h);
        uint64_t w = 0;
        memcpy(&w, text.data, n);
        h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
        text = (struct sr_span){ text.data + n, text.len - n };
    }
    return h * UINT64_C(0x9e3779b97f4a7c15);
}

/*
 * True when a name was used before, or perhaps was: only hashes are compared, and not more than
 * PROBES of them, so that names chosen to meet cost no more than others.
 */
static bool
names_add(struct names *names, struct sr_span name)
{
    uint64_t hash = hash_of(name);
    uint32_t mark = (uint32_t)(hash >> 32) | 1;
    uint32_t at = (uint32_t)hash & names->mask;

    for (uint32_t step = 1; step <= PROBES; step++) {
        if (names->slots[at] == 0) {
            names->slots[at] = mark;
            return false;
        }
        if (names->slots[at] == mark) {
            return true;
        }
        at = (at + step) & names->mask;
    }
    return true;
}

/*
 * The varbind of number `at`, from 1 on, which makes a name that comes again its own: no name of a
 * MIB has a '#' in it.
 */
static void
add_varbind(struct sr_buf *b, const struct trap_config *config, struct names *names,
    const struct trap_view *view, uint32_t at)
{
    sr_buf_add(b, ",\"", 2);
    size_t start = b->len;
    trap_name_write(b, &view->name, true);
    if (names_add(names, (struct sr_span){ b->data + start, b->len - start })) {
        sr_buf_put(b, '#');
        sr_buf_add_u64(b, at);
    }
    sr_buf_add(b, "\":", 2);
    trap_shown_json(b, config, &view->shown);
}

static void
add_attributes(struct sr_buf *b, const struct trap_config *config,
    const struct trap_message *message, const struct facts *facts, struct trap_views *views)
{
    struct walk walk = { .facts = facts, .views = views, .left = message->varbinds };
    const struct trap_view *view;
    struct trap_varbind varbind;
    struct names names;
    uint32_t more = told_count(facts, facts->count);
    size_t start = b->len;

    for (uint32_t i = 0; i < TRAP_VIEWS_KEPT && trap_varbind_next(&walk.left, &varbind); i++) {
    }
    names_clear(&names, views->count);
    add_key(b, "attributes");
    sr_buf_put(b, '{');
    add_message(b, message, facts);
    while (!b->overflow && b->len - start <= ATTRIBUTES_MAX &&
           (view = walk_next(&walk, config)) != NULL) {
        add_varbind(b, config, &names, view, walk.at);
        more--;
    }
    if (more > 0) {
        add_signed(b, "snmp.varbinds_left_out", more);
    }
    sr_buf_put(b, '}');
}

/* ---- The whole ---- */

void
trap_enrich_write(struct sr_buf *b, const struct trap_config *config,
    const struct trap_message *message, struct trap_views *views, const struct sr_peer *peer,
    uint64_t now_ns)
{
    struct facts facts;

    gather(config, message, &facts);
    add_time(b, "timestamp", now_ns);
    if (facts.has_identity) {
        add_key(b, "event_name");
        sr_buf_put(b, '"');
        put_event_name(b, &facts);
        sr_buf_put(b, '"');
    }
    add_body(b, config, &facts, views);
    add_severity(b, &facts);
    add_host(b, &facts, peer);
    add_resource(b, message, &facts, peer);
    add_attributes(b, config, message, &facts, views);
}

void
trap_enrich_varbind(struct sr_buf *b, const struct trap_config *config, struct trap_views *views,
    const struct trap_varbind *varbind)
{
    const struct trap_view *view = trap_views_add(views, config, varbind);

    if (view == NULL) {
        return;
    }
    add_word(b, "type", trap_type_word(varbind->type));
    if (view->name.table != NULL) {
        add_key(b, "name");
        sr_buf_put(b, '"');
        trap_name_write(b, &view->name, true);
        sr_buf_put(b, '"');
    }
    if (trap_shown_says_more(&view->shown, varbind->type)) {
        add_key(b, "text");
        sr_buf_put(b, '"');
        trap_shown_write(b, config, &view->shown);
        sr_buf_put(b, '"');
    }
    if (trap_type_is_octets(varbind->type) && view->shown.how != TRAP_SHOW_TEXT &&
        !trap_hint_printable(varbind->value)) {
        add_hex(b, "hex", varbind->value);
    }
}
