/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of v3 from others (tests/golden/snmp, with what libnetsnmp decodes of them), and what
 * becomes of them when somebody changes them.
 */
#include "unit.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "decode/v3.h"
#include "usm.h"
#include "usm_key.h"

#include "sr/banned.h"

#define CASES SR_SOURCE_DIR "/tests/golden/snmp/cases.jsonl"
#define LINE_ROOM (1 << 20)
#define OID_ROOM 2048
#define MESSAGE_ROOM 1024
#define SECOND UINT64_C(1000000000)

static const uint64_t now_ns = UINT64_C(1795348800) * SECOND;

/* Who sent the messages. */
static const struct sender {
    const char *name;
    enum usm_auth auth;
    enum usm_priv priv;
    const char *auth_password, *priv_password;
} senders[] = {
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

/* One message, and a room for changing it. */
struct message {
    uint8_t bytes[MESSAGE_ROOM];
    size_t len;
};

static json_t *cases; /* those of v3, by name */
static struct usm_users *everybody;
static struct message noauth, sha, sha_aes192, md5_des; /* of those names */

/* ---- Reading them ---- */

static struct message
message_of(const json_t *item)
{
    const char *hex = json_string_value(json_object_get(item, "hex"));
    struct message message = { .len = strlen(hex) / 2 };

    assert_in_range(message.len, 1, sizeof(message.bytes));
    for (size_t i = 0; i < message.len; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        message.bytes[i] = (uint8_t)byte;
    }
    return message;
}

static bool
is_v3(const json_t *item)
{
    const char *hex = json_string_value(json_object_get(item, "hex"));

    for (size_t at = 4; at <= 8; at += 2) { /* behind a length of 1 to 3 bytes */
        if (strncmp(hex + at, "020103", 6) == 0) {
            return strlen(hex) <= 2 * MESSAGE_ROOM;
        }
    }
    return false;
}

static struct message
named(const char *name)
{
    const json_t *item = json_object_get(cases, name);

    assert_non_null(item);
    return message_of(item);
}

static enum usm_err
add(struct usm_users *users, const struct sender *sender, enum usm_minimum minimum)
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
    cases = json_object();
    while (fgets(line, LINE_ROOM, file) != NULL) {
        json_t *item = json_loads(line, 0, NULL);
        assert_non_null(item);
        if (is_v3(item)) {
            const char *name = json_string_value(json_object_get(item, "name"));
            assert_int_equal(json_object_set(cases, name, item), 0);
        }
        json_decref(item);
    }
    free(line);
    (void)fclose(file);
}

static int
begin(void **state)
{
    (void)state;
    load_cases();
    noauth = named("v3_noAuthNoPriv");
    sha = named("v3_SHA_noPriv");
    sha_aes192 = named("v3_SHA_AES-192");
    md5_des = named("v3_MD5_DES");
    everybody = usm_users_new();
    assert_non_null(everybody);
    for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
        assert_int_equal(add(everybody, &senders[i], USM_MINIMUM_STRONGEST), USM_OK);
    }
    return 0;
}

static int
end(void **state)
{
    (void)state;
    usm_users_free(everybody);
    json_decref(cases);
    return 0;
}

/* ---- Opening them ---- */

static struct usm_receiver *
receiver_of(const struct usm_users *users, enum usm_time_policy time, uint32_t keys)
{
    const struct usm_receiver_options options = { .time = time, .keys = keys };
    struct usm_receiver *receiver = usm_receiver_new(users, &options);

    assert_non_null(receiver);
    return receiver;
}

/* From memory that has no byte more than the message, and into such memory. */
static const char *
open_at(struct usm_receiver *receiver, uint64_t when, const struct message *message)
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
    return why;
}

static void
expect(struct usm_receiver *receiver, const struct message *message, const char *reason)
{
    const char *why = open_at(receiver, now_ns, message);

    assert_string_equal(why != NULL ? why : "opened", reason);
}

static struct v3_message
head_of(const struct message *message)
{
    struct v3_message head;

    assert_int_equal(v3_read((struct sr_span){ message->bytes, message->len }, &head), V3_OK);
    return head;
}

/* Where a part of the message is within it, to be changed. */
static uint8_t *
within(struct message *message, struct sr_span part)
{
    return message->bytes + (part.data - message->bytes);
}

/* Gives the message the MAC that its sender, whose hash is SHA, would give it. */
static void
sign(struct message *message, const char *password)
{
    struct v3_message head = head_of(message);
    struct usm_algorithms algorithms;
    struct usm_key key;
    uint8_t mac[EVP_MAX_MD_SIZE];
    size_t len;

    assert_true(usm_algorithms_load(&algorithms));
    assert_true(usm_key_from_password(&algorithms, USM_AUTH_SHA, span_of(password), &key));
    assert_true(usm_key_localize(&algorithms, USM_AUTH_SHA, &key, head.engine_id, &key));
    memset(within(message, head.mac), 0, head.mac.len);
    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA1", NULL, key.bytes, key.len, message->bytes,
        message->len, mac, sizeof(mac), &len));
    memcpy(within(message, head.mac), mac, head.mac.len);
    usm_algorithms_free(&algorithms);
}

static void
set_engine(struct message *message, uint32_t number)
{
    struct v3_message head = head_of(message);

    assert_true(head.engine_id.len > sizeof(number));
    memcpy(within(message, head.engine_id) + 1, &number, sizeof(number));
}

/* ---- Against libnetsnmp ---- */

static void
expect_hex(struct sr_span bytes, const json_t *expected)
{
    const char *hex = json_string_value(expected);

    assert_non_null(hex);
    assert_int_equal(bytes.len, strlen(hex) / 2);
    for (size_t i = 0; i < bytes.len; i++) {
        char text[3];
        (void)snprintf(text, sizeof(text), "%02x", bytes.data[i]);
        assert_memory_equal(text, hex + 2 * i, 2);
    }
}

static void
expect_name(struct sr_span name, const json_t *expected)
{
    uint32_t arcs[BER_SUB_IDS_MAX];
    unsigned count;
    char text[OID_ROOM] = "";
    size_t len = 0;

    assert_true(ber_arcs(name, arcs, &count));
    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(
            text + len, sizeof(text) - len, "%s%" PRIu32, i > 0 ? "." : "", arcs[i]);
    }
    assert_string_equal(text, json_string_value(expected));
}

static json_int_t
number_of(const json_t *decode, const char *key)
{
    return json_integer_value(json_object_get(decode, key));
}

static void
expect_decode(const struct trap_message *opened, const json_t *decode)
{
    static const enum trap_level levels[] = {
        [1] = TRAP_NO_AUTH, [2] = TRAP_AUTH, [3] = TRAP_PRIV
    };
    const json_t *varbinds = json_object_get(decode, "varbinds");
    struct sr_span left = opened->varbinds;
    struct trap_varbind varbind;
    size_t i = 0;

    assert_int_equal(opened->version, TRAP_V3);
    assert_int_equal(opened->pdu, number_of(decode, "cmd"));
    assert_int_equal(opened->request_id, number_of(decode, "reqid"));
    assert_int_equal(opened->level, levels[number_of(decode, "seclevel")]);
    const char *user = json_string_value(json_object_get(decode, "secname"));
    assert_int_equal(opened->user.len, strlen(user));
    assert_memory_equal(opened->user.data, user, strlen(user));
    expect_hex(opened->engine_id, json_object_get(decode, "secengine"));
    expect_hex(opened->context_engine_id, json_object_get(decode, "ctxengine"));
    expect_hex(opened->context_name, json_object_get(decode, "ctxname_hex"));
    for (; trap_varbind_next(&left, &varbind); i++) {
        const json_t *expected = json_array_get(varbinds, i);
        expect_name(varbind.name, json_object_get(expected, "oid"));
        assert_int_equal(varbind.type, number_of(expected, "tag"));
        if (varbind.type == BER_INTEGER) {
            int64_t number;
            assert_true(ber_signed(varbind.value, &number));
            char text[24];
            (void)snprintf(text, sizeof(text), "%" PRId64, number);
            assert_string_equal(text, json_string_value(json_object_get(expected, "v")));
        }
    }
    assert_int_equal(i, json_array_size(varbinds));
}

static void
every_message_that_libnetsnmp_accepts_is_opened_as_it_does(void **state)
{
    struct usm_receiver *receiver = receiver_of(everybody, USM_TIME_OFF, 0);
    const struct trap_opener opener = usm_receiver_opener(receiver);
    unsigned opened_count = 0;
    const char *name;
    json_t *item;

    (void)state;
    json_object_foreach(cases, name, item)
    {
        const json_t *decode = json_object_get(item, "netsnmp_5_9_3");
        struct message message = message_of(item);
        struct trap_message opened;
        uint8_t room[MESSAGE_ROOM];
        const char *why = opener.open(
            opener.arg, now_ns, (struct sr_span){ message.bytes, message.len }, room, &opened);
        if (number_of(decode, "rc") != 0) {
            assert_non_null(why);
            continue;
        }
        if (why != NULL) {
            fail_msg("%s: %s", name, why);
        }
        expect_decode(&opened, decode);
        opened_count++;
    }
    assert_in_range(opened_count, 15, 100);
    usm_receiver_free(receiver);
}

/* What becomes of those that libnetsnmp refuses, and of one that it should. */
static void
every_message_that_is_refused_is_refused_for_its_reason(void **state)
{
    static const struct {
        const char *name, *reason;
    } expected[] = {
        { "hm_boots_max", "v3_unknown_user" },
        { "hm_boots_neg", "v3_malformed" },
        { "hm_engine_33", "v3_malformed" },
        { "hm_engine_4", "v3_unknown_user" },
        { "hm_engine_64", "v3_malformed" },
        { "hm_engine_empty_discovery", "v3_unknown_engine" },
        { "hm_flags_2bytes", "v3_malformed" },
        { "hm_flags_empty", "v3_malformed" },
        { "hm_flags_reserved", "v3_unknown_user" },
        { "hm_maxsize_483", "v3_malformed" },
        { "hm_msgid_neg", "v3_malformed" },
        { "hm_priv_garbage", "v3_auth" },
        { "hm_user_300", "v3_malformed" },
        { "hm_usm_not_seq", "v3_malformed" },
        { "tp_gosnmp_snmpv3HelloRequest", "v3_unknown_engine" },
        { "tp_suri_v3enc_f001", "v3_unknown_engine" },
        { "v3_SHA_AES_badmac", "v3_auth" },
    };
    struct usm_receiver *receiver = receiver_of(everybody, USM_TIME_STRICT, 0);

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct message message = named(expected[i].name);
        expect(receiver, &message, expected[i].reason);
    }
    assert_int_equal(usm_receiver_counts(receiver).keys, 0);
    assert_int_equal(usm_receiver_counts(receiver).times.engines, 0);
    usm_receiver_free(receiver);
}

/* ---- Changed messages ---- */

static void
no_prefix_of_a_message_is_opened_or_read_past_its_end(void **state)
{
    struct usm_receiver *receiver = receiver_of(everybody, USM_TIME_OFF, 0);
    const char *name;
    json_t *item;

    (void)state;
    json_object_foreach(cases, name, item)
    {
        struct message message = message_of(item);
        while (message.len > 0) {
            message.len--;
            assert_non_null(open_at(receiver, now_ns, &message));
        }
    }
    usm_receiver_free(receiver);
}

static void
no_byte_of_an_authentic_message_can_be_changed(void **state)
{
    static const char *const names[] = { "v3_MD5_noPriv", "v3_SHA_noPriv", "v3_SHA-224_noPriv",
        "v3_SHA-384_AES-256", "v3_MD5_DES", "v3_SHA-256_AES-256-C" };
    struct usm_receiver *receiver = receiver_of(everybody, USM_TIME_OFF, 0);

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct message message = named(names[i]);
        expect(receiver, &message, "opened");
        for (size_t at = 0; at < message.len; at++) {
            message.bytes[at] ^= 0xff;
            assert_non_null(open_at(receiver, now_ns, &message));
            message.bytes[at] ^= 0xfe;
            assert_non_null(open_at(receiver, now_ns, &message));
            message.bytes[at] ^= 1;
        }
        expect(receiver, &message, "opened");
    }
    assert_int_equal(usm_receiver_counts(receiver).keys, sizeof(names) / sizeof(names[0]));
    usm_receiver_free(receiver);
}

/* ---- Levels ---- */

/* The flags are behind `04 01`, and before the model: `02 01 03`. */
static void
set_flags(struct message *message, uint8_t flags)
{
    for (size_t i = 2; i + 3 < message->len; i++) {
        static const uint8_t model[] = { 2, 1, 3 };
        if (message->bytes[i - 2] == 4 && message->bytes[i - 1] == 1 &&
            memcmp(message->bytes + i + 1, model, sizeof(model)) == 0) {
            message->bytes[i] = flags;
            return;
        }
    }
    fail_msg("no flags");
}

static void
a_message_without_mac_never_passes_for_a_user_with_keys(void **state)
{
    struct usm_receiver *receiver = receiver_of(everybody, USM_TIME_STRICT, 0);
    struct message message = sha;

    (void)state;
    set_flags(&message, 0);
    expect(receiver, &message, "v3_level");
    expect(receiver, &noauth, "opened");
    usm_receiver_free(receiver);
}

static void
a_message_above_the_keys_of_a_user_is_refused(void **state)
{
    struct usm_receiver *receiver = receiver_of(everybody, USM_TIME_STRICT, 0);
    struct message message = noauth;

    (void)state;
    set_flags(&message, 1);
    expect(receiver, &message, "v3_level");
    usm_receiver_free(receiver);
}

static void
a_message_below_the_minimum_is_refused_unless_the_user_may(void **state)
{
    const struct sender sender = { "u_sha_nopriv", USM_AUTH_SHA, USM_PRIV_AES128, "authpass12345",
        "privpass12345" };
    static const struct {
        enum usm_minimum minimum;
        const char *reason;
    } expected[] = { { USM_MINIMUM_STRONGEST, "v3_level" }, { USM_MINIMUM_PRIV, "v3_level" },
        { USM_MINIMUM_AUTH, "opened" } };

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct usm_users *users = usm_users_new();
        assert_int_equal(add(users, &sender, expected[i].minimum), USM_OK);
        struct usm_receiver *receiver = receiver_of(users, USM_TIME_STRICT, 0);
        expect(receiver, &sha, expected[i].reason);
        usm_receiver_free(receiver);
        usm_users_free(users);
    }
}

/* ---- Users ---- */

static void
users_that_make_no_sense_are_refused(void **state)
{
    static const uint8_t long_id[33];
    const struct sr_span engines[] = { { long_id, 33 }, { long_id, 0 } };
    const struct usm_user_options good = { .name = "a",
        .auth = USM_AUTH_SHA,
        .priv = USM_PRIV_DES,
        .auth_password = "12345678",
        .priv_password = "12345678" };
    struct usm_user_options bad[9];
    static const enum usm_err expected[9] = { USM_ENAME, USM_ENAME, USM_EPRIV, USM_EPASSWORD,
        USM_EPASSWORD, USM_EENGINE, USM_EENGINE, USM_EMINIMUM, USM_EMINIMUM };
    struct usm_users *users = usm_users_new();

    (void)state;
    for (size_t i = 0; i < 9; i++) {
        bad[i] = good;
    }
    bad[0].name = "";
    bad[1].name = "123456789012345678901234567890123";
    bad[2].auth = USM_AUTH_NONE;
    bad[3].auth_password = "1234567";
    bad[4].priv_password = NULL;
    bad[5].engines = &engines[0];
    bad[5].engine_count = 1;
    bad[6].engines = &engines[1];
    bad[6].engine_count = 1;
    bad[7].minimum = USM_MINIMUM_NO_AUTH;
    bad[8].priv = USM_PRIV_NONE;
    bad[8].minimum = USM_MINIMUM_PRIV;
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(usm_users_add(users, &bad[i]), expected[i]);
    }
    assert_int_equal(usm_users_count(users), 0);
    assert_int_equal(usm_users_add(users, &good), USM_OK);
    usm_users_free(users);
}

static void
a_user_is_one_of_its_engines_only(void **state)
{
    static const uint8_t theirs[] = { 0x80, 0, 0x1f, 0x88, 4, 't', 'r', 'a', 'p', 'd', '1' };
    static const uint8_t others[] = { 0x80, 0, 0x1f, 0x88, 4, 't', 'r', 'a', 'p', 'd' };
    const struct sr_span both[] = { { others, sizeof(others) }, { theirs, sizeof(theirs) },
        { others, 1 } };
    struct usm_user_options options = { .name = "u_sha_nopriv",
        .auth = USM_AUTH_SHA,
        .auth_password = "authpass12345",
        .engines = both,
        .engine_count = 1 };

    (void)state;
    for (; options.engine_count <= 3; options.engine_count++) {
        struct usm_users *users = usm_users_new();
        assert_int_equal(usm_users_add(users, &options), USM_OK);
        struct usm_receiver *receiver = receiver_of(users, USM_TIME_STRICT, 0);
        expect(receiver, &sha, options.engine_count == 1 ? "v3_unknown_engine" : "opened");
        usm_receiver_free(receiver);
        usm_users_free(users);
    }
}

static void
users_of_one_name_are_tried_in_turn(void **state)
{
    static const struct sender same[] = {
        { "u_sha_aes192", USM_AUTH_SHA256, USM_PRIV_AES128, "authpass12345", "privpass12345" },
        { "u_sha_aes192", USM_AUTH_SHA, USM_PRIV_AES192, "authpass12346", "privpass12345" },
        { "u_sha_aes192", USM_AUTH_SHA, USM_PRIV_AES192, "authpass12345", "privpass12346" },
        { "u_sha_aes192", USM_AUTH_SHA, USM_PRIV_AES192, "authpass12345", "privpass12345" },
    };
    static const char *const reasons[] = { "v3_auth", "v3_auth", "v3_decrypt", "opened" };
    struct usm_users *users[4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        users[i] = usm_users_new();
        for (size_t j = 0; j <= i; j++) {
            assert_int_equal(add(users[i], &same[j], USM_MINIMUM_STRONGEST), USM_OK);
        }
        struct usm_receiver *receiver = receiver_of(users[i], USM_TIME_STRICT, 0);
        expect(receiver, &sha_aes192, reasons[i]);
        expect(receiver, &sha_aes192, reasons[i]); /* with the keys kept, too */
        usm_receiver_free(receiver);
        usm_users_free(users[i]);
    }
}

static void
other_users_take_over_at_once_and_clocks_stay(void **state)
{
    struct usm_users *nobody = usm_users_new();
    struct usm_receiver *receiver = receiver_of(everybody, USM_TIME_STRICT, 0);

    (void)state;
    expect(receiver, &sha, "opened");
    usm_receiver_set_users(receiver, nobody);
    expect(receiver, &sha, "v3_unknown_user");
    assert_int_equal(usm_receiver_counts(receiver).keys, 0);
    usm_receiver_set_users(receiver, everybody);
    assert_string_equal(open_at(receiver, now_ns + 151 * SECOND, &sha), "v3_time");
    expect(receiver, &sha, "opened");
    usm_receiver_free(receiver);
    usm_users_free(nobody);
}

/* ---- Time ---- */

static void
what_is_sent_again_later_is_refused_under_strict_only(void **state)
{
    static const struct {
        enum usm_time_policy policy;
        bool is_refused;
    } expected[] = { { USM_TIME_STRICT, true }, { USM_TIME_RELEARN, false },
        { USM_TIME_OFF, false } };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct usm_receiver *receiver = receiver_of(everybody, expected[i].policy, 0);
        assert_null(open_at(receiver, now_ns, &sha_aes192));
        assert_null(open_at(receiver, now_ns + 150 * SECOND, &sha_aes192));
        const char *why = open_at(receiver, now_ns + 151 * SECOND, &sha_aes192);
        assert_int_equal(why != NULL, expected[i].is_refused);
        if (why != NULL) {
            assert_string_equal(why, "v3_time");
        }
        usm_receiver_free(receiver);
    }
}

/* The number of boots is behind the engine: `02 01`. */
static void
a_message_with_a_wrong_mac_moves_no_clock(void **state)
{
    struct usm_receiver *receiver = receiver_of(everybody, USM_TIME_STRICT, 0);
    struct message message = sha;
    struct v3_message head = head_of(&message);

    (void)state;
    uint8_t *boots = within(&message, head.engine_id) + head.engine_id.len;
    assert_int_equal(boots[0], BER_INTEGER);
    assert_int_equal(boots[1], 1);
    boots[2] = 0x7f;
    expect(receiver, &sha, "opened");
    expect(receiver, &message, "v3_auth");
    expect(receiver, &sha, "opened");
    sign(&message, "authpass12345");
    expect(receiver, &message, "opened");
    expect(receiver, &sha, "v3_time");
    usm_receiver_free(receiver);
}

/* ---- Bounds ---- */

static void
hostile_engines_and_users_leave_no_trace(void **state)
{
    struct usm_receiver *receiver = receiver_of(everybody, USM_TIME_STRICT, 2);
    struct message message = sha;

    (void)state;
    expect(receiver, &sha, "opened");
    for (uint32_t i = 0; i < 100000; i++) {
        set_engine(&message, i);
        expect(receiver, &message, "v3_auth");
    }
    message = sha;
    within(&message, head_of(&message).user)[0] = 'v';
    expect(receiver, &message, "v3_unknown_user");
    struct usm_receiver_counts counts = usm_receiver_counts(receiver);
    assert_int_equal(counts.keys, 1);
    assert_int_equal(counts.keys_evicted, 0);
    assert_int_equal(counts.times.engines, 1);
    expect(receiver, &sha, "opened");
    usm_receiver_free(receiver);
}

static void
keys_beyond_the_maximum_replace_those_that_were_not_used_the_longest(void **state)
{
    enum { ROOM = 4, ALL = 40 };
    struct usm_receiver *receiver = receiver_of(everybody, USM_TIME_STRICT, ROOM);
    struct message message = sha;

    (void)state;
    for (uint32_t i = 0; i < ALL; i++) {
        set_engine(&message, i);
        sign(&message, "authpass12345");
        expect(receiver, &message, "opened");
        expect(receiver, &message, "opened");
        expect(receiver, &md5_des, "opened"); /* whose keys stay, since they are used */
    }
    struct usm_receiver_counts counts = usm_receiver_counts(receiver);
    assert_int_equal(counts.keys, ROOM);
    assert_int_equal(counts.keys_evicted, ALL + 1 - ROOM);
    assert_int_equal(counts.times.engines, ALL + 1);
    usm_receiver_free(receiver);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_that_libnetsnmp_accepts_is_opened_as_it_does),
        cmocka_unit_test(every_message_that_is_refused_is_refused_for_its_reason),
        cmocka_unit_test(no_prefix_of_a_message_is_opened_or_read_past_its_end),
        cmocka_unit_test(no_byte_of_an_authentic_message_can_be_changed),
        cmocka_unit_test(a_message_without_mac_never_passes_for_a_user_with_keys),
        cmocka_unit_test(a_message_above_the_keys_of_a_user_is_refused),
        cmocka_unit_test(a_message_below_the_minimum_is_refused_unless_the_user_may),
        cmocka_unit_test(users_that_make_no_sense_are_refused),
        cmocka_unit_test(a_user_is_one_of_its_engines_only),
        cmocka_unit_test(users_of_one_name_are_tried_in_turn),
        cmocka_unit_test(other_users_take_over_at_once_and_clocks_stay),
        cmocka_unit_test(what_is_sent_again_later_is_refused_under_strict_only),
        cmocka_unit_test(a_message_with_a_wrong_mac_moves_no_clock),
        cmocka_unit_test(hostile_engines_and_users_leave_no_trace),
        cmocka_unit_test(keys_beyond_the_maximum_replace_those_that_were_not_used_the_longest),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
