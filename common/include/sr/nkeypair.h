/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_NKEYPAIR_H_INCLUDED
#define SR_NKEYPAIR_H_INCLUDED

#include <stdint.h>

#include "sr/nkey.h"
#include "sr/span.h"

#define SR_NKEY_SIGNATURE_BYTES 64

/* An Ed25519 key pair of one NATS entity. It holds a secret: sr_nkeypair_done wipes it. */
struct sr_nkeypair {
    enum sr_nkey_type type;
    uint8_t seed[SR_NKEY_BYTES];
    uint8_t public_key[SR_NKEY_BYTES];
    char public_text[SR_NKEY_PUBLIC_LEN + 1];
};

/* A new random pair. SR_NKEY_ECRYPTO when there is no randomness. */
enum sr_nkey_err sr_nkeypair_generate(enum sr_nkey_type type, struct sr_nkeypair *ret_pair);

/* The pair of the 32 secret bytes `seed`. SR_NKEY_ECRYPTO when the library fails. */
enum sr_nkey_err sr_nkeypair_from_seed(
    enum sr_nkey_type type, const uint8_t seed[SR_NKEY_BYTES], struct sr_nkeypair *ret_pair);

/* The pair of a seed in text ("SU..."). The errors of sr_nkey_seed_decode, or SR_NKEY_ECRYPTO. */
enum sr_nkey_err sr_nkeypair_from_text(struct sr_span seed, struct sr_nkeypair *ret_pair);

/* Signs `message` (RFC 8032, Ed25519 without prehash). SR_NKEY_ECRYPTO when the library fails. */
enum sr_nkey_err sr_nkeypair_sign(const struct sr_nkeypair *pair, struct sr_span message,
    uint8_t ret_signature[SR_NKEY_SIGNATURE_BYTES]);

/*
 * Whether `signature` over `message` was made by the owner of `public_key`: SR_NKEY_OK,
 * SR_NKEY_ESIGNATURE (a wrong length included), or SR_NKEY_ECRYPTO.
 */
enum sr_nkey_err sr_nkey_verify(
    const uint8_t public_key[SR_NKEY_BYTES], struct sr_span message, struct sr_span signature);

/* Wipes the pair. */
void sr_nkeypair_done(struct sr_nkeypair *pair);

#endif
