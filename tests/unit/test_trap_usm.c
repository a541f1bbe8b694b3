/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of v3 against libnetsnmp's decode of them, and what becomes of them when changed. */
#include "unit.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "decode/datagram.h"
#include "decode/v3.h"
#include "v3_desk.h"

#include "sr/banned.h"

#define OID_ROOM 2048
#define SHA_MAC_LEN 12U

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
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_OFF, 0);
    const struct trap_opener opener = usm_receiver_opener(receiver);
    unsigned opened_count = 0;
    const char *name;
    json_t *item;

    (void)state;
    json_object_foreach(v3_desk.cases, name, item)
    {
        const json_t *decode = json_object_get(item, "netsnmp_5_9_3");
        struct v3_sent message = v3_desk_message(item);
        struct trap_message opened;
        uint8_t room[V3_MESSAGE_ROOM];
        const char *why = opener.open(
            opener.arg, V3_DESK_NOW, (struct sr_span){ message.bytes, message.len }, room, &opened);
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
        { "hm_engine_empty_discovery", "discovery" },
        { "hm_flags_2bytes", "v3_malformed" },
        { "hm_flags_empty", "v3_malformed" },
        { "hm_flags_reserved", "v3_unknown_user" },
        { "hm_maxsize_483", "v3_malformed" },
        { "hm_msgid_neg", "v3_malformed" },
        { "hm_priv_garbage", "v3_auth" },
        { "hm_user_300", "v3_malformed" },
        { "hm_usm_not_seq", "v3_malformed" },
        { "tp_gosnmp_snmpv3HelloRequest", "discovery" },
        { "tp_suri_v3enc_f001", "discovery" },
        { "v3_SHA_AES_badmac", "v3_auth" },
    };
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_STRICT, 0);

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct v3_sent message = v3_desk_named(expected[i].name);
        v3_desk_expect(receiver, &message, expected[i].reason);
    }
    assert_int_equal(usm_receiver_counts(receiver).keys, 0);
    assert_int_equal(usm_receiver_counts(receiver).times.engines, 0);
    usm_receiver_free(receiver);
}

/* ---- As a datagram ---- */

static uint8_t record[TRAP_RECORD_MAX];
static size_t record_len;

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return max <= sizeof(record) ? record : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    (void)records;
    record_len = len;
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    (void)peer;
    (void)now_ns;
    (void)raw;
    *(const char **)arg = reason;
}

static void
an_encrypted_trap_becomes_a_record_and_a_forged_one_a_dead_letter(void **state)
{
    static const char expected[] =
        "{\"source\":\"192.0.2.10:50123\",\"version\":\"V3\",\"community\":\"\","
        "\"varbinds\":[{\"oid\":\"1.3.6.1.2.1.1.3.0\",\"value\":\"TIMETICKS: 12345\"}";
    static const struct sr_peer peer = { .address = { 192, 0, 2, 10 }, .port = 50123 };
    static const struct trap_config config;
    static struct trap_scratch scratch;
    const char *reason = "";
    const struct sr_emit emit = {
        .arg = &reason, .reserve = reserve, .commit = commit, .deadletter = deadletter
    };
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_STRICT, 0);
    const struct trap_opener opener = usm_receiver_opener(receiver);
    struct v3_sent message = v3_desk.sha_aes192;
    const struct sr_span bytes = { message.bytes, message.len };

    (void)state;
    assert_int_equal(
        sr_trap_datagram(&config, &opener, &scratch, V3_DESK_NOW, &peer, bytes, &emit), SR_DECODED);
    assert_in_range(record_len, sizeof(expected), sizeof(record));
    assert_memory_equal(record, expected, sizeof(expected) - 1);
    message.bytes[message.len - 1] ^= 1;
    assert_int_equal(sr_trap_datagram(&config, &opener, &scratch, V3_DESK_NOW, &peer, bytes, &emit),
        SR_DEADLETTER);
    assert_string_equal(reason, "v3_auth");
    usm_receiver_free(receiver);
}

/* ---- Changed messages ---- */

static void
no_prefix_of_a_message_is_opened_or_read_past_its_end(void **state)
{
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_OFF, 0);
    const char *name;
    json_t *item;

    (void)state;
    json_object_foreach(v3_desk.cases, name, item)
    {
        struct v3_sent message = v3_desk_message(item);
        while (message.len > 0) {
            message.len--;
            assert_non_null(v3_desk_open_at(receiver, V3_DESK_NOW, &message));
        }
    }
    usm_receiver_free(receiver);
}

static void
no_byte_of_an_authentic_message_can_be_changed(void **state)
{
    static const char *const names[] = { "v3_MD5_noPriv", "v3_SHA_noPriv", "v3_SHA-224_noPriv",
        "v3_SHA-384_AES-256", "v3_MD5_DES", "v3_SHA-256_AES-256-C" };
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_OFF, 0);

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct v3_sent message = v3_desk_named(names[i]);
        v3_desk_expect(receiver, &message, "opened");
        for (size_t at = 0; at < message.len; at++) {
            message.bytes[at] ^= 0xff;
            assert_non_null(v3_desk_open_at(receiver, V3_DESK_NOW, &message));
            message.bytes[at] ^= 0xfe;
            assert_non_null(v3_desk_open_at(receiver, V3_DESK_NOW, &message));
            message.bytes[at] ^= 1;
        }
        v3_desk_expect(receiver, &message, "opened");
    }
    assert_int_equal(usm_receiver_counts(receiver).keys, sizeof(names) / sizeof(names[0]));
    usm_receiver_free(receiver);
}

/* ---- Parts of other lengths ---- */

static void
put(struct v3_sent *message, uint8_t type, const char *content, size_t len)
{
    message->bytes[message->len] = type;
    message->bytes[message->len + 1] = (uint8_t)len;
    memcpy(message->bytes + message->len + 2, content, len);
    message->len += 2 + len;
}

/* A message in which the parts that the algorithms look at have these lengths. */
static struct v3_sent
message_with(const char *user, const char *flags, size_t mac, size_t salt, size_t scoped)
{
    static const char zeros[64];
    struct v3_sent usm = { .len = 0 }, parameters = usm, head = usm, inner = usm, message = usm;

    put(&usm, BER_OCTET_STRING, "\x80\0\0\0\1", 5);
    put(&usm, BER_INTEGER, "\1", 1);
    put(&usm, BER_INTEGER, "\1", 1);
    put(&usm, BER_OCTET_STRING, user, strlen(user));
    put(&usm, BER_OCTET_STRING, zeros, mac);
    put(&usm, BER_OCTET_STRING, zeros, salt);
    put(&parameters, BER_SEQUENCE, (const char *)usm.bytes, usm.len);
    put(&head, BER_INTEGER, "\1", 1);
    put(&head, BER_INTEGER, "\5\xdc", 2);
    put(&head, BER_OCTET_STRING, flags, 1);
    put(&head, BER_INTEGER, "\3", 1);
    put(&inner, BER_INTEGER, "\3", 1);
    put(&inner, BER_SEQUENCE, (const char *)head.bytes, head.len);
    put(&inner, BER_OCTET_STRING, (const char *)parameters.bytes, parameters.len);
    put(&inner, BER_OCTET_STRING, zeros, scoped);
    put(&message, BER_SEQUENCE, (const char *)inner.bytes, inner.len);
    assert_in_range(message.len, 1, 127 + 2); /* lengths of one byte */
    return message;
}

static void
a_mac_of_another_length_than_the_algorithm_s_is_wrong(void **state)
{
    static const size_t lengths[] = { 0, 1, 11, 13, 20 };
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_STRICT, 0);

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct v3_sent message = message_with("u_sha_nopriv", "\1", lengths[i], 0, 8);
        v3_desk_sign(&message, USM_AUTH_SHA, "authpass12345");
        if (lengths[i] > SHA_MAC_LEN) { /* right as far as the algorithm's goes */
            struct sr_span mac = v3_desk_head(&message).mac;
            memset(v3_desk_within(&message, mac) + SHA_MAC_LEN, 0, mac.len - SHA_MAC_LEN);
        }
        v3_desk_expect(receiver, &message, "v3_auth");
    }
    struct v3_sent message = message_with("u_sha512_nopriv", "\1", 0, 0, 0);
    v3_desk_expect(receiver, &message, "v3_auth"); /* less than a MAC is left behind it */
    usm_receiver_free(receiver);
}

static void
what_cannot_have_been_encrypted_is_not_decrypted(void **state)
{
    static const struct {
        const char *user;
        enum usm_auth auth;
        size_t salt, scoped;
    } wrong[] = {
        { "u_md5_des", USM_AUTH_MD5, 8, 9 }, /* not whole blocks */
        { "u_md5_des", USM_AUTH_MD5, 8, 0 }, { "u_md5_des", USM_AUTH_MD5, 0, 0 },
        { "u_md5_des", USM_AUTH_MD5, 7, 8 }, { "u_sha_aes", USM_AUTH_SHA, 0, 1 },
        { "u_sha_aes", USM_AUTH_SHA, 9, 8 }, { "u_sha_aes", USM_AUTH_SHA, 8, 8 }, /* noise */
    };
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_STRICT, 0);

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct v3_sent message =
            message_with(wrong[i].user, "\3", 12, wrong[i].salt, wrong[i].scoped);
        v3_desk_expect(receiver, &message, "v3_auth");
        v3_desk_sign(&message, wrong[i].auth, "authpass12345");
        v3_desk_expect(receiver, &message, "v3_decrypt");
    }
    usm_receiver_free(receiver);
}

static void
an_authentic_message_that_holds_no_pdu_says_what_it_lacks(void **state)
{
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_STRICT, 0);
    struct v3_sent message = message_with("u_sha_nopriv", "\1", 12, 0, 8);

    (void)state;
    v3_desk_sign(&message, USM_AUTH_SHA, "authpass12345");
    v3_desk_expect(receiver, &message, "v3_malformed");
    message = v3_desk.sha;
    *v3_desk_within(&message, (struct sr_span){ v3_desk_head(&message).scoped.data, 1 }) ^= 1;
    v3_desk_sign(&message, USM_AUTH_SHA, "authpass12345");
    v3_desk_expect(receiver, &message, "v3_malformed");
    message = v3_desk.sha;
    message.bytes[v3_desk_pdu_at(&message)] = 0xaf;
    v3_desk_sign(&message, USM_AUTH_SHA, "authpass12345");
    v3_desk_expect(receiver, &message, "unknown_pdu");
    usm_receiver_free(receiver);
}

/* ---- Bounds ---- */

static void
set_engine(struct v3_sent *message, uint32_t number)
{
    struct v3_message head = v3_desk_head(message);

    assert_true(head.engine_id.len > sizeof(number));
    memcpy(v3_desk_within(message, head.engine_id) + 1, &number, sizeof(number));
}

static void
hostile_engines_and_users_leave_no_trace(void **state)
{
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_STRICT, 2);
    struct v3_sent message = v3_desk.sha;

    (void)state;
    v3_desk_expect(receiver, &v3_desk.sha, "opened");
    for (uint32_t i = 0; i < 100000; i++) {
        set_engine(&message, i);
        v3_desk_expect(receiver, &message, "v3_auth");
    }
    message = v3_desk.sha;
    v3_desk_within(&message, v3_desk_head(&message).user)[0] = 'v';
    v3_desk_expect(receiver, &message, "v3_unknown_user");
    struct usm_receiver_counts counts = usm_receiver_counts(receiver);
    assert_int_equal(counts.keys, 1);
    assert_int_equal(counts.keys_evicted, 0);
    assert_int_equal(counts.times.engines, 1);
    v3_desk_expect(receiver, &v3_desk.sha, "opened");
    usm_receiver_free(receiver);
}

static void
keys_beyond_the_maximum_replace_those_that_were_not_used_the_longest(void **state)
{
    enum { ROOM = 4, ALL = 40 };
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_STRICT, ROOM);
    struct v3_sent message = v3_desk.sha;

    (void)state;
    for (uint32_t i = 0; i < ALL; i++) {
        set_engine(&message, i);
        v3_desk_sign(&message, USM_AUTH_SHA, "authpass12345");
        v3_desk_expect(receiver, &message, "opened");
        v3_desk_expect(receiver, &message, "opened");
        v3_desk_expect(
            receiver, &v3_desk.md5_des, "opened"); /* whose keys stay, since they are used */
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
        cmocka_unit_test(an_encrypted_trap_becomes_a_record_and_a_forged_one_a_dead_letter),
        cmocka_unit_test(no_prefix_of_a_message_is_opened_or_read_past_its_end),
        cmocka_unit_test(no_byte_of_an_authentic_message_can_be_changed),
        cmocka_unit_test(a_mac_of_another_length_than_the_algorithm_s_is_wrong),
        cmocka_unit_test(what_cannot_have_been_encrypted_is_not_decrypted),
        cmocka_unit_test(an_authentic_message_that_holds_no_pdu_says_what_it_lacks),
        cmocka_unit_test(hostile_engines_and_users_leave_no_trace),
        cmocka_unit_test(keys_beyond_the_maximum_replace_those_that_were_not_used_the_longest),
    };

    return cmocka_run_group_tests(tests, v3_desk_begin, v3_desk_end);
}
