/* SPDX-License-Identifier: Apache-2.0 */
#include "trap_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

static _Noreturn void
fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(EXIT_FAILURE);
}

/* ---- Messages ---- */

void
load_varbinds(struct snmp_writer *l, enum trap_version version, unsigned count, uint32_t seed)
{
    const unsigned before = version == TRAP_V1 ? 0 : 2;

    snmp_put_columns(l, count - before, seed);
    if (before > 0) {
        (void)snmp_put_event(l, 100000 + seed);
    }
}

void
load_pdu(struct snmp_writer *l, enum trap_pdu pdu, int32_t request, size_t end)
{
    static const uint8_t agent[4] = { 127, 0, 0, 1 };

    snmp_wrap(l, BER_SEQUENCE, end);
    if (pdu == TRAP_PDU_TRAP_V1) {
        snmp_put_integer(l, BER_TIME_TICKS, 100000 + request);
        snmp_put_integer(l, BER_INTEGER, 0);
        snmp_put_integer(l, BER_INTEGER, 2); /* linkDown */
        snmp_put_octets(l, BER_IP_ADDRESS, (struct sr_span){ agent, sizeof(agent) });
        snmp_put_name(l, "1.3.6.1.4.1.8072.3.2.10", 0);
    } else {
        snmp_put_integer(l, BER_INTEGER, 0);
        snmp_put_integer(l, BER_INTEGER, 0);
        snmp_put_integer(l, BER_INTEGER, request);
    }
    snmp_wrap(l, (uint8_t)pdu, end);
}

struct sr_span
load_trap(struct snmp_writer *l, enum trap_version version, enum trap_pdu pdu, unsigned varbinds,
    int32_t request)
{
    snmp_clear(l);
    const size_t end = l->at;
    load_varbinds(l, version, varbinds, (uint32_t)request);
    load_pdu(l, pdu, request, end);
    snmp_wrap_message(l, version, (struct sr_span){ (const uint8_t *)"public", 6 }, end);
    return snmp_span(l);
}

/* ---- v3 ---- */

void
load_user_open(struct load_user *u, const char *name, enum usm_auth auth, enum usm_priv priv)
{
    const struct snmp_account account = {
        .name = name,
        .auth = auth,
        .priv = priv,
        .auth_password = { (const uint8_t *)LOAD_AUTH_PASSWORD, sizeof(LOAD_AUTH_PASSWORD) - 1 },
        .priv_password = { (const uint8_t *)LOAD_PRIV_PASSWORD, sizeof(LOAD_PRIV_PASSWORD) - 1 },
    };

    *u = (struct load_user){ .boots = LOAD_BOOTS, .time = LOAD_TIME };
    if (!snmp_user_open(&u->user, &account)) {
        fail("no keys");
    }
}

void
load_user_close(struct load_user *u)
{
    snmp_engine_close(&u->engine);
    snmp_user_close(&u->user);
}

void
load_user_move(struct load_user *u, struct sr_span engine)
{
    snmp_engine_close(&u->engine);
    if (!snmp_engine_open(&u->engine, &u->user, engine, 1)) {
        fail("no keys of an engine");
    }
}

void
load_v3(struct snmp_writer *l, struct load_user *u, uint32_t id, size_t end)
{
    static uint8_t room[SNMP_LARGEST + V3_PADDING_MAX];
    const struct snmp_head head = {
        .id = id, .boots = u->boots, .time = u->time, .is_reportable = u->is_reportable
    };
    const struct sr_span pdu = { l->bytes + l->at, end - l->at };
    size_t len = snmp_write_v3(&u->user, &u->engine, &head, pdu, room, sizeof(room));

    if (len == 0) {
        fail("a message of v3 cannot be made");
    }
    l->at = end;
    snmp_put_raw(l, (struct sr_span){ room, len });
}

struct sr_span
load_v3_trap(struct snmp_writer *l, struct load_user *u, unsigned varbinds, int32_t request)
{
    snmp_clear(l);
    const size_t end = l->at;
    load_varbinds(l, TRAP_V3, varbinds, (uint32_t)request);
    load_pdu(l, TRAP_PDU_TRAP_V2, request, end);
    load_v3(l, u, (uint32_t)request, end);
    return snmp_span(l);
}
