/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_TRAP_LOAD_H_INCLUDED
#define TESTS_BENCH_TRAP_LOAD_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/message.h"
#include "sr/span.h"
#include "usm/key.h"

/*
 * The messages of the measurements, the same for every receiver, with lengths of as few bytes as
 * they need. They are written from the end to the beginning, so that lengths are known when they
 * are written: what comes last is put first. Without room the program ends with an error.
 */

#define LOAD_LARGEST 65507U /* bytes of a datagram, IPv4 */

struct load {
    uint8_t bytes[LOAD_LARGEST];
    size_t at; /* bytes from here on are written */
};

/* Nothing is written. */
void load_clear(struct load *l);

/* What is written. Borrows. */
struct sr_span load_span(const struct load *l);

/* ---- Elements ---- */

void load_raw(struct load *l, struct sr_span bytes);
void load_integer(struct load *l, uint8_t type, int64_t value);
void load_octets(struct load *l, uint8_t type, struct sr_span octets);
void load_text(struct load *l, const char *text);

/* An object identifier of `count` arcs, two or more. */
void load_oid(struct load *l, const uint32_t *arcs, unsigned count);

/* The same from "1.3.6.1", behind which `index` is one more arc unless it is 0. */
void load_name(struct load *l, const char *dotted, uint32_t index);

/* Makes one element of all that was written since `l->at` was `end`. */
void load_wrap(struct load *l, uint8_t type, size_t end);

/* ---- Messages ---- */

/*
 * So many varbinds as a switch sends: linkDown with the columns of interfaces, TRAP_V1 without the
 * two that RFC 3416 section 4.2.6 has in front. Another `seed` makes other values.
 */
void load_varbinds(struct load *l, enum trap_version version, unsigned count, uint32_t seed);

/* Makes a PDU of the varbinds from the start of `l` to its `end`. */
void load_pdu(struct load *l, enum trap_pdu pdu, int32_t request, size_t end);

/* Makes a message of v1 or v2c of the PDU from the start of `l` to its `end`. */
void load_message(struct load *l, enum trap_version version, struct sr_span community, size_t end);

/* A whole trap or inform of v1 or v2c with "public" for its community. */
struct sr_span load_trap(struct load *l, enum trap_version version, enum trap_pdu pdu,
    unsigned varbinds, int32_t request);

/* ---- v3 ---- */

/* Who sends as whom: keys for one engine. */
struct load_user {
    struct usm_algorithms algorithms;
    const char *name;
    enum usm_auth auth;
    enum usm_priv priv;
    struct usm_key auth_base, priv_base; /* Ku */
    struct usm_key auth_key, priv_key;   /* of the engine */
    uint8_t engine[32];
    size_t engine_len;
    uint32_t boots, time;
    uint64_t salt;
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
void load_v3(struct load *l, struct load_user *u, uint32_t id, size_t end);

/* A whole trap of v3. */
struct sr_span load_v3_trap(
    struct load *l, struct load_user *u, unsigned varbinds, int32_t request);

#endif
