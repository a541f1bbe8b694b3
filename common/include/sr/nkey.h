/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_NKEY_H_INCLUDED
#define SR_NKEY_H_INCLUDED

#include <stdint.h>

#include "sr/span.h"

/*
 * NATS keys as text: base 32 of a prefix, the 32 bytes of an Ed25519 key, and a CRC-16. The first
 * letter tells what a key belongs to: "O..." is an operator, "SO..." the seed of one.
 */

#define SR_NKEY_BYTES 32
#define SR_NKEY_PUBLIC_LEN 56 /* characters of a public key */
#define SR_NKEY_SEED_LEN 58   /* characters of a seed */

/* The values are the prefix bytes of the format. */
enum sr_nkey_type {
    SR_NKEY_ACCOUNT = 0,
    SR_NKEY_CLUSTER = 2 << 3,
    SR_NKEY_SERVER = 13 << 3,
    SR_NKEY_OPERATOR = 14 << 3,
    SR_NKEY_USER = 20 << 3,
};

enum sr_nkey_err {
    SR_NKEY_OK = 0,
    SR_NKEY_ELENGTH,    /* not as long as a key of this kind */
    SR_NKEY_EALPHABET,  /* not base 32 */
    SR_NKEY_ECHECKSUM,  /* mistyped or cut */
    SR_NKEY_ETYPE,      /* a prefix that is not of this kind */
    SR_NKEY_ESIGNATURE, /* the signature is not of this key over these bytes */
    SR_NKEY_ECRYPTO,    /* the cryptographic library failed: no randomness or no memory */
};

/* A sentence for `err`, static. */
const char *sr_nkey_strerror(enum sr_nkey_err err);

/* Writes a public key as text and a NUL. */
void sr_nkey_public_encode(
    enum sr_nkey_type type, const uint8_t key[SR_NKEY_BYTES], char out[SR_NKEY_PUBLIC_LEN + 1]);

/* Writes a seed as text and a NUL. The text is a secret: the caller wipes it. */
void sr_nkey_seed_encode(
    enum sr_nkey_type type, const uint8_t seed[SR_NKEY_BYTES], char out[SR_NKEY_SEED_LEN + 1]);

/*
 * Reads a public key: SR_NKEY_ELENGTH, _EALPHABET, _ECHECKSUM, or _ETYPE for a seed and for
 * prefixes that are not in enum sr_nkey_type.
 */
enum sr_nkey_err sr_nkey_public_decode(
    struct sr_span text, enum sr_nkey_type *ret_type, uint8_t ret_key[SR_NKEY_BYTES]);

/* Reads a seed, with the errors of sr_nkey_public_decode. The caller wipes `ret_seed`. */
enum sr_nkey_err sr_nkey_seed_decode(
    struct sr_span text, enum sr_nkey_type *ret_type, uint8_t ret_seed[SR_NKEY_BYTES]);

/* CRC-16/XMODEM: polynomial 0x1021, initial value 0, not reflected. */
uint16_t sr_nkey_crc16(struct sr_span bytes);

#endif
