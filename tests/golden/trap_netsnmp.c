/* SPDX-License-Identifier: Apache-2.0 */
#include "trap_netsnmp.h"

#include "../unit/unit.h"

#include <inttypes.h>
#include <stdio.h>

#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include <net-snmp/library/lcd_time.h>
#include <net-snmp/library/snmpusm.h>

#include "trap_reading.h"

#include "sr/banned.h"

/*
 * It follows lengths within a message without asking where that ends (net-snmp issue 1065), so what
 * it is given has zeros behind it, as far as any length of 16 bits goes.
 */
static uint8_t arena[2 * (UINT16_MAX + 1)];
static netsnmp_session session;

void
trap_netsnmp_begin(void)
{
    /* With no handler at all it would log to stderr. */
    assert_non_null(netsnmp_register_loghandler(NETSNMP_LOGHANDLER_NONE, LOG_DEBUG));
    netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_APPTYPE, "oracle");
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    /* Not init_snmp(), which reads the environment and makes folders. */
    snmp_sess_init(&session);
    init_secmod();
    (void)setup_engineID(NULL, "oracle"); /* its own, without which it reads nothing of v3 */
    session.version = SNMP_DEFAULT_VERSION;
    session.isAuthoritative = SNMP_SESS_UNKNOWNAUTH;
    session.sndMsgMaxSize = UINT16_MAX;
}

void
trap_netsnmp_end(void)
{
    free_etimelist();
    shutdown_usm();
    clear_sec_mod();
}

void
trap_netsnmp_add_user(const char *line)
{
    const struct usmUser *last, *user;
    char copy[256];
    size_t before = 0, now = 0;

    for (last = usm_get_userList(); last != NULL; last = last->next) {
        before++;
    }
    assert_in_range(snprintf(copy, sizeof(copy), "%s", line), 1, sizeof(copy) - 1);
    usm_parse_create_usmUser("createUser", copy);
    for (user = usm_get_userList(); user != NULL; user = user->next) {
        now++;
    }
    assert_int_equal(now, before + 1); /* it tells nobody when it does not take one */
}

/* ---- What it says ---- */

static struct sr_span
span_over(const void *data, size_t len)
{
    return (struct sr_span){ data, data != NULL ? len : 0 };
}

static void
write_arcs(struct sr_buf *b, const char *what, const oid *arcs, size_t count)
{
    uint64_t wide[MAX_OID_LEN];

    assert_in_range(count, 0, MAX_OID_LEN);
    for (size_t i = 0; i < count; i++) {
        wide[i] = arcs[i];
    }
    trap_reading_arcs(b, what, wide, count);
}

/* The bits of a floating point number, in the order of the network. */
static void
write_bits(struct sr_buf *b, uint64_t bits, size_t len)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(bits >> 8 * (len - 1 - i));
    }
    trap_reading_bytes(b, "value", span_over(bytes, len));
}

static uint64_t
whole(const struct counter64 *halves)
{
    return (uint64_t)(halves->high & UINT32_MAX) << 32 | (halves->low & UINT32_MAX);
}

static void
write_value(struct sr_buf *b, const netsnmp_variable_list *v)
{
    uint32_t single;
    uint64_t twice;

    switch (v->type) {
    case ASN_INTEGER: trap_reading_line(b, "value %ld", *v->val.integer); break;
    case ASN_COUNTER:
    case ASN_GAUGE:
    case ASN_TIMETICKS:
    case ASN_UINTEGER: trap_reading_line(b, "value %lu", (unsigned long)*v->val.integer); break;
    case ASN_COUNTER64:
    case ASN_OPAQUE_COUNTER64:
    case ASN_OPAQUE_U64: trap_reading_line(b, "value %" PRIu64, whole(v->val.counter64)); break;
    case ASN_OPAQUE_I64:
        trap_reading_line(b, "value %" PRId64, (int64_t)whole(v->val.counter64));
        break;
    case ASN_OPAQUE_FLOAT:
        memcpy(&single, v->val.floatVal, sizeof(single));
        write_bits(b, single, sizeof(single));
        break;
    case ASN_OPAQUE_DOUBLE:
        memcpy(&twice, v->val.doubleVal, sizeof(twice));
        write_bits(b, twice, sizeof(twice));
        break;
    case ASN_OBJECT_ID: write_arcs(b, "value", v->val.objid, v->val_len / sizeof(oid)); break;
    default: trap_reading_bytes(b, "value", span_over(v->val.string, v->val_len));
    }
}

static void
write_head(struct sr_buf *b, const netsnmp_pdu *pdu)
{
    trap_reading_line(b, "version %ld", pdu->version);
    trap_reading_line(b, "pdu %02x", (unsigned)pdu->command & 0xff);
    if (pdu->version == SNMP_VERSION_3) {
        trap_reading_line(b, "level %d", pdu->securityLevel);
        trap_reading_bytes(b, "user", span_over(pdu->securityName, pdu->securityNameLen));
        trap_reading_bytes(b, "engine", span_over(pdu->securityEngineID, pdu->securityEngineIDLen));
        trap_reading_bytes(
            b, "context_engine", span_over(pdu->contextEngineID, pdu->contextEngineIDLen));
        trap_reading_bytes(b, "context", span_over(pdu->contextName, pdu->contextNameLen));
    } else {
        trap_reading_bytes(b, "community", span_over(pdu->community, pdu->community_len));
    }
    if (pdu->command != SNMP_MSG_TRAP) {
        trap_reading_line(b, "request %ld", pdu->reqid);
        trap_reading_line(b, "status %ld", pdu->errstat);
        trap_reading_line(b, "index %ld", pdu->errindex);
        return;
    }
    write_arcs(b, "enterprise", pdu->enterprise, pdu->enterprise_length);
    trap_reading_bytes(b, "agent", span_over(pdu->agent_addr, sizeof(pdu->agent_addr)));
    trap_reading_line(b, "generic %ld", pdu->trap_type);
    trap_reading_line(b, "specific %ld", pdu->specific_type);
    trap_reading_line(b, "uptime %lu", pdu->time);
}

static void
write_pdu(struct sr_buf *b, const netsnmp_pdu *pdu)
{
    unsigned count = 0;

    write_head(b, pdu);
    for (const netsnmp_variable_list *v = pdu->variables; v != NULL; v = v->next_variable) {
        count++;
    }
    trap_reading_line(b, "varbinds %u", count);
    for (const netsnmp_variable_list *v = pdu->variables; v != NULL; v = v->next_variable) {
        write_arcs(b, "oid", v->name, v->name_length);
        trap_reading_line(b, "type %02x", v->type);
        write_value(b, v);
    }
}

int
trap_netsnmp_read(struct sr_span bytes, struct sr_buf *b)
{
    netsnmp_pdu *pdu = snmp_pdu_create(0);

    assert_non_null(pdu);
    assert_in_range(bytes.len, 0, sizeof(arena) / 2);
    memset(arena, 0, sizeof(arena));
    if (bytes.len > 0) {
        memcpy(arena, bytes.data, bytes.len);
    }
    free_etimelist(); /* the clocks of engines: a message is then the first of its engine */
    session.s_snmp_errno = 0;
    int rc = snmp_parse(NULL, &session, pdu, arena, bytes.len);
    if (rc == 0) {
        write_pdu(b, pdu);
        assert_false(b->overflow);
    }
    snmp_free_pdu(pdu);
    return rc == 0 || session.s_snmp_errno == 0 ? rc : session.s_snmp_errno;
}

const char *
trap_netsnmp_error(int error)
{
    return snmp_api_errstring(error);
}
