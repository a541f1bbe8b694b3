/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_USM_SENDER_H_INCLUDED
#define TRAPD_USM_SENDER_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "decode/message.h"
#include "decode/v3.h"
#include "decode/v3_write.h"
#include "usm/engine.h"
#include "usm/key.h"

/* Messages of an engine of ours: RFC 3414 section 3.1. */

/* The keys of a user for our engine, in contexts that are ready to use. */
struct usm_protection {
    enum usm_auth auth;
    enum usm_priv priv;
    EVP_MAC_CTX *mac;
    EVP_CIPHER_CTX *encryptor;
    const uint8_t *pre_iv; /* USM_SALT_LEN bytes */
};

/*
 * Makes the scoped PDU of the draft a message in the envelope, encrypted with its salt and signed
 * as its level says; the envelope's place for the MAC is set here. Returns its length, at the begin
 * of the draft's room; 0 when it does not fit, or OpenSSL fails.
 */
size_t usm_protect(
    const struct usm_protection *protection, struct v3_envelope *envelope, struct v3_draft *draft);

/* What a report says, RFC 3414 section 3.2. */
struct usm_report {
    enum usm_stat stat;
    uint32_t count;
    enum trap_level level; /* TRAP_NO_AUTH, or TRAP_AUTH */
    int64_t request_id;    /* of what is reported; 0: not known */
};

/*
 * Both write an answer, in the name of our engine, to the message `v3` into `room` of `max` bytes
 * and return its length; 0 when it does not fit, or OpenSSL fails. `protection` is looked at as the
 * level of the answer needs it: that of the report, or of the message.
 */
size_t usm_send_report(struct usm_engine *engine, const struct usm_protection *protection,
    const struct v3_message *v3, const struct usm_report *report, uint8_t *room, size_t max);

/*
 * The response to the inform `inform` that `v3` held. One that is longer than its sender takes says
 * tooBig (RFC 3416 section 4.2.7).
 */
size_t usm_send_response(struct usm_engine *engine, const struct usm_protection *protection,
    const struct v3_message *v3, const struct trap_message *inform, uint8_t *room, size_t max);

#endif
