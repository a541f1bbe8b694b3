/* SPDX-License-Identifier: Apache-2.0 */
/* Traps of the three versions, as switches send them. */
#include "stages.h"

#include "trap_load.h"
#include "trapd.h"

#include "sr/banned.h"

const struct sr_program *const stages_program = &trapd_program;
const unsigned stages_sources = 8;

static const char *const sets[] = { "listeners.0.listen=udp://127.0.0.1:1162", NULL };
static const char *const enriched[] = { "listeners.0.listen=udp://127.0.0.1:1162", "enrich=true",
    NULL };
static const char *const secure[] = { "listeners.0.listen=udp://127.0.0.1:1162",
    "users.0.name=bench", "users.0.auth=SHA", "users.0.auth_password=" LOAD_AUTH_PASSWORD,
    "users.0.priv=AES-128", "users.0.priv_password=" LOAD_PRIV_PASSWORD, NULL };

static struct snmp_writer message;
static struct load_user user;

static void
write_trap(const struct stages_case *c, unsigned number, struct sr_buf *out)
{
    enum trap_version version = (enum trap_version)c->kind;
    unsigned varbinds = version == TRAP_V1 ? 3 : 5;
    struct sr_span bytes = load_trap(&message, version,
        version == TRAP_V1 ? TRAP_PDU_TRAP_V1 : TRAP_PDU_TRAP_V2, varbinds, (int32_t)number + 1);

    sr_buf_add(out, bytes.data, bytes.len);
}

static void
open_user(const struct stages_case *c)
{
    static const uint8_t engine[] = { 0x80, 0, 0x1f, 0x88, 4, 'b', 'e', 'n', 'c', 'h' };

    (void)c;
    load_user_open(&user, "bench", USM_AUTH_SHA, USM_PRIV_AES128);
    load_user_move(&user, (struct sr_span){ engine, sizeof(engine) });
}

static void
write_secure(const struct stages_case *c, unsigned number, struct sr_buf *out)
{
    struct sr_span bytes = load_v3_trap(&message, &user, 5, (int32_t)number + 1);

    (void)c;
    sr_buf_add(out, bytes.data, bytes.len);
}

#define TRAPS(called, by, of)                                                                      \
    {                                                                                              \
        .name = (called), .sets = (by), .inputs = 1000, .records = 1, .kind = (of),                \
        .write = write_trap                                                                        \
    }

const struct stages_case stages_cases[] = {
    TRAPS("v1", sets, TRAP_V1),
    TRAPS("v2c", sets, TRAP_V2C),
    TRAPS("v2c-enrich", enriched, TRAP_V2C),
    { .name = "v3",
        .sets = secure,
        .inputs = 300,
        .records = 1,
        .prepare = open_user,
        .write = write_secure },
    { .name = NULL },
};
