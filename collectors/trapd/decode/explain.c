/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/explain.h"

#include "decode/enrich.h"
#include "decode/identifier.h"
#include "decode/names.h"
#include "decode/severity.h"
#include "decode/shown.h"
#include "sr/json.h"

#include "sr/banned.h"

/* Of one varbind: two names of 130 arcs, a value that is cut, and words. */
#define VARBIND_ROOM 8192U

/* ---- Pieces of JSON ---- */

static void
add_key(struct sr_buf *b, const char *key)
{
    if (b->len > 0 && b->data[b->len - 1] != '{') {
        sr_buf_put(b, ',');
    }
    sr_json_text(b, key);
    sr_buf_put(b, ':');
}

/* Nothing for NULL. */
static void
add_text(struct sr_buf *b, const char *key, const char *text)
{
    if (text != NULL) {
        add_key(b, key);
        sr_json_text(b, text);
    }
}

static void
add_number(struct sr_buf *b, const char *key, int64_t number)
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

static void
add_arcs(struct sr_buf *b, const char *key, const uint32_t *arcs, unsigned count)
{
    add_key(b, key);
    sr_buf_put(b, '"');
    trap_arcs_write(b, arcs, count);
    sr_buf_put(b, '"');
}

static void
begin(struct sr_buf *b, const char *key)
{
    add_key(b, key);
    sr_buf_put(b, '{');
}

static void
end(struct sr_buf *b)
{
    sr_buf_put(b, '}');
}

/* ---- Who and what ---- */

static const char *
version_word(enum trap_version version)
{
    switch (version) {
    case TRAP_V1: return "1";
    case TRAP_V2C: return "2c";
    case TRAP_V3: return "3";
    }
    return NULL;
}

static const char *
pdu_word(enum trap_pdu pdu)
{
    switch (pdu) {
    case TRAP_PDU_GET: return "get";
    case TRAP_PDU_GET_NEXT: return "get_next";
    case TRAP_PDU_RESPONSE: return "response";
    case TRAP_PDU_SET: return "set";
    case TRAP_PDU_TRAP_V1: return "trap_v1";
    case TRAP_PDU_GET_BULK: return "get_bulk";
    case TRAP_PDU_INFORM: return "inform";
    case TRAP_PDU_TRAP_V2: return "trap_v2";
    case TRAP_PDU_REPORT: return "report";
    }
    return NULL;
}

static const char *
level_word(enum trap_level level)
{
    switch (level) {
    case TRAP_NO_AUTH: return "noAuthNoPriv";
    case TRAP_AUTH: return "authNoPriv";
    case TRAP_PRIV: return "authPriv";
    }
    return NULL;
}

/* Of v3: who it says it is, and whether that could be checked. Else the reason says why not. */
static void
add_security(struct sr_buf *b, const struct trap_explained *e)
{
    const struct trap_message *m = e->message;

    if (!e->is_read && m->user.len == 0 && m->engine_id.len == 0) {
        return; /* nothing could be read, or it is one of discovery */
    }
    begin(b, "security");
    add_key(b, "user");
    sr_json_string(b, m->user);
    add_text(b, "level", level_word(m->level));
    add_hex(b, "engine_id", m->engine_id);
    if (m->context_engine_id.len > 0) {
        add_hex(b, "context_engine_id", m->context_engine_id);
    }
    if (m->context_name.len > 0) {
        add_key(b, "context_name");
        sr_json_string(b, m->context_name);
    }
    if (e->is_read) {
        add_text(b, "keys", m->level == TRAP_NO_AUTH ? "none" : "right");
    }
    end(b);
}

static const char *
names_word(const struct trap_config *config, const struct mib_table *table)
{
    return table == NULL ? "none" : table == config->mibs[0] ? "mib_file" : "standard";
}

/* ---- The notification ---- */

static const char *
identity_word(const struct trap_message *message)
{
    if (message->pdu != TRAP_PDU_TRAP_V1) {
        return "snmpTrapOID.0";
    }
    return message->generic == 6 ? "RFC 3584: enterprise and specific trap"
                                 : "RFC 3584: generic trap";
}

static void
add_severity(struct sr_buf *b, const struct trap_name *event, bool has_event)
{
    enum mib_severity mib = has_event ? event->node.severity : MIB_SEVERITY_NONE;
    struct trap_severity severity = trap_severity_of(mib, event->arcs, event->count);
    struct trap_severity unknown = trap_severity_of(MIB_SEVERITY_NONE, event->arcs, 0);
    const char *from = severity.number != unknown.number ? "known identifier" : "nothing is known";

    begin(b, "severity");
    add_text(b, "text", severity.text);
    add_number(b, "number", severity.number);
    add_text(b, "from", mib != MIB_SEVERITY_NONE ? "MIB" : from);
    end(b);
}

static void
add_identity(struct sr_buf *b, const struct trap_explained *e)
{
    struct trap_name event;
    bool is_told = trap_identity(e->message, event.arcs, &event.count);

    begin(b, "trap");
    if (is_told) {
        bool has_event = trap_enrich_event(e->config, &event);
        add_arcs(b, "oid", event.arcs, event.count);
        add_text(b, "from", identity_word(e->message));
        if (has_event) {
            add_key(b, "name");
            sr_buf_put(b, '"');
            sr_json_string_part(b, event.node.module);
            sr_buf_add_text(b, "::");
            sr_json_string_part(b, event.node.name);
            sr_buf_put(b, '"');
        }
        add_text(b, "names", names_word(e->config, has_event ? event.table : NULL));
        add_severity(b, &event, has_event);
    } else {
        add_text(b, "from", "nothing: it does not say what happened");
    }
    if (e->message->pdu == TRAP_PDU_TRAP_V1) {
        add_number(b, "generic", e->message->generic);
        add_number(b, "specific", e->message->specific);
    }
    end(b);
}

static void
add_access(struct sr_buf *b, const struct trap_explained *e)
{
    const struct trap_access *access = e->config->access;
    const struct trap_rule *rule = e->rule;

    if (access == NULL) {
        return;
    }
    begin(b, "access");
    if (e->message->version == TRAP_V3) {
        add_text(b, "users", access->user_count > 0 ? "listed" : "all");
    }
    if (rule != NULL) {
        add_text(b, "rule", rule->text);
        add_text(b, "of", rule->is_allowing ? "allow_traps" : "deny_traps");
    } else {
        add_text(b, "rule", access->rule_count > 0 ? "none fits" : "there are none");
    }
    end(b);
}

/* ---- Varbinds ---- */

static const char *
show_word(enum trap_show how)
{
    switch (how) {
    case TRAP_SHOW_LABEL: return "enumeration";
    case TRAP_SHOW_BITS: return "BITS";
    case TRAP_SHOW_HINT_INTEGER:
    case TRAP_SHOW_HINT_OCTETS: return "DISPLAY-HINT";
    case TRAP_SHOW_WORD:
    case TRAP_SHOW_SIGNED:
    case TRAP_SHOW_UNSIGNED:
    case TRAP_SHOW_FLOAT:
    case TRAP_SHOW_IDENTIFIER:
    case TRAP_SHOW_ADDRESS:
    case TRAP_SHOW_TEXT:
    case TRAP_SHOW_HEX: break;
    }
    return "type";
}

static void
add_varbind(struct sr_buf *b, const struct trap_config *config, const struct trap_varbind *varbind)
{
    struct trap_shown shown;
    struct trap_name name;

    if (!trap_name_read(config, varbind->name, &name)) {
        return; /* the message was read, so it can be */
    }
    trap_shown_of(&name, varbind, &shown);
    sr_buf_put(b, '{');
    add_arcs(b, "oid", name.arcs, name.count);
    add_text(b, "type", trap_type_word(varbind->type));
    add_number(b, "bytes", (int64_t)varbind->value.len);
    add_text(b, "names", names_word(config, name.table));
    if (name.table != NULL) {
        add_key(b, "name");
        sr_buf_put(b, '"');
        trap_name_write(b, &name, true);
        sr_buf_put(b, '"');
    }
    add_text(b, "shown_by", show_word(shown.how));
    if (shown.how == TRAP_SHOW_HINT_INTEGER || shown.how == TRAP_SHOW_HINT_OCTETS) {
        add_key(b, "hint");
        sr_json_string(b, shown.hint);
    }
    add_key(b, "shown");
    sr_buf_put(b, '"');
    trap_shown_cut(&shown);
    trap_shown_write(b, config, &shown);
    sr_buf_put(b, '"');
    end(b);
}

static void
add_varbinds(struct sr_buf *b, const struct trap_explained *e)
{
    struct sr_span left = e->message->varbinds;
    struct trap_varbind varbind;
    uint32_t left_out = 0;

    add_key(b, "varbinds");
    sr_buf_put(b, '[');
    for (bool first = true; trap_varbind_next(&left, &varbind); first = false) {
        if (b->cap - b->len < VARBIND_ROOM) {
            left_out++;
            continue;
        }
        if (!first) {
            sr_buf_put(b, ',');
        }
        add_varbind(b, e->config, &varbind);
    }
    sr_buf_put(b, ']');
    if (left_out > 0) {
        add_number(b, "varbinds_left_out", left_out);
    }
}

/* ---- The whole ---- */

static void
add_message(struct sr_buf *b, const struct trap_explained *e)
{
    const struct trap_message *m = e->message;

    if (e->is_read || m->whole_pdu.len > 0 || m->version == TRAP_V3) {
        add_text(b, "version", version_word(m->version));
        add_text(b, "pdu", pdu_word(m->pdu));
    }
    if (m->version == TRAP_V3) {
        add_security(b, e);
    }
    if (e->is_read && trap_is_notification(m)) {
        add_identity(b, e);
        add_access(b, e);
        add_text(b, "storm", e->storm != NULL ? e->storm : "not_asked");
        add_varbinds(b, e);
    }
}

void
trap_explain_write(struct sr_buf *b, const struct trap_explained *e)
{
    char address[SR_PEER_TEXT_MAX];

    (void)sr_peer_text(e->peer, address);
    sr_buf_put(b, '{');
    add_text(b, "source", address);
    add_number(b, "bytes", (int64_t)e->bytes.len);
    add_text(b, "verdict", e->verdict);
    add_text(b, "reason", e->reason);
    if (e->message != NULL) {
        add_message(b, e);
    }
    end(b);
}
