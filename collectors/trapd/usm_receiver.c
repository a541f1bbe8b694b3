/* SPDX-License-Identifier: Apache-2.0 */
#include "usm.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>

#include "decode/v3.h"
#include "usm_table.h"
#include "usm_user.h"

#include "sr/banned.h"

#define IV_MAX 16U

/* A user's keys for one engine, within contexts that are ready to use. */
struct kept {
    EVP_MAC_CTX *mac;
    EVP_CIPHER_CTX *cipher; /* NULL until the first message that needs it */
    uint8_t pre_iv[USM_SALT_LEN];
};

struct usm_receiver {
    const struct usm_users *users;
    struct usm_times *times;
    struct usm_table *keys; /* by number of the user */
    struct kept *kept;      /* by slot of `keys` */
    uint64_t keys_evicted;

    /*
     * For a message whose keys are not kept: they are made, and tried in here. Only a MAC that is
     * right makes it one of `kept`, so that strangers find nothing to fill and nothing to free.
     */
    EVP_MAC_CTX *spare[USM_AUTH_COUNT];
};

/* How far a message came with a user, in the order of the steps of RFC 3414 section 3.2. */
enum outcome {
    UNKNOWN_USER,
    UNKNOWN_ENGINE,
    LEVEL,
    AUTH,
    TIME,
    TOO_LONG,
    DECRYPT,
    MALFORMED,
    OPENED
};

static const char *
reason_of(enum outcome outcome)
{
    switch (outcome) {
    case UNKNOWN_USER: return "v3_unknown_user";
    case UNKNOWN_ENGINE: return "v3_unknown_engine";
    case LEVEL: return "v3_level";
    case AUTH: return "v3_auth";
    case TIME: return "v3_time";
    case TOO_LONG: return "v3_too_long";
    case DECRYPT: return "v3_decrypt";
    case MALFORMED: return v3_reason(V3_MALFORMED);
    case OPENED: break;
    }
    return NULL;
}

static void
give_up(struct kept *kept)
{
    EVP_MAC_CTX_free(kept->mac);
    EVP_CIPHER_CTX_free(kept->cipher);
    *kept = (struct kept){ .mac = NULL };
}

static void
give_up_all(struct usm_receiver *r)
{
    for (uint32_t i = 0; i < usm_table_count(r->keys); i++) {
        give_up(&r->kept[i]);
    }
    usm_table_clear(r->keys);
}

struct usm_receiver *
usm_receiver_new(const struct usm_users *users, const struct usm_receiver_options *options)
{
    uint32_t keys = options->keys != 0 ? options->keys : USM_KEYS_DEFAULT;
    uint32_t engines = options->engines != 0 ? options->engines : USM_ENGINES_DEFAULT;
    struct usm_receiver *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        return NULL;
    }
    r->users = users;
    r->times = usm_times_new(options->time, engines);
    r->keys = usm_table_new(keys);
    r->kept = calloc(keys, sizeof(*r->kept));
    if (r->times == NULL || r->keys == NULL || r->kept == NULL) {
        usm_receiver_free(r);
        return NULL;
    }
    return r;
}

void
usm_receiver_free(struct usm_receiver *receiver)
{
    if (receiver == NULL) {
        return;
    }
    if (receiver->keys != NULL && receiver->kept != NULL) {
        give_up_all(receiver);
    }
    for (int i = 0; i < USM_AUTH_COUNT; i++) {
        EVP_MAC_CTX_free(receiver->spare[i]);
    }
    usm_table_free(receiver->keys);
    usm_times_free(receiver->times);
    free(receiver->kept);
    free(receiver);
}

void
usm_receiver_set_users(struct usm_receiver *receiver, const struct usm_users *users)
{
    give_up_all(receiver);
    receiver->users = users;
}

struct usm_receiver_counts
usm_receiver_counts(const struct usm_receiver *receiver)
{
    return (struct usm_receiver_counts){ .keys = usm_table_count(receiver->keys),
        .keys_evicted = receiver->keys_evicted,
        .times = usm_times_counts(receiver->times) };
}

/* Checks with a context that has its key: RFC 3414 section 6.3.2, the MAC's own place as zeros. */
static bool
finish_mac(EVP_MAC_CTX *mac, enum usm_auth auth, const struct v3_message *v3)
{
    static const uint8_t zeros[USM_KEY_MAX];
    uint8_t made[EVP_MAX_MD_SIZE];
    size_t made_len = 0, len = usm_mac_len(auth);
    size_t before = (size_t)(v3->mac.data - v3->whole.data);
    const uint8_t *after = v3->mac.data + len;

    return EVP_MAC_update(mac, v3->whole.data, before) == 1 &&
           EVP_MAC_update(mac, zeros, len) == 1 &&
           EVP_MAC_update(mac, after, v3->whole.len - before - len) == 1 &&
           EVP_MAC_final(mac, made, &made_len, sizeof(made)) == 1 && made_len >= len &&
           CRYPTO_memcmp(made, v3->mac.data, len) == 0;
}

static EVP_MAC_CTX *
new_mac(const struct usm_algorithms *algorithms, enum usm_auth auth)
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

/* Makes the user's key for the engine and tries it; a key that is right is kept. */
static struct kept *
try_new_key(struct usm_receiver *r, const struct usm_user *user, uint32_t owner,
    const struct v3_message *v3)
{
    const struct usm_algorithms *algorithms = &r->users->algorithms;
    struct usm_key key;
    bool is_evicted;

    if (r->spare[user->auth] == NULL) {
        r->spare[user->auth] = new_mac(algorithms, user->auth);
    }
    EVP_MAC_CTX *mac = r->spare[user->auth];
    if (mac == NULL ||
        !usm_key_localize(algorithms, user->auth, &user->auth_key, v3->engine_id, &key)) {
        return NULL;
    }
    bool ok = EVP_MAC_init(mac, key.bytes, key.len, NULL) == 1 && finish_mac(mac, user->auth, v3);
    OPENSSL_cleanse(&key, sizeof(key));
    if (!ok) {
        return NULL;
    }
    struct kept *kept = &r->kept[usm_table_add(r->keys, owner, v3->engine_id, &is_evicted)];
    r->keys_evicted += is_evicted;
    give_up(kept);
    kept->mac = mac;
    r->spare[user->auth] = NULL;
    return kept;
}

/* The user's keys when the MAC is right, which takes those that are kept where it can. */
static struct kept *
authenticate(struct usm_receiver *r, const struct usm_user *user, const struct v3_message *v3,
    enum outcome *ret_outcome)
{
    uint32_t owner = (uint32_t)(user - r->users->items);
    uint32_t slot = usm_table_find(r->keys, owner, v3->engine_id);
    struct kept *kept;

    if (slot == USM_TABLE_NONE && !usm_user_is_of(user, v3->engine_id)) {
        *ret_outcome = UNKNOWN_ENGINE;
        return NULL;
    }
    if (v3->mac.len != usm_mac_len(user->auth)) {
        kept = NULL; /* RFC 3414 section 6.3.2 step 1 */
    } else if (slot == USM_TABLE_NONE) {
        kept = try_new_key(r, user, owner, v3);
    } else {
        kept = &r->kept[slot];
        if (EVP_MAC_init(kept->mac, NULL, 0, NULL) != 1 || !finish_mac(kept->mac, user->auth, v3)) {
            kept = NULL;
        }
    }
    *ret_outcome = AUTH;
    return kept;
}

static bool
make_cipher(struct usm_receiver *r, const struct usm_user *user, struct sr_span engine_id,
    struct kept *kept)
{
    const struct usm_algorithms *algorithms = &r->users->algorithms;
    struct usm_key key;

    if (!usm_key_for_cipher(algorithms, user->auth, user->priv, &user->priv_key, engine_id, &key)) {
        return false;
    }
    memcpy(kept->pre_iv, key.bytes + USM_SALT_LEN, sizeof(kept->pre_iv));
    kept->cipher = usm_cipher_new(algorithms, user->priv, &key);
    OPENSSL_cleanse(&key, sizeof(key));
    return kept->cipher != NULL;
}

static void
put_be32(uint8_t *out, uint32_t number)
{
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)(number >> (24 - 8 * i));
    }
}

/* RFC 3414 section 8.1.1.1 for DES, RFC 3826 section 3.1.2.1 for AES. */
static void
make_iv(const struct kept *kept, enum usm_priv priv, const struct v3_message *v3, uint8_t *iv)
{
    if (priv == USM_PRIV_DES) {
        for (size_t i = 0; i < USM_SALT_LEN; i++) {
            iv[i] = v3->salt.data[i] ^ kept->pre_iv[i];
        }
        return;
    }
    put_be32(iv, v3->boots);
    put_be32(iv + 4, v3->time);
    memcpy(iv + 8, v3->salt.data, USM_SALT_LEN);
}

static bool
decrypt(struct usm_receiver *r, const struct usm_user *user, struct kept *kept,
    const struct v3_message *v3, uint8_t *room)
{
    uint8_t iv[IV_MAX];
    int len = 0;

    if (v3->salt.len != USM_SALT_LEN || v3->scoped.len == 0 || v3->scoped.len > INT_MAX) {
        return false;
    }
    if (kept->cipher == NULL && !make_cipher(r, user, v3->engine_id, kept)) {
        return false;
    }
    make_iv(kept, user->priv, v3, iv);
    /* What is left of a block of DES is not written: RFC 3414 section 8.3.2 step 2. */
    return EVP_DecryptInit_ex2(kept->cipher, NULL, NULL, iv, NULL) == 1 &&
           EVP_DecryptUpdate(kept->cipher, room, &len, v3->scoped.data, (int)v3->scoped.len) == 1 &&
           (size_t)len == v3->scoped.len;
}

/* Checks the MAC and the time, and decrypts: `*ret_scoped` is the scoped PDU in clear. */
static enum outcome
open_scoped(struct usm_receiver *r, const struct usm_user *user, const struct v3_message *v3,
    uint64_t now_ns, uint8_t *room, struct sr_span *ret_scoped)
{
    enum outcome outcome;
    struct kept *kept = authenticate(r, user, v3, &outcome);

    if (kept == NULL) {
        return outcome;
    }
    if (!usm_times_check(r->times, v3->engine_id, v3->boots, v3->time, now_ns)) {
        return TIME;
    }
    *ret_scoped = v3->scoped;
    if (v3->level == TRAP_PRIV) {
        if (user->priv == USM_PRIV_DES && v3->scoped.len > r->users->algorithms.des_longest) {
            return TOO_LONG;
        }
        if (!decrypt(r, user, kept, v3, room)) {
            return DECRYPT;
        }
        ret_scoped->data = room;
    }
    return OPENED;
}

/* Everything but the PDU, with one of those who may have sent the message. */
static enum outcome
try_user(struct usm_receiver *r, const struct usm_user *user, const struct v3_message *v3,
    uint64_t now_ns, uint8_t *room, struct trap_message *message, struct sr_span *ret_pdu)
{
    struct sr_span scoped = v3->scoped;
    enum outcome outcome = OPENED;

    if (v3->level > user->most || v3->level < user->least) {
        return usm_user_is_of(user, v3->engine_id) ? LEVEL : UNKNOWN_ENGINE;
    }
    if (v3->level != TRAP_NO_AUTH) {
        outcome = open_scoped(r, user, v3, now_ns, room, &scoped);
    } else if (!usm_user_is_of(user, v3->engine_id)) {
        outcome = UNKNOWN_ENGINE;
    }
    if (outcome != OPENED) {
        return outcome;
    }
    if (!v3_scoped_read(scoped, &message->context_engine_id, &message->context_name, ret_pdu)) {
        return v3->level == TRAP_PRIV ? DECRYPT : MALFORMED; /* what a wrong key makes is noise */
    }
    return OPENED;
}

static const char *
open_message(void *arg, uint64_t now_ns, struct sr_span bytes, uint8_t *room,
    struct trap_message *ret_message)
{
    struct usm_receiver *r = arg;
    struct v3_message v3;
    struct sr_span pdu;
    enum outcome best = UNKNOWN_USER;
    size_t count;

    *ret_message = (struct trap_message){ .version = TRAP_V3 };
    enum v3_err err = v3_read(bytes, &v3);
    if (err != V3_OK) {
        return v3_reason(err);
    }
    ret_message->level = v3.level;
    ret_message->engine_id = v3.engine_id;
    ret_message->user = v3.user;
    if (v3.engine_id.len == 0) {
        return reason_of(UNKNOWN_ENGINE); /* who asks for ours: RFC 3414 section 4 */
    }
    const struct usm_user *users = usm_users_find(r->users, v3.user, &count);
    for (size_t i = 0; i < count && best != OPENED; i++) {
        enum outcome outcome = try_user(r, &users[i], &v3, now_ns, room, ret_message, &pdu);
        best = outcome > best ? outcome : best;
    }
    if (best != OPENED) {
        return reason_of(best);
    }
    enum trap_err pdu_err = trap_pdu_read(pdu, ret_message);
    return pdu_err == TRAP_OK ? NULL : trap_reason(pdu_err);
}

struct trap_opener
usm_receiver_opener(struct usm_receiver *receiver)
{
    return (struct trap_opener){ .arg = receiver, .open = open_message };
}
