/* SPDX-License-Identifier: Apache-2.0 */
#include "v3_desk.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "sr/banned.h"

#define CASES SR_SOURCE_DIR "/tests/golden/snmp/cases.jsonl"
#define LINE_ROOM (1 << 20)

/* Who sent the messages. */
static const struct v3_sender senders[] = {
    { "u_noauthnopriv", USM_AUTH_NONE, USM_PRIV_NONE, NULL, NULL },
    { "u_md5_nopriv", USM_AUTH_MD5, USM_PRIV_NONE, "authpass12345", NULL },
    { "u_sha_nopriv", USM_AUTH_SHA, USM_PRIV_NONE, "authpass12345", NULL },
    { "u_sha224_nopriv", USM_AUTH_SHA224, USM_PRIV_NONE, "authpass12345", NULL },
    { "u_sha256_nopriv", USM_AUTH_SHA256, USM_PRIV_NONE, "authpass12345", NULL },
    { "u_sha384_nopriv", USM_AUTH_SHA384, USM_PRIV_NONE, "authpass12345", NULL },
    { "u_sha512_nopriv", USM_AUTH_SHA512, USM_PRIV_NONE, "authpass12345", NULL },
    { "u_md5_des", USM_AUTH_MD5, USM_PRIV_DES, "authpass12345", "privpass12345" },
    { "u_sha_des", USM_AUTH_SHA, USM_PRIV_DES, "authpass12345", "privpass12345" },
    { "u_sha_aes", USM_AUTH_SHA, USM_PRIV_AES128, "authpass12345", "privpass12345" },
    { "u_sha_aes192", USM_AUTH_SHA, USM_PRIV_AES192, "authpass12345", "privpass12345" },
    { "u_sha_aes192c", USM_AUTH_SHA, USM_PRIV_AES192_CISCO, "authpass12345", "privpass12345" },
    { "u_sha_aes256", USM_AUTH_SHA, USM_PRIV_AES256, "authpass12345", "privpass12345" },
    { "u_sha_aes256c", USM_AUTH_SHA, USM_PRIV_AES256_CISCO, "authpass12345", "privpass12345" },
    { "u_sha224_aes", USM_AUTH_SHA224, USM_PRIV_AES128, "authpass12345", "privpass12345" },
    { "u_sha256_aes", USM_AUTH_SHA256, USM_PRIV_AES128, "authpass12345", "privpass12345" },
    { "u_sha256_aes192", USM_AUTH_SHA256, USM_PRIV_AES192, "authpass12345", "privpass12345" },
    { "u_sha256_aes256", USM_AUTH_SHA256, USM_PRIV_AES256, "authpass12345", "privpass12345" },
    { "u_sha256_aes256c", USM_AUTH_SHA256, USM_PRIV_AES256_CISCO, "authpass12345",
        "privpass12345" },
    { "u_sha384_aes256", USM_AUTH_SHA384, USM_PRIV_AES256, "authpass12345", "privpass12345" },
    { "u_sha512_aes", USM_AUTH_SHA512, USM_PRIV_AES128, "authpass12345", "privpass12345" },
    { "u_sha512_aes256", USM_AUTH_SHA512, USM_PRIV_AES256, "authpass12345", "privpass12345" },
    { "u_sha512_aes256c", USM_AUTH_SHA512, USM_PRIV_AES256_CISCO, "authpass12345",
        "privpass12345" },
    { "lextm", USM_AUTH_MD5, USM_PRIV_DES, "authentication", "privacyphrase" },
    { "myuser", USM_AUTH_MD5, USM_PRIV_NONE, "mypassword", NULL },
};

struct v3_desk v3_desk;

/* ---- Reading them ---- */

struct v3_sent
v3_desk_message(const json_t *item)
{
    const char *hex = json_string_value(json_object_get(item, "hex"));
    struct v3_sent message = { .len = strlen(hex) / 2 };

    assert_in_range(message.len, 1, sizeof(message.bytes));
    for (size_t i = 0; i < message.len; i++) {
        const char pair[] = { hex[2 * i], hex[2 * i + 1], '\0' };
        char *end;
        message.bytes[i] = (uint8_t)strtoul(pair, &end, 16);
        assert_ptr_equal(end, pair + 2);
    }
    return message;
}

static bool
is_v3(const json_t *item)
{
    const char *hex = json_string_value(json_object_get(item, "hex"));
    size_t len = strlen(hex);

    for (size_t at = 4; at <= 8 && at + 6 <= len; at += 2) { /* behind a length of 1 to 3 bytes */
        if (strncmp(hex + at, "020103", 6) == 0) {
            return len <= 2 * (size_t)V3_MESSAGE_ROOM;
        }
    }
    return false;
}

struct v3_sent
v3_desk_named(const char *name)
{
    const json_t *item = json_object_get(v3_desk.cases, name);

    assert_non_null(item);
    return v3_desk_message(item);
}

enum usm_err
v3_desk_add(struct usm_users *users, const struct v3_sender *sender, enum usm_minimum minimum)
{
    const struct usm_user_options options = { .name = sender->name,
        .auth = sender->auth,
        .priv = sender->priv,
        .auth_password = sender->auth_password,
        .priv_password = sender->priv_password,
        .minimum = minimum };

    return usm_users_add(users, &options);
}

static void
load_cases(void)
{
    FILE *file = fopen(CASES, "r");
    char *line = malloc(LINE_ROOM);

    assert_non_null(file);
    assert_non_null(line);
    v3_desk.cases = json_object();
    while (fgets(line, LINE_ROOM, file) != NULL) {
        json_t *item = json_loads(line, 0, NULL);
        assert_non_null(item);
        if (is_v3(item)) {
            const char *name = json_string_value(json_object_get(item, "name"));
            assert_int_equal(json_object_set(v3_desk.cases, name, item), 0);
        }
        json_decref(item);
    }
    free(line);
    (void)fclose(file);
}

int
v3_desk_begin(void **state)
{
    (void)state;
    load_cases();
    v3_desk.noauth = v3_desk_named("v3_noAuthNoPriv");
    v3_desk.sha = v3_desk_named("v3_SHA_noPriv");
    v3_desk.sha_aes192 = v3_desk_named("v3_SHA_AES-192");
    v3_desk.md5_des = v3_desk_named("v3_MD5_DES");
    v3_desk.everybody = usm_users_new();
    assert_non_null(v3_desk.everybody);
    for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
        assert_int_equal(
            v3_desk_add(v3_desk.everybody, &senders[i], USM_MINIMUM_STRONGEST), USM_OK);
    }
    return 0;
}

int
v3_desk_end(void **state)
{
    (void)state;
    usm_users_free(v3_desk.everybody);
    json_decref(v3_desk.cases);
    return 0;
}

/* ---- Opening them ---- */

struct usm_receiver *
v3_desk_receiver(const struct usm_users *users, enum usm_time_policy time, uint32_t keys)
{
    const struct usm_receiver_options options = { .time = time, .keys = keys };
    struct usm_receiver *receiver = usm_receiver_new(users, &options);

    assert_non_null(receiver);
    return receiver;
}

/* From memory that has no byte more than the message, and into such memory. */
const char *
v3_desk_open_at(struct usm_receiver *receiver, uint64_t when, const struct v3_sent *message)
{
    const struct trap_opener opener = usm_receiver_opener(receiver);
    uint8_t *exact = malloc(message->len > 0 ? message->len : 1);
    uint8_t *room = malloc(message->len > 0 ? message->len : 1);
    struct trap_message opened;

    assert_non_null(exact);
    assert_non_null(room);
    memcpy(exact, message->bytes, message->len);
    const char *why =
        opener.open(opener.arg, when, (struct sr_span){ exact, message->len }, room, &opened);
    free(exact);
    free(room);
    /* cppcheck-suppress returnDanglingLifetime; a static word, by the contract of the opener */
    return why;
}

void
v3_desk_expect(struct usm_receiver *receiver, const struct v3_sent *message, const char *reason)
{
    const char *why = v3_desk_open_at(receiver, V3_DESK_NOW, message);

    assert_string_equal(why != NULL ? why : "opened", reason);
}

struct v3_message
v3_desk_head(const struct v3_sent *message)
{
    struct v3_message head;

    assert_int_equal(v3_read((struct sr_span){ message->bytes, message->len }, &head), V3_OK);
    return head;
}

/* Where a part of the message is within it, to be changed. */
uint8_t *
v3_desk_within(struct v3_sent *message, struct sr_span part)
{
    return message->bytes + (part.data - message->bytes);
}

/* Gives the message the MAC that its sender would give it, as far as there is room. */
void
v3_desk_sign(struct v3_sent *message, enum usm_auth auth, const char *password)
{
    struct v3_message head = v3_desk_head(message);
    struct usm_algorithms algorithms;
    struct usm_key key;
    uint8_t mac[EVP_MAX_MD_SIZE];
    size_t len;

    assert_true(usm_algorithms_load(&algorithms));
    assert_true(usm_key_from_password(&algorithms, auth, span_of(password), &key));
    assert_true(usm_key_localize(&algorithms, auth, &key, head.engine_id, &key));
    memset(v3_desk_within(message, head.mac), 0, head.mac.len);
    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, EVP_MD_get0_name(algorithms.digests[auth]), NULL,
        key.bytes, key.len, message->bytes, message->len, mac, sizeof(mac), &len));
    memcpy(v3_desk_within(message, head.mac), mac, head.mac.len);
    usm_algorithms_free(&algorithms);
}

/* Where the PDU of a message in clear is. */
size_t
v3_desk_pdu_at(const struct v3_sent *message)
{
    struct sr_span engine_id, name, pdu;

    assert_true(v3_scoped_read(v3_desk_head(message).scoped, &engine_id, &name, &pdu));
    return (size_t)(pdu.data - message->bytes);
}
