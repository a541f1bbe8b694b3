/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_TRAP_LOAD_H_INCLUDED
#define TESTS_BENCH_TRAP_LOAD_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/snmp_user.h"
#include "load/snmp_write.h"

/*
 * The messages of the measurements, the same for every receiver. What cannot be made ends the
 * program with an error.
 */

/*
 * So many varbinds as a switch sends: linkDown with the columns of interfaces, TRAP_V1 without the
 * two that RFC 3416 section 4.2.6 has in front. Another `seed` makes other values.
 */
void load_varbinds(struct snmp_writer *l, enum trap_version version, unsigned count, uint32_t seed);

/* Makes a PDU of the varbinds from the start of `l` to its `end`. */
void load_pdu(struct snmp_writer *l, enum trap_pdu pdu, int32_t request, size_t end);

/* A whole trap or inform of v1 or v2c with "public" for its community. */
struct sr_span load_trap(struct snmp_writer *l, enum trap_version version, enum trap_pdu pdu,
    unsigned varbinds, int32_t request);

/* Who sends as whom. */
struct load_user {
    struct snmp_user user;
    struct snmp_engine engine;
    uint32_t boots, time;
    bool is_reportable; /* of informs, RFC 3412 section 6.4 */
};

#define LOAD_AUTH_PASSWORD "authpass12345"
#define LOAD_PRIV_PASSWORD "privpass12345"

#define LOAD_BOOTS 3U
#define LOAD_TIME 10000U

/* Keys are made of the two passwords, the clock is LOAD_BOOTS and LOAD_TIME. Borrows the name. */
void load_user_open(struct load_user *u, const char *name, enum usm_auth auth, enum usm_priv priv);
void load_user_close(struct load_user *u);

/* From now on messages are of this engine, of up to 32 bytes. */
void load_user_move(struct load_user *u, struct sr_span engine);

/*
 * Makes a message of the PDU from the start of `l` to its `end`, with all that the user has
 * algorithms for.
 */
void load_v3(struct snmp_writer *l, struct load_user *u, uint32_t id, size_t end);

/* A whole trap of v3. */
struct sr_span load_v3_trap(
    struct snmp_writer *l, struct load_user *u, unsigned varbinds, int32_t request);

#endif
