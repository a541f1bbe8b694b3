/* SPDX-License-Identifier: Apache-2.0 */
#include "usm/usm.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "decode/v3.h"
#include "usm/sender.h"
#include "usm/table.h"
#include "usm/user.h"

#include "sr/banned.h"

/* A user's keys for one engine, within contexts that are ready to use. */
struct kept {
    EVP_MAC_CTX *mac;
    EVP_CIPHER_CTX *cipher;    /* NULL until the first message that needs it */
    EVP_CIPHER_CTX *encryptor; /* the same; of our engine only, for nobody else is answered */
    uint8_t pre_iv[USM_SALT_LEN];
};

enum answer { ANSWER_NOTHING, ANSWER_REPORT, ANSWER_RESPONSE };

/* The message that was opened last, for its answer. Its bytes are the caller's. */
struct last {
    enum answer answer;
    struct v3_message v3;
    const struct usm_user *user; /* whose MAC was right; NULL: nobody's */
    const struct kept *kept;
    struct usm_report report;
};

struct usm_receiver {
    const struct usm_users *users;
    struct usm_engine *engine;   /* ours; NULL: none, and nobody is answered */
    struct usm_times *times;     /* of engines */
    struct usm_times *own_times; /* the same where they are not shared, else NULL */
    enum usm_time_policy policy; /* of messages for our engine */
    struct last last;
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
    EVP_CIPHER_CTX_free(kept->encryptor);
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
    r->engine = options->engine;
    r->policy = options->time;
    r->own_times = options->times == NULL ? usm_times_new(options->time, engines) : NULL;
    r->times = options->times == NULL ? r->own_times : options->times;
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
    usm_times_free(receiver->own_times);
    free(receiver->kept);
    free(receiver);
}

void
usm_receiver_set_users(struct usm_receiver *receiver, const struct usm_users *users)
{
    give_up_all(receiver);
    receiver->last = (struct last){ .answer = ANSWER_NOTHING };
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

/* Makes the user's key for the engine and tries it; a key that is right is kept. */
static struct kept *
try_new_key(struct usm_receiver *r, const struct usm_user *user, uint32_t owner,
    const struct v3_message *v3)
{
    const struct usm_algorithms *algorithms = &r->users->algorithms;
    struct usm_key key;
    bool is_evicted;

    if (r->spare[user->auth] == NULL) {
        r->spare[user->auth] = usm_mac_new(algorithms, user->auth);
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

/* Whether the user may send messages that name this engine: informs name ours. */
static bool
is_of(const struct usm_receiver *r, const struct usm_user *user, struct sr_span engine_id)
{
    return usm_engine_is(r->engine, engine_id) || usm_user_is_of(user, engine_id);
}

/* The user's keys when the MAC is right, which takes those that are kept where it can. */
static struct kept *
authenticate(struct usm_receiver *r, const struct usm_user *user, const struct v3_message *v3,
    enum outcome *ret_outcome)
{
    uint32_t owner = (uint32_t)(user - r->users->items);
    uint32_t slot = usm_table_find(r->keys, owner, v3->engine_id);
    struct kept *kept;

    if (slot == USM_TABLE_NONE && !is_of(r, user, v3->engine_id)) {
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
    if (usm_engine_is(r->engine, engine_id)) {
        kept->encryptor = usm_encryptor_new(algorithms, user->priv, &key);
    }
    OPENSSL_cleanse(&key, sizeof(key));
    return kept->cipher != NULL;
}

static bool
decrypt(struct usm_receiver *r, const struct usm_user *user, struct kept *kept,
    const struct v3_message *v3, uint8_t *room)
{
    uint8_t iv[USM_IV_LEN];
    int len = 0;

    if (v3->salt.len != USM_SALT_LEN || v3->scoped.len == 0 || v3->scoped.len > INT_MAX) {
        return false;
    }
    if (kept->cipher == NULL && !make_cipher(r, user, v3->engine_id, kept)) {
        return false;
    }
    usm_iv(user->priv, kept->pre_iv, v3->boots, v3->time, v3->salt.data, iv);
    /* What is left of a block of DES is not written: RFC 3414 section 8.3.2 step 2. */
    return EVP_DecryptInit_ex2(kept->cipher, NULL, NULL, iv, NULL) == 1 &&
           EVP_DecryptUpdate(kept->cipher, room, &len, v3->scoped.data, (int)v3->scoped.len) == 1 &&
           (size_t)len == v3->scoped.len;
}

/* RFC 3414 section 3.2 step 7: our own clock counts where we are the authority. */
static bool
is_in_time(struct usm_receiver *r, const struct v3_message *v3, uint64_t now_ns)
{
    if (usm_engine_is(r->engine, v3->engine_id)) {
        return r->policy == USM_TIME_OFF || usm_engine_is_in_time(r->engine, v3->boots, v3->time);
    }
    return usm_times_check(r->times, v3->engine_id, v3->boots, v3->time, now_ns);
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
    r->last.user = user;
    r->last.kept = kept;
    if (!is_in_time(r, v3, now_ns)) {
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
        return is_of(r, user, v3->engine_id) ? LEVEL : UNKNOWN_ENGINE;
    }
    if (v3->level != TRAP_NO_AUTH) {
        outcome = open_scoped(r, user, v3, now_ns, room, &scoped);
    } else if (!is_of(r, user, v3->engine_id)) {
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

/* ---- Answers ---- */

/* Whether who sends such a PDU waits for an answer: RFC 3411 section 2.8. */
static bool
is_confirmed(enum trap_pdu type)
{
    return type == TRAP_PDU_GET || type == TRAP_PDU_GET_NEXT || type == TRAP_PDU_SET ||
           type == TRAP_PDU_GET_BULK || type == TRAP_PDU_INFORM;
}

/*
 * Whether a report may be sent for a message that is refused. The flag that asks for one counts
 * where the PDU cannot be read: RFC 3412 section 6.4.
 */
static bool
is_reportable(const struct v3_message *v3, int64_t *ret_request_id)
{
    enum trap_pdu type;

    *ret_request_id = 0;
    return v3->is_reportable && (!v3_peek(v3, &type, ret_request_id) || is_confirmed(type));
}

/* A request that tells nothing: its sender looks for an engine that is ours. */
static bool
is_probe(const struct v3_message *v3)
{
    enum trap_pdu type;
    int64_t request_id;

    return v3->engine_id.len == 0 ||
           (v3->level == TRAP_NO_AUTH && v3_peek(v3, &type, &request_id) &&
               type != TRAP_PDU_INFORM);
}

/* What is counted of an outcome; 0: nothing is. */
static enum usm_stat
stat_of(enum outcome outcome)
{
    switch (outcome) {
    case UNKNOWN_USER: return USM_STAT_USER;
    case UNKNOWN_ENGINE: return USM_STAT_ENGINE;
    case LEVEL: return USM_STAT_LEVEL;
    case AUTH: return USM_STAT_DIGEST;
    case TIME: return USM_STAT_TIME;
    case DECRYPT: return USM_STAT_DECRYPTION;
    case TOO_LONG:
    case MALFORMED:
    case OPENED: break;
    }
    return (enum usm_stat)0;
}

/* Counts, and has a report ready where one is to be sent: RFC 3414 section 3.2. */
static void
count_refusal(struct usm_receiver *r, enum usm_stat stat, bool reports, int64_t request_id)
{
    if (r->engine == NULL || stat == 0) {
        return;
    }
    r->last.report = (struct usm_report){ .stat = stat,
        .count = usm_engine_count(r->engine, stat),
        .level = stat == USM_STAT_TIME ? TRAP_AUTH : TRAP_NO_AUTH,
        .request_id = request_id };
    r->last.answer = reports ? ANSWER_REPORT : ANSWER_NOTHING;
}

/*
 * Why a message is refused. A request that names another engine than ours is no business of ours,
 * whatever else is wrong with it (step 3): its sender learns which engine we are.
 */
static const char *
refuse(struct usm_receiver *r, enum outcome outcome, struct trap_message *message)
{
    const struct v3_message *v3 = &r->last.v3;
    int64_t request_id;
    bool reports = is_reportable(v3, &request_id);

    if (!usm_engine_is(r->engine, v3->engine_id)) {
        count_refusal(r, reports ? USM_STAT_ENGINE : stat_of(outcome), reports, request_id);
        message->is_exchange = reports && is_probe(v3);
        return message->is_exchange ? "discovery" : reason_of(outcome);
    }
    count_refusal(r, stat_of(outcome), reports, request_id);
    message->is_exchange = reports && outcome == TIME;
    return message->is_exchange ? "resynchronised" : reason_of(outcome);
}

/*
 * An inform is answered by the engine that it names. One that names another, as its sender's own,
 * is news all the same; its sender learns which engine would answer.
 */
static void
prepare_answer(struct usm_receiver *r, const struct trap_message *message)
{
    const struct v3_message *v3 = &r->last.v3;

    if (message->pdu != TRAP_PDU_INFORM) {
        return;
    }
    if (usm_engine_is(r->engine, v3->engine_id)) {
        r->last.answer = ANSWER_RESPONSE;
    } else {
        count_refusal(r, USM_STAT_ENGINE, v3->is_reportable, message->request_id);
    }
}

static size_t
write_answer(void *arg, const struct trap_message *message, uint8_t *room, size_t max)
{
    struct usm_receiver *r = arg;
    const struct last *last = &r->last;
    struct usm_protection protection = { .auth = USM_AUTH_NONE };

    if (last->kept != NULL) {
        protection = (struct usm_protection){ .auth = last->user->auth,
            .priv = last->user->priv,
            .mac = last->kept->mac,
            .encryptor = last->kept->encryptor,
            .pre_iv = last->kept->pre_iv };
    }
    switch (last->answer) {
    case ANSWER_REPORT:
        return usm_send_report(r->engine, &protection, &last->v3, &last->report, room, max);
    case ANSWER_RESPONSE:
        return usm_send_response(r->engine, &protection, &last->v3, message, room, max);
    case ANSWER_NOTHING: break;
    }
    return 0;
}

/* ---- Opening ---- */

/* Tries those who may have sent the message; returns how far the one came that came farthest. */
static enum outcome
try_users(struct usm_receiver *r, uint64_t now_ns, uint8_t *room, struct trap_message *message,
    struct sr_span *ret_pdu)
{
    const struct v3_message *v3 = &r->last.v3;
    enum outcome best = UNKNOWN_USER, outcome = UNKNOWN_USER;
    size_t count;

    if (v3->engine_id.len == 0) {
        return UNKNOWN_ENGINE; /* who asks for ours: RFC 3414 section 4 */
    }
    const struct usm_user *users = usm_users_find(r->users, v3->user, &count);
    /* The time is the engine's: it is the same for whoever else has this key. */
    for (size_t i = 0; i < count && outcome != OPENED && outcome != TIME; i++) {
        outcome = try_user(r, &users[i], v3, now_ns, room, message, ret_pdu);
        best = outcome > best ? outcome : best;
    }
    return best;
}

static const char *
open_message(void *arg, uint64_t now_ns, struct sr_span bytes, uint8_t *room,
    struct trap_message *ret_message)
{
    struct usm_receiver *r = arg;
    struct v3_message *v3 = &r->last.v3;
    struct sr_span pdu;

    *ret_message = (struct trap_message){ .version = TRAP_V3 };
    r->last = (struct last){ .answer = ANSWER_NOTHING };
    enum v3_err err = v3_read(bytes, v3);
    if (err != V3_OK) {
        return v3_reason(err);
    }
    ret_message->level = v3->level;
    ret_message->engine_id = v3->engine_id;
    ret_message->user = v3->user;
    enum outcome outcome = try_users(r, now_ns, room, ret_message, &pdu);
    if (outcome != OPENED) {
        return refuse(r, outcome, ret_message);
    }
    enum trap_err pdu_err = trap_pdu_read(pdu, ret_message);
    if (pdu_err != TRAP_OK) {
        return trap_reason(pdu_err);
    }
    prepare_answer(r, ret_message);
    return NULL;
}

struct trap_opener
usm_receiver_opener(struct usm_receiver *receiver)
{
    return (struct trap_opener){ .arg = receiver, .open = open_message, .answer = write_answer };
}
