/* SPDX-License-Identifier: Apache-2.0 */
#include "v3_talk.h"

#include "unit.h"

#include <stdlib.h>

#include "decode/v3_write.h"

#include "sr/banned.h"

/* ---- Our engine ---- */

uint32_t v3_talk_seconds;

static uint32_t
seconds(void *arg)
{
    (void)arg;
    return v3_talk_seconds;
}

void
v3_talk_engine(struct usm_engine *engine, const char *id, uint32_t boots)
{
    memset(engine, 0, sizeof(*engine));
    engine->id_len = strlen(id) / 2;
    for (size_t i = 0; i < engine->id_len; i++) {
        const char pair[] = { id[2 * i], id[2 * i + 1], '\0' };
        engine->id[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    engine->boots = boots;
    engine->time = seconds;
    engine->salt = UINT64_MAX - 1;
    v3_talk_seconds = 1000;
}

struct usm_receiver *
v3_talk_receiver(const struct usm_users *users, struct usm_engine *engine)
{
    const struct usm_receiver_options options = { .time = USM_TIME_STRICT, .engine = engine };
    struct usm_receiver *receiver = usm_receiver_new(users, &options);

    assert_non_null(receiver);
    return receiver;
}

struct v3_exchange
v3_talk(struct usm_receiver *receiver, const struct v3_sent *message)
{
    const struct trap_opener opener = usm_receiver_opener(receiver);
    struct v3_exchange e = { .bytes = malloc(message->len), .plain = malloc(message->len) };

    assert_non_null(e.bytes);
    assert_non_null(e.plain);
    memcpy(e.bytes, message->bytes, message->len);
    const char *why = opener.open(
        opener.arg, V3_DESK_NOW, (struct sr_span){ e.bytes, message->len }, e.plain, &e.opened);
    e.reason = why != NULL ? why : "opened";
    e.answer.len = opener.answer(opener.arg, &e.opened, e.answer.bytes, sizeof(e.answer.bytes));
    return e;
}

void
v3_talk_end(struct v3_exchange *e)
{
    free(e->bytes);
    free(e->plain);
}

/* ---- Messages of others ---- */

const struct v3_sender v3_talk_no_auth = { "u_noauthnopriv", USM_AUTH_NONE, USM_PRIV_NONE, NULL,
    NULL };
const struct v3_sender v3_talk_sha = { "u_sha_nopriv", USM_AUTH_SHA, USM_PRIV_NONE,
    V3_AUTH_PASSWORD, NULL };
const struct v3_sender v3_talk_sha_aes = { "u_sha_aes", USM_AUTH_SHA, USM_PRIV_AES128,
    V3_AUTH_PASSWORD, V3_PRIV_PASSWORD };
const struct v3_sender v3_talk_sha_des = { "u_sha_des", USM_AUTH_SHA, USM_PRIV_DES,
    V3_AUTH_PASSWORD, V3_PRIV_PASSWORD };

const struct v3_shape v3_talk_inform = { .sender = &v3_talk_sha_aes,
    .level = TRAP_PRIV,
    .pdu = TRAP_PDU_INFORM,
    .engine = V3_OUR_ID,
    .boots = 5,
    .time = 1000 };

static void
encrypt(const struct v3_shape *shape, const struct v3_envelope *e, struct v3_draft *draft)
{
    const char *password =
        shape->priv_password != NULL ? shape->priv_password : shape->sender->priv_password;
    const enum usm_priv priv = shape->sender->priv;
    struct usm_algorithms algorithms;
    struct usm_key key;
    uint8_t iv[USM_IV_LEN];
    int len;

    assert_true(usm_algorithms_load(&algorithms));
    assert_true(usm_key_from_password(&algorithms, shape->sender->auth, span_of(password), &key));
    assert_true(
        usm_key_for_cipher(&algorithms, shape->sender->auth, priv, &key, e->engine_id, &key));
    EVP_CIPHER_CTX *cipher = usm_encryptor_new(&algorithms, priv, &key);
    assert_non_null(cipher);
    if (priv == USM_PRIV_DES) {
        v3_draft_pad(draft);
    }
    struct sr_span scoped = v3_draft_span(draft);
    usm_iv(priv, key.bytes + USM_SALT_LEN, e->boots, e->time, e->salt.data, iv);
    assert_int_equal(EVP_EncryptInit_ex2(cipher, NULL, NULL, iv, NULL), 1);
    assert_int_equal(
        EVP_EncryptUpdate(cipher, draft->room + draft->start, &len, scoped.data, (int)scoped.len),
        1);
    EVP_CIPHER_CTX_free(cipher);
    usm_algorithms_free(&algorithms);
}

struct v3_sent
v3_talk_message(const struct v3_shape *shape)
{
    static const uint8_t name[] = { 0x2b, 6, 1, 2, 1, 1, 3, 0 };
    struct usm_engine named;
    struct v3_sent message;
    struct v3_draft draft = v3_draft_over(message.bytes, sizeof(message.bytes));
    uint8_t *mac;

    uint32_t now = v3_talk_seconds;
    v3_talk_engine(&named, shape->engine, 1);
    v3_talk_seconds = now;
    const struct v3_envelope e = { .id = 4711,
        .max_size = shape->max_size != 0 ? shape->max_size : 65507,
        .level = shape->level,
        .is_reportable = !shape->is_quiet,
        .engine_id = usm_engine_id(&named),
        .boots = shape->boots,
        .time = shape->time,
        .user = span_of(shape->sender->name),
        .mac_len = shape->level != TRAP_NO_AUTH ? usm_mac_len(shape->sender->auth) : 0,
        .salt = shape->level == TRAP_PRIV ? span_of("saltsalt") : (struct sr_span){ NULL, 0 } };
    v3_draft_counter(&draft, (struct sr_span){ name, sizeof(name) }, 123456);
    v3_draft_pdu(&draft, shape->pdu, 77, 0);
    v3_draft_scoped(&draft, span_of("context engine"), span_of("context"));
    if (shape->level == TRAP_PRIV) {
        encrypt(shape, &e, &draft);
    }
    message.len = v3_draft_finish(&draft, &e, &mac);
    assert_in_range(message.len, 1, sizeof(message.bytes));
    if (shape->level != TRAP_NO_AUTH) {
        v3_desk_sign(&message, shape->sender->auth,
            shape->auth_password != NULL ? shape->auth_password : shape->sender->auth_password);
    }
    return message;
}
