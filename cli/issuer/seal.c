/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/seal.h"

#include <limits.h>
#include <stdbool.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "sr/banned.h"

#define SCRYPT_N (1U << 16)
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SCRYPT_MEMORY (128ULL << 20) /* the limit; 128 * N * R bytes are needed and a little */

const char *
seal_strerror(enum seal_err err)
{
    switch (err) {
    case SEAL_OK: return "done";
    case SEAL_EBROKEN: return "altered, or sealed with another key or as something else";
    case SEAL_ECRYPTO: return "no randomness or no memory";
    }
    return "unknown error";
}

/* Whether the lengths fit the library's `int`. */
static bool
fits(struct sr_span label, struct sr_span text)
{
    return label.len <= INT_MAX && text.len <= INT_MAX - SEAL_TAG_BYTES;
}

static bool
encrypt(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t *nonce, struct sr_span label,
    struct sr_span plain, uint8_t *sealed)
{
    int len = 0, rest = 0;

    return EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
           EVP_EncryptUpdate(ctx, NULL, &len, label.data, (int)label.len) == 1 &&
           EVP_EncryptUpdate(ctx, sealed, &len, plain.data, (int)plain.len) == 1 &&
           EVP_EncryptFinal_ex(ctx, sealed + len, &rest) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_BYTES, sealed + plain.len) == 1;
}

enum seal_err
seal_close(const uint8_t key[SEAL_KEY_BYTES], struct sr_span label, struct sr_span plain,
    uint8_t ret_nonce[SEAL_NONCE_BYTES], uint8_t *sealed)
{
    uint8_t nonce[SEAL_NONCE_BYTES];

    if (!fits(label, plain) || RAND_bytes(nonce, sizeof(nonce)) != 1) {
        return SEAL_ECRYPTO;
    }
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx != NULL && encrypt(ctx, key, nonce, label, plain, sealed);
    EVP_CIPHER_CTX_free(ctx);
    for (size_t i = 0; i < sizeof(nonce) && ok; i++) {
        ret_nonce[i] = nonce[i];
    }
    return ok ? SEAL_OK : SEAL_ECRYPTO;
}

/* `tag` is the end of what was sealed. Only the last step can tell whether it is genuine. */
static enum seal_err
decrypt(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t *nonce, struct sr_span label,
    struct sr_span text, uint8_t *plain)
{
    uint8_t tag[SEAL_TAG_BYTES];
    int len = 0, rest = 0;

    for (size_t i = 0; i < sizeof(tag); i++) {
        tag[i] = text.data[text.len + i];
    }
    if (EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) != 1 ||
        EVP_DecryptUpdate(ctx, NULL, &len, label.data, (int)label.len) != 1 ||
        EVP_DecryptUpdate(ctx, plain, &len, text.data, (int)text.len) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, SEAL_TAG_BYTES, tag) != 1) {
        return SEAL_ECRYPTO;
    }
    return EVP_DecryptFinal_ex(ctx, plain + len, &rest) == 1 ? SEAL_OK : SEAL_EBROKEN;
}

enum seal_err
seal_open(const uint8_t key[SEAL_KEY_BYTES], struct sr_span label, struct sr_span nonce,
    struct sr_span sealed, uint8_t *plain)
{
    if (nonce.len != SEAL_NONCE_BYTES || sealed.len < SEAL_TAG_BYTES || !fits(label, sealed)) {
        return SEAL_EBROKEN;
    }
    const struct sr_span text = { sealed.data, sealed.len - SEAL_TAG_BYTES };
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    enum seal_err err =
        ctx != NULL ? decrypt(ctx, key, nonce.data, label, text, plain) : SEAL_ECRYPTO;
    EVP_CIPHER_CTX_free(ctx);
    if (err != SEAL_OK) {
        OPENSSL_cleanse(plain, text.len);
    }
    return err;
}

enum seal_err
seal_stretch(
    struct sr_span passphrase, const uint8_t salt[SEAL_SALT_BYTES], uint8_t ret_key[SEAL_KEY_BYTES])
{
    int ok = EVP_PBE_scrypt((const char *)passphrase.data, passphrase.len, salt, SEAL_SALT_BYTES,
        SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY, ret_key, SEAL_KEY_BYTES);

    return ok == 1 ? SEAL_OK : SEAL_ECRYPTO;
}
