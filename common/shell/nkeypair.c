/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/nkeypair.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "sr/banned.h"

enum sr_nkey_err
sr_nkeypair_from_seed(
    enum sr_nkey_type type, const uint8_t seed[SR_NKEY_BYTES], struct sr_nkeypair *ret_pair)
{
    struct sr_nkeypair pair = { .type = type };
    size_t len = sizeof(pair.public_key);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SR_NKEY_BYTES);
    bool ok = key != NULL && EVP_PKEY_get_raw_public_key(key, pair.public_key, &len) == 1;

    EVP_PKEY_free(key);
    if (!ok) {
        return SR_NKEY_ECRYPTO;
    }
    memcpy(pair.seed, seed, SR_NKEY_BYTES);
    sr_nkey_public_encode(type, pair.public_key, pair.public_text);
    *ret_pair = pair;
    sr_nkeypair_done(&pair);
    return SR_NKEY_OK;
}

enum sr_nkey_err
sr_nkeypair_generate(enum sr_nkey_type type, struct sr_nkeypair *ret_pair)
{
    uint8_t seed[SR_NKEY_BYTES];

    if (RAND_priv_bytes(seed, sizeof(seed)) != 1) {
        return SR_NKEY_ECRYPTO;
    }
    enum sr_nkey_err err = sr_nkeypair_from_seed(type, seed, ret_pair);
    OPENSSL_cleanse(seed, sizeof(seed));
    return err;
}

enum sr_nkey_err
sr_nkeypair_from_text(struct sr_span seed, struct sr_nkeypair *ret_pair)
{
    enum sr_nkey_type type;
    uint8_t raw[SR_NKEY_BYTES];
    enum sr_nkey_err err = sr_nkey_seed_decode(seed, &type, raw);

    if (err == SR_NKEY_OK) {
        err = sr_nkeypair_from_seed(type, raw, ret_pair);
        OPENSSL_cleanse(raw, sizeof(raw));
    }
    return err;
}

enum sr_nkey_err
sr_nkeypair_sign(const struct sr_nkeypair *pair, struct sr_span message,
    uint8_t ret_signature[SR_NKEY_SIGNATURE_BYTES])
{
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES];
    size_t len = sizeof(signature);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, pair->seed, SR_NKEY_BYTES);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = key != NULL && md != NULL && EVP_DigestSignInit(md, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(md, signature, &len, message.data, message.len) == 1 &&
              len == sizeof(signature);

    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    if (!ok) {
        return SR_NKEY_ECRYPTO;
    }
    memcpy(ret_signature, signature, sizeof(signature));
    return SR_NKEY_OK;
}

enum sr_nkey_err
sr_nkey_verify(
    const uint8_t public_key[SR_NKEY_BYTES], struct sr_span message, struct sr_span signature)
{
    if (signature.len != SR_NKEY_SIGNATURE_BYTES) {
        return SR_NKEY_ESIGNATURE;
    }
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, SR_NKEY_BYTES);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ready = key != NULL && md != NULL && EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1;
    bool good = ready &&
                EVP_DigestVerify(md, signature.data, signature.len, message.data, message.len) == 1;

    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    if (!ready) {
        return SR_NKEY_ECRYPTO;
    }
    return good ? SR_NKEY_OK : SR_NKEY_ESIGNATURE;
}

void
sr_nkeypair_done(struct sr_nkeypair *pair)
{
    OPENSSL_cleanse(pair, sizeof(*pair));
}
