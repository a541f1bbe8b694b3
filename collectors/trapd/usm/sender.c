/* SPDX-License-Identifier: Apache-2.0 */
#include "usm/sender.h"

#include <limits.h>
#include <string.h>

#include "decode/response.h"

#include "sr/banned.h"

#define MESSAGE_MAX_SIZE 65507U /* what a datagram of UDP over IPv4 holds */

enum { ERROR_TOO_BIG = 1 }; /* RFC 3416 section 3 */

/*
 * A salt that no message with this key had before: `boots` of this start and a number that goes up
 * are all of it for DES (RFC 3414 section 8.1.1.1); for AES boots and time are in the IV beside it
 * (RFC 3826 section 3.1.2.1), so it is the number alone.
 */
static void
next_salt(struct usm_engine *engine, enum usm_priv priv, uint8_t salt[USM_SALT_LEN])
{
    uint64_t number = atomic_fetch_add(&engine->salt, 1);

    for (unsigned i = 0; i < USM_SALT_LEN; i++) {
        salt[i] = (uint8_t)(number >> (56 - 8 * i));
    }
    for (unsigned i = 0; i < 4 && priv == USM_PRIV_DES; i++) {
        salt[i] = (uint8_t)(engine->boots >> (24 - 8 * i));
    }
}

/* Encrypts the scoped PDU of the draft where it stands. */
static bool
encrypt(const struct usm_protection *p, const struct v3_envelope *e, struct v3_draft *draft)
{
    uint8_t iv[USM_IV_LEN];
    int len = 0;

    if (p->priv == USM_PRIV_DES) {
        v3_draft_pad(draft); /* RFC 3414 section 8.1.1.2: to whole blocks */
    }
    struct sr_span scoped = v3_draft_span(draft);
    if (p->encryptor == NULL || scoped.len == 0 || scoped.len > INT_MAX) {
        return false;
    }
    usm_iv(p->priv, p->pre_iv, e->boots, e->time, e->salt.data, iv);
    return EVP_EncryptInit_ex2(p->encryptor, NULL, NULL, iv, NULL) == 1 &&
           EVP_EncryptUpdate(
               p->encryptor, draft->room + draft->start, &len, scoped.data, (int)scoped.len) == 1 &&
           (size_t)len == scoped.len;
}

/* RFC 3414 section 6.3.1 */
static bool
sign(const struct usm_protection *p, const uint8_t *message, size_t len, uint8_t *mac)
{
    uint8_t made[EVP_MAX_MD_SIZE];
    size_t made_len = 0, mac_len = usm_mac_len(p->auth);

    if (EVP_MAC_init(p->mac, NULL, 0, NULL) != 1 || EVP_MAC_update(p->mac, message, len) != 1 ||
        EVP_MAC_final(p->mac, made, &made_len, sizeof(made)) != 1 || made_len < mac_len) {
        return false;
    }
    memcpy(mac, made, mac_len);
    return true;
}

size_t
usm_protect(const struct usm_protection *p, struct v3_envelope *envelope, struct v3_draft *draft)
{
    uint8_t *mac;

    envelope->mac_len = envelope->level != TRAP_NO_AUTH ? usm_mac_len(p->auth) : 0;
    if (envelope->level == TRAP_PRIV && !encrypt(p, envelope, draft)) {
        return 0;
    }
    size_t len = v3_draft_finish(draft, envelope, &mac);
    if (len == 0 || (envelope->level != TRAP_NO_AUTH && !sign(p, draft->room, len, mac))) {
        return 0;
    }
    return len;
}

/* Sends the scoped PDU of the draft back to who sent `v3`. */
static size_t
finish(struct usm_engine *engine, const struct usm_protection *protection,
    const struct v3_message *v3, enum trap_level level, struct v3_draft *draft)
{
    uint8_t salt[USM_SALT_LEN];
    struct v3_envelope e = {
        .id = v3->id,
        .max_size = MESSAGE_MAX_SIZE,
        .level = level,
        .engine_id = usm_engine_id(engine),
        .boots = engine->boots,
        .time = engine->time(engine->time_arg),
        .user = v3->user,
    };

    if (level == TRAP_PRIV) {
        next_salt(engine, protection->priv, salt);
        e.salt = (struct sr_span){ salt, sizeof(salt) };
    }
    return usm_protect(protection, &e, draft);
}

size_t
usm_send_report(struct usm_engine *engine, const struct usm_protection *protection,
    const struct v3_message *v3, const struct usm_report *report, uint8_t *room, size_t max)
{
    struct v3_draft draft = v3_draft_over(room, max);
    uint8_t name[USM_STAT_NAME_LEN];

    usm_stat_name(report->stat, name);
    v3_draft_counter(&draft, (struct sr_span){ name, sizeof(name) }, report->count);
    v3_draft_pdu(&draft, TRAP_PDU_REPORT, report->request_id, 0);
    v3_draft_scoped(&draft, usm_engine_id(engine), (struct sr_span){ NULL, 0 });
    return finish(engine, protection, v3, report->level, &draft);
}

/* With the varbinds of the inform, or none and an error. */
static size_t
respond(struct usm_engine *engine, const struct usm_protection *protection,
    const struct v3_message *v3, const struct trap_message *inform, int64_t error, uint8_t *room,
    size_t max)
{
    struct v3_draft draft = v3_draft_over(room, max);

    if (error != 0) {
        v3_draft_pdu(&draft, TRAP_PDU_RESPONSE, inform->request_id, error);
    } else {
        uint8_t *pdu = v3_draft_claim(&draft, inform->whole_pdu.len);
        if (pdu == NULL || trap_response_pdu(inform, pdu) == 0) {
            return 0;
        }
    }
    v3_draft_scoped(&draft, inform->context_engine_id, inform->context_name);
    return finish(engine, protection, v3, v3->level, &draft);
}

size_t
usm_send_response(struct usm_engine *engine, const struct usm_protection *protection,
    const struct v3_message *v3, const struct trap_message *inform, uint8_t *room, size_t max)
{
    size_t len = respond(engine, protection, v3, inform, 0, room, max);

    if (len == 0 || len > v3->max_size) {
        return respond(engine, protection, v3, inform, ERROR_TOO_BIG, room, max);
    }
    return len;
}
