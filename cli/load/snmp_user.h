/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_SNMP_USER_H_INCLUDED
#define CLI_LOAD_SNMP_USER_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/v3.h"
#include "sr/span.h"
#include "usm/key.h"
#include "usm/sender.h"

/* Those who send traps of v3 with the User-based Security Model, RFC 3414. */

/* Borrowed. */
struct snmp_account {
    const char *name;
    enum usm_auth auth;
    enum usm_priv priv;
    struct sr_span auth_password, priv_password; /* not empty where there is an algorithm */
};

struct snmp_user {
    struct usm_algorithms algorithms;
    struct snmp_account account;
    struct usm_key auth_base, priv_base; /* Ku */
};

/*
 * An engine that the user sends traps from, which is the authoritative one of traps. It stays where
 * it was opened.
 */
struct snmp_engine {
    uint8_t id[V3_ENGINE_ID_MAX];
    size_t id_len;
    struct usm_protection protection; /* owns its contexts */
    struct usm_key priv_key;
    uint64_t salt; /* of the next message */
};

/* What differs from message to message. */
struct snmp_head {
    uint32_t id;          /* msgID */
    uint32_t boots, time; /* of the engine; time in seconds */
    bool is_reportable;   /* of informs, RFC 3412 section 6.4 */
};

/* Makes keys of the passwords. False when OpenSSL fails or lacks an algorithm. Close in any case.
 */
bool snmp_user_open(struct snmp_user *u, const struct snmp_account *account);
void snmp_user_close(struct snmp_user *u);

/*
 * Makes the keys of an engine, with an id of up to V3_ENGINE_ID_MAX bytes. A zeroed one may be
 * closed. False when OpenSSL fails.
 */
bool snmp_engine_open(
    struct snmp_engine *e, const struct snmp_user *u, struct sr_span id, uint64_t salt);
void snmp_engine_close(struct snmp_engine *e);

/*
 * Writes a message with a PDU into `room` of `max` bytes (V3_PADDING_MAX more than the message
 * needs), with all that the user has algorithms for. Returns its length, 0 when it does not fit or
 * OpenSSL fails.
 */
size_t snmp_write_v3(const struct snmp_user *u, struct snmp_engine *e, const struct snmp_head *head,
    struct sr_span pdu, uint8_t *room, size_t max);

#endif
