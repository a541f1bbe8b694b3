/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_USM_KEY_H_INCLUDED
#define TRAPD_USM_KEY_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "sr/span.h"

/*
 * The algorithms of the User-based Security Model and how their keys come from passwords: RFC 3414
 * section 6 and appendix A (MD5, SHA, DES), RFC 3826 (AES), RFC 7860 (SHA-2),
 * draft-blumenthal-aes-usm-04 section 3.1.2 (AES-192 and AES-256), and
 * draft-reeder-snmpv3-usm-3desede-00 section 2.1 for the same ciphers as Cisco's devices have them.
 */

enum usm_auth {
    USM_AUTH_NONE = 0,
    USM_AUTH_MD5,
    USM_AUTH_SHA,
    USM_AUTH_SHA224,
    USM_AUTH_SHA256,
    USM_AUTH_SHA384,
    USM_AUTH_SHA512,
    USM_AUTH_COUNT
};

enum usm_priv {
    USM_PRIV_NONE = 0,
    USM_PRIV_DES,
    USM_PRIV_AES128,
    USM_PRIV_AES192,
    USM_PRIV_AES256,
    USM_PRIV_AES192_CISCO,
    USM_PRIV_AES256_CISCO,
    USM_PRIV_COUNT
};

/*
 * How configuration calls them, in the order of the enumerations and ended by NULL: "none", "MD5",
 * "SHA", "SHA-224", ..., and "none", "DES", "AES-128", ..., "AES-192-C", "AES-256-C".
 */
extern const char *const usm_auth_names[];
extern const char *const usm_priv_names[];

#define USM_KEY_MAX 64U       /* bytes of SHA-512, the longest */
#define USM_PASSWORD_LEAST 8U /* characters, RFC 3414 section 11.2 */
#define USM_SALT_LEN 8U       /* RFC 3414 section 8.1.1.1, RFC 3826 section 3.1.2.1 */
#define USM_IV_LEN 16U        /* of AES; DES takes the first half */

/* OpenSSL's algorithms, looked up once. Those that it does not offer here (FIPS) are NULL. */
struct usm_algorithms {
    EVP_MAC *hmac;
    EVP_MD *digests[USM_AUTH_COUNT];
    EVP_CIPHER *ciphers[USM_PRIV_COUNT];
    size_t des_longest; /* bytes of DES that one message may have, for the time it takes */
};

/* A key of some algorithm. Wipe it with OPENSSL_cleanse() when it is no longer needed. */
struct usm_key {
    uint8_t bytes[USM_KEY_MAX];
    size_t len;
};

/* False without memory. Free in either case. */
bool usm_algorithms_load(struct usm_algorithms *algorithms);
void usm_algorithms_free(struct usm_algorithms *algorithms);

/* Bytes of the MAC in messages. */
size_t usm_mac_len(enum usm_auth auth);

/*
 * Ku of a password that is not empty (RFC 3414 appendix A.2): a MiB is hashed. False when OpenSSL
 * fails.
 */
bool usm_key_from_password(const struct usm_algorithms *algorithms, enum usm_auth auth,
    struct sr_span password, struct usm_key *ret_key);

/* Kul, what Ku is for one engine (RFC 3414 section 2.6). False when OpenSSL fails. */
bool usm_key_localize(const struct usm_algorithms *algorithms, enum usm_auth auth,
    const struct usm_key *key, struct sr_span engine_id, struct usm_key *ret_key);

/*
 * The key of a cipher from Ku of its password: localized, and made longer where the hash is too
 * short for the cipher. The way of Cisco's hashes a MiB for that. What is beyond the key that the
 * cipher takes stays: DES has its pre-IV there. False when OpenSSL fails.
 */
bool usm_key_for_cipher(const struct usm_algorithms *algorithms, enum usm_auth auth,
    enum usm_priv priv, const struct usm_key *key, struct sr_span engine_id,
    struct usm_key *ret_key);

/*
 * A context that makes MACs, without its key. Returns owned (free with EVP_MAC_CTX_free()), NULL
 * when OpenSSL fails.
 */
EVP_MAC_CTX *usm_mac_new(const struct usm_algorithms *algorithms, enum usm_auth auth);

/*
 * A context that decrypts with a key of usm_key_for_cipher(), without its IV; the other one
 * encrypts. Returns owned (free with EVP_CIPHER_CTX_free()), NULL when OpenSSL fails.
 */
EVP_CIPHER_CTX *usm_cipher_new(
    const struct usm_algorithms *algorithms, enum usm_priv priv, const struct usm_key *key);
EVP_CIPHER_CTX *usm_encryptor_new(
    const struct usm_algorithms *algorithms, enum usm_priv priv, const struct usm_key *key);

/*
 * The IV of a message: RFC 3414 section 8.1.1.1 for DES, whose `pre_iv` of USM_SALT_LEN bytes is in
 * its key, RFC 3826 section 3.1.2.1 for AES. `salt` has USM_SALT_LEN bytes.
 */
void usm_iv(enum usm_priv priv, const uint8_t *pre_iv, uint32_t boots, uint32_t time,
    const uint8_t *salt, uint8_t iv[USM_IV_LEN]);

#endif
