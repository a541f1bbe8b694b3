/* SPDX-License-Identifier: Apache-2.0 */
#include "usm/key.h"

#include <pthread.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include "sr/banned.h"

#define PASSWORD_STREAM 1048576U /* bytes of the repeated password, RFC 3414 appendix A.2 */
#define REPEATED_ROOM 4096U
#define DES_LONGEST                                                                                \
    ((size_t)24 * 1024) /* some 0.3 ms, and as much for the response to an inform                  \
                         */
#define DES_KEY_LEN 8U
#define DES_WITH_IV_LEN 16U /* RFC 3414 section 8.1.1.1: the key, and the pre-IV */

const char *const usm_auth_names[] = { "none", "MD5", "SHA", "SHA-224", "SHA-256", "SHA-384",
    "SHA-512", NULL };
const char *const usm_priv_names[] = { "none", "DES", "AES-128", "AES-192", "AES-256", "AES-192-C",
    "AES-256-C", NULL };

static const char *const digest_names[USM_AUTH_COUNT] = {
    [USM_AUTH_MD5] = "MD5",
    [USM_AUTH_SHA] = "SHA1",
    [USM_AUTH_SHA224] = "SHA2-224",
    [USM_AUTH_SHA256] = "SHA2-256",
    [USM_AUTH_SHA384] = "SHA2-384",
    [USM_AUTH_SHA512] = "SHA2-512",
};

static const char *const cipher_names[USM_PRIV_COUNT] = {
    [USM_PRIV_AES128] = "AES-128-CFB",
    [USM_PRIV_AES192] = "AES-192-CFB",
    [USM_PRIV_AES256] = "AES-256-CFB",
    [USM_PRIV_AES192_CISCO] = "AES-192-CFB",
    [USM_PRIV_AES256_CISCO] = "AES-256-CFB",
};

/*
 * OpenSSL 3 has DES only in its legacy provider. It is loaded for a context of our own, so that the
 * rest of the process does not get old algorithms, and once: contexts of a cipher may be freed
 * after the users they were made for.
 */
static OSSL_LIB_CTX *legacy;

static void
load_legacy(void)
{
    legacy = EVP_default_properties_is_fips_enabled(NULL) ? NULL : OSSL_LIB_CTX_new();
    if (legacy != NULL && OSSL_PROVIDER_load(legacy, "legacy") == NULL) {
        OSSL_LIB_CTX_free(legacy);
        legacy = NULL;
    }
}

/* Without the provider Triple DES with one key three times, which is DES in three times the work.
 */
static void
load_des(struct usm_algorithms *algorithms)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, load_legacy);
    EVP_CIPHER *des = legacy != NULL ? EVP_CIPHER_fetch(legacy, "DES-CBC", NULL) : NULL;
    algorithms->des_longest = des != NULL ? DES_LONGEST : DES_LONGEST / 2;
    algorithms->ciphers[USM_PRIV_DES] =
        des != NULL ? des : EVP_CIPHER_fetch(NULL, "DES-EDE3-CBC", NULL);
}

bool
usm_algorithms_load(struct usm_algorithms *algorithms)
{
    *algorithms = (struct usm_algorithms){ .hmac = EVP_MAC_fetch(NULL, "HMAC", NULL) };
    for (int i = USM_AUTH_NONE + 1; i < USM_AUTH_COUNT; i++) {
        algorithms->digests[i] = EVP_MD_fetch(NULL, digest_names[i], NULL);
    }
    load_des(algorithms);
    for (int i = USM_PRIV_AES128; i < USM_PRIV_COUNT; i++) {
        algorithms->ciphers[i] = EVP_CIPHER_fetch(NULL, cipher_names[i], NULL);
    }
    return algorithms->hmac != NULL;
}

void
usm_algorithms_free(struct usm_algorithms *algorithms)
{
    for (int i = 0; i < USM_AUTH_COUNT; i++) {
        EVP_MD_free(algorithms->digests[i]);
    }
    for (int i = 0; i < USM_PRIV_COUNT; i++) {
        EVP_CIPHER_free(algorithms->ciphers[i]);
    }
    EVP_MAC_free(algorithms->hmac);
}

size_t
usm_mac_len(enum usm_auth auth)
{
    switch (auth) {
    case USM_AUTH_MD5: /* RFC 3414 section 6.3.1 */
    case USM_AUTH_SHA: return 12;
    case USM_AUTH_SHA224: /* RFC 7860 section 4.1 */ return 16;
    case USM_AUTH_SHA256: return 24;
    case USM_AUTH_SHA384: return 32;
    case USM_AUTH_SHA512: return 48;
    case USM_AUTH_NONE:
    case USM_AUTH_COUNT: break;
    }
    return 0;
}

/* Bytes of key that a cipher takes, those of the pre-IV among them. */
static size_t
cipher_key_len(enum usm_priv priv)
{
    switch (priv) {
    case USM_PRIV_DES:
    case USM_PRIV_AES128: return DES_WITH_IV_LEN;
    case USM_PRIV_AES192:
    case USM_PRIV_AES192_CISCO: return 24;
    case USM_PRIV_AES256:
    case USM_PRIV_AES256_CISCO: return 32;
    case USM_PRIV_NONE:
    case USM_PRIV_COUNT: break;
    }
    return 0;
}

/* The hash of some pieces, one after the other. */
static bool
digest(const EVP_MD *md, const struct sr_span *pieces, size_t count, struct usm_key *ret_key)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct usm_key key;
    unsigned len = 0;
    bool ok = context != NULL && md != NULL && EVP_DigestInit_ex2(context, md, NULL) == 1;

    for (size_t i = 0; ok && i < count; i++) {
        ok = EVP_DigestUpdate(context, pieces[i].data, pieces[i].len) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(context, key.bytes, &len) == 1;
    EVP_MD_CTX_free(context);
    if (ok) {
        key.len = len;
        *ret_key = key;
    }
    OPENSSL_cleanse(&key, sizeof(key));
    return ok;
}

/* A password as often as it goes into `room`, so that much is hashed at once. */
static struct sr_span
repeat(struct sr_span password, uint8_t room[REPEATED_ROOM])
{
    size_t len = 0;

    if (password.len == 0 || password.len > REPEATED_ROOM) {
        return password;
    }
    for (; password.len <= REPEATED_ROOM - len; len += password.len) {
        memcpy(room + len, password.data, password.len);
    }
    return (struct sr_span){ room, len };
}

bool
usm_key_from_password(const struct usm_algorithms *algorithms, enum usm_auth auth,
    struct sr_span password, struct usm_key *ret_key)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *md = algorithms->digests[auth];
    uint8_t many[REPEATED_ROOM];
    struct sr_span block = repeat(password, many);
    struct usm_key key;
    unsigned len = 0;
    bool ok = password.len > 0 && context != NULL && md != NULL &&
              EVP_DigestInit_ex2(context, md, NULL) == 1;

    for (size_t left = PASSWORD_STREAM; ok && left > 0;) {
        size_t used = block.len < left ? block.len : left;
        ok = EVP_DigestUpdate(context, block.data, used) == 1;
        left -= used;
    }
    ok = ok && EVP_DigestFinal_ex(context, key.bytes, &len) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_cleanse(many, sizeof(many));
    if (ok) {
        key.len = len;
        *ret_key = key;
    }
    OPENSSL_cleanse(&key, sizeof(key));
    return ok;
}

static struct sr_span
span_of_key(const struct usm_key *key)
{
    return (struct sr_span){ key->bytes, key->len };
}

bool
usm_key_localize(const struct usm_algorithms *algorithms, enum usm_auth auth,
    const struct usm_key *key, struct sr_span engine_id, struct usm_key *ret_key)
{
    const struct sr_span pieces[] = { span_of_key(key), engine_id, span_of_key(key) };

    return digest(algorithms->digests[auth], pieces, 3, ret_key);
}

/* draft-reeder section 2.1: the key so far is the password of what is appended. */
static bool
reeder_block(const struct usm_algorithms *algorithms, enum usm_auth auth, const struct usm_key *key,
    struct sr_span engine_id, struct usm_key *ret_block)
{
    struct usm_key block;
    bool ok = usm_key_from_password(algorithms, auth, span_of_key(key), &block) &&
              usm_key_localize(algorithms, auth, &block, engine_id, ret_block);

    OPENSSL_cleanse(&block, sizeof(block));
    return ok;
}

/* draft-blumenthal section 3.1.2.1: the hash of the key so far is appended. */
static bool
blumenthal_block(const struct usm_algorithms *algorithms, enum usm_auth auth,
    const struct usm_key *key, struct usm_key *ret_block)
{
    const struct sr_span piece = span_of_key(key);

    return digest(algorithms->digests[auth], &piece, 1, ret_block);
}

bool
usm_key_for_cipher(const struct usm_algorithms *algorithms, enum usm_auth auth, enum usm_priv priv,
    const struct usm_key *key, struct sr_span engine_id, struct usm_key *ret_key)
{
    bool is_cisco = priv == USM_PRIV_AES192_CISCO || priv == USM_PRIV_AES256_CISCO;
    size_t needed = cipher_key_len(priv);
    struct usm_key whole, block = { .len = 0 };
    bool ok = usm_key_localize(algorithms, auth, key, engine_id, &whole);

    /* Every hash is as long as half of the longest key or longer: one block is enough. */
    if (ok && whole.len < needed) {
        ok = is_cisco ? reeder_block(algorithms, auth, &whole, engine_id, &block)
                      : blumenthal_block(algorithms, auth, &whole, &block);
        if (ok) {
            memcpy(whole.bytes + whole.len, block.bytes, block.len);
            whole.len += block.len;
        }
    }
    if (ok) {
        *ret_key = whole;
    }
    OPENSSL_cleanse(&whole, sizeof(whole));
    OPENSSL_cleanse(&block, sizeof(block));
    return ok;
}

static EVP_CIPHER_CTX *
new_cipher(const struct usm_algorithms *algorithms, enum usm_priv priv, const struct usm_key *key,
    bool encrypts)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t bytes[USM_KEY_MAX];

    memcpy(bytes, key->bytes, sizeof(bytes));
    if (priv == USM_PRIV_DES) { /* three times, for Triple DES: DES takes the first one */
        memcpy(bytes + DES_KEY_LEN, key->bytes, DES_KEY_LEN);
        memcpy(bytes + 2 * (size_t)DES_KEY_LEN, key->bytes, DES_KEY_LEN);
    }
    bool ok =
        context != NULL && algorithms->ciphers[priv] != NULL &&
        EVP_CipherInit_ex2(context, algorithms->ciphers[priv], bytes, NULL, encrypts, NULL) == 1 &&
        EVP_CIPHER_CTX_set_padding(context, 0) == 1;
    OPENSSL_cleanse(bytes, sizeof(bytes));
    if (ok) {
        return context;
    }
    EVP_CIPHER_CTX_free(context);
    return NULL;
}

EVP_CIPHER_CTX *
usm_cipher_new(
    const struct usm_algorithms *algorithms, enum usm_priv priv, const struct usm_key *key)
{
    return new_cipher(algorithms, priv, key, false);
}

EVP_CIPHER_CTX *
usm_encryptor_new(
    const struct usm_algorithms *algorithms, enum usm_priv priv, const struct usm_key *key)
{
    return new_cipher(algorithms, priv, key, true);
}

static void
put_be32(uint8_t *out, uint32_t number)
{
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)(number >> (24 - 8 * i));
    }
}

void
usm_iv(enum usm_priv priv, const uint8_t *pre_iv, uint32_t boots, uint32_t time,
    const uint8_t *salt, uint8_t iv[USM_IV_LEN])
{
    if (priv == USM_PRIV_DES) {
        for (size_t i = 0; i < USM_SALT_LEN; i++) {
            iv[i] = salt[i] ^ pre_iv[i];
        }
        return;
    }
    put_be32(iv, boots);
    put_be32(iv + 4, time);
    memcpy(iv + 8, salt, USM_SALT_LEN);
}

EVP_MAC_CTX *
usm_mac_new(const struct usm_algorithms *algorithms, enum usm_auth auth)
{
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(algorithms->hmac);
    char name[32];
    const char *digest = EVP_MD_get0_name(algorithms->digests[auth]);
    size_t len = strnlen(digest, sizeof(name) - 1);

    memcpy(name, digest, len);
    name[len] = '\0';
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end() };
    if (mac != NULL && EVP_MAC_CTX_set_params(mac, params) != 1) {
        EVP_MAC_CTX_free(mac);
        return NULL;
    }
    return mac;
}
