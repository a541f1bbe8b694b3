/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_SEAL_H_INCLUDED
#define CLI_ISSUER_SEAL_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * Sealing: AES-256-GCM (NIST SP 800-38D) with a random nonce for each secret, and a label that is
 * not secret but is bound to it, so that what is sealed as one thing does not open as another.
 */

#define SEAL_KEY_BYTES 32
#define SEAL_NONCE_BYTES 12
#define SEAL_TAG_BYTES 16
#define SEAL_SALT_BYTES 16

enum seal_err {
    SEAL_OK = 0,
    SEAL_EBROKEN, /* altered, cut, or sealed with another key or label */
    SEAL_ECRYPTO, /* the cryptographic library failed: no randomness or no memory */
};

/* A sentence for `err`, static. */
const char *seal_strerror(enum seal_err err);

/*
 * Seals `plain`. `sealed` takes plain.len + SEAL_TAG_BYTES bytes, and is of use with the nonce
 * only. SEAL_ECRYPTO.
 */
enum seal_err seal_close(const uint8_t key[SEAL_KEY_BYTES], struct sr_span label,
    struct sr_span plain, uint8_t ret_nonce[SEAL_NONCE_BYTES], uint8_t *sealed);

/*
 * Opens what seal_close() made. `plain` takes sealed.len - SEAL_TAG_BYTES bytes; the caller wipes
 * it. Nothing of it is left when this fails. SEAL_EBROKEN (a wrong length included), SEAL_ECRYPTO.
 */
enum seal_err seal_open(const uint8_t key[SEAL_KEY_BYTES], struct sr_span label,
    struct sr_span nonce, struct sr_span sealed, uint8_t *plain);

/*
 * A key from a passphrase with scrypt (RFC 7914; N 2^16, r 8, p 1: some 64 MiB and a fifth of a
 * second). The caller wipes it. SEAL_ECRYPTO.
 */
enum seal_err seal_stretch(struct sr_span passphrase, const uint8_t salt[SEAL_SALT_BYTES],
    uint8_t ret_key[SEAL_KEY_BYTES]);

#endif
